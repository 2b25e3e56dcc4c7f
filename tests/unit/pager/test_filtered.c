/* SPDX-License-Identifier: BSD-2-Clause */
/* How requests go through filters, and how filters come to be there. */
#include <stdio.h>
#include <sys/mman.h>

#include "base/rng.h"
#include "memory_pager.h"
#include "pager/anon.h"
#include "pager/filtered.h"

#define REFUSED(error, call, text)                                  \
	do {                                                        \
		CHECK_INT((call), -(error));                        \
		if (strstr(vm_last_error(), (text)) == NULL)        \
			CHECK_STR(vm_last_error(), (text));         \
	} while (0)

static uint64_t
requests(unsigned number, enum vm_filter_op op)
{
	struct vm_filter_stat s = VM_FILTER_STAT_INIT;

	CHECK_INT(vm_object_filter_stat(object, number, &s), 0);
	return s.op[op].requests;
}

TEST(without_a_filter_requests_go_straight_to_the_pager)
{
	struct vm_filter_stat s = VM_FILTER_STAT_INIT;

	mem_set_up(AT_ONCE, 0);
	CHECK_STR(object->pager->ops->name, "filtered");
	CHECK_STR(vm_filtered_base(object->pager)->ops->name, "callback");
	CHECK(vm_filtered_base(vm_filtered_base(object->pager)) ==
	    vm_filtered_base(object->pager));
	CHECK_INT(get(1, 0), 1);
	REFUSED(ENOENT, vm_object_filter_stat(object, 0, &s), "number 0");
	mem_tear_down();
}

TEST(a_file_in_memory_is_at_once_until_there_is_a_filter)
{
	int fd = memfd_create("file", MFD_CLOEXEC);
	struct vm_options o = VM_OPTIONS_INIT;
	struct vm_object *file;
	struct vm *real;	/* which can tell what is in memory */

	o.resident_max_bytes = 64 * PAGE;
	CHECK_INT(vm_create(&o, &real), 0);
	CHECK(fd >= 0 && ftruncate(fd, PAGE) == 0);
	CHECK_INT(vm_object_create_file(real, fd, 0, VM_LENGTH_ALL, 0, &file),
	    0);
	CHECK(file->pager->at_once);
	CHECK_INT(vm_object_add_filter(file, "stats"), 0);
	CHECK(!file->pager->at_once);
	CHECK_INT(vm_object_destroy(file), 0);
	CHECK_INT(vm_destroy(real), 0);
	close(fd);
}

/* The first named is nearest to the pager, what was there before nearer. */
TEST(filters_stand_in_the_order_of_the_text)
{
	mem_set_up(AT_ONCE, 0);
	CHECK_INT(vm_object_add_filter(object, "stats;error:range=3;stats"),
	    0);
	CHECK_INT(vm_object_add_filter(object, "error:range=4;stats"), 0);
	CHECK_INT(get(1, 0), 1);
	CHECK_INT(grab_error(3, 0), -EIO);
	CHECK_INT(grab_error(4, 0), -EIO);
	CHECK_INT(requests(0, VM_FILTER_READ), 1);
	CHECK_INT(requests(1, VM_FILTER_READ), 2);
	CHECK_INT(requests(2, VM_FILTER_READ), 2);
	CHECK_INT(requests(3, VM_FILTER_READ), 3);
	CHECK_INT(requests(4, VM_FILTER_READ), 3);
	CHECK_INT(mem.ins, 1);
	mem_tear_down();
}

TEST(what_no_filter_looks_at_reaches_the_pager)
{
	uint64_t bytes;

	mem_set_up(AT_ONCE, 0);
	CHECK_INT(vm_object_add_filter(object, "error;stats"), 0);
	CHECK_INT(vm_object_resize(object, 10 * PAGE), 0);
	CHECK_INT(mem.resized_to, 10 * PAGE);
	object->pager->ops->forget(object->pager, 3, 4);
	CHECK_INT(mem.forgotten, 3004);
	CHECK_INT(object->pager->ops->length(object->pager, &bytes), 0);
	CHECK_INT(bytes, 10 * PAGE);
	mem.unlock = -EPERM;
	CHECK_INT(object->pager->ops->unlock(object->pager, 7,
	    VM_PAGER_NO_WRITE), -EPERM);
	CHECK_INT(mem.last_unlock, 7);
	mem_tear_down();
}

