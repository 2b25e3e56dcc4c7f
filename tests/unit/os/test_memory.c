/* SPDX-License-Identifier: BSD-2-Clause */
/* Mappings, memory files and small memory of the real system. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "os/os.h"

#define OS (&vm_os_linux)

enum { PAGE = 4096, PAGES = 8 };

static bool
all_zero(const unsigned char *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (bytes[i] != 0)
			return false;
	return true;
}

TEST(anonymous_memory_is_zero_writable_and_zero_again_once_dropped)
{
	void *base;

	CHECK_INT(OS->map_anon(PAGES * PAGE, &base), 0);
	CHECK(all_zero(base, PAGES * PAGE));
	memset(base, 1, PAGES * PAGE);
	CHECK_INT(OS->drop((char *)base + PAGE, PAGE), 0);
	CHECK(all_zero((unsigned char *)base + PAGE, PAGE));
	CHECK(*(char *)base == 1 && ((char *)base)[2 * PAGE] == 1);
	CHECK_INT(OS->unmap(base, PAGES * PAGE), 0);
}

/* 256 GiB: beyond what most machines have, within what sanitizers leave. */
TEST(anonymous_memory_is_not_reserved)
{
	void *base;

	CHECK_INT(OS->map_anon((size_t)1 << 38, &base), 0);
	*(char *)base = 1;
	CHECK_INT(OS->unmap(base, (size_t)1 << 38), 0);
}

TEST(mappings_that_cannot_be_are_errors)
{
	void *base = NULL;

	CHECK_INT(OS->map_anon(0, &base), -EINVAL);
	CHECK_INT(OS->map_anon(SIZE_MAX / 2, &base), -ENOMEM);
	CHECK_INT(OS->map_file(-1, 0, PAGE, PROT_READ, &base), -EBADF);
	CHECK_INT(OS->unmap((void *)1, PAGE), -EINVAL);
	CHECK_INT(OS->drop((void *)1, PAGE), -EINVAL);
	CHECK(base == NULL);
}

/* Whether the kernel could read or write a byte on our behalf: where it could
 * not, a touch of ours would be a signal. */
static bool
usable(void *at, bool to_write)
{
	int ends[2];
	char byte = 7;
	bool good;

	CHECK(pipe(ends) == 0);
	if (to_write)
		CHECK(write(ends[1], &byte, 1) == 1);
	good = (to_write ? read(ends[0], at, 1) : write(ends[1], at, 1)) == 1;
	CHECK(good || errno == EFAULT);
	close(ends[0]);
	close(ends[1]);
	return good;
}

TEST(a_range_is_used_only_as_it_is_protected)
{
	void *base;

	CHECK_INT(OS->map_anon(PAGE, &base), 0);
	CHECK(usable(base, true));
	CHECK_INT(OS->protect(base, PAGE, VM_OS_READ), 0);
	CHECK_INT(*(char *)base, 7);
	CHECK(usable(base, false) && !usable(base, true));
	CHECK_INT(OS->protect(base, PAGE, 0), 0);
	CHECK(!usable(base, false) && !usable(base, true));
	CHECK_INT(OS->protect(base, PAGE, VM_OS_READ | VM_OS_WRITE |
	    VM_OS_EXEC), 0);
	CHECK(usable(base, false) && usable(base, true));
	CHECK_INT(OS->unmap(base, PAGE), 0);
	CHECK_INT(OS->protect(base, PAGE, VM_OS_READ), -ENOMEM);
}

