/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base/lock.h - mutexes with a name and a rank.
 *
 * A thread takes locks in strictly increasing order of their ranks
 * (base/rank.h); VM_RANK_NONE is outside the order.  vm_lock_try may be used
 * against the order, for it never waits; what is locked after it must be
 * above everything held.  Every build stops the program at a double lock or
 * a foreign unlock; debug builds (VM_DEBUG) also keep the locks a thread
 * holds in a small per-thread list and stop it at the first wrong order.
 *
 *	free --vm_lock/try by T--> held by T --vm_unlock by T--> free
 *	held by T --vm_cond_wait by T--> free ... --> held by T
 *
 * A condition (struct vm_cond) sleeps with its lock released; that is the
 * only ranked lock its caller may hold.  Not promised: fairness.
 */
#ifndef BASE_LOCK_H
#define BASE_LOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/rank.h"

struct vm_lock {
	pthread_mutex_t mutex;
	enum vm_rank rank;	/* (C) */
	const char *name;	/* (C) */
	_Atomic uintptr_t owner;	/* thread that holds it, 0 = none (A) */
};

void vm_lock_init(struct vm_lock *lock, enum vm_rank rank, const char *name);
void vm_lock_fini(struct vm_lock *lock);	/* asserts that it is free */
void vm_lock(struct vm_lock *lock);
/* False when another thread has it; never waits, not bound to the order. */
VM_MUST_CHECK bool vm_lock_try(struct vm_lock *lock);
void vm_unlock(struct vm_lock *lock);

/* Stop the program when this thread does not hold it / holds it. */
void vm_lock_assert_held(const struct vm_lock *lock);
void vm_lock_assert_not_held(const struct vm_lock *lock);
/* Debug builds: stop the program when this thread holds any ranked lock. */
void vm_lock_assert_none_held(void);

struct vm_cond {
	pthread_cond_t cond;	/* on CLOCK_MONOTONIC */
};

void vm_cond_init(struct vm_cond *cond);
void vm_cond_fini(struct vm_cond *cond);
/*
 * Sleeps, possibly woken early; false only when timeout_ns passed (UINT64_MAX:
 * no bound).  The lock is held on entry and on return, released in between.
 */
bool vm_cond_wait(struct vm_cond *cond, struct vm_lock *lock,
    uint64_t timeout_ns);
void vm_cond_wake_one(struct vm_cond *cond);
void vm_cond_wake_all(struct vm_cond *cond);

#endif
