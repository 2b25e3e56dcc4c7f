/* SPDX-License-Identifier: BSD-2-Clause */
/* Anonymous pages: absent, in runs, forgotten, cut. */
#include "pager/anon.h"

#include <errno.h>
#include <unistd.h>

#include "base/error.h"
#include "check.h"
#include "pager/swap_private.h"
#include "rig.h"

static struct vm_swap *swap;
static struct vm_pager *pager;
static struct vm_ioq *queue;
static struct rig_io *r;

static void
setup(uint64_t length)
{
	rig_reset();
	CHECK_INT(vm_swap_create(&(struct vm_swap_options){ .os = &rig_os,
	    .files = &(struct vm_swap_place_options){ .directory =
	    rig_directory() }, .file_count = 1, .page_bytes = PAGE },
	    &swap), 0);
	CHECK_INT(vm_pager_anon_create(swap, length, &pager), 0);
	queue = rig_queue(RIG_IN_REAP, 4);
	r = rig_io_new(RIG_PIECES);
}

static void
teardown(void)
{
	rig_io_free(r);
	vm_ioq_destroy(queue);
	pager->ops->destroy(pager);
	vm_swap_destroy(swap);
	rig_check_clean();
}

/* The length of the run at pindex, negative when it is absent. */
static int
extent(vm_pindex_t pindex, unsigned want)
{
	unsigned count = 9999;

	switch (pager->ops->extent(pager, pindex, want, &count)) {
	case VM_PAGER_OK:
		return (int)count;
	case VM_PAGER_ABSENT:
		return -(int)count;
	case VM_PAGER_RANGE:
		CHECK_INT(count, 0);
		return 0;
	case VM_PAGER_PENDING:
	case VM_PAGER_AGAIN:
	case VM_PAGER_FAILED:
		break;
	}
	CHECK(false);
	return 0;
}

/* Writes count pages of this byte in one run. */
static void
out(vm_pindex_t pindex, unsigned count, int byte)
{
	int error = 0;

	CHECK_INT(pager->ops->reserve(pager, pindex, count, &error), count);
	for (unsigned i = 0; i < count; i++)
		rig_io_stamp(r, i, byte);
	CHECK_INT(rig_out(r, pager, queue, pindex, count), VM_PAGER_OK);
}

static bool
page_is(vm_pindex_t pindex, int byte)
{
	enum vm_pager_result result = rig_in(r, pager, queue, pindex, 1);

	return result == VM_PAGER_OK && r->io.filled == 1 &&
	    rig_io_stamped(r, 0, byte);
}

TEST(pages_are_absent_until_they_went_out)
{
	setup(1000 * PAGE + 1);
	CHECK_INT(extent(0, 10), -10);
	CHECK_INT(extent(0, 9999), -256);
	CHECK_INT(extent(999, 9), -2);
	CHECK_INT(extent(1001, 9), 0);
	out(5, 3, 'a');
	CHECK_INT(extent(0, 10), -5);
	CHECK_INT(extent(5, 10), 3);
	CHECK_INT(extent(6, 1), 1);
	CHECK_INT(extent(8, 10), -10);
	CHECK_INT(rig_in(r, pager, queue, 8, 10), VM_PAGER_ABSENT);
	CHECK_INT(r->io.filled, 10);
	CHECK(rig_io_stamped(r, 0, 0) && rig_io_stamped(r, 9, 0));
	CHECK_INT(rig_in(r, pager, queue, 5, 3), VM_PAGER_OK);
	CHECK_INT(r->io.filled, 3);
	CHECK(rig_io_stamped(r, 0, 'a') && rig_io_stamped(r, 2, 'a'));
	CHECK_INT(pager->ops->sync(pager), 0);
	teardown();
}

TEST(what_goes_out_one_after_the_other_comes_in_together)
{
	setup(1000 * PAGE);
	for (unsigned i = 0; i < 20; i++)
		out(i * 10, 10, 'a' + (int)i);
	CHECK_INT(extent(0, 256), 200);
	CHECK_INT(rig_in(r, pager, queue, 0, 200), VM_PAGER_OK);
	for (unsigned i = 0; i < 200; i++)
		CHECK(rig_io_stamped(r, i, 'a' + (int)i / 10));
	CHECK_INT(rig.transfers, 21);
	teardown();
}

