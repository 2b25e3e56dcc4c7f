/* SPDX-License-Identifier: BSD-2-Clause */
/* api/advise.c - how an object will be used: resident/object.h. */
#include <errno.h>
#include <resident/object.h>

#include "api/check.h"
#include "base/error.h"
#include "fault/grab.h"
#include "pageout/hint.h"

static void
set_pattern(struct vm_object *object, enum vm_pattern pattern, bool cyclic)
{
	vm_lock(&object->lock);
	object->streams.pattern = pattern;
	atomic_store(&object->single, pattern == VM_PATTERN_RANDOM);
	atomic_store(&object->cyclic, cyclic);
	vm_unlock(&object->lock);
}

/* 0 when it is of the whole object, and done; 1: of pages. */
static int
advise_object(struct vm_object *object, enum vm_advice advice)
{
	switch (advice) {
	case VM_ADVICE_NORMAL:
		set_pattern(object, VM_PATTERN_NORMAL, false);
		return 0;
	case VM_ADVICE_RANDOM:
		set_pattern(object, VM_PATTERN_RANDOM, false);
		return 0;
	case VM_ADVICE_SEQUENTIAL:
	case VM_ADVICE_CYCLIC:
		set_pattern(object, VM_PATTERN_SEQUENTIAL,
		    advice == VM_ADVICE_CYCLIC);
		return 0;
	case VM_ADVICE_FREE:
	case VM_ADVICE_VOLATILE:
		if (!object->anonymous)
			return vm_error(ENOTSUP, "advise: only bytes that "
			    "nobody else sees can be given up");
		return 1;
	case VM_ADVICE_WILLNEED:
	case VM_ADVICE_COLD:
	case VM_ADVICE_DONTNEED:
	case VM_ADVICE_PAGEOUT:
		return 1;
	}
	return vm_error(EINVAL, "advise: unknown advice %d", (int)advice);
}

static int
advise_pages(struct vm_object *object, vm_pindex_t first, vm_pindex_t end,
    enum vm_advice advice)
{
	switch (advice) {
	case VM_ADVICE_WILLNEED:
		return vm_grab_ahead(object, first, end);
	case VM_ADVICE_COLD:
		vm_hint_cold(object, first, end);
		return 0;
	case VM_ADVICE_DONTNEED:
		vm_hint_drop(object, first, end);
		return 0;
	case VM_ADVICE_PAGEOUT:
		return vm_hint_out(object, first, end);
	case VM_ADVICE_FREE:
		return vm_hint_free(object, first, end);
	case VM_ADVICE_VOLATILE:
		vm_hint_waive(object, first, end);
		return 0;
	case VM_ADVICE_NORMAL:
	case VM_ADVICE_RANDOM:
	case VM_ADVICE_SEQUENTIAL:
	case VM_ADVICE_CYCLIC:
		break;
	}
	vm_panic(__FILE__, __LINE__, __func__, "advice of no pages");
}

/* Bytes of a page that is given up in part stay: so does the page.  The last
 * page of an object ends with it. */
static void
shrink_to_pages(const struct vm_object *object, uint64_t offset,
    uint64_t length, vm_pindex_t *first, vm_pindex_t *end)
{
	uint32_t bytes = object->vm->page_bytes;
	uint64_t stop = length > UINT64_MAX - offset ? UINT64_MAX :
	    offset + length;

	if (offset % bytes != 0)
		++*first;
	if (stop < atomic_load(&object->length) && stop % bytes != 0)
		--*end;
	if (*end < *first)
		*end = *first;
}

VM_EXPORT int
vm_object_advise_range(struct vm_object *object, uint64_t offset,
    uint64_t length, enum vm_advice advice)
{
	vm_pindex_t first, end;
	int what = vm_check_range("advise", offset, length);

	if (what == 0)
		what = advise_object(object, advice);
	if (what <= 0)
		return what;
	vm_check_pages(object, offset, length, &first, &end);
	if (advice == VM_ADVICE_FREE || advice == VM_ADVICE_VOLATILE)
		shrink_to_pages(object, offset, length, &first, &end);
	return advise_pages(object, first, end, advice);
}

VM_EXPORT int
vm_object_advise(struct vm_object *object, enum vm_advice advice)
{
	return vm_object_advise_range(object, 0, UINT64_MAX, advice);
}
