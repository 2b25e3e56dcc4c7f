/* SPDX-License-Identifier: BSD-2-Clause */
/* bench/peers/cells.c - cells.h has the theory. */
#include "bench/peers/cells.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* 2 MiB: a huge page of x86-64, and of arm64 with 4 KiB pages. */
#define HUGE_BYTES ((size_t)2 << 20)

uint64_t
peer_power_of_two(uint64_t n)
{
	uint64_t power = 1;

	while (power < n)
		power *= 2;
	return power;
}

void *
peer_array(uint64_t count, size_t size)
{
	size_t align, bytes;
	void *array;

	if (__builtin_mul_overflow(count, size, &bytes))
		return NULL;
	align = bytes < HUGE_BYTES ? PEER_LINE : HUGE_BYTES;
	bytes = (bytes + align - 1) & ~(align - 1);
	array = aligned_alloc(align, bytes);
	if (array == NULL)
		return NULL;
	if (align == HUGE_BYTES)
		(void)madvise(array, bytes, MADV_HUGEPAGE);
	memset(array, 0, bytes);
	return array;
}

/* Huge and touched where the system lets us: neither changes what is right. */
static char *
map_arena(struct peer_memory *memory, size_t bytes)
{
	uintptr_t start;

	memory->map_bytes = bytes + HUGE_BYTES;
	memory->map = mmap(NULL, memory->map_bytes, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory->map == MAP_FAILED) {
		memory->map = NULL;
		return NULL;
	}
	start = ((uintptr_t)memory->map + HUGE_BYTES - 1) &
	    ~(uintptr_t)(HUGE_BYTES - 1);
	(void)madvise((void *)start, bytes, MADV_HUGEPAGE);
#ifdef MADV_POPULATE_WRITE
	(void)madvise((void *)start, bytes, MADV_POPULATE_WRITE);
#endif
	return (char *)start;
}

int
peer_memory_open(struct peer_memory *memory, int fd, size_t page_bytes,
    uint64_t pages)
{
	char *arena;

	memset(memory, 0, sizeof(*memory));
	memory->fd = fd;
	memory->page_bytes = page_bytes;
	memory->count = pages;
	arena = map_arena(memory, pages * page_bytes);
	if (arena == NULL)
		return -ENOMEM;
	memory->cells = peer_array(pages, sizeof(struct peer_cell));
	if (memory->cells == NULL) {
		peer_memory_close(memory);
		return -ENOMEM;
	}
	for (uint64_t i = 0; i < pages; i++)
		memory->cells[i].bytes = arena + i * page_bytes;
	return 0;
}

void
peer_memory_close(struct peer_memory *memory)
{
	if (memory->map != NULL)
		munmap(memory->map, memory->map_bytes);
	free(memory->cells);
	memory->map = NULL;
	memory->cells = NULL;
}

bool
peer_read(int fd, uint64_t page, size_t page_bytes, void *bytes)
{
	size_t done = 0;

	while (done < page_bytes) {
		ssize_t n = pread(fd, (char *)bytes + done, page_bytes - done,
		    (off_t)(page * page_bytes + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

void
peer_lock_init(struct peer_lock *lock, bool spins)
{
	lock->spins = spins;
	if (spins)
		pthread_spin_init(&lock->spin, PTHREAD_PROCESS_PRIVATE);
	else
		pthread_mutex_init(&lock->mutex, NULL);
}

void
peer_lock_fini(struct peer_lock *lock)
{
	if (lock->spins)
		pthread_spin_destroy(&lock->spin);
	else
		pthread_mutex_destroy(&lock->mutex);
}

void
peer_event_init(struct peer_event *event)
{
	pthread_mutex_init(&event->mutex, NULL);
	pthread_cond_init(&event->changed, NULL);
	atomic_init(&event->turn, 0);
}

void
peer_event_fini(struct peer_event *event)
{
	pthread_cond_destroy(&event->changed);
	pthread_mutex_destroy(&event->mutex);
}

uint64_t
peer_event_turn(struct peer_event *event)
{
	return atomic_load_explicit(&event->turn, memory_order_relaxed);
}

void
peer_event_wait(struct peer_event *event, uint64_t turn)
{
	pthread_mutex_lock(&event->mutex);
	while (peer_event_turn(event) == turn)
		pthread_cond_wait(&event->changed, &event->mutex);
	pthread_mutex_unlock(&event->mutex);
}

void
peer_event_wake(struct peer_event *event)
{
	pthread_mutex_lock(&event->mutex);
	atomic_fetch_add_explicit(&event->turn, 1, memory_order_relaxed);
	pthread_cond_broadcast(&event->changed);
	pthread_mutex_unlock(&event->mutex);
}
