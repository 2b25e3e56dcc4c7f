/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel may refuse to take reads that are queued (EAGAIN, EBUSY).  The
 * fault thread whose reads these were slept until something else came; with
 * nothing else in flight the client waited for ever.  Here the first flushes
 * are refused, and a sleep without an end over reads that were not taken is
 * seen, and cut short.
 */
#include <sched.h>

#include "clients.h"
#include "map/space.h"
#include "one_object.h"

/* 3 flushes: more than one turn has. */
enum { REFUSED = 3, KEPT = 16, SHOWN_AT = 8, WANTED = 5 };

static struct vm_os os;
static struct vm_ioq_ops refusing;
static const struct vm_ioq_ops *real;
static struct vm_pmap_ops pmap;
static _Atomic bool slept, served;
static _Atomic unsigned refusals;

/* Queued and not taken: the fault thread's alone. */
static struct vm_ioq_request *kept[KEPT];
static _Atomic unsigned kept_count;

static int
submit(struct vm_ioq *queue, struct vm_ioq_request *request)
{
	if (request->op != VM_IOQ_READ)
		return real->submit(queue, request);
	CHECK(kept_count < KEPT);
	kept[kept_count++] = request;
	return 0;
}

static int
flush(struct vm_ioq *queue)
{
	if (kept_count == 0)
		return 0;
	if (refusals < REFUSED) {
		refusals++;
		return -EAGAIN;
	}
	while (kept_count != 0)
		CHECK_INT(real->submit(queue, kept[--kept_count]), 0);
	return 0;
}

static int
create_refusing(const struct vm_ioq_options *options, struct vm_ioq **out)
{
	int error = faulty_os.ioq_create(options, out);

	if (error != 0)
		return error;
	/* One table for all queues: others may be at work in it by now. */
	if (real == NULL) {
		real = (*out)->ops;
		refusing = *real;
		refusing.submit = submit;
		refusing.flush = flush;
	}
	(*out)->ops = &refusing;
	return 0;
}

/* No time passes. */
static int
poll_wait(int poll, void **tokens, int count, int timeout_ms)
{
	if (kept_count == 0)
		return faulty_os.poll_wait(poll, tokens, count, timeout_ms);
	if (timeout_ms < 0)
		atomic_store(&slept, true);
	return faulty_os.poll_wait(poll, tokens, count, 0);
}

static int
wake(int uffd, uint64_t address, uint64_t length)
{
	CHECK_INT(address, (SHOWN_AT + WANTED) * PAGE);
	atomic_store(&served, true);
	return fake_pmap.wake(uffd, address, length);
}

static void
create(void)
{
	struct vm_options o = VM_OPTIONS_INIT;

	faulty_reset();
	os = faulty_os;
	os.ioq_create = create_refusing;
	os.poll_wait = poll_wait;
	pmap = fake_pmap;
	pmap.wake = wake;
	o.resident_max_bytes = CORE_LIMIT_PAGES * PAGE;
	o.fault_threads = 1;
	CHECK_INT(vm_create_on(&o, &os, &pmap, &vm), 0);
	core_new_file();
	CHECK_INT(vm_object_create_file(vm, core_fd, 0, VM_LENGTH_ALL,
	    VM_OBJECT_STORE, &object), 0);
}

TEST(reads_that_the_kernel_would_not_take_are_handed_over_again)
{
	struct vm_space_options options = { .size_bytes = sizeof(options) };
	struct fake_client *client;
	struct vm_space *space;

	create();
	client = fake_client_new();
	CHECK_INT(vm_space_create(vm, client->fd, &options, &space), 0);
	CHECK_INT(vm_space_enter(space, SHOWN_AT * PAGE, FILE_PAGES * PAGE,
	    object, 0, VM_RANGE_READ), 0);
	fake_event(client, (struct vm_pmap_event){ .kind = VM_PMAP_FAULT,
		.address = (SHOWN_AT + WANTED) * PAGE, .thread = 1 });
	vm_space_drain(space);
	vm_space_kick(space);
	while (!atomic_load(&served))
		sched_yield();
	CHECK_INT(refusals, REFUSED);
	CHECK(!atomic_load(&slept));
	vm_space_destroy(space);
	fake_clients_reset();
	core_tear_down();
}
