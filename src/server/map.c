/* SPDX-License-Identifier: BSD-2-Clause */
/* server/map.c - ranges: how they come, change, and go. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "server/say.h"
#include "server/server_private.h"
#include "server/verdict.h"

/* ---- what stays with the kernel ----------------------------------------- */

void
vm_map_pass(struct vm_server *server, enum vm_pass reason, const char *name,
    struct vm_answer *answer)
{
	uint32_t bit = UINT32_C(1) << reason;
	bool strict = server->options.strict && vm_verdict_is_strict(reason);

	answer->reply.verdict = strict ? VM_VERDICT_REFUSE : VM_VERDICT_PASS;
	answer->reply.reason = reason;
	if (!vm_verdict_counts(reason))
		return;
	atomic_fetch_add(&server->passed, 1);
	if (strict) {
		atomic_fetch_add(&server->errors, 1);
		answer->reply.error = ENODEV;
		snprintf(answer->reply.text, sizeof(answer->reply.text),
		    "--strict: %s", vm_verdict_text(reason));
	}
	if (!strict && (reason == VM_PASS_PATTERN || server->options.quiet))
		return;
	if (atomic_fetch_or(&server->reasons_said, bit) & bit)
		return;
	vm_say("%s: %s: %s%s", name, strict ? "mapping refused (--strict)"
					    : "mapping left to the kernel",
	    vm_verdict_text(reason), strict ? "" :
	    "; others like it are only counted");
}

const char *
vm_map_passed(struct vm_session *session, const struct vm_request *request,
    int fd, struct vm_answer *answer)
{
	char name[64];

	(void)fd;
	if (request->token == VM_PASS_NONE || request->token > VM_PASS_PRIVATE)
		return "a reason that does not exist";
	snprintf(name, sizeof(name), "process %d", (int)session->pid);
	vm_map_pass(session->server, (enum vm_pass)request->token, name,
	    answer);
	return NULL;
}

/* ---- MAP ---------------------------------------------------------------- */

/* One MAP on its way. */
struct mapping {
	const struct vm_request *request;
	struct stat st;
	struct vm_wish wish;
	enum vm_range_kind kind;
	bool writable;		/* the descriptor is open for both */
	char name[PATH_MAX];
};

static void
name_of(int fd, char *name, size_t size)
{
	char path[32];
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	length = readlink(path, name, size - 1);
	name[length < 0 ? 0 : length] = '\0';
}

/* What the descriptor itself says; nothing of it is taken from the request. */
static bool
look_at(int fd, struct mapping *m)
{
	const struct vm_request *request = m->request;
	struct statfs fs;
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fstat(fd, &m->st) != 0 || fstatfs(fd, &fs) != 0)
		return false;
	name_of(fd, m->name, sizeof(m->name));
	m->writable = (flags & O_ACCMODE) == O_RDWR;
	m->wish = (struct vm_wish){
		.length = request->length,
		.prot = request->prot,
		.flags = request->flags,
		.open_flags = flags,
		.mode = m->st.st_mode,
		.filesystem = (uint64_t)fs.f_type,
		.name = m->name,
	};
	return true;
}

/* Under file->lock. */
static int
enter(struct vm_session *session, struct vm_file *file, int fd,
    const struct mapping *m)
{
	const struct vm_request *r = m->request;
	bool shared = (r->flags & MAP_TYPE) != MAP_PRIVATE;
	int error = vm_file_prepare(session->server, file, fd,
	    shared && m->writable);

	if (error != 0)
		return error;
	return vm_space_enter(session->client->space, r->address, r->length,
	    file->object, r->offset, m->kind);
}

/* The first writable shared range: whoever was writing through an ALIAS by
 * now has to be done.  file->lock held. */
static void
track(struct vm_server *server, struct vm_file *file)
{
	vm_file_stamp(server, file);
	if (file->tracked)
		return;
	file->tracked = true;
	vm_write_quiesce(server, file);
}

static void
answer_managed(struct vm_server *server, struct vm_file *file, bool writable,
    struct vm_answer *answer)
{
	answer->reply.verdict = VM_VERDICT_MANAGED;
	answer->reply.file = file->number;
	answer->reply.value = vm_object_length(file->object);
	vm_answer_fd(answer, vm_object_store_fd(file->object, writable));
	vm_answer_fd(answer, vm_object_face_fd(file->object));
	(void)server;
}

/* VM_PASS_NONE when the range was entered and answered. */
static enum vm_pass
manage(struct vm_session *session, int fd, struct mapping *m,
    struct vm_answer *answer)
{
	struct vm_server *server = session->server;
	struct vm_file *file = vm_file_get(server, &m->st, m->name);
	int error;

