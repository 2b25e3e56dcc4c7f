/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * view.c - maps of this process: tasks that vm_map things, and touch them.
 *
 * Each has a few maps, shared or private, of which it knows page by page what
 * is mapped, with what rights, and what is wired; it changes that by the calls
 * of resident/map.h, and reads and writes words.  Of a private map it knows
 * the pages that it has written to; of the others what the thing had when it
 * was mapped, as long as that did not change.
 */
#include <errno.h>
#include <string.h>

#include <resident/map.h>

#include "os/os.h"
#include "sim.h"
#include "window.h"
#include "work.h"

/* 8 bytes a touch, at a multiple of 8: they lie in one sector. */
#define WORD 8
/* 3 maps of a task, 12 tasks a run at most; 8 of all these are private. */
#define SHOWN 3
#define COPIES 8
/* 4 touches for one other call. */
#define TOUCHES 4

#define READ_WRITE (VM_PROT_READ | VM_PROT_WRITE)

/* What is known of a private map. */
struct copy {
	bool used;
	char bytes[THING_BYTES];
	enum { OF_SOURCE, OURS, UNKNOWN } whose[THING_PAGES];
	uint32_t touched[THING_PAGES];	/* of the source, when it began */
};

struct shown {
	struct thing *thing;
	char *base;
	uint64_t first;		/* page of the thing at base */
	uint64_t pages;
	struct copy *copy;	/* NULL: shared */
	struct {
		uint8_t prot;
		bool mapped, wired;
	} page[THING_PAGES];
};

struct viewer {
	struct shown shown[SHOWN];
	unsigned count;
};

static struct copy copies[COPIES];

void
view_reset(void)
{
	for (unsigned i = 0; i < COPIES; i++)
		copies[i].used = false;
}

/* ---- what a call may say ------------------------------------------------- */

/* A call that needs the thing to be as long as it was. */
static void
allow(const struct shown *s, unsigned cuts, int error)
{
	const struct thing *thing = s->thing;

	if (error == -ERANGE && (thing->changing || thing->cuts != cuts))
		return;
	/* To move, or to be wired, a page must not be lent nor wired. */
	if (error == -EBUSY && (world.lends || world.wires))
		return;
	world_allow(error);
}

static bool
may_fail(const struct shown *s, uint64_t page, unsigned cuts)
{
	const struct thing *thing = s->thing;

	return machine.injected != 0 || world.may_starve ||
	    thing->own.marks || may_be_cut(thing, s->first + page, cuts);
}

/* ---- touches ------------------------------------------------------------- */

struct instant {
	struct shown *shown;
	uint64_t at;		/* byte of the map */
	unsigned cuts;
};

static void
differs(const struct instant *i)
{
	const struct shown *s = i->shown;

	sim_fail("thing %u: a %s map has other bytes at %llu (page %llu of "
	    "the thing)", s->thing->number, s->copy != NULL ? "private" :
	    "shared", (unsigned long long)i->at, (unsigned long long)
	    (s->first + i->at / PAGE));
}

static bool
is_known(const struct instant *i)
{
	const struct thing *thing = i->shown->thing;
	uint64_t offset = i->shown->first * PAGE + i->at;

	return offset + WORD <= thing->length &&
	    !thing->unknown[offset / PAGE] &&
	    (offset + WORD <= thing->change_from ||
	    offset >= thing->change_end);
}

static void
read_shared(void *arg, char *at)
{
	struct instant *i = arg;
	struct thing *thing = i->shown->thing;

	if (is_known(i) && memcmp(at, thing->bytes + i->shown->first * PAGE +
	    i->at, WORD) != 0)
		differs(i);
}

static void
write_shared(void *arg, char *at)
{
	struct instant *i = arg;
	struct thing *thing = i->shown->thing;
	uint64_t offset = i->shown->first * PAGE + i->at;

	if (!is_known(i))
		return;
	world_fill(at, WORD);
	memcpy(thing->bytes + offset, at, WORD);
	thing_wrote(thing, offset, WORD, false);
}

static bool
is_of_source(const struct instant *i)
{
	const struct shown *s = i->shown;
	uint64_t page = i->at / PAGE, there = s->first + page;

	return s->copy->whose[page] == OF_SOURCE && is_known(i) &&
	    !s->thing->changing && s->thing->cuts == i->cuts &&
	    s->thing->touched[there] == s->copy->touched[page];
}

static void
read_private(void *arg, char *at)
{
	struct instant *i = arg;
	const struct shown *s = i->shown;
	const char *bytes = s->copy->bytes + i->at;

	if (s->copy->whose[i->at / PAGE] != OURS) {
		if (!is_of_source(i))
			return;
		bytes = s->thing->bytes + s->first * PAGE + i->at;
	}
	if (memcmp(at, bytes, WORD) != 0)
		differs(i);
}

