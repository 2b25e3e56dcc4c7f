/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * peers/rocksdb.cc - RocksDB's block caches: the sharded LRU cache (a mutex
 * and an exact LRU list for each shard) and HyperClockCache (lock-free hits,
 * CLOCK), as its table readers use them: Lookup, and where that finds nothing
 * a block from the allocator, a read, and Insert; Release.
 *
 * Keys have 16 bytes, as RocksDB's: a number of the file and the offset's.
 * Blocks come from a pool with some for each thread, in the manner of jemalloc,
 * with which RocksDB is built where speed matters.  With glibc's malloc, which
 * has an arena for each thread, a miss at two threads takes more than twice as
 * long.
 *
 * Capacity is in bytes and divided among shards, into which a hash throws the
 * pages unevenly: where all pages are to stay (memory_pages == file_pages) a
 * quarter is added, and metadata are not charged.
 */
#include <rocksdb/cache.h>
#include <rocksdb/version.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <new>
#include <vector>
#include <unistd.h>

extern "C" {
#include "bench/peers/peer.h"

extern const struct peer_ops peer_rocksdb_lru;
extern const struct peer_ops peer_rocksdb_hyperclock;
}

namespace {

/* Blocks of one size, kept until the program ends. */
class Pool {
public:
	static constexpr size_t batch = 32;

	~Pool()
	{
		for (void *block : idle)
			free(block);
	}

	/* Moves a batch to stack; false: no memory. */
	bool
	take(std::vector<void *> &stack, size_t bytes)
	{
		std::lock_guard<std::mutex> guard(mutex);

		while (idle.size() < batch) {
			void *block = aligned_alloc(bytes, bytes);

			if (block == nullptr)
				return false;
			idle.push_back(block);
		}
		stack.insert(stack.end(), idle.end() - batch, idle.end());
		idle.resize(idle.size() - batch);
		return true;
	}

	/* Takes all of stack but keep. */
	void
	give(std::vector<void *> &stack, size_t keep)
	{
		std::lock_guard<std::mutex> guard(mutex);

		idle.insert(idle.end(), stack.begin() +
		    static_cast<std::ptrdiff_t>(keep), stack.end());
		stack.resize(keep);
	}

private:
	std::mutex mutex;
	std::vector<void *> idle;
};

Pool pool;

struct OwnBlocks {
	std::vector<void *> stack;

	~OwnBlocks() { pool.give(stack, 0); }
};

thread_local OwnBlocks own;

void *
block_new(size_t bytes)
{
	if (own.stack.empty() && !pool.take(own.stack, bytes))
		return nullptr;
	void *block = own.stack.back();
	own.stack.pop_back();
	return block;
}

void
block_free(void *block)
{
	own.stack.push_back(block);
	if (own.stack.size() >= 2 * Pool::batch)
		pool.give(own.stack, Pool::batch);
}

struct Blocks {
	peer_config config;
	std::shared_ptr<rocksdb::Cache> cache;
};

struct Key {
	uint64_t file;
	uint64_t page;

	explicit Key(uint64_t page_) : file(1), page(page_) {}

	rocksdb::Slice
	slice() const
	{
		return {reinterpret_cast<const char *>(this), sizeof(*this)};
	}
};

size_t
capacity(const peer_config &config)
{
	size_t bytes = config.memory_pages * config.page_bytes;

	return config.memory_pages < config.file_pages ? bytes :
	    bytes + bytes / 4;
}

int
keep(const peer_config *config, std::shared_ptr<rocksdb::Cache> cache,
    void **self, const char **why)
{
	auto *blocks = cache == nullptr ? nullptr :
	    new (std::nothrow) Blocks{*config, std::move(cache)};

	*why = "RocksDB makes no cache";
	*self = blocks;
	return blocks == nullptr ? -ENOMEM : 0;
}

int
lru_open(const peer_config *config, void **self, const char **why)
{
	rocksdb::LRUCacheOptions options;

	options.capacity = capacity(*config);
	options.metadata_charge_policy = rocksdb::kDontChargeCacheMetadata;
	return keep(config, rocksdb::NewLRUCache(options), self, why);
}

int
hyperclock_open(const peer_config *config, void **self, const char **why)
{
	rocksdb::HyperClockCacheOptions options(capacity(*config),
	    config->page_bytes);

	options.metadata_charge_policy = rocksdb::kDontChargeCacheMetadata;
	return keep(config, options.MakeSharedCache(), self, why);
}

void
drop(const rocksdb::Slice &, void *block)
{
	block_free(block);
}

/* Reads the page and enters it; the handle holds it. */
rocksdb::Cache::Handle *
fill(Blocks *blocks, const Key &key)
{
	size_t bytes = blocks->config.page_bytes;
	void *block = block_new(bytes);
	rocksdb::Cache::Handle *handle = nullptr;

	if (block == nullptr)
		return nullptr;
	if (pread(blocks->config.fd, block, bytes,
		static_cast<off_t>(key.page * bytes)) !=
	    static_cast<ssize_t>(bytes)) {
		block_free(block);
		return nullptr;
	}
	/* On failure it has called drop. */
	if (!blocks->cache->Insert(key.slice(), block, bytes, drop, &handle)
		 .ok())
		return nullptr;
	return handle;
}

void *
get(void *self, uint64_t page, void **handle)
{
	auto *blocks = static_cast<Blocks *>(self);
	Key key(page);
	rocksdb::Cache::Handle *found = blocks->cache->Lookup(key.slice());

	if (found == nullptr)
		found = fill(blocks, key);
	*handle = found;
	return found == nullptr ? nullptr : blocks->cache->Value(found);
}

void
put(void *self, void *handle)
{
	static_cast<Blocks *>(self)->cache->Release(
	    static_cast<rocksdb::Cache::Handle *>(handle));
}

void
close_blocks(void *self)
{
	delete static_cast<Blocks *>(self);
}

} // namespace

const struct peer_ops peer_rocksdb_lru = {
	"rocksdb-lru",
	PEER_HITS | PEER_MISSES | PEER_THREADS | PEER_REAL,
	lru_open, get, put, close_blocks,
};

const struct peer_ops peer_rocksdb_hyperclock = {
	"rocksdb-hyperclock",
	PEER_HITS | PEER_MISSES | PEER_THREADS | PEER_REAL,
	hyperclock_open, get, put, close_blocks,
};
