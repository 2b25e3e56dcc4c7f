/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * limit/shrink.h - others who can give something back when pages cannot.
 *
 * A shrinker is a cache of the program that the system belongs to.  When a
 * pass of the daemon freed nothing, they are asked in order of priority, the
 * highest first, equal ones in order of arrival, until one says that it freed
 * something:
 *
 *	own free frames -> kept memory -> pages -> shrinkers -> the callback
 *
 * What counts as progress is what came back to limit meanwhile, whatever the
 * shrinker says: one that promises and frees nothing does not keep the daemon
 * running.
 *
 * Callbacks run in the daemon's thread, under no lock; they may give pages
 * back, and must not wait for memory.
 */
#ifndef LIMIT_SHRINK_H
#define LIMIT_SHRINK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/list.h"

struct vm_limit;

struct vm_shrink {
	struct vm_node link;	/* in limit->shrinkers, in their order (L) */
	const void *key;	/* who it is (C) */
	int priority;		/* (C) */
	uint64_t number;	/* of arrival (C) */
	bool running;		/* (L) */
	/* Pages it could free; 0: it is not asked. */
	uint64_t (*count)(void *arg);
	/* Frees up to wanted pages; how many it did. */
	uint64_t (*scan)(void *arg, uint64_t wanted);
	void *arg;		/* (C) */
};

/* Copies what; key, priority, count, scan and arg are set.  0, -ENOMEM,
 * -EEXIST. */
VM_MUST_CHECK int vm_shrink_add(struct vm_limit *limit,
    const struct vm_shrink *what);
/* On return it is not called, now or later.  0, -ENOENT; -EDEADLK from its own
 * callbacks.  Sleeps while it runs. */
VM_MUST_CHECK int vm_shrink_remove(struct vm_limit *limit, const void *key);

/* Asks them for wanted pages; what the one that stopped it says it freed. */
uint64_t vm_shrink_run(struct vm_limit *limit, uint64_t wanted);

#endif
