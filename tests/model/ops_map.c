/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ops_map.c - things seen at addresses, against the same arrays.
 *
 * One operation maps a thing, shared or private, makes a few calls and touches,
 * and unmaps what is left, so that nothing is seen between operations: others
 * hold pages, and a touch would wait for them.  A signal is an answer like
 * another.  Where the machine permits no userfaultfd, nothing is mapped.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <resident/map.h>

#include "holdings.h"
#include "op.h"

/* 24 calls and touches of one map: a few of each kind. */
enum { TURNS = 24, READ_WRITE = VM_PROT_READ | VM_PROT_WRITE };

struct seen {
	struct world *w;
	struct thing *t;
	volatile uint8_t *base;
	uint64_t first;		/* page of the thing at base */
	uint64_t pages;
	bool private;
	uint8_t *bytes;		/* what it should show, from byte 0 of base */
	struct {
		bool mapped, wired;
		unsigned prot;
	} page[PAGES_MAX];
};

static sigjmp_buf jump;

static void
on_signal(int number)
{
	siglongjmp(jump, number);
}

/* The library writes what these read, with rights of page tables in between,
 * of which a sanitizer of threads knows nothing. */
__attribute__((no_sanitize("thread"), noinline)) static uint8_t
read_byte(const volatile uint8_t *at)
{
	return *at;
}

__attribute__((no_sanitize("thread"), noinline)) static void
write_byte(volatile uint8_t *at, uint8_t value)
{
	*at = value;
}

static int
try_read(const volatile uint8_t *at, uint8_t *value)
{
	int number = sigsetjmp(jump, 1);

	if (number == 0)
		*value = read_byte(at);
	return number;
}

static int
try_write(volatile uint8_t *at, uint8_t value)
{
	int number = sigsetjmp(jump, 1);

	if (number == 0)
		write_byte(at, value);
	return number;
}

/* ---- touches ------------------------------------------------------------- */

static void
touch(struct seen *s)
{
	struct world *w = s->w;
	uint64_t page = pick(w, s->pages), at = page * PAGE + pick(w, PAGE);
	uint8_t value = (uint8_t)pick(w, 256);
	bool write = pick(w, 2), inside;
	bool can = s->page[page].mapped && (s->page[page].prot &
	    (write ? VM_PROT_WRITE : VM_PROT_READ)) != 0;
	int got;

	inside = s->first * PAGE + at < s->t->length;
	got = write && inside ? try_write(s->base + at, value) :
	    try_read(s->base + at, &value);
	if (!(write && inside))
		can = s->page[page].mapped && s->page[page].prot != 0;
	MUST(w, got == (can ? 0 : SIGSEGV));
	if (!can)
		return;
	if (write && inside)
		s->bytes[at] = value;
	else
		MUST(w, value == (inside ? s->bytes[at] : 0));
}

/* ---- calls --------------------------------------------------------------- */

struct part {
	uint64_t first;
	uint64_t pages;
	void *at;
	size_t bytes;
	bool holes;
};

static struct part
some_part(const struct seen *s)
{
	uint64_t first = pick(s->w, s->pages);
	uint64_t pages = 1 + pick(s->w, s->pages - first);
	struct part p = { first, pages, (void *)(uintptr_t)(s->base +
	    first * PAGE), pages * PAGE, false };

	for (uint64_t i = first; i < first + pages; i++)
		p.holes = p.holes || !s->page[i].mapped;
	return p;
}

/* An object that has to move may not, for the sake of what is wired or lent. */
static bool
may_stay(const struct world *w)
{
	return w->pinned != 0;
}

static void
protect(struct seen *s)
{
	struct part p = some_part(s);
	bool writable = s->private || s->t->writable;
	unsigned prot = pick(s->w, 8) == 0 ? 0 : writable && pick(s->w, 2) ?
	    READ_WRITE : VM_PROT_READ;
	int error = vm_protect(s->w->vm, p.at, p.bytes, prot);

	if (p.holes || error != 0) {
		MUST(s->w, error == (p.holes ? -ENOMEM : -EBUSY));
		MUST(s->w, p.holes || may_stay(s->w));
		return;
	}
	for (uint64_t i = p.first; i < p.first + p.pages; i++)
		s->page[i].prot = prot;
}

static void
sync_part(struct seen *s)
{
	static const unsigned flags[] = { VM_SYNC_WAIT, VM_SYNC_ASYNC,
		VM_SYNC_WAIT | VM_SYNC_INVALIDATE };
	struct part p = some_part(s);
	int error = vm_sync(s->w->vm, p.at, p.bytes, flags[pick(s->w, 3)]);

	MUST(s->w, p.holes ? error == -ENOMEM : error == 0 ||
	    (error == -EBUSY && may_stay(s->w)));
}

static void
advise(struct seen *s)
{
	static const enum vm_map_advice advice[] = { VM_MADV_WILLNEED,
		VM_MADV_COLD, VM_MADV_PAGEOUT, VM_MADV_DONTNEED };
	struct part p = some_part(s);
	uint64_t one = pick(s->w, s->private ? 3 : 4);

	MUST(s->w, vm_advise(s->w->vm, p.at, p.bytes, advice[one]) ==
	    (p.holes ? -ENOMEM : 0));
}

