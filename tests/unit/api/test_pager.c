/* SPDX-License-Identifier: BSD-2-Clause */
/* Pagers that others write, what they say of pages, and pages they supply. */
#include <stdio.h>
#include <sys/mman.h>

#include "base/rng.h"
#include "memory_pager.h"

#define REFUSED(error, call, text)                                  \
	do {                                                        \
		CHECK_INT((call), -(error));                        \
		if (strstr(vm_last_error(), (text)) == NULL)        \
			CHECK_STR(vm_last_error(), (text));         \
	} while (0)

/* -- requests -------------------------------------------------------------- */

TEST(pages_come_from_the_pager_and_go_back_to_it)
{
	mem_set_up(AT_ONCE, 0);
	for (uint64_t i = 0; i < PAGES; i++)
		CHECK_INT(get(i, 0), i);
	CHECK_INT(mem.pages_in, PAGES);
	for (uint64_t i = 0; i < PAGES; i++)
		put(i, i * 3);
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	CHECK_INT(mem.syncs, 1);
	for (uint64_t i = 0; i < PAGES; i++)
		CHECK(kept(i, 1) == i * 3 && kept(i, 0) == i);
	mem_tear_down();
}

/* The same where the bytes are in a memory file. */
TEST(pages_of_a_store_come_from_the_pager_too)
{
	mem_set_up(AT_ONCE, VM_OBJECT_STORE);
	for (uint64_t i = 0; i < PAGES; i++)
		put(i, i * 5);
	CHECK_INT(get(7, 0), 7);
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	CHECK_INT(kept(99, 1), 99 * 5);
	mem_tear_down();
}

/* The frame itself is what the request names: nothing is copied. */
TEST(a_request_has_the_frames_of_its_pages)
{
	struct vm_page *page;

	mem_set_up(AT_ONCE, 0);
	page = grab(9, VM_GRAB_WRITE);
	CHECK(mem.last_base == vm_page_data(page));
	memset(vm_page_data(page), 'z', PAGE);
	vm_page_dirty(page, 0, PAGE);
	vm_page_release(page);
	mem.last_base = NULL;
	CHECK_INT(vm_object_flush(object, 0, VM_LENGTH_ALL), 0);
	page = grab(9, VM_GRAB_READ);
	CHECK(mem.last_base == vm_page_data(page));
	vm_page_release(page);
	CHECK_INT(kept(9, 5) & 0xff, 'z');
	mem_tear_down();
}

TEST(answers_of_another_thread_wake_who_waits)
{
	mem_set_up(BY_THREAD, 0);
	for (int turn = 0; turn < 20; turn++) {
		for (uint64_t i = 0; i < PAGES; i++)
			CHECK_INT(get(i, 0), i);
		put((uint64_t)turn, (uint64_t)turn + 1);
	}
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	CHECK_INT(kept(7, 1), 8);
	mem_tear_down();
}

struct user {
	pthread_t thread;
	uint64_t seed;
};

static void *
use_pages(void *arg)
{
	struct user *user = arg;
	struct vm_rng rng = { .state = user->seed };

	for (int i = 0; i < 1500; i++) {
		uint64_t pindex = vm_rng_below(&rng, PAGES);

		CHECK_INT(get(pindex, 0), pindex);
		if (vm_rng_below(&rng, 3) == 0)
			put(pindex, pindex + 7);
		if (vm_rng_below(&rng, 200) == 0)
			CHECK_INT(vm_object_sync(object, 0,
			    VM_LENGTH_ALL), 0);
	}
	return NULL;
}

TEST(many_threads_share_a_pager_that_answers_from_its_own)
{
	struct user users[4];

	mem_set_up(BY_THREAD, 0);
	for (int i = 0; i < 4; i++) {
		users[i].seed = check_seed() + (uint64_t)i;
		CHECK(pthread_create(&users[i].thread, NULL, use_pages,
		    &users[i]) == 0);
	}
	for (int i = 0; i < 4; i++)
		CHECK(pthread_join(users[i].thread, NULL) == 0);
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	for (uint64_t i = 0; i < PAGES; i++)
		CHECK(kept(i, 1) == 0 || kept(i, 1) == i + 7);
	mem_tear_down();
}

