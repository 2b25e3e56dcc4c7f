/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base/assert.c - assert.h has the contract.
 *
 * No stdio and no memory: the program may be broken in any way by now, and the
 * caller may be inside a fault or a signal handler.
 */
#include "base/assert.h"

#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

/* 20 digits: INT_MIN has 11 characters; the rest is room to be sure. */
#define NUMBER_BYTES 20

static struct iovec
piece(const char *text)
{
	union {
		const char *from;
		void *to;	/* writev only reads: its type lacks const */
	} u = { .from = text };

	return (struct iovec){ .iov_base = u.to, .iov_len = strlen(text) };
}

/* Writes the digits to the end of out and returns the first. */
static const char *
decimal(int number, char out[static NUMBER_BYTES])
{
	unsigned rest = number < 0 ? 0U - (unsigned)number : (unsigned)number;
	char *at = out + NUMBER_BYTES - 1;

	*at = '\0';
	do {
		*--at = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest > 0);
	if (number < 0)
		*--at = '-';
	return at;
}

void
vm_panic(const char *file, int line, const char *function, const char *text)
{
	char number[NUMBER_BYTES];
	const struct iovec pieces[] = {
		piece(file), piece(":"), piece(decimal(line, number)),
		piece(": "), piece(function), piece(": "), piece(text),
		piece("\n"),
	};

	/* One call, so that lines of two threads do not mix. */
	if (writev(2, pieces, (int)VM_COUNT(pieces)) < 0)
		abort();	/* nobody listens; the core file tells */
	abort();
}
