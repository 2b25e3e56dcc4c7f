/* SPDX-License-Identifier: BSD-2-Clause */
/* fault/handler.c - the event loop; handler.h has the theory. */
#include <errno.h>
#include <stdio.h>

#include "base/assert.h"
#include "base/error.h"
#include "base/futex.h"
#include "fault/handler_private.h"
#include "os/os.h"

/* 1 s: how often parked faults are looked at when no bell rings, so that the
 * bound on waiting is kept. */
#define PARKED_MS 1000
/* 1 ms: when reads are handed over again that the kernel would not take; what
 * it lacks comes back with other reads. */
#define UNSENT_MS 1
#define NS_PER_MS UINT64_C(1000000)
/* 50 us: about one read of a disk.  Random reads of 8 threads, 2 processors:
 * 1.2 times as many as without; 20 and 100 us do about the same. */
#define SPIN_NS UINT64_C(50000)
/* 16 descriptors a turn. */
#define TURN 16
/* 4: more threads than that mostly wait for each other's pages. */
#define HANDLERS_MAX 4

struct vm_handlers {
	struct vm_lock lock;	/* rank NONE: held to start threads */
	struct vm_handler *handler[HANDLERS_MAX];	/* (the lock) */
	unsigned count;		/* to be started (C) */
	unsigned next;		/* who gets the next space (the lock) */
};

static void
ring(struct vm_listener *listener)
{
	struct vm_handler *handler = VM_CONTAINER(listener,
	    struct vm_handler, listener);

	handler->vm->os->event_set(handler->bell);
}

static void
kick(struct vm_space *space)
{
	space->vm->os->event_set(space->handler->bell);
}

/* Children are served by their parent's handler: they share its pages. */
static void
add_space(struct vm_handler *handler, struct vm_space *space)
{
	space->handler = handler;
	atomic_store_explicit(&space->kick, kick, memory_order_release);
	vm_lock(&handler->lock);
	vm_list_add_tail(&handler->spaces, &space->served);
	handler->count++;
	vm_unlock(&handler->lock);
}

static void
hand_over_children(struct vm_handler *handler, struct vm_space *parent)
{
	struct vm_space *child;

	while ((child = vm_space_take_child(parent)) != NULL) {
		add_space(handler, child);
		if (parent->forked != NULL)
			parent->forked(atomic_load(&parent->arg), parent,
			    child);
		vm_space_handed_over(parent);
		handler->vm->os->poll_add(handler->poll, child->pmap.uffd,
		    child);
		/* Others may have read its events before it was ours. */
		handler->vm->os->event_set(handler->bell);
	}
}

/* The space that comes after this one in the list, with a reference: it stays
 * in memory while the loop looks at it.  NULL from: the first. */
static struct vm_space *
next_space(struct vm_handler *handler, struct vm_space *from)
{
	struct vm_node *node;
	struct vm_space *space;

	vm_lock(&handler->lock);
	node = from == NULL ? vm_list_first(&handler->spaces) :
	    vm_node_linked(&from->served) ?
	    vm_list_next(&handler->spaces, &from->served) : NULL;
	space = VM_ENTRY(node, struct vm_space, served);
	if (space != NULL)
		vm_pmap_get(&space->pmap);
	vm_unlock(&handler->lock);
	if (from != NULL)
		vm_pmap_put(&from->pmap);
	return space;
}

static void
let_go(struct vm_handler *handler, struct vm_space *space)
{
	handler->vm->os->poll_remove(handler->poll, space->pmap.uffd);
	/* Children that were born already live on, and have an owner. */
	hand_over_children(handler, space);
	vm_fault_forget(handler, space);
	vm_lock(&handler->lock);
	vm_node_remove(&space->served);
	handler->count--;
	vm_cond_wake_all(&handler->left);
	vm_unlock(&handler->lock);
}

static bool
is_leaving(struct vm_handler *handler, struct vm_space *space)
{
	bool leaving;

	vm_lock(&handler->lock);
	leaving = space->leaving;
	vm_unlock(&handler->lock);
	return leaving;
}

/* After the bell: spaces may have been drained by others, or be leaving. */
static void
look_at_all(struct vm_handler *handler)
{
	struct vm_space *space = NULL;

	while ((space = next_space(handler, space)) != NULL) {
		if (is_leaving(handler, space)) {
			let_go(handler, space);
			/* The list went on without it: begin anew. */
			vm_pmap_put(&space->pmap);
			space = NULL;
			continue;
		}
		hand_over_children(handler, space);
		vm_fault_serve_space(handler, space);
	}
}

