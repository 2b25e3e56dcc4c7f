/* SPDX-License-Identifier: BSD-2-Clause */
/* server/write.c - bytes that come and go around the maps. */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "server/say.h"
#include "server/server_private.h"

/* 1 s: a thread between a write(2) and the pages' update copies 1 MiB at
 * most; one that takes longer is stopped, or hostile. */
#define QUIESCE_NS INT64_C(1000000000)
/* 50 us between two looks: about the length of such a write. */
#define QUIESCE_STEP_NS 50000

/* The end of a request's bytes, where VM_LENGTH_ALL means all. */
static uint64_t
end_of(const struct vm_request *request)
{
	if (request->length > (uint64_t)INT64_MAX - request->offset)
		return (uint64_t)INT64_MAX;
	return request->offset + request->length;
}

/* ---- SYNC, FLUSH -------------------------------------------------------- */

/* Dirty bytes of the request go to the file; with sync, to stable storage. */
static const char *
write_back(struct vm_session *session, const struct vm_request *request,
    struct vm_answer *answer, bool sync)
{
	const char *wrong;
	struct vm_file *file = vm_grant_file(session, request, VM_RIGHT_READ,
	    answer, &wrong);
	uint64_t length = end_of(request) - request->offset;
	int error;

	if (file == NULL)
		return wrong;
	error = vm_file_flush(session->server, file, request->offset, length);
	if (error == 0 && sync)
		error = vm_object_sync(file->object, request->offset, length);
	if (error != 0)
		vm_answer_error(answer, error, vm_last_error());
	vm_file_put(session->server, file);
	return NULL;
}

const char *
vm_write_sync(struct vm_session *session, const struct vm_request *request,
    int fd, struct vm_answer *answer)
{
	(void)fd;
	return write_back(session, request, answer, true);
}

const char *
vm_write_flush(struct vm_session *session, const struct vm_request *request,
    int fd, struct vm_answer *answer)
{
	(void)fd;
	return write_back(session, request, answer, false);
}

/* ---- WRITE_BEGIN, WRITE_END, WROTE -------------------------------------- */

const char *
vm_write_begin(struct vm_session *session, const struct vm_request *request,
    int fd, struct vm_answer *answer)
{
	struct vm_client *client = session->client;
	const char *wrong;
	struct vm_file *file;
	int error;

	(void)fd;
	/* A second one could wait for the first, whose end we could not
	 * receive meanwhile. */
	if (client->begun != NULL)
		return "a second write before the end of the first";
	file = vm_grant_file(session, request, VM_RIGHT_WRITE, answer, &wrong);
	if (file == NULL)
		return wrong;
	error = vm_object_write_begin(file->object, request->offset,
	    request->length);
	if (error != 0) {
		vm_answer_error(answer, error, vm_last_error());
		vm_file_put(session->server, file);
		return NULL;
	}
	client->begun = file;
	client->begun_offset = request->offset;
	client->begun_length = request->length;
	return NULL;
}

/* Ends the client's write; the file's use is given back. */
static int
finish(struct vm_server *server, struct vm_client *client, uint64_t written)
{
	struct vm_file *file = client->begun;
	int error = vm_object_write_end(file->object, client->begun_offset,
	    client->begun_length, written);

	client->begun = NULL;
	vm_file_stamp(server, file);
	vm_file_put(server, file);
	return error;
}

const char *
vm_write_end(struct vm_session *session, const struct vm_request *request,
    int fd, struct vm_answer *answer)
{
	struct vm_client *client = session->client;
	int error;

	(void)fd;
	if (client->begun == NULL || client->begun->number != request->file ||
	    client->begun_offset != request->offset ||
	    client->begun_length != request->length ||
	    request->token > request->length)
		return "the end of a write that it has not begun";
	answer->reply.value = vm_object_length(client->begun->object);
	error = finish(session->server, client, request->token);
	if (error != 0)
		vm_answer_error(answer, error, vm_last_error());
	return NULL;
}

void
vm_write_abandon(struct vm_server *server, struct vm_client *client)
{
	/* Nobody knows how far it came: the file's bytes count. */
	if (client->begun != NULL)
		(void)finish(server, client, client->begun_length);
}

