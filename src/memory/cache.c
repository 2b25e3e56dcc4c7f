/* SPDX-License-Identifier: BSD-2-Clause */
/* memory/cache.c - cache.h has the theory. */
#include "memory/cache.h"

#include <errno.h>
#include <string.h>

#include "base/assert.h"
#include "base/error.h"
#include "memory/memory.h"
#include "memory/pages.h"
#include "os/os.h"

/* 16 bytes: what any C object may want (max_align_t of 64-bit machines). */
#define ALIGN_MIN 16u
#define WORD_BITS 64u

struct vm_slab {
	struct vm_node link;	/* in cache->open, or linked nowhere (K) */
	struct vm_cache *cache;	/* (C) */
	uint32_t in;		/* bits set (K) */
	uint32_t raw;		/* likewise (K) */
	uint64_t bits[];	/* in, then raw: words of them (K) */
};

/* This thread is in a destructor. */
static _Thread_local bool destructing;

/* ---- the shape of a slab ------------------------------------------------- */

static uint64_t
round_up(uint64_t value, uint64_t to)
{
	return (value + to - 1) / to * to;
}

static uint32_t
words(uint32_t things)
{
	return (things + WORD_BITS - 1) / WORD_BITS;
}

static uint64_t
first_offset(const struct vm_cache *cache, uint32_t things)
{
	return round_up(sizeof(struct vm_slab) + 2 * sizeof(uint64_t) *
	    words(things), cache->how.align_bytes);
}

/* As many as fit behind a description of that many. */
static uint32_t
things_in(const struct vm_cache *cache, uint64_t slab_bytes)
{
	uint64_t n = slab_bytes / cache->how.bytes;

	while (n > 0 && first_offset(cache, (uint32_t)n) +
	    n * cache->how.bytes > slab_bytes)
		n--;
	return (uint32_t)n;
}

static uint64_t
waste(const struct vm_cache *cache, uint64_t slab_bytes)
{
	return slab_bytes - things_in(cache, slab_bytes) * cache->how.bytes;
}

/* The smallest slab that wastes an eighth at most, else the best. */
static void
choose_slab(struct vm_cache *cache)
{
	uint64_t page_bytes = cache->vm->page_bytes;
	uint32_t best = 1;

	for (uint32_t n = 1; n <= VM_SLAB_PAGES_MAX; n *= 2) {
		if (waste(cache, n * page_bytes) * best <
		    waste(cache, best * page_bytes) * n)
			best = n;
		if (waste(cache, best * page_bytes) * 8 <= best * page_bytes)
			break;
	}
	cache->slab_pages = best;
	cache->per_slab = things_in(cache, best * page_bytes);
	cache->first = (uint32_t)first_offset(cache, cache->per_slab);
}

static int
check_request(const struct vm *vm, const struct vm_cache_request *r)
{
	uint64_t most = VM_SLAB_PAGES_MAX / 2 * (uint64_t)vm->page_bytes;

	if (r->name != NULL && strnlen(r->name, VM_CACHE_NAME_BYTES) ==
	    VM_CACHE_NAME_BYTES)
		return vm_error(ENAMETOOLONG, "cache: a name has at most %u "
		    "characters", VM_CACHE_NAME_BYTES - 1);
	if (r->bytes == 0 || r->bytes > most)
		return vm_error(EINVAL, "cache: things of %llu bytes, not 1 "
		    "to %llu", (unsigned long long)r->bytes,
		    (unsigned long long)most);
	if ((r->align_bytes & (r->align_bytes - 1)) != 0 ||
	    r->align_bytes > vm->page_bytes)
		return vm_error(EINVAL, "cache: an alignment of %llu bytes is "
		    "no power of two up to a page",
		    (unsigned long long)r->align_bytes);
	return 0;
}

int
vm_cache_init(struct vm_cache *cache, struct vm *vm,
    const struct vm_cache_request *request)
{
	int error = check_request(vm, request);

	if (error != 0)
		return error;
	cache->vm = vm;
	cache->how = *request;
	if (request->name != NULL)
		memcpy(cache->name, request->name, strlen(request->name));
	cache->how.name = cache->name;
	if (cache->how.align_bytes < ALIGN_MIN)
		cache->how.align_bytes = ALIGN_MIN;
	cache->how.bytes = round_up(request->bytes, cache->how.align_bytes);
	choose_slab(cache);
	vm_assert(cache->per_slab > 0);
	vm_lock_init(&cache->lock, VM_RANK_LEAF, "cache");
	vm_list_init(&cache->open);
	vm_pages_use_account(request->account);
	return 0;
}

void
vm_cache_fini(struct vm_cache *cache)
{
	vm_assert(cache->out == 0);
	(void)vm_cache_shrink(cache, UINT32_MAX);
	vm_assert(cache->slabs == 0);
	vm_pages_leave_account(cache->how.account);
	vm_lock_fini(&cache->lock);
}

