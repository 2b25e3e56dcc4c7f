/* SPDX-License-Identifier: BSD-2-Clause */
/* Free lists against naive sets; the kernel says what the arena holds.  Hollow
 * frames and trims (frame/hollow.c) too. */
#include "frame/frame.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/error.h"
#include "base/rng.h"
#include "check.h"
#include "os/os.h"

enum { COUNT = 300, PAGE = 4096 };

/* The real system, but for drop: counted, and refused when so told. */
static struct vm_os os;
static unsigned drops, maps_allowed;
static bool drop_fails;

static int
counted_drop(void *base, size_t bytes)
{
	drops++;
	return drop_fails ? -EINVAL : vm_os_linux.drop(base, bytes);
}

static int
counted_map_anon(size_t bytes, void **out)
{
	if (maps_allowed == 0)
		return -ENOMEM;
	maps_allowed--;
	return vm_os_linux.map_anon(bytes, out);
}

/* One processor, whatever the scheduler does. */
static unsigned
first_cpu(void)
{
	return 0;
}

static void
setup(struct vm_frames *f, uint32_t count)
{
	os = vm_os_linux;
	os.drop = counted_drop;
	os.map_anon = counted_map_anon;
	os.cpu = first_cpu;
	drops = 0;
	maps_allowed = 2;
	drop_fails = false;
	CHECK_INT(vm_frames_init(f, &os, count, PAGE), 0);
}

static bool
has_memory(const struct vm_frames *f, const struct vm_page *page)
{
	unsigned char in = 0;

	CHECK(mincore(vm_frame_data(f, page), PAGE, &in) == 0);
	return in & 1;
}

static bool
warm(const struct vm_page *page)
{
	return (atomic_load(&page->flags) & VM_PGA_WARM) != 0;
}

TEST(a_new_system_has_written_to_nothing)
{
	struct vm_frames f;
	unsigned char in = 1;

	setup(&f, COUNT);
	CHECK(mincore(f.pages, 1, &in) == 0 && (in & 1) == 0);
	CHECK(mincore(f.arena, 1, &in) == 0 && (in & 1) == 0);
	vm_frames_fini(&f);
}

/* Pages of memory that this process has now. */
static long
memory_pages(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	char line[128];
	long pages = 0;

	CHECK(file != NULL && fgets(line, sizeof(line), file) != NULL);
	CHECK(sscanf(line, "%*d %ld", &pages) == 1);
	fclose(file);
	return pages;
}

TEST(a_large_system_costs_nothing_to_create)
{
	struct vm_frames f;
	struct vm_page *page;
	long before = memory_pages();

	setup(&f, UINT32_C(1) << 26);	/* 256 GiB of 4 KiB pages */
	CHECK_INT(vm_frame_take(&f, VM_HOME_POOL, &page, 1), 1);
	vm_frame_give(&f, &page, 1);
	CHECK(memory_pages() - before < 512);	/* 2 MiB */
	vm_frames_fini(&f);
}

TEST(every_descriptor_is_taken_once_and_is_clean)
{
	struct vm_frames f;
	struct vm_page *pages[COUNT + 1];
	bool seen[COUNT] = { false };

	setup(&f, COUNT);
	CHECK_INT(vm_frame_take(&f, VM_HOME_POOL, pages, COUNT + 1), COUNT);
	CHECK_INT(vm_frame_take(&f, VM_HOME_POOL, pages + COUNT, 1), 0);
	CHECK_INT(vm_frame_take(&f, VM_HOME_STORE, pages + COUNT, 1), 0);
	for (unsigned i = 0; i < COUNT; i++) {
		CHECK(pages[i]->number < COUNT && !seen[pages[i]->number]);
		seen[pages[i]->number] = true;
		CHECK(pages[i]->object == NULL && pages[i]->list == 0);
		CHECK(pages[i]->valid == 0 && pages[i]->dirty == 0);
		CHECK(vm_frame_data(&f, pages[i]) ==
		    f.arena + (size_t)pages[i]->number * PAGE);
	}
	vm_frame_give(&f, pages, COUNT);
	vm_frames_fini(&f);
}

TEST(what_the_last_holder_left_is_gone)
{
	struct vm_frames f;
	struct vm_page *page;

	setup(&f, COUNT);
	CHECK_INT(vm_frame_take(&f, VM_HOME_POOL, &page, 1), 1);
	page->valid = 7;
	page->dirty = 7;
	page->weight = 7;
	page->pindex = 9;
	atomic_fetch_or(&page->flags, VM_PGA_SPECULATIVE);
	vm_frame_give(&f, &page, 1);
	CHECK_INT(vm_frame_take(&f, VM_HOME_POOL, &page, 1), 1);
	CHECK(page->valid == 0 && page->dirty == 0 && page->weight == 0);
	CHECK(page->pindex == 0);
	CHECK_INT(atomic_load(&page->flags), VM_PGA_WARM);
	vm_frame_give(&f, &page, 1);
	vm_frames_fini(&f);
}

