/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * map_fixture.h - a space of a client that is not there, and an object to
 * show in it.  Nobody serves the space: what waits is drained by the test.
 */
#ifndef MAP_FIXTURE_H
#define MAP_FIXTURE_H

#include "api/system.h"
#include "check.h"
#include "clients.h"
#include "faulty.h"
#include "map/space.h"

#include <resident/resident.h>

enum { PAGE = 4096, PAGES = 64 };

static struct vm *vm;
static struct vm_object *object;
static struct vm_space *space;
static struct fake_client *client;

static inline void
set_up(void)
{
	struct vm_options o = VM_OPTIONS_INIT;

	faulty_reset();
	o.resident_max_bytes = 64 * PAGE;
	CHECK_INT(vm_create_on(&o, &faulty_os, &fake_pmap, &vm), 0);
	CHECK_INT(vm_object_create_anon(vm, PAGES * PAGE, VM_OBJECT_STORE,
	    &object), 0);
	client = fake_client_new();
	CHECK_INT(vm_space_new(vm, client->fd, false, &space), 0);
}

static inline void
tear_down(void)
{
	if (space != NULL)
		vm_space_end(space);
	CHECK_INT(object->store.count, 0);
	CHECK_INT(object->pins, 0);
	CHECK_INT(vm_object_destroy(object), 0);
	CHECK_INT(vm_destroy(vm), 0);
	fake_clients_reset();
	faulty_check_clean();
}

/* Pages [pindex, pindex + pages) at page `at` of the client. */
static inline int
add(uint64_t at, vm_pindex_t pindex, uint64_t pages, enum vm_entry_kind kind)
{
	struct vm_entry model = { .object = object, .kind = kind };

	model.mapping.address = at * PAGE;
	model.mapping.pindex = pindex;
	model.mapping.pages = pages;
	return vm_space_add(space, &model);
}

/* The page of the object that shows at page `at`, or -1. */
static inline int
shows(struct vm_space *s, uint64_t at)
{
	struct vm_entry entry;
	int pindex;

	if (!vm_space_look(s, at * PAGE, &entry))
		return -1;
	CHECK(entry.object == object);
	pindex = (int)(entry.mapping.pindex + at -
	    entry.mapping.address / PAGE);
	vm_object_unpin(entry.object);
	return pindex;
}

static inline void
send(enum vm_pmap_event_kind kind, uint64_t from, uint64_t to, uint64_t pages)
{
	fake_event(client, (struct vm_pmap_event){ .kind = kind, .fd = -1,
		.address = from * PAGE, .to = to * PAGE,
		.length = pages * PAGE });
}

#endif
