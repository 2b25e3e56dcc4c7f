/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory of any size, within the limit. */
#include "memory_fixture.h"

static int
aligned(uint64_t bytes, uint64_t align, void **out)
{
	struct vm_memory_request r = VM_MEMORY_REQUEST_INIT;

	r.bytes = bytes;
	r.align_bytes = align;
	return vm_memory_alloc(vm, &r, out);
}

TEST(memory_is_of_the_next_size_or_of_whole_pages)
{
	static const uint64_t pairs[][2] = { { 1, 16 }, { 16, 16 },
		{ 17, 32 }, { 33, 48 }, { 49, 64 }, { 65, 96 }, { 97, 128 },
		{ 129, 192 }, { 1025, 1536 }, { 1537, 2048 }, { 2049, PAGE },
		{ PAGE, PAGE }, { PAGE + 1, 2 * PAGE },
		{ 20 * PAGE - 1, 20 * PAGE } };

	create(0);
	for (unsigned i = 0; i < VM_COUNT(pairs); i++) {
		void *memory = got(pairs[i][0], 0);

		CHECK_INT(memory_stat().used_bytes, pairs[i][1]);
		memset(memory, 1, pairs[i][0]);
		vm_memory_free(vm, memory, pairs[i][0], NULL);
		CHECK_INT(memory_stat().used_bytes, 0);
	}
	destroy();
}

TEST(memory_is_aligned_as_asked_for)
{
	void *memory;

	create(0);
	for (uint64_t bytes = 1; bytes <= 5 * PAGE; bytes = bytes * 3 + 1)
		for (uint64_t align = 1; align <= 16 * PAGE; align *= 2) {
			CHECK_INT(aligned(bytes, align, &memory), 0);
			CHECK_INT((uintptr_t)memory % align, 0);
			CHECK_INT((uintptr_t)memory % 16, 0);
			memset(memory, 1, bytes);
			vm_memory_free(vm, memory, bytes, NULL);
		}
	CHECK_INT(memory_stat().used_bytes, 0);
	destroy();
}

TEST(zeros_are_zeros_whatever_was_there)
{
	static const uint64_t sizes[] = { 40, 2000, PAGE, 5 * PAGE,
		20 * PAGE };

	create(0);
	for (unsigned i = 0; i < VM_COUNT(sizes); i++) {
		void *memory = got(sizes[i], 0);

		memset(memory, 0xff, sizes[i]);
		vm_memory_free(vm, memory, sizes[i], NULL);
		memory = got(sizes[i], VM_MEMORY_ZERO);
		CHECK(all(memory, 0, sizes[i]));
		vm_memory_free(vm, memory, sizes[i], NULL);
	}
	destroy();
}

TEST(requests_that_cannot_be_are_refused)
{
	struct vm_memory_request r = VM_MEMORY_REQUEST_INIT;
	struct vm_memory_stat s = { .size_bytes = 0 };
	void *memory = NULL;

	create(0);
	CHECK_INT(vm_memory_alloc(vm, NULL, &memory), -EINVAL);
	CHECK_INT(vm_memory_alloc(vm, &r, NULL), -EINVAL);
	CHECK_INT(vm_memory_alloc(vm, &r, &memory), -EINVAL);
	CHECK_INT(aligned(16, 48, &memory), -EINVAL);
	CHECK_INT(aligned(16, UINT64_C(2048) * PAGE, &memory), -EINVAL);
	CHECK_INT(get(16, 0x100, NULL, &memory), -EINVAL);
	CHECK_INT(get(1024 * PAGE + 1, 0, NULL, &memory), -E2BIG);
	CHECK_INT(get(UINT64_MAX, 0, NULL, &memory), -E2BIG);
	CHECK_INT(vm_memory_stat(vm, &s), -EINVAL);
	/* More than the limit is not waited for. */
	CHECK_INT(get((PAGES + 1) * PAGE, VM_MEMORY_WAIT, NULL, &memory),
	    -ENOMEM);
	CHECK(memory == NULL);
	CHECK(strstr(vm_last_error(), "more than the limit") != NULL);
	vm_memory_free(vm, NULL, 7, NULL);
	destroy();
}

