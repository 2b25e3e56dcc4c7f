/* SPDX-License-Identifier: BSD-2-Clause */
/* pageout/launder.c - launder.h has the theory. */
#include "pageout/launder.h"

#include <errno.h>
#include <string.h>

#include "base/assert.h"
#include "base/error.h"
#include "object/cached.h"
#include "object/content.h"
#include "object/home.h"
#include "object/quota.h"
#include "os/os.h"
#include "pageout/evict.h"
#include "stat/stat.h"

/* Jobs are handed to the kernel an eighth of the depth at a time. */
#define PARTS 8

struct job {
	struct vm_pager_io io;
	struct vm_laundry *laundry;
	struct vm_object *object;
	struct vm_page *page[VM_LAUNDRY_PAGES];
	unsigned count;
	bool leaves[VM_LAUNDRY_PAGES];
	struct iovec iov[VM_LAUNDRY_PAGES];
	char *staging;
	unsigned staged_most;	/* pages that fit there (C) */
	struct vm_node link;	/* free, spare or busy */
};

/* Belongs to one thread at a time. */
struct vm_laundry {
	struct vm *vm;		/* (C) */
	struct vm_ioq *queue;	/* (T) */
	char *staging;		/* (C) */
	struct job *jobs;	/* (C) */
	unsigned depth;		/* jobs (C) */
	unsigned bound;		/* of these, busy at once (T) */
	unsigned busy_count;	/* length of busy (T) */
	unsigned queued;	/* of these, not yet handed over (T) */
	struct vm_list free;	/* with staging for a page (T) */
	struct vm_list spare;	/* free ones with staging for a run (T) */
	struct vm_list busy;	/* (T) */
	/* Written and to leave, together, before anything sleeps (T). */
	struct vm_page *leaving[VM_EVICT_MAX];
	unsigned leaving_count;	/* (T) */
	uint32_t written[2];	/* of each kind, not yet told to limit (T) */
	uint32_t evicted;	/* (T) */
	int error;		/* the first, negative errno (T) */
	char text[VM_ERROR_BYTES];	/* its sentence (T) */
};

/* Jobs whose staging holds a run. */
static unsigned
spare_jobs(const struct vm_laundry *laundry)
{
	return laundry->depth < VM_LAUNDRY_STAGED ? laundry->depth :
	    VM_LAUNDRY_STAGED;
}

/* Pages of a run that fit into the staging of one: whoever adds runs keeps to
 * laundry_pages, or to 64. */
static unsigned
run_most(const struct vm_laundry *laundry)
{
	return laundry->vm->laundry_pages < VM_LAUNDRY_RUN ? VM_LAUNDRY_RUN :
	    laundry->vm->laundry_pages;
}

static size_t
staging_bytes(const struct vm_laundry *laundry)
{
	unsigned spare = spare_jobs(laundry);

	return ((size_t)spare * run_most(laundry) +
	    (laundry->depth - spare)) *
	    laundry->vm->page_bytes;
}

static int
make_parts(struct vm_laundry *laundry)
{
	struct vm *vm = laundry->vm;
	/* Twice the jobs: a file's last page may take a second request. */
	struct vm_ioq_options options = {
		.depth = 2 * laundry->depth,
		.kind = vm->ioq_kind,
	};
	void *staging;

	laundry->jobs = vm->os->alloc(laundry->depth * sizeof(struct job));
	if (laundry->jobs == NULL)
		return vm_error(ENOMEM, "pageout: no memory for jobs");
	if (vm->os->map_anon(staging_bytes(laundry), &staging) != 0)
		return vm_error(ENOMEM, "pageout: no room for staging");
	laundry->staging = staging;
	return vm->os->ioq_create(&options, &laundry->queue);
}

/* The first ones have room for a run, the others for a page. */
static void
make_jobs(struct vm_laundry *laundry)
{
	char *staging = laundry->staging;

	for (unsigned i = 0; i < laundry->depth; i++) {
		struct job *job = &laundry->jobs[i];
		bool spare = i < spare_jobs(laundry);

		job->laundry = laundry;
		job->staging = staging;
		job->staged_most = spare ? run_most(laundry) : 1;
		staging += (size_t)job->staged_most * laundry->vm->page_bytes;
		vm_list_add_tail(spare ? &laundry->spare : &laundry->free,
		    &job->link);
	}
}

