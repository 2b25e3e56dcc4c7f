/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The controller, before a disk that is a few lines of arithmetic: what is
 * begun is there LATENCY ms later, PACE pages a ms at most.  Each turn is a ms.
 */
#include "pageout/control.h"

#include "check.h"

enum { PAGES = 16384, SETPOINT = 140, LOW = 224, TARGET = 448,
	PACE = 40, LATENCY = 8, TURNS = 1000 };

#define MS UINT64_C(1000000)

static struct plant {
	struct vm_control control;
	uint64_t now_ns;
	uint64_t taken;
	uint64_t freed;
	uint32_t level;
	uint32_t begun[LATENCY];	/* by turn, modulo LATENCY */
	bool works;
	bool steered;
	uint32_t lowest;	/* of the last run */
	uint32_t highest;
} plant;

static void
set_up(bool steered)
{
	plant = (struct plant){ .level = TARGET, .now_ns = MS,
		.steered = steered };
}

static uint32_t
under_way(void)
{
	uint32_t sum = 0;

	for (unsigned i = 0; i < LATENCY; i++)
		sum += plant.begun[i];
	return sum;
}

static void
free_some(unsigned turn)
{
	uint32_t margin = plant.steered ? plant.control.margin : 0;
	uint32_t *slot = &plant.begun[turn % LATENCY], missing;

	plant.level += *slot;
	plant.freed += *slot;
	*slot = 0;
	if (plant.level < LOW + margin)
		plant.works = true;
	missing = TARGET + margin > plant.level + under_way() ?
	    TARGET + margin - plant.level - under_way() : 0;
	if (plant.level >= TARGET + margin)
		plant.works = false;
	if (plant.works)
		*slot = missing < PACE ? missing : PACE;
}

static void
take(uint32_t demand)
{
	uint32_t got = demand < plant.level ? demand : plant.level;

	plant.level -= got;
	plant.taken += got;
	if (plant.level < plant.lowest)
		plant.lowest = plant.level;
	if (plant.level > plant.highest)
		plant.highest = plant.level;
}

/* As the daemon does: steps are made while something is to be done. */
static void
step(void)
{
	struct vm_control_sample sample = {
		.now_ns = plant.now_ns, .taken = plant.taken,
		.freed = plant.freed, .level = plant.level,
		.under_way = under_way(), .setpoint = SETPOINT,
		.pages = PAGES,
	};

	if (plant.works || under_way() != 0)
		(void)vm_control_step(&plant.control, &sample);
}

static void
turn(uint32_t demand)
{
	plant.now_ns += MS;
	free_some((unsigned)(plant.now_ns / MS));
	take(demand);
	step();
}

static void
run(uint32_t demand, unsigned turns)
{
	plant.lowest = UINT32_MAX;
	plant.highest = 0;
	for (unsigned i = 0; i < turns; i++)
		turn(demand);
}

/* 25 ms of demand in 60. */
static void
run_bursts(uint32_t demand, unsigned bursts)
{
	uint32_t lowest = UINT32_MAX;

	for (unsigned i = 0; i < bursts; i++) {
		run(demand, 25);
		if (plant.lowest < lowest)
			lowest = plant.lowest;
		run(0, 35);
	}
	plant.lowest = lowest;
}

/* 30 pages a ms, and 8 ms from the waking to the first page: from 224 down to
 * nothing, each time, without a margin. */
TEST(a_margin_keeps_what_is_free_near_the_setpoint)
{
	set_up(false);
	run_bursts(30, 10);
	run_bursts(30, 10);
	CHECK_INT(plant.lowest, 0);
	set_up(true);
	run_bursts(30, 10);
	CHECK_INT(plant.lowest, 0);	/* the first one */
	run_bursts(30, 10);
	CHECK(plant.lowest > SETPOINT / 2);
	CHECK(plant.lowest <= SETPOINT);
}

TEST(a_demand_that_is_met_needs_no_margin)
{
	set_up(true);
	run(5, TURNS);
	CHECK(plant.lowest >= SETPOINT);
	CHECK_INT(plant.control.margin, 0);
}

/* The sum does not wind up: the bound is what the disk has under way. */
TEST(more_demand_than_the_disk_takes_is_no_reason_to_free_everything)
{
	set_up(true);
	run(10 * PACE, TURNS);
	CHECK_INT(plant.lowest, 0);
	CHECK(plant.control.margin <= 3 * PACE * LATENCY);
	run(0, 100);
	CHECK(plant.highest <= TARGET + 3 * PACE * LATENCY);
}

TEST(the_margin_goes_with_the_demand)
{
	uint32_t before;

	set_up(true);
	run_bursts(30, 10);
	before = plant.control.margin;
	CHECK(before > 0);
	plant.now_ns = plant.control.step_ns;
	vm_control_rested(&plant.control, plant.now_ns + 99 * MS);
	CHECK_INT(plant.control.margin, before);
	vm_control_rested(&plant.control, plant.now_ns + 100 * MS);
	CHECK_INT(plant.control.margin, before / 2);
	run_bursts(30, 1);
	vm_control_rested(&plant.control, plant.now_ns + 100000 * MS);
	CHECK_INT(plant.control.margin, 0);
}

TEST(a_step_takes_a_millisecond_and_sees_the_lowest_level_of_it)
{
	struct vm_control control = { 0 };
	struct vm_control_sample s = { .now_ns = 5 * MS, .level = 300,
		.setpoint = SETPOINT, .pages = PAGES };

	CHECK(vm_control_see(&control, 300, 5 * MS));
	CHECK_INT(vm_control_step(&control, &s), 0);
	CHECK(!vm_control_see(&control, 20, 5 * MS + MS / 2));
	CHECK_INT(control.lowest, 20);
	s.now_ns += MS - 1;
	s.taken = s.freed = s.under_way = 1000;
	CHECK_INT(vm_control_step(&control, &s), 0);
	s.now_ns += 1;
	CHECK_INT(vm_control_step(&control, &s), 60 + 15);
	CHECK_INT(control.lowest, 300);
}

TEST(a_clock_that_goes_back_is_waited_for)
{
	struct vm_control control = { 0 };
	struct vm_control_sample s = { .now_ns = 5 * MS, .level = 300,
		.setpoint = SETPOINT, .pages = PAGES };

	CHECK_INT(vm_control_step(&control, &s), 0);
	s.now_ns = 3 * MS;
	CHECK_INT(vm_control_step(&control, &s), 0);
	CHECK_INT(control.step_ns, 5 * MS);
}
