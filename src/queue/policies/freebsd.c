/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * queue/policies/freebsd.c - active and inactive, with a count of activity.
 *
 * After FreeBSD 5.0's vm_page.c and vm_pageout.c.  The ACT_ constants may be
 * given (struct vm_act).  Pages arrive active, with a count of ACT_INIT.  A
 * scan of the active line finds them used, which adds ACT_ADVANCE to the count,
 * up to ACT_MAX, or not, which takes ACT_DECLINE; who has none left becomes
 * inactive.  Inactive pages go, first in first out, unless they were used
 * meanwhile.  A dirty one goes round once more before it is proposed (WINATCFLS
 * there, SECOND_ROUND here), so that clean ones are taken first and what is
 * written often is written less often.
 *
 *	arrive, activate --> active (count >= ACT_INIT)
 *	active, count 0, or deactivate --> inactive (tail or head) --> victim
 *	inactive, used --> active
 *
 * activate raises the count of an active page and leaves it where it is;
 * deactivate does nothing to an inactive one, not even at the head.
 *
 * Where we differ:
 * - A use is a mark in the slot, so several uses between two looks count once.
 * - The work of a call is bounded: after that, pages go in order of age
 *   whatever their marks and counts say.
 * - The inactive line is refilled to a share of the pages, which stands for
 *   the ancestor's inactive target of 1.5 times the pages kept free.
 * - Its cache queue is the queue room's line of cached pages: queue/queue.h.
 * - Pages fetched ahead of need wait apart (policies/ahead.h).
 * - Who is refused becomes active: others are looked at before.
 */
#include <errno.h>

#include "base/assert.h"
#include "base/error.h"
#include "queue/policies/ahead.h"
#include "queue/policies/line.h"
#include "queue/policy.h"

/* FreeBSD's ACT_INIT and so on (sys/vm/vm_page.h): looks at a page without use
 * until it is inactive, and what one use is worth; what vm_act does not say. */
#define ACT_INIT	5u
#define ACT_ADVANCE	3u
#define ACT_DECLINE	1u
#define ACT_MAX		64u

/* vm_page.weight of a page that is not ahead: the count, and this. */
#define ACT_COUNT	VM_ACT_MOST
#define SECOND_ROUND	0x100u

/* 3/32 of the pages inactive: 1.5 times the 1/16 that limit keeps free. */
#define INACTIVE_PARTS	3u
#define INACTIVE_SHARE	32u

/* As in s3fifo.c; the life of a page used once is 6 looks. */
#define LOOKS_PER_VICTIM 16u
#define LOOKS_PER_CALL	 64u

enum { TAG_AHEAD = 1, TAG_INACTIVE, TAG_ACTIVE };

struct freebsd {
	struct vm_policy policy;
	struct vm_ahead ahead;		/* (Q) */
	struct vm_line inactive;	/* head of the queue: cold end (Q) */
	struct vm_line active;		/* looked at longest ago: cold (Q) */
	uint32_t refusals;		/* since a page left (Q) */
};

/* One call of victims(). */
struct hunt {
	struct freebsd *f;
	struct vm_page **pages;
	unsigned got;
	unsigned looks;		/* left before marks no longer save */
	struct vm_pick ahead, inactive, active;
};

static void
default_to(uint32_t *value, uint32_t otherwise)
{
	if (*value == 0)
		*value = otherwise;
}

int
vm_act_complete(struct vm_act *act)
{
	uint32_t *values[] = { &act->initial, &act->advance, &act->decline,
		&act->max };

	default_to(&act->initial, ACT_INIT);
	default_to(&act->advance, ACT_ADVANCE);
	default_to(&act->decline, ACT_DECLINE);
	default_to(&act->max, ACT_MAX);
	for (unsigned i = 0; i < VM_COUNT(values); i++)
		if (*values[i] > VM_ACT_MOST)
			return vm_error(EINVAL, "activity: %u is more than %u",
			    *values[i], VM_ACT_MOST);
	if (act->initial > act->max)
		return vm_error(EINVAL, "activity: pages come in with %u, and "
		    "%u is the most", act->initial, act->max);
	return 0;
}

static struct freebsd *
of(struct vm_policy *state)
{
	return VM_CONTAINER(state, struct freebsd, policy);
}

static size_t
freebsd_bytes(uint32_t pages)
{
	(void)pages;
	return sizeof(struct freebsd);
}

