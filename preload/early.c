/* SPDX-License-Identifier: BSD-2-Clause */
/* preload/early.c - early.h has the theory. */
#include "early.h"

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

#include "syscalls.h"

/* All of it (S), and the one thread that is in fork. */
static struct {
	void (*take)(void);
	struct sigaction before;
	long parent;
	bool on;
	bool taken;
} early;

/* The kernel's mask: SIGSEGV alone. */
#define MASK (UINT64_C(1) << (SIGSEGV - 1))

static void
set_blocked(int how)
{
	uint64_t mask = MASK;

	(void)VM_SYS(SYS_rt_sigprocmask, how, &mask, NULL, sizeof(mask));
}

static void
touched(int number, siginfo_t *info, void *context)
{
	long process = VM_SYS(SYS_getpid);
	int error = errno;

	(void)context;
	if (process != early.parent && !early.taken && info->si_code > 0) {
		early.taken = true;
		early.take();
	} else {
		(void)sigaction(SIGSEGV, &early.before, NULL);
		/* Somebody has sent it: it does not come again by itself. */
		if (info->si_code <= 0)
			(void)VM_SYS(SYS_tgkill, process,
			    VM_SYS(SYS_gettid), number);
	}
	errno = error;
}

void
vm_early_watch(void (*take)(void))
{
	struct sigaction action = {
		.sa_sigaction = touched, .sa_flags = SA_SIGINFO | SA_ONSTACK
	};

	(void)sigfillset(&action.sa_mask);
	early.take = take;
	early.parent = VM_SYS(SYS_getpid);
	early.taken = false;
	early.on = sigaction(SIGSEGV, &action, &early.before) == 0;
	if (early.on)
		set_blocked(SIG_UNBLOCK);
}

bool
vm_early_end(void)
{
	struct sigaction now;

	if (!early.on)
		return false;
	early.on = false;
	set_blocked(SIG_BLOCK);
	/* Another thread may have set one of its own since. */
	if (sigaction(SIGSEGV, NULL, &now) == 0 &&
	    (now.sa_flags & SA_SIGINFO) != 0 && now.sa_sigaction == touched)
		(void)sigaction(SIGSEGV, &early.before, NULL);
	return early.taken;
}
