/* SPDX-License-Identifier: BSD-2-Clause */
/* Pages without a frame: placeholders, somebody else's memory, devices. */
#include "object/foreign.h"

#include "frame/fictitious.h"
#include "life_fixture.h"
#include "pager/anon.h"

static struct vm_page *
placeholder(void)
{
	struct vm_page *page;

	if (vm_page_grab_fictitious(vm, &page) != 0) {
		CHECK(vm_page_more_fictitious(vm, 0) > 0);
		CHECK_INT(vm_page_grab_fictitious(vm, &page), 0);
	}
	return page;
}

static struct vm_page *
placeholder_at(uint64_t pindex)
{
	struct vm_page *page = placeholder();

	CHECK_INT(vm_page_insert(page, anon, pindex), 0);
	return page;
}

static uint32_t
free_placeholders(void)
{
	return vm_fictitious_free(&vm->frames.fictitious);
}

TEST(none_is_made_unless_asked_for)
{
	struct vm_page *page;

	set_up();
	CHECK_INT(vm_page_grab_fictitious(vm, &page), -ENOMEM);
	CHECK_INT(vm_page_more_fictitious(vm, 2), 2);
	page = placeholder();
	CHECK_INT(free_placeholders(), 1);
	CHECK_INT(vm->loose, 1);
	CHECK_INT(free_pages(), vm->limit.total);
	CHECK_INT(vm_page_busied(page), -1);
	CHECK(vm_page_data(page) == NULL);
	vm_page_release_fictitious(page);
	CHECK_INT(free_placeholders(), 2);
	CHECK_INT(vm->loose, 0);
	page = alloc(0);
	CHECK_DIES(vm_page_release_fictitious(page));
	vm_page_free(page, 0);
	tear_down();
}

TEST(a_placeholder_has_an_identity_like_any_page)
{
	struct vm_page *page, *other;

	set_up();
	page = placeholder_at(7);
	CHECK(vm_page_lookup(anon, 7) == page);
	CHECK_INT(vm_page_busied(page), -1);
	CHECK_INT(anon->resident, 1);
	CHECK_INT(vm_page_alloc_at(anon, 7, 0, &other), -EEXIST);
	CHECK_INT(vm_page_rename(page, anon, 8, 0), 0);
	CHECK(vm_page_lookup(anon, 8) == page && vm_page_data(page) == NULL);
	vm_page_release(page);
	CHECK_STR(vm_queue_name(&vm->queue, page), "none");
	CHECK_INT(vm_page_grab(anon, 8, VM_GRAB_NOWAIT, &other), -EAGAIN);
	CHECK_INT(vm_page_replace(alloc(0), anon, 8, &other), 0);
	CHECK(other == page);
	vm_page_free(vm_page_lookup(anon, 8), 0);
	vm_page_free(other, 0);
	page = placeholder_at(9);
	CHECK_INT(vm_page_remove(page), 0);
	CHECK(vm_page_lookup(anon, 9) == NULL);
	vm_page_free(page, 0);
	CHECK_INT(vm->loose, 0);
	tear_down();
}

/* F44: nobody counted its wires. */
TEST(a_wired_placeholder_is_freed_without_a_word)
{
	struct vm_page *page;

	set_up();
	page = placeholder_at(7);
	CHECK_INT(vm_page_wire(page, NULL), 0);
	CHECK_INT(vm->wired, 0);
	CHECK_INT(anon->wired, 0);
	vm_page_free(page, 0);
	CHECK_INT(vm->wired, 0);
	tear_down();
}

