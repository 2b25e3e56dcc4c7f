/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What tests/spin/limit.pml says of every order of steps, on the real limit:
 * threads take pages, wait for them, and leave them to the daemon or give them
 * back; the daemon sleeps until it is kicked.  Each page has one owner at a
 * time, which is a plain word that only the protocol orders.  A lost wake-up
 * is the runner's time limit.
 */
#include "limit/limit.h"

#include <pthread.h>
#include <sched.h>

#include "check.h"
#include "os/os.h"

enum {
	THREADS = 6,
	ROUNDS = 30000,
	PAGES = VM_LIMIT_PAGES_MIN,
	PAGE_BYTES = 4096,
};

static struct vm_frames frames;
static struct vm_limit limit;
static long owner[PAGES];	/* plain on purpose; 0: nobody */
static pthread_mutex_t resident_lock = PTHREAD_MUTEX_INITIALIZER;
static struct vm_page *resident[PAGES];
static unsigned resident_count;

static void
own(struct vm_page *page, long who)
{
	CHECK_INT(owner[page->number], 0);
	owner[page->number] = who;
	sched_yield();
	CHECK_INT(owner[page->number], who);
}

static void
give(struct vm_page *page)
{
	owner[page->number] = 0;
	vm_limit_give(&limit, &page, 1);
}

/* For the daemon to evict. */
static void
leave(struct vm_page *page)
{
	CHECK(pthread_mutex_lock(&resident_lock) == 0);
	CHECK(resident_count < PAGES);
	resident[resident_count++] = page;
	CHECK(pthread_mutex_unlock(&resident_lock) == 0);
}

static struct vm_page *
victim(void)
{
	struct vm_page *page = NULL;

	CHECK(pthread_mutex_lock(&resident_lock) == 0);
	if (resident_count != 0)
		page = resident[--resident_count];
	CHECK(pthread_mutex_unlock(&resident_lock) == 0);
	return page;
}

/* Evicts all there is to evict; a pass in which nothing is, is fruitless. */
static void *
evict(void *arg)
{
	struct vm_page *page;
	uint32_t freed;

	(void)arg;
	while (vm_limit_daemon_wait(&limit, UINT64_MAX)) {
		for (freed = 0; (page = victim()) != NULL; freed++)
			give(page);
		vm_limit_pass_done(&limit, freed);
	}
	return NULL;
}

static struct vm_page *
take(void)
{
	struct vm_page *page;

	while (vm_limit_take(&limit, VM_HOME_POOL, VM_CLASS_NORMAL, 0, &page,
	    1) == 0) {
		/* Many passes find all in use where pages are held so long. */
		if (vm_limit_wait(&limit, VM_HOME_POOL, UINT64_MAX, &page) ==
		    0)
			break;
	}
	return page;
}

static void *
run(void *arg)
{
	unsigned random = (unsigned)(uintptr_t)arg * 7919 + 1;
	struct vm_page *held[3];

	for (int i = 0; i < ROUNDS; i++) {
		unsigned count;

		random = random * 1664525 + 1013904223;
		/* Who waits for a third holds two: 12 of the 15 that are
		 * not in reserve. */
		count = 1 + (random >> 24) % 3;
		for (unsigned at = 0; at < count; at++) {
			held[at] = take();
			own(held[at], (long)(uintptr_t)arg + 1);
		}
		for (unsigned at = 0; at < count; at++)
			if (random >> 16 & 1)
				give(held[at]);
			else
				leave(held[at]);
	}
	return NULL;
}

TEST(pages_given_reach_those_who_wait)
{
	pthread_t thread[THREADS], pager;
	struct vm_page *page;

	CHECK_INT(vm_frames_init(&frames, &vm_os_linux, PAGES, PAGE_BYTES), 0);
	vm_limit_init(&limit, &frames);
	CHECK(pthread_create(&pager, NULL, evict, NULL) == 0);
	for (uintptr_t i = 0; i < THREADS; i++)
		CHECK(pthread_create(&thread[i], NULL, run, (void *)i) == 0);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(thread[i], NULL) == 0);
	vm_limit_stop_daemon(&limit);
	CHECK(pthread_join(pager, NULL) == 0);
	while ((page = victim()) != NULL)
		give(page);
	CHECK_INT(atomic_load(&limit.free), PAGES);
	vm_limit_fini(&limit);
	vm_frames_fini(&frames);
}
