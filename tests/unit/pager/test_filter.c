/* SPDX-License-Identifier: BSD-2-Clause */
/* What each kind of filter selects and does, over a pager in memory. */
#include <fcntl.h>
#include <stdio.h>

#include "memory_pager.h"
#include "pager/filter.h"

static void
set_up(const char *filter)
{
	mem_set_up(AT_ONCE, 0);
	CHECK_INT(vm_object_add_filter(object, filter), 0);
}

static struct vm_filter_stat
stat_of(unsigned number)
{
	struct vm_filter_stat s = VM_FILTER_STAT_INIT;

	CHECK_INT(vm_object_filter_stat(object, number, &s), 0);
	return s;
}

/* Which of the first n pages cannot be read; those that can are dropped. */
static uint64_t
failing(unsigned n)
{
	uint64_t bits = 0;

	for (unsigned i = 0; i < n; i++)
		if (grab_error(i, VM_GRAB_READ) != 0)
			bits |= UINT64_C(1) << i;
	CHECK_INT(vm_object_forget(object), 0);
	return bits;
}

/* -- selection ------------------------------------------------------------- */

TEST(pages_of_the_range_fail)
{
	set_up("error:range=3-5");
	CHECK_INT(failing(10), 0x38);
	CHECK_STR(stat_of(0).name, "error");
	CHECK_INT(stat_of(0).acted, 3);
	mem_tear_down();
}

/* A run that touches the range fails, and then its pages one by one. */
TEST(a_neighbour_of_a_bad_page_is_read_alone)
{
	mem_set_up(AT_ONCE, 0);
	CHECK_INT(vm_object_advise(object, VM_ADVICE_SEQUENTIAL), 0);
	CHECK_INT(vm_object_add_filter(object, "error:range=5"), 0);
	for (uint64_t i = 0; i < 20; i++)
		CHECK_INT(grab_error(i, VM_GRAB_READ), i == 5 ? -EIO : 0);
	mem_tear_down();
}

TEST(each_nth_request_fails)
{
	set_up("error:nth=4");
	CHECK_INT(failing(12), 0x888);
	mem_tear_down();
}

TEST(not_more_than_count_fail)
{
	set_up("error:nth=2,count=3");
	CHECK_INT(failing(12), 0x2a);
	CHECK_INT(stat_of(0).acted, 3);
	mem_tear_down();
}

TEST(a_share_is_drawn_and_the_same_for_the_same_seed)
{
	uint64_t once, again, other;

	set_up("error:rate=0.3,seed=9");
	once = failing(60);
	mem_tear_down();
	set_up("error:rate=0.3,seed=9");
	again = failing(60);
	mem_tear_down();
	set_up("error:rate=0.3,seed=10");
	other = failing(60);
	mem_tear_down();
	CHECK(once == again && once != other);
	CHECK(__builtin_popcountll(once) > 6);
	CHECK(__builtin_popcountll(once) < 36);
	set_up("error:rate=0");
	CHECK_INT(failing(60), 0);
	mem_tear_down();
}

TEST(operations_are_told_apart)
{
	set_up("error:op=write,errno=ENOSPC");
	CHECK_INT(failing(10), 0);
	put(3, 33);
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), -ENOSPC);
	CHECK_INT(get(3, 1), 33);
	CHECK(mem.outs == 0 && mem.syncs == 0);
	CHECK_INT(vm_object_discard_dirty(object), 0);
	mem_tear_down();
	set_up("error:op=sync,errno=EDQUOT,count=1");
	put(3, 33);
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), -EDQUOT);
	CHECK(mem.syncs == 0 && kept(3, 1) == 33);
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	CHECK_INT(mem.syncs, 1);
	CHECK(stat_of(0).op[VM_FILTER_SYNC].requests == 2 &&
	    stat_of(0).op[VM_FILTER_SYNC].errors == 1);
	mem_tear_down();
}

TEST(a_trigger_is_a_file_that_is_there)
{
	char name[] = "/tmp/resident-trigger-XXXXXX", text[80];
	int fd = mkstemp(name);

	CHECK(fd >= 0 && close(fd) == 0);
	snprintf(text, sizeof(text), "error:trigger=%s", name);
	set_up(text);
	CHECK_INT(failing(4), 0xf);
	CHECK(unlink(name) == 0);
	CHECK_INT(failing(4), 0);
	mem_tear_down();
}

/* -- kinds ----------------------------------------------------------------- */

/* FreeBSD's AGAIN, which retry takes for what it is. */
TEST(eagain_is_a_pagers_again)
{
	set_up("error:errno=EAGAIN");
	vm->wait_max_ns = 1;	/* it is asked again once */
	CHECK_INT(grab_error(1, VM_GRAB_READ), -EAGAIN);
	mem_tear_down();
}

