/* SPDX-License-Identifier: BSD-2-Clause */
/* pager/shadow.c - shadow.h has the theory. */
#include "pager/shadow.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "base/assert.h"
#include "base/error.h"
#include "object/life.h"
#include "os/os.h"
#include "pager/anon.h"
#include "pager/filtered.h"

/* 32 pages a request, as a fill has. */
#define RUN_MAX 32u
/* 32 reads past the source at once, one bit of a word each: the depth of one
 * filler.  About 40 KiB of each shadow. */
#define READS_MAX 32u

struct shadow_pager;

/* One read past the source, for a request of the shadow. */
struct read {
	struct vm_pager_io io;		/* of the source's pager */
	struct vm_pager_io *caller;
	struct shadow_pager *shadow;
	unsigned count;			/* slots that are held */
	struct vm_slot *slot[RUN_MAX];
	struct vm_page *partly;		/* the one page is there in part */
};

struct shadow_pager {
	struct vm_pager pager;
	struct vm_pager *own;		/* what was written (C) */
	struct vm_object *source;	/* (C) */
	vm_pindex_t first;		/* of the source (C) */
	_Atomic uint32_t used;		/* reads, a bit each (A) */
	struct read read[READS_MAX];	/* whoever set its bit */
};

static struct shadow_pager *
shadow_of(struct vm_pager *pager)
{
	return VM_CONTAINER(pager, struct shadow_pager, pager);
}

/* ---- how far one request reaches ----------------------------------------- */

/* Pages of the source from pindex on, want at most, that are all resident or
 * all absent; *resident says which. */
static unsigned
alike(struct vm_object *source, vm_pindex_t pindex, unsigned want,
    bool *resident)
{
	unsigned n = 1;

	*resident = vm_index_peek(&source->index, pindex) != VM_SLOT_ABSENT;
	while (n < want && (vm_index_peek(&source->index, pindex + n) !=
	    VM_SLOT_ABSENT) == *resident)
		n++;
	return n;
}

static unsigned
clip(const struct shadow_pager *s, vm_pindex_t pindex, unsigned want)
{
	uint64_t pages = vm_object_pages(s->source);

	if (want > RUN_MAX)
		want = RUN_MAX;
	if (pindex >= pages)
		return 0;
	return pages - pindex < want ? (unsigned)(pages - pindex) : want;
}

static enum vm_pager_result
shadow_extent(struct vm_pager *pager, vm_pindex_t pindex, unsigned want,
    unsigned *count)
{
	struct shadow_pager *s = shadow_of(pager);
	struct vm_object *source = s->source;
	enum vm_pager_result result = s->own->ops->extent(s->own, pindex,
	    want, count);
	unsigned most;
	bool resident;

	if (result != VM_PAGER_ABSENT)
		return result;
	most = clip(s, s->first + pindex, *count);
	*count = 1;
	if (most == 0)
		return VM_PAGER_OK;	/* the request will say RANGE */
	*count = alike(source, s->first + pindex, most, &resident);
	if (resident || source->memory != NULL)
		return VM_PAGER_OK;
	result = source->pager->ops->extent(source->pager, s->first + pindex,
	    *count, &most);
	*count = most == 0 ? 1 : most < *count ? most : *count;
	return result == VM_PAGER_ABSENT ? result : VM_PAGER_OK;
}

/* ---- the reads past the source ------------------------------------------- */

static struct read *
get_read(struct shadow_pager *s)
{
	uint32_t used = atomic_load_explicit(&s->used, memory_order_relaxed);
	unsigned at;

	do {
		if (used == UINT32_MAX)
			return NULL;
		at = VM_LOWEST_BIT(~used);
	} while (!atomic_compare_exchange_weak_explicit(&s->used, &used,
	    used | UINT32_C(1) << at, memory_order_acquire,
	    memory_order_relaxed));
	return &s->read[at];
}

static void
put_read(struct read *read)
{
	struct shadow_pager *s = read->shadow;
	uint32_t bit = UINT32_C(1) << (read - s->read);

	atomic_fetch_and_explicit(&s->used, ~bit, memory_order_release);
}

