/* SPDX-License-Identifier: BSD-2-Clause */
/* page/slot.c - slot.h has the word, the states and the rules. */
#include "page/slot.h"

#include "base/assert.h"
#include "base/futex.h"

/* Short names of the header's. */
#define EXCL		VM_SLOT_EXCL
#define WAITERS		VM_SLOT_WAITERS
#define REFERENCED	VM_SLOT_REFERENCED
#define ONE_SHARER	VM_SLOT_SHARER
#define SHARERS		VM_SLOT_SHARERS
#define ONE_VERSION	VM_SLOT_ONE_VERSION
#define VERSION		VM_SLOT_VERSION
#define READY		VM_SLOT_READY
#define NUMBER_SHIFT	VM_SLOT_NUMBER_SHIFT
#define NUMBER		VM_SLOT_NUMBER

_Static_assert((EXCL | WAITERS | REFERENCED | SHARERS | VERSION | READY |
    NUMBER) == ~UINT64_C(0), "the fields fill the word");
_Static_assert(EXCL + WAITERS + REFERENCED + SHARERS + VERSION + READY +
    NUMBER == ~UINT64_C(0), "the fields do not overlap");
_Static_assert((NUMBER >> NUMBER_SHIFT) == VM_SLOT_PAGES_MAX,
    "every page number has a place");
_Static_assert(sizeof(_Atomic uint64_t) == 8 && ATOMIC_LLONG_LOCK_FREE == 2,
    "the word is one lock-free machine word");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
    "the low 32 bits, which sleepers wait on, are at the word's address");

_Atomic uint64_t vm_slot_wraps;

static uint64_t
load(const struct vm_slot *slot)
{
	return vm_slot_load(slot);
}

/* On failure *old becomes the present word, for the next turn of a loop. */
static bool
swap(struct vm_slot *slot, uint64_t *old, uint64_t new, memory_order order)
{
	return atomic_compare_exchange_weak_explicit(&slot->word, old, new,
	    order, memory_order_relaxed);
}

static uint32_t
number_of(uint64_t word)
{
	return vm_slot_number_of(word);
}

/* What was true of the page for readers is the new holder's to change. */
static uint64_t
with_excl(uint64_t word)
{
	return (word & ~READY) | EXCL;
}

/* Whoever sees a word with the next version sees the count as well. */
static uint64_t
next_version(uint64_t word)
{
	if (VM_UNLIKELY((word & VERSION) == VERSION))
		atomic_fetch_add_explicit(&vm_slot_wraps, 1,
		    memory_order_relaxed);
	return (word + ONE_VERSION) & VERSION;
}

/* One more sharer may enter.  A full count keeps newcomers out. */
static bool
sharable(uint64_t word)
{
	return (word & NUMBER) != 0 && (word & EXCL) == 0 &&
	    (word & SHARERS) != SHARERS;
}

static _Atomic uint32_t *
futex_of(struct vm_slot *slot)
{
	return (_Atomic uint32_t *)(void *)&slot->word;
}

uint32_t
vm_slot_number(const struct vm_slot *slot)
{
	return number_of(load(slot));
}

bool
vm_slot_busy_excl(const struct vm_slot *slot)
{
	return (load(slot) & EXCL) != 0;
}

bool
vm_slot_idle(const struct vm_slot *slot)
{
	return (load(slot) & (EXCL | SHARERS)) == 0;
}

unsigned
vm_slot_sharers(const struct vm_slot *slot)
{
	return (unsigned)((load(slot) & SHARERS) / ONE_SHARER);
}

bool
vm_slot_used(const struct vm_slot *slot)
{
	return (load(slot) & (EXCL | SHARERS | NUMBER)) != 0;
}

bool
vm_slot_try_shared(struct vm_slot *slot, uint32_t *number)
{
	uint64_t old = load(slot);

	do {
		if (!sharable(old))
			return false;
	} while (!swap(slot, &old, (old + ONE_SHARER) | REFERENCED,
	    memory_order_acquire));
	*number = number_of(old);
	return true;
}

bool
vm_slot_try_look(struct vm_slot *slot, uint32_t *number)
{
	uint64_t old = load(slot);

	do {
		if (!sharable(old))
			return false;
	} while (!swap(slot, &old, old + ONE_SHARER, memory_order_acquire));
	*number = number_of(old);
	return true;
}

