/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * resident/resident.h - a virtual memory system you can link.
 *
 * One system (struct vm) is a memory limit, its page descriptors, its frames
 * and one daemon.  resident(7) explains the words.  What is where:
 *
 *	object.h	sequences of pages with a pager behind them
 *	page.h		pages taken, used and released
 *	read.h		pages read that nobody holds
 *	async.h		many pages on their way at once
 *	life.h		the steps of that, and pins
 *	loan.h		pages that others read for as long as they like
 *	window.h	held pages as one piece of memory, for a transfer
 *	content.h	what is in a page, block by block
 *	order.h		which pages go first
 *	frame.h		the memory behind pages: segments, runs, addresses
 *	memory.h	memory for the program itself, by the same limit
 *	limit.h		how much there is, who waits, accounts, shrinkers
 *	pager.h		pagers that users write, filters over any
 *	space.h		other processes' memory, served from here
 *	swap.h		where anonymous memory goes
 *	stat.h, trace.h	figures, prints, audits; the last events
 *
 *	struct vm_options o = VM_OPTIONS_INIT;
 *	o.resident_max_bytes = 256 << 20;
 *	vm_create(&o, &vm);
 *	vm_object_create_file(vm, fd, 0, length, 0, &object);
 *	vm_page_grab(object, 7, VM_GRAB_READ, &page);
 *	... vm_page_data(page) ...
 *	vm_page_release(page);
 *
 * Every function returns 0 or a negative errno unless it says otherwise, and
 * on failure leaves a sentence in vm_last_error().  The library prints
 * nothing, never exits, and sets no signal handler.  All functions may be
 * called from any thread; a system belongs to the process that made it and
 * must not be used in a forked child.
 *
 * A function that needs a page, memory or a disk may sleep; those that never do
 * say so.  Who sleeps holds no lock that the system's callbacks take.  What no
 * caller can mean, such as releasing a page that is not held, stops the program
 * with a message.
 *
 * What the limit covers: the bytes of pages.  Not covered: descriptors (64
 * bytes a page), index leaves (at most 88), what the policy remembers (4), and
 * a few MiB of transfer buffers.
 */
#ifndef RESIDENT_RESIDENT_H
#define RESIDENT_RESIDENT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VM_VERSION "0.1.0"

struct vm;
struct vm_boot;
struct vm_segment;
struct vm_swap_file;
struct vm_watermarks;

/*
 * What uses of a page are worth to the policy "freebsd", 255 at most each:
 * FreeBSD's ACT_INIT, ACT_ADVANCE, ACT_DECLINE and ACT_MAX (sys/vm/vm_page.h).
 * A page comes in with initial, each use that a look finds adds advance up to
 * max, each look without one takes decline, and who has none left may go.  One
 * that is 0: FreeBSD's.
 */
struct vm_activity {
	uint32_t initial;	/* 5 */
	uint32_t advance;	/* 3 */
	uint32_t decline;	/* 1 */
	uint32_t max;		/* 64; at least initial */
};

