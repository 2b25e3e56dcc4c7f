/* SPDX-License-Identifier: BSD-2-Clause */
/* Pages on loan: their bytes stay, and the owner's next write copies. */
#include "object/loan.h"

#include <pthread.h>

#include "audit.h"
#include "limit/account.h"
#include "object/life.h"
#include "one_object.h"
#include "pageout/daemon.h"
#include "stat/stat.h"

static uint64_t
copies(void)
{
	return vm_counter_read(vm->counters, VM_COUNTER_loan_copies);
}

static struct vm_page *
lend(uint64_t pindex)
{
	struct vm_page *page;

	core_maybe_audit();
	CHECK_INT(vm_loan(object, pindex, 0, &page), 0);
	return page;
}

static uint64_t
borrowed_word(const struct vm_page *page, unsigned word)
{
	uint64_t value;

	memcpy(&value, (const char *)vm_loan_data(vm, page) + word * 8,
	    sizeof(value));
	return value;
}

/* Pages that are the test's own: no NORMAL one is left. */
static struct vm_page *own[CORE_LIMIT_PAGES];
static unsigned owned;

static void
take_all(unsigned flags)
{
	while (vm_page_alloc(vm, flags, &own[owned]) == 0)
		owned++;
}

static void
give_all(void)
{
	while (owned > 0)
		vm_page_free(own[--owned], 0);
}

/* F66, F68. */
TEST(a_write_leaves_the_borrower_his_bytes_and_goes_to_another_page)
{
	struct vm_page *lent, *page;

	core_set_up(0);
	core_put(5, 111);
	lent = lend(5);
	CHECK(vm_page_lookup(object, 5) == lent);
	CHECK_INT(vm_page_busied(lent), 0);
	core_put(5, 222);
	page = vm_page_lookup(object, 5);
	CHECK(page != lent);
	CHECK_INT(borrowed_word(lent, 0), 5);
	CHECK_INT(borrowed_word(lent, 1), 111);
	CHECK_INT(core_get(5, 1), 222);
	CHECK_INT(core_get(5, 0), 5);
	CHECK_INT(copies(), 1);
	CHECK_INT(vm->orphans, 1);
	CHECK((atomic_load(&lent->flags) & VM_PGA_ORPHAN) != 0);
	CHECK(vm_life_loose(lent) && lent->object == vm->nowhere);
	audit(vm);
	core_put(5, 333);
	CHECK(vm_page_lookup(object, 5) == page);
	CHECK_INT(borrowed_word(lent, 1), 111);
	vm_unloan(vm, lent);
	CHECK_INT(vm->orphans + vm->loans, 0);
	audit(vm);
	core_tear_down();
}

/* F66, F67: only the next write looks, and finds nobody. */
TEST(when_the_loan_is_over_the_owner_writes_where_he_was)
{
	struct vm_page *lent;
	uint32_t free;

	core_set_up(0);
	core_put(5, 111);
	lent = lend(5);
	free = vm->limit.free;
	CHECK_INT(lend(5) == lent, 1);
	CHECK_INT(vm->loans, 2);
	vm_unloan(vm, lent);
	vm_unloan(vm, lent);
	CHECK_INT(vm->limit.free, free);
	CHECK(vm_page_lookup(object, 5) == lent);
	core_put(5, 222);
	CHECK(vm_page_lookup(object, 5) == lent);
	CHECK_INT(copies(), 0);
	CHECK_INT(vm->orphans, 0);
	CHECK_DIES(vm_unloan(vm, lent));
	core_tear_down();
}

/* Who reads shares it, lent or not. */
TEST(readers_and_borrowers_share_a_page)
{
	struct vm_page *lent, *page;

	core_set_up(0);
	page = core_grab(5, VM_GRAB_READ);
	lent = lend(5);
	CHECK(lent == page);
	CHECK_INT(vm_page_try_upgrade(page), -EBUSY);
	CHECK_INT(vm_page_busied(page), 1);
	vm_unloan(vm, lent);
	CHECK_INT(vm_page_try_upgrade(page), 0);
	CHECK_INT(vm_page_busied(page), -1);
	CHECK_INT(vm_loan(object, 5, VM_LOAN_NOWAIT, &lent), -EAGAIN);
	vm_page_release(page);
	CHECK_INT(vm_loan(object, 6, VM_LOAN_NOWAIT, &lent), -EAGAIN);
	core_tear_down();
}

