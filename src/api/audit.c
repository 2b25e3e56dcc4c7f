/* SPDX-License-Identifier: BSD-2-Clause */
/* api/audit.c - a whole system at once; audit.h has the theory. */
#include "api/audit.h"

#include <errno.h>
#include <resident/stat.h>
#include <string.h>

#include "base/error.h"
#include "object/life.h"
#include "object/object.h"
#include "os/os.h"
#include "pageout/clean.h"

/*
 * Looks with the same finding while nothing moved, before it is believed:
 * somebody between two steps, who has no page held, may have been stopped by
 * the scheduler.  1000 looks with as many yields are some milliseconds of a
 * small system, 20,000 about a second, which only a test will wait.
 */
#define PATIENCE	1000u
#define PATIENCE_IDLE	20000u
/* Looks in all, while others work: then we do not know. */
#define LOOKS_MAX	10000u
#define LOOKS_MAX_IDLE	1000000u

/* 2^20 descriptors, 4 GiB of pages: reading those of a larger system that were
 * never used would bring their memory into being. */
#define SCAN_MAX	(UINT32_C(1) << 20)
/* Zeroed pages whose bytes are read in one look. */
#define ZEROES_MAX	16u

/* ---- queues and descriptors ---------------------------------------------- */

void
vm_look_at_queues(struct vm_look *look)
{
	struct vm_queue *queue = &look->vm->queue;
	const char *name, *next;
	uint32_t count, more;
	uint64_t sum = 0;

	for (unsigned i = 0; vm_queue_list(queue, i, &name, &count); i++) {
		/* The last one has a tag of its own. */
		bool last = !vm_queue_list(queue, i + 1, &next, &more);
		uint64_t sure = look->listed[last ?
		    VM_LOOK_CACHED : i + 1];

		vm_look_expect(look, count >= sure &&
		    count <= sure + look->all.unsure, "queue %s says %u "
		    "pages, and has %llu", name, count,
		    (unsigned long long)sure);
		sum += count;
	}
	count = vm_queue_cached(queue);
	vm_look_expect(look, atomic_load(&look->vm->limit.cached) == count,
	    "%u pages are cached, and %u are counted", count,
	    atomic_load(&look->vm->limit.cached));
	vm_look_expect(look, !look->idle || vm_queue_count(queue) == sum,
	    "the lengths of the queues do not add up");
}

static bool
is_zero(const unsigned char *bytes, size_t count)
{
	return bytes[0] == 0 && memcmp(bytes, bytes + 1, count - 1) == 0;
}

/* Under the frames' lock: on a free list. */
static void
look_at_free(struct vm_look *look, struct vm_page *page, unsigned *zeroes)
{
	const uint16_t allowed = VM_PGA_FREE | VM_PGA_WARM | VM_PGA_ZERO;
	struct vm_frames *frames = &look->vm->frames;
	uint16_t flags = atomic_load(&page->flags);

	vm_look_expect(look, (flags & ~allowed) == 0, "free page %u has "
	    "flags 0x%x", page->number, flags);
	vm_look_expect(look, page->object == NULL && page->list == 0,
	    "free page %u has an object or is queued", page->number);
	vm_look_expect(look, atomic_load(&page->wires) == 0 &&
	    atomic_load(&page->holds) == 0 && atomic_load(&page->loans) == 0,
	    "free page %u is wired, held or lent", page->number);
	vm_look_expect(look, atomic_load(&page->dirty) == 0,
	    "free page %u is dirty", page->number);
	if ((flags & VM_PGA_ZERO) == 0 || *zeroes == ZEROES_MAX)
		return;
	++*zeroes;
	vm_look_expect(look, is_zero(vm_frame_data(frames, page),
	    frames->page_bytes), "free page %u is called zeroed and is not",
	    page->number);
}

void
vm_look_at_frames(struct vm_look *look)
{
	struct vm_frames *frames = &look->vm->frames;
	uint64_t gone = 0, orphans = 0, loans = 0;
	const char *wrong = NULL;
	unsigned zeroes = 0;

	if (frames->count > SCAN_MAX)
		return;
	if (look->idle)
		wrong = vm_frames_audit(frames);
	vm_look_expect(look, wrong == NULL, "frames: %s",
	    wrong == NULL ? "" : wrong);
	for (uint32_t i = 0; i < frames->count; i++) {
		struct vm_page *page = &frames->pages[i];
		uint16_t flags = atomic_load(&page->flags);

		loans += atomic_load(&page->loans) & ~VM_LOANS_ORPHAN;
		if ((flags & VM_PGA_FREE) != 0) {
			vm_lock(&frames->lock);
			if ((atomic_load(&page->flags) & VM_PGA_FREE) != 0)
				look_at_free(look, page, &zeroes);
			vm_unlock(&frames->lock);
			continue;
		}
		if (atomic_load(&page->slot) != NULL)
			continue;	/* it has an identity */
		gone += (flags & VM_PGA_GONE) != 0;
		orphans += (flags & VM_PGA_ORPHAN) != 0;
		vm_look_expect(look, ((flags & VM_PGA_GONE) != 0) ==
		    ((atomic_load(&page->holds) & VM_HOLDS_GONE) != 0),
		    "page %u is gone, and nobody holds it", i);
		vm_look_expect(look, (flags & VM_PGA_ORPHAN) == 0 ||
		    atomic_load(&page->loans) != 0, "page %u is an orphan, "
		    "and not on loan", i);
	}
	vm_look_expect(look, atomic_load(&look->vm->gone) == gone,
	    "%llu pages are gone but for a hold, and %u are counted",
	    (unsigned long long)gone, atomic_load(&look->vm->gone));
	vm_look_expect(look, atomic_load(&look->vm->orphans) == orphans,
	    "%llu pages are orphans, and %u are counted",
	    (unsigned long long)orphans, atomic_load(&look->vm->orphans));
	vm_look_expect(look, atomic_load(&look->vm->loans) == loans,
	    "pages are lent %llu times, and %u are counted",
	    (unsigned long long)loans, atomic_load(&look->vm->loans));
}