	if (file == NULL)
		return VM_PASS_FULL;
	pthread_mutex_lock(&file->lock);
	error = enter(session, file, fd, m);
	if (error == 0 && m->kind == VM_RANGE_TRACKED)
		track(server, file);
	pthread_mutex_unlock(&file->lock);
	if (error == 0) {
		vm_grant(server, session->client, file,
		    m->writable ? VM_RIGHT_WRITE : VM_RIGHT_READ);
		answer_managed(server, file, m->writable, answer);
		answer->reply.kind = m->kind;
		error = -answer->reply.error;
		if (error != 0)
			vm_space_leave(session->client->space,
			    m->request->address, m->request->length);
	}
	vm_file_put(server, file);
	if (error != 0)
		answer->reply = (struct vm_reply){ .op = VM_REQ_MAP };
	return error == 0 ? VM_PASS_NONE : error == -EACCES
	    ? VM_PASS_PERMISSION : VM_PASS_FULL;
}

/*
 * A private map that a client whose forks go unseen will write to: that would
 * not be its child's.  The kernel maps the file itself, as it is by now.
 */
static enum vm_pass
pass_private(struct vm_session *session, const struct mapping *m)
{
	struct vm_file *file;

	if (!session->client->forkless ||
	    m->kind != VM_RANGE_PRIVATE)
		return VM_PASS_NONE;
	file = vm_file_find(session->server, &m->st);
	if (file != NULL) {
		(void)vm_file_flush(session->server, file, 0, VM_LENGTH_ALL);
		vm_file_put(session->server, file);
	}
	return VM_PASS_PRIVATE;
}

const char *
vm_map_map(struct vm_session *session, const struct vm_request *request,
    int fd, struct vm_answer *answer)
{
	struct vm_server *server = session->server;
	struct mapping m = { .request = request };
	enum vm_pass reason;

	if (!look_at(fd, &m))
		reason = VM_PASS_SPECIAL;
	else
		reason = vm_verdict(&server->options, &m.wish, &m.kind);
	if (reason == VM_PASS_NONE && session->client->space == NULL)
		reason = VM_PASS_PERMISSION;
	if (reason == VM_PASS_NONE)
		reason = pass_private(session, &m);
	if (reason == VM_PASS_NONE)
		reason = manage(session, fd, &m, answer);
	if (reason == VM_PASS_NONE)
		atomic_fetch_add(&server->managed, 1);
	else
		vm_map_pass(server, reason, m.name, answer);
	return NULL;
}

/* ---- ranges of files that the client has -------------------------------- */

static bool
is_kind(uint32_t kind)
{
	return kind == VM_RANGE_READ || kind == VM_RANGE_TRACKED ||
	    kind == VM_RANGE_ALIAS || kind == VM_RANGE_PRIVATE;
}

const char *
vm_map_enter(struct vm_session *session, const struct vm_request *request,
    int fd, struct vm_answer *answer)
{
	struct vm_server *server = session->server;
	enum vm_range_kind kind = (enum vm_range_kind)request->prot;
	bool writes = kind == VM_RANGE_TRACKED || kind == VM_RANGE_ALIAS;
	struct vm_file *file;
	const char *wrong;
	int error;

	(void)fd;
	if (!is_kind(request->prot))
		return "a kind of range that does not exist";
	if ((request->flags & ~VM_ENTER_TAIL) != 0)
		return "a flag that does not exist";
	if (session->client->space == NULL)
		return "a range without a userfaultfd";
	file = vm_grant_file(session, request,
	    writes ? VM_RIGHT_WRITE : VM_RIGHT_READ, answer, &wrong);
	if (file == NULL)
		return wrong;
	pthread_mutex_lock(&file->lock);
	error = file->anonymous ? vm_anon_grow(file, request) : 0;
	if (error == 0)
		error = vm_space_enter(session->client->space,
		    request->address, request->length, file->object,
		    request->offset, kind);
	if (error == 0 && kind == VM_RANGE_TRACKED)
		track(server, file);
	pthread_mutex_unlock(&file->lock);
	if (error != 0)
		vm_answer_error(answer, error, vm_last_error());
	answer->reply.value = vm_object_length(file->object);
	vm_file_put(server, file);
	return NULL;
}

const char *
vm_map_mapped(struct vm_session *session, const struct vm_request *request,
    int fd, struct vm_answer *answer)
{
	int error;

	(void)fd;
	if (session->client->space == NULL)
		return "a range without a userfaultfd";
	error = vm_space_protect(session->client->space, request->address,
	    request->length);
	if (error != 0)
		vm_answer_error(answer, error, vm_last_error());
	return NULL;
}

/* Calls each for every range in [address, address + length), cut to it; stops
 * at the first that returns nonzero, and returns that. */
static int
each_range(struct vm_session *session, const struct vm_request *request,
    int (*each)(struct vm_session *, const struct vm_range *))
{
	uint64_t at = request->address;
	uint64_t end = request->address + request->length;
	struct vm_range range;
	int result = 0;

	while (result == 0 && at < end && session->client->space != NULL &&
	    vm_space_find(session->client->space, at, &range) == 0 &&
	    range.address < end) {
		if (range.address < at) {
			range.offset += at - range.address;
			range.length -= at - range.address;
			range.address = at;
		}
		if (range.length > end - range.address)
			range.length = end - range.address;
		at = range.address + range.length;
		result = each(session, &range);
	}
	return result;
}

