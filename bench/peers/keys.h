/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * peers/keys.h - stores of small values by key, read only.
 *
 * A key is a number from 0 to keys - 1, a value 100 bytes that key_value makes
 * of it.  get copies the value out, from wherever it is, which all stores do
 * alike.
 *
 *	make (once, in a folder) ... open --> begin, get, get ..., end --> close
 *	                                      (each thread its own reader)
 *
 * LMDB and WiredTiger are B-trees that find a key whatever the keys are, in
 * transactions.  Ours are a page fetch and a look at a record, with the inner
 * nodes in plain memory or computed: what a tree over our pages would pay at
 * its leaf.  METHOD.md says how to read that.
 */
#ifndef BENCH_PEERS_KEYS_H
#define BENCH_PEERS_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEY_VALUE_BYTES 100u

/* Longer than any folder of ours with a file's name behind it. */
#define KEYS_PATH_BYTES 640u

struct keys_config {
	const char *folder;
	uint64_t keys;
	/* All that it may take: of a cgroup, what is charged to it. */
	uint64_t memory_bytes;
	unsigned threads;
};

struct keys_ops {
	const char *name;
	/* Those that can read the same folder are made once. */
	const char *store;
	/* Each 0, or a negative errno and *why a sentence that lives as long as
	 * the program.  make: all keys, in folder, which is there. */
	int (*make)(const struct keys_config *config, const char **why);
	int (*open)(const struct keys_config *config, void **self,
	    const char **why);
	/* NULL: it cannot. */
	void *(*begin)(void *self, unsigned thread);
	/* False: there is no such key, or it cannot be read. */
	bool (*get)(void *reader, uint64_t key, uint8_t value[KEY_VALUE_BYTES]);
	void (*end)(void *reader);
	void (*close)(void *self);
};

/* All, NULL at the end. */
extern const struct keys_ops *const keys_table[];
const struct keys_ops *keys_find(const char *name);

/* The value of key; and whether these bytes, looked at in two places, are. */
void key_value(uint64_t key, uint8_t value[KEY_VALUE_BYTES]);
bool key_value_good(uint64_t key, const uint8_t value[KEY_VALUE_BYTES]);

/* folder/name. */
void keys_path(const struct keys_config *config, const char *name,
    char path[KEYS_PATH_BYTES]);

#endif
