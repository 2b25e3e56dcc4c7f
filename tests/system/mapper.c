/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mapper - what programs do with mapped files, one thing for each word.
 *
 *	mapper WHAT FILE [ARGUMENT]
 *
 * A file is filled (fill) with words that follow from their place, so that
 * every other WHAT can check each byte it sees.  Exits 0, or 1 after a line
 * that says what it saw.  Knows nothing of a pager: run alone it does the
 * same.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096u
#define WORDS (PAGE / sizeof(uint64_t))
#define MIB ((size_t)1 << 20)
#define THREADS 16

static const char *path;
static int fd;
static size_t size;
static const char *self;

static void
die(const char *what)
{
	fprintf(stderr, "mapper: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void
wrong(const char *what, size_t word)
{
	fprintf(stderr, "mapper: %s: word %zu is wrong\n", what, word);
	_exit(1);
}

/* The word at a place, in the generation'th writing of the file. */
static uint64_t
word_at(size_t i, unsigned generation)
{
	uint64_t x = (i + 1) * UINT64_C(0x9e3779b97f4a7c15) + generation;

	return x ^ (x >> 29);
}

static uint64_t *
map(int prot, int flags)
{
	void *p = mmap(NULL, size, prot, flags, fd, 0);

	if (p == MAP_FAILED)
		die("mmap");
	return p;
}

static void
check_page(const uint64_t *p, size_t page, unsigned generation)
{
	for (size_t i = page * WORDS; i < (page + 1) * WORDS; i++)
		if (p[i] != word_at(i, generation))
			wrong("check", i);
}

static void
check_all(const uint64_t *p, unsigned generation)
{
	for (size_t page = 0; page < size / PAGE; page++)
		check_page(p, page, generation);
}

static void
write_all(uint64_t *p, unsigned generation)
{
	for (size_t i = 0; i < size / sizeof(*p); i++)
		p[i] = word_at(i, generation);
}

static void
wait_for(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		die("waitpid");
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		fprintf(stderr, "mapper: child: status 0x%x\n",
		    (unsigned)status);
		exit(1);
	}
}

static pid_t
fork_or_die(void)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	return pid;
}

/* ---- reading ------------------------------------------------------------ */

static void
do_fill(const char *mib)
{
	static uint64_t block[MIB / sizeof(uint64_t)];
	const size_t count = MIB / sizeof(uint64_t);

	for (size_t m = 0; m < (size_t)atol(mib); m++) {
		for (size_t i = 0; i < count; i++)
			block[i] = word_at(m * count + i, 0);
		if (write(fd, block, MIB) != (ssize_t)MIB)
			die("write");
	}
	if (fsync(fd) != 0)
		die("fsync");
}

static void
do_read(const char *generation)
{
	check_all(map(PROT_READ, MAP_SHARED),
	    generation == NULL ? 0 : (unsigned)atoi(generation));
}

static void
do_fork(const char *unused)
{
	uint64_t *p = map(PROT_READ, MAP_SHARED);
	pid_t pid;

	(void)unused;
	check_page(p, 0, 0);
	pid = fork_or_die();
	check_all(p, 0);
	if (pid == 0)
		_exit(0);
	wait_for(pid);
}

/* Children of children, all at once. */
static void
do_forks(const char *count)
{
	uint64_t *p = map(PROT_READ, MAP_SHARED);
	int n = atoi(count);
	pid_t child[64];

	for (int i = 0; i < n && i < 64; i++) {
		child[i] = fork_or_die();
		if (child[i] != 0)
			continue;
		pid_t pid = fork_or_die();

		check_page(p, (size_t)i * 7 % (size / PAGE), 0);
		if (pid == 0)
			_exit(0);
		wait_for(pid);
		_exit(0);
	}
	for (int i = 0; i < n && i < 64; i++)
		wait_for(child[i]);
	check_all(p, 0);
}

static void
do_exec(const char *unused)
{
	uint64_t *p = map(PROT_READ | PROT_WRITE, MAP_SHARED);
	pid_t pid;

	(void)unused;
	write_all(p, 1);
	pid = fork_or_die();
	if (pid == 0) {
		execl(self, self, "read", path, "1", (char *)NULL);
		_exit(127);
	}
	wait_for(pid);
	check_all(p, 1);
}

/* A part of the file is advised of, then all of it is as it was written. */
static void
advised(uint64_t *p, int for_map, int for_file, unsigned generation)
{
	if (for_map >= 0 && madvise((char *)p + size / 4, size / 2,
	    for_map) != 0)
		die("madvise");
	if (for_file >= 0 && posix_fadvise(fd, (off_t)(size / 8), 0,
	    for_file) != 0)
		die("posix_fadvise");
	check_all(p, generation);
}

