/* SPDX-License-Identifier: BSD-2-Clause */
/* faulty.c - faulty.h has the theory. */
#include "faulty.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/error.h"
#include "check.h"
#include "os/ioq.h"
#include "os/ioq_box.h"

struct faulty faulty;

/* Counts a call; whether it is the one that fails. */
static bool
fails(const char *name)
{
	unsigned now = atomic_fetch_add(&faulty.calls, 1) + 1;

	if (now != atomic_load(&faulty.fail_at))
		return false;
	atomic_store(&faulty.failed, name);
	return true;
}

bool
faulty_call(const char *name)
{
	return fails(name);
}

static int
descriptor(int fd)
{
	if (fd >= 0)
		atomic_fetch_add(&faulty.descriptors, 1);
	return fd;
}

static int
mapped(int error)
{
	if (error == 0)
		atomic_fetch_add(&faulty.maps, 1);
	return error;
}

static int
map_anon(size_t bytes, void **out)
{
	return fails(__func__) ? -ENOMEM :
	    mapped(vm_os_linux.map_anon(bytes, out));
}

static int
map_file(int fd, uint64_t offset, size_t bytes, int prot, void **out)
{
	return fails(__func__) ? -ENOMEM :
	    mapped(vm_os_linux.map_file(fd, offset, bytes, prot, out));
}

static int
unmap(void *base, size_t bytes)
{
	atomic_fetch_sub(&faulty.maps, 1);
	return vm_os_linux.unmap(base, bytes);
}

static int
drop(void *base, size_t bytes)
{
	return fails(__func__) ? -ENOMEM : vm_os_linux.drop(base, bytes);
}

static int
random_of(void *bytes, size_t count)
{
	return fails(__func__) ? -EIO : vm_os_linux.random(bytes, count);
}

static int
memfd(const char *name)
{
	return fails(__func__) ? -EMFILE :
	    descriptor(vm_os_linux.memfd(name));
}

static int
reopen(int fd, int flags)
{
	return fails(__func__) ? -EMFILE :
	    descriptor(vm_os_linux.reopen(fd, flags));
}

static int
flags_of(int fd)
{
	return fails(__func__) ? -EIO : vm_os_linux.flags(fd);
}

static int
tmpfile_in(const char *name)
{
	return fails(__func__) ? -EMFILE :
	    descriptor(vm_os_linux.tmpfile(name));
}

static int
dup_of(int fd)
{
	return fails(__func__) ? -EMFILE : descriptor(vm_os_linux.dup(fd));
}

static void
close_of(int fd)
{
	atomic_fetch_sub(&faulty.descriptors, 1);
	vm_os_linux.close(fd);
}

static int
fstat_of(int fd, struct stat *st)
{
	return fails(__func__) ? -EIO : vm_os_linux.fstat(fd, st);
}

static int
ftruncate_of(int fd, uint64_t bytes)
{
	return fails(__func__) ? -ENOSPC : vm_os_linux.ftruncate(fd, bytes);
}

static int
fallocate_of(int fd, int mode, uint64_t offset, uint64_t length)
{
	return fails(__func__) ? -ENOSPC :
	    vm_os_linux.fallocate(fd, mode, offset, length);
}

static int
fsync_of(int fd)
{
	return fails(__func__) ? -EIO : vm_os_linux.fsync(fd);
}

static bool
touches_bad(uint64_t from, uint64_t end)
{
	return from < atomic_load(&faulty.bad_end) &&
	    end > atomic_load(&faulty.bad_from);
}

static ssize_t
pread_of(int fd, void *buffer, size_t bytes, uint64_t offset)
{
	if (fails(__func__) || touches_bad(offset, offset + bytes))
		return -EIO;
	return vm_os_linux.pread(fd, buffer, bytes, offset);
}

static ssize_t
pwrite_of(int fd, const void *buffer, size_t bytes, uint64_t offset)
{
	return fails(__func__) ? -ENOSPC :
	    vm_os_linux.pwrite(fd, buffer, bytes, offset);
}

