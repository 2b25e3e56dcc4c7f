/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * frame/boot.h - pages taken for good while the system is being made.
 *
 *	COLD --vm_boot_begin--> BOOT --vm_boot_end--> READY
 *
 * In BOOT, and only then, memory may be stolen from the front of the first
 * segment: whole pages, which nobody ever gets back, and pieces of them one
 * behind the other, so that a small piece costs a page at most.  The window is
 * what is left of that segment; stealing moves its start, nothing its end.
 * The frames are marked RESERVED and belong to no free list.
 */
#ifndef FRAME_BOOT_H
#define FRAME_BOOT_H

#include <stdint.h>

#include "base/compiler.h"

struct vm_frames;

enum vm_boot_state {
	VM_BOOT_COLD,
	VM_BOOT_BOOT,
	VM_BOOT_READY,
};

/* One thread makes the system, so all of it is (T), then (C). */
struct vm_boot {
	struct vm_frames *frames;
	enum vm_boot_state state;
	/* Somebody else's way to get boot memory (Mach's MACHINE_PAGES):
	 * called once for each request, in place of taking pages. */
	int (*source)(void *arg, uint64_t bytes, void **memory);
	void *source_arg;
	char *next;		/* the rest of the last page */
	uint64_t rest_bytes;
};

void vm_boot_begin(struct vm_boot *boot, struct vm_frames *frames);
void vm_boot_end(struct vm_boot *boot);

/* bytes of memory, aligned to 16.  0; -ENOMEM: more than the window has;
 * -EINVAL: not in BOOT. */
VM_MUST_CHECK int vm_boot_take(struct vm_boot *boot, uint64_t bytes,
    void **memory);
/* -EINVAL: not in BOOT. */
VM_MUST_CHECK int vm_boot_bounds(const struct vm_boot *boot, void **start,
    void **end);

#endif
