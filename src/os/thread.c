/* SPDX-License-Identifier: BSD-2-Clause */
/* os/thread.c - clock, threads, events; os.h has the contracts. */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "os/linux_private.h"

#define NS_PER_S UINT64_C(1000000000)
/* 15 characters and the end: the kernel's own limit (TASK_COMM_LEN). */
#define NAME_BYTES 16
/*
 * 256 KiB: our deepest path is below 16 KiB, a sanitizer makes it three times
 * that, and the host program's thread-local data is taken out of it too.  The
 * usual 8 MiB would be locked memory in a program that calls mlockall().
 */
#define STACK_BYTES ((size_t)256 << 10)

struct vm_thread {
	pthread_t id;		/* (C) after start */
	void (*run)(void *);	/* (C) */
	void *arg;		/* (C) */
	char name[NAME_BYTES];	/* (C) */
};

uint64_t
vm_os_clock_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static void *
enter(void *arg)
{
	struct vm_thread *thread = arg;

	(void)pthread_setname_np(pthread_self(), thread->name);
	thread->run(thread->arg);
	return NULL;
}

static int
start(struct vm_thread *thread)
{
	pthread_attr_t attr;
	int err;

	err = pthread_attr_init(&attr);
	if (err != 0)
		return err;
	err = pthread_attr_setstacksize(&attr, STACK_BYTES);
	vm_assert(err == 0);
	err = pthread_create(&thread->id, &attr, enter, thread);
	(void)pthread_attr_destroy(&attr);
	if (err == EINVAL)	/* a host with large thread-local data */
		err = pthread_create(&thread->id, NULL, enter, thread);
	return err;
}

int
vm_os_thread_start(const char *name, void (*run)(void *), void *arg,
    struct vm_thread **out)
{
	struct vm_thread *thread = calloc(1, sizeof(*thread));
	sigset_t all, before;
	int err;

	if (thread == NULL)
		return -ENOMEM;
	thread->run = run;
	thread->arg = arg;
	memcpy(thread->name, name, strnlen(name, NAME_BYTES - 1));
	/* A thread begins with the mask of the one that starts it. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	err = start(thread);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (err != 0) {
		free(thread);
		return -err;
	}
	*out = thread;
	return 0;
}

void
vm_os_thread_join(struct vm_thread *thread)
{
	int err = pthread_join(thread->id, NULL);

	vm_assert(err == 0);
	free(thread);
}

void
vm_os_yield(void)
{
	(void)sched_yield();
}

/* libc reads it from the thread's own memory (rseq), where the kernel keeps
 * it up to date; where there is no such thing, threads count themselves. */
unsigned
vm_os_cpu(void)
{
	static _Atomic unsigned threads;
	static _Thread_local unsigned number;
	int cpu = sched_getcpu();

	if (VM_LIKELY(cpu >= 0))
		return (unsigned)cpu;
	if (number == 0)
		number = 1 + atomic_fetch_add_explicit(&threads, 1,
		    memory_order_relaxed);
	return number;
}

int
vm_os_eventfd(void)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	return fd < 0 ? -errno : fd;
}
