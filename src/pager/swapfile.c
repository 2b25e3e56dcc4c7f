/* SPDX-License-Identifier: BSD-2-Clause */
/* pager/swapfile.c - swapfile.h has the theory. */
#include "pager/swapfile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/assert.h"
#include "base/error.h"
#include "os/os.h"
#include "pager/swaptable.h"

/* 4 MiB: a few of the largest writes, and nothing on any disk. */
#define GRAIN_BYTES (UINT64_C(4) << 20)

/* Idle grains that stay on the disk: 2, 8 MiB, and an eighth of the used ones,
 * so that what comes and goes is not allocated again and again. */
#define IDLE_MIN	2u
#define IDLE_PART	8u

/* 8 grains a call: 32 MiB, some ms of any file system's time. */
#define TRIM_MAX	8u

/* 3 writes in a row: one may have been bad luck, a disk that is gone fails
 * them all. */
#define FAILURES_MAX	3u

static uint64_t
grain_pages(const struct vm_swapfile *file)
{
	return GRAIN_BYTES / file->backing.page_bytes;
}

static uint64_t
max_pages(const struct vm_swapfile_options *options)
{
	uint64_t pages = options->max_bytes / options->page_bytes;

	return options->max_bytes == 0 || pages > VM_SWAP_PAGES_MAX ?
	    VM_SWAP_PAGES_MAX : pages;
}

int
vm_swapfile_init(struct vm_swapfile *file,
    const struct vm_swapfile_options *options)
{
	static const char what[] = "swap file in ";
	size_t length = strlen(options->directory) + 1;
	char *name = options->os->alloc(sizeof(what) + length);

	if (name == NULL)
		return vm_error(ENOMEM, "swap: %s", vm_errno_text(ENOMEM));
	memset(file, 0, sizeof(*file));
	memcpy(name, what, sizeof(what));
	file->directory = memcpy(name + sizeof(what) - 1, options->directory,
	    length);
	file->name = name;
	vm_backing_init(&file->backing, options->os, options->counters,
	    options->page_bytes);
	file->backing.what = name;
	file->lock = options->lock;
	file->priority = options->priority;
	vm_cond_init(&file->opened);
	vm_swapmap_init(&file->map, max_pages(options));
	return 0;
}

void
vm_swapfile_fini(struct vm_swapfile *file)
{
	const struct vm_os *os = file->backing.os;

	os->free(vm_swapmap_fini(&file->map));
	vm_assert(file->grains_used == 0);
	os->free(file->grains);
	vm_backing_close(&file->backing);
	vm_cond_fini(&file->opened);
	os->free(file->name);
}

/* ---- the file ------------------------------------------------------------ */

static int
make_file(struct vm_swapfile *file)
{
	const struct vm_os *os = file->backing.os;
	int err, fd = os->tmpfile(file->directory);

	if (fd < 0)
		return vm_error(-fd, "%s: making it: %s", file->name,
		    vm_errno_text(-fd));
	err = vm_backing_open(&file->backing, fd, O_RDWR);
	os->close(fd);
	return err;
}

/* One thread makes the file, the others wait for it. */
static int
need_file(struct vm_swapfile *file)
{
	int err = 0;

	/* Acquire: pairs with the store below. */
	if (atomic_load_explicit(&file->open, memory_order_acquire))
		return 0;
	vm_lock(file->lock);
	while (file->opening)
		(void)vm_cond_wait(&file->opened, file->lock, UINT64_MAX);
	file->opening = true;
	vm_unlock(file->lock);
	if (!atomic_load_explicit(&file->open, memory_order_acquire))
		err = make_file(file);
	if (err == 0)
		atomic_store_explicit(&file->open, true, memory_order_release);
	vm_lock(file->lock);
	file->opening = false;
	vm_cond_wake_all(&file->opened);
	vm_unlock(file->lock);
	return err;
}

/* ---- the map ------------------------------------------------------------- */

/* Room for grains of so many pages; NULL: there is enough, or no memory. */
static struct vm_swap_grain *
grains_for(struct vm_swapfile *file, uint64_t pages, uint64_t *count)
{
	*count = (pages + grain_pages(file) - 1) / grain_pages(file);
	return file->backing.os->alloc((size_t)*count *
	    sizeof(struct vm_swap_grain));
}

/* Returns what is to be freed. */
static struct vm_swap_grain *
supply_grains(struct vm_swapfile *file, struct vm_swap_grain *grains,
    uint64_t count)
{
	struct vm_swap_grain *old = file->grains;

	vm_lock_assert_held(file->lock);
	if (count <= file->grain_count)
		return grains;
	if (old != NULL)
		memcpy(grains, old, (size_t)file->grain_count *
		    sizeof(old[0]));
	file->grains = grains;
	file->grain_count = count;
	return old;
}

