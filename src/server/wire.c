/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/wire.c - mlock and madvise.
 *
 * mlock does not nest, the library's wiring does: each client has a list of
 * disjoint pieces that it holds, and only what is new or gone is passed on.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "server/server_private.h"

/* ---- the list ----------------------------------------------------------- */

static bool
add(struct vm_client *client, uint32_t file, uint64_t offset, uint64_t end)
{
	if (client->wire == NULL)
		client->wire = calloc(VM_CLIENT_WIRES_MAX,
		    sizeof(*client->wire));
	if (client->wire == NULL || client->wires == VM_CLIENT_WIRES_MAX)
		return false;
	client->wire[client->wires++] = (struct vm_wire){ file, offset, end };
	return true;
}

static void
drop(struct vm_client *client, unsigned i)
{
	client->wire[i] = client->wire[--client->wires];
}

/* The end of what is not wired yet from offset on, at most end; offset itself
 * is moved behind a piece that covers it. */
static uint64_t
gap(const struct vm_client *client, uint32_t file, uint64_t *offset,
    uint64_t end)
{
	bool moved = true;

	while (moved) {
		moved = false;
		for (unsigned i = 0; i < client->wires; i++) {
			const struct vm_wire *w = &client->wire[i];

			if (w->file == file && w->offset <= *offset &&
			    w->end > *offset) {
				*offset = w->end;
				moved = true;
			}
		}
	}
	for (unsigned i = 0; i < client->wires; i++) {
		const struct vm_wire *w = &client->wire[i];

		if (w->file == file && w->offset > *offset && w->offset < end)
			end = w->offset;
	}
	return end;
}

/* ---- WIRE, UNWIRE ------------------------------------------------------- */

/* Whole pages around the request. */
static void
bounds(const struct vm_request *request, uint64_t *offset, uint64_t *end)
{
	uint64_t mask = vm_page_bytes() - 1;

	*offset = request->offset & ~mask;
	*end = (request->offset + request->length + mask) & ~mask;
}

static int
wire_gaps(struct vm_client *client, struct vm_file *file, uint64_t offset,
    uint64_t end)
{
	while (offset < end) {
		uint64_t stop = gap(client, file->number, &offset, end);
		int error;

		if (offset >= end)
			break;
		error = vm_object_wire(file->object, offset, stop - offset);
		if (error != 0)
			return error;
		if (!add(client, file->number, offset, stop)) {
			(void)!vm_object_unwire(file->object, offset,
			    stop - offset);
			return -ENOMEM;
		}
		offset = stop;
	}
	return 0;
}

const char *
vm_wire_wire(struct vm_session *session, const struct vm_request *request,
    int fd, struct vm_answer *answer)
{
	const char *wrong;
	struct vm_file *file = vm_grant_file(session, request, VM_RIGHT_READ,
	    answer, &wrong);
	uint64_t offset, end;
	int error;

	(void)fd;
	if (file == NULL)
		return wrong;
	bounds(request, &offset, &end);
	error = wire_gaps(session->client, file, offset, end);
	if (error != 0)
		vm_answer_error(answer, error, vm_last_error());
	vm_file_put(session->server, file);
	return NULL;
}

/* Cuts [offset, end) out of piece i; false when the piece is left alone. */
static bool
cut(struct vm_client *client, unsigned i, uint64_t offset, uint64_t end)
{
	struct vm_wire *w = &client->wire[i];
	struct vm_wire was = *w;

	if (was.offset < offset && was.end > end) {
		if (!add(client, was.file, end, was.end))
			return false;
		client->wire[i].end = offset;
	} else if (was.offset < offset) {
		w->end = offset;
	} else if (was.end > end) {
		w->offset = end;
	} else {
		drop(client, i);
	}
	return true;
}

int
vm_client_unwire(struct vm_client *client, struct vm_file *file,
    uint64_t offset, uint64_t end)
{
	unsigned i = 0;

	while (i < client->wires) {
		struct vm_wire w = client->wire[i];
		uint64_t from = w.offset > offset ? w.offset : offset;
		uint64_t to = w.end < end ? w.end : end;

		if (w.file != file->number || from >= to) {
			i++;
			continue;
		}
		if (!cut(client, i, from, to))
			return -ENOMEM;
		(void)!vm_object_unwire(file->object, from, to - from);
		/* A piece that was dropped has another in its place. */
		if (w.offset < from || w.end > to)
			i++;
	}
	return 0;
}

const char *
vm_wire_unwire(struct vm_session *session, const struct vm_request *request,
    int fd, struct vm_answer *answer)
{
	const char *wrong;
	struct vm_file *file = vm_grant_file(session, request, VM_RIGHT_READ,
	    answer, &wrong);
	uint64_t offset, end;
	int error;

	(void)fd;
	if (file == NULL)
		return wrong;
	bounds(request, &offset, &end);
	error = vm_client_unwire(session->client, file, offset, end);
	if (error != 0)
		vm_answer_error(answer, error, NULL);
	vm_file_put(session->server, file);
	return NULL;
}

void
vm_wire_drop_all(struct vm_server *server, struct vm_client *client)
{
	for (unsigned i = 0; i < client->wires; i++) {
		const struct vm_wire *w = &client->wire[i];
		struct vm_file *file;

		pthread_mutex_lock(&server->lock);
		file = server->file[w->file];
		if (file != NULL)
			file->uses++;
		pthread_mutex_unlock(&server->lock);
		if (file == NULL)
			continue;
		(void)!vm_object_unwire(file->object, w->offset,
		    w->end - w->offset);
		vm_file_put(server, file);
	}
	client->wires = 0;
}

/* ---- ADVISE ------------------------------------------------------------- */

/* Of several clients that show a file one has no more use for it: the others
 * may, so its pages do not leave at once. */
static enum vm_advice
dontneed(struct vm_object *object)
{
	struct vm_object_stat stat;

	vm_object_stat(object, &stat);
	return stat.ranges > 1 ? VM_ADVICE_COLD : VM_ADVICE_DONTNEED;
}

/* False: not of pages of files; advice may always be ignored. */
static bool
advice_of(uint32_t kernels, struct vm_object *object, enum vm_advice *advice)
{
	switch (kernels) {
	case MADV_NORMAL:
		*advice = VM_ADVICE_NORMAL;
		return true;
	case MADV_RANDOM:
		*advice = VM_ADVICE_RANDOM;
		return true;
	case MADV_SEQUENTIAL:
		*advice = VM_ADVICE_SEQUENTIAL;
		return true;
	case MADV_WILLNEED:
		*advice = VM_ADVICE_WILLNEED;
		return true;
	case MADV_DONTNEED:
		*advice = dontneed(object);
		return true;
	case MADV_COLD:
		*advice = VM_ADVICE_COLD;
		return true;
	case MADV_PAGEOUT:
		*advice = VM_ADVICE_PAGEOUT;
		return true;
	default:
		return false;
	}
}

const char *
vm_wire_advise(struct vm_session *session, const struct vm_request *request,
    int fd, struct vm_answer *answer)
{
	const char *wrong;
	struct vm_file *file = vm_grant_file(session, request, VM_RIGHT_READ,
	    answer, &wrong);
	enum vm_advice advice;
	int error = 0;

	(void)fd;
	if (file == NULL)
		return wrong;
	if (advice_of(request->prot, file->object, &advice))
		error = vm_object_advise_range(file->object, request->offset,
		    request->length, advice);
	if (error != 0)
		vm_answer_error(answer, error, vm_last_error());
	vm_file_put(session->server, file);
	return NULL;
}
