/* SPDX-License-Identifier: BSD-2-Clause */
/* server/say.c - see say.h. */
#include "server/say.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* 1 KiB: a sentence with a long path; below PIPE_BUF, so written whole. */
#define LINE_BYTES 1024

#define PREFIX "resident: "

static void
clean(char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < ' ' || *text == 127)
			*text = '?';
}

void
vm_say(const char *format, ...)
{
	char line[LINE_BYTES] = PREFIX;
	char *text = line + sizeof(PREFIX) - 1;
	ssize_t written;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(line) - sizeof(PREFIX), format, args);
	va_end(args);
	clean(text);
	line[strlen(line) + 1] = '\0';
	line[strlen(line)] = '\n';
	/* Nobody could be told of an error here. */
	written = write(STDERR_FILENO, line, strlen(line));
	(void)written;
}

void
vm_say_clean(char *out, size_t size, const char *text)
{
	snprintf(out, size, "%s", text);
	clean(out);
}
