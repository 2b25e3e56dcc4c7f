/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random calls of the whole explicit API against arrays of bytes: several
 * objects over files and anonymous ones, in pool and store, in a system that
 * has room for a tenth of them.  Every page that is seen must have the array's
 * bytes; every file that was synced too; what was lent shows its borrower what
 * it did, after each call; every so often the system is audited.
 * What of the API is left out is in left_out.txt.
 *
 * Calls are drawn as data (step.h), a few thousand for each new system, which
 * lives in a process of its own.  When it fails, crashes or hangs, steps are
 * dropped while it still does, and what is left is said, with how to repeat
 * it: the system is the seed's, the calls are RESIDENT_REPLAY's.
 *
 *	RESIDENT_STEPS=100000000 build/tests/model_explicit
 *	RESIDENT_SEED=1 RESIDENT_REPLAY='2:0:77 9:0:3' ...
 */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "holdings.h"
#include "op.h"
#include "step.h"

enum {
	STEPS = 1000000,	/* about 30 s */
	/* Of one system: enough to come round all objects many times, few
	 * enough to be dropped one by one. */
	ROUND_STEPS = 5000,
	/* A round takes a fraction of a second; under TSan some seconds. */
	HUNG_S = 100,
	REPEATS = 5,
	/* Sequences tried for a smaller one: minutes at worst. */
	TRIES_MAX = 2000,
};

/* What a round tells its parent: it may die at any moment. */
struct progress {
	_Atomic unsigned steps;	/* begun */
};

struct round {
	uint64_t seed;		/* the system's and of all steps */
	bool silent;
	struct progress *progress;
};

const struct op *
op_at(unsigned n)
{
	static const struct op *const files[] = { ops_page,
		ops_object, ops_life, ops_content, ops_order, ops_limit,
		ops_loan, ops_async, ops_window, ops_memory, ops_look,
		ops_pager, ops_map };

	for (unsigned i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		for (const struct op *op = files[i]; op->name != NULL; op++)
			if (n-- == 0)
				return op;
	return NULL;
}

static unsigned
some_op(uint64_t *state)
{
	const struct op *op;
	unsigned all = 0, n;
	uint64_t turn;

	for (n = 0; (op = op_at(n)) != NULL; n++)
		all += op->weight;
	turn = steps_random(state) % all;
	for (n = 0; turn >= op_at(n)->weight; n++)
		turn -= op_at(n)->weight;
	return n;
}

static void
draw(uint64_t seed, struct step *steps, unsigned count)
{
	uint64_t state = ~seed;		/* the world has seed itself */

	for (unsigned i = 0; i < count; i++)
		steps[i] = (struct step){
			.op = some_op(&state),
			.thing = (unsigned)(steps_random(&state) % THINGS),
			.seed = steps_random(&state),
		};
}

/* In a process of its own. */
static void
play(const struct round *round, const struct step *steps, unsigned count)
{
	struct world *w = world_new(round->seed);

	for (unsigned i = 0; i < count; i++) {
		const struct op *op = op_at(steps[i].op);
		struct thing *t = &w->thing[steps[i].thing % THINGS];

		CHECK(op != NULL);
		atomic_store(&round->progress->steps, i + 1);
		w->step = i + 1;
		w->doing = op->name;
		w->random = steps[i].seed;
		if (t->length != 0 || op->empty_too)
			op->run(w, t);
		holdings_compare(w);
	}
	world_end(w);
}

static bool
play_fails(void *arg, const struct step *steps, unsigned count)
{
	const struct round *round = arg;
	int status;
	pid_t child = fork();

	CHECK(child >= 0);
	if (child == 0) {
		if (round->silent &&
		    freopen("/dev/null", "w", stderr) == NULL)
			_exit(1);
		(void)alarm(HUNG_S);	/* dies of it */
		play(round, steps, count);
		exit(0);	/* not _exit: what counts coverage runs then */
	}
	CHECK(waitpid(child, &status, 0) == child);
	if (status != 0 && !round->silent)
		fprintf(stderr, "the round ended with %s %d\n",
		    WIFSIGNALED(status) ? "signal" : "status",
		    WIFSIGNALED(status) ? WTERMSIG(status) :
		    WEXITSTATUS(status));
	return status != 0;
}

/* Whether it fails most of the time: the daemon's turns are not drawn. */
static bool
repeats(struct round *round, const struct step *steps, unsigned count)
{
	int failed = 0;

	for (int i = 0; i < REPEATS; i++)
		failed += play_fails(round, steps, count);
	return failed > REPEATS / 2;
}

/* The sequence fails: makes it small, and says how to repeat it. */
static void
explain(struct round *round, struct step *steps, unsigned count)
{
	const struct judge judge = { play_fails, round, TRIES_MAX };
	unsigned begun = atomic_load(&round->progress->steps);

	fprintf(stderr, "RESIDENT_SEED=%" PRIu64 " RESIDENT_STEPS=%d repeats "
	    "the round\n", round->seed, (int)ROUND_STEPS);
	round->silent = true;
	if (!repeats(round, steps, count)) {
		fprintf(stderr, "it fails now and then only\n");
		return;
	}
	/* What fails at its very end needs all of it. */
	if (begun < count && play_fails(round, steps, begun))
		count = begun;
	count = steps_shrink(steps, count, &judge);
	round->silent = false;
	fprintf(stderr, "%u steps are left, of which the last was:\n", count);
	(void)play_fails(round, steps, count);
	fprintf(stderr, "RESIDENT_SEED=%" PRIu64 " RESIDENT_REPLAY='",
	    round->seed);
	steps_write(STDERR_FILENO, steps, count);
	fprintf(stderr, "' build/tests/model_explicit\n");
	for (unsigned i = 0; i < count; i++)
		fprintf(stderr, "\t%s, object %u\n",
		    op_at(steps[i].op)->name, steps[i].thing);
}

static uint64_t
steps_wanted(void)
{
	const char *text = getenv("RESIDENT_STEPS");

	return text != NULL ? strtoull(text, NULL, 0) : STEPS;
}

static struct progress *
new_progress(void)
{
	void *shared = mmap(NULL, sizeof(struct progress), PROT_READ |
	    PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(shared != MAP_FAILED);
	return shared;
}

static void
replay(struct round *round, const char *text)
{
	static struct step steps[ROUND_STEPS];
	unsigned count = steps_read(text, steps, ROUND_STEPS);

	CHECK(count != 0);
	CHECK(!play_fails(round, steps, count));
}

TEST(random_calls_leave_the_bytes_that_arrays_would_have)
{
	static struct step steps[ROUND_STEPS];
	struct round round = { check_seed(), false, new_progress() };
	const char *text = getenv("RESIDENT_REPLAY");
	uint64_t left = steps_wanted(), state = round.seed;

	if (text != NULL) {
		replay(&round, text);
		return;
	}
	while (left != 0) {
		unsigned count = left < ROUND_STEPS ? (unsigned)left :
		    ROUND_STEPS;

		draw(round.seed, steps, count);
		if (play_fails(&round, steps, count)) {
			explain(&round, steps, count);
			check_failed(CHECK_SITE("a round failed"));
		}
		left -= count;
		round.seed = steps_random(&state);
	}
}
