/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * preload/uffd.h - the process's own userfaultfd, and descriptors that hide.
 *
 * The descriptor is made in full mode: faults inside system calls are served
 * too.  It is kept open as long as the process lives.  Were the server's copy
 * the only one, its death would close the descriptor and missing pages would
 * read as zeros; so they wait, until watch.c ends the process.
 *
 * Fork events need CAP_SYS_PTRACE.  Without it the process is forkless, then
 * and for good: what it registers is left out of its children (inherit.h).
 */
#ifndef UFFD_H
#define UFFD_H

#include <stdbool.h>
#include <stdint.h>

/* A descriptor with the features of resident/space.h, but for fork events in a
 * forkless process; or -errno. */
int vm_uffd_new(void);

/* Registers with the process's descriptor; 0 or -errno. */
int vm_uffd_register(uint64_t start, uint64_t length, bool protect);

/* Moves fd, to be hidden, where programs seldom look; closes fd.  Returns the
 * new number, or fd when there is no room up there. */
int vm_fd_hide(int fd);

#endif
