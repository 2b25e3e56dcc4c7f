/* SPDX-License-Identifier: BSD-2-Clause */
/* clients.c - clients.h has the theory.  Under one lock, for threads. */
#include "clients.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

enum { PAGE = 4096 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct fake_client clients[FAKE_CLIENTS];
static unsigned used;

/* A duplicate of a descriptor is known by its inode. */
static ino_t
inode(int fd)
{
	struct stat st;

	CHECK(fstat(fd, &st) == 0);
	return st.st_ino;
}

struct fake_client *
fake_client_of(int fd)
{
	struct fake_client *found = NULL;
	ino_t wanted = inode(fd);

	pthread_mutex_lock(&lock);
	for (unsigned i = 0; i < used; i++)
		if (inode(clients[i].fd) == wanted)
			found = &clients[i];
	pthread_mutex_unlock(&lock);
	CHECK(found != NULL);
	return found;
}

struct fake_client *
fake_client_new(void)
{
	struct fake_client *client;
	int ends[2];

	CHECK(pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
	pthread_mutex_lock(&lock);
	CHECK(used < FAKE_CLIENTS);
	client = &clients[used];
	memset(client, 0, sizeof(*client));
	client->fd = ends[0];
	client->other = ends[1];
	memset(client->registered, 1, sizeof(client->registered));
	used++;
	pthread_mutex_unlock(&lock);
	return client;
}

void
fake_clients_reset(void)
{
	for (unsigned i = 0; i < used; i++) {
		close(clients[i].fd);
		close(clients[i].other);
	}
	used = 0;
}

void
fake_event(struct fake_client *client, struct vm_pmap_event event)
{
	pthread_mutex_lock(&lock);
	CHECK(client->tail < FAKE_EVENTS);
	client->event[client->tail++] = event;
	pthread_mutex_unlock(&lock);
}

struct fake_client *
fake_fork(struct fake_client *client)
{
	struct fake_client *child = fake_client_new();

	pthread_mutex_lock(&lock);
	memcpy(child->protected, client->protected,
	    sizeof(child->protected));
	memcpy(child->registered, client->registered,
	    sizeof(child->registered));
	pthread_mutex_unlock(&lock);
	/* The space owns this one. */
	fake_event(client, (struct vm_pmap_event){ .kind = VM_PMAP_FORK,
		.fd = dup(child->fd) });
	return child;
}

static int
fake_read(int uffd, struct vm_pmap_event *events, unsigned count)
{
	struct fake_client *client = fake_client_of(uffd);
	unsigned n = 0;

	pthread_mutex_lock(&lock);
	while (n < count && client->head < client->tail)
		events[n++] = client->event[client->head++];
	pthread_mutex_unlock(&lock);
	return (int)n;
}

static bool
changing_locked(const struct fake_client *client)
{
	for (unsigned i = client->head; i < client->tail; i++)
		if (client->event[i].kind != VM_PMAP_FAULT)
			return true;
	return false;
}

/* Up to the first page that is not registered, as the kernel does. */
static int
protect_locked(struct fake_client *client, uint64_t page, uint64_t end,
    bool on)
{
	client->calls++;
	if (client->gone)
		return -ESRCH;
	if (changing_locked(client))
		return -EAGAIN;
	for (; page < end; page++) {
		if (page >= FAKE_PAGES || !client->registered[page])
			return -ENOENT;
		client->protected[page] = on;
		client->wakes[page] += !on;
	}
	return 0;
}

static int
fake_protect(int uffd, uint64_t address, uint64_t length, bool on)
{
	struct fake_client *client = fake_client_of(uffd);
	int error;

	pthread_mutex_lock(&lock);
	error = protect_locked(client, address / PAGE,
	    (address + length) / PAGE, on);
	pthread_mutex_unlock(&lock);
	return error;
}

static int
fake_wake(int uffd, uint64_t address, uint64_t length)
{
	struct fake_client *client = fake_client_of(uffd);

	pthread_mutex_lock(&lock);
	for (uint64_t page = address / PAGE;
	    page < (address + length) / PAGE && page < FAKE_PAGES; page++)
		client->wakes[page]++;
	pthread_mutex_unlock(&lock);
	return 0;
}

static int
fake_poison(int uffd, uint64_t address, uint64_t length)
{
	struct fake_client *client = fake_client_of(uffd);
	int error;

	pthread_mutex_lock(&lock);
	CHECK(length == PAGE && address / PAGE < FAKE_PAGES);
	error = client->poison_error;
	client->poisons[address / PAGE] += error == 0;
	pthread_mutex_unlock(&lock);
	return error;
}

static bool
fake_alive(int uffd)
{
	return !fake_client_of(uffd)->gone;
}

static int
fake_check(int uffd)
{
	(void)fake_client_of(uffd);
	return 0;
}

const struct vm_pmap_ops fake_pmap = {
	.read = fake_read,
	.protect = fake_protect,
	.wake = fake_wake,
	.poison = fake_poison,
	.alive = fake_alive,
	.check = fake_check,
};
