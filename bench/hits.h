/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/hits.h - a resident set to hit, and a way through it.
 *
 * All pages of an object are there, in an arena of large pages, and stay.  The
 * first word of each is the number of another one, so that they make one ring
 * in random order: who follows it knows the next page when he has read this
 * one, and no two misses of the processor's caches overlap.
 *
 * The floor is the least that such a walk can cost: the same pages, the same
 * bytes, found through an array of pointers, which is in large pages too.
 */
#ifndef BENCH_HITS_H
#define BENCH_HITS_H

#include <stdint.h>

#include "bench/bench.h"

struct vm;
struct vm_object;

struct hits {
	struct vm *vm;
	struct vm_object *object;
	uint64_t pages;
	uint64_t **bare;	/* page i's bytes */
};

/* A set of that many bytes; ends the program where it cannot be. */
void hits_open(struct hits *hits, uint64_t bytes);
void hits_close(struct hits *hits);

/* Loops of a way whose self is a struct hits: round the ring. */
void hits_grab(void *self, const struct bench_turn *turn);
void hits_read(void *self, const struct bench_turn *turn);
void hits_bare(void *self, const struct bench_turn *turn);
/* The same page again and again; each address needs the bytes before. */
void hits_grab_hot(void *self, const struct bench_turn *turn);
void hits_read_hot(void *self, const struct bench_turn *turn);
void hits_kept_hot(void *self, const struct bench_turn *turn);
/* Any pages, one independent of the other. */
void hits_grab_any(void *self, const struct bench_turn *turn);

/* self: nothing.  Two locked instructions on a word of the thread's own. */
void hits_two_locked(void *self, const struct bench_turn *turn);
/* A read behind two acquire loads, each of which needs the one before. */
void hits_two_acquires(void *self, const struct bench_turn *turn);

#endif
