/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/table.h - the shared table of managed files (server/protocol.h).
 *
 * Clients read it without a lock; one thread at a time changes it.
 */
#ifndef SERVER_TABLE_H
#define SERVER_TABLE_H

#include <stdint.h>

#include "server/protocol.h"

/* A new table in a memory file that only this mapping can write; *fd is for
 * clients.  NULL: errno says why. */
struct vm_table *vm_table_create(int *fd);
void vm_table_destroy(struct vm_table *table, int fd);

/* The entry's index, or -1 when there is no place near enough. */
int vm_table_add(struct vm_table *table, uint64_t device, uint64_t inode,
    uint32_t file);
void vm_table_remove(struct vm_table *table, int entry);

#endif
