/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames, limits, accounts, objects, pagers, figures: each with a failure. */
#include <fcntl.h>
#include <unistd.h>

#include "api/system.h"
#include "scenario.h"

/* ---- frames and limits --------------------------------------------------- */

static void
run_frames(void)
{
	static const uint32_t counts[] = { 1, 3, 8 };
	struct vm_frame_request r = VM_FRAME_REQUEST_INIT;
	struct vm_segment_info info = VM_SEGMENT_INFO_INIT;
	struct vm_frame_run run[3];

	r.flags = VM_ALLOC_WAIT | VM_ALLOC_ZERO;
	for (unsigned i = 0; i < 3; i++) {
		r.count = counts[i];
		TWICE(vm_frame_alloc(vm, &r, &run[i]));
		for (unsigned k = 0; k < counts[i]; k++)
			memset(vm_page_data(vm_frame_at(&run[i], k)), 0xa5,
			    PAGE);
	}
	TWICE(vm_frame_info(vm, 0, &info));
	(void)vm_frame_trim(vm, UINT64_MAX);
	for (unsigned i = 0; i < 3; i++)
		vm_frame_free(vm, &run[i]);
	(void)vm_frame_trim(vm, UINT64_MAX);
}

static void
run_retire(void)
{
	struct vm_page *page;

	TWICE(vm_page_alloc(vm, VM_ALLOC_WAIT, &page));
	TWICE(vm_frame_retire(vm, page));
}

static void
run_limit(void)
{
	uint64_t above;

	TWICE(vm_set_limit(vm, 20 * PAGE, &above));
	put(ANON, 1);
	TWICE(vm_wait(vm, VM_WAIT_FOREVER, 0));
	TWICE(vm_set_limit(vm, 40 * PAGE, &above));
	put(STORE, 2);
	TWICE(vm_bytes_take(vm, 100, 0));
	vm_bytes_give(vm, 100);
}

static void
run_accounts(void)
{
	struct vm_account_options o = VM_ACCOUNT_INIT;
	struct vm_account *top, *below;
	struct vm_page *page;

	TWICE(vm_account_create(vm, &o, &top));
	o.parent = top;
	TWICE(vm_account_create(vm, &o, &below));
	TWICE(vm_account_take(below, 1000));
	page = grab(POOL, 3, VM_GRAB_READ);
	TWICE(vm_page_wire(page, below));
	TWICE(vm_page_unwire(page, below, VM_TO_ACTIVE));
	vm_page_release(page);
	vm_account_give(below, 1000);
	TWICE(vm_account_destroy(below));
	TWICE(vm_account_destroy(top));
}

static uint64_t
nothing_counted(void *arg)
{
	(void)arg;
	return 0;
}

static uint64_t
nothing_freed(void *arg, uint64_t wanted)
{
	(void)arg;
	(void)wanted;
	return 0;
}

static void
run_shrinkers(void)
{
	struct vm_shrinker shrinker[3];

	for (int i = 0; i < 3; i++) {
		shrinker[i] = (struct vm_shrinker){ .name = "none",
			.priority = i, .count = nothing_counted,
			.scan = nothing_freed };
		TWICE(vm_shrinker_add(vm, &shrinker[i]));
	}
	vm_kick(vm);
	for (int i = 0; i < 3; i++)
		TWICE(vm_shrinker_remove(vm, &shrinker[i]));
}

/* ---- objects ------------------------------------------------------------- */

static void
run_objects(void)
{
	for (int kind = 0; kind < KINDS; kind++) {
		TWICE(vm_object_advise(object[kind], VM_ADVICE_SEQUENTIAL));
		TWICE(vm_object_prefetch(object[kind], 0, VM_LENGTH_ALL));
		TWICE(vm_object_wire(object[kind], 5 * PAGE, 2 * PAGE));
		TWICE(vm_object_unwire(object[kind], 5 * PAGE, 2 * PAGE));
		TWICE(vm_object_flush(object[kind], 0, VM_LENGTH_ALL));
		TWICE(vm_object_forget(object[kind]));
		TWICE(vm_object_advise_range(object[kind], 4 * PAGE, 4 * PAGE,
		    VM_ADVICE_PAGEOUT));
		TWICE(vm_object_advise_range(object[kind], 5 * PAGE, PAGE,
		    VM_ADVICE_WILLNEED));
		get(kind, 7);
		put(kind, 8);
	}
}

