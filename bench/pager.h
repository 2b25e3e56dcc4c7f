/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/pager.h - a pager that moves nothing.
 *
 * A read is done at once and leaves the frame as it is, a write is done at
 * once and goes nowhere: what is left of a miss is the library's own work, and
 * frames that nobody touches get no memory, so that a limit of many GiB can be
 * tried on a small machine.
 */
#ifndef BENCH_PAGER_H
#define BENCH_PAGER_H

#include <stdint.h>

struct vm;
struct vm_object;

/* An object of that length, writable; ends the program where it cannot be. */
struct vm_object *bench_object_of_nothing(struct vm *vm, uint64_t bytes);

#endif