TEST(pages_that_lie_apart_are_put_together_when_they_go_out_together)
{
	setup(1000 * PAGE);
	for (unsigned i = 10; i-- > 0;)
		out(i, 1, 'a' + (int)i);
	CHECK_INT(extent(0, 10), 1);
	out(0, 10, 'z');
	CHECK_INT(extent(0, 10), 10);
	CHECK(page_is(7, 'z'));
	teardown();
}

TEST(what_goes_out_again_goes_beside_its_neighbours)
{
	setup(1000 * PAGE);
	out(0, 10, 'a');
	out(10, 1, 'b');
	out(500, 10, 'x');
	pager->ops->forget(pager, 3, 4);
	out(3, 4, 'c');
	CHECK_INT(extent(0, 11), 11);
	pager->ops->forget(pager, 0, 2);
	out(0, 2, 'a');
	CHECK_INT(extent(0, 11), 11);
	CHECK(page_is(2, 'a'));
	CHECK(page_is(3, 'c'));
	CHECK(page_is(6, 'c'));
	CHECK(page_is(7, 'a'));
	teardown();
}

TEST(a_forgotten_page_is_zeros_and_its_room_is_used_again)
{
	setup(100000 * PAGE);
	out(0, 10, 'a');
	pager->ops->forget(pager, 4, 2);
	CHECK_INT(extent(0, 10), 4);
	CHECK_INT(extent(4, 10), -2);
	CHECK_INT(extent(6, 10), 4);
	pager->ops->forget(pager, 0, 100000);
	CHECK_INT(extent(0, 10), -10);
	teardown();
}

TEST(a_shorter_object_forgets_what_is_beyond)
{
	setup(10 * PAGE);
	out(0, 10, 'a');
	pager->ops->resized(pager, 4 * PAGE);
	CHECK_INT(extent(0, 10), 4);
	CHECK_INT(extent(4, 10), 0);
	pager->ops->resized(pager, 10 * PAGE);
	CHECK_INT(extent(4, 10), -6);
	teardown();
}

TEST(the_rest_of_a_cut_page_is_zeros_when_the_object_grows_again)
{
	uint64_t bytes = 0;

	setup(10 * PAGE);
	out(0, 10, 'a');
	pager->ops->resized(pager, 4 * PAGE + 100);
	CHECK_INT(extent(0, 10), 5);
	pager->ops->resized(pager, 10 * PAGE);
	CHECK_INT(pager->ops->length(pager, &bytes), 0);
	CHECK_INT(bytes, 10 * PAGE);
	CHECK(page_is(3, 'a'));
	CHECK_INT(rig_in(r, pager, queue, 4, 1), VM_PAGER_OK);
	for (unsigned i = 0; i < PAGE; i++)
		CHECK_INT(rig_io_page(r, 0)[i], i < 100 ? 'a' : 0);
	teardown();
}

TEST(a_page_that_cannot_be_cut_is_lost_until_it_goes_out_again)
{
	setup(10 * PAGE);
	out(0, 10, 'a');
	rig.pwrite_errno = EIO;
	pager->ops->resized(pager, 4 * PAGE + 100);
	pager->ops->resized(pager, 10 * PAGE);
	CHECK_INT(extent(3, 10), 1);
	CHECK_INT(extent(4, 10), 1);
	CHECK_INT(rig_in(r, pager, queue, 4, 1), VM_PAGER_FAILED);
	CHECK_INT(r->io.error, EIO);
	CHECK(strstr(vm_error_text(), "shorter") != NULL);
	out(4, 1, 'b');
	CHECK(page_is(4, 'b'));
	rig.pwrite_errno = EIO;
	pager->ops->resized(pager, 4 * PAGE + 100);
	pager->ops->forget(pager, 4, 1);
	CHECK_INT(extent(4, 1), -1);
	teardown();
}