static void
end(struct vm_pager_io *io, enum vm_pager_result result, int error)
{
	io->marks = (struct vm_pager_marks){ 0 };
	io->result = result;
	io->error = error;
	io->filled = result == VM_PAGER_OK ? io->count : 0;
	io->done(io);
}

/* Lets go of what is held of the source, as it was. */
static void
let_go(struct read *read)
{
	struct vm_object *source = read->shadow->source;
	uint32_t number = read->partly == NULL ? VM_SLOT_ABSENT :
	    vm_number_of(read->partly);

	for (unsigned i = 0; i < read->count; i++)
		vm_index_release_excl(&source->index, read->slot[i], number);
	if (read->count != 0)
		vm_limit_notify(&source->vm->limit);
	read->count = 0;
}

/* The blocks that the source's page has are newer than the pager's. */
static void
lay_over(const struct read *read)
{
	const struct vm_page *page = read->partly;
	uint32_t bytes = read->shadow->pager.page_bytes;
	uint32_t block = vm_page_block_bytes(bytes);
	uint32_t have = page->valid | page->dirty;
	const char *from = vm_page_memory(page);
	char *to = read->caller->iov[0].iov_base;

	for (uint32_t at = 0; from != NULL && at < bytes; at += block)
		if ((have >> (at / block) & 1) != 0)
			memcpy(to + at, from + at, block);
}

static void
read_done(struct vm_pager_io *io)
{
	struct read *read = io->arg;
	struct vm_pager_io *caller = read->caller;

	if (read->partly != NULL && (io->result == VM_PAGER_OK ||
	    io->result == VM_PAGER_ABSENT))
		lay_over(read);
	let_go(read);
	caller->marks = (struct vm_pager_marks){ 0 };
	caller->result = io->result;
	caller->error = io->error;
	caller->filled = io->filled;
	put_read(read);
	caller->done(caller);
}

/* The absent page of the source, exclusive: true. */
static bool
hold_absent(struct read *read, vm_pindex_t pindex)
{
	struct vm_object *source = read->shadow->source;
	struct vm_slot *slot;
	uint32_t number;

	if (vm_index_try_excl(&source->index, pindex, &slot, &number) <= 0)
		return false;
	if (number == VM_SLOT_ABSENT && !vm_object_barred(source, pindex) &&
	    pindex < vm_object_pages(source)) {
		read->slot[read->count++] = slot;
		return true;
	}
	vm_index_release_excl(&source->index, slot, number);
	vm_limit_notify(&source->vm->limit);
	return false;
}

/* The one page, which is there in part, exclusive: true. */
static bool
hold_partly(struct read *read, vm_pindex_t pindex)
{
	struct vm_object *source = read->shadow->source;
	struct vm_page *page = vm_object_try_lock_page(source, pindex);

	if (page == NULL)
		return false;
	read->partly = page;
	read->slot[read->count++] = atomic_load_explicit(&page->slot,
	    memory_order_relaxed);
	return true;
}

static bool
hold(struct read *read, vm_pindex_t first, unsigned count, bool partly)
{
	if (partly)
		return count == 1 && hold_partly(read, first);
	for (unsigned i = 0; i < count; i++)
		if (!hold_absent(read, first + i))
			return false;
	return true;
}

static void
read_past(struct shadow_pager *s, struct vm_pager_io *io, bool partly,
    struct vm_ioq *queue)
{
	vm_pindex_t first = s->first + io->pindex;
	struct vm_pager *pager = s->source->pager;
	struct read *read = get_read(s);

	vm_assert(io->count <= RUN_MAX);
	if (read == NULL) {
		end(io, VM_PAGER_AGAIN, 0);
		return;
	}
	read->caller = io;
	read->shadow = s;
	read->partly = NULL;
	read->count = 0;
	if (!hold(read, first, io->count, partly)) {
		let_go(read);
		put_read(read);
		end(io, VM_PAGER_AGAIN, 0);
		return;
	}
	read->io = (struct vm_pager_io){
		.op = VM_PAGER_IN, .pindex = first, .count = io->count,
		.iov = io->iov, .iov_count = io->iov_count,
		.done = read_done, .arg = read,
	};
	pager->ops->submit(pager, &read->io, queue);
}

