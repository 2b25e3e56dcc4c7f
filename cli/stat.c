/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/stat.c - see stat.h. */
#include "stat.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ask.h"
#include "program.h"
#include "server/figures.h"
#include "server/say.h"

/* 1024 servers: more than one user has at once. */
#define PIDS_MAX 1024u

static const char help[] =
"Usage: resident stat [--json] [PID... | --all]\n"
"\n"
"Prints the figures of programs that run under 'resident run' now.  PID is a\n"
"resident process itself; without one there must be exactly one of yours.\n"
"\n"
"  --json   one object for a PID, a list of objects with --all\n"
"  --all    of all that are yours\n";

struct wish {
	bool json;
	bool all;
	pid_t pid[PIDS_MAX];
	unsigned count;
};

/* ---- asking ------------------------------------------------------------- */

/* The answer as text, the caller's to free; NULL: *error says why. */
static char *
receive(pid_t pid, bool json, int *error)
{
	char *text = malloc(VM_FIGURES_BYTES + 1);
	int fd = vm_ask_connect(VM_FIGURES_PREFIX, pid);

	*error = fd < 0 ? fd : text == NULL ? -ENOMEM : 0;
	/* The first message is for programs, the second for people. */
	for (int message = 0; *error == 0 && message <= !json; message++)
		*error = vm_ask_receive(fd, text, VM_FIGURES_BYTES + 1);
	if (fd >= 0)
		close(fd);
	if (*error != 0) {
		free(text);
		return NULL;
	}
	return text;
}

/* ---- whom to ask -------------------------------------------------------- */

static int
compare_pids(const void *left, const void *right)
{
	return *(const pid_t *)left < *(const pid_t *)right ? -1 : 1;
}

/* The servers of this user, as the kernel lists the names of sockets. */
static int
find_all(struct wish *wish)
{
	FILE *names = fopen("/proc/net/unix", "re");
	char line[512];

	if (names == NULL) {
		vm_say("cannot read /proc/net/unix: %s", strerror(errno));
		return -1;
	}
	while (fgets(line, sizeof(line), names) != NULL) {
		const char *at = strstr(line, " @" VM_FIGURES_PREFIX);
		pid_t pid;
		int fd;

		if (at == NULL || wish->count == PIDS_MAX)
			continue;
		pid = (pid_t)strtol(at + strlen(" @" VM_FIGURES_PREFIX), NULL,
		    10);
		fd = pid <= 0 ? -1 : vm_ask_connect(VM_FIGURES_PREFIX, pid);
		if (fd < 0)
			continue;
		close(fd);
		wish->pid[wish->count++] = pid;
	}
	fclose(names);
	qsort(wish->pid, wish->count, sizeof(wish->pid[0]), compare_pids);
	/* A connection of ours has the listener's name, too. */
	for (unsigned i = 1; i < wish->count; i++)
		if (wish->pid[i] == wish->pid[i - 1]) {
			memmove(&wish->pid[i], &wish->pid[i + 1],
			    (wish->count - i - 1) * sizeof(wish->pid[0]));
			wish->count--;
			i--;
		}
	return 0;
}

static int
find_one(struct wish *wish)
{
	if (find_all(wish) != 0)
		return -1;
	if (wish->count == 1)
		return 0;
	if (wish->count == 0)
		vm_say("nothing of yours runs under 'resident run' now");
	else
		vm_say("%u are running: say which, or --all", wish->count);
	return -1;
}

static int
read_pid(struct wish *wish, const char *text)
{
	pid_t pid = vm_ask_read_pid(text);

	if (pid == 0)
		return -1;
	if (wish->count == PIDS_MAX) {
		vm_say("more than %u processes", PIDS_MAX);
		return -1;
	}
	wish->pid[wish->count++] = pid;
	return 0;
}

static int
read_arguments(struct wish *wish, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0)
			wish->json = true;
		else if (strcmp(argv[i], "--all") == 0)
			wish->all = true;
		else if (argv[i][0] == '-') {
			vm_say("there is no option '%s': 'resident stat "
			    "--help' says more", argv[i]);
			return -1;
		} else if (read_pid(wish, argv[i]) != 0)
			return -1;
	}
	if (wish->all && wish->count != 0) {
		vm_say("either --all or processes");
		return -1;
	}
	if (wish->all)
		return find_all(wish);
	return wish->count != 0 ? 0 : find_one(wish);
}

/* ---- telling ------------------------------------------------------------ */

static int
print_one(const struct wish *wish, unsigned i, bool first)
{
	int error = 0;
	char *text = receive(wish->pid[i], wish->json, &error);

	if (text == NULL && wish->all)
		return 0;	/* it has ended since it was found */
	if (text == NULL) {
		vm_ask_failed(wish->pid[i], error);
		return -1;
	}
	printf("%s%s", first ? "" : wish->json ? "," : "\n", text);
	free(text);
	return 1;
}

int
vm_command_stat(int argc, char **argv)
{
	struct wish wish = { .count = 0 };
	bool first = true, failed = false;
	bool list;

	if (argc > 1 && (strcmp(argv[1], "--help") == 0 ||
	    strcmp(argv[1], "-h") == 0)) {
		fputs(help, stdout);
		return 0;
	}
	if (read_arguments(&wish, argc, argv) != 0)
		return VM_EXIT_FAILED;
	list = wish.json && (wish.all || wish.count > 1);
	if (list)
		printf("[");
	for (unsigned i = 0; i < wish.count; i++) {
		int printed = print_one(&wish, i, first);

		failed |= printed < 0;
		first &= printed <= 0;
	}
	if (list)
		printf("]\n");
	return failed ? VM_EXIT_FAILED : 0;
}
