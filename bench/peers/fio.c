/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench/peers/fio.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/peers/child.h"
#include "bench/peers/json.h"

/* What fio may take beyond its run: start, layout, end. */
#define GRACE_S 60.0
/* A job that only bytes bound: 600 s, the length of a whole table. */
#define UNTIMED_LIMIT_S 600.0

/* With this, malloc asks the kernel for huge pages (glibc 2.35 or later). */
#define HUGE_MALLOC "GLIBC_TUNABLES=glibc.malloc.hugetlb=1"

#define ARGUMENTS_MAX 40
#define ARGUMENT_BYTES 512

#define LOG_TEMPLATE "/tmp/resident-bench-XXXXXX"

/* The log of the run, "" where none has one.  For the handler. */
static char log_path[sizeof(LOG_TEMPLATE)];

struct arguments {
	char *argv[ARGUMENTS_MAX + 1];
	char text[ARGUMENTS_MAX][ARGUMENT_BYTES];
	int count;
	bool cut;		/* one did not fit: nothing is run */
};

static void
argue(struct arguments *arguments, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void
argue(struct arguments *arguments, const char *format, ...)
{
	char *text = arguments->text[arguments->count];
	va_list list;
	int length;

	va_start(list, format);
	length = vsnprintf(text, ARGUMENT_BYTES, format, list);
	va_end(list);
	if (length < 0 || length >= ARGUMENT_BYTES ||
	    arguments->count == ARGUMENTS_MAX) {
		arguments->cut = true;
		return;
	}
	arguments->argv[arguments->count++] = text;
	arguments->argv[arguments->count] = NULL;
}

static uint32_t
block_bytes(const struct fio_job *job)
{
	return job->block_bytes == 0 ? 4096 : job->block_bytes;
}

static bool
writes(const struct fio_job *job)
{
	return job->pattern == FIO_RANDWRITE || job->pattern == FIO_WRITE;
}

static const char *
pattern_name(enum fio_pattern pattern)
{
	switch (pattern) {
	case FIO_RANDREAD:
		return "randread";
	case FIO_READ:
		return "read";
	case FIO_RANDWRITE:
		return "randwrite";
	case FIO_WRITE:
		return "write";
	}
	return "?";
}

/* How, in what order and from where to where. */
static void
argue_pattern(struct arguments *to, const struct fio_job *job, const char *log)
{
	argue(to, "--rw=%s", pattern_name(job->pattern));
	if (log != NULL) {
		argue(to, "--read_iolog=%s", log);
		argue(to, "--replay_no_stall=1");
		return;
	}
	argue(to, "--size=%" PRIu64, job->span_bytes);
	/* With replacement, as a cache is asked. */
	argue(to, "--norandommap=1");
	if (job->seed == 0)
		argue(to, "--randrepeat=0");
	else
		argue(to, "--randseed=%" PRIu64, job->seed);
}

static void
argue_bounds(struct arguments *to, const struct fio_job *job)
{
	if (job->transfer_bytes != 0)
		argue(to, "--io_size=%" PRIu64, job->transfer_bytes);
	if (job->seconds > 0)
		argue(to, "--runtime=%.0fms", job->seconds * 1e3);
	if (job->seconds > 0 && job->transfer_bytes == 0)
		argue(to, "--time_based=1");
	if (job->ramp_seconds > 0)
		argue(to, "--ramp_time=%.0fms", job->ramp_seconds * 1e3);
}

static void
argue_job(struct arguments *to, const struct fio_job *job, const char *log)
{
	uint32_t depth = job->depth == 0 ? 1 : job->depth;

	argue(to, "fio");
	argue(to, "--output-format=json");
	argue(to, "--eta=never");
	argue(to, "--name=peer");
	argue(to, "--thread");
	argue(to, "--filename=%s", job->path);
	argue(to, "--allow_file_create=0");
	argue(to, "--ioengine=io_uring");
	argue(to, "--direct=%d", job->buffered ? 0 : 1);
	argue(to, "--bs=%" PRIu32, block_bytes(job));
	argue(to, "--iodepth=%" PRIu32, depth);
	/* Otherwise it changes a few bytes of the buffer before each write. */
	argue(to, "--scramble_buffers=0");
	/* With HUGE_MALLOC: from the beginning of a huge page. */
	argue(to, "--mem_align=2m");
	argue_pattern(to, job, log);
	if (log == NULL)
		argue_bounds(to, job);
	if (job->batch != 0) {
		argue(to, "--iodepth_batch_submit=%" PRIu32, job->batch);
		argue(to, "--iodepth_batch_complete_max=%" PRIu32,
		    job->batch);
	}
	if (job->registered) {
		argue(to, "--registerfiles=1");
		argue(to, "--fixedbufs=1");
	}
	if (!job->latency)
		argue(to, "--gtod_reduce=1");
	if (job->sync && writes(job))
		argue(to, "--end_fsync=1");
}

/*
 * The places as fio's "version 2 iolog".  The log ends without an fsync: fio
 * would submit it with the writes still in flight, where end_fsync waits for
 * them.
 */
static int
write_log(const struct fio_job *job, int fd)
{
	const char *what = writes(job) ? "write" : "read";
	FILE *log = fdopen(fd, "w");
	bool failed;

	if (log == NULL) {
		close(fd);
		return -ENOMEM;
	}
	fprintf(log, "fio version 2 iolog\n%s add\n%s open\n", job->path,
	    job->path);
	for (size_t i = 0; i < job->offsets_count; i++)
		fprintf(log, "%s %s %" PRIu64 " %" PRIu32 "\n", job->path,
		    what, job->offsets[i], block_bytes(job));
	failed = ferror(log) != 0;
	return fclose(log) != 0 || failed ? -EIO : 0;
}

/* The least that makes a job: something bounds it, and fio takes the path. */
static bool
sound(const struct fio_job *job)
{
	if (job->path == NULL || strpbrk(job->path, ": \n") != NULL)
		return false;
	if (job->offsets != NULL)
		return job->offsets_count > 0;
	return job->span_bytes >= block_bytes(job) &&
	    (job->seconds > 0 || job->transfer_bytes > 0);
}

/* What fio said of itself, a line; else the error. */
static int
explain(const struct child *child, char why[FIO_WHY_BYTES])
{
	const char *line = strstr(child->output, "fio: ");
	bool cannot;

	if (line == NULL)
		snprintf(why, FIO_WHY_BYTES, "fio ended with status %d",
		    child->status);
	else
		snprintf(why, FIO_WHY_BYTES, "%.*s", (int)strcspn(line, "\n"),
		    line);
	cannot = strstr(child->output, "engine io_uring not loadable") !=
	    NULL || strstr(child->output, "not supported") != NULL ||
	    strstr(child->output, "Bad option") != NULL;
	return cannot ? -ENOTSUP : -EIO;
}

static int
run(const struct fio_job *job, const char *log, struct fio_result *result,
    char why[FIO_WHY_BYTES])
{
	struct arguments *arguments = calloc(1, sizeof(*arguments));
	double limit_s = GRACE_S + (job->seconds > 0 ?
	    job->seconds + job->ramp_seconds : UNTIMED_LIMIT_S);
	struct child child;
	int error = -ENOMEM;

	if (arguments != NULL) {
		argue_job(arguments, job, log);
		error = arguments->cut ? -ENAMETOOLONG :
		    child_run(arguments->argv, HUGE_MALLOC, limit_s,
		    &child);
	}
	free(arguments);
	if (error != 0) {
		snprintf(why, FIO_WHY_BYTES, "fio: %s", error == -ENOENT ?
		    "not installed" : strerror(-error));
		return error;
	}
	if (child.status != 0) {
		error = explain(&child, why);
	} else {
		error = fio_parse(child.output, job, result);
		if (error != 0)
			snprintf(why, FIO_WHY_BYTES,
			    "fio: its figures make no sense");
	}
	free(child.output);
	return error;
}

int
fio_run(const struct fio_job *job, struct fio_result *result,
    char why[FIO_WHY_BYTES])
{
	int fd, error;

	*result = (struct fio_result){0};
	why[0] = '\0';
	if (!sound(job)) {
		snprintf(why, FIO_WHY_BYTES, "fio: no such job");
		return -EINVAL;
	}
	if (job->offsets == NULL)
		return run(job, NULL, result, why);
	memcpy(log_path, LOG_TEMPLATE, sizeof(LOG_TEMPLATE));
	fd = mkstemp(log_path);
	error = fd < 0 ? -errno : write_log(job, fd);
	if (error != 0)
		snprintf(why, FIO_WHY_BYTES, "fio: %s: %s", log_path,
		    strerror(-error));
	else
		error = run(job, log_path, result, why);
	if (fd >= 0)
		unlink(log_path);
	log_path[0] = '\0';
	return error;
}

void
fio_abandon(void)
{
	child_abandon();
	if (log_path[0] != '\0')
		unlink(log_path);
}

/* Text that fio wrote before its JSON: up to the first line that opens it. */
static const char *
json_of(const char *text)
{
	while (*text != '\0' && *text != '{') {
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	return text;
}

/* "jobs/0/<group><name>"; false when it is not there or below 0. */
static bool
figure(const char *json, const char *group, const char *name, double *value)
{
	char path[96];

	snprintf(path, sizeof(path), "jobs/0/%s%s", group, name);
	return json_number(json, path, value) && *value >= 0;
}

int
fio_parse(const char *text, const struct fio_job *job,
    struct fio_result *result)
{
	const char *json = json_of(text);
	const char *way = writes(job) ? "write/" : "read/";
	double error, user, system, whole_ms, run_ms;

	*result = (struct fio_result){0};
	if (!figure(json, "", "error", &error))
		return -EPROTO;
	if (error != 0)
		return -EIO;
	if (!figure(json, way, "total_ios", &result->ios) ||
	    !figure(json, way, "runtime", &run_ms) ||
	    !figure(json, "", "usr_cpu", &user) ||
	    !figure(json, "", "sys_cpu", &system) ||
	    !figure(json, "", "job_runtime", &whole_ms) ||
	    result->ios < 1 || run_ms < 1)
		return -EPROTO;
	if (job->latency) {
		double p50, p99, most;

		if (!figure(json, way, "clat_ns/percentile/50.000000", &p50) ||
		    !figure(json, way, "clat_ns/percentile/99.000000", &p99) ||
		    !figure(json, way, "clat_ns/max", &most))
			return -EPROTO;
		result->p50_us = p50 / 1e3;
		result->p99_us = p99 / 1e3;
		result->most_us = most / 1e3;
	}
	result->seconds = run_ms / 1e3;
	result->ios_per_s = result->ios / result->seconds;
	result->bytes_per_s = result->ios_per_s * block_bytes(job);
	/* Percent of the whole run, in ms. */
	result->cpu_us_per_io = (user + system) / 100 * whole_ms * 1e3 /
	    result->ios;
	return 0;
}
