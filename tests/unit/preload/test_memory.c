/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory of our own, and reading memory that may be bad. */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../../preload/memory.h"
#include "../../../preload/syscalls.h"
#include "check.h"

TEST(new_memory_is_zeros_and_can_be_written)
{
	char *memory = vm_own_new(100000);

	CHECK(memory != NULL);
	CHECK(memory[0] == 0 && memory[99999] == 0);
	memory[99999] = 1;
	vm_own_free(memory, 100000);
}

TEST(reading_good_memory_copies_it)
{
	char to[6] = "";

	CHECK_INT(vm_own_read(to, "bytes", 6), 0);
	CHECK_STR(to, "bytes");
}

TEST(reading_bad_memory_is_an_error_even_half_way)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *memory = vm_own_new(2 * page), to[64];

	CHECK_INT(munmap(memory + page, page), 0);
	CHECK_INT(vm_own_read(to, memory + page - 64, 64), 0);
	CHECK_INT(vm_own_read(to, memory + page - 32, 64), -EFAULT);
	CHECK_INT(vm_own_read(to, memory + page, 64), -EFAULT);
	vm_own_free(memory, page);
}

TEST(a_system_call_returns_a_result_or_a_negative_errno)
{
	CHECK_INT(VM_SYS(SYS_getpid), getpid());
	CHECK_INT(VM_SYS(SYS_close, -1), -EBADF);
	CHECK(vm_sys_failed(-EBADF) && !vm_sys_failed(0));
	CHECK(!vm_sys_failed(-VM_SYS_ERROR_MAX - 1));
	errno = 0;
	CHECK_INT(vm_sys_return(-ENOENT), -1);
	CHECK_INT(errno, ENOENT);
}