/* -- results (FreeBSD's VM_PAGER_*) ---------------------------------------- */

TEST(absent_pages_are_zeros)
{
	mem_set_up(AT_ONCE, 0);
	mem.in = VM_PAGER_ABSENT;
	CHECK_INT(get(5, 0), 0);
	CHECK_INT(mem.ins, 1);
	mem.in = VM_PAGER_OK;
	/* Known beforehand, it is not even asked. */
	mem.absent_from = 50;
	CHECK_INT(get(60, 0), 0);
	CHECK_INT(mem.ins, 1);
	CHECK_INT(get(49, 0), 49);
	CHECK_INT(mem.ins, 2);
	mem_tear_down();
}

TEST(behind_the_end_of_the_backing_store_there_is_nothing)
{
	mem_set_up(AT_ONCE, 0);
	mem.in = VM_PAGER_RANGE;
	REFUSED(ERANGE, grab_error(5, 0), "the backing store ends before");
	CHECK(!resident(5));
	mem.filled = 1;
	CHECK_INT(get(5, 0), 5);
	mem_tear_down();
}

/* Mach's "error": the page is not there, and asking again asks again. */
TEST(a_page_that_failed_gives_the_error_and_is_asked_for_again)
{
	mem_set_up(AT_ONCE, 0);
	mem.in = VM_PAGER_FAILED;
	mem.error = ENXIO;
	CHECK_INT(grab_error(5, 0), -ENXIO);
	CHECK(!resident(5));
	mem.error = 0;
	CHECK_INT(grab_error(5, 0), -EIO);
	CHECK_INT(mem.ins, 2);
	mem.in = VM_PAGER_OK;
	CHECK_INT(get(5, 0), 5);
	mem_tear_down();
}

/* FreeBSD's AGAIN: no error before the bound on waiting is over. */
TEST(a_pager_without_room_is_asked_again_until_it_has_some)
{
	mem_set_up(AT_ONCE, 0);
	mem.again = 3;
	CHECK_INT(get(5, 0), 5);
	CHECK_INT(mem.ins, 4);
	CHECK_INT(vm_object_advise(object, VM_ADVICE_SEQUENTIAL), 0);
	mem.again = 2;	/* the run, and the page by itself */
	CHECK_INT(get(40, 0), 40);
	mem_tear_down();
}

TEST(a_pager_that_stays_without_room_is_an_error_when_the_bound_is_over)
{
	mem_set_up(AT_ONCE, 0);
	vm->wait_max_ns = 1;
	mem.in = VM_PAGER_AGAIN;
	CHECK_INT(grab_error(5, 0), -EAGAIN);
	CHECK_INT(mem.ins, 2);
	CHECK(!resident(5));
	mem.in = VM_PAGER_OK;
	CHECK_INT(get(5, 0), 5);
	mem_tear_down();
}

TEST(who_may_not_wait_does_not_wait_for_a_pagers_room)
{
	mem_set_up(AT_ONCE, 0);
	mem.in = VM_PAGER_AGAIN;
	CHECK_INT(grab_error(5, VM_GRAB_NOWAIT), -EAGAIN);
	CHECK_INT(mem.ins, 0);
	CHECK_INT(grab_error(5, VM_GRAB_ONCE), -EAGAIN);
	CHECK_INT(mem.ins, 1);
	mem.in = VM_PAGER_OK;
	mem_tear_down();
}

TEST(the_rest_of_a_page_waits_for_room_too)
{
	struct vm_page *page;

	mem_set_up(AT_ONCE, 0);
	page = grab(5, VM_GRAB_WRITE | VM_GRAB_NOREAD);
	memset(vm_page_data(page), 'x', 512);
	vm_page_dirty(page, 0, 512);
	vm_page_release(page);
	mem.again = 1;
	CHECK_INT(get(5, 0), 0x7878787878787878);
	CHECK_INT(mem.ins, 2);
	mem_tear_down();
}

