/* SPDX-License-Identifier: BSD-2-Clause */
/* bench/main.c - `resident-bench WORKLOAD...`; see METHOD.md. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/options.h"
#include "bench/report.h"

/* Exit status where the machine lacks something, and nothing failed. */
#define SKIPPED 77

/* The workloads, in the order of the whole table; each is in workloads/. */
#define WORKLOADS(each) \
	each(hit) \
	each(optimistic) \
	each(scale) \
	each(alloc) \
	each(miss) \
	each(mixed) \
	each(reads) \
	each(scan) \
	each(write) \
	each(sync) \
	each(swap) \
	each(burst) \
	each(foreground) \
	each(step) \
	each(mapped) \
	each(advice) \
	each(keys) \
	each(peers) \
	each(overhead) \
	each(growth)

#define DECLARE(name) extern const struct bench_workload bench_##name;
WORKLOADS(DECLARE)

#define POINT(name) &bench_##name,
static const struct bench_workload *const workloads[] = {
	WORKLOADS(POINT)
};

#define COUNT (sizeof(workloads) / sizeof(workloads[0]))

static const struct bench_workload *
find(const char *name)
{
	for (size_t i = 0; i < COUNT; i++)
		if (strcmp(workloads[i]->name, name) == 0)
			return workloads[i];
	bench_die("there is no workload '%s': --list says which", name);
}

static void
list(void)
{
	for (size_t i = 0; i < COUNT; i++)
		printf("%-12s %s\n", workloads[i]->name,
		    workloads[i]->question);
}

/*
 * A process with one thread alone has cheaper locks (libc leaves out the lock
 * prefix), which no user of a library with a daemon ever sees.
 */
static void *
second_thread(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static void
be_threaded(void)
{
	pthread_t thread;
	int code = pthread_create(&thread, NULL, second_thread, NULL);

	if (code != 0)
		bench_die("a thread: %s", strerror(code));
	pthread_detach(thread);
}

static void
run(struct bench *bench, const struct bench_workload *workload)
{
	bench->workload = workload->name;
	workload->run(bench);
}

static void
run_named(struct bench *bench, char **names)
{
	for (char **name = names; *name != NULL; name++) {
		if (strcmp(*name, "all") != 0) {
			run(bench, find(*name));
			continue;
		}
		for (size_t i = 0; i < COUNT; i++)
			run(bench, workloads[i]);
	}
}

static int
measure(struct bench *bench, char **names)
{
	const char *json = bench->options.json;
	uint64_t begin_ns = bench_now_ns();
	int code = 0;

	/* All names are looked up before the first is run for minutes. */
	for (char **name = names; *name != NULL; name++)
		if (strcmp(*name, "all") != 0)
			find(*name);
	be_threaded();
	bench_machine_print(bench->out);
	bench_head_print(bench);
	run_named(bench, names);
	bench->seconds = (double)(bench_now_ns() - begin_ns) / 1e9;
	bench_summary_print(bench);
	if (json != NULL)
		code = bench_json_write(bench, json);
	if (code < 0)
		bench_die("%s: %s", json, strerror(-code));
	bench_results_fini(bench);
	return bench->skipped != 0 ? SKIPPED : 0;
}

int
main(int argc, char **argv)
{
	struct bench bench;
	int first = 0, status = 0;

	memset(&bench, 0, sizeof(bench));
	bench.out = stdout;
	switch (bench_options_parse(&bench.options, argc, argv, &first)) {
	case BENCH_HELP:
		bench_help_print();
		break;
	case BENCH_LIST:
		list();
		break;
	case BENCH_RUN:
		if (argv[first] == NULL)
			bench_die("a workload is needed: --list says which");
		status = measure(&bench, argv + first);
		break;
	}
	if (fflush(stdout) != 0 || ferror(stdout))
		bench_die("cannot write to standard output");
	return status;
}
