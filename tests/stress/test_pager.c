/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Clients of objects whose pager somebody wrote: faults are served by an event
 * loop, which must be woken when a thread of the pager's has brought a page,
 * and a write that the pager forbids is a bus error for who writes.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "client.h"

enum { PAGES = 128, LIMIT_PAGES = 32, BYTES = PAGES * PAGE, KEPT = 256 };

static struct vm *vm;
static struct vm_object *object;
static _Atomic unsigned failures;
static _Atomic int last_error;

/* -- the pager ------------------------------------------------------------- */

static struct {
	char bytes[BYTES];
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct vm_pager_request *kept[KEPT];	/* (lock) */
	unsigned count;				/* (lock) */
	bool stop;				/* (lock) */
	_Atomic unsigned refusals;	/* every other IN, so many: no room */
	unsigned marks;
	_Atomic int unlock;
	_Atomic unsigned unlocks;
} mem;

static void
answer(struct vm_pager_request *request)
{
	char *at = mem.bytes + request->pindex * PAGE;

	for (int i = 0; i < request->iov_count; i++) {
		struct iovec piece = request->iov[i];

		if (request->op == VM_PAGER_IN)
			memcpy(piece.iov_base, at, piece.iov_len);
		else
			memcpy(at, piece.iov_base, piece.iov_len);
		at += piece.iov_len;
	}
	if (request->op == VM_PAGER_IN)
		vm_pager_mark(request, 0, request->count, mem.marks);
	vm_pager_done(request, VM_PAGER_OK, 0);
}

/* Refuses one, takes the next: each page comes at last. */
static bool
refuses(const struct vm_pager_request *request)
{
	unsigned left = atomic_load(&mem.refusals);

	if (request->op != VM_PAGER_IN || left == 0)
		return false;
	atomic_store(&mem.refusals, left - 1);
	return left % 2 == 0;
}

static void *
work(void *arg)
{
	struct vm_pager_request *request;

	pthread_mutex_lock(&mem.lock);
	for (;;) {
		while (mem.count == 0 && !mem.stop)
			pthread_cond_wait(&mem.changed, &mem.lock);
		if (mem.count == 0)
			break;
		request = mem.kept[--mem.count];
		pthread_mutex_unlock(&mem.lock);
		if (refuses(request))
			vm_pager_done(request, VM_PAGER_AGAIN, 0);
		else
			answer(request);
		pthread_mutex_lock(&mem.lock);
	}
	pthread_mutex_unlock(&mem.lock);
	return arg;
}

static void
submit(void *arg, struct vm_pager_request *request)
{
	(void)arg;
	pthread_mutex_lock(&mem.lock);
	CHECK(mem.count < KEPT);
	mem.kept[mem.count++] = request;
	pthread_cond_signal(&mem.changed);
	pthread_mutex_unlock(&mem.lock);
}

static int
unlock(void *arg, uint64_t pindex, unsigned want)
{
	(void)arg;
	(void)pindex;
	CHECK_INT(want, VM_PAGER_NO_WRITE);
	atomic_fetch_add(&mem.unlocks, 1);
	return atomic_load(&mem.unlock);
}

static void
failed(void *arg, struct vm_space *space, uint64_t address, int error,
    const char *text)
{
	(void)arg;
	(void)space;
	(void)address;
	CHECK(text[0] != '\0');
	atomic_store(&last_error, error);
	atomic_fetch_add(&failures, 1);
}

static const struct vm_space_options options = {
	.size_bytes = sizeof(options),
	.failed = failed,
};

static void
set_up(unsigned flags, unsigned marks)
{
	struct vm_pager_callbacks c = VM_PAGER_CALLBACKS_INIT;
	struct vm_options o = VM_OPTIONS_INIT;

	memset(&mem, 0, sizeof(mem));
	mem.marks = marks;
	pthread_mutex_init(&mem.lock, NULL);
	pthread_cond_init(&mem.changed, NULL);
	for (uint64_t i = 0; i < PAGES; i++)
		memcpy(mem.bytes + i * PAGE, &i, sizeof(i));
	CHECK(pthread_create(&mem.thread, NULL, work, NULL) == 0);
	atomic_store(&failures, 0);
	c.submit = submit;
	c.unlock = unlock;
	o.resident_max_bytes = LIMIT_PAGES * PAGE;
	o.flags = flags;
	CHECK_INT(vm_create(&o, &vm), 0);
	CHECK_INT(vm_object_create_pager(vm, &c, NULL, BYTES,
	    VM_OBJECT_WRITABLE | VM_OBJECT_STORE, &object), 0);
}

static void
tear_down(void)
{
	CHECK_INT(vm_object_destroy(object), 0);
	CHECK_INT(vm_destroy(vm), 0);
	pthread_mutex_lock(&mem.lock);
	mem.stop = true;
	pthread_cond_signal(&mem.changed);
	pthread_mutex_unlock(&mem.lock);
	CHECK(pthread_join(mem.thread, NULL) == 0);
}

