/* SPDX-License-Identifier: BSD-2-Clause */
/* The entries of the real kernel for this process's own memory: pmap/own.c. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "os/os.h"
#include "pmap/uffd.h"

enum { PAGE = 4096, PAGES = 8 };

static const struct vm_pmap_ops *const k = &vm_pmap_linux;
static int uffd, self;
static bool files;
static uint64_t base;
static char bytes[PAGES * PAGE];
static sigjmp_buf trapped;

static void
on_bus(int number)
{
	(void)number;
	siglongjmp(trapped, 1);
}

/* Whether reading, or writing, the byte raises SIGBUS. */
static bool
traps(uint64_t address, bool write)
{
	volatile char *byte = (volatile char *)(uintptr_t)address;

	if (sigsetjmp(trapped, 1) != 0)
		return true;
	if (write)
		*byte = 1;
	else
		(void)*byte;
	return false;
}

static void
open_own(void)
{
	uffd = k->open(&self, &files);
	if (uffd < 0)
		CHECK_SKIP("no userfaultfd here");
	signal(SIGBUS, on_bus);
	memset(bytes, 7, sizeof(bytes));
}

static void
set_up(void)
{
	open_own();
	base = 0;
	CHECK_INT(k->reserve(PAGES * PAGE, &base), 0);
	CHECK_INT(k->watch(uffd, base, PAGES * PAGE), 0);
}

static void
tear_down(void)
{
	CHECK_INT(k->unmap(base, PAGES * PAGE), 0);
	k->close(uffd, self);
	signal(SIGBUS, SIG_DFL);
}

TEST(a_page_that_is_not_there_traps_and_one_that_was_copied_does_not)
{
	set_up();
	CHECK(traps(base, false));
	CHECK_INT(k->copy(uffd, base, bytes, 2 * PAGE, true), 2 * PAGE);
	CHECK(!traps(base, false));
	CHECK_INT(*(char *)(uintptr_t)(base + PAGE), 7);
	CHECK(traps(base, true));
	CHECK_INT(k->protect(uffd, base, PAGE, false), 0);
	CHECK(!traps(base, true));
	CHECK(traps(base + PAGE, true));
	CHECK_INT(k->protect(uffd, base, PAGE, true), 0);
	CHECK(traps(base, true));
	CHECK_INT(k->copy(uffd, base + 2 * PAGE, bytes, PAGE, false), PAGE);
	CHECK(!traps(base + 2 * PAGE, true));
	CHECK_INT(k->copy(uffd, base, bytes, PAGE, true), -EEXIST);
	tear_down();
}

TEST(scattered_pages_go_by_one_call)
{
	struct iovec range[3];
	int64_t done;

	set_up();
	CHECK_INT(k->copy(uffd, base, bytes, PAGES * PAGE, true),
	    PAGES * PAGE);
	for (unsigned i = 0; i < 3; i++) {
		range[i].iov_base = (void *)(uintptr_t)(base + 2 * i * PAGE);
		range[i].iov_len = PAGE;
	}
	done = k->drop(self, range, 3);
	CHECK(done == 3 * PAGE || done == PAGE);	/* before Linux 6.13 */
	CHECK(traps(base, false));
	CHECK(!traps(base + PAGE, false));
	CHECK_INT(k->drop(-1, &range[1], 1), PAGE);
	CHECK(traps(base + 2 * PAGE, false));
	tear_down();
}

TEST(memory_is_where_it_is_wanted_if_that_is_free)
{
	uint64_t again;

	set_up();
	again = base;
	CHECK_INT(k->reserve(PAGES * PAGE, &again), 0);
	CHECK(again != base);
	CHECK_INT(k->unmap(again, PAGES * PAGE), 0);
	again = base;
	CHECK_INT(k->unmap(base, PAGES * PAGE), 0);
	CHECK_INT(k->reserve(PAGES * PAGE, &again), 0);
	CHECK_INT(again, base);
	tear_down();
}

TEST(what_cannot_be_had_is_an_error)
{
	uint64_t address = 0;

	set_up();
	CHECK_INT(k->reserve(UINT64_C(1) << 60, &address), -ENOMEM);
	CHECK_INT(k->show(-1, 0, PAGE, false, &address), -EBADF);
	CHECK(k->watch(uffd, base + 1, PAGE) < 0);
	CHECK(k->unmap(base + 1, PAGE) < 0);
	tear_down();
}

TEST(a_memory_file_is_watched_in_place_of_what_was_there)
{
	int fd;

	set_up();
	if (!files)
		CHECK_SKIP("this kernel watches no memory files");
	fd = vm_os_linux.memfd("own");
	CHECK(fd >= 0 && ftruncate(fd, PAGES * PAGE) == 0);
	CHECK_INT(k->copy(uffd, base, bytes, PAGE, false), PAGE);
	CHECK_INT(k->show(fd, 0, PAGES * PAGE, true, &base), 0);
	CHECK_INT(k->watch(uffd, base, PAGES * PAGE), 0);
	CHECK(traps(base, false));
	CHECK_INT(k->protect(uffd, base, PAGE, true), 0);
	CHECK_INT(pwrite(fd, "x", 1, 0), 1);
	CHECK(!traps(base, false));
	CHECK(traps(base, true));
	CHECK_INT(k->protect(uffd, base, PAGE, false), 0);
	CHECK(!traps(base, true));
	close(fd);
	tear_down();
}
