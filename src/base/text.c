/* SPDX-License-Identifier: BSD-2-Clause */
/* base/text.c - text.h has the contract. */
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/assert.h"

void
vm_text_init(struct vm_text *text, char *buffer, size_t bytes)
{
	vm_assert(buffer != NULL || bytes == 0);
	*text = (struct vm_text){ .buffer = buffer, .bytes = bytes };
	if (bytes != 0)
		buffer[0] = '\0';
}

void
vm_text_add(struct vm_text *text, const char *format, ...)
{
	size_t room = text->length < text->bytes ?
	    text->bytes - text->length : 0;
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(room == 0 ? NULL : text->buffer + text->length,
	    room, format, args);
	va_end(args);
	vm_assert(length >= 0);	/* the formats are ours */
	text->length += (size_t)length;
}

void
vm_text_add_quoted(struct vm_text *text, const char *string)
{
	vm_text_add(text, "\"");
	for (; *string != '\0'; string++) {
		unsigned char c = (unsigned char)*string;

		if (c == '"' || c == '\\')
			vm_text_add(text, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			vm_text_add(text, "\\u%04x", c);
		else
			vm_text_add(text, "%c", c);
	}
	vm_text_add(text, "\"");
}
