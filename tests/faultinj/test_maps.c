/* SPDX-License-Identifier: BSD-2-Clause */
/* Maps: each call with a failure, and touches, which get SIGBUS from one. */
#include <setjmp.h>
#include <signal.h>

#include "pmap/uffd.h"
#include "scenario.h"

static sigjmp_buf jump;
static volatile char *base;	/* of the map that is touched */

static void
on_sigbus(int number)
{
	siglongjmp(jump, number);
}

/* As TWICE: a touch that fails does so once.  What is in word 2. */
static uint64_t
touch(uint64_t page, bool write)
{
	volatile uint64_t *word = (volatile uint64_t *)(uintptr_t)(base +
	    page * PAGE) + 2;

	if (sigsetjmp(jump, 1) != 0)
		scenario_failed(-EIO, "touch");
	if (write)
		*word = page;
	return *word;
}

static void
map(int kind, unsigned flags, uint64_t pages)
{
	struct vm_map_options o = VM_MAP_OPTIONS_INIT;
	void *out = NULL;

	o.object = object[kind];
	o.prot = VM_PROT_READ | VM_PROT_WRITE;
	o.flags = flags;
	o.length = pages * PAGE;
	TWICE(vm_map(vm, &o, &out));
	base = out;
}

static void *
at(uint64_t page)
{
	return (void *)(uintptr_t)(base + page * PAGE);
}

static void
touch_all(uint64_t pages)
{
	for (uint64_t i = 0; i < pages; i++)
		(void)touch(i, i % 3 == 0);
	for (uint64_t i = 0; i < pages; i += 3)
		CHECK(touch(i, false) == i);
}

static void
run_shared(void)
{
	static const int kinds[] = { POOL, STORE, ANON };

	for (int i = 0; i < 3; i++) {
		map(kinds[i], 0, PAGES);
		touch_all(PAGES);
		put(kinds[i], 3);
		TWICE(vm_sync(vm, at(0), PAGES * PAGE, VM_SYNC_ASYNC));
		TWICE(vm_unmap(vm, at(0), PAGES * PAGE));
	}
}

static void
run_parts(void)
{
	unsigned char in[4];

	map(POOL, 0, PAGES);
	touch_all(PAGES);
	TWICE(vm_wire(vm, at(2), 3 * PAGE));
	TWICE(vm_protect(vm, at(8), 2 * PAGE, VM_PROT_READ));
	TWICE(vm_unmap(vm, at(12), 4 * PAGE));
	TWICE(vm_advise(vm, at(0), 4 * PAGE, VM_MADV_WILLNEED));
	TWICE(vm_resident(vm, at(0), 4 * PAGE, in));
	TWICE(vm_unwire(vm, at(3), PAGE));
	CHECK(touch(9, false) == 9);
	TWICE(vm_unmap(vm, at(0), PAGES * PAGE));
}

static void
run_private(void)
{
	map(POOL, VM_MAP_PRIVATE, PAGES);
	touch_all(PAGES);
	TWICE(vm_advise(vm, at(6), 6 * PAGE, VM_MADV_DONTNEED));
	CHECK(touch(6, true) == 6);
	TWICE(vm_unmap(vm, at(0), PAGES * PAGE));
}

static const struct scenario maps[] = {
	{ "shared maps", run_shared },
	{ "parts of maps", run_parts },
	{ "private maps", run_private },
};

/* Whether the machine permits it, before anything is made to fail. */
static bool
permitted(void)
{
	int self, uffd;
	bool files;

	uffd = vm_pmap_linux.open(&self, &files);
	if (uffd >= 0)
		vm_pmap_linux.close(uffd, self);
	return uffd >= 0;
}

TEST(maps_keep_their_bytes_whatever_fails)
{
	if (!permitted())
		CHECK_SKIP("no userfaultfd here");
	scenario_pmap = &vm_pmap_linux;
	signal(SIGBUS, on_sigbus);
	SCENARIOS_CHECK(maps);
}
