/* SPDX-License-Identifier: BSD-2-Clause */
/* ration.c - frames and memory of the limit, its changes, loans; see work.h. */
#include <errno.h>
#include <string.h>

#include "sim.h"
#include "work.h"

/* An eighth of the limit at most is out in runs and bytes, another is lent. */
#define SHARE 8
/* 3 pages in a row, bytes of any size up to two pages. */
#define RUN_MOST 3
#define BYTES_MOST (2 * PAGE)
/* 48 pages of addresses: more than are ever out of them, but for guards. */
#define REGION_PAGES 48
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

/* -- things of one kind -- */

/* 0xc5: what a thing is made of, and has again when it is given back. */
#define MADE 0xc5
/* Of a cache: 1 and a half pages at most, so that no slab has room for much. */
#define THING_MOST (3 * PAGE / 2)

static bool
is_made(const char *thing)
{
	for (uint64_t i = 0; i < world.cache_bytes; i++)
		if ((unsigned char)thing[i] != MADE)
			return false;
	return true;
}

/* Seldom it cannot be made. */
static int
make_thing(void *thing, void *arg)
{
	(void)arg;
	sim_point();
	if (sim_one_in(16))
		return -EDOM;
	memset(thing, MADE, world.cache_bytes);
	world.made++;
	return 0;
}

static void
unmake_thing(void *thing, void *arg)
{
	(void)arg;
	sim_point();
	if (!is_made(thing))
		sim_fail("a thing of a cache was written while it was free");
	memset(thing, 0, world.cache_bytes);
	world.made--;
}

void
stock_open(void)
{
	struct vm_cache_options options = VM_CACHE_INIT;
	int error;

	world.cache_bytes = 1 + sim_below(sim_one_in(2) ? PAGE / 4 :
	    THING_MOST);
	world.made = 0;
	options.bytes = world.cache_bytes;
	options.ctor = make_thing;
	options.dtor = unmake_thing;
	options.account = world.account;
	error = vm_cache_create(world.vm, &options, &world.cache);
	if (error != 0) {
		world_allow(error);
		world.cache = NULL;
	}
	error = vm_region_create(world.vm, REGION_PAGES * PAGE, world.account,
	    &world.region);
	if (error != 0) {
		world_allow(error);
		world.region = NULL;
	}
}

void
stock_close(void)
{
	if (world.cache != NULL)
		SIM_CHECK(vm_cache_destroy(world.cache) == 0);
	SIM_CHECK(world.made == 0);
	if (world.region != NULL)
		SIM_CHECK(vm_region_unref(world.region) == 0);
}

static void
use_thing(unsigned flags)
{
	void *thing;
	int error = vm_cache_alloc(world.cache, flags, &thing);

	if (error != 0) {
		SIM_CHECK(error == -ENOMEM || error == -EDOM);
		return;
	}
	if (!is_made(thing))
		sim_fail("a thing of a cache is not as it was made");
	keep(thing, world.cache_bytes);
	memset(thing, MADE, world.cache_bytes);
	vm_cache_free(world.cache, thing);
}

void
use_cache(struct thing *thing)
{
	(void)thing;
	if (world.cache == NULL || !reserve(RUN_MOST))
		return;
	use_thing(sim_one_in(4) ? VM_MEMORY_WAIT : 0);
	world.out -= RUN_MOST;
}

void
reclaim(struct thing *thing)
{
	uint64_t bytes = (1 + sim_below(8)) * PAGE;

	(void)thing;
	if (world.cache != NULL && sim_one_in(2))
		(void)vm_cache_reclaim(world.cache, bytes);
	else
		(void)vm_memory_reclaim(world.vm, bytes);
}

/* -- ranges of addresses -- */

/* False: they are handed out still. */
static bool
free_range(char *address, uint64_t pages)
{
	int error;

	world.region_pages -= (uint32_t)pages;
	error = vm_region_free(world.region, address, pages * PAGE);
	if (error == 0)
		return true;
	world.region_pages += (uint32_t)pages;
	SIM_CHECK(error == -ENOMEM);
	return false;
}

/* While it is wired it cannot go.  A piece that is noted takes memory. */
static void
wire_range(char *address, uint64_t pages)
{
	int error = vm_user_wire(world.vm, world.account, address, PAGE);

	if (error != 0) {
		SIM_CHECK(error == -ENOMEM);
		return;
	}
	SIM_CHECK(vm_region_free(world.region, address, pages * PAGE) ==
	    -EBUSY);
	SIM_CHECK(vm_user_unwire(world.vm, world.account, address, PAGE) ==
	    0);
}

static void
use_range(char *address, uint64_t pages)
{
	uint64_t some = 1 + sim_below(pages);

	world.region_pages += (uint32_t)pages;
	for (uint64_t i = 0; i < pages * PAGE; i++)
		SIM_CHECK(address[i] == 0);
	keep(address, pages * PAGE);
	if (sim_one_in(4))
		wire_range(address, pages);
	if (some < pages && free_range(address + some * PAGE, pages - some))
		pages = some;
	keep(address, some * PAGE);
	while (!free_range(address, pages))	/* whole, it takes none */
		SIM_CHECK(machine.injected != 0);
}

void
use_region(struct thing *thing)
{
	struct vm_region_request request = VM_REGION_REQUEST_INIT;
	uint32_t pages = 1 + (uint32_t)sim_below(RUN_MOST);
	void *address;
	int error;

	(void)thing;
	request.bytes = pages * PAGE;
	request.flags = (sim_one_in(4) ? VM_REGION_GUARD : 0) |
	    (sim_one_in(4) ? VM_REGION_RANDOM : 0) |
	    (sim_one_in(4) ? VM_MEMORY_WAIT : 0);
	if (world.region == NULL || !reserve(pages))
		return;
	error = vm_region_alloc(world.region, &request, &address);
	if (error == 0)
		use_range(address, pages);
	else
		SIM_CHECK(error == -ENOMEM || error == -ENOSPC ||
		    machine.injected != 0);
	world.out -= pages;
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
