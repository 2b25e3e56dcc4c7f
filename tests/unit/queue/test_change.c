/* SPDX-License-Identifier: BSD-2-Clause */
/* Another policy, at run time. */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "check.h"
#include "os/os.h"
#include "page/slot.h"
#include "queue/queue_private.h"

enum { PAGES = 100 };

static struct vm_queue queue;
static struct vm_page pages[PAGES];
static struct vm_slot slots[PAGES];
static struct vm_page *all[PAGES];
static struct vm_os os;
static int states;		/* that were not given back */

static void *
count_alloc(size_t bytes)
{
	states++;
	return vm_os_linux.alloc(bytes);
}

static void
count_free(void *memory)
{
	states--;
	vm_os_linux.free(memory);
}

static void *
no_alloc(size_t bytes)
{
	(void)bytes;
	return NULL;
}

static const struct vm_policy_ops *
find(const char *name)
{
	const struct vm_policy_ops *ops = vm_policy_find(name);

	CHECK(ops != NULL);
	return ops;
}

static void
setup(const char *policy)
{
	os = vm_os_linux;
	os.alloc = count_alloc;
	os.free = count_free;
	states = 0;
	memset(pages, 0, sizeof(pages));
	memset(slots, 0, sizeof(slots));
	CHECK_INT(vm_queue_init(&queue, &os, find(policy), PAGES, NULL), 0);
	vm_queue_show(&queue, pages);
	for (uint32_t i = 0; i < PAGES; i++) {
		uint32_t was;

		pages[i].number = i;
		pages[i].pindex = i;
		pages[i].slot = &slots[i];
		all[i] = &pages[i];
		CHECK(vm_slot_try_excl(&slots[i], &was));
		vm_slot_release_excl(&slots[i], i + 1);
	}
}

static void
teardown(void)
{
	vm_queue_remove(&queue, all, PAGES, VM_LEAVE_FREED);
	vm_queue_fini(&queue);
	CHECK_INT(states, 0);
}

/* All pages out, by the policy, and how many there were. */
static unsigned
drain(unsigned *order)
{
	struct vm_page *page;
	unsigned n = 0;

	while (vm_queue_victims(&queue, &page, 1) == 1) {
		order[n++] = page->number;
		vm_queue_remove(&queue, &page, 1, VM_LEAVE_EVICTED);
	}
	return n;
}

TEST(between_any_two_policies_no_page_is_lost_and_no_mark)
{
	for (unsigned i = 0; vm_policies[i] != NULL; i++)
		for (unsigned j = 0; vm_policies[j] != NULL; j++) {
			setup(vm_policies[i]->name);
			vm_queue_add(&queue, all, PAGES);
			for (unsigned n = 0; n < PAGES; n += 3)
				vm_slot_mark(&slots[n]);
			CHECK_INT(vm_queue_change(&queue, vm_policies[j]), 0);
			CHECK(vm_queue_policy(&queue) == vm_policies[j]);
			CHECK_INT(vm_queue_count(&queue), PAGES);
			for (unsigned n = 0; n < PAGES; n++) {
				CHECK(pages[n].list != 0);
				CHECK_INT(vm_slot_referenced(&slots[n]),
				    n % 3 == 0);
			}
			teardown();
		}
}

TEST(what_would_have_gone_first_goes_first)
{
	unsigned order[PAGES];

	setup("lru");
	vm_queue_add(&queue, all, PAGES);
	for (unsigned i = 0; i < 50; i++)
		vm_queue_activate(&queue, &pages[i]);
	CHECK_INT(vm_queue_change(&queue, find("fifo")), 0);
	CHECK_INT(drain(order), PAGES);
	for (unsigned i = 0; i < PAGES; i++)
		CHECK_INT(order[i], (i + 50) % PAGES);
	teardown();
}