TEST(retry_hides_errors_that_pass)
{
	set_up("error:op=read+write,nth=2;retry");
	for (uint64_t i = 0; i < PAGES; i++)
		put(i, i);
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	for (uint64_t i = 0; i < PAGES; i++)
		CHECK_INT(kept(i, 1), i);
	CHECK(stat_of(1).acted > 30 && stat_of(0).acted == stat_of(1).acted);
	CHECK_INT(stat_of(1).op[VM_FILTER_READ].errors,
	    stat_of(1).acted - stat_of(0).op[VM_FILTER_WRITE].errors);
	mem_tear_down();
}

TEST(retry_gives_up_in_the_end)
{
	set_up("error:count=10;retry:count=4;stats");
	/* The first and four more; again; then the rest. */
	CHECK_INT(grab_error(0, VM_GRAB_READ), -EIO);
	CHECK_INT(grab_error(0, VM_GRAB_READ), -EIO);
	CHECK_INT(grab_error(0, VM_GRAB_READ), 0);
	CHECK_INT(stat_of(0).acted, 10);
	CHECK_INT(stat_of(1).acted, 8);
	CHECK(stat_of(2).op[VM_FILTER_READ].requests == 3 &&
	    stat_of(2).op[VM_FILTER_READ].errors == 2);
	mem_tear_down();
}

TEST(retry_leaves_errors_that_stay)
{
	set_up("error:errno=ENOSPC;retry");
	CHECK_INT(grab_error(0, VM_GRAB_READ), -ENOSPC);
	CHECK_INT(stat_of(1).acted, 0);
	mem_tear_down();
	set_up("error;retry:range=5-");
	CHECK_INT(grab_error(0, VM_GRAB_READ), -EIO);
	CHECK_INT(stat_of(1).acted, 0);
	mem_tear_down();
}

TEST(retry_repeats_syncs_and_pagers_that_say_again)
{
	set_up("error:op=sync,count=3;retry:op=sync+read");
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	CHECK_INT(mem.syncs, 1);
	CHECK_INT(stat_of(1).acted, 3);
	mem.again = 3;
	CHECK_INT(grab_error(0, VM_GRAB_READ), 0);
	CHECK_INT(mem.ins, 4);
	CHECK_INT(stat_of(1).acted, 6);
	mem_tear_down();
}

/* It is of all pages: no range of them selects it. */
TEST(a_filter_for_some_pages_has_nothing_to_do_with_syncs)
{
	set_up("error:range=3-5");
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	mem_tear_down();
	set_up("error:range=0-5");
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	CHECK_INT(stat_of(0).acted, 0);
	mem_tear_down();
	set_up("error:range=0-");
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), -EIO);
	mem_tear_down();
}

TEST(retry_hides_each_error_that_passes)
{
	static const char *const filters[] = {
		"error:errno=EAGAIN,count=2;retry",
		"error:errno=ETIMEDOUT,count=2;retry",
		"error:errno=EIO,count=2;retry",
	};

	for (unsigned i = 0; i < 3; i++) {
		set_up(filters[i]);
		CHECK_INT(grab_error(0, VM_GRAB_READ), 0);
		CHECK_INT(stat_of(1).acted, 2);
		mem_tear_down();
	}
}

TEST(retry_gives_syncs_up_that_fail_otherwise_too_often_or_are_not_meant)
{
	static const char *const filters[] = {
		"error:op=sync,errno=ENOSPC;retry",
		"error:op=sync;retry:count=2",
		"error:op=sync;retry:op=read",
	};
	static const int errors[] = { ENOSPC, EIO, EIO };
	static const unsigned acted[] = { 0, 2, 0 };

	for (unsigned i = 0; i < 3; i++) {
		set_up(filters[i]);
		CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL),
		    -errors[i]);
		CHECK_INT(stat_of(1).acted, acted[i]);
		mem_tear_down();
	}
}

/* Without a timer's help: at once. */
TEST(a_retry_that_cannot_wait_is_made_at_once)
{
	set_up("error:count=1,range=0;retry:ns=3600000000000");	/* an hour */
	CHECK_INT(get(5, 0), 5);
	faulty.fail_at = atomic_load(&faulty.calls) + 1;
	CHECK_INT(get(0, 0), 0);
	CHECK_STR(atomic_load(&faulty.failed), "post");
	CHECK_INT(stat_of(1).acted, 1);
	faulty.fail_at = 0;
	mem_tear_down();
}

TEST(a_delay_ends_and_not_before_its_time)
{
	uint64_t start;

	set_up("delay:ns=3000000,range=2");
	start = vm_os_linux.clock_ns();
	CHECK_INT(get(2, 0), 2);
	CHECK(vm_os_linux.clock_ns() - start >= 3000000);
	CHECK_INT(get(3, 0), 3);
	CHECK_INT(stat_of(0).acted, 1);
	CHECK(stat_of(0).op[VM_FILTER_READ].ns >= 3000000);
	mem_tear_down();
	set_up("delay:ns=2000000,op=sync");
	start = vm_os_linux.clock_ns();
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	CHECK(vm_os_linux.clock_ns() - start >= 2000000);
	mem_tear_down();
}