TEST(a_system_may_filter_every_object)
{
	struct vm_object *anon;
	struct vm_page *page;

	mem_system("error:op=write,errno=ENOSPC,count=1");
	mem_reset(AT_ONCE);
	mem_object(0);
	put(3, 3);
	CHECK_INT(vm_object_flush(object, 0, VM_LENGTH_ALL), -ENOSPC);
	CHECK_INT(vm_object_flush(object, 0, VM_LENGTH_ALL), 0);
	/* Each has its own count. */
	CHECK_INT(vm_object_create_anon(vm, 4 * PAGE, 0, &anon), 0);
	CHECK_INT(vm_page_grab(anon, 1, VM_GRAB_WRITE, &page), 0);
	vm_page_dirty(page, 0, 1);
	vm_page_release(page);
	CHECK_INT(vm_object_flush(anon, 0, VM_LENGTH_ALL), -ENOSPC);
	CHECK_INT(vm_object_flush(anon, 0, VM_LENGTH_ALL), 0);
	CHECK_INT(vm_object_destroy(anon), 0);
	mem_tear_down();
}

TEST(a_system_with_a_bad_filter_is_not_made)
{
	struct vm_options o = VM_OPTIONS_INIT;

	faulty_reset();
	o.resident_max_bytes = LIMIT_PAGES * PAGE;
	o.pager_filter = "stats;eror";
	REFUSED(EINVAL, vm_create_on(&o, &faulty_os, &pmap_nobody, &vm),
	    "\"eror\"");
	faulty_check_clean();
	o.pager_filter = "delay:ns=3;delay";	/* a timer was made */
	REFUSED(EINVAL, vm_create_on(&o, &faulty_os, &pmap_nobody, &vm),
	    "needs ns");
	faulty_check_clean();
}

TEST(filters_that_are_none_change_nothing)
{
	struct vm_filter_stat s = VM_FILTER_STAT_INIT;

	mem_set_up(AT_ONCE, 0);
	REFUSED(EINVAL, vm_object_add_filter(object, NULL), "no text");
	REFUSED(EINVAL, vm_object_add_filter(object, ""), "called \"\"");
	REFUSED(EINVAL, vm_object_add_filter(object, "error;"), "called \"\"");
	REFUSED(EINVAL, vm_object_add_filter(object, "error;error:x=1"),
	    "\"x\"");
	REFUSED(ENOENT, vm_object_filter_stat(object, 0, &s), "number 0");
	CHECK_INT(vm_object_add_filter(object, "stats"), 0);
	REFUSED(ENOENT, vm_object_filter_stat(object, 1, &s), "number 1");
	s.size_bytes = 3;
	REFUSED(EINVAL, vm_object_filter_stat(object, 0, &s), "STAT_INIT");
	REFUSED(EINVAL, vm_object_filter_stat(object, 0, NULL), "STAT_INIT");
	CHECK_INT(get(1, 0), 1);
	mem_tear_down();
}

TEST(there_are_eight_filters_at_most)
{
	struct vm_filter_stat s = VM_FILTER_STAT_INIT;

	mem_set_up(AT_ONCE, 0);
	REFUSED(ENOSPC, vm_object_add_filter(object, "stats;stats;stats;stats;"
	    "stats;stats;stats;stats;stats"), "more than 8");
	CHECK_INT(vm_object_add_filter(object, "stats;stats;stats;stats;stats;"
	    "stats"), 0);
	REFUSED(ENOSPC, vm_object_add_filter(object, "stats;stats;stats"),
	    "more than 8");
	CHECK_INT(vm_object_add_filter(object, "stats;retry"), 0);
	REFUSED(ENOSPC, vm_object_add_filter(object, "stats"), "more than 8");
	CHECK_INT(vm_object_filter_stat(object, 7, &s), 0);
	CHECK_STR(s.name, "retry");
	CHECK_INT(get(1, 0), 1);
	mem_tear_down();
}

TEST(an_object_without_filters_of_its_own_refuses_them)
{
	struct vm_filter_stat s = VM_FILTER_STAT_INIT;
	struct vm_object *bare;
	struct vm_pager *pager;

	mem_set_up(AT_ONCE, 0);
	CHECK_INT(vm_pager_anon_create(vm->swap, PAGE, &pager), 0);
	CHECK_INT(vm_object_new(vm, pager, VM_HOME_POOL, PAGE, &bare), 0);
	REFUSED(ENOTSUP, vm_object_add_filter(bare, "stats"), "own");
	REFUSED(ENOTSUP, vm_object_filter_stat(bare, 0, &s), "own");
	vm_object_free(bare);
	mem_tear_down();
}

