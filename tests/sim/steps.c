/* SPDX-License-Identifier: BSD-2-Clause */
/* steps.c - pages that are made, moved, pinned and freed by hand; work.h. */
#include <errno.h>
#include <string.h>

#include "sim.h"
#include "work.h"

#define ALL_BLOCKS ((1u << PAGE_SECTORS) - 1)

/* -- what may be asked of the thing -- */

/* Pages of it may be made, moved and freed by hand: false while some are
 * wired, since they would be elsewhere afterwards. */
static bool
begin_moves(struct thing *thing)
{
	if (thing->store || thing->mapped || thing->device ||
	    thing->read_only || thing->wires != 0)
		return false;
	thing->moves++;
	return true;
}

static void
end_moves(struct thing *thing)
{
	thing->moves--;
}

/* The place was not to be had. */
static void
allow_refusal(const struct thing *thing, uint64_t pindex, unsigned cuts,
    int error)
{
	if (error == -EEXIST || error == -EBUSY || error == -ENOMEM ||
	    (error == -ERANGE && may_be_cut(thing, pindex, cuts)))
		return;
	world_allow(error);
}

/* -- contents -- */

/* Nobody else sees the page before its release: it has these bytes from now
 * on, all of them dirty, and zeros behind the end. */
static void
take_over(struct thing *thing, struct vm_page *page, uint64_t pindex)
{
	char *memory = vm_page_data(page);
	uint32_t part;

	SIM_CHECK(memory != NULL);
	SIM_CHECK(vm_page_set_dirty(page, 0, PAGE) == 0);
	part = thing_part(thing, pindex);
	memset(memory + part, 0, PAGE - part);
	if (part == 0)
		return;
	memcpy(thing->bytes + pindex * PAGE, memory, part);
	thing->unknown[pindex] = false;
	thing_wrote(thing, pindex * PAGE, part, false);
}

/* A loose page with bytes that nobody has seen. */
static bool
new_page(struct vm_page **page)
{
	unsigned flags = sim_one_in(2) ? VM_ALLOC_ZERO : 0;
	char *memory;

	if (vm_page_alloc(world.vm, flags, page) != 0)
		return false;
	memory = vm_page_data(*page);
	for (uint32_t i = 0; flags != 0 && i < PAGE; i++)
		if (memory[i] != 0)
			sim_fail("a page of zeros has %02x at %u",
			    memory[i] & 0xff, i);
	world_fill(memory, PAGE);
	return true;
}

/* -- coming -- */

/* Absent until now, and valid nowhere: what the pager has is brought by us. */
static void
bring(struct thing *thing, struct vm_page *page, uint64_t pindex)
{
	uint32_t part = thing_part(thing, pindex);
	char *memory = vm_page_data(page);

	SIM_CHECK(vm_page_valid(page) == 0);
	if (thing->unknown[pindex]) {
		world_fill(memory, PAGE);
		take_over(thing, page, pindex);
		return;
	}
	memcpy(memory, thing->bytes + pindex * PAGE, part);
	memset(memory + part, 0, PAGE - part);
	SIM_CHECK(vm_page_set_valid(page, 0, PAGE) == 0);
	thing_look(thing, pindex, page);
}

void
alloc_at(struct thing *thing)
{
	uint64_t at = some_page(thing);
	unsigned cuts = thing->cuts;
	struct vm_page *page;
	int error;

	if (!begin_moves(thing))
		return;
	error = vm_page_alloc_at(thing->object, at, sim_one_in(2) ?
	    VM_ALLOC_WAIT : 0, &page);
	if (error != 0)
		allow_refusal(thing, at, cuts, error);
	else if (sim_one_in(3))
		vm_page_free(page, 0);
	else {
		/* Of a file that was cut meanwhile, what is there is not. */
		if (thing->changing || thing_part(thing, at) == 0)
			vm_page_free(page, 0);
		else {
			bring(thing, page, at);
			if (sim_one_in(2))
				change_bytes(thing, page, at);
			vm_page_release(page);
		}
	}
	end_moves(thing);
}

