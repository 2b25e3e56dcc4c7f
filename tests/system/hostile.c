/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hostile - a client that breaks the rules, one rule for each argument.
 *
 * Run as the program of `resident run` (it talks to the socket itself, besides
 * the session that the preload library has).  After each offence it checks
 * that the server has closed that session and answers another; prints the
 * name of every offence that was not dealt with so, and exits 1.
 *
 *	hostile FILE		all offences; FILE: 4 MiB at least, read-write
 *	hostile FILE N SEED	N random messages instead
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "server/protocol.h"

#define PAGE 4096u
#define MIB (UINT64_C(1) << 20)

/* 10: more descriptors than the server takes. */
#define FDS_MAX 10

static int file_fd, readonly_fd;

/* ---- talking ------------------------------------------------------------ */

static void
die(const char *what)
{
	perror(what);
	exit(2);
}

static int
dial(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	const char *path = getenv(VM_SOCKET_ENV);

	if (fd < 0 || path == NULL)
		die("socket");
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		die("connect");
	return fd;
}

static void
transmit(int line, const void *bytes, size_t size, const int *fds,
    unsigned count)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(
	    FDS_MAX * sizeof(int))] = { 0 };
	struct iovec iov = { (void *)(uintptr_t)bytes, size };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (count > 0) {
		struct cmsghdr *c = (struct cmsghdr *)(void *)control;

		message.msg_control = control;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(c), fds, count * sizeof(int));
	}
	(void)!sendmsg(line, &message, MSG_NOSIGNAL);
}

/* False when the server has hung up.  Descriptors of the reply are lost. */
static int
hear(int line, struct vm_reply *reply)
{
	struct timeval limit = { .tv_sec = 20 };

	setsockopt(line, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	return recv(line, reply, sizeof(*reply), 0) == (ssize_t)sizeof(*reply);
}

static int
call(int line, const struct vm_request *request, int fd,
    struct vm_reply *reply)
{
	transmit(line, request, sizeof(*request), &fd, fd >= 0);
	return hear(line, reply);
}

static int
make_uffd(void)
{
	struct uffdio_api api = {
		.api = UFFD_API,
		.features = UFFD_FEATURE_PAGEFAULT_FLAG_WP |
		    UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_REMAP |
		    UFFD_FEATURE_EVENT_UNMAP | UFFD_FEATURE_MISSING_SHMEM,
	};
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) != 0)
		die("userfaultfd");
	return fd;
}

/*
 * A line that has been greeted.  From a process of its own pid: a second
 * greeting of a living process would take over the preload library's session.
 */
static int
greet(void)
{
	struct vm_request hello = {
		.op = VM_REQ_HELLO, .token = VM_PROTOCOL_VERSION,
		.length = PAGE,
	};
	struct vm_reply reply;
	int line = dial(), uffd = make_uffd();

	if (!call(line, &hello, uffd, &reply) || reply.error != 0) {
		fprintf(stderr, "no greeting: %s\n", reply.text);
		exit(2);
	}
	close(uffd);
	return line;
}

static struct vm_request
map_request(uint64_t address)
{
	return (struct vm_request){
		.op = VM_REQ_MAP, .address = address, .length = MIB,
		.prot = PROT_READ, .flags = MAP_SHARED, .token = O_RDWR,
	};
}

/* A greeted line with the file at 1 GiB; *file is its number. */
static int
greet_and_map(int fd, uint32_t *file)
{
	struct vm_request map = map_request(1024 * MIB);
	struct vm_reply reply;
	int line = greet();

	if (!call(line, &map, fd, &reply) ||
	    reply.verdict != VM_VERDICT_MANAGED) {
		fprintf(stderr, "not managed: reason %u %s\n", reply.reason,
		    reply.text);
		exit(2);
	}
	*file = reply.file;
	return line;
}

/* ---- offences ----------------------------------------------------------- */

/* Each returns the line on which it offended; the last message sent on it is
 * the offence. */
static int
send_request(int line, struct vm_request request)
{
	transmit(line, &request, sizeof(request), NULL, 0);
	return line;
}

static int
too_short(void)
{
	int line = greet();

	transmit(line, "bye", 3, NULL, 0);
	return line;
}

static int
too_long(void)
{
	char bytes[sizeof(struct vm_request) + 1] = { VM_REQ_BYE };
	int line = greet();

	transmit(line, bytes, sizeof(bytes), NULL, 0);
	return line;
}

static int
unknown_operation(void)
{
	return send_request(greet(), (struct vm_request){ .op = 99 });
}

static int
not_greeted(void)
{
	return send_request(dial(), (struct vm_request){ .op = VM_REQ_BYE });
}

