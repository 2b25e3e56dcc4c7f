/* SPDX-License-Identifier: BSD-2-Clause */
/* object/streams.c - streams.h has the theory. */
#include "object/streams.h"

#include <stddef.h>

#include "base/assert.h"

#define SCORE_MAX	64u
#define SCORE_START	32u
/* Below: single pages.  One near miss outweighs four far ones, since a
 * cluster that is wanted saves up to 15 misses and an unwanted one costs
 * about the transfer of one page in time. */
#define SCORE_CLUSTER	24u
#define SCORE_NEAR	8u
#define SCORE_STREAM	4u
#define SCORE_FAR	2u

/* 4 pages: how far before a stream's first page it still goes on backwards:
 * records of 16 KiB, each read from its beginning.  Forward a whole cluster may
 * have been skipped, since others may have fetched it. */
#define BACK_PAGES	4u

/* 1024 pages, 4 MiB: steps that are looked for.  Most misses of a random reader
 * are further away, and cost no search. */
#define STEP_MAX	1024

/* 4 misses as far from each other: of 3, one in 4 is an accident among 16
 * random ones in 1024 pages, of 4 one in 250. */
#define STEP_BEFORE	3

/* 4 to 64 pages ahead of a strided reader: each is a read of its own. */
#define STRIDE_FIRST	4u
#define STRIDE_MOST	64u

/* The part of a window that is fetched at once where it only moves: an eighth,
 * so that 8 reads are under way; at least 128 pages of a large one, for the
 * time of a smaller read is not that of its bytes. */
#define PART_SHARE	8u
#define PART_LEAST	128u

/* 64 pages: below that nobody is woken to move a window, its reader does it
 * when he misses; and steps are not looked for. */
#define ARM_LEAST	64u

/* A window shrinks where of the pages that it learns from a third was not used,
 * and may grow again where less than a ninth was not. */
#define WASTE_SHARE	2u
#define THRIFT_SHARE	8u

void
vm_streams_init(struct vm_streams *streams, uint32_t cluster_pages,
    uint32_t window_pages)
{
	vm_assert(cluster_pages >= 1 && window_pages >= 1);
	*streams = (struct vm_streams){
		.cluster_pages = cluster_pages,
		.window_pages = window_pages < cluster_pages ?
		    cluster_pages : window_pages,
		.room_pages = UINT32_MAX, .long_pages = UINT64_MAX,
	};
	streams->most = streams->window_pages;
	for (unsigned i = 0; i < VM_WHOS; i++)
		streams->whos[i].score = SCORE_START;
	streams->whos[1].who = VM_WHO_MAPS;	/* [0]: VM_WHO_CALLERS */
	streams->whos[2].who = streams->whos[3].who = UINT32_MAX;
}

/* ---- what came of it ----------------------------------------------------- */

static void
move_score(uint32_t *score, uint32_t gain, uint32_t loss)
{
	*score = *score + gain > SCORE_MAX ? SCORE_MAX : *score + gain;
	*score = *score < loss ? 0 : *score - loss;
}

static void
move_scores(struct vm_streams *streams, uint32_t gain, uint32_t loss)
{
	for (unsigned i = 0; i < VM_WHOS; i++)
		move_score(&streams->whos[i].score, gain, loss);
}

void
vm_streams_learn(struct vm_streams *streams, uint32_t used, uint32_t unused)
{
	uint32_t good = used - streams->seen_used;
	uint32_t bad = unused - streams->seen_unused;

	/* Two clusters: less says nothing. */
	if (good + bad < 2 * streams->cluster_pages)
		return;
	streams->seen_used = used;
	streams->seen_unused = unused;
	if (bad > good / WASTE_SHARE) {
		streams->most = streams->most / 2 < streams->cluster_pages ?
		    streams->cluster_pages : streams->most / 2;
		move_scores(streams, 0, SCORE_NEAR);
	} else if (bad <= good / THRIFT_SHARE) {
		streams->most = streams->most > streams->window_pages / 2 ?
		    streams->window_pages : streams->most * 2;
		move_scores(streams, SCORE_NEAR, 0);
	}
}