TEST(a_write_back_that_fails_loses_nothing_and_is_said)
{
	struct vm_object_stat stat;
	static const struct {
		enum vm_pager_result result;
		int error, wanted;
	} bad[] = {
		{ VM_PAGER_FAILED, ENOSPC, -ENOSPC },
		{ VM_PAGER_FAILED, 0, -EIO },
		{ VM_PAGER_AGAIN, 0, -EAGAIN },
	};

	mem_set_up(AT_ONCE, 0);
	put(4, 44);
	for (unsigned i = 0; i < 3; i++) {
		mem.out = bad[i].result;
		mem.error = bad[i].error;
		CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL),
		    bad[i].wanted);
		vm_object_stat(object, &stat);
		CHECK(stat.dirty_pages == 1 && stat.write_errors == i + 1);
		CHECK(resident(4) && kept(4, 1) == 0);
	}
	mem.out = VM_PAGER_OK;
	mem.sync_error = -EDQUOT;
	REFUSED(EDQUOT, vm_object_sync(object, 0, VM_LENGTH_ALL), "sync");
	mem.sync_error = 0;
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	CHECK_INT(kept(4, 1), 44);
	mem_tear_down();
}

/* FreeBSD's BAD: outside the object, and so done with. */
TEST(a_write_back_out_of_range_is_over)
{
	struct vm_object_stat stat;

	mem_set_up(AT_ONCE, 0);
	put(4, 44);
	mem.out = VM_PAGER_RANGE;
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	vm_object_stat(object, &stat);
	CHECK_INT(stat.dirty_pages, 0);
	mem.out = VM_PAGER_OK;
	mem_tear_down();
}

struct waiter {
	pthread_t thread;
	uint64_t pindex;
	int error;
	_Atomic bool done;
};

static void *
wait_for_page(void *arg)
{
	struct waiter *w = arg;

	w->error = grab_error(w->pindex, VM_GRAB_READ);
	w->done = true;
	return NULL;
}

/* FreeBSD's PEND. */
TEST(a_request_is_pending_until_it_is_done)
{
	struct waiter waiter = { .pindex = 8 };
	struct vm_pager_request *request;
	struct vm_page *page;

	mem_set_up(KEPT, 0);
	CHECK(pthread_create(&waiter.thread, NULL, wait_for_page,
	    &waiter) == 0);
	request = mem_take();
	CHECK(request->op == VM_PAGER_IN && request->pindex == 8 &&
	    request->count == 1 && request->bytes == PAGE);
	CHECK(!waiter.done);
	CHECK_INT(vm_page_grab(object, 8, VM_GRAB_NOWAIT, &page), -EAGAIN);
	mem_answer(request);
	CHECK(pthread_join(waiter.thread, NULL) == 0);
	CHECK(waiter.done && waiter.error == 0);
	mem.how = AT_ONCE;
	CHECK_INT(get(8, 0), 8);
	mem_tear_down();
}

TEST(the_last_page_is_padded_with_zeros)
{
	struct vm_pager_callbacks c = mem_callbacks();
	struct vm_page *page;

	mem_system(NULL);
	mem_reset(AT_ONCE);
	memset(mem.bytes, 'x', 2 * PAGE);
	CHECK_INT(vm_object_create_pager(vm, &c, &mem, PAGE + 10,
	    VM_OBJECT_WRITABLE, &object), 0);
	page = grab(1, VM_GRAB_WRITE);
	CHECK(((char *)vm_page_data(page))[9] == 'x');
	CHECK(((char *)vm_page_data(page))[10] == 0);
	memset(vm_page_data(page), 'y', PAGE);
	vm_page_dirty(page, 0, PAGE);
	vm_page_release(page);
	CHECK_INT(vm_object_flush(object, 0, VM_LENGTH_ALL), 0);
	CHECK(mem.bytes[PAGE + 9] == 'y' && mem.bytes[PAGE + 10] == 'x');
	CHECK_INT(vm_object_resize(object, PAGE), 0);
	CHECK_INT(mem.resized_to, PAGE);
	CHECK_INT(grab_error(1, 0), -ERANGE);
	mem_tear_down();
}

