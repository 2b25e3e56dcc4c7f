/* SPDX-License-Identifier: BSD-2-Clause */
/* server/figures.c - figures.h has the theory. */
#include "server/figures.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "server/server_private.h"
#include "server/wish.h"

/* 100 clients and 100 files in full: what a person can read, and 100 names of
 * PATH_MAX, each character escaped, would still be cut at the message. */
#define LISTED_MAX 100u

/* 256 bytes of a name, from its end, which tells files apart. */
#define NAME_MAX_BYTES 256u

/* 16 connections on their way. */
#define BACKLOG 16

/* 100 ms, when there are no descriptors for another connection just now. */
#define ACCEPT_RETRY_NS 100000000

socklen_t
vm_figures_address(struct sockaddr_un *address, const char *prefix, pid_t pid)
{
	int length;

	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	length = snprintf(address->sun_path + 1,
	    sizeof(address->sun_path) - 1, "%s%d", prefix, (int)pid);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
	    (size_t)length);
}

/* ---- what there is ------------------------------------------------------ */

struct file_figures {
	char name[NAME_MAX_BYTES];
	struct vm_object_stat stat;
};

struct client_figures {
	pid_t pid;
	unsigned ranges;
	uint64_t private_bytes;
};

struct figures {
	struct vm_stat stat;
	struct vm_swap_stat swap;
	struct client_figures client[LISTED_MAX];
	unsigned clients;	/* in all; those beyond are not listed */
	struct file_figures file[LISTED_MAX];
	unsigned files;
};

static void
read_clients(struct vm_server *server, struct figures *f)
{
	struct vm_client *client = vm_client_next(server, 0);

	while (client != NULL) {
		uint64_t id = client->id;

		if (f->clients < LISTED_MAX) {
			struct client_figures *c = &f->client[f->clients];

			pthread_mutex_lock(&server->lock);
			c->pid = client->pid;
			c->private_bytes = client->private_bytes;
			pthread_mutex_unlock(&server->lock);
			c->ranges = client->space == NULL ? 0 :
			    (unsigned)vm_space_ranges(client->space);
		}
		f->clients++;
		vm_client_put(server, client);
		client = vm_client_next(server, id + 1);
	}
}

/* A file's object, unless it is being made just now. */
static void
read_file(struct file_figures *out, struct vm_file *file)
{
	size_t length = strlen(file->name);
	const char *name = file->name;

	if (length >= sizeof(out->name))
		name += length - sizeof(out->name) + 1;
	memcpy(out->name, name, strlen(name) + 1);
	out->stat = (struct vm_object_stat){ .length_bytes = 0 };
	if (pthread_mutex_trylock(&file->lock) != 0)
		return;
	if (file->object != NULL)
		vm_object_stat(file->object, &out->stat);
	pthread_mutex_unlock(&file->lock);
}

/* The file with that number, one use more; NULL: none. */
static struct vm_file *
use_file(struct vm_server *server, uint32_t number)
{
	struct vm_file *file;

	pthread_mutex_lock(&server->lock);
	file = server->file[number];
	if (file != NULL)
		file->uses++;
	pthread_mutex_unlock(&server->lock);
	return file;
}

static void
read_files(struct vm_server *server, struct figures *f)
{
	for (uint32_t n = 0; n < VM_TABLE_FILES; n++) {
		struct vm_file *file = use_file(server, n);

		if (file == NULL)
			continue;
		if (f->files < LISTED_MAX)
			read_file(&f->file[f->files], file);
		f->files++;
		vm_file_put(server, file);
	}
}

static unsigned
listed(unsigned count)
{
	return count < LISTED_MAX ? count : LISTED_MAX;
}

/* ---- for programs ------------------------------------------------------- */

static void
print_quoted(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			fprintf(out, "\\u%04x", c);
		else
			fputc(c, out);
	}
	fputc('"', out);
}

/* Parts of memory with policies of their own, the system's first; nothing
 * where it is the only one. */
