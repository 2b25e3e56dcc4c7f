/* SPDX-License-Identifier: BSD-2-Clause */
/* server/limbo.c - limbo.h has the theory. */
#include "server/limbo.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/ioctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "server/server_private.h"

/* A round for each quarter of memory evicted: docs/design-notes.md. */
#define VM_LIMBO_PART 4

/* 1300 ns: the kernel makes an entry anew, without neighbours (measured at
 * 1250-1370); with neighbours (fault-around) it is 510 to 600 for each. */
#define REFAULT_NS 1300

/* 2 ms: shorter pauses cost more than they tell.  200 ms: how soon the first
 * eviction after a quiet time is noticed. */
#define PAUSE_MIN_NS INT64_C(2000000)
#define PAUSE_MAX_NS INT64_C(200000000)
#define NS_PER_S INT64_C(1000000000)

/* 512 runs of pages a call: 12 KiB of the thread's stack. */
#define REGIONS 512u

/* Linux 6.7, include/uapi/linux/fs.h; Debian 12's headers are older. */
struct region {
	uint64_t start;
	uint64_t end;
	uint64_t categories;
};

struct scan {
	uint64_t size;
	uint64_t flags;
	uint64_t start;
	uint64_t end;
	uint64_t walk_end;
	uint64_t vec;
	uint64_t vec_len;
	uint64_t max_pages;
	uint64_t category_inverted;
	uint64_t category_mask;
	uint64_t category_anyof_mask;
	uint64_t return_mask;
};
#define SCAN _IOWR('f', 16, struct scan)
#define SCAN_IS_PRESENT (UINT64_C(1) << 3)

struct vm_limbo {
	struct vm_server *server;	/* (C) */
	pthread_t thread;		/* (C) */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stopping;			/* (lock) */
	uint64_t rounds;		/* (T) */
	uint64_t spent_ns;		/* (T) */
	uint64_t evicted;		/* at the last round (T) */
	uint64_t seen;			/* at the last look (T) */
	int64_t seen_ns;		/* when that was (T) */
	int64_t allowed_ns;		/* no round before (T) */
};

void
vm_limbo_client_fini(struct vm_limbo_client *client)
{
	if (client->pagemap != 0)
		close(client->pagemap - 1);
}

/* ---- one client --------------------------------------------------------- */

static bool
open_pagemap(struct vm_client *client)
{
	struct vm_limbo_client *limbo = &client->limbo;
	char path[32];

	if (limbo->pagemap != 0)
		return true;
	if (client->pid == 0)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/pagemap", (int)client->pid);
	limbo->pagemap = open(path, O_RDONLY | O_CLOEXEC) + 1;
	limbo->unseen = limbo->pagemap == 0;
	return !limbo->unseen;
}

static void
tell(struct vm_client *client, const struct region *regions, unsigned count,
    uint64_t *again)
{
	for (unsigned i = 0; i < count; i++) {
		uint64_t length = regions[i].end - regions[i].start;
		int64_t n = vm_space_touched(client->space, regions[i].start,
		    length);

		if (n > 0)
			*again += (uint64_t)n;
	}
}

/* *again: and so many pages more are used. */
static void
look_at_piece(struct vm_client *client, struct vm_limbo_piece piece,
    uint64_t *again)
{
	struct region regions[REGIONS];
	struct scan scan = {
		.size = sizeof(scan), .start = piece.start, .end = piece.end,
		.vec = (uint64_t)(uintptr_t)regions, .vec_len = REGIONS,
		.category_mask = SCAN_IS_PRESENT,
		.return_mask = SCAN_IS_PRESENT,
	};
	int n;

	while (scan.start < piece.end) {
		n = ioctl(client->limbo.pagemap - 1, SCAN, &scan);
		if (n < 0) {
			client->limbo.unseen = errno == ENOTTY ||
			    errno == EINVAL;
			return;
		}
		tell(client, regions, (unsigned)n, again);
		if (scan.walk_end <= scan.start)
			break;
		scan.start = scan.walk_end;
	}
}

/* A client's words are checked: what is no piece is not looked at. */
static void
look_at(struct vm_client *client, uint64_t *again)
{
	const struct vm_client_page *page = client->page;
	uint32_t count = page->pieces;

	for (uint32_t i = 0; i < count && i < VM_LIMBO_PIECES; i++) {
		struct vm_limbo_piece piece = page->piece[i];

		if (piece.start % vm_page_bytes() == 0 &&
		    piece.end % vm_page_bytes() == 0 &&
		    piece.end > piece.start &&
		    piece.end - piece.start <= VM_LIMBO_PIECE)
			look_at_piece(client, piece, again);
	}
}

static _Atomic uint32_t *
word(uint32_t *member)
{
	return (_Atomic uint32_t *)member;
}

static void
ask(struct vm_client *client)
{
	client->limbo.asked = atomic_fetch_add_explicit(
	    word(&client->page->asked), 1, memory_order_release) + 1;
	(void)syscall(SYS_futex, &client->page->asked, FUTEX_WAKE, 1, NULL,
	    NULL, 0);
}

/* A forked child gets its client page when it comes. */
static bool
is_ready(struct vm_server *server, const struct vm_client *client)
{
	bool ready;

	pthread_mutex_lock(&server->lock);
	ready = client->session != NULL && client->page != NULL &&
	    client->space != NULL;
	pthread_mutex_unlock(&server->lock);
	return ready;
}

