/* SPDX-License-Identifier: BSD-2-Clause */
/* pager/filter.c - what filters select and do; filter.h has the theory. */
#include "pager/filter.h"

#include <errno.h>
#include <stdio.h>

#include "base/assert.h"
#include "base/error.h"
#include "base/hash.h"
#include "object/vm.h"
#include "os/os.h"
#include "pager/filtered.h"
#include "pager/timer.h"

/* 10^9: rates are read with nine decimals. */
#define WHOLE UINT64_C(1000000000)

/* 160 bytes: seven numbers of 20 digits at most and two words. */
#define LINE_BYTES 160

/* -- which requests -------------------------------------------------------- */

enum vm_filter_op
vm_filter_op_of(const struct vm_pager_io *io)
{
	return io->op == VM_PAGER_IN ? VM_FILTER_READ : VM_FILTER_WRITE;
}

static bool
concerns(const struct vm_filter *f, enum vm_filter_op op, vm_pindex_t pindex,
    unsigned count)
{
	if ((f->ops & 1u << op) == 0)
		return false;
	if (op == VM_FILTER_SYNC) {
		/* It is for all pages, so for no range of them. */
		if (f->first != 0 || f->end != UINT64_MAX)
			return false;
	} else if (pindex >= f->end ||
	    (f->first > pindex && f->first - pindex >= count)) {
		return false;
	}
	return f->trigger == NULL || f->vm->os->exists(f->trigger) > 0;
}

/* Whether it is its turn, of those that are concerned. */
static bool
is_drawn(struct vm_filter *f)
{
	/* Relaxed: a number for each, in no order with anything else. */
	uint64_t n = atomic_fetch_add_explicit(&f->seen, 1,
	    memory_order_relaxed) + 1;

	if (f->nth != 0 && n % f->nth != 0)
		return false;
	return f->rate >= WHOLE || vm_hash_pair(f->seed, n) % WHOLE < f->rate;
}

static void
acts(struct vm_filter *f)
{
	atomic_fetch_add_explicit(&f->acted, 1, memory_order_relaxed);
}

bool
vm_filter_selects(struct vm_filter *f, enum vm_filter_op op,
    vm_pindex_t pindex, unsigned count)
{
	uint64_t acted;

	if (!concerns(f, op, pindex, count) || !is_drawn(f))
		return false;
	acted = atomic_load_explicit(&f->acted, memory_order_relaxed);
	do {
		if (f->count != 0 && acted >= f->count)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(&f->acted, &acted,
	    acted + 1, memory_order_relaxed, memory_order_relaxed));
	return true;
}

static bool
selects_io(struct vm_filter *f, const struct vm_pager_io *io)
{
	return vm_filter_selects(f, vm_filter_op_of(io), io->pindex,
	    io->count);
}

/* -- error ----------------------------------------------------------------- */

static const char *const op_names[VM_FILTER_OPS] = {
	[VM_FILTER_READ] = "read",
	[VM_FILTER_WRITE] = "write",
	[VM_FILTER_SYNC] = "sync",
};

static enum vm_filter_verdict
error_before(struct vm_filter *f, struct vm_pager_io *io)
{
	if (!selects_io(f, io))
		return VM_FILTER_GO;
	(void)vm_error(f->error, "filter \"error\": %s of page %llu: %s",
	    op_names[vm_filter_op_of(io)], (unsigned long long)io->pindex,
	    vm_errno_text(f->error));
	io->filled = 0;
	io->result = f->error == EAGAIN ? VM_PAGER_AGAIN : VM_PAGER_FAILED;
	io->error = f->error == EAGAIN ? 0 : f->error;
	return VM_FILTER_END;
}

static int
error_sync_before(struct vm_filter *f)
{
	if (!vm_filter_selects(f, VM_FILTER_SYNC, 0, 0))
		return 0;
	return vm_error(f->error, "filter \"error\": sync: %s",
	    vm_errno_text(f->error));
}

static const struct vm_filter_kind error_kind = {
	.name = "error",
	.keys = "op range nth rate seed count trigger errno",
	.before = error_before,
	.sync_before = error_sync_before,
};

/* -- delay ----------------------------------------------------------------- */

static enum vm_filter_verdict
delay_before(struct vm_filter *f, struct vm_pager_io *io)
{
	return selects_io(f, io) && vm_filtered_postpone(io, f->ns) ?
	    VM_FILTER_LATER : VM_FILTER_GO;
}

static int
delay_sync_before(struct vm_filter *f)
{
	if (vm_filter_selects(f, VM_FILTER_SYNC, 0, 0))
		vm_timer_sleep(f->timer, f->ns);
	return 0;
}

static const struct vm_filter_kind delay_kind = {
	.name = "delay",
	.keys = "op range nth rate seed count trigger ns",
	.before = delay_before,
	.sync_before = delay_sync_before,
};

/* -- log ------------------------------------------------------------------- */

