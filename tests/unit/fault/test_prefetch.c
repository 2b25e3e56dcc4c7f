/* SPDX-License-Identifier: BSD-2-Clause */
/* Readers of long files, and who reads ahead of them. */
#include "fault/prefetch.h"

#include "audit.h"
#include "one_object.h"

/* 4 MiB, and a file ten times as long. */
enum { SYSTEM_PAGES = 1024, LONG_PAGES = 10 * SYSTEM_PAGES,
	HOT_PAGES = SYSTEM_PAGES / 2 };

static struct vm_object *hot;
static int hot_fd;

static int
new_file(uint64_t pages, struct vm_object **out)
{
	int fd = open(core_directory(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	CHECK(fd >= 0);
	CHECK(ftruncate(fd, (off_t)(pages * PAGE)) == 0);
	for (uint64_t i = 0; i < pages; i++)
		CHECK(pwrite(fd, &i, sizeof(i), (off_t)(i * PAGE)) ==
		    (ssize_t)sizeof(i));
	CHECK_INT(vm_object_create_file(vm, fd, 0, VM_LENGTH_ALL, 0, out), 0);
	return fd;
}

static void
set_up(const char *policy)
{
	struct vm_options o = VM_OPTIONS_INIT;

	faulty_reset();
	o.resident_max_bytes = SYSTEM_PAGES * PAGE;
	o.swap_directory = core_directory();
	o.policy = policy;
	CHECK_INT(vm_create_on(&o, &faulty_os, &CORE_PMAP, &vm), 0);
	core_fd = new_file(LONG_PAGES, &object);
	hot_fd = new_file(HOT_PAGES, &hot);
	CHECK_INT(vm_object_advise(hot, VM_ADVICE_RANDOM), 0);
}

static void
tear_down(void)
{
	vm_prefetch_drain(vm);
	audit(vm);
	CHECK_INT(vm_object_destroy(hot), 0);
	CHECK_INT(vm_object_destroy(object), 0);
	CHECK_INT(atomic_load(&vm->early), 0);
	CHECK_INT(vm_destroy(vm), 0);
	close(hot_fd);
	close(core_fd);
	faulty_check_clean();
}

/* Without an audit: there are many. */
static void
look_at(vm_pindex_t pindex)
{
	struct vm_page *page;
	uint64_t value;

	CHECK_INT(vm_page_grab(object, pindex, VM_GRAB_READ, &page), 0);
	memcpy(&value, vm_page_data(page), sizeof(value));
	CHECK_INT(value, pindex);
	vm_page_release(page);
}

static uint64_t
counted(enum vm_counter counter)
{
	return vm_counter_read(vm->counters, counter);
}

static bool
is_early(vm_pindex_t pindex)
{
	return core_resident(pindex) && vm_page_early(vm_page_of(vm,
	    vm_index_peek(&object->index, pindex)));
}

/* Each use is seen, whoever was faster, the thread or this one. */
TEST(a_long_file_is_read_ahead_of_its_reader)
{
	int threads;

	set_up(NULL);
	threads = atomic_load(&faulty.threads);
	for (vm_pindex_t i = 0; i < LONG_PAGES; i++) {
		look_at(i);
		CHECK(!is_early(i));
	}
	vm_prefetch_drain(vm);
	CHECK(counted(VM_COUNTER_grab_misses) < LONG_PAGES / 16);
	CHECK(counted(VM_COUNTER_readahead_pages) > LONG_PAGES / 8 * 7);
	CHECK_INT(counted(VM_COUNTER_readahead_used) +
	    counted(VM_COUNTER_readahead_unused) + atomic_load(&vm->early),
	    counted(VM_COUNTER_readahead_pages));
	CHECK_INT(faulty.threads, threads + 1);
	tear_down();
}

TEST(pages_in_runs_and_backwards_are_too)
{
	struct vm_page *pages[64];
	unsigned got;

	set_up(NULL);
	for (vm_pindex_t i = 0; i < LONG_PAGES; i += 64) {
		CHECK_INT(vm_page_grab_many(object, i, 64, VM_GRAB_READ,
		    pages, &got), 0);
		CHECK_INT(got, 64);
		vm_page_release_many(pages, got);
		vm_prefetch_drain(vm);
	}
	CHECK(counted(VM_COUNTER_readahead_pages) > LONG_PAGES / 2);
	vm_prefetch_drain(vm);
	CHECK_INT(vm_object_discard_dirty(object), 0);
	for (vm_pindex_t i = LONG_PAGES; i-- > 0;)
		look_at(i);
	CHECK(counted(VM_COUNTER_readahead_pages) > LONG_PAGES +
	    LONG_PAGES / 4);
	tear_down();
}

TEST(the_next_steps_of_a_strided_reader_are_there)
{
	set_up(NULL);
	vm_streams_init(&object->streams, 1, 256);
	for (vm_pindex_t i = 0; i < 4; i++)
		CHECK_INT(core_get(100 + 70 * i, 0), 100 + 70 * i);
	vm_prefetch_drain(vm);
	for (vm_pindex_t i = 4; i < 8; i++) {
		CHECK(is_early(100 + 70 * i));
		CHECK(!core_resident(101 + 70 * i));
	}
	CHECK(!core_resident(100 + 70 * 8));
	for (vm_pindex_t i = 4; i < 60; i++) {
		CHECK_INT(core_get(100 + 70 * i, 0), 100 + 70 * i);
		vm_prefetch_drain(vm);
	}
	/* The first four, and none since. */
	CHECK_INT(counted(VM_COUNTER_grab_misses), 4);
	tear_down();
}

/* Of the hot pages one more; it was there. */
static bool
touch_hot(unsigned *state)
{
	vm_pindex_t pindex;
	struct vm_page *page;
	bool there;

	*state = *state * 1664525 + 1013904223;
	pindex = (*state >> 8) % HOT_PAGES;
	there = vm_index_peek(&hot->index, pindex) != VM_SLOT_ABSENT;
	CHECK_INT(vm_page_grab(hot, pindex, VM_GRAB_READ, &page), 0);
	vm_page_release(page);
	return there;
}

/* So many uses of the hot pages hit while all of the long file is read. */
static unsigned
hits_beside_a_scan(unsigned *state, unsigned *touches)
{
	unsigned hits = 0;

	*touches = 0;
	for (vm_pindex_t i = 0; i < LONG_PAGES; i++) {
		look_at(i);
		vm_prefetch_drain(vm);	/* whoever is quicker */
		hits += touch_hot(state);
		++*touches;
	}
	return hits;
}

/* A file of ten times the limit beside a hot set of half of it.  Nothing that
 * is read ahead goes unused where the thread keeps up. */
TEST(a_scan_costs_a_hot_set_hardly_a_hit)
{
	static const char *const names[] = { "alirs", "s3fifo", "lru", "car" };

	for (unsigned n = 0; n < 4; n++) {
		unsigned state = 1, hits, touches;

		set_up(names[n]);
		for (unsigned i = 0; i < 20 * HOT_PAGES; i++)
			(void)touch_hot(&state);
		hits = hits_beside_a_scan(&state, &touches);
		CHECK(hits >= touches / 100 * 98);
		CHECK_INT(counted(VM_COUNTER_readahead_unused), 0);
		tear_down();
	}
}

/* The thread is waited for after each page, so that nobody is quicker and the
 * daemon never woken.  step < 0: from the last page down. */
static void
read_all(int64_t step)
{
	vm_pindex_t i = step > 0 ? 0 : LONG_PAGES - 1;

	for (; i < LONG_PAGES; i += (uint64_t)step) {
		look_at(i);
		vm_prefetch_drain(vm);
	}
}

/* What is left of a file that was read once before, by a stream, too short to
 * leave it behind. */
static unsigned
left_beside_a_reader(int64_t step)
{
	unsigned left;

	set_up("lru");
	/* No clusters: steps are looked for from the second page on. */
	vm_streams_init(&object->streams, 1, SYSTEM_PAGES / 4);
	CHECK_INT(vm_object_advise(hot, VM_ADVICE_NORMAL), 0);
	for (vm_pindex_t i = 0; i < HOT_PAGES; i++) {
		struct vm_page *page;

		CHECK_INT(vm_page_grab(hot, i, VM_GRAB_READ, &page), 0);
		vm_page_release(page);
		vm_prefetch_drain(vm);
	}
	CHECK(atomic_load(&hot->resident) > HOT_PAGES / 10 * 9);
	read_all(step);
	left = (unsigned)atomic_load(&hot->resident);
	CHECK_INT(counted(VM_COUNTER_wakeups), 0);
	tear_down();
	return left;
}

TEST(what_a_long_reader_leaves_goes_before_what_a_short_one_read)
{
	CHECK(left_beside_a_reader(1) > HOT_PAGES / 4 * 3);
}

TEST(who_reads_backwards_or_in_steps_leaves_his_pages_too)
{
	CHECK(left_beside_a_reader(-1) > HOT_PAGES / 4 * 3);
	CHECK(left_beside_a_reader(10) > HOT_PAGES / 4 * 3);
	CHECK(left_beside_a_reader(-10) > HOT_PAGES / 4 * 3);
}

/* Who reads it again finds all of it. */
TEST(what_has_room_stays_however_long_its_reader)
{
	const uint64_t pages = SYSTEM_PAGES / 16 * 13;
	struct vm_object *longer;
	int longer_fd, fd;

	set_up(NULL);
	longer = object;
	longer_fd = core_fd;
	fd = new_file(pages, &object);
	for (unsigned turn = 0; turn < 2; turn++)
		for (vm_pindex_t i = 0; i < pages; i++) {
			look_at(i);
			vm_prefetch_drain(vm);
		}
	CHECK_INT(atomic_load(&object->resident), pages);
	CHECK_INT(counted(VM_COUNTER_evicted_clean), 0);
	CHECK_INT(vm_object_destroy(object), 0);
	close(fd);
	object = longer;
	core_fd = longer_fd;
	tear_down();
}

TEST(an_object_goes_while_it_is_being_read_ahead)
{
	for (int turn = 0; turn < 20; turn++) {
		set_up(NULL);
		for (vm_pindex_t i = 0; i < 300; i++)
			look_at(i);
		CHECK_INT(vm_object_destroy(object), 0);
		CHECK_INT(vm_object_destroy(hot), 0);
		CHECK_INT(vm_destroy(vm), 0);
		close(hot_fd);
		close(core_fd);
		faulty_check_clean();
	}
}

/* Each of them: it is read by its reader then, who hears of no error. */
TEST(what_the_thread_needs_may_be_refused)
{
	struct vm_step step = { .ahead = { .first = 512, .pages = 128,
	    .count = 1 } };
	unsigned calls = 1;
	bool failed = true;

	for (; failed; calls++) {
		set_up(NULL);
		atomic_store(&faulty.calls, 0);
		atomic_store(&faulty.fail_at, calls);
		(void)vm_prefetch(object, &step, true);
		vm_prefetch_drain(vm);
		failed = atomic_load(&faulty.failed) != NULL;
		atomic_store(&faulty.fail_at, 0);
		for (vm_pindex_t i = 0; i < 700; i++)
			look_at(i);
		tear_down();
	}
	CHECK(calls > 3);
}

TEST(nobody_starts_a_thread_in_a_handler)
{
	struct vm_step step = { .ahead = { .first = 512, .pages = 128,
	    .count = 1 } };

	int threads;

	set_up(NULL);
	threads = atomic_load(&faulty.threads);
	CHECK(!vm_prefetch(object, &step, false));
	CHECK_INT(faulty.threads, threads);
	CHECK(vm_prefetch(object, &step, true));
	CHECK(vm_prefetch(object, &step, false));
	vm_prefetch_drain(vm);
	CHECK(is_early(512) && is_early(639));
	CHECK(!core_resident(640));
	tear_down();
}

TEST(where_memory_is_short_nothing_is_fetched_ahead)
{
	struct vm_step step = { .ahead = { .first = 512, .pages = 128,
	    .count = 1 } };
	struct vm_page *taken[SYSTEM_PAGES];
	unsigned count;

	set_up(NULL);
	count = vm_limit_take(&vm->limit, VM_HOME_POOL, VM_CLASS_SYSTEM, 0,
	    taken, SYSTEM_PAGES);
	CHECK(vm_prefetch(object, &step, true));
	vm_prefetch_drain(vm);
	CHECK(!core_resident(512));
	vm_limit_give(&vm->limit, taken, count);
	tear_down();
}
