/* SPDX-License-Identifier: BSD-2-Clause */
/* server/client.c - processes: how they come, fork, and go. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "server/say.h"
#include "server/server_private.h"

/* 10 s: a child comes within milliseconds of its fork event; a machine that
 * swaps may take seconds. */
#define ADOPT_WAIT_S 10
/* 2 s: until the thread of a connection that was shut down has let go. */
#define TAKEOVER_WAIT_S 2

static struct timespec
deadline_in(int seconds)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += seconds;
	return t;
}

/* False when the time is up.  S held, dropped meanwhile. */
static bool
wait_changed(struct vm_server *server, const struct timespec *deadline)
{
	return pthread_cond_timedwait(&server->changed, &server->lock,
	    deadline) == 0;
}

bool
vm_client_alive(const struct vm_client *client)
{
	return client->space != NULL && vm_space_alive(client->space) > 0;
}

static bool
is_userfaultfd(int fd)
{
	char link[64], path[32];
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	length = readlink(path, link, sizeof(link) - 1);
	if (length < 0)
		return false;
	link[length] = '\0';
	return strstr(link, "userfaultfd") != NULL;
}

/* Each userfaultfd has an inode of its own since Linux 5.12. */
static bool
is_same_uffd(struct vm_space *space, int fd)
{
	struct stat a, b;
	int own = vm_space_uffd(space);
	bool same = own >= 0 && fstat(own, &a) == 0 && fstat(fd, &b) == 0 &&
	    a.st_dev == b.st_dev && a.st_ino == b.st_ino;

	if (own >= 0)
		close(own);
	return same;
}

/* ---- the list ----------------------------------------------------------- */

static void
link_locked(struct vm_server *server, struct vm_client *client)
{
	client->id = ++server->next_id;
	client->next = server->clients;
	server->clients = client;
}

static void
unlink_locked(struct vm_server *server, struct vm_client *client)
{
	struct vm_client **link = &server->clients;

	while (*link != client)
		link = &(*link)->next;
	*link = client->next;
}

struct vm_client *
vm_client_next(struct vm_server *server, uint64_t from)
{
	struct vm_client *c, *found = NULL;

	pthread_mutex_lock(&server->lock);
	for (c = server->clients; c != NULL; c = c->next)
		if (!c->dying && c->id >= from &&
		    (found == NULL || c->id < found->id))
			found = c;
	if (found != NULL)
		found->uses++;
	pthread_mutex_unlock(&server->lock);
	return found;
}

static void
put_locked(struct vm_server *server, struct vm_client *client)
{
	client->uses--;
	if (client->dying)
		pthread_cond_broadcast(&server->changed);
}

void
vm_client_put(struct vm_server *server, struct vm_client *client)
{
	pthread_mutex_lock(&server->lock);
	put_locked(server, client);
	pthread_mutex_unlock(&server->lock);
}

/* ---- coming ------------------------------------------------------------- */

/* The client page: sealed, so that the client cannot cut what we look at. */
static int
open_page(struct vm_client *client)
{
	int fd = memfd_create("resident-client",
	    MFD_CLOEXEC | MFD_ALLOW_SEALING);
	void *page = MAP_FAILED;
	int error;

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)vm_page_bytes()) == 0 &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) == 0)
		page = mmap(NULL, vm_page_bytes(), PROT_READ | PROT_WRITE,
		    MAP_SHARED, fd, 0);
	if (page == MAP_FAILED) {
		error = errno;
		close(fd);
		return -error;
	}
	client->page_fd = fd;
	client->page = page;
	client->writing =
	    &((const _Atomic uint32_t *)page)[offsetof(struct vm_client_page,
	    writing) / sizeof(uint32_t)];
	return 0;
}

static void
free_client(struct vm_client *client)
{
	if (client->writing != NULL)
		munmap((void *)(uintptr_t)client->writing, vm_page_bytes());
	if (client->page_fd >= 0)
		close(client->page_fd);
	if (client->pidfd >= 0)
		close(client->pidfd);
	vm_limbo_client_fini(&client->limbo);
	free(client->wire);
	free(client);
}

static struct vm_client *
new_client(void)
{
	struct vm_client *client = calloc(1, sizeof(*client));

	if (client != NULL) {
		client->page_fd = -1;
		client->pidfd = -1;
	}
	return client;
}

static int
open_space(struct vm_server *server, struct vm_client *client, int uffd)
{
	struct vm_space_options options = {
		.size_bytes = sizeof(options),
		.arg = server,
		.forked = vm_client_forked,
		.failed = vm_client_failed,
	};

	if (uffd < 0)
		return 0;
	return vm_space_create(server->vm, uffd, &options, &client->space);
}

