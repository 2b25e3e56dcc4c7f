/* SPDX-License-Identifier: BSD-2-Clause */
/* Time that is lost to waiting, counted by a clock of the test's own. */
#include "limit/pressure.h"

#include "check.h"

#define MS UINT64_C(1000000)
#define S (1000 * MS)

static struct vm_pressure p;
static struct vm_counters counters;
static struct vm_stall_figures figures[VM_WAITS][VM_STALLS];

static enum vm_pressure_level
judge(uint64_t ms)
{
	enum vm_pressure_level before;

	return vm_pressure_judge(&p, &counters, false, S + ms * MS, &before);
}

static void
set_up(void)
{
	counters = (struct vm_counters){ 0 };
	vm_pressure_init(&p);
	CHECK_INT(judge(0), VM_LEVEL_NONE);
}

static void
enter(enum vm_wait_for_what what, uint64_t ms)
{
	vm_pressure_enter(&p, &counters, what, S + ms * MS);
}

static void
leave(enum vm_wait_for_what what, uint64_t ms)
{
	vm_pressure_leave(&p, &counters, what, S + ms * MS);
}

static uint64_t
total_us(enum vm_wait_for_what what, enum vm_stall stall, uint64_t ms)
{
	vm_pressure_read(&p, &counters, S + ms * MS, figures);
	return figures[what][stall].total_us;
}

/* Threads that do something until that time. */
static void
active(unsigned threads, uint64_t ms)
{
	for (unsigned i = 0; i < threads; i++)
		atomic_fetch_add(&counters.shard[i].value[VM_COUNTER_grabs],
		    1);
	vm_pressure_read(&p, &counters, S + ms * MS, figures);
}

TEST(who_waits_alone_is_some_and_full)
{
	set_up();
	enter(VM_WAITS_MEMORY, 10);
	leave(VM_WAITS_MEMORY, 17);
	CHECK_INT(total_us(VM_WAITS_MEMORY, VM_STALL_SOME, 20), 7000);
	CHECK_INT(total_us(VM_WAITS_MEMORY, VM_STALL_FULL, 20), 7000);
	CHECK_INT(total_us(VM_WAITS_MISS, VM_STALL_SOME, 20), 0);
	vm_pressure_fini(&p);
}

TEST(a_wait_that_goes_on_counts_already)
{
	set_up();
	enter(VM_WAITS_MISS, 0);
	CHECK_INT(total_us(VM_WAITS_MISS, VM_STALL_SOME, 5), 5000);
	leave(VM_WAITS_MISS, 6);
	CHECK_INT(total_us(VM_WAITS_MISS, VM_STALL_SOME, 9), 6000);
	vm_pressure_fini(&p);
}

TEST(two_who_wait_at_once_are_counted_once)
{
	set_up();
	enter(VM_WAITS_MEMORY, 0);
	enter(VM_WAITS_MEMORY, 4);
	leave(VM_WAITS_MEMORY, 6);
	leave(VM_WAITS_MEMORY, 10);
	CHECK_INT(total_us(VM_WAITS_MEMORY, VM_STALL_SOME, 20), 10000);
	vm_pressure_fini(&p);
}

TEST(full_is_only_when_all_that_are_active_wait)
{
	set_up();
	active(3, 2000);
	enter(VM_WAITS_MEMORY, 2010);
	enter(VM_WAITS_MEMORY, 2020);
	enter(VM_WAITS_MEMORY, 2030);
	leave(VM_WAITS_MEMORY, 2035);
	leave(VM_WAITS_MEMORY, 2040);
	leave(VM_WAITS_MEMORY, 2050);
	CHECK_INT(total_us(VM_WAITS_MEMORY, VM_STALL_SOME, 2060), 40000);
	CHECK_INT(total_us(VM_WAITS_MEMORY, VM_STALL_FULL, 2060), 5000);
	vm_pressure_fini(&p);
}

TEST(who_has_gone_is_active_no_more)
{
	set_up();
	active(3, 2000);
	active(0, 4000);
	enter(VM_WAITS_MEMORY, 4000);
	leave(VM_WAITS_MEMORY, 4010);
	CHECK_INT(total_us(VM_WAITS_MEMORY, VM_STALL_FULL, 4020), 10000);
	vm_pressure_fini(&p);
}

/* Half of the time, for a minute: in hundredths of a percent. */
TEST(averages_come_to_the_share_and_fall_again)
{
	set_up();
	for (uint64_t ms = 0; ms < 60000; ms += 1000) {
		enter(VM_WAITS_MEMORY, ms);
		leave(VM_WAITS_MEMORY, ms + 500);
	}
	(void)total_us(VM_WAITS_MEMORY, VM_STALL_SOME, 60000);
	CHECK(figures[VM_WAITS_MEMORY][VM_STALL_SOME].average[0] > 4900);
	CHECK(figures[VM_WAITS_MEMORY][VM_STALL_SOME].average[0] <= 5000);
	CHECK(figures[VM_WAITS_MEMORY][VM_STALL_SOME].average[1] > 3000);
	CHECK(figures[VM_WAITS_MEMORY][VM_STALL_SOME].average[1] < 3300);
	CHECK(figures[VM_WAITS_MEMORY][VM_STALL_SOME].average[2] > 850);
	CHECK(figures[VM_WAITS_MEMORY][VM_STALL_SOME].average[2] < 950);
	(void)total_us(VM_WAITS_MEMORY, VM_STALL_SOME, 70000);
	CHECK(figures[VM_WAITS_MEMORY][VM_STALL_SOME].average[0] > 1500);
	CHECK(figures[VM_WAITS_MEMORY][VM_STALL_SOME].average[0] < 2500);
	vm_pressure_fini(&p);
}

