/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_sim.c - random runs of the whole library on a simulated machine; sim.h,
 * machine.h, client.h and world.h say how, docs/simulation.md what for.
 *
 *	SIM_SEED=7 build/tests/sim_0		this seed
 *	SIM_FIRST=0 SIM_COUNT=10000 ...		these seeds
 *	SIM_POLICY=s3fifo ...			each system with this policy
 */
#include <stdlib.h>

#include "check.h"
#include "world.h"

/* 2,500: a quarter of what `make check` runs, less than a minute. */
#define COUNT 2500

static uint64_t
number_of(const char *variable, uint64_t otherwise)
{
	const char *text = getenv(variable);

	return text != NULL ? strtoull(text, NULL, 0) : otherwise;
}

TEST(the_same_seed_makes_the_same_run)
{
	uint64_t seed = number_of("SIM_SEED", number_of("SIM_FIRST", 0));

	for (uint64_t i = 0; i < 5; i++) {
		uint64_t hash;

		/* What is done once in a process, as loading the cipher, is
		 * done by then. */
		(void)run_seed(seed + i);
		hash = run_seed(seed + i);
		CHECK(run_seed(seed + i) == hash);
	}
}

TEST(nothing_is_lost_and_the_limit_holds_in_any_order_of_steps)
{
	uint64_t first = number_of("SIM_SEED", number_of("SIM_FIRST", 0));
	uint64_t count = getenv("SIM_SEED") != NULL ? 1 :
	    number_of("SIM_COUNT", COUNT);

	for (uint64_t seed = first; seed < first + count; seed++)
		(void)run_seed(seed);
}
