/* SPDX-License-Identifier: BSD-2-Clause */
/* work.c - what tasks do with objects through the explicit API; world.h. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "object/vm.h"
#include "sim.h"
#include "work.h"

/* 12 pages: a few in a row. */
#define RUN_PAGES 12

bool
world_next(void)
{
	if (world.ops >= world.ops_most)
		return false;
	if (++world.ops == world.cut_at)
		sim_cut();
	return true;
}

bool
thing_use(struct thing *thing)
{
	if (thing->object == NULL || thing->closing)
		return false;
	thing->users++;
	return true;
}

void
thing_release(struct thing *thing)
{
	thing->users--;
	sim_wake_all(thing);
}

uint64_t
some_page(const struct thing *thing)
{
	uint64_t pages = thing_pages(thing);

	if (pages == 0 || sim_one_in(64))
		return sim_below(THING_PAGES);
	return sim_one_in(2) ? sim_below(pages) :
	    (world.ops + sim_below(RUN_PAGES)) % pages;
}

/* Begins in it, and ends somewhere. */
static void
some_range(const struct thing *thing, uint64_t *offset, uint64_t *length)
{
	*offset = thing->length == 0 || sim_one_in(3) ? 0 :
	    sim_below(thing->length);
	*length = sim_one_in(4) ? VM_LENGTH_ALL :
	    sim_below(RUN_PAGES * PAGE);
}

bool
may_be_cut(const struct thing *thing, uint64_t pindex, unsigned cuts)
{
	return pindex >= thing_pages(thing) || thing->changing ||
	    cuts != thing->cuts;
}

bool
grab(struct thing *thing, uint64_t pindex, unsigned how,
    struct vm_page **page)
{
	uint64_t pages = thing_pages(thing);
	unsigned cuts = thing->cuts;
	int error;

	thing->zeroing[pindex] += (how & VM_GRAB_ZERO) != 0;
	error = vm_page_grab(thing->object, pindex, how, page);
	thing->zeroing[pindex] -= (how & VM_GRAB_ZERO) != 0;
	if (error == 0) {
		thing->touched[pindex] += (how & VM_GRAB_WRITE) != 0;
		return true;
	}
	if (error == -EAGAIN && (how & VM_GRAB_NOWAIT) != 0)
		return false;
	if (error == -ERANGE && (pindex >= pages ||
	    may_be_cut(thing, pindex, cuts)))
		return false;
	if (error == -EACCES && thing->read_only)
		return false;
	world_allow(error);
	return false;
}

static void
read_page(struct thing *thing)
{
	uint64_t at = some_page(thing);
	struct vm_page *page;

	if (!grab(thing, at, VM_GRAB_READ, &page))
		return;
	thing_look(thing, at, page);
	if (sim_one_in(4)) {	/* it stays as it is while it is held */
		sim_yield();
		thing_look(thing, at, page);
	}
	vm_page_release(page);
}

static void
read_run(struct thing *thing)
{
	uint64_t at = some_page(thing), end = at + sim_below(RUN_PAGES);
	struct vm_page *page;

	for (; at < end && at < thing_pages(thing); at++) {
		if (!grab(thing, at, VM_GRAB_READ, &page))
			return;
		thing_look(thing, at, page);
		vm_page_release(page);
	}
}

/*
 * Others may write the same bytes of what they see at any moment: there memory
 * and thing change at one instant, the page being called dirty before.
 * Elsewhere the bytes come first, as they do in most programs.
 */
void
change_bytes(struct thing *thing, struct vm_page *page, uint64_t pindex)
{
	uint32_t part = thing_part(thing, pindex), from, n;
	char *memory = vm_page_data(page);
	char *bytes = thing->bytes + pindex * PAGE;

	if (part == 0 || memory == NULL)
		return;
	from = (uint32_t)sim_below(part);
	n = 1 + (uint32_t)sim_below(part - from);
	if (sim_one_in(2))
		n = 1 + n / 64;
	if (thing->store || thing->mapped)
		vm_page_dirty(page, from, n);
	world_fill(memory + from, n);
	if (!thing->store && !thing->mapped)
		vm_page_dirty(page, from, n);
	/* It was cut meanwhile: those bytes are to go. */
	part = thing_part(thing, pindex);
	if (from >= part)
		return;
	n = n < part - from ? n : part - from;
	memcpy(bytes + from, memory + from, n);
	thing_wrote(thing, pindex * PAGE + from, n, false);
}

