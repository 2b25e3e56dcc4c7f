/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ops_life.c - the steps of a page's life, each by itself.
 *
 * A page that is taken out of its object has its bytes nowhere else, unless
 * they were synced before: then the object has them again at once.
 */
#include <errno.h>
#include <string.h>

#include "holdings.h"
#include "op.h"

/* Whether an index may be given another page: nothing of ours pins it. */
static bool
loose_ends(const struct thing *t, uint64_t at)
{
	return t->wires[at] == 0;
}

/* The page, exclusive and clean: its pager has its bytes. */
static struct vm_page *
grab_clean(struct world *w, struct thing *t, uint64_t at)
{
	struct vm_page *page;

	MUST(w, vm_object_sync(t->object, at * PAGE, PAGE) == 0);
	MUST(w, vm_page_grab(t->object, at, VM_GRAB_WRITE, &page) == 0);
	return page;
}

/* New bytes for all of an exclusive page, of which none need be valid. */
static void
write_whole(struct world *w, struct thing *t, struct vm_page *page,
    uint64_t at)
{
	uint32_t part = thing_part(t, at);
	uint8_t value = (uint8_t)pick(w, 256);
	char *bytes = vm_page_data(page);

	MUST(w, bytes != NULL);
	memset(bytes, value, part);
	memset(bytes + part, 0, PAGE - part);
	memset(t->bytes + at * PAGE, value, part);
	MUST(w, vm_page_set_valid(page, 0, PAGE) == 0);
	vm_page_dirty(page, 0, PAGE);
}

static void
alloc_at(struct world *w, struct thing *t)
{
	uint64_t at = some_page(w, t);
	uint64_t generation = vm_object_generation(t->object);
	struct vm_page *page;
	int error = vm_page_alloc_at(t->object, at, pick(w, 2) ?
	    VM_ALLOC_WAIT : VM_ALLOC_WAIT | VM_ALLOC_ZERO, &page);

	if (t->store) {
		MUST(w, error == -ENOTSUP);
		return;
	}
	MUST(w, error == 0 || error == -EEXIST);
	if (error != 0)
		return;
	MUST(w, vm_object_generation(t->object) != generation);
	MUST(w, vm_page_pindex(page) == at);
	if (t->writable && pick(w, 2))
		write_whole(w, t, page, at);
	vm_page_release(page);	/* perhaps valid nowhere: read when wanted */
}

static void
without_reading(struct world *w, struct thing *t)
{
	uint64_t at = some_page(w, t);
	struct vm_page *page;

	if (!t->writable)
		return;
	MUST(w, vm_page_grab(t->object, at, VM_GRAB_WRITE | VM_GRAB_NOREAD,
	    &page) == 0);
	write_whole(w, t, page, at);
	vm_page_release(page);
}

/* Out of the object and back, or over what came there meanwhile. */
static void
remove_and_insert(struct world *w, struct thing *t)
{
	uint64_t at = some_page(w, t);
	struct vm_page *page;

	if (!t->writable || !loose_ends(t, at))
		return;
	page = grab_clean(w, t, at);
	if (t->store) {
		MUST(w, vm_page_remove(page) == -ENOTSUP);
		vm_page_release(page);
		return;
	}
	MUST(w, vm_page_remove(page) == 0);
	MUST(w, vm_page_object(page) == NULL);
	if (pick(w, 2))
		MUST(w, vm_page_insert(page, t->object, at) == 0);
	else
		MUST(w, vm_page_replace(page, t->object, at, NULL) == 0);
	thing_compare(w, t, page, at);
	vm_page_release(page);
}

static void
replace_page(struct world *w, struct thing *t)
{
	uint64_t at = some_page(w, t);
	struct vm_page *page, *old = NULL;
	bool wanted = pick(w, 2);
	int error;

	if (!t->writable || t->store || !loose_ends(t, at))
		return;
	MUST(w, vm_page_alloc(w->vm, VM_ALLOC_WAIT, &page) == 0);
	error = vm_page_replace(page, t->object, at, wanted ? &old : NULL);
	if (error != 0) {
		MUST(w, error == -EBUSY && wanted && may_be_lent(w));
		vm_page_free(page, 0);
		return;
	}
	write_whole(w, t, page, at);
	vm_page_release(page);
	if (old != NULL)
		vm_page_free(old, 0);
}

