/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * peers/sqlite.c - SQLite's page cache, pcache1, through its own interface
 * (sqlite3_pcache_methods2): a hash with chains, pages that are unpinned in an
 * exact LRU list.  It has no counts: who uses it, SQLite's pager, counts in the
 * extra bytes of each page and unpins with the last, and so does this.
 *
 * SQLite holds a mutex of the connection, or of the shared cache, around
 * everything that it does with a page.  With one thread this is left out, as in
 * SQLite, where one statement takes the mutex once for many pages; with more
 * it is taken for each call, reads of missing pages included.  Statistics of
 * its allocator, which take another mutex, are switched off.
 */
#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/peers/peer.h"

struct cache {
	sqlite3_pcache_methods2 methods;
	sqlite3_pcache *pages;
	struct peer_config config;
	pthread_mutex_t mutex;
};

/* The extra bytes of a page; SQLite sets the first pointer to 0 in each new
 * one. */
struct extra {
	void *filled;
	uint32_t pins;
};

/* Who allocates a page whatever it takes: SQLite's own calls do so after 1 has
 * failed and pages were written. */
#define FETCH_HARD 2

/*
 * The methods can be asked for before SQLite is started only, and are needed
 * afterwards: once in the life of the process.
 */
static int
methods_get(sqlite3_pcache_methods2 *methods)
{
	static sqlite3_pcache_methods2 known;
	static int error = 1;

	if (error > 0) {
		error = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
		if (error == SQLITE_OK)
			error = sqlite3_config(SQLITE_CONFIG_GETPCACHE2,
			    &known);
		if (error == SQLITE_OK)
			error = sqlite3_initialize();
		error = error == SQLITE_OK ? 0 : -ENOTSUP;
	}
	*methods = known;
	return error;
}

static int
cache_open(const struct peer_config *config, void **self, const char **why)
{
	struct cache *cache;

	if (config->file_pages > UINT32_MAX ||
	    config->memory_pages > INT32_MAX) {
		*why = "SQLite numbers pages with 32 bits";
		return -EFBIG;
	}
	cache = calloc(1, sizeof(*cache));
	if (cache == NULL || methods_get(&cache->methods) != 0) {
		free(cache);
		*why = "SQLite does not start";
		return -ENOTSUP;
	}
	cache->config = *config;
	pthread_mutex_init(&cache->mutex, NULL);
	cache->pages = cache->methods.xCreate((int)config->page_bytes,
	    (int)sizeof(struct extra), 1);
	if (cache->pages == NULL) {
		free(cache);
		*why = "SQLite makes no cache";
		return -ENOMEM;
	}
	/* Its size is what is too many by one. */
	cache->methods.xCachesize(cache->pages,
	    (int)config->memory_pages + 1);
	*self = cache;
	return 0;
}

static void
lock(struct cache *cache)
{
	if (cache->config.threads > 1)
		pthread_mutex_lock(&cache->mutex);
}

static void
unlock(struct cache *cache)
{
	if (cache->config.threads > 1)
		pthread_mutex_unlock(&cache->mutex);
}

static int
fill(struct cache *cache, uint64_t page, sqlite3_pcache_page *found)
{
	uint32_t bytes = cache->config.page_bytes;
	ssize_t got = pread(cache->config.fd, found->pBuf, bytes,
	    (off_t)(page * bytes));

	if (got != (ssize_t)bytes)
		return -EIO;
	((struct extra *)found->pExtra)->filled = cache;
	((struct extra *)found->pExtra)->pins = 0;
	return 0;
}

/* Brought in where it is new; NULL: it cannot be. */
static sqlite3_pcache_page *
pin(struct cache *cache, uint64_t page)
{
	sqlite3_pcache_page *found = cache->methods.xFetch(cache->pages,
	    (unsigned)page, FETCH_HARD);
	struct extra *extra;

	if (found == NULL)
		return NULL;
	extra = found->pExtra;
	if (extra->filled == NULL && fill(cache, page, found) != 0) {
		cache->methods.xUnpin(cache->pages, found, 1);
		return NULL;
	}
	extra->pins++;
	return found;
}

static void *
cache_get(void *self, uint64_t page, void **handle)
{
	struct cache *cache = self;
	sqlite3_pcache_page *found;

	lock(cache);
	found = pin(cache, page);
	unlock(cache);
	*handle = found;
	return found != NULL ? found->pBuf : NULL;
}

static void
cache_put(void *self, void *handle)
{
	struct cache *cache = self;
	sqlite3_pcache_page *page = handle;
	struct extra *extra = page->pExtra;

	lock(cache);
	if (--extra->pins == 0)
		cache->methods.xUnpin(cache->pages, page, 0);
	unlock(cache);
}

static void
cache_close(void *self)
{
	struct cache *cache = self;

	cache->methods.xDestroy(cache->pages);
	pthread_mutex_destroy(&cache->mutex);
	free(cache);
}

const struct peer_ops peer_sqlite = {
	.name = "sqlite",
	.flags = PEER_HITS | PEER_MISSES | PEER_THREADS | PEER_REAL,
	.open = cache_open,
	.get = cache_get,
	.put = cache_put,
	.close = cache_close,
};
