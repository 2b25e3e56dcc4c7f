/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/sim/sim.c - see sim.h. */
#include "sim.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "../program.h"
#include "labour.h"
#include "report.h"
#include "run.h"
#include "server/say.h"
#include "trace.h"
#include "wish.h"

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

/* Row i is policy i / sizes with size i % sizes; the last policy is opt. */
static void
plan(const struct vm_sim_wish *wish, const struct vm_sim_trace *trace,
    struct vm_sim *sims, struct vm_sim_row *rows)
{
	for (unsigned i = 0; i < (wish->policies + 1) * wish->sizes; i++) {
		const struct vm_sim_size *size = &wish->size[i % wish->sizes];
		unsigned policy = i / wish->sizes;
		const struct vm_policy_ops *ops = policy < wish->policies ?
		    wish->policy[policy] : NULL;
		uint32_t pages = vm_sim_size_pages(size, trace->distinct);

		sims[i] = (struct vm_sim){ .trace = trace, .ops = ops,
			.pages = pages, .marks = wish->marks };
		rows[i] = (struct vm_sim_row){ .trace = trace->name,
			.policy = ops == NULL ? "opt" : ops->name,
			.fraction = size->percent > 0 ? size->percent / 100 :
			    (double)pages / (double)trace->distinct,
			.pages = pages, .requests = trace->count };
	}
}

static int
simulate(const struct vm_sim_wish *wish, const struct vm_sim_trace *trace,
    struct vm_sim_row *rows)
{
	unsigned count = (wish->policies + 1) * wish->sizes;
	struct vm_sim *sims = calloc(count, sizeof(*sims));
	uint64_t *hits = calloc(count, sizeof(*hits));
	int result = -1;

	if (sims == NULL || hits == NULL)
		vm_say("no memory to simulate");
	else {
		plan(wish, trace, sims, rows);
		result = vm_sim_labour(sims, hits, count);
	}
	for (unsigned i = 0; result == 0 && i < count; i++)
		rows[i].hits = hits[i];
	free(sims);
	free(hits);
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
run_traces(const struct vm_sim_wish *wish, struct vm_sim_trace *traces,
    struct vm_sim_rows *rows)
{
	unsigned per_trace = rows->policies * rows->sizes;

	for (unsigned t = 0; t < wish->traces; t++) {
		int result = vm_sim_trace_read(&traces[t], wish->trace[t]);

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
	struct vm_sim_trace *traces = calloc(wish->traces, sizeof(*traces));
	int result = -1;

	rows.count = wish->traces * rows.policies * rows.sizes;
	rows.row = calloc(rows.count, sizeof(*rows.row));
	if (traces == NULL || rows.row == NULL)
		vm_say("no memory for %u rows", rows.count);
	else
		result = run_traces(wish, traces, &rows);
	for (unsigned t = 0; traces != NULL && t < wish->traces; t++)
		vm_sim_trace_fini(&traces[t]);
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
