/* SPDX-License-Identifier: BSD-2-Clause */
/* Dirty pages go to the file: in runs, once, and none is lost by an error. */
#include "pageout/launder.h"

#include <pthread.h>
#include <sched.h>

#include "audit.h"
#include "object/content.h"
#include "one_object.h"
#include "pageout/evict.h"
#include "pager/swap_private.h"
#include "stat/stat.h"

static uint64_t
writes(void)
{
	return vm_counter_read(vm->counters, VM_COUNTER_writes);
}

static void
launder_all(void)
{
	CHECK_INT(vm_launder_range(object, 0, UINT64_MAX, 0), 0);
}

static void
write_in_runs(unsigned flags)
{
	core_set_up(flags);
	for (uint64_t i = 10; i < 30; i++)
		core_put(i, i);
	core_put(40, 40);
	CHECK_INT(core_get(41, 0), 41);
	launder_all();
	CHECK_INT(writes(), 2);
	CHECK_INT(object->dirty, 0);
	CHECK_INT(object->resident, 22);	/* they stay */
	for (uint64_t i = 10; i < 30; i++)
		CHECK_INT(core_in_file(i), i);
	CHECK_INT(core_in_file(40), 40);
	launder_all();
	CHECK_INT(writes(), 2);			/* nothing is dirty */
	audit(vm);
	core_tear_down();
}

TEST(neighbours_are_one_write)
{
	write_in_runs(0);
}

TEST(neighbours_in_a_store_are_one_write)
{
	write_in_runs(VM_OBJECT_STORE);
}

TEST(a_range_is_written_and_the_rest_is_not)
{
	core_set_up(0);
	for (uint64_t i = 0; i < 10; i++)
		core_put(i, 1);
	CHECK_INT(vm_launder_range(object, 3, 5,
	    VM_LAUNDER_SYNC), 0);
	CHECK_INT(object->dirty, 8);
	CHECK(core_in_file(2) == 0 && core_in_file(3) == 1 &&
	    core_in_file(4) == 1 && core_in_file(5) == 0);
	core_tear_down();
}

TEST(a_page_is_dirty_again_by_a_later_write)
{
	core_set_up(0);
	core_put(3, 1);
	launder_all();
	core_put(3, 2);
	CHECK_INT(object->dirty, 1);
	launder_all();
	CHECK_INT(core_in_file(3), 2);
	core_tear_down();
}

TEST(who_is_to_leave_leaves_and_neighbours_stay)
{
	struct vm_page *page[3];
	struct vm_laundry *laundry;

	core_set_up(VM_OBJECT_STORE);
	for (uint64_t i = 0; i < 3; i++)
		core_put(i, i + 1);
	CHECK_INT(vm_laundry_new(vm, &laundry), 0);
	for (uint64_t i = 0; i < 3; i++)
		page[i] = vm_object_lock_page(object, i);
	vm_laundry_add(laundry, page, 3, (bool[]){ true, false, true });
	CHECK_INT(vm_laundry_finish(laundry), 0);
	CHECK_INT(vm_laundry_evicted(laundry), 2);
	CHECK_INT(vm_laundry_evicted(laundry), 0);
	CHECK(!core_resident(0) && core_resident(1) && !core_resident(2));
	for (uint64_t i = 0; i < 3; i++)
		CHECK_INT(core_get(i, 1), i + 1);
	vm_laundry_free(laundry);
	audit(vm);
	core_tear_down();
}

TEST(the_largest_run_may_leave_as_a_whole)
{
	struct vm_page *page[VM_LAUNDRY_PAGES];
	struct vm_laundry *laundry;
	bool leaving[VM_LAUNDRY_PAGES];
	unsigned n = CORE_LIMIT_PAGES - 4;

	core_set_up(0);
	for (uint64_t i = 0; i < n; i++)
		core_put(i, i + 1);
	CHECK_INT(vm_laundry_new(vm, &laundry), 0);
	for (unsigned i = 0; i < n; i++) {
		page[i] = vm_object_lock_page(object, i);
		if (page[i] == NULL)	/* the daemon was first */
			n = i;
	}
	CHECK(n > 0);
	memset(leaving, true, sizeof(leaving));
	vm_laundry_add(laundry, page, n, leaving);
	CHECK_INT(vm_laundry_finish(laundry), 0);
	CHECK_INT(vm_laundry_evicted(laundry), n);
	vm_laundry_free(laundry);
	core_tear_down();
}

