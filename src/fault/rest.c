/* SPDX-License-Identifier: BSD-2-Clause */
/* fault/rest.c - the rest of a page that is valid in part; fill.h has the
 * theory. */
#include <errno.h>
#include <string.h>

#include "base/assert.h"
#include "fault/fill.h"
#include "stat/stat.h"

static void
rest_done(struct vm_pager_io *io)
{
	*(bool *)io->arg = true;
}

/* The page as the pager has it, into staging.  0, a positive errno. */
static int
read_rest(struct vm_filler *filler, const struct vm_page *page, char *staging)
{
	struct vm_pager *pager = page->object->pager;
	uint32_t bytes = filler->vm->page_bytes;
	struct iovec iov = { .iov_base = staging, .iov_len = bytes };
	bool done = false;
	struct vm_pager_io io = {
		.op = VM_PAGER_IN, .pindex = page->pindex, .count = 1,
		.iov = &iov, .iov_count = 1, .done = rest_done, .arg = &done,
	};
	unsigned count;

	if (pager->ops->extent(pager, page->pindex, 1, &count) ==
	    VM_PAGER_ABSENT) {
		memset(staging, 0, bytes);
		return 0;
	}
	pager->ops->submit(pager, &io, filler->queue);
	while (!done)
		vm_filler_reap(filler, true);
	if (io.result == VM_PAGER_FAILED)
		return io.error;
	if (io.result == VM_PAGER_AGAIN)
		return EAGAIN;
	return io.result == VM_PAGER_RANGE ? ERANGE : 0;
}

int
vm_fill_missing(struct vm_filler *filler, struct vm_page *page)
{
	uint32_t bytes = filler->vm->page_bytes;
	uint32_t all = vm_page_all_blocks(bytes);
	uint32_t missing = all & ~(page->valid | page->dirty);
	uint32_t block = vm_page_block_bytes(bytes);
	char *memory = vm_page_memory(page), *staging;
	int error;

	vm_assert(vm_list_empty(&filler->busy));
	if (memory == NULL)
		return -ENOMEM;
	staging = VM_ENTRY(vm_list_first(&filler->free), struct vm_fill,
	    link)->staging;
	error = missing == 0 ? 0 : read_rest(filler, page, staging);
	if (error != 0)
		return -error;
	for (uint32_t at = 0; at < bytes; at += block)
		if ((missing >> (at / block) & 1) != 0)
			memcpy(memory + at, staging + at, block);
	page->valid = all;
	vm_count(filler->vm->counters, VM_COUNTER_pages_in, missing != 0);
	return 0;
}
