/* SPDX-License-Identifier: BSD-2-Clause */
/* What is in a page, through the public calls: FreeBSD's rows one by one. */
#include <resident/content.h>

#include "audit.h"
#include "clients.h"
#include "object/content.h"
#include "object/object.h"
#include "one_object.h"

enum { BLOCK = 512, ALL = 0xff, GARBAGE = 0xee };

/* Exclusive, nothing known of it, and garbage in it. */
static struct vm_page *
unknown_page(uint64_t pindex)
{
	struct vm_page *page = core_grab(pindex, VM_GRAB_WRITE);

	CHECK_INT(vm_page_set_invalid(page, 0, PAGE), 0);
	memset(vm_page_data(page), GARBAGE, PAGE);
	return page;
}

static unsigned char *
bytes_of(struct vm_page *page)
{
	return vm_page_data(page);
}

/* The whole of [from, to) is value. */
static bool
is_all(struct vm_page *page, unsigned from, unsigned to, unsigned char value)
{
	for (unsigned i = from; i < to; i++)
		if (bytes_of(page)[i] != value)
			return false;
	return true;
}

TEST(bits_are_those_of_the_blocks_that_a_range_touches)
{
	core_set_up(0);
	for (uint32_t offset = 0; offset <= PAGE; offset += 13)
		for (uint32_t length = 0; length <= PAGE - offset;
		    length += 7) {
			uint32_t bits = 0;

			for (uint32_t i = 0; i < 8 && length != 0; i++)
				if (i * BLOCK < offset + length &&
				    offset < (i + 1) * BLOCK)
					bits |= UINT32_C(1) << i;
			CHECK_INT(vm_page_bits(vm, offset, length), bits);
		}
	CHECK_DIES((void)vm_page_bits(vm, 1, PAGE));
	CHECK_DIES(vm_page_bits(vm, PAGE + 1, 0));
	core_tear_down();
}

TEST(a_page_that_was_grabbed_is_valid_as_a_whole_and_clean)
{
	struct vm_page *page;

	core_set_up(0);
	page = core_grab(3, VM_GRAB_READ);
	CHECK_INT(vm_page_valid(page), ALL);
	CHECK_INT(vm_page_dirty_bits(page), 0);
	CHECK(vm_page_is_valid(page, 0, PAGE) && vm_page_is_valid(page, 0, 0));
	CHECK(!vm_page_test_dirty(page));
	vm_page_release(page);
	core_tear_down();
}

/* Garbage is never visible in a valid block, wherever the piece lies. */
static void
bring_piece(unsigned offset, unsigned length)
{
	struct vm_page *page = unknown_page(3);
	unsigned first = offset / BLOCK * BLOCK;
	unsigned end = (offset + length + BLOCK - 1) / BLOCK * BLOCK;

	memset(bytes_of(page) + offset, 7, length);
	CHECK_INT(vm_page_set_valid(page, offset, length), 0);
	CHECK_INT(vm_page_valid(page), vm_page_bits(vm, offset, length));
	CHECK(is_all(page, 0, first, GARBAGE));
	CHECK(is_all(page, first, offset, 0));
	CHECK(is_all(page, offset, offset + length, 7));
	CHECK(is_all(page, offset + length, end, 0));
	CHECK(is_all(page, end, PAGE, GARBAGE));
	CHECK_INT(vm_page_set_valid(page, 0, PAGE), 0);
	vm_page_release(page);
}

TEST(a_piece_comes_with_zeros_around_it)
{
	core_set_up(0);
	for (unsigned offset = 0; offset < PAGE; offset += 97)
		for (unsigned length = 1; length <= PAGE - offset;
		    length += 211)
			bring_piece(offset, length);
	core_tear_down();
}

TEST(bringing_nothing_changes_nothing)
{
	struct vm_page *page;

	core_set_up(0);
	page = unknown_page(3);
	CHECK_INT(vm_page_set_valid(page, 700, 0), 0);
	CHECK_INT(vm_page_set_validclean(page, 700, 0, 0), 0);
	CHECK_INT(vm_page_set_dirty(page, 700, 0), 0);
	CHECK_INT(vm_page_set_invalid(page, 700, 0), 0);
	vm_page_clear_dirty(page, 700, 0);
	CHECK_INT(vm_page_valid(page), 0);
	CHECK_INT(vm_page_dirty_bits(page), 0);
	CHECK(is_all(page, 0, PAGE, GARBAGE));
	vm_page_release(page);
	core_tear_down();
}

