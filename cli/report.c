/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/report.c - see report.h. */
#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/say.h"
#include "server/server.h"

/* ---- JSON --------------------------------------------------------------- */

static int
cannot_write(const char *path, int error)
{
	vm_say("cannot write '%s': %s", path, strerror(error));
	return -1;
}

/* The mode that open(2) would give a new file. */
static void
set_usual_mode(int fd)
{
	mode_t mask = umask(0);

	umask(mask);
	(void)!fchmod(fd, 0666 & ~mask);
}

static bool
is_special(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && !S_ISREG(st.st_mode);
}

int
vm_json_open(struct vm_json *json, const char *path)
{
	*json = (struct vm_json){ .fd = -1, .path = path };
	if (path == NULL)
		return 0;
	if (access(path, F_OK) == 0 && access(path, W_OK) != 0)
		return cannot_write(path, errno);
	if (is_special(path)) {	/* a pipe, a terminal: nothing to rename */
		json->fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
		return json->fd < 0 ? cannot_write(path, errno) : 0;
	}
	if (snprintf(json->temporary, sizeof(json->temporary), "%s.XXXXXX",
	    path) >= (int)sizeof(json->temporary))
		return cannot_write(path, ENAMETOOLONG);
	json->fd = mkostemp(json->temporary, O_CLOEXEC);
	if (json->fd < 0) {
		json->temporary[0] = '\0';
		return cannot_write(path, errno);
	}
	set_usual_mode(json->fd);
	return 0;
}

static int
print_figures(FILE *out, const struct vm_server_report *r)
{
	const struct vm_stat *s = &r->stat;
	const struct vm_swap_stat *w = &r->swap;
	const uint64_t page = vm_page_bytes();
	const struct {
		const char *key;
		uint64_t value;
	} rows[] = {
		{ "limit_bytes", s->limit_pages * page },
		{ "peak_bytes", s->peak_pages * page },
		{ "resident_bytes", s->resident_pages * page },
		{ "private_bytes", r->private_bytes },
		{ "faults", s->faults },
		{ "pages_in", s->pages_in },
		{ "pages_out", s->pages_out },
		{ "readahead_pages", s->readahead_pages },
		{ "readahead_used", s->readahead_used },
		{ "readahead_unused", s->readahead_unused },
		{ "evicted_clean", s->evicted_clean },
		{ "evicted_dirty", s->evicted_dirty },
		{ "read_bytes", s->read_bytes },
		{ "written_bytes", s->written_bytes },
		{ "swap_written_pages", w->written },
		{ "swap_read_pages", w->read },
		{ "swap_filled_pages", w->filled },
		{ "swap_packed_pages", w->packed },
		{ "swap_packed_bytes", w->packed_in_bytes },
		{ "swap_unpacked_pages", w->unpacked },
		{ "swap_left_tier_pages", w->left_tier },
		{ "swap_disk_peak_bytes", w->disk_peak_bytes },
		{ "swap_sum_errors", w->sum_errors },
		{ "wait_ns", s->wait_ns },
		{ "limbo_rounds", r->limbo_rounds },
		{ "limbo_ns", r->limbo_ns },
		{ "limbo_touched", s->limbo_touched },
		{ "limbo_again", s->limbo_again },
		{ "clients", r->clients },
		{ "maps_managed", r->maps_managed },
		{ "maps_passed", r->maps_passed },
		{ "errors", r->errors },
	};
	const size_t count = sizeof(rows) / sizeof(rows[0]);

	fputs("{\n", out);
	for (size_t i = 0; i < count; i++)
		fprintf(out, "  \"%s\": %" PRIu64 "%s\n", rows[i].key,
		    rows[i].value, i + 1 < count ? "," : "");
	return fputs("}\n", out);
}

