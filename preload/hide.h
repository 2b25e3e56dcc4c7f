/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * preload/hide.h - our descriptors stay open and out of the way.
 *
 * The socket and the userfaultfd have high numbers (uffd.h).  A program that
 * closes every descriptor it does not know finds that these are not open;
 * dup2 onto one of them moves ours first.  A raw system call can still close
 * them: see rpc.h.
 *
 * Arguments and results are those of the system calls.
 */
#ifndef HIDE_H
#define HIDE_H

long vm_shim_close(int fd);
/* flags: of dup3, or -1 for dup2. */
long vm_shim_dup(int from, int to, int flags);
long vm_shim_close_range(unsigned first, unsigned last, unsigned flags);

#endif
