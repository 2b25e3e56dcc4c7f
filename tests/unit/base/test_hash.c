/* SPDX-License-Identifier: BSD-2-Clause */
/* Mixing and random numbers: the published values, then the promises. */
#include "base/hash.h"

#include "base/rng.h"
#include "check.h"

/* The first outputs of splitmix64 from 1234567, as its authors' code gives. */
TEST(the_generator_is_splitmix64)
{
	struct vm_rng rng = { .state = 1234567 };

	CHECK(vm_rng_next(&rng) == UINT64_C(6457827717110365317));
	CHECK(vm_rng_next(&rng) == UINT64_C(3203168211198807973));
	CHECK(vm_rng_next(&rng) == UINT64_C(9817491932198370423));
}

TEST(one_seed_gives_one_sequence)
{
	uint64_t seed = check_seed();
	struct vm_rng a = { .state = seed }, b = { .state = seed };

	for (int i = 0; i < 1000; i++)
		CHECK(vm_rng_next(&a) == vm_rng_next(&b));
}

TEST(a_bound_is_kept_and_reached)
{
	struct vm_rng rng = { .state = check_seed() };
	unsigned seen = 0;

	for (int i = 0; i < 1000; i++) {
		uint64_t number = vm_rng_below(&rng, 5);

		CHECK(number < 5);
		seen |= 1U << number;
	}
	CHECK_INT(seen, 31);
	CHECK_INT(vm_rng_below(&rng, 1), 0);
}

TEST(the_order_of_a_pair_matters)
{
	CHECK(vm_hash_pair(1, 2) != vm_hash_pair(2, 1));
	CHECK(vm_hash_pair(0, 1) != vm_hash_pair(1, 0));
	CHECK(vm_hash_pair(1, 2) == vm_hash_pair(1, 2));
}

/* Neighbours in, half of the bits differ out, give or take a lot. */
TEST(one_bit_in_moves_many_bits_out)
{
	struct vm_rng rng = { .state = check_seed() };

	for (int bit = 0; bit < 64; bit++) {
		uint64_t x = vm_rng_next(&rng);
		uint64_t y = vm_hash_mix(x) ^
		    vm_hash_mix(x ^ UINT64_C(1) << bit);

		CHECK(__builtin_popcountll(y) >= 8);
	}
}