/* R08: the second time round nothing needs a page. */
TEST(memory_of_any_size_comes_from_what_was_freed_and_none_leaks)
{
	enum { SLOTS = 100 };
	static struct { unsigned char *memory; uint64_t bytes; } slot[SLOTS];
	struct vm_rng rng = { .state = check_seed() };
	struct vm_memory_stat s;
	uint64_t used;

	create(0);
	for (unsigned i = 0; i < 20000; i++) {
		unsigned k = (unsigned)vm_rng_below(&rng, SLOTS);

		if (slot[k].memory != NULL) {
			CHECK(all(slot[k].memory, (unsigned char)k,
			    slot[k].bytes));
			vm_memory_free(vm, slot[k].memory, slot[k].bytes,
			    NULL);
			slot[k].memory = NULL;
			continue;
		}
		slot[k].bytes = 1 + vm_rng_below(&rng, i % 8 == 0 ?
		    3 * PAGE : 600);
		slot[k].memory = got(slot[k].bytes, 0);
		memset(slot[k].memory, (int)k, slot[k].bytes);
	}
	for (unsigned k = 0; k < SLOTS; k++)
		vm_memory_free(vm, slot[k].memory, slot[k].bytes, NULL);
	s = memory_stat();
	CHECK_INT(s.used_bytes, 0);
	CHECK_INT(s.allocs, s.frees);
	CHECK(s.hits > s.allocs * 8 / 10);
	CHECK(free_pages() < PAGES);
	used = vm_used_bytes(vm);
	CHECK_INT(vm_memory_reclaim(vm, UINT64_MAX), used);
	CHECK_INT(free_pages(), PAGES);
	CHECK_INT(memory_stat().kept_pages, 0);
	destroy();
}

TEST(runs_of_up_to_eight_pages_are_kept_for_the_next_one)
{
	void *memory;

	create(0);
	for (uint64_t n = 1; n <= 9; n++) {
		memory = got(n * PAGE, 0);
		vm_memory_free(vm, memory, n * PAGE, NULL);
		CHECK_INT(memory_stat().kept_pages, n <= 8 ? n : 0);
		if (n <= 8) {
			uint64_t hits = memory_stat().hits;

			CHECK(got(n * PAGE, 0) == memory);
			CHECK_INT(memory_stat().hits, hits + 1);
			vm_memory_free(vm, memory, n * PAGE, NULL);
		}
		CHECK_INT(vm_memory_reclaim(vm, 1), n <= 8 ? n * PAGE : 0);
	}
	destroy();
}

/* The daemon would take it back sooner or later: who waits gets it at once. */
TEST(no_run_is_kept_while_somebody_waits)
{
	void *memory;

	create(0);
	memory = got(3 * PAGE, 0);
	atomic_fetch_add(&vm->limit.waiting, 1);
	vm_memory_free(vm, memory, 3 * PAGE, NULL);
	CHECK_INT(memory_stat().kept_pages, 0);
	atomic_fetch_sub(&vm->limit.waiting, 1);
	destroy();
}

TEST(memory_that_is_not_out_or_of_another_size_dies)
{
	char *small, *large;

	create(0);
	small = got(100, 0);
	large = got(3 * PAGE, 0);
	CHECK_DIES(vm_memory_free(vm, small, 200, NULL));
	CHECK_DIES(vm_memory_free(vm, small, 0, NULL));
	CHECK_DIES(vm_memory_free(vm, small + 16, 100, NULL));
	CHECK_DIES(vm_memory_free(vm, large, 2 * PAGE, NULL));
	CHECK_DIES(vm_memory_free(vm, large, 3 * PAGE + 1, NULL));
	CHECK_DIES(vm_memory_free(vm, large + PAGE, 2 * PAGE, NULL));
	CHECK_DIES(vm_memory_free(vm, &small, 100, NULL));
	vm_memory_free(vm, small, 100, NULL);
	CHECK_DIES(vm_memory_free(vm, small, 100, NULL));
	vm_memory_free(vm, large, 3 * PAGE, NULL);
	CHECK_DIES(vm_memory_free(vm, large, 3 * PAGE, NULL));
	destroy();
}

