/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench/bench.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define NS_PER_S 1000000000.0

uint64_t
bench_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t
ns_of(struct timeval time)
{
	return (uint64_t)time.tv_sec * 1000000000u +
	    (uint64_t)time.tv_usec * 1000u;
}

uint64_t
bench_cpu_ns(void)
{
	struct rusage children;
	struct timespec self;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &self);
	getrusage(RUSAGE_CHILDREN, &children);
	return (uint64_t)self.tv_sec * 1000000000u + (uint64_t)self.tv_nsec +
	    ns_of(children.ru_utime) + ns_of(children.ru_stime);
}

void
bench_missing(struct bench_way *way, const char *format, ...)
{
	va_list list;

	if (way->missing[0] != '\0')
		return;
	va_start(list, format);
	vsnprintf(way->missing, sizeof(way->missing), format, list);
	va_end(list);
}

/* ---- threads ------------------------------------------------------------- */

/* Threads that begin together: each says that it is there and spins. */
struct start {
	_Atomic unsigned there;
	_Atomic bool go;
};

struct runner {
	pthread_t thread;
	struct start *start;
	void (*loop)(void *, const struct bench_turn *);
	void *self;
	struct bench_turn turn;
	uint64_t begin_ns;
	uint64_t end_ns;
};

static void *
runner_main(void *arg)
{
	struct runner *runner = arg;
	struct start *start = runner->start;

	atomic_fetch_add_explicit(&start->there, 1, memory_order_release);
	while (!atomic_load_explicit(&start->go, memory_order_acquire))
		sched_yield();
	runner->begin_ns = bench_now_ns();
	runner->loop(runner->self, &runner->turn);
	runner->end_ns = bench_now_ns();
	return NULL;
}

static void
runners_start(struct runner *runners, unsigned count, struct start *start)
{
	for (unsigned i = 0; i < count; i++) {
		int code = pthread_create(&runners[i].thread, NULL,
		    runner_main, &runners[i]);

		if (code != 0)
			bench_die("a thread: %s", strerror(code));
	}
	while (atomic_load_explicit(&start->there, memory_order_acquire) !=
	    count)
		sched_yield();
	atomic_store_explicit(&start->go, true, memory_order_release);
}

/* One thread is the caller: it costs nothing to start. */
static uint64_t
run_here(void (*loop)(void *, const struct bench_turn *), void *self,
    const struct bench_turn *turn)
{
	uint64_t begin_ns = bench_now_ns();

	loop(self, turn);
	return bench_now_ns() - begin_ns;
}

uint64_t
bench_threads(void (*loop)(void *, const struct bench_turn *), void *self,
    const struct bench_turn *turn)
{
	struct start start = {0};
	uint64_t begin_ns = UINT64_MAX, end_ns = 0;
	struct runner *runners;

	if (turn->threads == 1)
		return run_here(loop, self, turn);
	runners = calloc(turn->threads, sizeof(*runners));
	if (runners == NULL)
		bench_die("no memory");
	for (unsigned i = 0; i < turn->threads; i++) {
		runners[i].start = &start;
		runners[i].loop = loop;
		runners[i].self = self;
		runners[i].turn = *turn;
		runners[i].turn.thread = i;
		runners[i].turn.seed = turn->seed * BENCH_THREADS_MOST + i;
	}
	runners_start(runners, turn->threads, &start);
	for (unsigned i = 0; i < turn->threads; i++) {
		pthread_join(runners[i].thread, NULL);
		if (runners[i].begin_ns < begin_ns)
			begin_ns = runners[i].begin_ns;
		if (runners[i].end_ns > end_ns)
			end_ns = runners[i].end_ns;
	}
	free(runners);
	return end_ns - begin_ns;
}

/* ---- one sample ---------------------------------------------------------- */

/* Another seed for each sample, the same ones in each run of the program. */
static uint64_t next_seed;

static void
prepare(const struct bench_way *way)
{
	if (way->before != NULL)
		way->before(way->self);
}

