/* SPDX-License-Identifier: BSD-2-Clause */
/* Looking at pages without taking them: what is seen, what is refused, what is
 * noticed, and that nothing is stored. */
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "../../one_object.h"

static struct vm_read look;

/* Page i, whose first word is i. */
static void
begin(uint64_t i)
{
	const uint64_t *data = vm_read_begin(object, i, &look);

	CHECK(data != NULL && data == look.data);
	CHECK_INT(data[0], i);
	CHECK(vm_read_valid(&look));
}

static bool
is_refused(uint64_t i)
{
	struct vm_read read;

	return vm_read_begin(object, i, &read) == NULL;
}

static void
bring(uint64_t i)
{
	vm_page_release(core_grab(i, VM_GRAB_READ));
}

static struct vm_slot *
slot_of(uint64_t i)
{
	return vm_index_find(&object->index, i);
}

TEST(a_page_that_is_there_is_read_by_nobody)
{
	struct vm_page *page;

	core_set_up(0);
	CHECK(is_refused(3));
	bring(3);
	begin(3);
	begin(3);
	CHECK_INT(vm_slot_sharers(slot_of(3)), 0);
	page = core_grab(3, VM_GRAB_READ);
	CHECK(look.data == vm_page_data(page));
	CHECK(vm_read_valid(&look));	/* readers change nothing */
	begin(3);
	vm_page_release(page);
	CHECK(vm_read_valid(&look));
	core_tear_down();
}

TEST(what_was_written_since_is_not_valid)
{
	struct vm_page *page;

	core_set_up(0);
	bring(3);
	begin(3);
	page = core_grab(3, VM_GRAB_WRITE);
	CHECK(!vm_read_valid(&look));
	CHECK(is_refused(3));
	vm_page_downgrade(page);
	CHECK(!vm_read_valid(&look));
	begin(3);
	CHECK_INT(vm_page_try_upgrade(page), 0);
	CHECK(!vm_read_valid(&look));
	vm_page_release(page);
	CHECK(!vm_read_valid(&look));
	begin(3);
	core_put(3, 77);
	CHECK(!vm_read_valid(&look));
	begin(3);
	CHECK_INT(((const uint64_t *)look.data)[1], 77);
	core_tear_down();
}

TEST(what_was_evicted_since_is_not_valid_and_can_still_be_read)
{
	struct vm_read kept;

	core_set_up(0);
	bring(3);
	begin(3);
	kept = look;
	CHECK(vm_page_try_to_free(object, 3));
	CHECK(!vm_read_valid(&kept));
	CHECK(is_refused(3));
	for (uint64_t i = 10; i < 90; i++)	/* its frame is another's */
		bring(i);
	CHECK(*(const uint64_t *)kept.data < FILE_PAGES);
	bring(3);
	CHECK(!vm_read_valid(&kept));
	begin(3);
	core_tear_down();
}

TEST(a_read_may_be_kept_longer_than_its_object)
{
	core_set_up(0);
	bring(3);
	begin(3);
	CHECK_INT(vm_object_destroy(object), 0);
	CHECK(!vm_read_valid(&look));
	CHECK_INT(vm_object_create_file(vm, core_fd, 0, VM_LENGTH_ALL,
	    VM_OBJECT_WRITABLE, &object), 0);
	bring(3);
	CHECK(!vm_read_valid(&look));
	core_tear_down();
}

/* The same words, the same page, in the same frame. */
TEST(a_version_that_has_come_round_is_not_taken_for_the_same)
{
	struct vm_page *page;

	core_set_up(0);
	bring(3);
	begin(3);
	for (unsigned i = 0; i < 1u << 19; i++) {
		CHECK(vm_page_grab(object, 3, VM_GRAB_WRITE, &page) == 0);
		vm_page_release(page);
	}
	CHECK((*look.word & VM_READ_WORD) == look.seen_word);
	CHECK(!vm_read_valid(&look));
	begin(3);
	core_tear_down();
}

