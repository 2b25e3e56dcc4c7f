/* SPDX-License-Identifier: BSD-2-Clause */
/* pager/filtered.c - filtered.h has the theory. */
#include "pager/filtered.h"

#include <errno.h>
#include <string.h>

#include "base/assert.h"
#include "base/error.h"
#include "base/lock.h"
#include "object/vm.h"
#include "os/os.h"
#include "pager/filter.h"
#include "pager/timer.h"

/* 16 tries to make room in a queue that gives none, as for files. */
#define RETRIES_MAX 16

/* The filters at one time; never changes once others can see it. */
struct vm_filters {
	struct vm_filtered *own;		/* (C) */
	struct vm_filters *older;	/* before the last was added (C) */
	unsigned count;			/* (C) */
	struct vm_filter *filter[VM_FILTERS_MAX];	/* lowest first (C) */
};

struct vm_filtered {
	struct vm_pager pager;
	struct vm_pager *lower;		/* (C) */
	struct vm *vm;			/* (C) */
	struct vm_lock lock;		/* rank PAGER: who adds */
	/* NULL: none; stored under the lock.  The store pairs with the load of
	 * who starts a request (A). */
	_Atomic(struct vm_filters *) filters;
};

static const struct vm_pager_ops filtered_ops;

static struct vm_filtered *
filtered_of(struct vm_pager *pager)
{
	vm_assert(pager->ops == &filtered_ops);
	return VM_CONTAINER(pager, struct vm_filtered, pager);
}

static struct vm_filters *
filters_of(struct vm_filtered *own)
{
	return atomic_load_explicit(&own->filters, memory_order_acquire);
}

struct vm_pager *
vm_filtered_base(struct vm_pager *pager)
{
	return pager->ops == &filtered_ops ? filtered_of(pager)->lower : pager;
}

/* -- a request's way ------------------------------------------------------- */

static void go_up(struct vm_pager_io *io);

/* A request has passed this filter. */
static void
note(struct vm_filter *f, const struct vm_pager_io *io)
{
	struct vm_filter_count *passed = &f->passed[vm_filter_op_of(io)];
	bool bad = io->result == VM_PAGER_FAILED ||
	    io->result == VM_PAGER_AGAIN;

	/* Relaxed: sums. */
	atomic_fetch_add_explicit(&passed->requests, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&passed->pages, io->count,
	    memory_order_relaxed);
	atomic_fetch_add_explicit(&passed->errors, bad, memory_order_relaxed);
	atomic_fetch_add_explicit(&passed->ns, f->vm->os->clock_ns() -
	    io->passing.since_ns[f->number], memory_order_relaxed);
}

/* From the filter below at on, down to the pager. */
static void
go_down(struct vm_pager_io *io)
{
	struct vm_pager_passing *way = &io->passing;
	struct vm_pager *lower = way->filters->own->lower;

	while (way->at > 0) {
		struct vm_filter *f = way->filters->filter[--way->at];
		enum vm_filter_verdict verdict = VM_FILTER_GO;

		way->since_ns[f->number] = f->vm->os->clock_ns();
		if (f->kind->before != NULL)
			verdict = f->kind->before(f, io);
		vm_assert(verdict != VM_FILTER_AGAIN);
		if (verdict == VM_FILTER_LATER)
			return;
		if (verdict == VM_FILTER_END) {
			go_up(io);
			return;
		}
	}
	io->done = go_up;
	lower->ops->submit(lower, io, io->queue);
}

/* From the filter at on, up to the caller.  Recursion: as deep as a retry may
 * go, where the pager below is done within its submit. */
static void
go_up(struct vm_pager_io *io)
{
	struct vm_pager_passing *way = &io->passing;
	struct vm_ioq *queue = io->queue;

	for (; way->at < way->filters->count; way->at++) {
		struct vm_filter *f = way->filters->filter[way->at];
		enum vm_filter_verdict verdict = VM_FILTER_GO;

		note(f, io);
		if (f->kind->after != NULL)
			verdict = f->kind->after(f, io);
		vm_assert(verdict != VM_FILTER_END);
		if (verdict == VM_FILTER_LATER)
			return;
		if (verdict == VM_FILTER_AGAIN) {
			go_down(io);
			/* Nobody else knows that there is something. */
			(void)vm_ioq_flush(queue);
			return;
		}
	}
	io->done = way->done;
	io->done(io);
}

