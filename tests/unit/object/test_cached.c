/* SPDX-License-Identifier: BSD-2-Clause */
/* Cached pages: who may be cached, how they come back, and how they go. */
#include "object/cached.h"

#include <pthread.h>
#include <sys/stat.h>

#include "audit.h"
#include "one_object.h"

static const char *
queue_of(uint64_t pindex)
{
	uint32_t number = vm_index_peek(&object->index, pindex);

	return number == VM_SLOT_ABSENT ? "absent" :
	    vm_queue_name(&vm->queue, vm_page_of(vm, number));
}

static uint32_t
cached(void)
{
	uint32_t count = vm_queue_cached(&vm->queue);

	CHECK_INT(atomic_load(&vm->limit.cached), count);
	return count;
}

static uint32_t
free_pages(void)
{
	return atomic_load(&vm->limit.free);
}

/* The page, cached by its holder. */
static void
cache(uint64_t pindex)
{
	struct vm_page *page = core_grab(pindex, VM_GRAB_WRITE);

	CHECK(vm_cached_put(page));
	vm_page_release(page);
	CHECK_STR(queue_of(pindex), "cached");
}

TEST(a_cached_page_keeps_identity_and_contents)
{
	core_set_up(0);
	cache(3);
	CHECK_INT(cached(), 1);
	CHECK(core_resident(3));
	audit(vm);
	CHECK_INT(core_get(3, 0), 3);
	core_tear_down();
}

TEST(caching_twice_is_once)
{
	struct vm_page *page;

	core_set_up(0);
	page = core_grab(3, VM_GRAB_WRITE);
	CHECK(vm_cached_put(page));
	CHECK(vm_cached_put(page));
	CHECK_INT(cached(), 1);
	vm_page_release(page);
	core_tear_down();
}

TEST(caching_a_dirty_page_or_one_that_is_not_held_dies)
{
	struct vm_page *page;

	core_set_up(0);
	page = core_grab(3, VM_GRAB_WRITE);
	vm_page_dirty(page, 0, 1);
	CHECK_DIES(vm_cached_put(page));
	vm_page_release(page);
	page = core_grab(4, VM_GRAB_READ);
	CHECK_DIES(vm_cached_put(page));
	vm_page_release(page);
	CHECK_DIES(vm_cached_put(page));
	core_tear_down();
}

TEST(the_page_cached_longest_is_taken_first)
{
	uint32_t before;

	core_set_up(0);
	cache(7);
	cache(3);
	cache(5);
	before = free_pages();
	CHECK(vm_cached_take(vm));
	CHECK(!core_resident(7) && core_resident(3) && core_resident(5));
	CHECK_INT(free_pages(), before + 1);
	CHECK(vm_cached_take(vm) && vm_cached_take(vm));
	CHECK(!vm_cached_take(vm));
	CHECK_INT(free_pages(), before + 3);
	CHECK_INT(cached(), 0);
	audit(vm);
	CHECK_INT(core_get(7, 0), 7);	/* read again */
	core_tear_down();
}

static int64_t
store_blocks(void)
{
	struct stat st;

	CHECK(fstat(object->store.fd, &st) == 0);
	return st.st_blocks;
}

TEST(a_cached_page_of_a_store_leaves_its_store)
{
	core_set_up(VM_OBJECT_STORE);
	cache(3);
	CHECK(store_blocks() > 0);
	CHECK(vm_cached_take(vm));
	CHECK(!core_resident(3));
	CHECK_INT(store_blocks(), 0);
	audit(vm);
	CHECK_INT(core_get(3, 0), 3);
	core_tear_down();
}

TEST(a_page_that_is_elsewhere_now_is_not_locked)
{
	struct vm_page *page, *other;
	struct vm_slot *slot;

	core_set_up(0);
	CHECK_INT(core_get(3, 0), 3);
	CHECK_INT(core_get(4, 0), 4);
	page = vm_page_of(vm, vm_index_peek(&object->index, 3));
	other = vm_page_of(vm, vm_index_peek(&object->index, 4));
	slot = atomic_load(&other->slot);
	atomic_store(&other->slot, page->slot);
	CHECK(!vm_page_try_lock(vm, other));
	atomic_store(&other->slot, slot);
	CHECK(vm_slot_idle(page->slot) && vm_slot_idle(slot));
	CHECK(vm_page_try_lock(vm, other));
	CHECK(!vm_page_try_lock(vm, other));
	vm_object_unlock_page(object, other);
	core_tear_down();
}

TEST(a_page_that_was_used_since_stays)
{
	core_set_up(0);
	cache(3);
	CHECK_INT(core_get(3, 0), 3);
	CHECK(!vm_cached_take(vm));
	CHECK(core_resident(3));
	CHECK(strcmp(queue_of(3), "cached") != 0);
	CHECK_INT(cached(), 0);
	core_tear_down();
}

