/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run.c - one seed: a machine, a system, tasks; perhaps a power cut, and the
 * same once more over what is left; in the end everything is looked at.
 */
#include <stdlib.h>
#include <string.h>

#include "api/system.h"
#include "audit.h"
#include "client.h"
#include "fault/trap.h"
#include "object/vm.h"
#include "sim.h"
#include "window.h"
#include "world.h"

/* 6 tasks through the API, 3 clients: enough for each lock to be wanted. */
#define WORKERS 6
#define CLIENTS 3
/* 3 tasks with maps: of one thing some are in the others' way. */
#define VIEWERS 3
/* 16 pages is the smallest system; 80 more are most of a thing. */
#define LIMIT_MOST 96
/* 180 operations at most, 20 at least: a run of 4 ms. */
#define OPS_MOST 180

/* 20 ms: a few times the slowest request. */
#define STARVED_NS UINT64_C(20000000)

const char *
world_policy(void)
{
	const char *policy = getenv("SIM_POLICY");
	unsigned count = 0, drawn;

	while (vm_policy_names()[count] != NULL)
		count++;
	drawn = (unsigned)sim_below(count);
	return policy != NULL ? policy : vm_policy_names()[drawn];
}

/* Ages that end within a run, and rates that are soon used up. */
static const struct vm_cleaning *
some_cleaning(void)
{
	static struct vm_cleaning cleaning;

	cleaning = (struct vm_cleaning){ .size_bytes = sizeof(cleaning) };
	if (!sim_one_in(3))
		return NULL;
	cleaning.age_ms = 1 + (uint32_t)sim_below(20);
	cleaning.share_percent = 1 + (uint32_t)sim_below(100);
	cleaning.rate_bytes = PAGE * (1 + sim_below(2000));
	return &cleaning;
}

static struct vm_options
some_options(void)
{
	static const char *directory = "/simulated";
	static const struct vm_swap_file files[] = {
		{ .directory = "/simulated", .max_bytes = 32 * PAGE },
		{ .directory = "/elsewhere" },
	};
	struct vm_options o = VM_OPTIONS_INIT;

	world.limit_pages = 16 + (uint32_t)sim_below(sim_one_in(2) ? 8 :
	    LIMIT_MOST - 16);
	o.resident_max_bytes = o.grow_max_bytes = world.limit_pages * PAGE;
	world.resizes = sim_one_in(4);
	world.limit_low = world.resizes ? 16 + (uint32_t)sim_below(
	    world.limit_pages - 15) : world.limit_pages;
	world.lends = sim_one_in(2);
	o.policy = world_policy();
	o.readahead_bytes = sim_one_in(3);
	o.cluster_bytes = sim_one_in(3);
	o.swap_directory = directory;
	o.swap_max_bytes = sim_one_in(4) ? 64 * PAGE : 0;
	o.swap_compress_bytes = sim_one_in(3) && world.limit_low >= 48 ?
	    16 * PAGE : 0;
	o.swap_files = files;
	o.swap_file_count = sim_one_in(3) ? VM_COUNT(files) : 0;
	/* Where nothing may be freed for good, nobody need wait for long. */
	world.may_starve = machine.faulty || o.swap_max_bytes != 0;
	o.wait_max_ns = world.may_starve ? STARVED_NS : 0;
	o.fault_threads = 1 + (unsigned)sim_below(2);
	o.flags = (sim_one_in(4) ? VM_BUFFERED : 0) |
	    (sim_one_in(4) ? VM_NO_URING : 0) |
	    (sim_one_in(4) ? VM_SWAP_ENCRYPT : 0);
	o.cleaning = some_cleaning();
	return o;
}

static uint64_t present_pages;

static void
add_present(struct disk *disk)
{
	present_pages += disk->present_pages;
}

/*
 * What is there, whatever the library's own counts say: frames of the arena
 * with memory behind them, pages of memory files, of windows and of regions.
 */
static void
check_limit(void)
{
	struct vm *vm = world.vm;
	uint32_t warm = 0;

	if (vm == NULL)
		return;
	present_pages = windows_present() + world.region_pages;
	disks_each(add_present);
	for (uint32_t i = 0; i < vm->frames.count; i++)
		warm += (atomic_load_explicit(&vm->frames.pages[i].flags,
		    memory_order_relaxed) & VM_PGA_WARM) != 0;
	if (warm + present_pages > world.limit_pages)
		sim_fail("%u frames and %llu pages in stores, windows and "
		    "regions are more than the limit of %u", warm,
		    (unsigned long long)present_pages, world.limit_pages);
	if (atomic_load_explicit(&vm->limit.free, memory_order_relaxed) >
	    world.limit_pages)
		sim_fail("more pages are free than there are");
}

