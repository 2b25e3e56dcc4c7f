/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random calls of the whole explicit API against arrays of bytes: several
 * objects over files and anonymous ones, in pool and store, in a system that
 * has room for a tenth of them.  Every page that is seen must have the array's
 * bytes; every file that was synced too; every so often the system is audited.
 *
 *	RESIDENT_SEED=1 RESIDENT_MODEL_STEPS=1000000 build/tests/model_explicit
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit.h"
#include "world.h"

enum {
	STEPS = 100000,
	AUDIT_EVERY = 1000,
	/* A quarter of the limit: the library's bound is a half. */
	WIRED_MAX = LIMIT_PAGES / 4,
};

static uint64_t
some_page(struct world *w, const struct thing *t)
{
	return pick(w, thing_pages(t));
}

/* A range that begins in the thing, and may end behind it. */
static void
some_range(struct world *w, const struct thing *t, uint64_t *offset,
    uint64_t *length)
{
	*offset = t->length == 0 ? 0 : pick(w, t->length);
	*length = pick(w, 4) == 0 ? VM_LENGTH_ALL : pick(w, 8 * PAGE);
}

static void
read_page(struct world *w, struct thing *t)
{
	uint64_t at = some_page(w, t);
	struct vm_page *page;

	MUST(w, vm_page_grab(t->object, at, VM_GRAB_READ, &page) == 0);
	thing_compare(w, t, page, at);
	vm_page_release(page);
}

static void
read_run(struct world *w, struct thing *t)
{
	uint64_t at = some_page(w, t), end = at + pick(w, 20);

	for (; at < end && at < thing_pages(t); at++) {
		struct vm_page *page;

		MUST(w, vm_page_grab(t->object, at, VM_GRAB_READ, &page) ==
		    0);
		thing_compare(w, t, page, at);
		vm_page_release(page);
	}
}

/* Some bytes of a page that is held exclusively; they lie in the thing. */
static void
change(struct world *w, struct thing *t, struct vm_page *page, uint64_t at)
{
	uint32_t part = thing_part(t, at);
	uint32_t from = (uint32_t)pick(w, part);
	uint32_t n = 1 + (uint32_t)pick(w, part - from);
	uint8_t value = (uint8_t)pick(w, 256);

	memset((char *)vm_page_data(page) + from, value, n);
	memset(t->bytes + at * PAGE + from, value, n);
	vm_page_dirty(page, from, n);
}

static void
write_page(struct world *w, struct thing *t)
{
	uint64_t at = some_page(w, t);
	struct vm_page *page;
	int error = vm_page_grab(t->object, at, VM_GRAB_WRITE, &page);

	if (!t->writable) {
		MUST(w, error == -EACCES);
		return;
	}
	MUST(w, error == 0);
	thing_compare(w, t, page, at);
	change(w, t, page, at);
	vm_page_release(page);
}

static void
write_zero(struct world *w, struct thing *t)
{
	uint64_t at = some_page(w, t);
	struct vm_page *page;

	if (!t->writable)
		return;
	MUST(w, vm_page_grab(t->object, at, VM_GRAB_WRITE | VM_GRAB_ZERO,
	    &page) == 0);
	memset(t->bytes + at * PAGE, 0, thing_part(t, at));
	thing_compare(w, t, page, at);
	if (pick(w, 2))
		change(w, t, page, at);
	vm_page_release(page);
}

static void
read_at_once(struct world *w, struct thing *t)
{
	uint64_t at = some_page(w, t);
	struct vm_page *page;
	int error = vm_page_grab(t->object, at, VM_GRAB_NOWAIT, &page);

	MUST(w, error == 0 || error == -EAGAIN);
	if (error != 0)
		return;
	thing_compare(w, t, page, at);
	vm_page_release(page);
}

static void
read_beyond(struct world *w, struct thing *t)
{
	struct vm_page *page;

	MUST(w, vm_page_grab(t->object, thing_pages(t) + pick(w, 3),
	    VM_GRAB_READ, &page) == -ERANGE);
}

/* A page stays what it is while others come and go around it. */
static void
hold(struct world *w, struct thing *t)
{
	uint64_t at = some_page(w, t), other = some_page(w, t);
	struct vm_page *page, *second;

	MUST(w, vm_page_grab(t->object, at, VM_GRAB_READ, &page) == 0);
	MUST(w, vm_object_forget(t->object) == 0);
	MUST(w, vm_object_prefetch(t->object, 0, 10 * PAGE) == 0);
	MUST(w, vm_page_grab(t->object, other, VM_GRAB_READ, &second) == 0);
	thing_compare(w, t, second, other);
	thing_compare(w, t, page, at);
	vm_page_release(page);
	thing_compare(w, t, second, other);
	vm_page_release(second);
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
	if (!t->file)
		return;
	thing_unwire_all(w, t);
	MUST(w, vm_object_discard_dirty(t->object) == 0);
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
	MUST(w, vm_object_advise(t->object, (enum vm_advice)pick(w, 3)) ==
	    0);
}

static void
wire(struct world *w, struct thing *t)
{
	uint64_t at = some_page(w, t);

	if (w->wired >= WIRED_MAX || t->wires[at] == 3)
		return;
	MUST(w, vm_object_wire(t->object, at * PAGE, 1) == 0);
	w->wired += t->wires[at]++ == 0;
}

static void
unwire(struct world *w, struct thing *t)
{
	uint64_t at = some_page(w, t);

	MUST(w, vm_object_unwire(t->object, at * PAGE, 1) == 0);
	if (t->wires[at] != 0)
		w->wired -= --t->wires[at] == 0;
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

static const struct op {
	const char *name;
	void (*run)(struct world *w, struct thing *t);
	unsigned weight;
	bool empty_too;		/* of a thing without bytes */
} ops[] = {
	{ "read", read_page, 30, false },
	{ "read a run", read_run, 8, false },
	{ "write", write_page, 40, false },
	{ "write zeros", write_zero, 8, false },
	{ "read at once", read_at_once, 5, false },
	{ "read beyond", read_beyond, 1, true },
	{ "hold", hold, 3, false },
	{ "sync a range", sync_range, 2, true },
	{ "sync", sync_all, 1, true },
	{ "flush", flush_range, 2, true },
	{ "forget", forget, 2, true },
	{ "discard", discard, 1, true },
	{ "prefetch", prefetch, 2, true },
	{ "advise", advise, 1, true },
	{ "wire", wire, 2, false },
	{ "unwire", unwire, 3, false },
	{ "resize", resize, 1, true },
	{ "write behind", write_behind, 3, true },
	{ "replace", replace, 1, true },
};

static void
do_step(struct world *w)
{
	struct thing *t = &w->thing[pick(w, THINGS)];
	unsigned all = 0, at;
	uint64_t turn;

	for (at = 0; at < sizeof(ops) / sizeof(ops[0]); at++)
		all += ops[at].weight;
	turn = pick(w, all);
	for (at = 0; turn >= ops[at].weight; at++)
		turn -= ops[at].weight;
	w->doing = ops[at].name;
	if (t->length != 0 || ops[at].empty_too)
		ops[at].run(w, t);
}

static uint64_t
steps(void)
{
	const char *text = getenv("RESIDENT_MODEL_STEPS");

	return text != NULL ? strtoull(text, NULL, 0) : STEPS;
}

TEST(random_calls_leave_the_bytes_that_arrays_would_have)
{
	struct world *w = world_new(check_seed());

	for (w->step = 1; w->step <= steps(); w->step++) {
		do_step(w);
		if (w->step % AUDIT_EVERY == 0)
			audit(w->vm);
	}
	world_end(w);
}
