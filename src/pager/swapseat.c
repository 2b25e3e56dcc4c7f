/* SPDX-License-Identifier: BSD-2-Clause */
/* pager/swapseat.c - seats, bounces, the batch; swap_private.h. */
#include <errno.h>
#include <stdint.h>

#include "base/assert.h"
#include "base/error.h"
#include "os/os.h"
#include "pager/pack.h"
#include "pager/swap_private.h"

/* 256 KiB: half of the time of such a write is transfer on a fast disk, as of
 * the laundry's (pageout/launder.h), which makes no larger ones by itself. */
#define RUN_BYTES (UINT32_C(256) << 10)

static size_t
seat_bytes(const struct vm_swap *swap)
{
	size_t state = vm_pack_state_bytes();
	size_t pages = (state + swap->page_bytes - 1) / swap->page_bytes;

	return (2 + pages) * swap->page_bytes;
}

static size_t
run_bytes(const struct vm_swap *swap)
{
	return (size_t)swap->run_pages * swap->page_bytes;
}

/* Untouched parts of it take no memory. */
static int
reserve(struct vm_swap *swap)
{
	void *memory;

	swap->memory_bytes = VM_SWAP_SEATS * seat_bytes(swap) +
	    (VM_SWAP_BOUNCES + 1) * run_bytes(swap);
	if (swap->os->map_anon(swap->memory_bytes, &memory) != 0)
		return vm_error(ENOMEM, "swap: no room for %zu bytes of "
		    "buffers", swap->memory_bytes);
	swap->memory = memory;
	return 0;
}

int
vm_swap_seats_init(struct vm_swap *swap)
{
	char *at;
	int error;

	swap->run_pages = swap->page_bytes < RUN_BYTES ? RUN_BYTES /
	    swap->page_bytes : 1;
	vm_list_init(&swap->seats);
	vm_list_init(&swap->bounces);
	error = reserve(swap);
	if (error != 0)
		return error;
	at = swap->memory;
	for (unsigned i = 0; i < VM_SWAP_SEATS; i++) {
		struct vm_swap_seat *seat = &swap->seat[i];

		seat->page = at;
		seat->packed = at + swap->page_bytes;
		seat->state = at + 2 * (size_t)swap->page_bytes;
		vm_list_add_tail(&swap->seats, &seat->link);
		at += seat_bytes(swap);
	}
	for (unsigned i = 0; i < VM_SWAP_BOUNCES; i++) {
		swap->bounce[i].memory = at;
		vm_list_add_tail(&swap->bounces, &swap->bounce[i].link);
		at += run_bytes(swap);
	}
	swap->batch = at;
	return 0;
}

void
vm_swap_seats_fini(struct vm_swap *swap)
{
	if (swap->memory != NULL)
		(void)swap->os->unmap(swap->memory, swap->memory_bytes);
	swap->memory = NULL;
}

struct vm_swap_seat *
vm_swap_sit(struct vm_swap *swap)
{
	struct vm_node *node;

	vm_lock(&swap->lock);
	while (vm_list_empty(&swap->seats))
		(void)vm_cond_wait(&swap->stood_up, &swap->lock, UINT64_MAX);
	/* The last one to be free is the warmest. */
	node = vm_list_first(&swap->seats);
	vm_node_remove(node);
	vm_unlock(&swap->lock);
	return VM_ENTRY(node, struct vm_swap_seat, link);
}

void
vm_swap_stand(struct vm_swap *swap, struct vm_swap_seat *seat)
{
	vm_lock(&swap->lock);
	vm_list_add_head(&swap->seats, &seat->link);
	vm_cond_wake_one(&swap->stood_up);
	vm_unlock(&swap->lock);
}

struct vm_swap_bounce *
vm_swap_bounce_try(struct vm_swap *swap)
{
	struct vm_node *node = NULL;

	vm_lock(&swap->lock);
	if (!vm_list_empty(&swap->bounces)) {
		node = vm_list_first(&swap->bounces);
		vm_node_remove(node);
	}
	vm_unlock(&swap->lock);
	return node == NULL ? NULL : VM_ENTRY(node, struct vm_swap_bounce,
	    link);
}

void
vm_swap_bounce_end(struct vm_swap *swap, struct vm_swap_bounce *bounce)
{
	vm_lock(&swap->lock);
	vm_list_add_head(&swap->bounces, &bounce->link);
	vm_unlock(&swap->lock);
}
