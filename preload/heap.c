/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * preload/heap.c - large blocks of malloc, for --anon.
 *
 * A library of its own, loaded with the other one only where RESIDENT_ANON
 * says so.  glibc maps its large blocks by calls of its own, which nobody can
 * stand in front of, and after some time takes them from its heap.  So blocks
 * of that size and above are mapped here, through the mmap() that the other
 * library stands in front of: large ones one by one, others many in a map
 * (pool.h).  All that are smaller are the next malloc's.
 *
 *	map	[ ... | head, 64 bytes | block ... ]
 *
 * A block begins at a multiple of 64, but not at a map's beginning; blocks of
 * glibc have their own head in the 16 bytes before them, so 64 bytes before
 * either can be read: they are in the same page, or the block begins one.  What
 * is found there is ours if it is the address, told with a secret.
 *
 * An allocator that is not glibc's puts several blocks into each of its maps,
 * and may have nothing before one: it keeps them all.  Its maps are managed as
 * maps.
 */
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include "export.h"
#include "pool.h"
#include "server/protocol.h"

/* 64: as much as any vector instruction wants, and a cache line. */
#define HEAD_BYTES VM_POOL_HEAD

struct head {
	uint64_t mark[2];
	char *map;		/* all of it */
	size_t map_bytes;
	struct vm_slab *slab;	/* NULL: it has a map of its own */
};

_Static_assert(sizeof(struct head) <= HEAD_BYTES, "fits");

/* glibc's own names for what it exports as malloc and so on. */
extern void *__libc_malloc(size_t size);

static struct {
	void *(*malloc)(size_t size);
	void *(*calloc)(size_t count, size_t size);
	void *(*realloc)(void *block, size_t size);
	void *(*memalign)(size_t alignment, size_t size);
	void *(*aligned)(size_t alignment, size_t size);
	void (*free)(void *block);
	size_t (*usable)(void *block);
	uint64_t secret[2];
	size_t page;
	size_t least;		/* bytes that are ours */
} next;

/* Stored last. */
static _Atomic bool ready;

static void
find_next(void)
{
	*(void **)&next.malloc = dlsym(RTLD_NEXT, "malloc");
	*(void **)&next.calloc = dlsym(RTLD_NEXT, "calloc");
	*(void **)&next.realloc = dlsym(RTLD_NEXT, "realloc");
	*(void **)&next.memalign = dlsym(RTLD_NEXT, "memalign");
	*(void **)&next.aligned = dlsym(RTLD_NEXT, "aligned_alloc");
	*(void **)&next.free = dlsym(RTLD_NEXT, "free");
	*(void **)&next.usable = dlsym(RTLD_NEXT, "malloc_usable_size");
}

static void
read_least(void)
{
	const char *least = getenv(VM_ANON_ENV);
	const void *random = (const void *)(uintptr_t)getauxval(AT_RANDOM);

	next.page = (size_t)sysconf(_SC_PAGESIZE);
	next.least = least == NULL ? 0 : strtoull(least, NULL, 10);
	if (next.least < next.page || next.malloc != __libc_malloc ||
	    random == NULL)
		next.least = SIZE_MAX;
	else
		memcpy(next.secret, random, sizeof(next.secret));
}

/* The first calls come from the dynamic linker, of one thread, and before libc
 * knows its environment. */
static void
start(void)
{
	if (next.malloc == NULL)
		find_next();
	next.least = SIZE_MAX;
	if (environ == NULL)
		return;
	read_least();
	atomic_store_explicit(&ready, true, memory_order_release);
	/* May allocate. */
	if (next.least != SIZE_MAX)
		vm_pool_init(&(struct vm_pool_heap){ next.calloc, next.free });
}

static inline void
make_ready(void)
{
	if (!atomic_load_explicit(&ready, memory_order_acquire))
		start();
}

static struct head *
head_of(void *block)
{
	return (struct head *)(void *)((char *)block - HEAD_BYTES);
}

static void
mark_of(const void *block, uint64_t mark[2])
{
	mark[0] = next.secret[0] ^ (uint64_t)(uintptr_t)block;
	mark[1] = next.secret[1] + (uint64_t)(uintptr_t)block;
}

static bool
is_ours(void *block)
{
	uint64_t mark[2];

	if (next.least == SIZE_MAX || block == NULL ||
	    (uintptr_t)block % HEAD_BYTES != 0)
		return false;
	mark_of(block, mark);
	return head_of(block)->mark[0] == mark[0] &&
	    head_of(block)->mark[1] == mark[1];
}

static size_t
usable(void *block)
{
	struct head *head = head_of(block);

	return head->slab != NULL ? vm_pool_bytes(head->slab) :
	    head->map_bytes - (size_t)((char *)block - head->map);
}

static void
set_head(char *map, size_t map_bytes, char *block)
{
	struct head *head = head_of(block);

	mark_of(block, head->mark);
	head->map = map;
	head->map_bytes = map_bytes;
	head->slab = NULL;
}

/* Whether a block is one of many in a map. */
static bool
is_pooled(size_t alignment, size_t size)
{
	return size <= VM_POOL_MAX - HEAD_BYTES && alignment <= HEAD_BYTES;
}

