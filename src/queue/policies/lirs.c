/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * queue/policies/lirs.c - what comes back soon stays, 99 % of memory for it.
 *
 * After Jiang, Zhang: LIRS: an efficient low inter-reference recency set
 * replacement policy, SIGMETRICS 2002.  Hot pages (LIR there) are those whose
 * last two uses were closest together.  The others in memory, cold ones
 * (resident HIR), leave first in first out.  A cold page that is used, or one
 * that left and comes back, becomes hot if its use before that is younger than
 * the last use of every hot page; the hot page used longest ago becomes cold.
 *
 * Where we differ:
 * - The paper's stack is the order of stamps: a page is in it if its stamp is
 *   younger than the oldest hot page's.  A stamp is a number of uses.
 * - The history of those that left has four entries to a page of memory
 *   (policies/past.h); in the paper it is as long as the stack.
 * - Where uses are marks, a mark counts as a use when it is met: at the old end
 *   of either line.
 * - Pages fetched ahead of need wait apart (policies/ahead.h).  Victims are
 *   proposed in batches and may be refused.  The work of a call is bounded.
 */
#include "base/assert.h"
#include "queue/policies/ahead.h"
#include "queue/policies/line.h"
#include "queue/policies/past.h"
#include "queue/policy.h"

/* 1 % for cold pages: the paper's choice. */
#define COLD_SHARE	100u
/* 4 entries of 8 bytes per page of memory: 0.8 % of it. */
#define HISTORY		4u

/* As in s3fifo.c. */
#define LOOKS_PER_VICTIM 16u
#define LOOKS_PER_CALL	 64u
/* Hot pages looked at, oldest first, to find the one that becomes cold. */
#define LOOKS_PER_DEMOTION 8u

enum { TAG_AHEAD = 1, TAG_COLD, TAG_HOT };

struct lirs {
	struct vm_policy policy;
	struct vm_ahead ahead;	/* (Q) */
	struct vm_line cold;	/* (Q) */
	struct vm_line hot;	/* by stamp: used last, hot end (Q) */
	uint32_t uses;		/* ever, modulo 2^32: the stamps (Q) */
	uint32_t refusals;	/* since a page left (Q) */
	bool full;		/* memory was, once (Q) */
	struct vm_past past;	/* (Q) */
	struct vm_past_set sets[];	/* (Q) */
};

/* One call of victims(). */
struct hunt {
	struct lirs *l;
	struct vm_page **pages;
	unsigned got;
	unsigned looks;		/* left before marks no longer save */
	struct vm_pick ahead, cold;
};

static struct lirs *
of(struct vm_policy *state)
{
	return VM_CONTAINER(state, struct lirs, policy);
}

static uint32_t
history_sets(uint32_t pages)
{
	return vm_past_sets((uint64_t)pages * HISTORY);
}

static size_t
lirs_bytes(uint32_t pages)
{
	return sizeof(struct lirs) +
	    history_sets(pages) * sizeof(struct vm_past_set);
}

static void
lirs_init(struct vm_policy *state)
{
	struct lirs *l = of(state);

	vm_ahead_init(&l->ahead, TAG_AHEAD, state->pages);
	vm_line_init(&l->cold, TAG_COLD);
	vm_line_init(&l->hot, TAG_HOT);
	l->past.sets = l->sets;
	l->past.count_sets = history_sets(state->pages);
}

static struct vm_line *
line_of(struct lirs *l, const struct vm_page *page)
{
	switch (page->list) {
	case TAG_AHEAD:
		return &l->ahead.line;
	case TAG_COLD:
		return &l->cold;
	default:
		vm_assert(page->list == TAG_HOT);
		return &l->hot;
	}
}

static uint32_t
most_hot(const struct lirs *l)
{
	uint32_t pages = vm_policy_room(&l->policy);
	uint32_t cold = pages / COLD_SHARE;

	return pages > 1 ? pages - (cold > 0 ? cold : 1) : 1;
}

static struct vm_page *
oldest_hot(const struct lirs *l)
{
	return VM_ENTRY(vm_list_last(&l->hot.pages), struct vm_page, queue);
}

static bool
in_stack(const struct lirs *l, uint32_t stamp)
{
	const struct vm_page *bottom = oldest_hot(l);

	return bottom == NULL || l->uses - stamp < l->uses - bottom->weight;
}

/* The oldest hot pages become cold until there are not too many. */
static void
trim(struct lirs *l)
{
	unsigned looks = LOOKS_PER_DEMOTION;

	while (l->hot.count > most_hot(l)) {
		struct vm_page *page = oldest_hot(l);
		bool used = looks > 0 && l->policy.env->referenced(page);

		vm_line_remove(&l->hot, page);
		vm_line_put_hot(used ? &l->hot : &l->cold, page);
		if (used) {
			page->weight = l->uses++;
			looks--;
		}
	}
}

static void
put(struct lirs *l, struct vm_page *page, bool hot)
{
	page->weight = l->uses++;
	vm_line_put_hot(hot ? &l->hot : &l->cold, page);
}

/* A page's first use. */
static void
arrive(struct lirs *l, struct vm_page *page)
{
	bool hot = !l->full && l->hot.count < most_hot(l);
	uint32_t stamp;

	if (vm_past_take(&l->past, l->policy.env->identity(page), &stamp))
		hot = in_stack(l, stamp);
	put(l, page, hot);
	trim(l);
}

