/* SPDX-License-Identifier: BSD-2-Clause */
/* api/limit.c - memory, waiting for it, budgets: resident/limit.h. */
#include <errno.h>
#include <resident/limit.h>
#include <resident/resident.h>
#include <stdlib.h>
#include <string.h>

#include "api/limits.h"
#include "api/swap.h"
#include "base/error.h"
#include "base/size.h"
#include "object/quota.h"
#include "object/vm.h"

/* 63 characters: the rump kernel's buffer of 64. */
#define ENV_CHARS 63u

/* 1 MiB: below, the rump kernel says that it may not be enough. */
#define SMALL_BYTES (UINT64_C(1) << 20)

static const char default_variable[] = "RESIDENT_MEMLIMIT";

/* -- what options say ------------------------------------------------------ */

uint64_t
vm_limits_bytes(const struct vm_options *options)
{
	return options->resident_max_bytes != 0 ?
	    options->resident_max_bytes : options->memlimit_bytes;
}

uint64_t
vm_limits_most_bytes(const struct vm_options *options)
{
	uint64_t bytes = vm_limits_bytes(options);

	return options->grow_max_bytes > bytes ? options->grow_max_bytes :
	    bytes;
}

static struct vm_marks
marks_of(const struct vm_watermarks *w)
{
	return (struct vm_marks){ .interrupt = w->interrupt,
		.reserved = w->reserved, .severe = w->severe, .min = w->min,
		.low = w->low, .target = w->target };
}

static int
set_budget(struct vm_limit *limit, const struct vm_options *o)
{
	if (o->memlimit_bytes == 0)
		return 0;
	return vm_budget_init(&limit->budget, o->memlimit_bytes,
	    o->memlimit_reserve_bytes != 0 ? o->memlimit_reserve_bytes :
	    VM_BUDGET_RESERVE_BYTES);
}

int
vm_limits_set_up(struct vm *vm, const struct vm_options *o)
{
	struct vm_limit *limit = &vm->limit;
	uint32_t above, count = (uint32_t)(vm_limits_bytes(o) /
	    vm->page_bytes);
	int error = set_budget(limit, o);

	if (error == 0 && count < limit->total)
		error = vm_limit_set_total(limit, count, &above);
	if (error == 0 && o->watermarks != NULL) {
		struct vm_marks marks = marks_of(o->watermarks);

		error = vm_limit_set_marks(limit, &marks);
	}
	limit->pauses = (o->flags & VM_PAUSE) != 0;
	limit->oom = (struct vm_oom){ .call = o->oom, .arg = o->oom_arg };
	limit->tell = (struct vm_tell){ .call = o->pressure,
		.arg = o->pressure_arg };
	return error;
}

int
vm_limits_idle(struct vm *vm)
{
	struct vm_limit *limit = &vm->limit;
	uint32_t accounts = atomic_load(&limit->accounts);
	uint64_t bytes = atomic_load(&limit->bytes);
	bool shrinkers;

	vm_lock(&limit->lock);
	shrinkers = !vm_list_empty(&limit->shrinkers);
	vm_unlock(&limit->lock);
	if (accounts == 0 && bytes == 0 && !shrinkers)
		return 0;
	return vm_error(EBUSY, "destroy: %u accounts, %s shrinkers, %llu "
	    "bytes are left", accounts, shrinkers ? "some" : "no",
	    (unsigned long long)bytes);
}

/* -- the ladder ------------------------------------------------------------ */

VM_EXPORT int
vm_watermarks_compute(int ladder, uint64_t pages, struct vm_watermarks *out)
{
	struct vm_marks m;
	bool fits = true;

	if (out == NULL || pages < VM_LIMIT_PAGES_MIN ||
	    pages > VM_SLOT_PAGES_MAX)
		return vm_error(EINVAL, "watermarks: of %llu pages",
		    (unsigned long long)pages);
	if (ladder == VM_LADDER_RESIDENT)
		vm_marks_compute((uint32_t)pages, &m);
	else if (ladder == VM_LADDER_FREEBSD)
		fits = vm_marks_freebsd((uint32_t)pages, &m);
	else if (ladder == VM_LADDER_MACH)
		fits = vm_marks_mach((uint32_t)pages, &m);
	else
		return vm_error(EINVAL, "watermarks: no formulas %d", ladder);
	if (!fits)
		return vm_error(ERANGE, "watermarks: by these formulas more "
		    "than half of %llu pages would be kept free",
		    (unsigned long long)pages);
	*out = (struct vm_watermarks){ .interrupt = m.interrupt,
		.reserved = m.reserved, .severe = m.severe, .min = m.min,
		.low = m.low, .target = m.target };
	return 0;
}

/* -- waiting --------------------------------------------------------------- */

