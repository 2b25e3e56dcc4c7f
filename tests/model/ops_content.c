/* SPDX-License-Identifier: BSD-2-Clause */
/* ops_content.c - what is in a page, block by block. */
#include <errno.h>
#include <string.h>

#include "op.h"

enum { BLOCK = 512, BLOCKS = PAGE / BLOCK };

/* Whole blocks of a page, up to the thing's end. */
static void
some_blocks(struct world *w, const struct thing *t, uint64_t at,
    uint32_t *offset, uint32_t *length)
{
	uint32_t part = thing_part(t, at), end;

	*offset = BLOCK * (uint32_t)pick(w, (part + BLOCK - 1) / BLOCK);
	end = *offset + BLOCK * (1 + (uint32_t)pick(w, BLOCKS));
	*length = (end < part ? end : part) - *offset;
}

/* Some blocks of a page that is not there are written, the others read when
 * somebody wants them. */
static void
write_blocks(struct world *w, struct thing *t)
{
	uint64_t at = some_page(w, t);
	uint32_t offset, length;
	struct vm_page *page;
	uint8_t value = (uint8_t)pick(w, 256);

	if (t->store || !t->writable ||
	    vm_page_alloc_at(t->object, at, VM_ALLOC_WAIT, &page) != 0)
		return;
	some_blocks(w, t, at, &offset, &length);
	memset((char *)vm_page_data(page) + offset, value, length);
	memset(t->bytes + at * PAGE + offset, value, length);
	if (pick(w, 2))
		MUST(w, vm_page_set_valid(page, offset, length) == 0);
	MUST(w, vm_page_set_dirty(page, offset, length) == 0);
	MUST(w, vm_page_test_dirty(page) == 1);
	vm_page_release(page);
}

static struct vm_page *
grab_synced(struct world *w, struct thing *t, uint64_t at)
{
	struct vm_page *page;

	MUST(w, vm_object_sync(t->object, at * PAGE, PAGE) == 0);
	MUST(w, vm_page_grab(t->object, at, VM_GRAB_WRITE, &page) == 0);
	return page;
}

static void
invalidate(struct world *w, struct thing *t)
{
	uint64_t at = some_page(w, t);
	uint32_t offset, length;
	struct vm_page *page;
	int error;

	if (!t->writable || t->wires[at] != 0)
		return;
	page = grab_synced(w, t, at);
	some_blocks(w, t, at, &offset, &length);
	error = vm_page_set_invalid(page, offset, length);
	MUST(w, error == (t->store ? -ENOTSUP : 0));
	if (error == 0)
		MUST(w, vm_page_is_valid(page, offset, length) == 0);
	vm_page_release(page);
}

/* A change that is taken back before anybody sees it. */
static void
take_back(struct world *w, struct thing *t)
{
	uint64_t at = some_page(w, t);
	uint32_t offset, length;
	struct vm_page *page;
	char *bytes;

	if (!t->writable)
		return;
	page = grab_synced(w, t, at);
	some_blocks(w, t, at, &offset, &length);
	bytes = (char *)vm_page_data(page) + offset;
	memset(bytes, 1, length);
	MUST(w, vm_page_set_dirty(page, offset, length) == 0);
	memcpy(bytes, t->bytes + at * PAGE + offset, length);
	if (pick(w, 2))
		vm_page_clear_dirty(page, offset, length);
	else
		vm_page_undirty(page);
	/* Anonymous memory has nobody else who has its bytes. */
	MUST(w, (vm_page_dirty_bits(page) == 0) == (t->file || t->paged));
	thing_compare(w, t, page, at);
	vm_page_release(page);
}

static void
zero(struct world *w, struct thing *t)
{
	uint64_t at = some_page(w, t);
	struct vm_page *page;

	if (!t->writable)
		return;
	MUST(w, vm_page_grab(t->object, at, VM_GRAB_WRITE, &page) == 0);
	MUST(w, vm_page_zero_fill(page, VM_ZERO_DIRTY) == 0);
	memset(t->bytes + at * PAGE, 0, thing_part(t, at));
	thing_compare(w, t, page, at);
	vm_page_release(page);
}

static void
copy(struct world *w, struct thing *t)
{
	struct thing *to = &w->thing[pick(w, THINGS)];
	struct vm_page_pair pair = { .flags = VM_GRAB_WRITE };

	if (to->length == 0 || !t->writable || !to->writable)
		return;
	pair.object[0] = t->object;
	pair.pindex[0] = some_page(w, t);
	pair.object[1] = to->object;
	pair.pindex[1] = some_page(w, to);
	if (thing_part(t, pair.pindex[0]) != PAGE ||
	    thing_part(to, pair.pindex[1]) != PAGE)
		return;
	MUST(w, vm_page_grab_pair(&pair) == 0);
	if (pair.page[0] != pair.page[1])
		MUST(w, vm_page_copy(pair.page[0], pair.page[1],
		    VM_COPY_VALID) == 0);
	vm_page_dirty(pair.page[1], 0, PAGE);
	memmove(to->bytes + pair.pindex[1] * PAGE, t->bytes +
	    pair.pindex[0] * PAGE, PAGE);
	vm_page_release_pair(&pair);
}

/* Flags that change where and when bytes go, but not which. */
static void
flag(struct world *w, struct thing *t)
{
	uint64_t at = some_page(w, t);
	struct vm_page *page;

	if (!t->writable)
		return;
	MUST(w, vm_page_grab(t->object, at, VM_GRAB_WRITE, &page) == 0);
	vm_page_set_precious(page, 1);
	MUST(w, vm_page_precious(page) == 1);
	vm_page_set_precious(page, (int)pick(w, 2));
	vm_page_set_nosync(page, 1);
	MUST(w, vm_page_nosync(page) == 1);
	vm_page_set_nosync(page, 0);
	vm_page_set_error(page, 1);
	MUST(w, vm_page_error(page) == 1);
	vm_page_set_error(page, 0);
	MUST(w, vm_page_is_valid(page, 0, PAGE) == 1);
	thing_compare(w, t, page, at);
	vm_page_release(page);
}

/* What the pager has already is said to be valid, and clean. */
static void
say_clean(struct world *w, struct thing *t)
{
	uint64_t at = some_page(w, t);
	uint32_t offset, length, bits;
	struct vm_page *page;

	if (!t->writable || t->wires[at] != 0)
		return;
	page = grab_synced(w, t, at);
	some_blocks(w, t, at, &offset, &length);
	bits = vm_page_bits(w->vm, offset, length);
	if (pick(w, 2))
		(void)vm_page_set_invalid(page, offset, length);
	MUST(w, t->store || (vm_page_dirty_bits(page) & bits) == 0);
	memcpy((char *)vm_page_data(page) + offset, t->bytes + at * PAGE +
	    offset, length);
	MUST(w, vm_page_set_validclean(page, offset, length, pick(w, 2) ?
	    VM_CLEAN_STRICT : VM_CLEAN_PARTIAL) == 0);
	MUST(w, (vm_page_valid(page) & bits) == bits);
	MUST(w, vm_page_zero_invalid(page, 0) == 0);
	thing_compare(w, t, page, at);
	vm_page_release(page);
}

const struct op ops_content[] = {
	{ "write blocks", write_blocks, 8, false },
	{ "invalidate", invalidate, 4, false },
	{ "take back", take_back, 2, false },
	{ "zero", zero, 2, false },
	{ "copy", copy, 4, false },
	{ "say clean", say_clean, 2, false },
	{ "flag", flag, 2, false },
	{ NULL, NULL, 0, false },
};
