/* SPDX-License-Identifier: BSD-2-Clause */
/* The swap file: when it is made, how it grows, what a full disk does. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "base/rng.h"
#include "check.h"
#include "pager/anon.h"
#include "pager/pack.h"
#include "rig.h"

static struct vm_swap *swap;
static struct vm_pager *pager;
static struct vm_ioq *queue;
static struct rig_io *r;

static void
setup_in(const char *directory, uint64_t max_bytes)
{
	rig_reset();
	CHECK_INT(vm_swap_create(&(struct vm_swap_options){ .os = &rig_os,
	    .files = &(struct vm_swap_place_options){ .directory = directory },
	    .file_count = 1, .page_bytes = PAGE, .max_bytes = max_bytes },
	    &swap), 0);
	CHECK_INT(vm_pager_anon_create(swap, UINT64_C(1) << 32, &pager), 0);
	queue = rig_queue(RIG_IN_REAP, 4);
	r = rig_io_new(RIG_PIECES);
}

static void
setup(uint64_t max_bytes)
{
	setup_in(rig_directory(), max_bytes);
}

static void
teardown(void)
{
	rig_io_free(r);
	vm_ioq_destroy(queue);
	pager->ops->destroy(pager);
	vm_swap_destroy(swap);
	rig_check_clean();
}

static unsigned
reserve(vm_pindex_t pindex, unsigned want, int *error)
{
	*error = 0;
	return pager->ops->reserve(pager, pindex, want, error);
}

TEST(no_file_is_made_before_it_is_needed)
{
	unsigned count;
	int error;

	setup_in("/nonexistent", 0);
	CHECK_INT(rig.descriptors, 0);
	CHECK_INT(pager->ops->extent(pager, 0, 5, &count), VM_PAGER_ABSENT);
	CHECK_INT(rig_in(r, pager, queue, 0, 5), VM_PAGER_ABSENT);
	CHECK_INT(reserve(0, 5, &error), 0);
	CHECK_INT(error, ENOENT);
	CHECK(strstr(vm_error_text(), "/nonexistent") != NULL);
	teardown();
}

TEST(a_file_that_cannot_be_made_is_tried_again)
{
	int error;

	setup(0);
	rig.tmpfile_errno = ENOSPC;
	CHECK_INT(reserve(0, 5, &error), 0);
	CHECK_INT(error, ENOSPC);
	rig.tmpfile_errno = 0;
	CHECK_INT(reserve(0, 5, &error), 5);
	teardown();
}

TEST(without_a_directory_the_environment_says_where)
{
	char *old = getenv("TMPDIR");
	int error;

	old = old == NULL ? NULL : strdup(old);
	CHECK(setenv("TMPDIR", "/nowhere", 1) == 0);
	setup_in(NULL, 0);
	CHECK_INT(reserve(0, 5, &error), 0);
	CHECK(strstr(vm_error_text(), "/nowhere") != NULL);
	teardown();
	if (old != NULL)
		CHECK(setenv("TMPDIR", old, 1) == 0);
	else
		CHECK(unsetenv("TMPDIR") == 0);
	free(old);
}

TEST(the_bound_of_the_file_holds_and_names_what_was_wanted)
{
	int error;

	setup(100 * PAGE + 1);
	CHECK_INT(reserve(0, 60, &error), 60);
	CHECK_INT(reserve(60, 60, &error), 40);
	CHECK_INT(reserve(100, 60, &error), 0);
	CHECK_INT(error, ENOSPC);
	CHECK(strstr(vm_error_text(), "245760 bytes") != NULL);
	CHECK(strstr(vm_error_text(), rig_directory()) != NULL);
	pager->ops->forget(pager, 10, 5);
	CHECK_INT(reserve(100, 60, &error), 5);
	/* What is there already can always be written again. */
	CHECK_INT(reserve(0, 10, &error), 10);
	teardown();
}

TEST(a_full_disk_is_an_error_of_reserve_and_passes)
{
	int error;

	setup(0);
	rig.disk_bytes = 100 * PAGE;
	CHECK_INT(reserve(0, 90, &error), 90);
	CHECK_INT(reserve(90, 20, &error), 0);
	CHECK_INT(error, ENOSPC);
	CHECK(strstr(vm_error_text(), rig_directory()) != NULL);
	CHECK_INT(reserve(90, 10, &error), 10);
	pager->ops->forget(pager, 0, 7);
	CHECK_INT(reserve(100, 20, &error), 7);
	rig.disk_bytes = 0;
	CHECK_INT(reserve(200, 256, &error), 256);
	teardown();
}

