/* SPDX-License-Identifier: BSD-2-Clause */
/* memory/range.c - what is handed out of a region; region.h has the theory. */
#include <errno.h>

#include "base/assert.h"
#include "base/error.h"
#include "memory/pages.h"
#include "memory/pin.h"
#include "memory/region_private.h"
#include "os/os.h"

#define NOWHERE UINT64_MAX

static char *
address_of(const struct vm_region *region, uint64_t page)
{
	return region->base + page * region->vm->page_bytes;
}

void
vm_ranges_free(struct vm *vm, struct vm_list *dead)
{
	struct vm_node *node;

	while ((node = vm_list_first(dead)) != NULL) {
		vm_node_remove(node);
		vm_cache_put(&vm->memory->ranges, vm_range_of(node));
	}
}

void
vm_range_remove_locked(struct vm_region *region, struct vm_range *range,
    struct vm_list *dead)
{
	vm_lock_assert_held(&region->lock);
	region->range_count--;
	region->submaps -= range->submap;
	vm_node_remove(&range->link);
	vm_list_add_tail(dead, &range->link);
}

static int
new_range(struct vm *vm, struct vm_range **out)
{
	void *thing;
	int error = vm_cache_get(&vm->memory->ranges, VM_MEM_SYSTEM, &thing,
	    NULL);

	if (error != 0)
		return error;
	*out = thing;
	**out = (struct vm_range){ .first = 0 };
	return 0;
}

/* ---- where --------------------------------------------------------------- */

struct place {
	uint64_t pages;
	uint64_t align_bytes;
	uint64_t guard;		/* pages at each end */
};

/* The first page from page on whose address is aligned. */
static uint64_t
aligned(const struct vm_region *region, uint64_t page, uint64_t align_bytes)
{
	uintptr_t at = (uintptr_t)address_of(region, page);
	uint64_t more = align_bytes == 0 ? 0 : -at & (align_bytes - 1);

	return page + more / region->vm->page_bytes;
}

/* The first page of the first place behind from. */
static uint64_t
first_fit(const struct vm_region *region, const struct place *place,
    uint64_t from)
{
	struct vm_node *node = vm_list_first(&region->ranges);
	uint64_t start = 0;

	for (;;) {
		const struct vm_range *range = vm_range_of(node);
		uint64_t gap_end = range == NULL ? region->pages :
		    range->first - range->before;
		uint64_t page = start > from ? start : from;

		page = aligned(region, page + place->guard,
		    place->align_bytes);
		if (page + place->pages + place->guard <= gap_end)
			return page;
		if (range == NULL)
			return NOWHERE;
		start = range->end + range->after;
		node = vm_list_next(&region->ranges, node);
	}
}

uint64_t
vm_region_longest(struct vm_region *region)
{
	uint64_t start = 0, longest = 0;
	struct vm_node *node;

	vm_lock(&region->lock);
	for (node = vm_list_first(&region->ranges); node != NULL;
	    node = vm_list_next(&region->ranges, node)) {
		const struct vm_range *range = vm_range_of(node);
		uint64_t gap = range->first - range->before - start;

		longest = gap > longest ? gap : longest;
		start = range->end + range->after;
	}
	if (region->pages - start > longest)
		longest = region->pages - start;
	vm_unlock(&region->lock);
	return longest;
}

/* The page of an address, NOWHERE when it is in none. */
static uint64_t
page_of(const struct vm_region *region, const void *address)
{
	uint64_t offset = (uintptr_t)address - (uintptr_t)region->base;

	if ((uintptr_t)address < (uintptr_t)region->base ||
	    offset / region->vm->page_bytes >= region->pages)
		return NOWHERE;
	return offset / region->vm->page_bytes;
}

static int
choose_fixed(const struct vm_region *region, const struct place *place,
    const void *hint, uint64_t *page)
{
	*page = page_of(region, hint);
	if (*page == NOWHERE || address_of(region, *page) != hint ||
	    aligned(region, *page, place->align_bytes) != *page ||
	    *page < place->guard ||
	    place->pages + place->guard > region->pages - *page)
		return vm_error(EINVAL, "region: %llu pages at %p are not in "
		    "it, or not aligned", (unsigned long long)place->pages,
		    hint);
	if (first_fit(region, place, *page - place->guard) != *page)
		return vm_error(EEXIST, "region: something is there at %p",
		    hint);
	return 0;
}