static void
check_failure(int error)
{
	struct vm_object_stat stat;

	CHECK_INT(vm_launder_range(object, 0, UINT64_MAX, 0), error);
	CHECK(strstr(vm_last_error(), "could not be written") != NULL);
	vm_object_stat(object, &stat);
	CHECK(stat.write_errors > 0);
	CHECK_INT(stat.dirty_pages, 2);
	CHECK_INT(core_get(3, 1), 7);
}

TEST(a_page_that_could_not_be_written_stays_dirty)
{
	core_set_up(0);
	core_put(3, 7);
	core_put(50, 8);
	atomic_store(&faulty.write_errno, EIO);
	check_failure(-EIO);
	check_failure(-EIO);
	atomic_store(&faulty.write_errno, 0);
	CHECK_INT(vm_launder_range(object, 0, UINT64_MAX,
	    VM_LAUNDER_SYNC), 0);
	CHECK_INT(core_in_file(3), 7);
	CHECK_INT(core_in_file(50), 8);
	core_tear_down();
}

TEST(what_lies_behind_the_end_of_a_cut_file_is_dropped)
{
	struct stat st;

	core_set_up(0);
	core_put(90, 7);
	CHECK(ftruncate(core_fd, 50 * PAGE) == 0);
	launder_all();
	CHECK_INT(object->dirty, 0);
	CHECK(fstat(core_fd, &st) == 0);
	CHECK_INT(st.st_size, 50 * PAGE);
	core_tear_down();
}

/* A reader's page that is clean keeps nobody, not even itself. */
TEST(a_clean_page_that_is_read_does_not_keep_a_sync)
{
	struct vm_page *page;

	core_set_up(0);
	page = core_grab(3, VM_GRAB_READ);
	core_put(4, 9);
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	CHECK_INT(core_in_file(4), 9);
	vm_page_release(page);
	core_tear_down();
}

static void *
sync_all(void *arg)
{
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	atomic_store((_Atomic int *)arg, 1);
	return NULL;
}

TEST(a_sync_waits_for_who_writes_a_dirty_page)
{
	_Atomic int done = 0;
	struct vm_page *page;
	pthread_t thread;

	core_set_up(0);
	core_put(3, 1);
	core_put(4, 1);
	page = core_grab(4, VM_GRAB_WRITE);
	CHECK_INT(pthread_create(&thread, NULL, sync_all, (void *)&done), 0);
	while (core_in_file(3) == 0)
		sched_yield();
	CHECK_INT(core_get(3, 1), 1);	/* not held while it waits */
	CHECK_INT(done, 0);
	((uint64_t *)vm_page_data(page))[1] = 2;
	vm_page_release(page);
	CHECK_INT(pthread_join(thread, NULL), 0);
	CHECK_INT(core_in_file(4), 2);
	core_tear_down();
}

/* -- pages that are not valid as a whole ----------------------------------- */

enum { BLOCK = 512, OLD = 0x11, GARBAGE = 0xee };

static void
fill_file(uint64_t pindex)
{
	char bytes[PAGE];

	memset(bytes, OLD, sizeof(bytes));
	CHECK(pwrite(core_fd, bytes, PAGE, (off_t)(pindex * PAGE)) == PAGE);
}

/* A resident page in which nobody knows what is, held exclusively. */
static struct vm_page *
unknown_page(uint64_t pindex)
{
	struct vm_page *page = core_grab(pindex, VM_GRAB_WRITE);

	CHECK_INT(vm_content_set_invalid(page, 0, PAGE), 0);
	memset(vm_page_data(page), GARBAGE, PAGE);
	return page;
}

/* 100 bytes at 700 of a page, of which nothing else was brought. */
static struct vm_page *
write_piece(uint64_t pindex)
{
	struct vm_page *page = unknown_page(pindex);

	memset((char *)vm_page_data(page) + 700, 7, 100);
	CHECK_INT(vm_content_set_dirty(page, 700, 100), 0);
	CHECK_INT(page->dirty, 2);
	CHECK_INT(page->valid, 0);
	return page;
}

static int
expected(unsigned at, int rest)
{
	if (at / BLOCK != 1)
		return rest;
	return at >= 700 && at < 800 ? 7 : 0;
}