/* What was put off goes on, in the thread that has the queue. */
static void
resumed(struct vm_ioq_request *request)
{
	struct vm_pager_io *io = VM_CONTAINER(request, struct vm_pager_io,
	    request);
	struct vm_ioq *queue = io->queue;

	go_down(io);
	(void)vm_ioq_flush(queue);
}

bool
vm_filtered_postpone(struct vm_pager_io *io, uint64_t ns)
{
	struct vm *vm = io->passing.filters->own->vm;
	unsigned vain = 0;
	int error;

	io->request = (struct vm_ioq_request){
		.op = VM_IOQ_POSTED, .fd = -1, .done = resumed,
	};
	/* Every turn but the ones in vain ends a request of the queue. */
	while ((error = vm_ioq_submit(io->queue, &io->request)) == -EAGAIN) {
		(void)vm_ioq_flush(io->queue);	/* failing, it starts later */
		if (vm_ioq_reap(io->queue, true) <= 0 &&
		    ++vain == RETRIES_MAX)
			break;
	}
	if (error != 0)
		return false;
	vm_timer_post_in(vm->timer, io, ns);
	return true;
}

static void
filtered_submit(struct vm_pager *pager, struct vm_pager_io *io,
    struct vm_ioq *queue)
{
	struct vm_filtered *own = filtered_of(pager);
	struct vm_filters *filters = filters_of(own);
	struct vm_pager *lower = own->lower;

	if (VM_LIKELY(filters == NULL)) {
		lower->ops->submit(lower, io, queue);
		return;
	}
	io->queue = queue;
	io->passing = (struct vm_pager_passing){
		.filters = filters, .done = io->done, .at = filters->count,
	};
	go_down(io);
}

/* Filters see requests: where there is one, a request it is. */
static enum vm_pager_result
filtered_read_now(struct vm_pager *pager, vm_pindex_t pindex, void *bytes,
    int *error)
{
	struct vm_filtered *own = filtered_of(pager);
	struct vm_pager *lower = own->lower;

	if (VM_UNLIKELY(filters_of(own) != NULL) ||
	    lower->ops->read_now == NULL)
		return VM_PAGER_PENDING;
	return lower->ops->read_now(lower, pindex, bytes, error);
}

/* -- syncs ----------------------------------------------------------------- */

static int sync_below(struct vm_filtered *own, struct vm_filters *filters,
    unsigned count);

static int
sync_through(struct vm_filtered *own, struct vm_filters *filters,
    struct vm_filter *f)
{
	struct vm_filter_count *passed = &f->passed[VM_FILTER_SYNC];
	uint64_t start = f->vm->os->clock_ns();
	bool again = false;
	unsigned turn = 0;
	int error;

	do {
		error = f->kind->sync_before == NULL ? 0 :
		    f->kind->sync_before(f);
		if (error == 0)
			error = sync_below(own, filters, f->number);
		if (f->kind->sync_after != NULL)
			error = f->kind->sync_after(f, error, turn++, &again);
	} while (again);
	atomic_fetch_add_explicit(&passed->requests, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&passed->errors, error != 0,
	    memory_order_relaxed);
	atomic_fetch_add_explicit(&passed->ns, f->vm->os->clock_ns() - start,
	    memory_order_relaxed);
	return error;
}

/* Through the lowest count filters, VM_FILTERS_MAX deep at most. */
static int
sync_below(struct vm_filtered *own, struct vm_filters *filters, unsigned count)
{
	return count == 0 ? own->lower->ops->sync(own->lower) :
	    sync_through(own, filters, filters->filter[count - 1]);
}

static int
filtered_sync(struct vm_pager *pager)
{
	struct vm_filtered *own = filtered_of(pager);
	struct vm_filters *filters = filters_of(own);

	return sync_below(own, filters, filters == NULL ? 0 :
	    filters->count);
}

/* -- what no filter looks at ----------------------------------------------- */

static enum vm_pager_result
filtered_extent(struct vm_pager *pager, vm_pindex_t pindex, unsigned want,
    unsigned *count)
{
	struct vm_pager *lower = filtered_of(pager)->lower;

	return lower->ops->extent(lower, pindex, want, count);
}

