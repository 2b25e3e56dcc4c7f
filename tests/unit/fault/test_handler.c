/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The threads that serve spaces: who is served by whom, how spaces come and
 * go, and what they sleep for.  A client's descriptor is a pipe's: a byte in it
 * says that events wait.
 */
#include <sched.h>

#include "clients.h"
#include "fault/handler_private.h"
#include "memory_pager.h"

enum { MS = 1000000 };

static struct vm_os os;
static struct vm_pmap_ops pmap;
static _Atomic unsigned served;
static _Atomic int longest_ms;	/* a loop meant to sleep, -1 aside */
static struct vm_space *_Atomic born;
static _Atomic bool ended;	/* every client's memory */
static _Atomic int parent_was_alive;

static int
poll_wait(int poll, void **tokens, int count, int timeout_ms)
{
	if (timeout_ms > atomic_load(&longest_ms))
		atomic_store(&longest_ms, timeout_ms);
	return faulty_os.poll_wait(poll, tokens, count, timeout_ms);
}

/* Nothing of what was written waits any longer. */
static int
read_events(int uffd, struct vm_pmap_event *events, unsigned count)
{
	int n = fake_pmap.read(uffd, events, count);
	char byte;

	while (n == 0 && read(uffd, &byte, 1) == 1)
		n = fake_pmap.read(uffd, events, count);
	return n;
}

static int
wake(int uffd, uint64_t address, uint64_t length)
{
	int error = fake_pmap.wake(uffd, address, length);

	atomic_fetch_add(&served, 1);
	return error;
}

static bool
is_alive(int uffd)
{
	return !atomic_load(&ended) && fake_pmap.alive(uffd);
}

static void
forked(void *arg, struct vm_space *parent, struct vm_space *child)
{
	CHECK(arg == &born && parent != child);
	atomic_store(&parent_was_alive, vm_space_alive(parent));
	atomic_store(&born, child);
}

static const struct vm_space_options options = {
	.size_bytes = sizeof(options), .arg = &born, .forked = forked,
};

static void
set_up(enum answering how, unsigned threads)
{
	struct vm_options o = VM_OPTIONS_INIT;

	faulty_reset();
	os = faulty_os;
	os.poll_wait = poll_wait;
	pmap = fake_pmap;
	pmap.read = read_events;
	pmap.wake = wake;
	pmap.alive = is_alive;
	atomic_store(&ended, false);
	atomic_store(&served, 0);
	atomic_store(&longest_ms, 0);
	o.resident_max_bytes = LIMIT_PAGES * PAGE;
	o.fault_threads = threads;
	CHECK_INT(vm_create_on(&o, &os, &pmap, &vm), 0);
	mem_reset(how);
	mem_object(VM_OBJECT_STORE);
}

static void
tear_down(void)
{
	mem_tear_down();
	fake_clients_reset();
}

/* Page i of the object is page i + 1 of the client. */
static struct vm_space *
join(struct fake_client *client)
{
	struct vm_space *space;

	CHECK_INT(vm_space_create(vm, client->fd, &options, &space), 0);
	CHECK_INT(vm_space_enter(space, PAGE, PAGES * PAGE, object, 0,
	    VM_RANGE_READ), 0);
	return space;
}

static void
ring(struct fake_client *client)
{
	CHECK(write(client->other, "e", 1) == 1);
}

static void
touch(struct fake_client *client, uint64_t page)
{
	fake_event(client, (struct vm_pmap_event){ .kind = VM_PMAP_FAULT,
		.address = (page + 1) * PAGE, .fd = -1, .thread = 7 });
	ring(client);
}

static void
await(unsigned count)
{
	while (atomic_load(&served) < count)
		sched_yield();
}

