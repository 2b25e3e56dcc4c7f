/* SPDX-License-Identifier: BSD-2-Clause */
/* fault/trap_chain.c - the program's own SIGBUS; trap.h has the theory. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <ucontext.h>

#include "base/assert.h"
#include "fault/trap_private.h"

/* 16 actions that a program had in turn, each found in place of ours: most
 * have one or two in their life. */
#define ACTIONS_MAX 16u

struct action {
	struct sigaction sa;	/* (C) once it is counted */
	_Atomic bool spent;	/* SA_RESETHAND: it had its one call (A) */
};

/* Only grows: the handler reads it without a lock. */
static struct action actions[ACTIONS_MAX];
static _Atomic unsigned action_count;	/* release after the entry (A) */
static _Atomic unsigned latest;		/* index of whom to pass on to (A) */
static const struct vm_os *_Atomic machine;

/* Whom this thread has passed a signal on to, and from which frame.  Initial
 * exec: found without a call that could take memory. */
static VM_INITIAL_EXEC _Thread_local const siginfo_t *passed;
static VM_INITIAL_EXEC _Thread_local uintptr_t passed_at;

bool
vm_trap_was_write(const void *context)
{
#if defined(__x86_64__)
	const ucontext_t *c = context;

	/* Bit 1 of the page fault's error code: W. */
	return (c->uc_mcontext.gregs[REG_ERR] & 2) != 0;
#elif defined(__aarch64__)
	const ucontext_t *c = context;
	const unsigned char *at = c->uc_mcontext.__reserved;
	const unsigned char *end = at + sizeof(c->uc_mcontext.__reserved);

	while (at + sizeof(struct esr_context) <= end) {
		const struct _aarch64_ctx *head = (const void *)at;

		if (head->magic == ESR_MAGIC)	/* bit 6: WnR */
			return (((const struct esr_context *)head)->esr >> 6 &
			    1) != 0;
		if (head->magic == 0 || head->size == 0)
			break;
		at += head->size;
	}
	return true;
#else
	(void)context;
	return true;
#endif
}

static bool
same(const struct sigaction *a, const struct sigaction *b)
{
	return a->sa_flags == b->sa_flags && ((a->sa_flags & SA_SIGINFO) != 0 ?
	    a->sa_sigaction == b->sa_sigaction :
	    a->sa_handler == b->sa_handler);
}

/* One that was there before is not written down twice. */
static unsigned
place_of(const struct sigaction *sa)
{
	unsigned count = atomic_load(&action_count), at = 0;

	while (at < count && !same(&actions[at].sa, sa))
		at++;
	return at;
}

/*
 * From now on it has what is not ours.  The last place is for whoever comes
 * when all are taken: a fault that is passed on meanwhile may meet half of him.
 */
static void
keep(const struct sigaction *sa)
{
	unsigned at = place_of(sa);

	if (at == ACTIONS_MAX)
		at = ACTIONS_MAX - 1;
	actions[at].sa = *sa;
	atomic_store(&actions[at].spent, false);
	if (at == atomic_load(&action_count))
		atomic_store(&action_count, at + 1);
	atomic_store(&latest, at);
}

int
vm_trap_take_over(const struct vm_os *os, vm_os_handler *handler)
{
	struct sigaction old = { .sa_flags = 0 };
	int error = os->on_sigbus(NULL, &old);

	/* Before ours is there: a fault may come at once. */
	atomic_store(&machine, os);
	if (error == 0 && ((old.sa_flags & SA_SIGINFO) == 0 ||
	    old.sa_sigaction != handler))
		keep(&old);
	if (error == 0)
		error = os->on_sigbus(handler, &old);
	return error < 0 ? error : 0;
}

/* Raised by what this thread did, not sent. */
static bool
synchronous(const siginfo_t *info)
{
	return info->si_code > 0 && info->si_code != BUS_MCEERR_AO;
}

/* As the kernel does it: an ignored signal of a fault ends the process too. */
static void
end_process(const siginfo_t *info)
{
	const struct vm_os *os = atomic_load(&machine);

	vm_assert(os != NULL);
	(void)os->sigbus_default(!synchronous(info));
}

/* The mask that the kernel would have set for the program's handler. */
static void
set_mask(const struct sigaction *sa, const ucontext_t *context)
{
	sigset_t mask = sa->sa_mask;

	for (int number = 1; number < NSIG; number++)
		if (sigismember(&context->uc_sigmask, number) == 1)
			(void)sigaddset(&mask, number);
	if ((sa->sa_flags & SA_NODEFER) == 0)
		(void)sigaddset(&mask, SIGBUS);
	(void)pthread_sigmask(SIG_SETMASK, &mask, NULL);
}

static void
call(const struct sigaction *sa, int number, siginfo_t *info, void *context)
{
	set_mask(sa, context);
	if ((sa->sa_flags & SA_SIGINFO) != 0)
		sa->sa_sigaction(number, info, context);
	else
		sa->sa_handler(number);
}

/*
 * Whose turn it is.  Whoever we passed this signal on to may have called us:
 * then we are deeper in the stack than when we did.  (After a jump out of it
 * the next signal's frame is where the last one's was, or elsewhere.)
 */
static struct action *
choose(const siginfo_t *info, uintptr_t frame)
{
	bool returned = passed == info && passed_at != 0 && frame < passed_at;
	unsigned at = returned ? 0 : atomic_load(&latest);

	return &actions[at];
}

void
vm_trap_pass_on(int number, siginfo_t *info, void *context)
{
	uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
	struct action *action = choose(info, frame);
	const siginfo_t *outer = passed;
	uintptr_t outer_at = passed_at;
	bool plain = (action->sa.sa_flags & SA_SIGINFO) == 0;

	if (plain && action->sa.sa_handler == SIG_IGN && !synchronous(info))
		return;
	if (plain && (action->sa.sa_handler == SIG_DFL ||
	    action->sa.sa_handler == SIG_IGN)) {
		end_process(info);
		return;
	}
	if ((action->sa.sa_flags & (int)SA_RESETHAND) != 0 &&
	    atomic_exchange(&action->spent, true)) {
		end_process(info);
		return;
	}
	passed = info;
	passed_at = frame;
	call(&action->sa, number, info, context);
	passed = outer;
	passed_at = outer_at;
}