/* M47: the buffer is untouched, the descriptor used again. */
TEST(private_memory_stays_its_owners)
{
	static char memory[PAGE];
	struct vm_page *page, *again;

	set_up();
	memset(memory, 0x5a, PAGE);
	page = placeholder();
	vm_page_make_private(page, memory);
	CHECK(vm_page_data(page) == memory);
	CHECK_INT(page->valid, vm_page_all_blocks(PAGE));
	CHECK_DIES(vm_page_make_private(page, memory));
	CHECK_DIES(vm_page_convert(&page));
	CHECK_INT(vm_page_insert(page, anon, 7), 0);
	CHECK(vm_page_data(page) == memory);
	CHECK_INT(free_pages(), vm->limit.total);
	vm_page_release(page);
	CHECK_INT(vm_page_grab(anon, 7, VM_GRAB_READ, &again), 0);
	CHECK(again == page);
	vm_page_release(again);
	CHECK_INT(vm_page_grab(anon, 7, VM_GRAB_WRITE, &again), 0);
	vm_page_free(again, 0);
	for (int i = 0; i < PAGE; i++)
		CHECK_INT(memory[i], 0x5a);
	again = placeholder();
	CHECK(again == page);
	CHECK(vm_page_data(again) == NULL);
	CHECK_INT(flags_of(again), VM_PGA_FICTITIOUS | VM_PGA_UNMANAGED);
	vm_page_free(again, 0);
	tear_down();
}

/* M34. */
TEST(a_placeholder_gets_a_frame_in_its_place)
{
	struct vm_page *page, *old;
	uint64_t generation;

	set_up();
	old = page = placeholder_at(7);
	atomic_fetch_or(&page->flags, VM_PGA_PRECIOUS | VM_PGA_NO_WRITE);
	generation = vm_object_generation(anon);
	CHECK_INT(vm_page_convert(&page), 1);
	CHECK(page != old && vm_page_data(page) != NULL);
	CHECK(vm_page_lookup(anon, 7) == page);
	CHECK_INT(page->pindex, 7);
	CHECK_INT(vm_page_busied(page), -1);
	CHECK_INT(flags_of(page) & (VM_PGA_PRECIOUS | VM_PGA_NO_WRITE |
	    VM_PGA_FICTITIOUS | VM_PGA_UNMANAGED),
	    VM_PGA_PRECIOUS | VM_PGA_NO_WRITE);
	CHECK(vm_object_generation(anon) > generation);
	CHECK_INT(anon->resident, 1);
	CHECK(old->object == NULL);
	atomic_fetch_and(&page->flags, (uint16_t)~(VM_PGA_PRECIOUS |
	    VM_PGA_NO_WRITE));
	vm_page_release(page);
	CHECK(strcmp(vm_queue_name(&vm->queue, page), "none") != 0);
	tear_down();
}

/* M34: no memory. */
TEST(without_memory_a_placeholder_stays_as_it_is)
{
	struct vm_page *page, *old, *taken[CORE_LIMIT_PAGES];
	unsigned n = 0;
	uint16_t flags;

	set_up();
	old = page = placeholder_at(7);
	flags = flags_of(page);
	while (vm_page_alloc(vm, VM_ALLOC_NORMAL, &taken[n]) == 0)
		n++;
	CHECK_INT(vm_page_convert(&page), 0);
	CHECK(page == old && vm_page_lookup(anon, 7) == page);
	CHECK_INT(flags_of(page), flags);
	CHECK_INT(vm_page_busied(page), -1);
	while (n > 0)
		vm_page_free(taken[--n], 0);
	vm_page_free(page, 0);
	tear_down();
}

static void *
read_seven(void *arg)
{
	struct vm_page *page;

	CHECK_INT(vm_page_grab(anon, 7, VM_GRAB_READ, &page), 0);
	*(uint64_t *)arg = words(page)[0];
	vm_page_release(page);
	return NULL;
}

/* M34: in Mach who waited for the placeholder slept for ever. */
TEST(who_waits_for_a_placeholder_wakes_when_it_has_become_a_page)
{
	struct vm_page *page;
	uint64_t seen = 0;
	pthread_t reader;

	set_up();
	page = placeholder_at(7);
	CHECK_INT(pthread_create(&reader, NULL, read_seven, &seen), 0);
	while ((atomic_load(&atomic_load(&page->slot)->word) & 2) == 0)
		sched_yield();
	CHECK_INT(vm_page_convert(&page), 1);
	words(page)[0] = 4711;
	page->valid = vm_page_all_blocks(PAGE);
	vm_page_dirty(page, 0, PAGE);
	vm_page_release(page);
	CHECK_INT(pthread_join(reader, NULL), 0);
	CHECK_INT(seen, 4711);
	tear_down();
}

