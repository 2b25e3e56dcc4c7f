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
#include <unistd.h>

#define PREFIX "resident-run."

/* 16 in a row that others sweep away: nobody comes so often. */
#define TRIES_MAX 16

#define OPEN_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* A descriptor of the folder at path, locked; -EAGAIN: somebody has swept it,
 * or does so now; else a negative errno, and it is gone. */
static int
hold(const char *path)
{
	struct stat st = { .st_nlink = 0 };
	int fd = open(path, OPEN_FLAGS);
	int error = fd < 0 ? errno : 0;

	if (error == 0 && flock(fd, LOCK_EX | LOCK_NB) != 0)
		error = errno;
	if (error == 0 && (fstat(fd, &st) != 0 || st.st_nlink == 0))
		error = ENOENT;
	if (error == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	if (error == ENOENT || error == EWOULDBLOCK)
		return -EAGAIN;
	(void)rmdir(path);
	return -error;
}

int
vm_folder_make(char *path, size_t size, const char *parent)
{
	int fd = -EAGAIN;

	for (unsigned i = 0; i < TRIES_MAX && fd == -EAGAIN; i++) {
		if (snprintf(path, size, "%s/" PREFIX "XXXXXX", parent) >=
		    (int)size)
			fd = -ENAMETOOLONG;
		else if (mkdtemp(path) == NULL)	/* 0700 */
			fd = -errno;
		else
			fd = hold(path);
	}
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

static void
sweep_one(int parent, const char *name)
{
	struct stat st;
	int fd = openat(parent, name, OPEN_FLAGS);

	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && st.st_uid == geteuid() &&
	    flock(fd, LOCK_EX | LOCK_NB) == 0) {
		(void)unlinkat(fd, VM_FOLDER_SOCKET, 0);
		/* Fails where somebody else's is there by now, which is not
		 * empty or not ours, and where more is in it. */
		(void)unlinkat(parent, name, AT_REMOVEDIR);
	}
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
