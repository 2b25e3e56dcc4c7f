/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pmap/view.c over a kernel that does as it is told: each entry of the table
 * writes down what it was asked and answers from a list.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/error.h"
#include "check.h"
#include "os/os.h"
#include "pmap/store.h"
#include "pmap/view.h"

enum { PAGE = 4096, CALLS = 64 };

struct call {
	const char *what;
	uint64_t address;
	uint64_t length;
	bool flag;
};

static struct call call[CALLS];
static unsigned calls;
/* The next answers: those that are left are 0, which means "all of it". */
static int64_t answer[CALLS];
static unsigned answers, answered;
static int open_answer = 7;
static bool open_files = true;
static struct vm_views views;
static struct vm_view view;

static int64_t
note(const char *what, uint64_t address, uint64_t length, bool flag)
{
	CHECK(calls < CALLS);
	call[calls++] = (struct call){ what, address, length, flag };
	return answered < answers ? answer[answered++] : 0;
}

static void
forget(void)
{
	calls = answers = answered = 0;
}

static void
will_answer(int64_t value)
{
	answer[answers++] = value;
}

static int
fake_open(int *self, bool *files)
{
	*self = 8;
	*files = open_files;
	return open_answer;
}

static void
fake_close(int uffd, int self)
{
	CHECK_INT(uffd, 7);
	CHECK_INT(self, 8);
	(void)note("close", 0, 0, false);
}

/* Addresses of nothing: nobody looks there. */
static int
fake_reserve(uint64_t length, uint64_t *address)
{
	static uint64_t next = UINT64_C(1) << 32;
	int error = (int)note("reserve", *address, length, false);

	if (error == 0 && *address == 0) {
		*address = next;
		next += length + PAGE;
	}
	return error;
}

static int
fake_show(int fd, uint64_t offset, uint64_t length, bool fixed,
    uint64_t *address)
{
	int error = (int)note("show", *address, length, fixed);

	CHECK(fd >= 0 && offset % PAGE == 0);
	if (*address == 0)
		*address = UINT64_C(1) << 40;
	return error;
}

static int
fake_unmap(uint64_t address, uint64_t length)
{
	return (int)note("unmap", address, length, false);
}

static int
fake_watch(int uffd, uint64_t address, uint64_t length)
{
	CHECK_INT(uffd, 7);
	return (int)note("watch", address, length, false);
}

static int64_t
fake_copy(int uffd, uint64_t to, const void *from, uint64_t length,
    bool protect)
{
	int64_t value = note("copy", to, length, protect);

	CHECK(uffd == 7 && from != NULL);
	return value != 0 ? value : (int64_t)length;
}

static int64_t
fake_drop(int self, const struct iovec *ranges, unsigned count)
{
	int64_t bytes = 0, value;

	CHECK_INT(self, 8);
	for (unsigned i = 0; i < count; i++)
		bytes += (int64_t)ranges[i].iov_len;
	value = note("drop", (uintptr_t)ranges[0].iov_base, count, false);
	return value != 0 ? value : bytes;
}

static int
fake_protect(int uffd, uint64_t address, uint64_t length, bool on)
{
	CHECK_INT(uffd, 7);
	return (int)note("protect", address, length, on);
}

static const struct vm_pmap_ops fake = {
	.protect = fake_protect,
	.wake = fake_watch,
	.open = fake_open,
	.close = fake_close,
	.reserve = fake_reserve,
	.show = fake_show,
	.unmap = fake_unmap,
	.watch = fake_watch,
	.copy = fake_copy,
	.drop = fake_drop,
};

static void
check_call(unsigned i, const char *what, uint64_t address, uint64_t length)
{
	CHECK(i < calls);
	CHECK_STR(call[i].what, what);
	CHECK_INT(call[i].address, address);
	CHECK_INT(call[i].length, length);
}

static void
set_up(uint64_t pages)
{
	forget();
	views = (struct vm_views){ .page_bytes = PAGE };
	CHECK_INT(vm_views_init(&views, &fake), 0);
	CHECK_INT(vm_view_init(&view, &views, NULL, pages), 0);
	forget();
}

