/* SPDX-License-Identifier: BSD-2-Clause */
/* A server's beginning and end, its socket, its figures, its keeper. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rig.h"
#include "server/figures.h"

/* ---- start and stop ------------------------------------------------------ */

TEST(a_server_that_cannot_have_its_system_does_not_start)
{
	struct vm_server *server = NULL;

	rig_listen();
	rig_prepare();
	rig_options.vm.resident_max_bytes = 1;
	CHECK(vm_server_start(&rig_options, &server) < 0);
	CHECK(server == NULL && rig_said("resident: "));
	rig_unlisten();
}

static int
lowest_free(void)
{
	int fd = dup(STDERR_FILENO);

	close(fd);
	return fd;
}

/* One descriptor more each time. */
TEST(a_server_short_of_descriptors_starts_wholly_or_not_at_all)
{
	struct rlimit limit;
	unsigned failed = 0;
	int before;

	CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	rig_listen();
	rig_prepare();
	before = lowest_free();
	for (int more = 0; more < 12; more++) {
		struct rlimit few = limit;
		struct vm_server *server;
		int error;

		few.rlim_cur = (rlim_t)(before + more);
		CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);
		error = vm_server_start(&rig_options, &server);
		CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
		if (error != 0)
			failed++;
		else
			CHECK_INT(vm_server_stop(server, &rig_report), 0);
		CHECK_INT(lowest_free(), before);
	}
	CHECK(failed > 0 && failed < 12);
	CHECK(rig_said("cannot make shared memory"));
	CHECK(rig_said("cannot listen"));
	rig_unlisten();
}

static bool
starts_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

TEST(the_socket_is_in_the_users_runtime_folder_if_that_will_do)
{
	char folder[] = "/tmp/resident-test-XXXXXX", longer[128];
	const char *unfit[] = { "relative", "/nowhere/at/all", longer };

	CHECK(mkdtemp(folder) != NULL);
	memset(longer, 'x', sizeof(longer));
	longer[0] = '/';
	longer[sizeof(longer) - 1] = '\0';
	setenv("XDG_RUNTIME_DIR", folder, 1);
	rig_prepare();
	rig_start();
	CHECK(starts_with(vm_server_socket(rig.server), folder));
	rig_tear_down();
	for (unsigned i = 0; i < 3; i++) {
		setenv("XDG_RUNTIME_DIR", unfit[i], 1);
		rig_prepare();
		rig_start();
		CHECK(starts_with(vm_server_socket(rig.server),
		    "/tmp/resident-"));
		rig_hello(false);
		rig_tear_down();
	}
	unsetenv("XDG_RUNTIME_DIR");
	CHECK(rmdir(folder) == 0);	/* all is gone */
}

TEST(what_is_no_listener_accepts_nobody)
{
	pid_t pid;

	CHECK_INT(vm_socket_accept(-1, &pid), -EBADF);
}

TEST(an_answer_has_an_error_or_descriptors_and_not_both)
{
	struct vm_answer answer = { .fds = 0 };
	int before = lowest_free();

	vm_answer_fd(&answer, dup(STDERR_FILENO));
	CHECK_INT(answer.fds, 1);
	vm_answer_fd(&answer, -EMFILE);
	CHECK(answer.fds == 0 && answer.reply.error == EMFILE);
	vm_answer_fd(&answer, dup(STDERR_FILENO));
	vm_answer_fd(&answer, -ENFILE);
	CHECK(answer.fds == 0 && answer.reply.error == EMFILE);
	CHECK_INT(lowest_free(), before);
	vm_answer_error(&answer, -EIO, "bad\nnews");
	CHECK_STR(answer.reply.text, "bad?news");
}

static volatile sig_atomic_t got;

static void
on_signal(int number)
{
	got = number;
}

TEST(a_signal_goes_to_clients_with_ranges)
{
	signal(SIGUSR1, on_signal);
	rig_set_up();
	got = 0;
	CHECK(!vm_server_busy(rig.server));
	vm_server_signal(rig.server, SIGUSR1);
	CHECK_INT(got, 0);
	rig_map_shared();
	vm_server_signal(rig.server, SIGUSR1);
	while (got == 0)
		continue;
	CHECK_INT(got, SIGUSR1);
	rig_tear_down();
	signal(SIGUSR1, SIG_DFL);
}

/* ---- figures ------------------------------------------------------------- */

static char told[VM_FIGURES_BYTES + 1];

static int
ask_figures(void)
{
	struct sockaddr_un address;
	socklen_t length = vm_figures_address(&address, VM_FIGURES_PREFIX,
	    getpid());
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	CHECK(fd >= 0);
	CHECK(connect(fd, (struct sockaddr *)&address, length) == 0);
	return fd;
}

static bool
tells(int fd, const char *words)
{
	ssize_t length = recv(fd, told, sizeof(told) - 1, MSG_PEEK);

	CHECK(length > 0);
	told[length] = '\0';
	return strstr(told, words) != NULL;
}

