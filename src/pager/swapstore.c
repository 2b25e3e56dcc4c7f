/* SPDX-License-Identifier: BSD-2-Clause */
/* pager/swapstore.c - bytes come and go; swap_private.h has the theory. */
#include <errno.h>

#include "base/assert.h"
#include "base/error.h"
#include "pager/cipher.h"
#include "pager/pack.h"
#include "pager/swap_private.h"

uint64_t
vm_swap_numbers(struct vm_swap *swap, unsigned count)
{
	/* Relaxed: all that matters is that each is handed out once. */
	return atomic_fetch_add_explicit(&swap->next_number, count,
	    memory_order_relaxed);
}

void
vm_swap_cipher(struct vm_swap *swap, char *page, uint64_t number)
{
	if (swap->cipher != NULL)
		vm_cipher_apply(swap->cipher, page, page, swap->page_bytes,
		    number);
}

static int
wrong_sum(struct vm_swap *swap, vm_pindex_t pindex, const char *where)
{
	vm_lock(&swap->lock);
	swap->counts.sum_errors++;
	vm_unlock(&swap->lock);
	return vm_error(EIO, "%s: page %llu came back with other bytes than "
	    "it went out with", where, (unsigned long long)pindex);
}

int
vm_swap_check(struct vm_swap *swap, const struct vm_swaptable *table,
    vm_pindex_t pindex, char *page)
{
	struct vm_swap_entry entry;
	uint64_t number;

	vm_lock(&swap->lock);
	entry = vm_swaptable_get(table, pindex);
	number = vm_swaptable_number(table, pindex);
	swap->counts.read++;
	vm_unlock(&swap->lock);
	vm_swap_cipher(swap, page, number);
	if (vm_pack_sum(page, swap->page_bytes) == entry.word)
		return 0;
	return wrong_sum(swap, pindex, swap->file[vm_swap_place_of(
	    entry.where).file].name);
}

/* ---- in ------------------------------------------------------------------ */

/* What the tier has of the page: how many bytes, at the seat; 0: nothing.
 * *sum is the page's. */
static uint32_t
copy_packed(struct vm_swap *swap, const struct vm_swaptable *table,
    vm_pindex_t pindex, struct vm_swap_seat *seat, uint64_t *sum)
{
	struct vm_swap_entry entry;
	uint32_t bytes = 0;

	vm_lock(&swap->lock);
	entry = vm_swaptable_get(table, pindex);
	*sum = entry.word;
	if (vm_swap_kind_of(entry.where) == VM_SWAP_PACKED) {
		bytes = vm_tier_get(&swap->tier, vm_swap_record_of(
		    entry.where), seat->packed);
		swap->counts.unpacked++;
	}
	vm_unlock(&swap->lock);
	return bytes;
}

static int
unpack(struct vm_swap *swap, const struct vm_swaptable *table,
    vm_pindex_t pindex, struct vm_swap_seat *seat, char *page)
{
	uint64_t sum;
	uint32_t bytes = copy_packed(swap, table, pindex, seat, &sum);

	if (bytes == 0)
		return 0;	/* it went to a file */
	if (vm_unpack(seat->packed, bytes, page, swap->page_bytes) &&
	    vm_pack_sum(page, swap->page_bytes) == sum)
		return 1;
	return wrong_sum(swap, pindex, "swap: compressed memory");
}

static struct vm_swap_entry
look(struct vm_swap *swap, const struct vm_swaptable *table,
    vm_pindex_t pindex)
{
	struct vm_swap_entry entry;

	vm_lock(&swap->lock);
	entry = vm_swaptable_get(table, pindex);
	vm_unlock(&swap->lock);
	return entry;
}

int
vm_swap_fetch(struct vm_swap *swap, const struct vm_swaptable *table,
    vm_pindex_t pindex, char *page)
{
	struct vm_swap_entry entry = look(swap, table, pindex);
	struct vm_swap_seat *seat;
	int result;

	if (vm_swap_kind_of(entry.where) == VM_SWAP_FILLED) {
		vm_pack_fill(page, swap->page_bytes, entry.word);
		return 1;
	}
	if (vm_swap_kind_of(entry.where) != VM_SWAP_PACKED)
		return 0;
	seat = vm_swap_sit(swap);
	result = unpack(swap, table, pindex, seat, page);
	vm_swap_stand(swap, seat);
	return result;
}

static int
fetch_from_file(struct vm_swap *swap, const struct vm_swaptable *table,
    vm_pindex_t pindex, char *page)
{
	struct vm_swap_place place = vm_swap_place_of(look(swap, table,
	    pindex).where);
	int error = vm_swapfile_read(&swap->file[place.file], page,
	    place.page, 1);

	if (error == 0)
		error = vm_swap_check(swap, table, pindex, page);
	return error == 0 ? 1 : error;
}

