/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sync_while_writing FILE - one thread writes a mapped file with pwrite(2),
 * others dirty its pages, sync them and read it.
 *
 * A write holds pages until the server has heard of its end; a sync waits for
 * them.  When both went over one connection at a time, neither came back.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SIZE ((size_t)8 << 20)
#define PAGE ((size_t)4096)
#define SYNCERS 2
#define WRITES 8000

static int fd;
static char *map;
static atomic_bool stop;

static void *
dirty_and_sync(void *arg)
{
	unsigned seed = (unsigned)(size_t)arg;
	char page[PAGE];

	while (!atomic_load(&stop)) {
		for (int i = 0; i < 20; i++)
			map[(size_t)rand_r(&seed) % SIZE] = 1;
		if (msync(map, SIZE, MS_SYNC) != 0 || fsync(fd) != 0 ||
		    pread(fd, page, PAGE, (off_t)((size_t)rand_r(&seed) %
		    (SIZE - PAGE))) != (ssize_t)PAGE) {
			perror("sync");
			exit(1);
		}
	}
	return NULL;
}

static void
write_randomly(void)
{
	static char bytes[32 * PAGE];
	unsigned seed = 99;

	memset(bytes, 7, sizeof(bytes));
	for (int i = 0; i < WRITES; i++) {
		size_t length = (1 + (size_t)rand_r(&seed) % 32) * PAGE;
		size_t at = (size_t)rand_r(&seed) % (SIZE - length);

		if (pwrite(fd, bytes, length, (off_t)at) != (ssize_t)length) {
			perror("pwrite");
			exit(1);
		}
	}
}

int
main(int argc, char **argv)
{
	pthread_t thread[SYNCERS];

	fd = argc == 2 ? open(argv[1], O_RDWR | O_CREAT | O_CLOEXEC, 0600)
		       : -1;
	if (fd < 0 || ftruncate(fd, (off_t)SIZE) != 0)
		return 2;
	map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return 2;
	for (size_t i = 0; i < SYNCERS; i++)
		if (pthread_create(&thread[i], NULL, dirty_and_sync,
		    (void *)(i + 1)) != 0)
			return 2;
	write_randomly();
	atomic_store(&stop, true);
	for (int i = 0; i < SYNCERS; i++)
		pthread_join(thread[i], NULL);
	return 0;
}