/* ---- slabs --------------------------------------------------------------- */

static void *
thing_at(const struct vm_slab *slab, uint32_t i)
{
	const struct vm_cache *cache = slab->cache;

	return (char *)slab + cache->first + i * cache->how.bytes;
}

static uint64_t *
bits_of(struct vm_slab *slab, bool raw)
{
	return slab->bits + (raw ? words(slab->cache->per_slab) : 0);
}

static bool
has_bit(struct vm_slab *slab, bool raw, uint32_t i)
{
	return (bits_of(slab, raw)[i / WORD_BITS] >> i % WORD_BITS & 1) != 0;
}

static void
set_bit(struct vm_slab *slab, bool raw, uint32_t i)
{
	bits_of(slab, raw)[i / WORD_BITS] |= UINT64_C(1) << i % WORD_BITS;
	if (raw)
		slab->raw++;
	else
		slab->in++;
}

/* The first one that is set, cleared. */
static uint32_t
pop_bit(struct vm_slab *slab, bool raw)
{
	uint64_t *bits = bits_of(slab, raw);
	uint32_t w = 0, i;

	while (bits[w] == 0)
		w++;
	i = VM_LOWEST_BIT(bits[w]);
	bits[w] &= bits[w] - 1;
	if (raw)
		slab->raw--;
	else
		slab->in--;
	return w * WORD_BITS + i;
}

static bool
whole(const struct vm_slab *slab)
{
	return slab->in + slab->raw == slab->cache->per_slab;
}

static int
new_slab(struct vm_cache *cache, unsigned flags, struct vm_slab **out)
{
	struct vm *vm = cache->vm;
	struct vm_pages_take take = {
		.count = cache->slab_pages,
		.align_bytes = (uint64_t)cache->slab_pages * vm->page_bytes,
		.flags = flags & ~VM_MEM_ZERO,
		.account = cache->how.account,
	};
	struct vm_slab *slab;
	struct vm_page *page;
	void *memory;
	int error = vm_pages_take(vm, &take, &memory);

	if (error != 0)
		return error;
	slab = memory;
	memset(slab, 0, cache->first);
	slab->cache = cache;
	for (uint32_t i = 0; i < cache->per_slab; i++)
		set_bit(slab, true, i);
	page = vm_pages_of(vm, memory);
	for (uint32_t i = 0; i < cache->slab_pages; i++)
		page[i].pindex = VM_PAGES_SLAB | i;
	*out = slab;
	return 0;
}

/* Nobody else knows the slab any more. */
static void
free_slab(struct vm_slab *slab)
{
	struct vm_cache *cache = slab->cache;
	bool was = destructing;

	destructing = true;
	while (slab->in != 0) {
		void *thing = thing_at(slab, pop_bit(slab, false));

		if (cache->how.destruct != NULL)
			cache->how.destruct(thing, cache->how.arg);
	}
	destructing = was;
	vm_pages_give(cache->vm, slab, cache->slab_pages,
	    cache->how.account);
}

/* ---- getting and putting ------------------------------------------------- */

/* Of the first open slab; *raw: not constructed.  NULL: there is none. */
static void *
pop_locked(struct vm_cache *cache, bool *raw)
{
	struct vm_node *node = vm_list_first(&cache->open);
	struct vm_slab *slab = VM_ENTRY(node, struct vm_slab, link);
	void *thing;

	vm_lock_assert_held(&cache->lock);
	if (slab == NULL)
		return NULL;
	*raw = slab->in == 0;
	thing = thing_at(slab, pop_bit(slab, *raw));
	if (slab->in + slab->raw == 0)
		vm_node_remove(&slab->link);
	cache->in -= !*raw;
	cache->out++;
	return thing;
}

/* The slab has one more; whole ones stand behind the others. */
static void
back_locked(struct vm_slab *slab, bool raw, uint32_t i)
{
	struct vm_cache *cache = slab->cache;

	vm_assert(!has_bit(slab, false, i));	/* given back twice */
	vm_assert(!has_bit(slab, true, i));
	set_bit(slab, raw, i);
	cache->in += !raw;
	cache->out--;
	if (whole(slab)) {
		if (vm_node_linked(&slab->link))
			vm_node_remove(&slab->link);
		vm_list_add_tail(&cache->open, &slab->link);
	} else if (!vm_node_linked(&slab->link))
		vm_list_add_head(&cache->open, &slab->link);
}

static struct vm_slab *
slab_of(struct vm *vm, const void *thing)
{
	struct vm_page *page = vm_pages_of(vm, thing);

	vm_assert((page->pindex & VM_PAGES_SLAB) != 0);
	page -= page->pindex & ~VM_PAGES_SLAB;
	return vm_frame_data(&vm->frames, page);
}

struct vm_cache *
vm_cache_of(struct vm *vm, const void *thing)
{
	return slab_of(vm, thing)->cache;
}

