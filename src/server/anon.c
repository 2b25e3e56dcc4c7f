/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/anon.c - private anonymous memory of clients.
 *
 * Each mapping is an object of its own, whose store is mapped by one process:
 * who else could see it is a forked child, and that gets a copy.  So its pages
 * go to the swap file, and nothing of it is written at the end.
 */
#include <errno.h>

#include "server/server_private.h"

/* 60 s: a child enters its copies within milliseconds; its parent, which waits
 * for it 10 s, gives them back itself when the fork failed. */
#define AWAIT_NS INT64_C(60000000000)

#define NAME "anonymous memory"

/* A new object of the system under a number; NULL: the answer is no. */
static struct vm_file *
new_memory(struct vm_server *server, uint64_t length)
{
	struct vm_object *object;
	struct vm_file *file;

	if (vm_object_create_anon(server->vm, length, VM_OBJECT_STORE,
	    &object) != 0)
		return NULL;
	file = vm_file_new_anon(server, object);
	if (file == NULL)
		(void)!vm_object_destroy(object);
	return file;
}

/* VM_PASS_NONE when the range was entered and answered. */
static enum vm_pass
manage(struct vm_session *session, const struct vm_request *request,
    struct vm_answer *answer)
{
	struct vm_server *server = session->server;
	struct vm_file *file = new_memory(server, request->length);
	int error;

	if (file == NULL)
		return VM_PASS_FULL;
	error = vm_space_enter(session->client->space, request->address,
	    request->length, file->object, 0, VM_RANGE_TRACKED);
	if (error == 0) {
		vm_grant(server, session->client, file, VM_RIGHT_WRITE);
		answer->reply.verdict = VM_VERDICT_MANAGED;
		answer->reply.file = file->number;
		answer->reply.kind = VM_RANGE_TRACKED;
		answer->reply.value = request->length;
		vm_answer_fd(answer, vm_object_store_fd(file->object, 1));
		error = answer->reply.error;
	}
	if (error != 0) {
		(void)!vm_space_leave(session->client->space,
		    request->address, request->length);
		answer->reply = (struct vm_reply){ .op = VM_REQ_ANON };
	}
	vm_file_drop_anon(server, file);
	return error == 0 ? VM_PASS_NONE : VM_PASS_FULL;
}

const char *
vm_anon_map(struct vm_session *session, const struct vm_request *request,
    int fd, struct vm_answer *answer)
{
	struct vm_server *server = session->server;
	uint64_t least = server->options.anon_min_bytes;
	enum vm_pass reason;

	(void)fd;
	if (least == 0 || request->length < least)
		reason = VM_PASS_SMALL;
	else if (session->client->space == NULL || !session->client->forkless)
		reason = VM_PASS_PERMISSION;
	else
		reason = manage(session, request, answer);
	if (reason == VM_PASS_NONE)
		atomic_fetch_add(&server->managed, 1);
	else
		vm_map_pass(server, reason, NAME, answer);
	return NULL;
}

int
vm_anon_grow(struct vm_file *file, const struct vm_request *request)
{
	uint64_t end = request->offset + request->length;

	if ((request->flags & VM_ENTER_TAIL) == 0)
		return 0;
	if (request->offset != vm_object_length(file->object) ||
	    end < request->offset)
		return -EINVAL;
	return vm_object_resize(file->object, end);
}

/* The anonymous memory that a request names, one use more.  NULL: as
 * vm_grant_file. */
static struct vm_file *
memory_of(struct vm_session *session, const struct vm_request *request,
    struct vm_answer *answer, const char **wrong)
{
	struct vm_file *file = vm_grant_file(session, request, VM_RIGHT_WRITE,
	    answer, wrong);

	if (file == NULL || file->anonymous)
		return file;
	vm_file_put(session->server, file);
	*wrong = "a file where anonymous memory should be";
	return NULL;
}

/* Its last page is where it ends from now on, so that it can grow again. */
static int
leave(struct vm_session *session, struct vm_file *file, uint64_t offset,
    uint64_t end)
{
	pthread_mutex_lock(&session->server->lock);
	file->awaited_ns = 0;
	pthread_mutex_unlock(&session->server->lock);
	/* The event of the unmap comes first. */
	if (session->client->space != NULL)
		(void)vm_space_ranges(session->client->space);
	(void)vm_client_unwire(session->client, file, offset, end);
	if (offset > 0 && end >= vm_object_length(file->object))
		return vm_object_resize(file->object, offset);
	return 0;
}

const char *
vm_anon_discard(struct vm_session *session, const struct vm_request *request,
    int fd, struct vm_answer *answer)
{
	const char *wrong;
	struct vm_file *file = memory_of(session, request, answer, &wrong);
	uint64_t end = request->offset + request->length;
	int error = 0;

	(void)fd;
	if (file == NULL)
		return wrong;
	if ((request->flags & ~(VM_DISCARD_LEFT | VM_DISCARD_LAZY)) != 0 ||
	    end < request->offset) {
		vm_file_put(session->server, file);
		return "a part of memory that cannot be";
	}
	pthread_mutex_lock(&file->lock);
	if ((request->flags & VM_DISCARD_LEFT) != 0)
		error = leave(session, file, request->offset, end);
	/* All of an object that goes is dropped with it. */
	if (error == 0 && ((request->flags & VM_DISCARD_LEFT) == 0 ||
	    request->offset > 0 || end < vm_object_length(file->object)))
		error = vm_object_advise_range(file->object, request->offset,
		    request->length, (request->flags & VM_DISCARD_LAZY) != 0 ?
		    VM_ADVICE_VOLATILE : VM_ADVICE_FREE);
	pthread_mutex_unlock(&file->lock);
	if (error != 0)
		vm_answer_error(answer, error, vm_last_error());
	vm_file_drop_anon(session->server, file);
	return NULL;
}

const char *
vm_anon_freeze(struct vm_session *session, const struct vm_request *request,
    int fd, struct vm_answer *answer)
{
	struct vm_space *space = session->client->space;

	(void)fd;
	(void)answer;
	if (space == NULL || request->token > 1)
		return "a freeze of nothing";
	if (request->token != 0)
		vm_space_freeze(space);
	else
		vm_space_thaw(space);
	return NULL;
}

static int
clone_for_child(struct vm_session *session, const struct vm_file *file,
    struct vm_answer *answer)
{
	struct vm_server *server = session->server;
	struct vm_object *object;
	struct vm_file *copy;
	int error = vm_object_clone(file->object, VM_OBJECT_STORE, &object);

	if (error != 0)
		return error;
	copy = vm_file_new_anon(server, object);
	if (copy == NULL) {
		(void)!vm_object_destroy(object);
		return -ENFILE;
	}
	pthread_mutex_lock(&server->lock);
	copy->awaited_ns = vm_now_ns() + AWAIT_NS;
	pthread_mutex_unlock(&server->lock);
	vm_grant(server, session->client, copy, VM_RIGHT_WRITE);
	answer->reply.file = copy->number;
	vm_file_put(server, copy);
	return 0;
}

const char *
vm_anon_clone(struct vm_session *session, const struct vm_request *request,
    int fd, struct vm_answer *answer)
{
	const char *wrong;
	struct vm_file *file = memory_of(session, request, answer, &wrong);
	int error;

	(void)fd;
	if (file == NULL)
		return wrong;
	error = clone_for_child(session, file, answer);
	if (error != 0)
		vm_answer_error(answer, error, error == -ENFILE ?
		    "too many maps" : vm_last_error());
	vm_file_put(session->server, file);
	return NULL;
}
