/* SPDX-License-Identifier: BSD-2-Clause */
/* rig.c - rig.h has the contract. */
#include "rig.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"

struct rig rig;

void
rig_reset(void)
{
	rig = (struct rig){ 0 };
}

void
rig_check_clean(void)
{
	CHECK_INT(rig.blocks, 0);
	CHECK_INT(rig.descriptors, 0);
}

/* -- the system ------------------------------------------------------------ */

static void *
fake_alloc(size_t bytes)
{
	void *memory;

	if (++rig.allocs == rig.fail_alloc)
		return NULL;
	memory = vm_os_linux.alloc(bytes);
	if (memory != NULL)
		rig.blocks++;
	return memory;
}

static void
fake_free(void *memory)
{
	if (memory != NULL)
		rig.blocks--;
	vm_os_linux.free(memory);
}

static int
fake_map_anon(size_t bytes, void **out)
{
	int error = ++rig.allocs == rig.fail_alloc ? -ENOMEM :
	    vm_os_linux.map_anon(bytes, out);

	rig.blocks += error == 0;
	return error;
}

static int
fake_unmap(void *base, size_t bytes)
{
	rig.blocks--;
	return vm_os_linux.unmap(base, bytes);
}

static int
fake_pin(void *base, size_t bytes)
{
	(void)bytes;
	if (rig.pin_errno != 0)
		return -rig.pin_errno;
	rig.pinned = base;
	return 0;
}

/* What was pinned is a key: nothing of it is left. */
static int
fake_unpin(void *base, size_t bytes)
{
	const char *byte = base;

	for (size_t i = 0; i < bytes; i++)
		CHECK_INT(byte[i], 0);
	rig.pinned = NULL;
	return 0;
}

/* The same each time, and not zeros. */
static int
fake_random(void *bytes, size_t count)
{
	if (rig.random_errno != 0)
		return -rig.random_errno;
	memset(bytes, 'k', count);
	return 0;
}

static int
opened(int fd)
{
	if (fd >= 0)
		rig.descriptors++;
	return fd;
}

static int
fake_reopen(int fd, int flags)
{
	if (rig.reopen_errno != 0)
		return -rig.reopen_errno;
	if (rig.reopen_direct_errno != 0 && (flags & O_DIRECT) != 0)
		return -rig.reopen_direct_errno;
	return opened(vm_os_linux.reopen(fd, flags));
}

static int
fake_tmpfile(const char *directory)
{
	return rig.tmpfile_errno != 0 ? -rig.tmpfile_errno :
	    opened(vm_os_linux.tmpfile(directory));
}

static int
fake_dup(int fd)
{
	return opened(vm_os_linux.dup(fd));
}

static void
fake_close(int fd)
{
	rig.descriptors--;
	vm_os_linux.close(fd);
}

static int
fake_fallocate(int fd, int mode, uint64_t offset, uint64_t length)
{
	rig.punches += mode != 0;
	if (rig.fallocate_errno != 0)
		return -rig.fallocate_errno;
	if (rig.disk_bytes != 0 && offset + length > rig.disk_bytes)
		return -ENOSPC;
	return vm_os_linux.fallocate(fd, mode, offset, length);
}

static int
fake_fsync(int fd)
{
	if (rig.fsync != NULL)
		return rig.fsync();
	rig.fsyncs++;
	return rig.fsync_errno != 0 ? -rig.fsync_errno :
	    vm_os_linux.fsync(fd);
}

static ssize_t
fake_pwrite(int fd, const void *buffer, size_t bytes, uint64_t offset)
{
	if (rig.before_pwrite != NULL)
		rig.before_pwrite();
	return rig.pwrite_errno != 0 ? -rig.pwrite_errno :
	    vm_os_linux.pwrite(fd, buffer, bytes, offset);
}

static ssize_t
fake_pread(int fd, void *buffer, size_t bytes, uint64_t offset)
{
	if (rig.pread_errno != 0)
		return -rig.pread_errno;
	if (rig.short_bytes != 0 && bytes > rig.short_bytes)
		bytes = rig.short_bytes;
	return vm_os_linux.pread(fd, buffer, bytes, offset);
}