bool
vm_slot_wanted(const struct vm_slot *slot)
{
	return (load(slot) & WAITERS) != 0;
}

bool
vm_slot_referenced(const struct vm_slot *slot)
{
	return (load(slot) & REFERENCED) != 0;
}

bool
vm_slot_sane(const struct vm_slot *slot)
{
	uint64_t word = load(slot);

	if ((word & READY) != 0 &&
	    ((word & EXCL) != 0 || (word & NUMBER) == 0))
		return false;
	if ((word & EXCL) != 0)
		return (word & SHARERS) == 0;
	if ((word & SHARERS) != 0)
		return (word & NUMBER) != 0;
	return (word & WAITERS) == 0;
}

bool
vm_slot_try_excl(struct vm_slot *slot, uint32_t *number)
{
	uint64_t old = load(slot);

	do {
		if ((old & (EXCL | SHARERS)) != 0)
			return false;
	} while (!swap(slot, &old, with_excl(old), memory_order_acquire));
	*number = number_of(old);
	return true;
}

bool
vm_slot_try_excl_if(struct vm_slot *slot, bool resident, uint32_t *number)
{
	uint64_t old = load(slot);

	do {
		if ((old & (EXCL | SHARERS)) != 0)
			return false;
		*number = number_of(old);
		if ((*number != VM_SLOT_ABSENT) != resident)
			return false;
	} while (!swap(slot, &old, with_excl(old), memory_order_acquire));
	return true;
}

bool
vm_slot_share(struct vm_slot *slot)
{
	uint64_t old = load(slot);

	do {
		vm_assert((old & SHARERS) != 0 && (old & EXCL) == 0);
		if ((old & SHARERS) == SHARERS)
			return false;
	} while (!swap(slot, &old, old + ONE_SHARER, memory_order_acquire));
	return true;
}

/*
 * Acquire: the sharers that left before wrote nothing to the page, but what
 * they read must not be overtaken by what the new holder writes.
 */
bool
vm_slot_try_upgrade(struct vm_slot *slot)
{
	uint64_t old = load(slot);

	do {
		vm_assert((old & SHARERS) != 0 && (old & EXCL) == 0);
		if ((old & SHARERS) != ONE_SHARER)
			return false;
	} while (!swap(slot, &old, with_excl(old - ONE_SHARER),
	    memory_order_acquire));
	return true;
}

/* Leaves EXCL for what it becomes, with a new version and number. */
static void
leave_excl(struct vm_slot *slot, uint32_t number, uint64_t becomes)
{
	uint64_t old = load(slot), new;

	vm_assert(number <= VM_SLOT_PAGES_MAX);
	do {
		vm_assert((old & EXCL) != 0 && (old & SHARERS) == 0);
		new = (uint64_t)number << NUMBER_SHIFT | next_version(old) |
		    becomes;
		if (number != VM_SLOT_ABSENT)
			new |= old & REFERENCED;
	} while (!swap(slot, &old, new, memory_order_release));
	if (VM_UNLIKELY((old & WAITERS) != 0))
		vm_futex_wake_all(futex_of(slot));
}

void
vm_slot_publish_shared(struct vm_slot *slot, uint32_t number)
{
	vm_assert(number != VM_SLOT_ABSENT);
	leave_excl(slot, number, ONE_SHARER);
}

void
vm_slot_publish_ready(struct vm_slot *slot, uint32_t number)
{
	vm_assert(number != VM_SLOT_ABSENT);
	leave_excl(slot, number, ONE_SHARER | READY);
}

void
vm_slot_downgrade(struct vm_slot *slot)
{
	vm_slot_publish_shared(slot, vm_slot_number(slot));
}

/* Release: who finds the number reads the descriptor behind it. */
void
vm_slot_exchange(struct vm_slot *slot, uint32_t number)
{
	uint64_t old = load(slot), new;

	vm_assert(number != VM_SLOT_ABSENT && number <= VM_SLOT_PAGES_MAX);
	do {
		vm_assert((old & EXCL) != 0);
		new = (uint64_t)number << NUMBER_SHIFT | next_version(old) |
		    (old & (EXCL | WAITERS | REFERENCED));
	} while (!swap(slot, &old, new, memory_order_release));
}