/* Binds a client that is ready to a session.  S held. */
static void
connect_locked(struct vm_session *session, struct vm_client *client)
{
	client->session = session;
	client->pid = session->pid;
	client->uses++;
	session->client = client;
}

/* What a process gets to know at its greeting. */
static void
greet(struct vm_session *session, struct vm_answer *answer)
{
	struct vm_server *server = session->server;

	answer->reply.value = server->options.min_map_bytes;
	vm_answer_fd(answer, fcntl(session->client->page_fd,
	    F_DUPFD_CLOEXEC, 0));
	vm_answer_fd(answer, fcntl(server->table_fd, F_DUPFD_CLOEXEC, 0));
}

/* Binds a new client to the session; the client's in any case.  On failure
 * the answer says so. */
static void
admit(struct vm_session *session, struct vm_client *client, int uffd,
    struct vm_answer *answer)
{
	struct vm_server *server = session->server;
	int error = client == NULL ? -ENOMEM : open_page(client);

	if (error == 0)
		error = open_space(server, client, uffd);
	if (error != 0) {
		if (client != NULL)
			free_client(client);
		vm_answer_error(answer, error, vm_last_error());
		return;
	}
	client->pidfd = pidfd_open(session->pid, 0);
	atomic_fetch_add(&server->clients_count, 1);
	pthread_mutex_lock(&server->lock);
	link_locked(server, client);
	connect_locked(session, client);
	pthread_mutex_unlock(&server->lock);
	greet(session, answer);
}

/* A client of this process that has no connection (any more), used once
 * more; or NULL. */
static struct vm_client *
find_former(struct vm_session *session)
{
	struct vm_server *server = session->server;
	struct timespec deadline = deadline_in(TAKEOVER_WAIT_S);
	struct vm_client *c;
	bool time_left = true;

	pthread_mutex_lock(&server->lock);
again:
	for (c = server->clients; c != NULL; c = c->next)
		if (c->pid == session->pid && !c->dying)
			break;
	if (c != NULL && c->session != NULL && time_left) {
		shutdown(c->session->fd, SHUT_RDWR);
		time_left = wait_changed(server, &deadline);
		goto again;
	}
	if (c != NULL && c->session != NULL)
		c = NULL;
	if (c != NULL)
		c->uses++;
	pthread_mutex_unlock(&server->lock);
	return c;
}

/* True when the process had only lost its connection and goes on. */
static bool
reconnect(struct vm_session *session, int uffd)
{
	struct vm_server *server = session->server;
	struct vm_client *client = find_former(session);
	bool same;

	if (client == NULL)
		return false;
	same = vm_client_alive(client) &&
	    (uffd < 0 || is_same_uffd(client->space, uffd));
	pthread_mutex_lock(&server->lock);
	same = same && !client->dying && client->session == NULL;
	if (same)
		connect_locked(session, client);
	put_locked(server, client);
	pthread_mutex_unlock(&server->lock);
	if (!same)
		vm_keeper_hurry(server);
	return same;
}

const char *
vm_client_hello(struct vm_session *session, const struct vm_request *request,
    int fd, struct vm_answer *answer)
{
	struct vm_client *client;

	if (request->token != VM_PROTOCOL_VERSION)
		return "a greeting of another version";
	if (request->length != vm_page_bytes())
		return "a greeting with another page size";
	if ((request->flags & ~VM_HELLO_FORKLESS) != 0)
		return "a flag that does not exist";
	if (fd >= 0 && !is_userfaultfd(fd))
		return "a descriptor that is no userfaultfd";
	if (!reconnect(session, fd)) {
		client = new_client();
		if (client != NULL)
			client->forkless = request->flags != 0;
		admit(session, client, fd, answer);
		return NULL;
	}
	greet(session, answer);
	if (fd < 0)
		vm_answer_fd(answer, vm_space_uffd(session->client->space));
	return NULL;
}

/* ---- forking ------------------------------------------------------------ */

static bool
token_is_known_locked(struct vm_server *server, uint64_t token)
{
	struct vm_client *c;

	for (c = server->clients; c != NULL; c = c->next) {
		if (c->token == token)
			return true;
		for (unsigned i = 0; i < c->forks; i++)
			if (c->fork[i] == token)
				return true;
	}
	return false;
}

static const char *
expect_fork_locked(struct vm_session *session, uint64_t token,
    struct vm_answer *answer)
{
	struct vm_client *client = session->client;

