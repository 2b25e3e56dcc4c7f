/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/sim/labour.c - see labour.h. */
#include "labour.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "server/say.h"

/* 64 threads: more than rows that are worth it. */
#define THREADS_MAX 64

/* 100 steps of the bar, each when so much is done. */
#define BAR_STEPS 100u

/* What is to be done and how far it is; the counters are the workers'. */
static struct work {
	struct vm_sim *sims;
	uint64_t *hits;
	unsigned count;
	_Atomic unsigned next;
	_Atomic int error;
	_Atomic uint64_t done;		/* requests */
	_Atomic unsigned shown;		/* steps of the bar */
	uint64_t total;
	bool bar;
} work;

static void
progress(uint64_t requests)
{
	uint64_t done = atomic_fetch_add_explicit(&work.done, requests,
	    memory_order_relaxed) + requests;
	unsigned step = (unsigned)(done * BAR_STEPS / work.total);
	unsigned shown = atomic_load_explicit(&work.shown,
	    memory_order_relaxed);
	char bar[BAR_STEPS / 2 + 1] = "";

	if (!work.bar || step <= shown ||
	    !atomic_compare_exchange_strong_explicit(&work.shown, &shown, step,
	    memory_order_relaxed, memory_order_relaxed))
		return;
	for (unsigned i = 0; i < step / 2; i++)
		bar[i] = '#';
	fprintf(stderr, "\r[%-50s] %3u %%%s", bar, step,
	    step == BAR_STEPS ? "\r\033[K" : "");
}

static void *
labour(void *unused)
{
	unsigned i;

	while ((i = atomic_fetch_add_explicit(&work.next, 1,
	    memory_order_relaxed)) < work.count) {
		const struct vm_sim *sim = &work.sims[i];
		int error = sim->ops == NULL ?
		    vm_sim_optimum(sim, &work.hits[i]) :
		    vm_sim_run(sim, &work.hits[i]);

		if (error != 0)
			atomic_store_explicit(&work.error, error,
			    memory_order_relaxed);
	}
	return unused;
}

int
vm_sim_labour(struct vm_sim *sims, uint64_t *hits, unsigned count)
{
	pthread_t thread[THREADS_MAX];
	int most = get_nprocs(), started = 0;

	work = (struct work){ .sims = sims, .hits = hits, .count = count,
		.bar = isatty(STDERR_FILENO) == 1 };
	for (unsigned i = 0; i < count; i++) {
		sims[i].progress = progress;
		work.total += sims[i].trace->count;
	}
	while (started < most - 1 && started < THREADS_MAX &&
	    pthread_create(&thread[started], NULL, labour, NULL) == 0)
		started++;
	(void)labour(NULL);
	while (started > 0)
		(void)pthread_join(thread[--started], NULL);
	if (atomic_load_explicit(&work.error, memory_order_relaxed) == 0)
		return 0;
	vm_say("no memory to simulate so many pages");
	return -1;
}
