/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is where: pages, objects, queues and indices as text and in numbers, and
 * the trace of what happened.  The texts of crafted pages (api/dump.c) are
 * compared whole.
 */
#include <stdio.h>

#include "object/retire.h"
#include "one_object.h"
#include "pageout/evict.h"

enum { ROOM = 1 << 14 };

static char text[ROOM];

/* The text has a line "key: value". */
static void
check_line(const char *line)
{
	const char *at = strstr(text, line);

	if (at == NULL || (at != text && at[-1] != '\n') ||
	    at[strlen(line)] != '\n')
		CHECK_STR(text, line);
}

/* ---- a page ------------------------------------------------------------- */

static void
print_page(struct vm_page *page)
{
	int length = vm_page_print(page, VM_FORMAT_TEXT, text, ROOM);

	CHECK(length > 0 && length < ROOM);
	CHECK_INT(strlen(text), (size_t)length);
}

/* What of a text depends on the run is put in. */
static void
check_page(const char *golden, const struct vm_page *page, const char *queue)
{
	char wanted[ROOM];

	snprintf(wanted, sizeof(wanted), golden,
	    (unsigned long long)object->id, page->number,
	    (unsigned long long)page->number * PAGE, queue);
	CHECK_STR(text, wanted);
}

static const char held_clean[] =
    "tabled: yes\nobject: %llu\npindex: 5\nnumber: %u\nframe_offset: %llu\n"
    "home: pool\nqueue: %s\nactivity: 0\nwires: 0\nholds: 0\nloans: 0\n"
    "busy: shared\nsharers: 1\nwanted: no\nreferenced: no\nabsent: no\n"
    "valid_blocks: 255\ndirty_blocks: 0\ndirty: no\nerror: no\ngone: no\n"
    "free: no\nlaundry: no\n"
    "fictitious: no\nprivate: no\nunmanaged: no\nprecious: no\ncached: no\n"
    "speculative: no\nzeroed: no\nnosync: no\nwrite_locked: no\n"
    "access_locked: no\nreserved: no\n";

TEST(a_clean_page_that_is_shared_is_printed_whole)
{
	struct vm_page *page;
	const char *queue;

	core_set_up(0);
	(void)core_get(5, 0);
	page = core_grab(5, VM_GRAB_READ);
	(void)vm_slot_test_clear_referenced(page->slot);
	queue = vm_queue_name(&vm->queue, page);
	print_page(page);
	check_page(held_clean, page, queue);
	vm_page_release(page);
	core_tear_down();
}

TEST(each_state_of_a_page_has_its_line)
{
	struct vm_page *page;

	core_set_up(0);
	(void)core_get(2, 0);
	page = core_grab(2, VM_GRAB_WRITE);
	vm_page_dirty(page, 512, 512);
	atomic_store(&page->holds, 2);
	atomic_store(&page->loans, 3);
	print_page(page);
	check_line("busy: exclusive");
	check_line("sharers: 0");
	check_line("dirty: yes");
	check_line("dirty_blocks: 2");
	check_line("holds: 2");
	check_line("loans: 3");
	atomic_store(&page->holds, 0);
	atomic_store(&page->loans, 0);
	vm_page_release(page);
	CHECK_INT(vm_object_wire(object, 2 * PAGE, PAGE), 0);
	page = core_grab(2, VM_GRAB_READ);
	print_page(page);
	check_line("wires: 1");
	check_line("queue: none");
	check_line("referenced: yes");
	vm_page_release(page);
	CHECK_INT(vm_object_unwire(object, 2 * PAGE, PAGE), 0);
	core_tear_down();
}

/* Every flag by itself, on a page that is not printed otherwise. */
TEST(each_flag_of_a_page_has_its_line)
{
	static const struct {
		uint16_t flag;
		const char *line;
	} flags[] = {
		{ VM_PGA_ERROR, "error: yes" },
		{ VM_PGA_FREE, "free: yes" },
		{ VM_PGA_LAUNDRY, "laundry: yes" },
		{ VM_PGA_FICTITIOUS, "fictitious: yes" },
		{ VM_PGA_PRIVATE, "private: yes" },
		{ VM_PGA_UNMANAGED, "unmanaged: yes" },
		{ VM_PGA_PRECIOUS, "precious: yes" },
		{ VM_PGA_CACHED, "cached: yes" },
		{ VM_PGA_SPECULATIVE, "speculative: yes" },
		{ VM_PGA_ZERO, "zeroed: yes" },
		{ VM_PGA_NOSYNC, "nosync: yes" },
		{ VM_PGA_NO_WRITE, "write_locked: yes" },
		{ VM_PGA_NO_ACCESS, "access_locked: yes" },
		{ VM_PGA_RESERVED, "reserved: yes" },
	};
	struct vm_page *page;
	uint16_t was;

	core_set_up(0);
	page = core_grab(0, VM_GRAB_READ);
	was = atomic_load(&page->flags);
	for (unsigned i = 0; i < VM_COUNT(flags); i++) {
		atomic_store(&page->flags, was | flags[i].flag);
		print_page(page);
		check_line(flags[i].line);
	}
	atomic_store(&page->flags, was);
	vm_page_release(page);
	core_tear_down();
}