/* Pager I/O is accounted as that of files is. */
TEST(what_a_pager_moves_is_counted)
{
	struct vm_stat before = VM_STAT_INIT, after = VM_STAT_INIT;

	mem_set_up(AT_ONCE, 0);
	CHECK_INT(vm_stat(vm, &before), 0);
	CHECK_INT(get(1, 0), 1);
	put(2, 2);
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	mem.in = VM_PAGER_FAILED;
	CHECK_INT(grab_error(3, 0), -EIO);
	mem.in = VM_PAGER_OK;
	CHECK_INT(vm_stat(vm, &after), 0);
	CHECK_INT(after.pages_in - before.pages_in, 2);
	CHECK_INT(after.pages_out - before.pages_out, 1);
	CHECK_INT(after.read_bytes - before.read_bytes, 2 * PAGE);
	CHECK_INT(after.written_bytes - before.written_bytes, PAGE);
	CHECK_INT(after.read_errors - before.read_errors, 1);
	mem_tear_down();
}

TEST(a_pager_needs_no_more_than_submit)
{
	struct vm_pager_callbacks c = VM_PAGER_CALLBACKS_INIT;

	mem_system(NULL);
	mem_reset(AT_ONCE);
	c.submit = mem_submit;
	CHECK_INT(vm_object_create_pager(vm, &c, &mem, PAGES * PAGE,
	    VM_OBJECT_WRITABLE, &object), 0);
	for (uint64_t i = 0; i < PAGES; i++)
		put(i, i);
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	CHECK_INT(vm_object_resize(object, PAGE), 0);
	CHECK_INT(kept(80, 1), 80);
	mem.marks = VM_PAGER_NO_WRITE;
	CHECK_INT(vm_object_forget(object), 0);
	CHECK_INT(grab_error(0, VM_GRAB_WRITE), -EACCES);
	CHECK_INT(vm_object_destroy(object), 0);
	CHECK_INT(vm_destroy(vm), 0);
	free(mem.bytes);
	faulty_check_clean();
}

/* -- marks (M53, M54) ------------------------------------------------------ */

/* Mach's page_lock: reading goes on, a write asks. */
TEST(a_write_of_a_locked_page_asks_first)
{
	mem_set_up(AT_ONCE, 0);
	mem.marks = VM_PAGER_NO_WRITE;
	mem.unlock = -EPERM;
	CHECK_INT(get(6, 0), 6);
	CHECK_INT(mem.unlocks, 0);
	REFUSED(EPERM, grab_error(6, VM_GRAB_WRITE), "page 6");
	CHECK(mem.unlocks == 1 && mem.last_unlock == 6 &&
	    mem.last_want == VM_PAGER_NO_WRITE);
	CHECK_INT(grab_error(6, VM_GRAB_WRITE), -EPERM);
	CHECK_INT(get(6, 0), 6);
	mem.unlock = 0;
	put(6, 66);
	CHECK_INT(mem.unlocks, 3);
	put(6, 67);			/* once is enough */
	CHECK_INT(mem.unlocks, 3);
	/* A miss that writes asks as well. */
	mem.unlock = -EPERM;
	CHECK_INT(grab_error(7, VM_GRAB_WRITE), -EPERM);
	CHECK_INT(grab_error(8, VM_GRAB_WRITE | VM_GRAB_ZERO), 0);
	mem_tear_down();
}

TEST(a_page_without_access_is_not_even_read)
{
	mem_set_up(AT_ONCE, 0);
	mem.marks = VM_PAGER_NO_ACCESS;
	mem.unlock = -EPERM;
	CHECK_INT(grab_error(6, VM_GRAB_READ), -EPERM);
	CHECK_INT(mem.last_want, VM_PAGER_NO_ACCESS);
	mem.unlock = 0;
	CHECK_INT(get(6, 0), 6);
	CHECK_INT(mem.unlocks, 2);
	CHECK_INT(get(6, 0), 6);
	CHECK_INT(grab_error(6, VM_GRAB_WRITE), 0);
	CHECK_INT(mem.unlocks, 2);
	/* To write is to be allowed everything. */
	CHECK_INT(grab_error(7, VM_GRAB_WRITE), 0);
	CHECK_INT(mem.last_want, VM_PAGER_NO_WRITE);
	CHECK_INT(get(7, 0), 7);
	CHECK_INT(mem.unlocks, 3);
	mem_tear_down();
}

