/* SPDX-License-Identifier: BSD-2-Clause */
/* Things that stay constructed. */
#include "memory_fixture.h"

enum { THING = 200 };

static struct {
	_Atomic int made, unmade;
	int fail;	/* what the constructor says */
	struct vm_cache *end_in_destructor;
	int said;
	_Atomic bool entered, go_on;
	bool linger;	/* in the destructor, until go_on */
} seen;

static int
make(void *thing, void *arg)
{
	CHECK(arg == &seen);
	if (seen.fail != 0)
		return seen.fail;
	memset(thing, 0xc0, THING);
	atomic_fetch_add(&seen.made, 1);
	return 0;
}

static void
unmake(void *thing, void *arg)
{
	CHECK(arg == &seen);
	CHECK_INT(*(unsigned char *)thing, 0xc0);
	atomic_fetch_add(&seen.unmade, 1);
	if (seen.end_in_destructor != NULL)
		seen.said = vm_cache_destroy(seen.end_in_destructor);
	atomic_store(&seen.entered, true);
	while (seen.linger && !atomic_load(&seen.go_on))
		vm->os->yield();
}

static struct vm_cache *
new_cache(struct vm_account *account)
{
	struct vm_cache_options o = VM_CACHE_INIT;
	struct vm_cache *cache;

	memset(&seen, 0, sizeof(seen));
	o.name = "things";
	o.bytes = THING;
	o.ctor = make;
	o.dtor = unmake;
	o.arg = &seen;
	o.account = account;
	CHECK_INT(vm_cache_create(vm, &o, &cache), 0);
	return cache;
}

static void *
thing_of(struct vm_cache *cache)
{
	void *thing;

	CHECK_INT(vm_cache_alloc(cache, 0, &thing), 0);
	return thing;
}

static struct vm_cache_stat
stat_of(struct vm_cache *cache)
{
	struct vm_cache_stat s = VM_CACHE_STAT_INIT;

	CHECK_INT(vm_cache_stat(cache, &s), 0);
	return s;
}

/* R18 */
TEST(a_freed_thing_stays_constructed_and_is_given_again_as_it_was)
{
	struct vm_cache *cache;
	unsigned char *thing;
	uint64_t used;

	create(0);
	cache = new_cache(NULL);
	thing = thing_of(cache);
	CHECK(all(thing, 0xc0, THING));
	thing[7] = 7;
	used = vm_used_bytes(vm);
	vm_cache_free(cache, thing);
	CHECK_INT(vm_used_bytes(vm), used);
	CHECK_INT(seen.unmade, 0);
	CHECK(thing_of(cache) == thing);
	CHECK_INT(thing[7], 7);
	CHECK_INT(seen.made, 1);
	vm_cache_free(cache, thing);
	CHECK_INT(vm_cache_destroy(cache), 0);
	CHECK_INT(seen.unmade, 1);
	destroy();
}

/* R16, R17 */
TEST(what_is_used_drops_only_when_a_cache_is_reclaimed)
{
	struct vm_cache *cache;
	uint64_t before;
	void *thing;

	create(0);
	cache = new_cache(NULL);
	before = vm_used_bytes(vm);
	thing = thing_of(cache);
	CHECK_INT(vm_used_bytes(vm) - before, stat_of(cache).memory_bytes);
	CHECK_INT(vm_cache_reclaim(cache, UINT64_MAX), 0);
	vm_cache_free(cache, thing);
	CHECK_INT(stat_of(cache).free, 1);
	CHECK_INT(vm_cache_reclaim(cache, 1), PAGE);
	CHECK_INT(stat_of(cache).memory_bytes, 0);
	CHECK_INT(vm_used_bytes(vm), before);
	CHECK_INT(seen.unmade, 1);
	CHECK_INT(stat_of(cache).destructed, 1);
	CHECK_INT(vm_cache_destroy(cache), 0);
	destroy();
}

