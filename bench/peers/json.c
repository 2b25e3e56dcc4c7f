/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Everything here takes a place in the text and gives the place behind what it
 * has read, NULL where that is not what it should be.
 */
#include "bench/peers/json.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const char *
space(const char *at)
{
	return at + strspn(at, " \t\r\n");
}

/* Past the quote that ends it. */
static const char *
string(const char *at)
{
	if (*at++ != '"')
		return NULL;
	for (; *at != '"'; at++) {
		if (*at == '\\')
			at++;
		if (*at == '\0')
			return NULL;
	}
	return at + 1;
}

/* A number, true, false or null. */
static const char *
word(const char *at)
{
	size_t length = strspn(at, "+-.0123456789"
	    "abcdefghijklmnopqrstuvwxyzE");

	return length == 0 ? NULL : at + length;
}

/*
 * Past a whole value: brackets are matched by count and kind, what is between
 * them is strings, words and separators in any order.  More is not needed to
 * find the end of a value in a text that is JSON, or to stop in another.
 */
static const char *
value(const char *at)
{
	char closes[JSON_DEPTH_MAX];
	unsigned depth = 0;

	do {
		at = space(at);
		if (*at == '{' || *at == '[') {
			if (depth == JSON_DEPTH_MAX)
				return NULL;
			closes[depth++] = *at++ == '{' ? '}' : ']';
		} else if (depth > 0 && *at == closes[depth - 1]) {
			depth--;
			at++;
		} else if (depth > 0 && (*at == ',' || *at == ':')) {
			at++;
		} else {
			at = *at == '"' ? string(at) : word(at);
			if (at == NULL)
				return NULL;
		}
	} while (depth > 0);
	return at;
}

/* At the value of the member called name, of length bytes. */
static const char *
member(const char *at, const char *name, size_t length)
{
	if (*at != '{')
		return NULL;
	do {
		const char *key = space(at + 1);
		const char *end = string(key);

		if (end == NULL)
			return NULL;
		at = space(end);
		if (*at != ':')
			return NULL;
		at = space(at + 1);
		if ((size_t)(end - key) == length + 2 &&
		    memcmp(key + 1, name, length) == 0)
			return at;
		at = value(at);
		if (at == NULL)
			return NULL;
		at = space(at);
	} while (*at == ',');
	return NULL;
}

/* At the value with that place. */
static const char *
element(const char *at, unsigned long place)
{
	if (*at != '[')
		return NULL;
	at = space(at + 1);
	while (place-- > 0) {
		at = value(at);
		if (at == NULL)
			return NULL;
		at = space(at);
		if (*at != ',')
			return NULL;
		at = space(at + 1);
	}
	return at;
}

bool
json_number(const char *text, const char *path, double *number)
{
	const char *at = space(text);
	char *end;

	while (*path != '\0') {
		size_t length = strcspn(path, "/");

		at = *at == '[' ? element(at, strtoul(path, NULL, 10)) :
		    member(at, path, length);
		if (at == NULL)
			return false;
		path += length + (path[length] == '/');
	}
	/* strtod() takes more than JSON has: space, a plus, words. */
	if (strspn(at, "-0123456789") == 0)
		return false;
	*number = strtod(at, &end);
	/* A number that ends with the text may have been cut. */
	return *end != '\0' && strchr(" \t\r\n,]}", *end) != NULL &&
	    isfinite(*number);
}
