/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base/futex.h - sleep on a 32-bit word until somebody changes it.
 *
 * The two calls of futex(2) that everything else here waits with.  Private to
 * the process.  The word's memory may vanish while a sleeper is about to
 * sleep (index leaves are recycled): that reads as a wake-up, never as an
 * error, so every caller looks again.
 */
#ifndef BASE_FUTEX_H
#define BASE_FUTEX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* No bound. */
#define VM_FUTEX_FOREVER UINT64_MAX

/*
 * Sleeps while *word == expected, until woken, early, or timeout_ns passed.
 * Returns false only when the time ran out.
 */
bool vm_futex_wait(_Atomic uint32_t *word, uint32_t expected,
    uint64_t timeout_ns);

void vm_futex_wake_one(_Atomic uint32_t *word);
void vm_futex_wake_all(_Atomic uint32_t *word);

#endif
