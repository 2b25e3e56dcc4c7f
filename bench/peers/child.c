/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench/peers/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

/* 0: none runs.  For the handler, which may run in any thread. */
static _Atomic pid_t running;
static atomic_bool abandoned;

static double
now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Ours and the setting, to be freed; NULL: no memory.  It is first, and so the
 * one that is found. */
static char **
environment(const char *setting)
{
	size_t count = 0;
	char **all;

	while (environ[count] != NULL)
		count++;
	all = calloc(count + 2, sizeof(*all));
	if (all == NULL)
		return NULL;
	/* Nobody writes to it, whatever its type says. */
	all[0] = (char *)(uintptr_t)setting;
	memcpy(all + (setting != NULL), environ, count * sizeof(*all));
	return all;
}

/* The child's output goes into the pipe's end; 0 or an errno. */
static int
start(char *const argv[], char **settings, int out, pid_t *pid)
{
	posix_spawn_file_actions_t files;
	int error = posix_spawn_file_actions_init(&files);

	if (error != 0)
		return error;
	error = posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
	if (error == 0)
		error = posix_spawn_file_actions_addopen(&files, STDIN_FILENO,
		    "/dev/null", O_RDONLY, 0);
	if (error == 0)
		error = posix_spawn_file_actions_adddup2(&files, out,
		    STDERR_FILENO);
	if (error == 0)
		error = posix_spawnp(pid, argv[0], &files, NULL, argv,
		    settings);
	posix_spawn_file_actions_destroy(&files);
	return error;
}

/* Everything until the other end is closed.  0 or a negative errno. */
static int
drain(int in, double deadline_s, struct child *child)
{
	while (child->length < CHILD_OUTPUT_MAX_BYTES) {
		struct pollfd ready = {.fd = in, .events = POLLIN};
		double left_s = deadline_s - now_s();
		ssize_t got;

		if (left_s <= 0)
			return -ETIMEDOUT;
		got = poll(&ready, 1, (int)(left_s * 1e3) + 1);
		if (got == 0)
			return -ETIMEDOUT;
		if (got > 0)
			got = read(in, child->output + child->length,
			    CHILD_OUTPUT_MAX_BYTES - child->length);
		if (got == 0)
			return 0;
		if (got < 0 && errno != EINTR)
			return -errno;
		if (got > 0)
			child->length += (size_t)got;
	}
	return -EOVERFLOW;
}

/* Waits for its end, which is near: the pipe is closed, or it was killed. */
static void
reap(pid_t pid, struct child *child)
{
	struct rusage usage = {0};
	int status = 0;

	while (wait4(pid, &status, 0, &usage) < 0 && errno == EINTR)
		;
	child->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
	    WEXITSTATUS(status);
	child->cpu_s = (double)(usage.ru_utime.tv_sec +
	    usage.ru_stime.tv_sec) +
	    (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

int
child_run(char *const argv[], const char *setting, double limit_s,
    struct child *child)
{
	double deadline_s = now_s() + limit_s;
	char **settings = environment(setting);
	int ends[2];
	pid_t pid;
	int error;

	*child = (struct child){.output = malloc(CHILD_OUTPUT_MAX_BYTES + 1)};
	error = settings == NULL || child->output == NULL ? -ENOMEM :
	    pipe2(ends, O_CLOEXEC) != 0 ? -errno : 0;
	if (error != 0) {
		free(settings);
		free(child->output);
		return error;
	}
	error = -start(argv, settings, ends[1], &pid);
	free(settings);
	close(ends[1]);
	if (error == 0) {
		atomic_store(&running, pid);
		error = drain(ends[0], deadline_s, child);
		if (error != 0)
			kill(pid, SIGKILL);
		/* Our end is near: nothing is to be done any more. */
		while (atomic_load(&abandoned))
			pause();
		atomic_store(&running, 0);
		reap(pid, child);
	}
	close(ends[0]);
	child->output[child->length] = '\0';
	if (error != 0)
		free(child->output);
	return error;
}

void
child_abandon(void)
{
	pid_t pid = atomic_load(&running);

	atomic_store(&abandoned, true);
	if (pid == 0)
		return;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}
