/* SPDX-License-Identifier: BSD-2-Clause */
/* Helping the policy, through the public calls. */
#include <resident/order.h>

#include "audit.h"
#include "object/object.h"
#include "one_object.h"

static void
create(const char *policy)
{
	struct vm_options o = VM_OPTIONS_INIT;

	faulty_reset();
	core_new_file();
	o.resident_max_bytes = CORE_LIMIT_PAGES * PAGE;
	o.policy = policy;
	CHECK_INT(vm_create_on(&o, &faulty_os, &pmap_nobody, &vm), 0);
	CHECK_INT(vm_object_create_file(vm, core_fd, 0, VM_LENGTH_ALL,
	    VM_OBJECT_WRITABLE, &object), 0);
	CHECK_INT(vm_object_advise(object, VM_ADVICE_RANDOM), 0);
}

static void
check_queue(uint64_t pindex, const char *name)
{
	struct vm_page *page = core_grab(pindex, VM_GRAB_READ);

	CHECK_STR(vm_page_queue_name(page), name);
	vm_page_release(page);
}

TEST(pages_are_where_their_user_wants_them)
{
	struct vm_page *page;

	create("freebsd");
	page = core_grab(3, VM_GRAB_READ);
	CHECK_STR(vm_page_queue_name(page), "active");
	CHECK_INT(vm_page_act_count(page), 5);
	vm_page_deactivate(page, VM_AT_TAIL);
	CHECK_STR(vm_page_queue_name(page), "inactive");
	vm_page_deactivate(page, VM_AT_HEAD);
	CHECK_STR(vm_page_queue_name(page), "inactive");
	vm_page_activate(page);
	CHECK_STR(vm_page_queue_name(page), "active");
	CHECK_DIES(vm_page_deactivate(page, 2));
	vm_page_release(page);
	audit(vm);
	core_tear_down();
}

TEST(head_goes_before_tail)
{
	struct vm_page *page[2], *victim;

	create("freebsd");
	page[0] = core_grab(3, VM_GRAB_READ);
	page[1] = core_grab(4, VM_GRAB_READ);
	vm_page_deactivate(page[0], VM_AT_TAIL);
	vm_page_deactivate(page[1], VM_AT_HEAD);
	CHECK_INT(vm_queue_victims(&vm->queue, &victim, 1), 1);
	CHECK(victim == page[1]);
	vm_page_release(page[0]);
	vm_page_release(page[1]);
	core_tear_down();
}

/* Each policy has the calls, and every list has a name. */
TEST(every_policy_takes_the_advice)
{
	for (const char *const *name = vm_policy_names(); *name != NULL;
	    name++) {
		struct vm_page *page;

		create(*name);
		page = core_grab(3, VM_GRAB_WRITE);
		vm_page_deactivate(page, VM_AT_TAIL);
		vm_page_deactivate(page, VM_AT_HEAD);
		vm_page_activate(page);
		vm_page_dontneed(page);
		CHECK(vm_page_act_count(page) <= 64);
		CHECK(strcmp(vm_page_queue_name(page), "none") != 0);
		CHECK_INT(vm_page_cache(page), 1);
		CHECK_STR(vm_page_queue_name(page), "cached");
		CHECK_INT(vm_page_act_count(page), 0);
		vm_page_activate(page);
		CHECK(strcmp(vm_page_queue_name(page), "cached") != 0);
		vm_page_release(page);
		audit(vm);
		core_tear_down();
	}
}

TEST(wired_and_unmanaged_pages_stay_off_the_queues)
{
	struct vm_page *page;

	create("freebsd");
	CHECK_INT(vm_object_wire(object, 3 * PAGE, PAGE), 0);
	page = core_grab(3, VM_GRAB_WRITE);
	CHECK_STR(vm_page_queue_name(page), "none");
	vm_page_activate(page);
	vm_page_deactivate(page, VM_AT_HEAD);
	vm_page_dontneed(page);
	CHECK_INT(vm_page_cache(page), 0);
	CHECK_STR(vm_page_queue_name(page), "none");
	vm_page_release(page);
	audit(vm);
	CHECK_INT(vm_object_unwire(object, 3 * PAGE, PAGE), 0);
	page = core_grab(3, VM_GRAB_WRITE);
	CHECK(strcmp(vm_page_queue_name(page), "none") != 0);
	vm_page_unmanage(page);
	CHECK_STR(vm_page_queue_name(page), "none");
	vm_page_activate(page);
	CHECK_STR(vm_page_queue_name(page), "none");
	vm_page_release(page);
	audit(vm);
	core_tear_down();
}

/* The object counts, so two objects do not disturb each other. */
TEST(of_512_pages_not_needed_16_stay_48_go_late_and_448_at_once)
{
	unsigned stay = 0, tail = 0, head = 0;
	struct vm_page *page, *other, *victim;

	create("freebsd");
	page = core_grab(3, VM_GRAB_READ);
	other = core_grab(4, VM_GRAB_READ);
	for (unsigned i = 0; i < 512; i++) {
		vm_page_activate(page);
		vm_page_activate(other);
		vm_page_deactivate(other, VM_AT_TAIL);
		vm_page_dontneed(page);
		if (strcmp(vm_page_queue_name(page), "active") == 0) {
			CHECK_INT(vm_page_act_count(page), 4);
			stay++;
			continue;
		}
		CHECK_INT(vm_queue_victims(&vm->queue, &victim, 1), 1);
		head += victim == page;
		tail += victim == other;
	}
	CHECK_INT(stay, 16);
	CHECK_INT(tail, 48);
	CHECK_INT(head, 448);
	CHECK_INT(atomic_load(&object->dontneed), 512);
	vm_page_release(page);
	vm_page_release(other);
	core_tear_down();
}