static ssize_t
real_preadv_cached(int fd, const struct iovec *iov, int count,
    uint64_t offset)
{
	rig.asked_page++;
	return vm_os_linux.preadv_cached(fd, iov, count, offset);
}

static int
real_fstat(int fd, struct stat *st)
{
	return vm_os_linux.fstat(fd, st);
}

static int
real_flags(int fd)
{
	return vm_os_linux.flags(fd);
}

static bool
fake_any_cached(int fd)
{
	rig.asked_file++;
	return vm_os_linux.any_cached(fd);
}

static bool
fake_in_memory(int fd)
{
	(void)fd;
	return rig.in_memory;
}

static int
fake_drop_cache(int fd, uint64_t offset, uint64_t length)
{
	rig.drops++;
	return vm_os_linux.drop_cache(fd, offset, length);
}

/* What is not here, a pager must not call. */
const struct vm_os rig_os = {
	.map_anon = fake_map_anon,
	.unmap = fake_unmap,
	.pin = fake_pin,
	.unpin = fake_unpin,
	.random = fake_random,
	.reopen = fake_reopen,
	.flags = real_flags,
	.tmpfile = fake_tmpfile,
	.dup = fake_dup,
	.close = fake_close,
	.fstat = real_fstat,
	.fallocate = fake_fallocate,
	.fsync = fake_fsync,
	.pread = fake_pread,
	.pwrite = fake_pwrite,
	.preadv_cached = real_preadv_cached,
	.any_cached = fake_any_cached,
	.in_memory = fake_in_memory,
	.drop_cache = fake_drop_cache,
	.alloc = fake_alloc,
	.free = fake_free,
};

/* -- the queue ------------------------------------------------------------- */

struct rig_ioq {
	struct vm_ioq q;
	enum rig_when when;
	bool running;
	struct vm_list waiting;
};

static struct rig_ioq *
ioq_of(struct vm_ioq *q)
{
	return VM_CONTAINER(q, struct rig_ioq, q);
}

static bool
is_direct(int fd)
{
	return (fcntl(fd, F_GETFL) & O_DIRECT) != 0;
}

/* The first bytes of a request, through the page cache. */
static int64_t
perform_plain(struct vm_ioq_request *req, size_t bytes)
{
	int fd = vm_os_linux.reopen(req->fd,
	    req->op == VM_IOQ_READ ? O_RDONLY : O_WRONLY);
	int64_t moved = 0;

	CHECK(fd >= 0);
	for (int i = 0; i < req->iov_count && bytes > 0; i++) {
		char *base = req->iov[i].iov_base;
		size_t n = req->iov[i].iov_len < bytes ?
		    req->iov[i].iov_len : bytes;
		uint64_t at = req->offset + (uint64_t)moved;
		ssize_t got = req->op == VM_IOQ_READ ?
		    pread(fd, base, n, (off_t)at) :
		    pwrite(fd, base, n, (off_t)at);

		CHECK(got >= 0);
		moved += got;
		bytes -= (size_t)got;
		if ((size_t)got < n)
			break;
	}
	close(fd);
	return moved;
}

static int64_t
perform_whole(struct vm_ioq_request *req)
{
	ssize_t got = req->op == VM_IOQ_READ ?
	    preadv(req->fd, req->iov, req->iov_count, (off_t)req->offset) :
	    pwritev(req->fd, req->iov, req->iov_count, (off_t)req->offset);

	return got < 0 ? -errno : got;
}

static int64_t
perform(struct vm_ioq_request *req)
{
	unsigned nth = ++rig.transfers;
	unsigned count = rig.fail_count != 0 ? rig.fail_count : 1;
	bool direct = is_direct(req->fd);

	if (rig.before != NULL)
		rig.before();
	rig.direct += direct;
	if (rig.fail_nth != 0 && nth >= rig.fail_nth &&
	    nth - rig.fail_nth < count)
		return -rig.fail_errno;
	if (direct && rig.refuse_direct)
		return -EINVAL;
	if (rig.return_zero)
		return 0;
	return rig.short_bytes != 0 ? perform_plain(req, rig.short_bytes) :
	    perform_whole(req);
}

