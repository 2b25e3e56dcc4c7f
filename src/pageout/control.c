/* SPDX-License-Identifier: BSD-2-Clause */
/* pageout/control.c - control.h has the theory. */
#include "pageout/control.h"

#include "base/compiler.h"

#define NS_PER_S UINT64_C(1000000000)

/* 1 ms: what a disk needs for some writes; shorter steps see single ones. */
#define STEP_NS UINT64_C(1000000)
/* 100 ms: ten bursts of a program that works in bursts. */
#define REST_NS UINT64_C(100000000)

/* Smoothing: a quarter of what is new. */
#define NEW_SHARE 4u
/* Gains: half of the error at once, an eighth of it for good. */
#define PROPORTIONAL 2u
#define INTEGRAL 8u
/* A 128th a step: a few bursts of 20 ms. */
#define LEAK_SHARE 128u
/* Of demand x latency: a disk's slow write takes twice as long as its usual. */
#define BOUND_TIMES 2u
/* Of memory, at most. */
#define BOUND_SHARE 16u

static uint64_t
smooth(uint64_t old, uint64_t new)
{
	return old - old / NEW_SHARE + new / NEW_SHARE;
}

static uint64_t
bound_of(const struct vm_control *control, uint32_t pages)
{
	uint64_t bound = BOUND_TIMES * (control->demand *
	    (control->latency_ns / 1000) / (NS_PER_S / 1000));

	return bound < pages / BOUND_SHARE ? bound : pages / BOUND_SHARE;
}

static void
measure(struct vm_control *control, const struct vm_control_sample *s,
    uint64_t passed_ns)
{
	uint64_t freed = s->freed - control->freed;

	control->demand = smooth(control->demand, (s->taken - control->taken) *
	    NS_PER_S / passed_ns);
	if (freed != 0)
		control->latency_ns = smooth(control->latency_ns,
		    s->under_way * passed_ns / freed);
}

static void
begin(struct vm_control *control, const struct vm_control_sample *s)
{
	control->step_ns = s->now_ns;
	control->taken = s->taken;
	control->freed = s->freed;
	control->lowest = s->level;
}

static uint64_t
leak(uint64_t value)
{
	return value - value / LEAK_SHARE - (value % LEAK_SHARE != 0);
}

static uint64_t
smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

bool
vm_control_see(struct vm_control *control, uint32_t level, uint64_t now_ns)
{
	if (level < control->lowest)
		control->lowest = level;
	return control->step_ns == 0 || now_ns >= control->step_ns + STEP_NS;
}

uint32_t
vm_control_step(struct vm_control *control, const struct vm_control_sample *s)
{
	uint64_t passed_ns = s->now_ns - control->step_ns;
	uint64_t error, bound;

	if (!vm_control_see(control, s->level, s->now_ns))
		return control->margin;
	if (control->step_ns == 0) {
		begin(control, s);
		return control->margin;
	}
	measure(control, s, passed_ns);
	error = control->lowest < s->setpoint ?
	    s->setpoint - control->lowest : 0;
	bound = bound_of(control, s->pages);
	control->bound = bound > leak(control->bound) ? bound :
	    leak(control->bound);
	control->sum = smaller(error != 0 ? control->sum + error :
	    leak(control->sum), control->bound * INTEGRAL);
	control->margin = (uint32_t)smaller(error / PROPORTIONAL +
	    control->sum / INTEGRAL, control->bound);
	begin(control, s);
	return control->margin;
}

void
vm_control_rested(struct vm_control *control, uint64_t now_ns)
{
	uint64_t halves = now_ns < control->step_ns ? 0 :
	    (now_ns - control->step_ns) / REST_NS;

	if (halves == 0)
		return;
	control->step_ns = 0;
	if (halves > 31)
		halves = 31;
	control->margin >>= halves;
	control->sum >>= halves;
	control->demand >>= halves;
}
