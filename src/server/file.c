/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/file.c - managed files: one object each.
 *
 *	in use	some space maps it, or a request is at work; in the table
 *	idle	nobody maps it; not in the table, its pages stay for the next
 *		who maps it, unless the file was changed meanwhile (stamp)
 *
 * Anonymous memory is here too, under numbers of no device: never in the table,
 * and gone when nobody maps it.
 */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/say.h"
#include "server/server_private.h"
#include "server/table.h"

/* 256 files more than after the last sweep: a program that maps thousands of
 * files one after the other must not use up our descriptors first. */
#define SWEEP_EVERY 256u

/* ---- stamps ------------------------------------------------------------- */

static struct vm_stamp
stamp_of(const struct stat *st)
{
	return (struct vm_stamp){ st->st_size, st->st_mtim, st->st_ctim };
}

static bool
is_same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool
is_same_stamp(const struct vm_stamp *a, const struct vm_stamp *b)
{
	return a->size_bytes == b->size_bytes &&
	    is_same_time(a->mtime, b->mtime) &&
	    is_same_time(a->ctime, b->ctime);
}

static void
set_stamp(struct vm_server *server, struct vm_file *file,
    const struct stat *st, bool written)
{
	pthread_mutex_lock(&server->lock);
	file->stamp = stamp_of(st);
	file->written = written;
	pthread_mutex_unlock(&server->lock);
}

void
vm_file_stamp(struct vm_server *server, struct vm_file *file)
{
	struct stat st;

	if (file->fd >= 0 && fstat(file->fd, &st) == 0)
		set_stamp(server, file, &st, true);
}

/* ---- finding and making ------------------------------------------------- */

static struct vm_file *
lookup_locked(struct vm_server *server, uint64_t device, uint64_t inode)
{
	struct vm_file *f = server->hash[vm_table_hash(device, inode)];

	while (f != NULL && (f->device != device || f->inode != inode))
		f = f->next;
	return f;
}

/* A free number, the longest unused first; VM_TABLE_FILES: none. */
static uint32_t
free_number_locked(struct vm_server *server)
{
	for (uint32_t i = 0; i < VM_TABLE_FILES; i++) {
		uint32_t n = server->next_number++ % VM_TABLE_FILES;

		if (server->file[n] == NULL)
			return n;
	}
	return VM_TABLE_FILES;
}

static struct vm_file *
new_file(const struct stat *st, const char *name)
{
	struct vm_file *file = calloc(1, sizeof(*file));

	if (file == NULL)
		return NULL;
	file->name = strdup(name);
	if (file->name == NULL) {
		free(file);
		return NULL;
	}
	file->device = st->st_dev;
	file->inode = st->st_ino;
	file->entry = file->fd = -1;
	pthread_mutex_init(&file->lock, NULL);
	return file;
}

static void
free_file(struct vm_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	pthread_mutex_destroy(&file->lock);
	free(file->name);
	free(file);
}

static struct vm_file *
make_locked(struct vm_server *server, const struct stat *st, const char *name)
{
	struct vm_file **link = &server->hash[vm_table_hash(st->st_dev,
	    st->st_ino)];
	uint32_t number = free_number_locked(server);
	struct vm_file *file;

	if (number == VM_TABLE_FILES)
		return NULL;
	file = new_file(st, name);
	if (file == NULL)
		return NULL;
	file->number = number;
	file->next = *link;
	*link = file;
	server->file[number] = file;
	server->files++;
	return file;
}

static void
unlink_locked(struct vm_server *server, struct vm_file *file)
{
	struct vm_file **link = &server->hash[vm_table_hash(file->device,
	    file->inode)];

	while (*link != file)
		link = &(*link)->next;
	*link = file->next;
	server->file[file->number] = NULL;
	server->files--;
	vm_grant_revoke_locked(server, file->number);
	if (file->entry >= 0)
		vm_table_remove(server->table, file->entry);
	file->entry = -1;
}

struct vm_file *
vm_file_get(struct vm_server *server, const struct stat *st, const char *name)
{
	struct vm_file *file;

	pthread_mutex_lock(&server->lock);
	file = lookup_locked(server, st->st_dev, st->st_ino);
	if (file == NULL)
		file = make_locked(server, st, name);
	/* In the table before anything is read: who writes the file after
	 * that, sees it there. */
	if (file != NULL && file->entry < 0) {
		file->entry = vm_table_add(server->table, file->device,
		    file->inode, file->number);
		if (file->entry < 0 && file->object == NULL &&
		    file->uses == 0) {
			unlink_locked(server, file);
			free_file(file);
			file = NULL;
		} else if (file->entry < 0) {
			file = NULL;
		}
	}
	if (file != NULL)
		file->uses++;
	if (server->files > server->files_swept + SWEEP_EVERY) {
		server->files_swept = server->files;
		server->hurry = true;
		pthread_cond_signal(&server->wake);
	}
	pthread_mutex_unlock(&server->lock);
	return file;
}

