/* SPDX-License-Identifier: BSD-2-Clause */
/* The list behind vm_map: areas, their parts, and the gate.  The addresses are
 * made up; nobody touches them. */
#include "map/area.h"

#include <pthread.h>
#include <stdio.h>

#include "one_object.h"

enum { FROM = 0x100000, PAGES = 10 };

static struct vm_area *
add(uintptr_t start, uint64_t pages, unsigned prot)
{
	struct vm_area *area = vm_area_new(vm->areas, object, pages);

	CHECK(area != NULL);
	area->start = start;
	vm_areas_insert(vm->areas, area, prot);
	return area;
}

static void
drop(struct vm_area *area)
{
	vm_areas_remove(area);
	vm_area_free(vm->areas, area);
}

static uintptr_t
page(unsigned i)
{
	return FROM + i * PAGE;
}

/* The pieces of [from, to): start page, pages and rights of each. */
static void
check_pieces(unsigned from, unsigned to, const char *expected)
{
	char said[200] = "";
	struct vm_piece piece;
	uintptr_t at = page(from);

	while (vm_areas_next(vm->areas, at, page(to), &piece)) {
		size_t used = strlen(said);

		snprintf(said + used, sizeof(said) - used, "%u+%u:%u ",
		    (unsigned)(piece.start - FROM) / PAGE,
		    (unsigned)(piece.end - piece.start) / PAGE,
		    piece.part->prot);
		at = piece.end;
	}
	CHECK_STR(said, expected);
}

TEST(areas_are_found_by_address)
{
	struct vm_area *second, *first;

	core_set_up(0);
	check_pieces(0, 50, "");
	second = add(page(20), PAGES, 2);
	first = add(page(0), PAGES, 1);
	check_pieces(0, 50, "0+10:1 20+10:2 ");
	check_pieces(3, 25, "3+7:1 20+5:2 ");
	check_pieces(10, 20, "");
	CHECK(vm_areas_cover(vm->areas, page(0), page(10)));
	CHECK(!vm_areas_cover(vm->areas, page(0), page(11)));
	CHECK(!vm_areas_cover(vm->areas, page(15), page(25)));
	CHECK(vm_areas_cover(vm->areas, page(15), page(15)));
	second->pindex = 7;
	CHECK_INT(vm_area_pindex(second, page(23)), 10);
	drop(second);
	drop(first);
	core_tear_down();
}

TEST(neighbours_cover_together)
{
	struct vm_area *a, *b;

	core_set_up(0);
	a = add(page(0), PAGES, 1);
	b = add(page(10), PAGES, 1);
	CHECK(vm_areas_cover(vm->areas, page(5), page(15)));
	check_pieces(5, 15, "5+5:1 10+5:1 ");
	drop(a);
	drop(b);
	core_tear_down();
}

TEST(parts_fall_apart_and_come_together)
{
	struct vm_area *area;
	struct vm_piece piece;

	core_set_up(0);
	area = add(page(0), PAGES, 3);
	CHECK_INT(vm_areas_isolate(vm->areas, page(3), page(6)), 0);
	check_pieces(0, 10, "0+3:3 3+3:3 6+4:3 ");
	CHECK(vm_areas_next(vm->areas, page(3), page(6), &piece));
	piece.part->prot = 1;
	vm_areas_join(vm->areas, 0, UINTPTR_MAX);
	check_pieces(0, 10, "0+3:3 3+3:1 6+4:3 ");
	piece.part->prot = 3;
	vm_areas_join(vm->areas, 0, UINTPTR_MAX);
	check_pieces(0, 10, "0+10:3 ");
	CHECK_INT(vm_areas_isolate(vm->areas, page(0), page(10)), 0);
	check_pieces(0, 10, "0+10:3 ");
	CHECK_INT(vm_areas_isolate(vm->areas, page(9), page(30)), 0);
	check_pieces(0, 10, "0+9:3 9+1:3 ");
	CHECK(vm_areas_next(vm->areas, page(9), page(30), &piece));
	piece.part->wired = true;
	vm_areas_join(vm->areas, 0, UINTPTR_MAX);
	check_pieces(0, 10, "0+9:3 9+1:3 ");
	drop(area);
	core_tear_down();
}

