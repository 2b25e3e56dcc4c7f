/* SPDX-License-Identifier: BSD-2-Clause */
/* preload/inherit.c - inherit.h has the theory. */
#include "inherit.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include <resident/space.h>

#include "anon.h"
#include "maps.h"
#include "memory.h"
#include "rpc.h"
#include "shim.h"
#include "syscalls.h"
#include "uffd.h"

/* 64 pieces of 64 bytes: the first list is one page. */
#define CAPACITY_FIRST 64u

/* Part of a range with one protection. */
struct piece {
	struct vm_shim_range part;
	int prot;
	bool shared;		/* how the store is mapped */
	uint32_t clone;		/* anonymous: the child's number for it */
	bool cloned;		/* by this piece: the first of its file */
};

static struct {
	struct piece *piece;	/* by address (S) */
	size_t count;		/* (S) */
	size_t capacity;	/* (S) */
	uint64_t seen;		/* lines up to here were looked at (S) */
} will;

static int
reserve(void)
{
	size_t capacity = will.capacity == 0 ? CAPACITY_FIRST :
	    2 * will.capacity, count = will.count;
	struct piece *more;

	if (count < will.capacity)
		return 0;
	more = vm_own_new(capacity * sizeof(*more));
	if (more == NULL)
		return -ENOMEM;
	if (count > 0)
		memcpy(more, will.piece, count * sizeof(*more));
	if (will.capacity > 0)
		vm_own_free(will.piece, will.capacity * sizeof(*more));
	will.piece = more;
	will.capacity = capacity;
	return 0;
}

static int
note(const struct vm_shim_range *part, const struct vm_maps_line *line)
{
	int err = reserve();

	if (err < 0)
		return err;
	will.piece[will.count++] = (struct piece){
		.part = *part,
		.prot = (line->read ? PROT_READ : 0) |
		    (line->write ? PROT_WRITE : 0) |
		    (line->execute ? PROT_EXEC : 0),
		.shared = line->shared,
	};
	return 0;
}

/* Another thread may change protections meanwhile, which can make a line begin
 * before the last one's end.  What was put there without our knowledge is no
 * file, or another part of it. */
static int
look_at(void *arg, const struct vm_maps_line *line)
{
	uint64_t at = line->start > will.seen ? line->start : will.seen;
	struct vm_shim_range *entry, part;
	int err = 0;

	(void)arg;
	if (line->end > will.seen)
		will.seen = line->end;
	for (; err == 0 && line->inode != 0 && (entry = vm_ranges_first(
	    &vm_shim.ranges, at, line->end)) != NULL; at = part.end) {
		part = vm_range_cut(entry, at, line->end);
		if (line->offset + (part.start - line->start) == part.offset)
			err = note(&part, line);
	}
	return err;
}

static bool
is_anon(const struct piece *p)
{
	return (p->part.bits & VM_RANGE_ANON) != 0;
}

static int
clone_one(struct piece *p)
{
	struct vm_call call;
	int err;

	vm_call_init(&call, VM_REQ_CLONE);
	call.request.file = p->part.file;
	err = vm_rpc_call(&call);
	p->clone = call.reply.file;
	p->cloned = err == 0;
	vm_call_done(&call);
	return err;
}

/* Pieces of one mapping are pieces of one copy. */
static int
clone_each(void)
{
	struct piece *p = will.piece;
	size_t first;
	int err = 0;

	for (size_t i = 0; i < will.count && err == 0; i++) {
		if (!is_anon(&p[i]))
			continue;
		for (first = 0; p[first].part.file != p[i].part.file; )
			first++;
		if (first == i)
			err = clone_one(&p[i]);
		else
			p[i].clone = p[first].clone;
	}
	return err;
}

static int
freeze(bool on)
{
	struct vm_call call;
	int err;

	vm_call_init(&call, VM_REQ_FREEZE);
	call.request.token = on ? 1 : 0;
	err = vm_rpc_call(&call);
	vm_call_done(&call);
	return err;
}

