/* SPDX-License-Identifier: BSD-2-Clause */
/* check.c - check.h has the contract. */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#if CHECK_TSAN
const char *__tsan_default_suppressions(void);

/*
 * The bytes of a page that a map shows are written by whoever uses the map, and
 * summed and packed while the page is write-protected.  What orders the two is
 * the page table, which TSan does not know.  pager/pack.h touches nothing but
 * such bytes.  A test may have a list of its own.
 */
__attribute__((weak)) const char *
__tsan_default_suppressions(void)
{
	return "race:vm_pack_\n";
}
#endif

#define SURVIVED 99 /* exit status of a child that should have died */

/* The signals that cmocka catches; see restore_signals(). */
static const int caught[] = { SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGSYS };
enum { CAUGHT = sizeof(caught) / sizeof(caught[0]) };

static struct sigaction at_start[CAUGHT];
static struct check_test *first, **last = &first;
static size_t test_count;
static pthread_t main_thread;
static pid_t main_process;
static int child_status;

/*
 * With CHECK_TAP in the environment, as under Meson, stdout carries one TAP
 * line per test and nothing else; cmocka's own report goes to stderr.  (Its
 * TAP calls a skipped test "not ok", which Meson takes for a failure.)
 */
static int tap_fd = -1;
static int tap_count;
static enum { FAILED, PASSED, SKIPPED } outcome;
static const char *skipped_why;

void
check_register(struct check_test *test)
{
	*last = test;
	last = &test->next;
	test_count++;
}

/* The message is written already. */
static _Noreturn void
end_test(struct check_site site)
{
	if (getpid() != main_process)
		_exit(1);
	if (!pthread_equal(pthread_self(), main_thread))
		abort();
	_fail(site.file, site.line);
	abort(); /* _fail is not declared noreturn */
}

void
check_failed(struct check_site site)
{
	dprintf(STDERR_FILENO, "%s:%d: CHECK failed: %s\n", site.file,
	    site.line, site.text);
	end_test(site);
}

void
check_int(struct check_site site, intmax_t a, intmax_t b)
{
	if (a == b)
		return;
	dprintf(STDERR_FILENO,
	    "%s:%d: CHECK_INT failed: %s: %" PRIdMAX " and %" PRIdMAX "\n",
	    site.file, site.line, site.text, a, b);
	end_test(site);
}

void
check_str(struct check_site site, const char *a, const char *b)
{
	if (a != NULL && b != NULL && strcmp(a, b) == 0)
		return;
	dprintf(STDERR_FILENO,
	    "%s:%d: CHECK_STR failed: %s: \"%s\" and \"%s\"\n", site.file,
	    site.line, site.text, a ? a : "(null)", b ? b : "(null)");
	end_test(site);
}

void
check_skip(const char *why)
{
	dprintf(STDERR_FILENO, "skipped: %s\n", why);
	outcome = SKIPPED;
	skipped_why = why;
	_skip(__FILE__, __LINE__);
	abort(); /* _skip is not declared noreturn */
}

/* In the child: what dies on purpose leaves neither a message nor a core. */
static void
go_silent(void)
{
	int null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (null_fd < 0 || dup2(null_fd, STDERR_FILENO) < 0)
		_exit(1);
	(void)setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
}

bool
check_fork(void)
{
	pid_t child, done;

	child = fork();
	if (child < 0)
		check_failed(CHECK_SITE("fork()"));
	if (child == 0) {
		go_silent();
		return true;
	}
	do {
		done = waitpid(child, &child_status, 0);
	} while (done < 0 && errno == EINTR);
	if (done != child)
		check_failed(CHECK_SITE("waitpid() returns the child"));
	return false;
}

void
check_survived(void)
{
	_exit(SURVIVED);
}

void
check_died(struct check_site site)
{
	const char *how = "ended with status";
	int number = WEXITSTATUS(child_status);

	if (WIFSIGNALED(child_status)) {
		how = "died by signal";
		number = WTERMSIG(child_status);
		if (number == SIGABRT)
			return;
	} else if (number == SURVIVED) {
		how = "survived it, status";
	}
	dprintf(STDERR_FILENO, "%s:%d: CHECK_DIES failed: %s: %s %d\n",
	    site.file, site.line, site.text, how, number);
	end_test(site);
}

uint64_t
check_seed(void)
{
	const char *text = getenv("RESIDENT_SEED");
	uint64_t seed = 0;

	if (text != NULL)
		seed = strtoull(text, NULL, 0);
	else if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		check_failed(CHECK_SITE("getrandom()"));
	dprintf(STDERR_FILENO, "repeat with RESIDENT_SEED=%" PRIu64 " %s\n",
	    seed, program_invocation_name);
	return seed;
}

/*
 * cmocka turns these signals into a failed test by a jump out of the handler,
 * which from another thread is worse than death, and hides the sanitizers'
 * reports.  Each test starts with the actions this process started with.
 */
static void
restore_signals(void)
{
	for (int i = 0; i < CAUGHT; i++)
		(void)sigaction(caught[i], &at_start[i], NULL);
}

static void
call_test(void **state)
{
	struct check_test *test = *state;

	restore_signals();
	outcome = FAILED; /* what is true when a check jumps out of run() */
	test->run();
	outcome = PASSED;
}

/* cmocka's teardown of one test: runs however the test ended. */
static int
report(void **state)
{
	const struct check_test *test = *state;

	if (tap_fd < 0)
		return 0;
	dprintf(tap_fd, "%sok %d - %s%s%s\n", outcome == FAILED ? "not " : "",
	    ++tap_count, test->name, outcome == SKIPPED ? " # SKIP " : "",
	    outcome == SKIPPED ? skipped_why : "");
	return 0;
}

static void
start(void)
{
	main_thread = pthread_self();
	main_process = getpid();
	for (int i = 0; i < CAUGHT; i++)
		(void)sigaction(caught[i], NULL, &at_start[i]);
	if (getenv("CHECK_TAP") == NULL)
		return;
	tap_fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (tap_fd < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		abort();
}

int
main(int argc, char **argv)
{
	struct CMUnitTest *tests = calloc(test_count + 1, sizeof(*tests));
	struct check_test *test = first;
	int failed;

	if (tests == NULL)
		return 1;
	start();
	for (size_t i = 0; i < test_count; i++, test = test->next) {
		tests[i].name = test->name;
		tests[i].test_func = call_test;
		tests[i].teardown_func = report;
		tests[i].initial_state = test;
	}
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	failed = _cmocka_run_group_tests(program_invocation_short_name, tests,
	    test_count, NULL, NULL);
	free(tests);
	if (tap_fd >= 0)
		dprintf(tap_fd, "1..%d\n", tap_count);
	return failed != 0;
}
