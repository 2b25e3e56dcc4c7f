/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A cleaner without a thread, step by step, on a clock that stands still unless
 * a test moves it.  The system has 64 pages; the age is 30 s, so that looks are
 * 15 s apart.
 */
#include "pageout/clean.h"

#include "api/audit.h"
#include "base/futex.h"
#include "one_object.h"
#include "stat/stat.h"

#define SECOND_NS UINT64_C(1000000000)

static struct vm_os os;
static struct vm_cleaner *cleaner;
static _Atomic uint64_t now_ns;

static uint64_t
clock_ns(void)
{
	return atomic_load(&now_ns);
}

static const struct vm_clean_how usual = {
	.age_ns = 30 * SECOND_NS, .share = 100,
	.rate_bytes = UINT64_C(1) << 20,
};

static void
set_up(const struct vm_clean_how *how)
{
	struct vm_options o = VM_OPTIONS_INIT;

	faulty_reset();
	os = faulty_os;
	os.clock_ns = clock_ns;
	atomic_store(&now_ns, SECOND_NS);
	o.resident_max_bytes = CORE_LIMIT_PAGES * PAGE;
	o.swap_directory = core_directory();
	CHECK_INT(vm_create_on(&o, &os, &CORE_PMAP, &vm), 0);
	core_new_file();
	CHECK_INT(vm_object_create_file(vm, core_fd, 0, VM_LENGTH_ALL,
	    VM_OBJECT_WRITABLE, &object), 0);
	CHECK_INT(vm_object_advise(object, VM_ADVICE_RANDOM), 0);
	CHECK_INT(vm_cleaner_new(vm, &cleaner), 0);
	vm_cleaner_tell(cleaner, how);
}

static void
tear_down(void)
{
	vm_cleaner_free(cleaner);
	core_tear_down();
}

static uint64_t
cleaned(void)
{
	return vm_counter_read(vm->counters, VM_COUNTER_cleaned_pages);
}

static uint64_t
written(void)
{
	return vm_counter_read(vm->counters, VM_COUNTER_writes);
}

/* What a thread would do until then, in no time; the next step is due then or
 * later. */
static void
work_until(uint64_t end_ns)
{
	while (atomic_load(&now_ns) < end_ns) {
		bool rests;
		uint64_t wait_ns = vm_cleaner_step(cleaner, &rests);
		uint64_t left_ns = end_ns - atomic_load(&now_ns);

		if (wait_ns == 0)
			continue;
		atomic_fetch_add(&now_ns, wait_ns < left_ns ? wait_ns :
		    left_ns);
	}
}

static void
work_for(uint64_t seconds)
{
	work_until(atomic_load(&now_ns) + seconds * SECOND_NS);
}

static void
check_dirty(uint64_t count)
{
	struct vm_stat s = VM_STAT_INIT;

	CHECK_INT(vm_stat(vm, &s), 0);
	CHECK_INT(s.dirty_external_pages, count);
	CHECK_INT(s.dirty_pages, count);
	CHECK_INT(vm_audit_idle(vm), 0);
}

TEST(what_is_dirty_is_counted_until_it_is_clean_or_gone)
{
	set_up(&usual);
	check_dirty(0);
	core_put(3, 1);
	core_put(3, 2);
	core_put(4, 1);
	check_dirty(2);
	CHECK_INT(vm_object_sync(object, 3 * PAGE, PAGE), 0);
	check_dirty(1);
	vm_page_free(core_grab(4, VM_GRAB_WRITE), 0);
	check_dirty(0);
	tear_down();
}

TEST(a_page_is_written_when_it_has_been_dirty_for_half_of_the_age)
{
	set_up(&usual);
	core_put(5, 50);
	work_for(14);
	CHECK_INT(cleaned(), 0);
	CHECK_INT(core_in_file(5), 0);
	work_for(2);
	CHECK_INT(cleaned(), 1);
	CHECK_INT(core_in_file(5), 50);
	check_dirty(0);
	CHECK(core_resident(5));
	tear_down();
}

