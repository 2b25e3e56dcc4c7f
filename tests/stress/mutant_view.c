/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * src/pmap/view.c with a fault put in: protection is lifted, but never set on a
 * page that is there.  The tests of test_mutant_window.c are linked with this
 * one instead.
 */
#define vm_view_protect view_protect
#include "pmap/view.c"
#undef vm_view_protect

void vm_view_protect(struct vm_view *view, vm_pindex_t pindex,
    uint64_t pages, bool on);

void
vm_view_protect(struct vm_view *view, vm_pindex_t pindex, uint64_t pages,
    bool on)
{
	if (!on)
		view_protect(view, pindex, pages, on);
}
