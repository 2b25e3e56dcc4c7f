/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench/peers/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A killed member may take a moment to leave: 5 s. */
#define LEAVE_TRIES 100
#define LEAVE_PAUSE_US 50000

static int
set(const char *path, const char *name, uint64_t value)
{
	char file[320], text[24];
	int length = snprintf(text, sizeof(text), "%llu",
	    (unsigned long long)value);
	int fd, error = 0;

	snprintf(file, sizeof(file), "%s/%s", path, name);
	fd = open(file, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, text, (size_t)length) != length)
		error = -errno;
	close(fd);
	return error;
}

static int
make(struct cgroup *cgroup, const char *mount, const char *limit_name,
    uint64_t limit_bytes)
{
	static unsigned made;
	int length = snprintf(cgroup->path, sizeof(cgroup->path),
	    "%s/resident-bench-%ld-%u", mount, (long)getpid(), made++);
	int error;

	if (length >= (int)sizeof(cgroup->path))
		return -ENAMETOOLONG;
	if (mkdir(cgroup->path, 0755) != 0)
		return -errno;
	error = set(cgroup->path, limit_name, limit_bytes);
	if (error != 0)
		rmdir(cgroup->path);
	snprintf(cgroup->procs, sizeof(cgroup->procs), "%s/cgroup.procs",
	    cgroup->path);
	return error;
}

/* The file that holds the limit, when there is a memory controller. */
static const char *
limit_name(const struct mntent *mount)
{
	char path[320];
	char text[256] = "";
	FILE *file;

	if (strcmp(mount->mnt_type, "cgroup") == 0)
		return hasmntopt(mount, "memory") != NULL ?
		    "memory.limit_in_bytes" : NULL;
	if (strcmp(mount->mnt_type, "cgroup2") != 0)
		return NULL;
	snprintf(path, sizeof(path), "%s/cgroup.subtree_control",
	    mount->mnt_dir);
	file = fopen(path, "re");
	if (file == NULL)
		return NULL;
	if (fgets(text, sizeof(text), file) == NULL)
		text[0] = '\0';
	fclose(file);
	return strstr(text, "memory") != NULL ? "memory.max" : NULL;
}

int
cgroup_init(struct cgroup *cgroup, uint64_t limit_bytes)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	int error = -ENOENT;
	struct mntent *mount;

	if (mounts == NULL)
		return -errno;
	while (error != 0 && (mount = getmntent(mounts)) != NULL) {
		const char *name = limit_name(mount);

		if (name != NULL)
			error = make(cgroup, mount->mnt_dir, name,
			    limit_bytes);
	}
	endmntent(mounts);
	return error;
}

void
cgroup_fini(struct cgroup *cgroup)
{
	for (int i = 0; i < LEAVE_TRIES; i++) {
		if (rmdir(cgroup->path) == 0 || errno != EBUSY)
			return;
		usleep(LEAVE_PAUSE_US);
	}
}
