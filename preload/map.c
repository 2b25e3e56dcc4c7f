/* SPDX-License-Identifier: BSD-2-Clause */
/* preload/map.c - mmap and munmap; map.h has the order of the steps. */
#include "map.h"

#include <fcntl.h>
#include <stddef.h>
#include <sys/mman.h>

#include <resident/space.h>

#include "anon.h"
#include "files.h"
#include "limbo.h"
#include "rpc.h"
#include "shim.h"
#include "syscalls.h"
#include "uffd.h"
#include "watch.h"

/* What a managed mapping can honour; any other flag is passed. */
#define FLAGS_SERVED \
	(MAP_SHARED | MAP_PRIVATE | MAP_FIXED | MAP_FIXED_NOREPLACE | \
	    MAP_POPULATE | MAP_NONBLOCK | MAP_LOCKED | MAP_NORESERVE | \
	    MAP_32BIT | MAP_DENYWRITE | MAP_EXECUTABLE | MAP_STACK)

/* Absent on machines with one kind of address. */
#ifndef MAP_32BIT
#define MAP_32BIT 0
#endif

/* One managed mapping while it is being made. */
struct making {
	const struct vm_map_call *map;
	bool anon;		/* anon.h; no file, its offset is 0 */
	struct stat st;
	int status;		/* F_GETFL of the file */
	uint64_t length;	/* whole pages */
	uint64_t at;		/* where it goes */
	bool reserved;		/* inaccessible memory of ours is there */
};

static long
kernel_mmap(const struct vm_map_call *map)
{
	return VM_SYS(SYS_mmap, map->address, map->length, map->prot,
	    map->flags, map->fd, map->offset);
}

static bool
shared(const struct vm_map_call *map)
{
	return (map->flags & MAP_TYPE) != MAP_PRIVATE;
}

/* Tells the server that the kernel keeps it; -errno when it may not. */
static int
report_passed(enum vm_pass reason)
{
	struct vm_call call;
	int err;

	vm_call_init(&call, VM_REQ_PASSED);
	call.request.token = reason;
	err = vm_rpc_call(&call);
	vm_call_done(&call);
	if (call.reply.verdict != VM_VERDICT_REFUSE)
		return 0;
	return err != 0 ? err : -EACCES;
}

static enum vm_pass
reason_to_pass(const struct making *m)
{
	int flags = m->map->flags;

	if (m->map->prot & PROT_EXEC)
		return VM_PASS_EXEC;
	if (!S_ISREG(m->st.st_mode))
		return VM_PASS_SPECIAL;
	if ((flags & ~FLAGS_SERVED) != 0)
		return VM_PASS_FLAGS;
	return VM_PASS_NONE;
}

/* Whether the kernel would refuse anyhow, or we have nothing to say: then it
 * gets the call.  Otherwise *m is filled in. */
static bool
kernels_alone(struct making *m)
{
	const struct vm_map_call *map = m->map;
	long status;

	m->length = vm_shim_page_up(map->length);
	if (m->length == 0 || (map->flags & MAP_TYPE) == 0 ||
	    ((uint64_t)map->offset & (vm_shim.page_size - 1)) != 0 ||
	    map->offset < 0 || m->length > INT64_MAX ||
	    map->offset > INT64_MAX - (int64_t)m->length ||
	    ((map->flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) != 0 &&
	    (map->address == NULL ||
	    ((uintptr_t)map->address & (vm_shim.page_size - 1)) != 0)))
		return true;
	if (VM_SYS(SYS_fstat, map->fd, &m->st) != 0)
		return true;
	/* A file that has pages with the server already is mapped in step
	 * with them, however short. */
	if (m->length < vm_shim.min_map && !vm_stat_managed(&m->st))
		return true;
	status = VM_SYS(SYS_fcntl, map->fd, F_GETFL);
	m->status = (int)status;
	return status < 0 || (status & O_PATH) != 0 ||
	    (status & O_ACCMODE) == O_WRONLY ||
	    (shared(map) && (map->prot & PROT_WRITE) != 0 &&
	    (status & O_ACCMODE) != O_RDWR);
}

