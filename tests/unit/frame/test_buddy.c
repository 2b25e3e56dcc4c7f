/* SPDX-License-Identifier: BSD-2-Clause */
/* Blocks against a naive array of what each frame is. */
#include "frame/buddy.h"

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "check.h"

/* 3000 frames, the first at page 1021 of memory: no block of the largest order
 * begins at either end. */
enum { COUNT = 3000, PLACE = 1021 };

static struct vm_page pages[COUNT];

static void
make(struct vm_buddy *b, uint32_t colours, bool high_first)
{
	struct vm_buddy_options o = { .pages = pages, .end = COUNT,
		.address_pages = PLACE, .colours = colours,
		.high_first = high_first };

	memset(pages, 0, sizeof(pages));
	vm_buddy_init(b, &o);
}

static void
audit(const struct vm_buddy *b)
{
	const char *wrong = vm_buddy_audit(b);

	CHECK_STR(wrong == NULL ? "" : wrong, "");
}

/* What who takes frames does with their descriptors. */
static void
hand_out(uint32_t number, uint32_t count)
{
	for (uint32_t i = number; i < number + count; i++)
		atomic_store(&pages[i].flags, 0);
}

static uint32_t
take(struct vm_buddy *b, enum vm_kind kind, unsigned order)
{
	uint32_t number;

	CHECK(vm_buddy_take(b, kind, order, &number));
	CHECK_INT((number + PLACE) % (1u << order), 0);
	hand_out(number, 1u << order);
	return number;
}

static uint32_t
blocks(const struct vm_buddy *b)
{
	uint32_t sum = 0;

	for (unsigned i = 0; i < VM_ORDERS; i++)
		sum += b->blocks[i];
	return sum;
}

TEST(fresh_frames_come_low_first_or_high_first)
{
	struct vm_buddy b;

	make(&b, 1, false);
	for (uint32_t i = 0; i < COUNT; i++)
		CHECK_INT(take(&b, VM_KIND_HOLLOW, 0), i);
	make(&b, 1, true);
	for (uint32_t i = COUNT; i-- > 0;)
		CHECK_INT(take(&b, VM_KIND_HOLLOW, 0), i);
	CHECK_INT(vm_buddy_free(&b), 0);
}

TEST(fresh_frames_are_not_written_to)
{
	static const struct vm_page untouched;
	struct vm_buddy b;

	make(&b, 1, false);
	CHECK_INT(vm_buddy_free(&b), COUNT);
	(void)take(&b, VM_KIND_HOLLOW, 0);
	for (uint32_t i = 4; i < COUNT; i++)
		CHECK(memcmp(&pages[i], &untouched, sizeof(untouched)) == 0);
	audit(&b);
}

TEST(a_block_is_halved_and_merges_to_one_again)
{
	struct vm_buddy b;
	uint32_t block;

	make(&b, 1, false);
	block = take(&b, VM_KIND_HOLLOW, 10);
	vm_buddy_give(&b, block, block + 1024, VM_KIND_WARM);
	for (uint32_t i = 0; i < 1024; i++)
		CHECK_INT(take(&b, VM_KIND_WARM, 0), block + i);
	CHECK_INT(b.free[VM_KIND_WARM], 0);
	/* Back in an order that leaves holes as long as it can. */
	for (uint32_t i = 0; i < 1024; i += 2)
		vm_buddy_give(&b, block + i, block + i + 1, VM_KIND_WARM);
	CHECK_INT(b.blocks[0], 512 + 1);	/* and one of the hollow ones */
	for (uint32_t i = 1; i < 1024; i += 2)
		vm_buddy_give(&b, block + i, block + i + 1, VM_KIND_WARM);
	CHECK_INT(take(&b, VM_KIND_WARM, 10), block);
	vm_buddy_give(&b, block, block + 1024, VM_KIND_WARM);
	audit(&b);
}

