/* SPDX-License-Identifier: BSD-2-Clause */
/* The ways from one home to another: pageout/rehome.h. */
#include <pthread.h>

#include "fault/fill.h"
#include "object/home.h"
#include "one_window.h"

static enum vm_home
home(void)
{
	return atomic_load(&object->home);
}

static bool
can(void)
{
	struct vm_views views = { .page_bytes = PAGE };

	if (vm_views_init(&views, &vm_pmap_linux) != 0)
		return false;
	vm_views_fini(&views);
	return true;
}

#define NEEDS_UFFD() \
	do { \
		if (!can()) \
			CHECK_SKIP(vm_last_error()); \
	} while (0)

/* ---- pool to window ------------------------------------------------------ */

TEST(clean_pages_leave_and_dirty_ones_come_along)
{
	NEEDS_UFFD();
	core_set_up(0);
	CHECK_INT(core_get(1, 0), 1);
	core_put(2, 22);
	window_open(FILE_PAGES);
	CHECK_INT(home(), VM_HOME_WINDOW);
	CHECK(!core_resident(1));
	CHECK(core_resident(2));
	CHECK_INT(atomic_load(&object->dirty), 1);
	CHECK_INT(core_in_file(2), 0);
	CHECK_INT(window_get(1, 0), 1);
	CHECK_INT(window_get(2, 1), 22);
	CHECK_INT(core_get(2, 1), 22);
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	CHECK_INT(core_in_file(2), 22);
	window_tear_down();
}

TEST(a_page_that_is_valid_in_part_is_written)
{
	struct vm_page *page;
	uint64_t word = 77;

	NEEDS_UFFD();
	core_set_up(0);
	page = core_grab(4, VM_GRAB_WRITE | VM_GRAB_NOREAD);
	memcpy((char *)vm_page_data(page) + 8, &word, sizeof(word));
	vm_page_dirty(page, 0, 512);
	memset(vm_page_data(page), 0, 8);
	vm_page_release(page);
	window_open(FILE_PAGES);
	CHECK(!core_resident(4));
	CHECK_INT(core_in_file(4), 77);
	CHECK_INT(window_get(4, 1), 77);
	window_tear_down();
}

TEST(what_finds_no_token_is_written)
{
	NEEDS_UFFD();
	core_set_up(0);
	for (uint64_t i = 0; i < CORE_LIMIT_PAGES - 16; i++)
		core_put(i, i + 1000);
	window_open(FILE_PAGES);
	CHECK_INT(atomic_load(&object->dirty),
	    atomic_load(&object->resident));
	for (uint64_t i = 0; i < CORE_LIMIT_PAGES - 16; i++)
		CHECK_INT(window_get(i, 1), i + 1000);
	window_tear_down();
}

/* Nothing has changed. */
static void
check_stays(int error)
{
	CHECK_INT(vm_rehome_window(object, NULL, 0), error);
	CHECK_INT(home(), VM_HOME_POOL);
	CHECK(object->view == NULL);
	CHECK_INT(atomic_load(&object->barrier_count), 0);
}

TEST(pages_that_cannot_move_keep_the_object)
{
	struct vm_page *page;

	NEEDS_UFFD();
	core_set_up(0);
	page = core_grab(1, VM_GRAB_WIRED);
	vm_page_release(page);
	check_stays(-EBUSY);
	page = core_grab(1, VM_GRAB_READ);
	CHECK_INT(vm_page_unwire(page, NULL, VM_TO_INACTIVE), 0);
	vm_page_release(page);
	page = core_grab(2, VM_GRAB_READ);
	CHECK_INT(vm_page_hold(page), 0);
	vm_page_release(page);
	check_stays(-EBUSY);
	vm_page_unhold(page);
	window_open(FILE_PAGES);
	CHECK_INT(window_get(2, 0), 2);
	window_tear_down();
}

TEST(a_page_that_cannot_be_written_keeps_the_object_and_is_kept)
{
	struct vm_page *page;

	NEEDS_UFFD();
	core_set_up(0);
	core_put(1, 11);
	page = core_grab(4, VM_GRAB_WRITE | VM_GRAB_NOREAD);
	vm_page_dirty(page, 0, 512);
	vm_page_release(page);
	atomic_store(&faulty.write_errno, ENOSPC);
	check_stays(-ENOSPC);
	atomic_store(&faulty.write_errno, 0);
	CHECK_INT(core_get(1, 1), 11);
	CHECK_INT(atomic_load(&object->dirty), 2);
	window_open(FILE_PAGES);
	CHECK_INT(window_get(1, 1), 11);
	window_tear_down();
}

