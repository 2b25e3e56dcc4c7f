/* SPDX-License-Identifier: BSD-2-Clause */
/* Ranges of addresses, handed out page by page; as callers see them, too
 * (api/region.c). */
#include <sys/mman.h>

#include "memory_fixture.h"

enum { REGION_PAGES = 64 };

static struct vm_region *region;

static void
set_up(struct vm_account *account)
{
	create(0);
	CHECK_INT(vm_region_create(vm, REGION_PAGES * PAGE, account,
	    &region), 0);
}

static void
tear_down(void)
{
	CHECK_INT(vm_region_unref(region), 0);
	CHECK_INT(memory_stat().region_pages, 0);
	(void)vm_memory_reclaim(vm, UINT64_MAX);
	CHECK_INT(free_pages(), PAGES);
	destroy();
}

static struct vm_region_stat
stat_of(struct vm_region *of)
{
	struct vm_region_stat s = VM_REGION_STAT_INIT;

	CHECK_INT(vm_region_stat(of, &s), 0);
	return s;
}

/* Page i of the region. */
static char *
at(unsigned page)
{
	return (char *)stat_of(region).base + page * PAGE;
}

static int
ask(struct vm_region *of, unsigned pages, void *hint, unsigned flags,
    char **out)
{
	struct vm_region_request r = VM_REGION_REQUEST_INIT;

	r.bytes = pages * PAGE;
	r.hint = hint;
	r.flags = flags;
	return vm_region_alloc(of, &r, (void **)out);
}

static char *
take(unsigned pages)
{
	char *memory;

	CHECK_INT(ask(region, pages, NULL, 0, &memory), 0);
	return memory;
}

static char *
take_at(unsigned page, unsigned pages)
{
	char *memory;

	CHECK_INT(ask(region, pages, at(page), VM_REGION_FIXED, &memory), 0);
	CHECK(memory == at(page));
	return memory;
}

static void
give(void *memory, unsigned pages)
{
	CHECK_INT(vm_region_free(region, memory, pages * PAGE), 0);
}

/* R36, R58, R60, R62 */
TEST(only_what_is_handed_out_is_charged_and_can_be_touched)
{
	struct vm_account *account;
	uint64_t before;
	char *memory;

	create(0);
	account = new_account(10 * PAGE, 0);
	before = free_pages();
	CHECK_INT(vm_region_create(vm, REGION_PAGES * PAGE - 1, account,
	    &region), 0);
	CHECK_INT(stat_of(region).bytes, REGION_PAGES * PAGE);
	CHECK_INT(stat_of(region).refs, 1);
	CHECK_INT(free_pages(), before);
	CHECK(!usable(at(0), false));
	memory = take(3);
	CHECK_INT(charged(account, false), 3 * PAGE);
	CHECK(free_pages() <= before - 3);
	CHECK(all(memory, 0, 3 * PAGE));
	memset(memory, 1, 3 * PAGE);
	CHECK(!usable(memory + 3 * PAGE, false));
	CHECK_INT(stat_of(region).used_bytes, 3 * PAGE);
	CHECK_INT(memory_stat().region_pages, 3);
	CHECK_INT(ask(region, 8, NULL, 0, &memory), -ENOMEM);
	CHECK_INT(charged(account, false), 3 * PAGE);
	give(at(0), 3);
	CHECK_INT(charged(account, false), 0);
	CHECK(!usable(at(0), false));
	CHECK_INT(stat_of(region).peak_bytes, 3 * PAGE);
	CHECK_INT(vm_account_destroy(account), -EBUSY);
	CHECK_INT(vm_region_unref(region), 0);
	CHECK_INT(vm_account_destroy(account), 0);
	destroy();
}

