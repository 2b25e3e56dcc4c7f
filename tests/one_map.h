/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * one_map.h - the system of one_object.h on the real machine's userfaultfd, for
 * tests of vm_map.  Include once, in a test's own file, instead of it.
 *
 * A touch that the program would get a signal for is tried: 0, or the signal.
 */
#ifndef ONE_MAP_H
#define ONE_MAP_H

#include <setjmp.h>
#include <signal.h>

#include "pmap/uffd.h"

#define CORE_PMAP vm_pmap_linux
#include "one_object.h"

#include "map/area.h"
#include "pmap/view.h"

#include <resident/map.h>

enum { RW = VM_PROT_READ | VM_PROT_WRITE };

static sigjmp_buf map_jump;
static volatile char *base;	/* of the map that map_it made last */

static void
map_signal(int number)
{
	siglongjmp(map_jump, number);
}

static inline void
map_set_up(unsigned flags)
{
	signal(SIGBUS, map_signal);
	signal(SIGSEGV, map_signal);
	core_set_up(flags);
}

static inline void
map_tear_down(void)
{
	core_tear_down();
	signal(SIGSEGV, SIG_DFL);
}

static inline struct vm_map_options
map_options(unsigned prot, unsigned flags)
{
	struct vm_map_options o = VM_MAP_OPTIONS_INIT;

	o.object = object;
	o.prot = prot;
	o.flags = flags;
	return o;
}

/* As vm_map; the test is skipped where the machine does not permit it. */
static inline int
map_try(const struct vm_map_options *o, volatile char **out)
{
	void *address = NULL;
	int error = vm_map(vm, o, &address);

	if (error == -EPERM || error == -ENOSYS)
		CHECK_SKIP(vm_last_error());
	*out = address;
	return error;
}

static inline volatile char *
map_part(unsigned prot, unsigned flags, uint64_t first, uint64_t pages)
{
	struct vm_map_options o = map_options(prot, flags);
	volatile char *at;

	o.offset = first * PAGE;
	o.length = pages * PAGE;
	CHECK_INT(map_try(&o, &at), 0);
	return at;
}

/* All of the object. */
static inline void
map_it(unsigned prot, unsigned flags)
{
	base = map_part(prot, flags, 0, FILE_PAGES);
}

static inline int
unmap_at(volatile char *at, uint64_t pages)
{
	return vm_unmap(vm, (void *)(uintptr_t)at, pages * PAGE);
}

/*
 * Touches of a map.  What keeps them apart from the library's own, which reads
 * what it writes back from the same place, are the rights of page tables: a
 * sanitizer of threads knows nothing of these.
 */
#define UNSEEN __attribute__((no_sanitize("thread"), noinline))

UNSEEN static uint64_t
read_word(volatile void *at)
{
	return *(volatile uint64_t *)at;
}

UNSEEN static void
write_word(volatile void *at, uint64_t value)
{
	*(volatile uint64_t *)at = value;
}

static inline uint64_t
get_at(volatile char *at, uint64_t page, unsigned word)
{
	return read_word(at + page * PAGE + word * 8);
}

static inline void
put_at(volatile char *at, uint64_t page, uint64_t value)
{
	write_word(at + page * PAGE + 8, value);
}

static inline int
try_get(volatile char *at, uint64_t page)
{
	int number = sigsetjmp(map_jump, 1);

	if (number == 0)
		(void)get_at(at, page, 0);
	return number;
}

static inline int
try_put(volatile char *at, uint64_t page, uint64_t value)
{
	int number = sigsetjmp(map_jump, 1);

	if (number == 0)
		put_at(at, page, value);
	return number;
}

#endif
