/* SPDX-License-Identifier: BSD-2-Clause */
/* ops_async.c - many pages on their way at once, for one thread. */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "op.h"

/* 12 asks: with what is pinned more than half of the limit; 8 at a time. */
enum { ASKS = 12, DEPTH = 8 };

struct asked {
	struct vm_async_ask ask[ASKS];
	uint64_t pindex[ASKS];		/* by its ask's arg */
	bool answered[ASKS];
	unsigned left;			/* not answered */
};

/* Any pages of the thing, none twice to be written; one may be refused. */
static void
choose(struct world *w, struct thing *t, struct asked *a)
{
	bool write = t->writable && pick(w, 2) == 0;
	uint64_t at = some_page(w, t);
	unsigned count = 0;

	memset(a, 0, sizeof(*a));
	while (count < ASKS && at < thing_pages(t)) {
		a->ask[count] = (struct vm_async_ask){
			.object = t->object, .pindex = at,
			.flags = write ? VM_GRAB_WRITE : VM_GRAB_READ,
			.arg = &a->pindex[count],
		};
		a->pindex[count++] = at;
		at += 1 + pick(w, 2) * pick(w, 9);
	}
	if (pick(w, 4) == 0)
		a->ask[0].flags |= VM_GRAB_ONCE;
	a->left = count;
}

static void
take_answer(struct world *w, struct thing *t, struct asked *a,
    const struct vm_async_answer *answer)
{
	size_t which = (size_t)((uint64_t *)answer->arg - a->pindex);

	MUST(w, which < ASKS && !a->answered[which]);
	a->answered[which] = true;
	a->left--;
	if ((a->ask[which].flags & VM_GRAB_ONCE) != 0) {
		MUST(w, answer->error == -EINVAL && answer->page == NULL);
		return;
	}
	if (answer->error == -ECANCELED)
		return;
	MUST(w, answer->error == 0);
	thing_compare(w, t, answer->page, a->pindex[which]);
	if ((a->ask[which].flags & VM_GRAB_WRITE) != 0 &&
	    thing_part(t, a->pindex[which]) != 0) {
		uint8_t value = (uint8_t)pick(w, 256);

		*(uint8_t *)vm_page_data(answer->page) = value;
		t->bytes[a->pindex[which] * PAGE] = value;
		vm_page_dirty(answer->page, 0, 1);
	}
	vm_page_release(answer->page);
}

static unsigned
reap(struct world *w, struct thing *t, struct asked *a,
    struct vm_async *async)
{
	struct vm_async_answer answers[3];
	unsigned n = vm_async_reap(async, answers, 3, (unsigned)pick(w, 4));

	for (unsigned i = 0; i < n; i++)
		take_answer(w, t, a, &answers[i]);
	return n;
}

static void
poll_once(struct world *w, struct vm_async *async)
{
	struct pollfd fd = { .fd = vm_async_fd(async), .events = POLLIN };

	MUST(w, fd.fd >= 0 && poll(&fd, 1, 0) >= 0);
}

static void
grab_async(struct world *w, struct thing *t)
{
	struct vm_async *async;
	struct asked a;
	unsigned at = 0, all;

	choose(w, t, &a);
	all = a.left;
	MUST(w, vm_async_create(w->vm, DEPTH, &async) == 0);
	while (a.left != 0) {
		at += vm_async_grab(async, &a.ask[at], all - at);
		MUST(w, vm_async_pending(async) <= DEPTH);
		MUST(w, vm_async_pending(async) == at - (all - a.left));
		if (pick(w, 16) == 0)
			(void)vm_async_cancel(async);
		if (pick(w, 8) == 0)
			poll_once(w, async);
		if (pick(w, 40) == 0)
			break;	/* with answers not taken, pages held */
		(void)reap(w, t, &a, async);
	}
	vm_async_destroy(async);
}

const struct op ops_async[] = {
	{ "grab async", grab_async, 6, false },
	{ NULL, NULL, 0, false },
};