TEST(a_page_without_identity_says_so)
{
	struct vm_page page = { .number = 7 };

	core_set_up(0);
	page.object = vm->nowhere;
	print_page(&page);
	check_line("tabled: no");
	check_line("busy: owned");
	check_line("number: 7");
	check_line("frame_offset: 28672");
	CHECK(strstr(text, "pindex") == NULL);
	atomic_store(&page.flags, VM_PGA_FICTITIOUS);
	print_page(&page);
	check_line("home: none");
	CHECK(strstr(text, "frame_offset") == NULL);
	core_tear_down();
}

/* Somebody sleeps on it: a private bit of the word (page/slot.h). */
TEST(a_page_that_is_wanted_says_so)
{
	struct vm_page *page;

	core_set_up(0);
	page = core_grab(0, VM_GRAB_WRITE);
	atomic_fetch_or(&atomic_load(&page->slot)->word, 2);
	print_page(page);
	check_line("wanted: yes");
	vm_page_release(page);
	core_tear_down();
}

TEST(a_print_is_json_too_and_nothing_else)
{
	struct vm_page *page;
	int length;

	core_set_up(0);
	page = core_grab(3, VM_GRAB_READ);
	length = vm_page_print(page, VM_FORMAT_JSON, text, ROOM);
	CHECK_INT(strlen(text), (size_t)length);
	CHECK(strncmp(text, "{\n  \"tabled\": true,\n", 20) == 0);
	CHECK(strstr(text, ",\n  \"pindex\": 3,\n") != NULL);
	CHECK(strstr(text, ",\n  \"busy\": \"shared\",\n") != NULL);
	CHECK_STR(text + length - 3, "\n}\n");
	CHECK_INT(vm_page_print(page, VM_FORMAT_JSON, NULL, 0), length);
	CHECK_INT(vm_page_print(page, VM_FORMAT_OPENMETRICS, text, ROOM),
	    -EINVAL);
	CHECK_INT(vm_page_print(NULL, VM_FORMAT_TEXT, text, ROOM), -EINVAL);
	CHECK_INT(vm_page_print(page, VM_FORMAT_TEXT, NULL, 1), -EINVAL);
	vm_page_release(page);
	core_tear_down();
}

/* ---- an object, the queues ---------------------------------------------- */

TEST(an_object_is_printed_with_its_resident_ranges)
{
	core_set_up(0);
	for (unsigned i = 0; i < 20; i++)
		(void)core_get(i, 0);
	core_put(40, 1);
	CHECK(vm_object_print(object, VM_FORMAT_TEXT, text, ROOM) > 0);
	check_line("home: pool");
	check_line("length_bytes: 409600");
	check_line("resident_pages: 21");
	check_line("dirty_pages: 1");
	check_line("resident_ranges: 0-19 40-40");
	CHECK(vm_object_print(object, VM_FORMAT_JSON, text, ROOM) > 0);
	CHECK(strstr(text, "\"resident_ranges\": [[0, 19], [40, 40]]") !=
	    NULL);
	CHECK_INT(vm_object_print(NULL, VM_FORMAT_TEXT, text, ROOM), -EINVAL);
	core_tear_down();
}

TEST(queues_are_printed_with_their_lengths)
{
	const char *name;
	uint32_t count, sum = 0;
	char line[64];

	core_set_up(0);
	for (unsigned i = 0; i < 10; i++)
		(void)core_get(i, 0);
	CHECK(vm_queue_print(vm, VM_FORMAT_TEXT, text, ROOM) > 0);
	for (unsigned i = 0; vm_queue_list(&vm->queue, i, &name, &count);
	    i++) {
		snprintf(line, sizeof(line), "%s: %u", name, count);
		check_line(line);
		sum += count;
	}
	CHECK_INT(sum, 10);
	CHECK(vm_queue_print(vm, VM_FORMAT_JSON, text, ROOM) > 0);
	CHECK(strstr(text, "\"cached\": 0,") != NULL);
	CHECK_INT(vm_queue_print(NULL, VM_FORMAT_TEXT, text, ROOM), -EINVAL);
	core_tear_down();
}

