/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/sim/trace.c - see trace.h. */
#include "trace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "input.h"
#include "server/say.h"

/* Pages seen, by identity: open addressing, at most half full. */
struct names {
	struct name {
		uint64_t identity;
		uint32_t number;	/* plus 1, 0: empty */
	} *at;
	uint64_t mask;
};

/* 1024 to begin with: doubled as it fills. */
#define NAMES_FIRST	1024u
#define REQUESTS_FIRST	4096u

struct reading {
	struct vm_trace *trace;
	struct vm_input *input;
	const char *path;
	struct names names;
	uint64_t room;		/* of requests */
};

static int
no_memory(const struct reading *r)
{
	vm_say("%s: no memory for what is in it", r->path);
	return -1;
}

static struct name *
find(const struct names *names, uint64_t identity)
{
	uint64_t at = identity & names->mask;

	while (names->at[at].number != 0 &&
	    names->at[at].identity != identity)
		at = (at + 1) & names->mask;
	return &names->at[at];
}

static int
grow_names(struct reading *r)
{
	struct names old = r->names;
	uint64_t size = old.at == NULL ? NAMES_FIRST : 2 * (old.mask + 1);
	struct name *at = calloc(size, sizeof(*at));

	if (at == NULL)
		return no_memory(r);
	r->names = (struct names){ at, size - 1 };
	for (uint64_t i = 0; old.at != NULL && i <= old.mask; i++)
		if (old.at[i].number != 0)
			*find(&r->names, old.at[i].identity) = old.at[i];
	free(old.at);
	return 0;
}

static int
grow_requests(struct reading *r)
{
	uint64_t room = r->room == 0 ? REQUESTS_FIRST : 2 * r->room;
	uint32_t *more = realloc(r->trace->requests, room * sizeof(*more));

	if (more == NULL)
		return no_memory(r);
	r->trace->requests = more;
	r->room = room;
	return 0;
}

static int
add(struct reading *r, uint64_t identity, bool write)
{
	struct vm_trace *t = r->trace;
	struct name *name;

	if (t->count == r->room && grow_requests(r) != 0)
		return -1;
	if (2 * (uint64_t)t->distinct >= r->names.mask && grow_names(r) != 0)
		return -1;
	name = find(&r->names, identity);
	if (name->number == 0 && t->distinct + 1 == VM_TRACE_WRITE) {
		vm_say("%s: more than 2^31 pages", r->path);
		return -1;
	}
	if (name->number == 0)
		*name = (struct name){ identity, ++t->distinct };
	t->requests[t->count++] = (name->number - 1) |
	    (write ? VM_TRACE_WRITE : 0);
	return 0;
}

/* The decimal number at *text, which is moved behind it. */
static bool
take_number(char **text, uint64_t *number)
{
	char *end;

	if (**text < '0' || **text > '9')
		return false;
	errno = 0;
	*number = strtoull(*text, &end, 10);
	if (errno != 0 || (*end != '\0' && strchr(" \t\r", *end) == NULL))
		return false;
	*text = end;
	return true;
}

static char *
skip_space(char *text)
{
	return text + strspn(text, " \t\r");
}

static int
wrong(const struct reading *r, const char *text, const char *what)
{
	vm_say("%s:%llu: '%.60s' is not %s", r->path,
	    (unsigned long long)vm_input_line(r->input), text, what);
	return -1;
}

static int
take_line(struct reading *r, char *line)
{
	char *at = skip_space(line);
	uint64_t page, object = 0;
	bool write = false;

	if (*at == '\0' || *at == '#')
		return 0;
	if (!take_number(&at, &page))
		return wrong(r, at, "a page: a number below 2^64");
	at = skip_space(at);
	if ((*at == 'r' || *at == 'w') &&
	    strchr(" \t\r", at[1]) != NULL) {
		write = *at == 'w';
		at = skip_space(at + 1);
	}
	if (*at != '\0' && !take_number(&at, &object))
		return wrong(r, at, "r, w, or an object: a number below 2^64");
	at = skip_space(at);
	if (*at != '\0')
		return wrong(r, at, "the end of a line: PAGE [r|w] [OBJECT]");
	return add(r, vm_hash_pair(object, page), write);
}

/* "dir/a.txt.zst" is "a". */
static char *
name_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *name = strdup(slash == NULL ? path : slash + 1);
	static const char *const ends[] = { ".zst", ".txt" };

	for (unsigned i = 0; name != NULL && i < 2; i++) {
		size_t length = strlen(name), end = strlen(ends[i]);

		if (length > end && strcmp(name + length - end, ends[i]) == 0)
			name[length - end] = '\0';
	}
	return name;
}

static int
read_all(struct reading *r)
{
	char line[VM_LINE_BYTES];
	int got;

	r->trace->name = name_of(r->path);
	if (r->trace->name == NULL)
		return no_memory(r);
	if (grow_names(r) != 0)
		return -1;
	while ((got = vm_input_next(r->input, line)) > 0)
		if (take_line(r, line) != 0)
			return -1;
	if (got == 0 && r->trace->count == 0) {
		vm_say("%s: no page is touched in it", r->path);
		return -1;
	}
	return got;
}

int
vm_trace_read(struct vm_trace *trace, const char *path)
{
	struct reading r = { .trace = trace, .path = path };
	int result;

	*trace = (struct vm_trace){ 0 };
	r.input = vm_input_open(path);
	if (r.input == NULL)
		return -1;
	result = read_all(&r);
	vm_input_close(r.input);
	free(r.names.at);
	if (result != 0)
		vm_trace_fini(trace);
	return result;
}

void
vm_trace_fini(struct vm_trace *trace)
{
	free(trace->requests);
	free(trace->name);
	*trace = (struct vm_trace){ 0 };
}
