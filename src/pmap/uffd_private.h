/* SPDX-License-Identifier: BSD-2-Clause */
/* pmap/uffd_private.h - the entries of vm_pmap_linux that own.c has. */
#ifndef PMAP_UFFD_PRIVATE_H
#define PMAP_UFFD_PRIVATE_H

#include <linux/userfaultfd.h>

#include "pmap/uffd.h"

/* Debian 12's headers are those of Linux 6.1; this came with 6.4. */
#ifndef UFFD_FEATURE_WP_UNPOPULATED
#define UFFD_FEATURE_WP_UNPOPULATED (1u << 13)
#endif

int vm_own_open(int *self, bool *files);
void vm_own_close(int uffd, int self);
int vm_own_reserve(uint64_t length, uint64_t *address);
int vm_own_show(int fd, uint64_t offset, uint64_t length, bool fixed,
    uint64_t *address);
int vm_own_unmap(uint64_t address, uint64_t length);
int vm_own_watch(int uffd, uint64_t address, uint64_t length);
int64_t vm_own_copy(int uffd, uint64_t to, const void *from, uint64_t length,
    bool protect);
int64_t vm_own_drop(int self, const struct iovec *ranges, unsigned count);

#endif
