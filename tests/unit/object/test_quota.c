/* SPDX-License-Identifier: BSD-2-Clause */
/* What an object keeps of memory, and what it is claimed for. */
#include "object/quota.h"

#include <stdatomic.h>

#include "audit.h"
#include "one_object.h"

enum { OTHER_PAGES = 400 };

static struct vm_object *other;

static void
set_up(void)
{
	core_set_up(0);
	CHECK_INT(vm_object_create_anon(vm, OTHER_PAGES * PAGE, 0, &other), 0);
	CHECK_INT(vm_object_advise(other, VM_ADVICE_RANDOM), 0);
}

static void
tear_down(void)
{
	CHECK_INT(object->leaving, 0);
	CHECK_INT(other->leaving, 0);
	audit(vm);
	CHECK_INT(vm_object_destroy(other), 0);
	CHECK_INT(vm->kept, object->kept_min);
	core_tear_down();
}

static int
set(uint64_t min, uint64_t low, uint64_t high)
{
	struct vm_object_limits limits = VM_OBJECT_LIMITS_INIT;

	limits.min_pages = min;
	limits.low_pages = low;
	limits.high_pages = high;
	return vm_object_set_limits(object, &limits);
}

static void
read_pages(uint64_t first, uint64_t end)
{
	for (uint64_t i = first; i < end; i++)
		CHECK_INT(core_get(i, 0), i);
}

static void
touch_other(uint64_t first, uint64_t end, unsigned how)
{
	struct vm_page *page;

	for (uint64_t i = first; i < end; i++) {
		CHECK_INT(vm_page_grab(other, i, how, &page), 0);
		if (how != VM_GRAB_READ)
			vm_page_dirty(page, 0, 8);
		vm_page_release(page);
	}
}

static uint64_t
kept(void)
{
	return vm_counter_read(vm->counters, VM_COUNTER_victims_kept);
}

/* -- claims ---------------------------------------------------------------- */

TEST(pages_are_claimed_down_to_what_the_object_keeps)
{
	set_up();
	read_pages(0, 5);
	CHECK_INT(set(3, 0, 0), 0);
	CHECK(vm_quota_claim(object));
	CHECK(vm_quota_claim(object));
	CHECK(!vm_quota_claim(object));
	CHECK_INT(kept(), 1);
	vm_quota_left(object, 1);	/* it stays after all */
	CHECK(vm_quota_claim(object));
	CHECK(!vm_quota_claim(object));
	vm_quota_left(object, 2);
	tear_down();
}

TEST(a_low_is_kept_until_the_system_is_needy)
{
	set_up();
	read_pages(0, 5);
	CHECK_INT(set(2, 4, 0), 0);
	CHECK(vm_quota_claim(object));
	CHECK(!vm->spared);
	CHECK(!vm_quota_claim(object));
	CHECK(vm->spared);
	vm->needy = true;
	vm->spared = false;
	CHECK(vm_quota_claim(object));
	CHECK(vm_quota_claim(object));
	CHECK(!vm_quota_claim(object));
	vm->needy = false;
	vm_quota_left(object, 3);
	tear_down();
}

TEST(an_object_without_limits_is_claimed_for_nothing)
{
	set_up();
	for (unsigned i = 0; i < 10; i++)
		CHECK(vm_quota_claim(object));
	CHECK_INT(object->leaving, 0);
	CHECK_INT(kept(), 0);
	CHECK_INT(set(0, 0, 0), 0);
	vm_quota_left(object, 10);	/* from before it was counted */
	tear_down();
}

/* -- min and low ----------------------------------------------------------- */

TEST(at_least_min_pages_stay_whatever_others_need)
{
	set_up();
	read_pages(0, 40);
	CHECK_INT(set(30, 0, 0), 0);
	CHECK_INT(vm_object_advise(object, VM_ADVICE_COLD), 0);
	touch_other(0, OTHER_PAGES, VM_GRAB_READ);
	CHECK_INT(object->resident, 30);
	CHECK(kept() > 0);
	tear_down();
}

TEST(at_least_min_stays_where_all_pages_are_dirty)
{
	set_up();
	for (uint64_t i = 0; i < 40; i++)
		core_put(i, i);
	CHECK_INT(set(20, 0, 0), 0);
	CHECK_INT(vm_object_advise(object, VM_ADVICE_COLD), 0);
	touch_other(0, OTHER_PAGES, VM_GRAB_WRITE);
	CHECK(object->resident >= 20);
	tear_down();
}

TEST(an_object_above_its_min_still_turns_its_own_pages_over)
{
	set_up();
	CHECK_INT(set(CORE_LIMIT_PAGES / 2, 0, 0), 0);
	for (unsigned round = 0; round < 3; round++)
		read_pages(0, FILE_PAGES);
	CHECK(object->resident >= CORE_LIMIT_PAGES / 2);
	tear_down();
}

TEST(low_pages_stay_while_others_have_some)
{
	set_up();
	read_pages(0, 40);
	CHECK_INT(set(0, 40, 0), 0);
	CHECK_INT(vm_object_advise(object, VM_ADVICE_COLD), 0);
	touch_other(0, OTHER_PAGES, VM_GRAB_READ);
	CHECK_INT(object->resident, 40);
	tear_down();
}

