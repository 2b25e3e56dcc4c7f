/* SPDX-License-Identifier: BSD-2-Clause */
/* window.c - window.h has the theory. */
#include "window.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "machine.h"
#include "sim.h"

/* 64 ranges: a few each for the maps of a few tasks, whose objects have two
 * pieces of a window at most. */
#define RANGES 64
/* One call in so many does a part only, or nothing yet. */
#define PARTLY 8
#define VAIN 32

#define PAGE_PRESENT   0x1u
#define PAGE_PROTECTED 0x2u

#define READ_WRITE (VM_OS_READ | VM_OS_WRITE)

struct range {
	uint64_t address;	/* 0: no range */
	uint64_t pages;
	struct disk *memory;	/* NULL: private memory */
	uint64_t first;		/* page of the file at address */
	bool watched;
	unsigned pieces;	/* of different rights: the most so far */
	struct state {
		uint8_t flags;	/* PAGE_; of a file, PAGE_PROTECTED alone */
		uint8_t prot;	/* the program's: VM_OS_ */
	} *page;
};

static struct range ranges[RANGES];
static uint64_t present;	/* private pages */
static vm_os_handler *handler;	/* NULL: the program's own */
static void (*after_fork)(void);	/* for good, as it is */

/* ---- ranges -------------------------------------------------------------- */

static char *
memory_at(uint64_t address)
{
	return (char *)(uintptr_t)address;
}

static struct range *
range_at(uint64_t address)
{
	for (unsigned i = 0; i < RANGES; i++)
		if (ranges[i].address != 0 && address >= ranges[i].address &&
		    address - ranges[i].address < ranges[i].pages * PAGE)
			return &ranges[i];
	return NULL;
}

static struct state *
state_at(struct range *range, uint64_t address)
{
	return &range->page[(address - range->address) / PAGE];
}

static struct range *
new_range(uint64_t length)
{
	struct range *range = ranges;

	SIM_CHECK(length != 0 && length % PAGE == 0);
	while (range->address != 0)
		if (++range == ranges + RANGES)
			sim_fail("more than %d ranges", RANGES);
	*range = (struct range){ .pages = length / PAGE, .pieces = 1 };
	range->page = calloc(range->pages, sizeof(*range->page));
	SIM_CHECK(range->page != NULL);
	range->address = (uintptr_t)memory_reserve(length);
	for (uint64_t i = 0; i < range->pages; i++)
		range->page[i].prot = READ_WRITE;
	SIM_CHECK(mprotect(memory_at(range->address), length, PROT_NONE) ==
	    0);
	return range;
}

/* What the real page table is to say of a page. */
static void
apply(struct range *range, uint64_t address)
{
	const struct state *state = state_at(range, address);
	int prot = PROT_NONE;

	if (range->memory != NULL)
		return;
	if ((state->flags & PAGE_PRESENT) != 0)
		prot = (int)state->prot;
	if ((state->flags & PAGE_PROTECTED) != 0)
		prot &= PROT_READ;
	SIM_CHECK(mprotect(memory_at(address), PAGE, prot) == 0);
}

static void
forget_page(struct range *range, uint64_t address)
{
	struct state *state = state_at(range, address);

	if (range->memory != NULL || (state->flags & PAGE_PRESENT) == 0)
		return;
	state->flags = 0;
	present--;
	SIM_CHECK(madvise(memory_at(address), PAGE, MADV_DONTNEED) == 0);
	apply(range, address);
}

static void
forget_range(struct range *range)
{
	for (uint64_t i = 0; i < range->pages; i++)
		forget_page(range, range->address + i * PAGE);
	if (range->memory != NULL)
		disk_put(range->memory);
	memory_return(memory_at(range->address), range->pages * PAGE);
	free(range->page);
	range->address = 0;
}

void
windows_begin(void)
{
	for (unsigned i = 0; i < RANGES; i++) {
		ranges[i].memory = NULL;	/* forgotten elsewhere */
		if (ranges[i].address != 0)
			forget_range(&ranges[i]);
	}
	SIM_CHECK(present == 0);
	handler = NULL;
	if (after_fork != NULL)
		after_fork();	/* what a new process has of the old one */
}

uint64_t
windows_present(void)
{
	return present;
}

unsigned
window_rights(uint64_t address)
{
	struct range *range = range_at(address);

	return range == NULL ? 0 : state_at(range, address)->prot;
}

/* With prot in [from, end). */
static unsigned
pieces_with(const struct range *range, uint64_t from, uint64_t end,
    unsigned prot)
{
	unsigned pieces = 0, before = 0;

	for (uint64_t i = 0; i < range->pages; i++) {
		uint64_t at = range->address + i * PAGE;
		unsigned now = at >= from && at < end ? prot :
		    range->page[i].prot;

		pieces += i == 0 || now != before;
		before = now;
	}
	return pieces;
}

