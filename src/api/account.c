/* SPDX-License-Identifier: BSD-2-Clause */
/* api/account.c - accounts and shrinkers: resident/limit.h. */
#include <errno.h>
#include <resident/limit.h>
#include <string.h>

#include "base/error.h"
#include "limit/account.h"
#include "limit/shrink.h"
#include "object/vm.h"

_Static_assert(sizeof(((struct vm_account_stat *)0)->name) ==
    VM_ACCOUNT_NAME_BYTES, "a name fits");

VM_EXPORT int
vm_account_create(struct vm *vm, const struct vm_account_options *o,
    struct vm_account **out)
{
	struct vm_account_request request;

	if (o == NULL || o->size_bytes != sizeof(*o) || out == NULL)
		return vm_error(EINVAL, "account: options without "
		    "VM_ACCOUNT_INIT, or nowhere to put it");
	request = (struct vm_account_request){ .name = o->name,
		.parent = o->parent };
	request.max[VM_CHARGE_WIRED] = o->wired_max;
	request.max[VM_CHARGE_BYTES] = o->bytes_max;
	return vm_account_new(&vm->limit, &request, out);
}

VM_EXPORT int
vm_account_destroy(struct vm_account *account)
{
	return account == NULL ? 0 : vm_account_free(account);
}

VM_EXPORT void
vm_account_stat(const struct vm_account *account, struct vm_account_stat *out)
{
	*out = (struct vm_account_stat){
		.wired_pages = atomic_load(&account->used[VM_CHARGE_WIRED]),
		.wired_max = account->max[VM_CHARGE_WIRED],
		.bytes = atomic_load(&account->used[VM_CHARGE_BYTES]),
		.bytes_max = account->max[VM_CHARGE_BYTES],
		.refused = atomic_load(&account->refused),
		.children = atomic_load(&account->children),
	};
	memcpy(out->name, account->name, sizeof(out->name));
}

VM_EXPORT int
vm_account_take(struct vm_account *account, uint64_t bytes)
{
	return vm_account_charge(account, VM_CHARGE_BYTES, bytes);
}

VM_EXPORT void
vm_account_give(struct vm_account *account, uint64_t bytes)
{
	vm_account_uncharge(account, VM_CHARGE_BYTES, bytes);
}

VM_EXPORT int
vm_shrinker_add(struct vm *vm, const struct vm_shrinker *shrinker)
{
	struct vm_shrink what;

	if (shrinker == NULL || shrinker->count == NULL ||
	    shrinker->scan == NULL)
		return vm_error(EINVAL, "shrinker: without count or scan");
	what = (struct vm_shrink){ .key = shrinker,
		.priority = shrinker->priority, .count = shrinker->count,
		.scan = shrinker->scan, .arg = shrinker->arg };
	return vm_shrink_add(&vm->limit, &what);
}

VM_EXPORT int
vm_shrinker_remove(struct vm *vm, const struct vm_shrinker *shrinker)
{
	return vm_shrink_remove(&vm->limit, shrinker);
}