TEST(a_part_that_is_dropped_is_a_hole)
{
	struct vm_area *area;
	struct vm_piece piece;

	core_set_up(0);
	area = add(page(0), PAGES, 3);
	CHECK_INT(vm_areas_isolate(vm->areas, page(3), page(6)), 0);
	CHECK(vm_areas_next(vm->areas, page(3), page(6), &piece));
	vm_area_drop(vm->areas, piece.part);
	check_pieces(0, 10, "0+3:3 6+4:3 ");
	CHECK(!vm_areas_cover(vm->areas, page(2), page(4)));
	CHECK_INT(vm_areas_isolate(vm->areas, page(4), page(5)), 0);
	vm_areas_join(vm->areas, 0, UINTPTR_MAX);
	check_pieces(0, 10, "0+3:3 6+4:3 ");
	drop(area);
	core_tear_down();
}

TEST(without_memory_a_part_stays_whole)
{
	struct vm_area *area;

	core_set_up(0);
	for (unsigned call = 1; call <= 2; call++) {
		faulty.fail_at = faulty.calls + call;
		CHECK(vm_area_new(vm->areas, object, 1) == NULL);
	}
	area = add(page(0), PAGES, 3);
	faulty.fail_at = faulty.calls + 1;
	CHECK_INT(vm_areas_isolate(vm->areas, page(3), page(6)), -ENOMEM);
	check_pieces(0, 10, "0+10:3 ");
	faulty.fail_at = faulty.calls + 2;
	CHECK_INT(vm_areas_isolate(vm->areas, page(3), page(6)), -ENOMEM);
	vm_areas_join(vm->areas, 0, UINTPTR_MAX);
	check_pieces(0, 10, "0+10:3 ");
	drop(area);
	core_tear_down();
}

TEST(areas_do_not_overlap)
{
	core_set_up(0);
	(void)add(page(0), PAGES, 3);
	CHECK_DIES(add(page(5), PAGES, 3));
	drop(VM_ENTRY(vm_list_first(&vm->areas->list), struct vm_area, link));
	core_tear_down();
}

static int inside;	/* plain on purpose: only the gate orders it */

static void *
pass(void *arg)
{
	for (int i = 0; i < 500; i++) {
		vm_areas_enter(vm->areas);
		CHECK_INT(inside++, 0);
		vm->os->yield();
		inside--;
		vm_areas_leave(vm->areas);
	}
	return arg;
}

TEST(one_at_a_time_is_in_the_gate)
{
	pthread_t other[2];

	core_set_up(0);
	for (int i = 0; i < 2; i++)
		CHECK(pthread_create(&other[i], NULL, pass, NULL) == 0);
	pass(NULL);
	for (int i = 0; i < 2; i++)
		CHECK(pthread_join(other[i], NULL) == 0);
	CHECK_DIES(vm_areas_leave(vm->areas));
	core_tear_down();
}

static void *
leave_later(void *arg)
{
	vm->os->yield();
	vm_area_unhold(arg);
	return NULL;
}

TEST(who_ends_an_area_waits_for_its_users)
{
	struct vm_area *area;
	pthread_t user;

	core_set_up(0);
	area = add(page(0), PAGES, 3);
	vm_area_hold(area);
	CHECK_DIES(vm_area_free(vm->areas, area));
	CHECK(pthread_create(&user, NULL, leave_later, area) == 0);
	vm_area_await(vm->areas, area);
	CHECK_INT(atomic_load(&area->users), 0);
	CHECK(pthread_join(user, NULL) == 0);
	drop(area);
	core_tear_down();
}