static int
choose_locked(struct vm_region *region, const struct place *place,
    const struct vm_range_request *request, uint64_t *page)
{
	uint64_t from = page_of(region, request->hint);

	if ((request->flags & VM_RANGE_FIXED) != 0)
		return choose_fixed(region, place, request->hint, page);
	if ((request->flags & VM_RANGE_RANDOM) != 0)
		from = vm_rng_below(&region->rng, region->pages);
	else if (from != NOWHERE && from >= place->guard)
		from -= place->guard;
	*page = from == NOWHERE ? NOWHERE : first_fit(region, place, from);
	if (*page == NOWHERE)
		*page = first_fit(region, place, 0);
	if (*page == NOWHERE)
		return vm_error(ENOSPC, "region: no %llu pages of addresses "
		    "are free together", (unsigned long long)place->pages);
	return 0;
}

/* ---- handing out --------------------------------------------------------- */

static void
insert_locked(struct vm_region *region, struct vm_range *range)
{
	struct vm_node *node = vm_list_first(&region->ranges);

	while (node != NULL && vm_range_of(node)->first < range->first)
		node = vm_list_next(&region->ranges, node);
	vm_node_insert_before(&range->link, node != NULL ? node :
	    &region->ranges.head);
	region->range_count++;
	region->submaps += range->submap;
}

static void
note_out(struct vm_region *region, uint64_t pages)
{
	region->out += pages;
	if (region->out > region->peak)
		region->peak = region->out;
	atomic_fetch_add(&region->vm->memory->region_pages, pages);
}

static int
refused(int error, const char *what)
{
	return vm_error(-error, "region: %s: %s", what,
	    vm_errno_text(-error));
}

/* The range gets its place. */
static int
enter_locked(struct vm_region *region, const struct place *place,
    const struct vm_range_request *request, struct vm_range *range)
{
	struct vm *vm = region->vm;
	uint64_t page;
	int error = choose_locked(region, place, request, &page);

	if (error != 0)
		return error;
	range->prot = VM_OS_READ | VM_OS_WRITE |
	    (request->flags & VM_RANGE_EXEC ? VM_OS_EXEC : 0);
	if (!range->submap)
		error = vm->os->protect(address_of(region, page),
		    place->pages * vm->page_bytes, range->prot);
	if (error != 0)
		return refused(error, "making memory usable");
	range->first = page;
	range->end = page + place->pages;
	range->before = range->after = (uint8_t)place->guard;
	insert_locked(region, range);
	return 0;
}

static int
check_request(const struct vm_region *region,
    const struct vm_range_request *request)
{
	if (request->bytes == 0 ||
	    (request->align_bytes & (request->align_bytes - 1)) != 0)
		return vm_error(EINVAL, "region: %llu bytes aligned to %llu",
		    (unsigned long long)request->bytes,
		    (unsigned long long)request->align_bytes);
	if (request->bytes > region->pages * region->vm->page_bytes)
		return vm_error(ENOSPC, "region: %llu bytes are more than it "
		    "has", (unsigned long long)request->bytes);
	return 0;
}

static void
move_tokens(struct vm_list *from, struct vm_list *to)
{
	struct vm_node *node;

	while ((node = vm_list_first(from)) != NULL) {
		vm_node_remove(node);
		vm_list_add_tail(to, node);
	}
}

static int
enter(struct vm_region *region, const struct vm_range_request *request,
    struct vm_range *range, struct vm_list *tokens)
{
	struct vm *vm = region->vm;
	struct place place = {
		.pages = (request->bytes + vm->page_bytes - 1) /
		    vm->page_bytes,
		.align_bytes = request->align_bytes,
		.guard = (request->flags & VM_RANGE_GUARD) != 0,
	};
	int error;

	vm_lock(&region->lock);
	error = enter_locked(region, &place, request, range);
	if (error == 0 && !range->submap) {
		move_tokens(tokens, &region->tokens);
		note_out(region, place.pages);
	}
	vm_unlock(&region->lock);
	return error;
}

