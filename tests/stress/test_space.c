/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a client may do with memory that is served: map it twice, share it,
 * fork, move and unmap it under faults, touch it from many threads, and let
 * the kernel touch it; all of it while a small system evicts.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client.h"

enum {
	PAGES = 512,		/* of the object */
	LIMIT_PAGES = 64,
	BYTES = PAGES * PAGE,
	CHILDREN_MAX = 256,
};

/* A system with one object over a file in memory, whose page i begins with the
 * number i. */
struct setup {
	struct vm *vm;
	struct vm_object *object;
	int fd;
	/* Children that were born; the lock is theirs. */
	pthread_mutex_t lock;
	struct vm_space *child[CHILDREN_MAX];
	unsigned children;
	_Atomic unsigned failed;	/* calls of failed() */
	_Atomic int error;		/* the last one's */
};

static struct setup setup;

static void
forked(void *arg, struct vm_space *parent, struct vm_space *child)
{
	(void)arg;
	(void)parent;
	pthread_mutex_lock(&setup.lock);
	CHECK(setup.children < CHILDREN_MAX);
	setup.child[setup.children++] = child;
	pthread_mutex_unlock(&setup.lock);
}

static void
failed(void *arg, struct vm_space *space, uint64_t address, int error,
    const char *text)
{
	(void)arg;
	(void)space;
	(void)address;
	CHECK(text[0] != '\0');
	atomic_store(&setup.error, error);
	atomic_fetch_add(&setup.failed, 1);
}

static const struct vm_space_options space_options = {
	.size_bytes = sizeof(space_options),
	.forked = forked,
	.failed = failed,
};

static void
set_up(unsigned fault_threads)
{
	struct vm_options o = VM_OPTIONS_INIT;

	memset(&setup, 0, sizeof(setup));
	pthread_mutex_init(&setup.lock, NULL);
	setup.fd = new_file(false, BYTES);
	for (uint64_t i = 0; i < PAGES; i++)
		CHECK(pwrite(setup.fd, &i, sizeof(i), (off_t)(i * PAGE)) ==
		    (ssize_t)sizeof(i));
	o.resident_max_bytes = LIMIT_PAGES * PAGE;
	o.fault_threads = fault_threads;
	CHECK(vm_create(&o, &setup.vm) == 0);
	CHECK(vm_object_create_file(setup.vm, setup.fd, 0, VM_LENGTH_ALL,
	    VM_OBJECT_WRITABLE | VM_OBJECT_STORE, &setup.object) == 0);
}

static void
tear_down(void)
{
	struct vm_stat s = VM_STAT_INIT;

	for (unsigned i = 0; i < setup.children; i++)
		vm_space_destroy(setup.child[i]);
	CHECK(vm_stat(setup.vm, &s) == 0);
	CHECK(s.peak_pages <= s.limit_pages);
	CHECK(vm_object_destroy(setup.object) == 0);
	CHECK(vm_destroy(setup.vm) == 0);
	close(setup.fd);
}

static _Atomic uint64_t *
word(char *base, uint64_t page, unsigned at)
{
	return (_Atomic uint64_t *)(void *)(base + page * PAGE +
	    at * sizeof(uint64_t));
}

static uint64_t
next_random(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return *state >> 33;
}

/* -- two mappings in one process ----------------------------------------- */

static void
see_twice(int socket, void *arg)
{
	char *a, *b;
	uint64_t random = 1;

	(void)arg;
	join(socket);
	a = map(socket, BYTES, VM_RANGE_TRACKED);
	b = map(socket, BYTES, VM_RANGE_TRACKED);
	for (uint64_t i = 1; i <= 20000; i++) {
		uint64_t page = next_random(&random) % PAGES;

		atomic_store(word(a, page, 1), i);
		CHECK(atomic_load(word(b, page, 1)) == i);
		page = next_random(&random) % PAGES;
		atomic_store(word(b, page, 2), i);
		CHECK(atomic_load(word(a, page, 2)) == i);
		CHECK(atomic_load(word(b, page, 0)) == page);
	}
	say(socket, 0, -1);
}

