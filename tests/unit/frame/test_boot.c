/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory for good, while the system is being made. */
#include "frame/boot.h"

#include "frames_fixture.h"

enum { COUNT = 32 };

static const struct vm_frames_options plain;

static char *
steal(struct vm_frames *f, uint64_t bytes)
{
	void *memory = NULL;

	CHECK_INT(vm_boot_take(&f->boot, bytes, &memory), 0);
	CHECK_INT((uintptr_t)memory % 16, 0);
	return memory;
}

TEST(one_byte_takes_one_page_and_the_next_ones_come_out_of_it)
{
	struct vm_frames f;
	char *a, *b;

	frames_create(&f, COUNT, plain);
	vm_boot_begin(&f.boot, &f);
	a = steal(&f, 1);
	CHECK_INT(f.stolen, 1);
	b = steal(&f, 4000);
	CHECK(b == a + 16);
	CHECK_INT(f.stolen, 1);
	CHECK(steal(&f, 100) == a + 4096);
	CHECK_INT(f.stolen, 2);
	CHECK(steal(&f, 8192) == a + 8192);
	CHECK_INT(f.stolen, 4);
	vm_boot_end(&f.boot);
	frames_end(&f);
}

TEST(stealing_moves_only_the_start_of_the_window)
{
	struct vm_frames f;
	void *start, *end, *start2, *end2;
	char *memory;

	frames_create(&f, COUNT, plain);
	vm_boot_begin(&f.boot, &f);
	CHECK_INT(vm_boot_bounds(&f.boot, &start, &end), 0);
	CHECK(start == f.arena && end == f.arena + COUNT * FRAME_BYTES);
	memory = steal(&f, 3 * FRAME_BYTES - 5);
	CHECK_INT(vm_boot_bounds(&f.boot, &start2, &end2), 0);
	CHECK(memory == start && end2 == end);
	CHECK((char *)start2 == (char *)start + 3 * FRAME_BYTES);
	CHECK_INT((uintptr_t)start2 % FRAME_BYTES, 0);
	vm_boot_end(&f.boot);
	frames_end(&f);
}

TEST(more_than_the_window_is_an_error_and_takes_nothing)
{
	struct vm_frames f;
	void *memory;

	frames_create(&f, COUNT, plain);
	vm_boot_begin(&f.boot, &f);
	CHECK_INT(vm_boot_take(&f.boot, COUNT * FRAME_BYTES + 1, &memory),
	    -ENOMEM);
	CHECK(strstr(vm_error_text(), "32 pages left") != NULL);
	CHECK_INT(vm_boot_take(&f.boot, 0, &memory), -EINVAL);
	CHECK_INT(vm_boot_take(&f.boot, UINT64_MAX, &memory), -EINVAL);
	CHECK_INT(f.stolen, 0);
	(void)steal(&f, COUNT * FRAME_BYTES);
	CHECK_INT(vm_boot_take(&f.boot, 1, &memory), -ENOMEM);
	vm_boot_end(&f.boot);
	frames_end(&f);
}

TEST(stolen_frames_are_reserved_and_never_taken)
{
	struct vm_frames f;
	struct vm_page *page[COUNT];
	struct vm_segment_count count;

	frames_create(&f, COUNT, plain);
	vm_boot_begin(&f.boot, &f);
	memset(steal(&f, 5 * FRAME_BYTES), 7, 5 * FRAME_BYTES);
	vm_boot_end(&f.boot);
	vm_frames_count(&f, 0, &count);
	CHECK_INT(count.frames - count.free, count.stolen);
	CHECK_INT(count.stolen, 5);
	CHECK_INT(vm_frames_usable(&f), COUNT - 5);
	CHECK_INT(vm_frame_take(&f, VM_HOME_POOL, page, COUNT), COUNT - 5);
	for (unsigned i = 0; i < COUNT - 5; i++)
		CHECK(page[i]->number >= 5);
	for (unsigned i = 0; i < 5; i++)
		CHECK_INT(atomic_load(&f.pages[i].flags), VM_PGA_WARM |
		    VM_PGA_RESERVED);
	CHECK_DIES(give_one(&f, &f.pages[2]));
	for (unsigned i = 0; i < 5 * FRAME_BYTES; i++)
		CHECK_INT(f.arena[i], 7);
	vm_frame_give(&f, page, COUNT - 5);
	frames_end(&f);
}

TEST(before_and_after_boot_there_is_nothing_to_steal)
{
	struct vm_frames f;
	void *a, *b;

	frames_create(&f, COUNT, plain);
	CHECK_INT(vm_boot_take(&f.boot, 1, &a), -EINVAL);
	CHECK_INT(vm_boot_bounds(&f.boot, &a, &b), -EINVAL);
	CHECK_DIES(vm_boot_end(&f.boot));
	vm_boot_begin(&f.boot, &f);
	CHECK_DIES(vm_boot_begin(&f.boot, &f));
	(void)steal(&f, 1);
	vm_boot_end(&f.boot);
	CHECK_INT(vm_boot_take(&f.boot, 1, &a), -EINVAL);
	CHECK_STR(vm_error_text(), "boot is over");
	CHECK_INT(vm_boot_bounds(&f.boot, &a, &b), -EINVAL);
	CHECK_DIES(vm_boot_begin(&f.boot, &f));
	CHECK_DIES(vm_boot_end(&f.boot));
	frames_end(&f);
}

static unsigned asked;
static uint64_t asked_bytes;

static int
own_source(void *arg, uint64_t bytes, void **memory)
{
	asked++;
	asked_bytes = bytes;
	*memory = arg;
	return bytes == 666 ? -ENOMEM : 0;
}

TEST(a_source_of_ones_own_is_called_once_for_each_request)
{
	static _Alignas(16) char memory[64];
	struct vm_frames f;
	void *out;

	frames_create(&f, COUNT, plain);
	f.boot.source = own_source;
	f.boot.source_arg = memory;
	vm_boot_begin(&f.boot, &f);
	CHECK(steal(&f, 50) == memory);
	CHECK(asked == 1 && asked_bytes == 50);
	CHECK_INT(vm_boot_take(&f.boot, 666, &out), -ENOMEM);
	CHECK_INT(asked, 2);
	CHECK_INT(f.stolen, 0);
	vm_boot_end(&f.boot);
	frames_end(&f);
}

TEST(a_retired_frame_never_comes_back)
{
	struct vm_frames f;
	struct vm_page *page[COUNT], *gone;
	struct vm_segment_count count;

	frames_create(&f, COUNT, plain);
	gone = take_one(&f);
	vm_frames_retire(&f, gone);
	CHECK_INT(vm_frames_usable(&f), COUNT - 1);
	CHECK((atomic_load(&gone->flags) & VM_PGA_RESERVED) != 0);
	CHECK_DIES(give_one(&f, gone));
	CHECK_DIES(vm_frames_retire(&f, gone));
	CHECK_INT(vm_frame_take(&f, VM_HOME_POOL, page, COUNT), COUNT - 1);
	for (unsigned i = 0; i < COUNT - 1; i++)
		CHECK(page[i] != gone);
	vm_frames_count(&f, 0, &count);
	CHECK_INT(count.retired, 1);
	vm_frame_give(&f, page, COUNT - 1);
	frames_end(&f);
}
