/* SPDX-License-Identifier: BSD-2-Clause */
/* The shared table: what a client finds, and what it cannot do to it. */
#include "check.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "server/table.h"

/* As a client looks: every place that the file could be at. */
static int
seen(const struct vm_table *table, uint64_t device, uint64_t inode)
{
	uint32_t start = vm_table_hash(device, inode);

	for (uint32_t i = 0; i <= VM_TABLE_PROBE; i++) {
		uint32_t n = (start + i) % VM_TABLE_FILES;

		if (table->entry[n].inode == inode &&
		    table->entry[n].device == device)
			return (int)n;
	}
	return -1;
}

TEST(a_file_is_seen_from_add_to_remove)
{
	int fd;
	struct vm_table *table = vm_table_create(&fd);
	int entry;

	CHECK(table != NULL);
	CHECK_INT(seen(table, 5, 77), -1);
	entry = vm_table_add(table, 5, 77, 9);
	CHECK_INT(seen(table, 5, 77), entry);
	CHECK_INT(table->entry[entry].file, 9);
	CHECK_INT(table->files, 1);
	vm_table_remove(table, entry);
	CHECK_INT(seen(table, 5, 77), -1);
	CHECK_INT(table->files, 0);
	vm_table_destroy(table, fd);
}

TEST(a_neighbour_is_seen_after_the_one_before_it_went)
{
	int fd, first, second;
	struct vm_table *table = vm_table_create(&fd);
	uint64_t inode = 1;

	first = vm_table_add(table, 5, inode, 1);
	/* Another file that wants the same place. */
	do
		inode++;
	while (vm_table_hash(5, inode) != vm_table_hash(5, 1));
	second = vm_table_add(table, 5, inode, 2);
	CHECK(first >= 0 && second >= 0 && first != second);
	vm_table_remove(table, first);
	CHECK_INT(seen(table, 5, inode), second);
	vm_table_destroy(table, fd);
}

TEST(a_full_neighbourhood_refuses_and_nothing_is_lost)
{
	int fd, entry = 0;
	struct vm_table *table = vm_table_create(&fd);
	uint64_t added = 0;

	for (uint64_t inode = 1; added < VM_TABLE_FILES && entry >= 0;
	    inode++) {
		entry = vm_table_add(table, 1, inode, 1);
		added += entry >= 0;
	}
	CHECK(entry < 0);
	CHECK(added > VM_TABLE_FILES / 2);
	CHECK_INT(table->files, added);
	for (uint64_t inode = 1; inode <= added; inode++)
		CHECK(seen(table, 1, inode) >= 0);
	vm_table_destroy(table, fd);
}

TEST(inode_0_is_no_file)
{
	int fd;
	struct vm_table *table = vm_table_create(&fd);

	CHECK_INT(vm_table_add(table, 5, 0, 1), -1);
	vm_table_destroy(table, fd);
}

TEST(a_client_can_neither_write_nor_cut_the_table)
{
	int fd, again;
	struct vm_table *table = vm_table_create(&fd);
	char path[32];

	CHECK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) ==
	    MAP_FAILED);
	CHECK(write(fd, "x", 1) < 0);
	CHECK(ftruncate(fd, 0) < 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, O_RDWR | O_CLOEXEC);
	if (again >= 0) {
		CHECK(write(again, "x", 1) < 0);
		close(again);
	}
	vm_table_destroy(table, fd);
}