/* Nothing ever is in the page cache: on tmpfs everything would be, and no read
 * could be made to fail. */
static ssize_t
preadv_cached(int fd, const struct iovec *iov, int count, uint64_t offset)
{
	(void)fd;
	(void)iov;
	(void)count;
	(void)offset;
	return fails(__func__) ? -EIO : -EAGAIN;
}

static bool
any_cached(int fd)
{
	(void)fd;
	return true;
}

static bool
in_memory(int fd)
{
	(void)fd;
	return false;
}

static int
drop_cache(int fd, uint64_t offset, uint64_t length)
{
	return fails(__func__) ? -EIO :
	    vm_os_linux.drop_cache(fd, offset, length);
}

static int
thread_start(const char *name, void (*run)(void *), void *arg,
    struct vm_thread **out)
{
	int error = fails(__func__) ? -EAGAIN :
	    vm_os_linux.thread_start(name, run, arg, out);

	if (error == 0)
		atomic_fetch_add(&faulty.threads, 1);
	return error;
}

static void
thread_join(struct vm_thread *thread)
{
	atomic_fetch_sub(&faulty.threads, 1);
	vm_os_linux.thread_join(thread);
}

static int
open_append(const char *path)
{
	return fails(__func__) ? -EMFILE :
	    descriptor(vm_os_linux.open_append(path));
}

static int
exists(const char *path)
{
	return vm_os_linux.exists(path);
}

static int
eventfd_new(void)
{
	return fails(__func__) ? -EMFILE :
	    descriptor(vm_os_linux.eventfd());
}

static int
poll_create(void)
{
	return fails(__func__) ? -EMFILE :
	    descriptor(vm_os_linux.poll_create());
}

static int
poll_add(int poll, int fd, void *token)
{
	return fails(__func__) ? -ENOMEM :
	    vm_os_linux.poll_add(poll, fd, token);
}

static void *
alloc(size_t bytes)
{
	void *memory = fails(__func__) ? NULL : vm_os_linux.alloc(bytes);

	if (memory != NULL)
		atomic_fetch_add(&faulty.blocks, 1);
	return memory;
}

static void
free_of(void *memory)
{
	if (memory != NULL)
		atomic_fetch_sub(&faulty.blocks, 1);
	vm_os_linux.free(memory);
}

/* -- the queue ----------------------------------------------------------- */

static bool
is_bad(const struct vm_ioq_request *request)
{
	uint64_t end = request->offset;

	for (int i = 0; i < request->iov_count; i++)
		end += request->iov[i].iov_len;
	return touches_bad(request->offset, end);
}

static int64_t
perform(const struct vm_ioq_request *request)
{
	bool write = request->op == VM_IOQ_WRITE;
	ssize_t n;

	if (fails(write ? "write" : "read"))
		return write ? -ENOSPC : -EIO;
	if (write && atomic_load(&faulty.write_errno) != 0)
		return -atomic_load(&faulty.write_errno);
	if (!write && is_bad(request))
		return -EIO;
	n = write ? pwritev(request->fd, request->iov, request->iov_count,
	    (off_t)request->offset) : preadv(request->fd, request->iov,
	    request->iov_count, (off_t)request->offset);
	return n < 0 ? -errno : n;
}

struct faulty_ioq {
	struct vm_ioq q;
	struct vm_ioq_box box;
};

static struct faulty_ioq *
ioq_of(struct vm_ioq *queue)
{
	return VM_CONTAINER(queue, struct faulty_ioq, q);
}

static int
queue_submit(struct vm_ioq *queue, struct vm_ioq_request *request)
{
	if (request->op == VM_IOQ_POSTED) {
		if (fails("post"))
			return -EMFILE;
		vm_ioq_box_expect(&ioq_of(queue)->box, request);
		return 0;
	}
	CHECK(request->op != VM_IOQ_FSYNC);	/* nobody does */
	request->result = perform(request);
	request->done(request);
	return 0;
}

static int
queue_flush(struct vm_ioq *queue)
{
	(void)queue;
	return 0;
}

