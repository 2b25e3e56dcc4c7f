/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * api/figures.c - the figures of a system as text, under four families of
 * names: resident/stat.h.
 *
 * Each figure is a field of struct vm_stat, or the sum of two.  The ancestors'
 * names are here in their spelling, so that scripts which know those systems
 * find what they look for; names that mean nothing here are left out.
 */
#include <errno.h>
#include <resident/stat.h>
#include <stddef.h>

#include "base/error.h"
#include "base/text.h"
#include "object/vm.h"

struct figure {
	const char *name;
	size_t field;		/* offset in struct vm_stat */
	size_t more;		/* of a second one to add; 0: none */
};

struct family {
	const char *prefix;
	const struct figure *figure;
	size_t count;
};

#define AT(field)		offsetof(struct vm_stat, field)
#define OWN(field)		{ #field, AT(field), 0 }
#define IS(name, field)		{ name, AT(field), 0 }
#define SUM(name, one, other)	{ name, AT(one), AT(other) }

/* Gauges first: what may fall again. */
static const struct figure gauges[] = {
	OWN(limit_pages), OWN(capacity_pages), OWN(interrupt_pages),
	OWN(reserved_pages), OWN(severe_pages), OWN(min_pages),
	OWN(low_pages), OWN(target_pages), OWN(pageout_min_pages),
	OWN(resident_pages), OWN(peak_pages), OWN(free_pages),
	OWN(available_pages), OWN(active_pages), OWN(inactive_pages),
	OWN(cached_pages), OWN(wired_pages), OWN(dirty_pages),
	OWN(external_pages), OWN(loose_pages), OWN(held_pages),
	OWN(loaned_pages), OWN(laundry_pages), OWN(laundry_external_pages),
	OWN(free_zeroed_pages), OWN(free_magazine_pages), OWN(stolen_pages),
	OWN(retired_pages), OWN(fictitious_pages), OWN(deficit_pages),
	OWN(waiting_threads), OWN(objects), OWN(spaces), OWN(overhead_bytes),
	OWN(loans), OWN(memory_some_avg10), OWN(memory_some_avg60),
	OWN(memory_some_avg300), OWN(memory_full_avg10),
	OWN(memory_full_avg60), OWN(memory_full_avg300),
	OWN(miss_some_avg10), OWN(miss_some_avg60), OWN(miss_some_avg300),
	OWN(miss_full_avg10), OWN(miss_full_avg60), OWN(miss_full_avg300),
	OWN(pressure_level), OWN(margin_pages), OWN(readahead_useful),
	OWN(dirty_external_pages),
};

static const struct figure counters[] = {
	OWN(faults), OWN(faults_minor), OWN(faults_write), OWN(grabs),
	OWN(grab_misses), OWN(pages_in), OWN(pages_out), OWN(pages_zeroed),
	OWN(readahead_pages), OWN(readahead_used), OWN(readahead_unused),
	OWN(pages_taken), OWN(pages_freed), OWN(reactivated),
	OWN(evicted_clean), OWN(evicted_dirty), OWN(reads),
	OWN(writes), OWN(syncs), OWN(read_bytes), OWN(written_bytes),
	OWN(read_errors), OWN(write_errors), OWN(no_room_pages),
	OWN(wait_ns), OWN(memory_waits),
	OWN(memory_wait_ns), OWN(pauses), OWN(wakeups), OWN(victims_busy),
	OWN(victims_kept),
	OWN(protect_calls), OWN(punch_calls), OWN(forks), OWN(remaps),
	OWN(loan_copies), OWN(compact_moves), OWN(compact_failures),
	OWN(limbo_touched), OWN(limbo_again),
	OWN(memory_some_us), OWN(memory_full_us), OWN(miss_some_us),
	OWN(miss_full_us), OWN(rescues), OWN(rescued),
	OWN(pages_dirtied), OWN(pages_undirtied), OWN(cleaned_pages),
};

/* FreeBSD 5.0's sysctl vm.stats.vm; a page that is free but for a hold is
 * counted as active there (vm_page.c binds that queue to v_active_count). */
static const struct figure freebsd[] = {
	IS("v_page_count", limit_pages), IS("v_free_count", free_pages),
	IS("v_cache_count", cached_pages),
	SUM("v_active_count", active_pages, held_pages),
	IS("v_inactive_count", inactive_pages),
	IS("v_wire_count", wired_pages),
	IS("v_interrupt_free_min", interrupt_pages),
	IS("v_free_reserved", reserved_pages),
	IS("v_free_severe", severe_pages), IS("v_free_min", min_pages),
	IS("v_free_target", target_pages), IS("v_cache_min", low_pages),
	IS("v_pageout_free_min", pageout_min_pages),
	IS("v_vm_faults", faults), IS("v_zfod", pages_zeroed),
	IS("v_vnodein", reads), IS("v_vnodeout", writes),
	IS("v_vnodepgsin", pages_in), IS("v_vnodepgsout", pages_out),
	IS("v_reactivated", reactivated), IS("v_pdwakeups", wakeups),
	SUM("v_dfree", evicted_clean, evicted_dirty),
	IS("v_tfree", pages_freed), IS("v_forks", forks),
	IS("zero_count", free_zeroed_pages),
};

