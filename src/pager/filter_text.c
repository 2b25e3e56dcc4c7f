/* SPDX-License-Identifier: BSD-2-Clause */
/* pager/filter_text.c - filters from text; filter.h has the theory. */
#include <errno.h>
#include <string.h>

#include "base/assert.h"
#include "base/error.h"
#include "object/vm.h"
#include "os/os.h"
#include "pager/filter.h"

/* 10^9: rates are read with nine decimals. */
#define WHOLE UINT64_C(1000000000)

/* Part of the text, not terminated. */
struct piece {
	const char *at;
	size_t length;
};

#define PIECE_IN_TEXT(p) (int)((p).length < 64 ? (p).length : 64), (p).at

static bool
is_word(struct piece p, const char *word)
{
	return strlen(word) == p.length && memcmp(p.at, word, p.length) == 0;
}

/* What is before the separator, which goes too; the rest stays. */
static struct piece
cut(struct piece *rest, char separator)
{
	const char *end = rest->length == 0 ? NULL :
	    memchr(rest->at, separator, rest->length);
	struct piece first = *rest;

	if (end == NULL) {
		*rest = (struct piece){ rest->at + rest->length, 0 };
		return first;
	}
	first.length = (size_t)(end - first.at);
	rest->length -= first.length + 1;
	rest->at = end + 1;
	return first;
}

/* -- values ---------------------------------------------------------------- */

static int
bad_value(const struct vm_filter *f, const char *key, struct piece value,
    const char *wanted)
{
	return vm_error(EINVAL, "filter \"%s\": %s=%.*s is not %s",
	    f->kind->name, key, PIECE_IN_TEXT(value), wanted);
}

