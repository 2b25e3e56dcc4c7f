/* SPDX-License-Identifier: BSD-2-Clause */
/* Bytes that come and go around the maps: requests, right and wrong. */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "rig.h"

static uint32_t file;

static void
set_up(void)
{
	rig_set_up();
	file = rig_map_shared();
}

/* With memory behind it: what is written there makes pages dirty. */
static void
set_up_mapped(void)
{
	rig_set_up();
	rig_show(PROT_READ | PROT_WRITE, MAP_SHARED);
	file = rig.reply.file;
	CHECK_INT(RIG_ASK(-1, .op = VM_REQ_STORE, .file = 0), 0);
	file = rig.reply.file;
}

static int
range(enum vm_request_op op, uint64_t offset, uint64_t length)
{
	return RIG_ASK(-1, .op = op, .file = file, .offset = offset,
	    .length = length);
}

static uint64_t
in_file(uint64_t page)
{
	uint64_t word = 0;

	CHECK(pread(rig.file, &word, sizeof(word), (off_t)(page * PAGE)) >= 0);
	return word;
}

static uint64_t *
word_of(uint64_t page)
{
	return (uint64_t *)(void *)(rig.base + page * PAGE);
}

static void
put(uint64_t page, uint64_t word)
{
	CHECK(pwrite(rig.file, &word, sizeof(word), (off_t)(page * PAGE)) ==
	    (ssize_t)sizeof(word));
}

TEST(what_was_written_through_a_map_is_in_the_file_after_a_flush_or_a_sync)
{
	set_up_mapped();
	CHECK_INT(*word_of(5), 5);
	*word_of(5) = 55;
	*word_of(6) = 66;
	CHECK_INT(in_file(5), 5);
	CHECK_INT(range(VM_REQ_FLUSH, 5 * PAGE, PAGE), 0);
	CHECK(in_file(5) == 55 && in_file(6) == 6);
	CHECK_INT(range(VM_REQ_SYNC, 0, VM_LENGTH_ALL), 0);
	CHECK_INT(in_file(6), 66);
	CHECK_INT(range(VM_REQ_SYNC, 0, VM_LENGTH_ALL), 0);
	rig_tear_down();
}

TEST(pages_follow_a_write_between_begin_and_end)
{
	set_up_mapped();
	CHECK_INT(*word_of(5), 5);
	CHECK_INT(range(VM_REQ_WRITE_BEGIN, 5 * PAGE, PAGE), 0);
	put(5, 500);
	CHECK_INT(RIG_ASK(-1, .op = VM_REQ_WRITE_END, .file = file,
	    .offset = 5 * PAGE, .length = PAGE, .token = PAGE), 0);
	CHECK_INT(rig.reply.value, RIG_PAGES * PAGE);
	CHECK_INT(*word_of(5), 500);
	CHECK_INT(*word_of(7), 7);
	put(7, 701);
	CHECK_INT(range(VM_REQ_WROTE, 7 * PAGE, PAGE), 0);
	CHECK_INT(*word_of(7), 701);
	rig_tear_down();
}

TEST(a_write_that_made_the_file_longer_makes_the_object_longer)
{
	set_up();
	CHECK(pwrite(rig.file, "x", 1, 3 * RIG_PAGES * PAGE) == 1);
	CHECK_INT(range(VM_REQ_WROTE, 0, VM_LENGTH_ALL), 0);
	CHECK_INT(rig.reply.value, 3 * RIG_PAGES * PAGE + 1);
	rig_tear_down();
}

