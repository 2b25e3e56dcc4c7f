/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A pager that somebody wrote fails: its first submit, sync or unlock, then the
 * second, and so on until a whole run meets none.  Whoever is told may do the
 * same again; what was written is in the pager's array in the end, what was
 * not is still in the pages.
 */
#include "audit.h"
#include "base/error.h"
#include "memory_pager.h"

enum failing { SUBMIT_FAILS, SUBMIT_AGAIN, SYNC_FAILS, UNLOCK_FAILS };

struct story {
	const char *name;
	enum failing what;
	enum answering how;
	unsigned flags;		/* of the object */
	int error;		/* what the caller gets, besides -ENOMEM */
};

static const struct story stories[] = {
	{ "reads and writes", SUBMIT_FAILS, AT_ONCE, 0, -EIO },
	{ "of a store", SUBMIT_FAILS, AT_ONCE, VM_OBJECT_STORE, -EIO },
	{ "no room just now", SUBMIT_AGAIN, AT_ONCE, 0, -EAGAIN },
	{ "syncs", SYNC_FAILS, AT_ONCE, 0, -EIO },
	{ "unlocks", UNLOCK_FAILS, AT_ONCE, 0, -EPERM },
};

static const struct story *story;
static _Atomic unsigned calls, fail_at, failures;
static uint64_t expected[PAGES], stamp;

static bool
fails(enum failing what)
{
	if (what != story->what || atomic_fetch_add(&calls, 1) + 1 !=
	    atomic_load(&fail_at))
		return false;
	atomic_fetch_add(&failures, 1);
	return true;
}

static void
submit(void *arg, struct vm_pager_request *request)
{
	if (fails(SUBMIT_AGAIN)) {
		vm_pager_done(request, VM_PAGER_AGAIN, 0);
	} else if (fails(SUBMIT_FAILS)) {
		request->error = EIO;
		vm_pager_done(request, VM_PAGER_FAILED, 0);
	} else
		mem_submit(arg, request);
}

static int
sync_all(void *arg)
{
	return fails(SYNC_FAILS) ? -EIO : mem_sync(arg);
}

static int
unlock(void *arg, uint64_t pindex, unsigned want)
{
	return fails(UNLOCK_FAILS) ? -EPERM : mem_unlock(arg, pindex, want);
}

/* Does it, and again where it failed, which it does once at most. */
#define TWICE(call)                                                           \
	do {                                                                  \
		int twice_error;                                              \
		vm_error(EDOM, "stale");                                      \
		twice_error = (call);                                         \
		if (twice_error != 0) {                                       \
			CHECK_INT(twice_error, story->error);                 \
			CHECK_INT(atomic_load(&failures), 1);                 \
			CHECK(strcmp(vm_last_error(), "stale") != 0);         \
			CHECK_INT(call, 0);                                   \
		}                                                             \
	} while (0)

static void
check_or_change(uint64_t pindex, bool change)
{
	struct vm_page *page;
	uint64_t *words;

	TWICE(vm_page_grab(object, pindex, change ? VM_GRAB_WRITE :
	    VM_GRAB_READ, &page));
	words = vm_page_data(page);
	CHECK_INT(words[0], pindex);
	CHECK_INT(words[1], expected[pindex]);
	if (change) {
		words[1] = expected[pindex] = ++stamp;
		vm_page_dirty(page, 8, 8);
	}
	vm_page_release(page);
}

static void
set_up(unsigned n)
{
	struct vm_pager_callbacks c;

	mem_system(NULL);
	mem_reset(story->how);
	c = mem_callbacks();
	c.submit = submit;
	c.sync = sync_all;
	c.unlock = unlock;
	memset(expected, 0, sizeof(expected));
	atomic_store(&calls, 0);
	atomic_store(&failures, 0);
	atomic_store(&fail_at, n);
	CHECK_INT(vm_object_create_pager(vm, &c, &mem, PAGES * PAGE,
	    VM_OBJECT_WRITABLE | story->flags, &object), 0);
	CHECK_INT(vm_object_advise(object, VM_ADVICE_RANDOM), 0);
}