int
vm_swap_fetch_now(struct vm_swap *swap, const struct vm_swaptable *table,
    vm_pindex_t pindex, struct vm_swap_seat *seat)
{
	struct vm_swap_entry entry = look(swap, table, pindex);
	int result = 0;

	switch (vm_swap_kind_of(entry.where)) {
	case VM_SWAP_NONE:
		return 0;
	case VM_SWAP_LOST:
		return vm_error(EIO, "swap: page %llu is lost",
		    (unsigned long long)pindex);
	case VM_SWAP_FILLED:
		vm_pack_fill(seat->page, swap->page_bytes, entry.word);
		return 1;
	case VM_SWAP_PACKED:
		result = unpack(swap, table, pindex, seat, seat->page);
		break;
	case VM_SWAP_FILE:
		break;
	}
	return result != 0 ? result : fetch_from_file(swap, table, pindex,
	    seat->page);
}

/* ---- out ----------------------------------------------------------------- */

static void
settle_filled(struct vm_swap *swap, struct vm_swaptable *table,
    vm_pindex_t pindex, uint64_t word)
{
	vm_lock(&swap->lock);
	vm_swap_unkeep_locked(swap, table, pindex);
	vm_swap_settle_locked(swap, table, pindex, vm_swap_at(0,
	    VM_SWAP_FILLED, 0));
	vm_swaptable_entry(table, pindex)->word = word;
	swap->counts.filled++;
	vm_unlock(&swap->lock);
}

/* Whether the tier had room. */
static bool
settle_packed(struct vm_swap *swap, struct vm_tier_page page,
    const void *packed, uint32_t bytes, uint64_t sum)
{
	uint32_t record = VM_TIER_NONE;

	vm_lock(&swap->lock);
	if (bytes != 0)
		record = vm_tier_put(&swap->tier, page, packed, bytes);
	if (record != VM_TIER_NONE) {
		vm_swap_unkeep_locked(swap, page.table, page.pindex);
		vm_swap_settle_locked(swap, page.table, page.pindex,
		    vm_swap_at(0, VM_SWAP_PACKED, record));
		vm_swaptable_entry(page.table, page.pindex)->word = sum;
		swap->counts.packed++;
		swap->counts.packed_in_bytes += bytes;
	} else {
		swap->counts.refused_tier++;
	}
	vm_unlock(&swap->lock);
	return record != VM_TIER_NONE;
}

static bool
pack_at(struct vm_swap *swap, struct vm_tier_page to, const char *page,
    struct vm_swap_seat *seat)
{
	uint32_t bytes = vm_pack(seat->state, page, swap->page_bytes,
	    seat->packed);
	uint64_t sum = bytes == 0 ? 0 : vm_pack_sum(page, swap->page_bytes);

	return settle_packed(swap, to, seat->packed, bytes, sum);
}

bool
vm_swap_store_small(struct vm_swap *swap, struct vm_swaptable *table,
    vm_pindex_t pindex, const char *page)
{
	struct vm_swap_seat *seat;
	uint64_t word;
	bool stored;

	if (vm_pack_is_fill(page, swap->page_bytes, &word)) {
		settle_filled(swap, table, pindex, word);
		return true;
	}
	if (!swap->packs)
		return false;
	seat = vm_swap_sit(swap);
	stored = pack_at(swap, (struct vm_tier_page){ table, pindex }, page,
	    seat);
	vm_swap_stand(swap, seat);
	return stored;
}

/* The bytes at the seat are enciphered, and in the file at the place that the
 * entry says. */
static int
write_at(struct vm_swap *swap, struct vm_swaptable *table,
    vm_pindex_t pindex, struct vm_swap_seat *seat)
{
	uint64_t sum = vm_pack_sum(seat->page, swap->page_bytes);
	uint64_t number = vm_swap_numbers(swap, 1);
	struct vm_swap_place place;

	vm_swap_cipher(swap, seat->page, number);
	vm_lock(&swap->lock);
	place = vm_swap_place_of(vm_swaptable_get(table, pindex).where);
	vm_swaptable_entry(table, pindex)->word = sum;
	vm_swaptable_set_number(table, pindex, number);
	swap->counts.written++;
	vm_unlock(&swap->lock);
	return vm_swapfile_write(&swap->file[place.file], seat->page,
	    place.page, 1);
}

/* The entry has a place in a file of its own.  0, -errno. */
static int
need_place(struct vm_swap *swap, struct vm_swaptable *table,
    vm_pindex_t pindex)
{
	struct vm_swap_entry entry = look(swap, table, pindex);
	struct vm_swap_place place;
	int taken;

	if (vm_swap_kind_of(entry.where) == VM_SWAP_FILE)
		return 0;
	taken = vm_swap_take(swap, 1, &place);
	if (taken < 0)
		return taken;
	vm_lock(&swap->lock);
	entry = vm_swaptable_get(table, pindex);
	vm_swap_settle_locked(swap, table, pindex,
	    vm_swap_at_file(entry.where, place));
	vm_unlock(&swap->lock);
	return 0;
}

int
vm_swap_store_now(struct vm_swap *swap, struct vm_swaptable *table,
    vm_pindex_t pindex, struct vm_swap_seat *seat)
{
	uint64_t word;
	int error;

	if (vm_pack_is_fill(seat->page, swap->page_bytes, &word)) {
		settle_filled(swap, table, pindex, word);
		return 0;
	}
	if (swap->packs && pack_at(swap, (struct vm_tier_page){ table,
	    pindex }, seat->page, seat))
		return 0;
	error = need_place(swap, table, pindex);
	return error == 0 ? write_at(swap, table, pindex, seat) : error;
}