TEST(halves_of_different_kinds_stay_apart_until_unified)
{
	struct vm_buddy b;
	uint32_t pair, number;

	make(&b, 1, false);
	pair = take(&b, VM_KIND_HOLLOW, 1);
	vm_buddy_give(&b, pair, pair + 1, VM_KIND_WARM);
	vm_buddy_give(&b, pair + 1, pair + 2, VM_KIND_ZEROED);
	CHECK(!vm_buddy_take(&b, VM_KIND_WARM, 1, &number));
	CHECK(!vm_buddy_take(&b, VM_KIND_ZEROED, 1, &number));
	CHECK_INT(b.free[VM_KIND_ZEROED], 1);
	audit(&b);
	vm_buddy_unify(&b);
	audit(&b);
	CHECK_INT(b.free[VM_KIND_ZEROED], 0);
	CHECK_INT(b.free[VM_KIND_HOLLOW], 0);
	(void)take(&b, VM_KIND_WARM, 1);
}

TEST(nothing_merges_across_the_ends_of_the_segment)
{
	struct vm_buddy b;

	make(&b, 1, false);
	while (vm_buddy_fresh(&b) != 0)
		(void)take(&b, VM_KIND_HOLLOW, 0);
	vm_buddy_give(&b, 0, COUNT, VM_KIND_WARM);
	audit(&b);
	/* 1 + 2 to page 1024, then 2 * 1024, then 949 = 0b1110110101. */
	CHECK_INT(b.blocks[10], 2);
	CHECK_INT(blocks(&b), 2 + 2 + 7);
	CHECK_INT(vm_buddy_free(&b), COUNT);
}

TEST(a_block_is_found_from_any_of_its_frames)
{
	struct vm_buddy b;
	uint32_t block, head;
	unsigned order;

	make(&b, 1, false);
	block = take(&b, VM_KIND_HOLLOW, 6);
	CHECK(!vm_buddy_find(&b, block + 5, &head, &order));
	vm_buddy_give(&b, block, block + 32, VM_KIND_WARM);
	for (uint32_t i = block; i < block + 32; i++) {
		CHECK(vm_buddy_find(&b, i, &head, &order));
		CHECK(head == block && order == 5);
	}
	CHECK(!vm_buddy_find(&b, block + 32, &head, &order));
	CHECK(!vm_buddy_find(&b, COUNT, &head, &order));
	CHECK_INT(vm_buddy_kind(&b, block), VM_KIND_WARM);
	vm_buddy_take_block(&b, block);
	CHECK_INT(b.free[VM_KIND_WARM], 0);
	CHECK_DIES(vm_buddy_take_block(&b, block));
}

/* -- colours --------------------------------------------------------------- */

TEST(a_colour_comes_out_of_a_block_that_has_all)
{
	struct vm_buddy b;
	uint32_t number, seen[8] = { 0 };

	make(&b, 8, false);
	for (uint32_t i = 0; i < COUNT - 100; i++) {
		CHECK(vm_buddy_take_colour(&b, VM_KIND_HOLLOW, i, &number));
		hand_out(number, 1);
		seen[vm_buddy_colour(&b, number)]++;
		CHECK(i > COUNT - 200 ||
		    vm_buddy_colour(&b, number) == i % 8);
	}
	/* Who asks for one after the other is served evenly. */
	for (unsigned i = 0; i < 8; i++)
		CHECK(seen[i] > (COUNT - 100) / 8 - 2);
	audit(&b);
}

/* Every frame is taken; then one of each colour named is free, and alone. */
static void
leave_colours(struct vm_buddy *b, const unsigned *colours, unsigned count)
{
	make(b, 8, false);
	while (vm_buddy_free(b) != 0)
		(void)take(b, VM_KIND_HOLLOW, 0);
	for (unsigned i = 0; i < count; i++) {
		/* Far from each other: no two of them merge. */
		uint32_t number = 100 * (i + 1);

		while (vm_buddy_colour(b, number) != colours[i])
			number++;
		vm_buddy_give(b, number, number + 1, VM_KIND_HOLLOW);
	}
}

TEST(other_colours_are_tried_from_half_away_to_next_above_first)
{
	static const unsigned all[] = { 0, 1, 2, 3, 4, 5, 6, 7 };
	static const unsigned order[] = { 2, 6, 5, 7, 4, 0, 3, 1 };
	struct vm_buddy b;
	uint32_t number;

	leave_colours(&b, all, 8);
	for (unsigned i = 0; i < 8; i++) {
		CHECK(vm_buddy_take_colour(&b, VM_KIND_HOLLOW, 2, &number));
		CHECK_INT(vm_buddy_colour(&b, number), order[i]);
	}
	CHECK(!vm_buddy_take_colour(&b, VM_KIND_HOLLOW, 2, &number));
}

