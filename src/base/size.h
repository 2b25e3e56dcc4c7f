/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base/size.h - sizes as people write them.
 *
 *	size   = digit { digit } [ suffix ]
 *	suffix = ( "k" | "m" | "g" | "t" ) in either case, alone or with "iB"
 *
 * "16m", "16M", "16MiB" and "16777216" are one size: a suffix multiplies by
 * 1024, 1024^2, 1024^3 or 1024^4.  Anything else is refused: no sign, no
 * space, no fraction, no base but ten, no "kb" (1000 or 1024?), nothing
 * behind the suffix, nothing that 64 bits cannot hold.  0 is a size; what is
 * too small for a purpose is the caller's to say.
 */
#ifndef BASE_SIZE_H
#define BASE_SIZE_H

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

/*
 * 0 and *bytes; -EINVAL for what is not a size and -ERANGE for what is too
 * large, with a sentence that quotes the text (controls made printable, long
 * text shortened), *bytes as it was.
 */
VM_MUST_CHECK int vm_size_parse_text(const char *text, uint64_t *bytes);

/*
 * The same text as the rump kernel's uvm_init reads it from RUMP_MEMLIMIT:
 * what strtoul(3) takes in base ten, blanks and a sign in front included, then
 * at most one of "kmg", lower case.  No digits are 0, "-1" is 2^64 - 1, and so
 * is what does not fit, unless it has a suffix: what does not fit after that
 * is -ERANGE.
 */
VM_MUST_CHECK int vm_size_parse_rump(const char *text, uint64_t *bytes);

#endif
