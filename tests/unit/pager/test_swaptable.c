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

TEST(an_empty_table_has_no_entry_anywhere)
{
	struct vm_swaptable table = { NULL, 0 };

	CHECK_INT(vm_swaptable_get(&table, 0), 0);
	CHECK_INT(vm_swaptable_get(&table, UINT64_MAX), 0);
	CHECK(vm_swaptable_next(&table, 0) == UINT64_MAX);
	CHECK(vm_swaptable_dismantle(&table) == NULL);
}

TEST(a_set_entry_is_there_and_its_neighbours_are_not)
{
	static const vm_pindex_t at[] = { 0, 1023, 1024, 5000, 1000000 };
	struct vm_swaptable table = { NULL, 0 };

	for (unsigned i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		need(&table, at[i]);
		CHECK_INT(vm_swaptable_set(&table, at[i], i + 1), 0);
	}
	for (unsigned i = 0; i < sizeof(at) / sizeof(at[0]); i++)
		CHECK_INT(vm_swaptable_set(&table, at[i], i + 7), i + 1);
	CHECK_INT(vm_swaptable_get(&table, 1), 0);
	CHECK_INT(vm_swaptable_get(&table, 1022), 0);
	CHECK_INT(vm_swaptable_get(&table, 5001), 0);
	CHECK_INT(vm_swaptable_get(&table, 1000001), 0);
	fini(&table);
}

TEST(next_skips_leaves_that_are_not_there)
{
	struct vm_swaptable table = { NULL, 0 };

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
	struct vm_swaptable table = { NULL, 0 };
	size_t bytes = vm_swaptable_lacks(&table, 3);
	void *late = calloc(1, bytes);

	need(&table, 3);
	CHECK(vm_swaptable_supply(&table, 3, late, bytes) == late);
	free(late);
	fini(&table);
}

TEST(an_index_beyond_all_memory_is_refused)
{
	struct vm_swaptable table = { NULL, 0 };

	CHECK(vm_swaptable_lacks(&table, UINT64_MAX) >= SIZE_MAX / 1024);
}

TEST(setting_without_memory_dies)
{
	struct vm_swaptable table = { NULL, 0 };

	CHECK_DIES((void)vm_swaptable_set(&table, 1, 1));
}
