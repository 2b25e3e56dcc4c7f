/* SPDX-License-Identifier: BSD-2-Clause */
/* What becomes of a fault of a client, turn by turn. */
#include "serve_fixture.h"

/* ---- pages that come ----------------------------------------------------- */

TEST(a_read_of_an_absent_page_wakes_when_the_page_is_there)
{
	serve_set_up(KEPT, VM_ENTRY_TRACKED);
	fault_at(5, false);
	CHECK(is_attached() && client->wakes[5] == 0);
	answer(VM_PAGER_OK);
	CHECK(resident(5) && !is_attached());
	CHECK_INT(client->wakes[5], 1);
	CHECK(client->protected[5]);
	serve_tear_down();
}

TEST(a_read_of_a_resident_page_wakes_at_once)
{
	serve_set_up(AT_ONCE, VM_ENTRY_READ);
	CHECK_INT(get(5, 0), 5);
	fault_at(5, false);
	CHECK_INT(client->wakes[5], 1);
	CHECK_INT(mem.ins, 1);
	serve_tear_down();
}

/* Each touch once, however often its fault is looked at. */
TEST(a_touch_is_traced_with_its_page_and_what_for)
{
	struct vm_trace_cursor cursor = { 0, 0 };
	struct vm_trace_event event[TRACE_EVENTS];
	unsigned touches = 0;
	int count;

	serve_set_up(KEPT, VM_ENTRY_TRACKED);
	fault_at(5, false);
	fault_at(6, true);
	vm_fault_retry(&handler);
	answer(VM_PAGER_OK);
	answer(VM_PAGER_OK);
	count = vm_trace_read(vm, &cursor, event, TRACE_EVENTS);
	for (int i = 0; i < count; i++) {
		if (strcmp(vm_trace_name(event[i].event), "touch") != 0)
			continue;
		CHECK_INT(event[i].object, object->id);
		CHECK_INT(event[i].pindex, 5 + touches);
		CHECK_INT(event[i].argument, touches);
		touches++;
	}
	CHECK_INT(touches, 2);
	mem.how = AT_ONCE;
	serve_tear_down();
}

/* Who wanted the page alone meanwhile is parked, perhaps in another handler. */
TEST(a_page_that_is_served_rings_for_who_found_it_busy)
{
	serve_set_up(AT_ONCE, VM_ENTRY_READ);
	CHECK_INT(get(5, 0), 5);
	vm_limit_arm(&vm->limit, &handler.listener);
	bells = 0;
	fault_at(5, false);
	CHECK_INT(client->wakes[5], 1);
	CHECK_INT(bells, 1);
	serve_tear_down();
}

TEST(faults_on_one_page_wait_for_one_read)
{
	serve_set_up(KEPT, VM_ENTRY_READ);
	fault_at(5, false);
	fault_at(6, false);
	fault_at(5, true);
	CHECK_INT(mem.kept_count, 2);
	answer(VM_PAGER_OK);
	CHECK_INT(client->wakes[5], 2);
	CHECK_INT(client->wakes[6], 0);
	answer(VM_PAGER_OK);
	CHECK_INT(client->wakes[6], 1);
	serve_tear_down();
}

static uint32_t
waiting(enum vm_wait_for_what what)
{
	return vm->limit.pressure.stalls[what].waiting;
}

/* How long some thread waited, in all. */
static uint64_t
some_ms(enum vm_wait_for_what what)
{
	struct vm_stall_figures figures[VM_WAITS][VM_STALLS];

	vm_pressure_read(&vm->limit.pressure, vm->counters, now_ns, figures);
	return figures[what][VM_STALL_SOME].total_us / 1000;
}

