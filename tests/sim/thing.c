/* SPDX-License-Identifier: BSD-2-Clause */
/* thing.c - what is known of an object's bytes; world.h has the theory. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "sim.h"
#include "world.h"

struct world world;

/* Versions that are not in use. */
static struct version *spare;
static uint64_t last_version;

static uint64_t
smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* -- versions -- */

static void
add_version(struct thing *thing, uint64_t sector, const char *bytes,
    bool external)
{
	struct version *version = spare;

	if (version != NULL)
		spare = version->next;
	else
		version = malloc(sizeof(*version));
	SIM_CHECK(version != NULL);
	version->next = NULL;
	version->number = ++last_version;
	version->external = external;
	memcpy(version->bytes, bytes, SECTOR);
	if (thing->newest[sector] != NULL)
		thing->newest[sector]->next = version;
	else
		thing->oldest[sector] = version;
	thing->newest[sector] = version;
	sim_say("version %llu of sector %llu", (unsigned long long)
	    version->number, (unsigned long long)sector);
}

/* Those before the one with this number. */
static void
drop_versions(struct thing *thing, uint64_t sector, uint64_t number)
{
	struct version *version;

	while ((version = thing->oldest[sector]) != NULL &&
	    version->number < number) {
		thing->oldest[sector] = version->next;
		version->next = spare;
		spare = version;
	}
	if (thing->oldest[sector] == NULL)
		thing->newest[sector] = NULL;
}

static void
reset_sector(struct thing *thing, uint64_t sector)
{
	drop_versions(thing, sector, UINT64_MAX);
	if (thing->file)
		add_version(thing, sector, thing->bytes + sector * SECTOR,
		    false);
}

/* The newest version that a sync has to make durable. */
static uint64_t
own_version(const struct thing *thing, uint64_t sector)
{
	uint64_t number = 0;

	for (const struct version *v = thing->oldest[sector]; v != NULL;
	    v = v->next)
		if (!v->external)
			number = v->number;
	return number;
}

/* How many bytes of a sector are sure to be in the thing. */
static uint64_t
sector_bytes(const struct thing *thing, uint64_t sector)
{
	uint64_t from = sector * SECTOR;

	return from < thing->length ? smaller(thing->length - from, SECTOR) :
	    0;
}

/* The sector on the disk is a version not older than this. */
static void
check_sector(const struct thing *thing, uint64_t sector, const char *on_disk,
    uint64_t number)
{
	uint64_t bytes = sector_bytes(thing, sector);

	for (const struct version *v = thing->oldest[sector]; v != NULL;
	    v = v->next)
		if (v->number >= number &&
		    memcmp(v->bytes, on_disk, bytes) == 0)
			return;
	for (const struct version *v = thing->oldest[sector]; v != NULL;
	    v = v->next)
		sim_say("version %llu%s%s", (unsigned long long)v->number,
		    v->external ? " external" : "",
		    memcmp(v->bytes, on_disk, bytes) == 0 ? " is there" : "");
	sim_fail("thing %u: sector %llu (page %llu) is on the disk with "
	    "bytes it should not have any more, or never had", thing->number,
	    (unsigned long long)sector,
	    (unsigned long long)sector * SECTOR / PAGE);
}

void
thing_wrote(struct thing *thing, uint64_t offset, uint64_t length,
    bool external)
{
	if (length == 0)
		return;
	for (uint64_t at = offset / PAGE; at <= (offset + length - 1) / PAGE;
	    at++)
		thing->touched[at]++;
	for (uint64_t s = offset / SECTOR; thing->file &&
	    s <= (offset + length - 1) / SECTOR; s++)
		add_version(thing, s, thing->bytes + s * SECTOR, external);
}

void
thing_note_file(struct thing *thing, uint64_t offset, uint64_t length)
{
	for (uint64_t s = offset / SECTOR; length != 0 &&
	    s <= (offset + length - 1) / SECTOR; s++)
		add_version(thing, s, thing->disk->now + s * SECTOR, true);
}

void
thing_adopt(struct thing *thing)
{
	for (uint64_t s = 0; s < THING_SECTORS; s++)
		if (thing->newest[s] != NULL)
			thing->newest[s]->external = false;
}

/* What the object wrote before it was closed is nothing to the next one. */
static void
disown(struct thing *thing)
{
	for (uint64_t s = 0; s < THING_SECTORS; s++)
		for (struct version *v = thing->oldest[s]; v != NULL &&
		    v->next != NULL; v = v->next)
			v->next->external = true;
}