/* The score of who missed; one that was not heard of takes another's place. */
static uint32_t *
score_of(struct vm_streams *streams, uint32_t who)
{
	unsigned i;

	for (i = 0; i < VM_WHOS; i++)
		if (streams->whos[i].who == who)
			return &streams->whos[i].score;
	/* The first two are this process's, for good. */
	i = 2 + streams->whos_at++ % (VM_WHOS - 2);
	streams->whos[i].who = who;
	streams->whos[i].score = SCORE_START;
	return &streams->whos[i].score;
}

static bool
near(const struct vm_streams *streams, uint64_t cluster)
{
	for (unsigned i = 0; i < VM_RECENT; i++)
		if (streams->recent[i] != 0 &&
		    streams->recent[i] - 1 + 1 >= cluster &&
		    streams->recent[i] - 1 <= cluster + 1)
			return true;
	return false;
}

static void
learn_miss(struct vm_streams *streams, uint32_t *score, bool stream,
    uint64_t cluster)
{
	uint32_t gain = stream ? SCORE_STREAM :
	    near(streams, cluster) ? SCORE_NEAR : 0;

	move_score(score, gain, gain != 0 ? 0 : SCORE_FAR);
	streams->recent[streams->recent_at++ % VM_RECENT] = cluster + 1;
}

/* ---- which stream -------------------------------------------------------- */

static enum vm_way
way_on(const struct vm_streams *streams, const struct vm_stream *stream,
    vm_pindex_t pindex)
{
	if (stream->way == VM_WAY_STRIDED)
		return pindex == stream->last + (uint64_t)stream->step ?
		    VM_WAY_STRIDED : VM_WAY_NONE;
	if (stream->way != VM_WAY_BACK && pindex >= stream->next &&
	    pindex - stream->next < streams->cluster_pages)
		return VM_WAY_FORWARD;
	if (stream->way != VM_WAY_FORWARD && pindex < stream->low &&
	    stream->low - pindex <= BACK_PAGES)
		return VM_WAY_BACK;
	return VM_WAY_NONE;
}

/* The miss is in the window ahead of the reader. */
static bool
is_inside(const struct vm_stream *stream, vm_pindex_t pindex)
{
	if (stream->way == VM_WAY_FORWARD)
		return pindex < stream->next &&
		    stream->next - pindex <= stream->window;
	return stream->way == VM_WAY_BACK && pindex >= stream->low &&
	    pindex - stream->low < stream->window;
}

static struct vm_stream *
find_around(struct vm_streams *streams, uint32_t who, vm_pindex_t pindex)
{
	for (unsigned i = 0; i < VM_STREAMS; i++)
		if (streams->stream[i].window != 0 &&
		    streams->stream[i].who == who &&
		    is_inside(&streams->stream[i], pindex))
			return &streams->stream[i];
	return NULL;
}

static bool
has_missed(const struct vm_streams *streams, uint32_t who, vm_pindex_t pindex)
{
	for (unsigned i = 0; i < VM_STREAMS; i++)
		if (streams->stream[i].window != 0 &&
		    streams->stream[i].who == who &&
		    streams->stream[i].last == pindex)
			return true;
	return false;
}

/* The miss is the last of some that are as far from each other. */
static bool
is_stride(const struct vm_streams *streams, uint32_t who, vm_pindex_t pindex,
    int64_t step)
{
	for (int64_t n = 2; n <= STEP_BEFORE; n++) {
		int64_t before = (int64_t)pindex - n * step;

		if (before < 0 ||
		    !has_missed(streams, who, (vm_pindex_t)before))
			return false;
	}
	return true;
}

static bool
steps_on(const struct vm_streams *streams, const struct vm_stream *stream,
    vm_pindex_t pindex)
{
	int64_t step = (int64_t)(pindex - stream->last);

	if (step == 0 || step < -STEP_MAX || step > STEP_MAX ||
	    !is_stride(streams, stream->who, pindex, step))
		return false;
	return true;
}

static struct vm_stream *
find(struct vm_streams *streams, uint32_t who, vm_pindex_t pindex,
    enum vm_way *way)
{
	struct vm_stream *stream;

