/* SPDX-License-Identifier: BSD-2-Clause */
/* resident/life.h and resident/page.h as told wrongly, and on a machine in
 * which one call after the other fails. */
#include <resident/life.h>

#include "audit.h"
#include "base/error.h"
#include "one_object.h"

/* The call fails so, and says why. */
#define REFUSED(error, call, word)                                            \
	do {                                                                  \
		vm_error(EDOM, "stale");                                      \
		CHECK_INT(call, -(error));                                    \
		CHECK(strstr(vm_last_error(), word) != NULL);                 \
	} while (0)

TEST(what_makes_no_sense_is_refused_with_a_sentence)
{
	struct vm_page *page;

	core_set_up(0);
	REFUSED(EINVAL, vm_page_alloc(vm, 0, NULL), "nowhere");
	REFUSED(EINVAL, vm_page_alloc(vm, 0x100, &page), "flags 0x100");
	REFUSED(EINVAL, vm_page_alloc(vm, VM_ALLOC_SYSTEM |
	    VM_ALLOC_INTERRUPT, &page), "two classes");
	REFUSED(EINVAL, vm_page_alloc_at(object, 0, 0x20, &page), "0x20");
	REFUSED(EINVAL, vm_page_alloc_at(object, 0, 0, NULL), "nowhere");
	REFUSED(ERANGE, vm_page_alloc_at(object, FILE_PAGES, 0, &page),
	    "beyond");
	REFUSED(EINVAL, vm_page_grab_fictitious(vm, NULL), "nowhere");
	REFUSED(ENOMEM, vm_page_grab_fictitious(vm, &page), "descriptor");
	REFUSED(EINVAL, vm_page_wait(object, 0, 4, 0), "0x4");
	core_tear_down();
}

TEST(an_object_says_who_it_is_and_a_loose_page_has_none)
{
	struct vm_page *page;

	core_set_up(0);
	page = core_grab(5, VM_GRAB_READ);
	CHECK(vm_page_object(page) == object);
	CHECK_INT(vm_page_pindex(page), 5);
	vm_page_release(page);
	CHECK_INT(vm_page_alloc(vm, 0, &page), 0);
	CHECK(vm_page_object(page) == NULL);
	CHECK_DIES(vm_page_downgrade(page));
	CHECK_DIES(vm_page_flash(page));
	CHECK_DIES((void)vm_page_share(page));
	vm_page_free(page, 0);
	core_tear_down();
}

/* What may be asked of a store's page, and what it says about dirt. */
TEST(a_store_that_clients_write_may_be_dirty_at_any_time)
{
	core_set_up(VM_OBJECT_STORE);
	CHECK_INT(vm_object_may_be_dirty(object), 0);
	atomic_fetch_add(&object->store.tracked, 1);
	CHECK_INT(vm_object_may_be_dirty(object), 1);
	atomic_fetch_sub(&object->store.tracked, 1);
	core_put(3, 1);
	CHECK_INT(vm_object_may_be_dirty(object), 1);
	core_tear_down();
}

/* ---- one call after the other fails -------------------------------------- */

/* Does it, and once more when it failed, for then it was the one failure. */
#define TWICE(call)                                                           \
	do {                                                                  \
		vm_error(EDOM, "stale");                                      \
		if ((call) != 0) {                                            \
			CHECK(atomic_load(&faulty.failed) != NULL);           \
			CHECK(strcmp(vm_last_error(), "stale") != 0);         \
			CHECK_INT(call, 0);                                   \
		}                                                             \
	} while (0)

static struct vm_object *anon;

static void
a_life(void)
{
	struct vm_page *page, *old, *pages[8];
	unsigned got;

	TWICE(vm_page_alloc(vm, VM_ALLOC_ZERO | VM_ALLOC_WIRED, &page));
	TWICE(vm_page_insert(page, anon, 3));
	TWICE(vm_page_rename(page, anon, 4, VM_RENAME_DIRTY));
	TWICE(vm_page_remove(page));
	TWICE(vm_page_replace(page, anon, 5, &old));
	CHECK(old == NULL);
	TWICE(vm_page_hold(page));
	vm_page_free(page, VM_FREE_WIRED);
	vm_page_unhold(page);
	TWICE(vm_page_alloc_at(object, 7, 0, &page));
	vm_page_release(page);
	TWICE(vm_page_grab(object, 7, VM_GRAB_READ, &page));
	CHECK_INT(*(uint64_t *)vm_page_data(page), 7);
	vm_page_release(page);
	TWICE(vm_page_grab_many(object, 20, 8, VM_GRAB_READ, pages, &got));
	for (uint64_t i = 0; i < 8; i++)
		CHECK_INT(*(uint64_t *)vm_page_data(pages[i]), 20 + i);
	vm_page_release_many(pages, got);
	TWICE(vm_page_grab_contig(object, 30, 4, VM_GRAB_READ, pages));
	vm_page_release_many(pages, 4);
	if (vm_page_more_fictitious(vm, 1) == 1) {
		TWICE(vm_page_grab_fictitious(vm, &page));
		TWICE(vm_page_insert(page, object, 9));
		vm_page_release(page);
		TWICE(vm_page_grab(object, 9, VM_GRAB_READ, &page));
		CHECK_INT(*(uint64_t *)vm_page_data(page), 9);
		vm_page_release(page);
	}
}

TEST(a_life_goes_on_whatever_call_fails)
{
	for (unsigned n = 1;; n++) {
		bool failed;

		core_set_up(0);
		CHECK_INT(vm_object_create_anon(vm, 10 * PAGE, 0, &anon), 0);
		atomic_store(&faulty.fail_at, atomic_load(&faulty.calls) + n);
		a_life();
		failed = atomic_load(&faulty.failed) != NULL;
		atomic_store(&faulty.fail_at, 0);
		audit(vm);
		CHECK_INT(vm_object_destroy(anon), 0);
		core_tear_down();
		if (!failed)
			break;
		CHECK(n < 100);
	}
}
