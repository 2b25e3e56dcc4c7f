/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * preload/early.h - a child that touches managed memory too early.
 *
 * A child of fork maps its copies in our handler.  But libc sets its own state
 * right first, the locks of all streams for instance, and handlers that were
 * registered before ours run before ours: where the program's allocator keeps
 * such things in memory that we manage, the child touches what is not there
 * yet.  So from the end of prepare on a SIGSEGV in the child means: now.
 *
 *	prepare		watch: the program's SIGSEGV is put by, ours set
 *	child		SIGSEGV --> take, and the touch is made again
 *	parent, child	end: the program's again
 *
 * Any other SIGSEGV meanwhile, of another thread perhaps, gives the program's
 * disposition back, and happens again.
 *
 * The state gate is held from watch to end.
 */
#ifndef EARLY_H
#define EARLY_H

#include <stdbool.h>

/* take is called in the child, once, unless end comes first. */
void vm_early_watch(void (*take)(void));
/* Whether take was called. */
bool vm_early_end(void);

#endif
