/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memory_pager.h - a pager that somebody wrote, over an array of bytes, and a
 * system on faulty_os with one object over it.  Include once, in a test's own
 * file.
 *
 * Requests are answered where they are submitted, or kept until the test
 * answers them, or by a thread.  Word 0 of page i is i at first.
 */
#ifndef MEMORY_PAGER_H
#define MEMORY_PAGER_H

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <resident/resident.h>

#include "api/system.h"
#include "check.h"
#include "faulty.h"
#include "object/object.h"

enum { PAGE = 4096, PAGES = 100, LIMIT_PAGES = 64, KEPT_MAX = 64 };

enum answering { AT_ONCE, KEPT, BY_THREAD };

static struct memory_pager {
	char *bytes;
	enum answering how;
	enum vm_pager_result in, out;	/* what it answers */
	_Atomic unsigned again;	/* so many INs it has no room for, first */
	int error;
	uint32_t filled;
	unsigned marks;		/* of every page it brings */
	int unlock;		/* what unlock answers */
	int sync_error;
	uint64_t absent_from;	/* extent says ABSENT from here on */
	/* Counted, by any thread. */
	_Atomic unsigned ins, outs, pages_in, pages_out, syncs, unlocks,
	    terminated, extents;
	_Atomic uint64_t resized_to, last_unlock, forgotten;
	_Atomic unsigned last_want;
	void *_Atomic last_base;	/* memory of the last request */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct vm_pager_request *kept[KEPT_MAX];	/* (lock) */
	unsigned kept_count;				/* (lock) */
	bool stop;					/* (lock) */
	pthread_t thread;
} mem;

static struct vm *vm;
static struct vm_object *object;

static void
mem_move(struct vm_pager_request *request)
{
	char *at = mem.bytes + request->pindex * PAGE;
	uint64_t left = request->bytes;

	for (int i = 0; i < request->iov_count && left > 0; i++) {
		size_t n = request->iov[i].iov_len < left ?
		    request->iov[i].iov_len : (size_t)left;

		if (request->op == VM_PAGER_IN)
			memcpy(request->iov[i].iov_base, at, n);
		else
			memcpy(at, request->iov[i].iov_base, n);
		at += n;
		left -= n;
	}
}

/* Does what it was asked, and says so. */
static void
mem_answer(struct vm_pager_request *request)
{
	bool in = request->op == VM_PAGER_IN;
	enum vm_pager_result result = in ? mem.in : mem.out;

	if (in && mem.again > 0) {
		mem.again--;
		result = VM_PAGER_AGAIN;
	}
	atomic_fetch_add(in ? &mem.ins : &mem.outs, 1);
	atomic_fetch_add(in ? &mem.pages_in : &mem.pages_out,
	    request->count);
	if (result == VM_PAGER_OK || result == VM_PAGER_RANGE)
		mem_move(request);
	if (in && mem.marks != 0)
		vm_pager_mark(request, 0, request->count, mem.marks);
	request->error = mem.error;
	vm_pager_done(request, result, mem.filled);
}

static void
mem_submit(void *arg, struct vm_pager_request *request)
{
	CHECK(arg == &mem);
	CHECK_INT(request->page_bytes, PAGE);
	mem.last_base = request->iov[0].iov_base;
	CHECK(request->op == VM_PAGER_OUT || request->count <= 64);
	if (mem.how == AT_ONCE) {
		mem_answer(request);
		return;
	}
	pthread_mutex_lock(&mem.lock);
	CHECK(mem.kept_count < KEPT_MAX);
	mem.kept[mem.kept_count++] = request;
	pthread_cond_broadcast(&mem.changed);
	pthread_mutex_unlock(&mem.lock);
}

/* The oldest request that was kept; waits for one. */
static struct vm_pager_request *
mem_take(void)
{
	struct vm_pager_request *request = NULL;

	pthread_mutex_lock(&mem.lock);
	while (mem.kept_count == 0 && !mem.stop)
		pthread_cond_wait(&mem.changed, &mem.lock);
	if (mem.kept_count != 0) {
		request = mem.kept[0];
		memmove(&mem.kept[0], &mem.kept[1],
		    --mem.kept_count * sizeof(mem.kept[0]));
	}
	pthread_mutex_unlock(&mem.lock);
	return request;
}

static inline void *
mem_work(void *arg)
{
	struct vm_pager_request *request;

	while ((request = mem_take()) != NULL)
		mem_answer(request);
	return arg;
}

static int
mem_sync(void *arg)
{
	CHECK(arg == &mem);
	mem.syncs++;
	return mem.sync_error;
}

static void
mem_resized(void *arg, uint64_t bytes)
{
	CHECK(arg == &mem);
	mem.resized_to = bytes;
}

static void
mem_forget(void *arg, uint64_t pindex, uint32_t count)
{
	CHECK(arg == &mem);
	mem.forgotten = pindex * 1000 + count;
}

