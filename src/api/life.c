/* SPDX-License-Identifier: BSD-2-Clause */
/* api/life.c - the steps of a page's life: resident/life.h. */
#include <errno.h>
#include <resident/life.h>

#include "base/assert.h"
#include "base/error.h"
#include "object/foreign.h"
#include "object/life.h"
#include "object/look.h"
#include "object/retire.h"
#include "object/wire.h"

_Static_assert(VM_ALLOC_SYSTEM == VM_LIFE_SYSTEM, "same bits");
_Static_assert(VM_ALLOC_INTERRUPT == VM_LIFE_INTERRUPT, "same bits");
_Static_assert(VM_ALLOC_ZERO == VM_LIFE_ZERO, "same bits");
_Static_assert(VM_ALLOC_WIRED == VM_LIFE_WIRED, "same bits");
_Static_assert(VM_ALLOC_WAIT == VM_LIFE_WAIT, "same bits");
_Static_assert(VM_RENAME_DIRTY == VM_RENAMED_DIRTY, "same bits");
_Static_assert(VM_RENAME_UNBUSY == VM_RENAMED_UNBUSY, "same bits");
_Static_assert(VM_RENAME_REPLACE == VM_RENAMED_REPLACE, "same bits");
_Static_assert(VM_FREE_WIRED == VM_FREED_WIRED, "same bits");
_Static_assert(VM_FREE_ZERO == VM_FREED_ZERO, "same bits");

#define BOTH_CLASSES	(VM_ALLOC_SYSTEM | VM_ALLOC_INTERRUPT)
#define ALLOC_FLAGS	(BOTH_CLASSES | VM_ALLOC_ZERO | VM_ALLOC_WIRED | \
    VM_ALLOC_WAIT)
#define RENAME_FLAGS	(VM_RENAME_DIRTY | VM_RENAME_UNBUSY | \
    VM_RENAME_REPLACE)

static int
check_alloc(unsigned flags, struct vm_page **out)
{
	if (out == NULL)
		return vm_error(EINVAL, "alloc: nowhere to put the page");
	if (flags & ~ALLOC_FLAGS)
		return vm_error(EINVAL, "alloc: unknown flags 0x%x", flags);
	if ((flags & BOTH_CLASSES) == BOTH_CLASSES)
		return vm_error(EINVAL, "alloc: of two classes");
	return 0;
}

VM_EXPORT int
vm_page_alloc(struct vm *vm, unsigned flags, struct vm_page **out)
{
	int error = check_alloc(flags, out);

	return error != 0 ? error : vm_life_take(vm, flags, out);
}

VM_EXPORT int
vm_page_alloc_at(struct vm_object *object, uint64_t pindex, unsigned flags,
    struct vm_page **out)
{
	int error = check_alloc(flags, out);

	return error != 0 ? error : vm_life_enter_new(object, pindex, flags,
	    out);
}

VM_EXPORT int
vm_page_insert(struct vm_page *page, struct vm_object *object,
    uint64_t pindex)
{
	return vm_life_insert(page, object, pindex);
}

VM_EXPORT int
vm_page_replace(struct vm_page *page, struct vm_object *object,
    uint64_t pindex, struct vm_page **old)
{
	return vm_life_replace(page, object, pindex, old);
}

VM_EXPORT int
vm_page_remove(struct vm_page *page)
{
	return vm_life_remove(page);
}

VM_EXPORT int
vm_page_rename(struct vm_page *page, struct vm_object *object,
    uint64_t pindex, unsigned flags)
{
	if (flags & ~RENAME_FLAGS)
		return vm_error(EINVAL, "rename: unknown flags 0x%x", flags);
	return vm_life_rename(page, object, pindex, flags);
}

VM_EXPORT void
vm_page_free(struct vm_page *page, unsigned flags)
{
	vm_assert((flags & ~(VM_FREE_WIRED | VM_FREE_ZERO)) == 0);
	vm_life_free(page, flags);
}

/* ---- looking ------------------------------------------------------------- */

VM_EXPORT struct vm_page *
vm_page_lookup(struct vm_object *object, uint64_t pindex)
{
	return vm_look_page(object, pindex);
}

VM_EXPORT void
vm_page_touch(struct vm_page *page)
{
	vm_look_touch(page);
}

VM_EXPORT struct vm_page *
vm_page_next(struct vm_object *object, uint64_t *pindex)
{
	return vm_look_next(object, pindex);
}

VM_EXPORT struct vm_page *
vm_page_prev(struct vm_object *object, uint64_t *pindex)
{
	return vm_look_prev(object, pindex);
}

VM_EXPORT unsigned
vm_page_range(struct vm_object *object, uint64_t first, uint64_t end,
    struct vm_page **pages, unsigned max)
{
	return vm_look_range(object, first, end, pages, max);
}