/* How far the file or its object reach: nothing is behind that. */
static uint64_t
reach_of(struct vm_file *file)
{
	uint64_t reach = vm_object_length(file->object);
	struct stat st;

	if (fstat(file->fd, &st) == 0 && (uint64_t)st.st_size > reach)
		reach = (uint64_t)st.st_size;
	return reach;
}

/* Pages of [offset, end) take the file's bytes over, piece by piece. */
static int
follow(struct vm_file *file, uint64_t offset, uint64_t end)
{
	int error = 0;

	while (offset < end && error == 0) {
		uint64_t length = end - offset;

		if (length > VM_WRITE_CHUNK)
			length = VM_WRITE_CHUNK;
		error = vm_object_write_begin(file->object, offset, length);
		if (error == 0)
			error = vm_object_write_end(file->object, offset,
			    length, length);
		offset += length;
	}
	return error;
}

const char *
vm_write_wrote(struct vm_session *session, const struct vm_request *request,
    int fd, struct vm_answer *answer)
{
	struct vm_client *client = session->client;
	const char *wrong;
	struct vm_file *file;
	uint64_t end, reach;
	int error;

	(void)fd;
	if (client->begun != NULL)
		return "a second write before the end of the first";
	file = vm_grant_file(session, request, VM_RIGHT_WRITE, answer, &wrong);
	if (file == NULL)
		return wrong;
	reach = reach_of(file);
	end = end_of(request) < reach ? end_of(request) : reach;
	error = follow(file, request->offset, end);
	vm_file_stamp(session->server, file);
	if (error != 0)
		vm_answer_error(answer, error, vm_last_error());
	answer->reply.value = vm_object_length(file->object);
	vm_file_put(session->server, file);
	return NULL;
}

/* ---- TRUNCATE, FALLOCATE ------------------------------------------------ */

/* The managed file behind a writable descriptor, one use more; or NULL and
 * the answer, or *wrong. */
static struct vm_file *
writable_file(struct vm_session *session, int fd, struct vm_answer *answer,
    const char **wrong)
{
	struct vm_file *file = NULL;
	struct stat st;
	int flags = fcntl(fd, F_GETFL);

	*wrong = NULL;
	if (flags < 0 || (flags & O_PATH) || (flags & O_ACCMODE) == O_RDONLY)
		*wrong = "a descriptor that it cannot write";
	else if (fstat(fd, &st) != 0)
		vm_answer_error(answer, errno, NULL);
	else {
		file = vm_file_find(session->server, &st);
		if (file == NULL)
			vm_answer_error(answer, ENOENT, "not managed");
	}
	return file;
}

/*
 * Shorter: the pages go first, or a write-back would make the file long
 * again; what is dirty behind the new end is written before, so that nothing
 * is lost when the call fails.
 */
static int
shorten(struct vm_server *server, struct vm_file *file, int fd,
    uint64_t length)
{
	uint64_t old = vm_object_length(file->object);
	int error = vm_file_flush(server, file, length, old - length);

	if (error == 0)
		error = vm_object_resize(file->object, length);
	if (error != 0)
		return error;
	if (ftruncate(fd, (off_t)length) == 0)
		return 0;
	error = -errno;
	(void)!vm_object_resize(file->object, old);
	return error;
}

static int
lengthen(struct vm_file *file, int fd, uint64_t length)
{
	if (ftruncate(fd, (off_t)length) != 0)
		return -errno;
	return vm_object_resize(file->object, length);
}

const char *
vm_write_truncate(struct vm_session *session,
    const struct vm_request *request, int fd, struct vm_answer *answer)
{
	struct vm_server *server = session->server;
	const char *wrong;
	struct vm_file *file = writable_file(session, fd, answer, &wrong);
	int error;

	if (file == NULL)
		return wrong;
	pthread_mutex_lock(&file->lock);
	error = request->length < vm_object_length(file->object)
	    ? shorten(server, file, fd, request->length)
	    : lengthen(file, fd, request->length);
	pthread_mutex_unlock(&file->lock);
	vm_file_stamp(server, file);
	if (error != 0)
		vm_answer_error(answer, error, NULL);
	answer->reply.value = vm_object_length(file->object);
	vm_file_put(server, file);
	return NULL;
}

/* Bytes that become zeros: piece by piece within the file, so that few pages
 * are held at a time, and what lies behind its end in one call. */
