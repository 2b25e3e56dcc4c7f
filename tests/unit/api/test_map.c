/* SPDX-License-Identifier: BSD-2-Clause */
/* Maps as their users see them: vm_map, vm_unmap, vm_protect. */
#include <sys/mman.h>

#include "one_map.h"

/* The call fails so, and says why. */
#define REFUSED(error, call)                                                  \
	do {                                                                  \
		CHECK_INT(call, -(error));                                    \
		CHECK(strlen(vm_last_error()) != 0);                          \
	} while (0)

/* -- shared -------------------------------------------------------------- */

TEST(a_map_shows_the_object)
{
	map_set_up(0);
	map_it(RW, 0);
	for (uint64_t i = 0; i < FILE_PAGES; i++)
		CHECK_INT(get_at(base, i, 0), i);
	CHECK_INT(unmap_at(base, FILE_PAGES), 0);
	CHECK_INT(core_get(5, 0), 5);
	map_tear_down();
}

TEST(what_is_written_through_a_map_is_the_objects)
{
	map_set_up(0);
	map_it(RW, 0);
	for (uint64_t i = 0; i < FILE_PAGES; i++)
		put_at(base, i, 3 * i);
	CHECK_INT(core_get(9, 1), 27);
	core_put(9, 28);
	CHECK_INT(get_at(base, 9, 1), 28);
	CHECK_INT(vm_sync(vm, (void *)(uintptr_t)base, FILE_PAGES * PAGE,
	    VM_SYNC_WAIT), 0);
	CHECK_INT(core_in_file(9), 28);
	CHECK_INT(core_in_file(99), 297);
	CHECK_INT(unmap_at(base, FILE_PAGES), 0);
	CHECK_INT(core_get(50, 1), 150);
	map_tear_down();
}

TEST(one_map_of_everything_is_in_a_window_and_leaves_it)
{
	map_set_up(0);
	core_put(4, 44);
	map_it(RW, 0);
	CHECK_INT(object->home, VM_HOME_WINDOW);
	CHECK_INT(get_at(base, 4, 1), 44);
	put_at(base, 5, 55);
	CHECK_INT(vm_object_destroy(object), -EBUSY);
	CHECK_INT(unmap_at(base, FILE_PAGES), 0);
	CHECK_INT(object->home, VM_HOME_POOL);
	CHECK_INT(try_get(base, 4), SIGSEGV);
	CHECK_INT(core_get(5, 1), 55);
	map_it(RW, 0);
	CHECK_INT(get_at(base, 5, 1), 55);
	CHECK_INT(unmap_at(base, FILE_PAGES), 0);
	map_tear_down();
}

TEST(a_second_map_moves_the_object_and_both_show_it)
{
	volatile char *second;

	map_set_up(0);
	map_it(RW, 0);
	put_at(base, 5, 55);
	second = map_part(RW, 0, 4, 3);
	CHECK_INT(object->home, VM_HOME_STORE);
	CHECK_INT(get_at(second, 1, 1), 55);
	CHECK_INT(get_at(base, 5, 1), 55);
	put_at(second, 2, 66);
	put_at(base, 4, 44);
	CHECK_INT(get_at(base, 6, 1), 66);
	CHECK_INT(get_at(second, 0, 1), 44);
	CHECK_INT(core_get(6, 1), 66);
	CHECK_INT(unmap_at(second, 3), 0);
	CHECK_INT(try_get(second, 0), SIGSEGV);
	CHECK_INT(get_at(base, 80, 0), 80);
	CHECK_INT(unmap_at(base, FILE_PAGES), 0);
	CHECK_INT(try_get(base, 5), SIGSEGV);
	map_it(RW, 0);
	CHECK_INT(get_at(base, 5, 1), 55);
	CHECK_INT(unmap_at(base, FILE_PAGES), 0);
	map_tear_down();
}

TEST(an_object_in_a_store_is_mapped_where_it_is)
{
	volatile char *other;

	map_set_up(VM_OBJECT_STORE);
	core_put(3, 33);
	map_it(RW, 0);
	other = map_part(VM_PROT_READ, 0, 0, FILE_PAGES);
	CHECK_INT(get_at(base, 3, 1), 33);
	for (uint64_t i = 0; i < FILE_PAGES; i++)
		put_at(base, i, i + 1);
	for (uint64_t i = 0; i < FILE_PAGES; i++)
		CHECK_INT(get_at(other, i, 1), i + 1);
	CHECK_INT(unmap_at(base, FILE_PAGES), 0);
	CHECK_INT(unmap_at(other, FILE_PAGES), 0);
	map_tear_down();
}

