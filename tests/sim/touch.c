/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * touch.c - clients: tasks that touch memory the library serves.
 *
 * Each has an address space of its own, shows some things of store home in it,
 * reads and writes words there, forks, and moves its areas.  A child does the
 * same for a while.  The parent ends its children's spaces with its own.
 */
#include <errno.h>
#include <string.h>

#include "client.h"
#include "map/space.h"
#include "sim.h"
#include "world.h"

/* 8 bytes a touch, at a multiple of 8: they lie in one sector. */
#define WORD 8
/* 3 children of a client, each a task. */
#define CHILDREN 3
/* 3 clients with their children. */
#define USERS 12

struct shown {
	struct thing *thing;
	uint64_t address;
	uint64_t pages;
	bool tracked;
};

struct user {
	struct client *client;
	struct shown shown[CLIENT_AREAS];
	unsigned count;
	struct sim_task *task;
	struct user *child[CHILDREN];
	unsigned children;
	bool is_child;
};

/* What a touch is about, for its one instant. */
struct instant {
	struct thing *thing;
	uint64_t offset;
	bool done;		/* it was looked at, or written */
};

static bool
in_change(const struct thing *thing, uint64_t offset)
{
	return offset + WORD > thing->change_from &&
	    offset < thing->change_end;
}

static void
read_word(void *arg, char *at)
{
	struct instant *instant = arg;
	struct thing *thing = instant->thing;

	if (instant->offset + WORD > thing->length ||
	    in_change(thing, instant->offset))
		return;
	if (memcmp(at, thing->bytes + instant->offset, WORD) != 0)
		sim_fail("thing %u: a client sees other bytes at %llu (page "
		    "%llu)", thing->number,
		    (unsigned long long)instant->offset,
		    (unsigned long long)instant->offset / PAGE);
}

static void
write_word(void *arg, char *at)
{
	struct instant *instant = arg;
	struct thing *thing = instant->thing;

	if (instant->offset + WORD > thing->length ||
	    in_change(thing, instant->offset))
		return;
	world_fill(at, WORD);
	memcpy(thing->bytes + instant->offset, at, WORD);
	thing_wrote(thing, instant->offset, WORD, false);
}

/* SIGBUS: behind the end, or where the disk has a fault. */
static void
check_bus(const struct instant *instant, unsigned cuts)
{
	const struct thing *thing = instant->thing;

	if (machine.injected != 0 || world.may_starve || thing->cuts != cuts ||
	    thing->changing || instant->offset / PAGE >= thing_pages(thing))
		return;
	sim_fail("thing %u: a client gets SIGBUS at %llu, where nothing went "
	    "wrong", thing->number, (unsigned long long)instant->offset);
}

static void
touch_word(struct user *user)
{
	struct shown *shown = &user->shown[sim_below(user->count)];
	struct thing *thing = shown->thing;
	uint64_t at = sim_below(shown->pages * PAGE / WORD) * WORD;
	struct instant instant = { .thing = thing, .offset = at };
	bool write = shown->tracked && sim_one_in(2);
	struct touch touch = {
		.address = shown->address + at, .write = write,
		.access = write ? write_word : read_word, .arg = &instant,
	};
	unsigned cuts = thing->cuts;

	if (thing_pages(thing) != 0 && !sim_one_in(16))
		touch.address = shown->address + (instant.offset =
		    at % (thing_pages(thing) * PAGE));
	switch (client_touch(user->client, &touch)) {
	case TOUCHED:
		return;
	case TOUCH_BUS:
		check_bus(&instant, cuts);
		return;
	case TOUCH_SEGV:
		sim_fail("a client's area is gone");
	}
}

/* -- areas -- */

