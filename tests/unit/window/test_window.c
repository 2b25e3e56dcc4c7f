/* SPDX-License-Identifier: BSD-2-Clause */
/* Windows over held pages: lists, neighbours, copies, whose an address is. */
#include "window/window.h"

#include <pthread.h>
#include <resident/memory.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "audit.h"
#include "one_object.h"

enum { N = 4 };

static struct vm_page *pages[N];
static struct vm_window *window;

/* Pages of the object whose frames are no neighbours. */
static void
grab_apart(unsigned how)
{
	for (unsigned i = 0; i < N; i++)
		pages[i] = core_grab(2 * (N - i), how);
}

static void
grab_row(unsigned how)
{
	CHECK_INT(vm_page_grab_contig(object, 10, N, how, pages), 0);
}

static char *
bytes_of(unsigned i)
{
	return vm_page_data(pages[i]);
}

static void
fill_pages(int byte)
{
	for (unsigned i = 0; i < N; i++)
		memset(bytes_of(i), byte + (int)i, PAGE);
}

static void
check_bytes(const char *bytes, int byte, size_t count)
{
	for (size_t i = 0; i < count; i++)
		CHECK_INT(bytes[i], byte);
}

static void
open_window(unsigned flags)
{
	CHECK_INT(vm_window_open(vm, pages, N, flags, &window), 0);
}

static uint64_t
memory_used(void)
{
	struct vm_memory_stat now = VM_MEMORY_STAT_INIT;

	CHECK_INT(vm_memory_stat(vm, &now), 0);
	return now.used_bytes;
}

static void
close_window(uint64_t moved)
{
	CHECK_INT(vm_window_close(window, N, moved), 0);
	vm_page_release_many(pages, N);
	CHECK_INT(memory_used(), 0);
	audit(vm);
	core_tear_down();
}

TEST(neighbours_are_one_piece_of_their_own_bytes)
{
	const struct iovec *iov;

	core_set_up(0);
	grab_row(VM_GRAB_WRITE);
	open_window(VM_WINDOW_READ | VM_WINDOW_BOUNCE);
	CHECK(vm_window_base(window) == vm_page_data(pages[0]));
	CHECK_INT(vm_window_iovec(window, &iov), 1);
	CHECK(iov[0].iov_base == vm_page_data(pages[0]));
	CHECK_INT(iov[0].iov_len, N * PAGE);
	CHECK_INT(memory_used(), 0);
	memset(vm_window_base(window), 7, N * PAGE);
	check_bytes(bytes_of(3), 7, PAGE);
	close_window(0);
}

TEST(neighbours_in_a_store_are_one_piece_too)
{
	unsigned got;

	core_set_up(VM_OBJECT_STORE);
	CHECK_INT(vm_page_grab_many(object, 10, N, VM_GRAB_READ, pages,
	    &got), 0);
	open_window(VM_WINDOW_WRITE);
	CHECK(vm_window_base(window) == vm_page_data(pages[0]));
	close_window(0);
}

/* R45: no copy where a list will do. */
TEST(pages_that_are_apart_are_a_list)
{
	const struct iovec *iov;
	char bytes[N * PAGE];
	int n;

	core_set_up(0);
	grab_apart(VM_GRAB_WRITE);
	fill_pages(1);
	open_window(VM_WINDOW_WRITE);
	n = vm_window_iovec(window, &iov);
	CHECK(n >= 1 && n <= N);
	CHECK(n > 1 ? vm_window_base(window) == NULL : true);
	CHECK_INT(memory_used(), 0);
	CHECK_INT(pwritev(core_fd, iov, n, 50 * PAGE), N * PAGE);
	CHECK_INT(pread(core_fd, bytes, N * PAGE, 50 * PAGE), N * PAGE);
	for (unsigned i = 0; i < N; i++)
		check_bytes(bytes + (size_t)i * PAGE, 1 + (int)i, PAGE);
	close_window(N * PAGE);
}