TEST(a_window_is_opened_once_and_then_reaches_further)
{
	NEEDS_UFFD();
	window_set_up();
	CHECK_INT(vm_rehome_window(object, NULL, 3 * FILE_PAGES), 0);
	CHECK(vm_view_at(object->view, 3 * FILE_PAGES - 1) != NULL);
	CHECK(vm_view_at(object->view, 0) == (char *)(uintptr_t)window);
	window_tear_down();
}

TEST(each_call_that_fails_leaves_the_object_where_it_is)
{
	unsigned at = 0;
	int error;

	NEEDS_UFFD();
	core_set_up(0);
	for (;;) {
		core_put(1, at);
		CHECK_INT(core_get(2, 0), 2);
		atomic_store(&faulty.calls, 0);
		atomic_store(&faulty.fail_at, ++at);
		error = vm_rehome_window(object, NULL, 0);
		atomic_store(&faulty.fail_at, 0);
		if (error == 0)
			break;
		CHECK_INT(home(), VM_HOME_POOL);
		CHECK_INT(core_get(1, 1), at - 1);
	}
	CHECK(at > 3);
	CHECK_INT(home(), VM_HOME_WINDOW);
	CHECK_INT(core_get(1, 1), at - 1);
	core_tear_down();
}

static _Alignas(PAGE) char device_memory[4 * PAGE];

TEST(a_device_stays_where_it_is)
{
	struct vm_object *device;

	core_set_up(0);
	CHECK_INT(vm_object_create_device(vm, device_memory,
	    sizeof(device_memory), 0, &device), 0);
	CHECK_INT(vm_rehome_window(device, NULL, 0), -ENOTSUP);
	CHECK_INT(vm_rehome_store(device, NULL), -ENOTSUP);
	CHECK_INT(vm_object_destroy(device), 0);
	core_tear_down();
}

TEST(a_store_is_seen_in_no_window)
{
	core_set_up(VM_OBJECT_STORE);
	CHECK_INT(vm_rehome_window(object, NULL, 0), -ENOTSUP);
	CHECK_INT(vm_rehome_pool(object), -ENOTSUP);
	CHECK_INT(vm_rehome_store(object, NULL), 0);
	core_tear_down();
}

/* A page for the pool, and then the object moves: its taker looks again. */
TEST(a_token_for_another_home_is_not_used)
{
	struct vm_fill_request request = { .pindex = 5, .alone = true };
	struct vm_fill_claim claim;
	struct vm_page *page;

	NEEDS_UFFD();
	window_set_up();
	CHECK_INT(vm_limit_take(&vm->limit, VM_HOME_POOL, VM_CLASS_NORMAL, 0,
	    &page, 1), 1);
	request.object = object;
	request.page = page;
	CHECK(!vm_home_fits(object, page));
	CHECK_INT(vm_fill_claim(&request, &claim), VM_FILL_RESIDENT);
	CHECK(!core_resident(5));
	vm_limit_give(&vm->limit, &page, 1);
	CHECK_INT(window_get(5, 0), 5);
	window_tear_down();
}

static _Thread_local bool moves_now;	/* no other thread moves it */
static struct vm_os moving_os;

/* Asked whose free frames are to be looked at: the home has been. */
static unsigned
move_meanwhile(void)
{
	if (moves_now) {
		moves_now = false;
		CHECK_INT(vm_rehome_window(object, NULL, FILE_PAGES), 0);
	}
	return faulty_os.cpu();
}

static void
set_up_moving(void)
{
	struct vm_options o = VM_OPTIONS_INIT;

	faulty_reset();
	moving_os = faulty_os;
	moving_os.cpu = move_meanwhile;
	o.resident_max_bytes = CORE_LIMIT_PAGES * PAGE;
	CHECK_INT(vm_create_on(&o, &moving_os, &CORE_PMAP, &vm), 0);
	core_new_file();
	CHECK_INT(vm_object_create_file(vm, core_fd, 0, VM_LENGTH_ALL,
	    VM_OBJECT_WRITABLE, &object), 0);
}

TEST(what_was_to_be_fetched_for_another_home_is_not_coming_any_more)
{
	NEEDS_UFFD();
	set_up_moving();
	moves_now = true;
	CHECK_INT(vm_object_prefetch(object, 5 * PAGE, PAGE), 0);
	CHECK(!moves_now);
	CHECK_INT(home(), VM_HOME_WINDOW);
	CHECK_INT(vm_object_inflight(object), 0);
	CHECK_INT(core_get(5, 0), 5);
	core_tear_down();
}

/* ---- window to pool ------------------------------------------------------ */

