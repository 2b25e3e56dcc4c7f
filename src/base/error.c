/* SPDX-License-Identifier: BSD-2-Clause */
/* base/error.c - error.h has the contract. */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"

static _Thread_local char sentence[VM_ERROR_BYTES];

int
vm_error(int err, const char *format, ...)
{
	/* Apart, because an argument may be the old sentence. */
	char text[VM_ERROR_BYTES];
	va_list args;
	int length;

	vm_assert(err > 0);
	va_start(args, format);
	length = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (length < 0)
		text[0] = '\0';
	memcpy(sentence, text, strlen(text) + 1);
	return -err;
}

const char *
vm_error_text(void)
{
	return sentence;
}

const char *
vm_errno_text(int err)
{
	const char *text = strerrordesc_np(err);

	return text != NULL ? text : "unknown error";
}