/* From now on all of the page is ours. */
static void
write_private(void *arg, char *at)
{
	struct instant *i = arg;
	struct copy *copy = i->shown->copy;
	uint64_t page = i->at / PAGE;

	read_private(arg, at);
	world_fill(at, WORD);
	memcpy(copy->bytes + page * PAGE, at - i->at % PAGE, PAGE);
	copy->whose[page] = OURS;
}

static void
touch_word(struct shown *s)
{
	uint64_t page = sim_below(s->pages);
	struct instant i = { .shown = s, .cuts = s->thing->cuts,
		.at = page * PAGE + sim_below(PAGE / WORD) * WORD };
	bool write = sim_one_in(2);
	bool can = s->page[page].mapped && (s->page[page].prot &
	    (write ? VM_PROT_WRITE : VM_PROT_READ)) != 0;
	struct touch touch = {
		.address = (uintptr_t)s->base + i.at, .write = write,
		.arg = &i, .access = s->copy != NULL ?
		    (write ? write_private : read_private) :
		    write ? write_shared : read_shared,
	};
	/* Behind the end: the thing may have grown since. */
	bool beyond = may_fail(s, page, i.cuts);
	enum touched touched;

	touched = window_touch(&touch);
	/* While a window becomes a memory file its addresses have all rights,
	 * but nothing can be reached there. */
	if ((touched == TOUCH_SEGV) == can && (can || touched != TOUCH_BUS ||
	    !s->thing->read_only))
		sim_fail("thing %u: page %llu of a map, %smapped with rights "
		    "%u, can%s be %s", s->thing->number,
		    (unsigned long long)page, s->page[page].mapped ? "" :
		    "not ", s->page[page].prot, can ? "not" : "",
		    write ? "written" : "read");
	switch (touched) {
	case TOUCHED:
	case TOUCH_SEGV:
		return;
	case TOUCH_BUS:
		if (can && !beyond && !may_fail(s, page, i.cuts))
			sim_fail("thing %u: a map's page %llu gives SIGBUS: "
			    "%s", s->thing->number, (unsigned long long)page,
			    vm_last_error());
		return;
	}
}

/* ---- map and unmap ------------------------------------------------------- */

static struct copy *
some_copy(const struct thing *thing, uint64_t first)
{
	struct copy *copy = copies;

	while (copy->used)
		if (++copy == copies + COPIES)
			return NULL;
	copy->used = true;
	for (uint64_t i = 0; i < THING_PAGES; i++) {
		copy->whose[i] = OF_SOURCE;
		copy->touched[i] = first + i < THING_PAGES ?
		    thing->touched[first + i] : 0;
	}
	return copy;
}

static void
begin(struct viewer *v, struct shown *s, const struct vm_map_options *o)
{
	uint8_t prot = (uint8_t)((o->prot & VM_PROT_WRITE) != 0 ? READ_WRITE :
	    o->prot);

	for (uint64_t i = 0; i < s->pages; i++) {
		s->page[i].mapped = true;
		s->page[i].prot = prot;
		s->page[i].wired = false;
	}
	s->thing->mappings++;
	v->count++;
}

static unsigned
some_prot(const struct thing *thing, bool private)
{
	if (sim_one_in(16))
		return 0;
	return (thing->read_only && !private) || sim_one_in(4) ?
	    VM_PROT_READ : READ_WRITE;
}

static void
map(struct viewer *v, struct thing *thing)
{
	struct vm_map_options o = VM_MAP_OPTIONS_INIT;
	struct shown *s = &v->shown[v->count];
	uint64_t pages = thing_pages(thing), cuts = thing->cuts;
	void *base;
	int error;

	if (v->count == SHOWN || pages == 0 || thing->changing)
		return;
	s->thing = thing;
	s->first = sim_one_in(3) ? sim_below(pages) : 0;
	s->pages = sim_one_in(2) ? pages - s->first :
	    1 + sim_below(pages - s->first);
	s->copy = sim_one_in(3) ? some_copy(thing, s->first) : NULL;
	o.object = thing->object;
	o.offset = s->first * PAGE;
	o.length = s->pages * PAGE;
	o.flags = s->copy != NULL ? VM_MAP_PRIVATE : 0;
	o.prot = some_prot(thing, s->copy != NULL);
	sim_say("maps pages %llu + %llu, rights %u, %s",
	    (unsigned long long)s->first, (unsigned long long)s->pages,
	    o.prot, s->copy != NULL ? "private" : "shared");
	error = vm_map(world.vm, &o, &base);
	if (error == 0) {
		s->base = base;
		begin(v, s, &o);
		return;
	}
	if (s->copy != NULL)
		s->copy->used = false;
	allow(s, (unsigned)cuts, error);
}

