/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/say.h - sentences for the user, on stderr.
 */
#ifndef SERVER_SAY_H
#define SERVER_SAY_H

#include <stddef.h>

/* "resident: " and the sentence in one line and one write(2), so that lines
 * of several threads and of the program do not mix.  Cut at 1 KiB; control
 * characters become '?'. */
void vm_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Copies text with its control characters made '?', cut to size. */
void vm_say_clean(char *out, size_t size, const char *text);

#endif
