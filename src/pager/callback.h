/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pager/callback.h - a pager that somebody else wrote (resident/pager.h).
 *
 * A request is handed over as it is, and ended by vm_pager_answer, in any
 * thread.  Who submits and who answers meet in one word of the request:
 *
 *	ASKED --submit of theirs returned--> LEFT --answer--> ANSWERED, posted
 *	ASKED --answer--> ANSWERED, ended by who submitted
 *
 * so that a pager which answers at once costs neither a lock nor a system call.
 * It is in flight in the queue meanwhile, as a request that others post
 * (os/ioq.h): a reap sleeps for it, an event loop is woken.
 */
#ifndef PAGER_CALLBACK_H
#define PAGER_CALLBACK_H

#include <stdbool.h>
#include <stdint.h>

#include <resident/pager.h>

#include "base/compiler.h"
#include "object/pager_ops.h"

struct vm_os;
struct vm_counters;

/* 64 pages: a mark is a bit of a word, and no fill is larger than 32. */
#define VM_PAGER_ASKED_MAX 64

struct vm_pager_callback_options {
	const struct vm_os *os;
	struct vm_counters *counters;
	const struct vm_pager_callbacks *callbacks;	/* checked; copied */
	void *arg;
	uint64_t length;		/* bytes of the object */
	uint32_t page_bytes;
};

/* 0, -ENOMEM.  terminate is not called before vm_pager_callback_open. */
VM_MUST_CHECK int vm_pager_callback_create(
    const struct vm_pager_callback_options *o, struct vm_pager **out);
void vm_pager_callback_open(struct vm_pager *pager);

/* vm_pager_done, and vm_pager_mark. */
void vm_pager_answer(struct vm_pager_request *request,
    enum vm_pager_result result, uint32_t filled);
void vm_pager_note_marks(struct vm_pager_request *request, uint32_t first,
    uint32_t count, unsigned marks);

#endif
