/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * object/life.h - the life of a page, each step by itself.
 *
 *	take ----> loose: without identity, its owner's alone
 *	loose ---insert, replace---> NEW: identity, exclusive, not queued
 *	enter_new: take and insert in one
 *	NEW ---release---> resident, queued, anybody's
 *	exclusive ---remove---> loose, valid and dirty as it was
 *	exclusive ---rename---> exclusive under another identity
 *	loose or exclusive ---free---> free (retire.h)
 *
 * A loose page's object is the system's nowhere, its slot is NULL; nobody else
 * can find it, so its owner holds it exclusively in all that matters.  It
 * counts against the limit.
 *
 * A page that gets an identity is found from then on (vm_look_page), busy:
 * what FreeBSD and Mach mean by a page that is allocated busy.
 *
 * Pages of a store have their bytes in the memory file, so no other page can
 * take their place, and they none: insert, replace, remove and rename say
 * -ENOTSUP there.
 *
 * Nothing here sleeps, but where WAIT is asked for, and in replace.
 */
#ifndef OBJECT_LIFE_H
#define OBJECT_LIFE_H

#include "base/compiler.h"
#include "object/object.h"

/* The bits of resident/page.h. */
#define VM_LIFE_SYSTEM		0x1u
#define VM_LIFE_INTERRUPT	0x2u
#define VM_LIFE_ZERO		0x4u
#define VM_LIFE_WIRED		0x8u
#define VM_LIFE_WAIT		0x10u

#define VM_RENAMED_DIRTY	0x1u
#define VM_RENAMED_UNBUSY	0x2u
#define VM_RENAMED_REPLACE	0x4u

#define VM_FREED_WIRED		0x1u
#define VM_FREED_ZERO		0x2u

/* The class that the two class bits mean. */
enum vm_class vm_life_class(unsigned flags);

/* Loose pages of the system. */
uint32_t vm_life_loose_pages(struct vm *vm);

/* As vm_limit_take_for, but where it says so cached pages go first. */
unsigned vm_life_get(struct vm *vm, struct vm_take *take,
    struct vm_page **pages);

/* 0; -ENOMEM, with WAIT after the system's bound only. */
VM_MUST_CHECK int vm_life_take(struct vm *vm, unsigned flags,
    struct vm_page **out);
/* valid and dirty are 0 whatever ZERO says.  -EEXIST (resident or on its way),
 * -ERANGE, -EBUSY (a barrier; WAIT waits for it), -ENOMEM, -ENOTSUP. */
VM_MUST_CHECK int vm_life_enter_new(struct vm_object *object,
    vm_pindex_t pindex, unsigned flags, struct vm_page **out);

/* -EEXIST, -ERANGE, -EBUSY, -ENOMEM, -ENOTSUP, -EINVAL (of another system):
 * then nothing has changed. */
VM_MUST_CHECK int vm_life_insert(struct vm_page *page,
    struct vm_object *object, vm_pindex_t pindex);
/*
 * Takes the place of what is there, if anything is; who is in that waits
 * afterwards for the new page.  old: NULL, and the old page is freed, wired or
 * not; or it is loose now, as wired as it was (NULL when there was none);
 * -EBUSY where it is lent.
 */
VM_MUST_CHECK int vm_life_replace(struct vm_page *page,
    struct vm_object *object, vm_pindex_t pindex, struct vm_page **old);
VM_MUST_CHECK int vm_life_remove(struct vm_page *page);
/* The target, where it is held, is not waited for: -EBUSY, or -EEXIST. */
VM_MUST_CHECK int vm_life_rename(struct vm_page *page,
    struct vm_object *object, vm_pindex_t pindex, unsigned flags);
void vm_life_free(struct vm_page *page, unsigned flags);

/* Ends a hold of a page with an identity, shared or exclusive: the slot says
 * which it was.  A NEW page is queued first. */
void vm_life_release(struct vm_page *page);
/* The exclusive holder stays as one of those who share it. */
void vm_life_downgrade(struct vm_page *page);

/* Ends an exclusive hold of a page that stays as it is. */
void vm_life_unlock(struct vm_page *page);

/* Nothing keeps a reader from the bytes: READY of page/slot.h.  Whoever holds
 * the page, shared or exclusively, can say so. */
static inline bool
vm_life_ready(const struct vm_page *page)
{
	return page->valid == page->object->vm->all_blocks &&
	    (atomic_load_explicit(&page->flags, memory_order_relaxed) &
	    (VM_PGA_CACHED | VM_PGA_ERROR | VM_PGA_NO_ACCESS |
	    VM_PGA_FICTITIOUS | VM_PGA_SPECULATIVE)) == 0;
}

/* A sharer says so, where nobody has. */
void vm_life_learn(const struct vm_page *page);

/* Without identity. */
static inline bool
vm_life_loose(const struct vm_page *page)
{
	return atomic_load_explicit(&page->slot, memory_order_relaxed) ==
	    NULL;
}

#endif
