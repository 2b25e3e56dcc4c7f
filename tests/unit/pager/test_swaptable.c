/* SPDX-License-Identifier: BSD-2-Clause */
/* Entries, and the memory they need. */
#include "pager/swaptable.h"

#include <stdlib.h>

#include "check.h"

static void
need(struct vm_swaptable *table, vm_pindex_t pindex)
{
	size_t bytes;

	while ((bytes = vm_swaptable_lacks(table, pindex)) > 0) {
		CHECK(bytes != SIZE_MAX);
		free(vm_swaptable_supply(table, pindex, calloc(1, bytes),
		    bytes));
	}
}

static void
fini(struct vm_swaptable *table)
{
	void *memory;

	while ((memory = vm_swaptable_dismantle(table)) != NULL)
		free(memory);
}

static uint64_t
get(struct vm_swaptable *table, vm_pindex_t pindex)
{
	return vm_swaptable_get(table, pindex).where;
}

/* What was there. */
static uint64_t
set(struct vm_swaptable *table, vm_pindex_t pindex, uint64_t where)
{
	struct vm_swap_entry *entry = vm_swaptable_entry(table, pindex);
	uint64_t old;

	CHECK(entry != NULL);
	old = entry->where;
	entry->where = where;
	return old;
}

TEST(an_empty_table_has_no_entry_anywhere)
{
	struct vm_swaptable table = { 0 };

	CHECK_INT(get(&table, 0), 0);
	CHECK_INT(get(&table, UINT64_MAX), 0);
	CHECK(vm_swaptable_entry(&table, 0) == NULL);
	CHECK_INT(vm_swaptable_number(&table, 0), 0);
	CHECK(vm_swaptable_next(&table, 0) == UINT64_MAX);
	CHECK(vm_swaptable_dismantle(&table) == NULL);
}

TEST(a_set_entry_is_there_and_its_neighbours_are_not)
{
	static const vm_pindex_t at[] = { 0, 1023, 1024, 5000, 1000000 };
	struct vm_swaptable table = { 0 };

	for (unsigned i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		need(&table, at[i]);
		CHECK_INT(set(&table, at[i], i + 1), 0);
	}
	for (unsigned i = 0; i < sizeof(at) / sizeof(at[0]); i++)
		CHECK_INT(set(&table, at[i], i + 7), i + 1);
	CHECK_INT(get(&table, 1), 0);
	CHECK_INT(get(&table, 1022), 0);
	CHECK_INT(get(&table, 5001), 0);
	CHECK_INT(get(&table, 1000001), 0);
	fini(&table);
}

TEST(next_skips_leaves_that_are_not_there)
{
	struct vm_swaptable table = { 0 };

	need(&table, 5000);
	need(&table, 100000);
	CHECK_INT(vm_swaptable_next(&table, 0), 4096);
	CHECK_INT(vm_swaptable_next(&table, 4097), 4097);
	CHECK_INT(vm_swaptable_next(&table, 5120), 99328);
	CHECK(vm_swaptable_next(&table, 100352) == UINT64_MAX);
	fini(&table);
}

TEST(memory_that_came_too_late_is_handed_back)
{
	struct vm_swaptable table = { 0 };
	size_t bytes = vm_swaptable_lacks(&table, 3);
	void *late = calloc(1, bytes);

	need(&table, 3);
	CHECK(vm_swaptable_supply(&table, 3, late, bytes) == late);
	free(late);
	fini(&table);
}

TEST(an_index_beyond_all_memory_is_refused)
{
	struct vm_swaptable table = { 0 };

	CHECK(vm_swaptable_lacks(&table, UINT64_MAX) >= SIZE_MAX / 1024);
}

TEST(setting_without_memory_dies)
{
	struct vm_swaptable table = { 0 };

	CHECK_DIES(vm_swaptable_set_number(&table, 1, 1));
}

TEST(a_number_is_kept_where_that_was_asked_for)
{
	struct vm_swaptable table = { .numbered = true }, plain = { 0 };

	need(&table, 5000);
	need(&plain, 5000);
	vm_swaptable_set_number(&table, 5000, 77);
	vm_swaptable_set_number(&plain, 5000, 77);
	CHECK_INT(vm_swaptable_number(&table, 5000), 77);
	CHECK_INT(vm_swaptable_number(&table, 5001), 0);
	CHECK_INT(vm_swaptable_number(&plain, 5000), 0);
	CHECK_INT(get(&table, 5000), 0);
	fini(&table);
	fini(&plain);
}

TEST(a_word_says_where_a_page_is_and_where_it_goes_next)
{
	struct vm_swap_place last = { VM_SWAP_PAGES_MAX - 1,
		VM_SWAP_FILES_MAX - 1 }, one = { 5, 1 };
	uint64_t where = vm_swap_at_file(0, one);

	CHECK_INT(where, UINT64_C(2) << 30 | 1 << 27 | 5);
	CHECK_INT(vm_swap_kind_of(where), VM_SWAP_FILE);
	CHECK(!vm_swap_has_next(where));
	where = vm_swap_with_next(where, last);
	CHECK(vm_swap_has_next(where));
	CHECK_INT(vm_swap_place_of(where).page, 5);
	CHECK_INT(vm_swap_place_of(where).file, 1);
	CHECK_INT(vm_swap_next_of(where).page, last.page);
	CHECK_INT(vm_swap_next_of(where).file, last.file);
	where = vm_swap_at(where, VM_SWAP_PACKED, 123);
	CHECK_INT(vm_swap_kind_of(where), VM_SWAP_PACKED);
	CHECK_INT(vm_swap_record_of(where), 123);
	CHECK_INT(vm_swap_next_of(where).page, last.page);
	where = vm_swap_at_file(vm_swap_without_next(where), last);
	CHECK(!vm_swap_has_next(where));
	CHECK_INT(vm_swap_place_of(where).page, last.page);
	CHECK_INT(vm_swap_kind_of(vm_swap_at(where, VM_SWAP_NONE, 0)),
	    VM_SWAP_NONE);
}

TEST(asking_a_word_for_what_it_is_not_dies)
{
	CHECK_DIES((void)vm_swap_place_of(0));
	CHECK_DIES((void)vm_swap_record_of(0));
	CHECK_DIES((void)vm_swap_next_of(0));
	CHECK_DIES((void)vm_swap_at_file(0, (struct vm_swap_place){
	    VM_SWAP_PAGES_MAX, 0 }));
}
