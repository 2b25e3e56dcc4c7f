/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory of the process that stays where it is. */
#include <sys/mman.h>

#include "memory_fixture.h"

enum { RANGE = 8 };

/* What the machine was told: pages of the range that it keeps. */
static struct {
	struct vm_os os;
	char *base;
	bool pinned[RANGE];
	int refuse;
} machine;

static void
mark(const void *at, size_t bytes, bool pinned)
{
	size_t first = (size_t)((const char *)at - machine.base) / PAGE;

	for (size_t i = 0; i < bytes / PAGE; i++)
		machine.pinned[first + i] = pinned;
}

static int
pin(void *at, size_t bytes)
{
	/* As mlock of what is mapped in part: some of it is kept. */
	mark(at, machine.refuse != 0 ? PAGE : bytes, true);
	return machine.refuse;
}

static int
unpin(void *at, size_t bytes)
{
	mark(at, bytes, false);
	return 0;
}

static void
set_up(void)
{
	struct vm_options o = VM_OPTIONS_INIT;

	faulty_reset();
	memset(&machine, 0, sizeof(machine));
	machine.os = faulty_os;
	machine.os.pin = pin;
	machine.os.unpin = unpin;
	o.resident_max_bytes = PAGES * PAGE;
	CHECK_INT(vm_create_on(&o, &machine.os, &pmap_nobody, &vm), 0);
	machine.base = mmap(NULL, RANGE * PAGE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(machine.base != MAP_FAILED);
}

static void
tear_down(void)
{
	CHECK(munmap(machine.base, RANGE * PAGE) == 0);
	destroy();
}

static int
wire(struct vm_account *account, unsigned first, unsigned end)
{
	return vm_user_wire(vm, account, machine.base + first * PAGE,
	    (end - first) * PAGE);
}

static int
unwire(struct vm_account *account, unsigned first, unsigned end)
{
	return vm_user_unwire(vm, account, machine.base + first * PAGE,
	    (end - first) * PAGE);
}

/* "..##...." */
static void
check_pinned(const char *picture)
{
	char now[RANGE + 1] = "";

	for (unsigned i = 0; i < RANGE; i++)
		now[i] = machine.pinned[i] ? '#' : '.';
	CHECK_STR(now, picture);
}

/* R63 */
TEST(a_range_is_wired_in_whole_pages_and_charged)
{
	struct vm_account *account;

	set_up();
	account = new_account(0, 4);
	CHECK_INT(vm_user_wire(vm, account, machine.base + PAGE + 1, PAGE),
	    0);
	check_pinned(".##.....");
	CHECK_INT(charged(account, true), 2);
	CHECK_INT(vm_destroy(vm), -EBUSY);
	CHECK_INT(vm_user_unwire(vm, account, machine.base + PAGE + 1, PAGE),
	    0);
	check_pinned("........");
	CHECK_INT(charged(account, true), 0);
	CHECK_INT(vm_account_destroy(account), 0);
	tear_down();
}

/* R37 */
TEST(no_more_is_wired_than_the_account_may)
{
	struct vm_account *account;

	set_up();
	account = new_account(0, 4);
	CHECK_INT(wire(account, 0, 3), 0);
	CHECK_INT(wire(account, 4, 6), -ENOMEM);
	check_pinned("###.....");
	CHECK_INT(charged(account, true), 3);
	CHECK_INT(wire(account, 4, 5), 0);
	CHECK_INT(unwire(account, 0, 3), 0);
	CHECK_INT(unwire(account, 4, 5), 0);
	CHECK_INT(vm_account_destroy(account), 0);
	tear_down();
}

TEST(only_what_no_other_wire_covers_is_let_go)
{
	struct vm_account *account;

	set_up();
	account = new_account(0, 0);
	CHECK_INT(wire(NULL, 0, 4), 0);
	CHECK_INT(wire(account, 2, 6), 0);
	CHECK_INT(wire(NULL, 3, 4), 0);
	CHECK_INT(wire(NULL, 0, 4), 0);
	CHECK_INT(unwire(NULL, 0, 4), 0);
	check_pinned("######..");
	CHECK_INT(unwire(NULL, 0, 4), 0);
	check_pinned("..####..");
	CHECK_INT(unwire(account, 2, 6), 0);
	check_pinned("...#....");
	CHECK_INT(unwire(NULL, 3, 4), 0);
	check_pinned("........");
	/* In the middle of one that goes. */
	CHECK_INT(wire(NULL, 0, 8), 0);
	CHECK_INT(wire(NULL, 2, 3), 0);
	CHECK_INT(wire(NULL, 5, 7), 0);
	CHECK_INT(unwire(NULL, 0, 8), 0);
	check_pinned("..#..##.");
	CHECK_INT(unwire(NULL, 2, 3), 0);
	CHECK_INT(unwire(NULL, 5, 7), 0);
	CHECK_INT(vm_account_destroy(account), 0);
	tear_down();
}

TEST(what_the_machine_refuses_is_not_charged_and_not_kept)
{
	struct vm_account *account;

	set_up();
	account = new_account(0, 0);
	CHECK_INT(wire(NULL, 0, 1), 0);
	machine.refuse = -EAGAIN;
	CHECK_INT(wire(account, 0, 4), -EAGAIN);
	CHECK(strstr(vm_last_error(), "wire: 16384 bytes") != NULL);
	check_pinned("#.......");
	CHECK_INT(wire(account, 3, 4), -EAGAIN);
	check_pinned("#.......");
	CHECK_INT(charged(account, true), 0);
	CHECK_INT(unwire(account, 0, 4), -EINVAL);
	CHECK_INT(unwire(NULL, 0, 1), 0);
	CHECK_INT(vm_account_destroy(account), 0);
	tear_down();
}

TEST(a_wire_is_ended_as_it_was_begun)
{
	struct vm_account *account;

	set_up();
	account = new_account(0, 0);
	CHECK_INT(vm_user_wire(vm, NULL, machine.base, 0), -EINVAL);
	CHECK_INT(vm_user_wire(vm, NULL, machine.base, UINT64_MAX), -EINVAL);
	CHECK_INT(vm_user_unwire(vm, NULL, machine.base, 0), -EINVAL);
	CHECK_INT(wire(account, 0, 4), 0);
	CHECK_INT(unwire(NULL, 0, 4), -EINVAL);
	CHECK_INT(unwire(account, 0, 3), -EINVAL);
	CHECK_INT(unwire(account, 1, 4), -EINVAL);
	check_pinned("####....");
	CHECK_INT(unwire(account, 0, 4), 0);
	CHECK_INT(unwire(account, 0, 4), -EINVAL);
	CHECK_INT(vm_account_destroy(account), 0);
	tear_down();
}

/* R63, on the machine itself: memory that is wired cannot be dropped. */
TEST(what_is_wired_stays)
{
	char *range;

	if (CHECK_SANITIZED)
		CHECK_SKIP("a sanitizer's mlock does nothing");
	create(0);
	range = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE |
	    MAP_ANONYMOUS, -1, 0);
	CHECK(range != MAP_FAILED);
	*range = 1;
	if (vm_user_wire(vm, NULL, range, PAGE) != 0) {
		CHECK_INT(munmap(range, PAGE), 0);
		destroy();
		CHECK_SKIP("this user may not lock a page");
	}
	CHECK(madvise(range, PAGE, MADV_DONTNEED) < 0);
	CHECK_INT(*range, 1);
	CHECK_INT(vm_user_unwire(vm, NULL, range, PAGE), 0);
	CHECK(madvise(range, PAGE, MADV_DONTNEED) == 0);
	CHECK_INT(*range, 0);
	CHECK_INT(munmap(range, PAGE), 0);
	destroy();
}
