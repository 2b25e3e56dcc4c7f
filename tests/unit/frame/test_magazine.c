/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is in a magazine, and that a promised frame is found whatever the
 * magazines hold.
 *
 * Proved by mutation: a drain that passes over magazines that are taken, or
 * over the zeroer's hand, a giver and a zeroer who do not look at draining, and
 * a drain of every magazine but the last each fail one of these tests.
 */
#include "frame/magazine.h"

#include <pthread.h>

#include "base/rng.h"
#include "frame/frame_private.h"
#include "frames_fixture.h"

/* 16 Ki frames: 16 in a stack. */
enum { COUNT = 16384, STACK = 16 };

static const struct vm_frames_options plain;

static uint32_t
in_magazines(struct vm_frames *f)
{
	return vm_magazines_count(f, 0, f->count);
}

TEST(a_stack_has_a_share_of_the_frames_from_1_to_128)
{
	static const struct {
		uint32_t count, size;
	} want[] = { { 16, 1 }, { 1024, 1 }, { COUNT, STACK },
		{ 128 * 1024, 128 }, { 1024 * 1024, 128 } };
	struct vm_frames f;

	for (unsigned i = 0; i < 5; i++) {
		frames_create(&f, want[i].count, plain);
		CHECK_INT(f.magazines.size, want[i].size);
		frames_end(&f);
	}
	frames_create(&f, COUNT, (struct vm_frames_options){ .colours = 4 });
	CHECK_INT(f.magazines.size, 0);
	give_one(&f, take_one(&f));
	CHECK_INT(in_magazines(&f), 0);
	frames_end(&f);
}

TEST(half_a_stack_is_filled_and_emptied_at_a_time)
{
	struct vm_frames f;
	struct vm_page *page[COUNT];

	frames_create(&f, COUNT, plain);
	page[0] = take_one(&f);
	CHECK_INT(in_magazines(&f), STACK / 2 - 1);
	for (unsigned i = 1; i < STACK / 2; i++)
		page[i] = take_one(&f);
	CHECK_INT(in_magazines(&f), 0);
	CHECK_INT(vm_frame_take(&f, VM_HOME_POOL, page + STACK / 2, 100), 100);
	CHECK_INT(in_magazines(&f), 0);	/* many go past it */
	for (unsigned i = 0; i < STACK; i++)
		give_one(&f, page[i]);
	CHECK_INT(in_magazines(&f), STACK);
	give_one(&f, page[STACK]);
	CHECK_INT(in_magazines(&f), STACK / 2 + 1);
	vm_frame_give(&f, page + STACK + 1, 100 - STACK / 2 - 1);
	frames_end(&f);
}

TEST(what_is_given_last_is_taken_first_with_its_stale_bytes)
{
	struct vm_frames f;
	struct vm_page *a, *b;

	frames_create(&f, COUNT, plain);
	a = take_one(&f);
	b = take_one(&f);
	memset(vm_frame_data(&f, a), 1, FRAME_BYTES);
	memset(vm_frame_data(&f, b), 2, FRAME_BYTES);
	b->valid = 7;
	give_one(&f, a);
	give_one(&f, b);
	CHECK(take_one(&f) == b);
	CHECK_INT(*(char *)vm_frame_data(&f, b), 2);
	CHECK_INT(b->valid, 0);		/* nobody knows what they are */
	CHECK(take_one(&f) == a);
	CHECK_INT(*(char *)vm_frame_data(&f, a), 1);
	give_one(&f, a);
	give_one(&f, b);
	frames_end(&f);
}

TEST(addresses_rise_through_a_magazine_as_in_the_buddies)
{
	struct vm_frames f;
	struct vm_page *page[100];

	frames_create(&f, COUNT, plain);
	for (unsigned i = 0; i < 100; i++) {
		page[i] = take_one(&f);
		CHECK_INT(page[i]->number, i);
	}
	vm_frame_give(&f, page, 100);
	frames_end(&f);
}

