/* SPDX-License-Identifier: BSD-2-Clause */
/* pager/swap.c - the swap file; swap_private.h has the theory. */
#include "pager/swap_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/error.h"
#include "os/os.h"
#include "pager/swaptable.h"

/* 4 MiB: a few of the largest writes, and nothing on any disk. */
#define GROW_BYTES (UINT64_C(4) << 20)

static const char *
directory_of(const struct vm_swap_options *options)
{
	const char *directory = options->directory;

	if (directory == NULL)
		directory = getenv("TMPDIR");
	return directory != NULL && directory[0] != '\0' ? directory :
	    "/var/tmp";
}

static uint64_t
max_pages(const struct vm_swap_options *options)
{
	uint64_t pages = options->max_bytes / options->page_bytes;

	return options->max_bytes == 0 || pages > VM_SWAP_PAGES_MAX ?
	    VM_SWAP_PAGES_MAX : pages;
}

int
vm_swap_create(const struct vm_swap_options *options, struct vm_swap **out)
{
	static const char what[] = "swap file in ";
	const char *directory = directory_of(options);
	size_t length = strlen(directory) + 1;
	struct vm_swap *swap = options->os->alloc(sizeof(*swap));
	char *name = options->os->alloc(sizeof(what) + length);

	if (swap == NULL || name == NULL) {
		options->os->free(swap);
		options->os->free(name);
		return vm_error(ENOMEM, "swap: %s", vm_errno_text(ENOMEM));
	}
	memcpy(name, what, sizeof(what));
	swap->directory = memcpy(name + sizeof(what) - 1, directory, length);
	swap->name = name;
	vm_backing_init(&swap->backing, options->os, options->counters,
	    options->page_bytes);
	swap->backing.what = name;
	vm_lock_init(&swap->lock, VM_RANK_PAGER, "swap");
	vm_cond_init(&swap->opened);
	vm_swapmap_init(&swap->map, max_pages(options));
	*out = swap;
	return 0;
}

void
vm_swap_destroy(struct vm_swap *swap)
{
	const struct vm_os *os = swap->backing.os;

	os->free(vm_swapmap_fini(&swap->map));
	vm_backing_close(&swap->backing);
	vm_cond_fini(&swap->opened);
	vm_lock_fini(&swap->lock);
	os->free(swap->name);
	os->free(swap);
}

static int
make_file(struct vm_swap *swap)
{
	const struct vm_os *os = swap->backing.os;
	int err, fd = os->tmpfile(swap->directory);

	if (fd < 0)
		return vm_error(-fd, "%s: making it: %s", swap->name,
		    vm_errno_text(-fd));
	err = vm_backing_open(&swap->backing, fd, O_RDWR);
	os->close(fd);
	return err;
}

/* One thread makes the file, the others wait for it. */
static int
need_file(struct vm_swap *swap)
{
	int err = 0;

	/* Acquire: pairs with the store below. */
	if (atomic_load_explicit(&swap->open, memory_order_acquire))
		return 0;
	vm_lock(&swap->lock);
	while (swap->opening)
		(void)vm_cond_wait(&swap->opened, &swap->lock, UINT64_MAX);
	swap->opening = true;
	vm_unlock(&swap->lock);
	if (!atomic_load_explicit(&swap->open, memory_order_acquire))
		err = make_file(swap);
	if (err == 0)
		atomic_store_explicit(&swap->open, true, memory_order_release);
	vm_lock(&swap->lock);
	swap->opening = false;
	vm_cond_wake_all(&swap->opened);
	vm_unlock(&swap->lock);
	return err;
}

/* Failing is no error while there is room in the map. */
static void
grow_map(struct vm_swap *swap, unsigned want)
{
	const struct vm_os *os = swap->backing.os;
	uint64_t *words;
	size_t bytes;

	vm_lock(&swap->lock);
	bytes = vm_swapmap_growth_bytes(&swap->map, want);
	vm_unlock(&swap->lock);
	words = bytes > 0 ? os->alloc(bytes) : NULL;
	if (words == NULL)
		return;
	vm_lock(&swap->lock);
	words = vm_swapmap_grow(&swap->map, words, bytes);
	vm_unlock(&swap->lock);
	os->free(words);
}

static unsigned
take_below(struct vm_swap *swap, unsigned want, uint64_t limit,
    uint64_t *first)
{
	unsigned count;

	vm_lock(&swap->lock);
	count = vm_swapmap_take(&swap->map, want, limit, first);
	vm_unlock(&swap->lock);
	return count;
}

static void
give(struct vm_swap *swap, uint64_t first, unsigned count)
{
	vm_lock(&swap->lock);
	vm_swap_give_locked(swap, first, count);
	vm_unlock(&swap->lock);
}

static int
allocate(struct vm_swap *swap, uint64_t from, uint64_t to)
{
	uint32_t page_bytes = swap->backing.page_bytes;

	return swap->backing.os->fallocate(atomic_load_explicit(
	    &swap->backing.out[VM_BACKING_PLAIN], memory_order_relaxed), 0,
	    from * page_bytes, (to - from) * page_bytes);
}

/* Makes sure of blocks for all pages before end.  0, a negative errno. */
static int
need_disk(struct vm_swap *swap, uint64_t end)
{
	uint64_t from, to, step = GROW_BYTES / swap->backing.page_bytes;
	int err;

	if (atomic_load_explicit(&swap->sparse, memory_order_relaxed))
		return 0;
	vm_lock(&swap->lock);
	from = swap->on_disk_pages;
	vm_unlock(&swap->lock);
	if (end <= from)
		return 0;
	to = (end + step - 1) / step * step;
	if (to > swap->map.max_pages)
		to = swap->map.max_pages;
	err = allocate(swap, from, to);
	if (err == -ENOSPC && to > end) {
		to = end;
		err = allocate(swap, from, to);
	}
	if (err == -EOPNOTSUPP || err == -ENOSYS || err == -EINVAL) {
		atomic_store_explicit(&swap->sparse, true,
		    memory_order_relaxed);
		return 0;
	}
	vm_lock(&swap->lock);
	if (err == 0 && swap->on_disk_pages < to)
		swap->on_disk_pages = to;
	vm_unlock(&swap->lock);
	return err;
}

static int
no_room(struct vm_swap *swap, unsigned want, int err)
{
	return vm_error(err, "%s: no room for %llu bytes: %s", swap->name,
	    (unsigned long long)want * swap->backing.page_bytes,
	    vm_errno_text(err));
}

int
vm_swap_take(struct vm_swap *swap, unsigned want, uint64_t *first)
{
	unsigned count;
	uint64_t limit;
	int err = need_file(swap);

	if (err < 0)
		return err;
	grow_map(swap, want);
	count = take_below(swap, want, UINT64_MAX, first);
	if (count == 0) {
		vm_lock(&swap->lock);
		limit = swap->map.pages;
		vm_unlock(&swap->lock);
		return no_room(swap, want,
		    limit < swap->map.max_pages ? ENOMEM : ENOSPC);
	}
	err = need_disk(swap, *first + count);
	if (err == 0)
		return (int)count;
	give(swap, *first, count);
	/* The disk is full; there may be room within what it gave before. */
	vm_lock(&swap->lock);
	limit = swap->on_disk_pages;
	vm_unlock(&swap->lock);
	count = take_below(swap, want, limit, first);
	return count > 0 ? (int)count : no_room(swap, want, -err);
}

void
vm_swap_give_locked(struct vm_swap *swap, uint64_t first, unsigned count)
{
	vm_lock_assert_held(&swap->lock);
	vm_swapmap_give(&swap->map, first, count);
}