/* A client's touch does not come by us; a holder's grab would. */
TEST(the_mark_alone_brings_a_page_back)
{
	struct vm_slot *slot;

	core_set_up(0);
	cache(3);
	slot = vm_index_find(&object->index, 3);
	vm_slot_mark(slot);
	CHECK_STR(queue_of(3), "cached");
	CHECK(!vm_cached_take(vm));
	CHECK(core_resident(3) && cached() == 0);
	core_tear_down();
}

TEST(activating_a_cached_page_brings_it_back)
{
	uint64_t before;

	core_set_up(0);
	before = atomic_load(&vm->queue.reactivated);
	cache(3);
	vm_queue_activate(&vm->queue, vm_page_of(vm,
	    vm_index_peek(&object->index, 3)));
	CHECK_INT(cached(), 0);
	CHECK_INT(atomic_load(&vm->queue.reactivated), before + 1);
	CHECK(!vm_cached_take(vm));
	CHECK(core_resident(3));
	core_tear_down();
}

/* However it is grabbed, and then it may be dirtied. */
TEST(every_grab_of_a_cached_page_brings_it_back)
{
	struct vm_page *page[4];
	unsigned got;

	core_set_up(0);
	for (uint64_t i = 2; i < 6; i++)
		cache(i);
	CHECK_INT(cached(), 4);
	CHECK_INT(vm_page_grab_many(object, 2, 4, VM_GRAB_WRITE, page, &got),
	    0);
	CHECK_INT(got, 4);
	CHECK_INT(cached(), 0);
	for (unsigned i = 0; i < 4; i++)
		vm_page_dirty(page[i], 0, 1);
	vm_page_release_many(page, 4);
	CHECK_INT(vm_object_flush(object, 0, VM_LENGTH_ALL), 0);
	for (unsigned how = 0; how < 2; how++) {
		cache(2);
		page[0] = core_grab(2, how);
		CHECK_INT(cached(), 0);
		vm_page_release(page[0]);
	}
	core_tear_down();
}

/* FreeBSD's vm_page_select_cache, one reason after the other. */
enum reason { SHARED, EXCLUSIVE, WIRED, HELD, LENT, REASONS };

static void
hinder(enum reason reason, struct vm_page *page, int by)
{
	switch (reason) {
	case WIRED:
		atomic_fetch_add(&page->wires, (uint16_t)by);
		break;
	case HELD:
		atomic_fetch_add(&page->holds, (uint16_t)by);
		break;
	case LENT:
		atomic_fetch_add(&page->loans, (uint8_t)by);
		break;
	default:
		break;
	}
}

TEST(one_that_cannot_go_becomes_inactive_and_the_next_is_taken)
{
	for (enum reason reason = SHARED; reason < REASONS; reason++) {
		struct vm_page *page;

		core_set_up(0);
		CHECK_INT(core_get(3, 0), 3);
		page = core_grab(3, reason == SHARED ? VM_GRAB_READ :
		    VM_GRAB_WRITE);
		CHECK(vm_queue_cache(&vm->queue, page));
		hinder(reason, page, 1);
		if (reason > EXCLUSIVE) {
			vm_page_release(page);
			(void)vm_slot_test_clear_referenced(page->slot);
		}
		cache(4);
		CHECK(vm_cached_take(vm));
		CHECK(!core_resident(4) && core_resident(3));
		CHECK(strcmp(queue_of(3), "cached") != 0);
		CHECK_INT(cached(), 0);
		hinder(reason, page, -1);
		if (reason <= EXCLUSIVE)
			vm_page_release(page);
		CHECK(vm_slot_idle(page->slot));
		core_tear_down();
	}
}

/* Every reason of FreeBSD's vm_page_try_to_cache, and precious. */
static void
refuses(bool (*try)(struct vm_object *, vm_pindex_t))
{
	struct vm_page *page;

	core_set_up(0);
	page = core_grab(3, VM_GRAB_WRITE);
	CHECK(!try(object, 3));			/* exclusive */
	vm_page_release(page);
	page = core_grab(3, VM_GRAB_READ);
	CHECK(!try(object, 3));			/* shared */
	vm_page_release(page);
	for (enum reason reason = WIRED; reason < REASONS; reason++) {
		hinder(reason, page, 1);
		CHECK(!try(object, 3));
		hinder(reason, page, -1);
	}
	atomic_fetch_or(&page->flags, VM_PGA_UNMANAGED);
	CHECK(!try(object, 3));
	atomic_fetch_and(&page->flags, (uint16_t)~VM_PGA_UNMANAGED);
	atomic_fetch_or(&page->flags, VM_PGA_PRECIOUS);
	CHECK(!try(object, 3));
	atomic_fetch_and(&page->flags, (uint16_t)~VM_PGA_PRECIOUS);
	core_put(3, 9);
	CHECK(!try(object, 3));			/* dirty */
	CHECK_INT(object->dirty, 1);
	CHECK_INT(core_get(3, 1), 9);
	CHECK_INT(cached(), 0);
	CHECK(!try(object, 50));		/* not resident */
	CHECK_INT(vm_object_flush(object, 0, VM_LENGTH_ALL), 0);
	audit(vm);
	CHECK(try(object, 3));
	core_tear_down();
}

