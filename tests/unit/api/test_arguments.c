/* SPDX-License-Identifier: BSD-2-Clause */
/* Every public function and what it is told wrongly: an error with a sentence,
 * and nothing has changed.  What change.c, check.c, object.c, page.c, space.c
 * and system.c of api do right is proven with the rooms that do it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <resident/resident.h>

#include "api/system.h"
#include "base/error.h"
#include "check.h"
#include "clients.h"
#include "faulty.h"
#include "map/space.h"

enum { PAGE = 4096, PAGES = 32 };

static struct vm *vm;
static struct vm_object *object, *store, *anon;
static int fd, read_only;

/* The call fails so, and says why. */
#define REFUSED(error, call, word)                                            \
	do {                                                                  \
		vm_error(EDOM, "stale");                                      \
		CHECK_INT(call, -(error));                                    \
		CHECK(strstr(vm_last_error(), word) != NULL);                 \
	} while (0)

static void
set_up(void)
{
	struct vm_options o = VM_OPTIONS_INIT;
	char path[64];

	faulty_reset();
	o.resident_max_bytes = 64 * PAGE;
	CHECK_INT(vm_create_on(&o, &faulty_os, &fake_pmap, &vm), 0);
	fd = open("/var/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	CHECK(fd >= 0 && ftruncate(fd, PAGES * PAGE) == 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	read_only = open(path, O_RDONLY | O_CLOEXEC);
	CHECK(read_only >= 0);
	CHECK_INT(vm_object_create_file(vm, read_only, 0, VM_LENGTH_ALL, 0,
	    &object), 0);
	CHECK_INT(vm_object_create_file(vm, fd, 0, VM_LENGTH_ALL,
	    VM_OBJECT_STORE | VM_OBJECT_WRITABLE, &store), 0);
	CHECK_INT(vm_object_create_anon(vm, PAGES * PAGE, 0, &anon), 0);
}

static void
tear_down(void)
{
	CHECK_INT(vm_object_destroy(object), 0);
	CHECK_INT(vm_object_destroy(store), 0);
	CHECK_INT(vm_object_destroy(anon), 0);
	CHECK_INT(vm_destroy(vm), 0);
	close(fd);
	close(read_only);
	fake_clients_reset();
	faulty_check_clean();
}

TEST(a_system_needs_sensible_options)
{
	struct vm_options good = VM_OPTIONS_INIT, o;
	struct vm *none = NULL;

	good.resident_max_bytes = 64 * PAGE;
	REFUSED(EINVAL, vm_create(NULL, &none), "VM_OPTIONS_INIT");
	o = good;
	o.size_bytes = 0;
	REFUSED(EINVAL, vm_create(&o, &none), "VM_OPTIONS_INIT");
	o = good;
	o.resident_max_bytes = 16 * PAGE - 1;
	REFUSED(EINVAL, vm_create(&o, &none), "below 16 pages");
	o.resident_max_bytes = UINT64_MAX;
	REFUSED(EINVAL, vm_create(&o, &none), "above");
	o = good;
	o.policy = "none such";
	REFUSED(EINVAL, vm_create(&o, &none), "\"none such\"");
	o = good;
	o.flags = 0x80;
	REFUSED(EINVAL, vm_create(&o, &none), "0x80");
	o = good;
	o.reclaim_batch = 257;
	REFUSED(EINVAL, vm_create(&o, &none), "batches of 257");
	o = good;
	o.reclaim_batch = 0;
	o.laundry_depth = 257;
	REFUSED(EINVAL, vm_create(&o, &none), "257 writes at once");
	o.laundry_depth = 0;
	o.activity.max = 256;
	REFUSED(EINVAL, vm_create(&o, &none), "256 is more than 255");
	o.activity.max = 4;
	REFUSED(EINVAL, vm_create(&o, &none), "come in with 5");
	REFUSED(EINVAL, vm_create(&good, NULL), "nowhere");
	CHECK(none == NULL);
}

TEST(odd_limits_and_options_are_taken)
{
	struct vm_options o = VM_OPTIONS_INIT;
	struct vm_stat s = VM_STAT_INIT;

	o.resident_max_bytes = 16 * PAGE + PAGE - 1;
	o.readahead_bytes = UINT64_MAX;
	o.cluster_bytes = UINT64_MAX;
	o.fault_threads = 1000;
	o.reclaim_batch = 256;
	o.laundry_depth = 256;
	o.laundry_bytes = UINT64_MAX;
	o.activity = (struct vm_activity){ 255, 255, 255, 255 };
	CHECK_INT(vm_create(&o, &vm), 0);
	CHECK_INT(vm_stat(vm, &s), 0);
	CHECK_INT(s.limit_pages, 16);
	CHECK_INT(vm_destroy(vm), 0);
}

TEST(an_object_over_a_file_needs_one_that_fits)
{
	struct vm_object *none = NULL;
	int ends[2];

	set_up();
	CHECK(pipe(ends) == 0);
	REFUSED(EINVAL, vm_object_create_file(NULL, fd, 0, PAGE, 0, &none),
	    "no system");
	REFUSED(EINVAL, vm_object_create_file(vm, fd, 0, PAGE, 0, NULL),
	    "nowhere");
	REFUSED(EINVAL, vm_object_create_file(vm, fd, 0, PAGE, 0x100, &none),
	    "0x100");
	REFUSED(EINVAL, vm_object_create_file(vm, fd, 100, PAGE, 0, &none),
	    "100");
	REFUSED(EINVAL, vm_object_create_file(vm, fd, PAGE, INT64_MAX, 0,
	    &none), "more than a file");
	REFUSED(EBADF, vm_object_create_file(vm, -1, 0, PAGE, 0, &none),
	    "descriptor -1");
	REFUSED(ENODEV, vm_object_create_file(vm, ends[0], 0, PAGE, 0, &none),
	    "regular");
	REFUSED(EACCES, vm_object_create_file(vm, read_only, 0, PAGE,
	    VM_OBJECT_WRITABLE, &none), "writing");
	REFUSED(EFBIG, vm_object_create_file(vm, fd, 0, UINT64_C(1) << 45,
	    VM_OBJECT_STORE, &none), "memory");
	CHECK(none == NULL);
	close(ends[0]);
	close(ends[1]);
	tear_down();
}

TEST(an_anonymous_object_needs_a_length_that_fits)
{
	struct vm_object *none = NULL;

	set_up();
	REFUSED(EINVAL, vm_object_create_anon(NULL, 1, 0, &none), "no system");
	REFUSED(EINVAL, vm_object_create_anon(vm, 1, 0, NULL), "nowhere");
	REFUSED(EINVAL, vm_object_create_anon(vm, 1, 8, &none), "0x8");
	REFUSED(EINVAL, vm_object_create_anon(vm, UINT64_MAX, 0, &none),
	    "length");
	REFUSED(ENOMEM, vm_object_create_anon(vm, INT64_MAX, 0, &none),
	    "index");
	CHECK(none == NULL);
	tear_down();
}

TEST(a_grab_needs_a_page_that_is_there_and_a_right)
{
	struct vm_page *page = NULL;

	set_up();
	REFUSED(EINVAL, vm_page_grab(anon, 0, 0x8000, &page), "0x8000");
	REFUSED(EINVAL, vm_page_grab(anon, 0, VM_GRAB_ZERO, &page), "ZERO");
	REFUSED(EACCES, vm_page_grab(object, 0, VM_GRAB_WRITE, &page),
	    "read-only");
	REFUSED(ERANGE, vm_page_grab(anon, PAGES, 0, &page), "32");
	REFUSED(ERANGE, vm_page_grab(anon, UINT64_MAX, 0, &page), "beyond");
	REFUSED(EAGAIN, vm_page_grab(anon, 1, VM_GRAB_NOWAIT, &page),
	    "at once");
	CHECK(page == NULL);
	tear_down();
}

TEST(making_dirty_what_is_only_read_dies)
{
	struct vm_page *page;

	set_up();
	CHECK_INT(vm_page_grab(anon, 0, VM_GRAB_READ, &page), 0);
	CHECK_DIES(vm_page_dirty(page, 0, 1));
	vm_page_release(page);
	CHECK_INT(vm_page_grab(anon, 0, VM_GRAB_WRITE, &page), 0);
	CHECK_DIES(vm_page_dirty(page, PAGE, 1));
	CHECK_DIES(vm_page_dirty(page, 1, PAGE));
	CHECK_DIES(vm_page_dirty(page, UINT32_MAX, 2));
	vm_page_dirty(page, PAGE, 0);	/* nothing, and not even dirty */
	vm_page_release(page);
	tear_down();
}

TEST(ranges_that_wrap_around_are_refused)
{
	const uint64_t end = UINT64_MAX;

	set_up();
	REFUSED(EINVAL, vm_object_flush(anon, end, 2), "flush");
	REFUSED(EINVAL, vm_object_sync(anon, end, 2), "sync");
	REFUSED(EINVAL, vm_object_prefetch(anon, end, 2), "prefetch");
	REFUSED(EINVAL, vm_object_wire(anon, end, 2), "wire");
	REFUSED(EINVAL, vm_object_unwire(anon, end, 2), "unwire");
	REFUSED(EINVAL, vm_object_write_begin(object, end, 2), "write_begin");
	REFUSED(EINVAL, vm_object_write_end(object, end, 2, 1), "write_end");
	tear_down();
}

TEST(ranges_behind_the_end_are_empty)
{
	const uint64_t behind = 1000 * PAGE;

	set_up();
	CHECK_INT(vm_object_flush(anon, behind, PAGE), 0);
	CHECK_INT(vm_object_sync(anon, behind, VM_LENGTH_ALL), 0);
	CHECK_INT(vm_object_sync(anon, UINT64_MAX, VM_LENGTH_ALL), 0);
	CHECK_INT(vm_object_prefetch(anon, behind, PAGE), 0);
	CHECK_INT(vm_object_wire(anon, behind, PAGE), 0);
	CHECK_INT(vm_object_unwire(anon, behind, PAGE), 0);
	CHECK_INT(vm_object_sync(anon, 0, 0), 0);
	tear_down();
}

TEST(what_only_files_or_stores_have_is_refused_to_others)
{
	set_up();
	REFUSED(ENOTSUP, vm_object_write_begin(anon, 0, 1), "no file");
	REFUSED(ENOTSUP, vm_object_write_end(anon, 0, 1, 1), "no file");
	REFUSED(ENOTSUP, vm_object_set_writable(anon, fd), "no file");
	REFUSED(ENOTSUP, vm_object_store_fd(object, 0), "memory file");
	REFUSED(ENOTSUP, vm_object_face_fd(object), "memory file");
	REFUSED(EINVAL, vm_object_resize(anon, UINT64_MAX), "length");
	REFUSED(EINVAL, vm_object_advise(anon, (enum vm_advice)99), "9");
	tear_down();
}

TEST(an_object_becomes_writable_by_its_own_file_only)
{
	int other = open("/var/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	struct vm_page *page;

	CHECK(other >= 0);
	set_up();
	REFUSED(EINVAL, vm_object_set_writable(object, other), "another");
	REFUSED(EACCES, vm_object_set_writable(object, read_only), "writing");
	REFUSED(EBADF, vm_object_set_writable(object, -1), "-1");
	CHECK_INT(vm_page_grab(object, 0, VM_GRAB_WRITE, &page), -EACCES);
	CHECK_INT(vm_object_set_writable(object, fd), 0);
	CHECK_INT(vm_object_set_writable(object, fd), 0);
	CHECK_INT(vm_page_grab(object, 0, VM_GRAB_WRITE, &page), 0);
	vm_page_release(page);
	tear_down();
	close(other);
}

TEST(a_system_ends_after_what_is_in_it)
{
	set_up();
	REFUSED(EBUSY, vm_destroy(vm), "3 objects");
	tear_down();
}

TEST(stat_needs_to_know_how_much_there_is_room_for)
{
	struct vm_stat s = VM_STAT_INIT;

	set_up();
	REFUSED(EINVAL, vm_stat(vm, NULL), "VM_STAT_INIT");
	s.size_bytes = 0;
	REFUSED(EINVAL, vm_stat(vm, &s), "VM_STAT_INIT");
	memset(&s, 0x5a, sizeof(s));
	s.size_bytes = sizeof(size_t) + sizeof(uint64_t);
	CHECK_INT(vm_stat(vm, &s), 0);
	CHECK_INT(s.limit_pages, 64);
	CHECK(s.reserved_pages == UINT64_C(0x5a5a5a5a5a5a5a5a));
	tear_down();
}

TEST(sizes_are_texts_of_a_known_form)
{
	uint64_t bytes;

	REFUSED(EINVAL, vm_size_parse(NULL, &bytes), "no text");
	REFUSED(EINVAL, vm_size_parse("1k", NULL), "no text");
	CHECK_INT(vm_size_parse("1k", &bytes), 0);
	CHECK_INT(bytes, 1024);
}

TEST(versions_and_names_are_there)
{
	CHECK_STR(vm_version(), VM_VERSION);
	CHECK_INT(vm_page_bytes(), sysconf(_SC_PAGESIZE));
	CHECK(vm_policy_names()[0] != NULL && vm_policy_names()[1] != NULL);
	CHECK(vm_space_features() != 0);
}

/* -- spaces -------------------------------------------------------------- */

static struct vm_space *
new_space(const struct fake_client *client)
{
	struct vm_space_options o = { .size_bytes = sizeof(o) };
	struct vm_space *space;

	CHECK_INT(vm_space_create(vm, client->fd, &o, &space), 0);
	return space;
}

TEST(a_space_needs_options_and_a_userfaultfd)
{
	struct vm_space_options o = { .size_bytes = 1 };
	struct vm_space *none = NULL;
	struct vm_options options = VM_OPTIONS_INIT;

	options.resident_max_bytes = 64 * PAGE;
	CHECK_INT(vm_create(&options, &vm), 0);	/* the real pmap */
	REFUSED(EINVAL, vm_space_create(vm, 0, NULL, &none), "size");
	REFUSED(EINVAL, vm_space_create(vm, 0, &o, &none), "size");
	o.size_bytes = sizeof(o);
	REFUSED(EINVAL, vm_space_create(vm, 0, &o, NULL), "size");
	REFUSED(EBADF, vm_space_create(vm, -1, &o, &none), "-1");
	fd = open("/dev/null", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	REFUSED(ENOTTY, vm_space_create(vm, fd, &o, &none), "userfaultfd");
	close(fd);
	CHECK(none == NULL);
	CHECK_INT(vm_destroy(vm), 0);
}

TEST(a_range_needs_whole_pages_an_object_and_a_kind)
{
	struct vm_space *space;
	struct vm_range range;

	set_up();
	space = new_space(fake_client_new());
	REFUSED(EINVAL, vm_space_enter(space, 1, PAGE, store, 0,
	    VM_RANGE_READ), "whole pages");
	REFUSED(EINVAL, vm_space_enter(space, PAGE, 0, store, 0,
	    VM_RANGE_READ), "whole pages");
	REFUSED(EINVAL, vm_space_enter(space, PAGE, 100, store, 0,
	    VM_RANGE_READ), "whole pages");
	REFUSED(EINVAL, vm_space_enter(space, UINT64_MAX - PAGE + 1,
	    2 * PAGE, store, 0, VM_RANGE_READ), "whole pages");
	REFUSED(EINVAL, vm_space_enter(space, PAGE, PAGE, store, 7,
	    VM_RANGE_READ), "offset 7");
	REFUSED(EINVAL, vm_space_enter(space, PAGE, PAGE, store, 0,
	    (enum vm_range_kind)17), "17");
	REFUSED(EINVAL, vm_space_enter(space, PAGE, PAGE, object, 0,
	    VM_RANGE_READ), "no memory file");
	CHECK_INT(vm_space_enter(space, PAGE, PAGE, store, 0, VM_RANGE_READ),
	    0);
	REFUSED(EEXIST, vm_space_enter(space, PAGE, PAGE, store, 0,
	    VM_RANGE_READ), "overlaps");
	REFUSED(EINVAL, vm_space_protect(space, 3, PAGE), "whole pages");
	REFUSED(EINVAL, vm_space_track(space, 3, PAGE), "whole pages");
	REFUSED(EINVAL, (int)vm_space_touched(space, PAGE, 0), "whole pages");
	REFUSED(EINVAL, vm_space_leave(space, 3, PAGE), "whole pages");
	REFUSED(EINVAL, vm_space_track(space, 9 * PAGE, PAGE), "no range");
	REFUSED(ENOENT, vm_space_find(space, 9 * PAGE, &range), "no range");
	CHECK_INT(vm_space_find(space, 0, &range), 0);
	CHECK(range.address == PAGE && range.length == PAGE &&
	    range.object == store && range.kind == VM_RANGE_READ);
	REFUSED(EBUSY, vm_object_destroy(store), "1 ranges");
	REFUSED(EBUSY, vm_destroy(vm), "1 spaces");
	CHECK_INT(vm_space_ranges(space), 1);
	CHECK_INT(vm_space_leave(space, 0, 100 * PAGE), 0);
	CHECK_INT(vm_space_ranges(space), 0);
	CHECK(vm_space_alive(space));
	vm_space_destroy(space);
	tear_down();
}

TEST(a_range_that_is_written_needs_an_object_that_is)
{
	struct vm_space *space;
	struct vm_object *shown;

	set_up();
	space = new_space(fake_client_new());
	CHECK_INT(vm_object_create_file(vm, read_only, 0, VM_LENGTH_ALL,
	    VM_OBJECT_STORE, &shown), 0);
	REFUSED(EACCES, vm_space_enter(space, PAGE, PAGE, shown, 0,
	    VM_RANGE_TRACKED), "read-only object");
	REFUSED(EINVAL, vm_space_enter(space, PAGE, PAGE, shown,
	    UINT64_MAX - PAGE + 1, VM_RANGE_READ), "offset");
	CHECK_INT(vm_space_ranges(space), 0);
	CHECK_INT(vm_space_enter(space, PAGE, PAGE, shown, 0, VM_RANGE_READ),
	    0);
	CHECK_INT(vm_space_leave(space, PAGE, PAGE), 0);
	vm_space_destroy(space);
	CHECK_INT(vm_object_destroy(shown), 0);
	tear_down();
}

TEST(a_space_shows_objects_of_its_own_system)
{
	struct vm_options o = VM_OPTIONS_INIT;
	struct vm_object *theirs;
	struct vm_space *space;
	struct vm *other;

	set_up();
	o.resident_max_bytes = 64 * PAGE;
	CHECK_INT(vm_create_on(&o, &faulty_os, &fake_pmap, &other), 0);
	CHECK_INT(vm_object_create_file(other, fd, 0, VM_LENGTH_ALL,
	    VM_OBJECT_STORE, &theirs), 0);
	space = new_space(fake_client_new());
	REFUSED(EINVAL, vm_space_enter(space, PAGE, PAGE, theirs, 0,
	    VM_RANGE_READ), "another system's");
	vm_space_destroy(space);
	CHECK_INT(vm_object_destroy(theirs), 0);
	CHECK_INT(vm_destroy(other), 0);
	tear_down();
}

TEST(a_space_whose_client_is_gone_is_not_alive)
{
	struct fake_client *client = fake_client_new();
	struct vm_space *space;

	set_up();
	space = new_space(client);
	CHECK(vm_space_alive(space));
	client->gone = true;
	CHECK(!vm_space_alive(space));
	client->gone = false;
	atomic_store(&space->pmap.gone, true);
	CHECK(!vm_space_alive(space));
	vm_space_destroy(space);
	tear_down();
}

static _Atomic(void *) forked_with;
static struct vm_space *_Atomic forked_child;

static void
remember(void *arg, struct vm_space *parent, struct vm_space *child)
{
	(void)parent;
	atomic_store(&forked_with, arg);
	atomic_store(&forked_child, child);
}

/* The client forks; what its space's callback was called with. */
static void *
fork_it(struct fake_client *client)
{
	atomic_store(&forked_child, NULL);
	atomic_fetch_add(&faulty.descriptors, 1);	/* the child's own */
	(void)fake_fork(client);
	CHECK(write(client->other, "", 1) == 1);	/* wakes the thread */
	while (atomic_load(&forked_child) == NULL)
		vm_os_linux.yield();
	vm_space_destroy(atomic_load(&forked_child));
	return atomic_load(&forked_with);
}

TEST(what_a_space_calls_with_can_be_changed)
{
	struct vm_space_options o = { .size_bytes = sizeof(o),
		.forked = remember };
	struct fake_client *client = fake_client_new();
	struct vm_space *space;
	int before, after;

	set_up();
	o.arg = &before;
	CHECK_INT(vm_space_create(vm, client->fd, &o, &space), 0);
	CHECK(fork_it(client) == &before);
	vm_space_set_arg(space, &after);
	CHECK(fork_it(client) == &after);
	vm_space_destroy(space);
	tear_down();
}

TEST(a_descriptor_that_cannot_be_had_is_an_error_of_its_call)
{
	set_up();
	faulty.fail_at = atomic_load(&faulty.calls) + 1;
	REFUSED(EMFILE, vm_object_store_fd(store, 0), "memory file");
	faulty.fail_at = atomic_load(&faulty.calls) + 1;
	REFUSED(EMFILE, vm_object_face_fd(store), "memory file");
	faulty.fail_at = 0;
	tear_down();
}

/* What is written behind the end of a file would be lost. */
TEST(a_writable_object_is_not_longer_than_its_file)
{
	struct vm_object *longer;

	set_up();
	REFUSED(EINVAL, vm_object_create_file(vm, fd, 0, PAGES * PAGE + 1,
	    VM_OBJECT_WRITABLE, &longer), "make it longer first");
	REFUSED(EINVAL, vm_object_create_file(vm, fd, PAGE, PAGES * PAGE,
	    VM_OBJECT_WRITABLE, &longer), "make it longer first");
	REFUSED(EINVAL, vm_object_resize(store, PAGES * PAGE + 1),
	    "make it longer first");
	CHECK_INT(vm_object_length(store), PAGES * PAGE);
	CHECK(ftruncate(fd, PAGES * PAGE + 1) == 0);
	CHECK_INT(vm_object_resize(store, PAGES * PAGE + 1), 0);
	CHECK_INT(vm_object_create_file(vm, read_only, 0, PAGES * PAGE * 2, 0,
	    &longer), 0);
	REFUSED(EINVAL, vm_object_set_writable(longer, fd),
	    "make it longer first");
	CHECK_INT(vm_object_destroy(longer), 0);
	tear_down();
}