TEST(memory_of_a_region_comes_back_as_zeros)
{
	char *memory;

	set_up(NULL);
	memory = take(4);
	memset(memory, 7, 4 * PAGE);
	give(memory + PAGE, 2);
	CHECK(all(memory, 7, PAGE) && all(memory + 3 * PAGE, 7, PAGE));
	CHECK(take(2) == memory + PAGE);
	CHECK(all(memory + PAGE, 0, 2 * PAGE));
	tear_down();
}

/* R56 */
TEST(the_first_gap_that_fits_is_taken)
{
	set_up(NULL);
	(void)take_at(0, 4);
	(void)take_at(6, 4);
	(void)take_at(13, 1);
	CHECK(take(3) == at(10));
	CHECK(take(2) == at(4));
	CHECK(take(1) == at(14));
	CHECK_INT(stat_of(region).longest_bytes, (REGION_PAGES - 15) * PAGE);
	tear_down();
}

/* R56 */
TEST(guards_are_nobodys_and_cannot_be_touched)
{
	char *first, *second;

	set_up(NULL);
	CHECK_INT(ask(region, 2, NULL, VM_REGION_GUARD, &first), 0);
	CHECK(first == at(1));
	CHECK_INT(ask(region, 2, NULL, VM_REGION_GUARD, &second), 0);
	CHECK(second == at(5));
	CHECK_INT(stat_of(region).used_bytes, 4 * PAGE);
	CHECK(!usable(at(0), false) && !usable(at(3), false) &&
	    !usable(at(4), false) && !usable(at(7), false));
	CHECK_INT(ask(region, 1, at(3), VM_REGION_FIXED, &second), -EEXIST);
	CHECK_INT(vm_region_free(region, at(3), PAGE), -EINVAL);
	/* A guard goes with the end that it guards. */
	give(first + PAGE, 1);
	(void)take_at(2, 2);
	CHECK_INT(ask(region, 1, at(0), VM_REGION_FIXED, &second), -EEXIST);
	CHECK_INT(ask(region, 1, at(0), VM_REGION_FIXED | VM_REGION_GUARD,
	    &second), -EINVAL);
	CHECK_INT(ask(region, 1, at(63), VM_REGION_FIXED | VM_REGION_GUARD,
	    &second), -EINVAL);
	CHECK_INT(ask(region, 1, at(62), VM_REGION_FIXED | VM_REGION_GUARD,
	    &second), 0);
	tear_down();
}

/* R42 */
TEST(a_hint_is_where_to_look_first_and_fixed_is_there_or_nowhere)
{
	char *memory;

	set_up(NULL);
	CHECK_INT(ask(region, 2, at(20), 0, &memory), 0);
	CHECK(memory == at(20));
	CHECK_INT(ask(region, 2, at(21), 0, &memory), 0);
	CHECK(memory == at(22));
	CHECK_INT(ask(region, 30, at(40), 0, &memory), 0);
	CHECK(memory == at(24));
	CHECK_INT(ask(region, 2, at(62), 0, &memory), 0);
	CHECK_INT(ask(region, 2, at(62), 0, &memory), 0);
	CHECK(memory == at(0));
	CHECK_INT(ask(region, 1, &memory, 0, &memory), 0);
	CHECK(memory == at(2));
	CHECK_INT(ask(region, 2, at(19), VM_REGION_FIXED, &memory), -EEXIST);
	CHECK_INT(ask(region, 2, at(18), VM_REGION_FIXED, &memory), 0);
	CHECK_INT(ask(region, 1, at(3) + 1, VM_REGION_FIXED, &memory),
	    -EINVAL);
	CHECK_INT(ask(region, 1, at(64), VM_REGION_FIXED, &memory), -EINVAL);
	CHECK_INT(ask(region, 1, at(0) - PAGE, VM_REGION_FIXED, &memory),
	    -EINVAL);
	CHECK_INT(ask(region, 3, at(62), VM_REGION_FIXED, &memory), -EINVAL);
	CHECK_INT(ask(region, 1, NULL, VM_REGION_FIXED, &memory), -EINVAL);
	tear_down();
}