/* R82 */
TEST(a_system_stays_while_memory_is_out_and_nothing_is_used_at_its_end)
{
	void *memory;

	create(0);
	memory = got(100, 0);
	CHECK_INT(vm_destroy(vm), -EBUSY);
	CHECK(strstr(vm_last_error(), "128 bytes") != NULL);
	vm_memory_free(vm, memory, 100, NULL);
	CHECK_INT(memory_stat().used_bytes, 0);
	CHECK_INT(vm_memory_reclaim(vm, UINT64_MAX), PAGE);
	CHECK_INT(vm_used_bytes(vm), 0);
	destroy();
}

/* R81 */
TEST(what_is_refused_is_not_charged)
{
	static void *pages[PAGES];
	struct vm_account *account;
	uint64_t used;
	unsigned count;
	void *memory;

	create(0);
	account = new_account(8 * PAGE, 0);
	CHECK_INT(get(9 * PAGE, 0, account, &memory), -ENOMEM);
	CHECK(strstr(vm_last_error(), "owner") != NULL);
	CHECK_INT(charged(account, false), 0);
	CHECK_INT(get(8 * PAGE - 5, 0, account, &memory), 0);
	CHECK_INT(charged(account, false), 8 * PAGE);
	CHECK_INT(get(1, 0, account, pages), -ENOMEM);
	vm_memory_free(vm, memory, 8 * PAGE - 5, account);
	(void)vm_memory_reclaim(vm, UINT64_MAX);
	CHECK_INT(charged(account, false), 0);
	count = fill(pages);
	used = vm_used_bytes(vm);
	CHECK_INT(get(PAGE, 0, account, &memory), -ENOMEM);
	CHECK_INT(get(100, 0, account, &memory), -ENOMEM);
	CHECK_INT(charged(account, false), 0);
	CHECK_INT(vm_used_bytes(vm), used);
	CHECK(memory_stat().failures >= 4);
	unfill(pages, count);
	CHECK_INT(vm_account_destroy(account), 0);
	destroy();
}

/* R81: enough is free, but not together; a wait ends, too. */
TEST(a_run_that_cannot_be_had_is_not_charged)
{
	static void *pages[PAGES];
	struct vm_account *account;
	uint64_t used;
	unsigned count;
	void *memory;

	create(1);
	account = new_account(0, 0);
	count = fill(pages);
	for (unsigned i = 0; i < count; i++)
		if (((uintptr_t)pages[i] / PAGE) % 4 == 1) {
			vm_memory_free(vm, pages[i], PAGE, NULL);
			pages[i] = NULL;
		}
	(void)vm_memory_reclaim(vm, UINT64_MAX);
	used = vm_used_bytes(vm);
	CHECK(free_pages() > 40);
	CHECK_INT(get(16 * PAGE, 0, account, &memory), -ENOMEM);
	CHECK_INT(get(16 * PAGE, VM_MEMORY_WAIT, account, &memory), -ENOMEM);
	CHECK_INT(charged(account, false), 0);
	CHECK_INT(vm_used_bytes(vm), used);
	CHECK_INT(memory_stat().used_bytes, used);
	for (unsigned i = 0; i < count; i++)
		vm_memory_free(vm, pages[i], PAGE, NULL);
	CHECK_INT(vm_account_destroy(account), 0);
	destroy();
}

/* Each holds what it got until all have been refused. */
static struct {
	_Atomic unsigned full;
	_Atomic uint64_t pages;
} crowd;

