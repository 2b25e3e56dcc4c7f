/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * preload/anon.h - private anonymous memory under the server (--anon).
 *
 * A large private anonymous mapping becomes one of a store that nobody else
 * has: a shared mapping to the kernel, private to the program all the same,
 * since no other process maps it.  What the kernel would do by itself is done
 * here instead:
 *
 *	munmap, mmap over it	its pages are given up in the server
 *	MADV_DONTNEED, _FREE	they are zeros from then on
 *	mremap			the store grows where it ends; elsewhere, and
 *				where there are several mappings, a copy
 *	fork			the child gets a copy (inherit.h); so processes
 *				with --anon follow no fork events, and leave
 *				private maps of files to the kernel that are
 *				written to
 *
 * What is not so, or not known to be right, stays with the kernel: memory that
 * is executable, grows downwards, is of huge pages or is a thread's stack.
 * So is what libc maps for itself, which does not come by here; its large
 * blocks do by way of heap.c.
 */
#ifndef ANON_H
#define ANON_H

#include <stdbool.h>
#include <stdint.h>

#include "map.h"
#include "rpc.h"

/* Whether the map is one that --anon is about. */
bool vm_anon_wants(const struct vm_map_call *map);
/* Why it stays with the kernel all the same; VM_PASS_NONE: it need not. */
enum vm_pass vm_anon_reason(const struct vm_map_call *map);

/* ANON; -EPROTO when a yes came without a store. */
int vm_anon_ask(uint64_t at, uint64_t length, struct vm_call *call);

/* DISCARD of part of a range; flags are the request's. */
int vm_anon_discard(const struct vm_shim_range *part, unsigned flags);

/* The gate is held.  MADV_DONTNEED and its like for [start, end): managed
 * anonymous parts by the server, all else by the kernel. */
long vm_anon_advise(uint64_t start, uint64_t end, int advice);

/* Whether a managed anonymous part is in [start, end). */
bool vm_anon_any(uint64_t start, uint64_t end);

/* The kernel could not do it as it is: into new memory, by a copy.  No gate is
 * held.  A negative errno, and nothing has changed. */
long vm_anon_remap(const struct vm_remap_call *remap);

#endif
