/* SPDX-License-Identifier: BSD-2-Clause */
/* ops_limit.c - how much memory there is, and frames without an identity. */
#include <errno.h>
#include <string.h>

#include "op.h"

/* 0.1 ms: long enough for a daemon that has something to free. */
#define SHORT_NS UINT64_C(100000)

static void
wait_a_little(struct world *w, struct thing *t)
{
	uint64_t active, inactive;
	int error = vm_wait(w->vm, SHORT_NS, pick(w, 2) ? VM_WAIT_AS_FAULT :
	    0);

	(void)t;
	MUST(w, error == 0 || error == -ETIMEDOUT || error == -ENOMEM);
	vm_kick(w->vm);
	vm_estimate(w->vm, &active, &inactive);
	MUST(w, active + inactive <= LIMIT_PAGES);
	MUST(w, vm_available(w->vm, 0) <= LIMIT_PAGES);
}

/* Never below three quarters: a quarter may be wired. */
static void
change_limit(struct world *w, struct thing *t)
{
	uint64_t pages = LIMIT_PAGES - pick(w, LIMIT_PAGES / 4), above;

	(void)t;
	MUST(w, vm_set_limit(w->vm, (pages + w->tier_pages) * PAGE,
	    &above) == 0);
	MUST(w, above <= LIMIT_PAGES);
}

static void
change_policy(struct world *w, struct thing *t)
{
	const char *const *names = vm_policy_names();
	unsigned n = 0;

	(void)t;
	while (names[n] != NULL)
		n++;
	n = (unsigned)pick(w, n);
	MUST(w, vm_set_policy(w->vm, names[n]) == 0);
	MUST(w, vm_policy_name(w->vm) == names[n]);
	MUST(w, vm_set_policy(w->vm, "none") == -EINVAL);
}

/* From now on, or no more: pages come to be clean by themselves. */
static void
change_cleaning(struct world *w, struct thing *t)
{
	struct vm_cleaning how = VM_CLEANING_INIT, got = VM_CLEANING_INIT;

	(void)t;
	how.flags = pick(w, 2) ? VM_CLEANING_OFF : 0;
	how.age_ms = 2 + (uint32_t)pick(w, 20);
	how.share_percent = 1 + (uint32_t)pick(w, 100);
	MUST(w, vm_set_cleaning(w->vm, &how) == 0);
	MUST(w, vm_get_cleaning(w->vm, &got) == 0);
	MUST(w, got.flags == how.flags);
	how.share_percent = 101;
	MUST(w, vm_set_cleaning(w->vm, &how) == -EINVAL);
}

/* Of several policies no more than four at once. */
static void
choose_policy(struct world *w, struct thing *t)
{
	const char *const *names = vm_policy_names();
	struct vm_partition part = VM_PARTITION_INIT;
	unsigned n = 0;
	int error;

	while (names[n] != NULL)
		n++;
	n = (unsigned)pick(w, n + 1);
	error = vm_object_set_policy(t->object, names[n]);
	MUST(w, error == 0 || (error == -ENOSPC && names[n] != NULL));
	if (error == 0)
		MUST(w, strcmp(vm_object_policy(t->object), names[n] == NULL ?
		    vm_policy_name(w->vm) : names[n]) == 0);
	MUST(w, vm_partition_stat(w->vm, 0, &part) == 0);
	MUST(w, part.share_pages > 0);
}

static void
charge(struct world *w, struct thing *t)
{
	struct vm_account_options o = VM_ACCOUNT_INIT;
	struct vm_account_stat stat;
	struct vm_account *account;
	struct vm_page *page;

	o.name = "one";
	o.wired_max = 1;
	MUST(w, vm_account_create(w->vm, &o, &account) == 0);
	MUST(w, vm_page_grab(t->object, some_page(w, t), VM_GRAB_READ,
	    &page) == 0);
	if (vm_page_wire(page, account) == 0) {
		vm_account_stat(account, &stat);
		MUST(w, stat.wired_pages <= 1);
		MUST(w, vm_page_unwire(page, account, VM_TO_ACTIVE) >= 0);
	}
	vm_page_release(page);
	MUST(w, vm_account_destroy(account) == 0);
}

/* Neighbours without an identity. */
static void
take_run(struct world *w, struct thing *t)
{
	struct vm_frame_request request = VM_FRAME_REQUEST_INIT;
	struct vm_frame_run run;
	int error;

	(void)t;
	request.count = 1 + (uint32_t)pick(w, 4);
	request.flags = pick(w, 2) ? VM_ALLOC_ZERO : 0;
	error = vm_frame_alloc(w->vm, &request, &run);
	MUST(w, error == 0 || error == -ENOMEM);
	if (error != 0)
		return;
	MUST(w, run.count == request.count);
	for (uint32_t i = 0; i < run.count; i++) {
		struct vm_page *page = vm_frame_at(&run, i);
		char *bytes = vm_frame_address(page);

		MUST(w, bytes == (char *)vm_frame_address(run.first) +
		    i * PAGE);
		MUST(w, vm_frame_page(w->vm, bytes + 17) == page);
		MUST(w, (request.flags & VM_ALLOC_ZERO) == 0 ||
		    (bytes[0] == 0 && memcmp(bytes, bytes + 1, PAGE - 1) ==
		    0));
		memset(bytes, 0x5a, PAGE);
	}
	vm_frame_free(w->vm, &run);
}

const struct op ops_limit[] = {
	{ "wait a little", wait_a_little, 1, true },
	{ "change the limit", change_limit, 1, true },
	{ "change the policy", change_policy, 1, true },
	{ "change the cleaning", change_cleaning, 1, true },
	{ "choose a policy", choose_policy, 2, false },
	{ "charge", charge, 1, false },
	{ "take a run", take_run, 4, true },
	{ NULL, NULL, 0, false },
};
