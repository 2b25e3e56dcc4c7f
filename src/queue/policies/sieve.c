/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * queue/policies/sieve.c - one queue and a hand that clears marks.
 *
 * After Zhang, Yang, Yue, Vigfusson, Rashmi: SIEVE is Simpler than LRU, NSDI
 * 2024.  Pages enter at the hot end and never move.  A hand goes from the cold
 * end to the hot one, and there begins anew: a marked page loses its mark and
 * stays, the first without one goes.  So a newcomer that is not used goes as
 * soon as the hand comes by.
 *
 * The queue is kept in two lines, cut at the hand: to come, which is looked at
 * from its cold end and where pages enter; and passed, which is colder, where
 * those that stay go.  When nothing is to come, the two change roles.
 *
 *	enter --> [ to come ] --looked at, marked--> [ passed ]
 *	               |  ^                               |
 *	         unmarked  '------ when it is empty ------'
 *	               v
 *	            victim
 *
 * Where we differ:
 * - Victims are proposed in batches and may be refused: then they are passed.
 * - Pages fetched ahead of need wait apart (policies/ahead.h).
 * - The work of a call is bounded.
 */
#include "base/assert.h"
#include "queue/policies/ahead.h"
#include "queue/policies/line.h"
#include "queue/policy.h"

/* Pages looked at per victim as in s3fifo.c; per call on top more than there:
 * where most pages are marked the hand has a long way, and to stop it early
 * cost up to 0.09 of the hit ratio in memories of 400 pages.  At most one
 * round. */
#define LOOKS_PER_VICTIM 16u
#define LOOKS_PER_CALL	 1024u

enum { TAG_AHEAD = 1, TAG_LINES };

/* vm_page.weight of a page that is not ahead: activate was called. */
enum { UNUSED, USED };

struct sieve {
	struct vm_policy policy;
	struct vm_ahead ahead;	/* (Q) */
	struct vm_line line[2];	/* (Q) */
	unsigned coming;	/* which is to come; the other: passed (Q) */
	uint32_t refusals;	/* since a page left (Q) */
};

/* One call of victims(). */
struct hunt {
	struct sieve *s;
	struct vm_page **pages;
	unsigned got;
	unsigned looks;		/* left before marks no longer save */
	struct vm_pick ahead, line[2];
};

static struct sieve *
of(struct vm_policy *state)
{
	return VM_CONTAINER(state, struct sieve, policy);
}

static size_t
sieve_bytes(uint32_t pages)
{
	(void)pages;
	return sizeof(struct sieve);
}

static void
sieve_init(struct vm_policy *state)
{
	struct sieve *s = of(state);

	vm_ahead_init(&s->ahead, TAG_AHEAD, state->pages);
	vm_line_init(&s->line[0], TAG_LINES);
	vm_line_init(&s->line[1], TAG_LINES + 1);
}

static struct vm_line *
line_of(struct sieve *s, const struct vm_page *page)
{
	vm_assert(page->list >= TAG_AHEAD && page->list <= TAG_LINES + 1);
	return page->list == TAG_AHEAD ? &s->ahead.line :
	    &s->line[page->list - TAG_LINES];
}

/* The hand that has come to the hot end goes on at the cold one. */
static void
turn(struct sieve *s)
{
	if (s->line[s->coming].count == 0)
		s->coming = !s->coming;
}

/* Whoever enters where the hand is about to begin anew is behind all others. */
static void
arrive(struct sieve *s, struct vm_page *page)
{
	turn(s);
	page->weight = UNUSED;
	vm_line_put_hot(&s->line[s->coming], page);
}

static void
sieve_enqueue(struct vm_policy *state, struct vm_page *page, bool speculative)
{
	struct sieve *s = of(state);

	s->ahead.arrivals++;
	if (speculative)
		vm_ahead_put(&s->ahead, page);
	else
		arrive(s, page);
}

static void
sieve_dequeue(struct vm_policy *state, struct vm_page *page,
    enum vm_leave how)
{
	struct sieve *s = of(state);

	(void)how;		/* no history */
	s->refusals = 0;
	vm_line_remove(line_of(s, page), page);
}

static void
sieve_activate(struct vm_policy *state, struct vm_page *page)
{
	struct sieve *s = of(state);

	if (page->list != TAG_AHEAD) {
		page->weight = USED;
		return;
	}
	vm_line_remove(&s->ahead.line, page);
	arrive(s, page);
}

