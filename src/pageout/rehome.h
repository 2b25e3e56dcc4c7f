/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pageout/rehome.h - an object's bytes move to another home.
 *
 *	pool ----first map----> window ----second map----> store
 *	window ----last unmap----> pool
 *
 * All of it behind a barrier over the whole object, with the slot of every
 * resident page held: nobody fills, cleans, evicts or reads meanwhile, and who
 * touches a page waits for its slot.  So `home` is what it is for whoever
 * holds a slot, and only for him.
 *
 *	clean pages		leave
 *	dirty ones		their bytes go over, before the home changes,
 *				and meanwhile count twice; where there is no
 *				token or room for that, they are written and
 *				leave
 *	valid in part		written and leave
 *
 * A page of a window is protected before its bytes go over, so that who writes
 * to it waits for its slot.
 *
 * What cannot move keeps the object where it is (-EBUSY): pages that are held
 * or lent, placeholders, and wired ones, but from window to store where there
 * is memory for them to be in both.  Somebody else's memory never moves
 * (-ENOTSUP).
 *
 * The calls for one object come one after the other: that is the caller's to
 * see to.  And the caller holds no page of it: he would wait for himself.
 */
#ifndef PAGEOUT_REHOME_H
#define PAGEOUT_REHOME_H

#include "base/compiler.h"
#include "object/object.h"

/*
 * The object can be touched in this process from now on: 0, and
 * vm_view_at(object->view, pindex) says where, for at least pages pages (the
 * object's if that is more).  hint: where page 0 should be, NULL anywhere.  An
 * object with a window has one already: 0, and it reaches as far.  -EPERM,
 * -ENOSYS: no userfaultfd; -EBUSY: above; -ENOTSUP: a store or a device;
 * -ENOMEM; or why a dirty page could not be written.  Sleeps.
 */
VM_MUST_CHECK int vm_rehome_window(struct vm_object *object, void *hint,
    uint64_t pages);

/* Called when the addresses of a window are a memory file's, with the rights of
 * a new mapping, and nothing can be touched there yet. */
struct vm_rehome_turn {
	void (*turned)(void *arg);
	void *arg;
};

/*
 * From window or pool to the store home.  The addresses of a window stay, and
 * show the memory file from now on.  0, also when it was there before; errors
 * as above.  turn may be NULL.  Sleeps.
 */
VM_MUST_CHECK int vm_rehome_store(struct vm_object *object,
    const struct vm_rehome_turn *turn);

/* From the window back to the pool, where a pool object is already: the
 * window's addresses are gone.  -ENOTSUP: a store.  Sleeps. */
VM_MUST_CHECK int vm_rehome_pool(struct vm_object *object);

/* The system has no object any more. */
void vm_rehome_fini(struct vm *vm);

/* The system's views, made by whoever comes first: for mappings of stores
 * (vm_views_show).  0, -EPERM, -ENOSYS, -ENOMEM. */
VM_MUST_CHECK int vm_rehome_views(struct vm *vm, struct vm_views **out);

#endif