TEST(two_objects_share_one_file_and_no_page)
{
	struct vm_pager *first, *second;

	setup(10 * PAGE);
	first = pager;
	CHECK_INT(vm_pager_anon_create(swap, 10 * PAGE, &second), 0);
	out(0, 5, 'a');
	pager = second;
	out(0, 5, 'b');
	pager = first;
	out(5, 5, 'c');
	CHECK(page_is(0, 'a'));
	CHECK(page_is(9, 'c'));
	pager = second;
	CHECK(page_is(4, 'b'));
	CHECK_INT(extent(5, 5), -5);
	second->ops->destroy(second);
	pager = first;
	CHECK(page_is(4, 'a'));
	teardown();
}

TEST(a_page_beyond_the_end_has_no_room)
{
	int error = 0;

	setup(10 * PAGE);
	CHECK_INT(pager->ops->reserve(pager, 10, 1, &error), 0);
	CHECK_INT(error, ERANGE);
	CHECK_INT(pager->ops->reserve(pager, 8, 5, &error), 2);
	teardown();
}

TEST(a_read_error_of_the_swap_file_is_one_of_the_page)
{
	setup(10 * PAGE);
	out(0, 5, 'a');
	rig.fail_nth = rig.transfers + 1;
	rig.fail_errno = EIO;
	CHECK_INT(rig_in(r, pager, queue, 0, 5), VM_PAGER_FAILED);
	CHECK_INT(r->io.error, EIO);
	rig.return_zero = true;
	CHECK_INT(rig_in(r, pager, queue, 0, 5), VM_PAGER_FAILED);
	CHECK_INT(r->io.error, EIO);
	rig.return_zero = false;
	CHECK(page_is(0, 'a'));
	teardown();
}

TEST(nobody_else_changes_a_swap_file)
{
	char byte;

	setup(10 * PAGE);
	CHECK_INT(pager->ops->peek(pager, 0, &byte, 1), -ENOTSUP);
	teardown();
}

TEST(going_out_without_room_dies)
{
	setup(10 * PAGE);
	CHECK_DIES(rig_out(r, pager, queue, 0, 1));
	teardown();
}

/* What was one run when it was looked for may be two when it is read. */
TEST(one_request_brings_pages_from_anywhere)
{
	setup(1000 * PAGE);
	out(0, 2, 'a');
	out(10, 3, 'x');
	out(3, 2, 'b');
	CHECK_INT(extent(0, 10), 2);
	CHECK_INT(rig_in(r, pager, queue, 0, 10), VM_PAGER_OK);
	CHECK_INT(r->io.filled, 10);
	for (unsigned i = 0; i < 10; i++)
		CHECK(rig_io_stamped(r, i, i < 2 ? 'a' : i == 3 || i == 4 ?
		    'b' : 0));
	teardown();
}

TEST(a_page_of_one_word_takes_no_room)
{
	struct vm_swap_figures figures;

	setup(1000 * PAGE);
	for (unsigned i = 0; i < 5; i++) {
		int error = 0;

		CHECK_INT(pager->ops->reserve(pager, i, 1, &error), 1);
		rig_io_fill(r, 0, (int)i);
		CHECK_INT(rig_out(r, pager, queue, i, 1), VM_PAGER_OK);
	}
	CHECK_INT(rig.transfers, 0);
	vm_swap_look(swap, &figures);
	CHECK_INT(figures.file_pages, 0);
	CHECK_INT(figures.filled_pages, 5);
	CHECK_INT(figures.filled, 5);
	CHECK_INT(extent(0, 10), 5);
	CHECK_INT(rig_in(r, pager, queue, 0, 5), VM_PAGER_OK);
	for (unsigned i = 0; i < 5; i++)
		CHECK(rig_io_is(r, i, (int)i));
	/* Cut, it is a page like any other, or zeros. */
	pager->ops->resized(pager, 4 * PAGE + 100);
	pager->ops->resized(pager, 1000 * PAGE);
	CHECK_INT(rig_in(r, pager, queue, 4, 1), VM_PAGER_OK);
	for (unsigned i = 0; i < PAGE; i++)
		CHECK_INT(rig_io_page(r, 0)[i], i < 100 ? 4 : 0);
	vm_swap_look(swap, &figures);
	CHECK_INT(figures.file_pages, 1);
	CHECK_INT(figures.filled_pages, 4);
	pager->ops->forget(pager, 0, 5);
	vm_swap_look(swap, &figures);
	CHECK_INT(figures.filled_pages + figures.file_pages, 0);
	teardown();
}

