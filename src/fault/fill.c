/* SPDX-License-Identifier: BSD-2-Clause */
/* fault/fill.c - fill.h has the theory; filler.c makes the fillers. */
#include "fault/fill.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "fault/prefetch.h"
#include "object/early.h"
#include "object/home.h"
#include "object/life.h"
#include "fault/rights.h"
#include "os/os.h"
#include "stat/stat.h"

static uint32_t
page_bytes(const struct vm_fill *fill)
{
	return fill->filler->vm->page_bytes;
}

static bool
in_store(const struct vm_fill *fill)
{
	return fill->object->home == VM_HOME_STORE;
}

/* The run ends at from: the slots behind go back as absent, their pages as
 * free. */
static void
give_up(struct vm_fill *fill, unsigned from)
{
	struct vm *vm = fill->filler->vm;
	struct vm_object *object = fill->object;

	if (from == fill->count)
		return;
	/* Nothing is there but what says that it may come. */
	if (in_store(fill))
		vm_store_mark(&object->store, fill->first + from,
		    fill->count - from, false);
	for (unsigned i = from; i < fill->count; i++)
		vm_index_release_excl(&object->index, fill->slot[i],
		    VM_SLOT_ABSENT);
	vm_limit_give(&vm->limit, &fill->page[from], fill->count - from);
	vm_object_inflight_done(object, fill->count - from);
	vm_limit_notify(&vm->limit);
	fill->count = from;
}

static void
retire(struct vm_fill *fill)
{
	struct vm_filler *filler = fill->filler;

	vm_object_unpin(fill->object);
	vm_node_remove(&fill->link);
	vm_list_add_head(&filler->free, &fill->link);
}

/* A page that is brought to be written need not trap first; neighbours do, and
 * what its pager has to be asked about. */
static bool
comes_open(const struct vm_fill *fill)
{
	const struct vm_pager_marks *marks = &fill->io.marks;

	return fill->write && fill->count == 1 &&
	    fill->object->home == VM_HOME_WINDOW &&
	    (marks->no_write | marks->no_access) == 0;
}

/* The bytes go home; 0, or a positive errno. */
static int
bring_home(struct vm_fill *fill, unsigned good)
{
	if (vm_home_is_pool(fill->object) || good == 0)
		return 0;
	fill->open = comes_open(fill);
	return -vm_home_fill(fill->object, fill->first, good, fill->staging,
	    !fill->open);
}

/* Of the first good pages, how many were asked for. */
static unsigned
count_asked(const struct vm_fill *fill, unsigned good)
{
	if (fill->ahead || good <= fill->wanted)
		return 0;
	return good - fill->wanted < fill->span ? good - fill->wanted :
	    fill->span;
}

static bool
was_asked(const struct vm_fill *fill, unsigned i)
{
	return !fill->ahead && i >= fill->wanted &&
	    i - fill->wanted < fill->span;
}

/*
 * Whether the policy should take a page for unwanted until it is touched.
 * Neighbours of the wanted page in a store are not: the kernel maps them around
 * a fault, so their first touch is never seen, and a hot one would go out just
 * as a cold one (sqlite3 over 340 MB in 16 MiB: 12,300 faults with, 8,600
 * without).  In a window nobody's first touch is ever seen.
 */
static bool
speculative(const struct vm_fill *fill, unsigned i)
{
	return fill->object->home != VM_HOME_WINDOW && (fill->ahead ||
	    (!was_asked(fill, i) && !in_store(fill)));
}

/* Those pages, of the first good ones; the policy will be told. */
static void
mark_early(struct vm_fill *fill, unsigned good)
{
	for (unsigned i = 0, n; i < good; i += n + 1) {
		for (n = 0; i + n < good && speculative(fill, i + n); n++)
			continue;
		vm_early_enter(&fill->page[i], n);
	}
}

