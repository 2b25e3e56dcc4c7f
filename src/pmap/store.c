/* SPDX-License-Identifier: BSD-2-Clause */
/* pmap/store.c - store.h has the theory. */
#include "pmap/store.h"

#include <errno.h>
#include <resident/space.h>
#include <string.h>
#include <sys/mman.h>

#include "base/assert.h"
#include "base/error.h"
#include "os/os.h"
#include "stat/stat.h"

/* 16 mappings are looked at per turn of the lock: 640 bytes of stack. */
#define BATCH 16

/*
 * Face bytes that are mapped: one per page of the largest object, 2^32 pages
 * (16 TiB of 4 KiB pages), none of it backed before it is written.
 */
#define FACE_PAGES_MAX (UINT64_C(1) << 32)

/* What a presence byte says: all but ABSENT is "present" to clients. */
#define ABSENT	0u
#define PRESENT	1u
#define NOTED	3u

struct piece {
	struct vm_pmap *pmap;
	uint64_t address;
	uint64_t length;
};

static _Atomic uint8_t *
presence(struct vm_store *store)
{
	return (_Atomic uint8_t *)(void *)((char *)store->face +
	    VM_FACE_PRESENCE_OFFSET);
}

static int
face_map(struct vm_store *store, uint64_t length)
{
	const struct vm_os *os = store->os;
	void *memory;
	int error;

	store->face_fd = os->memfd("resident face");
	if (store->face_fd < 0)
		return store->face_fd;
	store->face_bytes = (size_t)(VM_FACE_PRESENCE_OFFSET +
	    FACE_PAGES_MAX);
	error = os->ftruncate(store->face_fd, store->face_bytes);
	if (error == 0)
		error = os->map_file(store->face_fd, 0, store->face_bytes,
		    PROT_READ | PROT_WRITE, &memory);
	if (error != 0) {
		os->close(store->face_fd);
		return error;
	}
	store->face = memory;
	store->face->magic = VM_FACE_MAGIC;
	store->face->length_bytes = length;
	store->face->pages_max = UINT32_MAX;
	return 0;
}

static int
check_length(const struct vm_store *store, uint64_t length)
{
	if (length <= FACE_PAGES_MAX * store->page_bytes)
		return 0;
	return vm_error(EFBIG, "object: %llu bytes are more than a memory "
	    "file of %llu pages", (unsigned long long)length,
	    (unsigned long long)FACE_PAGES_MAX);
}

int
vm_store_init(struct vm_store *store, const struct vm_os *os,
    uint32_t page_bytes, uint64_t length)
{
	int error;

	*store = (struct vm_store){ .os = os, .page_bytes = page_bytes };
	vm_list_init(&store->mappings);
	error = check_length(store, length);
	if (error != 0)
		return error;
	store->fd = os->memfd("resident store");
	if (store->fd < 0)
		return vm_error(-store->fd, "object: no memory file: %s",
		    vm_errno_text(-store->fd));
	error = os->ftruncate(store->fd, length);
	if (error == 0)
		error = face_map(store, length);
	if (error != 0) {
		os->close(store->fd);
		return vm_error(-error, "object: no memory file of %llu "
		    "bytes: %s", (unsigned long long)length,
		    vm_errno_text(-error));
	}
	vm_lock_init(&store->lock, VM_RANK_PMAP, "store");
	return 0;
}

void
vm_store_fini(struct vm_store *store)
{
	const struct vm_os *os = store->os;

	vm_assert(vm_list_empty(&store->mappings));
	for (unsigned i = 0; i < store->view_count; i++)
		os->unmap(store->view[i].base, store->view[i].bytes);
	os->unmap(store->face, store->face_bytes);
	os->close(store->face_fd);
	os->close(store->fd);
	vm_lock_fini(&store->lock);
}

static _Atomic uint64_t *
face_word(uint64_t *word)
{
	return (_Atomic uint64_t *)word;
}

static uint64_t
face_length(const struct vm_store *store)
{
	return atomic_load_explicit(face_word(&store->face->length_bytes),
	    memory_order_acquire);
}

int
vm_store_resize(struct vm_store *store, uint64_t length)
{
	int error = check_length(store, length);

	if (error != 0)
		return error;
	error = store->os->ftruncate(store->fd, length);
	if (error != 0)
		return vm_error(-error, "object: memory file to %llu bytes: "
		    "%s", (unsigned long long)length, vm_errno_text(-error));
	atomic_store_explicit(face_word(&store->face->length_bytes), length,
	    memory_order_release);
	return 0;
}

static void
count_tracked(struct vm_store *store)
{
	atomic_fetch_add(&store->tracked, 1);
	atomic_store((_Atomic uint32_t *)&store->face->tracked, 1);
}

