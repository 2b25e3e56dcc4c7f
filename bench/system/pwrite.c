/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pwrite FILE COUNT - write a mapped file around its map, as SQLite and LMDB
 * do: map FILE read-only, write its pages with pwrite() in no order, and
 * look through the map after each call: the new bytes must be there.  Reads
 * every page once through the map before the clock starts.  Prints the
 * seconds that all calls and looks took together.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum {
	PAGE_BYTES = 4096,
	FILE_PAGES = 16384,	/* 64 MiB */
	STEP = 4057		/* odd, so that every page has its turn */
};

static _Noreturn void
die(const char *what)
{
	perror(what);
	exit(1);
}

static double
now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void
write_and_look(int fd, const volatile unsigned char *map, uint32_t number)
{
	unsigned char page[PAGE_BYTES];
	uint32_t seen, index = number * STEP % FILE_PAGES;
	off_t at = (off_t)index * PAGE_BYTES;

	memset(page, (int)(number & 0xff), sizeof(page));
	memcpy(page + PAGE_BYTES / 2, &number, sizeof(number));
	if (pwrite(fd, page, sizeof(page), at) != (ssize_t)sizeof(page))
		die("pwrite");
	memcpy(&seen, (const void *)(uintptr_t)(map + at + PAGE_BYTES / 2),
	    sizeof(seen));
	if (seen == number && map[at] == (number & 0xff))
		return;
	fprintf(stderr, "write %u is not seen through the map\n", number);
	exit(1);
}

static void
touch_all(const volatile unsigned char *map)
{
	for (size_t page = 0; page < FILE_PAGES; page++)
		(void)map[page * PAGE_BYTES];
}

int
main(int argc, char **argv)
{
	unsigned long count;
	double start;
	void *map;
	int fd;

	if (argc != 3)
		return 2;
	count = strtoul(argv[2], NULL, 10);
	fd = open(argv[1], O_RDWR);
	if (fd < 0)
		die(argv[1]);
	map = mmap(NULL, (size_t)FILE_PAGES * PAGE_BYTES, PROT_READ,
	    MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		die("mmap");
	touch_all(map);
	start = now_s();
	for (uint32_t i = 1; i <= count; i++)
		write_and_look(fd, map, i);
	printf("%.6f\n", now_s() - start);
	return 0;
}
