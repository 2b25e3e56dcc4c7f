/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pager/anon_io.c - anonymous pages on their way; anon.h has the theory.
 *
 * A request goes span by span: pages that lie one behind the other in a file
 * are one transfer, what is in memory needs none.  A span may end while it is
 * being started, or much later in a reap; so who starts spans goes on only
 * while they end at once, and who ends one later goes on from there:
 *
 *	step --start a span--> on its way --ended later--> step
 *	  ^--ended at once--'
 *
 * A request belongs to the thread whose queue it is on, so this needs no lock.
 */
#include <errno.h>
#include <stddef.h>

#include "base/assert.h"
#include "base/error.h"
#include "pager/anon_private.h"
#include "pager/cipher.h"
#include "pager/pack.h"

/* 16 entries are told their sums at a time, without taking the lock for each
 * of them. */
#define SUMS_AT_ONCE 16u

static void step(struct vm_pager_io *io);

/* Memory of the i-th page.  Mostly they are asked for in their order. */
static char *
page_at(struct vm_pager_io *io, unsigned i)
{
	struct vm_pager_swapping *s = &io->swapping;
	const struct iovec *iov = s->bounce != NULL ? s->iov : io->iov;
	uint32_t page_bytes = io->pager->page_bytes;

	if (i < s->piece_first)
		s->piece = s->piece_first = 0;
	while (i - s->piece_first >= iov[s->piece].iov_len / page_bytes) {
		s->piece_first += (unsigned)(iov[s->piece].iov_len /
		    page_bytes);
		s->piece++;
	}
	return (char *)iov[s->piece].iov_base + (size_t)(i - s->piece_first) *
	    page_bytes;
}

/* The span is over, well or not. */
static void
span_ended(struct vm_pager_io *io)
{
	struct vm_pager_swapping *s = &io->swapping;

	s->at += s->span + s->behind;
	s->span = s->behind = 0;
	s->waiting = false;
	if (!s->looping)
		step(io);
}

/* Starts the transfer of the span, the first page of which is at place. */
static void
move_span(struct vm_pager_io *io, struct vm_swap_place place,
    void (*finish)(struct vm_pager_io *io))
{
	struct vm_swap *swap = vm_anon_of(io->pager)->swap;
	uint64_t before = io->swapping.bounce != NULL ? 0 :
	    (uint64_t)io->swapping.at * swap->page_bytes;

	io->swapping.file = place.file;
	io->swapping.waiting = true;
	/* Wraps where the span is further on in the request than in the file:
	 * only the sum with moved is looked at. */
	io->offset = (uint64_t)place.page * swap->page_bytes - before;
	io->moved = before;
	io->bytes = before + (uint64_t)io->swapping.span * swap->page_bytes;
	io->finish = finish;
	vm_backing_transfer(&swap->file[place.file].backing, io);
}

/* ---- in ------------------------------------------------------------------ */

/* The file's bytes are in memory. */
static void
span_is_in(struct vm_pager_io *io)
{
	struct anon_pager *a = vm_anon_of(io->pager);
	struct vm_pager_swapping *s = &io->swapping;

	if (io->result == VM_PAGER_PENDING && io->moved < io->bytes) {
		(void)vm_error(EIO, "%s: it ends at %llu",
		    a->swap->file[s->file].name,
		    (unsigned long long)(io->offset + io->moved));
		vm_backing_fail(io, EIO);
	}
	for (unsigned i = s->at; io->result == VM_PAGER_PENDING &&
	    i < s->at + s->span; i++)
		if (vm_swap_check(a->swap, &a->table, io->pindex + i,
		    page_at(io, i)) != 0)
			vm_backing_fail(io, EIO);
	span_ended(io);
}

/* One page that is not in a file, or was not a moment ago. */
static void
page_in(struct vm_pager_io *io, enum vm_swap_kind kind)
{
	struct anon_pager *a = vm_anon_of(io->pager);
	struct vm_pager_swapping *s = &io->swapping;
	vm_pindex_t pindex = io->pindex + s->at;
	char *page = page_at(io, s->at);
	int got;

	switch (kind) {
	case VM_SWAP_NONE:
		vm_pack_fill(page, io->pager->page_bytes, 0);
		s->absent++;
		s->at++;
		break;
	case VM_SWAP_FILLED:
	case VM_SWAP_PACKED:
		got = vm_swap_fetch(a->swap, &a->table, pindex, page);
		if (got < 0)
			vm_backing_fail(io, -got);
		/* 0: it went to a file; look again. */
		s->at += got > 0;
		break;
	case VM_SWAP_LOST:
		(void)vm_error(EIO, "swap: page %llu was lost when the "
		    "object became shorter", (unsigned long long)pindex);
		vm_backing_fail(io, EIO);
		break;
	case VM_SWAP_FILE:
		break;
	}
}