/* vm_statistics() of Mach, with GNU Mach's additions. */
static const struct figure mach[] = {
	IS("free_count", free_pages), IS("active_count", active_pages),
	IS("inactive_count", inactive_pages), IS("wire_count", wired_pages),
	IS("zero_fill_count", pages_zeroed),
	IS("reactivations", reactivated), IS("pageins", pages_in),
	IS("pageouts", pages_out), IS("faults", faults),
	IS("lookups", grabs), IS("external_page_count", external_pages),
	IS("laundry_count", laundry_pages),
	IS("external_laundry_count", laundry_external_pages),
	IS("fictitious_count", fictitious_pages),
};

/* NetBSD's struct uvmexp. */
static const struct figure netbsd[] = {
	IS("npages", limit_pages), IS("free", free_pages),
	IS("active", active_pages), IS("inactive", inactive_pages),
	SUM("paging", laundry_pages, laundry_external_pages),
	IS("wired", wired_pages), IS("zeropages", free_zeroed_pages),
	IS("reserve_pagedaemon", reserved_pages),
	IS("reserve_kernel", interrupt_pages), IS("freemin", min_pages),
	IS("freetarg", target_pages), IS("faults", faults),
	IS("pageins", reads), IS("pdpageouts", writes),
	IS("pgswapout", pages_out), IS("forks", forks),
	IS("pdwoke", wakeups), IS("pdbusy", victims_busy),
	IS("pdreact", reactivated),
	SUM("pdfreed", evicted_clean, evicted_dirty),
	IS("loaned_pages", loaned_pages),
};

static const struct family families[] = {
	{ "resident", gauges, VM_COUNT(gauges) },
	{ "resident", counters, VM_COUNT(counters) },
	{ "vm.stats.vm", freebsd, VM_COUNT(freebsd) },
	{ "vm_statistics", mach, VM_COUNT(mach) },
	{ "uvmexp", netbsd, VM_COUNT(netbsd) },
};

#define OURS 2u		/* the first families are ours */

_Static_assert(AT(overhead_bytes) != 0, "0 is no field's offset");
_Static_assert(VM_COUNT(gauges) + VM_COUNT(counters) ==
    (sizeof(struct vm_stat) - sizeof(size_t)) / sizeof(uint64_t),
    "every field is printed");

static unsigned long long
value_of(const struct vm_stat *s, const struct figure *figure)
{
	const char *base = (const char *)s;
	uint64_t value = *(const uint64_t *)(const void *)(base +
	    figure->field);

	if (figure->more != 0)
		value += *(const uint64_t *)(const void *)(base +
		    figure->more);
	return value;
}

static void
print_text(struct vm_text *text, const struct vm_stat *s)
{
	for (unsigned f = 0; f < VM_COUNT(families); f++)
		for (unsigned i = 0; i < families[f].count; i++)
			vm_text_add(text, "%s.%s: %llu\n", families[f].prefix,
			    families[f].figure[i].name,
			    value_of(s, &families[f].figure[i]));
}

static void
print_members(struct vm_text *text, const struct vm_stat *s,
    const struct family *family)
{
	for (unsigned i = 0; i < family->count; i++)
		vm_text_add(text, "%s\n    \"%s\": %llu", i == 0 ? "" : ",",
		    family->figure[i].name, value_of(s, &family->figure[i]));
}

static void
print_json(struct vm_text *text, const struct vm_stat *s)
{
	vm_text_add(text, "{\n  \"resident\": {");
	print_members(text, s, &families[0]);
	vm_text_add(text, ",");
	print_members(text, s, &families[1]);
	for (unsigned f = OURS; f < VM_COUNT(families); f++) {
		vm_text_add(text, "\n  },\n  \"%s\": {", families[f].prefix);
		print_members(text, s, &families[f]);
	}
	vm_text_add(text, "\n  }\n}\n");
}

/* A counter's sample has another name than its family: OpenMetrics 1.0. */
static void
print_metrics(struct vm_text *text, const struct vm_stat *s)
{
	static const char *const type[OURS] = { "gauge", "counter" };
	static const char *const end[OURS] = { "", "_total" };

	for (unsigned f = 0; f < OURS; f++)
		for (unsigned i = 0; i < families[f].count; i++) {
			const struct figure *figure = &families[f].figure[i];

			vm_text_add(text, "# TYPE resident_%s %s\n"
			    "resident_%s%s %llu\n", figure->name, type[f],
			    figure->name, end[f], value_of(s, figure));
		}
	vm_text_add(text, "# EOF\n");
}

VM_EXPORT int
vm_stat_print(struct vm *vm, enum vm_format format, char *buffer,
    size_t bytes)
{
	struct vm_stat s = VM_STAT_INIT;
	struct vm_text text;

	if (vm == NULL || (buffer == NULL && bytes != 0))
		return vm_error(EINVAL, "stat: no system, or no buffer");
	if (vm_stat(vm, &s) != 0)
		return -EINVAL;
	vm_text_init(&text, buffer, bytes);
	switch (format) {
	case VM_FORMAT_TEXT:
		print_text(&text, &s);
		break;
	case VM_FORMAT_JSON:
		print_json(&text, &s);
		break;
	case VM_FORMAT_OPENMETRICS:
		print_metrics(&text, &s);
		break;
	default:
		return vm_error(EINVAL, "stat: no format %d", (int)format);
	}
	return (int)text.length;
}
