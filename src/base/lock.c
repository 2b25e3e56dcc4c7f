/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base/lock.c - lock.h has the contract.
 *
 * A thread is named by the address of one of its thread-local bytes: different
 * from that of every other live thread, never 0, and free to read.
 */
#include "base/lock.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "base/assert.h"

#define NS_PER_S UINT64_C(1000000000)
/* 100 years of nanoseconds: longer than that is no bound, and it keeps the
 * sum with the clock far from 2^63. */
#define LONGEST_NS (UINT64_C(100) * 365 * 24 * 3600 * NS_PER_S)

static _Thread_local char self_byte;

static uintptr_t
self(void)
{
	return (uintptr_t)&self_byte;
}

static uintptr_t
owner_of(const struct vm_lock *lock)
{
	/* Relaxed: a thread only asks whether it is itself the owner, and of
	 * its own stores it always sees the last. */
	return atomic_load_explicit(&lock->owner, memory_order_relaxed);
}

static void
set_owner(struct vm_lock *lock, uintptr_t owner)
{
	atomic_store_explicit(&lock->owner, owner, memory_order_relaxed);
}

#ifdef VM_DEBUG
/* 32 locks: every rank once is 10, the rest is for unordered ones. */
#define HELD_MAX 32

/* What this thread holds, in the order taken (T). */
static _Thread_local struct {
	const struct vm_lock *lock[HELD_MAX];
	unsigned count;
} held;

/* The ranked lock of highest rank that this thread holds, or NULL. */
static const struct vm_lock *
highest_held(void)
{
	const struct vm_lock *highest = NULL;

	for (unsigned i = 0; i < held.count; i++)
		if (held.lock[i]->rank != VM_RANK_NONE && (highest == NULL ||
		    held.lock[i]->rank > highest->rank))
			highest = held.lock[i];
	return highest;
}

static void
check_order(const struct vm_lock *lock)
{
	const struct vm_lock *highest = highest_held();
	char text[160];	/* two short names and two numbers */

	if (lock->rank == VM_RANK_NONE || highest == NULL ||
	    highest->rank < lock->rank)
		return;
	snprintf(text, sizeof(text),
	    "lock order: %.40s (rank %d) wanted while %.40s (rank %d) is held",
	    lock->name, (int)lock->rank, highest->name, (int)highest->rank);
	vm_panic(__FILE__, __LINE__, __func__, text);
}

static void
held_add(const struct vm_lock *lock)
{
	vm_assert(held.count < HELD_MAX);
	held.lock[held.count++] = lock;
}

static void
held_remove(const struct vm_lock *lock)
{
	unsigned at = held.count;

	do
		vm_assert(at > 0);
	while (held.lock[--at] != lock);
	for (held.count--; at < held.count; at++)
		held.lock[at] = held.lock[at + 1];
}

void
vm_lock_assert_none_held(void)
{
	vm_assert(highest_held() == NULL);
}
#else
static void
check_order(const struct vm_lock *lock)
{
	(void)lock;
}

static void
held_add(const struct vm_lock *lock)
{
	(void)lock;
}

static void
held_remove(const struct vm_lock *lock)
{
	(void)lock;
}

void
vm_lock_assert_none_held(void)
{
}
#endif

void
vm_lock_init(struct vm_lock *lock, enum vm_rank rank, const char *name)
{
	int err = pthread_mutex_init(&lock->mutex, NULL);

	vm_assert(err == 0);	/* a plain mutex needs nothing that can lack */
	vm_assert(name != NULL);
	lock->rank = rank;
	lock->name = name;
	atomic_init(&lock->owner, 0);
}

void
vm_lock_fini(struct vm_lock *lock)
{
	int err;

	vm_assert(owner_of(lock) == 0);
	err = pthread_mutex_destroy(&lock->mutex);
	vm_assert(err == 0);
}

/* The mutex has just become this thread's, or is about to leave it. */
static void
taken(struct vm_lock *lock)
{
	vm_assert(owner_of(lock) == 0);
	set_owner(lock, self());
	held_add(lock);
}

static void
leaving(struct vm_lock *lock)
{
	vm_assert(owner_of(lock) == self());
	held_remove(lock);
	set_owner(lock, 0);
}

/*
 * 400 looks, some 5 us: as long as a batch of victims is looked for.  No system
 * call is made under a ranked lock, so it is mostly free by then; and a sleep
 * costs both twice that, and often ends with both on one processor.
 */
#define SPINS 400u

/* Taken without a sleep. */
static bool
spin(struct vm_lock *lock)
{
	for (unsigned i = 0; i < SPINS; i++) {
		if (owner_of(lock) == 0 &&
		    pthread_mutex_trylock(&lock->mutex) == 0)
			return true;
		VM_RELAX();
	}
	return false;
}

void
vm_lock(struct vm_lock *lock)
{
	int err;

	vm_assert(owner_of(lock) != self());
	check_order(lock);
	err = spin(lock) ? 0 : pthread_mutex_lock(&lock->mutex);
	vm_assert(err == 0);
	taken(lock);
}

bool
vm_lock_try(struct vm_lock *lock)
{
	int err;

	vm_assert(owner_of(lock) != self());
	err = pthread_mutex_trylock(&lock->mutex);
	if (err == EBUSY)
		return false;
	vm_assert(err == 0);
	taken(lock);
	return true;
}

void
vm_unlock(struct vm_lock *lock)
{
	int err;

	leaving(lock);
	err = pthread_mutex_unlock(&lock->mutex);
	vm_assert(err == 0);
}

void
vm_lock_assert_held(const struct vm_lock *lock)
{
	vm_assert(owner_of(lock) == self());
}

void
vm_lock_assert_not_held(const struct vm_lock *lock)
{
	vm_assert(owner_of(lock) != self());
}

void
vm_cond_init(struct vm_cond *cond)
{
	pthread_condattr_t attr;
	int err;

	err = pthread_condattr_init(&attr);
	vm_assert(err == 0);
	err = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	vm_assert(err == 0);
	err = pthread_cond_init(&cond->cond, &attr);
	vm_assert(err == 0);
	(void)pthread_condattr_destroy(&attr);
}

void
vm_cond_fini(struct vm_cond *cond)
{
	int err = pthread_cond_destroy(&cond->cond);

	vm_assert(err == 0);
}

/* The point of the monotonic clock that is timeout_ns away. */
static struct timespec
deadline(uint64_t timeout_ns)
{
	struct timespec now;
	uint64_t ns;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	ns = (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec +
	    timeout_ns;
	return (struct timespec){
		.tv_sec = (time_t)(ns / NS_PER_S),
		.tv_nsec = (long)(ns % NS_PER_S),
	};
}

bool
vm_cond_wait(struct vm_cond *cond, struct vm_lock *lock, uint64_t timeout_ns)
{
	int err;

	leaving(lock);
	vm_lock_assert_none_held();
	if (timeout_ns > LONGEST_NS) {
		err = pthread_cond_wait(&cond->cond, &lock->mutex);
	} else {
		struct timespec at = deadline(timeout_ns);

		err = pthread_cond_timedwait(&cond->cond, &lock->mutex, &at);
	}
	taken(lock);
	vm_assert(err == 0 || err == ETIMEDOUT);
	return err == 0;
}

void
vm_cond_wake_one(struct vm_cond *cond)
{
	(void)pthread_cond_signal(&cond->cond);
}

void
vm_cond_wake_all(struct vm_cond *cond)
{
	(void)pthread_cond_broadcast(&cond->cond);
}
