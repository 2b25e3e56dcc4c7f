/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * anon - private anonymous memory, used as programs use it.
 *
 *	anon CASE [MEGABYTES]
 *
 * Exits 0 when all of it was as the kernel has it, and prints what a case has
 * to show; that is the same under `resident run --anon` as without.
 */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)
#define PAGE ((size_t)4096)

static size_t size = 32 * MIB;

#define EXPECT(what) expect((what), #what, __LINE__)

static void
expect(int true, const char *what, int line)
{
	if (true)
		return;
	fprintf(stderr, "anon: line %d: %s\n", line, what);
	exit(1);
}

static char *
map_at(void *address, size_t length, int prot, int flags)
{
	char *at = mmap(address, length, prot, MAP_PRIVATE | MAP_ANONYMOUS |
	    flags, -1, 0);

	EXPECT(at != MAP_FAILED);
	return at;
}

static char *
map(size_t length)
{
	return map_at(NULL, length, PROT_READ | PROT_WRITE, 0);
}

static uint64_t
next_random(uint64_t *state)
{
	uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

/* Each page says which it is, and of what. */
static void
stamp(char *at, size_t length, uint64_t what)
{
	for (size_t i = 0; i < length; i += PAGE)
		*(uint64_t *)(void *)(at + i) = what + i / PAGE;
}

static void
check(const char *at, size_t length, uint64_t what)
{
	for (size_t i = 0; i < length; i += PAGE)
		EXPECT(*(const uint64_t *)(const void *)(at + i) == what +
		    i / PAGE);
}

static void
check_zero(const char *at, size_t length)
{
	for (size_t i = 0; i < length; i += 64)
		EXPECT(at[i] == 0);
}

static uint64_t
sum(const uint64_t *words, size_t count)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < count; i++)
		hash = (hash ^ words[i]) * UINT64_C(0x100000001b3);
	return hash;
}

