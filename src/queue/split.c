/* SPDX-License-Identifier: BSD-2-Clause */
/* queue/split.c - split.h has the theory. */
#include "queue/split.h"

#include <string.h>

#include "base/assert.h"

/* Shares are counted in 1/256 of a page; half of one goes at once. */
#define SCALE	UINT64_C(256)
#define STEP	(SCALE / 2)
/* One in 4 identities is remembered. */
#define SAMPLE UINT32_C(4)
/* A 16th of memory, a grain: no part has less, and no nearer distances are told
 * apart. */
#define LEAST_SHARE 16u
/* Who is to get more is worth so much more, so that chance moves little. */
#define ADVANTAGE(worth) ((worth) + (worth) / 8)
/* Half as many entries as pages: of a quarter, what the last two memories of
 * evictions were. */
#define HISTORY(pages) ((uint64_t)(pages) / 2)
/* Two memories of evictions are half of the stamps that there are: older ones
 * have left the history. */
#define UNIT(pages) ((pages) / (VM_BRIEF_STAMPS / 4) + 1)

/* Half grains: the distances, each 4/3 or 3/2 of the one before. */
static const uint8_t reach[VM_REACHES] = { 2, 3, 4, 6, 8, 12, 16, 24, 32, 48,
	64 };
/* All of them divide this. */
#define REACH_UNIT UINT64_C(192)

static struct vm_split *
of(struct vm_policy *state)
{
	return VM_CONTAINER(state, struct vm_split, policy);
}

static const struct vm_split *
of_const(const struct vm_policy *state)
{
	return (const struct vm_split *)state;
}

static unsigned
number_of(const struct vm_policy *state, const struct vm_page *page)
{
	unsigned part = state->env->part(page);

	vm_assert(part < VM_PARTS_MAX);
	vm_assert(of_const(state)->part[part].policy != NULL);
	return part;
}

static struct vm_part *
part_of(struct vm_policy *state, const struct vm_page *page)
{
	return &of(state)->part[number_of(state, page)];
}

static const struct vm_policy *
child_of(const struct vm_policy *state, const struct vm_page *page)
{
	return of_const(state)->part[number_of(state, page)].policy;
}

/* ---- shares ------------------------------------------------------------- */

uint32_t
vm_split_sets(uint32_t pages)
{
	return vm_brief_sets(HISTORY(pages));
}

static uint64_t
grain(const struct vm_split *split)
{
	return split->policy.pages / LEAST_SHARE + 1;
}

/* The policies reckon with what is theirs. */
static void
tell_shares(struct vm_split *split)
{
	for (unsigned i = 0; i < VM_PARTS_MAX; i++)
		if (split->part[i].policy != NULL)
			split->part[i].policy->room = vm_split_share(split,
			    i);
}

uint32_t
vm_split_share(const struct vm_split *split, unsigned part)
{
	uint64_t pages = split->part[part].share / SCALE;

	return pages == 0 ? 1 : (uint32_t)pages;
}

/* What it could make of some more pages, each. */
static uint64_t
worth(const struct vm_part *part)
{
	uint64_t most = 0, back = 0;

	for (unsigned i = 0; i < VM_REACHES; i++) {
		uint64_t each;

		back += part->back[i];
		each = back * REACH_UNIT / reach[i];
		if (each > most)
			most = each;
	}
	return most;
}

/* The other part that is worth least, of those that have more than least;
 * NULL: none. */
static struct vm_part *
poorest(struct vm_split *split, const struct vm_part *part)
{
	struct vm_part *found = NULL;
	uint64_t least = grain(split) * SCALE;

	for (unsigned i = 0; i < VM_PARTS_MAX; i++) {
		struct vm_part *other = &split->part[i];

		if (other == part || other->policy == NULL ||
		    other->share < least + STEP)
			continue;
		if (found == NULL || worth(other) < worth(found))
			found = other;
	}
	return found;
}

/* A page is back that left after so many evictions of its part. */
static void
vote(struct vm_split *split, struct vm_part *part, uint64_t distance)
{
	struct vm_part *giver = poorest(split, part);
	unsigned i = 0;

	part->votes++;
	while (i < VM_REACHES && 2 * distance > reach[i] * grain(split))
		i++;
	if (i == VM_REACHES)
		return;
	part->back[i]++;
	if (giver == NULL || worth(part) <= ADVANTAGE(worth(giver)))
		return;
	giver->share -= STEP;
	part->share += STEP;
	tell_shares(split);
}

/* What was long ago counts less and less. */
static void
count_eviction(struct vm_split *split)
{
	if (++split->evicted < split->policy.pages)
		return;
	split->evicted = 0;
	for (unsigned i = 0; i < VM_PARTS_MAX; i++)
		for (unsigned k = 0; k < VM_REACHES; k++)
			split->part[i].back[k] /= 2;
}

void
vm_split_init(struct vm_split *split)
{
	split->unit = UNIT(split->policy.pages);
	split->evicted = 0;
}

