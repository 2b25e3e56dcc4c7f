/* SPDX-License-Identifier: BSD-2-Clause */
/* Ranges of clients: how they come, change and go, request by request. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "rig.h"

static int
map_fd(int fd, int prot, int flags, uint64_t pages)
{
	return RIG_ASK(fd, .op = VM_REQ_MAP, .address = (uintptr_t)rig.base,
	    .length = pages * PAGE, .prot = (uint32_t)prot,
	    .flags = (uint32_t)flags);
}

static int
reopened(int flags)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", rig.file);
	fd = open(path, flags | O_CLOEXEC);
	CHECK(fd >= 0);
	return fd;
}

static void
passed(enum vm_pass reason)
{
	CHECK_INT(rig.reply.verdict, VM_VERDICT_PASS);
	CHECK_INT(rig.reply.reason, reason);
	CHECK_INT(rig.fds, 0);
}

TEST(maps_that_are_not_served_stay_with_the_kernel_and_say_why)
{
	int pipes[2], readable, path_only;

	rig_listen();
	rig_prepare();
	rig_options.min_map_bytes = 2 * PAGE;
	rig.uffd = rig_new_uffd();
	rig_start();
	rig_hello(true);
	CHECK_INT(rig.reply.value, 2 * PAGE);
	CHECK(pipe(pipes) == 0);
	readable = reopened(O_RDONLY);
	path_only = reopened(O_PATH);
	CHECK_INT(map_fd(rig.file, PROT_READ, MAP_SHARED, 1), 0);
	passed(VM_PASS_SMALL);
	CHECK_INT(map_fd(rig.file, PROT_READ | PROT_EXEC, MAP_SHARED, 2), 0);
	passed(VM_PASS_EXEC);
	CHECK_INT(map_fd(rig.file, PROT_READ, MAP_SHARED | 0x400000, 2), 0);
	passed(VM_PASS_FLAGS);
	CHECK_INT(map_fd(pipes[0], PROT_READ, MAP_SHARED, 2), 0);
	passed(VM_PASS_SPECIAL);
	CHECK_INT(map_fd(path_only, PROT_READ, MAP_SHARED, 2), 0);
	passed(VM_PASS_SPECIAL);
	CHECK_INT(map_fd(readable, PROT_READ | PROT_WRITE, MAP_SHARED, 2), 0);
	passed(VM_PASS_PERMISSION);
	CHECK(rig_said("executable; others like it are only counted"));
	CHECK(!rig_said("shorter than --min-map"));
	close(pipes[0]);
	close(pipes[1]);
	close(readable);
	close(path_only);
	CHECK_INT(rig_stop(), 0);
	CHECK_INT(rig_report.maps_passed, 5);
	CHECK_INT(rig_report.maps_managed, 0);
	rig_unlisten();
}

TEST(a_client_without_userfaultfd_has_no_ranges)
{
	static const uint32_t ops[] = { VM_REQ_MAPPED, VM_REQ_TRACK };

	rig_listen();
	rig_prepare();
	rig_start();
	rig_hello(false);
	CHECK_INT(map_fd(rig.file, PROT_READ, MAP_SHARED, 2), 0);
	passed(VM_PASS_PERMISSION);
	CHECK_INT(RIG_ASK(-1, .op = VM_REQ_BYE), 0);
	CHECK_INT(RIG_ASK(-1, .op = VM_REQ_UNMAP, .address = PAGE,
	    .length = PAGE, .flags = VM_UNMAP_FORGET), 0);
	CHECK_INT(RIG_ASK(-1, .op = VM_REQ_FORKING, .token = 5), 0);
	CHECK_INT(rig.reply.value, 0);
	for (unsigned i = 0; i < 2; i++) {
		CHECK_INT(RIG_ASK(-1, .op = ops[i], .address = PAGE,
		    .length = PAGE), -1);
		rig_hello(false);
	}
	CHECK_INT(RIG_ASK(-1, .op = VM_REQ_ENTER, .address = PAGE,
	    .length = PAGE, .prot = VM_RANGE_READ), -1);
	CHECK(rig_said("a range without a userfaultfd"));
	rig_tear_down();
	rig_unlisten();
}

TEST(strict_refuses_what_it_cannot_serve)
{
	rig_listen();
	rig_prepare();
	rig_options.strict = true;
	rig.uffd = rig_new_uffd();
	rig_start();
	rig_hello(true);
	for (unsigned i = 0; i < 2; i++) {
		CHECK_INT(map_fd(rig.file, PROT_READ | PROT_EXEC, MAP_SHARED,
		    2), ENODEV);
		CHECK_INT(rig.reply.verdict, VM_VERDICT_REFUSE);
		CHECK_STR(rig.reply.text, "--strict: executable");
	}
	CHECK_INT(RIG_ASK(-1, .op = VM_REQ_PASSED, .token = VM_PASS_FLAGS),
	    ENODEV);
	CHECK(rig_said("mapping refused (--strict)"));
	CHECK_INT(rig_stop(), 0);
	CHECK_INT(rig_report.errors, 3);
	rig_unlisten();
}

TEST(quiet_counts_and_says_nothing)
{
	rig_listen();
	rig_prepare();
	rig_options.quiet = true;
	rig_start();
	rig_hello(false);
	CHECK_INT(RIG_ASK(-1, .op = VM_REQ_PASSED, .token = VM_PASS_SMALL), 0);
	CHECK_INT(RIG_ASK(-1, .op = VM_REQ_PASSED, .token = VM_PASS_EXEC), 0);
	CHECK_INT(RIG_ASK(-1, .op = VM_REQ_PASSED, .token = VM_PASS_NONE), -1);
	rig_hello(false);
	CHECK_INT(RIG_ASK(-1, .op = VM_REQ_PASSED,
	    .token = VM_PASS_PRIVATE + 1), -1);
	CHECK(!rig_said("left to the kernel"));
	CHECK(rig_said("a reason that does not exist"));
	CHECK_INT(rig_stop(), 0);
	CHECK_INT(rig_report.maps_passed, 1);
	rig_unlisten();
}

TEST(a_range_that_is_taken_already_stays_what_it_was)
{
	rig_listen();
	rig_set_up();
	rig_map_shared();
	CHECK_INT(map_fd(rig.file, PROT_READ, MAP_SHARED, 2), 0);
	passed(VM_PASS_FULL);
	CHECK_INT(RIG_ASK(-1, .op = VM_REQ_ENTER,
	    .address = (uintptr_t)rig.base, .length = PAGE,
	    .prot = VM_RANGE_READ), EEXIST);
	rig_tear_down();
	rig_unlisten();
}

TEST(more_ranges_of_a_file_are_entered_by_its_number)
{
	uint32_t file;

	rig_listen();
	rig_set_up();
	file = rig_map(PROT_READ, MAP_SHARED);
	CHECK_INT(rig.reply.kind, VM_RANGE_READ);
	for (uint64_t i = 0; i < 4; i++) {
		static const enum vm_range_kind kinds[] = { VM_RANGE_READ,
			VM_RANGE_TRACKED, VM_RANGE_ALIAS, VM_RANGE_PRIVATE };

		CHECK_INT(RIG_ASK(-1, .op = VM_REQ_ENTER, .file = file,
		    .address = (uintptr_t)rig.spare + i * PAGE,
		    .length = PAGE, .offset = i * PAGE, .prot = kinds[i]), 0);
		CHECK_INT(rig.reply.value, RIG_PAGES * PAGE);
	}
	CHECK_INT(RIG_ASK(-1, .op = VM_REQ_ENTER, .file = file,
	    .address = (uintptr_t)rig.spare, .length = PAGE, .prot = 99), -1);
	rig_hello(true);
	CHECK_INT(RIG_ASK(-1, .op = VM_REQ_ENTER, .file = file,
	    .address = (uintptr_t)rig.spare, .length = PAGE), -1);
	CHECK(rig_said("a kind of range that does not exist"));
	rig_tear_down();
	rig_unlisten();
}

static int
track(uint64_t page, uint64_t pages)
{
	return RIG_ASK(-1, .op = VM_REQ_TRACK,
	    .address = (uintptr_t)rig.base + page * PAGE,
	    .length = pages * PAGE);
}

TEST(a_range_that_is_read_may_become_writable_if_the_descriptor_was)
{
	int readable;

	rig_listen();
	rig_set_up();
	rig_map(PROT_READ, MAP_SHARED);
	CHECK_INT(track(0, RIG_PAGES), 0);
	CHECK_INT(track(0, 2 * RIG_PAGES), 0);
	rig_offend();
	rig_hello(true);
	readable = reopened(O_RDONLY);
	CHECK_INT(map_fd(readable, PROT_READ, MAP_SHARED, 4), 0);
	CHECK_INT(track(8, 2), EINVAL);	/* nothing there */
	CHECK_INT(track(0, 4), -1);
	CHECK(rig_said("a request to write what it may only read"));
	close(readable);
	rig_tear_down();
	rig_unlisten();
}

