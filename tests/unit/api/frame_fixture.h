/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * frame_fixture.h - one system on faulty_os, its figures and its segments, for
 * tests of frames.  Include once, in a test's own file.
 */
#ifndef API_FRAME_FIXTURE_H
#define API_FRAME_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <resident/resident.h>

#include "api/system.h"
#include "base/error.h"
#include "check.h"
#include "faulty.h"
#include "object/vm.h"

enum { PAGE = 4096, PAGES = 256 };

static struct vm *vm;

/* Zero but for the limit. */
static inline struct vm_options
sensible(void)
{
	struct vm_options o = VM_OPTIONS_INIT;

	o.resident_max_bytes = PAGES * PAGE;
	return o;
}

static inline void
create(const struct vm_options *o)
{
	faulty_reset();
	CHECK_INT(vm_create_on(o, &faulty_os, &pmap_nobody, &vm), 0);
}

static inline void
destroy(void)
{
	CHECK_INT(vm_destroy(vm), 0);
	faulty_check_clean();
}

static inline void
set_up(void)
{
	struct vm_options o = sensible();

	create(&o);
}

static inline uint64_t
free_pages(void)
{
	struct vm_stat s = VM_STAT_INIT;

	CHECK_INT(vm_stat(vm, &s), 0);
	return s.free_pages;
}

static inline uint64_t
limit_pages(void)
{
	struct vm_stat s = VM_STAT_INIT;

	CHECK_INT(vm_stat(vm, &s), 0);
	return s.limit_pages;
}

static inline struct vm_segment_info
info(unsigned segment)
{
	struct vm_segment_info i = VM_SEGMENT_INFO_INIT;

	CHECK_INT(vm_frame_info(vm, segment, &i), 0);
	return i;
}

static inline struct vm_frame_run
run_of(uint32_t count, unsigned flags)
{
	struct vm_frame_request r = VM_FRAME_REQUEST_INIT;
	struct vm_frame_run run;

	r.count = count;
	r.flags = flags;
	CHECK_INT(vm_frame_alloc(vm, &r, &run), 0);
	return run;
}

/* value, in the first and the last word of a page. */
static inline void
put(struct vm_object *object, uint64_t pindex, uint64_t value)
{
	uint32_t bytes = vm_system_page_bytes(vm);
	struct vm_page *page;
	char *data;

	CHECK_INT(vm_page_grab(object, pindex, VM_GRAB_WRITE, &page), 0);
	data = vm_page_data(page);
	memcpy(data, &value, sizeof(value));
	memcpy(data + bytes - 8, &value, sizeof(value));
	vm_page_dirty(page, 0, 8);
	vm_page_dirty(page, bytes - 8, 8);
	vm_page_release(page);
}

static inline void
check_page(struct vm_object *object, uint64_t pindex, uint64_t value)
{
	uint32_t bytes = vm_system_page_bytes(vm);
	struct vm_page *page;
	char *data;

	CHECK_INT(vm_page_grab(object, pindex, VM_GRAB_READ, &page), 0);
	data = vm_page_data(page);
	CHECK(memcmp(data, &value, 8) == 0);
	CHECK(memcmp(data + bytes - 8, &value, 8) == 0);
	vm_page_release(page);
}

#endif
