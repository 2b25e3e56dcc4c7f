/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * api/frames.h - what vm_options say of pages and segments, for who makes a
 * system.
 */
#ifndef API_FRAMES_H
#define API_FRAMES_H

#include "base/compiler.h"

struct vm;
struct vm_options;

/*
 * Checks page_bytes, segments, colours and zeroing, and puts what follows from
 * them where it is 0: page_bytes, and with segments the limit.  0, -EINVAL.
 */
VM_MUST_CHECK int vm_frames_complete(struct vm_options *options);
/* Makes vm->frames, and lets boot steal.  0, or what was met. */
VM_MUST_CHECK int vm_frames_set_up(struct vm *vm,
    const struct vm_options *options);

#endif
