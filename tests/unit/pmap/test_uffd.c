/* SPDX-License-Identifier: BSD-2-Clause */
/* Protecting and lifting where all, some or none of a range is ours. */
#include "pmap/uffd.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "check.h"
#include "clients.h"

enum { PAGE = 4096 };

static struct vm_pmap pmap;
static struct fake_client *client;
static unsigned released;

static void
release(struct vm_pmap *p)
{
	CHECK(p == &pmap);
	released++;
}

static void
set_up(void)
{
	client = fake_client_new();
	vm_pmap_init(&pmap, &fake_pmap, client->fd);
	pmap.release = release;
	released = 0;
}

static void
tear_down(void)
{
	vm_pmap_put(&pmap);
	CHECK_INT(released, 1);
	vm_lock_fini(&pmap.events);
	fake_clients_reset();
}

static unsigned
protected_pages(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < FAKE_PAGES; i++)
		n += client->protected[i];
	return n;
}

TEST(a_range_is_protected_with_one_call)
{
	set_up();
	CHECK_INT(vm_pmap_protect(&pmap, 3 * PAGE, 5 * PAGE, true), 0);
	CHECK_INT(client->calls, 1);
	CHECK_INT(protected_pages(), 5);
	CHECK(client->protected[3] && client->protected[7]);
	CHECK_INT(vm_pmap_protect(&pmap, 3 * PAGE, 2 * PAGE, false), 0);
	CHECK_INT(protected_pages(), 3);
	tear_down();
}

TEST(holes_in_a_range_hide_nothing_behind_them)
{
	set_up();
	for (unsigned hole = 0; hole < 16; hole++) {
		memset(client->registered, 1, sizeof(client->registered));
		memset(client->protected, 0, sizeof(client->protected));
		client->registered[10 + hole] = false;
		client->registered[10 + (hole + 5) % 16] = false;
		CHECK_INT(vm_pmap_protect(&pmap, 10 * PAGE, 16 * PAGE, true),
		    0);
		CHECK_INT(protected_pages(), 14);
	}
	tear_down();
}

TEST(where_nothing_is_ours_there_is_nothing_to_do_but_to_wake)
{
	set_up();
	memset(client->registered, 0, sizeof(client->registered));
	CHECK_INT(vm_pmap_protect(&pmap, 4 * PAGE, PAGE, true), 0);
	CHECK_INT(client->wakes[4], 0);
	CHECK_INT(vm_pmap_protect(&pmap, 4 * PAGE, PAGE, false), 0);
	CHECK_INT(client->wakes[4], 1);
	tear_down();
}

TEST(waiting_events_refuse_and_faults_do_not)
{
	struct vm_pmap_event fault = { .kind = VM_PMAP_FAULT, .fd = -1 };
	struct vm_pmap_event unmap = { .kind = VM_PMAP_UNMAP, .fd = -1 };

	set_up();
	fake_event(client, fault);
	CHECK_INT(vm_pmap_protect(&pmap, 0, PAGE, true), 0);
	fake_event(client, unmap);
	CHECK_INT(vm_pmap_protect(&pmap, 0, PAGE, true), -EAGAIN);
	CHECK_INT(vm_pmap_protect(&pmap, 0, PAGE, false), -EAGAIN);
	tear_down();
}

TEST(an_address_space_that_ended_is_not_asked_again)
{
	set_up();
	client->gone = true;
	CHECK_INT(vm_pmap_protect(&pmap, 0, PAGE, true), 0);
	CHECK_INT(vm_pmap_protect(&pmap, 0, PAGE, true), 0);
	CHECK_INT(client->calls, 1);
	CHECK(atomic_load(&pmap.gone));
	tear_down();
}

TEST(the_last_reference_releases)
{
	set_up();
	vm_pmap_get(&pmap);
	vm_pmap_put(&pmap);
	CHECK_INT(released, 0);
	tear_down();
	CHECK_DIES(vm_pmap_put(&pmap));
}

TEST(what_is_no_userfaultfd_is_refused)
{
	int ends[2];

	CHECK_INT(vm_pmap_linux.check(-1), -EBADF);
	CHECK(pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
	CHECK_INT(vm_pmap_linux.check(ends[0]), -ENOTTY);
	close(ends[0]);
	close(ends[1]);
	CHECK(pipe2(ends, O_CLOEXEC) == 0);
	CHECK_INT(vm_pmap_linux.check(ends[0]), -EINVAL);	/* blocks */
	close(ends[0]);
	close(ends[1]);
}
