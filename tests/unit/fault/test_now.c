/* SPDX-License-Identifier: BSD-2-Clause */
/* A miss of one page that its thread reads by itself: fault/now.c. */
#include "fault/fill.h"
#include "audit.h"
#include "one_window.h"
#include "queue/queue.h"
#include "stat/stat.h"

/* 64 cells, as in fault/filler.c, and one that is not to be had. */
enum { CELLS = 64 };

static struct vm_fill_claim claim;

static void
take_claim(uint64_t pindex)
{
	struct vm_fill_request request = { .object = object,
		.pindex = pindex, .alone = true };

	CHECK_INT(vm_fill_claim(&request, &claim), VM_FILL_STARTED);
}

static enum vm_pager_result
now(bool shared, int *error)
{
	*error = 0;
	return vm_fill_now(&claim, shared, error);
}

/* Nothing happened: the claim is still ours. */
static void
check_claimed(uint64_t pindex)
{
	CHECK(vm_slot_busy_excl(claim.slot));
	CHECK_INT(vm_slot_number(claim.slot), VM_SLOT_ABSENT);
	CHECK_INT(atomic_load(&object->resident), 0);
	vm_fill_unclaim(&claim);
	CHECK(!core_resident(pindex));
	audit(vm);
}

static uint64_t
word(const struct vm_page *page, unsigned n)
{
	return ((const uint64_t *)vm_page_memory(page))[n];
}

TEST(a_page_of_the_pool_is_read_into_its_frame_and_held_as_was_asked)
{
	for (int shared = 0; shared < 2; shared++) {
		int error;

		core_set_up(0);
		take_claim(7);
		CHECK_INT(now(shared != 0, &error), VM_PAGER_OK);
		CHECK_INT(error, 0);
		CHECK_INT(word(claim.page, 0), 7);
		CHECK(vm_slot_busy_excl(claim.slot) == (shared == 0));
		CHECK(!vm_slot_idle(claim.slot));
		CHECK_INT(claim.page->valid, vm->all_blocks);
		CHECK_INT(claim.page->dirty, 0);
		CHECK(claim.page->list != 0);	/* the policy has heard */
		CHECK_INT(vm_counter_read(vm->counters,
		    VM_COUNTER_pages_in), 1);
		vm_page_release(claim.page);
		CHECK_INT(core_get(7, 0), 7);
		core_tear_down();
	}
}

TEST(one_on_its_way_is_counted_where_that_is_bounded)
{
	int error;

	core_set_up(0);
	vm_object_set_inflight_max(object, 1);
	take_claim(7);
	CHECK_INT(vm_object_inflight(object), 1);
	CHECK_INT(now(true, &error), VM_PAGER_OK);
	CHECK_INT(vm_object_inflight(object), 0);
	vm_page_release(claim.page);
	core_tear_down();
}

TEST(a_read_that_fails_leaves_the_claim)
{
	int error;

	core_set_up(0);
	faulty.bad_from = 7 * PAGE;
	faulty.bad_end = 8 * PAGE;
	take_claim(7);
	CHECK_INT(now(true, &error), VM_PAGER_FAILED);
	CHECK_INT(error, EIO);
	check_claimed(7);
	core_tear_down();
}

TEST(a_store_and_a_pager_that_cannot_are_a_request_s)
{
	struct vm_pager_ops without;
	const struct vm_pager_ops *with;
	int error;

	core_set_up(VM_OBJECT_STORE);
	take_claim(7);
	CHECK_INT(now(true, &error), VM_PAGER_PENDING);
	check_claimed(7);
	core_tear_down();
	core_set_up(0);
	with = object->pager->ops;
	without = *with;
	without.read_now = NULL;
	object->pager->ops = &without;
	take_claim(7);
	CHECK_INT(now(true, &error), VM_PAGER_PENDING);
	check_claimed(7);
	object->pager->ops = with;
	core_tear_down();
}

/* ---- windows ------------------------------------------------------------- */

TEST(a_page_of_a_window_is_protected_for_readers_and_open_for_writers)
{
	int error;

	window_set_up();
	take_claim(7);
	CHECK_INT(now(true, &error), VM_PAGER_OK);
	CHECK_INT(word(claim.page, 0), 7);
	CHECK_INT(claim.page->dirty, 0);
	vm_page_release(claim.page);
	window_put(7, 77);	/* it traps, and so is known to be dirty */
	CHECK_INT(atomic_load(&object->dirty), 1);
	take_claim(8);
	CHECK_INT(now(false, &error), VM_PAGER_OK);
	CHECK_INT(claim.page->dirty, vm->all_blocks);
	*(uint64_t *)vm_page_memory(claim.page) = 88;	/* and does not trap */
	vm_page_release(claim.page);
	CHECK_INT(window_get(8, 0), 88);
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	CHECK_INT(core_in_file(7), 77);
	window_tear_down();
}

TEST(without_a_cell_it_is_a_request_s)
{
	void *cell[CELLS];
	int error;

	window_set_up();
	for (int i = 0; i < CELLS; i++)
		CHECK((cell[i] = vm_cell_take(vm)) != NULL);
	CHECK(vm_cell_take(vm) == NULL);
	take_claim(7);
	CHECK_INT(now(true, &error), VM_PAGER_PENDING);
	check_claimed(7);
	for (int i = 0; i < CELLS; i++)
		vm_cell_give(vm, cell[i]);
	take_claim(7);
	CHECK_INT(now(true, &error), VM_PAGER_OK);
	vm_page_release(claim.page);
	window_tear_down();
}

static int64_t
copy_nothing(int uffd, uint64_t to, const void *from, uint64_t length,
    bool protect)
{
	(void)uffd;
	(void)to;
	(void)from;
	(void)length;
	(void)protect;
	return -ENOMEM;
}

TEST(bytes_that_cannot_be_shown_are_not_there)
{
	struct vm_pmap_ops ops = vm_pmap_linux;
	struct vm_views *views;
	void *cell;
	int error;

	window_set_up();
	views = object->view->views;
	ops.copy = copy_nothing;
	views->pmap.ops = &ops;
	take_claim(7);
	CHECK_INT(now(true, &error), VM_PAGER_FAILED);
	CHECK_INT(error, ENOMEM);
	check_claimed(7);
	views->pmap.ops = &vm_pmap_linux;
	CHECK_INT(window_get(7, 0), 7);
	cell = vm_cell_take(vm);	/* it was given back */
	CHECK(cell != NULL);
	vm_cell_give(vm, cell);
	window_tear_down();
}
