/* SPDX-License-Identifier: BSD-2-Clause */
/* The public side of the limit, over a whole system: limit.c and account.c. */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "audit.h"
#include "base/compiler.h"
#include "one_object.h"

#define MIB (UINT64_C(1) << 20)
#define SECOND UINT64_C(1000000000)

/* A system of 64 pages, and what else o says. */
static int
make(struct vm_options *o)
{
	faulty_reset();
	o->swap_directory = core_directory();
	if (o->resident_max_bytes == 0 && o->memlimit_bytes == 0)
		o->resident_max_bytes = CORE_LIMIT_PAGES * PAGE;
	return vm_create_on(o, &faulty_os, &pmap_nobody, &vm);
}

static void
make_object(void)
{
	core_new_file();
	CHECK_INT(vm_object_create_file(vm, core_fd, 0, VM_LENGTH_ALL,
	    VM_OBJECT_WRITABLE, &object), 0);
	CHECK_INT(vm_object_advise(object, VM_ADVICE_RANDOM), 0);
}

/* -- the budget of bytes --------------------------------------------------- */

/* The rump kernel's table: each text was given to it. */
TEST(limits_are_read_as_by_the_rump_kernel)
{
	static const struct {
		const char *text;
		int result;
		uint64_t given;
	} row[] = {
		{ "", -EINVAL, 0 }, { "0", -EINVAL, 0 }, { "1k", -EINVAL, 0 },
		{ "128k", -EINVAL, 0 }, { "m", -EINVAL, 0 },
		{ "131072", -EINVAL, 0 }, { "131073", 0, 131073 },
		{ "129k", 0, 132096 }, { "1m", 0, MIB }, { "1g", 0, MIB << 10 },
		{ " 4m", 0, 4 * MIB }, { "+4m", 0, 4 * MIB },
		{ "1M", -EINVAL, 0 }, { "1kb", -EINVAL, 0 },
		{ "1t", -EINVAL, 0 }, { "4 m", -EINVAL, 0 },
		{ "4mm", -EINVAL, 0 }, { "0x100000", -EINVAL, 0 },
		{ "-1", 0, UINT64_MAX }, { "-1k", -ERANGE, 0 },
		{ "17179869184g", -ERANGE, 0 },
		{ "99999999999999999999", 0, UINT64_MAX },
		{ "99999999999999999999k", -ERANGE, 0 },
	};

	for (size_t i = 0; i < VM_COUNT(row); i++) {
		struct vm_memlimit m = { 0 };

		CHECK_INT(vm_memlimit_parse(row[i].text, VM_MEMLIMIT_RUMP,
		    &m), row[i].result);
		CHECK(m.given == row[i].given);
		CHECK(row[i].result != 0 || m.given - m.reserve == m.limit);
	}
}

TEST(one_mebibyte_has_the_bounds_of_the_rump_kernel)
{
	struct vm_memlimit m;

	CHECK_INT(vm_memlimit_parse("1m", VM_MEMLIMIT_RUMP, &m), 0);
	CHECK_INT(m.limit, 917504);
	CHECK_INT(m.reserve, 131072);
	CHECK_INT(m.mark, 825750);
	CHECK_INT(m.free_target, 22);
	CHECK(m.warning == NULL);
	CHECK_INT(vm_memlimit_parse("1048575", 0, &m), 0);
	CHECK(strstr(m.warning, "1 MiB") != NULL);
}

TEST(limits_are_read_strictly_unless_asked_otherwise)
{
	static const struct {
		const char *text;
		int result;
		uint64_t given;
	} row[] = {
		{ "1MiB", 0, MIB }, { "1T", 0, MIB << 20 }, { "1M", 0, MIB },
		{ "", -EINVAL, 0 }, { "-1", -EINVAL, 0 }, { " 4m", -EINVAL, 0 },
		{ "+4m", -EINVAL, 0 }, { "128k", -EINVAL, 0 },
		{ "99999999999999999999", -ERANGE, 0 },
		{ "18446744073709551615", 0, UINT64_MAX },
	};

	for (size_t i = 0; i < VM_COUNT(row); i++) {
		struct vm_memlimit m = { 0 };

		CHECK_INT(vm_memlimit_parse(row[i].text, 0, &m),
		    row[i].result);
		CHECK(m.given == row[i].given);
	}
}

