/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * one_object.h - one small system with a file in memory and an object over it,
 * for tests of the rooms above object.  Include once, in a test's own file.
 *
 * The system is on faulty_os (tests/faulty.h) and has no clients.  Word 0 of
 * the file's page i is i.
 */
#ifndef ONE_OBJECT_H
#define ONE_OBJECT_H

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <resident/resident.h>

#include "api/audit.h"
#include "api/system.h"
#include "base/rng.h"
#include "check.h"
#include "faulty.h"
#include "object/object.h"

#ifndef CORE_PMAP
#define CORE_PMAP pmap_nobody
#endif

enum { PAGE = 4096, FILE_PAGES = 100, CORE_LIMIT_PAGES = 64 };

static struct vm *vm;
static struct vm_object *object;
static int core_fd;

/*
 * In debug builds one call in 8 of those below audits the system first: at
 * points that nobody chose.  The seed is fixed, or RESIDENT_AUDIT_SEED.
 */
enum { CORE_AUDIT_EVERY = 8 };

static inline void
core_maybe_audit(void)
{
#ifdef VM_DEBUG
	static _Thread_local struct vm_rng rng;
	const char *seed = getenv("RESIDENT_AUDIT_SEED");
	int error = 0;

	if (rng.state == 0 && seed != NULL)
		rng.state = strtoull(seed, NULL, 0);
	if (vm_rng_below(&rng, CORE_AUDIT_EVERY) == 0)
		error = vm_audit(vm);
	/* Others may keep it moving for all of the test. */
	if (error != 0 && error != -EAGAIN)
		CHECK_STR(vm_last_error(), "");
#endif
}

static const char *
core_directory(void)
{
	return access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/var/tmp";
}

static inline void
core_create(uint64_t wait_ns)
{
	struct vm_options o = VM_OPTIONS_INIT;

	faulty_reset();
	o.resident_max_bytes = CORE_LIMIT_PAGES * PAGE;
	o.swap_directory = core_directory();
	o.wait_max_ns = wait_ns;
	CHECK_INT(vm_create_on(&o, &faulty_os, &CORE_PMAP, &vm), 0);
}

static inline void
core_new_file(void)
{
	core_fd = open(core_directory(), O_TMPFILE | O_RDWR | O_CLOEXEC,
	    0600);
	CHECK(core_fd >= 0);
	CHECK(ftruncate(core_fd, FILE_PAGES * PAGE) == 0);
	for (uint64_t i = 0; i < FILE_PAGES; i++)
		CHECK(pwrite(core_fd, &i, sizeof(i), (off_t)(i * PAGE)) ==
		    (ssize_t)sizeof(i));
}

/* flags: of vm_object_create_file, besides WRITABLE. */
static inline void
core_set_up(unsigned flags)
{
	core_create(0);
	core_new_file();
	CHECK_INT(vm_object_create_file(vm, core_fd, 0, VM_LENGTH_ALL,
	    VM_OBJECT_WRITABLE | flags, &object), 0);
	CHECK_INT(vm_object_advise(object, VM_ADVICE_RANDOM), 0);
}

static inline void
core_tear_down(void)
{
	core_maybe_audit();
	CHECK_INT(vm_object_destroy(object), 0);
	CHECK_INT(vm_destroy(vm), 0);
	close(core_fd);
	faulty_check_clean();
}

/* The page, held. */
static inline struct vm_page *
core_grab(uint64_t pindex, unsigned how)
{
	struct vm_page *page;

	core_maybe_audit();
	CHECK_INT(vm_page_grab(object, pindex, how, &page), 0);
	return page;
}

/* Word 1 of a page, through the object; makes it dirty. */
static inline void
core_put(uint64_t pindex, uint64_t value)
{
	struct vm_page *page = core_grab(pindex, VM_GRAB_WRITE);

	memcpy((char *)vm_page_data(page) + 8, &value, sizeof(value));
	vm_page_dirty(page, 8, sizeof(value));
	vm_page_release(page);
}

static inline uint64_t
core_get(uint64_t pindex, unsigned word)
{
	struct vm_page *page = core_grab(pindex, VM_GRAB_READ);
	uint64_t value;

	memcpy(&value, (char *)vm_page_data(page) + word * 8, sizeof(value));
	vm_page_release(page);
	return value;
}

/* Word 1 of a page of the file. */
static inline uint64_t
core_in_file(uint64_t pindex)
{
	uint64_t value;

	CHECK(pread(core_fd, &value, sizeof(value), (off_t)(pindex * PAGE +
	    8)) == (ssize_t)sizeof(value));
	return value;
}

static inline bool
core_resident(uint64_t pindex)
{
	struct vm_slot *slot = vm_index_find(&object->index, pindex);

	return slot != NULL && vm_slot_number(slot) != VM_SLOT_ABSENT;
}

#endif
