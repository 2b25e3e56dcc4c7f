/* SPDX-License-Identifier: BSD-2-Clause */
/* base/size.c - size.h has the grammar. */
#include "base/size.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/assert.h"
#include "base/error.h"

/* 40 characters of a wrong text: enough to recognise it in one line. */
#define QUOTE_CHARS 40
/* Each may become \xNN; then "..." and the end. */
#define QUOTE_BYTES (QUOTE_CHARS * 4 + 4)

/* Printable ASCII only, for a terminal must not obey a wrong argument. */
static const char *
quote(const char *text, char out[static QUOTE_BYTES])
{
	static const char hex[] = "0123456789abcdef";
	char *at = out;
	size_t i;

	for (i = 0; i < QUOTE_CHARS && text[i] != '\0'; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') {
			*at++ = (char)c;
			continue;
		}
		*at++ = '\\';
		*at++ = 'x';
		*at++ = hex[c >> 4];
		*at++ = hex[c & 15];
	}
	memcpy(at, text[i] == '\0' ? "" : "...", text[i] == '\0' ? 1 : 4);
	return out;
}

static int
refuse(int err, const char *text, const char *reason)
{
	char quoted[QUOTE_BYTES];

	return vm_error(err, "size \"%s\": %s", quote(text, quoted), reason);
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Bits to shift for the suffix, -1 when it is none. */
static int
suffix_shift(const char *suffix)
{
	static const char letters[] = "kKmMgGtT";
	const char *letter;

	if (suffix[0] == '\0')
		return 0;
	letter = strchr(letters, suffix[0]);
	if (letter == NULL ||
	    (suffix[1] != '\0' && strcmp(suffix + 1, "iB") != 0))
		return -1;
	return 10 * (int)((letter - letters) / 2 + 1);
}

/* Why text has no size in it; at is where the reading stopped. */
static const char *
reason_at(const char *text, const char *at)
{
	if (text[0] == '\0')
		return "is empty";
	if (text[0] == '+' || text[0] == '-')
		return "has a sign";
	for (const char *c = text; *c != '\0'; c++)
		if (is_space(*c))
			return "has a space in it";
	if (at == text)
		return "does not begin with a digit";
	return "may end in k, m, g, t, KiB, MiB, GiB or TiB only";
}

int
vm_size_parse_text(const char *text, uint64_t *bytes)
{
	const char *at = text;
	uint64_t number = 0;
	bool fits = true;
	int shift;

	vm_assert(text != NULL && bytes != NULL);
	for (; is_digit(*at); at++) {
		uint64_t digit = (uint64_t)(*at - '0');

		fits = fits && number <= (UINT64_MAX - digit) / 10;
		number = number * 10 + digit;
	}
	shift = suffix_shift(at);
	if (at == text || shift < 0)
		return refuse(EINVAL, text, reason_at(text, at));
	if (!fits || number > UINT64_MAX >> shift)
		return refuse(ERANGE, text, "is more than 2^64 - 1 bytes");
	*bytes = number << shift;
	return 0;
}

/* As strtoul(3): the number, and where it stopped. */
static uint64_t
number_of(const char *text, const char **end)
{
	const char *at = text;
	uint64_t number = 0;
	bool minus, fits = true;

	*end = text;
	while (is_space(*at))
		at++;
	minus = *at == '-';
	if (*at == '-' || *at == '+')
		at++;
	for (; is_digit(*at); at++) {
		uint64_t digit = (uint64_t)(*at - '0');

		fits = fits && number <= (UINT64_MAX - digit) / 10;
		number = number * 10 + digit;
		*end = at + 1;
	}
	if (!fits)
		return UINT64_MAX;
	return minus ? 0 - number : number;
}

int
vm_size_parse_rump(const char *text, uint64_t *bytes)
{
	static const char letters[] = "kmg";
	const char *suffix, *letter = NULL;
	uint64_t number;
	int shift = 0;

	vm_assert(text != NULL && bytes != NULL);
	number = number_of(text, &suffix);
	if (suffix[0] != '\0') {
		letter = strchr(letters, suffix[0]);
		if (letter == NULL || suffix[1] != '\0')
			return refuse(EINVAL, text, "may end in one of k, m "
			    "and g only");
		shift = 10 * (int)(letter - letters + 1);
	}
	if (number > UINT64_MAX >> shift)
		return refuse(ERANGE, text, "is more than 2^64 - 1 bytes");
	*bytes = number << shift;
	return 0;
}