/* Between those that are, some are not: all go out by one request. */
TEST(one_request_takes_pages_of_every_kind)
{
	int error = 0;

	setup(1000 * PAGE);
	CHECK_INT(pager->ops->reserve(pager, 0, 40, &error), 40);
	for (unsigned i = 0; i < 40; i++)
		if (i % 3 == 0)
			rig_io_fill(r, i, 'f');
		else
			rig_io_stamp(r, i, 'a' + (int)i);
	CHECK_INT(rig_out(r, pager, queue, 0, 40), VM_PAGER_OK);
	CHECK_INT(rig_in(r, pager, queue, 0, 40), VM_PAGER_OK);
	for (unsigned i = 0; i < 40; i++)
		CHECK(i % 3 == 0 ? rig_io_is(r, i, 'f') :
		    rig_io_stamped(r, i, 'a' + (int)i));
	teardown();
}

/* The second transfer of the request is the one that fails. */
TEST(a_request_that_fails_in_the_middle_may_be_repeated)
{
	int error = 0;

	setup(1000 * PAGE);
	CHECK_INT(pager->ops->reserve(pager, 0, 6, &error), 6);
	for (unsigned i = 0; i < 6; i++)
		rig_io_stamp(r, i, 'a' + (int)i);
	rig_io_fill(r, 2, 'f');
	rig.fail_nth = rig.transfers + 2;
	rig.fail_errno = EIO;
	CHECK_INT(rig_out(r, pager, queue, 0, 6), VM_PAGER_FAILED);
	CHECK_INT(pager->ops->reserve(pager, 0, 6, &error), 6);
	CHECK_INT(rig_out(r, pager, queue, 0, 6), VM_PAGER_OK);
	CHECK_INT(rig_in(r, pager, queue, 0, 6), VM_PAGER_OK);
	for (unsigned i = 0; i < 6; i++)
		CHECK(i == 2 ? rig_io_is(r, i, 'f') :
		    rig_io_stamped(r, i, 'a' + (int)i));
	teardown();
}

/* As a filter does, which reserves nothing: what needed no file is stored
 * already, and has no place any more. */
TEST(a_request_may_be_repeated_as_it_is)
{
	int error = 0;

	setup(1000 * PAGE);
	CHECK_INT(pager->ops->reserve(pager, 0, 6, &error), 6);
	for (unsigned i = 0; i < 6; i++)
		rig_io_stamp(r, i, 'a' + (int)i);
	rig_io_fill(r, 0, 'f');
	rig_io_fill(r, 3, 'f');
	for (unsigned n = 1; n <= 2; n++) {
		rig.fail_nth = rig.transfers + n;
		rig.fail_errno = EIO;
		CHECK_INT(rig_out(r, pager, queue, 0, 6), VM_PAGER_FAILED);
	}
	CHECK_INT(rig_out(r, pager, queue, 0, 6), VM_PAGER_OK);
	CHECK_INT(rig_out(r, pager, queue, 0, 6), VM_PAGER_OK);
	CHECK_INT(rig_in(r, pager, queue, 0, 6), VM_PAGER_OK);
	for (unsigned i = 0; i < 6; i++)
		CHECK(i % 3 == 0 ? rig_io_is(r, i, 'f') :
		    rig_io_stamped(r, i, 'a' + (int)i));
	teardown();
}