TEST(a_disk_that_cannot_allocate_ahead_serves_too)
{
	int error;

	setup(0);
	rig.fallocate_errno = EOPNOTSUPP;
	CHECK_INT(reserve(0, 5, &error), 5);
	for (unsigned i = 0; i < 5; i++)
		rig_io_stamp(r, i, 'a');
	CHECK_INT(rig_out(r, pager, queue, 0, 5), VM_PAGER_OK);
	CHECK_INT(rig_in(r, pager, queue, 0, 5), VM_PAGER_OK);
	CHECK(rig_io_stamped(r, 4, 'a'));
	teardown();
}

/* Whatever it says of that, and it is not asked again. */
TEST(each_way_of_not_allocating_ahead_serves)
{
	static const int errors[] = { EOPNOTSUPP, ENOSYS, EINVAL };
	int error;

	for (unsigned i = 0; i < VM_COUNT(errors); i++) {
		setup(0);
		rig.fallocate_errno = errors[i];
		CHECK_INT(reserve(0, 5, &error), 5);
		rig.fallocate_errno = EIO;
		CHECK_INT(reserve(5, 5, &error), 5);
		teardown();
	}
}

TEST(a_disk_that_fails_to_allocate_is_an_error)
{
	int error;

	setup(0);
	rig.fallocate_errno = EIO;
	CHECK_INT(reserve(0, 5, &error), 0);
	CHECK_INT(error, EIO);
	rig.fallocate_errno = 0;
	CHECK_INT(reserve(0, 5, &error), 5);
	teardown();
}

/* 4 MiB at a time are asked for; where there is less, what is needed; and
 * where that is all there was to ask for, nothing else is tried. */
TEST(a_disk_that_is_full_at_the_end_of_a_step_is_full)
{
	int error;

	setup(0);
	rig.disk_bytes = 1023 * PAGE;
	for (vm_pindex_t at = 0; at < 768; at += 256)
		CHECK_INT(reserve(at, 256, &error), 256);
	CHECK_INT(reserve(768, 256, &error), 0);
	CHECK_INT(error, ENOSPC);
	CHECK_INT(reserve(768, 255, &error), 255);
	teardown();
}

TEST(an_empty_directory_is_none)
{
	char *old = getenv("TMPDIR");
	int error;

	old = old == NULL ? NULL : strdup(old);
	setup_in("", 0);
	rig.tmpfile_errno = EACCES;
	CHECK_INT(reserve(0, 5, &error), 0);
	CHECK(strstr(vm_error_text(), "/var/tmp") != NULL);
	teardown();
	CHECK(unsetenv("TMPDIR") == 0);
	setup_in(NULL, 0);
	rig.tmpfile_errno = EACCES;
	CHECK_INT(reserve(0, 5, &error), 0);
	CHECK(strstr(vm_error_text(), "/var/tmp") != NULL);
	teardown();
	if (old != NULL)
		CHECK(setenv("TMPDIR", old, 1) == 0);
	free(old);
}

/* More than a map can name: as much as it can. */
TEST(a_bound_beyond_the_map_is_the_maps)
{
	int error;

	setup(UINT64_MAX);
	CHECK_INT(reserve(0, 5, &error), 5);
	teardown();
}

TEST(a_write_to_a_full_disk_fails_and_can_be_repeated)
{
	int error;

	setup(0);
	rig.fallocate_errno = EOPNOTSUPP;
	CHECK_INT(reserve(0, 5, &error), 5);
	rig.fail_nth = 1;
	rig.fail_errno = ENOSPC;
	for (unsigned i = 0; i < 5; i++)
		rig_io_stamp(r, i, 'a');
	CHECK_INT(rig_out(r, pager, queue, 0, 5), VM_PAGER_FAILED);
	CHECK_INT(r->io.error, ENOSPC);
	CHECK(strstr(vm_error_text(), rig_directory()) != NULL);
	CHECK(strstr(vm_error_text(), "20480 bytes") != NULL);
	CHECK_INT(reserve(0, 5, &error), 5);
	CHECK_INT(rig_out(r, pager, queue, 0, 5), VM_PAGER_OK);
	CHECK_INT(rig_in(r, pager, queue, 0, 5), VM_PAGER_OK);
	CHECK(rig_io_stamped(r, 4, 'a'));
	teardown();
}

/* The Nth allocation fails, N = 1, 2, ... until none does; each time all is
 * given back, and what failed works at once when repeated. */
