/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/mrc/mrc.c - see mrc.h. */
#include "mrc.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <resident/resident.h>

#include "../program.h"
#include "../record/touches.h"
#include "curve.h"
#include "queue/policy.h"
#include "server/say.h"
#include "wish.h"

static const char help[] =
"Usage: resident mrc --trace FILE [OPTION...]\n"
"       resident mrc [OPTION...] -- PROGRAM [ARGUMENT...]\n"
"\n"
"Says how much memory it takes for which hit ratio, from a trace (see\n"
"`resident trace`) or from PROGRAM, which it runs.\n"
"\n"
"  --hit LIST       ratios to find the memory for (default 90%)\n"
"  --policy LIST    names, 'default' or 'all' (default: default,lru)\n"
"  --points N       sizes of memory in a curve (default 40)\n"
"  --sample PAGES   about so many pages are looked at (default 32768)\n"
"  --marks          lru and lirs get marks of use, as in the library\n"
"  --tsv FILE       the curves as a table with tabs\n"
"  --plot FILE      and as a plot, .png or .svg, by gnuplot\n"
"\n"
"With PROGRAM also --mem, --include, --exclude and --min-map of `resident\n"
"run`; --mem (default 1m) is what touches are not seen within.\n";

static double
mib(double pages)
{
	return pages * vm_page_bytes() / (1 << 20);
}

static int
print_answer(FILE *out, const struct vm_curves *curves, unsigned policy,
    double ratio)
{
	const char *name = curves->wish->policy[policy]->name;
	uint32_t pages;
	double best;

	if (vm_curves_find(curves, policy, ratio, &pages, &best) != 0)
		return -1;
	if (pages == 0)
		fprintf(out, "  %-10s no memory: %.2f %% at most\n", name,
		    100 * best);
	else
		fprintf(out, "  %-10s %" PRIu32 " pages (%.1f MiB), %.1f %% of "
		    "all\n", name, pages, mib(pages),
		    100.0 * pages / curves->sample->distinct);
	return 0;
}

static void
print_sample(FILE *out, const struct vm_sample *sample)
{
	fprintf(out, "%s: %" PRIu64 " requests of %" PRIu32 " pages (%.1f MiB)",
	    sample->trace.name, sample->requests, sample->distinct,
	    mib(sample->distinct));
	if (sample->rate < 1)
		fprintf(out, ", a sample of %" PRIu32 " pages",
		    sample->trace.distinct);
	fprintf(out, "\n");
}

static int
print_answers(FILE *out, const struct vm_mrc_wish *wish,
    const struct vm_curves *curves)
{
	print_sample(out, curves->sample);
	for (unsigned i = 0; i < wish->ratios; i++) {
		fprintf(out, "for %g %% hits\n", 100 * wish->ratio[i]);
		for (unsigned p = 0; p < wish->sim.policies; p++)
			if (print_answer(out, curves, p, wish->ratio[i]) != 0)
				return -1;
	}
	return 0;
}

static int
answer(FILE *out, const struct vm_mrc_wish *wish,
    const struct vm_sim_trace *trace)
{
	struct vm_sample sample;
	struct vm_curves curves;
	int result;

	if (vm_sample_take(&sample, trace, wish->sample) != 0)
		return -1;
	result = vm_curves_make(&curves, &sample, &wish->sim, wish->points);
	if (result == 0) {
		result = print_answers(out, wish, &curves);
		if (result == 0 && wish->sim.tsv != NULL)
			result = vm_sim_write_tsv(&curves.rows, wish->sim.tsv);
		if (result == 0 && wish->sim.plot != NULL)
			result = vm_sim_plot(&curves.rows, wish->sim.plot);
		vm_curves_fini(&curves);
	}
	vm_sample_fini(&sample);
	return result;
}

/* ---- a program ---------------------------------------------------------- */

struct live {
	const struct vm_mrc_wish *wish;
	struct vm_sim_maker *maker;
	FILE *out;		/* stdout as we got it: who runs a program lets
				 * go of it, for the sake of who reads it */
};

static int
take_touch(void *arg, const struct vm_touch *touch)
{
	struct live *live = arg;

	return vm_sim_maker_add(live->maker, touch->object, touch->pindex,
	    touch->write);
}

/* Here, for the run may not return. */
static int
finish(void *arg, int result)
{
	struct live *live = arg;
	struct vm_sim_trace trace;
	struct vm_sim_maker *maker = live->maker;

	live->maker = NULL;
	if (result != 0)
		vm_sim_maker_drop(maker);
	else
		result = vm_sim_maker_end(maker, &trace);
	if (result != 0)
		return -1;
	result = answer(live->out, live->wish, &trace);
	vm_sim_trace_fini(&trace);
	if (fflush(live->out) == 0)
		return result;
	vm_say("cannot write to standard output");
	return -1;
}

/* The arguments of `resident run`. */
static char **
arguments(const struct vm_mrc_wish *wish, int *count)
{
	int argc = 0;
	char **argv;

	while (wish->program[argc] != NULL)
		argc++;
	*count = 1 + wish->run_count + 1 + argc;
	argv = calloc((size_t)*count + 1, sizeof(*argv));
	if (argv == NULL) {
		vm_say("no memory for %d arguments", *count);
		return NULL;
	}
	argv[0] = "mrc";
	memcpy(&argv[1], wish->run, (size_t)wish->run_count * sizeof(*argv));
	argv[1 + wish->run_count] = "--";
	memcpy(&argv[2 + wish->run_count], wish->program,
	    (size_t)argc * sizeof(*argv));
	return argv;
}

static FILE *
keep_stdout(void)
{
	int fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	FILE *out = fd < 0 ? NULL : fdopen(fd, "w");

	if (out != NULL)
		return out;
	vm_say("cannot write to standard output: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
	return NULL;
}

static int
run_live(const struct vm_mrc_wish *wish)
{
	struct live live = { .wish = wish, .out = keep_stdout() };
	struct vm_touches touches = { .take = take_touch, .done = finish,
		.arg = &live };
	int count = 0, status = VM_EXIT_FAILED;
	char **argv = arguments(wish, &count);

	live.maker = vm_sim_maker_new(wish->program[0]);
	if (argv != NULL && live.maker != NULL && live.out != NULL)
		status = vm_touches_run(&touches, count, argv);
	if (live.maker != NULL)
		vm_sim_maker_drop(live.maker);	/* nothing ran */
	if (live.out != NULL)
		(void)fclose(live.out);		/* flushed before */
	free(argv);
	return status;
}

static int
read_trace(const struct vm_mrc_wish *wish)
{
	struct vm_sim_trace trace;
	int result;

	(void)signal(SIGPIPE, SIG_IGN);	/* gnuplot may be gone */
	result = vm_sim_trace_read(&trace, wish->sim.trace[0]);

	if (result != 0)
		return VM_EXIT_FAILED;
	result = answer(stdout, wish, &trace);
	vm_sim_trace_fini(&trace);
	return result == 0 ? 0 : VM_EXIT_FAILED;
}

int
vm_command_mrc(int argc, char **argv)
{
	struct vm_mrc_wish wish;
	int status = VM_EXIT_FAILED;

	if (vm_mrc_wish_read(&wish, argc, argv) != 0)
		status = VM_EXIT_FAILED;
	else if (wish.sim.help) {
		fputs(help, stdout);
		status = 0;
	} else {
		status = wish.program != NULL ? run_live(&wish) :
		    read_trace(&wish);
	}
	vm_mrc_wish_fini(&wish);
	return status;
}
