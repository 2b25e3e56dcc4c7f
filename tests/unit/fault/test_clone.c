/* SPDX-License-Identifier: BSD-2-Clause */
/* Anonymous objects, copied. */
#include "fault/clone.h"

#include "audit.h"
#include "one_object.h"

enum { PAGES = 300 };

static struct vm_object *anon;

static void
set_up(unsigned flags)
{
	core_create(0);
	CHECK_INT(vm_object_create_anon(vm, PAGES * PAGE, flags, &anon), 0);
}

static void
tear_down(void)
{
	CHECK_INT(vm_object_destroy(anon), 0);
	audit(vm);
	CHECK_INT(vm_destroy(vm), 0);
}

static void
put(struct vm_object *in, uint64_t pindex, uint64_t value)
{
	struct vm_page *page;

	CHECK_INT(vm_page_grab(in, pindex, VM_GRAB_WRITE, &page), 0);
	*(uint64_t *)vm_page_data(page) = value;
	vm_page_dirty(page, 0, sizeof(value));
	vm_page_release(page);
}

static uint64_t
get(struct vm_object *in, uint64_t pindex)
{
	struct vm_page *page;
	uint64_t value;

	CHECK_INT(vm_page_grab(in, pindex, 0, &page), 0);
	value = *(uint64_t *)vm_page_data(page);
	vm_page_release(page);
	return value;
}

/* Every third page, four times the limit of pages in all. */
static void
fill(void)
{
	for (uint64_t i = 0; i < PAGES; i += 3)
		put(anon, i, i + 1);
}

static void
check_same(struct vm_object *copy)
{
	for (uint64_t i = 0; i < PAGES; i++)
		CHECK_INT(get(copy, i), i % 3 == 0 ? i + 1 : 0);
}

static void
clone_of(unsigned flags)
{
	struct vm_object *copy;

	set_up(flags);
	fill();
	CHECK_INT(vm_object_clone(anon, flags, &copy), 0);
	check_same(copy);
	put(anon, 3, 77);
	put(copy, 6, 78);
	CHECK_INT(get(copy, 3), 4);
	CHECK_INT(get(anon, 6), 7);
	CHECK_INT(vm_object_destroy(copy), 0);
	tear_down();
}

TEST(a_clone_has_the_bytes_that_are_in_memory_and_in_the_swap_file)
{
	clone_of(0);
}

TEST(a_clone_of_a_store_has_them_too)
{
	clone_of(VM_OBJECT_STORE);
}

TEST(what_nobody_wrote_takes_no_memory_in_a_clone)
{
	struct vm_object_stat stat;
	struct vm_object *copy;

	set_up(0);
	put(anon, 5, 5);
	CHECK_INT(get(anon, 9), 0);	/* resident, zeros */
	CHECK_INT(vm_object_clone(anon, 0, &copy), 0);
	vm_object_stat(copy, &stat);
	CHECK_INT(stat.resident_pages, 1);
	CHECK_INT(get(copy, 5), 5);
	CHECK_INT(vm_object_destroy(copy), 0);
	tear_down();
}

/* Failures of the swap file's may be met again, and then are none. */
TEST(a_clone_that_cannot_be_made_leaves_nothing)
{
	struct vm_object *copy;
	unsigned failures = 0;
	int error;

	set_up(0);
	fill();
	for (unsigned n = 1; ; n++) {
		faulty.calls = 0;
		faulty.failed = NULL;
		faulty.fail_at = n;
		error = vm_object_clone(anon, 0, &copy);
		faulty.fail_at = 0;
		if (error == 0) {
			check_same(copy);
			CHECK_INT(vm_object_destroy(copy), 0);
		}
		failures += error != 0;
		if (faulty.failed == NULL)
			break;
	}
	CHECK(failures > 2 && error == 0);
	check_same(anon);
	tear_down();
	faulty_check_clean();
}

TEST(a_file_is_not_cloned)
{
	struct vm_object *copy;

	core_set_up(0);
	CHECK_INT(vm_object_clone(object, 0, &copy), -ENOTSUP);
	CHECK_INT(vm_object_clone(object, 0, NULL), -EINVAL);
	core_tear_down();
}
