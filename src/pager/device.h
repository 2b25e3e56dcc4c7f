/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pager/device.h - what stands behind memory that is somebody else's.
 *
 * The pages of such an object are the memory itself (vm_object_new_device), so
 * there is nothing to move: what was written is where it belongs.  Never asked
 * to fill; asked to write, it is done.
 */
#ifndef PAGER_DEVICE_H
#define PAGER_DEVICE_H

#include <stdint.h>

#include "base/compiler.h"
#include "object/pager_ops.h"

struct vm_os;

VM_MUST_CHECK int vm_pager_device_create(const struct vm_os *os,
    uint32_t page_bytes, uint64_t length, struct vm_pager **out);

#endif
