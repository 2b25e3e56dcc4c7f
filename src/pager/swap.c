/* SPDX-License-Identifier: BSD-2-Clause */
/* pager/swap.c - files and entries; swap_private.h has the theory. */
#include "pager/swap_private.h"

#include <errno.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/error.h"
#include "os/os.h"
#include "pager/cipher.h"

static const char *
directory_of(const struct vm_swap_place_options *file)
{
	const char *directory = file->directory;

	if (directory == NULL)
		directory = getenv("TMPDIR");
	return directory != NULL && directory[0] != '\0' ? directory :
	    "/var/tmp";
}

/* ---- making and ending --------------------------------------------------- */

static int
add_file(struct vm_swap *swap, const struct vm_swap_options *options,
    const struct vm_swap_place_options *file)
{
	struct vm_swapfile_options o = {
		.os = options->os, .counters = options->counters,
		.directory = directory_of(file),
		.page_bytes = options->page_bytes,
		.max_bytes = file->max_bytes, .priority = file->priority,
		.lock = &swap->lock,
	};
	int error;

	/* A lone file has the bound of all: its sentence is the better one. */
	if (options->file_count <= 1 && options->max_bytes != 0 &&
	    (o.max_bytes == 0 || options->max_bytes < o.max_bytes))
		o.max_bytes = options->max_bytes;
	error = vm_swapfile_init(&swap->file[swap->file_count], &o);
	if (error == 0)
		swap->file_count++;
	return error;
}

/* One after the other, the highest priority first, else in their order. */
static int
add_files(struct vm_swap *swap, const struct vm_swap_options *options)
{
	static const struct vm_swap_place_options lone;
	const struct vm_swap_place_options *next, *files = options->files;
	unsigned count = options->file_count;
	bool added[VM_SWAP_FILES_MAX] = { false };

	if (count == 0)
		return add_file(swap, options, &lone);
	vm_assert(count <= VM_SWAP_FILES_MAX);
	for (unsigned n = 0; n < count; n++) {
		int error;

		next = NULL;
		for (unsigned i = 0; i < count; i++)
			if (!added[i] && (next == NULL ||
			    files[i].priority > next->priority))
				next = &files[i];
		added[next - files] = true;
		error = add_file(swap, options, next);
		if (error != 0)
			return error;
	}
	return 0;
}

static void
dispose(struct vm_swap *swap)
{
	const struct vm_os *os = swap->os;

	while (swap->file_count > 0)
		vm_swapfile_fini(&swap->file[--swap->file_count]);
	vm_swap_seats_fini(swap);
	vm_cipher_destroy(swap->cipher);
	vm_cond_fini(&swap->stood_up);
	vm_lock_fini(&swap->lock);
	os->free(swap);
}

static int
make(struct vm_swap *swap, const struct vm_swap_options *options)
{
	int error = add_files(swap, options);

	if (error == 0)
		error = vm_swap_seats_init(swap);
	if (error == 0 && options->encipher)
		error = vm_cipher_create(swap->os, &swap->cipher);
	if (error != 0 || options->tier == NULL)
		return error;
	vm_tier_init(&swap->tier, options->tier, options->tier_bytes);
	swap->packs = true;
	return 0;
}

int
vm_swap_create(const struct vm_swap_options *options, struct vm_swap **out)
{
	struct vm_swap *swap = options->os->alloc(sizeof(*swap));
	int error;

	if (swap == NULL)
		return vm_error(ENOMEM, "swap: %s", vm_errno_text(ENOMEM));
	swap->os = options->os;
	swap->page_bytes = options->page_bytes;
	swap->max_pages = options->max_bytes == 0 ||
	    options->file_count <= 1 ? UINT64_MAX :
	    options->max_bytes / options->page_bytes;
	vm_lock_init(&swap->lock, VM_RANK_PAGER, "swap");
	vm_cond_init(&swap->stood_up);
	error = make(swap, options);
	if (error != 0) {
		dispose(swap);
		return error;
	}
	*out = swap;
	return 0;
}

void
vm_swap_destroy(struct vm_swap *swap)
{
	if (swap->packs)
		vm_tier_fini(&swap->tier);
	vm_assert(!swap->flushing);
	dispose(swap);
}

void
vm_swap_look(struct vm_swap *swap, struct vm_swap_figures *out)
{
	vm_lock(&swap->lock);
	*out = swap->counts;
	out->file_pages = swap->taken_pages;
	for (unsigned i = 0; i < swap->file_count; i++) {
		out->disk_bytes += swap->file[i].on_disk_pages *
		    swap->page_bytes;
		out->disk_peak_bytes += swap->file[i].on_disk_peak *
		    swap->page_bytes;
	}
	out->filled_pages = swap->pages_of[VM_SWAP_FILLED];
	out->lost_pages = swap->pages_of[VM_SWAP_LOST];
	out->packed_pages = swap->pages_of[VM_SWAP_PACKED];
	if (swap->packs) {
		out->packed_bytes = swap->tier.packed_bytes;
		out->tier_bytes = (uint64_t)swap->tier.chunks *
		    VM_TIER_CHUNK_BYTES;
		out->tier_used_bytes = (uint64_t)swap->tier.used_chunks *
		    VM_TIER_CHUNK_BYTES;
	}
	vm_unlock(&swap->lock);
}

/* ---- places -------------------------------------------------------------- */