TEST(a_page_that_is_clean_is_written_after_a_second_map_came)
{
	volatile char *second;

	map_set_up(VM_OBJECT_STORE);
	map_it(RW, 0);
	put_at(base, 3, 1);
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	second = map_part(RW, 0, 0, FILE_PAGES);
	put_at(second, 3, 2);
	CHECK_INT(atomic_load(&object->dirty), 1);
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	CHECK_INT(core_in_file(3), 2);
	CHECK_INT(unmap_at(base, FILE_PAGES), 0);
	CHECK_INT(unmap_at(second, FILE_PAGES), 0);
	map_tear_down();
}

TEST(anonymous_memory_is_mapped_beyond_the_limit)
{
	struct vm_map_options o = map_options(RW, 0);
	struct vm_object *anon;
	volatile char *at;

	map_set_up(0);
	CHECK_INT(vm_object_create_anon(vm, 300 * PAGE, 0, &anon), 0);
	o.object = anon;
	CHECK_INT(map_try(&o, &at), 0);
	for (uint64_t i = 0; i < 300; i++) {
		CHECK_INT(get_at(at, i, 1), 0);
		put_at(at, i, i + 7);
	}
	for (uint64_t i = 0; i < 300; i++)
		CHECK_INT(get_at(at, i, 1), i + 7);
	CHECK_INT(unmap_at(at, 300), 0);
	CHECK_INT(vm_object_destroy(anon), 0);
	map_tear_down();
}

TEST(behind_the_end_there_is_a_bus_error)
{
	map_set_up(0);
	map_it(RW, 0);
	CHECK_INT(vm_object_resize(object, 10 * PAGE), 0);
	CHECK_INT(get_at(base, 9, 0), 9);
	CHECK_INT(try_get(base, 10), SIGBUS);
	CHECK_INT(try_put(base, 99, 1), SIGBUS);
	CHECK_INT(unmap_at(base, FILE_PAGES), 0);
	map_tear_down();
}

TEST(what_cannot_be_read_is_a_bus_error)
{
	map_set_up(0);
	map_it(RW, 0);
	faulty.bad_from = 5 * PAGE;
	faulty.bad_end = 6 * PAGE;
	CHECK_INT(try_get(base, 5), SIGBUS);
	CHECK_INT(get_at(base, 6, 0), 6);
	faulty.bad_end = 0;
	CHECK_INT(get_at(base, 5, 0), 5);
	CHECK_INT(unmap_at(base, FILE_PAGES), 0);
	map_tear_down();
}

/* -- rights -------------------------------------------------------------- */

TEST(rights_are_taken_and_given_back)
{
	void *at;

	map_set_up(0);
	map_it(RW, 0);
	put_at(base, 20, 1);
	at = (void *)(uintptr_t)(base + 10 * PAGE);
	CHECK_INT(vm_protect(vm, at, 20 * PAGE, VM_PROT_READ), 0);
	CHECK_INT(get_at(base, 20, 1), 1);
	CHECK_INT(try_put(base, 20, 2), SIGSEGV);
	CHECK_INT(try_put(base, 10, 2), SIGSEGV);
	CHECK_INT(try_put(base, 29, 2), SIGSEGV);
	put_at(base, 9, 3);
	put_at(base, 30, 3);
	core_put(20, 4);	/* who has no map may */
	CHECK_INT(get_at(base, 20, 1), 4);
	CHECK_INT(vm_protect(vm, at, 5 * PAGE, 0), 0);
	CHECK_INT(try_get(base, 12), SIGSEGV);
	CHECK_INT(get_at(base, 15, 0), 15);
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	CHECK_INT(vm_protect(vm, at, 20 * PAGE, VM_PROT_WRITE), 0);
	put_at(base, 12, 5);
	put_at(base, 20, 5);
	CHECK_INT(core_get(12, 1), 5);
	CHECK_INT(unmap_at(base, FILE_PAGES), 0);
	map_tear_down();
}

