/* SPDX-License-Identifier: BSD-2-Clause */
/* Pages that get another identity, what objects count of it, and races between
 * who renames, who cleans and who evicts: object/life.c. */
#include "life_fixture.h"

/* ---- renaming ------------------------------------------------------------ */

/* M30, C5: Mach's profile. */
TEST(a_clean_page_that_is_renamed_stays_clean_and_busy)
{
	struct vm_page *page;
	uint32_t external;

	set_up();
	page = core_grab(5, VM_GRAB_WRITE);
	external = (uint32_t)vm_objects_external(vm);
	CHECK_INT(vm_page_rename(page, anon, 9, 0), 0);
	CHECK(vm_page_object(page) == anon && vm_page_pindex(page) == 9);
	CHECK_INT(vm_page_busied(page), -1);
	CHECK_INT(page->dirty, 0);
	CHECK_INT(vm_objects_external(vm), external - 1);
	CHECK(!core_resident(5));
	CHECK_INT(words(page)[0], 5);
	vm_page_release(page);
	tear_down();
}

static bool
in_swap(uint64_t pindex)
{
	unsigned count;

	return anon->pager->ops->extent(anon->pager, pindex, 1, &count) ==
	    VM_PAGER_OK;
}

/* F29: FreeBSD's profile; C5. */
TEST(a_page_renamed_as_dirty_is_dirty_and_its_swap_forgotten)
{
	struct vm_page *page;

	set_up();
	CHECK_INT(vm_page_grab(anon, 3, VM_GRAB_WRITE | VM_GRAB_ZERO, &page),
	    0);
	words(page)[0] = 33;
	vm_page_dirty(page, 0, 8);
	vm_page_release(page);
	CHECK_INT(vm_object_flush(anon, 0, VM_LENGTH_ALL), 0);
	CHECK(in_swap(3));
	CHECK_INT(vm_page_grab(anon, 3, VM_GRAB_WRITE, &page), 0);
	CHECK_INT(page->dirty, 0);
	CHECK_INT(vm_page_rename(page, anon, 4,
	    VM_RENAME_DIRTY | VM_RENAME_UNBUSY), 0);
	CHECK_INT(vm_page_busied(page), 0);
	CHECK_INT(page->dirty, vm_page_all_blocks(PAGE));
	CHECK(!in_swap(3));
	CHECK_INT(anon->dirty, 1);
	CHECK_INT(vm_object_flush(anon, 0, VM_LENGTH_ALL), 0);
	CHECK(in_swap(4));
	CHECK_INT(vm_page_grab(anon, 3, VM_GRAB_READ, &page), 0);
	CHECK_INT(words(page)[0], 0);
	vm_page_release(page);
	tear_down();
}

TEST(only_valid_blocks_become_dirty_by_a_rename)
{
	struct vm_page *page;

	set_up();
	page = alloc_at(anon, 3);
	page->valid = 6;
	CHECK_INT(vm_page_rename(page, anon, 4, VM_RENAME_DIRTY), 0);
	CHECK_INT(page->dirty, 6);
	page->valid = 0;
	vm_page_free(page, 0);
	page = alloc_at(anon, 3);
	CHECK_INT(vm_page_rename(page, anon, 4, VM_RENAME_DIRTY |
	    VM_RENAME_UNBUSY), 0);
	CHECK_INT(page->dirty, 0);
	tear_down();
}

TEST(a_rename_that_is_refused_changes_nothing)
{
	struct vm_page *page, *there, *reader;
	uint64_t generation;

	set_up();
	there = alloc_at(anon, 4);
	page = alloc_at(anon, 3);
	generation = vm_object_generation(anon);
	CHECK_INT(vm_page_rename(page, anon, 4, 0), -EEXIST);
	CHECK_INT(vm_page_rename(page, anon, 4, VM_RENAME_REPLACE), -EBUSY);
	there->valid = vm_page_all_blocks(PAGE);
	vm_page_release(there);
	CHECK_INT(vm_page_rename(page, anon, 4, 0), -EEXIST);
	CHECK_INT(vm_page_grab(anon, 4, VM_GRAB_READ, &reader), 0);
	CHECK_INT(vm_page_rename(page, anon, 4, VM_RENAME_REPLACE), -EBUSY);
	vm_page_release(reader);
	CHECK_INT(vm_page_rename(page, anon, 50, 0), -ERANGE);
	CHECK_INT(vm_page_rename(page, anon, 4, 0x100), -EINVAL);
	CHECK_INT(vm_object_generation(anon), generation);
	CHECK(vm_page_lookup(anon, 3) == page && page->pindex == 3);
	CHECK_INT(vm_page_rename(page, anon, 3, VM_RENAME_UNBUSY), 0);
	page = alloc_at(anon, 5);
	CHECK_INT(vm_page_rename(page, anon, 4, VM_RENAME_REPLACE |
	    VM_RENAME_UNBUSY), 0);
	CHECK(vm_page_lookup(anon, 4) == page && there->object == NULL);
	CHECK_INT(anon->resident, 2);
	tear_down();
}

