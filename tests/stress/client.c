/* SPDX-License-Identifier: BSD-2-Clause */
/* client.c - client.h has the theory. */
#include "client.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int client_uffd = -1;	/* of the process that joined */

void
say(int socket, uint64_t number, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { &number, sizeof(number) };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *part;

	if (fd >= 0) {
		message.msg_control = control;
		message.msg_controllen = sizeof(control);
		part = CMSG_FIRSTHDR(&message);
		part->cmsg_level = SOL_SOCKET;
		part->cmsg_type = SCM_RIGHTS;
		part->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(part), &fd, sizeof(fd));
	}
	CHECK(sendmsg(socket, &message, MSG_NOSIGNAL) ==
	    (ssize_t)sizeof(number));
}

uint64_t
hear(int socket, int *fd)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	uint64_t number = 0;
	struct iovec iov = { &number, sizeof(number) };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control) };
	struct cmsghdr *part;

	CHECK(recvmsg(socket, &message, MSG_CMSG_CLOEXEC) ==
	    (ssize_t)sizeof(number));
	part = CMSG_FIRSTHDR(&message);
	if (fd != NULL)
		*fd = -1;
	if (part != NULL && fd != NULL)
		memcpy(fd, CMSG_DATA(part), sizeof(*fd));
	return number;
}

/* A userfaultfd with the features, or -1. */
static int
open_uffd(uint64_t features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	int uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (uffd < 0)
		return -1;
	if (ioctl(uffd, UFFDIO_API, &api) == 0)
		return uffd;
	close(uffd);
	return -1;
}

void
client_start(struct client *client, client_run *run, void *arg)
{
	int pair[2], uffd = open_uffd(vm_space_features());

	if (uffd < 0)
		CHECK_SKIP("no userfaultfd with all features for this user");
	close(uffd);
	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) ==
	    0);
	client->space = NULL;
	client->pid = fork();
	CHECK(client->pid >= 0);
	if (client->pid == 0) {
		/* With the test it is at an end too. */
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(pair[0]);
		run(pair[1], arg);
		_exit(0);
	}
	close(pair[1]);
	client->socket = pair[0];
}

void
client_attach(struct client *client, struct vm *vm,
    const struct vm_space_options *options)
{
	static const struct vm_space_options none = {
		.size_bytes = sizeof(none),
	};
	int uffd;

	(void)hear(client->socket, &uffd);
	CHECK(vm_space_create(vm, uffd, options != NULL ? options : &none,
	    &client->space) == 0);
	close(uffd);
}

uint64_t
client_show(struct client *client, struct vm_object *object, uint64_t offset,
    uint64_t length, enum vm_range_kind kind)
{
	uint64_t address;
	int fd = vm_object_store_fd(object, kind == VM_RANGE_TRACKED ||
	    kind == VM_RANGE_ALIAS);

	CHECK(fd >= 0);
	say(client->socket, offset, fd);
	close(fd);
	address = hear(client->socket, NULL);
	CHECK(vm_space_enter(client->space, address, length, object, offset,
	    kind) == 0);
	CHECK(vm_space_protect(client->space, address, length) == 0);
	say(client->socket, 0, -1);
	return address;
}

static int
bury(struct client *client)
{
	int status;

	CHECK(waitpid(client->pid, &status, 0) == client->pid);
	if (client->space != NULL) {
		CHECK(!vm_space_alive(client->space));
		vm_space_destroy(client->space);
	}
	close(client->socket);
	return status;
}

void
client_end(struct client *client)
{
	int status = bury(client);

	CHECK(WIFEXITED(status));
	CHECK_INT(WEXITSTATUS(status), 0);
}

void
client_killed(struct client *client, int signal)
{
	int status = bury(client);

	CHECK(WIFSIGNALED(status));
	CHECK_INT(WTERMSIG(status), signal);
}

void
join(int socket)
{
	client_uffd = open_uffd(vm_space_features());
	CHECK(client_uffd >= 0);
	say(socket, 0, client_uffd);
}

char *
map(int socket, uint64_t length, enum vm_range_kind kind)
{
	bool private = kind == VM_RANGE_PRIVATE || kind == VM_RANGE_READ;
	int fd, prot = kind == VM_RANGE_READ ? PROT_READ :
	    PROT_READ | PROT_WRITE;
	uint64_t offset = hear(socket, &fd);
	char *base = mmap(NULL, length, prot, private ? MAP_PRIVATE :
	    MAP_SHARED, fd, (off_t)offset);
	struct uffdio_register range = {
		.range = { .start = (uintptr_t)base, .len = length },
		.mode = UFFDIO_REGISTER_MODE_MISSING |
		    (kind == VM_RANGE_TRACKED ? UFFDIO_REGISTER_MODE_WP : 0),
	};

	CHECK(base != MAP_FAILED);
	close(fd);
	CHECK(ioctl(client_uffd, UFFDIO_REGISTER, &range) == 0);
	say(socket, (uintptr_t)base, -1);
	(void)hear(socket, NULL);
	return base;
}

void *
shared_memory(size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(memory != MAP_FAILED);
	return memory;
}

const char *
directory(bool disk)
{
	const char *chosen = getenv("RESIDENT_TEST_DIR");

	if (!disk && access("/dev/shm", W_OK) == 0)
		return "/dev/shm";
	return chosen != NULL ? chosen : "/var/tmp";
}

int
new_file(bool disk, uint64_t bytes)
{
	int fd = open(directory(disk), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	CHECK(fd >= 0);
	CHECK(ftruncate(fd, (off_t)bytes) == 0);
	return fd;
}

uint64_t
number_of(const char *variable, uint64_t otherwise)
{
	const char *text = getenv(variable);

	return text != NULL ? strtoull(text, NULL, 0) : otherwise;
}
