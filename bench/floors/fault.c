/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench/floors/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "bench/bench.h"

/* Linux 5.11 and 6.1; older headers lack them. */
#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif

/* Bytes of one COPY of fault_floor_copy_ns. */
#define CLUSTER (64u << 10)

/* What one thread brought, oldest first: a ring. */
struct brought {
	_Alignas(64) uint64_t *pages;	/* the first of each run */
	uint64_t room;		/* of runs */
	uint64_t first;		/* counts on; modulo room */
	uint64_t end;
	uint64_t faults;
	char *buffer;		/* the page on its way */
};

struct fault_floor {
	struct fault_floor_config config;
	int uffd;
	int pidfd;		/* this process */
	uint64_t page_bytes;
	uint64_t run_bytes;
	char *base;
	struct sigaction before;
	struct brought *brought;	/* of each thread */
};

/* Whose handler it is now. */
static struct fault_floor *entered;
/* Initial-exec: the handler must not enter the dynamic linker. */
static _Thread_local __attribute__((tls_model("initial-exec")))
    unsigned my_number;

/* ---- the handler --------------------------------------------------------- */

/* Says so and ends, with what a handler may call. */
static _Noreturn void
fail(void)
{
	static const char text[] = "resident-bench: the floor of faults: a "
	    "read, a copy or a drop failed\n";

	if (write(2, text, sizeof(text) - 1) < 0)
		_exit(2);
	_exit(1);
}

static void
drop_one_by_one(const struct iovec *iov, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (madvise(iov[i].iov_base, iov[i].iov_len,
		    MADV_DONTNEED) != 0)
			fail();
}

/* A partial count or a kernel that has not this call: the rest one by one. */
static void
drop(const struct fault_floor *floor, const struct iovec *iov, unsigned count)
{
	long bytes = syscall(SYS_process_madvise, floor->pidfd, iov,
	    (unsigned long)count, MADV_DONTNEED, 0ul);
	unsigned done = bytes < 0 ? 0 :
	    (unsigned)((uint64_t)bytes / floor->run_bytes);

	drop_one_by_one(iov + done, count - done);
}

static void
evict(const struct fault_floor *floor, struct brought *brought)
{
	struct iovec iov[FLOOR_BATCH];
	unsigned count = 0, batch = FLOOR_BATCH / floor->config.run_pages;

	while (count < batch && count < brought->room / 4 + 1) {
		uint64_t page = brought->pages[brought->first++ %
		    brought->room];

		iov[count].iov_base = floor->base + page * floor->page_bytes;
		iov[count++].iov_len = floor->run_bytes;
	}
	drop(floor, iov, count);
}

/* false: another thread was first, and has it in its ring. */
static bool
fill(const struct fault_floor *floor, uint64_t page, char *buffer)
{
	struct uffdio_copy copy = { 0 };

	if (pread(floor->config.fd, buffer, floor->run_bytes,
	    (off_t)(page * floor->page_bytes)) != (ssize_t)floor->run_bytes)
		fail();
	copy.dst = (uintptr_t)floor->base + page * floor->page_bytes;
	copy.src = (uintptr_t)buffer;
	copy.len = floor->run_bytes;
	while (ioctl(floor->uffd, UFFDIO_COPY, &copy) != 0) {
		if (errno == EEXIST)
			return false;
		if (errno != EAGAIN)
			fail();
		copy.copy = 0;
	}
	return true;
}

static void
on_fault(int number, siginfo_t *info, void *context)
{
	struct fault_floor *floor = entered;
	struct brought *brought = &floor->brought[my_number];
	uint64_t page = (uint64_t)((char *)info->si_addr - floor->base) /
	    floor->page_bytes;
	int error = errno;

	(void)number;
	(void)context;
	if (page >= floor->config.file_pages)
		fail();
	page -= page % floor->config.run_pages;
	if (brought->end - brought->first == brought->room)
		evict(floor, brought);
	if (fill(floor, page, brought->buffer)) {
		brought->pages[brought->end++ % brought->room] = page;
		brought->faults += floor->config.run_pages;
	}
	errno = error;
}

/* ---- enter and leave ----------------------------------------------------- */

void
fault_floor_thread(unsigned thread)
{
	my_number = thread;
}

void
fault_floor_enter(struct fault_floor *floor)
{
	struct sigaction action;

	entered = floor;
	memset(&action, 0, sizeof(action));
	action.sa_sigaction = on_fault;
	action.sa_flags = SA_SIGINFO;
	sigaction(SIGBUS, &action, &floor->before);
}

void
fault_floor_leave(struct fault_floor *floor)
{
	sigaction(SIGBUS, &floor->before, NULL);
	entered = NULL;
}

const char *
fault_floor_base(const struct fault_floor *floor)
{
	return floor->base;
}

uint64_t
fault_floor_faults(const struct fault_floor *floor)
{
	uint64_t faults = 0;

	for (unsigned i = 0; i < floor->config.threads; i++)
		faults += floor->brought[i].faults;
	return faults;
}

