/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cli/sim/optimum.c - the bound: who is needed last goes (Belady: A study of
 * replacement algorithms for a virtual-storage computer, IBM Systems Journal
 * 5(2), 1966).
 *
 * A heap has the pages in memory by their next use, last first.  A page that is
 * touched gets a new entry, as its next use is later than all it had: the old
 * one sinks and is recognised when it comes up.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/assert.h"
#include "run.h"

struct entry {
	uint64_t next;		/* number of the request that needs it */
	uint32_t page;
};

struct optimum {
	struct entry *heap;	/* from 1; parents not before their children */
	uint64_t count;
	uint64_t *next;		/* of each request: the next of its page */
	uint64_t *due;		/* of each page in memory, 0: is not there */
};

static void
push(struct optimum *o, struct entry entry)
{
	uint64_t at = ++o->count;

	for (; at > 1 && o->heap[at / 2].next < entry.next; at /= 2)
		o->heap[at] = o->heap[at / 2];
	o->heap[at] = entry;
}

static struct entry
pop(struct optimum *o)
{
	struct entry top = o->heap[1], last = o->heap[o->count--];
	uint64_t at = 1, child;

	while ((child = 2 * at) <= o->count) {
		if (child < o->count &&
		    o->heap[child + 1].next > o->heap[child].next)
			child++;
		if (o->heap[child].next <= last.next)
			break;
		o->heap[at] = o->heap[child];
		at = child;
	}
	o->heap[at] = last;
	return top;
}

static void
evict(struct optimum *o)
{
	struct entry top;

	do {
		vm_assert(o->count > 0);
		top = pop(o);
	} while (o->due[top.page] != top.next);
	o->due[top.page] = 0;
}

/* From the end: the next use of what each request touches; count: none. */
static void
look_ahead(struct optimum *o, const struct vm_sim_trace *trace)
{
	for (uint32_t i = 0; i < trace->distinct; i++)
		o->due[i] = trace->count;
	for (uint64_t i = trace->count; i-- > 0;) {
		uint32_t page = trace->requests[i] & ~VM_SIM_WRITE;

		o->next[i] = o->due[page];
		o->due[page] = i;
	}
	for (uint32_t i = 0; i < trace->distinct; i++)
		o->due[i] = 0;
}

static uint64_t
play(struct optimum *o, const struct vm_sim *sim)
{
	const struct vm_sim_trace *trace = sim->trace;
	uint64_t hits = 0;
	uint32_t used = 0;

	for (uint64_t i = 0; i < trace->count; i++) {
		uint32_t page = trace->requests[i] & ~VM_SIM_WRITE;

		/* A next use is never request 0. */
		if (o->due[page] != 0)
			hits++;
		else if (used < sim->pages)
			used++;
		else
			evict(o);
		o->due[page] = o->next[i];
		push(o, (struct entry){ o->next[i], page });
		if ((i + 1) % VM_SIM_STEP == 0)
			sim->progress(VM_SIM_STEP);
	}
	sim->progress(trace->count % VM_SIM_STEP);
	return hits;
}

int
vm_sim_optimum(const struct vm_sim *sim, uint64_t *hits)
{
	const struct vm_sim_trace *trace = sim->trace;
	struct optimum o = {
		.heap = calloc(trace->count + 1, sizeof(*o.heap)),
		.next = calloc(trace->count, sizeof(*o.next)),
		.due = calloc(trace->distinct, sizeof(*o.due)),
	};
	int error = -ENOMEM;

	*hits = 0;
	if (o.heap != NULL && o.next != NULL && o.due != NULL) {
		look_ahead(&o, trace);
		*hits = play(&o, sim);
		error = 0;
	}
	free(o.heap);
	free(o.next);
	free(o.due);
	return error;
}
