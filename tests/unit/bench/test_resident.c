/* SPDX-License-Identifier: BSD-2-Clause */
/* The open hash of page numbers that a clock goes round in. */
#include "bench/peers/resident.h"
#include "check.h"

#define PAGES 100u

/* How often each page is met in one turn round the whole table. */
static void
go_round(struct resident_set *set, unsigned *met, unsigned step)
{
	uint64_t pages[64];

	memset(met, 0, PAGES * sizeof(*met));
	for (uint64_t at = 0; at <= set->mask; at += step) {
		unsigned found = resident_turn(set, pages, step);

		for (unsigned i = 0; i < found; i++) {
			CHECK(pages[i] < PAGES);
			met[pages[i]]++;
		}
	}
}

TEST(the_hand_meets_each_page_once_a_turn)
{
	struct resident_set set;
	unsigned met[PAGES];

	CHECK(resident_set_init(&set, PAGES));
	for (uint64_t page = 0; page < PAGES; page++)
		resident_insert(&set, page);
	for (unsigned step = 1; step <= 64; step *= 2) {
		go_round(&set, met, step);
		for (unsigned page = 0; page < PAGES; page++)
			CHECK_INT(met[page], 1);
	}
	resident_set_fini(&set);
}

TEST(the_hand_meets_no_page_that_was_taken_out)
{
	struct resident_set set;
	unsigned met[PAGES];

	CHECK(resident_set_init(&set, PAGES));
	for (uint64_t page = 0; page < PAGES; page++)
		resident_insert(&set, page);
	for (uint64_t page = 0; page < PAGES; page += 2)
		resident_remove(&set, page);
	go_round(&set, met, 16);
	for (unsigned page = 0; page < PAGES; page++)
		CHECK_INT(met[page], page % 2);
	resident_set_fini(&set);
}

/* Graves are used again: else the table would be full of them after a while. */
TEST(pages_come_and_go_for_ever)
{
	struct resident_set set;
	unsigned met[PAGES];

	CHECK(resident_set_init(&set, 10));
	for (unsigned n = 0; n < 10000; n++) {
		resident_insert(&set, n % PAGES);
		if (n >= 10)
			resident_remove(&set, (n - 10) % PAGES);
	}
	go_round(&set, met, 4);
	for (unsigned page = 0; page < PAGES; page++)
		CHECK_INT(met[page], page >= PAGES - 10);
	resident_set_fini(&set);
}