/* Failing is no error while there is room in the map. */
static void
grow_map(struct vm_swapfile *file, unsigned want)
{
	const struct vm_os *os = file->backing.os;
	struct vm_swap_grain *grains;
	uint64_t *words, count;
	size_t bytes;

	vm_lock(file->lock);
	bytes = vm_swapmap_growth_bytes(&file->map, want);
	vm_unlock(file->lock);
	if (bytes == 0)
		return;
	words = os->alloc(bytes);
	/* A bit for each page. */
	grains = words == NULL ? NULL : grains_for(file, bytes * 8, &count);
	if (grains != NULL) {
		vm_lock(file->lock);
		grains = supply_grains(file, grains, count);
		words = vm_swapmap_grow(&file->map, words, bytes);
		vm_unlock(file->lock);
		os->free(grains);
	}
	os->free(words);
}

/* These pages were taken, or given. */
static void
count_pages(struct vm_swapfile *file, uint64_t first, uint64_t count,
    bool taken)
{
	uint64_t per = grain_pages(file);

	while (count > 0) {
		struct vm_swap_grain *grain = &file->grains[first / per];
		uint64_t n = per - first % per < count ? per - first % per :
		    count;
		uint16_t before = grain->taken;

		grain->taken = (uint16_t)(taken ? before + n : before - n);
		vm_assert(grain->taken <= per);
		if ((before == 0) != (grain->taken == 0)) {
			file->grains_used += taken ? 1u : UINT64_MAX;
			if (grain->on_disk != 0)
				file->grains_idle += taken ? UINT64_MAX : 1u;
		}
		first += n;
		count -= n;
	}
}

static unsigned
take_any(struct vm_swapfile *file, unsigned want, uint64_t *first)
{
	unsigned count;

	vm_lock(file->lock);
	count = vm_swapmap_take(&file->map, want, first);
	count_pages(file, *first, count, true);
	vm_unlock(file->lock);
	return count;
}

void
vm_swapfile_give_locked(struct vm_swapfile *file, uint64_t first,
    unsigned count)
{
	vm_lock_assert_held(file->lock);
	vm_swapmap_give(&file->map, first, count);
	count_pages(file, first, count, false);
}

static void
give(struct vm_swapfile *file, uint64_t first, unsigned count)
{
	vm_lock(file->lock);
	vm_swapfile_give_locked(file, first, count);
	vm_unlock(file->lock);
}

/* ---- the disk ------------------------------------------------------------ */

static bool
unable(int err)
{
	return err == -EOPNOTSUPP || err == -ENOSYS || err == -EINVAL;
}

static int
allocate(struct vm_swapfile *file, int mode, uint64_t from, uint64_t to)
{
	uint32_t page_bytes = file->backing.page_bytes;

	return file->backing.os->fallocate(atomic_load_explicit(
	    &file->backing.out[VM_BACKING_PLAIN], memory_order_relaxed), mode,
	    from * page_bytes, (to - from) * page_bytes);
}

/* Blocks for [from, to), more if that is possible: *to says up to where. */
static int
allocate_ahead(struct vm_swapfile *file, uint64_t from, uint64_t *to)
{
	uint64_t per = grain_pages(file), end = (from / per + 1) * per;
	int err;

	if (end > file->map.max_pages)
		end = file->map.max_pages;
	if (atomic_load_explicit(&file->sparse, memory_order_relaxed)) {
		*to = end;
		return 0;
	}
	err = allocate(file, 0, from, end);
	if (err == -ENOSPC && end > *to) {
		end = *to;
		err = allocate(file, 0, from, end);
	}
	if (unable(err)) {
		atomic_store_explicit(&file->sparse, true,
		    memory_order_relaxed);
		err = 0;
	}
	*to = end;
	return err;
}

/* Of one grain, whose pages up to end are taken. */
static int
need_grain(struct vm_swapfile *file, uint64_t number, uint64_t end)
{
	uint64_t start = number * grain_pages(file), have;
	struct vm_swap_grain *grain;
	int err;

	vm_lock(file->lock);
	have = file->grains[number].on_disk;
	vm_unlock(file->lock);
	if (start + have >= end)
		return 0;
	err = allocate_ahead(file, start + have, &end);
	vm_lock(file->lock);
	grain = &file->grains[number];
	if (err == 0 && start + grain->on_disk < end) {
		file->on_disk_pages += end - start - grain->on_disk;
		grain->on_disk = (uint16_t)(end - start);
		if (file->on_disk_peak < file->on_disk_pages)
			file->on_disk_peak = file->on_disk_pages;
	}
	vm_unlock(file->lock);
	return err;
}

