/* SPDX-License-Identifier: BSD-2-Clause */
/* Pages are freed ahead of need: which, and which not. */
#include "pageout/daemon.h"

#include <sched.h>

#include "audit.h"
#include "object/content.h"
#include "one_object.h"

/* A policy that says how much was asked of it at once, at most. */
static const struct vm_policy_ops *spied;
static _Atomic unsigned asked_most, asked_times;

static unsigned
spy_victims(struct vm_policy *state, struct vm_page **pages, unsigned want)
{
	if (want > atomic_load(&asked_most))
		atomic_store(&asked_most, want);
	atomic_fetch_add(&asked_times, 1);
	return spied->victims(state, pages, want);
}

enum { MANY_PAGES = 1000, FEW_PAGES = 100 };

static void
set_up_many(unsigned batch)
{
	static struct vm_policy_ops spy;
	struct vm_options o = VM_OPTIONS_INIT;

	faulty_reset();
	core_new_file();
	o.resident_max_bytes = 2 * MANY_PAGES * PAGE;
	o.reclaim_batch = batch;
	CHECK_INT(vm_create_on(&o, &faulty_os, &pmap_nobody, &vm), 0);
	vm_lock(&vm->queue.lock);
	spied = vm->queue.policy->ops;
	spy = *spied;
	spy.victims = spy_victims;
	vm->queue.policy->ops = &spy;
	vm_unlock(&vm->queue.lock);
	CHECK_INT(vm_object_create_anon(vm, MANY_PAGES * PAGE, 0, &object), 0);
	/* Or they would be one stream, and what is behind its reader leaves
	 * without the daemon, and without the policy, when it happens to. */
	CHECK_INT(vm_object_advise(object, VM_ADVICE_RANDOM), 0);
	for (uint64_t i = 0; i < MANY_PAGES; i++)
		vm_page_release(core_grab(i, VM_GRAB_READ));
}

static void
rest(void)
{
	while (vm_limit_shortage(&vm->limit) != 0)
		sched_yield();
	audit(vm);
}

TEST(free_pages_are_kept_ahead_of_need)
{
	core_set_up(0);
	for (uint64_t i = 0; i < FILE_PAGES; i++)
		CHECK_INT(core_get(i, 0), i);
	rest();
	CHECK(atomic_load(&vm->limit.free) >= vm->limit.low);
	core_tear_down();
}

TEST(dirty_victims_are_written_before_they_leave)
{
	struct vm_stat s = VM_STAT_INIT;

	core_set_up(0);
	for (uint64_t i = 0; i < FILE_PAGES; i++)
		core_put(i, i + 1);
	rest();
	CHECK_INT(vm_stat(vm, &s), 0);
	CHECK(s.evicted_dirty + s.evicted_clean >=
	    FILE_PAGES - CORE_LIMIT_PAGES);
	CHECK(s.evicted_dirty > 0);
	for (uint64_t i = 0; i < FILE_PAGES; i++)
		CHECK_INT(core_get(i, 1), i + 1);
	core_tear_down();
}

TEST(wired_and_held_pages_stay)
{
	struct vm_page *a, *b;

	core_set_up(0);
	CHECK_INT(vm_object_wire(object, 0, 20 * PAGE), 0);
	a = core_grab(30, VM_GRAB_READ);
	b = core_grab(31, VM_GRAB_WRITE);
	for (int turn = 0; turn < 5; turn++)
		for (uint64_t i = 32; i < FILE_PAGES; i++)
			CHECK_INT(core_get(i, 0), i);
	for (uint64_t i = 0; i < 20; i++)
		CHECK(core_resident(i));
	CHECK(*(uint64_t *)vm_page_data(a) == 30 && vm_page_pindex(a) == 30);
	CHECK(*(uint64_t *)vm_page_data(b) == 31 && vm_page_pindex(b) == 31);
	vm_page_release(a);
	vm_page_release(b);
	CHECK_INT(vm_object_unwire(object, 0, 20 * PAGE), 0);
	rest();
	core_tear_down();
}