VM_EXPORT int
vm_wait(struct vm *vm, uint64_t timeout_ns, unsigned flags)
{
	if ((flags & ~VM_WAIT_AS_FAULT) != 0)
		return vm_error(EINVAL, "wait: unknown flags 0x%x", flags);
	return vm_limit_look(&vm->limit, flags & VM_WAIT_AS_FAULT ?
	    VM_LINE_FAULT : VM_LINE_KERNEL, 0, timeout_ns);
}

VM_EXPORT void
vm_wait_cancel(struct vm *vm)
{
	vm_limit_cancel(&vm->limit);
}

VM_EXPORT void
vm_kick(struct vm *vm)
{
	if (!vm_budget_limited(&vm->limit.budget) ||
	    vm_limit_needs_daemon(&vm->limit))
		vm_limit_kick(&vm->limit);
}

VM_EXPORT void
vm_pageout_start(struct vm *vm, uint32_t count)
{
	vm_limit_pageout_start(&vm->limit, count);
}

VM_EXPORT void
vm_pageout_done(struct vm *vm, uint32_t count)
{
	vm_limit_pageout_done(&vm->limit, count);
}

/* -- figures --------------------------------------------------------------- */

VM_EXPORT uint64_t
vm_available(struct vm *vm, int with_cached)
{
	return vm_shelves_count(&vm->limit) + (with_cached ?
	    vm_limit_available(&vm->limit) : atomic_load(&vm->limit.free));
}

VM_EXPORT void
vm_estimate(struct vm *vm, uint64_t *active, uint64_t *inactive)
{
	static const char prefix[] = "active";
	uint64_t sum[2] = { 0, 0 };
	const char *name;
	uint32_t count;

	for (unsigned i = 0; vm_queue_list(&vm->queue, i, &name, &count); i++)
		sum[strncmp(name, prefix, sizeof(prefix) - 1) != 0] += count;
	if (active != NULL)
		*active = sum[0];
	if (inactive != NULL)
		*inactive = sum[1];
}

VM_EXPORT uint64_t
vm_used_bytes(struct vm *vm)
{
	return vm_limit_used_bytes(&vm->limit);
}

/* -- the limit changes ----------------------------------------------------- */

VM_EXPORT int
vm_set_limit(struct vm *vm, uint64_t bytes, uint64_t *above)
{
	uint64_t count = vm_swaps_leave(vm, bytes / vm->page_bytes);
	uint32_t debt;
	int error;

	if (count > UINT32_MAX)
		count = UINT32_MAX;	/* refused below, with the bounds */
	vm_lock(&vm->lock);
	error = vm_quota_check_limit(vm, (uint32_t)count);
	if (error == 0)
		error = vm_limit_set_total(&vm->limit, (uint32_t)count,
		    &debt);
	vm_unlock(&vm->lock);
	if (error == 0 && above != NULL)
		*above = debt;
	return error;
}

/* -- a budget of bytes ----------------------------------------------------- */

VM_EXPORT int
vm_memlimit_parse(const char *text, unsigned flags, struct vm_memlimit *out)
{
	struct vm_budget b;
	uint64_t given;
	int error;

	if (text == NULL || out == NULL || (flags & ~VM_MEMLIMIT_RUMP) != 0)
		return vm_error(EINVAL, "memory limit: no text, nowhere to "
		    "put it, or unknown flags");
	error = flags & VM_MEMLIMIT_RUMP ? vm_size_parse_rump(text, &given) :
	    vm_size_parse_text(text, &given);
	if (error == 0)
		error = vm_budget_init(&b, given, VM_BUDGET_RESERVE_BYTES);
	if (error != 0)
		return error;
	*out = (struct vm_memlimit){ .given = b.given, .limit = b.limit,
		.reserve = b.given - b.limit, .mark = b.mark,
		.free_target = (b.limit - b.mark) / vm_page_bytes(),
		.warning = given >= SMALL_BYTES ? NULL :
		    "less than 1 MiB may not be enough" };
	return 0;
}

VM_EXPORT int
vm_options_from_env(struct vm_options *options, const char *name)
{
	struct vm_memlimit memlimit;
	const char *text;
	int error;

	if (options == NULL || options->size_bytes != sizeof(*options))
		return vm_error(EINVAL, "options without VM_OPTIONS_INIT");
	text = getenv(name == NULL ? default_variable : name);
	if (text == NULL)
		return 0;
	if (strnlen(text, ENV_CHARS + 1) > ENV_CHARS)
		return vm_error(EINVAL, "%.32s: is longer than %u characters",
		    name == NULL ? default_variable : name, ENV_CHARS);
	error = vm_memlimit_parse(text, 0, &memlimit);
	if (error == 0)
		options->memlimit_bytes = memlimit.given;
	return error;
}

VM_EXPORT int
vm_bytes_take(struct vm *vm, uint64_t bytes, uint64_t timeout_ns)
{
	return vm_limit_bytes_take(&vm->limit, bytes, timeout_ns);
}

VM_EXPORT void
vm_bytes_give(struct vm *vm, uint64_t bytes)
{
	vm_limit_bytes_give(&vm->limit, bytes);
}