	if (token == 0) {
		client->forks -= client->forks > 0;
		return NULL;
	}
	if (token_is_known_locked(session->server, token))
		return "a fork's token that is in use";
	if (client->forks == VM_CLIENT_FORKS_MAX) {
		vm_answer_error(answer, EAGAIN, "too many forks at once");
		return NULL;
	}
	client->fork[client->forks++] = token;
	return NULL;
}

const char *
vm_client_forking(struct vm_session *session,
    const struct vm_request *request, int fd, struct vm_answer *answer)
{
	struct vm_client *client = session->client;
	struct vm_server *server = session->server;
	const char *wrong;

	(void)fd;
	/* Without ranges there will be no event, and a child starts anew. */
	if (client->space != NULL)
		answer->reply.value = vm_space_ranges(client->space);
	if (request->token != 0 && answer->reply.value == 0)
		return NULL;
	pthread_mutex_lock(&server->lock);
	wrong = expect_fork_locked(session, request->token, answer);
	pthread_mutex_unlock(&server->lock);
	return wrong;
}

/* The child gets what the parent was granted, and the oldest token. */
static void
inherit_locked(struct vm_client *child, struct vm_client *parent)
{
	child->may_read = parent->may_read;
	child->may_write = parent->may_write;
	child->stale = parent->stale;
	if (parent->forks == 0)
		return;
	child->token = parent->fork[0];
	parent->forks--;
	memmove(parent->fork, parent->fork + 1,
	    parent->forks * sizeof(parent->fork[0]));
}

void
vm_client_forked(void *arg, struct vm_space *parent, struct vm_space *child)
{
	struct vm_server *server = arg;
	struct vm_client *client = new_client();
	struct vm_client *c;

	if (client == NULL) {	/* served all the same, by nobody's name */
		atomic_fetch_add(&server->errors, 1);
		return;
	}
	client->space = child;
	pthread_mutex_lock(&server->lock);
	for (c = server->clients; c != NULL && c->space != parent; c = c->next)
		continue;
	if (c != NULL)
		inherit_locked(client, c);
	link_locked(server, client);
	server->hurry = true;
	pthread_cond_broadcast(&server->changed);
	pthread_cond_signal(&server->wake);
	pthread_mutex_unlock(&server->lock);
}

/* The child with this token, used once more; waits for its fork event.  NULL:
 * no such fork. */
static struct vm_client *
await_child(struct vm_server *server, uint64_t token)
{
	struct timespec deadline = deadline_in(ADOPT_WAIT_S);
	struct vm_client *c = NULL;
	bool time_left = true;

	pthread_mutex_lock(&server->lock);
	while (token != 0) {
		for (c = server->clients; c != NULL; c = c->next)
			if (c->token == token && !c->dying)
				break;
		if (c != NULL || !time_left || server->stopping ||
		    !token_is_known_locked(server, token))
			break;
		time_left = wait_changed(server, &deadline);
	}
	if (c != NULL) {
		c->token = 0;
		c->uses++;
	}
	pthread_mutex_unlock(&server->lock);
	return c;
}

/* Takes the token from the parent that has announced it, and what the parent
 * may.  False: nobody has. */
static bool
inherit_by_token(struct vm_server *server, struct vm_client *child,
    uint64_t token)
{
	struct vm_client *c;
	unsigned at = 0;

	pthread_mutex_lock(&server->lock);
	for (c = server->clients; c != NULL; c = c->next) {
		for (at = 0; at < c->forks && c->fork[at] != token; at++)
			continue;
		if (c->forkless && at < c->forks)
			break;
	}
	if (c != NULL) {
		memmove(&c->fork[at], &c->fork[at + 1],
		    (c->forks - at - 1) * sizeof(c->fork[0]));
		c->forks--;
		child->may_read = c->may_read;
		child->may_write = c->may_write;
		child->stale = c->stale;
	}
	pthread_mutex_unlock(&server->lock);
	return c != NULL;
}

/* The child of a parent whose forks go unseen. */
static const char *
adopt_unseen(struct vm_session *session, uint64_t token, int uffd,
    struct vm_answer *answer)
{
	struct vm_client *client;

	if (!is_userfaultfd(uffd))
		return "a descriptor that is no userfaultfd";
	client = new_client();
	if (client != NULL) {
		client->forkless = true;
		if (!inherit_by_token(session->server, client, token)) {
			free_client(client);
			vm_answer_error(answer, ENOENT, "no such fork");
			return NULL;
		}
	}
	admit(session, client, uffd, answer);
	return NULL;
}

