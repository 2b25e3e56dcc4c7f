/* SPDX-License-Identifier: BSD-2-Clause */
/* One swap file: places, grains that come and go; several of them. */
#include "pager/swapfile.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "check.h"
#include "pager/swap_private.h"
#include "rig.h"

enum { GRAIN = 1024 };	/* pages: 4 MiB */

static struct vm_lock lock;
static struct vm_swapfile file;
static struct vm_swap *swap;

static void
setup(uint64_t max_bytes)
{
	rig_reset();
	vm_lock_init(&lock, VM_RANK_PAGER, "swap");
	CHECK_INT(vm_swapfile_init(&file, &(struct vm_swapfile_options){
	    .os = &rig_os, .directory = rig_directory(), .page_bytes = PAGE,
	    .max_bytes = max_bytes, .lock = &lock }), 0);
}

static void
teardown(void)
{
	vm_swapfile_fini(&file);
	vm_lock_fini(&lock);
	rig_check_clean();
}

static uint64_t
take(unsigned want)
{
	uint64_t first;

	CHECK_INT(vm_swapfile_take(&file, want, &first), want);
	return first;
}

static void
give(uint64_t first, unsigned count)
{
	vm_lock(&lock);
	vm_swapfile_give_locked(&file, first, count);
	vm_unlock(&lock);
}

static bool
try(uint64_t first, unsigned count)
{
	bool taken;

	vm_lock(&lock);
	taken = vm_swapfile_try_locked(&file, first, count);
	vm_unlock(&lock);
	return taken;
}

/* Takes so many grains, one behind the other. */
static void
take_grains(unsigned count)
{
	for (unsigned i = 0; i < count * 4; i++)
		CHECK_INT(take(256), i * 256);
}

static uint64_t
disk_bytes(void)
{
	struct stat st;

	CHECK(fstat(file.backing.in[VM_BACKING_PLAIN], &st) == 0);
	return (uint64_t)st.st_blocks * 512;
}

TEST(a_file_is_nobodys_but_ours_and_has_no_name)
{
	struct stat st;

	setup(0);
	take_grains(1);
	CHECK(fstat(file.backing.in[VM_BACKING_PLAIN], &st) == 0);
	CHECK_INT(st.st_mode & 07777, 0600);
	CHECK_INT(st.st_nlink, 0);
	give(0, GRAIN);
	teardown();
}

TEST(grains_that_nobody_uses_go_back_to_the_disk_but_for_a_few)
{
	uint64_t before;

	setup(0);
	take_grains(10);
	CHECK_INT(file.on_disk_pages, 10 * GRAIN);
	CHECK_INT(file.grains_used, 10);
	before = disk_bytes();
	give(GRAIN, 9 * GRAIN - 1);
	CHECK_INT(file.grains_used, 2);
	CHECK_INT(file.grains_idle, 8);
	vm_swapfile_trim(&file);
	CHECK_INT(file.grains_idle, 2);
	CHECK_INT(file.on_disk_pages, 4 * GRAIN);
	CHECK_INT(rig.punches, 6);
	/* A file system that keeps no account of blocks says the same. */
	CHECK(disk_bytes() <= before);
	vm_swapfile_trim(&file);
	CHECK_INT(rig.punches, 6);
	CHECK(try(GRAIN, 1));
	CHECK(!try(8 * GRAIN, 1));
	/* What was given back is allocated again. */
	for (unsigned i = 0; i < 7; i++)
		(void)take(256);
	give(GRAIN, 1);
	CHECK(file.on_disk_pages > 4 * GRAIN);
	vm_lock(&lock);
	for (uint64_t i = GRAIN; i < file.map.pages; i++)
		if ((file.map.words[i / 64] >> i % 64 & 1) != 0)
			vm_swapfile_give_locked(&file, i, 1);
	vm_unlock(&lock);
	give(0, GRAIN);
	teardown();
}

TEST(a_disk_that_cannot_take_back_is_not_asked_again)
{
	setup(0);
	take_grains(10);
	give(0, 10 * GRAIN);
	rig.fallocate_errno = EOPNOTSUPP;
	vm_swapfile_trim(&file);
	CHECK_INT(rig.punches, 1);
	vm_swapfile_trim(&file);
	CHECK_INT(rig.punches, 1);
	CHECK_INT(file.on_disk_pages, 10 * GRAIN);
	teardown();
}

TEST(a_hole_that_fails_is_tried_again)
{
	setup(0);
	take_grains(4);
	give(0, 4 * GRAIN);
	rig.fallocate_errno = EIO;
	vm_swapfile_trim(&file);
	CHECK_INT(file.grains_idle, 4);
	rig.fallocate_errno = 0;
	vm_swapfile_trim(&file);
	CHECK_INT(file.grains_idle, 2);
	teardown();
}

TEST(exactly_these_pages_only_where_the_disk_has_them)
{
	setup(0);
	CHECK_INT(take(10), 0);
	CHECK(!try(5, 10));
	CHECK(try(20, 10));
	CHECK(!try(GRAIN - 5, 10));	/* the next grain is not there */
	CHECK(try(GRAIN - 5, 5));
	CHECK(!try(100 * GRAIN, 1));
	give(0, 10);
	give(20, 10);
	give(GRAIN - 5, 5);
	teardown();
}

