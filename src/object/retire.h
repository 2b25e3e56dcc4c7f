/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * object/retire.h - the one way back for pages, and who may delay it.
 *
 * Whoever is done with a page, be it freed, evicted, replaced or not needed
 * after all, gives it to vm_page_put_back.  The frame is free then, unless
 * somebody still has an eye on it:
 *
 *	holds	a short, cheap pin of the frame, not of the page: FreeBSD's
 *		vm_page_hold.  The page may lose its identity meanwhile, its
 *		bytes stay.  GONE until the last unhold.
 *	loans	somebody reads the bytes for as long as he likes, and a write
 *		copies first.  ORPHAN until the last one is over.
 *
 *	put back --holds--> GONE --last unhold--> put back again
 *	put back --loans--> ORPHAN --last one over--> put back again
 *	put back ----------> free
 *
 * That the page is given up is a bit of the count itself: the last who leaves
 * and the one who gives it up cannot both think the other does it.  Only who
 * holds the page in some other way may begin a hold or a loan, so none begins
 * once the page is given up.
 *
 * A page that is GONE or an ORPHAN is nobody's and has no identity, but counts
 * against the limit: it is memory.  Pages without a frame go back to their own
 * list; of them nothing can be held or lent.
 */
#ifndef OBJECT_RETIRE_H
#define OBJECT_RETIRE_H

#include <stdbool.h>

#include "base/compiler.h"
#include "object/vm.h"
#include "page/page.h"

/* 32,767 holds and 127 loans: what is left of the counts. */
#define VM_HOLDS_MAX	(VM_HOLDS_GONE - 1)
#define VM_LOANS_MAX	(VM_LOANS_ORPHAN - 1)

/*
 * The pages have no identity, are clean, unwired, on no queue, and the
 * caller's; afterwards they are not.  The array may change.
 */
void vm_page_put_back(struct vm *vm, struct vm_page **pages, unsigned count);

/* 0; -EAGAIN when the count is full, -ENOTSUP when there is no frame to keep
 * (fictitious, or in a store). */
VM_MUST_CHECK int vm_page_add_hold(struct vm_page *page);
/* Perhaps the page's end.  By any thread, once for each hold. */
void vm_page_drop_hold(struct vm_page *page);

/* The same for loans; what else a loan needs is object/loan.h.  Who drops one
 * may know nothing of the page any more, so he says which system. */
VM_MUST_CHECK int vm_page_add_loan(struct vm_page *page);
void vm_page_drop_loan(struct vm *vm, struct vm_page *page);

/* Somebody borrows it: where no loan can begin, that is nobody for good. */
static inline bool
vm_page_lent(const struct vm_page *page)
{
	/* Acquire: his last look at the bytes comes before our change. */
	return atomic_load_explicit(&page->loans, memory_order_acquire) != 0;
}

#endif