/* The end that is not what was begun would let go of pages of others. */
TEST(the_end_of_another_write_ends_the_session)
{
	static const struct vm_request ends[] = {
		{ .offset = 0, .length = PAGE, .token = PAGE },
		{ .offset = PAGE, .length = 2 * PAGE, .token = 0 },
		{ .offset = PAGE, .length = PAGE, .token = PAGE + 1 },
		{ .offset = PAGE, .length = PAGE, .token = 1, .file = 1 },
	};

	rig_listen();
	set_up();
	for (unsigned i = 0; i < 4; i++) {
		struct vm_request end = ends[i];

		CHECK_INT(range(VM_REQ_WRITE_BEGIN, PAGE, PAGE), 0);
		end.op = VM_REQ_WRITE_END;
		end.file += file;
		CHECK_INT(rig_ask(&end, -1), -1);
		rig_hello(true);
		file = rig_map_shared();
		/* What was begun has an end all the same. */
		CHECK_INT(range(VM_REQ_WRITE_BEGIN, PAGE, PAGE), 0);
		CHECK_INT(RIG_ASK(-1, .op = VM_REQ_WRITE_END, .file = file,
		    .offset = PAGE, .length = PAGE), 0);
	}
	CHECK_INT(RIG_ASK(-1, .op = VM_REQ_WRITE_END, .file = file,
	    .offset = PAGE, .length = PAGE), -1);
	CHECK(rig_said("the end of a write that it has not begun"));
	rig_tear_down();
	rig_unlisten();
}

TEST(a_second_write_before_the_end_of_the_first_ends_the_session)
{
	rig_listen();
	set_up();
	for (unsigned i = 0; i < 3; i++) {
		CHECK_INT(range(VM_REQ_WRITE_BEGIN, PAGE, PAGE), 0);
		CHECK_INT(i == 0 ? range(VM_REQ_WRITE_BEGIN, 8 * PAGE, PAGE) :
		    i == 1 ? range(VM_REQ_WROTE, 8 * PAGE, PAGE) :
		    RIG_ASK(rig.file, .op = VM_REQ_FALLOCATE, .length = PAGE),
		    -1);
		rig_hello(true);
		file = rig_map_shared();
	}
	CHECK(rig_said("a second write before the end of the first"));
	rig_tear_down();
	rig_unlisten();
}

TEST(who_may_only_read_a_file_cannot_write_it)
{
	rig_listen();
	rig_set_up();
	file = rig_map(PROT_READ, MAP_SHARED);
	CHECK_INT(range(VM_REQ_WRITE_BEGIN, 0, PAGE), 0);
	rig_offend();
	for (unsigned i = 0; i < 2; i++) {
		char path[32];
		int fd;

		snprintf(path, sizeof(path), "/proc/self/fd/%d", rig.file);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		CHECK(fd >= 0);
		rig_hello(true);
		CHECK_INT(RIG_ASK(fd, .op = VM_REQ_MAP,
		    .address = (uintptr_t)rig.base, .length = PAGE,
		    .prot = PROT_READ, .flags = MAP_SHARED), 0);
		file = rig.reply.file;
		CHECK_INT(range(i == 0 ? VM_REQ_WRITE_BEGIN : VM_REQ_WROTE, 0,
		    PAGE), -1);
		close(fd);
	}
	CHECK(rig_said("a file number that it was not given"));
	rig_tear_down();
	rig_unlisten();
}

/* ---- TRUNCATE, FALLOCATE ------------------------------------------------- */

static int
truncate_to(int fd, uint64_t length)
{
	return RIG_ASK(fd, .op = VM_REQ_TRUNCATE, .length = length);
}

TEST(a_file_is_cut_and_made_longer_with_its_pages)
{
	set_up_mapped();
	*word_of(9) = 99;
	*word_of(50) = 5000;
	CHECK_INT(truncate_to(rig.file, 20 * PAGE), 0);
	CHECK_INT(rig.reply.value, 20 * PAGE);
	CHECK_INT(*word_of(9), 99);
	CHECK_INT(truncate_to(rig.file, RIG_PAGES * PAGE), 0);
	CHECK_INT(rig.reply.value, RIG_PAGES * PAGE);
	CHECK(*word_of(50) == 0 && *word_of(9) == 99);
	CHECK_INT(lseek(rig.file, 0, SEEK_END), RIG_PAGES * PAGE);
	rig_tear_down();
}