TEST(a_random_place_is_anywhere_and_none_is_missed)
{
	bool other = false;
	char *memory;

	set_up(NULL);
	for (unsigned i = 0; i < REGION_PAGES; i++) {
		CHECK_INT(ask(region, 1, NULL, VM_REGION_RANDOM, &memory), 0);
		other |= memory != at(i);
	}
	CHECK(other);
	CHECK_INT(ask(region, 1, NULL, VM_REGION_RANDOM, &memory), -ENOSPC);
	tear_down();
}

TEST(addresses_are_aligned_as_asked_for)
{
	struct vm_region_request r = VM_REGION_REQUEST_INIT;
	void *memory;

	set_up(NULL);
	r.bytes = PAGE;
	for (r.align_bytes = 1; r.align_bytes <= 16 * PAGE;
	    r.align_bytes *= 2) {
		CHECK_INT(vm_region_alloc(region, &r, &memory), 0);
		CHECK_INT((uintptr_t)memory % r.align_bytes, 0);
	}
	r.align_bytes = 3;
	CHECK_INT(vm_region_alloc(region, &r, &memory), -EINVAL);
	tear_down();
}

/* R59 */
TEST(any_part_of_what_was_handed_out_can_be_given_back)
{
	char *memory;

	set_up(NULL);
	memory = take(10);
	memset(memory, 5, 10 * PAGE);
	give(memory, 2);		/* the front */
	give(memory + 8 * PAGE, 2);	/* the back */
	give(memory + 4 * PAGE, 1);	/* from within */
	CHECK_INT(stat_of(region).ranges, 2);
	CHECK_INT(stat_of(region).used_bytes, 5 * PAGE);
	CHECK_INT(memory_stat().region_pages, 5);
	CHECK(all(memory + 2 * PAGE, 5, 2 * PAGE));
	CHECK(all(memory + 5 * PAGE, 5, 3 * PAGE));
	CHECK(!usable(memory + 4 * PAGE, false));
	CHECK_INT(vm_region_free(region, memory + 3 * PAGE, 2 * PAGE),
	    -EINVAL);
	CHECK_INT(vm_region_free(region, memory + 4 * PAGE, PAGE), -EINVAL);
	CHECK_INT(stat_of(region).used_bytes, 5 * PAGE);
	/* And several ranges at once, in part. */
	(void)take_at(4, 1);
	give(memory + 3 * PAGE, 3);
	CHECK_INT(stat_of(region).used_bytes, 3 * PAGE);
	CHECK_INT(stat_of(region).ranges, 2);
	tear_down();
}

/* R57 */
TEST(pages_are_used_as_they_are_protected)
{
	char *memory;

	set_up(NULL);
	memory = take(4);
	memset(memory, 3, 4 * PAGE);
	CHECK_INT(vm_region_protect(region, memory + PAGE, 2 * PAGE,
	    VM_PROT_READ), 0);
	CHECK_INT(stat_of(region).ranges, 3);
	CHECK(usable(memory + PAGE, false) && !usable(memory + PAGE, true));
	CHECK(usable(memory, true) && usable(memory + 3 * PAGE, true));
	CHECK_INT(vm_region_protect(region, memory + 2 * PAGE, PAGE, 0), 0);
	CHECK(!usable(memory + 2 * PAGE, false));
	CHECK_INT(vm_region_protect(region, memory, 4 * PAGE, VM_PROT_READ |
	    VM_PROT_WRITE | VM_PROT_EXEC), 0);
	CHECK(all(memory, 3, 4 * PAGE));
	CHECK_INT(stat_of(region).used_bytes, 4 * PAGE);
	CHECK_INT(vm_region_protect(region, memory, 5 * PAGE, 0), -EINVAL);
	CHECK_INT(vm_region_protect(region, memory, PAGE, 8), -EINVAL);
	CHECK_INT(vm_region_protect(region, memory + 1, PAGE, 0), -EINVAL);
	CHECK_INT(vm_region_protect(region, memory, 0, 0), -EINVAL);
	tear_down();
}

