/* SPDX-License-Identifier: BSD-2-Clause */
/* bench/peers/resident.c - resident.h has the theory. */
#include "bench/peers/resident.h"

#include <stdlib.h>

#include "bench/peers/cells.h"

/* No page of a file has either number.  EMPTY is 0 as the table is new, so
 * that a page's number is kept plus 1. */
#define EMPTY	UINT64_C(0)
#define GRAVE	UINT64_MAX

bool
resident_set_init(struct resident_set *set, uint64_t pages)
{
	uint64_t places = peer_power_of_two(pages + pages / 2 + 1);

	set->mask = places - 1;
	set->places = peer_array(places, sizeof(*set->places));
	atomic_init(&set->hand, 0);
	return set->places != NULL;
}

void
resident_set_fini(struct resident_set *set)
{
	free(set->places);
}

/* Neighbours may not be neighbours here, or runs would grow long: the upper
 * half of a product with an odd constant (Knuth's multiplicative hash). */
static uint64_t
place_of(const struct resident_set *set, uint64_t page)
{
	return page * UINT64_C(0x9e3779b97f4a7c15) >> 32 & set->mask;
}

/* Bound: there are more places than pages, so one is free. */
void
resident_insert(struct resident_set *set, uint64_t page)
{
	uint64_t at = place_of(set, page);

	for (;; at = (at + 1) & set->mask) {
		uint64_t now = atomic_load_explicit(&set->places[at],
		    memory_order_relaxed);

		if ((now == EMPTY || now == GRAVE) &&
		    atomic_compare_exchange_strong_explicit(&set->places[at],
			&now, page + 1, memory_order_relaxed,
			memory_order_relaxed))
			return;
	}
}

/* Bound: the page is there. */
void
resident_remove(struct resident_set *set, uint64_t page)
{
	uint64_t at = place_of(set, page);

	while (atomic_load_explicit(&set->places[at], memory_order_relaxed) !=
	    page + 1)
		at = (at + 1) & set->mask;
	atomic_store_explicit(&set->places[at], GRAVE, memory_order_relaxed);
}

unsigned
resident_turn(struct resident_set *set, uint64_t *pages, unsigned places)
{
	uint64_t from = atomic_fetch_add_explicit(&set->hand, places,
	    memory_order_relaxed);
	unsigned found = 0;

	for (unsigned i = 0; i < places; i++) {
		uint64_t now = atomic_load_explicit(
		    &set->places[(from + i) & set->mask], memory_order_relaxed);

		if (now != EMPTY && now != GRAVE)
			pages[found++] = now - 1;
	}
	return found;
}