TEST(a_thread_whose_page_is_read_waits_and_reads)
{
	_Atomic uint64_t *read_ns;

	serve_set_up(KEPT, VM_ENTRY_TRACKED);
	read_ns = &vm->limit.pressure.read_ns;
	fault_at(60, true);
	CHECK_INT(atomic_load(read_ns), 0);
	fault_at(5, false);
	fault_at(5, false);
	CHECK_INT(waiting(VM_WAITS_MISS), 3);
	CHECK_INT(atomic_load(read_ns), now_ns);
	now_ns += 10 * MS;
	answer(VM_PAGER_OK);
	CHECK_INT(waiting(VM_WAITS_MISS), 2);
	CHECK(atomic_load(read_ns) != now_ns);
	now_ns += 10 * MS;
	answer(VM_PAGER_OK);
	CHECK_INT(waiting(VM_WAITS_MISS), 0);
	CHECK_INT(atomic_load(read_ns), now_ns);
	CHECK_INT(some_ms(VM_WAITS_MISS), 20);
	mem.how = AT_ONCE;
	serve_tear_down();
}

TEST(a_write_makes_the_page_dirty_and_lifts_the_protection)
{
	struct vm_object_stat stat;

	serve_set_up(KEPT, VM_ENTRY_TRACKED);
	fault_at(5, true);
	answer(VM_PAGER_OK);
	CHECK(!client->protected[5] && client->wakes[5] == 1);
	fault_at(6, false);
	answer(VM_PAGER_OK);
	CHECK(client->protected[6]);
	fault_at(6, true);
	CHECK(!client->protected[6] && client->wakes[6] == 2);
	vm_object_stat(object, &stat);
	CHECK_INT(stat.dirty_pages, 2);
	CHECK_INT(mem.kept_count, 0);
	mem.how = AT_ONCE;
	serve_tear_down();
}

/* rules.md 27: the lift is refused while the client forks. */
TEST(a_write_in_the_middle_of_a_fork_wakes_and_comes_again)
{
	unsigned wakes;

	serve_set_up(AT_ONCE, VM_ENTRY_TRACKED);
	CHECK_INT(get(5, 0), 5);
	fake_event(client, (struct vm_pmap_event){ .kind = VM_PMAP_FAULT,
		.address = 5 * PAGE, .write = true, .fd = -1 });
	vm_space_drain(space);
	fake_event(client, (struct vm_pmap_event){ .kind = VM_PMAP_UNMAP,
		.address = 90 * PAGE, .to = 91 * PAGE, .fd = -1 });
	wakes = client->wakes[5];
	vm_fault_serve_space(&handler, space);
	CHECK(client->protected[5]);
	CHECK_INT(client->wakes[5], wakes + 1);
	fault_at(5, true);
	CHECK(!client->protected[5]);
	serve_tear_down();
}

/* ---- what stands in the way ---------------------------------------------- */

TEST(a_page_that_somebody_holds_is_looked_at_again)
{
	struct vm_page *page;

	serve_set_up(AT_ONCE, VM_ENTRY_TRACKED);
	page = grab(5, VM_GRAB_WRITE);
	fault_at(5, false);
	CHECK(is_parked());
	vm_fault_retry(&handler);
	CHECK(is_parked());
	bells = 0;
	vm_page_release(page);
	CHECK_INT(bells, 1);
	vm_fault_retry(&handler);
	CHECK_INT(client->wakes[5], 1);
	page = grab(5, VM_GRAB_READ);
	fault_at(5, true);
	CHECK(is_parked());
	vm_page_release(page);
	vm_fault_retry(&handler);
	CHECK(!client->protected[5]);
	serve_tear_down();
}

TEST(a_page_whose_bytes_are_being_changed_waits_for_the_change)
{
	struct vm_barrier barrier = { .first = 4, .end = 6 };

	serve_set_up(AT_ONCE, VM_ENTRY_TRACKED);
	vm_object_bar(object, &barrier);
	fault_at(5, false);
	CHECK(is_parked());
	vm_object_unbar(object, &barrier);
	vm_fault_retry(&handler);
	CHECK_INT(client->wakes[5], 1);
	serve_tear_down();
}

TEST(more_reads_than_fit_wait_for_a_place)
{
	serve_set_up(KEPT, VM_ENTRY_READ);
	for (uint64_t i = 0; i <= VM_FILLER_DEPTH; i++)
		fault_at(2 * i, false);
	CHECK_INT(mem.kept_count, VM_FILLER_DEPTH);
	CHECK(is_parked());
	answer(VM_PAGER_OK);
	vm_fault_retry(&handler);
	CHECK(!is_parked());
	while (mem.kept_count > 0)
		answer(VM_PAGER_OK);
	for (uint64_t i = 0; i <= VM_FILLER_DEPTH; i++)
		CHECK_INT(client->wakes[2 * i], 1);
	serve_tear_down();
}

