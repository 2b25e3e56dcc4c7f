/* SPDX-License-Identifier: BSD-2-Clause */
/* rig.c - rig.h has the theory. */
#include "rig.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

struct vm_server_options rig_options;
struct vm_server_report rig_report;
struct rig rig;

static const char *const everything[] = { "*", NULL };
static int real_stderr = -1, heard = -1;

void
rig_prepare(void)
{
	rig_options = (struct vm_server_options){
		.vm = VM_OPTIONS_INIT,
		.min_map_bytes = PAGE,
		.include = everything,
	};
	rig_options.vm.resident_max_bytes = 8 << 20;
	rig = (struct rig){ .socket = -1, .uffd = -1, .file = -1 };
}

void
rig_start(void)
{
	void *base;

	CHECK_INT(vm_server_start(&rig_options, &rig.server), 0);
	rig.file = rig_new_file(RIG_PAGES);
	base = mmap(NULL, 2 * RIG_PAGES * PAGE, PROT_NONE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(base != MAP_FAILED);
	rig.base = base;
	rig.spare = rig.base + RIG_PAGES * PAGE;
}

static void
close_fds(void)
{
	while (rig.fds > 0)
		close(rig.fd[--rig.fds]);
}

int
rig_stop(void)
{
	int error = vm_server_stop(rig.server, &rig_report);

	close_fds();
	if (rig.socket >= 0)
		close(rig.socket);
	if (rig.uffd >= 0)
		close(rig.uffd);
	close(rig.file);
	munmap(rig.base, 2 * RIG_PAGES * PAGE);
	return error;
}

int
rig_connect(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *path = vm_server_socket(rig.server);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	memcpy(address.sun_path, path, strlen(path) + 1);
	CHECK(fd >= 0);
	CHECK(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	return fd;
}

int
rig_new_file(unsigned pages)
{
	const char *folder = access("/dev/shm", W_OK) == 0 ? "/dev/shm" :
	    "/var/tmp";
	int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	CHECK(fd >= 0);
	CHECK(ftruncate(fd, (off_t)pages * PAGE) == 0);
	for (uint64_t i = 0; i < pages; i++)
		CHECK(pwrite(fd, &i, sizeof(i), (off_t)(i * PAGE)) ==
		    (ssize_t)sizeof(i));
	return fd;
}

int
rig_new_uffd(void)
{
	struct uffdio_api api = { .api = UFFD_API,
		.features = vm_space_features() };
	int uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api) != 0) {
		if (uffd >= 0)
			close(uffd);
		CHECK_SKIP("no userfaultfd with all features for this user");
	}
	return uffd;
}

bool
rig_send(const void *bytes, size_t size, const int *fd, unsigned fds)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(16 * sizeof(int))] =
	    { 0 };
	struct iovec iov = { (void *)(uintptr_t)bytes, size };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (fds > 0) {
		struct cmsghdr *c = (struct cmsghdr *)(void *)control;

		message.msg_control = control;
		message.msg_controllen = CMSG_SPACE(fds * sizeof(int));
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(fds * sizeof(int));
		memcpy(CMSG_DATA(c), fd, fds * sizeof(int));
	}
	return sendmsg(rig.socket, &message, MSG_NOSIGNAL) == (ssize_t)size;
}

bool
rig_hear(void)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(RIG_FDS *
	    sizeof(int))];
	struct iovec iov = { &rig.reply, sizeof(rig.reply) };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control) };
	struct cmsghdr *c;

	close_fds();
	if (recvmsg(rig.socket, &message, MSG_CMSG_CLOEXEC) !=
	    (ssize_t)sizeof(rig.reply))
		return false;
	c = CMSG_FIRSTHDR(&message);
	if (c != NULL) {
		size_t bytes = c->cmsg_len - CMSG_LEN(0);

		memcpy(rig.fd, CMSG_DATA(c), bytes);
		rig.fds = (unsigned)(bytes / sizeof(int));
	}
	return true;
}