/* Value of a line "KEY: value" of the text. */
static uint64_t
value_of(const char *name)
{
	const char *at = strstr(text, name);

	CHECK(at != NULL);
	return strtoull(at + strlen(name) + 2, NULL, 10);
}

TEST(free_frames_are_printed_by_kind_and_block)
{
	uint64_t frames = 0;

	core_set_up(0);
	(void)core_get(0, 0);
	vm_frames_drain(&vm->frames);
	CHECK(vm_queue_print(vm, VM_FORMAT_TEXT, text, ROOM) > 0);
	frames = value_of("segment 0 free hollow") +
	    value_of("segment 0 free warm") +
	    value_of("segment 0 free zeroed") +
	    value_of("segment 0 free fresh");
	CHECK_INT(frames, CORE_LIMIT_PAGES - 1);
	core_tear_down();
}

/* Free frames of a colour on the lists, walked one by one. */
static uint32_t
walk_colour(struct vm_buddy *buddy, uint32_t colour)
{
	struct vm_node *node;
	uint32_t count = 0;

	for (unsigned kind = 0; kind < VM_KINDS; kind++) {
		struct vm_list *list = &buddy->tint[kind][colour];

		for (node = vm_list_first(list); node != NULL;
		    node = vm_list_next(list, node))
			count++;
	}
	return count;
}

TEST(free_frames_are_printed_by_colour_as_a_walk_counts_them)
{
	struct vm_options o = VM_OPTIONS_INIT;
	struct vm_buddy *buddy;
	struct vm_page *page[9];
	uint32_t sum = 0;
	char line[64];

	faulty_reset();
	o.resident_max_bytes = CORE_LIMIT_PAGES * PAGE;
	o.colours = 4;
	CHECK_INT(vm_create_on(&o, &faulty_os, &pmap_nobody, &vm), 0);
	buddy = &vm->frames.segments.array[0].buddy;
	for (unsigned i = 0; i < VM_COUNT(page); i++)
		CHECK_INT(vm_page_alloc(vm, VM_ALLOC_NORMAL, &page[i]), 0);
	for (unsigned i = 0; i < VM_COUNT(page); i += 2)
		vm_page_free(page[i], 0);
	vm_frames_drain(&vm->frames);
	CHECK(vm_queue_print(vm, VM_FORMAT_TEXT, text, ROOM) > 0);
	for (uint32_t colour = 0; colour < 4; colour++) {
		snprintf(line, sizeof(line), "segment 0 free of colour %u: %u",
		    colour, walk_colour(buddy, colour));
		check_line(line);
		sum += walk_colour(buddy, colour);
	}
	CHECK(sum > 0);
	for (unsigned i = 1; i < VM_COUNT(page); i += 2)
		vm_page_free(page[i], 0);
	CHECK_INT(vm_destroy(vm), 0);
	faulty_check_clean();
}

/* ---- the index ---------------------------------------------------------- */

enum { LEAVES = FILE_PAGES / VM_LEAF_SLOTS + 1 };

static void
make_resident(const unsigned *pindex, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		(void)core_get(pindex[i], 0);
}

TEST(an_index_says_how_many_pages_each_leaf_has)
{
	static const unsigned pages[] = { 0, 1, 7, 8, 20, 49 };
	uint32_t length[LEAVES + 2] = { 0 };

	core_set_up(0);
	make_resident(pages, VM_COUNT(pages));
	CHECK_INT(vm_index_info(object, length, LEAVES), LEAVES);
	CHECK_INT(length[0], 3);
	CHECK_INT(length[1], 1);
	CHECK_INT(length[2], 1);
	CHECK_INT(length[6], 1);
	CHECK_INT(length[3] + length[4] + length[5], 0);
	core_tear_down();
}