/* Two that are certainly apart: the same order twice is no row. */
static void
grab_backwards(unsigned how)
{
	struct vm_page *row[N];

	CHECK_INT(vm_page_grab_contig(object, 10, N, how, row), 0);
	for (unsigned i = 0; i < N; i++)
		pages[i] = row[N - 1 - i];
}

/* R45: a copy has the old bytes, and those that a read does not bring stay. */
TEST(a_short_read_leaves_the_rest_as_it_was)
{
	char *base;

	core_set_up(0);
	grab_backwards(VM_GRAB_WRITE);
	fill_pages(1);
	open_window(VM_WINDOW_READ | VM_WINDOW_BOUNCE);
	base = vm_window_base(window);
	CHECK(base != NULL && base != bytes_of(0) && base != bytes_of(3));
	CHECK_INT(memory_used(), N * PAGE);
	for (unsigned i = 0; i < N; i++)
		check_bytes(base + (size_t)i * PAGE, 1 + (int)i, PAGE);
	/* The transfer brings some bytes here and there. */
	memset(base + 100, 9, 50);
	memset(base + PAGE, 9, 10);
	/* And these after its end, which do not count. */
	memset(base + 2 * PAGE + 100, 9, 50);
	CHECK_INT(vm_window_close(window, N, 2 * PAGE + 100), 0);
	check_bytes(bytes_of(0), 1, 100);
	check_bytes(bytes_of(0) + 100, 9, 50);
	check_bytes(bytes_of(0) + 150, 1, PAGE - 150);
	check_bytes(bytes_of(1), 9, 10);
	check_bytes(bytes_of(1) + 10, 2, PAGE - 10);
	check_bytes(bytes_of(2), 3, PAGE);
	check_bytes(bytes_of(3), 4, PAGE);
	open_window(VM_WINDOW_WRITE);
	close_window(0);
}

/* R46. */
TEST(a_window_to_write_brings_nothing_back)
{
	core_set_up(0);
	grab_backwards(VM_GRAB_WRITE);
	fill_pages(1);
	open_window(VM_WINDOW_WRITE | VM_WINDOW_BOUNCE);
	memset(vm_window_base(window), 9, N * PAGE);
	CHECK_INT(vm_window_close(window, N, N * PAGE), 0);
	for (unsigned i = 0; i < N; i++)
		check_bytes(bytes_of(i), 1 + (int)i, PAGE);
	open_window(VM_WINDOW_WRITE);
	close_window(0);
}

/* R46: no part of it. */
TEST(a_window_is_closed_as_a_whole)
{
	core_set_up(0);
	grab_backwards(VM_GRAB_WRITE);
	open_window(VM_WINDOW_READ | VM_WINDOW_BOUNCE);
	memset(vm_window_base(window), 9, N * PAGE);
	CHECK_INT(vm_window_close(window, N - 1, PAGE), -EINVAL);
	CHECK_INT(vm_window_close(window, N + 1, PAGE), -EINVAL);
	CHECK_INT(vm_window_close(window, N, N * PAGE + 1), -EINVAL);
	CHECK_INT(vm_windows_open(vm), 1);
	CHECK(vm_window_page(vm, vm_window_base(window), NULL) == pages[0]);
	CHECK_INT(vm_window_close(window, N, N * PAGE), 0);
	check_bytes(bytes_of(3), 9, PAGE);
	CHECK_INT(vm_windows_open(vm), 0);
	vm_page_release_many(pages, N);
	core_tear_down();
}

static void
check_addresses(char *base)
{
	for (uint32_t at = 0; at < N * PAGE; at += 97) {
		uint32_t offset = UINT32_MAX;

		CHECK(vm_window_page(vm, base + at, &offset) ==
		    pages[at / PAGE]);
		CHECK_INT(offset, at % PAGE);
	}
	CHECK(vm_window_page(vm, base + N * PAGE - 1, NULL) == pages[N - 1]);
	CHECK(vm_window_page(vm, base + N * PAGE, NULL) == NULL);
	CHECK(vm_window_page(vm, base - 1, NULL) == NULL);
}

