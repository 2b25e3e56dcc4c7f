/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * audit.h - what must be true of a whole system whenever nobody works in it.
 *
 *	every page is free, or resident in exactly one object
 *	a resident page knows its object, its index and its slot, and is queued
 *	the counts of resident, dirty and wired pages are those of a recount,
 *	and so is each leaf's count of dirty pages
 *	no more pages were ever in use than the limit has
 *
 * The daemon may be in the middle of a pass when the audit begins, so it is
 * repeated until all is true at once, and fails when it never is.
 */
#ifndef AUDIT_H
#define AUDIT_H

struct vm;

/* Fails the test with what was found wrong last.  The caller holds no page. */
void audit(struct vm *vm);

#endif