/* Tokens first: they may be waited for.  A limit has below 2^28 pages. */
int
vm_range_put_in(struct vm_region *region,
    const struct vm_range_request *request, bool submap, void **out)
{
	struct vm *vm = region->vm;
	uint64_t pages = request->bytes / vm->page_bytes +
	    (request->bytes % vm->page_bytes != 0);
	struct vm_pages_take take = {
		.count = pages < UINT32_MAX ? (uint32_t)pages : UINT32_MAX,
		.flags = request->flags, .account = region->account,
	};
	struct vm_range *range;
	struct vm_list tokens;
	int error = check_request(region, request);

	vm_list_init(&tokens);
	if (error != 0)
		return error;
	error = submap ? 0 : vm_tokens_take(vm, &take, &tokens);
	if (error != 0)
		return error;
	error = new_range(vm, &range);
	if (error == 0) {
		range->submap = submap;
		error = enter(region, request, range, &tokens);
		if (error == 0)
			*out = address_of(region, range->first);
		else
			vm_cache_put(&vm->memory->ranges, range);
	}
	if (error != 0 && !submap)
		vm_tokens_give(vm, &tokens, take.count, region->account);
	return error;
}

int
vm_range_add(struct vm_region *region,
    const struct vm_range_request *request, void **out)
{
	return vm_range_put_in(region, request, false, out);
}

/* ---- changing what was handed out ---------------------------------------- */

/* Pages that are changed, and ranges for the pieces at their ends. */
struct edit {
	uint64_t first, end;
	struct vm_range *spare[2];
	unsigned spares;
};

static int
locate(const struct vm_region *region, const void *address, uint64_t bytes,
    struct edit *edit)
{
	uint64_t page_bytes = region->vm->page_bytes;

	edit->first = page_of(region, address);
	edit->spares = 0;
	if (edit->first == NOWHERE || bytes == 0 ||
	    address_of(region, edit->first) != address ||
	    bytes > (region->pages - edit->first) * page_bytes)
		return vm_error(EINVAL, "region: %llu bytes at %p are not "
		    "pages of it", (unsigned long long)bytes, address);
	edit->end = edit->first + (bytes + page_bytes - 1) / page_bytes;
	return 0;
}

static bool
all_out(const struct vm_region *region, const struct edit *edit)
{
	uint64_t at = edit->first;
	struct vm_node *node;

	for (node = vm_list_first(&region->ranges);
	    node != NULL && at < edit->end;
	    node = vm_list_next(&region->ranges, node)) {
		const struct vm_range *range = vm_range_of(node);

		if (range->end <= at)
			continue;
		if (range->first > at || range->submap)
			return false;
		at = range->end;
	}
	return at >= edit->end;
}

/* The range that begins before a page and goes on behind it. */
static struct vm_range *
across(const struct vm_region *region, uint64_t page)
{
	struct vm_node *node = vm_list_first(&region->ranges);

	while (node != NULL && vm_range_of(node)->end <= page)
		node = vm_list_next(&region->ranges, node);
	return node != NULL && vm_range_of(node)->first < page ?
	    vm_range_of(node) : NULL;
}

static void
put_spares(struct vm *vm, struct edit *edit)
{
	while (edit->spares > 0)
		vm_cache_put(&vm->memory->ranges,
		    edit->spare[--edit->spares]);
}

/* Locks the region, unless it fails.  Two rounds more at most: no edit needs
 * more than two pieces.  Memory is taken only where it is needed, so that what
 * is free in whole needs none. */
static int
edit_begin(struct vm_region *region, void *address, uint64_t bytes,
    struct edit *edit)
{
	int error = locate(region, address, bytes, edit);

	while (error == 0) {
		vm_lock(&region->lock);
		if (!all_out(region, edit))
			error = vm_error(EINVAL, "region: not all of %llu "
			    "bytes at %p is handed out",
			    (unsigned long long)bytes, address);
		else if ((across(region, edit->first) != NULL) +
		    (across(region, edit->end) != NULL) <=
		    (int)edit->spares)
			return 0;
		vm_unlock(&region->lock);
		if (error == 0)
			error = new_range(region->vm,
			    &edit->spare[edit->spares]);
		edit->spares += error == 0;
	}
	put_spares(region->vm, edit);
	return error;
}

static void
split_locked(struct vm_region *region, uint64_t page, struct edit *edit)
{
	struct vm_range *range = across(region, page), *rest;

	if (range == NULL)
		return;
	vm_assert(edit->spares > 0);
	rest = edit->spare[--edit->spares];
	rest->first = page;
	rest->end = range->end;
	rest->after = range->after;
	rest->prot = range->prot;
	range->end = page;
	range->after = 0;
	insert_locked(region, rest);
}

