/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * resident/async.h - many pages on their way at once, for one thread.
 *
 * vm_page_grab brings one page and vm_page_grab_many a run of neighbours.
 * Who wants pages from anywhere, of any objects, asks for them here and takes
 * them as they come: one ring of the kernel for each struct vm_async, no
 * thread behind it, one system call for all that is asked for together.
 *
 *	ask --there--> answered
 *	    --absent--> its read is on its way --done--> answered
 *	    --somebody has it, or no memory--> waits, and no other ask for it
 *	answered --vm_async_reap--> the caller's, held: vm_page_release
 *
 * Answers come in the order in which pages can be had, not in that of asking.
 * Neighbours of one object that are asked for one behind the other are one
 * read.  Nothing else is fetched with them.
 *
 * A page that is answered is held from then on, reaped or not.  So an ask may
 * wait for another of the same thread, and memory may be used up by answers:
 * vm_async_reap never sleeps for more while there are answers to be taken.
 *
 * Belongs to one thread at a time.  Until its asks are answered, their objects
 * are not resized, synced or destroyed by that thread.
 */
#ifndef RESIDENT_ASYNC_H
#define RESIDENT_ASYNC_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vm;
struct vm_async;
struct vm_object;
struct vm_page;

/* Asks at a time at most: beyond 128 no disk we know gets faster. */
#define VM_ASYNC_DEPTH_MAX 256u

struct vm_async_ask {
	struct vm_object *object;
	uint64_t pindex;
	unsigned flags;		/* VM_GRAB_*, but ONCE */
	void *arg;		/* comes back with the answer */
};

struct vm_async_answer {
	struct vm_page *page;	/* held as asked for; NULL: error */
	int error;		/* 0, or what vm_page_grab would return */
	void *arg;
};

/*
 * depth: asks that are not reaped yet, at most; 0: 32.  0; -EINVAL (depth),
 * -ENOMEM, -EMFILE.
 */
int vm_async_create(struct vm *vm, unsigned depth, struct vm_async **out);

/*
 * Ends what waits, waits for what is on its way, releases what was not
 * reaped.  Sleeps.
 */
void vm_async_destroy(struct vm_async *async);

/*
 * Asks for pages; returns how many of asks[] were accepted, from the front,
 * which is fewer than count when depth is reached.  What cannot be asked is
 * answered with its error.  Starts all reads that are needed; never sleeps.
 */
unsigned vm_async_grab(struct vm_async *async, const struct vm_async_ask *asks,
    unsigned count);

/*
 * Up to max answers; returns how many.  Sleeps until there are min of them, but
 * returns fewer when those that remain wait for others' pages or for memory,
 * which may be what the caller has or is about to get.  With none to return,
 * min above 0 and asks that wait, sleeps for them as vm_page_grab does.
 * min 0: sleeps only to complete a page that is valid in part, or lent, when
 * nothing else is left.
 *
 * -EAGAIN: the page's pager has no room; ask again later.  -ENOMEM: nothing
 * could be freed within the bound (vm_options.wait_max_ns); with min 0 that is
 * seen by the reaps after it.  -ECANCELED.  vm_last_error is of the last of
 * them that failed.
 */
unsigned vm_async_reap(struct vm_async *async, struct vm_async_answer *answers,
    unsigned max, unsigned min);

/* Asks that are not reaped yet.  Never sleeps. */
unsigned vm_async_pending(const struct vm_async *async);

/*
 * For event loops: a file descriptor that polls readable when a reap may find
 * something, once a reap has returned 0.  The same at each call; ends with
 * async.  A negative errno where there is none left.
 */
int vm_async_fd(struct vm_async *async);

/* Asks that wait, and whose read has not begun, are answered with -ECANCELED;
 * how many.  Never sleeps. */
unsigned vm_async_cancel(struct vm_async *async);

#ifdef __cplusplus
}
#endif

#endif
