/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * op.h - the operations that random sequences are made of.
 *
 * One row for each thing that a caller may do; a part of the interface is a
 * file of rows.  An operation makes its calls, says with MUST what has to be
 * true of them, does the same to the thing's plain bytes, and leaves nothing
 * held.  It draws what it chooses from pick() and from nowhere else.
 */
#ifndef OP_H
#define OP_H

#include <stdbool.h>

#include "world.h"

struct op {
	const char *name;
	void (*run)(struct world *w, struct thing *t);
	unsigned weight;	/* of all: how often */
	bool empty_too;		/* of a thing without bytes */
};

/* Each ends with a row without a name. */
extern const struct op ops_page[];	/* taking and changing pages */
extern const struct op ops_content[];	/* blocks of a page */
extern const struct op ops_life[];	/* each step of a page's life */
extern const struct op ops_limit[];	/* memory as such */
extern const struct op ops_object[];	/* whole objects and ranges of them */
extern const struct op ops_order[];	/* which pages go first */
extern const struct op ops_loan[];	/* pages lent and got back */
extern const struct op ops_async[];	/* many on their way at once */
extern const struct op ops_window[];	/* windows and buffers */
extern const struct op ops_memory[];	/* the program's own memory */
extern const struct op ops_look[];	/* figures, prints, traces */
extern const struct op ops_pager[];	/* what pagers may do */
extern const struct op ops_map[];	/* maps of this process */

/* Row number n of all the files; NULL behind the last. */
const struct op *op_at(unsigned n);

#endif
