/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * object/wire.h - long pins, with accounting.
 *
 * A wired page is never evicted and is on no queue.  Wires are a count in the
 * page, 65,535 at most; the first of them counts the page as wired in its
 * object and in the system, of which half of the limit can be, so that the
 * rest keeps the system moving.  An account, where one is given, is charged
 * for each wire it makes, and is named again when the wire goes.
 *
 * Wires are added and dropped by any holder of the page, shared too.  A page
 * without an identity has its owner.  Pages without a frame are wired without
 * being counted: there is no memory of ours to run out of.
 *
 *	0 --add--> 1: counted, off its queue --add--> 2 ... --drop--> 0:
 *	not counted any more, queued where the last one wants it
 */
#ifndef OBJECT_WIRE_H
#define OBJECT_WIRE_H

#include <stdbool.h>

#include "base/compiler.h"
#include "limit/account.h"
#include "page/page.h"
#include "queue/queue.h"

/* 0; -ENOMEM (half of the limit, or the account's maximum), -EAGAIN (65,535
 * times), -EBUSY (it is lent: object/loan.h); then nothing has changed. */
VM_MUST_CHECK int vm_wire_add(struct vm_page *page,
    struct vm_account *account);
/* One wire less; the last one puts the page where it is to be. */
void vm_wire_drop(struct vm_page *page, struct vm_account *account,
    enum vm_place place);
/* The same for whoever does not know whether there is one: false, nothing
 * done.  The page is queued as if it had just come. */
VM_MUST_CHECK bool vm_wire_try_drop(struct vm_page *page);
/* All of them: the page is about to be freed. */
void vm_wire_clear(struct vm_page *page);

/* From now on the page is on no queue, whatever is asked, until it is freed:
 * FreeBSD's vm_page_unmanage. */
void vm_wire_unmanage(struct vm_page *page);

#endif