static void
next(int fd)
{
	CHECK(recv(fd, told, sizeof(told), 0) > 0);
}

static int
file_named(const char *folder, const char *name)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	CHECK(fd >= 0 && unlink(path) == 0);
	CHECK(ftruncate(fd, PAGE) == 0);
	return fd;
}

TEST(figures_tell_of_every_client_and_file_to_programs_and_people)
{
	static const char *const names[] = { "pla\"in\\", "con\001tr\177ol" };
	char folder[] = "/tmp/resident-test-XXXXXX", longer[250];
	int fd;

	memset(longer, 'L', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	CHECK(mkdtemp(folder) != NULL);
	rig_set_up();
	for (unsigned i = 0; i < 3; i++) {
		fd = file_named(folder, i < 2 ? names[i] : longer);
		CHECK_INT(RIG_ASK(fd, .op = VM_REQ_MAP,
		    .address = (uintptr_t)rig.base + i * PAGE, .length = PAGE,
		    .prot = PROT_READ, .flags = MAP_SHARED), 0);
		close(fd);
	}
	fd = ask_figures();
	CHECK(tells(fd, "\"ranges\": 3"));
	CHECK(tells(fd, "pla\\\"in\\\\"));
	CHECK(tells(fd, "con\\u0001tr\\u007fol"));
	CHECK(tells(fd, "LLLL (deleted)\""));
	CHECK(tells(fd, "\"stat\": "));
	next(fd);
	CHECK(tells(fd, "con?tr?ol"));
	CHECK(tells(fd, "memory   limit 8.0 MiB"));
	close(fd);
	rig_tear_down();
	CHECK(rmdir(folder) == 0);
}

TEST(of_many_files_all_are_counted_and_some_are_told)
{
	char *many;
	int fd;

	rig_set_up();
	many = mmap(NULL, 120 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
	    -1, 0);
	for (unsigned i = 0; i < 110; i++) {
		fd = rig_new_file(1);
		CHECK_INT(RIG_ASK(fd, .op = VM_REQ_MAP,
		    .address = (uintptr_t)many + i * PAGE, .length = PAGE,
		    .prot = PROT_READ, .flags = MAP_SHARED), 0);
		close(fd);
	}
	fd = ask_figures();
	CHECK(tells(fd, "\"files\": 110"));
	close(fd);
	munmap(many, 120 * PAGE);
	rig_tear_down();
}

TEST(a_second_server_of_a_process_has_no_figures_and_works)
{
	struct vm_server *second;
	struct vm_server_report report;

	rig_set_up();
	CHECK_INT(vm_server_start(&rig_options, &second), 0);
	CHECK_INT(second->figures, -1);
	CHECK_INT(vm_server_stop(second, &report), 0);
	close(ask_figures());
	rig_tear_down();
}

/* ---- faults that failed -------------------------------------------------- */

static sigjmp_buf out;

static void
on_bus(int number)
{
	siglongjmp(out, number);
}

static bool
can_read(unsigned page)
{
	if (sigsetjmp(out, 1) != 0)
		return false;
	return *(volatile char *)(rig.base + page * PAGE) >= 0;
}

TEST(reads_that_failed_are_said_with_file_and_place_and_not_for_ever)
{
	struct sigaction action = { .sa_handler = on_bus };

	rig_listen();
	rig_prepare();
	rig_options.vm.pager_filter = "error:range=16-40";
	rig.uffd = rig_new_uffd();
	rig_start();
	rig_hello(true);
	rig_show(PROT_READ | PROT_WRITE, MAP_SHARED);
	CHECK(sigaction(SIGBUS, &action, NULL) == 0);
	for (unsigned i = 0; i < 8; i++)
		CHECK(can_read(i));
	for (unsigned i = 20; i < 35; i++)
		CHECK(!can_read(i));
	signal(SIGBUS, SIG_DFL);
	CHECK_INT(rig_stop(), 0);
	CHECK(rig_report.errors >= 15);
	CHECK(rig_said("bytes at 81920 could not be read: "
	    "Input/output error; process"));
	CHECK(rig_said("further read errors are only counted"));
	rig_unlisten();
}

TEST(a_failure_of_a_process_that_is_gone_is_said_without_its_name)
{
	rig_listen();
	rig_prepare();
	rig_start();
	vm_client_failed(rig.server, NULL, 5 * PAGE, ENOMEM, "no\nroom");
	for (unsigned i = 0; i < VM_SERVER_FAILURES_MAX + 4; i++)
		vm_client_failed(rig.server, NULL, 5 * PAGE, EIO, "gone");
	CHECK_INT(rig_stop(), 0);
	CHECK(rig_said("a page of process 0 could not be read: no?room "
	    "(Cannot allocate memory)"));
	CHECK_INT(rig_report.errors, VM_SERVER_FAILURES_MAX + 5);
	rig_unlisten();
}