static void
run_clean_objects(void)
{
	for (int kind = 0; kind < KINDS; kind++) {
		TWICE(vm_object_flush(object[kind], 0, VM_LENGTH_ALL));
		if (kind != ANON)	/* it would be its only copy */
			TWICE(vm_object_discard_dirty(object[kind]));
		get(kind, 3);
	}
}

static void
told(struct vm_object *of, int there, void *arg)
{
	(void)of;
	*(int *)arg += there ? 1 : -1;
}

/* Of objects made here, whose names the program keeps. */
static void
run_other_objects(void)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), face;
	struct vm_object *file, *one;
	struct vm_page *page;
	int there = 0;

	CHECK(fd >= 0);
	TWICE(vm_object_create_file(vm, fd, 0, VM_LENGTH_ALL,
	    VM_OBJECT_STORE, &file));
	face = vm_object_face_fd(file);
	if (face < 0)
		face = vm_object_face_fd(file);
	CHECK(face >= 0);
	faulty_os.close(face);
	TWICE(vm_object_destroy(file));
	close(fd);
	TWICE(vm_object_create_anon(vm, BYTES, 0, &one));
	TWICE(vm_object_set_notify(one, told, &there));
	TWICE(vm_page_grab(one, 3, VM_GRAB_READ, &page));
	CHECK_INT(there, 1);
	vm_page_release(page);
	TWICE(vm_object_destroy(one));
	CHECK_INT(there, 0);
}

