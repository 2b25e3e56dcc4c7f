/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/message.h - is this request exactly what it should be?
 *
 * What can be told without knowing the client: the size, the number of
 * descriptors, unused members zero, page multiples, sums that do not
 * overflow.  What belongs to whom is for the handlers.
 */
#ifndef SERVER_MESSAGE_H
#define SERVER_MESSAGE_H

#include <stddef.h>

#include "server/protocol.h"

/* One descriptor is the most that any request carries. */
#define VM_MESSAGE_FDS_MAX 1u

/*
 * NULL when the size bytes with so many descriptors are a request; else what
 * is wrong, for people.
 */
const char *vm_message_check(const struct vm_request *request, size_t size,
    unsigned fds);

#endif