void
vm_map_leaving(uint64_t start, uint64_t end)
{
	struct vm_shim_range *entry;
	uint64_t at = start;

	/* Private copies are measured while they are there. */
	for (; (entry = vm_ranges_first(&vm_shim.ranges, at, end)) != NULL;
	    at = entry->end)
		if ((entry->bits & VM_RANGE_ANON) == 0 &&
		    entry->kind != VM_RANGE_READ)
			break;
	if (entry != NULL)
		(void)vm_rpc_range(VM_REQ_UNMAP, start, end - start);
}

/* The file is forgotten with its last range: an alias would keep it. */
static void
forget_unused(uint32_t number)
{
	struct vm_file *file;

	if (vm_ranges_has_file(&vm_shim.ranges, number))
		return;
	file = vm_file_by_number(number);
	if (file != NULL)
		vm_file_forget(file);
}

void
vm_map_left(uint64_t start, uint64_t end)
{
	struct vm_shim_range *entry, part;

	/* One turn for each range there. */
	while ((entry = vm_ranges_first(&vm_shim.ranges, start, end)) !=
	    NULL) {
		part = vm_range_cut(entry, start, end);
		vm_ranges_remove(&vm_shim.ranges, part.start, part.end);
		if ((part.bits & VM_RANGE_ANON) != 0)
			(void)vm_anon_discard(&part, VM_DISCARD_LEFT);
		else
			forget_unused(part.file);
	}
}

/* Takes the place of whatever is at m->at, if need be. */
static long
reserve(struct making *m)
{
	const struct vm_map_call *map = m->map;
	uint64_t at = (uint64_t)(uintptr_t)map->address;
	long got;

	if ((map->flags & MAP_FIXED) != 0) {
		m->at = at;
		if (vm_ranges_first(&vm_shim.ranges, at, at + m->length) ==
		    NULL)
			return 0;
		vm_map_leaving(at, at + m->length);
	}
	got = VM_SYS(SYS_mmap, at, m->length, PROT_NONE, MAP_PRIVATE |
	    MAP_ANONYMOUS | MAP_NORESERVE | (map->flags & (MAP_FIXED |
	    MAP_FIXED_NOREPLACE | MAP_32BIT)), -1, 0);
	if (vm_sys_failed(got))
		return got;
	m->at = (uint64_t)got;
	m->reserved = true;
	if ((map->flags & MAP_FIXED) != 0)
		vm_map_left(at, at + m->length);
	return 0;
}

/* Kernels before 4.17 take FIXED_NOREPLACE for a hint; ours do not, so the
 * reservation goes and the program's own call comes. */
static long
pass(const struct making *m)
{
	if (m->reserved && (m->map->flags & MAP_FIXED) == 0)
		(void)VM_SYS(SYS_munmap, m->at, m->length);
	return kernel_mmap(m->map);
}

static int
ask(const struct making *m, struct vm_call *call)
{
	int err;

	if (m->anon)
		return vm_anon_ask(m->at, m->length, call);
	vm_call_init(call, VM_REQ_MAP);
	call->request.address = m->at;
	call->request.length = m->length;
	call->request.offset = (uint64_t)m->map->offset;
	call->request.prot = (uint32_t)m->map->prot;
	/* Locked pages are wired once the range is there. */
	call->request.flags = (uint32_t)(m->map->flags & ~MAP_LOCKED);
	call->request.token = (uint64_t)m->status;
	call->send = m->map->fd;
	err = vm_rpc_call(call);
	if (err == 0 && call->reply.verdict == VM_VERDICT_MANAGED &&
	    call->count_got < 2)
		err = -EPROTO;
	return err;
}

/* mmap's own is not looked at for anonymous memory. */
static uint64_t
offset_of(const struct making *m)
{
	return m->anon ? 0 : (uint64_t)m->map->offset;
}

/* Maps the store, without access yet. */
static long
map_store(const struct making *m, const struct vm_call *call)
{
	long status = VM_SYS(SYS_fcntl, call->got[0], F_GETFL);
	int type = m->anon ? MAP_SHARED : MAP_PRIVATE;

	if (shared(m->map) && (status & O_ACCMODE) == O_RDWR)
		type = MAP_SHARED;
	return VM_SYS(SYS_mmap, m->at, m->length, PROT_NONE, type |
	    MAP_FIXED | (m->map->flags & MAP_NORESERVE), call->got[0],
	    offset_of(m));
}

