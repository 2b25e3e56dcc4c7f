/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base/error.h - the sentence behind a negative errno.
 *
 * A function that fails returns -errno and leaves one sentence for the thread:
 * "map: length 4095 bytes is not a multiple of 4096".  The public
 * vm_last_error() hands it out.  The text lives in the thread (512 bytes), so
 * that failing needs no memory.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include "base/compiler.h"

/* 512 bytes: a sentence with one path (shortened) in it. */
#define VM_ERROR_BYTES 512

/*
 * Keeps the sentence for this thread and returns -err.  err > 0.  "%s" of
 * vm_errno_text(err) is the usual ending.  Cut at VM_ERROR_BYTES.
 */
int vm_error(int err, const char *format, ...) VM_PRINTF(2, 3);

/* This thread's last sentence, "" when there was none. */
const char *vm_error_text(void);

/* The system's text for a positive errno; thread-safe, needs no memory. */
const char *vm_errno_text(int err);

#endif