TEST(an_object_with_enough_on_its_way_lets_faults_wait)
{
	serve_set_up(KEPT, VM_ENTRY_READ);
	vm_object_set_inflight_max(object, 1);
	fault_at(5, false);
	fault_at(7, false);
	CHECK_INT(mem.kept_count, 1);
	CHECK(is_parked());
	answer(VM_PAGER_OK);
	vm_fault_retry(&handler);
	answer(VM_PAGER_OK);
	CHECK_INT(client->wakes[7], 1);
	serve_tear_down();
}

/* A thread behind each place: the ring keeps the others meanwhile. */
TEST(more_faults_than_places_stay_in_the_ring)
{
	unsigned more = VM_HANDLER_FAULTS + 8;
	struct vm_page *page;

	serve_set_up(AT_ONCE, VM_ENTRY_READ);
	page = grab(5, VM_GRAB_WRITE);
	for (unsigned i = 0; i < more; i++)
		fault_at(5, false);
	CHECK(handler.starved);
	CHECK(vm_list_empty(&handler.free));
	vm_page_release(page);
	vm_fault_retry(&handler);
	vm_fault_serve_space(&handler, space);
	CHECK(!handler.starved);
	CHECK_INT(client->wakes[5], more);
	serve_tear_down();
}

TEST(a_fault_without_memory_fails_when_the_bound_is_over)
{
	struct vm_page *held[LIMIT_PAGES];
	unsigned n = 0;

	serve_set_up(AT_ONCE, VM_ENTRY_READ);
	while (vm_page_alloc(vm, VM_ALLOC_INTERRUPT, &held[n]) == 0)
		n++;
	fault_at(90, false);
	CHECK(is_parked());
	CHECK_INT(waiting(VM_WAITS_MEMORY), 1);
	now_ns += WAIT_MS * (uint64_t)MS;
	vm_fault_retry(&handler);
	CHECK(is_parked() && failures == 0);
	CHECK_INT(some_ms(VM_WAITS_MEMORY), WAIT_MS);
	now_ns += 1;
	vm_fault_retry(&handler);
	CHECK_INT(failures, 1);
	CHECK_INT(failed_errno, ENOMEM);
	CHECK_INT(waiting(VM_WAITS_MEMORY), 0);
	CHECK_INT(client->poisons[90], 1);
	while (n > 0)
		vm_page_free(held[--n], 0);
	serve_tear_down();
}

/* ---- a pager without room ------------------------------------------------ */

TEST(a_pager_without_room_is_asked_again_after_a_pause_and_no_sooner)
{
	serve_set_up(KEPT, VM_ENTRY_READ);
	fault_at(5, false);
	answer(VM_PAGER_AGAIN);
	CHECK(is_parked() && failures == 0 && client->wakes[5] == 0);
	CHECK_INT(vm_fault_next_due(&handler), now_ns + 1 * MS);
	vm_fault_retry(&handler);
	CHECK_INT(mem.kept_count, 0);
	now_ns += 1 * MS;
	vm_fault_retry(&handler);
	answer(VM_PAGER_AGAIN);
	CHECK_INT(vm_fault_next_due(&handler), now_ns + 2 * MS);
	now_ns += 2 * MS;
	vm_fault_retry(&handler);
	answer(VM_PAGER_OK);
	CHECK_INT(client->wakes[5], 1);
	CHECK_INT(vm_fault_next_due(&handler), 0);
	serve_tear_down();
}

