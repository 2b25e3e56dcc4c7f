/* SPDX-License-Identifier: BSD-2-Clause */
/* pmap/uffd.c - uffd.h has the theory. */
#include "pmap/uffd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/assert.h"
#include "pmap/uffd_private.h"

/* 4096: the smallest page of any machine; ranges are split down to it. */
#define SMALLEST_PAGE UINT64_C(4096)

/* Linux 6.6, UFFDIO_POISON: include/uapi/linux/userfaultfd.h. */
struct uffd_poison {
	struct uffdio_range range;
	uint64_t mode;
	int64_t updated;
};
#define UFFD_POISON _IOWR(UFFDIO, 0x08, struct uffd_poison)
#define UFFD_POISON_DONTWAKE UINT64_C(1)

uint64_t
vm_pmap_features(void)
{
	return UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_EVENT_FORK |
	    UFFD_FEATURE_EVENT_REMAP | UFFD_FEATURE_EVENT_UNMAP |
	    UFFD_FEATURE_MISSING_SHMEM | UFFD_FEATURE_THREAD_ID |
	    UFFD_FEATURE_WP_HUGETLBFS_SHMEM | UFFD_FEATURE_WP_UNPOPULATED;
}

static void
translate(const struct uffd_msg *msg, struct vm_pmap_event *event)
{
	*event = (struct vm_pmap_event){ .fd = -1 };
	switch (msg->event) {
	case UFFD_EVENT_PAGEFAULT:
		event->kind = VM_PMAP_FAULT;
		event->address = msg->arg.pagefault.address;
		event->protect = (msg->arg.pagefault.flags &
		    UFFD_PAGEFAULT_FLAG_WP) != 0;
		event->write = event->protect ||
		    (msg->arg.pagefault.flags &
		    UFFD_PAGEFAULT_FLAG_WRITE) != 0;
		event->thread = (int)msg->arg.pagefault.feat.ptid;
		break;
	case UFFD_EVENT_FORK:
		event->kind = VM_PMAP_FORK;
		event->fd = (int)msg->arg.fork.ufd;
		break;
	case UFFD_EVENT_REMAP:
		event->kind = VM_PMAP_REMAP;
		event->address = msg->arg.remap.from;
		event->to = msg->arg.remap.to;
		event->length = msg->arg.remap.len;
		break;
	default:
		/* REMOVE is not asked for. */
		vm_assert(msg->event == UFFD_EVENT_UNMAP);
		event->kind = VM_PMAP_UNMAP;
		event->address = msg->arg.remove.start;
		event->to = msg->arg.remove.end;
		break;
	}
}

/*
 * The client shares the open file description and could clear its O_NONBLOCK,
 * upon which a plain read with no event waiting would stop this thread:
 * RWF_NOWAIT does not ask the description.  Kernels before 6.9 know it for
 * other files only (EOPNOTSUPP).
 */
static ssize_t
read_messages(int uffd, struct uffd_msg *msgs, unsigned count)
{
	struct iovec iov = { msgs, count * sizeof(msgs[0]) };
	ssize_t bytes;

	do {
		bytes = preadv2(uffd, &iov, 1, -1, RWF_NOWAIT);
		if (bytes < 0 && errno == EOPNOTSUPP)
			bytes = read(uffd, iov.iov_base, iov.iov_len);
	} while (bytes < 0 && errno == EINTR);
	return bytes;
}

static int
linux_read(int uffd, struct vm_pmap_event *events, unsigned count)
{
	struct uffd_msg msgs[16];
	ssize_t bytes;
	int n;

	if (count > 16)
		count = 16;
	bytes = read_messages(uffd, msgs, count);
	if (bytes < 0)
		return errno == EAGAIN ? 0 : -errno;
	n = (int)((size_t)bytes / sizeof(msgs[0]));
	for (int i = 0; i < n; i++)
		translate(&msgs[i], &events[i]);
	return n;
}

static int
linux_protect(int uffd, uint64_t address, uint64_t length, bool on)
{
	struct uffdio_writeprotect wp = {
		.range = { .start = address, .len = length },
		.mode = on ? UFFDIO_WRITEPROTECT_MODE_WP : 0,
	};

	return ioctl(uffd, UFFDIO_WRITEPROTECT, &wp) == 0 ? 0 : -errno;
}

static int
linux_wake(int uffd, uint64_t address, uint64_t length)
{
	struct uffdio_range range = { .start = address, .len = length };

	return ioctl(uffd, UFFDIO_WAKE, &range) == 0 ? 0 : -errno;
}

