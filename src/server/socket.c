/* SPDX-License-Identifier: BSD-2-Clause */
/* server/socket.c - the only place that reads from and writes to clients. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "server/folder.h"
#include "server/message.h"
#include "server/say.h"
#include "server/server_private.h"

#define SOCKET_NAME "/" VM_FOLDER_SOCKET
/* "/resident-run.XXXXXX" and SOCKET_NAME behind the folder. */
#define NAME_BYTES 32

/* 64 connections on their way: a burst of forks; more wait in connect. */
#define BACKLOG 64

/* Room for more descriptors than are ever allowed, so that too many are told
 * from the right number; what is beyond even this, the kernel closes. */
#define FDS_ROOM 8

/* A folder that is usable and leaves room for the names below it. */
static const char *
parent_folder(void)
{
	const char *folder = getenv("XDG_RUNTIME_DIR");
	size_t room = sizeof(((struct sockaddr_un *)NULL)->sun_path);

	if (folder != NULL && folder[0] == '/' &&
	    strlen(folder) + NAME_BYTES < room &&
	    access(folder, W_OK | X_OK) == 0)
		return folder;
	return "/tmp";
}

static int
make_names(struct vm_server *server)
{
	const char *parent = parent_folder();

	vm_folder_sweep(parent);
	server->folder = vm_folder_make(server->directory,
	    sizeof(server->directory), parent);
	if (server->folder < 0) {
		vm_say("cannot make a folder in %s: %s", parent,
		    strerror(-server->folder));
		return server->folder;
	}
	snprintf(server->path, sizeof(server->path), "%.*s%s",
	    (int)(sizeof(server->path) - sizeof(SOCKET_NAME)),
	    server->directory, SOCKET_NAME);
	return 0;
}

static int
listen_at(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	int error;

	if (fd < 0)
		return -errno;
	memcpy(address.sun_path, path, strlen(path) + 1);
	/* On the descriptor before bind, it is the mode of the file. */
	if (fchmod(fd, S_IRUSR | S_IWUSR) == 0 &&
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	    listen(fd, BACKLOG) == 0)
		return fd;
	error = errno;
	close(fd);
	return -error;
}

int
vm_socket_open(struct vm_server *server)
{
	int error = make_names(server);

	if (error != 0)
		return error;
	server->listener = listen_at(server->path);
	if (server->listener >= 0)
		return 0;
	error = server->listener;
	vm_say("cannot listen at %s: %s", server->path, strerror(-error));
	vm_socket_close(server);
	return error;
}

void
vm_socket_close(struct vm_server *server)
{
	if (server->listener >= 0)
		close(server->listener);
	server->listener = -1;
	if (server->directory[0] == '\0')
		return;
	vm_folder_remove(server->directory, server->folder);
	server->directory[0] = '\0';
}

int
vm_socket_accept(int listener, pid_t *pid)
{
	for (;;) {
		struct ucred peer = { 0 };
		socklen_t size = sizeof(peer);
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (fd < 0)
			return -errno;
		if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer,
		    &size) == 0 && peer.uid == geteuid() && peer.pid > 0) {
			*pid = peer.pid;
			return fd;
		}
		close(fd);
	}
}

struct incoming {
	int fd[FDS_ROOM];
	unsigned fds;
};

static void
collect(struct msghdr *message, struct incoming *in)
{
	struct cmsghdr *c;

	for (c = CMSG_FIRSTHDR(message); c != NULL;
	    c = CMSG_NXTHDR(message, c)) {
		size_t bytes = c->cmsg_len - CMSG_LEN(0);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		memcpy(in->fd, CMSG_DATA(c), bytes);
		in->fds = (unsigned)(bytes / sizeof(int));
	}
}

static void
close_all(const int *fd, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		close(fd[i]);
}

int
vm_socket_receive(int fd, struct vm_request *request, int *passed,
    const char **wrong)
{
	struct {
		struct vm_request request;
		char more;	/* a longer message is seen to be longer */
	} buffer = { 0 };
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(
	    sizeof(int) * FDS_ROOM)];
	struct iovec iov = { &buffer, sizeof(buffer) };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control) };
	struct incoming in = { .fds = 0 };
	ssize_t size;

	do {
		size = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	} while (size < 0 && errno == EINTR);
	if (size < 0)
		return 0;
	collect(&message, &in);
	/* An empty message looks like the end, and is no request either. */
	if (size == 0 && in.fds == 0)
		return 0;
	*request = buffer.request;
	*wrong = message.msg_flags & MSG_CTRUNC
	    ? "more descriptors than any request has"
	    : vm_message_check(request, (size_t)size, in.fds);
	if (*wrong != NULL) {
		close_all(in.fd, in.fds);
		return -1;
	}
	*passed = in.fds == 1 ? in.fd[0] : -1;
	return 1;
}

bool
vm_socket_send(int fd, struct vm_answer *answer)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(
	    sizeof(answer->fd))] = { 0 };
	struct iovec iov = { &answer->reply, sizeof(answer->reply) };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
	size_t bytes = answer->fds * sizeof(int);
	ssize_t sent;

	if (answer->fds > 0) {
		struct cmsghdr *c = (struct cmsghdr *)(void *)control;

		message.msg_control = control;
		message.msg_controllen = CMSG_SPACE(bytes);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(bytes);
		memcpy(CMSG_DATA(c), answer->fd, bytes);
	}
	do {
		sent = sendmsg(fd, &message, MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	close_all(answer->fd, answer->fds);
	answer->fds = 0;
	return sent == (ssize_t)sizeof(answer->reply);
}

void
vm_answer_error(struct vm_answer *answer, int err, const char *text)
{
	close_all(answer->fd, answer->fds);
	answer->fds = 0;
	answer->reply.error = err < 0 ? -err : err;
	if (text != NULL)
		vm_say_clean(answer->reply.text, sizeof(answer->reply.text),
		    text);
}

void
vm_answer_fd(struct vm_answer *answer, int fd)
{
	if (answer->reply.error != 0) {
		if (fd >= 0)
			close(fd);
		return;
	}
	if (fd < 0) {
		vm_answer_error(answer, fd, strerror(-fd));
		return;
	}
	answer->fd[answer->fds++] = fd;
}