static void
end(struct viewer *v, struct shown *s)
{
	if (s->copy != NULL)
		s->copy->used = false;
	s->thing->mappings--;
	*s = v->shown[--v->count];
}

static void
unwired(struct shown *s, uint64_t page)
{
	if (!s->page[page].wired)
		return;
	s->page[page].wired = false;
	s->thing->wires--;
	world.wired--;
}

static bool
any_left(const struct shown *s)
{
	for (uint64_t i = 0; i < s->pages; i++)
		if (s->page[i].mapped)
			return true;
	return false;
}

static void
unmap(struct viewer *v, struct shown *s, uint64_t first, uint64_t pages)
{
	int error = vm_unmap(world.vm, s->base + first * PAGE, pages * PAGE);

	if (error != 0) {
		sim_say("cannot unmap: %s", vm_last_error());
		allow(s, s->thing->cuts, error);
		return;
	}
	for (uint64_t i = first; i < first + pages; i++) {
		s->page[i].mapped = false;
		unwired(s, i);
	}
	if (!any_left(s))
		end(v, s);
}

/* ---- what is done to a range --------------------------------------------- */

struct part {
	struct shown *s;
	uint64_t first;
	uint64_t pages;
	char *at;
	uint64_t bytes;
};

static struct part
some_part(struct shown *s)
{
	uint64_t first = sim_one_in(3) ? 0 : sim_below(s->pages);
	uint64_t pages = sim_one_in(3) ? s->pages - first :
	    1 + sim_below(s->pages - first);

	return (struct part){ s, first, pages, s->base + first * PAGE,
		pages * PAGE };
}

static bool
has_holes(const struct part *p)
{
	for (uint64_t i = p->first; i < p->first + p->pages; i++)
		if (!p->s->page[i].mapped)
			return true;
	return false;
}

static bool
has_wires(const struct part *p)
{
	for (uint64_t i = p->first; i < p->first + p->pages; i++)
		if (p->s->page[i].wired)
			return true;
	return false;
}

/* After a change that failed on its way: the machine knows. */
static void
learn_rights(const struct part *p)
{
	for (uint64_t i = p->first; i < p->first + p->pages; i++)
		p->s->page[i].prot = (uint8_t)window_rights(
		    (uintptr_t)p->s->base + i * PAGE);
}

static void
protect(const struct part *p)
{
	struct shown *s = p->s;
	unsigned prot = some_prot(s->thing, s->copy != NULL);
	int error = vm_protect(world.vm, p->at, p->bytes, prot);

	if (has_holes(p)) {
		SIM_CHECK(error == -ENOMEM);
		return;
	}
	if (error != 0) {
		allow(s, s->thing->cuts, error);
		learn_rights(p);
		return;
	}
	for (uint64_t i = p->first; i < p->first + p->pages; i++)
		s->page[i].prot = (uint8_t)prot;
}

/* The range is the thing's; the sync's promise is checked as any. */
static int
sync_part(void *arg)
{
	const struct part *p = arg;

	return vm_sync(world.vm, p->at, p->bytes, VM_SYNC_WAIT);
}

static void
sync_some(struct part *p)
{
	struct shown *s = p->s;
	int error;

	if (has_holes(p))
		SIM_CHECK(vm_sync(world.vm, p->at, p->bytes, VM_SYNC_WAIT) ==
		    -ENOMEM);
	else if (s->copy == NULL && sim_one_in(2))
		(void)thing_sync_by(s->thing, (s->first + p->first) * PAGE,
		    p->bytes, sync_part, p);
	else {
		error = vm_sync(world.vm, p->at, p->bytes,
		    (sim_one_in(2) ? VM_SYNC_ASYNC : VM_SYNC_WAIT) |
		    (sim_one_in(2) ? VM_SYNC_INVALIDATE : 0));
		if (error != 0)
			allow(s, s->thing->cuts, error);
	}
}

/* What was written there is given up, or was in part. */
static void
give_away(const struct part *p, int error)
{
	for (uint64_t i = p->first; i < p->first + p->pages; i++)
		if (p->s->copy->whose[i] == OURS)
			p->s->copy->whose[i] = error == 0 ? OF_SOURCE :
			    UNKNOWN;
}

