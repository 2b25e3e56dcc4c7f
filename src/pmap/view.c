/* SPDX-License-Identifier: BSD-2-Clause */
/* pmap/view.c - view.h has the theory. */
#include "pmap/view.h"

#include <errno.h>
#include <string.h>

#include "base/assert.h"
#include "base/error.h"
#include "os/os.h"
#include "pmap/store.h"
#include "stat/stat.h"

/* 3 attempts at a page that should not be there: it is dropped before each but
 * the first, and nobody else brings it. */
#define COPY_TRIES 3u

/* ---- all views ----------------------------------------------------------- */

static void
nothing_waits(struct vm_pmap *pmap)
{
	/* Only forks, moves and unmappings that are asked for raise events,
	 * and ours ask for none. */
	(void)pmap;
}

static void
release(struct vm_pmap *pmap)
{
	struct vm_views *views = VM_CONTAINER(pmap, struct vm_views, pmap);

	pmap->ops->close(pmap->uffd, views->self);
	vm_lock_fini(&pmap->events);
}

static int
refused(int error)
{
	if (error == -EPERM || error == -EACCES)
		return vm_error(EPERM, "map: userfaultfd is not permitted "
		    "here: allow the system call (vm.unprivileged_userfaultfd "
		    "= 1, CAP_SYS_PTRACE, or a filter that lets it pass), or "
		    "access to /dev/userfaultfd");
	if (error == -ENOSYS || error == -EINVAL)
		return vm_error(ENOSYS, "map: this kernel has no userfaultfd "
		    "with SIGBUS and write protection (Linux 5.7)");
	return vm_error(-error, "map: userfaultfd: %s",
	    vm_errno_text(-error));
}

int
vm_views_init(struct vm_views *views, const struct vm_pmap_ops *ops)
{
	int uffd = ops->open == NULL ? -ENOSYS :
	    ops->open(&views->self, &views->files);

	if (uffd < 0)
		return refused(uffd);
	vm_pmap_init(&views->pmap, ops, uffd);
	views->pmap.drain = nothing_waits;
	views->pmap.release = release;
	return 0;
}

void
vm_views_fini(struct vm_views *views)
{
	vm_assert(atomic_load(&views->pmap.refs) == 1);
	vm_pmap_put(&views->pmap);
}

static void
count(const struct vm_views *views, enum vm_counter counter)
{
	if (views->counters != NULL)
		vm_count(views->counters, counter, 1);
}

/* ---- one view ------------------------------------------------------------ */

static int
no_room(uint64_t bytes, int error)
{
	return vm_error(-error, "map: no range of %llu bytes: %s",
	    (unsigned long long)bytes, vm_errno_text(-error));
}

/* One piece more. */
static int
add_piece(struct vm_view *view, void *hint, uint64_t pages)
{
	const struct vm_pmap *pmap = &view->views->pmap;
	uint32_t n = atomic_load_explicit(&view->count, memory_order_relaxed);
	uint64_t bytes = pages * view->views->page_bytes;
	uint64_t address = (uintptr_t)hint;
	int error;

	vm_assert(n < VM_VIEW_PIECES && pages != 0);
	if (pages > UINT64_MAX / view->views->page_bytes)
		return no_room(UINT64_MAX, -ENOMEM);
	error = pmap->ops->reserve(bytes, &address);
	if (error != 0)
		return no_room(bytes, error);
	error = pmap->ops->watch(pmap->uffd, address, bytes);
	if (error != 0) {
		pmap->ops->unmap(address, bytes);
		return no_room(bytes, error);
	}
	view->piece[n] = (struct vm_view_piece){
		.base = (char *)(uintptr_t)address, .pages = pages,
	};
	view->pages += pages;
	/* Pairs with the load in find. */
	atomic_store_explicit(&view->count, n + 1, memory_order_release);
	return 0;
}

int
vm_view_init(struct vm_view *view, struct vm_views *views, void *hint,
    uint64_t pages)
{
	*view = (struct vm_view){ .views = views };
	return add_piece(view, hint, pages != 0 ? pages : 1);
}

void
vm_view_fini(struct vm_view *view)
{
	const struct vm_pmap_ops *ops = view->views->pmap.ops;
	uint32_t n = atomic_load_explicit(&view->count, memory_order_relaxed);

	for (uint32_t i = 0; i < n; i++) {
		if (view->store != NULL)
			vm_store_remove(view->store, &view->piece[i].mapping);
		ops->unmap((uintptr_t)view->piece[i].base,
		    view->piece[i].pages * view->views->page_bytes);
	}
	atomic_store_explicit(&view->count, 0, memory_order_relaxed);
	view->pages = 0;
}

