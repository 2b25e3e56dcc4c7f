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
	    vm_policy_find(policy), PAGES, NULL), 0);
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
	CHECK(vm_policy_find("freebsd") == &vm_policy_freebsd);
	CHECK(vm_policy_find("clock2") == &vm_policy_clock2);
	CHECK(vm_policy_find("") == NULL);
	CHECK(vm_policy_find("LRU") == NULL);
	CHECK(vm_policies[0] == &vm_policy_alirs);
	for (int i = 0; vm_policies[i] != NULL; i++)
		CHECK(vm_policy_find(vm_policies[i]->name) == vm_policies[i]);
}

static void *
no_alloc(size_t bytes)
{
	(void)bytes;
	return NULL;
}

static unsigned expected;
static uint64_t asked;

static void
note_expected(const struct vm_policy *state, uint64_t identity)
{
	(void)state;
	expected++;
	asked = identity;
}

TEST(who_will_be_added_is_expected_by_the_same_identity)
{
	struct vm_policy_ops ops = vm_policy_lru;
	struct fixture x;

	setup(&x, "lru");
	vm_queue_expect(&x.queue, x.pages[3].object, x.pages[3].pindex);
	CHECK_INT(expected, 0);		/* lru remembers nothing */
	ops.expect = note_expected;
	x.queue.policy->ops = &ops;
	vm_queue_expect(&x.queue, x.pages[3].object, x.pages[3].pindex);
	CHECK_INT(expected, 1);
	CHECK(asked == x.queue.env.identity(&x.pages[3]));
	teardown(&x);
}

TEST(no_memory_is_an_error_with_a_sentence)
{
	struct vm_os os = vm_os_linux;
	struct vm_queue queue;

	os.alloc = no_alloc;
	CHECK_INT(vm_queue_init(&queue, &os, &vm_policy_s3fifo, PAGES, NULL),
	    -ENOMEM);
	CHECK(strstr(vm_error_text(), "policy s3fifo: no memory for") != NULL);
}

TEST(counts_of_activity_reach_the_policy)
{
	struct vm_act act = { .initial = 9 };
	struct fixture x;

	setup(&x, "freebsd");
	vm_queue_fini(&x.queue);
	CHECK_INT(vm_queue_init(&x.queue, &vm_os_linux, &vm_policy_freebsd,
	    PAGES, &act), 0);
	vm_queue_add(&x.queue, x.all, 1);
	CHECK_INT(vm_queue_activity(&x.queue, &x.pages[0]), 9);
	teardown(&x);
}