/* R60: x86 code that returns 7, where it is run. */
TEST(code_can_be_run_where_that_was_asked_for)
{
	char *memory;

	set_up(NULL);
	CHECK_INT(ask(region, 1, NULL, VM_REGION_EXEC, &memory), 0);
	CHECK(usable(memory, true));
#ifdef __x86_64__
	{
		static const unsigned char code[] = { 0xb8, 7, 0, 0, 0, 0xc3 };
		int (*seven)(void);

		memcpy(memory, code, sizeof(code));
		memcpy(&seven, &memory, sizeof(seven));
		CHECK_INT(seven(), 7);
	}
#endif
	tear_down();
}

/* R61 */
TEST(a_submap_is_a_region_in_a_range_of_another_which_it_keeps)
{
	struct vm_region_request r = VM_REGION_REQUEST_INIT;
	struct vm_account *account;
	struct vm_region *sub, *subsub;
	char *memory;

	set_up(NULL);
	account = new_account(0, 0);
	(void)take(1);
	r.bytes = 8 * PAGE;
	CHECK_INT(vm_region_suballoc(region, &r, account, &sub), 0);
	CHECK(stat_of(sub).base == at(1));
	CHECK_INT(stat_of(sub).bytes, 8 * PAGE);
	CHECK_INT(stat_of(region).used_bytes, PAGE);
	CHECK_INT(stat_of(region).regions, 1);
	CHECK(!usable(at(1), false));
	CHECK(take(1) == at(9));
	CHECK_INT(ask(sub, 3, NULL, 0, &memory), 0);
	CHECK(memory == at(1));
	memset(memory, 1, 3 * PAGE);
	CHECK_INT(charged(account, false), 3 * PAGE);
	CHECK_INT(ask(sub, 6, NULL, 0, &memory), -ENOSPC);
	CHECK_INT(ask(sub, 9, NULL, 0, &memory), -ENOSPC);
	/* Its range is not the parent's to change. */
	CHECK_INT(vm_region_free(region, at(1), PAGE), -EINVAL);
	CHECK_INT(vm_region_protect(region, at(0), 3 * PAGE, 0), -EINVAL);
	CHECK_INT(vm_region_purge(region), 0);
	CHECK_INT(stat_of(region).used_bytes, 0);
	CHECK(all(at(1), 1, 3 * PAGE));
	r.bytes = 2 * PAGE;
	CHECK_INT(vm_region_suballoc(sub, &r, NULL, &subsub), 0);
	CHECK_INT(ask(subsub, 2, NULL, 0, &memory), 0);
	CHECK_INT(charged(account, false), 5 * PAGE);
	CHECK_INT(vm_region_unref(sub), 0);
	CHECK_INT(vm_region_unref(region), 0);
	memset(memory, 1, 2 * PAGE);
	CHECK_INT(vm_destroy(vm), -EBUSY);
	CHECK_INT(vm_region_unref(subsub), 0);
	CHECK_INT(memory_stat().regions, 0);
	CHECK_INT(vm_account_destroy(account), 0);
	destroy();
}

/* R61 */
TEST(what_a_submap_had_is_free_again_when_it_ends)
{
	struct vm_region_request r = VM_REGION_REQUEST_INIT;
	struct vm_region *sub;
	char *memory;

	set_up(NULL);
	r.bytes = 8 * PAGE;
	CHECK_INT(vm_region_suballoc(region, &r, NULL, &sub), 0);
	CHECK_INT(ask(sub, 3, NULL, 0, &memory), 0);
	memset(memory, 1, 3 * PAGE);
	CHECK_INT(vm_region_unref(sub), 0);
	CHECK_INT(memory_stat().region_pages, 0);
	CHECK_INT(stat_of(region).regions, 0);
	CHECK_INT(stat_of(region).refs, 1);
	CHECK(!usable(at(0), false));
	CHECK(take(8) == at(0));
	CHECK(all(at(0), 0, 8 * PAGE));
	tear_down();
}

