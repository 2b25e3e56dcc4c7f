/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/verdict.h - which mappings are managed, and how.
 *
 * Never wrong, at worst unlimited: what cannot be kept right stays with the
 * kernel.  Decided from the mapping's own length, since programs map small
 * pieces of large files for coordination and large pieces of small ones for
 * data to come.
 */
#ifndef SERVER_VERDICT_H
#define SERVER_VERDICT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <resident/space.h>

#include "server/protocol.h"

struct vm_server_options;

/* What a client wants to map. */
struct vm_wish {
	uint64_t length;	/* bytes */
	uint32_t prot;		/* PROT_ */
	uint32_t flags;		/* MAP_ */
	int open_flags;		/* of the descriptor: O_ */
	mode_t mode;		/* st_mode */
	uint64_t filesystem;	/* f_type */
	const char *name;	/* path, for the globs */
};

/* VM_PASS_NONE and *kind, or why the kernel keeps it. */
enum vm_pass vm_verdict(const struct vm_server_options *options,
    const struct vm_wish *wish, enum vm_range_kind *kind);

/* A reason as the end of "stays with the kernel: ..." */
const char *vm_verdict_text(enum vm_pass reason);

/* Whether --strict makes it a failure: not what the user left out. */
bool vm_verdict_is_strict(enum vm_pass reason);

/* Whether the user is told, and it is counted. */
bool vm_verdict_counts(enum vm_pass reason);

#endif
