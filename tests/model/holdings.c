/* SPDX-License-Identifier: BSD-2-Clause */
/* holdings.c - holdings.h has the theory. */
#include "holdings.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { STOLEN = 0x77 };

bool
may_pin(const struct world *w, unsigned pages)
{
	return w->pinned + pages <= PINNED_MAX;
}

bool
may_be_lent(const struct world *w)
{
	for (int i = 0; i < LOANS; i++)
		if (w->holdings->loan[i].page != NULL)
			return true;
	return false;
}

bool
all_are(const uint8_t *at, uint64_t bytes, uint8_t value)
{
	return bytes == 0 || (at[0] == value &&
	    memcmp(at, at + 1, bytes - 1) == 0);
}

/* In vm_create, of which one runs in a process. */
static uint8_t *stolen;

static int
boot(struct vm_boot *boot, void *arg)
{
	void *memory, *start, *end;

	(void)arg;
	CHECK_INT(vm_boot_steal(boot, STOLEN_BYTES, &memory), 0);
	CHECK_INT(vm_boot_window(boot, &start, &end), 0);
	CHECK((char *)start >= (char *)memory + STOLEN_BYTES);
	CHECK((char *)end > (char *)start);
	stolen = memory;
	memset(memory, STOLEN, STOLEN_BYTES);
	return 0;
}

void
holdings_options(struct vm_options *o)
{
	o->boot = boot;
	/* A page more, for what is stolen. */
	o->resident_max_bytes += PAGE;
}

static int
construct(void *thing, void *arg)
{
	struct holdings *h = arg;

	memset(thing, CONSTRUCTED, CACHED_BYTES);
	atomic_fetch_add(&h->constructed, 1);
	return 0;
}

static void
destruct(void *thing, void *arg)
{
	struct holdings *h = arg;

	CHECK(all_are(thing, CACHED_BYTES, CONSTRUCTED));
	CHECK(atomic_fetch_sub(&h->constructed, 1) != 0);
}

static void
make_cache(struct world *w)
{
	struct vm_cache_options o = VM_CACHE_INIT;

	o.name = "things";
	o.bytes = CACHED_BYTES;
	o.ctor = construct;
	o.dtor = destruct;
	o.arg = w->holdings;
	MUST(w, vm_cache_create(w->vm, &o, &w->holdings->cache) == 0);
}

static void
make_region(struct world *w)
{
	struct vm_region_stat stat = VM_REGION_STAT_INIT;
	struct holdings *h = w->holdings;

	MUST(w, vm_region_create(w->vm, REGION_PAGES * PAGE, h->account,
	    &h->region) == 0);
	MUST(w, vm_region_stat(h->region, &stat) == 0);
	MUST(w, stat.bytes == REGION_PAGES * PAGE && stat.refs == 1);
	h->region_base = stat.base;
	for (int i = 0; i < REGION_PAGES; i++)
		h->region_value[i] = -1;
}

void
holdings_make(struct world *w)
{
	struct vm_account_options o = VM_ACCOUNT_INIT;
	struct holdings *h = calloc(1, sizeof(*h));

	CHECK(h != NULL);
	w->holdings = h;
	h->stolen = stolen;
	o.name = "program";
	MUST(w, vm_account_create(w->vm, &o, &h->account) == 0);
	make_cache(w);
	make_region(w);
}

static void
compare_loans(struct world *w)
{
	for (int i = 0; i < LOANS; i++) {
		const struct loan *loan = &w->holdings->loan[i];

		if (loan->page != NULL)
			MUST(w, memcmp(vm_loan_data(w->vm, loan->page),
			    loan->bytes, PAGE) == 0);
	}
}

void
holdings_compare(struct world *w)
{
	struct holdings *h = w->holdings;

	compare_loans(w);
	for (int i = 0; i < MEMORIES; i++)
		MUST(w, h->memory[i].at == NULL || all_are(h->memory[i].at,
		    h->memory[i].bytes, h->memory[i].value));
	for (int i = 0; i < CACHED; i++)
		MUST(w, h->cached[i] == NULL || all_are(h->cached[i],
		    CACHED_BYTES, (uint8_t)i));
	for (int i = 0; i < REGION_PAGES; i++)
		MUST(w, h->region_value[i] < 0 || all_are(h->region_base +
		    (uint64_t)i * PAGE, PAGE, (uint8_t)h->region_value[i]));
	MUST(w, all_are(h->stolen, STOLEN_BYTES, STOLEN));
}

static void
end_cache(struct world *w)
{
	struct holdings *h = w->holdings;

	for (int i = 0; i < CACHED; i++) {
		if (h->cached[i] == NULL)
			continue;
		memset(h->cached[i], CONSTRUCTED, CACHED_BYTES);
		vm_cache_free(h->cache, h->cached[i]);
	}
	MUST(w, vm_cache_destroy(h->cache) == 0);
	MUST(w, atomic_load(&h->constructed) == 0);
}

void
holdings_end(struct world *w)
{
	struct holdings *h = w->holdings;

	holdings_compare(w);
	for (int i = 0; i < LOANS; i++)
		if (h->loan[i].page != NULL)
			vm_unloan(w->vm, h->loan[i].page);
	for (int i = 0; i < MEMORIES; i++)
		vm_memory_free(w->vm, h->memory[i].at, h->memory[i].bytes,
		    h->memory[i].account);
	end_cache(w);
	MUST(w, vm_region_unref(h->region) == 0);
	if (h->shrinks)
		MUST(w, vm_shrinker_remove(w->vm, &h->shrinker) == 0);
	MUST(w, vm_account_destroy(h->account) == 0);
	free(h);
}