/* F65: nobody reads what was there. */
TEST(who_overwrites_all_copies_nothing)
{
	static const unsigned how[] = { VM_GRAB_OVERWRITE, VM_GRAB_ZERO };
	struct vm_page *lent, *page;

	core_set_up(0);
	for (unsigned i = 0; i < 2; i++) {
		core_put(5 + i, 111);
		lent = lend(5 + i);
		page = core_grab(5 + i, VM_GRAB_WRITE | how[i]);
		CHECK(page != lent);
		CHECK_INT(copies(), 0);
		CHECK_INT(page->valid, vm->all_blocks);
		CHECK_INT(page->dirty, vm->all_blocks);
		memset(vm_page_data(page), 0x44, PAGE);
		vm_page_release(page);
		CHECK_INT(borrowed_word(lent, 1), 111);
		vm_unloan(vm, lent);
	}
	audit(vm);
	core_tear_down();
}

TEST(an_overwritten_page_is_not_read_and_written_as_a_whole)
{
	struct vm_page *page;
	char bytes[PAGE];

	core_set_up(0);
	page = core_grab(7, VM_GRAB_WRITE | VM_GRAB_OVERWRITE);
	CHECK_INT(vm_counter_read(vm->counters, VM_COUNTER_reads), 0);
	memset(vm_page_data(page), 0x44, PAGE);
	vm_page_release(page);
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	CHECK_INT(pread(core_fd, bytes, PAGE, 7 * PAGE), PAGE);
	for (unsigned i = 0; i < PAGE; i++)
		CHECK_INT(bytes[i], 0x44);
	CHECK_INT(vm_page_grab(object, 7, VM_GRAB_OVERWRITE, &page),
	    -EINVAL);
	core_tear_down();
}

TEST(what_was_dirty_and_valid_is_so_in_the_copy)
{
	struct vm_page *lent, *page;

	core_set_up(0);
	page = core_grab(5, VM_GRAB_WRITE);
	memset((char *)vm_page_data(page) + 1024, 0x33, 512);
	vm_page_dirty(page, 1024, 512);
	vm_page_set_precious(page, 1);
	vm_page_release(page);
	lent = lend(5);
	page = core_grab(5, VM_GRAB_WRITE);
	CHECK_INT(page->dirty, 4);
	CHECK_INT(page->valid, vm->all_blocks);
	CHECK_INT(vm_page_precious(page), 1);
	CHECK_INT(object->dirty, 1);
	vm_page_dirty(page, 0, 1);
	vm_page_release(page);
	CHECK(strcmp(vm_queue_name(&vm->queue, page), "none") != 0);
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	CHECK_INT(object->dirty, 0);
	vm_unloan(vm, lent);
	audit(vm);
	core_tear_down();
}

/* R54: the caller copies. */
TEST(what_cannot_be_lent_is_busy)
{
	struct vm_object *device;
	struct vm_page *page, *lent[VM_LOANS_MAX];
	static _Alignas(4096) char memory[PAGE];

	core_set_up(VM_OBJECT_STORE);
	CHECK_INT(vm_loan(object, 5, 0, &page), -EBUSY);
	CHECK(!core_resident(5));
	CHECK_INT(vm_object_create_device(vm, memory, PAGE,
	    VM_OBJECT_WRITABLE, &device), 0);
	CHECK_INT(vm_loan(device, 0, 0, &page), -EBUSY);
	CHECK_INT(vm_object_destroy(device), 0);
	core_tear_down();
	core_set_up(0);
	CHECK_INT(vm_object_write_begin(object, 0, 1), 0);
	CHECK_INT(vm_object_write_end(object, 0, 1, 0), 0);
	for (unsigned i = 0; i < VM_LOANS_MAX; i++)
		lent[i] = lend(0);
	CHECK_INT(vm_loan(object, 0, 0, &page), -EBUSY);
	for (unsigned i = 0; i < VM_LOANS_MAX; i++)
		vm_unloan(vm, lent[i]);
	CHECK_INT(vm->loans, 0);
	core_tear_down();
}

