/* SPDX-License-Identifier: BSD-2-Clause */
/* Many grabs of one thread: what is on its way, what waits, what is answered.
 * The pager keeps requests until the test answers them. */
#include <pthread.h>
#include <sched.h>

#include "audit.h"
#include "fault/fill.h"
#include "memory_pager.h"
#include "stat/stat.h"

enum { DEPTH = 32 };

static struct vm_async *async;
static struct vm_async_answer answers[VM_ASYNC_DEPTH_MAX];

static void
set_up(enum answering how)
{
	mem_set_up(how, 0);
	CHECK_INT(vm_async_create(vm, DEPTH, &async), 0);
}

static void
tear_down(void)
{
	vm_async_destroy(async);
	audit(vm);
	mem_tear_down();
}

/* A page by its number, which comes back as arg. */
static struct vm_async_ask
ask_for(uint64_t pindex, unsigned flags)
{
	return (struct vm_async_ask){ .object = object, .pindex = pindex,
		.flags = flags, .arg = mem.bytes + pindex * PAGE };
}

static void
ask(uint64_t pindex, unsigned flags)
{
	struct vm_async_ask one = ask_for(pindex, flags);

	CHECK_INT(vm_async_grab(async, &one, 1), 1);
}

static unsigned
reap(unsigned min)
{
	return vm_async_reap(async, answers, VM_ASYNC_DEPTH_MAX, min);
}

static void
pager_answers(enum vm_pager_result result)
{
	mem.in = result;
	mem_answer(mem_take());
}

static void
check_page(const struct vm_async_answer *got, uint64_t pindex)
{
	CHECK_INT(got->error, 0);
	CHECK(got->arg == mem.bytes + pindex * PAGE);
	CHECK_INT(vm_page_pindex(got->page), pindex);
	CHECK_INT(*(uint64_t *)vm_page_data(got->page), pindex);
}

static void
release(unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (answers[i].page != NULL)
			vm_page_release(answers[i].page);
}

/* The only one that is answered. */
static void
check_one(uint64_t pindex)
{
	CHECK_INT(reap(1), 1);
	check_page(&answers[0], pindex);
	release(1);
}

static void
check_error(int error)
{
	CHECK_INT(reap(1), 1);
	CHECK_INT(answers[0].error, error);
	CHECK(answers[0].page == NULL && vm_last_error()[0] != '\0');
}

/* ---- what is there, and what comes --------------------------------------- */

TEST(pages_that_are_there_are_answered_at_once)
{
	set_up(AT_ONCE);
	for (uint64_t i = 0; i < 4; i++)
		CHECK_INT(get(i, 0), i);
	for (uint64_t i = 0; i < 4; i++)
		ask(i, i % 2 == 0 ? VM_GRAB_READ : VM_GRAB_WRITE);
	CHECK_INT(vm_async_pending(async), 4);
	CHECK_INT(reap(0), 4);
	for (unsigned i = 0; i < 4; i++) {
		check_page(&answers[i], i);
		CHECK_INT(vm_page_busied(answers[i].page), i % 2 == 0 ? 1 :
		    -1);
	}
	release(4);
	CHECK_INT(vm_async_pending(async), 0);
	CHECK_INT(mem.ins, 4);
	tear_down();
}

TEST(all_reads_are_on_their_way_before_one_is_waited_for)
{
	struct vm_async_ask asks[8];

	set_up(KEPT);
	for (uint64_t i = 0; i < 8; i++)
		asks[i] = ask_for(10 * i, VM_GRAB_READ);
	CHECK_INT(vm_async_grab(async, asks, 8), 8);
	CHECK_INT(mem.kept_count, 8);
	CHECK_INT(reap(0), 0);
	for (int i = 0; i < 8; i++)
		pager_answers(VM_PAGER_OK);
	CHECK_INT(reap(8), 8);
	for (unsigned i = 0; i < 8; i++) {
		check_page(&answers[i], 10 * i);
		CHECK_INT(vm_page_busied(answers[i].page), 1);
	}
	release(8);
	tear_down();
}