/* Acquire: who sees that it is done sees the pieces. */
static bool
has_dropped(const struct vm_client *client)
{
	return client->limbo.asked == atomic_load_explicit(
	    word(&client->page->done), memory_order_acquire);
}

/* Looks, unless the last dropping is still to come, and asks for the next.
 * What it has taken, and is going to, beside our own time. */
static uint64_t
visit(struct vm_server *server, struct vm_client *client)
{
	struct vm_limbo_client *limbo = &client->limbo;
	uint64_t again = 0, spent;

	if (limbo->unseen || !is_ready(server, client) ||
	    !open_pagemap(client) ||
	    (limbo->asked != 0 && !has_dropped(client)))
		return 0;
	if (limbo->asked != 0)
		look_at(client, &again);
	spent = client->page->spent_ns - limbo->spent_ns;
	limbo->spent_ns += spent;
	ask(client);
	/* A client that counts backwards has spent nothing. */
	return (spent > (uint64_t)NS_PER_S ? 0 : spent) + again * REFAULT_NS;
}

/* ---- rounds ------------------------------------------------------------- */

static uint64_t
own_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static void
round_of_all(struct vm_limbo *limbo, int64_t now)
{
	struct vm_server *server = limbo->server;
	struct vm_client *client = vm_client_next(server, 0);
	uint64_t began = own_ns(), cost = 0;

	while (client != NULL) {
		uint64_t id = client->id;

		cost += visit(server, client);
		vm_client_put(server, client);
		client = vm_client_next(server, id + 1);
	}
	cost += own_ns() - began;
	limbo->rounds++;
	limbo->spent_ns += cost;
	limbo->allowed_ns = now + (int64_t)(cost * 100 /
	    server->options.limbo_percent);
}

static int64_t
clamp(int64_t ns)
{
	return ns < PAUSE_MIN_NS ? PAUSE_MIN_NS :
	    ns > PAUSE_MAX_NS ? PAUSE_MAX_NS : ns;
}

/* A round if it is time.  How long to pause now. */
static int64_t
look(struct vm_limbo *limbo)
{
	struct vm_stat stat = VM_STAT_INIT;
	int64_t now = vm_now_ns(), since = now - limbo->seen_ns;
	uint64_t evicted, part, fresh;

	if (vm_stat(limbo->server->vm, &stat) != 0)
		return PAUSE_MAX_NS;
	evicted = stat.evicted_clean + stat.evicted_dirty;
	fresh = evicted - limbo->seen;
	limbo->seen = evicted;
	limbo->seen_ns = now;
	part = stat.limit_pages / VM_LIMBO_PART;
	if (evicted - limbo->evicted < part) {
		uint64_t missing = part - (evicted - limbo->evicted);

		return fresh == 0 ? PAUSE_MAX_NS :
		    clamp((int64_t)((double)since * (double)missing /
		    (double)fresh));
	}
	if (now < limbo->allowed_ns)
		return clamp(limbo->allowed_ns - now);
	limbo->evicted = evicted;
	round_of_all(limbo, now);
	return PAUSE_MIN_NS;
}

/* False: the end. */
static bool
pause_for(struct vm_limbo *limbo, int64_t ns)
{
	int64_t until = vm_now_ns() + ns;
	struct timespec deadline = { until / NS_PER_S, until % NS_PER_S };
	bool stopping;
	int error = 0;

	pthread_mutex_lock(&limbo->lock);
	while (!limbo->stopping && error == 0)
		error = pthread_cond_timedwait(&limbo->wake, &limbo->lock,
		    &deadline);
	stopping = limbo->stopping;
	pthread_mutex_unlock(&limbo->lock);
	return !stopping;
}

static void *
run(void *arg)
{
	struct vm_limbo *limbo = arg;

	while (pause_for(limbo, look(limbo)))
		continue;
	return NULL;
}

static void
free_limbo(struct vm_limbo *limbo)
{
	pthread_cond_destroy(&limbo->wake);
	pthread_mutex_destroy(&limbo->lock);
	free(limbo);
}

void
vm_limbo_start(struct vm_server *server)
{
	struct vm_limbo *limbo;
	pthread_condattr_t monotonic;

	if (server->options.limbo_percent == 0 ||
	    (limbo = calloc(1, sizeof(*limbo))) == NULL)
		return;
	limbo->server = server;
	pthread_mutex_init(&limbo->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&limbo->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	if (pthread_create(&limbo->thread, NULL, run, limbo) != 0) {
		free_limbo(limbo);
		return;
	}
	server->limbo = limbo;
}

void
vm_limbo_stop(struct vm_server *server, struct vm_server_report *report)
{
	struct vm_limbo *limbo = server->limbo;

	if (limbo == NULL)
		return;
	pthread_mutex_lock(&limbo->lock);
	limbo->stopping = true;
	pthread_cond_signal(&limbo->wake);
	pthread_mutex_unlock(&limbo->lock);
	pthread_join(limbo->thread, NULL);
	report->limbo_rounds = limbo->rounds;
	report->limbo_ns = limbo->spent_ns;
	server->limbo = NULL;
	free_limbo(limbo);
}
