/* SPDX-License-Identifier: BSD-2-Clause */
/* os/task.c - other tasks of the machine; contracts in os.h. */
#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/linux_private.h"

int
vm_os_task_sigbus(int tid)
{
	return syscall(SYS_tkill, tid, SIGBUS) == 0 ? 0 : -errno;
}
