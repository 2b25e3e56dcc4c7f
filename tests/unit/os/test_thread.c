/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads, clock and events of the real system. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "check.h"
#include "os/os.h"

#define OS (&vm_os_linux)

/* What a thread saw of itself. */
struct seen {
	char name[16];
	sigset_t blocked;
	pthread_t id;
};

static void
look(void *arg)
{
	struct seen *seen = arg;

	seen->id = pthread_self();
	CHECK(pthread_getname_np(seen->id, seen->name,
	    sizeof(seen->name)) == 0);
	CHECK(pthread_sigmask(SIG_BLOCK, NULL, &seen->blocked) == 0);
}

static void
start_and_join(const char *name, struct seen *seen)
{
	struct vm_thread *thread = NULL;

	CHECK_INT(OS->thread_start(name, look, seen, &thread), 0);
	CHECK(thread != NULL);
	OS->thread_join(thread);
}

/* The first test, for the C library keeps the stacks of threads that ended. */
TEST(a_thread_that_cannot_start_is_an_error)
{
#if CHECK_SANITIZED
	CHECK_SKIP("a sanitizer needs address space of its own");
#else
	struct rlimit limit, none;
	struct vm_thread *thread = NULL;
	struct seen seen;
	int err;

	CHECK(getrlimit(RLIMIT_AS, &limit) == 0);
	none = limit;
	none.rlim_cur = 1;
	CHECK(setrlimit(RLIMIT_AS, &none) == 0);
	err = OS->thread_start("vm-test", look, &seen, &thread);
	CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
	CHECK(err == -EAGAIN || err == -ENOMEM);
	CHECK(thread == NULL);
#endif
}

TEST(a_thread_runs_under_its_name)
{
	struct seen seen;

	start_and_join("vm-pageout", &seen);
	CHECK_STR(seen.name, "vm-pageout");
	CHECK(!pthread_equal(seen.id, pthread_self()));
	start_and_join("a-name-that-is-too-long", &seen);
	CHECK_STR(seen.name, "a-name-that-is-");
	start_and_join("", &seen);
	CHECK_STR(seen.name, "");
}

TEST(a_thread_gets_no_signal_and_its_starter_all_as_before)
{
	sigset_t before, after;
	struct seen seen;

	sigemptyset(&before);
	sigaddset(&before, SIGUSR1);
	CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
	start_and_join("vm-test", &seen);
	for (int signal = 1; signal < 32; signal++)
		CHECK(signal == SIGKILL || signal == SIGSTOP ||
		    sigismember(&seen.blocked, signal) == 1);
	CHECK(pthread_sigmask(SIG_SETMASK, NULL, &after) == 0);
	for (int signal = 1; signal < 32; signal++)
		CHECK_INT(sigismember(&after, signal), signal == SIGUSR1);
	sigemptyset(&before);
	CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
}

static void
use_stack(void *arg)
{
	/* 64 KiB: four times what our own code needs. */
	volatile char bytes[65536];

	for (size_t i = 0; i < sizeof(bytes); i += 512)
		bytes[i] = (char)i;
	*(char *)arg = bytes[512];
}

TEST(a_thread_has_stack_enough)
{
	struct vm_thread *thread;
	char byte = 1;

	CHECK_INT(OS->thread_start("vm-test", use_stack, &byte, &thread), 0);
	OS->thread_join(thread);
	CHECK_INT(byte, 0);
}

TEST(the_clock_never_goes_back)
{
	uint64_t last = OS->clock_ns();

	CHECK(last > 0);
	for (int i = 0; i < 10000; i++) {
		uint64_t now = OS->clock_ns();

		CHECK(now >= last);
		last = now;
	}
}

TEST(an_event_is_read_once_and_never_waits)
{
	int fd = OS->eventfd();
	uint64_t count = 1;

	CHECK(fd >= 0);
	CHECK_INT(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK(read(fd, &count, sizeof(count)) < 0 && errno == EAGAIN);
	CHECK_INT(write(fd, &count, sizeof(count)), sizeof(count));
	CHECK_INT(read(fd, &count, sizeof(count)), sizeof(count));
	CHECK(read(fd, &count, sizeof(count)) < 0 && errno == EAGAIN);
	OS->close(fd);
}