/* Decimal digits only. */
static bool
read_number(struct piece p, uint64_t *out)
{
	uint64_t n = 0;

	if (p.length == 0)
		return false;
	for (size_t i = 0; i < p.length; i++) {
		unsigned digit = (unsigned)(p.at[i] - '0');

		if (digit > 9 || n > (UINT64_MAX - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	*out = n;
	return true;
}

static int
set_number(struct vm_filter *f, const char *key, struct piece value,
    uint64_t *out)
{
	return read_number(value, out) ? 0 : bad_value(f, key, value,
	    "a number");
}

/* 0 to 1, nine decimals: "1", "0.25", ".5". */
static bool
read_rate(struct piece p, uint64_t *out)
{
	struct piece whole = cut(&p, '.');
	uint64_t n = 0, fraction = 0, unit = WHOLE;

	if (whole.length + p.length == 0 || p.length > 9 ||
	    (whole.length != 0 && !read_number(whole, &n)) ||
	    (p.length != 0 && !read_number(p, &fraction)) || n > 1)
		return false;
	for (size_t i = 0; i < p.length; i++)
		unit /= 10;
	*out = n * WHOLE + fraction * unit;
	return *out <= WHOLE;
}

static int
set_rate(struct vm_filter *f, struct piece value)
{
	return read_rate(value, &f->rate) ? 0 : bad_value(f, "rate", value,
	    "a number from 0 to 1");
}

/* "3", "3-9" or "3-": pages, the last one too. */
static int
set_range(struct vm_filter *f, struct piece value)
{
	struct piece rest = value, first = cut(&rest, '-');
	bool open = first.length < value.length && rest.length == 0;
	uint64_t last;

	if (!read_number(first, &f->first))
		return bad_value(f, "range", value, "FIRST-LAST");
	last = f->first;
	if (rest.length != 0 && (!read_number(rest, &last) ||
	    last < f->first))
		return bad_value(f, "range", value, "FIRST-LAST");
	f->end = open || last == UINT64_MAX ? UINT64_MAX : last + 1;
	return 0;
}

/* "read", "read+sync". */
static int
set_ops(struct vm_filter *f, struct piece value)
{
	struct piece rest = value;

	f->ops = 0;
	do {
		struct piece word = cut(&rest, '+');

		if (is_word(word, "read"))
			f->ops |= 1u << VM_FILTER_READ;
		else if (is_word(word, "write"))
			f->ops |= 1u << VM_FILTER_WRITE;
		else if (is_word(word, "sync"))
			f->ops |= 1u << VM_FILTER_SYNC;
		else
			return bad_value(f, "op", value,
			    "read, write or sync, joined by +");
	} while (rest.length != 0);
	return 0;
}

static int
set_errno(struct vm_filter *f, struct piece value)
{
	static const struct {
		const char *name;
		int error;
	} known[] = {
		{ "EIO", EIO }, { "ENOSPC", ENOSPC }, { "EAGAIN", EAGAIN },
		{ "EDQUOT", EDQUOT }, { "EROFS", EROFS }, { "EACCES", EACCES },
		{ "ENOMEM", ENOMEM }, { "ETIMEDOUT", ETIMEDOUT },
		{ "ENODEV", ENODEV }, { "ENXIO", ENXIO },
	};
	uint64_t number;

	for (size_t i = 0; i < VM_COUNT(known); i++) {
		if (!is_word(value, known[i].name))
			continue;
		f->error = known[i].error;
		return 0;
	}
	/* 4095: the kernel's own bound of error numbers. */
	if (!read_number(value, &number) || number < 1 || number > 4095)
		return bad_value(f, "errno", value, "EIO, ENOSPC, EAGAIN, "
		    "EDQUOT, EROFS, EACCES, ENOMEM, ETIMEDOUT, ENODEV, ENXIO "
		    "or a number");
	f->error = (int)number;
	return 0;
}

static int
set_path(struct vm_filter *f, const char *key, struct piece value, char **out)
{
	const struct vm_os *os = f->vm->os;

	if (value.length == 0 || value.length >= VM_FILTER_PATH_BYTES)
		return bad_value(f, key, value, "a path");
	os->free(*out);
	*out = os->alloc(value.length + 1);
	if (*out == NULL)
		return vm_error(ENOMEM, "filter: %s", vm_errno_text(ENOMEM));
	memcpy(*out, value.at, value.length);
	return 0;
}

/* -- keys ------------------------------------------------------------------ */

/* Whether the kind has this word in its list. */
static bool
knows(const struct vm_filter_kind *kind, struct piece key)
{
	struct piece rest = { kind->keys, strlen(kind->keys) };

	while (rest.length != 0) {
		struct piece word = cut(&rest, ' ');

		if (word.length == key.length &&
		    memcmp(word.at, key.at, key.length) == 0)
			return true;
	}
	return false;
}

static int
set(struct vm_filter *f, struct piece key, struct piece value)
{
	if (is_word(key, "op"))
		return set_ops(f, value);
	if (is_word(key, "range"))
		return set_range(f, value);
	if (is_word(key, "rate"))
		return set_rate(f, value);
	if (is_word(key, "errno"))
		return set_errno(f, value);
	if (is_word(key, "nth"))
		return set_number(f, "nth", value, &f->nth);
	if (is_word(key, "seed"))
		return set_number(f, "seed", value, &f->seed);
	if (is_word(key, "count"))
		return set_number(f, "count", value, &f->count);
	if (is_word(key, "ns"))
		return set_number(f, "ns", value, &f->ns);
	if (is_word(key, "trigger"))
		return set_path(f, "trigger", value, &f->trigger);
	vm_assert(is_word(key, "file"));	/* a kind knows no other */
	return set_path(f, "file", value, &f->file);
}

static int
set_all(struct vm_filter *f, struct piece rest)
{
	int error = 0;

	while (error == 0 && rest.length != 0) {
		struct piece value = cut(&rest, ',');
		bool has_value = memchr(value.at, '=', value.length) != NULL;
		struct piece key = cut(&value, '=');

		if (!knows(f->kind, key))
			return vm_error(EINVAL, "filter \"%s\": it has no key "
			    "\"%.*s\"; it has: %s", f->kind->name,
			    PIECE_IN_TEXT(key), f->kind->keys);
		if (!has_value)
			return vm_error(EINVAL, "filter \"%s\": %.*s needs a "
			    "value, as in %.*s=...", f->kind->name,
			    PIECE_IN_TEXT(key), PIECE_IN_TEXT(key));
		error = set(f, key, value);
	}
	return error;
}

static const struct vm_filter_kind *
find_kind(struct piece name)
{
	for (unsigned i = 0; vm_filter_kinds[i] != NULL; i++)
		if (is_word(name, vm_filter_kinds[i]->name))
			return vm_filter_kinds[i];
	return NULL;
}

static struct vm_filter *
make(struct vm *vm, const struct vm_filter_kind *kind)
{
	struct vm_filter *f = vm->os->alloc(sizeof(*f));

	if (f == NULL)
		return NULL;
	f->kind = kind;
	f->vm = vm;
	f->ops = (1u << VM_FILTER_OPS) - 1;
	f->rate = WHOLE;
	f->end = UINT64_MAX;
	f->error = EIO;
	f->fd = -1;
	return f;
}

int
vm_filter_parse(struct vm *vm, const char *text, size_t length,
    struct vm_filter **out)
{
	struct piece rest = { text, length }, name = cut(&rest, ':');
	const struct vm_filter_kind *kind = find_kind(name);
	struct vm_filter *f;
	int error;

	if (kind == NULL)
		return vm_error(EINVAL, "filter: there is none called "
		    "\"%.*s\"; there are: error, delay, log, stats, retry",
		    PIECE_IN_TEXT(name));
	f = make(vm, kind);
	if (f == NULL)
		return vm_error(ENOMEM, "filter: %s", vm_errno_text(ENOMEM));
	error = set_all(f, rest);
	if (error == 0)
		error = vm_filter_open(f);
	if (error != 0) {
		vm_filter_free(f);
		return error;
	}
	*out = f;
	return 0;
}
