/* SPDX-License-Identifier: BSD-2-Clause */
/* The connection: greetings, requests, refusals, hang-ups. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../../preload/hide.h"
#include "../../../preload/map.h"
#include "../../../preload/rpc.h"
#include "../../../preload/shim.h"
#include "../../../preload/syscalls.h"
#include "../../../preload/watch.h"
#include "check.h"
#include "fake_server.h"

#define MIN_MAP UINT64_C(65536)

static bool
serve_well(const struct vm_request *request, int fd, struct vm_reply *reply)
{
	if (request->op == VM_REQ_HELLO) {
		reply->value = MIN_MAP;
		reply->error = request->token == VM_PROTOCOL_VERSION &&
		    request->length == (uint64_t)sysconf(_SC_PAGESIZE) ? 0 :
		    EPROTO;
	}
	if (request->op == VM_REQ_PASSED && request->token == VM_PASS_EXEC)
		reply->verdict = VM_VERDICT_REFUSE;
	if (request->op == VM_REQ_MAP)
		reply->error = fd < 0 ? EBADF : 0;
	return request->op != VM_REQ_BYE;
}

static bool
refuse(const struct vm_request *request, int fd, struct vm_reply *reply)
{
	(void)request;
	(void)fd;
	reply->error = EPERM;
	strcpy(reply->text, "not you");	/* Rule 18: it has room for 127. */
	return true;
}

static int
run_with(fake_serve *serve, void (*run)(const struct fake *), char *said,
    size_t size)
{
	struct fake fake;
	int status;

	fake_start(&fake, serve);
	status = fake_in_child(run, &fake, said, size);
	fake_stop(&fake);
	return status;
}

static void
start_and_look(const struct fake *fake)
{
	vm_shim_start(fake->path, false);
	CHECK(vm_shim_active());
	CHECK_INT(vm_shim.min_map, MIN_MAP);
	CHECK(vm_shim.page != NULL && vm_shim.table != NULL);
	CHECK_INT(vm_shim.table->files, 0);
}

TEST(a_greeting_makes_the_shim_active)
{
	char said[256];

	CHECK_INT(run_with(serve_well, start_and_look, said, sizeof(said)),
	    0);
	CHECK_STR(said, "");
}

static void
start_refused(const struct fake *fake)
{
	vm_shim_start(fake->path, false);
	CHECK(!vm_shim_active());
}

TEST(a_refusal_is_said_in_the_servers_words)
{
	char said[256];

	CHECK_INT(run_with(refuse, start_refused, said, sizeof(said)), 0);
	CHECK_STR(said, "resident: not you\n");
}

static void
start_nowhere(const struct fake *fake)
{
	(void)fake;
	vm_shim_start("/nonexistent/socket", false);
	CHECK(!vm_shim_active());
	vm_shim_start("/nonexistent/socket", true);
}

TEST(a_missing_server_is_said_once_and_not_when_quiet)
{
	char said[256];

	CHECK_INT(fake_in_child(start_nowhere, NULL, said, sizeof(said)), 0);
	CHECK_STR(said, "resident: no pager server answers; running without "
	    "a limit\n");
}

static void
lose_the_server(const struct fake *fake)
{
	vm_shim_start(fake->path, false);
	CHECK(vm_shim_active());
	/* The fake hangs up on BYE. */
	CHECK_INT(vm_rpc_range(VM_REQ_BYE, 0, 0), -ECONNRESET);
	CHECK(!vm_shim_active());
	CHECK_INT(vm_rpc_range(VM_REQ_BYE, 0, 0), -ENOTCONN);
}

TEST(without_managed_ranges_a_hangup_makes_the_shim_passive)
{
	char said[256];

	CHECK_INT(run_with(serve_well, lose_the_server, said, sizeof(said)),
	    0);
	CHECK_STR(said, "");
}

/* A range is in the table, whatever it shows. */
static void
pretend_managed(void)
{
	struct vm_shim_range entry = { .start = 4096, .end = 8192 };

	CHECK_INT(vm_ranges_reserve(&vm_shim.ranges, 1), 0);
	vm_ranges_insert(&vm_shim.ranges, &entry);
}

