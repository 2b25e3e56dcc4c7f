/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * client.h - client address spaces that are not there, and their pmap table.
 *
 * A client has areas that show pages of a memory file (machine.h), with a mark
 * of write protection and one of poison on each page, and a userfaultfd.  A
 * touch of a page goes by the kernel's rules:
 *
 *	no area			SEGV
 *	poisoned, or behind the memory file's end	BUS
 *	the memory file has no page there	a missing fault, and again
 *	a write to a marked page		a write-protect fault, and again
 *	else			the access, at once and whole
 *
 * A fault waits to be read, and its thread to be woken.  Fork, move and unmap
 * change the areas first, or copy them with their marks, and then wait until
 * their event has been read; from their beginning until their thread goes on,
 * calls that change marks are refused with EAGAIN.  Faults are read before
 * events.
 */
#ifndef CLIENT_H
#define CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "pmap/uffd.h"

struct disk;
struct vm_space;

/* 4 areas: a few objects; 512 pages: more than a run's object has. */
#define CLIENT_AREAS 4
#define CLIENT_PAGES 512

struct area {
	uint64_t address;	/* 0: no area */
	uint64_t pages;
	uint64_t first;		/* page of the memory file at address */
	struct disk *memory;
	bool tracked;
	uint8_t mark[CLIENT_PAGES];	/* MARK_ flags */
};

#define MARK_PROTECTED 0x1u
#define MARK_POISONED  0x2u

struct client {
	struct vm_node link;
	unsigned uses;		/* descriptors, and the client's own life */
	bool gone;		/* the address space ended */
	unsigned changing;	/* forks, moves and unmaps under way */
	struct area area[CLIENT_AREAS];
	struct vm_list unread;	/* faults */
	struct vm_list asleep;	/* faults that were read */
	struct vm_list events;
	struct vm_space *space;	/* the server's */
};

extern const struct vm_pmap_ops client_pmap;

void clients_reset(void);
/* *fd: its userfaultfd. */
struct client *client_new(int *fd);
/* Its memory is gone; the descriptors may stay. */
void client_exit(struct client *client);
struct client *client_of(int fd);
/* One more userfaultfd of the same. */
int client_open(struct client *client);

/* Somewhere, registered.  memory_fd: the store's. */
uint64_t client_map(struct client *client, int memory_fd, uint64_t first,
    uint64_t pages, bool tracked);

enum touched { TOUCHED, TOUCH_SEGV, TOUCH_BUS };
struct touch {
	uint64_t address;
	bool write;
	/* The access: at is the memory at address. */
	void (*access)(void *arg, char *at);
	void *arg;
};
enum touched client_touch(struct client *client, const struct touch *touch);

/* A copy of it runs from now on. */
struct client *client_fork(struct client *client);
/* The area at this address is elsewhere afterwards; where. */
uint64_t client_move(struct client *client, uint64_t address);
void client_unmap(struct client *client, uint64_t address);

/* The task with this number, of any client, is to be stopped. */
void client_sigbus(int tid);

#endif