TEST(a_window_that_is_closed_keeps_what_was_written)
{
	NEEDS_UFFD();
	window_set_up();
	window_put(3, 33);
	CHECK_INT(window_get(4, 0), 4);
	CHECK_INT(vm_rehome_pool(object), 0);
	CHECK_INT(home(), VM_HOME_POOL);
	CHECK(object->view == NULL);
	CHECK_INT(core_get(3, 1), 33);
	CHECK_INT(core_get(4, 0), 4);
	core_put(5, 55);
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	CHECK_INT(core_in_file(3), 33);
	CHECK_INT(core_in_file(5), 55);
	CHECK_INT(vm_rehome_pool(object), 0);	/* it is there */
	window_tear_down();
}

/* ---- window to store ----------------------------------------------------- */

TEST(a_second_map_moves_the_bytes_and_keeps_the_addresses)
{
	NEEDS_UFFD();
	window_set_up();
	window_put(3, 33);
	CHECK_INT(window_get(4, 0), 4);
	if (vm_rehome_store(object, NULL) == -ENOTSUP)
		CHECK_SKIP(vm_last_error());
	CHECK_INT(home(), VM_HOME_STORE);
	CHECK_INT(window_get(3, 1), 33);
	CHECK_INT(window_get(3, 0), 3);
	CHECK_INT(window_get(4, 0), 4);
	CHECK_INT(core_get(3, 1), 33);
	CHECK_INT(atomic_load(&object->dirty), 1);
	window_put(3, 34);
	window_put(5, 55);
	CHECK_INT(core_get(5, 1), 55);
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	CHECK_INT(core_in_file(3), 34);
	CHECK_INT(core_in_file(5), 55);
	window_put(5, 56);	/* clean, so it traps */
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	CHECK_INT(core_in_file(5), 56);
	window_tear_down();
}

static struct vm_os slow_os;
static uint32_t free_least;

static ssize_t
pwrite_and_look(int fd, const void *buffer, size_t bytes, uint64_t offset)
{
	uint32_t free = atomic_load(&vm->limit.free);

	if (free < free_least)
		free_least = free;
	return faulty_os.pwrite(fd, buffer, bytes, offset);
}

TEST(what_is_in_two_places_at_once_counts_twice)
{
	uint32_t free;

	NEEDS_UFFD();
	window_set_up();
	for (uint64_t i = 0; i < 7; i++)
		window_put(i, i + 1000);
	free = free_least = atomic_load(&vm->limit.free);
	slow_os = faulty_os;
	slow_os.pwrite = pwrite_and_look;
	vm->os = &slow_os;
	CHECK_INT(vm_rehome_store(object, NULL), 0);
	vm->os = object->store.os = &faulty_os;
	/* The one that is tried first is in three. */
	CHECK_INT(free_least, free - 8);
	CHECK_INT(atomic_load(&vm->limit.free), free);
	for (uint64_t i = 0; i < 7; i++)
		CHECK_INT(window_get(i, 1), i + 1000);
	window_tear_down();
}

static struct vm_pmap_ops slow_pmap;
static uint32_t free_at_end;	/* when its memory was given back */

static int
unmap_and_look(uint64_t address, uint64_t length)
{
	free_at_end = atomic_load(&vm->limit.free);
	return vm_pmap_linux.unmap(address, length);
}

static int64_t
copy_the_first(int uffd, uint64_t to, const void *from, uint64_t length,
    bool protect)
{
	static bool one_is_there;

	if (one_is_there)
		return -ENOMEM;
	one_is_there = true;
	return vm_pmap_linux.copy(uffd, to, from, length, protect);
}

TEST(a_window_counts_until_its_memory_is_gone)
{
	uint32_t free;

	NEEDS_UFFD();
	window_set_up();
	for (uint64_t i = 0; i < 7; i++)
		window_put(i, i + 1000);
	free = atomic_load(&vm->limit.free);
	slow_pmap = vm_pmap_linux;
	slow_pmap.unmap = unmap_and_look;
	object->view->views->pmap.ops = &slow_pmap;
	CHECK_INT(vm_trap_cut(vm->os, 0, UINTPTR_MAX), 0);
	CHECK_INT(vm_rehome_pool(object), 0);
	CHECK_INT(free_at_end, free - 7);
	CHECK_INT(atomic_load(&vm->limit.free), free);
	window_tear_down();
}

