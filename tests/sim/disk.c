/* SPDX-License-Identifier: BSD-2-Clause */
/* disk.c - files of the simulated disk, and of memory; see machine.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"
#include "sim.h"

/* 64 files at a time: a few objects, their memory files, the swap file. */
#define DISKS 64

static struct {
	struct disk *disk[DISKS];
	uint64_t next_number;
} disks;

static uint64_t
sectors(const struct disk *disk)
{
	return disk->capacity / SECTOR;
}

struct disk *
disk_new(uint64_t bytes, bool lasting)
{
	struct disk *disk = calloc(1, sizeof(*disk));
	unsigned i = 0;

	SIM_CHECK(disk != NULL);
	while (disks.disk[i] != NULL)
		if (++i == DISKS)
			sim_fail("more than %d files", DISKS);
	disks.disk[i] = disk;
	disk->bytes = bytes;
	disk->capacity = DISK_BYTES;
	disk->now = memory_reserve(DISK_BYTES);
	if (lasting) {
		disk->durable = memory_reserve(DISK_BYTES);
		disk->sector = memory_reserve(sectors(disk));
	}
	disk->number = ++disks.next_number;
	disk->uses = 1;
	vm_list_init(&disk->flights);
	return disk;
}

static void
forget(struct disk *disk)
{
	for (unsigned i = 0; i < DISKS; i++)
		if (disks.disk[i] == disk)
			disks.disk[i] = NULL;
	memory_return(disk->now, disk->capacity);
	if (disk->durable != NULL) {
		memory_return(disk->durable, disk->capacity);
		memory_return(disk->sector, sectors(disk));
	}
	if (disk->present != NULL)
		memory_return(disk->present, MEMFD_PAGES);
	free(disk);
}

void
disk_put(struct disk *disk)
{
	SIM_CHECK(disk->uses != 0);
	if (--disk->uses != 0)
		return;
	if (!vm_list_empty(&disk->flights))
		sim_fail("a file is closed under a request");
	forget(disk);
}

static void
closed(void *what)
{
	disk_put(what);
}

int
disk_open(struct disk *disk, int flags)
{
	struct opened opened = {
		.kind = KIND_DISK, .what = disk, .flags = flags,
		.closed = closed, .errors_seen = disk->errors,
	};

	disk->uses++;
	return descriptor_new(&opened);
}

struct disk *
disk_of(int fd)
{
	struct opened *opened = descriptor_of(fd);

	if (opened->kind != KIND_DISK)
		sim_fail("descriptor %d is no file", fd);
	return opened->what;
}

/* -- what happens to bytes -- */

/* What was there may have gone to the disk by itself before it changes. */
static void
touch_sector(struct disk *disk, uint64_t sector)
{
	if ((disk->sector[sector] & DISK_UNSYNCED) != 0 && sim_one_in(4))
		memcpy(disk->durable + sector * SECTOR,
		    disk->now + sector * SECTOR, SECTOR);
	disk->sector[sector] |= DISK_UNSYNCED;
}

void
disk_write(struct disk *disk, uint64_t offset, const char *from,
    uint64_t bytes)
{
	SIM_CHECK(offset + bytes <= disk->capacity);
	if (bytes == 0)
		return;
	for (uint64_t s = offset / SECTOR; disk->durable != NULL &&
	    s <= (offset + bytes - 1) / SECTOR; s++)
		touch_sector(disk, s);
	memcpy(disk->now + offset, from, bytes);
	if (disk->bytes < offset + bytes)
		disk->bytes = offset + bytes;
}

static void
make_durable(struct disk *disk, uint64_t sector)
{
	memcpy(disk->durable + sector * SECTOR, disk->now + sector * SECTOR,
	    SECTOR);
}

/* Sectors that the file has, and the one it ends in. */
static uint64_t
used_sectors(const struct disk *disk)
{
	return (disk->bytes + SECTOR - 1) / SECTOR;
}

/* Some sectors go at once, the others when the time is over. */
static void
sync_sectors(struct disk *disk)
{
	uint64_t count = used_sectors(disk);
	bool fails = machine_fails(machine.faults.sync);

	for (uint64_t s = 0; s < count && disk->durable != NULL; s++) {
		if ((disk->sector[s] & DISK_UNSYNCED) == 0)
			continue;
		disk->sector[s] |= DISK_SYNCING;
		if (sim_one_in(2)) {
			make_durable(disk, s);
			disk->sector[s] = 0;
		}
	}
	sim_say("fsync begins%s", fails ? ", and will fail" : "");
	sim_pause(machine_latency_ns());
	sim_say("fsync ends%s", fails ? " and fails" : "");
	for (uint64_t s = 0; s < count && disk->durable != NULL; s++) {
		if ((disk->sector[s] & DISK_SYNCING) == 0)
			continue;
		if (!fails || sim_one_in(2))
			make_durable(disk, s);
		disk->sector[s] = 0;
	}
	disk->errors += fails;
}

