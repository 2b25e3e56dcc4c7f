/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cli/mrc/distance.c - see distance.h.
 *
 * Of each page only its last touch counts.  A Fenwick tree over time sums how
 * many last touches there are up to one; time is numbered anew, in order, when
 * it reaches the end of the tree, which is twice as long as there are pages.
 */
#include "distance.h"

#include <stdlib.h>

#include "server/say.h"

struct clock {
	uint32_t *sum;		/* the tree, from 1 .. end */
	uint32_t *last;		/* of each page, its last touch, 0: none yet */
	uint32_t *at;		/* of each time, its page plus 1, 0: not the
				 * last touch of any */
	uint32_t end;
	uint32_t now;
	uint32_t pages;		/* touched so far */
};

static void
add(struct clock *c, uint32_t time, uint32_t what)
{
	for (; time <= c->end; time += time & -time)
		c->sum[time] += what;
}

/* Last touches up to a time. */
static uint32_t
count(const struct clock *c, uint32_t time)
{
	uint32_t sum = 0;

	for (; time > 0; time -= time & -time)
		sum += c->sum[time];
	return sum;
}

/* The last touches get the times 1, 2, ... */
static void
renumber(struct clock *c)
{
	uint32_t to = 0;

	for (uint32_t time = 1; time <= c->end; time++) {
		uint32_t page = c->at[time];

		c->at[time] = c->sum[time] = 0;
		if (page == 0)
			continue;
		c->at[++to] = page;
		c->last[page - 1] = to;
	}
	for (uint32_t time = 1; time <= to; time++)
		add(c, time, 1);
	c->now = to;
}

/* The distance of this touch, 0: the page's first. */
static uint32_t
touch(struct clock *c, uint32_t page)
{
	uint32_t distance = 0, before = c->last[page];

	if (before != 0) {
		distance = c->pages - count(c, before) + 1;
		add(c, before, -1u);
		c->at[before] = 0;
	} else
		c->pages++;
	if (c->now == c->end)
		renumber(c);
	c->last[page] = ++c->now;
	c->at[c->now] = page + 1;
	add(c, c->now, 1);
	return distance;
}

uint64_t *
vm_distance_hits(const struct vm_sim_trace *trace)
{
	size_t pages = trace->distinct;
	struct clock c = { .end = 2 * trace->distinct };
	uint64_t *hits = calloc(pages + 1, sizeof(*hits));

	c.sum = calloc(2 * pages + 1, sizeof(*c.sum));
	c.at = calloc(2 * pages + 1, sizeof(*c.at));
	c.last = calloc(pages, sizeof(*c.last));
	if (hits == NULL || c.sum == NULL || c.at == NULL || c.last == NULL) {
		vm_say("%s: no memory for the distances", trace->name);
		free(hits);
		hits = NULL;
	} else
		for (uint64_t i = 0; i < trace->count; i++)
			hits[touch(&c, trace->requests[i] & ~VM_SIM_WRITE)]++;
	free(c.sum);
	free(c.at);
	free(c.last);
	if (hits == NULL)
		return NULL;
	hits[0] = 0;		/* first touches */
	for (size_t n = 1; n <= pages; n++)
		hits[n] += hits[n - 1];
	return hits;
}
