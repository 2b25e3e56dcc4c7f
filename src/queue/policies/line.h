/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * queue/policies/line.h - pages in a line, hot end first, and picking victims
 * from its cold end.
 *
 * A page knows by its list field in which line it is; each line of a policy
 * has its own tag.  A pick walks a line from the cold end.  What it proposes
 * stays in place and lies between the cold end and the pick's cursor; what it
 * passes over is moved away, so nothing is met twice before all was met once.
 *
 * Everything here is under the queue lock (Q).
 */
#ifndef QUEUE_POLICIES_LINE_H
#define QUEUE_POLICIES_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/assert.h"
#include "base/list.h"
#include "page/page.h"
#include "queue/policy.h"

struct vm_line {
	struct vm_list pages;	/* first: hot end (Q) */
	struct vm_node *soon;	/* see vm_line_approach (Q) */
	uint32_t lead;		/* how far that is from the cold end (Q) */
	uint32_t count;		/* (Q) */
	uint8_t tag;		/* value of vm_page.list, not 0 (C) */
};

/* What a line is called in dumps. */
struct vm_line_name {
	const char *name;
	const struct vm_line *line;
};

static inline void
vm_line_init(struct vm_line *line, uint8_t tag)
{
	vm_assert(tag != 0);
	vm_list_init(&line->pages);
	line->soon = NULL;
	line->lead = 0;
	line->count = 0;
	line->tag = tag;
}

static inline void
vm_line_put_hot(struct vm_line *line, struct vm_page *page)
{
	vm_assert(page->list == 0);
	vm_list_add_head(&line->pages, &page->queue);
	page->list = line->tag;
	line->count++;
}

static inline void
vm_line_put_cold(struct vm_line *line, struct vm_page *page)
{
	vm_assert(page->list == 0);
	vm_list_add_tail(&line->pages, &page->queue);
	page->list = line->tag;
	line->count++;
}

static inline void
vm_line_remove(struct vm_line *line, struct vm_page *page)
{
	vm_assert(page->list == line->tag);
	vm_assert(line->count > 0);
	vm_node_remove(&page->queue);
	page->list = 0;
	line->count--;
	if (line->lead != 0)	/* most pages go at the cold end */
		line->lead--;
}

/* 64 pages: two batches of victims; further away they are out of the cache
 * again when they are needed. */
#define VM_LINE_LEAD 64u

/*
 * One step of a walk from the cold end that runs ahead of the picks: asks for
 * the slot of a page that was asked for one step before, and for the next page.
 * A line is walked from page to page, each a miss of the cache that nothing can
 * overlap; done one by one while other work goes on, they cost nothing.  Where
 * the walk has been overtaken, or its page has gone elsewhere, also to the line
 * of the same tag of another policy, it begins anew; it decides nothing, so
 * that it may be anywhere on its line.
 */
static inline void
vm_line_approach(struct vm_line *line, const struct vm_policy *policy)
{
	struct vm_node *head = &line->pages.head;
	struct vm_node *at = line->soon == NULL ? head : line->soon;
	struct vm_page *page = VM_ENTRY(at, struct vm_page, queue);

	if (line->lead >= VM_LINE_LEAD)
		return;
	if (at != head && page->list == line->tag &&
	    vm_policy_has(policy, page)) {
		VM_PREFETCH(atomic_load_explicit(&page->slot,
		    memory_order_relaxed));
		line->lead++;
	} else {
		at = head;
		line->lead = 0;
	}
	line->soon = at->prev;
	VM_PREFETCH(line->soon);
}

/* The walk goes on behind the page, which is the last one proposed: those
 * before it are about to go. */
static inline void
vm_line_approach_behind(struct vm_line *line, const struct vm_node *last)
{
	line->soon = last->prev;
	line->lead = 0;
	VM_PREFETCH(line->soon);
}

/* One line's part of a call of victims(). */
struct vm_pick {
	struct vm_line *line;
	struct vm_node *cursor;	/* hottest page proposed, or NULL */
	uint32_t proposed;	/* pages from the cold end to cursor */
};

static inline uint32_t
vm_pick_left(const struct vm_pick *pick)
{
	return pick->line->count - pick->proposed;
}

/* The coldest page not proposed so far; there is one. */
static inline struct vm_page *
vm_pick_coldest(const struct vm_pick *pick)
{
	struct vm_node *node = pick->cursor == NULL
	    ? pick->line->pages.head.prev : pick->cursor->prev;

	vm_assert(vm_pick_left(pick) > 0);
	return VM_ENTRY(node, struct vm_page, queue);
}

/* What vm_pick_coldest returned is proposed. */
static inline void
vm_pick_propose(struct vm_pick *pick, struct vm_page *page)
{
	vm_assert(page->list == pick->line->tag);
	pick->cursor = &page->queue;
	pick->proposed++;
}

static inline bool
vm_page_wired(const struct vm_page *page)
{
	return atomic_load_explicit(&page->wires, memory_order_relaxed) != 0;
}

#endif
