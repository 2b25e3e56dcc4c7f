/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pageout/hint.h - "clean it, but keep it".
 *
 * Who asks for a range to be cleaned without being dropped, while it is clean
 * already, says that he is done with it: GNU Mach takes a lock request of that
 * kind for a hint and deactivates the pages (vm_page_deactivate_hint).
 */
#ifndef PAGEOUT_HINT_H
#define PAGEOUT_HINT_H

#include "base/compiler.h"
#include "object/object.h"

/*
 * Pages of [first, end) that are clean become inactive, unless the system's
 * knob clean_hint is off; the dirty ones are written and stay where they are.
 * Pages that somebody holds exclusively are passed over by the first half.
 * Sleeps.
 */
VM_MUST_CHECK int vm_clean_hint(struct vm_object *object, vm_pindex_t first,
    vm_pindex_t end);

#endif