/* 1: not the client's to write. */
static int
may_track(struct vm_session *session, const struct vm_range *range)
{
	struct vm_server *server = session->server;
	struct vm_file *file = vm_file_of_object(server, range->object);
	bool may;

	if (file == NULL)
		return 1;
	may = vm_grant_has(server, session->client, file->number,
	    VM_RIGHT_WRITE);
	vm_file_put(server, file);
	return may ? 0 : 1;
}

static int
track_range(struct vm_session *session, const struct vm_range *range)
{
	struct vm_file *file = vm_file_of_object(session->server,
	    range->object);

	if (file == NULL)
		return 0;
	pthread_mutex_lock(&file->lock);
	track(session->server, file);
	pthread_mutex_unlock(&file->lock);
	vm_file_put(session->server, file);
	return 0;
}

const char *
vm_map_track(struct vm_session *session, const struct vm_request *request,
    int fd, struct vm_answer *answer)
{
	int error;

	(void)fd;
	if (session->client->space == NULL)
		return "a range without a userfaultfd";
	if (each_range(session, request, may_track) != 0)
		return "a request to write what it may only read";
	error = vm_space_track(session->client->space, request->address,
	    request->length);
	if (error != 0)
		vm_answer_error(answer, error, vm_last_error());
	else
		each_range(session, request, track_range);
	return NULL;
}

static int
flush_range(struct vm_session *session, const struct vm_range *range)
{
	struct vm_server *server = session->server;
	struct vm_file *file;
	int error;

	if (range->kind == VM_RANGE_PRIVATE)
		vm_private_sample(server, session->client);
	if (range->kind != VM_RANGE_TRACKED)
		return 0;
	file = vm_file_of_object(server, range->object);
	if (file == NULL)
		return 0;
	error = vm_file_flush(server, file, range->offset, range->length);
	vm_file_put(server, file);
	return error;
}

const char *
vm_map_unmap(struct vm_session *session, const struct vm_request *request,
    int fd, struct vm_answer *answer)
{
	int error;

	(void)fd;
	if ((request->flags & ~VM_UNMAP_FORGET) != 0)
		return "a flag that does not exist";
	error = each_range(session, request, flush_range);
	if ((request->flags & VM_UNMAP_FORGET) != 0 &&
	    session->client->space != NULL)
		(void)!vm_space_leave(session->client->space,
		    request->address, request->length);
	if (error != 0)
		vm_answer_error(answer, error, vm_last_error());
	return NULL;
}

const char *
vm_map_bye(struct vm_session *session, const struct vm_request *request,
    int fd, struct vm_answer *answer)
{
	/* All of a process's memory. */
	struct vm_request everything = {
		.address = 0, .length = UINT64_MAX,
	};

	(void)request;
	return vm_map_unmap(session, &everything, fd, answer);
}

/* ---- OPEN, STORE, SOURCE ------------------------------------------------ */

const char *
vm_map_open(struct vm_session *session, const struct vm_request *request,
    int fd, struct vm_answer *answer)
{
	struct vm_server *server = session->server;
	struct vm_file *file;
	struct stat st;
	int flags = fcntl(fd, F_GETFL);
	bool writes = (flags & O_ACCMODE) != O_RDONLY;

	(void)request;
	if (flags < 0 || (flags & O_PATH))
		return "a descriptor that it cannot use";
	if (fstat(fd, &st) != 0) {
		vm_answer_error(answer, errno, NULL);
		return NULL;
	}
	file = vm_file_find(server, &st);
	if (file == NULL) {
		vm_answer_error(answer, ENOENT, "not managed");
		return NULL;
	}
	if (writes)
		vm_file_stamp(server, file);
	vm_grant(server, session->client, file,
	    writes ? VM_RIGHT_WRITE : VM_RIGHT_READ);
	answer_managed(server, file, writes, answer);
	vm_file_put(server, file);
	return NULL;
}

const char *
vm_map_store(struct vm_session *session, const struct vm_request *request,
    int fd, struct vm_answer *answer)
{
	struct vm_server *server = session->server;
	struct vm_file *file;
	const char *wrong;

	(void)fd;
	file = vm_grant_file(session, request, VM_RIGHT_READ, answer, &wrong);
	if (file == NULL)
		return wrong;
	answer_managed(server, file, vm_grant_has(server, session->client,
	    file->number, VM_RIGHT_WRITE), answer);
	vm_file_put(server, file);
	return NULL;
}

const char *
vm_map_source(struct vm_session *session, const struct vm_request *request,
    int fd, struct vm_answer *answer)
{
	struct vm_server *server = session->server;
	struct vm_file *file;
	const char *wrong;

	(void)fd;
	file = vm_grant_file(session, request, VM_RIGHT_READ, answer, &wrong);
	if (file == NULL)
		return wrong;
	vm_answer_fd(answer, vm_file_source(server, file));
	vm_file_put(server, file);
	return NULL;
}