void
replace(struct thing *thing)
{
	uint64_t at = some_page(thing);
	struct vm_page *page, *old = NULL;
	unsigned cuts = thing->cuts;
	bool wanted = sim_one_in(2);
	int error;

	if (!begin_moves(thing))
		return;
	if (new_page(&page)) {
		thing->replaced[at]++;
		thing->replacing[at]++;
		error = vm_page_replace(page, thing->object, at,
		    wanted ? &old : NULL);
		if (error == 0) {
			take_over(thing, page, at);
			vm_page_release(page);
		} else {
			allow_refusal(thing, at, cuts, error);
			vm_page_free(page, 0);
		}
		thing->replacing[at]--;
		if (old != NULL)
			vm_page_free(old, 0);
	}
	end_moves(thing);
}

/* -- going -- */

/* Loose, and back in the same place or another, where there is room. */
static void
put_back(struct thing *thing, struct vm_page *page)
{
	uint64_t at = some_page(thing);
	unsigned cuts = thing->cuts;
	int error = vm_page_insert(page, thing->object, at);

	if (error == 0) {
		take_over(thing, page, at);
		vm_page_release(page);
		return;
	}
	allow_refusal(thing, at, cuts, error);
	vm_page_free(page, 0);
}

void
move_page(struct thing *thing)
{
	uint64_t at = some_page(thing);
	struct vm_page *page;

	if (!begin_moves(thing))
		return;
	if (grab(thing, at, VM_GRAB_WRITE, &page)) {
		thing_revert(thing, at, 0, PAGE_SECTORS);
		SIM_CHECK(vm_page_remove(page) == 0);
		SIM_CHECK(vm_page_object(page) == NULL);
		sim_yield();
		put_back(thing, page);
	}
	end_moves(thing);
}

void
free_page(struct thing *thing)
{
	uint64_t at = some_page(thing);
	struct vm_page *page;

	if (!begin_moves(thing))
		return;
	if (grab(thing, at, VM_GRAB_WRITE, &page)) {
		sim_say("frees page %llu", (unsigned long long)at);
		thing_revert(thing, at, 0, PAGE_SECTORS);
		vm_page_free(page, 0);
	}
	end_moves(thing);
}

static void
rename_to(struct thing *from, uint64_t at, struct thing *to)
{
	uint64_t there = some_page(to);
	unsigned cuts = to->cuts;
	struct vm_page *page;
	char bytes[PAGE];
	int error;

	if (!grab(from, at, VM_GRAB_WRITE, &page))
		return;
	memcpy(bytes, from->bytes + at * PAGE, PAGE);
	thing_revert(from, at, 0, PAGE_SECTORS);
	to->replaced[there]++;
	to->replacing[there]++;
	error = vm_page_rename(page, to->object, there, VM_RENAME_DIRTY |
	    (sim_one_in(2) ? VM_RENAME_REPLACE : 0));
	if (error == 0) {
		SIM_CHECK(vm_page_dirty_bits(page) == ALL_BLOCKS);
		take_over(to, page, there);
	} else {
		allow_refusal(to, there, cuts, error);
		take_over(from, page, at);
	}
	to->replacing[there]--;
	vm_page_release(page);
}

void
rename_page(struct thing *thing)
{
	struct thing *to = &world.thing[sim_below(world.things)];

	if (!begin_moves(thing))
		return;
	if (thing_use(to)) {
		if (begin_moves(to)) {
			rename_to(thing, some_page(thing), to);
			end_moves(to);
		}
		thing_release(to);
	}
	end_moves(thing);
}

/* A page without bytes: whoever wants them gets those of the pager. */
void
placeholder(struct thing *thing)
{
	uint64_t at = some_page(thing);
	unsigned cuts = thing->cuts;
	struct vm_page *page;
	int error;

	if (!begin_moves(thing))
		return;
	if (sim_one_in(2))
		(void)vm_page_more_fictitious(world.vm, 2);
	if (vm_page_grab_fictitious(world.vm, &page) == 0) {
		error = vm_page_insert(page, thing->object, at);
		if (error != 0)
			allow_refusal(thing, at, cuts, error);
		if (error != 0 || sim_one_in(3))
			vm_page_free(page, 0);
		else {
			sim_yield();
			if (sim_one_in(2))
				(void)vm_page_convert(&page);
			vm_page_release(page);
		}
	}
	end_moves(thing);
}

