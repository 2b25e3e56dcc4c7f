/* SPDX-License-Identifier: BSD-2-Clause */
/* os/signal.c - the process's SIGBUS, and its forks; contracts in os.h. */
#include <pthread.h>
#include <signal.h>
#include <stddef.h>

#include "os/linux_private.h"

/* What a fault raises: blocked, the kernel would end the process instead. */
static const int faults[] = {
	SIGBUS, SIGSEGV, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT,
};

int
vm_os_on_sigbus(vm_os_handler *handler, struct sigaction *old)
{
	struct sigaction now = { .sa_flags = 0 };
	struct sigaction ours = {
		.sa_sigaction = handler,
		.sa_flags = SA_SIGINFO | SA_RESTART | SA_NODEFER,
	};

	if (sigaction(SIGBUS, NULL, &now) != 0)
		return -errno;
	if (handler == NULL) {
		*old = now;
		return 0;
	}
	if ((now.sa_flags & SA_SIGINFO) != 0 && now.sa_sigaction == handler)
		return 1;
	(void)sigfillset(&ours.sa_mask);
	for (size_t i = 0; i < VM_COUNT(faults); i++)
		(void)sigdelset(&ours.sa_mask, faults[i]);
	return sigaction(SIGBUS, &ours, old) == 0 ? 0 : -errno;
}

int
vm_os_sigbus_default(bool again)
{
	struct sigaction action = { .sa_handler = SIG_DFL };

	if (sigaction(SIGBUS, &action, NULL) != 0)
		return -errno;
	return again ? -pthread_kill(pthread_self(), SIGBUS) : 0;
}

int
vm_os_after_fork(void (*child)(void))
{
	return -pthread_atfork(NULL, NULL, child);
}