static int
greeted_twice(void)
{
	return send_request(greet(), (struct vm_request){
	    .op = VM_REQ_HELLO, .token = VM_PROTOCOL_VERSION,
	    .length = PAGE });
}

static int
other_version(void)
{
	return send_request(dial(), (struct vm_request){
	    .op = VM_REQ_HELLO, .token = 77, .length = PAGE });
}

static int
false_uffd(void)
{
	struct vm_request hello = {
		.op = VM_REQ_HELLO, .token = VM_PROTOCOL_VERSION,
		.length = PAGE,
	};
	int line = dial();

	transmit(line, &hello, sizeof(hello), &file_fd, 1);
	return line;
}

static int
missing_descriptor(void)
{
	return send_request(greet(), map_request(1024 * MIB));
}

static int
many_descriptors(void)
{
	struct vm_request map = map_request(1024 * MIB);
	int fds[FDS_MAX], line = greet();

	for (unsigned i = 0; i < FDS_MAX; i++)
		fds[i] = file_fd;
	transmit(line, &map, sizeof(map), fds, FDS_MAX);
	return line;
}

static int
two_descriptors(void)
{
	struct vm_request map = map_request(1024 * MIB);
	int fds[] = { file_fd, file_fd }, line = greet();

	transmit(line, &map, sizeof(map), fds, 2);
	return line;
}

static int
superfluous_descriptor(void)
{
	struct vm_request bye = { .op = VM_REQ_BYE };
	int line = greet();

	transmit(line, &bye, sizeof(bye), &file_fd, 1);
	return line;
}

static int
forged_file(void)
{
	return send_request(greet(), (struct vm_request){
	    .op = VM_REQ_SYNC, .file = 0, .length = PAGE });
}

static int
file_beyond_table(void)
{
	return send_request(greet(), (struct vm_request){
	    .op = VM_REQ_SYNC, .file = 1u << 30, .length = PAGE });
}

static int
write_with_read_rights(void)
{
	uint32_t file;
	int line = greet_and_map(readonly_fd, &file);

	return send_request(line, (struct vm_request){
	    .op = VM_REQ_WROTE, .file = file, .length = PAGE });
}

static int
tracked_with_read_rights(void)
{
	uint32_t file;
	int line = greet_and_map(readonly_fd, &file);

	return send_request(line, (struct vm_request){
	    .op = VM_REQ_TRACK, .address = 1024 * MIB, .length = MIB });
}

static int
overflowing_range(void)
{
	struct vm_request map = map_request(UINT64_MAX - MIB + 1);
	int line = greet();

	map.length = 2 * MIB;
	transmit(line, &map, sizeof(map), &file_fd, 1);
	return line;
}

static int
overflowing_offset(void)
{
	struct vm_request map = map_request(1024 * MIB);
	int line = greet();

	map.offset = (uint64_t)INT64_MAX - PAGE + 1;
	transmit(line, &map, sizeof(map), &file_fd, 1);
	return line;
}

static int
unaligned_range(void)
{
	return send_request(greet(), (struct vm_request){
	    .op = VM_REQ_UNMAP, .address = 1024 * MIB + 1, .length = PAGE });
}

static int
unknown_kind(void)
{
	uint32_t file;
	int line = greet_and_map(file_fd, &file);

	return send_request(line, (struct vm_request){
	    .op = VM_REQ_ENTER, .file = file, .address = 2048 * MIB,
	    .length = PAGE, .prot = 9 });
}

static int
end_without_beginning(void)
{
	uint32_t file;
	int line = greet_and_map(file_fd, &file);

	return send_request(line, (struct vm_request){
	    .op = VM_REQ_WRITE_END, .file = file, .length = PAGE });
}

static int
two_beginnings(void)
{
	struct vm_request begin = { .op = VM_REQ_WRITE_BEGIN, .length = PAGE };
	struct vm_reply reply;
	int line = greet_and_map(file_fd, &begin.file);

	if (!call(line, &begin, -1, &reply) || reply.error != 0) {
		fprintf(stderr, "no write: %s\n", reply.text);
		exit(2);
	}
	return send_request(line, begin);
}

static int
truncation_with_read_rights(void)
{
	struct vm_request cut = { .op = VM_REQ_TRUNCATE, .length = 0 };
	int line = greet();

	transmit(line, &cut, sizeof(cut), &readonly_fd, 1);
	return line;
}

static int
number_where_none_belongs(void)
{
	return send_request(greet(), (struct vm_request){
	    .op = VM_REQ_BYE, .flags = 1 });
}