TEST(rights_behind_the_end_of_a_range_stay)
{
	map_set_up(0);
	map_it(RW, 0);
	CHECK_INT(vm_protect(vm, (void *)(uintptr_t)(base + 2 * PAGE), 4 *
	    PAGE, VM_PROT_READ), 0);
	CHECK_INT(vm_protect(vm, (void *)(uintptr_t)base, 4 * PAGE, RW), 0);
	CHECK_INT(try_put(base, 3, 1), 0);
	CHECK_INT(try_put(base, 4, 1), SIGSEGV);
	CHECK_INT(vm_protect(vm, (void *)(uintptr_t)(base + 4 * PAGE), 2 *
	    PAGE, RW), 0);
	CHECK_INT(try_put(base, 5, 1), 0);
	CHECK_INT(unmap_at(base, FILE_PAGES), 0);
	map_tear_down();
}

TEST(a_map_with_fewer_rights_has_them)
{
	map_set_up(0);
	map_it(VM_PROT_READ, 0);
	CHECK_INT(get_at(base, 1, 0), 1);
	CHECK_INT(try_put(base, 1, 2), SIGSEGV);
	CHECK_INT(vm_protect(vm, (void *)(uintptr_t)base, PAGE * FILE_PAGES,
	    RW), 0);
	put_at(base, 1, 2);
	CHECK_INT(core_get(1, 1), 2);
	CHECK_INT(unmap_at(base, FILE_PAGES), 0);
	map_it(0, 0);
	CHECK_INT(try_get(base, 1), SIGSEGV);
	CHECK_INT(unmap_at(base, FILE_PAGES), 0);
	map_tear_down();
}

TEST(a_read_only_object_is_mapped_to_read_and_not_to_write)
{
	struct vm_map_options o = map_options(RW, 0);
	struct vm_object *readable;
	volatile char *at, *second;

	map_set_up(0);
	CHECK_INT(vm_object_create_file(vm, core_fd, 0, VM_LENGTH_ALL, 0,
	    &readable), 0);
	o.object = readable;
	CHECK_INT(map_try(&o, &at), -EACCES);
	o.prot = VM_PROT_READ;
	CHECK_INT(map_try(&o, &at), 0);
	CHECK_INT(readable->home, VM_HOME_WINDOW);
	CHECK_INT(get_at(at, 7, 0), 7);
	CHECK_INT(try_put(at, 7, 1), SIGSEGV);
	CHECK_INT(try_put(at, 8, 1), SIGSEGV);
	REFUSED(EACCES, vm_protect(vm, (void *)(uintptr_t)at, PAGE, RW));
	CHECK_INT(map_try(&o, &second), 0);
	CHECK_INT(try_put(at, 7, 1), SIGSEGV);	/* in the memory file too */
	CHECK_INT(try_put(second, 7, 1), SIGSEGV);
	CHECK_INT(get_at(second, 7, 0), 7);
	CHECK_INT(unmap_at(at, FILE_PAGES), 0);
	CHECK_INT(unmap_at(second, FILE_PAGES), 0);
	CHECK_INT(vm_object_destroy(readable), 0);
	map_tear_down();
}

TEST(what_is_written_to_the_file_is_seen_in_a_read_only_map)
{
	struct vm_map_options o = map_options(VM_PROT_READ, 0);
	const uint64_t value = 4711;
	struct vm_object *readable;
	volatile char *at;

	map_set_up(0);
	CHECK_INT(vm_object_create_file(vm, core_fd, 0, VM_LENGTH_ALL, 0,
	    &readable), 0);
	o.object = readable;
	CHECK_INT(map_try(&o, &at), 0);
	CHECK_INT(get_at(at, 7, 0), 7);
	CHECK_INT(vm_object_write_begin(readable, 7 * PAGE + 8, 8), 0);
	CHECK(pwrite(core_fd, &value, 8, 7 * PAGE + 8) == 8);
	CHECK_INT(vm_object_write_end(readable, 7 * PAGE + 8, 8, 8), 0);
	CHECK_INT(get_at(at, 7, 1), 4711);
	CHECK_INT(get_at(at, 7, 0), 7);
	CHECK_INT(try_put(at, 7, 1), SIGSEGV);
	CHECK_INT(atomic_load(&readable->dirty), 0);
	CHECK_INT(unmap_at(at, FILE_PAGES), 0);
	CHECK_INT(vm_object_destroy(readable), 0);
	map_tear_down();
}

