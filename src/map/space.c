/* SPDX-License-Identifier: BSD-2-Clause */
/* map/space.c - space.h has the theory; events are in events.c. */
#include "map/space.h"

#include <errno.h>
#include <string.h>

#include "base/assert.h"
#include "base/error.h"
#include "map/space_private.h"
#include "os/os.h"

/* 8 entries at first: most programs map a handful of files. */
#define FIRST_CAPACITY 8

static struct vm_space *
space_of(struct vm_pmap *pmap)
{
	return VM_CONTAINER(pmap, struct vm_space, pmap);
}

static void
release(struct vm_pmap *pmap)
{
	struct vm_space *space = space_of(pmap);
	const struct vm_os *os = space->vm->os;
	struct vm_space *child;

	vm_assert(space->count == 0);
	/* Born while the last of us were reading its events. */
	while ((child = vm_space_take_child(space)) != NULL)
		vm_space_end(child);
	os->close(pmap->uffd);
	vm_lock_fini(&pmap->events);
	vm_lock_fini(&space->lock);
	os->free(space->entries);
	os->free(space);
}

static void
drain(struct vm_pmap *pmap)
{
	struct vm_space *space = space_of(pmap);

	vm_space_drain(space);
	vm_space_kick(space);
}

void
vm_space_kick(struct vm_space *space)
{
	/* Acquire: pairs with who sets it, after the handler. */
	void (*kick)(struct vm_space *) = atomic_load_explicit(&space->kick,
	    memory_order_acquire);

	if (kick != NULL)
		kick(space);
}

int
vm_space_new(struct vm *vm, int uffd, bool own, struct vm_space **out)
{
	struct vm_space *space = vm->os->alloc(sizeof(*space));
	int fd;

	if (space == NULL)
		return vm_error(ENOMEM, "space: no memory");
	fd = own ? uffd : vm->os->dup(uffd);
	if (fd < 0) {
		vm->os->free(space);
		return vm_error(-fd, "space: %s", vm_errno_text(-fd));
	}
	vm_pmap_init(&space->pmap, vm->pmap, fd);
	space->pmap.drain = drain;
	space->pmap.release = release;
	space->vm = vm;
	vm_lock_init(&space->lock, VM_RANK_MAP, "space");
	vm_list_init(&space->children);
	atomic_fetch_add(&vm->space_count, 1);
	*out = space;
	return 0;
}

void
vm_space_end(struct vm_space *space)
{
	struct vm *vm = space->vm;

	vm_space_cut(space, 0, UINT64_MAX);
	atomic_fetch_sub(&vm->space_count, 1);
	vm_pmap_put(&space->pmap);
}

static uint64_t
entry_length(const struct vm_entry *entry)
{
	return entry->mapping.pages * entry->object->vm->page_bytes;
}

static uint64_t
entry_end(const struct vm_entry *entry)
{
	return entry->mapping.address + entry_length(entry);
}