int
vm_view_extend(struct vm_view *view, uint64_t pages)
{
	uint64_t more;

	if (pages <= view->pages)
		return 0;
	more = pages - view->pages;
	return add_piece(view, NULL, more < view->pages ? view->pages : more);
}

/* The piece with the page, whose place in it *pindex becomes. */
static const struct vm_view_piece *
find(const struct vm_view *view, vm_pindex_t *pindex)
{
	uint32_t n = atomic_load_explicit(&view->count, memory_order_acquire);

	for (uint32_t i = 0; i < n; i++) {
		if (*pindex < view->piece[i].pages)
			return &view->piece[i];
		*pindex -= view->piece[i].pages;
	}
	return NULL;
}

char *
vm_view_at(const struct vm_view *view, vm_pindex_t pindex)
{
	const struct vm_view_piece *piece = find(view, &pindex);

	return piece == NULL ? NULL : piece->base + pindex *
	    view->views->page_bytes;
}

uint64_t
vm_view_run(const struct vm_view *view, vm_pindex_t pindex)
{
	const struct vm_view_piece *piece = find(view, &pindex);

	vm_assert(piece != NULL);
	return piece->pages - pindex;
}

/* ---- its pages ----------------------------------------------------------- */

/* What of count pages from pindex on lies together: how many, and where. */
static uint64_t
stretch(const struct vm_view *view, vm_pindex_t pindex, uint64_t count,
    struct iovec *range)
{
	uint64_t pages = vm_view_run(view, pindex);

	if (pages > count)
		pages = count;
	range->iov_base = vm_view_at(view, pindex);
	range->iov_len = pages * view->views->page_bytes;
	return pages;
}

static int
copy_failed(const struct iovec *to, int error)
{
	return vm_error(-error, "map: no page at %p: %s", to->iov_base,
	    vm_errno_text(-error));
}

/* One range; *to and *from move on. */
static int
copy_range(struct vm_views *views, struct iovec *to, const char *from,
    bool protect)
{
	const struct vm_pmap *pmap = &views->pmap;
	unsigned tries = 0;

	while (to->iov_len != 0) {
		int64_t done = pmap->ops->copy(pmap->uffd,
		    (uintptr_t)to->iov_base, from, to->iov_len, protect);
		struct iovec page = *to;

		if (done > 0) {
			to->iov_base = (char *)to->iov_base + done;
			to->iov_len -= (size_t)done;
			from += done;
			tries = 0;
			continue;
		}
		if (done == -EAGAIN)
			continue;
		if (done != -EEXIST || ++tries == COPY_TRIES)
			return copy_failed(to, (int)done);
		/* Whatever it is, these bytes are not the pager's. */
		page.iov_len = views->page_bytes;
		vm_views_drop(views, &page, 1);
	}
	return 0;
}

int
vm_view_fill(struct vm_view *view, vm_pindex_t pindex, unsigned count,
    const void *bytes, bool protect)
{
	const char *from = bytes;
	struct iovec range;
	int error = 0;

	while (count != 0 && error == 0) {
		unsigned n = (unsigned)stretch(view, pindex, count, &range);

		error = copy_range(view->views, &range, from, protect);
		from += (size_t)n * view->views->page_bytes;
		pindex += n;
		count -= n;
	}
	return error;
}

/*
 * Without the events lock, which keeps events and ioctls in order: there are
 * no events here, and threads that fault at once should not wait for each
 * other.
 */
static void
protect_range(struct vm_views *views, const struct iovec *range, bool on)
{
	const struct vm_pmap *pmap = &views->pmap;
	int error;

	do
		error = pmap->ops->protect(pmap->uffd,
		    (uintptr_t)range->iov_base, range->iov_len, on);
	while (error == -EAGAIN);
	/* ENOENT: the program has unmapped it, and cannot write there. */
	vm_assert(error == 0 || error == -ENOENT);
	count(views, VM_COUNTER_protect_calls);
}

void
vm_view_protect(struct vm_view *view, vm_pindex_t pindex, uint64_t pages,
    bool on)
{
	struct vm_views *views = view->views;
	struct iovec range;

	while (pages != 0) {
		uint64_t n = stretch(view, pindex, pages, &range);

		protect_range(views, &range, on);
		pindex += n;
		pages -= n;
	}
}