struct vm_file *
vm_file_find(struct vm_server *server, const struct stat *st)
{
	struct vm_file *file;

	pthread_mutex_lock(&server->lock);
	file = lookup_locked(server, st->st_dev, st->st_ino);
	if (file != NULL && (file->entry < 0 || file->object == NULL))
		file = NULL;
	if (file != NULL)
		file->uses++;
	pthread_mutex_unlock(&server->lock);
	return file;
}

struct vm_file *
vm_file_of_object(struct vm_server *server, const struct vm_object *object)
{
	struct vm_file *file = NULL;

	pthread_mutex_lock(&server->lock);
	for (uint32_t n = 0; n < VM_TABLE_FILES && file == NULL; n++)
		if (server->file[n] != NULL &&
		    server->file[n]->object == object)
			file = server->file[n];
	if (file != NULL)
		file->uses++;
	pthread_mutex_unlock(&server->lock);
	return file;
}

void
vm_file_put(struct vm_server *server, struct vm_file *file)
{
	pthread_mutex_lock(&server->lock);
	file->uses--;
	pthread_mutex_unlock(&server->lock);
}

/* ---- keeping object and file in step ------------------------------------ */

/*
 * A description of our own of the file that was passed, so that a lock
 * (flock) or a flag on the client's does not outlive the client here.  No
 * path is looked up: this name stands for the descriptor itself.
 */
static int
reopen(int fd, bool writable)
{
	char path[32];
	int own;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	own = open(path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOCTTY |
	    O_NONBLOCK);
	/* A client may hold what it could not open again. */
	if (own < 0)
		own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return own < 0 ? -errno : own;
}

/* What cannot be is said; the file is managed all the same. */
static void
follow(const struct vm_file_rule *rule, struct vm_file *file,
    struct vm_object *object)
{
	if (rule->limited && vm_object_set_limits(object, &rule->limits) != 0)
		vm_say("%s: %s", file->name, vm_last_error());
	if (rule->policy != NULL &&
	    vm_object_set_policy(object, rule->policy) != 0)
		vm_say("%s: %s", file->name, vm_last_error());
}

static void
follow_rules(const struct vm_server_options *o, struct vm_file *file,
    struct vm_object *object)
{
	for (unsigned i = 0; i < o->rules; i++)
		if (fnmatch(o->rule[i].glob, file->name, 0) == 0)
			follow(&o->rule[i], file, object);
}

static int
create_object(struct vm_server *server, struct vm_file *file, int fd,
    bool writable)
{
	struct vm_object *object;
	struct stat st;
	int own = reopen(fd, writable);
	int error;

	if (own < 0)
		return own;
	if (fstat(own, &st) != 0)
		st = (struct stat){ .st_size = 0 };
	error = vm_object_create_file(server->vm, own, 0, VM_LENGTH_ALL,
	    VM_OBJECT_STORE | (writable ? VM_OBJECT_WRITABLE : 0), &object);
	if (error != 0) {
		close(own);
		return error;
	}
	follow_rules(&server->options, file, object);
	file->fd = own;
	file->writable = writable;
	pthread_mutex_lock(&server->lock);
	file->stamp = stamp_of(&st);
	file->object = object;
	pthread_mutex_unlock(&server->lock);
	return 0;
}

static int
upgrade(struct vm_file *file, int fd)
{
	int own = reopen(fd, true);
	int error;

	if (own < 0)
		return own;
	error = vm_object_set_writable(file->object, own);
	if (error != 0) {
		close(own);
		return error;
	}
	/* The same number: others may be at fstat with it just now. */
	error = dup3(own, file->fd, O_CLOEXEC) < 0 ? -errno : 0;
	close(own);
	file->writable = error == 0;
	return error;
}