/* As it is at one moment, whatever other threads do. */
static int
clone_all(void)
{
	int err;

	if (!vm_anon_any(0, UINT64_MAX))
		return 0;
	err = freeze(true);
	if (err == 0)
		err = clone_each();
	(void)freeze(false);
	return err;
}

void
vm_inherit_abandon(void)
{
	struct vm_shim_range copy;

	for (size_t i = 0; i < will.count; i++) {
		if (!will.piece[i].cloned)
			continue;
		copy = will.piece[i].part;
		copy.file = will.piece[i].clone;
		/* All of it, however long. */
		copy.offset = copy.start = 0;
		copy.end = (uint64_t)INT64_MAX & ~(vm_shim.page_size - 1);
		(void)vm_anon_discard(&copy, VM_DISCARD_LEFT);
	}
}

int
vm_inherit_prepare(void)
{
	int err;

	vm_inherit_drop();
	err = vm_maps_each(look_at, NULL);
	if (err == 0)
		err = clone_all();
	if (err < 0) {
		vm_inherit_abandon();
		vm_inherit_drop();
	}
	return err;
}

void
vm_inherit_drop(void)
{
	if (will.capacity > 0)
		vm_own_free(will.piece,
		    will.capacity * sizeof(*will.piece));
	will.piece = NULL;
	will.count = will.capacity = 0;
	will.seen = 0;
}

/* The place is free: the kernel has left it out, and nothing was mapped
 * since. */
static int
map_store(const struct piece *p, int store)
{
	uint64_t start = p->part.start;
	long at = VM_SYS(SYS_mmap, start, p->part.end - start, PROT_NONE,
	    (p->shared ? MAP_SHARED : MAP_PRIVATE) | MAP_FIXED_NOREPLACE |
	    MAP_NORESERVE, store, p->part.offset);

	if (vm_sys_failed(at))
		return (int)at;
	return (uint64_t)at == start ? 0 : -EEXIST;
}

static int
take(const struct piece *p, int store)
{
	uint64_t start = p->part.start, length = p->part.end - start;
	bool tracked = p->part.kind == VM_RANGE_TRACKED;
	int err = map_store(p, store);

	if (err == 0)
		err = vm_rpc_enter(&p->part, p->part.kind, 0);
	if (err == 0)
		err = vm_uffd_register(start, length, tracked);
	if (err == 0 && tracked)
		err = vm_rpc_range(VM_REQ_MAPPED, start, length);
	if (err == 0 && p->prot != PROT_NONE)
		err = (int)VM_SYS(SYS_mprotect, start, length, p->prot);
	return err;
}

static int
ask_store(uint32_t file, struct vm_call *call)
{
	int err;

	vm_call_init(call, VM_REQ_STORE);
	call->request.file = file;
	err = vm_rpc_call(call);
	return err == 0 && call->count_got < 2 ? -EPROTO : err;
}

/* The child's range is of the copy; the entry may have several pieces. */
static void
adopt_clone(struct piece *p)
{
	struct vm_shim_range *entry = vm_ranges_first(&vm_shim.ranges,
	    p->part.start, p->part.end);

	entry->file = p->part.file = p->clone;
}

int
vm_inherit_take(void)
{
	struct piece *p = will.piece;
	struct vm_call store;
	int err = 0;

	for (size_t i = 0; i < will.count; i++)
		if (is_anon(&p[i]))
			adopt_clone(&p[i]);

	vm_call_init(&store, VM_REQ_STORE);
	for (size_t i = 0; i < will.count && err == 0; i++) {
		if (i == 0 || p[i].part.file != p[i - 1].part.file) {
			vm_call_done(&store);
			err = ask_store(p[i].part.file, &store);
		}
		if (err == 0)
			err = take(&p[i], store.got[0]);
	}
	vm_call_done(&store);
	vm_inherit_drop();
	return err;
}
