/* SPDX-License-Identifier: BSD-2-Clause */
/* object/streams.c - streams.h has the theory. */
#include "object/streams.h"

#include <stdbool.h>
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

void
vm_streams_init(struct vm_streams *streams, uint32_t cluster_pages,
    uint32_t window_pages)
{
	vm_assert(cluster_pages >= 1 && window_pages >= 1);
	*streams = (struct vm_streams){
		.cluster_pages = cluster_pages,
		.window_pages = window_pages < cluster_pages ?
		    cluster_pages : window_pages,
		.score = SCORE_START,
	};
}

/* The stream that would go on here: at its next page or a little behind it,
 * since the program may have skipped what others had fetched. */
static struct vm_stream *
find(struct vm_streams *streams, vm_pindex_t pindex)
{
	for (unsigned i = 0; i < VM_STREAMS; i++) {
		struct vm_stream *stream = &streams->stream[i];

		if (stream->window != 0 && pindex >= stream->next &&
		    pindex - stream->next < streams->cluster_pages)
			return stream;
	}
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
learn(struct vm_streams *streams, bool stream, uint64_t cluster)
{
	uint32_t gain = stream ? SCORE_STREAM :
	    near(streams, cluster) ? SCORE_NEAR : 0;

	if (gain != 0)
		streams->score = streams->score + gain > SCORE_MAX ?
		    SCORE_MAX : streams->score + gain;
	else
		streams->score = streams->score < SCORE_FAR ?
		    0 : streams->score - SCORE_FAR;
	streams->recent[streams->recent_at++ % VM_RECENT] = cluster + 1;
}

static uint32_t
next_window(const struct vm_streams *streams, const struct vm_stream *stream)
{
	uint32_t window = stream == NULL ? 1 : stream->window * 2;

	if (stream != NULL && window < streams->cluster_pages)
		window = streams->cluster_pages;
	if (streams->pattern == VM_PATTERN_SEQUENTIAL ||
	    window > streams->window_pages)
		window = streams->window_pages;
	return window;
}

struct vm_plan
vm_streams_miss(struct vm_streams *streams, vm_pindex_t pindex,
    uint64_t pages)
{
	struct vm_plan plan = { .first = pindex, .count = 1 };
	uint64_t cluster = pindex / streams->cluster_pages;
	struct vm_stream *stream;

	vm_assert(pindex < pages);
	if (streams->pattern == VM_PATTERN_RANDOM)
		return plan;
	stream = find(streams, pindex);
	streams->turn++;
	learn(streams, stream != NULL, cluster);
	plan.count = next_window(streams, stream);
	if (plan.count == 1 && streams->score >= SCORE_CLUSTER) {
		plan.first = cluster * streams->cluster_pages;
		plan.count = streams->cluster_pages;
	}
	if (plan.count > pages - plan.first)
		plan.count = (uint32_t)(pages - plan.first);
	if (stream == NULL)
		stream = oldest(streams);
	stream->next = plan.first + plan.count;
	stream->window = plan.count;
	stream->used = streams->turn;
	return plan;
}

vm_pindex_t
vm_streams_run(struct vm_streams *streams, vm_pindex_t pindex, uint32_t count,
    uint64_t pages)
{
	struct vm_stream *stream = find(streams, pindex);
	uint32_t window;

	vm_assert(pindex < pages && count <= pages - pindex);
	if (streams->pattern == VM_PATTERN_RANDOM)
		return pindex + count;
	streams->turn++;
	window = next_window(streams, stream);
	if (window < count)
		window = count;
	if (window > pages - pindex)
		window = (uint32_t)(pages - pindex);
	if (stream == NULL)
		stream = oldest(streams);
	stream->next = pindex + window;
	stream->window = window;
	stream->used = streams->turn;
	return stream->next;
}