TEST(counts_that_contradict_each_other_make_no_queue)
{
	struct vm_act act = { .initial = 9, .max = 8 };
	struct vm_queue queue;

	CHECK_INT(vm_queue_init(&queue, &vm_os_linux, &vm_policy_freebsd,
	    PAGES, &act), -EINVAL);
	CHECK(strstr(vm_error_text(), "come in with 9") != NULL);
	CHECK(queue.policy == NULL);
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

static const char *
name_of(struct fixture *x, unsigned i)
{
	return vm_queue_name(&x->queue, &x->pages[i]);
}

static uint32_t
length(struct fixture *x, const char *wanted)
{
	const char *name;
	uint32_t count;

	for (unsigned i = 0; vm_queue_list(&x->queue, i, &name, &count); i++)
		if (strcmp(name, wanted) == 0)
			return count;
	CHECK(false);
	return 0;
}

/* All lists together are what is queued, and each page is on one. */
static void
check_sums(struct fixture *x)
{
	uint32_t sum = 0, queued = 0, count;
	const char *name;

	for (unsigned i = 0; vm_queue_list(&x->queue, i, &name, &count); i++)
		sum += count;
	for (unsigned i = 0; i < PAGES; i++)
		queued += strcmp(name_of(x, i), "none") != 0;
	CHECK_INT(sum, queued);
	CHECK_INT(vm_queue_count(&x->queue), queued);
}

TEST(a_page_is_on_the_list_whose_name_it_has)
{
	struct fixture x;

	setup(&x, "freebsd");
	vm_queue_add(&x.queue, x.all, 4);
	vm_queue_deactivate(&x.queue, x.all[1], false);
	CHECK(vm_queue_cache(&x.queue, x.all[2]));
	atomic_fetch_or(&x.pages[5].flags, VM_PGA_SPECULATIVE);
	vm_queue_add(&x.queue, &x.all[5], 1);
	CHECK_STR(name_of(&x, 0), "active");
	CHECK_STR(name_of(&x, 1), "inactive");
	CHECK_STR(name_of(&x, 2), "cached");
	CHECK_STR(name_of(&x, 4), "none");
	CHECK_STR(name_of(&x, 5), "ahead");
	CHECK_INT(length(&x, "active"), 2);
	CHECK_INT(length(&x, "inactive"), 1);
	CHECK_INT(length(&x, "cached"), 1);
	CHECK_INT(length(&x, "ahead"), 1);
	check_sums(&x);
	teardown(&x);
}

TEST(each_policy_names_all_its_lists)
{
	for (int p = 0; vm_policies[p] != NULL; p++) {
		struct fixture x;

		setup(&x, vm_policies[p]->name);
		vm_queue_add(&x.queue, x.all, PAGES);
		for (unsigned i = 0; i < PAGES; i += 3)
			vm_queue_deactivate(&x.queue, x.all[i], i % 2 == 0);
		CHECK_INT(length(&x, "cached"), 0);
		check_sums(&x);
		teardown(&x);
	}
}

TEST(wired_and_unmanaged_pages_are_on_no_queue)
{
	struct fixture x;

	setup(&x, "freebsd");
	atomic_store(&x.pages[0].wires, 1);
	atomic_store(&x.pages[1].flags, VM_PGA_UNMANAGED);
	vm_queue_add(&x.queue, x.all, 3);
	CHECK_INT(vm_queue_count(&x.queue), 1);
	vm_queue_place(&x.queue, x.all[0], VM_PLACE_ACTIVE);
	vm_queue_place(&x.queue, x.all[1], VM_PLACE_INACTIVE);
	CHECK(!vm_queue_cache(&x.queue, x.all[0]));
	CHECK(!vm_queue_cache(&x.queue, x.all[1]));
	CHECK_INT(vm_queue_count(&x.queue), 1);
	atomic_store(&x.pages[2].wires, 1);
	vm_queue_place(&x.queue, x.all[2], VM_PLACE_ACTIVE);
	CHECK_STR(name_of(&x, 2), "none");
	check_sums(&x);
	teardown(&x);
}

TEST(the_first_wire_dequeues_and_the_last_unwire_queues)
{
	static const char *const names[] = { "active", "inactive",
		"inactive" };
	struct fixture x;
	struct vm_page *got;

	setup(&x, "freebsd");
	vm_queue_add(&x.queue, x.all, 2);
	vm_queue_deactivate(&x.queue, x.all[1], false);
	for (unsigned place = 0; place < 3; place++) {
		vm_queue_wired(&x.queue, x.all[0]);	/* it is not */
		CHECK(strcmp(name_of(&x, 0), "none") != 0);
		atomic_store(&x.pages[0].wires, 1);
		vm_queue_wired(&x.queue, x.all[0]);
		vm_queue_wired(&x.queue, x.all[0]);
		CHECK_STR(name_of(&x, 0), "none");
		atomic_store(&x.pages[0].wires, 0);
		vm_queue_place(&x.queue, x.all[0], (enum vm_place)place);
		CHECK_STR(name_of(&x, 0), names[place]);
	}
	CHECK_INT(vm_queue_victims(&x.queue, &got, 1), 1);
	CHECK(got == x.all[0]);		/* at the head, before page 1 */
	teardown(&x);
}

TEST(a_cached_page_that_is_wired_is_cached_no_more)
{
	struct fixture x;

	setup(&x, "lru");
	vm_queue_add(&x.queue, x.all, 1);
	CHECK(vm_queue_cache(&x.queue, x.all[0]));
	atomic_store(&x.pages[0].wires, 1);
	vm_queue_wired(&x.queue, x.all[0]);
	CHECK_STR(name_of(&x, 0), "none");
	CHECK((x.pages[0].flags & VM_PGA_CACHED) == 0);
	CHECK_INT(vm_queue_cached(&x.queue), 0);
	atomic_store(&x.pages[0].wires, 0);
	teardown(&x);
}

static int cached_sum;

static bool
is_odd(const struct vm_page *page)
{
	return page->number % 2 == 1;
}

static void
add_cached(struct vm_queue *queue, int change)
{
	vm_lock_assert_held(&queue->lock);
	cached_sum += change;
}

/* Pages 0, 4, ... leave, 1, 5, ... stay, the others are busy. */
static enum vm_verdict
by_number(struct vm_queue *queue, struct vm_page *page)
{
	vm_lock_assert_held(&queue->lock);
	switch (page->number % 4) {
	case 0:
		return VM_VERDICT_TAKEN;
	case 1:
		return VM_VERDICT_STAYS;
	default:
		return VM_VERDICT_BUSY;
	}
}

static const struct vm_queue_hooks hooks = {
	.external = is_odd, .cached = add_cached, .claim = by_number,
};

TEST(who_claims_gets_what_is_taken_and_what_stays_is_offered_again)
{
	struct vm_page *got[VM_QUEUE_CLAIM_MAX];
	struct fixture x;
	unsigned found;

	setup(&x, "lru");
	vm_queue_connect(&x.queue, &hooks);
	vm_queue_add(&x.queue, x.all, 8);
	CHECK_INT(vm_queue_claim(&x.queue, got, 8, &found), 2);
	CHECK_INT(found, 8);
	CHECK(got[0] == x.all[0] && got[1] == x.all[4]);
	CHECK_INT(got[0]->list, 0);
	CHECK_INT(vm_queue_count(&x.queue), 6);
	/* Those that stay are still the first, the busy ones are not. */
	CHECK_INT(vm_queue_victims(&x.queue, got, 2), 2);
	CHECK(got[0] == x.all[1] && got[1] == x.all[5]);
	CHECK_INT(vm_queue_claim(&x.queue, got, 1, &found), 0);
	CHECK_INT(found, 1);
	teardown(&x);
}

TEST(cached_pages_are_claimed_first_and_counted)
{
	struct vm_page *got[VM_QUEUE_CLAIM_MAX];
	struct fixture x;
	unsigned found;

	cached_sum = 0;
	setup(&x, "s3fifo");
	vm_queue_connect(&x.queue, &hooks);
	vm_queue_add(&x.queue, x.all, 8);
	CHECK(vm_queue_cache(&x.queue, x.all[4]));
	CHECK(vm_queue_cache(&x.queue, x.all[6]));
	CHECK_INT(vm_queue_claim(&x.queue, got, 2, &found), 1);
	CHECK(got[0] == x.all[4]);
	CHECK_INT(cached_sum, 0);	/* the busy one is cached no more */
	CHECK_INT(vm_queue_cached(&x.queue), 0);
	teardown(&x);
}

TEST(cached_pages_are_counted_wherever_they_go)
{
	struct fixture x;

	cached_sum = 0;
	setup(&x, "freebsd");
	vm_queue_connect(&x.queue, &hooks);
	vm_queue_add(&x.queue, x.all, 6);
	for (unsigned i = 0; i < 6; i++)
		CHECK(vm_queue_cache(&x.queue, x.all[i]));
	CHECK(vm_queue_cache(&x.queue, x.all[0]));	/* it is */
	CHECK_INT(cached_sum, 6);
	CHECK_INT(vm_queue_cached(&x.queue), 6);
	vm_queue_activate(&x.queue, x.all[0]);
	vm_queue_deactivate(&x.queue, x.all[1], false);
	vm_queue_remove(&x.queue, &x.all[2], 1, VM_LEAVE_EVICTED);
	vm_queue_refused(&x.queue, &x.all[3], 1);
	vm_queue_place(&x.queue, x.all[4], VM_PLACE_ACTIVE);
	CHECK_INT(cached_sum, 1);
	CHECK_INT(vm_queue_cached(&x.queue), 1);
	CHECK_INT(x.queue.reactivated, 4);
	check_sums(&x);
	teardown(&x);
	CHECK_INT(cached_sum, 0);
}

TEST(what_is_external_is_asked_of_the_hooks)
{
	struct fixture x;

	setup(&x, "clock2");
	vm_queue_connect(&x.queue, &hooks);
	vm_queue_add(&x.queue, x.all, 5);
	CHECK_INT(length(&x, "active external"), 2);
	CHECK_INT(length(&x, "active internal"), 3);
	CHECK_DIES(vm_queue_connect(&x.queue, &hooks));
	teardown(&x);
}

TEST(cached_pages_go_first_and_the_oldest_of_them_before)
{
	struct fixture x;
	struct vm_page *got[4];

	setup(&x, "lru");
	vm_queue_add(&x.queue, x.all, 8);
	CHECK(vm_queue_oldest_cached(&x.queue) == NULL);
	CHECK(vm_queue_cache(&x.queue, x.all[5]));
	CHECK(vm_queue_cache(&x.queue, x.all[3]));
	CHECK(vm_queue_oldest_cached(&x.queue) == x.all[5]);
	CHECK_INT(vm_queue_victims(&x.queue, got, 4), 4);
	CHECK(got[0] == x.all[5] && got[1] == x.all[3] &&
	    got[2] == x.all[0] && got[3] == x.all[1]);
	CHECK_INT(vm_queue_victims(&x.queue, got, 1), 1);
	CHECK(got[0] == x.all[5]);
	teardown(&x);
}

TEST(caching_a_dirty_page_dies)
{
	struct fixture x;

	setup(&x, "lru");
	vm_queue_add(&x.queue, x.all, 1);
	x.pages[0].dirty = 1;
	CHECK_DIES((void)vm_queue_cache(&x.queue, x.all[0]));
	teardown(&x);
}

/* FreeBSD's table: 1/32 stay, 3/32 to the tail, 28/32 to the head. */
TEST(of_512_pages_not_needed_16_stay_48_go_late_and_448_at_once)
{
	unsigned stay = 0, tail = 0, head = 0;
	struct vm_page *got;
	struct fixture x;

	setup(&x, "freebsd");
	vm_queue_add(&x.queue, x.all, 2);
	for (uint32_t n = 1; n <= 512; n++) {
		vm_queue_activate(&x.queue, x.all[0]);
		vm_queue_activate(&x.queue, x.all[1]);
		vm_queue_deactivate(&x.queue, x.all[1], false);
		vm_queue_dontneed(&x.queue, x.all[0], n);
		if (strcmp(name_of(&x, 0), "active") == 0) {
			CHECK_INT(vm_queue_activity(&x.queue, x.all[0]), 4);
			stay++;
			continue;
		}
		CHECK_INT(vm_queue_victims(&x.queue, &got, 1), 1);
		head += got == x.all[0];
		tail += got == x.all[1];
		if (n < 16)
			CHECK_INT(stay, n);
	}
	CHECK_INT(stay, 16);
	CHECK_INT(tail, 48);
	CHECK_INT(head, 448);
	teardown(&x);
}

TEST(a_dirty_page_that_is_not_needed_never_goes_at_once)
{
	struct vm_page *got;
	struct fixture x;

	setup(&x, "freebsd");
	vm_queue_add(&x.queue, x.all, 2);
	vm_queue_deactivate(&x.queue, x.all[1], false);
	for (uint32_t n = 1; n <= 512; n++) {
		vm_queue_activate(&x.queue, x.all[0]);
		x.pages[0].dirty = 1;
		vm_queue_dontneed(&x.queue, x.all[0], n);
		x.pages[0].dirty = 0;
		CHECK_INT(vm_queue_victims(&x.queue, &got, 1), 1);
		CHECK(got == x.all[1]);
	}
	teardown(&x);
}

TEST(what_is_inactive_or_cached_is_left_where_it_is)
{
	struct vm_page *got;
	struct fixture x;

	setup(&x, "freebsd");
	vm_queue_add(&x.queue, x.all, 3);
	vm_queue_deactivate(&x.queue, x.all[0], false);
	vm_queue_deactivate(&x.queue, x.all[1], false);
	CHECK(vm_queue_cache(&x.queue, x.all[2]));
	for (uint32_t n = 1; n <= 512; n++) {
		vm_queue_dontneed(&x.queue, x.all[1], n);
		vm_queue_dontneed(&x.queue, x.all[2], n);
		vm_queue_dontneed(&x.queue, x.all[9], n);	/* no queue */
	}
	CHECK_STR(name_of(&x, 2), "cached");
	CHECK_STR(name_of(&x, 9), "none");
	vm_queue_remove(&x.queue, &x.all[2], 1, VM_LEAVE_FREED);
	CHECK_INT(vm_queue_victims(&x.queue, &got, 1), 1);
	CHECK(got == x.all[0]);
	teardown(&x);
}

/* NetBSD: the object's lock first, then that of the list. */
TEST(the_queue_lock_comes_after_an_objects)
{
	struct vm_lock object;
	struct fixture x;

	setup(&x, "lru");
	vm_lock_init(&object, VM_RANK_OBJECT, "object");
	vm_lock(&object);
	vm_queue_add(&x.queue, x.all, 1);
	vm_queue_activate(&x.queue, x.all[0]);
	vm_unlock(&object);
#ifdef VM_DEBUG
	CHECK_DIES(vm_lock(&x.queue.lock); vm_lock(&object));
#endif
	vm_lock_fini(&object);
	teardown(&x);
}

/* Wirers and unwirers of one page: the last has the last word. */
static void *
wire_and_unwire(void *arg)
{
	struct fixture *x = arg;

	for (int round = 0; round < 5000; round++) {
		if (atomic_fetch_add(&x->pages[0].wires, 1) == 0)
			vm_queue_wired(&x->queue, x->all[0]);
		if (atomic_fetch_sub(&x->pages[0].wires, 1) == 1)
			vm_queue_place(&x->queue, x->all[0],
			    VM_PLACE_ACTIVE);
	}
	return NULL;
}

TEST(who_unwires_last_leaves_the_page_queued)
{
	pthread_t thread[4];
	struct fixture x;

	setup(&x, "freebsd");
	vm_queue_add(&x.queue, x.all, 1);
	for (int i = 0; i < 4; i++)
		CHECK(pthread_create(&thread[i], NULL, wire_and_unwire,
		    &x) == 0);
	for (int i = 0; i < 4; i++)
		CHECK(pthread_join(thread[i], NULL) == 0);
	CHECK_INT(vm_queue_count(&x.queue), 1);
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