TEST(a_block_that_is_known_keeps_its_bytes)
{
	struct vm_page *page;

	core_set_up(0);
	page = unknown_page(3);
	memset(bytes_of(page) + 600, 1, 50);
	CHECK_INT(vm_page_set_valid(page, 600, 50), 0);
	memset(bytes_of(page) + 900, 2, 50);
	CHECK_INT(vm_page_set_valid(page, 900, 50), 0);
	memset(bytes_of(page) + 2100, 3, 50);
	CHECK_INT(vm_page_set_dirty(page, 2100, 50), 0);
	memset(bytes_of(page) + 2300, 4, 50);
	CHECK_INT(vm_page_set_valid(page, 2300, 50), 0);
	CHECK(is_all(page, 600, 650, 1) && is_all(page, 900, 950, 2));
	CHECK(is_all(page, 2100, 2150, 3) && is_all(page, 2300, 2350, 4));
	CHECK(is_all(page, 650, 900, 0) && is_all(page, 2150, 2300, 0));
	vm_page_undirty(page);
	CHECK_INT(vm_page_zero_invalid(page, 1), 0);
	vm_page_release(page);
	core_tear_down();
}

/* Strict keeps what a neighbour changed in the same block. */
TEST(only_blocks_that_are_covered_become_clean)
{
	struct vm_page *page;

	core_set_up(0);
	page = core_grab(3, VM_GRAB_WRITE);
	vm_page_dirty(page, 0, PAGE);
	CHECK_INT(vm_page_set_validclean(page, 700, 1000, 0), 0);
	CHECK_INT(vm_page_dirty_bits(page), ALL & ~0x4);
	CHECK_INT(vm_page_set_validclean(page, 700, 1000, VM_CLEAN_PARTIAL),
	    0);
	CHECK_INT(vm_page_dirty_bits(page), ALL & ~0xe);
	CHECK_INT(object->dirty, 1);
	CHECK_INT(vm_page_set_validclean(page, 0, PAGE, 0), 0);
	CHECK_INT(vm_page_dirty_bits(page), 0);
	CHECK_INT(object->dirty, 0);
	CHECK_INT(vm_page_valid(page), ALL);
	CHECK_INT(vm_page_set_validclean(page, 0, 1, 2), -EINVAL);
	vm_page_release(page);
	audit(vm);
	core_tear_down();
}

TEST(a_page_valid_and_clean_as_a_whole_may_be_synced_again)
{
	struct vm_page *page;

	core_set_up(0);
	page = core_grab(3, VM_GRAB_WRITE);
	vm_page_set_nosync(page, 1);
	CHECK_INT(vm_page_set_validclean(page, 0, PAGE - 1, 0), 0);
	CHECK_INT(vm_page_nosync(page), 1);
	CHECK_INT(vm_page_set_validclean(page, 0, PAGE, 0), 0);
	CHECK_INT(vm_page_nosync(page), 0);
	vm_page_release(page);
	core_tear_down();
}

TEST(dirty_comes_and_goes_by_blocks)
{
	struct vm_page *page;

	core_set_up(0);
	page = core_grab(3, VM_GRAB_WRITE);
	CHECK_INT(vm_page_set_dirty(page, 511, 2), 0);
	CHECK_INT(vm_page_dirty_bits(page), 0x3);
	CHECK(vm_page_test_dirty(page));
	CHECK_INT(vm_page_set_dirty(page, 4095, 1), 0);
	CHECK_INT(vm_page_dirty_bits(page), 0x83);
	vm_page_clear_dirty(page, 0, 1);
	CHECK_INT(vm_page_dirty_bits(page), 0x82);
	CHECK_INT(object->dirty, 1);
	vm_page_clear_dirty(page, 512, PAGE - 512);
	CHECK_INT(vm_page_dirty_bits(page), 0);
	CHECK_INT(object->dirty, 0);
	CHECK_INT(vm_page_set_dirty(page, 0, PAGE), 0);
	vm_page_undirty(page);
	CHECK(!vm_page_test_dirty(page));
	CHECK_INT(object->dirty, 0);
	vm_page_release(page);
	audit(vm);
	core_tear_down();
}