/* All zero, but for size_bytes and the limit, is a sensible system. */
struct vm_options {
	size_t size_bytes;	/* of this structure: VM_OPTIONS_INIT */
	/* The limit: bytes of resident pages at most.  At least 16 pages;
	 * rounded down to whole pages. */
	uint64_t resident_max_bytes;
	/* One of vm_policy_names(); NULL: the default. */
	const char *policy;
	/* Largest read-ahead of a sequential stream in bytes; 0: 8 MiB, cut
	 * to a quarter of the limit, and 1 MiB, cut to an eighth, for objects
	 * that are mapped.  1: none. */
	uint64_t readahead_bytes;
	/* Bytes fetched around a miss whose neighbours are wanted; 0: 64
	 * KiB.  1: none. */
	uint64_t cluster_bytes;
	/* Where the swap file of anonymous objects goes; NULL: TMPDIR, else
	 * /var/tmp. */
	const char *swap_directory;
	uint64_t swap_max_bytes;	/* 0: no bound but the disk's */
	/* How long a call may wait for memory, or for a pager that has no
	 * room, ns; 0: 30 s. */
	uint64_t wait_max_ns;
	/* Threads that serve the faults of spaces; 0: as many as sensible.
	 * None is started before the first space. */
	unsigned fault_threads;
	unsigned flags;		/* VM_BUFFERED, ... */
	/* Events kept for vm_trace_read, rounded up to a power of two, 64
	 * bytes each, 2^24 at most; 0: none. */
	uint32_t trace_events;
	/* Bytes that vm_set_limit may go up to: reserved, not used. */
	uint64_t grow_max_bytes;
	/* The ladder; NULL, and each that is 0: computed. */
	const struct vm_watermarks *watermarks;
	/* A budget of bytes, of which a reserve is the daemon's alone (0: 128
	 * KiB): resident/limit.h.  Is the limit, too, where resident_max_bytes
	 * is 0.  0: none. */
	uint64_t memlimit_bytes;
	uint64_t memlimit_reserve_bytes;
	/* Called by the daemon, under no lock, before those who wait for
	 * memory are given up: once in a streak of passes that freed nothing.
	 * May free pages; must not wait.  NULL: nobody. */
	void (*oom)(void *arg, const char *sentence);
	void *oom_arg;
	/* Bytes of a page: a power of two, at least the machine's, 2 MiB at
	 * most; 0: the machine's.  With larger ones than the machine's there
	 * are no objects with VM_OBJECT_STORE. */
	uint32_t page_bytes;
	/* Where frames are (resident/frame.h): the limit is their sum, or
	 * resident_max_bytes where that is less.  0: one segment of the
	 * limit. */
	unsigned segment_count;
	const struct vm_segment *segments;
	/* A thread keeps between low and high percent of the free pages that
	 * have memory zeroed; high 0: there is none.  FreeBSD's were 67 and
	 * 80. */
	unsigned zero_low_percent;
	unsigned zero_high_percent;
	/* Free pages are kept by the low bits of their address; a power of two
	 * up to 64, 0: they are not. */
	unsigned colours;
	/* Pages without a frame: how many there may be (0: an eighth of the
	 * pages and 1024), and are made at a time (0: 5). */
	uint32_t fictitious_max;
	uint32_t fictitious_quantum;
	/* Called once, while the system is made: may take memory from it for
	 * good with vm_boot_steal.  A negative errno ends vm_create with it.
	 * The handle is good until the system ends, and of use until boot
	 * returns.  NULL: nobody. */
	int (*boot)(struct vm_boot *boot, void *arg);
	void *boot_arg;
	/* Where vm_boot_steal gets memory instead, once for each call (Mach's
	 * MACHINE_PAGES).  NULL: the system's pages. */
	int (*boot_source)(void *arg, uint64_t bytes, void **memory);
	void *boot_source_arg;
	/* Filters that every object made in this system has from the start:
	 * the text of vm_object_add_filter (resident/pager.h); NULL: none.
	 * Copied. */
	const char *pager_filter;
	/* Victims that the daemon takes from the policy at once, 256 at most:
	 * it looks whether it has freed enough after each batch
	 * (PAGEDAEMON_OBJCHUNK of NetBSD's rump kernel).  0: 128. */
	unsigned reclaim_batch;
	struct vm_activity activity;
	/* Writes of dirty pages on their way at once, of each thread that
	 * cleans: the daemon, and each sync or flush.  256 at most; 0: 32. */
	unsigned laundry_depth;
	/* Bytes of neighbouring dirty pages that are one write, at most; up to
	 * 256 pages.  0: 256 KiB. */
	uint64_t laundry_bytes;
	/* Called by the daemon, under no lock, with the new VM_PRESSURE_...
	 * level when it has changed (resident/limit.h).  May free pages; must
	 * not wait.  NULL: nobody. */
	void (*pressure)(void *arg, int level);
	void *pressure_arg;
	/* Swap files (resident/swap.h) instead of the one in swap_directory;
	 * swap_max_bytes is then the bound of all together.  0: that one. */
	unsigned swap_file_count;
	const struct vm_swap_file *swap_files;
	/* Memory for compressed pages: of the limit, taken for good when the
	 * system is made.  64 KiB to half of the limit, 16 GiB at most; 0:
	 * pages go to files as they are.  -ENOTSUP: built without lz4. */
	uint64_t swap_compress_bytes;
	/* Dirty pages are written in the background from the start, as
	 * vm_set_cleaning does (resident/limit.h).  NULL: they are not. */
	const struct vm_cleaning *cleaning;
};

