/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * page/slot.h - identity, lock and version of a page in one word.
 *
 * A slot is the place of one identity <object, pindex> in the object's index.
 * It, not the page descriptor, is what one locks, so that a page which is not
 * there yet can be busy: who misses makes the slot exclusive, drops
 * everything, reads, and publishes; the others wait on the slot.
 *
 *	ABSENT --try_excl--> EXCL(absent) --release(n)--> RESIDENT(n)
 *	RESIDENT --try_shared--> SHARED(1) <--> SHARED(k) --release--> RESIDENT
 *	RESIDENT --try_excl--> EXCL(n) --release(n)--> RESIDENT, version + 1
 *	EXCL(n) --release(0)--> ABSENT, version + 1	(evicted)
 *	EXCL(n) --downgrade--> SHARED(1), version + 1
 *	EXCL(absent) --publish_shared(n)--> SHARED(1), version + 1
 *	SHARED(1) --upgrade--> EXCL(n)
 *	EXCL(any) --exchange(n)--> EXCL(n), version + 1
 *
 * The word, low bits first:
 *
 *	 0	EXCL		held exclusively
 *	 1	WAITERS		somebody sleeps on the word (set on a held word)
 *	 2	REFERENCED	touched since the policy last looked
 *	 3	READY		resident, not exclusive, and nothing in the
 *				descriptor keeps a reader out
 *	 4..22	version		counts ends of exclusive, modulo 2^19
 *	23..50	number		page number + 1, 0 = absent
 *	51..63	sharers		0 .. 8191
 *
 * Example: page number 6, resident, referenced, version 3, one sharer:
 * 1 << 51 | 7 << 23 | 3 << 4 | 4 = 0x8000003800034.
 *
 * READY is what makes a hit short.  A reader must know that all of the page is
 * valid, that it is in no error, forbidden by no pager, not cached, and has
 * bytes; all that is in the descriptor, and only an exclusive holder changes
 * it.  So whoever has looked and found it so leaves the bit behind (a sharer
 * by vm_slot_set_ready, an exclusive holder by releasing with it), whoever
 * becomes exclusive takes it away with the same store, and in between one bit
 * answers for the descriptor.  What a hit does then:
 *
 *	load the word, READY?	compare and swap: one sharer more, marked
 *	... the bytes ...	subtract one sharer, what was there before?
 *
 * and what an optimistic reader does, who stores nothing at all:
 *
 *	load the word, READY?	... the bytes ...
 *	load it again: the same number and version, and READY all the time?
 *
 * Who leaves does not look first: of a page that all want, each look would
 * fetch the line once more (docs/performance.md, Hit).  So WAITERS may be seen
 * for a moment on an idle word, until the last sharer has taken it away and
 * woken all; and one who holds it exclusively and ends a hold without saying
 * which seems to be 8191 sharers until he has taken that back.  Nothing is
 * above the sharers that it could borrow from, and EXCL keeps everybody out.
 *
 * Sleepers wait on the low 32 bits (futex).  28 bits of number bound a system
 * at 2^28 - 1 pages: 1 TiB of 4 KiB pages.
 *
 * Wrap-around of the version: a reader who sleeps between his two looks while
 * the same page sees an exact multiple of 2^19 ends of exclusive would take
 * stale bytes for valid.  So whoever wraps a version first adds one to
 * vm_slot_wraps, and readers compare that as well: the count and the version
 * together never come back.  A slot wraps after 5 ms of nothing but writers
 * at the soonest, so others look again for nothing a few hundred times a
 * second at the worst.  The order: the count, then the word (release); the
 * reader: the word (acquire), then the count.
 *
 * Slots live in index leaves, which are type-stable: a leaf is recycled only
 * as a leaf of the same system, so a late look at a slot finds a slot.  See
 * object/index.h for how a holder knows that the slot is still its identity's.
 *
 * Not promised: fairness; sharers can keep an exclusive out.
 */
#ifndef PAGE_SLOT_H
#define PAGE_SLOT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

struct vm_slot {
	_Atomic uint64_t word;	/* (A) */
};