static void
serve_token(struct vm_handler *handler, void *token, bool *bell)
{
	if (token == handler) {
		handler->vm->os->event_clear(handler->bell);
		*bell = true;
	} else if (token != handler->filler) {
		struct vm_space *space = token;

		vm_space_drain(space);
		hand_over_children(handler, space);
		vm_fault_serve_space(handler, space);
	}
}

/* How long the handler may sleep when nothing happens; -1: for ever. */
static int
sleep_ms(const struct vm_handler *handler)
{
	uint64_t due, now;

	if (handler->unsent)
		return UNSENT_MS;
	if (vm_list_empty(&handler->parked))
		return -1;
	due = vm_fault_next_due(handler);
	if (due == 0)
		return PARKED_MS;
	now = handler->vm->os->clock_ns();
	if (due <= now)
		return 0;
	return due - now > PARKED_MS * NS_PER_MS ? PARKED_MS :
	    (int)((due - now + NS_PER_MS - 1) / NS_PER_MS);
}

/*
 * Waits for something to do.  While faults of several threads wait for reads in
 * flight the handler looks again and again instead of sleeping: waking an idle
 * virtual processor costs more than the rest of a read.
 */
static int
wait(struct vm_handler *handler, void **tokens)
{
	const struct vm_os *os = handler->vm->os;
	uint64_t until;
	int n;

	if (!vm_list_empty(&handler->attached) &&
	    !vm_handler_serves_one(handler)) {
		until = os->clock_ns() + SPIN_NS;
		do
			n = os->poll_wait(handler->poll, tokens, TURN, 0);
		while (n == 0 && os->clock_ns() < until);
		if (n != 0)
			return n;
	}
	return os->poll_wait(handler->poll, tokens, TURN, sleep_ms(handler));
}

/*
 * The one thread that is served waits for a read: nothing else is likely to
 * come, and one call hands the read over and sleeps for it.  What does come
 * waits for as long as a read takes.
 */
static bool
read_is_all(const struct vm_handler *handler)
{
	return vm_handler_serves_one(handler) &&
	    !vm_list_empty(&handler->attached);
}

static bool
turn(struct vm_handler *handler)
{
	bool parked = !vm_list_empty(&handler->parked), bell = false;
	void *tokens[TURN];
	bool stop;
	int n = wait(handler, tokens);

	for (int i = 0; i < n; i++)
		serve_token(handler, tokens[i], &bell);
	if (bell || parked)
		vm_fault_retry(handler);
	if (bell || handler->starved)
		look_at_all(handler);
	vm_filler_reap(handler->filler, read_is_all(handler));
	handler->unsent = vm_ioq_flush(handler->filler->queue) != 0;
	vm_lock(&handler->lock);
	stop = handler->stopping && handler->count == 0;
	vm_unlock(&handler->lock);
	return !stop;
}

static void
run(void *arg)
{
	struct vm_handler *handler = arg;

	while (turn(handler))
		continue;
	while (!vm_list_empty(&handler->filler->busy))
		vm_filler_reap(handler->filler, true);
}

static void
handler_free(struct vm_handler *handler)
{
	const struct vm_os *os = handler->vm->os;

	if (handler->filler != NULL)
		vm_filler_free(handler->filler);
	if (handler->poll >= 0)
		os->close(handler->poll);
	if (handler->bell >= 0)
		os->close(handler->bell);
	os->free(handler->faults);
	vm_cond_fini(&handler->left);
	vm_lock_fini(&handler->lock);
	os->free(handler);
}

static int
open_descriptors(struct vm_handler *handler)
{
	const struct vm_os *os = handler->vm->os;
	int queue_fd, error;

	handler->poll = os->poll_create();
	handler->bell = os->eventfd();
	if (handler->poll < 0 || handler->bell < 0)
		return vm_error(EMFILE, "fault: no descriptor left");
	error = vm_filler_new(handler->vm, &handler->filler);
	if (error != 0)
		return error;
	error = os->poll_add(handler->poll, handler->bell, handler);
	queue_fd = vm_ioq_poll_fd(handler->filler->queue);
	if (error == 0 && queue_fd < 0 && queue_fd != VM_IOQ_NO_FD)
		error = queue_fd;
	else if (error == 0 && queue_fd >= 0)
		error = os->poll_add(handler->poll, queue_fd,
		    handler->filler);
	return error == 0 ? 0 : vm_error(-error, "fault: %s",
	    vm_errno_text(-error));
}

