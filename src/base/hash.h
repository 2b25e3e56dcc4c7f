/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base/hash.h - mixing of integers, for tables in memory only.
 *
 * The finaliser of splitmix64 (Steele, Lea, Flood: Fast Splittable
 * Pseudorandom Number Generators, OOPSLA 2014): every input bit reaches every
 * output bit.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stdint.h>

static inline uint64_t
vm_hash_mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

/* One number for a pair, order matters. */
static inline uint64_t
vm_hash_pair(uint64_t a, uint64_t b)
{
	return vm_hash_mix(vm_hash_mix(a) + b + UINT64_C(0x9e3779b97f4a7c15));
}

#endif