/* The file may have been changed from outside since its pages were read. */
static int
revalidate(struct vm_server *server, struct vm_file *file)
{
	struct vm_stamp now;
	struct stat st;
	bool changed;

	if (fstat(file->fd, &st) != 0)
		return -errno;
	now = stamp_of(&st);
	pthread_mutex_lock(&server->lock);
	changed = !file->written && !is_same_stamp(&file->stamp, &now);
	pthread_mutex_unlock(&server->lock);
	if (changed) {
		vm_object_forget(file->object);
		set_stamp(server, file, &st, false);
	}
	if (vm_object_length(file->object) == (uint64_t)st.st_size)
		return 0;
	return vm_object_resize(file->object, (uint64_t)st.st_size);
}

int
vm_file_prepare(struct vm_server *server, struct vm_file *file, int fd,
    bool writable)
{
	int error;

	if (file->object == NULL)
		return create_object(server, file, fd, writable);
	error = revalidate(server, file);
	if (error == 0 && writable && !file->writable)
		error = upgrade(file, fd);
	return error;
}

/* Once per file: a disk that stays full would say it at every page. */
static void
complain(struct vm_server *server, struct vm_file *file, int error)
{
	bool first;

	atomic_fetch_add(&server->errors, 1);
	pthread_mutex_lock(&server->lock);
	first = !file->complained;
	file->complained = true;
	pthread_mutex_unlock(&server->lock);
	if (first)
		vm_say("%s: changed pages could not be written: %s",
		    file->name, strerror(-error));
}

int
vm_file_flush(struct vm_server *server, struct vm_file *file, uint64_t offset,
    uint64_t length)
{
	struct vm_object_stat stat;
	int error;

	/* Anonymous memory is written for want of memory only. */
	if (file->object == NULL || file->anonymous)
		return 0;
	vm_object_stat(file->object, &stat);
	if (stat.dirty_pages == 0)
		return 0;
	error = vm_object_flush(file->object, offset, length);
	if (error != 0)
		complain(server, file, error);
	vm_file_stamp(server, file);
	return error;
}

