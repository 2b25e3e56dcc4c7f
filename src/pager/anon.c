/* SPDX-License-Identifier: BSD-2-Clause */
/* pager/anon.c - anonymous memory; anon.h has the contract. */
#include "pager/anon.h"

#include <errno.h>
#include <stdatomic.h>

#include "base/assert.h"
#include "base/error.h"
#include "os/os.h"
#include "pager/swap_private.h"
#include "pager/swaptable.h"

struct anon_pager {
	struct vm_pager pager;
	struct vm_swap *swap;		/* its lock is (S) (C) */
	struct vm_swaptable table;	/* (S) */
	_Atomic uint64_t length;	/* bytes of the object (A) */
};

static struct anon_pager *
anon_of(struct vm_pager *pager)
{
	return VM_CONTAINER(pager, struct anon_pager, pager);
}

static uint64_t
pages_of(struct anon_pager *a)
{
	/* Relaxed: a request races with a change of the length as it may. */
	uint64_t bytes = atomic_load_explicit(&a->length,
	    memory_order_relaxed);
	uint32_t page_bytes = a->pager.page_bytes;

	return bytes / page_bytes + (bytes % page_bytes != 0);
}

/* How many of the pages from pindex on the object and one request have. */
static unsigned
clip(struct anon_pager *a, vm_pindex_t pindex, unsigned want)
{
	uint64_t pages = pages_of(a);

	if (pindex >= pages)
		return 0;
	if (want > VM_PAGER_RUN_MAX)
		want = VM_PAGER_RUN_MAX;
	return want < pages - pindex ? want : (unsigned)(pages - pindex);
}

/*
 * The pages from pindex on, count at most, that are alike: none in the swap
 * file, or one behind the other there.  *entry is the first one's.  A page
 * whose contents are lost is alone.
 */
static unsigned
run_locked(struct anon_pager *a, vm_pindex_t pindex, unsigned count,
    uint32_t *entry)
{
	unsigned run = 1;

	vm_lock_assert_held(&a->swap->lock);
	*entry = vm_swaptable_get(&a->table, pindex);
	if ((*entry & VM_SWAP_LOST) != 0)
		return 1;
	while (run < count && vm_swaptable_get(&a->table, pindex + run) ==
	    (*entry == 0 ? 0 : *entry + run))
		run++;
	return run;
}

static enum vm_pager_result
anon_extent(struct vm_pager *pager, vm_pindex_t pindex, unsigned want,
    unsigned *count)
{
	struct anon_pager *a = anon_of(pager);
	uint32_t entry;

	*count = clip(a, pindex, want);
	if (*count == 0)
		return VM_PAGER_RANGE;
	vm_lock(&a->swap->lock);
	*count = run_locked(a, pindex, *count, &entry);
	vm_unlock(&a->swap->lock);
	return entry == 0 || (entry & VM_SWAP_NEW) != 0 ? VM_PAGER_ABSENT :
	    VM_PAGER_OK;
}

/* Makes the table have place for a page.  0, -ENOMEM. */
static int
grow_table(struct anon_pager *a, vm_pindex_t pindex)
{
	const struct vm_os *os = a->swap->backing.os;
	size_t bytes;
	void *memory;

	/* Two turns, more when others grow the directory meanwhile. */
	for (;;) {
		vm_lock(&a->swap->lock);
		bytes = vm_swaptable_lacks(&a->table, pindex);
		vm_unlock(&a->swap->lock);
		if (bytes == 0)
			return 0;
		memory = bytes == SIZE_MAX ? NULL : os->alloc(bytes);
		if (memory == NULL)
			return vm_error(ENOMEM, "swap: a table of %zu bytes: "
			    "%s", bytes, vm_errno_text(ENOMEM));
		vm_lock(&a->swap->lock);
		memory = vm_swaptable_supply(&a->table, pindex, memory, bytes);
		vm_unlock(&a->swap->lock);
		os->free(memory);
	}
}

static uint32_t
place_of(uint32_t entry)
{
	return (entry & ~(VM_SWAP_LOST | VM_SWAP_NEW)) - 1;
}

static void
set_locked(struct anon_pager *a, vm_pindex_t pindex, uint32_t entry)
{
	uint32_t old = vm_swaptable_set(&a->table, pindex, entry);

	if (old != 0)
		vm_swap_give_locked(a->swap, place_of(old), 1);
}

/* Pages that are in the swap file already and one behind the other: what the
 * memory has is newer, so they may be overwritten. */
static unsigned
reusable(struct anon_pager *a, vm_pindex_t pindex, unsigned want)
{
	uint32_t entry;
	unsigned run;

	vm_lock(&a->swap->lock);
	run = run_locked(a, pindex, want, &entry);
	if ((entry & VM_SWAP_LOST) != 0)
		(void)vm_swaptable_set(&a->table, pindex,
		    (entry & ~VM_SWAP_LOST) | VM_SWAP_NEW);
	vm_unlock(&a->swap->lock);
	return entry == 0 ? 0 : run;
}

