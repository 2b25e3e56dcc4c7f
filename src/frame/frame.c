/* SPDX-License-Identifier: BSD-2-Clause */
/* frame/frame.c - free lists; frame.h has the theory. */
#include "frame/frame.h"

#include <errno.h>
#include <stdbool.h>

#include "base/assert.h"
#include "base/error.h"
#include "os/os.h"
#include "page/slot.h"

static size_t
array_bytes(const struct vm_frames *frames)
{
	size_t bytes = frames->count * sizeof(struct vm_page);

	return (bytes + frames->page_bytes - 1) / frames->page_bytes *
	    frames->page_bytes;
}

static size_t
arena_bytes(const struct vm_frames *frames)
{
	return (size_t)frames->count * frames->page_bytes;
}

static int
map(const struct vm_os *os, const char *what, size_t bytes, void **out)
{
	int err = os->map_anon(bytes, out);

	if (err == 0)
		return 0;
	return vm_error(ENOMEM, "memory: cannot map %zu bytes for %s: %s",
	    bytes, what, vm_errno_text(-err));
}

int
vm_frames_init(struct vm_frames *frames, const struct vm_os *os,
    uint32_t count, uint32_t page_bytes)
{
	void *arena, *pages;
	int err;

	vm_assert(count > 0 && count <= VM_SLOT_PAGES_MAX);
	vm_assert(vm_page_all_blocks(page_bytes) != 0);
	*frames = (struct vm_frames){ .os = os, .count = count,
		.page_bytes = page_bytes };
	err = map(os, "the arena", arena_bytes(frames), &arena);
	if (err != 0)
		return err;
	err = map(os, "page descriptors", array_bytes(frames), &pages);
	if (err != 0) {
		(void)os->unmap(arena, arena_bytes(frames));
		return err;
	}
	frames->arena = arena;
	frames->pages = pages;
	vm_lock_init(&frames->lock, VM_RANK_FRAME, "frames");
	vm_list_init(&frames->warm);
	vm_list_init(&frames->hollow);
	return 0;
}

static uint32_t
free_count(const struct vm_frames *frames)
{
	return frames->warm_count + frames->hollow_count +
	    (frames->count - frames->fresh);
}

void
vm_frames_fini(struct vm_frames *frames)
{
	vm_assert(free_count(frames) == frames->count);
	(void)frames->os->unmap(frames->arena, arena_bytes(frames));
	(void)frames->os->unmap(frames->pages, array_bytes(frames));
	vm_lock_fini(&frames->lock);
}

static uint16_t
flags_of(const struct vm_page *page)
{
	return atomic_load_explicit(&page->flags, memory_order_relaxed);
}

static void
set_flags(struct vm_page *page, uint16_t flags)
{
	atomic_store_explicit(&page->flags, flags, memory_order_relaxed);
}

static void
put_warm_locked(struct vm_frames *frames, struct vm_page *page)
{
	set_flags(page, VM_PGA_WARM | VM_PGA_FREE);
	vm_list_add_head(&frames->warm, &page->queue);
	frames->warm_count++;
}

static void
put_hollow_locked(struct vm_frames *frames, struct vm_page *page)
{
	set_flags(page, VM_PGA_FREE);
	vm_list_add_head(&frames->hollow, &page->queue);
	frames->hollow_count++;
}

/* Last in, first out: the descriptor and its memory may still be cached. */
static struct vm_page *
pop_warm_locked(struct vm_frames *frames)
{
	struct vm_page *page = VM_ENTRY(vm_list_first(&frames->warm),
	    struct vm_page, queue);

	if (page == NULL)
		return NULL;
	vm_node_remove(&page->queue);
	frames->warm_count--;
	return page;
}

static struct vm_page *
pop_hollow_locked(struct vm_frames *frames)
{
	struct vm_page *page = VM_ENTRY(vm_list_first(&frames->hollow),
	    struct vm_page, queue);

	if (page != NULL) {
		vm_node_remove(&page->queue);
		frames->hollow_count--;
		return page;
	}
	if (frames->fresh == frames->count)
		return NULL;
	page = &frames->pages[frames->fresh];
	page->number = frames->fresh++;
	return page;
}

