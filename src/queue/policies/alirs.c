/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * queue/policies/alirs.c - adaptive LIRS that is told of uses by marks only.
 *
 * LIRS's, after Jiang, Zhang: LIRS: an efficient low inter-reference recency
 * set replacement policy, SIGMETRICS 2002.  Pages that come back soon are hot
 * (LIR there) and fill most of memory; the rest of memory is for the cold ones
 * (resident HIR), which leave in order of age and are remembered.  A cold or
 * remembered page that is used becomes hot if its last use is younger than the
 * oldest hot page's: its uses are closer together than those of that one, which
 * becomes cold.  So loops longer than memory keep a part of themselves in it,
 * and scans pass through the cold pages.
 *
 *	arrive --> cold --used, younger than the oldest hot--> hot
 *	           cold --used, not so young--> cold, at its new end
 *	           cold --oldest--> victim, remembered
 *	remembered --arrives--> hot or cold, as if it had been used
 *	hot --used--> hot, at its new end
 *	hot --oldest, while there are too many--> cold
 *
 * Ours:
 * - LIRS gives the cold pages 1 % for ever, and is far below LRU where what was
 *   used last is used next.  Here the share moves by one page, between 1 % and
 *   99 %: up when a remembered page arrives that LRU with this memory would
 *   have had, down at the use of a page that LRU would not have had.  Both are
 *   known by the page's stack distance (policies/ages.h).
 * - A use is a mark.  For each page that comes in, a sweep over the descriptors
 *   looks at two pages, clears marks, and moves what was used as above; so each
 *   page is looked at twice while memory is renewed once.  A page that was used
 *   between two looks was so, for its distance, halfway between them.
 * - There is no stack: a page's stamp against the oldest hot page's stamp says
 *   whether it would be in it.
 * - The history has three entries to two pages of memory, LIRS's as many as its
 *   stack holds.
 * - Pages fetched ahead of need wait apart (policies/ahead.h); their first use
 *   is their arrival.  Victims are proposed in batches and may be refused.  The
 *   work of a call is bounded.
 *
 * docs/policies.md says what it reaches, and what was tried instead.
 */
#include "base/assert.h"
#include "queue/policies/ages.h"
#include "queue/policies/ahead.h"
#include "queue/policies/brief.h"
#include "queue/policies/line.h"
#include "queue/policy.h"

/* The cold pages' share of memory: 1 % as in the paper to begin with and at
 * least, so much of 100 at most. */
#define SHARE_LEAST	1u
#define SHARE_MOST	99u

/* 1/4 of memory comes in while the least room is looked for: the daemon's batch
 * is a 16th of it. */
#define WINDOW_SHARE	4u

/* 3 entries of 3 bytes per 2 pages of memory: 0.11 % of it. */
#define HISTORY(pages) ((uint64_t)(pages) * 3 / 2)

/* Looks of the sweep per page that comes in; 4 gain nothing. */
#define SWEEP_LOOKS 2u
/* Descriptors per page that comes in that the sweep goes over, those that are
 * not the policy's with it, and how far ahead it asks for memory: the slot is
 * known half way. */
#define SWEEP_STEPS 16u
#define SWEEP_AHEAD	8u

/* A quarter of those in s3fifo.c: where a page was used there may be three more
 * to see whether it becomes hot. */
#define LOOKS_PER_VICTIM 4u
#define LOOKS_PER_CALL	 14u
/* Hot pages looked at, oldest first, to find the one that becomes cold. */
#define LOOKS_PER_DEMOTION 8u

/* The same to see whether a page becomes hot. */
#define LOOKS_TO_PRUNE	2u

enum { TAG_AHEAD = 1, TAG_COLD, TAG_HOT };

/* vm_page.weight of a page that is not ahead: stamps of the last use that was
 * seen, and of the last look (the use itself was one). */
#define STAMPS(used, looked) ((uint32_t)(used) << 16 | (looked))

