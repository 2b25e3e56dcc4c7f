/* SPDX-License-Identifier: BSD-2-Clause */
/* The lock around a policy: what is handed down, and what is passed over. */
#include "queue/queue.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/error.h"
#include "check.h"
#include "os/os.h"
#include "page/slot.h"

enum { PAGES = 64 };

struct fixture {
	struct vm_queue queue;
	struct vm_page pages[PAGES];
	struct vm_slot slots[PAGES];
	struct vm_page *all[PAGES];
};

static void
setup(struct fixture *x, const char *policy)
{
	*x = (struct fixture){ .slots[0].word = 0 };
	CHECK_INT(vm_queue_init(&x->queue, &vm_os_linux,
	    vm_policy_find(policy), PAGES), 0);
	for (uint32_t i = 0; i < PAGES; i++) {
		uint32_t was;

		x->pages[i].number = i;
		x->pages[i].pindex = i;
		x->pages[i].slot = &x->slots[i];
		x->all[i] = &x->pages[i];
		CHECK(vm_slot_try_excl(&x->slots[i], &was));
		vm_slot_release_excl(&x->slots[i], i + 1);
	}
}

static void
teardown(struct fixture *x)
{
	vm_queue_remove(&x->queue, x->all, PAGES, VM_LEAVE_FREED);
	vm_queue_fini(&x->queue);
}

TEST(policies_are_found_by_name_and_the_default_is_first)
{
	CHECK(vm_policy_find("s3fifo") == &vm_policy_s3fifo);
	CHECK(vm_policy_find("lru") == &vm_policy_lru);
	CHECK(vm_policy_find("") == NULL);
	CHECK(vm_policy_find("LRU") == NULL);
	CHECK(vm_policies[0] == &vm_policy_s3fifo);
	for (int i = 0; vm_policies[i] != NULL; i++)
		CHECK(vm_policy_find(vm_policies[i]->name) == vm_policies[i]);
}

static void *
no_alloc(size_t bytes)
{
	(void)bytes;
	return NULL;
}

TEST(no_memory_is_an_error_with_a_sentence)
{
	struct vm_os os = vm_os_linux;
	struct vm_queue queue;

	os.alloc = no_alloc;
	CHECK_INT(vm_queue_init(&queue, &os, &vm_policy_s3fifo, PAGES),
	    -ENOMEM);
	CHECK(strstr(vm_error_text(), "policy s3fifo: no memory for") != NULL);
}

TEST(pages_come_out_in_order_and_removal_passes_over_the_rest)
{
	struct fixture x;
	struct vm_page *got[PAGES];

	setup(&x, "lru");
	vm_queue_add(&x.queue, x.all, 10);
	CHECK_INT(vm_queue_count(&x.queue), 10);
	CHECK_INT(vm_queue_victims(&x.queue, got, 4), 4);
	for (unsigned i = 0; i < 4; i++)
		CHECK(got[i] == x.all[i]);
	CHECK_INT(vm_queue_count(&x.queue), 10);
	vm_queue_remove(&x.queue, got, 4, VM_LEAVE_EVICTED);
	vm_queue_remove(&x.queue, x.all, 6, VM_LEAVE_EVICTED);
	CHECK_INT(vm_queue_count(&x.queue), 4);
	vm_queue_activate(&x.queue, x.all[0]);	/* not queued: nothing */
	vm_queue_deactivate(&x.queue, x.all[0], false);
	vm_queue_refused(&x.queue, x.all, 6);
	CHECK_INT(vm_queue_count(&x.queue), 4);
	teardown(&x);
}

TEST(the_mark_is_the_slots)
{
	struct fixture x;
	struct vm_page *got[2];

	setup(&x, "lru");
	vm_queue_add(&x.queue, x.all, 10);
	vm_slot_mark(&x.slots[0]);
	CHECK_INT(vm_queue_victims(&x.queue, got, 2), 2);
	CHECK(got[0] == x.all[1] && got[1] == x.all[2]);
	CHECK(!vm_slot_test_clear_referenced(&x.slots[0]));
	teardown(&x);
}

TEST(the_flag_says_what_was_fetched_ahead)
{
	struct fixture x;
	struct vm_page *got;

	setup(&x, "lru");
	vm_queue_add(&x.queue, x.all, 1);
	atomic_fetch_or(&x.pages[1].flags, VM_PGA_SPECULATIVE);
	vm_queue_add(&x.queue, x.all + 1, PAGES - 1);
	CHECK_INT(vm_queue_victims(&x.queue, &got, 1), 1);
	CHECK(got == x.all[1]);
	teardown(&x);
}

TEST(misuse_dies)
{
	struct fixture x;

	setup(&x, "s3fifo");
	vm_queue_add(&x.queue, x.all, 1);
	CHECK_DIES(vm_queue_add(&x.queue, x.all, 1));
	CHECK_DIES(vm_queue_fini(&x.queue));
	CHECK_DIES(x.pages[0].slot = NULL; vm_queue_victims(&x.queue,
	    &x.all[1], 1));
	teardown(&x);
}

/* Threads evict and re-add what they can lock, as the daemon and faults do;
 * TSan judges the policy's plain fields. */
static void *
churn(void *arg)
{
	struct fixture *x = arg;
	struct vm_page *got[8];

	for (int round = 0; round < 2000; round++) {
		unsigned n = vm_queue_victims(&x->queue, got, 8);

		for (unsigned i = 0; i < n; i++) {
			uint32_t number;
			struct vm_slot *slot = &x->slots[got[i]->number];

			if (!vm_slot_try_excl(slot, &number)) {
				vm_queue_refused(&x->queue, &got[i], 1);
				continue;
			}
			vm_queue_remove(&x->queue, &got[i], 1,
			    VM_LEAVE_EVICTED);
			got[i]->pindex++;
			vm_queue_add(&x->queue, &got[i], 1);
			vm_slot_release_excl(slot, number);
		}
	}
	return NULL;
}

TEST(contention_keeps_the_count)
{
	struct fixture x;
	pthread_t thread[4];

	setup(&x, "s3fifo");
	vm_queue_add(&x.queue, x.all, PAGES);
	for (int i = 0; i < 4; i++)
		CHECK(pthread_create(&thread[i], NULL, churn, &x) == 0);
	for (int i = 0; i < 4; i++)
		CHECK(pthread_join(thread[i], NULL) == 0);
	CHECK_INT(vm_queue_count(&x.queue), PAGES);
	teardown(&x);
}