TEST(what_was_written_at_once_is_read_at_once)
{
	static _Alignas(PAGE) char bytes[3 * PAGE], back[3 * PAGE];

	setup(0);
	CHECK_INT(take(3), 0);
	memset(bytes, 'w', sizeof(bytes));
	CHECK_INT(vm_swapfile_write(&file, bytes, 0, 3), 0);
	CHECK_INT(vm_swapfile_read(&file, back, 0, 3), 0);
	CHECK(memcmp(bytes, back, sizeof(bytes)) == 0);
	rig.pwrite_errno = ENOSPC;
	CHECK_INT(vm_swapfile_write(&file, bytes, 0, 3), -ENOSPC);
	CHECK(strstr(vm_error_text(), "writing 12288 bytes") != NULL);
	rig.pread_errno = EIO;
	CHECK_INT(vm_swapfile_read(&file, back, 0, 3), -EIO);
	give(0, 3);
	teardown();
}

TEST(a_file_fails_after_three_writes_in_a_row_and_until_one_succeeds)
{
	setup(0);
	for (unsigned i = 0; i < 3; i++) {
		CHECK(!vm_swapfile_fails(&file));
		vm_swapfile_note(&file, true);
	}
	CHECK(vm_swapfile_fails(&file));
	vm_swapfile_note(&file, true);
	vm_swapfile_note(&file, false);
	CHECK(!vm_swapfile_fails(&file));
	teardown();
}

TEST(a_file_in_use_is_not_ended)
{
	setup(0);
	CHECK_INT(take(3), 0);
	CHECK_DIES(vm_swapfile_fini(&file));
	give(0, 3);
	teardown();
}

/* ---- several ------------------------------------------------------------- */

static void
setup_swap(const struct vm_swap_place_options *files, unsigned count,
    uint64_t max_bytes)
{
	rig_reset();
	CHECK_INT(vm_swap_create(&(struct vm_swap_options){ .os = &rig_os,
	    .files = files, .file_count = count, .page_bytes = PAGE,
	    .max_bytes = max_bytes }, &swap), 0);
}

static void
teardown_swap(void)
{
	vm_swap_destroy(swap);
	rig_check_clean();
}

/* Which file, -errno: none. */
static int
take_swap(unsigned want, unsigned wanted)
{
	struct vm_swap_place place;
	int taken = vm_swap_take(swap, want, &place);

	if (taken < 0)
		return taken;
	CHECK_INT(taken, wanted);
	return place.file;
}

static void
give_swap(unsigned number, uint32_t page, unsigned count)
{
	vm_lock(&swap->lock);
	vm_swap_give_locked(swap, (struct vm_swap_place){ page,
	    (uint8_t)number }, count);
	vm_unlock(&swap->lock);
}

TEST(the_highest_priority_is_filled_first_and_equal_ones_in_turn)
{
	const char *d = rig_directory();
	const struct vm_swap_place_options files[] = {
		{ d, 0, -1 }, { d, 20 * PAGE, 5 }, { d, 100 * PAGE, 2 },
		{ d, 100 * PAGE, 2 },
	};

	setup_swap(files, VM_COUNT(files), 0);
	CHECK_INT(take_swap(15, 15), 0);
	CHECK_INT(take_swap(15, 5), 0);
	for (unsigned i = 0; i < 10; i++)
		CHECK_INT(take_swap(20, 20), 1 + (i + 2) % 2);
	CHECK_INT(take_swap(10, 10), 3);
	CHECK_INT(swap->taken_pages, 230);
	give_swap(0, 3, 4);
	CHECK_INT(take_swap(10, 4), 0);
	give_swap(0, 0, 20);
	give_swap(1, 0, 100);
	give_swap(2, 0, 100);
	give_swap(3, 0, 10);
	CHECK_INT(swap->taken_pages, 0);
	teardown_swap();
}

TEST(the_bound_of_all_files_holds_and_is_said)
{
	const char *d = rig_directory();
	const struct vm_swap_place_options files[] = { { d, 0, 0 },
		{ d, 0, 0 } };

	setup_swap(files, VM_COUNT(files), 100 * PAGE);
	CHECK_INT(take_swap(60, 60), 0);
	CHECK_INT(take_swap(60, 40), 1);
	CHECK_INT(take_swap(1, 0), -ENOSPC);
	CHECK(strstr(vm_error_text(), "409600 of all files") != NULL);
	give_swap(0, 0, 60);
	CHECK_INT(take_swap(60, 60), 0);
	give_swap(0, 0, 60);
	give_swap(1, 0, 40);
	teardown_swap();
}

TEST(a_file_that_fails_is_asked_when_the_others_have_nothing)
{
	const char *d = rig_directory();
	const struct vm_swap_place_options files[] = { { d, 0, 9 },
		{ d, 30 * PAGE, 0 } };

	setup_swap(files, VM_COUNT(files), 0);
	CHECK_INT(take_swap(10, 10), 0);
	for (unsigned i = 0; i < 3; i++)
		vm_swapfile_note(&swap->file[0], true);
	CHECK_INT(take_swap(20, 20), 1);
	CHECK_INT(take_swap(20, 10), 1);
	CHECK_INT(take_swap(20, 20), 0);
	vm_swapfile_note(&swap->file[0], false);
	give_swap(1, 0, 30);
	CHECK_INT(take_swap(20, 20), 0);
	give_swap(0, 0, 50);
	teardown_swap();
}

TEST(a_directory_that_is_not_there_is_passed_over)
{
	const struct vm_swap_place_options files[] = {
		{ "/nonexistent", 0, 9 }, { rig_directory(), 0, 0 } };

	setup_swap(files, VM_COUNT(files), 0);
	CHECK_INT(take_swap(10, 10), 1);
	give_swap(1, 0, 10);
	teardown_swap();
}