static void
check_file(uint64_t pindex, int rest)
{
	unsigned char bytes[PAGE];

	CHECK(pread(core_fd, bytes, PAGE, (off_t)(pindex * PAGE)) == PAGE);
	for (unsigned i = 0; i < PAGE; i++)
		CHECK_INT(bytes[i], expected(i, rest));
}

TEST(of_a_page_that_was_not_read_only_the_dirty_block_is_written)
{
	struct vm_page *page;

	core_set_up(0);
	fill_file(3);
	page = write_piece(3);
	vm_page_release(page);
	launder_all();
	check_file(3, OLD);
	CHECK_INT(object->dirty, 0);
	CHECK_INT(page->valid, 0);
	CHECK_INT(writes(), 1);
	audit(vm);
	core_tear_down();
}

/* Neighbours that are whole are one write before it and one behind it. */
TEST(a_partly_valid_page_is_a_write_of_its_own)
{
	core_set_up(0);
	fill_file(12);
	for (uint64_t i = 10; i < 15; i++)
		if (i != 12)
			core_put(i, i);
	vm_page_release(write_piece(12));
	launder_all();
	CHECK_INT(writes(), 3);
	check_file(12, OLD);
	for (uint64_t i = 10; i < 15; i++)
		CHECK(i == 12 || core_in_file(i) == i);
	core_tear_down();
}

TEST(when_the_rest_cannot_be_read_the_page_stays_dirty)
{
	struct vm_page *page;

	core_set_up(0);
	fill_file(3);
	page = write_piece(3);
	vm_page_release(page);
	atomic_store(&faulty.bad_from, 3 * PAGE);
	atomic_store(&faulty.bad_end, 4 * PAGE);
	CHECK_INT(vm_launder_range(object, 0, UINT64_MAX, 0), -EIO);
	CHECK_INT(page->dirty, 2);
	CHECK_INT(object->write_errors, 1);
	atomic_store(&faulty.bad_end, 0);
	atomic_store(&faulty.write_errno, ENOSPC);
	CHECK_INT(vm_launder_range(object, 0, UINT64_MAX, 0), -ENOSPC);
	CHECK_INT(page->dirty, 2);
	atomic_store(&faulty.write_errno, 0);
	launder_all();
	check_file(3, OLD);
	core_tear_down();
}

/* Swap has no room for the page before: what is there is somebody else's. */
TEST(what_swap_never_had_is_zeros_around_the_dirty_block)
{
	struct vm_page *page;
	unsigned char *bytes;

	core_create(0);
	CHECK_INT(vm_object_create_anon(vm, FILE_PAGES * PAGE, 0, &object),
	    0);
	core_fd = -1;
	core_put(9, 9);
	CHECK_INT(vm_object_flush(object, 0, VM_LENGTH_ALL), 0);
	object->pager->ops->forget(object->pager, 9, 1);
	vm_page_release(write_piece(3));
	launder_all();
	CHECK_INT(vm_evict_range(object, 3, 4, 0), 0);
	page = core_grab(3, VM_GRAB_READ);
	bytes = vm_page_data(page);
	for (unsigned i = 0; i < PAGE; i++)
		CHECK_INT(bytes[i], expected(i, 0));
	vm_page_release(page);
	core_tear_down();
}

TEST(a_piece_for_which_swap_has_no_room_stays_dirty)
{
	struct vm_options o = VM_OPTIONS_INIT;
	struct vm_page *page;

	faulty_reset();
	o.resident_max_bytes = CORE_LIMIT_PAGES * PAGE;
	o.swap_directory = core_directory();
	o.swap_max_bytes = PAGE;
	CHECK_INT(vm_create_on(&o, &faulty_os, &pmap_nobody, &vm), 0);
	CHECK_INT(vm_object_create_anon(vm, FILE_PAGES * PAGE, 0, &object),
	    0);
	core_fd = -1;
	core_put(9, 9);
	launder_all();
	page = write_piece(3);
	vm_page_release(page);
	CHECK_INT(vm_launder_range(object, 0, UINT64_MAX, 0), -ENOSPC);
	CHECK_INT(page->dirty, 2);
	CHECK_INT(object->dirty, 1);
	object->pager->ops->forget(object->pager, 9, 1);
	launder_all();
	CHECK_INT(object->dirty, 0);
	audit(vm);
	core_tear_down();
}

