/* SPDX-License-Identifier: BSD-2-Clause */
/* pager/device.c - device.h has the theory. */
#include "pager/device.h"

#include <errno.h>
#include <stdatomic.h>

#include "base/assert.h"
#include "base/error.h"
#include "os/os.h"

struct device_pager {
	struct vm_pager pager;
	const struct vm_os *os;		/* (C) */
	uint64_t length;		/* bytes (C) */
	_Atomic uint64_t now;		/* of these the object has (A) */
};

static struct device_pager *
device_of(struct vm_pager *pager)
{
	return VM_CONTAINER(pager, struct device_pager, pager);
}

static unsigned
clip(struct device_pager *d, vm_pindex_t pindex, unsigned want)
{
	uint32_t page_bytes = d->pager.page_bytes;
	uint64_t now = atomic_load_explicit(&d->now, memory_order_relaxed);
	uint64_t pages = now / page_bytes + (now % page_bytes != 0);

	if (pindex >= pages)
		return 0;
	return want < pages - pindex ? want : (unsigned)(pages - pindex);
}

static enum vm_pager_result
device_extent(struct vm_pager *pager, vm_pindex_t pindex, unsigned want,
    unsigned *count)
{
	*count = clip(device_of(pager), pindex, want);
	return *count > 0 ? VM_PAGER_OK : VM_PAGER_RANGE;
}

static unsigned
device_reserve(struct vm_pager *pager, vm_pindex_t pindex, unsigned want,
    int *error)
{
	unsigned count = clip(device_of(pager), pindex, want);

	if (count > VM_PAGER_RUN_MAX)
		count = VM_PAGER_RUN_MAX;
	if (count == 0)
		*error = -vm_error(ERANGE, "device: page %llu is beyond its "
		    "end", (unsigned long long)pindex);
	return count;
}

static void
device_submit(struct vm_pager *pager, struct vm_pager_io *io,
    struct vm_ioq *queue)
{
	(void)queue;
	vm_assert(io->op == VM_PAGER_OUT);	/* a miss moves nothing */
	io->pager = pager;
	io->result = VM_PAGER_OK;
	io->error = 0;
	io->done(io);
}

static int
device_sync(struct vm_pager *pager)
{
	(void)pager;
	return 0;
}

static void
device_resized(struct vm_pager *pager, uint64_t bytes)
{
	struct device_pager *d = device_of(pager);

	atomic_store_explicit(&d->now, bytes < d->length ? bytes : d->length,
	    memory_order_relaxed);
}

static void
device_forget(struct vm_pager *pager, vm_pindex_t pindex, unsigned count)
{
	(void)pager;
	(void)pindex;
	(void)count;
}

static int
device_peek(struct vm_pager *pager, uint64_t offset, void *bytes,
    size_t length)
{
	(void)pager;
	(void)offset;
	(void)bytes;
	(void)length;
	return vm_error(ENOTSUP, "device: there is no file that others write");
}

static int
device_length(struct vm_pager *pager, uint64_t *bytes)
{
	*bytes = device_of(pager)->length;
	return 0;
}

static void
device_destroy(struct vm_pager *pager)
{
	device_of(pager)->os->free(device_of(pager));
}

static const struct vm_pager_ops device_ops = {
	.name = "device",
	.extent = device_extent,
	.reserve = device_reserve,
	.submit = device_submit,
	.sync = device_sync,
	.resized = device_resized,
	.forget = device_forget,
	.peek = device_peek,
	.length = device_length,
	.destroy = device_destroy,
};

int
vm_pager_device_create(const struct vm_os *os, uint32_t page_bytes,
    uint64_t length, struct vm_pager **out)
{
	struct device_pager *d = os->alloc(sizeof(*d));

	if (d == NULL)
		return vm_error(ENOMEM, "device: %s", vm_errno_text(ENOMEM));
	d->pager = (struct vm_pager){ .ops = &device_ops,
	    .page_bytes = page_bytes };
	d->os = os;
	d->length = length;
	atomic_init(&d->now, length);
	*out = &d->pager;
	return 0;
}