	for (unsigned i = 0; i < VM_STREAMS; i++) {
		stream = &streams->stream[i];
		if (stream->window == 0 || stream->who != who)
			continue;
		*way = way_on(streams, stream, pindex);
		if (*way != VM_WAY_NONE)
			return stream;
	}
	*way = VM_WAY_INSIDE;
	if ((stream = find_around(streams, who, pindex)) != NULL)
		return stream;
	*way = VM_WAY_STRIDED;
	for (unsigned i = 0; streams->window_pages >= ARM_LEAST &&
	    i < VM_STREAMS; i++) {
		stream = &streams->stream[i];
		if (stream->window != 0 && stream->who == who &&
		    stream->way != VM_WAY_STRIDED &&
		    steps_on(streams, stream, pindex))
			return stream;
	}
	*way = VM_WAY_NONE;
	return NULL;
}

static struct vm_stream *
oldest(struct vm_streams *streams)
{
	struct vm_stream *found = &streams->stream[0];

	for (unsigned i = 1; i < VM_STREAMS; i++)
		if (streams->turn - streams->stream[i].used >
		    streams->turn - found->used)
			found = &streams->stream[i];
	return found;
}

/* ---- how much ------------------------------------------------------------ */

static uint32_t
least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* The largest window that is fetched as a whole; a cluster, however little room
 * there is. */
static uint32_t
most_pages(const struct vm_streams *streams)
{
	uint32_t most = least(streams->most, streams->room_pages);

	return most < streams->cluster_pages ? streams->cluster_pages : most;
}

/* The window after this one of a stream, or of none. */
static uint32_t
next_window(const struct vm_streams *streams, uint32_t window, uint32_t most)
{
	if (streams->pattern == VM_PATTERN_SEQUENTIAL || window >= most)
		return most;
	if (window == 0)
		return 1;
	window = window * 2 < streams->cluster_pages ?
	    streams->cluster_pages : window * 2;
	return least(window, most);
}

/* How far the window moves at once. */
static uint32_t
part_of(uint32_t window)
{
	uint32_t part = window / PART_SHARE, half = window / 2;

	if (part < PART_LEAST)
		part = least(half, PART_LEAST);
	return part == 0 ? 1 : part;
}

static void
arm(struct vm_stream *stream, vm_pindex_t trigger)
{
	stream->armed = stream->window >= ARM_LEAST &&
	    trigger >= stream->low && trigger < stream->next;
	stream->trigger = trigger;
}

/* ---- a miss -------------------------------------------------------------- */

static struct vm_plan
go_forward(struct vm_streams *streams, struct vm_stream *stream,
    vm_pindex_t pindex, uint64_t pages)
{
	uint32_t window = next_window(streams, stream->window,
	    most_pages(streams));
	struct vm_plan plan = { .first = pindex, .count = window };

	if (plan.count > pages - pindex)
		plan.count = (uint32_t)(pages - pindex);
	if (stream->way != VM_WAY_FORWARD || stream->length == 0)
		stream->left = pindex;
	stream->length += pindex + plan.count - stream->next;
	stream->low = pindex;
	stream->next = pindex + plan.count;
	stream->window = window;
	arm(stream, pindex + part_of(window));
	return plan;
}

static struct vm_plan
go_back(struct vm_streams *streams, struct vm_stream *stream,
    vm_pindex_t pindex)
{
	uint32_t window = next_window(streams, stream->window,
	    most_pages(streams));
	struct vm_plan plan = { .count = window };

	if (plan.count > pindex + 1)
		plan.count = (uint32_t)(pindex + 1);
	plan.first = pindex + 1 - plan.count;
	if (stream->way != VM_WAY_BACK || stream->length == 0)
		stream->left = pindex + 1;
	stream->length += stream->low - plan.first;
	stream->low = plan.first;
	stream->next = pindex + 1;
	stream->window = window;
	/* Behind 0 is none: next is beyond it. */
	arm(stream, pindex - part_of(window));
	return plan;
}

