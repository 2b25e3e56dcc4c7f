/* SPDX-License-Identifier: BSD-2-Clause */
/* Pages that are valid in part: the rest is read, nothing else changes. */
#include "audit.h"
#include "one_object.h"

/* A page of the file of which only some blocks are there, with these bytes. */
static void
enter_part(uint64_t pindex, uint32_t valid, uint32_t dirty)
{
	struct vm_page *page;

	CHECK_INT(vm_page_alloc_at(object, pindex, 0, &page), 0);
	memset(vm_page_data(page), 0x77, PAGE);
	page->valid = valid;
	if (dirty != 0)
		vm_object_mark_dirty(object, page, dirty);
	vm_page_release(page);
}

static void
fill_file_page(uint64_t pindex, int byte)
{
	char bytes[PAGE];

	memset(bytes, byte, PAGE);
	CHECK_INT(pwrite(core_fd, bytes, PAGE, (off_t)(pindex * PAGE)), PAGE);
}

static void
check_blocks(const char *bytes, uint32_t ours)
{
	for (unsigned i = 0; i < PAGE; i++)
		CHECK_INT(bytes[i], (ours >> (i / 512) & 1) != 0 ? 0x77 :
		    0x11);
}

TEST(what_is_missing_is_read_and_the_rest_keeps_its_bytes)
{
	static const uint32_t masks[] = { 0, 1, 0x80, 0x55, 0x3c, 0x7f };
	struct vm_page *page;

	core_set_up(0);
	for (uint64_t i = 0; i < 6; i++) {
		fill_file_page(i, 0x11);
		enter_part(i, masks[i], i % 2 == 0 ? 0 : masks[i] & 0x15);
		page = core_grab(i, i % 3 == 0 ? VM_GRAB_WRITE :
		    VM_GRAB_READ);
		CHECK_INT(page->valid, 0xff);
		check_blocks(vm_page_data(page), masks[i]);
		CHECK_INT(page->dirty, i % 2 == 0 ? 0 : masks[i] & 0x15);
		CHECK_INT(vm_page_busied(page), i % 3 == 0 ? -1 : 1);
		vm_page_release(page);
	}
	audit(vm);
	core_tear_down();
}

TEST(the_rest_of_a_new_anonymous_page_is_zeros)
{
	struct vm_object *anon;
	struct vm_page *page;
	const char *bytes;

	core_set_up(0);
	CHECK_INT(vm_object_create_anon(vm, 10 * PAGE, 0, &anon), 0);
	CHECK_INT(vm_page_grab(anon, 3, VM_GRAB_WRITE | VM_GRAB_NOREAD,
	    &page), 0);
	memset(vm_page_data(page), 0x77, PAGE);
	page->valid = 2;
	vm_page_dirty(page, 512, 512);
	vm_page_release(page);
	CHECK_INT(vm_page_grab(anon, 3, VM_GRAB_READ, &page), 0);
	bytes = vm_page_data(page);
	CHECK_INT(bytes[0], 0);
	CHECK_INT(bytes[512], 0x77);
	CHECK_INT(bytes[1024], 0);
	vm_page_release(page);
	CHECK_INT(vm_object_destroy(anon), 0);
	core_tear_down();
}

TEST(a_rest_that_cannot_be_read_is_an_error_and_nothing_is_lost)
{
	struct vm_page *page;

	core_set_up(0);
	enter_part(5, 3, 1);
	atomic_store(&faulty.bad_end, UINT64_MAX);
	CHECK_INT(vm_page_grab(object, 5, VM_GRAB_READ, &page), -EIO);
	CHECK_INT(vm_page_grab(object, 5, VM_GRAB_WRITE, &page), -EIO);
	CHECK_INT(vm_page_busied(vm_page_lookup(object, 5)), 0);
	CHECK_INT(vm_page_lookup(object, 5)->valid, 3);
	CHECK_INT(object->dirty, 1);
	CHECK_INT(vm_page_grab(object, 5, VM_GRAB_NOWAIT, &page), -EAGAIN);
	page = core_grab(5, VM_GRAB_WRITE | VM_GRAB_NOREAD);
	vm_page_release(page);
	atomic_store(&faulty.bad_end, 0);
	CHECK_INT(vm_object_discard_dirty(object), 0);
	core_tear_down();
}

TEST(a_page_behind_the_file_has_no_rest)
{
	struct vm_page *page;

	core_set_up(0);
	enter_part(9, 1, 0);
	CHECK(ftruncate(core_fd, 5 * PAGE) == 0);
	CHECK_INT(vm_page_grab(object, 9, VM_GRAB_READ, &page), -ERANGE);
	core_tear_down();
}
