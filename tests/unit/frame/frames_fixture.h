/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * frames_fixture.h - frames over a machine that a test has in its hand: which
 * processor runs, whether memory can be dropped, which call fails.
 */
#ifndef FRAMES_FIXTURE_H
#define FRAMES_FIXTURE_H

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>

#include "base/error.h"
#include "check.h"
#include "frame/frame.h"
#include "os/os.h"

enum { FRAME_BYTES = 4096 };

static struct vm_os machine;
static _Atomic unsigned machine_cpu, machine_calls, machine_fails;
static unsigned machine_drops, machine_huge;
static bool machine_drop_fails;

static unsigned
fixture_cpu(void)
{
	return atomic_load(&machine_cpu);
}

static int
fixture_drop(void *base, size_t bytes)
{
	machine_drops++;
	return machine_drop_fails ? -EINVAL : vm_os_linux.drop(base, bytes);
}

static int
fixture_want_huge(void *base, size_t bytes)
{
	(void)base;
	(void)bytes;
	machine_huge++;
	return -EINVAL;
}

/* Counts the calls that can fail; machine_fails is the one that does. */
static bool
fixture_fails(void)
{
	return atomic_fetch_add(&machine_calls, 1) + 1 ==
	    atomic_load(&machine_fails);
}

static void *
fixture_alloc(size_t bytes)
{
	return fixture_fails() ? NULL : vm_os_linux.alloc(bytes);
}

static int
fixture_map_anon(size_t bytes, void **out)
{
	return fixture_fails() ? -ENOMEM : vm_os_linux.map_anon(bytes, out);
}

static int
fixture_thread_start(const char *name, void (*run)(void *), void *arg,
    struct vm_thread **out)
{
	return fixture_fails() ? -EAGAIN :
	    vm_os_linux.thread_start(name, run, arg, out);
}

static inline void
machine_reset(void)
{
	machine = vm_os_linux;
	machine.cpu = fixture_cpu;
	machine.drop = fixture_drop;
	machine.want_huge = fixture_want_huge;
	machine.alloc = fixture_alloc;
	machine.map_anon = fixture_map_anon;
	machine.thread_start = fixture_thread_start;
	atomic_store(&machine_cpu, 0);
	atomic_store(&machine_calls, 0);
	atomic_store(&machine_fails, 0);
	machine_drops = machine_huge = 0;
	machine_drop_fails = false;
}

/* One segment of count frames with these options. */
static inline void
frames_create(struct vm_frames *f, uint32_t count,
    struct vm_frames_options o)
{
	struct vm_segment_options segment = { .name = "arena",
		.bytes = (uint64_t)count * FRAME_BYTES };

	machine_reset();
	o.page_bytes = FRAME_BYTES;
	if (o.segments == NULL) {
		o.segments = &segment;
		o.segment_count = 1;
	}
	CHECK_INT(vm_frames_init_with(f, &machine, &o), 0);
}

static inline struct vm_page *
take_one(struct vm_frames *f)
{
	struct vm_page *page;

	CHECK_INT(vm_frame_take(f, VM_HOME_POOL, &page, 1), 1);
	return page;
}

static inline void
give_one(struct vm_frames *f, struct vm_page *page)
{
	vm_frame_give(f, &page, 1);
}

static inline void
frames_end(struct vm_frames *f)
{
	const char *wrong = vm_frames_audit(f);

	CHECK_STR(wrong == NULL ? "" : wrong, "");
	vm_frames_fini(f);
}

#endif
