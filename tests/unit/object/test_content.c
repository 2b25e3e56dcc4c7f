/* SPDX-License-Identifier: BSD-2-Clause */
/* Blocks of pages that have no bytes here, and of loose ones; the rest is
 * proven through the public calls: tests/unit/api/test_content.c. */
#include "object/content.h"

#include "life_fixture.h"
#include "object/foreign.h"

enum { ALL = 0xff };

static struct vm_page *
placeholder(void)
{
	struct vm_page *page;

	CHECK(vm_page_more_fictitious(vm, 0) > 0);
	CHECK_INT(vm_page_grab_fictitious(vm, &page), 0);
	return page;
}

static void
check_sentence(void)
{
	CHECK(strstr(vm_last_error(), "no bytes in this process") != NULL);
}

/* Zeros would have to go round the piece. */
TEST(a_piece_of_a_page_without_bytes_is_refused)
{
	struct vm_page *page;

	set_up();
	page = placeholder();
	CHECK_INT(vm_content_set_valid(page, 100, 7), -ENOTSUP);
	check_sentence();
	CHECK_INT(vm_content_set_validclean(page, 100, 7, true), -ENOTSUP);
	CHECK_INT(vm_content_set_dirty(page, 100, 7), -ENOTSUP);
	CHECK_INT(vm_content_zero_invalid(page, true), -ENOTSUP);
	check_sentence();
	CHECK_INT(page->valid, 0);
	CHECK_INT(page->dirty, 0);
	vm_page_free(page, 0);
	tear_down();
}

/* Nothing has to be zeroed. */
TEST(whole_blocks_of_a_page_without_bytes_can_be_valid)
{
	struct vm_page *page;

	set_up();
	page = placeholder();
	CHECK_INT(vm_content_set_valid(page, 512, 1024), 0);
	CHECK_INT(page->valid, 0x6);
	CHECK_INT(vm_content_set_validclean(page, 0, PAGE, false), 0);
	CHECK_INT(page->valid, ALL);
	CHECK_INT(vm_content_zero_invalid(page, true), 0);
	CHECK_INT(vm_content_set_invalid(page, 0, 512), 0);
	CHECK_INT(page->valid, ALL & ~0x1);
	vm_page_free(page, 0);
	tear_down();
}

/* The object ends at byte 1000 of page 2: behind it zeros have to be. */
TEST(the_tail_of_a_last_page_without_bytes_is_refused)
{
	struct vm_object *odd;
	struct vm_page *page;

	set_up();
	CHECK_INT(vm_object_create_anon(vm, 2 * PAGE + 1000, 0, &odd), 0);
	page = placeholder();
	CHECK_INT(vm_page_insert(page, odd, 2), 0);
	CHECK_INT(vm_content_set_valid(page, 0, 512), -ENOTSUP);
	check_sentence();
	vm_page_free(page, 0);
	CHECK_INT(vm_object_destroy(odd), 0);
	tear_down();
}

TEST(a_loose_pages_blocks_are_its_owners)
{
	struct vm_page *page;

	set_up();
	page = alloc(0);
	CHECK(vm_page_is_mine(page));
	memset(vm_page_data(page), 7, PAGE);
	CHECK_INT(vm_content_set_valid(page, 100, 7), 0);
	CHECK_INT(page->valid, 1);
	CHECK(vm_content_is_valid(page, 0, 512));
	CHECK(!vm_content_is_valid(page, 0, 513));
	CHECK_INT(((char *)vm_page_data(page))[107], 0);
	vm_page_free(page, 0);
	tear_down();
}

/* What is precious is owed where it is valid, what is dirty wherever. */
TEST(a_page_owes_its_dirty_blocks_and_precious_valid_ones)
{
	struct vm_page *page;

	set_up();
	page = core_grab(3, VM_GRAB_WRITE);
	CHECK_INT(vm_content_owed(page), 0);
	CHECK_INT(vm_content_set_invalid(page, 0, PAGE), 0);
	CHECK_INT(vm_content_set_dirty(page, 512, 512), 0);
	CHECK_INT(vm_content_owed(page), 0x2);
	CHECK_INT(vm_content_set_valid(page, 1024, 512), 0);
	vm_content_set_precious(page, true);
	CHECK_INT(vm_content_owed(page), 0x6);
	vm_content_set_precious(page, false);
	vm_content_clear_dirty(page, 0, PAGE);
	CHECK_INT(vm_content_owed(page), 0);
	CHECK_INT(vm_content_zero_invalid(page, true), 0);
	vm_page_release(page);
	tear_down();
}

TEST(blocks_of_a_page_that_others_read_are_not_changed)
{
	struct vm_page *page;

	set_up();
	page = core_grab(3, VM_GRAB_READ);
	CHECK(!vm_page_is_mine(page));
	CHECK_DIES((void)!vm_content_set_valid(page, 0, 1));
	CHECK_DIES((void)!vm_content_set_dirty(page, 0, 1));
	CHECK_DIES((void)!vm_content_set_invalid(page, 0, 1));
	CHECK_DIES((void)!vm_content_zero_invalid(page, false));
	CHECK_DIES(vm_content_clear_dirty(page, 0, 1));
	CHECK_DIES(vm_content_set_precious(page, true));
	vm_page_release(page);
	tear_down();
}
