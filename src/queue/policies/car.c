/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * queue/policies/car.c - two clocks whose shares adapt.
 *
 * After Bansal, Modha: CAR: Clock with Adaptive Replacement, FAST 2004: ARC
 * (Megiddo, Modha, FAST 2003) told of uses by marks.  New pages enter the
 * clock `recent`; a marked page that its hand meets goes to the clock
 * `frequent`.  What leaves either is remembered.  Who comes back enters
 * frequent, and says that the clock it had left was too small: the target of
 * recent moves.
 *
 *	arrive --> recent --marked--> frequent --marked--> frequent
 *	             | unmarked           | unmarked
 *	             v                    v
 *	          victim, remembered in a history of that clock
 *
 * Where we differ:
 * - A history is a table of sets (policies/past.h), and an entry counts as long
 *   as not more pages have left that clock since than the history is to have;
 *   those that came back meanwhile make it a little shorter than the paper's.
 * - Pages fetched ahead of need wait apart (policies/ahead.h).  Victims are
 *   proposed in batches and may be refused.  The work of a call is bounded.
 */
#include "base/assert.h"
#include "queue/policies/ahead.h"
#include "queue/policies/line.h"
#include "queue/policies/past.h"
#include "queue/policy.h"

/* As in s3fifo.c. */
#define LOOKS_PER_VICTIM 16u
#define LOOKS_PER_CALL	 64u

enum { TAG_AHEAD = 1, TAG_RECENT, TAG_FREQUENT };
enum clock { RECENT, FREQUENT, CLOCKS };

struct clock_past {
	uint32_t evicted;	/* ever, modulo 2^32: the stamps (Q) */
	uint32_t count;		/* remembered (Q) */
	struct vm_past past;	/* (Q) */
};

struct car {
	struct vm_policy policy;
	struct vm_ahead ahead;			/* (Q) */
	struct vm_line clock[CLOCKS];		/* (Q) */
	struct clock_past past[CLOCKS];		/* (Q) */
	uint32_t target;	/* of recent (Q) */
	uint32_t refusals;	/* since a page left (Q) */
	struct vm_past_set sets[];		/* (Q) */
};

/* One call of victims(). */
struct hunt {
	struct car *c;
	struct vm_page **pages;
	unsigned got;
	unsigned looks;		/* left before marks no longer save */
	struct vm_pick ahead, clock[CLOCKS];
};

static struct car *
of(struct vm_policy *state)
{
	return VM_CONTAINER(state, struct car, policy);
}

static size_t
car_bytes(uint32_t pages)
{
	return sizeof(struct car) + CLOCKS * vm_past_sets(pages) *
	    sizeof(struct vm_past_set);
}

static void
car_init(struct vm_policy *state)
{
	struct car *c = of(state);
	uint32_t sets = vm_past_sets(state->pages);

	vm_ahead_init(&c->ahead, TAG_AHEAD, state->pages);
	for (unsigned i = RECENT; i < CLOCKS; i++) {
		vm_line_init(&c->clock[i], (uint8_t)(TAG_RECENT + i));
		c->past[i].past = (struct vm_past){ c->sets + i * sets, sets };
	}
}

static struct vm_line *
line_of(struct car *c, const struct vm_page *page)
{
	vm_assert(page->list >= TAG_AHEAD && page->list <= TAG_FREQUENT);
	return page->list == TAG_AHEAD ? &c->ahead.line :
	    &c->clock[page->list - TAG_RECENT];
}

static uint32_t
less(uint32_t from, uint32_t what)
{
	return from > what ? from - what : 0;
}

/* How long a history may be: recent's and its clock are one memory, all are
 * two. */
static uint32_t
past_most(const struct car *c, enum clock which)
{
	return less(vm_policy_room(&c->policy), which == RECENT ?
	    c->clock[RECENT].count : c->past[RECENT].count);
}

static bool
recall(struct car *c, uint64_t identity, enum clock which)
{
	struct clock_past *past = &c->past[which];
	uint32_t stamp;

	if (!vm_past_take(&past->past, identity, &stamp) ||
	    past->evicted - stamp > past_most(c, which))
		return false;
	past->count = less(past->count, 1);
	return true;
}

static void
remember(struct car *c, uint64_t identity, enum clock which)
{
	struct clock_past *past = &c->past[which];
	uint32_t most, dropped;

	(void)vm_past_add(&past->past, identity, past->evicted++, &dropped);
	past->count++;
	for (unsigned i = RECENT; i < CLOCKS; i++) {
		most = past_most(c, i);
		if (c->past[i].count > most)
			c->past[i].count = most;
	}
}

/* The clock was too small; by so much per entry of its history as the other
 * history is longer. */
static uint32_t
lesson(const struct car *c, enum clock which)
{
	uint32_t mine = c->past[which].count + 1;	/* with the one found */
	uint32_t other = c->past[!which].count;

	return other > mine ? other / mine : 1;
}

/* A page's first use. */
static void
arrive(struct car *c, struct vm_page *page)
{
	uint64_t identity = c->policy.env->identity(page);
	enum clock to = FREQUENT;

	if (recall(c, identity, RECENT)) {
		c->target += lesson(c, RECENT);
		if (c->target > vm_policy_room(&c->policy))
			c->target = vm_policy_room(&c->policy);
	} else if (recall(c, identity, FREQUENT))
		c->target = less(c->target, lesson(c, FREQUENT));
	else
		to = RECENT;
	page->weight = 0;
	vm_line_put_hot(&c->clock[to], page);
}