static unsigned
filtered_reserve(struct vm_pager *pager, vm_pindex_t pindex, unsigned want,
    int *error)
{
	struct vm_pager *lower = filtered_of(pager)->lower;

	return lower->ops->reserve(lower, pindex, want, error);
}

static void
filtered_resized(struct vm_pager *pager, uint64_t bytes)
{
	struct vm_pager *lower = filtered_of(pager)->lower;

	lower->ops->resized(lower, bytes);
}

static void
filtered_forget(struct vm_pager *pager, vm_pindex_t pindex, unsigned count)
{
	struct vm_pager *lower = filtered_of(pager)->lower;

	lower->ops->forget(lower, pindex, count);
}

static void
filtered_outdated(struct vm_pager *pager, vm_pindex_t pindex)
{
	struct vm_pager *lower = filtered_of(pager)->lower;

	if (lower->ops->outdated != NULL)
		lower->ops->outdated(lower, pindex);
}

static int
filtered_peek(struct vm_pager *pager, uint64_t offset, void *bytes,
    size_t length)
{
	struct vm_pager *lower = filtered_of(pager)->lower;

	return lower->ops->peek(lower, offset, bytes, length);
}

static int
filtered_unlock(struct vm_pager *pager, vm_pindex_t pindex, unsigned want)
{
	struct vm_pager *lower = filtered_of(pager)->lower;

	return lower->ops->unlock != NULL ?
	    lower->ops->unlock(lower, pindex, want) :
	    vm_error(EACCES, "page %llu: its pager forbids it",
	    (unsigned long long)pindex);
}

static int
filtered_length(struct vm_pager *pager, uint64_t *bytes)
{
	struct vm_pager *lower = filtered_of(pager)->lower;

	return lower->ops->length(lower, bytes);
}

/* -- life ------------------------------------------------------------------ */

static void
filtered_destroy(struct vm_pager *pager)
{
	struct vm_filtered *own = filtered_of(pager);
	const struct vm_os *os = own->vm->os;
	struct vm_filters *filters = filters_of(own);

	/* The newest has all of them. */
	for (unsigned i = 0; filters != NULL && i < filters->count; i++)
		vm_filter_free(filters->filter[i]);
	while (filters != NULL) {
		struct vm_filters *older = filters->older;

		os->free(filters);
		filters = older;
	}
	own->lower->ops->destroy(own->lower);
	vm_lock_fini(&own->lock);
	os->free(own);
}

static const struct vm_pager_ops filtered_ops = {
	.name = "filtered",
	.extent = filtered_extent,
	.reserve = filtered_reserve,
	.submit = filtered_submit,
	.read_now = filtered_read_now,
	.sync = filtered_sync,
	.resized = filtered_resized,
	.forget = filtered_forget,
	.outdated = filtered_outdated,
	.peek = filtered_peek,
	.unlock = filtered_unlock,
	.length = filtered_length,
	.destroy = filtered_destroy,
};

int
vm_filtered_timer(struct vm *vm, struct vm_timer **out)
{
	struct vm_timer *made;
	int error;

	vm_lock(&vm->lock);
	*out = vm->timer;
	vm_unlock(&vm->lock);
	if (*out != NULL)
		return 0;
	error = vm_timer_create(vm->os, &made);
	if (error != 0)
		return error;
	vm_lock(&vm->lock);
	if (vm->timer == NULL) {
		vm->timer = made;
		made = NULL;
	}
	*out = vm->timer;
	vm_unlock(&vm->lock);
	if (made != NULL)	/* somebody else was first */
		vm_timer_destroy(made);
	return 0;
}

/* -- adding ---------------------------------------------------------------- */

/* The filters of a text; *count of them, also when it fails. */
static int
parse_all(struct vm *vm, const char *text, struct vm_filter **filter,
    unsigned *count)
{
	int error = 0;

	*count = 0;
	while (error == 0) {
		size_t length = strcspn(text, ";");

		if (*count == VM_FILTERS_MAX)
			return vm_error(ENOSPC, "filter: more than %d",
			    VM_FILTERS_MAX);
		error = vm_filter_parse(vm, text, length, &filter[*count]);
		if (error == 0)
			++*count;
		if (text[length] == '\0')
			break;
		text += length + 1;
	}
	return error;
}