/* The low half changes, so that nobody who has not slept yet sleeps on. */
void
vm_slot_flash(struct vm_slot *slot)
{
	uint64_t old = atomic_fetch_and_explicit(&slot->word, ~WAITERS,
	    memory_order_relaxed);

	vm_assert((old & (EXCL | SHARERS)) != 0);
	if ((old & WAITERS) != 0)
		vm_futex_wake_all(futex_of(slot));
}

uint64_t
vm_slot_enter_again(struct vm_slot *slot, uint64_t word)
{
	do {
		if (!vm_slot_enterable(word))
			return 0;
	} while (!swap(slot, &word, (word + ONE_SHARER) | REFERENCED,
	    memory_order_acquire));
	return word;
}

/*
 * WAITERS goes when all sleepers are woken: at idle, and when the count was
 * full, since then a sleeper may want no more than a place among the sharers.
 * Whoever took the slot since may have put it back, or another's who sleeps on
 * what the place has become: these look again, and find what they wait for as
 * it was.
 */
bool
vm_slot_leave_slowly(struct vm_slot *slot, uint64_t old)
{
	if ((old & SHARERS) == 0) {
		atomic_fetch_add_explicit(&slot->word, ONE_SHARER,
		    memory_order_relaxed);
		return false;
	}
	if ((old & WAITERS) != 0 && ((old & SHARERS) == ONE_SHARER ||
	    (old & SHARERS) == SHARERS)) {
		atomic_fetch_and_explicit(&slot->word, ~WAITERS,
		    memory_order_relaxed);
		vm_futex_wake_all(futex_of(slot));
	}
	return true;
}

void
vm_slot_release_shared(struct vm_slot *slot)
{
	bool shared = vm_slot_try_leave(slot);

	vm_assert(shared);
}

void
vm_slot_release_excl(struct vm_slot *slot, uint32_t number)
{
	leave_excl(slot, number, 0);
}

void
vm_slot_release_ready(struct vm_slot *slot, uint32_t number)
{
	vm_assert(number != VM_SLOT_ABSENT);
	leave_excl(slot, number, READY);
}

/* Relaxed: it says nothing that the sharer was not told by who released. */
void
vm_slot_set_ready(struct vm_slot *slot)
{
	uint64_t old = atomic_fetch_or_explicit(&slot->word, READY,
	    memory_order_relaxed);

	vm_assert((old & SHARERS) != 0 && (old & EXCL) == 0);
}

/*
 * No wake-up is lost: the kernel compares the low half once more under its
 * own lock, and while that still shows WAITERS whoever clears it wakes all.
 * Any other change in between is a wake-up too early, which callers expect.
 */
bool
vm_slot_wait_prepare(struct vm_slot *slot, bool shared_suffices,
    uint32_t *seen)
{
	uint64_t old = load(slot);

	do {
		if ((old & (EXCL | SHARERS)) == 0)
			return false;
		if (shared_suffices && sharable(old))
			return false;
	} while ((old & WAITERS) == 0 &&
	    !swap(slot, &old, old | WAITERS, memory_order_relaxed));
	*seen = (uint32_t)(old | WAITERS);
	return true;
}

void
vm_slot_wait_sleep(struct vm_slot *slot, uint32_t seen)
{
	(void)vm_futex_wait(futex_of(slot), seen, VM_FUTEX_FOREVER);
}

bool
vm_slot_wait_bounded(struct vm_slot *slot, uint32_t seen, uint64_t timeout_ns)
{
	return vm_futex_wait(futex_of(slot), seen, timeout_ns);
}

void
vm_slot_wait(struct vm_slot *slot, bool shared_suffices)
{
	uint32_t seen;

	if (vm_slot_wait_prepare(slot, shared_suffices, &seen))
		vm_slot_wait_sleep(slot, seen);
}

/* A mark on a place without a page would be the next page's. */
void
vm_slot_mark(struct vm_slot *slot)
{
	uint64_t old = load(slot);

	do {
		if ((old & REFERENCED) != 0 || (old & (NUMBER | EXCL)) == 0)
			return;
	} while (!swap(slot, &old, old | REFERENCED, memory_order_relaxed));
}

bool
vm_slot_test_clear_referenced(struct vm_slot *slot)
{
	if ((load(slot) & REFERENCED) == 0)
		return false;
	return (atomic_fetch_and_explicit(&slot->word, ~REFERENCED,
	    memory_order_relaxed) & REFERENCED) != 0;
}