TEST(who_asks_reads_and_who_asks_to_write_does_not)
{
	_Atomic uint64_t *read_ns;

	set_up(KEPT);
	read_ns = &vm->limit.pressure.read_ns;
	ask(3, VM_GRAB_WRITE);
	CHECK_INT(atomic_load(read_ns), 0);
	ask(5, VM_GRAB_READ);
	CHECK(atomic_exchange(read_ns, 0) != 0);
	pager_answers(VM_PAGER_OK);
	check_one(3);
	CHECK_INT(atomic_load(read_ns), 0);
	pager_answers(VM_PAGER_OK);
	check_one(5);
	CHECK(atomic_load(read_ns) != 0);
	tear_down();
}

static void *
answer_when_it_waits(void *arg)
{
	struct vm_pressure *pressure = arg;

	vm_lock(&pressure->lock);
	while (pressure->stalls[VM_WAITS_MISS].waiting == 0) {
		vm_unlock(&pressure->lock);
		sched_yield();
		vm_lock(&pressure->lock);
	}
	vm_unlock(&pressure->lock);
	pager_answers(VM_PAGER_OK);
	return NULL;
}

TEST(who_needs_an_answer_is_counted_as_waiting_until_it_comes)
{
	struct vm_stalls *stalls;
	pthread_t thread;

	set_up(KEPT);
	stalls = &vm->limit.pressure.stalls[VM_WAITS_MISS];
	ask(5, VM_GRAB_READ);
	CHECK(pthread_create(&thread, NULL, answer_when_it_waits,
	    &vm->limit.pressure) == 0);
	check_one(5);
	CHECK(pthread_join(thread, NULL) == 0);
	CHECK(stalls->waiting == 0 && stalls->total_ns[VM_STALL_SOME] != 0);
	tear_down();
}

TEST(neighbours_are_one_read_and_nothing_else_comes_with_them)
{
	struct vm_async_ask asks[6];

	set_up(KEPT);
	CHECK_INT(vm_object_advise(object, VM_ADVICE_SEQUENTIAL), 0);
	for (uint64_t i = 0; i < 5; i++)
		asks[i] = ask_for(20 + i, VM_GRAB_WRITE);
	asks[5] = ask_for(25, VM_GRAB_READ);
	CHECK_INT(vm_async_grab(async, asks, 6), 6);
	CHECK_INT(mem.kept_count, 2);
	pager_answers(VM_PAGER_OK);
	CHECK_INT(reap(1), 5);
	for (unsigned i = 0; i < 5; i++) {
		check_page(&answers[i], 20 + i);
		CHECK_INT(vm_page_busied(answers[i].page), -1);
	}
	release(5);
	pager_answers(VM_PAGER_OK);
	check_one(25);
	CHECK(!resident(26) && !resident(19));
	tear_down();
}

TEST(of_neighbours_that_are_there_in_part_the_others_are_read)
{
	struct vm_async_ask asks[5];

	set_up(AT_ONCE);
	CHECK_INT(get(22, 0), 22);
	for (uint64_t i = 0; i < 5; i++)
		asks[i] = ask_for(20 + i, VM_GRAB_READ);
	CHECK_INT(vm_async_grab(async, asks, 5), 5);
	CHECK_INT(reap(5), 5);
	CHECK_INT(mem.pages_in, 5);
	CHECK_INT(mem.ins, 3);
	release(5);
	tear_down();
}

TEST(answers_come_as_the_pages_come)
{
	set_up(KEPT);
	ask(5, VM_GRAB_READ);
	ask(9, VM_GRAB_READ);
	mem_answer(mem.kept[1]);
	mem.kept_count = 1;
	check_one(9);
	pager_answers(VM_PAGER_OK);
	check_one(5);
	tear_down();
}