/* The whole thing, up to what it may have some day. */
static void
show(struct user *user, struct thing *thing)
{
	struct shown *shown = &user->shown[user->count];
	int error, fd = vm_object_store_fd(thing->object, 1);

	if (fd < 0) {
		world_allow(fd);
		return;
	}
	shown->thing = thing;
	shown->pages = THING_PAGES;
	shown->tracked = !thing->read_only && !sim_one_in(4);
	shown->address = client_map(user->client, fd, 0, shown->pages,
	    shown->tracked);
	machine_close(fd);
	error = vm_space_enter(user->client->space, shown->address,
	    shown->pages * PAGE, thing->object, 0,
	    shown->tracked ? VM_RANGE_TRACKED : VM_RANGE_READ);
	if (error != 0) {
		world_allow(error);
		client_unmap(user->client, shown->address);
		return;
	}
	SIM_CHECK(vm_space_protect(user->client->space, shown->address,
	    shown->pages * PAGE) == 0);
	thing->mappings++;
	user->count++;
}

static void
show_some(struct user *user)
{
	for (unsigned i = 0; i < world.things; i++) {
		struct thing *thing = &world.thing[i];

		if (!thing->store || !thing_use(thing))
			continue;
		if (sim_one_in(2))
			show(user, thing);
		thing_release(thing);
	}
}

static void
move(struct user *user)
{
	struct shown *shown = &user->shown[sim_below(user->count)];

	shown->address = client_move(user->client, shown->address);
}

static void
hide(struct user *user)
{
	struct shown *shown = &user->shown[sim_below(user->count)];
	struct thing *thing = shown->thing;

	client_unmap(user->client, shown->address);
	SIM_CHECK(vm_space_leave(user->client->space, shown->address,
	    shown->pages * PAGE) == 0);
	thing->mappings--;
	*shown = user->shown[--user->count];
}

/* -- life -- */

static void live(void *arg);

/* Clients of a run, and their children. */
static struct user users[USERS];
static unsigned users_count;

void
touch_reset(void)
{
	users_count = 0;
}

static struct user *
new_user(void)
{
	SIM_CHECK(users_count < USERS);
	memset(&users[users_count], 0, sizeof(users[0]));
	return &users[users_count++];
}

static void
fork_child(struct user *user)
{
	struct user *child;

	/* Without memory the server does not serve the child: it stops. */
	if (user->children == CHILDREN || user->is_child ||
	    (machine.faulty && machine.faults.memory != 0))
		return;
	child = new_user();
	child->client = client_fork(user->client);
	child->is_child = true;
	child->count = user->count;
	memcpy(child->shown, user->shown, sizeof(child->shown));
	for (unsigned i = 0; i < child->count; i++)
		child->shown[i].thing->mappings++;
	user->child[user->children++] = child;
	child->task = sim_spawn("child", live, child);
}

static void
step(struct user *user)
{
	unsigned what = (unsigned)sim_below(64);

	if (what == 0)
		fork_child(user);
	else if (what == 1)
		move(user);
	else if (what == 2 && !user->is_child)
		hide(user);
	else
		touch_word(user);
}

static void
live(void *arg)
{
	struct user *user = arg;

	while (user->count != 0 && world_next())
		for (unsigned i = 0; i < 4 && user->count != 0; i++)
			step(user);
}

/* Its memory first, as when a process ends; then its space. */
static void
end(struct user *user)
{
	client_exit(user->client);
	/* The fault thread hands a child's space over in its own time. */
	while (user->client->space == NULL)
		sim_pause(1000);
	vm_space_destroy(user->client->space);
	for (unsigned i = 0; i < user->count; i++)
		user->shown[i].thing->mappings--;
}

static void
forked(void *arg, struct vm_space *parent, struct vm_space *child)
{
	(void)arg;
	(void)parent;
	client_of(child->pmap.uffd)->space = child;
}

static bool
attach(struct user *user)
{
	struct vm_space_options options = {
		.size_bytes = sizeof(options), .forked = forked,
	};
	int fd, error;

	user->client = client_new(&fd);
	error = vm_space_create(world.vm, fd, &options,
	    &user->client->space);
	machine_close(fd);
	if (error == 0)
		return true;
	world_allow(error);
	client_exit(user->client);
	return false;
}

void
touch(void *arg)
{
	struct user *user = new_user();

	(void)arg;
	if (!attach(user))
		return;
	show_some(user);
	live(user);
	for (unsigned i = 0; i < user->children; i++) {
		sim_join(user->child[i]->task);
		end(user->child[i]);
	}
	end(user);
}
