/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * limit/limit_private.h - what the files of this room share.
 *
 * free, cached, waiting, kicked, armed, debt and the budget's used are read
 * without the lock by one side and raised by the other, which then reads what
 * the first one raised (a giver adds to free and reads waiting, a waiter adds
 * to waiting and reads free).  At least one of the two must see the other,
 * hence sequentially consistent order on all of them.
 */
#ifndef LIMIT_LIMIT_PRIVATE_H
#define LIMIT_LIMIT_PRIVATE_H

#include "base/list.h"
#include "base/lock.h"
#include "limit/limit.h"

enum taker_state { TAKER_WAITS, TAKER_SETTLED };

/* One call of a wait, on its stack; in a line of the limit while it waits. */
struct taker {
	struct vm_node link;	/* (L) */
	struct vm_cond cond;	/* (L) */
	enum taker_state state;	/* (L) */
	int result;		/* once settled: 0 or a positive errno (L) */
	enum vm_wait_line line;	/* (C) */
	enum vm_class class;	/* (C) */
	bool looks;		/* takes nothing (C) */
	bool reclaims;		/* (C) */
	uint64_t bytes;		/* it looks for; 0: for pages (C) */
};

/*
 * Promises up to want pages to the caller, as its class may, keeping so many
 * more than its floor free; how many.  They are charged to the budget.
 */
uint32_t vm_limit_promise(struct vm_limit *limit, enum vm_class class,
    unsigned flags, uint32_t want, uint32_t keep);
/* The other half: the frames are on their free lists already. */
void vm_limit_unpromise(struct vm_limit *limit, uint32_t count);

/* Gives pages of a shelf: as vm_limit_give, but nobody gave them just now. */
void vm_limit_give_back(struct vm_limit *limit, struct vm_page **pages,
    uint32_t count);

/* Sets the ladder for the total of now; false: given marks do not fit it. */
bool vm_limit_set_ladder_locked(struct vm_limit *limit);
/* Between the two what is in use cannot be told from total, debt and free. */
void vm_limit_move_begin_locked(struct vm_limit *limit);
void vm_limit_move_end_locked(struct vm_limit *limit);
/* What is free goes to what is in use above the limit. */
void vm_limit_pay_debt(struct vm_limit *limit);

/* Ordinary takers are kept out just now. */
bool vm_limit_is_paused(struct vm_limit *limit);

/* Serves the lines, if anybody is in one. */
void vm_limit_serve(struct vm_limit *limit);
void vm_limit_serve_locked(struct vm_limit *limit);
/* Everybody in line gets that positive errno. */
void vm_limit_fail_takers_locked(struct vm_limit *limit, int err);
void vm_limit_fail_line_locked(struct vm_limit *limit, enum vm_wait_line line,
    int err);
/* One step for who looks: something changed, whatever it is. */
void vm_limit_wake_lookers_locked(struct vm_limit *limit);
/* This thread was woken to look and has not tried since; then it has. */
bool vm_limit_use_turn(struct vm_limit *limit);

/* Where somebody waits in a pass of the daemon, the rescuer looks on. */
void vm_limit_call_rescuer_locked(struct vm_limit *limit);

/* The daemon looks anew how long it is to sleep. */
void vm_limit_wake_daemon(struct vm_limit *limit);
/* Something was given: a streak of fruitless passes ends. */
void vm_limit_end_streak(struct vm_limit *limit);

#endif
