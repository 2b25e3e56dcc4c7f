/* SPDX-License-Identifier: BSD-2-Clause */
/* ops_page.c - taking pages, reading and changing their bytes. */
#include <errno.h>
#include <string.h>

#include "op.h"

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

const struct op ops_page[] = {
	{ "read", read_page, 30, false },
	{ "read a run", read_run, 8, false },
	{ "write", write_page, 40, false },
	{ "write zeros", write_zero, 8, false },
	{ "read at once", read_at_once, 5, false },
	{ "read beyond", read_beyond, 1, true },
	{ "hold", hold, 3, false },
	{ NULL, NULL, 0, false },
};
