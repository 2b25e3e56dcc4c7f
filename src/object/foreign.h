/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * object/foreign.h - pages without a frame, and how they get one.
 *
 *	fictitious --make_private(memory)--> private: the bytes are there
 *	fictitious --convert--> a page with a frame, in the same place
 *
 * A fictitious page is a placeholder: it has an identity like any page of a
 * pool object, is busy, waited for, renamed and freed like one, but has no
 * bytes.  Its descriptor counts nothing against the limit.
 *
 * convert puts a descriptor with a frame into its slot; the slot stays
 * exclusive and so those who wait for the identity stay where they are.  (In
 * Mach they slept on the old descriptor and were never woken.)
 */
#ifndef OBJECT_FOREIGN_H
#define OBJECT_FOREIGN_H

#include <stdbool.h>

#include "base/compiler.h"
#include "object/object.h"

/* A loose fictitious page; -ENOMEM when none is made: vm_fictitious_more. */
VM_MUST_CHECK int vm_foreign_take(struct vm *vm, struct vm_page **out);

/* The fictitious page, loose or exclusive, is these bytes from now on: a page
 * of them, which stay the caller's.  Wholly valid. */
void vm_foreign_make_private(struct vm_page *page, void *memory);

/*
 * *page, fictitious, loose or exclusive, is replaced by a page with a frame
 * that is otherwise like it; *page says which.  False: no memory, and nothing
 * has changed.
 */
VM_MUST_CHECK bool vm_foreign_convert(struct vm_page **page);

/*
 * Everything that the page old is goes over to new, loose and untouched, but
 * for its bytes and its frame: identity, what is valid and dirty, flags, its
 * place in the queue.  Old is loose afterwards; who holds or borrows its frame
 * goes on doing so.
 */
void vm_foreign_move(struct vm_page *old, struct vm_page *new);

/* Of a device object: the absent slot, held exclusively, gets its page, which
 * is still exclusive.  0, -ENOMEM (no descriptor). */
VM_MUST_CHECK int vm_foreign_enter_device(struct vm_object *object,
    vm_pindex_t pindex, struct vm_slot *slot, struct vm_page **out);

#endif
