/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random requests to a file and to anonymous memory, over every kind of
 * queue, against an array of bytes.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/rng.h"
#include "check.h"
#include "os/ioq.h"
#include "pager/anon.h"
#include "pager/file.h"
#include "rig.h"

enum { PAGES = 300, BYTES = PAGES * PAGE, ROUNDS = 1500, AT_ONCE = 6 };

static unsigned char model[BYTES];	/* zeros behind length */
static uint64_t length;
static struct vm_rng rng;
static struct vm_pager *pager;
static struct vm_ioq *queue;
static struct rig_io *ios[AT_ONCE];
static int fd;	/* of the file, -1: anonymous */

static unsigned
below(unsigned bound)
{
	return (unsigned)vm_rng_below(&rng, bound);
}

static uint64_t
min_bytes(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void
resize_model(uint64_t bytes)
{
	if (bytes < length)
		memset(model + bytes, 0, length - bytes);
	length = bytes;
}

static void
randomize(unsigned char *bytes, size_t count)
{
	for (size_t i = 0; i + 8 <= count; i += 8) {
		uint64_t word = vm_rng_next(&rng);

		memcpy(bytes + i, &word, sizeof(word));
	}
}

/* Of all kinds: nothing to be gained, much of it, one word all over. */
static void
fill_page(unsigned char *page, uint64_t bytes)
{
	switch (below(4)) {
	case 0:
		memset(page, (int)below(3), bytes);
		break;
	case 1:
		randomize(page, bytes);
		break;
	default:
		randomize(page, bytes / (1 + below(16)));
		break;
	}
}

/* A run of pages within the object; false: it has none. */
static bool
pick(vm_pindex_t *pindex, unsigned *count)
{
	unsigned pages = (unsigned)((length + PAGE - 1) / PAGE);

	if (pages == 0)
		return false;
	*pindex = below(pages);
	*count = 1 + below(below(4) == 0 ? 256 : 10);
	if (*count > pages - *pindex)
		*count = pages - (unsigned)*pindex;
	return true;
}

static void
out(void)
{
	struct rig_io *r = ios[below(AT_ONCE)];
	vm_pindex_t pindex;
	unsigned count;
	int error;

	if (!pick(&pindex, &count))
		return;
	while (count > 0) {
		unsigned n = pager->ops->reserve(pager, pindex, count, &error);
		uint64_t at = pindex * PAGE;

		CHECK(n > 0 && n <= count);
		for (unsigned i = 0; i < n; i++) {
			unsigned char *page = rig_io_page(r, i);
			uint64_t from = at + i * PAGE;
			uint64_t bytes = min_bytes(length - from, PAGE);

			/* The memory behind the end is zeros: a contract. */
			memset(page, 0, PAGE);
			fill_page(page, bytes);
			memcpy(model + from, page, bytes);
		}
		CHECK_INT(rig_out(r, pager, queue, pindex, n), VM_PAGER_OK);
		pindex += n;
		count -= n;
	}
}

static void
compare(struct rig_io *r)
{
	for (unsigned i = 0; i < r->io.count; i++)
		CHECK(memcmp(rig_io_page(r, i),
		    model + (r->io.pindex + i) * PAGE, PAGE) == 0);
}

static bool
model_is_zero(vm_pindex_t pindex, unsigned count)
{
	unsigned char *bytes = model + pindex * PAGE;

	return bytes[0] == 0 &&
	    memcmp(bytes, bytes + 1, (size_t)count * PAGE - 1) == 0;
}

/* Starts reading what one request can; returns the pages it covers. */
static unsigned
start_in(struct rig_io *r, vm_pindex_t pindex, unsigned want, bool *started)
{
	unsigned count;
	enum vm_pager_result result = pager->ops->extent(pager, pindex, want,
	    &count);

	CHECK(result == VM_PAGER_OK || result == VM_PAGER_ABSENT);
	CHECK(count > 0 && count <= want);
	*started = result == VM_PAGER_OK;
	if (!*started) {
		CHECK(fd < 0 && model_is_zero(pindex, count));
		return count;
	}
	for (unsigned i = 0; i < count; i++)
		rig_io_fill(r, i, 0xee);
	r->io.op = VM_PAGER_IN;
	r->io.pindex = pindex;
	r->io.count = count;
	rig_start(r, pager, queue);
	return count;
}

static void
in(void)
{
	bool started[AT_ONCE] = { false };
	vm_pindex_t pindex;
	unsigned count;

	if (!pick(&pindex, &count))
		return;
	for (unsigned i = 0; i < AT_ONCE && count > 0; i++) {
		unsigned n = start_in(ios[i], pindex, count, &started[i]);

		pindex += n;
		count -= n;
	}
	CHECK_INT(vm_ioq_flush(queue), 0);
	for (unsigned i = 0; i < AT_ONCE; i++) {
		if (!started[i])
			continue;
		rig_wait(ios[i], queue);
		CHECK_INT(ios[i]->io.result, VM_PAGER_OK);
		CHECK_INT(ios[i]->io.filled, ios[i]->io.count);
		compare(ios[i]);
	}
}

static void
forget(void)
{
	vm_pindex_t pindex;
	unsigned count;

	if (!pick(&pindex, &count))
		return;
	pager->ops->forget(pager, pindex, count);
	if (fd < 0)
		memset(model + pindex * PAGE, 0, (size_t)count * PAGE);
}

static uint64_t
pick_length(void)
{
	uint64_t bytes = below(4) == 0 ? BYTES : below(BYTES);

	return below(2) == 0 ? bytes / PAGE * PAGE : bytes;
}

static void
resize(void)
{
	uint64_t bytes = pick_length();

	if (fd >= 0)
		CHECK(ftruncate(fd, (off_t)bytes) == 0);
	pager->ops->resized(pager, bytes);
	resize_model(bytes);
}

/* The file is cut, and the pager hears of it after it wrote once more. */
static void
cut_unsaid(void)
{
	uint64_t bytes = pick_length();

	if (fd < 0 || bytes > length)
		return;
	CHECK(ftruncate(fd, (off_t)bytes) == 0);
	out();
	CHECK_INT(rig_file_length(fd), bytes);
	pager->ops->resized(pager, bytes);
	resize_model(bytes);
}

static void
write_around(void)
{
	uint64_t at, bytes;

	if (fd < 0 || length == 0)
		return;
	at = below((unsigned)length);
	bytes = min_bytes(length - at, below(20000));
	randomize(model + at, bytes);
	CHECK(pwrite(fd, model + at, bytes, (off_t)at) == (ssize_t)bytes);
}

static void
disturb(void)
{
	rig.short_bytes = below(3) == 0 ? 1 + below(40000) : 0;
	rig.transfers = 0;
	rig.fail_nth = below(3);
	rig.fail_count = 3;
	rig.fail_errno = EINTR;
}

static void
step(void)
{
	unsigned what = below(100);

	disturb();
	if (what < 40)
		out();
	else if (what < 80)
		in();
	else if (what < 87)
		forget();
	else if (what < 92)
		resize();
	else if (what < 94)
		cut_unsaid();
	else if (what < 98)
		write_around();
	else
		CHECK_INT(pager->ops->sync(pager), 0);
}

static bool
make_queue(int kind)
{
	static const enum vm_ioq_kind kinds[] = { VM_IOQ_URING, VM_IOQ_SYNC };
	struct vm_ioq_options o = { .depth = 4 };

	if (kind < 2) {
		o.kind = kinds[kind];
		return vm_os_linux.ioq_create(&o, &queue) == 0;
	}
	queue = rig_queue(kind == 2 ? RIG_IN_SUBMIT : RIG_IN_REAP, 4);
	return true;
}

static void
play(void)
{
	for (int i = 0; i < AT_ONCE; i++)
		ios[i] = rig_io_new(i % 2 ? RIG_ONE_PIECE : RIG_PIECES);
	memset(model, 0, sizeof(model));
	length = 0;
	resize();
	for (int i = 0; i < ROUNDS; i++)
		step();
	if (fd >= 0)
		CHECK(rig_file_is(fd, 0, model, length));
	for (int i = 0; i < AT_ONCE; i++)
		rig_io_free(ios[i]);
	vm_ioq_destroy(queue);
	pager->ops->destroy(pager);
}

/* Over two files, which together have just the room it takes. */
static void
play_swap(int kind, unsigned tier_pages, bool encipher)
{
	struct vm_swap_place_options file[] = {
		{ .directory = rig_directory(), .max_bytes = BYTES / 2,
		    .priority = kind % 2 },
		{ .directory = rig_directory(), .max_bytes = BYTES / 2 },
	};
	static _Alignas(16) char tier[64 * PAGE];
	struct vm_swap_options options = {
		.os = &rig_os, .files = file, .file_count = VM_COUNT(file),
		.page_bytes = PAGE, .encipher = encipher,
		.tier = tier_pages == 0 ? NULL : tier,
		.tier_bytes = (uint64_t)tier_pages * PAGE,
	};
	struct vm_swap *swap;
	int error;

	if (!make_queue(kind))
		return;
	rig_reset();
	fd = -1;
	error = vm_swap_create(&options, &swap);
	if (error == -ENOTSUP) {	/* no libsodium */
		vm_ioq_destroy(queue);
		return;
	}
	CHECK_INT(error, 0);
	CHECK_INT(vm_pager_anon_create(swap, 0, &pager), 0);
	play();
	vm_swap_destroy(swap);
	rig_check_clean();
}

TEST(anonymous_memory_agrees_with_an_array_of_bytes)
{
	rng.state = check_seed();
	for (int kind = 0; kind < 4; kind++)
		play_swap(kind, 0, false);
}

TEST(compressed_memory_agrees_with_an_array_of_bytes)
{
	rng.state = check_seed();
	for (int kind = 0; kind < 4; kind++) {
		play_swap(kind, 64, false);
		play_swap(kind, 3, false);
	}
}

TEST(enciphered_memory_agrees_with_an_array_of_bytes)
{
	rng.state = check_seed();
	for (int kind = 0; kind < 4; kind++) {
		play_swap(kind, 0, true);
		play_swap(kind, 16, true);
	}
}

static void
play_file(int kind, enum vm_file_mode mode)
{
	if (!make_queue(kind))
		return;
	rig_reset();
	fd = rig_file();
	CHECK_INT(vm_pager_file_create(&(struct vm_pager_file_options){
	    .os = &rig_os, .fd = fd, .page_bytes = PAGE, .mode = mode,
	    .writable = true }, &pager), 0);
	play();
	close(fd);
	rig_check_clean();
}

TEST(a_file_agrees_with_an_array_of_bytes)
{
	rng.state = check_seed();
	for (int kind = 0; kind < 4; kind++)
		play_file(kind, VM_FILE_DIRECT);
}

TEST(a_buffered_file_agrees_with_an_array_of_bytes)
{
	rng.state = check_seed();
	for (int kind = 0; kind < 4; kind++)
		play_file(kind, VM_FILE_BUFFERED);
}
