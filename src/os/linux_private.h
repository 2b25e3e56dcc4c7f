/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * os/linux_private.h - the entries of vm_os_linux, by the file they are in.
 *
 * os.h has their contracts.  Private to this room.
 */
#ifndef OS_LINUX_PRIVATE_H
#define OS_LINUX_PRIVATE_H

#include <errno.h>

#include "os/os.h"

/* Repeats a call that a signal interrupted; the value is its result. */
#define VM_OS_RETRY(result, call) \
	do { \
		(result) = (call); \
	} while ((result) < 0 && errno == EINTR)

/* memory.c */
int vm_os_map_anon(size_t bytes, void **out);
int vm_os_map_file(int fd, uint64_t offset, size_t bytes, int prot,
    void **out);
int vm_os_unmap(void *base, size_t bytes);
int vm_os_drop(void *base, size_t bytes);
int vm_os_protect(void *base, size_t bytes, unsigned prot);
int vm_os_want_huge(void *base, size_t bytes);
int vm_os_pin(void *base, size_t bytes);
int vm_os_unpin(void *base, size_t bytes);
int vm_os_random(void *bytes, size_t count);
int vm_os_memfd(const char *name);
int vm_os_punch(int fd, uint64_t offset, uint64_t length);
void *vm_os_alloc(size_t bytes);
void vm_os_free(void *memory);

/* file.c */
int vm_os_reopen(int fd, int flags);
int vm_os_flags(int fd);
int vm_os_tmpfile(const char *directory);
int vm_os_open_append(const char *path);
int vm_os_exists(const char *path);
int vm_os_dup(int fd);
void vm_os_close(int fd);
int vm_os_fstat(int fd, struct stat *st);
int vm_os_ftruncate(int fd, uint64_t bytes);
int vm_os_fallocate(int fd, int mode, uint64_t offset, uint64_t length);
int vm_os_fsync(int fd);
ssize_t vm_os_pread(int fd, void *buffer, size_t bytes, uint64_t offset);
ssize_t vm_os_pwrite(int fd, const void *buffer, size_t bytes,
    uint64_t offset);
ssize_t vm_os_preadv_cached(int fd, const struct iovec *iov, int count,
    uint64_t offset);
bool vm_os_any_cached(int fd);
bool vm_os_in_memory(int fd);
int vm_os_drop_cache(int fd, uint64_t offset, uint64_t length);

/* thread.c */
uint64_t vm_os_clock_ns(void);
int vm_os_thread_start(const char *name, void (*run)(void *), void *arg,
    struct vm_thread **out);
void vm_os_thread_join(struct vm_thread *thread);
void vm_os_yield(void);
unsigned vm_os_cpu(void);
int vm_os_eventfd(void);

/* poll.c */
void vm_os_event_set(int fd);
void vm_os_event_clear(int fd);
int vm_os_poll_create(void);
int vm_os_poll_add(int poll, int fd, void *token);
void vm_os_poll_remove(int poll, int fd);
int vm_os_poll_wait(int poll, void **tokens, int count, int timeout_ms);

/* signal.c */
int vm_os_on_sigbus(vm_os_handler *handler, struct sigaction *old);
int vm_os_sigbus_default(bool again);
int vm_os_after_fork(void (*child)(void));

/* task.c */
int vm_os_task_sigbus(int tid);
int vm_os_task_read(int pid, uint64_t address, void *buffer, size_t bytes);
int vm_os_task_write(int pid, uint64_t address, const void *buffer,
    size_t bytes);

#endif