static void *
fill_up(void *arg)
{
	void *mine[PAGES];
	unsigned n = 0;

	(void)arg;
	while (get(PAGE, 0, NULL, &mine[n]) == 0) {
		memset(mine[n], (int)n, PAGE);
		CHECK(vm_used_bytes(vm) <= PAGES * PAGE);
		n++;
	}
	atomic_fetch_add(&crowd.pages, n);
	atomic_fetch_add(&crowd.full, 1);
	while (atomic_load(&crowd.full) < 4)
		vm->os->yield();
	while (n-- > 0) {
		CHECK(all(mine[n], (unsigned char)n, PAGE));
		vm_memory_free(vm, mine[n], PAGE, NULL);
	}
	return NULL;
}

/* R80 */
TEST(threads_that_fill_memory_never_exceed_the_limit)
{
	pthread_t threads[4];

	create(0);
	memset(&crowd, 0, sizeof(crowd));
	for (unsigned i = 0; i < 4; i++)
		CHECK(pthread_create(&threads[i], NULL, fill_up, NULL) == 0);
	for (unsigned i = 0; i < 4; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	CHECK(crowd.pages <= PAGES);
	CHECK(crowd.pages > PAGES / 2);
	CHECK_INT(memory_stat().used_bytes, 0);
	destroy();
}

static void *
wait_for_some(void *arg)
{
	CHECK_INT(get((uint64_t)(uintptr_t)arg, VM_MEMORY_WAIT, NULL,
	    (void *[]){ NULL }), -ECANCELED);
	return NULL;
}

static void *waited_for;

static void *
wait_for_one(void *arg)
{
	CHECK_INT(get(*(uint64_t *)arg, VM_MEMORY_WAIT, NULL, &waited_for),
	    0);
	return NULL;
}

static void
until_one_waits(void)
{
	while (atomic_load(&vm->limit.waiting) == 0)
		vm->os->yield();
}

/* R80: and nothing is kept meanwhile. */
TEST(who_waits_goes_on_when_memory_is_freed_and_none_is_kept)
{
	static void *pages[PAGES];
	static uint64_t sizes[] = { 100, PAGE, 2 * PAGE };
	pthread_t waiter;
	unsigned count;

	create(0);
	for (unsigned i = 0; i < VM_COUNT(sizes); i++) {
		count = fill(pages);
		CHECK(pthread_create(&waiter, NULL, wait_for_one, &sizes[i])
		    == 0);
		until_one_waits();
		unfill(pages, count);
		CHECK(pthread_join(waiter, NULL) == 0);
		memset(waited_for, 1, sizes[i]);
		vm_memory_free(vm, waited_for, sizes[i], NULL);
		(void)vm_memory_reclaim(vm, UINT64_MAX);
	}
	destroy();
}

TEST(who_waits_can_be_cancelled)
{
	static void *pages[PAGES];
	pthread_t waiter;
	unsigned count;

	create(0);
	count = fill(pages);
	CHECK(pthread_create(&waiter, NULL, wait_for_some,
	    (void *)(uintptr_t)PAGE) == 0);
	until_one_waits();
	vm_wait_cancel(vm);
	CHECK(pthread_join(waiter, NULL) == 0);
	unfill(pages, count);
	destroy();
}

TEST(the_reserve_is_for_the_system_and_for_threads_that_free_pages)
{
	static void *pages[PAGES];
	struct vm_watermarks marks = { .interrupt = 1, .reserved = 4,
		.severe = 5, .min = 6, .low = 8, .target = 16 };
	struct vm_options o = VM_OPTIONS_INIT;
	void *memory, *more;
	unsigned count;

	o.resident_max_bytes = PAGES * PAGE;
	o.watermarks = &marks;
	create_with(o);
	count = fill(pages);
	CHECK_INT(free_pages(), 4);
	CHECK_INT(get(PAGE, 0, NULL, &memory), -ENOMEM);
	CHECK_INT(get(PAGE, VM_MEMORY_SYSTEM, NULL, &memory), 0);
	vm_limit_reclaimer_enter(&vm->limit);
	CHECK_INT(get(PAGE, 0, NULL, &more), 0);
	vm_limit_reclaimer_leave(&vm->limit);
	vm_memory_free(vm, more, PAGE, NULL);
	vm_memory_free(vm, memory, PAGE, NULL);
	unfill(pages, count);
	destroy();
}

static uint64_t
evicted(void)
{
	struct vm_stat s = VM_STAT_INIT;

	CHECK_INT(vm_stat(vm, &s), 0);
	return s.evicted_clean + s.evicted_dirty;
}

/* Some dirty pages of an anonymous object. */
static struct vm_object *
dirty_object(unsigned count)
{
	struct vm_object *object;
	struct vm_page *page;

	CHECK_INT(vm_object_create_anon(vm, PAGES * PAGE, 0, &object), 0);
	for (unsigned i = 0; i < count; i++) {
		CHECK_INT(vm_page_grab(object, i, VM_GRAB_WRITE, &page), 0);
		memset(vm_page_data(page), 1, PAGE);
		vm_page_dirty(page, 0, PAGE);
		vm_page_release(page);
	}
	return object;
}

/*
 * R18, R74, R76: all that is not an object's page is freed and kept; who waits
 * gets of that, and no page is written or dropped.
 */
TEST(what_is_kept_is_taken_back_before_any_page_of_an_object)
{
	enum { KEPT = 8 };
	struct vm_cache_options o = VM_CACHE_INIT;
	static void *pages[PAGES], *things[PAGES];
	struct vm_object *object;
	struct vm_cache *cache;
	unsigned count, n = 0;
	void *memory;

	create(0);
	object = dirty_object(20);
	o.bytes = 1000;
	CHECK_INT(vm_cache_create(vm, &o, &cache), 0);
	while (n < 60 && vm_cache_alloc(cache, 0, &things[n]) == 0)
		n++;
	count = 0;
	while (vm_available(vm, 1) > vm->limit.low && get(PAGE, 0, NULL,
	    &pages[count]) == 0)
		count++;
	while (n > 0)
		vm_cache_free(cache, things[--n]);
	for (unsigned i = 0; i < KEPT; i++)
		vm_memory_free(vm, pages[--count], PAGE, NULL);
	CHECK_INT(evicted(), 0);
	CHECK_INT(get(6 * PAGE, VM_MEMORY_WAIT, NULL, &memory), 0);
	vm_kick(vm);
	while (memory_stat().reclaimed_pages == 0)
		vm->os->yield();
	CHECK_INT(evicted(), 0);
	vm_memory_free(vm, memory, 6 * PAGE, NULL);
	unfill(pages, count);
	CHECK_INT(vm_cache_destroy(cache), 0);
	CHECK_INT(vm_object_destroy(object), 0);
	destroy();
}

/* The limit is one: pages of objects make room for memory. */
TEST(pages_of_objects_make_room_for_memory_that_waits)
{
	struct vm_object *object;
	void *memory[PAGES];
	unsigned n = 0;

	create(0);
	object = dirty_object(PAGES - 20);
	for (; n < 100; n++)
		memory[n] = got(PAGE, VM_MEMORY_WAIT);
	CHECK(evicted() >= 60);
	while (n > 0)
		vm_memory_free(vm, memory[--n], PAGE, NULL);
	CHECK_INT(vm_object_destroy(object), 0);
	destroy();
}

/* Cached pages are no free ones, but nobody is refused for them. */
TEST(cached_pages_go_before_anybody_is_refused)
{
	static void *pages[PAGES];
	struct vm_object *object;
	struct vm_page *page;
	unsigned count;

	create(0);
	CHECK_INT(vm_object_create_anon(vm, PAGES * PAGE, 0, &object), 0);
	for (unsigned i = 0; i < 30; i++) {
		CHECK_INT(vm_page_grab(object, i, VM_GRAB_WRITE, &page), 0);
		CHECK_INT(vm_page_cache(page), 1);
		vm_page_release(page);
	}
	count = fill(pages);
	CHECK_INT(vm_available(vm, 1), vm_available(vm, 0));
	unfill(pages, count);
	CHECK_INT(vm_object_destroy(object), 0);
	destroy();
}
