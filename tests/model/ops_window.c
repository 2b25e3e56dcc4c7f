/* SPDX-License-Identifier: BSD-2-Clause */
/* ops_window.c - transfers into and out of pages, and other memory. */
#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "holdings.h"
#include "op.h"

enum { MANY = 4 };

/* What a transfer goes through: pages in a row, or backwards. */
struct transfer {
	struct vm_page *page[MANY];
	uint64_t pindex[MANY];	/* of each */
	unsigned count;
	unsigned flags;
	uint64_t moved;		/* bytes */
	struct vm_window *window;
};

static bool
grab(struct world *w, struct thing *t, struct transfer *x)
{
	uint64_t at = some_page(w, t);
	bool write = x->flags & VM_WINDOW_READ;
	int error;

	x->count = 1 + (unsigned)pick(w, MANY);
	/* A transfer knows nothing of zeros behind an end. */
	if ((at + x->count) * PAGE > t->length || (write && !t->writable))
		return false;
	error = vm_page_grab_many(t->object, at, x->count, write ?
	    VM_GRAB_WRITE : VM_GRAB_READ, x->page, &x->count);
	MUST(w, error == 0 || (error == -ENOMEM && w->pinned != 0));
	if (error != 0)
		return false;
	for (unsigned i = 0; i < x->count; i++)
		x->pindex[i] = at + i;
	if (x->count == 2 && pick(w, 2)) {
		struct vm_page *first = x->page[0];

		x->page[0] = x->page[1];
		x->page[1] = first;
		x->pindex[0] = at + 1;
		x->pindex[1] = at;
	}
	return true;
}

/* The first bytes of the thing's that the window shows. */
static void
show(const struct thing *t, const struct transfer *x, uint8_t *bytes)
{
	for (unsigned i = 0; i < x->count; i++)
		memcpy(bytes + (uint64_t)i * PAGE, t->bytes + x->pindex[i] *
		    PAGE, PAGE);
}

static void
move(struct world *w, struct transfer *x, uint8_t *bytes)
{
	const struct iovec *iov;
	int n = vm_window_iovec(x->window, &iov);
	uint64_t done = 0;

	for (int i = 0; i < n; i++) {
		char *at = iov[i].iov_base;
		uint32_t offset;

		MUST(w, memcmp(at, bytes + done, iov[i].iov_len) == 0);
		MUST(w, vm_window_page(w->vm, at + 5, &offset) ==
		    x->page[done / PAGE] && offset == 5);
		for (size_t j = 0; j < iov[i].iov_len; j++, done++)
			if ((x->flags & VM_WINDOW_READ) && done < x->moved)
				at[j] = (char)(bytes[done] ^= 0x55);
	}
	MUST(w, done == (uint64_t)x->count * PAGE);
	MUST(w, (vm_window_base(x->window) != NULL) == (n == 1));
}

static void
window(struct world *w, struct thing *t)
{
	static uint8_t bytes[MANY * PAGE];
	struct transfer x = { .flags = pick(w, 2) ? VM_WINDOW_READ :
		VM_WINDOW_WRITE };
	int error;

	if (!grab(w, t, &x))
		return;
	show(t, &x, bytes);
	x.flags |= pick(w, 2) ? VM_WINDOW_BOUNCE : 0;
	x.moved = pick(w, x.count * PAGE + 1);
	error = vm_window_open(w->vm, x.page, x.count, x.flags, &x.window);
	MUST(w, error == 0 || error == -ENOMEM);
	if (error == 0) {
		move(w, &x, bytes);
		MUST(w, vm_window_close(x.window, x.count + 1, 0) ==
		    -EINVAL);
		MUST(w, vm_window_close(x.window, x.count, x.moved) == 0);
	}
	for (unsigned i = 0; i < x.count; i++) {
		memcpy(t->bytes + x.pindex[i] * PAGE, bytes + (uint64_t)i *
		    PAGE, PAGE);
		if (x.flags & VM_WINDOW_READ)
			vm_page_dirty(x.page[i], 0, PAGE);
		thing_compare(w, t, x.page[i], x.pindex[i]);
	}
	vm_page_release_many(x.page, x.count);
}

static void
purge(struct world *w, struct thing *t)
{
	int64_t bytes = vm_object_purge_windows(t->object);

	MUST(w, bytes >= 0 && (t->store || bytes == 0));
}

/* Of this process, by either way. */
static void
buffer(struct world *w, struct thing *t)
{
	static uint8_t memory[3 * PAGE];
	struct vm_buffer b = VM_BUFFER_INIT;
	struct vm_account *account = pick(w, 2) ? w->holdings->account : NULL;
	uint8_t value = (uint8_t)pick(w, 256);
	uint64_t moved;

	(void)t;
	memset(memory, value, sizeof(memory));
	b.pid = pick(w, 2) ? getpid() : 0;
	b.direction = pick(w, 2) ? VM_BUFFER_READ : VM_BUFFER_WRITE;
	b.bytes = 1 + pick(w, PAGE);
	b.address = (uintptr_t)memory + pick(w, PAGE);
	moved = pick(w, b.bytes + 1);
	if (vm_buffer_map(w->vm, account, &b) != 0) {
		MUST(w, b.data == NULL);
		return;
	}
	if (b.direction == VM_BUFFER_WRITE)
		MUST(w, all_are(b.data, b.bytes, value));
	else
		memset(b.data, value ^ 1, moved);
	MUST(w, vm_buffer_unmap(w->vm, account, &b, b.bytes + 1) == -EINVAL);
	MUST(w, vm_buffer_unmap(w->vm, account, &b, moved) == 0);
	if (b.direction == VM_BUFFER_WRITE)
		moved = 0;
	MUST(w, all_are((uint8_t *)(uintptr_t)b.address, moved, value ^ 1));
	MUST(w, all_are((uint8_t *)(uintptr_t)b.address + moved, b.bytes -
	    moved, value));
}

const struct op ops_window[] = {
	{ "window", window, 6, false },
	{ "purge windows", purge, 1, true },
	{ "buffer", buffer, 2, true },
	{ NULL, NULL, 0, false },
};