static int
make_faults(struct vm_handler *handler)
{
	handler->faults = handler->vm->os->alloc(VM_HANDLER_FAULTS *
	    sizeof(struct vm_fault));
	if (handler->faults == NULL)
		return vm_error(ENOMEM, "fault: no memory");
	for (unsigned i = 0; i < VM_HANDLER_FAULTS; i++)
		vm_list_add_tail(&handler->free, &handler->faults[i].link);
	return 0;
}

static int
start_thread(struct vm_handler *handler)
{
	int error = handler->vm->os->thread_start("resident-fault", run,
	    handler, &handler->thread);

	return error == 0 ? 0 : vm_error(-error, "fault: starting a thread: "
	    "%s", vm_errno_text(-error));
}

static int
handler_new(struct vm *vm, struct vm_handler **out)
{
	struct vm_handler *handler = vm->os->alloc(sizeof(*handler));
	int error;

	if (handler == NULL)
		return vm_error(ENOMEM, "fault: no memory");
	handler->vm = vm;
	handler->poll = handler->bell = -1;
	handler->listener.wake = ring;
	vm_lock_init(&handler->lock, VM_RANK_LEAF, "handler");
	vm_cond_init(&handler->left);
	vm_list_init(&handler->spaces);
	vm_list_init(&handler->free);
	vm_list_init(&handler->parked);
	vm_list_init(&handler->attached);
	error = make_faults(handler);
	if (error == 0)
		error = open_descriptors(handler);
	if (error == 0)
		error = start_thread(handler);
	if (error != 0) {
		handler_free(handler);
		return error;
	}
	vm_limit_listen(&vm->limit, &handler->listener);
	*out = handler;
	return 0;
}

int
vm_handlers_init(struct vm *vm)
{
	struct vm_handlers *handlers = vm->os->alloc(sizeof(*handlers));

	if (handlers == NULL)
		return vm_error(ENOMEM, "create: no memory");
	vm_lock_init(&handlers->lock, VM_RANK_NONE, "handlers");
	handlers->count = vm->fault_threads == 0 ? 1 : vm->fault_threads;
	if (handlers->count > HANDLERS_MAX)
		handlers->count = HANDLERS_MAX;
	vm->handlers = handlers;
	return 0;
}

static void
stop(struct vm_handler *handler)
{
	vm_lock(&handler->lock);
	handler->stopping = true;
	vm_unlock(&handler->lock);
	handler->vm->os->event_set(handler->bell);
	handler->vm->os->thread_join(handler->thread);
}

void
vm_handlers_fini(struct vm *vm)
{
	struct vm_handlers *handlers = vm->handlers;

	if (handlers == NULL)
		return;
	/* All stop before one goes: one may still ring another's bell. */
	for (unsigned i = 0; i < handlers->count; i++)
		if (handlers->handler[i] != NULL)
			stop(handlers->handler[i]);
	for (unsigned i = 0; i < handlers->count; i++) {
		struct vm_handler *handler = handlers->handler[i];

		if (handler == NULL)
			continue;
		vm_limit_unlisten(&vm->limit, &handler->listener);
		handler_free(handler);
	}
	vm_lock_fini(&handlers->lock);
	vm->os->free(handlers);
}

int
vm_handler_serve(struct vm_space *space)
{
	struct vm *vm = space->vm;
	struct vm_handlers *handlers = vm->handlers;
	struct vm_handler **handler;
	int error = 0;

	vm_lock(&handlers->lock);
	handler = &handlers->handler[handlers->next++ % handlers->count];
	if (*handler == NULL)
		error = handler_new(vm, handler);
	vm_unlock(&handlers->lock);
	if (error != 0)
		return error;
	add_space(*handler, space);
	error = vm->os->poll_add((*handler)->poll, space->pmap.uffd, space);
	return error == 0 ? 0 : vm_error(-error, "space: not a userfaultfd "
	    "that can be waited for: %s", vm_errno_text(-error));
}

void
vm_handler_leave(struct vm_space *space)
{
	struct vm_handler *handler = space->handler;

	if (handler == NULL)
		return;
	vm_lock(&handler->lock);
	space->leaving = true;
	vm_unlock(&handler->lock);
	handler->vm->os->event_set(handler->bell);
	vm_lock(&handler->lock);
	while (vm_node_linked(&space->served))
		vm_cond_wait(&handler->left, &handler->lock,
		    VM_FUTEX_FOREVER);
	vm_unlock(&handler->lock);
}