TEST(an_object_that_becomes_writable_is_written_by_calls_at_once)
{
	struct vm_map_options o = map_options(VM_PROT_READ, 0);
	struct vm_object *readable;
	struct vm_page *page;
	volatile char *at;

	map_set_up(0);
	CHECK_INT(vm_object_create_file(vm, core_fd, 0, VM_LENGTH_ALL, 0,
	    &readable), 0);
	o.object = readable;
	CHECK_INT(map_try(&o, &at), 0);
	CHECK_INT(get_at(at, 7, 0), 7);
	CHECK_INT(vm_object_set_writable(readable, core_fd), 0);
	CHECK_INT(vm_page_grab(readable, 7, VM_GRAB_WRITE, &page), 0);
	((uint64_t *)vm_page_data(page))[1] = 77;
	vm_page_dirty(page, 8, 8);
	vm_page_release(page);
	CHECK_INT(get_at(at, 7, 1), 77);
	CHECK_INT(try_put(at, 7, 1), SIGSEGV);
	CHECK_INT(vm_protect(vm, (void *)(uintptr_t)at, 8 * PAGE, RW), 0);
	put_at(at, 7, 78);
	CHECK_INT(get_at(at, 7, 1), 78);
	CHECK_INT(unmap_at(at, FILE_PAGES), 0);
	CHECK_INT(vm_object_destroy(readable), 0);
	map_tear_down();
}

/* -- parts --------------------------------------------------------------- */

TEST(a_part_that_is_unmapped_is_a_hole)
{
	void *all;
	unsigned char in[FILE_PAGES];

	map_set_up(0);
	map_it(RW, 0);
	all = (void *)(uintptr_t)base;
	put_at(base, 20, 1);
	CHECK_INT(unmap_at(base + 10 * PAGE, 20), 0);
	CHECK_INT(try_get(base, 10), SIGSEGV);
	CHECK_INT(try_put(base, 20, 1), SIGSEGV);
	CHECK_INT(get_at(base, 9, 0), 9);
	put_at(base, 30, 2);
	CHECK_INT(core_get(20, 1), 1);	/* it stays the object's */
	REFUSED(ENOMEM, vm_protect(vm, all, 20 * PAGE, VM_PROT_READ));
	REFUSED(ENOMEM, vm_wire(vm, all, 20 * PAGE));
	REFUSED(ENOMEM, vm_unwire(vm, all, 20 * PAGE));
	REFUSED(ENOMEM, vm_sync(vm, all, 20 * PAGE, VM_SYNC_WAIT));
	REFUSED(ENOMEM, vm_advise(vm, all, 20 * PAGE, VM_MADV_COLD));
	REFUSED(ENOMEM, vm_resident(vm, all, FILE_PAGES * PAGE, in));
	CHECK_INT(vm_protect(vm, all, 10 * PAGE, VM_PROT_READ), 0);
	CHECK_INT(unmap_at(base + 25 * PAGE, 10), 0);	/* partly a hole */
	CHECK_INT(try_get(base, 34), SIGSEGV);
	CHECK_INT(unmap_at(base, FILE_PAGES), 0);
	CHECK_INT(try_get(base, 99), SIGSEGV);
	CHECK_INT(unmap_at(base, FILE_PAGES), 0);	/* nothing there */
	map_tear_down();
}

static bool refuse_rights;
static struct vm_os strict_os;

static int
protect_or_refuse(void *at, size_t bytes, unsigned prot)
{
	return refuse_rights && prot == 0 ? -ENOMEM :
	    faulty_os.protect(at, bytes, prot);
}

TEST(a_part_that_cannot_be_closed_is_not_unmapped)
{
	map_set_up(0);
	map_it(RW, 0);
	strict_os = faulty_os;
	strict_os.protect = protect_or_refuse;
	vm->os = &strict_os;
	refuse_rights = true;
	CHECK_INT(unmap_at(base + 10 * PAGE, 5), -ENOMEM);
	CHECK_INT(try_put(base, 12, 1), 0);
	CHECK_INT(get_at(base, 12, 1), 1);
	refuse_rights = false;
	CHECK_INT(unmap_at(base + 10 * PAGE, 5), 0);
	CHECK_INT(try_get(base, 12), SIGSEGV);
	vm->os = &faulty_os;
	CHECK_INT(unmap_at(base, FILE_PAGES), 0);
	map_tear_down();
}