TEST(no_more_than_its_depth_is_accepted)
{
	struct vm_async_ask asks[DEPTH + 8];

	set_up(AT_ONCE);
	for (uint64_t i = 0; i < DEPTH + 8; i++)
		asks[i] = ask_for(i, VM_GRAB_READ);
	CHECK_INT(vm_async_grab(async, asks, DEPTH + 8), DEPTH);
	CHECK_INT(vm_async_grab(async, asks, 1), 0);
	CHECK_INT(vm_async_reap(async, answers, 3, 8), 3);
	release(3);
	CHECK_INT(vm_async_grab(async, &asks[DEPTH], 8), 3);
	CHECK_INT(vm_async_pending(async), DEPTH);
	CHECK_INT(reap(0), DEPTH);
	release(DEPTH);
	CHECK_INT(reap(5), 0);
	CHECK_INT(vm_async_grab(async, NULL, 0), 0);
	tear_down();
}

TEST(a_store_and_a_device_give_theirs_too)
{
	static _Alignas(PAGE) char memory[4 * PAGE];
	struct vm_object *pool, *device;
	struct vm_async_ask one;

	set_up(AT_ONCE);
	pool = object;
	CHECK_INT(vm_object_create_device(vm, memory, sizeof(memory),
	    VM_OBJECT_WRITABLE, &device), 0);
	object = device;
	ask(2, VM_GRAB_READ);
	CHECK_INT(reap(1), 1);
	CHECK(vm_page_data(answers[0].page) == memory + 2 * PAGE);
	CHECK_INT(vm_page_busied(answers[0].page), 1);
	release(1);
	one = ask_for(4, VM_GRAB_READ);
	CHECK_INT(vm_async_grab(async, &one, 1), 1);
	check_error(-ERANGE);
	CHECK_INT(vm_object_destroy(device), 0);
	object = pool;
	tear_down();
	mem_set_up(AT_ONCE, VM_OBJECT_STORE);
	CHECK_INT(vm_async_create(vm, 0, &async), 0);
	ask(3, VM_GRAB_WRITE);
	check_one(3);
	tear_down();
}

TEST(a_grab_does_all_that_its_flags_say)
{
	set_up(AT_ONCE);
	ask(5, VM_GRAB_NOWAIT);
	check_error(-EAGAIN);
	ask(1, VM_GRAB_WRITE | VM_GRAB_ZERO);
	CHECK_INT(reap(1), 1);
	CHECK_INT(((uint64_t *)vm_page_data(answers[0].page))[0], 0);
	release(1);
	ask(2, VM_GRAB_WRITE | VM_GRAB_NOREAD);
	CHECK_INT(reap(1), 1);
	CHECK_INT(answers[0].page->valid, 0);
	release(1);
	ask(3, VM_GRAB_WRITE | VM_GRAB_OVERWRITE);
	CHECK_INT(reap(1), 1);
	CHECK(answers[0].page->dirty != 0);
	release(1);
	CHECK_INT(mem.ins, 0);
	ask(4, VM_GRAB_READ | VM_GRAB_WIRED);
	CHECK_INT(reap(1), 1);
	CHECK_INT(answers[0].page->wires, 1);
	release(1);
	ask(4, VM_GRAB_NOWAIT);
	check_one(4);
	CHECK_INT(vm_object_unwire(object, 0, VM_LENGTH_ALL), 0);
	tear_down();
}

/* ---- errors -------------------------------------------------------------- */

