/* SPDX-License-Identifier: BSD-2-Clause */
/* fault/filler.c - making and lending fillers; fill.h has the theory. */
#include <errno.h>

#include "base/assert.h"
#include "base/error.h"
#include "base/futex.h"
#include "fault/fill.h"
#include "os/os.h"

/*
 * 16 idle fillers are kept: as many threads miss at the same time again and
 * again without making a ring anew; 0.2 MiB each beside touched staging.
 */
#define IDLE_MAX 16

/*
 * 8 seats: as many threads at once read a run of pages for a fault of their
 * own; single pages need none.  16 fills each: a window of 1 MiB is 8.
 */
#define SEATS 8u
#define SEAT_DEPTH 16u
/* 64 cells: threads that read a page for a fault of their own at once, more
 * than processors; beyond, they take a seat.  A bit each. */
#define CELLS 64u

struct vm_fillers {
	struct vm_lock lock;	/* rank LEAF */
	struct vm_list idle;	/* (the lock) */
	unsigned count;		/* length of idle (the lock) */
	struct vm_list seats;	/* that nobody sits on (the lock) */
	struct vm_cond vacant;	/* somebody has left a seat (the lock) */
	unsigned seat_count;	/* all that were made (the lock) */
	char *cell;		/* CELLS pages; NULL: not made (A) */
	_Alignas(VM_CACHE_LINE)
	_Atomic uint64_t taken;	/* bit i: cell i (A) */
};

static size_t
staging_bytes(const struct vm_filler *filler)
{
	return (size_t)filler->depth * filler->most * filler->vm->page_bytes;
}

static int
make_queue(struct vm_filler *filler, unsigned flight_pages)
{
	struct vm *vm = filler->vm;
	/* Twice the fills: a swap extent may take two requests.  One for the
	 * bell of who has one. */
	struct vm_ioq_options options = {
		.depth = 2 * filler->depth + 1,
		.kind = vm->ioq_kind,
		.flight_bytes = (uint64_t)flight_pages * vm->page_bytes,
	};

	return vm->os->ioq_create(&options, &filler->queue);
}

/* For each page of a fill. */
#define PLACE_BYTES	(sizeof(struct vm_page *) + sizeof(struct vm_slot *) + \
	sizeof(struct iovec))

static size_t
fills_bytes(const struct vm_filler *filler)
{
	return filler->depth * (sizeof(struct vm_fill) +
	    filler->most * PLACE_BYTES);
}

/* What lies behind the fills is theirs, iovs first: pointers are as aligned. */
static void
make_fill(struct vm_filler *filler, unsigned i)
{
	struct vm_fill *fill = &filler->fills[i];
	char *at = (char *)&filler->fills[filler->depth] +
	    (size_t)i * filler->most * PLACE_BYTES;

	fill->filler = filler;
	fill->iov = (struct iovec *)(void *)at;
	fill->page = (struct vm_page **)(void *)&fill->iov[filler->most];
	fill->slot = (struct vm_slot **)(void *)&fill->page[filler->most];
	fill->staging = filler->staging +
	    (size_t)i * filler->most * filler->vm->page_bytes;
	vm_list_add_tail(&filler->free, &fill->link);
}

static int
make_parts(struct vm_filler *filler, unsigned flight_pages)
{
	const struct vm_os *os = filler->vm->os;
	void *staging;

	filler->fills = os->alloc(fills_bytes(filler));
	if (filler->fills == NULL)
		return vm_error(ENOMEM, "fault: no memory for fills");
	if (os->map_anon(staging_bytes(filler), &staging) != 0)
		return vm_error(ENOMEM, "fault: no room for staging");
	filler->staging = staging;
	return make_queue(filler, flight_pages);
}

int
vm_filler_new_for(struct vm *vm, unsigned depth, unsigned most,
    unsigned flight_pages, struct vm_filler **out)
{
	struct vm_filler *filler = vm->os->alloc(sizeof(*filler));
	int error;

	if (filler == NULL)
		return vm_error(ENOMEM, "fault: no memory for a filler");
	filler->vm = vm;
	filler->depth = depth;
	filler->most = most;
	vm_list_init(&filler->free);
	vm_list_init(&filler->busy);
	error = make_parts(filler, flight_pages);
	if (error != 0) {
		vm_filler_free(filler);
		return error;
	}
	for (unsigned i = 0; i < depth; i++)
		make_fill(filler, i);
	*out = filler;
	return 0;
}

int
vm_filler_new_deep(struct vm *vm, unsigned depth, struct vm_filler **out)
{
	return vm_filler_new_for(vm, depth, VM_FILL_USUAL, 0, out);
}

int
vm_filler_new(struct vm *vm, struct vm_filler **out)
{
	return vm_filler_new_deep(vm, VM_FILLER_DEPTH, out);
}

void
vm_filler_free(struct vm_filler *filler)
{
	const struct vm_os *os = filler->vm->os;

	vm_assert(vm_list_empty(&filler->busy));
	if (filler->queue != NULL)
		vm_ioq_destroy(filler->queue);
	if (filler->staging != NULL)
		os->unmap(filler->staging, staging_bytes(filler));
	os->free(filler->fills);
	os->free(filler);
}

int
vm_fillers_init(struct vm *vm)
{
	struct vm_fillers *fillers = vm->os->alloc(sizeof(*fillers));

	if (fillers == NULL)
		return vm_error(ENOMEM, "create: no memory");
	vm_lock_init(&fillers->lock, VM_RANK_LEAF, "fillers");
	vm_list_init(&fillers->idle);
	vm_list_init(&fillers->seats);
	vm_cond_init(&fillers->vacant);
	vm->fillers = fillers;
	return 0;
}

