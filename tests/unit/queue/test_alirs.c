/* SPDX-License-Identifier: BSD-2-Clause */
/* What alirs promises; docs/policies.md has what it reaches on real traces. */
#include "policy_play.h"

static uint32_t
length_of(const struct vm_policy *state, unsigned line)
{
	const char *name;
	uint32_t count;

	CHECK(state->ops->list(state, line, &name, &count));
	return count;
}

/* LRU and clocks have no hit at all. */
TEST(a_loop_longer_than_memory_keeps_a_part_of_itself)
{
	struct play play = play_begin(&vm_policy_alirs, false);

	(void)play_loop(&play, 3 * PAGES, 20);
	CHECK(play_loop(&play, 3 * PAGES, 20) >= 20 * (PAGES - 6));
	play_end(&play);
}

/* What LIRS with its 1 % has almost none of. */
TEST(what_was_used_last_is_kept_where_that_is_used_next)
{
	struct play play = play_begin(&vm_policy_alirs, false);
	unsigned hits = 0, length = 3 * PAGES;

	for (unsigned round = 0; round < 100; round++)
		for (unsigned i = 0; i < length; i++)
			hits += touch(&play, round % 2 == 0 ? i :
			    length - 1 - i);
	CHECK(hits > 100 * PAGES * 3 / 4);
	play_end(&play);
}

TEST(a_scan_leaves_what_is_used_alone)
{
	struct play play = play_begin(&vm_policy_alirs, false);
	unsigned lost = 0;

	for (unsigned round = 0; round < 50; round++) {
		for (unsigned i = 0; i < PAGES / 2; i++)
			lost += !touch(&play, i);
		for (unsigned i = 0; i < PAGES / 2; i++)
			(void)touch(&play, 1000 + round * PAGES + i);
	}
	CHECK(lost < PAGES);
	play_end(&play);
}

TEST(who_comes_back_is_hot_but_not_who_was_freed)
{
	struct vm_policy *state = make_policy(&vm_policy_alirs);
	const struct vm_policy_ops *ops = state->ops;
	struct vm_page *victim;
	uint32_t hot;

	for (unsigned i = 0; i < PAGES; i++)
		ops->enqueue(state, &pages[i], false);
	for (unsigned i = 0; i < 3; i++) {	/* hot has room then */
		CHECK_INT(ops->victims(state, &victim, 1), 1);
		ops->dequeue(state, victim, VM_LEAVE_EVICTED);
	}
	ops->dequeue(state, &pages[7], VM_LEAVE_FREED);
	ops->dequeue(state, &pages[8], VM_LEAVE_FREED);
	hot = length_of(state, 2);
	ops->enqueue(state, &pages[7], false);
	CHECK_INT(length_of(state, 2), hot);
	ops->enqueue(state, victim, false);
	CHECK_INT(length_of(state, 2), hot + 1);
	free(state);
}

/* The sweep finds the mark of a page that no line would come to. */
TEST(each_page_is_looked_at_while_memory_is_renewed)
{
	struct vm_policy *state = make_policy(&vm_policy_alirs);
	const struct vm_policy_ops *ops = state->ops;
	struct vm_page *victim;

	for (unsigned i = 0; i < PAGES; i++)
		ops->enqueue(state, &pages[i], false);
	for (unsigned i = 0; i < PAGES; i++)
		mark[i] = true;
	for (unsigned i = 0; i < PAGES; i++) {
		CHECK_INT(ops->victims(state, &victim, 1), 1);
		ops->dequeue(state, victim, VM_LEAVE_EVICTED);
		victim->pindex = 1000 + i;
		ops->enqueue(state, victim, false);
	}
	for (unsigned i = 0; i < PAGES; i++)
		CHECK(!mark[i]);
	free(state);
}

/* A page takes another's place in the lines, as when memory is compacted. */
TEST(a_page_that_moves_to_another_descriptor_goes_on_there)
{
	struct vm_policy *state = make_policy(&vm_policy_alirs);
	const struct vm_policy_ops *ops = state->ops;
	struct vm_page *old = &pages[3], *new = &pages[PAGES - 1];
	struct vm_page *got[PAGES];

	for (unsigned i = 0; i < PAGES - 1; i++)
		ops->enqueue(state, &pages[i], false);
	vm_node_replace(&old->queue, &new->queue);
	new->list = old->list;
	new->weight = old->weight;
	new->pindex = old->pindex;
	old->list = 0;
	CHECK_INT(ops->victims(state, got, PAGES), PAGES - 1);
	CHECK(got[3] == new);
	for (unsigned i = 0; i < PAGES - 1; i++)
		ops->dequeue(state, got[i], VM_LEAVE_EVICTED);
	CHECK_INT(ops->count(state), 0);
	free(state);
}

TEST(many_uses_without_a_miss_overflow_nothing)
{
	struct play play = play_begin(&vm_policy_alirs, true);

	for (unsigned i = 0; i < PAGES; i++)
		(void)touch(&play, i);
	for (unsigned i = 0; i < 500000; i++)
		CHECK(touch(&play, i % 3));
	(void)play_loop(&play, 2 * PAGES, 10);
	play_end(&play);
}

/* Half of memory goes, and comes back: the shares follow. */
TEST(memory_that_shrinks_and_grows_is_followed)
{
	struct play play = play_begin(&vm_policy_alirs, false);
	struct vm_page *got[PAGES / 2];
	unsigned n;

	(void)play_loop(&play, 2 * PAGES, 5);
	n = play.state->ops->victims(play.state, got, PAGES / 2);
	CHECK_INT(n, PAGES / 2);
	for (unsigned i = 0; i < n; i++)
		play.state->ops->dequeue(play.state, got[i], VM_LEAVE_EVICTED);
	CHECK(length_of(play.state, 2) <= PAGES / 2);
	for (unsigned i = 0; i < n; i++) {
		got[i]->pindex = 1000 + i;
		play.state->ops->enqueue(play.state, got[i], false);
	}
	(void)play_loop(&play, 2 * PAGES, 20);
	CHECK(length_of(play.state, 2) > PAGES / 2);
	play_end(&play);
}

/* Without the descriptors there is no sweep, and all else is the same. */
TEST(it_works_without_the_array_of_pages)
{
	static const struct vm_policy_env blind = { referenced, identity,
		dirty, external, NULL, NULL };
	struct play play = play_begin(&vm_policy_alirs, false);

	play.state->env = &blind;
	CHECK(play_loop(&play, 2 * PAGES, 40) > 0);
	play_end(&play);
}

TEST(a_memory_of_one_page_works)
{
	struct vm_policy *state = calloc(1, vm_policy_alirs.bytes(1));
	struct vm_page *victim, page = { .list = 0 };
	const struct vm_policy_env one = { referenced, identity, dirty,
		external, NULL, &page };

	CHECK(state != NULL);
	*state = (struct vm_policy){ .ops = &vm_policy_alirs, .env = &one,
		.pages = 1 };
	CHECK_INT(vm_act_complete(&state->act), 0);
	state->ops->init(state);
	for (unsigned i = 0; i < 1000; i++) {
		page.pindex = i % 3;
		state->ops->enqueue(state, &page, false);
		mark[0] = i % 2 == 0;
		CHECK_INT(state->ops->victims(state, &victim, 1), 1);
		state->ops->dequeue(state, victim, VM_LEAVE_EVICTED);
	}
	free(state);
}