static void
freebsd_init(struct vm_policy *state)
{
	struct freebsd *f = of(state);

	vm_ahead_init(&f->ahead, TAG_AHEAD, state->pages);
	vm_line_init(&f->inactive, TAG_INACTIVE);
	vm_line_init(&f->active, TAG_ACTIVE);
}

static struct vm_line *
line_of(struct freebsd *f, const struct vm_page *page)
{
	switch (page->list) {
	case TAG_AHEAD:
		return &f->ahead.line;
	case TAG_INACTIVE:
		return &f->inactive;
	default:
		vm_assert(page->list == TAG_ACTIVE);
		return &f->active;
	}
}

static uint32_t
count_of(const struct vm_page *page)
{
	return page->weight & ACT_COUNT;
}

static uint32_t
at_least(const struct vm_act *act, uint32_t count)
{
	return count < act->initial ? act->initial : count;
}

static void
freebsd_enqueue(struct vm_policy *state, struct vm_page *page,
    bool speculative)
{
	struct freebsd *f = of(state);

	f->ahead.arrivals++;
	if (speculative) {
		vm_ahead_put(&f->ahead, page);
		return;
	}
	page->weight = state->act.initial;
	vm_line_put_hot(&f->active, page);
}

static void
freebsd_dequeue(struct vm_policy *state, struct vm_page *page,
    enum vm_leave how)
{
	struct freebsd *f = of(state);

	(void)how;		/* no history */
	f->refusals = 0;
	vm_line_remove(line_of(f, page), page);
}

/* To the active line's end, from another one. */
static void
become_active(struct freebsd *f, struct vm_page *page, uint32_t count)
{
	vm_line_remove(line_of(f, page), page);
	page->weight = count;
	vm_line_put_hot(&f->active, page);
}

static uint32_t
activity(const struct vm_page *page)
{
	return page->list == TAG_AHEAD ? 0 : count_of(page);
}

static void
freebsd_activate(struct vm_policy *state, struct vm_page *page)
{
	uint32_t count = at_least(&state->act, activity(page));

	if (page->list == TAG_ACTIVE)
		page->weight = count;
	else
		become_active(of(state), page, count);
}

static void
freebsd_deactivate(struct vm_policy *state, struct vm_page *page,
    bool at_head)
{
	struct freebsd *f = of(state);
	uint32_t count = activity(page);

	if (page->list == TAG_INACTIVE)
		return;
	(void)state->env->referenced(page);
	vm_line_remove(line_of(f, page), page);
	page->weight = count;
	if (at_head)
		vm_line_put_cold(&f->inactive, page);
	else
		vm_line_put_hot(&f->inactive, page);
}

/* Somebody is in it, or wired it, or it could not be written. */
static void
freebsd_refused(struct vm_policy *state, struct vm_page *page)
{
	struct freebsd *f = of(state);

	become_active(f, page, at_least(&state->act, activity(page)));
	f->refusals++;
}

static bool
looks_left(struct hunt *hunt)
{
	if (hunt->looks == 0)
		return false;
	hunt->looks--;
	return true;
}

static void
propose(struct hunt *hunt, struct vm_pick *pick, struct vm_page *page)
{
	vm_pick_propose(pick, page);
	hunt->pages[hunt->got++] = page;
}

static uint32_t
raised(const struct vm_act *act, uint32_t count)
{
	return count + act->advance < act->max ? count + act->advance :
	    act->max;
}

/* The coldest page of a line that offers some: inactive or ahead. */
static void
look(struct hunt *hunt, struct vm_pick *pick)
{
	struct freebsd *f = hunt->f;
	const struct vm_policy_env *env = f->policy.env;
	const struct vm_act *act = &f->policy.act;
	struct vm_page *page = vm_pick_coldest(pick);
	bool save = looks_left(hunt), marked = env->referenced(page);

	if (vm_page_wired(page)) {
		freebsd_refused(&f->policy, page);
	} else if (marked && save) {
		become_active(f, page,
		    raised(act, at_least(act, activity(page))));
	} else if (save && page->list == TAG_INACTIVE && env->dirty(page) &&
	    (page->weight & SECOND_ROUND) == 0) {
		page->weight |= SECOND_ROUND;
		vm_line_remove(&f->inactive, page);
		vm_line_put_hot(&f->inactive, page);
	} else
		propose(hunt, pick, page);
}

/* The active page that was looked at longest ago; after the last look, one
 * that goes. */
