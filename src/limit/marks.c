/* SPDX-License-Identifier: BSD-2-Clause */
/* limit/marks.c - formulas; docs/limit.md has them in a table. */
#include "limit/marks.h"

#include <errno.h>
#include <inttypes.h>

#include "base/error.h"

/*
 * The daemon frees in batches of 64 to 256 pages, so 256 free pages are a
 * batch in hand while the next one is freed; a system that is too small for
 * that keeps 1/16 free.  Above 4096 pages the need grows with the rate of
 * faults, not with memory, hence 1/64 of what is more; 65536 pages (256 MiB of
 * 4 KiB) are 50 ms at 5 GB/s, more than the daemon needs to react.
 */
#define TARGET_SHARE		16u
#define TARGET_KNEE_PAGES	4096u
#define TARGET_SHARE_ABOVE	64u
#define TARGET_MAX_PAGES	65536u

/*
 * Shares of target.  low: half of it, one batch before the next is needed.
 * min: below 1/8 read-ahead only makes faults wait.  severe: half of min, as
 * in FreeBSD.  reserved: 1/32, what the laundry takes while it makes room;
 * FreeBSD's v_free_reserved and Mach's vm_page_free_reserved stand in the same
 * place.  interrupt: half of that; systems below 1024 pages have none.
 */
#define LOW_SHARE		2u
#define MIN_SHARE		8u
#define SEVERE_SHARE		16u
#define RESERVED_SHARE		32u
#define INTERRUPT_SHARE		64u

static uint32_t
larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static uint32_t
target_of(uint32_t total)
{
	uint32_t target;

	if (total <= TARGET_KNEE_PAGES)
		return total / TARGET_SHARE;
	target = TARGET_KNEE_PAGES / TARGET_SHARE +
	    (total - TARGET_KNEE_PAGES) / TARGET_SHARE_ABOVE;
	return target < TARGET_MAX_PAGES ? target : TARGET_MAX_PAGES;
}

/* Each step is above the one before, however small the system. */
void
vm_marks_compute(uint32_t total, struct vm_marks *marks)
{
	uint32_t target = target_of(total);

	marks->interrupt = target / INTERRUPT_SHARE;
	marks->reserved = larger(target / RESERVED_SHARE,
	    marks->interrupt + 1);
	marks->severe = larger(target / SEVERE_SHARE, marks->reserved + 1);
	marks->min = larger(target / MIN_SHARE, marks->severe + 1);
	marks->low = larger(target / LOW_SHARE, marks->min + 1);
	marks->target = larger(target, marks->low + 1);
}

/*
 * FreeBSD (sys/vm/vm_pageout.c of the 5.x and 6.x releases), 4 KiB pages:
 * v_interrupt_free_min 2, v_pageout_free_min 2 * MAXBSIZE / PAGE_SIZE + 2, a
 * cluster of 16 pages.
 */
#define BSD_INTERRUPT		2u
#define BSD_PAGEOUT_MIN		34u
#define BSD_CLUSTER		16u
#define BSD_RESERVED_SHARE	768u
#define BSD_MIN_BASE		4u
#define BSD_MIN_KNEE		1024u
#define BSD_MIN_SHARE		200u
/* From here on the target is four times the minimum, else twice. */
#define BSD_LARGE		6144u
/* From here on it keeps pages cached besides the free ones. */
#define BSD_CACHES		2048u

bool
vm_marks_freebsd(uint32_t total, struct vm_marks *marks)
{
	uint32_t reserved = BSD_CLUSTER + BSD_PAGEOUT_MIN +
	    total / BSD_RESERVED_SHARE;
	uint32_t raw = BSD_MIN_BASE + (total > BSD_MIN_KNEE ?
	    (total - BSD_MIN_KNEE) / BSD_MIN_SHARE : 0);
	uint32_t target = (total > BSD_LARGE ? 4 : 2) * raw + reserved;
	uint32_t cache_min = total > BSD_CACHES ? target : 0;

	if (target + cache_min > total / 2)
		return false;
	*marks = (struct vm_marks){
		.interrupt = BSD_INTERRUPT, .reserved = reserved,
		.severe = reserved + raw / 2, .min = reserved + raw,
	};
	/* vm_paging_needed(): where it keeps nothing cached it would begin
	 * below min, which our ladder does not know. */
	marks->low = larger(reserved + cache_min, marks->min + 1);
	marks->target = larger(target + cache_min, marks->low + 1);
	return true;
}

/* GNU Mach (vm/vm_page.c): shares of a segment in per cent, and at least. */
#define MACH_MIN_PERCENT	5u
#define MACH_MIN_PAGES		500u
#define MACH_LOW_PERCENT	6u
#define MACH_LOW_PAGES		600u
#define MACH_HIGH_PERCENT	10u
#define MACH_HIGH_PAGES		1000u

static uint32_t
percent(uint32_t total, uint32_t share)
{
	return (uint32_t)((uint64_t)total * share / 100);
}

/* Mach knows nothing below min, where only the privileged take: our own shares
 * of it stand for that. */
bool
vm_marks_mach(uint32_t total, struct vm_marks *marks)
{
	uint32_t min = larger(percent(total, MACH_MIN_PERCENT),
	    MACH_MIN_PAGES);
	uint32_t high = larger(percent(total, MACH_HIGH_PERCENT),
	    MACH_HIGH_PAGES);

	if (high > total / 2)
		return false;
	*marks = (struct vm_marks){
		.interrupt = min / 8, .reserved = min / 4, .severe = min / 2,
		.min = min, .low = larger(percent(total, MACH_LOW_PERCENT),
		MACH_LOW_PAGES), .target = high,
	};
	return true;
}

static void
complete(uint32_t *mark, uint32_t ours)
{
	if (*mark == 0)
		*mark = ours;
}

int
vm_marks_complete(uint32_t total, struct vm_marks *marks)
{
	struct vm_marks ours, *m = marks;

	vm_marks_compute(total, &ours);
	complete(&m->interrupt, ours.interrupt);
	complete(&m->reserved, ours.reserved);
	complete(&m->severe, ours.severe);
	complete(&m->min, ours.min);
	complete(&m->low, ours.low);
	complete(&m->target, ours.target);
	if (m->interrupt < m->reserved && m->reserved < m->severe &&
	    m->severe < m->min && m->min < m->low && m->low < m->target &&
	    m->target <= total / 2)
		return 0;
	return vm_error(EINVAL, "watermarks: %" PRIu32 " < %" PRIu32 " < %"
	    PRIu32 " < %" PRIu32 " < %" PRIu32 " < %" PRIu32 " <= half of %"
	    PRIu32 " pages does not hold", m->interrupt, m->reserved,
	    m->severe, m->min, m->low, m->target, total);
}
