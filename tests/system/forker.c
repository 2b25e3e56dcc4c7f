/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * forker - what a child has of its parent's mapped files.
 *
 *	forker WHAT FILE
 *
 * FILE has 4 MiB at least, whose every word is its own number (fill).  Exits
 * 0, or 1 after a line that says what it saw.  Knows nothing of a pager, but
 * for the word clone, which wants the end that an unseen child must take.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096u
#define MIB ((size_t)1 << 20)
#define WORDS (MIB / sizeof(uint64_t))

/* Linux 6.1; absent from older headers. */
#ifndef USERFAULTFD_IOC_NEW
#define USERFAULTFD_IOC_NEW _IO(0xAA, 0x00)
#endif

static const char *path;
static int fd;

static void
check(bool right, const char *what)
{
	if (right)
		return;
	fprintf(stderr, "forker: %s (%s)\n", what, strerror(errno));
	_exit(1);
}

static uint64_t *
map(size_t size, int prot, int flags)
{
	void *p = mmap(NULL, size, prot, flags, fd, 0);

	check(p != MAP_FAILED, "mmap");
	return p;
}

/* One word of each page, numbered from first on. */
static void
check_words(const uint64_t *p, size_t size, uint64_t first)
{
	for (size_t i = 0; i < size / sizeof(*p); i += PAGE / sizeof(*p))
		check(p[i] == first + i, "a word is wrong");
}

static int
status_of(pid_t pid)
{
	int status = 0;

	check(pid > 0 && waitpid(pid, &status, 0) == pid, "waitpid");
	return status;
}

/* ---- words -------------------------------------------------------------- */

static void
do_fill(void)
{
	static uint64_t block[WORDS];

	for (size_t m = 0; m < 16; m++) {
		for (size_t i = 0; i < WORDS; i++)
			block[i] = m * WORDS + i;
		check(write(fd, block, MIB) == (ssize_t)MIB, "write");
	}
}

/* Whether a userfaultfd of this process may follow forks: the program exits
 * with 0 if it may not. */
static void
do_forkless(void)
{
	struct uffdio_api api = {
		.api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK,
	};
	long uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (uffd < 0) {
		int device = open("/dev/userfaultfd", O_RDWR | O_CLOEXEC);

		check(device >= 0, "no userfaultfd at all");
		uffd = ioctl(device, USERFAULTFD_IOC_NEW, O_CLOEXEC);
	}
	check(ioctl((int)uffd, UFFDIO_API, &api) != 0 && errno == EPERM,
	    "fork events are allowed");
}