static void
lose_the_server_with_ranges(const struct fake *fake)
{
	vm_shim_start(fake->path, false);
	pretend_managed();
	(void)vm_rpc_range(VM_REQ_BYE, 0, 0);
	_exit(0);
}

TEST(with_managed_ranges_a_hangup_ends_the_process)
{
	char said[256];
	int status = run_with(serve_well, lose_the_server_with_ranges, said,
	    sizeof(said));

	CHECK(WIFEXITED(status));
	CHECK_INT(WEXITSTATUS(status), VM_SHIM_STATUS);
	CHECK(strstr(said, "the pager server is gone") != NULL);
}

static void
wait_for_the_end(const struct fake *fake)
{
	struct vm_request bye = { .op = VM_REQ_BYE };

	vm_shim_start(fake->path, false);
	pretend_managed();
	CHECK_INT(vm_watch_start(), 0);
	/* No reply is waited for: only the watcher sees the hang-up. */
	CHECK_INT(VM_SYS(SYS_write, vm_shim.socket, &bye, sizeof(bye)),
	    sizeof(bye));
	for (;;)
		pause();
}

TEST(the_watcher_ends_a_process_that_makes_no_requests)
{
	char said[256];
	int status = run_with(serve_well, wait_for_the_end, said,
	    sizeof(said));

	CHECK(WIFEXITED(status));
	CHECK_INT(WEXITSTATUS(status), VM_SHIM_STATUS);
	CHECK(strstr(said, "the pager server is gone") != NULL);
}

static void
close_the_socket(const struct fake *fake)
{
	vm_shim_start(fake->path, false);
	CHECK_INT(VM_SYS(SYS_close, vm_shim.socket), 0);
	CHECK_INT(vm_rpc_range(VM_REQ_UNMAP, 4096, 4096), 0);
	CHECK(vm_shim_active());
}

TEST(a_socket_closed_by_a_raw_system_call_is_opened_again)
{
	char said[256];

	CHECK_INT(run_with(serve_well, close_the_socket, said, sizeof(said)),
	    0);
}

static void
close_everything(const struct fake *fake)
{
	int socket;

	vm_shim_start(fake->path, false);
	socket = vm_shim.socket;
	CHECK(socket > STDERR_FILENO);
	CHECK_INT(vm_shim_close(socket), -EBADF);
	CHECK_INT(vm_shim_close_range(3, ~0u, 0), 0);
	CHECK_INT(vm_shim_dup(STDERR_FILENO, socket, -1), socket);
	CHECK(vm_shim.socket != socket);
	CHECK_INT(vm_rpc_range(VM_REQ_UNMAP, 4096, 4096), 0);
	CHECK_INT(vm_shim_close(socket), 0);
}

TEST(the_programs_close_and_dup_leave_our_descriptors_alone)
{
	char said[256];

	CHECK_INT(run_with(serve_well, close_everything, said, sizeof(said)),
	    0);
}

static void
map_code(const struct fake *fake)
{
	struct vm_map_call map = {
		.length = MIN_MAP, .prot = PROT_READ | PROT_EXEC,
		.flags = MAP_PRIVATE,
	};
	FILE *self = fopen("/proc/self/exe", "r");

	CHECK(self != NULL);
	map.fd = fileno(self);
	vm_shim_start(fake->path, false);
	CHECK_INT(vm_shim_mmap(&map), -EACCES);
	map.prot = PROT_READ;
	CHECK(!vm_sys_failed(vm_shim_mmap(&map)));
	map.length = MIN_MAP / 2;
	map.prot = PROT_READ | PROT_EXEC;
	CHECK(!vm_sys_failed(vm_shim_mmap(&map)));
}

/* The fake refuses code, and passes what it is asked for. */
TEST(verdicts_decide_who_maps)
{
	char said[256];

	CHECK_INT(run_with(serve_well, map_code, said, sizeof(said)), 0);
}
