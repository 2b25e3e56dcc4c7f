/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The peers of a table as ways, on a table of our own: peers that note what is
 * asked of them.  The harness is replaced by what a way needs of it.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/peers/way.h"
#include "check.h"

#define PAGES	10u

/* What happened to the fake peers, all together. */
static unsigned opened, closed, gets, puts_;
static unsigned asked[PAGES];
static uint64_t wrong_page = UINT64_MAX;

static int
fake_open(const struct peer_config *config, void **self, const char **why)
{
	static int nothing;

	(void)why;
	CHECK_INT(config->page_bytes, 4096);
	opened++;
	*self = &nothing;
	return 0;
}

static int
refuse_open(const struct peer_config *config, void **self, const char **why)
{
	(void)config;
	(void)self;
	*why = "not on a Friday";
	return -EPERM;
}

static int
fail_open(const struct peer_config *config, void **self, const char **why)
{
	(void)config;
	(void)self;
	(void)why;
	return -ENOMEM;
}

static void *
fake_get(void *self, uint64_t page, void **handle)
{
	static _Thread_local uint64_t word;

	(void)self;
	CHECK(page < PAGES);
	gets++;
	asked[page]++;
	word = page == wrong_page ? page + 1 : page;
	*handle = &word;
	return &word;
}

static void
fake_put(void *self, void *handle)
{
	(void)self;
	(void)handle;
	puts_++;
}

static void
fake_close(void *self)
{
	(void)self;
	closed++;
}

#define FAKE(kinds, how) { \
	.name = #how, .flags = (kinds), .open = how, .get = fake_get, \
	.put = fake_put, .close = fake_close, \
}

static const struct peer_ops hits = FAKE(PEER_HITS | PEER_ANCESTOR, fake_open);
static const struct peer_ops both =
    FAKE(PEER_HITS | PEER_MISSES | PEER_THREADS | PEER_OURS, fake_open);
static const struct peer_ops refused =
    FAKE(PEER_HITS | PEER_THREADS | PEER_REAL, refuse_open);
static const struct peer_ops failed =
    FAKE(PEER_HITS | PEER_THREADS | PEER_REAL, fail_open);

const struct peer_ops *const peer_table[] = {
	&hits, &both, &refused, &failed, NULL
};

/* ---- the harness --------------------------------------------------------- */

static struct bench_row rows[PEER_WAYS_MOST];
static unsigned row_count;

uint64_t
bench_page_bytes(void)
{
	return 4096;
}

void
bench_row(struct bench *bench, const struct bench_row *row)
{
	(void)bench;
	rows[row_count++] = *row;
}

void
bench_missing(struct bench_way *way, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(way->missing, sizeof(way->missing), format, list);
	va_end(list);
}

_Noreturn void
bench_die(const char *format, ...)
{
	(void)format;
	abort();
}

/* ---- the tests ----------------------------------------------------------- */

static const struct bench_file file = { .fd = -1 };
static struct peer_ways peers;
static struct bench_way ways[PEER_WAYS_MOST];

static unsigned
open_ways(uint64_t memory_pages, unsigned threads, unsigned kinds)
{
	const struct peer_use use = {
		.file = &file,
		.file_pages = PAGES,
		.memory_pages = memory_pages,
		.threads = threads,
		.order = PEER_RANDOM,
		.kinds = kinds,
	};

	opened = closed = gets = puts_ = row_count = 0;
	memset(asked, 0, sizeof(asked));
	return peer_ways_open(&peers, &use, ways);
}

#define ALL (PEER_ANCESTOR | PEER_OURS | PEER_REAL)

TEST(peers_of_the_kinds_asked_for_are_opened)
{
	CHECK_INT(open_ways(PAGES, 1, ALL), 4);
	peer_ways_close(&peers);
	CHECK_INT(open_ways(PAGES, 1, PEER_ANCESTOR), 1);
	CHECK(peers.peer[0].ops == &hits);
	CHECK_INT(opened, 1);
	peer_ways_close(&peers);
	CHECK_INT(closed, 1);
}

TEST(peers_that_cannot_do_it_are_left_out)
{
	/* Misses. */
	CHECK_INT(open_ways(PAGES / 2, 1, ALL), 1);
	CHECK(peers.peer[0].ops == &both);
	peer_ways_close(&peers);
	/* Threads. */
	CHECK_INT(open_ways(PAGES, 2, PEER_ANCESTOR), 0);
	CHECK_INT(open_ways(PAGES, 2, ALL), 3);
	CHECK_INT(ways[0].threads, 2);
	peer_ways_close(&peers);
}

TEST(a_peer_that_cannot_be_had_says_why_and_is_not_closed)
{
	CHECK_INT(open_ways(PAGES, 1, PEER_REAL), 2);
	CHECK_STR(ways[0].missing, "not on a Friday");
	CHECK_STR(ways[1].missing, strerror(ENOMEM));
	peer_ways_close(&peers);
	CHECK_INT(closed, 0);
}

TEST(a_peer_with_room_for_all_has_all_before_it_is_measured)
{
	CHECK_INT(open_ways(PAGES, 1, PEER_OURS), 1);
	for (unsigned i = 0; i < PAGES; i++)
		CHECK_INT(asked[i], 1);
	CHECK_INT(puts_, PAGES);
	peer_ways_close(&peers);
}

TEST(a_peer_that_is_too_small_is_full_before_it_is_measured)
{
	CHECK_INT(open_ways(PAGES / 2, 1, PEER_OURS), 1);
	CHECK(gets >= PAGES);
	CHECK_INT(puts_, gets);
	peer_ways_close(&peers);
}

/* Every page is met by the orders that go about, and one by the hot one. */
TEST(each_order_asks_for_the_pages_it_says)
{
	static const enum peer_order orders[] = {
		PEER_HOT, PEER_RANDOM, PEER_CHAIN
	};

	for (unsigned i = 0; i < 3; i++) {
		const struct bench_turn turn = {
			.threads = 1, .count = 1000, .seed = 3,
		};
		const struct peer_use use = {
			.file = &file, .file_pages = PAGES,
			.memory_pages = PAGES, .threads = 1,
			.order = orders[i], .kinds = PEER_OURS,
		};
		unsigned met = 0;

		CHECK_INT(peer_ways_open(&peers, &use, ways), 1);
		memset(asked, 0, sizeof(asked));
		gets = puts_ = 0;
		ways[0].loop(ways[0].self, &turn);
		CHECK_INT(gets, 1000);
		CHECK_INT(puts_, 1000);
		for (unsigned page = 0; page < PAGES; page++)
			met += asked[page] != 0;
		CHECK_INT(met, orders[i] == PEER_HOT ? 1 : PAGES);
		peer_ways_close(&peers);
	}
}

TEST(a_peer_with_other_bytes_ends_the_program)
{
	wrong_page = 3;
	CHECK_DIES(open_ways(PAGES, 1, PEER_OURS));
	wrong_page = UINT64_MAX;
}

TEST(the_target_is_for_the_kinds_it_is_for)
{
	const struct bench_row row = {
		.variant = "hot", .sense = BENCH_AT_MOST, .target = 1,
	};

	CHECK_INT(open_ways(PAGES, 1, ALL), 4);
	peer_rows(&peers, NULL, &row, PEER_ANCESTOR | PEER_OURS);
	CHECK_INT(row_count, 4);
	for (unsigned i = 0; i < 4; i++) {
		CHECK(rows[i].against == &ways[i]);
		CHECK_INT(rows[i].sense,
		    i < 2 ? BENCH_AT_MOST : BENCH_NO_TARGET);
	}
	peer_ways_close(&peers);
}