int
vm_laundry_new(struct vm *vm, struct vm_laundry **out)
{
	return vm_laundry_new_of(vm, vm->laundry_depth, out);
}

int
vm_laundry_new_of(struct vm *vm, unsigned depth, struct vm_laundry **out)
{
	struct vm_laundry *laundry = vm->os->alloc(sizeof(*laundry));
	int error;

	if (laundry == NULL)
		return vm_error(ENOMEM, "pageout: no memory for a laundry");
	laundry->vm = vm;
	laundry->depth = laundry->bound = depth;
	vm_list_init(&laundry->free);
	vm_list_init(&laundry->spare);
	vm_list_init(&laundry->busy);
	error = make_parts(laundry);
	if (error != 0) {
		vm_laundry_free(laundry);
		return error;
	}
	make_jobs(laundry);
	*out = laundry;
	return 0;
}

void
vm_laundry_free(struct vm_laundry *laundry)
{
	const struct vm_os *os = laundry->vm->os;

	vm_assert(vm_list_empty(&laundry->busy));
	if (laundry->queue != NULL)
		vm_ioq_destroy(laundry->queue);
	if (laundry->staging != NULL)
		os->unmap(laundry->staging, staging_bytes(laundry));
	os->free(laundry->jobs);
	os->free(laundry);
}

static void
note_error(struct vm_laundry *laundry, int error)
{
	const char *text = vm_error_text();
	size_t at = 0;

	if (laundry->error != 0)
		return;
	laundry->error = error;
	for (; text[at] != '\0' && at < sizeof(laundry->text) - 1; at++)
		laundry->text[at] = text[at];
	laundry->text[at] = '\0';
}

static void
give_back(struct vm_object *object, struct vm_page **pages, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		atomic_fetch_and_explicit(&pages[i]->flags,
		    (uint16_t)~VM_PGA_LAUNDRY, memory_order_relaxed);
		vm_object_unlock_page(object, pages[i]);
	}
}

/* Of those that were to leave none does. */
static void
stay(struct vm_object *object, const bool *leaving, unsigned count)
{
	for (unsigned i = 0; leaving != NULL && i < count; i++)
		vm_quota_left(object, leaving[i]);
}

/* A full disk may have room later; somebody who hears of it may make some. */
static void
note_no_room(struct vm *vm, int error, unsigned count)
{
	if (error != ENOSPC && error != EDQUOT)
		return;
	vm_count(vm->counters, VM_COUNTER_no_room_pages, count);
	vm_limit_lacks_room(&vm->limit);
}

/* They stay as they are, dirty. */
static void
failed(struct vm_laundry *laundry, struct vm_page **pages, unsigned count,
    int error)
{
	struct vm_object *object = pages[0]->object;

	vm_error(error, "pages %llu..%llu could not be written: %s",
	    (unsigned long long)pages[0]->pindex,
	    (unsigned long long)pages[0]->pindex + count - 1,
	    vm_errno_text(error));
	note_error(laundry, -error);
	note_no_room(laundry->vm, error, count);
	VM_TRACE(laundry->vm->trace, error, object->id, pages[0]->pindex,
	    error);
	atomic_fetch_add(&object->write_errors, 1);
	vm_queue_refused(&laundry->vm->queue, pages, count);
	give_back(object, pages, count);
}

/* Those that were written leave; limit hears of it when their memory is
 * there. */
static void
flush_leaving(struct vm_laundry *laundry)
{
	struct vm *vm = laundry->vm;
	unsigned count = laundry->leaving_count;

	laundry->leaving_count = 0;
	vm_evict(vm, laundry->leaving, count, VM_LEAVE_EVICTED);
	vm_count(vm->counters, VM_COUNTER_evicted_dirty, count);
	laundry->evicted += count;
	for (unsigned i = 0; i < VM_COUNT(laundry->written); i++) {
		uint32_t written = laundry->written[i];

		laundry->written[i] = 0;
		if (written == 0)
			continue;
		vm_limit_laundry_done(&vm->limit, (enum vm_laundry_kind)i,
		    written);
		vm_limit_pageout_done(&vm->limit, written);
	}
}