TEST(a_wired_placeholder_is_counted_when_it_has_a_frame)
{
	struct vm_page *page;

	set_up();
	page = placeholder_at(7);
	CHECK_INT(vm_page_wire(page, NULL), 0);
	CHECK_INT(vm_page_convert(&page), 1);
	CHECK_INT(page->wires, 1);
	CHECK_INT(vm->wired, 1);
	CHECK_INT(anon->wired, 1);
	CHECK_INT(vm_page_unwire(page, NULL, VM_TO_INACTIVE), 0);
	CHECK_INT(vm->wired, 0);
	vm_page_release(page);
	tear_down();
}

TEST(a_loose_placeholder_becomes_a_loose_page)
{
	struct vm_page *page;

	set_up();
	page = placeholder();
	CHECK_INT(vm_page_convert(&page), 1);
	CHECK(vm_page_object(page) == NULL && vm_page_data(page) != NULL);
	CHECK_INT(vm->loose, 1);
	vm_page_free(page, 0);
	tear_down();
}

TEST(a_grab_gives_a_placeholder_its_frame_and_its_contents)
{
	struct vm_page *page;

	set_up();
	CHECK_INT(vm_page_insert(placeholder(), object, 5), 0);
	vm_page_release(vm_page_lookup(object, 5));
	CHECK_INT(core_get(5, 0), 5);
	CHECK_INT(vm_page_insert(placeholder(), object, 6), 0);
	vm_page_release(vm_page_lookup(object, 6));
	page = core_grab(6, VM_GRAB_WRITE | VM_GRAB_ZERO);
	CHECK_INT(words(page)[0], 0);
	vm_page_release(page);
	CHECK_INT(vm_page_insert(placeholder(), object, 7), 0);
	vm_page_release(vm_page_lookup(object, 7));
	page = core_grab(7, VM_GRAB_WRITE | VM_GRAB_NOREAD);
	CHECK(vm_page_data(page) != NULL);
	CHECK_INT(page->valid, 0);
	vm_page_release(page);
	tear_down();
}

/* ---- devices ------------------------------------------------------------- */

static char device_memory[4 * PAGE];

static struct vm_object *
new_device(void)
{
	struct vm_object *device;
	struct vm_pager *pager;

	CHECK_INT(vm_pager_anon_create(vm->swap, sizeof(device_memory),
	    &pager), 0);
	CHECK_INT(vm_object_new_device(vm, pager, device_memory,
	    sizeof(device_memory), &device), 0);
	atomic_store(&device->writable, true);
	return device;
}

TEST(a_devices_pages_are_its_memory_and_cost_no_page)
{
	struct vm_object *device;
	struct vm_page *page, *pages[4];
	unsigned got;

	set_up();
	device = new_device();
	for (unsigned i = 0; i < 4; i++) {
		device_memory[i * PAGE] = (char)(i + 1);
		CHECK_INT(vm_page_grab(device, i, VM_GRAB_READ, &page), 0);
		CHECK(vm_page_data(page) == &device_memory[i * PAGE]);
		vm_page_release(page);
	}
	CHECK_INT(free_pages(), vm->limit.total);
	CHECK_INT(device->resident, 4);
	CHECK_INT(vm_queue_count(&vm->queue), 0);
	CHECK_INT(vm_page_grab(device, 4, VM_GRAB_READ, &page), -ERANGE);
	CHECK_INT(vm_page_grab_many(device, 0, 4, VM_GRAB_WRITE, pages, &got),
	    0);
	vm_page_release_many(pages, got);
	CHECK_INT(vm_page_grab_contig(device, 0, 2, 0, pages), -ENOTSUP);
	CHECK_INT(vm_object_prefetch(device, 0, VM_LENGTH_ALL), 0);
	CHECK_INT(vm_object_destroy(device), 0);
	CHECK_INT(device_memory[PAGE], 2);
	tear_down();
}

