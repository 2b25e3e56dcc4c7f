/* SPDX-License-Identifier: BSD-2-Clause */
/* server/session.c - one thread per connection: receive, do, reply. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/say.h"
#include "server/server_private.h"

/* 256 KiB: the deepest call into the library needs a tenth of it. */
#define STACK_BYTES (256u << 10)

static vm_handler *const handlers[VM_REQ_COUNT] = {
	[VM_REQ_HELLO] = vm_client_hello,
	[VM_REQ_FORKING] = vm_client_forking,
	[VM_REQ_ADOPT] = vm_client_adopt,
	[VM_REQ_MAP] = vm_map_map,
	[VM_REQ_MAPPED] = vm_map_mapped,
	[VM_REQ_ENTER] = vm_map_enter,
	[VM_REQ_TRACK] = vm_map_track,
	[VM_REQ_UNMAP] = vm_map_unmap,
	[VM_REQ_OPEN] = vm_map_open,
	[VM_REQ_SYNC] = vm_write_sync,
	[VM_REQ_FLUSH] = vm_write_flush,
	[VM_REQ_WRITE_BEGIN] = vm_write_begin,
	[VM_REQ_WRITE_END] = vm_write_end,
	[VM_REQ_WROTE] = vm_write_wrote,
	[VM_REQ_TRUNCATE] = vm_write_truncate,
	[VM_REQ_FALLOCATE] = vm_write_fallocate,
	[VM_REQ_ADVISE] = vm_wire_advise,
	[VM_REQ_WIRE] = vm_wire_wire,
	[VM_REQ_UNWIRE] = vm_wire_unwire,
	[VM_REQ_PASSED] = vm_map_passed,
	[VM_REQ_BYE] = vm_map_bye,
	[VM_REQ_STORE] = vm_map_store,
	[VM_REQ_SOURCE] = vm_map_source,
	[VM_REQ_ANON] = vm_anon_map,
	[VM_REQ_DISCARD] = vm_anon_discard,
	[VM_REQ_FREEZE] = vm_anon_freeze,
	[VM_REQ_CLONE] = vm_anon_clone,
};

/* One request; NULL, or what was wrong with it. */
static const char *
serve(struct vm_session *session, const struct vm_request *request, int fd,
    struct vm_answer *answer)
{
	bool first = request->op == VM_REQ_HELLO || request->op == VM_REQ_ADOPT;

	if (first && session->client != NULL)
		return "a second greeting";
	if (!first && session->client == NULL)
		return "a request before the greeting";
	answer->reply.op = request->op;
	return handlers[request->op](session, request, fd, answer);
}

/* Requests until the peer is gone (NULL) or wrong (why). */
static const char *
converse(struct vm_session *session)
{
	for (;;) {
		struct vm_answer answer = { .fds = 0 };
		struct vm_request request;
		const char *wrong = NULL;
		int fd = -1;
		int got = vm_socket_receive(session->fd, &request, &fd, &wrong);

		if (got == 0)
			return NULL;
		if (got > 0)
			wrong = serve(session, &request, fd, &answer);
		if (fd >= 0)
			close(fd);
		if (wrong != NULL) {
			vm_answer_error(&answer, EPROTO, NULL);
			return wrong;
		}
		if (!vm_socket_send(session->fd, &answer))
			return NULL;
	}
}

static void *
run(void *arg)
{
	struct vm_session *session = arg;
	struct vm_server *server = session->server;
	const char *wrong = converse(session);

	if (wrong != NULL) {
		atomic_fetch_add(&server->errors, 1);
		vm_say("process %d sent %s: its session has ended",
		    (int)session->pid, wrong);
		pthread_mutex_lock(&server->lock);
		session->condemned = true;
		pthread_mutex_unlock(&server->lock);
	}
	shutdown(session->fd, SHUT_RDWR);
	if (session->client != NULL)
		vm_client_hangup(session);
	pthread_mutex_lock(&server->lock);
	session->ended = true;
	server->hurry = true;
	pthread_cond_broadcast(&server->changed);
	pthread_cond_signal(&server->wake);
	pthread_mutex_unlock(&server->lock);
	return NULL;
}

static bool
start_thread(struct vm_session *session)
{
	pthread_attr_t attributes;
	bool started;

	if (pthread_attr_init(&attributes) != 0)
		return false;
	started = pthread_attr_setstacksize(&attributes, STACK_BYTES) == 0 &&
	    pthread_create(&session->thread, &attributes, run, session) == 0;
	pthread_attr_destroy(&attributes);
	return started;
}

void
vm_session_start(struct vm_server *server, int fd, pid_t pid)
{
	struct vm_session *session = calloc(1, sizeof(*session));
	bool started = false;

	if (session != NULL) {
		session->server = server;
		session->fd = fd;
		session->pid = pid;
		/* The thread may end before it is on the list: S. */
		pthread_mutex_lock(&server->lock);
		started = !server->stopping && start_thread(session);
		if (started) {
			session->next = server->sessions;
			server->sessions = session;
		}
		pthread_mutex_unlock(&server->lock);
	}
	if (started)
		return;
	free(session);
	close(fd);
}

/* Takes an ended session, or with any set the first, off the list. */
static struct vm_session *
take(struct vm_server *server, bool any)
{
	struct vm_session **link = &server->sessions;
	struct vm_session *session;

	pthread_mutex_lock(&server->lock);
	while (*link != NULL && !any && !(*link)->ended)
		link = &(*link)->next;
	session = *link;
	if (session != NULL) {
		*link = session->next;
		if (any)
			shutdown(session->fd, SHUT_RDWR);
	}
	pthread_mutex_unlock(&server->lock);
	return session;
}

static void
join(struct vm_session *session)
{
	pthread_join(session->thread, NULL);
	close(session->fd);
	free(session);
}

void
vm_session_reap(struct vm_server *server)
{
	struct vm_session *session;

	while ((session = take(server, false)) != NULL)
		join(session);
}

void
vm_session_end_all(struct vm_server *server)
{
	struct vm_session *session;

	/* All at once first: one may wait for what another has begun. */
	pthread_mutex_lock(&server->lock);
	for (session = server->sessions; session != NULL;
	    session = session->next)
		shutdown(session->fd, SHUT_RDWR);
	pthread_mutex_unlock(&server->lock);
	while ((session = take(server, true)) != NULL)
		join(session);
}