static void
succeeded(struct job *job)
{
	struct vm_laundry *laundry = job->laundry;
	struct vm *vm = laundry->vm;

	if (laundry->leaving_count + job->count > VM_EVICT_MAX)
		flush_leaving(laundry);
	VM_TRACE(vm->trace, cleaned, job->object->id, job->page[0]->pindex,
	    job->count);
	vm_count(vm->counters, VM_COUNTER_pages_out, job->count);
	for (unsigned i = 0; i < job->count; i++) {
		struct vm_page *page = job->page[i];

		vm_object_mark_clean(job->object, page);
		vm_page_set_flag(page, VM_PGA_PRECIOUS, false);
		if (job->leaves[i] && vm_page_may_leave(page))
			laundry->leaving[laundry->leaving_count++] = page;
		else {
			vm_quota_left(job->object, job->leaves[i]);
			give_back(job->object, &page, 1);
		}
	}
}

static enum vm_laundry_kind
kind_of(const struct vm_object *object)
{
	return object->anonymous ? VM_LAUNDRY_INTERNAL : VM_LAUNDRY_EXTERNAL;
}

static void
end_job(struct job *job, int error)
{
	struct vm_laundry *laundry = job->laundry;
	/* The object may go with its last page. */
	enum vm_laundry_kind kind = kind_of(job->object);

	if (error == 0)
		succeeded(job);
	else {
		stay(job->object, job->leaves, job->count);
		failed(laundry, job->page, job->count, error);
	}
	laundry->written[kind] += job->count;
	vm_node_remove(&job->link);
	laundry->busy_count--;
	vm_list_add_head(job->staged_most > 1 ? &laundry->spare :
	    &laundry->free, &job->link);
}

static int
error_of(const struct vm_pager_io *io)
{
	return io->result == VM_PAGER_AGAIN ? EAGAIN : io->error;
}

static void
job_done(struct vm_pager_io *io)
{
	/* RANGE: the file ends before them now; as the kernel does, what is
	 * behind the end of a file that was cut is dropped. */
	if (io->result == VM_PAGER_OK || io->result == VM_PAGER_RANGE)
		end_job(io->arg, 0);
	else
		end_job(io->arg, error_of(io));
}

/*
 * Not one by one, nor all at once: the disk would have nothing to do while the
 * rest is made ready, and what is written together comes back together, again
 * and again (36,000 pages a second instead of 42,000).
 */
static void
hand_over(struct vm_laundry *laundry)
{
	if (++laundry->queued < laundry->bound / PARTS)
		return;
	laundry->queued = 0;
	vm_ioq_flush(laundry->queue);
}

/* One request for all pages of the job; its pieces are in place. */
static void
submit(struct job *job, enum vm_pager_op op, int pieces,
    void (*done)(struct vm_pager_io *io))
{
	struct vm_pager *pager = job->object->pager;

	job->io = (struct vm_pager_io){
		.op = op, .pindex = job->page[0]->pindex,
		.count = job->count, .iov = job->iov, .iov_count = pieces,
		.done = done, .arg = job,
	};
	if (op == VM_PAGER_OUT)
		VM_TRACE(job->laundry->vm->trace, launder, job->object->id,
		    job->io.pindex, job->count);
	pager->ops->submit(pager, &job->io, job->laundry->queue);
	hand_over(job->laundry);
}

static void
aim_at_staging(struct job *job)
{
	job->iov[0].iov_base = job->staging;
	job->iov[0].iov_len = (size_t)job->count *
	    job->laundry->vm->page_bytes;
}

