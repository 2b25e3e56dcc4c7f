/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rig.h - a pager server in the test, and raw connections to it.
 *
 * The test is the client: it says what it likes, message by message.  All
 * connections come from one process, so a greeting takes over from the one
 * before, as after a lost connection; other processes are forked.
 */
#ifndef RIG_H
#define RIG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "check.h"
#include "server/server_private.h"

enum { PAGE = 4096, RIG_PAGES = 64, RIG_FDS = 4 };

/* What the test may change between rig_prepare and rig_start. */
extern struct vm_server_options rig_options;

struct rig {
	struct vm_server *server;
	int socket;		/* the connection that requests go over */
	int uffd;
	int file;		/* of RIG_PAGES pages, word 0 of page i is i */
	char *base;		/* reserved for that file */
	char *spare;		/* as much again behind it, for others */
	struct vm_reply reply;	/* to the last request */
	int fd[RIG_FDS];	/* that came with it */
	unsigned fds;
};

extern struct rig rig;
extern struct vm_server_report rig_report;	/* of the last stop */

/* Limit 8 MiB, every file of a page or more. */
void rig_prepare(void);
void rig_start(void);
int rig_stop(void);		/* what the server's stop said */

int rig_connect(void);
int rig_new_file(unsigned pages);
int rig_new_uffd(void);		/* skips the test where there is none */

/* Sends any bytes and descriptors; false: the connection is gone. */
bool rig_send(const void *bytes, size_t size, const int *fd, unsigned fds);
/* The next reply; false: the session has ended. */
bool rig_hear(void);
/* One request and its reply, whose error is returned; -1: the session has
 * ended.  fd < 0: none. */
int rig_ask(const struct vm_request *request, int fd);
#define RIG_ASK(fd, ...) rig_ask(&(struct vm_request){ __VA_ARGS__ }, (fd))

/* A request that does not exist: returns when the client is gone. */
void rig_offend(void);
/* Connected, and greeted with a userfaultfd (or without). */
void rig_hello(bool with_uffd);
/* MAP of the rig's file, as the server's file number; and really mapped. */
uint32_t rig_map(int prot, int flags);
uint32_t rig_map_shared(void);
void rig_show(int prot, int flags);

/* prepare, start, hello with userfaultfd. */
void rig_set_up(void);
void rig_tear_down(void);

/* In a child process, which ends with what it returns; its status. */
int rig_in_child(int (*run)(void));

/* What the server says meanwhile is kept, and not shown. */
void rig_listen(void);
bool rig_said(const char *words);
void rig_unlisten(void);

struct vm_stat rig_stat(void);

#endif