static void *
take_pooled(size_t size, bool zeros)
{
	struct vm_slab *slab;
	bool fresh;
	char *map = vm_pool_take(size, &slab, &fresh);

	if (map == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	set_head(map, HEAD_BYTES + vm_pool_bytes(slab), map + HEAD_BYTES);
	head_of(map + HEAD_BYTES)->slab = slab;
	if (zeros && !fresh)
		memset(map + HEAD_BYTES, 0, size);
	return map + HEAD_BYTES;
}

/* alignment: a power of two. */
static void *
take(size_t alignment, size_t size, bool zeros)
{
	size_t room = alignment <= HEAD_BYTES ? HEAD_BYTES :
	    alignment <= next.page ? next.page : alignment + next.page;
	size_t bytes = (size + room + next.page - 1) & ~(next.page - 1);
	char *map, *block;

	if (is_pooled(alignment, size))
		return take_pooled(size, zeros);
	if (size > PTRDIFF_MAX - room - next.page) {
		errno = ENOMEM;
		return NULL;
	}
	map = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED) {
		errno = ENOMEM;
		return NULL;
	}
	block = map + room;
	if (alignment > next.page)
		block = map + next.page + (-((uintptr_t)map + next.page) &
		    (alignment - 1));
	set_head(map, bytes, block);
	return block;
}

static void
give(void *block)
{
	struct head *head = head_of(block);
	struct vm_slab *slab = head->slab;
	int saved = errno;

	/* No block any more, whoever gets this memory next. */
	head->mark[0] = 0;
	if (slab != NULL)
		vm_pool_give(slab, (char *)head);
	else
		(void)munmap(head->map, head->map_bytes);
	errno = saved;
}

/* The map grows or moves; what is aligned to more is copied. */
static void *
resize(void *block, size_t size)
{
	struct head *head = head_of(block);
	size_t front = (size_t)((char *)block - head->map);
	size_t bytes;
	char *map;

	if (size > PTRDIFF_MAX - front - next.page) {
		errno = ENOMEM;
		return NULL;
	}
	bytes = (size + front + next.page - 1) & ~(next.page - 1);
	if (bytes == head->map_bytes)
		return block;
	map = mremap(head->map, head->map_bytes, bytes, MREMAP_MAYMOVE);
	if (map == MAP_FAILED) {
		errno = ENOMEM;
		return NULL;
	}
	set_head(map, bytes, map + front);
	return map + front;
}

/* To another size class. */
static void *
move(void *block, size_t old, size_t size)
{
	void *new = malloc(size);

	if (new == NULL)
		return NULL;
	memcpy(new, block, old < size ? old : size);
	free(block);
	return new;
}

/* From or to a slab: where it is, if it fits and fills more than a half. */
static void *
change(void *block, size_t size)
{
	size_t old = usable(block);

	return size <= old && size > old / 2 ? block : move(block, old, size);
}

VM_EXPORT void *
malloc(size_t size)
{
	make_ready();
	return size >= next.least ? take(1, size, false) : next.malloc(size);
}

VM_EXPORT void
free(void *block)
{
	make_ready();
	if (is_ours(block))
		give(block);
	else
		next.free(block);
}

VM_EXPORT void *
calloc(size_t count, size_t size)
{
	size_t bytes;

	make_ready();
	bytes = count * size;
	if (bytes < next.least || (size != 0 && bytes / size != count))
		return next.calloc(count, size);
	return take(1, bytes, true);
}

VM_EXPORT void *
realloc(void *block, size_t size)
{
	make_ready();
	if (is_ours(block)) {
		if (size >= next.least)
			return is_pooled(1, size) ||
			    head_of(block)->slab != NULL ?
			    change(block, size) : resize(block, size);
		if (size == 0) {
			free(block);
			return NULL;
		}
		return move(block, usable(block), size);
	}
	if (block != NULL && size >= next.least)
		return move(block, next.usable(block), size);
	return block == NULL ? malloc(size) : next.realloc(block, size);
}

static bool
is_power(size_t alignment)
{
	return alignment != 0 && (alignment & (alignment - 1)) == 0;
}

VM_EXPORT void *
memalign(size_t alignment, size_t size)
{
	make_ready();
	if (size < next.least || !is_power(alignment))
		return next.memalign(alignment, size);
	return take(alignment, size, false);
}

VM_EXPORT void *
aligned_alloc(size_t alignment, size_t size)
{
	make_ready();
	if (size < next.least || !is_power(alignment))
		return next.aligned(alignment, size);
	return take(alignment, size, false);
}

VM_EXPORT int
posix_memalign(void **out, size_t alignment, size_t size)
{
	int saved = errno;
	void *block;

	if (!is_power(alignment) || alignment % sizeof(void *) != 0)
		return EINVAL;
	block = memalign(alignment, size);
	errno = saved;
	if (block == NULL)
		return ENOMEM;
	*out = block;
	return 0;
}

VM_EXPORT void *
valloc(size_t size)
{
	make_ready();
	return memalign(next.page, size);
}

VM_EXPORT void *
pvalloc(size_t size)
{
	make_ready();
	return memalign(next.page, (size + next.page - 1) &
	    ~(next.page - 1));
}

VM_EXPORT size_t
malloc_usable_size(void *block)
{
	make_ready();
	return is_ours(block) ? usable(block) : next.usable(block);
}
