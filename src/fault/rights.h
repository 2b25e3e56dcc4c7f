/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault/rights.h - what a pager says of its pages (Mach's page_lock).
 *
 * A pager marks pages when it brings them (resident/pager.h): precious ones
 * come back to it though nobody wrote them; others may not be written, or not
 * even read, until it was asked.  The marks are flags of the page and go with
 * its residence.
 *
 *	NO_WRITE, NO_ACCESS --first use of that kind: unlock, allowed--> none
 *	                    --unlock, refused--> the user gets the error
 *
 * Whoever uses a page has its slot while asking.  A page of a store that may
 * not be written is write-protected in every mapping, as all clean pages are,
 * so that a client's write traps and asks.
 */
#ifndef FAULT_RIGHTS_H
#define FAULT_RIGHTS_H

#include <stdbool.h>

#include "base/compiler.h"
#include "object/object.h"

/* Page i of an IN that has ended; its slot is held. */
void vm_rights_take(struct vm_page *page, const struct vm_pager_marks *marks,
    unsigned i);

int vm_rights_ask(struct vm_page *page, bool write);

/* Before a use: 0, or what the pager answered, with its sentence.  Its slot is
 * held, exclusively to write. */
VM_MUST_CHECK static inline int
vm_rights_check(struct vm_page *page, bool write)
{
	unsigned flags = atomic_load_explicit(&page->flags,
	    memory_order_relaxed);

	flags &= write ? VM_PGA_NO_WRITE | VM_PGA_NO_ACCESS :
	    VM_PGA_NO_ACCESS;
	return VM_LIKELY(flags == 0) ? 0 : vm_rights_ask(page, write);
}

/* vm_pager_protect. */
void vm_rights_set(struct vm_object *object, vm_pindex_t first,
    vm_pindex_t end, unsigned marks);

#endif
