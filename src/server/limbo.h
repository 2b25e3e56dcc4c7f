/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/limbo.h - when to look which pages of clients are in use.
 *
 * pageout/limbo.h says what limbo is.  A round is, for each client:
 *
 *	look	which entries of the pieces that were dropped last are there
 *		again (PAGEMAP_SCAN of its /proc/PID/pagemap); the library is
 *		told (vm_space_touched)
 *	ask	the client's own thread (preload/limbo.h) drops all entries
 *
 * Rounds come by evictions, not by time: while nothing has to leave, nobody
 * needs to know.  There is one for each VM_LIMBO_PART-th of memory that was
 * evicted, so that a page is looked at that often before a memory full of
 * others has come.
 *
 * What it costs is bounded: a round's processor time is measured (ours and the
 * client's thread), an estimate of what the touches of the pages that were
 * dropped will take is added, and the next round is not before limbo_percent of
 * the time since pays for it.  So with 2 %, whoever faults ten thousand times a
 * second is looked at often, and who streams through memory at full speed,
 * rarely.
 *
 * Where the kernel knows no PAGEMAP_SCAN (before Linux 6.7), or does not show
 * us a process's pagemap, that process's uses stay unseen.
 */
#ifndef SERVER_LIMBO_H
#define SERVER_LIMBO_H

#include <stdbool.h>
#include <stdint.h>

struct vm_limbo;
struct vm_server;
struct vm_server_report;

/* Of one client; zero at first.  The limbo thread's but for the end. */
struct vm_limbo_client {
	int pagemap;		/* descriptor + 1; 0: not opened yet (T) */
	bool unseen;		/* it cannot be looked at (T) */
	uint32_t asked;		/* which round; 0: none yet (T) */
	uint64_t spent_ns;	/* of its thread, as of the last look (T) */
};

void vm_limbo_client_fini(struct vm_limbo_client *client);

/* Unless limbo_percent is 0; without a thread there is none. */
void vm_limbo_start(struct vm_server *server);
void vm_limbo_stop(struct vm_server *server,
    struct vm_server_report *report);

#endif