/* A page of bytes that do not repeat, or the same with the dirty block. */
static int
uneven(unsigned at, bool changed)
{
	return changed && at / BLOCK == 1 ? expected(at, 0) :
	    (int)(at % 251);
}

/* Swap has room for this one page, so its place is written over: half of it
 * comes there, and an error. */
static void
tear_a_write(struct vm_page *page)
{
	unsigned char half[PAGE / 2];

	atomic_store(&faulty.write_errno, EIO);
	CHECK_INT(vm_launder_range(object, 0, UINT64_MAX, 0), -EIO);
	for (unsigned i = 0; i < sizeof(half); i++)
		half[i] = (unsigned char)uneven(i, true);
	CHECK(pwrite(atomic_load(&vm->swap->file[0].backing.out[
	    VM_BACKING_PLAIN]), half, sizeof(half), 0) == sizeof(half));
	CHECK(page->dirty != 0);
	atomic_store(&faulty.write_errno, 0);
}

/* What the page had in swap is good no more: the rest of it is in memory. */
TEST(a_piece_whose_write_over_its_old_place_fails_halfway_loses_nothing)
{
	struct vm_options o = VM_OPTIONS_INIT;
	struct vm_page *page;

	faulty_reset();
	o.resident_max_bytes = CORE_LIMIT_PAGES * PAGE;
	o.swap_directory = core_directory();
	o.swap_max_bytes = PAGE;
	CHECK_INT(vm_create_on(&o, &faulty_os, &pmap_nobody, &vm), 0);
	CHECK_INT(vm_object_create_anon(vm, FILE_PAGES * PAGE, 0, &object),
	    0);
	core_fd = -1;
	page = core_grab(3, VM_GRAB_WRITE);
	for (unsigned i = 0; i < PAGE; i++)
		((unsigned char *)vm_page_data(page))[i] =
		    (unsigned char)uneven(i, false);
	vm_page_dirty(page, 0, PAGE);
	vm_page_release(page);
	launder_all();
	CHECK_INT(vm_evict_range(object, 3, 4, 0), 0);
	for (unsigned round = 0; round < 2; round++) {
		page = write_piece(3);
		vm_page_release(page);
		tear_a_write(page);
		audit(vm);
		page = core_grab(3, VM_GRAB_READ);
		for (unsigned i = 0; i < PAGE; i++)
			CHECK_INT(((unsigned char *)vm_page_data(page))[i],
			    uneven(i, true));
		vm_page_release(page);
		launder_all();
		CHECK_INT(vm_evict_range(object, 3, 4, 0), 0);
	}
	core_tear_down();
}

TEST(partly_valid_victims_leave_when_they_are_written)
{
	struct vm_page *page[2];
	struct vm_laundry *laundry;

	core_set_up(0);
	fill_file(3);
	page[0] = write_piece(3);
	vm_page_release(page[0]);
	core_put(4, 4);
	CHECK_INT(vm_laundry_new(vm, &laundry), 0);
	page[0] = vm_object_lock_page(object, 3);
	page[1] = vm_object_lock_page(object, 4);
	vm_laundry_add(laundry, page, 2, (bool[]){ true, true });
	CHECK_INT(vm_laundry_finish(laundry), 0);
	CHECK_INT(vm_laundry_evicted(laundry), 2);
	vm_laundry_free(laundry);
	CHECK(!core_resident(3) && !core_resident(4));
	check_file(3, OLD);
	CHECK_INT(core_in_file(4), 4);
	audit(vm);
	core_tear_down();
}

/* -- precious, and not to be synced ---------------------------------------- */

/* Clean, and other bytes than the file has. */
static struct vm_page *
precious_page(uint64_t pindex)
{
	struct vm_page *page = core_grab(pindex, VM_GRAB_WRITE);

	((uint64_t *)vm_page_data(page))[1] = pindex;
	vm_content_set_precious(page, true);
	CHECK_INT(page->dirty, 0);
	vm_page_release(page);
	return page;
}

