/* SPDX-License-Identifier: BSD-2-Clause */
/* What options say of pages and segments, and boot. */
#include "frame_fixture.h"

static void
refused(const struct vm_options *o, int error, const char *text)
{
	struct vm *none = NULL;

	faulty_reset();
	CHECK_INT(vm_create_on(o, &faulty_os, &pmap_nobody, &none), error);
	CHECK(strstr(vm_last_error(), text) != NULL);
	CHECK(none == NULL);
	faulty_check_clean();
}

/* ---- page sizes --------------------------------------------------------- */

TEST(the_page_size_is_the_machines_or_a_larger_power_of_two)
{
	static const uint32_t bad[] = { 1, 3000, 2048, 12288, 4 << 20 };
	static const uint32_t good[] = { 0, 4096, 16384, 65536, 2 << 20 };
	struct vm_options o = sensible();

	for (unsigned i = 0; i < 5; i++) {
		o.page_bytes = bad[i];
		refused(&o, -EINVAL, "power of two");
	}
	for (unsigned i = 0; i < 5; i++) {
		o.page_bytes = good[i];
		o.resident_max_bytes = UINT64_C(64) << 20;
		create(&o);
		CHECK_INT(vm_system_page_bytes(vm), good[i] == 0 ? PAGE :
		    good[i]);
		CHECK_INT(limit_pages(), (UINT64_C(64) << 20) /
		    vm_system_page_bytes(vm));
		destroy();
	}
	CHECK_INT(vm_page_bytes(), PAGE);
}

TEST(large_pages_have_no_stores)
{
	struct vm_options o = sensible();
	struct vm_object *object;

	o.page_bytes = 16384;
	create(&o);
	CHECK_INT(vm_object_create_anon(vm, 1 << 20, VM_OBJECT_STORE,
	    &object), -EINVAL);
	CHECK(strstr(vm_last_error(), "no store with pages of 16384") != NULL);
	destroy();
}

/* Three times as many pages as there may be: each is written, evicted, read
 * again. */
static void
write_and_read(struct vm_object *object, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		put(object, i, i + 77);
	for (uint64_t i = 0; i < count; i++)
		check_page(object, i, i + 77);
}

