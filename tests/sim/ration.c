/* SPDX-License-Identifier: BSD-2-Clause */
/* ration.c - frames and memory of the limit, its changes, loans; work.h. */
#include <errno.h>
#include <string.h>

#include "sim.h"
#include "work.h"

/* An eighth of the limit at most is out in runs and bytes, another is lent. */
#define SHARE 8
/* 3 pages in a row, bytes of any size up to two pages. */
#define RUN_MOST 3
#define BYTES_MOST (2 * PAGE)
/* 8 turns of others: most of what they do takes fewer. */
#define TURNS 8

void
set_limit(struct thing *thing)
{
	uint64_t pages = world.limit_low + sim_below(world.limit_pages -
	    world.limit_low + 1), above;

	(void)thing;
	if (!world.resizes)
		return;
	SIM_CHECK(vm_set_limit(world.vm, pages * PAGE, &above) == 0);
	SIM_CHECK(above <= world.limit_pages - pages);
}

/* -- memory that is ours -- */

static bool
reserve(uint32_t pages)
{
	if ((world.out + pages) * SHARE > world.limit_low)
		return false;
	world.out += pages;
	return true;
}

/* Nobody else has these bytes. */
static void
keep(char *memory, uint64_t bytes)
{
	char copy[RUN_MOST * PAGE];

	SIM_CHECK(bytes <= sizeof(copy));
	world_fill(memory, bytes);
	memcpy(copy, memory, bytes);
	for (unsigned turn = 0; turn < TURNS; turn++) {
		sim_yield();
		if (memcmp(memory, copy, bytes) != 0)
			sim_fail("memory that is ours has other bytes");
	}
}

void
use_frames(struct thing *thing)
{
	struct vm_frame_request request = VM_FRAME_REQUEST_INIT;
	struct vm_frame_run run;

	(void)thing;
	request.count = 1 + (uint32_t)sim_below(RUN_MOST);
	request.align_bytes = sim_one_in(2) ? 2 * PAGE : 0;
	if (!reserve(request.count))
		return;
	if (vm_frame_alloc(world.vm, &request, &run) == 0) {
		char *memory = vm_frame_address(run.first);

		SIM_CHECK(run.count == request.count);
		SIM_CHECK(request.align_bytes == 0 ||
		    (uintptr_t)memory % request.align_bytes == 0);
		keep(memory, run.count * PAGE);
		vm_frame_free(world.vm, &run);
	}
	world.out -= request.count;
}

void
use_memory(struct thing *thing)
{
	struct vm_memory_request request = VM_MEMORY_REQUEST_INIT;
	void *memory;

	(void)thing;
	request.bytes = 1 + sim_below(sim_one_in(2) ? PAGE / 2 : BYTES_MOST);
	request.flags = sim_one_in(2) ? VM_MEMORY_ZERO : 0;
	request.account = world.account;
	if (!reserve(BYTES_MOST / PAGE))
		return;
	if (vm_memory_alloc(world.vm, &request, &memory) == 0) {
		const char *zeros = memory;

		for (uint64_t i = 0; i < request.bytes &&
		    request.flags != 0; i++)
			SIM_CHECK(zeros[i] == 0);
		keep(memory, request.bytes);
		vm_memory_free(world.vm, memory, request.bytes,
		    world.account);
	}
	world.out -= BYTES_MOST / PAGE;
}

/* -- loans -- */

/* What is lent never changes, whatever becomes of the page. */
static void
read_lent(const struct thing *thing, uint64_t at, uint32_t touched,
    const struct vm_page *page)
{
	const char *memory = vm_loan_data(world.vm, page);
	uint32_t part = thing_part(thing, at);
	char copy[PAGE];

	memcpy(copy, memory, PAGE);
	if (thing->touched[at] == touched && !thing->unknown[at] &&
	    !thing->changing && memcmp(copy, thing->bytes + at * PAGE,
	    part) != 0)
		sim_fail("thing %u: page %llu is lent with other bytes",
		    thing->number, (unsigned long long)at);
	for (unsigned turn = 0; turn < TURNS; turn++) {
		sim_yield();
		if (memcmp(memory, copy, PAGE) != 0)
			sim_fail("thing %u: page %llu changed while it was "
			    "lent", thing->number, (unsigned long long)at);
	}
}

void
lend(struct thing *thing)
{
	unsigned flags = sim_one_in(4) ? VM_LOAN_NOWAIT : 0;
	uint32_t touched;
	unsigned cuts = thing->cuts;
	uint64_t at = some_page(thing);
	struct vm_page *page;
	int error;

	if (!world.lends || (world.lent + 1) * SHARE > world.limit_low)
		return;
	world.lent++;
	touched = thing->touched[at];
	error = vm_loan(thing->object, at, flags, &page);
	if (error == 0) {
		read_lent(thing, at, touched, page);
		vm_unloan(world.vm, page);
	} else if (error != -EBUSY && (error != -EAGAIN || flags == 0) &&
	    (error != -ERANGE || !may_be_cut(thing, at, cuts)))
		world_allow(error);
	world.lent--;
}
