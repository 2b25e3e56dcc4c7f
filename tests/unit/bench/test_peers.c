/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each peer that is written here: the right bytes, whatever leaves in between.
 * A peer that gave a wrong page, lost memory or read again what it has would
 * be compared for nothing.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench/peers/peer.h"
#include "check.h"

#define PAGE_BYTES	4096u
#define WORDS		(PAGE_BYTES / sizeof(uint64_t))
#define FILE_PAGES	512u
#define THREADS		4u

extern const struct peer_ops peer_hash;
extern const struct peer_ops peer_hash_spin;
extern const struct peer_ops peer_radix;
extern const struct peer_ops peer_shardlru;
extern const struct peer_ops peer_splay;
extern const struct peer_ops peer_vmcache;

static const struct peer_ops *const peers[] = {
	&peer_hash,
	&peer_hash_spin,
	&peer_radix,
	&peer_shardlru,
	&peer_splay,
	&peer_vmcache,
};

#define PEERS (sizeof(peers) / sizeof(peers[0]))

/* One peer on one file. */
struct rig {
	const struct peer_ops *ops;
	struct peer_config config;
	void *self;
};

/* Page i has i + generation in its first and last word. */
static void
write_page(int fd, uint64_t page, uint64_t generation)
{
	uint64_t words[WORDS] = { 0 };

	words[0] = page + generation;
	words[WORDS - 1] = page + generation;
	CHECK_INT(pwrite(fd, words, sizeof(words), (off_t)(page * PAGE_BYTES)),
	    PAGE_BYTES);
}

static void
open_rig(struct rig *rig, const struct peer_ops *ops, uint64_t memory_pages)
{
	const char *why = NULL;
	char path[] = "peersXXXXXX";

	rig->ops = ops;
	rig->config = (struct peer_config){
		.fd = mkstemp(path),
		.page_bytes = PAGE_BYTES,
		.file_pages = FILE_PAGES,
		.memory_pages = memory_pages,
		.threads = THREADS,
	};
	CHECK(rig->config.fd >= 0);
	CHECK_INT(unlink(path), 0);
	for (uint64_t i = 0; i < FILE_PAGES; i++)
		write_page(rig->config.fd, i, 0);
	CHECK_INT(ops->open(&rig->config, &rig->self, &why), 0);
}

static void
close_rig(struct rig *rig)
{
	rig->ops->close(rig->self);
	close(rig->config.fd);
}

/* The page as it was written in that generation. */
static void
check_page(struct rig *rig, uint64_t page, uint64_t generation)
{
	void *handle;
	const uint64_t *words = rig->ops->get(rig->self, page, &handle);

	CHECK(words != NULL);
	CHECK_INT(words[0], page + generation);
	CHECK_INT(words[WORDS - 1], page + generation);
	rig->ops->put(rig->self, handle);
}

static uint64_t
next_random(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + 1;
	return *seed >> 33;
}

TEST(every_page_has_its_bytes_however_small_the_memory)
{
	static const uint64_t sizes[] = { 12, 64, FILE_PAGES - 1, FILE_PAGES };

	for (size_t i = 0; i < PEERS; i++)
		for (size_t k = 0; k < 4; k++) {
			struct rig rig;
			uint64_t seed = 1;

			open_rig(&rig, peers[i], sizes[k]);
			for (uint64_t page = 0; page < FILE_PAGES; page++)
				check_page(&rig, page, 0);
			for (unsigned n = 0; n < 5000; n++)
				check_page(&rig,
				    next_random(&seed) % FILE_PAGES, 0);
			for (uint64_t page = FILE_PAGES; page-- > 0;)
				check_page(&rig, page, 0);
			close_rig(&rig);
		}
}

/* The file is changed behind the peer's back: whoever reads again sees it. */
TEST(a_file_that_fits_is_read_once)
{
	for (size_t i = 0; i < PEERS; i++) {
		struct rig rig;
		uint64_t seed = 2;

		open_rig(&rig, peers[i], FILE_PAGES);
		for (uint64_t page = 0; page < FILE_PAGES; page++)
			check_page(&rig, page, 0);
		for (uint64_t page = 0; page < FILE_PAGES; page++)
			write_page(rig.config.fd, page, 1000);
		for (unsigned n = 0; n < 2000; n++)
			check_page(&rig, next_random(&seed) % FILE_PAGES, 0);
		close_rig(&rig);
	}
}