static void
cut(struct disk *disk)
{
	for (uint64_t s = 0; s < used_sectors(disk); s++) {
		if ((disk->sector[s] & DISK_UNSYNCED) != 0 && sim_one_in(2))
			make_durable(disk, s);
		disk->sector[s] = 0;
	}
	memcpy(disk->now, disk->durable, used_sectors(disk) * SECTOR);
	vm_list_init(&disk->flights);
}

void
disks_each(void (*call)(struct disk *disk))
{
	for (unsigned i = 0; i < DISKS; i++)
		if (disks.disk[i] != NULL)
			call(disks.disk[i]);
}

/* The test's own use of its files is all that is left. */
void
disks_restart(void)
{
	for (unsigned i = 0; i < DISKS; i++) {
		struct disk *disk = disks.disk[i];

		if (disk != NULL && disk->durable == NULL) {
			forget(disk);
		} else if (disk != NULL) {
			cut(disk);
			disk->uses = 1;
		}
	}
}

void
disks_reset(void)
{
	for (unsigned i = 0; i < DISKS; i++)
		if (disks.disk[i] != NULL)
			forget(disks.disk[i]);
	disks.next_number = 0;
}

void
disk_check_idle(const struct disk *disk, uint64_t offset, uint64_t bytes)
{
	struct vm_node *node = vm_list_first(&disk->flights);

	for (; node != NULL; node = vm_list_next(&disk->flights, node)) {
		const struct flight *flight = VM_ENTRY(node, struct flight,
		    link);

		if (flight->offset / SECTOR * SECTOR < offset + bytes &&
		    offset / SECTOR * SECTOR < flight->offset + flight->bytes)
			sim_fail("a %s of %llu bytes at %llu is in flight "
			    "where the file changes",
			    flight->write ? "write" : "read",
			    (unsigned long long)flight->bytes,
			    (unsigned long long)flight->offset);
	}
}

/* -- calls -- */

int
machine_reopen(int fd, int flags)
{
	struct disk *disk = disk_of(fd);

	sim_point();
	if (machine_fails(machine.faults.descriptor))
		return sim_one_in(2) ? -EMFILE : -EACCES;
	if ((flags & O_DIRECT) != 0 && disk->direct == DIRECT_NOT_OPENED)
		return -EINVAL;
	return disk_open(disk, flags);
}

int
machine_flags(int fd)
{
	sim_point();
	return descriptor_of(fd)->flags;
}

int
machine_tmpfile(const char *directory)
{
	struct disk *disk;
	int fd;

	sim_point();
	SIM_CHECK(directory != NULL);
	if (machine_fails(machine.faults.descriptor))
		return -EMFILE;
	disk = disk_new(0, false);
	fd = disk_open(disk, O_RDWR);
	disk_put(disk);
	return fd;
}

int
machine_fstat(int fd, struct stat *st)
{
	struct disk *disk = disk_of(fd);

	sim_point();
	*st = (struct stat){
		.st_mode = S_IFREG | 0600, .st_size = (off_t)disk->bytes,
		.st_dev = 1, .st_ino = disk->number, .st_nlink = 1,
	};
	return 0;
}

/* A write that is in flight would make the file long again; a read of the page
 * in which it ends is nothing. */
static void
check_unwritten(const struct disk *disk, uint64_t end)
{
	struct vm_node *node = vm_list_first(&disk->flights);

	for (; node != NULL; node = vm_list_next(&disk->flights, node)) {
		const struct flight *flight = VM_ENTRY(node, struct flight,
		    link);

		if (flight->write && flight->offset + flight->bytes > end)
			sim_fail("a write to %llu is in flight where the file "
			    "is cut to %llu", (unsigned long long)
			    (flight->offset + flight->bytes),
			    (unsigned long long)end);
	}
}

/* The pages of a memory file that are behind its end. */
static void
drop_behind(struct disk *disk, uint64_t bytes)
{
	uint64_t page = (bytes + PAGE - 1) / PAGE;

	if (disk->present == NULL)
		return;
	for (; page < MEMFD_PAGES && page * PAGE < disk->bytes; page++) {
		disk->present_pages -= disk->present[page];
		disk->present[page] = 0;
	}
}

/* Lengths are durable at once. */
int
machine_ftruncate(int fd, uint64_t bytes)
{
	struct disk *disk = disk_of(fd);

	sim_point();
	if (bytes > disk->capacity)
		return -EFBIG;
	if (machine_fails(machine.faults.full))
		return -ENOSPC;
	if (bytes < disk->bytes) {
		check_unwritten(disk, bytes);
		drop_behind(disk, bytes);
		memset(disk->now + bytes, 0, disk->bytes - bytes);
		if (disk->durable != NULL)
			memset(disk->durable + bytes, 0, disk->bytes - bytes);
	}
	disk->bytes = bytes;
	return 0;
}

