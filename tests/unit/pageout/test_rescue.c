/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One pager keeps what it is given to write, for as long as the test likes;
 * pages of another object come and go meanwhile.
 */
#include "pageout/rescue.h"

#include <pthread.h>

#include "audit.h"
#include "one_object.h"

enum { SLOW_PAGES = 40 };

static struct slow {
	pthread_mutex_t lock;
	struct vm_pager_request *kept[SLOW_PAGES];	/* (lock) */
	unsigned kept_count;				/* (lock) */
	bool open;					/* (lock) */
} slow = { .lock = PTHREAD_MUTEX_INITIALIZER };

static struct vm_object *slow_object;

static void
slow_submit(void *arg, struct vm_pager_request *request)
{
	bool answer;

	(void)arg;
	pthread_mutex_lock(&slow.lock);
	answer = slow.open || request->op == VM_PAGER_IN;
	if (!answer)
		slow.kept[slow.kept_count++] = request;
	pthread_mutex_unlock(&slow.lock);
	if (answer)
		vm_pager_done(request, VM_PAGER_OK, 0);
}

static unsigned
kept(void)
{
	unsigned count;

	pthread_mutex_lock(&slow.lock);
	count = slow.kept_count;
	pthread_mutex_unlock(&slow.lock);
	return count;
}

/* From now on it answers at once. */
static void
let_go(void)
{
	struct vm_pager_request *request;

	pthread_mutex_lock(&slow.lock);
	slow.open = true;
	while (slow.kept_count != 0) {
		request = slow.kept[--slow.kept_count];
		pthread_mutex_unlock(&slow.lock);
		vm_pager_done(request, VM_PAGER_OK, 0);
		pthread_mutex_lock(&slow.lock);
	}
	pthread_mutex_unlock(&slow.lock);
}

static void
set_up(void)
{
	struct vm_pager_callbacks calls = VM_PAGER_CALLBACKS_INIT;
	struct vm_page *page;

	calls.submit = slow_submit;
	slow.open = false;
	core_set_up(0);
	CHECK_INT(vm_object_create_pager(vm, &calls, NULL, SLOW_PAGES * PAGE,
	    VM_OBJECT_WRITABLE, &slow_object), 0);
	for (uint64_t i = 0; i < SLOW_PAGES; i++) {
		CHECK_INT(vm_page_grab(slow_object, i, VM_GRAB_WRITE |
		    VM_GRAB_OVERWRITE, &page), 0);
		vm_page_release(page);
	}
}

static void
tear_down(void)
{
	let_go();
	CHECK_INT(vm_object_destroy(slow_object), 0);
	core_tear_down();
}

TEST(clean_pages_of_others_leave_while_a_pager_hangs)
{
	struct vm_stat s = VM_STAT_INIT;

	set_up();
	/* Far more than fit beside those that nobody writes. */
	for (uint64_t i = 0; i < 10 * FILE_PAGES; i++)
		CHECK_INT(core_get(i % FILE_PAGES, 0), i % FILE_PAGES);
	CHECK(kept() != 0);
	CHECK_INT(vm_stat(vm, &s), 0);
	CHECK(s.laundry_external_pages != 0);
	tear_down();
}

/* The takers' own help is not what does it: windows and stores have none of it,
 * and here it is taken away. */
TEST(a_sweep_takes_the_place_of_the_daemon_that_hangs)
{
	struct vm_stat s = VM_STAT_INIT;

	set_up();
	vm->reclaim = NULL;
	for (uint64_t i = 0; i < 2 * FILE_PAGES; i++)
		CHECK_INT(core_get(i % FILE_PAGES, 0), i % FILE_PAGES);
	CHECK(kept() != 0);
	CHECK_INT(vm_stat(vm, &s), 0);
	CHECK(s.rescues != 0 && s.rescued != 0);
	tear_down();
}

TEST(a_sweep_leaves_what_is_dirty_as_it_is)
{
	uint64_t dirty;

	set_up();
	for (uint64_t i = 0; i < FILE_PAGES; i++)
		CHECK_INT(core_get(i, 0), i);
	dirty = slow_object->dirty;
	CHECK(dirty != 0);
	for (unsigned i = 0; i < 10; i++)
		(void)vm_rescue_sweep(vm);
	CHECK_INT(slow_object->dirty, dirty);
	CHECK_INT(slow_object->resident, dirty);
	tear_down();
}

TEST(nobody_sweeps_while_the_daemon_gets_on)
{
	struct vm_stat s = VM_STAT_INIT;

	set_up();
	let_go();
	vm->reclaim = NULL;
	for (uint64_t i = 0; i < 10 * FILE_PAGES; i++)
		CHECK_INT(core_get(i % FILE_PAGES, 0), i % FILE_PAGES);
	CHECK_INT(vm_stat(vm, &s), 0);
	CHECK_INT(s.rescued, 0);
	tear_down();
}
