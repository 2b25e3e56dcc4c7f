/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * resident/stat.h - what a system has done, and is doing.
 */
#ifndef RESIDENT_STAT_H
#define RESIDENT_STAT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vm;
struct vm_object;
struct vm_page;

/* Pages unless the name says bytes or ns.  Counts since creation. */
struct vm_stat {
	size_t size_bytes;	/* set by the caller: VM_STAT_INIT */
	/* the limit and the ladder of watermarks */
	uint64_t limit_pages;
	uint64_t reserved_pages;
	uint64_t min_pages;
	uint64_t low_pages;
	uint64_t target_pages;
	/* now */
	uint64_t resident_pages;
	uint64_t peak_pages;	/* most ever resident at once */
	uint64_t free_pages;
	uint64_t overhead_bytes;	/* descriptors, index leaves */
	/* counts */
	uint64_t faults;	/* served: of spaces and misses of grab */
	uint64_t faults_minor;	/* found resident */
	uint64_t faults_write;	/* first write to a clean page */
	uint64_t pages_in;
	uint64_t pages_out;
	uint64_t readahead_pages;	/* of pages_in: not asked for */
	uint64_t evicted_clean;
	uint64_t evicted_dirty;	/* had to be written first */
	uint64_t read_bytes;
	uint64_t written_bytes;
	uint64_t wait_ns;	/* faulting threads waited, summed up */
	uint64_t memory_waits;	/* grabs that waited for a page to be free */
	uint64_t read_errors;
	uint64_t write_errors;
	uint64_t forks;
	/* more of the ladder */
	uint64_t capacity_pages;	/* the most the limit can become */
	uint64_t interrupt_pages;
	uint64_t severe_pages;
	uint64_t pageout_min_pages;
	/* more of now; a page may be in several of these */
	uint64_t available_pages;	/* free and cached */
	uint64_t active_pages;	/* on the policy's lists of used pages */
	uint64_t inactive_pages;	/* on its others */
	uint64_t cached_pages;	/* clean, first to be taken */
	uint64_t wired_pages;
	uint64_t dirty_pages;
	uint64_t external_pages;	/* of objects that are not anonymous */
	uint64_t loose_pages;	/* callers' own, without an identity */
	uint64_t held_pages;	/* freed, but somebody holds them */
	uint64_t loaned_pages;	/* freed, but on loan */
	uint64_t laundry_pages;	/* on their way to swap */
	uint64_t laundry_external_pages;	/* to other pagers */
	uint64_t free_zeroed_pages;	/* of free_pages: zeros already */
	uint64_t free_magazine_pages;	/* of free_pages: at a processor */
	uint64_t stolen_pages;	/* taken for good at creation */
	uint64_t retired_pages;	/* taken for good since */
	uint64_t fictitious_pages;	/* used, without a frame */
	uint64_t deficit_pages;	/* refused since the last pass */
	uint64_t waiting_threads;	/* for memory */
	uint64_t objects;
	uint64_t spaces;
	/* more counts */
	uint64_t grabs;
	uint64_t grab_misses;
	uint64_t pages_zeroed;
	uint64_t pages_taken;	/* from the free ones */
	uint64_t pages_freed;
	uint64_t reactivated;	/* cached, and used again */
	uint64_t reads;		/* requests to backing store */
	uint64_t writes;
	uint64_t syncs;
	uint64_t memory_wait_ns;
	uint64_t wakeups;	/* of the daemon */
	uint64_t victims_busy;	/* it could not have */
	uint64_t protect_calls;	/* to the kernel */
	uint64_t punch_calls;
	uint64_t remaps;	/* ranges moved or unmapped by it */
	uint64_t pauses;	/* times that ordinary takers were held up */
	uint64_t loans;		/* now: in force, each borrower of each page */
	uint64_t loan_copies;	/* pages copied since they were lent */
	uint64_t compact_moves;	/* pages moved to make room for a run */
	uint64_t compact_failures;	/* times that none could be made */
	uint64_t limbo_touched;	/* mapped pages seen to be touched */
	uint64_t limbo_again;	/* of these, marked as used again */
	/* Waits for memory, and for pages to be read from where that takes
	 * time: us in which some thread waited, and in which as many did as
	 * use the system; the same as shares of the last 10, 60 and 300 s, in
	 * hundredths of a percent; and the level, VM_PRESSURE_... */
	uint64_t memory_some_us;
	uint64_t memory_full_us;
	uint64_t miss_some_us;
	uint64_t miss_full_us;
	uint64_t memory_some_avg10;
	uint64_t memory_some_avg60;
	uint64_t memory_some_avg300;
	uint64_t memory_full_avg10;
	uint64_t memory_full_avg60;
	uint64_t memory_full_avg300;
	uint64_t miss_some_avg10;
	uint64_t miss_some_avg60;
	uint64_t miss_some_avg300;
	uint64_t miss_full_avg10;
	uint64_t miss_full_avg60;
	uint64_t miss_full_avg300;
	uint64_t pressure_level;
	uint64_t margin_pages;	/* the daemon works that far ahead */
	uint64_t rescues;	/* sweeps while the daemon hung at a pager */
	uint64_t rescued;	/* clean pages that these freed */
	uint64_t victims_kept;	/* given up: their objects keep them */
	/* Of readahead_pages: used since; gone before any use was seen.  And
	 * the first of both together, in hundredths of a percent; 0: none. */
	uint64_t readahead_used;
	uint64_t readahead_unused;
	uint64_t readahead_useful;
	/* Dirty pages that could not be written since swap, or the disk of
	 * their file, was full: each time that was tried. */
	uint64_t no_room_pages;
	/* Without anonymous ones: pages that are dirty, that became so, and
	 * that are so no more; and of pages_out, in the background. */
	uint64_t dirty_external_pages;
	uint64_t pages_dirtied;
	uint64_t pages_undirtied;
	uint64_t cleaned_pages;
};

