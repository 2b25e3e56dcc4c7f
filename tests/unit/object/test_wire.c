/* SPDX-License-Identifier: BSD-2-Clause */
/* Wires: counted, charged, on no queue; and where the last leaves a page. */
#include "object/wire.h"

#include <pthread.h>

#include "audit.h"
#include "limit/account.h"
#include "object/life.h"
#include "one_object.h"

static const char *
queue_of(struct vm_page *page)
{
	return vm_queue_name(&vm->queue, page);
}

static void
set_up_freebsd(void)
{
	struct vm_options o = VM_OPTIONS_INIT;

	faulty_reset();
	o.resident_max_bytes = CORE_LIMIT_PAGES * PAGE;
	o.swap_directory = core_directory();
	o.policy = "freebsd";
	CHECK_INT(vm_create_on(&o, &faulty_os, &pmap_nobody, &vm), 0);
	core_new_file();
	CHECK_INT(vm_object_create_file(vm, core_fd, 0, VM_LENGTH_ALL,
	    VM_OBJECT_WRITABLE, &object), 0);
	CHECK_INT(vm_object_advise(object, VM_ADVICE_RANDOM), 0);
}

/* F48, F49. */
TEST(the_first_wire_takes_a_page_off_its_queue_and_the_last_puts_it_back)
{
	struct vm_page *page;

	set_up_freebsd();
	page = core_grab(5, VM_GRAB_READ);
	CHECK(strcmp(queue_of(page), "none") != 0);
	CHECK_INT(vm_page_wire(page, NULL), 0);
	CHECK_STR(queue_of(page), "none");
	CHECK_INT(vm_page_wire(page, NULL), 0);
	CHECK_INT(vm->wired, 1);
	CHECK_INT(object->wired, 1);
	CHECK_INT(vm_page_unwire(page, NULL, VM_TO_ACTIVE), 0);
	CHECK_STR(queue_of(page), "none");
	CHECK_INT(vm->wired, 1);
	CHECK_INT(vm_page_unwire(page, NULL, VM_TO_ACTIVE), 0);
	CHECK_STR(queue_of(page), "active");
	CHECK_INT(vm->wired, 0);
	CHECK_INT(object->wired, 0);
	vm_page_release(page);
	audit(vm);
	core_tear_down();
}

/* F49, R38. */
TEST(the_last_unwire_says_where_the_page_goes)
{
	struct vm_page *page, *victim;

	set_up_freebsd();
	for (uint64_t i = 0; i < 4; i++) {
		page = core_grab(i, VM_GRAB_WRITE);
		CHECK_INT(vm_page_wire(page, NULL), 0);
		vm_page_dirty(page, 0, 8);
		CHECK_INT(vm_page_unwire(page, NULL, i == 2 ?
		    VM_TO_INACTIVE_HEAD : VM_TO_INACTIVE), 0);
		CHECK_STR(queue_of(page), "inactive");
		vm_page_release(page);
		(void)vm_slot_test_clear_referenced(page->slot);
	}
	CHECK_INT(vm_queue_victims(&vm->queue, &victim, 1), 1);
	CHECK_INT(victim->pindex, 2);
	vm_queue_refused(&vm->queue, &victim, 1);
	core_tear_down();
}

TEST(a_clean_page_may_go_with_its_last_wire)
{
	struct vm_page *page;

	set_up_freebsd();
	page = core_grab(5, VM_GRAB_WRITE | VM_GRAB_WIRED);
	CHECK_INT(vm_page_wire(page, NULL), 0);
	CHECK_INT(vm_page_unwire(page, NULL, VM_TO_FREE), 0);
	CHECK_INT(vm_page_unwire(page, NULL, VM_TO_FREE), 1);
	CHECK(!core_resident(5));
	page = core_grab(5, VM_GRAB_WRITE | VM_GRAB_WIRED);
	vm_page_dirty(page, 0, 8);
	CHECK_INT(vm_page_unwire(page, NULL, VM_TO_FREE), 0);
	CHECK_STR(queue_of(page), "inactive");
	vm_page_release(page);
	page = core_grab(6, VM_GRAB_READ | VM_GRAB_WIRED);
	CHECK_INT(vm_page_unwire(page, NULL, VM_TO_FREE), 0);	/* shared */
	vm_page_release(page);
	audit(vm);
	core_tear_down();
}

TEST(unwiring_what_is_not_wired_dies)
{
	struct vm_page *page;

	core_set_up(0);
	page = core_grab(5, VM_GRAB_READ);
	CHECK_DIES(vm_page_unwire(page, NULL, VM_TO_ACTIVE));
	CHECK_DIES(vm_page_unwire(page, NULL, (enum vm_to)7));
	vm_page_release(page);
	core_tear_down();
}

