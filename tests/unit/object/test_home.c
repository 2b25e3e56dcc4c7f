/* SPDX-License-Identifier: BSD-2-Clause */
/* What each home asks of who moves bytes: object/home.h. */
#include "object/home.h"
#include "one_window.h"

#include "object/content.h"
#include "os/os.h"

static bool
can(void)
{
	struct vm_views views = { .page_bytes = PAGE };

	if (vm_views_init(&views, &vm_pmap_linux) != 0)
		return false;
	vm_views_fini(&views);
	return true;
}

static void
set_up(enum vm_home home)
{
	if (home == VM_HOME_WINDOW && !can())
		CHECK_SKIP(vm_last_error());
	core_set_up(home == VM_HOME_STORE ? VM_OBJECT_STORE : 0);
	if (home == VM_HOME_WINDOW)
		window_open(FILE_PAGES);
}

static struct vm_page *
page_of(enum vm_home home)
{
	struct vm_page *page;

	CHECK_INT(vm_limit_take(&vm->limit, home, VM_CLASS_NORMAL, 0, &page,
	    1), 1);
	return page;
}

TEST(each_home_has_its_name_and_its_tokens)
{
	static const char *const name[] = { "pool", "store", "window" };
	enum vm_home home[] = { VM_HOME_POOL, VM_HOME_STORE, VM_HOME_WINDOW };

	for (unsigned i = 0; i < 3; i++) {
		struct vm_page *warm, *hollow;

		set_up(home[i]);
		warm = page_of(VM_HOME_POOL);
		hollow = page_of(VM_HOME_STORE);
		CHECK_STR(vm_home_name(object), name[home[i]]);
		CHECK_INT(vm_home_fits(object, warm), i == 0);
		CHECK_INT(vm_home_fits(object, hollow), i != 0);
		CHECK_INT(vm_home_is_pool(object), i == 0);
		CHECK_INT(vm_home_is_seen(object), i == 2);
		vm_limit_give(&vm->limit, &warm, 1);
		vm_limit_give(&vm->limit, &hollow, 1);
		if (i == 2)
			window_tear_down();
		else
			core_tear_down();
	}
}

static uint64_t
word_of(const struct vm_page *page, unsigned word)
{
	uint64_t value;

	memcpy(&value, (char *)vm_page_memory(page) + word * 8,
	    sizeof(value));
	return value;
}

/* Bytes of a page that is held exclusively, in one home. */
static void
write_and_zero(enum vm_home home)
{
	const uint64_t value = 4711;
	struct vm_page *page;

	set_up(home);
	CHECK_INT(core_get(3, 0), 3);
	page = vm_object_lock_page(object, 3);
	CHECK_INT(vm_home_write(page, 8, &value, sizeof(value)), 0);
	CHECK_INT(word_of(page, 1), 4711);
	CHECK_INT(word_of(page, 0), 3);
	CHECK_INT(vm_home_write(page, 8, NULL, 8), 0);
	if (home != VM_HOME_STORE)	/* whose end does that */
		CHECK_INT(word_of(page, 1), 0);
	CHECK_INT(page->dirty != 0, home == VM_HOME_WINDOW);
	vm_object_unlock_page(object, page);
}

TEST(bytes_of_a_page_change_in_its_home)
{
	write_and_zero(VM_HOME_POOL);
	core_tear_down();
	write_and_zero(VM_HOME_STORE);
	core_tear_down();
	write_and_zero(VM_HOME_WINDOW);
	window_tear_down();
}

TEST(a_page_of_a_read_only_window_is_written_and_stays_clean)
{
	const uint64_t value = 4711;
	struct vm_page *page;

	set_up(VM_HOME_WINDOW);
	CHECK_INT(window_get(3, 0), 3);
	atomic_store(&object->writable, false);
	page = vm_object_lock_page(object, 3);
	CHECK_INT(vm_home_write(page, 8, &value, sizeof(value)), 0);
	CHECK_INT(page->dirty, 0);
	vm_object_unlock_page(object, page);
	atomic_store(&object->writable, true);
	CHECK_INT(window_get(3, 1), 4711);
	window_put(3, 1);	/* it traps: it was protected again */
	CHECK_INT(atomic_load(&object->dirty), 1);
	window_tear_down();
}

TEST(an_open_page_is_dirty_and_a_protected_one_traps)
{
	struct vm_page *page;

	set_up(VM_HOME_WINDOW);
	CHECK_INT(window_get(3, 0), 3);
	page = vm_object_lock_page(object, 3);
	vm_home_open(page);
	CHECK_INT(page->dirty, object->vm->all_blocks);
	window_put(3, 33);	/* or it would wait for itself */
	vm_home_protect(object, 3, 1);
	vm_object_unlock_page(object, page);
	window_put(3, 34);
	CHECK_INT(core_get(3, 1), 34);
	window_tear_down();
}

TEST(opening_is_for_windows)
{
	struct vm_page *page;

	set_up(VM_HOME_POOL);
	page = core_grab(3, VM_GRAB_WRITE);
	vm_home_open(page);
	CHECK_INT(page->dirty, 0);
	vm_page_release(page);
	core_tear_down();
}

/* Pages of three objects, each in another home; the window's go by one call. */
TEST(pages_of_several_homes_are_dropped_together)
{
	struct vm_object *pool = NULL, *store = NULL, *shown;
	struct vm_page *page[8];
	uint64_t drops;
	unsigned n = 0;

	set_up(VM_HOME_WINDOW);
	shown = object;
	CHECK_INT(vm_object_create_file(vm, core_fd, 0, VM_LENGTH_ALL, 0,
	    &pool), 0);
	CHECK_INT(vm_object_create_file(vm, core_fd, 0, VM_LENGTH_ALL,
	    VM_OBJECT_STORE, &store), 0);
	for (unsigned i = 0; i < 3; i++) {
		struct vm_object *of[] = { shown, pool, store };

		object = of[i];
		CHECK_INT(core_get(1, 0), 1);
		CHECK_INT(core_get(5, 0), 5);
		page[n++] = vm_object_lock_page(object, 1);
		page[n++] = vm_object_lock_page(object, 5);
	}
	object = shown;
	drops = vm_counter_read(vm->counters, VM_COUNTER_punch_calls);
	vm_home_drop_pages(page, n);
	drops = vm_counter_read(vm->counters, VM_COUNTER_punch_calls) - drops;
	CHECK_INT(drops, 3);	/* one for the window, two for the store */
	for (unsigned i = 0; i < n; i++) {
		struct vm_object *of = page[i]->object;
		struct vm_slot *slot = atomic_load(&page[i]->slot);

		vm_queue_remove(&vm->queue, &page[i], 1, VM_LEAVE_FREED);
		vm_object_remove_page(of, page[i]);
		vm_index_release_excl(&of->index, slot, VM_SLOT_ABSENT);
		vm_limit_give(&vm->limit, &page[i], 1);
	}
	CHECK_INT(window_get(5, 0), 5);
	CHECK_INT(vm_object_destroy(pool), 0);
	CHECK_INT(vm_object_destroy(store), 0);
	window_tear_down();
}

TEST(pages_are_filled_where_they_are_seen)
{
	static char bytes[2 * PAGE];

	set_up(VM_HOME_POOL);
	CHECK_DIES(CHECK_INT(vm_home_fill(object, 0, 1, bytes, true), 0));
	core_tear_down();
	set_up(VM_HOME_STORE);
	CHECK_INT(vm_home_fill(object, 3, 2, bytes, true), 0);
	vm_home_drop(object, 3, 2);
	core_tear_down();
}
