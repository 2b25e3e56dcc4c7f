/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pager/filter.h - one filter: its text, what it selects, what it does.
 *
 *	error	the selected requests fail, without the pager seeing them
 *	delay	the selected requests start later
 *	log	a line in a file for each that has ended
 *	stats	nothing but counting, which all of them do
 *	retry	failed ones are tried again
 *
 * A text is "NAME" or "NAME:KEY=VALUE,KEY=VALUE"; docs/man/vm_pager_filter.3
 * has the keys.  Which requests: those of the operations (op), that touch the
 * range of pages (range), while the file exists (trigger); of these each nth,
 * or a share of them (rate) drawn by a generator of the filter's own (seed); at
 * most so many in all (count).
 */
#ifndef PAGER_FILTER_H
#define PAGER_FILTER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <resident/pager.h>

#include "base/compiler.h"
#include "object/pager_ops.h"

struct vm;
struct vm_os;
struct vm_timer;
struct vm_filter;

enum vm_filter_verdict {
	VM_FILTER_GO,
	VM_FILTER_END,
	VM_FILTER_LATER,
	VM_FILTER_AGAIN,
};

struct vm_filter_kind {
	const char *name;
	const char *keys;	/* those it knows, for sentences */
	/* NULL: GO. */
	enum vm_filter_verdict (*before)(struct vm_filter *f,
	    struct vm_pager_io *io);
	enum vm_filter_verdict (*after)(struct vm_filter *f,
	    struct vm_pager_io *io);
	/* A sync before and after the lower ones have had it; 0 or -errno is
	 * its result so far.  NULL: nothing.  after: *again asks for it once
	 * more, turn tells how often that was. */
	int (*sync_before)(struct vm_filter *f);
	int (*sync_after)(struct vm_filter *f, int result, unsigned turn,
	    bool *again);
};

/* 4096 bytes: as long as a path may be. */
#define VM_FILTER_PATH_BYTES 4096

/* 3 tries again of a retry that says nothing else; 64 at most, since a pager
 * that answers at once makes each one deeper in calls. */
#define VM_FILTER_TRIES 3
#define VM_FILTER_TRIES_MAX 64

/* What passed, by operation (A). */
struct vm_filter_count {
	_Atomic uint64_t requests, pages, errors, ns;
};

struct vm_filter {
	const struct vm_filter_kind *kind;	/* (C) */
	struct vm *vm;			/* (C) */
	unsigned number;		/* 0 is the lowest (C) */
	/* which (C) */
	unsigned ops;			/* 1 << enum vm_filter_op */
	uint64_t nth;			/* 0: not asked */
	uint64_t rate;			/* of 10^9 */
	uint64_t seed;
	uint64_t first, end;		/* pages */
	uint64_t count;			/* acts at most, or tries */
	char *trigger;			/* path or NULL */
	/* what (C) */
	int error;			/* positive errno */
	uint64_t ns;
	char *file;			/* path or NULL */
	int fd;				/* -1: none */
	struct vm_timer *timer;		/* NULL: it needs none */
	/* so far */
	_Atomic uint64_t seen;		/* that were looked at (A) */
	_Atomic uint64_t acted;		/* (A) */
	struct vm_filter_count passed[VM_FILTER_OPS];
};

/* One filter from length bytes of text.  0, or -errno with its sentence. */
VM_MUST_CHECK int vm_filter_parse(struct vm *vm, const char *text,
    size_t length, struct vm_filter **out);
void vm_filter_free(struct vm_filter *f);

/* What a parsed filter needs besides: its file, the timer. */
VM_MUST_CHECK int vm_filter_open(struct vm_filter *f);

/* The kinds, NULL-terminated. */
extern const struct vm_filter_kind *const vm_filter_kinds[];

/* Whether the filter acts on a request for these pages now (0 of a sync);
 * counts that it did. */
bool vm_filter_selects(struct vm_filter *f, enum vm_filter_op op,
    vm_pindex_t pindex, unsigned count);

enum vm_filter_op vm_filter_op_of(const struct vm_pager_io *io);

#endif
