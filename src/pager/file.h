/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pager/file.h - pages from and to a file.
 *
 * Reads and writes go past the kernel's page cache (O_DIRECT) where the file
 * allows it, on a second open file description made from the caller's
 * descriptor, so that the caller's own flags stay as they are.  Where O_DIRECT
 * is refused, plain calls serve, and what they left in the page cache is
 * dropped again, else the budget would leak into it.
 *
 * The file's last page is filled with zeros behind the end; a write-back is
 * cut at the end.  A read that comes back short because somebody cut the file
 * meanwhile ends with RANGE; a write-back of what lies behind the new end is
 * OK and writes nothing, as with the kernel: cutting discards it.
 *
 * A sync that failed fails for ever, for nobody knows what it lost.
 *
 * Not promised: fcntl() locks.  A process loses those it has on a file when it
 * closes any descriptor of it, as destroying the pager does.
 *
 * What the page cache has is taken from there (cached_first): the newest bytes
 * of a file that a program also writes with write(2) are there only, an
 * O_DIRECT read would have to wait until they are on the disk, and asking costs
 * 0.3 us.  Not asked while nothing of the file is there (backing_private.h).
 * Nothing is brought into the page cache by that.
 */
#ifndef PAGER_FILE_H
#define PAGER_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "object/pager_ops.h"

struct vm_os;
struct vm_counters;

enum vm_file_mode {
	VM_FILE_DIRECT,		/* O_DIRECT where possible */
	VM_FILE_BUFFERED,	/* through the page cache, dropped behind */
};

struct vm_pager_file_options {
	const struct vm_os *os;
	struct vm_counters *counters;	/* read_bytes, written_bytes, ... */
	int fd;			/* readable; duplicated, never changed */
	uint64_t offset;	/* of page 0, a multiple of the page size */
	uint64_t length;	/* bytes the object covers */
	uint32_t page_bytes;
	enum vm_file_mode mode;
	bool writable;		/* fd is open for writing too */
	bool cached_first;	/* see above */
};

VM_MUST_CHECK int vm_pager_file_create(const struct vm_pager_file_options *o,
    struct vm_pager **out);

/* From now on pages may be written back, through this writable descriptor
 * of the same file.  0, -EINVAL when it is another file, -EACCES. */
VM_MUST_CHECK int vm_pager_file_set_writable(struct vm_pager *pager, int fd);

#endif