TEST(a_window_that_is_not_filled_counts_until_its_memory_is_gone)
{
	struct vm_views *views;
	uint32_t free;

	NEEDS_UFFD();
	core_set_up(0);
	core_put(1, 11);
	core_put(2, 22);
	CHECK_INT(vm_rehome_views(vm, &views), 0);
	free = atomic_load(&vm->limit.free);
	slow_pmap = vm_pmap_linux;
	slow_pmap.unmap = unmap_and_look;
	slow_pmap.copy = copy_the_first;
	views->pmap.ops = &slow_pmap;
	CHECK_INT(vm_rehome_window(object, NULL, 0), -ENOMEM);
	CHECK_INT(free_at_end, free - 2);
	CHECK_INT(atomic_load(&vm->limit.free), free);
	views->pmap.ops = &vm_pmap_linux;
	core_tear_down();
}

/* Its length when it is made, but not again. */
static int
ftruncate_once(int fd, uint64_t bytes)
{
	return bytes == 0 ? -EINTR : faulty_os.ftruncate(fd, bytes);
}

static void
close_and_look(int fd)
{
	free_at_end = atomic_load(&vm->limit.free);
	faulty_os.close(fd);
}

TEST(a_page_in_a_memory_file_counts_until_that_is_closed)
{
	uint32_t free;

	NEEDS_UFFD();
	window_set_up();
	for (uint64_t i = 0; i < 7; i++)
		window_put(i, i + 1000);
	free = atomic_load(&vm->limit.free);
	slow_os = faulty_os;
	slow_os.ftruncate = ftruncate_once;
	slow_os.close = close_and_look;
	vm->os = &slow_os;
	CHECK_INT(vm_rehome_store(object, NULL), -EINTR);
	vm->os = &faulty_os;
	CHECK_INT(free_at_end, free - 8);
	CHECK_INT(atomic_load(&vm->limit.free), free);
	CHECK_INT(window_get(3, 1), 1003);
	window_tear_down();
}

TEST(what_cannot_be_in_two_places_is_written)
{
	NEEDS_UFFD();
	window_set_up();
	for (uint64_t i = 0; i < CORE_LIMIT_PAGES - 16; i++)
		window_put(i, i + 1000);
	CHECK_INT(vm_rehome_store(object, NULL), 0);
	CHECK_INT(atomic_load(&object->dirty),
	    atomic_load(&object->resident));
	CHECK(atomic_load(&object->dirty) < CORE_LIMIT_PAGES / 2);
	for (uint64_t i = 0; i < CORE_LIMIT_PAGES - 16; i++)
		CHECK_INT(window_get(i, 1), i + 1000);
	window_tear_down();
}

/* Pages that are nobody's, until no more are to be had. */
static unsigned
take_all_pages(struct vm_page *page[CORE_LIMIT_PAGES])
{
	unsigned n = 0;

	while (vm_limit_take(&vm->limit, VM_HOME_POOL, VM_CLASS_NORMAL, 0,
	    &page[n], 1) == 1)
		n++;
	return n;
}

TEST(a_wired_page_that_cannot_be_in_two_places_keeps_its_window)
{
	struct vm_page *page, *taken[CORE_LIMIT_PAGES];
	unsigned n;

	NEEDS_UFFD();
	window_set_up();
	page = core_grab(3, VM_GRAB_WIRED);
	vm_page_release(page);
	n = take_all_pages(taken);
	CHECK_INT(vm_rehome_store(object, NULL), -EBUSY);
	CHECK(strstr(vm_last_error(), "wired") != NULL);
	CHECK_INT(home(), VM_HOME_WINDOW);
	vm_limit_give(&vm->limit, taken, n);
	CHECK_INT(window_get(3, 0), 3);
	CHECK_INT(vm_rehome_store(object, NULL), 0);
	page = core_grab(3, VM_GRAB_READ);
	CHECK_INT(vm_page_unwire(page, NULL, VM_TO_INACTIVE), 0);
	vm_page_release(page);
	window_tear_down();
}

static struct vm_slot *moving;
static pthread_t writer;
static _Atomic bool armed, written;

static void *
write_three(void *arg)
{
	(void)arg;
	window_put(3, 34);
	atomic_store(&written, true);
	return NULL;
}

/* Its bytes were copied, and before the window shows the memory file somebody
 * writes to page 3, or waits. */
static int
show_late(int fd, uint64_t offset, uint64_t length, bool fixed,
    uint64_t *address)
{
	if (fixed && atomic_exchange(&armed, false)) {
		CHECK_INT(pthread_create(&writer, NULL, write_three, NULL), 0);
		while (!atomic_load(&written) && !vm_slot_wanted(moving))
			vm->os->yield();
	}
	return vm_pmap_linux.show(fd, offset, length, fixed, address);
}