TEST(the_store_home_never_touches_the_arena)
{
	struct vm_frames f;
	struct vm_page *pages[COUNT];

	setup(&f, COUNT);
	for (int round = 0; round < 3; round++) {
		CHECK_INT(vm_frame_take(&f, VM_HOME_STORE, pages, COUNT),
		    COUNT);
		vm_frame_give(&f, pages, COUNT);
	}
	CHECK_INT(drops, 0);
	for (unsigned i = 0; i < COUNT; i++)
		CHECK(!has_memory(&f, &f.pages[i]));
	vm_frames_fini(&f);
}

TEST(the_pool_gets_the_page_given_last_and_its_memory)
{
	struct vm_frames f;
	struct vm_page *pages[3], *again;

	setup(&f, COUNT);
	CHECK_INT(vm_frame_take(&f, VM_HOME_POOL, pages, 3), 3);
	memset(vm_frame_data(&f, pages[1]), 5, PAGE);
	vm_frame_give(&f, &pages[0], 1);
	vm_frame_give(&f, &pages[1], 1);
	CHECK_INT(vm_frame_take(&f, VM_HOME_POOL, &again, 1), 1);
	CHECK(again == pages[1]);
	CHECK(*(char *)vm_frame_data(&f, again) == 5);
	vm_frame_give(&f, &again, 1);
	vm_frame_give(&f, &pages[2], 1);
	CHECK_INT(drops, 0);
	vm_frames_fini(&f);
}

TEST(hollowing_drops_neighbours_in_one_call)
{
	struct vm_frames f;
	struct vm_page *pages[COUNT], *hollow[VM_FRAME_HOLLOW_BATCH];

	setup(&f, COUNT);
	CHECK_INT(vm_frame_take(&f, VM_HOME_POOL, pages, COUNT), COUNT);
	for (unsigned i = 0; i < COUNT; i++)
		memset(vm_frame_data(&f, pages[i]), 1, PAGE);
	vm_frame_give(&f, pages, COUNT);
	CHECK_INT(vm_frame_take(&f, VM_HOME_STORE, hollow,
	    VM_FRAME_HOLLOW_BATCH), VM_FRAME_HOLLOW_BATCH);
	CHECK_INT(drops, 1);
	for (unsigned i = 0; i < VM_FRAME_HOLLOW_BATCH; i++) {
		CHECK(!warm(hollow[i]));
		CHECK(!has_memory(&f, hollow[i]));
	}
	vm_frame_give(&f, hollow, VM_FRAME_HOLLOW_BATCH);
	vm_frames_fini(&f);
}

TEST(hollowing_leaves_taken_neighbours_alone)
{
	struct vm_frames f;
	struct vm_page *pages[COUNT], *hollow[COUNT];
	unsigned given = 0;

	setup(&f, COUNT);
	CHECK_INT(vm_frame_take(&f, VM_HOME_POOL, pages, COUNT), COUNT);
	for (unsigned i = 0; i < COUNT; i++) {
		memset(vm_frame_data(&f, pages[i]), 1, PAGE);
		if (i % 5 == 0)
			continue;
		vm_frame_give(&f, &pages[i], 1);
		given++;
	}
	CHECK_INT(vm_frame_take(&f, VM_HOME_STORE, hollow, COUNT), given);
	/* And one for the frame that was in a magazine. */
	CHECK_INT(drops, COUNT / 5 + 1);
	for (unsigned i = 0; i < COUNT; i += 5)
		CHECK(*(char *)vm_frame_data(&f, pages[i]) == 1);
	vm_frame_give(&f, hollow, given);
	for (unsigned i = 0; i < COUNT; i += 5)
		vm_frame_give(&f, &pages[i], 1);
	vm_frames_fini(&f);
}

TEST(a_refused_drop_gives_fewer_pages_and_loses_none)
{
	struct vm_frames f;
	struct vm_page *pages[COUNT];

	setup(&f, COUNT);
	CHECK_INT(vm_frame_take(&f, VM_HOME_POOL, pages, 10), 10);
	vm_frame_give(&f, pages, 10);
	drop_fails = true;
	CHECK_INT(vm_frame_take(&f, VM_HOME_STORE, pages, COUNT), COUNT - 10);
	CHECK_INT(vm_frame_take(&f, VM_HOME_POOL, pages + COUNT - 10, 10), 10);
	vm_frame_give(&f, pages, COUNT);
	vm_frames_fini(&f);
}

