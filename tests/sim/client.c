/* SPDX-License-Identifier: BSD-2-Clause */
/* client.c - client.h has the theory. */
#include "client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"
#include "sim.h"
#include "window.h"

/* Places for areas: 1 GiB apart, from 4 GiB on. */
#define PLACES 64
#define PLACE_BYTES ((uint64_t)1 << 30)
#define FIRST_PLACE ((uint64_t)4 << 30)

/* In the stack of the task that faults. */
struct fault {
	struct vm_node link;
	uint64_t address;	/* of the page */
	bool write, protect, woken, bus;
	int thread;
};

/* In the stack of the task that changes its areas. */
struct change {
	struct vm_node link;
	struct vm_pmap_event event;
	bool read;
};

static struct vm_list clients;	/* set up by the first */

/* -- life -- */

static void
forget_area(struct area *area)
{
	disk_put(area->memory);
	area->address = 0;
}

static void
client_put(struct client *client)
{
	SIM_CHECK(client->uses != 0);
	if (--client->uses != 0)
		return;
	vm_node_remove(&client->link);
	free(client);
}

static void
closed(void *what)
{
	client_put(what);
}

static bool
readable(void *what)
{
	struct client *client = what;

	return !vm_list_empty(&client->unread) ||
	    !vm_list_empty(&client->events);
}

int
client_open(struct client *client)
{
	struct opened opened = {
		.kind = KIND_CLIENT, .what = client, .readable = readable,
		.closed = closed,
	};

	client->uses++;
	return descriptor_new(&opened);
}

struct client *
client_new(int *fd)
{
	struct client *client = calloc(1, sizeof(*client));

	SIM_CHECK(client != NULL);
	client->uses = 1;
	vm_list_init(&client->unread);
	vm_list_init(&client->asleep);
	vm_list_init(&client->events);
	if (clients.head.next == NULL)
		vm_list_init(&clients);
	vm_list_add_tail(&clients, &client->link);
	*fd = client_open(client);
	return client;
}

void
client_exit(struct client *client)
{
	for (unsigned i = 0; i < CLIENT_AREAS; i++)
		if (client->area[i].address != 0)
			forget_area(&client->area[i]);
	client->gone = true;
	client_put(client);
}

/* Of a run that was cut: their memory files are forgotten elsewhere. */
void
clients_reset(void)
{
	struct vm_node *node;

	if (clients.head.next == NULL)
		return;
	while ((node = vm_list_first(&clients)) != NULL) {
		vm_node_remove(node);
		free(VM_ENTRY(node, struct client, link));
	}
}

struct client *
client_of(int fd)
{
	struct opened *opened = descriptor_of(fd);

	SIM_CHECK(opened->kind == KIND_CLIENT);
	return opened->what;
}

/* -- areas -- */

static struct area *
area_at(struct client *client, uint64_t address)
{
	for (unsigned i = 0; i < CLIENT_AREAS; i++) {
		struct area *area = &client->area[i];

		if (area->address != 0 && address >= area->address &&
		    address - area->address < area->pages * PAGE)
			return area;
	}
	return NULL;
}

static uint64_t
free_place(struct client *client)
{
	uint64_t address;

	do
		address = FIRST_PLACE + sim_below(PLACES) * PLACE_BYTES;
	while (area_at(client, address) != NULL);
	return address;
}

uint64_t
client_map(struct client *client, int memory_fd, uint64_t first,
    uint64_t pages, bool tracked)
{
	struct area *area = client->area;

	while (area->address != 0)
		area++;
	SIM_CHECK(area < client->area + CLIENT_AREAS);
	SIM_CHECK(pages <= CLIENT_PAGES);
	memset(area, 0, sizeof(*area));
	area->memory = disk_of(memory_fd);
	area->memory->uses++;
	area->first = first;
	area->pages = pages;
	area->tracked = tracked;
	area->address = free_place(client);
	return area->address;
}

/* -- touching -- */

