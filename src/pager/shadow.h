/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pager/shadow.h - copy on write: an object that shows another one.
 *
 * A shadow is anonymous memory (pager/anon.h) whose pages, as long as they were
 * never written back, come from a source object.  What is written to it is its
 * own, and goes to the swap file; the source never sees it.
 *
 *	page of the shadow is ...	it comes from
 *	in the swap file		there
 *	resident in the source		a copy of the page
 *	being filled or written there	asked for again a moment later
 *	in neither			the source's pager, past the source
 *
 * It is made in constant time and costs what is touched of it.  A read past the
 * source caches nothing there; the slots of the source's pages are held
 * exclusively, absent, meanwhile, so nobody brings an older or newer one in at
 * the same time.  A page of the source that is valid in part is held too, and
 * its valid blocks are laid over what was read.
 *
 * Slots are taken from the shadow to the source, never back, and none is waited
 * for: whoever finds one busy is told AGAIN.
 *
 * Which of the source's later changes a shadow sees is as with the kernel's
 * private maps: all of those before it brought the page in, none after, and a
 * page that was evicted without having been written to is brought in again.
 * Hence it is for maps, not for snapshots.  A source is never a shadow itself
 * (shadows are not handed out), so that no chain grows.  A source with a shadow
 * is not destroyed; it may become shorter, and the shadow's pages behind its
 * end that were not there cannot be had any more (RANGE).
 */
#ifndef PAGER_SHADOW_H
#define PAGER_SHADOW_H

#include <stdint.h>

#include "base/compiler.h"
#include "object/object.h"

/*
 * An anonymous, writable object of length bytes that shows source from page
 * first on.  0, -ENOMEM.  source->shadows counts it until it is freed.
 */
VM_MUST_CHECK int vm_shadow_new(struct vm_object *source, vm_pindex_t first,
    uint64_t length, struct vm_object **out);

#endif
