/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * object/cached.h - pages that leave of their own accord, and cached ones.
 *
 * A cached page is clean and idle, and its user said that it can go.  It keeps
 * identity and contents, counts as available memory, and is the first to be
 * taken when memory is short:
 *
 *	resident --put, try_put--> cached --take--> free
 *	cached --grab, activate, wire--> resident, as if nothing had been
 *
 * That it was used since is noticed at the latest when it is to be taken:
 * then it becomes active instead.  One that somebody is in, or has wired, held
 * or borrowed, becomes inactive and the next one is taken (FreeBSD's
 * vm_page_select_cache).
 *
 * A page that client processes see cannot be cached: it would have to leave
 * their mappings first, and a store's page can do that only together with its
 * bytes.  It becomes inactive, the first of its kind to go.
 */
#ifndef OBJECT_CACHED_H
#define OBJECT_CACHED_H

#include <stdbool.h>

#include "base/compiler.h"
#include "object/object.h"

/* Tells the queues what only objects know; once, before any page. */
void vm_cached_init(struct vm *vm);

/*
 * The page, exclusive and clean, is cached.  False: it is wired, unmanaged or
 * precious, and nothing changed; or clients see it, and it is inactive now.
 */
bool vm_cached_put(struct vm_page *page);

/* The same for a page that nobody holds: false when it is not resident, dirty,
 * held in any way, wired, unmanaged or precious; then nothing changed. */
bool vm_cached_try_put(struct vm_object *object, vm_pindex_t pindex);
/* As try_put, but the page is freed. */
bool vm_cached_try_free(struct vm_object *object, vm_pindex_t pindex);

/*
 * One cached page is given back to limit, the longest cached first, and the
 * caller takes again, as others may; false: none could be had.  Never sleeps.
 * The caller holds no lock.
 */
VM_MUST_CHECK bool vm_cached_take(struct vm *vm);

/*
 * A page that was found without its slot: exclusive now, and still resident,
 * whatever its identity has become; else false, nothing held.
 */
VM_MUST_CHECK bool vm_page_try_lock(struct vm *vm, struct vm_page *page);
/* Whether nothing keeps it here: not dirty, precious, wired, held, lent or
 * unmanaged.  Its slot is exclusive. */
bool vm_page_may_leave(const struct vm_page *page);
/*
 * The page, held, is in error: -EIO, and it is held no more.  If it can leave
 * it does, so that the next one who wants it has it read again (Mach).
 */
VM_MUST_CHECK int vm_cached_refuse(struct vm_page *page);

/* Such a page, exclusive, leaves by itself and is free; one that is evicted was
 * claimed (object/quota.h). */
void vm_page_let_go(struct vm_page *page, enum vm_leave how);

#endif
