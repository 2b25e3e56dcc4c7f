/* SPDX-License-Identifier: BSD-2-Clause */
/* Mutual exclusion under contention, and what is blocked meanwhile. */
#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include "../../../preload/gate.h"
#include "check.h"

enum { THREADS = 8, ROUNDS = 5000 };

static struct vm_gate gate;
static long sum;	/* plain on purpose: only the gate orders it */

static void *
add(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		struct vm_signals saved = vm_signals_block();

		vm_gate_enter(&gate);
		sum++;
		if (i % 16 == 0)
			sched_yield();	/* let others find it held */
		vm_gate_leave(&gate);
		vm_signals_restore(saved);
	}
	return arg;
}

/* Lost update: wrong sum.  Lost wake-up: the runner's time limit. */
TEST(contention_loses_no_update_and_no_wakeup)
{
	pthread_t thread[THREADS];

	for (int i = 0; i < THREADS; i++)
		CHECK_INT(pthread_create(&thread[i], NULL, add, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		CHECK_INT(pthread_join(thread[i], NULL), 0);
	CHECK_INT(sum, (long)THREADS * ROUNDS);
	CHECK_INT(gate.word, 0);
}

static volatile sig_atomic_t caught;

static void
catch(int number)
{
	caught = number;
}

TEST(a_signal_waits_until_signals_are_restored)
{
	struct sigaction action = { .sa_handler = catch };
	struct vm_signals saved;

	CHECK_INT(sigaction(SIGUSR1, &action, NULL), 0);
	saved = vm_signals_block();
	CHECK_INT(raise(SIGUSR1), 0);
	CHECK_INT(caught, 0);
	vm_signals_restore(saved);
	CHECK_INT(caught, SIGUSR1);
}
