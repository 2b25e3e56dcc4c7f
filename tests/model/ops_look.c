/* SPDX-License-Identifier: BSD-2-Clause */
/* ops_look.c - figures, prints and traces, which change nothing. */
#include <errno.h>
#include <string.h>

#include "holdings.h"
#include "op.h"

enum { TEXT_BYTES = 8192 };

/* What was printed is a text, whole or cut. */
static void
must_be_text(struct world *w, const char *text, size_t room, int length)
{
	MUST(w, length > 0);
	if (room != 0)
		MUST(w, strlen(text) == ((size_t)length < room ?
		    (size_t)length : room - 1));
}

static void
figures(struct world *w, struct thing *t)
{
	struct vm_stat stat = VM_STAT_INIT;
	struct vm_swap_stat swap = VM_SWAP_STAT_INIT;

	(void)t;
	MUST(w, vm_swap_stat(w->vm, &swap) == 0);
	MUST(w, swap.sum_errors == 0 && swap.lost_pages == 0);
	MUST(w, vm_stat(w->vm, &stat) == 0);
	MUST(w, stat.resident_pages <= LIMIT_PAGES);
	MUST(w, stat.free_pages <= LIMIT_PAGES);
	MUST(w, stat.read_errors == 0 && stat.write_errors == 0);
	MUST(w, stat.objects == THINGS && stat.spaces == 0);
	MUST(w, strcmp(vm_policy_name(w->vm), "") != 0);
	MUST(w, vm_system_page_bytes(w->vm) == PAGE);
	MUST(w, vm_page_bytes() == PAGE);
}

static void
print_system(struct world *w, struct thing *t)
{
	static char text[TEXT_BYTES];
	size_t room = pick(w, TEXT_BYTES + 1);
	enum vm_format format = (enum vm_format)pick(w, 3);

	(void)t;
	must_be_text(w, text, room, vm_stat_print(w->vm, format, text,
	    room));
	if (format == VM_FORMAT_OPENMETRICS)
		MUST(w, vm_queue_print(w->vm, format, text, room) == -EINVAL);
	else
		must_be_text(w, text, room, vm_queue_print(w->vm, format,
		    text, room));
}

static void
print_thing(struct world *w, struct thing *t)
{
	static char text[TEXT_BYTES];
	size_t room = pick(w, TEXT_BYTES + 1);
	enum vm_format format = (enum vm_format)pick(w, 2);
	uint64_t at = some_page(w, t);
	struct vm_page *page;

	MUST(w, vm_page_grab(t->object, at, VM_GRAB_READ, &page) == 0);
	must_be_text(w, text, room, vm_page_print(page, format, text, room));
	must_be_text(w, text, room, vm_object_print(t->object, format, text,
	    room));
	thing_compare(w, t, page, at);
	vm_page_release(page);
}

static void
look_at_index(struct world *w, struct thing *t)
{
	struct vm_index_info info = VM_INDEX_INFO_INIT;
	uint32_t lengths[PAGES_MAX / 16 + 1];
	int64_t leaves = vm_index_info(t->object, lengths,
	    sizeof(lengths) / sizeof(lengths[0]));

	MUST(w, leaves >= 0);
	/* The daemon's looks at a leaf count, too, while they last. */
	for (int64_t i = 0; i < leaves && i < PAGES_MAX / 16 + 1; i++)
		MUST(w, lengths[i] <= 16);
	MUST(w, vm_index_summary(t->object, &info) == 0);
	MUST(w, info.used <= info.leaves && info.most <= 16);
	MUST(w, info.median <= info.p90 && info.p90 <= info.p99);
}

/* Events are known ones. */
static void
read_trace(struct world *w, struct thing *t)
{
	struct vm_trace_event event[16];
	struct vm_trace_cursor *cursor = &w->holdings->cursor;
	int n = vm_trace_read(w->vm, cursor, event, 16);

	(void)t;
	MUST(w, n == -ENOENT || (n >= 0 && n <= 16));
	for (int i = 0; i < n; i++)
		MUST(w, vm_trace_name(event[i].event) != NULL);
}

static void
look_into_filter(struct world *w, struct thing *t)
{
	struct vm_filter_stat stat = VM_FILTER_STAT_INIT;
	int error = vm_object_filter_stat(t->object, 0, &stat);

	MUST(w, error == 0 || error == -ENOENT);
	if (error == 0)
		MUST(w, strcmp(stat.name, "stats") == 0 &&
		    stat.op[VM_FILTER_READ].errors == 0);
}

static void
look_at_frames(struct world *w, struct thing *t)
{
	struct vm_segment_info info = VM_SEGMENT_INFO_INIT;

	(void)t;
	MUST(w, vm_frame_segments(w->vm) == 1);
	MUST(w, vm_frame_info(w->vm, 0, &info) == 0);
	MUST(w, info.free <= info.pages && info.zeroed <= info.pages);
	MUST(w, info.reserved == 1 + w->tier_pages);
	MUST(w, vm_frame_info(w->vm, 1, &info) == -EINVAL);
	MUST(w, vm_frame_zeroed(w->vm) <= LIMIT_PAGES);
	(void)vm_frame_trim(w->vm, pick(w, 8 * PAGE));
}

/* While somebody holds a page, and the daemon does what it likes. */
static void
audit_at_work(struct world *w, struct thing *t)
{
	uint64_t at = some_page(w, t);
	struct vm_page *page;
	int error;

	MUST(w, vm_page_grab(t->object, at, t->writable && pick(w, 2) ?
	    VM_GRAB_WRITE : VM_GRAB_READ, &page) == 0);
	error = vm_audit(w->vm);
	MUST(w, error == 0 || error == -EAGAIN);
	thing_compare(w, t, page, at);
	vm_page_release(page);
}

/* Whatever the daemon does meanwhile: the page, or nothing. */
static void
read_unheld(struct world *w, struct thing *t)
{
	uint64_t at = some_page(w, t);
	uint8_t bytes[PAGE];
	struct vm_read read;

	if (vm_read_begin(t->object, at, &read) == NULL) {
		struct vm_page *page;

		MUST(w, vm_page_grab(t->object, at, VM_GRAB_READ, &page) ==
		    0);
		vm_page_release(page);
		if (vm_read_begin(t->object, at, &read) == NULL)
			return;
	}
	MUST(w, !t->store && read.data != NULL);
	if (vm_read_copy(&read, 0, bytes, PAGE) == 0)
		thing_compare_bytes(w, t, bytes, at);
	else
		MUST(w, !vm_read_check(&read) && !vm_read_valid(&read));
}

const struct op ops_look[] = {
	{ "figures", figures, 1, true },
	{ "print the system", print_system, 1, true },
	{ "print a thing", print_thing, 2, false },
	{ "look at an index", look_at_index, 1, true },
	{ "read the trace", read_trace, 2, true },
	{ "look into a filter", look_into_filter, 1, true },
	{ "look at frames", look_at_frames, 1, true },
	{ "read what nobody holds", read_unheld, 8, false },
	{ "audit at work", audit_at_work, 1, false },
	{ NULL, NULL, 0, false },
};