static void
assign(struct anon_pager *a, vm_pindex_t pindex, uint64_t first,
    unsigned count)
{
	vm_lock(&a->swap->lock);
	for (unsigned i = 0; i < count; i++)
		set_locked(a, pindex + i, (uint32_t)(first + i + 1) |
		    VM_SWAP_NEW);
	vm_unlock(&a->swap->lock);
}

static void
give_back(struct anon_pager *a, uint64_t first, unsigned count)
{
	vm_lock(&a->swap->lock);
	vm_swap_give_locked(a->swap, first, count);
	vm_unlock(&a->swap->lock);
}

static unsigned
anon_reserve(struct vm_pager *pager, vm_pindex_t pindex, unsigned want,
    int *error)
{
	struct anon_pager *a = anon_of(pager);
	unsigned run, count = clip(a, pindex, want);
	uint64_t first;
	int taken;

	if (count == 0) {
		*error = -vm_error(ERANGE, "swap: page %llu is beyond the end",
		    (unsigned long long)pindex);
		return 0;
	}
	taken = grow_table(a, pindex);
	if (taken == 0)		/* a run touches two leaves at most */
		taken = grow_table(a, pindex + count - 1);
	if (taken < 0) {
		*error = -taken;
		return 0;
	}
	run = reusable(a, pindex, count);
	if (run == count)
		return run;
	taken = vm_swap_take(a->swap, count, &first);
	if (taken > 0 && (unsigned)taken > run) {
		assign(a, pindex, first, (unsigned)taken);
		return (unsigned)taken;
	}
	if (taken > 0)
		give_back(a, first, (unsigned)taken);
	else
		*error = -taken;
	return run;
}

/* What is in a new place counts from its first write on; after one that failed
 * nobody knows what is there, somebody else's old page perhaps. */
static void
trust(struct anon_pager *a, const struct vm_pager_io *io)
{
	vm_lock(&a->swap->lock);
	for (vm_pindex_t at = io->pindex; at < io->pindex + io->count; at++)
		(void)vm_swaptable_set(&a->table, at, vm_swaptable_get(
		    &a->table, at) & ~VM_SWAP_NEW);
	vm_unlock(&a->swap->lock);
}

static void
transfer_end(struct vm_pager_io *io)
{
	if (io->result == VM_PAGER_PENDING && io->moved < io->bytes) {
		(void)vm_error(EIO, "swap file: it ends at %llu",
		    (unsigned long long)(io->offset + io->moved));
		vm_backing_fail(io, EIO);
	}
	if (io->result == VM_PAGER_PENDING) {
		io->result = VM_PAGER_OK;
		io->filled = io->count;
	}
	if (io->op == VM_PAGER_OUT && io->result == VM_PAGER_OK)
		trust(anon_of(io->pager), io);
	io->done(io);
}

/* No page of the request is in the swap file, or none is trusted there. */
static void
end_at_once(struct vm_pager_io *io, uint32_t entry)
{
	vm_assert(io->op == VM_PAGER_IN);	/* reserve came before OUT */
	if (entry == 0) {
		vm_backing_zero(io, 0, io->bytes);
		io->filled = io->count;
		io->result = VM_PAGER_ABSENT;
	} else {
		(void)vm_error(EIO, "swap file: page %llu was lost when the "
		    "object became shorter", (unsigned long long)io->pindex);
		vm_backing_fail(io, EIO);
	}
	io->done(io);
}

static void
anon_submit(struct vm_pager *pager, struct vm_pager_io *io,
    struct vm_ioq *queue)
{
	struct anon_pager *a = anon_of(pager);
	uint32_t entry;
	unsigned run;

	vm_backing_prepare(io, pager, queue);
	vm_lock(&a->swap->lock);
	run = run_locked(a, io->pindex, io->count, &entry);
	vm_unlock(&a->swap->lock);
	vm_assert(run == io->count);	/* extent or reserve said so */
	io->bytes = (uint64_t)io->count * pager->page_bytes;
	if (io->op == VM_PAGER_IN && (entry & VM_SWAP_NEW) != 0)
		entry = 0;
	if (entry == 0 || (entry & VM_SWAP_LOST) != 0) {
		end_at_once(io, entry);
		return;
	}
	io->offset = (uint64_t)place_of(entry) * pager->page_bytes;
	io->finish = transfer_end;
	vm_backing_transfer(&a->swap->backing, io);
}

/* Anonymous memory does not outlive its system: nothing to be safe for. */
static int
anon_sync(struct vm_pager *pager)
{
	(void)pager;
	return 0;
}

