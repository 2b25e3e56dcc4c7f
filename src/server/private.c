/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/private.c - memory that the limit does not cover.
 *
 * Writable private maps copy pages into the client's own anonymous memory.
 * The kernel counts it per mapping in /proc/PID/smaps ("Anonymous:").
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "server/server_private.h"

/* 20 times its own cost between two samples of a process: at most 5 % of one
 * core goes into it, and the process is held up no longer than that. */
#define COST_FACTOR 20

int64_t
vm_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Whether [start, end) touches a PRIVATE range. */
static bool
is_private(struct vm_space *space, uint64_t start, uint64_t end)
{
	struct vm_range range;

	while (start < end && vm_space_find(space, start, &range) == 0 &&
	    range.address < end) {
		if (range.kind == VM_RANGE_PRIVATE)
			return true;
		start = range.address + range.length;
	}
	return false;
}

/* Sums up the anonymous memory of the mappings with PRIVATE ranges. */
static uint64_t
measure(struct vm_space *space, FILE *smaps)
{
	char line[512];
	uint64_t start, end, kib, sum = 0;
	bool counts = false;

	while (fgets(line, sizeof(line), smaps) != NULL) {
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " ", &start,
		    &end) == 2)
			counts = is_private(space, start, end);
		else if (counts && sscanf(line, "Anonymous: %" SCNu64,
		    &kib) == 1)
			sum += kib * 1024;
	}
	return sum;
}

static bool
has_private(struct vm_space *space)
{
	return is_private(space, 0, UINT64_MAX);
}

/* Keeps a client's sample; the peak is that of all clients together. */
static void
keep(struct vm_server *server, struct vm_client *client, uint64_t bytes,
    int64_t began_ns)
{
	struct vm_client *c;
	uint64_t sum = 0;

	pthread_mutex_lock(&server->lock);
	client->private_bytes = bytes;
	client->sampled_ns = vm_now_ns();
	client->sample_cost_ns = client->sampled_ns - began_ns;
	for (c = server->clients; c != NULL; c = c->next)
		if (!c->dying)
			sum += c->private_bytes;
	if (sum > server->private_peak)
		server->private_peak = sum;
	pthread_mutex_unlock(&server->lock);
}

void
vm_private_sample(struct vm_server *server, struct vm_client *client)
{
	char path[32];
	int64_t now = vm_now_ns();
	int64_t next;
	FILE *smaps;

	pthread_mutex_lock(&server->lock);
	next = client->sampled_ns + COST_FACTOR * client->sample_cost_ns;
	pthread_mutex_unlock(&server->lock);
	if (client->pid == 0 || client->space == NULL || now < next ||
	    !has_private(client->space))
		return;
	snprintf(path, sizeof(path), "/proc/%d/smaps", (int)client->pid);
	smaps = fopen(path, "re");
	if (smaps == NULL)
		return;
	keep(server, client, measure(client->space, smaps), now);
	fclose(smaps);
}