/* F48: an error, not a count that begins anew. */
TEST(wires_end_at_65535)
{
	struct vm_page *page;

	core_set_up(0);
	page = core_grab(5, VM_GRAB_READ);
	for (unsigned i = 0; i < UINT16_MAX; i++)
		CHECK_INT(vm_page_wire(page, NULL), 0);
	CHECK_INT(vm_page_wire(page, NULL), -EAGAIN);
	CHECK_INT(page->wires, UINT16_MAX);
	for (unsigned i = 0; i < UINT16_MAX; i++)
		CHECK_INT(vm_page_unwire(page, NULL, VM_TO_ACTIVE), 0);
	CHECK_INT(vm->wired, 0);
	vm_page_release(page);
	core_tear_down();
}

TEST(half_of_the_limit_is_wired_and_no_more)
{
	struct vm_page *page[CORE_LIMIT_PAGES], *other;
	unsigned n = 0;

	core_set_up(0);
	while (vm_page_alloc(vm, VM_ALLOC_WIRED, &page[n]) == 0)
		n++;
	CHECK_INT(n, CORE_LIMIT_PAGES / 2);
	CHECK(strstr(vm_last_error(), "half") != NULL);
	CHECK_INT(vm->loose, n);
	CHECK_INT(vm_page_grab(object, 0, VM_GRAB_WIRED, &other), -ENOMEM);
	CHECK_INT(vm_page_busied(vm_page_lookup(object, 0)), 0);
	while (n > 0)
		vm_page_free(page[--n], VM_FREE_WIRED);
	CHECK_INT(vm->wired, 0);
	core_tear_down();
}

TEST(an_account_is_charged_for_its_wires_and_stops_at_its_maximum)
{
	struct vm_account_request request = { .name = "test",
		.max = { [VM_CHARGE_WIRED] = 2 } };
	struct vm_account *account;
	struct vm_page *page;

	core_set_up(0);
	CHECK_INT(vm_account_new(&vm->limit, &request, &account), 0);
	page = core_grab(5, VM_GRAB_READ);
	CHECK_INT(vm_page_wire(page, account), 0);
	CHECK_INT(vm_page_wire(page, account), 0);
	CHECK_INT(vm_page_wire(page, account), -ENOMEM);
	CHECK_INT(page->wires, 2);
	CHECK_INT(vm_page_wire(page, NULL), 0);
	CHECK_INT(account->used[VM_CHARGE_WIRED], 2);
	CHECK_INT(vm_account_free(account), -EBUSY);
	for (int i = 0; i < 2; i++)
		CHECK_INT(vm_page_unwire(page, account, VM_TO_ACTIVE), 0);
	CHECK_INT(account->used[VM_CHARGE_WIRED], 0);
	CHECK_INT(vm_page_unwire(page, NULL, VM_TO_ACTIVE), 0);
	vm_page_release(page);
	CHECK_INT(vm_account_free(account), 0);
	core_tear_down();
}

TEST(a_wire_that_is_refused_charges_nothing)
{
	struct vm_account_request request = { .name = "test" };
	struct vm_page *page[CORE_LIMIT_PAGES];
	struct vm_account *account;
	unsigned n = 0;

	core_set_up(0);
	CHECK_INT(vm_account_new(&vm->limit, &request, &account), 0);
	while (vm_page_alloc(vm, VM_ALLOC_WIRED, &page[n]) == 0)
		n++;
	CHECK_INT(vm_page_alloc(vm, 0, &page[n]), 0);
	CHECK_INT(vm_page_wire(page[n], account), -ENOMEM);
	CHECK_INT(account->used[VM_CHARGE_WIRED], 0);
	for (unsigned i = 0; i <= n; i++)
		vm_page_free(page[i], VM_FREE_WIRED);
	CHECK_INT(vm_account_free(account), 0);
	core_tear_down();
}

/* F47. */
TEST(an_unmanaged_page_is_on_no_queue_whatever_is_asked)
{
	struct vm_page *page;

	core_set_up(0);
	page = core_grab(5, VM_GRAB_WRITE);
	vm_page_unmanage(page);
	CHECK_STR(queue_of(page), "none");
	vm_queue_activate(&vm->queue, page);
	vm_queue_deactivate(&vm->queue, page, false);
	vm_queue_place(&vm->queue, page, VM_PLACE_ACTIVE);
	vm_queue_enter(&vm->queue, page);
	CHECK(!vm_queue_cache(&vm->queue, page));
	CHECK_INT(vm_page_wire(page, NULL), 0);
	CHECK_INT(vm_page_unwire(page, NULL, VM_TO_ACTIVE), 0);
	CHECK_STR(queue_of(page), "none");
	vm_page_release(page);
	CHECK_STR(queue_of(page), "none");
	vm_page_free(core_grab(5, VM_GRAB_WRITE), 0);
	page = core_grab(5, VM_GRAB_READ);
	CHECK(strcmp(queue_of(page), "none") != 0);
	vm_page_release(page);
	core_tear_down();
}

TEST(only_who_holds_a_page_alone_unmanages_it)
{
	struct vm_page *page;

	core_set_up(0);
	page = core_grab(5, VM_GRAB_READ);
	CHECK_DIES(vm_page_unmanage(page));
	vm_page_release(page);
	core_tear_down();
}

