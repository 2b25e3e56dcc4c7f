/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault/self.h - a thread resolves its own fault.
 *
 * Runs inside the handler of the SIGBUS that the touch raised, in the thread
 * that touched.  That thread may hold any lock of the program, and, since the
 * library touches no managed memory while it holds one of its own, none of
 * ours.  So everything that a grab may wait for can be waited for here: a
 * slot, a barrier, memory, a read.  What may not be used is the program's: no
 * allocator, no stdio, no symbol that is bound lazily.
 *
 *	read	the page is brought, write-protected: the touch goes on
 *	write	the page is brought, or the protection lifted, and is dirty
 *
 * Fillers come from those that were made with the first view: where all are in
 * use the thread waits for one, and nobody who has one waits for anything but
 * his read.
 *
 * Pagers of users are called here too, with all that this means for them:
 * resident/pager.h.
 */
#ifndef FAULT_SELF_H
#define FAULT_SELF_H

#include "base/compiler.h"
#include "object/object.h"

struct vm_self_fault {
	struct vm_object *object;	/* pinned by the caller */
	vm_pindex_t pindex;
	uint64_t address;	/* of the page that was touched */
	bool write;
};

/* Before the first of them in a system.  0, or why there are no fillers. */
VM_MUST_CHECK int vm_fault_self_ready(struct vm *vm);

/*
 * 0: the instruction is to be tried again, errno is as it was.  A negative
 * errno: the touch cannot succeed (-ERANGE: beyond the object's end, -EIO and
 * others: as the pager said, -ENOMEM: nothing could be freed within the
 * system's bound, -EACCES: the pager or the object forbids the write, -EFAULT:
 * the program has taken the page out of its range), with its sentence, and what
 * the program's own handler is for.
 */
VM_MUST_CHECK int vm_fault_self(const struct vm_self_fault *fault);

#endif