TEST(what_cannot_be_asked_is_answered_with_its_error)
{
	struct vm *other;
	struct vm *mine;
	struct vm_options o = VM_OPTIONS_INIT;
	struct vm_async *foreign;
	struct vm_async_ask one;

	set_up(AT_ONCE);
	ask(PAGES - 1, VM_GRAB_READ);
	check_one(PAGES - 1);
	one = ask_for(0, VM_GRAB_ONCE);
	one.pindex = PAGES;
	CHECK_INT(vm_async_grab(async, &one, 1), 1);
	check_error(-EINVAL);
	one.flags = VM_GRAB_READ;
	CHECK_INT(vm_async_grab(async, &one, 1), 1);
	check_error(-ERANGE);
	one = ask_for(0, VM_GRAB_ZERO);
	CHECK_INT(vm_async_grab(async, &one, 1), 1);
	check_error(-EINVAL);
	o.resident_max_bytes = LIMIT_PAGES * PAGE;
	mine = vm;
	CHECK_INT(vm_create_on(&o, &faulty_os, &pmap_nobody, &other), 0);
	CHECK_INT(vm_async_create(other, 1, &foreign), 0);
	one = ask_for(0, VM_GRAB_READ);
	CHECK_INT(vm_async_grab(foreign, &one, 1), 1);
	CHECK_INT(vm_async_reap(foreign, answers, 1, 1), 1);
	CHECK_INT(answers[0].error, -EINVAL);
	CHECK_INT(vm_destroy(other), -EBUSY);
	vm_async_destroy(foreign);
	CHECK_INT(vm_destroy(other), 0);
	vm = mine;
	CHECK_INT(vm_async_create(vm, VM_ASYNC_DEPTH_MAX + 1, &foreign),
	    -EINVAL);
	tear_down();
}

TEST(a_read_that_failed_is_an_answer_and_the_next_one_works)
{
	set_up(KEPT);
	mem.error = EIO;
	ask(5, VM_GRAB_READ);
	pager_answers(VM_PAGER_FAILED);
	check_error(-EIO);
	ask(5, VM_GRAB_READ);
	pager_answers(VM_PAGER_AGAIN);
	check_error(-EAGAIN);
	ask(5, VM_GRAB_READ);
	pager_answers(VM_PAGER_RANGE);
	check_error(-ERANGE);
	ask(5, VM_GRAB_READ);
	pager_answers(VM_PAGER_OK);
	check_one(5);
	tear_down();
}

TEST(of_neighbours_whose_read_failed_each_is_read_by_itself)
{
	struct vm_async_ask asks[3];

	set_up(KEPT);
	for (uint64_t i = 0; i < 3; i++)
		asks[i] = ask_for(5 + i, VM_GRAB_READ);
	mem.error = EIO;
	CHECK_INT(vm_async_grab(async, asks, 3), 3);
	pager_answers(VM_PAGER_FAILED);
	CHECK_INT(reap(0), 0);
	CHECK_INT(mem.kept_count, 3);
	pager_answers(VM_PAGER_OK);
	pager_answers(VM_PAGER_FAILED);
	pager_answers(VM_PAGER_OK);
	CHECK_INT(reap(3), 3);
	CHECK_INT(answers[0].error, -EIO);	/* it needs no settling */
	CHECK(answers[0].arg == mem.bytes + 6 * PAGE);
	check_page(&answers[1], 5);
	check_page(&answers[2], 7);
	release(3);
	tear_down();
}

TEST(neighbours_behind_the_stores_end_are_out_of_range)
{
	struct vm_async_ask asks[4];

	set_up(KEPT);
	for (uint64_t i = 0; i < 4; i++)
		asks[i] = ask_for(5 + i, VM_GRAB_READ);
	CHECK_INT(vm_async_grab(async, asks, 4), 4);
	mem.filled = 2;
	pager_answers(VM_PAGER_RANGE);
	CHECK_INT(reap(4), 4);
	for (unsigned i = 0, good = 0; i < 4; i++) {
		good += answers[i].error == 0;
		CHECK(answers[i].error == 0 || answers[i].error == -ERANGE);
		CHECK(i < 3 || good == 2);
	}
	release(4);
	audit(vm);
	tear_down();
}

/* ---- what others have ---------------------------------------------------- */

