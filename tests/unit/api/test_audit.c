/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vm_audit: each field of a page, an object and the system is put wrong by hand
 * and found out, and right again, and then nothing is found.  One page is
 * resident and clean (0), one dirty (1), one wired (2).  Pages and objects are
 * looked at by audit_page.c.
 */
#include "api/audit.h"

#include <pthread.h>

#include "one_object.h"
#include "pageout/evict.h"

static struct vm_page *clean, *dirty, *wired;

static struct vm_page *
page_at(uint64_t pindex)
{
	struct vm_page *page = core_grab(pindex, VM_GRAB_READ);

	vm_page_release(page);
	return page;
}

static void
check_nothing_found(void)
{
	int error = vm_audit(vm);

	CHECK_STR(error == 0 ? "" : vm_last_error(), "");
	CHECK_INT(error, 0);
}

static void
set_up(unsigned flags)
{
	core_set_up(flags);
	core_put(1, 7);
	CHECK_INT(vm_object_wire(object, 2 * PAGE, PAGE), 0);
	clean = page_at(0);
	dirty = page_at(1);
	wired = page_at(2);
	check_nothing_found();
	CHECK_INT(vm_audit_idle(vm), 0);
}

static void
tear_down(void)
{
	check_nothing_found();
	CHECK_INT(vm_object_unwire(object, 2 * PAGE, PAGE), 0);
	core_tear_down();
}

/* What the audit says now contains these words. */
static void
check_found(struct check_site site, const char *words)
{
	int error = vm_audit(vm);

	if (error == -EUCLEAN && strstr(vm_last_error(), words) != NULL)
		return;
	check_str(site, error == 0 ? "nothing was found" : vm_last_error(),
	    words);
}