/* Who wired a page wants it where it is. */
TEST(a_page_is_wired_or_lent_and_never_both)
{
	struct vm_page *page, *lent;

	core_set_up(0);
	page = core_grab(5, VM_GRAB_READ | VM_GRAB_WIRED);
	CHECK_INT(vm_loan(object, 5, 0, &lent), -EBUSY);
	CHECK_INT(vm->loans, 0);
	CHECK_INT(vm_page_unwire(page, NULL, VM_TO_ACTIVE), 0);
	lent = lend(5);
	CHECK_INT(vm_page_wire(page, NULL), -EBUSY);
	CHECK_INT(vm->wired, 0);
	CHECK(strcmp(vm_queue_name(&vm->queue, page), "none") != 0);
	vm_page_release(page);
	page = core_grab(5, VM_GRAB_READ | VM_GRAB_WIRED);
	CHECK(page != lent);
	CHECK_INT(vm_page_busied(page), 1);
	CHECK_INT(page->wires, 1);
	CHECK_INT(copies(), 1);
	vm_page_release(page);
	vm_unloan(vm, lent);
	lent = lend(6);
	CHECK_INT(vm_object_wire(object, 5 * PAGE, 2 * PAGE), 0);
	CHECK(vm_page_lookup(object, 6) != lent);
	CHECK_INT(vm->wired, 2);
	vm_unloan(vm, lent);
	CHECK_INT(vm_object_unwire(object, 5 * PAGE, 2 * PAGE), 0);
	CHECK_INT(vm_page_unwire(page, NULL, VM_TO_ACTIVE), 0);
	audit(vm);
	core_tear_down();
}

TEST(an_account_is_not_charged_for_a_wire_that_is_refused)
{
	const struct vm_account_request request = { .name = "one" };
	struct vm_account *account;
	struct vm_page *page, *lent;

	core_set_up(0);
	CHECK_INT(vm_account_new(&vm->limit, &request, &account), 0);
	page = core_grab(5, VM_GRAB_READ);
	lent = lend(5);
	CHECK_INT(vm_page_wire(page, account), -EBUSY);
	CHECK_INT(account->used[VM_CHARGE_WIRED], 0);
	vm_page_release(page);
	vm_unloan(vm, lent);
	CHECK_INT(vm_account_free(account), 0);
	core_tear_down();
}

/* ---- memory -------------------------------------------------------------- */

/* F66: INTERRUPT's class, which does not look for cached pages. */
TEST(who_may_not_sleep_takes_the_reserve_and_no_cached_page)
{
	struct vm_page *lent[3], *page;
	uint32_t cached;

	core_set_up(0);
	vm_daemon_stop(vm);	/* it would take what is cached */
	page = core_grab(9, VM_GRAB_WRITE);
	vm_page_cache(page);
	vm_page_release(page);
	for (unsigned i = 0; i < 3; i++)
		lent[i] = lend(i);
	while (vm->limit.free > 1)
		CHECK_INT(vm_page_alloc(vm, VM_ALLOC_INTERRUPT,
		    &own[owned++]), 0);
	cached = vm_queue_cached(&vm->queue);
	CHECK_INT(cached, 1);
	page = core_grab(0, VM_GRAB_WRITE | VM_GRAB_NOWAIT);
	CHECK(page != lent[0]);
	vm_page_release(page);
	CHECK_INT(vm_queue_cached(&vm->queue), cached);
	CHECK_INT(vm->limit.free, 0);
	CHECK_INT(vm_page_grab(object, 1, VM_GRAB_WRITE | VM_GRAB_NOWAIT,
	    &page), -EAGAIN);
	CHECK_INT(vm_queue_cached(&vm->queue), cached);
	CHECK_INT(vm_page_busied(vm_page_lookup(object, 1)), 0);
	CHECK(vm_page_lookup(object, 1) == lent[1]);
	give_all();
	for (unsigned i = 0; i < 3; i++)
		vm_unloan(vm, lent[i]);
	audit(vm);
	core_tear_down();
}

