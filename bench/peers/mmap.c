/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * peers/mmap.c - the kernel's shared map of the file, all of it resident.
 *
 * There is nothing to look up and nothing to pin: get adds a number.  It is the
 * floor of every hit, not of what a hit is good for: the page may go at any
 * time, and whoever touches it then waits.  A map larger than the memory needs
 * a process of its own in a memory cgroup: peers/mmap_way.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "bench/peers/peer.h"

struct map {
	char *base;
	size_t bytes;
	uint32_t page_bytes;
};

static int
map_open(const struct peer_config *config, void **self, const char **why)
{
	struct map *map = calloc(1, sizeof(*map));

	*why = "the file cannot be mapped";
	if (map == NULL)
		return -ENOMEM;
	map->page_bytes = config->page_bytes;
	map->bytes = config->file_pages * config->page_bytes;
	map->base = mmap(NULL, map->bytes, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_POPULATE, config->fd, 0);
	if (map->base == MAP_FAILED) {
		int error = -errno;

		free(map);
		return error;
	}
	*self = map;
	return 0;
}

static void *
map_get(void *self, uint64_t page, void **handle)
{
	struct map *map = self;

	*handle = NULL;
	return map->base + page * map->page_bytes;
}

static void
map_put(void *self, void *handle)
{
	(void)self;
	(void)handle;
}

static void
map_close(void *self)
{
	struct map *map = self;

	munmap(map->base, map->bytes);
	free(map);
}

const struct peer_ops peer_mmap = {
	.name = "mmap",
	.flags = PEER_HITS | PEER_THREADS | PEER_REAL,
	.open = map_open,
	.get = map_get,
	.put = map_put,
	.close = map_close,
};
