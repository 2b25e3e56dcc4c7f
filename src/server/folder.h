/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/folder.h - the folder of a server's socket.
 *
 * It is of mode 0700, and the server has a lock on it, which the kernel lets go
 * of however the server ends.  So whoever comes next sees whose server is gone
 * (SIGKILL, a machine that stopped) and removes what that has left:
 *
 *	none --make--> held --remove--> none
 *	held --its server is killed--> left behind --sweep of another--> none
 *
 * Between making it and locking it a folder looks like one left behind, but for
 * the socket: one without is left alone until it is a minute old.
 */
#ifndef SERVER_FOLDER_H
#define SERVER_FOLDER_H

#include <stddef.h>

/* The socket's name in it. */
#define VM_FOLDER_SOCKET "socket"

/* Makes one in parent and locks it: its path, and a descriptor to keep; or a
 * negative errno, and path is empty. */
int vm_folder_make(char *path, size_t size, const char *parent);

/* With what is in it. */
void vm_folder_remove(const char *path, int fd);

/* Removes those in parent that are this user's and that nobody holds. */
void vm_folder_sweep(const char *parent);

#endif