static void
do_advise(const char *unused)
{
	static const int map_advice[] = { MADV_NORMAL, MADV_SEQUENTIAL,
		MADV_RANDOM, MADV_WILLNEED, MADV_COLD, MADV_PAGEOUT,
		MADV_DONTNEED };
	static const int file_advice[] = { POSIX_FADV_NORMAL,
		POSIX_FADV_SEQUENTIAL, POSIX_FADV_RANDOM,
		POSIX_FADV_WILLNEED, POSIX_FADV_DONTNEED,
		POSIX_FADV_NOREUSE };
	uint64_t *p = map(PROT_READ | PROT_WRITE, MAP_SHARED);
	unsigned generation = 0;

	(void)unused;
	for (size_t i = 0; i < sizeof(map_advice) / sizeof(int); i++) {
		write_all(p, ++generation);
		advised(p, map_advice[i], -1, generation);
	}
	for (size_t i = 0; i < sizeof(file_advice) / sizeof(int); i++) {
		write_all(p, ++generation);
		advised(p, -1, file_advice[i], generation);
	}
	if (madvise(p, PAGE, MADV_FREE) == 0 || errno != EINVAL ||
	    madvise((char *)p + 1, PAGE, MADV_PAGEOUT) == 0 ||
	    errno != EINVAL || posix_fadvise(fd, 0, 0, 99) != EINVAL ||
	    posix_fadvise(-1, 0, 0, POSIX_FADV_NORMAL) != EBADF) {
		fprintf(stderr, "mapper: advice that is none was taken\n");
		exit(1);
	}
}

static uint64_t *shared;

static void *
read_randomly(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg;

	for (unsigned i = 0; i < 2000; i++)
		check_page(shared, (size_t)rand_r(&seed) % (size / PAGE), 0);
	return NULL;
}

static void
start_threads(pthread_t *thread, unsigned count, void *(*run)(void *))
{
	for (unsigned i = 0; i < count; i++)
		if (pthread_create(&thread[i], NULL, run,
		    (void *)(uintptr_t)(i + 1)) != 0)
			die("pthread_create");
}

static void
do_threads(const char *unused)
{
	pthread_t thread[THREADS];

	(void)unused;
	shared = map(PROT_READ, MAP_SHARED);
	start_threads(thread, THREADS, read_randomly);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
}