static void
check_file(uint32_t bytes)
{
	enum { COUNT = 96 };
	struct vm_object *object;
	uint64_t word;
	int fd = open("/var/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	CHECK(fd >= 0 && ftruncate(fd, (off_t)bytes * (COUNT + 1)) == 0);
	CHECK_INT(vm_object_create_file(vm, fd, 4096, VM_LENGTH_ALL, 0,
	    &object), -EINVAL);
	CHECK_INT(vm_object_create_file(vm, fd, bytes, VM_LENGTH_ALL,
	    VM_OBJECT_WRITABLE, &object), 0);
	CHECK_INT(vm_object_length(object), (uint64_t)bytes * COUNT);
	write_and_read(object, COUNT);
	CHECK_INT(vm_object_sync(object, 0, UINT64_MAX), 0);
	for (uint64_t i = 0; i < COUNT; i++) {
		CHECK(pread(fd, &word, 8, (off_t)((i + 2) * bytes - 8)) == 8);
		CHECK_INT(word, i + 77);
	}
	CHECK_INT(vm_object_destroy(object), 0);
	close(fd);
}

TEST(objects_work_with_pages_of_16_and_64_kib)
{
	for (uint32_t bytes = 16384; bytes <= 65536; bytes *= 4) {
		struct vm_options o = sensible();
		struct vm_object *object;

		o.page_bytes = bytes;
		o.resident_max_bytes = 32 * bytes;
		create(&o);
		check_file(bytes);
		CHECK_INT(vm_object_create_anon(vm, 96 * bytes, 0, &object),
		    0);
		write_and_read(object, 96);
		CHECK_INT(vm_object_resize(object, 40 * bytes + 100), 0);
		CHECK_INT(vm_object_resize(object, 96 * bytes), 0);
		check_page(object, 39, 39 + 77);
		check_page(object, 50, 0);
		CHECK_INT(vm_object_destroy(object), 0);
		destroy();
	}
}

/* ---- segments ----------------------------------------------------------- */

static _Alignas(PAGE) char lent[64 * PAGE];

TEST(without_segments_there_is_one_as_large_as_the_limit)
{
	struct vm_segment_info i;

	set_up();
	CHECK_INT(vm_frame_segments(vm), 1);
	i = info(0);
	CHECK_STR(i.name, "arena");
	CHECK_INT(i.pages, PAGES);
	CHECK_INT(i.free, PAGES);
	CHECK_INT(i.fresh, PAGES);
	destroy();
}

TEST(the_limit_is_the_sum_of_the_segments)
{
	const struct vm_segment segments[] = {
		{ .name = "own", .bytes = 40 * PAGE + 1 },
		{ .name = "empty", .bytes = 5 },
		{ .name = "lent", .bytes = 64 * PAGE - 1, .base = lent + 1,
		    .priority = 3 },
	};
	struct vm_options o = VM_OPTIONS_INIT;
	struct vm_frame_run run;

	o.segments = segments;
	o.segment_count = 3;
	create(&o);
	CHECK_INT(limit_pages(), 40 + 63);
	CHECK_INT(info(0).pages, 40);
	CHECK_INT(info(1).pages, 0);
	CHECK_INT(info(2).pages, 63);
	CHECK(info(2).base == lent + PAGE && info(2).priority == 3);
	run = run_of(1, 0);
	CHECK(vm_frame_address(run.first) == lent + PAGE);
	vm_frame_free(vm, &run);
	destroy();
	o.resident_max_bytes = 50 * PAGE;	/* less of it, for now */
	create(&o);
	CHECK_INT(limit_pages(), 50);
	destroy();
}

TEST(objects_live_in_memory_of_the_caller_but_stores_do_not)
{
	const struct vm_segment segment = { .bytes = sizeof(lent),
		.base = lent };
	struct vm_options o = VM_OPTIONS_INIT;
	struct vm_object *object;
	struct vm_page *page;

	o.segments = &segment;
	o.segment_count = 1;
	create(&o);
	CHECK_INT(vm_object_create_anon(vm, PAGE, VM_OBJECT_STORE, &object),
	    -EINVAL);
	CHECK(strstr(vm_last_error(), "memory of its caller") != NULL);
	CHECK_INT(vm_object_create_anon(vm, 200 * PAGE, 0, &object), 0);
	write_and_read(object, 200);
	CHECK_INT(vm_page_grab(object, 5, VM_GRAB_READ, &page), 0);
	CHECK((char *)vm_page_data(page) >= lent &&
	    (char *)vm_page_data(page) < lent + sizeof(lent));
	vm_page_release(page);
	CHECK_INT(vm_object_destroy(object), 0);
	destroy();
}

TEST(segments_that_cannot_be_are_refused)
{
	struct vm_segment s[17] = {
		{ .name = "a", .bytes = 32 * PAGE, .base = lent },
		{ .name = "b", .bytes = PAGE, .base = lent + 31 * PAGE },
	};
	struct vm_options o = VM_OPTIONS_INIT;

	o.segments = s;
	o.segment_count = 2;
	refused(&o, -EINVAL, "\"b\" overlaps \"a\"");
	o.segment_count = 17;
	refused(&o, -EINVAL, "17 segments");
	o.segment_count = 1;
	o.resident_max_bytes = 33 * PAGE;
	refused(&o, -EINVAL, "segments of");
	o.resident_max_bytes = 0;
	s[0].bytes = 15 * PAGE;
	refused(&o, -EINVAL, "below 16 pages");
	s[0].bytes = 32 * PAGE;
	s[0].flags = 0x80;
	refused(&o, -EINVAL, "flags 0x80");
	s[0].flags = 0;
	s[0].base = NULL;
	s[0].bytes = UINT64_MAX;
	refused(&o, -EINVAL, "more than");
	o.segments = NULL;
	refused(&o, -EINVAL, "NULL");
}

TEST(options_for_frames_are_checked)
{
	struct vm_options o = sensible();

	o.colours = 3;
	refused(&o, -EINVAL, "3 colours");
	o.colours = 128;
	refused(&o, -EINVAL, "128 colours");
	o = sensible();
	o.zero_low_percent = 80;
	o.zero_high_percent = 60;
	refused(&o, -EINVAL, "from 80 to 60");
	o.zero_high_percent = 101;
	refused(&o, -EINVAL, "percent");
}

TEST(descriptors_are_a_64th_of_the_memory)
{
	struct vm_stat s = VM_STAT_INIT;

	set_up();
	CHECK_INT(vm_stat(vm, &s), 0);
	CHECK(s.overhead_bytes >= PAGES * 64);
	CHECK(s.overhead_bytes < PAGES * PAGE / 50);
	destroy();
}

/* ---- boot --------------------------------------------------------------- */

static struct vm_boot *kept;
static char *stolen;
static int boot_result;

static int
boot(struct vm_boot *b, void *arg)
{
	void *start, *end, *end2, *memory;

	CHECK(arg == &kept);
	kept = b;
	CHECK_INT(vm_boot_window(b, &start, &end), 0);
	CHECK_INT(vm_boot_steal(b, 5 * PAGE + 1, &memory), 0);
	CHECK(memory == start);
	stolen = memory;
	memset(stolen, 6, 5 * PAGE + 1);
	CHECK_INT(vm_boot_window(b, &start, &end2), 0);
	CHECK(start == stolen + 6 * PAGE && end2 == end);
	CHECK_INT(vm_boot_steal(b, 1, NULL), -EINVAL);
	CHECK_INT(vm_boot_window(b, NULL, &end), -EINVAL);
	CHECK_INT(vm_boot_steal(b, PAGES * PAGE, &memory), -ENOMEM);
	return boot_result;
}

TEST(boot_takes_memory_for_good)
{
	struct vm_options o = sensible();
	struct vm_segment_info i;
	void *start, *end;

	boot_result = 0;
	o.boot = boot;
	o.boot_arg = &kept;
	create(&o);
	CHECK_INT(limit_pages(), PAGES - 6);
	i = info(0);
	CHECK_INT(i.pages - i.free, i.reserved);
	CHECK_INT(i.reserved, 6);
	CHECK_INT(vm_boot_steal(kept, 1, &start), -EINVAL);
	CHECK_STR(vm_last_error(), "boot is over");
	CHECK_INT(vm_boot_window(kept, &start, &end), -EINVAL);
	for (unsigned n = 0; n < 5 * PAGE + 1; n++)
		CHECK_INT(stolen[n], 6);
	destroy();
}

static int
take_too_much(struct vm_boot *b, void *arg)
{
	void *memory;

	(void)arg;
	return vm_boot_steal(b, (PAGES - 15) * PAGE, &memory);
}

TEST(a_boot_that_fails_or_leaves_too_little_ends_the_creation)
{
	struct vm_options o = sensible();

	o.boot = boot;
	o.boot_arg = &kept;
	boot_result = -EPERM;
	refused(&o, -EPERM, "");
	boot_result = 5;
	refused(&o, -EINVAL, "boot returned 5");
	o.boot = take_too_much;
	refused(&o, -ENOMEM, "boot left 15 pages");
}

static unsigned asked;

static int
source(void *arg, uint64_t bytes, void **memory)
{
	asked++;
	*memory = arg;
	return bytes == 100 ? 0 : -ENOMEM;
}

static int
ask_source(struct vm_boot *b, void *arg)
{
	void *memory;

	CHECK_INT(vm_boot_steal(b, 100, &memory), 0);
	CHECK(memory == arg && asked == 1);
	CHECK_INT(vm_boot_steal(b, 101, &memory), -ENOMEM);
	CHECK_INT(asked, 2);
	return 0;
}

TEST(boot_memory_can_come_from_elsewhere)
{
	struct vm_options o = sensible();

	o.boot = ask_source;
	o.boot_source = source;
	o.boot_arg = o.boot_source_arg = lent;
	create(&o);
	CHECK_INT(limit_pages(), PAGES);
	destroy();
}

TEST(two_systems_in_one_process_share_nothing)
{
	struct vm_options o = sensible();
	struct vm *first;
	struct vm_frame_run run;

	create(&o);
	first = vm;
	CHECK_INT(vm_create_on(&o, &faulty_os, &pmap_nobody, &vm), 0);
	run = run_of(9, 0);
	CHECK(vm_frame_page(first, vm_frame_address(run.first)) == NULL);
	CHECK_INT(free_pages(), PAGES - 9);
	vm_frame_free(vm, &run);
	CHECK_INT(vm_destroy(vm), 0);
	vm = first;
	CHECK_INT(free_pages(), PAGES);
	destroy();
}

/* Mach warned on the console while it booted; here there is a sentence, and
 * nothing is printed. */
TEST(a_failed_creation_says_why_and_prints_nothing)
{
	struct vm_options o = sensible();
	int ends[2], out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO);
	char byte;

	o.segment_count = 3;
	CHECK(pipe2(ends, O_NONBLOCK | O_CLOEXEC) == 0);
	fflush(stdout);
	CHECK(dup2(ends[1], STDOUT_FILENO) >= 0);
	CHECK(dup2(ends[1], STDERR_FILENO) >= 0);
	CHECK_INT(vm_create(&o, &vm), -EINVAL);
	CHECK(dup2(out, STDOUT_FILENO) >= 0);
	CHECK(dup2(err, STDERR_FILENO) >= 0);
	CHECK(read(ends[0], &byte, 1) < 0 && errno == EAGAIN);
	CHECK(strstr(vm_last_error(), "3 segments") != NULL);
	close(ends[0]);
	close(ends[1]);
	close(out);
	close(err);
}
