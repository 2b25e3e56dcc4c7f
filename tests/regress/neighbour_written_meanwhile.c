/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The pager of an anonymous object was asked which pages it has before the
 * slots of these pages were held.  A neighbour that was dirty and resident when
 * it was asked could be written to the swap file and evicted before it was
 * claimed: it was then taken for a page that was never written, and read as
 * zeros.  Here it is written and evicted while the pager is being asked.
 */
#include "object/pager_ops.h"
#include "one_object.h"
#include "pageout/evict.h"
#include "pageout/launder.h"
#include "pager/filtered.h"

static const struct vm_pager_ops *real;
static bool armed;

static enum vm_pager_result
extent_and_evict(struct vm_pager *pager, vm_pindex_t pindex, unsigned want,
    unsigned *count)
{
	enum vm_pager_result result = real->extent(pager, pindex, want,
	    count);

	if (!armed)
		return result;
	armed = false;
	CHECK_INT(vm_launder_range(object, 6, 7, 0), 0);
	CHECK_INT(vm_evict_range(object, 6, 7, 0), 0);
	return result;
}

TEST(a_neighbour_that_is_written_meanwhile_keeps_its_bytes)
{
	struct vm_object *file;
	struct vm_pager_ops ops;
	struct vm_pager *pager;

	core_set_up(0);
	file = object;
	CHECK_INT(vm_object_create_anon(vm, 32 * PAGE, 0, &object), 0);
	CHECK_INT(vm_object_advise(object, VM_ADVICE_RANDOM), 0);
	core_put(6, 66);
	pager = vm_filtered_base(object->pager);
	real = pager->ops;
	ops = *real;
	ops.extent = extent_and_evict;
	pager->ops = &ops;
	CHECK_INT(vm_object_advise(object, VM_ADVICE_SEQUENTIAL), 0);
	armed = true;
	CHECK_INT(core_get(5, 1), 0);
	CHECK(!armed);
	CHECK_INT(core_get(6, 1), 66);
	pager->ops = real;
	CHECK_INT(vm_object_destroy(object), 0);
	object = file;
	core_tear_down();
}