TEST(who_writes_while_a_page_moves_waits_and_writes_where_it_is_then)
{
	struct vm_views *views;

	NEEDS_UFFD();
	window_set_up();
	window_put(3, 33);
	moving = vm_index_find(&object->index, 3);
	views = object->view->views;
	slow_pmap = vm_pmap_linux;
	slow_pmap.show = show_late;
	views->pmap.ops = &slow_pmap;
	atomic_store(&written, false);
	atomic_store(&armed, true);
	CHECK_INT(vm_rehome_store(object, NULL), 0);
	CHECK(!atomic_load(&armed));
	CHECK_INT(pthread_join(writer, NULL), 0);
	CHECK_INT(window_get(3, 1), 34);
	CHECK_INT(core_get(3, 1), 34);
	views->pmap.ops = &vm_pmap_linux;
	window_tear_down();
}

static _Atomic uint64_t seen;

static void *
read_three(void *arg)
{
	(void)arg;
	atomic_store(&seen, window_get(3, 1));
	atomic_store(&written, true);
	return NULL;
}

/* Somebody touches the memory file before it is watched, and waits. */
static int
watch_late(int uffd, uint64_t address, uint64_t length)
{
	if (address == (uintptr_t)window && atomic_exchange(&armed, false)) {
		CHECK_INT(pthread_create(&writer, NULL, read_three, NULL), 0);
		while (!atomic_load(&written) && !vm_slot_wanted(moving))
			vm->os->yield();
	}
	return vm_pmap_linux.watch(uffd, address, length);
}

TEST(who_comes_before_the_memory_file_is_watched_waits_for_his_page)
{
	struct vm_views *views;

	NEEDS_UFFD();
	window_set_up();
	window_put(3, 33);
	window_put(9, 99);
	moving = vm_index_find(&object->index, 3);
	views = object->view->views;
	slow_pmap = vm_pmap_linux;
	slow_pmap.watch = watch_late;
	views->pmap.ops = &slow_pmap;
	atomic_store(&written, false);
	atomic_store(&armed, true);
	CHECK_INT(vm_rehome_store(object, NULL), 0);
	CHECK(!atomic_load(&armed));
	CHECK_INT(pthread_join(writer, NULL), 0);
	CHECK_INT(atomic_load(&seen), 33);
	views->pmap.ops = &vm_pmap_linux;
	window_tear_down();
}

static int
show_nothing(int fd, uint64_t offset, uint64_t length, bool fixed,
    uint64_t *address)
{
	(void)fd;
	(void)offset;
	(void)length;
	(void)fixed;
	(void)address;
	return -ENOMEM;
}

TEST(a_window_that_cannot_turn_stays_and_nothing_is_kept)
{
	struct vm_views *views;
	uint32_t free;

	NEEDS_UFFD();
	window_set_up();
	window_put(3, 33);
	free = atomic_load(&vm->limit.free);
	views = object->view->views;
	slow_pmap = vm_pmap_linux;
	slow_pmap.show = show_nothing;
	views->pmap.ops = &slow_pmap;
	CHECK_INT(vm_rehome_store(object, NULL), -ENOMEM);
	CHECK_INT(home(), VM_HOME_WINDOW);
	CHECK_INT(atomic_load(&vm->limit.free), free);
	CHECK_INT(window_get(3, 1), 33);
	views->pmap.ops = &vm_pmap_linux;
	window_tear_down();
}

TEST(a_wired_page_stays_resident_when_its_window_becomes_a_store)
{
	struct vm_page *page;

	NEEDS_UFFD();
	window_set_up();
	page = core_grab(3, VM_GRAB_WIRED);
	vm_page_release(page);
	CHECK_INT(vm_rehome_pool(object), -EBUSY);
	CHECK_INT(vm_rehome_store(object, NULL), 0);
	CHECK(core_resident(3));
	CHECK_INT(window_get(3, 0), 3);
	page = core_grab(3, VM_GRAB_READ);
	CHECK_INT(vm_page_unwire(page, NULL, VM_TO_INACTIVE), 0);
	vm_page_release(page);
	window_tear_down();
}

TEST(a_pool_object_becomes_a_store_too)
{
	core_set_up(0);
	core_put(3, 33);
	CHECK_INT(core_get(4, 0), 4);
	CHECK_INT(vm_rehome_store(object, NULL), 0);
	CHECK_INT(home(), VM_HOME_STORE);
	CHECK_INT(core_get(3, 1), 33);
	CHECK_INT(core_get(4, 0), 4);
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	CHECK_INT(core_in_file(3), 33);
	core_tear_down();
}
