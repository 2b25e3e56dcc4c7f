/* SPDX-License-Identifier: BSD-2-Clause */
/* Policies for some objects, at the queues. */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "check.h"
#include "os/os.h"
#include "page/slot.h"
#include "queue/queue_private.h"

enum { PAGES = 100, OBJECTS = 3 };

static struct vm_queue queue;
static struct vm_page pages[PAGES];
static struct vm_slot slots[PAGES];
static struct vm_page *all[PAGES];
static struct vm_os os;
static int blocks;		/* that were not given back */
static int left;		/* allocations until one fails; < 0: none */
/* Objects are what their address is: the queues look into none. */
static char object[OBJECTS];
static _Atomic uint8_t part[OBJECTS];
static _Atomic uint64_t resident[OBJECTS];

static void *
count_alloc(size_t bytes)
{
	if (left-- == 0)
		return NULL;
	blocks++;
	return vm_os_linux.alloc(bytes);
}

static void
count_free(void *memory)
{
	if (memory != NULL)
		blocks--;
	vm_os_linux.free(memory);
}

static struct vm_object *
object_at(unsigned i)
{
	return (struct vm_object *)(void *)&object[i];
}

static unsigned
part_of(const struct vm_page *page)
{
	return part[(char *)page->object - object];
}

static void
no_count(struct vm_queue *of, int change)
{
	(void)of;
	(void)change;
}

static bool
not_external(const struct vm_page *page)
{
	(void)page;
	return false;
}

static const struct vm_queue_hooks hooks = { .part = part_of,
	.external = not_external, .cached = no_count };

static const struct vm_policy_ops *
find(const char *name)
{
	const struct vm_policy_ops *ops = vm_policy_find(name);

	CHECK(ops != NULL);
	return ops;
}

/* Page i is object i % OBJECTS's. */
static void
setup(const char *policy)
{
	os = vm_os_linux;
	os.alloc = count_alloc;
	os.free = count_free;
	blocks = 0;
	left = -1;
	memset(pages, 0, sizeof(pages));
	memset(slots, 0, sizeof(slots));
	CHECK_INT(vm_queue_init(&queue, &os, find(policy), PAGES, NULL), 0);
	vm_queue_show(&queue, pages);
	vm_queue_connect(&queue, &hooks);
	for (uint32_t i = 0; i < PAGES; i++) {
		uint32_t was;

		pages[i].number = i;
		pages[i].object = object_at(i % OBJECTS);
		pages[i].pindex = i;
		pages[i].slot = &slots[i];
		all[i] = &pages[i];
		CHECK(vm_slot_try_excl(&slots[i], &was));
		vm_slot_release_excl(&slots[i], i + 1);
	}
	for (unsigned i = 0; i < OBJECTS; i++) {
		part[i] = 0;
		resident[i] = PAGES / OBJECTS + (i < PAGES % OBJECTS);
	}
}

/* 0, or an error, and the object has that policy; NULL: the system's. */
static int
choose(unsigned i, const char *name)
{
	const struct vm_queue_member member = { .object = object_at(i),
		.part = &part[i], .resident = &resident[i] };
	int to = name == NULL ? 0 : vm_queue_part_get(&queue, find(name));
	unsigned before;

	if (to < 0)
		return to;
	before = vm_queue_adopt(&queue, &member, (unsigned)to);
	if (before != 0)
		vm_queue_part_put(&queue, before);
	return 0;
}

static void
teardown(void)
{
	vm_queue_remove(&queue, all, PAGES, VM_LEAVE_FREED);
	for (unsigned i = 0; i < OBJECTS; i++)
		CHECK_INT(choose(i, NULL), 0);
	vm_queue_fini(&queue);
	CHECK_INT(blocks, 0);
}

static void
check_part(unsigned i, const char *policy, unsigned count, unsigned objects)
{
	struct vm_queue_part now;

	CHECK(vm_queue_part(&queue, i, &now));
	CHECK(policy == NULL ? now.policy == NULL :
	    strcmp(now.policy, policy) == 0);
	CHECK_INT(now.pages, count);
	CHECK_INT(now.objects, objects);
}

TEST(without_a_choice_all_is_the_systems)
{
	struct vm_queue_part now;

	setup("lru");
	vm_queue_add(&queue, all, PAGES);
	check_part(0, "lru", PAGES, 0);
	check_part(1, NULL, 0, 0);
	CHECK(!vm_queue_part(&queue, VM_PARTS_MAX, &now));
	CHECK(vm_queue_list_policy(&queue, 0) == NULL);
	teardown();
}