TEST(what_is_written_to_a_device_is_there_and_never_dirty)
{
	struct vm_object *device;
	struct vm_page *page;

	set_up();
	device = new_device();
	CHECK_INT(vm_page_grab(device, 1, VM_GRAB_WRITE, &page), 0);
	words(page)[0] = 77;
	vm_page_dirty(page, 0, PAGE);
	CHECK_INT(device->dirty, 0);
	CHECK_INT(page->dirty, 0);
	vm_page_release(page);
	CHECK_INT(vm_page_grab(device, 2, VM_GRAB_WRITE | VM_GRAB_ZERO,
	    &page), 0);
	vm_page_release(page);
	CHECK_INT(vm_object_sync(device, 0, VM_LENGTH_ALL), 0);
	CHECK_INT(vm_object_forget(device), 0);
	CHECK_INT(*(uint64_t *)(void *)&device_memory[PAGE], 77);
	CHECK_INT(device_memory[2 * PAGE], 0);
	CHECK_INT(vm_object_destroy(device), 0);
	tear_down();
}

/* 4,096: each is made, and taken by the other one now and then. */
#define MANY 4096u

static struct vm_object *many;

static void *
grab_each_second(void *arg)
{
	for (uint64_t i = (uintptr_t)arg; i < MANY; i += 2) {
		struct vm_page *page;

		if (vm_page_grab(many, i, VM_GRAB_READ, &page) == 0)
			vm_page_release(page);
	}
	return NULL;
}

static void
grab_all_by_two(void)
{
	static char memory[MANY * PAGE];
	struct vm_options o = VM_OPTIONS_INIT;
	struct vm_pager *pager;
	pthread_t thread;

	o.resident_max_bytes = CORE_LIMIT_PAGES * PAGE;
	o.fictitious_max = MANY;
	o.fictitious_quantum = 1;
	CHECK_INT(vm_create_on(&o, &faulty_os, &pmap_nobody, &vm), 0);
	CHECK_INT(vm_pager_anon_create(vm->swap, sizeof(memory), &pager), 0);
	CHECK_INT(vm_object_new_device(vm, pager, memory, sizeof(memory),
	    &many), 0);
	CHECK_INT(pthread_create(&thread, NULL, grab_each_second, (void *)1),
	    0);
	(void)grab_each_second((void *)0);
	CHECK_INT(pthread_join(thread, NULL), 0);
	CHECK_INT(many->resident, MANY);
	CHECK_INT(vm_object_destroy(many), 0);
	CHECK_INT(vm_destroy(vm), 0);
}

TEST(who_makes_a_descriptor_that_somebody_else_takes_makes_another)
{
	faulty_reset();
	for (unsigned round = 0; round < 32; round++)
		grab_all_by_two();
	faulty_check_clean();
}

TEST(a_device_whose_descriptors_are_used_up_has_no_more_pages)
{
	struct vm_options o = VM_OPTIONS_INIT;
	struct vm_object *device;
	struct vm_page *page;

	faulty_reset();
	o.resident_max_bytes = CORE_LIMIT_PAGES * PAGE;
	o.fictitious_max = 2;
	CHECK_INT(vm_create_on(&o, &faulty_os, &pmap_nobody, &vm), 0);
	device = new_device();
	for (uint64_t i = 0; i < 4; i++) {
		CHECK_INT(vm_page_grab(device, i, VM_GRAB_READ, &page),
		    i < 2 ? 0 : -ENOMEM);
		if (i < 2)
			vm_page_release(page);
	}
	CHECK_INT(device->resident, 2);
	CHECK_INT(vm_page_grab(device, 0, VM_GRAB_READ, &page), 0);
	vm_page_release(page);
	audit(vm);
	CHECK_INT(vm_object_destroy(device), 0);
	CHECK_INT(vm_destroy(vm), 0);
	faulty_check_clean();
}