/* Hot may be too long afterwards. */
static void
use(struct lirs *l, struct vm_page *page)
{
	struct vm_line *from = line_of(l, page);
	bool hot = from == &l->hot || in_stack(l, page->weight);

	vm_line_remove(from, page);
	if (from == &l->ahead.line)
		arrive(l, page);
	else
		put(l, page, hot);
}

static void
lirs_enqueue(struct vm_policy *state, struct vm_page *page, bool speculative)
{
	struct lirs *l = of(state);

	l->ahead.arrivals++;
	if (speculative)
		vm_ahead_put(&l->ahead, page);
	else
		arrive(l, page);
}

static void
lirs_dequeue(struct vm_policy *state, struct vm_page *page, enum vm_leave how)
{
	struct lirs *l = of(state);
	struct vm_line *line = line_of(l, page);
	uint32_t dropped;

	l->refusals = 0;
	if (line != &l->ahead.line && how == VM_LEAVE_EVICTED)
		(void)vm_past_add(&l->past, state->env->identity(page),
		    page->weight, &dropped);
	vm_line_remove(line, page);
}

static void
lirs_activate(struct vm_policy *state, struct vm_page *page)
{
	(void)state->env->referenced(page);
	use(of(state), page);
	trim(of(state));
}

static void
lirs_deactivate(struct vm_policy *state, struct vm_page *page, bool at_head)
{
	struct lirs *l = of(state);
	struct vm_line *from = line_of(l, page);

	(void)at_head;		/* all go next */
	(void)state->env->referenced(page);
	if (from == &l->ahead.line)
		page->weight = l->uses;
	vm_line_remove(from, page);
	vm_line_put_cold(&l->cold, page);
}

/* Somebody is in it, or wired it.  As in alirs.c. */
static void
lirs_refused(struct vm_policy *state, struct vm_page *page)
{
	struct lirs *l = of(state);

	vm_line_remove(line_of(l, page), page);
	put(l, page, true);
	l->refusals++;
}

static bool
look(struct hunt *hunt, struct vm_page *page)
{
	if (hunt->looks == 0)
		return false;
	hunt->looks--;
	return hunt->l->policy.env->referenced(page);
}

static void
consider(struct hunt *hunt, struct vm_pick *pick)
{
	struct vm_page *page = vm_pick_coldest(pick);

	if (vm_page_wired(page)) {
		lirs_refused(&hunt->l->policy, page);
	} else if (look(hunt, page)) {
		use(hunt->l, page);
	} else {
		vm_pick_propose(pick, page);
		hunt->pages[hunt->got++] = page;
	}
}

/* No cold page is left: the oldest hot one becomes cold. */
static void
demote(struct hunt *hunt)
{
	struct lirs *l = hunt->l;
	struct vm_page *page = oldest_hot(l);

	if (vm_page_wired(page)) {
		lirs_refused(&l->policy, page);
	} else if (look(hunt, page)) {
		use(l, page);
	} else {
		vm_line_remove(&l->hot, page);
		vm_line_put_hot(&l->cold, page);
	}
}

/* One step; false: nothing is left. */
static bool
step(struct hunt *hunt)
{
	struct lirs *l = hunt->l;
	uint32_t cold = vm_pick_left(&hunt->cold);
	struct vm_pick *ahead = &hunt->ahead;

	if (vm_pick_left(ahead) > 0 &&
	    (l->refusals >= cold + l->hot.count ||
	    !vm_ahead_in_grace(&l->ahead, vm_pick_coldest(ahead))))
		consider(hunt, ahead);
	else if (cold > 0)
		consider(hunt, &hunt->cold);
	else if (l->hot.count > 0)
		demote(hunt);
	else
		return false;
	return true;
}

static unsigned
lirs_victims(struct vm_policy *state, struct vm_page **pages, unsigned want)
{
	struct lirs *l = of(state);
	unsigned looks = want * LOOKS_PER_VICTIM + LOOKS_PER_CALL;
	struct hunt hunt = { .l = l, .pages = pages, .looks = looks,
		.ahead = { .line = &l->ahead.line },
		.cold = { .line = &l->cold } };

	l->full = true;
	trim(l);
	for (unsigned i = 0; i < 2 * looks && hunt.got < want; i++)
		if (!step(&hunt))
			break;
	return hunt.got;
}

static uint32_t
lirs_count(const struct vm_policy *state)
{
	const struct lirs *l = (const struct lirs *)state;

	return l->ahead.line.count + l->cold.count + l->hot.count;
}

static bool
lirs_list(const struct vm_policy *state, unsigned i, const char **name,
    uint32_t *count)
{
	const struct lirs *l = (const struct lirs *)state;
	const struct vm_line_name lines[] = {
		{ "ahead", &l->ahead.line }, { "cold", &l->cold },
		{ "hot", &l->hot },
	};

	if (i >= VM_COUNT(lines))
		return false;
	*name = lines[i].name;
	*count = lines[i].line->count;
	vm_assert(lines[i].line->tag == i + 1);
	return true;
}

const struct vm_policy_ops vm_policy_lirs = {
	.name = "lirs",
	.summary = "hot and cold by reuse distance, 99 % hot",
	.exact = true,
	.bytes = lirs_bytes,
	.init = lirs_init,
	.enqueue = lirs_enqueue,
	.dequeue = lirs_dequeue,
	.activate = lirs_activate,
	.deactivate = lirs_deactivate,
	.victims = lirs_victims,
	.refused = lirs_refused,
	.count = lirs_count,
	.list = lirs_list,
};
