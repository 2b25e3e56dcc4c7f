/* SPDX-License-Identifier: BSD-2-Clause */
/* Objects with a policy of their own. */
#include "object/part.h"

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
	audit(vm);
	CHECK_INT(vm_object_destroy(other), 0);
	core_tear_down();
}

static void
use_other(uint64_t first, uint64_t end)
{
	for (uint64_t i = first; i < end; i++) {
		struct vm_page *page;

		CHECK_INT(vm_page_grab(other, i, VM_GRAB_READ, &page), 0);
		vm_page_release(page);
	}
}

static struct vm_partition
part(unsigned i)
{
	struct vm_partition out = VM_PARTITION_INIT;

	CHECK_INT(vm_partition_stat(vm, i, &out), 0);
	return out;
}

TEST(an_object_has_the_systems_policy_until_it_chooses)
{
	set_up();
	CHECK_STR(vm_object_policy(object), vm_policy_name(vm));
	CHECK_INT(vm_object_set_policy(object, "sieve"), 0);
	CHECK_STR(vm_object_policy(object), "sieve");
	CHECK_STR(vm_object_policy(other), vm_policy_name(vm));
	CHECK_INT(vm_set_policy(vm, "lru"), 0);
	CHECK_STR(vm_object_policy(object), "sieve");
	CHECK_STR(vm_object_policy(other), "lru");
	CHECK_INT(vm_object_set_policy(object, NULL), 0);
	CHECK_STR(vm_object_policy(object), "lru");
	tear_down();
}

TEST(its_pages_go_with_it)
{
	set_up();
	use_other(0, 20);
	CHECK_INT(core_get(3, 0), 3);
	CHECK_INT(part(0).pages, other->resident + object->resident);
	CHECK_INT(vm_object_set_policy(other, "fifo"), 0);
	CHECK_INT(part(0).pages, object->resident);
	CHECK_INT(part(1).pages, other->resident);
	CHECK_INT(part(1).objects, 1);
	CHECK_STR(part(1).policy, "fifo");
	audit(vm);
	use_other(20, OTHER_PAGES);
	audit(vm);
	CHECK_INT(part(1).pages, other->resident);
	tear_down();
}

TEST(a_part_ends_with_its_last_object)
{
	struct vm_partition out = VM_PARTITION_INIT;
	struct vm_object *third;

	set_up();
	CHECK_INT(vm_object_create_anon(vm, PAGE, 0, &third), 0);
	CHECK_INT(vm_object_set_policy(other, "fifo"), 0);
	CHECK_INT(vm_object_set_policy(third, "fifo"), 0);
	CHECK_INT(part(1).objects, 2);
	CHECK_INT(vm_object_destroy(third), 0);
	CHECK_INT(part(1).objects, 1);
	CHECK_INT(vm_object_set_policy(other, NULL), 0);
	CHECK_INT(vm_partition_stat(vm, 1, &out), -ENOENT);
	CHECK_INT(part(0).share_pages, CORE_LIMIT_PAGES);
	tear_down();
}

TEST(what_is_wrong_is_refused)
{
	struct vm_partition out = { .size_bytes = 1 };

	set_up();
	CHECK_INT(vm_object_set_policy(object, "best"), -EINVAL);
	CHECK_STR(vm_last_error(), "policy: there is none named \"best\"");
	CHECK_INT(vm_partition_stat(vm, 0, &out), -EINVAL);
	CHECK_INT(vm_partition_stat(vm, 0, NULL), -EINVAL);
	tear_down();
}

TEST(without_memory_an_object_stays_where_it_is)
{
	set_up();
	use_other(0, 20);
	for (int i = 1; i <= 4; i++) {
		atomic_store(&faulty.calls, 0);
		atomic_store(&faulty.fail_at, (unsigned)i);
		CHECK_INT(vm_object_set_policy(other, "fifo"), -ENOMEM);
		CHECK_STR(vm_object_policy(other), vm_policy_name(vm));
		atomic_store(&faulty.fail_at, 0);
		audit(vm);
	}
	CHECK_INT(vm_object_set_policy(other, "fifo"), 0);
	tear_down();
}

/* One goes through all of its pages in turns, the other uses a few. */
TEST(who_has_use_for_more_gets_more)
{
	set_up();
	CHECK_INT(vm_object_set_policy(object, "lru"), 0);
	CHECK_INT(vm_object_advise(object, VM_ADVICE_RANDOM), 0);
	for (unsigned round = 0; round < 400; round++) {
		use_other(round % 300, round % 300 + 1);
		for (uint64_t i = 0; i < 40; i++)
			CHECK_INT(core_get(i, 0), i);
	}
	CHECK(part(1).share_pages > CORE_LIMIT_PAGES / 2);
	CHECK(object->resident >= 40);
	tear_down();
}

TEST(memory_that_one_does_not_use_is_the_others)
{
	set_up();
	CHECK_INT(vm_object_set_policy(object, "lru"), 0);
	CHECK_INT(core_get(3, 0), 3);
	use_other(0, 100);
	CHECK(other->resident > CORE_LIMIT_PAGES / 2);
	tear_down();
}

TEST(queues_are_printed_with_their_policies)
{
	char text[8192];

	set_up();
	CHECK(vm_queue_print(vm, VM_FORMAT_TEXT, text, sizeof(text)) > 0);
	CHECK(strstr(text, "fifo line: ") == NULL);
	use_other(0, 5);
	CHECK_INT(vm_object_set_policy(other, "fifo"), 0);
	CHECK(vm_queue_print(vm, VM_FORMAT_TEXT, text, sizeof(text)) > 0);
	CHECK(strstr(text, "fifo line: 5\n") != NULL);
	CHECK(strstr(text, "alirs cold: ") != NULL);
	tear_down();
}
