/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/sim/sim.c - see sim.h. */
#include "sim.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "../program.h"
#include "report.h"
#include "run.h"
#include "server/say.h"
#include "trace.h"
#include "wish.h"

/* 64 threads: more than rows that are worth it. */
#define THREADS_MAX 64

/* 100 steps of the bar, each when so much is done. */
#define BAR_STEPS 100u

static const char help[] =
"Usage: resident sim --trace FILE... [OPTION...]\n"
"\n"
"Runs replacement policies over traces of page numbers, and prints which part\n"
"of the requests finds its page in memory, with the best possible (opt).\n"
"\n"
"  --trace FILE    PAGE [r|w] [OBJECT] on each line, plain or from zstd;\n"
"                  may be given more than once\n"
"  --policy LIST   names, 'default' (as without) or 'all'\n"
"  --size LIST     of memory: 5% of the trace's pages, or a number of pages\n"
"                  (default 5%,10%,20%)\n"
"  --marks         give each policy what the library gives it, marks of use;\n"
"                  else lru and lirs, which are an order of uses, learn each\n"
"  --tsv FILE      the same as a table with tabs\n"
"  --plot FILE     a plot, .png or .svg, by gnuplot\n";

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

/* All of them, in as many threads as there are processors. */
static int
run_all(void)
{
	pthread_t thread[THREADS_MAX];
	int most = get_nprocs(), started = 0;

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

/* Row i is policy i / sizes with size i % sizes; the last policy is opt. */
static void
plan(const struct vm_sim_wish *wish, const struct vm_trace *trace,
    struct vm_sim_row *rows)
{
	for (unsigned i = 0; i < work.count; i++) {
		const struct vm_sim_size *size = &wish->size[i % wish->sizes];
		unsigned policy = i / wish->sizes;
		const struct vm_policy_ops *ops = policy < wish->policies ?
		    wish->policy[policy] : NULL;
		uint32_t pages = vm_sim_size_pages(size, trace->distinct);

		work.sims[i] = (struct vm_sim){ .trace = trace, .ops = ops,
			.pages = pages, .marks = wish->marks,
			.progress = progress };
		rows[i] = (struct vm_sim_row){ .trace = trace->name,
			.policy = ops == NULL ? "opt" : ops->name,
			.fraction = size->percent > 0 ? size->percent / 100 :
			    (double)pages / (double)trace->distinct,
			.pages = pages, .requests = trace->count };
	}
}

static int
simulate(const struct vm_sim_wish *wish, const struct vm_trace *trace,
    struct vm_sim_row *rows)
{
	int result;

	work = (struct work){ .count = (wish->policies + 1) * wish->sizes,
		.bar = isatty(STDERR_FILENO) == 1 };
	work.total = trace->count * work.count;
	work.sims = calloc(work.count, sizeof(*work.sims));
	work.hits = calloc(work.count, sizeof(*work.hits));
	if (work.sims == NULL || work.hits == NULL) {
		vm_say("no memory to simulate");
		result = -1;
	} else {
		plan(wish, trace, rows);
		result = run_all();
	}
	for (unsigned i = 0; result == 0 && i < work.count; i++)
		rows[i].hits = work.hits[i];
	free(work.sims);
	free(work.hits);
	return result;
}

static int
report(const struct vm_sim_wish *wish, const struct vm_sim_rows *rows)
{
	vm_sim_print(rows);
	if (wish->tsv != NULL && vm_sim_write_tsv(rows, wish->tsv) != 0)
		return -1;
	if (wish->plot != NULL && vm_sim_plot(rows, wish->plot) != 0)
		return -1;
	return 0;
}

/* traces and rows have room for all; the names in rows are the traces'. */
static int
run_traces(const struct vm_sim_wish *wish, struct vm_trace *traces,
    struct vm_sim_rows *rows)
{
	unsigned per_trace = rows->policies * rows->sizes;

	for (unsigned t = 0; t < wish->traces; t++) {
		int result = vm_trace_read(&traces[t], wish->trace[t]);

		if (result != 0)
			return result;
		result = simulate(wish, &traces[t], &rows->row[t * per_trace]);
		/* Only its name is wanted from now on. */
		free(traces[t].requests);
		traces[t].requests = NULL;
		if (result != 0)
			return result;
	}
	return report(wish, rows);
}

static int
run_wish(const struct vm_sim_wish *wish)
{
	struct vm_sim_rows rows = { .policies = wish->policies + 1,
		.sizes = wish->sizes };
	struct vm_trace *traces = calloc(wish->traces, sizeof(*traces));
	int result = -1;

	rows.count = wish->traces * rows.policies * rows.sizes;
	rows.row = calloc(rows.count, sizeof(*rows.row));
	if (traces == NULL || rows.row == NULL)
		vm_say("no memory for %u rows", rows.count);
	else
		result = run_traces(wish, traces, &rows);
	for (unsigned t = 0; traces != NULL && t < wish->traces; t++)
		vm_trace_fini(&traces[t]);
	free(traces);
	free(rows.row);
	return result;
}

int
vm_command_sim(int argc, char **argv)
{
	struct vm_sim_wish wish;

	if (vm_sim_wish_read(&wish, argc, argv) != 0)
		return VM_EXIT_FAILED;
	if (wish.help) {
		fputs(help, stdout);
		return 0;
	}
	(void)signal(SIGPIPE, SIG_IGN);	/* gnuplot may be gone */
	return run_wish(&wish) == 0 ? 0 : VM_EXIT_FAILED;
}