static int
linux_poison(int uffd, uint64_t address, uint64_t length)
{
	struct uffd_poison poison = {
		.range = { .start = address, .len = length },
		.mode = UFFD_POISON_DONTWAKE,
	};

	return ioctl(uffd, UFFD_POISON, &poison) == 0 ? 0 : -errno;
}

/*
 * Protecting a page where nothing is registered fails with ENOENT while the
 * address space lives, and with ESRCH when it does not.  1 MiB: above
 * vm.mmap_min_addr, which is refused with EINVAL first, and below where
 * programs are placed.
 */
static bool
linux_alive(int uffd)
{
	return linux_protect(uffd, UINT64_C(1) << 20, 64 * 1024, true) !=
	    -ESRCH;
}

/*
 * The same call as above: on what is no userfaultfd it is an unknown request.
 * A descriptor that blocks would stop the thread that serves it.
 */
static int
linux_check(int uffd)
{
	int flags = fcntl(uffd, F_GETFL);

	if (flags < 0)
		return -errno;
	if ((flags & O_NONBLOCK) == 0)
		return -EINVAL;
	return linux_protect(uffd, UINT64_C(1) << 20, 64 * 1024, true) ==
	    -ENOTTY ? -ENOTTY : 0;
}

const struct vm_pmap_ops vm_pmap_linux = {
	.read = linux_read,
	.protect = linux_protect,
	.wake = linux_wake,
	.poison = linux_poison,
	.alive = linux_alive,
	.check = linux_check,
	.open = vm_own_open,
	.close = vm_own_close,
	.reserve = vm_own_reserve,
	.show = vm_own_show,
	.unmap = vm_own_unmap,
	.watch = vm_own_watch,
	.copy = vm_own_copy,
	.drop = vm_own_drop,
};

void
vm_pmap_init(struct vm_pmap *pmap, const struct vm_pmap_ops *ops, int uffd)
{
	*pmap = (struct vm_pmap){ .ops = ops, .uffd = uffd };
	atomic_init(&pmap->refs, 1);
	atomic_init(&pmap->gone, false);
	vm_lock_init(&pmap->events, VM_RANK_SPACE, "pmap events");
}

void
vm_pmap_get(struct vm_pmap *pmap)
{
	uint32_t old = atomic_fetch_add_explicit(&pmap->refs, 1,
	    memory_order_relaxed);

	vm_assert(old != 0);
}

void
vm_pmap_put(struct vm_pmap *pmap)
{
	uint32_t old = atomic_fetch_sub_explicit(&pmap->refs, 1,
	    memory_order_acq_rel);

	vm_assert(old != 0);
	if (old == 1)
		pmap->release(pmap);
}

/*
 * The kernel stops at the first part of the range that is not registered and
 * leaves the rest as it was: go on in halves, so that a hole in the middle
 * does not hide what lies behind it.  The depth is that of a bisection.  A lift
 * that finds nothing wakes nobody by itself.
 */
static int
protect_locked(struct vm_pmap *pmap, uint64_t address, uint64_t length,
    bool on)
{
	int error = pmap->ops->protect(pmap->uffd, address, length, on);
	uint64_t half;

	if (error == -ESRCH)
		atomic_store_explicit(&pmap->gone, true, memory_order_relaxed);
	if (error == -EAGAIN || error == 0)
		return error;
	if (error != -ENOENT || length <= SMALLEST_PAGE) {
		if (!on)
			pmap->ops->wake(pmap->uffd, address, length);
		return 0;	/* nothing of ours is mapped there */
	}
	half = length / 2 / SMALLEST_PAGE * SMALLEST_PAGE;
	error = protect_locked(pmap, address, half, on);
	if (error != 0)
		return error;
	return protect_locked(pmap, address + half, length - half, on);
}

int
vm_pmap_protect(struct vm_pmap *pmap, uint64_t address, uint64_t length,
    bool on)
{
	int error;

	if (atomic_load_explicit(&pmap->gone, memory_order_relaxed))
		return 0;
	vm_lock(&pmap->events);
	error = protect_locked(pmap, address, length, on);
	vm_unlock(&pmap->events);
	return error;
}

void
vm_pmap_wake(struct vm_pmap *pmap, uint64_t address, uint64_t length)
{
	pmap->ops->wake(pmap->uffd, address, length);
}

int
vm_pmap_poison(struct vm_pmap *pmap, uint64_t address, uint64_t length)
{
	return pmap->ops->poison(pmap->uffd, address, length);
}
