/* SPDX-License-Identifier: BSD-2-Clause */
/* ops_memory.c - the program's own memory; holdings.h compares it. */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "holdings.h"
#include "op.h"

static unsigned
pages_of(uint64_t bytes)
{
	return (unsigned)((bytes + PAGE - 1) / PAGE);
}

static void
memory_take(struct world *w, struct memory *m)
{
	struct vm_memory_request request = VM_MEMORY_REQUEST_INIT;
	void *at;
	int error;

	request.bytes = 1 + pick(w, pick(w, 2) ? 2 * PAGE : 300);
	request.align_bytes = pick(w, 4) == 0 ? 64u << pick(w, 7) : 0;
	request.flags = (unsigned)pick(w, 8);
	request.account = pick(w, 2) ? w->holdings->account : NULL;
	if (!may_pin(w, pages_of(request.bytes)))
		return;
	error = vm_memory_alloc(w->vm, &request, &at);
	/* Free neighbours may be wanting. */
	MUST(w, error == 0 || error == -ENOMEM);
	if (error != 0)
		return;
	if (request.align_bytes != 0)
		MUST(w, (uintptr_t)at % request.align_bytes == 0);
	if (request.flags & VM_MEMORY_ZERO)
		MUST(w, all_are(at, request.bytes, 0));
	*m = (struct memory){ at, request.bytes, request.account,
		(uint8_t)pick(w, 256) };
	memset(at, m->value, m->bytes);
	w->pinned += pages_of(m->bytes);
}

static void
memory(struct world *w, struct thing *t)
{
	struct memory *m = &w->holdings->memory[pick(w, MEMORIES)];

	(void)t;
	if (m->at == NULL) {
		memory_take(w, m);
		return;
	}
	vm_memory_free(w->vm, m->at, m->bytes, m->account);
	w->pinned -= pages_of(m->bytes);
	m->at = NULL;
}

/* Constructed when they come, and when they go. */
static void
cached(struct world *w, struct thing *t)
{
	struct holdings *h = w->holdings;
	uint64_t i = pick(w, CACHED);
	void *thing;
	int error;

	(void)t;
	if (h->cached[i] != NULL) {
		memset(h->cached[i], CONSTRUCTED, CACHED_BYTES);
		vm_cache_free(h->cache, h->cached[i]);
		h->cached[i] = NULL;
		return;
	}
	error = vm_cache_alloc(h->cache, (unsigned)pick(w, 2), &thing);
	MUST(w, error == 0 || error == -ENOMEM);
	if (error != 0)
		return;
	MUST(w, all_are(thing, CACHED_BYTES, CONSTRUCTED));
	h->cached[i] = thing;
	memset(thing, (int)i, CACHED_BYTES);
}

static void
cache_figures(struct world *w, struct thing *t)
{
	struct vm_cache_stat stat = VM_CACHE_STAT_INIT;
	struct holdings *h = w->holdings;
	uint64_t out = 0;

	(void)t;
	if (pick(w, 2))
		(void)vm_cache_reclaim(h->cache, pick(w, 3 * PAGE));
	else
		(void)vm_memory_reclaim(w->vm, pick(w, 3 * PAGE));
	for (int i = 0; i < CACHED; i++)
		out += h->cached[i] != NULL;
	MUST(w, vm_cache_stat(h->cache, &stat) == 0);
	MUST(w, stat.out == out);
	MUST(w, atomic_load(&h->constructed) >= out);
}

static void
region_take(struct world *w, struct holdings *h, uint64_t i, uint64_t n)
{
	struct vm_region_request request = VM_REGION_REQUEST_INIT;
	bool used = false;
	void *at;
	int error;

	request.bytes = n * PAGE;
	request.hint = h->region_base + i * PAGE;
	request.flags = VM_REGION_FIXED;
	for (uint64_t j = i; j < i + n; j++)
		used = used || h->region_value[j] >= 0;
	if (!may_pin(w, (unsigned)n))
		return;
	error = vm_region_alloc(h->region, &request, &at);
	MUST(w, error == -ENOMEM || error == (used ? -EEXIST : 0));
	if (error != 0)
		return;
	MUST(w, at == request.hint);
	MUST(w, all_are(at, n * PAGE, 0));
	for (uint64_t j = i; j < i + n; j++) {
		h->region_value[j] = (int)pick(w, 256);
		memset(h->region_base + j * PAGE, h->region_value[j], PAGE);
	}
	w->pinned += (unsigned)n;
}

static void
region_give(struct world *w, struct holdings *h, uint64_t i, uint64_t n)
{
	bool all = true;

	for (uint64_t j = i; j < i + n; j++)
		all = all && h->region_value[j] >= 0;
	MUST(w, vm_region_free(h->region, h->region_base + i * PAGE,
	    n * PAGE) == (all ? 0 : -EINVAL));
	for (uint64_t j = i; j < i + n && all; j++)
		h->region_value[j] = -1;
	w->pinned -= all ? (unsigned)n : 0;
}

static uint64_t
region_used(const struct holdings *h)
{
	uint64_t used = 0;

	for (int i = 0; i < REGION_PAGES; i++)
		used += h->region_value[i] >= 0;
	return used;
}