TEST(an_objects_pages_go_over)
{
	setup("lru");
	vm_queue_add(&queue, all, PAGES);
	CHECK_INT(choose(1, "fifo"), 0);
	check_part(0, "lru", 67, 0);
	check_part(1, "fifo", 33, 1);
	CHECK_STR(vm_queue_name(&queue, &pages[1]), "line");
	CHECK_STR(vm_queue_policy(&queue)->name, "lru");
	CHECK_INT(vm_queue_count(&queue), PAGES);
	for (unsigned i = 0; i < PAGES; i++)
		CHECK_INT(pages[i].list != 0, true);
	/* And back. */
	CHECK_INT(choose(1, NULL), 0);
	check_part(0, "lru", PAGES, 0);
	check_part(1, NULL, 0, 0);
	teardown();
}

TEST(pages_that_come_later_come_to_the_objects_policy)
{
	setup("lru");
	CHECK_INT(choose(1, "fifo"), 0);
	vm_queue_add(&queue, all, PAGES);
	check_part(0, "lru", 67, 0);
	check_part(1, "fifo", 33, 1);
	teardown();
}

TEST(objects_with_the_same_policy_share_it)
{
	setup("lru");
	vm_queue_add(&queue, all, PAGES);
	CHECK_INT(choose(0, "fifo"), 0);
	CHECK_INT(choose(1, "fifo"), 0);
	CHECK_INT(choose(1, "fifo"), 0);
	check_part(1, "fifo", 67, 2);
	CHECK_INT(choose(0, NULL), 0);
	check_part(1, "fifo", 33, 1);
	teardown();
}

TEST(the_same_policy_as_the_systems_is_a_part_too)
{
	setup("lru");
	vm_queue_add(&queue, all, PAGES);
	CHECK_INT(choose(2, "lru"), 0);
	check_part(0, "lru", 67, 0);
	check_part(1, "lru", 33, 1);
	teardown();
}

TEST(pages_on_no_queue_and_cached_ones_stay_where_they_are)
{
	setup("lru");
	atomic_store(&pages[1].wires, 1);
	vm_queue_add(&queue, all, PAGES);
	CHECK(vm_queue_cache(&queue, &pages[4]));
	CHECK_INT(choose(1, "fifo"), 0);
	CHECK_INT(pages[1].list, 0);
	CHECK_STR(vm_queue_name(&queue, &pages[4]), "cached");
	check_part(1, "fifo", 31, 1);
	/* Back in use it is the object's policy's. */
	vm_queue_activate(&queue, &pages[4]);
	check_part(1, "fifo", 32, 1);
	teardown();
}

TEST(marks_stay_and_pages_fetched_ahead_are_so_still)
{
	setup("fifo");
	vm_queue_add(&queue, all, PAGES);
	CHECK_INT(vm_queue_change(&queue, find("lru")), 0);
	vm_queue_remove(&queue, all, 10, VM_LEAVE_FREED);
	for (unsigned i = 0; i < 10; i++)
		atomic_fetch_or(&pages[i].flags, VM_PGA_SPECULATIVE);
	vm_queue_add(&queue, all, 10);
	vm_slot_mark(&slots[4]);
	CHECK_STR(vm_queue_name(&queue, &pages[7]), "ahead");
	CHECK_INT(choose(1, "sieve"), 0);
	CHECK(vm_slot_referenced(&slots[4]));
	CHECK_STR(vm_queue_name(&queue, &pages[7]), "ahead");
	CHECK(strcmp(vm_queue_name(&queue, &pages[13]), "ahead") != 0);
	teardown();
}

TEST(lists_are_told_by_their_policies)
{
	const char *name;
	uint32_t count, sum = 0;
	unsigned i = 0;

	setup("lru");
	vm_queue_add(&queue, all, PAGES);
	CHECK(vm_queue_cache(&queue, &pages[0]));
	CHECK_INT(choose(1, "fifo"), 0);
	for (; vm_queue_list(&queue, i, &name, &count); i++) {
		const char *policy = vm_queue_list_policy(&queue, i);

		CHECK((policy == NULL) == (strcmp(name, "cached") == 0));
		if (policy != NULL && strcmp(policy, "fifo") == 0)
			CHECK_STR(name, "line");
		sum += count;
	}
	CHECK_INT(sum, PAGES);
	CHECK_STR(name, "cached");
	teardown();
}

TEST(the_systems_policy_changes_and_the_others_stay)
{
	setup("lru");
	vm_queue_add(&queue, all, PAGES);
	CHECK_INT(choose(1, "fifo"), 0);
	for (unsigned i = 0; vm_policies[i] != NULL; i++) {
		CHECK_INT(vm_queue_change(&queue, vm_policies[i]), 0);
		check_part(0, vm_policies[i]->name, 67, 0);
		check_part(1, "fifo", 33, 1);
		CHECK(vm_queue_policy(&queue) == vm_policies[i]);
	}
	teardown();
}

