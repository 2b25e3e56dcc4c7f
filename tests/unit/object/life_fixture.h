/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * life_fixture.h - one_object.h with a second, anonymous object, for tests of
 * the life of pages.  Include once, in a test's own file.
 */
#ifndef LIFE_FIXTURE_H
#define LIFE_FIXTURE_H

#include "object/life.h"

#include <pthread.h>
#include <sched.h>

#include "audit.h"
#include "one_object.h"

static struct vm_object *anon;

static inline void
set_up(void)
{
	core_set_up(0);
	CHECK_INT(vm_object_create_anon(vm, 50 * PAGE, 0, &anon), 0);
	CHECK_INT(vm_object_advise(anon, VM_ADVICE_RANDOM), 0);
}

static inline void
tear_down(void)
{
	audit(vm);
	CHECK_INT(vm_object_destroy(anon), 0);
	core_tear_down();
}

static inline struct vm_page *
alloc(unsigned flags)
{
	struct vm_page *page;

	CHECK_INT(vm_page_alloc(vm, flags, &page), 0);
	return page;
}

static inline struct vm_page *
alloc_at(struct vm_object *o, uint64_t pindex)
{
	struct vm_page *page;

	CHECK_INT(vm_page_alloc_at(o, pindex, 0, &page), 0);
	return page;
}

static inline uint16_t
flags_of(const struct vm_page *page)
{
	return atomic_load(&page->flags);
}

static inline uint32_t
free_pages(void)
{
	return atomic_load(&vm->limit.free);
}

static inline uint64_t *
words(struct vm_page *page)
{
	return vm_page_data(page);
}

#endif