#ifdef __cplusplus
#define VM_STAT_INIT { sizeof(struct vm_stat) }
#else	/* named, so that -Wextra finds nothing missing */
#define VM_STAT_INIT { .size_bytes = sizeof(struct vm_stat) }
#endif

enum vm_format {
	VM_FORMAT_TEXT,		/* a name and a value a line, as sysctl */
	VM_FORMAT_JSON,		/* one object */
	VM_FORMAT_OPENMETRICS,	/* for Prometheus and its kin */
};

/*
 * The figures as text, for people and programs: our names, and in TEXT and
 * JSON also those of FreeBSD (vm.stats.vm), Mach (vm_statistics) and NetBSD
 * (uvmexp), as far as they mean something here.  Writes what fits, with a
 * zero at the end where bytes is not 0, and returns the length of all of it,
 * as snprintf does; -EINVAL: no system, or no such format.  (FreeBSD's DDB
 * "show page".)
 */
int vm_stat_print(struct vm *vm, enum vm_format format, char *buffer,
    size_t bytes);

/* Fills what size_bytes covers.  -EINVAL when size_bytes is not set. */
int vm_stat(struct vm *vm, struct vm_stat *out);

/*
 * Looks at the whole system and compares what it finds with what the system
 * says: pages, queues, gauges.  0: all is as it must be; -EUCLEAN: something is
 * not, the sentence says what; -EAGAIN: it never stood still for long enough to
 * tell; -EINVAL: no system.  Others may work meanwhile: a page that somebody
 * holds exclusively is not looked into.  Takes time for each resident page;
 * pages that are only wanted exclusively for that moment may be refused with
 * NOWAIT.  Hold no lock that the system's callbacks take.  (Mach's
 * VM_PAGE_CHECK, and what FreeBSD asserts under INVARIANTS, of all pages.)
 */
int vm_audit(struct vm *vm);

/*
 * One page, one object, the queues of a system: for people and programs that
 * look for a fault.  TEXT: "key: value" a line; JSON: one object with the same
 * keys.  Length and -EINVAL (a NULL, or OPENMETRICS) as vm_stat_print.
 *
 * The page is held, shared suffices, or loose.  (Mach's vm_page_print.)
 */
int vm_page_print(struct vm_page *page, enum vm_format format, char *buffer,
    size_t bytes);
/* Its figures, and which pages are resident, as ranges. */
int vm_object_print(struct vm_object *object, enum vm_format format,
    char *buffer, size_t bytes);
/* The length of each list of pages: of the policy, cached, free by kind, size
 * of block, and colour where frames have colours.  (FreeBSD's "show pageq".) */
int vm_queue_print(struct vm *vm, enum vm_format format, char *buffer,
    size_t bytes);

/* How an object's index is filled: places of leaves, 8 pages each. */
struct vm_index_info {
	size_t size_bytes;	/* set by the caller: VM_INDEX_INFO_INIT */
	uint64_t leaves;	/* places in the directory */
	uint64_t used;		/* of these, with a page */
	uint64_t pages;		/* in them: resident, or on their way */
	uint32_t median;	/* pages of a used leaf: half have less */
	uint32_t p90;		/* nine of ten have not more */
	uint32_t p99;
	uint32_t most;
};

#ifdef __cplusplus
#define VM_INDEX_INFO_INIT { sizeof(struct vm_index_info) }
#else
#define VM_INDEX_INFO_INIT { .size_bytes = sizeof(struct vm_index_info) }
#endif

/*
 * Fills lengths with how many pages are in each of the first count leaves, as
 * they are one after the other, not all at once; the sum is the resident pages
 * when nobody works.  How many leaves there are: a caller whose count was
 * smaller may make room and ask again.  -EINVAL: no object, or no room.
 * (Mach's vm_page_info, of its hash.)
 */
int64_t vm_index_info(struct vm_object *object, uint32_t *lengths,
    uint64_t count);
/* The same in a few numbers.  0, -EINVAL. */
int vm_index_summary(struct vm_object *object, struct vm_index_info *out);

/* The name of the policy in use. */
const char *vm_policy_name(const struct vm *vm);

#ifdef __cplusplus
}
#endif

#endif