/* True: there is nothing more to wait for; it may be SIGBUS. */
static bool
wait_for_server(struct client *client, const struct touch *touch, bool protect)
{
	struct fault fault = {
		.address = touch->address / PAGE * PAGE,
		.write = touch->write, .protect = protect,
		.thread = (int)sim_self()->id,
	};

	vm_list_add_tail(&client->unread, &fault.link);
	descriptors_ring();
	while (!fault.woken)
		(void)sim_wait(&fault, protect ? "the right to write" :
		    "a page", SIM_FOREVER);
	return !fault.bus;
}

/* What a touch meets now. */
enum meets { MEETS_MEMORY, MEETS_SEGV, MEETS_BUS, MEETS_HOLE, MEETS_MARK };

static enum meets
meets(struct client *client, const struct touch *touch, char **memory)
{
	struct area *area = area_at(client, touch->address);
	uint64_t page, at;

	if (area == NULL)
		return MEETS_SEGV;
	page = (touch->address - area->address) / PAGE;
	at = area->first + page;
	if ((area->mark[page] & MARK_POISONED) != 0 ||
	    at * PAGE >= area->memory->bytes)
		return MEETS_BUS;
	if (!area->memory->present[at])
		return MEETS_HOLE;
	if (touch->write && (area->mark[page] & MARK_PROTECTED) != 0)
		return MEETS_MARK;
	*memory = area->memory->now + at * PAGE + touch->address % PAGE;
	return MEETS_MEMORY;
}

enum touched
client_touch(struct client *client, const struct touch *touch)
{
	char *memory;

	for (;;) {
		sim_point();
		switch (meets(client, touch, &memory)) {
		case MEETS_MEMORY:
			touch->access(touch->arg, memory);
			return TOUCHED;
		case MEETS_SEGV:
			return TOUCH_SEGV;
		case MEETS_BUS:
			return TOUCH_BUS;
		case MEETS_HOLE:
			if (!wait_for_server(client, touch, false))
				return TOUCH_BUS;
			break;
		case MEETS_MARK:
			if (!wait_for_server(client, touch, true))
				return TOUCH_BUS;
			break;
		}
	}
}

/* -- changing areas -- */

static void
begin_change(struct client *client)
{
	client->changing++;
	sim_point();
}

static void
end_change(struct client *client, struct vm_pmap_event event)
{
	struct change change = { .event = event };

	sim_point();
	vm_list_add_tail(&client->events, &change.link);
	descriptors_ring();
	while (!change.read)
		(void)sim_wait(&change, "its event to be read",
		    SIM_FOREVER);
	sim_point();
	client->changing--;
}

struct client *
client_fork(struct client *client)
{
	struct client *child;
	int fd;

	begin_change(client);
	child = client_new(&fd);
	for (unsigned i = 0; i < CLIENT_AREAS; i++) {
		struct area *area = &child->area[i];

		*area = client->area[i];
		if (area->address != 0)
			area->memory->uses++;
		sim_point();
	}
	end_change(client, (struct vm_pmap_event){
		.kind = VM_PMAP_FORK, .fd = fd,
	});
	return child;
}

uint64_t
client_move(struct client *client, uint64_t address)
{
	struct area *area = area_at(client, address);
	uint64_t to = free_place(client);

	begin_change(client);
	area->address = to;
	end_change(client, (struct vm_pmap_event){
		.kind = VM_PMAP_REMAP, .address = address, .to = to,
		.length = area->pages * PAGE,
	});
	return to;
}

void
client_unmap(struct client *client, uint64_t address)
{
	struct area *area = area_at(client, address);
	uint64_t end = address + area->pages * PAGE;

	begin_change(client);
	forget_area(area);
	end_change(client, (struct vm_pmap_event){
		.kind = VM_PMAP_UNMAP, .address = address, .to = end,
	});
}

/* -- the table -- */

static void
wake_fault(struct fault *fault)
{
	vm_node_remove(&fault->link);
	fault->woken = true;
	sim_wake_all(fault);
}

static void
wake_in(struct vm_list *list, uint64_t address, uint64_t end)
{
	struct vm_node *node = vm_list_first(list);

	while (node != NULL) {
		struct fault *fault = VM_ENTRY(node, struct fault, link);

		node = vm_list_next(list, node);
		if (fault->address >= address && fault->address < end)
			wake_fault(fault);
	}
}

static void
wake_range(struct client *client, uint64_t address, uint64_t end)
{
	wake_in(&client->unread, address, end);
	wake_in(&client->asleep, address, end);
}