const char *
vm_client_adopt(struct vm_session *session, const struct vm_request *request,
    int fd, struct vm_answer *answer)
{
	struct vm_server *server = session->server;
	struct vm_client *client;
	int error;

	if (fd >= 0)
		return adopt_unseen(session, request->token, fd, answer);
	client = await_child(server, request->token);
	if (client == NULL) {
		vm_answer_error(answer, ENOENT, "no such fork");
		return NULL;
	}
	error = open_page(client);
	client->pidfd = pidfd_open(session->pid, 0);
	pthread_mutex_lock(&server->lock);
	if (error == 0)
		connect_locked(session, client);
	put_locked(server, client);
	pthread_mutex_unlock(&server->lock);
	if (error != 0) {
		vm_answer_error(answer, error, NULL);
		return NULL;
	}
	atomic_fetch_add(&server->clients_count, 1);
	greet(session, answer);
	vm_answer_fd(answer, vm_space_uffd(client->space));
	return NULL;
}

void
vm_client_failed(void *arg, struct vm_space *space, uint64_t address,
    int error, const char *text)
{
	struct vm_server *server = arg;
	struct vm_failure *f;

	atomic_fetch_add(&server->errors, 1);
	pthread_mutex_lock(&server->lock);
	if (server->failures < VM_SERVER_FAILURES_MAX) {
		f = &server->failure[server->failures++];
		f->space = space;
		f->address = address;
		f->error = error;
		vm_say_clean(f->text, sizeof(f->text), text);
		server->hurry = true;
		pthread_cond_signal(&server->wake);
	}
	pthread_mutex_unlock(&server->lock);
}

/* ---- going -------------------------------------------------------------- */

/* Files the client could write: the next with a number >= from, used once
 * more. */
static struct vm_file *
next_written(struct vm_server *server, const struct vm_client *client,
    uint32_t from)
{
	struct vm_file *file = NULL;

	pthread_mutex_lock(&server->lock);
	for (uint32_t n = from; n < VM_TABLE_FILES && file == NULL; n++)
		if ((client->may_write.bits[n / 64] >> n % 64) & 1)
			file = server->file[n];
	if (file != NULL)
		file->uses++;
	pthread_mutex_unlock(&server->lock);
	return file;
}

static void
flush_files(struct vm_server *server, const struct vm_client *client)
{
	struct vm_file *file = next_written(server, client, 0);

	while (file != NULL) {
		uint32_t number = file->number;

		vm_file_flush(server, file, 0, VM_LENGTH_ALL);
		vm_file_put(server, file);
		file = next_written(server, client, number + 1);
	}
}

/* The client is dying and has no session: nobody finds it any more. */
static void
take_down(struct vm_server *server, struct vm_client *client)
{
	struct vm_space *space;

	pthread_mutex_lock(&server->lock);
	while (client->uses > 0)
		pthread_cond_wait(&server->changed, &server->lock);
	space = client->space;
	pthread_mutex_unlock(&server->lock);
	vm_wire_drop_all(server, client);
	/* Children that are told of now still find their parent by it. */
	if (space != NULL)
		vm_space_destroy(space);
	flush_files(server, client);
	pthread_mutex_lock(&server->lock);
	client->space = NULL;
	unlink_locked(server, client);
	pthread_cond_broadcast(&server->changed);
	/* Its anonymous memory is nobody's now. */
	server->hurry = true;
	pthread_cond_signal(&server->wake);
	pthread_mutex_unlock(&server->lock);
	free_client(client);
}

bool
vm_client_retire(struct vm_server *server, struct vm_client *client)
{
	bool ours;

	pthread_mutex_lock(&server->lock);
	ours = client->session == NULL && !client->dying;
	if (ours)
		client->dying = true;
	put_locked(server, client);
	pthread_mutex_unlock(&server->lock);
	if (ours)
		take_down(server, client);
	return ours;
}

void
vm_client_hangup(struct vm_session *session)
{
	struct vm_server *server = session->server;
	struct vm_client *client = session->client;
	bool alive = vm_client_alive(client);

	/* While it can still be told whose faults they were. */
	vm_keeper_say_failures(server);
	if (client->space != NULL)
		vm_space_thaw(client->space);
	vm_write_abandon(server, client);
	pthread_mutex_lock(&server->lock);
	client->session = NULL;
	client->dying = !alive || session->condemned;
	put_locked(server, client);
	pthread_cond_broadcast(&server->changed);
	alive = !client->dying;
	pthread_mutex_unlock(&server->lock);
	session->client = NULL;
	if (!alive)
		take_down(server, client);
}
