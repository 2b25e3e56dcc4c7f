/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Touches that cannot be served: behind the end, of a file that was cut, of a
 * page that cannot be read, and where no memory can be freed.  The one thread
 * gets SIGBUS, as it would from the kernel's own maps; everybody else goes on.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#include "api/system.h"
#include "audit.h"
#include "client.h"
#include "faulty.h"

enum { PAGES = 128, LIMIT_PAGES = 32, BYTES = PAGES * PAGE };

static struct vm *vm;
static struct vm_object *object;
static int fd;
static _Atomic int last_error;
static _Atomic unsigned failures;

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

/* wait_ns: how long for memory at most, 0: as long as usual. */
static void
set_up(uint64_t wait_ns)
{
	struct vm_options o = VM_OPTIONS_INIT;

	faulty_reset();
	atomic_store(&failures, 0);
	atomic_store(&last_error, 0);
	fd = new_file(false, BYTES);
	for (uint64_t i = 0; i < PAGES; i++)
		CHECK(pwrite(fd, &i, sizeof(i), (off_t)(i * PAGE)) ==
		    (ssize_t)sizeof(i));
	o.resident_max_bytes = LIMIT_PAGES * PAGE;
	o.wait_max_ns = wait_ns;
	CHECK(vm_create_on(&o, &faulty_os, &vm_pmap_linux, &vm) == 0);
	CHECK(vm_object_create_file(vm, fd, 0, VM_LENGTH_ALL,
	    VM_OBJECT_WRITABLE | VM_OBJECT_STORE, &object) == 0);
}

static void
tear_down(void)
{
	audit(vm);
	CHECK(vm_object_destroy(object) == 0);
	CHECK(vm_destroy(vm) == 0);
	close(fd);
	faulty_check_clean();
}

static void
show(struct client *client, enum vm_range_kind kind)
{
	client_show(client, object, 0, BYTES, kind);
	/* The store's descriptor, which is the caller's and closed by now. */
	atomic_fetch_sub(&faulty.descriptors, 1);
}

/* -- in the client ------------------------------------------------------- */

static _Thread_local sigjmp_buf out;
static _Thread_local volatile sig_atomic_t touching;

static void
on_bus(int signal)
{
	(void)signal;
	if (!touching)
		_exit(3);	/* another thread's signal */
	siglongjmp(out, 1);
}

static void
expect_signals(void)
{
	struct sigaction action = { .sa_handler = on_bus };

	CHECK(sigaction(SIGBUS, &action, NULL) == 0);
}

/* Whether the page can be touched, and shows its number. */
static bool
touch(const char *base, uint64_t page)
{
	uint64_t value = UINT64_MAX;

	if (sigsetjmp(out, 1) != 0) {
		touching = 0;
		return false;
	}
	touching = 1;
	value = atomic_load((_Atomic uint64_t *)(void *)(uintptr_t)(base +
	    page * PAGE));
	touching = 0;
	CHECK(value == page);
	return true;
}

static void
step(int socket)
{
	say(socket, 0, -1);
	(void)hear(socket, NULL);
}

/* -- behind the end ------------------------------------------------------ */

static void
touch_the_end(int socket, void *arg)
{
	char *base;

	(void)arg;
	expect_signals();
	join(socket);
	base = map(socket, BYTES, VM_RANGE_TRACKED);
	CHECK(touch(base, PAGES - 1) && touch(base, PAGES / 2));
	step(socket);		/* the object became shorter */
	CHECK(!touch(base, PAGES - 1) && !touch(base, PAGES / 2));
	CHECK(touch(base, PAGES / 2 - 1));
	step(socket);		/* as long as before, without what it had */
	CHECK(touch(base, PAGES - 1) && touch(base, PAGES / 2));
	CHECK(touch(base, PAGES / 2 - 1));
	step(socket);		/* the file was cut, and nobody told */
	CHECK(!touch(base, PAGES - 1) && !touch(base, PAGES / 4 + 1));
	CHECK(touch(base, PAGES / 4 - 1) && touch(base, 0));
}

static void
await_step(struct client *client)
{
	(void)hear(client->socket, NULL);
}

TEST(a_touch_behind_the_end_is_a_bus_error)
{
	struct client client;
	uint64_t i;

	client_start(&client, touch_the_end, NULL);
	set_up(0);
	client_attach(&client, vm, &options);
	show(&client, VM_RANGE_TRACKED);
	await_step(&client);
	CHECK(vm_object_resize(object, BYTES / 2) == 0);
	CHECK(ftruncate(fd, BYTES / 2) == 0);
	say(client.socket, 0, -1);
	await_step(&client);
	for (i = PAGES / 2; i < PAGES; i++)
		CHECK(pwrite(fd, &i, sizeof(i), (off_t)(i * PAGE)) ==
		    (ssize_t)sizeof(i));
	CHECK(ftruncate(fd, BYTES) == 0);
	CHECK(vm_object_resize(object, BYTES) == 0);
	say(client.socket, 0, -1);
	await_step(&client);
	CHECK(vm_object_sync(object, 0, VM_LENGTH_ALL) == 0);
	CHECK(vm_object_forget(object) == 0);
	CHECK(ftruncate(fd, BYTES / 4) == 0);
	say(client.socket, 0, -1);
	client_end(&client);
	CHECK_INT(failures, 0);	/* the kernel's own signals */
	tear_down();
}

/* -- a page that cannot be read ------------------------------------------ */

enum { BAD = 21 };

struct reader {
	char *base;
	atomic_bool stop;
};