TEST(hollow_and_warm_frames_are_in_stacks_of_their_own)
{
	struct vm_frames f;
	struct vm_page *warm = NULL, *hollow = NULL, *page;

	frames_create(&f, COUNT, plain);
	warm = take_one(&f);
	CHECK_INT(vm_frame_take(&f, VM_HOME_STORE, &hollow, 1), 1);
	give_one(&f, warm);
	give_one(&f, hollow);
	CHECK_INT(vm_frame_take(&f, VM_HOME_STORE, &page, 1), 1);
	CHECK(page == hollow);
	CHECK_INT(atomic_load(&page->flags), 0);
	CHECK(take_one(&f) == warm);
	CHECK_INT(atomic_load(&warm->flags), VM_PGA_WARM);
	give_one(&f, warm);
	give_one(&f, hollow);
	frames_end(&f);
}

TEST(a_magazine_that_is_taken_is_passed_by)
{
	struct vm_frames f;
	struct vm_page *page;

	frames_create(&f, COUNT, plain);
	CHECK(vm_magazine_try(&f.magazines.array[0].busy));
	CHECK(!vm_magazine_try(&f.magazines.array[0].busy));
	page = take_one(&f);
	give_one(&f, page);
	vm_magazine_leave(&f.magazines.array[0].busy);
	CHECK_INT(in_magazines(&f), 0);
	frames_end(&f);
}

TEST(nothing_goes_into_a_magazine_while_they_are_drained)
{
	struct vm_frames f;
	struct vm_page *page;

	frames_create(&f, COUNT, plain);
	page = take_one(&f);
	CHECK(in_magazines(&f) != 0);
	vm_magazines_drain_begin(&f);
	CHECK_INT(in_magazines(&f), 0);
	give_one(&f, page);
	give_one(&f, take_one(&f));
	CHECK_INT(in_magazines(&f), 0);
	vm_magazines_drain_end(&f);
	give_one(&f, take_one(&f));
	CHECK(in_magazines(&f) != 0);
	frames_end(&f);
}

TEST(a_frame_in_another_processors_magazine_is_found)
{
	struct vm_frames f;
	struct vm_page *page[COUNT], *last;

	frames_create(&f, COUNT, plain);
	for (unsigned cpu = 0; cpu < VM_MAGAZINES; cpu++) {
		CHECK_INT(vm_frame_take(&f, VM_HOME_POOL, page, COUNT),
		    COUNT);
		atomic_store(&machine_cpu, cpu);
		give_one(&f, page[COUNT - 1]);
		CHECK_INT(in_magazines(&f), 1);
		atomic_store(&machine_cpu, cpu + 1);
		last = take_one(&f);
		CHECK(last == page[COUNT - 1]);
		CHECK_INT(vm_frame_take(&f, VM_HOME_POOL, &last, 1), 0);
		vm_frame_give(&f, page, COUNT);
	}
	frames_end(&f);
}

/* What the thread does that has a magazine, or the hand, when it is let run. */
static void (*others_turn)(void);
static struct vm_frames *of_others;
static struct vm_page *in_hand;

static void
let_others_run(void)
{
	others_turn();
}

static void
leave_magazine(void)
{
	vm_magazine_leave(&of_others->magazines.array[0].busy);
}

static void
leave_hand(void)
{
	vm_lock(&of_others->lock);
	vm_frame_put_locked(of_others, in_hand);
	vm_unlock(&of_others->lock);
	vm_magazine_leave(&of_others->zeroer.hand);
}

TEST(a_drain_waits_for_who_has_a_magazine)
{
	struct vm_frames f;
	struct vm_page *page[COUNT];

	frames_create(&f, COUNT, plain);
	machine.yield = let_others_run;
	others_turn = leave_magazine;
	of_others = &f;
	CHECK_INT(vm_frame_take(&f, VM_HOME_POOL, page, COUNT), COUNT);
	give_one(&f, page[7]);
	CHECK(vm_magazine_try(&f.magazines.array[0].busy));
	CHECK(take_one(&f) == page[7]);
	vm_frame_give(&f, page, COUNT);
	frames_end(&f);
}

