/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whose a fault is.  The faults are real: a map of a file that ends before it
 * raises SIGBUS, and making the file longer is how a range resolves one.  A
 * process has one handler, so each test is a process of its own.
 */
#include "fault/trap.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "faulty.h"

enum { PAGE = 4096, PAGES = 8, GOOD = 42 };

/* A map of a file without bytes. */
struct hole {
	char *base;
	int fd;
	_Atomic unsigned held, reads, writes;
	int refuse;		/* what resolve returns; 0: it resolves */
};

static void
hold(void *arg)
{
	struct hole *hole = arg;

	hole->held++;
}

static int
resolve(void *arg, uintptr_t address, bool write)
{
	struct hole *hole = arg;

	CHECK(address >= (uintptr_t)hole->base);
	CHECK(hole->held != 0);
	hole->held--;
	if (write)
		hole->writes++;
	else
		hole->reads++;
	if (hole->refuse != 0)
		return hole->refuse;
	CHECK(ftruncate(hole->fd, PAGES * PAGE) == 0);
	errno = ENOTTY;		/* whoever was interrupted must not see it */
	return 0;
}

static const struct vm_trap_ops ops = { hold, resolve };

static void
open_hole(struct hole *hole)
{
	*hole = (struct hole){ .fd = memfd_create("hole", MFD_CLOEXEC) };
	CHECK(hole->fd >= 0);
	hole->base = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
	    MAP_SHARED, hole->fd, 0);
	CHECK(hole->base != MAP_FAILED);
}

static struct vm_trap_range
part(struct hole *hole, unsigned from, unsigned to)
{
	return (struct vm_trap_range){
		(uintptr_t)hole->base + from * PAGE,
		(uintptr_t)hole->base + to * PAGE, &ops, hole,
	};
}

static void
add(struct hole *hole, unsigned from, unsigned to)
{
	struct vm_trap_range range = part(hole, from, to);

	CHECK_INT(vm_trap_add(&faulty_os, &range), 0);
}

static int
cut(struct hole *hole, unsigned from, unsigned to)
{
	struct vm_trap_range range = part(hole, from, to);

	return vm_trap_cut(&faulty_os, range.start, range.end);
}

static bool
covers(struct hole *hole, unsigned from, unsigned to)
{
	struct vm_trap_range range = part(hole, from, to);

	return vm_trap_covers(range.start, range.end);
}

/*
 * The compiler does not know that a byte's access runs a handler: what the
 * handler reads has to be in memory before it, what it writes is read after it.
 */
static char
touch(struct hole *hole, unsigned page)
{
	char byte;

	atomic_signal_fence(memory_order_seq_cst);
	byte = *(volatile char *)&hole->base[page * PAGE];
	atomic_signal_fence(memory_order_seq_cst);
	return byte;
}

static void
put(struct hole *hole, unsigned page, char byte)
{
	atomic_signal_fence(memory_order_seq_cst);
	*(volatile char *)&hole->base[page * PAGE] = byte;
	atomic_signal_fence(memory_order_seq_cst);
}