/* How many pieces, or -errno. */
static int
collect_bytes(struct job *job)
{
	struct vm *vm = job->laundry->vm;
	struct vm_object *object = job->object;

	vm_home_protect(object, job->page[0]->pindex, job->count);
	if (object->home == VM_HOME_STORE) {
		int error;

		aim_at_staging(job);
		error = vm_store_read(&object->store, job->page[0]->pindex,
		    job->count, job->staging);
		return error != 0 ? error : 1;
	}
	for (unsigned i = 0; i < job->count; i++) {
		job->iov[i].iov_base = vm_page_memory(job->page[i]);
		job->iov[i].iov_len = vm->page_bytes;
	}
	return (int)job->count;
}

/* Ends what is written; with wait, sleeps for one unless nothing is in
 * flight. */
static void
reap(struct vm_laundry *laundry, bool wait)
{
	flush_leaving(laundry);
	vm_ioq_reap(laundry->queue, wait);
	flush_leaving(laundry);
}

/* A job that can stage so many pages; a spare one is only taken for a page
 * where there is no other. */
static struct job *
free_job(struct vm_laundry *laundry, unsigned staged)
{
	for (;;) {
		struct vm_list *list = staged <= 1 &&
		    !vm_list_empty(&laundry->free) ? &laundry->free :
		    &laundry->spare;

		if (!vm_list_empty(list) &&
		    laundry->busy_count < laundry->bound)
			return VM_ENTRY(vm_list_first(list), struct job, link);
		vm_ioq_flush(laundry->queue);
		reap(laundry, true);
	}
}

static struct job *
new_job(struct vm_laundry *laundry, struct vm_page **pages, unsigned count,
    const bool *leaving)
{
	bool staged = pages[0]->object->home == VM_HOME_STORE;
	struct job *job = free_job(laundry, staged ? count : 1);

	job->object = pages[0]->object;
	job->count = count;
	for (unsigned i = 0; i < count; i++) {
		job->page[i] = pages[i];
		job->leaves[i] = leaving != NULL && leaving[i];
		atomic_fetch_or_explicit(&pages[i]->flags, VM_PGA_LAUNDRY,
		    memory_order_relaxed);
	}
	vm_limit_pageout_start(&laundry->vm->limit, count);
	vm_limit_laundry_add(&laundry->vm->limit, kind_of(job->object),
	    count);
	vm_node_remove(&job->link);
	vm_list_add_tail(&laundry->busy, &job->link);
	laundry->busy_count++;
	return job;
}

static void
start(struct vm_laundry *laundry, struct vm_page **pages, unsigned count,
    const bool *leaving)
{
	struct job *job = new_job(laundry, pages, count, leaving);
	int pieces = collect_bytes(job);

	if (pieces < 0)
		end_job(job, -pieces);
	else
		submit(job, VM_PAGER_OUT, pieces, job_done);
}

/* -- a page that is not valid as a whole ----------------------------------- */

/*
 * The write has failed, and where swap has no other room it was over what the
 * pager had: that is good no more as a whole.  The page takes the rest of it,
 * which the staging has, and owes all.  A file without sums has the rest still,
 * whatever came of the write.
 */
static void
keep_rest(struct job *job)
{
	struct vm_page *page = job->page[0];
	uint32_t page_bytes = job->laundry->vm->page_bytes;
	uint32_t all = vm_page_all_blocks(page_bytes);

	vm_bits_copy(page_bytes, all & ~(page->valid | page->dirty),
	    vm_page_memory(page), job->staging);
	page->valid = all;
	vm_object_mark_dirty(job->object, page, all);
}

static void
merged_done(struct vm_pager_io *io)
{
	struct job *job = io->arg;

	if (io->result == VM_PAGER_FAILED && job->object->anonymous)
		keep_rest(job);
	job_done(io);
}

/* What the pager has is in the staging: the page's own blocks over it. */
static void
merge(struct job *job)
{
	struct vm_pager *pager = job->object->pager;
	struct vm_page *page = job->page[0];
	const void *memory = vm_page_memory(page);
	int error = ENOMEM;

	/* Only now: a pager may count what it reserved as what it has. */
	if (memory == NULL || pager->ops->reserve(pager, page->pindex, 1,
	    &error) == 0) {
		end_job(job, error);
		return;
	}
	vm_bits_copy(job->laundry->vm->page_bytes, vm_content_owed(page),
	    job->staging, memory);
	aim_at_staging(job);
	submit(job, VM_PAGER_OUT, 1, merged_done);
}