int
vm_file_source(struct vm_server *server, struct vm_file *file)
{
	char path[32];
	int fd, error;

	pthread_mutex_lock(&file->lock);
	error = vm_file_flush(server, file, 0, VM_LENGTH_ALL);
	/* Never a duplicate: ours may be writable. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file->fd);
	fd = error != 0 ? error : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 && error == 0)
		fd = -errno;
	pthread_mutex_unlock(&file->lock);
	return fd;
}

/* ---- rest and end ------------------------------------------------------- */

/* A file of which nothing is mapped, with one use of ours, under L. */
static void
put_to_rest(struct vm_server *server, struct vm_file *file)
{
	struct vm_object_stat stat;
	struct vm_stamp now = { 0 };
	struct stat st;
	bool changed;

	vm_object_stat(file->object, &stat);
	if (stat.ranges > 0)
		return;
	if (stat.dirty_pages > 0 &&
	    vm_file_flush(server, file, 0, VM_LENGTH_ALL) != 0)
		return;
	if (fstat(file->fd, &st) == 0)
		now = stamp_of(&st);
	pthread_mutex_lock(&server->lock);
	changed = !is_same_stamp(&file->stamp, &now) || stat.dirty_pages > 0;
	file->stamp = now;
	file->written = false;
	if (file->uses == 1 && file->entry >= 0) {
		vm_table_remove(server->table, file->entry);
		file->entry = -1;
		file->idle_order = server->next_idle++;
	}
	pthread_mutex_unlock(&server->lock);
	/* Somebody wrote it after the pages were known to be the file's. */
	if (changed)
		vm_object_forget(file->object);
}

/* The file with a number >= from that is in the table and not at work, used
 * once more. */
static struct vm_file *
next_resting(struct vm_server *server, uint32_t from)
{
	struct vm_file *file = NULL;

	pthread_mutex_lock(&server->lock);
	for (uint32_t n = from; n < VM_TABLE_FILES && file == NULL; n++)
		if (server->file[n] != NULL && server->file[n]->uses == 0 &&
		    server->file[n]->entry >= 0)
			file = server->file[n];
	if (file != NULL)
		file->uses++;
	pthread_mutex_unlock(&server->lock);
	return file;
}

/* Lets go of an unlinked file. */
static void
destroy(struct vm_server *server, struct vm_file *file)
{
	int error = file->object == NULL ? 0
					 : vm_object_destroy(file->object);

	if (error != 0) {
		vm_say("%s: bytes are lost: %s", file->name,
		    strerror(-error));
		atomic_fetch_add(&server->errors, 1);
		atomic_fetch_add(&server->lost_files, 1);
		vm_object_discard_dirty(file->object);
		(void)!vm_object_destroy(file->object);
	}
	free_file(file);
}

static bool
is_deleted(const struct vm_file *file)
{
	struct stat st;

	return file->fd < 0 || fstat(file->fd, &st) != 0 || st.st_nlink == 0;
}

/* Takes the idle file that has to go first off all lists: one that never got
 * an object, one that was deleted, the oldest of too many.  NULL: none. */
static struct vm_file *
take_idle(struct vm_server *server)
{
	struct vm_file *oldest = NULL;
	unsigned idle = 0;
	bool go = false;

	pthread_mutex_lock(&server->lock);
	for (uint32_t n = 0; n < VM_TABLE_FILES && !go; n++) {
		struct vm_file *f = server->file[n];

		if (f == NULL || f->uses > 0 || f->anonymous ||
		    (f->entry >= 0 && f->object != NULL))
			continue;
		idle++;
		go = f->object == NULL || is_deleted(f);
		if (go || oldest == NULL || f->idle_order < oldest->idle_order)
			oldest = f;
	}
	if (go || idle > VM_SERVER_IDLE_MAX)
		unlink_locked(server, oldest);
	else
		oldest = NULL;
	server->files_swept = server->files;
	pthread_mutex_unlock(&server->lock);
	return oldest;
}

/* ---- anonymous memory --------------------------------------------------- */

/* No file system's number. */
#define ANON_DEVICE UINT64_MAX

struct vm_file *
vm_file_new_anon(struct vm_server *server, struct vm_object *object)
{
	struct stat st = { .st_dev = (dev_t)ANON_DEVICE };
	struct vm_file *file;

	pthread_mutex_lock(&server->lock);
	st.st_ino = (ino_t)++server->next_anon;
	file = make_locked(server, &st, "anonymous memory");
	if (file != NULL) {
		file->anonymous = file->tracked = true;
		file->writable = true;
		file->object = object;
		file->uses++;
	}
	pthread_mutex_unlock(&server->lock);
	return file;
}

/* Whoever adds a range has L and a use. */
static bool
unlink_unused(struct vm_server *server, struct vm_file *file)
{
	struct vm_object_stat stat;
	bool unused;

	vm_object_stat(file->object, &stat);
	pthread_mutex_lock(&server->lock);
	unused = stat.ranges == 0 && file->uses == 1 &&
	    (file->awaited_ns == 0 || file->awaited_ns < vm_now_ns());
	if (unused)
		unlink_locked(server, file);
	else
		file->uses--;
	pthread_mutex_unlock(&server->lock);
	return unused;
}

void
vm_file_drop_anon(struct vm_server *server, struct vm_file *file)
{
	bool unused;

	pthread_mutex_lock(&file->lock);
	unused = unlink_unused(server, file);
	pthread_mutex_unlock(&file->lock);
	if (unused)
		destroy(server, file);
}

/* The anonymous one with a number >= from that is not at work, used once
 * more. */
static struct vm_file *
next_anon(struct vm_server *server, uint32_t from)
{
	struct vm_file *file = NULL;

	pthread_mutex_lock(&server->lock);
	for (uint32_t n = from; n < VM_TABLE_FILES && file == NULL; n++)
		if (server->file[n] != NULL && server->file[n]->uses == 0 &&
		    server->file[n]->anonymous)
			file = server->file[n];
	if (file != NULL)
		file->uses++;
	pthread_mutex_unlock(&server->lock);
	return file;
}

/* Of processes that are gone. */
static void
sweep_anon(struct vm_server *server)
{
	struct vm_file *file;
	uint32_t n = 0;

	while ((file = next_anon(server, n)) != NULL) {
		n = file->number + 1;
		vm_file_drop_anon(server, file);
	}
}

/* ---- all of them -------------------------------------------------------- */

void
vm_file_sweep(struct vm_server *server)
{
	struct vm_file *file;
	uint32_t n = 0;

	while ((file = next_resting(server, n)) != NULL) {
		n = file->number + 1;
		pthread_mutex_lock(&file->lock);
		if (file->object != NULL)
			put_to_rest(server, file);
		pthread_mutex_unlock(&file->lock);
		vm_file_put(server, file);
	}
	while ((file = take_idle(server)) != NULL)
		destroy(server, file);
	sweep_anon(server);
}

void
vm_file_destroy_all(struct vm_server *server)
{
	for (uint32_t n = 0; n < VM_TABLE_FILES; n++) {
		struct vm_file *file = server->file[n];

		if (file == NULL)
			continue;
		pthread_mutex_lock(&server->lock);
		unlink_locked(server, file);
		pthread_mutex_unlock(&server->lock);
		destroy(server, file);
	}
}
