/* SPDX-License-Identifier: BSD-2-Clause */
/* preload/rpc.c - rpc.h has the contract. */
#include "rpc.h"

#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "limbo.h"
#include "memory.h"
#include "shim.h"
#include "syscalls.h"
#include "uffd.h"
#include "watch.h"

#define GONE "the pager server is gone; ending this process rather than " \
	"reading zeros"

/* Room for the descriptors of one message, aligned as the kernel wants. */
union ancillary {
	struct cmsghdr header;
	unsigned char bytes[CMSG_SPACE(sizeof(int) * VM_CALL_DESCRIPTORS)];
};

void
vm_call_init(struct vm_call *call, enum vm_request_op op)
{
	memset(call, 0, sizeof(*call));
	call->request.op = (uint32_t)op;
	call->send = -1;
	for (unsigned i = 0; i < VM_CALL_DESCRIPTORS; i++)
		call->got[i] = -1;
}

void
vm_call_done(struct vm_call *call)
{
	for (unsigned i = 0; i < VM_CALL_DESCRIPTORS; i++)
		if (call->got[i] >= 0)
			(void)VM_SYS(SYS_close, call->got[i]);
	call->count_got = 0;
}

static int
line_socket(void)
{
	return atomic_load_explicit(&vm_shim.socket, memory_order_relaxed);
}

static void
put_descriptor(struct msghdr *message, union ancillary *space, int fd)
{
	message->msg_control = space->bytes;
	message->msg_controllen = CMSG_SPACE(sizeof(int));
	space->header.cmsg_level = SOL_SOCKET;
	space->header.cmsg_type = SCM_RIGHTS;
	space->header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&space->header), &fd, sizeof(fd));
}

static long
send_request(const struct vm_call *call)
{
	struct iovec part = {
		(void *)(uintptr_t)&call->request, sizeof(call->request)
	};
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	union ancillary space = { 0 };
	long n;

	if (call->send >= 0)
		put_descriptor(&message, &space, call->send);
	do {
		n = VM_SYS(SYS_sendmsg, line_socket(), &message, MSG_NOSIGNAL);
	} while (n == -EINTR);
	return n;
}

static void
take_descriptors(struct vm_call *call, const struct msghdr *message,
    const union ancillary *space)
{
	const struct cmsghdr *header = &space->header;
	size_t size;

	if (message->msg_controllen < sizeof(*header) ||
	    header->cmsg_level != SOL_SOCKET ||
	    header->cmsg_type != SCM_RIGHTS)
		return;
	size = header->cmsg_len - CMSG_LEN(0);
	if (size > sizeof(call->got))
		size = sizeof(call->got);
	memcpy(call->got, CMSG_DATA((struct cmsghdr *)(uintptr_t)header),
	    size);
	call->count_got = (unsigned)(size / sizeof(int));
}

static long
receive_reply(struct vm_call *call)
{
	struct iovec part = { &call->reply, sizeof(call->reply) };
	union ancillary space = { 0 };
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1,
		.msg_control = space.bytes,
		.msg_controllen = sizeof(space.bytes),
	};
	long n;

	do {
		n = VM_SYS(SYS_recvmsg, line_socket(), &message,
		    MSG_CMSG_CLOEXEC);
	} while (n == -EINTR);
	if (n > 0)
		take_descriptors(call, &message, &space);
	return n;
}

/* 0; -EBADF and the like when the socket is not ours any more; -ECONNRESET
 * when the server has hung up. */
static int
transact(struct vm_call *call)
{
	long n = send_request(call);

	/* The descriptor to send may be the bad one. */
	if (n == -EBADF && call->send >= 0 &&
	    VM_SYS(SYS_fcntl, call->send, F_GETFL) < 0)
		return -EINVAL;
	if (n == -ETOOMANYREFS || n == -ENOMEM || n == -ENOBUFS)
		return -EINVAL;
	if (n == (long)sizeof(call->request))
		n = receive_reply(call);
	if (n == -EBADF || n == -ENOTSOCK)
		return (int)n;
	if (n != (long)sizeof(call->reply) ||
	    call->reply.op != call->request.op)
		return -ECONNRESET;
	return 0;
}

