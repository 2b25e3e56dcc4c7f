/* SPDX-License-Identifier: BSD-2-Clause */
/* pageout/rehome.c - rehome.h has the theory. */
#include "pageout/rehome.h"

#include <errno.h>

#include "base/error.h"

static int
stays(const struct vm_object *object)
{
	return vm_error(ENOSYS, "map: object %llu stays where it is",
	    (unsigned long long)object->id);
}

int
vm_rehome_window(struct vm_object *object, void *hint, uint64_t pages)
{
	(void)hint;
	(void)pages;
	return stays(object);
}

int
vm_rehome_store(struct vm_object *object)
{
	return stays(object);
}

int
vm_rehome_pool(struct vm_object *object)
{
	return stays(object);
}