/* Count steps from the last page fetched, as far as there are pages. */
static struct vm_reach
steps_ahead(struct vm_stream *stream, uint32_t count, uint64_t pages)
{
	struct vm_reach reach = { .pages = 1, .step = stream->step,
	    .first = stream->last + (uint64_t)stream->step };
	uint64_t left = stream->step > 0 ?
	    (pages - 1 - stream->last) / (uint64_t)stream->step :
	    stream->last / (uint64_t)-stream->step;

	reach.count = left < count ? (uint32_t)left : count;
	stream->last += reach.count * (uint64_t)stream->step;
	stream->length += reach.count;
	return reach;
}

static struct vm_plan
go_in_steps(struct vm_streams *streams, struct vm_stream *stream,
    vm_pindex_t pindex, uint64_t pages)
{
	struct vm_plan plan = { .first = pindex, .count = 1 };
	uint32_t most = least(most_pages(streams), STRIDE_MOST);

	if (stream->way != VM_WAY_STRIDED) {
		stream->step = (int64_t)(pindex - stream->last);
		stream->length = 0;
		stream->left = pindex;
		stream->window = STRIDE_FIRST;
	} else {
		stream->window = least(stream->window * 2, most);
	}
	stream->low = stream->next = pindex;
	stream->last = pindex;
	plan.ahead = steps_ahead(stream, stream->window, pages);
	stream->trigger = pindex + (uint64_t)stream->step *
	    (plan.ahead.count - plan.ahead.count / 2);
	stream->armed = plan.ahead.count != 0;
	return plan;
}

/* A miss that goes on with nothing: its cluster, or the page alone. */
static struct vm_plan
begin(struct vm_streams *streams, struct vm_stream *stream,
    vm_pindex_t pindex, uint64_t pages)
{
	struct vm_plan plan = { .first = pindex,
	    .count = next_window(streams, 0, most_pages(streams)) };

	if (plan.count == 1 &&
	    *score_of(streams, stream->who) >= SCORE_CLUSTER) {
		plan.first = pindex - pindex % streams->cluster_pages;
		plan.count = streams->cluster_pages;
	}
	if (plan.count > pages - plan.first)
		plan.count = (uint32_t)(pages - plan.first);
	stream->low = plan.first;
	stream->next = plan.first + plan.count;
	stream->window = plan.count;
	stream->armed = false;
	if (streams->pattern == VM_PATTERN_SEQUENTIAL)
		arm(stream, pindex + part_of(plan.count));
	return plan;
}

/* Two clusters of the window; who fetches the rest is on his way, or could not
 * and will not. */
static struct vm_plan
go_inside(const struct vm_streams *streams, struct vm_stream *stream,
    vm_pindex_t pindex)
{
	struct vm_plan plan = { .first = pindex };
	bool back = stream->way == VM_WAY_BACK;
	vm_pindex_t left = back ? pindex + 1 - stream->low :
	    stream->next - pindex;

	plan.count = (uint32_t)(left < 2 * streams->cluster_pages ? left :
	    2 * streams->cluster_pages);
	if (back)
		plan.first = pindex + 1 - plan.count;
	if (!stream->armed)
		arm(stream, back ? plan.first - 1 : pindex + plan.count);
	return plan;
}

static struct vm_plan
go_on(struct vm_streams *streams, struct vm_stream *stream, enum vm_way way,
    vm_pindex_t pindex, uint64_t pages)
{
	switch (way) {
	case VM_WAY_FORWARD:
		return go_forward(streams, stream, pindex, pages);
	case VM_WAY_BACK:
		return go_back(streams, stream, pindex);
	case VM_WAY_STRIDED:
		return go_in_steps(streams, stream, pindex, pages);
	case VM_WAY_INSIDE:
		return go_inside(streams, stream, pindex);
	case VM_WAY_NONE:
		break;
	}
	return begin(streams, stream, pindex, pages);
}

static struct vm_stream *
replace_oldest(struct vm_streams *streams, uint32_t who)
{
	struct vm_stream *stream = oldest(streams);

	*stream = (struct vm_stream){ .who = who };
	return stream;
}

