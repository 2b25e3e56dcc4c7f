/* SPDX-License-Identifier: BSD-2-Clause */
/* ops_object.c - whole objects and ranges of them. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "audit.h"
#include "op.h"

/* A range that begins in the thing, and may end behind it. */
static void
some_range(struct world *w, const struct thing *t, uint64_t *offset,
    uint64_t *length)
{
	*offset = t->length == 0 ? 0 : pick(w, t->length);
	*length = pick(w, 4) == 0 ? VM_LENGTH_ALL : pick(w, 8 * PAGE);
}

static void
sync_range(struct world *w, struct thing *t)
{
	uint64_t offset, length;

	some_range(w, t, &offset, &length);
	MUST(w, vm_object_sync(t->object, offset, length) == 0);
	if (!t->file || offset != 0 || length != VM_LENGTH_ALL)
		return;
	thing_compare_file(w, t);
}

static void
sync_all(struct world *w, struct thing *t)
{
	struct vm_object_stat stat;

	MUST(w, vm_object_sync(t->object, 0, VM_LENGTH_ALL) == 0);
	vm_object_stat(t->object, &stat);
	MUST(w, stat.dirty_pages == 0 && stat.write_errors == 0);
	MUST(w, stat.length_bytes == t->length);
	if (t->file)
		thing_compare_file(w, t);
}

static void
flush_range(struct world *w, struct thing *t)
{
	uint64_t offset, length;

	some_range(w, t, &offset, &length);
	MUST(w, vm_object_flush(t->object, offset, length) == 0);
}

static void
forget(struct world *w, struct thing *t)
{
	MUST(w, vm_object_forget(t->object) == 0);
}

/* What the file has got by now is what the object is from then on. */
static void
discard(struct world *w, struct thing *t)
{
	if (!t->file && !t->paged)
		return;
	thing_unwire_all(w, t);
	MUST(w, vm_object_discard_dirty(t->object) == 0);
	if (t->paged) {
		memcpy(t->bytes, t->backing, t->length);
		return;
	}
	MUST(w, pread(t->fd, t->bytes, t->length, 0) == (ssize_t)t->length);
}

static void
prefetch(struct world *w, struct thing *t)
{
	uint64_t offset, length;

	some_range(w, t, &offset, &length);
	MUST(w, vm_object_prefetch(t->object, offset, length) == 0);
}

static void
advise(struct world *w, struct thing *t)
{
	MUST(w, vm_object_advise(t->object, (enum vm_advice)pick(w, 4)) ==
	    0);
}

/* A copy has the bytes, and what is written to it is its own. */
static void
clone(struct world *w, struct thing *t)
{
	struct vm_object *copy;
	struct vm_page *page;
	uint64_t at;
	int error;

	if (t->file || t->paged)
		return;
	error = vm_object_clone(t->object, pick(w, 2) ? VM_OBJECT_STORE : 0,
	    &copy);
	MUST(w, error == 0 || error == -ENOMEM);
	if (error != 0)
		return;
	at = some_page(w, t);
	MUST(w, vm_page_grab(copy, at, VM_GRAB_WRITE, &page) == 0);
	thing_compare(w, t, page, at);
	memset(vm_page_data(page), 0x5a, PAGE);
	vm_page_dirty(page, 0, PAGE);
	vm_page_release(page);
	MUST(w, vm_object_destroy(copy) == 0);
	MUST(w, vm_page_grab(t->object, at, VM_GRAB_READ, &page) == 0);
	thing_compare(w, t, page, at);
	vm_page_release(page);
}

static bool
all_zeros(const uint8_t *bytes)
{
	for (unsigned i = 0; i < PAGE; i++)
		if (bytes[i] != 0)
			return false;
	return true;
}

/* What is left of it: all of the page or nothing; and that stays. */
static void
keep_what_is_left(struct world *w, struct thing *t, uint64_t pindex)
{
	uint8_t *bytes = t->bytes + pindex * PAGE;
	struct vm_page *page;

	MUST(w, vm_page_grab(t->object, pindex, VM_GRAB_WRITE, &page) == 0);
	if (all_zeros(vm_page_data(page)))
		memset(bytes, 0, thing_part(t, pindex));
	thing_compare(w, t, page, pindex);
	vm_page_dirty(page, 0, PAGE);
	vm_page_release(page);
}

static void
give_up(struct world *w, struct thing *t)
{
	uint64_t first = some_page(w, t), wired = 0;
	uint64_t count = 1 + pick(w, thing_pages(t) - first);

	if (t->file || t->paged) {
		MUST(w, vm_object_advise(t->object, VM_ADVICE_FREE) ==
		    -ENOTSUP);
		return;
	}
	for (uint64_t i = first; i < first + count; i++)
		wired += t->wires[i] != 0;
	if (pick(w, 2) == 0) {
		MUST(w, vm_object_advise_range(t->object, first * PAGE,
		    count * PAGE, VM_ADVICE_FREE) == (wired == 0 ? 0 :
		    -EBUSY));
		for (uint64_t i = first; wired == 0 && i < first + count; i++)
			memset(t->bytes + i * PAGE, 0, thing_part(t, i));
		return;
	}
	MUST(w, vm_object_advise_range(t->object, first * PAGE, count * PAGE,
	    VM_ADVICE_VOLATILE) == 0);
	for (uint64_t i = first; i < first + count; i++)
		keep_what_is_left(w, t, i);
}

