/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * preload/files.h - what this process knows of managed files.
 *
 * No descriptor is followed: dup, fork and SCM_RIGHTS need no bookkeeping.
 * Whether a descriptor is a managed file is asked each time: fstat, then a
 * look into the server's table (protocol.h), which is empty as a rule.
 *
 * For a file that this process has mapped or written there is an entry:
 *	face	the file's length, dirty pages, presence (resident/space.h)
 *	alias	the store, mapped for us alone and registered; bytes that
 *		write(2) has put into the file are put there too.  Made at
 *		the first need, remade when the file outgrows it
 * An entry is out of date when the table has another number for the file, or
 * none; and is forgotten with the process's last range of the file.
 *
 * Entries stand where protocol.h's hash puts them, under the state gate.
 */
#ifndef FILES_H
#define FILES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include <resident/space.h>

struct vm_file {
	uint64_t device;		/* (S) */
	uint64_t inode;			/* 0: the entry is free (S) */
	const struct vm_face *face;	/* (S) */
	uint64_t face_bytes;		/* (S) */
	char *alias;			/* NULL: none (S) */
	uint64_t alias_bytes;		/* (S) */
	uint32_t number;		/* the server's (S) */
	bool alias_refused;		/* do not try again (S) */
	bool writable;			/* the server lets us write (S) */
};

/* Whether fd is a managed file at this moment; needs no gate. */
bool vm_fd_managed(int fd, struct stat *st);
/* The same for what stat has found. */
bool vm_stat_managed(const struct stat *st);

/* The entry, or NULL. */
struct vm_file *vm_file_find(uint64_t device, uint64_t inode);
struct vm_file *vm_file_by_number(uint32_t number);

/* The entry, made from a reply with a descriptor of the face; -errno. */
int vm_file_learn(const struct stat *st, uint32_t number, int face,
    struct vm_file **file);

/* The entry, if need be by OPEN; -ENOENT when the file is not managed.  fd is
 * open for writing where the entry shall be good for that. */
int vm_file_open(int fd, const struct stat *st, bool writes,
    struct vm_file **file);

/* Makes file->alias reach byte `end`; 0, or -errno and there is none. */
int vm_file_alias(struct vm_file *file, int fd, uint64_t end);

/* Whether page i may be resident. */
bool vm_file_present(const struct vm_file *file, uint64_t page);

void vm_file_forget(struct vm_file *file);

/* In a forked child of a forkless parent: the aliases did not come along. */
void vm_files_unalias(void);

/* In a forked child: entries of files that came along with no range. */
void vm_files_prune(void);

/* Calls back for each entry with dirty pages. */
void vm_files_dirty(void (*each)(uint32_t number, uint64_t length));

static inline uint64_t
vm_face_length(const struct vm_face *face)
{
	return atomic_load_explicit((const _Atomic uint64_t *)
	    &face->length_bytes, memory_order_seq_cst);
}

static inline uint64_t
vm_face_dirty(const struct vm_face *face)
{
	return atomic_load_explicit((const _Atomic uint64_t *)
	    &face->dirty_pages, memory_order_seq_cst);
}

/* Pairs with the server's store before it looks at `writing`. */
static inline bool
vm_face_tracked(const struct vm_face *face)
{
	return atomic_load_explicit((const _Atomic uint32_t *)
	    &face->tracked, memory_order_seq_cst) != 0;
}

#endif
