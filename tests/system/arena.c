/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arena - a program with an allocator of its own, as some are linked with.
 *
 * All that it and libc allocate is in one large map.  So a child of fork
 * touches that map before any handler of the program runs: libc sets the locks
 * of its streams right.  Exits 0 when children and parent see what they should.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARENA_BYTES ((size_t)64 << 20)
#define HEAD 16

static char *arena;
static _Atomic size_t used;
static volatile sig_atomic_t caught;

/* Nothing is given back. */
void *
malloc(size_t size)
{
	size_t bytes = HEAD + ((size + HEAD - 1) & ~(size_t)(HEAD - 1));
	size_t at;

	if (arena == NULL)
		arena = mmap(NULL, ARENA_BYTES, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (arena == MAP_FAILED || bytes > ARENA_BYTES)
		abort();
	at = atomic_fetch_add(&used, bytes);
	if (at > ARENA_BYTES - bytes)
		abort();
	memcpy(arena + at, &size, sizeof(size));
	return arena + at + HEAD;
}

void
free(void *block)
{
	(void)block;
}

void *
calloc(size_t count, size_t size)
{
	return malloc(count * size);	/* never used before */
}

void *
realloc(void *block, size_t size)
{
	void *new = malloc(size);
	size_t old = 0;

	if (block != NULL)
		memcpy(&old, (char *)block - HEAD, sizeof(old));
	if (block != NULL)
		memcpy(new, block, old < size ? old : size);
	return new;
}

static void
handler(int number)
{
	caught = number;
}

static bool
child_is_right(FILE *stream, char *text, int turn)
{
	char line[64], want[64];

	snprintf(want, sizeof(want), "turn %d\n", turn);
	text[100000] = 'c';
	rewind(stream);
	return fgets(line, sizeof(line), stream) != NULL &&
	    strcmp(line, want) == 0 && text[5000000] == (char)turn &&
	    raise(SIGSEGV) == 0 && caught == SIGSEGV;
}

/* Before our library's own, if it is linked in before. */
static char *early_text;

static void
early(void)
{
	early_text[7]++;
}

/* With a second thread libc locks, and sets right in the child. */
static void *
idle(void *unused)
{
	for (;;)
		pause();
	return unused;
}

int
main(void)
{
	pthread_t thread;
	char *text = malloc(8000000);
	FILE *stream = tmpfile();
	struct sigaction action = { .sa_handler = handler }, now;
	int status;

	if (stream == NULL || sigaction(SIGSEGV, &action, NULL) != 0)
		return 2;
	if (pthread_create(&thread, NULL, idle, NULL) != 0)
		return 2;
	early_text = text;
	if (pthread_atfork(NULL, NULL, early) != 0)
		return 2;
	for (int turn = 1; turn < 20; turn++) {
		pid_t child;

		rewind(stream);
		fprintf(stream, "turn %d\n", turn);
		fflush(stream);
		memset(text, turn, 8000000);
		child = fork();
		if (child == 0)
			_exit(child_is_right(stream, text, turn) ? 0 : 1);
		text[5000000] = 0;
		if (waitpid(child, &status, 0) != child || status != 0) {
			fprintf(stderr, "arena: turn %d: %x\n", turn,
			    (unsigned)status);
			return 1;
		}
		if (text[100000] != (char)turn)
			return 3;
	}
	if (sigaction(SIGSEGV, NULL, &now) != 0 || now.sa_handler != handler)
		return 4;
	puts("arena");
	return 0;
}