TEST(a_precious_page_is_written_although_it_is_clean)
{
	struct vm_page *page;

	core_set_up(0);
	page = precious_page(3);
	CHECK_INT(core_get(4, 0), 4);
	launder_all();
	CHECK_INT(core_in_file(3), 3);
	CHECK_INT(writes(), 1);
	CHECK(!vm_page_has_flag(page, VM_PGA_PRECIOUS));
	launder_all();
	CHECK_INT(writes(), 1);		/* the pager has it now */
	core_tear_down();
}

TEST(a_precious_page_that_cannot_be_written_stays_precious)
{
	struct vm_page *page;

	core_set_up(0);
	page = precious_page(3);
	atomic_store(&faulty.write_errno, EIO);
	CHECK_INT(vm_launder_range(object, 0, UINT64_MAX, 0), -EIO);
	CHECK(vm_page_has_flag(page, VM_PGA_PRECIOUS));
	CHECK(core_resident(3));
	atomic_store(&faulty.write_errno, 0);
	core_tear_down();		/* destroying it writes it */
}

TEST(dropping_clean_pages_keeps_precious_ones)
{
	core_set_up(0);
	(void)precious_page(3);
	CHECK_INT(core_get(4, 0), 4);
	CHECK_INT(vm_evict_range(object, 0, UINT64_MAX, 0), 0);
	CHECK(core_resident(3) && !core_resident(4));
	CHECK_INT(core_get(3, 1), 3);
	core_tear_down();
}

TEST(destroying_the_object_writes_its_precious_pages)
{
	core_set_up(0);
	(void)precious_page(3);
	CHECK_INT(vm_object_destroy(object), 0);
	CHECK_INT(core_in_file(3), 3);
	CHECK_INT(vm_destroy(vm), 0);
	close(core_fd);
	faulty_check_clean();
}

TEST(a_nosync_page_is_passed_over_by_a_flush_of_everything)
{
	struct vm_page *page;

	core_set_up(0);
	core_put(3, 3);
	core_put(4, 4);
	page = core_grab(3, VM_GRAB_WRITE);
	vm_page_set_flag(page, VM_PGA_NOSYNC, true);
	vm_page_release(page);
	CHECK_INT(vm_object_flush(object, 0, VM_LENGTH_ALL), 0);
	CHECK_INT(core_in_file(3), 0);
	CHECK_INT(core_in_file(4), 4);
	CHECK_INT(object->dirty, 1);
	CHECK_INT(vm_object_flush(object, 3 * PAGE, PAGE), 0);
	CHECK_INT(core_in_file(3), 3);
	core_put(3, 4);
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	CHECK_INT(core_in_file(3), 4);
	core_put(3, 5);
	CHECK_INT(vm_object_destroy(object), 0);
	CHECK_INT(core_in_file(3), 5);
	CHECK_INT(vm_destroy(vm), 0);
	close(core_fd);
	faulty_check_clean();
}

/* Mach's vm_page_laundry_count, and what is in flight. */
TEST(what_is_in_the_laundry_is_counted_and_nothing_is_left)
{
	core_set_up(0);
	for (uint64_t i = 0; i < 10; i++)
		core_put(i, i + 1);
	atomic_store(&faulty.write_errno, EIO);
	CHECK_INT(vm_launder_range(object, 0, UINT64_MAX, 0), -EIO);
	atomic_store(&faulty.write_errno, 0);
	launder_all();
	for (int kind = 0; kind < 2; kind++)
		CHECK_INT(atomic_load(&vm->limit.laundry[kind]), 0);
	core_tear_down();
}

/* Two syncs and the daemon over one object never wait for each other. */
enum { THREADS = 3, ROUNDS = 100 };

static void *
dirty_and_sync(void *arg)
{
	for (uint64_t i = 0; i < ROUNDS; i++) {
		for (uint64_t at = 0; at < FILE_PAGES; at += 3)
			core_put((at + i) % FILE_PAGES, 1);
		CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	}
	return arg;
}

TEST(several_syncs_at_once_come_to_an_end)
{
	pthread_t thread[THREADS];

	core_set_up(VM_OBJECT_STORE);
	for (int i = 0; i < THREADS; i++)
		CHECK_INT(pthread_create(&thread[i], NULL, dirty_and_sync,
		    NULL), 0);
	for (int i = 0; i < THREADS; i++)
		CHECK_INT(pthread_join(thread[i], NULL), 0);
	audit(vm);
	core_tear_down();
}
