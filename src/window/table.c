/* SPDX-License-Identifier: BSD-2-Clause */
/* window/table.c - which page is at an address; window.h has the theory. */
#include <errno.h>

#include "base/assert.h"
#include "base/error.h"
#include "base/hash.h"
#include "os/os.h"
#include "window/window.h"

/* 2 places to a bucket on average, at most, while there is memory. */
#define FULL 2u

static struct vm_list *
new_buckets(const struct vm_os *os, uint32_t count)
{
	struct vm_list *bucket = os->alloc(count * sizeof(bucket[0]));

	for (uint32_t i = 0; bucket != NULL && i < count; i++)
		vm_list_init(&bucket[i]);
	return bucket;
}

int
vm_windows_init(struct vm *vm)
{
	struct vm_windows *windows = vm->os->alloc(sizeof(*windows));

	if (windows == NULL)
		return vm_error(ENOMEM, "create: no memory for windows");
	vm->windows = windows;
	windows->vm = vm;
	vm_lock_init(&windows->lock, VM_RANK_LEAF, "windows");
	vm_list_init(&windows->open);
	windows->bucket = new_buckets(vm->os, VM_WINDOW_BUCKETS);
	windows->bucket_count = VM_WINDOW_BUCKETS;
	return windows->bucket != NULL ? 0 : vm_error(ENOMEM, "create: no "
	    "memory for windows");
}

void
vm_windows_fini(struct vm *vm)
{
	struct vm_windows *windows = vm->windows;

	if (windows == NULL)
		return;
	vm_assert(vm_list_empty(&windows->open) && windows->places == 0);
	vm_lock_fini(&windows->lock);
	vm->os->free(windows->bucket);
	vm->os->free(windows);
	vm->windows = NULL;
}

uint32_t
vm_windows_open(struct vm *vm)
{
	uint32_t count;

	vm_lock(&vm->windows->lock);
	count = vm->windows->count;
	vm_unlock(&vm->windows->lock);
	return count;
}

static struct vm_list *
bucket_of(const struct vm_windows *windows, uint64_t key)
{
	return &windows->bucket[vm_hash_mix(key) &
	    (windows->bucket_count - 1)];
}

/* All places move to the new buckets; the old ones are the caller's. */
static struct vm_list *
exchange(struct vm_windows *windows, struct vm_list *bucket, uint32_t count)
{
	struct vm_list *old = windows->bucket;
	uint32_t old_count = windows->bucket_count;

	windows->bucket = bucket;
	windows->bucket_count = count;
	for (uint32_t i = 0; i < old_count; i++) {
		struct vm_node *node;

		while ((node = vm_list_first(&old[i])) != NULL) {
			vm_node_remove(node);
			vm_list_add_tail(bucket_of(windows, VM_ENTRY(node,
			    struct vm_window_place, link)->key), node);
		}
	}
	return old;
}

/* Memory comes and goes without the lock; who comes second has it in vain. */
static void
grow(struct vm_windows *windows, uint32_t seen)
{
	const struct vm_os *os = windows->vm->os;
	struct vm_list *bucket = new_buckets(os, 2 * seen);

	if (bucket == NULL)
		return;		/* it is slower, and as right */
	vm_lock(&windows->lock);
	if (windows->bucket_count == seen)
		bucket = exchange(windows, bucket, 2 * seen);
	vm_unlock(&windows->lock);
	os->free(bucket);
}

void
vm_windows_enter(struct vm_windows *windows, struct vm_window *window)
{
	uint32_t seen;
	bool full;

	vm_lock(&windows->lock);
	vm_list_add_tail(&windows->open, &window->link);
	windows->count++;
	for (unsigned i = 0; i < window->count; i++) {
		struct vm_window_place *place = &window->place[i];

		vm_list_add_head(bucket_of(windows, place->key),
		    &place->link);
	}
	windows->places += window->count;
	seen = windows->bucket_count;
	full = windows->places > (uint64_t)FULL * seen;
	vm_unlock(&windows->lock);
	if (full)
		grow(windows, seen);
}

void
vm_windows_leave(struct vm_windows *windows, struct vm_window *window)
{
	vm_lock(&windows->lock);
	vm_assert(windows->count != 0 && windows->places >= window->count);
	vm_node_remove(&window->link);
	windows->count--;
	for (unsigned i = 0; i < window->count; i++)
		vm_node_remove(&window->place[i].link);
	windows->places -= window->count;
	vm_unlock(&windows->lock);
}

struct vm_page *
vm_window_at(struct vm *vm, const void *address, uint32_t *offset)
{
	struct vm_windows *windows = vm->windows;
	uint64_t key = (uintptr_t)address / vm->page_bytes;
	struct vm_page *page = NULL;
	struct vm_list *bucket;
	struct vm_node *node;

	vm_lock(&windows->lock);
	bucket = bucket_of(windows, key);
	for (node = vm_list_first(bucket); node != NULL && page == NULL;
	    node = vm_list_next(bucket, node)) {
		struct vm_window_place *place = VM_ENTRY(node,
		    struct vm_window_place, link);

		if (place->key == key)
			page = place->page;
	}
	vm_unlock(&windows->lock);
	if (page != NULL && offset != NULL)
		*offset = (uint32_t)((uintptr_t)address % vm->page_bytes);
	return page;
}

static bool
shows(const struct vm_window *window, const struct vm_object *object)
{
	for (unsigned i = 0; i < window->count; i++)
		if (window->place[i].object == object)
			return true;
	return false;
}

bool
vm_windows_show(struct vm_windows *windows, const struct vm_object *object)
{
	struct vm_node *node;
	bool found = false;

	vm_lock(&windows->lock);
	for (node = vm_list_first(&windows->open); node != NULL && !found;
	    node = vm_list_next(&windows->open, node))
		found = shows(VM_ENTRY(node, struct vm_window, link), object);
	vm_unlock(&windows->lock);
	return found;
}