TEST(a_memory_file_is_seen_through_its_mappings)
{
	int fd = OS->memfd("store");
	void *base, *second;

	CHECK(fd >= 0);
	CHECK_INT(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_INT(OS->ftruncate(fd, PAGES * PAGE), 0);
	CHECK_INT(OS->map_file(fd, 0, PAGES * PAGE, PROT_READ, &base), 0);
	CHECK_INT(OS->map_file(fd, PAGE, PAGE, PROT_READ | PROT_WRITE,
	    &second), 0);
	CHECK_INT(OS->pwrite(fd, "x", 1, PAGE), 1);
	CHECK(((char *)base)[PAGE] == 'x' && *(char *)second == 'x');
	*(char *)second = 'y';
	CHECK(((char *)base)[PAGE] == 'y');
	CHECK_INT(OS->map_file(fd, 1, PAGE, PROT_READ, &second), -EINVAL);
	CHECK_INT(OS->unmap(second, PAGE), 0);
	CHECK_INT(OS->unmap(base, PAGES * PAGE), 0);
	OS->close(fd);
}

TEST(a_punch_frees_its_range_and_keeps_the_size)
{
	int fd = OS->memfd("store");
	unsigned char *bytes;
	struct stat st;
	void *base;

	CHECK(fd >= 0 && OS->ftruncate(fd, PAGES * PAGE) == 0);
	CHECK_INT(OS->map_file(fd, 0, PAGES * PAGE, PROT_READ | PROT_WRITE,
	    &base), 0);
	memset(base, 7, PAGES * PAGE);
	CHECK_INT(OS->punch(fd, 2 * PAGE, 3 * PAGE), 0);
	CHECK_INT(OS->fstat(fd, &st), 0);
	CHECK_INT(st.st_size, PAGES * PAGE);
	CHECK_INT(st.st_blocks, (PAGES - 3) * PAGE / 512);
	bytes = base;
	CHECK(bytes[2 * PAGE - 1] == 7 && bytes[5 * PAGE] == 7);
	CHECK(all_zero(bytes + 2 * PAGE, 3 * PAGE));
	CHECK_INT(OS->punch(fd, 0, 0), -EINVAL);
	CHECK_INT(OS->unmap(base, PAGES * PAGE), 0);
	OS->close(fd);
}

/* Who gets the store's descriptor must not be able to freeze its size. */
TEST(a_memory_file_cannot_be_sealed)
{
	int fd = OS->memfd("store");

	CHECK(fd >= 0);
	CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) < 0);
	CHECK_INT(errno, EPERM);
	CHECK_INT(OS->ftruncate(fd, PAGE), 0);
	CHECK_INT(OS->ftruncate(fd, 0), 0);
	OS->close(fd);
}

TEST(a_memory_file_with_too_long_a_name_is_an_error)
{
	char name[400];

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	CHECK_INT(OS->memfd(name), -EINVAL);
}

TEST(small_memory_is_zero_and_aligned_to_cache_lines)
{
	for (size_t bytes = 1; bytes < 1000000; bytes = bytes * 3 + 1) {
		unsigned char *memory = OS->alloc(bytes);

		CHECK(memory != NULL && all_zero(memory, bytes));
		CHECK_INT((uintptr_t)memory % VM_CACHE_LINE, 0);
		memset(memory, 0xff, bytes);
		OS->free(memory);
	}
	OS->free(NULL);
}

TEST(memory_that_is_not_small_is_had_only_where_it_is_used)
{
	enum { MANY = 1024 };
	unsigned char there[MANY];
	char *memory = OS->alloc(MANY * PAGE);
	char *begin = memory + (-(uintptr_t)memory % PAGE);
	unsigned count = 0;

	memory[MANY / 2 * PAGE] = 1;
	CHECK_INT(mincore(begin, (MANY - 1) * PAGE, there), 0);
	for (unsigned i = 0; i < MANY - 1; i++)
		count += there[i] & 1;
	CHECK_INT(count, 1);
	OS->free(memory);
}

TEST(more_small_memory_than_there_is_gives_null)
{
	CHECK(OS->alloc(SIZE_MAX) == NULL);
	CHECK(OS->alloc(SIZE_MAX - VM_CACHE_LINE) == NULL);
	CHECK(OS->alloc(SIZE_MAX / 2) == NULL);
}
