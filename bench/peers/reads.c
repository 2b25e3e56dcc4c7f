/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench/peers/reads.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

struct reader {
	_Alignas(64) _Atomic uint64_t count;	/* of reads (A) */
	const struct reads *reads;
	unsigned thread;
	pthread_t id;
};

static struct reader readers[READS_THREADS_MAX];
static atomic_bool stop;	/* (A) */
static atomic_bool wrong;	/* (A) */

void
reads_enter(const char *procs)
{
	int fd = open(procs, O_WRONLY | O_CLOEXEC);

	/* 0 is the process that writes. */
	if (fd < 0 || write(fd, "0", 1) != 1) {
		perror(procs);
		exit(1);
	}
	close(fd);
}

static void *
reader_main(void *arg)
{
	struct reader *reader = arg;
	const struct reads *reads = reader->reads;
	void *self = reads->begin(reads->self, reader->thread);
	uint64_t count = 0;

	while (self != NULL &&
	    !atomic_load_explicit(&stop, memory_order_relaxed)) {
		if (!reads->read(self))
			break;
		atomic_store_explicit(&reader->count, ++count,
		    memory_order_relaxed);
	}
	if (!atomic_load_explicit(&stop, memory_order_relaxed))
		atomic_store_explicit(&wrong, true, memory_order_relaxed);
	if (self != NULL)
		reads->end(self);
	return NULL;
}

static uint64_t
count_all(unsigned threads)
{
	uint64_t count = 0;

	for (unsigned i = 0; i < threads; i++)
		count += atomic_load_explicit(&readers[i].count,
		    memory_order_relaxed);
	return count;
}

static double
cpu_s(const struct rusage *usage)
{
	return (double)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) +
	    (double)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) / 1e6;
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

/* Counts between two looks. */
static void
count(const struct reads *reads)
{
	struct rusage before, after;
	double begin_s, end_s;
	uint64_t total;

	wait_s(reads->seconds / 5);
	total = count_all(reads->threads);
	getrusage(RUSAGE_SELF, &before);
	begin_s = now_s();
	wait_s(reads->seconds);
	total = count_all(reads->threads) - total;
	getrusage(RUSAGE_SELF, &after);
	end_s = now_s();
	printf("{\"reads\": %llu, \"seconds\": %.6f, \"cpu_s\": %.6f, "
	    "\"faults\": %ld}\n", (unsigned long long)total, end_s - begin_s,
	    cpu_s(&after) - cpu_s(&before),
	    after.ru_majflt - before.ru_majflt);
}

int
reads_measure(const struct reads *reads)
{
	for (unsigned i = 0; i < reads->threads; i++) {
		int error;

		readers[i].reads = reads;
		readers[i].thread = i;
		error = pthread_create(&readers[i].id, NULL, reader_main,
		    &readers[i]);
		if (error != 0) {
			fprintf(stderr, "a thread: %s\n", strerror(error));
			exit(1);
		}
	}
	count(reads);
	atomic_store_explicit(&stop, true, memory_order_relaxed);
	for (unsigned i = 0; i < reads->threads; i++)
		pthread_join(readers[i].id, NULL);
	if (atomic_load_explicit(&wrong, memory_order_relaxed)) {
		fprintf(stderr, "a read failed or had wrong bytes\n");
		return 1;
	}
	return fflush(stdout) != 0;
}