bool
windows_split(const void *base, size_t bytes, unsigned prot)
{
	struct range *range = range_at((uintptr_t)base);

	return range == NULL || pieces_with(range, (uintptr_t)base,
	    (uintptr_t)base + bytes, prot) > range->pieces;
}

void
windows_allow(void *base, size_t bytes, unsigned prot)
{
	uint64_t address = (uintptr_t)base;

	for (uint64_t at = address; at < address + bytes; at += PAGE) {
		struct range *range = range_at(at);
		unsigned pieces;

		if (range == NULL)
			continue;
		state_at(range, at)->prot = (uint8_t)prot;
		apply(range, at);
		pieces = pieces_with(range, 0, 0, 0);
		if (pieces > range->pieces)
			range->pieces = pieces;
	}
}

/* ---- the table ----------------------------------------------------------- */

int
window_open(int *self, bool *files)
{
	struct opened opened = { .kind = KIND_WINDOW };

	sim_point();
	if (machine_fails(machine.faults.descriptor))
		return -EMFILE;
	*self = -1;
	*files = true;
	return descriptor_new(&opened);
}

void
window_close(int uffd, int self)
{
	(void)self;
	machine_close(uffd);
}

int
window_reserve(uint64_t length, uint64_t *address)
{
	sim_point();
	if (machine_fails(machine.faults.memory))
		return -ENOMEM;
	*address = new_range(length)->address;
	machine.maps++;
	return 0;
}

/* In the place of private memory, which goes. */
static void
turn(struct range *range, uint64_t length)
{
	SIM_CHECK(range != NULL && range->memory == NULL);
	SIM_CHECK(range->pages * PAGE == length);
	for (uint64_t i = 0; i < range->pages; i++) {
		forget_page(range, range->address + i * PAGE);
		range->page[i] = (struct state){ .prot = READ_WRITE };
	}
	range->watched = false;
}

int
window_show(int fd, uint64_t offset, uint64_t length, bool fixed,
    uint64_t *address)
{
	struct range *range;

	sim_point();
	/* In place of another nothing new is needed. */
	if (!fixed && machine_fails(machine.faults.memory))
		return -ENOMEM;
	if (fixed)
		turn(range = range_at(*address), length);
	else {
		range = new_range(length);
		machine.maps++;
	}
	range->memory = disk_of(fd);
	range->memory->uses++;
	range->first = offset / PAGE;
	*address = range->address;
	/* Seldom is somebody so fast as to come before it is watched. */
	if (fixed)
		sim_yield();
	return 0;
}

int
window_unmap(uint64_t address, uint64_t length)
{
	struct range *range = range_at(address);

	sim_point();
	SIM_CHECK(range != NULL && range->address == address &&
	    range->pages * PAGE == length);
	forget_range(range);
	machine.maps--;
	return 0;
}

int
window_watch(int uffd, uint64_t address, uint64_t length)
{
	struct range *range = range_at(address);

	sim_point();
	SIM_CHECK(descriptor_of(uffd)->kind == KIND_WINDOW);
	SIM_CHECK(range != NULL && !range->watched &&
	    range->pages * PAGE == length);
	range->watched = true;
	return 0;
}

int64_t
window_copy(int uffd, uint64_t to, const void *from, uint64_t length,
    bool protect)
{
	const char *bytes = from;
	uint64_t done = 0;

	SIM_CHECK(descriptor_of(uffd)->kind == KIND_WINDOW);
	SIM_CHECK(length != 0 && length % PAGE == 0);
	for (; done < length; done += PAGE) {
		struct range *range = range_at(to + done);
		struct state *state;

		sim_point();
		if (done != 0 ? sim_one_in(PARTLY) : sim_one_in(VAIN))
			return done != 0 ? (int64_t)done : -EAGAIN;
		if (machine_fails(machine.faults.memory))
			return done != 0 ? (int64_t)done : -ENOMEM;
		SIM_CHECK(range != NULL && range->watched &&
		    range->memory == NULL);
		state = state_at(range, to + done);
		SIM_CHECK((state->flags & PAGE_PRESENT) == 0);
		SIM_CHECK(mprotect(memory_at(to + done), PAGE, PROT_READ |
		    PROT_WRITE) == 0);
		memcpy(memory_at(to + done), bytes + done, PAGE);
		state->flags = (uint8_t)(PAGE_PRESENT |
		    (protect ? PAGE_PROTECTED : 0));
		present++;
		apply(range, to + done);
	}
	return (int64_t)done;
}

int64_t
window_drop(int self, const struct iovec *what, unsigned count)
{
	int64_t done = 0;

	(void)self;
	SIM_CHECK(count != 0);
	if (sim_one_in(VAIN))
		return sim_one_in(2) ? -EINTR : -EAGAIN;
	for (unsigned i = 0; i < count; i++) {
		uint64_t address = (uintptr_t)what[i].iov_base;

		for (uint64_t at = 0; at < what[i].iov_len; at += PAGE) {
			struct range *range = range_at(address + at);

			sim_point();
			if (done != 0 && sim_one_in(PARTLY))
				return done;
			SIM_CHECK(range != NULL && range->memory == NULL);
			forget_page(range, address + at);
			done += PAGE;
		}
	}
	return done;
}