static int
mem_unlock(void *arg, uint64_t pindex, unsigned want)
{
	CHECK(arg == &mem);
	mem.unlocks++;
	mem.last_unlock = pindex;
	mem.last_want = want;
	return mem.unlock;
}

static enum vm_pager_result
mem_extent(void *arg, uint64_t pindex, uint32_t want, uint32_t *count)
{
	CHECK(arg == &mem);
	mem.extents++;
	if (pindex >= mem.absent_from) {
		*count = want;
		return VM_PAGER_ABSENT;
	}
	*count = want < mem.absent_from - pindex ? want :
	    (uint32_t)(mem.absent_from - pindex);
	return VM_PAGER_OK;
}

static void
mem_terminate(void *arg)
{
	CHECK(arg == &mem);
	mem.terminated++;
}

static inline struct vm_pager_callbacks
mem_callbacks(void)
{
	struct vm_pager_callbacks c = VM_PAGER_CALLBACKS_INIT;

	c.submit = mem_submit;
	c.extent = mem_extent;
	c.sync = mem_sync;
	c.resized = mem_resized;
	c.forget = mem_forget;
	c.unlock = mem_unlock;
	c.terminate = mem_terminate;
	return c;
}

static inline void
mem_system(const char *filter)
{
	struct vm_options o = VM_OPTIONS_INIT;

	faulty_reset();
	o.resident_max_bytes = LIMIT_PAGES * PAGE;
	o.swap_directory = "/var/tmp";
	o.pager_filter = filter;
	CHECK_INT(vm_create_on(&o, &faulty_os, &pmap_nobody, &vm), 0);
}

static inline void
mem_reset(enum answering how)
{
	mem = (struct memory_pager){ .how = how,
	    .absent_from = UINT64_MAX };
	pthread_mutex_init(&mem.lock, NULL);
	pthread_cond_init(&mem.changed, NULL);
	mem.bytes = calloc(PAGES, PAGE);
	CHECK(mem.bytes != NULL);
	for (uint64_t i = 0; i < PAGES; i++)
		memcpy(mem.bytes + i * PAGE, &i, sizeof(i));
}

/* flags: besides WRITABLE. */
static inline void
mem_object(unsigned flags)
{
	struct vm_pager_callbacks c = mem_callbacks();

	CHECK_INT(vm_object_create_pager(vm, &c, &mem, PAGES * PAGE,
	    VM_OBJECT_WRITABLE | flags, &object), 0);
	CHECK_INT(vm_object_advise(object, VM_ADVICE_RANDOM), 0);
	if (mem.how == BY_THREAD)
		CHECK(pthread_create(&mem.thread, NULL, mem_work,
		    NULL) == 0);
}

static inline void
mem_set_up(enum answering how, unsigned flags)
{
	mem_system(NULL);
	mem_reset(how);
	mem_object(flags);
}

static inline void
mem_tear_down(void)
{
	CHECK_INT(vm_object_destroy(object), 0);
	CHECK_INT(mem.terminated, 1);
	if (mem.how == BY_THREAD) {
		pthread_mutex_lock(&mem.lock);
		mem.stop = true;
		pthread_cond_broadcast(&mem.changed);
		pthread_mutex_unlock(&mem.lock);
		CHECK(pthread_join(mem.thread, NULL) == 0);
	}
	CHECK_INT(vm_destroy(vm), 0);
	free(mem.bytes);
	faulty_check_clean();
}

static inline struct vm_page *
grab(uint64_t pindex, unsigned how)
{
	struct vm_page *page;

	CHECK_INT(vm_page_grab(object, pindex, how, &page), 0);
	return page;
}

/* Word of a page, through the object. */
static inline uint64_t
get(uint64_t pindex, unsigned word)
{
	struct vm_page *page = grab(pindex, VM_GRAB_READ);
	uint64_t value;

	memcpy(&value, (char *)vm_page_data(page) + word * 8, sizeof(value));
	vm_page_release(page);
	return value;
}

static inline void
put(uint64_t pindex, uint64_t value)
{
	struct vm_page *page = grab(pindex, VM_GRAB_WRITE);

	memcpy((char *)vm_page_data(page) + 8, &value, sizeof(value));
	vm_page_dirty(page, 8, sizeof(value));
	vm_page_release(page);
}

/* Word of a page, where the pager keeps it. */
static inline uint64_t
kept(uint64_t pindex, unsigned word)
{
	uint64_t value;

	memcpy(&value, mem.bytes + pindex * PAGE + word * 8, sizeof(value));
	return value;
}

static inline bool
resident(uint64_t pindex)
{
	struct vm_slot *slot = vm_index_find(&object->index, pindex);

	return slot != NULL && vm_slot_number(slot) != VM_SLOT_ABSENT;
}

/* Errors that a grab gives. */
static inline int
grab_error(uint64_t pindex, unsigned how)
{
	struct vm_page *page = NULL;
	int error = vm_page_grab(object, pindex, how, &page);

	CHECK((error == 0) == (page != NULL));
	if (error == 0)
		vm_page_release(page);
	return error;
}

#endif