/* The first good pages get their identity; the policy hears of them. */
static void
enter_pages(struct vm_fill *fill, unsigned good)
{
	struct vm *vm = fill->filler->vm;

	if (good == 0)
		return;
	for (unsigned i = 0; i < good; i++) {
		struct vm_page *page = fill->page[i];

		page->valid = vm_page_all_blocks(vm->page_bytes);
		vm_object_enter_page(fill->object, page, fill->first + i,
		    fill->slot[i]);
		vm_rights_take(page, &fill->io.marks, i);
		if (fill->open)
			vm_object_mark_dirty(fill->object, page, page->valid);
	}
	mark_early(fill, good);
	vm_queue_add(&vm->queue, fill->page, good);
	vm_object_note_entered(fill->object, fill->first, good);
	VM_TRACE(vm->trace, fill, fill->object->id, fill->first, good);
	vm_count(vm->counters, VM_COUNTER_pages_in, good);
	vm_count(vm->counters, VM_COUNTER_readahead_pages,
	    good - count_asked(fill, good));
}

/* The first one last: who waits for it will want the next, and would be faster
 * than we are. */
static void
release_pages(struct vm_fill *fill, unsigned good)
{
	for (unsigned i = good; i-- > 0;) {
		uint32_t number = vm_number_of(fill->page[i]);

		/* What stays with its owner is found, if busy. */
		if (fill->keep && was_asked(fill, i))
			vm_slot_exchange(fill->slot[i], number);
		else
			vm_index_release_excl(&fill->object->index,
			    fill->slot[i], number);
	}
	vm_object_inflight_done(fill->object, good);
	vm_limit_notify(&fill->filler->vm->limit);
}

/* How many pages from the front have bytes; the rest has an error. */
static unsigned
judge(struct vm_fill *fill)
{
	switch (fill->io.result) {
	case VM_PAGER_OK:
	case VM_PAGER_ABSENT:	/* the zeros are there */
		return fill->count;
	case VM_PAGER_RANGE:
		if (fill->io.filled <= fill->wanted)
			fill->error = ERANGE;
		return fill->io.filled;
	case VM_PAGER_FAILED:
		fill->error = fill->io.error;
		return 0;
	case VM_PAGER_AGAIN:
		fill->error = EAGAIN;
		return 0;
	case VM_PAGER_PENDING:
		break;
	}
	vm_panic(__FILE__, __LINE__, __func__, "a pager's done said neither "
	    "ok, absent, range, again nor failed");
}

static void
finish(struct vm_fill *fill)
{
	unsigned good = judge(fill);
	int error = bring_home(fill, good);

	if (error != 0) {
		fill->error = error;
		good = 0;
	}
	fill->good = good;
	if (fill->error != 0)
		VM_TRACE(fill->filler->vm->trace, error, fill->object->id,
		    fill->first + good, fill->error);
	enter_pages(fill, good);
	if (fill->done != NULL)
		fill->done(fill);
	release_pages(fill, good);
	give_up(fill, good);
	retire(fill);
}

static void
io_done(struct vm_pager_io *io)
{
	finish(io->arg);
}

static void
fill_zero(struct vm_fill *fill)
{
	for (int i = 0; i < fill->io.iov_count; i++)
		memset(fill->iov[i].iov_base, 0, fill->iov[i].iov_len);
	fill->io.result = VM_PAGER_OK;
	finish(fill);
}

/* Frames that are neighbours are one piece. */
static void
add_piece(struct vm_pager_io *io, char *memory, size_t bytes)
{
	struct iovec *next = &io->iov[io->iov_count];

	if (io->iov_count != 0 &&
	    (char *)next[-1].iov_base + next[-1].iov_len == memory) {
		next[-1].iov_len += bytes;
		return;
	}
	*next = (struct iovec){ .iov_base = memory, .iov_len = bytes };
	io->iov_count++;
}

static void
aim(struct vm_fill *fill)
{
	struct vm *vm = fill->filler->vm;
	uint32_t bytes = page_bytes(fill);

	fill->io = (struct vm_pager_io){
		.op = VM_PAGER_IN, .pindex = fill->first,
		.count = fill->count, .iov = fill->iov, .done = io_done,
		.arg = fill,
	};
	if (!vm_home_is_pool(fill->object)) {
		fill->iov[0].iov_base = fill->staging;
		fill->iov[0].iov_len = (size_t)fill->count * bytes;
		fill->io.iov_count = 1;
		return;
	}
	for (unsigned i = 0; i < fill->count; i++)
		add_piece(&fill->io, vm_frame_data(&vm->frames,
		    fill->page[i]), bytes);
}

