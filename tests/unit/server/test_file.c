/* SPDX-License-Identifier: BSD-2-Clause */
/* Managed files: kept while nobody maps them, and let go. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "rig.h"

static int
map_fd(int fd, int prot)
{
	return RIG_ASK(fd, .op = VM_REQ_MAP, .address = (uintptr_t)rig.base,
	    .length = PAGE, .prot = (uint32_t)prot, .flags = MAP_SHARED);
}

static void
forget(void)
{
	CHECK_INT(RIG_ASK(-1, .op = VM_REQ_UNMAP,
	    .address = (uintptr_t)rig.base, .length = RIG_PAGES * PAGE,
	    .flags = VM_UNMAP_FORGET), 0);
}

/* The keeper has put to rest what is not mapped. */
static void
await_rest(void)
{
	while (__atomic_load_n(&rig.server->table->files,
	    __ATOMIC_ACQUIRE) != 0)
		vm_keeper_hurry(rig.server);
}

static unsigned
files(void)
{
	unsigned count;

	pthread_mutex_lock(&rig.server->lock);
	count = rig.server->files;
	pthread_mutex_unlock(&rig.server->lock);
	return count;
}

static char folder[64];

static int
named_file(unsigned number)
{
	char path[96];
	int fd;

	if (number == 0) {
		snprintf(folder, sizeof(folder), "%s/resident-test-XXXXXX",
		    access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/var/tmp");
		CHECK(mkdtemp(folder) != NULL);
	}
	snprintf(path, sizeof(path), "%s/%u", folder, number);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	CHECK(fd >= 0 && ftruncate(fd, 4 * PAGE) == 0);
	return fd;
}

static void
remove_files(unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		char path[96];

		snprintf(path, sizeof(path), "%s/%u", folder, i);
		CHECK(unlink(path) == 0);
	}
	CHECK(rmdir(folder) == 0);
}

static uint64_t
read_through_store(void)
{
	char *store = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, rig.fd[0], 0);
	uint64_t word;

	CHECK(store != MAP_FAILED);
	CHECK_INT(RIG_ASK(-1, .op = VM_REQ_ADVISE, .file = rig.reply.file,
	    .length = PAGE, .prot = MADV_WILLNEED), 0);
	memcpy(&word, store, sizeof(word));
	munmap(store, PAGE);
	return word;
}

TEST(a_file_that_changed_while_nobody_mapped_it_is_read_anew)
{
	int fd = named_file(0);
	uint64_t word = 11;

	rig_set_up();
	CHECK(pwrite(fd, &word, sizeof(word), 0) == 8);
	CHECK_INT(map_fd(fd, PROT_READ), 0);
	CHECK_INT(read_through_store(), 11);
	forget();
	await_rest();
	CHECK_INT(files(), 1);
	word = 12;
	CHECK(pwrite(fd, &word, sizeof(word), 0) == 8);
	CHECK(ftruncate(fd, 9 * PAGE) == 0);
	CHECK_INT(map_fd(fd, PROT_READ), 0);
	CHECK_INT(rig.reply.value, 9 * PAGE);
	CHECK_INT(read_through_store(), 12);
	close(fd);
	rig_tear_down();
	remove_files(1);
}

TEST(a_file_that_was_mapped_to_be_read_can_be_written_later)
{
	int fd = named_file(0), readable;
	char path[32];

	rig_set_up();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	readable = open(path, O_RDONLY | O_CLOEXEC);
	CHECK_INT(map_fd(readable, PROT_READ), 0);
	forget();
	CHECK_INT(map_fd(fd, PROT_READ | PROT_WRITE), 0);
	CHECK_INT(rig.reply.kind, VM_RANGE_TRACKED);
	close(fd);
	close(readable);
	rig_tear_down();
	remove_files(1);
}

TEST(a_deleted_file_is_let_go_when_nobody_maps_it)
{
	uint32_t number;

	rig_set_up();
	CHECK_INT(map_fd(rig.file, PROT_READ), 0);
	number = rig.reply.file;
	forget();
	while (files() != 0)
		vm_keeper_hurry(rig.server);
	CHECK_INT(RIG_ASK(-1, .op = VM_REQ_STORE, .file = number), ENOENT);
	CHECK_STR(rig.reply.text, "the file was let go");
	CHECK_INT(RIG_ASK(rig.file, .op = VM_REQ_OPEN), ENOENT);
	rig_tear_down();
}

TEST(of_too_many_files_at_rest_the_oldest_goes)
{
	enum { MORE = VM_SERVER_IDLE_MAX + 6 };
	uint32_t first = 0;

	rig_set_up();
	for (unsigned i = 0; i < MORE; i++) {
		int fd = named_file(i);

		CHECK_INT(map_fd(fd, PROT_READ), 0);
		if (i == 0)
			first = rig.reply.file;
		forget();
		await_rest();
		close(fd);
	}
	while (files() > VM_SERVER_IDLE_MAX)
		vm_keeper_hurry(rig.server);
	CHECK_INT(RIG_ASK(-1, .op = VM_REQ_STORE, .file = first), ENOENT);
	rig_tear_down();
	remove_files(MORE);
}

TEST(a_file_that_finds_no_place_in_the_table_stays_with_the_kernel)
{
	struct vm_table *table;

	rig_listen();
	rig_set_up();
	table = rig.server->table;
	for (unsigned i = 0; i < VM_TABLE_FILES; i++)
		table->entry[i].inode = 1;
	CHECK_INT(map_fd(rig.file, PROT_READ), 0);
	CHECK_INT(rig.reply.verdict, VM_VERDICT_PASS);
	CHECK_INT(rig.reply.reason, VM_PASS_FULL);
	CHECK_INT(files(), 0);
	for (unsigned i = 0; i < VM_TABLE_FILES; i++)
		table->entry[i].inode = 0;
	CHECK_INT(map_fd(rig.file, PROT_READ), 0);
	CHECK_INT(rig.reply.verdict, VM_VERDICT_MANAGED);
	rig_tear_down();
	rig_unlisten();
}

/* One descriptor more each time: whatever the server cannot open. */
TEST(a_server_short_of_descriptors_refuses_and_recovers)
{
	struct rlimit limit;
	int used = rig_new_file(1);

	close(used);
	CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	rig_listen();
	rig_set_up();
	for (int more = 0; more < 40; more++) {
		struct rlimit few = limit;
		int result, fd = named_file(0);

		used = dup(fd);
		close(used);
		few.rlim_cur = (rlim_t)(used + more);
		CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);
		result = map_fd(fd, PROT_READ | PROT_WRITE);
		CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
		CHECK(result == 0 || result == -1);
		if (result == -1)
			rig_hello(true);
		forget();
		close(fd);
		remove_files(1);
	}
	CHECK_INT(map_fd(rig.file, PROT_READ | PROT_WRITE), 0);
	CHECK_INT(rig.reply.verdict, VM_VERDICT_MANAGED);
	rig_tear_down();
	rig_unlisten();
}