TEST(a_cached_page_is_found_and_a_use_brings_it_back)
{
	struct vm_page *page;

	create("freebsd");
	page = core_grab(3, VM_GRAB_WRITE);
	CHECK_INT(vm_page_cache(page), 1);
	vm_page_release(page);
	CHECK_INT(atomic_load(&vm->limit.cached), 1);
	CHECK_INT(core_get(3, 0), 3);
	CHECK_INT(vm_page_try_to_cache(object, 3), 1);
	CHECK_INT(atomic_load(&vm->limit.cached), 1);
	check_queue(3, "active");	/* grabbed: it is cached no more */
	CHECK_INT(atomic_load(&vm->limit.cached), 0);
	core_tear_down();
}

TEST(pages_are_freed_when_nobody_is_in_them)
{
	struct vm_page *page;

	create("lru");
	CHECK_INT(vm_page_try_to_free(object, 3), 0);
	page = core_grab(3, VM_GRAB_READ);
	CHECK_INT(vm_page_try_to_free(object, 3), 0);
	CHECK_INT(vm_page_try_to_cache(object, 3), 0);
	vm_page_release(page);
	CHECK_INT(vm_page_try_to_free(object, 3), 1);
	CHECK(!core_resident(3));
	CHECK_INT(vm_page_try_to_free(object, UINT64_MAX), 0);
	CHECK_INT(vm_page_try_to_cache(object, UINT64_MAX), 0);
	audit(vm);
	core_tear_down();
}

TEST(a_page_that_nobody_holds_dies)
{
	struct vm_page *page;

	create("freebsd");
	page = core_grab(3, VM_GRAB_READ);
	CHECK_DIES((void)vm_page_cache(page));		/* shared */
	vm_page_release(page);
	CHECK_DIES(vm_page_activate(page));
	CHECK_DIES(vm_page_deactivate(page, VM_AT_TAIL));
	CHECK_DIES(vm_page_dontneed(page));
	CHECK_DIES((void)vm_page_cache(page));
	CHECK_DIES((void)vm_page_act_count(page));
	CHECK_DIES((void)vm_page_queue_name(page));
	core_tear_down();
}

TEST(switches_are_on_and_can_be_turned)
{
	create("freebsd");
	for (int knob = 0; knob < 2; knob++) {
		CHECK_INT(vm_knob_get(vm, (enum vm_knob)knob), 1);
		CHECK_INT(vm_knob_set(vm, (enum vm_knob)knob, 0), 0);
		CHECK_INT(vm_knob_get(vm, (enum vm_knob)knob), 0);
		CHECK_INT(vm_knob_set(vm, (enum vm_knob)knob, 7), 0);
		CHECK_INT(vm_knob_get(vm, (enum vm_knob)knob), 1);
	}
	CHECK_INT(vm_knob_get(vm, (enum vm_knob)2), -EINVAL);
	CHECK_INT(vm_knob_set(vm, (enum vm_knob)2, 1), -EINVAL);
	CHECK(strstr(vm_last_error(), "number 2") != NULL);
	core_tear_down();
}

/* Mach's vm_page_deactivate_behind, on and off. */
TEST(pages_behind_a_sequence_become_inactive_while_the_switch_is_on)
{
	create("freebsd");
	vm_object_set_behind(object, 1);
	for (uint64_t i = 0; i < 4; i++)
		CHECK_INT(core_get(i, 0), i);
	for (uint64_t i = 0; i < 4; i++)
		check_queue(i, i < 3 ? "inactive" : "active");
	CHECK_INT(vm_knob_set(vm, VM_KNOB_DEACTIVATE_BEHIND, 0), 0);
	for (uint64_t i = 10; i < 14; i++)
		CHECK_INT(core_get(i, 0), i);
	for (uint64_t i = 10; i < 14; i++)
		check_queue(i, "active");
	core_tear_down();
}

TEST(a_clean_hint_moves_clean_pages_while_the_switch_is_on)
{
	create("freebsd");
	CHECK_INT(core_get(3, 0), 3);
	CHECK_INT(vm_knob_set(vm, VM_KNOB_DEACTIVATE_HINT, 0), 0);
	CHECK_INT(vm_object_clean_hint(object, 0, VM_LENGTH_ALL), 0);
	check_queue(3, "active");
	CHECK_INT(vm_knob_set(vm, VM_KNOB_DEACTIVATE_HINT, 1), 0);
	CHECK_INT(vm_object_clean_hint(object, 0, VM_LENGTH_ALL), 0);
	check_queue(3, "inactive");
	CHECK_INT(vm_object_clean_hint(object, 2, UINT64_MAX - 1), -EINVAL);
	core_tear_down();
}