TEST(a_drain_waits_for_the_zeroers_hand)
{
	struct vm_frames f;
	struct vm_page *page[COUNT];

	frames_create(&f, COUNT, plain);
	machine.yield = let_others_run;
	others_turn = leave_hand;
	of_others = &f;
	CHECK_INT(vm_frame_take(&f, VM_HOME_POOL, page, COUNT), COUNT);
	in_hand = page[9];
	CHECK(vm_magazine_try(&f.zeroer.hand));
	CHECK(take_one(&f) == page[9]);
	vm_frame_give(&f, page, COUNT);
	frames_end(&f);
}

TEST(processors_beyond_the_last_magazine_share_them)
{
	struct vm_frames f;

	frames_create(&f, COUNT, plain);
	atomic_store(&machine_cpu, 5 * VM_MAGAZINES + 3);
	give_one(&f, take_one(&f));
	CHECK_INT(f.magazines.array[3].pool.count, STACK / 2);
	frames_end(&f);
}

TEST(giving_twice_dies_in_a_magazine_too)
{
	struct vm_frames f;
	struct vm_page *page;

	frames_create(&f, COUNT, plain);
	page = take_one(&f);
	give_one(&f, page);
	CHECK(page->pindex == VM_PINDEX_MAGAZINE);
	CHECK_DIES(give_one(&f, page));
	frames_end(&f);
}

TEST(trimming_gives_memory_back_and_only_then)
{
	struct vm_frames f;
	struct vm_page *page;
	unsigned char in;

	frames_create(&f, COUNT, plain);
	page = take_one(&f);
	memset(vm_frame_data(&f, page), 1, FRAME_BYTES);
	give_one(&f, page);
	CHECK(mincore(vm_frame_data(&f, page), FRAME_BYTES, &in) == 0);
	CHECK_INT(in & 1, 1);
	CHECK_INT(vm_frames_trim(&f, 1000), 1);
	CHECK(mincore(vm_frame_data(&f, page), FRAME_BYTES, &in) == 0);
	CHECK_INT(in & 1, 0);
	CHECK_INT(vm_frames_trim(&f, 1000), 0);
	frames_end(&f);
}

/* -- threads --------------------------------------------------------------- */

enum { THREADS = 4, FRAMES = 64, ROUNDS = 20000 };

static struct vm_frames shared;

/*
 * Each thread owns a promise of FRAMES / THREADS frames all the time, and
 * takes and gives them one at a time: there is always one for it.  The
 * processor it is on changes at every step.
 */
static void *
take_and_give(void *arg)
{
	struct vm_rng rng = { (uintptr_t)arg };
	struct vm_page *page[FRAMES / THREADS];
	unsigned held = 0;

	for (unsigned i = 0; i < ROUNDS; i++) {
		atomic_store(&machine_cpu, (unsigned)vm_rng_below(&rng, 64));
		if (held == FRAMES / THREADS ||
		    (held > 0 && vm_rng_below(&rng, 2) == 0)) {
			unsigned at = (unsigned)vm_rng_below(&rng, held);

			give_one(&shared, page[at]);
			page[at] = page[--held];
			continue;
		}
		page[held++] = take_one(&shared);
	}
	vm_frame_give(&shared, page, held);
	return NULL;
}

TEST(frames_promised_to_threads_are_always_found)
{
	pthread_t thread[THREADS];
	uintptr_t seed = (uintptr_t)check_seed();

	frames_create(&shared, FRAMES, plain);
	/* The zeroer's hand follows the same rule. */
	CHECK_INT(vm_zeroer_start(&shared, 100, 100), 0);
	for (unsigned i = 0; i < THREADS; i++)
		CHECK(pthread_create(&thread[i], NULL, take_and_give,
		    (void *)(seed + i)) == 0);
	for (unsigned i = 0; i < THREADS; i++)
		CHECK(pthread_join(thread[i], NULL) == 0);
	vm_zeroer_stop(&shared);
	frames_end(&shared);
}
