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

struct vm_sim_maker {
	struct vm_sim_trace trace;
	const char *path;	/* for sentences */
	struct names names;
	uint64_t room;		/* of requests */
};

struct reading {
	struct vm_sim_maker *maker;
	struct vm_input *input;
	const char *path;
};

/* ---- making one --------------------------------------------------------- */

static int
no_memory(const char *path)
{
	vm_say("%s: no memory for what is in it", path);
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
grow_names(struct vm_sim_maker *m)
{
	struct names old = m->names;
	uint64_t size = old.at == NULL ? NAMES_FIRST : 2 * (old.mask + 1);
	struct name *at = calloc(size, sizeof(*at));

	if (at == NULL)
		return no_memory(m->path);
	m->names = (struct names){ at, size - 1 };
	for (uint64_t i = 0; old.at != NULL && i <= old.mask; i++)
		if (old.at[i].number != 0)
			*find(&m->names, old.at[i].identity) = old.at[i];
	free(old.at);
	return 0;
}

static int
grow_requests(struct vm_sim_maker *m)
{
	uint64_t room = m->room == 0 ? REQUESTS_FIRST : 2 * m->room;
	uint32_t *more = realloc(m->trace.requests, room * sizeof(*more));

	if (more == NULL)
		return no_memory(m->path);
	m->trace.requests = more;
	m->room = room;
	return 0;
}

int
vm_sim_maker_add(struct vm_sim_maker *m, uint64_t object, uint64_t page,
    bool write)
{
	uint64_t identity = vm_hash_pair(object, page);
	struct vm_sim_trace *t = &m->trace;
	struct name *name;

	if (t->count == m->room && grow_requests(m) != 0)
		return -1;
	if (2 * (uint64_t)t->distinct >= m->names.mask && grow_names(m) != 0)
		return -1;
	name = find(&m->names, identity);
	if (name->number == 0 && t->distinct + 1 == VM_SIM_WRITE) {
		vm_say("%s: more than 2^31 pages", m->path);
		return -1;
	}
	if (name->number == 0)
		*name = (struct name){ identity, ++t->distinct };
	t->requests[t->count++] = (name->number - 1) |
	    (write ? VM_SIM_WRITE : 0);
	return 0;
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

struct vm_sim_maker *
vm_sim_maker_new(const char *path)
{
	struct vm_sim_maker *m = calloc(1, sizeof(*m));

	if (m == NULL) {
		(void)no_memory(path);
		return NULL;
	}
	m->path = path;
	m->trace.name = name_of(path);
	if (m->trace.name == NULL)
		(void)no_memory(path);
	else if (grow_names(m) == 0)
		return m;
	vm_sim_maker_drop(m);
	return NULL;
}

void
vm_sim_maker_drop(struct vm_sim_maker *m)
{
	vm_sim_trace_fini(&m->trace);
	free(m->names.at);
	free(m);
}

int
vm_sim_maker_end(struct vm_sim_maker *m, struct vm_sim_trace *trace)
{
	int result = 0;

	if (m->trace.count == 0) {
		vm_say("%s: no page is touched in it", m->path);
		result = -1;
	} else {
		*trace = m->trace;
		m->trace = (struct vm_sim_trace){ 0 };
	}
	vm_sim_maker_drop(m);
	return result;
}

/* ---- reading one -------------------------------------------------------- */

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
	return vm_sim_maker_add(r->maker, object, page, write);
}

int
vm_sim_trace_read(struct vm_sim_trace *trace, const char *path)
{
	struct reading r = { .path = path };
	char line[VM_LINE_BYTES];
	int got = -1;

	*trace = (struct vm_sim_trace){ 0 };
	r.input = vm_input_open(path);
	if (r.input == NULL)
		return -1;
	r.maker = vm_sim_maker_new(path);
	while (r.maker != NULL &&
	    (got = vm_input_next(r.input, line)) > 0)
		if (take_line(&r, line) != 0)
			break;
	vm_input_close(r.input);
	if (got == 0)
		return vm_sim_maker_end(r.maker, trace);
	if (r.maker != NULL)
		vm_sim_maker_drop(r.maker);
	return -1;
}

void
vm_sim_trace_fini(struct vm_sim_trace *trace)
{
	free(trace->requests);
	free(trace->name);
	*trace = (struct vm_sim_trace){ 0 };
}
