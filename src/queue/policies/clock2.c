/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * queue/policies/clock2.c - active and inactive, each internal and external.
 *
 * After GNU Mach's vm_page.c and vm_pageout.c.  Pages arrive active.  When
 * victims are wanted, the inactive lines are refilled from the active ones,
 * oldest first and marks cleared, until at most a third of all is active.
 * Inactive pages that were used since become active again; the others go:
 *
 *	inactive external, inactive internal, active external, active internal
 *
 * External pages are those of objects with a pager of their own, which can be
 * read again from where they came; internal ones need swap.
 *
 * activate always moves a page to the end of its active line, deactivate
 * moves one to the end of its inactive line unless it is there and was not
 * used since; at the head is ours.
 *
 * Where we differ:
 * - One segment of memory: nothing is balanced between several.
 * - The work of a call is bounded: after that, pages go in order of age
 *   whether marked or not.
 * - The ancestor stops when 5 internal pages are in the laundry; here the
 *   caller bounds what is written at once.
 * - Pages fetched ahead of need wait apart (policies/ahead.h).
 * - Who is refused becomes active: others are looked at before.
 */
#include "base/assert.h"
#include "queue/policies/ahead.h"
#include "queue/policies/line.h"
#include "queue/policy.h"

/* At most 1 page of 3 stays active: the ancestor's inactive target is two
 * thirds. */
#define ACTIVE_SHARE	3u

/* As in s3fifo.c. */
#define LOOKS_PER_VICTIM 16u
#define LOOKS_PER_CALL	 64u

/* In the order in which they give pages away. */
enum {
	AHEAD,
	INACTIVE_EXTERNAL,
	INACTIVE_INTERNAL,
	ACTIVE_EXTERNAL,
	ACTIVE_INTERNAL,
	LINES,
};

struct clock2 {
	struct vm_policy policy;
	struct vm_ahead ahead;		/* (Q) */
	struct vm_line line[LINES];	/* [AHEAD] is not used (Q) */
	uint32_t refusals;		/* since a page left (Q) */
};

/* One call of victims(). */
struct hunt {
	struct clock2 *c;
	struct vm_page **pages;
	unsigned got;
	unsigned looks;		/* left before marks no longer save */
	struct vm_pick pick[LINES];
};

static struct clock2 *
of(struct vm_policy *state)
{
	return VM_CONTAINER(state, struct clock2, policy);
}

static size_t
clock2_bytes(uint32_t pages)
{
	(void)pages;
	return sizeof(struct clock2);
}

static void
clock2_init(struct vm_policy *state)
{
	struct clock2 *c = of(state);

	vm_ahead_init(&c->ahead, AHEAD + 1, state->pages);
	for (uint8_t i = AHEAD + 1; i < LINES; i++)
		vm_line_init(&c->line[i], (uint8_t)(i + 1));
}

static struct vm_line *
line_at(struct clock2 *c, unsigned i)
{
	return i == AHEAD ? &c->ahead.line : &c->line[i];
}

static struct vm_line *
line_of(struct clock2 *c, const struct vm_page *page)
{
	vm_assert(page->list >= AHEAD + 1 && page->list <= LINES);
	return line_at(c, page->list - 1u);
}

static bool
is_inactive(const struct vm_page *page)
{
	return page->list == INACTIVE_EXTERNAL + 1 ||
	    page->list == INACTIVE_INTERNAL + 1;
}

static void
arrive(struct clock2 *c, struct vm_page *page)
{
	bool external = c->policy.env->external(page);

	vm_line_put_hot(&c->line[external ? ACTIVE_EXTERNAL :
	    ACTIVE_INTERNAL], page);
}

static void
make_active(struct clock2 *c, struct vm_page *page)
{
	vm_line_remove(line_of(c, page), page);
	arrive(c, page);
}

static void
make_inactive(struct clock2 *c, struct vm_page *page, bool at_head)
{
	bool external = c->policy.env->external(page);
	struct vm_line *line = &c->line[external ? INACTIVE_EXTERNAL :
	    INACTIVE_INTERNAL];

	vm_line_remove(line_of(c, page), page);
	if (at_head)
		vm_line_put_cold(line, page);
	else
		vm_line_put_hot(line, page);
}

static void
clock2_enqueue(struct vm_policy *state, struct vm_page *page,
    bool speculative)
{
	struct clock2 *c = of(state);

	c->ahead.arrivals++;
	if (speculative)
		vm_ahead_put(&c->ahead, page);
	else
		arrive(c, page);
}

static void
clock2_dequeue(struct vm_policy *state, struct vm_page *page,
    enum vm_leave how)
{
	struct clock2 *c = of(state);

	(void)how;		/* no history */
	c->refusals = 0;
	vm_line_remove(line_of(c, page), page);
}

static void
clock2_activate(struct vm_policy *state, struct vm_page *page)
{
	make_active(of(state), page);
}

static void
clock2_deactivate(struct vm_policy *state, struct vm_page *page, bool at_head)
{
	bool used = state->env->referenced(page);

	if (!is_inactive(page) || used || at_head)
		make_inactive(of(state), page, at_head);
}

