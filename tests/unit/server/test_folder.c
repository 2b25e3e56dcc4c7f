/* SPDX-License-Identifier: BSD-2-Clause */
/* Folders of sockets: held, left behind, swept. */
#include "server/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

static char parent[64];

static void
set_up(void)
{
	(void)snprintf(parent, sizeof(parent), "/tmp/resident-test-XXXXXX");
	CHECK(mkdtemp(parent) != NULL);
}

/* Fails while anything is left in it. */
static void
tear_down(void)
{
	CHECK(rmdir(parent) == 0);
}

static bool
is_there(const char *path)
{
	return access(path, F_OK) == 0;
}

/* A file of this name in the folder. */
static void
put(const char *path, const char *name)
{
	int folder = open(path, O_RDONLY | O_DIRECTORY);
	int fd = openat(folder, name, O_WRONLY | O_CREAT, 0600);

	CHECK(fd >= 0);
	close(fd);
	close(folder);
}

TEST(a_folder_that_is_held_stays_and_one_that_is_left_goes)
{
	char held[128], left[128];
	struct stat st;
	int fd[2];

	set_up();
	fd[0] = vm_folder_make(held, sizeof(held), parent);
	fd[1] = vm_folder_make(left, sizeof(left), parent);
	CHECK(fd[0] >= 0 && fd[1] >= 0);
	CHECK(stat(held, &st) == 0);
	CHECK_INT(st.st_mode & 0777, 0700);
	CHECK((fcntl(fd[0], F_GETFD) & FD_CLOEXEC) != 0);
	put(held, VM_FOLDER_SOCKET);
	put(left, VM_FOLDER_SOCKET);
	vm_folder_sweep(parent);
	CHECK(is_there(held) && is_there(left));
	close(fd[1]);	/* as the kernel does for who is killed */
	vm_folder_sweep(parent);
	CHECK(is_there(held) && !is_there(left));
	vm_folder_remove(held, fd[0]);
	CHECK(!is_there(held));
	tear_down();
}

TEST(what_is_no_ones_socket_folder_stays)
{
	char path[128];
	int fd;

	set_up();
	fd = vm_folder_make(path, sizeof(path), parent);
	CHECK(fd >= 0);
	put(path, "somebodys");
	put(parent, "resident-run.a_file");
	close(fd);
	vm_folder_sweep(parent);
	CHECK(is_there(path));
	fd = open(path, O_RDONLY | O_DIRECTORY);
	CHECK(unlinkat(fd, "somebodys", 0) == 0);
	vm_folder_remove(path, fd);
	fd = open(parent, O_RDONLY | O_DIRECTORY);
	CHECK(unlinkat(fd, "resident-run.a_file", 0) == 0);
	close(fd);
	tear_down();
}

/* Its maker may be about to lock it, or was killed before it could. */
TEST(an_empty_folder_goes_when_it_is_old)
{
	static const struct timespec long_ago[2] = { { 0, 0 }, { 0, 0 } };
	char path[128];
	int fd;

	set_up();
	fd = vm_folder_make(path, sizeof(path), parent);
	CHECK(fd >= 0);
	close(fd);
	vm_folder_sweep(parent);
	CHECK(is_there(path));
	CHECK(utimensat(AT_FDCWD, path, long_ago, 0) == 0);
	vm_folder_sweep(parent);
	CHECK(!is_there(path));
	tear_down();
}

TEST(where_none_can_be_made_there_is_none)
{
	char path[128], little[16];

	CHECK_INT(vm_folder_make(path, sizeof(path), "/nowhere/at/all"),
	    -ENOENT);
	CHECK_INT(path[0], 0);
	CHECK_INT(vm_folder_make(little, sizeof(little), "/tmp"),
	    -ENAMETOOLONG);
	vm_folder_sweep("/nowhere/at/all");
}

enum { TURNS = 2000 };

static _Atomic bool stop;

static void *
sweep_on(void *arg)
{
	while (!atomic_load(&stop))
		vm_folder_sweep(parent);
	return arg;
}

/* Between being made and being locked it is not swept. */
TEST(who_makes_a_folder_has_one_whoever_sweeps)
{
	pthread_t sweeper;
	char path[128];

	set_up();
	atomic_store(&stop, false);
	CHECK_INT(pthread_create(&sweeper, NULL, sweep_on, NULL), 0);
	for (unsigned i = 0; i < TURNS; i++) {
		int fd = vm_folder_make(path, sizeof(path), parent);

		CHECK(fd >= 0);
		put(path, VM_FOLDER_SOCKET);
		CHECK(is_there(path));
		vm_folder_remove(path, fd);
	}
	atomic_store(&stop, true);
	pthread_join(sweeper, NULL);
	tear_down();
}
