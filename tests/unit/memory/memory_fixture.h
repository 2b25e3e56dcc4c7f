/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memory_fixture.h - a system of 256 pages on faulty_os, for tests of memory.
 * Include once, in a test's own file.
 */
#ifndef MEMORY_FIXTURE_H
#define MEMORY_FIXTURE_H

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include <resident/resident.h>

#include "api/system.h"
#include "base/rng.h"
#include "check.h"
#include "faulty.h"
#include "memory/memory.h"
#include "object/vm.h"

enum { PAGE = 4096, PAGES = 256 };

static struct vm *vm;

/* wait_max_ns: 0 is long enough for anything that comes. */
static inline void
create_with(struct vm_options o)
{
	faulty_reset();
	CHECK_INT(vm_create_on(&o, &faulty_os, &pmap_nobody, &vm), 0);
}

static inline void
create(uint64_t wait_max_ns)
{
	struct vm_options o = VM_OPTIONS_INIT;

	o.resident_max_bytes = PAGES * PAGE;
	o.swap_directory = access("/dev/shm", W_OK) == 0 ? "/dev/shm" :
	    "/var/tmp";
	o.wait_max_ns = wait_max_ns;
	create_with(o);
}

static inline void
destroy(void)
{
	int error = vm_audit(vm);

	if (error != 0 && error != -EAGAIN)
		CHECK_STR(vm_last_error(), "");
	CHECK_INT(vm_destroy(vm), 0);
	faulty_check_clean();
}

static inline uint64_t
free_pages(void)
{
	return vm_available(vm, 0);
}

static inline struct vm_memory_stat
memory_stat(void)
{
	struct vm_memory_stat s = VM_MEMORY_STAT_INIT;

	CHECK_INT(vm_memory_stat(vm, &s), 0);
	return s;
}

static inline struct vm_account *
new_account(uint64_t bytes, uint64_t wired)
{
	struct vm_account_options o = VM_ACCOUNT_INIT;
	struct vm_account *account;

	o.name = "owner";
	o.bytes_max = bytes;
	o.wired_max = wired;
	CHECK_INT(vm_account_create(vm, &o, &account), 0);
	return account;
}

static inline uint64_t
charged(struct vm_account *account, bool wired)
{
	struct vm_account_stat s;

	vm_account_stat(account, &s);
	return wired ? s.wired_pages : s.bytes;
}

static inline int
get(uint64_t bytes, unsigned flags, struct vm_account *account, void **out)
{
	struct vm_memory_request r = VM_MEMORY_REQUEST_INIT;

	r.bytes = bytes;
	r.flags = flags;
	r.account = account;
	return vm_memory_alloc(vm, &r, out);
}

static inline void *
got(uint64_t bytes, unsigned flags)
{
	void *memory;

	CHECK_INT(get(bytes, flags, NULL, &memory), 0);
	return memory;
}

/* All that an ordinary request gets, a page each; how many. */
static inline unsigned
fill(void **pages)
{
	unsigned count = 0;

	while (get(PAGE, 0, NULL, &pages[count]) == 0)
		count++;
	return count;
}

static inline void
unfill(void **pages, unsigned count)
{
	while (count > 0)
		vm_memory_free(vm, pages[--count], PAGE, NULL);
}

/* Whether the machine could read or write a byte for us: where it could not, a
 * touch of ours would be a signal. */
static inline bool
usable(void *at, bool to_write)
{
	int ends[2];
	char byte = 0;
	bool good;

	CHECK(pipe(ends) == 0);
	/* What is there already, where it can be read. */
	if (to_write && write(ends[1], at, 1) != 1)
		CHECK(write(ends[1], &byte, 1) == 1);
	good = (to_write ? read(ends[0], at, 1) : write(ends[1], at, 1)) == 1;
	CHECK(good || errno == EFAULT);
	close(ends[0]);
	close(ends[1]);
	return good;
}

static inline bool
all(const void *memory, unsigned char byte, size_t count)
{
	const unsigned char *bytes = memory;

	for (size_t i = 0; i < count; i++)
		if (bytes[i] != byte)
			return false;
	return true;
}

#endif