static void
set_up_short(void)
{
	core_create(10000000);	/* 10 ms */
	core_new_file();
	CHECK_INT(vm_object_create_file(vm, core_fd, 0, VM_LENGTH_ALL,
	    VM_OBJECT_WRITABLE, &object), 0);
	CHECK_INT(vm_object_advise(object, VM_ADVICE_RANDOM), 0);
}

TEST(a_write_that_gets_no_memory_fails_and_the_page_stays_lent)
{
	struct vm_page *lent, *page;

	set_up_short();
	lent = lend(5);
	take_all(VM_ALLOC_INTERRUPT);
	CHECK_INT(vm_page_grab(object, 5, VM_GRAB_WRITE, &page), -ENOMEM);
	CHECK_INT(vm_loan_break(object, 5), -ENOMEM);
	CHECK_INT(vm_object_write_begin(object, 5 * PAGE, 10), -ENOMEM);
	CHECK_INT(vm_object_resize(object, 5 * PAGE + 10), -ENOMEM);
	CHECK(vm_page_lookup(object, 5) == lent);
	CHECK_INT(vm_page_busied(lent), 0);
	CHECK_INT(lent->loans, 1);
	CHECK(vm_list_empty(&object->barriers));
	vm_unloan(vm, lent);
	/* Then it needs none. */
	core_put(5, 1);
	CHECK_INT(copies(), 0);
	give_all();
	core_tear_down();
}

static void *
write_it(void *arg)
{
	(void)arg;
	core_put(5, 222);
	return NULL;
}

/* F66: the loan ends while its writer waits for memory. */
TEST(who_waited_for_memory_copies_only_when_the_page_is_still_lent)
{
	struct vm_page *lent, *found;
	pthread_t writer;

	for (int still = 0; still < 2; still++) {
		core_set_up(0);
		core_put(5, 111);
		lent = lend(5);
		/* So that it is not evicted as soon as it may be. */
		CHECK_INT(vm_page_hold(lent), 0);
		take_all(VM_ALLOC_INTERRUPT);
		CHECK_INT(pthread_create(&writer, NULL, write_it, NULL), 0);
		while (atomic_load(&vm->limit.waiting) == 0)
			vm->os->yield();
		if (!still)
			vm_unloan(vm, lent);
		give_all();
		CHECK_INT(pthread_join(writer, NULL), 0);
		found = vm_page_lookup(object, 5);
		CHECK_INT(found == lent, !still);
		CHECK_INT(copies(), still);
		CHECK_INT(core_get(5, 1), 222);
		if (still) {
			CHECK_INT(borrowed_word(lent, 1), 111);
			vm_unloan(vm, lent);
		}
		vm_page_unhold(lent);
		audit(vm);
		core_tear_down();
	}
}

/* It would free nothing. */
TEST(the_daemon_passes_over_what_is_lent)
{
	struct vm_page *lent[4];

	core_set_up(0);
	for (uint64_t i = 0; i < 4; i++)
		lent[i] = lend(i);
	for (int round = 0; round < 3; round++)
		for (uint64_t i = 4; i < FILE_PAGES; i++)
			CHECK_INT(core_get(i, 0), i);
	for (uint64_t i = 0; i < 4; i++) {
		CHECK(vm_page_lookup(object, i) == lent[i]);
		CHECK_INT(borrowed_word(lent[i], 0), i);
		vm_unloan(vm, lent[i]);
	}
	audit(vm);
	core_tear_down();
}

/* ---- the page goes ------------------------------------------------------- */

TEST(a_lent_page_outlives_its_place_and_its_object)
{
	struct vm_page *lent, *other;
	uint32_t free;

	core_set_up(0);
	free = vm->limit.free;
	core_put(5, 111);
	lent = lend(5);
	other = lend(6);
	CHECK_INT(vm_object_discard_dirty(object), 0);
	CHECK_INT(vm_object_flush(object, 0, VM_LENGTH_ALL), 0);
	CHECK(!core_resident(5) && !core_resident(6));
	CHECK_INT(vm->orphans, 2);
	CHECK_INT(vm->limit.free, free - 2);
	audit(vm);
	CHECK_INT(vm_object_destroy(object), 0);
	CHECK_INT(vm_destroy(vm), -EBUSY);
	CHECK_INT(borrowed_word(lent, 1), 111);
	CHECK_INT(borrowed_word(other, 0), 6);
	vm_unloan(vm, lent);
	vm_unloan(vm, other);
	CHECK_INT(vm->limit.free, free);
	CHECK_INT(vm_destroy(vm), 0);
	close(core_fd);
	faulty_check_clean();
}