static void
free_all(struct vm_filter **filter, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		vm_filter_free(filter[i]);
}

/* Puts them on top of those that are there.  next is used up when it is 0. */
static int
publish(struct vm_filtered *own, struct vm_filters *next,
    struct vm_filter **filter, unsigned count)
{
	struct vm_filters *now;

	vm_lock(&own->lock);
	now = filters_of(own);
	next->own = own;
	next->older = now;
	if (now != NULL) {
		next->count = now->count;
		memcpy(next->filter, now->filter, sizeof(next->filter));
	}
	if (count > VM_FILTERS_MAX - next->count) {
		vm_unlock(&own->lock);
		return vm_error(ENOSPC, "filter: more than %d",
		    VM_FILTERS_MAX);
	}
	for (unsigned i = 0; i < count; i++) {
		filter[i]->number = next->count;
		next->filter[next->count++] = filter[i];
	}
	/* One of them may make its callers wait. */
	atomic_store_explicit(&own->pager.at_once, false,
	    memory_order_relaxed);
	atomic_store_explicit(&own->filters, next, memory_order_release);
	vm_unlock(&own->lock);
	return 0;
}

int
vm_filtered_add(struct vm_pager *pager, const char *text)
{
	struct vm_filtered *own = filtered_of(pager);
	const struct vm_os *os = own->vm->os;
	struct vm_filter *filter[VM_FILTERS_MAX];
	struct vm_filters *next;
	unsigned count;
	int error = parse_all(own->vm, text, filter, &count);

	next = error == 0 ? os->alloc(sizeof(*next)) : NULL;
	if (error == 0 && next == NULL)
		error = vm_error(ENOMEM, "filter: %s", vm_errno_text(ENOMEM));
	if (error == 0)
		error = publish(own, next, filter, count);
	if (error != 0) {
		free_all(filter, count);
		os->free(next);
	}
	return error;
}

int
vm_filtered_check(struct vm *vm, const char *text)
{
	struct vm_filter *filter[VM_FILTERS_MAX];
	unsigned count;
	int error = parse_all(vm, text, filter, &count);

	free_all(filter, count);
	return error;
}

int
vm_filtered_wrap(struct vm *vm, struct vm_pager **pager)
{
	struct vm_filtered *own = vm->os->alloc(sizeof(*own));
	int error;

	if (own == NULL) {
		(*pager)->ops->destroy(*pager);
		return vm_error(ENOMEM, "object: no memory");
	}
	own->pager = (struct vm_pager){ .ops = &filtered_ops,
	    .page_bytes = (*pager)->page_bytes };
	atomic_init(&own->pager.at_once, (*pager)->at_once);
	own->lower = *pager;
	own->vm = vm;
	vm_lock_init(&own->lock, VM_RANK_PAGER, "filters");
	error = vm->pager_filter == NULL ? 0 :
	    vm_filtered_add(&own->pager, vm->pager_filter);
	if (error != 0)
		filtered_destroy(&own->pager);
	else
		*pager = &own->pager;
	return error;
}

/* -- figures --------------------------------------------------------------- */

static uint64_t
sum(_Atomic uint64_t *value)
{
	return atomic_load_explicit(value, memory_order_relaxed);
}

int
vm_filtered_stat(struct vm_pager *pager, unsigned number,
    struct vm_filter_stat *out)
{
	struct vm_filters *filters = filters_of(filtered_of(pager));
	struct vm_filter *f;

	if (filters == NULL || number >= filters->count)
		return vm_error(ENOENT, "filter: there is no number %u",
		    number);
	f = filters->filter[number];
	memset(out->name, 0, sizeof(out->name));
	memcpy(out->name, f->kind->name, strlen(f->kind->name));
	out->acted = sum(&f->acted);
	for (unsigned op = 0; op < VM_FILTER_OPS; op++) {
		out->op[op].requests = sum(&f->passed[op].requests);
		out->op[op].pages = sum(&f->passed[op].pages);
		out->op[op].errors = sum(&f->passed[op].errors);
		out->op[op].ns = sum(&f->passed[op].ns);
	}
	return 0;
}