/* R66 */
TEST(the_last_reference_ends_a_region_with_all_that_is_in_it)
{
	char *memory;

	set_up(NULL);
	memory = take(5);
	vm_region_ref(region);
	CHECK_INT(stat_of(region).refs, 2);
	CHECK_INT(vm_region_unref(region), 0);
	memset(memory, 1, 5 * PAGE);
	CHECK_INT(memory_stat().region_pages, 5);
	CHECK_INT(vm_destroy(vm), -EBUSY);
	CHECK_INT(vm_region_unref(region), 0);
	CHECK_INT(memory_stat().region_pages, 0);
	CHECK(!usable(memory, false));
	destroy();
}

TEST(a_purge_frees_all_but_what_is_wired)
{
	char *memory;

	set_up(NULL);
	memory = take(2);
	(void)take(3);
	CHECK_INT(vm_user_wire(vm, NULL, memory + PAGE, 1), 0);
	CHECK_INT(vm_region_purge(region), -EBUSY);
	CHECK_INT(stat_of(region).used_bytes, 2 * PAGE);
	CHECK_INT(vm_region_free(region, memory, 2 * PAGE), -EBUSY);
	CHECK_INT(vm_region_unref(region), -EBUSY);
	give(memory, 1);
	CHECK_INT(vm_user_unwire(vm, NULL, memory + PAGE, 1), 0);
	CHECK_INT(vm_region_purge(region), 0);
	CHECK_INT(stat_of(region).used_bytes, 0);
	tear_down();
}

/* The limit is one: R58, R60, with CANFAIL an error. */
TEST(a_region_gets_no_page_beyond_the_limit)
{
	struct vm_region *large;
	char *memory;
	uint64_t used;

	create(1);
	CHECK_INT(vm_region_create(vm, UINT64_C(1) << 36, NULL, &large), 0);
	used = vm_used_bytes(vm);
	CHECK_INT(ask(large, PAGES + 1, NULL, VM_MEMORY_WAIT, &memory),
	    -ENOMEM);
	CHECK_INT(ask(large, PAGES, NULL, 0, &memory), -ENOMEM);
	CHECK_INT(ask(large, PAGES, NULL, VM_MEMORY_WAIT, &memory), -ENOMEM);
	CHECK_INT(vm_used_bytes(vm), used);
	CHECK_INT(ask(large, PAGES - 40, NULL, 0, &memory), 0);
	CHECK_INT(memory_stat().region_pages, PAGES - 40);
	CHECK_INT(ask(large, 41, NULL, 0, &memory), -ENOMEM);
	CHECK_INT(vm_region_unref(large), 0);
	destroy();
}

TEST(pages_that_a_region_does_not_get_are_not_charged)
{
	static void *pages[PAGES];
	struct vm_account *account;
	uint64_t before;
	unsigned count;
	char *memory;

	create(0);
	account = new_account(0, 0);
	CHECK_INT(vm_region_create(vm, REGION_PAGES * PAGE, account,
	    &region), 0);
	give(take(1), 1);	/* what ranges are noted in is there */
	before = charged(account, false);
	count = fill(pages);
	CHECK_INT(ask(region, 2, NULL, 0, &memory), -ENOMEM);
	CHECK_INT(charged(account, false), before);
	unfill(pages, count);
	CHECK_INT(vm_region_unref(region), 0);
	CHECK_INT(vm_account_destroy(account), 0);
	destroy();
}

