/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * resident/read.h - reading a page that is there, and storing nothing.
 *
 *	struct vm_read read;
 *	const void *data = vm_read_begin(object, pindex, &read);
 *
 *	if (data != NULL) {
 *		key = find(data);	... whatever it is now ...
 *		if (vm_read_valid(&read))
 *			return key;	... it was the page all the time
 *	}
 *	... vm_page_grab(object, pindex, VM_GRAB_READ, &page) ...
 *
 * A grab writes twice to the page's slot, so threads that want the same page
 * take that cache line from each other.  A reader of this kind looks at the
 * slot before and after, and holds nothing: the page may be written, evicted,
 * and its memory be another page's while he reads.  Then he has read nonsense,
 * and vm_read_valid says so.  He must bear with nonsense until he has asked:
 * no loop without a bound, no pointer or offset out of the bytes that is
 * followed unchecked.  The memory itself stays readable until vm_destroy.
 *
 *	begin --> data, valid, data, valid ... --not valid--> begin, or grab
 *
 * One begin may serve for as many reads as one likes, also much later: what
 * was found, the page and where it is, is right for as long as vm_read_valid
 * says so.  An engine keeps it beside the reference to a page that it follows
 * often; then a read costs the data and two loads that hardly ever change.
 * Nothing is to be ended.
 *
 * Stores: the mark that the page was used, when the policy has taken it away
 * since (by begin and by valid, once each time); nothing else.  Reads are not
 * counted in vm_stat's grabs.
 *
 * A page that is not resident, written just now, valid in part, in error,
 * cached, forbidden by its pager or without memory of ours (devices,
 * VM_OBJECT_STORE, objects that are mapped) is refused: grab it.  A grab is
 * also what makes a page readable here that was written since.
 *
 * A race detector sees a race, since there is one.  vm_read_copy copies without
 * being seen.  (Lehman and Yao's and Linux's sequence locks; Leis et al.,
 * "LeanStore", ICDE 2018, 3.2, for pages.  Here it is the page's place that is
 * looked at, so that an eviction is noticed in the same way as a write.)
 */
#ifndef RESIDENT_READ_H
#define RESIDENT_READ_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vm_object;

/* data is the caller's too, the rest the calls'.  May be copied. */
struct vm_read {
	const void *data;	/* vm_page_bytes() bytes */
	const uint64_t *word;	/* of the page's slot */
	const uint64_t *wraps;	/* how often versions have come round */
	uint64_t seen_word;
	uint64_t seen_wraps;
};

/* What of the word must be as it was: all but who holds it, shared. */
#define VM_READ_WORD UINT64_C(0x0007fffffffffffc)

/* The page's bytes, read->data; NULL, without a sentence: it takes a grab (see
 * above, or the page is beyond the object's end).  Never sleeps. */
const void *vm_read_begin(struct vm_object *object, uint64_t pindex,
    struct vm_read *read);

/* The rest of vm_read_valid, when something has changed. */
int vm_read_check(const struct vm_read *read);

/*
 * Copies bytes [offset, offset + length) of the page: 0, and they are those of
 * one moment; -EAGAIN, without a sentence: they are not.  offset + length <=
 * vm_system_page_bytes().  Never sleeps.
 */
int vm_read_copy(const struct vm_read *read, uint32_t offset, void *to,
    uint32_t length);

/* Reads before come before the look at the word; race detectors know no
 * fences. */
#if defined(__SANITIZE_THREAD__)
#define VM_READ_FENCE() __atomic_signal_fence(__ATOMIC_ACQUIRE)
#else
#define VM_READ_FENCE() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#endif

/*
 * Not 0: all that was read through read->data until now, since begin or since
 * a valid before this one, are the page's bytes, nothing was written in
 * between, and the next read may begin at once.  0: nothing of what was read
 * since can be relied on, begin again.  The system exists; the object need
 * not.  Never sleeps.
 */
static inline int
vm_read_valid(const struct vm_read *read)
{
	uint64_t word, wraps;

	VM_READ_FENCE();
	word = __atomic_load_n(read->word, __ATOMIC_ACQUIRE);
	wraps = __atomic_load_n(read->wraps, __ATOMIC_RELAXED);
	if (__builtin_expect(((word ^ read->seen_word) & VM_READ_WORD) != 0 ||
	    wraps != read->seen_wraps, 0))
		return vm_read_check(read);
	return 1;
}

#ifdef __cplusplus
}
#endif

#endif
