/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Figures: what each call changes, and the text in three forms and under four
 * families of names (api/figures.c).
 */
#include <stdio.h>

#include "object/retire.h"
#include "one_object.h"
#include "pageout/evict.h"

static struct vm_stat before, now;

static void
look(void)
{
	before = now;
	now = (struct vm_stat)VM_STAT_INIT;
	CHECK_INT(vm_stat(vm, &now), 0);
}

/* 64 pages, nothing resident, all free. */
static void
set_up(void)
{
	core_set_up(0);
	look();
	look();
}

#define GREW(field, by) CHECK_INT(now.field - before.field, by)

enum { ROOM = 1 << 15 };

static char text[ROOM];

static void
print(enum vm_format format)
{
	int length = vm_stat_print(vm, format, text, sizeof(text));

	CHECK(length > 0 && length < ROOM);
	CHECK_INT(strlen(text), (size_t)length);
}

/* "name: value" is a whole line of the text. */
static void
check_line(const char *name, uint64_t value)
{
	char line[128];

	snprintf(line, sizeof(line), "\n%s: %llu\n", name,
	    (unsigned long long)value);
	if (strstr(text, line) == NULL)
		CHECK_STR(text, line);
}

TEST(a_new_system_has_all_its_pages_free)
{
	set_up();
	CHECK_INT(now.limit_pages, CORE_LIMIT_PAGES);
	CHECK_INT(now.capacity_pages, CORE_LIMIT_PAGES);
	CHECK_INT(now.free_pages, CORE_LIMIT_PAGES);
	CHECK_INT(now.available_pages, CORE_LIMIT_PAGES);
	CHECK_INT(now.resident_pages + now.active_pages + now.inactive_pages +
	    now.cached_pages + now.wired_pages + now.dirty_pages, 0);
	CHECK_INT(now.objects, 1);
	CHECK_INT(now.spaces, 0);
	core_tear_down();
}

TEST(a_miss_changes_these_figures_and_a_hit_those)
{
	set_up();
	(void)core_get(3, 0);
	look();
	GREW(grabs, 1);
	GREW(grab_misses, 1);
	GREW(faults, 1);
	GREW(pages_in, 1);
	GREW(reads, 1);
	GREW(read_bytes, PAGE);
	GREW(pages_taken, 1);
	GREW(free_pages, UINT64_MAX);
	GREW(resident_pages, 1);
	GREW(external_pages, 1);
	CHECK_INT(now.active_pages + now.inactive_pages, 1);
	(void)core_get(3, 0);
	look();
	GREW(grabs, 1);
	GREW(grab_misses, 0);
	GREW(pages_taken, 0);
	core_tear_down();
}

TEST(a_write_and_its_sync_change_these)
{
	set_up();
	core_put(1, 5);
	look();
	GREW(dirty_pages, 1);
	CHECK_INT(vm_object_sync(object, 0, PAGE * 4), 0);
	look();
	GREW(dirty_pages, UINT64_MAX);
	GREW(pages_out, 1);
	GREW(writes, 1);
	GREW(written_bytes, PAGE);
	GREW(syncs, 1);
	core_tear_down();
}

TEST(a_wire_and_an_eviction_change_these)
{
	set_up();
	CHECK_INT(vm_object_wire(object, 0, PAGE), 0);
	look();
	GREW(wired_pages, 1);
	CHECK_INT(vm_object_unwire(object, 0, PAGE), 0);
	look();
	GREW(wired_pages, UINT64_MAX);
	CHECK_INT(vm_evict_range(object, 0, 1, 0), 0);
	look();
	GREW(pages_freed, 1);
	GREW(free_pages, 1);
	GREW(resident_pages, UINT64_MAX);
	core_tear_down();
}

TEST(zeroing_is_counted_apart_from_reading)
{
	set_up();
	vm_page_release(core_grab(9, VM_GRAB_WRITE | VM_GRAB_ZERO));
	look();
	GREW(pages_zeroed, 1);
	GREW(pages_in, 0);
	GREW(reads, 0);
	core_tear_down();
}