/* -- pins -- */

/* What a held frame has changes by writers of its page alone: its page may be
 * elsewhere or gone, the frame is nobody else's. */
void
hold_frame(struct thing *thing)
{
	uint64_t at = some_page(thing);
	struct vm_page *page;
	uint32_t touched;
	char bytes[PAGE];
	char *memory;

	if (thing->store || thing->mapped || thing->device ||
	    !grab(thing, at, VM_GRAB_READ, &page))
		return;
	thing_look(thing, at, page);
	memory = vm_page_data(page);
	memcpy(bytes, memory, PAGE);
	touched = thing->touched[at];
	SIM_CHECK(vm_page_hold(page) == 0);
	vm_page_release(page);
	for (unsigned turns = 0; turns < 8; turns++) {
		sim_yield();
		if (thing->touched[at] == touched && thing->zeroing[at] == 0 &&
		    memcmp(memory, bytes, PAGE) != 0)
			sim_fail("thing %u: the held frame of page %llu has "
			    "other bytes", thing->number,
			    (unsigned long long)at);
	}
	vm_page_unhold(page);
}

static void
unwire(struct thing *thing, uint64_t at, struct vm_page *page)
{
	bool last = sim_one_in(2) && !thing->read_only && !thing->store &&
	    !thing->mapped;
	struct vm_page *same;

	while (!grab(thing, at, last ? VM_GRAB_WRITE : VM_GRAB_READ, &same))
		continue;
	if (same != page)
		sim_fail("thing %u: the wired page %llu is another",
		    thing->number, (unsigned long long)at);
	thing_look(thing, at, page);
	if (vm_page_unwire(page, world.account, last ? VM_TO_FREE :
	    (enum vm_to)sim_below(VM_TO_FREE)) == 0)
		vm_page_release(page);
}

void
wire_page(struct thing *thing)
{
	uint64_t at = some_page(thing);
	struct vm_page *page;
	int error;

	if (thing->changing || thing->moves != 0 || thing->device ||
	    at >= thing_pages(thing) ||
	    (world.wired + 1) * WIRED_SHARE > world.limit_low)
		return;
	thing->wires++;
	world.wires = true;
	world.wired++;
	if (grab(thing, at, VM_GRAB_READ, &page)) {
		error = vm_page_wire(page, world.account);
		vm_page_release(page);
		if (error != 0 && (error != -EBUSY || !world.lends))
			world_allow(error);
		for (unsigned turns = 0; error == 0 && turns < 4; turns++) {
			sim_yield();
			SIM_CHECK(vm_page_lookup(thing->object, at) == page);
		}
		if (error == 0)
			unwire(thing, at, page);
	}
	world.wired--;
	thing->wires--;
}

/* -- order -- */

void
order_page(struct thing *thing)
{
	uint64_t at = some_page(thing);
	bool exclusive = !thing->read_only && sim_one_in(2);
	struct vm_page *page;

	if (!grab(thing, at, exclusive ? VM_GRAB_WRITE : VM_GRAB_READ, &page))
		return;
	switch (sim_below(exclusive ? 5 : 4)) {
	case 0:
		vm_page_activate(page);
		break;
	case 1:
		vm_page_deactivate(page, sim_one_in(2) ? VM_AT_HEAD :
		    VM_AT_TAIL);
		break;
	case 2:
		vm_page_dontneed(page);
		break;
	case 3:
		vm_page_touch(page);
		break;
	default:
		if (!vm_page_test_dirty(page))
			(void)vm_page_cache(page);
		break;
	}
	thing_look(thing, at, page);
	vm_page_release(page);
}

/* Of pages that nobody holds: what they have is there all the same. */
void
give_up(struct thing *thing)
{
	uint64_t at = some_page(thing), end = at + 4;

	for (; at < end; at++)
		(void)(sim_one_in(2) ? vm_page_try_to_cache(thing->object,
		    at) : vm_page_try_to_free(thing->object, at));
}
