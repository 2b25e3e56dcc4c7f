/* SPDX-License-Identifier: BSD-2-Clause */
/* Descriptors without a frame. */
#include "frame/fictitious.h"

#include "frames_fixture.h"

enum { COUNT = 64, MOST = 1200 };

static struct vm_frames f;

static void
set_up(void)
{
	frames_create(&f, COUNT, (struct vm_frames_options){
		.fictitious = MOST });
}

static struct vm_page *
take(void)
{
	return vm_fictitious_take(&f.fictitious);
}

TEST(none_is_there_before_more_are_made)
{
	set_up();
	CHECK(take() == NULL);
	CHECK(take() == NULL);
	CHECK_INT(vm_fictitious_free(&f.fictitious), 0);
	frames_end(&f);
}

TEST(more_says_how_many_it_made)
{
	set_up();
	CHECK_INT(vm_fictitious_more(&f.fictitious, 0), 5);
	CHECK_INT(vm_fictitious_more(&f.fictitious, 1), 1);
	f.fictitious.quantum = 7;
	CHECK_INT(vm_fictitious_more(&f.fictitious, 0), 7);
	CHECK_INT(vm_fictitious_more(&f.fictitious, 1000), 1000);
	CHECK_INT(vm_fictitious_more(&f.fictitious, 1000), MOST - 1013);
	CHECK_INT(vm_fictitious_free(&f.fictitious), MOST);
	CHECK_INT(vm_fictitious_more(&f.fictitious, 5), -ENOMEM);
	CHECK(strstr(vm_error_text(), "all 1200") != NULL);
	CHECK_INT(vm_fictitious_free(&f.fictitious), MOST);
	frames_end(&f);
}

TEST(a_system_may_have_no_room_for_any)
{
	frames_create(&f, COUNT, (struct vm_frames_options){
		.fictitious = 0 });
	CHECK_INT(vm_fictitious_more(&f.fictitious, 0), -ENOMEM);
	CHECK(take() == NULL);
	frames_end(&f);
}

TEST(they_come_last_in_first_out_and_are_counted)
{
	struct vm_page *page[5];

	set_up();
	CHECK_INT(vm_fictitious_more(&f.fictitious, 5), 5);
	for (unsigned i = 0; i < 5; i++) {
		page[i] = take();
		CHECK(page[i] != NULL);
		CHECK_INT(vm_fictitious_free(&f.fictitious), 4 - i);
	}
	CHECK(take() == NULL);
	CHECK_INT(vm_fictitious_free(&f.fictitious), 0);
	for (unsigned i = 0; i < 5; i++) {
		uint32_t walk = 0;

		vm_fictitious_give(&f.fictitious, page[i]);
		for (const struct vm_page *p = f.fictitious.free; p != NULL;
		    p = p->foreign.next)
			walk++;
		CHECK_INT(walk, i + 1);
		CHECK_INT(vm_fictitious_free(&f.fictitious), walk);
	}
	for (unsigned i = 5; i-- > 0;)
		CHECK(take() == page[i]);
	for (unsigned i = 0; i < 5; i++)
		vm_fictitious_give(&f.fictitious, page[i]);
	frames_end(&f);
}

TEST(one_has_a_number_behind_the_frames_and_nothing_of_its_last_user)
{
	struct vm_page *page;

	set_up();
	CHECK_INT(vm_fictitious_more(&f.fictitious, 1), 1);
	page = take();
	CHECK(page->number >= COUNT && page == &f.pages[page->number]);
	CHECK_INT(atomic_load(&page->flags), VM_PGA_FICTITIOUS |
	    VM_PGA_UNMANAGED);
	page->valid = 3;
	page->dirty = 3;
	page->weight = 3;
	page->pindex = 4;
	page->foreign.memory = &f;
	atomic_fetch_or(&page->flags, VM_PGA_PRIVATE | VM_PGA_PRECIOUS);
	vm_fictitious_give(&f.fictitious, page);
	CHECK(take() == page);
	CHECK(page->valid == 0 && page->dirty == 0 && page->weight == 0);
	CHECK(page->pindex == 0 && page->foreign.memory == NULL);
	CHECK_INT(atomic_load(&page->flags), VM_PGA_FICTITIOUS |
	    VM_PGA_UNMANAGED);
	vm_fictitious_give(&f.fictitious, page);
	frames_end(&f);
}

TEST(giving_what_is_not_ones_own_dies)
{
	struct vm_page *page, *real;

	set_up();
	CHECK_INT(vm_fictitious_more(&f.fictitious, 2), 2);
	page = take();
	real = take_one(&f);
	CHECK_DIES(vm_fictitious_give(&f.fictitious, real));
	CHECK_DIES(give_one(&f, page));
	CHECK_DIES(page->object = (void *)&f;
	    vm_fictitious_give(&f.fictitious, page));
	CHECK_DIES(atomic_store(&page->wires, 1);
	    vm_fictitious_give(&f.fictitious, page));
	CHECK_DIES(atomic_store(&page->holds, 1);
	    vm_fictitious_give(&f.fictitious, page));
	CHECK_DIES(vm_frames_fini(&f));
	vm_fictitious_give(&f.fictitious, page);
	CHECK_DIES(vm_fictitious_give(&f.fictitious, page));
	give_one(&f, real);
	frames_end(&f);
}

TEST(they_count_nothing_against_the_frames)
{
	struct vm_page *page[COUNT], *fictitious;

	set_up();
	CHECK_INT(vm_fictitious_more(&f.fictitious, 9), 9);
	fictitious = take();
	CHECK_INT(vm_frame_take(&f, VM_HOME_POOL, page, COUNT), COUNT);
	vm_fictitious_give(&f.fictitious, fictitious);
	vm_frame_give(&f, page, COUNT);
	frames_end(&f);
}