static uint64_t
count_nothing(void *arg)
{
	(void)arg;
	return 0;
}

TEST(the_environment_says_how_much_or_nothing)
{
	struct vm_options o = VM_OPTIONS_INIT;
	char text[65];

	unsetenv("RESIDENT_MEMLIMIT");
	CHECK_INT(vm_options_from_env(&o, NULL), 0);
	CHECK_INT(o.memlimit_bytes, 0);
	setenv("RESIDENT_MEMLIMIT", "1MiB", 1);
	CHECK_INT(vm_options_from_env(&o, NULL), 0);
	CHECK_INT(o.memlimit_bytes, MIB);
	CHECK_INT(vm_options_from_env(&o, "RESIDENT_NO_SUCH"), 0);
	CHECK_INT(o.memlimit_bytes, MIB);
	memset(text, '0', sizeof(text));
	memcpy(text + 60, "2m", 3);	/* 62 characters */
	setenv("RESIDENT_MEMLIMIT", text, 1);
	CHECK_INT(vm_options_from_env(&o, NULL), 0);
	CHECK_INT(o.memlimit_bytes, 2 * MIB);
	memcpy(text + 60, "002m", 5);	/* 64 */
	setenv("RESIDENT_MEMLIMIT", text, 1);
	CHECK_INT(vm_options_from_env(&o, NULL), -EINVAL);
	CHECK_STR(vm_last_error(),
	    "RESIDENT_MEMLIMIT: is longer than 63 characters");
	setenv("RESIDENT_MEMLIMIT", "%n\x1b[31m", 1);
	CHECK_INT(vm_options_from_env(&o, NULL), -EINVAL);
	CHECK_INT(o.memlimit_bytes, 2 * MIB);
	unsetenv("RESIDENT_MEMLIMIT");
	CHECK_INT(vm_options_from_env(NULL, NULL), -EINVAL);
	o.size_bytes--;
	CHECK_INT(vm_options_from_env(&o, NULL), -EINVAL);
	CHECK(strstr(vm_last_error(), "VM_OPTIONS_INIT") != NULL);
}

