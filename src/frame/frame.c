/* SPDX-License-Identifier: BSD-2-Clause */
/* frame/frame.c - making frames, taking and giving; frame.h has the theory. */
#include "frame/frame.h"

#include <errno.h>
#include <string.h>

#include "base/assert.h"
#include "base/error.h"
#include "frame/frame_private.h"
#include "os/os.h"
#include "page/slot.h"

/* 4096: the smallest page of any machine; what map_anon aligns to. */
#define HOST_ALIGN UINT64_C(4096)

uint16_t
vm_frame_kind_flags(enum vm_kind kind)
{
	static const uint16_t flags[VM_KINDS] = {
		[VM_KIND_HOLLOW] = 0,
		[VM_KIND_WARM] = VM_PGA_WARM,
		[VM_KIND_ZEROED] = VM_PGA_WARM | VM_PGA_ZERO,
	};

	return flags[kind];
}

/* -- making ---------------------------------------------------------------- */

static size_t
array_bytes(const struct vm_frames *frames)
{
	size_t bytes = ((size_t)frames->count + frames->fictitious.most) *
	    sizeof(struct vm_page);

	return (bytes + frames->page_bytes - 1) / frames->page_bytes *
	    frames->page_bytes;
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

static bool
wants_huge(const struct vm_frames *frames)
{
	for (unsigned i = 0; i < frames->segments.count; i++)
		if (frames->segments.array[i].huge)
			return true;
	return false;
}

/* The arena, aligned to what is larger, a page or a large page. */
static int
map_arena(struct vm_frames *frames)
{
	size_t bytes = (size_t)frames->segments.own_frames *
	    frames->page_bytes;
	uint64_t align = frames->page_bytes;
	int err;

	if (bytes == 0)
		return 0;	/* all memory is the caller's */
	if (wants_huge(frames) && align < VM_HUGE_BYTES)
		align = VM_HUGE_BYTES;
	if (align > HOST_ALIGN)
		bytes += align;
	err = map(frames->os, "the arena", bytes, &frames->mapped);
	if (err != 0)
		return err;
	frames->mapped_bytes = bytes;
	frames->arena = frames->mapped;
	if (align > HOST_ALIGN)
		frames->arena += (0 - (uintptr_t)frames->mapped) &
		    (align - 1);
	return 0;
}

static int
map_all(struct vm_frames *frames)
{
	size_t huge_bytes;
	void *pages;
	int err = map_arena(frames);

	if (err != 0)
		return err;
	err = map(frames->os, "page descriptors", array_bytes(frames),
	    &pages);
	if (err != 0)
		return err;
	frames->pages = pages;
	/* They are looked up in no order.  Whole large pages alone: what these
	 * hold is used, if all frames are. */
	huge_bytes = (size_t)frames->count * sizeof(struct vm_page) /
	    VM_HUGE_BYTES * VM_HUGE_BYTES;
	if (huge_bytes != 0)
		(void)frames->os->want_huge(pages, huge_bytes);
	return 0;
}

/* A wish: where the system knows no large pages, small ones serve. */
static void
want_huge(const struct vm_frames *frames,
    const struct vm_frame_segment *segment)
{
	size_t bytes = (size_t)(segment->end - segment->first) *
	    frames->page_bytes;

	if (segment->huge && bytes != 0)
		(void)frames->os->want_huge(segment->base, bytes);
}

static void
make_buddies(struct vm_frames *frames, const struct vm_frames_options *o)
{
	for (unsigned i = 0; i < frames->segments.count; i++) {
		struct vm_frame_segment *segment = &frames->segments.array[i];
		struct vm_buddy_options b = {
			.pages = frames->pages,
			.first = segment->first,
			.end = segment->end,
			.address_pages = (uintptr_t)segment->base /
			    frames->page_bytes,
			.fresh_kind = segment->lent ? VM_KIND_WARM :
			    VM_KIND_HOLLOW,
			.high_first = o->high_first,
			.colours = o->colours == 0 ? 1 : o->colours,
		};

		vm_buddy_init(&segment->buddy, &b);
		want_huge(frames, segment);
	}
}

static uint32_t
magazine_size(const struct vm_frames *frames, unsigned colours)
{
	uint32_t size = frames->count / VM_MAGAZINE_SHARE;

	if (colours > 1)	/* a magazine does not ask for the colour */
		return 0;
	return size < 1 ? 1 : size < VM_MAGAZINE_MAX ? size : VM_MAGAZINE_MAX;
}

static void
unmake(struct vm_frames *frames)
{
	const struct vm_os *os = frames->os;

	if (frames->pages != NULL)
		(void)os->unmap(frames->pages, array_bytes(frames));
	if (frames->mapped != NULL)
		(void)os->unmap(frames->mapped, frames->mapped_bytes);
	os->free(frames->magazines.array);
	os->free(frames->segments.array);
	frames->pages = NULL;
}

/* All that can fail, but for the zeroer's thread. */
static int
reserve_all(struct vm_frames *frames, const struct vm_frames_options *o)
{
	uint32_t most;
	int error;

	frames->segments.array = frames->os->alloc(o->segment_count *
	    sizeof(*frames->segments.array));
	if (frames->segments.array == NULL)
		return vm_error(ENOMEM, "memory: none for segments");
	error = vm_segments_plan(&frames->segments, o->segments,
	    o->segment_count, o->page_bytes);
	if (error != 0)
		return error;
	frames->count = frames->segments.frames;
	most = VM_SLOT_PAGES_MAX - frames->count;
	frames->fictitious.most = o->fictitious < most ? o->fictitious : most;
	error = vm_magazines_init(frames, magazine_size(frames, o->colours));
	return error == 0 ? map_all(frames) : error;
}

static void
set_up(struct vm_frames *frames, const struct vm_frames_options *o)
{
	vm_segments_place(&frames->segments, frames->arena,
	    frames->page_bytes);
	make_buddies(frames, o);
	/* Before the first frame is made without one, not a line of the array
	 * is written to. */
	vm_fictitious_init(&frames->fictitious, frames->pages + frames->count,
	    frames->count, frames->fictitious.most);
	if (o->fictitious_quantum != 0)
		frames->fictitious.quantum = o->fictitious_quantum;
	vm_lock_init(&frames->lock, VM_RANK_FRAME, "frames");
}

int
vm_frames_init_with(struct vm_frames *frames, const struct vm_os *os,
    const struct vm_frames_options *o)
{
	int error;

	vm_assert(vm_page_all_blocks(o->page_bytes) != 0);
	*frames = (struct vm_frames){ .os = os,
		.page_bytes = o->page_bytes };
	error = reserve_all(frames, o);
	if (error != 0) {
		unmake(frames);
		return error;
	}
	set_up(frames, o);
	if (o->zero_high_percent == 0)
		return 0;
	error = vm_zeroer_start(frames, o->zero_low_percent,
	    o->zero_high_percent);
	if (error != 0)
		vm_frames_fini(frames);
	return error;
}

/* 1024 descriptors: a device of 4 MiB, however small the system is.  They are
 * 64 KiB of addresses, no memory, until they are used. */
#define FICTITIOUS_SPARE 1024

int
vm_frames_init(struct vm_frames *frames, const struct vm_os *os,
    uint32_t count, uint32_t page_bytes)
{
	struct vm_segment_options segment = { .name = "arena",
		.bytes = (uint64_t)count * page_bytes };
	struct vm_frames_options o = { .page_bytes = page_bytes,
		.segments = &segment, .segment_count = 1,
		.fictitious = count / 8 + FICTITIOUS_SPARE };

	vm_assert(count > 0 && count <= VM_SLOT_PAGES_MAX);
	return vm_frames_init_with(frames, os, &o);
}

uint32_t
vm_frames_usable(const struct vm_frames *frames)
{
	return frames->count - atomic_load(&frames->stolen) -
	    atomic_load(&frames->retired);
}

static uint32_t
free_frames(const struct vm_frames *frames)
{
	uint32_t free = 0;

	for (unsigned i = 0; i < frames->segments.count; i++)
		free += vm_buddy_free(&frames->segments.array[i].buddy);
	return free;
}

void
vm_frames_fini(struct vm_frames *frames)
{
	vm_zeroer_stop(frames);
	vm_frames_drain(frames);
	vm_assert(free_frames(frames) == vm_frames_usable(frames));
	vm_magazines_fini(frames);
	vm_fictitious_fini(&frames->fictitious);
	vm_lock_fini(&frames->lock);
	unmake(frames);
}

/* -- from hand to hand ----------------------------------------------------- */

/* The slot may be the last identity's: who looks there finds another number. */
void
vm_frame_check_unused(const struct vm_frames *frames,
    const struct vm_page *page)
{
	vm_assert(page == &frames->pages[page->number]);
	vm_assert(page->number < frames->count);
	vm_assert((vm_frame_flags(page) & (VM_PGA_FREE | VM_PGA_LAUNDRY |
	    VM_PGA_RESERVED)) == 0);
	vm_assert(page->object == NULL);
	vm_assert(page->list == 0);
	vm_assert(page->pindex != VM_PINDEX_MAGAZINE);
	vm_assert(!vm_node_linked(&page->queue));
	vm_assert(atomic_load_explicit(&page->wires,
	    memory_order_relaxed) == 0);
	vm_assert(atomic_load_explicit(&page->holds,
	    memory_order_relaxed) == 0);
	vm_assert(atomic_load_explicit(&page->loans,
	    memory_order_relaxed) == 0);
}

struct vm_page *
vm_frame_hand_out(struct vm_frames *frames, uint32_t number, uint16_t flags)
{
	struct vm_page *page = &frames->pages[number];

	/* Fresh ones alone: others may look at that of a page they remember. */
	if (page->number != number)
		page->number = number;
	vm_frame_set_flags(page, flags);
	page->pindex = 0;
	page->valid = 0;
	atomic_store_explicit(&page->dirty, 0,
	    memory_order_relaxed);
	page->weight = 0;
	vm_frame_check_unused(frames, page);
	return page;
}

static enum vm_kind
kind_of(const struct vm_page *page)
{
	uint16_t flags = vm_frame_flags(page);

	if ((flags & VM_PGA_WARM) == 0)
		return VM_KIND_HOLLOW;
	return (flags & VM_PGA_ZERO) != 0 ? VM_KIND_ZEROED : VM_KIND_WARM;
}

/* Memory that was lent has no other kind. */
void
vm_frame_put_locked(struct vm_frames *frames, struct vm_page *page)
{
	struct vm_frame_segment *segment = vm_segment_of(&frames->segments,
	    page->number);
	enum vm_kind kind = kind_of(page);

	if (segment->lent && kind == VM_KIND_HOLLOW)
		kind = VM_KIND_WARM;
	vm_buddy_give(&segment->buddy, page->number, page->number + 1, kind);
}

bool
vm_frame_pick_locked(struct vm_frames *frames, enum vm_kind kind,
    uint32_t *number)
{
	const struct vm_segments *segments = &frames->segments;

	for (unsigned i = 0; i < segments->count; i++)
		if (vm_buddy_take(&segments->array[
		    segments->by_priority[i]].buddy, kind, 0, number))
			return true;
	return false;
}

/* -- taking ---------------------------------------------------------------- */

static const enum vm_kind plain_order[VM_KINDS] = {
	VM_KIND_WARM, VM_KIND_HOLLOW, VM_KIND_ZEROED,
};
static const enum vm_kind zero_order[VM_KINDS] = {
	VM_KIND_ZEROED, VM_KIND_HOLLOW, VM_KIND_WARM,
};

/* The best kind of the best segment that has any. */
static bool
pick_for_pool_locked(struct vm_frames *frames, const enum vm_kind *order,
    enum vm_kind *kind, uint32_t *number)
{
	const struct vm_segments *segments = &frames->segments;

	for (unsigned i = 0; i < segments->count; i++) {
		struct vm_buddy *buddy = &segments->array[
		    segments->by_priority[i]].buddy;

		for (unsigned k = 0; k < VM_KINDS; k++)
			if (vm_buddy_take(buddy, order[k], 0, number)) {
				*kind = order[k];
				return true;
			}
	}
	return false;
}

/* By being touched, a hollow frame becomes a warm one, of zeros. */
static uint16_t
flags_in_pool(enum vm_kind kind, bool zero)
{
	return zero && kind != VM_KIND_WARM ? VM_PGA_WARM | VM_PGA_ZERO :
	    VM_PGA_WARM;
}

static unsigned
take_for_pool(struct vm_frames *frames, bool zero, struct vm_page **pages,
    unsigned want)
{
	const enum vm_kind *order = zero ? zero_order : plain_order;
	enum vm_kind kind;
	uint32_t number;
	unsigned got = 0;

	vm_lock(&frames->lock);
	while (got < want && pick_for_pool_locked(frames, order, &kind,
	    &number))
		pages[got++] = vm_frame_hand_out(frames, number,
		    flags_in_pool(kind, zero));
	vm_zeroer_hint_locked(frames);
	vm_unlock(&frames->lock);
	return got;
}

static unsigned
take_for_other(struct vm_frames *frames, struct vm_page **pages,
    unsigned want)
{
	uint32_t number;
	unsigned got = 0;

	vm_lock(&frames->lock);
	while (got < want) {
		if (vm_frame_pick_locked(frames, VM_KIND_HOLLOW, &number))
			pages[got++] = vm_frame_hand_out(frames, number, 0);
		else if (vm_frame_hollow_locked(frames) == 0)
			break;
	}
	vm_unlock(&frames->lock);
	return got;
}

static unsigned
take_from_buddies(struct vm_frames *frames, enum vm_home home,
    struct vm_page **pages, unsigned want)
{
	return home == VM_HOME_POOL ?
	    take_for_pool(frames, false, pages, want) :
	    take_for_other(frames, pages, want);
}

unsigned
vm_frame_take(struct vm_frames *frames, enum vm_home home,
    struct vm_page **pages, unsigned want)
{
	unsigned got = vm_magazine_take(frames, home, pages, want);

	if (VM_LIKELY(got == want))
		return got;
	got += take_from_buddies(frames, home, pages + got, want - got);
	if (VM_LIKELY(got == want))
		return got;
	vm_magazines_drain_begin(frames);
	got += take_from_buddies(frames, home, pages + got, want - got);
	vm_magazines_drain_end(frames);
	return got;
}

unsigned
vm_frame_take_zero(struct vm_frames *frames, struct vm_page **pages,
    unsigned want)
{
	unsigned got = take_for_pool(frames, true, pages, want);

	if (VM_LIKELY(got == want))
		return got;
	vm_magazines_drain_begin(frames);
	got += take_for_pool(frames, true, pages + got, want - got);
	vm_magazines_drain_end(frames);
	return got;
}

/* -- giving ---------------------------------------------------------------- */

#ifdef VM_DEBUG
static void
check_zeros(const struct vm_frames *frames, const struct vm_page *page)
{
	const char *bytes = vm_frame_data(frames, page);

	if ((vm_frame_flags(page) & VM_PGA_ZERO) != 0)
		vm_assert(bytes[0] == 0 && memcmp(bytes, bytes + 1,
		    frames->page_bytes - 1) == 0);
}
#else
static void
check_zeros(const struct vm_frames *frames, const struct vm_page *page)
{
	(void)frames;
	(void)page;
}
#endif

static void
give_to_buddies(struct vm_frames *frames, struct vm_page **pages,
    unsigned count)
{
	vm_lock(&frames->lock);
	for (unsigned i = 0; i < count; i++)
		vm_frame_put_locked(frames, pages[i]);
	vm_zeroer_hint_locked(frames);
	vm_unlock(&frames->lock);
}

void
vm_frame_give(struct vm_frames *frames, struct vm_page **pages, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		vm_frame_check_unused(frames, pages[i]);
		check_zeros(frames, pages[i]);
	}
	if (!vm_magazine_give(frames, pages, count))
		give_to_buddies(frames, pages, count);
}

void
vm_frames_retire(struct vm_frames *frames, struct vm_page *page)
{
	vm_frame_check_unused(frames, page);
	vm_lock(&frames->lock);
	vm_segment_of(&frames->segments, page->number)->retired++;
	vm_unlock(&frames->lock);
	atomic_fetch_or_explicit(&page->flags, VM_PGA_RESERVED,
	    memory_order_relaxed);
	atomic_fetch_add(&frames->retired, 1);
}

/* -- address and frame ----------------------------------------------------- */

void *
vm_frame_data_lent(const struct vm_frames *frames, uint32_t number)
{
	const struct vm_frame_segment *segment = vm_segment_of(
	    &frames->segments, number);

	return segment->base +
	    (size_t)(number - segment->first) * frames->page_bytes;
}

struct vm_page *
vm_frame_of_address(const struct vm_frames *frames, const void *address)
{
	uint32_t number;

	return vm_segment_find(&frames->segments, address,
	    frames->page_bytes, &number) ? &frames->pages[number] : NULL;
}
