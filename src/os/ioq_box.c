/* SPDX-License-Identifier: BSD-2-Clause */
/* os/ioq_box.c - ioq_box.h has the theory. */
#include "os/ioq_box.h"

#include "base/assert.h"
#include "base/futex.h"
#include "os/os.h"

void
vm_ioq_box_init(struct vm_ioq_box *box, const struct vm_os *os)
{
	box->os = os;
	vm_lock_init(&box->lock, VM_RANK_LEAF, "box");
	vm_cond_init(&box->arrived);
	vm_list_init(&box->expected);
	vm_list_init(&box->posted);
	box->event = -1;
	box->count = 0;
}

void
vm_ioq_box_fini(struct vm_ioq_box *box)
{
	vm_assert(box->count == 0);
	if (box->event >= 0)
		box->os->close(box->event);
	vm_cond_fini(&box->arrived);
	vm_lock_fini(&box->lock);
}

void
vm_ioq_box_expect(struct vm_ioq_box *box, struct vm_ioq_request *req)
{
	vm_assert(!vm_node_linked(&req->link));
	req->posted = false;
	vm_lock(&box->lock);
	vm_list_add_tail(&box->expected, &req->link);
	vm_unlock(&box->lock);
	box->count++;
}

void
vm_ioq_box_withdraw(struct vm_ioq_box *box, struct vm_ioq_request *req)
{
	vm_lock(&box->lock);
	vm_assert(vm_node_linked(&req->link) && !req->posted);
	vm_node_remove(&req->link);
	vm_unlock(&box->lock);
	box->count--;
}

void
vm_ioq_box_post(struct vm_ioq_box *box, struct vm_ioq_request *req,
    int64_t result)
{
	vm_lock(&box->lock);
	vm_assert(vm_node_linked(&req->link) && !req->posted);
	vm_node_remove(&req->link);
	req->posted = true;
	req->result = result;
	vm_list_add_tail(&box->posted, &req->link);
	vm_cond_wake_one(&box->arrived);
	/* Under the lock, which keeps the queue from being ended. */
	if (box->event >= 0)
		box->os->event_set(box->event);
	vm_unlock(&box->lock);
}

struct vm_ioq_request *
vm_ioq_box_take(struct vm_ioq_box *box)
{
	struct vm_node *node;

	if (box->count == 0)
		return NULL;
	vm_lock(&box->lock);
	node = vm_list_first(&box->posted);
	if (node != NULL)
		vm_node_remove(node);
	if (node != NULL && box->event >= 0 && vm_list_empty(&box->posted))
		box->os->event_clear(box->event);
	vm_unlock(&box->lock);
	if (node != NULL)
		box->count--;
	return VM_ENTRY(node, struct vm_ioq_request, link);
}

void
vm_ioq_box_wait(struct vm_ioq_box *box)
{
	vm_assert(box->count > 0);
	vm_lock(&box->lock);
	while (vm_list_empty(&box->posted))
		vm_cond_wait(&box->arrived, &box->lock, VM_FUTEX_FOREVER);
	vm_unlock(&box->lock);
}

int
vm_ioq_box_event(struct vm_ioq_box *box)
{
	int event = box->event;	/* (L) for posters; only we store it */

	if (event >= 0)
		return event;
	event = box->os->eventfd();
	if (event < 0)
		return event;
	vm_lock(&box->lock);
	box->event = event;
	if (!vm_list_empty(&box->posted))
		box->os->event_set(event);
	vm_unlock(&box->lock);
	return event;
}
