/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/mrc/sample.c - see sample.h. */
#include "sample.h"

#include <stdlib.h>

#include "base/hash.h"
#include "server/say.h"

/* 24 bits of the hash are compared: rates down to one in 16 million. */
#define HASH_BITS 24
#define HASH_RANGE (1u << HASH_BITS)

static bool
is_sampled(uint32_t page, double rate)
{
	/* 2: not the hash by which the trace's own table is kept. */
	uint64_t hash = vm_hash_pair(2, page) >> (64 - HASH_BITS);

	return (double)hash < rate * HASH_RANGE;
}

/* number[page]: the page's number in the sample plus 1, 0: it is not in it. */
static uint32_t
choose(uint32_t *number, uint32_t distinct, double rate)
{
	uint32_t chosen = 0;

	for (uint32_t page = 0; page < distinct; page++)
		number[page] = is_sampled(page, rate) ? ++chosen : 0;
	if (chosen == 0)
		number[0] = ++chosen;
	return chosen;
}

static uint64_t
copy(const struct vm_sim_trace *from, const uint32_t *number, uint32_t *to)
{
	uint64_t count = 0;

	for (uint64_t i = 0; i < from->count; i++) {
		uint32_t in = number[from->requests[i] & ~VM_SIM_WRITE];

		if (in != 0)
			to[count++] = (in - 1) |
			    (from->requests[i] & VM_SIM_WRITE);
	}
	return count;
}

int
vm_sample_take(struct vm_sample *sample, const struct vm_sim_trace *trace,
    uint32_t most)
{
	uint32_t *number = calloc(trace->distinct, sizeof(*number));
	uint32_t *requests = calloc(trace->count, sizeof(*requests));

	*sample = (struct vm_sample){ .requests = trace->count,
		.distinct = trace->distinct, .rate = 1 };
	if (number == NULL || requests == NULL) {
		vm_say("%s: no memory for a sample", trace->name);
		free(number);
		free(requests);
		return -1;
	}
	if (trace->distinct > most)
		sample->rate = (double)most / trace->distinct;
	sample->trace.name = trace->name;
	sample->trace.requests = requests;
	sample->trace.distinct = choose(number, trace->distinct,
	    sample->rate);
	/* As it came out: sizes are scaled by what is there. */
	sample->rate = (double)sample->trace.distinct / trace->distinct;
	sample->trace.count = copy(trace, number, requests);
	free(number);
	return 0;
}

void
vm_sample_fini(struct vm_sample *sample)
{
	free(sample->trace.requests);
	*sample = (struct vm_sample){ 0 };
}

uint32_t
vm_sample_scaled(const struct vm_sample *sample, uint32_t pages)
{
	uint32_t scaled = (uint32_t)(pages * sample->rate + 0.5);

	return scaled > 0 ? scaled : 1;
}

double
vm_sample_ratio(const struct vm_sample *sample, uint64_t hits)
{
	double expected = (double)sample->requests * sample->rate;
	double ratio = ((double)hits + expected -
	    (double)sample->trace.count) / expected;

	return ratio < 0 ? 0 : ratio > 1 ? 1 : ratio;
}
