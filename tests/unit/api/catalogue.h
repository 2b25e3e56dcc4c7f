/* SPDX-License-Identifier: BSD-2-Clause */
/* catalogue.h - what the tests of the catalogue of faults have in common. */
#ifndef CATALOGUE_H
#define CATALOGUE_H

#include "base/error.h"
#include "one_object.h"

/* The call fails so, and says why. */
#define REFUSED(error, call, word)                                            \
	do {                                                                  \
		vm_error(EDOM, "stale");                                      \
		CHECK_INT(call, -(error));                                    \
		CHECK(strstr(vm_last_error(), word) != NULL);                 \
	} while (0)

static inline struct vm_page *
alloc(unsigned flags)
{
	struct vm_page *page;

	CHECK_INT(vm_page_alloc(vm, flags, &page), 0);
	return page;
}

/* A page of the object as the policy has it: on a queue, in nobody's hands. */
static inline struct vm_page *
queued(uint64_t pindex)
{
	struct vm_page *page = core_grab(pindex, VM_GRAB_READ);

	vm_page_release(page);
	CHECK(page->list != 0);
	return page;
}

#endif