TEST(cached_pages_are_available_and_come_back)
{
	struct vm_page *page;

	set_up();
	page = core_grab(4, VM_GRAB_WRITE);
	CHECK_INT(vm_page_cache(page), 1);
	vm_page_release(page);
	look();
	CHECK_INT(now.cached_pages, 1);
	CHECK_INT(now.active_pages + now.inactive_pages, 0);
	CHECK_INT(now.free_pages, CORE_LIMIT_PAGES - 1);
	CHECK_INT(now.available_pages, CORE_LIMIT_PAGES);
	(void)core_get(4, 0);
	look();
	CHECK_INT(now.cached_pages, 0);
	GREW(reactivated, 1);
	CHECK_INT(now.active_pages + now.inactive_pages, 1);
	core_tear_down();
}

/* Pages on the lists of zeroed frames, by their blocks: the first frame of each
 * has the order and one in its weight, the others have 0 (frame/buddy.h). */
static uint64_t
recount_zeroed(void)
{
	uint64_t count = 0;

	vm_frames_drain(&vm->frames);
	for (uint32_t i = 0; i < vm->frames.count; i++) {
		struct vm_page *page = &vm->frames.pages[i];
		const uint16_t both = VM_PGA_FREE | VM_PGA_ZERO;

		if ((atomic_load(&page->flags) & both) == both &&
		    page->weight != 0)
			count += UINT64_C(1) << (page->weight - 1);
	}
	return count;
}

TEST(zeroed_free_pages_are_as_many_as_a_recount_finds)
{
	struct vm_page *page[3];

	set_up();
	CHECK_INT(vm_limit_take(&vm->limit, VM_HOME_POOL, VM_CLASS_NORMAL, 0,
	    page, 3), 3);
	for (unsigned i = 0; i < 3; i++) {
		memset(vm_frame_data(&vm->frames, page[i]), 0, PAGE);
		atomic_fetch_or(&page[i]->flags, VM_PGA_ZERO);
	}
	vm_limit_give(&vm->limit, page, 3);
	look();
	CHECK_INT(now.free_zeroed_pages, 3);
	CHECK_INT(recount_zeroed(), 3);
	print(VM_FORMAT_TEXT);
	check_line("vm.stats.vm.zero_count", 3);
	check_line("uvmexp.zeropages", 3);
	core_tear_down();
}

/* ---- as text ------------------------------------------------------------ */

TEST(text_has_what_freebsds_show_page_prints)
{
	set_up();
	(void)core_get(0, 0);
	core_put(1, 1);
	CHECK_INT(vm_object_wire(object, 2 * PAGE, PAGE), 0);
	look();
	print(VM_FORMAT_TEXT);
	check_line("vm.stats.vm.v_page_count", CORE_LIMIT_PAGES);
	check_line("vm.stats.vm.v_free_count", CORE_LIMIT_PAGES - 3);
	check_line("vm.stats.vm.v_cache_count", 0);
	check_line("vm.stats.vm.v_active_count", now.active_pages);
	check_line("vm.stats.vm.v_inactive_count", now.inactive_pages);
	check_line("vm.stats.vm.v_wire_count", 1);
	check_line("vm.stats.vm.v_free_reserved", now.reserved_pages);
	check_line("vm.stats.vm.v_free_min", now.min_pages);
	check_line("vm.stats.vm.v_free_target", now.target_pages);
	check_line("vm.stats.vm.v_cache_min", now.low_pages);
	check_line("vm.stats.vm.v_tfree", 0);
	check_line("vm.stats.vm.v_reactivated", 0);
	check_line("vm.stats.vm.zero_count", 0);
	CHECK_INT(vm_object_unwire(object, 2 * PAGE, PAGE), 0);
	core_tear_down();
}

TEST(text_has_the_names_of_mach_and_netbsd)
{
	set_up();
	core_put(1, 1);
	print(VM_FORMAT_TEXT);
	check_line("vm_statistics.free_count", CORE_LIMIT_PAGES - 1);
	check_line("vm_statistics.pageins", 1);
	check_line("vm_statistics.lookups", 1);
	check_line("vm_statistics.laundry_count", 0);
	check_line("vm_statistics.external_page_count", 1);
	check_line("uvmexp.npages", CORE_LIMIT_PAGES);
	check_line("uvmexp.free", CORE_LIMIT_PAGES - 1);
	check_line("uvmexp.faults", 1);
	check_line("resident.dirty_pages", 1);
	CHECK(strncmp(text, "resident.limit_pages: 64\n", 25) == 0);
	core_tear_down();
}