double
fault_floor_copy_ns(struct fault_floor *floor, uint64_t pages)
{
	char *buffer = floor->brought[0].buffer;
	uint64_t bytes, begin_ns;

	if (pages > floor->config.file_pages)
		pages = floor->config.file_pages;
	bytes = pages * floor->page_bytes / CLUSTER * CLUSTER;
	begin_ns = bench_now_ns();
	for (uint64_t at = 0; at < bytes; at += CLUSTER) {
		struct uffdio_copy copy = { .src = (uintptr_t)buffer,
			.dst = (uintptr_t)floor->base + at, .len = CLUSTER };

		if (ioctl(floor->uffd, UFFDIO_COPY, &copy) != 0)
			bench_die("UFFDIO_COPY: %s", strerror(errno));
	}
	begin_ns = bench_now_ns() - begin_ns;
	if (madvise(floor->base, bytes, MADV_DONTNEED) != 0)
		bench_die("madvise: %s", strerror(errno));
	return (double)begin_ns / (double)(bytes / floor->page_bytes);
}

/* ---- open and close ------------------------------------------------------ */

static int
watch(struct fault_floor *floor, const char **why)
{
	struct uffdio_api api = { .api = UFFD_API,
		.features = UFFD_FEATURE_SIGBUS };
	struct uffdio_register range = {
		.mode = UFFDIO_REGISTER_MODE_MISSING };

	floor->uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC |
	    UFFD_USER_MODE_ONLY);
	*why = "userfaultfd is not permitted";
	if (floor->uffd < 0)
		return -errno;
	*why = "userfaultfd without the SIGBUS feature";
	if (ioctl(floor->uffd, UFFDIO_API, &api) != 0)
		return -errno;
	*why = "anonymous memory cannot be watched";
	range.range.start = (uintptr_t)floor->base;
	range.range.len = floor->config.file_pages * floor->page_bytes;
	if (ioctl(floor->uffd, UFFDIO_REGISTER, &range) != 0)
		return -errno;
	return 0;
}

static int
rings_init(struct fault_floor *floor)
{
	unsigned threads = floor->config.threads;
	size_t bytes = threads * sizeof(*floor->brought);

	floor->brought = aligned_alloc(_Alignof(struct brought), bytes);
	if (floor->brought == NULL)
		return -ENOMEM;
	memset(floor->brought, 0, bytes);
	for (unsigned i = 0; i < threads; i++) {
		struct brought *brought = &floor->brought[i];

		brought->room = floor->config.memory_pages / threads /
		    floor->config.run_pages;
		brought->pages = malloc(brought->room *
		    sizeof(*brought->pages));
		brought->buffer = aligned_alloc(floor->page_bytes, CLUSTER);
		if (brought->pages == NULL || brought->buffer == NULL)
			return -ENOMEM;
		memset(brought->buffer, 1, CLUSTER);
	}
	return 0;
}

static int
range_init(struct fault_floor *floor, const char **why)
{
	size_t bytes = floor->config.file_pages * floor->page_bytes;
	void *base = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	*why = "no room for the range";
	if (base == MAP_FAILED)
		return -errno;
	floor->base = base;
	/* Pages of 4 KiB come one by one. */
	madvise(base, bytes, MADV_NOHUGEPAGE);
	floor->pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0u);
	return watch(floor, why);
}

int
fault_floor_open(const struct fault_floor_config *config,
    struct fault_floor **out, const char **why)
{
	struct fault_floor *floor = calloc(1, sizeof(*floor));
	int code;

	*out = NULL;
	*why = "no memory";
	if (floor == NULL)
		return -ENOMEM;
	floor->config = *config;
	floor->uffd = floor->pidfd = -1;
	floor->page_bytes = bench_page_bytes();
	if (floor->config.run_pages == 0)
		floor->config.run_pages = 1;
	floor->run_bytes = floor->config.run_pages * floor->page_bytes;
	if (floor->run_bytes > CLUSTER ||
	    floor->config.file_pages % floor->config.run_pages != 0)
		bench_die("the floor of faults: runs of %u pages",
		    floor->config.run_pages);
	code = rings_init(floor);
	if (code == 0)
		code = range_init(floor, why);
	if (code < 0) {
		fault_floor_close(floor);
		return code;
	}
	*out = floor;
	return 0;
}

static void
rings_fini(struct fault_floor *floor)
{
	if (floor->brought == NULL)
		return;
	for (unsigned i = 0; i < floor->config.threads; i++) {
		free(floor->brought[i].pages);
		free(floor->brought[i].buffer);
	}
	free(floor->brought);
}

void
fault_floor_close(struct fault_floor *floor)
{
	if (floor == NULL)
		return;
	rings_fini(floor);
	if (floor->uffd >= 0)
		close(floor->uffd);
	if (floor->pidfd >= 0)
		close(floor->pidfd);
	if (floor->base != NULL)
		munmap(floor->base, floor->config.file_pages *
		    floor->page_bytes);
	free(floor);
}