/* All that victims do not offer are pages with wires. */
/* A page comes and goes: so much of the walk to the next victims. */
static void
walk(struct vm_page *page, unsigned steps)
{
	for (unsigned i = 0; i < steps; i++) {
		vm_queue_remove(&queue, &page, 1, VM_LEAVE_FREED);
		vm_queue_add(&queue, &page, 1);
	}
}

/* Its lines have the same tags, and the walk may be at one of its pages, or
 * where the line ends, which goes with the system's policy. */
static void
part_and_change(const char *policy, unsigned before, unsigned after)
{
	setup("fifo");	/* the first one is never freed */
	CHECK_INT(vm_queue_change(&queue, find(policy)), 0);
	CHECK_INT(choose(0, policy), 0);
	CHECK_INT(choose(1, policy), 0);
	vm_queue_add(&queue, all, PAGES);
	walk(&pages[1], before);
	CHECK_INT(choose(0, NULL), 0);
	walk(&pages[1], after);
	CHECK_INT(vm_queue_change(&queue, find("fifo")), 0);
	walk(&pages[1], 1);
	teardown();
}

TEST(a_part_looks_into_no_line_of_the_systems_policy)
{
	for (unsigned before = 1; before < 40; before++)
		for (unsigned after = 0; after < 40; after++) {
			part_and_change("s3fifo", before, after);
			part_and_change("alirs", before, after);
		}
}

TEST(pages_that_are_being_wired_change_with_the_others)
{
	setup("lru");
	vm_queue_add(&queue, all, PAGES);
	CHECK_INT(choose(1, "fifo"), 0);
	for (unsigned i = 0; i < PAGES; i++)
		atomic_store(&pages[i].wires, 1);
	CHECK_INT(vm_queue_change(&queue, find("sieve")), 0);
	check_part(0, "sieve", 67, 0);
	check_part(1, "fifo", 33, 1);
	teardown();
}

TEST(five_policies_are_too_many)
{
	setup("lru");
	vm_queue_add(&queue, all, PAGES);
	CHECK_INT(choose(0, "fifo"), 0);
	CHECK_INT(choose(1, "sieve"), 0);
	CHECK_INT(choose(2, "clock2"), 0);
	CHECK_INT(vm_queue_part_get(&queue, find("s3fifo")), -ENOSPC);
	CHECK(strstr(vm_error_text(), "policy s3fifo: 4 policies") != NULL);
	/* One that goes makes room. */
	CHECK_INT(choose(2, NULL), 0);
	CHECK_INT(choose(2, "s3fifo"), 0);
	check_part(3, "s3fifo", 33, 1);
	teardown();
}

/* lirs has 32 bytes a page: two of it are above 40. */
TEST(what_all_remember_is_within_a_hundredth_of_memory)
{
	static struct vm_queue large;
	const struct vm_policy_ops *lirs = find("lirs");

	setup("lru");
	CHECK_INT(vm_queue_init(&large, &os, lirs, 100000, NULL), 0);
	vm_queue_connect(&large, &hooks);
	CHECK_INT(vm_queue_part_get(&large, lirs), -ENOSPC);
	CHECK(large.split == NULL);
	CHECK_INT(vm_queue_part_get(&large, find("fifo")), 1);
	vm_queue_part_put(&large, 1);
	vm_queue_fini(&large);
	teardown();
}

TEST(without_memory_nothing_changes)
{
	setup("lru");
	vm_queue_add(&queue, all, PAGES);
	for (int i = 0; i < 4; i++) {
		int before = blocks;

		left = i;
		CHECK_INT(choose(1, "fifo"), -ENOMEM);
		CHECK_INT(blocks, before);
		CHECK(queue.split == NULL && part[1] == 0);
	}
	left = -1;
	CHECK_INT(choose(1, "fifo"), 0);
	for (int i = 0; i < 4; i++) {
		left = i;
		CHECK_INT(choose(2, "sieve"), -ENOMEM);
		check_part(2, NULL, 0, 0);
	}
	left = -1;
	teardown();
}

TEST(a_part_is_not_left_by_more_than_came)
{
	setup("lru");
	CHECK_DIES(vm_queue_part_put(&queue, 1));
	CHECK_INT(choose(1, "fifo"), 0);
	CHECK_DIES(vm_queue_part_put(&queue, 0));
	CHECK_DIES(vm_queue_part_put(&queue, 2));
	teardown();
}

TEST(what_is_expected_is_said_to_all_parts)
{
	setup("lru");
	CHECK_INT(choose(1, "alirs"), 0);
	vm_queue_expect(&queue, object_at(1), 7);
	teardown();
}