/* "1234567 read 17 32 ok": ns of the clock, operation, first page, pages. */
static void
write_line(struct vm_filter *f, const char *op, const struct vm_pager_io *io,
    const char *result)
{
	const struct vm_os *os = f->vm->os;
	char line[LINE_BYTES];
	int n = snprintf(line, sizeof(line), "%llu %s %llu %u %s\n",
	    (unsigned long long)os->clock_ns(), op,
	    (unsigned long long)(io == NULL ? 0 : io->pindex),
	    io == NULL ? 0 : io->count, result);

	/* One write, so that lines of several threads stay whole.  A log that
	 * cannot be written is no reason to fail what it is about. */
	(void)os->pwrite(f->fd, line, (size_t)n, 0);
}

static const char *
result_text(const struct vm_pager_io *io)
{
	switch (io->result) {
	case VM_PAGER_OK:
		return "ok";
	case VM_PAGER_ABSENT:
		return "absent";
	case VM_PAGER_RANGE:
		return "range";
	case VM_PAGER_PENDING:
		return "pending";
	case VM_PAGER_AGAIN:
		return "again";
	case VM_PAGER_FAILED:
		break;
	}
	return vm_errno_text(io->error);
}

static enum vm_filter_verdict
log_after(struct vm_filter *f, struct vm_pager_io *io)
{
	if (selects_io(f, io))
		write_line(f, op_names[vm_filter_op_of(io)], io,
		    result_text(io));
	return VM_FILTER_GO;
}

static int
log_sync_after(struct vm_filter *f, int result, unsigned turn, bool *again)
{
	(void)turn;
	*again = false;
	if (vm_filter_selects(f, VM_FILTER_SYNC, 0, 0))
		write_line(f, op_names[VM_FILTER_SYNC], NULL, result == 0 ?
		    "ok" : vm_errno_text(-result));
	return result;
}

static const struct vm_filter_kind log_kind = {
	.name = "log",
	.keys = "op range nth rate seed count trigger file",
	.after = log_after,
	.sync_after = log_sync_after,
};

/* -- stats ----------------------------------------------------------------- */

static const struct vm_filter_kind stats_kind = {
	.name = "stats",
	.keys = "",
};

/* -- retry ----------------------------------------------------------------- */

/* Errors that may be gone the next time. */
static bool
passes(int error)
{
	return error == EIO || error == EAGAIN || error == ETIMEDOUT;
}

static bool
has_failed(const struct vm_pager_io *io)
{
	return io->result == VM_PAGER_AGAIN ||
	    (io->result == VM_PAGER_FAILED && passes(io->error));
}

static enum vm_filter_verdict
retry_after(struct vm_filter *f, struct vm_pager_io *io)
{
	uint8_t *tries = &io->passing.tries[f->number];

	if (!has_failed(io) || *tries >= f->count ||
	    !concerns(f, vm_filter_op_of(io), io->pindex, io->count))
		return VM_FILTER_GO;
	++*tries;
	acts(f);
	return f->ns != 0 && vm_filtered_postpone(io, f->ns) ? VM_FILTER_LATER :
	    VM_FILTER_AGAIN;
}

static int
retry_sync_after(struct vm_filter *f, int result, unsigned turn, bool *again)
{
	*again = result < 0 && passes(-result) && turn < f->count &&
	    concerns(f, VM_FILTER_SYNC, 0, 0);
	if (*again) {
		acts(f);
		if (f->ns != 0)
			vm_timer_sleep(f->timer, f->ns);
	}
	return result;
}

static const struct vm_filter_kind retry_kind = {
	.name = "retry",
	.keys = "op range trigger count ns",
	.after = retry_after,
	.sync_after = retry_sync_after,
};

const struct vm_filter_kind *const vm_filter_kinds[] = {
	&error_kind, &delay_kind, &log_kind, &stats_kind, &retry_kind, NULL,
};

/* -- what they need -------------------------------------------------------- */

int
vm_filter_open(struct vm_filter *f)
{
	const struct vm_os *os = f->vm->os;

	if (f->kind == &delay_kind && f->ns == 0)
		return vm_error(EINVAL, "filter \"delay\": needs ns=NUMBER");
	if (f->kind == &log_kind && f->file == NULL)
		return vm_error(EINVAL, "filter \"log\": needs file=PATH");
	if (f->kind == &retry_kind && f->count > VM_FILTER_TRIES_MAX)
		return vm_error(EINVAL, "filter \"retry\": count is above %d",
		    VM_FILTER_TRIES_MAX);
	if (f->kind == &retry_kind && f->count == 0)
		f->count = VM_FILTER_TRIES;
	if (f->file != NULL) {
		f->fd = os->open_append(f->file);
		if (f->fd < 0)
			return vm_error(-f->fd, "filter \"log\": %.200s: %s",
			    f->file, vm_errno_text(-f->fd));
	}
	return f->ns == 0 ? 0 : vm_filtered_timer(f->vm, &f->timer);
}

void
vm_filter_free(struct vm_filter *f)
{
	const struct vm_os *os = f->vm->os;

	if (f->fd >= 0)
		os->close(f->fd);
	os->free(f->trigger);
	os->free(f->file);
	os->free(f);
}
