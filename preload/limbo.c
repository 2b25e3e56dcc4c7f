/* SPDX-License-Identifier: BSD-2-Clause */
/* preload/limbo.c - limbo.h has the theory. */
#include "limbo.h"

#include <linux/futex.h>
#include <stddef.h>
#include <sys/mman.h>
#include <time.h>

#include <resident/space.h>

#include "own_thread.h"
#include "shim.h"
#include "syscalls.h"

#define NS_PER_S UINT64_C(1000000000)

/* Whose turn it is to sleep on the client page: a thread with another number
 * ends. (A) */
static _Atomic uint32_t turn;
/* Whether there is such a thread. (A) */
static _Atomic bool running;
/* The latest one's stack; a forked child frees its copy. (S) */
static char *memory_used;

static _Atomic uint32_t *
word(uint32_t *member)
{
	return (_Atomic uint32_t *)member;
}

static uint64_t
spent_ns(void)
{
	struct timespec t = { 0 };

	(void)VM_SYS(SYS_clock_gettime, CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static bool
may_drop(const struct vm_shim_range *range)
{
	return (range->bits & VM_RANGE_SHARED) != 0 &&
	    (range->kind == VM_RANGE_READ || range->kind == VM_RANGE_TRACKED);
}

/* The next piece from *at on has lost its entries; false: there is none. */
static bool
drop_next(uint64_t *at, struct vm_limbo_piece *piece)
{
	struct vm_shim_range *range;
	long result = -EAGAIN;

	vm_gate_enter(&vm_shim.gate);
	while (result != 0 && (range = vm_ranges_first(&vm_shim.ranges, *at,
	    UINT64_MAX)) != NULL) {
		piece->start = range->start < *at ? *at : range->start;
		piece->end = range->end;
		if (piece->end - piece->start > VM_LIMBO_PIECE)
			piece->end = piece->start + VM_LIMBO_PIECE;
		if (may_drop(range))
			result = VM_SYS(SYS_madvise, piece->start,
			    piece->end - piece->start, MADV_DONTNEED);
		*at = piece->end;
	}
	vm_gate_leave(&vm_shim.gate);
	return result == 0;
}

/* As many pieces as there is room for, from where the last ones ended. */
static void
drop(struct vm_client_page *page, uint64_t *at)
{
	uint32_t n = 0;

	while (n < VM_LIMBO_PIECES && drop_next(at, &page->piece[n]))
		n++;
	if (n < VM_LIMBO_PIECES)
		*at = 0;
	page->pieces = n;
	page->spent_ns = spent_ns();
}

static int
wait_and_drop(void *arg)
{
	uint32_t mine = *(uint32_t *)arg, asked;
	struct vm_client_page *page = vm_shim.page;
	uint64_t at = 0;

	for (;;) {
		asked = atomic_load_explicit(word(&page->asked),
		    memory_order_acquire);
		if (mine != atomic_load_explicit(&turn, memory_order_acquire))
			return 0;
		if (asked == atomic_load_explicit(word(&page->done),
		    memory_order_relaxed)) {
			(void)VM_SYS(SYS_futex, &page->asked, FUTEX_WAIT,
			    asked, NULL, NULL, 0);
			continue;
		}
		drop(page, &at);
		/* Release: whoever sees it sees the pieces. */
		atomic_store_explicit(word(&page->done), asked,
		    memory_order_release);
	}
}

void
vm_limbo_start(void)
{
	uint32_t mine;

	if (atomic_exchange_explicit(&running, true, memory_order_relaxed))
		return;
	mine = atomic_load_explicit(&turn, memory_order_relaxed);
	memory_used = vm_own_thread(wait_and_drop, &mine, sizeof(mine));
	if (memory_used == NULL)
		atomic_store_explicit(&running, false, memory_order_relaxed);
}

/* The word changes with the turn, so that nobody falls asleep on it. */
void
vm_limbo_stop(void)
{
	if (!atomic_exchange_explicit(&running, false, memory_order_relaxed))
		return;
	atomic_fetch_add_explicit(&turn, 1, memory_order_release);
	atomic_fetch_add_explicit(word(&vm_shim.page->asked), 1,
	    memory_order_release);
	(void)VM_SYS(SYS_futex, &vm_shim.page->asked, FUTEX_WAKE, 1, NULL,
	    NULL, 0);
}

void
vm_limbo_forget(void)
{
	vm_own_thread_forget(memory_used);
	memory_used = NULL;
	atomic_store_explicit(&running, false, memory_order_relaxed);
}