/* F48, F49: a wired page is never a victim, R83. */
TEST(wired_pages_outlast_all_others)
{
	core_set_up(0);
	for (uint64_t i = 0; i < 10; i++)
		vm_page_release(core_grab(i, VM_GRAB_READ | VM_GRAB_WIRED));
	for (uint64_t turn = 0; turn < 3; turn++)
		for (uint64_t i = 10; i < FILE_PAGES; i++)
			CHECK_INT(core_get(i, 0), i);
	for (uint64_t i = 0; i < 10; i++)
		CHECK(core_resident(i));
	CHECK_INT(vm_object_unwire(object, 0, VM_LENGTH_ALL), 0);
	audit(vm);
	core_tear_down();
}

/* It is on no queue before and after; only the figures move. */
TEST(a_loose_page_is_wired_unwired_and_unmanaged_on_no_queue)
{
	struct vm_page *page;

	core_set_up(0);
	CHECK_INT(vm_page_alloc(vm, 0, &page), 0);
	CHECK_INT(vm_page_wire(page, NULL), 0);
	CHECK_INT(vm->wired, 1);
	CHECK_INT(vm_page_unwire(page, NULL, VM_TO_ACTIVE), 0);
	CHECK_INT(vm_page_wire(page, NULL), 0);
	CHECK(vm_wire_try_drop(page));
	CHECK(!vm_wire_try_drop(page));
	CHECK_INT(vm->wired, 0);
	vm_page_unmanage(page);
	CHECK_STR(queue_of(page), "none");
	vm_page_free(page, 0);
	core_tear_down();
}

/* Nobody counts what has no frame. */
TEST(the_last_wire_of_a_placeholder_changes_no_figure)
{
	struct vm_page *page;

	core_set_up(0);
	CHECK(vm_page_more_fictitious(vm, 1) > 0);
	CHECK_INT(vm_page_grab_fictitious(vm, &page), 0);
	CHECK_INT(vm_page_wire(page, NULL), 0);
	CHECK_INT(vm->wired, 0);
	CHECK_INT(vm_page_unwire(page, NULL, VM_TO_ACTIVE), 0);
	CHECK_INT(vm->wired, 0);
	CHECK_INT(page->wires, 0);
	vm_page_release_fictitious(page);
	core_tear_down();
}

/* With nothing else in between, so that many of their steps meet. */
static void *
wire_at_once(void *arg)
{
	for (int i = 0; i < 100000; i++) {
		CHECK_INT(vm_wire_add(arg, NULL), 0);
		if (i % 2 == 0)
			vm_wire_drop(arg, NULL, VM_PLACE_INACTIVE);
		else
			CHECK(vm_wire_try_drop(arg));
	}
	return NULL;
}

/* With a wire that stays none of theirs is the first: the count alone. */
static void
wires_meet(bool stays)
{
	pthread_t thread[3];
	struct vm_page *page;

	core_set_up(0);
	page = core_grab(5, VM_GRAB_READ);
	if (stays)
		CHECK_INT(vm_wire_add(page, NULL), 0);
	for (int i = 0; i < 3; i++)
		CHECK_INT(pthread_create(&thread[i], NULL, wire_at_once,
		    page), 0);
	for (int i = 0; i < 3; i++)
		CHECK_INT(pthread_join(thread[i], NULL), 0);
	CHECK_INT(page->wires, stays);
	if (stays)
		CHECK(vm_wire_try_drop(page));
	CHECK_INT(vm->wired, 0);
	CHECK_INT(object->wired, 0);
	CHECK(strcmp(queue_of(page), "none") != 0);
	vm_page_release(page);
	audit(vm);
	core_tear_down();
}

TEST(first_and_last_wires_that_meet_are_counted_right)
{
	wires_meet(false);
}

TEST(wires_that_meet_are_counted_right)
{
	wires_meet(true);
}

/* The first and the last wire of one page, by threads that share it: at the
 * end it is queued once, and the daemon has looked on. */
static void *
wire_and_unwire(void *arg)
{
	for (uint64_t i = 0; i < 4000; i++) {
		struct vm_page *page = core_grab(i % 3, VM_GRAB_READ);

		CHECK_INT(vm_page_wire(page, NULL), 0);
		CHECK_INT(vm_page_unwire(page, NULL, VM_TO_INACTIVE), 0);
		vm_page_release(page);
		CHECK_INT(core_get(10 + i % 80, 0), 10 + i % 80);
	}
	return arg;
}

TEST(threads_that_share_a_page_wire_it_and_it_is_queued_after)
{
	pthread_t thread[3];

	core_set_up(0);
	for (int i = 0; i < 3; i++)
		CHECK_INT(pthread_create(&thread[i], NULL, wire_and_unwire,
		    NULL), 0);
	for (int i = 0; i < 3; i++)
		CHECK_INT(pthread_join(thread[i], NULL), 0);
	CHECK_INT(vm->wired, 0);
	for (uint64_t i = 0; i < 3; i++) {
		struct vm_page *page = core_grab(i, VM_GRAB_READ);

		CHECK(strcmp(queue_of(page), "none") != 0);
		vm_page_release(page);
	}
	audit(vm);
	core_tear_down();
}
