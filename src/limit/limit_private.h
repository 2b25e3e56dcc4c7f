/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * limit/limit_private.h - what limit.c and daemon.c share.
 *
 * free, waiting, kicked and armed are read without the lock by one side and
 * raised by the other, which then reads what the first one raised (a giver
 * adds to free and reads waiting, a waiter adds to waiting and reads free).
 * At least one of the two must see the other, hence sequentially consistent
 * order on all four.
 */
#ifndef LIMIT_LIMIT_PRIVATE_H
#define LIMIT_LIMIT_PRIVATE_H

#include "base/list.h"
#include "base/lock.h"
#include "limit/limit.h"

enum taker_state { TAKER_WAITS, TAKER_GRANTED, TAKER_FAILED };

/* One call of vm_limit_wait, on its stack; in limit->takers while it waits. */
struct taker {
	struct vm_node link;	/* (L) */
	struct vm_cond cond;	/* (L) */
	enum taker_state state;	/* (L) */
};

/* Everybody in line gets -ENOMEM. */
void vm_limit_fail_takers_locked(struct vm_limit *limit);
/* The daemon looks anew how long it is to sleep. */
void vm_limit_wake_daemon(struct vm_limit *limit);

#endif
