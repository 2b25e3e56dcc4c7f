/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base/rng.h - seeded random numbers for tests, simulation and sampling.
 *
 * splitmix64: one word of state, so that a seed printed by a failing test is
 * the whole state.  Not for secrets.
 */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stdint.h>

#include "base/hash.h"

struct vm_rng {
	uint64_t state;
};

static inline uint64_t
vm_rng_next(struct vm_rng *rng)
{
	rng->state += UINT64_C(0x9e3779b97f4a7c15);
	return vm_hash_mix(rng->state);
}

/* 0 .. bound - 1; bound > 0.  The bias is below bound / 2^32. */
static inline uint64_t
vm_rng_below(struct vm_rng *rng, uint64_t bound)
{
	return vm_rng_next(rng) % bound;
}

#endif