TEST(the_variable_may_have_another_name)
{
	struct vm_options o = VM_OPTIONS_INIT;
	char text[70];

	setenv("RESIDENT_OTHER", "3m", 1);
	CHECK_INT(vm_options_from_env(&o, "RESIDENT_OTHER"), 0);
	CHECK_INT(o.memlimit_bytes, 3 * MIB);
	memset(text, '0', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	setenv("RESIDENT_OTHER", text, 1);
	CHECK_INT(vm_options_from_env(&o, "RESIDENT_OTHER"), -EINVAL);
	CHECK_STR(vm_last_error(),
	    "RESIDENT_OTHER: is longer than 63 characters");
	unsetenv("RESIDENT_OTHER");
}

TEST(a_memory_limit_needs_a_text_a_place_and_known_flags)
{
	struct vm_memlimit m;

	CHECK_INT(vm_memlimit_parse(NULL, 0, &m), -EINVAL);
	CHECK_INT(vm_memlimit_parse("1m", 0, NULL), -EINVAL);
	CHECK_INT(vm_memlimit_parse("1m", 2, &m), -EINVAL);
	CHECK(strstr(vm_last_error(), "unknown flags") != NULL);
}

/* With a reserve of one's own the daemon's share is larger, or nothing is left
 * for others. */
TEST(the_reserve_of_a_budget_is_an_option)
{
	struct vm_options o = VM_OPTIONS_INIT;

	faulty_reset();
	o.memlimit_bytes = MIB;
	o.memlimit_reserve_bytes = MIB / 2;
	CHECK_INT(vm_create_on(&o, &faulty_os, &pmap_nobody, &vm), 0);
	CHECK_INT(vm->limit.budget.limit, MIB / 2);
	CHECK_INT(vm->limit.budget.given, MIB);
	CHECK_INT(vm_destroy(vm), 0);
	o.memlimit_reserve_bytes = MIB;
	CHECK_INT(vm_create_on(&o, &faulty_os, &pmap_nobody, &vm), -EINVAL);
	faulty_check_clean();
}

TEST(a_shrinker_without_one_of_its_calls_is_refused)
{
	struct vm_shrinker shrinker = { .count = NULL };

	core_create(0);
	CHECK_INT(vm_shrinker_add(vm, NULL), -EINVAL);
	CHECK_INT(vm_shrinker_add(vm, &shrinker), -EINVAL);
	shrinker.count = count_nothing;
	CHECK_INT(vm_shrinker_add(vm, &shrinker), -EINVAL);
	CHECK(strstr(vm_last_error(), "count or scan") != NULL);
	CHECK_INT(vm_shrinker_remove(vm, &shrinker), -ENOENT);
	CHECK_INT(vm_destroy(vm), 0);
}

TEST(a_budget_is_a_limit_too_and_pages_count)
{
	struct vm_options o = VM_OPTIONS_INIT;
	struct vm_stat s = VM_STAT_INIT;

	o.memlimit_bytes = MIB;
	CHECK_INT(make(&o), 0);
	CHECK_INT(vm_stat(vm, &s), 0);
	CHECK_INT(s.limit_pages, 256);
	make_object();
	for (uint64_t i = 0; i < FILE_PAGES; i++)
		CHECK_INT(core_get(i, 0), i);
	CHECK_INT(vm_used_bytes(vm), (uint64_t)object->resident * PAGE);
	CHECK_INT(vm_bytes_take(vm, 4096, 0), 0);
	CHECK_INT(vm_used_bytes(vm), (uint64_t)(object->resident + 1) * PAGE);
	CHECK_INT(vm_bytes_take(vm, MIB, SECOND), -ENOMEM);
	CHECK_INT(vm_object_destroy(object), 0);
	CHECK_INT(vm_destroy(vm), -EBUSY);
	vm_bytes_give(vm, 4096);
	CHECK_INT(vm_destroy(vm), 0);
	close(core_fd);
}

/* -- options --------------------------------------------------------------- */

TEST(watermarks_are_taken_and_printed_or_refused)
{
	struct vm_watermarks w = { .reserved = 2, .min = 9 };
	struct vm_options o = VM_OPTIONS_INIT;
	struct vm_stat s = VM_STAT_INIT;

	o.watermarks = &w;
	w.low = 9;
	CHECK_INT(make(&o), -EINVAL);
	CHECK(strstr(vm_last_error(), "watermarks") != NULL);
	w.low = 10;
	w.target = 33;
	CHECK_INT(make(&o), -EINVAL);
	w.target = 32;
	w.severe = 4;
	CHECK_INT(make(&o), 0);
	CHECK_INT(vm_stat(vm, &s), 0);
	CHECK_INT(s.interrupt_pages, 0);
	CHECK_INT(s.reserved_pages, 2);
	CHECK_INT(s.severe_pages, 4);
	CHECK_INT(s.min_pages, 9);
	CHECK_INT(s.low_pages, 10);
	CHECK_INT(s.target_pages, 32);
	CHECK_INT(vm_destroy(vm), 0);
	faulty_check_clean();
}

TEST(the_ladders_of_the_ancestors_can_be_had)
{
	struct vm_watermarks w;

	CHECK_INT(vm_watermarks_compute(VM_LADDER_FREEBSD, 10000, &w), 0);
	CHECK_INT(w.min, 111);
	CHECK_INT(vm_watermarks_compute(VM_LADDER_MACH, 10000, &w), 0);
	CHECK_INT(w.min, 500);
	CHECK_INT(vm_watermarks_compute(VM_LADDER_RESIDENT, 10000, &w), 0);
	CHECK_INT(w.min, 43);
	CHECK_INT(vm_watermarks_compute(VM_LADDER_MACH, 1999, &w), -ERANGE);
	CHECK_INT(vm_watermarks_compute(VM_LADDER_FREEBSD, 64, &w), -ERANGE);
	CHECK_INT(vm_watermarks_compute(3, 10000, &w), -EINVAL);
	CHECK_INT(vm_watermarks_compute(0, 15, &w), -EINVAL);
	CHECK_INT(vm_watermarks_compute(0, UINT64_C(1) << 28, &w), -EINVAL);
	CHECK_INT(vm_watermarks_compute(0, 16, NULL), -EINVAL);
}

/* -- waiting --------------------------------------------------------------- */

TEST(nobody_waits_while_memory_is_plenty)
{
	core_set_up(0);
	CHECK_INT(vm_wait(vm, UINT64_MAX, 0), 0);
	CHECK_INT(vm_wait(vm, UINT64_MAX, VM_WAIT_AS_FAULT), 0);
	CHECK_INT(vm_wait(vm, 0, 8), -EINVAL);
	CHECK_INT(vm_available(vm, 0), CORE_LIMIT_PAGES);
	CHECK_INT(vm_available(vm, 1), CORE_LIMIT_PAGES);
	core_tear_down();
}

static void *
wait_for_ever(void *arg)
{
	int *result = arg;

	*result = vm_wait(vm, UINT64_MAX, 0);
	return NULL;
}

/* All pages are held, so that nothing can be freed. */
static unsigned
hold_all(struct vm_page **pages)
{
	unsigned n = 0;

	while (vm_limit_take(&vm->limit, VM_HOME_POOL, VM_CLASS_INTERRUPT, 0,
	    &pages[n], 1) == 1)
		n++;
	return n;
}

TEST(who_waits_can_be_cancelled)
{
	struct vm_page *pages[CORE_LIMIT_PAGES];
	pthread_t thread;
	unsigned n;
	int result = 0;

	core_set_up(0);
	n = hold_all(pages);
	CHECK_INT(n, CORE_LIMIT_PAGES);
	CHECK_INT(vm_wait(vm, 0, 0), -ETIMEDOUT);
	CHECK(pthread_create(&thread, NULL, wait_for_ever, &result) == 0);
	while (atomic_load(&vm->limit.waiting) == 0)
		sched_yield();
	vm_wait_cancel(vm);
	CHECK(pthread_join(thread, NULL) == 0);
	CHECK_INT(result, -ECANCELED);
	vm_limit_give(&vm->limit, pages, n);
	core_tear_down();
}

TEST(pages_that_have_arrived_wake_who_waits)
{
	struct vm_page *pages[CORE_LIMIT_PAGES];
	pthread_t thread;
	unsigned n;
	int result = -1;

	core_set_up(0);
	n = hold_all(pages);
	vm_pageout_start(vm, 2);
	CHECK(pthread_create(&thread, NULL, wait_for_ever, &result) == 0);
	while (atomic_load(&vm->limit.waiting) == 0)
		sched_yield();
	vm_pageout_done(vm, 1);
	CHECK(pthread_join(thread, NULL) == 0);
	CHECK_INT(result, 0);
	CHECK_DIES(vm_pageout_done(vm, 2));
	vm_pageout_done(vm, 1);
	vm_limit_give(&vm->limit, pages, n);
	core_tear_down();
}

static uint64_t
wakeups(void)
{
	return vm_counter_read(vm->counters, VM_COUNTER_wakeups);
}

TEST(a_kick_wakes_the_daemon)
{
	core_set_up(0);
	for (int i = 0; i < 3; i++) {
		uint64_t before = wakeups();

		vm_kick(vm);
		while (wakeups() == before)
			sched_yield();
	}
	core_tear_down();
}

TEST(with_a_budget_a_kick_below_its_mark_is_none)
{
	struct vm_options o = VM_OPTIONS_INIT;

	o.memlimit_bytes = MIB;
	CHECK_INT(make(&o), 0);
	vm_kick(vm);
	CHECK(!atomic_load(&vm->limit.kicked));
	CHECK_INT(wakeups(), 0);
	CHECK_INT(vm_bytes_take(vm, 825750, 0), 0);
	vm_kick(vm);
	CHECK(!atomic_load(&vm->limit.kicked));
	CHECK_INT(wakeups(), 0);
	CHECK_INT(vm_bytes_take(vm, 1, 0), 0);
	while (wakeups() == 0)
		sched_yield();
	vm_bytes_give(vm, 825751);
	CHECK_INT(vm_destroy(vm), 0);
}

/* -- the daemon ------------------------------------------------------------ */

/* What was given up but is found still is enough: the dirty pages stay. */
TEST(pages_that_are_cached_are_used_before_any_is_written)
{
	struct vm_stat s = VM_STAT_INIT;

	core_set_up(0);
	for (uint64_t i = 0; i < 10; i++)
		core_put(i, i + 1);
	for (uint64_t i = 10; i < 58; i++)
		CHECK_INT(core_get(i, 0), i);
	for (uint64_t i = 10; i < 50; i++)
		CHECK_INT(vm_page_try_to_cache(object, i), 1);
	CHECK_INT(vm_available(vm, 1) - vm_available(vm, 0), 40);
	for (uint64_t i = 60; i < 90; i++)
		CHECK_INT(core_get(i, 0), i);
	CHECK_INT(vm_stat(vm, &s), 0);
	CHECK_INT(s.pages_out, 0);
	CHECK_INT(object->dirty, 10);
	audit(vm);
	core_tear_down();
}

/* A pass is over when the target is there, not when nothing is left. */
TEST(the_daemon_stops_at_target)
{
	core_set_up(0);
	for (uint64_t i = 0; i < FILE_PAGES; i++)
		CHECK_INT(core_get(i, 0), i);
	while (vm_limit_shortage(&vm->limit) != 0)
		sched_yield();
	CHECK(vm_available(vm, 1) >= vm->limit.low);
	CHECK(vm_available(vm, 1) <= 2 * vm->limit.target);
	core_tear_down();
}

/* The rump kernel's system of one mebibyte: takers block, the daemon writes,
 * they go on; and nothing exceeds the budget meanwhile. */
TEST(a_system_of_one_mebibyte_writes_what_does_not_fit)
{
	struct vm_options o = VM_OPTIONS_INIT;
	struct vm_stat s = VM_STAT_INIT;
	uint64_t value;

	o.memlimit_bytes = MIB;
	CHECK_INT(make(&o), 0);
	CHECK_INT(vm_object_create_anon(vm, 4 * MIB, 0, &object), 0);
	for (uint64_t i = 0; i < 4 * MIB / PAGE; i++) {
		core_put(i, i + 1);
		CHECK(vm_used_bytes(vm) <= MIB);
	}
	CHECK_INT(vm_stat(vm, &s), 0);
	CHECK(s.pages_out >= 3 * MIB / PAGE);
	for (uint64_t i = 0; i < 4 * MIB / PAGE; i++) {
		value = core_get(i, 1);
		CHECK_INT(value, i + 1);
	}
	CHECK_INT(vm_object_destroy(object), 0);
	CHECK_INT(vm_destroy(vm), 0);
}

/* -- figures and the limit ------------------------------------------------- */

TEST(the_estimate_is_of_all_resident_pages)
{
	static const char *const policy[] = { "clock2", "freebsd", "lru" };

	for (size_t i = 0; i < VM_COUNT(policy); i++) {
		struct vm_options o = VM_OPTIONS_INIT;
		uint64_t active = 99, inactive = 99;

		o.policy = policy[i];
		CHECK_INT(make(&o), 0);
		make_object();
		for (uint64_t k = 0; k < 20; k++)
			CHECK_INT(core_get(k, 0), k);
		vm_estimate(vm, &active, &inactive);
		CHECK_INT(active + inactive, 20);
		vm_estimate(vm, NULL, NULL);
		core_tear_down();
	}
}

TEST(the_limit_shrinks_under_resident_pages_and_grows_again)
{
	struct vm_options o = VM_OPTIONS_INIT;
	struct vm_stat s = VM_STAT_INIT;
	uint64_t above;

	o.grow_max_bytes = 128 * PAGE;
	CHECK_INT(make(&o), 0);
	make_object();
	CHECK_INT(vm_stat(vm, &s), 0);
	CHECK_INT(s.limit_pages, 64);
	CHECK_INT(vm_set_limit(vm, 128 * PAGE, NULL), 0);
	for (uint64_t i = 0; i < FILE_PAGES; i++)
		core_put(i, i + 1);
	CHECK_INT(object->resident, FILE_PAGES);
	CHECK_INT(vm_set_limit(vm, 32 * PAGE, &above), 0);
	CHECK(above > 0 && above <= 68);
	while (atomic_load(&vm->limit.debt) != 0)
		sched_yield();
	CHECK(object->resident <= 32);
	for (uint64_t i = 0; i < FILE_PAGES; i++)
		CHECK_INT(core_get(i, 1), i + 1);
	CHECK_INT(vm_set_limit(vm, 129 * PAGE, NULL), -EINVAL);
	CHECK_INT(vm_set_limit(vm, 15 * PAGE, NULL), -EINVAL);
	CHECK_INT(vm_set_limit(vm, UINT64_MAX, NULL), -EINVAL);
	CHECK_INT(vm_set_limit(vm, 64 * PAGE, &above), 0);
	CHECK_INT(above, 0);
	core_tear_down();
}

/* -- accounts -------------------------------------------------------------- */

TEST(accounts_are_charged_and_keep_their_system)
{
	struct vm_account_options a = VM_ACCOUNT_INIT;
	struct vm_account *account, *none;
	struct vm_account_stat s;

	core_create(0);
	CHECK_INT(vm_account_create(vm, NULL, &account), -EINVAL);
	CHECK_INT(vm_account_create(vm, &a, NULL), -EINVAL);
	a.name = "guest";
	a.bytes_max = 10;
	CHECK_INT(vm_account_create(vm, &a, &account), 0);
	CHECK_INT(vm_account_take(account, 7), 0);
	CHECK_INT(vm_account_take(account, 4), -ENOMEM);
	vm_account_stat(account, &s);
	CHECK_STR(s.name, "guest");
	CHECK_INT(s.bytes, 7);
	CHECK_INT(s.bytes_max, 10);
	CHECK_INT(s.refused, 1);
	CHECK(s.wired_pages == 0 && s.wired_max == UINT64_MAX);
	CHECK_INT(vm_account_destroy(account), -EBUSY);
	vm_account_give(account, 7);
	CHECK_INT(vm_destroy(vm), -EBUSY);
	a.size_bytes = 1;
	CHECK_INT(vm_account_create(vm, &a, &none), -EINVAL);
	CHECK_INT(vm_account_destroy(account), 0);
	CHECK_INT(vm_account_destroy(NULL), 0);
	CHECK_INT(vm_destroy(vm), 0);
}

/* -- what is done when nothing can be freed -------------------------------- */

static struct vm_page *held[CORE_LIMIT_PAGES];
static _Atomic unsigned held_count;	/* the daemon looks, too */
static _Atomic int told;

/* The daemon may find nothing to free before all that is held is counted. */
static void
give_three(void)
{
	while (atomic_load(&held_count) == 0)
		sched_yield();
	/* The second one may let him go who gives all that is held. */
	for (int i = 0; i < 3; i++) {
		unsigned count = atomic_load(&held_count);

		while (count != 0 && !atomic_compare_exchange_weak(
		    &held_count, &count, count - 1))
			continue;
		if (count != 0)
			vm_limit_give(&vm->limit, &held[count - 1], 1);
	}
}

static void
hear(void *arg, const char *sentence)
{
	CHECK(arg == &told);
	CHECK(strstr(sentence, "passes in a row freed nothing") != NULL);
	atomic_fetch_add(&told, 1);
	give_three();
}

TEST(who_hears_of_no_memory_can_save_the_one_who_waits)
{
	struct vm_options o = VM_OPTIONS_INIT;

	o.oom = hear;
	o.oom_arg = &told;
	atomic_store(&told, 0);
	CHECK_INT(make(&o), 0);
	make_object();
	atomic_store(&held_count, hold_all(held));
	CHECK_INT(core_get(5, 0), 5);	/* fails without the callback */
	CHECK_INT(atomic_load(&told), 1);
	vm_limit_give(&vm->limit, held, atomic_exchange(&held_count, 0));
	core_tear_down();
}

static _Atomic int level;	/* the highest */

static void
feel(void *arg, int now)
{
	CHECK(arg == &level);
	if (now > atomic_load(&level))
		atomic_store(&level, now);
}

/* Six passes in vain are 63 ms. */
TEST(who_wants_to_hears_that_somebody_waits)
{
	struct vm_options o = VM_OPTIONS_INIT;
	struct vm_stat s = VM_STAT_INIT;

	o.oom = hear;
	o.oom_arg = &told;
	o.pressure = feel;
	o.pressure_arg = &level;
	atomic_store(&level, VM_PRESSURE_NONE);
	CHECK_INT(make(&o), 0);
	make_object();
	atomic_store(&held_count, hold_all(held));
	CHECK_INT(core_get(5, 0), 5);
	while (atomic_load(&level) == VM_PRESSURE_NONE)
		vm_kick(vm);
	CHECK_INT(vm_stat(vm, &s), 0);
	CHECK(s.memory_some_us != 0 && s.memory_full_us != 0);
	vm_limit_give(&vm->limit, held, atomic_exchange(&held_count, 0));
	core_tear_down();
}

static uint64_t
count_held(void *arg)
{
	(void)arg;
	return atomic_load(&held_count);
}

static uint64_t
scan_held(void *arg, uint64_t wanted)
{
	(void)arg;
	CHECK(wanted > 0);
	give_three();
	return 3;
}

TEST(a_shrinker_is_asked_before_anybody_hears_of_no_memory)
{
	struct vm_options o = VM_OPTIONS_INIT;
	struct vm_shrinker s = { "held", 0, count_held, scan_held, NULL };

	o.oom = hear;
	o.oom_arg = &told;
	atomic_store(&told, 0);
	CHECK_INT(make(&o), 0);
	make_object();
	CHECK_INT(vm_shrinker_add(vm, NULL), -EINVAL);
	CHECK_INT(vm_shrinker_add(vm, &s), 0);
	CHECK_INT(vm_shrinker_add(vm, &s), -EEXIST);
	CHECK_INT(vm_object_destroy(object), 0);
	CHECK_INT(vm_destroy(vm), -EBUSY);
	close(core_fd);
	make_object();
	atomic_store(&held_count, hold_all(held));
	CHECK_INT(core_get(5, 0), 5);
	CHECK_INT(atomic_load(&told), 0);
	CHECK_INT(vm_shrinker_remove(vm, &s), 0);
	CHECK_INT(vm_shrinker_remove(vm, &s), -ENOENT);
	vm_limit_give(&vm->limit, held, atomic_exchange(&held_count, 0));
	core_tear_down();
}

/* Ordinary requests end at min; the daemon has what is below. */
TEST(a_system_that_pauses_serves_everybody_in_the_end)
{
	struct vm_options o = VM_OPTIONS_INIT;

	o.flags = VM_PAUSE;
	CHECK_INT(make(&o), 0);
	make_object();
	for (uint64_t i = 0; i < 5 * FILE_PAGES; i++)
		core_put(i * 37 % FILE_PAGES, i);
	CHECK(atomic_load(&vm->limit.peak) <=
	    CORE_LIMIT_PAGES - vm->limit.min);
	core_tear_down();
}

/* -- cleaning in the background -------------------------------------------- */

TEST(cleaning_is_as_it_was_set_and_zeros_stand_for_the_usual)
{
	struct vm_cleaning how = VM_CLEANING_INIT, got = VM_CLEANING_INIT;

	core_set_up(0);
	CHECK_INT(vm_get_cleaning(vm, &got), 0);
	CHECK_INT(got.flags, VM_CLEANING_OFF);
	CHECK_INT(vm_set_cleaning(vm, &how), 0);
	CHECK_INT(vm_get_cleaning(vm, &got), 0);
	CHECK_INT(got.flags, 0);
	CHECK_INT(got.age_ms, 30000);
	CHECK_INT(got.share_percent, 10);
	CHECK_INT(got.rate_bytes, UINT64_C(32) << 20);
	how.age_ms = 1;
	how.share_percent = 100;
	how.rate_bytes = 1;
	CHECK_INT(vm_set_cleaning(vm, &how), 0);
	CHECK_INT(vm_get_cleaning(vm, &got), 0);
	CHECK_INT(got.age_ms, 1);
	CHECK_INT(got.share_percent, 100);
	CHECK_INT(got.rate_bytes, 1);
	how.flags = VM_CLEANING_OFF;
	CHECK_INT(vm_set_cleaning(vm, &how), 0);
	CHECK_INT(vm_get_cleaning(vm, &got), 0);
	CHECK_INT(got.flags, VM_CLEANING_OFF);
	core_tear_down();
}

TEST(cleaning_that_cannot_be_is_refused)
{
	struct vm_cleaning how = VM_CLEANING_INIT, none = { 0 };

	core_set_up(0);
	CHECK_INT(vm_set_cleaning(vm, NULL), -EINVAL);
	CHECK_INT(vm_set_cleaning(vm, &none), -EINVAL);
	CHECK_INT(vm_get_cleaning(vm, NULL), -EINVAL);
	CHECK_INT(vm_get_cleaning(vm, &none), -EINVAL);
	how.flags = 2;
	CHECK_INT(vm_set_cleaning(vm, &how), -EINVAL);
	how.flags = 0;
	how.share_percent = 101;
	CHECK_INT(vm_set_cleaning(vm, &how), -EINVAL);
	core_tear_down();
}

TEST(a_system_may_clean_from_the_start)
{
	struct vm_options o = VM_OPTIONS_INIT;
	struct vm_cleaning how = VM_CLEANING_INIT, got = VM_CLEANING_INIT;

	faulty_reset();
	o.resident_max_bytes = CORE_LIMIT_PAGES * PAGE;
	o.cleaning = &how;
	how.age_ms = 7000;
	CHECK_INT(vm_create_on(&o, &faulty_os, &CORE_PMAP, &vm), 0);
	CHECK_INT(vm_get_cleaning(vm, &got), 0);
	CHECK_INT(got.age_ms, 7000);
	CHECK_INT(vm_destroy(vm), 0);
	how.share_percent = 200;
	CHECK_INT(vm_create_on(&o, &faulty_os, &CORE_PMAP, &vm), -EINVAL);
	faulty_check_clean();
}
