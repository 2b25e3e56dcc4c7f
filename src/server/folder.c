/* SPDX-License-Identifier: BSD-2-Clause */
/* server/folder.c - folder.h has the theory. */
#include "server/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PREFIX "resident-run."

/* 60 s: who makes a folder locks it microseconds later, and an empty one that
 * is older is nobody's. */
#define YOUNG_S 60

#define OPEN_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* A descriptor of the folder at path, locked; or it is gone. */
static int
hold(const char *path)
{
	int fd = open(path, OPEN_FLAGS);
	int error = fd < 0 ? -errno : 0;

	/* Who sweeps has the lock for a moment, and leaves what is young. */
	while (error == 0 && flock(fd, LOCK_EX) != 0)
		error = errno == EINTR ? 0 : -errno;
	if (error == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	(void)rmdir(path);
	return error;
}

int
vm_folder_make(char *path, size_t size, const char *parent)
{
	int fd;

	if (snprintf(path, size, "%s/" PREFIX "XXXXXX", parent) >= (int)size)
		fd = -ENAMETOOLONG;
	else if (mkdtemp(path) == NULL)	/* 0700 */
		fd = -errno;
	else
		fd = hold(path);
	if (fd < 0)
		path[0] = '\0';
	return fd;
}

void
vm_folder_remove(const char *path, int fd)
{
	(void)unlinkat(fd, VM_FOLDER_SOCKET, 0);
	(void)rmdir(path);
	close(fd);
}

static bool
is_young(const struct stat *st)
{
	return time(NULL) - st->st_mtime < YOUNG_S;
}

static void
sweep_one(int parent, const char *name)
{
	struct stat st;
	int fd = openat(parent, name, OPEN_FLAGS);

	if (fd < 0)
		return;
	/* Fails where somebody else's is there by now, which is not empty or
	 * not ours, and where more is in it. */
	if (fstat(fd, &st) == 0 && st.st_uid == geteuid() &&
	    flock(fd, LOCK_EX | LOCK_NB) == 0 &&
	    (unlinkat(fd, VM_FOLDER_SOCKET, 0) == 0 || !is_young(&st)))
		(void)unlinkat(parent, name, AT_REMOVEDIR);
	close(fd);
}

void
vm_folder_sweep(const char *parent)
{
	DIR *names = opendir(parent);
	const struct dirent *entry;

	if (names == NULL)
		return;
	while ((entry = readdir(names)) != NULL)
		if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) == 0)
			sweep_one(dirfd(names), entry->d_name);
	closedir(names);
}