VM_EXPORT uint64_t
vm_object_resident(struct vm_object *object, uint64_t first, uint64_t count,
    unsigned char *vec)
{
	return vm_look_resident(object, first, count, vec);
}

VM_EXPORT uint64_t
vm_object_generation(const struct vm_object *object)
{
	return atomic_load_explicit(&object->generation,
	    memory_order_relaxed);
}

/* ---- pins ---------------------------------------------------------------- */

VM_EXPORT int
vm_page_hold(struct vm_page *page)
{
	return vm_page_add_hold(page);
}

VM_EXPORT void
vm_page_unhold(struct vm_page *page)
{
	vm_page_drop_hold(page);
}

VM_EXPORT int
vm_page_wire(struct vm_page *page, struct vm_account *account)
{
	return vm_wire_add(page, account);
}

static enum vm_place
place_for(enum vm_to to)
{
	switch (to) {
	case VM_TO_ACTIVE:
		return VM_PLACE_ACTIVE;
	case VM_TO_INACTIVE:
		return VM_PLACE_INACTIVE;
	case VM_TO_INACTIVE_HEAD:
	case VM_TO_FREE:
		break;
	}
	return VM_PLACE_INACTIVE_HEAD;
}

/* Its pager has all of it, and nobody said it should be kept. */
static int
free_if_clean(struct vm_page *page)
{
	if (vm_page_busied(page) >= 0 || page->dirty != 0 ||
	    atomic_load(&page->wires) != 0 ||
	    (atomic_load(&page->flags) & VM_PGA_PRECIOUS) != 0)
		return 0;
	vm_life_free(page, 0);
	return 1;
}

VM_EXPORT int
vm_page_unwire(struct vm_page *page, struct vm_account *account,
    enum vm_to to)
{
	vm_assert((unsigned)to <= VM_TO_FREE);
	vm_wire_drop(page, account, place_for(to));
	return to == VM_TO_FREE ? free_if_clean(page) : 0;
}

VM_EXPORT void
vm_page_unmanage(struct vm_page *page)
{
	vm_assert(vm_page_busied(page) < 0);
	vm_wire_unmanage(page);
}

/* ---- pages without a frame ----------------------------------------------- */

VM_EXPORT int
vm_page_grab_fictitious(struct vm *vm, struct vm_page **out)
{
	if (out == NULL)
		return vm_error(EINVAL, "fictitious: nowhere to put the page");
	return vm_foreign_take(vm, out);
}

VM_EXPORT void
vm_page_release_fictitious(struct vm_page *page)
{
	vm_assert((atomic_load(&page->flags) & VM_PGA_FICTITIOUS) != 0);
	vm_life_free(page, 0);
}

VM_EXPORT int
vm_page_more_fictitious(struct vm *vm, uint32_t n)
{
	return vm_fictitious_more(&vm->frames.fictitious, n);
}

VM_EXPORT void
vm_page_make_private(struct vm_page *page, void *memory)
{
	vm_assert(vm_page_busied(page) < 0);
	vm_foreign_make_private(page, memory);
}

VM_EXPORT int
vm_page_convert(struct vm_page **page)
{
	return vm_foreign_convert(page);
}

/* ---- objects ------------------------------------------------------------- */

VM_EXPORT int
vm_object_set_notify(struct vm_object *object,
    void (*fn)(struct vm_object *object, int pages, void *arg), void *arg)
{
	if (atomic_load(&object->resident) != 0)
		return vm_error(EBUSY, "object: %llu pages are there already",
		    (unsigned long long)atomic_load(&object->resident));
	vm_lock(&object->lock);	/* the last page may just have gone */
	object->notify_arg = arg;
	object->notify = fn;
	vm_unlock(&object->lock);
	return 0;
}

VM_EXPORT void
vm_object_set_behind(struct vm_object *object, int on)
{
	atomic_store(&object->behind, on != 0);
}

/* Who waits at the old bound looks at the new one. */
VM_EXPORT void
vm_object_set_inflight_max(struct vm_object *object, uint32_t max)
{
	vm_lock(&object->lock);
	atomic_store(&object->inflight_max, max);
	vm_cond_wake_all(&object->changed);
	vm_unlock(&object->lock);
	vm_limit_notify(&object->vm->limit);
}

VM_EXPORT uint32_t
vm_object_inflight(const struct vm_object *object)
{
	return atomic_load(&object->inflight);
}

VM_EXPORT int
vm_object_may_be_dirty(const struct vm_object *object)
{
	if (atomic_load(&object->dirty) != 0)
		return 1;
	/* A tracked mapping's next write may be on its way. */
	return object->home == VM_HOME_WINDOW ||
	    (object->home == VM_HOME_STORE &&
	    atomic_load(&object->store.tracked) != 0);
}