static bool
free_and_warm_locked(const struct vm_frames *frames, uint32_t number)
{
	const uint16_t both = VM_PGA_WARM | VM_PGA_FREE;

	return number < frames->fresh &&
	    (flags_of(&frames->pages[number]) & both) == both;
}

/*
 * Turns one warm descriptor and its free and warm neighbours hollow.  False
 * when there is none or the system would not drop the memory.  The one system
 * call under a lock besides pmap's: while it ran unlocked, pages that limit
 * counts as free would be on no list.
 */
static bool
hollow_some_locked(struct vm_frames *frames)
{
	struct vm_page *page = VM_ENTRY(vm_list_last(&frames->warm),
	    struct vm_page, queue);
	uint32_t first, end;

	if (page == NULL)
		return false;
	first = page->number;
	end = first + 1;
	while (end - first < VM_FRAME_HOLLOW_BATCH &&
	    free_and_warm_locked(frames, end))
		end++;
	while (end - first < VM_FRAME_HOLLOW_BATCH && first > 0 &&
	    free_and_warm_locked(frames, first - 1))
		first--;
	if (frames->os->drop(vm_frame_data(frames, &frames->pages[first]),
	    (size_t)(end - first) * frames->page_bytes) != 0)
		return false;
	for (uint32_t i = first; i < end; i++) {
		vm_node_remove(&frames->pages[i].queue);
		frames->warm_count--;
		put_hollow_locked(frames, &frames->pages[i]);
	}
	return true;
}

static struct vm_page *
take_for_pool_locked(struct vm_frames *frames)
{
	struct vm_page *page = pop_warm_locked(frames);

	if (page == NULL)
		page = pop_hollow_locked(frames);
	if (page != NULL)
		set_flags(page, VM_PGA_WARM);	/* by being touched */
	return page;
}

static struct vm_page *
take_for_other_locked(struct vm_frames *frames)
{
	struct vm_page *page = pop_hollow_locked(frames);

	if (page == NULL && hollow_some_locked(frames))
		page = pop_hollow_locked(frames);
	if (page != NULL)
		set_flags(page, 0);
	return page;
}

/* The slot may be the last identity's: who looks there finds another number. */
static void
assert_nothing_left(const struct vm_page *page)
{
	vm_assert(page->object == NULL);
	vm_assert(page->list == 0);
	vm_assert(!vm_node_linked(&page->queue));
	vm_assert(atomic_load_explicit(&page->wires,
	    memory_order_relaxed) == 0);
}

unsigned
vm_frame_take(struct vm_frames *frames, enum vm_home home,
    struct vm_page **pages, unsigned want)
{
	unsigned got = 0;
	struct vm_page *page;

	vm_lock(&frames->lock);
	for (; got < want; got++) {
		page = home == VM_HOME_POOL ? take_for_pool_locked(frames)
		    : take_for_other_locked(frames);
		if (page == NULL)
			break;
		assert_nothing_left(page);
		page->pindex = 0;
		page->valid = page->dirty = 0;
		page->weight = 0;
		pages[got] = page;
	}
	vm_unlock(&frames->lock);
	return got;
}

void
vm_frame_give(struct vm_frames *frames, struct vm_page **pages, unsigned count)
{
	vm_lock(&frames->lock);
	for (unsigned i = 0; i < count; i++) {
		struct vm_page *page = pages[i];

		vm_assert(page == &frames->pages[page->number]);
		vm_assert((flags_of(page) & VM_PGA_FREE) == 0);
		vm_assert((flags_of(page) & VM_PGA_LAUNDRY) == 0);
		assert_nothing_left(page);
		if ((flags_of(page) & VM_PGA_WARM) != 0)
			put_warm_locked(frames, page);
		else
			put_hollow_locked(frames, page);
	}
	vm_unlock(&frames->lock);
}