static int
queue_reap(struct vm_ioq *queue, bool wait)
{
	struct vm_ioq_box *box = &ioq_of(queue)->box;
	struct vm_ioq_request *request;
	int count = 0;

	if (wait && box->count > 0)
		vm_ioq_box_wait(box);
	for (; (request = vm_ioq_box_take(box)) != NULL; count++)
		request->done(request);
	return count;
}

static int
queue_poll_fd(struct vm_ioq *queue)
{
	return vm_ioq_box_event(&ioq_of(queue)->box);
}

static void
queue_post(struct vm_ioq *queue, struct vm_ioq_request *request,
    int64_t result)
{
	vm_ioq_box_post(&ioq_of(queue)->box, request, result);
}

static void
queue_withdraw(struct vm_ioq *queue, struct vm_ioq_request *request)
{
	vm_ioq_box_withdraw(&ioq_of(queue)->box, request);
}

static void
queue_destroy(struct vm_ioq *queue)
{
	vm_ioq_box_fini(&ioq_of(queue)->box);
	atomic_fetch_sub(&faulty.queues, 1);
	free(ioq_of(queue));
}

static const struct vm_ioq_ops queue_ops = {
	.name = "faulty",
	.submit = queue_submit,
	.flush = queue_flush,
	.reap = queue_reap,
	.poll_fd = queue_poll_fd,
	.post = queue_post,
	.withdraw = queue_withdraw,
	.destroy = queue_destroy,
};

static int
ioq_create(const struct vm_ioq_options *options, struct vm_ioq **out)
{
	struct faulty_ioq *queue;

	if (fails(__func__))	/* the entry that says its own sentence */
		return vm_error(ENOMEM, "no queue");
	queue = calloc(1, sizeof(*queue));
	CHECK(queue != NULL);
	queue->q.ops = &queue_ops;
	queue->q.depth = options->depth;
	vm_ioq_box_init(&queue->box, &faulty_os);
	atomic_fetch_add(&faulty.queues, 1);
	*out = &queue->q;
	return 0;
}

/* -- whoever is not failed is the real one ------------------------------- */

static int
punch(int fd, uint64_t offset, uint64_t length)
{
	return vm_os_linux.punch(fd, offset, length);
}

static uint64_t
clock_ns(void)
{
	return vm_os_linux.clock_ns();
}

static void
event_set(int fd)
{
	vm_os_linux.event_set(fd);
}

static void
event_clear(int fd)
{
	vm_os_linux.event_clear(fd);
}

static void
poll_remove(int poll, int fd)
{
	vm_os_linux.poll_remove(poll, fd);
}

static int
poll_wait(int poll, void **tokens, int count, int timeout_ms)
{
	return vm_os_linux.poll_wait(poll, tokens, count, timeout_ms);
}

static int
protect(void *base, size_t bytes, unsigned prot)
{
	return fails(__func__) ? -ENOMEM :
	    vm_os_linux.protect(base, bytes, prot);
}

static int
want_huge(void *base, size_t bytes)
{
	return fails(__func__) ? -EINVAL : vm_os_linux.want_huge(base, bytes);
}

static int
pin(void *base, size_t bytes)
{
	return fails(__func__) ? -ENOMEM : vm_os_linux.pin(base, bytes);
}

static int
unpin(void *base, size_t bytes)
{
	return vm_os_linux.unpin(base, bytes);
}

static void
yield(void)
{
	vm_os_linux.yield();
}

static unsigned
cpu(void)
{
	return vm_os_linux.cpu();
}

static int
task_sigbus(int tid)
{
	return vm_os_linux.task_sigbus(tid);
}

static int
task_read(int pid, uint64_t address, void *buffer, size_t bytes)
{
	return fails(__func__) ? -EFAULT :
	    vm_os_linux.task_read(pid, address, buffer, bytes);
}

static int
task_write(int pid, uint64_t address, const void *buffer, size_t bytes)
{
	return fails(__func__) ? -EFAULT :
	    vm_os_linux.task_write(pid, address, buffer, bytes);
}