/* What took no room the first time does so the second, if there is any. */
TEST(a_repeated_page_that_now_needs_room_finds_it_or_fails)
{
	int error = 0;

	setup(1000 * PAGE);
	CHECK_INT(pager->ops->reserve(pager, 0, 3, &error), 3);
	for (unsigned i = 0; i < 3; i++)
		rig_io_fill(r, i, 'f');
	CHECK_INT(rig_out(r, pager, queue, 0, 3), VM_PAGER_OK);
	rig_io_stamp(r, 0, 'a');
	rig_io_stamp(r, 1, 'b');
	swap->max_pages = 1;
	CHECK_INT(rig_out(r, pager, queue, 0, 3), VM_PAGER_FAILED);
	CHECK_INT(r->io.error, ENOSPC);
	CHECK(page_is(0, 'a'));
	CHECK_INT(rig_in(r, pager, queue, 1, 2), VM_PAGER_OK);
	CHECK(rig_io_is(r, 0, 'f') && rig_io_is(r, 1, 'f'));
	swap->max_pages = UINT64_MAX;
	rig_io_stamp(r, 0, 'a');
	rig_io_stamp(r, 1, 'b');
	rig_io_stamp(r, 2, 'c');
	CHECK_INT(rig_out(r, pager, queue, 0, 3), VM_PAGER_OK);
	CHECK_INT(rig_in(r, pager, queue, 0, 3), VM_PAGER_OK);
	for (unsigned i = 0; i < 3; i++)
		CHECK(rig_io_stamped(r, i, 'a' + (int)i));
	teardown();
}

/* A page that is partly in memory is written with the rest of what swap had;
 * when that fails, swap still has it. */
TEST(what_was_there_before_stays_until_the_new_is_written)
{
	int error = 0;

	setup(10 * PAGE);
	out(3, 1, 'a');
	CHECK_INT(pager->ops->reserve(pager, 3, 1, &error), 1);
	CHECK(page_is(3, 'a'));
	rig_io_stamp(r, 0, 'b');
	rig.fail_nth = rig.transfers + 1;
	rig.fail_errno = ENOSPC;
	CHECK_INT(rig_out(r, pager, queue, 3, 1), VM_PAGER_FAILED);
	CHECK(page_is(3, 'a'));
	out(3, 1, 'b');
	CHECK(page_is(3, 'b'));
	teardown();
}

/* Somebody else's hand in the file. */
static ssize_t
swap_write(uint64_t at, const void *byte)
{
	return pwrite(atomic_load(&swap->file[0].backing.out[
	    VM_BACKING_PLAIN]), byte, 1, (off_t)at);
}

TEST(a_page_that_comes_back_changed_is_not_given)
{
	struct vm_swap_figures figures;
	char byte = 'X';

	setup(10 * PAGE);
	out(0, 3, 'a');
	CHECK_INT(swap_write(PAGE + 77, &byte), 1);
	CHECK(page_is(0, 'a'));
	CHECK_INT(rig_in(r, pager, queue, 1, 1), VM_PAGER_FAILED);
	CHECK_INT(r->io.error, EIO);
	CHECK(strstr(vm_error_text(), "page 1 came back") != NULL);
	CHECK(strstr(vm_error_text(), rig_directory()) != NULL);
	CHECK_INT(rig_in(r, pager, queue, 0, 3), VM_PAGER_FAILED);
	CHECK(page_is(2, 'a'));
	vm_swap_look(swap, &figures);
	CHECK_INT(figures.sum_errors, 2);
	out(1, 1, 'b');
	CHECK(page_is(1, 'b'));
	teardown();
}

TEST(a_page_is_read_at_once_where_that_is_asked)
{
	static _Alignas(PAGE) char bytes[PAGE];
	int error = 0;
	char byte = 'X';

	setup(10 * PAGE);
	CHECK_INT(pager->ops->read_now(pager, 0, bytes, &error),
	    VM_PAGER_PENDING);
	out(0, 2, 'a');
	CHECK_INT(pager->ops->read_now(pager, 1, bytes, &error), VM_PAGER_OK);
	CHECK(bytes[0] == 'a' && bytes[PAGE - 2] == 'a');
	CHECK_INT(swap_write(PAGE + 77, &byte), 1);
	CHECK_INT(pager->ops->read_now(pager, 1, bytes, &error),
	    VM_PAGER_FAILED);
	CHECK_INT(error, EIO);
	CHECK_INT(pager->ops->reserve(pager, 0, 1, &error), 1);
	rig_io_fill(r, 0, 'f');
	CHECK_INT(rig_out(r, pager, queue, 0, 1), VM_PAGER_OK);
	CHECK_INT(pager->ops->read_now(pager, 0, bytes, &error), VM_PAGER_OK);
	CHECK(bytes[0] == 'f' && bytes[PAGE - 1] == 'f');
	teardown();
}