TEST(a_cut_that_the_file_system_refuses_leaves_the_length)
{
	int sealed = memfd_create("sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	CHECK(sealed >= 0 && ftruncate(sealed, 8 * PAGE) == 0);
	set_up();
	CHECK_INT(RIG_ASK(sealed, .op = VM_REQ_MAP,
	    .address = (uintptr_t)rig.spare, .length = 8 * PAGE,
	    .prot = PROT_READ, .flags = MAP_SHARED), 0);
	CHECK_INT(rig.reply.verdict, VM_VERDICT_MANAGED);
	CHECK(fcntl(sealed, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) == 0);
	CHECK_INT(truncate_to(sealed, 4 * PAGE), EPERM);
	CHECK_INT(rig.reply.value, 8 * PAGE);
	CHECK_INT(truncate_to(sealed, 12 * PAGE), EPERM);
	CHECK_INT(rig.reply.value, 8 * PAGE);
	close(sealed);
	rig_tear_down();
}

TEST(a_descriptor_that_cannot_write_ends_the_session)
{
	char path[32];

	rig_listen();
	set_up();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", rig.file);
	for (unsigned i = 0; i < 4; i++) {
		int fd = open(path, (i & 1 ? O_PATH : O_RDONLY) | O_CLOEXEC);

		CHECK(fd >= 0);
		CHECK_INT(i < 2 ? truncate_to(fd, PAGE) : RIG_ASK(fd,
		    .op = VM_REQ_FALLOCATE, .length = PAGE), -1);
		close(fd);
		rig_hello(true);
	}
	CHECK(rig_said("a descriptor that it cannot write"));
	CHECK_INT(lseek(rig.file, 0, SEEK_END), RIG_PAGES * PAGE);
	rig_tear_down();
	rig_unlisten();
}

TEST(a_file_that_is_not_managed_is_left_to_the_client)
{
	int other = rig_new_file(2);

	set_up();
	CHECK_INT(truncate_to(other, PAGE), ENOENT);
	CHECK_INT(RIG_ASK(other, .op = VM_REQ_FALLOCATE, .length = PAGE),
	    ENOENT);
	CHECK_INT(RIG_ASK(other, .op = VM_REQ_OPEN), ENOENT);
	CHECK_INT(lseek(other, 0, SEEK_END), 2 * PAGE);
	close(other);
	rig_tear_down();
}

static int
allocate(int mode, uint64_t offset, uint64_t length)
{
	return RIG_ASK(rig.file, .op = VM_REQ_FALLOCATE,
	    .prot = (uint32_t)mode, .offset = offset, .length = length);
}

TEST(a_hole_reads_as_zeros_through_the_map)
{
	set_up_mapped();
	*word_of(5) = 55;
	*word_of(6) = 66;
	CHECK_INT(allocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
	    5 * PAGE, PAGE), 0);
	CHECK(*word_of(5) == 0 && *word_of(6) == 66);
	CHECK_INT(allocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
	    60 * PAGE, 100 * PAGE), 0);
	CHECK(*word_of(60) == 0 && rig.reply.value == RIG_PAGES * PAGE);
	rig_tear_down();
}

TEST(room_behind_the_end_makes_the_file_longer_unless_the_size_is_kept)
{
	set_up();
	CHECK_INT(allocate(FALLOC_FL_KEEP_SIZE, RIG_PAGES * PAGE, PAGE), 0);
	CHECK_INT(rig.reply.value, RIG_PAGES * PAGE);
	CHECK_INT(allocate(0, RIG_PAGES * PAGE, PAGE), 0);
	CHECK_INT(rig.reply.value, (RIG_PAGES + 1) * PAGE);
	rig_tear_down();
}

TEST(what_the_file_system_cannot_do_is_its_error)
{
	set_up();
	CHECK_INT(allocate(FALLOC_FL_COLLAPSE_RANGE, 0, PAGE), EOPNOTSUPP);
	CHECK_INT(allocate(FALLOC_FL_INSERT_RANGE, 0, PAGE), EOPNOTSUPP);
	CHECK_INT(allocate(0x4000, 0, PAGE), EOPNOTSUPP);
	/* A hole must keep the size. */
	CHECK_INT(allocate(FALLOC_FL_PUNCH_HOLE, 0, PAGE), EOPNOTSUPP);
	CHECK_INT(allocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE |
	    FALLOC_FL_ZERO_RANGE, 0, PAGE), EOPNOTSUPP);
	rig_tear_down();
}