void
vm_store_add(struct vm_store *store, struct vm_mapping *mapping)
{
	vm_pmap_get(mapping->pmap);
	vm_lock(&store->lock);
	mapping->id = ++store->next_id;
	store->generation++;
	vm_list_add_tail(&store->mappings, &mapping->link);
	atomic_fetch_add(&store->count, 1);
	if (mapping->tracked)
		count_tracked(store);
	vm_unlock(&store->lock);
}

void
vm_store_track(struct vm_store *store, struct vm_mapping *mapping)
{
	vm_lock(&store->lock);
	if (!mapping->tracked) {
		mapping->tracked = true;
		store->generation++;
		count_tracked(store);
	}
	vm_unlock(&store->lock);
}

void
vm_store_remove(struct vm_store *store, struct vm_mapping *mapping)
{
	vm_lock(&store->lock);
	vm_assert(vm_node_linked(&mapping->link));
	vm_node_remove(&mapping->link);
	if (mapping->tracked)
		atomic_fetch_sub(&store->tracked, 1);
	atomic_fetch_sub(&store->count, 1);
	vm_unlock(&store->lock);
	vm_pmap_put(mapping->pmap);
}

void
vm_store_change(struct vm_store *store, struct vm_mapping *mapping,
    uint64_t address, vm_pindex_t pindex, uint64_t pages)
{
	vm_lock(&store->lock);
	mapping->address = address;
	mapping->pindex = pindex;
	mapping->pages = pages;
	store->generation++;
	vm_unlock(&store->lock);
}

/* Where [pindex, pindex + count) shows in a mapping; false: nowhere. */
static bool
piece_of(const struct vm_store *store, const struct vm_mapping *mapping,
    vm_pindex_t pindex, uint64_t count, struct piece *piece)
{
	vm_pindex_t first = mapping->pindex, end = first + mapping->pages;

	if (!mapping->tracked || end <= pindex || first >= pindex + count)
		return false;
	if (first < pindex)
		first = pindex;
	if (end > pindex + count)
		end = pindex + count;
	piece->pmap = mapping->pmap;
	piece->address = mapping->address +
	    (first - mapping->pindex) * store->page_bytes;
	piece->length = (end - first) * store->page_bytes;
	return true;
}

/* The next mappings behind *id that show the pages, with a reference each. */
static unsigned
collect(struct vm_store *store, uint64_t *id, vm_pindex_t pindex,
    uint64_t count, struct piece *pieces)
{
	struct vm_node *node;
	unsigned n = 0;

	vm_lock_assert_held(&store->lock);
	for (node = vm_list_first(&store->mappings);
	    node != NULL && n < BATCH;
	    node = vm_list_next(&store->mappings, node)) {
		struct vm_mapping *mapping = VM_ENTRY(node,
		    struct vm_mapping, link);

		if (mapping->id <= *id)
			continue;
		*id = mapping->id;
		if (!piece_of(store, mapping, pindex, count, &pieces[n]))
			continue;
		vm_pmap_get(pieces[n].pmap);
		n++;
	}
	return n;
}

/* False: some client's events wait, or the list changed: start over. */
static bool
protect_once(struct vm_store *store, vm_pindex_t pindex, uint64_t count)
{
	struct piece pieces[BATCH];
	uint64_t id = 0, generation;
	bool complete = true;
	unsigned n;

	vm_lock(&store->lock);
	generation = store->generation;
	while ((n = collect(store, &id, pindex, count, pieces)) != 0) {
		vm_unlock(&store->lock);
		for (unsigned i = 0; i < n; i++) {
			if (vm_pmap_protect(pieces[i].pmap, pieces[i].address,
			    pieces[i].length, true) != 0) {
				pieces[i].pmap->drain(pieces[i].pmap);
				complete = false;
			}
			vm_pmap_put(pieces[i].pmap);
		}
		vm_lock(&store->lock);
	}
	complete = complete && generation == store->generation;
	vm_unlock(&store->lock);
	return complete;
}

void
vm_store_protect(struct vm_store *store, vm_pindex_t pindex, uint64_t count)
{
	while (atomic_load(&store->tracked) != 0 &&
	    !protect_once(store, pindex, count))
		store->os->yield();
}

int
vm_store_write(struct vm_store *store, uint64_t offset, const void *bytes,
    size_t length)
{
	const char *from = bytes;

	while (length > 0) {
		ssize_t n = store->os->pwrite(store->fd, from, length,
		    offset);

		if (n <= 0)
			return vm_error(n == 0 ? EIO : (int)-n,
			    "object: memory file: %s",
			    vm_errno_text(n == 0 ? EIO : (int)-n));
		from += n;
		offset += (uint64_t)n;
		length -= (size_t)n;
	}
	return 0;
}

/*
 * The kernel would grow the memory file when the last page is written whole,
 * so the bytes are cut at its end; what is behind it in the last page reads
 * as zeros, as it does in a file mapping.
 */