#define VM_SLOT_EXCL		UINT64_C(0x1)
#define VM_SLOT_WAITERS		UINT64_C(0x2)
#define VM_SLOT_REFERENCED	UINT64_C(0x4)
#define VM_SLOT_READY		UINT64_C(0x8)
#define VM_SLOT_ONE_VERSION	(UINT64_C(1) << 4)
#define VM_SLOT_VERSION		(UINT64_C(0x7ffff) << 4)
#define VM_SLOT_NUMBER_SHIFT	23
#define VM_SLOT_NUMBER		(UINT64_C(0xfffffff) << VM_SLOT_NUMBER_SHIFT)
#define VM_SLOT_SHARER		(UINT64_C(1) << 51)
#define VM_SLOT_SHARERS		(~UINT64_C(0) << 51)

/* Of all slots together: versions that have come round to 0 (A). */
extern _Atomic uint64_t vm_slot_wraps;

/* The number field of a slot whose page is not resident. */
#define VM_SLOT_ABSENT 0u

/* 2^28 - 1: the number field is 28 bits and 0 means absent. */
#define VM_SLOT_PAGES_MAX ((UINT32_C(1) << 28) - 1)

/* The number field of a page is its index in the descriptor array plus 1. */
uint32_t vm_slot_number(const struct vm_slot *slot);
bool vm_slot_busy_excl(const struct vm_slot *slot);
/* Neither shared nor exclusive. */
bool vm_slot_idle(const struct vm_slot *slot);
/* Resident or held, at one look: with two, a page that is being filled at the
 * first and is there at the second would seem to be neither. */
bool vm_slot_used(const struct vm_slot *slot);
unsigned vm_slot_sharers(const struct vm_slot *slot);

/*
 * Resident and not exclusive: one more sharer, *number says which page, and
 * the reference mark is set with the same store.  False otherwise, and when
 * 8191 sharers are in it.
 */
VM_MUST_CHECK bool vm_slot_try_shared(struct vm_slot *slot, uint32_t *number);

/* As try_shared, but leaves no mark: for who looks at the system, not the
 * page. */
VM_MUST_CHECK bool vm_slot_try_look(struct vm_slot *slot, uint32_t *number);

/* Somebody sleeps on it; the mark is set.  For dumps. */
bool vm_slot_wanted(const struct vm_slot *slot);
bool vm_slot_referenced(const struct vm_slot *slot);

/* Whether the word says what can be for longer than somebody takes to leave:
 * sharers only of a page and alone, nobody asleep on what is idle, ready only
 * what is resident and not exclusive. */
bool vm_slot_sane(const struct vm_slot *slot);

/* Idle: exclusive; *number says which page or VM_SLOT_ABSENT. */
VM_MUST_CHECK bool vm_slot_try_excl(struct vm_slot *slot, uint32_t *number);
/* The same, but only when a page is resident there, or only when none is;
 * *number is set when it was idle, true or not. */
VM_MUST_CHECK bool vm_slot_try_excl_if(struct vm_slot *slot, bool resident,
    uint32_t *number);

/* One more sharer, made by one of them; false when 8191 are in it. */
VM_MUST_CHECK bool vm_slot_share(struct vm_slot *slot);

/* The only sharer becomes the exclusive holder, or nothing changes. */
VM_MUST_CHECK bool vm_slot_try_upgrade(struct vm_slot *slot);

/* The exclusive holder stays as the only sharer of a resident page. */
void vm_slot_downgrade(struct vm_slot *slot);
/*
 * The same for who has just filled an absent page: publishes number and stays.
 * Sets no reference mark: a page's first use is its arrival, and a policy that
 * saw it as a second one could not tell pages used once from the others.
 */
void vm_slot_publish_shared(struct vm_slot *slot, uint32_t number);
/* The same of a page that is READY, as the holder knows. */
void vm_slot_publish_ready(struct vm_slot *slot, uint32_t number);
void vm_slot_release_shared(struct vm_slot *slot);

/*
 * Publishes number (VM_SLOT_ABSENT: none, and the mark goes), advances the
 * version, wakes all.
 */
void vm_slot_release_excl(struct vm_slot *slot, uint32_t number);

