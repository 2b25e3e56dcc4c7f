/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scenario.h - one call after the other fails, in many small stories.
 *
 * A scenario is a function that uses some calls of the library.  It is run in a
 * fresh system with the first call to the machine failing, in another one with
 * the second, and so on until a whole run meets no failure.  After each run
 * the system is audited, all bytes are there, in the objects and in their
 * files, and when all is destroyed nothing is left behind.
 *
 * The system has 32 pages and three objects of 24, whose dirty pages do not
 * fit in, so that nearly everything has to wait for a write.
 */
#ifndef SCENARIO_H
#define SCENARIO_H

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#include <resident/resident.h>

#include "base/error.h"
#include "check.h"
#include "faulty.h"

enum { PAGE = 4096, PAGES = 24, LIMIT_PAGES = 32, BYTES = PAGES * PAGE };

enum { POOL, STORE, ANON, KINDS };

extern struct vm *vm;
extern struct vm_object *object[KINDS];

/* Of the systems; clients that are not there, unless set. */
extern const struct vm_pmap_ops *scenario_pmap;

struct scenario {
	const char *name;
	void (*run)(void);
};

/* For each N; says which scenario and N it was when something is wrong. */
void scenario_check(const struct scenario *scenario);

#define SCENARIOS_CHECK(table)                                                \
	do {                                                                  \
		for (size_t i_ = 0; i_ < sizeof(table) / sizeof((table)[0]);  \
		    i_++)                                                     \
			scenario_check(&(table)[i_]);                         \
	} while (0)

/* error != 0: it was the failure of this run, and left a sentence. */
void scenario_failed(int error, const char *what);

/* Does it, and once more when it failed: that must work. */
#define TWICE(call)                                                           \
	do {                                                                  \
		int twice_error;                                              \
		vm_error(EDOM, "stale");                                      \
		twice_error = (int)(call);                                    \
		if (twice_error < 0) {                                        \
			scenario_failed(twice_error, #call);                  \
			twice_error = (int)(call);                            \
		}                                                             \
		if (twice_error < 0)                                          \
			scenario_failed(0, #call);                            \
		CHECK(twice_error >= 0);                                      \
	} while (0)

/* A new value in word 1 of a page, dirty; a page held exclusively likewise. */
void put(int kind, uint64_t pindex);
void put_into(struct vm_page *page, int kind, uint64_t pindex);
/* The page has what was put last; held in any way. */
void check_in(struct vm_page *page, int kind, uint64_t pindex);
void get(int kind, uint64_t pindex);
/* Whoever grabs a page; NULL is a failure. */
struct vm_page *grab(int kind, uint64_t pindex, unsigned flags);

#endif
