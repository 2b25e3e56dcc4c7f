/* SPDX-License-Identifier: BSD-2-Clause */
/* How processes come, fork and go; and sessions with peers that are wrong. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rig.h"

static int
hello(int fd, uint64_t version, uint64_t page_bytes, uint32_t flags)
{
	if (rig.socket >= 0)
		close(rig.socket);
	rig.socket = rig_connect();
	return RIG_ASK(fd, .op = VM_REQ_HELLO, .token = version,
	    .length = page_bytes, .flags = flags);
}

TEST(a_greeting_that_is_not_right_ends_the_session)
{
	rig_listen();
	rig_prepare();
	rig_start();
	CHECK_INT(hello(-1, VM_PROTOCOL_VERSION + 1, PAGE, 0), -1);
	CHECK_INT(hello(-1, VM_PROTOCOL_VERSION, 2 * PAGE, 0), -1);
	CHECK_INT(hello(-1, VM_PROTOCOL_VERSION, PAGE, 2), -1);
	CHECK_INT(hello(rig.file, VM_PROTOCOL_VERSION, PAGE, 0), -1);
	CHECK(rig_said("a greeting of another version"));
	CHECK(rig_said("a greeting with another page size"));
	CHECK(rig_said("a flag that does not exist"));
	CHECK(rig_said("a descriptor that is no userfaultfd"));
	CHECK_INT(rig_stop(), 0);
	CHECK(rig_report.errors == 4 && rig_report.clients == 0);
	rig_unlisten();
}

TEST(the_greeting_is_first_and_only_once)
{
	rig_listen();
	rig_prepare();
	rig_start();
	rig.socket = rig_connect();
	CHECK_INT(RIG_ASK(-1, .op = VM_REQ_BYE), -1);
	rig_hello(false);
	CHECK_INT(RIG_ASK(-1, .op = VM_REQ_HELLO, .length = PAGE,
	    .token = VM_PROTOCOL_VERSION), -1);
	rig_hello(false);
	CHECK_INT(RIG_ASK(-1, .op = VM_REQ_ADOPT, .token = 1), -1);
	CHECK(rig_said("a request before the greeting"));
	CHECK(rig_said("a second greeting"));
	rig_tear_down();
	rig_unlisten();
}

TEST(messages_that_are_no_requests_end_the_session)
{
	struct vm_request request = { .op = VM_REQ_BYE };
	int fds[12];

	rig_listen();
	rig_prepare();
	rig_start();
	for (unsigned i = 0; i < 12; i++)
		fds[i] = rig.file;
	for (unsigned i = 0; i < 4; i++) {
		rig_hello(false);
		CHECK(i == 0 ? rig_send(&request, sizeof(request) - 1, NULL,
		    0) : i == 1 ? rig_send(&request, sizeof(request), fds, 2) :
		    i == 2 ? rig_send(&request, sizeof(request), fds, 12) :
		    rig_send(&request, 0, fds, 1));
		CHECK(!rig_hear());
	}
	CHECK(rig_said("a message of the wrong size"));
	CHECK(rig_said("the wrong number of descriptors"));
	CHECK(rig_said("more descriptors than any request has"));
	rig_hello(false);
	CHECK(rig_send(&request, 0, NULL, 0));	/* like the end */
	CHECK(!rig_hear());
	rig_tear_down();
	rig_unlisten();
}

TEST(a_peer_that_is_gone_before_its_answer_is_no_error)
{
	struct vm_request request = { .op = VM_REQ_BYE };

	rig_prepare();
	rig_start();
	for (unsigned i = 0; i < 16; i++) {
		rig_hello(false);
		CHECK(rig_send(&request, sizeof(request), NULL, 0));
		close(rig.socket);
		rig.socket = -1;
	}
	CHECK_INT(rig_stop(), 0);
	CHECK_INT(rig_report.errors, 0);
}

/* ---- a process that comes again ------------------------------------------ */

TEST(a_process_that_lost_its_connection_goes_on_with_what_it_had)
{
	rig_set_up();
	rig_map_shared();
	rig_hello(true);
	CHECK_INT(rig.fds, 2);
	CHECK(vm_server_busy(rig.server));
	/* It may have lost the descriptor, too (closefrom). */
	rig_hello(false);
	CHECK_INT(rig.fds, 3);
	CHECK(vm_server_busy(rig.server));
	CHECK_INT(rig_stop(), 0);
	CHECK_INT(rig_report.clients, 1);
}

TEST(a_process_with_another_userfaultfd_is_another_client)
{
	int first;

	rig_set_up();
	rig_map_shared();
	first = rig.uffd;
	rig.uffd = -1;
	rig_hello(true);
	CHECK_INT(RIG_ASK(-1, .op = VM_REQ_FORKING, .token = 9), 0);
	CHECK_INT(rig.reply.value, 0);		/* ranges */
	close(first);
	CHECK_INT(rig_stop(), 0);
	CHECK_INT(rig_report.clients, 2);
}

/* ---- forks --------------------------------------------------------------- */

static int
forking(uint64_t token)
{
	return RIG_ASK(-1, .op = VM_REQ_FORKING, .token = token);
}

