/* SPDX-License-Identifier: BSD-2-Clause */
/* preload/files.c - files.h has the theory. */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/mman.h>

#include "memory.h"
#include "rpc.h"
#include "shim.h"
#include "syscalls.h"
#include "uffd.h"

/* 64 MiB: an alias is address space only; smaller ones are not worth being
 * remade while a file grows. */
#define ALIAS_MIN (UINT64_C(64) << 20)

/* VM_TABLE_FILES entries, zeros until used. (S) */
static struct vm_file *entries;

static bool
table_number(uint64_t device, uint64_t inode, uint32_t *number)
{
	const struct vm_table *table = vm_shim.table;
	uint32_t at = vm_table_hash(device, inode);

	for (uint32_t i = 0; i < VM_TABLE_PROBE; i++) {
		const struct vm_table_entry *entry =
		    &table->entry[(at + i) % VM_TABLE_FILES];

		if (atomic_load_explicit((const _Atomic uint64_t *)
		    &entry->inode, memory_order_acquire) != inode ||
		    entry->device != device)
			continue;
		*number = entry->file;
		return true;
	}
	return false;
}

bool
vm_stat_managed(const struct stat *st)
{
	uint32_t number;

	return S_ISREG(st->st_mode) &&
	    table_number(st->st_dev, st->st_ino, &number);
}

bool
vm_fd_managed(int fd, struct stat *st)
{
	if (!vm_shim_active() || atomic_load_explicit(
	    (const _Atomic uint32_t *)&vm_shim.table->files,
	    memory_order_acquire) == 0)
		return false;
	return VM_SYS(SYS_fstat, fd, st) == 0 && vm_stat_managed(st);
}

static struct vm_file *
slot(uint64_t device, uint64_t inode, uint64_t want)
{
	uint32_t at = vm_table_hash(device, inode);

	if (entries == NULL)
		return NULL;
	for (uint32_t i = 0; i < VM_TABLE_PROBE; i++) {
		struct vm_file *file = &entries[(at + i) % VM_TABLE_FILES];

		if (file->inode == want &&
		    (want == 0 || file->device == device))
			return file;
	}
	return NULL;
}

struct vm_file *
vm_file_find(uint64_t device, uint64_t inode)
{
	struct vm_file *file = slot(device, inode, inode);
	uint32_t number;

	if (file == NULL)
		return NULL;
	if (table_number(device, inode, &number) && number == file->number)
		return file;
	if (!vm_ranges_has_file(&vm_shim.ranges, file->number))
		vm_file_forget(file);
	return NULL;
}

struct vm_file *
vm_file_by_number(uint32_t number)
{
	if (entries == NULL)
		return NULL;
	for (uint32_t i = 0; i < VM_TABLE_FILES; i++)
		if (entries[i].inode != 0 && entries[i].number == number)
			return &entries[i];
	return NULL;
}

static int
map_face(struct vm_file *file, int face)
{
	struct stat st;
	long at = VM_SYS(SYS_fstat, face, &st);

	if (at == 0 && st.st_size <= (off_t)VM_FACE_PRESENCE_OFFSET)
		at = -EPROTO;
	if (at == 0)
		at = vm_own_map(face, (size_t)st.st_size, PROT_READ);
	if (vm_sys_failed(at))
		return (int)at;
	file->face = (const struct vm_face *)at;
	file->face_bytes = (uint64_t)st.st_size;
	if (file->face->magic == VM_FACE_MAGIC)
		return 0;
	VM_SYS(SYS_munmap, file->face, file->face_bytes);
	return -EPROTO;
}

int
vm_file_learn(const struct stat *st, uint32_t number, int face,
    struct vm_file **out)
{
	struct vm_file *file = slot(st->st_dev, st->st_ino, st->st_ino);
	int err;

	if (file != NULL && file->number == number) {
		*out = file;
		return 0;
	}
	if (file != NULL)
		vm_file_forget(file);
	if (entries == NULL)
		entries = vm_own_new(sizeof(*entries) * VM_TABLE_FILES);
	file = slot(st->st_dev, st->st_ino, 0);
	if (file == NULL)
		return -ENOMEM;
	*file = (struct vm_file){ .number = number };
	err = map_face(file, face);
	if (err < 0)
		return err;
	file->device = st->st_dev;
	file->inode = st->st_ino;
	*out = file;
	return 0;
}

int
vm_file_open(int fd, const struct stat *st, bool writes,
    struct vm_file **file)
{
	struct vm_call call;
	int err;

	*file = vm_file_find(st->st_dev, st->st_ino);
	if (*file != NULL && ((*file)->writable || !writes))
		return 0;
	vm_call_init(&call, VM_REQ_OPEN);
	call.send = fd;
	err = vm_rpc_call(&call);
	if (err == 0 && call.count_got < 2)
		err = -EPROTO;
	if (err == 0)
		err = vm_file_learn(st, call.reply.file, call.got[1], file);
	if (err == 0 && writes)
		(*file)->writable = true;
	vm_call_done(&call);
	return err;
}

