/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/record/touches.c - touches.h has the theory. */
#include "touches.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../program.h"
#include "server/say.h"
#include "server/server.h"

/* 2^20 events, 64 MiB: what a page brought in leaves there is 10 of them, and
 * 100,000 pages a second are more than any program gets. */
#define RING_EVENTS (UINT32_C(1) << 20)

/* 10 ms between two looks, in which the ring is a hundredth full. */
#define LOOK_NS 10000000

/* 512 events at a time, 24 KiB. */
#define BATCH 512u

/* What a recording sets; options behind these win. */
static const char *const settings[] = {
	"--mem", "1m", "--policy", "fifo", "--readahead", "0", "--cluster", "0",
};
#define SETTINGS (sizeof(settings) / sizeof(settings[0]))

static void
take(struct vm_touches *t, const struct vm_trace_event *event)
{
	struct vm_touch touch = { .object = event->object,
		.pindex = event->pindex, .write = event->argument != 0 };
	const char *name = vm_trace_name(event->event);

	if (t->result == 0 && name != NULL && strcmp(name, "touch") == 0)
		t->result = t->take(t->arg, &touch);
}

/* All that there is now. */
static void
drain(struct vm_touches *t)
{
	struct vm_trace_cursor cursor = { t->next, t->lost };
	struct vm_trace_event event[BATCH];
	int count;

	while ((count = vm_server_trace(t->server, &cursor, event,
	    BATCH)) > 0)
		for (int i = 0; i < count; i++)
			take(t, &event[i]);
	t->next = cursor.next;
	t->lost = cursor.lost;
}

static void *
run(void *arg)
{
	const struct timespec pause = { 0, LOOK_NS };
	struct vm_touches *t = arg;

	while (!atomic_load(&t->stop)) {
		drain(t);
		nanosleep(&pause, NULL);
	}
	drain(t);
	return NULL;
}

static int
begin(struct vm_watcher *watcher, struct vm_server *server)
{
	struct vm_touches *t = (struct vm_touches *)watcher;
	int error;

	t->server = server;
	error = pthread_create(&t->thread, NULL, run, t);
	if (error == 0)
		return 0;
	vm_say("cannot start a thread: %s", strerror(error));
	return -1;
}

static int
end(struct vm_watcher *watcher)
{
	struct vm_touches *t = (struct vm_touches *)watcher;

	atomic_store(&t->stop, true);
	pthread_join(t->thread, NULL);
	if (t->lost != 0) {
		vm_say("%llu events came faster than they could be read: "
		       "touches are missing", (unsigned long long)t->lost);
		t->result = -1;
	}
	return t->done(t->arg, t->result);
}

int
vm_touches_run(struct vm_touches *touches, int argc, char **argv)
{
	size_t count = SETTINGS + (size_t)argc;
	char **all = calloc(count + 1, sizeof(*all));
	int status;

	if (all == NULL) {
		vm_say("no memory for %d arguments", argc);
		return VM_EXIT_FAILED;
	}
	all[0] = argv[0];
	/* getopt_long only moves these. */
	memcpy(&all[1], settings, sizeof(settings));
	memcpy(&all[1 + SETTINGS], &argv[1],
	    (size_t)(argc - 1) * sizeof(*argv));
	touches->watcher.trace_events = RING_EVENTS;
	touches->watcher.begin = begin;
	touches->watcher.end = end;
	status = vm_run_watched((int)count, all, &touches->watcher);
	free(all);
	return status;
}
