/* SPDX-License-Identifier: BSD-2-Clause */
/* fault/trap.c - trap.h has the theory. */
#include "fault/trap.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/assert.h"
#include "base/error.h"
#include "base/lock.h"
#include "fault/trap_private.h"
#include "os/os.h"

struct table {
	const struct vm_os *os;		/* whose memory it is */
	size_t count;
	struct vm_trap_range range[];	/* ascending */
};

/* A process has one handler of a signal, whatever systems are in it. */
static _Atomic(const struct table *) current;	/* written under lock (A) */
static _Atomic uint32_t epoch;			/* written under lock (A) */
static VM_ALIGNED(VM_CACHE_LINE) _Atomic uint32_t readers[2];	/* (A) */
static struct vm_lock lock = {
	.mutex = PTHREAD_MUTEX_INITIALIZER, .rank = VM_RANK_MAP,
	.name = "traps",
};
static bool forks_seen;				/* (lock) */

/* ---- the table ----------------------------------------------------------- */

static unsigned
start_reading(void)
{
	for (;;) {
		uint32_t now = atomic_load(&epoch);

		atomic_fetch_add(&readers[now & 1], 1);
		if (atomic_load(&epoch) == now)
			return now & 1;
		atomic_fetch_sub(&readers[now & 1], 1);
	}
}

static void
end_reading(unsigned side)
{
	atomic_fetch_sub_explicit(&readers[side], 1, memory_order_release);
}

static const struct table *
table_now(void)
{
	return atomic_load(&current);
}

/* The first range that ends behind the address; count when there is none. */
static size_t
search(const struct table *table, uintptr_t address)
{
	size_t low = 0, high = table == NULL ? 0 : table->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (table->range[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void
replace_locked(const struct table *next)
{
	const struct table *old = table_now();
	uint32_t before = atomic_load(&epoch);

	vm_lock_assert_held(&lock);
	atomic_store(&current, next);
	atomic_store(&epoch, before + 1);
	while (atomic_load(&readers[before & 1]) != 0)
		(next != NULL ? next->os : old->os)->yield();
	if (old != NULL)
		old->os->free((void *)(uintptr_t)old);
}

/* Room for so many ranges; *out is NULL when there are none. */
static int
new_table(const struct vm_os *os, size_t count, struct table **out)
{
	*out = NULL;
	if (count == 0)
		return 0;
	*out = os->alloc(sizeof(**out) + count * sizeof((*out)->range[0]));
	if (*out == NULL)
		return vm_error(ENOMEM, "map: no memory for a table of %zu "
		    "ranges", count);
	(*out)->os = os;
	return 0;
}

static int
add_locked(const struct vm_os *os, const struct vm_trap_range *range)
{
	const struct table *old = table_now();
	size_t count = old == NULL ? 0 : old->count;
	size_t at = search(old, range->start);
	struct table *next;
	int error = new_table(os, count + 1, &next);

	if (error != 0)
		return error;
	vm_assert(at == count || old->range[at].start >= range->end);
	next->count = count + 1;
	if (at != 0)
		memcpy(next->range, old->range, at * sizeof(*range));
	next->range[at] = *range;
	if (at != count)
		memcpy(&next->range[at + 1], &old->range[at],
		    (count - at) * sizeof(*range));
	replace_locked(next);
	return 0;
}

int
vm_trap_add(const struct vm_os *os, const struct vm_trap_range *range)
{
	int error;

	vm_assert(range->start < range->end);
	vm_lock(&lock);
	error = add_locked(os, range);
	vm_unlock(&lock);
	return error;
}

/* What [start, end) leaves of a range: none, one or two pieces. */
static size_t
pieces(const struct vm_trap_range *range, uintptr_t start, uintptr_t end,
    struct vm_trap_range out[2])
{
	size_t n = 0;

	if (range->end <= start || range->start >= end) {
		out[n++] = *range;
		return n;
	}
	if (range->start < start) {
		out[n] = *range;
		out[n++].end = start;
	}
	if (range->end > end) {
		out[n] = *range;
		out[n++].start = end;
	}
	return n;
}

static int
cut_locked(const struct vm_os *os, uintptr_t start, uintptr_t end)
{
	const struct table *old = table_now();
	size_t at = search(old, start), count = 0;
	struct vm_trap_range piece[2];
	struct table *next;
	int error;

	if (old == NULL || at == old->count || old->range[at].start >= end)
		return 0;
	for (size_t i = 0; i < old->count; i++)
		count += pieces(&old->range[i], start, end, piece);
	error = new_table(os, count, &next);
	if (error != 0)
		return error;
	for (size_t i = 0; i < old->count; i++) {
		size_t n = pieces(&old->range[i], start, end, piece);

		for (size_t j = 0; j < n; j++)
			next->range[next->count++] = piece[j];
	}
	replace_locked(next);
	return 0;
}

int
vm_trap_cut(const struct vm_os *os, uintptr_t start, uintptr_t end)
{
	int error;

	vm_lock(&lock);
	error = cut_locked(os, start, end);
	vm_unlock(&lock);
	return error;
}

bool
vm_trap_covers(uintptr_t start, uintptr_t end)
{
	const struct table *table;
	size_t at;

	vm_lock(&lock);
	table = table_now();
	at = search(table, start);
	while (start < end && table != NULL && at < table->count &&
	    table->range[at].start <= start)
		start = table->range[at++].end;
	vm_unlock(&lock);
	return start >= end;
}

/* ---- a fault ------------------------------------------------------------- */

/* Held, and *found says what it is; false: nobody's. */
static bool
find_and_hold(uintptr_t address, struct vm_trap_range *found)
{
	unsigned side = start_reading();
	const struct table *table = table_now();
	size_t at = search(table, address);
	bool ours = table != NULL && at < table->count &&
	    table->range[at].start <= address;

	if (ours) {
		*found = table->range[at];
		found->ops->hold(found->arg);
	}
	end_reading(side);
	return ours;
}

static bool
resolved(const siginfo_t *info, const void *context)
{
	uintptr_t address = (uintptr_t)info->si_addr;
	struct vm_trap_range range;
	int cancel, error;

	/* BUS_ADRERR is what a page that is missing raises; the other codes
	 * are broken memory, or somebody's kill. */
	if (info->si_code != BUS_ADRERR || !find_and_hold(address, &range))
		return false;
	/* A thread that is cancelled ends when it is at itself again. */
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	error = range.ops->resolve(range.arg, address,
	    vm_trap_was_write(context));
	(void)pthread_setcancelstate(cancel, NULL);
	return error == 0;
}

static void
on_sigbus(int number, siginfo_t *info, void *context)
{
	int before = errno;

	if (!resolved(info, context))
		vm_trap_pass_on(number, info, context);
	errno = before;
}

/* The child has one thread, and it was outside. */
static void
forget_in_child(void)
{
	atomic_store(&current, NULL);
	atomic_store(&readers[0], 0);
	atomic_store(&readers[1], 0);
	vm_lock_init(&lock, VM_RANK_MAP, "traps");
}

int
vm_trap_install(const struct vm_os *os)
{
	int error = 0;

	vm_lock(&lock);
	if (!forks_seen)
		error = os->after_fork(forget_in_child);
	if (error == 0) {
		forks_seen = true;
		error = vm_trap_take_over(os, on_sigbus);
	}
	vm_unlock(&lock);
	return error == 0 ? 0 : vm_error(-error, "map: the handler of SIGBUS "
	    "could not be installed: %s", vm_errno_text(-error));
}
