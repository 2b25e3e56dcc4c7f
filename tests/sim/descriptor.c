/* SPDX-License-Identifier: BSD-2-Clause */
/* descriptor.c - descriptors, events and polls; see machine.h. */
#include <errno.h>
#include <string.h>

#include "client.h"
#include "machine.h"
#include "sim.h"

/* 256 descriptors: four a file, two an object, a few a thread. */
#define DESCRIPTORS 256
/* 0, 1 and 2 are never given out: they are what a bug would close. */
#define FIRST 3
/* 64 polls and events, 32 descriptors in a poll: a few each are used. */
#define EVENTS 64
#define WATCHED 32

struct event {
	bool used, set;
};

struct poll {
	bool used;
	struct {
		int fd;
		void *token;
	} watched[WATCHED];
	unsigned count;
};

static struct {
	struct opened opened[DESCRIPTORS];
	struct event event[EVENTS];
	struct poll poll[EVENTS];
} table;

void
descriptors_reset(void)
{
	memset(&table, 0, sizeof(table));
}

void
descriptors_ring(void)
{
	sim_wake_all(&table);
}

int
descriptor_new(const struct opened *opened)
{
	int fd = FIRST;

	while (table.opened[fd].kind != KIND_NONE)
		if (++fd == DESCRIPTORS)
			sim_fail("more than %d descriptors", DESCRIPTORS);
	table.opened[fd] = *opened;
	machine.descriptors++;
	return fd;
}

struct opened *
descriptor_of(int fd)
{
	if (fd < FIRST || fd >= DESCRIPTORS ||
	    table.opened[fd].kind == KIND_NONE)
		sim_fail("descriptor %d is not open", fd);
	return &table.opened[fd];
}

/* Files and clients count their descriptors by themselves. */
int
machine_dup(int fd)
{
	struct opened *opened = descriptor_of(fd);

	sim_point();
	if (machine_fails(machine.faults.descriptor))
		return -EMFILE;
	if (opened->kind == KIND_DISK)
		return disk_open(opened->what, opened->flags);
	SIM_CHECK(opened->kind == KIND_CLIENT);
	return client_open(opened->what);
}

static void
unwatch(struct poll *p, int fd)
{
	unsigned i = 0;

	while (i < p->count && p->watched[i].fd != fd)
		i++;
	if (i < p->count)
		p->watched[i] = p->watched[--p->count];
}

void
machine_close(int fd)
{
	struct opened opened = *descriptor_of(fd);

	sim_point();
	for (unsigned i = 0; i < EVENTS; i++)
		unwatch(&table.poll[i], fd);
	table.opened[fd].kind = KIND_NONE;
	machine.descriptors--;
	if (opened.closed != NULL)
		opened.closed(opened.what);
}

/* -- events -- */

static bool
event_readable(void *what)
{
	return ((struct event *)what)->set;
}

static void
event_closed(void *what)
{
	((struct event *)what)->used = false;
}

int
machine_eventfd(void)
{
	struct opened opened = {
		.kind = KIND_EVENT, .readable = event_readable,
		.closed = event_closed,
	};
	struct event *event = table.event;

	sim_point();
	if (machine_fails(machine.faults.descriptor))
		return -EMFILE;
	while (event->used)
		event++;
	SIM_CHECK(event < table.event + EVENTS);
	*event = (struct event){ .used = true };
	opened.what = event;
	return descriptor_new(&opened);
}

static struct event *
event_of(int fd)
{
	struct opened *opened = descriptor_of(fd);

	SIM_CHECK(opened->kind == KIND_EVENT);
	return opened->what;
}

void
machine_event_set(int fd)
{
	sim_point();
	event_of(fd)->set = true;
	descriptors_ring();
}

void
machine_event_clear(int fd)
{
	sim_point();
	event_of(fd)->set = false;
}

/* -- polls -- */

static void
poll_closed(void *what)
{
	((struct poll *)what)->used = false;
}

int
machine_poll_create(void)
{
	struct opened opened = { .kind = KIND_POLL, .closed = poll_closed };
	struct poll *poll = table.poll;

	sim_point();
	if (machine_fails(machine.faults.descriptor))
		return -EMFILE;
	while (poll->used)
		poll++;
	SIM_CHECK(poll < table.poll + EVENTS);
	*poll = (struct poll){ .used = true };
	opened.what = poll;
	return descriptor_new(&opened);
}

static struct poll *
poll_of(int fd)
{
	struct opened *opened = descriptor_of(fd);

	SIM_CHECK(opened->kind == KIND_POLL);
	return opened->what;
}

int
machine_poll_add(int poll, int fd, void *token)
{
	struct poll *p = poll_of(poll);

	sim_point();
	SIM_CHECK(descriptor_of(fd)->readable != NULL);
	if (machine_fails(machine.faults.memory))
		return -ENOMEM;
	SIM_CHECK(p->count < WATCHED);
	p->watched[p->count].fd = fd;
	p->watched[p->count++].token = token;
	descriptors_ring();
	return 0;
}

void
machine_poll_remove(int poll, int fd)
{
	sim_point();
	unwatch(poll_of(poll), fd);
}

/* From a place of the list on that is drawn: no order is promised. */
static int
ready(const struct poll *p, void **tokens, int count)
{
	unsigned from = p->count == 0 ? 0 : (unsigned)sim_below(p->count);
	int n = 0;

	for (unsigned i = 0; i < p->count && n < count; i++) {
		unsigned at = (from + i) % p->count;
		const struct opened *opened = &table.opened[
		    p->watched[at].fd];

		if (opened->readable(opened->what))
			tokens[n++] = p->watched[at].token;
	}
	return n;
}

int
machine_poll_wait(int poll, void **tokens, int count, int timeout_ms)
{
	struct poll *p = poll_of(poll);
	uint64_t start = sim_now_ns(), waited = 0;
	uint64_t timeout_ns = timeout_ms < 0 ? SIM_FOREVER :
	    (uint64_t)timeout_ms * 1000000;
	int n;

	sim_point();
	while ((n = ready(p, tokens, count)) == 0 && waited < timeout_ns) {
		(void)sim_wait(&table, "an event", timeout_ns - waited);
		waited = sim_now_ns() - start;
		if (timeout_ns == SIM_FOREVER)
			waited = 0;
	}
	if (n == 0)
		sim_yield();
	return n;
}
