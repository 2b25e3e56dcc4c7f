/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rig.h - a file, a queue that misbehaves and a system that runs short.
 *
 * rig_os is the real table but for what the rig is told to spoil, and it
 * counts what must be given back.  rig_queue() is a queue that performs in
 * submit or in reap, through real calls, and spoils these as told.
 */
#ifndef RIG_H
#define RIG_H

#include <stdbool.h>
#include <stdint.h>

#include "object/pager_ops.h"
#include "os/ioq.h"
#include "os/os.h"

enum { PAGE = 4096 };

/* What to spoil.  Zero: nothing.  Calls are counted from 1. */
struct rig {
	/* The queue. */
	size_t short_bytes;	/* no transfer and no pread moves more */
	unsigned fail_nth;	/* this transfer fails ... */
	unsigned fail_count;	/* ... and this many from it on (0 is 1) ... */
	int fail_errno;		/* ... with this */
	bool refuse_direct;	/* EINVAL for an O_DIRECT descriptor */
	bool return_zero;	/* every transfer: 0 */
	void (*before)(void);	/* before each transfer */
	void (*before_pwrite)(void);
	unsigned transfers;	/* counted: all, and of these */
	unsigned direct;	/* on an O_DIRECT descriptor */
	/* The system. */
	unsigned fail_alloc;	/* this allocation fails */
	unsigned allocs;	/* counted */
	int reopen_errno;	/* every reopen fails */
	int reopen_direct_errno; /* with O_DIRECT */
	int tmpfile_errno;
	int fallocate_errno;
	int fsync_errno;
	int (*fsync)(void);	/* instead of it; may be NULL */
	int pread_errno;
	int pwrite_errno;
	int pin_errno, random_errno;
	void *pinned;		/* the last to be pinned, until it is not */
	unsigned punches;	/* holes, counted */
	uint64_t disk_bytes;	/* fallocate gives no more, 0: it does */
	unsigned fsyncs;	/* counted */
	unsigned drops;		/* drop_cache calls, counted */
	bool in_memory;		/* what in_memory says */
	unsigned asked_page, asked_file;	/* is it in the page cache */
	/* Must be 0 in the end. */
	int blocks;		/* of memory */
	int descriptors;
};

extern struct rig rig;
extern const struct vm_os rig_os;

/* Nothing spoiled, all counts 0. */
void rig_reset(void);

/* Memory and descriptors are all given back. */
void rig_check_clean(void);

/* A queue: performing in submit, or in reap. */
enum rig_when { RIG_IN_SUBMIT, RIG_IN_REAP };
struct vm_ioq *rig_queue(enum rig_when when, unsigned depth);

/* An empty file without a name, read-write, and a directory for such. */
int rig_file(void);
const char *rig_directory(void);

/* Bytes [from, from + count) of a file are these / all this one. */
bool rig_file_is(int fd, uint64_t from, const void *bytes, size_t count);
bool rig_file_is_all(int fd, uint64_t from, int byte, size_t count);
void rig_file_fill(int fd, uint64_t from, int byte, size_t count);
uint64_t rig_file_length(int fd);

/* Whether O_DIRECT works on the rig's files. */
bool rig_has_direct(void);

/* Memory for 256 pages, page by page with gaps, or as one piece. */
enum rig_shape { RIG_ONE_PIECE, RIG_PIECES };
struct rig_io {
	struct vm_pager_io io;
	struct iovec iov[VM_PAGER_RUN_MAX];
	struct iovec iov_before[VM_PAGER_RUN_MAX];
	enum rig_shape shape;
	unsigned char *memory;
	unsigned done;		/* times */
};

struct rig_io *rig_io_new(enum rig_shape shape);
void rig_io_free(struct rig_io *r);
unsigned char *rig_io_page(struct rig_io *r, unsigned page);

/* Starts without waiting; waits for all; both, and checks what every request
 * must keep. */
void rig_start(struct rig_io *r, struct vm_pager *pager,
    struct vm_ioq *queue);
void rig_wait(struct rig_io *r, struct vm_ioq *queue);
enum vm_pager_result rig_in(struct rig_io *r, struct vm_pager *pager,
    struct vm_ioq *queue, vm_pindex_t pindex, unsigned count);
enum vm_pager_result rig_out(struct rig_io *r, struct vm_pager *pager,
    struct vm_ioq *queue, vm_pindex_t pindex, unsigned count);

/* Page content: all bytes this. */
void rig_io_fill(struct rig_io *r, unsigned page, int byte);
bool rig_io_is(struct rig_io *r, unsigned page, int byte);
/* The same but for the last byte, so that it is not one byte all over; 0 is. */
void rig_io_stamp(struct rig_io *r, unsigned page, int byte);
bool rig_io_stamped(struct rig_io *r, unsigned page, int byte);

#endif
