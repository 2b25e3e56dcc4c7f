/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * randread - random page reads through a shared, read-only map.
 *
 *	randread make FILE BYTES
 *	randread read FILE [-t THREADS] [-s SECONDS] [-w WARM_BYTES] [-r]
 *
 * "make" writes FILE with its page number in each page's first word; the rest
 * is noise.  "read" maps FILE, reads the first WARM_BYTES in order, so that
 * the memory limit is reached before anything is timed, then advises
 * MADV_RANDOM if -r is given, lets the threads read random pages for half a
 * second untimed, and then counts for SECONDS.  Prints reads per second.
 * Every read checks the page number, so a wrong page cannot count.
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
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	PAGE_BYTES = 4096,
	PAGE_WORDS = PAGE_BYTES / sizeof(uint64_t),
	CHUNK_PAGES = 256,	/* 1 MiB writes */
	MAX_THREADS = 64,
	SETTLE_MS = 500		/* untimed random reads */
};

struct reader {
	_Alignas(64) _Atomic uint64_t count;	/* reads so far (A) */
	uint64_t seed;				/* (T) */
	pthread_t thread;			/* (C) */
};

static const volatile uint64_t *file;	/* the map (C) */
static uint64_t pages;			/* (C) */
static atomic_bool stop;		/* (A) */
static struct reader reader[MAX_THREADS];

static _Noreturn void
die(const char *what)
{
	perror(what);
	exit(1);
}

/* Marsaglia (2003), Xorshift RNGs, the triple 13, 7, 17. */
static uint64_t
next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static void
check_page(uint64_t page)
{
	if (file[page * PAGE_WORDS] == page)
		return;
	fprintf(stderr, "page %ju reads as page %ju\n", (uintmax_t)page,
	    (uintmax_t)file[page * PAGE_WORDS]);
	exit(1);
}

static void *
read_at_random(void *argument)
{
	struct reader *r = argument;

	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		check_page(next_random(&r->seed) % pages);
		atomic_fetch_add_explicit(&r->count, 1, memory_order_relaxed);
	}
	return NULL;
}

static void
pause_ms(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	while (nanosleep(&t, &t) != 0)
		continue;
}

static double
now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static uint64_t
total(unsigned threads)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < threads; i++)
		sum += atomic_load_explicit(&reader[i].count,
		    memory_order_relaxed);
	return sum;
}

static void
measure(unsigned threads, long seconds)
{
	uint64_t before;
	double start;

	for (unsigned i = 0; i < threads; i++) {
		reader[i].seed = 88172645463325252U + i * 7919;
		if (pthread_create(&reader[i].thread, NULL, read_at_random,
		    &reader[i]) != 0)
			die("pthread_create");
	}
	pause_ms(SETTLE_MS);
	before = total(threads);
	start = now_s();
	pause_ms(seconds * 1000);
	printf("%.1f\n", (double)(total(threads) - before) /
	    (now_s() - start));
	atomic_store_explicit(&stop, true, memory_order_relaxed);
	for (unsigned i = 0; i < threads; i++)
		pthread_join(reader[i].thread, NULL);
}

static void
map_file(const char *path)
{
	struct stat status;
	int fd = open(path, O_RDONLY);

	if (fd < 0 || fstat(fd, &status) != 0)
		die(path);
	pages = (uint64_t)status.st_size / PAGE_BYTES;
	file = mmap(NULL, pages * PAGE_BYTES, PROT_READ, MAP_SHARED, fd, 0);
	if (file == MAP_FAILED || pages == 0)
		die("mmap");
	close(fd);
}

static int
run_read(const char *path, int argc, char **argv)
{
	unsigned threads = 1;
	long seconds = 5;
	uint64_t warm_bytes = 0;
	bool random = false;
	int option;

	while ((option = getopt(argc, argv, "t:s:w:r")) != -1) {
		switch (option) {
		case 't': threads = (unsigned)strtoul(optarg, NULL, 10); break;
		case 's': seconds = strtol(optarg, NULL, 10); break;
		case 'w': warm_bytes = strtoull(optarg, NULL, 10); break;
		case 'r': random = true; break;
		default: return 2;
		}
	}
	if (threads == 0 || threads > MAX_THREADS || seconds <= 0)
		return 2;
	map_file(path);
	for (uint64_t i = 0; i < warm_bytes / PAGE_BYTES && i < pages; i++)
		check_page(i);
	if (random && madvise((void *)(uintptr_t)file, pages * PAGE_BYTES,
	    MADV_RANDOM) != 0)
		die("madvise");
	measure(threads, seconds);
	return 0;
}

static int
run_make(const char *path, uint64_t bytes)
{
	static uint64_t chunk[CHUNK_PAGES * PAGE_WORDS];
	uint64_t seed = 20;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0)
		die(path);
	for (size_t i = 0; i < CHUNK_PAGES * PAGE_WORDS; i++)
		chunk[i] = next_random(&seed);
	for (uint64_t page = 0; page < bytes / PAGE_BYTES;
	    page += CHUNK_PAGES) {
		for (uint64_t i = 0; i < CHUNK_PAGES; i++)
			chunk[i * PAGE_WORDS] = page + i;
		if (write(fd, chunk, sizeof(chunk)) != (ssize_t)sizeof(chunk))
			die("write");
	}
	if (fsync(fd) != 0 || close(fd) != 0)
		die("fsync");
	return 0;
}

int
main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "make") == 0)
		return run_make(argv[2], strtoull(argv[3], NULL, 10));
	if (argc >= 3 && strcmp(argv[1], "read") == 0)
		return run_read(argv[2], argc - 2, argv + 2);
	fprintf(stderr, "usage: randread make FILE BYTES | read FILE ...\n");
	return 2;
}