static void
put_back(struct vm_slab *slab, void *thing, bool raw)
{
	struct vm_cache *cache = slab->cache;
	uint64_t offset = (uint64_t)((char *)thing - (char *)slab);
	bool give;

	vm_assert(offset >= cache->first);
	offset -= cache->first;
	vm_assert(offset % cache->how.bytes == 0);
	vm_assert(offset / cache->how.bytes < cache->per_slab);
	vm_lock(&cache->lock);
	back_locked(slab, raw, (uint32_t)(offset / cache->how.bytes));
	give = whole(slab);
	vm_unlock(&cache->lock);
	if (give && vm_pages_short(cache->vm))
		(void)vm_cache_shrink(cache, cache->slab_pages);
}

static int
construct(struct vm_cache *cache, void *thing)
{
	int error = cache->how.construct == NULL ? 0 :
	    cache->how.construct(thing, cache->how.arg);

	vm_lock(&cache->lock);
	cache->constructed += error == 0;
	cache->failures += error != 0;
	vm_unlock(&cache->lock);
	if (error != 0)
		put_back(slab_of(cache->vm, thing), thing, true);
	return error;
}

static int
get_of_new_slab(struct vm_cache *cache, unsigned flags, void **thing)
{
	struct vm_slab *slab;
	bool raw;
	int error = new_slab(cache, flags, &slab);

	vm_lock(&cache->lock);
	if (error == 0) {
		cache->slabs++;
		vm_list_add_head(&cache->open, &slab->link);
		*thing = pop_locked(cache, &raw);
		vm_assert(raw);
	} else
		cache->failures++;
	vm_unlock(&cache->lock);
	return error;
}

int
vm_cache_get(struct vm_cache *cache, unsigned flags, void **thing,
    bool *fresh)
{
	bool raw = true;
	int error = 0;

	vm_lock(&cache->lock);
	cache->gets++;
	*thing = pop_locked(cache, &raw);
	vm_unlock(&cache->lock);
	if (fresh != NULL)
		*fresh = *thing == NULL;
	if (*thing == NULL)
		error = get_of_new_slab(cache, flags, thing);
	return error == 0 && raw ? construct(cache, *thing) : error;
}

void
vm_cache_put(struct vm_cache *cache, void *thing)
{
	struct vm_slab *slab = slab_of(cache->vm, thing);

	vm_assert(slab->cache == cache);
	put_back(slab, thing, false);
}

/* The last one, if it is whole. */
static struct vm_slab *
pop_whole(struct vm_cache *cache)
{
	struct vm_slab *slab;

	vm_lock(&cache->lock);
	slab = VM_ENTRY(vm_list_last(&cache->open), struct vm_slab, link);
	if (slab != NULL && !whole(slab))
		slab = NULL;
	if (slab != NULL) {
		vm_node_remove(&slab->link);
		cache->slabs--;
		cache->in -= slab->in;
		cache->destructed += slab->in;
	}
	vm_unlock(&cache->lock);
	return slab;
}

uint32_t
vm_cache_shrink(struct vm_cache *cache, uint32_t want)
{
	struct vm_slab *slab;
	uint32_t freed = 0;

	while (freed < want && (slab = pop_whole(cache)) != NULL) {
		free_slab(slab);
		freed += cache->slab_pages;
	}
	return freed;
}

/* ---- caches of users ----------------------------------------------------- */

int
vm_cache_new(struct vm *vm, const struct vm_cache_request *request,
    struct vm_cache **out)
{
	struct vm_memory *memory = vm->memory;
	struct vm_cache *cache = vm->os->alloc(sizeof(*cache));
	int error;

	if (cache == NULL)
		return vm_error(ENOMEM, "cache: no memory");
	error = vm_cache_init(cache, vm, request);
	if (error != 0) {
		vm->os->free(cache);
		return error;
	}
	vm_lock(&memory->lock);
	cache->number = ++memory->cache_next;
	vm_list_add_tail(&memory->caches, &cache->link);
	memory->user_caches++;
	vm_unlock(&memory->lock);
	*out = cache;
	return 0;
}

int
vm_cache_end(struct vm_cache *cache)
{
	struct vm *vm = cache->vm;
	struct vm_memory *memory = vm->memory;
	uint64_t out;

	if (destructing)
		return vm_error(EDEADLK, "cache \"%s\": cannot end in a "
		    "destructor", cache->name);
	vm_lock(&cache->lock);
	out = cache->out;
	vm_unlock(&cache->lock);
	if (out != 0)
		return vm_error(EBUSY, "cache \"%s\": %llu things are out",
		    cache->name, (unsigned long long)out);
	vm_lock(&memory->lock);
	while (cache->looked_at)
		(void)vm_cond_wait(&memory->reclaimed, &memory->lock,
		    UINT64_MAX);
	vm_node_remove(&cache->link);
	memory->user_caches--;
	vm_unlock(&memory->lock);
	vm_cache_fini(cache);
	vm->os->free(cache);
	return 0;
}
