/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A resize looked at the old length before it had its barrier: two of them took
 * each other's for theirs.  And a write of the page in which the object ends
 * could begin with the old length after the resize had waited for those that
 * were under way, and end when the file's owner had cut it: the file was long
 * again.  Resizing is compiled here once more, with steps of ours in these two
 * places.
 */
#include <pthread.h>
#include <sched.h>
#include <sys/stat.h>

#include "object/object.h"
#include "pageout/evict.h"

/* What happens before the next resize enters its barrier, or drops its pages;
 * NULL: nothing. */
static void (*before_barrier)(void);
static void (*before_evict)(void);

static void
once(void (**step)(void))
{
	void (*run)(void) = *step;

	*step = NULL;
	if (run != NULL)
		run();
}

static void
bar(struct vm_object *resized, struct vm_barrier *barrier)
{
	once(&before_barrier);
	vm_object_bar(resized, barrier);
}

static int
evict(struct vm_object *resized, vm_pindex_t first, vm_pindex_t end,
    unsigned flags)
{
	once(&before_evict);
	return vm_evict_range(resized, first, end, flags);
}

#define vm_object_bar bar
#define vm_evict_range evict
#include "pageout/change.c"
#undef vm_object_bar
#undef vm_evict_range

/* After it: its names are shorter. */
#include "one_object.h"

/* Page 5 ends in the middle, behind its words. */
#define SHORT ((uint64_t)5 * PAGE + 50)

/* -- two at once ----------------------------------------------------------- */

static void
shrink_and_write_behind(void)
{
	uint64_t value = 77;

	CHECK_INT(vm_object_resize(object, SHORT), 0);
	CHECK(ftruncate(core_fd, SHORT) == 0);
	/* Somebody lengthens the file: its own bytes follow. */
	CHECK(pwrite(core_fd, &value, sizeof(value), 5 * PAGE + 64) ==
	    (ssize_t)sizeof(value));
	CHECK(ftruncate(core_fd, 8 * PAGE) == 0);
}

TEST(a_resize_goes_on_from_the_length_that_another_left)
{
	core_set_up(0);
	CHECK_INT(core_get(5, 0), 5);
	before_barrier = shrink_and_write_behind;
	CHECK_INT(vm_object_resize(object, 8 * PAGE), 0);
	CHECK(before_barrier == NULL);
	CHECK_INT(core_get(5, 0), 5);
	CHECK_INT(core_get(5, 8), 77);
	core_tear_down();
}

/* -- a write in between ---------------------------------------------------- */

static struct vm_os os;
static struct vm_ioq_ops late;
static const struct vm_ioq_ops *real;
static _Atomic bool writing, cut;
static pthread_t writer;

/* The request was made with the length of that moment; it is performed when the
 * resize waits for the page, or is over and the file is cut. */
static int
submit_late(struct vm_ioq *queue, struct vm_ioq_request *request)
{
	struct vm_slot *slot = vm_index_find(&object->index, 5);

	atomic_store(&writing, true);
	while (request->op == VM_IOQ_WRITE && !atomic_load(&cut) &&
	    !vm_slot_wanted(slot))
		sched_yield();
	return real->submit(queue, request);
}

static int
create_late(const struct vm_ioq_options *options, struct vm_ioq **out)
{
	int error = faulty_os.ioq_create(options, out);

	if (error != 0)
		return error;
	real = (*out)->ops;
	late = *real;
	late.submit = submit_late;
	(*out)->ops = &late;
	return 0;
}

static void *
write_page(void *arg)
{
	CHECK_INT(vm_object_flush(object, 5 * PAGE, PAGE), 0);
	return arg;
}

static void
begin_write(void)
{
	CHECK(pthread_create(&writer, NULL, write_page, NULL) == 0);
	while (!atomic_load(&writing))
		sched_yield();
}

static void
cut_under_write(unsigned flags)
{
	struct vm_options o = VM_OPTIONS_INIT;
	struct stat st;

	faulty_reset();
	os = faulty_os;
	os.ioq_create = create_late;
	atomic_store(&writing, false);
	atomic_store(&cut, false);
	o.resident_max_bytes = CORE_LIMIT_PAGES * PAGE;
	CHECK_INT(vm_create_on(&o, &os, &pmap_nobody, &vm), 0);
	core_new_file();
	CHECK_INT(vm_object_create_file(vm, core_fd, 0, VM_LENGTH_ALL,
	    VM_OBJECT_WRITABLE | flags, &object), 0);
	core_put(5, 55);
	before_evict = begin_write;
	CHECK_INT(vm_object_resize(object, SHORT), 0);
	CHECK(before_evict == NULL);
	CHECK(ftruncate(core_fd, SHORT) == 0);
	atomic_store(&cut, true);
	CHECK(pthread_join(writer, NULL) == 0);
	CHECK(fstat(core_fd, &st) == 0);
	CHECK_INT(st.st_size, SHORT);
	CHECK_INT(core_get(5, 1), 55);
	core_tear_down();
}

TEST(a_write_that_began_before_a_resize_ends_before_it_does)
{
	cut_under_write(0);
}

TEST(of_a_store_too)
{
	cut_under_write(VM_OBJECT_STORE);
}