TEST(a_lent_page_that_is_replaced_is_not_had_back)
{
	struct vm_page *lent, *page, *old;

	core_set_up(0);
	lent = lend(5);
	CHECK_INT(vm_page_alloc(vm, VM_ALLOC_ZERO, &page), 0);
	CHECK_INT(vm_page_replace(page, object, 5, &old), -EBUSY);
	CHECK(vm_page_lookup(object, 5) == lent);
	CHECK_INT(vm_page_busied(lent), 0);
	CHECK_INT(vm_page_replace(page, object, 5, NULL), 0);
	vm_page_release(page);
	CHECK_INT(vm->orphans, 1);
	CHECK_INT(borrowed_word(lent, 0), 5);
	vm_unloan(vm, lent);
	audit(vm);
	core_tear_down();
}

TEST(who_holds_the_frame_of_a_lent_page_keeps_the_old_one)
{
	struct vm_page *lent;
	uint32_t free;

	core_set_up(0);
	core_put(5, 111);
	lent = lend(5);
	CHECK_INT(vm_page_hold(lent), 0);
	free = vm->limit.free;
	core_put(5, 222);
	CHECK_INT(borrowed_word(lent, 1), 111);
	vm_unloan(vm, lent);
	CHECK_INT(vm->limit.free, free - 1);
	vm_page_unhold(lent);
	CHECK_INT(vm->limit.free, free);
	CHECK_INT(vm->gone + vm->orphans, 0);
	core_tear_down();
}

TEST(bytes_that_change_behind_the_object_do_not_change_for_a_borrower)
{
	const uint64_t news = 999;
	struct vm_page *lent, *tail;

	core_set_up(0);
	core_put(5, 111);
	CHECK_INT(vm_object_sync(object, 0, VM_LENGTH_ALL), 0);
	lent = lend(5);
	tail = lend(9);
	CHECK_INT(vm_object_write_begin(object, 4 * PAGE, 2 * PAGE), 0);
	CHECK_INT(pwrite(core_fd, &news, 8, 5 * PAGE + 8), 8);
	CHECK_INT(vm_object_write_end(object, 4 * PAGE, 2 * PAGE, 2 * PAGE),
	    0);
	CHECK_INT(core_get(5, 1), 999);
	CHECK_INT(borrowed_word(lent, 1), 111);
	CHECK_INT(vm_object_resize(object, 9 * PAGE + 4), 0);
	CHECK_INT(vm_object_resize(object, 10 * PAGE), 0);
	CHECK_INT(borrowed_word(tail, 0), 9);
	vm_unloan(vm, lent);
	vm_unloan(vm, tail);
	audit(vm);
	core_tear_down();
}

static void *
begin_write(void *arg)
{
	(void)arg;
	CHECK_INT(vm_object_write_begin(object, 5 * PAGE, PAGE), 0);
	return NULL;
}

/* Its owner waits until all have let go of it, and finds what is lent. */
TEST(behind_a_barrier_no_loan_begins)
{
	struct vm_page *lent, *page;
	pthread_t writer;

	core_set_up(0);
	page = core_grab(5, VM_GRAB_READ);
	lent = lend(5);
	CHECK_INT(pthread_create(&writer, NULL, begin_write, NULL), 0);
	while (atomic_load(&object->barrier_count) == 0)
		vm->os->yield();
	CHECK_INT(vm_loan_add(page), -EBUSY);
	vm_page_release(page);
	CHECK_INT(pthread_join(writer, NULL), 0);
	CHECK(vm_page_lookup(object, 5) != lent);
	CHECK_INT(vm->orphans, 1);
	CHECK_INT(vm_object_write_end(object, 5 * PAGE, PAGE, 0), 0);
	vm_unloan(vm, lent);
	core_tear_down();
}

/* ---- several, breaking, adopting ----------------------------------------- */