TEST(no_address_space_is_an_error_with_a_sentence)
{
	struct vm_frames f;

	setup(&f, COUNT);
	vm_frames_fini(&f);
	for (maps_allowed = 0; maps_allowed < 2;) {
		unsigned allowed = maps_allowed;

		CHECK_INT(vm_frames_init(&f, &os, COUNT, PAGE), -ENOMEM);
		CHECK(strstr(vm_error_text(), allowed == 0
		    ? "cannot map 1228800 bytes for the arena"
		    : "for page descriptors") != NULL);
		maps_allowed = allowed + 1;
	}
}

TEST(giving_back_what_is_still_in_use_dies)
{
	struct vm_frames f;
	struct vm_page *page, copy;
	struct vm_page *wrong = &copy;

	setup(&f, COUNT);
	CHECK_INT(vm_frame_take(&f, VM_HOME_POOL, &page, 1), 1);
	copy = *page;
	CHECK_DIES(vm_frame_give(&f, &wrong, 1));
	CHECK_DIES(page->object = (void *)&f; vm_frame_give(&f, &page, 1));
	CHECK_DIES(atomic_store(&page->wires, 1); vm_frame_give(&f, &page, 1));
	CHECK_DIES(page->list = 1; vm_frame_give(&f, &page, 1));
	CHECK_DIES(atomic_store(&page->flags, VM_PGA_LAUNDRY);
	    vm_frame_give(&f, &page, 1));
	CHECK_DIES(vm_frames_fini(&f));
	vm_frame_give(&f, &page, 1);
	CHECK_DIES(vm_frame_give(&f, &page, 1));
	vm_frames_fini(&f);
}

/* -- model ----------------------------------------------------------------- */

enum state { FREE, HELD_POOL, HELD_STORE };

struct model {
	enum state state[COUNT];
	unsigned held;
};

static bool
is_free(const struct vm_frames *f, unsigned i)
{
	uint32_t head;
	unsigned order;
	const struct vm_buddy *buddy = &f->segments.array[0].buddy;
	bool fresh = i >= buddy->fresh_first && i < buddy->fresh_end;
	bool block = vm_buddy_find(buddy, i, &head, &order);
	bool magazine = f->pages[i].pindex == VM_PINDEX_MAGAZINE;

	CHECK_INT((int)fresh + (int)block + (int)magazine <= 1, 1);
	return fresh || block || magazine;
}

static void
check_model(struct vm_frames *f, const struct model *m)
{
	struct vm_segment_count count;

	CHECK(vm_frames_audit(f) == NULL);
	for (unsigned i = 0; i < COUNT; i++) {
		const struct vm_page *page = &f->pages[i];

		CHECK_INT(is_free(f, i), m->state[i] == FREE);
		CHECK(m->state[i] != HELD_STORE || !warm(page));
		CHECK(m->state[i] != HELD_POOL || warm(page));
		CHECK(m->state[i] != HELD_STORE || !has_memory(f, page));
	}
	vm_frames_count(f, 0, &count);
	CHECK_INT(count.free, COUNT - m->held);
}

static void
take_some(struct vm_frames *f, struct model *m, struct vm_rng *rng)
{
	struct vm_page *pages[COUNT];
	unsigned want = (unsigned)vm_rng_below(rng, 90);
	unsigned left = COUNT - m->held;
	bool pool = vm_rng_below(rng, 2) == 0;

	CHECK_INT(vm_frame_take(f, pool ? VM_HOME_POOL : VM_HOME_STORE, pages,
	    want), want < left ? want : left);
	for (unsigned i = 0; i < want && i < left; i++) {
		uint32_t number = pages[i]->number;

		CHECK(m->state[number] == FREE);
		m->state[number] = pool ? HELD_POOL : HELD_STORE;
		m->held++;
		if (pool)
			memset(vm_frame_data(f, pages[i]), 1, PAGE);
	}
}

static void
give_some(struct vm_frames *f, struct model *m, struct vm_rng *rng)
{
	struct vm_page *pages[COUNT];
	unsigned n = 0, first = (unsigned)vm_rng_below(rng, COUNT);
	unsigned most = (unsigned)vm_rng_below(rng, 90);

	for (unsigned i = 0; i < COUNT && n < most; i++) {
		unsigned number = (first + i) % COUNT;

		if (m->state[number] == FREE)
			continue;
		m->state[number] = FREE;
		m->held--;
		pages[n++] = &f->pages[number];
	}
	vm_frame_give(f, pages, n);
}

TEST(the_lists_are_what_naive_sets_say)
{
	struct vm_rng rng = { check_seed() };
	struct model m = { .held = 0 };
	struct vm_frames f;

	setup(&f, COUNT);
	for (int i = 0; i < 2000; i++) {
		if (vm_rng_below(&rng, 2) == 0)
			take_some(&f, &m, &rng);
		else
			give_some(&f, &m, &rng);
		check_model(&f, &m);
	}
	while (m.held > 0)
		give_some(&f, &m, &rng);
	vm_frames_fini(&f);
}
