/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * resident/loan.h - pages read by others for as long as they like.
 *
 * Who borrows a page has its bytes without a copy, and they never change: a
 * socket may send them, a snapshot keep them, while the object goes on.  The
 * object's next write to the page, not before, gives the object a page of its
 * own; the lent one then belongs to nobody but its borrowers and is freed with
 * the last loan.  When the last loan is over before that, nothing is copied.
 *
 *	resident --vm_loan--> lent --vm_unloan--> resident
 *	lent --grabbed to write, vm_loan_break--> copied; lent one: an orphan
 *	lent --freed, evicted by name, object ended--> an orphan
 *	orphan --last vm_unloan--> free
 *	orphan --vm_loan_adopt--> a page of an object again, without a copy
 *
 * Orphans count against the limit (vm_stat: loaned_pages), and pages that are
 * lent are not evicted to make room, so borrow briefly, or little.  A system
 * cannot be destroyed while a loan of an orphan is in force.
 *
 * A page that cannot be lent is -EBUSY, and the caller copies what he needs:
 * pages of VM_OBJECT_STORE (clients write to them through mappings) and of
 * devices, wired ones, those behind vm_object_write_begin, and one that is lent
 * 127 times.  No page is lent into another object, for a page has one place;
 * but its only borrower may make an orphan a page of any object.
 *
 * (FreeBSD's vm_page_cowsetup, cowfault and cowclear; NetBSD's uvm_loan,
 * uvm_unloan, uvm_loanbreak and uvm_loanuobjpages.)
 */
#ifndef RESIDENT_LOAN_H
#define RESIDENT_LOAN_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vm;
struct vm_object;
struct vm_page;

#define VM_LOAN_NOWAIT	0x1u	/* -EAGAIN instead of sleeping or reading */

/*
 * The page at pindex is lent to the caller, once more.  He holds nothing.
 * -EBUSY: it cannot be lent, copy it; -EINVAL (flags); and as vm_page_grab to
 * read.  Sleeps unless NOWAIT; the caller does not hold the page exclusively.
 */
int vm_loan(struct vm_object *object, uint64_t pindex, unsigned flags,
    struct vm_page **out);
/* The count pages from first on, one after the other: all are lent, or none
 * and the error of one is returned.  count: 1 to VM_GRAB_MANY_MAX, else
 * -EINVAL.  Sleeps. */
int vm_object_loan(struct vm_object *object, uint64_t first, unsigned count,
    struct vm_page **pages);

/* The bytes of a borrowed page, vm_page_bytes() of them, until the loan is
 * over; nothing else may be asked of the page, which may be anybody's.  Never
 * NULL, never sleeps. */
const void *vm_loan_data(struct vm *vm, const struct vm_page *page);

/* Ends one loan, by any thread, and perhaps the page.  Writing to it again
 * costs nothing from the next grab on.  Once more than it was lent dies.
 * Never sleeps. */
void vm_unloan(struct vm *vm, struct vm_page *page);

/*
 * The owner gets a page of its own now, if the page at pindex is lent: 0, also
 * where it is not or is not resident; -ENOMEM.  Sleeps; the caller holds no
 * page of the object.
 */
int vm_loan_break(struct vm_object *object, uint64_t pindex);

/*
 * The orphan, of which the caller has the only loan, becomes the page at
 * pindex, without a copy: valid and dirty as a whole.  The loan is over.
 * -EBUSY: it has an owner still, others borrow it, or the place is behind a
 * barrier; -EEXIST, -ERANGE, -EACCES (a read-only object), -ENOTSUP
 * (VM_OBJECT_STORE), -ENOMEM, -EINVAL (of another system): then the loan goes
 * on.  Never sleeps.
 */
int vm_loan_adopt(struct vm_page *page, struct vm_object *object,
    uint64_t pindex);

#ifdef __cplusplus
}
#endif

#endif