static void
do_threadfork(const char *unused)
{
	pthread_t thread[THREADS];

	(void)unused;
	shared = map(PROT_READ, MAP_SHARED);
	start_threads(thread, THREADS, read_randomly);
	for (int i = 0; i < 20; i++) {
		pid_t pid = fork_or_die();

		if (pid == 0) {
			read_randomly((void *)(uintptr_t)(100 + i));
			_exit(0);
		}
		wait_for(pid);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
}

/* The kernel reads and writes missing pages for us. */
static void
do_syscalls(const char *out_path)
{
	uint64_t *p = map(PROT_READ | PROT_WRITE, MAP_SHARED);
	int out = open(out_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	size_t half = size / 2;

	if (out < 0)
		die(out_path);
	for (size_t at = 0; at < size; at += MIB)
		if (write(out, (char *)p + at, MIB) != (ssize_t)MIB)
			die("write from the map");
	for (size_t at = 0; at < half; at += MIB)
		if (pread(out, (char *)p + at, MIB, (off_t)(half + at)) !=
		    (ssize_t)MIB)
			die("read into the map");
	for (size_t i = 0; i < half / sizeof(*p); i++)
		if (p[i] != word_at(half / sizeof(*p) + i, 0))
			wrong("read into the map", i);
}

/* ---- writing ------------------------------------------------------------ */

static void
do_write(const char *generation)
{
	write_all(map(PROT_READ | PROT_WRITE, MAP_SHARED),
	    (unsigned)atoi(generation));
}

/* Written, and then the process ends in the way that is named. */
static void
do_end(const char *how)
{
	uint64_t *p = map(PROT_READ | PROT_WRITE, MAP_SHARED);

	write_all(p, 3);
	if (strcmp(how, "_exit") == 0)
		_exit(0);
	if (strcmp(how, "kill") == 0)
		kill(getpid(), SIGKILL);
	if (strcmp(how, "term") == 0)
		kill(getpid(), SIGTERM);
	if (strcmp(how, "munmap") == 0 && munmap(p, size) == 0) {
		/* By read(2), before anything else could have flushed it. */
		for (size_t i = 0; i < size / sizeof(*p); i++) {
			uint64_t word;

			if (i % 509 == 0 && (pread(fd, &word, sizeof(word),
			    (off_t)(i * sizeof(word))) != sizeof(word) ||
			    word != word_at(i, 3)))
				wrong("read after munmap", i);
		}
	}
}

/* Two maps of one file in one process: what one writes the other sees. */
static void
do_twice(const char *unused)
{
	uint64_t *a = map(PROT_READ | PROT_WRITE, MAP_SHARED);
	uint64_t *b = map(PROT_READ, MAP_SHARED);
	unsigned seed = 7;

	(void)unused;
	for (unsigned n = 0; n < 5000; n++) {
		size_t i = (size_t)rand_r(&seed) % (size / sizeof(*a));

		a[i] = word_at(i, 4);
		if (b[i] != word_at(i, 4))
			wrong("second map", i);
	}
}

/* One process writes, the other reads, page by page in turn. */
static void
do_pair(const char *unused)
{
	uint64_t *p = map(PROT_READ | PROT_WRITE, MAP_SHARED);
	_Atomic size_t *turn = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid = fork_or_die();

	(void)unused;
	for (size_t page = 0; page < size / PAGE; page++) {
		size_t odd = 2 * page + 1;

		if (pid == 0) {
			for (size_t i = page * WORDS; i < (page + 1) * WORDS;
			    i++)
				p[i] = word_at(i, 5);
			atomic_store(turn, odd);
			while (atomic_load(turn) == odd)
				sched_yield();
		} else {
			while (atomic_load(turn) != odd)
				sched_yield();
			check_page(p, page, 5);
			atomic_store(turn, odd + 1);
		}
	}
	if (pid == 0)
		_exit(0);
	wait_for(pid);
}

static void *
count_up(void *arg)
{
	size_t lane = (uintptr_t)arg;
	unsigned seed = (unsigned)lane;
	uint64_t *counts = calloc(size / PAGE, sizeof(*counts));

	for (size_t n = 0; counts != NULL && n < 60000; n++) {
		size_t page = (size_t)rand_r(&seed) % (size / PAGE);

		shared[page * WORDS + lane]++;
		counts[page]++;
	}
	return counts;
}

/* Two writers whose every increment has to be there at the end. */
static void
do_count(const char *unused)
{
	pthread_t thread[2];

	(void)unused;
	shared = map(PROT_READ | PROT_WRITE, MAP_SHARED);
	memset(shared, 0, size);
	start_threads(thread, 2, count_up);
	for (size_t lane = 1; lane <= 2; lane++) {
		void *result;
		uint64_t *counts;

		pthread_join(thread[lane - 1], &result);
		counts = result;
		for (size_t page = 0; page < size / PAGE; page++)
			if (shared[page * WORDS + lane] != counts[page])
				wrong("a write was lost", page);
		free(counts);
	}
}

static void
do_private(const char *unused)
{
	uint64_t *p = map(PROT_READ | PROT_WRITE, MAP_PRIVATE);
	uint64_t word;

	(void)unused;
	write_all(p, 6);
	check_all(p, 6);
	for (size_t i = 0; i < size / sizeof(*p); i += WORDS)
		if (pread(fd, &word, sizeof(word),
		    (off_t)(i * sizeof(word))) != sizeof(word) ||
		    word != word_at(i, 0))
			wrong("the file behind a private map", i);
}

/* ---- many --------------------------------------------------------------- */

static void *
map_window(size_t n)
{
	size_t places = size / MIB;
	void *p = mmap(NULL, MIB, PROT_READ, MAP_SHARED, fd,
	    (off_t)(n % places * MIB));

	if (p == MAP_FAILED)
		die("mmap");
	return p;
}

static void
check_window(const uint64_t *p, size_t n)
{
	size_t first = n % (size / MIB) * (MIB / sizeof(*p));

	if (p[0] != word_at(first, 0) || p[WORDS] != word_at(first + WORDS, 0))
		wrong("window", n);
}

static void
do_many(const char *count)
{
	size_t n = (size_t)atol(count);
	void **window = calloc(n, sizeof(*window));

	for (size_t i = 0; i < n; i++)
		window[i] = map_window(i);
	for (size_t i = 0; i < n; i++)
		check_window(window[i], i);
	for (size_t i = 0; i < n; i++)
		if (munmap(window[i], MIB) != 0)
			die("munmap");
	free(window);
}

static void
do_pairs(const char *count)
{
	for (size_t i = 0; i < (size_t)atol(count); i++) {
		void *p = map_window(i);

		check_window(p, i);
		if (munmap(p, MIB) != 0)
			die("munmap");
	}
}

/* ---- descriptors and daemons -------------------------------------------- */

static void
do_closefrom(const char *unused)
{
	uint64_t *p = map(PROT_READ, MAP_SHARED);

	(void)unused;
	check_page(p, 1, 0);
	closefrom(3);
	check_all(p, 0);
	/* And what comes after is right too, whoever serves it. */
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		die(path);
	check_all(map(PROT_READ, MAP_SHARED), 0);
}

/* Every number by close(2) itself, as old daemons do. */
static void
do_closeall(const char *unused)
{
	uint64_t *p = map(PROT_READ, MAP_SHARED);

	(void)unused;
	for (int i = 3; i < 2000; i++)
		close(i);
	check_all(p, 0);
}

static void
do_daemon(const char *result)
{
	uint64_t *p = map(PROT_READ, MAP_SHARED);
	int out;

	check_page(p, 1, 0);
	if (daemon(1, 0) != 0)
		die("daemon");
	closefrom(3);
	check_all(p, 0);
	out = open(result, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (out < 0 || write(out, "right\n", 6) != 6)
		_exit(1);
	_exit(0);
}

/* ---- the end of the file, and of the program ---------------------------- */

static sigjmp_buf after_bus;

static void
on_bus(int number)
{
	siglongjmp(after_bus, number);
}

static void
do_truncate(const char *unused)
{
	uint64_t *p = map(PROT_READ, MAP_SHARED);
	volatile uint64_t *behind = p + size / 2 / sizeof(*p);

	(void)unused;
	check_all(p, 0);
	if (ftruncate(fd, (off_t)(size / 2)) != 0)
		die("ftruncate");
	signal(SIGBUS, on_bus);
	if (sigsetjmp(after_bus, 1) == 0) {
		(void)*behind;
		wrong("no SIGBUS behind the end", 0);
	}
	size /= 2;
	check_all(p, 0);
	/* What comes back is zeros. */
	if (ftruncate(fd, (off_t)(2 * size)) != 0)
		die("ftruncate");
	for (size_t i = 0; i < WORDS; i++)
		if (p[size / sizeof(*p) + i] != 0)
			wrong("not zero after growth", i);
}

static atomic_bool done;

static void *
read_on(void *arg)
{
	while (!atomic_load(&done))
		check_page(shared, 0, 0);
	return arg;
}

/* Touches every page and says how many could not be had; another thread goes
 * on meanwhile. */
static void
do_broken(const char *unused)
{
	static volatile size_t page, broken;
	pthread_t thread;

	(void)unused;
	shared = map(PROT_READ, MAP_SHARED);
	start_threads(&thread, 1, read_on);
	signal(SIGBUS, on_bus);
	for (page = 0; page < size / PAGE; page++) {
		if (sigsetjmp(after_bus, 1) == 0)
			check_page(shared, page, 0);
		else
			broken++;
	}
	atomic_store(&done, true);
	pthread_join(thread, NULL);
	printf("%zu broken\n", broken);
}

/* Writes, says so, and waits for a signal. */
static void
do_wait(const char *unused)
{
	uint64_t *p = map(PROT_READ | PROT_WRITE, MAP_SHARED);

	(void)unused;
	write_all(p, 3);
	printf("ready %d\n", (int)getpid());
	fflush(stdout);
	for (;;)
		pause();
}

/* The disk fails while the named file is there, and then no more. */
static void
do_persist(const char *trigger)
{
	uint64_t *p = map(PROT_READ | PROT_WRITE, MAP_SHARED);

	write_all(p, 5);
	if (msync(p, size, MS_SYNC) == 0)
		wrong("msync of what cannot be written", 0);
	printf("%s\n", strerror(errno));
	if (unlink(trigger) != 0 || msync(p, size, MS_SYNC) != 0)
		die("msync");
}

struct deed {
	const char *name;
	void (*run)(const char *argument);
};

static const struct deed deeds[] = {
	{ "read", do_read }, { "fork", do_fork }, { "forks", do_forks },
	{ "exec", do_exec }, { "advise", do_advise },
	{ "threads", do_threads },
	{ "threadfork", do_threadfork }, { "syscalls", do_syscalls },
	{ "write", do_write }, { "end", do_end }, { "twice", do_twice },
	{ "pair", do_pair }, { "count", do_count },
	{ "private", do_private }, { "many", do_many }, { "pairs", do_pairs },
	{ "closefrom", do_closefrom }, { "closeall", do_closeall },
	{ "daemon", do_daemon }, { "truncate", do_truncate },
	{ "broken", do_broken }, { "wait", do_wait },
	{ "persist", do_persist },
};

int
main(int argc, char **argv)
{
	struct stat st;

	if (argc < 3)
		return 2;
	self = argv[0];
	path = argv[2];
	if (strcmp(argv[1], "fill") == 0) {
		fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		if (fd < 0)
			die(path);
		do_fill(argv[3]);
		return 0;
	}
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0)
		die(path);
	size = (size_t)st.st_size;
	for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++)
		if (strcmp(deeds[i].name, argv[1]) == 0) {
			deeds[i].run(argc > 3 ? argv[3] : NULL);
			return 0;
		}
	return 2;
}