static void
start_in(struct vm_pager_io *io)
{
	struct anon_pager *a = vm_anon_of(io->pager);
	struct vm_pager_swapping *s = &io->swapping;
	uint64_t where;
	unsigned run;

	vm_lock(&a->swap->lock);
	run = vm_anon_run_locked(a, io->pindex + s->at, io->count - s->at,
	    &where);
	vm_unlock(&a->swap->lock);
	if (vm_swap_kind_of(where) != VM_SWAP_FILE) {
		page_in(io, vm_swap_kind_of(where));
		return;
	}
	s->span = run;
	move_span(io, vm_swap_place_of(where), span_is_in);
}

enum vm_pager_result
vm_anon_read_now(struct vm_pager *pager, vm_pindex_t pindex, void *bytes,
    int *error)
{
	struct anon_pager *a = vm_anon_of(pager);
	struct vm_swap_place place;
	enum vm_pager_result result;
	uint64_t where;
	int got = vm_swap_fetch(a->swap, &a->table, pindex, bytes);

	if (got != 0) {
		*error = -got;
		return got > 0 ? VM_PAGER_OK : VM_PAGER_FAILED;
	}
	vm_lock(&a->swap->lock);
	where = vm_swaptable_get(&a->table, pindex).where;
	vm_unlock(&a->swap->lock);
	if (vm_swap_kind_of(where) != VM_SWAP_FILE)
		return VM_PAGER_PENDING;
	place = vm_swap_place_of(where);
	result = vm_backing_read_now(&a->swap->file[place.file].backing,
	    false, (uint64_t)place.page * pager->page_bytes, bytes, error);
	if (result != VM_PAGER_OK || vm_swap_check(a->swap, &a->table, pindex,
	    bytes) == 0)
		return result;
	*error = EIO;
	return VM_PAGER_FAILED;
}

/* ---- out ----------------------------------------------------------------- */

/* Where a page is to be written: what reserve kept for it, or where it is.
 * False: this OUT is repeated (a filter does that), and the first one stored
 * the page without a file, which gave back what was kept. */
static bool
target_of(struct anon_pager *a, vm_pindex_t pindex,
    struct vm_swap_place *place)
{
	uint64_t where;

	vm_lock(&a->swap->lock);
	where = vm_swaptable_get(&a->table, pindex).where;
	vm_unlock(&a->swap->lock);
	if (vm_swap_has_next(where))
		*place = vm_swap_next_of(where);
	else if (vm_anon_in_memory(vm_swap_kind_of(where)))
		return false;
	else	/* reserve came before OUT */
		*place = vm_swap_place_of(where);
	return true;
}

/* The page that has no target needs one.  False: the request has failed. */
static bool
find_target(struct vm_pager_io *io, vm_pindex_t pindex,
    struct vm_swap_place *place)
{
	struct anon_pager *a = vm_anon_of(io->pager);
	int error = vm_anon_keep_place(a, pindex);

	if (error != 0) {
		vm_backing_fail(io, -error);
		return false;
	}
	return target_of(a, pindex, place);
}

/* Some pages are in the file: from now on they count as what is there. */
static void
trust(struct anon_pager *a, struct vm_pager_io *io, unsigned first,
    unsigned count)
{
	uint64_t sum[SUMS_AT_ONCE];

	for (unsigned i = 0; i < count; i++)
		sum[i] = vm_pack_sum(page_at(io, first + i),
		    io->pager->page_bytes);
	vm_lock(&a->swap->lock);
	for (unsigned i = 0; i < count; i++) {
		vm_pindex_t pindex = io->pindex + first + i;
		struct vm_swap_entry *entry = vm_swaptable_entry(&a->table,
		    pindex);
		uint64_t where = entry->where;

		if (vm_swap_has_next(where))
			vm_swap_settle_locked(a->swap, &a->table, pindex,
			    vm_swap_at_file(vm_swap_without_next(where),
			    vm_swap_next_of(where)));
		entry->word = sum[i];
		vm_swaptable_set_number(&a->table, pindex,
		    io->swapping.number + (first + i - io->swapping.at));
	}
	a->swap->counts.written += count;
	vm_unlock(&a->swap->lock);
}

static void
trust_span(struct vm_pager_io *io)
{
	struct vm_pager_swapping *s = &io->swapping;

	for (unsigned i = 0; i < s->span; i += SUMS_AT_ONCE)
		trust(vm_anon_of(io->pager), io, s->at + i, s->span - i <
		    SUMS_AT_ONCE ? s->span - i : SUMS_AT_ONCE);
}

static void
span_is_out(struct vm_pager_io *io)
{
	struct vm_swap *swap = vm_anon_of(io->pager)->swap;
	struct vm_pager_swapping *s = &io->swapping;

	if (s->bounce != NULL) {
		vm_swap_bounce_end(swap, s->bounce);
		s->bounce = NULL;
		io->iov = s->iov;
		io->iov_count = s->iov_count;
	}
	if (io->result == VM_PAGER_PENDING && io->moved < io->bytes)
		vm_backing_fail(io, EIO);
	vm_swapfile_note(&swap->file[s->file], io->result ==
	    VM_PAGER_FAILED);
	if (io->result == VM_PAGER_PENDING)
		trust_span(io);
	span_ended(io);
}