/* The same of a page that is READY, as the holder knows. */
void vm_slot_release_ready(struct vm_slot *slot, uint32_t number);

/* A sharer has seen in the descriptor that the page is READY. */
void vm_slot_set_ready(struct vm_slot *slot);

/*
 * The exclusive holder stays, and the page is another from now on: a page that
 * was given this identity is found while it is still busy.  Advances the
 * version; wakes nobody, since nobody could get in.
 */
void vm_slot_exchange(struct vm_slot *slot, uint32_t number);

/* Wakes all who sleep on a held slot: they look again, and nothing changes. */
void vm_slot_flash(struct vm_slot *slot);

/*
 * Sleeps until the slot may have been released; returns at once when it is
 * idle, or one more sharer fits and shared_suffices.  The leaf may have been
 * recycled meanwhile: look up again.
 */
void vm_slot_wait(struct vm_slot *slot, bool shared_suffices);

/*
 * The two halves of it, for who looks in between whether the slot is still the
 * one that is meant: false when there is nothing to wait for, else *seen is
 * what to sleep on.  Whoever changes the slot after prepare, wakes.
 */
VM_MUST_CHECK bool vm_slot_wait_prepare(struct vm_slot *slot,
    bool shared_suffices, uint32_t *seen);
void vm_slot_wait_sleep(struct vm_slot *slot, uint32_t seen);
/* The same for timeout_ns at most: false when that ran out. */
bool vm_slot_wait_bounded(struct vm_slot *slot, uint32_t seen,
    uint64_t timeout_ns);

/*
 * The mark of try_shared and vm_slot_mark, cleared by the policy.  Marking a
 * place that is absent and not being filled does nothing.
 */
void vm_slot_mark(struct vm_slot *slot);
bool vm_slot_test_clear_referenced(struct vm_slot *slot);

/* ---- the hit ------------------------------------------------------------- */

static inline uint64_t
vm_slot_load(const struct vm_slot *slot)
{
	return atomic_load_explicit(&slot->word, memory_order_relaxed);
}

static inline uint32_t
vm_slot_number_of(uint64_t word)
{
	return (uint32_t)((word & VM_SLOT_NUMBER) >> VM_SLOT_NUMBER_SHIFT);
}

/* READY, and one more sharer fits. */
static inline bool
vm_slot_enterable(uint64_t word)
{
	return VM_LIKELY((word & VM_SLOT_READY) != 0 &&
	    (word & VM_SLOT_SHARERS) != VM_SLOT_SHARERS);
}

/* The rest of try_ready, when somebody else was quicker. */
VM_MUST_CHECK uint64_t vm_slot_enter_again(struct vm_slot *slot,
    uint64_t word);

/*
 * As try_shared, where word is what the slot was seen to be, for a page that
 * is READY; the word that it found so.  0 where it is not: the caller goes the
 * long way.
 */
VM_MUST_CHECK static inline uint64_t
vm_slot_try_ready(struct vm_slot *slot, uint64_t word)
{
	uint64_t old = word;

	if (!vm_slot_enterable(word))
		return 0;
	if (VM_LIKELY(atomic_compare_exchange_strong_explicit(&slot->word,
	    &old, (word + VM_SLOT_SHARER) | VM_SLOT_REFERENCED,
	    memory_order_acquire, memory_order_relaxed)))
		return word;
	return vm_slot_enter_again(slot, old);
}

/* The rest of try_leave, when the word was so before. */
VM_MUST_CHECK bool vm_slot_leave_slowly(struct vm_slot *slot, uint64_t old);

/* One sharer leaves, and wakes who waits for that.  False, and nothing has
 * changed: it is not shared. */
VM_MUST_CHECK static inline bool
vm_slot_try_leave(struct vm_slot *slot)
{
	uint64_t old = atomic_fetch_sub_explicit(&slot->word, VM_SLOT_SHARER,
	    memory_order_release);

	if (VM_LIKELY(old >= VM_SLOT_SHARER && (old & VM_SLOT_WAITERS) == 0))
		return true;
	return vm_slot_leave_slowly(slot, old);
}

#endif
