/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * limit/account.h - who has wired or charged how much, and may have.
 *
 * An account counts two things for an owner: wired pages, and bytes of memory
 * that somebody holds on its behalf.  Each has a maximum; 0 is none.  An
 * account may have a parent, which is charged the same, so that a group has a
 * maximum of its own:
 *
 *	charge of 3:	child 5 -> 8, parent 17 -> 20, its parent ...
 *
 * A charge happens in all of them or in none.  Two that race for the last of a
 * parent's maximum may both be refused, since one has counted in it for a
 * moment; never are both granted.
 *
 * An account is destroyed when nothing is charged and no account has it for
 * its parent.
 */
#ifndef LIMIT_ACCOUNT_H
#define LIMIT_ACCOUNT_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/compiler.h"

struct vm_limit;

/* 31 characters and the end: a user's or a service's name. */
#define VM_ACCOUNT_NAME_BYTES 32u

/* 8 accounts above each other: user, session, service, request, and as many
 * again.  Bounds the walk of a charge. */
#define VM_ACCOUNT_DEPTH 8u

enum vm_charge {
	VM_CHARGE_WIRED,	/* pages */
	VM_CHARGE_BYTES,
	VM_CHARGE_KINDS,
};

struct vm_account {
	struct vm_limit *limit;		/* (C) */
	struct vm_account *parent;	/* (C) */
	uint32_t depth;			/* parents above it (C) */
	char name[VM_ACCOUNT_NAME_BYTES];	/* (C) */
	uint64_t max[VM_CHARGE_KINDS];	/* UINT64_MAX: none (C) */
	_Atomic uint64_t used[VM_CHARGE_KINDS];	/* (A) */
	_Atomic uint64_t refused;	/* charges (A) */
	_Atomic uint32_t children;	/* (A) */
};

struct vm_account_request {
	const char *name;	/* NULL: "" */
	uint64_t max[VM_CHARGE_KINDS];	/* 0: none */
	struct vm_account *parent;	/* NULL: none */
};

/* 0, -ENOMEM, -ENAMETOOLONG, -ELOOP (more than VM_ACCOUNT_DEPTH), -EINVAL (a
 * parent of another system). */
VM_MUST_CHECK int vm_account_new(struct vm_limit *limit,
    const struct vm_account_request *request, struct vm_account **out);
/* 0; -EBUSY while something is charged or it has children. */
VM_MUST_CHECK int vm_account_free(struct vm_account *account);

/* 0; -ENOMEM with a sentence that names the account which has its maximum,
 * and nothing was charged.  Of NULL: 0.  Never sleeps. */
VM_MUST_CHECK int vm_account_charge(struct vm_account *account,
    enum vm_charge kind, uint64_t count);
/* At most what was charged.  Of NULL: nothing. */
void vm_account_uncharge(struct vm_account *account, enum vm_charge kind,
    uint64_t count);

#endif