static void
tear_down(void)
{
	forget();
	vm_view_fini(&view);
	vm_views_fini(&views);
	CHECK_STR(call[calls - 1].what, "close");
}

static uint64_t
at(vm_pindex_t pindex)
{
	return (uintptr_t)vm_view_at(&view, pindex);
}

/* ---- all views ----------------------------------------------------------- */

static int
try_open(int error)
{
	struct vm_views none = { .page_bytes = PAGE };
	int got;

	open_answer = error;
	got = vm_views_init(&none, &fake);
	open_answer = 7;
	return got;
}

TEST(a_refusal_says_what_to_allow)
{
	CHECK_INT(try_open(-EPERM), -EPERM);
	CHECK(strstr(vm_error_text(), "vm.unprivileged_userfaultfd") != NULL);
	CHECK(strstr(vm_error_text(), "CAP_SYS_PTRACE") != NULL);
	CHECK(strstr(vm_error_text(), "/dev/userfaultfd") != NULL);
}

TEST(a_kernel_without_it_says_so)
{
	const struct vm_pmap_ops none = { 0 };

	CHECK_INT(try_open(-EINVAL), -ENOSYS);
	CHECK_INT(try_open(-ENOSYS), -ENOSYS);
	CHECK_INT(try_open(-EMFILE), -EMFILE);
	CHECK_INT(vm_views_init(&views, &none), -ENOSYS);
}

/* ---- one view ------------------------------------------------------------ */

TEST(a_view_is_reserved_and_watched)
{
	forget();
	views = (struct vm_views){ .page_bytes = PAGE };
	CHECK_INT(vm_views_init(&views, &fake), 0);
	CHECK_INT(vm_view_init(&view, &views, (void *)0x70000000, 10), 0);
	check_call(0, "reserve", 0x70000000, 10 * PAGE);
	check_call(1, "watch", 0x70000000, 10 * PAGE);
	CHECK_INT(at(0), 0x70000000);
	CHECK_INT(at(9), 0x70000000 + 9 * PAGE);
	CHECK(vm_view_at(&view, 10) == NULL);
	CHECK_INT(vm_view_run(&view, 4), 6);
	forget();
	vm_view_fini(&view);
	check_call(0, "unmap", 0x70000000, 10 * PAGE);
	vm_views_fini(&views);
}

TEST(a_view_of_nothing_has_a_page)
{
	set_up(0);
	CHECK(vm_view_at(&view, 0) != NULL);
	tear_down();
}

TEST(a_view_grows_by_as_much_as_it_has_and_stays_where_it_was)
{
	uint64_t first;

	set_up(10);
	first = at(3);
	CHECK_INT(vm_view_extend(&view, 10), 0);
	CHECK_INT(calls, 0);
	CHECK_INT(vm_view_extend(&view, 11), 0);
	CHECK_INT(call[0].length, 10 * PAGE);
	CHECK_INT(vm_view_extend(&view, 100), 0);
	CHECK_INT(call[2].length, 80 * PAGE);
	CHECK_INT(at(3), first);
	CHECK_INT(vm_view_run(&view, 10), 10);
	CHECK_INT(at(19), at(10) + 9 * PAGE);
	CHECK(vm_view_at(&view, 100) == NULL);
	tear_down();
}

TEST(a_view_that_cannot_be_had_leaves_nothing)
{
	set_up(10);
	will_answer(-ENOMEM);
	CHECK_INT(vm_view_extend(&view, 20), -ENOMEM);
	CHECK_INT(calls, 1);
	forget();
	will_answer(0);
	will_answer(-ENOMEM);
	CHECK_INT(vm_view_extend(&view, 20), -ENOMEM);
	CHECK_INT(calls, 3);
	CHECK_STR(call[2].what, "unmap");
	CHECK(vm_view_at(&view, 10) == NULL);
	CHECK_INT(vm_view_extend(&view, UINT64_MAX / PAGE + 20), -ENOMEM);
	tear_down();
}