struct vm_plan
vm_streams_miss(struct vm_streams *streams, uint32_t who, vm_pindex_t pindex,
    uint64_t pages)
{
	struct vm_plan plan = { .first = pindex, .count = 1 };
	struct vm_stream *stream;
	enum vm_way way;

	vm_assert(pindex < pages);
	if (streams->pattern == VM_PATTERN_RANDOM)
		return plan;
	stream = find(streams, who, pindex, &way);
	streams->turn++;
	learn_miss(streams, score_of(streams, who), stream != NULL,
	    pindex / streams->cluster_pages);
	if (stream == NULL)
		stream = replace_oldest(streams, who);
	plan = go_on(streams, stream, way, pindex, pages);
	if (way != VM_WAY_INSIDE)
		stream->way = way == VM_WAY_NONE && streams->pattern ==
		    VM_PATTERN_SEQUENTIAL ? VM_WAY_FORWARD : way;
	if (way != VM_WAY_STRIDED)
		stream->last = pindex;
	stream->used = streams->turn;
	return plan;
}

vm_pindex_t
vm_streams_run(struct vm_streams *streams, vm_pindex_t pindex, uint32_t count,
    uint64_t pages)
{
	struct vm_stream *stream;
	enum vm_way way;
	uint32_t window;

	vm_assert(pindex < pages && count <= pages - pindex);
	if (streams->pattern == VM_PATTERN_RANDOM)
		return pindex + count;
	stream = find(streams, VM_WHO_CALLERS, pindex, &way);
	streams->turn++;
	if (way == VM_WAY_INSIDE) {
		stream->used = streams->turn;
		if (!stream->armed)
			arm(stream, pindex + count);
		return pindex + count;
	}
	if (way != VM_WAY_FORWARD)
		stream = replace_oldest(streams, VM_WHO_CALLERS);
	window = next_window(streams, stream->window, most_pages(streams));
	if (window < count)
		window = count;
	if (window > pages - pindex)
		window = (uint32_t)(pages - pindex);
	stream->length = way != VM_WAY_FORWARD ? 0 :
	    stream->length + pindex + window - stream->next;
	if (stream->way == VM_WAY_NONE)
		stream->left = pindex;
	stream->low = stream->last = pindex;
	stream->next = pindex + window;
	stream->window = window;
	stream->used = streams->turn;
	if (way == VM_WAY_FORWARD ||
	    streams->pattern == VM_PATTERN_SEQUENTIAL)
		stream->way = VM_WAY_FORWARD;
	/* What is asked for itself is not fetched ahead. */
	arm(stream, pindex + (count > part_of(window) ? count :
	    part_of(window)));
	return stream->next;
}

/* ---- a use --------------------------------------------------------------- */

static bool
is_long(const struct vm_streams *streams, const struct vm_stream *stream)
{
	return stream->length > streams->long_pages;
}

/* What a long stream has behind it, but for the last two parts: who reads may
 * hold some, or look back. */
static vm_pindex_t
kept(const struct vm_stream *stream)
{
	return 2 * (vm_pindex_t)part_of(stream->window);
}

static void
leave_behind(const struct vm_streams *streams, struct vm_stream *stream,
    vm_pindex_t at, struct vm_step *step)
{
	vm_pindex_t keep = kept(stream);

	if (!is_long(streams, stream))
		return;
	step->passing_first = at;
	step->passing_end = stream->next;
	if (at < keep || at - keep <= stream->left)
		return;
	step->left = (struct vm_reach){ .first = stream->left, .count = 1,
		.pages = (uint32_t)(at - keep - stream->left) };
	stream->left = at - keep;
}

/* The same for who comes down from above. */
static void
leave_above(const struct vm_streams *streams, struct vm_stream *stream,
    vm_pindex_t at, struct vm_step *step)
{
	vm_pindex_t from = at + 1 + kept(stream);

	if (!is_long(streams, stream))
		return;
	step->passing_first = stream->low;
	step->passing_end = at + 1;
	if (from >= stream->left)
		return;
	step->left = (struct vm_reach){ .first = from, .count = 1,
		.pages = (uint32_t)(stream->left - from) };
	stream->left = from;
}

