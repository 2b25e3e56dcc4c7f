/* SPDX-License-Identifier: BSD-2-Clause */
/* Without a server every function is the kernel's. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../../preload/hide.h"
#include "../../../preload/map.h"
#include "../../../preload/shim.h"
#include "../../../preload/syscalls.h"
#include "../../../preload/write.h"
#include "check.h"

static int
open_file(void)
{
	char path[] = "/tmp/resident-test-XXXXXX";
	int fd = mkstemp(path);

	CHECK(fd >= 0);
	unlink(path);
	return fd;
}

static long
put(int fd, const char *bytes, size_t size, int64_t offset)
{
	struct iovec part = { (void *)(uintptr_t)bytes, size };
	struct vm_transfer t = {
		.op = SYS_pwrite64, .fd = fd, .iov = &part, .count = 1,
		.offset = offset,
	};

	return vm_shim_write(&t);
}

TEST(passive_maps_are_the_kernels)
{
	int fd = open_file();
	struct vm_map_call map = {
		.length = 8192, .prot = PROT_READ | PROT_WRITE,
		.flags = MAP_SHARED, .fd = fd,
	};
	struct vm_remap_call remap = {
		.old_length = 8192, .new_length = 4096,
	};
	char *at;

	CHECK_INT(vm_shim_truncate(fd, 8192), 0);
	at = (char *)vm_shim_mmap(&map);
	CHECK(!vm_sys_failed((long)at));
	CHECK_INT(put(fd, "abc", 3, 4096), 3);
	CHECK(at[4096] == 'a');
	CHECK_INT(vm_shim_msync(at, 8192, MS_SYNC), 0);
	CHECK_INT(vm_shim_mprotect(at, 8192, PROT_READ), 0);
	CHECK_INT(vm_shim_madvise(at, 8192, MADV_RANDOM), 0);
	remap.old = at;
	CHECK_INT(vm_shim_mremap(&remap), (long)at);
	CHECK_INT(vm_shim_munmap(at, 4096), 0);
	CHECK_INT(vm_shim_munmap(at + 1, 4096), -EINVAL);
	map.fd = -1;
	CHECK_INT(vm_shim_mmap(&map), -EBADF);
	close(fd);
}

TEST(passive_transfers_are_the_kernels)
{
	int fd = open_file();
	char bytes[4] = "";
	struct iovec parts[2] = { { bytes, 1 }, { bytes + 1, 2 } };
	struct vm_transfer t = {
		.op = SYS_preadv, .fd = fd, .iov = parts, .count = 2,
		.offset = 1,
	};

	CHECK_INT(put(fd, "abcd", 4, 0), 4);
	CHECK_INT(vm_shim_read(&t), 3);
	CHECK_STR(bytes, "bcd");
	t.op = SYS_preadv2;
	t.offset = -1;
	CHECK_INT(lseek(fd, 2, SEEK_SET), 2);
	CHECK_INT(vm_shim_read(&t), 2);
	CHECK_INT(lseek(fd, 0, SEEK_CUR), 4);
	CHECK_INT(vm_shim_sync(fd), 0);
	CHECK_INT(vm_shim_fallocate(fd, 0, -1, 5), -EINVAL);
	CHECK_INT(vm_shim_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
	CHECK_INT(vm_shim_fadvise(fd, 0, 0, 99), -EINVAL);
	close(fd);
	CHECK_INT(vm_shim_fadvise(fd, 0, 0, POSIX_FADV_NORMAL), -EBADF);
	CHECK_INT(put(fd, "abcd", 4, 0), -EBADF);
}

TEST(a_posix_fallocate_allocates_or_says_why)
{
	int fd = open_file();

	CHECK_INT(vm_shim_posix_fallocate(fd, 0, 10000), 0);
	CHECK_INT(lseek(fd, 0, SEEK_END), 10000);
	CHECK_INT(vm_shim_posix_fallocate(fd, -1, 10), -EINVAL);
	close(fd);
	CHECK_INT(vm_shim_posix_fallocate(fd, 0, 10), -EBADF);
}

TEST(passive_descriptors_are_the_programs)
{
	int fd = open_file();

	CHECK_INT(vm_shim_dup(fd, 100, -1), 100);
	CHECK_INT(vm_shim_dup(100, 100, -1), 100);
	CHECK_INT(vm_shim_dup(100, 100, 0), -EINVAL);
	CHECK_INT(vm_shim_close_range(100, 100, 0), 0);
	CHECK_INT(vm_shim_dup(100, 100, -1), -EBADF);
	CHECK_INT(vm_shim_close(fd), 0);
	CHECK_INT(vm_shim_close(fd), -EBADF);
}