/* The field is value for the time of an audit. */
#define FOUND(field, value, words) \
	do { \
		__typeof__(field) was = (field); \
		(field) = (value); \
		check_found(CHECK_SITE(#field), words); \
		(field) = was; \
	} while (0)

TEST(a_system_in_order_has_nothing_wrong)
{
	set_up(0);
	tear_down();
	set_up(VM_OBJECT_STORE);
	tear_down();
	CHECK_INT(vm_audit(NULL), -EINVAL);
}

TEST(a_wrong_identity_is_found)
{
	set_up(0);
	FOUND(clean->object, vm->nowhere, "descriptor says otherwise");
	FOUND(clean->pindex, 3, "descriptor says otherwise");
	FOUND(clean->slot, NULL, "descriptor says otherwise");
	FOUND(clean->number, 12, "descriptor says otherwise");
	tear_down();
}

TEST(wrong_blocks_are_found)
{
	set_up(0);
	FOUND(clean->valid, UINT32_MAX, "valid blocks beyond its end");
	FOUND(dirty->dirty, UINT32_MAX, "dirty blocks beyond its end");
	FOUND(clean->dirty, 1, "dirty count of the leaf");
	FOUND(dirty->dirty, 0, "dirty count of the leaf");
	tear_down();
}

TEST(wrong_users_are_found)
{
	set_up(0);
	FOUND(clean->wires, 1, "wired");
	FOUND(wired->wires, 0, "wired pages");
	FOUND(clean->holds, VM_HOLDS_GONE | 1, "is gone, and has an object");
	FOUND(clean->loans, VM_LOANS_ORPHAN | 1, "is an orphan");
	tear_down();
}

static void
check_flags(void)
{
	const uint16_t flags = clean->flags;

	FOUND(clean->flags, flags | VM_PGA_FREE, "free");
	FOUND(clean->flags, flags | VM_PGA_RESERVED, "is called reserved");
	FOUND(clean->flags, flags | VM_PGA_LAUNDRY, "in the laundry");
	FOUND(clean->flags, flags | VM_PGA_FICTITIOUS, "fictitious");
	FOUND(clean->flags, flags | VM_PGA_PRIVATE, "private");
	FOUND(clean->flags, flags | VM_PGA_UNMANAGED, "unmanaged");
	FOUND(clean->flags, flags | VM_PGA_CACHED, "called cached");
	FOUND(clean->flags, flags ^ VM_PGA_WARM, "is in ");
}

TEST(wrong_flags_are_found)
{
	set_up(0);
	check_flags();
	tear_down();
	set_up(VM_OBJECT_STORE);
	check_flags();
	tear_down();
}

TEST(a_wrong_queue_is_found)
{
	struct vm_node *next;

	set_up(0);
	FOUND(clean->list, 0, "queue ");
	FOUND(clean->list, 9, "queue ");
	FOUND(clean->list, 200, "a list that is none");
	next = clean->queue.next;
	FOUND(next->prev, next, "its neighbours are not");
	FOUND(wired->list, 1, "is on a list");
	FOUND(clean->queue.next, NULL, "its neighbours are not");
	tear_down();
}

/* A private bit of the word: page/slot.h draws it. */
#define WAITERS UINT64_C(2)

TEST(a_sleeper_on_an_idle_page_is_found)
{
	_Atomic uint64_t *word;

	set_up(0);
	word = &atomic_load(&clean->slot)->word;
	FOUND(*word, *word | WAITERS, "its slot says what cannot be");
	tear_down();
}

TEST(a_hit_that_would_not_look_at_a_page_in_error_is_found)
{
	_Atomic uint64_t *word;

	set_up(0);
	word = &atomic_load(&clean->slot)->word;
	CHECK((*word & VM_SLOT_READY) != 0);
	FOUND(clean->flags, clean->flags | VM_PGA_ERROR, "calls it ready");
	FOUND(clean->valid, 1, "calls it ready");
	*word &= ~VM_SLOT_READY;
	FOUND(clean->valid, UINT32_MAX, "valid blocks beyond its end");
	*word |= VM_SLOT_READY;
	tear_down();
}

TEST(wrong_gauges_of_an_object_are_found)
{
	struct vm_leaf *leaf;

	set_up(0);
	leaf = VM_CONTAINER(atomic_load(&clean->slot), struct vm_leaf, slot);
	FOUND(leaf->used, leaf->used + 1, "use count of the leaf");
	FOUND(leaf->dirty, 2, "dirty count of the leaf");
	FOUND(object->resident, object->resident + 1, "resident pages");
	FOUND(object->resident, object->resident - 1, "resident pages");
	FOUND(object->dirty, 0, "dirty pages");
	FOUND(object->wired, 2, "wired pages");
	tear_down();
}

TEST(wrong_gauges_of_a_store_are_found)
{
	char *present;

	set_up(VM_OBJECT_STORE);
	present = (char *)object->store.face + VM_FACE_PRESENCE_OFFSET;
	FOUND(present[0], 0, "presence byte is 0");
	FOUND(clean->valid, 1, "others see it, and not valid");
	FOUND(object->store.face->dirty_pages, 9, "to its clients");
	FOUND(object->store.count, 1, "its store says");
	FOUND(object->store.tracked, 1, "its store says");
	tear_down();
}

TEST(wrong_gauges_of_the_system_are_found)
{
	set_up(0);
	FOUND(vm->limit.free, vm->limit.free + 1, "pages are known");
	FOUND(vm->limit.peak, CORE_LIMIT_PAGES + 1, "more pages than");
	FOUND(vm->limit.cached, 1, "are cached");
	FOUND(vm->limit.laundry[0], 1, "counted as laundry");
	FOUND(vm->limit.laundry[1], 1, "counted as laundry");
	FOUND(vm->loose, CORE_LIMIT_PAGES, "pages are known");
	FOUND(vm->gone, 1, "gone but for a hold");
	FOUND(vm->orphans, 1, "are orphans");
	FOUND(vm->wired, 0, "counted as wired");
	FOUND(vm->counters->shard[VM_SHARD_SHARED]
	    .value[VM_COUNTER_pages_dirtied], 100, "counted as dirty");
	FOUND(vm->object_count, 2, "objects are counted");
	FOUND(vm->leaves.live, 0, "leaves are in use");
	FOUND(vm->queue.cached.count, 1, "queue cached");
	tear_down();
}

/* A free page that is written down as such: the first of a block. */
static struct vm_page *
free_page(void)
{
	vm_frames_drain(&vm->frames);
	for (uint32_t i = 0; i < vm->frames.count; i++)
		if ((vm->frames.pages[i].flags & VM_PGA_FREE) != 0)
			return &vm->frames.pages[i];
	check_failed(CHECK_SITE("a free page"));
}

TEST(a_free_page_that_is_not_quite_free_is_found)
{
	struct vm_page *page;

	set_up(0);
	CHECK_INT(vm_evict_range(object, 0, 1, 0), 0);
	page = free_page();
	FOUND(page->object, object, "has an object");
	FOUND(page->list, 1, "or is queued");
	FOUND(page->wires, 1, "is wired");
	FOUND(page->holds, 1, "is wired, held or lent");
	FOUND(page->loans, 1, "is wired, held or lent");
	FOUND(page->dirty, 1, "is dirty");
	FOUND(page->flags, page->flags | VM_PGA_CACHED, "has flags");
	tear_down();
}

TEST(a_zeroed_page_that_is_not_zero_is_found)
{
	struct vm_page *page;
	char *bytes;

	set_up(0);
	CHECK_INT(vm_evict_range(object, 0, 1, 0), 0);
	page = free_page();
	bytes = vm_frame_data(&vm->frames, page);
	memset(bytes, 0, PAGE);
	bytes[PAGE - 1] = 1;
	FOUND(page->flags, page->flags | VM_PGA_ZERO, "zeroed and is not");
	tear_down();
}

TEST(a_limit_made_smaller_is_no_reason_to_complain)
{
	uint64_t above;

	set_up(0);
	for (unsigned i = 0; i < 40; i++)
		(void)core_get(i, 0);
	CHECK_INT(vm_set_limit(vm, 32 * PAGE, &above), 0);
	check_nothing_found();
	CHECK_INT(vm_set_limit(vm, CORE_LIMIT_PAGES * PAGE, &above), 0);
	check_nothing_found();
	tear_down();
}

TEST(pages_that_others_hold_are_no_reason_to_complain)
{
	struct vm_page *page;

	set_up(0);
	page = core_grab(0, VM_GRAB_WRITE);
	vm_page_dirty(page, 0, 8);
	check_nothing_found();
	vm_page_release(page);
	page = core_grab(0, VM_GRAB_READ);
	check_nothing_found();
	vm_page_release(page);
	tear_down();
}

TEST(an_audit_leaves_no_mark)
{
	set_up(0);
	(void)vm_slot_test_clear_referenced(clean->slot);
	check_nothing_found();
	CHECK(!vm_slot_test_clear_referenced(clean->slot));
	tear_down();
}

/* ---- while others work -------------------------------------------------- */

enum { WORKERS = 3, ROUNDS = 20000 };

static _Atomic bool enough;
static _Atomic unsigned rounds;

/* Reads, writes and wires anywhere in a file larger than the limit. */
static void *
work(void *arg)
{
	struct vm_rng rng = { .state = (uintptr_t)arg };
	struct vm_page *page;

	while (!atomic_load(&enough)) {
		uint64_t pindex = vm_rng_below(&rng, FILE_PAGES);
		unsigned how = vm_rng_below(&rng, 2) == 0 ? VM_GRAB_READ :
		    VM_GRAB_WRITE;

		if (vm_page_grab(object, pindex, how, &page) != 0)
			abort();
		if (how == VM_GRAB_WRITE)
			vm_page_dirty(page, 0, 8);
		vm_page_release(page);
		atomic_fetch_add(&rounds, 1);
		if (vm_rng_below(&rng, 8) == 0 &&
		    vm_object_wire(object, pindex * PAGE, PAGE) == 0 &&
		    vm_object_unwire(object, pindex * PAGE, PAGE) != 0)
			abort();
	}
	return NULL;
}

TEST(a_system_at_work_is_never_called_wrong)
{
	pthread_t thread[WORKERS];

	core_set_up(0);
	atomic_store(&enough, false);
	for (uintptr_t i = 0; i < WORKERS; i++)
		CHECK(pthread_create(&thread[i], NULL, work,
		    (void *)(i + 1)) == 0);
	while (atomic_load(&rounds) < ROUNDS)
		if (vm_audit(vm) == -EUCLEAN)
			CHECK_STR(vm_last_error(), "");
	atomic_store(&enough, true);
	for (unsigned i = 0; i < WORKERS; i++)
		CHECK(pthread_join(thread[i], NULL) == 0);
	CHECK_INT(vm_audit_idle(vm), 0);
	core_tear_down();
}

/* Of pages without a frame. */
TEST(a_placeholder_with_the_flags_of_a_frame_is_found)
{
	struct vm_page *page;

	set_up(0);
	CHECK(vm_page_more_fictitious(vm, 1) > 0);
	CHECK_INT(vm_page_grab_fictitious(vm, &page), 0);
	CHECK_INT(vm_page_insert(page, object, 5), 0);
	vm_page_release(page);
	check_nothing_found();
	FOUND(page->flags, page->flags & (uint16_t)~VM_PGA_UNMANAGED,
	    "is fictitious and managed");
	FOUND(page->flags, page->flags | VM_PGA_WARM,
	    "is fictitious and warm");
	check_nothing_found();
	vm_page_free(core_grab(5, VM_GRAB_WRITE), 0);
	tear_down();
}

TEST(what_no_page_is_at_once_is_found)
{
	struct vm_page *cached;

	set_up(0);
	FOUND(wired->loans, 1, "is lent and wired");
	cached = core_grab(5, VM_GRAB_WRITE);
	CHECK_INT(vm_page_cache(cached), 1);
	vm_page_release(cached);
	check_nothing_found();
	FOUND(cached->dirty, 1, "is cached and dirty");
	tear_down();
}

TEST(a_wrong_count_of_free_frames_is_found)
{
	uint32_t *free;

	set_up(0);
	free = &vm->frames.segments.array[0].buddy.free[VM_KIND_WARM];
	*free += 1;
	CHECK_INT(vm_audit_idle(vm), -EUCLEAN);
	CHECK_STR(vm_last_error(), "audit: frames: a count of free frames is "
	    "wrong");
	*free -= 1;
	CHECK_INT(vm_audit_idle(vm), 0);
	tear_down();
}