/* A page that is evicted is brought anew, with what the pager says then. */
TEST(rights_go_with_the_page)
{
	mem_set_up(AT_ONCE, 0);
	mem.marks = VM_PAGER_NO_WRITE;
	put(6, 66);
	CHECK_INT(mem.unlocks, 1);
	CHECK_INT(vm_object_flush(object, 0, VM_LENGTH_ALL), 0);
	CHECK_INT(vm_object_forget(object), 0);
	put(6, 67);
	CHECK_INT(mem.unlocks, 2);
	mem_tear_down();
}

TEST(a_pager_may_take_rights_back)
{
	mem_set_up(AT_ONCE, 0);
	mem.unlock = -EPERM;
	put(6, 66);
	CHECK_INT(vm_pager_protect(object, 0, UINT64_MAX,
	    VM_PAGER_NO_WRITE), 0);
	CHECK_INT(grab_error(6, VM_GRAB_WRITE), -EPERM);
	CHECK_INT(get(6, 1), 66);
	CHECK_INT(vm_pager_protect(object, 6, 1, 0), 0);
	put(6, 67);
	CHECK_INT(mem.unlocks, 1);
	REFUSED(EINVAL, vm_pager_protect(object, 6, 1, 8), "0x8");
	mem_tear_down();
}

static unsigned
flags_of(uint64_t pindex)
{
	struct vm_page *page = grab(pindex, VM_GRAB_READ);
	unsigned flags = page->flags;

	vm_page_release(page);
	return flags;
}

TEST(a_pager_says_which_pages_are_precious)
{
	struct vm_pager_request *request;
	struct waiter waiter = { .pindex = 8 };

	mem_set_up(AT_ONCE, 0);
	mem.marks = VM_PAGER_PRECIOUS;
	CHECK_INT(get(6, 0), 6);
	CHECK(flags_of(6) & VM_PGA_PRECIOUS);
	mem.marks = 0;
	CHECK(!(flags_of(7) & VM_PGA_PRECIOUS));
	mem.how = KEPT;
	CHECK(pthread_create(&waiter.thread, NULL, wait_for_page,
	    &waiter) == 0);
	request = mem_take();
	vm_pager_mark(request, 0, 1, VM_PAGER_PRECIOUS);
	vm_pager_mark(request, 0, 0, VM_PAGER_NO_ACCESS);
	CHECK_DIES(vm_pager_mark(request, 0, 2, VM_PAGER_PRECIOUS));
	CHECK_DIES(vm_pager_mark(request, 2, 0, VM_PAGER_PRECIOUS));
	CHECK_DIES(vm_pager_mark(request, 0, 1, 8));
	mem_answer(request);
	CHECK(pthread_join(waiter.thread, NULL) == 0);
	mem.how = AT_ONCE;
	CHECK_INT(flags_of(8) & (VM_PGA_PRECIOUS | VM_PGA_NO_ACCESS),
	    VM_PGA_PRECIOUS);
	/* Nobody wrote them, and yet they come back. */
	CHECK_INT(vm_object_flush(object, 0, VM_LENGTH_ALL), 0);
	CHECK_INT(mem.pages_out, 2);
	mem_tear_down();
}

/* -- supply ---------------------------------------------------------------- */

static char supplied[4 * PAGE];