static void
submit(struct vm_fill *fill, bool zero)
{
	struct vm_filler *filler = fill->filler;
	struct vm_pager *pager = fill->object->pager;

	fill->error = 0;
	fill->keep = false;
	fill->open = false;
	vm_object_pin(fill->object);
	vm_list_add_tail(&filler->busy, &fill->link);
	aim(fill);
	if (zero)
		fill_zero(fill);
	else
		pager->ops->submit(pager, &fill->io, filler->queue);
}

/* A slot that was held for a moment: who found it busy looks again. */
static void
release_absent(struct vm_object *object, struct vm_slot *slot)
{
	vm_index_release_excl(&object->index, slot, VM_SLOT_ABSENT);
	vm_limit_notify(&object->vm->limit);
}

/* An absent page of the run gets its slot; false: it stays as it is. */
static bool
claim_absent(struct vm_object *object, vm_pindex_t pindex,
    struct vm_slot **slot)
{
	uint32_t number;

	if (!vm_index_try_excl_if(&object->index, pindex, false, slot,
	    &number))
		return false;
	if (!vm_object_barred(object, pindex) &&
	    pindex < vm_object_pages(object)) {
		vm_home_expect(object, pindex, 1);
		return true;
	}
	release_absent(object, *slot);
	return false;
}

/* Neighbours before the first page, down to low; pages[] are taken. */
static unsigned
claim_before(struct vm_fill *fill, vm_pindex_t low, struct vm_page **pages,
    unsigned have)
{
	struct vm_slot *slots[VM_FILL_PAGES];
	unsigned n = 0;

	while (n < have && fill->first > low &&
	    claim_absent(fill->object, fill->first - 1, &slots[n])) {
		fill->first--;
		n++;
	}
	memmove(&fill->slot[n], &fill->slot[0],
	    fill->count * sizeof(fill->slot[0]));
	memmove(&fill->page[n], &fill->page[0],
	    fill->count * sizeof(fill->page[0]));
	for (unsigned i = 0; i < n; i++) {
		fill->slot[i] = slots[n - 1 - i];
		fill->page[i] = pages[i];
	}
	fill->count += n;
	fill->wanted += n;
	return n;
}

static unsigned
claim_behind(struct vm_fill *fill, vm_pindex_t end, struct vm_page **pages,
    unsigned have)
{
	unsigned n = 0;

	while (n < have && fill->first + fill->count < end && claim_absent(
	    fill->object, fill->first + fill->count,
	    &fill->slot[fill->count])) {
		fill->page[fill->count++] = pages[n];
		n++;
	}
	return n;
}

static int
compare_numbers(const void *left, const void *right)
{
	uint32_t a = (*(struct vm_page *const *)left)->number;
	uint32_t b = (*(struct vm_page *const *)right)->number;

	return a < b ? -1 : a > b;
}

/*
 * Ascending frames: those that left together, neighbours of each other, come
 * back in any order.  A disk that is given a few large pieces in large pages
 * is three times as fast as with one piece for each page.
 */
static void
sort_frames(struct vm_page **pages, unsigned count)
{
	unsigned i = 1;

	while (i < count && pages[i - 1]->number < pages[i]->number)
		i++;
	if (i < count)
		qsort(pages, count, sizeof(pages[0]), compare_numbers);
}

/*
 * Up to want pages behind pages[0], which is the run's; how many.  What is read
 * into frames is read at once, into rows of them where there are some.
 */
static unsigned
take_more(const struct vm_fill *fill, struct vm_take *take,
    struct vm_page **pages)
{
	struct vm_limit *limit = &fill->filler->vm->limit;
	unsigned got;

	if (take->home != VM_HOME_POOL)
		return vm_limit_take_for(limit, take, pages + 1);
	take->flags |= VM_TAKE_ROWS;
	got = vm_limit_take_for(limit, take, pages);
	sort_frames(pages, got + 1);
	return got;
}

/* What of [*low, *end) fits into one fill: forward from the page, or backwards
 * where nothing is wanted behind it. */
static void
clip(const struct vm_fill *fill, vm_pindex_t *low, vm_pindex_t *end)
{
	unsigned most = fill->filler->most;

	if (*end - *low <= most)
		return;
	if (*end == fill->first + 1) {
		*low = *end - most;
		return;
	}
	if (fill->first - *low >= most)
		*low = fill->first;
	if (*end - *low > most)
		*end = *low + most;
}

/*
 * Widens a run of one page to what of [low, end) is absent, contiguous with it
 * and to be had: class and flags say how far memory may be pressed for it.
 */
