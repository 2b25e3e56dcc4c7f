/* SPDX-License-Identifier: BSD-2-Clause */
/* Private anonymous memory of a client, request by request. */
#include <errno.h>
#include <linux/userfaultfd.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "rig.h"

enum { BYTES = RIG_PAGES * PAGE };

/* Greets as one without fork events does. */
static void
set_up(uint64_t least)
{
	rig_prepare();
	rig_options.anon_min_bytes = least;
	rig.uffd = rig_new_uffd();
	rig_start();
	rig.socket = rig_connect();
	CHECK_INT(RIG_ASK(rig.uffd, .op = VM_REQ_HELLO, .length = PAGE,
	    .token = VM_PROTOCOL_VERSION, .flags = VM_HELLO_FORKLESS), 0);
}

static int
ask_memory(char *at)
{
	return RIG_ASK(-1, .op = VM_REQ_ANON, .address = (uintptr_t)at,
	    .length = BYTES);
}

/* The store that came with the last reply, and its registration. */
static void
show(char *at, int store, uint64_t offset, uint64_t length)
{
	struct uffdio_register range = {
		.range = { .start = (uintptr_t)at, .len = length },
		.mode = UFFDIO_REGISTER_MODE_MISSING |
		    UFFDIO_REGISTER_MODE_WP,
	};

	CHECK(mmap(at, length, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_FIXED, store, (off_t)offset) == at);
	CHECK(ioctl(rig.uffd, UFFDIO_REGISTER, &range) == 0);
	CHECK_INT(RIG_ASK(-1, .op = VM_REQ_MAPPED, .address = (uintptr_t)at,
	    .length = length), 0);
}

/* Memory at the rig's place; its number. */
static uint32_t
new_memory(void)
{
	uint32_t file;

	CHECK_INT(ask_memory(rig.base), 0);
	CHECK_INT(rig.reply.verdict, VM_VERDICT_MANAGED);
	CHECK_INT(rig.reply.kind, VM_RANGE_TRACKED);
	CHECK_INT(rig.fds, 1);
	file = rig.reply.file;
	show(rig.base, rig.fd[0], 0, BYTES);
	return file;
}

static int
discard(uint32_t file, uint64_t pages, uint32_t flags)
{
	return RIG_ASK(-1, .op = VM_REQ_DISCARD, .file = file,
	    .length = pages * PAGE, .flags = flags);
}

static int
clone_of(uint32_t file)
{
	return RIG_ASK(-1, .op = VM_REQ_CLONE, .file = file);
}

static void
stamp(char *at, int what)
{
	for (unsigned i = 0; i < RIG_PAGES; i++)
		memset(at + (size_t)i * PAGE, what + (int)i % 50, 8);
}

static void
check(const char *at, int what)
{
	for (unsigned i = 0; i < RIG_PAGES; i++)
		CHECK_INT(at[(size_t)i * PAGE], what == 0 ? 0 :
		    what + (int)i % 50);
}

static void
passed(enum vm_pass reason)
{
	CHECK_INT(rig.reply.verdict, VM_VERDICT_PASS);
	CHECK_INT(rig.reply.reason, reason);
	CHECK_INT(rig.fds, 0);
}

TEST(memory_is_the_kernels_unless_it_was_asked_for)
{
	set_up(0);
	CHECK_INT(ask_memory(rig.base), 0);
	passed(VM_PASS_SMALL);
	rig_tear_down();
	set_up(BYTES + PAGE);
	CHECK_INT(ask_memory(rig.base), 0);
	passed(VM_PASS_SMALL);
	rig_tear_down();
}

TEST(memory_is_the_kernels_where_a_child_would_share_it)
{
	rig_listen();
	rig_prepare();
	rig_options.anon_min_bytes = PAGE;
	rig_start();
	rig_hello(true);
	CHECK_INT(ask_memory(rig.base), 0);
	passed(VM_PASS_PERMISSION);
	rig_tear_down();
	rig_unlisten();
}

TEST(memory_is_zeros_and_keeps_what_is_written)
{
	set_up(PAGE);
	new_memory();
	check(rig.base, 0);
	stamp(rig.base, 1);
	check(rig.base, 1);
	rig_tear_down();
	CHECK_INT(rig_report.maps_managed, 1);
	CHECK_INT(rig_report.lost_files, 0);
}

TEST(what_is_discarded_is_zeros)
{
	uint32_t file;

	set_up(PAGE);
	file = new_memory();
	stamp(rig.base, 1);
	CHECK_INT(discard(file, RIG_PAGES, 0), 0);
	check(rig.base, 0);
	stamp(rig.base, 2);
	CHECK_INT(discard(file, RIG_PAGES, VM_DISCARD_LAZY), 0);
	stamp(rig.base, 3);
	check(rig.base, 3);
	rig_tear_down();
}

TEST(memory_that_is_unmapped_is_let_go)
{
	uint32_t file;

	set_up(PAGE);
	file = new_memory();
	stamp(rig.base, 1);
	CHECK(munmap(rig.base, BYTES) == 0);
	CHECK_INT(discard(file, RIG_PAGES, VM_DISCARD_LEFT), 0);
	CHECK_INT(rig_stat().resident_pages, 0);
	CHECK_INT(rig_stat().objects, 0);
	CHECK_INT(discard(file, 1, 0), ENOENT);
	rig_tear_down();
}

TEST(memory_that_is_wired_is_unmapped_all_the_same)
{
	uint32_t file;

	set_up(PAGE);
	file = new_memory();
	CHECK_INT(RIG_ASK(-1, .op = VM_REQ_WIRE, .file = file,
	    .length = 3 * PAGE), 0);
	CHECK_INT(discard(file, RIG_PAGES, 0), EBUSY);
	CHECK(munmap(rig.base, BYTES) == 0);
	CHECK_INT(discard(file, RIG_PAGES, VM_DISCARD_LEFT), 0);
	CHECK_INT(rig_stat().objects, 0);
	rig_tear_down();
}