TEST(two_mappings_of_one_process_show_the_same)
{
	struct client client;

	client_start(&client, see_twice, NULL);
	set_up(0);
	client_attach(&client, setup.vm, &space_options);
	client_show(&client, setup.object, 0, BYTES, VM_RANGE_TRACKED);
	client_show(&client, setup.object, 0, BYTES, VM_RANGE_TRACKED);
	(void)hear(client.socket, NULL);
	client_end(&client);
	CHECK_INT(setup.failed, 0);
	tear_down();
}

/* -- two processes ------------------------------------------------------- */

static void
write_and_tell(int socket, void *arg)
{
	_Atomic uint64_t *told = arg;
	uint64_t random = 1;
	char *base;

	join(socket);
	base = map(socket, BYTES, VM_RANGE_TRACKED);
	for (uint64_t i = 1; i <= 20000; i++) {
		uint64_t page = next_random(&random) % PAGES;

		atomic_store(word(base, page, 1), i);
		atomic_store(&told[page], i);
	}
	atomic_store(&told[PAGES], 1);
}

static void
read_what_is_told(int socket, void *arg)
{
	_Atomic uint64_t *told = arg;
	uint64_t random = 99;
	char *base;

	join(socket);
	base = map(socket, BYTES, VM_RANGE_READ);
	while (atomic_load(&told[PAGES]) == 0) {
		uint64_t page = next_random(&random) % PAGES;
		uint64_t least = atomic_load(&told[page]);

		CHECK(atomic_load(word(base, page, 1)) >= least);
		CHECK(atomic_load(word(base, page, 0)) == page);
	}
	for (uint64_t page = 0; page < PAGES; page++)
		CHECK(atomic_load(word(base, page, 1)) ==
		    atomic_load(&told[page]));
}

static void
writer_and_reader(unsigned fault_threads)
{
	struct client writer, reader;
	void *told = shared_memory((PAGES + 1) * sizeof(uint64_t));

	client_start(&writer, write_and_tell, told);
	client_start(&reader, read_what_is_told, told);
	set_up(fault_threads);
	client_attach(&writer, setup.vm, &space_options);
	client_attach(&reader, setup.vm, &space_options);
	client_show(&reader, setup.object, 0, BYTES, VM_RANGE_READ);
	client_show(&writer, setup.object, 0, BYTES, VM_RANGE_TRACKED);
	client_end(&writer);
	client_end(&reader);
	CHECK_INT(setup.failed, 0);
	tear_down();
}

TEST(a_process_sees_what_another_writes)
{
	writer_and_reader(1);
}

/* The pages of the object are filled by either. */
TEST(a_process_served_by_another_thread_sees_what_is_written)
{
	writer_and_reader(2);
}

/* -- fork ---------------------------------------------------------------- */

enum { FORKS = 20, CHILD_TOUCHES = 300 };

/* Word 1 of a page is the parent's, word 2 + n that of child n. */
static void
grow_up(char *base, unsigned n)
{
	uint64_t random = n + 7;

	for (int i = 0; i < CHILD_TOUCHES; i++) {
		uint64_t page = next_random(&random) % PAGES;

		CHECK(atomic_load(word(base, page, 0)) == page);
		atomic_fetch_add(word(base, page, 2 + n), 1);
	}
	_exit(0);
}

struct family {
	char *base;
	uint64_t mine[PAGES];
	atomic_bool stop;
};

static void *
write_meanwhile(void *arg)
{
	struct family *family = arg;
	uint64_t random = 3;

	while (!atomic_load(&family->stop)) {
		uint64_t page = next_random(&random) % PAGES;

		family->mine[page]++;
		atomic_fetch_add(word(family->base, page, 1), 1);
	}
	return NULL;
}

static void
check_family(const struct family *family)
{
	for (unsigned n = 0; n < FORKS; n++) {
		uint64_t sum = 0;

		for (uint64_t page = 0; page < PAGES; page++)
			sum += atomic_load(word(family->base, page, 2 + n));
		CHECK(sum == CHILD_TOUCHES);
	}
	for (uint64_t page = 0; page < PAGES; page++)
		CHECK(atomic_load(word(family->base, page, 1)) ==
		    family->mine[page]);
}