static void
car_enqueue(struct vm_policy *state, struct vm_page *page, bool speculative)
{
	struct car *c = of(state);

	c->ahead.arrivals++;
	if (speculative)
		vm_ahead_put(&c->ahead, page);
	else
		arrive(c, page);
}

static void
car_dequeue(struct vm_policy *state, struct vm_page *page, enum vm_leave how)
{
	struct car *c = of(state);
	struct vm_line *line = line_of(c, page);

	c->refusals = 0;
	if (line != &c->ahead.line && how == VM_LEAVE_EVICTED)
		remember(c, state->env->identity(page),
		    page->list - TAG_RECENT);
	vm_line_remove(line, page);
}

static void
used(struct car *c, struct vm_page *page)
{
	struct vm_line *from = line_of(c, page);

	vm_line_remove(from, page);
	if (from == &c->ahead.line)
		arrive(c, page);
	else
		vm_line_put_hot(&c->clock[FREQUENT], page);
}

static void
car_activate(struct vm_policy *state, struct vm_page *page)
{
	used(of(state), page);
}

static void
car_deactivate(struct vm_policy *state, struct vm_page *page, bool at_head)
{
	struct car *c = of(state);
	struct vm_line *from = line_of(c, page);
	enum clock first = c->clock[RECENT].count >= c->target ? RECENT :
	    FREQUENT;

	(void)at_head;		/* all go next */
	(void)state->env->referenced(page);
	vm_line_remove(from, page);
	vm_line_put_cold(&c->clock[first], page);
}

/* Somebody is in it, or wired it: as if it had been used. */
static void
car_refused(struct vm_policy *state, struct vm_page *page)
{
	struct car *c = of(state);

	vm_line_remove(line_of(c, page), page);
	vm_line_put_hot(&c->clock[FREQUENT], page);
	c->refusals++;
}

static bool
look(struct hunt *hunt, struct vm_page *page)
{
	if (hunt->looks == 0)
		return false;
	hunt->looks--;
	return hunt->c->policy.env->referenced(page);
}

static void
consider(struct hunt *hunt, struct vm_pick *pick)
{
	struct vm_page *page = vm_pick_coldest(pick);

	if (vm_page_wired(page)) {
		car_refused(&hunt->c->policy, page);
	} else if (look(hunt, page)) {
		used(hunt->c, page);
	} else {
		vm_pick_propose(pick, page);
		hunt->pages[hunt->got++] = page;
	}
}

/* NULL: nothing is left.  Where all of a clock was refused, the other one has
 * to do. */
static struct vm_pick *
choose(struct hunt *hunt)
{
	struct car *c = hunt->c;
	uint32_t recent = vm_pick_left(&hunt->clock[RECENT]);
	uint32_t frequent = vm_pick_left(&hunt->clock[FREQUENT]);
	uint32_t target = c->target > 1 ? c->target : 1;

	if (vm_pick_left(&hunt->ahead) > 0 &&
	    (c->refusals >= recent + frequent ||
	    !vm_ahead_in_grace(&c->ahead, vm_pick_coldest(&hunt->ahead))))
		return &hunt->ahead;
	if (recent > 0 && (recent >= target || c->refusals >= frequent))
		return &hunt->clock[RECENT];
	return frequent > 0 ? &hunt->clock[FREQUENT] : NULL;
}

static unsigned
car_victims(struct vm_policy *state, struct vm_page **pages, unsigned want)
{
	struct car *c = of(state);
	unsigned looks = want * LOOKS_PER_VICTIM + LOOKS_PER_CALL;
	struct hunt hunt = { .c = c, .pages = pages, .looks = looks,
		.ahead = { .line = &c->ahead.line },
		.clock = { { .line = &c->clock[RECENT] },
		    { .line = &c->clock[FREQUENT] } } };
	struct vm_pick *pick;

	for (unsigned i = 0; i < 2 * looks && hunt.got < want; i++) {
		pick = choose(&hunt);
		if (pick == NULL)
			break;
		consider(&hunt, pick);
	}
	return hunt.got;
}

static uint32_t
car_count(const struct vm_policy *state)
{
	const struct car *c = (const struct car *)state;

	return c->ahead.line.count + c->clock[RECENT].count +
	    c->clock[FREQUENT].count;
}

static bool
car_list(const struct vm_policy *state, unsigned i, const char **name,
    uint32_t *count)
{
	const struct car *c = (const struct car *)state;
	const struct vm_line_name lines[] = {
		{ "ahead", &c->ahead.line }, { "recent", &c->clock[RECENT] },
		{ "frequent", &c->clock[FREQUENT] },
	};

	if (i >= VM_COUNT(lines))
		return false;
	*name = lines[i].name;
	*count = lines[i].line->count;
	vm_assert(lines[i].line->tag == i + 1);
	return true;
}

const struct vm_policy_ops vm_policy_car = {
	.name = "car",
	.summary = "two clocks, recent and frequent, that adapt",
	.bytes = car_bytes,
	.init = car_init,
	.enqueue = car_enqueue,
	.dequeue = car_dequeue,
	.activate = car_activate,
	.deactivate = car_deactivate,
	.victims = car_victims,
	.refused = car_refused,
	.count = car_count,
	.list = car_list,
};
