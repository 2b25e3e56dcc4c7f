/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * object/content.h - what is in a page: valid, dirty, precious, in error.
 *
 * Block by block a page is
 *
 *	valid	its bytes are the object's
 *	dirty	the pager has not got them yet
 *
 * and each may be without the other.  Dirty and not valid: somebody wrote the
 * block without reading it.  Neither: nobody knows what is there, and nobody
 * may see it; a grab for reading brings such blocks from the pager.
 *
 * A block is valid or dirty as a whole, so whoever brings only a part of one
 * that was neither gets zeros in the rest of it: garbage of an earlier user is
 * never seen, nor written.  He calls after each piece that he brings, or the
 * zeros would take an earlier piece with them.
 *
 * Behind the object's end, in its last page, are zeros, and they are valid.
 *
 * The page is held exclusively, or has no identity and is the caller's.
 * offset + length <= the page's size.  Nothing here sleeps, but for what
 * protecting a store costs.
 */
#ifndef OBJECT_CONTENT_H
#define OBJECT_CONTENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "object/object.h"
#include "page/bits.h"

/* 0, or -ENOTSUP: bytes had to be zeroed, and the page has none. */
VM_MUST_CHECK int vm_content_set_valid(struct vm_page *page, uint32_t offset,
    uint32_t length);
/* Valid, and clean: blocks that the range covers wholly, or with partial
 * those it touches too (which may lose a neighbour's change). */
VM_MUST_CHECK int vm_content_set_validclean(struct vm_page *page,
    uint32_t offset, uint32_t length, bool partial);
VM_MUST_CHECK int vm_content_set_dirty(struct vm_page *page, uint32_t offset,
    uint32_t length);
void vm_content_clear_dirty(struct vm_page *page, uint32_t offset,
    uint32_t length);
/* Neither valid nor dirty any more.  -ENOTSUP: clients may see a store's. */
VM_MUST_CHECK int vm_content_set_invalid(struct vm_page *page,
    uint32_t offset, uint32_t length);
/* Zeros in every block that is neither valid nor dirty; all valid, if asked. */
VM_MUST_CHECK int vm_content_zero_invalid(struct vm_page *page,
    bool set_valid);
/* All blocks of the range; of length 0: any block of the page. */
bool vm_content_is_valid(const struct vm_page *page, uint32_t offset,
    uint32_t length);

/* Mach's precious: it goes to the pager before it leaves, clean or not. */
void vm_content_set_precious(struct vm_page *page, bool on);

/* What the pager lacks of it: dirty blocks, of a precious page valid ones. */
uint32_t vm_content_owed(const struct vm_page *page);

static inline bool
vm_page_has_flag(const struct vm_page *page, uint16_t flag)
{
	return (atomic_load_explicit(&page->flags, memory_order_relaxed) &
	    flag) != 0;
}

static inline void
vm_page_set_flag(struct vm_page *page, uint16_t flag, bool on)
{
	if (on)
		atomic_fetch_or_explicit(&page->flags, flag,
		    memory_order_relaxed);
	else
		atomic_fetch_and_explicit(&page->flags, (uint16_t)~flag,
		    memory_order_relaxed);
}

/* Whether the caller may change what is in it. */
static inline bool
vm_page_is_mine(const struct vm_page *page)
{
	struct vm_slot *slot = atomic_load_explicit(&page->slot,
	    memory_order_relaxed);

	return slot == NULL ? page->object == page->object->vm->nowhere :
	    vm_slot_busy_excl(slot);
}

#endif
