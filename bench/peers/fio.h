/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * peers/fio.h - fio on a file: what the device and the kernel give to a
 * program that does nothing else (Axboe's fio 3.x, ioengine=io_uring).
 *
 * fio runs as a child, one job with one thread, O_DIRECT, and is asked for
 * JSON.  Its best settings are used, not its defaults: with registered, its
 * file and its buffers are registered with the ring, which makes it a harder
 * peer; without latency it reads no clock per I/O (gtod_reduce), likewise.
 *
 * Its buffers are in huge pages where the kernel gives some (transparent ones).
 * That is worth most of all: a device whose requests have a bounded number of
 * pieces, or that copies, reads 1 MiB that lies together three times as fast as
 * 256 pages (measured: 3.8 GB/s against 1.2).
 *
 * CPU is that of fio's thread (user and system of its share of the run time,
 * ramp excluded).  What the kernel's own threads do for it is not in it, as it
 * is not in what getrusage says of us.
 *
 * Time is fio's, from the first I/O to the last, with the fsync where there is
 * one, in whole milliseconds: runs below 100 ms say little.
 */
#ifndef BENCH_PEERS_FIO_H
#define BENCH_PEERS_FIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fio_pattern {
	FIO_RANDREAD,
	FIO_READ,
	FIO_RANDWRITE,
	FIO_WRITE,
};

/* Zero is a default where one is named. */
struct fio_job {
	const char *path;	/* a file that is there and large enough; no
				 * ':' in it, which separates files for fio */
	enum fio_pattern pattern;
	uint32_t block_bytes;	/* 0: 4096 */
	uint32_t depth;		/* I/Os in flight; 0: 1 */
	uint64_t span_bytes;	/* of the file, from its beginning */
	uint64_t transfer_bytes;	/* ends after so many; 0: by the time */
	double seconds;		/* and not after so long; 0: no bound */
	double ramp_seconds;	/* before that, not counted */
	/*
	 * These places, in this order, in place of those of the pattern, which
	 * says only whether they are read or written.  Each once, of
	 * block_bytes; span_bytes, transfer_bytes and the times do not matter.
	 */
	const uint64_t *offsets;
	size_t offsets_count;
	uint32_t batch;		/* submitted and completed at a time, at most;
				 * 0: fio's default, 1 */
	uint64_t seed;		/* of the order; 0: another one each run */
	bool sync;		/* fsync after the last write has completed */
	bool registered;
	bool latency;		/* p50, p99 and most are wanted */
	bool buffered;		/* through the page cache */
};

struct fio_result {
	double ios;
	double seconds;
	double ios_per_s;
	double bytes_per_s;
	double cpu_us_per_io;
	double p50_us;		/* completion; 0 where not asked for */
	double p99_us;
	double most_us;
};

/* Longer than any sentence below, with a path in it. */
#define FIO_WHY_BYTES 256

/*
 * Runs it: as long as it takes, and 60 s more at most.  0, or a negative errno
 * and why in words: -ENOENT: no fio here, -ENOTSUP: this one cannot (too old,
 * no io_uring), -EINVAL: nothing bounds the job, -EPROTO: what it wrote is not
 * what fio writes, -EIO: it failed, -ETIMEDOUT.
 */
int fio_run(const struct fio_job *job, struct fio_result *result,
    char why[FIO_WHY_BYTES]);

/* For a handler of a signal that ends us: nothing of a run stays behind. */
void fio_abandon(void);

/*
 * The figures in fio's JSON, lines of other text before it allowed.  -EPROTO: a
 * figure is missing, or makes no sense; -EIO: the job ended with an error.
 */
int fio_parse(const char *text, const struct fio_job *job,
    struct fio_result *result);

#endif