static void
print_json_parts(FILE *out, struct vm_server *server)
{
	struct vm_partition part = VM_PARTITION_INIT;

	fprintf(out, "\"partition\": [");
	for (unsigned i = 0; vm_partition_stat(server->vm, i, &part) == 0; i++)
		fprintf(out, "%s\n  { \"policy\": \"%s\", \"pages\": %" PRIu64
		    ", \"share_pages\": %" PRIu64 ", \"objects\": %" PRIu64
		    ", \"returned\": %" PRIu64 " }", i == 0 ? "" : ",",
		    part.policy, part.pages, part.share_pages, part.objects,
		    part.returned);
	fprintf(out, "],\n");
}

static void
print_json_lists(FILE *out, const struct figures *f)
{
	fprintf(out, "\"client\": [");
	for (unsigned i = 0; i < listed(f->clients); i++)
		fprintf(out, "%s\n  { \"pid\": %d, \"ranges\": %u, "
		    "\"private_bytes\": %" PRIu64 " }", i == 0 ? "" : ",",
		    (int)f->client[i].pid, f->client[i].ranges,
		    f->client[i].private_bytes);
	fprintf(out, "],\n\"file\": [");
	for (unsigned i = 0; i < listed(f->files); i++) {
		const struct vm_object_stat *s = &f->file[i].stat;

		fprintf(out, "%s\n  { \"name\": ", i == 0 ? "" : ",");
		print_quoted(out, f->file[i].name);
		fprintf(out, ", \"length_bytes\": %" PRIu64
		    ", \"resident_pages\": %" PRIu64 ", \"dirty_pages\": %"
		    PRIu64 ", \"ranges\": %" PRIu64 " }", s->length_bytes,
		    s->resident_pages, s->dirty_pages, (uint64_t)s->ranges);
	}
	fprintf(out, "]\n");
}

static void
print_json_swap(FILE *out, const struct vm_swap_stat *s)
{
	const struct {
		const char *key;
		uint64_t value;
	} rows[] = {
		{ "file_pages", s->file_pages },
		{ "disk_bytes", s->disk_bytes },
		{ "disk_peak_bytes", s->disk_peak_bytes },
		{ "filled_pages", s->filled_pages },
		{ "packed_pages", s->packed_pages },
		{ "packed_bytes", s->packed_bytes },
		{ "tier_bytes", s->tier_bytes },
		{ "tier_used_bytes", s->tier_used_bytes },
		{ "filled", s->filled },
		{ "packed", s->packed },
		{ "packed_in_bytes", s->packed_in_bytes },
		{ "unpacked", s->unpacked },
		{ "left_tier", s->left_tier },
		{ "refused_tier", s->refused_tier },
		{ "written", s->written },
		{ "read", s->read },
		{ "sum_errors", s->sum_errors },
	};

	fputs("\"swap\": {", out);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		fprintf(out, "%s \"%s\": %" PRIu64, i == 0 ? "" : ",",
		    rows[i].key, rows[i].value);
	fputs(" },\n", out);
}

static void
print_json(FILE *out, struct vm_server *server, const struct figures *f)
{
	int length = vm_stat_print(server->vm, VM_FORMAT_JSON, NULL, 0);
	/* Figures may have a digit more by then. */
	size_t room = (size_t)(length < 0 ? 0 : length) + 4096;
	char *stat = malloc(room);

	fprintf(out, "{ \"pid\": %d, \"page_bytes\": %u, \"policy\": \"%s\",\n"
	    "\"clients\": %u, \"files\": %u, \"maps_managed\": %" PRIu64
	    ", \"maps_passed\": %" PRIu64 ", \"errors\": %" PRIu64 ",\n",
	    (int)getpid(), vm_page_bytes(), vm_policy_name(server->vm),
	    f->clients, f->files, atomic_load(&server->managed),
	    atomic_load(&server->passed), atomic_load(&server->errors));
	if (stat != NULL && vm_stat_print(server->vm, VM_FORMAT_JSON, stat,
	    room) > 0)
		fprintf(out, "\"stat\": %s,\n", stat);
	free(stat);
	print_json_swap(out, &f->swap);
	print_json_parts(out, server);
	print_json_lists(out, f);
	fprintf(out, "}\n");
}

/* ---- for people --------------------------------------------------------- */

/* MiB with one digit, which every size below a petabyte can be read in. */
static double
mib(uint64_t bytes)
{
	return (double)bytes / (1 << 20);
}

