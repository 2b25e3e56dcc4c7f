/* SPDX-License-Identifier: BSD-2-Clause */
/* What a server can be told to do otherwise. */
#include "server/wish.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rig.h"
#include "server/figures.h"

static char heard[VM_WISH_ANSWER_BYTES];

static int
begin(void)
{
	struct sockaddr_un address;
	socklen_t length = vm_figures_address(&address, VM_WISH_PREFIX,
	    getpid());
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	CHECK(fd >= 0);
	CHECK(connect(fd, (struct sockaddr *)&address, length) == 0);
	return fd;
}

/* What comes next; "" is the end. */
static const char *
answer(int fd)
{
	ssize_t length = recv(fd, heard, sizeof(heard) - 1, 0);

	CHECK(length >= 0);
	heard[length] = '\0';
	return heard;
}

static const char *
say(int fd, const char *wish)
{
	CHECK(send(fd, wish, strlen(wish), MSG_NOSIGNAL) ==
	    (ssize_t)strlen(wish));
	return answer(fd);
}

TEST(a_policy_is_wished_for)
{
	int fd;

	rig_set_up();
	fd = begin();
	CHECK_STR(say(fd, "policy sieve"), VM_WISH_DONE);
	CHECK_STR(vm_policy_name(rig.server->vm), "sieve");
	CHECK_STR(answer(fd), "");
	close(fd);
	rig_tear_down();
}

TEST(what_cannot_be_done_is_said_and_changes_nothing)
{
	char name[32], longer[2 * VM_WISH_BYTES];
	int fd;

	rig_set_up();
	snprintf(name, sizeof(name), "%s", vm_policy_name(rig.server->vm));
	fd = begin();
	CHECK(strstr(say(fd, "policy best"), "\"best\"") != NULL);
	close(fd);
	fd = begin();
	CHECK_STR(say(fd, "sieve"), "there is no such wish");
	close(fd);
	fd = begin();
	memset(longer, 'x', sizeof(longer));
	memcpy(longer, "policy ", 7);
	longer[sizeof(longer) - 1] = '\0';
	CHECK(strstr(say(fd, longer), "none named") != NULL);
	close(fd);
	CHECK_STR(vm_policy_name(rig.server->vm), name);
	rig_tear_down();
}

/* 3 times as many as are kept; the last 8 may still speak, the first is gone,
 * and one who has closed is in nobody's way. */
TEST(nobody_waits_for_who_says_nothing)
{
	int fd[3 * VM_WISHERS];

	rig_set_up();
	for (unsigned i = 0; i < 3 * VM_WISHERS; i++) {
		int closes = begin();

		close(closes);
		fd[i] = begin();
	}
	CHECK_STR(say(fd[3 * VM_WISHERS - 1], "policy lru"), VM_WISH_DONE);
	CHECK_STR(answer(fd[0]), "");
	for (unsigned i = 0; i < 3 * VM_WISHERS; i++)
		close(fd[i]);
	rig_tear_down();
}

/* Its wishers hear of the end; the name is free for the next one. */
TEST(a_server_that_ends_lets_all_go)
{
	int fd;

	rig_set_up();
	fd = begin();
	CHECK_INT(rig_stop(), 0);
	CHECK_STR(answer(fd), "");
	close(fd);
	rig_set_up();
	fd = begin();
	CHECK_STR(say(fd, "policy car"), VM_WISH_DONE);
	close(fd);
	rig_tear_down();
}
