/* SPDX-License-Identifier: BSD-2-Clause */
/* ops_pager.c - what pagers may do, and objects over memory. */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "holdings.h"
#include "op.h"

/* What is not resident is in backing as it should be. */
static void
supply(struct world *w, struct thing *t)
{
	uint64_t at = some_page(w, t);
	uint32_t count = 1 + (uint32_t)pick(w, 4);
	int entered;

	if (!t->paged || (at + count) * PAGE > t->length)
		return;
	entered = vm_pager_supply(t->object, at, t->bytes + at * PAGE, count,
	    pick(w, 2) ? VM_PAGER_PRECIOUS : 0);
	MUST(w, entered == -EEXIST || entered == -ENOMEM ||
	    (entered > 0 && (uint32_t)entered <= count));
}

/* Whoever writes then has to ask, and is allowed to. */
static void
protect(struct world *w, struct thing *t)
{
	uint64_t at = some_page(w, t);

	if (t->paged)
		MUST(w, vm_pager_protect(t->object, at, 1 + pick(w, 8),
		    (unsigned)pick(w, 8)) == 0);
}

/* Pages are on their way, says somebody. */
static void
announce(struct world *w, struct thing *t)
{
	uint32_t count = 1 + (uint32_t)pick(w, 4);
	struct vm_page *page;
	uint64_t at = some_page(w, t);

	vm_pageout_start(w->vm, count);
	MUST(w, vm_page_grab(t->object, at, VM_GRAB_READ, &page) == 0);
	thing_compare(w, t, page, at);
	vm_page_release(page);
	vm_pageout_done(w->vm, count);
	vm_wait_cancel(w->vm);
}

/* An object over memory is that memory. */
static void
device(struct world *w, struct thing *t)
{
	static _Alignas(PAGE) uint8_t memory[4 * PAGE];
	struct vm_object *object;
	struct vm_page *page;
	uint64_t at = pick(w, 4);

	(void)t;
	memset(memory, (int)pick(w, 256), sizeof(memory));
	MUST(w, vm_object_create_device(w->vm, memory, sizeof(memory),
	    VM_OBJECT_WRITABLE, &object) == 0);
	MUST(w, vm_page_grab(object, at, VM_GRAB_WRITE, &page) == 0);
	MUST(w, vm_page_data(page) == memory + at * PAGE);
	memset(vm_page_data(page), 3, PAGE);
	vm_page_dirty(page, 0, PAGE);
	if (pick(w, 2))
		vm_page_release(page);
	else
		vm_page_free(page, 0);
	MUST(w, vm_object_sync(object, 0, VM_LENGTH_ALL) == 0);
	MUST(w, vm_object_destroy(object) == 0);
	MUST(w, all_are(memory + at * PAGE, PAGE, 3));
}

/* As often that there are pages as that there are none; in which order, two
 * threads do not say. */
static void
told(struct vm_object *object, int pages, void *arg)
{
	struct thing *t = arg;

	(void)object;
	atomic_fetch_add(&t->populated, pages != 0 ? 1 : -1);
}

static void
notify(struct world *w, struct thing *t)
{
	int error = vm_object_set_notify(t->object, told, t);

	MUST(w, error == 0 || error == -EBUSY);
}

static void
make_writable(struct world *w, struct thing *t)
{
	if (t->writable && !t->file)
		return;
	MUST(w, vm_object_set_writable(t->object, t->file ? t->fd : 0) ==
	    (t->file ? 0 : -ENOTSUP));
	t->writable = t->writable || t->file;
}

static void
descriptors(struct world *w, struct thing *t)
{
	int store = vm_object_store_fd(t->object, (int)pick(w, 2));
	int face = vm_object_face_fd(t->object);

	MUST(w, t->store ? store >= 0 : store == -ENOTSUP);
	MUST(w, t->store ? face >= 0 : face == -ENOTSUP);
	if (t->store) {
		close(store);
		close(face);
	}
	MUST(w, vm_object_inflight(t->object) == 0);
}

const struct op ops_pager[] = {
	{ "supply", supply, 3, false },
	{ "protect", protect, 2, false },
	{ "announce", announce, 1, false },
	{ "device", device, 1, true },
	{ "notify", notify, 1, true },
	{ "make writable", make_writable, 1, true },
	{ "descriptors", descriptors, 1, true },
	{ NULL, NULL, 0, false },
};
