/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keys - random values of 100 bytes by key, out of pages of ours and out of
 * LMDB and WiredTiger; read only.
 *
 * Hits: stores in memory, with memory enough for all of it, in this process.
 * More than memory: stores on a disk, four times the memory, each in a process
 * and a memory cgroup of its own (peers/keys_reads.c).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/peers/caged.h"
#include "bench/peers/keys.h"

#define HIT_KEYS	UINT64_C(1000000)
#define HIT_KEYS_QUICK	UINT64_C(5000)
/* Four times what a value takes with its key and the worst of the trees. */
#define HIT_BYTES_PER_KEY 640u

/* 400 MB of values in 96 MiB; quick: does it work, so all of it fits. */
#define DISK_KEYS	UINT64_C(4000000)
#define DISK_KEYS_QUICK	UINT64_C(20000)
#define DISK_MEMORY	(UINT64_C(96) << 20)

/* s: a process is started for each, and its memory filled. */
#define DISK_SAMPLE_S	0.8
#define DISK_QUICK_S	0.2
#define DISK_ROUNDS	3u
/* As many as a device needs to be busy. */
#define DISK_THREADS	8u

#define STORES_MAX	4u

struct hits {
	const struct keys_ops *ops;
	uint64_t keys;
	void *store;
};

struct caged_keys {
	const struct keys_ops *ops;
	struct keys_config config;
	double seconds;
	struct bench_way *way;
};

/* ---- stores -------------------------------------------------------------- */

/* Once for those that share it; the way of who cannot is missing. */
static void
make(const struct keys_config *config, struct bench_way *ways)
{
	const char *why = "";

	for (unsigned i = 0; keys_table[i] != NULL; i++) {
		const struct keys_ops *ops = keys_table[i];

		if (i > 0 && strcmp(ops->store, keys_table[i - 1]->store) == 0)
			continue;
		if (ops->make(config, &why) == 0)
			continue;
		for (unsigned j = 0; keys_table[j] != NULL; j++)
			if (strcmp(ops->store, keys_table[j]->store) == 0)
				bench_missing(&ways[j], "%s", why);
	}
}

/* Out of the kernel's cache, so that who reads them pays for them. */
static void
drop_files(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	if (dir == NULL)
		bench_die("%s: %s", folder, strerror(errno));
	while ((entry = readdir(dir)) != NULL) {
		int fd = openat(dirfd(dir), entry->d_name,
		    O_RDONLY | O_CLOEXEC);

		if (fd < 0)
			continue;
		(void)fdatasync(fd);
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		close(fd);
	}
	closedir(dir);
}

/* Each way of ours against each tree. */
static void
rows(struct bench *bench, struct bench_way *ways, unsigned count,
    const char *prefix)
{
	char variant[64];

	for (unsigned ours = 0; ours < 2; ours++)
		for (unsigned peer = 2; peer < count; peer++) {
			struct bench_row row = {
				.variant = variant,
				.ours = &ways[ours],
				.against = &ways[peer],
			};

			/* "resident, index": its last word. */
			snprintf(variant, sizeof(variant), "%s%s", prefix,
			    strrchr(ways[ours].name, ' '));
			row.unit = ways[0].loop != NULL ? "ns" : "/s";
			row.figure = ways[0].loop != NULL ? BENCH_NS :
			    BENCH_RATE;
			bench_row(bench, &row);
		}
}

/* ---- hits ---------------------------------------------------------------- */

static bool
get(const struct hits *hits, void *reader, uint64_t key)
{
	uint8_t value[KEY_VALUE_BYTES];

	return hits->ops->get(reader, key, value) &&
	    key_value_good(key, value);
}

static void
loop(void *self, const struct bench_turn *turn)
{
	const struct hits *hits = self;
	struct bench_rng rng = bench_rng(turn->seed);
	void *reader = hits->ops->begin(hits->store, turn->thread);

	if (reader == NULL)
		bench_die("%s: no reader", hits->ops->name);
	for (uint64_t i = 0; i < turn->count; i++)
		if (!get(hits, reader, bench_below(&rng, hits->keys)))
			bench_die("%s: wrong value", hits->ops->name);
	hits->ops->end(reader);
}

