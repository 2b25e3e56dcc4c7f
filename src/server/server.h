/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/server.h - the pager server, as its launcher sees it.
 *
 *	start --> programs come and go by the socket --> stop
 *
 * One server is one system (struct vm) with one limit, one socket, and any
 * number of client processes (server/protocol.h).  It prints what a user has
 * to know on stderr, each sentence in one line.
 */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include <resident/resident.h>

struct vm_server;

/* What the user wants of files whose full path matches, a rule that comes later
 * in place of those before it. */
struct vm_file_rule {
	char *glob;
	bool limited;			/* there are limits */
	struct vm_object_limits limits;
	const char *policy;		/* NULL: not said here */
};

struct vm_server_options {
	struct vm_options vm;
	uint64_t min_map_bytes;		/* smaller maps are the kernel's */
	/* Shortest private anonymous map that is managed; 0: none is. */
	uint64_t anon_min_bytes;
	const char *const *include;	/* globs, NULL-terminated; or NULL */
	const char *const *exclude;
	const struct vm_file_rule *rule;
	unsigned rules;
	unsigned limbo_percent;		/* of a processor; 0: off (limbo.h) */
	bool quiet;			/* errors only */
	bool strict;			/* refuse instead of passing */
};

struct vm_server_report {
	struct vm_stat stat;
	struct vm_swap_stat swap;
	uint64_t private_bytes;	/* most ever of the clients' private copies */
	uint64_t limbo_rounds;	/* looks at which mapped pages are used */
	uint64_t limbo_ns;	/* and what they took, faults included */
	uint64_t clients;	/* processes that asked */
	uint64_t maps_managed;
	uint64_t maps_passed;
	uint64_t errors;	/* sessions ended, reads and writes failed */
	uint64_t lost_files;	/* of errors: files not written at the end */
};

/* 0, or a negative errno after the sentence was printed.  All signals should
 * be blocked: the server's threads inherit the mask. */
int vm_server_start(const struct vm_server_options *options,
    struct vm_server **out);

/* The path of the socket, for VM_SOCKET_ENV; valid until stop. */
const char *vm_server_socket(const struct vm_server *server);

/* Whether a living client has managed ranges.  Sleeps shortly. */
bool vm_server_busy(struct vm_server *server);

/* Sends a signal to every client with managed ranges. */
void vm_server_signal(struct vm_server *server, int signal_number);

/* What happened since the last call with this cursor, of vm_trace_read(3), for
 * who set trace_events in the options. */
int vm_server_trace(struct vm_server *server, struct vm_trace_cursor *cursor,
    struct vm_trace_event *events, uint32_t max);

/*
 * Ends every session, writes what is dirty, reports, and frees the server.
 * 0, or -EIO when something could not be written (printed; in the report).
 */
int vm_server_stop(struct vm_server *server, struct vm_server_report *report);

#endif