/* -- reading and writing --------------------------------------------------- */

enum { ROUNDS = 6 };

static void
use_all(int socket, void *arg)
{
	char *base;

	(void)arg;
	join(socket);
	base = map(socket, BYTES, VM_RANGE_TRACKED);
	for (uint64_t round = 0; round < ROUNDS; round++)
		for (uint64_t i = 0; i < PAGES; i++) {
			uint64_t *word = (uint64_t *)(void *)(base +
			    i * PAGE);

			CHECK(word[0] == i && word[1] == i * round);
			word[1] = i * (round + 1);
		}
}

static void
serve_with(unsigned flags, unsigned refusals)
{
	struct client client;

	client_start(&client, use_all, NULL);
	set_up(flags, 0);
	atomic_store(&mem.refusals, refusals);
	client_attach(&client, vm, &options);
	client_show(&client, object, 0, BYTES, VM_RANGE_TRACKED);
	client_end(&client);
	CHECK_INT(mem.refusals, 0);
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	for (uint64_t i = 0; i < PAGES; i++)
		CHECK_INT(((uint64_t *)(void *)(mem.bytes + i * PAGE))[1],
		    i * ROUNDS);
	CHECK_INT(failures, 0);
	tear_down();
}

TEST(a_fault_thread_is_woken_when_a_pager_answers)
{
	serve_with(0, 0);
}

TEST(a_client_gets_its_pages_from_a_pager_that_has_no_room_at_times)
{
	serve_with(0, 60);
}

TEST(a_fault_thread_without_io_uring_is_woken_too)
{
	serve_with(VM_NO_URING, 0);
}

/* Delayed requests are ended by a thread as well, and nobody sleeps. */
TEST(a_fault_thread_is_woken_when_a_delay_is_over)
{
	struct client client;

	client_start(&client, use_all, NULL);
	set_up(0, 0);
	CHECK_INT(vm_object_add_filter(object, "delay:ns=50000,rate=0.5;"
	    "error:rate=0.2;retry:count=40"), 0);
	client_attach(&client, vm, &options);
	client_show(&client, object, 0, BYTES, VM_RANGE_TRACKED);
	client_end(&client);
	CHECK_INT(failures, 0);
	tear_down();
}

/* -- a write that is forbidden (M53) --------------------------------------- */

static sigjmp_buf out;

static void
on_bus(int signal)
{
	siglongjmp(out, signal);
}

static bool
may_write(char *byte)
{
	if (sigsetjmp(out, 1) != 0)
		return false;
	*(volatile char *)byte = 'w';
	return true;
}

static void
step(int socket)
{
	say(socket, 0, -1);
	(void)hear(socket, NULL);
}

static void
write_what_is_locked(int socket, void *arg)
{
	struct sigaction action = { .sa_handler = on_bus };
	char *base;

	(void)arg;
	CHECK(sigaction(SIGBUS, &action, NULL) == 0);
	join(socket);
	base = map(socket, BYTES, VM_RANGE_TRACKED);
	CHECK_INT(*(uint64_t *)(void *)(base + 5 * PAGE), 5);
	for (int i = 0; i < 3; i++) {
		CHECK(!may_write(base + 5 * PAGE + 8));	/* resident */
		CHECK(!may_write(base + 9 * PAGE + 8));	/* or not */
		CHECK_INT(*(uint64_t *)(void *)(base + 5 * PAGE), 5);
		CHECK_INT(*(uint64_t *)(void *)(base + 9 * PAGE), 9);
	}
	step(socket);		/* unlock says yes from now on */
	CHECK(may_write(base + 5 * PAGE + 8));
	CHECK(may_write(base + 9 * PAGE + 8));
	step(socket);		/* and takes it back */
	CHECK(!may_write(base + 5 * PAGE + 9));
	CHECK_INT(base[5 * PAGE + 8], 'w');
}

TEST(a_write_that_the_pager_forbids_is_a_bus_error_and_reads_go_on)
{
	struct client client;

	client_start(&client, write_what_is_locked, NULL);
	set_up(0, VM_PAGER_NO_WRITE);
	atomic_store(&mem.unlock, -EPERM);
	client_attach(&client, vm, &options);
	client_show(&client, object, 0, BYTES, VM_RANGE_TRACKED);
	(void)hear(client.socket, NULL);
	CHECK(failures >= 6);
	CHECK_INT(last_error, EPERM);
	CHECK(mem.unlocks >= 6);
	atomic_store(&mem.unlock, 0);
	say(client.socket, 0, -1);
	(void)hear(client.socket, NULL);
	atomic_store(&mem.unlock, -EPERM);
	CHECK_INT(vm_pager_protect(object, 0, PAGES, VM_PAGER_NO_WRITE), 0);
	say(client.socket, 0, -1);
	client_end(&client);
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	CHECK(mem.bytes[5 * PAGE + 8] == 'w' &&
	    mem.bytes[9 * PAGE + 8] == 'w');
	CHECK_INT(mem.bytes[5 * PAGE + 9], 0);
	tear_down();
}
