/* SPDX-License-Identifier: BSD-2-Clause */
/* Descriptors and sync of a file behind a pager. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/error.h"
#include "check.h"
#include "pager/file.h"
#include "rig.h"
#include "stat/stat.h"

static int fd;
static struct vm_pager *pager;
static struct vm_ioq *queue;
static struct rig_io *r;

static int
create(bool writable)
{
	return vm_pager_file_create(&(struct vm_pager_file_options){
	    .os = &rig_os, .fd = fd, .length = 2 * PAGE, .page_bytes = PAGE,
	    .writable = writable }, &pager);
}

static void
setup(void)
{
	rig_reset();
	fd = rig_file();
	rig_file_fill(fd, 0, 'o', 2 * PAGE);
	queue = rig_queue(RIG_IN_REAP, 4);
	r = rig_io_new(RIG_PIECES);
}

static void
teardown(void)
{
	rig_io_free(r);
	vm_ioq_destroy(queue);
	close(fd);
	rig_check_clean();
}

static void
write_and_read_back(void)
{
	rig_io_fill(r, 0, 'w');
	rig_io_fill(r, 1, 'w');
	CHECK_INT(rig_out(r, pager, queue, 0, 2), VM_PAGER_OK);
	CHECK_INT(rig_in(r, pager, queue, 0, 2), VM_PAGER_OK);
	CHECK(rig_io_is(r, 0, 'w') && rig_io_is(r, 1, 'w'));
	CHECK(rig_file_is_all(fd, 0, 'w', 2 * PAGE));
	CHECK_INT(rig_file_length(fd), 2 * PAGE);
}

TEST(without_o_direct_a_file_is_served_through_the_page_cache)
{
	setup();
	rig.reopen_direct_errno = EINVAL;
	CHECK_INT(create(true), 0);
	write_and_read_back();
	CHECK_INT(rig.direct, 0);
	pager->ops->destroy(pager);
	teardown();
}

TEST(what_cannot_be_opened_again_is_duplicated)
{
	static const int errors[] = { ENOENT, EACCES };

	for (int i = 0; i < 2; i++) {
		setup();
		rig.reopen_errno = errors[i];
		CHECK_INT(create(true), 0);
		write_and_read_back();
		CHECK_INT(rig.direct, 0);
		CHECK_INT(rig.descriptors, 1);
		pager->ops->destroy(pager);
		teardown();
	}
}

TEST(a_duplicate_that_appends_is_refused)
{
	setup();
	rig.reopen_errno = EACCES;
	CHECK(fcntl(fd, F_SETFL, O_APPEND) == 0);
	CHECK_INT(create(true), -EACCES);
	CHECK(strstr(vm_error_text(), "append") != NULL);
	CHECK_INT(create(false), 0);
	CHECK_INT(vm_pager_file_set_writable(pager, fd), -EACCES);
	pager->ops->destroy(pager);
	teardown();
}

TEST(the_flags_of_the_given_descriptor_do_not_matter_and_stay)
{
	int flags;

	setup();
	CHECK(fcntl(fd, F_SETFL, O_APPEND) == 0);
	flags = fcntl(fd, F_GETFL);
	CHECK_INT(create(true), 0);
	write_and_read_back();
	CHECK_INT(fcntl(fd, F_GETFL), flags);
	CHECK_INT(lseek(fd, 0, SEEK_CUR), 0);
	pager->ops->destroy(pager);
	teardown();
}

TEST(a_full_table_of_descriptors_is_an_error)
{
	setup();
	rig.reopen_direct_errno = EMFILE;
	CHECK_INT(create(true), -EMFILE);
	CHECK(strstr(vm_error_text(), "opening it again") != NULL);
	teardown();
}

TEST(sync_waits_for_what_was_written_and_only_for_that)
{
	setup();
	CHECK_INT(create(true), 0);
	CHECK_INT(pager->ops->sync(pager), 0);
	CHECK_INT(rig.fsyncs, 0);
	write_and_read_back();
	CHECK_INT(pager->ops->sync(pager), 0);
	CHECK_INT(rig.fsyncs, 1);
	CHECK_INT(pager->ops->sync(pager), 0);
	CHECK_INT(rig.fsyncs, 1);
	pager->ops->destroy(pager);
	teardown();
}

/* A part of its bytes may be there, and be read by who gives the page up. */
TEST(sync_follows_a_write_that_failed_too)
{
	setup();
	CHECK_INT(create(true), 0);
	rig.fail_errno = EIO;
	rig.fail_nth = 1;
	CHECK_INT(rig_out(r, pager, queue, 0, 1), VM_PAGER_FAILED);
	CHECK_INT(pager->ops->sync(pager), 0);
	CHECK_INT(rig.fsyncs, 1);
	pager->ops->destroy(pager);
	teardown();
}

