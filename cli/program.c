/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/program.c - see program.h. */
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "elf.h"
#include "server/say.h"

/* 5: how deep the kernel follows scripts whose interpreter is a script. */
#define SCRIPT_DEPTH_MAX 5

/* 256 bytes: what the kernel reads of a script's first line. */
#define FIRST_LINE_BYTES 256

#define SHELL "/bin/sh"

/* ---- finding ------------------------------------------------------------ */

static bool
is_runnable(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return false;
	if (S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		return false;
	}
	return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0;
}

/* The first runnable file of that name; an error that is not "not there" of
 * an earlier folder is remembered.  path: PATH_MAX bytes. */
static int
search(const char *name, char *path)
{
	const char *folder = getenv("PATH");
	int error = ENOENT;

	if (folder == NULL)
		folder = "/bin:/usr/bin";
	for (;;) {
		size_t length = strcspn(folder, ":");
		int written = snprintf(path, PATH_MAX, "%.*s%s%s",
		    (int)length, folder, length == 0 ? "./" : "/", name);

		if (written < PATH_MAX && is_runnable(path))
			return 0;
		if (written < PATH_MAX && errno != ENOENT && errno != ENOTDIR &&
		    errno != EISDIR)
			error = errno;
		if (folder[length] == '\0')
			return error;
		folder += length + 1;
	}
}

static int
find(const char *name, char *path)
{
	int error = 0;

	if (strlen(name) >= PATH_MAX)
		error = ENAMETOOLONG;
	else if (strchr(name, '/') == NULL)
		error = search(name, path);
	else {
		snprintf(path, PATH_MAX, "%s", name);
		if (!is_runnable(path))
			error = errno;
	}
	if (error == 0)
		return 0;
	vm_say("cannot run '%s': %s", name, strerror(error));
	return error == ENOENT || error == ENOTDIR ? VM_EXIT_MISSING
						   : VM_EXIT_REFUSED;
}

/* ---- looking ------------------------------------------------------------ */

static int
refuse(const char *path, const char *why)
{
	vm_say("cannot serve '%s': %s", path, why);
	return VM_EXIT_REFUSED;
}

static int
check_rights(int fd, const char *path)
{
	const mode_t setgid = S_ISGID | S_IXGRP;
	struct stat st;

	if (fstat(fd, &st) != 0)
		return 0;
	if (st.st_mode & S_ISUID)
		return refuse(path, "it is setuid, and such programs load no "
				    "library that a user names");
	if ((st.st_mode & setgid) == setgid)
		return refuse(path, "it is setgid, and such programs load no "
				    "library that a user names");
	if (fgetxattr(fd, "security.capability", NULL, 0) > 0)
		return refuse(path, "it has file capabilities, and such "
				    "programs load no library that a user "
				    "names");
	return 0;
}

/* The interpreter of "#! interpreter argument"; false: no script. */
static bool
interpreter_of(int fd, char *line)
{
	ssize_t length = pread(fd, line, FIRST_LINE_BYTES - 1, 0);
	char *start = line + 2;

	if (length < 2 || line[0] != '#' || line[1] != '!')
		return false;
	line[length] = '\0';
	start += strspn(start, " \t");
	start[strcspn(start, " \t\n")] = '\0';
	memmove(line, start, strlen(start) + 1);
	return true;
}

static int
check_elf(int fd, const char *path, bool *other)
{
	char linker[PATH_MAX];

	*other = false;
	switch (vm_elf_kind(fd, linker, sizeof(linker))) {
	case VM_ELF_NOT:
		*other = true;
		return 0;
	case VM_ELF_BROKEN:
		return refuse(path, "it is a damaged program, or none");
	case VM_ELF_FOREIGN:
		return refuse(path, "it is a program for another kind of "
				    "machine than resident's own");
	case VM_ELF_STATIC:
		return refuse(path, "it is statically linked, so that no "
				    "library can be put into it");
	case VM_ELF_DYNAMIC:
		break;
	}
	if (strstr(linker, "/ld-musl") != NULL)
		return refuse(path, "it uses another C library (musl) than "
				    "resident");
	return check_rights(fd, path);
}

/* One file of the chain; next: the interpreter when it is a script, else
 * empty; *shell: neither program nor script with an interpreter. */
static int
check_one(const char *path, char *next, bool *shell)
{
	bool other;
	int status = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	next[0] = '\0';
	*shell = false;
	/* May be run but not read: nothing can be told, the rest is execve's
	 * to say. */
	if (fd < 0)
		return 0;
	if (!interpreter_of(fd, next)) {
		next[0] = '\0';
		status = check_elf(fd, path, &other);
		*shell = status == 0 && other;
	}
	close(fd);
	return status;
}

static int
check(const char *program, bool *by_shell)
{
	char path[PATH_MAX], next[FIRST_LINE_BYTES];
	bool shell = false;

	snprintf(path, sizeof(path), "%s", program);
	*by_shell = false;
	for (int depth = 0; depth <= SCRIPT_DEPTH_MAX; depth++) {
		int status = check_one(path, next, &shell);

		if (status != 0)
			return status;
		if (shell && depth > 0)
			return refuse(path, "it is an interpreter that is "
					    "neither a program nor a script");
		*by_shell = *by_shell || shell;
		if (next[0] == '\0' && !shell)
			return 0;
		if (next[0] != '\0' && !is_runnable(next)) {
			int error = errno;

			vm_say("cannot run '%s': its interpreter '%s': %s",
			    program, next, strerror(error));
			return error == ENOENT ? VM_EXIT_MISSING
					       : VM_EXIT_REFUSED;
		}
		snprintf(path, sizeof(path), "%s", shell ? SHELL : next);
	}
	return refuse(program, "its interpreters are scripts without end");
}

/* ---- both --------------------------------------------------------------- */

/* argv, with the shell in front where execvp(3) would put it. */
static int
fill(struct vm_program *out, const char *path, char **argv, bool by_shell)
{
	size_t count = 0, at = 0;

	while (argv[count] != NULL)
		count++;
	out->path = strdup(by_shell ? SHELL : path);
	out->argv = calloc(count + 3, sizeof(*out->argv));
	if (out->path == NULL || out->argv == NULL) {
		vm_say("no memory");
		vm_program_fini(out);
		return VM_EXIT_FAILED;
	}
	out->argv[at++] = by_shell ? out->path : argv[0];
	if (by_shell) {
		out->argv[at] = strdup(path);
		if (out->argv[at++] == NULL) {
			vm_program_fini(out);
			return VM_EXIT_FAILED;
		}
	}
	for (size_t i = 1; i < count; i++)
		out->argv[at++] = argv[i];
	return 0;
}

int
vm_program_find(char **argv, struct vm_program *out)
{
	char path[PATH_MAX];
	bool by_shell = false;
	int status;

	*out = (struct vm_program){ NULL, NULL };
	status = find(argv[0], path);
	if (status == 0)
		status = check(path, &by_shell);
	if (status == 0)
		status = fill(out, path, argv, by_shell);
	return status;
}

void
vm_program_fini(struct vm_program *program)
{
	/* Behind the shell's own name stands a text of ours. */
	if (program->argv != NULL && program->argv[0] == program->path)
		free(program->argv[1]);
	free(program->argv);
	free(program->path);
	*program = (struct vm_program){ NULL, NULL };
}

int
vm_program_exec_failed(const struct vm_program *program, int error)
{
	vm_say("cannot run '%s': %s", program->argv[0], strerror(error));
	return error == ENOENT || error == ENOTDIR ? VM_EXIT_MISSING
						   : VM_EXIT_REFUSED;
}