static void
advise(const struct part *p)
{
	static const enum vm_map_advice advice[] = { VM_MADV_NORMAL,
		VM_MADV_RANDOM, VM_MADV_SEQUENTIAL, VM_MADV_WILLNEED,
		VM_MADV_DONTNEED, VM_MADV_COLD };
	enum vm_map_advice one = advice[sim_below(VM_COUNT(advice))];
	bool private = p->s->copy != NULL;
	int error = vm_advise(world.vm, p->at, p->bytes, one);

	if (has_holes(p)) {
		SIM_CHECK(error == -ENOMEM);
		return;
	}
	if (one == VM_MADV_DONTNEED && private) {
		give_away(p, error);
		if (error == -EBUSY && has_wires(p))
			return;
	}
	if (error != 0)
		allow(p->s, p->s->thing->cuts, error);
}

static void
note_wires(const struct part *p)
{
	for (uint64_t i = p->first; i < p->first + p->pages; i++) {
		if (p->s->page[i].wired)
			continue;
		p->s->page[i].wired = true;
		p->s->thing->wires++;
		world.wired++;
	}
}

static void
check_wires(const struct part *p)
{
	unsigned char in[THING_PAGES];

	SIM_CHECK(vm_resident(world.vm, p->at, p->bytes, in) == 0);
	for (uint64_t i = 0; i < p->pages; i++)
		SIM_CHECK((in[i] & (VM_RESIDENT_IN | VM_RESIDENT_WIRED)) ==
		    (VM_RESIDENT_IN | VM_RESIDENT_WIRED));
}

/* As wire of work.c: few, of a thing that stays as long as it is. */
static void
wire(struct part *p)
{
	struct thing *thing = p->s->thing;
	int error;

	if (p->pages > 3)
		p->pages = 3;
	p->bytes = p->pages * PAGE;
	if (thing->changing || has_holes(p) ||
	    p->s->first + p->first + p->pages > thing_pages(thing) ||
	    (world.wired + p->pages) * WIRED_SHARE > world.limit_low)
		return;
	thing->wires++;
	world.wires = true;
	world.wired += (uint32_t)p->pages;
	error = vm_wire(world.vm, p->at, p->bytes);
	world.wired -= (uint32_t)p->pages;
	if (error == 0) {
		note_wires(p);
		check_wires(p);
	} else
		allow(p->s, thing->cuts, error);
	thing->wires--;
}

static void
unwire(const struct part *p)
{
	int error = vm_unwire(world.vm, p->at, p->bytes);

	if (has_holes(p)) {
		SIM_CHECK(error == -ENOMEM);
		return;
	}
	if (error != 0) {
		allow(p->s, p->s->thing->cuts, error);
		return;
	}
	for (uint64_t i = p->first; i < p->first + p->pages; i++)
		unwired(p->s, i);
}

static void
ask_resident(const struct part *p)
{
	unsigned char in[THING_PAGES];
	int error = vm_resident(world.vm, p->at, p->bytes, in);

	SIM_CHECK(error == (has_holes(p) ? -ENOMEM : 0));
}

/* ---- a task -------------------------------------------------------------- */

static void
change(struct viewer *v, struct shown *s)
{
	static const char *const name[] = { "unmaps", "unmaps all of",
		"protects", "syncs", "advises", "advises", "wires", "unwires",
		"asks for" };
	struct part p = some_part(s);
	uint64_t what = sim_below(VM_COUNT(name));

	sim_say("%s thing %u: pages %llu + %llu of a map", name[what],
	    s->thing->number, (unsigned long long)p.first,
	    (unsigned long long)p.pages);
	switch (what) {
	case 0:
		unmap(v, s, p.first, p.pages);
		break;
	case 1:
		unmap(v, s, 0, s->pages);
		break;
	case 2:
		protect(&p);
		break;
	case 3:
		sync_some(&p);
		break;
	case 4:
	case 5:
		advise(&p);
		break;
	case 6:
		wire(&p);
		break;
	case 7:
		unwire(&p);
		break;
	default:
		ask_resident(&p);
	}
}

static void
map_some(struct viewer *v)
{
	struct thing *thing = &world.thing[sim_below(world.things)];

	if (!thing->mapped || !thing_use(thing))
		return;
	map(v, thing);
	thing_release(thing);
}

void
view(void *arg)
{
	struct viewer v = { .count = 0 };

	(void)arg;
	while (world_next()) {
		if (v.count == 0 || sim_one_in(8)) {
			map_some(&v);
			sim_yield();
			continue;
		}
		for (unsigned i = 0; i < TOUCHES; i++)
			touch_word(&v.shown[sim_below(v.count)]);
		if (sim_one_in(2))
			change(&v, &v.shown[sim_below(v.count)]);
	}
	machine.calm++;
	while (v.count != 0)
		unmap(&v, &v.shown[0], 0, v.shown[0].pages);
	machine.calm--;
}