struct alirs {
	struct vm_policy policy;
	struct vm_ahead ahead;		/* (Q) */
	struct vm_line cold;		/* (Q) */
	struct vm_line hot;		/* by stamp, oldest: cold end (Q) */
	uint32_t room;			/* see settle() (Q) */
	uint32_t low, low_before;	/* least pages left after a batch, in
					 * this window and the last (Q) */
	uint32_t window;		/* pages to come in it (Q) */
	uint32_t share;			/* pages of them for cold ones (Q) */
	uint32_t hand;			/* the sweep's next page (Q) */
	uint32_t refusals;		/* since a page left (Q) */
	bool full;			/* memory was, once (Q) */
	struct vm_ages ages;		/* (Q) */
	struct vm_brief past;		/* stamps: ages' (Q) */
	struct vm_brief_set sets[];	/* (Q) */
};

/* One call of victims(). */
struct hunt {
	struct alirs *a;
	struct vm_page **pages;
	unsigned got;
	unsigned looks;		/* left before marks no longer save */
	struct vm_pick ahead, cold;
};

static struct alirs *
of(struct vm_policy *state)
{
	return VM_CONTAINER(state, struct alirs, policy);
}

static uint32_t
history_sets(uint32_t pages)
{
	return vm_brief_sets(HISTORY(pages));
}

static size_t
alirs_bytes(uint32_t pages)
{
	return sizeof(struct alirs) +
	    history_sets(pages) * sizeof(struct vm_brief_set);
}

/* ---- shares ------------------------------------------------------------- */

static uint32_t
least_share(const struct alirs *a)
{
	return (uint32_t)((uint64_t)a->room * SHARE_LEAST / 100) + 1;
}

static uint32_t
most_share(const struct alirs *a)
{
	return (uint32_t)((uint64_t)a->room * SHARE_MOST / 100) + 1;
}

static uint32_t
most_hot(const struct alirs *a)
{
	return a->room > a->share + 1 ? a->room - a->share : 1;
}

static void
set_room(struct alirs *a, uint32_t pages)
{
	a->room = pages;
	if (a->share < least_share(a))
		a->share = least_share(a);
	if (a->share > most_share(a))
		a->share = most_share(a);
}

static void
alirs_init(struct vm_policy *state)
{
	struct alirs *a = of(state);

	vm_ahead_init(&a->ahead, TAG_AHEAD, state->pages);
	vm_line_init(&a->cold, TAG_COLD);
	vm_line_init(&a->hot, TAG_HOT);
	a->low = a->low_before = state->pages;
	a->window = 1;
	set_room(a, state->pages);
	a->past.sets = a->sets;
	a->past.count_sets = history_sets(state->pages);
}

/*
 * How many pages memory has for us is not what it was made for: others have
 * some, the limit moves, and whole batches are evicted ahead of need.  What
 * counts is what is left after a batch: with more than that hot, a batch would
 * take hot pages.  It is the least of the last two windows.
 */
static void
settle(struct alirs *a)
{
	uint32_t low = a->low < a->low_before ? a->low : a->low_before;

	if (low != a->room)
		set_room(a, low);
}

static void
count_arrival(struct alirs *a)
{
	if (--a->window > 0)
		return;
	a->window = a->room / WINDOW_SHARE + 1;
	a->low_before = a->low;
	a->low = a->policy.pages;
	settle(a);
}

static void
count_batch(struct alirs *a, uint32_t left)
{
	if (left >= a->low)
		return;
	a->low = left;
	settle(a);
}

/* ---- stamps ------------------------------------------------------------- */

static uint16_t
used_at(const struct vm_page *page)
{
	return (uint16_t)(page->weight >> 16);
}

static uint16_t
looked_at(const struct vm_page *page)
{
	return (uint16_t)page->weight;
}

static struct vm_page *
oldest(const struct vm_line *line)
{
	return VM_ENTRY(vm_list_last(&line->pages), struct vm_page, queue);
}

static void
stamp_now(struct alirs *a, struct vm_page *page)
{
	uint16_t now = vm_ages_enter(&a->ages, a->room);

	page->weight = STAMPS(now, now);
}

/* The history has a stamp's lower bits. */
static uint16_t
restore(const struct alirs *a, uint32_t stamp)
{
	uint16_t age = (uint16_t)(a->ages.now - stamp) % VM_BRIEF_STAMPS;

	return (uint16_t)(a->ages.now - age);
}

