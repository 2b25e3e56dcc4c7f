/* SPDX-License-Identifier: BSD-2-Clause */
/* Options and figures of swap, through the API; faults that lose nothing. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>

#include "one_object.h"
#include "pager/pack.h"

/* FEW: nothing of them goes out by itself. */
enum { PAGES = 200, LIMIT = 64, FEW = 10 };

/* Each page says which it is, in half of its bytes, in no order that could be
 * made shorter. */
static void
fill(char *page, uint64_t number)
{
	uint64_t x = number * 2654435761u + 1;

	memset(page, 'p', PAGE);
	for (unsigned i = 0; i < PAGE / 2; i++) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		page[i] = (char)(x >> 56);
	}
}

static int
make(const struct vm_options *more)
{
	struct vm_options o = *more;

	o.resident_max_bytes = LIMIT * PAGE;
	o.swap_directory = core_directory();
	return vm_create(&o, &vm);
}

static void
write_all(uint64_t from)
{
	for (uint64_t i = 0; i < PAGES; i++) {
		struct vm_page *page = core_grab(i, VM_GRAB_WRITE);

		fill(vm_page_data(page), from + i);
		vm_page_dirty(page, 0, PAGE);
		vm_page_release(page);
	}
}

static void
must_be(uint64_t pindex, uint64_t number)
{
	struct vm_page *page = core_grab(pindex, VM_GRAB_READ);
	char wanted[PAGE];

	fill(wanted, number);
	CHECK(memcmp(vm_page_data(page), wanted, PAGE) == 0);
	vm_page_release(page);
}

static void
must_be_all(uint64_t from)
{
	for (uint64_t i = 0; i < PAGES; i++)
		must_be(i, from + i);
}

static void
anon(void)
{
	CHECK_INT(vm_object_create_anon(vm, PAGES * PAGE, 0, &object), 0);
}

static struct vm_swap_stat
look(void)
{
	struct vm_swap_stat stat = VM_SWAP_STAT_INIT;

	CHECK_INT(vm_swap_stat(vm, &stat), 0);
	return stat;
}

static void
end(void)
{
	CHECK_INT(vm_object_destroy(object), 0);
	CHECK_INT(look().file_pages + look().packed_pages, 0);
	CHECK_INT(vm_destroy(vm), 0);
}

#define REFUSED(error, options, words) do {                                   \
	CHECK_INT(make(options), -(error));                                   \
	CHECK(strstr(vm_last_error(), words) != NULL);                        \
} while (0)

TEST(swap_needs_sensible_options)
{
	static const struct vm_swap_file files[VM_SWAP_FILES + 1];
	struct vm_options o = VM_OPTIONS_INIT;

	o.swap_file_count = VM_SWAP_FILES + 1;
	o.swap_files = files;
	REFUSED(EINVAL, &o, "9 swap files");
	o.swap_file_count = 1;
	o.swap_files = NULL;
	REFUSED(EINVAL, &o, "NULL");
	o.swap_file_count = 0;
	if (!vm_pack_able())
		return;
	o.swap_compress_bytes = 65535;
	REFUSED(EINVAL, &o, "65535 bytes");
	o.swap_compress_bytes = LIMIT / 2 * PAGE + 1;
	REFUSED(EINVAL, &o, "compressed");
}

TEST(figures_need_a_system_and_a_size)
{
	struct vm_options o = VM_OPTIONS_INIT;
	struct vm_swap_stat stat = VM_SWAP_STAT_INIT;

	CHECK_INT(vm_swap_stat(NULL, &stat), -EINVAL);
	CHECK_INT(make(&o), 0);
	CHECK_INT(vm_swap_stat(vm, NULL), -EINVAL);
	stat.size_bytes = 0;
	CHECK_INT(vm_swap_stat(vm, &stat), -EINVAL);
	CHECK_INT(vm_destroy(vm), 0);
}

