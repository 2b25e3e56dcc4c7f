/* SPDX-License-Identifier: BSD-2-Clause */
/* A memory file: its bytes, its face, its mappings, and our view of it. */
#include "pmap/store.h"

#include <errno.h>
#include <resident/space.h>
#include <sys/stat.h>

#include "check.h"
#include "clients.h"
#include "os/os.h"
#include "stat/stat.h"

enum { PAGE = 4096, PAGES = 32 };

static struct vm_store store;
static struct vm_counters counters;

static void
set_up(uint64_t length)
{
	CHECK_INT(vm_store_init(&store, &vm_os_linux, PAGE, length), 0);
	store.counters = &counters;
}

static uint64_t
blocks(void)
{
	struct stat st;

	CHECK_INT(vm_os_linux.fstat(store.fd, &st), 0);
	return (uint64_t)st.st_blocks * 512 / PAGE;
}

static uint64_t
file_length(void)
{
	struct stat st;

	CHECK_INT(vm_os_linux.fstat(store.fd, &st), 0);
	return (uint64_t)st.st_size;
}

TEST(pages_appear_with_their_bytes_and_disappear)
{
	char in[2 * PAGE], out[2 * PAGE];

	set_up(PAGES * PAGE);
	memset(in, 7, sizeof(in));
	CHECK_INT(blocks(), 0);
	CHECK_INT(vm_store_fill(&store, 3, 2, in), 0);
	CHECK_INT(blocks(), 2);
	CHECK_INT(vm_store_read(&store, 3, 2, out), 0);
	CHECK(memcmp(in, out, sizeof(in)) == 0);
	CHECK_INT(vm_store_write(&store, 3 * PAGE + 100, "abc", 3), 0);
	CHECK_INT(vm_store_read(&store, 3, 1, out), 0);
	CHECK(memcmp(out + 100, "abc", 3) == 0 && out[103] == 7);
	vm_store_drop(&store, 3, 1);
	CHECK_INT(blocks(), 1);
	vm_store_drop(&store, 4, 1);
	vm_store_fini(&store);
}

TEST(the_last_page_does_not_make_the_file_longer)
{
	char in[PAGE], out[PAGE];

	set_up(2 * PAGE + 10);
	memset(in, 7, sizeof(in));
	memset(out, 1, sizeof(out));
	CHECK_INT(vm_store_fill(&store, 2, 1, in), 0);
	CHECK_INT(file_length(), 2 * PAGE + 10);
	CHECK_INT(vm_store_read(&store, 2, 1, out), 0);
	CHECK(out[9] == 7 && out[10] == 0 && out[PAGE - 1] == 0);
	CHECK_INT(vm_store_fill(&store, 5, 1, in), 0);	/* behind the end */
	CHECK_INT(file_length(), 2 * PAGE + 10);
	vm_store_fini(&store);
}

TEST(the_face_says_what_clients_need)
{
	const uint8_t *presence;

	set_up(PAGES * PAGE);
	presence = (const uint8_t *)store.face + VM_FACE_PRESENCE_OFFSET;
	CHECK(store.face->magic == VM_FACE_MAGIC);
	CHECK_INT(store.face->length_bytes, PAGES * PAGE);
	vm_store_mark(&store, 4, 3, true);
	CHECK(!presence[3] && presence[4] && presence[6] && !presence[7]);
	vm_store_mark(&store, 5, 1, false);
	CHECK(presence[4] && !presence[5] && presence[6]);
	vm_store_count_dirty(&store, 2);
	vm_store_count_dirty(&store, -1);
	CHECK_INT(store.face->dirty_pages, 1);
	CHECK_INT(vm_store_resize(&store, PAGE), 0);
	CHECK_INT(store.face->length_bytes, PAGE);
	CHECK_INT(file_length(), PAGE);
	vm_store_fini(&store);
}

/* To clients a page that was noted is one that is there. */
TEST(a_page_is_noted_once_and_until_it_comes_anew)
{
	const uint8_t *presence;

	set_up(PAGES * PAGE);
	presence = (const uint8_t *)store.face + VM_FACE_PRESENCE_OFFSET;
	CHECK(!vm_store_note(&store, 4));
	CHECK(!presence[4]);
	vm_store_mark(&store, 4, 1, true);
	CHECK(!vm_store_note(&store, 4));
	CHECK(presence[4]);
	CHECK(vm_store_note(&store, 4));
	CHECK(presence[4]);
	vm_store_mark(&store, 4, 1, false);
	CHECK(!presence[4] && !vm_store_note(&store, 4));
	vm_store_mark(&store, 4, 1, true);
	CHECK(!vm_store_note(&store, 4));
	vm_store_fini(&store);
}