static void
clean_up(const struct bench_way *way)
{
	if (way->after != NULL)
		way->after(way->self);
}

static uint64_t
loop_ns(struct bench_way *way, uint64_t count)
{
	struct bench_turn turn = {0};

	turn.threads = way->threads != 0 ? way->threads : 1;
	turn.count = count;
	turn.seed = next_seed++;
	return bench_threads(way->loop, way->self, &turn);
}

/*
 * Operations that take the time of a sample: doubled until a quarter of it is
 * reached, which also warms up what is measured, then in proportion.
 */
static void
calibrate(struct bench *bench, struct bench_way *way)
{
	double want_ns = bench->options.seconds * NS_PER_S *
	    (way->longer != 0 ? way->longer : 1);
	uint64_t count = 1;
	uint64_t took_ns;

	if (way->count != 0 || way->loop == NULL)
		return;
	for (;; count *= 2) {
		prepare(way);
		took_ns = loop_ns(way, count);
		clean_up(way);
		if ((double)took_ns >= want_ns / 4)
			break;
	}
	way->count = (uint64_t)((double)count * want_ns / (double)took_ns) + 1;
}

static void
sample_loop(struct bench_way *way, double *figures)
{
	unsigned threads = way->threads != 0 ? way->threads : 1;
	double count = (double)way->count;
	uint64_t cpu_ns = bench_cpu_ns();
	double ns = (double)loop_ns(way, way->count);

	cpu_ns = bench_cpu_ns() - cpu_ns;
	figures[BENCH_NS] = ns / count;
	figures[BENCH_CPU] = (double)cpu_ns / count / threads;
	figures[BENCH_RATE] = count * threads * NS_PER_S / ns;
}

static void
sample(struct bench_way *way, double *figures)
{
	int code = 0;

	memset(figures, 0, sizeof(*figures) * BENCH_FIGURES);
	prepare(way);
	if (way->loop != NULL)
		sample_loop(way, figures);
	else
		code = way->once(way->self, figures);
	clean_up(way);
	if (code < 0)
		bench_missing(way, "%s", strerror(-code));
}

/* ---- rounds -------------------------------------------------------------- */

static void
ways_init(struct bench_way *ways, unsigned count, unsigned runs)
{
	for (unsigned i = 0; i < count; i++)
		for (unsigned f = 0; f < BENCH_FIGURES; f++) {
			free(ways[i].figures[f]);
			ways[i].figures[f] = calloc(runs, sizeof(double));
			if (ways[i].figures[f] == NULL)
				bench_die("no memory");
			ways[i].runs = runs;
		}
}

/* A round that is thrown away is taken for the first one, which comes next. */
static void
round_of(struct bench_way *ways, unsigned count, unsigned round, unsigned run)
{
	double figures[BENCH_FIGURES];

	for (unsigned i = 0; i < count; i++) {
		struct bench_way *way = &ways[(i + round) % count];

		if (way->missing[0] != '\0')
			continue;
		sample(way, figures);
		for (unsigned f = 0; f < BENCH_FIGURES; f++)
			way->figures[f][run] = figures[f];
	}
}

void
bench_rounds(struct bench *bench, struct bench_way *ways, unsigned count,
    unsigned runs)
{
	if (runs == 0)
		runs = bench->options.runs;
	ways_init(ways, count, runs);
	for (unsigned i = 0; i < count; i++)
		if (ways[i].missing[0] == '\0')
			calibrate(bench, &ways[i]);
	/* What is measured once only has nothing to warm up. */
	if (runs > 1)
		round_of(ways, count, 0, 0);
	for (unsigned run = 0; run < runs; run++)
		round_of(ways, count, runs > 1 ? run + 1 : 0, run);
}

void
bench_ways_fini(struct bench_way *ways, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		for (unsigned f = 0; f < BENCH_FIGURES; f++) {
			free(ways[i].figures[f]);
			ways[i].figures[f] = NULL;
		}
}
