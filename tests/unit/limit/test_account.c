/* SPDX-License-Identifier: BSD-2-Clause */
/* Accounts: maxima, parents, all or nothing. */
#include "limit/account.h"

#include "limit_fixture.h"

static struct vm_account *
new_account(struct fixture *x, const char *name, uint64_t wired_max,
    struct vm_account *parent)
{
	struct vm_account_request request = { .name = name,
		.max = { wired_max, 0 }, .parent = parent };
	struct vm_account *account;

	CHECK_INT(vm_account_new(&x->limit, &request, &account), 0);
	return account;
}

TEST(an_account_is_charged_up_to_its_maximum_and_no_further)
{
	struct fixture x;
	struct vm_account *a;

	setup(&x);
	a = new_account(&x, "a", 10, NULL);
	CHECK_INT(vm_account_charge(a, VM_CHARGE_WIRED, 9), 0);
	CHECK_INT(vm_account_charge(a, VM_CHARGE_WIRED, 2), -ENOMEM);
	CHECK_STR(vm_error_text(), "account \"a\": 2 wired pages more than 9 "
	    "would exceed its maximum of 10");
	CHECK_INT(a->refused, 1);
	CHECK_INT(vm_account_charge(a, VM_CHARGE_WIRED, 1), 0);
	CHECK_INT(a->used[VM_CHARGE_WIRED], 10);
	CHECK_INT(vm_account_charge(a, VM_CHARGE_WIRED, UINT64_MAX), -ENOMEM);
	vm_account_uncharge(a, VM_CHARGE_WIRED, 10);
	CHECK_INT(vm_account_free(a), 0);
	teardown(&x);
}

TEST(no_maximum_is_only_the_end_of_the_number)
{
	struct fixture x;
	struct vm_account *a;

	setup(&x);
	a = new_account(&x, NULL, 0, NULL);
	CHECK_STR(a->name, "");
	CHECK_INT(vm_account_charge(a, VM_CHARGE_BYTES, UINT64_MAX), 0);
	CHECK_INT(vm_account_charge(a, VM_CHARGE_BYTES, 1), -ENOMEM);
	CHECK_INT(vm_account_charge(a, VM_CHARGE_WIRED, 1), 0);
	vm_account_uncharge(a, VM_CHARGE_BYTES, UINT64_MAX);
	vm_account_uncharge(a, VM_CHARGE_WIRED, 1);
	CHECK_INT(vm_account_free(a), 0);
	teardown(&x);
}

TEST(a_charge_is_in_all_parents_or_in_none)
{
	struct fixture x;
	struct vm_account *top, *mid, *a, *b;

	setup(&x);
	top = new_account(&x, "top", 10, NULL);
	mid = new_account(&x, "mid", 0, top);
	a = new_account(&x, "a", 8, mid);
	b = new_account(&x, "b", 8, mid);
	CHECK_INT(vm_account_charge(a, VM_CHARGE_WIRED, 8), 0);
	CHECK_INT(vm_account_charge(b, VM_CHARGE_WIRED, 3), -ENOMEM);
	CHECK(strstr(vm_error_text(), "\"top\"") != NULL);
	CHECK_INT(b->used[VM_CHARGE_WIRED], 0);
	CHECK_INT(mid->used[VM_CHARGE_WIRED], 8);
	CHECK_INT(top->used[VM_CHARGE_WIRED], 8);
	CHECK_INT(top->refused, 1);
	CHECK_INT(vm_account_charge(b, VM_CHARGE_WIRED, 2), 0);
	CHECK_INT(top->used[VM_CHARGE_WIRED], 10);
	vm_account_uncharge(a, VM_CHARGE_WIRED, 8);
	vm_account_uncharge(b, VM_CHARGE_WIRED, 2);
	CHECK_INT(top->used[VM_CHARGE_WIRED], 0);
	CHECK_INT(vm_account_free(a) | vm_account_free(b), 0);
	CHECK_INT(vm_account_free(mid) | vm_account_free(top), 0);
	teardown(&x);
}

