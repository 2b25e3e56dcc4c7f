/* SPDX-License-Identifier: BSD-2-Clause */
/* Pages leave: in runs, as the flags say, and never when wired. */
#include "pageout/evict.h"

#include <pthread.h>
#include <sched.h>

#include "audit.h"
#include "one_object.h"
#include "stat/stat.h"

/* Clean pages [first, end) are resident. */
static void
bring_in(uint64_t first, uint64_t end)
{
	for (; first < end; first++)
		CHECK_INT(core_get(first, 0), first);
}

static struct vm_page *
lock(uint64_t pindex)
{
	struct vm_page *page = vm_object_lock_page(object, pindex);

	CHECK(page != NULL);
	return page;
}

TEST(neighbours_in_a_store_leave_in_one_punch)
{
	static const uint64_t order[] = { 7, 3, 20, 4, 5, 21 };
	struct vm_page *page[6];
	uint64_t punches;

	core_set_up(VM_OBJECT_STORE);
	bring_in(0, 30);
	for (int i = 0; i < 6; i++)
		page[i] = lock(order[i]);
	punches = vm_counter_read(vm->counters, VM_COUNTER_punch_calls);
	vm_evict(vm, page, 6, VM_LEAVE_EVICTED);
	/* 3-5, 7 and 20-21 */
	CHECK_INT(vm_counter_read(vm->counters, VM_COUNTER_punch_calls) -
	    punches, 3);
	for (int i = 0; i < 6; i++)
		CHECK(!core_resident(order[i]));
	CHECK(core_resident(6) && core_resident(19));
	CHECK_INT(object->resident, 24);
	audit(vm);
	core_tear_down();
}

TEST(a_dirty_page_is_not_evicted_by_mistake)
{
	struct vm_page *page;

	core_set_up(0);
	core_put(3, 1);
	page = lock(3);
	CHECK_DIES(vm_evict(vm, &page, 1, VM_LEAVE_EVICTED));
	vm_object_unlock_page(object, page);
	core_tear_down();
}

TEST(a_range_leaves_but_for_its_dirty_pages)
{
	core_set_up(0);
	bring_in(0, 20);
	core_put(5, 1);
	CHECK_INT(vm_evict_range(object, 2, 10, 0), 0);
	CHECK(core_resident(1) && core_resident(5) && core_resident(10));
	CHECK_INT(object->resident, 13);
	CHECK_INT(vm_evict_range(object, 0, UINT64_MAX, VM_EVICT_DIRTY), 0);
	CHECK_INT(object->resident, 0);
	CHECK_INT(object->dirty, 0);
	CHECK_INT(core_in_file(5), 0);
	core_tear_down();
}

TEST(wired_pages_stay_and_keep_the_bytes_of_all)
{
	core_set_up(0);
	bring_in(0, 4);
	core_put(5, 1);
	CHECK_INT(vm_object_wire(object, 7 * PAGE, PAGE), 0);
	CHECK_INT(vm_evict_range(object, 0, 100, VM_EVICT_DIRTY), -EBUSY);
	CHECK_INT(core_get(5, 1), 1);	/* nothing was given up */
	CHECK_INT(vm_evict_range(object, 0, 100, VM_EVICT_IDLE), 0);
	CHECK(core_resident(7) && core_resident(5) && !core_resident(3));
	CHECK_INT(vm_evict_range(object, 0, 7, VM_EVICT_DIRTY), 0);
	CHECK_INT(vm_object_unwire(object, 7 * PAGE, PAGE), 0);
	CHECK_INT(vm_evict_range(object, 0, 100, 0), 0);
	CHECK_INT(object->resident, 0);
	core_tear_down();
}

TEST(idle_passes_over_pages_that_are_held)
{
	struct vm_page *a, *b;

	core_set_up(0);
	bring_in(0, 10);
	a = core_grab(3, VM_GRAB_READ);
	b = core_grab(4, VM_GRAB_WRITE);
	CHECK_INT(vm_evict_range(object, 0, 100, VM_EVICT_IDLE), 0);
	CHECK_INT(object->resident, 2);
	vm_page_release(a);
	vm_page_release(b);
	core_tear_down();
}

static void *
evict_all(void *arg)
{
	CHECK_INT(vm_evict_range(object, 0, 100, 0), 0);
	atomic_store((_Atomic int *)arg, 1);
	return NULL;
}

/* While it waits it holds nothing: the holder may take what it wants. */
TEST(others_are_waited_for_with_nothing_in_hand)
{
	_Atomic int done = 0;
	struct vm_page *page;
	pthread_t thread;

	core_set_up(0);
	bring_in(0, 10);
	page = core_grab(9, VM_GRAB_READ);
	CHECK_INT(pthread_create(&thread, NULL, evict_all, (void *)&done), 0);
	while (core_resident(0))
		sched_yield();
	CHECK_INT(core_get(0, 0), 0);
	CHECK_INT(core_get(8, 0), 8);
	CHECK_INT(done, 0);
	vm_page_release(page);
	CHECK_INT(pthread_join(thread, NULL), 0);
	CHECK(!core_resident(9));
	core_tear_down();
}
