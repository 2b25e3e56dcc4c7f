/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * map/space_private.h - what events.c needs of space.c.
 */
#ifndef MAP_SPACE_PRIVATE_H
#define MAP_SPACE_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include "map/space.h"

/* Entries of [from, from + length) move to `to`. */
void vm_space_shift(struct vm_space *space, uint64_t from, uint64_t to,
    uint64_t length);

/* A child that nobody knows yet gets the parent's entries. */
int vm_space_copy_entries(struct vm_space *from, struct vm_space *to);

#endif
