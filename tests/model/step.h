/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * step.h - random calls as data, so that a failure can be made smaller.
 *
 * A step names an operation of a table, what it is done to, and the seed that
 * the operation draws everything else from.  So it does the same wherever it
 * stands in a sequence, and a sequence from which steps are dropped is another
 * sequence, not another world.
 */
#ifndef STEP_H
#define STEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct step {
	uint64_t seed;
	unsigned op;		/* in the table of operations */
	unsigned thing;
};

/* Whether a sequence fails; it may be asked of the same one again. */
struct judge {
	bool (*fails)(void *arg, const struct step *steps, unsigned count);
	void *arg;
	unsigned tries_max;	/* sequences that may be asked about */
};

/*
 * Drops steps from a sequence that fails while it still does: halves first,
 * then ever smaller pieces, single steps until none can go.  Returns how many
 * are left, in place.  (Zeller and Hildebrandt, "Simplifying and isolating
 * failure-inducing input", 2002, without their test of complements, for
 * failures here hang on few steps.)
 */
unsigned steps_shrink(struct step *steps, unsigned count,
    const struct judge *judge);

/* The next of a generator's numbers, whose state is *state. */
uint64_t steps_random(uint64_t *state);

/*
 * "op:thing:seed op:thing:seed ..." and back; steps_read returns how many
 * there were, at most max, or 0 when the text is none.
 */
void steps_write(int fd, const struct step *steps, unsigned count);
unsigned steps_read(const char *text, struct step *steps, unsigned max);

#endif