/* What is freed in whole needs no memory to note it. */
TEST(a_region_can_be_freed_when_there_is_no_memory)
{
	static void *pages[PAGES], *more[PAGES], *ranges[PAGES];
	unsigned count, n = 0, k = 0;
	char *memory;

	set_up(NULL);
	memory = take(3);
	count = fill(pages);
	while (get(PAGE, VM_MEMORY_SYSTEM, NULL, &more[n]) == 0)
		n++;
	/* Nor any left of what ranges are noted in. */
	while (vm_cache_get(&vm->memory->ranges, VM_MEMORY_SYSTEM,
	    &ranges[k], NULL) == 0)
		k++;
	CHECK_INT(vm_region_free(region, memory + PAGE, PAGE), -ENOMEM);
	CHECK_INT(vm_region_protect(region, memory + PAGE, PAGE, 0),
	    -ENOMEM);
	CHECK_INT(stat_of(region).used_bytes, 3 * PAGE);
	give(memory, 3);
	while (k > 0)
		vm_cache_put(&vm->memory->ranges, ranges[--k]);
	unfill(pages, count);
	unfill(more, n);
	tear_down();
}

TEST(memory_that_waits_for_a_region_gets_its_pages)
{
	struct vm_object *object;
	struct vm_page *page;
	char *memory;

	set_up(NULL);
	CHECK_INT(vm_object_create_anon(vm, PAGES * PAGE, 0, &object), 0);
	for (unsigned i = 0; i < PAGES - 20; i++) {
		CHECK_INT(vm_page_grab(object, i, VM_GRAB_WRITE, &page), 0);
		vm_page_dirty(page, 0, PAGE);
		vm_page_release(page);
	}
	CHECK_INT(ask(region, 60, NULL, VM_MEMORY_WAIT, &memory), 0);
	memset(memory, 1, 60 * PAGE);
	CHECK_INT(vm_object_destroy(object), 0);
	tear_down();
}

/* Every call that can fail, once, in a life that has all of them. */
static int
live(void)
{
	struct vm_region_request r = VM_REGION_REQUEST_INIT;
	struct vm_region *sub;
	char *memory = NULL;
	int error = vm_region_create(vm, REGION_PAGES * PAGE, NULL, &region);

	if (error != 0)
		return error;
	r.bytes = 4 * PAGE;
	error = ask(region, 6, NULL, 0, &memory);
	if (error == 0)
		error = vm_region_protect(region, memory + PAGE, PAGE,
		    VM_PROT_READ);
	if (error == 0)
		error = vm_region_free(region, memory + 2 * PAGE, PAGE);
	if (error == 0)
		error = vm_region_suballoc(region, &r, NULL, &sub);
	if (error == 0) {
		error = ask(sub, 2, NULL, 0, &memory);
		if (error == 0)
			error = vm_user_wire(vm, NULL, memory, PAGE);
		if (error == 0)
			error = vm_user_unwire(vm, NULL, memory, PAGE);
		while (vm_region_unref(sub) != 0)
			continue;
	}
	CHECK_INT(vm_region_unref(region), 0);
	return error;
}

TEST(whatever_the_machine_refuses_is_an_error_and_leaves_nothing)
{
	unsigned n = 0;
	int error;

	do {
		create(0);
		atomic_store(&faulty.fail_at, atomic_load(&faulty.calls) +
		    ++n);
		atomic_store(&faulty.failed, NULL);
		error = live();
		CHECK(error <= 0);
		CHECK(error == 0 || vm_last_error()[0] != '\0');
		CHECK_INT(memory_stat().region_pages, 0);
		CHECK_INT(memory_stat().regions, 0);
		atomic_store(&faulty.fail_at, 0);
		destroy();
	} while (atomic_load(&faulty.failed) != NULL);
	CHECK(n > 8);
}

static void *
take_and_give(void *arg)
{
	char tag = (char)(uintptr_t)arg;
	char *memory;

	for (unsigned i = 0; i < 1000; i++) {
		unsigned pages = 1 + i % 5;

		CHECK_INT(ask(region, pages, NULL, VM_MEMORY_WAIT, &memory),
		    0);
		CHECK(all(memory, 0, pages * PAGE));
		memset(memory, tag, pages * PAGE);
		CHECK(all(memory, (unsigned char)tag, pages * PAGE));
		CHECK_INT(vm_region_free(region, memory, pages * PAGE), 0);
	}
	return NULL;
}

