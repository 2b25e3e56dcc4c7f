/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault/hit.h - a page that is there: the shortest way in, and out.
 *
 * Three things are done here and nothing else: the slot is found, taken with
 * one compare and swap if its word says READY (page/slot.h), and looked up once
 * more.  Whatever is not so plain, a write, a page that its descriptor must be
 * asked about, somebody asleep, goes the long way of fault/grab.h, which leaves
 * READY behind for the next one.
 *
 * Cache lines of a shared grab and its release, and who writes them:
 *
 *	struct vm_object	the first	hardly anybody
 *	struct vm		two		hardly anybody
 *	directory		the place	who makes and drops leaves
 *	slot			one		we, and others who take the page
 *	descriptor		one		its exclusive holder; read by us
 *	counters		one		this thread alone
 *
 * Of these the place, the slot and the descriptor are of this page, and only
 * the first two are waited for: descriptor and bytes are asked for as soon as
 * the word is known, so that they come while the slot is being taken.  With the
 * tables by which a program finds the library and its thread's data that makes
 * 12 lines, 2 of them stored to; tools/hit-lines counts them.
 */
#ifndef FAULT_HIT_H
#define FAULT_HIT_H

#include "base/compiler.h"
#include "object/object.h"

/* Both lines will be wanted, whatever the caller does with the page. */
static inline void
vm_hit_prefetch(const struct vm *vm, uint64_t word)
{
	const struct vm_frames *frames = &vm->frames;
	size_t number = vm_slot_number_of(word) - 1;

	VM_PREFETCH(&frames->pages[number]);
	VM_PREFETCH(frames->arena + number * frames->page_bytes);
}

/* A page of this identity will be looked for soon, and more of its leaf. */
static inline void
vm_hit_approach(const struct vm_object *object, vm_pindex_t pindex)
{
	const struct vm_leaf *leaf = vm_index_leaf(&object->index, pindex);

	if (VM_LIKELY(leaf != NULL)) {
		VM_PREFETCH(&leaf->slot[0]);
		VM_PREFETCH(&leaf->slot[VM_LEAF_SLOTS - 1]);
	}
}

/* Where pages beyond a shortened file wait for its length to be set, they are
 * not to be had. */
static inline bool
vm_hit_in_range(const struct vm_object *object, vm_pindex_t pindex)
{
	return VM_LIKELY(pindex * object->vm->page_bytes <
	    atomic_load_explicit(&object->length, memory_order_relaxed));
}

/* Shared by us too, and marked; not counted.  False: look the long way. */
VM_MUST_CHECK static inline bool
vm_hit_try(struct vm_object *object, vm_pindex_t pindex, struct vm_page **out)
{
	struct vm_slot *slot = vm_index_find(&object->index, pindex);
	uint64_t word = VM_LIKELY(slot != NULL) ? vm_slot_load(slot) : 0;

	if (VM_UNLIKELY((word & VM_SLOT_READY) == 0))
		return false;
	vm_hit_prefetch(object->vm, word);
	word = vm_slot_try_ready(slot, word);
	if (VM_UNLIKELY(word == 0))
		return false;
	if (VM_LIKELY(vm_index_owns(&object->index, slot, pindex) &&
	    vm_hit_in_range(object, pindex))) {
		*out = vm_page_of(object->vm, vm_slot_number_of(word));
		return true;
	}
	vm_slot_release_shared(slot);	/* another page's, or beyond the end */
	vm_limit_notify(&object->vm->limit);
	return false;
}

/* Ends a shared hold.  False: look the long way. */
VM_MUST_CHECK static inline bool
vm_hit_try_end(struct vm_page *page)
{
	struct vm_slot *slot = atomic_load_explicit(&page->slot,
	    memory_order_relaxed);
	struct vm_limit *limit;

	if (VM_UNLIKELY(slot == NULL))
		return false;
	limit = &page->object->vm->limit;	/* may go with the hold */
	if (!vm_slot_try_leave(slot))
		return false;
	if (VM_UNLIKELY(atomic_load(&limit->armed) != 0))
		vm_limit_notify(limit);
	return true;
}

#endif
