/* SPDX-License-Identifier: BSD-2-Clause */
/* ops_order.c - hints about order, which change no byte. */
#include <string.h>

#include "op.h"

static void
reorder(struct world *w, struct thing *t)
{
	uint64_t at = some_page(w, t);
	struct vm_page *page;

	MUST(w, vm_page_grab(t->object, at, VM_GRAB_READ, &page) == 0);
	switch (pick(w, 4)) {
	case 0:
		vm_page_activate(page);
		break;
	case 1:
		vm_page_deactivate(page, VM_AT_HEAD);
		break;
	case 2:
		vm_page_deactivate(page, VM_AT_TAIL);
		break;
	default:
		vm_page_dontneed(page);
		break;
	}
	MUST(w, vm_page_act_count(page) <= 64);
	MUST(w, strlen(vm_page_queue_name(page)) > 0);
	thing_compare(w, t, page, at);
	vm_page_release(page);
}

/* Given up, and found again or not. */
static void
give_up(struct world *w, struct thing *t)
{
	uint64_t at = some_page(w, t);
	struct vm_page *page;
	int done;

	if (!t->writable)
		return;
	MUST(w, vm_object_sync(t->object, at * PAGE, PAGE) == 0);
	MUST(w, vm_page_grab(t->object, at, VM_GRAB_WRITE, &page) == 0);
	done = vm_page_cache(page);
	MUST(w, done == 0 || t->wires[at] == 0);
	vm_page_release(page);
	MUST(w, vm_page_grab(t->object, at, VM_GRAB_READ, &page) == 0);
	thing_compare(w, t, page, at);
	vm_page_release(page);
}

static void
try_to_give_up(struct world *w, struct thing *t)
{
	uint64_t at = some_page(w, t);
	int done = pick(w, 2) ? vm_page_try_to_free(t->object, at) :
	    vm_page_try_to_cache(t->object, at);

	MUST(w, done == 0 || (done == 1 && t->wires[at] == 0));
}

static void
hint(struct world *w, struct thing *t)
{
	uint64_t at = some_page(w, t);
	enum vm_knob knob = (enum vm_knob)pick(w, 2);
	int on = (int)pick(w, 2);

	MUST(w, vm_object_clean_hint(t->object, at * PAGE, 4 * PAGE) == 0);
	MUST(w, vm_knob_set(w->vm, knob, on) == 0);
	MUST(w, vm_knob_get(w->vm, knob) == on);
}

const struct op ops_order[] = {
	{ "reorder", reorder, 6, false },
	{ "give up", give_up, 4, false },
	{ "try to give up", try_to_give_up, 4, false },
	{ "hint", hint, 1, false },
	{ NULL, NULL, 0, false },
};