static int
connect_pages(const struct making *m, const struct vm_call *call)
{
	bool tracked = call->reply.kind == VM_RANGE_TRACKED;
	long at = map_store(m, call);
	int err;

	if (vm_sys_failed(at))
		return (int)at;
	err = vm_uffd_register(m->at, m->length, tracked);
	if (err == 0 && tracked)
		err = vm_rpc_range(VM_REQ_MAPPED, m->at, m->length);
	if (err == 0)
		err = (int)VM_SYS(SYS_mprotect, m->at, m->length,
		    m->map->prot);
	return err;
}

static void
enter_table(const struct making *m, const struct vm_call *call)
{
	struct vm_shim_range entry = {
		.start = m->at, .end = m->at + m->length,
		.offset = offset_of(m),
		.file = call->reply.file,
		.kind = (uint16_t)call->reply.kind,
	};

	if (m->anon)
		entry.bits |= VM_RANGE_ANON;
	if (shared(m->map))
		entry.bits |= VM_RANGE_SHARED;
	if (!shared(m->map) || (m->status & O_ACCMODE) == O_RDWR)
		entry.bits |= VM_RANGE_MAYWRITE;
	/* What the program maps read-only and shared may come privately from
	 * us; its writes are no more allowed for that. */
	vm_ranges_insert(&vm_shim.ranges, &entry);
	if ((m->map->flags & MAP_LOCKED) != 0)
		(void)vm_map_request(VM_REQ_WIRE, &entry, 0);
	else if ((m->map->flags & MAP_POPULATE) != 0)
		(void)vm_map_request(VM_REQ_ADVISE, &entry, MADV_WILLNEED);
}

/* The server's range is given up.  The kernel may have the mapping while no
 * page of the file is newer than the file. */
