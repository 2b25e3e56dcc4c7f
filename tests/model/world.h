/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world.h - a few objects of one small system, and what their bytes should be.
 *
 * A thing is an object together with a plain array of bytes, which is all that
 * the object should be, and, for an object over a file, that file, or, for one
 * whose pager is our own, what that pager has.
 */
#ifndef WORLD_H
#define WORLD_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <resident/resident.h>

#include "check.h"

enum {
	PAGE = 4096,
	THINGS = 5,
	PAGES_MAX = 96,		/* of a thing: three times the limit */
	LIMIT_PAGES = 32,
	TIER_PAGES = 16,
	BYTES_MAX = PAGES_MAX * PAGE,
	/* A quarter of the limit, of pages that cannot be evicted: wired,
	 * lent, or the program's own.  The rest is enough for any call. */
	PINNED_MAX = LIMIT_PAGES / 4,
};

struct thing {
	struct vm_object *object;	/* NULL: not made now */
	bool file;
	bool paged;	/* by ourselves, from backing */
	bool store;
	bool writable;
	int fd;
	uint64_t length;
	uint8_t bytes[BYTES_MAX];	/* what the object should be */
	uint8_t wires[PAGES_MAX];
	uint8_t backing[BYTES_MAX];	/* the pager's, where it is ours */
	_Atomic int populated;	/* the sum of what a notifier was told */
};

struct holdings;		/* holdings.h */

struct world {
	struct vm *vm;
	uint64_t tier_pages;	/* of compressed swap */
	struct thing thing[THINGS];
	uint64_t random;	/* the generator's state */
	uint64_t step;
	const char *doing;	/* the present step's name */
	char options[128];	/* the system's, for people */
	unsigned pinned;	/* pages, for PINNED_MAX */
	bool kept;		/* objects keep pages, or did */
	struct holdings *holdings;
};

/* CHECK, that also says which step it was; cond is asked once, for it may not
 * fail twice. */
#define MUST(w, cond)                                                         \
	do {                                                                  \
		if (!(cond)) {                                                \
			world_say(w);                                         \
			check_failed(CHECK_SITE(#cond));                      \
		}                                                             \
	} while (0)
void world_say(const struct world *w);

/* 0 .. below - 1 */
uint64_t pick(struct world *w, uint64_t below);

struct world *world_new(uint64_t seed);
void world_end(struct world *w);

/* A new object for the thing, of a kind and length of its choice. */
void thing_make(struct world *w, struct thing *t);
/* Without it; its file, if it has one, must then have all bytes. */
void thing_end(struct world *w, struct thing *t);

/* The thing's object, over its backing, with its length and first bytes. */
void backing_make(struct world *w, struct thing *t, unsigned flags);

uint64_t thing_pages(const struct thing *t);
/* An index of one of the thing's pages; it has some. */
uint64_t some_page(struct world *w, const struct thing *t);
/* How many bytes of the page lie in the thing. */
uint32_t thing_part(const struct thing *t, uint64_t pindex);

/* A page that is held shows what it should, zeros behind the end. */
void thing_compare(struct world *w, const struct thing *t,
    struct vm_page *page, uint64_t pindex);
/* The same of bytes that were copied from the page. */
void thing_compare_bytes(struct world *w, const struct thing *t,
    const uint8_t *have, uint64_t pindex);
/* The file has what it should, all of it. */
void thing_compare_file(struct world *w, const struct thing *t);
void thing_unwire_all(struct world *w, struct thing *t);

#endif
