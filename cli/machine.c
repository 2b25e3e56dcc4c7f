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
static bool
find_preload(char *path, size_t size)
{
	ssize_t length = readlink("/proc/self/exe", path, size - 1);
	char *slash;

	path[length < 0 ? 0 : length] = '\0';
	slash = strrchr(path, '/');
	if (slash != NULL) {
		size_t room = size - (size_t)(slash + 1 - path);

		if (sizeof(PRELOAD_NAME) <= room) {
			memcpy(slash + 1, PRELOAD_NAME, sizeof(PRELOAD_NAME));
			if (access(path, R_OK) == 0)
				return true;
		}
	}
	snprintf(path, size, "%s", PRELOAD_INSTALL_PATH);
	return access(path, R_OK) == 0;
}

int
vm_machine_set_environment(const char *socket)
{
	const char *users = getenv(PRELOAD_ENV);
	bool has_users = users != NULL && users[0] != '\0';
	char path[PATH_MAX];
	char *list = NULL;
	int error;

	if (!find_preload(path, sizeof(path))) {
		vm_say("cannot find " PRELOAD_NAME " next to this program or "
		       "at %s", PRELOAD_INSTALL_PATH);
		return -1;
	}
	if (strpbrk(path, " :") != NULL) {
		vm_say("'%s' cannot be put into " PRELOAD_ENV ": it has a "
		       "space or a colon", path);
		return -1;
	}
	if (asprintf(&list, "%s%s%s", path, has_users ? ":" : "",
	    has_users ? users : "") < 0) {
		vm_say("no memory");
		return -1;
	}
	error = setenv(PRELOAD_ENV, list, 1) != 0 ||
	    setenv(VM_SOCKET_ENV, socket, 1) != 0;
	free(list);
	if (error)
		vm_say("cannot set the environment");
	return error ? -1 : 0;
}
