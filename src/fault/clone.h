/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault/clone.h - an anonymous object with the bytes of another one.
 *
 * The copy is eager (Mach's vm_object_copy_slowly): page by page, each as it is
 * when its turn comes, whether it is resident or in the swap file; one page of
 * either object is held at a time.  Pages that nobody ever wrote are passed
 * over, and so are pages of zeros: both read as zeros in the copy.
 *
 * Not lazy, as pager/shadow.h is: a client that writes its store is not seen
 * by anybody who could copy the page for others first.
 */
#ifndef FAULT_CLONE_H
#define FAULT_CLONE_H

#include "base/compiler.h"
#include "object/object.h"

/*
 * from's pages into to, which is anonymous, new and as long.  0, -ENOMEM, or
 * what bringing a page in met; to has some of them then.  Sleeps; the caller
 * holds no page.
 */
VM_MUST_CHECK int vm_clone_pages(struct vm_object *from,
    struct vm_object *to);

#endif