TEST(one_call_takes_several_maps)
{
	volatile char *first, *last;
	uint64_t pages;

	map_set_up(0);
	first = map_part(RW, 0, 0, 4);
	last = map_part(RW, 0, 10, 4);
	if (first > last) {
		volatile char *swap = first;

		first = last;
		last = swap;
	}
	pages = (uint64_t)(last - first) / PAGE + 2;
	CHECK_INT(unmap_at(first + PAGE, pages - 1), 0);
	CHECK_INT(try_get(first, 1), SIGSEGV);
	CHECK_INT(try_get(last, 0), SIGSEGV);
	CHECK_INT(try_get(first, 0), 0);
	CHECK_INT(try_get(last, 2), 0);
	CHECK_INT(unmap_at(first, 4), 0);
	CHECK_INT(unmap_at(last, 4), 0);
	map_tear_down();
}

/* -- private ------------------------------------------------------------- */

TEST(a_private_map_keeps_its_writes_to_itself)
{
	map_set_up(0);
	core_put(3, 33);
	base = map_part(RW, VM_MAP_PRIVATE, 2, 70);
	CHECK_INT(get_at(base, 1, 1), 33);
	for (uint64_t i = 0; i < 70; i++)
		put_at(base, i, 1000 + i);
	for (uint64_t i = 0; i < 70; i++) {
		CHECK_INT(get_at(base, i, 0), 2 + i);
		CHECK_INT(get_at(base, i, 1), 1000 + i);
	}
	CHECK_INT(core_get(3, 1), 33);
	CHECK_INT(vm_sync(vm, (void *)(uintptr_t)base, 70 * PAGE,
	    VM_SYNC_WAIT), 0);
	CHECK_INT(core_in_file(4), 0);
	CHECK_INT(vm_object_destroy(object), -EBUSY);
	CHECK_INT(unmap_at(base, 70), 0);
	CHECK_INT(try_get(base, 0), SIGSEGV);
	map_tear_down();
}

TEST(a_private_map_writes_what_the_object_may_not)
{
	struct vm_map_options o = map_options(RW, VM_MAP_PRIVATE);
	struct vm_object *readable;
	volatile char *at;

	map_set_up(0);
	CHECK_INT(vm_object_create_file(vm, core_fd, 0, VM_LENGTH_ALL, 0,
	    &readable), 0);
	o.object = readable;
	CHECK_INT(map_try(&o, &at), 0);
	put_at(at, 1, 2);
	CHECK_INT(get_at(at, 1, 1), 2);
	CHECK_INT(vm_protect(vm, (void *)(uintptr_t)at, 4 * PAGE,
	    VM_PROT_READ), 0);
	CHECK_INT(try_put(at, 1, 3), SIGSEGV);
	CHECK_INT(get_at(at, 1, 1), 2);
	CHECK_INT(vm_protect(vm, (void *)(uintptr_t)at, 2 * PAGE, 0), 0);
	CHECK_INT(try_get(at, 1), SIGSEGV);
	CHECK_INT(vm_protect(vm, (void *)(uintptr_t)at, 2 * PAGE, RW), 0);
	put_at(at, 1, 4);
	CHECK_INT(get_at(at, 1, 1), 4);
	CHECK_INT(unmap_at(at + 10 * PAGE, 5), 0);
	CHECK_INT(try_get(at, 12), SIGSEGV);
	CHECK_INT(get_at(at, 15, 0), 15);
	CHECK_INT(unmap_at(at, FILE_PAGES), 0);
	CHECK_INT(vm_object_destroy(readable), 0);
	map_tear_down();
}

TEST(private_and_shared_maps_of_an_object_go_together)
{
	volatile char *shared;

	map_set_up(0);
	shared = map_part(RW, 0, 0, FILE_PAGES);
	base = map_part(RW, VM_MAP_PRIVATE, 0, FILE_PAGES);
	put_at(shared, 1, 11);
	CHECK_INT(get_at(base, 1, 1), 11);
	put_at(base, 2, 22);
	CHECK_INT(get_at(shared, 2, 1), 0);
	put_at(shared, 2, 23);
	CHECK_INT(get_at(base, 2, 1), 22);
	CHECK_INT(unmap_at(shared, FILE_PAGES), 0);
	CHECK_INT(get_at(base, 1, 1), 11);
	CHECK_INT(get_at(base, 50, 0), 50);
	CHECK_INT(unmap_at(base, FILE_PAGES), 0);
	map_tear_down();
}