static double
mib_of_pages(uint64_t pages)
{
	return mib(pages * vm_page_bytes());
}

static void
print_system(FILE *out, const struct figures *f)
{
	const struct vm_stat *s = &f->stat;

	fprintf(out, "memory   limit %.1f MiB, resident %.1f, peak %.1f, "
	    "dirty %.1f, wired %.1f\n", mib_of_pages(s->limit_pages),
	    mib_of_pages(s->resident_pages), mib_of_pages(s->peak_pages),
	    mib_of_pages(s->dirty_pages), mib_of_pages(s->wired_pages));
	fprintf(out, "queues   active %.1f MiB, inactive %.1f, cached %.1f, "
	    "free %.1f\n", mib_of_pages(s->active_pages),
	    mib_of_pages(s->inactive_pages), mib_of_pages(s->cached_pages),
	    mib_of_pages(s->free_pages));
	fprintf(out, "ladder   interrupt %" PRIu64 ", reserved %" PRIu64
	    ", severe %" PRIu64 ", min %" PRIu64 ", low %" PRIu64
	    ", target %" PRIu64 " pages\n", s->interrupt_pages,
	    s->reserved_pages, s->severe_pages, s->min_pages, s->low_pages,
	    s->target_pages);
	fprintf(out, "faults   %" PRIu64 ", %.3f s spent waiting, %" PRIu64
	    " waits for memory\n", s->faults, (double)s->wait_ns / 1e9,
	    s->memory_waits);
	fprintf(out, "pressure some %.2f %% of 10 s, full %.2f, level %" PRIu64
	    "\n", (double)s->memory_some_avg10 / 100,
	    (double)s->memory_full_avg10 / 100, s->pressure_level);
	fprintf(out, "pages    %" PRIu64 " in (%.1f MiB read), %" PRIu64
	    " out (%.1f MiB written)\n", s->pages_in, mib(s->read_bytes),
	    s->pages_out, mib(s->written_bytes));
	fprintf(out, "ahead    %" PRIu64 " pages in unasked, %" PRIu64
	    " seen used, %" PRIu64 " unused\n", s->readahead_pages,
	    s->readahead_used, s->readahead_unused);
	fprintf(out, "evicted  %" PRIu64 " clean, %" PRIu64 " dirty\n",
	    s->evicted_clean, s->evicted_dirty);
}

/* Where anonymous memory is; nothing where none has gone out. */
static void
print_swap(FILE *out, const struct vm_swap_stat *s)
{
	if (s->filled + s->packed + s->written == 0)
		return;
	fprintf(out, "swap     files %.1f MiB of %.1f on disk, filled %.1f",
	    mib_of_pages(s->file_pages), mib(s->disk_bytes),
	    mib_of_pages(s->filled_pages));
	if (s->tier_bytes != 0)
		fprintf(out, ", compressed %.1f in %.1f of %.1f",
		    mib_of_pages(s->packed_pages), mib(s->packed_bytes),
		    mib(s->tier_bytes));
	fprintf(out, "; %" PRIu64 " pages written, %" PRIu64 " read\n",
	    s->written, s->read);
}

/* Only where there are several. */
static void
print_parts(FILE *out, struct vm_server *server)
{
	struct vm_partition part = VM_PARTITION_INIT;

	if (vm_partition_stat(server->vm, 1, &part) != 0)
		return;
	for (unsigned i = 0; vm_partition_stat(server->vm, i, &part) == 0; i++)
		fprintf(out, "policy   %s: %.1f MiB of %.1f, %" PRIu64
		    " files\n", part.policy, mib_of_pages(part.pages),
		    mib_of_pages(part.share_pages), part.objects);
}

/* A name's control characters must not move anybody's cursor. */
static void
print_name(FILE *out, const char *name)
{
	for (; *name != '\0'; name++)
		fputc((unsigned char)*name < 0x20 || *name == 0x7f ? '?' :
		    *name, out);
}