TEST(a_page_that_somebody_has_keeps_no_other)
{
	struct vm_page *page;

	set_up(AT_ONCE);
	page = grab(5, VM_GRAB_WRITE);
	ask(5, VM_GRAB_READ);
	ask(6, VM_GRAB_READ);
	check_one(6);
	CHECK_INT(reap(0), 0);
	vm_page_release(page);
	check_one(5);
	page = grab(5, VM_GRAB_READ);
	ask(5, VM_GRAB_WRITE);
	ask(5, VM_GRAB_READ);
	check_one(5);
	vm_page_release(page);
	check_one(5);
	tear_down();
}

/* With answers to give it does not sleep for what the caller may have. */
TEST(the_same_page_twice_is_had_one_after_the_other)
{
	set_up(AT_ONCE);
	ask(5, VM_GRAB_WRITE);
	ask(5, VM_GRAB_WRITE);
	CHECK_INT(reap(2), 1);
	check_page(&answers[0], 5);
	release(1);
	check_one(5);
	ask(7, VM_GRAB_READ);
	ask(7, VM_GRAB_READ);
	CHECK_INT(reap(2), 2);
	CHECK_INT(vm_page_busied(answers[0].page), 2);
	release(2);
	tear_down();
}

TEST(two_who_want_one_page_that_is_read_share_it)
{
	set_up(KEPT);
	ask(5, VM_GRAB_READ);
	ask(5, VM_GRAB_READ);
	CHECK_INT(mem.kept_count, 1);
	pager_answers(VM_PAGER_OK);
	CHECK_INT(reap(2), 2);
	CHECK_INT(vm_page_busied(answers[0].page), 2);
	release(2);
	tear_down();
}

static void *
release_later(void *page)
{
	for (int i = 0; i < 100; i++)
		sched_yield();
	vm_page_release(page);
	return NULL;
}

TEST(with_nothing_else_it_sleeps_for_a_page_that_somebody_has)
{
	struct vm_page *page;
	pthread_t thread;

	set_up(AT_ONCE);
	for (int i = 0; i < 20; i++) {
		page = grab(5, VM_GRAB_WRITE);
		ask(5, VM_GRAB_READ);
		CHECK(pthread_create(&thread, NULL, release_later, page) == 0);
		check_one(5);
		CHECK(pthread_join(thread, NULL) == 0);
	}
	tear_down();
}

TEST(what_is_being_changed_is_waited_for)
{
	struct vm_barrier barrier = { .first = 4, .end = 6 };

	set_up(AT_ONCE);
	vm_object_bar(object, &barrier);
	ask(5, VM_GRAB_READ);
	ask(6, VM_GRAB_READ);
	check_one(6);
	vm_object_unbar(object, &barrier);
	vm_limit_notify(&vm->limit);
	check_one(5);
	tear_down();
}

TEST(where_no_more_may_be_in_flight_the_others_follow)
{
	set_up(KEPT);
	vm_object_set_inflight_max(object, 1);
	ask(5, VM_GRAB_READ);
	ask(7, VM_GRAB_READ);
	CHECK_INT(mem.kept_count, 1);
	pager_answers(VM_PAGER_OK);
	check_one(5);
	CHECK_INT(mem.kept_count, 1);
	pager_answers(VM_PAGER_OK);
	check_one(7);
	tear_down();
}

/* ---- what is there in part, or lent -------------------------------------- */

TEST(a_page_valid_in_part_is_completed_when_nothing_else_is_left)
{
	struct vm_page *page;

	set_up(AT_ONCE);
	CHECK_INT(vm_page_alloc_at(object, 5, 0, &page), 0);
	vm_page_release(page);
	ask(5, VM_GRAB_READ);
	ask(6, VM_GRAB_READ);
	CHECK_INT(reap(2), 2);
	check_page(&answers[0], 5);
	check_page(&answers[1], 6);
	release(2);
	CHECK_INT(vm_page_alloc_at(object, 7, 0, &page), 0);
	vm_page_release(page);
	ask(7, VM_GRAB_READ);
	CHECK_INT(reap(0), 1);
	check_page(&answers[0], 7);
	release(1);
	tear_down();
}