/* Swap gives up what it has of a page that changed: to call that one clean
 * would be to lose it at the next eviction. */
TEST(what_only_memory_has_stays_dirty)
{
	struct vm_object *anon;
	struct vm_page *page;

	core_set_up(0);
	CHECK_INT(vm_object_create_anon(vm, PAGE, 0, &anon), 0);
	CHECK_INT(vm_page_grab(anon, 0, VM_GRAB_WRITE, &page), 0);
	memset(vm_page_data(page), 7, PAGE);
	CHECK_INT(vm_page_set_dirty(page, 0, PAGE), 0);
	vm_page_clear_dirty(page, 0, PAGE);
	CHECK(vm_page_test_dirty(page));
	vm_page_undirty(page);
	CHECK(vm_page_test_dirty(page));
	CHECK_INT(vm_page_set_validclean(page, 0, PAGE, VM_CLEAN_STRICT), 0);
	CHECK_INT(vm_page_dirty_bits(page), 0xff);
	vm_page_release(page);
	CHECK_INT(vm_object_destroy(anon), 0);
	audit(vm);
	core_tear_down();
}

/* The file keeps what it had: the change was taken back. */
TEST(what_is_undirtied_is_not_written)
{
	struct vm_page *page;

	core_set_up(0);
	core_put(3, 9);
	page = core_grab(3, VM_GRAB_WRITE);
	vm_page_undirty(page);
	vm_page_release(page);
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	CHECK_INT(core_in_file(3), 0);
	core_tear_down();
}

TEST(a_stores_page_is_protected_before_it_is_called_clean)
{
	struct vm_page *page;

	core_set_up(VM_OBJECT_STORE);
	page = core_grab(3, VM_GRAB_WRITE);
	vm_page_dirty(page, 0, PAGE);
	CHECK_INT(object->store.face->dirty_pages, 1);
	vm_page_clear_dirty(page, 0, 512);
	CHECK_INT(object->store.face->dirty_pages, 1);
	vm_page_undirty(page);
	CHECK_INT(object->store.face->dirty_pages, 0);
	vm_page_release(page);
	audit(vm);
	core_tear_down();
}

TEST(invalidating_forgets_blocks_and_advances_the_generation)
{
	struct vm_page *page;
	uint64_t before;

	core_set_up(0);
	page = core_grab(3, VM_GRAB_WRITE);
	vm_page_dirty(page, 0, PAGE);
	before = atomic_load(&object->generation);
	CHECK_INT(vm_page_set_invalid(page, 700, 1000), 0);
	CHECK_INT(vm_page_valid(page), ALL & ~0xe);
	CHECK_INT(vm_page_dirty_bits(page), ALL & ~0xe);
	CHECK_INT(atomic_load(&object->generation), before + 1);
	CHECK_INT(vm_page_set_invalid(page, 0, PAGE), 0);
	CHECK_INT(vm_page_valid(page), 0);
	CHECK_INT(object->dirty, 0);
	CHECK_INT(vm_page_zero_invalid(page, 1), 0);
	vm_page_release(page);
	core_tear_down();
}

TEST(a_stores_page_cannot_be_invalidated)
{
	struct vm_page *page;

	core_set_up(VM_OBJECT_STORE);
	page = core_grab(3, VM_GRAB_WRITE);
	CHECK_INT(vm_page_set_invalid(page, 0, PAGE), -ENOTSUP);
	CHECK(strstr(vm_last_error(), "store") != NULL);
	CHECK_INT(vm_page_valid(page), ALL);
	vm_page_release(page);
	core_tear_down();
}

/* Every mask of valid blocks, and whether the rest becomes valid. */
static void
zero_rest(struct vm_page *page, uint32_t mask, int set_valid)
{
	CHECK_INT(vm_page_set_invalid(page, 0, PAGE), 0);
	memset(bytes_of(page), GARBAGE, PAGE);
	for (uint32_t i = 0; i < 8; i++)
		if ((mask >> i & 1) != 0)
			CHECK_INT(vm_page_set_valid(page, i * BLOCK, BLOCK),
			    0);
	CHECK_INT(vm_page_zero_invalid(page, set_valid), 0);
	CHECK_INT(vm_page_valid(page), set_valid ? ALL : mask);
	for (uint32_t i = 0; i < 8; i++)
		CHECK(is_all(page, i * BLOCK, (i + 1) * BLOCK,
		    (mask >> i & 1) != 0 ? GARBAGE : 0));
}

