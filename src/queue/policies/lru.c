/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * queue/policies/lru.c - least recently used goes first.
 *
 * The order is that of arrival and of activate().  Where activate is called
 * at each use it is exact LRU, as in NetBSD's rump kernel.  Uses that only
 * set a mark are seen when the page reaches the cold end and is looked at:
 * then it moves to the hot end, and the order is that of a clock.
 *
 * A call's work is bounded: after that, pages go in order whether marked or
 * not.  Pages fetched ahead of need wait apart (policies/ahead.h).
 */
#include "base/assert.h"
#include "queue/policies/ahead.h"
#include "queue/policies/line.h"
#include "queue/policy.h"

/* As in s3fifo.c. */
#define LOOKS_PER_VICTIM 16u
#define LOOKS_PER_CALL	 64u

enum { TAG_AHEAD = 1, TAG_USED };

struct lru {
	struct vm_policy policy;
	struct vm_ahead ahead;	/* (Q) */
	struct vm_line used;	/* (Q) */
	uint32_t refusals;	/* since a page left (Q) */
};

/* One call of victims(). */
struct hunt {
	struct lru *lru;
	struct vm_page **pages;
	unsigned got;
	unsigned looks;		/* left before marks no longer save */
	struct vm_pick ahead, used;
};

static struct lru *
of(struct vm_policy *state)
{
	return VM_CONTAINER(state, struct lru, policy);
}

static size_t
lru_bytes(uint32_t pages)
{
	(void)pages;
	return sizeof(struct lru);
}

static void
lru_init(struct vm_policy *state)
{
	struct lru *lru = of(state);

	vm_ahead_init(&lru->ahead, TAG_AHEAD, state->pages);
	vm_line_init(&lru->used, TAG_USED);
}

static struct vm_line *
line_of(struct lru *lru, const struct vm_page *page)
{
	vm_assert(page->list == TAG_AHEAD || page->list == TAG_USED);
	return page->list == TAG_AHEAD ? &lru->ahead.line : &lru->used;
}

static void
lru_enqueue(struct vm_policy *state, struct vm_page *page, bool speculative)
{
	struct lru *lru = of(state);

	lru->ahead.arrivals++;
	if (speculative)
		vm_ahead_put(&lru->ahead, page);
	else
		vm_line_put_hot(&lru->used, page);
}

static void
lru_dequeue(struct vm_policy *state, struct vm_page *page, enum vm_leave how)
{
	(void)how;		/* no history */
	of(state)->refusals = 0;
	vm_line_remove(line_of(of(state), page), page);
}

static void
lru_activate(struct vm_policy *state, struct vm_page *page)
{
	struct lru *lru = of(state);

	vm_line_remove(line_of(lru, page), page);
	vm_line_put_hot(&lru->used, page);
}

static void
lru_deactivate(struct vm_policy *state, struct vm_page *page, bool at_head)
{
	struct lru *lru = of(state);

	(void)at_head;		/* all go next */
	(void)state->env->referenced(page);
	vm_line_remove(line_of(lru, page), page);
	vm_line_put_cold(&lru->used, page);
}

/* Somebody is in it, or wired it: it was not fetched in vain. */
static void
lru_refused(struct vm_policy *state, struct vm_page *page)
{
	struct lru *lru = of(state);

	vm_line_remove(line_of(lru, page), page);
	vm_line_put_hot(&lru->used, page);
	lru->refusals++;
}

static void
look(struct hunt *hunt, struct vm_pick *pick)
{
	struct vm_policy *state = &hunt->lru->policy;
	struct vm_page *page = vm_pick_coldest(pick);
	bool marked = state->env->referenced(page);

	if (vm_page_wired(page)) {
		lru_refused(state, page);
	} else if (marked && hunt->looks > 0) {
		lru_activate(state, page);
	} else {
		vm_pick_propose(pick, page);
		hunt->pages[hunt->got++] = page;
	}
	if (hunt->looks > 0)
		hunt->looks--;
}

/* NULL: nothing is left.  Where all used pages were refused, those in their
 * grace have to do. */
static struct vm_pick *
choose(struct hunt *hunt)
{
	uint32_t used = vm_pick_left(&hunt->used);

	if (vm_pick_left(&hunt->ahead) > 0 && (hunt->lru->refusals >= used ||
	    !vm_ahead_in_grace(&hunt->lru->ahead,
	    vm_pick_coldest(&hunt->ahead))))
		return &hunt->ahead;
	return used > 0 ? &hunt->used : NULL;
}

static unsigned
lru_victims(struct vm_policy *state, struct vm_page **pages, unsigned want)
{
	struct lru *lru = of(state);
	unsigned looks = want * LOOKS_PER_VICTIM + LOOKS_PER_CALL;
	struct hunt hunt = { .lru = lru, .pages = pages, .looks = looks,
		.ahead = { .line = &lru->ahead.line },
		.used = { .line = &lru->used } };
	struct vm_pick *pick;

	for (unsigned i = 0; i < 2 * looks && hunt.got < want; i++) {
		pick = choose(&hunt);
		if (pick == NULL)
			break;
		look(&hunt, pick);
	}
	return hunt.got;
}

static uint32_t
lru_count(const struct vm_policy *state)
{
	const struct lru *lru = (const struct lru *)state;

	return lru->ahead.line.count + lru->used.count;
}

static bool
lru_list(const struct vm_policy *state, unsigned i, const char **name,
    uint32_t *count)
{
	const struct lru *lru = (const struct lru *)state;
	const struct vm_line_name lines[] = {
		{ "ahead", &lru->ahead.line }, { "used", &lru->used }
	};

	if (i >= VM_COUNT(lines))
		return false;
	*name = lines[i].name;
	*count = lines[i].line->count;
	vm_assert(lines[i].line->tag == i + 1);
	return true;
}

const struct vm_policy_ops vm_policy_lru = {
	.name = "lru",
	.summary = "least recently used",
	.exact = true,
	.bytes = lru_bytes,
	.init = lru_init,
	.enqueue = lru_enqueue,
	.dequeue = lru_dequeue,
	.activate = lru_activate,
	.deactivate = lru_deactivate,
	.victims = lru_victims,
	.refused = lru_refused,
	.count = lru_count,
	.list = lru_list,
};