/* ---- what is refused ----------------------------------------------------- */

TEST(a_page_that_its_descriptor_speaks_against_is_refused)
{
	struct vm_page *page;

	core_set_up(0);
	page = core_grab(3, VM_GRAB_WRITE | VM_GRAB_NOREAD);
	CHECK_INT(vm_page_set_valid(page, 512, 512), 0);
	vm_page_release(page);
	CHECK(is_refused(3));		/* the rest is not there */
	bring(3);
	begin(3);
	page = core_grab(3, VM_GRAB_WRITE);
	vm_page_set_error(page, 1);
	vm_page_release(page);
	CHECK(is_refused(3));
	CHECK_INT(vm_page_grab(object, 3, VM_GRAB_READ, &page), -EIO);
	bring(4);
	begin(4);
	CHECK(vm_page_try_to_cache(object, 4));
	CHECK(!vm_read_valid(&look) && is_refused(4));
	bring(4);			/* it came back */
	begin(4);
	core_tear_down();
}

TEST(a_page_behind_the_end_is_refused)
{
	core_set_up(0);
	CHECK(is_refused(FILE_PAGES));
	CHECK(is_refused(UINT64_MAX));
	bring(FILE_PAGES - 1);
	begin(FILE_PAGES - 1);
	CHECK_INT(vm_object_resize(object, 50 * PAGE), 0);
	CHECK(!vm_read_valid(&look));
	CHECK(is_refused(FILE_PAGES - 1));
	core_tear_down();
}

TEST(a_page_that_is_not_in_a_frame_of_the_pool_is_refused)
{
	static _Alignas(PAGE) char memory[PAGE];
	struct vm_object *device;
	struct vm_page *page;

	core_set_up(VM_OBJECT_STORE);
	bring(3);
	CHECK(is_refused(3));
	CHECK_INT(vm_object_create_device(vm, memory, sizeof(memory), 0,
	    &device), 0);
	CHECK_INT(vm_page_grab(device, 0, VM_GRAB_READ, &page), 0);
	vm_page_release(page);
	CHECK(vm_read_begin(device, 0, &look) == NULL);
	CHECK_INT(vm_object_destroy(device), 0);
	core_tear_down();
}

TEST(a_frame_in_memory_that_was_lent_is_read_there)
{
	static _Alignas(PAGE) char lent[32 * PAGE];
	const struct vm_segment segments[] = {
		{ .bytes = 32 * PAGE },
		{ .bytes = sizeof(lent), .base = lent, .priority = 9 },
	};
	struct vm_options o = VM_OPTIONS_INIT;

	faulty_reset();
	o.segments = segments;
	o.segment_count = VM_COUNT(segments);
	CHECK_INT(vm_create_on(&o, &faulty_os, &CORE_PMAP, &vm), 0);
	core_new_file();
	CHECK_INT(vm_object_create_file(vm, core_fd, 0, VM_LENGTH_ALL,
	    VM_OBJECT_WRITABLE, &object), 0);
	bring(3);
	begin(3);
	CHECK((const char *)look.data >= lent &&
	    (const char *)look.data < lent + sizeof(lent));
	core_tear_down();
}

/* ---- the mark ------------------------------------------------------------ */

TEST(a_read_is_a_use_once_the_policy_has_looked)
{
	core_set_up(0);
	bring(3);
	bring(3);
	CHECK(vm_slot_test_clear_referenced(slot_of(3)));
	begin(3);
	CHECK(vm_slot_test_clear_referenced(slot_of(3)));
	CHECK(vm_read_valid(&look));	/* a use, of a read that was kept */
	CHECK(vm_slot_referenced(slot_of(3)));
	CHECK(vm_read_valid(&look));
	core_tear_down();
}

/* ---- copies -------------------------------------------------------------- */