/* ---- the first writable range -------------------------------------------- */

/* The page that the greeting has handed over. */
static volatile uint32_t *
writing(void)
{
	volatile uint32_t *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
	    MAP_SHARED, rig.fd[0], 0);

	CHECK(page != MAP_FAILED);
	return page;
}

static int
open_file(void)
{
	return RIG_ASK(rig.file, .op = VM_REQ_OPEN);
}

/* A client that says it is inside a write, for ever. */
TEST(a_client_that_does_not_let_go_of_a_write_loses_its_session)
{
	volatile uint32_t *page;

	rig_listen();
	rig_set_up();
	page = writing();
	file = rig_map(PROT_READ, MAP_SHARED);
	CHECK_INT(open_file(), 0);
	page[0] = 1;
	CHECK_INT(RIG_ASK(rig.file, .op = VM_REQ_MAP,
	    .address = (uintptr_t)rig.spare, .length = PAGE,
	    .prot = PROT_READ | PROT_WRITE, .flags = MAP_SHARED), -1);
	munmap((void *)(uintptr_t)page, PAGE);
	rig_tear_down();
	CHECK(rig_said("does not let go of a write"));
	rig_unlisten();
}

static volatile uint32_t *leaving;
static _Atomic bool answered;

/* One write after the other, always inside one: whenever the server looks, it
 * is another. */
static void *
leave(void *arg)
{
	while (!atomic_load(&answered)) {
		leaving[0] += 2;
		sched_yield();
	}
	return arg;
}

TEST(a_client_that_goes_on_to_another_write_has_let_go)
{
	pthread_t thread;

	rig_set_up();
	leaving = writing();
	file = rig_map(PROT_READ, MAP_SHARED);
	CHECK_INT(open_file(), 0);
	leaving[0] = 1;
	atomic_store(&answered, false);
	CHECK(pthread_create(&thread, NULL, leave, NULL) == 0);
	CHECK_INT(RIG_ASK(rig.file, .op = VM_REQ_MAP,
	    .address = (uintptr_t)rig.spare, .length = PAGE,
	    .prot = PROT_READ | PROT_WRITE, .flags = MAP_SHARED), 0);
	atomic_store(&answered, true);
	CHECK(pthread_join(thread, NULL) == 0);
	munmap((void *)(uintptr_t)leaving, PAGE);
	rig_tear_down();
}

/* ---- what cannot be written ---------------------------------------------- */

TEST(bytes_that_cannot_be_written_are_said_once_and_lost_at_the_end)
{
	int sealed = memfd_create("sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	rig_listen();
	rig_prepare();
	rig.uffd = rig_new_uffd();
	rig_start();
	close(rig.file);
	rig.file = sealed;
	CHECK(sealed >= 0 && ftruncate(sealed, RIG_PAGES * PAGE) == 0);
	rig_hello(true);
	rig_show(PROT_READ | PROT_WRITE, MAP_SHARED);
	file = 0;
	*word_of(5) = 55;
	CHECK(fcntl(sealed, F_ADD_SEALS, F_SEAL_WRITE) == 0);
	CHECK_INT(range(VM_REQ_FLUSH, 0, VM_LENGTH_ALL), EPERM);
	CHECK_INT(range(VM_REQ_SYNC, 0, VM_LENGTH_ALL), EPERM);
	CHECK_INT(truncate_to(sealed, PAGE), EPERM);
	CHECK_INT(RIG_ASK(-1, .op = VM_REQ_SOURCE), EPERM);
	CHECK_INT(RIG_ASK(-1, .op = VM_REQ_BYE), EPERM);
	CHECK(rig_said("changed pages could not be written"));
	CHECK_INT(rig_stop(), -EIO);
	CHECK(rig_said("bytes are lost"));
	CHECK_INT(rig_report.lost_files, 1);
	CHECK(rig_report.errors >= 5);
	rig_unlisten();
}
