/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs that are filled: what is in them, and what becomes of their slots. */
#include "fault/fill.h"

#include "audit.h"
#include "one_object.h"

static struct vm_filler *filler;
static struct vm_fill *fill;
static struct vm_slot *slot;
static unsigned done_calls, done_first, done_count, done_good;
static int done_error;

static void
set_up_filler(unsigned flags, enum vm_advice advice)
{
	core_set_up(flags);
	CHECK_INT(vm_object_advise(object, advice), 0);
	CHECK_INT(vm_filler_new(vm, &filler), 0);
	done_calls = 0;
}

static void
tear_down_filler(void)
{
	vm_filler_free(filler);
	audit(vm);
	core_tear_down();
}

static void
note(struct vm_fill *ended)
{
	CHECK(ended->arg == &done_calls);
	done_calls++;
	done_first = (unsigned)ended->first;
	done_count = ended->count;
	done_good = ended->good;
	done_error = ended->error;
	for (unsigned i = 0; i < ended->good; i++) {
		CHECK(ended->page[i]->object == object);
		CHECK(vm_slot_busy_excl(ended->slot[i]));
	}
}

static enum vm_fill_result
start(vm_pindex_t pindex)
{
	struct vm_fill_request request = { .object = object,
		.pindex = pindex, .done = note, .arg = &done_calls };

	return vm_fill_start(filler, &request, &slot, &fill);
}

TEST(a_random_miss_brings_one_page)
{
	set_up_filler(0, VM_ADVICE_RANDOM);
	CHECK(start(7) == VM_FILL_STARTED);
	vm_filler_reap(filler, true);
	CHECK_INT(done_calls, 1);
	CHECK_INT(done_first, 7);
	CHECK_INT(done_count, 1);
	CHECK(core_resident(7) && !core_resident(6) && !core_resident(8));
	CHECK_INT(core_get(7, 0), 7);
	tear_down_filler();
}

TEST(a_cluster_is_brought_around_what_is_there)
{
	set_up_filler(0, VM_ADVICE_NORMAL);
	vm->cluster_pages = object->streams.cluster_pages = 8;
	CHECK_INT(vm_object_advise(object, VM_ADVICE_RANDOM), 0);
	CHECK(start(17) == VM_FILL_STARTED);
	CHECK(start(22) == VM_FILL_STARTED);
	CHECK_INT(vm_object_advise(object, VM_ADVICE_NORMAL), 0);
	CHECK(start(20) == VM_FILL_STARTED);
	CHECK_INT(done_first, 18);
	CHECK_INT(done_count, 4);
	for (unsigned i = 17; i <= 22; i++)
		CHECK_INT(core_get(i, 0), i);
	tear_down_filler();
}

TEST(a_sequential_reader_gets_more_runs_ahead)
{
	set_up_filler(0, VM_ADVICE_SEQUENTIAL);
	filler->most = 6;
	object->streams.most = object->streams.window_pages = 16;
	CHECK(start(0) == VM_FILL_STARTED);
	while (!vm_list_empty(&filler->busy))
		vm_filler_reap(filler, true);
	CHECK_INT(done_calls, 1);	/* of the wanted page's run alone */
	for (unsigned i = 0; i < 16; i++)
		CHECK(core_resident(i));
	CHECK(!core_resident(16));
	tear_down_filler();
}

static int first_pieces;

static void
note_pieces(struct vm_fill *ended)
{
	first_pieces = ended->io.iov_count;
}

/* Whatever single frame was at hand for the page that was wanted. */
TEST(a_run_is_read_into_a_row_of_frames)
{
	struct vm_fill_request request = { .pindex = 0, .span = 32,
		.done = note_pieces };
	struct vm_page *held[3];

	set_up_filler(0, VM_ADVICE_NORMAL);
	request.object = object;
	CHECK_INT(vm_limit_take(&vm->limit, VM_HOME_POOL, VM_CLASS_NORMAL, 0,
	    held, 3), 3);
	vm_limit_give(&vm->limit, &held[1], 1);
	CHECK(vm_fill_start(filler, &request, &slot, &fill) ==
	    VM_FILL_STARTED);
	vm_filler_reap(filler, true);
	CHECK(core_resident(31));
	CHECK_INT(first_pieces, 1);
	held[1] = held[2];
	vm_limit_give(&vm->limit, held, 2);
	tear_down_filler();
}

static unsigned helped;

static void
help(struct vm *system)
{
	CHECK(system == vm);
	helped++;
}

TEST(who_fetches_ahead_frees_pages_where_few_are_free)
{
	struct vm_page *held[CORE_LIMIT_PAGES];
	unsigned count = 0;

	set_up_filler(0, VM_ADVICE_NORMAL);
	vm->reclaim = help;
	helped = 0;
	CHECK_INT(vm_fill_ahead(filler, object, 0, 2), 2);
	CHECK_INT(helped, 0);
	while (!vm_limit_wants_help(&vm->limit))
		count += vm_limit_take(&vm->limit, VM_HOME_POOL,
		    VM_CLASS_NORMAL, 0, held + count, 1);
	(void)vm_fill_ahead(filler, object, 2, 4);
	CHECK(helped != 0);
	while (!vm_list_empty(&filler->busy))
		vm_filler_reap(filler, true);
	vm_limit_give(&vm->limit, held, count);
	tear_down_filler();
}