/* R47. */
TEST(every_address_of_a_window_has_its_page)
{
	uint32_t offset = 5;
	char *base;

	core_set_up(0);
	grab_backwards(VM_GRAB_WRITE);
	open_window(VM_WINDOW_READ | VM_WINDOW_BOUNCE);
	base = vm_window_base(window);
	check_addresses(base);
	CHECK(vm_window_page(vm, bytes_of(1), &offset) == NULL);
	CHECK_INT(offset, 5);
	CHECK_INT(vm_window_close(window, N, 0), 0);
	CHECK(vm_window_page(vm, base, NULL) == NULL);
	vm_page_release_many(pages, N);
	grab_row(VM_GRAB_READ);
	open_window(VM_WINDOW_WRITE);
	check_addresses(vm_window_base(window));
	close_window(0);
}

TEST(two_windows_may_show_the_same_page)
{
	struct vm_window *other;

	core_set_up(0);
	grab_row(VM_GRAB_READ);
	open_window(VM_WINDOW_WRITE);
	CHECK_INT(vm_window_open(vm, pages, 1, VM_WINDOW_WRITE, &other), 0);
	CHECK_INT(vm_windows_open(vm), 2);
	CHECK_INT(vm_window_close(other, 1, 0), 0);
	CHECK(vm_window_page(vm, bytes_of(0), NULL) == pages[0]);
	close_window(0);
}

/* ---- many ---------------------------------------------------------------- */

enum { MANY = 10000 };

static unsigned
longest_bucket(void)
{
	unsigned longest = 0;

	for (uint32_t i = 0; i < vm->windows->bucket_count; i++) {
		struct vm_list *bucket = &vm->windows->bucket[i];
		struct vm_node *node = vm_list_first(bucket);
		unsigned n = 0;

		for (; node != NULL; node = vm_list_next(bucket, node))
			n++;
		longest = n > longest ? n : longest;
	}
	return longest;
}

/* R47: what is looked through does not grow with their number. */
TEST(ten_thousand_windows_are_not_looked_through)
{
	static struct vm_window *windows[MANY];
	static struct vm_page *page[MANY];
	struct vm_options o = VM_OPTIONS_INIT;

	faulty_reset();
	o.resident_max_bytes = (uint64_t)(2 * MANY) * PAGE;
	o.swap_directory = core_directory();
	CHECK_INT(vm_create_on(&o, &faulty_os, &pmap_nobody, &vm), 0);
	for (unsigned i = 0; i < MANY; i++) {
		CHECK_INT(vm_page_alloc(vm, 0, &page[i]), 0);
		CHECK_INT(vm_window_open(vm, &page[i], 1, VM_WINDOW_READ,
		    &windows[i]), 0);
	}
	CHECK(vm->windows->bucket_count >= MANY / 2);
	CHECK(longest_bucket() <= 16);
	for (unsigned i = 0; i < MANY; i++)
		CHECK(vm_window_page(vm, vm_page_data(page[i]), NULL) ==
		    page[i]);
	for (unsigned i = 0; i < MANY; i++) {
		CHECK_INT(vm_window_close(windows[i], 1, 0), 0);
		CHECK(vm_window_page(vm, vm_page_data(page[i]), NULL) ==
		    NULL);
		vm_page_free(page[i], 0);
	}
	CHECK_INT(vm->windows->places, 0);
	CHECK_INT(vm_destroy(vm), 0);
	faulty_check_clean();
}

enum { THREADS = 4, ROUNDS = 300, EACH = 64 };

static void *
open_and_close(void *arg)
{
	struct vm_window *mine[EACH];
	struct vm_page *page = arg;

	for (unsigned round = 0; round < ROUNDS; round++) {
		for (unsigned i = 0; i < EACH; i++)
			CHECK_INT(vm_window_open(vm, &page, 1,
			    VM_WINDOW_READ, &mine[i]), 0);
		CHECK(vm_window_page(vm, vm_page_data(page), NULL) == page);
		for (unsigned i = 0; i < EACH; i++)
			CHECK_INT(vm_window_close(mine[i], 1, 0), 0);
		CHECK(vm_window_page(vm, vm_page_data(page), NULL) == NULL);
	}
	return NULL;
}