TEST(what_a_private_map_had_is_given_up_when_that_is_advised)
{
	map_set_up(0);
	base = map_part(RW, VM_MAP_PRIVATE, 0, FILE_PAGES);
	for (uint64_t i = 0; i < FILE_PAGES; i++)
		put_at(base, i, 7);
	CHECK_INT(vm_advise(vm, (void *)(uintptr_t)base, 50 * PAGE,
	    VM_MADV_DONTNEED), 0);
	CHECK_INT(vm_advise(vm, (void *)(uintptr_t)(base + 50 * PAGE),
	    10 * PAGE, VM_MADV_FREE), 0);
	for (uint64_t i = 0; i < FILE_PAGES; i++) {
		CHECK_INT(get_at(base, i, 0), i);
		CHECK_INT(get_at(base, i, 1), i < 60 ? 0 : 7);
	}
	CHECK_INT(unmap_at(base, FILE_PAGES), 0);
	map_tear_down();
}

/* -- what is refused ----------------------------------------------------- */

TEST(wrong_options_are_said)
{
	struct vm_map_options o, good;
	volatile char *at;
	void *out;

	map_set_up(0);
	good = o = map_options(RW, 0);
	REFUSED(EINVAL, vm_map(vm, NULL, &out));
	REFUSED(EINVAL, vm_map(vm, &o, NULL));
	o.size_bytes--;
	REFUSED(EINVAL, map_try(&o, &at));
	o = good;
	o.object = NULL;
	REFUSED(EINVAL, map_try(&o, &at));
	o = good;
	o.flags = 0x80;
	REFUSED(EINVAL, map_try(&o, &at));
	o = good;
	o.prot = VM_PROT_EXEC;
	REFUSED(EINVAL, map_try(&o, &at));
	o = good;
	o.offset = 1;
	REFUSED(EINVAL, map_try(&o, &at));
	o = good;
	o.address = (void *)(uintptr_t)1;
	REFUSED(EINVAL, map_try(&o, &at));
	o = good;
	o.flags = VM_MAP_FIXED;
	REFUSED(EINVAL, map_try(&o, &at));
	o = good;
	o.offset = FILE_PAGES * PAGE;
	REFUSED(EINVAL, map_try(&o, &at));
	o.length = PAGE;
	REFUSED(ERANGE, map_try(&o, &at));
	o.offset = (FILE_PAGES + 1) * PAGE;
	REFUSED(ERANGE, map_try(&o, &at));
	o = good;
	o.length = (FILE_PAGES + 1) * PAGE;
	REFUSED(ERANGE, map_try(&o, &at));
	CHECK_INT(atomic_load(&object->maps), 0);
	map_tear_down();
}

TEST(wrong_ranges_are_said)
{
	void *odd, *high = (void *)(UINTPTR_MAX - PAGE + 1);
	unsigned char in[1];

	map_set_up(0);
	map_it(RW, 0);
	odd = (void *)(uintptr_t)(base + 1);
	REFUSED(EINVAL, vm_unmap(vm, odd, PAGE));
	REFUSED(EINVAL, vm_unmap(vm, (void *)(uintptr_t)base, 0));
	REFUSED(EINVAL, vm_unmap(vm, high, 2 * PAGE));
	REFUSED(EINVAL, vm_protect(vm, odd, PAGE, RW));
	REFUSED(EINVAL, vm_protect(vm, (void *)(uintptr_t)base, PAGE, 8));
	REFUSED(EINVAL, vm_wire(vm, odd, PAGE));
	REFUSED(EINVAL, vm_unwire(vm, odd, PAGE));
	REFUSED(EINVAL, vm_advise(vm, odd, PAGE, VM_MADV_COLD));
	REFUSED(EINVAL, vm_advise(vm, (void *)(uintptr_t)base, PAGE,
	    (enum vm_map_advice)77));
	REFUSED(EINVAL, vm_advise(vm, (void *)(uintptr_t)base, PAGE,
	    VM_MADV_FREE));
	REFUSED(EINVAL, vm_sync(vm, odd, PAGE, VM_SYNC_WAIT));
	REFUSED(EINVAL, vm_sync(vm, (void *)(uintptr_t)base, PAGE, 0));
	REFUSED(EINVAL, vm_sync(vm, (void *)(uintptr_t)base, PAGE, 8));
	REFUSED(EINVAL, vm_sync(vm, (void *)(uintptr_t)base, PAGE,
	    VM_SYNC_WAIT | VM_SYNC_ASYNC));
	REFUSED(EINVAL, vm_resident(vm, odd, PAGE, in));
	REFUSED(EINVAL, vm_resident(vm, (void *)(uintptr_t)base, PAGE, NULL));
	/* A length of nothing is fine where nothing is done. */
	CHECK_INT(vm_protect(vm, (void *)(uintptr_t)base, 0, RW), 0);
	CHECK_INT(unmap_at(base, FILE_PAGES), 0);
	map_tear_down();
}

