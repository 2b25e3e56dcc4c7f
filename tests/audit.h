/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * audit.h - what must be true of a whole system whenever nobody works in it:
 * api/audit.h, as a check of a test.
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
