/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * resident-bench-keys - random keys of a store that is larger than its memory.
 *
 *	resident-bench-keys PROCS STORE FOLDER KEYS MEMORY THREADS SECONDS
 *
 * For the workload keys: enters the cgroup of PROCS, whose limit is MEMORY
 * bytes, opens the store, gets keys in order until that much has been read, and
 * then random ones as reads.h says.
 */
#include <stdio.h>
#include <stdlib.h>

#include "bench/bench.h"
#include "bench/peers/keys.h"
#include "bench/peers/reads.h"

#define ARGUMENTS 8

/* One key of each page is enough to bring it in: 37 fit into one of ours, some
 * 30 into a half-full leaf of others. */
#define STRIDE 16u

struct run {
	const struct keys_ops *ops;
	struct keys_config config;
	void *store;
};

struct reader {
	const struct run *run;
	void *self;
	struct bench_rng rng;
};

static void *
begin(void *self, unsigned thread)
{
	const struct run *run = self;
	struct reader *reader = calloc(1, sizeof(*reader));

	if (reader == NULL)
		return NULL;
	reader->run = run;
	reader->rng = bench_rng(thread);
	reader->self = run->ops->begin(run->store, thread);
	if (reader->self != NULL)
		return reader;
	free(reader);
	return NULL;
}

static bool
get(const struct reader *reader, uint64_t key)
{
	uint8_t value[KEY_VALUE_BYTES];

	return reader->run->ops->get(reader->self, key, value) &&
	    key_value_good(key, value);
}

static bool
read_random(void *arg)
{
	struct reader *reader = arg;

	return get(reader, bench_below(&reader->rng,
	    reader->run->config.keys));
}

static void
end(void *arg)
{
	struct reader *reader = arg;

	reader->run->ops->end(reader->self);
	free(reader);
}

static bool
fill(struct run *run)
{
	uint64_t keys = run->config.memory_bytes / KEY_VALUE_BYTES;
	struct reader *reader = begin(run, 0);
	bool good = reader != NULL;

	for (uint64_t i = 0; good && i < keys && i < run->config.keys;
	    i += STRIDE)
		good = get(reader, i);
	if (reader != NULL)
		end(reader);
	return good;
}

int
main(int argc, char **argv)
{
	struct reads reads = {
		.begin = begin, .read = read_random, .end = end
	};
	struct run run = {0};
	const char *why = "";
	int status = 1;

	if (argc != ARGUMENTS || (run.ops = keys_find(argv[2])) == NULL) {
		fprintf(stderr, "resident-bench runs this\n");
		return 1;
	}
	run.config.folder = argv[3];
	run.config.keys = strtoull(argv[4], NULL, 10);
	run.config.memory_bytes = strtoull(argv[5], NULL, 10);
	run.config.threads = (unsigned)strtoul(argv[6], NULL, 10);
	reads.threads = run.config.threads;
	reads.seconds = strtod(argv[7], NULL);
	reads.self = &run;
	if (reads.threads < 1 || reads.threads > READS_THREADS_MAX)
		return 1;
	reads_enter(argv[1]);
	if (run.ops->open(&run.config, &run.store, &why) != 0) {
		fprintf(stderr, "%s: %s\n", run.ops->name, why);
		return 1;
	}
	if (fill(&run))
		status = reads_measure(&reads);
	else
		fprintf(stderr, "%s: a key cannot be read\n", run.ops->name);
	run.ops->close(run.store);
	return status;
}
