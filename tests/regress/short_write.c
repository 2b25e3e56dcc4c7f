/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * short_write FILE - a write(2) that comes short over mapped dirty bytes.
 *
 * Two MiB are dirtied through a shared map; then a pwrite over all of them is
 * stopped by RLIMIT_FSIZE half-way through a page.  What it wrote must show in
 * the map; what it did not write must still be what the map wrote.  Once more
 * with a write that fails altogether.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define BYTES	((size_t)2 << 20)
/* Neither a page multiple nor in the first MiB. */
#define CUT	((size_t)1536 * 1024 + 1234)

static char buffer[BYTES];

static int
differs(const char *map, size_t from, size_t to, char byte)
{
	for (size_t at = from; at < to; at++)
		if (map[at] != byte) {
			fprintf(stderr, "short_write: byte %zu is %d, not "
			    "%d\n", at, map[at], byte);
			return 1;
		}
	return 0;
}

int
main(int argc, char **argv)
{
	struct rlimit limit = { CUT, CUT };
	int fd = argc == 2 ? open(argv[1], O_RDWR | O_CREAT | O_TRUNC, 0600) :
	    -1;
	char *map;
	ssize_t n;

	if (fd < 0 || ftruncate(fd, (off_t)BYTES) != 0)
		return 2;
	map = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return 2;
	memset(map, 'm', BYTES);
	memset(buffer, 'w', BYTES);
	signal(SIGXFSZ, SIG_IGN);
	if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
		return 2;
	n = pwrite(fd, buffer, BYTES, 0);
	if (n != (ssize_t)CUT) {
		fprintf(stderr, "short_write: %zd bytes\n", n);
		return 1;
	}
	if (differs(map, 0, CUT, 'w') || differs(map, CUT, BYTES, 'm'))
		return 1;
	n = pwrite(fd, buffer, BYTES - CUT, (off_t)CUT);
	if (n != -1 || errno != EFBIG)
		return 1;
	return differs(map, 0, CUT, 'w') || differs(map, CUT, BYTES, 'm');
}
