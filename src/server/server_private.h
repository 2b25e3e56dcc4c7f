/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/server_private.h - what the files of the server share.
 *
 *	session	one connection and its thread
 *	client	one process with a space; outlives its session when the
 *		process closed the connection (closefrom) or is a forked child
 *		that has not come yet
 *	file	one managed file and its object
 *
 * States of a client:
 *
 *	UNADOPTED --ADOPT--> CONNECTED --connection lost, alive--> LOST
 *	    |                  |    ^------------HELLO--------------'  |
 *	    `--dead--> gone <--' dead                    gone <--dead--'
 *
 * Locks, in the order they are taken:
 *	(L) file->lock	an object's making, length and writability
 *	(S) server->lock	everything else that threads share
 * The library is never called under S: its callbacks take S.  It may be
 * called, and sleep, under L; so no request that ends another's wait
 * (WRITE_END) takes L.
 */
#ifndef SERVER_SERVER_PRIVATE_H
#define SERVER_SERVER_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "server/limbo.h"
#include "server/protocol.h"
#include "server/server.h"

/* 64 files: kept, unmapped, so that the next process that maps them finds
 * their pages; each costs about 8 descriptors. */
#define VM_SERVER_IDLE_MAX 64u

/* Forks of one client on their way at once: threads that fork together. */
#define VM_CLIENT_FORKS_MAX 64u

/* Wired pieces of one client; beyond it mlock fails with ENOMEM. */
#define VM_CLIENT_WIRES_MAX 1024u

/* What a file looked like when its pages were known to be its bytes. */
struct vm_stamp {
	int64_t size_bytes;
	struct timespec mtime;
	struct timespec ctime;
};

struct vm_file {
	struct vm_file *next;		/* of one hash value (S) */
	uint64_t device;		/* (C) */
	uint64_t inode;			/* (C) */
	uint32_t number;		/* in server->file (C) */
	unsigned uses;			/* threads at work on it (S) */
	int entry;			/* in the table; -1: idle (S) */
	uint64_t idle_order;		/* smaller: idle for longer (S) */
	struct vm_stamp stamp;		/* (S) */
	bool written;			/* stamp may be old: ours write (S) */
	pthread_mutex_t lock;		/* L */
	struct vm_object *object;	/* made under L, then (C) */
	int fd;				/* our own description (L) */
	bool writable;			/* fd and object are (L) */
	bool tracked;			/* writers were waited for (L) */
	bool complained;		/* a failed write was said (S) */
	bool anonymous;			/* no file: memory of a client (C) */
	int64_t awaited_ns;	/* kept until then for a child (S) */
	char *name;			/* path at first sight (C) */
};

/* Files granted to a client, one bit for each number. */
struct vm_grants {
	uint64_t bits[VM_TABLE_FILES / 64];
};

struct vm_wire {
	uint32_t file;
	uint64_t offset;
	uint64_t end;
};

struct vm_session;

struct vm_client {
	struct vm_client *next;		/* (S) */
	uint64_t id;			/* grows, never used twice (C) */
	unsigned uses;			/* session, and whoever looks (S) */
	_Atomic pid_t pid;		/* 0: not known yet (A) */
	_Atomic int pidfd;		/* -1: none (A) */
	struct vm_space *space;		/* NULL: none (S) */
	bool forkless;			/* no fork events (C) */
	struct vm_session *session;	/* NULL: LOST or UNADOPTED (S) */
	bool dying;			/* somebody retires it (S) */
	uint64_t token;			/* UNADOPTED: its fork's; else 0 (S) */
	uint64_t fork[VM_CLIENT_FORKS_MAX];	/* tokens, oldest first (S) */
	unsigned forks;			/* (S) */
	struct vm_grants may_read;	/* (S) */
	struct vm_grants may_write;	/* (S) */
	struct vm_grants stale;		/* had, file was let go (S) */
	/* The client writes it, we only look. */
	const _Atomic uint32_t *writing;	/* (C) once connected */
	struct vm_client_page *page;	/* where that is (C) once connected */
	struct vm_limbo_client limbo;	/* limbo.h */
	int page_fd;			/* (C) once connected */
	uint64_t private_bytes;		/* last sample (S) */
	int64_t sampled_ns;		/* when (S) */
	int64_t sample_cost_ns;		/* and what it took (S) */
	/* The session's thread only. */
	struct vm_wire *wire;		/* VM_CLIENT_WIRES_MAX or NULL (T) */
	unsigned wires;			/* (T) */
	struct vm_file *begun;		/* WRITE_BEGIN without END (T) */
	uint64_t begun_offset;		/* (T) */
	uint64_t begun_length;		/* (T) */
};

struct vm_session {
	struct vm_session *next;	/* (S) */
	struct vm_server *server;	/* (C) */
	pthread_t thread;		/* (C) */
	int fd;				/* (C) */
	pid_t pid;			/* of the peer (C) */
	bool ended;			/* thread can be joined (S) */
	bool condemned;			/* space goes even if alive (S) */
	struct vm_client *client;	/* (T) */
};

/* A fault that could not be served, on its way to the user. */
struct vm_failure {
	struct vm_space *space;	/* only compared, never followed */
	uint64_t address;
	int error;
	char text[VM_REPLY_TEXT];
};

/* 16 failures in one tick of the keeper; more are only counted. */
#define VM_SERVER_FAILURES_MAX 16u

struct vm_server {
	struct vm_server_options options;	/* (C) */
	struct vm *vm;			/* (C) */
	char directory[108];		/* (C) */
	char path[108];			/* (C) */
	int folder;			/* of directory, folder.h (C) */
	int listener;			/* (C) */
	pthread_t accepter;		/* (C) */
	pthread_t keeper;		/* (C) */
	struct vm_limbo *limbo;		/* limbo.h; NULL: off (C) */
	int figures;			/* figures.h; -1: none (C) */
	pthread_t teller;		/* (C) */
	_Atomic bool told_enough;	/* the teller ends (A) */
	struct vm_table *table;		/* (S) to change */
	int table_fd;			/* (C) */
	pthread_mutex_t lock;		/* S */
	pthread_cond_t changed;		/* of clients and sessions (S) */
	pthread_cond_t wake;		/* the keeper (S) */
	bool stopping;			/* (S) */
	bool hurry;			/* keeper: look soon (S) */
	struct vm_client *clients;	/* (S) */
	uint64_t next_id;		/* (S) */
	struct vm_session *sessions;	/* (S) */
	struct vm_file *file[VM_TABLE_FILES];	/* (S) */
	struct vm_file *hash[VM_TABLE_FILES];	/* (S) */
	unsigned files;			/* (S) */
	unsigned files_swept;		/* files after the last sweep (S) */
	uint32_t next_number;		/* (S) */
	uint64_t next_idle;		/* (S) */
	uint64_t next_anon;		/* stands for their inodes (S) */
	struct vm_failure failure[VM_SERVER_FAILURES_MAX];	/* (S) */
	unsigned failures;		/* (S) */
	unsigned failures_said;		/* (S) */
	uint64_t private_peak;		/* bytes (S) */
	_Atomic uint64_t clients_count;	/* (A) */
	_Atomic uint64_t managed;	/* (A) */
	_Atomic uint64_t passed;	/* (A) */
	_Atomic uint64_t errors;	/* (A) */
	_Atomic uint64_t lost_files;	/* (A) */
	_Atomic uint32_t reasons_said;	/* bit per enum vm_pass (A) */
};

/* A reply and the descriptors that go with it, closed after sending. */
struct vm_answer {
	struct vm_reply reply;
	int fd[3];
	unsigned fds;
};

/*
 * A handler returns NULL after filling the answer, or what the client did
 * wrong: its session ends.  fd: the request's descriptor or -1, stays the
 * caller's.
 */
typedef const char *vm_handler(struct vm_session *session,
    const struct vm_request *request, int fd, struct vm_answer *answer);

/* ---- socket.c ----------------------------------------------------------- */

/* The private directory and the listening socket; sentence said. */
int vm_socket_open(struct vm_server *server);
void vm_socket_close(struct vm_server *server);

/* The next connection of our own user; -1: no more.  *pid: who. */
int vm_socket_accept(int listener, pid_t *pid);

/*
 * 1: *request and *fd (-1: none) are a proper message; 0: the peer is gone;
 * -1: not a proper message, *wrong says why.
 */
int vm_socket_receive(int fd, struct vm_request *request, int *passed,
    const char **wrong);

/* False when the peer is gone.  Descriptors are closed in either case. */
bool vm_socket_send(int fd, struct vm_answer *answer);

/* Adds a descriptor (owned from now on) to an answer; negative: an error
 * instead. */
void vm_answer_fd(struct vm_answer *answer, int fd);
/* err: positive or negative errno; text: may be NULL. */
void vm_answer_error(struct vm_answer *answer, int err, const char *text);

/* ---- session.c ---------------------------------------------------------- */

/* Starts the thread of a connection; closes it when that fails. */
void vm_session_start(struct vm_server *server, int fd, pid_t pid);
/* Joins the threads that have ended. */
void vm_session_reap(struct vm_server *server);
/* Ends all sessions and joins their threads. */
void vm_session_end_all(struct vm_server *server);

/* ---- client.c ----------------------------------------------------------- */

vm_handler vm_client_hello, vm_client_forking, vm_client_adopt;

/* Callbacks of the library; arg is the server. */
void vm_client_forked(void *arg, struct vm_space *parent,
    struct vm_space *child);
void vm_client_failed(void *arg, struct vm_space *space, uint64_t address,
    int error, const char *text);

/* The client with the smallest id >= from, one use more; or NULL. */
struct vm_client *vm_client_next(struct vm_server *server, uint64_t from);
void vm_client_put(struct vm_server *server, struct vm_client *client);

/* The session's connection is gone: its client is lost, or retired when dead
 * or condemned. */
void vm_client_hangup(struct vm_session *session);

/* Gives a use back and takes the client down: ranges left, dirty pages
 * written.  False when it is connected, or somebody else does it. */
bool vm_client_retire(struct vm_server *server, struct vm_client *client);

/* True while the client's memory exists. */
bool vm_client_alive(const struct vm_client *client);

/* ---- file.c ------------------------------------------------------------- */

/* The file with these numbers, in the table, one use more; made when new.
 * NULL: no place.  name: for people. */
struct vm_file *vm_file_get(struct vm_server *server, const struct stat *st,
    const char *name);
/* The same, but only when it is in the table. */
struct vm_file *vm_file_find(struct vm_server *server, const struct stat *st);
struct vm_file *vm_file_of_object(struct vm_server *server,
    const struct vm_object *object);
void vm_file_put(struct vm_server *server, struct vm_file *file);

/* Anonymous memory: owns the object from now on; one use.  NULL: no place, and
 * the object is the caller's. */
struct vm_file *vm_file_new_anon(struct vm_server *server,
    struct vm_object *object);
/* Gives a use back; anonymous memory that no range shows and no child awaits is
 * destroyed. */
void vm_file_drop_anon(struct vm_server *server, struct vm_file *file);

/* Under L: the object exists and is as long as the file; outside changes are
 * taken over; writable as the descriptor.  0 or -errno. */
int vm_file_prepare(struct vm_server *server, struct vm_file *file, int fd,
    bool writable);

/* A new descriptor to read the file with, all dirty pages written: -errno. */
int vm_file_source(struct vm_server *server, struct vm_file *file);

/* The pages are the file's bytes now: remember what it looks like. */
void vm_file_stamp(struct vm_server *server, struct vm_file *file);

/* Dirty pages of the bytes are written.  A failure is counted and said. */
int vm_file_flush(struct vm_server *server, struct vm_file *file,
    uint64_t offset, uint64_t length);

/* Puts unmapped files to rest, lets the oldest of them go. */
void vm_file_sweep(struct vm_server *server);
void vm_file_destroy_all(struct vm_server *server);

/* ---- grant.c ------------------------------------------------------------ */

enum vm_right {
	VM_RIGHT_READ,
	VM_RIGHT_WRITE,
};

void vm_grant(struct vm_server *server, struct vm_client *client,
    const struct vm_file *file, enum vm_right right);
/* Nobody has this file any more.  S held. */
void vm_grant_revoke_locked(struct vm_server *server, uint32_t number);
/*
 * The file that a request names, one use more.  NULL: the answer says ENOENT
 * when the client had it once, else *wrong is set.
 */
struct vm_file *vm_grant_file(struct vm_session *session,
    const struct vm_request *request, enum vm_right right,
    struct vm_answer *answer, const char **wrong);
bool vm_grant_has(struct vm_server *server, const struct vm_client *client,
    uint32_t number, enum vm_right right);

/* ---- map.c -------------------------------------------------------------- */

vm_handler vm_map_map, vm_map_mapped, vm_map_enter, vm_map_track,
    vm_map_unmap, vm_map_open, vm_map_store, vm_map_source, vm_map_passed,
    vm_map_bye;

/* Counts and says a mapping that is not managed; the verdict is in answer. */
void vm_map_pass(struct vm_server *server, enum vm_pass reason,
    const char *name, struct vm_answer *answer);

/* ---- anon.c ------------------------------------------------------------- */

vm_handler vm_anon_map, vm_anon_discard, vm_anon_freeze, vm_anon_clone;

/* ENTER of anonymous memory, under L: 0, or a negative errno. */
int vm_anon_grow(struct vm_file *file, const struct vm_request *request);

/* ---- write.c ------------------------------------------------------------ */

vm_handler vm_write_sync, vm_write_flush, vm_write_begin, vm_write_end,
    vm_write_wrote, vm_write_truncate, vm_write_fallocate;

/* Ends what a client that is gone has begun. */
void vm_write_abandon(struct vm_server *server, struct vm_client *client);

/* Waits until no client is between a write(2) and its pages any more; those
 * that stay there lose their session. */
void vm_write_quiesce(struct vm_server *server, struct vm_file *file);

/* ---- wire.c ------------------------------------------------------------- */

vm_handler vm_wire_wire, vm_wire_unwire, vm_wire_advise;

/* Bytes [offset, end) of the file are not wired by the client any more. */
int vm_client_unwire(struct vm_client *client, struct vm_file *file,
    uint64_t offset, uint64_t end);
void vm_wire_drop_all(struct vm_server *server, struct vm_client *client);

/* ---- keeper.c ----------------------------------------------------------- */

int vm_keeper_start(struct vm_server *server);
void vm_keeper_stop(struct vm_server *server);
/* Tells the user what faults have failed so far. */
void vm_keeper_say_failures(struct vm_server *server);
/* Something may have ended: look soon. */
void vm_keeper_hurry(struct vm_server *server);

/* ---- private.c ---------------------------------------------------------- */

/* Measures the client's private copies, unless that was done just now. */
void vm_private_sample(struct vm_server *server, struct vm_client *client);

int64_t vm_now_ns(void);

#endif
