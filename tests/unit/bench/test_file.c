/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/report.h"
#include "check.h"

#define PAGES 700u	/* not a multiple of what is written at a time */

/* A folder of our own, for any store. */
struct rig {
	struct bench bench;
	char folder[32];
};

static void
open_rig(struct rig *rig)
{
	memset(rig, 0, sizeof(*rig));
	memcpy(rig->folder, "/tmp/test-file-XXXXXX", 22);
	CHECK(mkdtemp(rig->folder) != NULL);
	rig->bench.options.path = rig->folder;
	rig->bench.workload = "work";
	rig->bench.out = fopen("/dev/null", "w");
	CHECK(rig->bench.out != NULL);
}

/* The folder goes only when nothing is left in it. */
static void
close_rig(struct rig *rig)
{
	bench_files_fini();
	CHECK_INT(rmdir(rig->folder), 0);
	CHECK_INT(fclose(rig->bench.out), 0);
}

TEST(each_page_begins_with_its_number_and_differs)
{
	uint64_t page_bytes = bench_page_bytes();
	struct bench_file *file;
	uint64_t words[2], last = 0;
	struct rig rig;

	open_rig(&rig);
	file = bench_file(&rig.bench, BENCH_NULL_STORE,
	    PAGES * page_bytes + 1);
	CHECK(file != NULL);
	CHECK_INT(file->pages, PAGES);
	CHECK_INT(file->bytes, PAGES * page_bytes);
	for (uint64_t i = 0; i < PAGES; i++) {
		CHECK_INT(pread(file->fd, words, sizeof(words),
		    (off_t)(i * page_bytes)), sizeof(words));
		CHECK(bench_page_good(words, i));
		CHECK(!bench_page_good(words, i + 1));
		CHECK(words[1] != last);
		last = words[1];
	}
	close_rig(&rig);
}

TEST(the_same_file_is_made_once)
{
	struct bench_file *a, *b, *c;
	struct rig rig;

	open_rig(&rig);
	a = bench_file(&rig.bench, BENCH_NULL_STORE, bench_page_bytes());
	b = bench_file(&rig.bench, BENCH_NULL_STORE, bench_page_bytes());
	c = bench_file(&rig.bench, BENCH_NULL_STORE, 2 * bench_page_bytes());
	CHECK(a != NULL && a == b && c != NULL && c != a);
	bench_file_drop(a);
	close_rig(&rig);
}

TEST(what_cannot_be_made_is_skipped_with_words)
{
	struct rig rig;

	open_rig(&rig);
	CHECK(bench_file(&rig.bench, BENCH_NULL_STORE, UINT64_C(1) << 60) ==
	    NULL);
	CHECK_INT(rig.bench.skipped, 1);
	rig.bench.options.path = "/dev/null/folder";
	CHECK(bench_file(&rig.bench, BENCH_NULL_STORE, 4096) == NULL);
	CHECK_INT(rig.bench.skipped, 2);
	close_rig(&rig);
}

TEST(memory_is_no_disk)
{
	struct rig rig;

	if (access("/dev/shm", W_OK) != 0)
		CHECK_SKIP("no /dev/shm here");
	open_rig(&rig);
	rig.bench.options.path = "/dev/shm";
	CHECK(bench_file(&rig.bench, BENCH_DISK, 4096) == NULL);
	CHECK_INT(rig.bench.skipped, 1);
	close_rig(&rig);
}

TEST(the_limit_is_what_was_asked_for)
{
	struct bench bench = { 0 };

	CHECK_INT(bench_mem(&bench, 10, 5), 10);
	bench.options.quick = true;
	CHECK_INT(bench_mem(&bench, 10, 5), 5);
	bench.options.mem_bytes = 7;
	CHECK_INT(bench_mem(&bench, 10, 5), 7);
}