TEST(more_pages_than_a_face_has_are_refused)
{
	struct vm_store none;

	CHECK_INT(vm_store_init(&none, &vm_os_linux, PAGE,
	    (UINT64_C(1) << 44) + 1), -EFBIG);
	set_up(PAGE);
	CHECK_INT(vm_store_resize(&store, (UINT64_C(1) << 44) + 1), -EFBIG);
	vm_store_fini(&store);
}

/* -- our view ------------------------------------------------------------ */

TEST(a_view_follows_the_length_and_its_pages_stay_in_place)
{
	void *first, *later, *last;
	char bytes[PAGE];

	set_up(2 * PAGE);
	CHECK_INT(vm_store_view(&store, 0, &first), 0);
	memcpy(first, "first", 6);
	CHECK_INT(vm_store_view(&store, 2, &later), -ERANGE);
	for (uint64_t pages = 4; pages <= 4096; pages *= 2) {
		CHECK_INT(vm_store_resize(&store, pages * PAGE), 0);
		CHECK_INT(vm_store_view(&store, pages - 1, &last), 0);
		memcpy(last, "last", 5);
		CHECK_INT(vm_store_read(&store, pages - 1, 1, bytes), 0);
		CHECK_STR(bytes, "last");
		CHECK_INT(vm_store_view(&store, 0, &later), 0);
		CHECK(later == first);
	}
	CHECK_STR((const char *)first, "first");
	CHECK(store.view_count < VM_STORE_VIEWS);
	vm_store_fini(&store);
}

/* -- mappings ------------------------------------------------------------ */

static struct vm_pmap pmap[FAKE_CLIENTS];
static struct fake_client *client[FAKE_CLIENTS];
static struct vm_mapping mapping[40];
static unsigned drains;

static void
nothing(struct vm_pmap *p)
{
	(void)p;
}

static void
drain(struct vm_pmap *p)
{
	struct vm_pmap_event event;

	while (p->ops->read(p->uffd, &event, 1) == 1)
		continue;
	drains++;
}

static void
new_client(unsigned i)
{
	client[i] = fake_client_new();
	vm_pmap_init(&pmap[i], &fake_pmap, client[i]->fd);
	pmap[i].release = nothing;
	pmap[i].drain = drain;
}

/* Pages [pindex, pindex + pages) at page `at` of client i. */
static void
show(unsigned m, unsigned i, uint64_t at, vm_pindex_t pindex, uint64_t pages)
{
	mapping[m] = (struct vm_mapping){ .pmap = &pmap[i],
		.address = at * PAGE, .pindex = pindex, .pages = pages,
		.tracked = true };
	vm_store_add(&store, &mapping[m]);
}

TEST(pages_are_protected_wherever_they_show)
{
	set_up(PAGES * PAGE);
	new_client(0);
	new_client(1);
	show(0, 0, 10, 0, 8);
	show(1, 0, 40, 4, 8);
	show(2, 1, 100, 6, 2);
	vm_store_protect(&store, 5, 2);
	for (unsigned i = 0; i < 200; i++) {
		CHECK(client[0]->protected[i] == (i == 15 || i == 16 ||
		    i == 41 || i == 42));
		CHECK(client[1]->protected[i] == (i == 100));
	}
	for (unsigned i = 0; i < 3; i++)
		vm_store_remove(&store, &mapping[i]);
	CHECK_INT(store.tracked, 0);
	CHECK_INT(store.count, 0);
	CHECK_INT(pmap[0].refs, 1);
	fake_clients_reset();
	vm_store_fini(&store);
}

TEST(more_mappings_than_a_batch_are_all_protected)
{
	set_up(PAGES * PAGE);
	new_client(0);
	for (unsigned i = 0; i < 40; i++)
		show(i, 0, 2 * i, 3, 1);
	vm_store_protect(&store, 3, 1);
	for (unsigned i = 0; i < 80; i++)
		CHECK(client[0]->protected[i] == (i % 2 == 0));
	for (unsigned i = 0; i < 40; i++)
		vm_store_remove(&store, &mapping[i]);
	fake_clients_reset();
	vm_store_fini(&store);
}

