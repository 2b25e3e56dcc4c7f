/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * preload/rpc.h - one request to the pager server and its reply.
 *
 *	struct vm_call call;
 *	vm_call_init(&call, VM_REQ_SYNC);
 *	call.request.file = ...;
 *	err = vm_rpc_call(&call);	0 or -errno
 *	vm_call_done(&call);		closes what came with the reply
 *
 * Signals are blocked by the caller.  A connection that the program closed
 * behind our back (a raw system call) is made again; a server that is gone is
 * handled here and for good: the process ends, or the library is passive from
 * then on and the call returns -ENOTCONN.
 *
 * `writing` of the client page is even whenever a request is made, or the
 * server could wait for us while we wait for it.
 */
#ifndef RPC_H
#define RPC_H

#include <stdint.h>

#include "server/protocol.h"

/* ADOPT's reply: client page, table, userfaultfd. */
#define VM_CALL_DESCRIPTORS 3

struct vm_call {
	struct vm_request request;
	struct vm_reply reply;
	int send;			/* descriptor to send, or -1 */
	int got[VM_CALL_DESCRIPTORS];	/* received, or -1 */
	unsigned count_got;
};

void vm_call_init(struct vm_call *call, enum vm_request_op op);
int vm_rpc_call(struct vm_call *call);
void vm_call_done(struct vm_call *call);

/* A request about part of a file, without descriptors. */
int vm_rpc_file(enum vm_request_op op, uint32_t file, uint64_t offset,
    uint64_t length);

/* A request about part of the address space. */
int vm_rpc_range(enum vm_request_op op, uint64_t address, uint64_t length);

/* ENTER: part is one more range of its file, of that kind; flags are the
 * request's. */
struct vm_shim_range;
int vm_rpc_enter(const struct vm_shim_range *part, unsigned kind,
    unsigned flags);

/* The range that was entered never came to be, or is not registered. */
int vm_rpc_forget(uint64_t address, uint64_t length);

/* Connects and says HELLO, with a new userfaultfd if there is none.  When it
 * fails, why is the sentence.  Nobody else uses the line. */
int vm_rpc_connect(char why[VM_REPLY_TEXT]);

/* In a forked child: connects and says ADOPT; with a userfaultfd of its own if
 * it is forkless. */
int vm_rpc_adopt(uint64_t token);

/* The server has hung up. */
void vm_rpc_lost(void);

#endif