static void
sieve_deactivate(struct vm_policy *state, struct vm_page *page, bool at_head)
{
	struct sieve *s = of(state);

	(void)at_head;		/* all go next */
	(void)state->env->referenced(page);
	page->weight = UNUSED;
	vm_line_remove(line_of(s, page), page);
	vm_line_put_cold(&s->line[s->coming], page);
}

static void
pass(struct sieve *s, struct vm_page *page)
{
	page->weight = UNUSED;
	vm_line_remove(line_of(s, page), page);
	vm_line_put_hot(&s->line[!s->coming], page);
}

/* Somebody is in it, or wired it. */
static void
sieve_refused(struct vm_policy *state, struct vm_page *page)
{
	pass(of(state), page);
	of(state)->refusals++;
}

static bool
used(struct hunt *hunt, struct vm_page *page)
{
	bool marked;

	if (hunt->looks == 0)
		return false;
	hunt->looks--;
	marked = hunt->s->policy.env->referenced(page);
	return marked || (page->list != TAG_AHEAD && page->weight == USED);
}

static void
look(struct hunt *hunt, struct vm_pick *pick)
{
	struct sieve *s = hunt->s;
	struct vm_page *page = vm_pick_coldest(pick);

	if (vm_page_wired(page)) {
		sieve_refused(&s->policy, page);
	} else if (!used(hunt, page)) {
		vm_pick_propose(pick, page);
		hunt->pages[hunt->got++] = page;
	} else if (pick == &hunt->ahead) {
		sieve_activate(&s->policy, page);
	} else
		pass(s, page);
}

/* NULL: nothing is left.  Where all else was refused, those in their grace
 * have to do. */
static struct vm_pick *
choose(struct hunt *hunt)
{
	struct sieve *s = hunt->s;
	uint32_t coming = vm_pick_left(&hunt->line[s->coming]);
	uint32_t passed = vm_pick_left(&hunt->line[!s->coming]);

	if (vm_pick_left(&hunt->ahead) > 0 &&
	    (s->refusals >= coming + passed ||
	    !vm_ahead_in_grace(&s->ahead, vm_pick_coldest(&hunt->ahead))))
		return &hunt->ahead;
	if (coming == 0 && passed == 0)
		return NULL;
	if (coming == 0)
		s->coming = !s->coming;
	return &hunt->line[s->coming];
}

static unsigned
looks_for(const struct sieve *s, unsigned want)
{
	unsigned most = want * LOOKS_PER_VICTIM + LOOKS_PER_CALL;
	unsigned round = s->ahead.line.count + s->line[0].count +
	    s->line[1].count;

	return most < round ? most : round;
}

static unsigned
sieve_victims(struct vm_policy *state, struct vm_page **pages, unsigned want)
{
	struct sieve *s = of(state);
	unsigned looks = looks_for(s, want);
	struct hunt hunt = { .s = s, .pages = pages, .looks = looks,
		.ahead = { .line = &s->ahead.line },
		.line = { { .line = &s->line[0] }, { .line = &s->line[1] } } };
	struct vm_pick *pick;

	for (unsigned i = 0; i < 2 * looks + want && hunt.got < want; i++) {
		pick = choose(&hunt);
		if (pick == NULL)
			break;
		look(&hunt, pick);
	}
	return hunt.got;
}

static uint32_t
sieve_count(const struct vm_policy *state)
{
	const struct sieve *s = (const struct sieve *)state;

	return s->ahead.line.count + s->line[0].count + s->line[1].count;
}

static bool
sieve_list(const struct vm_policy *state, unsigned i, const char **name,
    uint32_t *count)
{
	const struct sieve *s = (const struct sieve *)state;

	if (i > TAG_LINES)
		return false;
	*name = i == 0 ? "ahead" : i - 1 == s->coming ? "to come" : "passed";
	*count = i == 0 ? s->ahead.line.count : s->line[i - 1].count;
	return true;
}

const struct vm_policy_ops vm_policy_sieve = {
	.name = "sieve",
	.summary = "one queue and a hand; resists scans",
	.bytes = sieve_bytes,
	.init = sieve_init,
	.enqueue = sieve_enqueue,
	.dequeue = sieve_dequeue,
	.activate = sieve_activate,
	.deactivate = sieve_deactivate,
	.victims = sieve_victims,
	.refused = sieve_refused,
	.count = sieve_count,
	.list = sieve_list,
};