TEST(a_writer_of_a_page_that_is_lent_gets_one_of_his_own)
{
	struct vm_page *lent;

	set_up(AT_ONCE);
	CHECK_INT(vm_loan(object, 5, 0, &lent), 0);
	ask(5, VM_GRAB_WRITE);
	CHECK_INT(reap(1), 1);
	check_page(&answers[0], 5);
	CHECK(answers[0].page != lent);
	release(1);
	vm_unloan(vm, lent);
	tear_down();
}

/* ---- memory -------------------------------------------------------------- */

static struct vm_page *taken[LIMIT_PAGES];
static unsigned taken_count;

static void
take_all(void)
{
	struct vm_page *page;

	for (taken_count = 0; vm_page_alloc(vm, VM_ALLOC_INTERRUPT, &page) ==
	    0; taken_count++)
		taken[taken_count] = page;
}

static void
free_all(void)
{
	while (taken_count > 0)
		vm_page_free(taken[--taken_count], 0);
}

TEST(more_asks_than_memory_get_theirs_as_it_comes)
{
	unsigned got, all = 0;

	mem_set_up(AT_ONCE, 0);
	CHECK_INT(vm_async_create(vm, 100, &async), 0);
	for (uint64_t i = 0; i < PAGES; i++)
		ask(i, VM_GRAB_READ);
	while (vm_async_pending(async) != 0) {
		got = reap(PAGES);
		CHECK(got != 0 && got < PAGES);
		for (unsigned i = 0; i < got; i++)
			CHECK_INT(answers[i].error, 0);
		release(got);
		all += got;
	}
	CHECK_INT(all, PAGES);
	tear_down();
}

TEST(an_ask_that_makes_a_page_waits_for_memory_too)
{
	set_up(AT_ONCE);
	take_all();
	ask(5, VM_GRAB_WRITE | VM_GRAB_ZERO);
	ask(6, VM_GRAB_READ);
	CHECK_INT(reap(0), 0);
	free_all();
	CHECK_INT(reap(2), 2);
	release(2);
	tear_down();
}

static void *
free_later(void *arg)
{
	for (int i = 0; i < 100; i++)
		sched_yield();
	free_all();
	return arg;
}

TEST(with_nothing_else_it_stands_in_line_for_memory)
{
	pthread_t thread;

	set_up(AT_ONCE);
	take_all();
	ask(5, VM_GRAB_READ);
	ask(7, VM_GRAB_READ);
	CHECK(pthread_create(&thread, NULL, free_later, NULL) == 0);
	for (unsigned got = 0, n; got < 2; got += n) {
		n = reap(2);
		CHECK(n != 0 && answers[0].error == 0);
		release(n);
	}
	CHECK(pthread_join(thread, NULL) == 0);
	tear_down();
}

static _Atomic uint64_t now_ns;

static uint64_t
still_clock(void)
{
	return now_ns;
}

TEST(who_never_sleeps_hears_of_no_memory_when_the_bound_is_over)
{
	static struct vm_os still_os;
	struct vm_options o = VM_OPTIONS_INIT;

	faulty_reset();
	still_os = faulty_os;
	still_os.clock_ns = still_clock;
	now_ns = 1;
	o.resident_max_bytes = LIMIT_PAGES * PAGE;
	o.wait_max_ns = 1000;
	CHECK_INT(vm_create_on(&o, &still_os, &pmap_nobody, &vm), 0);
	mem_reset(AT_ONCE);
	mem_object(0);
	CHECK_INT(vm_async_create(vm, DEPTH, &async), 0);
	take_all();
	ask(5, VM_GRAB_READ);
	CHECK_INT(reap(0), 0);
	now_ns += 1000;
	CHECK_INT(reap(0), 0);
	now_ns += 1;
	CHECK_INT(reap(0), 1);
	CHECK_INT(answers[0].error, -ENOMEM);
	free_all();
	tear_down();
}

/* ---- the end of it ------------------------------------------------------- */