static int
make_zeros(struct vm_file *file, int fd, const struct vm_request *request)
{
	uint64_t offset = request->offset;
	uint64_t end = end_of(request);
	uint64_t reach = reach_of(file);
	int error = 0;

	while (offset < end && error == 0) {
		uint64_t length = end - offset;
		bool inside = offset < reach;

		if (inside && length > VM_WRITE_CHUNK)
			length = VM_WRITE_CHUNK;
		if (inside)
			error = vm_object_write_begin(file->object, offset,
			    length);
		if (error != 0)
			break;
		if (fallocate(fd, (int)request->prot, (off_t)offset,
		    (off_t)length) != 0)
			error = -errno;
		if (inside && vm_object_write_end(file->object, offset,
		    length, error == 0 ? length : 0) != 0 && error == 0)
			error = -EIO;
		offset += length;
	}
	return error;
}

static int
allocate(struct vm_file *file, int fd, const struct vm_request *request)
{
	const uint32_t moves = FALLOC_FL_COLLAPSE_RANGE |
	    FALLOC_FL_INSERT_RANGE;
	const uint32_t zeros = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE;
	struct stat st;
	int error = 0;

	/* Programs expect this answer: few file systems can do it. */
	if (request->prot & moves)
		return -EOPNOTSUPP;
	if (request->prot & zeros)
		error = make_zeros(file, fd, request);
	else if (fallocate(fd, (int)request->prot, (off_t)request->offset,
	    (off_t)request->length) != 0)
		error = -errno;
	if (fstat(fd, &st) == 0 &&
	    (uint64_t)st.st_size > vm_object_length(file->object) &&
	    vm_object_resize(file->object, (uint64_t)st.st_size) != 0 &&
	    error == 0)
		error = -ENOMEM;
	return error;
}

const char *
vm_write_fallocate(struct vm_session *session,
    const struct vm_request *request, int fd, struct vm_answer *answer)
{
	const char *wrong;
	struct vm_file *file;
	int error;

	if (session->client->begun != NULL)
		return "a second write before the end of the first";
	file = writable_file(session, fd, answer, &wrong);
	if (file == NULL)
		return wrong;
	pthread_mutex_lock(&file->lock);
	error = allocate(file, fd, request);
	pthread_mutex_unlock(&file->lock);
	vm_file_stamp(session->server, file);
	if (error != 0)
		vm_answer_error(answer, error, NULL);
	answer->reply.value = vm_object_length(file->object);
	vm_file_put(session->server, file);
	return NULL;
}

/* ---- the first TRACKED range -------------------------------------------- */

/* True when the client is not inside the write any more in which it was. */
static bool
has_left(const struct vm_client *client, uint32_t seen)
{
	uint32_t now = atomic_load_explicit(client->writing,
	    memory_order_acquire);

	return (now & 1) == 0 || now != seen;
}

/* False when the client stayed inside for too long. */
static bool
wait_for(const struct vm_client *client)
{
	const struct timespec step = { 0, QUIESCE_STEP_NS };
	uint32_t seen = atomic_load_explicit(client->writing,
	    memory_order_acquire);
	int64_t end = vm_now_ns() + QUIESCE_NS;

	while (!has_left(client, seen)) {
		if (vm_now_ns() > end)
			return !vm_client_alive(client);
		nanosleep(&step, NULL);
	}
	return true;
}

static void
condemn(struct vm_server *server, struct vm_client *client)
{
	pthread_mutex_lock(&server->lock);
	if (client->session != NULL) {
		client->session->condemned = true;
		shutdown(client->session->fd, SHUT_RDWR);
	}
	pthread_mutex_unlock(&server->lock);
	atomic_fetch_add(&server->errors, 1);
	vm_say("process %d does not let go of a write: its session has ended",
	    (int)client->pid);
}

void
vm_write_quiesce(struct vm_server *server, struct vm_file *file)
{
	struct vm_client *c = vm_client_next(server, 0);

	/* The library has set face.tracked; a client that looks at it after
	 * this, sees it. */
	atomic_thread_fence(memory_order_seq_cst);
	while (c != NULL) {
		uint64_t id = c->id;

		if (c->writing != NULL && vm_grant_has(server, c,
		    file->number, VM_RIGHT_WRITE) && !wait_for(c))
			condemn(server, c);
		vm_client_put(server, c);
		c = vm_client_next(server, id + 1);
	}
}