TEST(a_copy_is_of_one_moment_or_refused)
{
	unsigned char bytes[PAGE], copied[PAGE];
	struct vm_page *page;

	core_set_up(0);
	page = core_grab(3, VM_GRAB_WRITE);
	for (unsigned i = 0; i < PAGE; i++)
		bytes[i] = (unsigned char)(i * 7 + i / 256);
	memcpy(vm_page_data(page), bytes, PAGE);
	vm_page_dirty(page, 0, PAGE);
	vm_page_release(page);
	CHECK(vm_read_begin(object, 3, &look) != NULL);
	for (uint32_t from = 0; from < 20; from++)
		for (uint32_t length = 0; length < 40; length++) {
			memset(copied, 0xee, sizeof(copied));
			CHECK_INT(vm_read_copy(&look, from, copied, length),
			    0);
			CHECK(memcmp(copied, bytes + from, length) == 0);
			CHECK_INT(copied[length], 0xee);
		}
	CHECK_INT(vm_read_copy(&look, 0, copied, PAGE), 0);
	CHECK(memcmp(copied, bytes, PAGE) == 0);
	core_put(3, 1);
	CHECK_INT(vm_read_copy(&look, 0, copied, PAGE), -EAGAIN);
	core_tear_down();
}

/* ---- nothing is stored --------------------------------------------------- */

/* All that the system asks for, each in pages of its own. */
static struct piece {
	char *at;
	size_t bytes;
} pieces[4096];
static unsigned piece_count;

static int
own_map_anon(size_t bytes, void **out)
{
	int error = vm_os_linux.map_anon(bytes, out);

	CHECK_INT(error, 0);
	CHECK(piece_count < VM_COUNT(pieces));
	pieces[piece_count++] = (struct piece){ *out, bytes };
	return 0;
}

static void *
own_alloc(size_t bytes)
{
	void *memory;

	CHECK_INT(own_map_anon((bytes + PAGE - 1) / PAGE * PAGE, &memory), 0);
	return memory;
}

static void
own_free(void *memory)
{
	unsigned i = 0;

	while (memory != NULL && pieces[i].at != memory)
		CHECK(++i < piece_count);
}

static int
own_unmap(void *memory, size_t bytes)
{
	for (unsigned i = 0; i < piece_count; i++)
		if (pieces[i].at == (char *)memory)
			pieces[i].bytes = 0;
	return vm_os_linux.unmap(memory, bytes);
}

/* Its threads run when they are to end: they would store, too. */
static struct vm_thread {
	void (*run)(void *);
	void *arg;
} late[8];
static unsigned late_count;

static int
own_thread_start(const char *name, void (*run)(void *), void *arg,
    struct vm_thread **out)
{
	(void)name;
	CHECK(late_count < VM_COUNT(late));
	late[late_count] = (struct vm_thread){ run, arg };
	*out = &late[late_count++];
	return 0;
}

static void
own_thread_join(struct vm_thread *thread)
{
	thread->run(thread->arg);
}

static void
protect_all(int prot)
{
	for (unsigned i = 0; i < piece_count; i++)
		CHECK(pieces[i].bytes == 0 || mprotect(pieces[i].at,
		    (pieces[i].bytes + PAGE - 1) / PAGE * PAGE, prot) == 0);
}

static void
read_all_twice(void)
{
	struct vm_read kept[16];

	for (uint64_t i = 0; i < VM_COUNT(kept); i++) {
		begin(i);
		kept[i] = look;
	}
	for (uint64_t i = 0; i < VM_COUNT(kept); i++) {
		uint64_t word;

		CHECK_INT(vm_read_copy(&kept[i], 0, &word, sizeof(word)), 0);
		CHECK_INT(word, i);
	}
	CHECK(is_refused(90));
}

/* In a child: it is the kernel that ends it, or a sanitizer. */
static bool
a_grab_dies(void)
{
	struct vm_page *page;
	pid_t child = fork();
	int status;

	CHECK(child >= 0);
	if (child == 0) {
		(void)!freopen("/dev/null", "w", stderr);
		(void)vm_page_grab(object, 0, VM_GRAB_READ, &page);
		_exit(0);
	}
	CHECK(waitpid(child, &status, 0) == child);
	return status != 0;
}