TEST(retries_may_wait)
{
	uint64_t start = vm_os_linux.clock_ns();

	set_up("error:count=3;retry:ns=1000000");
	CHECK_INT(get(2, 0), 2);
	CHECK(vm_os_linux.clock_ns() - start >= 3000000);
	mem_tear_down();
	set_up("error:op=sync,count=2;retry:ns=1000000");
	start = vm_os_linux.clock_ns();
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	CHECK(vm_os_linux.clock_ns() - start >= 2000000);
	mem_tear_down();
}

/* No descriptor to be woken by: it goes on at once, and nothing is lost. */
TEST(a_delay_that_cannot_be_is_none)
{
	set_up("delay:ns=3600000000000,range=0");	/* an hour */
	CHECK_INT(get(5, 0), 5);	/* all else is there by now */
	faulty.fail_at = atomic_load(&faulty.calls) + 1;
	CHECK_INT(get(0, 0), 0);
	CHECK_STR(atomic_load(&faulty.failed), "post");
	CHECK_INT(mem.ins, 2);
	faulty.fail_at = 0;
	mem_tear_down();
}

static char *
read_all(const char *name)
{
	static char text[4096];
	int fd = open(name, O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	CHECK(fd >= 0 && n >= 0);
	text[n] = '\0';
	close(fd);
	return text;
}

TEST(the_log_has_a_line_for_each_that_ended)
{
	char name[] = "/tmp/resident-log-XXXXXX", text[80];
	int fd = mkstemp(name);
	char *lines;

	CHECK(fd >= 0 && close(fd) == 0);
	snprintf(text, sizeof(text), "error:range=7;log:file=%s", name);
	set_up(text);
	CHECK_INT(get(6, 0), 6);
	CHECK_INT(grab_error(7, 0), -EIO);
	put(6, 1);
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	mem.again = 1;
	mem.in = VM_PAGER_ABSENT;
	CHECK_INT(get(8, 0), 0);
	mem.in = VM_PAGER_RANGE;
	CHECK_INT(grab_error(9, 0), -ERANGE);
	lines = read_all(name);
	CHECK(strstr(lines, " read 6 1 ok\n") != NULL);
	CHECK(strstr(lines, " read 7 1 Input/output error\n") != NULL);
	CHECK(strstr(lines, " write 6 1 ok\n") != NULL);
	CHECK(strstr(lines, " sync 0 0 ok\n") != NULL);
	CHECK(strstr(lines, " read 8 1 again\n") != NULL);
	CHECK(strstr(lines, " read 8 1 absent\n") != NULL);
	CHECK(strstr(lines, " read 9 1 range\n") != NULL);
	CHECK_INT(stat_of(1).acted, 7);
	CHECK(unlink(name) == 0);
	mem_tear_down();
}

TEST(the_log_has_syncs_that_failed_and_only_what_is_meant)
{
	char name[] = "/tmp/resident-log-XXXXXX", text[120];
	int fd = mkstemp(name);

	CHECK(fd >= 0 && close(fd) == 0);
	snprintf(text, sizeof(text),
	    "error:op=sync,count=1;log:op=sync,file=%s", name);
	set_up(text);
	CHECK_INT(get(1, 0), 1);
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), -EIO);
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	CHECK(strstr(read_all(name), "sync 0 0 Input/output error") != NULL);
	CHECK(strstr(read_all(name), "sync 0 0 ok") != NULL);
	CHECK(strstr(read_all(name), "read") == NULL);
	mem_tear_down();
	snprintf(text, sizeof(text), "log:op=write,file=%s", name);
	CHECK(truncate(name, 0) == 0);
	set_up(text);
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	CHECK_STR(read_all(name), "");
	mem_tear_down();
	CHECK(unlink(name) == 0);
}

TEST(stats_count_by_operation)
{
	struct vm_filter_stat s;

	set_up("stats");
	for (uint64_t i = 0; i < 10; i++)
		put(i, i);
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	s = stat_of(0);
	CHECK_STR(s.name, "stats");
	CHECK(s.op[VM_FILTER_READ].requests == 10 &&
	    s.op[VM_FILTER_READ].pages == 10);
	CHECK(s.op[VM_FILTER_WRITE].pages == 10 &&
	    s.op[VM_FILTER_WRITE].requests >= 1);
	CHECK_INT(s.op[VM_FILTER_SYNC].requests, 1);
	CHECK(s.acted == 0 && s.op[VM_FILTER_READ].errors == 0);
	mem_tear_down();
}