static void
open_all(struct hits *hits, struct bench_way *ways,
    const struct keys_config *config)
{
	const char *why = "";

	for (unsigned i = 0; keys_table[i] != NULL; i++) {
		void *reader;

		if (ways[i].missing[0] != '\0')
			continue;
		if (hits[i].ops->open(config, &hits[i].store, &why) != 0) {
			bench_missing(&ways[i], "%s", why);
			continue;
		}
		/* Every key once: all of it is there from now on. */
		reader = hits[i].ops->begin(hits[i].store, 0);
		if (reader == NULL)
			bench_die("%s: no reader", hits[i].ops->name);
		for (uint64_t key = 0; key < config->keys; key++)
			if (!get(&hits[i], reader, key))
				bench_die("%s: wrong value",
				    hits[i].ops->name);
		hits[i].ops->end(reader);
	}
}

static void
run_hits(struct bench *bench)
{
	struct bench_way ways[STORES_MAX] = {0};
	struct hits hits[STORES_MAX];
	struct keys_config config = {0};
	unsigned count = 0;

	config.keys = bench->options.quick ? HIT_KEYS_QUICK : HIT_KEYS;
	config.memory_bytes = config.keys * HIT_BYTES_PER_KEY +
	    (UINT64_C(16) << 20);
	config.threads = bench->options.threads;
	config.folder = bench_folder(bench, BENCH_NULL_STORE,
	    config.keys * HIT_BYTES_PER_KEY);
	if (config.folder == NULL)
		return;
	for (; keys_table[count] != NULL; count++) {
		hits[count] = (struct hits){keys_table[count], config.keys,
			NULL};
		ways[count].name = keys_table[count]->name;
		ways[count].self = &hits[count];
		ways[count].loop = loop;
	}
	make(&config, ways);
	open_all(hits, ways, &config);
	bench_rounds(bench, ways, count, 0);
	rows(bench, ways, count, "hits, 1 thread,");
	for (unsigned i = 0; i < count; i++) {
		ways[i].threads = config.threads;
		ways[i].count = 0;
	}
	if (config.threads > 1) {
		char prefix[32];

		snprintf(prefix, sizeof(prefix), "hits, %u threads,",
		    config.threads);
		bench_rounds(bench, ways, count, 0);
		rows(bench, ways, count, prefix);
	}
	for (unsigned i = 0; i < count; i++)
		if (hits[i].store != NULL)
			hits[i].ops->close(hits[i].store);
	bench_ways_fini(ways, count);
}

/* ---- more than memory ---------------------------------------------------- */

static int
once(void *self, double figures[BENCH_FIGURES])
{
	const struct caged_keys *keys = self;
	char count[24], memory[24], threads[16], seconds[24];
	struct caged caged = {
		.program = "peers/resident-bench-keys",
		.arguments = {
			keys->ops->name, keys->config.folder, count, memory,
			threads, seconds
		},
		.limit_bytes = keys->config.memory_bytes,
		.threads = keys->config.threads,
		.seconds = keys->seconds,
	};

	snprintf(count, sizeof(count), "%" PRIu64, keys->config.keys);
	snprintf(memory, sizeof(memory), "%" PRIu64,
	    keys->config.memory_bytes);
	snprintf(threads, sizeof(threads), "%u", keys->config.threads);
	snprintf(seconds, sizeof(seconds), "%.3f", keys->seconds);
	drop_files(keys->config.folder);
	return caged_run(keys->way, &caged, figures);
}

static void
run_disk(struct bench *bench)
{
	struct bench_way ways[STORES_MAX] = {0};
	struct caged_keys keys[STORES_MAX];
	struct keys_config config = {0};
	bool quick = bench->options.quick;
	unsigned count = 0;

	config.keys = quick ? DISK_KEYS_QUICK : DISK_KEYS;
	config.memory_bytes = bench_mem(bench, DISK_MEMORY, DISK_MEMORY);
	config.threads = DISK_THREADS;
	config.folder = bench_folder(bench, BENCH_DISK,
	    config.keys * HIT_BYTES_PER_KEY);
	if (config.folder == NULL)
		return;
	for (; keys_table[count] != NULL; count++) {
		keys[count] = (struct caged_keys){keys_table[count], config,
			quick ? DISK_QUICK_S : DISK_SAMPLE_S, &ways[count]};
		ways[count].name = keys_table[count]->name;
		ways[count].self = &keys[count];
		ways[count].once = once;
	}
	make(&config, ways);
	bench_rounds(bench, ways, count, quick ? 0 : DISK_ROUNDS);
	rows(bench, ways, count, "disk, 8 threads,");
	bench_ways_fini(ways, count);
}

static void
run(struct bench *bench)
{
	run_hits(bench);
	run_disk(bench);
}

const struct bench_workload bench_keys = {
	.name = "keys",
	.question = "100 bytes by key: a page of ours against LMDB and"
	    " WiredTiger",
	.run = run,
};
