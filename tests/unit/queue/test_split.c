/* SPDX-License-Identifier: BSD-2-Clause */
/* Several policies in one memory. */
#include "queue/split.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/rng.h"
#include "check.h"

/* A page more is 1/16 of memory: 17 pages are nearest, and a part's least. */
enum { PAGES = 256, GRAIN = 17, STEPS = 50000 };

static struct vm_page pages[PAGES];
static unsigned part_of_page[PAGES];
static bool mark[PAGES];
static struct vm_split split;
static struct vm_policy *state = &split.policy;

static bool
referenced(struct vm_page *page)
{
	bool was = mark[page->number];

	mark[page->number] = false;
	return was;
}

static uint64_t
identity(const struct vm_page *page)
{
	return vm_hash_pair(1, page->pindex);
}

static bool
no(const struct vm_page *page)
{
	(void)page;
	return false;
}

static unsigned
part(const struct vm_page *page)
{
	return part_of_page[page->number];
}

static const struct vm_policy_env env = { .referenced = referenced,
	.identity = identity, .dirty = no, .external = no, .part = part,
	.pages = pages };

static void
add(unsigned number, const char *name)
{
	const struct vm_policy_ops *ops = vm_policy_find(name);
	struct vm_policy *policy = calloc(1, ops->bytes(PAGES));
	struct vm_brief_set *sets = calloc(vm_split_sets(PAGES),
	    sizeof(*sets));

	CHECK(policy != NULL && sets != NULL);
	*policy = (struct vm_policy){ .ops = ops, .env = &env,
		.pages = PAGES };
	CHECK_INT(vm_act_complete(&policy->act), 0);
	ops->init(policy);
	vm_split_add(&split, number, policy, sets);
}

static void
drop(unsigned number)
{
	struct vm_policy *policy = split.part[number].policy;
	struct vm_brief_set *sets = split.part[number].past.sets;

	if (policy == NULL)
		return;
	if (number != 0)
		vm_split_remove(&split, number);
	free(policy);
	free(sets);
}

static void
setup(const char *first, const char *second)
{
	memset(pages, 0, sizeof(pages));
	memset(mark, 0, sizeof(mark));
	memset(part_of_page, 0, sizeof(part_of_page));
	split = (struct vm_split){ .policy = { .ops = &vm_policy_split,
		.env = &env, .pages = PAGES } };
	vm_split_init(&split);
	for (uint32_t i = 0; i < PAGES; i++) {
		pages[i].number = i;
		pages[i].pindex = i;
	}
	add(0, first);
	add(1, second);
}

static void
teardown(void)
{
	for (unsigned i = 0; i < PAGES; i++)
		if (pages[i].list != 0)
			state->ops->dequeue(state, &pages[i], VM_LEAVE_FREED);
	CHECK_INT(state->ops->count(state), 0);
	for (unsigned i = VM_PARTS_MAX; i-- > 0;)
		drop(i);
}

static void
check_near(uint64_t value, uint64_t expected, uint64_t most)
{
	CHECK(value + most >= expected && value <= expected + most);
}

static void
enter(unsigned first, unsigned count, unsigned to)
{
	for (unsigned i = first; i < first + count; i++) {
		part_of_page[i] = to;
		state->ops->enqueue(state, &pages[i], false);
	}
}

/* Victims of part 1 among so many. */
static unsigned
victims(unsigned want, unsigned expected)
{
	struct vm_page *got[PAGES];
	unsigned n = state->ops->victims(state, got, want), second = 0;

	CHECK_INT(n, expected);
	for (unsigned i = 0; i < n; i++)
		second += part(got[i]) == 1;
	return second;
}

TEST(each_page_is_its_parts)
{
	const char *name;
	uint32_t count;

	setup("lru", "fifo");
	enter(0, 10, 0);
	enter(10, 5, 1);
	CHECK_INT(split.part[0].policy->ops->count(split.part[0].policy), 10);
	CHECK_INT(split.part[1].policy->ops->count(split.part[1].policy), 5);
	CHECK_INT(state->ops->count(state), 15);
	CHECK(state->ops->list(state, vm_policy_where(state, &pages[12]),
	    &name, &count));
	CHECK_STR(name, "line");
	CHECK_INT(count, 5);
	CHECK_INT(vm_split_part_of_list(&split, vm_policy_where(state,
	    &pages[12])), 1);
	CHECK_INT(vm_split_part_of_list(&split, vm_policy_where(state,
	    &pages[3])), 0);
	CHECK_INT(vm_split_part_of_list(&split, 99), VM_PARTS_MAX);
	CHECK(!state->ops->list(state, 99, &name, &count));
	teardown();
}

