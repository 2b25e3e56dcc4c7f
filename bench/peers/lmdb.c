/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * peers/lmdb.c - LMDB: a B+tree in the kernel's map of one file.
 *
 * Its best for this: integer keys, appended in order; no read-ahead, which its
 * documentation advises for data larger than memory; one transaction for all
 * reads of a reader, as long as it lives.
 */
#include <errno.h>
#include <lmdb.h>
#include <stdlib.h>
#include <string.h>

#include "bench/peers/keys.h"

#define FILE_NAME "lmdb"

/* Its pages are full when keys are appended: 40 bytes a key more than it needs,
 * and 16 MiB. */
#define MAP_BYTES_PER_KEY (KEY_VALUE_BYTES + 60u)
#define MAP_BYTES_MORE (UINT64_C(16) << 20)

#define FILE_MODE 0600

struct store {
	MDB_env *env;
	MDB_dbi table;
};

struct reader {
	MDB_txn *txn;
	MDB_dbi table;
};

static int
store_open(struct store *store, const struct keys_config *config,
    unsigned flags, const char **why)
{
	char path[KEYS_PATH_BYTES];
	int error = mdb_env_create(&store->env);

	if (error == 0)
		error = mdb_env_set_mapsize(store->env,
		    config->keys * MAP_BYTES_PER_KEY + MAP_BYTES_MORE);
	keys_path(config, FILE_NAME, path);
	if (error == 0)
		error = mdb_env_open(store->env, path, flags | MDB_NOSUBDIR |
		    MDB_NOTLS | MDB_NORDAHEAD, FILE_MODE);
	if (error == 0)
		return 0;
	*why = mdb_strerror(error);
	mdb_env_close(store->env);
	return -EIO;
}

/* All keys in a transaction, which is not committed. */
static int
put_all(MDB_txn *txn, MDB_dbi table, uint64_t keys)
{
	uint8_t bytes[KEY_VALUE_BYTES];
	int error = 0;

	for (uint64_t i = 0; i < keys && error == 0; i++) {
		MDB_val key = {.mv_size = sizeof(i), .mv_data = &i};
		MDB_val value = {.mv_size = sizeof(bytes), .mv_data = bytes};

		key_value(i, bytes);
		error = mdb_put(txn, table, &key, &value, MDB_APPEND);
	}
	return error;
}

static int
make(const struct keys_config *config, const char **why)
{
	struct store store;
	MDB_txn *txn = NULL;
	int error = store_open(&store, config, MDB_NOSYNC | MDB_WRITEMAP,
	    why);

	if (error != 0)
		return error;
	error = mdb_txn_begin(store.env, NULL, 0, &txn);
	if (error == 0)
		error = mdb_dbi_open(txn, NULL, MDB_INTEGERKEY, &store.table);
	if (error == 0)
		error = put_all(txn, store.table, config->keys);
	if (error == 0)
		error = mdb_txn_commit(txn);
	else if (txn != NULL)
		mdb_txn_abort(txn);
	if (error == 0)
		error = mdb_env_sync(store.env, 1);
	mdb_env_close(store.env);
	if (error != 0)
		*why = mdb_strerror(error);
	return error == 0 ? 0 : -EIO;
}

/* The table's handle outlives the transaction that opens it. */
static int
open_table(struct store *store)
{
	MDB_txn *txn;
	int error = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn);

	if (error != 0)
		return error;
	error = mdb_dbi_open(txn, NULL, MDB_INTEGERKEY, &store->table);
	if (error != 0)
		mdb_txn_abort(txn);
	else
		error = mdb_txn_commit(txn);
	return error;
}

static int
open_for_reading(const struct keys_config *config, void **self,
    const char **why)
{
	struct store *store = calloc(1, sizeof(*store));
	int error;

	*why = "no memory";
	if (store == NULL)
		return -ENOMEM;
	if (store_open(store, config, MDB_RDONLY, why) != 0) {
		free(store);
		return -EIO;
	}
	error = open_table(store);
	if (error != 0) {
		*why = mdb_strerror(error);
		mdb_env_close(store->env);
		free(store);
		return -EIO;
	}
	*self = store;
	return 0;
}

static void *
begin(void *self, unsigned thread)
{
	struct store *store = self;
	struct reader *reader = calloc(1, sizeof(*reader));

	(void)thread;
	if (reader == NULL)
		return NULL;
	reader->table = store->table;
	if (mdb_txn_begin(store->env, NULL, MDB_RDONLY, &reader->txn) != 0) {
		free(reader);
		return NULL;
	}
	return reader;
}

static bool
get(void *self, uint64_t key, uint8_t value[KEY_VALUE_BYTES])
{
	struct reader *reader = self;
	MDB_val name = {.mv_size = sizeof(key), .mv_data = &key};
	MDB_val found;

	if (mdb_get(reader->txn, reader->table, &name, &found) != 0 ||
	    found.mv_size != KEY_VALUE_BYTES)
		return false;
	memcpy(value, found.mv_data, KEY_VALUE_BYTES);
	return true;
}

static void
end(void *self)
{
	struct reader *reader = self;

	mdb_txn_abort(reader->txn);
	free(reader);
}

static void
close_store(void *self)
{
	struct store *store = self;

	mdb_env_close(store->env);
	free(store);
}

const struct keys_ops keys_lmdb = {
	.name = "lmdb",
	.store = "lmdb",
	.make = make,
	.open = open_for_reading,
	.begin = begin,
	.get = get,
	.end = end,
	.close = close_store,
};
