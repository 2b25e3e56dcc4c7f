/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * window.h - this process's own memory, as far as it is watched: the other half
 * of the pmap table, and the program's SIGBUS.
 *
 * What the library reserves for windows is real memory at simulated places,
 * with the rights that the simulated page table has: nothing of an absent page
 * may be touched, a protected one may be read.  So a touch of the library's own
 * that would trap ends the run.  What shows a memory file is a range of
 * addresses only.
 *
 *	no range, or no right	SEGV
 *	absent, or a write to a protected page	the handler that the process
 *		has, in the task that touched; then again, or BUS if the
 *		program's own handler was called
 *	else			the access, at once and whole
 *
 * Calls for several pages end after some of them now and then, or say EAGAIN.
 */
#ifndef WINDOW_H
#define WINDOW_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "client.h"
#include "os/os.h"

/* The process begins: nothing is watched.  After a power cut too. */
void windows_begin(void);
/* Pages of private memory that are there. */
uint64_t windows_present(void);
/* The program's rights to the page at an address: VM_OS_*. */
unsigned window_rights(uint64_t address);
/* Whether there would be more pieces with different rights than there ever
 * were: then the kernel may have no memory for another. */
bool windows_split(const void *base, size_t bytes, unsigned prot);
/* Of what is watched in there, the rights are these. */
void windows_allow(void *base, size_t bytes, unsigned prot);

enum touched window_touch(const struct touch *touch);

/* Entries of the two tables. */
int window_open(int *self, bool *files);
void window_close(int uffd, int self);
int window_reserve(uint64_t length, uint64_t *address);
int window_show(int fd, uint64_t offset, uint64_t length, bool fixed,
    uint64_t *address);
int window_unmap(uint64_t address, uint64_t length);
int window_watch(int uffd, uint64_t address, uint64_t length);
int64_t window_copy(int uffd, uint64_t to, const void *from, uint64_t length,
    bool protect);
int64_t window_drop(int self, const struct iovec *ranges, unsigned count);
int window_protect(uint64_t address, uint64_t length, bool on);
int machine_on_sigbus(vm_os_handler *handler, struct sigaction *old);
int machine_sigbus_default(bool again);
int machine_after_fork(void (*child)(void));

#endif