/* What it cannot write it tries again, later; others come and go. */
TEST(a_write_that_fails_is_tried_again)
{
	core_set_up(0);
	atomic_store(&faulty.write_errno, EIO);
	for (uint64_t i = 0; i < 10; i++)
		core_put(i, i + 1);
	for (uint64_t i = 10; i < FILE_PAGES; i++)
		CHECK_INT(core_get(i, 0), i);
	CHECK_INT(object->dirty, 10);
	CHECK(object->write_errors > 0);
	atomic_store(&faulty.write_errno, 0);
	/* Until the daemon has written them. */
	for (uint64_t i = 10; object->dirty != 0; i++)
		(void)core_get(i % 90 + 10, 0);
	for (uint64_t i = 0; i < 10; i++)
		CHECK_INT(core_in_file(i), i + 1);
	core_tear_down();
}

static uint64_t
count(enum vm_counter counter)
{
	return vm_counter_read(vm->counters, counter);
}

/* NetBSD's processpage and uvm_pageout: who cannot be locked is passed over,
 * others go, and the cost is one refusal a round. */
TEST(a_page_locked_at_the_cold_end_stops_nobody)
{
	struct vm_page *held[2];
	uint64_t rounds = 10;

	core_set_up(0);
	held[0] = core_grab(0, VM_GRAB_WRITE);
	held[1] = core_grab(1, VM_GRAB_READ);
	for (uint64_t turn = 0; turn < rounds; turn++)
		for (uint64_t i = 2; i < FILE_PAGES; i++)
			CHECK_INT(core_get(i, 0), i);
	CHECK(count(VM_COUNTER_evicted_clean) >
	    rounds * (FILE_PAGES - CORE_LIMIT_PAGES) - CORE_LIMIT_PAGES);
	CHECK(count(VM_COUNTER_victims_busy) <
	    count(VM_COUNTER_evicted_clean) / 4);
	CHECK_INT(*(uint64_t *)vm_page_data(held[0]), 0);
	CHECK_INT(*(uint64_t *)vm_page_data(held[1]), 1);
	vm_page_release(held[0]);
	vm_page_release(held[1]);
	rest();
	core_tear_down();
}

/* Each pass tries a page once, however often its write fails. */
TEST(a_failing_pager_is_asked_once_a_pass_for_each_page)
{
	struct vm_page *page;
	int error = 0;

	core_create(20 * 1000 * 1000);
	core_new_file();
	CHECK_INT(vm_object_create_file(vm, core_fd, 0, VM_LENGTH_ALL,
	    VM_OBJECT_WRITABLE, &object), 0);
	atomic_store(&faulty.write_errno, EIO);
	for (uint64_t i = 0; i < FILE_PAGES && error == 0; i++) {
		do {	/* the daemon may not have come yet */
			error = vm_page_grab(object, i, VM_GRAB_WRITE, &page);
		} while (error != 0 && object->write_errors == 0);
		if (error != 0)
			break;
		((uint64_t *)vm_page_data(page))[1] = i + 1;
		vm_page_dirty(page, 8, 8);
		vm_page_release(page);
	}
	CHECK_INT(error, -ENOMEM);	/* every page is dirty and stays */
	CHECK(object->write_errors > 0);
	CHECK(object->write_errors <=
	    count(VM_COUNTER_wakeups) * CORE_LIMIT_PAGES);
	atomic_store(&faulty.write_errno, 0);
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	for (uint64_t i = 0; i < 10; i++)
		CHECK_INT(core_in_file(i), i + 1);
	CHECK_INT(core_get(FILE_PAGES - 1, 0), FILE_PAGES - 1);
	rest();				/* it has heard that it can go on */
	core_tear_down();
}