/* The same for steps, of which as many are kept as are fetched at once. */
static void
leave_steps(const struct vm_streams *streams, struct vm_stream *stream,
    vm_pindex_t at, struct vm_step *step)
{
	int64_t steps = (int64_t)(at - stream->left) / stream->step -
	    (int64_t)stream->window;
	vm_pindex_t last = stream->last;

	if (!is_long(streams, stream))
		return;
	step->passing_first = at < last ? at : last;
	step->passing_end = (at < last ? last : at) + 1;
	if (steps <= 0)
		return;
	step->left = (struct vm_reach){ .first = stream->left, .pages = 1,
		.step = stream->step, .count = (uint32_t)steps };
	stream->left += (uint64_t)(steps * stream->step);
}

/*
 * Where a part of the object ends, if that is behind next: the same pages are
 * read together each time, so they lie in the same frames, and leave together.
 */
static vm_pindex_t
round_end(vm_pindex_t end, vm_pindex_t next, uint64_t pages, uint32_t part)
{
	vm_pindex_t even = end - end % part;

	return end < pages && part >= PART_LEAST && even > next ? even : end;
}

static void
move_forward(struct vm_streams *streams, struct vm_stream *stream,
    uint64_t pages, struct vm_step *step)
{
	vm_pindex_t at = stream->trigger, end;
	uint32_t window = next_window(streams, stream->window, streams->most);

	end = pages - at < window ? pages : at + window;
	if (end > stream->next && end - stream->next > streams->room_pages)
		end = stream->next + streams->room_pages;
	end = round_end(end, stream->next, pages, part_of(window));
	if (end > stream->next) {
		step->ahead = (struct vm_reach){ .first = stream->next,
		    .pages = (uint32_t)(end - stream->next), .count = 1 };
		stream->length += end - stream->next;
		stream->next = end;
	}
	stream->window = window;
	leave_behind(streams, stream, at, step);
	arm(stream, at + part_of(window));
}

static void
move_back(struct vm_streams *streams, struct vm_stream *stream,
    struct vm_step *step)
{
	vm_pindex_t at = stream->trigger, low;
	uint32_t window = next_window(streams, stream->window, streams->most);

	low = at < window ? 0 : at - window;
	if (low < stream->low && stream->low - low > streams->room_pages)
		low = stream->low - streams->room_pages;
	if (low < stream->low) {
		step->ahead = (struct vm_reach){ .first = low,
		    .pages = (uint32_t)(stream->low - low), .count = 1 };
		stream->length += stream->low - low;
		stream->low = low;
	}
	stream->window = window;
	leave_above(streams, stream, at, step);
	arm(stream, at - part_of(window));
}

static void
move_in_steps(struct vm_streams *streams, struct vm_stream *stream,
    uint64_t pages, struct vm_step *step)
{
	uint32_t most = least(most_pages(streams), STRIDE_MOST);
	vm_pindex_t last = stream->last, at = stream->trigger;

	stream->window = least(stream->window * 2, most);
	step->ahead = steps_ahead(stream, stream->window, pages);
	leave_steps(streams, stream, at, step);
	stream->trigger = last + (uint64_t)stream->step;
	stream->armed = step->ahead.count != 0;
}

bool
vm_streams_touch(struct vm_streams *streams, vm_pindex_t pindex,
    uint64_t pages, struct vm_step *step)
{
	struct vm_stream *stream = streams->stream;
	unsigned i = 0;

	*step = (struct vm_step){ .passing_end = 0 };
	while (i < VM_STREAMS &&
	    (!stream->armed || stream->trigger != pindex)) {
		stream++;
		i++;
	}
	if (i == VM_STREAMS || pindex >= pages || stream->last >= pages ||
	    streams->pattern == VM_PATTERN_RANDOM)
		return false;
	streams->turn++;
	stream->used = streams->turn;
	stream->armed = false;
	if (stream->way == VM_WAY_STRIDED)
		move_in_steps(streams, stream, pages, step);
	else if (stream->way == VM_WAY_BACK)
		move_back(streams, stream, step);
	else
		move_forward(streams, stream, pages, step);
	return true;
}

uint64_t
vm_streams_bits(const struct vm_streams *streams)
{
	uint64_t bits = 0;

	for (unsigned i = 0; i < VM_STREAMS; i++)
		if (streams->stream[i].armed)
			bits |= vm_streams_bit(streams->stream[i].trigger);
	return bits;
}
