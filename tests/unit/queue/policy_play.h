/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * policy_play.h - a memory of PAGES pages under a policy, and touches of it.
 */
#ifndef POLICY_PLAY_H
#define POLICY_PLAY_H

#include "policy_fixture.h"

struct play {
	struct vm_policy *state;
	bool exact;		/* tell each touch by activate */
	unsigned used;		/* frames that were ever used */
};

static inline struct play
play_begin(const struct vm_policy_ops *ops, bool exact)
{
	return (struct play){ make_policy(ops), exact, 0 };
}

static inline void
play_end(struct play *play)
{
	CHECK_INT(play->state->ops->count(play->state), play->used);
	free(play->state);
}

static inline struct vm_page *
play_frame(struct play *play)
{
	struct vm_page *page;

	if (play->used < PAGES)
		return &pages[play->used++];
	CHECK_INT(play->state->ops->victims(play->state, &page, 1), 1);
	play->state->ops->dequeue(play->state, page, VM_LEAVE_EVICTED);
	return page;
}

/* Was the page in memory? */
static inline bool
touch(struct play *play, uint64_t pindex)
{
	const struct vm_policy_ops *ops = play->state->ops;
	struct vm_page *page;

	for (unsigned i = 0; i < play->used; i++)
		if (pages[i].list != 0 && pages[i].pindex == pindex) {
			if (play->exact)
				ops->activate(play->state, &pages[i]);
			else
				mark[i] = true;
			return true;
		}
	page = play_frame(play);
	page->pindex = pindex;
	mark[page->number] = false;
	ops->enqueue(play->state, page, false);
	return false;
}

/* Hits of so many rounds through [0, length). */
static inline unsigned
play_loop(struct play *play, unsigned length, unsigned rounds)
{
	unsigned hits = 0;

	for (unsigned i = 0; i < rounds * length; i++)
		hits += touch(play, i % length);
	return hits;
}

#endif
