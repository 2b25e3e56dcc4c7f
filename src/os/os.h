/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * os/os.h - the one door to the system.
 *
 * Every effect the library has on the machine, but for futexes (base/futex)
 * and pmap's ioctls, is an entry of this table.  A system (struct vm) carries
 * a pointer to the table it was created with, so that a fake can put the
 * whole library on simulated memory, disk and time.
 *
 * Every entry returns 0 or a count, or a negative errno; none touches errno
 * in a way the caller must know of; EINTR is retried inside.  None is called
 * with a ranked lock held unless its comment says that pmap or frame may.
 */
#ifndef OS_OS_H
#define OS_OS_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "base/compiler.h"

struct vm_ioq;
struct vm_ioq_options;
struct vm_thread;

/* Of protect; 0: no access. */
#define VM_OS_READ	0x1u
#define VM_OS_WRITE	0x2u
#define VM_OS_EXEC	0x4u

/*
 * A table that is looked up in no order, and need not be full, is worth large
 * pages from so many bytes on: index leaves of 8 GiB.  What is rounded up to
 * them is some MiB for all tables, 0.4 % of a limit of 1 GiB.
 */
#define VM_OS_HUGE_TABLE (UINT64_C(128) << 20)

/* Of a signal. */
typedef void vm_os_handler(int number, siginfo_t *info, void *context);

struct vm_os {
	/* -- memory ----------------------------------------------------- */
	/* Private anonymous zero pages, not reserved; bytes: page multiple. */
	int (*map_anon)(size_t bytes, void **out);
	/* Shared mapping of a file descriptor, whole pages. */
	int (*map_file)(int fd, uint64_t offset, size_t bytes, int prot,
	    void **out);
	int (*unmap)(void *base, size_t bytes);
	/* Gives back the memory of a private range; it reads as zeros. */
	int (*drop)(void *base, size_t bytes);
	/* What a private range may be used for: VM_OS_READ, ... */
	int (*protect)(void *base, size_t bytes, unsigned prot);
	/* Asks for large pages behind a private range; a wish.  -errno. */
	int (*want_huge)(void *base, size_t bytes);
	/* Keeps any range of this process in memory, and ends that: mlock. */
	int (*pin)(void *base, size_t bytes);
	int (*unpin)(void *base, size_t bytes);
	/* Random bytes for keys, 256 at most: getrandom. */
	int (*random)(void *bytes, size_t count);

	/* -- memory files (the store home) ------------------------------ */
	/* close-on-exec, size 0. */
	int (*memfd)(const char *name);
	/* Frees the pages of [offset, offset + length) and unmaps them from
	 * every process.  Frame and pmap locks may be held. */
	int (*punch)(int fd, uint64_t offset, uint64_t length);

	/* -- files ------------------------------------------------------ */
	/* The same file again, from its descriptor: access mode and the
	 * O_DIRECT / O_CLOEXEC bits as in flags, all others ignored.  The
	 * kernel does not read ahead on it.  Gives a descriptor.  Regular
	 * files: opening a FIFO could sleep. */
	int (*reopen)(int fd, int flags);
	/* Access mode and status flags it was opened with, as F_GETFL. */
	int (*flags)(int fd);
	/* An unnamed file, mode 0600, read-write, in directory. */
	int (*tmpfile)(const char *directory);
	/* For appending, made when it is not there (mode 0600), close-on-exec;
	 * what is written goes to the end, whatever the offset. */
	int (*open_append)(const char *path);
	/* 1: there is something of that name; 0. */
	int (*exists)(const char *path);
	int (*dup)(int fd);	/* close-on-exec */
	void (*close)(int fd);
	int (*fstat)(int fd, struct stat *st);
	int (*ftruncate)(int fd, uint64_t bytes);
	int (*fallocate)(int fd, int mode, uint64_t offset, uint64_t length);
	int (*fsync)(int fd);	/* data and what is needed to read it back */
	/* Short counts are possible, 0 is the end of the file. */
	ssize_t (*pread)(int fd, void *buffer, size_t bytes, uint64_t offset);
	ssize_t (*pwrite)(int fd, const void *buffer, size_t bytes,
	    uint64_t offset);
	/* Only when all of it is in the page cache, else -EAGAIN: starts no
	 * read of what is not.  Not for an O_DIRECT descriptor. */
	ssize_t (*preadv_cached)(int fd, const struct iovec *iov, int count,
	    uint64_t offset);
	/* Whether any page of the file may be in the page cache: takes 0.2 us
	 * where none is, ms where all of a large one are. */
	bool (*any_cached)(int fd);
	/* All its bytes are in memory, and the page cache is where they are
	 * (tmpfs, ramfs).  False where that cannot be told. */
	bool (*in_memory)(int fd);
	/* Drops clean whole pages of the range from the kernel's page cache;
	 * dirty ones stay: fsync first. */
	int (*drop_cache)(int fd, uint64_t offset, uint64_t length);