static void
write_page(struct thing *thing)
{
	uint64_t at = some_page(thing);
	struct vm_page *page;

	if (!grab(thing, at, VM_GRAB_WRITE, &page))
		return;
	SIM_CHECK(!thing->read_only);
	thing_look(thing, at, page);
	sim_say("changes page %llu", (unsigned long long)at);
	change_bytes(thing, page, at);
	if (sim_one_in(4))
		change_bytes(thing, page, at);
	vm_page_release(page);
}

static void
write_zero(struct thing *thing)
{
	uint64_t at = some_page(thing);
	struct vm_page *page;
	uint32_t part;

	/* A client that writes the page meanwhile would be overwritten, and
	 * nobody could say when. */
	if (thing_seen(thing) ||
	    !grab(thing, at, VM_GRAB_WRITE | VM_GRAB_ZERO, &page))
		return;
	part = thing_part(thing, at);
	if (part != 0) {
		thing->unknown[at] = false;
		memset(thing->bytes + at * PAGE, 0, part);
		thing_wrote(thing, at * PAGE, part, false);
		thing_look(thing, at, page);
		sim_say("zeros page %llu", (unsigned long long)at);
		change_bytes(thing, page, at);
	}
	vm_page_release(page);
}

static void
read_at_once(struct thing *thing)
{
	uint64_t at = some_page(thing);
	struct vm_page *page;

	if (!grab(thing, at, VM_GRAB_NOWAIT, &page))
		return;
	thing_look(thing, at, page);
	vm_page_release(page);
}

static void
sync_range(struct thing *thing)
{
	uint64_t offset, length;

	some_range(thing, &offset, &length);
	sim_say("syncs %llu + %llu", (unsigned long long)offset,
	    (unsigned long long)length);
	(void)thing_sync(thing, offset, length);
}

static void
flush_range(struct thing *thing)
{
	uint64_t offset, length;
	int error;

	some_range(thing, &offset, &length);
	error = vm_object_flush(thing->object, offset, length);
	if (error != 0)
		world_allow(error);
}

static void
prefetch(struct thing *thing)
{
	uint64_t offset, length;
	int error;

	some_range(thing, &offset, &length);
	error = vm_object_prefetch(thing->object, offset, length);
	if (error != 0)
		world_allow(error);
}

static void
forget(struct thing *thing)
{
	SIM_CHECK(vm_object_forget(thing->object) == 0);
}

static void
advise(struct thing *thing)
{
	SIM_CHECK(vm_object_advise(thing->object, (enum vm_advice)
	    sim_below(4)) == 0);
}

static void
hint(struct thing *thing)
{
	static const enum vm_advice advice[] = { VM_ADVICE_WILLNEED,
		VM_ADVICE_COLD, VM_ADVICE_DONTNEED, VM_ADVICE_PAGEOUT };
	uint64_t offset, length;
	int error;

	some_range(thing, &offset, &length);
	error = vm_object_advise_range(thing->object, offset, length,
	    advice[sim_below(4)]);
	if (error != 0)
		world_allow(error);
}

static void
limits(struct thing *thing)
{
	struct vm_object_limits o = VM_OBJECT_LIMITS_INIT;
	int error;

	o.min_pages = sim_below(4);
	o.low_pages = o.min_pages + sim_below(16);
	o.high_pages = sim_below(2) * (o.low_pages + sim_below(16));
	error = vm_object_set_limits(thing->object, &o);
	SIM_CHECK(error == 0 || error == -ENOMEM);
}

static void
policy(struct thing *thing)
{
	const char *name = world_policy();
	int error;

	sim_say("changes the policy to %s", name);
	(void)thing;
	error = vm_set_policy(world.vm, name);
	SIM_CHECK(error == 0 || error == -ENOMEM);
}

static void
own_policy(struct thing *thing)
{
	const char *name = sim_one_in(3) ? NULL : world_policy();
	int error;

	sim_say("thing %u: by the policy %s", thing->number, name == NULL ?
	    "of the system" : name);
	error = vm_object_set_policy(thing->object, name);
	SIM_CHECK(error == 0 || error == -ENOMEM || error == -ENOSPC);
}

