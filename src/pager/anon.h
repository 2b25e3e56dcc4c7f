/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pager/anon.h - memory with no file: zeros at first, a swap file later.
 *
 * The swap file is made when the first page goes out: unnamed (unlinked),
 * mode 0600, in the given directory.  Room is handed out in runs (pager/
 * swapmap.h) so that neighbours that go out together come in together.  One
 * swap file serves all anonymous objects of a system.
 */
#ifndef PAGER_ANON_H
#define PAGER_ANON_H

#include <stdint.h>

#include "base/compiler.h"
#include "object/pager_ops.h"

struct vm_os;
struct vm_counters;
struct vm_swap;

struct vm_swap_options {
	const struct vm_os *os;
	struct vm_counters *counters;
	const char *directory;	/* NULL: TMPDIR, else /var/tmp */
	uint32_t page_bytes;
	uint64_t max_bytes;	/* of the swap file, 0: no bound but the disk */
};

/* The swap file of a system; not opened until needed. */
VM_MUST_CHECK int vm_swap_create(const struct vm_swap_options *options,
    struct vm_swap **out);
void vm_swap_destroy(struct vm_swap *swap);	/* no pager uses it */

VM_MUST_CHECK int vm_pager_anon_create(struct vm_swap *swap, uint64_t length,
    struct vm_pager **out);

#endif