static void
widen(struct vm_fill *fill, struct vm_plan plan, enum vm_class class,
    unsigned flags)
{
	vm_pindex_t low = plan.first, end = plan.first + plan.count;
	struct vm_page *pages[VM_FILL_PAGES] = { fill->page[0] };
	struct vm_take take = { .home = fill->object->home, .class = class,
		.flags = flags };
	unsigned have, used;

	clip(fill, &low, &end);
	take.want = (unsigned)(end - low) - 1;
	if (take.want == 0)
		return;
	take.want = vm_object_inflight_start(fill->object, take.want);
	have = take_more(fill, &take, pages);
	fill->page[0] = pages[0];
	used = claim_behind(fill, end, pages + 1, have);
	used += claim_before(fill, low, pages + 1 + used, have - used);
	if (used < have)
		vm_limit_give(&fill->filler->vm->limit, pages + 1 + used,
		    have - used);
	vm_object_inflight_done(fill->object, take.want - used);
}

/* The pages before the wanted one go back. */
static void
give_up_front(struct vm_fill *fill)
{
	struct vm_slot *slot[VM_FILL_PAGES];
	struct vm_page *page[VM_FILL_PAGES];
	unsigned kept = fill->count - fill->wanted;

	memcpy(slot, &fill->slot[fill->wanted], kept * sizeof(slot[0]));
	memcpy(page, &fill->page[fill->wanted], kept * sizeof(page[0]));
	fill->count = fill->wanted;
	give_up(fill, 0);
	memcpy(fill->slot, slot, kept * sizeof(slot[0]));
	memcpy(fill->page, page, kept * sizeof(page[0]));
	fill->first += fill->wanted;
	fill->count = kept;
	fill->wanted = 0;
}

/*
 * Cuts the run to what the pager fills in one request, and says whether that
 * is zeros.  The wanted page stays in it.  Only now that the slots are ours: a
 * page that was resident when it was asked about may have been written since.
 */
static bool
fit(struct vm_fill *fill)
{
	struct vm_pager *pager = fill->object->pager;
	enum vm_pager_result result;
	unsigned count;

	result = pager->ops->extent(pager, fill->first + fill->wanted,
	    fill->count - fill->wanted, &count);
	if (result == VM_PAGER_RANGE || count == 0)
		count = 1;	/* the request itself will say RANGE */
	give_up(fill, fill->wanted + count);
	if (fill->wanted != 0 && (pager->ops->extent(pager, fill->first,
	    fill->count, &count) != result || count < fill->count))
		give_up_front(fill);
	return result == VM_PAGER_ABSENT;
}

static struct vm_fill *
free_fill(struct vm_filler *filler)
{
	return VM_ENTRY(vm_list_first(&filler->free), struct vm_fill, link);
}

/*
 * What is in the way now, without the slot.  Whoever takes a slot in vain rings
 * for those who found it busy, himself among them: an event loop that cannot go
 * on would ring its own bell for as long as that lasts.
 */
static enum vm_fill_result
look(struct vm_object *object, vm_pindex_t pindex, struct vm_slot **slot)
{
	uint32_t most = atomic_load(&object->inflight_max);

	*slot = vm_index_find(&object->index, pindex);
	if (*slot != NULL && !vm_slot_idle(*slot) &&
	    vm_index_owns(&object->index, *slot, pindex))
		return VM_FILL_BUSY;
	if (atomic_load_explicit(&object->barrier_count,
	    memory_order_relaxed) != 0 && vm_object_barred(object, pindex))
		return VM_FILL_BARRED;
	if (most != 0 && atomic_load(&object->inflight) >= most)
		return VM_FILL_THROTTLED;
	return VM_FILL_STARTED;
}

