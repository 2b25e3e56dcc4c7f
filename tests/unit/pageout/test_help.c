/* SPDX-License-Identifier: BSD-2-Clause */
/* Who needs a page frees some: which, and when it is left to the daemon. */
#include "pageout/help.h"

#include <sched.h>

#include "audit.h"
#include "object/retire.h"
#include "one_object.h"

/* 4096 pages: there low is 128 and target 256, so that there is a way from
 * one to the other. */
enum { PAGES = 4096, OBJECT_PAGES = 2 * PAGES };

static void
set_up(void)
{
	struct vm_options o = VM_OPTIONS_INIT;

	faulty_reset();
	core_new_file();
	o.resident_max_bytes = (uint64_t)PAGES * PAGE;
	o.swap_directory = core_directory();
	o.cluster_bytes = o.readahead_bytes = 1;	/* none */
	CHECK_INT(vm_create_on(&o, &faulty_os, &pmap_nobody, &vm), 0);
	CHECK_INT(vm_object_create_anon(vm, (uint64_t)OBJECT_PAGES * PAGE, 0,
	    &object), 0);
}

static void
touch(uint64_t first, uint64_t end)
{
	for (uint64_t i = first; i < end; i++)
		vm_page_release(core_grab(i, VM_GRAB_READ));
}

static struct vm_stat
figures(void)
{
	struct vm_stat s = VM_STAT_INIT;

	CHECK_INT(vm_stat(vm, &s), 0);
	return s;
}

TEST(clean_pages_leave_without_the_daemon)
{
	set_up();
	touch(0, OBJECT_PAGES);
	CHECK_INT(figures().wakeups, 0);
	CHECK_INT(figures().memory_waits, 0);
	CHECK(figures().evicted_clean >= PAGES);
	CHECK(atomic_load(&vm->limit.free) >= vm->limit.low);
	audit(vm);
	core_tear_down();
}

TEST(what_is_wired_held_or_lent_stays)
{
	struct vm_page *held, *lent;

	set_up();
	CHECK_INT(vm_object_wire(object, 0, 20 * PAGE), 0);
	held = core_grab(30, VM_GRAB_READ);
	lent = core_grab(31, VM_GRAB_READ);
	CHECK_INT(vm_page_add_loan(lent), 0);
	vm_page_release(lent);
	touch(40, OBJECT_PAGES);
	for (uint64_t i = 0; i < 20; i++)
		CHECK(vm_index_peek(&object->index, i) != VM_SLOT_ABSENT);
	CHECK(held->object == object && held->pindex == 30);
	CHECK(lent->object == object && lent->pindex == 31);
	vm_page_drop_loan(vm, lent);
	vm_page_release(held);
	CHECK_INT(vm_object_unwire(object, 0, 20 * PAGE), 0);
	audit(vm);
	core_tear_down();
}

TEST(dirty_pages_are_left_to_the_daemon)
{
	set_up();
	for (uint64_t i = 0; i < OBJECT_PAGES; i++)
		core_put(i, i + 1);
	CHECK(figures().wakeups > 0);
	CHECK(figures().evicted_dirty > 0);
	for (uint64_t i = 0; i < OBJECT_PAGES; i++)
		CHECK_INT(core_get(i, 1), i + 1);
	audit(vm);
	core_tear_down();
}

TEST(a_page_that_is_used_goes_after_those_that_are_not)
{
	set_up();
	touch(0, PAGES - 300);
	touch(0, 100);
	touch(PAGES, OBJECT_PAGES - 1000);
	for (uint64_t i = 0; i < 100; i++)
		CHECK(vm_index_peek(&object->index, i) != VM_SLOT_ABSENT);
	core_tear_down();
}

/* INTERRUPT takes what is there. */
TEST(who_may_not_lose_time_does_not_help)
{
	static struct vm_page *taken[PAGES];
	uint64_t before;
	unsigned n = 0;

	set_up();
	touch(0, OBJECT_PAGES);
	before = figures().evicted_clean;
	do
		CHECK_INT(vm_page_alloc(vm, VM_ALLOC_INTERRUPT, &taken[n++]),
		    0);
	while (!vm_limit_wants_help(&vm->limit));
	CHECK_INT(vm_page_alloc(vm, VM_ALLOC_INTERRUPT, &taken[n++]), 0);
	CHECK_INT(figures().evicted_clean, before);
	while (n > 0)
		vm_page_free(taken[--n], 0);
	core_tear_down();
}

/* What helpers cannot do, they leave alone until somebody else has tried. */
TEST(helpers_who_found_nothing_wait_for_the_daemon)
{
	struct vm_limit *limit;

	set_up();
	limit = &vm->limit;
	atomic_store(&limit->help, PAGES + 1);	/* always wanted */
	CHECK(vm_limit_wants_help(limit));
	vm->reclaim(vm);		/* nothing is resident */
	while (!vm_limit_wants_help(limit))
		sched_yield();
	CHECK(figures().wakeups > 0);
	core_tear_down();
}
