/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/protocol.h - what a client and the pager server say to each other.
 *
 * A Unix socket of type SEQPACKET, private to the user (its directory is 0700,
 * peer credentials are checked).  One request, one reply, in lock step; a
 * request that is not exactly what it should be ends the session.
 * Descriptors travel as SCM_RIGHTS, the number of them is part of the
 * contract of each request.
 *
 *	client					server
 *	HELLO + uffd			-->	space created
 *	    <-- config, client page, table
 *	MAP + fd, address reserved	-->	object found or made, range
 *	    <-- verdict, file, store, face	entered
 *	(mmap of the store over the reservation, UFFDIO_REGISTER)
 *	MAPPED (TRACKED ranges)		-->	clean pages write-protected
 *	...
 *	FORKING token			-->	(the next fork event of this
 *	(fork)					space is that token's)
 *	child: ADOPT token on a new connection
 *	    <-- its uffd, client page
 *
 * A client without fork events (no CAP_SYS_PTRACE) says so in HELLO.  Its
 * ranges are not copied by fork; while it waits, the child enters them anew:
 *
 *	FORKING token			-->	(ranges, as above)
 *	(fork)
 *	child: ADOPT token + uffd	-->	space created, rights as the
 *	    <-- config, client page, table	parent's
 *	child: STORE, ENTER, MAPPED	-->	for each range
 *
 * Private anonymous memory is an object of its own for each mapping, shown by a
 * TRACKED range.  Its client has no fork events, and before a fork asks for
 * copies, which the child enters:
 *
 *	FREEZE				-->	no thread of the client writes
 *	CLONE file			-->	a new object with its bytes
 *	FREEZE, off			-->	they go on
 *	(fork, and the child as above, but with the clone's number)
 *
 * Fork, munmap and mremap reach the server through the userfaultfd as well;
 * UNMAP is sent first only so that dirty pages are in the file when munmap
 * returns.
 *
 * Three pieces of shared memory:
 *	table	one per server, read-only to clients: which files (device,
 *		inode) are managed at all.  A write(2) to any other file costs
 *		the client one fstat and one look here.
 *	face	one per file, read-only: length, dirty count, presence bytes
 *		(resident/space.h)
 *	page	one per client, written by the client: `writing` is odd while a
 *		thread is between a write(2) to a managed file and the update
 *		of the resident pages through an ALIAS range.  And, to learn
 *		which pages are in use (server/limbo.h): the server counts
 *		`asked` up and wakes who sleeps on it; a thread of the client
 *		drops page-table entries, says where, and then sets `done`
 */
#ifndef SERVER_PROTOCOL_H
#define SERVER_PROTOCOL_H

#include <stdint.h>

/* Environment variable with the path of the socket. */
#define VM_SOCKET_ENV "RESIDENT_SOCKET"
/* And with the shortest private anonymous map that is managed, in bytes; absent
 * when none is. */
#define VM_ANON_ENV "RESIDENT_ANON"

/* Changes whenever a message does; a mismatch ends the session. */
#define VM_PROTOCOL_VERSION 3u

/* 128 bytes of sentence in a reply: one line on a terminal. */
#define VM_REPLY_TEXT 128

enum vm_request_op {
	/* HELLO: token = protocol version, length = page size; one
	 * descriptor: the userfaultfd, or none when the client could not make
	 * one (then every MAP is passed); flags: VM_HELLO_FORKLESS.  Reply:
	 * config, two descriptors: client page, table.  A second HELLO of a
	 * living process (its connection was lost) replaces the first; after
	 * exec it is a new space. */
	VM_REQ_HELLO = 1,
	/* FORKING: token names the fork that follows; 0: it failed. */
	VM_REQ_FORKING,
	/* ADOPT: first message of a forked child, token as above.  Reply as
	 * HELLO's with three descriptors: client page, table, uffd.  The child
	 * of a parent without fork events sends a userfaultfd of its own, and
	 * gets two. */
	VM_REQ_ADOPT,
	/* MAP: address, length, offset, prot, flags (of mmap), token = open
	 * file status flags (F_GETFL); one descriptor: the file.  Reply:
	 * verdict; MANAGED: file, kind; two descriptors: store (read-only
	 * where the client's is), face. */
	VM_REQ_MAP,
	/* MAPPED: address, length of a TRACKED range. */
	VM_REQ_MAPPED,
	/* ENTER: file, address, length, offset, kind in prot: one more range
	 * of a file that this client has got (alias, grown mapping).  Not yet
	 * protected: MAPPED follows for TRACKED. */
	VM_REQ_ENTER,
	/* TRACK: address, length: a READ range is about to become writable
	 * (mprotect); it is registered for WP.  MAPPED follows. */
	VM_REQ_TRACK,
	/* UNMAP: address, length: dirty pages of shared ranges there are
	 * written to the file before the reply.  The ranges stay entered
	 * until the unmap event; with VM_UNMAP_FORGET in flags they are left
	 * at once, because the client's mapping or registration failed and
	 * no event will come. */
	VM_REQ_UNMAP,
	/* OPEN: one descriptor: a managed file that this client is about to
	 * write(2), or to read(2) with a descriptor open for that alone.
	 * Reply: file; two descriptors: store (read-only for the latter),
	 * face; or error ENOENT when it is not managed any more. */
	VM_REQ_OPEN,
	/* SYNC: file, offset, length: to stable storage (msync MS_SYNC,
	 * fsync).  FLUSH: only to the file (MS_ASYNC, read after mapped
	 * writes). */
	VM_REQ_SYNC,
	VM_REQ_FLUSH,
	/* WRITE_BEGIN, WRITE_END: file, offset, length around a write(2) to a
	 * file with TRACKED ranges; at most VM_WRITE_CHUNK bytes.  END's
	 * token: how many bytes were really written at offset. */
	VM_REQ_WRITE_BEGIN,
	VM_REQ_WRITE_END,
	/* WROTE: file, offset, length: a write(2) has happened; the pages
	 * follow the file before the reply.  Also when the file grew.  Sent
	 * with `writing` even, as every request is; a page that is dirty
	 * takes exactly these bytes from the file and stays dirty. */
	VM_REQ_WROTE,
	/* TRUNCATE: one descriptor (writable), length.  FALLOCATE: one
	 * descriptor, prot = mode, offset, length.  The server makes the
	 * call, the pages follow. */
	VM_REQ_TRUNCATE,
	VM_REQ_FALLOCATE,
	/* ADVISE: file, offset, length, prot = MADV_ value. */
	VM_REQ_ADVISE,
	/* WIRE, UNWIRE: file, offset, length (mlock, munlock). */
	VM_REQ_WIRE,
	VM_REQ_UNWIRE,
	/* PASSED: a mapping stayed with the kernel; token = enum vm_pass.
	 * Reply: verdict, REFUSE where MAP would say so. */
	VM_REQ_PASSED,
	/* BYE: the process is about to end in order (exit, _exit): dirty
	 * pages of its ranges are written before the reply. */
	VM_REQ_BYE,
	/* STORE: file: descriptors of a file that this client has got.  Reply
	 * as OPEN's, the store writable if the client may write. */
	VM_REQ_STORE,
	/* SOURCE: file: a descriptor of the file itself, to map it with; what
	 * is dirty was written.  Reply: one descriptor, read-only. */
	VM_REQ_SOURCE,
	/* ANON: address, length: private anonymous memory is wanted there.
	 * Reply: verdict; MANAGED: file, kind; one descriptor: store. */
	VM_REQ_ANON,
	/* DISCARD: file, offset, length of anonymous memory: zeros from now on;
	 * with VM_DISCARD_LAZY in flags, what leaves before it is written.
	 * With VM_DISCARD_LEFT in flags the client has unmapped it, or will not
	 * use it: what is wired there is not any more, and an object that
	 * nobody shows is let go. */
	VM_REQ_DISCARD,
	/* FREEZE: token = 1: who writes anonymous memory waits; 0: no more. */
	VM_REQ_FREEZE,
	/* CLONE: file: another one with the bytes of this anonymous memory, for
	 * a child about to be forked.  Reply: file. */
	VM_REQ_CLONE,
	VM_REQ_COUNT
};

/* Flag of HELLO: the userfaultfd tells of no forks. */
#define VM_HELLO_FORKLESS 1u

/* Flag of ENTER: the range goes on where anonymous memory ends, which becomes
 * longer by it; refused anywhere else. */
#define VM_ENTER_TAIL 1u

/* Flags of DISCARD. */
#define VM_DISCARD_LEFT 1u
#define VM_DISCARD_LAZY 2u

/* Flag of UNMAP. */
#define VM_UNMAP_FORGET 1u

/* What a request is made of; unused members are zero. */
struct vm_request {
	uint32_t op;		/* enum vm_request_op */
	uint32_t file;		/* the server's number of a managed file */
	uint64_t address;	/* bytes, page multiples */
	uint64_t length;
	uint64_t offset;
	uint64_t token;
	uint32_t prot;
	uint32_t flags;
};

enum vm_verdict {
	VM_VERDICT_PASS,	/* the kernel's own mapping */
	VM_VERDICT_MANAGED,
	VM_VERDICT_REFUSE,	/* --strict: mmap fails with error */
};

/* Why a mapping stays with the kernel. */
enum vm_pass {
	VM_PASS_NONE,
	VM_PASS_SMALL,		/* below --min-map: never counted */
	VM_PASS_EXEC,
	VM_PASS_SPECIAL,	/* not a regular file, or one that is memory
				 * already (tmpfs, memfd, hugetlbfs) */
	VM_PASS_PATTERN,	/* --include, --exclude */
	VM_PASS_PERMISSION,	/* no full userfaultfd, file not readable */
	VM_PASS_FLAGS,		/* mmap flags we do not serve (MAP_SYNC, ...) */
	VM_PASS_FULL,		/* table of files full */
	VM_PASS_PRIVATE,	/* private and writable, of a client without
				 * fork events: a child would lack what was
				 * written */
};

struct vm_reply {
	uint32_t op;		/* of the request */
	int32_t error;		/* 0 or a positive errno */
	uint32_t file;
	uint32_t verdict;	/* enum vm_verdict */
	uint32_t kind;		/* enum vm_range_kind */
	uint32_t reason;	/* enum vm_pass */
	uint64_t value;		/* HELLO: --min-map in bytes; others: length */
	char text[VM_REPLY_TEXT];	/* sentence for people, or "" */
};

/* 1 MiB: longer writes to tracked files are made in pieces of this, so that
 * one writer holds at most 256 pages of 4 KiB. */
#define VM_WRITE_CHUNK (UINT64_C(1) << 20)

/* 128 pieces at once, 2 KiB; more come in turn. */
#define VM_LIMBO_PIECES 128u
/* 256 MiB: what one call drops, in half a millisecond if all tables are there
 * and few pages; the client's own mmap waits for so long. */
#define VM_LIMBO_PIECE (UINT64_C(256) << 20)

struct vm_limbo_piece {
	uint64_t start;		/* bytes */
	uint64_t end;
};

/* Where the client page is written. */
struct vm_client_page {
	uint32_t writing;	/* odd: inside (atomic); see above */
	uint32_t asked;		/* the server's, futex (atomic) */
	uint32_t done;		/* value of asked that was done last (atomic) */
	uint32_t pieces;	/* how many of these, then; in order */
	uint64_t spent_ns;	/* processor time of all of it so far */
	struct vm_limbo_piece piece[VM_LIMBO_PIECES];
};

/* 4096 files at once: 96 KiB of table. */
#define VM_TABLE_FILES 4096u

struct vm_table_entry {
	uint64_t device;	/* st_dev, st_ino; inode 0: free */
	uint64_t inode;
	/* The server's number of the file, so that a client notices that what
	 * it knows of the file is out of date; a number is not used again
	 * before all others were. */
	uint32_t file;
	uint32_t spare;
};

/*
 * Open addressing: a file is at vm_table_hash modulo VM_TABLE_FILES or in one
 * of the next VM_TABLE_PROBE entries.  An entry is filled inode
 * last (release); cleared inode first.
 */
struct vm_table {
	uint32_t files;		/* managed now (atomic); 0: look no further */
	uint32_t spare;
	struct vm_table_entry entry[VM_TABLE_FILES];
};

/* 64: longest run looked at; a file that finds no place within is passed. */
#define VM_TABLE_PROBE 64u

static inline uint32_t
vm_table_hash(uint64_t device, uint64_t inode)
{
	uint64_t x = (device * UINT64_C(0x9e3779b97f4a7c15)) ^ inode;

	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (uint32_t)(x ^ (x >> 31)) % VM_TABLE_FILES;
}

#endif