/* Forgets pages [from, end), one leaf at a time. */
static void
forget_range(struct anon_pager *a, vm_pindex_t from, vm_pindex_t end)
{
	vm_pindex_t stop;

	while (from < end) {
		vm_lock(&a->swap->lock);
		from = vm_swaptable_next(&a->table, from);
		stop = from - from % VM_SWAP_LEAF_PAGES + VM_SWAP_LEAF_PAGES;
		if (stop > end || stop < from)
			stop = end;
		for (; from < stop; from++)
			if (vm_swaptable_get(&a->table, from) != 0)
				set_locked(a, from, 0);
		vm_unlock(&a->swap->lock);
	}
}

static void
anon_forget(struct vm_pager *pager, vm_pindex_t pindex, unsigned count)
{
	forget_range(anon_of(pager), pindex, pindex + count);
}

/* Zeros in the swap file, up to the end of the page.  0, a negative errno. */
static int
write_zeros(struct vm_swap *swap, uint64_t at)
{
	/* 4096 bytes: the smallest page. */
	static const char zeros[4096];
	struct vm_backing *b = &swap->backing;
	uint64_t left = b->page_bytes - at % b->page_bytes;
	int fd = atomic_load_explicit(&b->out[VM_BACKING_PLAIN],
	    memory_order_relaxed);

	while (left > 0) {
		ssize_t put = b->os->pwrite(fd, zeros, left < sizeof(zeros) ?
		    (size_t)left : sizeof(zeros), at);

		if (put <= 0)
			return put < 0 ? (int)put : -EIO;
		at += (uint64_t)put;
		left -= (uint64_t)put;
	}
	(void)b->os->drop_cache(fd, at - b->page_bytes, b->page_bytes);
	return 0;
}

/*
 * The object now ends within the page: what is behind must read as zeros when
 * it grows again.  If they cannot be written, the page is lost rather than
 * wrong.
 */
static void
cut_page(struct anon_pager *a, vm_pindex_t pindex, uint32_t from_byte)
{
	uint32_t entry;

	vm_lock(&a->swap->lock);
	entry = vm_swaptable_get(&a->table, pindex);
	vm_unlock(&a->swap->lock);
	if (entry == 0 || (entry & (VM_SWAP_LOST | VM_SWAP_NEW)) != 0 ||
	    write_zeros(a->swap, (uint64_t)place_of(entry) *
	    a->pager.page_bytes + from_byte) == 0)
		return;
	vm_lock(&a->swap->lock);
	(void)vm_swaptable_set(&a->table, pindex, entry | VM_SWAP_LOST);
	vm_unlock(&a->swap->lock);
}

static void
anon_resized(struct vm_pager *pager, uint64_t bytes)
{
	struct anon_pager *a = anon_of(pager);
	uint64_t old = atomic_exchange_explicit(&a->length, bytes,
	    memory_order_relaxed);
	uint32_t rest = (uint32_t)(bytes % pager->page_bytes);

	if (bytes >= old)
		return;
	forget_range(a, pages_of(a), UINT64_MAX);
	if (rest != 0)
		cut_page(a, bytes / pager->page_bytes, rest);
}

static int
anon_length(struct vm_pager *pager, uint64_t *bytes)
{
	*bytes = atomic_load_explicit(&anon_of(pager)->length,
	    memory_order_relaxed);
	return 0;
}

static int
anon_peek(struct vm_pager *pager, uint64_t offset, void *bytes, size_t length)
{
	(void)pager;
	(void)offset;
	(void)bytes;
	(void)length;
	return vm_error(ENOTSUP, "swap: nobody else changes it");
}

static void
anon_destroy(struct vm_pager *pager)
{
	struct anon_pager *a = anon_of(pager);
	const struct vm_os *os = a->swap->backing.os;
	void *memory;

	forget_range(a, 0, UINT64_MAX);
	/* No lock: nobody knows of this pager any more. */
	while ((memory = vm_swaptable_dismantle(&a->table)) != NULL)
		os->free(memory);
	os->free(a);
}

static const struct vm_pager_ops anon_ops = {
	.name = "anon",
	.extent = anon_extent,
	.reserve = anon_reserve,
	.submit = anon_submit,
	.sync = anon_sync,
	.resized = anon_resized,
	.forget = anon_forget,
	.peek = anon_peek,
	.length = anon_length,
	.destroy = anon_destroy,
};

int
vm_pager_anon_create(struct vm_swap *swap, uint64_t length,
    struct vm_pager **out)
{
	struct anon_pager *a = swap->backing.os->alloc(sizeof(*a));

	if (a == NULL)
		return vm_error(ENOMEM, "anonymous memory: %s",
		    vm_errno_text(ENOMEM));
	a->pager = (struct vm_pager){ &anon_ops, swap->backing.page_bytes };
	a->swap = swap;
	atomic_init(&a->length, length);
	*out = &a->pager;
	return 0;
}