TEST(years_without_a_wait_leave_nothing)
{
	set_up();
	enter(VM_WAITS_MISS, 0);
	leave(VM_WAITS_MISS, 60000);
	(void)total_us(VM_WAITS_MISS, VM_STALL_SOME, UINT64_C(1) << 36);
	CHECK_INT(figures[VM_WAITS_MISS][VM_STALL_SOME].average[2], 0);
	vm_pressure_fini(&p);
}

/* Of two threads that read their clocks, the later may come first. */
TEST(a_clock_that_goes_back_a_little_loses_nothing)
{
	set_up();
	enter(VM_WAITS_MEMORY, 10);
	enter(VM_WAITS_MEMORY, 9);
	leave(VM_WAITS_MEMORY, 8);
	leave(VM_WAITS_MEMORY, 20);
	CHECK_INT(total_us(VM_WAITS_MEMORY, VM_STALL_SOME, 20), 10000);
	vm_pressure_fini(&p);
}

TEST(the_level_rises_within_the_second_and_falls_after_it)
{
	set_up();
	active(2, 2000);
	CHECK_INT(judge(3000), VM_LEVEL_NONE);
	enter(VM_WAITS_MEMORY, 3000);
	CHECK_INT(judge(3009), VM_LEVEL_NONE);
	CHECK_INT(judge(3010), VM_LEVEL_SOME);
	CHECK_INT(judge(3099), VM_LEVEL_SOME);
	CHECK_INT(judge(3100), VM_LEVEL_MEDIUM);
	leave(VM_WAITS_MEMORY, 3100);
	CHECK_INT(judge(3999), VM_LEVEL_MEDIUM);
	CHECK_INT(judge(4000), VM_LEVEL_MEDIUM);	/* that second was */
	CHECK_INT(judge(4500), VM_LEVEL_MEDIUM);
	CHECK_INT(judge(5000), VM_LEVEL_NONE);
	vm_pressure_fini(&p);
}

TEST(it_is_critical_when_nobody_gets_on)
{
	set_up();
	enter(VM_WAITS_MEMORY, 0);
	CHECK_INT(judge(99), VM_LEVEL_SOME);
	CHECK_INT(judge(100), VM_LEVEL_CRITICAL);
	leave(VM_WAITS_MEMORY, 100);
	vm_pressure_fini(&p);
}

/* One page that is read makes nobody short of memory. */
TEST(misses_alone_are_no_pressure)
{
	set_up();
	enter(VM_WAITS_MISS, 0);
	CHECK_INT(judge(900), VM_LEVEL_NONE);
	leave(VM_WAITS_MISS, 900);
	vm_pressure_fini(&p);
}

TEST(vain_passes_are_critical_at_once)
{
	enum vm_pressure_level before;

	set_up();
	CHECK_INT(vm_pressure_judge(&p, NULL, true, S, &before),
	    VM_LEVEL_CRITICAL);
	CHECK_INT(before, VM_LEVEL_NONE);
	CHECK_INT(vm_pressure_judge(&p, NULL, false, S + MS, &before),
	    VM_LEVEL_CRITICAL);
	CHECK_INT(before, VM_LEVEL_CRITICAL);
	CHECK_INT(vm_pressure_judge(&p, NULL, false, 3 * S, &before),
	    VM_LEVEL_NONE);
	vm_pressure_fini(&p);
}

TEST(leaving_without_having_waited_dies)
{
	set_up();
	CHECK_DIES(leave(VM_WAITS_MISS, 1));
	vm_pressure_fini(&p);
}

/* Whoever serves two of another process's threads counts their faults himself,
 * and is none who uses the system.  Folds are at 1 s and 3 s. */
TEST(who_serves_others_is_not_active_and_those_are)
{
	set_up();
	vm_count(&counters, VM_COUNTER_faults, 2);
	vm_pressure_enter_for(&p, &counters, VM_WAITS_MISS, S, 11);
	vm_pressure_enter_for(&p, &counters, VM_WAITS_MISS, S, 12);
	leave(VM_WAITS_MISS, 1000);
	leave(VM_WAITS_MISS, 1200);
	CHECK_INT(total_us(VM_WAITS_MISS, VM_STALL_SOME, 1400), 1200000);
	CHECK_INT(total_us(VM_WAITS_MISS, VM_STALL_FULL, 1400), 1000000);
	vm_pressure_enter_for(&p, &counters, VM_WAITS_MISS, S + 1500 * MS, 11);
	CHECK_INT(total_us(VM_WAITS_MISS, VM_STALL_SOME, 1700), 1400000);
	CHECK_INT(total_us(VM_WAITS_MISS, VM_STALL_FULL, 1700), 1000000);
	vm_pressure_enter_for(&p, &counters, VM_WAITS_MISS, S + 1700 * MS, 12);
	CHECK_INT(total_us(VM_WAITS_MISS, VM_STALL_FULL, 1900), 1200000);
	leave(VM_WAITS_MISS, 1900);
	leave(VM_WAITS_MISS, 1900);
	vm_pressure_fini(&p);
}

TEST(a_reader_is_one_for_a_moment_after_its_read)
{
	set_up();
	CHECK(!vm_pressure_reading(&p, S));
	vm_pressure_reads(&p, S);
	CHECK(vm_pressure_reading(&p, S));
	CHECK(vm_pressure_reading(&p, S + VM_READING_NS - 1));
	CHECK(!vm_pressure_reading(&p, S + VM_READING_NS));
	vm_pressure_fini(&p);
}
