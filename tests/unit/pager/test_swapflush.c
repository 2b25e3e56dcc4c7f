/* SPDX-License-Identifier: BSD-2-Clause */
/* Compressed pages before the files, and enciphered files. */
#include <errno.h>
#include <unistd.h>

#include "base/error.h"
#include "base/rng.h"
#include "check.h"
#include "pager/anon.h"
#include "pager/pack.h"
#include "pager/swap_private.h"
#include "rig.h"

/* 64 pages: of half a page each, 120 fit. */
enum { TIER_PAGES = 64 };

static _Alignas(16) char tier[TIER_PAGES * PAGE];
static struct vm_swap *swap;
static struct vm_pager *pager;
static struct vm_ioq *queue;
static struct rig_io *r;

/* False: what it takes is not here. */
static bool
setup(unsigned tier_pages, bool encipher, uint64_t max_bytes)
{
	struct vm_swap_place_options file = { .directory = rig_directory(),
		.max_bytes = max_bytes };
	struct vm_swap_options options = { .os = &rig_os, .files = &file,
		.file_count = 1, .page_bytes = PAGE, .encipher = encipher,
		.tier = tier_pages == 0 ? NULL : tier,
		.tier_bytes = (uint64_t)tier_pages * PAGE };
	int error;

	rig_reset();
	if (tier_pages != 0 && !vm_pack_able())
		return false;
	error = vm_swap_create(&options, &swap);
	if (error == -ENOTSUP)
		return false;
	CHECK_INT(error, 0);
	CHECK_INT(vm_pager_anon_create(swap, 4000 * PAGE, &pager), 0);
	queue = rig_queue(RIG_IN_REAP, 4);
	r = rig_io_new(RIG_PIECES);
	return true;
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

static struct vm_swap_figures
look(void)
{
	struct vm_swap_figures figures;

	vm_swap_look(swap, &figures);
	return figures;
}

/* So many bytes of a page are noise, of this number; the others are its low
 * byte. */
static void
fill(unsigned char *page, uint64_t number, unsigned noise)
{
	struct vm_rng rng = { number };

	memset(page, (int)(number & 0xff), PAGE);
	for (unsigned i = 0; i < noise; i++)
		page[i] = (unsigned char)vm_rng_next(&rng);
}

static enum vm_pager_result
out(vm_pindex_t pindex, unsigned count, uint64_t number, unsigned noise)
{
	int error = 0;

	if (pager->ops->reserve(pager, pindex, count, &error) != count)
		return VM_PAGER_AGAIN;
	for (unsigned i = 0; i < count; i++)
		fill(rig_io_page(r, i), number + i, noise);
	return rig_out(r, pager, queue, pindex, count);
}

static bool
is(vm_pindex_t pindex, unsigned count, uint64_t number, unsigned noise)
{
	static unsigned char page[PAGE];

	if (rig_in(r, pager, queue, pindex, count) != VM_PAGER_OK)
		return false;
	for (unsigned i = 0; i < count; i++) {
		fill(page, number + i, noise);
		if (memcmp(page, rig_io_page(r, i), PAGE) != 0)
			return false;
	}
	return true;
}

enum { HALF = PAGE / 2, ALL = PAGE };

TEST(pages_that_shrink_stay_in_memory)
{
	if (!setup(TIER_PAGES, false, 0))
		CHECK_SKIP("built without lz4");
	CHECK_INT(out(0, 20, 100, HALF), VM_PAGER_OK);
	CHECK_INT(rig.transfers, 0);
	CHECK_INT(look().packed_pages, 20);
	CHECK_INT(look().file_pages, 0);
	CHECK(look().packed_bytes > 20 * HALF);
	CHECK(look().tier_used_bytes > look().packed_bytes);
	CHECK_INT(look().packed_in_bytes, look().packed_bytes);
	CHECK_INT(look().unpacked, 0);
	CHECK(is(0, 20, 100, HALF));
	CHECK_INT(look().unpacked, 20);
	pager->ops->forget(pager, 0, 10);
	CHECK_INT(look().packed_pages, 10);
	CHECK(look().packed_in_bytes > look().packed_bytes);
	CHECK_INT(look().written + look().read, 0);
	CHECK(is(10, 10, 110, HALF));
	teardown();
}

TEST(pages_that_do_not_shrink_go_past_the_tier)
{
	if (!setup(TIER_PAGES, false, 0))
		CHECK_SKIP("built without lz4");
	CHECK_INT(out(0, 20, 100, ALL), VM_PAGER_OK);
	CHECK_INT(look().packed_pages, 0);
	CHECK_INT(look().file_pages, 20);
	CHECK_INT(look().refused_tier, 20);
	CHECK_INT(look().written, 20);
	CHECK_INT(look().read, 0);
	CHECK(is(0, 20, 100, ALL));
	CHECK_INT(look().read, 20);
	CHECK(look().disk_peak_bytes >= 20 * PAGE);
	CHECK_INT(look().disk_peak_bytes, look().disk_bytes);
	teardown();
}

TEST(a_full_tier_gives_its_oldest_to_the_file)
{
	if (!setup(TIER_PAGES, false, 0))
		CHECK_SKIP("built without lz4");
	for (unsigned i = 0; i < 20; i++)
		CHECK_INT(out(i * 10, 10, 100 + i * 10, HALF), VM_PAGER_OK);
	CHECK(look().left_tier >= 64);
	CHECK_INT(look().written, look().left_tier);
	CHECK_INT(look().packed_pages + look().file_pages, 200);
	/* The first ones, one behind the other. */
	CHECK(is(0, 60, 100, HALF));
	CHECK_INT(rig.transfers, 1);
	CHECK(is(60, 140, 160, HALF));
	teardown();
}

/* Written in no order, they are sorted when they leave. */
TEST(neighbours_leave_together)
{
	if (!setup(TIER_PAGES, false, 0))
		CHECK_SKIP("built without lz4");
	for (unsigned i = 0; i < 200; i++)
		CHECK_INT(out(i * 37 % 64 + i / 64 * 1000, 1, i, HALF),
		    VM_PAGER_OK);
	CHECK(look().left_tier >= 64);
	rig.transfers = 0;
	CHECK_INT(rig_in(r, pager, queue, 0, 64), VM_PAGER_OK);
	CHECK_INT(rig.transfers, 1);
	teardown();
}

TEST(a_full_disk_leaves_the_tier_as_it_was)
{
	unsigned n = 0;

	if (!setup(TIER_PAGES, false, 8 * PAGE))
		CHECK_SKIP("built without lz4");
	while (out(n, 1, n, HALF) == VM_PAGER_OK)
		n++;
	CHECK(n > 100);
	CHECK(strstr(vm_error_text(), "no room") != NULL);
	CHECK_INT(look().packed_pages + look().file_pages, n);
	CHECK(is(0, n, 0, HALF));
	/* One less, and there is room for one again. */
	pager->ops->forget(pager, 3, 1);
	CHECK_INT(out(n, 1, n, HALF), VM_PAGER_OK);
	CHECK(is(4, n - 3, 4, HALF));
	teardown();
}

TEST(a_write_that_fails_leaves_the_tier_as_it_was)
{
	if (!setup(TIER_PAGES, false, 0))
		CHECK_SKIP("built without lz4");
	rig.pwrite_errno = EIO;
	for (unsigned i = 0; i < 20; i++)
		CHECK_INT(out(i * 10, 10, 100 + i * 10, HALF), VM_PAGER_OK);
	CHECK_INT(look().left_tier, 0);
	CHECK(look().file_pages > 0);	/* the new ones went past it */
	CHECK(is(0, 10, 100, HALF));
	rig.pwrite_errno = 0;
	for (unsigned i = 0; i < 20; i++)
		CHECK(is(i * 10, 10, 100 + i * 10, HALF));
	CHECK_INT(out(500, 10, 999, HALF), VM_PAGER_OK);
	CHECK(look().left_tier > 0);
	CHECK(is(0, 10, 100, HALF));
	teardown();
}

/* A filter repeats requests and reserves nothing: what the tier took the first
 * time, it has no room for the second, beside what it has. */
TEST(a_packed_page_that_goes_out_again_may_go_past_a_full_tier)
{
	if (!setup(1, false, 0))
		CHECK_SKIP("built without lz4");
	CHECK_INT(out(0, 1, 100, HALF), VM_PAGER_OK);
	CHECK_INT(look().packed_pages, 1);
	fill(rig_io_page(r, 0), 100, HALF);
	CHECK_INT(rig_out(r, pager, queue, 0, 1), VM_PAGER_OK);
	CHECK_INT(look().packed_pages, 0);
	CHECK_INT(look().file_pages, 1);
	CHECK(is(0, 1, 100, HALF));
	teardown();
}

TEST(a_packed_page_that_is_damaged_is_not_given)
{
	if (!setup(TIER_PAGES, false, 0))
		CHECK_SKIP("built without lz4");
	CHECK_INT(out(0, 3, 100, HALF), VM_PAGER_OK);
	/* The first page's second chunk. */
	tier[VM_TIER_CHUNK_BYTES + 40] ^= 1;
	CHECK_INT(rig_in(r, pager, queue, 0, 3), VM_PAGER_FAILED);
	CHECK_INT(r->io.error, EIO);
	CHECK(strstr(vm_error_text(), "compressed memory: page") != NULL);
	CHECK_INT(look().sum_errors, 1);
	teardown();
}

TEST(a_cut_page_stays_where_it_is_kept)
{
	static unsigned char page[PAGE];

	if (!setup(TIER_PAGES, false, 0))
		CHECK_SKIP("built without lz4");
	CHECK_INT(out(0, 2, 100, HALF), VM_PAGER_OK);
	pager->ops->resized(pager, PAGE + 1000);
	pager->ops->resized(pager, 4000 * PAGE);
	CHECK_INT(look().packed_pages, 2);
	CHECK_INT(rig_in(r, pager, queue, 1, 1), VM_PAGER_OK);
	fill(page, 101, HALF);
	memset(page + 1000, 0, PAGE - 1000);
	CHECK(memcmp(page, rig_io_page(r, 0), PAGE) == 0);
	teardown();
}

/* ---- enciphered ---------------------------------------------------------- */

static bool
file_has(uint32_t place, const void *bytes)
{
	char there[PAGE];

	CHECK_INT(pread(swap->file[0].backing.in[VM_BACKING_PLAIN], there,
	    PAGE, (off_t)place * PAGE), PAGE);
	return memcmp(there, bytes, PAGE) == 0;
}

TEST(an_enciphered_file_has_nothing_that_was_written)
{
	static unsigned char page[PAGE], before[PAGE];

	if (!setup(0, true, 0))
		CHECK_SKIP("no libsodium");
	CHECK_INT(out(0, 100, 7, ALL), VM_PAGER_OK);
	for (unsigned i = 0; i < 100; i++) {
		fill(page, 7 + i, ALL);
		CHECK(!file_has(i, page));
	}
	CHECK(is(0, 100, 7, ALL));
	/* The same bytes at the same place look different each time. */
	CHECK_INT(pread(swap->file[0].backing.in[VM_BACKING_PLAIN], before,
	    PAGE, 0), PAGE);
	pager->ops->forget(pager, 0, 1);
	CHECK_INT(out(0, 1, 7, ALL), VM_PAGER_OK);
	CHECK(!file_has(0, before));
	CHECK(is(0, 1, 7, ALL));
	teardown();
}

/* As many as there are bounces are on their way; the next one is written at
 * once. */
TEST(more_enciphered_writes_than_bounces_are_made_at_once)
{
	enum { MANY = VM_SWAP_BOUNCES + 2 };
	struct rig_io *many[MANY];
	struct vm_ioq *own_queue;
	int error = 0;

	if (!setup(0, true, 0))
		CHECK_SKIP("no libsodium");
	own_queue = rig_queue(RIG_IN_REAP, MANY);
	for (unsigned n = 0; n < MANY; n++) {
		many[n] = rig_io_new(RIG_ONE_PIECE);
		CHECK_INT(pager->ops->reserve(pager, n * 10, 3, &error), 3);
		for (unsigned i = 0; i < 3; i++)
			fill(rig_io_page(many[n], i), n * 10 + i, ALL);
		many[n]->io.op = VM_PAGER_OUT;
		many[n]->io.pindex = n * 10;
		many[n]->io.count = 3;
		rig_start(many[n], pager, own_queue);
		CHECK_INT(many[n]->done, n >= VM_SWAP_BOUNCES);
	}
	for (unsigned n = 0; n < MANY; n++) {
		rig_wait(many[n], own_queue);
		CHECK_INT(many[n]->io.result, VM_PAGER_OK);
		rig_io_free(many[n]);
	}
	for (unsigned n = 0; n < MANY; n++)
		CHECK(is(n * 10, 3, n * 10, ALL));
	vm_ioq_destroy(own_queue);
	teardown();
}

TEST(an_enciphered_write_that_fails_keeps_the_page_as_it_was)
{
	if (!setup(0, true, 0))
		CHECK_SKIP("no libsodium");
	CHECK_INT(out(0, 3, 7, ALL), VM_PAGER_OK);
	rig.fail_nth = rig.transfers + 1;
	rig.fail_errno = EIO;
	CHECK_INT(out(0, 3, 50, ALL), VM_PAGER_FAILED);
	CHECK(is(0, 3, 7, ALL));
	CHECK_INT(out(0, 3, 50, ALL), VM_PAGER_OK);
	CHECK(is(0, 3, 50, ALL));
	teardown();
}

/* While its pages are written, somebody gives one of them up. */
static void
forget_one(void)
{
	rig.before_pwrite = NULL;
	pager->ops->forget(pager, 5, 1);
}

TEST(a_page_that_is_given_up_while_it_leaves_is_gone)
{
	if (!setup(TIER_PAGES, false, 0))
		CHECK_SKIP("built without lz4");
	CHECK_INT(out(0, 64, 100, HALF), VM_PAGER_OK);
	rig.before_pwrite = forget_one;
	for (unsigned i = 0; rig.before_pwrite != NULL && i < 100; i++)
		CHECK_INT(out(1000 + i, 1, i, HALF), VM_PAGER_OK);
	CHECK(rig.before_pwrite == NULL);
	CHECK(is(0, 5, 100, HALF));
	CHECK_INT(rig_in(r, pager, queue, 5, 1), VM_PAGER_ABSENT);
	CHECK(is(6, 58, 106, HALF));
	teardown();
}