TEST(each_space_is_served_however_many_threads_there_are)
{
	static const unsigned threads[] = { 0, 1, 3, 99 };

	for (unsigned i = 0; i < 4; i++) {
		struct fake_client *client[6];
		struct vm_space *space[6];

		set_up(AT_ONCE, threads[i]);
		for (unsigned k = 0; k < 6; k++) {
			client[k] = fake_client_new();
			space[k] = join(client[k]);
		}
		for (unsigned k = 0; k < 6; k++)
			touch(client[k], k);
		await(6);
		for (unsigned k = 0; k < 6; k++)
			CHECK_INT(client[k]->wakes[k + 1], 1);
		for (unsigned k = 0; k < 6; k++)
			vm_space_destroy(space[k]);
		tear_down();
	}
}

TEST(a_child_is_served_by_its_parents_thread)
{
	struct fake_client *parent, *child;
	struct vm_space *space;

	set_up(AT_ONCE, 2);
	atomic_store(&born, NULL);
	parent = fake_client_new();
	space = join(parent);
	child = fake_fork(parent);
	faulty.descriptors++;	/* the kernel's gift: the space closes it */
	ring(parent);
	while (atomic_load(&born) == NULL)
		sched_yield();
	touch(child, 3);
	await(1);
	CHECK_INT(child->wakes[4], 1);
	CHECK(atomic_load(&born)->handler == space->handler);
	vm_space_destroy(space);
	touch(child, 4);
	await(2);
	vm_space_destroy(atomic_load(&born));
	tear_down();
}

/* Or a server that serves as long as somebody lives would stop too soon. */
TEST(a_parent_lives_until_its_child_is_known)
{
	struct fake_client *parent;
	struct vm_space *space;

	set_up(AT_ONCE, 1);
	atomic_store(&born, NULL);
	parent = fake_client_new();
	space = join(parent);
	(void)fake_fork(parent);
	faulty.descriptors++;
	atomic_store(&ended, true);
	ring(parent);
	while (atomic_load(&born) == NULL)
		sched_yield();
	CHECK_INT(atomic_load(&parent_was_alive), 1);
	while (vm_space_alive(space))
		sched_yield();
	vm_space_destroy(space);
	vm_space_destroy(atomic_load(&born));
	tear_down();
}

TEST(a_space_may_go_while_its_faults_wait)
{
	struct fake_client *client;
	struct vm_space *space;
	struct vm_page *page;

	set_up(AT_ONCE, 1);
	client = fake_client_new();
	space = join(client);
	page = grab(5, VM_GRAB_WRITE);
	touch(client, 5);	/* parked, perhaps, by the time it goes */
	touch(client, 6);
	await(1);
	vm_space_destroy(space);
	vm_page_release(page);
	tear_down();
}

TEST(a_fault_of_a_pager_without_room_is_looked_at_by_itself)
{
	struct fake_client *client;
	struct vm_space *space;

	set_up(AT_ONCE, 1);
	client = fake_client_new();
	space = join(client);
	atomic_store(&mem.again, 4);
	touch(client, 5);
	await(1);
	CHECK_INT(client->wakes[6], 1);
	CHECK_INT(mem.ins, 5);
	/* 1, 2, 4 and 8 ms, and never as long as without a time. */
	CHECK(longest_ms >= 1 && longest_ms <= 8);
	vm_space_destroy(space);
	tear_down();
}

TEST(a_handler_that_cannot_be_made_leaves_nothing)
{
	struct fake_client *client;
	struct vm_space *space;
	unsigned at = 1;
	int error;

	do {
		set_up(AT_ONCE, 1);
		client = fake_client_new();
		faulty.calls = 0;
		faulty.fail_at = at++;
		error = vm_space_create(vm, client->fd, &options, &space);
		faulty.fail_at = 0;
		CHECK((error != 0) == (faulty.failed != NULL));
		if (error != 0) {
			CHECK(vm_last_error()[0] != '\0');
			space = join(client);	/* now it can */
		}
		vm_space_destroy(space);
		tear_down();
	} while (error != 0);
	CHECK(at > 5);
}