/* What libc's fork does, without telling anybody. */
static pid_t
clone_unseen(void)
{
	return (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
}

/* The child touches what nobody has touched before: it must not get zeros,
 * and its parent not either, ever. */
static void
do_clone(void)
{
	uint64_t *p = map(4 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED);
	volatile uint64_t *q = p;
	int status;
	pid_t pid;

	check(q[0] == 0, "the first word");
	for (int step = 0; step < 2; step++) {
		/* As programs do that want their children to have it. */
		if (step == 1)
			check(madvise(p, 4 * MIB, MADV_DOFORK) == 0,
			    "madvise");
		pid = clone_unseen();
		if (pid == 0) {
			uint64_t seen = q[2 * WORDS + 1];

			syscall(SYS_exit_group, seen == 0 ? 77 : 78);
		}
		status = status_of(pid);
		check(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV,
		    "the child did not end by SIGSEGV");
	}
	check_words(p, 4 * MIB, 0);
}

/* Pieces of many kinds: cut, moved, grown, each with a protection. */
struct layout {
	uint64_t *rw, *none, *read_only, *moved, *late;
};

static struct layout
lay_out(void)
{
	struct layout l;
	char *p = (char *)map(4 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED);

	l.rw = (uint64_t *)(void *)p;
	l.none = (uint64_t *)(void *)(p + MIB);
	l.read_only = (uint64_t *)(void *)(p + 2 * MIB);
	check(mprotect(l.none, MIB, PROT_NONE) == 0, "mprotect");
	check(mprotect(l.read_only, MIB, PROT_READ) == 0, "mprotect");
	check(munmap(p + 3 * MIB, MIB / 2) == 0, "munmap");
	l.moved = (uint64_t *)mremap(map(2 * MIB, PROT_READ, MAP_SHARED),
	    2 * MIB, 4 * MIB, MREMAP_MAYMOVE);
	check(l.moved != MAP_FAILED, "mremap");
	l.late = map(2 * MIB, PROT_READ, MAP_SHARED);
	check(mprotect(l.late, 2 * MIB, PROT_READ | PROT_WRITE) == 0,
	    "mprotect");
	return l;
}

/* Whether the kernel lets us read, and write, there: asked by system calls,
 * which fail where a plain access would end the process. */
static bool
can_read(const void *p)
{
	int pipes[2];
	bool can;

	check(pipe(pipes) == 0, "pipe");
	can = write(pipes[1], p, 8) == 8;
	close(pipes[0]);
	close(pipes[1]);
	return can;
}

static bool
can_write(void *p)
{
	int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	bool can = read(zero, p, 8) == 8;

	close(zero);
	return can;
}

static void
check_layout(const struct layout *l)
{
	char *hole = (char *)l->rw + 3 * MIB;

	check_words(l->rw, MIB, 0);
	check(!can_read(l->none) && !can_write(l->none), "PROT_NONE");
	check_words(l->read_only, MIB, 2 * WORDS);
	check(!can_write(l->read_only), "PROT_READ");
	check(!can_read(hole), "a hole");
	check_words((uint64_t *)(void *)(hole + MIB / 2), MIB / 2,
	    3 * WORDS + WORDS / 2);
	check_words(l->moved, 4 * MIB, 0);
	check(!can_write(l->moved), "PROT_READ of what was moved");
	check_words(l->late, 2 * MIB, 0);
}

/* A child of a child has everything as its grandparent has, and what it
 * writes they see. */
static void
do_layout(void)
{
	struct layout l = lay_out();
	pid_t pid = fork();

	if (pid == 0) {
		check_layout(&l);
		l.rw[1] = 4711;
		pid = fork();
		if (pid == 0) {
			check_layout(&l);
			check(l.moved[1] == 4711 && l.late[1] == 4711,
			    "the child's write");
			l.late[2] = 4712;
			check(mprotect(l.none, MIB, PROT_READ) == 0,
			    "mprotect in the child");
			check_words(l.none, MIB, WORDS);
			check(munmap(l.moved, 4 * MIB) == 0,
			    "munmap in the child");
			_exit(0);
		}
		_exit(status_of(pid) == 0 ? 0 : 1);
	}
	check(status_of(pid) == 0, "a child has failed");
	check(l.rw[1] == 4711 && l.rw[2] == 4712, "what children wrote");
	check_layout(&l);
}

/* A private map that becomes writable in part: its copies are the child's,
 * and nobody else's. */
static void
do_private(void)
{
	uint64_t *p = map(4 * MIB, PROT_READ, MAP_PRIVATE);
	uint64_t *written = p + WORDS;
	pid_t pid;

	check_words(p, 2 * MIB, 0);
	check(mprotect(written, MIB, PROT_READ | PROT_WRITE) == 0,
	    "mprotect");
	check_words(p, 4 * MIB, 0);
	written[1] = 4711;
	check(map(4 * MIB, PROT_READ, MAP_SHARED)[WORDS + 1] == WORDS + 1,
	    "a private write is in the file");
	pid = fork();
	if (pid == 0) {
		check_words(p, 4 * MIB, 0);
		check(written[1] == 4711, "the parent's copy");
		written[1] = written[2] = 4712;
		_exit(0);
	}
	check(status_of(pid) == 0, "a child has failed");
	check(written[1] == 4711 && written[2] == WORDS + 2, "its own copy");
	check_words(p, 4 * MIB, 0);
}

/* write(2) before and after the fork, on both sides. */
static void
do_writes(void)
{
	const uint64_t *p = map(4 * MIB, PROT_READ, MAP_SHARED);

	check_words(p, 4 * MIB, 0);
	for (uint64_t i = 1; i < 40; i++) {
		off_t at = (off_t)(i * 97 * PAGE % (4 * MIB) + 8);
		pid_t pid;

		check(pwrite(fd, &i, 8, at) == 8, "pwrite");
		pid = fork();
		if (pid == 0) {
			uint64_t j = 1000 + i;

			check(p[at / 8] == i, "the parent's write");
			check(pwrite(fd, &j, 8, at + 8) == 8, "pwrite");
			check(p[at / 8 + 1] == j, "its own write");
			_exit(0);
		}
		check(status_of(pid) == 0, "a child has failed");
		check(p[at / 8] == i && p[at / 8 + 1] == 1000 + i,
		    "the child's write");
	}
	check_words(p, 4 * MIB, 0);
}

/* A child writes pages that its parent has only read: they are dirty for that,
 * and come back when they had to go. */
static void
do_kept(void)
{
	uint64_t *p = map(16 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED);
	const size_t step = PAGE / sizeof(*p);

	for (size_t first = 0; first < 32; first += 16) {
		pid_t pid;

		check_words(p + first * step, 16 * PAGE, first * step);
		pid = fork();
		for (size_t i = first; pid == 0 && i < first + 16; i++)
			p[i * step + 1] = 4711;
		if (pid == 0)
			_exit(0);
		check(status_of(pid) == 0, "a child has failed");
		check_words(p, 16 * MIB, 0);
		check_words(p, 16 * MIB, 0);
		for (size_t i = first; i < first + 16; i++)
			check(p[i * step + 1] == 4711, "a write was lost");
	}
}

/* Nobody but the child has the file any more. */
static void
do_orphan(void)
{
	const uint64_t *p = map(4 * MIB, PROT_READ, MAP_SHARED);
	int ready[2];
	pid_t pid;
	char byte;

	check(pipe(ready) == 0 && unlink(path) == 0, "unlink");
	pid = fork();
	if (pid == 0) {
		close(fd);
		if (fork() != 0)
			_exit(0);
		check_words(p, 4 * MIB, 0);
		check(write(ready[1], "", 1) == 1, "write");
		_exit(0);
	}
	check(munmap((void *)(uintptr_t)p, 4 * MIB) == 0, "munmap");
	close(ready[1]);
	close(fd);
	check(status_of(pid) == 0, "a child has failed");
	check(read(ready[0], &byte, 1) == 1, "the orphan has failed");
}

/* Children that are killed while they come to be are no harm. */
static void
do_killed(void)
{
	const uint64_t *p = map(4 * MIB, PROT_READ, MAP_SHARED);

	for (int i = 0; i < 100; i++) {
		pid_t pid = clone_unseen(), other;

		if (pid == 0)
			for (;;)
				pause();
		other = fork();
		if (other == 0)
			for (;;)
				pause();
		check(kill(pid, SIGKILL) == 0 && kill(other, SIGKILL) == 0,
		    "kill");
		(void)status_of(pid);
		(void)status_of(other);
	}
	check_words(p, 4 * MIB, 0);
}

struct deed {
	const char *name;
	void (*run)(void);
};

static const struct deed deeds[] = {
	{ "fill", do_fill }, { "forkless", do_forkless },
	{ "clone", do_clone }, { "layout", do_layout },
	{ "private", do_private }, { "writes", do_writes },
	{ "kept", do_kept }, { "orphan", do_orphan },
	{ "killed", do_killed },
};

int
main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	path = argv[2];
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	check(fd >= 0, path);
	for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++)
		if (strcmp(deeds[i].name, argv[1]) == 0) {
			deeds[i].run();
			return 0;
		}
	return 2;
}