TEST(more_memory_than_there_is_comes_back_as_it_was)
{
	struct vm_options o = VM_OPTIONS_INIT;

	for (unsigned kind = 0; kind < 4; kind++) {
		int error;

		o.swap_compress_bytes = kind & 1 ? 20 * PAGE : 0;
		o.flags = kind & 2 ? VM_SWAP_ENCRYPT : 0;
		error = make(&o);
		if (error == -ENOTSUP)
			continue;
		CHECK_INT(error, 0);
		anon();
		write_all(0);
		must_be_all(0);
		CHECK(look().file_pages > 50);
		CHECK((look().packed > 20) == (kind & 1));
		write_all(1000);
		must_be_all(1000);
		CHECK_INT(look().sum_errors + look().lost_pages, 0);
		end();
	}
}

TEST(compressed_pages_are_within_the_limit)
{
	struct vm_options o = VM_OPTIONS_INIT;
	struct vm_stat stat = VM_STAT_INIT;
	uint64_t above;

	o.swap_compress_bytes = 20 * PAGE;
	if (make(&o) == -ENOTSUP)
		CHECK_SKIP("built without lz4");
	CHECK_INT(vm_stat(vm, &stat), 0);
	CHECK_INT(stat.limit_pages, LIMIT - 20);
	CHECK_INT(stat.stolen_pages, 20);
	CHECK_INT(vm_set_limit(vm, 50 * PAGE, &above), 0);
	CHECK_INT(vm_stat(vm, &stat), 0);
	CHECK_INT(stat.limit_pages, 30);
	CHECK_INT(vm_set_limit(vm, LIMIT * PAGE, &above), 0);
	CHECK_INT(vm_set_limit(vm, 35 * PAGE, &above), -EINVAL);
	CHECK_INT(vm_set_limit(vm, 1, &above), -EINVAL);
	CHECK_INT(vm_destroy(vm), 0);
}

TEST(what_swap_has_of_a_page_that_changes_is_given_up)
{
	struct vm_options o = VM_OPTIONS_INIT;
	uint64_t before;

	CHECK_INT(make(&o), 0);
	CHECK_INT(vm_object_create_anon(vm, FEW * PAGE, 0, &object), 0);
	for (uint64_t i = 0; i < 2 * FEW; i++) {
		struct vm_page *page = core_grab(i % FEW, VM_GRAB_WRITE);

		before = look().file_pages;
		CHECK_INT(before, i < FEW ? 0 : 2 * FEW - i);
		fill(vm_page_data(page), i);
		vm_page_dirty(page, 0, PAGE);
		CHECK_INT(look().file_pages, before - (before != 0));
		vm_page_release(page);
		if (i == FEW - 1)
			CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	}
	end();
}

static bool
somebody_found_no_room(void)
{
	struct vm_stat stat = VM_STAT_INIT;

	CHECK_INT(vm_stat(vm, &stat), 0);
	return stat.no_room_pages != 0;
}

static int
level_now(void)
{
	struct vm_stat stat = VM_STAT_INIT;

	CHECK_INT(vm_stat(vm, &stat), 0);
	return (int)stat.pressure_level;
}

/* There is room for half of what does not fit.  Where the disk is slow, who
 * waits is told before swap is full: he tries again.  What is in swap comes
 * back when there is memory to bring it to. */
TEST(a_full_swap_pauses_who_writes_and_loses_nothing)
{
	struct vm_swap_file file = { .directory = core_directory(),
		.max_bytes = (PAGES - LIMIT) / 2 * PAGE };
	struct vm_options o = VM_OPTIONS_INIT;
	struct vm_page *page;
	uint64_t written = 0;
	int error = 0;

	o.swap_files = &file;
	o.swap_file_count = 1;
	o.wait_max_ns = 20 * 1000 * 1000;	/* 20 ms: in vain */
	o.grow_max_bytes = 2 * PAGES * PAGE;
	CHECK_INT(make(&o), 0);
	anon();
	while (written < PAGES) {
		error = vm_page_grab(object, written, VM_GRAB_WRITE, &page);
		if (error == -ENOMEM && !somebody_found_no_room())
			continue;
		if (error != 0)
			break;
		fill(vm_page_data(page), written++);
		vm_page_dirty(page, 0, PAGE);
		vm_page_release(page);
	}
	CHECK_INT(error, -ENOMEM);
	CHECK(written >= (PAGES - LIMIT) / 2);
	CHECK(vm_last_error()[0] != '\0');
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), -ENOSPC);
	CHECK_INT(vm_set_limit(vm, o.grow_max_bytes, NULL), 0);
	for (uint64_t i = 0; i < written; i++)
		must_be(i, i);
	end();
}