/* ---- filling ------------------------------------------------------------- */

static char bytes[16 * PAGE];

TEST(pages_come_by_one_copy_that_may_be_protected)
{
	set_up(10);
	CHECK_INT(vm_view_fill(&view, 2, 8, bytes, true), 0);
	CHECK_INT(calls, 1);
	check_call(0, "copy", at(2), 8 * PAGE);
	CHECK(call[0].flag);
	CHECK_INT(vm_view_fill(&view, 1, 1, bytes, false), 0);
	CHECK(!call[1].flag);
	tear_down();
}

TEST(a_copy_over_the_end_of_a_piece_goes_on_in_the_next)
{
	set_up(4);
	CHECK_INT(vm_view_extend(&view, 8), 0);
	forget();
	CHECK_INT(vm_view_fill(&view, 2, 4, bytes, true), 0);
	check_call(0, "copy", at(2), 2 * PAGE);
	check_call(1, "copy", at(4), 2 * PAGE);
	tear_down();
}

TEST(a_copy_in_part_goes_on_where_it_ended)
{
	set_up(8);
	will_answer(3 * PAGE);
	will_answer(-EAGAIN);
	CHECK_INT(vm_view_fill(&view, 0, 8, bytes, true), 0);
	CHECK_INT(calls, 3);
	check_call(2, "copy", at(3), 5 * PAGE);
	tear_down();
}

TEST(what_is_in_the_way_of_a_copy_is_dropped)
{
	set_up(8);
	will_answer(PAGE);
	will_answer(-EEXIST);
	CHECK_INT(vm_view_fill(&view, 0, 3, bytes, true), 0);
	check_call(2, "drop", at(1), 1);
	check_call(3, "copy", at(1), 2 * PAGE);
	forget();
	will_answer(-EEXIST);
	will_answer(0);
	will_answer(-EEXIST);
	will_answer(0);
	will_answer(-EEXIST);
	CHECK_INT(vm_view_fill(&view, 0, 3, bytes, true), -EEXIST);
	tear_down();
}

TEST(a_copy_without_memory_is_an_error)
{
	set_up(8);
	will_answer(-ENOMEM);
	CHECK_INT(vm_view_fill(&view, 0, 3, bytes, true), -ENOMEM);
	CHECK_INT(calls, 1);
	tear_down();
}

/* ---- protecting ---------------------------------------------------------- */

TEST(pages_are_protected_and_opened)
{
	set_up(4);
	CHECK_INT(vm_view_extend(&view, 8), 0);
	forget();
	will_answer(-EAGAIN);
	vm_view_protect(&view, 3, 2, true);
	CHECK_INT(calls, 3);
	check_call(1, "protect", at(3), PAGE);
	CHECK(call[1].flag);
	check_call(2, "protect", at(4), PAGE);
	vm_view_protect(&view, 0, 1, false);
	CHECK(!call[3].flag);
	will_answer(-ENOENT);	/* the program has unmapped it */
	vm_view_protect(&view, 0, 1, true);
	tear_down();
}

TEST(a_protection_that_fails_is_fatal)
{
	set_up(4);
	CHECK_DIES(will_answer(-EINVAL); vm_view_protect(&view, 0, 1, true));
	tear_down();
}

/* ---- dropping ------------------------------------------------------------ */

TEST(many_ranges_go_at_once)
{
	struct iovec range[3];

	set_up(8);
	for (unsigned i = 0; i < 3; i++)
		range[i] = (struct iovec){ vm_view_at(&view, 2 * i), PAGE };
	vm_views_drop(&views, range, 3);
	CHECK_INT(calls, 1);
	check_call(0, "drop", at(0), 3);
	tear_down();
}

TEST(a_drop_in_part_goes_on_within_a_range)
{
	struct iovec range[2];

	set_up(8);
	range[0] = (struct iovec){ vm_view_at(&view, 0), PAGE };
	range[1] = (struct iovec){ vm_view_at(&view, 2), 3 * PAGE };
	will_answer(-EAGAIN);
	will_answer(2 * PAGE);
	vm_views_drop(&views, range, 2);
	CHECK_INT(calls, 3);
	check_call(2, "drop", at(3), 1);
	tear_down();
}

