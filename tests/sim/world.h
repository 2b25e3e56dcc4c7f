/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world.h - what the library is given to do, and what must come of it.
 *
 * A thing is an object with what is known of it: the bytes it has, and for each
 * 512-byte sector of its file the contents it had since the last sync that
 * covers it (versions).  What is true at every moment:
 *
 *	whoever reads, reads the bytes
 *	a sync that returns 0 has made durable, for each sector of its range,
 *	    a version that is not older than the sync's beginning
 *	after a power cut each sector of the file is one of its versions
 *	an error is one that the machine made
 *
 * A version that went to the file past the library (write_begin .. write_end)
 * is external: no sync of the object has to make it durable.
 *
 * Bytes change, in the thing and in memory, at one instant: between two points.
 */
#ifndef WORLD_H
#define WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include <resident/resident.h>

#include "machine.h"

enum {
	THINGS = 4,
	/* 96 pages: up to six times the smallest limit. */
	THING_PAGES = 96,
	THING_BYTES = THING_PAGES * PAGE,
	THING_SECTORS = THING_BYTES / SECTOR,
	PAGE_SECTORS = PAGE / SECTOR,
	/* 1024 requests: 32 of each of the fillers that there may be. */
	OWN_REQUESTS = 1024,
	/* A quarter of the limit is wired at most: the bound is a half. */
	WIRED_SHARE = 4,
};

struct version {
	struct version *next;	/* newer */
	uint64_t number;	/* ascending */
	bool external;
	char bytes[SECTOR];
};

/* A pager of our own. */
struct own {
	struct sim_task *task;
	struct vm_pager_request *asked[OWN_REQUESTS];
	unsigned count;
	int fd;
	bool marks;		/* it marks pages */
	bool lost;		/* an fsync failed */
	bool over;		/* terminated */
};

struct thing {
	unsigned number;
	bool file, store, read_only;
	bool custom;		/* file: behind a pager of ours */
	bool device;		/* no file, but memory of ours */
	bool mapped;		/* this process may map it */
	struct disk *disk;	/* file: */
	int fd;
	struct vm_object *object;	/* NULL: closed just now */
	uint64_t length;	/* bytes that are sure to be in it now */
	char bytes[THING_BYTES];
	struct version *oldest[THING_SECTORS], *newest[THING_SECTORS];
	/* A page is what it will be seen to be: nobody knows it now. */
	bool unknown[THING_PAGES];
	/* Grows before a page's memory, or bytes, change. */
	uint32_t touched[THING_PAGES];
	uint32_t zeroing[THING_PAGES];	/* tasks that may do so now */
	/* Tasks that put another page in its place now, and so far: in between
	 * nobody knows which of the two a sync has met. */
	uint32_t replacing[THING_PAGES];
	uint32_t replaced[THING_PAGES];
	struct own own;
	unsigned users;		/* tasks that use the object */
	bool closing;		/* nobody may begin to */
	bool changing;		/* its length, or its file */
	uint64_t change_from, change_end;	/* the file's bytes */
	unsigned wires;		/* ranges, pages */
	unsigned moves;		/* tasks that make, move and free pages */
	unsigned mappings;
	unsigned cuts;		/* times it became shorter */
};

struct world {
	struct vm *vm;
	struct thing thing[THINGS];
	unsigned things;
	unsigned clients;	/* tasks that touch memory, */
	unsigned viewers;	/* and that map it here */
	uint32_t limit_pages, limit_low;	/* it stays between them */
	bool resizes, lends;	/* limit_low < limit_pages; there are loans */
	struct vm_account *account;	/* of what is wired and out, or NULL */
	/* Of the program's own memory; each is NULL where none is. */
	struct vm_cache *cache;
	struct vm_region *region;
	uint64_t cache_bytes;	/* of a thing of the cache */
	unsigned made;		/* of these: constructed, out or not */
	uint32_t region_pages;	/* surely handed out now */
	bool may_starve;	/* dirty pages may find no place to go */
	unsigned ops, ops_most;	/* done by all tasks, and to be done */
	unsigned cut_at;	/* the power goes with this one; 0: it stays */
	uint64_t stamp;		/* what was written last */
	/* Pages, by the test's count: wired, taken for ourselves, lent. */
	uint32_t wired, out, lent;
	bool wires;		/* something was wired at some time */
	unsigned weight[64];	/* of each kind of operation */
};

extern struct world world;

/* -- things: thing.c -- */

/* Draws its nature, and its file's bytes. */
void thing_make(struct thing *thing, unsigned number);
void thing_forget(struct thing *thing);
/* 0, or the machine's error. */
int thing_open(struct thing *thing);
/* Nobody uses it.  0, or the machine's error and it stays. */
int thing_close(struct thing *thing);
/* The file is what the power cut left. */
void thing_restart(struct thing *thing);

uint64_t thing_pages(const struct thing *thing);
/* Bytes of the page that are in the thing. */
uint32_t thing_part(const struct thing *thing, uint64_t pindex);
/* The page, which is held and wholly valid, has the thing's bytes. */
void thing_look(struct thing *thing, uint64_t pindex,
    struct vm_page *page);
/* Its bytes have changed there. */
void thing_wrote(struct thing *thing, uint64_t offset, uint64_t length,
    bool external);
/* Blocks [first, end) of a page that we hold exclusively have what the pager
 * has of them, from now on. */
void thing_revert(struct thing *thing, uint64_t pindex, uint32_t first,
    uint32_t end);
/* The file's own bytes there are a version too. */
void thing_note_file(struct thing *thing, uint64_t offset, uint64_t length);
/* External versions are durable: somebody synced the file. */
void thing_adopt(struct thing *thing);
void thing_cut(struct thing *thing, uint64_t length);
void thing_grow(struct thing *thing, uint64_t length);
/* vm_object_sync, and what it promises. */
int thing_sync(struct thing *thing, uint64_t offset, uint64_t length);
/* The same of another call that syncs this range. */
int thing_sync_by(struct thing *thing, uint64_t offset, uint64_t length,
    int (*sync)(void *arg), void *arg);
/* Others may read and write its bytes at any moment, by touching them. */
bool thing_seen(const struct thing *thing);

/* The object over a pager of ours, and its end: own.c. */
int own_open(struct thing *thing, unsigned flags, struct vm_object **object);
void own_closed(struct thing *thing);

/* Bytes that nobody wrote before. */
void world_fill(char *to, uint64_t bytes);
/* The error is one that the machine may have made. */
void world_allow(int error);

/* The program's own memory, for ration.c; closed: nobody has any. */
void stock_open(void);
void stock_close(void);

/* -- tasks: work.c, touch.c and view.c -- */

/* Operations on things, as long as there are any to be done; arg: none. */
void work(void *arg);
/* The same through a client's memory; reset: before those of a machine. */
void touch(void *arg);
void touch_reset(void);
/* The same through maps of this process: view.c. */
void view(void *arg);
void view_reset(void);
/* Draws how often each operation is done. */
void work_draw(void);
/* Uses a thing's object until release; false: it is not to be had. */
bool thing_use(struct thing *thing);
void thing_release(struct thing *thing);
/* One more operation; false: enough.  May not return. */
bool world_next(void);

/* -- a run: run.c -- */

/* The name of one that is drawn, or SIM_POLICY's. */
const char *world_policy(void);
/* Everything that this seed is; returns the hash of its trace. */
uint64_t run_seed(uint64_t seed);

#endif