#ifdef __cplusplus
#define VM_OPTIONS_INIT { sizeof(struct vm_options) }
#else	/* named, so that -Wextra finds nothing missing */
#define VM_OPTIONS_INIT { .size_bytes = sizeof(struct vm_options) }
#endif

/* Files are read and written through the kernel's page cache, which is then
 * emptied behind us, instead of past it (O_DIRECT). */
#define VM_BUFFERED 0x1u
/* Plain calls instead of io_uring. */
#define VM_NO_URING 0x2u
/* Ordinary requests for memory stop at min, and then until target is free
 * again, as GNU Mach's. */
#define VM_PAUSE 0x4u
/* Large pages behind all segments, where the machine has them; a wish.  Where
 * no segments are given that is so anyway, but for VM_NO_HUGE. */
#define VM_HUGE 0x8u
/* Pages never used before are taken from high addresses down. */
#define VM_HIGH_FIRST 0x10u
/* Memory is used in pages of the machine's own size, so that what was never
 * used is not there: large ones come whole with their first page. */
#define VM_NO_HUGE 0x20u
/* What is in swap files is enciphered with a key that is in locked memory of
 * this process alone.  -ENOTSUP: there is no libsodium; -ENOMEM, -EPERM: no
 * memory may be locked. */
#define VM_SWAP_ENCRYPT 0x40u

/*
 * Makes a system.  -EINVAL (an option, the sentence says which), -ENOMEM,
 * or what starting the daemon's thread gave.
 */
int vm_create(const struct vm_options *options, struct vm **out);

/*
 * Ends a system.  All that came from it is back: objects, spaces, windows,
 * loose pages, frames held or lent, memory, regions, caches, accounts,
 * shrinkers, bytes; else -EBUSY, the sentence says what is out, and nothing
 * happens.  Nobody else is in a call of it.  Sleeps.
 */
int vm_destroy(struct vm *vm);

/* This thread's last sentence; "" when there was none.  Never NULL. */
const char *vm_last_error(void);

/* "0.1.0": of the library that is running. */
const char *vm_version(void);

/* Bytes of a page of this machine; what page indices count in, unless the
 * system has pages of its own size. */
uint32_t vm_page_bytes(void);
/* Bytes of a page of this system: vm_options.page_bytes. */
uint32_t vm_system_page_bytes(const struct vm *vm);

/*
 * The bytes that a text like "256M", "64k", "1GiB" or "4096" stands for:
 * decimal digits, then at most one of k m g t in either case, optionally
 * followed by iB.  -EINVAL with the text quoted for anything else, signs and
 * spaces included; -ERANGE when it does not fit 64 bits.
 */
int vm_size_parse(const char *text, uint64_t *bytes);

/* Names of the policies, NULL-terminated, the default first. */
const char *const *vm_policy_names(void);

/*
 * From now on another policy decides, NULL: the default.  It gets the pages in
 * the order in which they would have gone, and knows nothing of those that are
 * gone already.  All misses wait meanwhile: about 0.1 us for each page that is
 * there.  -EINVAL: no such policy; -ENOMEM: nothing has changed.
 */
int vm_set_policy(struct vm *vm, const char *name);

#ifdef __cplusplus
}
#endif

#include <resident/async.h>
#include <resident/content.h>
#include <resident/frame.h>
#include <resident/life.h>
#include <resident/limit.h>
#include <resident/loan.h>
#include <resident/map.h>
#include <resident/memory.h>
#include <resident/object.h>
#include <resident/order.h>
#include <resident/page.h>
#include <resident/pager.h>
#include <resident/read.h>
#include <resident/space.h>
#include <resident/stat.h>
#include <resident/swap.h>
#include <resident/trace.h>
#include <resident/window.h>

#endif