TEST(a_precious_page_reaches_the_pager_before_it_leaves)
{
	struct vm_page *page;

	core_set_up(0);
	page = core_grab(0, VM_GRAB_WRITE);
	((uint64_t *)vm_page_data(page))[1] = 77;
	vm_content_set_precious(page, true);
	vm_page_release(page);
	for (uint64_t i = 1; core_resident(0); i++)
		(void)core_get(i % (FILE_PAGES - 1) + 1, 0);
	CHECK_INT(core_in_file(0), 77);
	CHECK_INT(core_get(0, 1), 77);
	rest();
	core_tear_down();
}

TEST(a_page_whose_frame_is_held_stays)
{
	struct vm_page *page;

	core_set_up(0);
	page = core_grab(0, VM_GRAB_READ);
	CHECK_INT(vm_page_hold(page), 0);
	vm_page_release(page);
	for (int turn = 0; turn < 5; turn++)
		for (uint64_t i = 1; i < FILE_PAGES; i++)
			CHECK_INT(core_get(i, 0), i);
	CHECK(core_resident(0));
	vm_page_unhold(page);
	for (uint64_t i = 1; core_resident(0); i++)
		(void)core_get(i % (FILE_PAGES - 1) + 1, 0);
	rest();
	core_tear_down();
}

/* More pages than the new limit has: all of them in one pass, for nobody asks
 * for another. */
TEST(a_limit_cut_to_a_tenth_is_reached)
{
	uint64_t above;

	set_up_many(0);
	CHECK_INT(vm_set_limit(vm, FEW_PAGES * PAGE, &above), 0);
	CHECK(above >= MANY_PAGES - FEW_PAGES - vm->limit.target);
	rest();
	CHECK(vm_queue_count(&vm->queue) <= FEW_PAGES);
	core_tear_down();
}

/* The daemon frees 900 pages; what was asked for at once, at most. */
static unsigned
shrink_by_batches(unsigned batch)
{
	set_up_many(batch);
	atomic_store(&asked_most, 0);
	atomic_store(&asked_times, 0);
	CHECK_INT(vm_set_limit(vm, FEW_PAGES * PAGE, NULL), 0);
	rest();
	CHECK(count(VM_COUNTER_evicted_clean) >= MANY_PAGES - FEW_PAGES);
	core_tear_down();
	return atomic_load(&asked_most);
}

/* PAGEDAEMON_OBJCHUNK: a round is over after so many, and whether there must
 * be another is asked then. */
TEST(a_round_of_the_daemon_is_a_batch_of_pages)
{
	static const unsigned batches[] = { 1, 3, 256 };

	for (unsigned i = 0; i < VM_COUNT(batches); i++) {
		CHECK_INT(shrink_by_batches(batches[i]), batches[i]);
		CHECK(atomic_load(&asked_times) >=
		    (MANY_PAGES - FEW_PAGES) / batches[i]);
	}
}

TEST(a_batch_is_128_pages_unless_it_is_given)
{
	CHECK_INT(shrink_by_batches(0), 128);
}

TEST(each_policy_and_a_tiny_system_do)
{
	for (const char *const *name = vm_policy_names(); *name != NULL;
	    name++) {
		struct vm_options o = VM_OPTIONS_INIT;

		faulty_reset();
		core_new_file();
		o.resident_max_bytes = 16 * PAGE;
		o.policy = *name;
		CHECK_INT(vm_create_on(&o, &faulty_os, &pmap_nobody, &vm), 0);
		CHECK_STR(vm_policy_name(vm), *name);
		CHECK_INT(vm_object_create_file(vm, core_fd, 0,
		    VM_LENGTH_ALL, VM_OBJECT_WRITABLE, &object), 0);
		for (uint64_t i = 0; i < 5 * FILE_PAGES; i++)
			core_put(i * 37 % FILE_PAGES, i);
		rest();
		core_tear_down();
	}
}
