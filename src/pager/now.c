/* SPDX-License-Identifier: BSD-2-Clause */
/* pager/now.c - one page by one call; backing_private.h has the theory. */
#include <errno.h>
#include <stdbool.h>
#include <sys/uio.h>

#include "base/error.h"
#include "os/os.h"
#include "pager/backing_private.h"

/* Everything or nothing from the page cache. */
static bool
from_cache(struct vm_backing *b, uint64_t offset, void *bytes)
{
	struct iovec iov = { .iov_base = bytes, .iov_len = b->page_bytes };

	if (!vm_backing_may_be_cached(b) ||
	    b->os->preadv_cached(b->in[VM_BACKING_PLAIN], &iov, 1,
	    offset) != (ssize_t)b->page_bytes)
		return false;
	atomic_store_explicit(&b->uncached, 0, memory_order_relaxed);
	return true;
}

/* An O_DIRECT descriptor where there is one that works. */
static bool
is_plain(const struct vm_backing *b)
{
	return b->in[VM_BACKING_DIRECT] < 0 || atomic_load_explicit(
	    &b->direct_refused, memory_order_relaxed);
}

/* What a request would try once more, and what it knows better, is left to
 * one; the rest is an error as it would be there. */
static enum vm_pager_result
judge(struct vm_backing *b, uint64_t offset, ssize_t got, int *error)
{
	if (got >= 0 || got == -EINVAL || got == -EAGAIN || got == -EINTR)
		return VM_PAGER_PENDING;
	*error = (int)-got;
	vm_backing_count(b, VM_COUNTER_read_errors, 1);
	(void)vm_error(*error, "%s: reading %lu bytes at %llu: %s", b->what,
	    (unsigned long)b->page_bytes, (unsigned long long)offset,
	    vm_errno_text(*error));
	return VM_PAGER_FAILED;
}

enum vm_pager_result
vm_backing_read_now(struct vm_backing *b, bool cached_first, uint64_t offset,
    void *bytes, int *error)
{
	bool plain = is_plain(b);
	ssize_t got;

	if (cached_first && from_cache(b, offset, bytes))
		return VM_PAGER_OK;	/* no read of the store: not counted */
	got = b->os->pread(b->in[plain ? VM_BACKING_PLAIN :
	    VM_BACKING_DIRECT], bytes, b->page_bytes, offset);
	if (VM_UNLIKELY(got != (ssize_t)b->page_bytes))
		return judge(b, offset, got, error);
	vm_backing_count(b, VM_COUNTER_reads, 1);
	vm_backing_count(b, VM_COUNTER_read_bytes, b->page_bytes);
	if (plain && !b->in_memory)
		(void)b->os->drop_cache(b->in[VM_BACKING_PLAIN], offset,
		    b->page_bytes);
	return VM_PAGER_OK;
}
