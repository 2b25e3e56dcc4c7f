/* SPDX-License-Identifier: BSD-2-Clause */
/* api/map_private.h - what map.c and mapped.c share. */
#ifndef API_MAP_PRIVATE_H
#define API_MAP_PRIVATE_H

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "map/area.h"

struct vm;

/* Whole pages of addresses. */
struct vm_stretch {
	const char *call;	/* for the sentences */
	uintptr_t start;
	uintptr_t end;
};

/* 0, -EINVAL: not aligned, or around the end of all addresses. */
VM_MUST_CHECK int vm_stretch_of(struct vm *vm, const char *call,
    const void *address, size_t length, struct vm_stretch *out);

/* In the gate.  0; -ENOMEM: it has holes. */
VM_MUST_CHECK int vm_stretch_covered(struct vm *vm,
    const struct vm_stretch *stretch);

/* In the gate: the object's bytes go to a memory file, and its areas may be
 * used as before. */
VM_MUST_CHECK int vm_areas_to_store(struct vm_areas *areas,
    struct vm_object *object);

/* In the gate: ends the wires of a piece, if there are any. */
void vm_piece_unwire(const struct vm_piece *piece);

#endif