TEST(a_page_is_not_renamed_as_dirty_into_what_is_read_only)
{
	struct vm_object *fixed;
	struct vm_page *page;

	set_up();
	CHECK_INT(vm_object_create_file(vm, core_fd, 0, VM_LENGTH_ALL, 0,
	    &fixed), 0);
	page = alloc_at(anon, 3);
	page->valid = vm_page_all_blocks(PAGE);
	CHECK_INT(vm_page_rename(page, fixed, 3, VM_RENAME_DIRTY), -EACCES);
	CHECK_INT(vm_page_rename(page, fixed, 3, 0), 0);
	CHECK_DIES(vm_page_dirty(page, 0, 8));
	vm_page_release(page);
	CHECK_INT(vm_object_destroy(fixed), 0);
	tear_down();
}

/* ---- gauges and callbacks ------------------------------------------------ */

/* M05: the gauge is what a recount says, whatever happens to pages. */
TEST(pages_of_files_are_counted_wherever_they_come_and_go)
{
	struct vm_page *page, *old;

	set_up();
	page = alloc(0);
	CHECK_INT(vm_objects_external(vm), 0);
	CHECK_INT(vm_page_insert(page, object, 1), 0);
	CHECK_INT(vm_objects_external(vm), 1);
	vm_page_release(page);
	CHECK_INT(vm_page_replace(alloc(0), object, 1, &old), 0);
	CHECK_INT(vm_objects_external(vm), 1);
	vm_page_free(old, 0);
	page = vm_page_lookup(object, 1);
	CHECK_INT(vm_page_rename(page, anon, 1, 0), 0);
	CHECK_INT(vm_objects_external(vm), 0);
	CHECK_INT(vm_page_rename(page, object, 1, 0), 0);
	CHECK_INT(vm_objects_external(vm), 1);
	CHECK_INT(vm_page_remove(page), 0);
	CHECK_INT(vm_objects_external(vm), 0);
	vm_page_free(page, 0);
	for (uint64_t i = 0; i < FILE_PAGES; i++)
		CHECK_INT(core_get(i, 0), i);
	CHECK_INT(vm_objects_external(vm), object->resident);
	CHECK_INT(vm_object_forget(object), 0);
	CHECK_INT(vm_objects_external(vm), 0);
	tear_down();
}

static int told[2];

static void
count_told(struct vm_object *o, int pages, void *arg)
{
	CHECK(o == anon && arg == told);
	told[pages]++;
}

/* F45, R21, R24. */
TEST(an_object_tells_of_its_first_page_and_its_last)
{
	struct vm_page *page, *other;

	set_up();
	told[0] = told[1] = 0;
	CHECK_INT(vm_object_set_notify(anon, count_told, told), 0);
	page = alloc_at(anon, 3);
	CHECK_INT(told[1], 1);
	CHECK_INT(vm_object_set_notify(anon, NULL, NULL), -EBUSY);
	other = alloc_at(anon, 4);
	CHECK_INT(told[1], 1);
	vm_page_free(page, 0);
	CHECK_INT(told[0], 0);
	vm_page_release(other);
	CHECK_INT(vm_page_replace(alloc(0), anon, 4, NULL), 0);
	CHECK_INT(told[0] + told[1], 1);
	vm_page_free(vm_page_lookup(anon, 4), 0);
	CHECK_INT(told[0], 1);
	for (uint64_t i = 0; i < 20; i++)
		vm_page_release(alloc_at(anon, i));
	CHECK_INT(told[1], 2);
	CHECK_INT(vm_object_discard_dirty(anon), 0);
	CHECK_INT(told[0], 2);
	tear_down();
}

/* M24. */
static bool
deactivated(uint64_t pindex)
{
	struct vm_page *page = vm_page_lookup(anon, pindex);

	return vm_queue_activity(&vm->queue, page) == 0;
}

/* The policy freebsd tells active from inactive pages. */
static void
set_up_behind(void)
{
	struct vm_options o = VM_OPTIONS_INIT;

	faulty_reset();
	o.resident_max_bytes = CORE_LIMIT_PAGES * PAGE;
	o.swap_directory = core_directory();
	o.policy = "freebsd";
	CHECK_INT(vm_create_on(&o, &faulty_os, &pmap_nobody, &vm), 0);
	core_new_file();
	CHECK_INT(vm_object_create_file(vm, core_fd, 0, VM_LENGTH_ALL,
	    VM_OBJECT_WRITABLE, &object), 0);
	CHECK_INT(vm_object_create_anon(vm, 50 * PAGE, 0, &anon), 0);
}

