/* SPDX-License-Identifier: BSD-2-Clause */
/* api/swap.c - the swap of a system: resident/swap.h. */
#include "api/swap.h"

#include <errno.h>
#include <resident/resident.h>

#include "api/limits.h"
#include "base/error.h"
#include "frame/boot.h"
#include "object/vm.h"
#include "pager/anon.h"
#include "pager/pack.h"
#include "pager/swaptable.h"
#include "pager/tier.h"

/* 64 KiB: below, what is being written would be all of it. */
#define TIER_BYTES_MIN (UINT64_C(64) << 10)
/* 16 GiB: what a page's entry can name (pager/swaptable.h). */
#define TIER_BYTES_MAX (VM_SWAP_PAGES_MAX * VM_TIER_CHUNK_BYTES)
/* Half of the limit: with less left for pages, they would only be packed and
 * unpacked. */
#define TIER_PART 2u

_Static_assert(VM_SWAP_FILES == VM_SWAP_FILES_MAX, "what an entry can name");

static int
check_tier(const struct vm_options *o)
{
	uint64_t most = vm_limits_bytes(o) / TIER_PART;

	if (o->swap_compress_bytes == 0)
		return 0;
	if (!vm_pack_able())
		return vm_error(ENOTSUP, "create: compressed swap takes lz4, "
		    "without which this library was built");
	if (most > TIER_BYTES_MAX)
		most = TIER_BYTES_MAX;
	if (o->swap_compress_bytes < TIER_BYTES_MIN ||
	    o->swap_compress_bytes > most)
		return vm_error(EINVAL, "create: %llu bytes for compressed "
		    "pages are not between %llu and %llu",
		    (unsigned long long)o->swap_compress_bytes,
		    (unsigned long long)TIER_BYTES_MIN,
		    (unsigned long long)most);
	return 0;
}

int
vm_swaps_check(const struct vm_options *o)
{
	if (o->swap_file_count > VM_SWAP_FILES)
		return vm_error(EINVAL, "create: %u swap files are more than "
		    "%u", o->swap_file_count, (unsigned)VM_SWAP_FILES);
	if (o->swap_file_count != 0 && o->swap_files == NULL)
		return vm_error(EINVAL, "create: %u swap files, and where "
		    "they are is NULL", o->swap_file_count);
	return check_tier(o);
}

int
vm_swaps_steal(struct vm *vm, struct vm_boot *boot,
    const struct vm_options *o)
{
	if (o->swap_compress_bytes == 0)
		return 0;
	/* Of the system's own pages, wherever others had theirs from. */
	boot->source = NULL;
	vm->swap_tier_pages = (uint32_t)((o->swap_compress_bytes +
	    vm->page_bytes - 1) / vm->page_bytes);
	return vm_boot_take(boot, o->swap_compress_bytes, &vm->swap_tier);
}

uint64_t
vm_swaps_leave(const struct vm *vm, uint64_t pages)
{
	return pages - (pages < vm->swap_tier_pages ? pages :
	    vm->swap_tier_pages);
}

int
vm_swaps_set_up(struct vm *vm, const struct vm_options *o)
{
	struct vm_swap_place_options file[VM_SWAP_FILES_MAX] = {
		{ .directory = o->swap_directory },
	};
	struct vm_swap_options swap = {
		.os = vm->os, .counters = vm->counters,
		.page_bytes = vm->page_bytes, .files = file,
		.file_count = o->swap_file_count == 0 ? 1 :
		    o->swap_file_count,
		.max_bytes = o->swap_max_bytes,
		.tier = vm->swap_tier,
		.tier_bytes = o->swap_compress_bytes,
		.encipher = (o->flags & VM_SWAP_ENCRYPT) != 0,
	};

	for (unsigned i = 0; i < o->swap_file_count; i++)
		file[i] = (struct vm_swap_place_options){
			.directory = o->swap_files[i].directory,
			.max_bytes = o->swap_files[i].max_bytes,
			.priority = o->swap_files[i].priority,
		};
	return vm_swap_create(&swap, &vm->swap);
}

VM_EXPORT int
vm_swap_stat(struct vm *vm, struct vm_swap_stat *out)
{
	struct vm_swap_figures f;

	if (vm == NULL || out == NULL || out->size_bytes != sizeof(*out))
		return vm_error(EINVAL, "swap: figures without "
		    "VM_SWAP_STAT_INIT, or no system");
	vm_swap_look(vm->swap, &f);
	*out = (struct vm_swap_stat){
		.size_bytes = sizeof(*out),
		.file_pages = f.file_pages, .disk_bytes = f.disk_bytes,
		.filled_pages = f.filled_pages,
		.packed_pages = f.packed_pages,
		.packed_bytes = f.packed_bytes, .tier_bytes = f.tier_bytes,
		.tier_used_bytes = f.tier_used_bytes,
		.lost_pages = f.lost_pages, .filled = f.filled,
		.packed = f.packed, .left_tier = f.left_tier,
		.refused_tier = f.refused_tier, .sum_errors = f.sum_errors,
		.packed_in_bytes = f.packed_in_bytes, .unpacked = f.unpacked,
		.written = f.written, .read = f.read,
		.disk_peak_bytes = f.disk_peak_bytes,
	};
	return 0;
}