/* Mach's vm_page_info: whatever room there is, the total is told. */
TEST(an_index_fills_the_room_there_is_and_tells_of_the_rest)
{
	static const unsigned pages[] = { 0, 17, 33 };
	uint32_t length[LEAVES + 2];
	uint64_t sum = 0;

	core_set_up(0);
	make_resident(pages, VM_COUNT(pages));
	CHECK_INT(vm_index_info(object, NULL, 0), LEAVES);
	length[2] = 77;
	CHECK_INT(vm_index_info(object, length, 2), LEAVES);
	CHECK_INT(length[2], 77);
	length[LEAVES] = 77;
	CHECK_INT(vm_index_info(object, length, LEAVES + 2), LEAVES);
	CHECK_INT(length[LEAVES], 77);
	for (unsigned i = 0; i < LEAVES; i++)
		sum += length[i];
	CHECK_INT(sum, atomic_load(&object->resident));
	CHECK_INT(vm_index_info(NULL, length, 1), -EINVAL);
	CHECK_INT(vm_index_info(object, NULL, 1), -EINVAL);
	core_tear_down();
}

TEST(an_index_is_summed_up_in_percentiles)
{
	struct vm_index_info info = VM_INDEX_INFO_INIT;

	core_set_up(0);
	CHECK_INT(vm_index_summary(object, &info), 0);
	CHECK_INT(info.leaves, LEAVES);
	CHECK_INT(info.used + info.pages + info.median + info.most, 0);
	for (unsigned i = 0; i < VM_LEAF_SLOTS; i++)
		(void)core_get(i, 0);
	for (unsigned i = 1; i < 4; i++)
		(void)core_get(i * VM_LEAF_SLOTS, 0);
	CHECK_INT(vm_index_summary(object, &info), 0);
	CHECK_INT(info.used, 4);
	CHECK_INT(info.pages, VM_LEAF_SLOTS + 3);
	CHECK_INT(info.median, 1);
	CHECK_INT(info.p90, VM_LEAF_SLOTS);
	CHECK_INT(info.p99, VM_LEAF_SLOTS);
	CHECK_INT(info.most, VM_LEAF_SLOTS);
	CHECK_INT(vm_index_summary(NULL, &info), -EINVAL);
	info.size_bytes = 0;
	CHECK_INT(vm_index_summary(object, &info), -EINVAL);
	core_tear_down();
}

/*
 * What a hash table's size was to Mach (a power of two >= frames): places for
 * every page there can be, one for 8 pages and one more, from the start; and
 * twice as many at least when it has to grow.
 */
TEST(an_index_has_a_place_for_every_page_whatever_the_size)
{
	static const uint64_t sizes[] = { 1, 2, 3, 4, 5, 1023, 1024, 1025 };
	struct vm_object *other;

	core_set_up(0);
	for (unsigned i = 0; i < VM_COUNT(sizes); i++) {
		CHECK_INT(vm_object_create_anon(vm, sizes[i] * PAGE, 0,
		    &other), 0);
		CHECK_INT(vm_index_info(other, NULL, 0),
		    (intmax_t)(sizes[i] / VM_LEAF_SLOTS + 1));
		CHECK_INT(vm_object_resize(other, sizes[i] * PAGE * 17), 0);
		CHECK(vm_index_info(other, NULL, 0) >=
		    (int64_t)(sizes[i] * 17 / VM_LEAF_SLOTS + 1));
		CHECK_INT(vm_object_destroy(other), 0);
	}
	core_tear_down();
}

/* No two pages ever share a place, so there is no chain to grow: what a hash
 * of addresses and offsets has to be measured for is so by construction. */
TEST(pages_of_many_objects_never_collide)
{
	enum { OBJECTS = 300, PAGES = VM_LEAF_SLOTS };
	static struct vm_object *other[OBJECTS];
	struct vm_index_info info = VM_INDEX_INFO_INIT;
	struct vm_page *page[PAGES];

	core_set_up(0);
	for (unsigned i = 0; i < OBJECTS; i++)
		CHECK_INT(vm_object_create_anon(vm, PAGES * PAGE, 0,
		    &other[i]), 0);
	for (unsigned i = 0; i < OBJECTS; i++) {
		for (unsigned j = 0; j < PAGES; j++) {
			CHECK_INT(vm_page_grab(other[i], j, VM_GRAB_READ,
			    &page[j]), 0);
			CHECK_INT(page[j]->pindex, j);
			CHECK(page[j]->object == other[i]);
		}
		CHECK_INT(vm_index_summary(other[i], &info), 0);
		CHECK_INT(info.used, 1);
		CHECK_INT(info.most, PAGES);
		for (unsigned j = 0; j < PAGES; j++)
			vm_page_release(page[j]);
	}
	for (unsigned i = 0; i < OBJECTS; i++)
		CHECK_INT(vm_object_destroy(other[i]), 0);
	core_tear_down();
}