TEST(what_is_said_of_a_page_is_said_to_its_policy)
{
	setup("lru", "freebsd");
	enter(0, 2, 0);
	enter(2, 2, 1);
	state->ops->activate(state, &pages[3]);
	CHECK(state->ops->activity(state, &pages[3]) > 0);
	CHECK_INT(state->ops->activity(state, &pages[0]), 0);
	state->ops->cool(state, &pages[3]);
	state->ops->cool(state, &pages[0]);
	CHECK(!state->ops->idle(state, &pages[0]));
	state->ops->deactivate(state, &pages[2], true);
	CHECK(state->ops->idle(state, &pages[2]));
	state->ops->expect(state, identity(&pages[9]));
	teardown();
}

TEST(a_part_comes_with_an_equal_share_and_leaves_it_to_the_systems)
{
	setup("lru", "fifo");
	CHECK_INT(vm_split_share(&split, 0), PAGES / 2);
	CHECK_INT(vm_split_share(&split, 1), PAGES / 2);
	add(3, "lirs");
	for (unsigned i = 0; i < VM_PARTS_MAX; i++)
		if (i != 2)
			check_near(vm_split_share(&split, i), PAGES / 3, 1);
	CHECK_INT(vm_policy_room(split.part[3].policy),
	    vm_split_share(&split, 3));
	drop(1);
	drop(3);
	CHECK_INT(vm_split_share(&split, 0), PAGES);
	CHECK_INT(vm_policy_room(split.part[0].policy), PAGES);
	teardown();
}

TEST(a_part_with_pages_does_not_go)
{
	setup("lru", "fifo");
	enter(0, 1, 1);
	CHECK_DIES(vm_split_remove(&split, 1));
	CHECK_DIES(vm_split_remove(&split, 0));
	teardown();
}

TEST(a_page_of_no_part_dies)
{
	setup("lru", "fifo");
	part_of_page[0] = 2;
	CHECK_DIES(state->ops->enqueue(state, &pages[0], false));
	part_of_page[0] = VM_PARTS_MAX;
	CHECK_DIES(state->ops->enqueue(state, &pages[0], false));
	teardown();
}

TEST(those_above_their_share_give)
{
	setup("lru", "fifo");
	enter(0, 64, 0);
	enter(64, 192, 1);
	CHECK_INT(victims(16, 16), 16);
	CHECK_INT(victims(128, 128), 128);
	/* Beyond that both are. */
	CHECK_INT(victims(200, 200), 164);
	CHECK_INT(victims(PAGES, PAGES), 192);
	teardown();
}

TEST(half_of_what_is_there_is_half_of_memory)
{
	setup("lru", "fifo");
	enter(0, 60, 0);
	enter(60, 20, 1);
	CHECK_INT(victims(8, 8), 0);
	teardown();
}

TEST(a_part_that_cannot_give_keeps_nobody_from_being_asked)
{
	struct vm_page *got[16];
	unsigned turns = 0;

	setup("lru", "fifo");
	enter(0, 64, 0);
	enter(64, 192, 1);
	for (; turns <= 192 / 16; turns++) {
		unsigned n = state->ops->victims(state, got, 16);

		CHECK_INT(n, 16);
		if (part(got[0]) == 0)
			break;
		for (unsigned i = 0; i < n; i++)
			state->ops->refused(state, got[i]);
	}
	CHECK_INT(part(got[0]), 0);
	/* It counts again as others of it come and go. */
	for (unsigned i = 64; i < 192; i++)
		state->ops->dequeue(state, &pages[i], VM_LEAVE_FREED);
	enter(64, 128, 1);
	CHECK_INT(victims(16, 16), 16);
	teardown();
}