static int
open_line(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	long fd = VM_SYS(SYS_socket, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC,
	    0), err;

	if (fd < 0)
		return (int)fd;
	memcpy(address.sun_path, vm_shim.path, sizeof(vm_shim.path));
	err = VM_SYS(SYS_connect, fd, &address, sizeof(address));
	if (err < 0) {
		(void)VM_SYS(SYS_close, fd);
		return (int)err;
	}
	atomic_store_explicit(&vm_shim.socket, vm_fd_hide((int)fd),
	    memory_order_relaxed);
	return 0;
}

static void
close_line(void)
{
	(void)VM_SYS(SYS_close, line_socket());
	atomic_store_explicit(&vm_shim.socket, -1, memory_order_relaxed);
}

/* At the same place as before, if there was one: others may look at it. */
static int
map_shared(int fd, uint64_t size, int prot, const void **place)
{
	long at = VM_SYS(SYS_mmap, *place, size, prot,
	    MAP_SHARED | (*place == NULL ? 0 : MAP_FIXED), fd, 0);

	if (vm_sys_failed(at))
		return (int)at;
	*place = (const void *)at;
	return 0;
}

static int
accept_config(const struct vm_call *call)
{
	const void *page = vm_shim.page, *table = vm_shim.table;
	int err;

	if (call->count_got < 2)
		return -EPROTO;
	vm_limbo_stop();
	err = map_shared(call->got[0], vm_shim.page_size,
	    PROT_READ | PROT_WRITE, &page);
	if (err == 0)
		err = map_shared(call->got[1],
		    vm_shim_page_up(sizeof(struct vm_table)), PROT_READ,
		    &table);
	vm_shim.page = (struct vm_client_page *)(uintptr_t)page;
	vm_shim.table = table;
	vm_shim.min_map = call->reply.value;
	return err;
}

/* The first request on a new line. */
static int
introduce(struct vm_call *call)
{
	int err = transact(call);

	if (err == 0 && call->reply.error != 0)
		err = -call->reply.error;
	if (err == 0)
		err = accept_config(call);
	return err;
}

/* The descriptor that came third, if one came. */
static void
take_uffd(struct vm_call *call)
{
	if (call->count_got < 3)
		return;
	atomic_store_explicit(&vm_shim.uffd, vm_fd_hide(call->got[2]),
	    memory_order_relaxed);
	call->got[2] = -1;
}

static void
explain(const struct vm_call *call, char why[VM_REPLY_TEXT])
{
	static const char refusal[] = "the pager server refused this "
	    "process; running without a limit";

	memcpy(why, refusal, sizeof(refusal));
	if (call->reply.error != 0 && call->reply.text[0] != '\0') {
		memcpy(why, call->reply.text, VM_REPLY_TEXT);
		why[VM_REPLY_TEXT - 1] = '\0';
	}
}

static int
hello(char why[VM_REPLY_TEXT])
{
	static const char silence[] = "no pager server answers; running "
	    "without a limit";
	struct vm_call call;
	int err = open_line();

	memcpy(why, silence, sizeof(silence));
	if (err < 0)
		return err;
	vm_call_init(&call, VM_REQ_HELLO);
	call.request.token = VM_PROTOCOL_VERSION;
	call.request.length = vm_shim.page_size;
	call.request.flags = vm_shim_forkless() ? VM_HELLO_FORKLESS : 0;
	call.send = atomic_load_explicit(&vm_shim.uffd, memory_order_relaxed);
	err = introduce(&call);
	if (err == 0)
		take_uffd(&call);
	vm_call_done(&call);
	if (err == 0)
		return 0;
	explain(&call, why);
	close_line();
	return err;
}

int
vm_rpc_connect(char why[VM_REPLY_TEXT])
{
	if (atomic_load_explicit(&vm_shim.uffd, memory_order_relaxed) < 0)
		atomic_store_explicit(&vm_shim.uffd, vm_uffd_new(),
		    memory_order_relaxed);
	return hello(why);
}

int
vm_rpc_adopt(uint64_t token)
{
	struct vm_call call;
	int uffd = vm_shim_forkless() ? vm_uffd_new() : -1;
	int err = vm_shim_forkless() && uffd < 0 ? uffd : open_line();

	if (err < 0)
		return err;
	atomic_store_explicit(&vm_shim.uffd, uffd, memory_order_relaxed);
	vm_call_init(&call, VM_REQ_ADOPT);
	call.request.token = token;
	call.send = uffd;
	err = introduce(&call);
	if (err == 0 && call.count_got < 3 && uffd < 0)
		err = -EPROTO;
	if (err == 0)
		take_uffd(&call);
	vm_call_done(&call);
	return err;
}

