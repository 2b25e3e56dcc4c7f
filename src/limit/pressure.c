/* SPDX-License-Identifier: BSD-2-Clause */
/* limit/pressure.c - pressure.h has the theory. */
#include "limit/pressure.h"

#include "base/assert.h"

/* 2 s between two folds, as Linux's PSI_FREQ. */
#define FOLD_NS UINT64_C(2000000000)
/* After 2000 folds without a wait, more than an hour, the slowest average is
 * e^-13 of what it was: nothing. */
#define FOLDS_MAX 2000u

#define ONE UINT64_C(65536)
/* Hundredths of a percent. */
#define WHOLE UINT64_C(10000)

/* e^(-2/10), e^(-2/60), e^(-2/300): what is left of an average after a fold. */
static const uint64_t keeps[VM_STALL_SPANS] = { 53656, 63387, 65101 };

#define SECOND_NS	UINT64_C(1000000000)
/* pressure.h has the reasons: parts of a second. */
#define SOME_NS		(SECOND_NS / 100)
#define MEDIUM_NS	(SECOND_NS / 10)
#define CRITICAL_NS	(SECOND_NS / 10)	/* of full */

void
vm_pressure_init(struct vm_pressure *pressure)
{
	*pressure = (struct vm_pressure){ .active = 1 };
	vm_lock_init(&pressure->lock, VM_RANK_LEAF, "pressure");
}

void
vm_pressure_fini(struct vm_pressure *pressure)
{
	for (unsigned i = 0; i < VM_WAITS; i++)
		vm_assert(pressure->stalls[i].waiting == 0);
	vm_lock_fini(&pressure->lock);
}

/* The totals are of now.  Clocks of two threads may be read in one order and
 * come here in the other. */
static void
advance_locked(struct vm_pressure *pressure, uint64_t now_ns)
{
	uint64_t passed_ns = now_ns - pressure->changed_ns;

	vm_lock_assert_held(&pressure->lock);
	if (now_ns <= pressure->changed_ns)
		return;
	pressure->changed_ns = now_ns;
	for (unsigned i = 0; i < VM_WAITS; i++) {
		struct vm_stalls *stalls = &pressure->stalls[i];

		if (stalls->waiting != 0)
			stalls->total_ns[VM_STALL_SOME] += passed_ns;
		if (stalls->waiting >= pressure->active)
			stalls->total_ns[VM_STALL_FULL] += passed_ns;
	}
}

static uint32_t
bits(uint64_t word)
{
	uint32_t count = 0;

	for (; word != 0; word &= word - 1)
		count++;
	return count;
}

/* Threads that did anything since the last fold, at least one. */
static void
count_active_locked(struct vm_pressure *pressure,
    const struct vm_counters *counters)
{
	uint32_t active = bits(pressure->served);

	vm_lock_assert_held(&pressure->lock);
	pressure->served = 0;
	for (unsigned i = 0; counters != NULL && i < VM_COUNTER_SHARDS; i++) {
		const struct vm_counter_shard *shard = &counters->shard[i];
		uint64_t used = atomic_load_explicit(
		    &shard->value[VM_COUNTER_grabs], memory_order_relaxed) +
		    atomic_load_explicit(&shard->value[VM_COUNTER_faults],
		    memory_order_relaxed);

		if ((pressure->servers & UINT64_C(1) << i) == 0)
			active += used != pressure->used[i];
		pressure->used[i] = used;
	}
	pressure->active = active == 0 ? 1 : active;
}

/* The share of the time since the last fold, spread over its periods. */
static void
fold_one(struct vm_stalls *stalls, enum vm_stall stall, uint64_t passed_ns,
    uint64_t folds)
{
	uint64_t lost_ns = stalls->total_ns[stall] - stalls->folded_ns[stall];
	/* Both in units of 2^-10 s or so, or the product would not fit. */
	uint64_t share = (lost_ns >> 20) * WHOLE / (passed_ns >> 20);

	stalls->folded_ns[stall] = stalls->total_ns[stall];
	if (share > WHOLE)
		share = WHOLE;
	for (unsigned span = 0; span < VM_STALL_SPANS; span++) {
		uint64_t *average = &stalls->average[stall][span];

		if (*average == 0 && share == 0)
			continue;
		for (uint64_t i = 0; i < folds; i++)
			*average = (*average * keeps[span] + share * ONE *
			    (ONE - keeps[span])) / ONE;
	}
}

static void
fold_locked(struct vm_pressure *pressure, const struct vm_counters *counters,
    uint64_t now_ns)
{
	uint64_t passed_ns = now_ns - pressure->folded_at_ns;
	uint64_t folds = passed_ns / FOLD_NS;

	vm_lock_assert_held(&pressure->lock);
	if (now_ns < pressure->folded_at_ns || folds == 0)
		return;
	pressure->folded_at_ns = now_ns;
	if (folds > FOLDS_MAX)
		folds = FOLDS_MAX;
	for (unsigned i = 0; i < VM_WAITS; i++)
		for (unsigned j = 0; j < VM_STALLS; j++)
			fold_one(&pressure->stalls[i], (enum vm_stall)j,
			    passed_ns, folds);
	count_active_locked(pressure, counters);
}

