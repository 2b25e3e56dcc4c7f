/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sim.h - a machine in one thread, driven by a seed.
 *
 * Every thread of the library and of the test is a task: a coroutine with a
 * stack of its own.  Tasks change places at points only, and a seeded generator
 * says when and to whom; time is a number that grows with the points and jumps
 * when everybody waits.  So a seed is a run: what it does once it does again.
 *
 * What makes points:
 *	lock.c		base/lock.h, base/futex.h and base/error.h over
 *			tasks, in place of the library's own
 *	points.c	each atomic access of the library, which is compiled
 *			for this with the compiler's race instrumentation; its
 *			hooks are ours
 *	machine.h	each call of the os table
 *	client.h	each call of the pmap table, each touch of a client
 *
 *	RUNS --sim_point--> RUNS, or READY
 *	RUNS --sim_wait--> WAITS --sim_wake, deadline--> READY --picked--> RUNS
 *
 * Nobody can run: the clock goes on to the next deadline or event; there is
 * none: a deadlock, which is a failure.
 *
 * A failure prints what is wrong, who waits where, and how to repeat the run,
 * and aborts.
 */
#ifndef SIM_H
#define SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "base/list.h"

struct vm_lock;

/* 48 tasks: the library's three to six, the test's twenty or so. */
#define SIM_TASKS 48
/* 16 locks: every rank once is 11, and those without. */
#define SIM_HELD  16

#define SIM_FOREVER UINT64_MAX

struct sim_task {
	unsigned id;		/* from 1 */
	char name[16];
	void (*run)(void *);
	void *arg;
	enum sim_state { SIM_FREE, SIM_READY, SIM_WAITS, SIM_DONE } state;
	const void *key;	/* WAITS: for what */
	const char *why;	/* the same in words */
	uint64_t deadline_ns;
	bool timed_out;
	uint64_t turn;		/* highest goes first, where that is the way */
	char sentence[VM_ERROR_BYTES];
	const struct vm_lock *held[SIM_HELD];
	unsigned held_count;
};

/* What is to happen at a time; in the owner's structure. */
struct sim_event {
	uint64_t at_ns;
	void (*fire)(struct sim_event *event);
	struct vm_node link;
};

/* Starts afresh with this seed: time, draws, the hash. */
void sim_begin(uint64_t seed);
/* Runs main as the first task, and returns when it has returned, or when
 * somebody cut the power; once more goes on with time and draws. */
void sim_run(void (*main)(void *), void *arg);
/* All tasks stop where they are, for good: sim_run returns. */
_Noreturn void sim_cut(void);
bool sim_was_cut(void);
/* Equal for equal runs. */
uint64_t sim_trace_hash(void);
/* The outcome of something, for the hash. */
void sim_trace(uint64_t value);

struct sim_task *sim_spawn(const char *name, void (*run)(void *), void *arg);
void sim_join(struct sim_task *task);
/* The task that runs; NULL: the scheduler. */
struct sim_task *sim_self(void);

/* Somebody else may run now. */
void sim_point(void);
/* The same, and somebody else does if anybody can. */
void sim_yield(void);
/* Until the key is woken; false: the time ran out instead. */
bool sim_wait(const void *key, const char *why, uint64_t timeout_ns);
void sim_wake_all(const void *key);
void sim_wake_one(const void *key);	/* any one of them */
void sim_pause(uint64_t ns);

uint64_t sim_now_ns(void);
void sim_at(struct sim_event *event, uint64_t ns);	/* from now */

/* Draws.  below: 0 .. bound - 1; one_in: true once in n times, 0: never. */
uint64_t sim_draw(void);
uint64_t sim_below(uint64_t bound);
bool sim_one_in(uint64_t n);

/* A line about what the task does, where SIM_SAY is in the environment. */
void sim_say(const char *format, ...) VM_PRINTF(1, 2);
_Noreturn void sim_fail(const char *format, ...) VM_PRINTF(1, 2);
#define SIM_CHECK(cond) \
	((cond) ? (void)0 : sim_fail("%s:%d: %s", __FILE__, __LINE__, #cond))

/* Called by the scheduler at each change of places, unless NULL. */
extern void (*sim_watch)(void);

/* Points until the next change of places: for the hooks of points.c. */
extern uint32_t sim_left;

#endif
