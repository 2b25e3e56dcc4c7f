/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * machine.h - the system calls of a machine that is not there.
 *
 * machine_os is an os table (os/os.h) over tasks, simulated time and disks that
 * survive a power cut.  Each call is a point, and takes its time where the real
 * one does.
 *
 * A disk file has what a reader sees now and what is durable.  A write is seen
 * at once; it is durable after an fsync that succeeds, and each of its 512-byte
 * sectors by itself perhaps before.  A power cut leaves each sector as it was
 * at its last fsync or at some write since.  An fsync that fails leaves nobody
 * knowing: each sector may be durable or forgotten.
 *
 * Requests of a queue (os/ioq.h) end in any order.  A write takes each sector
 * from memory at its start or at its end; a read brings each from the disk at
 * its start or at its end, and until then the memory has garbage: whoever
 * touches the memory or the disk meanwhile is found out.  Two requests in
 * flight never touch the same sector if one of them writes, nor does anybody
 * change a file under a request.
 *
 * Faults come at rates that are drawn for each run (struct machine_faults),
 * and can be switched off: what was lost by then is lost.
 */
#ifndef MACHINE_H
#define MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "os/os.h"

enum { SECTOR = 512, PAGE = 4096 };

/* 16 MiB a file at most: no page of it is there before it is touched. */
#define DISK_BYTES ((uint64_t)16 << 20)
/* 5 GiB of address space: above the face of the largest object. */
#define MEMFD_BYTES ((uint64_t)5 << 30)
/* Pages of a memory file whose presence is known: all that objects have. */
#define MEMFD_PAGES 4096

/* 1 fault in so many calls; 0: none. */
struct machine_faults {
	unsigned read, write, full, sync, cut_short, vain, memory, descriptor;
};

/* A file of the disk, or memory of a memfd. */
struct disk {
	char *now;
	char *durable;		/* NULL: gone with the power */
	uint64_t bytes;		/* its length */
	uint64_t capacity;
	uint8_t *sector;	/* DISK_ flags */
	uint8_t *present;	/* pages of memory (memfd) */
	uint64_t present_pages;
	uint64_t number;	/* inode */
	unsigned uses;		/* descriptors, and the test's own */
	enum { DIRECT, DIRECT_NOT_OPENED, DIRECT_REFUSED } direct;
	struct vm_list flights;	/* struct flight */
	/* Reads that touch it fail for as long as faults are on. */
	uint64_t bad_from, bad_end;
	unsigned errors;	/* fsyncs that failed */
};

/* Written since the last fsync. */
#define DISK_UNSYNCED 0x1u
/* Of these, what an fsync that is under way still has to do. */
#define DISK_SYNCING  0x2u

extern const struct vm_os machine_os;
extern struct machine {
	struct machine_faults faults;
	bool faulty;		/* the rates are in force, */
	unsigned calm;		/* but not while somebody needs rest */
	unsigned cached;	/* 1 read in so many finds all in a cache */
	uint64_t fastest_ns, slowest_ns;	/* a request's time */
	unsigned injected;	/* faults so far */
	/* Not given back yet. */
	unsigned blocks, maps, descriptors, queues, threads;
} machine;

/* A machine without files; draws its nature. */
void machine_begin(void);
/* Everything goes, leaked or not. */
void machine_end(void);
/* After a power cut: memory, descriptors and what is in flight are gone, and
 * disks are as the cut left them. */
void machine_restart(void);
/* Fails the run when something was not given back. */
void machine_check_clean(void);
/* Whether the fault whose rate this is happens now. */
bool machine_fails(unsigned rate);

/* -- disks: disk.c -- */

struct disk *disk_new(uint64_t bytes, bool lasting);
void disk_put(struct disk *disk);
/* A descriptor of it, as the test would open the file. */
int disk_open(struct disk *disk, int flags);
struct disk *disk_of(int fd);
/* Nobody reads or writes [offset, offset + bytes) just now. */
void disk_check_idle(const struct disk *disk, uint64_t offset,
    uint64_t bytes);
/* Bytes are seen from now on; the file may grow. */
void disk_write(struct disk *disk, uint64_t offset, const char *from,
    uint64_t bytes);
/* A read there fails. */
bool disk_is_bad(const struct disk *disk, uint64_t offset, uint64_t bytes);
void disks_each(void (*call)(struct disk *disk));
void disks_restart(void);
void disks_reset(void);

int machine_reopen(int fd, int flags);
int machine_flags(int fd);
int machine_tmpfile(const char *directory);
int machine_fstat(int fd, struct stat *st);
int machine_ftruncate(int fd, uint64_t bytes);
int machine_fallocate(int fd, int mode, uint64_t offset, uint64_t length);
int machine_fsync(int fd);
ssize_t machine_pread(int fd, void *buffer, size_t bytes, uint64_t offset);
ssize_t machine_pwrite(int fd, const void *buffer, size_t bytes,
    uint64_t offset);
ssize_t machine_preadv_cached(int fd, const struct iovec *iov, int count,
    uint64_t offset);
bool machine_any_cached(int fd);
bool machine_in_memory(int fd);
int machine_drop_cache(int fd, uint64_t offset, uint64_t length);
/* A time that a request takes. */
uint64_t machine_latency_ns(void);

/* -- queues: queue.c -- */

/* One request that is under way, in its disk's list. */
struct flight {
	struct vm_node link;
	uint64_t offset, bytes;
	bool write;
};

struct vm_ioq_options;

int machine_queue_create(const struct vm_ioq_options *options,
    struct vm_ioq **out);
/* What was in flight when the power went: writes may have got through. */
void machine_queues_cut(void);

/* -- descriptors: descriptor.c -- */

enum kind { KIND_NONE, KIND_DISK, KIND_EVENT, KIND_POLL, KIND_QUEUE,
	KIND_CLIENT, KIND_WINDOW };

/* What a descriptor stands for; readable asks what polls of it see. */
struct opened {
	enum kind kind;
	void *what;
	int flags;
	unsigned errors_seen;	/* disks: by this opening */
	bool (*readable)(void *what);
	void (*closed)(void *what);
};

int descriptor_new(const struct opened *open);
struct opened *descriptor_of(int fd);
void descriptors_reset(void);
/* Something may be readable now. */
void descriptors_ring(void);

int machine_dup(int fd);
void machine_close(int fd);
int machine_eventfd(void);
void machine_event_set(int fd);
void machine_event_clear(int fd);
int machine_poll_create(void);
int machine_poll_add(int poll, int fd, void *token);
void machine_poll_remove(int poll, int fd);
int machine_poll_wait(int poll, void **tokens, int count, int timeout_ms);

/* -- memory: memory.c -- */

/* No mapping is left: the first is where it always is. */
void memory_begin(void);
/* Everything that the library had goes. */
void memory_reset(void);
void *machine_alloc(size_t bytes);
void machine_free(void *memory);
int machine_map_anon(size_t bytes, void **out);
int machine_map_file(int fd, uint64_t offset, size_t bytes, int prot,
    void **out);
int machine_unmap(void *base, size_t bytes);
int machine_drop(void *base, size_t bytes);
int machine_memfd(const char *name);
int machine_punch(int fd, uint64_t offset, uint64_t length);
/* Room of the test's own, zero; until machine_end. */
void *memory_reserve(size_t bytes);
void memory_return(void *base, size_t bytes);
/* Bytes of a memfd change; the pages are there from then on. */
void memory_write(struct disk *memory, uint64_t offset, const char *from,
    uint64_t bytes);

#endif