/* Makes sure of blocks for pages that are taken.  0, a negative errno. */
static int
need_disk(struct vm_swapfile *file, uint64_t first, unsigned count)
{
	uint64_t per = grain_pages(file), end = first + count;
	int err = 0;

	for (uint64_t n = first / per; err == 0 && n * per < end; n++)
		err = need_grain(file, n, (n + 1) * per < end ?
		    (n + 1) * per : end);
	return err;
}

/* The disk is full; there may be room within what it gave before. */
static unsigned
take_on_disk(struct vm_swapfile *file, unsigned want, uint64_t *first)
{
	uint64_t per = grain_pages(file);
	unsigned count = 0;

	vm_lock(file->lock);
	for (uint64_t n = 0; n < file->grain_count && count == 0; n++) {
		const struct vm_swap_grain *grain = &file->grains[n];
		uint64_t end = n * per + grain->on_disk;

		if (end > file->map.pages)
			end = file->map.pages;
		if (n * per < end)
			count = vm_swapmap_take_within(&file->map, want,
			    n * per, end, first);
	}
	count_pages(file, *first, count, true);
	vm_unlock(file->lock);
	return count;
}

static int
no_room(struct vm_swapfile *file, unsigned want, int err)
{
	return vm_error(err, "%s: no room for %llu bytes: %s", file->name,
	    (unsigned long long)want * file->backing.page_bytes,
	    vm_errno_text(err));
}

int
vm_swapfile_take(struct vm_swapfile *file, unsigned want, uint64_t *first)
{
	unsigned count;
	uint64_t pages;
	int err = need_file(file);

	if (err < 0)
		return err;
	grow_map(file, want);
	*first = 0;
	count = take_any(file, want, first);
	if (count == 0) {
		vm_lock(file->lock);
		pages = file->map.pages;
		vm_unlock(file->lock);
		return no_room(file, want,
		    pages < file->map.max_pages ? ENOMEM : ENOSPC);
	}
	err = need_disk(file, *first, count);
	if (err == 0)
		return (int)count;
	give(file, *first, count);
	count = take_on_disk(file, want, first);
	return count > 0 ? (int)count : no_room(file, want, -err);
}

bool
vm_swapfile_try_locked(struct vm_swapfile *file, uint64_t first,
    unsigned count)
{
	uint64_t per = grain_pages(file), end = first + count;

	vm_lock_assert_held(file->lock);
	if (end > file->map.pages)
		return false;
	for (uint64_t n = first / per; n * per < end; n++) {
		uint64_t need = end - n * per < per ? end - n * per : per;

		if (file->grains[n].on_disk < need)
			return false;
	}
	if (!vm_swapmap_try(&file->map, first, count))
		return false;
	count_pages(file, first, count, true);
	return true;
}

/* ---- what is not used ---------------------------------------------------- */

/* Takes all pages of an idle grain, if there are more of these than are kept;
 * those at the end first. */
static bool
claim_idle(struct vm_swapfile *file, uint64_t *first, unsigned *count)
{
	uint64_t per = grain_pages(file), n = file->grain_count;

	vm_lock_assert_held(file->lock);
	if (file->grains_idle <= IDLE_MIN + file->grains_used / IDLE_PART)
		return false;
	while (n-- > 0) {
		const struct vm_swap_grain *grain = &file->grains[n];

		if (grain->on_disk == 0 || grain->taken != 0)
			continue;
		*first = n * per;
		*count = (unsigned)(*first + per < file->map.pages ? per :
		    file->map.pages - *first);
		if (!vm_swapmap_try(&file->map, *first, *count))
			vm_assert(false);	/* none is taken */
		count_pages(file, *first, *count, true);
		return true;
	}
	return false;
}

/* 0; anything else: it is still on the disk. */
static int
punch(struct vm_swapfile *file, uint64_t first, unsigned count)
{
	int err = allocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
	    first, first + count);

	if (unable(err))
		atomic_store_explicit(&file->unpunched, true,
		    memory_order_relaxed);
	return err;
}

