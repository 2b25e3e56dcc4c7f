/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base/text.h - text into a buffer that may be too small.
 *
 * As snprintf: what does not fit is not written, the length that it would
 * have had is counted, and the buffer ends with a zero where there is one.
 * So a caller asks with no buffer, makes one, and asks again.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stddef.h>

#include "base/compiler.h"

struct vm_text {
	char *buffer;		/* NULL only with bytes 0 */
	size_t bytes;		/* of the buffer, its last zero included */
	size_t length;		/* so far, written or not */
};

void vm_text_init(struct vm_text *text, char *buffer, size_t bytes);
void vm_text_add(struct vm_text *text, const char *format, ...)
    VM_PRINTF(2, 3);
/* A string in JSON's quotes and escapes. */
void vm_text_add_quoted(struct vm_text *text, const char *string);

#endif