TEST(threads_open_and_close_while_the_table_grows)
{
	struct vm_page *page[THREADS];
	pthread_t thread[THREADS];

	core_create(0);
	for (unsigned i = 0; i < THREADS; i++) {
		CHECK_INT(vm_page_alloc(vm, 0, &page[i]), 0);
		CHECK_INT(pthread_create(&thread[i], NULL, open_and_close,
		    page[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		CHECK_INT(pthread_join(thread[i], NULL), 0);
	for (unsigned i = 0; i < THREADS; i++)
		vm_page_free(page[i], 0);
	CHECK_INT(vm->windows->places, 0);
	CHECK_INT(vm_destroy(vm), 0);
	faulty_check_clean();
}

/* ---- what cannot be ------------------------------------------------------ */

TEST(without_memory_there_is_no_copy_but_a_list)
{
	struct vm_page *own[CORE_LIMIT_PAGES];
	unsigned owned = 0;

	core_set_up(0);
	grab_backwards(VM_GRAB_WRITE);
	while (vm_page_alloc(vm, VM_ALLOC_INTERRUPT, &own[owned]) == 0)
		owned++;
	CHECK_INT(vm_window_open(vm, pages, N, VM_WINDOW_READ |
	    VM_WINDOW_BOUNCE, &window), -ENOMEM);
	CHECK_INT(vm_windows_open(vm), 0);
	open_window(VM_WINDOW_READ);
	while (owned > 0)
		vm_page_free(own[--owned], 0);
	close_window(N * PAGE);
}

TEST(each_call_that_fails_leaves_nothing_behind)
{
	core_set_up(0);
	grab_backwards(VM_GRAB_WRITE);
	for (unsigned at = 1;; at++) {
		int error;

		atomic_store(&faulty.calls, 0);
		atomic_store(&faulty.failed, NULL);
		atomic_store(&faulty.fail_at, at);
		error = vm_window_open(vm, pages, N, VM_WINDOW_READ |
		    VM_WINDOW_BOUNCE, &window);
		atomic_store(&faulty.fail_at, 0);
		if (atomic_load(&faulty.failed) == NULL) {
			CHECK_INT(error, 0);
			break;
		}
		if (error == 0)	/* it did without, as a table that is small */
			CHECK_INT(vm_window_close(window, N, 0), 0);
		else
			CHECK_INT(error, -ENOMEM);
		CHECK_INT(vm_windows_open(vm), 0);
		CHECK_INT(memory_used(), 0);
	}
	close_window(0);
}

TEST(a_page_without_bytes_is_in_no_window)
{
	struct vm_page *page;
	static _Alignas(4096) char memory[2 * PAGE];

	core_set_up(0);
	CHECK_INT(vm_page_more_fictitious(vm, 1), 1);
	CHECK_INT(vm_page_grab_fictitious(vm, &page), 0);
	CHECK_INT(vm_window_open(vm, &page, 1, VM_WINDOW_READ, &window),
	    -ENOTSUP);
	CHECK_INT(vm_window_open(vm, &page, 1, VM_WINDOW_READ |
	    VM_WINDOW_BOUNCE, &window), -ENOTSUP);
	/* These start where no page does: only a copy has addresses that tell
	 * pages apart. */
	vm_page_make_private(page, memory + 8);
	memset(memory, 3, sizeof(memory));
	CHECK_INT(vm_window_open(vm, &page, 1, VM_WINDOW_READ, &window),
	    -ENOTSUP);
	CHECK_INT(vm_window_open(vm, &page, 1, VM_WINDOW_READ |
	    VM_WINDOW_BOUNCE, &window), 0);
	check_bytes(vm_window_base(window), 3, PAGE);
	memset(vm_window_base(window), 4, PAGE);
	CHECK_INT(vm_window_close(window, 1, PAGE), 0);
	check_bytes(memory, 3, 8);
	check_bytes(memory + 8, 4, PAGE);
	check_bytes(memory + 8 + PAGE, 3, PAGE - 8);
	vm_page_free(page, 0);
	core_tear_down();
}

TEST(pages_that_nobody_holds_or_that_others_read_are_fatal)
{
	struct vm_page *page;

	core_set_up(0);
	page = core_grab(5, VM_GRAB_READ);
	CHECK_DIES((void)vm_window_open(vm, &page, 1, VM_WINDOW_READ,
	    &window));
	vm_page_release(page);
	CHECK_DIES((void)vm_window_open(vm, &page, 1, VM_WINDOW_WRITE,
	    &window));
	core_tear_down();
}

TEST(a_system_with_open_windows_is_not_destroyed)
{
	struct vm_page *page;

	core_create(0);
	CHECK_INT(vm_page_alloc(vm, 0, &page), 0);
	CHECK_INT(vm_window_open(vm, &page, 1, VM_WINDOW_READ, &window), 0);
	CHECK_INT(vm_destroy(vm), -EBUSY);
	CHECK_INT(vm_window_close(window, 1, 0), 0);
	vm_page_free(page, 0);
	CHECK_INT(vm_destroy(vm), 0);
	faulty_check_clean();
}

/* ---- our look at a store ------------------------------------------------- */

static bool
is_mapped(void *address)
{
	unsigned char vec;

	return mincore(address, PAGE, &vec) == 0;
}

/* R55: ubc_purge. */
TEST(a_stores_view_goes_and_comes_again)
{
	struct vm_page *page;
	void *bytes;
	int64_t purged;

	core_set_up(VM_OBJECT_STORE);
	CHECK_INT(vm_object_purge_windows(object), 0);
	core_put(5, 111);
	page = core_grab(5, VM_GRAB_READ);
	bytes = vm_page_data(page);
	vm_page_release(page);
	CHECK(is_mapped(bytes));
	purged = vm_object_purge_windows(object);
	CHECK(purged >= 6 * PAGE);
	CHECK(!is_mapped(bytes));
	CHECK_INT(object->store.view_count, 0);
	CHECK_INT(vm_page_busied(vm_page_lookup(object, 5)), 0);
	CHECK_INT(vm_object_purge_windows(object), 0);
	CHECK_INT(core_get(5, 1), 111);
	CHECK_INT(core_get(5, 0), 5);
	CHECK_INT(object->dirty, 1);
	core_tear_down();
}

TEST(a_view_that_a_window_shows_stays)
{
	unsigned got;

	core_set_up(VM_OBJECT_STORE);
	CHECK_INT(vm_page_grab_many(object, 10, N, VM_GRAB_READ, pages,
	    &got), 0);
	open_window(VM_WINDOW_WRITE);
	CHECK_INT(vm_object_purge_windows(object), -EBUSY);
	CHECK_INT(vm_window_close(window, N, 0), 0);
	vm_page_release_many(pages, N);
	CHECK(vm_object_purge_windows(object) > 0);
	core_tear_down();
	core_set_up(0);
	vm_page_release(core_grab(5, VM_GRAB_READ));
	CHECK_INT(vm_object_purge_windows(object), 0);
	core_tear_down();
}

static void *
purge(void *arg)
{
	*(int64_t *)arg = vm_object_purge_windows(object);
	return NULL;
}

TEST(a_purge_waits_for_who_holds_a_page)
{
	struct vm_page *page;
	pthread_t purger;
	int64_t purged = 0;

	core_set_up(VM_OBJECT_STORE);
	core_put(5, 111);
	page = core_grab(5, VM_GRAB_READ);
	CHECK_INT(pthread_create(&purger, NULL, purge, &purged), 0);
	while (!vm_slot_wanted(page->slot))
		vm->os->yield();
	CHECK_INT(((uint64_t *)vm_page_data(page))[1], 111);
	vm_page_release(page);
	CHECK_INT(pthread_join(purger, NULL), 0);
	CHECK(purged > 0);
	core_tear_down();
}