/* ---- the trace ---------------------------------------------------------- */

static struct vm_trace_cursor cursor;
static struct vm_trace_event event[1024];
static int events;

static void
set_up_trace(uint32_t count)
{
	struct vm_options o = VM_OPTIONS_INIT;

	faulty_reset();
	o.resident_max_bytes = CORE_LIMIT_PAGES * PAGE;
	o.swap_directory = core_directory();
	o.trace_events = count;
	CHECK_INT(vm_create_on(&o, &faulty_os, &pmap_nobody, &vm), 0);
	core_new_file();
	CHECK_INT(vm_object_create_file(vm, core_fd, 0, VM_LENGTH_ALL,
	    VM_OBJECT_WRITABLE, &object), 0);
	CHECK_INT(vm_object_advise(object, VM_ADVICE_RANDOM), 0);
	cursor = (struct vm_trace_cursor){ .next = 0 };
}

static void
read_trace(void)
{
	events = vm_trace_read(vm, &cursor, event, VM_COUNT(event));
	CHECK(events >= 0);
}

/* The first event of that name since the last reading; NULL: none. */
static const struct vm_trace_event *
find(const char *name)
{
	for (int i = 0; i < events; i++)
		if (strcmp(vm_trace_name(event[i].event), name) == 0)
			return &event[i];
	return NULL;
}

static void
check_event(struct check_site site, const char *name, uint64_t pindex,
    uint64_t argument)
{
	const struct vm_trace_event *e = find(name);

	if (e == NULL)
		check_str(site, "no such event", name);
	check_int(site, (intmax_t)e->pindex, (intmax_t)pindex);
	check_int(site, (intmax_t)e->argument, (intmax_t)argument);
}

#define TRACED(name, pindex, argument) \
	check_event(CHECK_SITE(name), name, pindex, argument)

TEST(what_a_miss_does_is_in_the_trace)
{
	struct vm_page *page;

	set_up_trace(1000);
	read_trace();
	TRACED("create", 0, FILE_PAGES);
	page = core_grab(6, VM_GRAB_READ);
	read_trace();
	TRACED("miss", 6, 0);
	TRACED("take", 0, 1);
	TRACED("insert", 6, page->number);
	TRACED("fill", 6, 1);
	CHECK(find("fault") != NULL);
	CHECK_INT(find("fault")->object, object->id);
	CHECK_INT(find("fault")->pindex, 6);
	vm_page_release(page);
	(void)core_get(6, 0);
	read_trace();
	CHECK_INT(events, 0);	/* a hit leaves nothing */
	core_tear_down();
}

TEST(what_a_page_goes_through_is_in_the_trace)
{
	struct vm_page *page;
	uint32_t number;

	set_up_trace(1000);
	page = core_grab(1, VM_GRAB_WRITE | VM_GRAB_ZERO);
	number = page->number;
	vm_page_release(page);
	CHECK_INT(vm_object_wire(object, PAGE, PAGE), 0);
	read_trace();
	TRACED("zero", 1, number);
	TRACED("wire", 1, 1);
	CHECK_INT(vm_object_unwire(object, PAGE, PAGE), 0);
	CHECK_INT(vm_object_sync(object, 0, 4 * PAGE), 0);
	CHECK_INT(vm_evict_range(object, 0, 8, 0), 0);
	read_trace();
	TRACED("unwire", 1, 0);
	TRACED("sync", 0, 4);
	TRACED("launder", 1, 1);
	TRACED("cleaned", 1, 1);
	TRACED("evict", 1, number);
	TRACED("remove", 1, number);
	TRACED("give", 0, 1);
	core_tear_down();
}

TEST(the_life_and_order_of_a_page_are_in_the_trace)
{
	struct vm_page *page;
	uint32_t number;

	set_up_trace(1000);
	CHECK_INT(vm_page_alloc(vm, VM_ALLOC_NORMAL, &page), 0);
	number = page->number;
	CHECK_INT(vm_page_insert(page, object, 8), 0);
	CHECK_INT(vm_page_rename(page, object, 9, 0), 0);
	CHECK_INT(vm_page_hold(page), 0);
	vm_page_activate(page);
	vm_page_deactivate(page, VM_AT_TAIL);
	vm_page_dontneed(page);
	read_trace();
	TRACED("take", 0, 1);
	TRACED("insert", 8, number);
	TRACED("rename", 8, number);
	TRACED("hold", 9, 1);
	TRACED("activate", 9, number);
	TRACED("deactivate", 9, number);
	TRACED("dontneed", 9, number);
	vm_page_free(page, 0);
	vm_page_unhold(page);
	read_trace();
	TRACED("remove", 9, number);
	TRACED("unhold", 0, number);
	TRACED("give", 0, 1);
	core_tear_down();
}