/* -- bytes -- */

void
world_fill(char *to, uint64_t bytes)
{
	/* A new word after so many bytes: what swap makes of a page depends on
	 * how often it says the same. */
	static const uint64_t often[] = { 8, 32, UINT64_MAX };
	uint64_t each = often[++world.stamp % VM_COUNT(often)];
	uint64_t word = vm_hash_mix(world.stamp);

	for (uint64_t i = 0; i < bytes; i++) {
		if (i != 0 && i % each == 0)
			word = vm_hash_mix(word);
		to[i] = (char)(word >> i % 8 * 8);
	}
}

void
world_allow(int error)
{
	switch (error) {
	case -EIO:
	case -ENOSPC:
	case -EAGAIN:
	case -EINTR:
	case -EMFILE:
	case -EACCES:
	case -ENOMEM:
		if (machine.injected != 0 || world.may_starve)
			return;
		break;
	default:
		break;
	}
	sim_fail("error %d, %s, where nothing went wrong", error,
	    vm_last_error());
}

uint64_t
thing_pages(const struct thing *thing)
{
	return (thing->length + PAGE - 1) / PAGE;
}

uint32_t
thing_part(const struct thing *thing, uint64_t pindex)
{
	uint64_t from = pindex * PAGE;

	return from < thing->length ?
	    (uint32_t)smaller(thing->length - from, PAGE) : 0;
}

/*
 * The sector is what the file has, again: what was newer is lost, and a sync
 * owes it no more than it owed what is there.
 */
static void
revert_sector(struct thing *thing, uint64_t sector)
{
	char *now = thing->disk->now + sector * SECTOR;
	struct version *there = NULL;
	bool external = false;

	for (struct version *v = thing->oldest[sector]; v != NULL;
	    v = v->next)
		if (memcmp(v->bytes, now, SECTOR) == 0) {
			there = v;
			external = external || v->external;
		}
	external = external || there == NULL;
	for (struct version *v = external ? thing->oldest[sector] :
	    there->next; v != NULL; v = v->next)
		v->external = true;
	add_version(thing, sector, now, external);
}

void
thing_revert(struct thing *thing, uint64_t pindex, uint32_t first,
    uint32_t end)
{
	uint64_t from = pindex * PAGE / SECTOR + first;
	uint64_t to = pindex * PAGE / SECTOR + end;

	thing->touched[pindex]++;
	if (!thing->file) {
		thing->unknown[pindex] = true;
		return;
	}
	for (; from < to && from * SECTOR < thing->length; from++) {
		memcpy(thing->bytes + from * SECTOR, thing->disk->now +
		    from * SECTOR, sector_bytes(thing, from));
		revert_sector(thing, from);
	}
}

/* Whatever is there, is there. */
static void
learn(struct thing *thing, uint64_t pindex, const char *memory)
{
	uint32_t part = thing_part(thing, pindex);

	thing->unknown[pindex] = false;
	memcpy(thing->bytes + pindex * PAGE, memory, part);
	thing_wrote(thing, pindex * PAGE, part, true);
}

void
thing_look(struct thing *thing, uint64_t pindex, struct vm_page *page)
{
	const char *memory = vm_page_data(page);
	const char *bytes = thing->bytes + pindex * PAGE;
	uint32_t part = thing_part(thing, pindex);

	if (memory == NULL) {	/* a store that could not be mapped here */
		world_allow(-ENOMEM);
		return;
	}
	if (thing->unknown[pindex])
		learn(thing, pindex, memory);
	for (uint32_t i = 0; i < part; i++)
		if (memory[i] != bytes[i])
			sim_fail("thing %u: page %llu has %02x at %u, not "
			    "%02x", thing->number,
			    (unsigned long long)pindex, memory[i] & 0xff, i,
			    bytes[i] & 0xff);
	for (uint32_t i = part; i < PAGE && part != 0 && !thing->changing;
	    i++)
		if (memory[i] != 0)
			sim_fail("thing %u: page %llu has %02x at %u, behind "
			    "the end", thing->number,
			    (unsigned long long)pindex, memory[i] & 0xff, i);
}

