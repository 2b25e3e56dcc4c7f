/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * queue/policies/fifo.c - first in, first out.
 *
 * The order is that of arrival; uses change nothing.  It is what others are
 * measured against: a policy that needs to know nothing of uses, and so loses
 * nothing where they are not seen.
 *
 * A page that is refused goes to the end of the line, as one that just came:
 * somebody is in it.  deactivate makes a page the next to go, activate one that
 * just came.  Pages fetched ahead of need are in the same line.
 */
#include "base/assert.h"
#include "queue/policies/line.h"
#include "queue/policy.h"

enum { TAG_LINE = 1 };

struct fifo {
	struct vm_policy policy;
	struct vm_line line;	/* (Q) */
};

static struct fifo *
of(struct vm_policy *state)
{
	return VM_CONTAINER(state, struct fifo, policy);
}

static size_t
fifo_bytes(uint32_t pages)
{
	(void)pages;
	return sizeof(struct fifo);
}

static void
fifo_init(struct vm_policy *state)
{
	vm_line_init(&of(state)->line, TAG_LINE);
}

static void
fifo_enqueue(struct vm_policy *state, struct vm_page *page, bool speculative)
{
	(void)speculative;	/* all are alike */
	vm_line_put_hot(&of(state)->line, page);
}

static void
fifo_dequeue(struct vm_policy *state, struct vm_page *page,
    enum vm_leave how)
{
	(void)how;		/* no history */
	vm_line_remove(&of(state)->line, page);
}

static void
fifo_activate(struct vm_policy *state, struct vm_page *page)
{
	vm_line_remove(&of(state)->line, page);
	vm_line_put_hot(&of(state)->line, page);
}

static void
fifo_deactivate(struct vm_policy *state, struct vm_page *page, bool at_head)
{
	(void)at_head;		/* all go next */
	vm_line_remove(&of(state)->line, page);
	vm_line_put_cold(&of(state)->line, page);
}

static void
fifo_refused(struct vm_policy *state, struct vm_page *page)
{
	fifo_activate(state, page);
}

/* Wired pages go out of the way: each page is met once at most. */
static unsigned
fifo_victims(struct vm_policy *state, struct vm_page **pages, unsigned want)
{
	struct fifo *fifo = of(state);
	struct vm_pick pick = { .line = &fifo->line };
	unsigned got = 0;

	for (uint32_t left = fifo->line.count; left > 0 && got < want;
	    left--) {
		struct vm_page *page = vm_pick_coldest(&pick);

		if (vm_page_wired(page)) {
			fifo_activate(state, page);
			continue;
		}
		vm_pick_propose(&pick, page);
		pages[got++] = page;
	}
	return got;
}

static uint32_t
fifo_count(const struct vm_policy *state)
{
	return ((const struct fifo *)state)->line.count;
}

static bool
fifo_list(const struct vm_policy *state, unsigned i, const char **name,
    uint32_t *count)
{
	if (i > 0)
		return false;
	*name = "line";
	*count = fifo_count(state);
	return true;
}

const struct vm_policy_ops vm_policy_fifo = {
	.name = "fifo",
	.summary = "first in, first out; what others are measured against",
	.bytes = fifo_bytes,
	.init = fifo_init,
	.enqueue = fifo_enqueue,
	.dequeue = fifo_dequeue,
	.activate = fifo_activate,
	.deactivate = fifo_deactivate,
	.victims = fifo_victims,
	.refused = fifo_refused,
	.count = fifo_count,
	.list = fifo_list,
};