TEST(a_clone_is_of_the_bytes_and_not_of_the_pages)
{
	uint32_t file, copy;

	set_up(PAGE);
	file = new_memory();
	stamp(rig.base, 1);
	CHECK_INT(RIG_ASK(-1, .op = VM_REQ_FREEZE, .token = 1), 0);
	CHECK_INT(clone_of(file), 0);
	copy = rig.reply.file;
	CHECK(copy != file);
	CHECK_INT(RIG_ASK(-1, .op = VM_REQ_FREEZE), 0);
	CHECK_INT(RIG_ASK(-1, .op = VM_REQ_ENTER, .file = copy,
	    .address = (uintptr_t)rig.spare, .length = BYTES,
	    .prot = VM_RANGE_TRACKED), 0);
	CHECK_INT(RIG_ASK(-1, .op = VM_REQ_STORE, .file = copy), 0);
	show(rig.spare, rig.fd[0], 0, BYTES);
	stamp(rig.base, 51);
	check(rig.spare, 1);
	stamp(rig.spare, 70);
	check(rig.base, 51);
	check(rig.spare, 70);
	rig_tear_down();
}

TEST(a_clone_that_no_child_takes_is_given_back)
{
	uint32_t file, copy;

	set_up(PAGE);
	file = new_memory();
	CHECK_INT(clone_of(file), 0);
	copy = rig.reply.file;
	CHECK_INT(rig_stat().objects, 2);
	/* It waits for the child. */
	vm_file_sweep(rig.server);
	CHECK_INT(rig_stat().objects, 2);
	CHECK_INT(discard(copy, RIG_PAGES, VM_DISCARD_LEFT), 0);
	CHECK_INT(rig_stat().objects, 1);
	rig_tear_down();
}

TEST(memory_grows_at_its_end_and_nowhere_else)
{
	uint32_t file;
	char *tail = rig.spare;

	set_up(PAGE);
	tail = rig.spare;
	file = new_memory();
	CHECK_INT(RIG_ASK(-1, .op = VM_REQ_ENTER, .file = file,
	    .address = (uintptr_t)tail, .length = PAGE, .offset = 5 * PAGE,
	    .prot = VM_RANGE_TRACKED, .flags = VM_ENTER_TAIL), EINVAL);
	CHECK_INT(RIG_ASK(-1, .op = VM_REQ_ENTER, .file = file,
	    .address = (uintptr_t)tail, .length = 2 * PAGE,
	    .offset = BYTES, .prot = VM_RANGE_TRACKED,
	    .flags = VM_ENTER_TAIL), 0);
	CHECK_INT(rig.reply.value, BYTES + 2 * PAGE);
	CHECK_INT(RIG_ASK(-1, .op = VM_REQ_STORE, .file = file), 0);
	show(tail, rig.fd[0], BYTES, 2 * PAGE);
	memset(tail, 5, 2 * PAGE);
	/* Its end is given up, and it ends there. */
	CHECK(munmap(tail, 2 * PAGE) == 0);
	CHECK_INT(RIG_ASK(-1, .op = VM_REQ_DISCARD, .file = file,
	    .offset = BYTES, .length = 2 * PAGE, .flags = VM_DISCARD_LEFT),
	    0);
	CHECK_INT(RIG_ASK(-1, .op = VM_REQ_ENTER, .file = file,
	    .address = (uintptr_t)tail, .length = PAGE, .offset = BYTES,
	    .prot = VM_RANGE_TRACKED, .flags = VM_ENTER_TAIL), 0);
	CHECK_INT(RIG_ASK(-1, .op = VM_REQ_STORE, .file = file), 0);
	show(tail, rig.fd[0], BYTES, PAGE);
	CHECK_INT(tail[0], 0);
	rig_tear_down();
}

/* What a client does wrong ends its session. */
static void
offends(const struct vm_request *request)
{
	set_up(PAGE);
	rig_listen();
	new_memory();
	CHECK_INT(rig_ask(request, -1), -1);
	rig_unlisten();
	rig_tear_down();
}

TEST(requests_about_no_memory_end_the_session)
{
	offends(&(struct vm_request){ .op = VM_REQ_CLONE, .file = 77 });
	offends(&(struct vm_request){ .op = VM_REQ_DISCARD, .file = 77,
	    .length = PAGE });
	offends(&(struct vm_request){ .op = VM_REQ_DISCARD, .length = PAGE,
	    .flags = 4 });
	offends(&(struct vm_request){ .op = VM_REQ_FREEZE, .token = 2 });
	offends(&(struct vm_request){ .op = VM_REQ_ENTER, .length = PAGE,
	    .address = PAGE, .prot = VM_RANGE_TRACKED, .flags = 2 });
}

TEST(a_file_is_no_memory)
{
	uint32_t file;

	rig_set_up();
	rig_listen();
	file = rig_map_shared();
	CHECK_INT(RIG_ASK(-1, .op = VM_REQ_CLONE, .file = file), -1);
	rig_unlisten();
	rig_tear_down();
}

/* A client that is gone leaves nothing behind, frozen or not. */
TEST(memory_goes_with_its_client)
{
	set_up(PAGE);
	new_memory();
	stamp(rig.base, 1);
	CHECK_INT(RIG_ASK(-1, .op = VM_REQ_FREEZE, .token = 1), 0);
	rig_listen();
	rig_offend();
	rig_unlisten();
	while (rig_stat().objects != 0)
		sched_yield();
	rig_tear_down();
}
