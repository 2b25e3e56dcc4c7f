/* SPDX-License-Identifier: BSD-2-Clause */
/* pager/file.c - file.h has the contract. */
#include "pager/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/assert.h"
#include "base/error.h"
#include "os/os.h"
#include "pager/backing_private.h"

struct file_pager {
	struct vm_pager pager;
	struct vm_backing backing;
	uint64_t offset;		/* of page 0 in the file (C) */
	uint64_t device, inode;		/* which file it is (C) */
	_Atomic uint64_t length;	/* bytes the object covers (A) */
	bool cached_first;		/* as asked for (C) */
};

static struct file_pager *
file_of(struct vm_pager *pager)
{
	return VM_CONTAINER(pager, struct file_pager, pager);
}

static uint64_t
min_bytes(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Bytes of [from, from + most) that lie before end. */
static uint64_t
bytes_before(uint64_t end, uint64_t from, uint64_t most)
{
	return from < end ? min_bytes(end - from, most) : 0;
}

static uint64_t
length_of(struct file_pager *f)
{
	/* Relaxed: a request races with a change of the length as it may. */
	return atomic_load_explicit(&f->length, memory_order_relaxed);
}

/* How many of the pages from pindex on the object and one request have. */
static unsigned
clip(struct file_pager *f, vm_pindex_t pindex, unsigned want)
{
	uint32_t page_bytes = f->pager.page_bytes;
	uint64_t bytes, most = want < VM_PAGER_RUN_MAX ? want :
	    VM_PAGER_RUN_MAX;

	if (pindex > UINT64_MAX / page_bytes)
		return 0;
	bytes = bytes_before(length_of(f), pindex * page_bytes,
	    most * page_bytes);
	return (unsigned)((bytes + page_bytes - 1) / page_bytes);
}

static enum vm_pager_result
file_extent(struct vm_pager *pager, vm_pindex_t pindex, unsigned want,
    unsigned *count)
{
	*count = clip(file_of(pager), pindex, want);
	return *count > 0 ? VM_PAGER_OK : VM_PAGER_RANGE;
}

static unsigned
file_reserve(struct vm_pager *pager, vm_pindex_t pindex, unsigned want,
    int *error)
{
	struct file_pager *f = file_of(pager);
	unsigned count = clip(f, pindex, want);

	if (!vm_backing_writable(&f->backing)) {
		*error = -vm_error(EROFS, "file: it is not open for writing");
		return 0;
	}
	if (count == 0)
		*error = -vm_error(ERANGE, "file: page %llu is beyond its end",
		    (unsigned long long)pindex);
	return count;
}

static void
fill_end(struct vm_pager_io *io)
{
	uint32_t page_bytes = io->pager->page_bytes;
	uint64_t pages = (io->moved + page_bytes - 1) / page_bytes;

	if (io->result == VM_PAGER_PENDING) {
		vm_backing_zero(io, io->moved, pages * page_bytes);
		io->filled = (unsigned)pages;
		io->result = io->filled == io->count ? VM_PAGER_OK :
		    VM_PAGER_RANGE;
	}
	io->done(io);
}

static void
fill(struct file_pager *f, struct vm_pager_io *io)
{
	if (io->bytes == 0) {
		fill_end(io);
		return;
	}
	if (f->backing.in_memory ? vm_backing_try_memory(&f->backing, io) :
	    f->cached_first && vm_backing_try_cached(&f->backing, io)) {
		fill_end(io);
		return;
	}
	vm_backing_transfer(&f->backing, io);
}

static void
clean_end(struct vm_pager_io *io)
{
	if (io->result == VM_PAGER_PENDING)
		io->result = VM_PAGER_OK;
	io->done(io);
}

static int
file_length(struct vm_pager *pager, uint64_t *bytes)
{
	struct file_pager *f = file_of(pager);
	struct stat st;
	int err = f->backing.os->fstat(f->backing.in[VM_BACKING_PLAIN], &st);

	if (err < 0)
		return vm_error(-err, "file: asking for its length: %s",
		    vm_errno_text(-err));
	*bytes = bytes_before((uint64_t)st.st_size, f->offset, UINT64_MAX);
	return 0;
}

/*
 * What lies beyond the file's present end is not written, and counts as done:
 * somebody has cut the file, which discards those bytes, and writing them
 * would make the file long again.  The kernel does the same.  A cut between
 * the look and the write can still be undone by it.
 */
static void
clean(struct file_pager *f, struct vm_pager_io *io)
{
	uint64_t end = 0;
	int err;

	vm_assert(vm_backing_writable(&f->backing));	/* reserve said so */
	err = file_length(&f->pager, &end);
	if (err < 0) {
		vm_backing_fail(io, -err);
		clean_end(io);
		return;
	}
	io->bytes = bytes_before(end, io->offset - f->offset, io->bytes);
	if (io->bytes == 0)
		clean_end(io);
	else
		vm_backing_transfer(&f->backing, io);
}

static void
file_submit(struct vm_pager *pager, struct vm_pager_io *io,
    struct vm_ioq *queue)
{
	struct file_pager *f = file_of(pager);
	uint64_t from = io->pindex * pager->page_bytes;

	vm_backing_prepare(io, pager, queue);
	vm_assert(io->pindex <= (uint64_t)INT64_MAX / pager->page_bytes);
	io->offset = f->offset + from;
	io->bytes = bytes_before(length_of(f), from,
	    (uint64_t)io->count * pager->page_bytes);
	switch (io->op) {
	case VM_PAGER_IN:
		io->finish = fill_end;
		fill(f, io);
		return;
	case VM_PAGER_OUT:
		io->finish = clean_end;
		clean(f, io);
		return;
	}
}

/* The last page, where the end is in it, is a request's. */
static enum vm_pager_result
file_read_now(struct vm_pager *pager, vm_pindex_t pindex, void *bytes,
    int *error)
{
	struct file_pager *f = file_of(pager);
	uint64_t from = pindex * pager->page_bytes;

	if (bytes_before(length_of(f), from, pager->page_bytes) !=
	    pager->page_bytes)
		return VM_PAGER_PENDING;
	return vm_backing_read_now(&f->backing, f->cached_first,
	    f->offset + from, bytes, error);
}

static int
file_sync(struct vm_pager *pager)
{
	return vm_backing_sync(&file_of(pager)->backing);
}

static void
file_resized(struct vm_pager *pager, uint64_t bytes)
{
	struct file_pager *f = file_of(pager);

	vm_assert(bytes <= (uint64_t)INT64_MAX - f->offset);
	atomic_store_explicit(&f->length, bytes, memory_order_relaxed);
}

/* The file keeps its contents, needed or not. */
static void
file_forget(struct vm_pager *pager, vm_pindex_t pindex, unsigned count)
{
	(void)pager;
	(void)pindex;
	(void)count;
}

/* Through the page cache: that is where write(2) left the newest bytes.  They
 * stay there: dropping would start their write-back at each write(2). */
static int
file_peek(struct vm_pager *pager, uint64_t offset, void *bytes, size_t length)
{
	struct file_pager *f = file_of(pager);
	char *to = bytes;

	while (length > 0) {
		ssize_t n = f->backing.os->pread(
		    f->backing.in[VM_BACKING_PLAIN], to, length,
		    f->offset + offset);

		if (n < 0)
			return vm_error((int)-n, "file: reading at %llu: %s",
			    (unsigned long long)(f->offset + offset),
			    vm_errno_text((int)-n));
		if (n == 0) {
			memset(to, 0, length);
			break;
		}
		to += n;
		offset += (uint64_t)n;
		length -= (size_t)n;
	}
	return 0;
}

static void
file_destroy(struct vm_pager *pager)
{
	struct file_pager *f = file_of(pager);

	vm_backing_close(&f->backing);
	f->backing.os->free(f);
}

static const struct vm_pager_ops file_ops = {
	.name = "file",
	.extent = file_extent,
	.reserve = file_reserve,
	.submit = file_submit,
	.read_now = file_read_now,
	.sync = file_sync,
	.resized = file_resized,
	.forget = file_forget,
	.peek = file_peek,
	.length = file_length,
	.destroy = file_destroy,
};

static int
check_options(const struct vm_pager_file_options *o, struct stat *st)
{
	int err;

	vm_assert(o->page_bytes > 0);
	if (o->offset % o->page_bytes != 0)
		return vm_error(EINVAL, "file: offset %llu is not a multiple "
		    "of the page size, %u", (unsigned long long)o->offset,
		    o->page_bytes);
	if (o->offset > INT64_MAX || o->length > INT64_MAX - o->offset)
		return vm_error(EOVERFLOW, "file: offset %llu and length %llu "
		    "are beyond any file", (unsigned long long)o->offset,
		    (unsigned long long)o->length);
	err = o->os->fstat(o->fd, st);
	if (err < 0)
		return vm_error(-err, "file: descriptor %d: %s", o->fd,
		    vm_errno_text(-err));
	if (!S_ISREG(st->st_mode))
		return vm_error(ENODEV, "file: descriptor %d is not a regular "
		    "file", o->fd);
	return 0;
}

/* A reopen asks the file's mode, not how fd was opened. */
static int
check_access(const struct vm_os *os, int fd, int without)
{
	int flags = os->flags(fd);

	if (flags < 0)
		return vm_error(-flags, "file: descriptor %d: %s", fd,
		    vm_errno_text(-flags));
	if ((flags & O_ACCMODE) == without || (flags & O_PATH) != 0)
		return vm_error(EACCES, "file: descriptor %d is not open for "
		    "%s", fd, without == O_RDONLY ? "writing" : "reading");
	return 0;
}

int
vm_pager_file_create(const struct vm_pager_file_options *o,
    struct vm_pager **out)
{
	struct file_pager *f;
	struct stat st;
	int err = check_options(o, &st);

	if (err == 0)
		err = check_access(o->os, o->fd, O_WRONLY);
	if (err == 0 && o->writable)
		err = check_access(o->os, o->fd, O_RDONLY);
	if (err < 0)
		return err;
	f = o->os->alloc(sizeof(*f));
	if (f == NULL)
		return vm_error(ENOMEM, "file: %s", vm_errno_text(ENOMEM));
	f->pager = (struct vm_pager){ .ops = &file_ops,
	    .page_bytes = o->page_bytes };
	vm_backing_init(&f->backing, o->os, o->counters, o->page_bytes);
	f->backing.direct = o->mode == VM_FILE_DIRECT;
	f->offset = o->offset;
	f->device = st.st_dev;
	f->inode = st.st_ino;
	f->cached_first = o->cached_first;
	atomic_init(&f->length, o->length);
	err = vm_backing_open(&f->backing, o->fd,
	    o->writable ? O_RDWR : O_RDONLY);
	if (err < 0) {
		o->os->free(f);
		return err;
	}
	/* Every read is of the page cache there, whoever asks first. */
	if (f->backing.in_memory)
		f->cached_first = false;
	f->pager.at_once = f->backing.in_memory;
	*out = &f->pager;
	return 0;
}

int
vm_pager_file_set_writable(struct vm_pager *pager, int fd)
{
	struct file_pager *f = file_of(pager);
	struct stat st;
	int err;

	vm_assert(pager->ops == &file_ops);
	err = f->backing.os->fstat(fd, &st);
	if (err < 0)
		return vm_error(-err, "file: descriptor %d: %s", fd,
		    vm_errno_text(-err));
	if (st.st_dev != f->device || st.st_ino != f->inode)
		return vm_error(EINVAL, "file: descriptor %d is another file",
		    fd);
	err = check_access(f->backing.os, fd, O_RDONLY);
	if (err < 0 || vm_backing_writable(&f->backing))
		return err;
	return vm_backing_open_out(&f->backing, fd);
}
