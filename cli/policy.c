/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/policy.c - see policy.h. */
#include "policy.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ask.h"
#include "program.h"
#include "server/say.h"
#include "server/wish.h"

static const char help[] =
"Usage: resident policy PID NAME\n"
"\n"
"The program that runs under 'resident run' as process PID, which is resident\n"
"itself, goes by the policy NAME from now on ('resident run --help' names\n"
"them).  Files that have a policy of their own (--file-policy) keep it.\n";

static int
ask(int fd, const char *name, char *text, size_t bytes)
{
	char wish[VM_WISH_BYTES];
	int length = snprintf(wish, sizeof(wish), "%s%s", VM_WISH_POLICY,
	    name);

	if (length < 0 || (size_t)length >= sizeof(wish))
		return -ENAMETOOLONG;
	if (send(fd, wish, (size_t)length, MSG_NOSIGNAL) != length)
		return -errno;
	return vm_ask_receive(fd, text, bytes);
}

static int
change(pid_t pid, const char *name)
{
	char text[VM_WISH_ANSWER_BYTES];
	int fd = vm_ask_connect(VM_WISH_PREFIX, pid);
	int error = fd < 0 ? fd : ask(fd, name, text, sizeof(text));

	if (fd >= 0)
		close(fd);
	if (error != 0)
		vm_ask_failed(pid, error);
	else if (strcmp(text, VM_WISH_DONE) != 0) {
		vm_say("process %d: %s", (int)pid, text);
		error = -EINVAL;
	}
	return error == 0 ? 0 : VM_EXIT_FAILED;
}

int
vm_command_policy(int argc, char **argv)
{
	pid_t pid;

	if (argc > 1 && (strcmp(argv[1], "--help") == 0 ||
	    strcmp(argv[1], "-h") == 0)) {
		fputs(help, stdout);
		return 0;
	}
	if (argc != 3) {
		vm_say("a PID and a NAME are needed, as in: resident policy "
		    "1234 lirs");
		return VM_EXIT_FAILED;
	}
	pid = vm_ask_read_pid(argv[1]);
	return pid == 0 ? VM_EXIT_FAILED : change(pid, argv[2]);
}