TEST(a_policy_that_has_nothing_to_offer_leaves_it_to_others)
{
	setup("lru", "fifo");
	enter(0, 4, 0);
	enter(64, 192, 1);
	for (unsigned i = 64; i < 256; i++)
		atomic_store(&pages[i].wires, 1);
	CHECK_INT(victims(16, 4), 0);
	teardown();
}

/* ---- votes -------------------------------------------------------------- */

/* Page 0 with an identity of the quarter that is remembered, or not. */
static void
choose(bool sampled)
{
	pages[0].pindex = 1000;
	while (((identity(&pages[0]) >> 24) % 4 == 0) != sampled)
		pages[0].pindex++;
}

/* It leaves its part, others follow, it is back. */
static void
come_back(unsigned to, unsigned after, enum vm_leave how)
{
	enter(0, 1, to);
	state->ops->dequeue(state, &pages[0], how);
	for (unsigned i = 1; i <= after; i++) {
		enter(1 + i % 100, 1, to);
		state->ops->dequeue(state, &pages[1 + i % 100],
		    VM_LEAVE_EVICTED);
	}
	enter(0, 1, to);
	state->ops->dequeue(state, &pages[0], VM_LEAVE_FREED);
}

/* Identities of others are not sampled: they are in no history. */
static void
choose_others(void)
{
	for (unsigned i = 1; i < PAGES; i++) {
		pages[i].pindex = pages[i - 1].pindex + 1;
		while ((identity(&pages[i]) >> 24) % 4 == 0)
			pages[i].pindex++;
	}
}

/* What part 1 has gained when pages of both came back in turns. */
static int64_t
gain(unsigned after0, unsigned after1)
{
	int64_t gained;

	setup("lru", "fifo");
	choose(true);
	choose_others();
	for (unsigned i = 0; i < 40; i++) {
		come_back(0, after0, VM_LEAVE_EVICTED);
		come_back(1, after1, VM_LEAVE_EVICTED);
	}
	gained = (int64_t)split.part[1].share - PAGES * 256 / 2;
	CHECK_INT(split.part[0].share + split.part[1].share, PAGES * 256);
	teardown();
	return gained;
}

TEST(a_part_gets_more_where_pages_come_back_sooner)
{
	CHECK(gain(8 * GRAIN, GRAIN / 2) > 20 * 128);
	CHECK(gain(GRAIN / 2, 8 * GRAIN) < -20 * 128);
	CHECK(gain(10 * GRAIN, 3 * GRAIN) > 20 * 128);
	/* Chance decides on the first few. */
	check_near((uint64_t)(gain(0, 0) + 100 * 256), 100 * 256, 8 * 256);
	check_near((uint64_t)(gain(5 * GRAIN, 5 * GRAIN) + 100 * 256),
	    100 * 256, 8 * 256);
}

/* Who comes back after twice as long is worth the same where there are twice as
 * many of him: it is the largest gain per page that counts. */
TEST(what_comes_back_later_counts_if_there_is_more_of_it)
{
	setup("lru", "fifo");
	choose(true);
	choose_others();
	for (unsigned i = 0; i < 20; i++) {
		come_back(0, 2 * GRAIN - 1, VM_LEAVE_EVICTED);
		for (unsigned k = 0; k < 4; k++)
			come_back(1, 4 * GRAIN - 1, VM_LEAVE_EVICTED);
	}
	CHECK(split.part[1].share > split.part[0].share);
	teardown();
}

TEST(what_came_back_from_too_far_is_no_reason)
{
	CHECK_INT(gain(33 * GRAIN, 33 * GRAIN), 0);
}

TEST(what_was_long_ago_counts_less)
{
	setup("lru", "fifo");
	choose(true);
	choose_others();
	for (unsigned i = 0; i < 100; i++)
		come_back(1, 0, VM_LEAVE_EVICTED);
	for (unsigned i = 0; i < 40; i++)
		come_back(0, 100, VM_LEAVE_EVICTED);
	for (unsigned i = 0; i < VM_REACHES; i++)
		CHECK(split.part[1].back[i] == 0);
	CHECK(split.part[0].share > 128 * 256 / 2);
	teardown();
}

