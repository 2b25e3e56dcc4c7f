/* SPDX-License-Identifier: BSD-2-Clause */
/* What stands behind a device: nothing to move, and an end. */
#include "pager/device.h"

#include <errno.h>

#include "check.h"
#include "rig.h"

static struct vm_pager *pager;

static void
set_up(uint64_t length)
{
	rig_reset();
	CHECK_INT(vm_pager_device_create(&rig_os, PAGE, length, &pager), 0);
}

static void
tear_down(void)
{
	pager->ops->destroy(pager);
	rig_check_clean();
}

TEST(writing_is_done_and_moves_nothing)
{
	struct vm_ioq *queue = rig_queue(RIG_IN_REAP, 4);
	struct rig_io *r = rig_io_new(RIG_PIECES);

	set_up(10 * PAGE);
	rig_io_fill(r, 0, 'x');
	CHECK_INT(rig_out(r, pager, queue, 3, 2), VM_PAGER_OK);
	CHECK(rig_io_is(r, 0, 'x'));
	CHECK_INT(rig.transfers, 0);
	CHECK_INT(pager->ops->sync(pager), 0);
	pager->ops->forget(pager, 0, 10);
	r->io.op = VM_PAGER_IN;
	CHECK_DIES(rig_start(r, pager, queue));
	rig_io_free(r);
	vm_ioq_destroy(queue);
	tear_down();
}

TEST(a_device_has_an_end)
{
	uint64_t bytes;
	unsigned count;
	int error = 0;
	char byte;

	set_up(300 * PAGE);
	CHECK_INT(pager->ops->extent(pager, 0, 1000, &count), VM_PAGER_OK);
	CHECK_INT(count, 300);
	CHECK_INT(pager->ops->extent(pager, 290, 7, &count), VM_PAGER_OK);
	CHECK_INT(count, 7);
	CHECK_INT(pager->ops->extent(pager, 300, 1, &count), VM_PAGER_RANGE);
	CHECK_INT(pager->ops->reserve(pager, 0, 1000, &error), 256);
	CHECK_INT(pager->ops->reserve(pager, 300, 1, &error), 0);
	CHECK_INT(error, ERANGE);
	CHECK_INT(pager->ops->length(pager, &bytes), 0);
	CHECK_INT(bytes, 300 * PAGE);
	CHECK_INT(pager->ops->peek(pager, 0, &byte, 1), -ENOTSUP);
	pager->ops->resized(pager, 2 * PAGE);
	CHECK_INT(pager->ops->extent(pager, 0, 9, &count), VM_PAGER_OK);
	CHECK_INT(count, 2);
	pager->ops->resized(pager, 1000 * PAGE);	/* there is no more */
	CHECK_INT(pager->ops->extent(pager, 299, 9, &count), VM_PAGER_OK);
	CHECK_INT(count, 1);
	tear_down();
}

TEST(without_memory_there_is_no_device)
{
	rig_reset();
	rig.fail_alloc = 1;
	CHECK_INT(vm_pager_device_create(&rig_os, PAGE, PAGE, &pager),
	    -ENOMEM);
	rig_check_clean();
}