TEST(what_waits_is_cancelled_and_what_is_on_its_way_comes)
{
	struct vm_page *page;

	set_up(AT_ONCE);
	page = grab(5, VM_GRAB_WRITE);
	mem.how = KEPT;
	ask(5, VM_GRAB_READ);
	ask(6, VM_GRAB_READ);
	CHECK_INT(vm_async_cancel(async), 1);
	check_error(-ECANCELED);
	pager_answers(VM_PAGER_OK);
	check_one(6);
	CHECK_INT(vm_async_cancel(async), 0);
	vm_page_release(page);
	mem.how = AT_ONCE;
	tear_down();
}

static void *
answer_later(void *arg)
{
	for (int i = 0; i < 100; i++)
		sched_yield();
	pager_answers(VM_PAGER_OK);
	pager_answers(VM_PAGER_OK);
	return arg;
}

TEST(it_ends_with_asks_in_every_state)
{
	struct vm_page *held, *part;
	pthread_t thread;

	set_up(AT_ONCE);
	held = grab(5, VM_GRAB_WRITE);
	CHECK_INT(get(8, 0), 8);
	CHECK_INT(vm_page_alloc_at(object, 7, 0, &part), 0);
	vm_page_release(part);
	mem.how = KEPT;
	ask(5, VM_GRAB_READ);			/* waits */
	ask(6, VM_GRAB_READ);			/* on its way */
	ask(16, VM_GRAB_WRITE);
	ask(8, VM_GRAB_WRITE | VM_GRAB_WIRED);	/* answered */
	ask(99, VM_GRAB_NOWAIT);		/* refused */
	ask(7, VM_GRAB_READ);			/* to be completed */
	ask(9, VM_GRAB_READ);			/* not begun */
	CHECK_INT(vm_async_pending(async), 7);
	CHECK_INT(vm_object_destroy(object), -EBUSY);
	CHECK_INT(vm_destroy(vm), -EBUSY);
	CHECK(pthread_create(&thread, NULL, answer_later, NULL) == 0);
	vm_async_destroy(async);
	CHECK(pthread_join(thread, NULL) == 0);
	CHECK_INT(vm->wired, 0);
	vm_page_release(held);
	CHECK(resident(6) && !resident(9));
	audit(vm);
	mem_tear_down();
}

/* A release that rings while the end is near finds a bell or none. */
TEST(a_bell_that_rings_at_the_end_is_harmless)
{
	struct vm_page *page;
	pthread_t thread;

	mem_set_up(AT_ONCE, 0);
	for (int i = 0; i < 200; i++) {
		CHECK_INT(vm_async_create(vm, DEPTH, &async), 0);
		page = grab(5, VM_GRAB_WRITE);
		ask(5, VM_GRAB_READ);
		CHECK(pthread_create(&thread, NULL, release_later, page) == 0);
		for (int k = 0; k < i / 2; k++)
			sched_yield();
		vm_async_destroy(async);
		CHECK(pthread_join(thread, NULL) == 0);
	}
	audit(vm);
	mem_tear_down();
}

TEST(each_call_that_fails_leaves_nothing)
{
	struct vm_page *page;
	unsigned failed = 0;

	mem_set_up(AT_ONCE, 0);
	page = grab(5, VM_GRAB_WRITE);
	for (unsigned at = 1;; at++) {
		faulty.calls = 0;
		faulty.failed = NULL;
		faulty.fail_at = at;
		if (vm_async_create(vm, DEPTH, &async) != 0) {
			faulty.fail_at = 0;
			CHECK(vm_last_error()[0] != '\0');
			failed++;
			continue;
		}
		ask(5, VM_GRAB_READ);	/* its bell */
		faulty.fail_at = 0;
		if (faulty.failed == NULL)
			break;
		check_error(-EMFILE);
		vm_async_destroy(async);
		failed++;
	}
	CHECK(failed >= 4);
	vm_page_release(page);
	check_one(5);
	tear_down();
}
