/* SPDX-License-Identifier: BSD-2-Clause */
/* step.c - step.h has the theory. */
#include "step.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

struct search {
	const struct judge *judge;
	struct step *steps;	/* the smallest that fails so far */
	struct step *candidate;
	unsigned count;
	unsigned tries;
};

/* Whether it still fails without [at, at + n): then it goes. */
static bool
drop(struct search *s, unsigned at, unsigned n)
{
	unsigned rest = s->count - n;

	if (s->tries == s->judge->tries_max || rest == 0)
		return false;
	s->tries++;
	memcpy(s->candidate, s->steps, at * sizeof(*s->steps));
	memcpy(s->candidate + at, s->steps + at + n,
	    (rest - at) * sizeof(*s->steps));
	if (!s->judge->fails(s->judge->arg, s->candidate, rest))
		return false;
	memcpy(s->steps, s->candidate, rest * sizeof(*s->steps));
	s->count = rest;
	return true;
}

/* One look at all pieces of n steps; whether any went. */
static bool
drop_pieces(struct search *s, unsigned n)
{
	unsigned at = 0;
	bool any = false;

	while (at < s->count) {
		unsigned piece = s->count - at < n ? s->count - at : n;

		if (drop(s, at, piece))
			any = true;
		else
			at += piece;
	}
	return any;
}

unsigned
steps_shrink(struct step *steps, unsigned count, const struct judge *judge)
{
	struct search s = { .judge = judge, .steps = steps, .count = count };

	s.candidate = calloc(count, sizeof(*steps));
	CHECK(s.candidate != NULL);
	for (unsigned n = count / 2; n > 1; n /= 2)
		(void)drop_pieces(&s, n);
	while (drop_pieces(&s, 1))
		continue;
	free(s.candidate);
	return s.count;
}

/* Steele, Lea and Flood, "Fast splittable pseudorandom number generators",
 * 2014: SplitMix64. */
uint64_t
steps_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

void
steps_write(int fd, const struct step *steps, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		dprintf(fd, "%s%u:%u:%" PRIu64, i == 0 ? "" : " ",
		    steps[i].op, steps[i].thing, steps[i].seed);
}

unsigned
steps_read(const char *text, struct step *steps, unsigned max)
{
	unsigned count = 0;
	int used;

	while (count < max && *text != '\0') {
		struct step *step = &steps[count];

		if (sscanf(text, "%u:%u:%" SCNu64 "%n", &step->op,
		    &step->thing, &step->seed, &used) != 3)
			return 0;
		text += used;
		text += strspn(text, " \n");
		count++;
	}
	return count;
}