/* All at once or not: half of the limit may not be had. */
static void
wire(struct seen *s)
{
	struct part p = some_part(s);
	unsigned char in[PAGES_MAX];

	if (p.pages > 2)
		p.pages = 2;
	p.bytes = p.pages * PAGE;
	for (uint64_t i = p.first; i < p.first + p.pages; i++)
		if (!s->page[i].mapped || s->page[i].wired)
			return;
	if (!may_pin(s->w, (unsigned)p.pages) || may_be_lent(s->w))
		return;
	MUST(s->w, vm_wire(s->w->vm, p.at, p.bytes) == 0);
	MUST(s->w, vm_resident(s->w->vm, p.at, p.bytes, in) == 0);
	for (uint64_t i = 0; i < p.pages; i++) {
		MUST(s->w, (in[i] & VM_RESIDENT_IN) != 0);
		MUST(s->w, (in[i] & VM_RESIDENT_WIRED) != 0);
		s->page[p.first + i].wired = true;
	}
	s->w->pinned += (unsigned)p.pages;
}

static void
unwired(struct seen *s, uint64_t first, uint64_t end)
{
	for (uint64_t i = first; i < end; i++) {
		s->w->pinned -= s->page[i].wired;
		s->page[i].wired = false;
	}
}

static void
unwire(struct seen *s)
{
	struct part p = some_part(s);
	int error = vm_unwire(s->w->vm, p.at, p.bytes);

	MUST(s->w, error == (p.holes ? -ENOMEM : 0));
	if (error == 0)
		unwired(s, p.first, p.first + p.pages);
}

static bool
any_left(const struct seen *s)
{
	for (uint64_t i = 0; i < s->pages; i++)
		if (s->page[i].mapped)
			return true;
	return false;
}

static void
unmap_part(struct seen *s)
{
	struct part p = some_part(s);
	int error;

	if (p.pages == s->pages)
		return;
	error = vm_unmap(s->w->vm, p.at, p.bytes);
	MUST(s->w, error == 0 || (error == -EBUSY && may_stay(s->w)));
	if (error != 0)
		return;
	unwired(s, p.first, p.first + p.pages);
	for (uint64_t i = p.first; i < p.first + p.pages; i++)
		s->page[i].mapped = false;
}

/* ---- one map ------------------------------------------------------------- */

static void
turn(struct seen *s)
{
	switch (pick(s->w, 16)) {
	case 0:
		protect(s);
		break;
	case 1:
		sync_part(s);
		break;
	case 2:
		advise(s);
		break;
	case 3:
		wire(s);
		break;
	case 4:
		unwire(s);
		break;
	case 5:
		unmap_part(s);
		break;
	default:
		touch(s);
	}
}

/* A private one is the only one: the object does not change behind it.  false:
 * it may be so. */
static bool
map(struct seen *s, bool private)
{
	static uint8_t copy[BYTES_MAX + PAGE];
	struct vm_map_options o = VM_MAP_OPTIONS_INIT;
	struct world *w = s->w;
	struct thing *t = s->t;
	void *base;
	int error;

	s->first = pick(w, 2) ? 0 : some_page(w, t);
	s->pages = pick(w, 2) ? thing_pages(t) - s->first :
	    1 + pick(w, thing_pages(t) - s->first);
	s->private = private;
	s->bytes = t->bytes + s->first * PAGE;
	o.object = t->object;
	o.offset = s->first * PAGE;
	o.length = s->pages * PAGE;
	o.flags = s->private ? VM_MAP_PRIVATE : 0;
	o.prot = s->private || t->writable ? READ_WRITE : VM_PROT_READ;
	error = vm_map(w->vm, &o, &base);
	if (error != 0) {
		MUST(w, error == -EPERM || error == -ENOSYS ||
		    error == -ENOTSUP || (error == -EBUSY && may_stay(w)));
		return false;
	}
	s->base = base;
	for (uint64_t i = 0; i < s->pages; i++) {
		s->page[i].mapped = true;
		s->page[i].wired = false;
		s->page[i].prot = o.prot;
	}
	if (s->private)
		s->bytes = memcpy(copy, s->bytes, t->length - o.offset);
	return true;
}

/* An object may be in a memory file from now on. */
static void
look_where(struct thing *t)
{
	int fd = vm_object_store_fd(t->object, 0);

	t->store = fd >= 0;
	if (fd >= 0)
		close(fd);
}

static void
see(struct world *w, struct thing *t)
{
	struct seen s = { .w = w, .t = t }, other = { .w = w, .t = t };
	bool twice;

	(void)signal(SIGSEGV, on_signal);
	/* What a pager forbids is not asked for by who only copies it. */
	if (map(&s, pick(w, 4) == 0 && !t->paged)) {
		twice = !s.private && pick(w, 4) == 0 && map(&other, false);
		for (int i = 0; i < TURNS; i++)
			turn(twice && pick(w, 2) ? &other : &s);
		for (struct seen *one = &s; one != NULL; one = one == &s &&
		    twice ? &other : NULL) {
			unwired(one, 0, one->pages);
			MUST(w, !any_left(one) || vm_unmap(w->vm,
			    (void *)(uintptr_t)one->base,
			    one->pages * PAGE) == 0);
		}
	}
	(void)signal(SIGSEGV, SIG_DFL);
	look_where(t);
}

const struct op ops_map[] = {
	{ "map", see, 3, false },
	{ NULL, NULL, 0, false },
};
