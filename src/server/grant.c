/* SPDX-License-Identifier: BSD-2-Clause */
/* server/grant.c - which files a client may name, and what it may do there. */
#include <errno.h>

#include "server/server_private.h"

static void
set(struct vm_grants *grants, uint32_t number)
{
	grants->bits[number / 64] |= UINT64_C(1) << number % 64;
}

static void
clear(struct vm_grants *grants, uint32_t number)
{
	grants->bits[number / 64] &= ~(UINT64_C(1) << number % 64);
}

static bool
has(const struct vm_grants *grants, uint32_t number)
{
	return (grants->bits[number / 64] >> number % 64) & 1;
}

void
vm_grant(struct vm_server *server, struct vm_client *client,
    const struct vm_file *file, enum vm_right right)
{
	pthread_mutex_lock(&server->lock);
	set(&client->may_read, file->number);
	if (right == VM_RIGHT_WRITE)
		set(&client->may_write, file->number);
	clear(&client->stale, file->number);
	pthread_mutex_unlock(&server->lock);
}

void
vm_grant_revoke_locked(struct vm_server *server, uint32_t number)
{
	struct vm_client *c;

	for (c = server->clients; c != NULL; c = c->next) {
		if (has(&c->may_read, number))
			set(&c->stale, number);
		clear(&c->may_read, number);
		clear(&c->may_write, number);
	}
}

static bool
has_locked(const struct vm_client *client, uint32_t number,
    enum vm_right right)
{
	return has(right == VM_RIGHT_WRITE ? &client->may_write
					   : &client->may_read, number);
}

bool
vm_grant_has(struct vm_server *server, const struct vm_client *client,
    uint32_t number, enum vm_right right)
{
	bool granted;

	pthread_mutex_lock(&server->lock);
	granted = has_locked(client, number, right);
	pthread_mutex_unlock(&server->lock);
	return granted;
}

struct vm_file *
vm_grant_file(struct vm_session *session, const struct vm_request *request,
    enum vm_right right, struct vm_answer *answer, const char **wrong)
{
	struct vm_server *server = session->server;
	struct vm_client *client = session->client;
	struct vm_file *file = NULL;
	bool stale = false;

	*wrong = NULL;
	if (request->file >= VM_TABLE_FILES) {
		*wrong = "a file number that does not exist";
		return NULL;
	}
	pthread_mutex_lock(&server->lock);
	if (has_locked(client, request->file, right))
		file = server->file[request->file];
	else
		stale = has(&client->stale, request->file);
	if (file != NULL)
		file->uses++;
	pthread_mutex_unlock(&server->lock);
	if (file != NULL)
		return file;
	if (stale)
		vm_answer_error(answer, ENOENT, "the file was let go");
	else
		*wrong = "a file number that it was not given";
	return NULL;
}
