/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * object/home.h - what the home of an object's bytes asks of those who move
 * them.
 *
 *		pool		store			window
 *	token	a warm frame	a hollow one		a hollow one
 *	come	read into it	staging, then the file	staging, then copied
 *	clean	-		a client's write traps	a write traps
 *	go out	from the frame	protect, from the file	protect, from there
 *	go	-		punched			dropped
 *
 * The callers hold the slots of the pages exclusively; so the home is what it
 * is (object/object.h).  Somebody who took a token before he had a slot looks
 * again (vm_home_fits).
 *
 * Pages of a window, as those of a store, are seen by others as soon as they
 * are there: they are valid as a whole, always.
 */
#ifndef OBJECT_HOME_H
#define OBJECT_HOME_H

#include <stdbool.h>

#include "base/compiler.h"
#include "object/object.h"

/* Most pages that one vm_home_drop_pages drops; 4 KiB of stack. */
#define VM_HOME_DROP_MAX 256u

static inline bool
vm_home_is_pool(const struct vm_object *object)
{
	return atomic_load_explicit(&object->home, memory_order_relaxed) ==
	    VM_HOME_POOL;
}

/* The page was taken for the home that the object has. */
bool vm_home_fits(const struct vm_object *object, const struct vm_page *page);

/* Before the pager is asked for the pages: it may be being written to. */
void vm_home_expect(struct vm_object *object, vm_pindex_t first,
    uint64_t count);

/*
 * Not the pool: the pages appear with these bytes.  protect: a write traps;
 * without, they are to be dirty before they are let go, or the object is not
 * in a window.  0, -ENOMEM, -EFBIG; then nothing is there.
 */
VM_MUST_CHECK int vm_home_fill(struct vm_object *object, vm_pindex_t first,
    unsigned count, const void *bytes, bool protect);

/* Nobody sees the pages any more; they were expected in vain, or were there. */
void vm_home_drop(struct vm_object *object, vm_pindex_t first,
    uint64_t count);
/* The same of VM_HOME_DROP_MAX pages of any objects of a system, sorted. */
void vm_home_drop_pages(struct vm_page **pages, unsigned count);

/* The next write of others to the pages traps. */
void vm_home_protect(struct vm_object *object, vm_pindex_t first,
    uint64_t count);

/*
 * The holder is about to write through vm_page_memory.  A page of a window
 * would trap him, in wait for himself: it does not any more, and is dirty from
 * now on, since others may write as well.
 */
void vm_home_open(struct vm_page *page);

/* Bytes of a resident page change, NULL: to zeros.  0, or as vm_store_write. */
VM_MUST_CHECK int vm_home_write(struct vm_page *page, uint32_t offset,
    const void *bytes, uint32_t length);

/* Others than the library see pages, and may touch them unnoticed. */
bool vm_home_is_seen(const struct vm_object *object);

/* For dumps: "pool", "store", "window". */
const char *vm_home_name(const struct vm_object *object);

#endif
