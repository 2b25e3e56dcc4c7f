/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * peers/cgroup.h - a memory cgroup, version 1 or 2, for a child.
 *
 * What a process in it touches first is charged to it, page cache included,
 * and the kernel evicts within it.  It also charges page tables, program text
 * and heap, which a limit of pages does not: some 2 MiB in its disfavour.
 */
#ifndef BENCH_PEERS_CGROUP_H
#define BENCH_PEERS_CGROUP_H

#include <stdint.h>

struct cgroup {
	char path[256];
	char procs[272];	/* where its members write 0 to enter */
};

/* 0, or a negative errno: no memory controller here, or not ours to use. */
int cgroup_init(struct cgroup *cgroup, uint64_t limit_bytes);

/* All members have ended. */
void cgroup_fini(struct cgroup *cgroup);

#endif
