/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy_play.h"

/* The whole queue as one array with a hand, as in the paper. */
static uint64_t queue[PAGES];	/* cold end first */
static bool visited[PAGES];
static unsigned length, hand;

static void
model_evict(void)
{
	for (; visited[hand]; hand = (hand + 1) % length)
		visited[hand] = false;
	length--;
	for (unsigned i = hand; i < length; i++) {
		queue[i] = queue[i + 1];
		visited[i] = visited[i + 1];
	}
	if (hand == length)
		hand = 0;
}

static bool
model_touch(uint64_t pindex)
{
	for (unsigned i = 0; i < length; i++)
		if (queue[i] == pindex) {
			visited[i] = true;
			return true;
		}
	if (length == PAGES)
		model_evict();
	queue[length] = pindex;
	visited[length++] = false;
	return false;
}

TEST(sieve_does_what_one_array_and_a_hand_do)
{
	struct play play = play_begin(&vm_policy_sieve, false);
	struct vm_rng rng = { check_seed() };

	length = hand = 0;
	for (unsigned i = 0; i < STEPS; i++) {
		uint64_t bound = 1 + vm_rng_below(&rng, IDENTITIES);
		uint64_t pindex = vm_rng_below(&rng, bound);

		CHECK_INT(touch(&play, pindex), model_touch(pindex));
	}
	play_end(&play);
}

TEST(activate_is_a_use)
{
	struct vm_policy *state = make_policy(&vm_policy_sieve);
	struct vm_page *victim;

	state->ops->enqueue(state, &pages[0], false);
	state->ops->enqueue(state, &pages[1], false);
	state->ops->activate(state, &pages[0]);
	CHECK_INT(state->ops->victims(state, &victim, 1), 1);
	CHECK_INT(victim->number, 1);
	free(state);
}
