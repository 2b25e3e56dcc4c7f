/* SPDX-License-Identifier: BSD-2-Clause */
/* fault/follow.c - where the handler runs: handler.h says what it is worth. */
#include "fault/handler_private.h"
#include "os/os.h"

/* 64 faults: reading where the thread runs takes about 6 us, 0.1 us each. */
#define LOOK_EVERY 64

static void
pin(struct vm_handler *handler, int cpu)
{
	if (cpu == handler->follow.cpu)
		return;
	if (handler->vm->os->pin(cpu) == 0)
		handler->follow.cpu = cpu;
}

void
vm_follow_thread(struct vm_handler *handler, int thread)
{
	struct vm_follow *follow = &handler->follow;

	if (thread == 0)
		return;
	if (thread != follow->thread) {
		/* Several threads: wherever the scheduler likes. */
		follow->thread = thread;
		follow->same = 0;
		pin(handler, -1);
		return;
	}
	if (++follow->same % LOOK_EVERY == 0) {
		int cpu = handler->vm->os->task_cpu(thread);

		if (cpu >= 0)
			pin(handler, cpu);
	}
}
