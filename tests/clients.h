/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * clients.h - client address spaces that are not there.
 *
 * fake_pmap records what is protected, and delivers the events that a test
 * puts in; as in the kernel, ioctls are refused with EAGAIN while a fork, a
 * move or an unmap waits to be read.  Each client is a descriptor.
 */
#ifndef CLIENTS_H
#define CLIENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "pmap/uffd.h"

enum { FAKE_CLIENTS = 8, FAKE_EVENTS = 1024, FAKE_PAGES = 256 };

/* Pages are counted from address 0, 4096 bytes each. */
struct fake_client {
	int fd;				/* a pipe's: it can be polled, and has
					 * an inode of its own */
	int other;			/* the pipe's other end */
	struct vm_pmap_event event[FAKE_EVENTS];
	unsigned head, tail;
	bool registered[FAKE_PAGES];
	bool protected[FAKE_PAGES];
	unsigned wakes[FAKE_PAGES];
	unsigned poisons[FAKE_PAGES];
	int poison_error;		/* what poison answers */
	unsigned calls;			/* of protect */
	bool gone;
};

extern const struct vm_pmap_ops fake_pmap;

/* A new client, all of whose pages are registered. */
struct fake_client *fake_client_new(void);
/* The one behind a descriptor, a duplicate too. */
struct fake_client *fake_client_of(int fd);
void fake_clients_reset(void);

void fake_event(struct fake_client *client, struct vm_pmap_event event);
/* The client forks: its child, whose descriptor the event carries. */
struct fake_client *fake_fork(struct fake_client *client);

#endif