TEST(the_next_look_is_at_the_fault_that_is_due_first)
{
	struct vm_page *page;

	serve_set_up(KEPT, VM_ENTRY_READ);
	fault_at(5, false);
	answer(VM_PAGER_AGAIN);
	now_ns += 1 * MS;
	vm_fault_retry(&handler);
	answer(VM_PAGER_AGAIN);		/* 5 in 2 ms */
	fault_at(7, false);
	answer(VM_PAGER_AGAIN);		/* 7 in 1 ms */
	CHECK_INT(vm_fault_next_due(&handler), now_ns + 1 * MS);
	mem.how = AT_ONCE;
	mem.in = VM_PAGER_OK;
	page = grab(9, VM_GRAB_WRITE);
	fault_at(9, false);		/* 9 with the bell */
	CHECK_INT(vm_fault_next_due(&handler), now_ns + 1 * MS);
	vm_page_release(page);
	now_ns += 2 * MS;
	vm_fault_retry(&handler);
	CHECK(client->wakes[5] == 1 && client->wakes[7] == 1 &&
	    client->wakes[9] == 1);
	serve_tear_down();
}

TEST(a_pager_that_stays_without_room_is_a_bus_error)
{
	unsigned asked;

	serve_set_up(AT_ONCE, VM_ENTRY_READ);
	mem.in = VM_PAGER_AGAIN;
	fault_at(5, false);
	for (asked = 1; is_parked(); asked++) {
		now_ns = vm_fault_next_due(&handler);
		vm_fault_retry(&handler);
	}
	CHECK_INT(failures, 1);
	CHECK_INT(failed_errno, EAGAIN);
	CHECK(client->poisons[5] == 1 && client->wakes[5] == 1);
	CHECK_INT(mem.ins, asked);
	CHECK_INT(now_ns, MS + WAIT_MS * (uint64_t)MS);
	mem.in = VM_PAGER_OK;
	serve_tear_down();
}

/* ---- errors -------------------------------------------------------------- */

TEST(a_read_that_failed_is_a_bus_error_on_that_page)
{
	serve_set_up(KEPT, VM_ENTRY_READ);
	mem.error = ENXIO;
	fault_at(5, false);
	answer(VM_PAGER_FAILED);
	CHECK(failures == 1 && failed_errno == ENXIO);
	CHECK(client->poisons[5] == 1 && client->wakes[5] == 1);
	CHECK(buses == 0 && !resident(5));
	serve_tear_down();
}

/* Kernels before 6.6 cannot poison a page. */
TEST(a_page_that_cannot_be_poisoned_sends_the_signal_itself)
{
	serve_set_up(KEPT, VM_ENTRY_READ);
	client->poison_error = -EINVAL;
	fault_at(5, false);
	answer(VM_PAGER_FAILED);
	CHECK(buses == 1 && bused == 105 && client->wakes[5] == 1);
	CHECK_INT(failures, 1);
	serve_tear_down();
}

TEST(an_error_in_the_middle_of_a_fork_is_met_again)
{
	serve_set_up(KEPT, VM_ENTRY_READ);
	client->poison_error = -EAGAIN;
	fault_at(5, false);
	answer(VM_PAGER_FAILED);
	CHECK(buses == 0 && failures == 0 && client->wakes[5] == 1);
	serve_tear_down();
}

TEST(a_client_whose_owner_does_not_ask_gets_its_bus_error_too)
{
	serve_set_up(KEPT, VM_ENTRY_TRACKED);
	space->failed = NULL;
	fault_at(5, false);
	answer(VM_PAGER_FAILED);
	CHECK_INT(client->poisons[5], 1);
	mem.marks = VM_PAGER_NO_WRITE;
	mem.unlock = -EPERM;
	fault_at(6, true);
	answer(VM_PAGER_OK);
	CHECK(buses == 1 && bused == 106);
	serve_tear_down();
}

TEST(of_a_run_that_failed_the_page_is_read_by_itself)
{
	serve_set_up(KEPT, VM_ENTRY_READ);
	CHECK_INT(vm_object_advise(object, VM_ADVICE_SEQUENTIAL), 0);
	fault_at(5, false);
	CHECK(mem.kept[0]->count > 1);
	answer(VM_PAGER_FAILED);
	while (mem.kept_count > 0)	/* further ahead */
		answer(VM_PAGER_FAILED);
	CHECK(is_parked() && failures == 0);
	vm_fault_retry(&handler);
	CHECK_INT(mem.kept[0]->count, 1);
	answer(VM_PAGER_OK);
	CHECK_INT(client->wakes[5], 1);
	serve_tear_down();
}

