/* SPDX-License-Identifier: BSD-2-Clause */
/* frame/buddy.c - blocks of free frames; buddy.h has the theory. */
#include "frame/buddy.h"

#include <stddef.h>

#include "base/assert.h"

static uint16_t
flags_of(const struct vm_page *page)
{
	return atomic_load_explicit(&page->flags, memory_order_relaxed);
}

static void
set_flags(struct vm_page *page, uint16_t flags)
{
	atomic_store_explicit(&page->flags, flags, memory_order_relaxed);
}

static const uint16_t flags_of_kind[VM_KINDS] = {
	[VM_KIND_HOLLOW] = VM_PGA_FREE,
	[VM_KIND_WARM] = VM_PGA_FREE | VM_PGA_WARM,
	[VM_KIND_ZEROED] = VM_PGA_FREE | VM_PGA_WARM | VM_PGA_ZERO,
};

/* The address of a frame in pages: what blocks and colours are aligned by. */
static uint64_t
place(const struct vm_buddy *buddy, uint32_t number)
{
	return number + buddy->shift;
}

static uint32_t
highest_bit(uint32_t bits)
{
	uint32_t bit = 0;

	while ((bits >>= 1) != 0)
		bit++;
	return bit;
}

uint32_t
vm_buddy_colour(const struct vm_buddy *buddy, uint32_t number)
{
	return (uint32_t)place(buddy, number) & (buddy->colours - 1);
}

void
vm_buddy_init(struct vm_buddy *buddy, const struct vm_buddy_options *o)
{
	vm_assert(o->first <= o->end);
	vm_assert(o->colours > 0 && o->colours <= VM_COLOURS_MAX);
	vm_assert((o->colours & (o->colours - 1)) == 0);
	*buddy = (struct vm_buddy){ .pages = o->pages, .first = o->first,
		.end = o->end, .shift = o->address_pages - o->first,
		.fresh_kind = o->fresh_kind, .high_first = o->high_first,
		.colours = o->colours, .fresh_first = o->first,
		.fresh_end = o->end };
	for (unsigned kind = 0; kind < VM_KINDS; kind++) {
		for (unsigned i = 0; i < VM_ORDERS; i++)
			vm_list_init(&buddy->list[kind][i]);
		for (unsigned i = 0; i < o->colours; i++)
			vm_list_init(&buddy->tint[kind][i]);
	}
}

static struct vm_list *
list_of(struct vm_buddy *buddy, uint32_t number, unsigned order,
    enum vm_kind kind)
{
	return order != 0 ? &buddy->list[kind][order] :
	    &buddy->tint[kind][vm_buddy_colour(buddy, number)];
}

/* The bitmaps follow a list that may have become empty or the contrary. */
static void
note_list(struct vm_buddy *buddy, uint32_t number, unsigned order,
    enum vm_kind kind)
{
	bool any = !vm_list_empty(list_of(buddy, number, order, kind));
	uint64_t tint = UINT64_C(1) << vm_buddy_colour(buddy, number);
	uint16_t bit = (uint16_t)(1u << order);

	if (order == 0) {
		buddy->tints[kind] &= ~tint;
		buddy->tints[kind] |= any ? tint : 0;
		any = buddy->tints[kind] != 0;
	}
	buddy->orders[kind] = (uint16_t)(buddy->orders[kind] & ~bit);
	buddy->orders[kind] |= any ? bit : 0;
}

static void
push(struct vm_buddy *buddy, uint32_t number, unsigned order,
    enum vm_kind kind)
{
	struct vm_page *page = &buddy->pages[number];

	set_flags(page, flags_of_kind[kind]);
	page->weight = order + 1;
	vm_list_add_head(list_of(buddy, number, order, kind), &page->queue);
	note_list(buddy, number, order, kind);
	buddy->free[kind] += 1u << order;
	buddy->blocks[order]++;
}

static void
remove_block(struct vm_buddy *buddy, uint32_t number, unsigned order,
    enum vm_kind kind)
{
	struct vm_page *page = &buddy->pages[number];

	vm_assert(page->weight == order + 1);
	page->weight = 0;
	vm_node_remove(&page->queue);
	note_list(buddy, number, order, kind);
	buddy->free[kind] -= 1u << order;
	buddy->blocks[order]--;
}