static long
give_up(const struct making *m, const struct vm_call *call)
{
	struct vm_file *file = m->anon ? NULL :
	    vm_file_by_number(call->reply.file);
	bool right = file == NULL || vm_face_dirty(file->face) == 0;

	/* Whatever lies there goes, with an event if it was registered. */
	(void)VM_SYS(SYS_mmap, m->at, m->length, PROT_NONE, MAP_PRIVATE |
	    MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
	(void)vm_rpc_forget(m->at, m->length);
	if (!m->anon)
		forget_unused(call->reply.file);
	if ((m->map->flags & MAP_FIXED) == 0)
		(void)VM_SYS(SYS_munmap, m->at, m->length);
	if (!right || report_passed(VM_PASS_PERMISSION) < 0)
		return -ENOMEM;
	return kernel_mmap(m->map);
}

static int
learn(const struct making *m, const struct vm_call *call)
{
	struct vm_file *file;
	int err = vm_file_learn(&m->st, call->reply.file, call->got[1],
	    &file);

	if (err == 0 && (m->status & O_ACCMODE) == O_RDWR)
		file->writable = true;
	return err;
}

/* The server has said yes. */
static long
take(const struct making *m, const struct vm_call *call)
{
	int err = m->anon ? 0 : learn(m, call);

	if (err == 0)
		err = vm_watch_start();
	if (err == 0)
		err = connect_pages(m, call);
	if (err == 0) {
		vm_limbo_start();
		enter_table(m, call);
		return (long)m->at;
	}
	return give_up(m, call);
}

static long
decide(struct making *m)
{
	struct vm_call call;
	long result;
	int err;

	/* Cutting an old range in two, and the new one. */
	result = vm_ranges_reserve(&vm_shim.ranges, 2);
	if (result == 0)
		result = reserve(m);
	if (result < 0)
		return result;
	err = ask(m, &call);
	/* An error after a yes: the descriptors did not arrive. */
	if (call.reply.verdict == VM_VERDICT_MANAGED)
		result = err == 0 ? take(m, &call) : give_up(m, &call);
	else if (call.reply.verdict == VM_VERDICT_REFUSE) {
		result = err != 0 ? err : -EACCES;
		if (m->reserved && (m->map->flags & MAP_FIXED) == 0)
			(void)VM_SYS(SYS_munmap, m->at, m->length);
	} else {
		result = pass(m);
	}
	vm_call_done(&call);
	return result;
}

/* The kernel's map of the file takes the place of ours. */
static int
let_go(const struct vm_shim_range *part, int prot)
{
	struct vm_call call;
	long at;
	int err;

	vm_call_init(&call, VM_REQ_SOURCE);
	call.request.file = part->file;
	err = vm_rpc_call(&call);
	if (err == 0 && call.count_got < 1)
		err = -EPROTO;
	if (err == 0)
		err = report_passed(VM_PASS_PRIVATE);
	if (err == 0) {
		at = VM_SYS(SYS_mmap, part->start, part->end - part->start,
		    prot, MAP_PRIVATE | MAP_FIXED, call.got[0],
		    part->offset);
		err = vm_sys_failed(at) ? (int)at : 0;
	}
	vm_call_done(&call);
	if (err == 0)
		vm_map_left(part->start, part->end);
	return err;
}

int
vm_map_let_go(uint64_t start, uint64_t end, int prot)
{
	struct vm_shim_range *entry, part;
	int err = 0;

	for (; err == 0 && (entry = vm_ranges_first(&vm_shim.ranges, start,
	    end)) != NULL; start = part.end) {
		part = vm_range_cut(entry, start, end);
		if ((part.bits & (VM_RANGE_SHARED | VM_RANGE_ANON)) != 0)
			continue;
		err = vm_ranges_reserve(&vm_shim.ranges, 1);
		if (err == 0)
			err = let_go(&part, prot);
	}
	return err;
}

/* The kernel maps it, perhaps over managed ranges. */
static long
map_over(const struct vm_map_call *map)
{
	uint64_t start = (uint64_t)(uintptr_t)map->address;
	uint64_t end = start + vm_shim_page_up(map->length);
	long result = vm_ranges_reserve(&vm_shim.ranges, 1);

	if (result < 0)
		return result;
	vm_map_leaving(start, end);
	result = kernel_mmap(map);
	if (!vm_sys_failed(result))
		vm_map_left(start, end);
	return result;
}

static long
map_plain(const struct vm_map_call *map)
{
	struct vm_signals saved;
	long result;

	if ((map->flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) != MAP_FIXED ||
	    !vm_shim_near(map->address, map->length + vm_shim.page_size) ||
	    !vm_shim_enter(&saved))
		return kernel_mmap(map);
	result = map_over(map);
	vm_shim_leave(saved);
	return result;
}

/* Private anonymous memory that is to be managed. */
static long
map_anon(const struct vm_map_call *map)
{
	struct making m = {
		.map = map, .anon = true,
		.length = vm_shim_page_up(map->length),
	};
	enum vm_pass reason = vm_anon_reason(map);
	struct vm_signals saved;
	long result;

	if (!vm_shim_enter(&saved))
		return kernel_mmap(map);
	result = reason == VM_PASS_NONE ? decide(&m) : report_passed(reason);
	vm_shim_leave(saved);
	return reason == VM_PASS_NONE || result < 0 ? result : map_plain(map);
}

long
vm_shim_mmap(const struct vm_map_call *map)
{
	struct making m = { .map = map };
	struct vm_signals saved;
	enum vm_pass reason;
	long result;

	if (vm_shim_active() && vm_anon_wants(map))
		return map_anon(map);
	if (!vm_shim_active() || map->fd < 0 ||
	    (map->flags & MAP_ANONYMOUS) != 0 || kernels_alone(&m))
		return map_plain(map);
	reason = reason_to_pass(&m);
	if (!vm_shim_enter(&saved))
		return kernel_mmap(map);
	if (reason == VM_PASS_NONE) {
		result = decide(&m);
		vm_shim_leave(saved);
		return result;
	}
	result = report_passed(reason);
	vm_shim_leave(saved);
	return result < 0 ? result : map_plain(map);
}

long
vm_shim_munmap(void *address, uint64_t length)
{
	uint64_t start = (uint64_t)(uintptr_t)address;
	uint64_t end = start + vm_shim_page_up(length);
	struct vm_signals saved;
	long result;

	if (!vm_shim_near(address, length + vm_shim.page_size) ||
	    !vm_shim_enter(&saved))
		return VM_SYS(SYS_munmap, address, length);
	result = vm_ranges_reserve(&vm_shim.ranges, 1);
	if (result == 0) {
		if (((uintptr_t)address & (vm_shim.page_size - 1)) == 0)
			vm_map_leaving(start, end);
		result = VM_SYS(SYS_munmap, address, length);
		if (result == 0)
			vm_map_left(start, end);
	}
	vm_shim_leave(saved);
	return result;
}