TEST(a_page_that_left_is_read_again)
{
	for (size_t i = 0; i < PEERS; i++) {
		struct rig rig;

		open_rig(&rig, peers[i], 64);
		for (uint64_t page = 0; page < FILE_PAGES; page++)
			check_page(&rig, page, 0);
		for (uint64_t page = 0; page < 64; page++)
			write_page(rig.config.fd, page, 1000);
		for (uint64_t page = 0; page < 64; page++)
			check_page(&rig, page, 1000);
		close_rig(&rig);
	}
}

TEST(a_page_stays_while_somebody_has_it)
{
	for (size_t i = 0; i < PEERS; i++) {
		struct rig rig;
		void *handle, *again;
		const uint64_t *words;

		open_rig(&rig, peers[i], 64);
		words = rig.ops->get(rig.self, 7, &handle);
		CHECK(words != NULL);
		write_page(rig.config.fd, 7, 1000);
		for (unsigned turn = 0; turn < 3; turn++)
			for (uint64_t page = 0; page < FILE_PAGES; page++)
				if (page != 7)
					check_page(&rig, page, 0);
		CHECK_INT(words[0], 7);
		CHECK_INT(words[WORDS - 1], 7);
		CHECK(rig.ops->get(rig.self, 7, &again) == words);
		rig.ops->put(rig.self, again);
		rig.ops->put(rig.self, handle);
		for (unsigned turn = 0; turn < 3; turn++)
			for (uint64_t page = 8; page < FILE_PAGES; page++)
				check_page(&rig, page, 0);
		check_page(&rig, 7, 1000);
		close_rig(&rig);
	}
}

/* More refusals than there is memory: none of it is lost by them. */
TEST(a_page_that_cannot_be_read_is_refused_and_costs_nothing)
{
	for (size_t i = 0; i < PEERS; i++) {
		struct rig rig;
		void *handle;

		open_rig(&rig, peers[i], 64);
		CHECK_INT(ftruncate(rig.config.fd, 100 * PAGE_BYTES + 1), 0);
		for (unsigned turn = 0; turn < 3; turn++) {
			for (uint64_t page = 100; page < 200; page++)
				CHECK(rig.ops->get(rig.self, page,
					&handle) == NULL);
			for (uint64_t page = 0; page < 100; page++)
				check_page(&rig, page, 0);
		}
		write_page(rig.config.fd, 150, 0);
		check_page(&rig, 150, 0);
		close_rig(&rig);
	}
}

TEST(a_memory_that_nobody_has_is_refused)
{
	for (size_t i = 0; i < PEERS; i++) {
		struct peer_config config = {
			.fd = -1,
			.page_bytes = PAGE_BYTES,
			.file_pages = UINT64_C(1) << 50,
			.memory_pages = UINT64_C(1) << 50,
			.threads = 1,
		};
		const char *why = NULL;
		void *self;

		CHECK_INT(peers[i]->open(&config, &self, &why), -ENOMEM);
	}
}

struct reader {
	struct rig *rig;
	uint64_t seed;
	uint64_t pages;
	pthread_t thread;
};

static void *
read_pages(void *arg)
{
	struct reader *reader = arg;

	for (unsigned n = 0; n < 3000; n++)
		check_page(reader->rig,
		    next_random(&reader->seed) % reader->pages, 0);
	return NULL;
}

static void
read_together(struct rig *rig, uint64_t pages)
{
	struct reader readers[THREADS];

	for (unsigned t = 0; t < THREADS; t++) {
		readers[t] = (struct reader){
			.rig = rig, .seed = t + 1, .pages = pages,
		};
		CHECK_INT(pthread_create(&readers[t].thread, NULL, read_pages,
			      &readers[t]), 0);
	}
	for (unsigned t = 0; t < THREADS; t++)
		CHECK_INT(pthread_join(readers[t].thread, NULL), 0);
}

/* All pages, so that they leave; then few, so that threads want the same. */
TEST(threads_see_the_right_bytes_while_pages_come_and_go)
{
	for (size_t i = 0; i < PEERS; i++) {
		struct rig rig;

		open_rig(&rig, peers[i], 32);
		read_together(&rig, FILE_PAGES);
		read_together(&rig, 36);
		close_rig(&rig);
	}
}

/* Everybody begins with the same page, so one reads it and the others wait. */
TEST(threads_that_want_one_page_get_one_page)
{
	for (size_t i = 0; i < PEERS; i++)
		for (unsigned turn = 0; turn < 20; turn++) {
			struct rig rig;

			open_rig(&rig, peers[i], 16);
			read_together(&rig, 1);
			close_rig(&rig);
		}
}
