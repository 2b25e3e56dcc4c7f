/* SPDX-License-Identifier: BSD-2-Clause */
/* Slabs: sizes, coming and going, threads and children. */
#include "preload/pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/rng.h"
#include "check.h"

static _Atomic int slabs;	/* there are */

static void *
count_calloc(size_t count, size_t size)
{
	atomic_fetch_add(&slabs, 1);
	return calloc(count, size);
}

static void
count_free(void *block)
{
	atomic_fetch_sub(&slabs, 1);
	free(block);
}

/* The handlers of fork stay for good: once for all tests. */
static void
set_up(void)
{
	static bool done;

	if (!done)
		vm_pool_init(&(struct vm_pool_heap){ count_calloc,
		    count_free });
	done = true;
}

TEST(a_block_is_as_long_as_asked_and_hardly_longer)
{
	set_up();
	for (size_t size = 1; size <= VM_POOL_MAX - VM_POOL_HEAD;
	    size += size < 10000 ? 61 : 977) {
		struct vm_slab *slab;
		bool fresh;
		char *block = vm_pool_take(size, &slab, &fresh);
		size_t got = vm_pool_bytes(slab);

		CHECK(block != NULL);
		CHECK_INT((uintptr_t)block % VM_POOL_HEAD, 0);
		CHECK(got >= size);
		CHECK(size + VM_POOL_HEAD <= 1024 ||
		    got + VM_POOL_HEAD <= (size + VM_POOL_HEAD) * 9 / 8 + 1);
		memset(block, 1, VM_POOL_HEAD + got);
		vm_pool_give(slab, block);
	}
}

TEST(only_what_nobody_had_is_said_to_be_zeros)
{
	struct vm_slab *slab[2];
	bool fresh[2];
	char *block[2];

	set_up();
	block[0] = vm_pool_take(5000, &slab[0], &fresh[0]);
	block[1] = vm_pool_take(5000, &slab[1], &fresh[1]);
	CHECK(fresh[1] && block[1][0] == 0 && block[0] != block[1]);
	vm_pool_give(slab[0], block[0]);
	block[0] = vm_pool_take(5000, &slab[0], &fresh[0]);
	CHECK(!fresh[0]);
	vm_pool_give(slab[0], block[0]);
	vm_pool_give(slab[1], block[1]);
}

enum { MANY = 2000, SIZE = 4200 };

TEST(slabs_of_which_nothing_is_used_go_but_for_one)
{
	static struct vm_slab *slab[MANY];
	static char *block[MANY];
	int before;
	bool fresh;

	set_up();
	before = atomic_load(&slabs);
	for (unsigned i = 0; i < MANY; i++) {
		block[i] = vm_pool_take(SIZE, &slab[i], &fresh);
		CHECK(block[i] != NULL);
		memset(block[i], (int)i, SIZE);
	}
	CHECK(atomic_load(&slabs) >= before + 3);
	/* Every second one, then the others: full ones get room again. */
	for (unsigned n = 0; n < 2; n++)
		for (unsigned i = n; i < MANY; i += 2) {
			CHECK_INT(block[i][SIZE - 1], (char)i);
			vm_pool_give(slab[i], block[i]);
		}
	CHECK(atomic_load(&slabs) <= before + 1);
}

enum { HELD = 40, TURNS = 3000, THREADS = 3 };

/* Blocks come and go, and no two of them are in one place. */
static void *
churn(void *arg)
{
	struct vm_rng rng = { check_seed() + (uintptr_t)arg };
	struct {
		struct vm_slab *slab;
		char *block;
		size_t size;
		char byte;
	} held[HELD] = { { NULL, NULL, 0, 0 } };

	for (unsigned turn = 0; turn < TURNS + HELD; turn++) {
		unsigned i = turn < TURNS ? (unsigned)vm_rng_below(&rng,
		    HELD) : turn - TURNS;
		bool fresh;

		if (held[i].block != NULL) {
			CHECK_INT(held[i].block[0], held[i].byte);
			CHECK_INT(held[i].block[held[i].size - 1],
			    held[i].byte);
			vm_pool_give(held[i].slab, held[i].block);
			held[i].block = NULL;
			continue;
		}
		if (turn >= TURNS)
			continue;
		held[i].size = 4096 + vm_rng_below(&rng, 30000);
		held[i].byte = (char)turn;
		held[i].block = vm_pool_take(held[i].size, &held[i].slab,
		    &fresh);
		memset(held[i].block, held[i].byte, held[i].size);
	}
	return NULL;
}

TEST(threads_and_children_share_it)
{
	pthread_t thread[THREADS];
	int status;

	set_up();
	for (uintptr_t i = 0; i < THREADS; i++)
		CHECK_INT(pthread_create(&thread[i], NULL, churn, (void *)i),
		    0);
	for (unsigned i = 0; i < 20; i++) {
		pid_t child = fork();

		if (child == 0) {
			/* Of any lock that is not the pool's own. */
			struct vm_slab *slab;
			bool fresh;
			char *block = vm_pool_take(SIZE, &slab, &fresh);

			vm_pool_give(slab, block);
			/* Past TSan, which misses the parent's threads. */
			syscall(SYS_exit_group, 0);
		}
		CHECK(waitpid(child, &status, 0) == child && status == 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
}
