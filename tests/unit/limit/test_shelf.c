/* SPDX-License-Identifier: BSD-2-Clause */
/* Pages at hand: who gets them, who does not, and who has them back. */
#include "limit/shelf.h"

#include "check.h"
#include "limit/hand.h"
#include "limit_fixture.h"

/* 32 * 1024: the smallest system with full shelves. */
enum { MANY = 32 * 1024, SHELF = 32 };

static _Atomic unsigned here;	/* the processor */

static unsigned
fake_cpu(void)
{
	return atomic_load(&here);
}

static void
setup_many(struct fixture *x, uint32_t pages)
{
	atomic_store(&here, 3);
	x->os = vm_os_linux;
	x->os.cpu = fake_cpu;
	x->held_count = 0;
	CHECK_INT(vm_frames_init(&x->frames, &x->os, pages, PAGE_BYTES), 0);
	vm_limit_init(&x->limit, &x->frames);
}

static struct vm_page *
take(struct fixture *x, enum vm_class class)
{
	struct vm_take take = { .home = VM_HOME_POOL, .class = class,
		.want = 1 };
	struct vm_page *page;

	CHECK_INT(vm_limit_take_for(&x->limit, &take, &page), 1);
	return page;
}

static void
give(struct fixture *x, struct vm_page *page)
{
	vm_limit_give(&x->limit, &page, 1);
}

static uint32_t
free_pages(struct fixture *x)
{
	return atomic_load(&x->limit.free);
}

TEST(who_takes_one_has_more_at_hand)
{
	struct vm_page *page[SHELF];
	struct fixture x;

	setup_many(&x, MANY);
	CHECK_INT(x.limit.shelves.size, SHELF);
	page[0] = take(&x, VM_CLASS_NORMAL);
	CHECK_INT(vm_shelves_count(&x.limit), SHELF / 2);
	CHECK_INT(free_pages(&x), MANY - 1 - SHELF / 2);
	for (unsigned i = 1; i <= SHELF / 2; i++)
		page[i] = take(&x, VM_CLASS_NORMAL);
	CHECK_INT(vm_shelves_count(&x.limit), 0);
	CHECK_INT(free_pages(&x), MANY - 1 - SHELF / 2);
	for (unsigned i = 0; i <= SHELF / 2; i++)
		give(&x, page[i]);
	CHECK_INT(free_pages(&x) + vm_shelves_count(&x.limit), MANY);
	teardown(&x);
}

TEST(a_full_shelf_gives_its_older_half)
{
	struct vm_page *page[2 * SHELF];
	struct fixture x;
	uint32_t free;

	setup_many(&x, MANY);
	for (unsigned i = 0; i < 2 * SHELF; i++)
		page[i] = take(&x, VM_CLASS_NORMAL);
	CHECK(vm_shelves_shut(&x.limit) < SHELF);
	vm_shelves_open(&x.limit);
	free = free_pages(&x);
	give(&x, page[0]);	/* the first ever: it ends a streak */
	for (unsigned i = 1; i <= SHELF; i++)
		give(&x, page[i]);
	CHECK_INT(vm_shelves_count(&x.limit) + free_pages(&x) - free,
	    SHELF + 1);
	give(&x, page[SHELF + 1]);
	CHECK(vm_shelves_count(&x.limit) <= SHELF / 2 + 2);
	/* The newest are at hand. */
	CHECK(take(&x, VM_CLASS_NORMAL) == page[SHELF + 1]);
	give(&x, page[SHELF + 1]);
	for (unsigned i = SHELF + 2; i < 2 * SHELF; i++)
		give(&x, page[i]);
	teardown(&x);
}

TEST(small_systems_have_none)
{
	struct vm_page *page;
	struct fixture x;

	setup_many(&x, VM_SHELF_SHARE - 1);
	page = take(&x, VM_CLASS_NORMAL);
	CHECK_INT(vm_shelves_count(&x.limit), 0);
	CHECK(vm_hand_take(&x.limit) == NULL);
	give(&x, page);
	teardown(&x);
}

TEST(other_classes_look_at_the_ladder)
{
	struct vm_page *page[3];
	struct fixture x;
	uint32_t free;

	setup_many(&x, MANY);
	page[0] = take(&x, VM_CLASS_NORMAL);
	free = free_pages(&x);
	page[1] = take(&x, VM_CLASS_SYSTEM);
	page[2] = take(&x, VM_CLASS_INTERRUPT);
	CHECK_INT(free_pages(&x), free - 2);
	for (unsigned i = 0; i < 3; i++)
		give(&x, page[i]);
	teardown(&x);
}

