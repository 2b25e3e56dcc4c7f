/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The peers that are somebody else's caches, used as we use them: each page has
 * its bytes and stays while it is pinned, by however many.
 */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench/peers/peer.h"
#include "check.h"

#define PAGE_BYTES	4096u
#define WORDS		(PAGE_BYTES / sizeof(uint64_t))
#define FILE_PAGES	512u
#define THREADS		4u
/* Gets of a thread: each page some ten times. */
#define GETS		5000u

extern const struct peer_ops peer_mmap;
extern const struct peer_ops peer_rocksdb_hyperclock;
extern const struct peer_ops peer_rocksdb_lru;
extern const struct peer_ops peer_sqlite;

static const struct peer_ops *const peers[] = {
	&peer_mmap,
	&peer_rocksdb_hyperclock,
	&peer_rocksdb_lru,
	&peer_sqlite,
};

#define PEERS (sizeof(peers) / sizeof(peers[0]))

struct rig {
	const struct peer_ops *ops;
	void *self;
	int fd;
};

/* False: this peer was built without its library. */
static bool
open_rig(struct rig *rig, const struct peer_ops *ops, uint64_t memory_pages)
{
	struct peer_config config = {
		.page_bytes = PAGE_BYTES,
		.file_pages = FILE_PAGES,
		.memory_pages = memory_pages,
		.threads = THREADS,
	};
	char path[] = "/tmp/test-packages-XXXXXX";
	const char *why = NULL;
	uint64_t words[WORDS] = {0};

	if (ops->get == NULL)
		return false;
	rig->ops = ops;
	rig->fd = config.fd = mkstemp(path);
	CHECK(rig->fd >= 0);
	CHECK_INT(unlink(path), 0);
	for (uint64_t i = 0; i < FILE_PAGES; i++) {
		words[0] = words[WORDS - 1] = i;
		CHECK_INT(write(rig->fd, words, PAGE_BYTES), PAGE_BYTES);
	}
	CHECK_INT(ops->open(&config, &rig->self, &why), 0);
	return true;
}

static void
close_rig(struct rig *rig)
{
	rig->ops->close(rig->self);
	close(rig->fd);
}

static void
check_page(const struct rig *rig, uint64_t page)
{
	void *handle;
	const uint64_t *words = rig->ops->get(rig->self, page, &handle);

	CHECK(words != NULL);
	CHECK_INT(words[0], page);
	CHECK_INT(words[WORDS - 1], page);
	rig->ops->put(rig->self, handle);
}

TEST(every_page_has_its_bytes_however_small_the_memory)
{
	static const uint64_t sizes[] = { 16, 64, FILE_PAGES };

	for (size_t i = 0; i < PEERS * 3; i++) {
		struct rig rig;

		if (!open_rig(&rig, peers[i / 3], sizes[i % 3]))
			continue;
		for (uint64_t page = 0; page < FILE_PAGES; page++)
			check_page(&rig, page);
		for (uint64_t page = FILE_PAGES; page-- > 0;)
			check_page(&rig, page);
		close_rig(&rig);
	}
}

/* Two have it; one goes; so many others come that it would have to leave. */
TEST(a_page_stays_until_the_last_pin_is_gone)
{
	for (size_t i = 0; i < PEERS; i++) {
		void *first, *second;
		const uint64_t *words;
		struct rig rig;

		if (!open_rig(&rig, peers[i], 16))
			continue;
		words = rig.ops->get(rig.self, 7, &first);
		CHECK(words != NULL);
		CHECK(rig.ops->get(rig.self, 7, &second) == words);
		rig.ops->put(rig.self, first);
		for (uint64_t page = 8; page < FILE_PAGES; page++)
			check_page(&rig, page);
		CHECK_INT(words[0], 7);
		CHECK_INT(words[WORDS - 1], 7);
		rig.ops->put(rig.self, second);
		close_rig(&rig);
	}
}

/* The file is changed behind the peer's back; a map has the new bytes. */
TEST(a_file_that_fits_is_read_once)
{
	for (size_t i = 1; i < PEERS; i++) {
		struct rig rig;

		if (!open_rig(&rig, peers[i], FILE_PAGES))
			continue;
		for (uint64_t page = 0; page < FILE_PAGES; page++)
			check_page(&rig, page);
		CHECK_INT(ftruncate(rig.fd, 0), 0);
		for (uint64_t page = 0; page < FILE_PAGES; page++)
			check_page(&rig, page);
		close_rig(&rig);
	}
}

TEST(a_page_that_cannot_be_read_is_refused)
{
	for (size_t i = 1; i < PEERS; i++) {
		void *handle;
		struct rig rig;

		if (!open_rig(&rig, peers[i], 16))
			continue;
		for (uint64_t page = 0; page < 64; page++)
			CHECK(rig.ops->get(rig.self, FILE_PAGES + page,
			    &handle) == NULL);
		check_page(&rig, 3);
		close_rig(&rig);
	}
}

static void *
thread_main(void *arg)
{
	const struct rig *rig = arg;
	uint64_t seed = (uintptr_t)&seed;

	for (unsigned i = 0; i < GETS; i++) {
		seed = seed * UINT64_C(6364136223846793005) + 1;
		check_page(rig, (seed >> 33) % FILE_PAGES);
	}
	return NULL;
}

TEST(threads_see_the_right_bytes_while_pages_leave)
{
	for (size_t i = 0; i < PEERS; i++) {
		pthread_t threads[THREADS];
		struct rig rig;

		if (!open_rig(&rig, peers[i], 64))
			continue;
		for (unsigned t = 0; t < THREADS; t++)
			CHECK_INT(pthread_create(&threads[t], NULL,
			    thread_main, &rig), 0);
		for (unsigned t = 0; t < THREADS; t++)
			CHECK_INT(pthread_join(threads[t], NULL), 0);
		close_rig(&rig);
	}
}