/* A free block of that order begins there. */
static bool
is_head(const struct vm_buddy *buddy, uint32_t number, unsigned order)
{
	const struct vm_page *page = &buddy->pages[number];

	return (flags_of(page) & VM_PGA_FREE) != 0 &&
	    page->weight == order + 1;
}

enum vm_kind
vm_buddy_kind(const struct vm_buddy *buddy, uint32_t head)
{
	uint16_t flags = flags_of(&buddy->pages[head]);

	if ((flags & VM_PGA_ZERO) != 0)
		return VM_KIND_ZEROED;
	return (flags & VM_PGA_WARM) != 0 ? VM_KIND_WARM : VM_KIND_HOLLOW;
}

/* The other half of the next larger block, if all of it is in the segment. */
static bool
other_half(const struct vm_buddy *buddy, uint32_t number, unsigned order,
    uint32_t *other)
{
	uint64_t there = (place(buddy, number) ^ (UINT64_C(1) << order)) -
	    buddy->shift;

	if (there < buddy->first || there >= buddy->end ||
	    buddy->end - there < (UINT64_C(1) << order))
		return false;
	*other = (uint32_t)there;
	return true;
}

static void
give_block(struct vm_buddy *buddy, uint32_t number, unsigned order,
    enum vm_kind kind)
{
	uint32_t other;

	set_flags(&buddy->pages[number], flags_of_kind[kind]);
	buddy->pages[number].weight = 0;
	while (order + 1 < VM_ORDERS &&
	    other_half(buddy, number, order, &other) &&
	    is_head(buddy, other, order) &&
	    vm_buddy_kind(buddy, other) == kind) {
		remove_block(buddy, other, order, kind);
		number = other < number ? other : number;
		order++;
	}
	push(buddy, number, order, kind);
}

/* The largest block that begins at this address and has at most count. */
static unsigned
order_at(uint64_t address_pages, uint32_t count)
{
	unsigned order = highest_bit(count);
	unsigned aligned = address_pages == 0 ? VM_ORDERS - 1 :
	    VM_LOWEST_BIT(address_pages);

	order = order < aligned ? order : aligned;
	return order < VM_ORDERS ? order : VM_ORDERS - 1;
}

void
vm_buddy_give(struct vm_buddy *buddy, uint32_t first, uint32_t end,
    enum vm_kind kind)
{
	vm_assert(first >= buddy->first && end <= buddy->end);
	while (first < end) {
		unsigned order = order_at(place(buddy, first), end - first);

		give_block(buddy, first, order, kind);
		first += 1u << order;
	}
}

uint32_t
vm_buddy_fresh(const struct vm_buddy *buddy)
{
	return buddy->fresh_end - buddy->fresh_first;
}

uint32_t
vm_buddy_free(const struct vm_buddy *buddy)
{
	uint32_t free = vm_buddy_fresh(buddy);

	for (unsigned kind = 0; kind < VM_KINDS; kind++)
		free += buddy->free[kind];
	return free;
}

uint32_t
vm_buddy_take_fresh(struct vm_buddy *buddy, uint32_t count)
{
	uint32_t first = buddy->fresh_first;

	vm_assert(count <= vm_buddy_fresh(buddy));
	buddy->fresh_first += count;
	return first;
}

/* One block from the end of the fresh range that is to go first. */
static bool
feed(struct vm_buddy *buddy)
{
	uint32_t left = vm_buddy_fresh(buddy), first;
	unsigned order;

	if (left == 0)
		return false;
	if (buddy->high_first) {
		order = order_at(place(buddy, buddy->fresh_end), left);
		first = buddy->fresh_end -= 1u << order;
	} else {
		order = order_at(place(buddy, buddy->fresh_first), left);
		first = vm_buddy_take_fresh(buddy, 1u << order);
	}
	give_block(buddy, first, order, buddy->fresh_kind);
	return true;
}

/* The smallest order on the lists from order on; feeds while there is none.
 * At most 2 * VM_ORDERS blocks are fed before one is of the largest order. */