TEST(an_account_in_use_is_not_destroyed)
{
	struct fixture x;
	struct vm_account *top, *a;

	setup(&x);
	top = new_account(&x, "top", 0, NULL);
	a = new_account(&x, "a", 0, top);
	CHECK_INT(x.limit.accounts, 2);
	CHECK_INT(vm_account_free(top), -EBUSY);
	CHECK_INT(vm_account_charge(a, VM_CHARGE_BYTES, 1), 0);
	CHECK_INT(vm_account_free(a), -EBUSY);
	CHECK_STR(vm_error_text(), "account \"a\": 0 wired pages and 1 bytes "
	    "are charged, 0 accounts are below it");
	vm_account_uncharge(a, VM_CHARGE_BYTES, 1);
	CHECK_INT(vm_account_free(a), 0);
	CHECK_INT(vm_account_free(top), 0);
	CHECK_INT(x.limit.accounts, 0);
	teardown(&x);
}

TEST(what_cannot_be_an_account_is_refused)
{
	struct fixture x, y;
	struct vm_account *chain[VM_ACCOUNT_DEPTH], *none = NULL;
	struct vm_account_request request = {
		.name = "12345678901234567890123456789012" };

	setup(&x);
	setup(&y);
	CHECK_INT(vm_account_new(&x.limit, &request, &none), -ENAMETOOLONG);
	chain[0] = new_account(&x, "1234567890123456789012345678901", 0, NULL);
	request = (struct vm_account_request){ .parent = chain[0] };
	CHECK_INT(vm_account_new(&y.limit, &request, &none), -EINVAL);
	for (unsigned i = 1; i < VM_ACCOUNT_DEPTH; i++)
		chain[i] = new_account(&x, "", 0, chain[i - 1]);
	request.parent = chain[VM_ACCOUNT_DEPTH - 1];
	CHECK_INT(vm_account_new(&x.limit, &request, &none), -ELOOP);
	CHECK(none == NULL);
	for (unsigned i = VM_ACCOUNT_DEPTH; i-- > 0;)
		CHECK_INT(vm_account_free(chain[i]), 0);
	teardown(&x);
	teardown(&y);
}

static void *
alloc_nothing(size_t bytes)
{
	(void)bytes;
	return NULL;
}

TEST(without_memory_there_is_no_account)
{
	struct fixture x;
	struct vm_account_request request = { .name = "a" };
	struct vm_account *account;

	setup(&x);
	x.os.alloc = alloc_nothing;
	CHECK_INT(vm_account_new(&x.limit, &request, &account), -ENOMEM);
	CHECK_INT(x.limit.accounts, 0);
	teardown(&x);
}

TEST(no_account_is_charged_without_end)
{
	CHECK_INT(vm_account_charge(NULL, VM_CHARGE_WIRED, UINT64_MAX), 0);
	vm_account_uncharge(NULL, VM_CHARGE_WIRED, UINT64_MAX);
}

TEST(giving_back_more_than_was_charged_dies)
{
	struct fixture x;
	struct vm_account *a;

	setup(&x);
	a = new_account(&x, "a", 0, NULL);
	CHECK_INT(vm_account_charge(a, VM_CHARGE_WIRED, 1), 0);
	CHECK_DIES(vm_account_uncharge(a, VM_CHARGE_WIRED, 2));
	CHECK_DIES(vm_account_uncharge(a, VM_CHARGE_BYTES, 1));
	vm_account_uncharge(a, VM_CHARGE_WIRED, 1);
	CHECK_INT(vm_account_free(a), 0);
	teardown(&x);
}

enum { CHARGERS = 4, CHARGES = 20000, TOGETHER = 3 };

static void *
charge_and_uncharge(void *arg)
{
	struct vm_account *account = arg;

	for (int i = 0; i < CHARGES; i++) {
		if (vm_account_charge(account, VM_CHARGE_WIRED, 1) != 0)
			continue;
		CHECK(atomic_load(&account->used[VM_CHARGE_WIRED]) <=
		    TOGETHER);
		vm_account_uncharge(account, VM_CHARGE_WIRED, 1);
	}
	return NULL;
}

TEST(those_who_race_never_exceed_the_maximum)
{
	struct fixture x;
	struct vm_account *a;
	pthread_t thread[CHARGERS];

	setup(&x);
	a = new_account(&x, "a", TOGETHER, NULL);
	for (int i = 0; i < CHARGERS; i++)
		CHECK(pthread_create(&thread[i], NULL, charge_and_uncharge,
		    a) == 0);
	for (int i = 0; i < CHARGERS; i++)
		CHECK(pthread_join(thread[i], NULL) == 0);
	CHECK_INT(a->used[VM_CHARGE_WIRED], 0);
	CHECK_INT(vm_account_free(a), 0);
	teardown(&x);
}
