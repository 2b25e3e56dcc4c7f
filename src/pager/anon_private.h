/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pager/anon_private.h - the two halves of anonymous memory: what is where
 * (anon.c), and how it moves (anon_io.c).
 */
#ifndef PAGER_ANON_PRIVATE_H
#define PAGER_ANON_PRIVATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "pager/swap_private.h"
#include "pager/swaptable.h"

struct anon_pager {
	struct vm_pager pager;
	struct vm_swap *swap;		/* its lock is (S) (C) */
	struct vm_swaptable table;	/* (S) */
	_Atomic uint64_t length;	/* bytes of the object (A) */
};

static inline struct anon_pager *
vm_anon_of(struct vm_pager *pager)
{
	return VM_CONTAINER(pager, struct anon_pager, pager);
}

static inline bool
vm_anon_in_memory(enum vm_swap_kind kind)
{
	return kind == VM_SWAP_FILLED || kind == VM_SWAP_PACKED;
}

/* A place for the next write of a page that has none, as reserve finds it.
 * May sleep, as that does.  0, -errno. */
int vm_anon_keep_place(struct anon_pager *a, vm_pindex_t pindex);

/*
 * The pages from pindex on, count at most, that are alike: not there, in
 * memory, or one behind the other in a file.  *where is the first one's.  One
 * whose contents are lost is alone.
 */
unsigned vm_anon_run_locked(struct anon_pager *a, vm_pindex_t pindex,
    unsigned count, uint64_t *where);

/* See struct vm_pager_ops. */
void vm_anon_submit(struct vm_pager *pager, struct vm_pager_io *io,
    struct vm_ioq *queue);
enum vm_pager_result vm_anon_read_now(struct vm_pager *pager,
    vm_pindex_t pindex, void *bytes, int *error);

#endif