static bool
have_order(struct vm_buddy *buddy, enum vm_kind kind, unsigned order,
    unsigned *have)
{
	while (buddy->orders[kind] >> order == 0)
		if (kind != buddy->fresh_kind || !feed(buddy))
			return false;
	*have = order + VM_LOWEST_BIT((uint64_t)buddy->orders[kind] >> order);
	return true;
}

static uint32_t
number_of(const struct vm_buddy *buddy, const struct vm_list *list)
{
	struct vm_page *page = VM_ENTRY(vm_list_first(list), struct vm_page,
	    queue);

	return (uint32_t)(page - buddy->pages);
}

/* Takes the block that was given last. */
static uint32_t
pop(struct vm_buddy *buddy, enum vm_kind kind, unsigned order)
{
	struct vm_list *list = &buddy->list[kind][order];
	uint32_t number;

	if (order == 0)
		list = &buddy->tint[kind][VM_LOWEST_BIT(buddy->tints[kind])];
	number = number_of(buddy, list);
	remove_block(buddy, number, order, kind);
	return number;
}

bool
vm_buddy_take(struct vm_buddy *buddy, enum vm_kind kind, unsigned order,
    uint32_t *number)
{
	unsigned have;
	uint32_t at;

	vm_assert(order < VM_ORDERS);
	if (!have_order(buddy, kind, order, &have))
		return false;
	at = pop(buddy, kind, have);
	while (have-- > order) {
		uint32_t half = 1u << have;

		push(buddy, buddy->high_first ? at : at + half, have, kind);
		at += buddy->high_first ? half : 0;
	}
	*number = at;
	return true;
}

void
vm_buddy_take_block(struct vm_buddy *buddy, uint32_t number)
{
	unsigned order = buddy->pages[number].weight - 1;

	vm_assert(order < VM_ORDERS && is_head(buddy, number, order));
	remove_block(buddy, number, order, vm_buddy_kind(buddy, number));
}

/* A single free frame of exactly that colour. */
static bool
take_tint(struct vm_buddy *buddy, enum vm_kind kind, uint32_t colour,
    uint32_t *number)
{
	uint32_t wanted = colour & (buddy->colours - 1);

	if ((buddy->tints[kind] >> wanted & 1) == 0)
		return false;
	*number = number_of(buddy, &buddy->tint[kind][wanted]);
	remove_block(buddy, *number, 0, kind);
	return true;
}

/* The frame of that colour out of a block that has one; the rest goes back. */
static void
cut_out(struct vm_buddy *buddy, uint32_t block, unsigned order,
    uint32_t colour, uint32_t *number)
{
	uint32_t end = block + (1u << order);
	enum vm_kind kind = vm_buddy_kind(buddy, block);

	*number = block + ((colour - vm_buddy_colour(buddy, block)) &
	    (buddy->colours - 1));
	vm_buddy_give(buddy, block, *number, kind);
	vm_buddy_give(buddy, *number + 1, end, kind);
}

/* Of each list of small blocks the one that was given last, if it has it. */
static bool
take_from_small(struct vm_buddy *buddy, enum vm_kind kind, uint32_t colour,
    uint32_t *number)
{
	for (unsigned order = 1; 1u << order < buddy->colours; order++) {
		uint32_t block, away;

		if ((buddy->orders[kind] >> order & 1) == 0)
			continue;
		block = number_of(buddy, &buddy->list[kind][order]);
		away = (colour - vm_buddy_colour(buddy, block)) &
		    (buddy->colours - 1);
		if (away >> order != 0)
			continue;
		remove_block(buddy, block, order, kind);
		cut_out(buddy, block, order, colour, number);
		return true;
	}
	return false;
}

/* One out of a block that is large enough to have every colour. */
static bool
take_from_large(struct vm_buddy *buddy, enum vm_kind kind, uint32_t colour,
    uint32_t *number)
{
	unsigned order = highest_bit(buddy->colours);
	uint32_t block;

	if (!vm_buddy_take(buddy, kind, order, &block))
		return false;
	cut_out(buddy, block, order, colour, number);
	return true;
}