TEST(a_write_that_is_forbidden_is_a_bus_error_for_the_writer)
{
	serve_set_up(AT_ONCE, VM_ENTRY_TRACKED);
	mem.marks = VM_PAGER_NO_WRITE;
	mem.unlock = -EPERM;
	fault_at(5, true);			/* absent */
	CHECK(buses == 1 && bused == 105 && resident(5));
	fault_at(5, true);			/* resident */
	CHECK(buses == 2 && failures == 2 && failed_errno == EPERM);
	CHECK(client->protected[5] && client->poisons[5] == 0);
	fault_at(5, false);
	CHECK_INT(client->wakes[5], 3);
	mem.unlock = 0;
	fault_at(5, true);
	CHECK(!client->protected[5]);
	serve_tear_down();
}

/* ---- what is not there (any more) ---------------------------------------- */

TEST(a_fault_where_nothing_is_mapped_only_wakes)
{
	serve_set_up(KEPT, VM_ENTRY_READ);
	fault_at(PAGES + 3, false);
	CHECK_INT(client->wakes[PAGES + 3], 1);
	fault_at(5, false);
	vm_space_cut(space, 0, 10 * PAGE);
	answer(VM_PAGER_OK);
	CHECK_INT(client->wakes[5], 1);
	serve_tear_down();
}

TEST(a_fault_behind_the_objects_end_only_wakes)
{
	serve_set_up(AT_ONCE, VM_ENTRY_READ);
	CHECK_INT(vm_object_resize(object, 10 * PAGE), 0);
	fault_at(20, false);
	CHECK_INT(client->wakes[20], 1);
	CHECK(failures == 0 && mem.ins == 0);
	serve_tear_down();
}

TEST(a_page_that_the_store_ends_before_is_no_error)
{
	serve_set_up(KEPT, VM_ENTRY_TRACKED);
	fault_at(5, true);
	mem.filled = 0;
	answer(VM_PAGER_RANGE);
	CHECK(client->wakes[5] == 1 && failures == 0 && !resident(5));
	serve_tear_down();
}

/* The range was mapped anew, over another part, while the read went on. */
TEST(a_write_to_a_page_that_shows_something_else_by_now_comes_again)
{
	struct vm_entry model = { .object = object,
		.kind = VM_ENTRY_TRACKED };
	struct vm_object_stat stat;

	serve_set_up(KEPT, VM_ENTRY_TRACKED);
	fault_at(5, true);
	vm_space_cut(space, 0, 10 * PAGE);
	model.object = object;
	model.mapping.pages = 10;
	model.mapping.pindex = 50;
	CHECK_INT(vm_space_add(space, &model), 0);
	answer(VM_PAGER_OK);
	CHECK_INT(client->wakes[5], 1);
	vm_object_stat(object, &stat);
	CHECK_INT(stat.dirty_pages, 0);
	serve_tear_down();
}

TEST(faults_of_a_space_that_leaves_are_forgotten_and_no_others)
{
	struct fake_client *other;
	struct vm_space *others;
	struct vm_page *page;

	serve_set_up(KEPT, VM_ENTRY_READ);
	other = fake_client_new();
	others = make_space(other, VM_ENTRY_READ);
	mem.how = AT_ONCE;
	page = grab(9, VM_GRAB_WRITE);
	mem.how = KEPT;
	fault_at(5, false);
	fault_at(9, false);
	fault_of(other, others, 5, false);
	fault_of(other, others, 9, false);
	vm_fault_forget(&handler, others);
	CHECK(other->wakes[5] == 1 && other->wakes[9] == 1);
	vm_space_end(others);
	vm_page_release(page);
	vm_fault_retry(&handler);
	answer(VM_PAGER_OK);
	CHECK(client->wakes[5] == 1 && client->wakes[9] == 1);
	CHECK(other->wakes[5] == 1 && other->wakes[9] == 1);
	serve_tear_down();
}