TEST(who_was_not_remembered_asks_for_nothing)
{
	setup("fifo", "lru");
	choose(false);
	come_back(1, 0, VM_LEAVE_EVICTED);
	CHECK_INT(split.part[1].votes, 0);
	choose(true);
	come_back(1, 0, VM_LEAVE_FREED);
	CHECK_INT(split.part[1].votes, 0);
	part_of_page[0] = 1;
	state->ops->enqueue(state, &pages[0], true);
	state->ops->dequeue(state, &pages[0], VM_LEAVE_EVICTED);
	enter(0, 1, 1);
	CHECK_INT(split.part[1].votes, 0);
	teardown();
}

TEST(a_page_of_another_part_is_another_page)
{
	setup("lru", "fifo");
	choose(true);
	enter(0, 1, 1);
	state->ops->dequeue(state, &pages[0], VM_LEAVE_EVICTED);
	enter(0, 1, 0);
	CHECK_INT(split.part[0].votes + split.part[1].votes, 0);
	teardown();
}

TEST(no_part_falls_below_a_sixteenth)
{
	setup("lru", "fifo");
	add(2, "sieve");
	choose(true);
	for (unsigned i = 0; i < 1000; i++)
		come_back(1, 0, VM_LEAVE_EVICTED);
	check_near(vm_split_share(&split, 0), GRAIN, 1);
	check_near(vm_split_share(&split, 1), PAGES - 2 * GRAIN, 2);
	check_near(vm_split_share(&split, 2), GRAIN, 1);
	CHECK(split.part[2].share >= GRAIN * 256);
	CHECK_INT(vm_policy_room(split.part[1].policy),
	    vm_split_share(&split, 1));
	for (unsigned i = 0; i < 1000; i++)
		come_back(0, 0, VM_LEAVE_EVICTED);
	check_near(vm_split_share(&split, 1), GRAIN, 1);
	teardown();
}

/* ---- all of them -------------------------------------------------------- */

static void
random_victims(struct vm_rng *rng)
{
	struct vm_page *got[32];
	unsigned want = 1 + (unsigned)vm_rng_below(rng, 32);
	unsigned n = state->ops->victims(state, got, want);
	bool seen[PAGES] = { false };

	CHECK(n <= want);
	for (unsigned i = 0; i < n; i++) {
		CHECK(got[i]->list != 0 && !seen[got[i]->number]);
		seen[got[i]->number] = true;
	}
	for (unsigned i = 0; i < n; i++)
		if (vm_rng_below(rng, 8) == 0)
			state->ops->refused(state, got[i]);
		else
			state->ops->dequeue(state, got[i], VM_LEAVE_EVICTED);
}

static void
random_step(struct vm_rng *rng)
{
	struct vm_page *page = &pages[vm_rng_below(rng, PAGES)];

	if (page->list == 0) {
		part_of_page[page->number] = (unsigned)vm_rng_below(rng, 3);
		page->pindex = page->number + PAGES * vm_rng_below(rng, 3);
		state->ops->enqueue(state, page, vm_rng_below(rng, 6) == 0);
	} else if (vm_rng_below(rng, 20) == 0) {
		random_victims(rng);
	} else if (vm_rng_below(rng, 20) == 0) {
		state->ops->deactivate(state, page, false);
	} else {
		mark[page->number] = true;
	}
}

static void
check_sums(void)
{
	uint64_t shares = 0;
	uint32_t queued = 0;

	for (unsigned i = 0; i < VM_PARTS_MAX; i++)
		shares += split.part[i].share;
	CHECK_INT(shares, PAGES * 256);
	for (unsigned i = 0; i < PAGES; i++)
		queued += pages[i].list != 0;
	CHECK_INT(state->ops->count(state), queued);
}

TEST(with_any_policies_pages_and_shares_add_up)
{
	struct vm_rng rng = { check_seed() };
	unsigned kinds = 0;

	while (vm_policies[kinds] != NULL)
		kinds++;
	for (unsigned i = 0; i < kinds; i++) {
		setup(vm_policies[i]->name,
		    vm_policies[(i + 1) % kinds]->name);
		add(2, vm_policies[(i + 4) % kinds]->name);
		for (unsigned step = 0; step < STEPS / 10; step++) {
			random_step(&rng);
			check_sums();
		}
		teardown();
	}
}
