/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * policy_fixture.h - a policy alone, and the same steps for it and a model.
 *
 * A model keeps its lines as plain arrays, hot end first, and does in one
 * obvious way what the policy's opening comment says.  drive() makes random
 * steps on both and compares each proposal, in order.
 */
#ifndef POLICY_FIXTURE_H
#define POLICY_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/rng.h"
#include "check.h"
#include "queue/policy.h"

/* 16 pages: the history is then one set, so first in first out exactly. */
enum { PAGES = 16, IDENTITIES = 60, STEPS = 100000 };

struct seq {
	unsigned at[PAGES + 1];	/* page numbers, hot end first */
	unsigned count;
};

static inline void
put(struct seq *seq, unsigned where, unsigned value)
{
	for (unsigned i = seq->count++; i > where; i--)
		seq->at[i] = seq->at[i - 1];
	seq->at[where] = value;
}

/* False when it is not in there. */
static inline bool
drop(struct seq *seq, unsigned value)
{
	unsigned i = 0;

	while (i < seq->count && seq->at[i] != value)
		i++;
	if (i == seq->count)
		return false;
	for (seq->count--; i < seq->count; i++)
		seq->at[i] = seq->at[i + 1];
	return true;
}

static struct vm_page pages[PAGES];
static bool mark[PAGES], model_mark[PAGES];
static unsigned looked;
static bool always_marked;

static inline bool
referenced(struct vm_page *page)
{
	bool was = mark[page->number];

	looked++;
	mark[page->number] = false;
	return was || always_marked;
}

static inline uint64_t
identity(const struct vm_page *page)
{
	return vm_hash_pair(1, page->pindex);
}

static bool soiled[PAGES], foreign[PAGES];

static inline bool
dirty(const struct vm_page *page)
{
	return soiled[page->number];
}

static inline bool
external(const struct vm_page *page)
{
	return foreign[page->number];
}

static const struct vm_policy_env env = { referenced, identity, dirty,
	external, NULL, pages };

static inline bool
model_referenced(unsigned number)
{
	bool was = model_mark[number];

	model_mark[number] = false;
	return was;
}

static inline bool
wired(unsigned number)
{
	return atomic_load(&pages[number].wires) != 0;
}

static inline struct vm_policy *
make_policy(const struct vm_policy_ops *ops)
{
	struct vm_policy *state = calloc(1, ops->bytes(PAGES));

	CHECK(state != NULL);
	*state = (struct vm_policy){ .ops = ops, .env = &env, .pages = PAGES };
	CHECK_INT(vm_act_complete(&state->act), 0);
	ops->init(state);
	memset(pages, 0, sizeof(pages));
	memset(mark, 0, sizeof(mark));
	memset(model_mark, 0, sizeof(model_mark));
	memset(soiled, 0, sizeof(soiled));
	memset(foreign, 0, sizeof(foreign));
	for (uint32_t i = 0; i < PAGES; i++) {
		pages[i].number = i;
		pages[i].pindex = i;
	}
	return state;
}

/* Arrivals for which a page fetched ahead stays (policies/ahead.h). */
#define GRACE (PAGES / 4)

/* What a policy's test says of its model. */
struct model_ops {
	void (*enqueue)(unsigned number, bool speculative);
	void (*dequeue)(unsigned number, enum vm_leave how);
	void (*activate)(unsigned number);
	void (*deactivate)(unsigned number, bool at_head);
	unsigned (*victims)(unsigned *numbers, unsigned want);
	void (*refused)(unsigned number);
};

/* A page comes in with an identity that no other page has. */
static inline void
step_enqueue(struct vm_policy *state, const struct model_ops *model,
    struct vm_rng *rng, struct vm_page *page)
{
	bool speculative = vm_rng_below(rng, 6) == 0, taken;

	do {
		page->pindex = vm_rng_below(rng, IDENTITIES);
		taken = false;
		for (unsigned i = 0; i < PAGES; i++)
			taken |= &pages[i] != page && pages[i].list != 0 &&
			    pages[i].pindex == page->pindex;
	} while (taken);
	mark[page->number] = model_mark[page->number] = false;
	model->enqueue(page->number, speculative);
	state->ops->enqueue(state, page, speculative);
}

static inline void
step_victims(struct vm_policy *state, const struct model_ops *model,
    struct vm_rng *rng)
{
	struct vm_page *got[PAGES];
	unsigned numbers[PAGES], want = 1 + (unsigned)vm_rng_below(rng, 5);
	unsigned n = state->ops->victims(state, got, want);

	CHECK_INT(n, model->victims(numbers, want));
	for (unsigned i = 0; i < n; i++) {
		unsigned what = (unsigned)vm_rng_below(rng, 8);

		CHECK_INT(got[i]->number, numbers[i]);
		if (what == 0) {
			model->refused(numbers[i]);
			state->ops->refused(state, got[i]);
		} else if (what > 1) {
			enum vm_leave how = what == 2 ? VM_LEAVE_FREED
			    : VM_LEAVE_EVICTED;

			model->dequeue(numbers[i], how);
			state->ops->dequeue(state, got[i], how);
		}
	}
}

static inline void
step_queued(struct vm_policy *state, const struct model_ops *model,
    struct vm_rng *rng, struct vm_page *page)
{
	unsigned number = page->number;
	bool at_head;

	switch (vm_rng_below(rng, 12)) {
	case 0:
		model->activate(number);
		state->ops->activate(state, page);
		break;
	case 1:
		at_head = vm_rng_below(rng, 2) == 0;
		model->deactivate(number, at_head);
		state->ops->deactivate(state, page, at_head);
		break;
	case 2:
		atomic_store(&page->wires, wired(number) ? 0 : 1);
		break;
	case 3:
	case 4:
	case 5:
		step_victims(state, model, rng);
		break;
	default:
		mark[number] = model_mark[number] = true;
	}
}

static inline void
drive(const struct vm_policy_ops *ops, const struct model_ops *model)
{
	struct vm_rng rng = { check_seed() };
	struct vm_policy *state = make_policy(ops);
	uint32_t queued;

	for (int i = 0; i < STEPS; i++) {
		struct vm_page *page = &pages[vm_rng_below(&rng, PAGES)];

		if (page->list == 0)
			step_enqueue(state, model, &rng, page);
		else
			step_queued(state, model, &rng, page);
		queued = 0;
		for (unsigned k = 0; k < PAGES; k++)
			queued += pages[k].list != 0;
		CHECK_INT(ops->count(state), queued);
	}
	free(state);
}

#endif