static const char *
queue_of(uint64_t pindex)
{
	return vm_queue_name(&vm->queue, vm_page_lookup(anon, pindex));
}

static void
add_used(uint64_t pindex)
{
	struct vm_page *page = alloc_at(anon, pindex);

	vm_queue_place(&vm->queue, page, VM_PLACE_ACTIVE);
	vm_page_release(page);
}

TEST(pages_are_left_behind_a_sequence)
{
	struct vm_page *busy;

	set_up_behind();
	vm_object_set_behind(anon, 1);
	for (uint64_t i = 0; i < 3; i++)
		add_used(i);
	CHECK_STR(queue_of(0), "inactive");
	CHECK_STR(queue_of(1), "inactive");
	CHECK_STR(queue_of(2), "active");
	busy = alloc_at(anon, 3);	/* 2 is left behind */
	vm_queue_place(&vm->queue, busy, VM_PLACE_ACTIVE);
	add_used(4);
	CHECK_STR(queue_of(2), "inactive");
	CHECK_STR(queue_of(3), "active");	/* busy: passed over */
	vm_page_release(busy);
	add_used(20);
	add_used(10);
	CHECK_STR(queue_of(4), "active");	/* no sequence */
	CHECK_STR(queue_of(20), "active");
	vm_object_set_behind(anon, 0);
	add_used(11);
	CHECK_STR(queue_of(10), "active");
	vm_object_set_behind(anon, 1);
	add_used(12);				/* where it was is known */
	CHECK_STR(queue_of(11), "inactive");
	CHECK(!deactivated(12));
	tear_down();
}

/*
 * M31: renamers against who evicts, cleans and reads.  Each mover has the seats
 * that are equal to its number modulo MOVERS, and one page for each second of
 * them, so that it knows which seat is empty in swap too.
 */
enum { MOVERS = 3, MOVES = 3000, SEATS = 12, SEATED = SEATS / 2 };

static uint64_t
seat(uint64_t mover, uint64_t i)
{
	return i * MOVERS + mover;
}

static void
sit_down(uint64_t mover, uint64_t i)
{
	struct vm_page *page;

	CHECK_INT(vm_page_grab(anon, seat(mover, i), VM_GRAB_WRITE |
	    VM_GRAB_ZERO, &page), 0);
	words(page)[0] = mover * SEATS + i;
	words(page)[1] = ~words(page)[0];
	vm_page_release(page);
}

static void
move_one(uint64_t mover, uint64_t *who, unsigned random)
{
	uint64_t from = random % SEATS, to = random / SEATS % SEATS;
	struct vm_page *page;

	if (who[from] == 0 || who[to] != 0)
		return;
	CHECK_INT(vm_page_grab(anon, seat(mover, from), VM_GRAB_WRITE,
	    &page), 0);
	CHECK_INT(words(page)[0], who[from] - 1);
	CHECK_INT(words(page)[1], ~words(page)[0]);
	CHECK_INT(vm_page_rename(page, anon, seat(mover, to),
	    VM_RENAME_DIRTY | VM_RENAME_UNBUSY), 0);
	who[to] = who[from];
	who[from] = 0;
}

static void *
move_about(void *arg)
{
	uint64_t mover = (uintptr_t)arg, who[SEATS] = { 0 };
	unsigned random = (unsigned)mover * 7919 + 3;

	for (uint64_t i = 0; i < SEATED; i++) {
		sit_down(mover, i);
		who[i] = mover * SEATS + i + 1;
	}
	for (unsigned i = 0; i < MOVES; i++) {
		random = random * 1664525 + 1013904223;
		move_one(mover, who, random >> 8);
		if (i % 64 == 0)
			CHECK_INT(vm_object_flush(anon, 0, VM_LENGTH_ALL), 0);
		if (i % 16 == 0)
			CHECK_INT(vm_object_forget(anon), 0);
	}
	return NULL;
}

TEST(pages_that_move_while_others_evict_them_are_not_lost)
{
	pthread_t mover[MOVERS];
	struct vm_page *page;
	uint64_t sum = 0, expected = 0;

	set_up();
	for (uintptr_t i = 0; i < MOVERS; i++)
		CHECK_INT(pthread_create(&mover[i], NULL, move_about,
		    (void *)i), 0);
	for (int i = 0; i < MOVERS; i++)
		CHECK_INT(pthread_join(mover[i], NULL), 0);
	for (uint64_t i = 0; i < MOVERS * SEATS; i++) {
		CHECK_INT(vm_page_grab(anon, i, VM_GRAB_READ, &page), 0);
		sum += words(page)[0];
		vm_page_release(page);
	}
	for (uint64_t i = 0; i < MOVERS * SEATED; i++)
		expected += i / SEATED * SEATS + i % SEATED;
	CHECK_INT(sum, expected);
	tear_down();
}
