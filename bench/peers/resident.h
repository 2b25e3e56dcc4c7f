/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/peers/resident.h - which pages are there, for vmcache's clock.
 *
 * An open hash of page numbers with linear probing, changed without a lock: a
 * page is put in by who has just filled it and taken out by who drops it, both
 * holding it LOCKED, so that no page is in it twice and none is looked for that
 * is not in it.  The clock's hand is a place in the table.
 *
 *	EMPTY --insert--> page --remove--> GRAVE --insert--> page
 *
 * Half as large again as the pages at least, so that runs are short.
 */
#ifndef BENCH_PEERS_RESIDENT_H
#define BENCH_PEERS_RESIDENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct resident_set {
	_Atomic uint64_t *places;	/* page numbers (A) */
	uint64_t mask;			/* places - 1 (C) */
	_Alignas(64) _Atomic uint64_t hand;	/* (A) */
};

bool resident_set_init(struct resident_set *set, uint64_t pages);
void resident_set_fini(struct resident_set *set);
void resident_insert(struct resident_set *set, uint64_t page);
void resident_remove(struct resident_set *set, uint64_t page);

/*
 * Turns the hand over the next places and writes the pages there to pages,
 * which has room for as many; how many there were.
 */
unsigned resident_turn(struct resident_set *set, uint64_t *pages,
    unsigned places);

#endif