static int
work(struct rig_ioq *r)
{
	struct vm_node *node;
	int count = 0;

	r->running = true;
	while ((node = vm_list_first(&r->waiting)) != NULL) {
		struct vm_ioq_request *req = VM_ENTRY(node,
		    struct vm_ioq_request, link);

		vm_node_remove(node);
		req->result = perform(req);
		r->q.in_flight--;
		req->done(req);
		count++;
	}
	r->running = false;
	return count;
}

static int
ioq_submit(struct vm_ioq *q, struct vm_ioq_request *req)
{
	struct rig_ioq *r = ioq_of(q);

	CHECK(!vm_node_linked(&req->link) && req->iov_count > 0);
	if (q->in_flight == q->depth)
		return -EAGAIN;
	q->in_flight++;
	vm_list_add_tail(&r->waiting, &req->link);
	if (r->when == RIG_IN_SUBMIT && !r->running)
		work(r);
	return 0;
}

static int
ioq_flush(struct vm_ioq *q)
{
	(void)q;
	return 0;
}

static int
ioq_reap(struct vm_ioq *q, bool wait)
{
	(void)wait;
	return ioq_of(q)->running ? 0 : work(ioq_of(q));
}

static int
ioq_poll_fd(struct vm_ioq *q)
{
	(void)q;
	return -1;
}

static void
ioq_destroy(struct vm_ioq *q)
{
	work(ioq_of(q));
	free(ioq_of(q));
}

static const struct vm_ioq_ops ioq_ops = {
	.name = "rig",
	.submit = ioq_submit,
	.flush = ioq_flush,
	.reap = ioq_reap,
	.poll_fd = ioq_poll_fd,
	.destroy = ioq_destroy,
};

struct vm_ioq *
rig_queue(enum rig_when when, unsigned depth)
{
	struct rig_ioq *r = calloc(1, sizeof(*r));

	CHECK(r != NULL);
	r->q.ops = &ioq_ops;
	r->q.depth = depth;
	r->when = when;
	vm_list_init(&r->waiting);
	return &r->q;
}

/* -- files ----------------------------------------------------------------- */

const char *
rig_directory(void)
{
	const char *directory = getenv("TMPDIR");

	return directory != NULL && directory[0] != '\0' ? directory : "/tmp";
}

int
rig_file(void)
{
	int fd = vm_os_linux.tmpfile(rig_directory());

	CHECK(fd >= 0);
	return fd;
}

bool
rig_has_direct(void)
{
	int fd = rig_file();
	int direct = vm_os_linux.reopen(fd, O_RDWR | O_DIRECT);

	close(fd);
	if (direct >= 0)
		close(direct);
	return direct >= 0;
}

bool
rig_file_is(int fd, uint64_t from, const void *bytes, size_t count)
{
	void *there = malloc(count + 1);
	bool same;

	CHECK(there != NULL);
	same = pread(fd, there, count, (off_t)from) == (ssize_t)count &&
	    memcmp(there, bytes, count) == 0;
	free(there);
	return same;
}

bool
rig_file_is_all(int fd, uint64_t from, int byte, size_t count)
{
	void *bytes = malloc(count + 1);
	bool same;

	CHECK(bytes != NULL);
	memset(bytes, byte, count);
	same = rig_file_is(fd, from, bytes, count);
	free(bytes);
	return same;
}

void
rig_file_fill(int fd, uint64_t from, int byte, size_t count)
{
	void *bytes = malloc(count + 1);

	CHECK(bytes != NULL);
	memset(bytes, byte, count);
	CHECK(pwrite(fd, bytes, count, (off_t)from) == (ssize_t)count);
	free(bytes);
}

uint64_t
rig_file_length(int fd)
{
	struct stat st;

	CHECK(fstat(fd, &st) == 0);
	return (uint64_t)st.st_size;
}

/* -- requests -------------------------------------------------------------- */

/* A page between each two, which nobody may write to. */
#define GAP(r) ((r)->shape == RIG_PIECES ? 2u : 1u)
#define GAP_BYTE 0x5a

struct rig_io *
rig_io_new(enum rig_shape shape)
{
	struct rig_io *r = calloc(1, sizeof(*r));

	CHECK(r != NULL);
	r->shape = shape;
	CHECK(posix_memalign((void **)&r->memory, PAGE,
	    (size_t)VM_PAGER_RUN_MAX * 2 * PAGE) == 0);
	memset(r->memory, GAP_BYTE, (size_t)VM_PAGER_RUN_MAX * 2 * PAGE);
	return r;
}