static void *
read_the_others(void *arg)
{
	struct reader *reader = arg;

	while (!atomic_load(&reader->stop))
		for (uint64_t page = 0; page < PAGES; page++)
			CHECK(page == BAD || touch(reader->base, page));
	return NULL;
}

static void
touch_the_bad(int socket, void *arg)
{
	struct reader reader = { .stop = false };
	pthread_t thread;

	(void)arg;
	expect_signals();
	join(socket);
	reader.base = map(socket, BYTES, VM_RANGE_TRACKED);
	CHECK(pthread_create(&thread, NULL, read_the_others, &reader) == 0);
	for (int i = 0; i < 100; i++) {
		CHECK(!touch(reader.base, BAD));
		CHECK(touch(reader.base, BAD - 1));
		CHECK(touch(reader.base, BAD + 1));
	}
	atomic_store(&reader.stop, true);
	CHECK(pthread_join(thread, NULL) == 0);
	step(socket);		/* it can be read again */
	(void)madvise(reader.base + BAD * PAGE, PAGE, MADV_DONTNEED);
	CHECK(touch(reader.base, BAD));
}

TEST(a_page_that_cannot_be_read_is_a_bus_error_for_who_touches_it)
{
	struct client client;

	client_start(&client, touch_the_bad, NULL);
	set_up(0);
	atomic_store(&faulty.bad_from, BAD * PAGE);
	atomic_store(&faulty.bad_end, BAD * PAGE + 1);
	client_attach(&client, vm, &options);
	show(&client, VM_RANGE_TRACKED);
	await_step(&client);
	CHECK(failures > 0);
	CHECK_INT(last_error, EIO);
	atomic_store(&faulty.bad_end, 0);
	say(client.socket, 0, -1);
	client_end(&client);
	tear_down();
}

/* -- no memory ----------------------------------------------------------- */

static void
write_too_much(int socket, void *arg)
{
	volatile unsigned written = 0;
	char *base;

	(void)arg;
	expect_signals();
	join(socket);
	base = map(socket, BYTES, VM_RANGE_TRACKED);
	if (sigsetjmp(out, 1) == 0) {
		touching = 1;
		for (; written < PAGES; written++)
			base[written * PAGE + 8] = 1;
	}
	touching = 0;
	CHECK(written >= LIMIT_PAGES / 2 && written < PAGES);
	for (uint64_t page = 0; page < written; page++)
		CHECK(base[page * PAGE + 8] == 1);
	say(socket, written, -1);
	(void)hear(socket, NULL);
}

TEST(a_write_that_finds_no_memory_is_a_bus_error_and_loses_nothing)
{
	struct client client;
	uint64_t written;
	char byte;

	client_start(&client, write_too_much, NULL);
	set_up(50000000);	/* 50 ms, in vain */
	atomic_store(&faulty.write_errno, ENOSPC);
	client_attach(&client, vm, &options);
	show(&client, VM_RANGE_TRACKED);
	written = hear(client.socket, NULL);
	CHECK_INT(last_error, ENOMEM);
	atomic_store(&faulty.write_errno, 0);
	CHECK(vm_object_sync(object, 0, VM_LENGTH_ALL) == 0);
	for (uint64_t i = 0; i < written; i++) {
		CHECK(pread(fd, &byte, 1, (off_t)(i * PAGE + 8)) == 1);
		CHECK_INT(byte, 1);
	}
	say(client.socket, 0, -1);
	client_end(&client);
	tear_down();
}

/* -- other ways to map --------------------------------------------------- */

static void
write_privately(int socket, void *arg)
{
	char *base;

	(void)arg;
	join(socket);
	base = map(socket, BYTES, VM_RANGE_PRIVATE);
	for (uint64_t page = 0; page < PAGES; page += 2)
		base[page * PAGE + 8] = 7;
	for (uint64_t page = 0; page < PAGES; page++) {
		CHECK(*(uint64_t *)(void *)(base + page * PAGE) == page);
		CHECK(base[page * PAGE + 8] == (page % 2 == 0 ? 7 : 0));
	}
}

TEST(private_writes_stay_private)
{
	struct client client;
	char byte;

	client_start(&client, write_privately, NULL);
	set_up(0);
	client_attach(&client, vm, &options);
	show(&client, VM_RANGE_PRIVATE);
	client_end(&client);
	CHECK(vm_object_sync(object, 0, VM_LENGTH_ALL) == 0);
	for (uint64_t i = 0; i < PAGES; i++) {
		CHECK(pread(fd, &byte, 1, (off_t)(i * PAGE + 8)) == 1);
		CHECK_INT(byte, 0);
	}
	CHECK_INT(failures, 0);
	tear_down();
}

static void
die_in_the_middle(int socket, void *arg)
{
	char *base;

	(void)arg;
	join(socket);
	base = map(socket, BYTES, VM_RANGE_TRACKED);
	for (uint64_t page = 0; page < PAGES; page++)
		base[page * PAGE + 8] = 9;
	(void)raise(SIGKILL);
}

TEST(what_a_killed_client_wrote_is_there)
{
	struct client client;
	char byte;

	client_start(&client, die_in_the_middle, NULL);
	set_up(0);
	client_attach(&client, vm, &options);
	show(&client, VM_RANGE_TRACKED);
	client_killed(&client, SIGKILL);
	CHECK(vm_object_sync(object, 0, VM_LENGTH_ALL) == 0);
	for (uint64_t i = 0; i < PAGES; i++) {
		CHECK(pread(fd, &byte, 1, (off_t)(i * PAGE + 8)) == 1);
		CHECK_INT(byte, 9);
	}
	tear_down();
}
