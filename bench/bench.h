/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/bench.h - the harness of resident-bench.
 *
 * A workload asks one question.  It opens what it compares, each a *way* (ours,
 * a floor, a peer), lets bench_rounds measure them in turn, and says as rows
 * what is held against what:
 *
 *	round 0 (thrown away)  A B C     a sample of each, one after the other
 *	round 1                B C A     the first one changes each round
 *	round 2 ...            C A B
 *
 *	row: value = median of A        ratio = median over rounds of A / B
 *
 * Ratios are taken within a round, because a shared machine drifts over seconds
 * by more than the differences of interest; the median of ratios is not the
 * ratio of medians.
 *
 * A way is a loop, which is timed (its number of operations is found so that a
 * sample takes the time that --seconds says), or a function that measures by
 * itself.  One sample is BENCH_FIGURES numbers; of a loop they are BENCH_NS,
 * BENCH_CPU and BENCH_RATE.  What cannot be measured here says why
 * (bench_missing) and is shown as "not here", never as passed.
 *
 * Not promised: that two runs agree.  METHOD.md says how to read a run.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Numbers in a sample. */
#define BENCH_FIGURES 4u
/* Those of a loop. */
#define BENCH_NS	0u	/* ns an operation, of one thread */
#define BENCH_CPU	1u	/* ns of processor, daemons' included */
#define BENCH_RATE	2u	/* operations a second, all threads' */

#define BENCH_THREADS_MOST 256u

struct bench;

/* What a thread of a loop is to do. */
struct bench_turn {
	unsigned thread;	/* 0 ... threads - 1 */
	unsigned threads;
	uint64_t count;		/* operations of this thread */
	uint64_t seed;		/* another one for each thread and sample */
};

struct bench_way {
	const char *name;
	void *self;
	/* One of the two.  once: 0 and the figures, or a negative errno: not
	 * here, with bench_missing's words if it said any. */
	void (*loop)(void *self, const struct bench_turn *turn);
	int (*once)(void *self, double figures[BENCH_FIGURES]);
	/* Before each sample, not timed; NULL: nothing. */
	void (*before)(void *self);
	void (*after)(void *self);	/* and after it */
	unsigned threads;	/* of loop; 0: 1 */
	unsigned longer;	/* samples take so many times --seconds; 0: 1 */
	/* Operations a thread does in a sample; 0: found by trying. */
	uint64_t count;
	/* Results. */
	char missing[160];	/* why it could not be measured; "": it was */
	unsigned runs;
	double *figures[BENCH_FIGURES];	/* one for each run */
};

enum bench_sense {
	BENCH_NO_TARGET,
	BENCH_AT_MOST,
	BENCH_AT_LEAST
};

/* What is said about a way: its figure against that of another one. */
struct bench_row {
	const char *variant;
	const char *unit;	/* "ns", "/s", "B", "%" ... */
	struct bench_way *ours;
	struct bench_way *against;	/* NULL: target is for the value */
	unsigned figure;
	enum bench_sense sense;
	double target;		/* of the ratio ours / against, or the value */
};

struct bench_workload {
	const char *name;
	const char *question;	/* one line, for --list */
	void (*run)(struct bench *bench);
};

/* What the command line asked for. */
struct bench_options {
	const char *json;	/* a file's name; NULL: none */
	const char *path;	/* where stores are; NULL: the usual place */
	double seconds;		/* of a sample */
	uint64_t mem_bytes;	/* the limit; 0: the workload's own */
	unsigned runs;		/* rounds that count */
	unsigned threads;	/* at most, where a workload goes up */
	bool quick;		/* small sizes: does it work, not how fast */
};

/* (T) all of it: the program's main thread. */
struct bench {
	struct bench_options options;
	FILE *out;		/* where the table goes */
	const char *workload;	/* that is running */
	struct bench_result *results;
	unsigned count;		/* of results */
	unsigned skipped;	/* workloads that could not be run */
	double seconds;		/* that all of it took */
};

/* ---- measuring: rounds.c ------------------------------------------------- */

