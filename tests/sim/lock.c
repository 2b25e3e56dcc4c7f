/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lock.c - base/lock.h, base/futex.h, base/error.h and base/assert.h over
 * tasks.
 *
 * The library's own are left out where this is linked.  Ranks are checked in
 * every build, a lock that has ended is never used again, conditions and
 * futexes wake early now and then, as they may.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/error.h"
#include "base/futex.h"
#include "base/lock.h"
#include "sim.h"

/* The owner of a lock that has ended. */
#define ENDED UINTPTR_MAX
/* One wait in 64 is in vain. */
#define VAIN 64

static uintptr_t
self(void)
{
	return (uintptr_t)sim_self();
}

static uintptr_t
owner_of(const struct vm_lock *lock)
{
	return atomic_load_explicit(&lock->owner, memory_order_relaxed);
}

static void
set_owner(struct vm_lock *lock, uintptr_t owner)
{
	atomic_store_explicit(&lock->owner, owner, memory_order_relaxed);
}

static void
check_alive(const struct vm_lock *lock)
{
	if (owner_of(lock) == ENDED)
		sim_fail("lock %s is used after its end", lock->name);
	if (lock->name == NULL)
		sim_fail("a lock is used before its beginning");
}

static const struct vm_lock *
highest_held(void)
{
	const struct sim_task *task = sim_self();
	const struct vm_lock *highest = NULL;

	for (unsigned i = 0; i < task->held_count; i++)
		if (task->held[i]->rank != VM_RANK_NONE && (highest == NULL ||
		    task->held[i]->rank > highest->rank))
			highest = task->held[i];
	return highest;
}

static void
check_order(const struct vm_lock *lock)
{
	const struct vm_lock *highest = highest_held();

	if (lock->rank != VM_RANK_NONE && highest != NULL &&
	    highest->rank >= lock->rank)
		sim_fail("lock %s is wanted while %s is held", lock->name,
		    highest->name);
}

static void
taken(struct vm_lock *lock)
{
	struct sim_task *task = sim_self();

	set_owner(lock, self());
	SIM_CHECK(task->held_count < SIM_HELD);
	task->held[task->held_count++] = lock;
}

static void
leaving(struct vm_lock *lock)
{
	struct sim_task *task = sim_self();
	unsigned at = task->held_count;

	check_alive(lock);
	if (owner_of(lock) != self())
		sim_fail("lock %s is let go by who does not hold it",
		    lock->name);
	do
		at--;
	while (task->held[at] != lock);
	memmove(&task->held[at], &task->held[at + 1],
	    (--task->held_count - at) * sizeof(task->held[0]));
	set_owner(lock, 0);
	sim_wake_all(lock);
}

void
vm_lock_init(struct vm_lock *lock, enum vm_rank rank, const char *name)
{
	lock->rank = rank;
	lock->name = name;
	set_owner(lock, 0);
}

void
vm_lock_fini(struct vm_lock *lock)
{
	check_alive(lock);
	if (owner_of(lock) != 0)
		sim_fail("lock %s is held at its end", lock->name);
	set_owner(lock, ENDED);
}

static void
take(struct vm_lock *lock)
{
	while (owner_of(lock) != 0) {
		check_alive(lock);
		(void)sim_wait(lock, lock->name, SIM_FOREVER);
	}
	taken(lock);
}

void
vm_lock(struct vm_lock *lock)
{
	check_alive(lock);
	if (owner_of(lock) == self())
		sim_fail("lock %s is taken twice", lock->name);
	check_order(lock);
	sim_point();
	take(lock);
}

bool
vm_lock_try(struct vm_lock *lock)
{
	check_alive(lock);
	SIM_CHECK(owner_of(lock) != self());
	sim_point();
	if (owner_of(lock) != 0)
		return false;
	taken(lock);
	return true;
}

void
vm_unlock(struct vm_lock *lock)
{
	leaving(lock);
	sim_point();
}

void
vm_lock_assert_held(const struct vm_lock *lock)
{
	if (owner_of(lock) != self())
		sim_fail("lock %s is not held", lock->name);
}

void
vm_lock_assert_not_held(const struct vm_lock *lock)
{
	if (owner_of(lock) == self())
		sim_fail("lock %s is held", lock->name);
}

void
vm_lock_assert_none_held(void)
{
	const struct vm_lock *highest = highest_held();

	if (highest != NULL)
		sim_fail("lock %s is held over a wait", highest->name);
}

void
vm_cond_init(struct vm_cond *cond)
{
	memset(cond, 0, sizeof(*cond));
}

void
vm_cond_fini(struct vm_cond *cond)
{
	memset(cond, 0, sizeof(*cond));
}

bool
vm_cond_wait(struct vm_cond *cond, struct vm_lock *lock, uint64_t timeout_ns)
{
	bool in_time = true;

	leaving(lock);
	vm_lock_assert_none_held();
	if (!sim_one_in(VAIN))
		in_time = sim_wait(cond, lock->name, timeout_ns);
	take(lock);
	return in_time;
}

void
vm_cond_wake_one(struct vm_cond *cond)
{
	sim_wake_one(cond);
}

void
vm_cond_wake_all(struct vm_cond *cond)
{
	sim_wake_all(cond);
}

bool
vm_futex_wait(_Atomic uint32_t *word, uint32_t expected, uint64_t timeout_ns)
{
	vm_lock_assert_none_held();
	sim_point();
	if (atomic_load_explicit(word, memory_order_relaxed) != expected ||
	    sim_one_in(VAIN))
		return true;
	return sim_wait(word, "a slot", timeout_ns);
}

void
vm_futex_wake_one(_Atomic uint32_t *word)
{
	sim_wake_one(word);
	sim_point();
}

void
vm_futex_wake_all(_Atomic uint32_t *word)
{
	sim_wake_all(word);
	sim_point();
}

/* -- base/error.h and base/assert.h -- */

int
vm_error(int err, const char *format, ...)
{
	char text[VM_ERROR_BYTES];
	va_list args;

	SIM_CHECK(err > 0);
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	memcpy(sim_self()->sentence, text, strlen(text) + 1);
	return -err;
}

const char *
vm_error_text(void)
{
	return sim_self()->sentence;
}

const char *
vm_errno_text(int err)
{
	const char *text = strerrordesc_np(err);

	return text != NULL ? text : "unknown error";
}

void
vm_panic(const char *file, int line, const char *function, const char *text)
{
	sim_fail("%s:%d: %s: %s", file, line, function, text);
}