/* Dirty just behind a look: the next one sees it first. */
TEST(a_page_is_written_before_it_has_been_dirty_for_the_age)
{
	set_up(&usual);
	core_put(5, 50);
	work_for(1);
	core_put(7, 70);
	work_for(27);
	CHECK_INT(cleaned(), 1);
	work_for(3);
	CHECK_INT(cleaned(), 2);
	CHECK_INT(core_in_file(7), 70);
	tear_down();
}

TEST(a_page_that_is_written_to_without_a_pause_is_written_once_in_a_while)
{
	set_up(&usual);
	for (uint64_t i = 0; i < 300; i++) {
		core_put(5, i);
		work_for(1);
	}
	CHECK(cleaned() >= 8 && cleaned() <= 11);
	tear_down();
}

TEST(neighbours_are_one_write)
{
	set_up(&usual);
	for (uint64_t i = 20; i > 10; i--)
		core_put(i, i);
	core_put(22, 22);
	work_for(16);
	CHECK_INT(cleaned(), 11);
	CHECK_INT(written(), 2);
	tear_down();
}

/* A page a second; ten pages that are no neighbours. */
TEST(writes_keep_to_the_rate)
{
	struct vm_clean_how how = usual;

	how.rate_bytes = PAGE;
	set_up(&how);
	for (uint64_t i = 0; i < 10; i++)
		core_put(2 * i, i);
	work_for(15);
	CHECK_INT(cleaned(), 0);
	work_for(4);
	CHECK(cleaned() >= 3 && cleaned() <= 5);
	work_for(10);
	CHECK_INT(cleaned(), 10);
	tear_down();
}

TEST(who_reads_makes_it_four_times_slower)
{
	struct vm_clean_how how = usual;

	how.rate_bytes = PAGE;
	set_up(&how);
	for (uint64_t i = 0; i < 10; i++)
		core_put(2 * i, i);
	work_for(15);
	for (int i = 0; i < 16; i++) {
		vm_pressure_reads(&vm->limit.pressure, atomic_load(&now_ns));
		work_for(1);
	}
	CHECK(cleaned() >= 3 && cleaned() <= 5);
	tear_down();
}

/* 64 pages, 25 %: more than 16. */
TEST(above_the_share_pages_of_a_second_are_old)
{
	struct vm_clean_how how = usual;

	how.share = 25;
	set_up(&how);
	for (uint64_t i = 0; i < 20; i++)
		core_put(2 * i, i);
	work_for(1);
	CHECK_INT(cleaned(), 0);
	work_for(2);
	CHECK_INT(cleaned(), 4);
	work_for(10);
	CHECK_INT(cleaned(), 4);	/* the others are not old */
	work_for(20);
	CHECK_INT(cleaned(), 20);
	tear_down();
}

TEST(anonymous_pages_are_neither_counted_nor_written)
{
	struct vm_object *anon;
	struct vm_page *page;

	set_up(&usual);
	CHECK_INT(vm_object_create_anon(vm, 10 * PAGE, 0, &anon), 0);
	CHECK_INT(vm_page_grab(anon, 1, VM_GRAB_WRITE, &page), 0);
	vm_page_dirty(page, 0, 8);
	vm_page_release(page);
	core_put(5, 50);
	work_for(60);
	CHECK_INT(cleaned(), 1);
	CHECK_INT(vm_dirty_pages(vm), 0);
	CHECK_INT(atomic_load(&anon->dirty), 1);
	CHECK_INT(vm_object_destroy(anon), 0);
	tear_down();
}

TEST(pages_that_no_sync_may_collect_are_left_alone)
{
	struct vm_page *page;

	set_up(&usual);
	core_put(5, 50);
	page = core_grab(5, VM_GRAB_WRITE);
	vm_page_set_nosync(page, 1);
	vm_page_release(page);
	core_put(6, 60);
	work_for(60);
	CHECK_INT(cleaned(), 1);
	CHECK_INT(core_in_file(5), 0);
	CHECK_INT(core_in_file(6), 60);
	tear_down();
}