void
rig_io_free(struct rig_io *r)
{
	free(r->memory);
	free(r);
}

unsigned char *
rig_io_page(struct rig_io *r, unsigned page)
{
	return r->memory + (size_t)page * GAP(r) * PAGE;
}

void
rig_io_fill(struct rig_io *r, unsigned page, int byte)
{
	memset(rig_io_page(r, page), byte, PAGE);
}

bool
rig_io_is(struct rig_io *r, unsigned page, int byte)
{
	unsigned char *bytes = rig_io_page(r, page);

	return bytes[0] == byte && memcmp(bytes, bytes + 1, PAGE - 1) == 0;
}

void
rig_io_stamp(struct rig_io *r, unsigned page, int byte)
{
	rig_io_fill(r, page, byte);
	if (byte != 0)
		rig_io_page(r, page)[PAGE - 1] = (unsigned char)~byte;
}

bool
rig_io_stamped(struct rig_io *r, unsigned page, int byte)
{
	unsigned char *bytes = rig_io_page(r, page);

	return bytes[0] == byte && memcmp(bytes, bytes + 1, PAGE - 2) == 0 &&
	    bytes[PAGE - 1] == (byte == 0 ? 0 : (unsigned char)~byte);
}

static void
io_done(struct vm_pager_io *io)
{
	struct rig_io *r = io->arg;

	r->done++;
}

void
rig_start(struct rig_io *r, struct vm_pager *pager, struct vm_ioq *queue)
{
	unsigned pieces = r->shape == RIG_PIECES ? r->io.count : 1;

	for (unsigned i = 0; i < pieces; i++)
		r->iov[i] = (struct iovec){ rig_io_page(r, i),
		    r->shape == RIG_PIECES ? PAGE : r->io.count * PAGE };
	memcpy(r->iov_before, r->iov, sizeof(r->iov));
	r->io.iov = r->iov;
	r->io.iov_count = (int)pieces;
	r->io.done = io_done;
	r->io.arg = r;
	r->done = 0;
	pager->ops->submit(pager, &r->io, queue);
}

static bool
gaps_are_whole(struct rig_io *r)
{
	if (r->shape == RIG_ONE_PIECE)
		return true;
	for (unsigned i = 0; i < VM_PAGER_RUN_MAX; i++) {
		unsigned char *gap = rig_io_page(r, i) + PAGE;

		if (gap[0] != GAP_BYTE || memcmp(gap, gap + 1, PAGE - 1) != 0)
			return false;
	}
	return true;
}

void
rig_wait(struct rig_io *r, struct vm_ioq *queue)
{
	while (r->done == 0)
		CHECK(vm_ioq_reap(queue, true) >= 0);
	CHECK_INT(r->done, 1);
	CHECK(r->io.result != VM_PAGER_PENDING);
	CHECK((r->io.result == VM_PAGER_FAILED) == (r->io.error > 0));
	CHECK(memcmp(r->iov, r->iov_before, sizeof(r->iov)) == 0);
	CHECK(gaps_are_whole(r));
}

static enum vm_pager_result
run(struct rig_io *r, struct vm_pager *pager, struct vm_ioq *queue)
{
	rig_start(r, pager, queue);
	rig_wait(r, queue);
	return r->io.result;
}

enum vm_pager_result
rig_in(struct rig_io *r, struct vm_pager *pager, struct vm_ioq *queue,
    vm_pindex_t pindex, unsigned count)
{
	r->io.op = VM_PAGER_IN;
	r->io.pindex = pindex;
	r->io.count = count;
	for (unsigned i = 0; i < count; i++)	/* reading must cover it */
		rig_io_fill(r, i, 0xee);
	return run(r, pager, queue);
}

enum vm_pager_result
rig_out(struct rig_io *r, struct vm_pager *pager, struct vm_ioq *queue,
    vm_pindex_t pindex, unsigned count)
{
	r->io.op = VM_PAGER_OUT;
	r->io.pindex = pindex;
	r->io.count = count;
	return run(r, pager, queue);
}