/* The index of the first entry that ends behind address. */
static unsigned
find(const struct vm_space *space, uint64_t address)
{
	unsigned low = 0, high = space->count;

	vm_lock_assert_held(&space->lock);
	while (low < high) {
		unsigned middle = low + (high - low) / 2;

		if (entry_end(space->entries[middle]) <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Room for one more entry in the array. */
static int
grow(struct vm_space *space)
{
	const struct vm_os *os = space->vm->os;
	unsigned capacity = space->capacity == 0 ? FIRST_CAPACITY :
	    2 * space->capacity;
	struct vm_entry **entries;

	if (space->count < space->capacity)
		return 0;
	entries = os->alloc(capacity * sizeof(struct vm_entry *));
	if (entries == NULL)
		return vm_error(ENOMEM, "space: no memory for %u ranges",
		    capacity);
	if (space->count != 0)
		memcpy(entries, space->entries,
		    space->count * sizeof(struct vm_entry *));
	os->free(space->entries);
	space->entries = entries;
	space->capacity = capacity;
	return 0;
}

static void
insert(struct vm_space *space, unsigned at, struct vm_entry *entry)
{
	vm_assert(space->count < space->capacity && at <= space->count);
	memmove(&space->entries[at + 1], &space->entries[at],
	    (space->count - at) * sizeof(struct vm_entry *));
	space->entries[at] = entry;
	space->count++;
}

static void
delete(struct vm_space *space, unsigned at)
{
	struct vm_entry *entry = space->entries[at];

	space->count--;
	memmove(&space->entries[at], &space->entries[at + 1],
	    (space->count - at) * sizeof(struct vm_entry *));
	vm_store_remove(&entry->object->store, &entry->mapping);
	space->vm->os->free(entry);
}

/* A new entry like the model at a place of the array. */
static int
insert_new(struct vm_space *space, unsigned at, const struct vm_entry *model)
{
	struct vm_entry *entry;
	int error = grow(space);

	if (error != 0)
		return error;
	entry = space->vm->os->alloc(sizeof(*entry));
	if (entry == NULL)
		return vm_error(ENOMEM, "space: no memory for a range");
	entry->object = model->object;
	entry->kind = model->kind;
	entry->mapping.pmap = &space->pmap;
	entry->mapping.address = model->mapping.address;
	entry->mapping.pindex = model->mapping.pindex;
	entry->mapping.pages = model->mapping.pages;
	entry->mapping.tracked = model->kind == VM_ENTRY_TRACKED;
	vm_store_add(&entry->object->store, &entry->mapping);
	insert(space, at, entry);
	return 0;
}

int
vm_space_add(struct vm_space *space, const struct vm_entry *model)
{
	uint64_t address = model->mapping.address;
	uint64_t end = address + model->mapping.pages *
	    space->vm->page_bytes;
	unsigned at;
	int error;

	vm_space_drain(space);	/* what was unmapped there is gone by now */
	vm_lock(&space->lock);
	at = find(space, address);
	if (at < space->count &&
	    space->entries[at]->mapping.address < end)
		error = vm_error(EEXIST, "space: 0x%llx..0x%llx overlaps an "
		    "entered range", (unsigned long long)address,
		    (unsigned long long)end);
	else
		error = insert_new(space, at, model);
	vm_unlock(&space->lock);
	return error;
}

/* Without the links, which are the store's. */
static void
copy_entry(struct vm_entry *out, const struct vm_entry *entry)
{
	*out = (struct vm_entry){
		.object = entry->object,
		.kind = entry->kind,
		.mapping = {
			.pmap = entry->mapping.pmap,
			.address = entry->mapping.address,
			.pindex = entry->mapping.pindex,
			.pages = entry->mapping.pages,
			.tracked = entry->mapping.tracked,
		},
	};
}

/*
 * Makes address a boundary between entries.  When there is no memory for a
 * second entry the range stays whole: a range that is watched for too long is
 * harmless, one that is not watched loses writes.  False then.
 */
static bool
split(struct vm_space *space, uint64_t address)
{
	unsigned at = find(space, address);
	struct vm_entry *entry, rest;
	uint64_t head;

	if (at == space->count ||
	    space->entries[at]->mapping.address >= address)
		return true;
	entry = space->entries[at];
	head = (address - entry->mapping.address) / space->vm->page_bytes;
	copy_entry(&rest, entry);
	rest.mapping.address = address;
	rest.mapping.pindex += head;
	rest.mapping.pages -= head;
	/* The tail comes before the head is cut: no page is unwatched. */
	if (insert_new(space, at + 1, &rest) != 0)
		return false;
	vm_store_change(&entry->object->store, &entry->mapping,
	    entry->mapping.address, entry->mapping.pindex, head);
	return true;
}

/* [*from, *to): the entries within the range, cut at its ends. */
static void
isolate(struct vm_space *space, uint64_t address, uint64_t end,
    unsigned *from, unsigned *to)
{
	split(space, address);
	split(space, end);
	*from = find(space, address);
	/* A split that failed leaves a range that begins before. */
	if (*from < space->count &&
	    space->entries[*from]->mapping.address < address)
		++*from;
	*to = *from;
	while (*to < space->count && entry_end(space->entries[*to]) <= end)
		++*to;
}

void
vm_space_cut(struct vm_space *space, uint64_t address, uint64_t length)
{
	uint64_t end = length > UINT64_MAX - address ? UINT64_MAX :
	    address + length;
	unsigned from, to;

	vm_lock(&space->lock);
	isolate(space, address, end, &from, &to);
	while (to > from)
		delete(space, --to);
	vm_unlock(&space->lock);
}

int
vm_space_make_tracked(struct vm_space *space, uint64_t address,
    uint64_t length)
{
	unsigned from, to;

	vm_space_drain(space);
	vm_lock(&space->lock);
	isolate(space, address, address + length, &from, &to);
	for (unsigned at = from; at < to; at++) {
		struct vm_entry *entry = space->entries[at];

		if (entry->kind != VM_ENTRY_READ)
			continue;
		entry->kind = VM_ENTRY_TRACKED;
		vm_store_track(&entry->object->store, &entry->mapping);
	}
	vm_unlock(&space->lock);
	if (from == to)
		return vm_error(EINVAL, "space: no range at 0x%llx",
		    (unsigned long long)address);
	return 0;
}

/*
 * Everything a leaf of the index covers is protected, resident or busy or
 * not: a fill that did not see this mapping holds its slot now, so there is a
 * leaf; protecting too much costs a fault, too little a write.
 */
static void
protect_entry(const struct vm_entry *entry)
{
	vm_pindex_t at = entry->mapping.pindex;
	vm_pindex_t end = at + entry->mapping.pages;
	struct vm_slot *slot;

	while (vm_index_next(&entry->object->index, false, &at, end, &slot)) {
		vm_pindex_t first = at;

		/* One call for a run of neighbours in use. */
		do
			at++;
		while (at < end && vm_index_covers(&entry->object->index,
		    at));
		vm_store_protect(&entry->object->store, first, at - first);
	}
}

void
vm_space_protect_range(struct vm_space *space, uint64_t address,
    uint64_t length)
{
	struct vm_entry entry;
	uint64_t end = address + length;

	/* A slot that is found idle below is taken after this, by somebody who
	 * sees the mapping (the fence in vm_object_barred). */
	atomic_thread_fence(memory_order_seq_cst);
	while (address < end && vm_space_look_from(space, address, &entry)) {
		if (entry.mapping.address >= end) {
			vm_object_unpin(entry.object);
			break;
		}
		if (entry.kind == VM_ENTRY_TRACKED)
			protect_entry(&entry);
		address = entry_end(&entry);
		vm_object_unpin(entry.object);
	}
}

/*
 * Every page that could be written without a trap: dirty ones are protected,
 * too.  Who was past the flag has lifted his page before we protect.
 */
void
vm_space_stop_writes(struct vm_space *space)
{
	struct vm_entry entry;
	uint64_t address = 0;

	vm_space_drain(space);
	vm_space_kick(space);
	atomic_store(&space->frozen, true);
	while (atomic_load(&space->lifting))
		space->vm->os->yield();
	while (vm_space_look_from(space, address, &entry)) {
		if (entry.kind == VM_ENTRY_TRACKED && entry.object->anonymous)
			protect_entry(&entry);
		address = entry_end(&entry);
		vm_object_unpin(entry.object);
	}
}

/* Who waits is parked: the bell makes the fault thread look again. */
void
vm_space_allow_writes(struct vm_space *space)
{
	atomic_store(&space->frozen, false);
	vm_space_kick(space);
}

bool
vm_space_look_from(struct vm_space *space, uint64_t address,
    struct vm_entry *out)
{
	unsigned at;
	bool found;

	vm_lock(&space->lock);
	at = find(space, address);
	found = at < space->count;
	if (found) {
		copy_entry(out, space->entries[at]);
		vm_object_pin(out->object);
	}
	vm_unlock(&space->lock);
	return found;
}

bool
vm_space_look(struct vm_space *space, uint64_t address, struct vm_entry *out)
{
	if (!vm_space_look_from(space, address, out))
		return false;
	if (out->mapping.address <= address)
		return true;
	vm_object_unpin(out->object);
	return false;
}

/* Bytes [from, from + length) are now at to. */
void
vm_space_shift(struct vm_space *space, uint64_t from, uint64_t to,
    uint64_t length)
{
	unsigned first, last;

	vm_space_cut(space, to, length);
	vm_lock(&space->lock);
	isolate(space, from, from + length, &first, &last);
	while (last > first) {
		struct vm_entry *entry = space->entries[--last];

		space->count--;
		memmove(&space->entries[last], &space->entries[last + 1],
		    (space->count - last) * sizeof(struct vm_entry *));
		vm_store_change(&entry->object->store, &entry->mapping,
		    entry->mapping.address - from + to,
		    entry->mapping.pindex, entry->mapping.pages);
		insert(space, find(space, entry->mapping.address), entry);
		/* Moving up puts it behind those still to move. */
		if (to < from)
			first++, last++;
	}
	vm_unlock(&space->lock);
}

int
vm_space_copy_entries(struct vm_space *from, struct vm_space *to)
{
	int error = 0;

	vm_lock(&from->lock);
	for (unsigned at = 0; at < from->count && error == 0; at++) {
		/* The child is not known to anybody: its lock is ours. */
		error = insert_new(to, at, from->entries[at]);
	}
	vm_unlock(&from->lock);
	return error;
}