TEST(zeros_go_where_nothing_is_valid_for_every_mask)
{
	struct vm_page *page;

	core_set_up(0);
	page = core_grab(3, VM_GRAB_WRITE);
	for (uint32_t mask = 0; mask <= ALL; mask++) {
		zero_rest(page, mask, 0);
		zero_rest(page, mask, 1);
	}
	vm_page_release(page);
	core_tear_down();
}

TEST(zeros_spare_a_dirty_block_that_is_not_valid)
{
	struct vm_page *page;

	core_set_up(0);
	page = unknown_page(3);
	memset(bytes_of(page) + 512, 5, 512);
	CHECK_INT(vm_page_set_dirty(page, 512, 512), 0);
	CHECK_INT(vm_page_zero_invalid(page, 0), 0);
	CHECK(is_all(page, 0, 512, 0) && is_all(page, 512, 1024, 5) &&
	    is_all(page, 1024, PAGE, 0));
	CHECK_INT(vm_page_valid(page), 0);
	CHECK_INT(vm_page_zero_invalid(page, 1), 0);
	CHECK_INT(vm_page_dirty_bits(page), 0x2);
	vm_page_release(page);
	core_tear_down();
}

/* Every mask against every range of blocks. */
TEST(a_range_is_valid_when_all_its_blocks_are)
{
	struct vm_page *page;

	core_set_up(0);
	page = core_grab(3, VM_GRAB_WRITE);
	for (uint32_t mask = 0; mask <= ALL; mask++) {
		zero_rest(page, mask, 0);
		CHECK_INT(vm_page_is_valid(page, 100, 0), mask != 0);
		for (uint32_t a = 0; a < 8; a++)
			for (uint32_t b = a; b < 8; b++) {
				uint32_t bits = (2u << b) - (1u << a);

				CHECK_INT(vm_page_is_valid(page,
				    a * BLOCK + 511, (b - a) * BLOCK + 1),
				    (mask & bits) == bits);
			}
	}
	vm_page_release(page);
	core_tear_down();
}

/* The last page ends at byte 1000 of it: what is behind is zeros and valid. */
TEST(behind_the_objects_end_are_zeros_and_they_are_valid)
{
	uint64_t length = 50 * PAGE + 1000;
	struct vm_page *page;

	core_create(0);
	core_new_file();
	CHECK_INT(vm_object_create_file(vm, core_fd, 0, length,
	    VM_OBJECT_WRITABLE, &object), 0);
	page = unknown_page(50);
	memset(bytes_of(page), 7, 600);
	CHECK_INT(vm_page_set_valid(page, 0, 600), 0);
	CHECK_INT(vm_page_valid(page), ALL);
	CHECK(is_all(page, 600, PAGE, 0));
	vm_page_release(page);
	page = unknown_page(49);
	CHECK_INT(vm_page_set_valid(page, 0, 600), 0);
	CHECK_INT(vm_page_valid(page), 0x3);
	CHECK_INT(vm_page_zero_invalid(page, 1), 0);
	vm_page_release(page);
	core_tear_down();
}

TEST(zero_fill_changes_the_bytes_alone_or_makes_them_dirty_too)
{
	struct vm_page *page;
	uint64_t before;

	core_set_up(0);
	page = unknown_page(3);
	CHECK_INT(vm_page_set_valid(page, 0, BLOCK), 0);
	before = vm_counter_read(vm->counters, VM_COUNTER_pages_zeroed);
	CHECK_INT(vm_page_zero_fill(page, 0), 0);
	CHECK(is_all(page, 0, PAGE, 0));
	CHECK_INT(vm_page_valid(page), 1);
	CHECK_INT(vm_page_dirty_bits(page), 0);
	memset(bytes_of(page), GARBAGE, PAGE);
	CHECK_INT(vm_page_zero_fill(page, VM_ZERO_DIRTY), 0);
	CHECK(is_all(page, 0, PAGE, 0));
	CHECK_INT(vm_page_valid(page), ALL);
	CHECK_INT(vm_page_dirty_bits(page), ALL);
	CHECK_INT(object->dirty, 1);
	CHECK_INT(vm_counter_read(vm->counters, VM_COUNTER_pages_zeroed),
	    before + 2);
	CHECK_INT(vm_page_zero_fill(page, 2), -EINVAL);
	vm_page_release(page);
	core_tear_down();
}