TEST(nobody_waits_for_a_page_that_somebody_is_in)
{
	struct vm_page *page;

	set_up(&usual);
	core_put(5, 50);
	page = core_grab(5, VM_GRAB_WRITE);
	work_for(60);
	CHECK_INT(cleaned(), 0);
	vm_page_release(page);
	work_for(60);
	CHECK_INT(cleaned(), 1);
	tear_down();
}

TEST(a_write_that_fails_is_tried_again_less_and_less_often)
{
	struct vm_stat s = VM_STAT_INIT;

	set_up(&usual);
	core_put(5, 50);
	atomic_store(&faulty.write_errno, EIO);
	work_for(1000);
	CHECK_INT(vm_stat(vm, &s), 0);
	CHECK(s.write_errors >= 10 && s.write_errors <= 40);
	CHECK_INT(cleaned(), 0);
	check_dirty(1);
	atomic_store(&faulty.write_errno, 0);
	work_for(100);
	CHECK_INT(cleaned(), 1);
	CHECK_INT(core_in_file(5), 50);
	tear_down();
}

TEST(with_nothing_dirty_it_rests_after_a_second_look)
{
	bool rests;

	set_up(&usual);
	CHECK_INT(vm_cleaner_step(cleaner, &rests), SECOND_NS);
	CHECK(rests);
	CHECK_INT(vm_cleaner_step(cleaner, &rests), VM_FUTEX_FOREVER);
	CHECK(rests);
	core_put(5, 50);
	CHECK(vm_cleaner_step(cleaner, &rests) != VM_FUTEX_FOREVER);
	CHECK(!rests);
	tear_down();
}

TEST(one_that_is_off_sleeps_and_is_not_called)
{
	struct vm_clean_how how = usual;
	bool rests;

	how.off = true;
	set_up(&how);
	core_put(5, 50);
	CHECK_INT(vm_cleaner_step(cleaner, &rests), VM_FUTEX_FOREVER);
	CHECK(!rests);
	tear_down();
}

/* -- with its thread ------------------------------------------------------- */

/* Whether it sleeps until something is dirty. */
static bool
thread_rests(void)
{
	return atomic_load(&vm->limit.cleaner_rests);
}

static void
until_clean(void)
{
	while (vm_dirty_pages(vm) != 0)
		os.yield();
}

/* 2 ms of age: at once, for a test; what is waited for comes. */
TEST(the_first_dirty_page_wakes_the_thread)
{
	struct vm_clean_how how = usual, got;

	how.age_ns = 2000000;
	core_set_up(0);
	os = faulty_os;
	vm_cleaner_get(vm, &got);
	CHECK(got.off);
	CHECK_INT(vm_cleaner_set(vm, &how), 0);
	while (!thread_rests())
		os.yield();
	core_put(5, 50);
	until_clean();
	CHECK_INT(core_in_file(5), 50);
	core_put(6, 60);
	until_clean();
	CHECK_INT(core_in_file(6), 60);
	vm_cleaner_get(vm, &got);
	CHECK(!got.off && got.age_ns == how.age_ns && got.share == 100);
	core_tear_down();
}

TEST(each_failure_to_begin_leaves_it_off)
{
	unsigned failures = 0;

	core_set_up(0);
	for (;; failures++) {
		struct vm_clean_how got;

		atomic_store(&faulty.fail_at, atomic_load(&faulty.calls) + 1 +
		    failures);
		atomic_store(&faulty.failed, NULL);
		if (vm_cleaner_set(vm, &usual) == 0)
			break;
		vm_cleaner_get(vm, &got);
		CHECK(got.off);
	}
	CHECK(failures >= 2);
	atomic_store(&faulty.fail_at, 0);
	core_tear_down();
}