TEST(low_pages_leave_when_nobody_else_has_any)
{
	set_up();
	CHECK_INT(set(8, 10 * CORE_LIMIT_PAGES, 0), 0);
	for (unsigned round = 0; round < 2; round++)
		read_pages(0, FILE_PAGES);
	CHECK(object->resident >= 8);
	CHECK(kept() > 0);
	tear_down();
}

TEST(who_gives_pages_up_himself_is_not_held_to_min)
{
	set_up();
	read_pages(0, 10);
	CHECK_INT(set(10, 0, 0), 0);
	CHECK_INT(vm_object_advise_range(object, 0, 4 * PAGE,
	    VM_ADVICE_DONTNEED), 0);
	CHECK_INT(object->resident, 6);
	CHECK_INT(vm_object_forget(object), 0);
	CHECK_INT(object->resident, 0);
	tear_down();
}

/* -- setting --------------------------------------------------------------- */

TEST(limits_are_what_was_set_and_in_order)
{
	struct vm_object_limits limits = VM_OBJECT_LIMITS_INIT;

	set_up();
	CHECK_INT(vm_object_get_limits(object, &limits), 0);
	CHECK_INT(limits.min_pages + limits.low_pages + limits.high_pages +
	    limits.wired_max, 0);
	CHECK_INT(set(2, 1, 0), -EINVAL);
	CHECK_INT(set(0, 3, 2), -EINVAL);
	CHECK_INT(set(3, 0, 2), -EINVAL);
	CHECK_INT(set(1, 2, 3), 0);
	CHECK_INT(vm_object_get_limits(object, &limits), 0);
	CHECK_INT(limits.min_pages, 1);
	CHECK_INT(limits.low_pages, 2);
	CHECK_INT(limits.high_pages, 3);
	limits.wired_max = 7;
	CHECK_INT(vm_object_set_limits(object, &limits), 0);
	CHECK_INT(object->wired_max, 7);
	limits.size_bytes = 1;
	CHECK_INT(vm_object_set_limits(object, &limits), -EINVAL);
	CHECK_INT(vm_object_get_limits(object, &limits), -EINVAL);
	CHECK_INT(vm_object_set_limits(object, NULL), -EINVAL);
	CHECK_INT(vm_object_get_limits(object, NULL), -EINVAL);
	tear_down();
}

TEST(half_of_the_limit_can_be_kept_in_all)
{
	struct vm_object_limits limits = VM_OBJECT_LIMITS_INIT;

	set_up();
	CHECK_INT(set(CORE_LIMIT_PAGES / 2 + 1, 0, 0), -ENOMEM);
	CHECK_INT(set(UINT64_MAX, 0, 0), -ENOMEM);
	CHECK_INT(vm->kept, 0);
	CHECK_INT(set(CORE_LIMIT_PAGES / 2 - 4, 0, 0), 0);
	limits.min_pages = 5;
	CHECK_INT(vm_object_set_limits(other, &limits), -ENOMEM);
	limits.min_pages = 4;
	CHECK_INT(vm_object_set_limits(other, &limits), 0);
	CHECK_INT(vm->kept, CORE_LIMIT_PAGES / 2);
	CHECK_INT(set(3, 0, 0), 0);
	CHECK_INT(vm->kept, 7);
	tear_down();		/* the other's go with it */
}

TEST(the_limit_does_not_fall_below_twice_what_is_kept)
{
	set_up();
	CHECK_INT(set(20, 0, 0), 0);
	CHECK_INT(vm_set_limit(vm, 39 * PAGE, NULL), -EINVAL);
	CHECK_INT(vm_set_limit(vm, 40 * PAGE, NULL), 0);
	CHECK_INT(set(0, 0, 0), 0);
	CHECK_INT(vm_set_limit(vm, 20 * PAGE, NULL), 0);
	tear_down();
}

TEST(no_more_pages_are_wired_than_the_object_may)
{
	struct vm_object_limits limits = VM_OBJECT_LIMITS_INIT;

	set_up();
	limits.wired_max = 2;
	CHECK_INT(vm_object_set_limits(object, &limits), 0);
	CHECK_INT(vm_object_wire(object, 0, 2 * PAGE), 0);
	CHECK_INT(vm_object_wire(object, 0, PAGE), 0);	/* the same page */
	CHECK_INT(vm_object_wire(object, 5 * PAGE, PAGE), -ENOMEM);
	CHECK_STR(vm_last_error(), "wire: the object's maximum of 2 pages is "
	    "wired");
	CHECK_INT(object->wired, 2);
	CHECK_INT(vm->wired, 2);
	CHECK_INT(vm_object_wire(other, 0, 4 * PAGE), 0);
	CHECK_INT(vm_object_unwire(other, 0, 4 * PAGE), 0);
	CHECK_INT(vm_object_unwire(object, 0, PAGE), 0);
	CHECK_INT(vm_object_unwire(object, 0, 2 * PAGE), 0);
	CHECK_INT(vm_object_wire(object, 5 * PAGE, 2 * PAGE), 0);
	CHECK_INT(vm_object_unwire(object, 5 * PAGE, 2 * PAGE), 0);
	tear_down();
}