/* A placeholder: whoever owns it may ask, and hears why not. */
TEST(pages_without_bytes_are_neither_filled_nor_copied)
{
	struct vm_page *none, *page;

	core_set_up(0);
	page = unknown_page(3);
	CHECK(vm_page_more_fictitious(vm, 1) > 0);
	CHECK_INT(vm_page_grab_fictitious(vm, &none), 0);
	CHECK_INT(vm_page_zero_fill(none, 0), -ENOTSUP);
	CHECK(strstr(vm_last_error(), "zero: the page has no bytes") != NULL);
	CHECK_INT(vm_page_copy(none, page, VM_COPY_VALID), -ENOTSUP);
	CHECK_INT(vm_page_copy(page, none, VM_COPY_VALID), -ENOTSUP);
	CHECK(strstr(vm_last_error(), "copy: the page has no bytes") != NULL);
	CHECK(is_all(page, 0, PAGE, GARBAGE));
	CHECK_INT(vm_page_valid(page), 0);
	CHECK_INT(vm_page_valid(none), 0);
	vm_page_release_fictitious(none);
	CHECK_INT(vm_page_zero_invalid(page, 1), 0);
	vm_page_release(page);
	core_tear_down();
}

/* Its bit says something else there. */
TEST(a_loose_page_is_never_in_error)
{
	struct vm_page *page;

	core_set_up(0);
	CHECK_INT(vm_page_alloc(vm, 0, &page), 0);
	vm_page_set_flag(page, VM_PGA_ERROR, true);
	CHECK_INT(vm_page_error(page), 0);
	vm_page_set_flag(page, VM_PGA_ERROR, false);
	CHECK_DIES(vm_page_set_error(page, 1));
	vm_page_free(page, 0);
	core_tear_down();
}

TEST(a_copy_takes_the_bytes_and_validity_when_asked)
{
	struct vm_page *from, *to;

	core_set_up(0);
	from = core_grab(3, VM_GRAB_READ);
	to = unknown_page(4);
	CHECK_INT(vm_page_copy(from, to, 0), 0);
	CHECK(memcmp(bytes_of(from), bytes_of(to), PAGE) == 0);
	CHECK_INT(vm_page_valid(to), 0);
	CHECK_INT(vm_page_dirty_bits(to), 0);
	CHECK_INT(vm_page_set_dirty(to, 0, BLOCK), 0);
	CHECK_INT(vm_page_copy(from, to, VM_COPY_VALID), 0);
	CHECK_INT(vm_page_valid(to), ALL);
	CHECK_INT(vm_page_dirty_bits(to), 1);	/* as it was */
	CHECK_INT(vm_page_copy(from, to, 2), -EINVAL);
	CHECK_DIES(vm_page_copy(to, to, 0));
	CHECK_DIES(vm_page_copy(to, from, 0));	/* held shared */
	vm_page_release(from);
	vm_page_release(to);
	core_tear_down();
}

TEST(states_are_turned_on_and_off_and_end_with_the_page)
{
	struct vm_page *page;

	core_set_up(0);
	page = core_grab(3, VM_GRAB_WRITE);
	CHECK(!vm_page_precious(page) && !vm_page_nosync(page) &&
	    !vm_page_error(page));
	vm_page_set_precious(page, 1);
	vm_page_set_nosync(page, 1);
	vm_page_set_error(page, 1);
	CHECK(vm_page_precious(page) && vm_page_nosync(page) &&
	    vm_page_error(page));
	vm_page_set_precious(page, 0);
	vm_page_set_error(page, 0);
	CHECK(!vm_page_precious(page) && vm_page_nosync(page) &&
	    !vm_page_error(page));
	vm_page_release(page);
	CHECK_INT(vm_page_try_to_free(object, 3), 1);
	page = core_grab(3, VM_GRAB_READ);
	CHECK(!vm_page_nosync(page));
	vm_page_release(page);
	core_tear_down();
}