int
rig_ask(const struct vm_request *request, int fd)
{
	if (!rig_send(request, sizeof(*request), &fd, fd >= 0) || !rig_hear())
		return -1;
	CHECK_INT(rig.reply.op, request->op);
	return rig.reply.error;
}

void
rig_offend(void)
{
	bool left;

	CHECK_INT(RIG_ASK(-1, .op = 999), -1);
	do {	/* those that are dying are still being taken down */
		sched_yield();
		pthread_mutex_lock(&rig.server->lock);
		left = rig.server->clients != NULL;
		pthread_mutex_unlock(&rig.server->lock);
	} while (left);
}

void
rig_hello(bool with_uffd)
{
	if (rig.socket >= 0)
		close(rig.socket);
	if (with_uffd && rig.uffd < 0)
		rig.uffd = rig_new_uffd();
	rig.socket = rig_connect();
	CHECK_INT(RIG_ASK(with_uffd ? rig.uffd : -1, .op = VM_REQ_HELLO,
	    .token = VM_PROTOCOL_VERSION, .length = PAGE), 0);
}

uint32_t
rig_map(int prot, int flags)
{
	CHECK_INT(RIG_ASK(rig.file, .op = VM_REQ_MAP,
	    .address = (uintptr_t)rig.base, .length = RIG_PAGES * PAGE,
	    .prot = (uint32_t)prot, .flags = (uint32_t)flags), 0);
	CHECK_INT(rig.reply.verdict, VM_VERDICT_MANAGED);
	CHECK_INT(rig.fds, 2);
	return rig.reply.file;
}

uint32_t
rig_map_shared(void)
{
	return rig_map(PROT_READ | PROT_WRITE, MAP_SHARED);
}

void
rig_show(int prot, int flags)
{
	struct uffdio_register range = {
		.range = { .start = (uintptr_t)rig.base,
		    .len = RIG_PAGES * PAGE },
		.mode = UFFDIO_REGISTER_MODE_MISSING |
		    (flags == MAP_SHARED ? UFFDIO_REGISTER_MODE_WP : 0),
	};

	rig_map(prot, flags);
	CHECK(mmap(rig.base, RIG_PAGES * PAGE, prot, flags | MAP_FIXED,
	    rig.fd[0], 0) == rig.base);
	CHECK(ioctl(rig.uffd, UFFDIO_REGISTER, &range) == 0);
	if (flags == MAP_SHARED)
		CHECK_INT(RIG_ASK(-1, .op = VM_REQ_MAPPED,
		    .address = (uintptr_t)rig.base,
		    .length = RIG_PAGES * PAGE), 0);
}

void
rig_set_up(void)
{
	rig_prepare();
	rig.uffd = rig_new_uffd();
	rig_start();
	rig_hello(true);
}

void
rig_tear_down(void)
{
	CHECK_INT(rig_stop(), 0);
}

int
rig_in_child(int (*run)(void))
{
	int status;
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid == 0)
		_exit(run());
	CHECK(waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

void
rig_listen(void)
{
	real_stderr = dup(STDERR_FILENO);
	heard = memfd_create("heard", MFD_CLOEXEC);
	CHECK(real_stderr >= 0 && heard >= 0);
	CHECK(dup2(heard, STDERR_FILENO) == STDERR_FILENO);
}

bool
rig_said(const char *words)
{
	char text[8192];
	ssize_t length = pread(heard, text, sizeof(text) - 1, 0);

	CHECK(length >= 0);
	text[length] = '\0';
	return strstr(text, words) != NULL;
}

void
rig_unlisten(void)
{
	CHECK(dup2(real_stderr, STDERR_FILENO) == STDERR_FILENO);
	close(real_stderr);
	close(heard);
}

struct vm_stat
rig_stat(void)
{
	struct vm_stat stat = VM_STAT_INIT;

	CHECK_INT(vm_stat(rig.server->vm, &stat), 0);
	return stat;
}
