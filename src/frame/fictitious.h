/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * frame/fictitious.h - descriptors that have no frame.
 *
 * They lie behind the frames' descriptors in the same array, so that a slot
 * can name them (page/page.h), and cost address space until they are used.
 * Free ones are a stack of their own, which nothing else touches:
 *
 *	unused --vm_fictitious_more--> free --take--> taken --give--> free
 *
 * take never makes any, as Mach's vm_page_grab_fictitious: who gets none lets
 * go of what he holds, asks for more, and tries again.
 *
 * Mach gives all of them one impossible physical address, so that the mapping
 * layer can tell; here vm_page_memory() says NULL.
 */
#ifndef FRAME_FICTITIOUS_H
#define FRAME_FICTITIOUS_H

#include <stdint.h>

#include "base/compiler.h"
#include "base/lock.h"
#include "page/page.h"

/* 5 at a time: Mach's vm_page_fictitious_quantum. */
#define VM_FICTITIOUS_QUANTUM 5u

struct vm_fictitious {
	struct vm_page *pages;	/* the first one (C) */
	uint32_t base;		/* its number (C) */
	uint32_t most;		/* room in the array (C) */
	uint32_t quantum;	/* what "more" means (C) */
	struct vm_lock lock;	/* rank FRAME */
	uint32_t made;		/* of most, brought into being (F) */
	uint32_t count;		/* of made, on the stack (F) */
	struct vm_page *free;	/* top of the stack (F) */
};

/* Room for most descriptors at pages[0] on, which is number base. */
void vm_fictitious_init(struct vm_fictitious *fictitious,
    struct vm_page *pages, uint32_t base, uint32_t most);
void vm_fictitious_fini(struct vm_fictitious *fictitious);	/* all free */

/* The one given last; its flags are FICTITIOUS and UNMANAGED, all else is 0.
 * NULL when none is free.  Never sleeps. */
struct vm_page *vm_fictitious_take(struct vm_fictitious *fictitious);
void vm_fictitious_give(struct vm_fictitious *fictitious,
    struct vm_page *page);

/*
 * Makes n more of them, 0: the quantum.  How many it was: fewer when there is
 * not room for n; -ENOMEM with a sentence when there is none.
 */
VM_MUST_CHECK int vm_fictitious_more(struct vm_fictitious *fictitious,
    uint32_t n);

uint32_t vm_fictitious_free(struct vm_fictitious *fictitious);

#endif