TEST(a_read_only_object_has_no_dirty_pages)
{
	struct vm_page *page;

	core_create(0);
	core_new_file();
	CHECK_INT(vm_object_create_file(vm, core_fd, 0, VM_LENGTH_ALL, 0,
	    &object), 0);
	CHECK_INT(core_get(3, 0), 3);
	page = vm_object_lock_page(object, 3);
	CHECK_INT(vm_page_set_dirty(page, 0, 1), -EACCES);
	CHECK_INT(vm_page_zero_fill(page, VM_ZERO_DIRTY), -EACCES);
	CHECK_INT(vm_page_dirty_bits(page), 0);
	CHECK_INT(*(uint64_t *)vm_page_data(page), 3);
	vm_page_release(page);
	core_tear_down();
}

TEST(who_does_not_hold_the_page_dies)
{
	struct vm_page *page;

	core_set_up(0);
	page = core_grab(3, VM_GRAB_READ);
	CHECK_DIES((void)vm_page_set_valid(page, 0, 1));
	CHECK_DIES((void)vm_page_set_dirty(page, 0, 1));
	CHECK_DIES(vm_page_clear_dirty(page, 0, 1));
	CHECK_DIES((void)vm_page_set_invalid(page, 0, 1));
	CHECK_DIES((void)vm_page_zero_invalid(page, 1));
	CHECK_DIES((void)vm_page_zero_fill(page, 0));
	CHECK_DIES(vm_page_set_precious(page, 1));
	CHECK_DIES(vm_page_set_nosync(page, 1));
	CHECK_DIES(vm_page_set_error(page, 1));
	vm_page_release(page);
	CHECK_DIES((void)vm_page_valid(page));
	CHECK_DIES((void)vm_page_dirty_bits(page));
	CHECK_DIES((void)vm_page_test_dirty(page));
	CHECK_DIES((void)vm_page_is_valid(page, 0, 1));
	CHECK_DIES((void)vm_page_precious(page));
	core_tear_down();
}

TEST(a_range_beyond_the_page_dies)
{
	struct vm_page *page;

	core_set_up(0);
	page = core_grab(3, VM_GRAB_WRITE);
	CHECK_DIES((void)vm_page_set_valid(page, 1, PAGE));
	CHECK_DIES((void)vm_page_set_validclean(page, PAGE + 1, 0, 0));
	CHECK_DIES((void)vm_page_set_dirty(page, 0, PAGE + 1));
	CHECK_DIES(vm_page_clear_dirty(page, UINT32_MAX, 2));
	CHECK_DIES((void)vm_page_set_invalid(page, PAGE, 1));
	CHECK_DIES((void)vm_page_is_valid(page, 1, PAGE));
	vm_page_release(page);
	core_tear_down();
}

TEST(dirtying_a_cached_page_dies)
{
	struct vm_page *page;

	core_set_up(0);
	page = core_grab(3, VM_GRAB_WRITE);
	CHECK_INT(vm_page_cache(page), 1);
	CHECK_DIES(vm_page_dirty(page, 0, 1));
	CHECK_DIES((void)vm_page_set_dirty(page, 0, 1));
	CHECK_DIES((void)vm_page_zero_fill(page, VM_ZERO_DIRTY));
	vm_page_release(page);
	page = core_grab(3, VM_GRAB_WRITE);	/* cached no more */
	vm_page_dirty(page, 0, 1);
	vm_page_release(page);
	core_tear_down();
}

/* A client's write is not a holder's: the page comes back first. */
TEST(a_cached_page_that_a_client_writes_comes_back)
{
	struct vm_page *page;

	core_set_up(0);
	page = core_grab(3, VM_GRAB_WRITE);
	CHECK_INT(vm_page_cache(page), 1);
	vm_object_mark_dirty(object, page, 1);
	CHECK(strcmp(vm_page_queue_name(page), "cached") != 0);
	CHECK_INT(atomic_load(&vm->limit.cached), 0);
	vm_page_release(page);
	audit(vm);
	core_tear_down();
}

/* -- in error -------------------------------------------------------------- */