	/* -- asynchronous I/O (os/ioq.h) -------------------------------- */
	int (*ioq_create)(const struct vm_ioq_options *options,
	    struct vm_ioq **out);

	/* -- time and threads ------------------------------------------- */
	uint64_t (*clock_ns)(void);	/* CLOCK_MONOTONIC */
	/* All signals are blocked in the new thread.  name: 15 bytes. */
	int (*thread_start)(const char *name, void (*run)(void *), void *arg,
	    struct vm_thread **out);
	void (*thread_join)(struct vm_thread *thread);	/* and frees it */
	/* Lets others run, for who has to look again soon. */
	void (*yield)(void);
	/* The processor this thread runs on now, or another small number that
	 * threads rarely share: it may be wrong the next moment. */
	unsigned (*cpu)(void);
	int (*eventfd)(void);		/* non-blocking, close-on-exec */
	void (*event_set)(int fd);	/* polls readable from now on */
	void (*event_clear)(int fd);	/* ... until now */

	/* -- waiting for many descriptors ------------------------------- */
	int (*poll_create)(void);
	/* token comes back from poll_wait; one token per descriptor. */
	int (*poll_add)(int poll, int fd, void *token);
	void (*poll_remove)(int poll, int fd);
	/* Tokens of up to count readable descriptors; timeout_ms < 0: none. */
	int (*poll_wait)(int poll, void **tokens, int count, int timeout_ms);

	/* -- other tasks of the machine ---------------------------------- */
	/* SIGBUS to a thread of another process. */
	int (*task_sigbus)(int tid);
	/* Bytes out of, and into, the memory of a process: all of them, or
	 * -EFAULT, -ESRCH, -EPERM; then some may have been copied. */
	int (*task_read)(int pid, uint64_t address, void *buffer,
	    size_t bytes);
	int (*task_write)(int pid, uint64_t address, const void *buffer,
	    size_t bytes);

	/* -- the process's signals ---------------------------------------- */
	/*
	 * Makes handler the process's action for SIGBUS and says what it was:
	 * with siginfo, on the thread's own stack, calls restarted, and while
	 * it runs every signal blocked but those that faults raise, its own
	 * among them.  1: it was already, *old is as it was.  handler NULL:
	 * only says what it is.
	 */
	int (*on_sigbus)(vm_os_handler *handler, struct sigaction *old);
	/* SIGBUS ends the process from now on; again: and one comes for this
	 * thread as soon as it blocks none.  Safe in handlers. */
	int (*sigbus_default)(bool again);
	/* Called in every forked child from now on, for good. */
	int (*after_fork)(void (*child)(void));

	/* -- the library's own small memory ------------------------------ */
	/* Zeroed, aligned to VM_CACHE_LINE; NULL when there is none.
	 * Start-up paths only. */
	void *(*alloc)(size_t bytes);
	void (*free)(void *memory);
};

/* The real one. */
extern const struct vm_os vm_os_linux;

#endif