static void
bring_up_locked(struct vm_pressure *pressure,
    const struct vm_counters *counters, uint64_t now_ns)
{
	advance_locked(pressure, now_ns);
	fold_locked(pressure, counters, now_ns);
}

void
vm_pressure_enter(struct vm_pressure *pressure,
    const struct vm_counters *counters, enum vm_wait_for_what what,
    uint64_t now_ns)
{
	vm_lock(&pressure->lock);
	bring_up_locked(pressure, counters, now_ns);
	pressure->stalls[what].waiting++;
	vm_unlock(&pressure->lock);
}

void
vm_pressure_enter_for(struct vm_pressure *pressure,
    const struct vm_counters *counters, enum vm_wait_for_what what,
    uint64_t now_ns, int thread)
{
	uint32_t own = vm_own_shard - 1;

	vm_lock(&pressure->lock);
	bring_up_locked(pressure, counters, now_ns);
	if (own < VM_SHARD_SHARED)
		pressure->servers |= UINT64_C(1) << own;
	pressure->served |= UINT64_C(1) << (unsigned)thread % 64;
	pressure->stalls[what].waiting++;
	vm_unlock(&pressure->lock);
}

void
vm_pressure_leave(struct vm_pressure *pressure,
    const struct vm_counters *counters, enum vm_wait_for_what what,
    uint64_t now_ns)
{
	vm_lock(&pressure->lock);
	bring_up_locked(pressure, counters, now_ns);
	vm_assert(pressure->stalls[what].waiting != 0);
	pressure->stalls[what].waiting--;
	vm_unlock(&pressure->lock);
}

static enum vm_pressure_level
level_of(uint64_t some_ns, uint64_t full_ns)
{
	if (full_ns >= CRITICAL_NS)
		return VM_LEVEL_CRITICAL;
	if (some_ns >= MEDIUM_NS)
		return VM_LEVEL_MEDIUM;
	return some_ns >= SOME_NS ? VM_LEVEL_SOME : VM_LEVEL_NONE;
}

/* What of a second was lost since it began; of a longer time, a second's
 * share. */
static uint64_t
lost_locked(const struct vm_pressure *pressure, enum vm_stall stall,
    uint64_t passed_ns)
{
	uint64_t lost_ns = pressure->stalls[VM_WAITS_MEMORY].total_ns[stall] -
	    pressure->second_total_ns[stall];

	vm_lock_assert_held(&pressure->lock);
	if (passed_ns <= SECOND_NS)
		return lost_ns;
	return lost_ns / (passed_ns / SECOND_NS);
}

static void
begin_second_locked(struct vm_pressure *pressure, uint64_t now_ns)
{
	vm_lock_assert_held(&pressure->lock);
	pressure->second_ns = now_ns;
	for (unsigned i = 0; i < VM_STALLS; i++)
		pressure->second_total_ns[i] =
		    pressure->stalls[VM_WAITS_MEMORY].total_ns[i];
}

static enum vm_pressure_level
judge_locked(struct vm_pressure *pressure, bool hopeless, uint64_t now_ns)
{
	uint64_t passed_ns = now_ns > pressure->second_ns ?
	    now_ns - pressure->second_ns : 0;
	enum vm_pressure_level now = atomic_load(&pressure->level);
	enum vm_pressure_level level = level_of(
	    lost_locked(pressure, VM_STALL_SOME, passed_ns),
	    lost_locked(pressure, VM_STALL_FULL, passed_ns));

	vm_lock_assert_held(&pressure->lock);
	if (hopeless)
		level = VM_LEVEL_CRITICAL;
	if (passed_ns >= SECOND_NS)
		begin_second_locked(pressure, now_ns);
	else if (level < now)
		return now;
	return level;
}

enum vm_pressure_level
vm_pressure_judge(struct vm_pressure *pressure,
    const struct vm_counters *counters, bool hopeless, uint64_t now_ns,
    enum vm_pressure_level *before)
{
	enum vm_pressure_level level;

	vm_lock(&pressure->lock);
	bring_up_locked(pressure, counters, now_ns);
	*before = atomic_load(&pressure->level);
	level = judge_locked(pressure, hopeless, now_ns);
	atomic_store(&pressure->level, level);
	vm_unlock(&pressure->lock);
	return level;
}

void
vm_pressure_read(struct vm_pressure *pressure,
    const struct vm_counters *counters, uint64_t now_ns,
    struct vm_stall_figures out[VM_WAITS][VM_STALLS])
{
	vm_lock(&pressure->lock);
	bring_up_locked(pressure, counters, now_ns);
	for (unsigned i = 0; i < VM_WAITS; i++)
		for (unsigned j = 0; j < VM_STALLS; j++) {
			const struct vm_stalls *stalls = &pressure->stalls[i];

			out[i][j].total_us = stalls->total_ns[j] / 1000;
			for (unsigned k = 0; k < VM_STALL_SPANS; k++)
				out[i][j].average[k] =
				    stalls->average[j][k] / ONE;
		}
	vm_unlock(&pressure->lock);
}