void
vm_split_add(struct vm_split *split, unsigned part, struct vm_policy *policy,
    struct vm_brief_set *sets)
{
	struct vm_part *new = &split->part[part];
	uint64_t rest = split->policy.pages * SCALE;
	unsigned count = 1;

	vm_assert(new->policy == NULL);
	for (unsigned i = 0; i < VM_PARTS_MAX; i++)
		count += split->part[i].policy != NULL;
	for (unsigned i = 0; i < VM_PARTS_MAX; i++) {
		split->part[i].share -= split->part[i].share / count;
		rest -= split->part[i].share;
	}
	policy->part = (uint8_t)part;
	*new = (struct vm_part){ .policy = policy, .share = rest,
		.past = { .sets = sets,
		.count_sets = vm_split_sets(split->policy.pages) } };
	tell_shares(split);
}

void
vm_split_remove(struct vm_split *split, unsigned part)
{
	struct vm_part *old = &split->part[part];

	vm_assert(part != 0 && old->policy != NULL);
	vm_assert(old->policy->ops->count(old->policy) == 0);
	split->part[0].share += old->share;
	*old = (struct vm_part){ .policy = NULL };
	tell_shares(split);
}

/* ---- what comes back ---------------------------------------------------- */

/* A history's sets go by the upper bits of an identity, its fingerprints by the
 * lowest ones. */
static bool
is_sampled(uint64_t identity)
{
	return (identity >> 24) % SAMPLE == 0;
}

static uint32_t
stamp_of(const struct vm_split *split, const struct vm_part *part)
{
	return (uint32_t)(part->evicted / split->unit % VM_BRIEF_STAMPS);
}

static void
remember(struct vm_split *split, struct vm_part *part,
    const struct vm_page *page)
{
	uint64_t identity = split->policy.env->identity(page);
	uint32_t dropped;

	part->evicted++;
	count_eviction(split);
	if (is_sampled(identity))
		(void)vm_brief_add(&part->past, identity,
		    stamp_of(split, part), &dropped);
}

static void
recall(struct vm_split *split, struct vm_part *part,
    const struct vm_page *page)
{
	uint64_t identity = split->policy.env->identity(page);
	uint32_t stamp, age;

	if (!is_sampled(identity) ||
	    !vm_brief_take(&part->past, identity, &stamp))
		return;
	age = (stamp_of(split, part) + VM_BRIEF_STAMPS - stamp) %
	    VM_BRIEF_STAMPS;
	vote(split, part, (uint64_t)age * split->unit);
}

/* ---- pages come and go -------------------------------------------------- */

static void
forget_refusal(struct vm_part *part)
{
	if (part->refused > 0)
		part->refused--;
}

/* Fetched ahead counts as well: it is read again. */
static void
split_enqueue(struct vm_policy *state, struct vm_page *page, bool speculative)
{
	struct vm_part *part = part_of(state, page);

	forget_refusal(part);
	recall(of(state), part, page);
	part->policy->ops->enqueue(part->policy, page, speculative);
}

/* What was fetched ahead for nothing is no loss. */
static void
split_dequeue(struct vm_policy *state, struct vm_page *page,
    enum vm_leave how)
{
	struct vm_part *part = part_of(state, page);
	bool ahead = how == VM_LEAVE_EVICTED &&
	    vm_policy_is_ahead(part->policy, page);

	forget_refusal(part);
	if (how == VM_LEAVE_EVICTED && !ahead)
		remember(of(state), part, page);
	part->policy->ops->dequeue(part->policy, page, how);
}

static void
split_activate(struct vm_policy *state, struct vm_page *page)
{
	struct vm_policy *child = part_of(state, page)->policy;

	child->ops->activate(child, page);
}

static void
split_deactivate(struct vm_policy *state, struct vm_page *page, bool at_head)
{
	struct vm_policy *child = part_of(state, page)->policy;

	child->ops->deactivate(child, page, at_head);
}

static void
split_refused(struct vm_policy *state, struct vm_page *page)
{
	struct vm_part *part = part_of(state, page);

	part->policy->ops->refused(part->policy, page);
	if (part->refused < part->policy->ops->count(part->policy))
		part->refused++;
}

static void
split_cool(struct vm_policy *state, struct vm_page *page)
{
	struct vm_policy *child = part_of(state, page)->policy;

	if (child->ops->cool != NULL)
		child->ops->cool(child, page);
}

static bool
split_idle(const struct vm_policy *state, const struct vm_page *page)
{
	const struct vm_policy *child = child_of(state, page);

	return child->ops->idle != NULL && child->ops->idle(child, page);
}

static uint32_t
split_activity(const struct vm_policy *state, const struct vm_page *page)
{
	const struct vm_policy *child = child_of(state, page);

	return child->ops->activity == NULL ? 0 :
	    child->ops->activity(child, page);
}

