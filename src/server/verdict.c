/* SPDX-License-Identifier: BSD-2-Clause */
/* server/verdict.c - see verdict.h. */
#include "server/verdict.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <linux/magic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "server/server.h"

#ifndef HUGETLBFS_MAGIC
#define HUGETLBFS_MAGIC 0x958458f6
#endif

/* Other flags of mmap that change nothing for us: hints, and where the range
 * goes, which the client has done already. */
#define HARMLESS_FLAGS ((uint32_t)(MAP_FIXED | MAP_FIXED_NOREPLACE | \
    MAP_NORESERVE | MAP_POPULATE | MAP_NONBLOCK | MAP_DENYWRITE | \
    MAP_EXECUTABLE | MAP_STACK | MAP_32BIT))
#ifndef MAP_32BIT
#define MAP_32BIT 0
#endif

/* Files whose bytes are the kernel's, made when one looks. */
static const uint64_t kernel_filesystems[] = {
	PROC_SUPER_MAGIC, SYSFS_MAGIC, DEBUGFS_MAGIC, TRACEFS_MAGIC,
	SECURITYFS_MAGIC, CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC,
	PSTOREFS_MAGIC, EFIVARFS_MAGIC, BPF_FS_MAGIC,
};

/* Files that are memory already. */
static const uint64_t memory_filesystems[] = {
	TMPFS_MAGIC, RAMFS_MAGIC, HUGETLBFS_MAGIC,
};

static bool
is_one_of(uint64_t number, const uint64_t *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (list[i] == number)
			return true;
	return false;
}

#define IS_ONE_OF(number, list) \
	is_one_of(number, list, sizeof(list) / sizeof((list)[0]))

static bool
matches(const char *const *globs, const char *name)
{
	for (; globs != NULL && *globs != NULL; globs++)
		if (fnmatch(*globs, name, 0) == 0)
			return true;
	return false;
}

static enum vm_pass
reason_of_flags(const struct vm_wish *wish)
{
	uint32_t type = wish->flags & MAP_TYPE;
	uint32_t known = PROT_READ | PROT_WRITE | PROT_EXEC;

	if (wish->prot & PROT_EXEC)
		return VM_PASS_EXEC;
	if ((wish->prot & ~known) || (wish->flags & ~HARMLESS_FLAGS) != type ||
	    (type != MAP_SHARED && type != MAP_PRIVATE &&
	    type != MAP_SHARED_VALIDATE))
		return VM_PASS_FLAGS;
	return VM_PASS_NONE;
}

static enum vm_pass
reason_of_file(const struct vm_server_options *options,
    const struct vm_wish *wish)
{
	bool named = matches(options->include, wish->name);

	if (!S_ISREG(wish->mode) || (wish->open_flags & O_PATH) ||
	    IS_ONE_OF(wish->filesystem, kernel_filesystems))
		return VM_PASS_SPECIAL;
	if (matches(options->exclude, wish->name))
		return VM_PASS_PATTERN;
	if (IS_ONE_OF(wish->filesystem, memory_filesystems) && !named)
		return VM_PASS_SPECIAL;
	if (options->include != NULL && *options->include != NULL && !named)
		return VM_PASS_PATTERN;
	return VM_PASS_NONE;
}

static enum vm_pass
reason_of_mode(const struct vm_wish *wish, enum vm_range_kind *kind)
{
	int mode = wish->open_flags & O_ACCMODE;
	bool shared = (wish->flags & MAP_TYPE) != MAP_PRIVATE;
	bool writes = (wish->prot & PROT_WRITE) != 0;

	if (mode != O_RDONLY && mode != O_RDWR)
		return VM_PASS_PERMISSION;
	if (shared && writes && mode != O_RDWR)
		return VM_PASS_PERMISSION;
	*kind = !writes ? VM_RANGE_READ : shared ? VM_RANGE_TRACKED
						 : VM_RANGE_PRIVATE;
	return VM_PASS_NONE;
}

enum vm_pass
vm_verdict(const struct vm_server_options *options,
    const struct vm_wish *wish, enum vm_range_kind *kind)
{
	enum vm_pass reason = VM_PASS_NONE;

	if (wish->length < options->min_map_bytes)
		return VM_PASS_SMALL;
	reason = reason_of_flags(wish);
	if (reason == VM_PASS_NONE)
		reason = reason_of_file(options, wish);
	if (reason == VM_PASS_NONE)
		reason = reason_of_mode(wish, kind);
	return reason;
}

const char *
vm_verdict_text(enum vm_pass reason)
{
	switch (reason) {
	case VM_PASS_SMALL:
		return "shorter than --min-map";
	case VM_PASS_EXEC:
		return "executable";
	case VM_PASS_SPECIAL:
		return "not a regular file of a disk";
	case VM_PASS_PATTERN:
		return "left out by --include or --exclude";
	case VM_PASS_PERMISSION:
		return "the file may not be read so, or the process may not "
		       "use userfaultfd";
	case VM_PASS_FLAGS:
		return "mmap flags that are not served";
	case VM_PASS_FULL:
		return "too many files or descriptors, or no memory";
	case VM_PASS_PRIVATE:
		return "private and writable, and only with CAP_SYS_PTRACE "
		       "could forks be followed";
	case VM_PASS_NONE:
		break;
	}
	return "no reason given";
}

bool
vm_verdict_is_strict(enum vm_pass reason)
{
	return vm_verdict_counts(reason) && reason != VM_PASS_PATTERN;
}

bool
vm_verdict_counts(enum vm_pass reason)
{
	return reason != VM_PASS_NONE && reason != VM_PASS_SMALL;
}