TEST(a_pager_supplies_pages_that_nobody_asked_for)
{
	mem_set_up(AT_ONCE, 0);
	memset(supplied, 0x11, sizeof(supplied));
	CHECK_INT(vm_pager_supply(object, 20, supplied, 4,
	    VM_PAGER_PRECIOUS), 4);
	CHECK_INT(get(23, 9), 0x1111111111111111);
	CHECK_INT(mem.ins, 0);
	CHECK(flags_of(22) & VM_PGA_PRECIOUS);
	/* As far as the first that is there. */
	CHECK_INT(vm_pager_supply(object, 18, supplied, 4, 0), 2);
	CHECK(!(flags_of(18) & VM_PGA_PRECIOUS));
	REFUSED(EEXIST, vm_pager_supply(object, 18, supplied, 1, 0),
	    "page 18");
	mem_tear_down();
}

TEST(a_store_is_supplied_alike)
{
	mem_set_up(AT_ONCE, VM_OBJECT_STORE);
	memset(supplied, 0x22, sizeof(supplied));
	CHECK_INT(vm_pager_supply(object, 20, supplied, 4, 0), 4);
	CHECK_INT(get(23, 9), 0x2222222222222222);
	CHECK_INT(mem.ins, 0);
	mem_tear_down();
}

TEST(supply_is_refused_where_it_cannot_be)
{
	mem_set_up(AT_ONCE, 0);
	REFUSED(EINVAL, vm_pager_supply(object, 0, NULL, 1, 0), "no bytes");
	REFUSED(EINVAL, vm_pager_supply(object, 0, supplied, 0, 0), "0 pages");
	REFUSED(EINVAL, vm_pager_supply(object, 0, supplied, 1, 16), "0x10");
	REFUSED(ERANGE, vm_pager_supply(object, PAGES, supplied, 1, 0),
	    "beyond");
	CHECK_INT(vm_pager_supply(object, PAGES - 1, supplied, 4, 0), 1);
	mem_tear_down();
}

/* From within the request for a page: its neighbours come along, and the page
 * itself is on its way. */
static void
submit_and_supply(void *arg, struct vm_pager_request *request)
{
	if (request->op == VM_PAGER_IN && request->pindex == 30) {
		CHECK_INT(vm_pager_supply(object, 30, supplied, 1, 0),
		    -EEXIST);
		CHECK_INT(vm_pager_supply(object, 31, supplied, 2, 0), 2);
	}
	mem_submit(arg, request);
}

TEST(neighbours_are_supplied_from_within_a_request)
{
	struct vm_pager_callbacks c = mem_callbacks();

	mem_system(NULL);
	mem_reset(AT_ONCE);
	memset(supplied, 0x33, sizeof(supplied));
	c.submit = submit_and_supply;
	CHECK_INT(vm_object_create_pager(vm, &c, &mem, PAGES * PAGE,
	    VM_OBJECT_WRITABLE, &object), 0);
	CHECK_INT(vm_object_advise(object, VM_ADVICE_RANDOM), 0);
	CHECK_INT(get(30, 0), 30);
	CHECK_INT(get(31, 0), 0x3333333333333333);
	CHECK_INT(get(32, 0), 0x3333333333333333);
	CHECK_INT(mem.ins, 1);
	mem_tear_down();
}

/* All that is free is held: supplying presses nobody out. */
TEST(supply_does_not_evict)
{
	struct vm_stat stat = VM_STAT_INIT;
	struct vm_page *held[LIMIT_PAGES];
	int n = 0, got = 1;

	mem_set_up(AT_ONCE, 0);
	while (n < LIMIT_PAGES && got == 1)
		if ((got = vm_pager_supply(object, (uint64_t)n, supplied, 1,
		    0)) == 1) {
			held[n] = grab((uint64_t)n, VM_GRAB_READ);
			n++;
		}
	CHECK_INT(got, -ENOMEM);
	CHECK(n > LIMIT_PAGES / 2);
	CHECK_INT(vm_stat(vm, &stat), 0);
	CHECK(stat.free_pages >= stat.min_pages);
	while (n > 0)
		vm_page_release(held[--n]);
	mem_tear_down();
}

/* -- devices (M47, R43, C11) ----------------------------------------------- */

static char *device;

static void
set_up_device(unsigned flags)
{
	mem_system(NULL);
	device = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(device != MAP_FAILED);
	for (uint64_t i = 0; i < PAGES; i++)
		memcpy(device + i * PAGE, &i, sizeof(i));
	CHECK_INT(vm_object_create_device(vm, device, PAGES * PAGE, flags,
	    &object), 0);
}