/* ---- copies of pages ----------------------------------------------------- */

enum copy {
	COPIED,
	NOT_NOW,	/* somebody has it, or it is gone */
	PARTLY,		/* not all of it is there */
	REFUSED,	/* its pager forbids it, or failed it */
};

static enum copy
copy_held(const struct vm_page *page, char *to)
{
	struct vm *vm = page->object->vm;
	unsigned flags = atomic_load_explicit(&page->flags,
	    memory_order_relaxed);
	const char *from;

	if ((flags & (VM_PGA_ERROR | VM_PGA_NO_ACCESS)) != 0)
		return REFUSED;
	if ((flags & (VM_PGA_FICTITIOUS | VM_PGA_PRIVATE)) ==
	    VM_PGA_FICTITIOUS)
		return NOT_NOW;		/* a placeholder */
	if (page->valid != vm->all_blocks)
		return PARTLY;
	from = vm_page_memory(page);
	if (from == NULL)
		return NOT_NOW;
	memcpy(to, from, vm->page_bytes);
	return COPIED;
}

static enum copy
copy_page(struct vm_object *source, vm_pindex_t pindex, char *to)
{
	struct vm_slot *slot;
	struct vm_page *page;
	uint32_t number;
	enum copy result;

	if (!vm_index_try_shared(&source->index, pindex, &slot, &number))
		return NOT_NOW;
	page = vm_page_of(source->vm, number);
	result = copy_held(page, to);
	vm_life_release(page);
	return result;
}

/* Page i of a request's memory. */
static char *
memory_of(const struct vm_pager_io *io, unsigned i, uint32_t page_bytes)
{
	size_t at = (size_t)i * page_bytes;
	int piece = 0;

	while (at >= io->iov[piece].iov_len)
		at -= io->iov[piece++].iov_len;
	return (char *)io->iov[piece].iov_base + at;
}

/* All pages of the request, or why not. */
static enum copy
copy_all(struct shadow_pager *s, struct vm_pager_io *io)
{
	enum copy result = COPIED;

	for (unsigned i = 0; i < io->count && result == COPIED; i++)
		result = copy_page(s->source, s->first + io->pindex + i,
		    memory_of(io, i, s->pager.page_bytes));
	return result;
}

/* A device's bytes are all there, pages or not. */
static void
copy_device(struct shadow_pager *s, struct vm_pager_io *io)
{
	uint32_t bytes = s->pager.page_bytes;

	for (unsigned i = 0; i < io->count; i++)
		memcpy(memory_of(io, i, bytes), s->source->memory +
		    (s->first + io->pindex + i) * bytes, bytes);
	end(io, VM_PAGER_OK, 0);
}

static void
from_source(struct shadow_pager *s, struct vm_pager_io *io,
    struct vm_ioq *queue)
{
	struct vm_object *source = s->source;
	vm_pindex_t first = s->first + io->pindex;
	enum copy copied = NOT_NOW;

	if (clip(s, first, io->count) < io->count) {
		end(io, io->count == 1 ? VM_PAGER_RANGE : VM_PAGER_AGAIN, 0);
		return;
	}
	if (source->memory != NULL) {
		copy_device(s, io);
		return;
	}
	if (vm_index_peek(&source->index, first) != VM_SLOT_ABSENT)
		copied = copy_all(s, io);
	else {
		read_past(s, io, false, queue);
		return;
	}
	if (copied == PARTLY)
		read_past(s, io, true, queue);
	else if (copied == REFUSED)
		end(io, VM_PAGER_FAILED, EACCES);
	else
		end(io, copied == COPIED ? VM_PAGER_OK : VM_PAGER_AGAIN, 0);
}

/* ---- a pager like any other ---------------------------------------------- */

