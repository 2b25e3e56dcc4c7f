/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/sim/run.c - see run.h. */
#include "run.h"

#include <errno.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/hash.h"

/* A memory of frames and who is in them. */
struct memory {
	const struct vm_sim *sim;
	struct vm_policy_env env;
	struct vm_policy *policy;
	struct vm_page *frames;
	uint32_t used;			/* frames that were ever used */
	uint32_t *where;		/* frame of a page plus 1, or 0 */
};

/* vm_page.valid is free here: it is the mark. */
static bool
referenced(struct vm_page *page)
{
	bool was = page->valid != 0;

	page->valid = 0;
	return was;
}

static uint64_t
identity(const struct vm_page *page)
{
	return vm_hash_pair(1, page->pindex);
}

static bool
dirty(const struct vm_page *page)
{
	return atomic_load_explicit(&page->dirty, memory_order_relaxed) != 0;
}

static bool
external(const struct vm_page *page)
{
	(void)page;
	return true;		/* all are pages of files */
}

static void
release(struct memory *m)
{
	free(m->policy);
	free(m->frames);
	free(m->where);
}

static int
prepare(struct memory *m, const struct vm_sim *sim)
{
	const struct vm_policy_ops *ops = sim->ops;
	struct vm_act act = { 0 };

	*m = (struct memory){ .sim = sim };
	m->policy = calloc(1, ops->bytes(sim->pages));
	m->frames = calloc(sim->pages, sizeof(*m->frames));
	m->where = calloc(sim->trace->distinct, sizeof(*m->where));
	if (m->policy == NULL || m->frames == NULL || m->where == NULL ||
	    vm_act_complete(&act) != 0) {
		release(m);
		return -ENOMEM;
	}
	m->env = (struct vm_policy_env){ .referenced = referenced,
		.identity = identity, .dirty = dirty, .external = external,
		.pages = m->frames };
	*m->policy = (struct vm_policy){ .ops = ops, .env = &m->env,
		.pages = sim->pages, .act = act };
	for (uint32_t i = 0; i < sim->pages; i++)
		m->frames[i].number = i;
	ops->init(m->policy);
	return 0;
}

/* A frame for a page that is not in memory: a new one, or the victim's. */
static struct vm_page *
take_frame(struct memory *m)
{
	const struct vm_policy_ops *ops = m->sim->ops;
	struct vm_page *victim = NULL;

	if (m->used < m->sim->pages)
		return &m->frames[m->used++];
	vm_assert(ops->victims(m->policy, &victim, 1) == 1);
	ops->dequeue(m->policy, victim, VM_LEAVE_EVICTED);
	m->where[victim->pindex] = 0;
	return victim;
}

static bool
touch(struct memory *m, uint32_t request)
{
	const struct vm_policy_ops *ops = m->sim->ops;
	uint32_t number = request & ~VM_SIM_WRITE;
	bool hit = m->where[number] != 0;
	struct vm_page *page = hit ? &m->frames[m->where[number] - 1] :
	    take_frame(m);

	if (!hit) {
		page->valid = 0;
		page->pindex = number;
		atomic_store_explicit(&page->dirty, 0, memory_order_relaxed);
		m->where[number] = page->number + 1;
		ops->enqueue(m->policy, page, false);
	} else if (ops->exact && !m->sim->marks)
		ops->activate(m->policy, page);
	else
		page->valid = 1;
	if ((request & VM_SIM_WRITE) != 0)
		atomic_store_explicit(&page->dirty, 1, memory_order_relaxed);
	return hit;
}

int
vm_sim_run(const struct vm_sim *sim, uint64_t *hits)
{
	const struct vm_sim_trace *trace = sim->trace;
	struct memory m;

	vm_assert(sim->pages > 0);
	*hits = 0;
	if (prepare(&m, sim) != 0)
		return -ENOMEM;
	for (uint64_t i = 0; i < trace->count; i++) {
		*hits += touch(&m, trace->requests[i]);
		if ((i + 1) % VM_SIM_STEP == 0)
			sim->progress(VM_SIM_STEP);
	}
	sim->progress(trace->count % VM_SIM_STEP);
	release(&m);
	return 0;
}