/* Somebody is in it, or wired it, or it could not be written. */
static void
clock2_refused(struct vm_policy *state, struct vm_page *page)
{
	make_active(of(state), page);
	of(state)->refusals++;
}

/* Looks at the coldest page of one line: proposes it or moves it away. */
static void
look(struct hunt *hunt, struct vm_pick *pick)
{
	struct vm_policy *state = &hunt->c->policy;
	struct vm_page *page = vm_pick_coldest(pick);
	bool marked = state->env->referenced(page);

	if (vm_page_wired(page)) {
		clock2_refused(state, page);
	} else if (marked && hunt->looks > 0) {
		make_active(hunt->c, page);
	} else {
		vm_pick_propose(pick, page);
		hunt->pages[hunt->got++] = page;
	}
	if (hunt->looks > 0)
		hunt->looks--;
}

/* The oldest active page, external ones first, gets its second chance. */
static void
refill(struct hunt *hunt)
{
	struct vm_pick *pick = &hunt->pick[ACTIVE_EXTERNAL];
	struct vm_page *page;

	if (vm_pick_left(pick) == 0)
		pick = &hunt->pick[ACTIVE_INTERNAL];
	page = vm_pick_coldest(pick);
	(void)hunt->c->policy.env->referenced(page);
	if (vm_page_wired(page))
		clock2_refused(&hunt->c->policy, page);
	else
		make_inactive(hunt->c, page, false);
	hunt->looks--;
}

static uint32_t
left(const struct hunt *hunt, unsigned first, unsigned last)
{
	return vm_pick_left(&hunt->pick[first]) +
	    vm_pick_left(&hunt->pick[last]);
}

/* One step; false: nothing is left.  Where all else was refused, those in
 * their grace have to do. */
static bool
step(struct hunt *hunt)
{
	uint32_t inactive = left(hunt, INACTIVE_EXTERNAL, INACTIVE_INTERNAL);
	uint32_t active = left(hunt, ACTIVE_EXTERNAL, ACTIVE_INTERNAL);
	struct vm_pick *ahead = &hunt->pick[AHEAD];

	if (vm_pick_left(ahead) > 0 &&
	    (hunt->c->refusals >= inactive + active ||
	    !vm_ahead_in_grace(&hunt->c->ahead, vm_pick_coldest(ahead)))) {
		look(hunt, ahead);
		return true;
	}
	if (hunt->looks > 0 && active > (inactive + active) / ACTIVE_SHARE) {
		refill(hunt);
		return true;
	}
	for (unsigned i = INACTIVE_EXTERNAL; i < LINES; i++)
		if (vm_pick_left(&hunt->pick[i]) > 0) {
			look(hunt, &hunt->pick[i]);
			return true;
		}
	return false;
}

static unsigned
clock2_victims(struct vm_policy *state, struct vm_page **pages, unsigned want)
{
	struct clock2 *c = of(state);
	unsigned looks = want * LOOKS_PER_VICTIM + LOOKS_PER_CALL;
	struct hunt hunt = { .c = c, .pages = pages, .looks = looks };

	for (unsigned i = 0; i < LINES; i++)
		hunt.pick[i].line = line_at(c, i);
	for (unsigned i = 0; i < 2 * looks && hunt.got < want; i++)
		if (!step(&hunt))
			break;
	return hunt.got;
}

static uint32_t
clock2_count(const struct vm_policy *state)
{
	const struct clock2 *c = (const struct clock2 *)state;
	uint32_t count = c->ahead.line.count;

	for (unsigned i = AHEAD + 1; i < LINES; i++)
		count += c->line[i].count;
	return count;
}

static bool
clock2_list(const struct vm_policy *state, unsigned i, const char **name,
    uint32_t *count)
{
	const struct clock2 *c = (const struct clock2 *)state;
	static const char *const names[LINES] = {
		[AHEAD] = "ahead",
		[INACTIVE_EXTERNAL] = "inactive external",
		[INACTIVE_INTERNAL] = "inactive internal",
		[ACTIVE_EXTERNAL] = "active external",
		[ACTIVE_INTERNAL] = "active internal",
	};

	if (i >= LINES)
		return false;
	*name = names[i];
	*count = i == AHEAD ? c->ahead.line.count : c->line[i].count;
	return true;
}

static bool
clock2_idle(const struct vm_policy *state, const struct vm_page *page)
{
	(void)state;
	return is_inactive(page);
}

const struct vm_policy_ops vm_policy_clock2 = {
	.name = "clock2",
	.summary = "active and inactive, swap after files",
	.bytes = clock2_bytes,
	.init = clock2_init,
	.enqueue = clock2_enqueue,
	.dequeue = clock2_dequeue,
	.activate = clock2_activate,
	.deactivate = clock2_deactivate,
	.victims = clock2_victims,
	.refused = clock2_refused,
	.count = clock2_count,
	.list = clock2_list,
	.idle = clock2_idle,
};