TEST(no_memory_anywhere_is_an_error_without_a_leak)
{
	struct vm_swap_place_options file = { .directory = rig_directory() };
	struct vm_swap_options o = { .os = &rig_os, .files = &file,
	    .file_count = 1, .page_bytes = PAGE };
	bool failed = true;
	int error;

	for (unsigned n = 1; failed; n++) {
		rig_reset();
		rig.fail_alloc = n;
		failed = vm_swap_create(&o, &swap) == -ENOMEM;
		if (failed) {
			rig_check_clean();
			continue;
		}
		while (vm_pager_anon_create(swap, 5000 * PAGE, &pager) < 0)
			failed = true;
		while (reserve(0, 100, &error) == 0) {
			CHECK_INT(error, ENOMEM);
			failed = true;
		}
		while (reserve(2000, 100, &error) == 0) {
			CHECK_INT(error, ENOMEM);
			failed = true;
		}
		pager->ops->destroy(pager);
		vm_swap_destroy(swap);
		rig_check_clean();
	}
}

enum { THREADS = 8, ROUNDS = 300, OBJECT_PAGES = 200 };

struct worker {
	pthread_t thread;
	struct vm_pager *pager;
	int number;
};

/* Pages of an object, each of them all one byte; 0 is absent. */
static void *
work(void *arg)
{
	struct worker *w = arg;
	struct vm_rng rng = { (uint64_t)w->number };
	struct rig_io *own = rig_io_new(RIG_PIECES);
	struct vm_ioq *ioq;
	int byte[OBJECT_PAGES] = { 0 }, error;

	CHECK_INT(vm_os_linux.ioq_create(&(struct vm_ioq_options){
	    .kind = VM_IOQ_SYNC }, &ioq), 0);
	for (int i = 0; i < ROUNDS; i++) {
		unsigned at = (unsigned)vm_rng_below(&rng, OBJECT_PAGES);
		unsigned want = 1 + (unsigned)vm_rng_below(&rng, 20), count;

		count = w->pager->ops->reserve(w->pager, at, want, &error);
		CHECK(count > 0);
		for (unsigned j = 0; j < count; j++) {
			byte[at + j] = w->number * 30 + 1 + i % 30;
			rig_io_stamp(own, j, byte[at + j]);
		}
		CHECK_INT(rig_out(own, w->pager, ioq, at, count), VM_PAGER_OK);
		at = (unsigned)vm_rng_below(&rng, OBJECT_PAGES);
		(void)w->pager->ops->extent(w->pager, at, want, &count);
		CHECK_INT(rig_in(own, w->pager, ioq, at, count),
		    byte[at] == 0 ? VM_PAGER_ABSENT : VM_PAGER_OK);
		for (unsigned j = 0; j < count; j++)
			CHECK(rig_io_stamped(own, j, byte[at + j]));
		at = (unsigned)vm_rng_below(&rng, OBJECT_PAGES);
		w->pager->ops->forget(w->pager, at, 1);
		byte[at] = 0;
	}
	vm_ioq_destroy(ioq);
	rig_io_free(own);
	return NULL;
}

/* False: what it takes is not here. */
static bool
share(const struct vm_swap_options *options)
{
	struct worker worker[THREADS];
	int error = vm_swap_create(options, &swap);

	if (error == -ENOTSUP)
		return false;
	CHECK_INT(error, 0);
	for (int i = 0; i < THREADS; i++) {
		worker[i].number = i;
		CHECK_INT(vm_pager_anon_create(swap, OBJECT_PAGES * PAGE,
		    &worker[i].pager), 0);
		CHECK(pthread_create(&worker[i].thread, NULL, work,
		    &worker[i]) == 0);
	}
	for (int i = 0; i < THREADS; i++) {
		CHECK(pthread_join(worker[i].thread, NULL) == 0);
		worker[i].pager->ops->destroy(worker[i].pager);
	}
	vm_swap_destroy(swap);
	return true;
}

TEST(threads_with_an_object_each_share_the_file)
{
	struct vm_swap_place_options file = { .directory = rig_directory() };

	CHECK(share(&(struct vm_swap_options){ .os = &vm_os_linux,
	    .files = &file, .file_count = 1, .page_bytes = PAGE }));
}

/* So small that somebody always empties it, and others run into him. */
TEST(threads_share_compressed_memory_and_a_cipher)
{
	static _Alignas(16) char tier[PAGE];
	struct vm_swap_place_options file = { .directory = rig_directory() };
	struct vm_swap_options options = { .os = &vm_os_linux,
		.files = &file, .file_count = 1, .page_bytes = PAGE,
		.tier = vm_pack_able() ? tier : NULL,
		.tier_bytes = sizeof(tier), .encipher = true };

	if (share(&options))
		return;
	options.encipher = false;
	CHECK(share(&options));
}

TEST(a_swap_file_in_use_is_not_destroyed)
{
	int error;

	setup(0);
	CHECK_INT(reserve(0, 5, &error), 5);
	CHECK_DIES(vm_swap_destroy(swap));
	teardown();
}