TEST(the_last_page_is_found_on_another_shelf)
{
	static struct vm_page *page[MANY];
	struct fixture x;
	uint32_t n = 0;

	setup_many(&x, MANY);
	page[n++] = take(&x, VM_CLASS_NORMAL);	/* 16 more on shelf 3 */
	atomic_store(&here, 4);
	while (free_pages(&x) > 0)
		n += vm_limit_take(&x.limit, VM_HOME_POOL,
		    VM_CLASS_INTERRUPT, 0, page + n, 64);
	CHECK_INT(n, MANY - SHELF / 2);
	while (n < MANY)
		page[n++] = take(&x, VM_CLASS_INTERRUPT);
	CHECK_INT(vm_shelves_count(&x.limit), 0);
	for (uint32_t i = 0; i < MANY; i++)
		give(&x, page[i]);
	teardown(&x);
}

TEST(while_shut_nothing_is_at_hand_and_nothing_is_put_there)
{
	struct vm_page *page;
	struct fixture x;

	setup_many(&x, MANY);
	page = take(&x, VM_CLASS_NORMAL);
	CHECK_INT(vm_shelves_shut(&x.limit), SHELF / 2);
	CHECK_INT(free_pages(&x), MANY - 1);
	CHECK(vm_hand_take(&x.limit) == NULL);
	give(&x, page);
	CHECK_INT(free_pages(&x), MANY);
	page = take(&x, VM_CLASS_NORMAL);
	CHECK_INT(free_pages(&x), MANY - 1);
	vm_shelves_open(&x.limit);
	give(&x, page);
	CHECK_INT(vm_shelves_count(&x.limit), 1);
	teardown(&x);
}

/* Waits, a debt, a vain pass, an armed listener: what is given goes where it is
 * looked for. */
TEST(where_something_is_the_matter_pages_are_given_to_all)
{
	struct vm_page *page[5];
	struct fixture x;

	setup_many(&x, MANY);
	for (unsigned i = 0; i < 5; i++)
		page[i] = take(&x, VM_CLASS_NORMAL);
	give(&x, page[4]);
	(void)vm_shelves_shut(&x.limit);
	vm_shelves_open(&x.limit);
	atomic_store(&x.limit.waiting, 1);
	CHECK(!vm_hand_give(&x.limit, page[0]));
	atomic_store(&x.limit.waiting, 0);
	atomic_store(&x.limit.debt, 1);
	CHECK(!vm_hand_give(&x.limit, page[0]));
	atomic_store(&x.limit.debt, 0);
	atomic_store(&x.limit.idle, 1);
	CHECK(!vm_hand_give(&x.limit, page[0]));
	atomic_store(&x.limit.idle, 0);
	atomic_store(&x.limit.armed, 1);
	CHECK(!vm_hand_give(&x.limit, page[0]));
	atomic_store(&x.limit.armed, 0);
	page[0]->flags = 0;		/* hollow: for other homes */
	CHECK(!vm_hand_give(&x.limit, page[0]));
	page[0]->flags = VM_PGA_WARM;
	CHECK(vm_hand_give(&x.limit, page[0]));
	CHECK_INT(vm_shelves_loose(&x.limit), UINT32_MAX);
	CHECK(vm_hand_take(&x.limit) == page[0]);
	CHECK_INT(vm_shelves_loose(&x.limit), 0);
	for (unsigned i = 0; i < 4; i++)
		give(&x, page[i]);
	teardown(&x);
}

/* The shelf's lock is somebody's: the ladder serves. */
TEST(nobody_waits_for_a_shelf)
{
	struct vm_shelf *shelf;
	struct vm_page *page;
	struct fixture x;

	setup_many(&x, MANY);
	page = take(&x, VM_CLASS_NORMAL);
	shelf = vm_shelf_mine(&x.limit);
	CHECK(shelf != NULL);
	CHECK(vm_hand_take(&x.limit) == NULL);
	give(&x, page);
	CHECK_INT(vm_shelves_count(&x.limit), SHELF / 2);
	vm_shelf_leave(shelf);
	teardown(&x);
}