TEST(threads_share_a_region_and_never_a_page)
{
	pthread_t threads[4];

	set_up(NULL);
	for (uintptr_t i = 0; i < 4; i++)
		CHECK(pthread_create(&threads[i], NULL, take_and_give,
		    (void *)(i + 1)) == 0);
	for (unsigned i = 0; i < 4; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	CHECK_INT(stat_of(region).used_bytes, 0);
	CHECK_INT(stat_of(region).ranges, 0);
	tear_down();
}

/* A machine whose addresses are never aligned by chance. */
static int
map_crooked(uint64_t bytes, void **out)
{
	char *at = mmap(NULL, bytes + PAGE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	bool first = (uintptr_t)at % (2 * PAGE) == 0;

	CHECK(at != MAP_FAILED);
	CHECK_INT(munmap(first ? at : at + bytes, PAGE), 0);
	*out = first ? at + PAGE : at;
	atomic_fetch_add(&faulty.maps, 1);
	return 0;
}

TEST(larger_pages_than_the_machines_are_aligned)
{
	struct vm_options o = VM_OPTIONS_INIT;
	struct vm_os crooked = faulty_os;
	char *memory;

	o.page_bytes = 65536;
	o.resident_max_bytes = 64 * 65536;
	create_with(o);
	crooked.map_anon = map_crooked;
	vm->os = &crooked;
	CHECK_INT(vm_region_create(vm, 8 * 65536, NULL, &region), 0);
	CHECK_INT((uintptr_t)stat_of(region).base % 65536, 0);
	CHECK_INT(ask(region, 17, NULL, 0, &memory), 0);
	memset(memory, 1, 2 * 65536);
	CHECK_INT(stat_of(region).used_bytes, 2 * 65536);
	CHECK(!usable(memory + 2 * 65536, false));
	CHECK_INT(vm_region_free(region, memory, 2 * 65536), 0);
	CHECK_INT(vm_region_unref(region), 0);
	vm->os = &faulty_os;
	destroy();
}

TEST(regions_that_cannot_be_are_refused)
{
	struct vm_region_request r = VM_REGION_REQUEST_INIT;
	struct vm_region_stat s = { .size_bytes = 0 };
	struct vm_region *none = NULL;
	void *memory;

	set_up(NULL);
	CHECK_INT(vm_region_create(vm, 0, NULL, &none), -EINVAL);
	CHECK_INT(vm_region_create(vm, UINT64_MAX, NULL, &none), -EINVAL);
	CHECK_INT(vm_region_create(vm, PAGE, NULL, NULL), -EINVAL);
	CHECK_INT(vm_region_create(vm, UINT64_C(1) << 62, NULL, &none),
	    -ENOMEM);
	CHECK(none == NULL);
	CHECK_INT(vm_region_alloc(region, NULL, &memory), -EINVAL);
	CHECK_INT(vm_region_alloc(region, &r, &memory), -EINVAL);
	CHECK_INT(vm_region_alloc(region, &r, NULL), -EINVAL);
	r.bytes = UINT64_MAX;
	CHECK_INT(vm_region_alloc(region, &r, &memory), -ENOSPC);
	r.bytes = 1;
	r.flags = 0x1000;
	CHECK_INT(vm_region_alloc(region, &r, &memory), -EINVAL);
	CHECK_INT(vm_region_suballoc(region, &r, NULL, &none), -EINVAL);
	CHECK_INT(vm_region_free(region, &r, PAGE), -EINVAL);
	CHECK_INT(vm_region_free(region, at(0), 65 * PAGE), -EINVAL);
	CHECK_INT(vm_region_stat(region, &s), -EINVAL);
	tear_down();
}
