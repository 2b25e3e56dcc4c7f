/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fake_server.h - a process that speaks the protocol as a test wants it.
 *
 * fake_start makes a directory with a socket and forks; in the child, each
 * connection is served, one after the other, by `serve`, until fake_stop.
 * The shim's state is the process's, so each test of it runs in a child of
 * its own: fake_in_child.
 */
#ifndef FAKE_SERVER_H
#define FAKE_SERVER_H

#include <stdbool.h>
#include <sys/types.h>

#include "server/protocol.h"

struct fake {
	char path[64];
	pid_t pid;
};

/* Returns whether to go on with this connection; a reply is sent then. */
typedef bool fake_serve(const struct vm_request *request, int fd,
    struct vm_reply *reply);

void fake_start(struct fake *fake, fake_serve *serve);
void fake_stop(struct fake *fake);

/* Runs it in a child, with fd 2 going to `said` (or nowhere); the status as
 * waitpid gives it. */
int fake_in_child(void (*run)(const struct fake *fake),
    const struct fake *fake, char *said, size_t size);

#endif
