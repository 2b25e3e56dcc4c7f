/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * peers/absent.c - the peers that this program was built without, so that
 * their rows say so.
 */
#include <errno.h>

#include "bench/peers/peer.h"

#define ABSENT(peer, called, package)                                          \
	static int                                                             \
	peer##_open(const struct peer_config *config, void **self,             \
	    const char **why)                                                  \
	{                                                                      \
		(void)config;                                                  \
		*self = NULL;                                                  \
		*why = "built without " package;                               \
		return -ENOTSUP;                                               \
	}                                                                      \
	extern const struct peer_ops peer;                                     \
	const struct peer_ops peer = {                                         \
		.name = called,                                                \
		.flags = PEER_HITS | PEER_MISSES | PEER_THREADS | PEER_REAL,   \
		.open = peer##_open,                                           \
	}

#ifndef BENCH_SQLITE
ABSENT(peer_sqlite, "sqlite", "libsqlite3-dev");
#endif

#ifndef BENCH_ROCKSDB
ABSENT(peer_rocksdb_lru, "rocksdb-lru", "librocksdb-dev");
ABSENT(peer_rocksdb_hyperclock, "rocksdb-hyperclock", "librocksdb-dev");
#endif

/* Otherwise there may be nothing in this file, which ISO C does not allow. */
extern const char peer_absent_note[];
const char peer_absent_note[] = "peers left out say so in their rows";
