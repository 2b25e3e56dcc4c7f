/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * resident-bench-mmap - reads of pages through the kernel's map of a file.
 *
 *	resident-bench-mmap PROCS PATH BYTES THREADS SECONDS ADVICE ORDER WARM
 *
 * For mmap_way.h, not for people: a program of its own, because the memory of a
 * cgroup is that of whole processes.  It enters the cgroup whose cgroup.procs
 * is PROCS, maps the first BYTES of PATH, reads WARM bytes in order so that the
 * memory is full, advises ADVICE (normal, random, sequential), and lets THREADS
 * read one word of each page in ORDER (random, forward) as reads.h says.
 *
 * Each word is compared with the page's number, so a wrong page cannot count.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/peers/reads.h"

#define ARGUMENTS 9

struct map {
	const char *base;
	uint64_t pages;
	uint64_t page_bytes;
	unsigned threads;
};

struct walk {
	const struct map *map;
	struct bench_rng rng;
	/* Of those who go forward: each has his part of the file. */
	uint64_t first;
	uint64_t next;
	uint64_t count;
};

static _Noreturn void
die(const char *what)
{
	perror(what);
	exit(1);
}

static bool
look(const struct map *map, uint64_t page)
{
	const volatile uint64_t *word = (const volatile void *)(map->base +
	    page * map->page_bytes);

	return *word == page;
}

static void *
begin(void *self, unsigned thread)
{
	const struct map *map = self;
	struct walk *walk = calloc(1, sizeof(*walk));

	if (walk == NULL)
		return NULL;
	walk->map = map;
	walk->rng = bench_rng(thread);
	walk->count = map->pages / map->threads;
	walk->first = thread * walk->count;
	return walk;
}

static bool
read_random(void *reader)
{
	struct walk *walk = reader;

	return look(walk->map, bench_below(&walk->rng, walk->map->pages));
}

static bool
read_forward(void *reader)
{
	struct walk *walk = reader;
	uint64_t page = walk->first + walk->next;

	walk->next = walk->next + 1 < walk->count ? walk->next + 1 : 0;
	return look(walk->map, page);
}

static void
map_file(struct map *map, const char *path, uint64_t bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *base;

	if (fd < 0)
		die(path);
	base = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);
	if (base == MAP_FAILED)
		die("mmap");
	close(fd);
	map->base = base;
	map->page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
	map->pages = bytes / map->page_bytes;
}

/* Advice comes afterwards: with "random", filling takes 20 times as long. */
static void
warm(const struct map *map, uint64_t bytes, const char *advice)
{
	int advised = strcmp(advice, "random") == 0 ? MADV_RANDOM :
	    strcmp(advice, "sequential") == 0 ? MADV_SEQUENTIAL : MADV_NORMAL;

	for (uint64_t i = 0; i < bytes / map->page_bytes && i < map->pages;
	    i++)
		look(map, i);
	if (madvise((void *)(uintptr_t)map->base,
	    map->pages * map->page_bytes, advised) != 0)
		die("madvise");
}

int
main(int argc, char **argv)
{
	struct reads reads = {.begin = begin, .end = free};
	struct map map = {0};

	if (argc != ARGUMENTS) {
		fprintf(stderr, "resident-bench runs this\n");
		return 1;
	}
	reads.threads = map.threads = (unsigned)strtoul(argv[4], NULL, 10);
	reads.seconds = strtod(argv[5], NULL);
	reads.self = &map;
	reads.read = strcmp(argv[7], "forward") == 0 ? read_forward :
	    read_random;
	if (reads.threads < 1 || reads.threads > READS_THREADS_MAX)
		return 1;
	reads_enter(argv[1]);
	map_file(&map, argv[2], strtoull(argv[3], NULL, 10));
	warm(&map, strtoull(argv[8], NULL, 10), argv[6]);
	return reads_measure(&reads);
}