/* How a process ends that does this: its status, or minus the signal. */
static int
in_child(void (*body)(void))
{
	pid_t child = fork();
	int status;

	CHECK(child >= 0);
	if (child == 0) {
		faulty_reset();
		body();
		_exit(GOOD);
	}
	CHECK(waitpid(child, &status, 0) == child);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void
install(void)
{
	CHECK_INT(vm_trap_install(&faulty_os), 0);
}

/* -- ours ---------------------------------------------------------------- */

static void
read_and_write(void)
{
	struct hole a, b;

	install();
	open_hole(&a);
	open_hole(&b);
	add(&a, 0, PAGES);
	add(&b, 0, PAGES);
	errno = EDOM;
	CHECK_INT(touch(&a, 3), 0);
	CHECK_INT(errno, EDOM);
	put(&b, 1, 7);
	CHECK_INT(b.base[PAGE], 7);
	CHECK_INT(a.reads, 1);
	CHECK_INT(a.writes, 0);
	CHECK_INT(b.reads, 0);
	CHECK_INT(b.writes, 1);
	CHECK_INT(a.held + b.held, 0);
}

TEST(a_fault_is_resolved_by_its_range_and_told_whether_it_writes)
{
	CHECK_INT(in_child(read_and_write), GOOD);
}

static void
split(void)
{
	struct hole hole;

	open_hole(&hole);
	CHECK(!covers(&hole, 0, 1));
	CHECK_INT(cut(&hole, 0, 8), 0);
	add(&hole, 0, 8);
	CHECK(covers(&hole, 0, 8));
	CHECK(!covers(&hole, 0, 9));
	CHECK_INT(cut(&hole, 2, 4), 0);
	CHECK(covers(&hole, 0, 2) && covers(&hole, 4, 8));
	CHECK(!covers(&hole, 1, 3) && !covers(&hole, 3, 5));
	CHECK_INT(cut(&hole, 0, 1), 0);
	CHECK_INT(cut(&hole, 7, 8), 0);
	CHECK(covers(&hole, 1, 2) && covers(&hole, 4, 7));
	add(&hole, 2, 4);	/* neighbours cover together */
	CHECK(covers(&hole, 1, 7));
	CHECK_INT(cut(&hole, 0, 8), 0);
	CHECK(!covers(&hole, 4, 5));
	faulty_check_clean();
}

TEST(a_cut_takes_the_middle_out_of_a_range_and_all_of_others)
{
	CHECK_INT(in_child(split), GOOD);
}

static void
without_memory(void)
{
	struct hole hole;
	struct vm_trap_range range;

	open_hole(&hole);
	range = part(&hole, 0, 4);
	faulty.fail_at = faulty.calls + 1;
	CHECK_INT(vm_trap_add(&faulty_os, &range), -ENOMEM);
	add(&hole, 0, 4);
	faulty.fail_at = faulty.calls + 1;
	CHECK_INT(cut(&hole, 1, 2), -ENOMEM);
	CHECK(covers(&hole, 0, 4));
	CHECK_INT(cut(&hole, 0, 4), 0);	/* an empty table needs none */
	faulty_check_clean();
}

TEST(without_memory_nothing_changes)
{
	CHECK_INT(in_child(without_memory), GOOD);
}

static void
overlap(void)
{
	struct hole hole;

	open_hole(&hole);
	add(&hole, 0, 4);
	add(&hole, 3, 5);
}

TEST(overlapping_ranges_die)
{
	CHECK_DIES(overlap());
}

static void
install_fails(void)
{
	for (unsigned call = 1; call <= 3; call++) {
		faulty.fail_at = faulty.calls + 1 + (call == 3);
		CHECK(vm_trap_install(&faulty_os) < 0);
	}
	install();
}

TEST(a_handler_that_cannot_be_installed_is_said)
{
	CHECK_INT(in_child(install_fails), GOOD);
}

/* -- the program's ------------------------------------------------------- */

static sigjmp_buf out;
static _Atomic unsigned calls, plain_calls;
static void *at;
static sigset_t mask_seen;
static struct hole *to_fill;

static void
note(int number, siginfo_t *info, void *context)
{
	(void)context;
	CHECK_INT(number, SIGBUS);
	calls++;
	at = info->si_addr;
	CHECK(pthread_sigmask(SIG_BLOCK, NULL, &mask_seen) == 0);
	if (to_fill != NULL)
		CHECK(ftruncate(to_fill->fd, PAGES * PAGE) == 0);
	else
		siglongjmp(out, 1);
}

static void
note_plain(int number)
{
	CHECK_INT(number, SIGBUS);
	plain_calls++;
	CHECK(ftruncate(to_fill->fd, PAGES * PAGE) == 0);
}

static void
set_action(unsigned flags, bool block_usr1)
{
	struct sigaction sa = { .sa_flags = (int)flags };

	if ((flags & SA_SIGINFO) != 0)
		sa.sa_sigaction = note;
	else
		sa.sa_handler = note_plain;
	if (block_usr1)
		sigaddset(&sa.sa_mask, SIGUSR1);
	CHECK(sigaction(SIGBUS, &sa, NULL) == 0);
}

static void
chained(void)
{
	static struct hole ours, theirs;

	set_action(SA_SIGINFO, true);
	install();
	open_hole(&ours);
	open_hole(&theirs);
	add(&ours, 0, PAGES);
	to_fill = &theirs;
	errno = EDOM;
	CHECK_INT(touch(&ours, 1), 0);
	CHECK_INT(calls, 0);
	CHECK_INT(touch(&theirs, 2), 0);
	CHECK_INT(calls, 1);
	CHECK(at == theirs.base + 2 * PAGE);
	CHECK_INT(errno, EDOM);
	CHECK(sigismember(&mask_seen, SIGUSR1) == 1);
	CHECK(sigismember(&mask_seen, SIGBUS) == 1);
	CHECK(sigismember(&mask_seen, SIGUSR2) == 0);
	CHECK(pthread_sigmask(SIG_BLOCK, NULL, &mask_seen) == 0);
	CHECK(sigismember(&mask_seen, SIGUSR1) == 0);
}

TEST(a_foreign_fault_goes_to_the_handler_that_was_there_with_its_mask)
{
	CHECK_INT(in_child(chained), GOOD);
}

static void
chained_plain(void)
{
	static struct hole theirs;
	sigset_t usr2;

	set_action(SA_NODEFER, false);
	install();
	open_hole(&theirs);
	to_fill = &theirs;
	CHECK_INT(touch(&theirs, 0), 0);
	CHECK_INT(plain_calls, 1);
	set_action(SA_NODEFER | SA_SIGINFO, false);
	install();
	sigemptyset(&usr2);
	sigaddset(&usr2, SIGUSR2);
	CHECK(pthread_sigmask(SIG_BLOCK, &usr2, NULL) == 0);
	CHECK(ftruncate(theirs.fd, 0) == 0);
	CHECK_INT(touch(&theirs, 0), 0);
	CHECK_INT(calls, 1);
	CHECK(sigismember(&mask_seen, SIGUSR2) == 1);
	CHECK(sigismember(&mask_seen, SIGBUS) == 0);
}

TEST(plain_handlers_and_nodefer_are_honoured)
{
	CHECK_INT(in_child(chained_plain), GOOD);
}

static void
refused(void)
{
	struct hole ours;

	set_action(SA_SIGINFO, false);
	install();
	open_hole(&ours);
	add(&ours, 0, PAGES);
	ours.refuse = -EIO;
	for (unsigned i = 1; i <= 3; i++) {
		if (sigsetjmp(out, 1) == 0)
			touch(&ours, i);
		CHECK_INT(calls, i);
		CHECK(at == ours.base + i * PAGE);
	}
	CHECK_INT(ours.held, 0);
	ours.refuse = 0;
	CHECK_INT(touch(&ours, 1), 0);
	CHECK_INT(calls, 3);
}

TEST(what_cannot_be_resolved_goes_to_the_program_which_may_jump_out)
{
	CHECK_INT(in_child(refused), GOOD);
}

static void
by_default(void)
{
	static struct hole theirs;

	install();
	open_hole(&theirs);
	touch(&theirs, 0);
}

static void
ignoring(void)
{
	CHECK(signal(SIGBUS, SIG_IGN) != SIG_ERR);
	install();
	CHECK(raise(SIGBUS) == 0);	/* a sent one is ignored */
	calls = GOOD;
	by_default();
}

static void
sent(void)
{
	install();
	CHECK(raise(SIGBUS) == 0);
}

static void
sent_to_handler(void)
{
	set_action(SA_SIGINFO, false);
	install();
	if (sigsetjmp(out, 1) == 0)
		CHECK(raise(SIGBUS) == 0);
	CHECK_INT(calls, 1);
}

static void
once(void)
{
	static struct hole theirs;

	set_action(SA_SIGINFO | SA_RESETHAND, false);
	install();
	open_hole(&theirs);
	to_fill = &theirs;
	touch(&theirs, 0);
	CHECK_INT(calls, 1);
	CHECK(ftruncate(theirs.fd, 0) == 0);
	touch(&theirs, 0);
}

/* A sanitizer has a handler of its own from the start, which says more. */
static bool
is_bus_error(int end)
{
	return CHECK_SANITIZED ? end != GOOD : end == -SIGBUS;
}

TEST(without_a_handler_a_foreign_fault_ends_the_process)
{
	CHECK(is_bus_error(in_child(by_default)));
	CHECK(is_bus_error(in_child(ignoring)));
	CHECK(is_bus_error(in_child(sent)));
	CHECK(is_bus_error(in_child(once)));
	CHECK_INT(in_child(sent_to_handler), GOOD);
}

/* -- others who install theirs ------------------------------------------- */

static void
installed_after(void)
{
	static struct hole ours, theirs;

	install();
	set_action(SA_SIGINFO, false);
	open_hole(&ours);
	open_hole(&theirs);
	add(&ours, 0, PAGES);
	to_fill = &theirs;
	install();
	install();		/* nothing more to do */
	CHECK_INT(touch(&ours, 0), 0);
	CHECK_INT(calls, 0);
	CHECK_INT(touch(&theirs, 0), 0);
	CHECK_INT(calls, 1);
}

TEST(a_handler_that_was_set_after_ours_is_put_behind_it_again)
{
	CHECK_INT(in_child(installed_after), GOOD);
}

static struct sigaction before;

/* As a program does that keeps what it found. */
static void
pass_back(int number, siginfo_t *info, void *context)
{
	calls++;
	if (calls < 10 && (before.sa_flags & SA_SIGINFO) != 0)
		before.sa_sigaction(number, info, context);
}

static void
in_a_circle(void)
{
	struct sigaction sa = { .sa_flags = SA_SIGINFO };
	static struct hole theirs;

	set_action(SA_SIGINFO, false);	/* there first */
	install();
	sa.sa_sigaction = pass_back;
	CHECK(sigaction(SIGBUS, &sa, &before) == 0);
	install();
	open_hole(&theirs);
	to_fill = &theirs;
	CHECK_INT(touch(&theirs, 0), 0);
	CHECK_INT(calls, 2);	/* pass_back, and who was there first */
}

TEST(a_handler_that_passes_on_to_us_gets_it_once)
{
	CHECK_INT(in_child(in_a_circle), GOOD);
}

static void
many_actions(void)
{
	static struct hole theirs;

	open_hole(&theirs);
	to_fill = &theirs;
	for (int i = 0; i < 40; i++) {
		struct sigaction sa = { .sa_sigaction = note };

		sa.sa_flags = SA_SIGINFO | (i & 1 ? SA_RESTART : 0) |
		    (i & 2 ? SA_NOCLDSTOP : 0) | (i & 4 ? SA_NOCLDWAIT : 0) |
		    (i & 8 ? SA_NODEFER : 0) | (i & 16 ? SA_ONSTACK : 0);
		CHECK(sigaction(SIGBUS, &sa, NULL) == 0);
		install();
		CHECK(ftruncate(theirs.fd, 0) == 0);
		touch(&theirs, 0);
		CHECK_INT(calls, i + 1);
	}
}

TEST(a_program_may_change_its_mind_often)
{
	CHECK_INT(in_child(many_actions), GOOD);
}

static void
forks(void)
{
	struct hole ours;
	pid_t child;
	int status;

	set_action(SA_SIGINFO, false);
	install();
	open_hole(&ours);
	add(&ours, 0, PAGES);
	child = fork();
	if (child == 0) {
		CHECK(!covers(&ours, 0, 1));
		if (sigsetjmp(out, 1) == 0)
			touch(&ours, 0);
		_exit((int)calls);
	}
	CHECK(waitpid(child, &status, 0) == child);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	CHECK_INT(touch(&ours, 0), 0);
	CHECK_INT(calls, 0);
}

TEST(a_forked_child_has_none_of_the_ranges)
{
	CHECK_INT(in_child(forks), GOOD);
}

/* -- at the same time ---------------------------------------------------- */

enum { ROUNDS = 2000 };

static struct hole shared, moving;
static _Atomic bool over;

static void *
fault_on(void *arg)
{
	(void)arg;
	while (!over) {
		CHECK(ftruncate(shared.fd, 0) == 0);
		(void)touch(&shared, 3);
	}
	return NULL;
}

static void
change_under_faults(void)
{
	pthread_t toucher;

	install();
	open_hole(&shared);
	open_hole(&moving);
	add(&shared, 0, PAGES);
	CHECK(pthread_create(&toucher, NULL, fault_on, NULL) == 0);
	for (int i = 0; i < ROUNDS; i++) {
		add(&moving, 0, 4);
		CHECK_INT(cut(&moving, 0, 4), 0);
	}
	over = true;
	CHECK(pthread_join(toucher, NULL) == 0);
	CHECK_INT(shared.held, 0);
	CHECK_INT(cut(&shared, 0, PAGES), 0);
	faulty_check_clean();
}

TEST(the_table_changes_under_faults)
{
	CHECK_INT(in_child(change_under_faults), GOOD);
}

/* ---- who changes the table waits for who searches it --------------------- */

/* 10000 turns of others: more than a cut takes that waits for nobody. */
enum { LOOKS = 10000 };

static struct hole searched;
static _Atomic bool searching, cut_over, over_too_early;

static void *
cut_searched(void *arg)
{
	(void)arg;
	while (!atomic_load(&searching))
		vm_os_linux.yield();
	CHECK_INT(cut(&searched, 0, PAGES), 0);
	atomic_store(&cut_over, true);
	return NULL;
}

/* The search is not over before the range is held. */
static void
hold_and_look(void *arg)
{
	atomic_store(&searching, true);
	for (int i = 0; i < LOOKS && !atomic_load(&cut_over); i++)
		vm_os_linux.yield();
	if (atomic_load(&cut_over))
		atomic_store(&over_too_early, true);
	hold(arg);
}

static const struct vm_trap_ops slow_ops = { hold_and_look, resolve };

static void
cut_while_held(void)
{
	struct vm_trap_range range;
	pthread_t cutter;

	install();
	open_hole(&searched);
	range = part(&searched, 0, PAGES);
	range.ops = &slow_ops;
	CHECK_INT(vm_trap_add(&faulty_os, &range), 0);
	CHECK(pthread_create(&cutter, NULL, cut_searched, NULL) == 0);
	(void)touch(&searched, 3);
	CHECK(pthread_join(cutter, NULL) == 0);
	CHECK(!atomic_load(&over_too_early));
	CHECK(!covers(&searched, 0, PAGES));
	CHECK_INT(searched.held, 0);
	faulty_check_clean();
}

TEST(who_cuts_a_range_waits_until_who_found_it_holds_it)
{
	CHECK_INT(in_child(cut_while_held), GOOD);
}
