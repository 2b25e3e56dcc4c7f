/* SPDX-License-Identifier: BSD-2-Clause */
/* Moving bytes when every part of it can go wrong, seen through a file. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/error.h"
#include "check.h"
#include "pager/file.h"
#include "rig.h"

enum { COUNT = 5, LENGTH = COUNT * PAGE - 1234 };

static int fd;
static struct vm_pager *pager;
static struct vm_ioq *queue;
static struct rig_io *r;

static void
setup(enum rig_when when, enum rig_shape shape, uint64_t length)
{
	rig_reset();
	fd = rig_file();
	rig_file_fill(fd, 0, 'o', length);
	CHECK_INT(vm_pager_file_create(&(struct vm_pager_file_options){
	    .os = &rig_os, .fd = fd, .length = length, .page_bytes = PAGE,
	    .writable = true }, &pager), 0);
	queue = rig_queue(when, 4);
	r = rig_io_new(shape);
}

static void
teardown(void)
{
	rig_io_free(r);
	vm_ioq_destroy(queue);
	pager->ops->destroy(pager);
	close(fd);
	rig_check_clean();
}

/* Calls body for each form of queue and memory. */
static void
each(void (*body)(void), uint64_t length)
{
	for (int i = 0; i < 4; i++) {
		setup(i % 2 ? RIG_IN_SUBMIT : RIG_IN_REAP,
		    i / 2 ? RIG_ONE_PIECE : RIG_PIECES, length);
		body();
		teardown();
	}
}

static void
fill_pages(void)
{
	for (unsigned i = 0; i < COUNT; i++)
		rig_io_fill(r, i, 'a' + (int)i);
}

static void
check_file(void)
{
	for (unsigned i = 0; i < COUNT - 1; i++)
		CHECK(rig_file_is_all(fd, i * PAGE, 'a' + (int)i, PAGE));
	CHECK(rig_file_is_all(fd, (COUNT - 1) * PAGE, 'a' + COUNT - 1,
	    LENGTH - (COUNT - 1) * PAGE));
	CHECK_INT(rig_file_length(fd), LENGTH);
}

static void
check_read(void)
{
	unsigned char *last = rig_io_page(r, COUNT - 1);
	unsigned rest = LENGTH - (COUNT - 1) * PAGE;

	CHECK_INT(r->io.filled, COUNT);
	for (unsigned i = 0; i < COUNT - 1; i++)
		CHECK(rig_io_is(r, i, 'o'));
	for (unsigned i = 0; i < PAGE; i++)
		CHECK_INT(last[i], i < rest ? 'o' : 0);
}

static void
write_in_short_parts(void)
{
	static const size_t parts[] = { 100, 512, 1000, 4095, 4096, 4097,
	    8192, 10000, 20000 };

	for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		rig_file_fill(fd, 0, 'o', LENGTH);
		rig.short_bytes = parts[i];
		fill_pages();
		CHECK_INT(rig_out(r, pager, queue, 0, COUNT), VM_PAGER_OK);
		check_file();
	}
}

TEST(a_write_goes_on_after_short_counts)
{
	each(write_in_short_parts, LENGTH);
}

static void
read_in_short_parts(void)
{
	static const size_t parts[] = { 100, 512, 1000, 4095, 4096, 4097,
	    8192, 10000, 20000 };

	for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		rig.short_bytes = parts[i];
		CHECK_INT(rig_in(r, pager, queue, 0, COUNT), VM_PAGER_OK);
		check_read();
	}
}

TEST(a_read_goes_on_after_short_counts)
{
	each(read_in_short_parts, LENGTH);
}

/* One byte at a time: neither a recursion nor a bound may stop it. */
TEST(a_transfer_of_single_bytes_ends)
{
	setup(RIG_IN_SUBMIT, RIG_ONE_PIECE, LENGTH);
	rig.short_bytes = 1;
	CHECK_INT(rig_in(r, pager, queue, 0, COUNT), VM_PAGER_OK);
	check_read();
	teardown();
}

static void
interrupted(void)
{
	static const int errors[] = { EINTR, EAGAIN };

	for (int i = 0; i < 2; i++) {
		rig.transfers = 0;
		rig.fail_errno = errors[i];
		rig.fail_nth = 1;
		rig.fail_count = 10;
		CHECK_INT(rig_in(r, pager, queue, 0, COUNT), VM_PAGER_OK);
		check_read();
		CHECK_INT(rig.transfers, 11);
	}
}

TEST(an_interrupted_transfer_is_tried_again)
{
	each(interrupted, LENGTH);
}

TEST(what_is_interrupted_for_ever_fails)
{
	setup(RIG_IN_SUBMIT, RIG_PIECES, LENGTH);
	rig.fail_errno = EAGAIN;
	rig.fail_nth = 1;
	rig.fail_count = 1000000;
	CHECK_INT(rig_in(r, pager, queue, 0, COUNT), VM_PAGER_FAILED);
	CHECK_INT(r->io.error, EAGAIN);
	teardown();
}

TEST(a_write_that_moves_nothing_fails)
{
	setup(RIG_IN_REAP, RIG_PIECES, LENGTH);
	rig.return_zero = true;
	CHECK_INT(rig_out(r, pager, queue, 0, COUNT), VM_PAGER_FAILED);
	CHECK_INT(r->io.error, EIO);
	teardown();
}

