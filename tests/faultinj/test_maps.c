/* SPDX-License-Identifier: BSD-2-Clause */
/* Maps: each call with a failure, and touches, which get SIGBUS from one. */
#include <setjmp.h>
#include <signal.h>

#include "pmap/uffd.h"
#include "scenario.h"

#if CHECK_TSAN
const char *__tsan_default_suppressions(void);

/* As in check.c; and here they are written by a call that TSan sees. */
const char *
__tsan_default_suppressions(void)
{
	return "race:vm_pack_\nrace:pwritev64\n";
}
#endif

/* ---- a userfaultfd that fails -------------------------------------------- */

static struct vm_pmap_ops ops;	/* the real ones, but: */
/* What is shown in the place of a window was tried elsewhere before. */
static bool in_place;

static int
open_or_fail(int *self, bool *files)
{
	return faulty_call("open") ? -EMFILE :
	    vm_pmap_linux.open(self, files);
}

static int
reserve_or_fail(uint64_t length, uint64_t *address)
{
	return faulty_call("reserve") ? -ENOMEM :
	    vm_pmap_linux.reserve(length, address);
}

static int
show_or_fail(int fd, uint64_t offset, uint64_t length, bool fixed,
    uint64_t *address)
{
	in_place = fixed;
	return !fixed && faulty_call("show") ? -ENOMEM :
	    vm_pmap_linux.show(fd, offset, length, fixed, address);
}

static int
watch_or_fail(int uffd, uint64_t address, uint64_t length)
{
	return !in_place && faulty_call("watch") ? -ENOMEM :
	    vm_pmap_linux.watch(uffd, address, length);
}

static int64_t
copy_or_fail(int uffd, uint64_t to, const void *from, uint64_t length,
    bool protect)
{
	return faulty_call("copy") ? -ENOMEM :
	    vm_pmap_linux.copy(uffd, to, from, length, protect);
}

static void
make_ops(void)
{
	ops = vm_pmap_linux;
	ops.open = open_or_fail;
	ops.reserve = reserve_or_fail;
	ops.show = show_or_fail;
	ops.watch = watch_or_fail;
	ops.copy = copy_or_fail;
	in_place = false;
}

/* ---- scenarios ----------------------------------------------------------- */

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

/* The second map moves the object, whose window is changed under the first. */
static void
run_second(void)
{
	volatile char *first;

	map(POOL, 0, PAGES);
	touch_all(PAGES);
	first = base;
	map(POOL, 0, 6);
	for (uint64_t i = 0; i < 6; i += 3)
		CHECK(touch(i, false) == i);
	CHECK(touch(1, true) == 1);
	TWICE(vm_unmap(vm, at(0), 6 * PAGE));
	base = first;
	for (uint64_t i = 0; i < PAGES; i += 3)
		CHECK(touch(i, false) == i);
	TWICE(vm_unmap(vm, at(0), PAGES * PAGE));
}

static void
run_advice(void)
{
	static const enum vm_map_advice advice[] = { VM_MADV_COLD,
		VM_MADV_DONTNEED, VM_MADV_PAGEOUT, VM_MADV_WILLNEED };

	map(POOL, 0, PAGES);
	touch_all(PAGES);
	for (int i = 0; i < 4; i++)
		TWICE(vm_advise(vm, at(4), 8 * PAGE, advice[i]));
	TWICE(vm_protect(vm, at(2), 3 * PAGE, 0));
	TWICE(vm_protect(vm, at(3), PAGE, VM_PROT_READ));
	CHECK(touch(3, false) == 3);
	TWICE(vm_sync(vm, at(0), PAGES * PAGE, VM_SYNC_ASYNC |
	    VM_SYNC_INVALIDATE));
	CHECK(touch(12, true) == 12);
	TWICE(vm_unmap(vm, at(0), PAGES * PAGE));
}

static const struct scenario maps[] = {
	{ "shared maps", run_shared },
	{ "parts of maps", run_parts },
	{ "private maps", run_private },
	{ "a second map", run_second },
	{ "advice", run_advice },
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
	make_ops();
	scenario_pmap = &ops;
	signal(SIGBUS, on_sigbus);
	SCENARIOS_CHECK(maps);
}
