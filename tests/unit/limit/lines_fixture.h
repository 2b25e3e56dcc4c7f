/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lines_fixture.h - threads that wait in any of the lines of a limit.
 *
 * Marks of 64 pages are apart: interrupt 2, reserved 4, severe 6, min 8, low
 * 10, target 16; reclaimers wait for 3 available pages.
 */
#ifndef LINES_FIXTURE_H
#define LINES_FIXTURE_H

#include "limit_fixture.h"

struct person {
	struct fixture *x;
	enum vm_wait_line line;
	enum vm_class class;
	bool looks;		/* else it wants a page */
	bool reclaims;
	bool takes;		/* and takes one after it has looked */
	uint64_t bytes;		/* looked for */
	uint64_t timeout_ns;	/* 0: for ever */
	pthread_t thread;
	_Atomic bool done;
	int result;
	struct vm_page *page;	/* NULL: none */
	char text[VM_ERROR_BYTES];
};

static inline void
setup_lines(struct fixture *x)
{
	static const struct vm_marks marks = { .interrupt = 2, .reserved = 4,
		.severe = 6, .min = 8, .low = 10, .target = 16 };

	setup(x);
	CHECK_INT(vm_limit_set_marks(&x->limit, &marks), 0);
	CHECK_INT(x->limit.pageout_min, 3);
}

static inline void
look(struct person *p)
{
	struct vm_limit *limit = &p->x->limit;

	p->result = vm_limit_look(limit, p->line, p->bytes, p->timeout_ns);
	if (p->result == 0 && p->takes &&
	    vm_limit_take(limit, VM_HOME_POOL, p->class, 0, &p->page, 1) == 0)
		p->page = NULL;
}

static inline void *
live(void *arg)
{
	struct person *p = arg;
	struct vm_limit *limit = &p->x->limit;
	struct vm_wait_for how = { .home = VM_HOME_POOL, .class = p->class,
		.line = p->line, .timeout_ns = p->timeout_ns };

	if (p->reclaims)
		vm_limit_reclaimer_enter(limit);
	if (p->looks)
		look(p);
	else
		p->result = vm_limit_wait_for(limit, &how, &p->page);
	if (p->result != 0)
		memcpy(p->text, vm_error_text(), sizeof(p->text));
	if (p->reclaims)
		vm_limit_reclaimer_leave(limit);
	atomic_store(&p->done, true);
	return NULL;
}

static inline void
run_person(struct person *p, struct fixture *x)
{
	p->x = x;
	if (p->timeout_ns == 0)
		p->timeout_ns = UINT64_MAX;
	CHECK(pthread_create(&p->thread, NULL, live, p) == 0);
}

/* Returns when it stands in its line and has looked once: it does both with the
 * lock held, and then sleeps. */
static inline void
start_person(struct person *p, struct fixture *x)
{
	uint32_t before = atomic_load(&x->limit.waiting);

	run_person(p, x);
	while (atomic_load(&x->limit.waiting) == before)
		sched_yield();
	vm_lock(&x->limit.lock);
	vm_unlock(&x->limit.lock);
}

/* Hangs when nobody has served it. */
static inline void
end_person(struct person *p, int result)
{
	CHECK(pthread_join(p->thread, NULL) == 0);
	CHECK_INT(p->result, result);
	if (result == 0 && p->page != NULL)
		p->x->held[p->x->held_count++] = p->page;
}

static inline uint32_t
waiting(const struct fixture *x)
{
	return atomic_load(&x->limit.waiting);
}

#endif