/* The timer's thread and the pager's thread both end requests. */
TEST(delays_and_answers_of_other_threads_go_together)
{
	mem_set_up(BY_THREAD, 0);
	CHECK_INT(vm_object_add_filter(object, "error:rate=0.2,seed=1;"
	    "delay:ns=20000,rate=0.4,seed=2;retry:count=30,ns=10000;stats"),
	    0);
	for (uint64_t turn = 1; turn < 4; turn++) {
		for (uint64_t i = 0; i < PAGES; i++) {
			CHECK_INT(get(i, 0), i);
			put(i, i * turn);
		}
		CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
		for (uint64_t i = 0; i < PAGES; i++)
			CHECK_INT(kept(i, 1), i * turn);
	}
	mem_tear_down();
}

static void *
read_page(void *arg)
{
	CHECK_INT(get(*(uint64_t *)arg, 0), *(uint64_t *)arg);
	return NULL;
}

TEST(a_request_under_way_meets_no_filter_that_came_later)
{
	struct vm_pager_request *request;
	uint64_t pindex = 9;
	pthread_t thread;

	mem_set_up(KEPT, 0);
	CHECK_INT(vm_object_add_filter(object, "stats"), 0);
	CHECK(pthread_create(&thread, NULL, read_page, &pindex) == 0);
	request = mem_take();
	CHECK_INT(vm_object_add_filter(object, "stats;error"), 0);
	mem_answer(request);
	CHECK(pthread_join(thread, NULL) == 0);
	CHECK_INT(requests(0, VM_FILTER_READ), 1);
	CHECK_INT(requests(1, VM_FILTER_READ), 0);
	CHECK_INT(grab_error(10, VM_GRAB_READ), -EIO);
	mem.how = AT_ONCE;
	mem_tear_down();
}

static _Atomic bool stop;

static void *
use_pages(void *arg)
{
	struct vm_rng rng = { .state = *(uint64_t *)arg };

	while (!stop) {
		uint64_t pindex = vm_rng_below(&rng, PAGES);

		CHECK_INT(get(pindex, 0), pindex);
		if (vm_rng_below(&rng, 3) == 0)
			put(pindex, pindex + 7);
	}
	return NULL;
}

/* A request that is under way keeps the filters that it began with. */
TEST(filters_are_added_while_requests_go_through)
{
	static const char *const texts[] = {
		"stats", "delay:ns=30000,rate=0.3", "error:nth=3;retry",
		"log:file=/dev/null", "delay:ns=10000,op=write;stats",
	};
	pthread_t threads[3];
	uint64_t seed = check_seed();

	mem_set_up(BY_THREAD, 0);
	stop = false;
	for (int i = 0; i < 3; i++)
		CHECK(pthread_create(&threads[i], NULL, use_pages,
		    &seed) == 0);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		unsigned before = mem.ins;

		CHECK_INT(vm_object_add_filter(object, texts[i]), 0);
		while (mem.ins < before + 200)
			vm_os_linux.yield();
	}
	stop = true;
	for (int i = 0; i < 3; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	CHECK(requests(0, VM_FILTER_READ) > requests(6, VM_FILTER_READ));
	mem_tear_down();
}

TEST(whatever_fails_no_filter_is_half_there)
{
	unsigned n = 0;

	for (bool failed = true; failed; ) {
		struct vm_filter_stat s = VM_FILTER_STAT_INIT;
		int error;

		mem_set_up(AT_ONCE, 0);
		atomic_store(&faulty.failed, NULL);
		faulty.fail_at = atomic_load(&faulty.calls) + ++n;
		error = vm_object_add_filter(object, "stats;delay:ns=1;"
		    "error:op=sync,trigger=x;log:file=/dev/null");
		failed = faulty.failed != NULL;
		faulty.fail_at = 0;
		CHECK((error != 0) == failed);
		CHECK_INT(vm_object_filter_stat(object, 3, &s),
		    failed ? -ENOENT : 0);
		CHECK_INT(get(1, 0), 1);
		mem_tear_down();
	}
	CHECK(n > 8);
}

/* Only pagers of users forbid pages: over others there is nobody to ask. */
TEST(nobody_unlocks_pages_of_a_pager_that_locks_none)
{
	struct vm_object *anon;

	mem_set_up(AT_ONCE, 0);
	CHECK_INT(vm_object_create_anon(vm, 4 * PAGE, 0, &anon), 0);
	CHECK_INT(vm_object_add_filter(anon, "stats"), 0);
	REFUSED(EACCES, anon->pager->ops->unlock(anon->pager, 3, 1),
	    "page 3: its pager forbids it");
	CHECK_INT(vm_object_destroy(anon), 0);
	mem_tear_down();
}
