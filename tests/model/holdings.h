/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * holdings.h - what the program has of a system besides its objects.
 *
 * Loans, and what each borrower saw, which must not change; memory of the
 * system, and what was written there last.  They stay from one operation to
 * the next, and count as pinned.
 */
#ifndef HOLDINGS_H
#define HOLDINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "world.h"

enum {
	LOANS = 4,
	MEMORIES = 3,
	CACHED = 12,		/* things of a cache: a page has 8 */
	CACHED_BYTES = 500,
	REGION_PAGES = 8,	/* of addresses */
	STOLEN_BYTES = 100,
	CONSTRUCTED = 0x3c,	/* what a thing of the cache is made of */
};

struct loan {
	struct vm_page *page;	/* NULL: none */
	uint8_t bytes[PAGE];	/* what he saw at first */
};

struct memory {
	uint8_t *at;		/* NULL: none */
	uint64_t bytes;
	struct vm_account *account;
	uint8_t value;		/* of all bytes */
};

struct holdings {
	struct loan loan[LOANS];
	struct memory memory[MEMORIES];
	struct vm_account *account;
	struct vm_cache *cache;
	uint8_t *cached[CACHED];	/* out of it; NULL: none */
	_Atomic uint64_t constructed;	/* and not destructed again */
	struct vm_region *region;
	uint8_t *region_base;
	int region_value[REGION_PAGES];	/* of the page's bytes; -1: no page */
	uint8_t *stolen;	/* at boot */
	struct vm_shrinker shrinker;
	bool shrinks;		/* it is the system's now */
	struct vm_trace_cursor cursor;
};

/* Before the system is made, and after; and before it ends. */
void holdings_options(struct vm_options *o);
void holdings_make(struct world *w);
void holdings_end(struct world *w);

/* All is as it was left. */
void holdings_compare(struct world *w);

/* Whether pages more may be pinned. */
bool may_pin(const struct world *w, unsigned pages);
/* Whether any page is lent now. */
bool may_be_lent(const struct world *w);
/* Whether all bytes have the value. */
bool all_are(const uint8_t *at, uint64_t bytes, uint8_t value);

#endif
