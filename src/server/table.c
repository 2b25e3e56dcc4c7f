/* SPDX-License-Identifier: BSD-2-Clause */
/* server/table.c - see table.h. */
#include "server/table.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

struct vm_table *
vm_table_create(int *fd)
{
	void *table = MAP_FAILED;
	int error;

	*fd = memfd_create("resident-table", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (*fd < 0)
		return NULL;
	if (ftruncate(*fd, sizeof(struct vm_table)) == 0)
		table = mmap(NULL, sizeof(struct vm_table),
		    PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	/* After our own mapping: nobody writes it by another way. */
	if (table != MAP_FAILED && fcntl(*fd, F_ADD_SEALS, F_SEAL_SHRINK |
	    F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) == 0)
		return table;
	error = errno;
	vm_table_destroy(table == MAP_FAILED ? NULL : table, *fd);
	errno = error;
	return NULL;
}

void
vm_table_destroy(struct vm_table *table, int fd)
{
	if (table != NULL)
		munmap(table, sizeof(*table));
	if (fd >= 0)
		close(fd);
}

int
vm_table_add(struct vm_table *table, uint64_t device, uint64_t inode,
    uint32_t file)
{
	uint32_t start = vm_table_hash(device, inode);

	if (inode == 0)	/* the mark of a free entry */
		return -1;
	for (uint32_t i = 0; i <= VM_TABLE_PROBE; i++) {
		uint32_t n = (start + i) % VM_TABLE_FILES;
		struct vm_table_entry *e = &table->entry[n];

		if (e->inode != 0)
			continue;
		__atomic_store_n(&e->device, device, __ATOMIC_RELAXED);
		__atomic_store_n(&e->file, file, __ATOMIC_RELAXED);
		__atomic_store_n(&e->inode, inode, __ATOMIC_RELEASE);
		__atomic_add_fetch(&table->files, 1, __ATOMIC_SEQ_CST);
		return (int)n;
	}
	return -1;
}

void
vm_table_remove(struct vm_table *table, int entry)
{
	__atomic_store_n(&table->entry[entry].inode, 0, __ATOMIC_RELEASE);
	__atomic_sub_fetch(&table->files, 1, __ATOMIC_SEQ_CST);
}
