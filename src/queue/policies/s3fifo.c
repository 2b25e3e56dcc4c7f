/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * queue/policies/s3fifo.c - three queues, first in first out.
 *
 * After Yang, Zhang, Qiu, Yue, Rashmi: FIFO Queues are All You Need for Cache
 * Eviction, SOSP 2023.  New pages enter a small queue; those used again before
 * they reach its end move on to the main queue, the others leave at once and
 * only their identity is remembered.  Who comes back while remembered enters
 * main directly.  Main is a clock.  A scan passes through small and pushes
 * nothing out of main.
 *
 * Where we differ:
 * - A use sets a mark in the slot; there is no counter of hits.  Several uses
 *   between two looks count once, so one mark moves a page to main (the paper:
 *   more than one hit).  In main a mark is worth a round, and marks of looks in
 *   a row one more each, up to COUNT_MAX - 1 (the paper counts hits, up to 3).
 * - The history holds fingerprints in sets of 16 (policies/ghost.h).
 * - Victims are proposed in batches and may be refused.
 * - Pages fetched ahead of need wait apart (policies/ahead.h); their first use
 *   is their arrival.
 * - The work of a call is bounded: after that, pages go in order of age
 *   whether marked or not.
 */
#include "base/assert.h"
#include "queue/policies/ahead.h"
#include "queue/policies/ghost.h"
#include "queue/policies/line.h"
#include "queue/policy.h"

/* Small gets 1/20 of the pages; the paper's 1/10 and 1/50 were worse over the
 * traces: .3570, .3585, .3583 of hits on the mean (docs/policies.md). */
#define SMALL_SHARE	20u

/* As many entries as main has pages, as in the paper. */
#define HISTORY_SHARE	(SMALL_SHARE - 1) / SMALL_SHARE

/* 3 marks, the paper's limit; 2 gives the same mean, 1 (no count) .0011
 * less. */
#define COUNT_MAX	3u

/* Pages looked at per victim, and per call on top, before marks no longer
 * save: with 1 page in 4 marked a victim costs 1.3 looks, with 9 in 10, 10. */
#define LOOKS_PER_VICTIM 16u
#define LOOKS_PER_CALL	 64u

enum { TAG_AHEAD = 1, TAG_SMALL, TAG_MAIN };

struct s3fifo {
	struct vm_policy policy;
	struct vm_ahead ahead;		/* (Q) */
	struct vm_line small;		/* (Q) */
	struct vm_line main;		/* (Q) */
	uint32_t refusals;		/* since a page left (Q) */
	const char *walker;		/* whose page came last (Q) */
	struct vm_ghost ghost;		/* (Q) */
	struct vm_ghost_set sets[];	/* (Q) */
};

/* One call of victims(). */
struct hunt {
	struct s3fifo *s;
	struct vm_page **pages;
	unsigned want;
	unsigned got;
	unsigned looks;		/* left before marks no longer save */
	struct vm_pick ahead, small, main;
};

static struct s3fifo *
of(struct vm_policy *state)
{
	return VM_CONTAINER(state, struct s3fifo, policy);
}

static uint32_t
history_sets(uint32_t pages)
{
	return vm_ghost_sets((uint32_t)((uint64_t)pages * HISTORY_SHARE));
}

static size_t
s3fifo_bytes(uint32_t pages)
{
	return sizeof(struct s3fifo) +
	    history_sets(pages) * sizeof(struct vm_ghost_set);
}

static void
s3fifo_init(struct vm_policy *state)
{
	struct s3fifo *s = of(state);

	vm_ahead_init(&s->ahead, TAG_AHEAD, state->pages);
	vm_line_init(&s->small, TAG_SMALL);
	vm_line_init(&s->main, TAG_MAIN);
	s->ghost.sets = s->sets;
	s->ghost.count_sets = history_sets(state->pages);
}

static struct vm_line *
line_of(struct s3fifo *s, const struct vm_page *page)
{
	switch (page->list) {
	case TAG_AHEAD:
		return &s->ahead.line;
	case TAG_SMALL:
		return &s->small;
	default:
		vm_assert(page->list == TAG_MAIN);
		return &s->main;
	}
}

/* A page's first use. */
static void
arrive(struct s3fifo *s, struct vm_page *page)
{
	bool back = vm_ghost_take(&s->ghost,
	    s->policy.env->identity(page));

	page->weight = 0;
	vm_line_put_hot(back ? &s->main : &s->small, page);
}

static _Thread_local VM_INITIAL_EXEC char self_byte;

/*
 * For each that comes, one will have to go, of one or the other.  Not where
 * threads take turns: what one asks for is in the cache of its own processor,
 * and the next would have to wait for it, with the lock held (two threads: 1.6
 * us a miss instead of 1.05).
 */
static void
approach_victim(struct s3fifo *s)
{
	if (s->walker == &self_byte) {
		vm_line_approach(&s->small, &s->policy);
		vm_line_approach(&s->main, &s->policy);
	}
	s->walker = &self_byte;
}

static void
s3fifo_enqueue(struct vm_policy *state, struct vm_page *page, bool speculative)
{
	struct s3fifo *s = of(state);

	s->ahead.arrivals++;
	if (speculative)
		vm_ahead_put(&s->ahead, page);
	else
		arrive(s, page);
	approach_victim(s);
}

/* Only who leaves small unused is remembered: main's had their chance. */
static void
s3fifo_dequeue(struct vm_policy *state, struct vm_page *page,
    enum vm_leave how)
{
	struct s3fifo *s = of(state);

	s->refusals = 0;
	if (how == VM_LEAVE_EVICTED && page->list == TAG_SMALL)
		vm_ghost_add(&s->ghost, state->env->identity(page));
	vm_line_remove(line_of(s, page), page);
}