/* Mach: whoever asks gets the error, and the next one a new try. */
TEST(a_page_in_error_is_refused_and_then_read_again)
{
	static const unsigned how[] = { VM_GRAB_READ, VM_GRAB_WRITE };

	for (unsigned i = 0; i < 2; i++) {
		struct vm_page *page;

		core_set_up(0);
		page = core_grab(3, VM_GRAB_WRITE);
		vm_page_set_error(page, 1);
		memset(bytes_of(page), GARBAGE, PAGE);
		vm_page_release(page);
		audit(vm);
		CHECK_INT(vm_page_grab(object, 3, how[i], &page), -EIO);
		CHECK(strstr(vm_last_error(), "page 3") != NULL);
		CHECK(!core_resident(3));
		CHECK_INT(core_get(3, 0), 3);
		audit(vm);
		core_tear_down();
	}
}

TEST(a_page_in_error_that_cannot_leave_stays_so)
{
	struct vm_page *page;

	core_set_up(0);
	page = core_grab(3, VM_GRAB_WRITE);
	vm_page_set_error(page, 1);
	vm_page_dirty(page, 0, 1);
	vm_page_release(page);
	CHECK_INT(vm_page_grab(object, 3, VM_GRAB_READ, &page), -EIO);
	CHECK_INT(vm_page_grab(object, 3, VM_GRAB_WRITE, &page), -EIO);
	CHECK(core_resident(3));
	CHECK_INT(object->dirty, 1);
	core_tear_down();
}

TEST(a_page_in_error_that_is_overwritten_is_so_no_more)
{
	struct vm_page *page;

	core_set_up(0);
	page = core_grab(3, VM_GRAB_WRITE);
	vm_page_set_error(page, 1);
	vm_page_release(page);
	page = core_grab(3, VM_GRAB_WRITE | VM_GRAB_ZERO);
	CHECK(!vm_page_error(page));
	vm_page_release(page);
	CHECK_INT(core_get(3, 0), 0);
	core_tear_down();
}

/* -- written by a client process ------------------------------------------- */

static void
create_seen(struct fake_client **client, struct vm_space **space)
{
	struct vm_space_options s = { .size_bytes = sizeof(s) };
	struct vm_options o = VM_OPTIONS_INIT;

	faulty_reset();
	core_new_file();
	o.resident_max_bytes = CORE_LIMIT_PAGES * PAGE;
	CHECK_INT(vm_create_on(&o, &faulty_os, &fake_pmap, &vm), 0);
	CHECK_INT(vm_object_create_file(vm, core_fd, 0, VM_LENGTH_ALL,
	    VM_OBJECT_WRITABLE | VM_OBJECT_STORE, &object), 0);
	CHECK_INT(vm_object_advise(object, VM_ADVICE_RANDOM), 0);
	*client = fake_client_new();
	CHECK_INT(vm_space_create(vm, (*client)->fd, &s, space), 0);
	CHECK_INT(vm_space_enter(*space, PAGE, 8 * PAGE, object, 0,
	    VM_RANGE_TRACKED), 0);
	CHECK_INT(vm_space_protect(*space, PAGE, 8 * PAGE), 0);
}

static bool
is_dirty(uint64_t pindex)
{
	struct vm_page *page = core_grab(pindex, VM_GRAB_READ);
	bool dirty = vm_page_test_dirty(page);

	vm_page_release(page);
	return dirty;
}

/* FreeBSD asks the page tables; here the first write has trapped. */
TEST(a_write_through_a_mapping_makes_the_page_dirty)
{
	struct fake_client *client;
	struct vm_space *space;
	struct vm_page *page;

	create_seen(&client, &space);
	CHECK_INT(core_get(3, 0), 3);
	CHECK(!is_dirty(3));
	fake_event(client, (struct vm_pmap_event){ .kind = VM_PMAP_FAULT,
		.address = 4 * PAGE, .write = true, .protect = true,
		.fd = -1 });
	CHECK(write(client->other, "", 1) == 1);	/* wakes the thread */
	while (!is_dirty(3))
		vm->os->yield();
	CHECK(!is_dirty(2));
	CHECK_INT(object->dirty, 1);
	CHECK(!client->protected[4]);
	page = core_grab(3, VM_GRAB_WRITE);
	vm_page_undirty(page);
	CHECK(client->protected[4]);	/* clean: the next write traps too */
	vm_page_release(page);
	CHECK_INT(vm_space_leave(space, PAGE, 8 * PAGE), 0);
	vm_space_destroy(space);
	core_tear_down();
	fake_clients_reset();
}
