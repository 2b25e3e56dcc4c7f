/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/machine.c - see machine.h. */
#include "machine.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/userfaultfd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <resident/resident.h>

#include "server/protocol.h"
#include "server/say.h"

/* Linux 6.1; absent from older headers. */
#ifndef USERFAULTFD_IOC_NEW
#define USERFAULTFD_IOC_NEW _IO(0xAA, 0x00)
#endif

#define DEVICE "/dev/userfaultfd"
#define PRELOAD_NAME "libresident-preload.so"
#define HEAP_NAME "libresident-heap.so"
#define PRELOAD_ENV "LD_PRELOAD"

/* ---- userfaultfd -------------------------------------------------------- */

static int
open_by_device(void)
{
	int device = open(DEVICE, O_RDWR | O_CLOEXEC);
	int fd;

	if (device < 0)
		return -1;
	fd = ioctl(device, USERFAULTFD_IOC_NEW, O_CLOEXEC | O_NONBLOCK);
	close(device);
	return fd;
}

static void
say_forbidden(int error)
{
	if (error == ENOSYS)
		vm_say("this kernel has no userfaultfd (CONFIG_USERFAULTFD)");
	else
		vm_say("this user may not use userfaultfd for system calls "
		       "too (%s): set the sysctl vm.unprivileged_userfaultfd "
		       "to 1, or give access to " DEVICE ", or run as root",
		    strerror(error));
}

static void
say_features(int error)
{
	vm_say("this kernel's userfaultfd lacks what is needed (%s): Linux 6.4 "
	       "has it", strerror(error));
}

static int
try_features(int fd, uint64_t features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };

	return ioctl(fd, UFFDIO_API, &api) == 0 ? 0 : errno;
}

int
vm_machine_check(void)
{
	uint64_t features = vm_space_features();
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	int error = errno;

	if (fd < 0)
		fd = open_by_device();
	if (fd < 0) {
		say_forbidden(error);
		return -1;
	}
	error = try_features(fd, features);
	/* Without CAP_SYS_PTRACE programs do without fork events. */
	if (error == EPERM)
		error = try_features(fd, features &
		    ~(uint64_t)UFFD_FEATURE_EVENT_FORK);
	close(fd);
	if (error != 0)
		say_features(error);
	return error == 0 ? 0 : -1;
}

/* ---- the preload library ------------------------------------------------ */

/* Next to the program, as in the build folder, or where it is installed. */
static int
find_library(const char *name, char *path, size_t size)
{
	ssize_t length = readlink("/proc/self/exe", path, size - 1);
	char *slash;

	path[length < 0 ? 0 : length] = '\0';
	slash = strrchr(path, '/');
	if (slash != NULL) {
		size_t room = size - (size_t)(slash + 1 - path);

		snprintf(slash + 1, room, "%s", name);
		if (access(path, R_OK) == 0)
			return 0;
	}
	snprintf(path, size, "%s/%s", PRELOAD_INSTALL_DIR, name);
	if (access(path, R_OK) == 0)
		return 0;
	vm_say("cannot find %s next to this program or in %s", name,
	    PRELOAD_INSTALL_DIR);
	return -1;
}

/* In front of what is in the list already. */
static int
preload(const char *name)
{
	const char *before = getenv(PRELOAD_ENV);
	bool has_before = before != NULL && before[0] != '\0';
	char path[PATH_MAX];
	char *list = NULL;
	int error;

	if (find_library(name, path, sizeof(path)) != 0)
		return -1;
	if (strpbrk(path, " :") != NULL) {
		vm_say("'%s' cannot be put into " PRELOAD_ENV ": it has a "
		       "space or a colon", path);
		return -1;
	}
	if (asprintf(&list, "%s%s%s", path, has_before ? ":" : "",
	    has_before ? before : "") < 0) {
		vm_say("no memory");
		return -1;
	}
	error = setenv(PRELOAD_ENV, list, 1);
	free(list);
	if (error != 0)
		vm_say("cannot set the environment");
	return error;
}

static int
set_anon(uint64_t anon_min)
{
	char number[24];	/* 20 digits */

	if (anon_min == 0)
		return unsetenv(VM_ANON_ENV);
	snprintf(number, sizeof(number), "%llu",
	    (unsigned long long)anon_min);
	return setenv(VM_ANON_ENV, number, 1);
}

int
vm_machine_set_environment(const char *socket, uint64_t anon_min)
{
	if (anon_min != 0 && preload(HEAP_NAME) != 0)
		return -1;
	if (preload(PRELOAD_NAME) != 0)
		return -1;
	if (setenv(VM_SOCKET_ENV, socket, 1) == 0 && set_anon(anon_min) == 0)
		return 0;
	vm_say("cannot set the environment");
	return -1;
}
