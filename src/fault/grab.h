/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault/grab.h - a page for a thread that may sleep: the explicit path.
 *
 *	hit	shared or exclusive in the slot: no lock, no queue
 *	busy	sleep on the slot, look again
 *	miss	borrow a filler, start a fill, reap until it is done
 *	memory	wait in line for a page, start over with it in hand
 */
#ifndef FAULT_GRAB_H
#define FAULT_GRAB_H

#include "base/compiler.h"
#include "object/object.h"

/* The bits of resident/page.h. */
#define VM_HOW_WRITE	0x1u	/* exclusive */
#define VM_HOW_ZERO	0x2u	/* contents not wanted */
#define VM_HOW_NOWAIT	0x4u	/* neither sleep nor read */

/* Arguments are checked already. */
VM_MUST_CHECK int vm_grab(struct vm_object *object, vm_pindex_t pindex,
    unsigned how, struct vm_page **out);

/* Ends a grab, shared or exclusive: the slot says which it was. */
void vm_ungrab(struct vm_page *page);

/* Brings [first, end) in as far as memory is plenty; waits for the reads. */
VM_MUST_CHECK int vm_grab_ahead(struct vm_object *object, vm_pindex_t first,
    vm_pindex_t end);

#endif