/* A remembered page is back: would LRU have had it? */
static void
learn_miss(struct alirs *a, uint16_t stamp)
{
	if (vm_ages_distance(&a->ages, stamp) < a->room &&
	    a->share < most_share(a))
		a->share++;
}

/* A page was used since the last look at it: would LRU have had it? */
static void
learn_use(struct alirs *a, const struct vm_page *page)
{
	uint32_t used = vm_ages_distance(&a->ages, used_at(page));
	uint32_t looked = vm_ages_distance(&a->ages, looked_at(page));

	if (used > a->room + looked / 2 && a->share > least_share(a))
		a->share--;
}

/* ---- pages come, are used, and go --------------------------------------- */

static struct vm_line *
line_of(struct alirs *a, const struct vm_page *page)
{
	switch (page->list) {
	case TAG_AHEAD:
		return &a->ahead.line;
	case TAG_COLD:
		return &a->cold;
	default:
		vm_assert(page->list == TAG_HOT);
		return &a->hot;
	}
}

static void
make_cold(struct alirs *a, struct vm_page *page)
{
	vm_line_remove(&a->hot, page);
	vm_line_put_hot(&a->cold, page);
}

/* It is in its line's newest place, and used now. */
static void
renew(struct alirs *a, struct vm_page *page, struct vm_line *line)
{
	vm_ages_leave(&a->ages, used_at(page));
	stamp_now(a, page);
	vm_line_remove(line_of(a, page), page);
	vm_line_put_hot(line, page);
}

static void
use_hot(struct alirs *a, struct vm_page *page)
{
	learn_use(a, page);
	renew(a, page, &a->hot);
}

/*
 * Is that stamp younger than the oldest hot page's, or room for one more?  The
 * oldest hot page has to be one that was not used since it was looked at
 * (LIRS's pruning).  After a long run of hits such a one may be far: then the
 * answer is no, as in doubt: a loop that took pages of its own for younger than
 * others of it would lose them all.
 */
static bool
is_young(struct alirs *a, uint16_t stamp)
{
	if (a->hot.count < most_hot(a))
		return true;
	for (unsigned i = 0; i <= LOOKS_TO_PRUNE; i++) {
		struct vm_page *bottom = oldest(&a->hot);

		if (bottom == NULL)
			return true;
		if (vm_ages_age(&a->ages, stamp) >=
		    vm_ages_age(&a->ages, used_at(bottom)))
			return false;
		if (!a->policy.env->referenced(bottom))
			return true;
		use_hot(a, bottom);
	}
	return false;
}

/* A page of hot or cold was used.  Hot may be too long afterwards. */
static void
use(struct alirs *a, struct vm_page *page)
{
	bool hot = page->list == TAG_HOT || is_young(a, used_at(page));

	learn_use(a, page);
	renew(a, page, hot ? &a->hot : &a->cold);
}

/*
 * The oldest hot pages become cold until there are not too many, unless all
 * that were looked at were used: then there are too many for a while.
 */
static void
trim(struct alirs *a)
{
	unsigned looks = LOOKS_PER_DEMOTION;

	while (a->hot.count > most_hot(a) && looks > 0) {
		struct vm_page *page = oldest(&a->hot);

		looks--;
		if (a->policy.env->referenced(page))
			use(a, page);
		else
			make_cold(a, page);
	}
}

/* A page's first use. */
static void
arrive(struct alirs *a, struct vm_page *page)
{
	uint32_t stamp;
	bool hot;

	if (vm_brief_take(&a->past, a->policy.env->identity(page), &stamp)) {
		stamp = restore(a, stamp);
		learn_miss(a, (uint16_t)stamp);
		hot = is_young(a, (uint16_t)stamp);
		vm_ages_leave(&a->ages, (uint16_t)stamp);
	} else
		hot = !a->full && a->hot.count < most_hot(a);
	stamp_now(a, page);
	vm_line_put_hot(hot ? &a->hot : &a->cold, page);
	trim(a);
}

static void
first_use(struct alirs *a, struct vm_page *page)
{
	vm_line_remove(&a->ahead.line, page);
	arrive(a, page);
}

