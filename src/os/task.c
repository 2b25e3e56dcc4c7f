/* SPDX-License-Identifier: BSD-2-Clause */
/* os/task.c - other tasks of the machine; contracts in os.h. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/linux_private.h"

/* proc(5): field 39 of /proc/TID/stat, "CPU number last executed on". */
#define STAT_FIELD_CPU 39

/* The text behind the command's name, which may hold spaces and brackets:
 * field 3 and on. */
static const char *
field(const char *text, int number)
{
	const char *at = strrchr(text, ')');

	for (int i = 2; at != NULL && i < number; i++) {
		at = strchr(at, ' ');
		if (at != NULL)
			at++;
	}
	return at;
}

int
vm_os_task_cpu(int tid)
{
	char path[48], text[1024];
	const char *at;
	ssize_t bytes;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	bytes = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (bytes <= 0)
		return -ESRCH;
	text[bytes] = '\0';
	at = field(text, STAT_FIELD_CPU);
	return at == NULL ? -ESRCH : atoi(at);
}

int
vm_os_pin(int cpu)
{
	static _Thread_local cpu_set_t allowed;
	static _Thread_local bool known;
	cpu_set_t one;

	if (!known) {
		if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
			return -errno;
		known = true;
	}
	if (cpu < 0)
		return sched_setaffinity(0, sizeof(allowed), &allowed) == 0 ?
		    0 : -errno;
	if (cpu >= CPU_SETSIZE || !CPU_ISSET((size_t)cpu, &allowed))
		return -EINVAL;
	CPU_ZERO(&one);
	CPU_SET((size_t)cpu, &one);
	return sched_setaffinity(0, sizeof(one), &one) == 0 ? 0 : -errno;
}

int
vm_os_task_sigbus(int tid)
{
	return syscall(SYS_tkill, tid, SIGBUS) == 0 ? 0 : -errno;
}