/* Placeholders have no frames: no more of them are resident than were made. */
static void
look(struct thing *thing)
{
	struct vm_object_stat stat;

	vm_object_stat(thing->object, &stat);
	SIM_CHECK(thing->device || stat.resident_pages <=
	    world.limit_pages + world.vm->frames.fictitious.made);
}

/* Wired pages stay: what was read once is there at once. */
static void
check_wired(struct thing *thing, uint64_t first, uint64_t count)
{
	for (unsigned turns = 0; turns < 4; turns++) {
		uint64_t at = first + sim_below(count);
		struct vm_page *page;

		read_page(thing);
		if (!grab(thing, at, VM_GRAB_READ, &page))
			sim_fail("a wired page is not to be had");
		thing_look(thing, at, page);
		vm_page_release(page);
	}
}

static void
wire(struct thing *thing)
{
	uint64_t first = some_page(thing), count = 1 + sim_below(3);
	int error;

	if (thing->changing || thing->moves != 0 || thing->device ||
	    first + count > thing_pages(thing) ||
	    (world.wired + count) * WIRED_SHARE > world.limit_low)
		return;
	thing->wires++;
	world.wires = true;
	world.wired += (uint32_t)count;
	error = vm_object_wire(thing->object, first * PAGE, count * PAGE);
	if (error == 0) {
		check_wired(thing, first, count);
		SIM_CHECK(vm_object_unwire(thing->object, first * PAGE,
		    count * PAGE) == 0);
	} else if (error != -EBUSY || !world.lends)
		world_allow(error);
	world.wired -= (uint32_t)count;
	thing->wires--;
}

/* -- behind the object's back -- */

static void
shorten(struct thing *thing, uint64_t length)
{
	uint64_t old = thing->length, last = length / PAGE;
	int error;

	thing->cuts++;
	thing->length = length;
	thing->zeroing[last]++;	/* behind its new end */
	error = vm_object_resize(thing->object, length);
	while (error != 0) {	/* half done: nothing else can follow */
		world_allow(error);
		error = vm_object_resize(thing->object, length);
	}
	while (thing->file && machine_ftruncate(thing->custom ? thing->own.fd :
	    thing->fd, length) != 0)
		continue;
	SIM_CHECK(old >= length);
	thing_cut(thing, length);
	thing->zeroing[last]--;
}

static void
lengthen(struct thing *thing, uint64_t length)
{
	int error;

	if (thing->file && machine_ftruncate(thing->custom ? thing->own.fd :
	    thing->fd, length) != 0)
		return;
	while ((error = vm_object_resize(thing->object, length)) != 0)
		world_allow(error);
	thing_grow(thing, length);
}

static void
resize(struct thing *thing)
{
	uint64_t length = sim_below(THING_BYTES);

	if (thing->changing || thing->wires != 0 || thing->read_only ||
	    thing->device)
		return;
	if (sim_one_in(2))
		length = (thing->length + sim_below(3 * PAGE)) % THING_BYTES;
	sim_say("%llu bytes instead of %llu", (unsigned long long)length,
	    (unsigned long long)thing->length);
	thing->changing = true;
	if (length < thing->length)
		shorten(thing, length);
	else
		lengthen(thing, length);
	SIM_CHECK(vm_object_length(thing->object) == thing->length);
	thing->changing = false;
}

/* Some of the bytes arrive in the file, and from then on are the thing's. */
static uint64_t
write_file(struct thing *thing, uint64_t offset, const char *from,
    uint64_t length)
{
	ssize_t put = machine_pwrite(thing->fd, from, length, offset);
	uint64_t n = put < 0 ? 0 : (uint64_t)put;

	memcpy(thing->bytes + offset, from, n);
	thing_note_file(thing, offset, n);
	thing_wrote(thing, offset, n, true);
	return n;
}

/* A page that could not be read again would be stale, as it says: without
 * faults, then. */
static void
end_write(struct thing *thing, uint64_t offset, uint64_t length,
    uint64_t done)
{
	machine.calm++;
	SIM_CHECK(vm_object_write_end(thing->object, offset, length, done) ==
	    0);
	machine.calm--;
}