/*
 * Every byte that the system has, the descriptors, the index, the pages, the
 * counters, is made read-only: a store anywhere is the end of the process.
 */
TEST(reading_stores_nothing_at_all)
{
	struct vm_options o = VM_OPTIONS_INIT;
	struct vm_os own = vm_os_linux;

	own.map_anon = own_map_anon;
	own.unmap = own_unmap;
	own.alloc = own_alloc;
	own.free = own_free;
	own.thread_start = own_thread_start;
	own.thread_join = own_thread_join;
	piece_count = late_count = 0;
	o.resident_max_bytes = CORE_LIMIT_PAGES * PAGE;
	o.swap_directory = core_directory();
	CHECK_INT(vm_create_on(&o, &own, &CORE_PMAP, &vm), 0);
	core_new_file();
	CHECK_INT(vm_object_create_file(vm, core_fd, 0, VM_LENGTH_ALL,
	    VM_OBJECT_WRITABLE, &object), 0);
	CHECK_INT(vm_object_advise(object, VM_ADVICE_RANDOM), 0);
	for (uint64_t i = 0; i < 16; i++)
		bring(i);
	/* When no more arrive: that is when policies look at marks. */
	for (uint64_t i = 0; i < 16; i++)
		bring(i);
	protect_all(PROT_READ);
	read_all_twice();
	CHECK(a_grab_dies());
	protect_all(PROT_READ | PROT_WRITE);
	CHECK_INT(vm_object_destroy(object), 0);
	CHECK_INT(vm_destroy(vm), 0);
	close(core_fd);
	for (unsigned i = 0; i < piece_count; i++)
		if (pieces[i].bytes != 0)
			CHECK_INT(vm_os_linux.unmap(pieces[i].at,
			    pieces[i].bytes), 0);
}

/* ---- readers among writers ----------------------------------------------- */

enum { WRITES = 3000, READERS = 2, WORDS = PAGE / 8 };

static _Atomic bool over;

/* All words of a page are the same, whatever is in it. */
static void *
read_always(void *arg)
{
	uint64_t words[WORDS], *good = arg;
	struct vm_read read;

	while (!atomic_load(&over) || *good == 0) {	/* it is quiet then */
		if (vm_read_begin(object, 3, &read) == NULL) {
			vm_page_release(core_grab(3, VM_GRAB_READ));
			continue;
		}
		if (vm_read_copy(&read, 0, words, sizeof(words)) != 0)
			continue;
		for (unsigned i = 1; i < WORDS; i++)
			CHECK(words[i] == words[0]);
		++*good;
	}
	return NULL;
}

static void
write_one(uint64_t value)
{
	struct vm_page *page = core_grab(3, VM_GRAB_WRITE);
	uint64_t *words = vm_page_data(page);

	for (unsigned i = 0; i < WORDS; i++)
		words[i] = value;
	vm_page_dirty(page, 0, PAGE);
	vm_page_release(page);
}

/* The page is written, sent out of memory, and read in where another was. */
TEST(no_reader_believes_half_of_a_write_or_another_page)
{
	uint64_t good[READERS] = { 0 };
	pthread_t thread[READERS];

	core_set_up(0);
	write_one(0);
	atomic_store(&over, false);
	for (unsigned i = 0; i < READERS; i++)
		CHECK(pthread_create(&thread[i], NULL, read_always,
		    &good[i]) == 0);
	for (uint64_t i = 0; i < WRITES; i++) {
		write_one(i);
		if (i % 64 == 0)
			CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL),
			    0);
		if (i % 64 == 0 && vm_page_try_to_free(object, 3))
			bring(i % 32 + 10);
	}
	atomic_store(&over, true);
	for (unsigned i = 0; i < READERS; i++)
		CHECK(pthread_join(thread[i], NULL) == 0);
	core_tear_down();
}