TEST(what_is_only_read_is_not_protected_before_it_is_tracked)
{
	set_up(PAGES * PAGE);
	new_client(0);
	mapping[0] = (struct vm_mapping){ .pmap = &pmap[0], .pages = 8 };
	vm_store_add(&store, &mapping[0]);
	CHECK_INT(store.face->tracked, 0);
	vm_store_protect(&store, 0, 8);
	CHECK_INT(client[0]->calls, 0);
	vm_store_track(&store, &mapping[0]);
	vm_store_track(&store, &mapping[0]);
	CHECK_INT(store.tracked, 1);
	CHECK_INT(store.face->tracked, 1);
	vm_store_protect(&store, 0, 8);
	CHECK(client[0]->protected[7]);
	vm_store_remove(&store, &mapping[0]);
	fake_clients_reset();
	vm_store_fini(&store);
}

TEST(a_fill_protects_before_the_bytes_appear)
{
	char bytes[PAGE] = { 1 };

	set_up(PAGES * PAGE);
	new_client(0);
	show(0, 0, 0, 0, 8);
	CHECK_INT(vm_store_fill(&store, 2, 1, bytes), 0);
	CHECK(client[0]->protected[2] && !client[0]->protected[3]);
	vm_store_remove(&store, &mapping[0]);
	fake_clients_reset();
	vm_store_fini(&store);
}

/* Another client's page must not be left unprotected by one that forks. */
TEST(events_of_one_client_are_drained_and_all_is_done_again)
{
	set_up(PAGES * PAGE);
	new_client(0);
	new_client(1);
	show(0, 0, 0, 0, 8);
	show(1, 1, 0, 0, 8);
	drains = 0;
	fake_event(client[0], (struct vm_pmap_event){
		.kind = VM_PMAP_UNMAP, .fd = -1 });
	vm_store_protect(&store, 0, 4);
	CHECK_INT(drains, 1);
	CHECK_INT(client[0]->calls, 2);
	CHECK_INT(client[1]->calls, 2);
	CHECK(client[0]->protected[3] && client[1]->protected[3]);
	vm_store_remove(&store, &mapping[0]);
	vm_store_remove(&store, &mapping[1]);
	fake_clients_reset();
	vm_store_fini(&store);
}

/* In the middle of it, as a fork would: the child's mapping. */
static void
drain_and_add(struct vm_pmap *p)
{
	drain(p);
	show(1, 1, 0, 0, 8);
}

TEST(a_mapping_that_comes_meanwhile_is_protected_too)
{
	set_up(PAGES * PAGE);
	new_client(0);
	new_client(1);
	show(0, 0, 0, 0, 8);
	pmap[0].drain = drain_and_add;
	fake_event(client[0], (struct vm_pmap_event){
		.kind = VM_PMAP_UNMAP, .fd = -1 });
	vm_store_protect(&store, 0, 4);
	CHECK(client[0]->protected[3] && client[1]->protected[3]);
	vm_store_remove(&store, &mapping[0]);
	vm_store_remove(&store, &mapping[1]);
	fake_clients_reset();
	vm_store_fini(&store);
}

TEST(a_mapping_that_changed_is_protected_where_it_is)
{
	set_up(PAGES * PAGE);
	new_client(0);
	show(0, 0, 0, 0, 8);
	vm_store_change(&store, &mapping[0], 50 * PAGE, 4, 2);
	vm_store_protect(&store, 0, 8);
	CHECK(client[0]->protected[50] && client[0]->protected[51]);
	CHECK(!client[0]->protected[0] && !client[0]->protected[52]);
	vm_store_remove(&store, &mapping[0]);
	CHECK_DIES(vm_store_remove(&store, &mapping[0]));
	fake_clients_reset();
	vm_store_fini(&store);
}

/* The second client's pages are protected while the first one's range, which
 * was only read and so passed over, is made writable. */
static int
protect_and_track(int uffd, uint64_t address, uint64_t length, bool on)
{
	if (!mapping[0].tracked)
		vm_store_track(&store, &mapping[0]);
	return fake_pmap.protect(uffd, address, length, on);
}

TEST(a_mapping_that_is_tracked_meanwhile_is_protected_too)
{
	struct vm_pmap_ops ops = fake_pmap;

	ops.protect = protect_and_track;
	set_up(PAGES * PAGE);
	new_client(0);
	new_client(1);
	pmap[1].ops = &ops;
	mapping[0] = (struct vm_mapping){ .pmap = &pmap[0], .pages = 8 };
	vm_store_add(&store, &mapping[0]);
	show(1, 1, 0, 0, 8);
	vm_store_protect(&store, 0, 4);
	CHECK(client[0]->protected[3] && client[1]->protected[3]);
	vm_store_remove(&store, &mapping[0]);
	vm_store_remove(&store, &mapping[1]);
	fake_clients_reset();
	vm_store_fini(&store);
}