static void
drop_alias(struct vm_file *file)
{
	if (file->alias == NULL)
		return;
	(void)VM_SYS(SYS_munmap, file->alias, file->alias_bytes);
	file->alias = NULL;
	atomic_fetch_sub_explicit(&vm_shim.aliases, 1, memory_order_relaxed);
}

static int
enter_alias(const struct vm_file *file, uint64_t at, uint64_t length)
{
	struct vm_shim_range alias = {
		.start = at, .end = at + length, .file = file->number,
	};
	int err = vm_rpc_enter(&alias, VM_RANGE_ALIAS, 0);

	if (err == 0)
		err = vm_uffd_register(at, length, false);
	if (err == 0)
		err = (int)VM_SYS(SYS_mprotect, at, length,
		    PROT_READ | PROT_WRITE);
	return err;
}

/* No access before it is registered: a stray touch, or mlockall's, would put
 * zeros into the store. */
static int
make_alias(struct vm_file *file, int store, uint64_t length)
{
	long at = vm_own_map(store, length, PROT_NONE);
	int err;

	if (vm_sys_failed(at))
		return (int)at;
	atomic_fetch_add_explicit(&vm_shim.aliases, 1, memory_order_relaxed);
	err = enter_alias(file, (uint64_t)at, length);
	if (err == 0) {
		file->alias = (char *)at;
		file->alias_bytes = length;
		return 0;
	}
	(void)vm_rpc_forget((uint64_t)at, length);
	(void)VM_SYS(SYS_munmap, at, length);
	atomic_fetch_sub_explicit(&vm_shim.aliases, 1, memory_order_relaxed);
	return err;
}

static uint64_t
alias_length(const struct vm_file *file, uint64_t end)
{
	uint64_t most = (file->face_bytes - VM_FACE_PRESENCE_OFFSET) *
	    vm_shim.page_size, length = 2 * vm_shim_page_up(end);

	if (length < ALIAS_MIN)
		length = ALIAS_MIN;
	return length < most ? length : most;
}

int
vm_file_alias(struct vm_file *file, int fd, uint64_t end)
{
	struct vm_call call;
	uint64_t length = alias_length(file, end);
	int err;

	if (file->alias != NULL && end <= file->alias_bytes)
		return 0;
	/* Faults in it would be nobody's. */
	if (atomic_load_explicit(&vm_shim.uffd, memory_order_relaxed) < 0)
		return -ENODEV;
	if (file->alias_refused || end > length)
		return -ENODEV;
	drop_alias(file);
	vm_call_init(&call, VM_REQ_OPEN);
	call.send = fd;
	err = vm_rpc_call(&call);
	if (err == 0 && (call.count_got < 2 ||
	    call.reply.file != file->number))
		err = -ENOENT;
	if (err == 0)
		err = make_alias(file, call.got[0], length);
	vm_call_done(&call);
	file->alias_refused = err != 0;
	return err;
}

bool
vm_file_present(const struct vm_file *file, uint64_t page)
{
	const unsigned char *bytes = (const unsigned char *)file->face;
	uint64_t at = VM_FACE_PRESENCE_OFFSET + page;

	return at >= file->face_bytes || atomic_load_explicit(
	    (const _Atomic unsigned char *)&bytes[at],
	    memory_order_seq_cst) != 0;
}

void
vm_file_forget(struct vm_file *file)
{
	drop_alias(file);
	(void)VM_SYS(SYS_munmap, file->face, file->face_bytes);
	*file = (struct vm_file){ 0 };
}

void
vm_files_unalias(void)
{
	for (uint32_t i = 0; entries != NULL && i < VM_TABLE_FILES; i++)
		entries[i].alias = NULL;
	atomic_store_explicit(&vm_shim.aliases, 0, memory_order_relaxed);
}

void
vm_files_prune(void)
{
	if (entries == NULL)
		return;
	for (uint32_t i = 0; i < VM_TABLE_FILES; i++)
		if (entries[i].inode != 0 && entries[i].alias == NULL &&
		    !vm_ranges_has_file(&vm_shim.ranges, entries[i].number))
			vm_file_forget(&entries[i]);
}

void
vm_files_dirty(void (*each)(uint32_t number, uint64_t length))
{
	if (entries == NULL)
		return;
	for (uint32_t i = 0; i < VM_TABLE_FILES; i++)
		if (entries[i].inode != 0 &&
		    vm_face_dirty(entries[i].face) != 0)
			each(entries[i].number, vm_shim_page_up(
			    vm_face_length(entries[i].face)));
}