TEST(forks_are_announced_once_and_not_too_many)
{
	rig_listen();
	rig_set_up();
	rig_map_shared();
	CHECK_INT(forking(0), 0);
	for (uint64_t i = 1; i <= VM_CLIENT_FORKS_MAX; i++)
		CHECK_INT(forking(i), 0);
	CHECK_INT(rig.reply.value, 1);
	CHECK_INT(forking(1000), EAGAIN);
	CHECK_INT(forking(0), 0);
	CHECK_INT(forking(1000), 0);
	CHECK_INT(forking(7), -1);
	CHECK(rig_said("a fork's token that is in use"));
	rig_tear_down();
	rig_unlisten();
}

static int
adopt(uint64_t token, int fd)
{
	close(rig.socket);
	rig.socket = rig_connect();
	return RIG_ASK(fd, .op = VM_REQ_ADOPT, .token = token);
}

TEST(a_fork_that_nobody_announced_has_no_child)
{
	int uffd;

	rig_listen();
	rig_set_up();
	uffd = rig_new_uffd();
	CHECK_INT(adopt(0, -1), ENOENT);
	CHECK_INT(adopt(77, -1), ENOENT);
	CHECK_INT(adopt(77, uffd), ENOENT);
	CHECK_STR(rig.reply.text, "no such fork");
	CHECK_INT(adopt(77, rig.file), -1);
	CHECK(rig_said("a descriptor that is no userfaultfd"));
	close(uffd);
	rig_tear_down();
	rig_unlisten();
}

TEST(the_child_of_an_unseen_fork_may_do_what_its_parent_might)
{
	uint32_t file;
	int child;

	rig_prepare();
	rig.uffd = rig_new_uffd();
	rig_start();
	rig.socket = rig_connect();
	CHECK_INT(RIG_ASK(rig.uffd, .op = VM_REQ_HELLO, .length = PAGE,
	    .token = VM_PROTOCOL_VERSION, .flags = VM_HELLO_FORKLESS), 0);
	file = rig_map_shared();
	CHECK_INT(forking(41), 0);
	CHECK_INT(forking(42), 0);
	child = rig_new_uffd();
	CHECK_INT(adopt(42, child), 0);
	CHECK_INT(rig.fds, 2);
	CHECK_INT(RIG_ASK(-1, .op = VM_REQ_STORE, .file = file), 0);
	CHECK_INT(fcntl(rig.fd[0], F_GETFL) & O_ACCMODE, O_RDWR);
	CHECK_INT(RIG_ASK(-1, .op = VM_REQ_ENTER, .file = file,
	    .address = (uintptr_t)rig.base, .length = PAGE,
	    .prot = VM_RANGE_TRACKED), 0);
	CHECK_INT(adopt(42, child), ENOENT);	/* once */
	close(child);
	CHECK_INT(rig_stop(), 0);
	CHECK_INT(rig_report.clients, 2);
}

static int
come_as_child(void)
{
	int old = rig.socket;

	rig.socket = rig_connect();
	close(old);
	if (RIG_ASK(-1, .op = VM_REQ_ADOPT, .token = 42) != 0 || rig.fds != 3)
		return 1;
	if (rig.base[5 * PAGE + 8] != 'w')
		return 2;
	rig.base[6 * PAGE + 8] = 'c';
	return RIG_ASK(-1, .op = VM_REQ_BYE) == 0 ? 0 : 3;
}

/* The server is in the process that forks: TSan stops its threads at the fork,
 * which waits for them. */
static void
need_fork(void)
{
	if (CHECK_TSAN)
		CHECK_SKIP("TSan's fork waits for the server, and it for us");
}

TEST(a_forked_child_comes_with_its_token_and_goes_with_its_process)
{
	char byte = 0;

	need_fork();
	rig_set_up();
	rig_show(PROT_READ | PROT_WRITE, MAP_SHARED);
	rig.base[5 * PAGE + 8] = 'w';
	CHECK_INT(forking(42), 0);
	CHECK_INT(rig_in_child(come_as_child), 0);
	CHECK(pread(rig.file, &byte, 1, 6 * PAGE + 8) == 1 && byte == 'c');
	CHECK_INT(rig_stop(), 0);
	CHECK_INT(rig_report.clients, 2);
}

static int
stop_at_once(void)
{
	return 0;
}

/* The keeper finds that the process is gone. */
TEST(a_child_that_never_comes_is_let_go)
{
	struct vm_client *first, *second;

	need_fork();
	rig_set_up();
	rig_show(PROT_READ | PROT_WRITE, MAP_SHARED);
	CHECK_INT(forking(42), 0);
	CHECK_INT(rig_in_child(stop_at_once), 0);
	first = vm_client_next(rig.server, 0);
	CHECK(first != NULL);
	vm_client_put(rig.server, first);
	while ((second = vm_client_next(rig.server, first->id + 1)) != NULL) {
		vm_client_put(rig.server, second);
		vm_keeper_hurry(rig.server);
	}
	CHECK_INT(rig_stop(), 0);
	CHECK_INT(rig_report.clients, 1);
}
