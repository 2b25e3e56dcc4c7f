/* SPDX-License-Identifier: BSD-2-Clause */
/* scenario.c - scenario.h has the theory. */
#include "scenario.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "api/system.h"
#include "audit.h"

struct vm *vm;
struct vm_object *object[KINDS];

static int fd[KINDS];
static uint64_t expected[KINDS][PAGES], stamp;
static const char *running;

static const char *
directory(void)
{
	return access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/var/tmp";
}

static void
say(int error, const char *what)
{
	const char *failed = atomic_load(&faulty.failed);

	fprintf(stderr, "%s: %s: %d, %s (call %u, %s, failed)\n", running,
	    what, error, vm_last_error(), atomic_load(&faulty.fail_at),
	    failed != NULL ? failed : "none");
}

void
scenario_failed(int error, const char *what)
{
	bool injected = atomic_load(&faulty.failed) != NULL;
	bool stale = strcmp(vm_last_error(), "stale") == 0;

	if (error == 0 || !injected || stale)
		say(error, what);
	CHECK(injected);
	CHECK(!stale);
}

struct vm_page *
grab(int kind, uint64_t pindex, unsigned flags)
{
	struct vm_page *page;

	TWICE(vm_page_grab(object[kind], pindex, flags, &page));
	return page;
}

/* A store is mapped for us where somebody looks at it first. */
static uint64_t *
words_of(struct vm_page *page)
{
	uint64_t *words = vm_page_data(page);

	if (words == NULL) {
		CHECK(atomic_load(&faulty.failed) != NULL);
		words = vm_page_data(page);
	}
	CHECK(words != NULL);
	return words;
}

void
put_into(struct vm_page *page, int kind, uint64_t pindex)
{
	words_of(page)[1] = expected[kind][pindex] = ++stamp;
	vm_page_dirty(page, 8, 8);
}

void
put(int kind, uint64_t pindex)
{
	struct vm_page *page = grab(kind, pindex, VM_GRAB_WRITE);

	put_into(page, kind, pindex);
	vm_page_release(page);
}

void
check_in(struct vm_page *page, int kind, uint64_t pindex)
{
	uint64_t word = words_of(page)[1];

	if (word != expected[kind][pindex])
		say((int)pindex, "bytes");
	CHECK(word == expected[kind][pindex]);
}

void
get(int kind, uint64_t pindex)
{
	struct vm_page *page = grab(kind, pindex, VM_GRAB_READ);

	check_in(page, kind, pindex);
	vm_page_release(page);
}

static void
new_object(int kind)
{
	unsigned flags = VM_OBJECT_WRITABLE |
	    (kind == STORE ? VM_OBJECT_STORE : 0);

	fd[kind] = -1;
	if (kind == ANON) {
		CHECK_INT(vm_object_create_anon(vm, BYTES, 0, &object[kind]),
		    0);
	} else {
		fd[kind] = open(directory(), O_TMPFILE | O_RDWR | O_CLOEXEC,
		    0600);
		CHECK(fd[kind] >= 0 && ftruncate(fd[kind], BYTES) == 0);
		CHECK_INT(vm_object_create_file(vm, fd[kind], 0,
		    VM_LENGTH_ALL, flags, &object[kind]), 0);
	}
	for (uint64_t i = 0; i < PAGES; i++)
		put(kind, i);
}

const struct vm_pmap_ops *scenario_pmap = &pmap_nobody;

static void
set_up(void)
{
	struct vm_options o = VM_OPTIONS_INIT;

	faulty_reset();
	o.resident_max_bytes = LIMIT_PAGES * PAGE;
	o.grow_max_bytes = 2 * LIMIT_PAGES * PAGE;
	o.swap_directory = directory();
	o.trace_events = 64;
	CHECK_INT(vm_create_on(&o, &faulty_os, scenario_pmap, &vm), 0);
	for (int kind = 0; kind < KINDS; kind++)
		new_object(kind);
}

static void
check_file(int kind)
{
	uint64_t word;

	for (uint64_t i = 0; kind != ANON && i < PAGES; i++) {
		CHECK(pread(fd[kind], &word, sizeof(word),
		    (off_t)(i * PAGE + 8)) == (ssize_t)sizeof(word));
		CHECK(word == expected[kind][i]);
	}
}

static void
tear_down(void)
{
	for (int kind = 0; kind < KINDS; kind++)
		for (uint64_t i = 0; i < PAGES; i++)
			get(kind, i);
	for (int kind = 0; kind < KINDS; kind++) {
		CHECK_INT(vm_object_destroy(object[kind]), 0);
		check_file(kind);
		if (fd[kind] >= 0)
			close(fd[kind]);
	}
	CHECK_INT(vm_destroy(vm), 0);
	faulty_check_clean();
}

void
scenario_check(const struct scenario *scenario)
{
	bool failed = true;

	running = scenario->name;
	for (unsigned n = 1; failed; n++) {
		set_up();
		atomic_store(&faulty.fail_at,
		    atomic_load(&faulty.calls) + n);
		scenario->run();
		failed = atomic_load(&faulty.failed) != NULL;
		atomic_store(&faulty.fail_at, 0);
		audit(vm);
		tear_down();
	}
}