/* bytes from the front are dropped already: how many ranges that is; the
 * first of the others begins behind them. */
static unsigned
skip(struct iovec *ranges, unsigned left, size_t bytes)
{
	unsigned n = 0;

	while (n < left && bytes >= ranges[n].iov_len)
		bytes -= ranges[n++].iov_len;
	if (bytes != 0) {
		vm_assert(n < left);
		ranges[n].iov_base = (char *)ranges[n].iov_base + bytes;
		ranges[n].iov_len -= bytes;
	}
	return n;
}

void
vm_views_drop(struct vm_views *views, struct iovec *ranges, unsigned left)
{
	const struct vm_pmap_ops *ops = views->pmap.ops;

	while (left != 0) {
		unsigned want = left < VM_VIEW_DROP_MAX ? left :
		    VM_VIEW_DROP_MAX, n;
		int64_t done = ops->drop(views->self, ranges, want);

		if (done == -EAGAIN || done == -EINTR)
			continue;
		/* Without it the limit would not hold: only a kernel defect,
		 * or who unmaps what is ours, can make it fail. */
		vm_assert(done > 0);
		count(views, VM_COUNTER_punch_calls);
		n = skip(ranges, left, (size_t)done);
		ranges += n;
		left -= n;
	}
}

void
vm_view_drop(struct vm_view *view, vm_pindex_t pindex, uint64_t pages)
{
	struct iovec range;

	while (pages != 0) {
		uint64_t n = stretch(view, pindex, pages, &range);

		vm_views_drop(view->views, &range, 1);
		pindex += n;
		pages -= n;
	}
}

/* ---- mappings of stores -------------------------------------------------- */

static int
show_failed(const struct vm_views *views, uint64_t pages, int error)
{
	return vm_error(-error, "map: %llu pages of a memory file: %s",
	    (unsigned long long)pages, views->files ?
	    vm_errno_text(-error) : "this kernel cannot watch it (Linux 6.4)");
}

int
vm_views_show(struct vm_views *views, struct vm_store *store,
    struct vm_mapping *mapping, bool fixed)
{
	const struct vm_pmap *pmap = &views->pmap;
	uint64_t bytes = mapping->pages * views->page_bytes;
	uint64_t address = mapping->address;
	int error = views->files ? 0 : -ENOTSUP;

	if (error == 0)
		error = pmap->ops->show(store->fd, mapping->pindex *
		    views->page_bytes, bytes, fixed, &address);
	if (error != 0)
		return show_failed(views, mapping->pages, error);
	error = pmap->ops->watch(pmap->uffd, address, bytes);
	if (error != 0) {
		pmap->ops->unmap(address, bytes);
		return show_failed(views, mapping->pages, error);
	}
	mapping->pmap = &views->pmap;
	mapping->address = address;
	mapping->tracked = true;
	vm_store_add(store, mapping);
	return 0;
}

void
vm_views_hide(struct vm_views *views, struct vm_store *store,
    struct vm_mapping *mapping)
{
	uint64_t address = mapping->address;
	uint64_t bytes = mapping->pages * views->page_bytes;

	vm_store_remove(store, mapping);
	views->pmap.ops->unmap(address, bytes);
}

/* What the turn will need is to be had: somewhere else, and not for long. */
static int
try_show(struct vm_views *views, struct vm_store *store,
    const struct vm_view_piece *piece)
{
	struct vm_mapping trial = { .pages = piece->pages };
	int error = vm_views_show(views, store, &trial, false);

	if (error == 0)
		vm_views_hide(views, store, &trial);
	return error;
}

int
vm_view_turn(struct vm_view *view, struct vm_store *store)
{
	uint32_t n = atomic_load_explicit(&view->count, memory_order_relaxed);
	vm_pindex_t pindex = 0;
	int error = 0;

	vm_assert(view->store == NULL);
	for (uint32_t i = 0; i < n && error == 0; i++)
		error = try_show(view->views, store, &view->piece[i]);
	for (uint32_t i = 0; i < n && error == 0; i++) {
		struct vm_view_piece *piece = &view->piece[i];

		piece->mapping = (struct vm_mapping){
			.address = (uintptr_t)piece->base, .pindex = pindex,
			.pages = piece->pages,
		};
		error = vm_views_show(view->views, store, &piece->mapping,
		    true);
		vm_assert(error == 0);
		pindex += piece->pages;
	}
	if (error == 0)
		view->store = store;
	return error;
}
