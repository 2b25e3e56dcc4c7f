/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs out of scattered frames (Mach's vm_page_grab_contig, M41).
 *
 * A system of two segments of 64 frames, the first over memory of ours, so that
 * a block lies at a multiple of its size in numbers too.  That is filled with
 * loose pages; then of each pair of its frames, an even one and the next, one
 * page becomes an object's and the other is freed.  So half of it is free and
 * no two free frames are neighbours, while the daemon has nothing to do: the
 * other segment is free.
 */
#include "pageout/compact.h"

#include "audit.h"
#include "object/cached.h"
#include "one_object.h"
#include "queue/queue.h"
#include "stat/stat.h"

enum { FRAMES = 64, PAIRS = FRAMES / 2, BYTES = FRAMES * PAGE };

static _Alignas(BYTES) char memory[BYTES];
static struct vm_page *loose[FRAMES];

static bool hollow_none;
static bool forget_next;	/* when the next frame is taken */
static struct vm_os os;		/* faulty_os, but for drop and cpu */

static int
drop(void *at, size_t bytes)
{
	return hollow_none ? -ENOMEM : faulty_os.drop(at, bytes);
}

static unsigned
cpu(void)
{
	if (forget_next) {
		forget_next = false;
		CHECK_INT(vm_object_forget(object), 0);
	}
	return 0;
}

/* A system with stores has no memory of its caller. */
static void
set_up(unsigned flags)
{
	struct vm_segment segment[] = {
		{ .name = "first", .bytes = BYTES, .priority = 2 },
		{ .name = "second", .bytes = BYTES, .priority = 1 },
	};
	struct vm_options o = VM_OPTIONS_INIT;

	if ((flags & VM_OBJECT_STORE) == 0)
		segment[0].base = memory;
	faulty_reset();
	hollow_none = false;
	os = faulty_os;
	os.drop = drop;
	os.cpu = cpu;
	o.segments = segment;
	o.segment_count = 2;
	o.swap_directory = core_directory();
	CHECK_INT(vm_create_on(&o, &os, &pmap_nobody, &vm), 0);
	core_new_file();
	CHECK_INT(vm_object_create_file(vm, core_fd, 0, VM_LENGTH_ALL,
	    VM_OBJECT_WRITABLE | flags, &object), 0);
	CHECK_INT(vm_object_advise(object, VM_ADVICE_RANDOM), 0);
}

/* A run of the first segment. */
static int
ask(uint32_t count, unsigned flags, struct vm_frame_run *run)
{
	struct vm_frame_request r = VM_FRAME_REQUEST_INIT;

	r.count = count;
	r.segments = 1;
	r.flags = flags;
	return vm_frame_alloc(vm, &r, run);
}

static uint32_t
free_in_first(void)
{
	struct vm_segment_info info = VM_SEGMENT_INFO_INIT;

	CHECK_INT(vm_frame_info(vm, 0, &info), 0);
	return (uint32_t)info.free;
}

/* The lent segment's frames have the higher numbers. */
static uint32_t
base(void)
{
	return vm->frames.segments.array[0].first;
}

static uint32_t
place_of(const struct vm_frame_run *run)
{
	return run->first->number - base();
}

static struct vm_page *
frame(uint32_t i)
{
	return vm_page_of(vm, base() + i + 1);
}

static void
take_all(void)
{
	struct vm_frame_run run;

	for (unsigned i = 0; i < FRAMES; i++) {
		CHECK_INT(ask(1, 0, &run), 0);
		loose[place_of(&run)] = run.first;
	}
}

/* What page i of the object has in word 1. */
static uint64_t
stamp(uint64_t i)
{
	return 0x5eed0000 + i;
}

/* The loose page becomes the object's, with contents; pages at odd places are
 * clean, as if read: what is in them is what is in the file. */
static void
become(struct vm_page *page, uint64_t pindex)
{
	uint64_t value = stamp(pindex);

	memset(vm_page_data(page), 0, PAGE);
	memcpy(vm_page_data(page), &pindex, sizeof(pindex));
	if (pindex % 2 == 0)
		memcpy((char *)vm_page_data(page) + 8, &value, sizeof(value));
	CHECK_INT(vm_page_insert(page, object, pindex), 0);
	CHECK_INT(vm_page_set_valid(page, 0, PAGE), 0);
	if (pindex % 2 == 0)
		vm_page_dirty(page, 8, 8);
	vm_page_release(page);
}

/* Page i of the object is in frame 2 * i + i % 2; the other frame of each pair
 * is free, but for the first keep pairs, where it stays loose. */
static void
scatter(unsigned keep)
{
	memset(loose, 0, sizeof(loose));
	set_up(0);
	take_all();
	for (unsigned i = 0; i < PAIRS; i++) {
		unsigned in = 2 * i + i % 2, out = in ^ 1;

		become(loose[in], i);
		if (i >= keep)
			vm_page_free(loose[out], 0);
	}
}

static void
check_bytes(void)
{
	for (uint64_t i = 0; i < PAIRS; i++) {
		CHECK_INT(core_get(i, 0), i);
		CHECK_INT(core_get(i, 1), i % 2 == 0 ? stamp(i) : 0);
	}
}

static void
check_file(void)
{
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	for (uint64_t i = 0; i < PAIRS; i += 2)
		CHECK_INT(core_in_file(i), stamp(i));
}

static uint64_t
counted(enum vm_counter counter)
{
	return vm_counter_read(vm->counters, counter);
}

/* As it would be if nobody compacted. */
static int
ask_without(uint32_t count, struct vm_frame_run *run)
{
	struct vm_page *(*compact)(struct vm_limit *,
	    const struct vm_run_options *) = vm->limit.compact;
	int error;

	vm->limit.compact = NULL;
	error = ask(count, 0, run);
	vm->limit.compact = compact;
	return error;
}

static struct vm_page *
page_at(uint64_t pindex)
{
	struct vm_slot *slot = vm_index_find(&object->index, pindex);
	uint32_t number = slot == NULL ? 0 : vm_slot_number(slot);

	return number == 0 ? NULL : vm_page_of(vm, number);
}

TEST(a_fragmented_arena_fails_and_succeeds_after_compaction)
{
	struct vm_frame_run run;

	scatter(0);
	CHECK_INT(free_in_first(), PAIRS);
	CHECK_INT(ask_without(2, &run), -ENOMEM);
	CHECK(strstr(vm_last_error(), "neighbours") != NULL);
	CHECK_INT(ask(16, 0, &run), 0);
	CHECK_INT(run.count, 16);
	CHECK_INT(place_of(&run) % 16, 0);
	CHECK_INT(free_in_first(), PAIRS - 16);
	CHECK_INT(object->resident, PAIRS);
	CHECK_INT(counted(VM_COUNTER_compact_moves), 8);
	CHECK_INT(counted(VM_COUNTER_compact_failures), 0);
	for (unsigned i = 0; i < 16; i++) {
		struct vm_page *page = vm_frame_at(&run, i);

		CHECK(page->object == vm->nowhere && page->dirty == 0);
		memset(vm_page_data(page), 0xa5, PAGE);
	}
	audit(vm);
	check_bytes();
	vm_frame_free(vm, &run);
	check_file();
	audit(vm);
	core_tear_down();
}

TEST(dirty_bits_move_and_so_nothing_is_lost)
{
	struct vm_frame_run run;

	scatter(0);
	CHECK_INT(object->dirty, PAIRS / 2);
	CHECK_INT(ask(16, 0, &run), 0);
	CHECK_INT(object->dirty, PAIRS / 2);
	for (uint64_t i = 0; i < PAIRS; i++) {
		struct vm_page *page = page_at(i);

		CHECK(page != NULL && page->pindex == i);
		CHECK_INT(page->dirty, i % 2 == 0);
		CHECK(page->valid == vm->all_blocks);
	}
	check_file();
	vm_frame_free(vm, &run);
	core_tear_down();
}

TEST(an_exact_count_leaves_the_tail_where_it_is)
{
	struct vm_page *tail[3];
	struct vm_frame_run run;

	scatter(0);
	CHECK_INT(ask(5, 0, &run), 0);
	CHECK_INT(run.count, 5);
	CHECK_INT(place_of(&run) % 8, 0);
	for (unsigned i = 0; i < 3; i++) {
		tail[i] = run.first + 5 + i;
		CHECK(tail[i]->object != vm->nowhere);
	}
	CHECK_INT(free_in_first(), PAIRS - 5);
	vm_frame_free(vm, &run);
	CHECK_INT(ask(6, VM_FRAME_ROUND, &run), 0);
	CHECK_INT(run.count, 8);
	vm_frame_free(vm, &run);
	audit(vm);
	check_bytes();
	core_tear_down();
}

TEST(the_block_with_the_fewest_to_move_is_emptied)
{
	struct vm_frame_run run;

	scatter(0);
	/* Of frames 20 to 23 one is in use, of all others every second one. */
	CHECK(vm_cached_try_free(object, 11));
	CHECK_INT(ask(4, 0, &run), 0);
	CHECK_INT(place_of(&run), 20);
	CHECK_INT(free_in_first(), PAIRS + 1 - 4);
	vm_frame_free(vm, &run);
	audit(vm);
	check_bytes();
	core_tear_down();
}

TEST(the_only_block_without_a_page_that_stays_is_found)
{
	struct vm_frame_run run;

	scatter(PAIRS);
	vm_page_free(loose[43 ^ 1], 0);
	CHECK_INT(ask(2, 0, &run), 0);
	CHECK_INT(place_of(&run), 42);
	CHECK_INT(free_in_first(), 0);
	audit(vm);
	vm_frame_free(vm, &run);
	for (unsigned i = 0; i < PAIRS; i++)
		if (i != 21)
			vm_page_free(loose[(2 * i + i % 2) ^ 1], 0);
	check_bytes();
	core_tear_down();
}

/* ---- what cannot move ---------------------------------------------------- */

/* Runs of 32: frames 0 to 31, with pages 0 to 15, or 32 to 63. */
static void
check_other_half(unsigned pindex)
{
	struct vm_page *page = page_at(pindex);
	uint32_t number = page->number;
	struct vm_frame_run run;

	CHECK_INT(ask(32, 0, &run), 0);
	CHECK_INT(place_of(&run), pindex < 16 ? 32 : 0);
	CHECK(page_at(pindex) == page && page->number == number);
	vm_frame_free(vm, &run);
}

TEST(a_page_that_is_wired_held_or_lent_stays_where_it_is)
{
	struct vm_page *page, *lent = NULL;

	for (unsigned kind = 0; kind < 3; kind++) {
		scatter(0);
		page = core_grab(3, VM_GRAB_READ);
		if (kind == 0)
			CHECK_INT(vm_page_wire(page, NULL), 0);
		else if (kind == 1)
			CHECK_INT(vm_page_hold(page), 0);
		else
			CHECK_INT(vm_loan(object, 3, 0, &lent), 0);
		vm_page_release(page);
		check_other_half(3);
		if (kind == 0)
			CHECK_INT(vm_page_unwire(page, NULL,
			    VM_TO_ACTIVE), 0);
		else if (kind == 1)
			vm_page_unhold(page);
		else
			vm_unloan(vm, lent);
		check_bytes();
		core_tear_down();
	}
}

TEST(a_page_that_somebody_is_in_is_not_waited_for)
{
	static const unsigned how[] = { VM_GRAB_READ, VM_GRAB_WRITE };

	for (unsigned i = 0; i < 2; i++) {
		struct vm_page *page;

		scatter(0);
		page = core_grab(3, how[i]);
		check_other_half(3);
		vm_page_release(page);
		check_bytes();
		core_tear_down();
	}
}

TEST(a_page_without_identity_stays_with_its_owner)
{
	struct vm_frame_run run;

	scatter(1);
	memset(vm_page_data(loose[1]), 7, PAGE);
	CHECK_INT(ask(31, 0, &run), 0);
	CHECK_INT(place_of(&run), 32);
	CHECK_INT(*(char *)vm_page_data(loose[1]), 7);
	vm_frame_free(vm, &run);
	vm_page_free(loose[1], 0);
	core_tear_down();
}

TEST(where_each_block_has_one_that_stays_nothing_is_changed)
{
	struct vm_frame_run run;
	struct vm_page *low, *high;

	scatter(0);
	low = core_grab(0, VM_GRAB_READ);
	high = core_grab(31, VM_GRAB_WRITE);
	CHECK_INT(ask(32, 0, &run), -ENOMEM);
	CHECK(strstr(vm_last_error(), "neighbours") != NULL);
	CHECK_INT(free_in_first(), PAIRS);
	for (unsigned i = 0; i < PAIRS; i++)
		CHECK(page_at(i) == frame(2 * i + i % 2));
	CHECK_INT(counted(VM_COUNTER_compact_moves), 0);
	CHECK_INT(counted(VM_COUNTER_compact_failures), 1);
	vm_page_release(low);
	vm_page_release(high);
	audit(vm);
	check_bytes();
	core_tear_down();
}

/* ---- what goes with a page ----------------------------------------------- */

TEST(cached_pages_keep_their_place_in_the_line)
{
	static const uint64_t order[] = { 5, 1, 9 };
	struct vm_frame_run run;

	scatter(0);
	for (unsigned i = 0; i < 3; i++)
		CHECK(vm_cached_try_put(object, order[i]));
	CHECK_INT(ask(32, 0, &run), 0);
	vm_frame_free(vm, &run);
	CHECK_INT(ask(32, 0, &run), 0);
	CHECK_INT(vm_queue_cached(&vm->queue), 3);
	CHECK_INT(vm->limit.cached, 3);
	for (unsigned i = 0; i < 3; i++) {
		CHECK_INT(vm_queue_oldest_cached(&vm->queue)->pindex,
		    order[i]);
		CHECK(vm_cached_take(vm));
		CHECK(!core_resident(order[i]));
	}
	vm_frame_free(vm, &run);
	audit(vm);
	core_tear_down();
}

TEST(a_page_that_moves_is_the_same_to_the_policy)
{
	struct vm_page old = { .number = 0 }, new = { .number = 1 };
	struct vm_line line;

	vm_line_init(&line, 3);
	vm_line_put_hot(&line, &old);
	old.weight = 9;
	core_set_up(0);
	vm_queue_exchange(&vm->queue, &old, &new);
	CHECK(old.list == 0 && old.weight == 0);
	CHECK(!vm_node_linked(&old.queue));
	CHECK(new.list == 3 && new.weight == 9);
	CHECK(vm_list_first(&line.pages) == &new.queue);
	/* Of a page on no queue nothing is to be kept. */
	atomic_store(&old.flags, VM_PGA_CACHED);
	vm_line_remove(&line, &new);
	new.weight = 0;
	vm_queue_exchange(&vm->queue, &new, &old);
	CHECK(old.list == 0 && old.flags == 0);
	core_tear_down();
}

TEST(what_its_user_and_its_pager_said_of_a_page_stays)
{
	struct vm_frame_run run;
	struct vm_page *page;

	scatter(0);
	page = core_grab(7, VM_GRAB_WRITE);
	vm_page_set_nosync(page, true);
	vm_page_release(page);
	for (int turn = 0; turn < 2; turn++) {
		CHECK_INT(ask(32, 0, &run), 0);
		vm_frame_free(vm, &run);
	}
	CHECK((page_at(7)->flags & VM_PGA_NOSYNC) != 0);
	CHECK((page_at(7)->flags & VM_PGA_NEW) == 0);
	check_bytes();
	core_tear_down();
}

/* ---- other ways to ask --------------------------------------------------- */

TEST(pages_that_are_to_be_neighbours_find_room)
{
	struct vm_page *page[8];

	scatter(0);
	CHECK_INT(vm_page_grab_contig(object, 3, 8, VM_GRAB_WRITE, page), 0);
	for (unsigned i = 0; i < 8; i++) {
		CHECK_INT(page[i]->pindex, 3 + i);
		CHECK(page[i] == page[0] + i);
	}
	vm_page_release_many(page, 8);
	audit(vm);
	check_bytes();
	check_file();
	core_tear_down();
}

enum { OTHERS = 60 };

static struct vm_frame_run others[OTHERS];

/* 40 pages are not free: the daemon sees to that, and then nobody finds them
 * together. */
static void
set_up_short(void)
{
	struct vm_frame_request r = VM_FRAME_REQUEST_INIT;
	struct vm_frame_run run;

	scatter(0);
	r.count = 1;
	r.segments = 2;
	for (unsigned i = 0; i < OTHERS; i++)
		CHECK_INT(vm_frame_alloc(vm, &r, &others[i]), 0);
	CHECK_INT(ask(40, 0, &run), -ENOMEM);
	CHECK(strstr(vm_last_error(), "this class") != NULL);
}

static void
check_and_tear_down_short(struct vm_frame_run *run)
{
	CHECK_INT(place_of(run), 0);
	for (unsigned i = 0; i < 40; i++)
		memset(vm_page_data(vm_frame_at(run, i)), 1, PAGE);
	for (unsigned i = 0; i < OTHERS; i++)
		vm_frame_free(vm, &others[i]);
	check_bytes();
	vm_frame_free(vm, run);
	check_file();
	core_tear_down();
}

TEST(who_waits_has_room_made)
{
	struct vm_frame_run run;

	set_up_short();
	CHECK_INT(ask(40, VM_ALLOC_WAIT, &run), 0);
	check_and_tear_down_short(&run);
}

static struct vm_page *(*real_compact)(struct vm_limit *limit,
    const struct vm_run_options *options);
static struct vm_page *in_the_way;

/* The first time a page is busy; then it is not. */
static struct vm_page *
compact_twice(struct vm_limit *limit, const struct vm_run_options *options)
{
	struct vm_page *first = real_compact(limit, options);

	if (in_the_way != NULL) {
		CHECK(first == NULL);
		vm_page_release(in_the_way);
		in_the_way = NULL;
	}
	return first;
}

TEST(who_waits_outlasts_a_page_that_is_busy)
{
	struct vm_frame_run run;

	set_up_short();
	in_the_way = core_grab(0, VM_GRAB_WRITE);
	real_compact = vm->limit.compact;
	vm->limit.compact = compact_twice;
	CHECK_INT(ask(40, VM_ALLOC_WAIT, &run), 0);
	CHECK(in_the_way == NULL);
	check_and_tear_down_short(&run);
}

TEST(a_run_that_fits_is_not_made_by_moving)
{
	uint64_t before;
	struct vm_frame_run run;

	core_set_up(0);
	for (uint64_t i = 0; i < 20; i++)
		CHECK_INT(core_get(i, 0), i);
	before = vm_object_generation(object);
	CHECK_INT(ask(8, 0, &run), 0);
	CHECK_INT(vm_object_generation(object), before);
	vm_frame_free(vm, &run);
	core_tear_down();
}

/* ---- stores -------------------------------------------------------------- */

TEST(a_run_of_a_segment_sends_its_pages_to_another)
{
	struct vm_frame_run run;

	set_up(0);
	for (uint64_t i = 0; i < FRAMES; i++)
		core_put(i, stamp(i));
	CHECK_INT(free_in_first(), 0);
	CHECK_INT(ask(16, 0, &run), 0);
	CHECK(place_of(&run) < FRAMES);
	for (unsigned i = 0; i < 16; i++)
		memset(vm_page_data(vm_frame_at(&run, i)), 1, PAGE);
	for (uint64_t i = 0; i < FRAMES; i++)
		CHECK_INT(core_get(i, 1), stamp(i));
	vm_frame_free(vm, &run);
	audit(vm);
	core_tear_down();
}

/* Each frame of the first segment but one is a page of a store; no other frame
 * can become hollow, unless hollow. */
static void
fill_with_store(bool dirty, bool hollow)
{
	struct vm_frame_request r = VM_FRAME_REQUEST_INIT;
	struct vm_frame_run run[FRAMES];

	set_up(VM_OBJECT_STORE);
	r.count = 1;
	r.segments = 2;
	for (unsigned i = 0; i < FRAMES; i++)
		CHECK_INT(vm_frame_alloc(vm, &r, &run[i]), 0);
	for (unsigned i = 0; i < FRAMES; i++)
		vm_frame_free(vm, &run[i]);
	for (uint64_t i = 0; i < FRAMES - 1; i++) {
		if (dirty)
			core_put(i, stamp(i));
		else
			CHECK_INT(core_get(i, 0), i);
	}
	CHECK_INT(free_in_first(), 1);
	hollow_none = !hollow;
}

TEST(a_page_of_a_store_moves_without_its_bytes)
{
	struct vm_frame_run run;

	fill_with_store(true, true);
	CHECK_INT(ask(8, 0, &run), 0);
	CHECK_INT(object->resident, FRAMES - 1);
	CHECK_INT(object->dirty, FRAMES - 1);
	for (unsigned i = 0; i < 8; i++)
		memset(vm_page_data(vm_frame_at(&run, i)), 1, PAGE);
	audit(vm);
	vm_frame_free(vm, &run);
	for (uint64_t i = 0; i < FRAMES - 1; i++)
		CHECK_INT(core_get(i, 1), stamp(i));
	core_tear_down();
}

/* While a frame is looked for elsewhere, others become free: one of the block
 * itself may be what is found, and it is hollow. */
TEST(a_hollow_frame_of_the_block_is_for_the_pool_from_then_on)
{
	struct vm_page *page[2 * FRAMES];
	struct vm_frame_run run;
	unsigned count = 0;

	fill_with_store(false, true);
	forget_next = true;
	CHECK_INT(ask(8, 0, &run), 0);
	CHECK(!forget_next);
	for (unsigned i = 0; i < 8; i++)
		memset(vm_page_data(vm_frame_at(&run, i)), 0x5a, PAGE);
	vm_frame_free(vm, &run);
	while (vm_page_alloc(vm, VM_ALLOC_INTERRUPT | VM_ALLOC_ZERO,
	    &page[count]) == 0) {
		const char *bytes = vm_page_data(page[count++]);

		CHECK(bytes[0] == 0 && memcmp(bytes, bytes + 1,
		    PAGE - 1) == 0);
	}
	CHECK(count >= FRAMES);
	while (count > 0)
		vm_page_free(page[--count], 0);
	audit(vm);
	core_tear_down();
}

TEST(a_clean_page_of_a_store_leaves_where_there_is_no_hollow_frame)
{
	struct vm_frame_run run;

	fill_with_store(false, false);
	CHECK_INT(ask(4, 0, &run), 0);
	CHECK(object->resident < FRAMES - 1);
	CHECK_INT(vm_counter_read(vm->counters, VM_COUNTER_evicted_clean),
	    FRAMES - 1 - object->resident);
	audit(vm);
	hollow_none = false;
	vm_frame_free(vm, &run);
	for (uint64_t i = 0; i < FRAMES - 1; i++)
		CHECK_INT(core_get(i, 0), i);
	core_tear_down();
}

/* The frame that is free is no longer whichever was left, but one with
 * neighbours on both sides: blocks are aligned by address, so at the ends of
 * the segment a frame may be in no block of two. */
static void
free_one_within(void)
{
	uint64_t i = 0;

	core_put(FRAMES - 1, stamp(FRAMES - 1));
	CHECK_INT(free_in_first(), 0);
	while (page_at(i)->number == base() ||
	    page_at(i)->number == base() + FRAMES - 1)
		i++;
	CHECK_INT(vm_object_sync(object, i * PAGE, PAGE), 0);
	CHECK(vm_cached_try_free(object, i));
	CHECK_INT(free_in_first(), 1);
}

TEST(a_dirty_page_never_leaves_and_what_was_claimed_goes_back)
{
	struct vm_frame_run run;
	uint32_t free;

	fill_with_store(true, true);
	free_one_within();
	hollow_none = true;
	free = vm->limit.free;
	CHECK_INT(ask(2, 0, &run), -ENOMEM);
	CHECK_INT(vm->limit.free, free);
	CHECK_INT(free_in_first(), 1);
	CHECK_INT(object->dirty, FRAMES - 1);
	audit(vm);
	hollow_none = false;
	for (uint64_t i = 0; i < FRAMES; i++)
		CHECK_INT(core_get(i, 1), stamp(i));
	core_tear_down();
}

/* ---- frames by number ---------------------------------------------------- */

TEST(a_free_frame_is_taken_by_its_number_and_no_other)
{
	uint32_t at, end;
	struct vm_page *page;

	scatter(0);
	page = frame(9);	/* beside page 4 */
	at = page->number;
	end = base() + FRAMES;
	vm_frames_drain(&vm->frames);
	CHECK_INT(vm_frames_count_free(&vm->frames, base(), end), PAIRS);
	CHECK(!vm_frame_take_at(&vm->frames, at - 1));	/* page 4 itself */
	CHECK(vm_frame_take_at(&vm->frames, at));
	CHECK(!vm_frame_take_at(&vm->frames, at));
	CHECK_INT(vm_frames_count_free(&vm->frames, base(), end), PAIRS - 1);
	CHECK_INT(vm_frames_count_free(&vm->frames, at - 1, at + 1), 0);
	vm_frame_give_run(&vm->frames, page, 1);
	CHECK_INT(vm_frames_count_free(&vm->frames, at - 1, at + 1), 1);
	audit(vm);
	core_tear_down();
}

TEST(a_frame_in_a_larger_block_is_cut_out_of_it)
{
	uint32_t at;

	set_up(0);
	take_all();
	for (unsigned i = 0; i < FRAMES; i++)
		vm_page_free(loose[i], 0);
	at = base() + 37;
	vm_frames_drain(&vm->frames);
	CHECK(vm_frame_take_at(&vm->frames, at));
	CHECK_INT(vm_frames_count_free(&vm->frames, base() + 3, base() +
	    FRAMES), FRAMES - 4);
	CHECK_INT(vm_frames_count_free(&vm->frames, at - 2, at + 2), 3);
	vm_frame_give_run(&vm->frames, vm_page_of(vm, at + 1), 1);
	audit(vm);
	CHECK_INT(vm_frames_count_free(&vm->frames, base(), base() + FRAMES),
	    FRAMES);
	core_tear_down();
}

TEST(a_system_that_compacts_already_dies_when_told_again)
{
	core_set_up(0);
	CHECK_DIES(vm_compact_init(vm));
	core_tear_down();
}