/* An absent page of private memory has no mark. */
int
window_protect(uint64_t address, uint64_t length, bool on)
{
	SIM_CHECK(address % PAGE == 0 && length % PAGE == 0);
	sim_point();
	if (sim_one_in(VAIN))
		return -EAGAIN;
	for (uint64_t at = address; at < address + length; at += PAGE) {
		struct range *range = range_at(at);
		struct state *state;

		if (range == NULL || !range->watched)
			return -ENOENT;
		state = state_at(range, at);
		if (range->memory == NULL &&
		    (state->flags & PAGE_PRESENT) == 0)
			continue;
		state->flags = (uint8_t)(on ? state->flags | PAGE_PROTECTED :
		    state->flags & ~PAGE_PROTECTED);
		apply(range, at);
	}
	return 0;
}

/* ---- the program's signal ------------------------------------------------ */

struct trap {
	siginfo_t info;
	bool refused;		/* the program's own handler was called */
};

static void
program_handler(int number, siginfo_t *info, void *context)
{
	(void)context;
	SIM_CHECK(number == SIGBUS);
	VM_CONTAINER(info, struct trap, info)->refused = true;
}

int
machine_on_sigbus(vm_os_handler *next, struct sigaction *old)
{
	vm_os_handler *before = handler == NULL ? program_handler : handler;

	sim_point();
	memset(old, 0, sizeof(*old));
	old->sa_flags = (int)(SA_SIGINFO | SA_NODEFER);
	old->sa_sigaction = before;
	if (next == NULL)
		return 0;
	if (before == next)
		return 1;
	handler = next;
	return 0;
}

int
machine_sigbus_default(bool again)
{
	(void)again;
	sim_fail("the program would end with SIGBUS");
}

int
machine_after_fork(void (*child)(void))
{
	after_fork = child;
	return 0;
}

/* As the kernel tells a handler what the access was. */
static void
say_access(ucontext_t *context, bool write)
{
	memset(context, 0, sizeof(*context));
#if defined(__x86_64__)
	context->uc_mcontext.gregs[REG_ERR] = write ? 2 : 0;
#elif defined(__aarch64__)
	struct esr_context *esr = (void *)context->uc_mcontext.__reserved;

	esr->head.magic = ESR_MAGIC;
	esr->head.size = sizeof(*esr);
	esr->esr = write ? 1u << 6 : 0;
#else
	(void)write;
#endif
}

/* false: the program's own handler was called. */
static bool
resolve(const struct touch *touch)
{
	struct trap trap = { .info = { .si_code = BUS_ADRERR } };
	ucontext_t context;

	trap.info.si_signo = SIGBUS;
	trap.info.si_addr = memory_at(touch->address);
	say_access(&context, touch->write);
	SIM_CHECK(handler != NULL);
	handler(SIGBUS, &trap.info, &context);
	return !trap.refused;
}

/* ---- touches ------------------------------------------------------------- */

enum meets { MEETS_MEMORY, MEETS_SEGV, MEETS_TRAP };

static enum meets
meets(const struct touch *touch, char **memory)
{
	struct range *range = range_at(touch->address);
	unsigned right = touch->write ? VM_OS_WRITE : VM_OS_READ;
	struct state *state;
	static const char zeros[PAGE];
	uint64_t at;

	if (range == NULL)
		return MEETS_SEGV;
	state = state_at(range, touch->address);
	if ((state->prot & right) == 0)
		return MEETS_SEGV;
	if (touch->write && (state->flags & PAGE_PROTECTED) != 0)
		return MEETS_TRAP;
	*memory = memory_at(touch->address);
	if (range->memory == NULL)
		return (state->flags & PAGE_PRESENT) != 0 ? MEETS_MEMORY :
		    MEETS_TRAP;
	at = range->first + (touch->address - range->address) / PAGE;
	if (at * PAGE >= range->memory->bytes ||
	    (range->watched && !range->memory->present[at]))
		return MEETS_TRAP;
	if (!range->memory->present[at])	/* a page of zeros comes */
		memory_write(range->memory, at * PAGE, zeros, PAGE);
	*memory = range->memory->now + at * PAGE + touch->address % PAGE;
	return MEETS_MEMORY;
}

enum touched
window_touch(const struct touch *touch)
{
	char *memory;

	for (;;) {
		sim_point();
		switch (meets(touch, &memory)) {
		case MEETS_MEMORY:
			touch->access(touch->arg, memory);
			return TOUCHED;
		case MEETS_SEGV:
			return TOUCH_SEGV;
		case MEETS_TRAP:
			if (!resolve(touch))
				return TOUCH_BUS;
			break;
		}
	}
}