TEST(a_fixed_address_is_had_or_refused)
{
	struct vm_map_options o = map_options(RW, VM_MAP_FIXED);
	volatile char *at;
	char *place;

	map_set_up(0);
	place = mmap(NULL, FILE_PAGES * PAGE, PROT_NONE, MAP_PRIVATE |
	    MAP_ANONYMOUS, -1, 0);
	CHECK(place != MAP_FAILED);
	o.object = object;
	o.address = place;
	REFUSED(EEXIST, map_try(&o, &at));
	CHECK_INT(object->home, VM_HOME_POOL);
	o.length = 4 * PAGE;
	REFUSED(EEXIST, map_try(&o, &at));
	CHECK_INT(atomic_load(&object->maps), 0);
	CHECK(munmap(place, FILE_PAGES * PAGE) == 0);
	CHECK_INT(map_try(&o, &at), 0);
	CHECK(at == place);
	CHECK_INT(get_at(at, 1, 0), 1);
	CHECK_INT(unmap_at(at, 4), 0);
	map_tear_down();
}

TEST(an_object_with_pages_in_use_cannot_move)
{
	struct vm_map_options o = map_options(RW, 0);
	struct vm_page *page;
	volatile char *at;

	map_set_up(0);
	o.object = object;
	page = core_grab(1, VM_GRAB_READ);
	vm_page_hold(page);
	vm_page_release(page);
	CHECK_INT(map_try(&o, &at), -EBUSY);
	vm_page_unhold(page);
	CHECK_INT(map_try(&o, &at), 0);
	CHECK_INT(unmap_at(at, FILE_PAGES), 0);
	map_tear_down();
}

TEST(a_device_is_not_mapped)
{
	static _Alignas(4096) char memory[PAGE];
	struct vm_map_options o = map_options(RW, 0);
	struct vm_object *device;
	volatile char *at;

	map_set_up(0);
	CHECK_INT(vm_object_create_device(vm, memory, PAGE, 0, &device), 0);
	o.object = device;
	REFUSED(ENOTSUP, map_try(&o, &at));
	CHECK_INT(vm_object_destroy(device), 0);
	map_tear_down();
}

TEST(an_object_of_another_system_is_refused)
{
	struct vm_map_options o = map_options(RW, 0);
	struct vm *first;
	volatile char *at;

	map_set_up(0);
	o.object = object;
	first = vm;
	core_create(0);
	REFUSED(EINVAL, map_try(&o, &at));
	CHECK_INT(vm_destroy(vm), 0);
	vm = first;
	map_tear_down();
}

/* Each call of a map fails once, and leaves nothing behind. */
static void
fail_each(unsigned prot, unsigned flags, uint64_t pages)
{
	struct vm_map_options o = map_options(prot, flags);
	volatile char *at;

	o.object = object;
	o.length = pages * PAGE;
	for (unsigned call = 1; call < 1000; call++) {
		int error;

		faulty.failed = NULL;
		faulty.fail_at = faulty.calls + call;
		error = map_try(&o, &at);
		faulty.fail_at = 0;
		if (error == 0) {
			CHECK_INT(unmap_at(at, pages), 0);
			if (faulty.failed == NULL)
				return;
			continue;
		}
		CHECK_INT(atomic_load(&object->maps), 0);
		CHECK_INT(atomic_load(&object->shadows), 0);
		CHECK_INT(core_get(1, 0), 1);
	}
}

TEST(a_map_that_fails_leaves_nothing_behind)
{
	map_set_up(0);
	fail_each(RW, 0, FILE_PAGES);
	fail_each(RW, VM_MAP_PRIVATE, 7);
	fail_each(VM_PROT_READ, 0, 7);
	map_tear_down();
}