void
client_sigbus(int tid)
{
	struct vm_node *node = vm_list_first(&clients), *at;

	for (; node != NULL; node = vm_list_next(&clients, node)) {
		struct client *client = VM_ENTRY(node, struct client, link);

		at = vm_list_first(&client->asleep);
		for (; at != NULL; at = vm_list_next(&client->asleep, at))
			if (VM_ENTRY(at, struct fault, link)->thread == tid)
				VM_ENTRY(at, struct fault, link)->bus = true;
	}
}

static struct vm_pmap_event
take_fault(struct client *client)
{
	struct fault *fault = VM_ENTRY(vm_list_first(&client->unread),
	    struct fault, link);

	vm_node_remove(&fault->link);
	vm_list_add_tail(&client->asleep, &fault->link);
	return (struct vm_pmap_event){
		.kind = VM_PMAP_FAULT,
		.address = fault->address,
		.write = fault->write, .protect = fault->protect,
		.thread = fault->thread, .fd = -1,
	};
}

static struct vm_pmap_event
take_event(struct client *client)
{
	struct change *change = VM_ENTRY(vm_list_first(&client->events),
	    struct change, link);

	vm_node_remove(&change->link);
	change->read = true;
	sim_wake_all(change);
	return change->event;
}

static int
pmap_read(int uffd, struct vm_pmap_event *events, unsigned count)
{
	struct client *client = client_of(uffd);
	unsigned n = 0;

	sim_point();
	while (n < count && readable(client)) {
		events[n++] = !vm_list_empty(&client->unread) ?
		    take_fault(client) : take_event(client);
		if (sim_one_in(4))	/* less than there is, at times */
			sim_point();
	}
	return (int)n;
}

static int
pmap_protect(int uffd, uint64_t address, uint64_t length, bool on)
{
	struct client *client;

	if (descriptor_of(uffd)->kind == KIND_WINDOW)
		return window_protect(address, length, on);
	client = client_of(uffd);
	sim_point();
	SIM_CHECK(address % PAGE == 0 && length % PAGE == 0);
	if (client->gone)
		return -ESRCH;
	if (client->changing != 0)
		return -EAGAIN;
	for (uint64_t at = address; at < address + length; at += PAGE) {
		struct area *area = area_at(client, at);
		uint8_t *mark;

		if (area == NULL || !area->tracked)
			return -ENOENT;
		mark = &area->mark[(at - area->address) / PAGE];
		*mark = (uint8_t)(on ? *mark | MARK_PROTECTED :
		    *mark & ~MARK_PROTECTED);
	}
	if (!on)
		wake_range(client, address, address + length);
	return 0;
}

static int
pmap_wake(int uffd, uint64_t address, uint64_t length)
{
	sim_point();
	/* Nobody waits for a window: who touches it resolves it. */
	if (descriptor_of(uffd)->kind != KIND_WINDOW)
		wake_range(client_of(uffd), address, address + length);
	return 0;
}

static int
pmap_poison(int uffd, uint64_t address, uint64_t length)
{
	struct client *client = client_of(uffd);
	struct area *area;

	sim_point();
	if (client->gone)
		return -ESRCH;
	if (client->changing != 0)
		return -EAGAIN;
	area = area_at(client, address);
	if (area == NULL)
		return -ENOENT;
	SIM_CHECK(length == PAGE);
	area->mark[(address - area->address) / PAGE] |= MARK_POISONED;
	return 0;
}

static bool
pmap_alive(int uffd)
{
	sim_point();
	return descriptor_of(uffd)->kind == KIND_WINDOW ||
	    !client_of(uffd)->gone;
}

static int
pmap_check(int uffd)
{
	(void)client_of(uffd);
	return 0;
}

const struct vm_pmap_ops client_pmap = {
	.read = pmap_read,
	.protect = pmap_protect,
	.wake = pmap_wake,
	.poison = pmap_poison,
	.alive = pmap_alive,
	.check = pmap_check,
	.open = window_open,
	.close = window_close,
	.reserve = window_reserve,
	.show = window_show,
	.unmap = window_unmap,
	.watch = window_watch,
	.copy = window_copy,
	.drop = window_drop,
};