static void
have_children(int socket, void *arg)
{
	static struct family family;
	pthread_t thread;
	pid_t child[FORKS];
	int status;

	(void)arg;
	join(socket);
	family.base = map(socket, BYTES, VM_RANGE_TRACKED);
	CHECK(pthread_create(&thread, NULL, write_meanwhile, &family) == 0);
	for (unsigned n = 0; n < FORKS; n++) {
		child[n] = fork();
		CHECK(child[n] >= 0);
		if (child[n] == 0)
			grow_up(family.base, n);
	}
	for (unsigned n = 0; n < FORKS; n++) {
		CHECK(waitpid(child[n], &status, 0) == child[n]);
		CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	atomic_store(&family.stop, true);
	CHECK(pthread_join(thread, NULL) == 0);
	check_family(&family);
}

TEST(children_and_their_parent_write_the_same_pages)
{
	struct client client;
	struct vm_stat s = VM_STAT_INIT;

	client_start(&client, have_children, NULL);
	set_up(2);
	client_attach(&client, setup.vm, &space_options);
	client_show(&client, setup.object, 0, BYTES, VM_RANGE_TRACKED);
	client_end(&client);
	CHECK_INT(setup.children, FORKS);
	CHECK_INT(setup.failed, 0);
	CHECK(vm_stat(setup.vm, &s) == 0);
	CHECK_INT(s.forks, FORKS);
	for (unsigned n = 0; n < FORKS; n++)
		CHECK(!vm_space_alive(setup.child[n]));
	tear_down();
}

/* -- mremap and munmap --------------------------------------------------- */

enum { HALF = BYTES / 2, MOVES = 300 };

struct moving {
	char *_Atomic base;	/* of the half that moves */
	atomic_bool stop;
};

/* The kernel touches the page, so that it may be gone: then EFAULT.  By hand,
 * for TSan would take the bytes for read when write() is called. */
static void *
touch_what_moves(void *arg)
{
	struct moving *moving = arg;
	uint64_t random = 5, got;
	int ends[2];

	CHECK(pipe(ends) == 0);
	while (!atomic_load(&moving->stop)) {
		uint64_t page = next_random(&random) % (PAGES / 2);
		char *base = atomic_load(&moving->base);

		if (syscall(SYS_write, ends[1], base + page * PAGE,
		    sizeof(got)) < 0) {
			CHECK(errno == EFAULT);
			continue;
		}
		CHECK(read(ends[0], &got, sizeof(got)) ==
		    (ssize_t)sizeof(got));
		CHECK(got == PAGES / 2 + page);
	}
	close(ends[0]);
	close(ends[1]);
	return NULL;
}

/* Here and there, and with writes in between. */
static void
move(struct moving *moving)
{
	uint64_t random = 11;

	for (uint64_t i = 1; i <= MOVES; i++) {
		char *to = mmap(NULL, HALF, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		char *from = atomic_load(&moving->base);
		uint64_t page = next_random(&random) % (PAGES / 2);

		CHECK(to != MAP_FAILED);
		CHECK(mremap(from, HALF, HALF, MREMAP_MAYMOVE | MREMAP_FIXED,
		    to) == to);
		atomic_store(&moving->base, to);
		atomic_store(word(to, page, 1), i);
		CHECK(atomic_load(word(to, page, 1)) == i);
	}
}

static void
move_about(int socket, void *arg)
{
	static struct moving moving;
	pthread_t thread[2];
	char *base;

	(void)arg;
	join(socket);
	base = map(socket, BYTES, VM_RANGE_TRACKED);
	atomic_store(&moving.base, base + HALF);
	for (int i = 0; i < 2; i++)
		CHECK(pthread_create(&thread[i], NULL, touch_what_moves,
		    &moving) == 0);
	move(&moving);
	/* Piece by piece it goes, and the rest stays. */
	for (uint64_t page = 0; page < PAGES / 2; page += 3)
		CHECK(munmap(atomic_load(&moving.base) + page * PAGE, PAGE) ==
		    0);
	say(socket, 0, -1);
	(void)hear(socket, NULL);
	atomic_store(&moving.stop, true);
	for (int i = 0; i < 2; i++)
		CHECK(pthread_join(thread[i], NULL) == 0);
	for (uint64_t page = 0; page < PAGES / 2; page++)
		CHECK(atomic_load(word(base, page, 0)) == page);
}

TEST(ranges_may_be_moved_and_unmapped_under_faults)
{
	struct client client;

	client_start(&client, move_about, NULL);
	set_up(0);
	client_attach(&client, setup.vm, &space_options);
	client_show(&client, setup.object, 0, BYTES, VM_RANGE_TRACKED);
	(void)hear(client.socket, NULL);
	/* 256 pages, of which 86 left: 85 pieces of two, and the half that
	 * did not move. */
	CHECK_INT(vm_space_ranges(client.space), 86);
	say(client.socket, 0, -1);
	client_end(&client);
	CHECK_INT(setup.failed, 0);
	tear_down();
}

/* -- many threads -------------------------------------------------------- */

enum { CROWD = 16, TOUCHES = 3000 };

struct one {
	char *base;
	unsigned id;
};

static void *
touch_all_over(void *arg)
{
	const struct one *one = arg;
	uint64_t random = one->id + 1;

	for (int i = 0; i < TOUCHES; i++) {
		uint64_t page = next_random(&random) % PAGES;

		CHECK(atomic_load(word(one->base, page, 0)) == page);
		if (i % 4 == 0)
			atomic_fetch_add(word(one->base, page, 1 + one->id),
			    1);
	}
	return NULL;
}

static void
crowd(int socket, void *arg)
{
	struct one one[CROWD];
	pthread_t thread[CROWD];
	uint64_t sum = 0;
	char *base;

	(void)arg;
	join(socket);
	base = map(socket, BYTES, VM_RANGE_TRACKED);
	for (unsigned i = 0; i < CROWD; i++) {
		one[i] = (struct one){ base, i };
		CHECK(pthread_create(&thread[i], NULL, touch_all_over,
		    &one[i]) == 0);
	}
	for (unsigned i = 0; i < CROWD; i++)
		CHECK(pthread_join(thread[i], NULL) == 0);
	for (uint64_t page = 0; page < PAGES; page++)
		for (unsigned i = 0; i < CROWD; i++)
			sum += atomic_load(word(base, page, 1 + i));
	CHECK(sum == CROWD * TOUCHES / 4);
}

static void
a_crowd(unsigned fault_threads)
{
	struct client client;

	client_start(&client, crowd, NULL);
	set_up(fault_threads);
	client_attach(&client, setup.vm, &space_options);
	client_show(&client, setup.object, 0, BYTES, VM_RANGE_TRACKED);
	client_end(&client);
	CHECK_INT(setup.failed, 0);
	tear_down();
}

TEST(sixteen_threads_fault_at_once)
{
	a_crowd(1);
}

/* -- clients that go ------------------------------------------------------- */

enum { MORTALS = 5 };

/* Counts in words of its own until it is killed, or told to stop. */
static void
count_on(int socket, void *arg)
{
	struct family family = { .mine = { 0 } };
	uint64_t random = 23;

	join(socket);
	family.base = map(socket, BYTES, VM_RANGE_TRACKED);
	for (uint64_t i = 0; !atomic_load((atomic_bool *)arg); i++) {
		uint64_t page = next_random(&random) % PAGES;

		family.mine[page]++;
		atomic_fetch_add(word(family.base, page, 1), 1);
		if (i % 64 == 0)
			say(socket, 1, -1);
	}
	say(socket, 0, -1);
	for (uint64_t page = 0; page < PAGES; page++)
		CHECK(atomic_load(word(family.base, page, 1)) ==
		    family.mine[page]);
}

/* Touches from two threads, until killed. */
static void *
touch_on(void *arg)
{
	const struct one *one = arg;
	uint64_t random = one->id + 31;

	for (;;) {
		uint64_t page = next_random(&random) % PAGES;

		atomic_fetch_add(word(one->base, page, 2 + one->id), 1);
	}
	return NULL;
}

static void
be_mortal(int socket, void *arg)
{
	struct one one[2];
	pthread_t thread;

	(void)arg;
	join(socket);
	one[0].base = one[1].base = map(socket, BYTES, VM_RANGE_TRACKED);
	one[0].id = 0;
	one[1].id = 1;
	CHECK(pthread_create(&thread, NULL, touch_on, &one[1]) == 0);
	(void)touch_on(&one[0]);
}

static void
await_news(int socket, unsigned count)
{
	while (count-- > 0)
		CHECK(hear(socket, NULL) == 1);
}

/* killed_first: before its space goes; else the space goes under faults. */
static void
let_clients_go(bool killed_first)
{
	struct client lasting, mortal[MORTALS];
	atomic_bool *stop = shared_memory(PAGE);

	client_start(&lasting, count_on, stop);
	for (int i = 0; i < MORTALS; i++)
		client_start(&mortal[i], be_mortal, NULL);
	set_up(2);
	client_attach(&lasting, setup.vm, &space_options);
	client_show(&lasting, setup.object, 0, BYTES, VM_RANGE_TRACKED);
	for (int i = 0; i < MORTALS; i++) {
		client_attach(&mortal[i], setup.vm, &space_options);
		client_show(&mortal[i], setup.object, 0, BYTES,
		    VM_RANGE_TRACKED);
		await_news(lasting.socket, 10);
		if (!killed_first) {
			vm_space_destroy(mortal[i].space);
			mortal[i].space = NULL;
			await_news(lasting.socket, 10);
		}
		CHECK(kill(mortal[i].pid, SIGKILL) == 0);
		client_killed(&mortal[i], SIGKILL);
	}
	atomic_store(stop, true);
	while (hear(lasting.socket, NULL) == 1)
		continue;
	client_end(&lasting);
	CHECK_INT(setup.failed, 0);
	tear_down();
}

TEST(clients_that_are_killed_disturb_nobody)
{
	let_clients_go(true);
}

TEST(spaces_that_go_under_faults_disturb_nobody)
{
	let_clients_go(false);
}

/* -- the kernel touches -------------------------------------------------- */

static void
let_the_kernel(int socket, void *arg)
{
	uint64_t random = 17;
	char *base, *copy = malloc(PAGE);
	int ends[2], *fd = arg;

	CHECK(copy != NULL && pipe(ends) == 0);
	join(socket);
	base = map(socket, BYTES, VM_RANGE_TRACKED);
	for (int i = 0; i < 2000; i++) {
		char *from = base + next_random(&random) % PAGES * PAGE;
		uint64_t to = next_random(&random) % (PAGES / 2) * 2 + 1;

		/* Out of a page that may be missing, into one that may. */
		CHECK(write(ends[1], from, PAGE) == PAGE);
		CHECK(read(ends[0], copy, PAGE) == PAGE);
		CHECK(memcmp(copy, from, sizeof(uint64_t)) == 0);
		CHECK(pwrite(*fd, &to, sizeof(to), 0) ==
		    (ssize_t)sizeof(to));
		CHECK(pread(*fd, base + to * PAGE, sizeof(to), 0) ==
		    (ssize_t)sizeof(to));
		CHECK(atomic_load(word(base, to, 0)) == to);
	}
}

TEST(system_calls_read_and_write_missing_pages)
{
	int fd = new_file(false, PAGE);
	struct client client;

	client_start(&client, let_the_kernel, &fd);
	set_up(0);
	client_attach(&client, setup.vm, &space_options);
	client_show(&client, setup.object, 0, BYTES, VM_RANGE_TRACKED);
	client_end(&client);
	CHECK_INT(setup.failed, 0);
	tear_down();
	close(fd);
}
