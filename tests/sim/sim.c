/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sim.c - tasks, time and draws; sim.h has the theory.
 *
 * A task is entered once through its ucontext and from then on by longjmp,
 * which spares the two system calls that swapcontext makes for signal masks.
 * A sanitizer of addresses must be told of each change of stacks, and knows
 * swapcontext.
 */
#undef _FORTIFY_SOURCE	/* its longjmp knows one stack only */
#include "sim.h"

#include <inttypes.h>
#include <link.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/lock.h"
#include "base/rng.h"
#include "stat/stat.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

/* 256 KiB, as the library's threads have. */
#define STACK_BYTES ((size_t)256 << 10)
/* 4096 bytes that nobody may touch below each stack. */
#define GUARD_BYTES ((size_t)4096)
/* 2 KiB: all thread-local data of the library is a few hundred bytes. */
#define LOCALS_MAX 2048
/* 40 million points: a hundred times what most runs have; who gets there turns
 * in a circle. */
#define POINTS_MAX UINT64_C(40000000)
/* 20 ns a point: an atomic access; up to 1 us a change of places. */
#define POINT_NS  20
#define CHANGE_NS 1000
/* 5 us a yield: who looks again and again gets to the next event in time. */
#define YIELD_NS  5000
/* Turns of those who have not yielded are above those who have. */
#define ABOVE_YIELDED (UINT64_C(1) << 62)

struct place {
	struct sim_task task;
	ucontext_t context;
	jmp_buf env;
	bool entered;
	char *stack;
	void *fake;		/* the sanitizer's */
	char locals[LOCALS_MAX];	/* thread-local data, while away */
};

uint32_t sim_left = UINT32_MAX;
void (*sim_watch)(void);

static struct {
	struct place place[SIM_TASKS];
	struct place *current;
	jmp_buf env;		/* the scheduler's */
	ucontext_t context;
	const void *bottom;	/* of its stack, for the sanitizer */
	size_t bottom_bytes;
	struct vm_rng rng;
	uint64_t seed;
	uint64_t now_ns;
	uint64_t points;
	uint64_t hash;
	uint64_t low_turn;	/* of who yielded last */
	uint32_t quantum;	/* points at most before a change */
	uint32_t given;		/* to who runs now */
	char *locals;		/* of the one real thread */
	size_t locals_bytes;
	char fresh[LOCALS_MAX];	/* as a new thread has them */
	bool by_turn;		/* highest turn first, else anybody */
	bool cut;
	struct vm_list events;	/* by time */
} sim;

/* -- draws -- */

uint64_t
sim_draw(void)
{
	return vm_rng_next(&sim.rng);
}

uint64_t
sim_below(uint64_t bound)
{
	SIM_CHECK(bound != 0);
	return sim_draw() % bound;
}

bool
sim_one_in(uint64_t n)
{
	return n != 0 && sim_below(n) == 0;
}

void
sim_trace(uint64_t value)
{
	sim.hash = vm_hash_mix(sim.hash ^ value);
}

uint64_t
sim_trace_hash(void)
{
	return sim.hash;
}

uint64_t
sim_now_ns(void)
{
	return sim.now_ns;
}

bool
sim_was_cut(void)
{
	return sim.cut;
}

struct sim_task *
sim_self(void)
{
	return sim.current == NULL ? NULL : &sim.current->task;
}

/* -- failing -- */

static const char *
state_of(const struct sim_task *task)
{
	if (&sim.current->task == task)
		return "runs";
	return task->state == SIM_READY ? "is ready" :
	    task->state == SIM_DONE ? "is done" : "waits for";
}

static void
print_tasks(void)
{
	for (unsigned i = 0; i < SIM_TASKS; i++) {
		const struct sim_task *task = &sim.place[i].task;

		if (task->state == SIM_FREE)
			continue;
		fprintf(stderr, "  %2u %-15s %s %s", task->id, task->name,
		    state_of(task), task->state == SIM_WAITS ? task->why :
		    "");
		for (unsigned n = 0; n < task->held_count; n++)
			fprintf(stderr, ", holds %s", task->held[n]->name);
		fprintf(stderr, "\n");
	}
}