TEST(what_cannot_be_started_says_why)
{
	struct vm_barrier barrier = { .first = 9, .end = 10 };
	struct vm_page *page;

	set_up_filler(0, VM_ADVICE_RANDOM);
	CHECK(start(FILE_PAGES) == VM_FILL_RANGE);
	page = core_grab(3, VM_GRAB_WRITE);
	CHECK(start(3) == VM_FILL_BUSY);
	CHECK(slot == atomic_load(&page->slot));
	vm_page_release(page);
	CHECK(start(3) == VM_FILL_RESIDENT);
	vm_object_bar(object, &barrier);
	CHECK(start(9) == VM_FILL_BARRED);
	vm_object_unbar(object, &barrier);
	CHECK_INT(done_calls, 0);
	tear_down_filler();
}

TEST(a_failed_read_leaves_nothing)
{
	set_up_filler(VM_OBJECT_STORE, VM_ADVICE_SEQUENTIAL);
	atomic_store(&faulty.bad_end, UINT64_MAX);
	CHECK(start(4) == VM_FILL_STARTED);
	CHECK_INT(done_error, EIO);
	CHECK_INT(done_good, 0);
	CHECK(done_count > 1);
	CHECK_INT(object->resident, 0);
	CHECK_INT(vm->leaves.live, 0);
	tear_down_filler();
}

TEST(alone_means_one_page)
{
	struct vm_fill_request request;

	set_up_filler(0, VM_ADVICE_SEQUENTIAL);
	request = (struct vm_fill_request){ .object = object, .pindex = 4,
		.done = note, .arg = &done_calls, .alone = true };
	CHECK(vm_fill_start(filler, &request, &slot, &fill) ==
	    VM_FILL_STARTED);
	CHECK_INT(done_count, 1);
	tear_down_filler();
}

/* The file ends within the run: its pages are there, the others are not. */
TEST(a_file_that_ends_early_fills_what_it_has)
{
	set_up_filler(VM_OBJECT_STORE, VM_ADVICE_SEQUENTIAL);
	CHECK(ftruncate(core_fd, 6 * PAGE + 100) == 0);
	CHECK(start(4) == VM_FILL_STARTED);
	CHECK_INT(done_error, 0);
	CHECK_INT(done_good, 3);
	CHECK(core_resident(6) && !core_resident(7));
	CHECK_INT(core_get(6, 0), 6);
	CHECK(start(8) == VM_FILL_STARTED);
	CHECK_INT(done_error, ERANGE);
	CHECK_INT(done_good, 0);
	CHECK(!core_resident(8));
	tear_down_filler();
}

TEST(without_memory_nothing_is_held)
{
	struct vm_page *taken[CORE_LIMIT_PAGES];
	unsigned n;

	set_up_filler(0, VM_ADVICE_RANDOM);
	n = vm_limit_take(&vm->limit, VM_HOME_POOL, VM_CLASS_SYSTEM, 0, taken,
	    CORE_LIMIT_PAGES);
	CHECK_INT(n, CORE_LIMIT_PAGES);
	CHECK(start(5) == VM_FILL_MEMORY);
	CHECK_INT(vm->leaves.live, 0);
	CHECK_INT(vm_fill_ahead(filler, object, 5, 9), 5);
	vm_limit_give(&vm->limit, taken, n);
	CHECK(start(5) == VM_FILL_STARTED);
	tear_down_filler();
}

TEST(fetching_ahead_passes_over_what_is_there_and_stops_at_the_end)
{
	set_up_filler(0, VM_ADVICE_RANDOM);
	CHECK(start(90) == VM_FILL_STARTED);
	CHECK_INT(vm_fill_ahead(filler, object, 88, 93), 93);
	for (unsigned i = 88; i < 93; i++)
		CHECK(core_resident(i));
	CHECK_INT(vm_fill_ahead(filler, object, 98, 1000), FILE_PAGES);
	CHECK(core_resident(99));
	tear_down_filler();
}

TEST(anonymous_pages_that_were_never_written_need_no_read)
{
	struct vm_object *file;

	set_up_filler(0, VM_ADVICE_RANDOM);
	file = object;
	CHECK_INT(vm_object_create_anon(vm, 50 * PAGE, 0, &object), 0);
	atomic_store(&faulty.bad_end, UINT64_MAX);
	CHECK(start(20) == VM_FILL_STARTED);
	CHECK_INT(done_error, 0);
	CHECK_INT(core_get(20, 0), 0);
	CHECK_INT(vm_object_destroy(object), 0);
	object = file;
	tear_down_filler();
}

TEST(borrowed_fillers_come_back)
{
	struct vm_filler *a, *b;

	core_set_up(0);
	CHECK_INT(vm_filler_borrow(vm, &a), 0);
	CHECK_INT(vm_filler_borrow(vm, &b), 0);
	CHECK(a != b);
	vm_filler_return(a);
	CHECK_INT(vm_filler_borrow(vm, &filler), 0);
	CHECK(filler == a);
	vm_filler_return(b);
	vm_filler_return(filler);
	core_tear_down();
}