TEST(a_range_that_is_forgotten_can_be_mapped_again)
{
	struct vm_request forget = { .op = VM_REQ_UNMAP,
		.length = RIG_PAGES * PAGE, .flags = VM_UNMAP_FORGET };

	rig_listen();
	rig_set_up();
	rig_map_shared();
	forget.address = (uintptr_t)rig.base;
	CHECK(vm_server_busy(rig.server));
	CHECK_INT(rig_ask(&forget, -1), 0);
	CHECK(!vm_server_busy(rig.server));
	rig_map_shared();
	forget.flags = 0;		/* the event will come */
	CHECK_INT(rig_ask(&forget, -1), 0);
	CHECK(vm_server_busy(rig.server));
	forget.flags = 2;
	CHECK_INT(rig_ask(&forget, -1), -1);
	CHECK(rig_said("a flag that does not exist"));
	rig_tear_down();
	rig_unlisten();
}

/* The part of each range that is unmapped, and no more. */
TEST(dirty_pages_of_what_is_unmapped_are_in_the_file_at_once)
{
	uint64_t word;

	rig_set_up();
	rig_show(PROT_READ | PROT_WRITE, MAP_SHARED);
	for (unsigned i = 4; i < 8; i++)
		rig.base[i * PAGE + 8] = 'w';
	CHECK_INT(RIG_ASK(-1, .op = VM_REQ_UNMAP,
	    .address = (uintptr_t)rig.base + 5 * PAGE, .length = 2 * PAGE), 0);
	for (unsigned i = 4; i < 8; i++) {
		CHECK(pread(rig.file, &word, 8, (off_t)i * PAGE + 8) == 8);
		CHECK_INT(word, i == 5 || i == 6 ? 'w' : 0);
	}
	CHECK_INT(RIG_ASK(-1, .op = VM_REQ_BYE), 0);
	CHECK(pread(rig.file, &word, 8, 7 * PAGE + 8) == 8 && word == 'w');
	rig_tear_down();
}