/* R16 */
TEST(a_constructor_that_fails_is_the_failure_and_nothing_is_out)
{
	struct vm_cache *cache;
	void *thing = &vm;

	create(0);
	cache = new_cache(NULL);
	seen.fail = -EIO;
	CHECK_INT(vm_cache_alloc(cache, 0, &thing), -EIO);
	CHECK(thing == &vm);
	CHECK_INT(stat_of(cache).out, 0);
	CHECK_INT(stat_of(cache).free, 0);
	CHECK_INT(stat_of(cache).failures, 1);
	seen.fail = 0;
	thing = thing_of(cache);
	CHECK(all(thing, 0xc0, THING));
	vm_cache_free(cache, thing);
	CHECK_INT(vm_cache_destroy(cache), 0);
	CHECK_INT(seen.made, seen.unmade);
	destroy();
}

TEST(a_cache_without_memory_is_an_error_with_a_sentence)
{
	static void *pages[PAGES];
	struct vm_cache *cache;
	unsigned count;
	void *thing;

	create(0);
	cache = new_cache(NULL);
	count = fill(pages);
	CHECK_INT(vm_cache_alloc(cache, 0, &thing), -ENOMEM);
	CHECK(vm_last_error()[0] != '\0');
	CHECK_INT(stat_of(cache).failures, 1);
	CHECK_INT(vm_cache_alloc(cache, VM_MEMORY_SYSTEM, &thing), 0);
	vm_cache_free(cache, thing);
	unfill(pages, count);
	CHECK_INT(vm_cache_destroy(cache), 0);
	destroy();
}

TEST(a_cache_that_cannot_be_noted_is_an_error)
{
	struct vm_cache_options o = VM_CACHE_INIT;
	struct vm_cache *cache;

	create(0);
	o.bytes = 1;
	atomic_store(&faulty.fail_at, atomic_load(&faulty.calls) + 1);
	CHECK_INT(vm_cache_create(vm, &o, &cache), -ENOMEM);
	destroy();
}

TEST(things_are_aligned_and_apart_in_slabs_that_waste_little)
{
	static const uint64_t sizes[] = { 1, 16, 40, 200, 512, 1000, 2048,
		4096, 5000, 32768 };
	static void *things[40];

	create(0);
	for (unsigned i = 0; i < VM_COUNT(sizes); i++)
		for (uint64_t align = 16; align <= PAGE; align *= 16) {
			struct vm_cache_options o = VM_CACHE_INIT;
			unsigned n = sizes[i] > PAGE ? 4 : 40;
			struct vm_cache *cache;

			o.bytes = sizes[i];
			o.align_bytes = align;
			CHECK_INT(vm_cache_create(vm, &o, &cache), 0);
			for (unsigned k = 0; k < n; k++) {
				things[k] = thing_of(cache);
				CHECK_INT((uintptr_t)things[k] % align, 0);
				memset(things[k], (int)k, sizes[i]);
			}
			for (unsigned k = 0; k < n; k++) {
				CHECK(all(things[k], (unsigned char)k,
				    sizes[i]));
				vm_cache_free(cache, things[k]);
			}
			CHECK_INT(vm_cache_destroy(cache), 0);
		}
	CHECK_INT(free_pages(), PAGES);
	destroy();
}

/* Slabs in use are filled first, so that the others can go. */
TEST(only_slabs_without_a_thing_go_and_they_are_used_last)
{
	enum { THINGS = 60 };
	static void *things[THINGS];
	struct vm_cache *cache;
	uint64_t bytes;

	create(0);
	cache = new_cache(NULL);
	for (unsigned i = 0; i < THINGS; i++)
		things[i] = thing_of(cache);
	bytes = stat_of(cache).memory_bytes;
	CHECK(bytes >= 3 * PAGE);
	for (unsigned i = 1; i < THINGS; i++)
		vm_cache_free(cache, things[i]);
	for (unsigned i = 1; i < 5; i++)
		things[i] = thing_of(cache);
	CHECK_INT(vm_cache_reclaim(cache, UINT64_MAX), bytes - PAGE);
	CHECK_INT(stat_of(cache).memory_bytes, PAGE);
	for (unsigned i = 0; i < 5; i++)
		vm_cache_free(cache, things[i]);
	CHECK_INT(vm_cache_destroy(cache), 0);
	CHECK_INT(seen.made, seen.unmade);
	destroy();
}