TEST(pages_fetched_ahead_stay_so_unless_they_were_used)
{
	unsigned order[PAGES];

	setup("lru");
	for (unsigned i = 50; i < 60; i++)
		pages[i].flags = VM_PGA_SPECULATIVE;
	vm_queue_add(&queue, all, PAGES);
	vm_queue_activate(&queue, &pages[55]);
	CHECK_STR(vm_queue_name(&queue, &pages[54]), "ahead");
	CHECK_INT(vm_queue_change(&queue, find("s3fifo")), 0);
	for (unsigned i = 50; i < 60; i++)
		CHECK_INT(strcmp(vm_queue_name(&queue, &pages[i]), "ahead")
		    == 0, i != 55);
	CHECK_INT(drain(order), PAGES);
	teardown();
}

TEST(a_page_that_is_being_wired_is_handed_over_too)
{
	setup("clock2");
	vm_queue_add(&queue, all, PAGES);
	atomic_store(&pages[7].wires, 1);
	CHECK_INT(vm_queue_change(&queue, find("alirs")), 0);
	CHECK_INT(vm_queue_count(&queue), PAGES);
	vm_queue_wired(&queue, &pages[7]);
	CHECK_INT(vm_queue_count(&queue), PAGES - 1);
	atomic_store(&pages[7].wires, 0);
	teardown();
}

TEST(cached_pages_stay_cached)
{
	setup("alirs");
	vm_queue_add(&queue, all, PAGES);
	for (unsigned i = 0; i < 5; i++)
		CHECK(vm_queue_cache(&queue, &pages[i]));
	CHECK_INT(vm_queue_change(&queue, find("sieve")), 0);
	CHECK_INT(vm_queue_cached(&queue), 5);
	CHECK_INT(vm_queue_count(&queue), PAGES);
	vm_queue_activate(&queue, &pages[0]);
	CHECK_INT(vm_queue_cached(&queue), 4);
	teardown();
}

TEST(an_empty_queue_changes_too_and_as_often_as_one_likes)
{
	setup("alirs");
	for (unsigned round = 0; round < 3; round++)
		for (unsigned i = 0; vm_policies[i] != NULL; i++) {
			CHECK_INT(vm_queue_change(&queue, vm_policies[i]), 0);
			CHECK_INT(states, 2);	/* the first, and this one */
		}
	vm_queue_add(&queue, all, PAGES);
	teardown();
}

TEST(counts_of_activity_go_over)
{
	struct vm_act act = { .initial = 9 };

	setup("lru");
	vm_queue_fini(&queue);
	CHECK_INT(vm_queue_init(&queue, &os, find("lru"), PAGES, &act), 0);
	vm_queue_show(&queue, pages);
	vm_queue_add(&queue, all, PAGES);
	CHECK_INT(vm_queue_change(&queue, find("freebsd")), 0);
	CHECK_INT(vm_queue_activity(&queue, &pages[3]), 9);
	teardown();
}

TEST(without_memory_the_policy_stays)
{
	setup("lru");
	vm_queue_add(&queue, all, PAGES);
	os.alloc = no_alloc;
	CHECK_INT(vm_queue_change(&queue, find("fifo")), -ENOMEM);
	CHECK(strstr(vm_error_text(), "policy fifo: no memory for") != NULL);
	CHECK(vm_queue_policy(&queue) == find("lru"));
	CHECK_INT(vm_queue_count(&queue), PAGES);
	teardown();
}

static unsigned asked[2];	/* of the first policy, of the next one */

static void
note_first(const struct vm_policy *state, uint64_t identity)
{
	(void)state;
	(void)identity;
	asked[0]++;
}

static void
note_next(const struct vm_policy *state, uint64_t identity)
{
	(void)state;
	(void)identity;
	asked[1]++;
}

TEST(what_is_expected_is_said_to_the_policy_there_is)
{
	struct vm_policy_ops first = *find("lru"), next = first;

	setup("lru");
	first.expect = note_first;
	next.expect = note_next;
	queue.policy->ops = &first;
	vm_queue_expect(&queue, pages[3].object, 3);
	CHECK_INT(asked[0], 1);
	CHECK_INT(vm_queue_change(&queue, &next), 0);
	vm_queue_expect(&queue, pages[3].object, 3);
	CHECK_INT(asked[0], 1);
	CHECK_INT(asked[1], 1);
	teardown();
}