static void
scan_active(struct hunt *hunt)
{
	struct freebsd *f = hunt->f;
	const struct vm_act *act = &f->policy.act;
	struct vm_page *page = vm_pick_coldest(&hunt->active);
	bool save = looks_left(hunt), marked = f->policy.env->referenced(page);
	uint32_t count = count_of(page);

	if (vm_page_wired(page)) {
		freebsd_refused(&f->policy, page);
		return;
	}
	if (!save) {
		propose(hunt, &hunt->active, page);
		return;
	}
	if (marked)
		count = raised(act, count);
	else
		count -= count < act->decline ? count : act->decline;
	vm_line_remove(&f->active, page);
	page->weight = count;
	vm_line_put_hot(count == 0 ? &f->inactive : &f->active, page);
}

static bool
inactive_enough(const struct hunt *hunt)
{
	uint64_t pages = vm_policy_room(&hunt->f->policy);
	uint64_t target = pages * INACTIVE_PARTS / INACTIVE_SHARE;

	return vm_pick_left(&hunt->inactive) > target;
}

/* One step; false: nothing is left.  Where all else was refused, those in
 * their grace have to do. */
static bool
step(struct hunt *hunt)
{
	uint32_t inactive = vm_pick_left(&hunt->inactive);
	uint32_t active = vm_pick_left(&hunt->active);
	uint32_t ahead = vm_pick_left(&hunt->ahead);

	if (ahead > 0 && (hunt->f->refusals >= inactive + active ||
	    !vm_ahead_in_grace(&hunt->f->ahead,
	    vm_pick_coldest(&hunt->ahead))))
		look(hunt, &hunt->ahead);
	else if (active > 0 && (inactive == 0 || (hunt->looks > 0 &&
	    !inactive_enough(hunt))))
		scan_active(hunt);
	else if (inactive > 0)
		look(hunt, &hunt->inactive);
	else
		return false;
	return true;
}

static unsigned
freebsd_victims(struct vm_policy *state, struct vm_page **pages,
    unsigned want)
{
	struct freebsd *f = of(state);
	unsigned looks = want * LOOKS_PER_VICTIM + LOOKS_PER_CALL;
	struct hunt hunt = { .f = f, .pages = pages, .looks = looks,
		.ahead = { .line = &f->ahead.line },
		.inactive = { .line = &f->inactive },
		.active = { .line = &f->active } };

	for (unsigned i = 0; i < 2 * looks && hunt.got < want; i++)
		if (!step(&hunt))
			break;
	return hunt.got;
}

static uint32_t
freebsd_count(const struct vm_policy *state)
{
	const struct freebsd *f = (const struct freebsd *)state;

	return f->ahead.line.count + f->inactive.count + f->active.count;
}

static bool
freebsd_list(const struct vm_policy *state, unsigned i, const char **name,
    uint32_t *count)
{
	const struct freebsd *f = (const struct freebsd *)state;
	const struct vm_line_name lines[] = {
		{ "ahead", &f->ahead.line }, { "inactive", &f->inactive },
		{ "active", &f->active },
	};

	if (i >= VM_COUNT(lines))
		return false;
	*name = lines[i].name;
	*count = lines[i].line->count;
	vm_assert(lines[i].line->tag == i + 1);
	return true;
}

static bool
freebsd_idle(const struct vm_policy *state, const struct vm_page *page)
{
	(void)state;
	return page->list == TAG_INACTIVE;
}

/* Not below what it came with less 1: one who says so often does not make it
 * go. */
static void
freebsd_cool(struct vm_policy *state, struct vm_page *page)
{
	if (page->list != TAG_AHEAD && count_of(page) >= state->act.initial)
		page->weight--;
}

static uint32_t
freebsd_activity(const struct vm_policy *state, const struct vm_page *page)
{
	(void)state;
	return activity(page);
}

const struct vm_policy_ops vm_policy_freebsd = {
	.name = "freebsd",
	.summary = "active and inactive, by a count of activity",
	.bytes = freebsd_bytes,
	.init = freebsd_init,
	.enqueue = freebsd_enqueue,
	.dequeue = freebsd_dequeue,
	.activate = freebsd_activate,
	.deactivate = freebsd_deactivate,
	.victims = freebsd_victims,
	.refused = freebsd_refused,
	.count = freebsd_count,
	.list = freebsd_list,
	.idle = freebsd_idle,
	.cool = freebsd_cool,
	.activity = freebsd_activity,
};