TEST(a_thing_that_is_not_out_or_of_another_cache_dies)
{
	struct vm_cache *cache, *other;
	char *thing, *second;

	create(0);
	cache = new_cache(NULL);
	other = new_cache(NULL);
	thing = thing_of(cache);
	second = thing_of(cache);
	CHECK_DIES(vm_cache_free(other, thing));
	CHECK_DIES(vm_cache_free(cache, thing + 16));
	CHECK_DIES(vm_cache_free(cache, &other));
	CHECK_DIES(vm_cache_free(cache, got(PAGE, 0)));
	vm_cache_free(cache, second);
	CHECK_DIES(vm_cache_free(cache, second));
	vm_cache_free(cache, thing);
	CHECK_DIES(vm_cache_free(cache, thing));
	CHECK_INT(vm_cache_destroy(cache), 0);
	CHECK_INT(vm_cache_destroy(other), 0);
	destroy();
}

TEST(a_cache_of_which_something_is_out_stays_and_its_system_too)
{
	struct vm_cache *cache;
	void *thing;

	create(0);
	cache = new_cache(NULL);
	CHECK_INT(vm_destroy(vm), -EBUSY);
	thing = thing_of(cache);
	CHECK_INT(vm_cache_destroy(cache), -EBUSY);
	vm_cache_free(cache, thing);
	CHECK_INT(vm_cache_destroy(cache), 0);
	destroy();
}

TEST(no_cache_ends_in_a_destructor)
{
	struct vm_cache *cache, *other;

	create(0);
	other = new_cache(NULL);
	cache = new_cache(NULL);
	vm_cache_free(cache, thing_of(cache));
	seen.end_in_destructor = other;
	CHECK_INT(vm_cache_destroy(cache), 0);
	CHECK_INT(seen.said, -EDEADLK);
	seen.end_in_destructor = NULL;
	CHECK_INT(vm_cache_destroy(other), 0);
	destroy();
}

TEST(an_account_is_charged_for_slabs_and_its_maximum_is_kept)
{
	struct vm_account *account;
	struct vm_cache *cache;
	void *things[2 * PAGE / THING];
	unsigned n = 0;

	create(0);
	account = new_account(PAGE, 0);
	cache = new_cache(account);
	while (vm_cache_alloc(cache, 0, &things[n]) == 0)
		n++;
	CHECK(n > PAGE / THING / 2);
	CHECK_INT(charged(account, false), PAGE);
	while (n > 0)
		vm_cache_free(cache, things[--n]);
	CHECK_INT(charged(account, false), PAGE);
	CHECK_INT(vm_account_destroy(account), -EBUSY);
	CHECK_INT(vm_cache_reclaim(cache, 1), PAGE);
	CHECK_INT(vm_account_destroy(account), -EBUSY);
	CHECK_INT(vm_cache_destroy(cache), 0);
	CHECK_INT(charged(account, false), 0);
	CHECK_INT(vm_account_destroy(account), 0);
	destroy();
}

TEST(a_slab_that_cannot_be_had_is_not_charged)
{
	static void *pages[PAGES];
	struct vm_account *account;
	struct vm_cache *cache;
	unsigned count;
	void *thing;

	create(0);
	account = new_account(0, 0);
	cache = new_cache(account);
	count = fill(pages);
	CHECK_INT(vm_cache_alloc(cache, 0, &thing), -ENOMEM);
	CHECK_INT(charged(account, false), 0);
	unfill(pages, count);
	CHECK_INT(vm_cache_destroy(cache), 0);
	CHECK_INT(vm_account_destroy(account), 0);
	destroy();
}