/* A page that is free but for a hold is active to FreeBSD. */
TEST(a_page_freed_while_held_counts_as_active_in_freebsds_view)
{
	struct vm_page *page;

	set_up();
	CHECK_INT(vm_page_alloc(vm, VM_ALLOC_NORMAL, &page), 0);
	look();
	GREW(loose_pages, 1);
	CHECK_INT(vm_page_hold(page), 0);
	vm_page_free(page, 0);
	look();
	GREW(loose_pages, UINT64_MAX);
	GREW(held_pages, 1);
	GREW(free_pages, 0);
	print(VM_FORMAT_TEXT);
	check_line("resident.active_pages", 0);
	check_line("vm.stats.vm.v_active_count", 1);
	vm_page_unhold(page);
	look();
	GREW(held_pages, UINT64_MAX);
	GREW(free_pages, 1);
	print(VM_FORMAT_TEXT);
	check_line("vm.stats.vm.v_active_count", 0);
	core_tear_down();
}

TEST(a_page_freed_while_on_loan_is_counted)
{
	struct vm_page *page;

	set_up();
	CHECK_INT(vm_page_alloc(vm, VM_ALLOC_NORMAL, &page), 0);
	CHECK_INT(vm_page_add_loan(page), 0);
	vm_page_free(page, 0);
	look();
	CHECK_INT(now.loaned_pages, 1);
	vm_page_drop_loan(vm, page);
	look();
	CHECK_INT(now.loaned_pages, 0);
	GREW(free_pages, 1);
	core_tear_down();
}

TEST(pages_without_a_frame_are_counted_apart)
{
	struct vm_page *page;

	set_up();
	CHECK(vm_page_more_fictitious(vm, 4) > 0);
	look();
	CHECK_INT(now.fictitious_pages, 0);
	CHECK_INT(vm_page_grab_fictitious(vm, &page), 0);
	look();
	CHECK_INT(now.fictitious_pages, 1);
	GREW(free_pages, 0);
	print(VM_FORMAT_TEXT);
	check_line("vm_statistics.fictitious_count", 1);
	vm_page_release_fictitious(page);
	look();
	CHECK_INT(now.fictitious_pages, 0);
	core_tear_down();
}

/* As deep as the text goes: braces and quotes pair, no comma is too much. */
static void
check_json(void)
{
	int depth = 0;
	char last = ' ';

	for (const char *c = text; *c != '\0'; c++) {
		if (*c == ' ' || *c == '\n')
			continue;
		CHECK(last != ',' || *c == '"');
		CHECK(*c != '}' || last != ',');
		depth += (*c == '{') - (*c == '}');
		CHECK(depth > 0 || c[1] == '\n');
		last = *c;
	}
	CHECK_INT(depth, 0);
}

TEST(json_is_one_object_with_a_member_for_each_family)
{
	set_up();
	print(VM_FORMAT_JSON);
	check_json();
	CHECK(strstr(text, "\"resident\": {\n    \"limit_pages\": 64,") !=
	    NULL);
	CHECK(strstr(text, "\"vm.stats.vm\": {") != NULL);
	CHECK(strstr(text, "\"vm_statistics\": {") != NULL);
	CHECK(strstr(text, "\"uvmexp\": {\n    \"npages\": 64,") != NULL);
	core_tear_down();
}

TEST(openmetrics_tells_gauges_from_counters)
{
	set_up();
	(void)core_get(0, 0);
	print(VM_FORMAT_OPENMETRICS);
	CHECK(strncmp(text, "# TYPE resident_limit_pages gauge\n"
	    "resident_limit_pages 64\n", 58) == 0);
	CHECK(strstr(text, "# TYPE resident_faults counter\n"
	    "resident_faults_total 1\n") != NULL);
	CHECK_STR(text + strlen(text) - 6, "# EOF\n");
	core_tear_down();
}

TEST(the_length_is_told_whatever_the_room)
{
	char small[8];
	int length;

	set_up();
	length = vm_stat_print(vm, VM_FORMAT_TEXT, NULL, 0);
	print(VM_FORMAT_TEXT);
	CHECK_INT(length, strlen(text));
	CHECK_INT(vm_stat_print(vm, VM_FORMAT_TEXT, small, sizeof(small)),
	    length);
	CHECK_STR(small, "residen");
	CHECK_INT(vm_stat_print(NULL, VM_FORMAT_TEXT, text, ROOM), -EINVAL);
	CHECK_INT(vm_stat_print(vm, VM_FORMAT_TEXT, NULL, 1), -EINVAL);
	CHECK_INT(vm_stat_print(vm, (enum vm_format)9, text, ROOM), -EINVAL);
	core_tear_down();
}