/* The Nth part fails, N = 1, 2, ... until none does. */
static void
fail_each(void)
{
	unsigned n = 0;

	do {
		rig.short_bytes = 3000;
		rig.transfers = 0;
		rig.fail_errno = EIO;
		rig.fail_nth = ++n;
		fill_pages();
		if (rig_out(r, pager, queue, 0, COUNT) == VM_PAGER_FAILED) {
			CHECK_INT(r->io.error, EIO);
			CHECK(strstr(vm_error_text(), "writing") != NULL);
		}
		CHECK_INT(rig_file_length(fd), LENGTH);
	} while (r->io.result == VM_PAGER_FAILED);
	check_file();
	CHECK_INT(n, (LENGTH + 2999) / 3000 + 1);
}

TEST(an_error_anywhere_fails_the_request_and_the_next_one_succeeds)
{
	each(fail_each, LENGTH);
}

static void
refuse(void)
{
	rig.refuse_direct = true;
	fill_pages();
	CHECK_INT(rig_out(r, pager, queue, 0, COUNT), VM_PAGER_OK);
	check_file();
	CHECK(rig.direct <= 1);
	if (rig_has_direct()) {
		CHECK_INT(rig.direct, 1);
		CHECK(strstr(vm_error_text(), "O_DIRECT") != NULL);
	}
	rig_file_fill(fd, 0, 'o', LENGTH);
	rig.direct = 0;
	CHECK_INT(rig_in(r, pager, queue, 0, COUNT), VM_PAGER_OK);
	check_read();
	CHECK_INT(rig.direct, 0);	/* for good */
	CHECK(rig.drops > 1);
}

TEST(where_o_direct_is_refused_plain_calls_serve_for_good)
{
	each(refuse, LENGTH);
}

TEST(einval_from_a_plain_call_is_an_error)
{
	setup(RIG_IN_SUBMIT, RIG_PIECES, LENGTH);
	rig.fail_errno = EINVAL;
	rig.fail_nth = 1;
	rig.fail_count = 2;
	CHECK_INT(rig_in(r, pager, queue, 0, COUNT), VM_PAGER_FAILED);
	CHECK_INT(r->io.error, EINVAL);
	teardown();
}

TEST(whole_pages_go_past_the_page_cache_in_one_part)
{
	if (!rig_has_direct())
		CHECK_SKIP("no O_DIRECT in this directory");
	setup(RIG_IN_REAP, RIG_PIECES, COUNT * PAGE);
	fill_pages();
	CHECK_INT(rig_out(r, pager, queue, 0, COUNT), VM_PAGER_OK);
	CHECK_INT(rig_in(r, pager, queue, 0, COUNT), VM_PAGER_OK);
	CHECK_INT(rig.transfers, 2);
	CHECK_INT(rig.direct, 2);
	CHECK_INT(rig.drops, 0);
	teardown();
}

TEST(only_the_tail_of_a_file_goes_through_the_page_cache)
{
	if (!rig_has_direct())
		CHECK_SKIP("no O_DIRECT in this directory");
	setup(RIG_IN_REAP, RIG_PIECES, LENGTH);
	fill_pages();
	CHECK_INT(rig_out(r, pager, queue, 0, COUNT), VM_PAGER_OK);
	CHECK_INT(rig.transfers, 2);
	CHECK_INT(rig.direct, 1);
	CHECK_INT(rig.drops, 1);
	/* O_DIRECT reads the tail by itself. */
	CHECK_INT(rig_in(r, pager, queue, 0, COUNT), VM_PAGER_OK);
	CHECK_INT(rig.transfers, 3);
	CHECK_INT(rig.direct, 2);
	teardown();
}

/* Twice as many requests as the queue takes. */
static void
many(void)
{
	struct rig_io *all[8];

	for (unsigned i = 0; i < 8; i++) {
		all[i] = rig_io_new(RIG_PIECES);
		all[i]->io.op = VM_PAGER_IN;
		all[i]->io.pindex = i % COUNT;
		all[i]->io.count = 1;
		rig_start(all[i], pager, queue);
	}
	for (unsigned i = 0; i < 8; i++) {
		rig_wait(all[i], queue);
		CHECK_INT(all[i]->io.result, VM_PAGER_OK);
		CHECK_INT(*rig_io_page(all[i], 0), 'o');
		rig_io_free(all[i]);
	}
}

TEST(a_full_queue_is_emptied_first)
{
	each(many, LENGTH);
}

/* All places of the queue are taken by requests that do not end. */
TEST(without_room_in_the_queue_a_request_fails_for_now)
{
	setup(RIG_IN_REAP, RIG_ONE_PIECE, LENGTH);
	queue->in_flight = queue->depth;
	CHECK_INT(rig_in(r, pager, queue, 0, COUNT), VM_PAGER_FAILED);
	CHECK_INT(r->io.error, EAGAIN);
	CHECK_INT(rig_out(r, pager, queue, 0, COUNT), VM_PAGER_FAILED);
	CHECK_INT(rig.transfers, 0);
	queue->in_flight = 0;
	CHECK_INT(rig_in(r, pager, queue, 0, COUNT), VM_PAGER_OK);
	check_read();
	teardown();
}
