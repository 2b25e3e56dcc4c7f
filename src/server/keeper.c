/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/keeper.c - the thread that notices what nobody reports: processes
 * without a connection that have died, files that nobody maps any more,
 * private copies that grow.
 *
 * A tick a second while there is anything to look at; sooner and then ever
 * later (10, 20, 40 ms ...) after something happened.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "server/say.h"
#include "server/server_private.h"

#define TICK_MAX_NS INT64_C(1000000000)
#define TICK_MIN_NS INT64_C(10000000)

/* 10 lines about failed faults; then the user knows, and they are counted. */
#define FAILURES_SAID_MAX 10u

/* Without a connection, and dead: retire.  With one: measure. */
static void
look_at(struct vm_server *server, struct vm_client *client)
{
	bool connected;

	pthread_mutex_lock(&server->lock);
	connected = client->session != NULL;
	pthread_mutex_unlock(&server->lock);
	if (!connected && !vm_client_alive(client)) {
		vm_client_retire(server, client);
		return;
	}
	vm_private_sample(server, client);
	vm_client_put(server, client);
}

static void
look_at_clients(struct vm_server *server)
{
	struct vm_client *client = vm_client_next(server, 0);

	while (client != NULL) {
		uint64_t id = client->id;

		look_at(server, client);
		client = vm_client_next(server, id + 1);
	}
}

/* ---- failed faults ------------------------------------------------------ */

/* The oldest failure; false: none. */
static bool
take_failure(struct vm_server *server, struct vm_failure *out, bool *last)
{
	bool found;

	pthread_mutex_lock(&server->lock);
	found = server->failures > 0;
	if (found) {
		*out = server->failure[0];
		server->failures--;
		memmove(server->failure, server->failure + 1,
		    server->failures * sizeof(server->failure[0]));
		server->failures_said++;
	}
	*last = server->failures_said == FAILURES_SAID_MAX;
	found = found && server->failures_said <= FAILURES_SAID_MAX;
	pthread_mutex_unlock(&server->lock);
	return found;
}

/* The client with this space, one use more; or NULL. */
static struct vm_client *
client_of(struct vm_server *server, const struct vm_space *space)
{
	struct vm_client *c;

	pthread_mutex_lock(&server->lock);
	for (c = server->clients; c != NULL; c = c->next)
		if (c->space == space && !c->dying)
			break;
	if (c != NULL)
		c->uses++;
	pthread_mutex_unlock(&server->lock);
	return c;
}

/* "what went wrong (the error)", or once when they are the same words. */
static void
describe(const struct vm_failure *f, char *out, size_t size)
{
	const char *error = strerror(f->error);

	if (strcmp(f->text, error) == 0)
		snprintf(out, size, "%s", error);
	else
		snprintf(out, size, "%s (%s)", f->text, error);
}

static void
say_failure(struct vm_server *server, const struct vm_failure *f,
    struct vm_client *client)
{
	char what[2 * VM_REPLY_TEXT];
	struct vm_file *file = NULL;
	struct vm_range range;

	describe(f, what, sizeof(what));
	if (client != NULL &&
	    vm_space_find(client->space, f->address, &range) == 0 &&
	    range.address <= f->address)
		file = vm_file_of_object(server, range.object);
	if (file == NULL) {
		vm_say("a page of process %d could not be read: %s",
		    client == NULL ? 0 : (int)client->pid, what);
		return;
	}
	vm_say("%s: bytes at %" PRIu64 " could not be read: %s; process %d "
	       "got SIGBUS", file->name,
	    range.offset + (f->address - range.address), what,
	    (int)client->pid);
	vm_file_put(server, file);
}

void
vm_keeper_say_failures(struct vm_server *server)
{
	struct vm_failure failure;
	bool last;

	while (take_failure(server, &failure, &last)) {
		struct vm_client *client = client_of(server, failure.space);

		say_failure(server, &failure, client);
		if (client != NULL)
			vm_client_put(server, client);
		if (last)
			vm_say("further read errors are only counted");
	}
}

/* ---- the thread --------------------------------------------------------- */

/* Anything that a tick could find.  S held. */
static bool
has_work_locked(const struct vm_server *server)
{
	return server->clients != NULL || server->files > 0 ||
	    server->sessions != NULL || server->failures > 0;
}

/* Waits for the next tick, *tick_ns from now at the latest.  False: stop. */
static bool
await_tick(struct vm_server *server, int64_t *tick_ns)
{
	struct timespec until;
	bool go_on;

	pthread_mutex_lock(&server->lock);
	while (!server->stopping && !server->hurry &&
	    !has_work_locked(server))
		pthread_cond_wait(&server->wake, &server->lock);
	if (server->hurry)
		*tick_ns = TICK_MIN_NS;
	server->hurry = false;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += *tick_ns;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	if (!server->stopping)
		pthread_cond_timedwait(&server->wake, &server->lock, &until);
	go_on = !server->stopping;
	pthread_mutex_unlock(&server->lock);
	*tick_ns = *tick_ns < TICK_MAX_NS / 2 ? 2 * *tick_ns : TICK_MAX_NS;
	return go_on;
}

static void *
run(void *arg)
{
	struct vm_server *server = arg;
	int64_t tick_ns = TICK_MAX_NS;

	while (await_tick(server, &tick_ns)) {
		vm_keeper_say_failures(server);
		vm_session_reap(server);
		look_at_clients(server);
		vm_file_sweep(server);
	}
	vm_keeper_say_failures(server);
	return NULL;
}

int
vm_keeper_start(struct vm_server *server)
{
	return -pthread_create(&server->keeper, NULL, run, server);
}

void
vm_keeper_stop(struct vm_server *server)
{
	pthread_mutex_lock(&server->lock);
	server->stopping = true;
	pthread_cond_broadcast(&server->wake);
	pthread_cond_broadcast(&server->changed);
	pthread_mutex_unlock(&server->lock);
	pthread_join(server->keeper, NULL);
}

void
vm_keeper_hurry(struct vm_server *server)
{
	pthread_mutex_lock(&server->lock);
	server->hurry = true;
	pthread_cond_signal(&server->wake);
	pthread_mutex_unlock(&server->lock);
}
