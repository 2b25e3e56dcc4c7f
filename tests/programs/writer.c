/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * writer FILE BYTES THREADS - write sequence numbers until killed.
 *
 * Maps FILE shared and writes in every page's first and last word, the
 * second time complemented, the number of the write; pages in an order that
 * is far from sequential.  Thread t has the pages p with p % THREADS == t
 * and its own sequence 1, 2, ...; its write i goes to its page number
 * (i * STEP) % its pages.  Prints its process number, then lines "t i": all
 * of thread t's writes up to i have been made.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	PAGE_BYTES = 4096,
	PAGE_WORDS = PAGE_BYTES / sizeof(uint64_t),
	MAX_THREADS = 16,
	STEP = 40503,		/* odd; page counts are powers of two */
	REPORT_EVERY = 64	/* writes; often enough to be killed between */
};

static volatile uint64_t *file;	/* really shared: with the checker (C) */
static uint64_t pages, threads;	/* (C) */

static void
report(uint64_t thread, uint64_t sequence)
{
	char line[64];
	int length = snprintf(line, sizeof(line), "%ju %ju\n",
	    (uintmax_t)thread, (uintmax_t)sequence);

	if (write(STDOUT_FILENO, line, (size_t)length) != length)
		exit(1);
}

static void *
write_forever(void *argument)
{
	uint64_t thread = (uint64_t)(uintptr_t)argument;
	uint64_t own = pages / threads;

	for (uint64_t i = 1;; i++) {
		uint64_t page = i * STEP % own * threads + thread;

		file[page * PAGE_WORDS] = i;
		file[page * PAGE_WORDS + PAGE_WORDS - 1] = ~i;
		if (i % REPORT_EVERY == 0)
			report(thread, i);
	}
	return NULL;
}

static void
map_file(const char *path, size_t bytes)
{
	int fd = open(path, O_RDWR | O_CREAT, 0600);

	if (fd < 0 || ftruncate(fd, (off_t)bytes) != 0) {
		perror(path);
		exit(1);
	}
	file = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (file == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	close(fd);
}

int
main(int argc, char **argv)
{
	pthread_t ignored;

	if (argc != 4)
		return 2;
	pages = strtoull(argv[2], NULL, 10) / PAGE_BYTES;
	threads = strtoull(argv[3], NULL, 10);
	if (threads == 0 || threads > MAX_THREADS || pages < threads)
		return 2;
	map_file(argv[1], pages * PAGE_BYTES);
	printf("%ld\n", (long)getpid());
	fflush(stdout);
	for (uintptr_t t = 1; t < threads; t++)
		if (pthread_create(&ignored, NULL, write_forever,
		    (void *)t) != 0)
			return 1;
	write_forever(NULL);
}
