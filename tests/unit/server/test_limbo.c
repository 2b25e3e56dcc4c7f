/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which pages of a client are in use: the test is the client, and does by hand
 * what its limbo thread would do.
 */
#include "base/compiler.h"
#include "rig.h"

#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>

/* 32 pages of memory for a file of 64; 4 of them are touched all the time. */
enum { LIMIT = 32, HOT = 4 };

static struct vm_client_page *page;

static _Atomic uint32_t *
word(uint32_t *member)
{
	return (_Atomic uint32_t *)member;
}

static void
limbo_set_up(unsigned percent)
{
	rig_prepare();
	rig_options.limbo_percent = percent;
	rig_options.vm.resident_max_bytes = LIMIT * PAGE;
	rig_options.vm.readahead_bytes = rig_options.vm.cluster_bytes = 1;
	rig.uffd = rig_new_uffd();
	rig_start();
	rig_hello(true);
	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, rig.fd[0],
	    0);
	CHECK(page != MAP_FAILED);
	rig_show(PROT_READ | PROT_WRITE, MAP_SHARED);
}

static void
limbo_tear_down(void)
{
	CHECK_INT(rig_stop(), 0);
	CHECK(munmap(page, PAGE) == 0);
}

static void
touch(unsigned at)
{
	const uint64_t *first = (const uint64_t *)(void *)(rig.base +
	    (size_t)at * PAGE);

	CHECK_INT(atomic_load((const _Atomic uint64_t *)first), at);
}

/* Once through the file, the hot pages before each of the others. */
static void
go_round(void)
{
	for (unsigned i = HOT; i < RIG_PAGES; i++) {
		for (unsigned hot = 0; hot < HOT; hot++)
			touch(hot);
		touch(i);
	}
}

static bool
is_asked(void)
{
	return atomic_load(word(&page->asked)) !=
	    atomic_load(word(&page->done));
}

static void
answer(void)
{
	atomic_store(word(&page->done), atomic_load(word(&page->asked)));
}

static void
drop_all(void)
{
	uint64_t start = (uint64_t)(uintptr_t)rig.base;

	CHECK(madvise(rig.base, RIG_PAGES * PAGE, MADV_DONTNEED) == 0);
	page->pieces = 1;
	page->piece[0] = (struct vm_limbo_piece){ .start = start,
		.end = start + RIG_PAGES * PAGE };
	answer();
}

/* As long as it takes: the server looks when it likes. */
TEST(a_page_that_is_touched_again_after_its_entry_was_dropped_is_in_use)
{
	limbo_set_up(100);
	while (rig_stat().limbo_again < 10) {
		go_round();
		if (is_asked())
			drop_all();
	}
	limbo_tear_down();
	CHECK(rig_report.limbo_rounds > 1 && rig_report.limbo_ns > 0);
	CHECK(rig_report.stat.limbo_touched >=
	    rig_report.stat.limbo_again);
}

TEST(nobody_is_asked_while_nothing_is_evicted)
{
	limbo_set_up(100);
	for (unsigned turn = 0; turn < 1000; turn++)
		touch(turn % HOT);
	CHECK_INT(atomic_load(word(&page->asked)), 0);
	limbo_tear_down();
	CHECK_INT(rig_report.limbo_rounds, 0);
}

TEST(nobody_is_asked_where_it_may_cost_nothing)
{
	limbo_set_up(0);
	for (unsigned turn = 0; turn < 20; turn++)
		go_round();
	CHECK_INT(atomic_load(word(&page->asked)), 0);
	limbo_tear_down();
	CHECK_INT(rig_report.limbo_rounds, 0);
	CHECK_INT(rig_report.limbo_ns, 0);
}

TEST(who_does_not_answer_is_asked_once)
{
	limbo_set_up(100);
	while (atomic_load(word(&page->asked)) == 0)
		go_round();
	for (unsigned turn = 0; turn < 20; turn++)
		go_round();
	CHECK_INT(atomic_load(word(&page->asked)), 1);
	limbo_tear_down();
	CHECK_INT(rig_report.stat.limbo_touched, 0);
}

/* Each answer is worse than the one before. */
TEST(pieces_that_are_none_are_not_looked_at)
{
	const uint64_t start = 1 << 20;
	const struct vm_limbo_piece lie[] = {
		{ start + 1, start + PAGE }, { start, start + 1 },
		{ start + PAGE, start }, { start, start },
		{ 0, UINT64_MAX / PAGE * PAGE }, { UINT64_MAX, 0 },
	};
	unsigned told = 0;

	limbo_set_up(100);
	while (told < VM_COUNT(lie) + 1) {
		go_round();
		if (!is_asked())
			continue;
		page->pieces = told == 0 ? UINT32_MAX : 1;
		page->piece[0] = lie[told % VM_COUNT(lie)];
		page->spent_ns = UINT64_MAX - told;
		told++;
		answer();
	}
	limbo_tear_down();
	CHECK_INT(rig_report.stat.limbo_touched, 0);
}