/* The wanted page's slot, or the reason why not. */
static enum vm_fill_result
claim_wanted(struct vm_fill_claim *claim)
{
	struct vm_object *object = claim->object;
	struct vm_slot **slot = &claim->slot;
	vm_pindex_t pindex = claim->pindex;
	uint32_t number;
	int got = vm_index_try_excl(&object->index, pindex, slot, &number);

	if (got <= 0)
		return got == 0 ? VM_FILL_BUSY : VM_FILL_MEMORY;
	if (number != VM_SLOT_ABSENT) {
		vm_index_release_excl(&object->index, *slot, number);
		vm_limit_notify(&object->vm->limit);
		return VM_FILL_RESIDENT;
	}
	if (vm_object_barred(object, pindex)) {
		release_absent(object, *slot);
		return VM_FILL_BARRED;
	}
	/* Once more: who shortens an object waits for the slot from now on. */
	if (pindex >= vm_object_pages(object)) {
		release_absent(object, *slot);
		return VM_FILL_RANGE;
	}
	/* The object has moved since the page was taken for it. */
	if (VM_UNLIKELY(!vm_home_fits(object, claim->page))) {
		release_absent(object, *slot);
		return VM_FILL_RESIDENT;
	}
	claim->bounded = atomic_load_explicit(&object->inflight_max,
	    memory_order_relaxed) != 0;
	if (claim->bounded && vm_object_inflight_start(object, 1) == 0) {
		release_absent(object, *slot);
		return VM_FILL_THROTTLED;
	}
	return VM_FILL_STARTED;
}

static void
begin(struct vm_fill *fill, const struct vm_fill_claim *claim)
{
	vm_node_remove(&fill->link);
	fill->object = claim->object;
	fill->first = claim->pindex;
	fill->count = 1;
	fill->wanted = 0;
	fill->slot[0] = claim->slot;
	fill->page[0] = claim->page;
	vm_home_expect(fill->object, fill->first, 1);
}

enum vm_fill_result
vm_fill_claim(const struct vm_fill_request *request,
    struct vm_fill_claim *claim)
{
	struct vm_object *object = request->object;
	struct vm *vm = object->vm;
	struct vm_take take = {
		.home = object->home, .class = request->class, .want = 1,
		.flags = request->write ? VM_TAKE_DIRTIES : 0,
	};
	enum vm_fill_result result;

	vm_assert(object->memory == NULL);
	claim->slot = NULL;
	/* Before a slot is looked for: the index ends somewhere too. */
	if (request->pindex >= vm_object_pages(object))
		return VM_FILL_RANGE;
	result = look(object, request->pindex, &claim->slot);
	if (result != VM_FILL_STARTED)
		return result;
	claim->object = object;
	claim->pindex = request->pindex;
	claim->page = request->page;
	if (claim->page == NULL && vm_life_get(vm, &take, &claim->page) == 0)
		return VM_FILL_MEMORY;
	result = claim_wanted(claim);
	if (result != VM_FILL_STARTED && request->page == NULL)
		vm_limit_give(&vm->limit, &claim->page, 1);
	return result;
}

void
vm_fill_unclaim(const struct vm_fill_claim *claim)
{
	struct vm_page *page = claim->page;

	if (claim->bounded)
		vm_object_inflight_done(claim->object, 1);
	release_absent(claim->object, claim->slot);
	vm_limit_give(&claim->object->vm->limit, &page, 1);
}

struct vm_plan
vm_fill_plan(const struct vm_fill_request *request)
{
	uint64_t pages = vm_object_pages(request->object);
	struct vm_plan plan = { .first = request->pindex, .count = 1 };

	if (request->span == 0)
		return request->alone ? plan :
		    vm_object_plan(request->object, request->who,
		    request->pindex);
	/* The object may have been cut just now. */
	plan.count = request->span;
	if (pages < plan.first + plan.count)
		plan.count = pages > plan.first ?
		    (uint32_t)(pages - plan.first) : 1;
	return plan;
}

/* By the prefetcher, or by this filler as far as it has fills. */
static void
fetch(struct vm_filler *filler, const struct vm_fill_request *request,
    const struct vm_reach *reach)
{
	const struct vm_step step = { .ahead = *reach };
	vm_pindex_t at = reach->first;

	if (reach->count == 0 || (request->hands_over &&
	    vm_prefetch_worth(reach) &&
	    vm_prefetch(request->object, &step, true)))
		return;
	for (uint32_t i = 0; i < reach->count; i++) {
		(void)vm_fill_ahead(filler, request->object, at,
		    at + reach->pages);
		at += (uint64_t)reach->step;
	}
}