/* All mins together are less than half of the smallest limit. */
static void
limits(struct world *w, struct thing *t)
{
	struct vm_object_limits o = VM_OBJECT_LIMITS_INIT, now = o;

	o.min_pages = pick(w, 3);
	o.low_pages = o.min_pages + pick(w, LIMIT_PAGES);
	o.high_pages = pick(w, 2) * (o.low_pages + pick(w, LIMIT_PAGES));
	if (pick(w, 8) == 0)
		o.low_pages = UINT64_MAX;
	if (o.high_pages != 0 && o.high_pages < o.low_pages) {
		MUST(w, vm_object_set_limits(t->object, &o) == -EINVAL);
		return;
	}
	w->kept = true;
	MUST(w, vm_object_set_limits(t->object, &o) == 0);
	MUST(w, vm_object_get_limits(t->object, &now) == 0);
	MUST(w, memcmp(&o, &now, sizeof(o)) == 0);
}

static void
hint(struct world *w, struct thing *t)
{
	static const enum vm_advice advice[] = { VM_ADVICE_WILLNEED,
		VM_ADVICE_COLD, VM_ADVICE_DONTNEED, VM_ADVICE_PAGEOUT };
	uint64_t offset, length;

	some_range(w, t, &offset, &length);
	MUST(w, vm_object_advise_range(t->object, offset, length,
	    advice[pick(w, 4)]) == 0);
}

static void
wire(struct world *w, struct thing *t)
{
	uint64_t at = some_page(w, t);

	if (w->pinned >= PINNED_MAX || t->wires[at] == 3)
		return;
	MUST(w, vm_object_wire(t->object, at * PAGE, 1) == 0);
	w->pinned += t->wires[at]++ == 0;
}

static void
unwire(struct world *w, struct thing *t)
{
	uint64_t at = some_page(w, t);

	MUST(w, vm_object_unwire(t->object, at * PAGE, 1) == 0);
	if (t->wires[at] != 0)
		w->pinned -= --t->wires[at] == 0;
}

static bool
wired_from(const struct thing *t, uint64_t length)
{
	for (uint64_t i = (length + PAGE - 1) / PAGE; i < thing_pages(t); i++)
		if (t->wires[i] != 0)
			return true;
	return false;
}

static void
resize(struct world *w, struct thing *t)
{
	uint64_t length = pick(w, BYTES_MAX);
	bool grows = length > t->length, wired = wired_from(t, length);
	int error;

	if (grows && t->file)
		MUST(w, ftruncate(t->fd, (off_t)length) == 0);
	error = vm_object_resize(t->object, length);
	MUST(w, error == (wired ? -EBUSY : 0));
	if (wired)
		return;
	if (!grows && t->file)
		MUST(w, ftruncate(t->fd, (off_t)length) == 0);
	if (grows)
		memset(t->bytes + t->length, 0, length - t->length);
	t->length = length;
	MUST(w, vm_object_length(t->object) == length);
}

/* Somebody writes the file, says so, and may make it longer. */
static void
write_behind(struct world *w, struct thing *t)
{
	uint64_t offset = pick(w, BYTES_MAX - 1);
	uint64_t n = 1 + pick(w, BYTES_MAX - offset < 5 * PAGE ?
	    BYTES_MAX - offset : 5 * PAGE);
	uint64_t grown = 0, written;

	if (!t->file) {
		MUST(w, vm_object_write_begin(t->object, 0, 1) == -ENOTSUP);
		return;
	}
	if (pick(w, 4) != 0 && offset + n > t->length)
		return;		/* growth is the exception */
	MUST(w, vm_object_write_begin(t->object, offset, n) == 0);
	/* Of what was meant to be written, some was, or nothing. */
	written = pick(w, 4) != 0 ? n : pick(w, n);
	if (written != 0 && offset > t->length)
		grown = offset - t->length;
	memset(t->bytes + t->length, 0, grown);
	memset(t->bytes + offset, (int)pick(w, 256), written);
	MUST(w, pwrite(t->fd, t->bytes + offset, written, (off_t)offset) ==
	    (ssize_t)written);
	MUST(w, vm_object_write_end(t->object, offset, n, written) == 0);
	if (written != 0 && offset + written > t->length)
		t->length = offset + written;
	MUST(w, vm_object_length(t->object) == t->length);
}

static void
replace(struct world *w, struct thing *t)
{
	thing_end(w, t);
	thing_make(w, t);
}

static void
look_at_all(struct world *w, struct thing *t)
{
	(void)t;
	audit(w->vm);
}

const struct op ops_object[] = {
	{ "sync a range", sync_range, 2, true },
	{ "sync", sync_all, 1, true },
	{ "flush", flush_range, 2, true },
	{ "forget", forget, 2, true },
	{ "discard", discard, 1, true },
	{ "prefetch", prefetch, 2, true },
	{ "advise", advise, 1, true },
	{ "clone", clone, 1, false },
	{ "give up", give_up, 2, false },
	{ "hint", hint, 2, true },
	{ "limits", limits, 1, true },
	{ "wire", wire, 2, false },
	{ "unwire", unwire, 3, false },
	{ "resize", resize, 1, true },
	{ "write behind", write_behind, 3, true },
	{ "replace", replace, 1, true },
	{ "audit", look_at_all, 1, true },
	{ NULL, NULL, 0, false },
};
