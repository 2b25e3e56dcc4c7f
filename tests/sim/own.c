/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * own.c - a pager of our own (resident/pager.h), over a file of the disk.
 *
 * Some requests are ended within submit, the others by the pager's task, in any
 * order and in its own time.  Memory to be read into is garbage until then.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "sim.h"
#include "world.h"

static struct thing *
thing_of(void *arg)
{
	return arg;
}

/* One piece of the file and one of memory; what is behind the file is zeros. */
static void
move(struct disk *disk, const struct vm_pager_request *request,
    uint64_t offset, char *memory, uint64_t bytes)
{
	uint64_t there = offset < disk->bytes ? disk->bytes - offset : 0;

	if (request->op == VM_PAGER_OUT) {
		disk_write(disk, offset, memory, bytes);
		return;
	}
	if (there > bytes)
		there = bytes;
	memcpy(memory, disk->now + offset, there);
	memset(memory + there, 0, bytes - there);
}

/* Sector by sector, others in between; a failure comes after some of them. */
static enum vm_pager_result
move_all(struct thing *thing, struct vm_pager_request *request)
{
	uint64_t offset = request->pindex * PAGE, left = request->bytes;
	unsigned rate = request->op == VM_PAGER_IN ?
	    machine.faults.read : machine.faults.write;
	uint64_t fails_at = machine_fails(rate) ? sim_below(left + 1) :
	    UINT64_MAX;

	for (int i = 0; i < request->iov_count; i++) {
		char *memory = request->iov[i].iov_base;
		uint64_t bytes = request->iov[i].iov_len;

		if (request->op == VM_PAGER_IN)
			world_fill(memory, bytes);
		for (uint64_t at = 0; at < bytes && left != 0; at += SECTOR) {
			uint64_t n = left < SECTOR ? left : SECTOR;

			if (left <= fails_at && fails_at != UINT64_MAX) {
				request->error = EIO;
				return VM_PAGER_FAILED;
			}
			if (sim_one_in(16))
				sim_point();
			move(thing->disk, request, offset, memory + at, n);
			offset += n;
			left -= n;
		}
	}
	return VM_PAGER_OK;
}

static unsigned
some_marks(void)
{
	static const unsigned marks[] = { VM_PAGER_PRECIOUS,
		VM_PAGER_NO_WRITE, VM_PAGER_NO_ACCESS };

	return marks[sim_below(VM_COUNT(marks))];
}

static void
perform(struct thing *thing, struct vm_pager_request *request)
{
	enum vm_pager_result result = VM_PAGER_AGAIN;

	if (!machine_fails(machine.faults.vain))
		result = move_all(thing, request);
	if (request->op == VM_PAGER_IN && thing->own.marks && sim_one_in(4))
		vm_pager_mark(request, 0, request->count, some_marks());
	vm_pager_done(request, result, 0);
}

/* -- the functions -- */

static void
submit(void *arg, struct vm_pager_request *request)
{
	struct thing *thing = thing_of(arg);
	struct own *own = &thing->own;

	if (sim_one_in(4)) {
		perform(thing, request);
		return;
	}
	SIM_CHECK(own->count < OWN_REQUESTS);
	own->asked[own->count++] = request;
	sim_wake_all(own);
}

static bool
is_zero(const struct disk *disk, uint64_t pindex)
{
	for (uint64_t i = 0; i < PAGE; i++)
		if (disk->now[pindex * PAGE + i] != 0)
			return false;
	return true;
}

/* Pages of zeros are not there. */
static enum vm_pager_result
extent(void *arg, uint64_t pindex, uint32_t want, uint32_t *count)
{
	struct disk *disk = thing_of(arg)->disk;
	bool zero = is_zero(disk, pindex);

	sim_point();
	for (*count = 1; *count < want; ++*count)
		if (is_zero(disk, pindex + *count) != zero)
			break;
	return zero ? VM_PAGER_ABSENT : VM_PAGER_OK;
}

/* One that failed, fails: nobody knows what it has lost. */
static int
sync_all(void *arg)
{
	struct own *own = &thing_of(arg)->own;

	if (machine_fsync(own->fd) != 0)
		own->lost = true;
	return own->lost ? -EIO : 0;
}

static int
unlock(void *arg, uint64_t pindex, unsigned want)
{
	(void)arg;
	(void)pindex;
	(void)want;
	sim_point();
	return 0;
}

static void
terminate(void *arg)
{
	thing_of(arg)->own.over = true;
	sim_wake_all(&thing_of(arg)->own);
}

/* -- life -- */

static struct vm_pager_request *
some_request(struct own *own)
{
	uint64_t at = sim_below(own->count);
	struct vm_pager_request *request = own->asked[at];

	own->asked[at] = own->asked[--own->count];
	return request;
}

static void
run(void *arg)
{
	struct thing *thing = thing_of(arg);
	struct own *own = &thing->own;

	for (;;) {
		while (own->count == 0 && !own->over)
			(void)sim_wait(own, "requests", SIM_FOREVER);
		if (own->count == 0)
			return;
		sim_pause(machine_latency_ns());
		perform(thing, some_request(own));
	}
}

int
own_open(struct thing *thing, unsigned flags, struct vm_object **object)
{
	struct vm_pager_callbacks callbacks = VM_PAGER_CALLBACKS_INIT;
	struct own *own = &thing->own;
	int error;

	memset(own, 0, sizeof(*own));
	own->marks = sim_one_in(2);
	callbacks.submit = submit;
	callbacks.extent = sim_one_in(2) ? extent : NULL;
	callbacks.sync = sync_all;
	callbacks.unlock = unlock;
	callbacks.terminate = terminate;
	error = vm_object_create_pager(world.vm, &callbacks, thing,
	    thing->disk->bytes, flags, object);
	if (error != 0)
		return error;
	own->fd = disk_open(thing->disk, O_RDWR);
	own->task = sim_spawn("pager", run, thing);
	return 0;
}

void
own_closed(struct thing *thing)
{
	sim_join(thing->own.task);
	machine_close(thing->own.fd);
}
