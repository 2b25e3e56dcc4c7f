/* SPDX-License-Identifier: BSD-2-Clause */
/* world.c - world.h has the theory. */
#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit.h"
#include "holdings.h"
#include "step.h"

static const char *
kind(const struct thing *t)
{
	return t->file ? "file" : t->paged ? "paged" : "anonymous";
}

static void
say_thing(const struct thing *t)
{
	struct vm_object_stat stat;

	if (t->object == NULL)
		return;
	vm_object_stat(t->object, &stat);
	fprintf(stderr, "\t%s %s of %" PRIu64 " bytes: %" PRIu64 " resident, %"
	    PRIu64 " dirty, %" PRIu64 " wired, %" PRIu64 " errors\n",
	    t->store ? "store" : "pool", kind(t),
	    stat.length_bytes, stat.resident_pages, stat.dirty_pages,
	    stat.wired_pages, stat.write_errors);
}

void
world_say(const struct world *w)
{
	fprintf(stderr, "step %" PRIu64 " (%s): %s\n", w->step, w->doing,
	    vm_last_error());
	fprintf(stderr, "\t%s; %u pinned\n", w->options, w->pinned);
	for (int i = 0; i < THINGS; i++)
		say_thing(&w->thing[i]);
}

uint64_t
pick(struct world *w, uint64_t below)
{
	return steps_random(&w->random) % below;
}

/* Memory, where there is some: the test is of the library, not of a disk. */
static const char *
directory(void)
{
	const char *chosen = getenv("RESIDENT_TEST_DIR");

	if (chosen != NULL)
		return chosen;
	return access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/var/tmp";
}

static unsigned
policies(void)
{
	unsigned n = 0;

	while (vm_policy_names()[n] != NULL)
		n++;
	return n;
}

struct world *
world_new(uint64_t seed)
{
	struct world *w = calloc(1, sizeof(*w));
	struct vm_options o = VM_OPTIONS_INIT;
	int error;

	CHECK(w != NULL);
	w->random = seed;
	w->doing = "create";
	/* What the tier takes is beside what the pages of the world may. */
	w->tier_pages = pick(w, 2) ? TIER_PAGES : 0;
	o.resident_max_bytes = (LIMIT_PAGES + w->tier_pages) * PAGE;
	o.swap_compress_bytes = w->tier_pages * PAGE;
	o.swap_directory = directory();
	o.policy = vm_policy_names()[pick(w, policies())];
	o.readahead_bytes = pick(w, 2) ? 1 : 0;
	o.cluster_bytes = pick(w, 2) ? 1 : 0;
	o.flags = (unsigned)pick(w, 4) | (pick(w, 2) ? VM_SWAP_ENCRYPT : 0);
	o.trace_events = pick(w, 2) ? 64 : 0;
	(void)snprintf(w->options, sizeof(w->options), "policy %s, readahead "
	    "%d, cluster %d, flags %u", o.policy, (int)o.readahead_bytes,
	    (int)o.cluster_bytes, o.flags);
	holdings_options(&o);
	error = vm_create(&o, &w->vm);
	if (error == -ENOTSUP) {	/* no libsodium here, or no lz4 */
		o.flags &= ~VM_SWAP_ENCRYPT;
		error = vm_create(&o, &w->vm);
	}
	MUST(w, error == 0);
	holdings_make(w);
	for (int i = 0; i < THINGS; i++)
		thing_make(w, &w->thing[i]);
	return w;
}

void
world_end(struct world *w)
{
	w->doing = "end";
	for (int i = 0; i < THINGS; i++)
		thing_end(w, &w->thing[i]);
	holdings_end(w);
	audit(w->vm);
	MUST(w, vm_destroy(w->vm) == 0);
	free(w);
}

uint64_t
some_page(struct world *w, const struct thing *t)
{
	return pick(w, thing_pages(t));
}

uint64_t
thing_pages(const struct thing *t)
{
	return (t->length + PAGE - 1) / PAGE;
}

uint32_t
thing_part(const struct thing *t, uint64_t pindex)
{
	uint64_t rest = t->length - pindex * PAGE;

	return rest < PAGE ? (uint32_t)rest : PAGE;
}

