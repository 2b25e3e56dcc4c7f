/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench/peers/peer.h"

#include <string.h>

extern const struct peer_ops peer_hash;
extern const struct peer_ops peer_hash_spin;
extern const struct peer_ops peer_mmap;
extern const struct peer_ops peer_radix;
extern const struct peer_ops peer_rocksdb_hyperclock;
extern const struct peer_ops peer_rocksdb_lru;
extern const struct peer_ops peer_shardlru;
extern const struct peer_ops peer_splay;
extern const struct peer_ops peer_sqlite;
extern const struct peer_ops peer_vmcache;

const struct peer_ops *const peer_table[] = {
	&peer_hash,
	&peer_hash_spin,
	&peer_splay,
	&peer_radix,
	&peer_shardlru,
	&peer_vmcache,
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