void
vm_rpc_lost(void)
{
	if (atomic_load_explicit(&vm_shim.ranges.high,
	    memory_order_relaxed) != 0)
		vm_shim_die(GONE);
	atomic_store_explicit(&vm_shim.mode, VM_SHIM_PASSIVE,
	    memory_order_release);
	/* Aliases are left, which nobody reads any more. */
	vm_shim_drop_uffd();
}

/*
 * The program closed our socket, perhaps the userfaultfd too.  The server,
 * who has a copy, gives that back; without it we could not wait for anybody
 * when the server is gone.
 */
static int
connect_again(void)
{
	char why[VM_REPLY_TEXT];
	int uffd = atomic_load_explicit(&vm_shim.uffd, memory_order_relaxed);
	int err;

	if (uffd >= 0 && VM_SYS(SYS_fcntl, uffd, F_GETFD) < 0)
		atomic_store_explicit(&vm_shim.uffd, -1,
		    memory_order_relaxed);
	if (!vm_shim_registered())
		return vm_rpc_connect(why);
	vm_watch_stop();
	err = hello(why);
	if (err == 0 && atomic_load_explicit(&vm_shim.uffd,
	    memory_order_relaxed) < 0)
		vm_shim_die("this process has closed the descriptors its "
		    "memory depends on; ending it");
	if (err == 0) {
		(void)vm_watch_start();
		vm_limbo_start();
	}
	return err;
}

/* R is held. */
static int
call_locked(struct vm_call *call)
{
	int err = -EBADF;

	if (line_socket() >= 0)
		err = transact(call);
	if (err == -EBADF || err == -ENOTSOCK) {
		err = connect_again();
		if (err == 0)
			err = transact(call);
		else
			err = -ECONNRESET;
	}
	if (err == -ECONNRESET)
		vm_rpc_lost();
	return err;
}

int
vm_rpc_call(struct vm_call *call)
{
	int err = -ENOTCONN;

	vm_gate_enter(&vm_shim.line);
	if (vm_shim_active())
		err = call_locked(call);
	vm_gate_leave(&vm_shim.line);
	if (err == 0 && call->reply.error != 0)
		err = -call->reply.error;
	return err;
}

/* Whether the server may wait for pages that a WRITE_BEGIN of ours holds. */
static bool
waits_for_pages(enum vm_request_op op)
{
	return op == VM_REQ_SYNC || op == VM_REQ_FLUSH || op == VM_REQ_WIRE ||
	    op == VM_REQ_UNWIRE || op == VM_REQ_ADVISE;
}

int
vm_rpc_file(enum vm_request_op op, uint32_t file, uint64_t offset,
    uint64_t length)
{
	bool waits = waits_for_pages(op);
	struct vm_call call;
	int err;

	vm_call_init(&call, op);
	call.request.file = file;
	call.request.offset = offset;
	call.request.length = length;
	if (waits)
		vm_gate_enter(&vm_shim.held);
	err = vm_rpc_call(&call);
	if (waits)
		vm_gate_leave(&vm_shim.held);
	vm_call_done(&call);
	return err;
}

int
vm_rpc_range(enum vm_request_op op, uint64_t address, uint64_t length)
{
	struct vm_call call;
	int err;

	vm_call_init(&call, op);
	call.request.address = address;
	call.request.length = length;
	err = vm_rpc_call(&call);
	vm_call_done(&call);
	return err;
}

int
vm_rpc_enter(const struct vm_shim_range *part, unsigned kind,
    unsigned flags)
{
	struct vm_call call;
	int err;

	vm_call_init(&call, VM_REQ_ENTER);
	call.request.file = part->file;
	call.request.address = part->start;
	call.request.length = part->end - part->start;
	call.request.offset = part->offset;
	call.request.prot = kind;
	call.request.flags = flags;
	err = vm_rpc_call(&call);
	vm_call_done(&call);
	return err;
}

int
vm_rpc_forget(uint64_t address, uint64_t length)
{
	struct vm_call call;
	int err;

	vm_call_init(&call, VM_REQ_UNMAP);
	call.request.address = address;
	call.request.length = length;
	call.request.flags = VM_UNMAP_FORGET;
	err = vm_rpc_call(&call);
	vm_call_done(&call);
	return err;
}