/* What of the plan is not in [low, behind), which has been begun. */
static void
fetch_rest(struct vm_filler *filler, const struct vm_fill_request *request,
    const struct vm_plan *plan, vm_pindex_t low, vm_pindex_t behind)
{
	vm_pindex_t end = plan->first + plan->count;

	if (end > behind)
		fetch(filler, request, &(struct vm_reach){ .first = behind,
		    .pages = (uint32_t)(end - behind), .count = 1 });
	if (plan->first < low && end <= behind)
		fetch(filler, request, &(struct vm_reach){
		    .first = plan->first,
		    .pages = (uint32_t)(low - plan->first), .count = 1 });
	fetch(filler, request, &plan->ahead);
}

struct vm_fill *
vm_fill_go(struct vm_filler *filler, const struct vm_fill_request *request,
    const struct vm_fill_claim *claim, struct vm_plan plan)
{
	struct vm_fill *fill = free_fill(filler);
	vm_pindex_t low, behind;
	bool zero;

	if (!claim->bounded)	/* a fill is counted in any case */
		atomic_fetch_add(&claim->object->inflight, 1);
	begin(fill, claim);
	fill->write = request->write;
	widen(fill, plan, request->class, request->span == 0 ?
	    VM_TAKE_OPTIONAL : 0);
	zero = fit(fill);
	fill->ahead = false;
	fill->span = request->span == 0 ? 1 : fill->count - fill->wanted;
	fill->done = request->done;
	fill->arg = request->arg;
	low = fill->first;
	behind = low + fill->count;
	submit(fill, zero);
	if (request->span == 0)
		fetch_rest(filler, request, &plan, low, behind);
	return fill;
}

enum vm_fill_result
vm_fill_start(struct vm_filler *filler, const struct vm_fill_request *request,
    struct vm_slot **slot, struct vm_fill **out)
{
	struct vm_fill_claim claim;
	enum vm_fill_result result;

	if (free_fill(filler) == NULL)
		return VM_FILL_FULL;
	result = vm_fill_claim(request, &claim);
	*slot = claim.slot;
	if (result == VM_FILL_STARTED)
		*out = vm_fill_go(filler, request, &claim,
		    vm_fill_plan(request));
	return result;
}

static struct vm_plan
run_to(const struct vm_filler *filler, vm_pindex_t first, vm_pindex_t end)
{
	return (struct vm_plan){
		.first = first,
		.count = end - first < filler->most ?
		    (uint32_t)(end - first) : filler->most,
	};
}

vm_pindex_t
vm_fill_ahead(struct vm_filler *filler, struct vm_object *object,
    vm_pindex_t first, vm_pindex_t end)
{
	/* Each is counted in any case: one that is given up is not any more. */
	struct vm_fill_claim claim = { .object = object, .bounded = true };
	struct vm_fill *fill;

	if (object->memory != NULL)
		return end;	/* it is all there */
	if (end > vm_object_pages(object))
		end = vm_object_pages(object);
	while (first < end && (fill = free_fill(filler)) != NULL) {
		bool zero;

		claim.pindex = first;
		if (vm_life_get(filler->vm, &(struct vm_take){
		    .home = object->home, .class = VM_CLASS_NORMAL,
		    .flags = VM_TAKE_OPTIONAL, .want = 1 }, &claim.page) == 0)
			break;
		if (vm_object_inflight_start(object, 1) == 0) {
			vm_limit_give(&filler->vm->limit, &claim.page, 1);
			break;
		}
		if (!claim_absent(object, first, &claim.slot)) {
			vm_object_inflight_done(object, 1);
			vm_limit_give(&filler->vm->limit, &claim.page, 1);
			first++;
			continue;
		}
		if (!vm_home_fits(object, claim.page)) {
			vm_fill_unclaim(&claim);
			break;
		}
		begin(fill, &claim);
		fill->write = false;
		widen(fill, run_to(filler, first, end), VM_CLASS_NORMAL,
		    VM_TAKE_OPTIONAL);
		zero = fit(fill);
		fill->ahead = true;
		fill->span = 0;
		fill->done = NULL;
		first = fill->first + fill->count;
		submit(fill, zero);
	}
	return first;
}

void
vm_filler_reap(struct vm_filler *filler, bool wait)
{
	/* A reap that waits hands over what is queued by itself. */
	if (!wait)
		vm_ioq_flush(filler->queue);
	vm_ioq_reap(filler->queue, wait);
	/* But not when something had finished already, and what was
	 * interrupted is queued again: nobody else would hand it over. */
	vm_ioq_flush(filler->queue);
}
