/* SPDX-License-Identifier: BSD-2-Clause */
/* fake_server.c - fake_server.h has the contract. */
#include "fake_server.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

union ancillary {
	struct cmsghdr header;
	unsigned char bytes[CMSG_SPACE(2 * sizeof(int))];
};

static int
listen_at(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	CHECK_INT(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	CHECK_INT(listen(fd, 8), 0);
	return fd;
}

static bool
receive(int fd, struct vm_request *request, int *got)
{
	union ancillary space;
	struct iovec part = { request, sizeof(*request) };
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1,
		.msg_control = space.bytes,
		.msg_controllen = sizeof(space.bytes),
	};
	struct cmsghdr *header;

	*got = -1;
	if (recvmsg(fd, &message, MSG_CMSG_CLOEXEC) !=
	    (ssize_t)sizeof(*request))
		return false;
	header = CMSG_FIRSTHDR(&message);
	if (header != NULL)
		memcpy(got, CMSG_DATA(header), sizeof(*got));
	return true;
}

static void
reply_to(int fd, struct vm_reply *reply, const int *fds, unsigned count)
{
	union ancillary space = { 0 };
	struct iovec part = { reply, sizeof(*reply) };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	if (count > 0) {
		message.msg_control = space.bytes;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		space.header.cmsg_level = SOL_SOCKET;
		space.header.cmsg_type = SCM_RIGHTS;
		space.header.cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(&space.header), fds, count * sizeof(int));
	}
	(void)!sendmsg(fd, &message, MSG_NOSIGNAL);
}

/* Client page and table, both empty. */
static void
make_greeting(int *fds)
{
	fds[0] = memfd_create("page", MFD_CLOEXEC);
	fds[1] = memfd_create("table", MFD_CLOEXEC);
	CHECK_INT(ftruncate(fds[0], 4096), 0);
	CHECK_INT(ftruncate(fds[1], sizeof(struct vm_table)), 0);
}

static void
converse(int fd, fake_serve *serve)
{
	struct vm_request request;
	bool going = true;
	int got, fds[2];

	while (going && receive(fd, &request, &got)) {
		struct vm_reply reply = { .op = request.op };
		bool greeting = request.op == VM_REQ_HELLO;

		going = serve(&request, got, &reply);
		if (greeting)
			make_greeting(fds);
		if (going)
			reply_to(fd, &reply, fds, greeting ? 2 : 0);
		if (got >= 0)
			close(got);
	}
	close(fd);
}

void
fake_start(struct fake *fake, fake_serve *serve)
{
	char directory[] = "/tmp/resident-test-XXXXXX";
	int listener;

	CHECK(mkdtemp(directory) != NULL);
	snprintf(fake->path, sizeof(fake->path), "%s/s", directory);
	listener = listen_at(fake->path);
	fake->pid = fork();
	CHECK(fake->pid >= 0);
	if (fake->pid > 0) {
		close(listener);
		return;
	}
	for (;;)
		converse(accept(listener, NULL, NULL), serve);
}

void
fake_stop(struct fake *fake)
{
	kill(fake->pid, SIGKILL);
	waitpid(fake->pid, NULL, 0);
	unlink(fake->path);
	*strrchr(fake->path, '/') = '\0';
	rmdir(fake->path);
}

int
fake_in_child(void (*run)(const struct fake *fake), const struct fake *fake,
    char *said, size_t size)
{
	int status = -1, err[2];
	ssize_t n;
	pid_t pid;

	CHECK_INT(pipe(err), 0);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		dup2(err[1], STDERR_FILENO);
		close(err[0]);
		close(err[1]);
		run(fake);
		_Exit(0);
	}
	close(err[1]);
	n = read(err[0], said, size - 1);
	said[n < 0 ? 0 : n] = '\0';
	close(err[0]);
	CHECK_INT(waitpid(pid, &status, 0), pid);
	return status;
}