static void
split_expect(const struct vm_policy *state, uint64_t identity)
{
	const struct vm_split *split = of_const(state);

	for (unsigned i = 0; i < VM_PARTS_MAX; i++) {
		const struct vm_policy *child = split->part[i].policy;

		if (child != NULL && child->ops->expect != NULL)
			child->ops->expect(child, identity);
	}
}

/* ---- victims ------------------------------------------------------------ */

/* One call of victims(). */
struct round {
	struct vm_split *split;
	struct vm_page **pages;
	unsigned want;
	unsigned got;
	int64_t above[VM_PARTS_MAX];	/* pages more than its share */
	bool asked[VM_PARTS_MAX];
};

static uint32_t
count_of(const struct vm_part *part)
{
	return part->policy == NULL ? 0 :
	    part->policy->ops->count(part->policy);
}

/* Of what is left after this call; those refused count as gone. */
static void
weigh(struct round *r)
{
	const struct vm_split *split = r->split;
	uint64_t all = 0, left;

	for (unsigned i = 0; i < VM_PARTS_MAX; i++)
		all += count_of(&split->part[i]);
	left = all > r->want ? all - r->want : 0;
	for (unsigned i = 0; i < VM_PARTS_MAX; i++) {
		const struct vm_part *part = &split->part[i];
		uint64_t fair = left * (part->share / SCALE) /
		    split->policy.pages;

		r->above[i] = (int64_t)count_of(part) -
		    (int64_t)part->refused - (int64_t)fair;
		r->asked[i] = count_of(part) == 0;
	}
}

/* The part that has most above its share and was not asked; VM_PARTS_MAX:
 * none. */
static unsigned
next_part(const struct round *r)
{
	unsigned best = VM_PARTS_MAX;

	for (unsigned i = 0; i < VM_PARTS_MAX; i++)
		if (!r->asked[i] && (best == VM_PARTS_MAX ||
		    r->above[i] > r->above[best]))
			best = i;
	return best;
}

/* What it has too much; where it has nothing too much, as the others gave too
 * little, all that is wanted still. */
static void
ask(struct round *r, unsigned i)
{
	struct vm_policy *child = r->split->part[i].policy;
	unsigned want = r->want - r->got;

	if (r->above[i] > 0 && r->above[i] < (int64_t)want)
		want = (unsigned)r->above[i];
	r->asked[i] = true;
	r->got += child->ops->victims(child, r->pages + r->got, want);
	vm_assert(r->got <= r->want);
}

static unsigned
split_victims(struct vm_policy *state, struct vm_page **pages, unsigned want)
{
	struct round r = { .split = of(state), .pages = pages, .want = want };
	unsigned i;

	weigh(&r);
	while (r.got < want && (i = next_part(&r)) < VM_PARTS_MAX)
		ask(&r, i);
	return r.got;
}

/* ---- figures ------------------------------------------------------------ */

static uint32_t
split_count(const struct vm_policy *state)
{
	const struct vm_split *split = of_const(state);
	uint32_t count = 0;

	for (unsigned i = 0; i < VM_PARTS_MAX; i++)
		count += count_of(&split->part[i]);
	return count;
}

static unsigned
lists_of(const struct vm_part *part)
{
	unsigned lists = 0;
	const char *name;
	uint32_t count;

	while (part->policy != NULL &&
	    part->policy->ops->list(part->policy, lists, &name, &count))
		lists++;
	return lists;
}

/* List i is this part's list *i. */
static unsigned
find_list(const struct vm_split *split, unsigned *i)
{
	for (unsigned part = 0; part < VM_PARTS_MAX; part++) {
		unsigned lists = lists_of(&split->part[part]);

		if (*i < lists)
			return part;
		*i -= lists;
	}
	return VM_PARTS_MAX;
}

unsigned
vm_split_part_of_list(const struct vm_split *split, unsigned i)
{
	return find_list(split, &i);
}

static bool
split_list(const struct vm_policy *state, unsigned i, const char **name,
    uint32_t *count)
{
	const struct vm_split *split = of_const(state);
	unsigned part = find_list(split, &i);
	const struct vm_policy *child;

	if (part == VM_PARTS_MAX)
		return false;
	child = split->part[part].policy;
	return child->ops->list(child, i, name, count);
}

static unsigned
split_where(const struct vm_policy *state, const struct vm_page *page)
{
	unsigned before = 0, part = number_of(state, page);

	vm_assert(page->list != 0);
	for (unsigned i = 0; i < part; i++)
		before += lists_of(&of_const(state)->part[i]);
	return before + page->list - 1u;
}

/* Nobody chooses it by name: it comes with the first part. */
const struct vm_policy_ops vm_policy_split = {
	.name = "split",
	.summary = "several policies, each with the pages of its objects",
	.enqueue = split_enqueue,
	.dequeue = split_dequeue,
	.activate = split_activate,
	.deactivate = split_deactivate,
	.victims = split_victims,
	.refused = split_refused,
	.count = split_count,
	.list = split_list,
	.where = split_where,
	.idle = split_idle,
	.cool = split_cool,
	.activity = split_activity,
	.expect = split_expect,
};
