/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * resident-bench-mmap - reads of pages through the kernel's map of a file.
 *
 *	resident-bench-mmap PATH BYTES THREADS SECONDS ADVICE ORDER WARM PROCS
 *
 * For mmap_way.h, not for people: a program of its own, because the memory of a
 * cgroup is that of whole processes.  It enters the cgroup whose cgroup.procs
 * is PROCS ("-": none), maps the first BYTES of PATH, reads WARM bytes in order
 * so that the memory is full, advises ADVICE (normal, random, sequential), and
 * lets THREADS read one word of each page in ORDER (random, forward).  After a
 * fifth of SECONDS it counts for SECONDS and prints one line of JSON.
 *
 * Each word is compared with the page's number, so a wrong page cannot count.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "bench/bench.h"

#define ARGUMENTS 9
#define THREADS_MAX 64

struct reader {
	_Alignas(64) _Atomic uint64_t count;	/* of pages (A) */
	uint64_t seed;
	pthread_t thread;
};

static const char *map;
static uint64_t pages, page_bytes;	/* (C) */
static bool forward;			/* (C) */
static unsigned threads;		/* (C) */
static atomic_bool stop;		/* (A) */
static atomic_bool wrong;		/* (A) */
static struct reader readers[THREADS_MAX];

static _Noreturn void
die(const char *what)
{
	perror(what);
	exit(1);
}

static void
look(uint64_t page)
{
	const volatile uint64_t *word = (const volatile void *)(map +
	    page * page_bytes);

	if (*word != page)
		atomic_store_explicit(&wrong, true, memory_order_relaxed);
}

static void *
reader_main(void *arg)
{
	struct reader *reader = arg;
	struct bench_rng rng = bench_rng(reader->seed);
	/* Forward readers share the file out, each its part of it. */
	uint64_t share = pages / threads;
	uint64_t first = reader->seed * share, next = 0, count = 0;

	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		look(forward ? first + next : bench_below(&rng, pages));
		next = next + 1 < share ? next + 1 : 0;
		atomic_store_explicit(&reader->count, ++count,
		    memory_order_relaxed);
	}
	return NULL;
}

static uint64_t
count_all(void)
{
	uint64_t count = 0;

	for (unsigned i = 0; i < threads; i++)
		count += atomic_load_explicit(&readers[i].count,
		    memory_order_relaxed);
	return count;
}

static double
seconds_of(struct timeval time)
{
	return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static double
cpu_s(const struct rusage *usage)
{
	return seconds_of(usage->ru_utime) + seconds_of(usage->ru_stime);
}

static double
now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void
wait_s(double seconds)
{
	struct timespec time = {
		.tv_sec = (time_t)seconds,
		.tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9),
	};

	while (nanosleep(&time, &time) != 0)
		;
}

static void
enter(const char *procs)
{
	int fd;

	if (strcmp(procs, "-") == 0)
		return;
	fd = open(procs, O_WRONLY | O_CLOEXEC);
	/* 0 is the process that writes. */
	if (fd < 0 || write(fd, "0", 1) != 1)
		die(procs);
	close(fd);
}

static void
map_file(const char *path, uint64_t bytes, uint64_t warm_bytes,
    const char *advice)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int advised = strcmp(advice, "random") == 0 ? MADV_RANDOM :
	    strcmp(advice, "sequential") == 0 ? MADV_SEQUENTIAL : MADV_NORMAL;
	void *base;

	if (fd < 0)
		die(path);
	base = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);
	if (base == MAP_FAILED)
		die("mmap");
	map = base;
	for (uint64_t i = 0; i < warm_bytes / page_bytes && i < pages; i++)
		look(i);
	if (madvise(base, bytes, advised) != 0)
		die("madvise");
	close(fd);
}

/* Counts what the readers do between two looks. */
static void
measure(double seconds)
{
	struct rusage before, after;
	double begin_s, end_s;
	uint64_t reads;

	wait_s(seconds / 5);
	reads = count_all();
	getrusage(RUSAGE_SELF, &before);
	begin_s = now_s();
	wait_s(seconds);
	reads = count_all() - reads;
	getrusage(RUSAGE_SELF, &after);
	end_s = now_s();
	printf("{\"reads\": %llu, \"seconds\": %.6f, \"cpu_s\": %.6f, "
	    "\"faults\": %ld}\n", (unsigned long long)reads, end_s - begin_s,
	    cpu_s(&after) - cpu_s(&before),
	    after.ru_majflt - before.ru_majflt);
}

int
main(int argc, char **argv)
{
	double seconds;
	uint64_t bytes;

	if (argc != ARGUMENTS) {
		fprintf(stderr, "resident-bench runs this\n");
		return 1;
	}
	page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
	bytes = strtoull(argv[2], NULL, 10);
	pages = bytes / page_bytes;
	threads = (unsigned)strtoul(argv[3], NULL, 10);
	seconds = strtod(argv[4], NULL);
	forward = strcmp(argv[6], "forward") == 0;
	if (threads < 1 || threads > THREADS_MAX || pages < threads)
		return 1;
	enter(argv[8]);
	map_file(argv[1], bytes, strtoull(argv[7], NULL, 10), argv[5]);
	for (unsigned i = 0; i < threads; i++) {
		readers[i].seed = i;
		if (pthread_create(&readers[i].thread, NULL, reader_main,
		    &readers[i]) != 0)
			die("pthread_create");
	}
	measure(seconds);
	atomic_store_explicit(&stop, true, memory_order_relaxed);
	for (unsigned i = 0; i < threads; i++)
		pthread_join(readers[i].thread, NULL);
	if (atomic_load_explicit(&wrong, memory_order_relaxed)) {
		fprintf(stderr, "a page had the bytes of another one\n");
		return 1;
	}
	return fflush(stdout) != 0;
}