TEST(a_managed_file_is_opened_as_the_descriptor_is)
{
	int readable, path_only;

	rig_listen();
	rig_set_up();
	readable = reopened(O_RDONLY);
	path_only = reopened(O_PATH);
	rig_map(PROT_READ, MAP_SHARED);
	CHECK_INT(RIG_ASK(readable, .op = VM_REQ_OPEN), 0);
	CHECK(rig.fds == 2 && (fcntl(rig.fd[0], F_GETFL) & O_ACCMODE) ==
	    O_RDONLY);
	CHECK_INT(RIG_ASK(rig.file, .op = VM_REQ_OPEN), 0);
	CHECK(rig.fds == 2 && (fcntl(rig.fd[0], F_GETFL) & O_ACCMODE) ==
	    O_RDWR);
	CHECK_INT(RIG_ASK(-1, .op = VM_REQ_STORE, .file = rig.reply.file), 0);
	CHECK_INT(fcntl(rig.fd[0], F_GETFL) & O_ACCMODE, O_RDWR);
	CHECK_INT(RIG_ASK(-1, .op = VM_REQ_SOURCE, .file = rig.reply.file), 0);
	CHECK(rig.fds == 1 && (fcntl(rig.fd[0], F_GETFL) & O_ACCMODE) ==
	    O_RDONLY);
	CHECK_INT(RIG_ASK(path_only, .op = VM_REQ_OPEN), -1);
	CHECK(rig_said("a descriptor that it cannot use"));
	rig_hello(true);
	CHECK_INT(RIG_ASK(-1, .op = VM_REQ_STORE, .file = 50), -1);
	rig_hello(true);
	CHECK_INT(RIG_ASK(-1, .op = VM_REQ_SOURCE, .file = 50), -1);
	close(readable);
	close(path_only);
	rig_tear_down();
	rig_unlisten();
}

TEST(a_private_map_is_sampled_when_it_goes)
{
	rig_set_up();
	rig_show(PROT_READ | PROT_WRITE, MAP_PRIVATE);
	for (unsigned i = 0; i < 16; i++)
		rig.base[i * PAGE] = 'p';
	CHECK_INT(RIG_ASK(-1, .op = VM_REQ_BYE), 0);
	CHECK_INT(rig_stop(), 0);
	CHECK(rig_report.private_bytes >= 16 * PAGE);
}

/* A child would lack what its parent wrote, where no fork is seen. */
TEST(a_client_whose_forks_go_unseen_keeps_its_private_maps)
{
	rig_listen();
	rig_prepare();
	rig.uffd = rig_new_uffd();
	rig_start();
	rig.socket = rig_connect();
	CHECK_INT(RIG_ASK(rig.uffd, .op = VM_REQ_HELLO, .length = PAGE,
	    .token = VM_PROTOCOL_VERSION, .flags = VM_HELLO_FORKLESS), 0);
	CHECK_INT(map_fd(rig.file, PROT_READ | PROT_WRITE, MAP_PRIVATE, 4), 0);
	passed(VM_PASS_PRIVATE);
	CHECK_INT(map_fd(rig.file, PROT_READ | PROT_WRITE, MAP_SHARED, 4), 0);
	CHECK_INT(rig.reply.verdict, VM_VERDICT_MANAGED);
	CHECK_INT(RIG_ASK(rig.file, .op = VM_REQ_MAP,
	    .address = (uintptr_t)rig.spare, .length = PAGE,
	    .prot = PROT_READ | PROT_WRITE, .flags = MAP_PRIVATE), 0);
	passed(VM_PASS_PRIVATE);
	rig_tear_down();
	rig_unlisten();
}