static void
free_page(struct world *w, struct thing *t)
{
	uint64_t at = some_page(w, t);

	if (!t->writable || !loose_ends(t, at))
		return;
	vm_page_free(grab_clean(w, t, at), 0);
	MUST(w, vm_page_lookup(t->object, at) == NULL);
}

static bool
can_move(struct thing *t, uint64_t at)
{
	return t->writable && !t->store && loose_ends(t, at) &&
	    thing_part(t, at) == PAGE;
}

/* What is left is what the pager had: a file's bytes, swap's zeros. */
static void
rename_page(struct world *w, struct thing *t)
{
	struct thing *to = &w->thing[pick(w, THINGS)];
	uint64_t at = some_page(w, t), there;
	struct vm_page *page;
	int error;

	if (to->length == 0 || !can_move(t, at))
		return;
	there = some_page(w, to);
	if (!to->writable || to->store || !loose_ends(to, there) ||
	    (t == to && at == there))
		return;
	page = grab_clean(w, t, at);
	error = vm_page_rename(page, to->object, there, VM_RENAME_DIRTY |
	    VM_RENAME_UNBUSY | (pick(w, 2) ? VM_RENAME_REPLACE : 0));
	/* The daemon may have a look at the page that is there. */
	MUST(w, error == 0 || error == -EEXIST || error == -EBUSY);
	if (error != 0) {
		vm_page_release(page);
		return;
	}
	memcpy(to->bytes + there * PAGE, t->bytes + at * PAGE,
	    thing_part(to, there));
	if (!t->file && !t->paged)
		memset(t->bytes + at * PAGE, 0, PAGE);
}

static void
look(struct world *w, struct thing *t)
{
	unsigned char vec[PAGES_MAX];
	struct vm_page *page[PAGES_MAX];
	uint64_t first = some_page(w, t), at = first, n = 0;
	uint64_t count = thing_pages(t) - first;

	/* The daemon may evict meanwhile, so each look is another truth. */
	MUST(w, vm_page_range(t->object, first, first + count, page,
	    PAGES_MAX) <= count);
	MUST(w, vm_object_resident(t->object, first, count, vec) <= count);
	for (uint64_t i = 0; i < count; i++)
		MUST(w, vec[i] <= 1);
	for (; vm_page_next(t->object, &at) != NULL; at++, n++)
		MUST(w, at >= first && at < thing_pages(t));
	MUST(w, n <= count);
	at = first;
	if (vm_page_prev(t->object, &at) != NULL)
		MUST(w, at <= first);
	MUST(w, vm_object_may_be_dirty(t->object) <= 1);
}

/* The bytes of a held frame outlive the page. */
static void
hold_frame(struct world *w, struct thing *t)
{
	uint64_t at = some_page(w, t);
	struct vm_page *page;
	char bytes[PAGE];
	const char *data;
	int error;

	MUST(w, vm_page_grab(t->object, at, VM_GRAB_READ, &page) == 0);
	error = vm_page_hold(page);
	MUST(w, error == (t->store ? -ENOTSUP : 0));
	data = vm_page_data(page);
	memcpy(bytes, data, PAGE);
	vm_page_release(page);
	if (error != 0)
		return;
	MUST(w, vm_object_forget(t->object) == 0);
	MUST(w, memcmp(bytes, data, PAGE) == 0);
	vm_page_unhold(page);
}

