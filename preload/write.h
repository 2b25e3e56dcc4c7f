/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * preload/write.h - write(2) and read(2) of managed files.
 *
 * The file is always written by the program's own system call; the pages
 * follow before the call returns.  Two ways:
 *
 *	fast	no range of the file is TRACKED anywhere, so no page is newer
 *		than the file.  Between making `writing` odd and even again:
 *		write, then copy the written bytes from the file into those
 *		pages that may be resident, through the alias.  No request
 *	slow	WRITE_BEGIN holds the pages, the call is made, WRITE_END takes
 *		what was written over into them; in pieces of VM_WRITE_CHUNK.
 *		The source is copied first: it may lie in the very pages that
 *		are held.  Longer writes go this way in any case: the server
 *		does not wait long for `writing`
 *
 * The file is written before presence is looked at; the server marks a page
 * present before it reads it from the file.  So a page that is filled at the
 * same time has the new bytes from one of the two.
 *
 * WROTE stands in for the copy wherever that cannot be made: the file grew,
 * the descriptor cannot read, the alias cannot be had.
 *
 * A read needs care only while pages are newer than the file: FLUSH first.
 *
 * Not seen: what libc's stdio, io_uring and libaio write to a managed file.
 */
#ifndef WRITE_H
#define WRITE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

/* One call of the write or read family; op is the system call's number. */
struct vm_transfer {
	long op;
	int fd;
	const struct iovec *iov;	/* one's own, when op takes a buffer */
	int count;
	int64_t offset;			/* of the calls that have one */
	int flags;			/* RWF_ */
};

long vm_shim_write(const struct vm_transfer *transfer);
long vm_shim_read(const struct vm_transfer *transfer);

/* The call itself, by the kernel. */
long vm_transfer_make(const struct vm_transfer *transfer);
bool vm_transfer_has_offset(const struct vm_transfer *transfer);
/* Bytes that it names at most. */
uint64_t vm_transfer_length(const struct vm_transfer *transfer);

/* Brings length bytes of the file, from an offset or (NULL) its position on,
 * up to date if fd is managed and pages are newer. */
void vm_shim_settle(int fd, const int64_t *offset, uint64_t length);

/* fsync, fdatasync: the same for the whole file, to the disk: 0 or -errno. */
long vm_shim_sync(int fd);
/* sync: all files that this process knows of. */
void vm_shim_sync_all(void);

long vm_shim_truncate(int fd, int64_t length);
long vm_shim_truncate_path(const char *path, int64_t length);
long vm_shim_fallocate(int fd, int mode, int64_t offset, int64_t length);
long vm_shim_posix_fallocate(int fd, int64_t offset, int64_t length);

long vm_shim_fadvise(int fd, int64_t offset, int64_t length, int advice);

/* open with O_TRUNC, which is a truncation. */
struct vm_open {
	int directory;
	const char *path;
	int flags;
	mode_t mode;
};

long vm_shim_open(const struct vm_open *open);

/* sendfile, splice, copy_file_range; NULL: the file position. */
struct vm_copy {
	long op;
	int in;
	int64_t *in_offset;
	int out;
	int64_t *out_offset;
	uint64_t length;
	unsigned flags;
};

long vm_shim_copy(const struct vm_copy *copy);

#endif