int
vm_store_fill(struct vm_store *store, vm_pindex_t pindex, unsigned count,
    const void *bytes)
{
	uint64_t offset = pindex * store->page_bytes;
	uint64_t length = (uint64_t)count * store->page_bytes;
	uint64_t end = face_length(store);

	vm_store_protect(store, pindex, count);
	if (offset >= end)
		return 0;
	if (length > end - offset)
		length = end - offset;
	return vm_store_write(store, offset, bytes, (size_t)length);
}

int
vm_store_read(struct vm_store *store, vm_pindex_t pindex, unsigned count,
    void *bytes)
{
	uint64_t offset = pindex * store->page_bytes;
	size_t left = (size_t)count * store->page_bytes;
	char *to = bytes;

	while (left > 0) {
		ssize_t n = store->os->pread(store->fd, to, left, offset);

		if (n < 0)
			return vm_error((int)-n, "object: memory file: %s",
			    vm_errno_text((int)-n));
		if (n == 0) {	/* behind the end of the last page */
			while (left > 0)
				to[--left] = 0;
			break;
		}
		to += n;
		offset += (uint64_t)n;
		left -= (size_t)n;
	}
	return 0;
}

void
vm_store_drop(struct vm_store *store, vm_pindex_t pindex, uint64_t count)
{
	int error = store->os->punch(store->fd, pindex * store->page_bytes,
	    count * store->page_bytes);

	/* Without it the limit would not hold: only a kernel defect or a
	 * wrong range can make it fail. */
	vm_assert(error == 0);
	vm_count(store->counters, VM_COUNTER_punch_calls, 1);
}

void
vm_store_mark(struct vm_store *store, vm_pindex_t pindex, uint64_t count,
    bool present)
{
	_Atomic uint8_t *byte = presence(store);

	/* Sequentially consistent: a client that writes the file and then
	 * finds the byte clear must be seen by our later read of the file. */
	for (uint64_t i = 0; i < count; i++)
		atomic_store(&byte[pindex + i], present ? PRESENT : ABSENT);
}

/* Relaxed: a note orders nothing; it is never put over ABSENT. */
bool
vm_store_note(struct vm_store *store, vm_pindex_t pindex)
{
	_Atomic uint8_t *byte = presence(store) + pindex;
	uint8_t is = PRESENT;

	return !atomic_compare_exchange_strong_explicit(byte, &is, NOTED,
	    memory_order_relaxed, memory_order_relaxed) && is == NOTED;
}

void
vm_store_count_dirty(struct vm_store *store, int64_t change)
{
	atomic_fetch_add(face_word(&store->face->dirty_pages),
	    (uint64_t)change);
}

/* One more piece of our own mapping, so that it reaches to end.  The pieces
 * there are stay where they are: somebody may hold pages in them. */
static int
extend_view(struct vm_store *store, uint64_t end)
{
	struct vm_store_view *view = &store->view[store->view_count];
	uint64_t bytes = face_length(store);
	void *base;
	int error;

	vm_assert(store->view_count < VM_STORE_VIEWS);
	bytes = (bytes + store->page_bytes - 1) / store->page_bytes *
	    store->page_bytes;
	if (end > bytes)
		return -ERANGE;
	/* At least as much again, beyond the file's end if need be. */
	if (bytes < 2 * store->view_bytes)
		bytes = 2 * store->view_bytes;
	bytes -= store->view_bytes;
	error = store->os->map_file(store->fd, store->view_bytes, bytes,
	    PROT_READ | PROT_WRITE, &base);
	if (error != 0)
		return error;
	*view = (struct vm_store_view){ .base = base, .bytes = bytes };
	store->view_count++;
	store->view_bytes += bytes;
	return 0;
}

/* Where the byte is; it lies in one of the pieces. */
static char *
view_at(const struct vm_store *store, uint64_t offset)
{
	const struct vm_store_view *view = store->view;

	for (; offset >= view->bytes; view++)
		offset -= view->bytes;
	return view->base + offset;
}

int
vm_store_view(struct vm_store *store, vm_pindex_t pindex, void **out)
{
	uint64_t end = (pindex + 1) * store->page_bytes;
	int error = 0;

	vm_lock(&store->lock);
	if (end > store->view_bytes)
		error = extend_view(store, end);
	if (error == 0)
		*out = view_at(store, end - store->page_bytes);
	vm_unlock(&store->lock);
	if (error != 0)
		return vm_error(-error, "page: the store cannot be seen: %s",
		    vm_errno_text(-error));
	return 0;
}

/* Nobody looks through it, so the system is called without the lock. */
uint64_t
vm_store_unview(struct vm_store *store)
{
	struct vm_store_view view[VM_STORE_VIEWS];
	uint64_t bytes;
	unsigned count;

	vm_lock(&store->lock);
	count = store->view_count;
	bytes = store->view_bytes;
	memcpy(view, store->view, count * sizeof(view[0]));
	store->view_count = 0;
	store->view_bytes = 0;
	vm_unlock(&store->lock);
	for (unsigned i = 0; i < count; i++)
		store->os->unmap(view[i].base, view[i].bytes);
	return bytes;
}
