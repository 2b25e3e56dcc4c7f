/* SPDX-License-Identifier: BSD-2-Clause */
/* machine.c - the os table, its nature and its faults; see machine.h. */
#include "machine.h"

#include <errno.h>
#include <string.h>

#include "client.h"
#include "sim.h"
#include "window.h"

struct machine machine;

bool
machine_fails(unsigned rate)
{
	if (!machine.faulty || machine.calm != 0 || !sim_one_in(rate))
		return false;
	machine.injected++;
	return true;
}

uint64_t
machine_latency_ns(void)
{
	return machine.fastest_ns + sim_below(machine.slowest_ns);
}

/* 0: never; else 1 in up to so many calls. */
static unsigned
some_rate(unsigned most)
{
	return sim_one_in(2) ? 0 : 8 + (unsigned)sim_below(most);
}

static void
draw_faults(struct machine_faults *faults)
{
	*faults = (struct machine_faults){
		.read = some_rate(100),
		.write = some_rate(60),
		.full = some_rate(100),
		.sync = some_rate(20),
		.cut_short = some_rate(30),
		.vain = some_rate(40),
		.memory = some_rate(400),
		.descriptor = some_rate(100),
	};
}

void
machine_begin(void)
{
	static const uint64_t slowest[] = { 2000, 100000, 3000000 };

	windows_begin();
	memory_begin();
	descriptors_reset();
	memset(&machine, 0, sizeof(machine));
	machine.fastest_ns = 1000;
	machine.slowest_ns = slowest[sim_below(VM_COUNT(slowest))];
	machine.cached = sim_one_in(3) ? 2 : 0;
	machine.faulty = sim_one_in(2);
	if (machine.faulty)
		draw_faults(&machine.faults);
}

void
machine_end(void)
{
	machine_queues_cut();
	disks_reset();
	clients_reset();
	windows_begin();
	memory_reset();
	descriptors_reset();
}

void
machine_restart(void)
{
	machine_queues_cut();
	disks_restart();
	clients_reset();
	windows_begin();
	memory_reset();
	descriptors_reset();
	machine.blocks = machine.maps = machine.descriptors = 0;
	machine.queues = machine.threads = machine.calm = 0;
}

void
machine_check_clean(void)
{
	if (machine.blocks + machine.maps + machine.descriptors +
	    machine.queues + machine.threads != 0)
		sim_fail("left behind: %u blocks, %u mappings, %u "
		    "descriptors, %u queues, %u threads", machine.blocks,
		    machine.maps, machine.descriptors, machine.queues,
		    machine.threads);
}

/* -- the rest of the table -- */

/* The thread is the task. */
static struct vm_thread *
thread_of(struct sim_task *task)
{
	return (struct vm_thread *)(void *)task;
}

static int
thread_start(const char *name, void (*run)(void *), void *arg,
    struct vm_thread **out)
{
	sim_point();
	if (machine_fails(machine.faults.memory))
		return -EAGAIN;
	*out = thread_of(sim_spawn(name, run, arg));
	machine.threads++;
	return 0;
}

static void
thread_join(struct vm_thread *thread)
{
	sim_join((struct sim_task *)(void *)thread);
	machine.threads--;
}

static uint64_t
clock_ns(void)
{
	return sim_now_ns();
}

static unsigned
cpu(void)
{
	return (unsigned)sim_below(4);
}

static int
wish(void *base, size_t bytes)
{
	SIM_CHECK(base != NULL && bytes != 0);
	return 0;
}

static int
protect(void *base, size_t bytes, unsigned prot)
{
	SIM_CHECK(base != NULL && bytes != 0);
	SIM_CHECK((prot & ~(VM_OS_READ | VM_OS_WRITE | VM_OS_EXEC)) == 0);
	if (windows_split(base, bytes, prot) &&
	    machine_fails(machine.faults.memory))
		return -ENOMEM;
	windows_allow(base, bytes, prot);
	return 0;
}

static int
pin(void *base, size_t bytes)
{
	SIM_CHECK(base != NULL && bytes != 0);
	return machine_fails(machine.faults.memory) ? -ENOMEM : 0;
}

/* No process of the machine has memory that is asked for. */
static int
task_read(int pid, uint64_t address, void *buffer, size_t bytes)
{
	(void)pid;
	(void)address;
	(void)buffer;
	(void)bytes;
	return -ESRCH;
}

static int
task_write(int pid, uint64_t address, const void *buffer, size_t bytes)
{
	(void)pid;
	(void)address;
	(void)buffer;
	(void)bytes;
	return -ESRCH;
}

static int
task_sigbus(int tid)
{
	client_sigbus(tid);
	return 0;
}

static int
draw(void *bytes, size_t count)
{
	char *to = bytes;

	sim_point();
	for (size_t i = 0; i < count; i++)
		to[i] = (char)sim_below(256);
	return 0;
}

const struct vm_os machine_os = {
	.map_anon = machine_map_anon,
	.map_file = machine_map_file,
	.unmap = machine_unmap,
	.drop = machine_drop,
	.protect = protect,
	.want_huge = wish,
	.pin = pin,
	.unpin = wish,
	.random = draw,
	.memfd = machine_memfd,
	.punch = machine_punch,
	.reopen = machine_reopen,
	.flags = machine_flags,
	.tmpfile = machine_tmpfile,
	.dup = machine_dup,
	.close = machine_close,
	.fstat = machine_fstat,
	.ftruncate = machine_ftruncate,
	.fallocate = machine_fallocate,
	.fsync = machine_fsync,
	.pread = machine_pread,
	.pwrite = machine_pwrite,
	.preadv_cached = machine_preadv_cached,
	.any_cached = machine_any_cached,
	.in_memory = machine_in_memory,
	.drop_cache = machine_drop_cache,
	.ioq_create = machine_queue_create,
	.clock_ns = clock_ns,
	.thread_start = thread_start,
	.thread_join = thread_join,
	.yield = sim_yield,
	.cpu = cpu,
	.eventfd = machine_eventfd,
	.event_set = machine_event_set,
	.event_clear = machine_event_clear,
	.poll_create = machine_poll_create,
	.poll_add = machine_poll_add,
	.poll_remove = machine_poll_remove,
	.poll_wait = machine_poll_wait,
	.task_sigbus = task_sigbus,
	.task_read = task_read,
	.task_write = task_write,
	.on_sigbus = machine_on_sigbus,
	.sigbus_default = machine_sigbus_default,
	.after_fork = machine_after_fork,
	.alloc = machine_alloc,
	.free = machine_free,
};