/* Measures count ways in turn, runs times; 0: as the options say. */
void bench_rounds(struct bench *bench, struct bench_way *ways, unsigned count,
    unsigned runs);
/* The results' memory; the ways can be measured again. */
void bench_ways_fini(struct bench_way *ways, unsigned count);
/* Says why a way is not measured; the first words stay. */
void bench_missing(struct bench_way *way, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Runs loop in that many threads, which begin together; the wall time in ns
 * from the first one's start to the last one's end. */
uint64_t bench_threads(void (*loop)(void *, const struct bench_turn *),
    void *self, const struct bench_turn *turn);

uint64_t bench_now_ns(void);
/* Of this process and all its threads, dead ones and waited-for children
 * included. */
uint64_t bench_cpu_ns(void);

/* ---- saying: report.c ---------------------------------------------------- */

/* Prints a row and keeps it for the JSON; copies what it needs. */
void bench_row(struct bench *bench, const struct bench_row *row);
/* The workload cannot be run on this machine: why. */
void bench_skip(struct bench *bench, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The program or the library is wrong: prints and ends with status 1. */
_Noreturn void bench_die(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
/* The same with the library's sentence, if code is negative. */
void bench_check(int code, const char *what);

/* ---- stores: file.c ------------------------------------------------------ */

enum bench_store {
	BENCH_NULL_STORE,	/* memory, in /dev/shm: reads cost a copy */
	BENCH_DISK		/* a disk: of --path, else of /var/tmp */
};

/*
 * A file whose page i (of bench_page_bytes) begins with i, and whose other
 * bytes are not zeros.  Who writes to it leaves these 8 bytes alone.
 */
struct bench_file {
	int fd;			/* read and write, through the page cache */
	char path[512];
	uint64_t bytes;
	uint64_t pages;		/* 0: a folder */
	enum bench_store store;
	struct bench_file *next;
};

/* The same arguments give the same file; all are removed at the end.  NULL:
 * not possible here, and bench_skip has said so. */
struct bench_file *bench_file(struct bench *bench, enum bench_store store,
    uint64_t bytes);
/* Written and out of the kernel's cache. */
void bench_file_drop(const struct bench_file *file);
uint64_t bench_page_bytes(void);
/* A new folder on that store, with room for so many bytes, for files of any
 * kind; removed with them at the end.  NULL as of bench_file. */
const char *bench_folder(struct bench *bench, enum bench_store store,
    uint64_t bytes);

/* Whether these are the bytes of page number i: of loops that check. */
static inline bool
bench_page_good(const void *page, uint64_t i)
{
	return *(const uint64_t *)page == i;
}

/* Called, before files are removed, by the handler of a signal that ends the
 * program: no more than a handler may do.  The same one twice: called once. */
#define BENCH_HOOKS_MOST 4u
void bench_at_signal(void (*hook)(void));

/* ---- small things -------------------------------------------------------- */

/* The limit a workload runs with: --mem, else one of these two. */
uint64_t bench_mem(const struct bench *bench, uint64_t usual_bytes,
    uint64_t quick_bytes);

double bench_median(const double *values, unsigned count);

/* Marsaglia's xorshift64*; never 0 as state. */
struct bench_rng {
	uint64_t state;
};

static inline struct bench_rng
bench_rng(uint64_t seed)
{
	struct bench_rng rng;

	rng.state = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15) | 1;
	return rng;
}

static inline uint64_t
bench_random(struct bench_rng *rng)
{
	rng->state ^= rng->state >> 12;
	rng->state ^= rng->state << 25;
	rng->state ^= rng->state >> 27;
	return rng->state * UINT64_C(0x2545f4914f6cdd1d);
}

/* 0 ... below - 1, below < 2^32 (Lemire's multiplication, without the
 * rejection: off by below / 2^32, which no page count notices). */
static inline uint64_t
bench_below(struct bench_rng *rng, uint64_t below)
{
	return (bench_random(rng) >> 32) * below >> 32;
}

/* Keeps a value that nothing else uses from being optimized away. */
static inline void
bench_use(uint64_t value)
{
	__asm__ volatile("" : : "r"(value) : "memory");
}

#endif