static int
on_sigbus(vm_os_handler *handler, struct sigaction *old)
{
	return fails(__func__) ? -EFAULT : vm_os_linux.on_sigbus(handler, old);
}

static int
sigbus_default(bool again)
{
	return vm_os_linux.sigbus_default(again);
}

static int
after_fork(void (*child)(void))
{
	return fails(__func__) ? -ENOMEM : vm_os_linux.after_fork(child);
}

const struct vm_os faulty_os = {
	.map_anon = map_anon,
	.map_file = map_file,
	.unmap = unmap,
	.drop = drop,
	.protect = protect,
	.want_huge = want_huge,
	.pin = pin,
	.unpin = unpin,
	.random = random_of,
	.memfd = memfd,
	.punch = punch,
	.reopen = reopen,
	.flags = flags_of,
	.tmpfile = tmpfile_in,
	.dup = dup_of,
	.close = close_of,
	.fstat = fstat_of,
	.ftruncate = ftruncate_of,
	.fallocate = fallocate_of,
	.fsync = fsync_of,
	.pread = pread_of,
	.pwrite = pwrite_of,
	.preadv_cached = preadv_cached,
	.any_cached = any_cached,
	.in_memory = in_memory,
	.drop_cache = drop_cache,
	.ioq_create = ioq_create,
	.clock_ns = clock_ns,
	.thread_start = thread_start,
	.thread_join = thread_join,
	.yield = yield,
	.cpu = cpu,
	.open_append = open_append,
	.exists = exists,
	.eventfd = eventfd_new,
	.event_set = event_set,
	.event_clear = event_clear,
	.poll_create = poll_create,
	.poll_add = poll_add,
	.poll_remove = poll_remove,
	.poll_wait = poll_wait,
	.on_sigbus = on_sigbus,
	.sigbus_default = sigbus_default,
	.after_fork = after_fork,
	.task_sigbus = task_sigbus,
	.task_read = task_read,
	.task_write = task_write,
	.alloc = alloc,
	.free = free_of,
};

/* -- clients that are not there ------------------------------------------ */

static int
nobody_read(int uffd, struct vm_pmap_event *events, unsigned count)
{
	(void)uffd;
	(void)events;
	(void)count;
	return 0;
}

static int
nobody_protect(int uffd, uint64_t address, uint64_t length, bool on)
{
	(void)uffd;
	(void)address;
	(void)length;
	(void)on;
	return 0;
}

static int
nobody_wake(int uffd, uint64_t address, uint64_t length)
{
	(void)uffd;
	(void)address;
	(void)length;
	return 0;
}

static bool
nobody_alive(int uffd)
{
	return uffd >= 0;
}

static int
nobody_check(int uffd)
{
	return uffd >= 0 ? 0 : -EBADF;
}

const struct vm_pmap_ops pmap_nobody = {
	.read = nobody_read,
	.protect = nobody_protect,
	.wake = nobody_wake,
	.poison = nobody_wake,
	.alive = nobody_alive,
	.check = nobody_check,
};

void
faulty_reset(void)
{
	atomic_store(&faulty.fail_at, 0);
	atomic_store(&faulty.calls, 0);
	atomic_store(&faulty.failed, NULL);
	atomic_store(&faulty.bad_from, 0);
	atomic_store(&faulty.bad_end, 0);
	atomic_store(&faulty.write_errno, 0);
}

void
faulty_check_clean(void)
{
	const char *failed = atomic_load(&faulty.failed);

	if (faulty.blocks != 0 || faulty.maps != 0 ||
	    faulty.descriptors != 0 || faulty.queues != 0 ||
	    faulty.threads != 0)
		fprintf(stderr, "after failing call %u, %s\n",
		    atomic_load(&faulty.fail_at),
		    failed == NULL ? "none" : failed);
	CHECK_INT(faulty.blocks, 0);
	CHECK_INT(faulty.maps, 0);
	CHECK_INT(faulty.descriptors, 0);
	CHECK_INT(faulty.queues, 0);
	CHECK_INT(faulty.threads, 0);
}