static void
old_is_read(struct vm_pager_io *io)
{
	struct job *job = io->arg;

	if (io->result == VM_PAGER_FAILED || io->result == VM_PAGER_AGAIN) {
		end_job(job, error_of(io));
		return;
	}
	if (io->result == VM_PAGER_RANGE && io->filled == 0)
		memset(job->staging, 0, job->laundry->vm->page_bytes);
	merge(job);
}

static void
start_partial(struct vm_laundry *laundry, struct vm_page *page,
    const bool *leaving)
{
	struct job *job = new_job(laundry, &page, 1, leaving);
	struct vm_pager *pager = job->object->pager;
	unsigned count;

	vm_home_protect(job->object, page->pindex, 1);
	if (pager->ops->extent(pager, page->pindex, 1, &count) ==
	    VM_PAGER_OK) {
		aim_at_staging(job);
		submit(job, VM_PAGER_IN, 1, old_is_read);
		return;
	}
	memset(job->staging, 0, laundry->vm->page_bytes);
	merge(job);
}

/* -------------------------------------------------------------------------- */

static bool
is_whole(const struct vm_page *page)
{
	return page->valid == vm_page_all_blocks(
	    page->object->vm->page_bytes);
}

/* Pages from the front that one request takes; 0: *error says why. */
static unsigned
whole_run(struct vm_page **pages, unsigned count, int *error)
{
	struct vm_pager *pager = pages[0]->object->pager;
	unsigned n = 1;

	while (n < count && is_whole(pages[n]))
		n++;
	return pager->ops->reserve(pager, pages[0]->pindex, n, error);
}

void
vm_laundry_bound(struct vm_laundry *laundry, unsigned depth)
{
	vm_assert(depth != 0);
	laundry->bound = depth < laundry->depth ? depth : laundry->depth;
}

void
vm_laundry_add(struct vm_laundry *laundry, struct vm_page **pages,
    unsigned count, const bool *leaving)
{
	vm_assert(count >= 1 && count <= VM_LAUNDRY_PAGES);
	while (count > 0) {
		int error = 0;
		unsigned n = 1;

		if (!is_whole(pages[0]))
			start_partial(laundry, pages[0], leaving);
		else if ((n = whole_run(pages, count, &error)) != 0)
			start(laundry, pages, n, leaving);
		else {
			stay(pages[0]->object, leaving, count);
			failed(laundry, pages, count, error);
			break;
		}
		pages += n;
		count -= n;
		if (leaving != NULL)
			leaving += n;
	}
	flush_leaving(laundry);	/* of queues that perform at once */
}

static void
reap_all(struct vm_laundry *laundry)
{
	vm_ioq_flush(laundry->queue);
	while (!vm_list_empty(&laundry->busy))
		reap(laundry, true);
	flush_leaving(laundry);
}

bool
vm_laundry_reap(struct vm_laundry *laundry)
{
	if (vm_list_empty(&laundry->busy))
		return false;
	laundry->queued = 0;
	vm_ioq_flush(laundry->queue);
	reap(laundry, true);
	return true;
}

int
vm_laundry_finish(struct vm_laundry *laundry)
{
	int error;

	reap_all(laundry);
	error = laundry->error;
	laundry->error = 0;
	return error == 0 ? 0 : vm_error(-error, "%s", laundry->text);
}

uint32_t
vm_laundry_evicted(struct vm_laundry *laundry)
{
	uint32_t evicted = laundry->evicted;

	laundry->evicted = 0;
	return evicted;
}

/* Whether the page is seen to be clean, among its readers. */
static bool
is_clean(struct vm_object *object, vm_pindex_t pindex)
{
	struct vm_slot *slot;
	uint32_t number;
	bool clean;

	if (!vm_index_try_shared(&object->index, pindex, &slot, &number))
		return false;
	clean = vm_content_owed(vm_page_of(object->vm, number)) == 0;
	vm_slot_release_shared(slot);
	vm_limit_notify(&object->vm->limit);
	return clean;
}