TEST(a_page_that_is_in_use_cannot_be_cached)
{
	refuses(vm_cached_try_put);
}

TEST(a_page_that_is_in_use_cannot_be_freed)
{
	refuses(vm_cached_try_free);
}

TEST(trying_to_cache_caches_and_trying_to_free_frees)
{
	uint32_t before;

	core_set_up(0);
	CHECK_INT(core_get(3, 0), 3);
	before = free_pages();
	CHECK(vm_cached_try_put(object, 3));
	CHECK_STR(queue_of(3), "cached");
	CHECK_INT(free_pages(), before);
	CHECK(vm_cached_try_free(object, 3));
	CHECK(!core_resident(3));
	CHECK_INT(free_pages(), before + 1);
	CHECK_INT(cached(), 0);
	audit(vm);
	core_tear_down();
}

TEST(a_page_that_clients_see_becomes_inactive_instead)
{
	struct vm_page *page;

	core_set_up(VM_OBJECT_STORE);
	page = core_grab(3, VM_GRAB_WRITE);
	atomic_fetch_add(&object->store.count, 1);
	CHECK(!vm_cached_put(page));
	CHECK_INT(cached(), 0);
	vm_page_release(page);
	CHECK(!vm_cached_try_put(object, 3));
	CHECK(core_resident(3));
	atomic_fetch_sub(&object->store.count, 1);
	CHECK(vm_cached_try_put(object, 3));
	core_tear_down();
}

TEST(a_precious_or_unmanaged_page_is_not_cached)
{
	struct vm_page *page;

	core_set_up(0);
	page = core_grab(3, VM_GRAB_WRITE);
	atomic_fetch_or(&page->flags, VM_PGA_PRECIOUS);
	CHECK(!vm_cached_put(page));
	atomic_fetch_and(&page->flags, (uint16_t)~VM_PGA_PRECIOUS);
	atomic_fetch_or(&page->flags, VM_PGA_UNMANAGED);
	CHECK(!vm_cached_put(page));
	atomic_fetch_and(&page->flags, (uint16_t)~VM_PGA_UNMANAGED);
	vm_page_release(page);
	core_tear_down();
}

/* Memory is short: the daemon takes cached pages before any other. */
TEST(the_daemon_takes_cached_pages_first)
{
	core_set_up(0);
	for (uint64_t i = 0; i < 8; i++)
		cache(i);
	for (uint64_t i = 8; i < CORE_LIMIT_PAGES - 2; i++)
		CHECK_INT(core_get(i, 0), i);
	while (vm_limit_shortage(&vm->limit) != 0)
		vm->os->yield();
	audit(vm);
	for (uint64_t i = 8; i < 20; i++)
		CHECK(core_resident(i) || cached() == 0);
	core_tear_down();
}

TEST(cached_pages_are_available_and_taken_when_memory_is_short)
{
	struct vm_page *page[CORE_LIMIT_PAGES];
	unsigned n = 0;

	core_create(20 * 1000 * 1000);
	core_new_file();
	CHECK_INT(vm_object_create_file(vm, core_fd, 0, VM_LENGTH_ALL,
	    VM_OBJECT_WRITABLE, &object), 0);
	CHECK_INT(vm_object_advise(object, VM_ADVICE_RANDOM), 0);
	for (uint64_t i = 0; i < 8; i++)
		cache(i);
	CHECK_INT(vm_available(vm, 1), free_pages() + 8);
	CHECK_INT(vm_available(vm, 0), free_pages());
	while (n < CORE_LIMIT_PAGES && vm_page_alloc(vm, VM_ALLOC_SYSTEM,
	    &page[n]) == 0)
		n++;
	CHECK_INT(cached(), 0);
	CHECK_INT(object->resident, 0);
	while (n > 0)
		vm_page_free(page[--n], 0);
	CHECK_INT(core_get(3, 0), 3);
	core_tear_down();
}

/* Users and takers at once: nothing is lost, and the sums hold. */
enum { ROUNDS = 2000, SHARED_PAGES = 8 };

static void *
use_and_cache(void *arg)
{
	unsigned taken = 0;

	for (uint64_t i = 0; i < ROUNDS; i++) {
		uint64_t pindex = (i * 5 + (uintptr_t)arg) % SHARED_PAGES;

		CHECK_INT(core_get(pindex, 0), pindex);
		(void)vm_cached_try_put(object, pindex);
		if (i % 3 == 0)
			taken += vm_cached_take(vm);
	}
	CHECK(taken <= ROUNDS);
	return NULL;
}

TEST(users_and_takers_at_once_keep_the_sums)
{
	pthread_t thread[4];

	core_set_up(0);
	for (uintptr_t i = 0; i < 4; i++)
		CHECK_INT(pthread_create(&thread[i], NULL, use_and_cache,
		    (void *)i), 0);
	for (int i = 0; i < 4; i++)
		CHECK_INT(pthread_join(thread[i], NULL), 0);
	(void)cached();
	audit(vm);
	core_tear_down();
}