static struct vm_filler *
take_idle(struct vm_fillers *fillers)
{
	struct vm_filler *filler;

	vm_lock(&fillers->lock);
	filler = VM_ENTRY(vm_list_first(&fillers->idle), struct vm_filler,
	    link);
	if (filler != NULL) {
		vm_node_remove(&filler->link);
		fillers->count--;
	}
	vm_unlock(&fillers->lock);
	return filler;
}

/* ---- seats and cells ----------------------------------------------------- */

static size_t
cells_bytes(const struct vm *vm)
{
	return (size_t)CELLS * vm->page_bytes;
}

static int
make_seat(struct vm *vm)
{
	struct vm_fillers *fillers = vm->fillers;
	struct vm_filler *filler = NULL;
	int error = vm_filler_new_deep(vm, SEAT_DEPTH, &filler);

	if (error != 0)
		return error;
	filler->seat = true;
	vm_lock(&fillers->lock);
	vm_list_add_tail(&fillers->seats, &filler->link);
	fillers->seat_count++;
	vm_unlock(&fillers->lock);
	return 0;
}

int
vm_fillers_make_seats(struct vm *vm)
{
	struct vm_fillers *fillers = vm->fillers;
	void *cells;
	int error = 0;

	while (error == 0 && fillers->seat_count < SEATS)
		error = make_seat(vm);
	if (error != 0 || fillers->cell != NULL)
		return error;
	if (vm->os->map_anon(cells_bytes(vm), &cells) != 0)
		return vm_error(ENOMEM, "fault: no room for staging");
	fillers->cell = cells;
	return 0;
}

static struct vm_filler *
pop_seat_locked(struct vm_fillers *fillers)
{
	struct vm_filler *filler = VM_ENTRY(vm_list_first(&fillers->seats),
	    struct vm_filler, link);

	if (filler != NULL)
		vm_node_remove(&filler->link);
	return filler;
}

static void
end_seats(struct vm *vm)
{
	struct vm_fillers *fillers = vm->fillers;
	struct vm_filler *filler;

	for (;;) {
		vm_lock(&fillers->lock);
		filler = pop_seat_locked(fillers);
		vm_unlock(&fillers->lock);
		if (filler == NULL)
			break;
		vm_filler_free(filler);
	}
	if (fillers->cell != NULL)
		vm->os->unmap(fillers->cell, cells_bytes(vm));
}

struct vm_filler *
vm_filler_sit(struct vm *vm)
{
	struct vm_fillers *fillers = vm->fillers;
	struct vm_filler *filler;

	vm_lock(&fillers->lock);
	vm_assert(fillers->seat_count != 0);
	while ((filler = pop_seat_locked(fillers)) == NULL)
		vm_cond_wait(&fillers->vacant, &fillers->lock,
		    VM_FUTEX_FOREVER);
	vm_unlock(&fillers->lock);
	return filler;
}

static void
stand_up(struct vm_filler *filler)
{
	struct vm_fillers *fillers = filler->vm->fillers;

	vm_lock(&fillers->lock);
	/* The last one used first: its staging is warm. */
	vm_list_add_head(&fillers->seats, &filler->link);
	vm_cond_wake_one(&fillers->vacant);
	vm_unlock(&fillers->lock);
}

/* The first that is free: the fewer are in use, the warmer they are. */
void *
vm_cell_take(struct vm *vm)
{
	struct vm_fillers *fillers = vm->fillers;
	uint64_t taken = atomic_load_explicit(&fillers->taken,
	    memory_order_relaxed);
	unsigned i;

	if (VM_UNLIKELY(fillers->cell == NULL))
		return NULL;
	do {
		if (VM_UNLIKELY(taken == UINT64_MAX))
			return NULL;
		i = (unsigned)__builtin_ctzll(~taken);
	} while (!atomic_compare_exchange_weak_explicit(&fillers->taken,
	    &taken, taken | UINT64_C(1) << i, memory_order_acquire,
	    memory_order_relaxed));
	return fillers->cell + (size_t)i * vm->page_bytes;
}

void
vm_cell_give(struct vm *vm, void *cell)
{
	struct vm_fillers *fillers = vm->fillers;
	size_t i = (size_t)((char *)cell - fillers->cell) / vm->page_bytes;
	uint64_t old;

	vm_assert(i < CELLS);
	old = atomic_fetch_and_explicit(&fillers->taken,
	    ~(UINT64_C(1) << i), memory_order_release);
	vm_assert((old >> i & 1) != 0);
}

/* -------------------------------------------------------------------------- */

void
vm_fillers_fini(struct vm *vm)
{
	struct vm_filler *filler;

	if (vm->fillers == NULL)
		return;
	while ((filler = take_idle(vm->fillers)) != NULL)
		vm_filler_free(filler);
	end_seats(vm);
	vm_cond_fini(&vm->fillers->vacant);
	vm_lock_fini(&vm->fillers->lock);
	vm->os->free(vm->fillers);
}

int
vm_filler_borrow(struct vm *vm, struct vm_filler **out)
{
	*out = take_idle(vm->fillers);
	return *out != NULL ? 0 : vm_filler_new(vm, out);
}

void
vm_filler_return(struct vm_filler *filler)
{
	struct vm_fillers *fillers = filler->vm->fillers;
	bool kept;

	while (!vm_list_empty(&filler->busy))
		vm_filler_reap(filler, true);
	if (filler->seat) {
		stand_up(filler);
		return;
	}
	vm_lock(&fillers->lock);
	kept = fillers->count < IDLE_MAX;
	if (kept) {
		/* The last one used first: its staging is warm. */
		vm_list_add_head(&fillers->idle, &filler->link);
		fillers->count++;
	}
	vm_unlock(&fillers->lock);
	if (!kept)
		vm_filler_free(filler);
}