static int
unknown_reason(void)
{
	return send_request(greet(), (struct vm_request){
	    .op = VM_REQ_PASSED, .token = 1000 });
}

struct offence {
	const char *name;
	int (*commit)(void);
};

static const struct offence offences[] = {
	{ "too_short", too_short },
	{ "too_long", too_long },
	{ "unknown_operation", unknown_operation },
	{ "not_greeted", not_greeted },
	{ "greeted_twice", greeted_twice },
	{ "other_version", other_version },
	{ "false_uffd", false_uffd },
	{ "missing_descriptor", missing_descriptor },
	{ "two_descriptors", two_descriptors },
	{ "many_descriptors", many_descriptors },
	{ "superfluous_descriptor", superfluous_descriptor },
	{ "forged_file", forged_file },
	{ "file_beyond_table", file_beyond_table },
	{ "write_with_read_rights", write_with_read_rights },
	{ "tracked_with_read_rights", tracked_with_read_rights },
	{ "overflowing_range", overflowing_range },
	{ "overflowing_offset", overflowing_offset },
	{ "unaligned_range", unaligned_range },
	{ "unknown_kind", unknown_kind },
	{ "end_without_beginning", end_without_beginning },
	{ "two_beginnings", two_beginnings },
	{ "truncation_with_read_rights", truncation_with_read_rights },
	{ "number_where_none_belongs", number_where_none_belongs },
	{ "unknown_reason", unknown_reason },
};

/* ---- running ------------------------------------------------------------ */

/* In a child of the raw system call: the preload library has no part in it,
 * and its process id is fresh. */
static int
in_child(int (*work)(const void *), const void *arg)
{
	long pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	int status = -1;

	if (pid < 0)
		die("clone");
	if (pid == 0)
		syscall(SYS_exit_group, work(arg));
	if (syscall(SYS_wait4, pid, &status, 0, NULL) != pid)
		die("wait4");
	return status;
}

static int
offend(const void *arg)
{
	const struct offence *offence = arg;
	struct vm_reply reply;
	int line = offence->commit();

	return hear(line, &reply) ? 1 : 0;
}

static int
behave(const void *arg)
{
	uint32_t file;

	(void)arg;
	close(greet_and_map(file_fd, &file));
	return 0;
}

static int
make_noise(const void *arg)
{
	unsigned short *state = (unsigned short *)(uintptr_t)arg;
	struct vm_request request;
	int line = nrand48(state) % 2 == 0 ? dial() : greet();
	unsigned char *bytes = (unsigned char *)&request;
	int fd = file_fd;

	for (size_t i = 0; i < sizeof(request); i++)
		bytes[i] = (unsigned char)nrand48(state);
	/* Often almost right, or nothing but the first look would be tried. */
	if (nrand48(state) % 4 != 0)
		request.op = (uint32_t)nrand48(state) % VM_REQ_COUNT;
	if (nrand48(state) % 2 == 0)
		request.address &= 0xfffffff000;
	if (nrand48(state) % 2 == 0)
		request.length &= 0xfffff000;
	if (nrand48(state) % 2 == 0)
		request.file = request.prot = request.flags = 0;
	transmit(line, &request, (size_t)nrand48(state) % 3 == 0
	    ? (size_t)nrand48(state) % 128 % sizeof(request)
	    : sizeof(request), &fd, (unsigned)nrand48(state) % 2);
	return 0;
}

static int
all_offences(void)
{
	const size_t count = sizeof(offences) / sizeof(offences[0]);
	int failed = 0;

	for (size_t i = 0; i < count; i++) {
		if (in_child(offend, &offences[i]) != 0) {
			printf("%s: not dealt with\n", offences[i].name);
			failed = 1;
		}
		if (in_child(behave, NULL) != 0) {
			printf("%s: others are not served any more\n",
			    offences[i].name);
			failed = 1;
		}
	}
	printf("%zu offences\n", count);
	return failed;
}

static int
noise(long count, long seed)
{
	unsigned short state[3] = { 1, (unsigned short)seed,
		(unsigned short)(seed >> 16) };

	for (long i = 0; i < count; i++) {
		(void)in_child(make_noise, state);
		(void)nrand48(state);
	}
	printf("seed %ld\n", seed);
	return in_child(behave, NULL) != 0;
}

int
main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	file_fd = open(argv[1], O_RDWR | O_CLOEXEC);
	readonly_fd = open(argv[1], O_RDONLY | O_CLOEXEC);
	if (file_fd < 0 || readonly_fd < 0)
		die(argv[1]);
	setvbuf(stdout, NULL, _IONBF, 0);
	return argc == 4 ? noise(atol(argv[2]), atol(argv[3]))
			 : all_offences();
}