void
thing_cut(struct thing *thing, uint64_t length)
{
	uint64_t old = THING_BYTES;

	for (uint64_t at = length / PAGE; at < THING_PAGES; at++) {
		thing->touched[at]++;
		if (at * PAGE >= length)
			thing->unknown[at] = false;
	}
	memset(thing->bytes + length, 0, old - length);
	for (uint64_t s = length / SECTOR; s < THING_SECTORS; s++) {
		if (s * SECTOR >= length) {
			reset_sector(thing, s);
			continue;
		}
		for (struct version *v = thing->oldest[s]; v != NULL;
		    v = v->next)
			memset(v->bytes + length % SECTOR, 0,
			    SECTOR - length % SECTOR);
	}
	thing->length = length;
}

void
thing_grow(struct thing *thing, uint64_t length)
{
	thing->length = length;
}

bool
thing_seen(const struct thing *thing)
{
	return (thing->store && world.clients != 0) ||
	    (thing->mapped && world.viewers != 0);
}

struct stretch {
	struct thing *thing;
	uint64_t offset, length;
};

static int
sync_object(void *arg)
{
	const struct stretch *s = arg;

	return vm_object_sync(s->thing->object, s->offset, s->length);
}

int
thing_sync(struct thing *thing, uint64_t offset, uint64_t length)
{
	struct stretch stretch = { thing, offset, length };

	return thing_sync_by(thing, offset, length, sync_object, &stretch);
}

int
thing_sync_by(struct thing *thing, uint64_t offset, uint64_t length,
    int (*sync)(void *arg), void *arg)
{
	uint64_t numbers[THING_SECTORS], end = THING_SECTORS;
	uint64_t first = offset / PAGE * (PAGE / SECTOR);
	uint32_t replaced[THING_PAGES];
	int error;

	if (length < THING_BYTES && offset + length < THING_BYTES)
		end = (offset + length + PAGE - 1) / PAGE * (PAGE / SECTOR);
	for (uint64_t s = first; s < end && thing->file; s++)
		numbers[s] = own_version(thing, s);
	for (uint64_t at = 0; at < THING_PAGES; at++)
		replaced[at] = thing->replaced[at] - thing->replacing[at];
	error = sync(arg);
	if (error != 0) {
		world_allow(error);
		return error;
	}
	for (uint64_t s = first; s < end && thing->file &&
	    s * SECTOR < thing->length; s++) {
		if (replaced[s * SECTOR / PAGE] !=
		    thing->replaced[s * SECTOR / PAGE])
			continue;
		/* It may owe less by now: the page was freed. */
		numbers[s] = smaller(numbers[s], own_version(thing, s));
		check_sector(thing, s, thing->disk->durable + s * SECTOR,
		    numbers[s]);
		drop_versions(thing, s, numbers[s]);
	}
	return 0;
}

/* -- life -- */

static void
make_file(struct thing *thing)
{
	thing->disk = disk_new(thing->length, true);
	world_fill(thing->bytes, thing->length);
	memcpy(thing->disk->now, thing->bytes, thing->length);
	memcpy(thing->disk->durable, thing->bytes, thing->length);
	if (sim_one_in(4))
		thing->disk->direct = sim_one_in(2) ? DIRECT_NOT_OPENED :
		    DIRECT_REFUSED;
	if (machine.faulty && sim_one_in(6)) {
		thing->disk->bad_from = sim_below(thing->length);
		thing->disk->bad_end = thing->disk->bad_from +
		    sim_below(3 * PAGE);
	}
}

/* Pages of the devices of a run. */
static char device_memory[THINGS][THING_BYTES]
    __attribute__((aligned(PAGE)));

static void
make_device(struct thing *thing)
{
	thing->length = (thing->length + PAGE - 1) / PAGE * PAGE;
	world_fill(thing->bytes, thing->length);
	memcpy(device_memory[thing->number], thing->bytes, thing->length);
}

void
thing_make(struct thing *thing, unsigned number)
{
	memset(thing, 0, sizeof(*thing));
	thing->number = number;
	thing->fd = -1;
	thing->file = number == 0 || !sim_one_in(3);
	thing->store = sim_one_in(2);
	thing->read_only = thing->file && number != 0 && sim_one_in(8);
	thing->custom = thing->file && number != 0 && sim_one_in(3);
	thing->device = !thing->file && sim_one_in(4);
	if (thing->device)
		thing->store = false;
	thing->mapped = !thing->device && vm_page_bytes() == PAGE &&
	    sim_one_in(2);
	thing->length = 1 + sim_below(sim_one_in(2) ? THING_BYTES :
	    THING_BYTES / 6);
	if (thing->device)
		make_device(thing);
	if (thing->file)
		make_file(thing);
	for (uint64_t s = 0; s < THING_SECTORS; s++)
		reset_sector(thing, s);
}