TEST(more_ranges_than_one_call_takes_go_in_several)
{
	enum { RANGES = VM_VIEW_DROP_MAX + 10 };
	static struct iovec range[RANGES];

	set_up(2 * RANGES);
	for (unsigned i = 0; i < RANGES; i++)
		range[i] = (struct iovec){ vm_view_at(&view, 2 * i), PAGE };
	vm_views_drop(&views, range, RANGES);
	CHECK_INT(calls, 2);
	check_call(0, "drop", at(0), VM_VIEW_DROP_MAX);
	check_call(1, "drop", at(2 * VM_VIEW_DROP_MAX), 10);
	tear_down();
}

TEST(a_drop_that_fails_is_fatal)
{
	set_up(4);
	CHECK_DIES(will_answer(-EINVAL); vm_view_drop(&view, 0, 1));
	tear_down();
}

/* ---- stores -------------------------------------------------------------- */

static struct vm_store store;

static void
set_up_store(void)
{
	set_up(4);
	CHECK_INT(vm_store_init(&store, &vm_os_linux, PAGE, 4 * PAGE), 0);
}

static void
tear_down_store(void)
{
	vm_store_fini(&store);
	tear_down();
}

TEST(a_store_is_shown_and_watched)
{
	struct vm_mapping mapping = { .pindex = 1, .pages = 2 };

	set_up_store();
	CHECK_INT(vm_views_show(&views, &store, &mapping, false), 0);
	check_call(0, "show", 0, 2 * PAGE);
	check_call(1, "watch", mapping.address, 2 * PAGE);
	CHECK_INT(atomic_load(&store.tracked), 1);
	forget();
	vm_store_protect(&store, 0, 4);
	check_call(0, "protect", mapping.address, 2 * PAGE);
	vm_views_hide(&views, &store, &mapping);
	check_call(1, "unmap", mapping.address, 2 * PAGE);
	CHECK_INT(atomic_load(&store.count), 0);
	tear_down_store();
}

TEST(a_store_that_cannot_be_shown_is_not_listed)
{
	struct vm_mapping mapping = { .pindex = 1, .pages = 2 };

	set_up_store();
	views.files = false;
	CHECK_INT(vm_views_show(&views, &store, &mapping, false), -ENOTSUP);
	CHECK_INT(calls, 0);
	views.files = true;
	will_answer(-ENOMEM);
	CHECK_INT(vm_views_show(&views, &store, &mapping, false), -ENOMEM);
	will_answer(0);
	will_answer(-ENOMEM);
	CHECK_INT(vm_views_show(&views, &store, &mapping, false), -ENOMEM);
	CHECK_STR(call[calls - 1].what, "unmap");
	CHECK_INT(atomic_load(&store.count), 0);
	tear_down_store();
}

TEST(a_view_shows_a_store_at_the_same_addresses)
{
	set_up_store();
	CHECK_INT(vm_view_extend(&view, 8), 0);
	forget();
	CHECK_INT(vm_view_turn(&view, &store), 0);
	CHECK_INT(calls, 10);	/* two tries of three calls, then the turn */
	check_call(6, "show", at(0), 4 * PAGE);
	CHECK(call[6].flag);
	check_call(8, "show", at(4), 4 * PAGE);
	CHECK_INT(atomic_load(&store.tracked), 2);
	vm_view_fini(&view);
	CHECK_INT(atomic_load(&store.tracked), 0);
	tear_down_store();
}

TEST(a_view_that_cannot_show_a_store_is_what_it_was)
{
	set_up_store();
	will_answer(-ENOMEM);
	CHECK_INT(vm_view_turn(&view, &store), -ENOMEM);
	CHECK_INT(calls, 1);
	CHECK(!call[0].flag);
	CHECK(view.store == NULL);
	CHECK_INT(atomic_load(&store.count), 0);
	tear_down_store();
}
