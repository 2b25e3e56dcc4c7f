/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pager/swap_private.h - the swap of a system, behind anon.h.
 *
 * What the parts are for: swapfile.h the files, tier.h compressed pages,
 * cipher.h and pack.h what is done to bytes, swaptable.h which page of an
 * object is where.  Here they come together.
 *
 * One lock (S) protects the maps, the tier and the tables of all objects; it
 * is taken for memory accesses only.  Bytes are packed and enciphered without
 * it, in one of a few seats that are made with the swap; who has a seat waits
 * for nobody else, but for the disk.
 *
 * Who holds the slot of a page is the only one to change its entry, with one
 * exception: what is in the tier may be in a file at the next look.
 */
#ifndef PAGER_SWAP_PRIVATE_H
#define PAGER_SWAP_PRIVATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/lock.h"
#include "pager/anon.h"
#include "pager/swapfile.h"
#include "pager/swaptable.h"
#include "pager/tier.h"

struct vm_cipher;

/* 4: as many pages are packed at once; more threads than that clean or fault
 * anonymous pages rarely, and each has it for 5 us. */
#define VM_SWAP_SEATS 4u
/* 8 enciphered writes at once, each of BOUNCE_BYTES: 2 MiB; others meanwhile
 * are made one page after the other. */
#define VM_SWAP_BOUNCES 8u

struct vm_swap_seat {
	struct vm_node link;	/* free (S) */
	char *page;		/* of a page, aligned to one (C) */
	char *packed;		/* likewise (C) */
	void *state;		/* vm_pack's (C) */
};

/* Where pages are enciphered to and written from. */
struct vm_swap_bounce {
	struct vm_node link;	/* free (S) */
	char *memory;		/* (C) */
};

/* (C) constant, (S) lock, (A) atomic. */
struct vm_swap {
	const struct vm_os *os;			/* (C) */
	uint32_t page_bytes;			/* (C) */
	unsigned run_pages;	/* of a bounce, and of the batch (C) */
	struct vm_lock lock;
	/* By priority, the highest first; equal ones are asked in turn. */
	struct vm_swapfile file[VM_SWAP_FILES_MAX];
	unsigned file_count;			/* (C) */
	_Atomic unsigned turn;			/* (A) */
	uint64_t max_pages;	/* of all files (C) */
	uint64_t taken_pages;	/* of all files (S) */
	struct vm_cipher *cipher;	/* NULL: none (C) */
	_Atomic uint64_t next_number;	/* cipher.h (A) */
	bool packs;		/* there is a tier (C) */
	struct vm_tier tier;			/* (S) */
	bool flushing;		/* somebody empties it (S) */
	char *batch;		/* his, of run_pages (C) */
	struct vm_list seats;	/* free ones (S) */
	struct vm_cond stood_up;	/* (S) */
	struct vm_list bounces;	/* free ones (S) */
	struct vm_swap_seat seat[VM_SWAP_SEATS];
	struct vm_swap_bounce bounce[VM_SWAP_BOUNCES];
	char *memory;		/* of seats, bounces and batch (C) */
	size_t memory_bytes;			/* (C) */
	uint64_t pages_of[VM_SWAP_LOST + 1];	/* by kind (S) */
	struct vm_swap_figures counts;	/* those since the beginning (S) */
};

/* ---- places: swap.c ------------------------------------------------------ */

/*
 * Takes a run of up to want pages of one file: returns its length, at least 1,
 * or a negative errno with its sentence.  The lock is not held.  Sleeps.
 */
VM_MUST_CHECK int vm_swap_take(struct vm_swap *swap, unsigned want,
    struct vm_swap_place *first);
/* Exactly these, if that is possible and costs no wait. */
VM_MUST_CHECK bool vm_swap_try_locked(struct vm_swap *swap,
    struct vm_swap_place first, unsigned count);
/* Gives back pages nobody uses. */
void vm_swap_give_locked(struct vm_swap *swap, struct vm_swap_place first,
    unsigned count);
/* Gives disks back what is not used.  The lock is not held.  Sleeps. */
void vm_swap_trim(struct vm_swap *swap);

/* ---- entries: swap.c ----------------------------------------------------- */

/* What the page has anywhere is given up, and it is this from now on; what is
 * kept for its next write stays. */
void vm_swap_settle_locked(struct vm_swap *swap, struct vm_swaptable *table,
    vm_pindex_t pindex, uint64_t where);
/* The place for its next write is given up, if there is one. */
void vm_swap_unkeep_locked(struct vm_swap *swap, struct vm_swaptable *table,
    vm_pindex_t pindex);
/* The entry is this; what it was is somebody's already, or nothing. */
void vm_swap_set_locked(struct vm_swap *swap, struct vm_swaptable *table,
    vm_pindex_t pindex, uint64_t where);

/* ---- seats: swapseat.c --------------------------------------------------- */

/* Makes all of them.  0, -ENOMEM. */
VM_MUST_CHECK int vm_swap_seats_init(struct vm_swap *swap);
void vm_swap_seats_fini(struct vm_swap *swap);
/* Sleeps until one is free. */
struct vm_swap_seat *vm_swap_sit(struct vm_swap *swap);
void vm_swap_stand(struct vm_swap *swap, struct vm_swap_seat *seat);
/* NULL: none is free. */
struct vm_swap_bounce *vm_swap_bounce_try(struct vm_swap *swap);
void vm_swap_bounce_end(struct vm_swap *swap, struct vm_swap_bounce *bounce);

/* ---- bytes: swapstore.c -------------------------------------------------- */

/* So many numbers for the cipher, from this one on. */
uint64_t vm_swap_numbers(struct vm_swap *swap, unsigned count);
/* Enciphers, or deciphers, in place; nothing where there is no cipher. */
void vm_swap_cipher(struct vm_swap *swap, char *page, uint64_t number);
/* The page came back from a file: deciphered, and what it was?  0, -EIO. */
VM_MUST_CHECK int vm_swap_check(struct vm_swap *swap,
    const struct vm_swaptable *table, vm_pindex_t pindex, char *page);
/* What is kept in memory alone, into page: 1; 0: it is not; -EIO. */
VM_MUST_CHECK int vm_swap_fetch(struct vm_swap *swap,
    const struct vm_swaptable *table, vm_pindex_t pindex, char *page);
/* Wherever the page is, to the seat: 1; 0: it has nothing; -errno.  Sleeps. */
VM_MUST_CHECK int vm_swap_fetch_now(struct vm_swap *swap,
    const struct vm_swaptable *table, vm_pindex_t pindex,
    struct vm_swap_seat *seat);
/* Stores the page without a file, if that can be: true.  What was kept for its
 * write is given up. */
VM_MUST_CHECK bool vm_swap_store_small(struct vm_swap *swap,
    struct vm_swaptable *table, vm_pindex_t pindex, const char *page);
/* The page that the seat has, to where it is or to a new place.  0, -errno:
 * nothing is there any more.  Sleeps. */
VM_MUST_CHECK int vm_swap_store_now(struct vm_swap *swap,
    struct vm_swaptable *table, vm_pindex_t pindex,
    struct vm_swap_seat *seat);

/* ---- the tier: swapflush.c ----------------------------------------------- */

/* Pages leave the tier for a file until want more may fit, or that goes no
 * further.  Sleeps. */
void vm_swap_make_room(struct vm_swap *swap, unsigned want);

#endif