/* ---- the sweep ---------------------------------------------------------- */

/* Was it used? */
static bool
look_in_passing(struct alirs *a, struct vm_page *page)
{
	if (!a->policy.env->referenced(page)) {
		if (page->list != TAG_AHEAD)
			page->weight = STAMPS(vm_ages_clamp(&a->ages,
			    used_at(page)), a->ages.now);
		return false;
	}
	if (page->list == TAG_AHEAD) {
		first_use(a, page);
	} else {
		use(a, page);
		trim(a);
	}
	return true;
}

static struct vm_page *
sweep_page(const struct alirs *a, uint32_t ahead)
{
	uint32_t at = a->hand + ahead;

	/* No page ahead is asked for where the array is about to end. */
	return &a->policy.env->pages[at < a->policy.pages ? at : a->hand];
}

static void
sweep(struct alirs *a)
{
	unsigned looks = 0;

	if (a->policy.env->pages == NULL)
		return;
	for (unsigned i = 0; i < SWEEP_STEPS && looks < SWEEP_LOOKS; i++) {
		struct vm_page *page = sweep_page(a, 0);

		VM_PREFETCH(sweep_page(a, SWEEP_AHEAD));
		VM_PREFETCH(atomic_load_explicit(&sweep_page(a, SWEEP_AHEAD /
		    2)->slot, memory_order_relaxed));
		if (++a->hand == a->policy.pages)
			a->hand = 0;
		if (page->list < TAG_AHEAD || page->list > TAG_HOT ||
		    !vm_policy_has(&a->policy, page))
			continue;
		looks += !look_in_passing(a, page);
	}
}

/* ---- the table's entries ------------------------------------------------ */

static void
alirs_enqueue(struct vm_policy *state, struct vm_page *page, bool speculative)
{
	struct alirs *a = of(state);

	a->ahead.arrivals++;
	count_arrival(a);
	if (speculative)
		vm_ahead_put(&a->ahead, page);
	else
		arrive(a, page);
	sweep(a);
	/* For each that comes one will have to go, most likely a cold one. */
	vm_line_approach(&a->cold, &a->policy);
}

static void
remember(struct alirs *a, struct vm_page *page)
{
	uint32_t dropped;

	if (vm_brief_add(&a->past, a->policy.env->identity(page),
	    used_at(page) % VM_BRIEF_STAMPS, &dropped))
		vm_ages_leave(&a->ages, restore(a, dropped));
}

static void
alirs_dequeue(struct vm_policy *state, struct vm_page *page,
    enum vm_leave how)
{
	struct alirs *a = of(state);
	struct vm_line *line = line_of(a, page);

	a->refusals = 0;
	if (line != &a->ahead.line && how == VM_LEAVE_EVICTED)
		remember(a, page);
	else if (line != &a->ahead.line)
		vm_ages_leave(&a->ages, used_at(page));
	vm_line_remove(line, page);
}

static void
alirs_activate(struct vm_policy *state, struct vm_page *page)
{
	struct alirs *a = of(state);

	if (page->list == TAG_AHEAD) {
		first_use(a, page);
		return;
	}
	(void)state->env->referenced(page);
	use(a, page);
	trim(a);
}

static void
alirs_deactivate(struct vm_policy *state, struct vm_page *page, bool at_head)
{
	struct alirs *a = of(state);
	struct vm_line *line = line_of(a, page);

	(void)at_head;		/* all go next */
	(void)state->env->referenced(page);
	if (line == &a->ahead.line)
		stamp_now(a, page);
	vm_line_remove(line, page);
	vm_line_put_cold(&a->cold, page);
}

/* Somebody is in it, or wired it.  Hot, whatever it was before: pages that
 * cannot go would otherwise be all that cold has to offer, for ever. */
static void
alirs_refused(struct vm_policy *state, struct vm_page *page)
{
	struct alirs *a = of(state);

	if (page->list == TAG_AHEAD) {
		vm_line_remove(&a->ahead.line, page);
		stamp_now(a, page);
		vm_line_put_hot(&a->hot, page);
	} else
		renew(a, page, &a->hot);
	a->refusals++;
}

/* ---- victims ------------------------------------------------------------ */