TEST(colours_must_be_a_power_of_two)
{
	struct vm_buddy b;

	CHECK_DIES(make(&b, 3, false));
	CHECK_DIES(make(&b, 0, false));
	CHECK_DIES(make(&b, 128, false));
}

/* -- audit ----------------------------------------------------------------- */

TEST(the_audit_sees_what_is_wrong)
{
	struct vm_buddy b;
	uint32_t block;

	make(&b, 1, false);
	block = take(&b, VM_KIND_HOLLOW, 1);
	vm_buddy_give(&b, block, block + 1, VM_KIND_WARM);
	audit(&b);
	b.free[VM_KIND_WARM]++;
	CHECK(strstr(vm_buddy_audit(&b), "free frames") != NULL);
	b.free[VM_KIND_WARM]--;
	b.blocks[0]++;
	CHECK(strstr(vm_buddy_audit(&b), "free blocks") != NULL);
	b.blocks[0]--;
	pages[block].weight = 2;
	CHECK(vm_buddy_audit(&b) != NULL);
	pages[block].weight = 0;
	CHECK(strstr(vm_buddy_audit(&b), "in no block") != NULL);
	pages[block].weight = 20;
	CHECK(strstr(vm_buddy_audit(&b), "leaves") != NULL);
	pages[block].weight = 1;
	pages[block].object = (void *)&b;
	CHECK(strstr(vm_buddy_audit(&b), "identity") != NULL);
	pages[block].object = NULL;
	audit(&b);
}

/* -- model ----------------------------------------------------------------- */

enum { TAKEN = VM_KINDS };

struct model {
	uint8_t is[COUNT];
	struct vm_buddy b;
	struct vm_rng rng;
};

static void
model_take(struct model *m)
{
	unsigned order = (unsigned)vm_rng_below(&m->rng, 6);
	enum vm_kind kind = (enum vm_kind)vm_rng_below(&m->rng, VM_KINDS);
	uint32_t number;

	if (!vm_buddy_take(&m->b, kind, order, &number))
		return;
	hand_out(number, 1u << order);
	for (uint32_t i = number; i < number + (1u << order); i++) {
		CHECK_INT(m->is[i], kind);
		m->is[i] = TAKEN;
	}
}

static void
model_give(struct model *m)
{
	uint32_t first = (uint32_t)vm_rng_below(&m->rng, COUNT), end = first;
	uint32_t most = (uint32_t)vm_rng_below(&m->rng, 80);
	enum vm_kind kind = (enum vm_kind)vm_rng_below(&m->rng, VM_KINDS);

	while (end < COUNT && end - first < most && m->is[end] == TAKEN)
		m->is[end++] = (uint8_t)kind;
	vm_buddy_give(&m->b, first, end, kind);
}

static void
model_check(struct model *m)
{
	uint32_t count[VM_KINDS + 1] = { 0 };

	audit(&m->b);
	for (uint32_t i = 0; i < COUNT; i++)
		count[m->is[i]]++;
	CHECK_INT(m->b.free[VM_KIND_WARM], count[VM_KIND_WARM]);
	CHECK_INT(m->b.free[VM_KIND_ZEROED], count[VM_KIND_ZEROED]);
	CHECK_INT(m->b.free[VM_KIND_HOLLOW] + vm_buddy_fresh(&m->b),
	    count[VM_KIND_HOLLOW]);
}

TEST(blocks_are_what_a_naive_array_says)
{
	static struct model m;

	for (unsigned round = 0; round < 4; round++) {
		m.rng = (struct vm_rng){ check_seed() + round };
		make(&m.b, round % 2 == 0 ? 1 : 16, round / 2 != 0);
		memset(m.is, VM_KIND_HOLLOW, sizeof(m.is));
		for (unsigned i = 0; i < 4000; i++) {
			if (vm_rng_below(&m.rng, 2) == 0)
				model_take(&m);
			else
				model_give(&m);
			if (i % 16 == 0)
				model_check(&m);
		}
	}
}