void
thing_forget(struct thing *thing)
{
	for (uint64_t s = 0; s < THING_SECTORS; s++)
		drop_versions(thing, s, UINT64_MAX);
	if (thing->fd >= 0)
		machine_close(thing->fd);
	if (thing->disk != NULL)
		disk_put(thing->disk);
}

/* Nothing that these do is seen from outside, but that it takes longer. */
static void
add_filter(struct vm_object *object)
{
	static const char *text[] = {
		"delay:ns=20000", "delay:op=write,ns=3000,nth=3", "stats",
		"error:op=read,nth=9;retry:count=9",
		"error:nth=7,op=write;retry:count=9,ns=5000",
	};
	int error = vm_object_add_filter(object, text[sim_below(
	    VM_COUNT(text))]);

	if (error != 0)
		world_allow(error);
}

static int
make_object(struct thing *thing, unsigned flags, struct vm_object **object)
{
	if (thing->device)
		return vm_object_create_device(world.vm,
		    device_memory[thing->number], thing->length,
		    VM_OBJECT_WRITABLE, object);
	if (!thing->file)
		return vm_object_create_anon(world.vm, thing->length,
		    flags & VM_OBJECT_STORE, object);
	if (thing->custom)
		return own_open(thing, flags, object);
	if (thing->fd < 0)
		thing->fd = disk_open(thing->disk, O_RDWR);
	return vm_object_create_file(world.vm, thing->fd, 0, VM_LENGTH_ALL,
	    flags, object);
}

int
thing_open(struct thing *thing)
{
	unsigned flags = (thing->store ? VM_OBJECT_STORE : 0) |
	    (thing->read_only ? 0 : VM_OBJECT_WRITABLE);
	struct vm_object *object;
	int error = make_object(thing, flags, &object);

	if (error != 0) {
		world_allow(error);
		return error;
	}
	if (sim_one_in(2))
		SIM_CHECK(vm_object_advise(object, (enum vm_advice)
		    sim_below(3)) == 0);
	if (sim_one_in(6))
		add_filter(object);
	thing->object = object;
	return 0;
}

/* All of it is in the file, or nowhere any more. */
static void
check_closed(struct thing *thing)
{
	if (thing->device) {
		SIM_CHECK(memcmp(thing->bytes, device_memory[thing->number],
		    thing->length) == 0);
		return;
	}
	if (!thing->file) {
		memset(thing->unknown, 0, sizeof(thing->unknown));
		memset(thing->bytes, 0, sizeof(thing->bytes));
		return;
	}
	SIM_CHECK(thing->disk->bytes == thing->length);
	for (uint64_t i = 0; i < thing->length; i++)
		if (thing->unknown[i / PAGE])
			learn(thing, i / PAGE, thing->disk->now +
			    i / PAGE * PAGE);
		else if (thing->disk->now[i] != thing->bytes[i])
			sim_fail("thing %u was closed, and byte %llu (page "
			    "%llu) is not in the file", thing->number,
			    (unsigned long long)i,
			    (unsigned long long)i / PAGE);
}

int
thing_close(struct thing *thing)
{
	int error = vm_object_destroy(thing->object);

	if (error != 0) {
		world_allow(error);
		return error;
	}
	thing->object = NULL;
	if (thing->custom)
		own_closed(thing);
	check_closed(thing);
	disown(thing);
	return 0;
}

void
thing_restart(struct thing *thing)
{
	thing->fd = -1;
	thing->object = NULL;
	thing->users = thing->wires = thing->mappings = thing->moves = 0;
	memset(thing->zeroing, 0, sizeof(thing->zeroing));
	memset(thing->replacing, 0, sizeof(thing->replacing));
	memset(thing->unknown, 0, sizeof(thing->unknown));
	thing->closing = thing->changing = false;
	if (thing->device) {
		make_device(thing);
		return;
	}
	if (!thing->file) {
		memset(thing->bytes, 0, sizeof(thing->bytes));
		return;
	}
	for (uint64_t s = 0; s * SECTOR < thing->length; s++)
		check_sector(thing, s, thing->disk->now + s * SECTOR, 0);
	thing->length = thing->disk->bytes;
	memset(thing->bytes, 0, sizeof(thing->bytes));
	memcpy(thing->bytes, thing->disk->now, thing->length);
	for (uint64_t s = 0; s < THING_SECTORS; s++)
		reset_sector(thing, s);
}