/* Read-only at first; the program closes what it gave. */
static void
run_set_writable(void)
{
	int fd = open("/var/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	int reader = vm_os_linux.reopen(fd, O_RDONLY);
	struct vm_object *file;
	struct vm_page *page;
	uint64_t word = 77;

	CHECK(fd >= 0 && reader >= 0 && ftruncate(fd, BYTES) == 0);
	TWICE(vm_object_create_file(vm, reader, 0, VM_LENGTH_ALL, 0, &file));
	TWICE(vm_object_set_writable(file, fd));
	TWICE(vm_page_grab(file, 3, VM_GRAB_WRITE, &page));
	memcpy(vm_page_data(page), &word, sizeof(word));
	vm_page_dirty(page, 0, sizeof(word));
	vm_page_release(page);
	TWICE(vm_object_flush(file, 0, VM_LENGTH_ALL));
	TWICE(vm_object_destroy(file));
	word = 0;
	CHECK(pread(fd, &word, sizeof(word), 3 * PAGE) == sizeof(word));
	CHECK_INT(word, 77);
	close(reader);
	close(fd);
}

static void
run_space(void)
{
	struct vm_space_options o = { .size_bytes = sizeof(o) };
	int nobody = vm_os_linux.eventfd();
	struct vm_space *space;
	struct vm_range range;

	CHECK(nobody >= 0);
	TWICE(vm_space_create(vm, nobody, &o, &space));
	TWICE(vm_space_enter(space, 1 << 24, BYTES, object[STORE], 0,
	    VM_RANGE_READ));
	TWICE(vm_space_track(space, 1 << 24, BYTES));
	TWICE(vm_space_protect(space, 1 << 24, BYTES));
	TWICE(vm_space_find(space, 1 << 24, &range));
	CHECK_INT(range.kind, VM_RANGE_TRACKED);
	TWICE(vm_space_leave(space, 1 << 24, BYTES));
	vm_space_destroy(space);
	close(nobody);
}

static char bytes_there[8 * PAGE] __attribute__((aligned(PAGE)));

static void
run_device(void)
{
	struct vm_object *device;
	struct vm_page *page;

	TWICE(vm_object_create_device(vm, bytes_there, sizeof(bytes_there),
	    VM_OBJECT_WRITABLE, &device));
	for (uint64_t i = 0; i < 8; i++) {
		TWICE(vm_page_grab(device, i, VM_GRAB_WRITE, &page));
		CHECK(vm_page_data(page) == bytes_there + i * PAGE);
		vm_page_release(page);
	}
	TWICE(vm_object_destroy(device));
}

static void
run_filters(void)
{
	struct vm_filter_stat stat = VM_FILTER_STAT_INIT;

	for (int kind = 0; kind < KINDS; kind++) {
		TWICE(vm_object_add_filter(object[kind],
		    "stats;retry;delay:ns=1000"));
		for (uint64_t i = 0; i < PAGES; i++)
			put(kind, i);
		TWICE(vm_object_flush(object[kind], 0, VM_LENGTH_ALL));
		TWICE(vm_object_filter_stat(object[kind], 0, &stat));
	}
}

/* ---- figures ------------------------------------------------------------- */

static void
run_figures(void)
{
	static char text[1 << 16];
	struct vm_trace_cursor cursor = { 0 };
	struct vm_trace_event events[16];
	struct vm_stat stat = VM_STAT_INIT;
	struct vm_page *page;

	TWICE(vm_stat(vm, &stat));
	TWICE(vm_stat_print(vm, VM_FORMAT_TEXT, text, sizeof(text)));
	TWICE(vm_queue_print(vm, VM_FORMAT_JSON, text, sizeof(text)));
	for (int kind = 0; kind < KINDS; kind++) {
		TWICE(vm_object_print(object[kind], VM_FORMAT_TEXT, text,
		    sizeof(text)));
		page = grab(kind, 1, VM_GRAB_READ);
		TWICE(vm_page_print(page, VM_FORMAT_JSON, text,
		    sizeof(text)));
		vm_page_release(page);
	}
	TWICE(vm_trace_read(vm, &cursor, events, 16));
	(void)vm_audit(vm);	/* -EAGAIN while the daemon works */
}

/* ---- systems ------------------------------------------------------------- */

static int
steal(struct vm_boot *boot, void *arg)
{
	void *memory, *start, *end;
	int error = vm_boot_steal(boot, 100, &memory);

	(void)arg;
	return error != 0 ? error : vm_boot_window(boot, &start, &end);
}

/* A system with all there is to be asked for. */
static void
run_create(void)
{
	static const struct vm_segment segments[] = {
		{ .name = "a", .bytes = 40 * PAGE, .priority = 1 },
		{ .name = "b", .bytes = 40 * PAGE, .flags = VM_SEGMENT_HUGE },
	};
	struct vm_options o = VM_OPTIONS_INIT;
	struct vm_object *one;
	struct vm *other;

	o.segments = segments;
	o.segment_count = 2;
	o.trace_events = 100;
	o.zero_low_percent = 60;
	o.zero_high_percent = 80;
	o.colours = 4;
	o.boot = steal;
	o.pager_filter = "stats;retry";
	o.swap_directory = "/var/tmp";
	TWICE(vm_create_on(&o, &faulty_os, &pmap_nobody, &other));
	TWICE(vm_object_create_anon(other, BYTES, 0, &one));
	TWICE(vm_object_prefetch(one, 0, VM_LENGTH_ALL));
	TWICE(vm_object_destroy(one));
	TWICE(vm_destroy(other));
}

static const struct scenario limits[] = {
	{ "frames", run_frames },
	{ "retire", run_retire },
	{ "limit", run_limit },
	{ "accounts", run_accounts },
	{ "shrinkers", run_shrinkers },
};

static const struct scenario objects[] = {
	{ "objects", run_objects },
	{ "clean objects", run_clean_objects },
	{ "other objects", run_other_objects },
	{ "a file made writable", run_set_writable },
	{ "a space", run_space },
	{ "device", run_device },
	{ "filters", run_filters },
};

static const struct scenario systems[] = {
	{ "figures", run_figures },
	{ "create", run_create },
};

TEST(frames_and_limits_are_kept_whatever_fails)
{
	SCENARIOS_CHECK(limits);
}

TEST(objects_lose_no_byte_whatever_fails)
{
	SCENARIOS_CHECK(objects);
}

TEST(systems_and_figures_leave_nothing_whatever_fails)
{
	SCENARIOS_CHECK(systems);
}
