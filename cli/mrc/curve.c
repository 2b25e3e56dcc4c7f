/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/mrc/curve.c - see curve.h. */
#include "curve.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../sim/labour.h"
#include "distance.h"
#include "queue/policy.h"
#include "server/say.h"

/* 16 pages of the sample: in less, a policy is its rounding. */
#define LEAST_SCALED 16.0

/* 8 sizes between two points that are a fifth apart: to a thousandth. */
#define BISECTIONS 8

static bool
is_lru(const struct vm_curves *c, unsigned policy)
{
	return c->lru != NULL &&
	    strcmp(c->wish->policy[policy]->name, "lru") == 0;
}

static uint64_t
lru_hits(const struct vm_curves *c, uint32_t pages)
{
	uint32_t scaled = vm_sample_scaled(c->sample, pages);

	return c->lru[scaled > c->sample->trace.distinct ?
	    c->sample->trace.distinct : scaled];
}

/* ---- points ------------------------------------------------------------- */

/* Size i of points, from the least that says something to all pages; where
 * that is fewer sizes than points, some come twice. */
static uint32_t
size_of(const struct vm_sample *sample, unsigned i, unsigned points)
{
	double most = sample->distinct;
	double least = LEAST_SCALED / sample->rate;

	if (least > most)
		least = 1;
	return (uint32_t)(least * pow(most / least,
	    (double)i / (points - 1)) + 0.5);
}

static void
plan(struct vm_curves *c)
{
	for (unsigned i = 0; i < c->rows.count; i++) {
		uint32_t pages = size_of(c->sample, i % c->rows.sizes,
		    c->rows.sizes);

		c->rows.row[i] = (struct vm_sim_row){
			.trace = c->sample->trace.name,
			.policy = c->wish->policy[i / c->rows.sizes]->name,
			.fraction = (double)pages / c->sample->distinct,
			.pages = pages, .requests = c->sample->requests,
		};
	}
}

static void
set_ratio(const struct vm_curves *c, struct vm_sim_row *row, uint64_t hits)
{
	row->hits = (uint64_t)(vm_sample_ratio(c->sample, hits) *
	    (double)row->requests + 0.5);
}

static struct vm_sim
sim_of(const struct vm_curves *c, unsigned policy, uint32_t pages)
{
	return (struct vm_sim){ .trace = &c->sample->trace,
		.ops = c->wish->policy[policy],
		.pages = vm_sample_scaled(c->sample, pages),
		.marks = c->wish->marks };
}

/* sims and hits have room for all rows. */
static int
fill_rows(struct vm_curves *c, struct vm_sim *sims, uint64_t *hits)
{
	unsigned count = 0;

	for (unsigned i = 0; i < c->rows.count; i++)
		if (is_lru(c, i / c->rows.sizes))
			set_ratio(c, &c->rows.row[i],
			    lru_hits(c, c->rows.row[i].pages));
		else
			sims[count++] = sim_of(c, i / c->rows.sizes,
			    c->rows.row[i].pages);
	if (count > 0 && vm_sim_labour(sims, hits, count) != 0)
		return -1;
	count = 0;
	for (unsigned i = 0; i < c->rows.count; i++)
		if (!is_lru(c, i / c->rows.sizes))
			set_ratio(c, &c->rows.row[i], hits[count++]);
	return 0;
}

static int
make_rows(struct vm_curves *c)
{
	struct vm_sim *sims = calloc(c->rows.count, sizeof(*sims));
	uint64_t *hits = calloc(c->rows.count, sizeof(*hits));
	int result = -1;

	c->rows.row = calloc(c->rows.count, sizeof(*c->rows.row));
	if (sims == NULL || hits == NULL || c->rows.row == NULL)
		vm_say("no memory for %u rows", c->rows.count);
	else {
		plan(c);
		result = fill_rows(c, sims, hits);
	}
	free(sims);
	free(hits);
	return result;
}

static bool
wants_lru(const struct vm_sim_wish *wish)
{
	for (unsigned i = 0; i < wish->policies; i++)
		if (strcmp(wish->policy[i]->name, "lru") == 0)
			return !wish->marks;
	return false;
}

int
vm_curves_make(struct vm_curves *curves, const struct vm_sample *sample,
    const struct vm_sim_wish *wish, unsigned points)
{
	int result = 0;

	*curves = (struct vm_curves){ .sample = sample, .wish = wish,
		.rows = { .count = wish->policies * points,
		    .policies = wish->policies, .sizes = points } };
	if (wants_lru(wish)) {
		curves->lru = vm_distance_hits(&sample->trace);
		result = curves->lru == NULL ? -1 : 0;
	}
	if (result == 0)
		result = make_rows(curves);
	if (result != 0)
		vm_curves_fini(curves);
	return result;
}

void
vm_curves_fini(struct vm_curves *curves)
{
	free(curves->lru);
	free(curves->rows.row);
	*curves = (struct vm_curves){ 0 };
}

/* ---- a size by its ratio ------------------------------------------------ */

static double
ratio_of(const struct vm_sim_row *row)
{
	return (double)row->hits / (double)row->requests;
}

static void
no_progress(uint64_t requests)
{
	(void)requests;
}

static int
ratio_with(const struct vm_curves *c, unsigned policy, uint32_t pages,
    double *ratio)
{
	struct vm_sim sim = sim_of(c, policy, pages);
	uint64_t hits = 0;

	sim.progress = no_progress;
	if (is_lru(c, policy))
		hits = lru_hits(c, pages);
	else if (vm_sim_run(&sim, &hits) != 0) {
		vm_say("no memory to simulate %u pages", pages);
		return -1;
	}
	*ratio = vm_sample_ratio(c->sample, hits);
	return 0;
}

int
vm_curves_find(const struct vm_curves *curves, unsigned policy, double ratio,
    uint32_t *pages, double *best)
{
	const struct vm_sim_row *row =
	    &curves->rows.row[policy * curves->rows.sizes];
	uint32_t low, high;
	unsigned i = 0;

	*pages = 0;
	*best = ratio_of(&row[curves->rows.sizes - 1]);
	while (i < curves->rows.sizes && ratio_of(&row[i]) < ratio)
		i++;
	if (i == curves->rows.sizes)
		return 0;
	/* low is too small, high suffices. */
	low = i == 0 ? 0 : row[i - 1].pages;
	high = row[i].pages;
	for (i = 0; i < BISECTIONS && high - low > 1; i++) {
		uint32_t middle = low + (high - low) / 2;
		double got;

		if (ratio_with(curves, policy, middle, &got) != 0)
			return -1;
		if (got < ratio)
			low = middle;
		else
			high = middle;
	}
	*pages = high;
	return 0;
}
