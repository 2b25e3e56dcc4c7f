/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pager/swapflush.c - pages leave the tier for a file.
 *
 * The oldest first, as many at once as one write takes, sorted so that
 * neighbours of an object come to lie beside each other.  One thread at a time
 * does that, on its way to bring in others; who finds it at work does not wait,
 * and what then finds no room goes to the file by itself.
 *
 * Pages are written as they are, not as they were packed, so that each can be
 * read alone.
 */
#include <errno.h>

#include "base/assert.h"
#include "pager/pack.h"
#include "pager/swap_private.h"

/* 64 pages: a batch of 256 KiB of 4 KiB pages. */
#define BATCH_MAX 64u

/* 4 batches at once: what comes in, 64 pages at most, needs the room of as many
 * that leave, twice that where they shrink less. */
#define BATCHES_MAX 4u

/* A page on its way.  Its table may go meanwhile: what is needed of it before
 * the end is here. */
struct leaver {
	uint32_t record;
	uint64_t table_id;
	struct vm_tier_page page;
};

struct batch {
	struct leaver leaver[BATCH_MAX];
	unsigned count;
	struct vm_swap_place first;	/* where they go */
	uint64_t number;		/* of the first, for the cipher */
};

/* False: there is none, or somebody else is at it. */
static bool
begin(struct vm_swap *swap, struct batch *batch)
{
	unsigned most = swap->run_pages < BATCH_MAX ? swap->run_pages :
	    BATCH_MAX;
	uint32_t record;

	batch->count = 0;
	vm_lock(&swap->lock);
	while (!swap->flushing && batch->count < most && (record =
	    vm_tier_begin(&swap->tier)) != VM_TIER_NONE) {
		struct leaver *leaver = &batch->leaver[batch->count++];

		leaver->record = record;
		leaver->page = vm_tier_page_of(&swap->tier, record);
		leaver->table_id = leaver->page.table->id;
	}
	if (batch->count > 0)
		swap->flushing = true;
	vm_unlock(&swap->lock);
	return batch->count > 0;
}

static bool
is_before(const struct leaver *a, const struct leaver *b)
{
	return a->table_id != b->table_id ? a->table_id < b->table_id :
	    a->page.pindex < b->page.pindex;
}

/* A few dozen: by insertion. */
static void
sort(struct batch *batch)
{
	struct leaver *l = batch->leaver;

	for (unsigned i = 1; i < batch->count; i++)
		for (unsigned j = i; j > 0 && is_before(&l[j], &l[j - 1]);
		    j--) {
			struct leaver swapped = l[j];

			l[j] = l[j - 1];
			l[j - 1] = swapped;
		}
}

/* Those from `from` on stay. */
static void
cancel_locked(struct vm_swap *swap, struct batch *batch, unsigned from)
{
	while (batch->count > from)
		vm_tier_cancel(&swap->tier,
		    batch->leaver[--batch->count].record);
}

/*
 * All of them as they were, enciphered.  What cannot be unpacked is written as
 * zeros: its sum stays what it was, so whoever reads it hears of it.
 */
static void
unpack(struct vm_swap *swap, struct batch *batch)
{
	struct vm_swap_seat *seat = vm_swap_sit(swap);

	batch->number = vm_swap_numbers(swap, batch->count);
	for (unsigned i = 0; i < batch->count; i++) {
		char *page = swap->batch + (size_t)i * swap->page_bytes;
		uint32_t bytes;

		vm_lock(&swap->lock);
		bytes = vm_tier_get(&swap->tier, batch->leaver[i].record,
		    seat->packed);
		vm_unlock(&swap->lock);
		if (!vm_unpack(seat->packed, bytes, page, swap->page_bytes))
			vm_pack_fill(page, swap->page_bytes, 0);
		vm_swap_cipher(swap, page, batch->number + i);
	}
	vm_swap_stand(swap, seat);
}

/* The i-th is in the file: its entry says so, unless nobody wants it now. */
static void
leave_locked(struct vm_swap *swap, struct batch *batch, unsigned i)
{
	struct vm_tier_page page = batch->leaver[i].page;
	struct vm_swap_place place = { batch->first.page + i,
		batch->first.file };
	uint64_t where;

	if (!vm_tier_end(&swap->tier, batch->leaver[i].record)) {
		vm_swap_give_locked(swap, place, 1);
		return;
	}
	where = vm_swaptable_get(page.table, page.pindex).where;
	vm_swap_set_locked(swap, page.table, page.pindex,
	    vm_swap_at_file(where, place));
	vm_swaptable_set_number(page.table, page.pindex, batch->number + i);
	swap->counts.left_tier++;
}

static void
end(struct vm_swap *swap, struct batch *batch, bool written)
{
	vm_lock(&swap->lock);
	for (unsigned i = 0; written && i < batch->count; i++)
		leave_locked(swap, batch, i);
	swap->counts.written += written ? batch->count : 0;
	if (!written) {
		vm_swap_give_locked(swap, batch->first, batch->count);
		cancel_locked(swap, batch, 0);
	}
	swap->flushing = false;
	vm_unlock(&swap->lock);
}

/* Places for the first of them; the others stay.  False: for none. */
static bool
find_places(struct vm_swap *swap, struct batch *batch)
{
	int taken = vm_swap_take(swap, batch->count, &batch->first);

	vm_lock(&swap->lock);
	cancel_locked(swap, batch, taken > 0 ? (unsigned)taken : 0);
	if (taken < 0)
		swap->flushing = false;
	vm_unlock(&swap->lock);
	return taken > 0;
}

/* Whether some pages have left. */
static bool
flush(struct vm_swap *swap)
{
	struct batch batch;
	int error;

	if (!begin(swap, &batch))
		return false;
	sort(&batch);
	if (!find_places(swap, &batch))
		return false;
	unpack(swap, &batch);
	error = vm_swapfile_write(&swap->file[batch.first.file], swap->batch,
	    batch.first.page, batch.count);
	end(swap, &batch, error == 0);
	return error == 0;
}

/* Whether so many pages that shrink to a half fit; a small tier need not have
 * room for more than half of what it is. */
static bool
has_room(struct vm_swap *swap, unsigned want)
{
	uint32_t need = want * vm_tier_chunks(swap->page_bytes / 2);
	bool fits;

	vm_lock(&swap->lock);
	if (need > swap->tier.chunks / 2)
		need = swap->tier.chunks / 2;
	fits = vm_tier_free_chunks(&swap->tier) >= need;
	vm_unlock(&swap->lock);
	return fits;
}

void
vm_swap_make_room(struct vm_swap *swap, unsigned want)
{
	if (!swap->packs)
		return;
	for (unsigned i = 0; i < BATCHES_MAX && !has_room(swap, want); i++)
		if (!flush(swap))
			return;
}