static void
print_where(void)
{
	fprintf(stderr, "at %" PRIu64 " ns, point %" PRIu64 ":\n", sim.now_ns,
	    sim.points);
	print_tasks();
	fprintf(stderr, "repeat with: make sim SEED=%" PRIu64 "\n", sim.seed);
}

void
sim_say(const char *format, ...)
{
	va_list args;

	if (sim.current == NULL || getenv("SIM_SAY") == NULL)
		return;
	fprintf(stderr, "%10" PRIu64 " %2u %s: ", sim.now_ns,
	    sim.current->task.id, sim.current->task.name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n");
}

void
sim_fail(const char *format, ...)
{
	va_list args;

	sim_left = UINT32_MAX;
	fprintf(stderr, "seed %" PRIu64 " failed: ", sim.seed);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n");
	print_where();
	abort();
}

/* A wild access of the library: say which run it was. */
static void
crashed(int signal)
{
	static const struct sigaction as_usual = { .sa_handler = SIG_DFL };

	(void)sigaction(signal, &as_usual, NULL);
	sim_left = UINT32_MAX;
	fprintf(stderr, "seed %" PRIu64 " died by signal %d\n", sim.seed,
	    signal);
	print_where();
	(void)raise(signal);
}

static void
catch_crashes(void)
{
	static char stack[64 << 10];	/* a task may have used up its own */
	stack_t alternate = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction action = { .sa_handler = crashed,
		.sa_flags = SA_ONSTACK };

	(void)sigaltstack(&alternate, NULL);
	(void)sigaction(SIGSEGV, &action, NULL);
	(void)sigaction(SIGBUS, &action, NULL);
}

/* -- changing places -- */

static void
reload(void)
{
	uint32_t points = 1 + (uint32_t)sim_below(sim.quantum);

	sim_left = sim.given = points;
}

/* Time and points of a turn that is over. */
static void
account(void)
{
	uint64_t used = sim.given - sim_left;

	sim_left = UINT32_MAX;
	sim.points += used;
	sim.now_ns += used * POINT_NS;
}

#ifdef __SANITIZE_ADDRESS__
static void
enter(struct place *place)
{
	void *fake;

	__sanitizer_start_switch_fiber(&fake, place->stack, STACK_BYTES);
	(void)swapcontext(&sim.context, &place->context);
	__sanitizer_finish_switch_fiber(fake, NULL, NULL);
}

static void
leave(void)
{
	struct place *place = sim.current;

	__sanitizer_start_switch_fiber(place->task.state == SIM_DONE ? NULL :
	    &place->fake, sim.bottom, sim.bottom_bytes);
	(void)swapcontext(&place->context, &sim.context);
	__sanitizer_finish_switch_fiber(place->fake, NULL, NULL);
}

static void
entered(void)
{
	__sanitizer_finish_switch_fiber(NULL, &sim.bottom,
	    &sim.bottom_bytes);
}
#else
static void
enter(struct place *place)
{
	if (_setjmp(sim.env) != 0)
		return;
	if (place->entered)
		_longjmp(place->env, 1);
	place->entered = true;
	(void)setcontext(&place->context);
	abort();
}

static void
leave(void)
{
	if (_setjmp(sim.current->env) == 0)
		_longjmp(sim.env, 1);
}

static void
entered(void)
{
}
#endif

static void
begin(void)
{
	struct place *place = sim.current;

	entered();
	place->task.run(place->task.arg);
	place->task.state = SIM_DONE;
	sim_wake_all(&place->task);
	leave();
	abort();
}

static void
change_places(void)
{
	/* Here, where its task is on the stack. */
	if (sim.points > POINTS_MAX)
		sim_fail("it does not come to an end");
	leave();
}

void
sim_cut(void)
{
	sim.cut = true;
	leave();
	abort();
}

void
sim_point(void)
{
	if (sim.current == NULL || --sim_left != 0)
		return;
	change_places();
}

void
sim_yield(void)
{
	sim.current->task.turn = --sim.low_turn;
	sim.now_ns += sim_below(YIELD_NS);
	change_places();
}

bool
sim_wait(const void *key, const char *why, uint64_t timeout_ns)
{
	struct sim_task *task = &sim.current->task;

	task->key = key;
	task->why = why;
	task->deadline_ns = timeout_ns > SIM_FOREVER - sim.now_ns ?
	    SIM_FOREVER : sim.now_ns + timeout_ns;
	task->timed_out = false;
	task->state = SIM_WAITS;
	change_places();
	return !task->timed_out;
}

void
sim_pause(uint64_t ns)
{
	(void)sim_wait(&sim.current->task, "time", ns);
}

void
sim_wake_all(const void *key)
{
	for (unsigned i = 0; i < SIM_TASKS; i++) {
		struct sim_task *task = &sim.place[i].task;

		if (task->state == SIM_WAITS && task->key == key)
			task->state = SIM_READY;
	}
}

void
sim_wake_one(const void *key)
{
	struct sim_task *found[SIM_TASKS];
	unsigned n = 0;

	for (unsigned i = 0; i < SIM_TASKS; i++) {
		struct sim_task *task = &sim.place[i].task;

		if (task->state == SIM_WAITS && task->key == key)
			found[n++] = task;
	}
	if (n != 0)
		found[sim_below(n)]->state = SIM_READY;
}

/* -- tasks -- */

static char *
stack_of(struct place *place)
{
	char *memory;

	if (place->stack == NULL) {
		memory = mmap(NULL, GUARD_BYTES + STACK_BYTES,
		    PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS |
		    MAP_NORESERVE | MAP_STACK, -1, 0);
		if (memory == MAP_FAILED || mprotect(memory, GUARD_BYTES,
		    PROT_NONE) != 0)
			sim_fail("no stack for a task");
		place->stack = memory + GUARD_BYTES;
	}
#ifdef __SANITIZE_ADDRESS__
	/* Who had it may not have come to his end. */
	__asan_unpoison_memory_region(place->stack, STACK_BYTES);
#endif
	return place->stack;
}

static void
make_context(struct place *place, char *stack)
{
	place->entered = false;
	(void)getcontext(&place->context);
	place->context.uc_stack.ss_sp = stack;
	place->context.uc_stack.ss_size = STACK_BYTES;
	place->context.uc_link = NULL;
	makecontext(&place->context, begin, 0);
}

static uint64_t
high_turn(void)
{
	return ABOVE_YIELDED | sim_draw() >> 2;
}

struct sim_task *
sim_spawn(const char *name, void (*run)(void *), void *arg)
{
	struct place *place = sim.place;

	while (place->task.state != SIM_FREE)
		if (++place == sim.place + SIM_TASKS)
			sim_fail("more than %d tasks", SIM_TASKS);
	place->task = (struct sim_task){
		.id = (unsigned)(place - sim.place) + 1, .run = run,
		.arg = arg, .state = SIM_READY, .turn = high_turn(),
	};
	snprintf(place->task.name, sizeof(place->task.name), "%s", name);
	memcpy(place->locals, sim.fresh, sim.locals_bytes);
	make_context(place, stack_of(place));
	return &place->task;
}

void
sim_join(struct sim_task *task)
{
	while (task->state != SIM_DONE)
		(void)sim_wait(task, "a task's end", SIM_FOREVER);
	task->state = SIM_FREE;
}

/* -- the scheduler -- */

void
sim_at(struct sim_event *event, uint64_t ns)
{
	struct vm_node *node = vm_list_first(&sim.events);

	event->at_ns = sim.now_ns + ns;
	event->link = (struct vm_node){ NULL, NULL };
	while (node != NULL && VM_ENTRY(node, struct sim_event,
	    link)->at_ns <= event->at_ns)
		node = vm_list_next(&sim.events, node);
	if (node != NULL)
		vm_node_insert_before(&event->link, node);
	else
		vm_list_add_tail(&sim.events, &event->link);
}

static struct sim_event *
first_event(void)
{
	return VM_ENTRY(vm_list_first(&sim.events), struct sim_event, link);
}

static void
fire_events(void)
{
	struct sim_event *event;

	while ((event = first_event()) != NULL &&
	    event->at_ns <= sim.now_ns) {
		vm_node_remove(&event->link);
		event->fire(event);
	}
}

static void
fire_deadlines(void)
{
	for (unsigned i = 0; i < SIM_TASKS; i++) {
		struct sim_task *task = &sim.place[i].task;

		if (task->state != SIM_WAITS ||
		    task->deadline_ns > sim.now_ns)
			continue;
		task->timed_out = true;
		task->state = SIM_READY;
	}
}

static struct place *
pick(void)
{
	struct place *ready[SIM_TASKS], *best;
	unsigned n = 0;

	for (unsigned i = 0; i < SIM_TASKS; i++)
		if (sim.place[i].task.state == SIM_READY)
			ready[n++] = &sim.place[i];
	if (n == 0)
		return NULL;
	best = ready[sim_below(n)];
	if (!sim.by_turn)
		return best;
	/* Somebody else becomes the first now and then. */
	if (sim_below(16) == 0)
		best->task.turn = high_turn();
	for (unsigned i = 0; i < n; i++)
		if (ready[i]->task.turn > best->task.turn)
			best = ready[i];
	return best;
}

/* Nobody can run: on to when somebody may. */
static void
skip_time(void)
{
	struct sim_event *event = first_event();
	uint64_t next = event != NULL ? event->at_ns : SIM_FOREVER;

	for (unsigned i = 0; i < SIM_TASKS; i++) {
		const struct sim_task *task = &sim.place[i].task;

		if (task->state == SIM_WAITS && task->deadline_ns < next)
			next = task->deadline_ns;
	}
	if (next == SIM_FOREVER)
		sim_fail("deadlock: nobody can run, and nothing is in flight");
	if (next > sim.now_ns)
		sim.now_ns = next;
}

/* The program's own part of the thread-local data is one piece. */
static int
find_locals(struct dl_phdr_info *info, size_t size, void *arg)
{
	(void)size;
	(void)arg;
	for (unsigned i = 0; i < info->dlpi_phnum; i++) {
		if (info->dlpi_phdr[i].p_type != PT_TLS)
			continue;
		sim.locals = info->dlpi_tls_data;
		sim.locals_bytes = info->dlpi_phdr[i].p_memsz;
	}
	return 1;	/* the program comes first; libraries keep theirs */
}

static void
init_locals(void)
{
	if (sim.locals != NULL)
		return;
	(void)dl_iterate_phdr(find_locals, NULL);
	SIM_CHECK(sim.locals_bytes <= LOCALS_MAX);
	vm_own_shard = VM_SHARD_NONE;	/* tasks are no threads */
	memcpy(sim.fresh, sim.locals, sim.locals_bytes);
}

void
sim_begin(uint64_t seed)
{
	/* How often places change: from at nearly every point to hardly. */
	static const uint32_t quanta[] = { 6, 30, 150, 700, 4000 };

	catch_crashes();
	init_locals();
	sim.seed = seed;
	sim.rng.state = vm_hash_mix(seed + 1);
	sim.now_ns = 1;
	sim.points = 0;
	sim.hash = seed;
	sim.low_turn = ABOVE_YIELDED;
	sim.quantum = quanta[sim_below(VM_COUNT(quanta))];
	sim.by_turn = sim_below(3) == 0;
}

static void
turn(struct place *place)
{
	sim.now_ns += sim_below(CHANGE_NS);
	sim_trace(place->task.id ^ sim.points << 8);
	reload();
	memcpy(sim.locals, place->locals, sim.locals_bytes);
	sim.current = place;
	enter(place);
	account();
	sim.current = NULL;
	memcpy(place->locals, sim.locals, sim.locals_bytes);
}

void
sim_run(void (*run)(void *), void *arg)
{
	struct sim_task *first;
	struct place *place;

	for (unsigned i = 0; i < SIM_TASKS; i++)
		sim.place[i].task.state = SIM_FREE;
	vm_list_init(&sim.events);
	sim.cut = false;
	first = sim_spawn("main", run, arg);
	while (first->state != SIM_DONE && !sim.cut) {
		fire_events();
		fire_deadlines();
		if (sim_watch != NULL)
			sim_watch();
		place = pick();
		if (place == NULL)
			skip_time();
		else
			turn(place);
	}
	sim_trace(sim.rng.state);
	if (sim.cut)
		return;
	first->state = SIM_FREE;
	for (unsigned i = 0; i < SIM_TASKS; i++)
		if (sim.place[i].task.state != SIM_FREE)
			sim_fail("task %s is left",
			    sim.place[i].task.name);
}