/* More pages than there is memory for, so that the daemon writes, too. */
static void
use(void)
{
	for (uint64_t i = 0; i < PAGES; i++)
		check_or_change(i, i % 3 != 0);
	TWICE(vm_object_sync(object, 0, VM_LENGTH_ALL));
	CHECK_INT(vm_pager_protect(object, 0, PAGES, VM_PAGER_NO_WRITE), 0);
	for (uint64_t i = 0; i < PAGES; i += 5)
		check_or_change(i, true);
	CHECK_INT(vm_pager_protect(object, 0, PAGES, 0), 0);
	TWICE(vm_object_flush(object, 0, VM_LENGTH_ALL));
	TWICE(vm_object_forget(object));
	for (uint64_t i = 0; i < PAGES; i++)
		check_or_change(i, false);
}

/* Of a story that is over: whatever failed, nothing is lost. */
static void
check_all(void)
{
	atomic_store(&fail_at, 0);
	audit(vm);
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	for (uint64_t i = 0; i < PAGES; i++) {
		check_or_change(i, false);
		CHECK(memcmp(mem.bytes + i * PAGE + 8, &expected[i], 8) ==
		    0);
	}
}

TEST(a_pager_that_fails_at_any_call_loses_nothing)
{
	for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
		bool failed = true;

		story = &stories[i];
		for (unsigned n = 1; failed; n++) {
			set_up(n);
			use();
			failed = atomic_load(&failures) != 0;
			check_all();
			mem_tear_down();
		}
		CHECK(atomic_load(&calls) != 0);
	}
}

/* ---- the machine fails under a pager ------------------------------------- */

static const struct story quiet = { .name = "the machine" };

static int
create(struct vm_pager_callbacks *c)
{
	return vm_object_create_pager(vm, c, &mem, PAGES * PAGE,
	    VM_OBJECT_WRITABLE, &object);
}

static void
supply(uint64_t pindex)
{
	static char bytes[2 * PAGE];
	uint64_t words[2] = { pindex, pindex + 1 };
	int got;

	memcpy(bytes, &words[0], 8);
	memcpy(bytes + PAGE, &words[1], 8);
	got = vm_pager_supply(object, pindex, bytes, 2, 0);
	if (got < 0)
		CHECK(atomic_load(&faulty.failed) != NULL);
}

/* One call to the machine fails, as in scenario.h. */
static bool
run_on_machine(unsigned n)
{
	struct vm_pager_callbacks c;
	bool failed;

	story = &quiet;
	mem_system(NULL);
	mem_reset(AT_ONCE);
	c = mem_callbacks();
	memset(expected, 0, sizeof(expected));
	atomic_store(&faulty.fail_at, atomic_load(&faulty.calls) + n);
	if (create(&c) != 0) {
		CHECK(atomic_load(&faulty.failed) != NULL);
		CHECK_INT(create(&c), 0);
	}
	supply(30);
	for (uint64_t i = 0; i < 40; i++) {
		struct vm_page *page;

		if (vm_page_grab(object, i, VM_GRAB_WRITE, &page) != 0) {
			CHECK(atomic_load(&faulty.failed) != NULL);
			CHECK_INT(vm_page_grab(object, i, VM_GRAB_WRITE,
			    &page), 0);
		}
		CHECK_INT(*(uint64_t *)vm_page_data(page), i);
		vm_page_release(page);
	}
	failed = atomic_load(&faulty.failed) != NULL;
	atomic_store(&faulty.fail_at, 0);
	check_all();
	mem_tear_down();
	return failed;
}

TEST(an_object_over_a_pager_is_made_whatever_fails)
{
	for (unsigned n = 1; run_on_machine(n); n++)
		continue;
}
