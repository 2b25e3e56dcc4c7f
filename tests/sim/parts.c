/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * parts.c - pages that are valid in part, and several pages at once; work.h.
 *
 * What of a page is not valid is what the pager has, and that is what the
 * thing's bytes are there: whoever takes validity away changes them back.
 */
#include <errno.h>
#include <string.h>

#include "sim.h"
#include "work.h"

/* 3 pages at once: of 16, with those that others hold. */
#define SEVERAL 3

static bool
is_there(const struct vm_page *page, uint32_t block)
{
	return ((vm_page_valid(page) | vm_page_dirty_bits(page)) >> block &
	    1) != 0;
}

/* Blocks that are there have the thing's bytes. */
static void
look_at_parts(const struct thing *thing, struct vm_page *page,
    uint64_t pindex)
{
	const char *memory = vm_page_data(page);
	const char *bytes = thing->bytes + pindex * PAGE;
	uint32_t part = thing_part(thing, pindex);

	for (uint32_t at = 0; at < part; at++)
		if (memory[at] != bytes[at] && is_there(page, at / SECTOR))
			sim_fail("thing %u: page %llu has %02x at %u, not "
			    "%02x, in a valid block", thing->number,
			    (unsigned long long)pindex, memory[at] & 0xff, at,
			    bytes[at] & 0xff);
}

/* In one block that was not there: zeros around what was written. */
static void
look_around(const char *memory, uint32_t block, uint32_t from, uint32_t end)
{
	for (uint32_t at = block * SECTOR; at < (block + 1) * SECTOR; at++)
		if ((at < from || at >= end) && memory[at] != 0)
			sim_fail("beside the bytes from %u to %u there is "
			    "%02x at %u", from, end, memory[at] & 0xff, at);
}

/* Blocks [first, end) of the page's memory are the thing's. */
static void
take_blocks(struct thing *thing, const char *memory, uint64_t pindex,
    uint32_t first, uint32_t end)
{
	uint32_t part = thing_part(thing, pindex), from = first * SECTOR;
	uint32_t to = end * SECTOR < part ? end * SECTOR : part;

	if (from >= to)
		return;
	memcpy(thing->bytes + pindex * PAGE + from, memory + from, to - from);
	thing_wrote(thing, pindex * PAGE + from, to - from, false);
}

static void
write_blocks(struct thing *thing, struct vm_page *page, uint64_t pindex)
{
	uint32_t part = thing_part(thing, pindex), from, end, first, last;
	char *memory = vm_page_data(page);
	uint32_t before = 0;

	if (part == 0)
		return;
	from = (uint32_t)sim_below(part);
	end = from + 1 + (uint32_t)sim_below(part - from < 3 * SECTOR ?
	    part - from : 3 * SECTOR);
	first = from / SECTOR;
	last = (end - 1) / SECTOR;
	for (uint32_t i = first; i <= last; i++)
		before |= (uint32_t)is_there(page, i) << i;
	world_fill(memory + from, end - from);
	SIM_CHECK(vm_page_set_dirty(page, from, end - from) == 0);
	for (uint32_t i = first; i <= last; i++)
		if ((before >> i & 1) == 0)
			look_around(memory, i, from, end);
	take_blocks(thing, memory, pindex, first, last + 1);
}

/* What the pager has there is brought by us. */
static void
bring_blocks(const struct thing *thing, struct vm_page *page,
    uint64_t pindex)
{
	uint32_t block = (uint32_t)sim_below(PAGE_SECTORS);
	uint64_t at = pindex * PAGE + block * SECTOR;
	char *memory = vm_page_data(page);

	if (is_there(page, block) || at + SECTOR > thing->length)
		return;
	memcpy(memory + block * SECTOR, thing->bytes + at, SECTOR);
	SIM_CHECK(vm_page_set_valid(page, block * SECTOR, SECTOR) == 0);
}

void
write_part(struct thing *thing)
{
	uint64_t at = some_page(thing);
	struct vm_page *page;

	if (thing->store || thing->mapped || thing->device ||
	    !grab(thing, at, VM_GRAB_WRITE |
	    VM_GRAB_NOREAD, &page))
		return;
	sim_say("writes parts of page %llu", (unsigned long long)at);
	if (!thing->unknown[at] && !thing->changing) {
		look_at_parts(thing, page, at);
		write_blocks(thing, page, at);
		bring_blocks(thing, page, at);
		if (sim_one_in(3))
			write_blocks(thing, page, at);
		look_at_parts(thing, page, at);
	}
	vm_page_release(page);
}

void
invalidate(struct thing *thing)
{
	uint32_t first = (uint32_t)sim_below(PAGE_SECTORS);
	uint32_t count = 1 + (uint32_t)sim_below(PAGE_SECTORS - first);
	uint64_t at = some_page(thing);
	struct vm_page *page;

	if (thing->store || thing->mapped || !thing->file ||
	    !grab(thing, at, VM_GRAB_WRITE,
	    &page))
		return;
	/* A wired page would be read once more, which may fail. */
	if (!thing->changing && !thing->unknown[at] && thing->wires == 0) {
		SIM_CHECK(vm_page_set_invalid(page, first * SECTOR,
		    count * SECTOR) == 0);
		thing_revert(thing, at, first, first + count);
		look_at_parts(thing, page, at);
	}
	vm_page_release(page);
}