static void *
get_and_put(void *arg)
{
	struct vm_cache *cache = arg;
	void *things[8];

	for (unsigned i = 0; i < 2000; i++) {
		for (unsigned k = 0; k < 8; k++)
			things[k] = thing_of(cache);
		for (unsigned k = 0; k < 8; k++) {
			*((uint32_t *)things[k] + 1) = i;
			CHECK_INT(*((uint32_t *)things[k] + 1), i);
			vm_cache_free(cache, things[k]);
		}
		if (i % 64 == 0)
			(void)vm_cache_reclaim(cache, PAGE);
	}
	return NULL;
}

TEST(threads_that_get_put_and_reclaim_lose_nothing)
{
	struct vm_cache *cache;
	pthread_t threads[4];

	create(0);
	cache = new_cache(NULL);
	for (unsigned i = 0; i < 4; i++)
		CHECK(pthread_create(&threads[i], NULL, get_and_put,
		    cache) == 0);
	for (unsigned i = 0; i < 4; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	CHECK_INT(stat_of(cache).out, 0);
	CHECK_INT(stat_of(cache).free, seen.made - seen.unmade);
	CHECK_INT(vm_cache_destroy(cache), 0);
	CHECK_INT(seen.made, seen.unmade);
	CHECK_INT(free_pages(), PAGES);
	destroy();
}

static void *
reclaim_all(void *arg)
{
	(void)arg;
	(void)vm_memory_reclaim(vm, UINT64_MAX);
	return NULL;
}

static _Atomic bool ended;

static void *
end_cache(void *arg)
{
	CHECK_INT(vm_cache_destroy(arg), 0);
	atomic_store(&ended, true);
	return NULL;
}

/* Many yields: whoever does not wait is through long before. */
TEST(a_cache_ends_only_when_a_reclaim_has_left_it)
{
	struct vm_cache *cache;
	pthread_t reclaimer, ender;

	create(0);
	atomic_store(&ended, false);
	cache = new_cache(NULL);
	vm_cache_free(cache, thing_of(cache));
	seen.linger = true;
	CHECK(pthread_create(&reclaimer, NULL, reclaim_all, NULL) == 0);
	while (!atomic_load(&seen.entered))
		vm->os->yield();
	CHECK(pthread_create(&ender, NULL, end_cache, cache) == 0);
	for (unsigned i = 0; i < 10000; i++) {
		CHECK(!atomic_load(&ended));
		vm->os->yield();
	}
	atomic_store(&seen.go_on, true);
	CHECK(pthread_join(reclaimer, NULL) == 0);
	CHECK(pthread_join(ender, NULL) == 0);
	CHECK(atomic_load(&ended));
	destroy();
}

TEST(caches_that_cannot_be_are_refused)
{
	struct vm_cache_options o = VM_CACHE_INIT;
	struct vm_cache_stat s = { .size_bytes = 0 };
	struct vm_cache *cache = NULL;
	void *thing;

	create(0);
	CHECK_INT(vm_cache_create(vm, NULL, &cache), -EINVAL);
	CHECK_INT(vm_cache_create(vm, &o, NULL), -EINVAL);
	CHECK_INT(vm_cache_create(vm, &o, &cache), -EINVAL);
	o.bytes = 8 * PAGE + 1;
	CHECK_INT(vm_cache_create(vm, &o, &cache), -EINVAL);
	o.bytes = 8;
	o.align_bytes = 24;
	CHECK_INT(vm_cache_create(vm, &o, &cache), -EINVAL);
	o.align_bytes = 2 * PAGE;
	CHECK_INT(vm_cache_create(vm, &o, &cache), -EINVAL);
	o.align_bytes = 0;
	o.name = "a name that has more than 31 char";
	CHECK_INT(vm_cache_create(vm, &o, &cache), -ENAMETOOLONG);
	o.name = NULL;
	CHECK(cache == NULL);
	CHECK_INT(vm_cache_create(vm, &o, &cache), 0);
	CHECK_INT(vm_cache_alloc(cache, VM_MEMORY_ZERO, &thing), -EINVAL);
	CHECK_INT(vm_cache_alloc(cache, 0, NULL), -EINVAL);
	CHECK_INT(vm_cache_stat(cache, &s), -EINVAL);
	CHECK_INT(vm_cache_destroy(cache), 0);
	destroy();
}
