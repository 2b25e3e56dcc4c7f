/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * one_window.h - the system of one_object.h on the real machine's userfaultfd,
 * with its object in a window of this process.  Include once, in a test's own
 * file, instead of one_object.h.
 *
 * window_open() moves the object there and sees to it that this process's
 * touches are resolved; a touch that fails jumps to where window_try stands.
 */
#ifndef ONE_WINDOW_H
#define ONE_WINDOW_H

#include <setjmp.h>
#include <signal.h>

#include "pmap/uffd.h"

#define CORE_PMAP vm_pmap_linux
#include "one_object.h"

#include "fault/self.h"
#include "fault/trap.h"
#include "pageout/rehome.h"
#include "pmap/view.h"

static volatile char *window;	/* page 0 */
static sigjmp_buf window_refused;
static _Atomic int window_error;	/* of the last fault that failed */

static void
window_hold(void *arg)
{
	(void)arg;
}

static int
window_resolve(void *arg, uintptr_t address, bool write)
{
	struct vm_object *shown = arg;
	uintptr_t page = address & ~(uintptr_t)(PAGE - 1);
	struct vm_self_fault fault = {
		.object = shown, .address = page, .write = write,
		.pindex = (page - (uintptr_t)window) / PAGE,
	};
	int error = vm_fault_self(&fault);

	if (error != 0)
		atomic_store(&window_error, error);
	return error;
}

static const struct vm_trap_ops window_ops = {
	.hold = window_hold, .resolve = window_resolve,
};

static void
window_failed(int number)
{
	(void)number;
	siglongjmp(window_refused, 1);
}

/* 0: the touch went well; else what kept it. */
#define WINDOW_TRY(touch) \
	(sigsetjmp(window_refused, 1) != 0 ? atomic_load(&window_error) : \
	    ((void)(touch), 0))

static inline void
window_watch(uint64_t pages)
{
	struct vm_trap_range range = {
		.start = (uintptr_t)window,
		.end = (uintptr_t)window + pages * PAGE,
		.ops = &window_ops, .arg = object,
	};

	signal(SIGBUS, window_failed);
	CHECK_INT(vm_trap_install(vm->os), 0);
	CHECK_INT(vm_trap_add(vm->os, &range), 0);
}

static inline void
window_open(uint64_t pages)
{
	int error = vm_rehome_window(object, NULL, pages);

	if (error == -EPERM || error == -ENOSYS)
		CHECK_SKIP(vm_last_error());
	CHECK_INT(error, 0);
	CHECK_INT(vm_fault_self_ready(vm), 0);
	window = vm_view_at(object->view, 0);
	window_watch(pages > FILE_PAGES ? pages : FILE_PAGES);
}

static inline void
window_set_up(void)
{
	core_set_up(0);
	window_open(FILE_PAGES);
}

static inline void
window_tear_down(void)
{
	CHECK_INT(vm_trap_cut(vm->os, 0, UINTPTR_MAX), 0);
	signal(SIGBUS, SIG_DFL);
	core_tear_down();
}

/* A word of a page, through the window. */
static inline uint64_t
window_get(uint64_t pindex, unsigned word)
{
	return *(volatile uint64_t *)(uintptr_t)(window + pindex * PAGE +
	    word * 8);
}

static inline void
window_put(uint64_t pindex, uint64_t value)
{
	*(volatile uint64_t *)(uintptr_t)(window + pindex * PAGE + 8) = value;
}

#endif
