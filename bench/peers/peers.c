/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench/peers/peer.h"

#include <string.h>

extern const struct peer_ops peer_mmap;
extern const struct peer_ops peer_rocksdb_hyperclock;
extern const struct peer_ops peer_rocksdb_lru;
extern const struct peer_ops peer_sqlite;

const struct peer_ops *const peer_table[] = {
	&peer_mmap,
	&peer_rocksdb_hyperclock,
	&peer_rocksdb_lru,
	&peer_sqlite,
	NULL
};

const struct peer_ops *
peer_find(const char *name)
{
	for (unsigned i = 0; peer_table[i] != NULL; i++)
		if (strcmp(peer_table[i]->name, name) == 0)
			return peer_table[i];
	return NULL;
}