void
vm_swapfile_trim(struct vm_swapfile *file)
{
	struct vm_swap_grain *grain;
	uint64_t first = 0;
	unsigned count = 0;
	bool more;
	int err = 0;

	for (unsigned i = 0; i < TRIM_MAX && err == 0; i++) {
		if (atomic_load_explicit(&file->unpunched,
		    memory_order_relaxed))
			return;
		vm_lock(file->lock);
		more = claim_idle(file, &first, &count);
		vm_unlock(file->lock);
		if (!more)
			return;
		err = punch(file, first, count);
		vm_lock(file->lock);
		grain = &file->grains[first / grain_pages(file)];
		if (err == 0) {
			file->on_disk_pages -= grain->on_disk;
			grain->on_disk = 0;
		}
		vm_swapfile_give_locked(file, first, count);
		vm_unlock(file->lock);
	}
}

/* ---- at once ------------------------------------------------------------- */

bool
vm_swapfile_fails(const struct vm_swapfile *file)
{
	/* Relaxed: a preference. */
	return atomic_load_explicit(&file->failures, memory_order_relaxed) >=
	    FAILURES_MAX;
}

void
vm_swapfile_note(struct vm_swapfile *file, bool failed)
{
	uint32_t old = atomic_load_explicit(&file->failures,
	    memory_order_relaxed);

	if (!failed && old != 0)
		atomic_store_explicit(&file->failures, 0,
		    memory_order_relaxed);
	else if (failed && old < FAILURES_MAX)
		atomic_store_explicit(&file->failures, old + 1,
		    memory_order_relaxed);
}

/* The way for what is at `at`: past the page cache if that may be. */
static enum vm_backing_way
way_at(struct vm_backing *b, uint64_t at, bool in)
{
	int fd = in ? b->in[VM_BACKING_DIRECT] : atomic_load_explicit(
	    &b->out[VM_BACKING_DIRECT], memory_order_relaxed);

	return fd < 0 || at % b->page_bytes != 0 || atomic_load_explicit(
	    &b->direct_refused, memory_order_relaxed) ? VM_BACKING_PLAIN :
	    VM_BACKING_DIRECT;
}

static ssize_t
move_part(struct vm_backing *b, void *memory, uint64_t bytes, uint64_t at,
    bool in)
{
	enum vm_backing_way way = way_at(b, at, in);
	int fd = in ? b->in[way] : atomic_load_explicit(&b->out[way],
	    memory_order_relaxed);
	ssize_t n = in ? b->os->pread(fd, memory, (size_t)bytes, at) :
	    b->os->pwrite(fd, memory, (size_t)bytes, at);

	if (n == -EINVAL && way == VM_BACKING_DIRECT) {
		atomic_store_explicit(&b->direct_refused, true,
		    memory_order_relaxed);
		return move_part(b, memory, bytes, at, in);
	}
	if (way == VM_BACKING_PLAIN)
		(void)b->os->drop_cache(fd, at - at % b->page_bytes,
		    bytes + at % b->page_bytes);
	return n != 0 ? n : -EIO;
}

static int
move(struct vm_swapfile *file, void *memory, uint64_t first, unsigned count,
    bool in)
{
	struct vm_backing *b = &file->backing;
	uint64_t bytes = (uint64_t)count * b->page_bytes;

	for (uint64_t done = 0; done < bytes;) {
		ssize_t n = move_part(b, (char *)memory + done, bytes - done,
		    first * b->page_bytes + done, in);

		if (n < 0)
			return (int)n;
		done += (uint64_t)n;
	}
	vm_backing_count(b, in ? VM_COUNTER_reads : VM_COUNTER_writes, 1);
	vm_backing_count(b, in ? VM_COUNTER_read_bytes :
	    VM_COUNTER_written_bytes, bytes);
	return 0;
}

static int
report(struct vm_swapfile *file, const char *what, unsigned count, int err)
{
	struct vm_backing *b = &file->backing;

	vm_backing_count(b, what[0] == 'r' ? VM_COUNTER_read_errors :
	    VM_COUNTER_write_errors, 1);
	return vm_error(-err, "%s: %s %llu bytes: %s", file->name, what,
	    (unsigned long long)count * b->page_bytes, vm_errno_text(-err));
}

int
vm_swapfile_write(struct vm_swapfile *file, const void *memory,
    uint64_t first, unsigned count)
{
	/* One function for both ways; this one only reads the memory. */
	int err = move(file, (void *)(uintptr_t)memory, first, count, false);

	vm_swapfile_note(file, err != 0);
	return err == 0 ? 0 : report(file, "writing", count, err);
}

int
vm_swapfile_read(struct vm_swapfile *file, void *memory, uint64_t first,
    unsigned count)
{
	int err = move(file, memory, first, count, true);

	return err == 0 ? 0 : report(file, "reading", count, err);
}