static void
write_past(struct thing *thing)
{
	char bytes[4 * PAGE];
	uint64_t offset, length;
	int error;

	if (thing->changing || !thing->file || thing->custom ||
	    thing->length == 0)
		return;
	offset = sim_below(thing->length);
	length = 1 + sim_below(sizeof(bytes));
	if (length > thing->length - offset)
		length = thing->length - offset;
	thing->changing = true;
	error = vm_object_write_begin(thing->object, offset, length);
	if (error == 0) {
		thing->change_from = offset;
		thing->change_end = offset + length;
		world_fill(bytes, length);
		sim_say("writes %llu + %llu", (unsigned long long)offset,
		    (unsigned long long)length);
		end_write(thing, offset, length, write_file(thing, offset,
		    bytes, length));
		thing->change_from = thing->change_end = 0;
	} else
		world_allow(error);
	thing->changing = false;
}

/* Somebody else's fsync of the file. */
static void
sync_file(struct thing *thing)
{
	if (thing->changing || !thing->file || thing->custom)
		return;
	thing->changing = true;
	/* After one that failed the next one says nothing of its bytes. */
	if (machine_fsync(thing->fd) == 0 && thing->disk->errors == 0)
		thing_adopt(thing);
	thing->changing = false;
}

static void
reopen(struct thing *thing)
{
	if (thing->mappings != 0 || thing->closing)
		return;
	thing->closing = true;
	while (thing->users > 1)
		(void)sim_wait(thing, "the others", SIM_FOREVER);
	if (thing->mappings == 0 && thing_close(thing) == 0)
		while (thing_open(thing) != 0)
			continue;
	thing->closing = false;
}

/* -- one after the other -- */

static const struct {
	const char *name;
	void (*run)(struct thing *thing);
	unsigned usual;		/* weight */
} operations[] = {
	{ "read_page", read_page, 20 },
	{ "read_run", read_run, 6 },
	{ "write_page", write_page, 20 },
	{ "write_zero", write_zero, 4 },
	{ "read_at_once", read_at_once, 3 },
	{ "grab_two", grab_two, 4 },
	{ "grab_async", grab_async, 4 },
	{ "grab_several", grab_several, 4 },
	{ "sync_range", sync_range, 4 },
	{ "flush_range", flush_range, 3 },
	{ "prefetch", prefetch, 3 },
	{ "forget", forget, 1 },
	{ "advise", advise, 1 },
	{ "hint", hint, 2 },
	{ "limits", limits, 1 },
	{ "policy", policy, 1 },
	{ "own_policy", own_policy, 1 },
	{ "look", look, 1 },
	{ "wire", wire, 3 },
	{ "resize", resize, 2 },
	{ "write_past", write_past, 3 },
	{ "sync_file", sync_file, 1 },
	{ "reopen", reopen, 1 },
	{ "alloc_at", alloc_at, 3 },
	{ "replace", replace, 2 },
	{ "move_page", move_page, 2 },
	{ "rename_page", rename_page, 2 },
	{ "free_page", free_page, 2 },
	{ "placeholder", placeholder, 1 },
	{ "hold_frame", hold_frame, 3 },
	{ "wire_page", wire_page, 2 },
	{ "order_page", order_page, 3 },
	{ "give_up", give_up, 2 },
	{ "write_part", write_part, 6 },
	{ "invalidate", invalidate, 1 },
	{ "set_limit", set_limit, 1 },
	{ "use_frames", use_frames, 2 },
	{ "use_memory", use_memory, 2 },
	{ "use_cache", use_cache, 3 },
	{ "use_region", use_region, 2 },
	{ "reclaim", reclaim, 1 },
	{ "lend", lend, 3 },
};

void
work_draw(void)
{
	for (unsigned i = 0; i < VM_COUNT(operations); i++)
		world.weight[i] = sim_one_in(4) ? 0 :
		    operations[i].usual * (1 + (unsigned)sim_below(8));
	world.weight[0]++;	/* at least one of them is done */
}

static unsigned
some_operation(void)
{
	uint64_t sum = 0, at;
	unsigned i;

	for (i = 0; i < VM_COUNT(operations); i++)
		sum += world.weight[i];
	at = sim_below(sum);
	for (i = 0; at >= world.weight[i]; i++)
		at -= world.weight[i];
	return i;
}

void
work(void *arg)
{
	(void)arg;
	while (world_next()) {
		struct thing *thing = &world.thing[sim_below(world.things)];
		unsigned operation = some_operation();

		if (!thing_use(thing)) {
			sim_yield();
			continue;
		}
		sim_say("%s thing %u", operations[operation].name,
		    thing->number);
		operations[operation].run(thing);
		thing_release(thing);
	}
}
