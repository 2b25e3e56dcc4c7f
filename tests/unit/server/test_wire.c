/* SPDX-License-Identifier: BSD-2-Clause */
/* mlock and madvise of a client, as requests. */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "rig.h"

static uint32_t file;

static void
set_up(void)
{
	rig_set_up();
	file = rig_map_shared();
}

static int
wire(uint64_t page, uint64_t pages)
{
	return RIG_ASK(-1, .op = VM_REQ_WIRE, .file = file,
	    .offset = page * PAGE, .length = pages * PAGE);
}

static int
unwire(uint64_t page, uint64_t pages)
{
	return RIG_ASK(-1, .op = VM_REQ_UNWIRE, .file = file,
	    .offset = page * PAGE, .length = pages * PAGE);
}

static void
wired(uint64_t pages)
{
	CHECK_INT(rig_stat().wired_pages, pages);
}

TEST(mlock_does_not_nest)
{
	set_up();
	CHECK_INT(wire(10, 4), 0);
	CHECK_INT(wire(10, 4), 0);
	wired(4);
	CHECK_INT(wire(8, 8), 0);
	wired(8);
	CHECK_INT(unwire(0, RIG_PAGES), 0);
	wired(0);
	CHECK_INT(unwire(0, RIG_PAGES), 0);
	rig_tear_down();
}

TEST(bytes_are_wired_by_whole_pages)
{
	set_up();
	CHECK_INT(RIG_ASK(-1, .op = VM_REQ_WIRE, .file = file,
	    .offset = 10 * PAGE + 100, .length = PAGE), 0);
	wired(2);
	CHECK_INT(RIG_ASK(-1, .op = VM_REQ_UNWIRE, .file = file,
	    .offset = 11 * PAGE + 1, .length = 1), 0);
	wired(1);
	rig_tear_down();
}

TEST(a_piece_can_be_cut_at_either_end_and_in_the_middle)
{
	set_up();
	CHECK_INT(wire(10, 10), 0);
	CHECK_INT(unwire(8, 4), 0);
	wired(8);
	CHECK_INT(unwire(18, 4), 0);
	wired(6);
	CHECK_INT(unwire(14, 1), 0);
	wired(5);
	CHECK_INT(unwire(12, 2), 0);
	wired(3);
	CHECK_INT(wire(10, 10), 0);
	wired(10);
	CHECK_INT(unwire(10, 10), 0);
	wired(0);
	rig_tear_down();
}

TEST(two_files_are_wired_apart)
{
	uint32_t first;
	int other = rig_new_file(4);

	set_up();
	first = file;
	CHECK_INT(wire(0, 2), 0);
	CHECK_INT(RIG_ASK(other, .op = VM_REQ_MAP,
	    .address = (uintptr_t)rig.spare, .length = 4 * PAGE,
	    .prot = PROT_READ, .flags = MAP_SHARED), 0);
	file = rig.reply.file;
	CHECK_INT(wire(1, 3), 0);
	wired(5);
	CHECK_INT(unwire(0, 4), 0);
	wired(2);
	file = first;
	CHECK_INT(unwire(0, 2), 0);
	wired(0);
	close(other);
	rig_tear_down();
}

TEST(a_client_that_goes_leaves_nothing_wired)
{
	set_up();
	CHECK_INT(wire(3, 2), 0);
	CHECK_INT(wire(30, 2), 0);
	rig_offend();
	wired(0);
	rig_tear_down();
}

/* Half of the limit at most, which is 8 MiB. */
TEST(what_cannot_be_wired_is_an_error)
{
	int large = rig_new_file(1200);

	rig_set_up();
	CHECK_INT(RIG_ASK(large, .op = VM_REQ_MAP,
	    .address = (uintptr_t)rig.base, .length = 4 * PAGE,
	    .prot = PROT_READ, .flags = MAP_SHARED), 0);
	file = rig.reply.file;
	CHECK_INT(wire(0, 1200), ENOMEM);
	CHECK(rig.reply.text[0] != '\0');
	wired(0);
	close(large);
	rig_tear_down();
}

TEST(pieces_have_a_bound_and_beyond_it_nothing_changes)
{
	int large = rig_new_file(2 * VM_CLIENT_WIRES_MAX + 8);
	uint64_t i;

	rig_prepare();
	rig_options.vm.resident_max_bytes = 32 << 20;
	rig.uffd = rig_new_uffd();
	rig_start();
	rig_hello(true);
	CHECK_INT(RIG_ASK(large, .op = VM_REQ_MAP,
	    .address = (uintptr_t)rig.base, .length = 4 * PAGE,
	    .prot = PROT_READ, .flags = MAP_SHARED), 0);
	file = rig.reply.file;
	CHECK_INT(wire(0, 3), 0);
	for (i = 1; i < VM_CLIENT_WIRES_MAX; i++)
		CHECK_INT(wire(2 + 2 * i, 1), 0);
	wired(VM_CLIENT_WIRES_MAX + 2);
	CHECK_INT(wire(2 + 2 * i, 1), ENOMEM);
	CHECK_INT(unwire(1, 1), ENOMEM);
	wired(VM_CLIENT_WIRES_MAX + 2);
	CHECK_INT(unwire(0, 2), 0);
	wired(VM_CLIENT_WIRES_MAX);
	close(large);
	rig_tear_down();
}

static int
advise(int advice, uint64_t page, uint64_t pages)
{
	return RIG_ASK(-1, .op = VM_REQ_ADVISE, .file = file,
	    .offset = page * PAGE, .length = pages * PAGE,
	    .prot = (uint32_t)advice);
}

TEST(advice_is_passed_on_and_what_is_not_known_is_ignored)
{
	set_up();
	CHECK_INT(advise(MADV_RANDOM, 0, RIG_PAGES), 0);
	CHECK_INT(advise(MADV_SEQUENTIAL, 0, RIG_PAGES), 0);
	CHECK_INT(advise(MADV_NORMAL, 0, RIG_PAGES), 0);
	CHECK_INT(advise(MADV_HUGEPAGE, 0, RIG_PAGES), 0);
	CHECK_INT(rig_stat().resident_pages, 0);
	CHECK_INT(advise(MADV_WILLNEED, 8, 8), 0);
	CHECK_INT(rig_stat().resident_pages, 8);
	CHECK_INT(advise(MADV_COLD, 8, 8), 0);
	CHECK_INT(rig_stat().resident_pages, 8);
	CHECK_INT(advise(MADV_DONTNEED, 8, 3), 0);
	CHECK_INT(rig_stat().resident_pages, 5);
	CHECK_INT(advise(MADV_PAGEOUT, 8, 8), 0);
	CHECK_INT(rig_stat().resident_pages, 0);
	rig_tear_down();
}

TEST(a_file_that_was_not_given_ends_the_session)
{
	static const uint32_t ops[] = { VM_REQ_WIRE, VM_REQ_UNWIRE,
		VM_REQ_ADVISE, VM_REQ_SYNC, VM_REQ_FLUSH, VM_REQ_WRITE_BEGIN,
		VM_REQ_WROTE };

	rig_listen();
	set_up();
	for (unsigned i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		uint32_t wrong = i % 2 == 0 ? 77 : VM_TABLE_FILES;

		CHECK_INT(RIG_ASK(-1, .op = ops[i], .file = wrong,
		    .length = PAGE), -1);
		rig_hello(true);
	}
	CHECK(rig_said("a file number that it was not given"));
	CHECK(rig_said("a file number that does not exist"));
	rig_tear_down();
	rig_unlisten();
}