/* NULL: there is no memory for it. */
static struct vm_account *
some_account(void)
{
	struct vm_account_options options = VM_ACCOUNT_INIT;
	struct vm_account *account;
	int error = vm_account_create(world.vm, &options, &account);

	if (error != 0)
		world_allow(error);
	return error == 0 ? account : NULL;
}

/* What systems of 1024 pages and more have at hand for each processor, on a
 * small one: there are four processors, so a quarter of the limit at most. */
static void
put_up_shelves(struct vm *vm)
{
	if (sim_one_in(2))
		vm->limit.shelves.size = (uint32_t)sim_below(
		    world.limit_low / 16 + 1);
}

static void
create(void)
{
	struct vm_options options = some_options();
	int error;

	while ((error = vm_create_on(&options, &machine_os, &client_pmap,
	    &world.vm)) != 0)
		world_allow(error);
	world.wired = world.out = world.lent = world.region_pages = 0;
	put_up_shelves(world.vm);
	world.account = some_account();
	stock_open();
	sim_watch = check_limit;
	for (unsigned i = 0; i < world.things; i++)
		while (thing_open(&world.thing[i]) != 0)
			continue;
}

static void
run_tasks(void)
{
	struct sim_task *task[WORKERS + CLIENTS + VIEWERS];
	unsigned n = 0, workers = 1 + (unsigned)sim_below(WORKERS);

	world.clients = sim_one_in(2) ? 0 : 1 + (unsigned)sim_below(CLIENTS);
	world.viewers = sim_one_in(2) ? 0 : 1 + (unsigned)sim_below(VIEWERS);
	work_draw();
	touch_reset();
	view_reset();
	for (unsigned i = 0; i < workers; i++)
		task[n++] = sim_spawn("worker", work, NULL);
	for (unsigned i = 0; i < world.clients; i++)
		task[n++] = sim_spawn("client", touch, NULL);
	for (unsigned i = 0; i < world.viewers; i++)
		task[n++] = sim_spawn("viewer", view, NULL);
	while (n > 0)
		sim_join(task[--n]);
}

/* Without faults from here on: what is lost by now is lost. */
static void
check_thing(struct thing *thing)
{
	for (uint64_t at = 0; at < thing_pages(thing); at++) {
		struct vm_page *page;
		int error = vm_page_grab(thing->object, at, VM_GRAB_READ,
		    &page);

		if (error != 0) {
			/* A page of swap whose end could not be cleared. */
			SIM_CHECK(!thing->file && thing->cuts != 0);
			world_allow(error);
			continue;
		}
		thing_look(thing, at, page);
		vm_page_release(page);
	}
	if (sim_one_in(2))
		(void)thing_sync(thing, 0, VM_LENGTH_ALL);
}

static void
destroy(void)
{
	machine.calm++;
	for (unsigned i = 0; i < world.things; i++)
		check_thing(&world.thing[i]);
	audit(world.vm);
	for (unsigned i = 0; i < world.things; i++)
		SIM_CHECK(thing_close(&world.thing[i]) == 0);
	stock_close();
	sim_watch = NULL;
	if (world.account != NULL)
		SIM_CHECK(vm_account_destroy(world.account) == 0);
	SIM_CHECK(vm_destroy(world.vm) == 0);
	for (unsigned i = 0; i < world.things; i++)
		thing_forget(&world.thing[i]);
	machine_check_clean();
}

static void
live(void *arg)
{
	(void)arg;
	create();
	run_tasks();
	destroy();
}

static void
install(void *arg)
{
	(void)arg;
	SIM_CHECK(vm_trap_install(&machine_os) == 0);
}

/* What is done once in a process is no part of any run. */
static void
begin_process(void)
{
	static bool begun;

	if (begun)
		return;
	begun = true;
	sim_begin(0);
	machine_begin();
	sim_run(install, NULL);
	machine_end();
}

uint64_t
run_seed(uint64_t seed)
{
	begin_process();
	sim_begin(seed);
	memset(&world, 0, sizeof(world));
	machine_begin();
	world.things = 1 + (unsigned)sim_below(THINGS);
	for (unsigned i = 0; i < world.things; i++)
		thing_make(&world.thing[i], i);
	world.ops_most = 20 + (unsigned)sim_below(OPS_MOST - 20);
	if (sim_one_in(2))
		world.cut_at = 1 + (unsigned)sim_below(world.ops_most);
	sim_run(live, NULL);
	sim_watch = NULL;
	if (sim_was_cut()) {
		machine_restart();
		for (unsigned i = 0; i < world.things; i++)
			thing_restart(&world.thing[i]);
		world.ops_most = world.ops + 20;
		sim_run(live, NULL);
	}
	machine_end();
	return sim_trace_hash();
}