static void
shadow_submit(struct vm_pager *pager, struct vm_pager_io *io,
    struct vm_ioq *queue)
{
	struct shadow_pager *s = shadow_of(pager);
	unsigned count;

	if (io->op == VM_PAGER_IN && s->own->ops->extent(s->own, io->pindex,
	    io->count, &count) == VM_PAGER_ABSENT)
		from_source(s, io, queue);
	else
		s->own->ops->submit(s->own, io, queue);
}

static unsigned
shadow_reserve(struct vm_pager *pager, vm_pindex_t pindex, unsigned want,
    int *error)
{
	struct vm_pager *own = shadow_of(pager)->own;

	return own->ops->reserve(own, pindex, want, error);
}

static int
shadow_sync(struct vm_pager *pager)
{
	struct vm_pager *own = shadow_of(pager)->own;

	return own->ops->sync(own);
}

static void
shadow_resized(struct vm_pager *pager, uint64_t bytes)
{
	struct vm_pager *own = shadow_of(pager)->own;

	own->ops->resized(own, bytes);
}

/* What was written is given up: the source is seen again. */
static void
shadow_forget(struct vm_pager *pager, vm_pindex_t pindex, unsigned count)
{
	struct vm_pager *own = shadow_of(pager)->own;

	own->ops->forget(own, pindex, count);
}

static void
shadow_outdated(struct vm_pager *pager, vm_pindex_t pindex)
{
	struct vm_pager *own = shadow_of(pager)->own;

	own->ops->outdated(own, pindex);
}

static int
shadow_peek(struct vm_pager *pager, uint64_t offset, void *bytes,
    size_t length)
{
	struct vm_pager *own = shadow_of(pager)->own;

	return own->ops->peek(own, offset, bytes, length);
}

static int
shadow_length(struct vm_pager *pager, uint64_t *bytes)
{
	struct vm_pager *own = shadow_of(pager)->own;

	return own->ops->length(own, bytes);
}

static void
shadow_destroy(struct vm_pager *pager)
{
	struct shadow_pager *s = shadow_of(pager);
	struct vm_object *source = s->source;

	vm_assert(atomic_load(&s->used) == 0);
	s->own->ops->destroy(s->own);
	source->vm->os->free(s);
	/* Release: the last to leave has done with the source. */
	atomic_fetch_sub_explicit(&source->shadows, 1, memory_order_release);
}

static const struct vm_pager_ops shadow_ops = {
	.name = "shadow",
	.extent = shadow_extent,
	.reserve = shadow_reserve,
	.submit = shadow_submit,
	.sync = shadow_sync,
	.resized = shadow_resized,
	.forget = shadow_forget,
	.outdated = shadow_outdated,
	.peek = shadow_peek,
	.length = shadow_length,
	.destroy = shadow_destroy,
};

static int
new_pager(struct vm_object *source, vm_pindex_t first, uint64_t length,
    struct vm_pager **out)
{
	struct vm *vm = source->vm;
	struct shadow_pager *s = vm->os->alloc(sizeof(*s));
	int error;

	if (s == NULL)
		return vm_error(ENOMEM, "shadow: %s", vm_errno_text(ENOMEM));
	error = vm_pager_anon_create(vm->swap, length, &s->own);
	if (error != 0) {
		vm->os->free(s);
		return error;
	}
	s->pager = (struct vm_pager){ .ops = &shadow_ops,
	    .page_bytes = vm->page_bytes };
	s->source = source;
	s->first = first;
	atomic_fetch_add(&source->shadows, 1);
	*out = &s->pager;
	return 0;
}

int
vm_shadow_new(struct vm_object *source, vm_pindex_t first, uint64_t length,
    struct vm_object **out)
{
	struct vm *vm = source->vm;
	struct vm_pager *pager;
	int error = new_pager(source, first, length, &pager);

	if (error == 0)
		error = vm_filtered_wrap(vm, &pager);
	if (error == 0)
		error = vm_object_new(vm, pager, VM_HOME_POOL, length, out);
	if (error == 0)
		(*out)->writable = (*out)->anonymous = true;
	return error;
}