/* -- several --------------------------------------------------------------- */

static bool
use_each(struct thing *thing, struct vm_page **pages, unsigned count,
    bool write)
{
	for (unsigned i = 0; i < count; i++) {
		uint64_t at = vm_page_pindex(pages[i]);

		thing->touched[at] += write;
		thing_look(thing, at, pages[i]);
		if (write && sim_one_in(2))
			change_bytes(thing, pages[i], at);
	}
	return true;
}

/* Memory may be too short for all of them together. */
static void
allow_several(bool cut, bool read_only, unsigned flags, int error)
{
	if (error == -ENOMEM || (error == -EACCES && read_only) ||
	    (error == -EAGAIN && (flags & VM_GRAB_NOWAIT) != 0) ||
	    (error == -ERANGE && cut))
		return;
	world_allow(error);
}

static unsigned
some_flags(void)
{
	return (sim_one_in(2) ? VM_GRAB_WRITE : VM_GRAB_READ) |
	    (sim_one_in(4) ? VM_GRAB_NOWAIT : 0);
}

void
grab_several(struct thing *thing)
{
	unsigned count = 1 + (unsigned)sim_below(SEVERAL), got;
	unsigned flags = some_flags(), cuts = thing->cuts;
	uint64_t at = some_page(thing);
	struct vm_page *pages[SEVERAL];
	int error = vm_page_grab_many(thing->object, at, count, flags, pages,
	    &got);

	if (error != 0) {
		allow_several(may_be_cut(thing, at + count - 1, cuts),
		    thing->read_only, flags, error);
		return;
	}
	SIM_CHECK(got == count || (got != 0 && (flags & VM_GRAB_NOWAIT) !=
	    0));
	use_each(thing, pages, got, (flags & VM_GRAB_WRITE) != 0);
	vm_page_release_many(pages, got);
}

static void
use_pair(struct thing *thing, struct thing *other, struct vm_page_pair *pair)
{
	bool write = (pair->flags & VM_GRAB_WRITE) != 0;

	use_each(thing, &pair->page[0], 1, write);
	if (pair->page[1] != pair->page[0])
		use_each(other, &pair->page[1], 1, write);
	vm_page_release_pair(pair);
}

void
grab_two(struct thing *thing)
{
	struct thing *other = &world.thing[sim_below(world.things)];
	unsigned cuts = thing->cuts, others = other->cuts;
	struct vm_page_pair pair = { .flags = some_flags() };
	int error;

	if (!thing_use(other))
		return;
	pair.object[0] = thing->object;
	pair.object[1] = other->object;
	pair.pindex[0] = some_page(thing);
	pair.pindex[1] = some_page(other);
	error = vm_page_grab_pair(&pair);
	if (error == 0)
		use_pair(thing, other, &pair);
	else
		allow_several(may_be_cut(thing, pair.pindex[0], cuts) ||
		    may_be_cut(other, pair.pindex[1], others),
		    thing->read_only || other->read_only, pair.flags, error);
	thing_release(other);
}

/* -- on their way at once -------------------------------------------------- */

struct asked {
	uint64_t pindex;
	unsigned flags;
	unsigned cuts;		/* of the thing, by then */
	bool beyond;		/* its end: it may have grown since */
};

static void
take_answer(struct thing *thing, struct vm_async_answer *got)
{
	const struct asked *asked = got->arg;

	if (got->error == -ECANCELED)
		return;
	if (got->error != 0) {
		allow_several(asked->beyond ||
		    may_be_cut(thing, asked->pindex, asked->cuts),
		    thing->read_only, asked->flags, got->error);
		return;
	}
	SIM_CHECK(vm_page_pindex(got->page) == asked->pindex);
	use_each(thing, &got->page, 1, (asked->flags & VM_GRAB_WRITE) != 0);
	vm_page_release(got->page);
}

static struct vm_async_ask
some_ask(struct thing *thing, struct asked *asked)
{
	*asked = (struct asked){ .pindex = some_page(thing),
		.flags = some_flags(), .cuts = thing->cuts };
	asked->beyond = may_be_cut(thing, asked->pindex, asked->cuts);
	return (struct vm_async_ask){
		.object = thing->object, .flags = asked->flags,
		.pindex = asked->pindex, .arg = asked,
	};
}

/* Ends with all of them answered, or with whatever is the case. */
void
grab_async(struct thing *thing)
{
	struct asked asked[SEVERAL];
	struct vm_async_ask asks[SEVERAL];
	struct vm_async_answer answers[SEVERAL];
	struct vm_async *async;
	unsigned got;
	int error = vm_async_create(world.vm, SEVERAL, &async);

	if (error != 0) {
		world_allow(error);
		return;
	}
	for (unsigned i = 0; i < SEVERAL; i++)
		asks[i] = some_ask(thing, &asked[i]);
	SIM_CHECK(vm_async_grab(async, asks, SEVERAL) == SEVERAL);
	while (vm_async_pending(async) != 0 && !sim_one_in(16)) {
		if (sim_one_in(8))
			(void)vm_async_cancel(async);
		got = vm_async_reap(async, answers, SEVERAL,
		    (unsigned)sim_below(SEVERAL + 1));
		for (unsigned i = 0; i < got; i++)
			take_answer(thing, &answers[i]);
	}
	vm_async_destroy(async);
}