static void
wire_page(struct world *w, struct thing *t)
{
	static const enum vm_to to[] = { VM_TO_ACTIVE, VM_TO_INACTIVE,
		VM_TO_INACTIVE_HEAD };
	uint64_t at = some_page(w, t);
	struct vm_page *page, *again;
	int error;

	MUST(w, vm_page_grab(t->object, at, VM_GRAB_READ, &page) == 0);
	error = vm_page_wire(page, NULL);
	vm_page_release(page);
	MUST(w, error == 0 || (error == -EBUSY && may_be_lent(w)));
	if (error != 0)
		return;
	MUST(w, vm_object_forget(t->object) == 0);
	MUST(w, vm_page_lookup(t->object, at) == page);
	MUST(w, vm_page_grab(t->object, at, VM_GRAB_READ, &again) == 0);
	MUST(w, again == page);
	thing_compare(w, t, page, at);
	MUST(w, vm_page_unwire(page, NULL, to[pick(w, 3)]) >= 0);
	vm_page_release(page);
}

static void
change_hold(struct world *w, struct thing *t)
{
	uint64_t at = some_page(w, t);
	struct vm_page *page;

	if (!t->writable)
		return;
	MUST(w, vm_page_grab(t->object, at, VM_GRAB_WRITE, &page) == 0);
	MUST(w, vm_page_busied(page) == -1);
	vm_page_downgrade(page);
	MUST(w, vm_page_busied(page) == 1);
	MUST(w, vm_page_share(page) == 0);
	MUST(w, vm_page_try_upgrade(page) == -EAGAIN);
	vm_page_release(page);
	MUST(w, vm_page_try_upgrade(page) == 0);
	vm_page_flash(page);
	thing_compare(w, t, page, at);
	vm_page_release(page);
	MUST(w, vm_page_wait(t->object, at, VM_WAIT_EXCL | VM_WAIT_SHARED,
	    VM_WAIT_FOREVER) >= 0);
}

static void
grab_many(struct world *w, struct thing *t)
{
	enum { MANY = 6 };	/* a fifth of the limit */
	struct vm_page *page[MANY];
	uint64_t at = some_page(w, t);
	unsigned count = 1 + (unsigned)pick(w, MANY), got;
	bool write = t->writable && pick(w, 2);
	int error;

	if (count > thing_pages(t) - at)
		count = (unsigned)(thing_pages(t) - at);
	error = vm_page_grab_many(t->object, at, count, write ? VM_GRAB_WRITE :
	    VM_GRAB_READ, page, &got);
	/* So many at once may be too many where others are pinned. */
	MUST(w, error == 0 || (error == -ENOMEM && count > 1 &&
	    (w->kept || w->pinned > PINNED_MAX / 2)));
	if (error != 0)
		return;
	MUST(w, got == count);
	for (unsigned i = 0; i < got; i++)
		thing_compare(w, t, page[i], at + i);
	for (unsigned i = 0; i < got && write; i++)
		if (pick(w, 2))
			write_whole(w, t, page[i], at + i);
	vm_page_release_many(page, got);
}

static void
grab_pair(struct world *w, struct thing *t)
{
	struct thing *other = &w->thing[pick(w, THINGS)];
	struct vm_page_pair pair = { .flags = VM_GRAB_READ };

	if (other->length == 0)
		return;
	pair.object[0] = t->object;
	pair.pindex[0] = some_page(w, t);
	pair.object[1] = other->object;
	pair.pindex[1] = some_page(w, other);
	MUST(w, vm_page_grab_pair(&pair) == 0);
	thing_compare(w, t, pair.page[0], pair.pindex[0]);
	thing_compare(w, other, pair.page[1], pair.pindex[1]);
	vm_page_release_pair(&pair);
}

/* A placeholder in an object is made a page by whoever wants its bytes. */
static void
placeholder(struct world *w, struct thing *t)
{
	uint64_t at = some_page(w, t);
	struct vm_page *page;

	if (t->store)
		return;
	if (vm_page_grab_fictitious(w->vm, &page) != 0) {
		MUST(w, vm_page_more_fictitious(w->vm, 0) > 0);
		return;
	}
	if (vm_page_insert(page, t->object, at) != 0) {
		vm_page_release_fictitious(page);
		return;
	}
	if (pick(w, 2) && vm_page_convert(&page) == 1)
		MUST(w, vm_page_data(page) != NULL);
	vm_page_release(page);
	MUST(w, vm_page_grab(t->object, at, VM_GRAB_READ, &page) == 0);
	thing_compare(w, t, page, at);
	vm_page_release(page);
}

