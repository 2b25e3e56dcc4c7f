/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * peers/wiredtiger.c - WiredTiger: a B-tree in a cache of its own, over files
 * read through the kernel's cache.
 *
 * Its best for this: a bulk load, leaves of 4 KiB (its default of 32 reads
 * eight times as much for a key), no compression, no log, one cursor for each
 * reader, which searches again and again.  Half of the memory is its cache and
 * the rest is left to the kernel's, as its documentation advises.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wiredtiger.h>

#include "bench/peers/keys.h"

#define TABLE "table:keys"
#define SCHEMA "key_format=Q,value_format=u,allocation_size=4KB," \
	"leaf_page_max=4KB"

struct store {
	WT_CONNECTION *connection;
};

struct reader {
	WT_SESSION *session;
	WT_CURSOR *cursor;
};

static int
connect_to(const struct keys_config *config, bool create,
    WT_CONNECTION **connection, const char **why)
{
	char settings[128];
	int error;

	snprintf(settings, sizeof(settings), "%scache_size=%" PRIu64
	    ",session_max=200", create ? "create," : "",
	    config->memory_bytes / 2);
	error = wiredtiger_open(config->folder, NULL, settings, connection);
	if (error == 0)
		return 0;
	*why = wiredtiger_strerror(error);
	return -EIO;
}

static int
put_all(WT_CURSOR *cursor, uint64_t keys)
{
	uint8_t bytes[KEY_VALUE_BYTES];
	int error = 0;

	for (uint64_t i = 0; i < keys && error == 0; i++) {
		WT_ITEM value = {.data = bytes, .size = sizeof(bytes)};

		key_value(i, bytes);
		cursor->set_key(cursor, i);
		cursor->set_value(cursor, &value);
		error = cursor->insert(cursor);
	}
	return error;
}

static int
make(const struct keys_config *config, const char **why)
{
	WT_CONNECTION *connection;
	WT_SESSION *session;
	WT_CURSOR *cursor;
	int error = connect_to(config, true, &connection, why);
	int ended;

	if (error != 0)
		return error;
	error = connection->open_session(connection, NULL, NULL, &session);
	if (error == 0)
		error = session->create(session, TABLE, SCHEMA);
	if (error == 0)
		error = session->open_cursor(session, TABLE, NULL, "bulk",
		    &cursor);
	if (error == 0) {
		error = put_all(cursor, config->keys);
		ended = cursor->close(cursor);
		error = error == 0 ? ended : error;
	}
	ended = connection->close(connection, NULL);
	error = error == 0 ? ended : error;
	if (error != 0)
		*why = wiredtiger_strerror(error);
	return error == 0 ? 0 : -EIO;
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
	error = connect_to(config, false, &store->connection, why);
	if (error != 0)
		free(store);
	else
		*self = store;
	return error;
}

static void *
begin(void *self, unsigned thread)
{
	WT_CONNECTION *connection = ((struct store *)self)->connection;
	struct reader *reader = calloc(1, sizeof(*reader));

	(void)thread;
	if (reader == NULL || connection->open_session(connection, NULL, NULL,
	    &reader->session) != 0) {
		free(reader);
		return NULL;
	}
	if (reader->session->open_cursor(reader->session, TABLE, NULL, NULL,
	    &reader->cursor) != 0) {
		reader->session->close(reader->session, NULL);
		free(reader);
		return NULL;
	}
	return reader;
}

/* The cursor keeps the page until the next search or reset. */
static bool
get(void *self, uint64_t key, uint8_t value[KEY_VALUE_BYTES])
{
	WT_CURSOR *cursor = ((struct reader *)self)->cursor;
	WT_ITEM found;

	cursor->set_key(cursor, key);
	if (cursor->search(cursor) != 0 ||
	    cursor->get_value(cursor, &found) != 0 ||
	    found.size != KEY_VALUE_BYTES)
		return false;
	memcpy(value, found.data, KEY_VALUE_BYTES);
	return true;
}

static void
end(void *self)
{
	struct reader *reader = self;

	reader->session->close(reader->session, NULL);
	free(reader);
}

static void
close_store(void *self)
{
	struct store *store = self;

	store->connection->close(store->connection, NULL);
	free(store);
}

const struct keys_ops keys_wiredtiger = {
	.name = "wiredtiger",
	.store = "wiredtiger",
	.make = make,
	.open = open_for_reading,
	.begin = begin,
	.get = get,
	.end = end,
	.close = close_store,
};
