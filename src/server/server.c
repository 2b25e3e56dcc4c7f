/* SPDX-License-Identifier: BSD-2-Clause */
/* server/server.c - beginning and end of a server; see server.h. */
#include "server/server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <time.h>

#include "server/figures.h"
#include "server/limbo.h"
#include "server/say.h"
#include "server/server_private.h"
#include "server/table.h"

/* 10 ms, when there are no descriptors for another connection just now. */
#define ACCEPT_RETRY_NS 10000000

/* ---- start -------------------------------------------------------------- */

static bool
is_stopping(struct vm_server *server)
{
	bool stopping;

	pthread_mutex_lock(&server->lock);
	stopping = server->stopping;
	pthread_mutex_unlock(&server->lock);
	return stopping;
}

static void *
run_accepter(void *arg)
{
	const struct timespec pause = { 0, ACCEPT_RETRY_NS };
	struct vm_server *server = arg;

	while (!is_stopping(server)) {
		pid_t pid = 0;
		int fd = vm_socket_accept(server->listener, &pid);

		if (fd >= 0)
			vm_session_start(server, fd, pid);
		else
			nanosleep(&pause, NULL);
	}
	return NULL;
}

static int
init_locks(struct vm_server *server)
{
	pthread_condattr_t monotonic;
	int error = pthread_condattr_init(&monotonic);

	if (error != 0)
		return -error;
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_mutex_init(&server->lock, NULL);
	pthread_cond_init(&server->changed, &monotonic);
	pthread_cond_init(&server->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	return 0;
}

static void
free_server(struct vm_server *server)
{
	vm_socket_close(server);
	if (server->table != NULL)
		vm_table_destroy(server->table, server->table_fd);
	pthread_cond_destroy(&server->wake);
	pthread_cond_destroy(&server->changed);
	pthread_mutex_destroy(&server->lock);
	free(server);
}

static int
start_threads(struct vm_server *server)
{
	int error = vm_keeper_start(server);

	if (error != 0)
		return error;
	error = -pthread_create(&server->accepter, NULL, run_accepter, server);
	if (error != 0)
		vm_keeper_stop(server);
	return error;
}

/* Everything but the system itself. */
static int
start_parts(struct vm_server *server)
{
	int error;

	server->table = vm_table_create(&server->table_fd);
	if (server->table == NULL) {
		error = -errno;
		vm_say("cannot make shared memory: %s", strerror(-error));
		return error;
	}
	error = vm_socket_open(server);
	if (error != 0)
		return error;
	error = start_threads(server);
	if (error != 0)
		vm_say("cannot start a thread: %s", strerror(-error));
	return error;
}

int
vm_server_start(const struct vm_server_options *options,
    struct vm_server **out)
{
	struct vm_server *server = calloc(1, sizeof(*server));
	int error = server == NULL ? -ENOMEM : init_locks(server);

	if (error != 0) {
		vm_say("cannot start: %s", strerror(-error));
		free(server);
		return error;
	}
	server->options = *options;
	server->listener = server->table_fd = server->figures = -1;
	server->folder = -1;
	error = vm_create(&options->vm, &server->vm);
	if (error != 0) {
		vm_say("%s", vm_last_error());
		free_server(server);
		return error;
	}
	error = start_parts(server);
	if (error != 0) {
		vm_destroy(server->vm);
		free_server(server);
		return error;
	}
	vm_figures_start(server);
	vm_limbo_start(server);
	*out = server;
	return 0;
}

const char *
vm_server_socket(const struct vm_server *server)
{
	return server->path;
}

/* ---- while it runs ------------------------------------------------------ */

static bool
is_busy(const struct vm_client *client)
{
	return vm_client_alive(client) && vm_space_ranges(client->space) > 0;
}

bool
vm_server_busy(struct vm_server *server)
{
	struct vm_client *client = vm_client_next(server, 0);
	bool busy = false;

	while (client != NULL && !busy) {
		uint64_t id = client->id;

		busy = is_busy(client);
		vm_client_put(server, client);
		if (!busy)
			client = vm_client_next(server, id + 1);
	}
	return busy;
}

void
vm_server_signal(struct vm_server *server, int signal_number)
{
	struct vm_client *client = vm_client_next(server, 0);

	while (client != NULL) {
		uint64_t id = client->id;

		if (client->pidfd >= 0 && is_busy(client))
			(void)!pidfd_send_signal(client->pidfd, signal_number,
			    NULL, 0);
		vm_client_put(server, client);
		client = vm_client_next(server, id + 1);
	}
}

int
vm_server_trace(struct vm_server *server, struct vm_trace_cursor *cursor,
    struct vm_trace_event *events, uint32_t max)
{
	return vm_trace_read(server->vm, cursor, events, max);
}

/* ---- stop --------------------------------------------------------------- */

static void
retire_all(struct vm_server *server)
{
	struct vm_client *client = vm_client_next(server, 0);

	while (client != NULL) {
		uint64_t id = client->id;

		vm_client_retire(server, client);
		client = vm_client_next(server, id + 1);
	}
}

static void
fill_report(struct vm_server *server, struct vm_server_report *report)
{
	report->stat = (struct vm_stat){ .size_bytes = sizeof(report->stat) };
	(void)!vm_stat(server->vm, &report->stat);
	report->swap = (struct vm_swap_stat)VM_SWAP_STAT_INIT;
	(void)!vm_swap_stat(server->vm, &report->swap);
	report->private_bytes = server->private_peak;
	report->clients = atomic_load(&server->clients_count);
	report->maps_managed = atomic_load(&server->managed);
	report->maps_passed = atomic_load(&server->passed);
	report->errors = atomic_load(&server->errors);
	report->lost_files = atomic_load(&server->lost_files);
}

int
vm_server_stop(struct vm_server *server, struct vm_server_report *report)
{
	uint64_t resident;

	vm_figures_stop(server);
	vm_limbo_stop(server, report);
	vm_keeper_stop(server);
	shutdown(server->listener, SHUT_RDWR);
	pthread_join(server->accepter, NULL);
	vm_session_end_all(server);
	retire_all(server);
	/* What is resident is told from before we tidy up. */
	fill_report(server, report);
	resident = report->stat.resident_pages;
	vm_file_destroy_all(server);
	fill_report(server, report);
	report->stat.resident_pages = resident;
	if (vm_destroy(server->vm) != 0)
		vm_say("%s", vm_last_error());
	free_server(server);
	return report->lost_files > 0 ? -EIO : 0;
}
