/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * client.h - a process whose memory is served from the test.
 *
 * The client is forked before the test makes its system, since a system's
 * threads do not survive a fork.  The two then go on in step, over a socket
 * that carries a number and perhaps a descriptor:
 *
 *	the test			the client
 *	client_start(run)		run(socket, arg) begins
 *	client_attach			join
 *	client_show			map		(once per range)
 *	hear / say			say / hear	(as the test likes)
 *	client_end			run returns
 *
 * A check that fails in the client ends it, which client_end and hear see.
 */
#ifndef CLIENT_H
#define CLIENT_H

#include <stdint.h>
#include <sys/types.h>

#include <resident/resident.h>

#include "check.h"

/* Of the machine; the tests' objects are counted in these. */
enum { PAGE = 4096 };

struct client {
	pid_t pid;
	int socket;
	struct vm_space *space;
};

/* One number and a descriptor (-1: none), either way. */
void say(int socket, uint64_t number, int fd);
uint64_t hear(int socket, int *fd);

/* -- in the test ---------------------------------------------------------- */

typedef void client_run(int socket, void *arg);

/* Skips the test where the machine has no full userfaultfd. */
void client_start(struct client *client, client_run *run, void *arg);
/* Takes the client's userfaultfd. */
void client_attach(struct client *client, struct vm *vm,
    const struct vm_space_options *options);
/* The client's next map() shows length bytes of the object from offset on. */
uint64_t client_show(struct client *client, struct vm_object *object,
    uint64_t offset, uint64_t length, enum vm_range_kind kind);
/* Waits until the client has ended, well; its space goes. */
void client_end(struct client *client);
/* The same for one that dies by a signal. */
void client_killed(struct client *client, int signal);

/* -- in the client -------------------------------------------------------- */

void join(int socket);
/* Mapped, registered and served. */
char *map(int socket, uint64_t length, enum vm_range_kind kind);

/* Memory that the test and its clients share, zero at first. */
void *shared_memory(size_t bytes);

/* A directory in memory (false) or on a disk (true). */
const char *directory(bool disk);
/* An unnamed file of so many bytes there. */
int new_file(bool disk, uint64_t bytes);
/* The variable's number, or else the other. */
uint64_t number_of(const char *variable, uint64_t otherwise);

#endif
