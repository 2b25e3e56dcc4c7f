/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench/peers/keys.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

extern const struct keys_ops keys_lmdb;
extern const struct keys_ops keys_resident_index;
extern const struct keys_ops keys_resident_place;
extern const struct keys_ops keys_wiredtiger;

const struct keys_ops *const keys_table[] = {
	&keys_resident_index,
	&keys_resident_place,
	&keys_lmdb,
	&keys_wiredtiger,
	NULL
};

const struct keys_ops *
keys_find(const char *name)
{
	for (unsigned i = 0; keys_table[i] != NULL; i++)
		if (strcmp(keys_table[i]->name, name) == 0)
			return keys_table[i];
	return NULL;
}

/* The key at both ends, and between them bytes that differ from key to key. */
void
key_value(uint64_t key, uint8_t value[KEY_VALUE_BYTES])
{
	for (size_t i = 0; i < KEY_VALUE_BYTES; i++)
		value[i] = (uint8_t)(key * 31 + i * i);
	memcpy(value, &key, sizeof(key));
	memcpy(value + KEY_VALUE_BYTES - sizeof(key), &key, sizeof(key));
}

bool
key_value_good(uint64_t key, const uint8_t value[KEY_VALUE_BYTES])
{
	return memcmp(value, &key, sizeof(key)) == 0 &&
	    memcmp(value + KEY_VALUE_BYTES - sizeof(key), &key,
		sizeof(key)) == 0;
}

void
keys_path(const struct keys_config *config, const char *name,
    char path[KEYS_PATH_BYTES])
{
	snprintf(path, KEYS_PATH_BYTES, "%s/%s", config->folder, name);
}

/* Stores that this program was built without. */
#define ABSENT(peer, called, package)                                          \
	static int                                                             \
	peer##_make(const struct keys_config *config, const char **why)        \
	{                                                                      \
		(void)config;                                                  \
		*why = "built without " package;                               \
		return -ENOTSUP;                                               \
	}                                                                      \
	const struct keys_ops peer = {                                         \
		.name = called,                                                \
		.store = called,                                               \
		.make = peer##_make,                                           \
	}

#ifndef BENCH_LMDB
ABSENT(keys_lmdb, "lmdb", "liblmdb-dev");
#endif

#ifndef BENCH_WIREDTIGER
ABSENT(keys_wiredtiger, "wiredtiger", "libwiredtiger-dev");
#endif
