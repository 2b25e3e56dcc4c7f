/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * src/pmap/store.c with a fault put in: the laundry's call to protect pages
 * before it reads them does nothing.  The tests of test_mutant.c are linked
 * with this one instead, and must fail to find every write.
 */
#define vm_store_protect store_protect_of_fill
#include "pmap/store.c"
#undef vm_store_protect

void vm_store_protect(struct vm_store *store, vm_pindex_t pindex,
    uint64_t count);

void
vm_store_protect(struct vm_store *store, vm_pindex_t pindex, uint64_t count)
{
	(void)store;
	(void)pindex;
	(void)count;
}
