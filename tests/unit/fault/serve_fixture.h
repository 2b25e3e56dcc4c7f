/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * serve_fixture.h - a handler without a thread, and one client of one object,
 * whose pager the test is.  Include once, in a test's own file.
 *
 * The test takes the handler's turns itself: what a fault comes to is seen
 * after each step.  Time stands still unless the test moves it.
 */
#ifndef SERVE_FIXTURE_H
#define SERVE_FIXTURE_H

#include <stdatomic.h>

#include "audit.h"
#include "clients.h"
#include "fault/handler_private.h"
#include "memory_pager.h"

enum { MS = 1000000, WAIT_MS = 1000, TRACE_EVENTS = 256 };

static struct vm_os still_os;
static _Atomic uint64_t now_ns;
static unsigned buses;		/* task_sigbus */
static int bused;		/* the last thread */

static struct vm_handler handler;
static struct vm_fault places[VM_HANDLER_FAULTS];
static unsigned bells;

static struct fake_client *client;
static struct vm_space *space;
static unsigned failures;
static int failed_errno;

static uint64_t
still_clock(void)
{
	return now_ns;
}

static int
still_sigbus(int tid)
{
	buses++;
	bused = tid;
	return 0;
}

static void
bell(struct vm_listener *listener)
{
	CHECK(listener == &handler.listener);
	bells++;
}

static void
failed(void *arg, struct vm_space *whose, uint64_t address, int error,
    const char *text)
{
	CHECK(arg == &failures);
	CHECK(whose == space && address < (uint64_t)FAKE_PAGES * PAGE);
	CHECK(text[0] != '\0');
	failures++;
	failed_errno = error;
}

static inline void
make_vm(void)
{
	struct vm_options o = VM_OPTIONS_INIT;

	faulty_reset();
	still_os = faulty_os;
	still_os.clock_ns = still_clock;
	still_os.task_sigbus = still_sigbus;
	now_ns = MS;
	buses = bells = failures = 0;
	o.resident_max_bytes = LIMIT_PAGES * PAGE;
	o.wait_max_ns = WAIT_MS * (uint64_t)MS;
	o.trace_events = TRACE_EVENTS;
	CHECK_INT(vm_create_on(&o, &still_os, &fake_pmap, &vm), 0);
}

static inline void
make_handler(void)
{
	memset(&handler, 0, sizeof(handler));
	handler.vm = vm;
	handler.listener.wake = bell;
	handler.bell = still_os.eventfd();
	vm_lock_init(&handler.lock, VM_RANK_LEAF, "handler");
	vm_list_init(&handler.free);
	vm_list_init(&handler.parked);
	vm_list_init(&handler.attached);
	for (unsigned i = 0; i < VM_HANDLER_FAULTS; i++)
		vm_list_add_tail(&handler.free, &places[i].link);
	CHECK_INT(vm_filler_new(vm, &handler.filler), 0);
	vm_limit_listen(&vm->limit, &handler.listener);
}

/* Page i of the object is page i of the client. */
static inline struct vm_space *
make_space(struct fake_client *of, enum vm_entry_kind kind)
{
	struct vm_entry model = { .object = object, .kind = kind };
	struct vm_space *made;

	model.mapping.pages = PAGES;
	model.mapping.address = 0;
	CHECK_INT(vm_space_new(vm, of->fd, false, &made), 0);
	made->failed = failed;
	atomic_store(&made->arg, &failures);
	CHECK_INT(vm_space_add(made, &model), 0);
	return made;
}

static inline void
serve_set_up(enum answering how, enum vm_entry_kind kind)
{
	make_vm();
	mem_reset(how);
	mem_object(VM_OBJECT_STORE);
	make_handler();
	client = fake_client_new();
	space = make_space(client, kind);
}

static inline void
serve_tear_down(void)
{
	CHECK(vm_list_empty(&handler.parked));
	CHECK(vm_list_empty(&handler.attached));
	vm_space_end(space);
	vm_limit_unlisten(&vm->limit, &handler.listener);
	vm_filler_free(handler.filler);
	vm_lock_fini(&handler.lock);
	still_os.close(handler.bell);
	audit(vm);
	mem_tear_down();
	fake_clients_reset();
}

/* A thread of the client stops at a page. */
static inline void
fault_of(struct fake_client *of, struct vm_space *in, uint64_t page,
    bool write)
{
	fake_event(of, (struct vm_pmap_event){ .kind = VM_PMAP_FAULT,
		.address = page * PAGE, .write = write, .fd = -1,
		.thread = 100 + (int)page });
	vm_space_drain(in);
	vm_fault_serve_space(&handler, in);
}

static inline void
fault_at(uint64_t page, bool write)
{
	fault_of(client, space, page, write);
}

/* The pager ends the oldest request it has kept, and the handler sees it. */
static inline void
answer(enum vm_pager_result result)
{
	mem.in = result;
	mem_answer(mem_take());
	vm_filler_reap(handler.filler, false);
}

static inline bool
is_parked(void)
{
	return !vm_list_empty(&handler.parked);
}

static inline bool
is_attached(void)
{
	return !vm_list_empty(&handler.attached);
}

#endif