static void
region(struct world *w, struct thing *t)
{
	struct vm_region_stat stat = VM_REGION_STAT_INIT;
	struct holdings *h = w->holdings;
	uint64_t i = pick(w, REGION_PAGES), n = 1 + pick(w, 3);

	(void)t;
	if (n > REGION_PAGES - i)
		n = REGION_PAGES - i;
	if (pick(w, 2))
		region_take(w, h, i, n);
	else
		region_give(w, h, i, n);
	MUST(w, vm_region_stat(h->region, &stat) == 0);
	MUST(w, stat.used_bytes == region_used(h) * PAGE);
}

/* Read only for a while, once more referred to, and empty now and then. */
static void
region_ways(struct world *w, struct thing *t)
{
	struct holdings *h = w->holdings;
	uint64_t i = pick(w, REGION_PAGES);
	bool used = h->region_value[i] >= 0;
	uint8_t *at = h->region_base + i * PAGE;

	(void)t;
	vm_region_ref(h->region);
	MUST(w, vm_region_protect(h->region, at, PAGE, VM_PROT_READ) ==
	    (used ? 0 : -EINVAL));
	MUST(w, !used || all_are(at, PAGE, (uint8_t)h->region_value[i]));
	if (used)
		MUST(w, vm_region_protect(h->region, at, PAGE, VM_PROT_READ |
		    VM_PROT_WRITE) == 0);
	MUST(w, vm_region_unref(h->region) == 0);
	if (pick(w, 4) != 0)
		return;
	MUST(w, vm_region_purge(h->region) == 0);
	w->pinned -= (unsigned)region_used(h);
	for (int j = 0; j < REGION_PAGES; j++)
		h->region_value[j] = -1;
}

static void
region_within(struct world *w, struct thing *t)
{
	struct vm_region_request request = VM_REGION_REQUEST_INIT;
	struct vm_region *inner;
	void *at;
	int error;

	(void)t;
	request.bytes = 2 * PAGE;
	error = vm_region_suballoc(w->holdings->region, &request, NULL,
	    &inner);
	MUST(w, error == 0 || error == -ENOSPC || error == -ENOMEM);
	if (error != 0)
		return;
	request.bytes = PAGE;
	if (vm_region_alloc(inner, &request, &at) == 0) {
		MUST(w, all_are(at, PAGE, 0));
		memset(at, 1, PAGE);
	}
	MUST(w, vm_region_unref(inner) == 0);
}

/* Twice, and ended as often; the machine may allow neither. */
static void
user_wire(struct world *w, struct thing *t)
{
	static uint8_t memory[3 * PAGE];
	struct vm_account *account = pick(w, 2) ? w->holdings->account : NULL;
	uint64_t offset = pick(w, PAGE), bytes = 1 + pick(w, PAGE);

	(void)t;
	for (int i = 0; i < 2; i++) {
		if (vm_user_wire(w->vm, account, memory + offset, bytes) != 0)
			continue;
		MUST(w, vm_user_wire(w->vm, NULL, memory, 1) == 0);
		MUST(w, vm_user_unwire(w->vm, account, memory + offset,
		    bytes) == 0);
		MUST(w, vm_user_unwire(w->vm, NULL, memory, 1) == 0);
	}
	MUST(w, vm_user_unwire(w->vm, account, memory, bytes) == -EINVAL);
}

static void
count_bytes(struct world *w, struct thing *t)
{
	struct vm_account *account = w->holdings->account;
	uint64_t bytes = pick(w, 10 * PAGE), used = vm_used_bytes(w->vm);
	struct vm_memory_stat stat = VM_MEMORY_STAT_INIT;

	(void)t;
	MUST(w, vm_account_take(account, bytes) == 0);
	MUST(w, vm_bytes_take(w->vm, bytes, 0) == 0);
	MUST(w, vm_used_bytes(w->vm) + (uint64_t)LIMIT_PAGES * PAGE >= used);
	vm_bytes_give(w->vm, bytes);
	vm_account_give(account, bytes);
	MUST(w, vm_memory_stat(w->vm, &stat) == 0);
	MUST(w, stat.regions == 1 && stat.caches == 1);
	MUST(w, stat.region_pages == region_used(w->holdings));
}

/* Asked by the daemon when it is at its wits' end. */
static uint64_t
shrink_count(void *arg)
{
	(void)arg;
	return 1;
}

static uint64_t
shrink_scan(void *arg, uint64_t wanted)
{
	struct vm_cache *cache = arg;

	return vm_cache_reclaim(cache, wanted * PAGE) / PAGE;
}

static void
shrinker(struct world *w, struct thing *t)
{
	struct holdings *h = w->holdings;

	(void)t;
	h->shrinker = (struct vm_shrinker){ .name = "things",
		.priority = (int)pick(w, 3), .count = shrink_count,
		.scan = shrink_scan, .arg = h->cache };
	if (h->shrinks)
		MUST(w, vm_shrinker_remove(w->vm, &h->shrinker) == 0);
	else
		MUST(w, vm_shrinker_add(w->vm, &h->shrinker) == 0);
	h->shrinks = !h->shrinks;
}

const struct op ops_memory[] = {
	{ "memory", memory, 8, true },
	{ "cached", cached, 8, true },
	{ "cache figures", cache_figures, 2, true },
	{ "region", region, 4, true },
	{ "ways of a region", region_ways, 1, true },
	{ "region within", region_within, 1, true },
	{ "user wire", user_wire, 1, true },
	{ "count bytes", count_bytes, 1, true },
	{ "shrinker", shrinker, 1, true },
	{ NULL, NULL, 0, false },
};