/* Of the bound of all files together: how many of want may be taken, which are
 * counted. */
static unsigned
promise(struct vm_swap *swap, unsigned want)
{
	uint64_t left;

	vm_lock(&swap->lock);
	left = swap->max_pages - swap->taken_pages;
	if (want > left)
		want = (unsigned)left;
	swap->taken_pages += want;
	vm_unlock(&swap->lock);
	return want;
}

static void
break_promise(struct vm_swap *swap, unsigned count)
{
	if (count == 0)
		return;
	vm_lock(&swap->lock);
	swap->taken_pages -= count;
	vm_unlock(&swap->lock);
}

/* The file that is n-th to be asked; of equal ones another one is the first
 * each time. */
static unsigned
nth_file(const struct vm_swap *swap, unsigned n, unsigned turn)
{
	unsigned first = n, end = n + 1;

	while (first > 0 && swap->file[first - 1].priority ==
	    swap->file[n].priority)
		first--;
	while (end < swap->file_count && swap->file[end].priority ==
	    swap->file[n].priority)
		end++;
	return first + (n - first + turn) % (end - first);
}

/* Those that fail are asked once the others have nothing. */
static int
take_somewhere(struct vm_swap *swap, unsigned want,
    struct vm_swap_place *first)
{
	/* Relaxed: any turn will do. */
	unsigned turn = atomic_fetch_add_explicit(&swap->turn, 1,
	    memory_order_relaxed);
	int taken = -ENOSPC;

	for (unsigned n = 0; n < 2 * swap->file_count; n++) {
		unsigned number = nth_file(swap, n % swap->file_count, turn);
		struct vm_swapfile *file = &swap->file[number];
		bool last_resort = n >= swap->file_count;
		uint64_t page;

		if (vm_swapfile_fails(file) != last_resort)
			continue;
		taken = vm_swapfile_take(file, want, &page);
		if (taken > 0) {
			first->file = (uint8_t)number;
			first->page = (uint32_t)page;
			break;
		}
	}
	return taken;
}

int
vm_swap_take(struct vm_swap *swap, unsigned want, struct vm_swap_place *first)
{
	unsigned may = promise(swap, want);
	int taken;

	if (may == 0)
		return vm_error(ENOSPC, "swap: no room for %llu bytes within "
		    "the %llu of all files", (unsigned long long)want *
		    swap->page_bytes, (unsigned long long)swap->max_pages *
		    swap->page_bytes);
	taken = take_somewhere(swap, may, first);
	break_promise(swap, may - (taken > 0 ? (unsigned)taken : 0));
	return taken;
}

bool
vm_swap_try_locked(struct vm_swap *swap, struct vm_swap_place first,
    unsigned count)
{
	struct vm_swapfile *file = &swap->file[first.file];

	vm_lock_assert_held(&swap->lock);
	if (swap->max_pages - swap->taken_pages < count ||
	    vm_swapfile_fails(file) ||
	    !vm_swapfile_try_locked(file, first.page, count))
		return false;
	swap->taken_pages += count;
	return true;
}

void
vm_swap_give_locked(struct vm_swap *swap, struct vm_swap_place first,
    unsigned count)
{
	vm_lock_assert_held(&swap->lock);
	vm_assert(first.file < swap->file_count);
	vm_swapfile_give_locked(&swap->file[first.file], first.page, count);
	swap->taken_pages -= count;
}

void
vm_swap_trim(struct vm_swap *swap)
{
	for (unsigned i = 0; i < swap->file_count; i++)
		vm_swapfile_trim(&swap->file[i]);
}

/* ---- entries ------------------------------------------------------------- */

void
vm_swap_set_locked(struct vm_swap *swap, struct vm_swaptable *table,
    vm_pindex_t pindex, uint64_t where)
{
	struct vm_swap_entry *entry = vm_swaptable_entry(table, pindex);

	vm_lock_assert_held(&swap->lock);
	vm_assert(entry != NULL);
	swap->pages_of[vm_swap_kind_of(entry->where)]--;
	swap->pages_of[vm_swap_kind_of(where)]++;
	if ((entry->where == 0) != (where == 0))
		atomic_fetch_add_explicit(&table->entries, where == 0 ?
		    UINT64_MAX : 1, memory_order_relaxed);
	entry->where = where;
}

void
vm_swap_settle_locked(struct vm_swap *swap, struct vm_swaptable *table,
    vm_pindex_t pindex, uint64_t where)
{
	uint64_t old = vm_swaptable_get(table, pindex).where;

	switch (vm_swap_kind_of(old)) {
	case VM_SWAP_FILE:
		vm_swap_give_locked(swap, vm_swap_place_of(old), 1);
		break;
	case VM_SWAP_PACKED:
		vm_tier_drop(&swap->tier, vm_swap_record_of(old));
		break;
	case VM_SWAP_NONE:
	case VM_SWAP_FILLED:
	case VM_SWAP_LOST:
		break;
	}
	vm_swap_set_locked(swap, table, pindex, where);
}

void
vm_swap_unkeep_locked(struct vm_swap *swap, struct vm_swaptable *table,
    vm_pindex_t pindex)
{
	uint64_t where = vm_swaptable_get(table, pindex).where;

	if (!vm_swap_has_next(where))
		return;
	vm_swap_give_locked(swap, vm_swap_next_of(where), 1);
	vm_swap_set_locked(swap, table, pindex, vm_swap_without_next(where));
}