/* ---- the system ---------------------------------------------------------- */

/* What moves whenever a page does. */
static uint64_t
activity(struct vm *vm)
{
	const enum vm_counter counters[] = {
		VM_COUNTER_faults, VM_COUNTER_grabs, VM_COUNTER_pages_in,
		VM_COUNTER_pages_out, VM_COUNTER_pages_taken,
		VM_COUNTER_pages_freed, VM_COUNTER_faults_write,
	};
	uint64_t sum = 0;

	for (unsigned i = 0; i < VM_COUNT(counters); i++)
		sum += vm_counter_read(vm->counters, counters[i]);
	return sum;
}

/* Every frame is one of these, or on its way from one to another. */
static void
look_at_limit(struct vm_look *look)
{
	struct vm *vm = look->vm;
	uint64_t known = atomic_load(&vm->limit.free) +
	    vm_shelves_count(&vm->limit) + look->all.framed +
	    vm_life_loose_pages(vm) + atomic_load(&vm->gone) +
	    atomic_load(&vm->orphans);
	/* Where the limit was made smaller, more may be in use for a while. */
	uint64_t total = atomic_load(&vm->limit.total) +
	    atomic_load(&vm->limit.debt);

	vm_look_expect(look, known <= total, "%llu pages are known, and there "
	    "are %llu", (unsigned long long)known, (unsigned long long)total);
	vm_look_expect(look, !look->idle || known == total,
	    "free and used pages are %llu, and there are %llu",
	    (unsigned long long)known, (unsigned long long)total);
	vm_look_expect(look, atomic_load(&vm->limit.laundry[0]) +
	    atomic_load(&vm->limit.laundry[1]) <= look->all.unsure,
	    "more pages are counted as laundry than are busy");
	vm_look_expect(look, atomic_load(&vm->limit.peak) <= vm->frames.count,
	    "more pages than the limit were in use");
}

static void
look_at_gauges(struct vm_look *look)
{
	struct vm *vm = look->vm;
	uint64_t unsure = look->all.unsure;
	uint64_t wired = look->all.wired + atomic_load(&vm->nowhere->wired);
	uint64_t dirty = vm_dirty_pages(vm);
	uint32_t live;

	vm_look_expect(look, dirty + unsure >= look->external_dirty &&
	    dirty <= look->external_dirty + unsure, "%llu pages that are "
	    "not anonymous are counted as dirty, and %llu are",
	    (unsigned long long)dirty,
	    (unsigned long long)look->external_dirty);
	vm_look_expect(look, atomic_load(&vm->wired) >= wired &&
	    atomic_load(&vm->wired) <= wired + unsure, "%u pages are counted "
	    "as wired, and %llu are", atomic_load(&vm->wired),
	    (unsigned long long)wired);
	vm_lock(&vm->leaves.lock);
	live = vm->leaves.live;
	vm_unlock(&vm->leaves.lock);
	vm_look_expect(look, live >= look->leaves && (!look->idle ||
	    live == look->leaves), "%u leaves are in use, and %llu are known",
	    live, (unsigned long long)look->leaves);
}

static void
look_at_objects(struct vm_look *look)
{
	struct vm *vm = look->vm;
	struct vm_node *node;
	uint32_t count = 0;

	/* The lock keeps objects from going away under us. */
	vm_lock(&vm->lock);
	for (node = vm_list_first(&vm->objects); node != NULL;
	    node = vm_list_next(&vm->objects, node), count++) {
		struct vm_object *object = VM_ENTRY(node, struct vm_object,
		    link);
		uint64_t dirty = look->all.dirty;

		vm_look_at_object(look, object);
		if (!object->anonymous)
			look->external_dirty += look->all.dirty - dirty;
	}
	vm_look_expect(look, vm->object_count == count, "%u objects are "
	    "counted, and %u are listed", vm->object_count, count);
	vm_unlock(&vm->lock);
}

static void
look_once(struct vm_look *look)
{
	look_at_objects(look);
	vm_look_at_queues(look);
	vm_look_at_frames(look);
	look_at_limit(look);
	look_at_gauges(look);
}

/* Until all is true at once, or the same thing stays wrong. */
static int
audit(struct vm *vm, bool idle)
{
	const uint32_t patience = idle ? PATIENCE_IDLE : PATIENCE;
	char wrong[VM_LOOK_BYTES] = "";
	const uint32_t most = idle ? LOOKS_MAX_IDLE : LOOKS_MAX;
	uint32_t still = 0;

	for (uint32_t looks = 0; looks < most; looks++) {
		struct vm_look look = { .vm = vm, .idle = idle };
		uint64_t before = activity(vm);

		look_once(&look);
		if (look.wrong[0] == '\0')
			return 0;
		if (before != activity(vm) || strcmp(wrong, look.wrong) != 0)
			still = 0;
		else if (++still >= patience)
			return vm_error(EUCLEAN, "audit: %s", wrong);
		memcpy(wrong, look.wrong, sizeof(wrong));
		vm->os->yield();
	}
	return vm_error(EAGAIN, "audit: the system does not stand still (%s)",
	    wrong);
}

int
vm_audit_idle(struct vm *vm)
{
	return audit(vm, true);
}

VM_EXPORT int
vm_audit(struct vm *vm)
{
	if (vm == NULL)
		return vm_error(EINVAL, "audit: no system");
	return audit(vm, false);
}