static void
make_file(struct world *w, struct thing *t)
{
	int flags = O_TMPFILE | O_CLOEXEC | O_RDWR;

	for (uint64_t i = 0; i < t->length; i++)
		t->bytes[i] = (uint8_t)(i / 7 + i / PAGE + (uint64_t)t->fd);
	t->fd = open(directory(), flags, 0600);
	MUST(w, t->fd >= 0);
	MUST(w, pwrite(t->fd, t->bytes, t->length, 0) ==
	    (ssize_t)t->length);
}

static void
make_object(struct world *w, struct thing *t, unsigned flags)
{
	if (t->paged) {
		backing_make(w, t, flags);
		return;
	}
	if (!t->file) {
		MUST(w, vm_object_create_anon(w->vm, t->length, flags,
		    &t->object) == 0);
		return;
	}
	make_file(w, t);
	MUST(w, vm_object_create_file(w->vm, t->fd, 0, VM_LENGTH_ALL, flags,
	    &t->object) == 0);
}

void
thing_make(struct world *w, struct thing *t)
{
	unsigned flags = 0;

	memset(t, 0, sizeof(*t));
	t->file = pick(w, 3) != 0;
	t->store = pick(w, 2) != 0;
	t->paged = !t->file && pick(w, 2) != 0;
	t->writable = (!t->file && !t->paged) || pick(w, 4) != 0;
	t->length = pick(w, BYTES_MAX);
	flags |= t->store ? VM_OBJECT_STORE : 0;
	flags |= t->writable ? VM_OBJECT_WRITABLE : 0;
	make_object(w, t, flags);
	if (pick(w, 4) == 0)
		MUST(w, vm_object_add_filter(t->object, "stats;delay:ns=1000,"
		    "rate=0.1") == 0);
}

void
thing_unwire_all(struct world *w, struct thing *t)
{
	for (uint64_t i = 0; i < thing_pages(t); i++) {
		w->pinned -= t->wires[i] != 0;
		for (; t->wires[i] > 0; t->wires[i]--)
			MUST(w, vm_object_unwire(t->object, i * PAGE, 1) ==
			    0);
	}
}

void
thing_end(struct world *w, struct thing *t)
{
	if (t->object == NULL)
		return;
	thing_unwire_all(w, t);
	MUST(w, vm_object_destroy(t->object) == 0);
	t->object = NULL;
	MUST(w, t->populated == 0);
	if (t->paged)
		MUST(w, memcmp(t->backing, t->bytes, t->length) == 0);
	if (!t->file)
		return;
	thing_compare_file(w, t);
	close(t->fd);
}

static void
say_where(const struct thing *t, uint64_t at, const uint8_t *have)
{
	fprintf(stderr, "%s %s object of %" PRIu64 " bytes, byte %" PRIu64
	    ": 0x%02x, should be 0x%02x\n", t->store ? "store" : "pool",
	    kind(t), t->length, at, *have,
	    at < t->length ? t->bytes[at] : 0);
}

void
thing_compare_bytes(struct world *w, const struct thing *t,
    const uint8_t *have, uint64_t pindex)
{
	uint32_t part = thing_part(t, pindex);
	bool equal = true;

	for (uint32_t i = 0; i < PAGE && equal; i++) {
		uint64_t at = pindex * PAGE + i;

		equal = have[i] == (i < part ? t->bytes[at] : 0);
		if (!equal)
			say_where(t, at, &have[i]);
	}
	MUST(w, equal);
}

void
thing_compare(struct world *w, const struct thing *t, struct vm_page *page,
    uint64_t pindex)
{
	const uint8_t *have = vm_page_data(page);

	MUST(w, have != NULL);
	MUST(w, vm_page_pindex(page) == pindex);
	thing_compare_bytes(w, t, have, pindex);
}

void
thing_compare_file(struct world *w, const struct thing *t)
{
	static uint8_t have[BYTES_MAX + 1];
	ssize_t n = pread(t->fd, have, sizeof(have), 0);

	MUST(w, n == (ssize_t)t->length);
	for (uint64_t i = 0; i < t->length; i++) {
		if (have[i] != t->bytes[i])
			say_where(t, i, &have[i]);
		MUST(w, have[i] == t->bytes[i]);
	}
}
