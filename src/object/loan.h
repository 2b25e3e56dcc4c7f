/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * object/loan.h - pages that others read for as long as they like.
 *
 * Who borrows a page has its bytes as they are now, without a copy, and holds
 * nothing: the object goes on using the page.  Its next write copies:
 *
 *	resident --loan_add--> lent --last loan over--> resident, as before
 *	lent --written, wired, or its bytes changed behind a barrier-->
 *	    a page of its own in the same place, and the lent one is an orphan
 *	lent --freed, removed, replaced--> absent, and an orphan
 *	orphan --last loan over--> free
 *	orphan, one loan --adopt--> a page of another object, or of the same
 *
 * (FreeBSD's vm_page_cowsetup, cowfault and cowclear; NetBSD's uvm_loan.)  Who
 * writes has the page exclusively, and loans begin with the page held in any
 * way: so while one writes none begins.  Whoever can come to write begins with
 * vm_page_lent(), then, and gives the page up to its borrowers (vm_loan_part)
 * when there are any; when the last of them has left meanwhile there is
 * nothing to copy.
 *
 * The daemon passes over pages that are lent, clean or not: their memory would
 * not be free.  Orphans count against the limit, as all memory does.
 *
 * Not lent, for the borrower can just as well copy (-EBUSY):
 *
 *	of a store	clients write to the bytes through their mappings
 *	no frame	the bytes are somebody else's
 *	wired		who wired the page wants to find it where it is
 *	barred		its bytes are about to change
 *	lent 127 times	the count is full
 *
 * A page has one identity, so no page is lent *into* an object: who wants it
 * there adopts it, once its owner has another and nobody else borrows it.
 */
#ifndef OBJECT_LOAN_H
#define OBJECT_LOAN_H

#include <stdbool.h>

#include "base/compiler.h"
#include "object/object.h"
#include "object/retire.h"

/* Whether pages of the object are lent at all: 0, -EBUSY with a sentence. */
VM_MUST_CHECK int vm_loan_allowed(const struct vm_object *object);
/* The page, held and wholly valid, is lent once more: 0, -EBUSY with a
 * sentence.  The hold may end; vm_page_drop_loan ends the loan. */
VM_MUST_CHECK int vm_loan_add(struct vm_page *page);

/*
 * *page, exclusive, stays with its borrowers and loses its place to own, a
 * loose page, with the same bytes (copy) or undefined ones; *page is own then,
 * exclusive.  What was valid and dirty is so still.
 */
void vm_loan_part(struct vm_page **page, struct vm_page *own, bool copy);

/* The same for a page that nobody holds: 0, also when it is not there or not
 * lent; -ENOMEM after the system's bound.  Sleeps. */
VM_MUST_CHECK int vm_loan_break_page(struct vm_object *object,
    vm_pindex_t pindex);
/* All of [first, end).  Where a barrier covers them none is lent any more. */
VM_MUST_CHECK int vm_loan_break_pages(struct vm_object *object,
    vm_pindex_t first, vm_pindex_t end);

/*
 * The orphan, of which the caller has the only loan, is a page of this object
 * from now on, dirty as a whole.  0; -EBUSY (it is no orphan, or others borrow
 * it), -EACCES (a read-only object), and as vm_life_insert: then the loan is
 * as it was.  Never sleeps.
 */
VM_MUST_CHECK int vm_loan_adopt_page(struct vm_page *page,
    struct vm_object *object, vm_pindex_t pindex);

#endif