static void
tear_down_device(void)
{
	CHECK_INT(vm_object_destroy(object), 0);
	CHECK_INT(vm_destroy(vm), 0);
	CHECK(munmap(device, PAGES * PAGE) == 0);
	faulty_check_clean();
}

TEST(the_pages_of_a_device_are_its_memory)
{
	struct vm_page *page;

	set_up_device(VM_OBJECT_WRITABLE);
	for (uint64_t i = 0; i < PAGES; i++) {
		CHECK_INT(get(i, 0), i);
		page = grab(i, VM_GRAB_WRITE);
		CHECK(vm_page_data(page) == device + i * PAGE);
		memset((char *)vm_page_data(page) + 8, 'd', 8);
		vm_page_dirty(page, 8, 8);
		vm_page_release(page);
		CHECK_INT(device[i * PAGE + 15], 'd');
	}
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	tear_down_device();
}

TEST(a_device_takes_nothing_of_the_limit)
{
	struct vm_stat before = VM_STAT_INIT, after = VM_STAT_INIT;
	struct vm_page *page[PAGES];

	set_up_device(0);
	CHECK_INT(vm_stat(vm, &before), 0);
	for (uint64_t i = 0; i < PAGES; i++)
		page[i] = grab(i, VM_GRAB_READ);
	CHECK_INT(vm_stat(vm, &after), 0);
	CHECK_INT(after.free_pages, before.free_pages);
	CHECK_INT(after.resident_pages, before.resident_pages);
	CHECK_INT(after.read_bytes, before.read_bytes);
	for (uint64_t i = 0; i < PAGES; i++)
		vm_page_release(page[i]);
	CHECK_INT(grab_error(0, VM_GRAB_WRITE), -EACCES);
	CHECK_INT(grab_error(PAGES, VM_GRAB_READ), -ERANGE);
	tear_down_device();
}

/* Freed and brought again: the buffer has not been touched. */
TEST(freeing_a_devices_page_leaves_its_memory)
{
	struct vm_object_stat stat;

	set_up_device(VM_OBJECT_WRITABLE);
	memset(device + 3 * PAGE, 'q', PAGE);
	CHECK_INT(get(3, 1) & 0xff, 'q');
	CHECK_INT(vm_object_forget(object), 0);
	vm_object_stat(object, &stat);
	CHECK_INT(stat.resident_pages, 0);
	CHECK(device[3 * PAGE] == 'q' && device[4 * PAGE - 1] == 'q');
	CHECK_INT(get(3, 1) & 0xff, 'q');
	tear_down_device();
}

TEST(a_device_needs_whole_pages)
{
	struct vm_object *out;

	set_up_device(0);
	REFUSED(EINVAL, vm_object_create_device(vm, device + 1, PAGE, 0,
	    &out), "whole pages");
	REFUSED(EINVAL, vm_object_create_device(vm, device, PAGE + 1, 0,
	    &out), "whole pages");
	REFUSED(EINVAL, vm_object_create_device(vm, device, 0, 0, &out),
	    "whole pages");
	REFUSED(EINVAL, vm_object_create_device(vm, NULL, PAGE, 0, &out),
	    "whole pages");
	REFUSED(EINVAL, vm_object_create_device(vm, device, PAGE,
	    VM_OBJECT_STORE, &out), "0x2");
	REFUSED(EINVAL, vm_object_create_device(NULL, device, PAGE, 0, &out),
	    "no system");
	REFUSED(EINVAL, vm_pager_supply(object, 0, device, 1, 0), "device");
	REFUSED(ENOTSUP, vm_object_write_begin(object, 0, 1), "no file");
	tear_down_device();
}

/* -- arguments ------------------------------------------------------------- */