/* R54. */
TEST(a_row_is_lent_as_a_whole_or_not_at_all)
{
	struct vm_page *pages[8], *wired;

	core_set_up(0);
	CHECK_INT(vm_object_loan(object, 10, 8, pages), 0);
	CHECK_INT(vm->loans, 8);
	for (uint64_t i = 0; i < 8; i++) {
		core_put(10 + i, 1);
		CHECK_INT(borrowed_word(pages[i], 0), 10 + i);
		vm_unloan(vm, pages[i]);
	}
	wired = core_grab(13, VM_GRAB_READ | VM_GRAB_WIRED);
	CHECK_INT(vm_object_loan(object, 10, 8, pages), -EBUSY);
	CHECK_INT(vm->loans, 0);
	CHECK_INT(vm_page_unwire(wired, NULL, VM_TO_ACTIVE), 0);
	vm_page_release(wired);
	CHECK_INT(vm_object_loan(object, FILE_PAGES - 1, 2, pages), -ERANGE);
	audit(vm);
	core_tear_down();
}

/* R53: uvm_loanbreak. */
TEST(a_loan_is_broken_at_once)
{
	struct vm_page *lent, *page;

	core_set_up(0);
	CHECK_INT(vm_loan_break(object, 5), 0);
	CHECK(!core_resident(5));
	core_put(5, 111);
	lent = lend(5);
	CHECK_INT(vm_loan_break(object, 5), 0);
	page = vm_page_lookup(object, 5);
	CHECK(page != lent && page->loans == 0);
	CHECK_INT(vm_page_busied(page), 0);
	CHECK(strcmp(vm_queue_name(&vm->queue, page), "none") != 0);
	CHECK_INT(core_get(5, 1), 111);
	CHECK_INT(copies(), 1);
	CHECK_INT(vm_loan_break(object, 5), 0);
	CHECK(vm_page_lookup(object, 5) == page);
	CHECK_INT(copies(), 1);
	vm_unloan(vm, lent);
	audit(vm);
	core_tear_down();
}

TEST(the_only_borrower_of_an_orphan_makes_it_its_own)
{
	struct vm_object *anon;
	struct vm_page *lent;

	core_set_up(0);
	CHECK_INT(vm_object_create_anon(vm, 10 * PAGE, 0, &anon), 0);
	core_put(5, 111);
	lent = lend(5);
	CHECK_INT(vm_loan_adopt(lent, anon, 3), -EBUSY);	/* an owner */
	CHECK_INT(vm_loan_break(object, 5), 0);
	CHECK_INT(vm_loan_adopt(lent, anon, 10), -ERANGE);
	CHECK_INT(vm_loan_adopt(lent, object, 5), -EEXIST);
	CHECK_INT(lent->loans, VM_LOANS_ORPHAN | 1);
	CHECK_INT(vm->orphans, 1);
	CHECK_INT(vm->loans, 1);
	audit(vm);
	CHECK_INT(vm_loan_adopt(lent, anon, 3), 0);
	CHECK(vm_page_lookup(anon, 3) == lent);
	CHECK_INT(vm_page_busied(lent), 0);
	CHECK_INT(lent->dirty, vm->all_blocks);
	CHECK_INT(lent->valid, vm->all_blocks);
	CHECK_INT(vm->orphans + vm->loans + vm->loose, 0);
	CHECK_INT(copies(), 1);
	CHECK_INT(((uint64_t *)vm_page_data(lent))[1], 111);
	audit(vm);
	CHECK_INT(vm_object_destroy(anon), 0);
	core_tear_down();
}

TEST(an_orphan_adopted_as_the_last_page_ends_where_the_object_ends)
{
	struct vm_object *anon;
	struct vm_page *page;
	char *bytes;

	core_set_up(0);
	CHECK_INT(vm_object_create_anon(vm, 3 * PAGE + 1224, 0, &anon), 0);
	page = core_grab(5, VM_GRAB_WRITE);
	memset(vm_page_data(page), 0x5a, PAGE);
	vm_page_dirty(page, 0, PAGE);
	vm_page_release(page);
	page = lend(5);
	CHECK_INT(vm_loan_break(object, 5), 0);
	CHECK_INT(vm_loan_adopt(page, anon, 3), 0);
	CHECK_INT(vm_page_grab(anon, 3, VM_GRAB_READ, &page), 0);
	bytes = vm_page_data(page);
	CHECK_INT(bytes[1223], 0x5a);
	for (int i = 1224; i < PAGE; i++)
		CHECK_INT(bytes[i], 0);
	vm_page_release(page);
	CHECK_INT(vm_object_destroy(anon), 0);
	core_tear_down();
}