/* The status that a child ends with. */
static int
await(pid_t child)
{
	int status = 0;

	EXPECT(child > 0 && waitpid(child, &status, 0) == child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* ---- cases --------------------------------------------------------------- */

static int
compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* A child that reads all of the array, while its parent goes on sorting. */
static pid_t
fork_reader(const uint64_t *words, size_t count, uint64_t right)
{
	pid_t child = fork();

	if (child == 0)
		_exit(sum(words, count) == right ? 0 : 1);
	return child;
}

/* Random numbers, sorted in pieces and merged, with a fork in between. */
static void
sort(void)
{
	size_t count = size / 2 / sizeof(uint64_t), half = count / 2;
	uint64_t *words = malloc(size / 2), *merged = malloc(size / 2);
	uint64_t state = 1;
	size_t a = 0, b = half;
	pid_t child;

	EXPECT(words != NULL && merged != NULL);
	for (size_t i = 0; i < count; i++)
		words[i] = next_random(&state);
	printf("filled %llx\n", (unsigned long long)sum(words, count));
	child = fork_reader(words, count, sum(words, count));
	qsort(words, half, sizeof(*words), compare);
	qsort(words + half, count - half, sizeof(*words), compare);
	EXPECT(await(child) == 0);
	for (size_t i = 0; i < count; i++)
		merged[i] = b == count || (a < half && words[a] <= words[b]) ?
		    words[a++] : words[b++];
	for (size_t i = 1; i < count; i++)
		EXPECT(merged[i - 1] <= merged[i]);
	printf("sorted %llx\n", (unsigned long long)sum(merged, count));
	free(words);
	free(merged);
}

/* The same without a child: what peak there is is the arrays'. */
static void
hash(void)
{
	size_t count = size / sizeof(uint64_t);
	uint64_t *words = malloc(size);
	uint64_t state = 1, at = 0;

	EXPECT(words != NULL);
	for (size_t i = 0; i < count; i++)
		words[i] = next_random(&state);
	for (unsigned turn = 0; turn < 2; turn++)
		for (size_t i = 0; i < count; i += 512)
			words[i] += words[(i + 512 * 77) % count];
	for (size_t i = 0; i < 20000; i++) {
		at = next_random(&state) % count;
		words[at] ^= words[(at + 12345) % count];
	}
	printf("hashed %llx\n", (unsigned long long)sum(words, count));
	free(words);
}

/* ---- */

static void
zeros(void)
{
	char *at = map(size);

	check_zero(at, size);
	stamp(at, size, 1);
	check(at, size, 1);
	EXPECT(munmap(at, size) == 0);
	at = map(size);
	check_zero(at, size);
	EXPECT(munmap(at, size) == 0);
}

static void
pieces(void)
{
	char *at = map(size), *other;

	stamp(at, size, 7);
	/* A hole in the middle, and a map that comes there. */
	EXPECT(munmap(at + size / 4, size / 4) == 0);
	check(at, size / 4, 7);
	check(at + size / 2, size / 2, 7 + size / 2 / PAGE);
	other = map_at(at + size / 4, size / 4, PROT_READ | PROT_WRITE,
	    MAP_FIXED_NOREPLACE);
	EXPECT(other == at + size / 4);
	check_zero(other, size / 4);
	/* Small ones, and large ones, over what is there. */
	map_at(at + 3 * PAGE, PAGE, PROT_READ | PROT_WRITE, MAP_FIXED);
	check_zero(at + 3 * PAGE, PAGE);
	check(at + 4 * PAGE, PAGE, 11);
	map_at(at + size / 2, size / 4, PROT_READ | PROT_WRITE, MAP_FIXED);
	check_zero(at + size / 2, size / 4);
	check(at + size / 4 * 3, size / 4, 7 + size / 4 * 3 / PAGE);
	EXPECT(munmap(at, size) == 0);
}

static void
protect(void)
{
	char *at = map_at(NULL, size, PROT_NONE, MAP_NORESERVE);
	pid_t child;

	EXPECT(mprotect(at, size / 2, PROT_READ | PROT_WRITE) == 0);
	stamp(at, size / 2, 3);
	EXPECT(mprotect(at, size / 4, PROT_READ) == 0);
	check(at, size / 2, 3);
	child = fork();
	if (child == 0) {
		check(at, size / 2, 3);
		at[size / 4] = 1;	/* writable there too */
		at[0] = 1;		/* not here */
		_exit(0);
	}
	EXPECT(await(child) == 128);
	EXPECT(mprotect(at, size, PROT_READ | PROT_WRITE) == 0);
	check(at, size / 2, 3);
	check_zero(at + size / 2, size / 2);
	EXPECT(munmap(at, size) == 0);
}

static void
advise(void)
{
	char *at = map(size);

	stamp(at, size, 5);
	EXPECT(madvise(at + size / 4, size / 4, MADV_DONTNEED) == 0);
	check(at, size / 4, 5);
	check_zero(at + size / 4, size / 4);
	check(at + size / 2, size / 2, 5 + size / 2 / PAGE);
	stamp(at + size / 4, size / 4, 9);
	check(at + size / 4, size / 4, 9);
	/* Each page is what it was, or zeros; what is written then stays. */
	EXPECT(madvise(at, size / 4, MADV_FREE) == 0);
	stamp(at, size / 4, 70);
	check(at, size / 4, 70);
	EXPECT(madvise(at, size / 4, MADV_FREE) == 0);
	for (size_t i = 0; i < size / 4; i += PAGE)
		EXPECT(*(uint64_t *)(void *)(at + i) == 0 ||
		    *(uint64_t *)(void *)(at + i) == 70 + i / PAGE);
	(void)madvise(at, size, MADV_HUGEPAGE);
	EXPECT(madvise(at, size, MADV_WILLNEED) == 0);
	EXPECT(madvise(at, size, MADV_REMOVE) != 0);
	check(at + size / 4, size / 4, 9);
	EXPECT(munmap(at, size) == 0);
}

static void
remap(void)
{
	char *at = map(size / 2), *other;

	stamp(at, size / 2, 1);
	at = mremap(at, size / 2, size, MREMAP_MAYMOVE);
	EXPECT(at != MAP_FAILED);
	check(at, size / 2, 1);
	check_zero(at + size / 2, size / 2);
	stamp(at, size, 2);
	at = mremap(at, size, size / 4, 0);	/* shorter */
	EXPECT(at != MAP_FAILED);
	at = mremap(at, size / 4, size, MREMAP_MAYMOVE);
	EXPECT(at != MAP_FAILED);
	check(at, size / 4, 2);
	check_zero(at + size / 4, size / 4 * 3);
	stamp(at, size, 4);
	/* The first half grows, while the second is still there. */
	other = mremap(at, size / 2, size, MREMAP_MAYMOVE);
	EXPECT(other != MAP_FAILED && other != at);
	check(other, size / 2, 4);
	check_zero(other + size / 2, size / 2);
	check(at + size / 2, size / 2, 4 + size / 2 / PAGE);
	stamp(other, size, 50);
	check(at + size / 2, size / 2, 4 + size / 2 / PAGE);
	/* Onto something else. */
	at = mremap(at + size / 2, size / 2, size / 2, MREMAP_MAYMOVE |
	    MREMAP_FIXED, other + size / 4);
	EXPECT(at == other + size / 4);
	check(other, size / 4, 50);
	check(at, size / 2, 4 + size / 2 / PAGE);
	check(other + size / 4 * 3, size / 4, 50 + size / 4 * 3 / PAGE);
	EXPECT(munmap(other, size) == 0);
}

static void
child_of_child(char *at)
{
	pid_t child = fork();

	if (child == 0) {
		check(at, size, 200);
		stamp(at, size, 300);
		check(at, size, 300);
		_exit(0);
	}
	EXPECT(await(child) == 0);
	check(at, size, 200);
}

static void
forks(void)
{
	char *at = map(size);
	int go[2];
	char byte;
	pid_t child;

	stamp(at, size, 100);
	EXPECT(pipe(go) == 0);
	child = fork();
	if (child == 0) {
		EXPECT(read(go[0], &byte, 1) == 1);
		check(at, size, 100);	/* not what the parent wrote */
		stamp(at, size, 200);
		child_of_child(at);
		EXPECT(munmap(at, size / 2) == 0);
		check(at + size / 2, size / 2, 200 + size / 2 / PAGE);
		_exit(0);
	}
	stamp(at, size, 101);
	EXPECT(write(go[1], "", 1) == 1);
	EXPECT(await(child) == 0);
	check(at, size, 101);		/* not what the child wrote */
	/* Many that only end. */
	for (unsigned i = 0; i < 10; i++) {
		child = fork();
		if (child == 0)
			_exit(at[0] == 101 ? 0 : 1);
		EXPECT(await(child) == 0);
	}
	check(at, size, 101);
	EXPECT(munmap(at, size) == 0);
}

/* A writer that goes on while its process forks: the child sees of the pair of
 * counters the first at least as large as the second, which is written later.
 */
static struct pair {
	_Atomic uint64_t *first;
	_Atomic uint64_t *second;
	_Atomic int stop;
} pairs;

static void *
count_up(void *unused)
{
	uint64_t n = 0;

	while (!atomic_load(&pairs.stop)) {
		n++;
		atomic_store(pairs.first, n);
		atomic_store(pairs.second, n);
	}
	return unused;
}

static void
moment(void)
{
	char *a = map(size / 2), *b = map(size / 2);
	pthread_t thread;
	uint64_t second, last = 0;
	pid_t child;

	stamp(a, size / 2, 0);
	stamp(b, size / 2, 0);
	/* The one that is written first is copied last. */
	pairs.first = (void *)((a > b ? a : b) + size / 2 - PAGE);
	pairs.second = (void *)(a > b ? b : a);
	EXPECT(pthread_create(&thread, NULL, count_up, NULL) == 0);
	for (unsigned i = 0; i < 20; i++) {
		while (atomic_load(pairs.second) < last + 100)
			continue;
		last = atomic_load(pairs.second);
		child = fork();
		if (child == 0) {
			second = atomic_load(pairs.second);
			EXPECT(atomic_load(pairs.first) >= second);
			EXPECT(atomic_load(pairs.first) <= second + 1);
			EXPECT(second >= last);
			_exit(0);
		}
		EXPECT(await(child) == 0);
	}
	atomic_store(&pairs.stop, 1);
	EXPECT(pthread_join(thread, NULL) == 0);
}

static void
heap(void)
{
	char *at = malloc(size / 4), *small = malloc(100), *other;
	void *aligned = NULL, *block[8] = { NULL };
	volatile size_t too_much = PTRDIFF_MAX - 100;

	EXPECT(at != NULL && malloc_usable_size(at) >= size / 4);
	stamp(at, size / 4, 1);
	at = realloc(at, size / 2);
	check(at, size / 4, 1);
	stamp(at, size / 2, 2);
	at = realloc(at, 5000);
	check(at, 2 * PAGE - PAGE, 2);
	free(at);
	small = realloc(small, size / 4);
	memset(small, 1, size / 4);
	free(small);
	other = calloc(size / 8, 2);
	check_zero(other, size / 4);
	free(other);
	EXPECT(posix_memalign(&aligned, 64 * 1024, size / 4) == 0);
	EXPECT((uintptr_t)aligned % (64 * 1024) == 0);
	stamp(aligned, size / 4, 9);
	check(aligned, size / 4, 9);
	free(aligned);
	aligned = aligned_alloc(PAGE, size / 4);
	EXPECT(aligned != NULL && (uintptr_t)aligned % PAGE == 0);
	aligned = realloc(aligned, size / 2);
	EXPECT(aligned != NULL);
	free(aligned);
	EXPECT(calloc(too_much, 4) == NULL && errno == ENOMEM);
	EXPECT(malloc(too_much) == NULL && errno == ENOMEM);
	free(NULL);
	/* Blocks of all kinds, mixed. */
	for (unsigned i = 1; i < 1000; i++) {
		block[i % 8] = realloc(block[i % 8], (size_t)i * 3001);
		EXPECT(block[i % 8] != NULL);
		memset(block[i % 8], 1, (size_t)i * 3001);
	}
	for (unsigned i = 0; i < 8; i++)
		free(block[i]);
}

/* As many blocks of 4 KiB and more as are twice the limit, some of which come
 * and go. */
static void *
churn(void *arg)
{
	enum { MOST = 4096 };
	static _Thread_local struct {
		char *at;
		size_t bytes;
	} block[MOST];
	uint32_t random = 77 + (uint32_t)(uintptr_t)arg;
	size_t count = size / 3 / 9000;

	EXPECT(count <= MOST);
	for (unsigned turn = 0; turn < 20000; turn++) {
		size_t i = (random = random * 1664525 + 1013904223) % count;
		size_t bytes = 4000 + (random >> 8) % 10000;
		char *at = block[i].at;

		if (at != NULL && (at[0] != (char)i ||
		    at[block[i].bytes - 1] != (char)i))
			expect(0, "a block is as it was", __LINE__);
		at = turn % 3 == 0 ? (free(at), malloc(bytes)) :
		    realloc(at, bytes);
		EXPECT(at != NULL);
		if (at[0] != (char)i || bytes > block[i].bytes)
			memset(at, (char)i, bytes);
		at[bytes - 1] = (char)i;
		block[i].at = at;
		block[i].bytes = bytes;
	}
	for (size_t i = 0; i < count; i++)
		free(block[i].at);
	return NULL;
}

/* Threads, and children, which have the blocks too. */
static void
blocks(void)
{
	pthread_t thread[3];

	for (uintptr_t i = 0; i < 3; i++)
		EXPECT(pthread_create(&thread[i], NULL, churn,
		    (void *)i) == 0);
	for (unsigned i = 0; i < 5; i++) {
		pid_t child = fork();

		if (child == 0) {
			char *at = malloc(5000);

			memset(at, 1, 5000);
			free(at);
			_exit(at == NULL);
		}
		EXPECT(await(child) == 0);
	}
	for (unsigned i = 0; i < 3; i++)
		EXPECT(pthread_join(thread[i], NULL) == 0);
}

/* A block as buffer of system calls, while it is larger than the limit. */
static void
calls(void)
{
	FILE *file = tmpfile();
	char *at = map(size);

	EXPECT(file != NULL);
	stamp(at, size, 11);
	for (size_t done = 0; done < size; ) {
		ssize_t n = write(fileno(file), at + done, size - done);

		EXPECT(n > 0);
		done += (size_t)n;
	}
	EXPECT(madvise(at, size, MADV_DONTNEED) == 0);
	for (size_t done = 0; done < size; ) {
		ssize_t n = pread(fileno(file), at + done, size - done,
		    (off_t)done);

		EXPECT(n > 0);
		done += (size_t)n;
	}
	check(at, size, 11);
	EXPECT(mlock(at, 16 * PAGE) == 0);
	EXPECT(munlock(at, 16 * PAGE) == 0);
	EXPECT(mlock(at, 16 * PAGE) == 0);
	EXPECT(munmap(at, size) == 0);	/* locked */
	fclose(file);
}

/* ---- anything ------------------------------------------------------------ */

enum { PIECES = 24, STEPS = 1500 };

/* A range, and what page i of it says: 0, or base + i. */
static struct piece {
	char *at;
	size_t pages;
	uint64_t *says;
} piece[PIECES];

static void
check_piece(const struct piece *p)
{
	for (size_t i = 0; i < p->pages; i++)
		EXPECT(*(uint64_t *)(void *)(p->at + i * PAGE) == p->says[i]);
}

static void
make_piece(struct piece *p, size_t pages)
{
	p->pages = pages;
	p->at = map(pages * PAGE);
	p->says = calloc(pages, sizeof(*p->says));
	EXPECT(p->says != NULL);
}

static void
drop_piece(struct piece *p)
{
	EXPECT(munmap(p->at, p->pages * PAGE) == 0);
	free(p->says);
	p->pages = 0;
}

static void
write_some(struct piece *p, uint64_t *random)
{
	size_t first = next_random(random) % p->pages;
	size_t count = 1 + next_random(random) % 64;

	for (size_t i = first; i < p->pages && i < first + count; i++) {
		p->says[i] = next_random(random);
		*(uint64_t *)(void *)(p->at + i * PAGE) = p->says[i];
	}
}

static void
zero_some(struct piece *p, uint64_t *random)
{
	size_t first = next_random(random) % p->pages;
	size_t count = 1 + next_random(random) % (p->pages - first);
	char *at = p->at + first * PAGE;

	memset(p->says + first, 0, count * sizeof(*p->says));
	if (next_random(random) % 2 == 0)
		EXPECT(madvise(at, count * PAGE, MADV_DONTNEED) == 0);
	else
		map_at(at, count * PAGE, PROT_READ | PROT_WRITE, MAP_FIXED);
}

/* Where there are several mappings by now the kernel may refuse. */
static void
resize_piece(struct piece *p, uint64_t *random)
{
	size_t pages = 256 + next_random(random) % 1024;
	char *at = mremap(p->at, p->pages * PAGE, pages * PAGE,
	    MREMAP_MAYMOVE);
	uint64_t *says;

	if (at == MAP_FAILED)
		return;
	says = calloc(pages, sizeof(*says));
	EXPECT(says != NULL);
	memcpy(says, p->says, (pages < p->pages ? pages : p->pages) *
	    sizeof(*says));
	free(p->says);
	*p = (struct piece){ at, pages, says };
}

static void
fork_some(uint64_t random)
{
	pid_t child = fork();

	if (child == 0) {
		for (unsigned i = 0; i < PIECES; i++)
			if (piece[i].pages > 0)
				write_some(&piece[i], &random);
		for (unsigned i = 0; i < PIECES; i++)
			check_piece(&piece[i]);
		_exit(0);
	}
	for (unsigned i = 0; i < PIECES; i++)
		if (piece[i].pages > 0)
			write_some(&piece[i], &random);
	EXPECT(await(child) == 0);
}

/* The size is the seed. */
static void
steps(void)
{
	uint64_t random = size;

	for (unsigned step = 0; step < STEPS; step++) {
		struct piece *p = &piece[next_random(&random) % PIECES];
		unsigned what = next_random(&random) % 32;

		if (p->pages == 0)
			make_piece(p, 256 + next_random(&random) % 512);
		else if (what == 0)
			drop_piece(p);
		else if (what < 4)
			zero_some(p, &random);
		else if (what < 6)
			resize_piece(p, &random);
		else if (what == 6 && step % 4 == 0)
			fork_some(random);
		else if (what < 12)
			check_piece(p);
		else
			write_some(p, &random);
	}
	for (unsigned i = 0; i < PIECES; i++)
		check_piece(&piece[i]);
}

/* ---- */

static void
again(char **argv)
{
	char *at = map(size);
	char *next[] = { argv[0], "zeros", NULL };

	stamp(at, size, 1);
	execv("/proc/self/exe", next);
	expect(0, "exec", __LINE__);
}

int
main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} cases[] = {
		{ "sort", sort }, { "hash", hash }, { "zeros", zeros },
		{ "pieces", pieces }, { "protect", protect },
		{ "advise", advise }, { "remap", remap }, { "forks", forks },
		{ "moment", moment }, { "heap", heap }, { "calls", calls },
		{ "steps", steps }, { "blocks", blocks },
	};

	if (argc > 2)
		size = strtoull(argv[2], NULL, 10) * MIB;
	EXPECT(argc >= 2 && size != 0);
	if (strcmp(argv[1], "exec") == 0)
		again(argv);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (strcmp(argv[1], cases[i].name) != 0)
			continue;
		cases[i].run();
		puts(cases[i].name);
		return 0;
	}
	fprintf(stderr, "anon: no case %s\n", argc > 1 ? argv[1] : "");
	return 2;
}