/*
 * Exclusive if that needs no waiting; *busy: somebody is in the slot.  A page
 * that is only read, perhaps by our own caller for as long as it likes, keeps
 * nobody when it is clean.  One that was let go between the two looks is tried
 * once more: it may be dirty.
 */
static struct vm_page *
try_page(struct vm_object *object, vm_pindex_t pindex, bool *busy)
{
	struct vm_slot *slot;
	uint32_t number;

	*busy = false;
	while (!vm_index_try_excl_if(&object->index, pindex, true, &slot,
	    &number)) {
		slot = vm_index_find(&object->index, pindex);
		if (slot == NULL || (vm_slot_idle(slot) &&
		    vm_slot_number(slot) == VM_SLOT_ABSENT))
			return NULL;
		if (vm_slot_idle(slot))
			continue;
		*busy = !is_clean(object, pindex);
		return NULL;
	}
	return vm_page_of(object->vm, number);
}

/* Whether it is to be written. */
static bool
is_wanted(const struct vm_page *page, unsigned flags)
{
	return vm_content_owed(page) != 0 &&
	    ((flags & VM_LAUNDER_PASS_NOSYNC) == 0 ||
	    !vm_page_has_flag(page, VM_PGA_NOSYNC));
}

struct walk {
	struct vm_object *object;
	vm_pindex_t at;		/* the next to look at */
	vm_pindex_t end;
	unsigned flags;
	bool busy;		/* somebody is in it */
};

/*
 * Pages to be written from at on, neighbours of each other, exclusive.  Stops
 * at a page that somebody is in: who waits for it must hold nothing, in flight
 * neither, since two who wait for each other's writes would never reap
 * them.
 */
static unsigned
next_run(struct walk *walk, struct vm_page **pages)
{
	struct vm_object *object = walk->object;
	/* Leaves count dirty pages, not precious ones. */
	bool dirty_only = !atomic_load(&object->precious);
	struct vm_slot *slot;
	unsigned n = 0;

	walk->busy = false;
	while (n < object->vm->laundry_pages && vm_index_next(&object->index,
	    dirty_only, &walk->at, walk->end, &slot)) {
		struct vm_page *page;

		if (n != 0 && walk->at != pages[n - 1]->pindex + 1)
			break;
		page = try_page(object, walk->at, &walk->busy);
		if (walk->busy)
			break;
		walk->at++;
		if (page != NULL && is_wanted(page, walk->flags)) {
			pages[n++] = page;
			continue;
		}
		if (page != NULL)
			vm_object_unlock_page(object, page);
	}
	return n;
}

/* With nothing held: until nobody is in the page, for a moment. */
static void
wait_for_page(struct vm_laundry *laundry, struct vm_object *object,
    vm_pindex_t pindex)
{
	struct vm_page *page;

	reap_all(laundry);
	page = vm_object_lock_page(object, pindex);
	if (page != NULL)
		vm_object_unlock_page(object, page);
}

int
vm_launder_range(struct vm_object *object, vm_pindex_t first,
    vm_pindex_t end, unsigned flags)
{
	struct walk walk = { .object = object, .at = first, .end = end,
		.flags = flags };
	struct vm_page *pages[VM_LAUNDRY_PAGES];
	struct vm_laundry *laundry;
	unsigned count;
	int error = vm_laundry_new(object->vm, &laundry);

	if (error != 0)
		return error;
	do {
		count = next_run(&walk, pages);
		if (count != 0)
			vm_laundry_add(laundry, pages, count, NULL);
		if (walk.busy)
			wait_for_page(laundry, object, walk.at);
	} while (count != 0 || walk.busy);
	error = vm_laundry_finish(laundry);
	vm_laundry_free(laundry);
	if (error == 0 && (flags & VM_LAUNDER_SYNC) != 0)
		error = object->pager->ops->sync(object->pager);
	return error;
}