/* Of swap that has SWAP pages another object has OTHERS at first; the limit and
 * the rest are too little for MORE, the limit and all of it are not. */
enum { SWAP = 100, OTHERS = 90, MORE = 120 };

static _Atomic bool critical;

static void
hear_level(void *arg, int level)
{
	(void)arg;
	if (level == VM_PRESSURE_CRITICAL)
		atomic_store(&critical, true);
}

static struct vm_object *
take_most_of_swap(void)
{
	struct vm_object *other;
	struct vm_page *page;

	CHECK_INT(vm_object_create_anon(vm, OTHERS * PAGE, 0, &other), 0);
	for (uint64_t i = 0; i < OTHERS; i++) {
		CHECK_INT(vm_page_grab(other, i, VM_GRAB_WRITE, &page), 0);
		fill(vm_page_data(page), OTHERS - i);
		vm_page_dirty(page, 0, PAGE);
		vm_page_release(page);
	}
	CHECK_INT(vm_object_sync(other, 0, VM_LENGTH_ALL), 0);
	return other;
}

/* Given up now and then, if it takes others longer than that to make room. */
static void *
write_more(void *arg)
{
	struct vm_page *page;

	(void)arg;
	for (uint64_t i = 0; i < MORE; i++) {
		int error;

		do
			error = vm_page_grab(object, i, VM_GRAB_WRITE, &page);
		while (error == -ENOMEM);
		CHECK_INT(error, 0);
		fill(vm_page_data(page), i);
		vm_page_dirty(page, 0, PAGE);
		vm_page_release(page);
	}
	return NULL;
}

TEST(who_waits_for_full_swap_goes_on_by_himself_when_there_is_room)
{
	struct vm_swap_file file = { .directory = core_directory(),
		.max_bytes = SWAP * PAGE };
	struct vm_options o = VM_OPTIONS_INIT;
	struct vm_object *other;
	pthread_t writer;

	o.swap_files = &file;
	o.swap_file_count = 1;
	o.pressure = hear_level;
	atomic_store(&critical, false);
	CHECK_INT(make(&o), 0);
	CHECK_INT(level_now(), VM_PRESSURE_NONE);
	other = take_most_of_swap();
	CHECK_INT(vm_object_create_anon(vm, MORE * PAGE, 0, &object), 0);
	CHECK_INT(pthread_create(&writer, NULL, write_more, NULL), 0);
	/* A slow disk may have been critical before. */
	while (!atomic_load(&critical) || !somebody_found_no_room() ||
	    level_now() != VM_PRESSURE_CRITICAL)
		sched_yield();
	CHECK_INT(vm_object_destroy(other), 0);
	CHECK_INT(pthread_join(writer, NULL), 0);
	for (uint64_t i = 0; i < MORE; i++)
		must_be(i, i);
	end();
}

/* Every write of swap fails for a while. */
TEST(a_failing_swap_keeps_pages_dirty)
{
	struct vm_page *page;

	core_create(0);
	core_new_file();
	CHECK_INT(vm_object_create_anon(vm, PAGES * PAGE, 0, &object), 0);
	for (uint64_t i = 0; i < 5; i++) {
		page = core_grab(i, VM_GRAB_WRITE);
		fill(vm_page_data(page), i);
		vm_page_dirty(page, 0, PAGE);
		vm_page_release(page);
	}
	faulty.write_errno = EIO;
	for (unsigned i = 0; i < 5; i++)
		CHECK_INT(vm_object_flush(object, 0, VM_LENGTH_ALL), -EIO);
	faulty.write_errno = 0;
	CHECK_INT(vm_object_flush(object, 0, VM_LENGTH_ALL), 0);
	for (uint64_t i = 0; i < 5; i++) {
		char wanted[PAGE];

		page = core_grab(i, VM_GRAB_READ);
		fill(wanted, i);
		CHECK(memcmp(vm_page_data(page), wanted, PAGE) == 0);
		vm_page_release(page);
	}
	core_tear_down();
}