int
vm_json_write(struct vm_json *json, const struct vm_server_report *report)
{
	FILE *out;
	int error = 0;

	if (json->fd < 0)
		return 0;
	out = fdopen(json->fd, "w");
	if (out == NULL) {
		vm_json_drop(json);
		return cannot_write(json->path, ENOMEM);
	}
	print_figures(out, report);
	json->fd = -1;
	errno = 0;
	error = ferror(out) ? EIO : 0;
	if (fclose(out) != 0)
		error = errno;
	if (error == 0 && json->temporary[0] != '\0' &&
	    rename(json->temporary, json->path) != 0)
		error = errno;
	if (error == 0)
		return 0;
	vm_json_drop(json);
	return cannot_write(json->path, error);
}

void
vm_json_drop(struct vm_json *json)
{
	if (json->fd >= 0)
		close(json->fd);
	json->fd = -1;
	if (json->temporary[0] != '\0')
		unlink(json->temporary);
	json->temporary[0] = '\0';
}

/* ---- the table ---------------------------------------------------------- */

/* 16 bytes: "1023.9 KiB" and its end are 11. */
struct text {
	char text[16];
};

static struct text
size_text(uint64_t bytes)
{
	static const char units[] = "KMGTPE";
	struct text t;
	uint64_t tenths = bytes * 10;
	unsigned unit = 0;

	if (bytes < 1024) {
		snprintf(t.text, sizeof(t.text), "%u B", (unsigned)bytes);
		return t;
	}
	/* Above 1 EiB the multiplication would not fit; no file is so long. */
	for (tenths /= 1024; tenths >= 10240 && unit < 5; unit++)
		tenths /= 1024;
	snprintf(t.text, sizeof(t.text), "%u.%u %ciB",
	    (unsigned)(tenths / 10), (unsigned)(tenths % 10), units[unit]);
	return t;
}

/* Nothing where no memory went there. */
static void
print_swap(const struct vm_swap_stat *s)
{
	const uint64_t page = vm_page_bytes();

	if (s->filled + s->packed + s->written == 0)
		return;
	vm_say("swap     %" PRIu64 " pages to files (%s at most), %" PRIu64
	    " back, %" PRIu64 " of one word", s->written,
	    size_text(s->disk_peak_bytes).text, s->read, s->filled);
	if (s->packed != 0)
		vm_say("packed   %" PRIu64 " pages to %.2f of their size, "
		    "%" PRIu64 " back, %" PRIu64 " on to files", s->packed,
		    (double)s->packed_in_bytes / (double)(s->packed * page),
		    s->unpacked, s->left_tier);
}

void
vm_report_print(const struct vm_server_report *r)
{
	const struct vm_stat *s = &r->stat;
	const uint64_t page = vm_page_bytes();

	vm_say("memory   limit %s, peak %s, resident %s, private %s",
	    size_text(s->limit_pages * page).text,
	    size_text(s->peak_pages * page).text,
	    size_text(s->resident_pages * page).text,
	    size_text(r->private_bytes).text);
	vm_say("faults   %" PRIu64 ", %.3f s spent waiting", s->faults,
	    (double)s->wait_ns / 1e9);
	vm_say("pages    %" PRIu64 " in (%s read), %" PRIu64 " out (%s "
	       "written)", s->pages_in, size_text(s->read_bytes).text,
	    s->pages_out, size_text(s->written_bytes).text);
	vm_say("ahead    %" PRIu64 " pages in unasked, %" PRIu64
	       " seen used, %" PRIu64 " unused", s->readahead_pages,
	    s->readahead_used, s->readahead_unused);
	vm_say("evicted  %" PRIu64 " clean, %" PRIu64 " dirty",
	    s->evicted_clean, s->evicted_dirty);
	print_swap(&r->swap);
	vm_say("clients  %" PRIu64 ", maps %" PRIu64 " managed, %" PRIu64
	       " passed, errors %" PRIu64, r->clients, r->maps_managed,
	    r->maps_passed, r->errors);
}