/* Its ends are ends of ranges from now on; the first of these. */
static struct vm_node *
cut_locked(struct vm_region *region, struct edit *edit)
{
	struct vm_node *node;

	split_locked(region, edit->first, edit);
	split_locked(region, edit->end, edit);
	node = vm_list_first(&region->ranges);
	while (vm_range_of(node)->first < edit->first)
		node = vm_list_next(&region->ranges, node);
	return node;
}

/* The machine's memory goes before the tokens do. */
static int
clear_locked(struct vm_region *region, uint64_t first, uint64_t end)
{
	const struct vm_os *os = region->vm->os;
	char *from = address_of(region, first), *to = address_of(region, end);
	int error;

	if (vm_pinned(region->vm, (uintptr_t)from, (uintptr_t)to))
		return vm_error(EBUSY, "region: something between %p and %p "
		    "is wired", (void *)from, (void *)to);
	error = os->drop(from, (size_t)(to - from));
	if (error == 0)
		error = os->protect(from, (size_t)(to - from), 0);
	return error == 0 ? 0 : refused(error, "giving memory back");
}

static void
let_go_locked(struct vm_region *region, uint64_t pages)
{
	struct vm *vm = region->vm;

	vm_tokens_give(vm, &region->tokens, (uint32_t)pages,
	    region->account);
	region->out -= pages;
	atomic_fetch_sub(&vm->memory->region_pages, pages);
}

int
vm_range_drop(struct vm_region *region, void *address, uint64_t bytes)
{
	struct vm_node *node, *next;
	struct vm_list dead;
	struct edit edit;
	int error = edit_begin(region, address, bytes, &edit);

	if (error != 0)
		return error;
	vm_list_init(&dead);
	error = clear_locked(region, edit.first, edit.end);
	node = error == 0 ? cut_locked(region, &edit) : NULL;
	for (; node != NULL && vm_range_of(node)->first < edit.end;
	    node = next) {
		next = vm_list_next(&region->ranges, node);
		vm_range_remove_locked(region, vm_range_of(node), &dead);
	}
	if (error == 0)
		let_go_locked(region, edit.end - edit.first);
	vm_unlock(&region->lock);
	vm_ranges_free(region->vm, &dead);
	put_spares(region->vm, &edit);
	return error;
}

int
vm_range_protect(struct vm_region *region, void *address, uint64_t bytes,
    unsigned prot)
{
	struct vm_node *node;
	struct edit edit;
	int error = edit_begin(region, address, bytes, &edit);

	if (error != 0)
		return error;
	error = region->vm->os->protect(address, (edit.end - edit.first) *
	    region->vm->page_bytes, prot);
	if (error != 0)
		error = refused(error, "protecting memory");
	node = error == 0 ? cut_locked(region, &edit) : NULL;
	for (; node != NULL && vm_range_of(node)->first < edit.end;
	    node = vm_list_next(&region->ranges, node))
		vm_range_of(node)->prot = prot;
	vm_unlock(&region->lock);
	put_spares(region->vm, &edit);
	return error;
}

int
vm_ranges_purge(struct vm_region *region)
{
	struct vm_node *node, *next;
	struct vm_list dead;
	int first_error = 0;

	vm_list_init(&dead);
	vm_lock(&region->lock);
	for (node = vm_list_first(&region->ranges); node != NULL;
	    node = next) {
		struct vm_range *range = vm_range_of(node);
		int error;

		next = vm_list_next(&region->ranges, node);
		if (range->submap)
			continue;
		error = clear_locked(region, range->first, range->end);
		if (error == 0) {
			let_go_locked(region, range->end - range->first);
			vm_range_remove_locked(region, range, &dead);
		} else if (first_error == 0)
			first_error = error;
	}
	vm_unlock(&region->lock);
	vm_ranges_free(region->vm, &dead);
	return first_error;
}

void
vm_range_leave(struct vm_region *region, const char *address)
{
	uint64_t page = page_of(region, address);
	struct vm_node *node;
	struct vm_list dead;

	vm_list_init(&dead);
	vm_lock(&region->lock);
	node = vm_list_first(&region->ranges);
	while (node != NULL && vm_range_of(node)->first != page)
		node = vm_list_next(&region->ranges, node);
	vm_assert(node != NULL && vm_range_of(node)->submap);
	vm_range_remove_locked(region, vm_range_of(node), &dead);
	vm_unlock(&region->lock);
	vm_ranges_free(region->vm, &dead);
}
