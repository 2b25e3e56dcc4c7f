/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * api/read.c - looking at pages without taking them: resident/read.h.
 *
 * The count of wraps is read before the word, and after it at the end; whoever
 * wraps a version counts first (page/slot.h).  That the slot is the identity's
 * is known by looking it up again, after the word: had it been another's then,
 * that one's eviction would have changed the version since.
 */
#include <errno.h>
#include <resident/read.h>

#include "base/assert.h"
#include "fault/hit.h"
#include "object/home.h"
#include "object/object.h"

_Static_assert(VM_READ_WORD == (VM_SLOT_REFERENCED | VM_SLOT_VERSION |
    VM_SLOT_READY | VM_SLOT_NUMBER), "the bits that a reader relies on");
_Static_assert(VM_SLOT_NUMBER_SHIFT >= 21,
    "numbers move right, of pages up to 2 MiB too");
_Static_assert(sizeof(_Atomic uint64_t) == sizeof(uint64_t),
    "seen from outside without the qualifier");

static uint64_t
wraps(void)
{
	return atomic_load_explicit(&vm_slot_wraps, memory_order_acquire);
}

static struct vm_slot *
slot_of(const struct vm_read *read)
{
	return (struct vm_slot *)(uintptr_t)read->word;
}

/* The word of a slot in which nothing keeps a reader out, and which is marked
 * already. */
static bool
is_plain(uint64_t word)
{
	const uint64_t plain = VM_SLOT_READY | VM_SLOT_REFERENCED;

	return (word & plain) == plain;
}

/* The slot is the identity's, its bytes are in a frame. */
static inline bool
is_mine(const struct vm_object *object, vm_pindex_t pindex,
    const struct vm_slot *slot)
{
	return vm_index_owns(&object->index, slot, pindex) &&
	    vm_hit_in_range(object, pindex) && vm_home_is_pool(object);
}

static const void *
found(struct vm_read *read, const struct vm_slot *slot, uint64_t word,
    const void *data)
{
	read->data = data;
	read->word = (const uint64_t *)&slot->word;
	read->wraps = (const uint64_t *)&vm_slot_wraps;
	read->seen_word = word;
	return data;
}

/* Of a page that wants a mark, or is in memory that the caller lent; or of
 * none. */
VM_APART static const void *
begin_slowly(struct vm_object *object, vm_pindex_t pindex,
    struct vm_read *read)
{
	struct vm_slot *slot = vm_index_find(&object->index, pindex);
	uint64_t word;

	if (slot == NULL)
		return NULL;
	read->seen_wraps = wraps();
	vm_slot_mark(slot);
	word = atomic_load_explicit(&slot->word, memory_order_acquire);
	if (!is_plain(word) || !is_mine(object, pindex, slot))
		return NULL;
	return found(read, slot, word, vm_frame_data(&object->vm->frames,
	    vm_page_of(object->vm, vm_slot_number_of(word))));
}

/*
 * The descriptor is not touched, and the address is there as soon as the word
 * is: what else is checked is checked meanwhile.
 */
VM_EXPORT const void *
vm_read_begin(struct vm_object *object, uint64_t pindex, struct vm_read *read)
{
	const struct vm *vm = object->vm;
	struct vm_slot *slot = vm_index_find(&object->index, pindex);
	uint64_t word;

	if (VM_UNLIKELY(slot == NULL))
		return NULL;
	read->seen_wraps = wraps();
	word = atomic_load_explicit(&slot->word, memory_order_acquire);
	if (VM_UNLIKELY(!is_plain(word) ||
	    vm_slot_number_of(word) > vm->frames.segments.own_frames ||
	    !is_mine(object, pindex, slot)))
		return begin_slowly(object, pindex, read);
	return found(read, slot, word, (const void *)(vm->frames_below +
	    ((word & VM_SLOT_NUMBER) >> vm->number_shift)));
}

/* Whatever has changed, if it is only the mark it was valid and is again. */
VM_EXPORT int
vm_read_check(const struct vm_read *read)
{
	struct vm_slot *slot = slot_of(read);
	uint64_t word = atomic_load_explicit(&slot->word,
	    memory_order_acquire);
	uint64_t changed = (word ^ read->seen_word) & VM_READ_WORD;

	if ((changed & ~VM_SLOT_REFERENCED) != 0 ||
	    wraps() != read->seen_wraps)
		return 0;
	if ((word & VM_SLOT_REFERENCED) == 0)
		vm_slot_mark(slot);	/* the policy took it since */
	return 1;
}

static bool
is_aligned(const unsigned char *at)
{
	return (uintptr_t)at % sizeof(uint64_t) == 0;
}

/* The race is meant; whether there was one is seen afterwards.  Words are read
 * as such, so that the compiler makes no call of it. */
VM_NO_RACE_CHECK static void
copy(unsigned char *to, const unsigned char *from, uint32_t length)
{
	while (length != 0) {
		if (is_aligned(from) && length >= sizeof(uint64_t)) {
			uint64_t word = __atomic_load_n((const uint64_t *)
			    (const void *)from, __ATOMIC_RELAXED);

			__builtin_memcpy(to, &word, sizeof(word));
			from += sizeof(word);
			to += sizeof(word);
			length -= (uint32_t)sizeof(word);
		} else {
			*to++ = __atomic_load_n(from++, __ATOMIC_RELAXED);
			length--;
		}
	}
}

VM_EXPORT int
vm_read_copy(const struct vm_read *read, uint32_t offset, void *to,
    uint32_t length)
{
	copy(to, (const unsigned char *)read->data + offset, length);
	return vm_read_valid(read) ? 0 : -EAGAIN;
}
