/* SPDX-License-Identifier: BSD-2-Clause */
/* Many grabs of one thread over a file, with the machine's own queues: event
 * loops, and several threads at once. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <resident/resident.h>
#include <unistd.h>

#include "audit.h"
#include "check.h"

enum { PAGE = 4096, PAGES = 100, LIMIT_PAGES = 64, DEPTH = 32 };

static struct vm *vm;
static struct vm_object *object;
static struct vm_async *async;
static struct vm_async_answer answers[DEPTH];

static void
ask(uint64_t pindex)
{
	struct vm_async_ask one = { .object = object, .pindex = pindex };

	CHECK_INT(vm_async_grab(async, &one, 1), 1);
}

static unsigned
reap(void)
{
	return vm_async_reap(async, answers, DEPTH, 0);
}

static void
release(unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		vm_page_release(answers[i].page);
}

static struct vm_page *
grab(uint64_t pindex, unsigned flags)
{
	struct vm_page *page;

	CHECK_INT(vm_page_grab(object, pindex, flags, &page), 0);
	return page;
}

static struct vm_object *
file_object(void)
{
	char bytes[PAGE] = { 0 };
	struct vm_object *made;
	int fd = open("/var/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	CHECK(fd >= 0);
	for (uint64_t i = 0; i < PAGES; i++) {
		memcpy(bytes, &i, sizeof(i));
		CHECK(pwrite(fd, bytes, PAGE, (off_t)(i * PAGE)) == PAGE);
	}
	CHECK_INT(vm_object_create_file(vm, fd, 0, VM_LENGTH_ALL,
	    VM_OBJECT_WRITABLE, &made), 0);
	close(fd);
	return made;
}

static void
real_set_up(unsigned flags)
{
	struct vm_options o = VM_OPTIONS_INIT;

	o.resident_max_bytes = LIMIT_PAGES * PAGE;
	o.flags = flags;
	CHECK_INT(vm_create(&o, &vm), 0);
	object = file_object();
}

static void
real_tear_down(void)
{
	CHECK_INT(vm_object_destroy(object), 0);
	CHECK_INT(vm_destroy(vm), 0);
}

static bool
readable(int timeout_ms)
{
	struct pollfd fd = { .fd = vm_async_fd(async), .events = POLLIN };

	CHECK(fd.fd >= 0);
	return poll(&fd, 1, timeout_ms) == 1;
}

/* Reads, a release by another, and back to silence. */
static void
loop_with_poll(void)
{
	struct vm_page *page;
	unsigned got = 0;

	CHECK_INT(vm_async_create(vm, DEPTH, &async), 0);
	CHECK(!readable(0));
	for (uint64_t i = 0; i < 20; i++)
		ask(3 * i);
	while (got < 20) {
		unsigned n = reap();

		for (unsigned i = 0; i < n; i++)
			CHECK_INT(*(uint64_t *)vm_page_data(answers[i].page),
			    vm_page_pindex(answers[i].page));
		release(n);
		got += n;
		CHECK(n != 0 || got == 20 || readable(-1));
	}
	page = grab(5, VM_GRAB_WRITE);
	ask(5);
	CHECK_INT(reap(), 0);
	vm_page_release(page);
	CHECK(readable(-1));
	CHECK_INT(reap(), 1);
	release(1);
	vm_async_destroy(async);
}

TEST(a_descriptor_tells_event_loops_when_to_reap)
{
	real_set_up(0);
	loop_with_poll();
	real_tear_down();
	real_set_up(VM_NO_URING);
	loop_with_poll();
	real_tear_down();
}

enum { THREADS = 4, ROUNDS = 400 };

static _Atomic uint64_t added;

/* Everybody wants everything, more than there is, and holds several. */
static void *
add_anywhere(void *arg)
{
	unsigned random = (unsigned)(uintptr_t)arg * 7919 + 3;
	struct vm_async *own;
	struct vm_async_answer got[8];

	CHECK_INT(vm_async_create(vm, 8, &own), 0);
	for (int left = ROUNDS; left > 0 || vm_async_pending(own) != 0;) {
		struct vm_async_ask one;
		unsigned n;

		random = random * 1664525 + 1013904223;
		one = (struct vm_async_ask){ .object = object,
			.pindex = (random >> 9) % PAGES,
			.flags = VM_GRAB_WRITE };
		if (left > 0)
			left -= (int)vm_async_grab(own, &one, 1);
		n = vm_async_reap(own, got, 8, left == 0 ||
		    vm_async_pending(own) == 8);
		for (unsigned i = 0; i < n; i++) {
			uint64_t *bytes = vm_page_data(got[i].page);

			CHECK_INT(got[i].error, 0);
			CHECK_INT(bytes[0], vm_page_pindex(got[i].page));
			bytes[1]++;
			vm_page_dirty(got[i].page, 8, 8);
			vm_page_release(got[i].page);
		}
		atomic_fetch_add(&added, n);
	}
	vm_async_destroy(own);
	return NULL;
}

static uint64_t
second_word(uint64_t pindex)
{
	struct vm_page *page = grab(pindex, VM_GRAB_READ);
	uint64_t word = ((uint64_t *)vm_page_data(page))[1];

	vm_page_release(page);
	return word;
}

TEST(threads_that_ask_for_the_same_lose_no_sum)
{
	pthread_t thread[THREADS];
	uint64_t sum = 0;

	real_set_up(0);
	atomic_store(&added, 0);
	for (uintptr_t i = 0; i < THREADS; i++)
		CHECK(pthread_create(&thread[i], NULL, add_anywhere,
		    (void *)i) == 0);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(thread[i], NULL) == 0);
	CHECK_INT(atomic_load(&added), THREADS * ROUNDS);
	for (uint64_t i = 0; i < PAGES; i++)
		sum += second_word(i);
	CHECK_INT(sum, THREADS * ROUNDS);
	audit(vm);
	real_tear_down();
}