static bool
look(struct hunt *hunt, struct vm_page *page)
{
	if (hunt->looks == 0)
		return false;
	hunt->looks--;
	return hunt->a->policy.env->referenced(page);
}

static void
consider(struct hunt *hunt, struct vm_pick *pick)
{
	struct alirs *a = hunt->a;
	struct vm_page *page = vm_pick_coldest(pick);

	if (vm_page_wired(page)) {
		alirs_refused(&a->policy, page);
	} else if (look(hunt, page)) {
		if (pick == &hunt->ahead)
			first_use(a, page);
		else
			use(a, page);
	} else {
		vm_pick_propose(pick, page);
		vm_brief_expect(&a->past, a->policy.env->identity(page));
		hunt->pages[hunt->got++] = page;
	}
}

/* Hot is too long, or no cold page is left. */
static void
demote(struct hunt *hunt)
{
	struct alirs *a = hunt->a;
	struct vm_page *page = oldest(&a->hot);

	if (vm_page_wired(page))
		alirs_refused(&a->policy, page);
	else if (look(hunt, page))
		use(a, page);
	else
		make_cold(a, page);
}

/* One step; false: nothing is left.  Where all else was refused, those in
 * their grace have to do. */
static bool
step(struct hunt *hunt)
{
	struct alirs *a = hunt->a;
	uint32_t cold = vm_pick_left(&hunt->cold);
	struct vm_pick *ahead = &hunt->ahead;

	if (vm_pick_left(ahead) > 0 &&
	    (a->refusals >= cold + a->hot.count ||
	    !vm_ahead_in_grace(&a->ahead, vm_pick_coldest(ahead))))
		consider(hunt, ahead);
	else if (cold > 0)
		consider(hunt, &hunt->cold);
	else if (a->hot.count > 0)
		demote(hunt);
	else
		return false;
	return true;
}

static unsigned
alirs_victims(struct vm_policy *state, struct vm_page **pages, unsigned want)
{
	struct alirs *a = of(state);
	unsigned looks = want * LOOKS_PER_VICTIM + LOOKS_PER_CALL;
	struct hunt hunt = { .a = a, .pages = pages, .looks = looks,
		.ahead = { .line = &a->ahead.line },
		.cold = { .line = &a->cold } };

	a->full = true;
	trim(a);
	for (unsigned i = 0; i < 2 * looks && hunt.got < want; i++)
		if (!step(&hunt))
			break;
	if (hunt.cold.cursor != NULL)
		vm_line_approach_behind(&a->cold, hunt.cold.cursor);
	/* The last one's place is the next arrival's. */
	count_batch(a, state->ops->count(state) - hunt.got +
	    (hunt.got > 0));
	return hunt.got;
}

static void
alirs_expect(const struct vm_policy *state, uint64_t identity)
{
	const struct alirs *a = (const struct alirs *)state;

	vm_brief_expect(&a->past, identity);
}

static uint32_t
alirs_count(const struct vm_policy *state)
{
	const struct alirs *a = (const struct alirs *)state;

	return a->ahead.line.count + a->cold.count + a->hot.count;
}

static bool
alirs_list(const struct vm_policy *state, unsigned i, const char **name,
    uint32_t *count)
{
	const struct alirs *a = (const struct alirs *)state;
	const struct vm_line_name lines[] = {
		{ "ahead", &a->ahead.line }, { "cold", &a->cold },
		{ "hot", &a->hot },
	};

	if (i >= VM_COUNT(lines))
		return false;
	*name = lines[i].name;
	*count = lines[i].line->count;
	vm_assert(lines[i].line->tag == i + 1);
	return true;
}

const struct vm_policy_ops vm_policy_alirs = {
	.name = "alirs",
	.summary = "hot and cold by reuse distance; resists scans and loops",
	.bytes = alirs_bytes,
	.init = alirs_init,
	.enqueue = alirs_enqueue,
	.dequeue = alirs_dequeue,
	.activate = alirs_activate,
	.deactivate = alirs_deactivate,
	.victims = alirs_victims,
	.refused = alirs_refused,
	.count = alirs_count,
	.list = alirs_list,
	.expect = alirs_expect,
};
