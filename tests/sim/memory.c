/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memory.c - mappings, memory files and small memory; see machine.h.
 *
 * Small memory comes from one region, blocks of powers of two, so that a run
 * finds its blocks in the same order whatever the process did before; what is
 * freed is overwritten.  Mappings are the kernel's, and known by a list, so
 * that a run that was cut leaves nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "machine.h"
#include "sim.h"

/* 64 MiB of address space, none of it there before it is used. */
#define REGION_BYTES ((size_t)64 << 20)
/* Blocks of 64 << i bytes, their 64 bytes of header not counted. */
#define CLASSES 18
#define HEADER 64
#define LIVE UINT64_C(0x65766973206f7373)
#define DEAD UINT64_C(0x6461656420616d69)
#define FREED 0xdd
/* 32 TiB: nothing else is there; the same places in each run, for the library
 * may look at addresses.  1 page behind each mapping is not there. */
#define FIRST_PLACE ((uintptr_t)32 << 40)
#define GAP_BYTES ((size_t)PAGE)
/* 256 mappings at a time: a few for each system, object and thread. */
#define MAPS 256

struct block {
	uint64_t magic;
	unsigned class;
	struct block *next;	/* free ones of the class */
};

static struct {
	uintptr_t next;		/* place of the next mapping */
	char *region;
	size_t used;
	struct block *free[CLASSES];
	struct map {
		char *base;
		size_t bytes;
		bool ours;	/* a mapping of its own, not a memfd's */
	} map[MAPS];
} memory;

void *
memory_reserve(size_t bytes)
{
	void *at = (void *)memory.next;
	void *base = mmap(at, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE |
	    MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);

	if (base != at)
		sim_fail("the real machine has no %zu bytes", bytes);
	memory.next += (bytes + GAP_BYTES + PAGE - 1) / PAGE * PAGE;
	return base;
}

void
memory_return(void *base, size_t bytes)
{
	if (base != NULL && munmap(base, bytes) != 0)
		sim_fail("munmap");
}

void
memory_reset(void)
{
	for (unsigned i = 0; i < MAPS; i++) {
		if (memory.map[i].base != NULL && memory.map[i].ours)
			memory_return(memory.map[i].base,
			    memory.map[i].bytes);
		memory.map[i].base = NULL;
	}
	memory.used = 0;
	memset(memory.free, 0, sizeof(memory.free));
}

void
memory_begin(void)
{
	memory_reset();
	memory.next = FIRST_PLACE;
	if (memory.region == NULL)
		memory.region = memory_reserve(REGION_BYTES);
	memory.next = FIRST_PLACE + REGION_BYTES + GAP_BYTES;
}

void *
machine_alloc(size_t bytes)
{
	struct block *block;
	unsigned class = 0;

	sim_point();
	if (machine_fails(machine.faults.memory))
		return NULL;
	while (((size_t)64 << class) < bytes)
		if (++class == CLASSES)
			return NULL;
	block = memory.free[class];
	if (block != NULL) {
		memory.free[class] = block->next;
	} else {
		block = (void *)(memory.region + memory.used);
		memory.used += HEADER + ((size_t)64 << class);
		SIM_CHECK(memory.used <= REGION_BYTES);
	}
	block->magic = LIVE;
	block->class = class;
	machine.blocks++;
	return memset((char *)block + HEADER, 0, (size_t)64 << class);
}

void
machine_free(void *bytes)
{
	struct block *block;

	sim_point();
	if (bytes == NULL)
		return;
	block = (void *)((char *)bytes - HEADER);
	if (block->magic != LIVE)
		sim_fail("memory is freed %s", block->magic == DEAD ?
		    "twice" : "that was not allocated");
	memset(bytes, FREED, (size_t)64 << block->class);
	block->magic = DEAD;
	block->next = memory.free[block->class];
	memory.free[block->class] = block;
	machine.blocks--;
}

/* -- mappings -- */

static void
note_map(void *base, size_t bytes, bool ours)
{
	struct map *map = memory.map;

	while (map->base != NULL)
		if (++map == memory.map + MAPS)
			sim_fail("more than %d mappings", MAPS);
	*map = (struct map){ base, bytes, ours };
	machine.maps++;
}

int
machine_map_anon(size_t bytes, void **out)
{
	sim_point();
	SIM_CHECK(bytes != 0);
	if (machine_fails(machine.faults.memory))
		return -ENOMEM;
	*out = memory_reserve(bytes);
	note_map(*out, bytes, true);
	return 0;
}

int
machine_map_file(int fd, uint64_t offset, size_t bytes, int prot, void **out)
{
	struct disk *disk = disk_of(fd);

	sim_point();
	SIM_CHECK(offset % PAGE == 0 && bytes != 0 && prot != 0);
	if (machine_fails(machine.faults.memory))
		return -ENOMEM;
	if (offset + bytes > disk->capacity)
		return -ENOMEM;
	*out = disk->now + offset;
	note_map(*out, bytes, false);
	return 0;
}

int
machine_unmap(void *base, size_t bytes)
{
	struct map *map = memory.map;

	sim_point();
	while (map->base != base || map->bytes != bytes)
		if (++map == memory.map + MAPS)
			sim_fail("unmapping what is not mapped");
	if (map->ours)
		memory_return(base, bytes);
	map->base = NULL;
	machine.maps--;
	return 0;
}

int
machine_drop(void *base, size_t bytes)
{
	sim_point();
	if (machine_fails(machine.faults.memory))
		return -ENOMEM;
	return madvise(base, bytes, MADV_DONTNEED) == 0 ? 0 : -errno;
}

/* -- memory files -- */


int
machine_memfd(const char *name)
{
	struct disk *disk;
	int fd;

	sim_point();
	SIM_CHECK(name != NULL);
	if (machine_fails(machine.faults.descriptor))
		return -EMFILE;
	disk = disk_new(0, false);
	memory_return(disk->now, disk->capacity);
	disk->capacity = MEMFD_BYTES;
	disk->now = memory_reserve(disk->capacity);
	disk->present = memory_reserve(MEMFD_PAGES);
	fd = disk_open(disk, O_RDWR);
	disk_put(disk);		/* the descriptor has it */
	return fd;
}

void
memory_write(struct disk *disk, uint64_t offset, const char *from,
    uint64_t bytes)
{
	uint64_t page = offset / PAGE;

	SIM_CHECK(offset / PAGE == (offset + bytes - 1) / PAGE);
	SIM_CHECK(page < MEMFD_PAGES);
	if (!disk->present[page]) {
		disk->present[page] = 1;
		disk->present_pages++;
	}
	memcpy(disk->now + offset, from, bytes);
}

/* One page after the other: all of them are gone at the end only. */
int
machine_punch(int fd, uint64_t offset, uint64_t length)
{
	struct disk *disk = disk_of(fd);

	SIM_CHECK(disk->present != NULL);
	SIM_CHECK(offset % PAGE == 0 && length % PAGE == 0);
	for (uint64_t at = offset; at < offset + length; at += PAGE) {
		sim_point();
		if (at / PAGE >= MEMFD_PAGES || !disk->present[at / PAGE])
			continue;
		disk->present[at / PAGE] = 0;
		disk->present_pages--;
		memset(disk->now + at, 0, PAGE);
	}
	return 0;
}
