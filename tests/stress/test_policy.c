/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Policies, limits and advice change while pages come and go.
 *
 * All words of a page say which page it is, and in the object whose bytes are
 * waived now and then they may all be zeros.
 */
#include <pthread.h>

#include "audit.h"
#include "base/rng.h"
#include "object/quota.h"
#include "one_object.h"

enum { USERS = 2, USES = 6000, PAGES = 150, WORDS = PAGE / 8 };

static struct vm_object *waived;
static atomic_bool over;

static void
check_page(struct vm_object *of, uint64_t pindex, const uint64_t *words)
{
	uint64_t first = words[0];

	CHECK(first == pindex + 1 || (of == waived && first == 0));
	for (unsigned i = 1; i < WORDS; i++)
		CHECK(words[i] == first);
}

static void
write_page(struct vm_object *to, uint64_t pindex)
{
	struct vm_page *page;
	uint64_t *words;

	CHECK_INT(vm_page_grab(to, pindex, VM_GRAB_WRITE |
	    VM_GRAB_OVERWRITE, &page), 0);
	words = vm_page_data(page);
	for (unsigned i = 0; i < WORDS; i++)
		words[i] = pindex + 1;
	vm_page_dirty(page, 0, PAGE);
	vm_page_release(page);
}

static void
read_page(struct vm_object *of, uint64_t pindex)
{
	struct vm_page *page;

	CHECK_INT(vm_page_grab(of, pindex, VM_GRAB_READ, &page), 0);
	check_page(of, pindex, vm_page_data(page));
	vm_page_release(page);
}

static void *
use(void *arg)
{
	struct vm_rng rng = { .state = (uintptr_t)arg };

	for (unsigned i = 0; i < USES; i++) {
		struct vm_object *one = vm_rng_below(&rng, 2) == 0 ? object :
		    waived;
		uint64_t at = vm_rng_below(&rng, PAGES);

		if (vm_rng_below(&rng, 3) == 0)
			write_page(one, at);
		else
			read_page(one, at);
	}
	return NULL;
}

static void
change_limits(struct vm_rng *rng, struct vm_object *one)
{
	struct vm_object_limits limits = VM_OBJECT_LIMITS_INIT;

	limits.min_pages = vm_rng_below(rng, 8);
	limits.low_pages = limits.min_pages + vm_rng_below(rng, 24);
	limits.high_pages = vm_rng_below(rng, 2) * (limits.low_pages + 8);
	CHECK_INT(vm_object_set_limits(one, &limits), 0);
}

static void
advise(struct vm_rng *rng, struct vm_object *one)
{
	static const enum vm_advice all[] = { VM_ADVICE_WILLNEED,
		VM_ADVICE_COLD, VM_ADVICE_DONTNEED, VM_ADVICE_PAGEOUT,
		VM_ADVICE_CYCLIC, VM_ADVICE_RANDOM };
	uint64_t at = vm_rng_below(rng, PAGES) * PAGE;

	CHECK_INT(vm_object_advise_range(one, at, 20 * PAGE,
	    all[vm_rng_below(rng, VM_COUNT(all))]), 0);
	CHECK_INT(vm_object_advise_range(waived, at, 20 * PAGE,
	    VM_ADVICE_VOLATILE), 0);
}

/* Up to three others at once, and now and then none. */
static void
choose(struct vm_rng *rng, struct vm_object *one)
{
	static const char *const all[] = { NULL, "alirs", "lirs", "clock2" };
	int error = vm_object_set_policy(one, all[vm_rng_below(rng,
	    VM_COUNT(all))]);

	CHECK(error == 0 || error == -ENOSPC);
}

static void *
change(void *arg)
{
	struct vm_rng rng = { .state = 99 };
	unsigned n = 0;

	(void)arg;
	while (vm_policies[n] != NULL)
		n++;
	while (!atomic_load(&over)) {
		struct vm_object *one = vm_rng_below(&rng, 2) == 0 ? object :
		    waived;

		CHECK_INT(vm_set_policy(vm, vm_policies[vm_rng_below(&rng,
		    n)]->name), 0);
		choose(&rng, one);
		change_limits(&rng, one);
		advise(&rng, one);
		vm->os->yield();
	}
	return NULL;
}

static void
make(struct vm_object **out)
{
	CHECK_INT(vm_object_create_anon(vm, PAGES * PAGE, 0, out), 0);
	for (uint64_t i = 0; i < PAGES; i++)
		write_page(*out, i);
}

TEST(pages_are_right_while_all_that_decides_on_them_changes)
{
	pthread_t user[USERS], changer;

	core_create(0);
	make(&object);
	make(&waived);
	CHECK_INT(pthread_create(&changer, NULL, change, NULL), 0);
	for (uintptr_t i = 0; i < USERS; i++)
		CHECK_INT(pthread_create(&user[i], NULL, use, (void *)(i + 1)),
		    0);
	for (unsigned i = 0; i < USERS; i++)
		CHECK_INT(pthread_join(user[i], NULL), 0);
	atomic_store(&over, true);
	CHECK_INT(pthread_join(changer, NULL), 0);
	CHECK_INT(vm_object_destroy(waived), 0);
	audit(vm);
	CHECK_INT(vm_object_destroy(object), 0);
	CHECK_INT(vm_destroy(vm), 0);
	faulty_check_clean();
}