static void
print_people(FILE *out, struct vm_server *server, const struct figures *f)
{
	fprintf(out, "resident run, process %d, policy %s\n", (int)getpid(),
	    vm_policy_name(server->vm));
	print_system(out, f);
	print_swap(out, &f->swap);
	print_parts(out, server);
	fprintf(out, "clients  %u, maps %" PRIu64 " managed, %" PRIu64
	    " passed, errors %" PRIu64 "\n", f->clients,
	    atomic_load(&server->managed), atomic_load(&server->passed),
	    atomic_load(&server->errors));
	for (unsigned i = 0; i < listed(f->clients); i++)
		fprintf(out, "client   %d: %u ranges\n", (int)f->client[i].pid,
		    f->client[i].ranges);
	for (unsigned i = 0; i < listed(f->files); i++) {
		const struct vm_object_stat *s = &f->file[i].stat;

		fprintf(out, "file     ");
		print_name(out, f->file[i].name);
		fprintf(out, ": %.1f MiB, resident %.1f, dirty %.1f\n",
		    mib(s->length_bytes), mib_of_pages(s->resident_pages),
		    mib_of_pages(s->dirty_pages));
	}
}

/* ---- telling ------------------------------------------------------------ */

static void
send_printed(int fd, struct vm_server *server, const struct figures *f,
    void (*print)(FILE *, struct vm_server *, const struct figures *))
{
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	if (out == NULL)
		return;
	print(out, server, f);
	if (fclose(out) == 0 && length <= VM_FIGURES_BYTES)
		(void)!send(fd, text, length, MSG_DONTWAIT | MSG_NOSIGNAL);
	free(text);
}

static void
tell(struct vm_server *server, int fd)
{
	struct figures *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return;
	f->stat = (struct vm_stat)VM_STAT_INIT;
	(void)!vm_stat(server->vm, &f->stat);
	f->swap = (struct vm_swap_stat)VM_SWAP_STAT_INIT;
	(void)!vm_swap_stat(server->vm, &f->swap);
	read_clients(server, f);
	read_files(server, f);
	send_printed(fd, server, f, print_json);
	send_printed(fd, server, f, print_people);
	free(f);
}

/* ---- who asks ----------------------------------------------------------- */

int
vm_figures_listen(const char *prefix)
{
	struct sockaddr_un address;
	socklen_t length = vm_figures_address(&address, prefix, getpid());
	/* Who may not ask is passed over, and nobody may be behind him. */
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0);

	if (fd < 0)
		return -1;
	if (bind(fd, (struct sockaddr *)&address, length) == 0 &&
	    listen(fd, BACKLOG) == 0)
		return fd;
	close(fd);
	return -1;
}

static void
tell_next(struct vm_server *server)
{
	const struct timespec pause = { 0, ACCEPT_RETRY_NS };
	pid_t pid = 0;
	int fd = vm_socket_accept(server->figures, &pid);

	if (fd >= 0) {
		tell(server, fd);
		close(fd);
	} else if (fd != -EAGAIN && !atomic_load(&server->told_enough))
		nanosleep(&pause, NULL);
}

static void *
run_teller(void *arg)
{
	struct vm_server *server = arg;
	struct pollfd polls[VM_WISH_POLLS + 1];
	struct vm_wishes wishes;

	vm_wishes_open(&wishes);
	while (!atomic_load(&server->told_enough)) {
		polls[0] = (struct pollfd){ .fd = server->figures,
			.events = POLLIN };
		vm_wishes_watch(&wishes, &polls[1]);
		if (poll(polls, VM_WISH_POLLS + 1, -1) <= 0)
			continue;
		if (polls[0].revents != 0)
			tell_next(server);
		vm_wishes_hear(&wishes, server, &polls[1]);
	}
	vm_wishes_close(&wishes);
	return NULL;
}

void
vm_figures_start(struct vm_server *server)
{
	server->figures = vm_figures_listen(VM_FIGURES_PREFIX);
	if (server->figures < 0 ||
	    pthread_create(&server->teller, NULL, run_teller, server) == 0)
		return;
	close(server->figures);
	server->figures = -1;
}

void
vm_figures_stop(struct vm_server *server)
{
	if (server->figures < 0)
		return;
	atomic_store(&server->told_enough, true);
	shutdown(server->figures, SHUT_RDWR);
	pthread_join(server->teller, NULL);
	close(server->figures);
	server->figures = -1;
}
