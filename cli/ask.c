/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/ask.c - see ask.h. */
#include "ask.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "server/figures.h"
#include "server/say.h"

/* 5 s: the server makes its answer in milliseconds, unless it has stopped. */
#define ANSWER_S 5

int
vm_ask_connect(const char *prefix, pid_t pid)
{
	struct timeval patience = { .tv_sec = ANSWER_S };
	struct sockaddr_un address;
	socklen_t length = vm_figures_address(&address, prefix, pid);
	struct ucred peer = { 0 };
	socklen_t size = sizeof(peer);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	int error = 0;

	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
	    sizeof(patience));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience,
	    sizeof(patience));
	if (connect(fd, (struct sockaddr *)&address, length) != 0)
		error = -errno;
	else if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
		error = -errno;
	else if (peer.pid != pid || peer.uid != geteuid())
		error = -EPERM;	/* somebody else took the name */
	if (error == 0)
		return fd;
	close(fd);
	return error;
}

int
vm_ask_receive(int fd, char *text, size_t bytes)
{
	ssize_t got;

	do {
		got = recv(fd, text, bytes - 1, 0);
	} while (got < 0 && errno == EINTR);
	if (got <= 0)
		return got < 0 ? -errno : -ENODATA;
	text[got] = '\0';
	return 0;
}

void
vm_ask_failed(pid_t pid, int error)
{
	vm_say("process %d: %s", (int)pid,
	    error == -ECONNREFUSED ? "no 'resident run' of yours" :
	    error == -EPERM ? "it is not yours" : strerror(-error));
}

pid_t
vm_ask_read_pid(const char *text)
{
	char *end;
	long pid;

	errno = 0;
	pid = strtol(text, &end, 10);
	if (errno == 0 && end != text && *end == '\0' && pid > 0 &&
	    pid <= INT_MAX)
		return (pid_t)pid;
	vm_say("'%s' is no process", text);
	return 0;
}
