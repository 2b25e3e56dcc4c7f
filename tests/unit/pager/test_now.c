/* SPDX-License-Identifier: BSD-2-Clause */
/* One page by one call: what is decided there, and what is a request's. */
#include <errno.h>
#include <unistd.h>

#include <resident/resident.h>

#include "check.h"
#include "pager/file.h"
#include "rig.h"

/* 8 pages, and half of another. */
enum { PAGES = 8, LENGTH = PAGES * PAGE + PAGE / 2 };

static int fd;
static struct vm_pager *pager;
static _Alignas(PAGE) char bytes[PAGE];	/* O_DIRECT wants it so */

/* direct_errno: what opening it with O_DIRECT says, 0: it works. */
static void
set_up_with(bool in_memory, int direct_errno)
{
	struct vm_pager_file_options o = {
		.os = &rig_os, .length = LENGTH, .page_bytes = PAGE,
		.writable = true,
	};

	rig_reset();
	rig.in_memory = in_memory;
	rig.reopen_direct_errno = direct_errno;
	fd = rig_file();
	for (int i = 0; i < PAGES; i++)
		rig_file_fill(fd, (uint64_t)i * PAGE, 'a' + i, PAGE);
	rig_file_fill(fd, PAGES * PAGE, 'z', PAGE / 2);
	o.fd = fd;
	CHECK_INT(vm_pager_file_create(&o, &pager), 0);
	memset(bytes, 0, sizeof(bytes));
}

static void
set_up(bool in_memory)
{
	set_up_with(in_memory, 0);
}

static void
tear_down(void)
{
	pager->ops->destroy(pager);
	close(fd);
	rig_check_clean();
}

static enum vm_pager_result
now(vm_pindex_t pindex, int *error)
{
	*error = 0;
	return pager->ops->read_now(pager, pindex, bytes, error);
}

static void
check_page(char value)
{
	for (int i = 0; i < PAGE; i++)
		CHECK_INT(bytes[i], value);
}

TEST(a_page_is_there_when_the_call_returns)
{
	int error;

	for (int in_memory = 0; in_memory < 2; in_memory++) {
		set_up(in_memory != 0);
		CHECK_INT(now(3, &error), VM_PAGER_OK);
		check_page('d');
		CHECK_INT(now(PAGES - 1, &error), VM_PAGER_OK);
		check_page('a' + PAGES - 1);
		tear_down();
	}
}

TEST(what_is_only_a_copy_leaves_the_page_cache_and_the_store_itself_does_not)
{
	int error;

	set_up_with(true, EINVAL);
	rig.drops = 0;
	CHECK_INT(now(3, &error), VM_PAGER_OK);
	CHECK_INT(rig.drops, 0);
	tear_down();
	set_up_with(false, EINVAL);
	rig.drops = 0;
	CHECK_INT(now(3, &error), VM_PAGER_OK);
	check_page('d');
	CHECK_INT(rig.drops, 1);
	tear_down();
}

TEST(the_page_with_the_end_in_it_and_those_behind_are_a_request_s)
{
	int error;

	set_up(true);
	CHECK_INT(now(PAGES, &error), VM_PAGER_PENDING);
	CHECK_INT(now(PAGES + 1, &error), VM_PAGER_PENDING);
	CHECK_INT(error, 0);
	tear_down();
}

TEST(a_part_of_a_page_is_no_page)
{
	int error;

	set_up(true);
	rig.short_bytes = 100;
	CHECK_INT(now(3, &error), VM_PAGER_PENDING);
	CHECK_INT(error, 0);
	tear_down();
	set_up(true);	/* nor is nothing: somebody has cut the file */
	CHECK(ftruncate(fd, PAGE) == 0);
	CHECK_INT(now(3, &error), VM_PAGER_PENDING);
	tear_down();
}

TEST(what_may_go_well_another_time_is_a_request_s_and_the_rest_an_error)
{
	static const int again[] = { EINVAL, EAGAIN, EINTR };
	int error;

	for (unsigned i = 0; i < sizeof(again) / sizeof(again[0]); i++) {
		set_up(true);
		rig.pread_errno = again[i];
		CHECK_INT(now(3, &error), VM_PAGER_PENDING);
		CHECK_INT(error, 0);
		rig.pread_errno = 0;
		tear_down();
	}
	set_up(true);
	rig.pread_errno = EIO;
	CHECK_INT(now(3, &error), VM_PAGER_FAILED);
	CHECK_INT(error, EIO);
	CHECK(strstr(vm_last_error(), "reading 4096 bytes at 12288") != NULL);
	rig.pread_errno = 0;
	tear_down();
}