static void
used(struct s3fifo *s, struct vm_page *page)
{
	struct vm_line *from = line_of(s, page);

	vm_line_remove(from, page);
	if (from == &s->ahead.line) {
		arrive(s, page);
		return;
	}
	if (page->weight < COUNT_MAX)
		page->weight++;
	vm_line_put_hot(&s->main, page);
}

/* Unused since the last look: whether earlier marks are good for a round. */
static bool
has_round(const struct hunt *hunt, const struct vm_pick *pick,
    const struct vm_page *page)
{
	return pick == &hunt->main && page->weight > 1;
}

static void
give_round(struct s3fifo *s, struct vm_page *page)
{
	page->weight--;
	vm_line_remove(&s->main, page);
	vm_line_put_hot(&s->main, page);
}

static void
s3fifo_activate(struct vm_policy *state, struct vm_page *page)
{
	used(of(state), page);
}

static void
s3fifo_deactivate(struct vm_policy *state, struct vm_page *page, bool at_head)
{
	struct s3fifo *s = of(state);

	(void)at_head;		/* all go next */
	(void)state->env->referenced(page);
	vm_line_remove(line_of(s, page), page);
	page->weight = 0;
	vm_line_put_cold(&s->small, page);
}

/* Somebody is in it, or wired it.  In main, whatever it was before: pages that
 * cannot go would otherwise be all that small has to offer, for ever. */
static void
s3fifo_refused(struct vm_policy *state, struct vm_page *page)
{
	struct s3fifo *s = of(state);

	if (page->list == TAG_AHEAD)
		page->weight = 0;	/* it was a time there */
	vm_line_remove(line_of(s, page), page);
	vm_line_put_hot(&s->main, page);
	s->refusals++;
}

/* Looks at the coldest page of one line: proposes it or moves it away. */
static void
look(struct hunt *hunt, struct vm_pick *pick)
{
	struct s3fifo *s = hunt->s;
	struct vm_page *page = vm_pick_coldest(pick);
	bool marked = s->policy.env->referenced(page);

	if (vm_page_wired(page)) {
		s3fifo_refused(&s->policy, page);
	} else if (marked && hunt->looks > 0) {
		used(s, page);
	} else if (has_round(hunt, pick, page) && hunt->looks > 0) {
		give_round(s, page);
	} else {
		vm_pick_propose(pick, page);
		if (pick == &hunt->small)
			vm_ghost_expect(&s->ghost,
			    s->policy.env->identity(page));
		hunt->pages[hunt->got++] = page;
	}
	if (hunt->looks > 0)
		hunt->looks--;
}

/* NULL: nothing is left.  Where all of a line was refused, the next one has
 * to do, however young or few its pages are. */
static struct vm_pick *
choose(struct hunt *hunt)
{
	uint32_t refusals = hunt->s->refusals;
	uint32_t small = vm_pick_left(&hunt->small);
	uint32_t main = vm_pick_left(&hunt->main);
	uint32_t ahead = vm_pick_left(&hunt->ahead);

	if (ahead > 0 && (refusals >= small + main || !vm_ahead_in_grace(
	    &hunt->s->ahead, vm_pick_coldest(&hunt->ahead))))
		return &hunt->ahead;
	if (small > 0 && (refusals >= main ||
	    small >= (small + main) / SMALL_SHARE))
		return &hunt->small;
	return main > 0 ? &hunt->main : NULL;
}

static unsigned
s3fifo_victims(struct vm_policy *state, struct vm_page **pages, unsigned want)
{
	struct s3fifo *s = of(state);
	unsigned looks = want * LOOKS_PER_VICTIM + LOOKS_PER_CALL;
	struct hunt hunt = { .s = s, .pages = pages, .want = want,
		.looks = looks, .ahead = { .line = &s->ahead.line },
		.small = { .line = &s->small }, .main = { .line = &s->main } };
	struct vm_pick *pick;

	for (unsigned i = 0; i < 2 * looks && hunt.got < want; i++) {
		pick = choose(&hunt);
		if (pick == NULL)
			break;
		look(&hunt, pick);
	}
	return hunt.got;
}

static void
s3fifo_expect(const struct vm_policy *state, uint64_t identity)
{
	const struct s3fifo *s = (const struct s3fifo *)state;

	vm_ghost_expect(&s->ghost, identity);
}

static uint32_t
s3fifo_count(const struct vm_policy *state)
{
	const struct s3fifo *s = (const struct s3fifo *)state;

	return s->ahead.line.count + s->small.count + s->main.count;
}

static bool
s3fifo_list(const struct vm_policy *state, unsigned i, const char **name,
    uint32_t *count)
{
	const struct s3fifo *s = (const struct s3fifo *)state;
	const struct vm_line_name lines[] = {
		{ "ahead", &s->ahead.line }, { "small", &s->small },
		{ "main", &s->main },
	};

	if (i >= VM_COUNT(lines))
		return false;
	*name = lines[i].name;
	*count = lines[i].line->count;
	vm_assert(lines[i].line->tag == i + 1);
	return true;
}

const struct vm_policy_ops vm_policy_s3fifo = {
	.name = "s3fifo",
	.summary = "small, main and history queues; resists scans",
	.bytes = s3fifo_bytes,
	.init = s3fifo_init,
	.enqueue = s3fifo_enqueue,
	.dequeue = s3fifo_dequeue,
	.activate = s3fifo_activate,
	.deactivate = s3fifo_deactivate,
	.victims = s3fifo_victims,
	.refused = s3fifo_refused,
	.count = s3fifo_count,
	.list = s3fifo_list,
	.expect = s3fifo_expect,
};
