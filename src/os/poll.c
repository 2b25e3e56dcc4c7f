/* SPDX-License-Identifier: BSD-2-Clause */
/* os/poll.c - events and waiting for many descriptors; contracts in os.h. */
#include <errno.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "os/linux_private.h"

/* 32 descriptors a turn: more are found at the next. */
#define TURN 32

void
vm_os_event_set(int fd)
{
	uint64_t one = 1;

	/* A full counter is readable too: nothing is lost. */
	if (write(fd, &one, sizeof(one)) < 0)
		return;
}

void
vm_os_event_clear(int fd)
{
	uint64_t value;

	if (read(fd, &value, sizeof(value)) < 0)
		return;		/* it was clear */
}

int
vm_os_poll_create(void)
{
	int fd = epoll_create1(EPOLL_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int
vm_os_poll_add(int poll, int fd, void *token)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = token };

	return epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -errno;
}

void
vm_os_poll_remove(int poll, int fd)
{
	epoll_ctl(poll, EPOLL_CTL_DEL, fd, NULL);
}

int
vm_os_poll_wait(int poll, void **tokens, int count, int timeout_ms)
{
	struct epoll_event events[TURN];
	int n = epoll_wait(poll, events, count < TURN ? count : TURN,
	    timeout_ms);

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	for (int i = 0; i < n; i++)
		tokens[i] = events[i].data.ptr;
	return n;
}
