/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * faulty.h - the machine with a fault in it.
 *
 * faulty_os is the real table, but: each call that can fail is counted, and
 * the one whose turn it is fails; reads of a part of any file fail; writes
 * fail while the disk is full.  What must be given back is counted too.  Its
 * queues perform at once, in submit.
 *
 * pmap_nobody stands for clients that are not there: it takes any descriptor
 * that can be polled for a userfaultfd on which nothing happens.
 */
#ifndef FAULTY_H
#define FAULTY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "os/os.h"
#include "pmap/uffd.h"

struct faulty {
	_Atomic unsigned fail_at;	/* this call fails, from 1; 0: none */
	_Atomic unsigned calls;		/* so far */
	const char *_Atomic failed;	/* which entry it was; NULL: none */
	/* Reads that touch [bad_from, bad_end) of a file: EIO. */
	_Atomic uint64_t bad_from, bad_end;
	_Atomic int write_errno;	/* all writes, 0: they work */
	/* Not given back yet. */
	_Atomic int blocks, maps, descriptors, queues, threads;
};

extern struct faulty faulty;
extern const struct vm_os faulty_os;
extern const struct vm_pmap_ops pmap_nobody;

/* One more call that can fail: whether it is its turn.  For tables of a test's
 * own. */
bool faulty_call(const char *name);
/* Nothing fails, nothing was counted. */
void faulty_reset(void);
/* Fails the test when something was not given back. */
void faulty_check_clean(void);

#endif