/* The span is enciphered, somewhere else, and goes from there. */
static void
write_bounced(struct vm_pager_io *io, struct vm_swap_place place,
    struct vm_swap_bounce *bounce)
{
	struct vm_swap *swap = vm_anon_of(io->pager)->swap;
	struct vm_pager_swapping *s = &io->swapping;

	for (unsigned i = 0; i < s->span; i++)
		vm_cipher_apply(swap->cipher, bounce->memory + (size_t)i *
		    swap->page_bytes, page_at(io, s->at + i),
		    swap->page_bytes, s->number + i);
	s->iov = io->iov;
	s->iov_count = io->iov_count;
	s->bounce = bounce;
	s->bounced = (struct iovec){ bounce->memory, (size_t)s->span *
		swap->page_bytes };
	io->iov = &s->bounced;
	io->iov_count = 1;
	move_span(io, place, span_is_out);
}

/* All bounces are on their way: each page alone, at once. */
static void
write_at_once(struct vm_pager_io *io, struct vm_swap_place place)
{
	struct vm_swap *swap = vm_anon_of(io->pager)->swap;
	struct vm_swap_seat *seat = vm_swap_sit(swap);
	struct vm_pager_swapping *s = &io->swapping;
	int error = 0;

	for (unsigned i = 0; error == 0 && i < s->span; i++) {
		vm_cipher_apply(swap->cipher, seat->page, page_at(io, s->at +
		    i), swap->page_bytes, s->number + i);
		error = vm_swapfile_write(&swap->file[place.file], seat->page,
		    place.page + i, 1);
	}
	vm_swap_stand(swap, seat);
	if (error == 0)
		trust_span(io);
	else
		vm_backing_fail(io, -error);
	span_ended(io);
}

static void
write_span(struct vm_pager_io *io, struct vm_swap_place place)
{
	struct vm_swap *swap = vm_anon_of(io->pager)->swap;
	struct vm_swap_bounce *bounce;

	if (swap->cipher == NULL) {
		move_span(io, place, span_is_out);
		return;
	}
	io->swapping.number = vm_swap_numbers(swap, io->swapping.span);
	bounce = vm_swap_bounce_try(swap);
	if (bounce != NULL)
		write_bounced(io, place, bounce);
	else
		write_at_once(io, place);
}

/* Stores pages without a file while that can be, then finds the next ones that
 * go to one together: they are the span. */
static void
start_out(struct vm_pager_io *io)
{
	struct anon_pager *a = vm_anon_of(io->pager);
	struct vm_pager_swapping *s = &io->swapping;
	unsigned most = a->swap->cipher == NULL ? VM_PAGER_RUN_MAX :
	    a->swap->run_pages;
	struct vm_swap_place first = { 0, 0 };

	for (unsigned i = s->at; i < io->count && s->span < most; i++) {
		struct vm_swap_place place = { 0, 0 };
		bool placed = target_of(a, io->pindex + i, &place);

		if (s->span != 0 && (!placed || place.file != first.file ||
		    place.page != first.page + s->span))
			break;
		if (vm_swap_store_small(a->swap, &a->table, io->pindex + i,
		    page_at(io, i))) {
			s->at += s->span == 0;
			s->behind += s->span != 0;
			if (s->span != 0)
				break;
			continue;
		}
		if (!placed && !find_target(io, io->pindex + i, &place))
			return;
		if (s->span++ == 0)
			first = place;
	}
	if (s->span != 0)
		write_span(io, first);
}

/* ---- both ---------------------------------------------------------------- */

static void
end(struct vm_pager_io *io)
{
	if (io->result == VM_PAGER_PENDING) {
		io->filled = io->count;
		io->result = io->op == VM_PAGER_IN &&
		    io->swapping.absent == io->count ? VM_PAGER_ABSENT :
		    VM_PAGER_OK;
	}
	io->done(io);
}

static void
step(struct vm_pager_io *io)
{
	struct vm_pager_swapping *s = &io->swapping;

	s->looping = true;
	while (io->result == VM_PAGER_PENDING && s->at < io->count) {
		if (io->op == VM_PAGER_IN)
			start_in(io);
		else
			start_out(io);
		if (s->waiting) {
			s->looping = false;
			return;
		}
	}
	end(io);
}

void
vm_anon_submit(struct vm_pager *pager, struct vm_pager_io *io,
    struct vm_ioq *queue)
{
	vm_backing_prepare(io, pager, queue);
	io->swapping = (struct vm_pager_swapping){ 0 };
	step(io);
}