int
machine_fallocate(int fd, int mode, uint64_t offset, uint64_t length)
{
	struct disk *disk = disk_of(fd);

	sim_point();
	if (machine_fails(machine.faults.full))
		return -ENOSPC;
	if (offset + length > disk->capacity)
		return -ENOSPC;
	if (mode == (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)) {
		SIM_CHECK(disk->durable == NULL);
		disk_check_idle(disk, offset, length);
		memset(disk->now + offset, 0, length);
		return 0;
	}
	SIM_CHECK(mode == 0);
	if (disk->bytes < offset + length)
		disk->bytes = offset + length;
	return 0;
}

/* As the kernel does since 4.13: each opening hears of an error once. */
int
machine_fsync(int fd)
{
	struct disk *disk = disk_of(fd);
	struct opened *opened = descriptor_of(fd);

	sim_point();
	sync_sectors(disk);
	if (opened->errors_seen == disk->errors)
		return 0;
	opened->errors_seen = disk->errors;
	return -EIO;
}

bool
disk_is_bad(const struct disk *disk, uint64_t offset, uint64_t bytes)
{
	if (!machine.faulty || machine.calm != 0 || offset >= disk->bad_end ||
	    offset + bytes <= disk->bad_from)
		return false;
	machine.injected++;
	return true;
}

/* A part of it, sometimes. */
static uint64_t
shortened(uint64_t bytes)
{
	return bytes > 1 && machine_fails(machine.faults.cut_short) ?
	    1 + sim_below(bytes - 1) : bytes;
}

ssize_t
machine_pread(int fd, void *buffer, size_t bytes, uint64_t offset)
{
	struct disk *disk = disk_of(fd);

	sim_point();
	if (disk->present == NULL)
		sim_pause(machine_latency_ns());
	if (machine_fails(machine.faults.read) ||
	    disk_is_bad(disk, offset, bytes))
		return -EIO;
	if (offset >= disk->bytes)
		return 0;
	if (bytes > disk->bytes - offset)
		bytes = disk->bytes - offset;
	bytes = shortened(bytes);
	memcpy(buffer, disk->now + offset, bytes);
	return (ssize_t)bytes;
}

/* A folio at a time, as shmem does. */
static ssize_t
write_memory(struct disk *disk, const char *from, size_t bytes,
    uint64_t offset)
{
	size_t done = 0;

	while (done < bytes) {
		size_t n = PAGE - (offset + done) % PAGE;

		if (n > bytes - done)
			n = bytes - done;
		sim_point();
		if (machine_fails(machine.faults.full))
			return done != 0 ? (ssize_t)done : -ENOSPC;
		memory_write(disk, offset + done, from + done, n);
		done += n;
		if (disk->bytes < offset + done)
			disk->bytes = offset + done;
	}
	return (ssize_t)done;
}

ssize_t
machine_pwrite(int fd, const void *buffer, size_t bytes, uint64_t offset)
{
	struct disk *disk = disk_of(fd);
	int error = 0;

	SIM_CHECK((descriptor_of(fd)->flags & O_ACCMODE) != O_RDONLY);
	if (disk->present != NULL)
		return write_memory(disk, buffer, bytes, offset);
	sim_pause(machine_latency_ns());
	bytes = shortened(bytes);
	if (machine_fails(machine.faults.write))
		error = -EIO;
	else if (machine_fails(machine.faults.full))
		error = -ENOSPC;
	else if (offset + bytes > disk->capacity)
		error = -EFBIG;
	if (error != 0)
		return error;
	disk_check_idle(disk, offset, bytes);
	disk_write(disk, offset, buffer, bytes);
	return (ssize_t)bytes;
}

ssize_t
machine_preadv_cached(int fd, const struct iovec *iov, int count,
    uint64_t offset)
{
	struct disk *disk = disk_of(fd);
	uint64_t got = 0;

	sim_point();
	if (!sim_one_in(machine.cached))
		return -EAGAIN;
	for (int i = 0; i < count && offset + got < disk->bytes; i++) {
		uint64_t n = iov[i].iov_len;

		if (n > disk->bytes - offset - got)
			n = disk->bytes - offset - got;
		memcpy(iov[i].iov_base, disk->now + offset + got, n);
		got += n;
	}
	return (ssize_t)got;
}

bool
machine_any_cached(int fd)
{
	(void)disk_of(fd);
	sim_point();
	return sim_one_in(2);
}

bool
machine_in_memory(int fd)
{
	(void)fd;
	return false;
}

int
machine_drop_cache(int fd, uint64_t offset, uint64_t length)
{
	(void)disk_of(fd);
	(void)offset;
	(void)length;
	sim_point();
	return 0;
}