/* Somebody else's memory in the place of a page, for a while. */
static void
foreign(struct world *w, struct thing *t)
{
	static uint8_t memory[PAGE];
	uint64_t at = some_page(w, t);
	uint32_t part = thing_part(t, at);
	struct vm_page *page;

	if (t->store || !t->writable ||
	    vm_page_grab_fictitious(w->vm, &page) != 0)
		return;
	memset(memory, 0, PAGE);
	memcpy(memory, t->bytes + at * PAGE, part);
	vm_page_make_private(page, memory);
	if (vm_page_insert(page, t->object, at) != 0) {
		vm_page_free(page, 0);
		return;
	}
	MUST(w, vm_page_data(page) == memory);
	vm_page_release(page);
	MUST(w, vm_object_forget(t->object) == 0);
	MUST(w, vm_page_grab(t->object, at, VM_GRAB_WRITE, &page) == 0);
	thing_compare(w, t, page, at);
	vm_page_free(page, 0);
	MUST(w, memcmp(memory, t->bytes + at * PAGE, part) == 0);
}

/* Side by side in memory; those in the way may be pinned. */
static void
grab_contig(struct world *w, struct thing *t)
{
	enum { ROW = 3 };
	struct vm_page *page[ROW];
	uint64_t at = some_page(w, t);
	unsigned count = 1 + (unsigned)pick(w, ROW);
	int error;

	if (at + count > thing_pages(t))
		return;
	error = vm_page_grab_contig(t->object, at, count, t->writable &&
	    pick(w, 2) ? VM_GRAB_WRITE : VM_GRAB_READ, page);
	if (t->store) {
		MUST(w, error == -ENOTSUP);
		return;
	}
	MUST(w, error == 0 || error == -EBUSY || error == -ENOMEM);
	for (unsigned i = 0; i < count && error == 0; i++) {
		MUST(w, vm_page_data(page[i]) ==
		    (char *)vm_page_data(page[0]) + (size_t)i * PAGE);
		thing_compare(w, t, page[i], at + i);
	}
	if (error == 0)
		vm_page_release_many(page, count);
}

/* On no queue until it is freed. */
static void
unmanage(struct world *w, struct thing *t)
{
	uint64_t at = some_page(w, t);
	struct vm_page *page;

	if (!t->writable || !loose_ends(t, at))
		return;
	page = grab_clean(w, t, at);
	vm_page_unmanage(page);
	vm_page_touch(page);
	MUST(w, strcmp(vm_page_queue_name(page), "none") == 0);
	thing_compare(w, t, page, at);
	vm_page_free(page, 0);
}

static void
set_knobs(struct world *w, struct thing *t)
{
	vm_object_set_behind(t->object, (int)pick(w, 2));
	vm_object_set_inflight_max(t->object, (uint32_t)pick(w, 10));
}

const struct op ops_life[] = {
	{ "allocate at", alloc_at, 8, false },
	{ "write unread", without_reading, 6, false },
	{ "remove and insert", remove_and_insert, 2, false },
	{ "replace a page", replace_page, 3, false },
	{ "free", free_page, 2, false },
	{ "rename", rename_page, 4, false },
	{ "look", look, 2, false },
	{ "hold a frame", hold_frame, 2, false },
	{ "wire a page", wire_page, 2, false },
	{ "change a hold", change_hold, 2, false },
	{ "grab many", grab_many, 6, false },
	{ "grab a pair", grab_pair, 3, false },
	{ "placeholder", placeholder, 3, false },
	{ "foreign", foreign, 2, false },
	{ "grab a row", grab_contig, 3, false },
	{ "unmanage", unmanage, 1, false },
	{ "knobs", set_knobs, 1, true },
	{ NULL, NULL, 0, false },
};