TEST(an_orphan_with_two_borrowers_is_nobodys)
{
	struct vm_object *anon, *locked;
	struct vm_page *lent;

	core_set_up(0);
	CHECK_INT(vm_object_create_anon(vm, 10 * PAGE, 0, &anon), 0);
	CHECK_INT(vm_object_create_file(vm, core_fd, 0, VM_LENGTH_ALL, 0,
	    &locked), 0);
	lent = lend(5);
	(void)lend(5);
	CHECK_INT(vm_loan_break(object, 5), 0);
	CHECK_INT(vm_loan_adopt(lent, anon, 3), -EBUSY);
	vm_unloan(vm, lent);
	CHECK_INT(vm_loan_adopt(lent, locked, 3), -EACCES);
	CHECK_INT(vm_loan_adopt(lent, anon, 3), 0);
	CHECK_DIES(vm_unloan(vm, lent));
	CHECK_INT(vm_object_destroy(anon), 0);
	CHECK_INT(vm_object_destroy(locked), 0);
	core_tear_down();
}

TEST(grabs_of_many_pages_copy_those_that_are_lent)
{
	struct vm_page *lent[2], *pages[8];
	unsigned got;

	core_set_up(0);
	lent[0] = lend(10);
	lent[1] = lend(13);
	CHECK_INT(vm_page_grab_many(object, 10, 8, VM_GRAB_READ, pages,
	    &got), 0);
	CHECK(pages[0] == lent[0] && pages[3] == lent[1]);
	vm_page_release_many(pages, got);
	CHECK_INT(vm_page_grab_many(object, 10, 8, VM_GRAB_WRITE, pages,
	    &got), 0);
	CHECK_INT(got, 8);
	for (unsigned i = 0; i < 8; i++)
		CHECK(!vm_page_lent(pages[i]));
	CHECK_INT(copies(), 2);
	vm_page_release_many(pages, got);
	CHECK_INT(borrowed_word(lent[0], 0), 10);
	vm_unloan(vm, lent[0]);
	vm_unloan(vm, lent[1]);
	audit(vm);
	core_tear_down();
}

TEST(a_lent_page_stays_where_it_is_when_others_are_put_together)
{
	struct vm_page *lent, *pages[4];

	core_set_up(0);
	vm_page_release(core_grab(12, VM_GRAB_READ));
	vm_page_release(core_grab(11, VM_GRAB_READ));
	lent = lend(10);
	vm_page_release(core_grab(13, VM_GRAB_READ));
	CHECK_INT(vm_page_grab_contig(object, 10, 4, VM_GRAB_READ, pages),
	    -EBUSY);
	CHECK(vm_page_lookup(object, 10) == lent);
	CHECK_INT(vm_page_grab_contig(object, 10, 4, VM_GRAB_WRITE, pages),
	    0);
	CHECK(pages[0] != lent);
	vm_page_release_many(pages, 4);
	CHECK_INT(borrowed_word(lent, 0), 10);
	vm_unloan(vm, lent);
	audit(vm);
	core_tear_down();
}

TEST(loans_are_figures_of_the_system)
{
	struct vm_stat now = VM_STAT_INIT;
	struct vm_page *lent;

	core_set_up(0);
	lent = lend(5);
	(void)lend(5);
	core_put(5, 1);
	CHECK_INT(vm_stat(vm, &now), 0);
	CHECK_INT(now.loans, 2);
	CHECK_INT(now.loaned_pages, 1);
	CHECK_INT(now.loan_copies, 1);
	atomic_fetch_add(&vm->loans, 1);
	CHECK_INT(vm_audit(vm), -EUCLEAN);
	atomic_fetch_sub(&vm->loans, 1);
	vm_unloan(vm, lent);
	vm_unloan(vm, lent);
	core_tear_down();
}
