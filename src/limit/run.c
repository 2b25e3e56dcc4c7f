/* SPDX-License-Identifier: BSD-2-Clause */
/* limit/run.c - neighbours through the limit; run.h has the contracts. */
#include "limit/run.h"

#include <errno.h>

#include "base/assert.h"
#include "base/error.h"
#include "base/list.h"
#include "limit/limit_private.h"
#include "os/os.h"
#include "stat/stat.h"
#include "stat/trace.h"

/* 1 ms, and twice as long each time; 7 times, 127 ms in all: what a disk needs
 * for the writes of a batch. */
#define PAUSE_NS	UINT64_C(1000000)
#define PAUSES		7u

static void
note(const struct vm_limit *limit, enum vm_counter counter, uint32_t count)
{
	if (limit->counters != NULL)
		vm_count(limit->counters, counter, count);
}

/* All of them, or none. */
static bool
promise_all(struct vm_limit *limit, enum vm_class class, uint32_t count)
{
	uint32_t promised;

	if (class == VM_CLASS_NORMAL && atomic_load(&limit->waiting) != 0)
		return false;
	promised = vm_limit_promise(limit, class, 0, count, 0);
	if (promised == count)
		return true;
	if (promised != 0)
		vm_limit_unpromise(limit, promised);
	return false;
}

static int
fragmented(struct vm_limit *limit, uint32_t count)
{
	return vm_error(ENOMEM, "frames: %u pages are free, but no %u "
	    "neighbours of the kind asked for", atomic_load(&limit->free),
	    count);
}

static void
note_taken(const struct vm_limit *limit, uint32_t count)
{
	note(limit, VM_COUNTER_pages_taken, count);
	VM_TRACE(limit->trace, take, 0, 0, count);
}

/* What was promised, together. */
static struct vm_page *
take_together(struct vm_limit *limit, const struct vm_run_options *options)
{
	struct vm_page *first = vm_frame_take_run(limit->frames, options);

	if (first == NULL && limit->compact != NULL)
		first = limit->compact(limit, options);
	return first;
}

/* Frames on shelves are taken to those who look for free ones. */
static void
empty_shelves(struct vm_limit *limit)
{
	if (vm_shelves_count(limit) == 0)
		return;
	(void)vm_shelves_shut(limit);
	vm_shelves_open(limit);
}

int
vm_limit_take_run(struct vm_limit *limit, enum vm_class class,
    const struct vm_run_options *options, struct vm_page **first)
{
	bool promised;

	empty_shelves(limit);
	promised = promise_all(limit, class, options->count);
	if (!promised || vm_limit_available(limit) < limit->low)
		vm_limit_kick(limit);
	if (!promised)
		return -EAGAIN;
	*first = take_together(limit, options);
	if (*first == NULL) {
		vm_limit_unpromise(limit, options->count);
		return fragmented(limit, options->count);
	}
	note_taken(limit, options->count);
	return 0;
}

/* Pages in somebody's hands, on a list of his own. */
static struct vm_page *
pop(struct vm_list *hoard)
{
	struct vm_page *page = VM_ENTRY(vm_list_first(hoard), struct vm_page,
	    queue);

	if (page != NULL)
		vm_node_remove(&page->queue);
	return page;
}

static int
wait_for_pages(struct vm_limit *limit, uint32_t count, uint64_t timeout_ns,
    struct vm_list *hoard)
{
	const struct vm_os *os = limit->frames->os;
	uint64_t start = os->clock_ns(), waited_ns = 0;
	struct vm_page *page;

	for (uint32_t i = 0; i < count; i++) {
		int error = vm_limit_wait(limit, VM_HOME_POOL,
		    timeout_ns - waited_ns, &page);

		if (error != 0)
			return error;
		vm_list_add_tail(hoard, &page->queue);
		waited_ns = os->clock_ns() - start;
		waited_ns = waited_ns < timeout_ns ? waited_ns : timeout_ns;
	}
	return 0;
}

/* Nobody wakes us. */
static void
pause_for(struct vm_limit *limit, uint64_t timeout_ns)
{
	struct vm_cond cond;

	vm_cond_init(&cond);
	vm_lock(&limit->lock);
	(void)vm_cond_wait(&cond, &limit->lock, timeout_ns);
	vm_unlock(&limit->lock);
	vm_cond_fini(&cond);
}

/* Where room can be made a page that is busy now stands in the way, more often
 * than not because the daemon that freed the others writes it. */
static struct vm_page *
take_patiently(struct vm_limit *limit, const struct vm_run_options *options,
    uint64_t end_ns)
{
	const struct vm_os *os = limit->frames->os;
	struct vm_page *first = take_together(limit, options);

	for (unsigned i = 0; first == NULL && i < PAUSES; i++) {
		uint64_t now_ns = os->clock_ns(), pause_ns = PAUSE_NS << i;

		if (limit->compact == NULL || now_ns >= end_ns)
			return NULL;
		pause_for(limit, end_ns - now_ns < pause_ns ?
		    end_ns - now_ns : pause_ns);
		first = take_together(limit, options);
	}
	return first;
}

/* For ever is not added to. */
static uint64_t
end_of(const struct vm_limit *limit, uint64_t timeout_ns)
{
	uint64_t now_ns = limit->frames->os->clock_ns();

	return timeout_ns < UINT64_MAX - now_ns ? now_ns + timeout_ns :
	    UINT64_MAX;
}

int
vm_limit_wait_run(struct vm_limit *limit,
    const struct vm_run_options *options, uint64_t timeout_ns,
    struct vm_page **first)
{
	uint64_t end_ns = end_of(limit, timeout_ns);
	struct vm_page *page;
	struct vm_list hoard;
	int error;

	vm_list_init(&hoard);
	error = wait_for_pages(limit, options->count, timeout_ns, &hoard);
	while ((page = pop(&hoard)) != NULL)
		if (error != 0)
			vm_limit_give(limit, &page, 1);
		else	/* the promise is kept, the frame is not */
			vm_frame_give(limit->frames, &page, 1);
	if (error != 0)
		return error;
	*first = take_patiently(limit, options, end_ns);
	if (*first != NULL) {
		note_taken(limit, options->count);
		return 0;
	}
	vm_limit_unpromise(limit, options->count);
	return fragmented(limit, options->count);
}

void
vm_limit_give_run(struct vm_limit *limit, struct vm_page *first,
    uint32_t count)
{
	vm_frame_give_run(limit->frames, first, count);
	note(limit, VM_COUNTER_pages_freed, count);
	VM_TRACE(limit->trace, give, 0, 0, count);
	vm_limit_end_streak(limit);
	vm_limit_unpromise(limit, count);
	vm_limit_notify(limit);
}

bool
vm_limit_run_take_at(struct vm_limit *limit, uint32_t number)
{
	return vm_frame_take_at(limit->frames, number);
}

struct vm_page *
vm_limit_run_take_any(struct vm_limit *limit, enum vm_home home)
{
	struct vm_page *page;

	return vm_frame_take(limit->frames, home, &page, 1) == 1 ? page :
	    NULL;
}

void
vm_limit_run_give(struct vm_limit *limit, struct vm_page *page)
{
	vm_frame_give_run(limit->frames, page, 1);
}

void
vm_limit_retire(struct vm_limit *limit, struct vm_page *page)
{
	vm_frames_retire(limit->frames, page);
	vm_limit_withdraw(limit, 1);
}