TEST(callbacks_are_checked)
{
	struct vm_pager_callbacks c = mem_callbacks();
	struct vm_object *out;

	mem_set_up(AT_ONCE, 0);
	REFUSED(EINVAL, vm_object_create_pager(NULL, &c, &mem, 1, 0, &out),
	    "no system");
	REFUSED(EINVAL, vm_object_create_pager(vm, &c, &mem, 1, 0, NULL),
	    "nowhere");
	REFUSED(EINVAL, vm_object_create_pager(vm, NULL, &mem, 1, 0, &out),
	    "CALLBACKS_INIT");
	REFUSED(EINVAL, vm_object_create_pager(vm, &c, &mem, UINT64_MAX, 0,
	    &out), "length");
	REFUSED(EINVAL, vm_object_create_pager(vm, &c, &mem, 1, 64, &out),
	    "0x40");
	c.size_bytes--;
	REFUSED(EINVAL, vm_object_create_pager(vm, &c, &mem, 1, 0, &out),
	    "CALLBACKS_INIT");
	c = mem_callbacks();
	c.version = 2;
	REFUSED(EINVAL, vm_object_create_pager(vm, &c, &mem, 1, 0, &out),
	    "version 2");
	c = mem_callbacks();
	c.submit = NULL;
	REFUSED(EINVAL, vm_object_create_pager(vm, &c, &mem, 1, 0, &out),
	    "no submit");
	REFUSED(ENOTSUP, vm_object_write_begin(object, 0, 1), "no file");
	REFUSED(ENOTSUP, vm_object_set_writable(object, 0), "no file");
	CHECK_INT(mem.terminated, 0);
	mem_tear_down();
}

/* Each call that can fail, while the object is made and used: what failed is
 * said, and terminate is called once for an object that was made. */
TEST(whatever_fails_nothing_is_lost)
{
	unsigned n = 0;

	for (bool failed = true; failed; ) {
		struct vm_pager_callbacks c = mem_callbacks();

		mem_system(NULL);
		mem_reset(AT_ONCE);
		atomic_store(&faulty.failed, NULL);
		faulty.fail_at = atomic_load(&faulty.calls) + ++n;
		if (vm_object_create_pager(vm, &c, &mem, PAGES * PAGE,
		    VM_OBJECT_WRITABLE, &object) != 0) {
			CHECK_INT(mem.terminated, 0);
			faulty.fail_at = 0;
		} else {
			int error = grab_error(3, VM_GRAB_READ);

			failed = faulty.failed != NULL;
			CHECK((error != 0) <= failed);
			faulty.fail_at = 0;
			CHECK_INT(get(3, 0), 3);
			CHECK_INT(vm_object_destroy(object), 0);
			CHECK_INT(mem.terminated, 1);
		}
		CHECK_INT(vm_destroy(vm), 0);
		free(mem.bytes);
		faulty_check_clean();
	}
	CHECK(n > 4);
}

static struct vm_pager_request *last;

static void
remember(void *arg, struct vm_pager_request *request)
{
	last = request;
	mem_submit(arg, request);
}

TEST(misuse_dies)
{
	struct vm_pager_callbacks c = mem_callbacks();
	struct waiter waiter = { .pindex = 8 };
	struct vm_pager_request *request;

	mem_system(NULL);
	mem_reset(AT_ONCE);
	c.submit = remember;
	CHECK_INT(vm_object_create_pager(vm, &c, &mem, PAGES * PAGE,
	    VM_OBJECT_WRITABLE, &object), 0);
	CHECK_INT(get(4, 0), 4);
	CHECK_DIES(vm_pager_done(last, VM_PAGER_OK, 0));
	mem.how = KEPT;
	CHECK(pthread_create(&waiter.thread, NULL, wait_for_page,
	    &waiter) == 0);
	request = mem_take();
	CHECK_DIES(vm_pager_done(request, VM_PAGER_PENDING, 0));
	CHECK_DIES(vm_pager_done(request, VM_PAGER_RANGE,
	    request->count + 1));
	CHECK_DIES(vm_pager_done(request, (enum vm_pager_result)17, 0));
	mem_answer(request);
	CHECK(pthread_join(waiter.thread, NULL) == 0);
	mem.how = AT_ONCE;
	mem_tear_down();
}
