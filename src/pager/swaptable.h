/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pager/swaptable.h - where in swap the pages of an object are.
 *
 * Two levels: a directory that grows to the highest page ever entered, and
 * leaves of 1024 entries for 4 MiB of 4 KiB pages each.  Leaves stay until the
 * table is destroyed: 0.4 % of the memory they tell about, 0.6 % where pages
 * are enciphered.  The memory comes from the caller, who may have to get it
 * without the lock that protects the table: what vm_swaptable_lacks once said
 * is there, stays there.
 *
 * An entry says where the page's bytes are, and apart from that which place of
 * a file is kept for its next write; so the old bytes stay good until the new
 * ones have been written.  In one word, low bits first:
 *
 *	 0..26	at		FILE: the place; PACKED: see pager/tier.h
 *	27..29	file		FILE: which one
 *	30..32	kind
 *	33..59	next place	} for the next write, if there is one
 *	60..62	next file	}
 *	63	there is one
 *
 * Example: place 5 of file 1, nothing kept: 2 << 30 | 1 << 27 | 5.
 *
 * A second word: of FILE and PACKED the checksum of the bytes, of FILLED the 8
 * bytes that the page repeats.  A third one, where the table keeps that: the
 * number under which the page was enciphered (pager/cipher.h).
 */
#ifndef PAGER_SWAPTABLE_H
#define PAGER_SWAPTABLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "page/page.h"

enum vm_swap_kind {
	VM_SWAP_NONE,		/* nothing: zeros */
	VM_SWAP_FILLED,		/* 8 bytes all over */
	VM_SWAP_FILE,
	VM_SWAP_PACKED,		/* compressed, in memory */
	VM_SWAP_LOST,		/* its contents are gone */
};

#define VM_SWAP_PLACE_BITS	27u
#define VM_SWAP_FILE_BITS	3u
#define VM_SWAP_KIND_BITS	3u
/* 2^27 pages a file: 512 GiB of 4 KiB. */
#define VM_SWAP_PAGES_MAX	(UINT64_C(1) << VM_SWAP_PLACE_BITS)
/* 8 files. */
#define VM_SWAP_FILES_MAX	(1u << VM_SWAP_FILE_BITS)

#define VM_SWAP_LEAF_PAGES 1024u

/* A place of a file. */
struct vm_swap_place {
	uint32_t page;
	uint8_t file;
};

struct vm_swap_entry {
	uint64_t where;		/* see above (S) */
	uint64_t word;		/* checksum, or what fills the page (S) */
};

struct vm_swap_leaf;

/* All fields belong to the lock of the table's owner (S), but for (C).  Zero
 * is empty. */
struct vm_swaptable {
	struct vm_swap_leaf **leaves;	/* (S) */
	size_t leaf_count;		/* (S) */
	/* That are not all zeros; who only wants to know whether there is any
	 * needs no lock, if it is he who would have made it. */
	_Atomic uint64_t entries;	/* (A) */
	bool numbered;			/* entries have a third word (C) */
	uint64_t id;			/* an order among tables (C) */
};

enum vm_swap_kind vm_swap_kind_of(uint64_t where);
/* Of FILE: the place. */
struct vm_swap_place vm_swap_place_of(uint64_t where);
/* Of PACKED: what tier.h calls the record. */
uint32_t vm_swap_record_of(uint64_t where);
/* Whether a place is kept for the next write, and which. */
bool vm_swap_has_next(uint64_t where);
struct vm_swap_place vm_swap_next_of(uint64_t where);

/* The same entry elsewhere: what is kept for the next write is as it was. */
uint64_t vm_swap_at_file(uint64_t where, struct vm_swap_place place);
uint64_t vm_swap_at(uint64_t where, enum vm_swap_kind kind, uint32_t record);
/* The same with this kept, or nothing. */
uint64_t vm_swap_with_next(uint64_t where, struct vm_swap_place next);
uint64_t vm_swap_without_next(uint64_t where);

/* What is not there is all zeros. */
struct vm_swap_entry vm_swaptable_get(const struct vm_swaptable *table,
    vm_pindex_t pindex);

/* To change; NULL: the table lacks something for it. */
struct vm_swap_entry *vm_swaptable_entry(const struct vm_swaptable *table,
    vm_pindex_t pindex);

/* The third word; 0 where there is none. */
uint64_t vm_swaptable_number(const struct vm_swaptable *table,
    vm_pindex_t pindex);
void vm_swaptable_set_number(struct vm_swaptable *table, vm_pindex_t pindex,
    uint64_t number);

/* The first page at or behind pindex that may have an entry; UINT64_MAX: none
 * has.  Skips leaves that are not there. */
vm_pindex_t vm_swaptable_next(const struct vm_swaptable *table,
    vm_pindex_t pindex);

/* The bytes of zeroed memory that setting pindex still needs: 0 when it needs
 * none, SIZE_MAX when there cannot be so much. */
size_t vm_swaptable_lacks(const struct vm_swaptable *table,
    vm_pindex_t pindex);

/* Takes the memory that lacks asked for, if it still needs it; returns what
 * the caller has to free, or NULL. */
VM_MUST_CHECK void *vm_swaptable_supply(struct vm_swaptable *table,
    vm_pindex_t pindex, void *memory, size_t bytes);

/* One block of memory of a table that is not used any more, for the caller to
 * free; NULL when that was all. */
void *vm_swaptable_dismantle(struct vm_swaptable *table);

#endif