bool
vm_buddy_take_colour(struct vm_buddy *buddy, enum vm_kind kind,
    uint32_t colour, uint32_t *number)
{
	if (take_tint(buddy, kind, colour, number) ||
	    take_from_small(buddy, kind, colour, number) ||
	    take_from_large(buddy, kind, colour, number))
		return true;
	for (uint32_t away = buddy->colours / 2; away > 0; away--)
		if (take_tint(buddy, kind, colour + away, number) ||
		    take_tint(buddy, kind, colour - away, number))
			return true;
	return vm_buddy_take(buddy, kind, 0, number);
}

bool
vm_buddy_find(const struct vm_buddy *buddy, uint32_t number, uint32_t *head,
    unsigned *order)
{
	if (number < buddy->first || number >= buddy->end)
		return false;
	for (*order = 0; *order < VM_ORDERS; (*order)++) {
		uint64_t back = place(buddy, number) &
		    ((UINT64_C(1) << *order) - 1);

		if (back > number - buddy->first)
			return false;
		*head = number - (uint32_t)back;
		if (is_head(buddy, *head, *order))
			return true;
	}
	return false;
}

/* From the largest on, and back at the tail of what is to come: each block is
 * met once, for warm ones are not looked for. */
void
vm_buddy_unify(struct vm_buddy *buddy)
{
	for (unsigned kind = 0; kind < VM_KINDS; kind++)
		while (kind != VM_KIND_WARM && buddy->orders[kind] != 0) {
			unsigned order = highest_bit(buddy->orders[kind]);

			give_block(buddy, pop(buddy, kind, order), order,
			    VM_KIND_WARM);
		}
}

/* -- audit ----------------------------------------------------------------- */

struct tally {
	uint32_t free[VM_KINDS];
	uint32_t blocks[VM_ORDERS];
};

static const char *
audit_block(const struct vm_buddy *buddy, uint32_t number,
    struct tally *tally)
{
	const struct vm_page *page = &buddy->pages[number];
	unsigned order = page->weight - 1;
	enum vm_kind kind = vm_buddy_kind(buddy, number);
	uint32_t other;

	if (order >= VM_ORDERS || buddy->end - number < 1u << order)
		return "a free block leaves its segment";
	if ((place(buddy, number) & ((1u << order) - 1)) != 0)
		return "a free block is not aligned";
	if (!vm_node_linked(&page->queue) || page->object != NULL)
		return "a free block is on no list, or has an identity";
	if (order + 1 < VM_ORDERS && other_half(buddy, number, order, &other)
	    && is_head(buddy, other, order) &&
	    vm_buddy_kind(buddy, other) == kind)
		return "two free halves were not merged";
	for (uint32_t i = 1; i < 1u << order; i++)
		if (page[i].weight != 0 && (flags_of(&page[i]) &
		    VM_PGA_FREE) != 0)
			return "a free block begins inside another";
	tally->free[kind] += 1u << order;
	tally->blocks[order]++;
	return NULL;
}

static const char *
compare(const struct vm_buddy *buddy, const struct tally *tally)
{
	for (unsigned kind = 0; kind < VM_KINDS; kind++) {
		if (tally->free[kind] != buddy->free[kind])
			return "a count of free frames is wrong";
		if ((buddy->orders[kind] & 1) != (buddy->tints[kind] != 0))
			return "the colours are not those of order 0";
	}
	for (unsigned i = 0; i < VM_ORDERS; i++)
		if (tally->blocks[i] != buddy->blocks[i])
			return "a count of free blocks is wrong";
	return NULL;
}

const char *
vm_buddy_audit(const struct vm_buddy *buddy)
{
	struct tally tally = { { 0 }, { 0 } };
	uint32_t number = buddy->first;

	while (number < buddy->end) {
		const struct vm_page *page = &buddy->pages[number];
		const char *wrong;

		if (number == buddy->fresh_first &&
		    vm_buddy_fresh(buddy) != 0) {
			number = buddy->fresh_end;
			continue;
		}
		if ((flags_of(page) & VM_PGA_FREE) == 0) {
			number++;
			continue;
		}
		if (page->weight == 0)
			return "a free frame is in no block";
		wrong = audit_block(buddy, number, &tally);
		if (wrong != NULL)
			return wrong;
		number += 1u << (page->weight - 1);
	}
	return compare(buddy, &tally);
}