TEST(sync_serves_both_ways_of_writing)
{
	if (!rig_has_direct())
		CHECK_SKIP("no O_DIRECT in this directory");
	setup();
	CHECK_INT(create(true), 0);
	pager->ops->resized(pager, 2 * PAGE - 1);
	CHECK_INT(rig_out(r, pager, queue, 0, 2), VM_PAGER_OK);
	CHECK_INT(pager->ops->sync(pager), 0);
	CHECK_INT(rig.fsyncs, 2);
	pager->ops->destroy(pager);
	teardown();
}

/* The first of two syncs fails and is slow to say so: meanwhile the second may
 * not hear 0, which is what the kernel would tell it. */
static _Atomic int first_syncs, second_result;
static pthread_t second;

static void *
sync_as_well(void *arg)
{
	(void)arg;
	atomic_store(&second_result, pager->ops->sync(pager));
	return NULL;
}

static int
fail_slowly(void)
{
	if (atomic_fetch_add(&first_syncs, 1) != 0)
		return 0;
	CHECK(pthread_create(&second, NULL, sync_as_well, NULL) == 0);
	for (int i = 0; i < 100000 && atomic_load(&second_result) == 1; i++)
		sched_yield();
	return -EIO;
}

TEST(a_sync_beside_one_that_fails_fails_too)
{
	setup();
	CHECK_INT(create(true), 0);
	write_and_read_back();
	atomic_store(&second_result, 1);
	rig.fsync = fail_slowly;
	CHECK_INT(pager->ops->sync(pager), -EIO);
	CHECK(pthread_join(second, NULL) == 0);
	CHECK_INT(atomic_load(&second_result), -EIO);
	pager->ops->destroy(pager);
	teardown();
}

/* What the kernel failed to write once, it says only once. */
TEST(a_failed_sync_is_remembered)
{
	setup();
	CHECK_INT(create(true), 0);
	write_and_read_back();
	rig.fsync_errno = EIO;
	CHECK_INT(pager->ops->sync(pager), -EIO);
	rig.fsync_errno = 0;
	write_and_read_back();
	CHECK_INT(pager->ops->sync(pager), -EIO);
	CHECK_INT(pager->ops->sync(pager), -EIO);
	CHECK(strstr(vm_error_text(), "sync") != NULL);
	pager->ops->destroy(pager);
	teardown();
}

TEST(requests_and_bytes_are_counted)
{
	static struct vm_counters counters;

	setup();
	CHECK_INT(vm_pager_file_create(&(struct vm_pager_file_options){
	    .os = &rig_os, .fd = fd, .length = 2 * PAGE, .page_bytes = PAGE,
	    .writable = true, .counters = &counters }, &pager), 0);
	write_and_read_back();
	rig.fail_nth = rig.transfers + 1;
	rig.fail_errno = EIO;
	CHECK_INT(rig_in(r, pager, queue, 0, 2), VM_PAGER_FAILED);
	CHECK_INT(pager->ops->sync(pager), 0);
	CHECK_INT(vm_counter_read(&counters, VM_COUNTER_reads), 1);
	CHECK_INT(vm_counter_read(&counters, VM_COUNTER_read_bytes), 2 * PAGE);
	CHECK_INT(vm_counter_read(&counters, VM_COUNTER_read_errors), 1);
	CHECK_INT(vm_counter_read(&counters, VM_COUNTER_writes), 1);
	CHECK_INT(vm_counter_read(&counters, VM_COUNTER_written_bytes),
	    2 * PAGE);
	CHECK_INT(vm_counter_read(&counters, VM_COUNTER_syncs), 1);
	pager->ops->destroy(pager);
	teardown();
}
