/* SPDX-License-Identifier: BSD-2-Clause */
/* limit/account.c - account.h has the theory. */
#include "limit/account.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "base/assert.h"
#include "base/error.h"
#include "limit/limit.h"
#include "os/os.h"

static int
check_request(const struct vm_limit *limit,
    const struct vm_account_request *request)
{
	const struct vm_account *parent = request->parent;

	if (request->name != NULL &&
	    strnlen(request->name, VM_ACCOUNT_NAME_BYTES) ==
	    VM_ACCOUNT_NAME_BYTES)
		return vm_error(ENAMETOOLONG, "account: a name has at most %u "
		    "characters", VM_ACCOUNT_NAME_BYTES - 1);
	if (parent != NULL && parent->limit != limit)
		return vm_error(EINVAL, "account: the parent \"%s\" is of "
		    "another system", parent->name);
	if (parent != NULL && parent->depth + 1 >= VM_ACCOUNT_DEPTH)
		return vm_error(ELOOP, "account: more than %u above each "
		    "other", VM_ACCOUNT_DEPTH);
	return 0;
}

int
vm_account_new(struct vm_limit *limit,
    const struct vm_account_request *request, struct vm_account **out)
{
	struct vm_account *account;
	int error = check_request(limit, request);

	if (error != 0)
		return error;
	account = limit->frames->os->alloc(sizeof(*account));
	if (account == NULL)
		return vm_error(ENOMEM, "account: no memory");
	account->limit = limit;
	account->parent = request->parent;
	if (request->name != NULL)
		memcpy(account->name, request->name, strlen(request->name));
	for (unsigned i = 0; i < VM_CHARGE_KINDS; i++)
		account->max[i] = request->max[i] == 0 ? UINT64_MAX :
		    request->max[i];
	if (account->parent != NULL) {
		account->depth = account->parent->depth + 1;
		atomic_fetch_add(&account->parent->children, 1);
	}
	atomic_fetch_add(&limit->accounts, 1);
	*out = account;
	return 0;
}

int
vm_account_free(struct vm_account *account)
{
	uint64_t wired = atomic_load(&account->used[VM_CHARGE_WIRED]);
	uint64_t bytes = atomic_load(&account->used[VM_CHARGE_BYTES]);
	uint32_t children = atomic_load(&account->children);
	struct vm_limit *limit = account->limit;

	if (wired != 0 || bytes != 0 || children != 0)
		return vm_error(EBUSY, "account \"%s\": %" PRIu64 " wired "
		    "pages and %" PRIu64 " bytes are charged, %" PRIu32
		    " accounts are below it", account->name, wired, bytes,
		    children);
	if (account->parent != NULL)
		atomic_fetch_sub(&account->parent->children, 1);
	atomic_fetch_sub(&limit->accounts, 1);
	limit->frames->os->free(account);
	return 0;
}

/* used <= max always, so that max - used does not wrap. */
static bool
charge_one(struct vm_account *account, enum vm_charge kind, uint64_t count)
{
	uint64_t used = atomic_load(&account->used[kind]);

	do {
		if (count > account->max[kind] - used)
			return false;
	} while (!atomic_compare_exchange_weak(&account->used[kind], &used,
	    used + count));
	return true;
}

static void
uncharge_one(struct vm_account *account, enum vm_charge kind, uint64_t count)
{
	uint64_t used = atomic_fetch_sub(&account->used[kind], count);

	vm_assert(used >= count);
}

static int
refuse(struct vm_account *account, enum vm_charge kind, uint64_t count)
{
	const char *what = kind == VM_CHARGE_WIRED ? "wired pages" : "bytes";

	atomic_fetch_add_explicit(&account->refused, 1, memory_order_relaxed);
	return vm_error(ENOMEM, "account \"%s\": %" PRIu64 " %s more than %"
	    PRIu64 " would exceed its maximum of %" PRIu64, account->name,
	    count, what, atomic_load(&account->used[kind]),
	    account->max[kind]);
}

int
vm_account_charge(struct vm_account *account, enum vm_charge kind,
    uint64_t count)
{
	struct vm_account *at = account;

	for (; at != NULL; at = at->parent) {
		if (charge_one(at, kind, count))
			continue;
		for (; account != at; account = account->parent)
			uncharge_one(account, kind, count);
		return refuse(at, kind, count);
	}
	return 0;
}

void
vm_account_uncharge(struct vm_account *account, enum vm_charge kind,
    uint64_t count)
{
	for (; account != NULL; account = account->parent)
		uncharge_one(account, kind, count);
}