TEST(pages_that_are_cached_and_wanted_again_are_in_the_trace)
{
	struct vm_page *page;
	uint32_t number;

	set_up_trace(1000);
	page = core_grab(4, VM_GRAB_WRITE);
	number = page->number;
	CHECK_INT(vm_page_cache(page), 1);
	vm_page_release(page);
	(void)core_get(4, 0);
	read_trace();
	TRACED("cache", 4, number);
	TRACED("reactivate", 4, number);
	core_tear_down();
}

TEST(loans_are_in_the_trace)
{
	struct vm_page *page;
	uint32_t number;

	set_up_trace(1000);
	CHECK_INT(vm_page_alloc(vm, VM_ALLOC_NORMAL, &page), 0);
	number = page->number;
	CHECK_INT(vm_page_add_loan(page), 0);
	vm_page_free(page, 0);
	vm_page_drop_loan(vm, page);
	read_trace();
	TRACED("loan", 0, 1);
	TRACED("unloan", 0, number);
	core_tear_down();
}

TEST(errors_are_in_the_trace)
{
	struct vm_page *page;

	set_up_trace(1000);
	atomic_store(&faulty.bad_end, FILE_PAGES * PAGE);
	CHECK_INT(vm_page_grab(object, 2, VM_GRAB_READ, &page), -EIO);
	read_trace();
	TRACED("error", 2, EIO);
	atomic_store(&faulty.bad_end, 0);
	core_put(3, 1);
	atomic_store(&faulty.write_errno, ENOSPC);
	CHECK_INT(vm_object_sync(object, 0, FILE_PAGES * PAGE), -ENOSPC);
	read_trace();
	TRACED("error", 3, ENOSPC);
	atomic_store(&faulty.write_errno, 0);
	core_tear_down();
}

/* More pages than there is room for: the daemon has to work. */
TEST(passes_of_the_daemon_are_in_the_trace)
{
	set_up_trace(100000);
	for (unsigned i = 0; i < FILE_PAGES; i++)
		(void)core_get(i, 0);
	for (events = 0; find("pass") == NULL; read_trace())
		vm->os->yield();
	core_tear_down();
}

TEST(a_reader_is_told_what_it_missed)
{
	set_up_trace(2);
	for (unsigned i = 0; i < 4; i++)
		(void)core_get(i, 0);
	read_trace();
	CHECK_INT(events, 2);
	CHECK(cursor.lost > 4);
	core_tear_down();
}

TEST(arguments_of_the_trace_are_checked)
{
	struct vm_options o = VM_OPTIONS_INIT;
	struct vm *none;

	core_set_up(0);
	CHECK_INT(vm_trace_read(vm, &cursor, event, 1), -ENOENT);
	CHECK_INT(vm_trace_read(NULL, &cursor, event, 1), -EINVAL);
	CHECK_INT(vm_trace_read(vm, NULL, event, 1), -EINVAL);
	CHECK_INT(vm_trace_read(vm, &cursor, NULL, 1), -EINVAL);
	CHECK_STR(vm_trace_name(0), "fault");
	CHECK(vm_trace_name(VM_EVENT_COUNT) == NULL);
	o.resident_max_bytes = CORE_LIMIT_PAGES * PAGE;
	o.trace_events = VM_TRACE_EVENTS_MAX + 1;
	CHECK_INT(vm_create_on(&o, &faulty_os, &pmap_nobody, &none), -EINVAL);
	core_tear_down();
}

TEST(without_memory_for_the_trace_there_is_no_system)
{
	struct vm_options o = VM_OPTIONS_INIT;
	struct vm *none;

	o.resident_max_bytes = CORE_LIMIT_PAGES * PAGE;
	o.trace_events = 8;
	for (unsigned call = 1;; call++) {
		faulty_reset();
		atomic_store(&faulty.fail_at, call);
		if (vm_create_on(&o, &faulty_os, &pmap_nobody, &none) == 0)
			break;
		atomic_store(&faulty.fail_at, 0);
		faulty_check_clean();
	}
	atomic_store(&faulty.fail_at, 0);
	CHECK_INT(vm_destroy(none), 0);
}
