/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench/report.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

/* Pages written at a time while a file is made: 1 MiB of 4 KiB ones. */
#define AT_ONCE 256u

static struct bench_file *files;

uint64_t
bench_page_bytes(void)
{
	return (uint64_t)sysconf(_SC_PAGESIZE);
}

uint64_t
bench_mem(const struct bench *bench, uint64_t usual_bytes,
    uint64_t quick_bytes)
{
	if (bench->options.mem_bytes != 0)
		return bench->options.mem_bytes;
	return bench->options.quick ? quick_bytes : usual_bytes;
}

/* ---- the end ------------------------------------------------------------- */

/* What getdents64 writes. */
struct entry {
	uint64_t inode;
	int64_t next;
	uint16_t bytes;
	uint8_t kind;
	char name[];
};

/* A folder has files in it and no folders.  Without libc's readdir, which
 * allocates: a handler does this too. */
static void
remove_files_in(int folder)
{
	_Alignas(struct entry) char entries[4096];
	long got;

	lseek(folder, 0, SEEK_SET);
	while ((got = syscall(SYS_getdents64, folder, entries,
	    sizeof(entries))) > 0)
		for (long at = 0; at < got;) {
			struct entry *entry = (void *)(entries + at);

			unlinkat(folder, entry->name, 0);
			at += entry->bytes;
		}
}

static void
remove_it(const struct bench_file *file)
{
	if (file->pages == 0) {
		remove_files_in(file->fd);
		rmdir(file->path);
	} else {
		unlink(file->path);
	}
}

void
bench_files_fini(void)
{
	while (files != NULL) {
		struct bench_file *file = files;

		files = file->next;
		remove_it(file);
		close(file->fd);
		free(file);
	}
}

static void (*hooks[BENCH_HOOKS_MOST])(void);

void
bench_at_signal(void (*hook)(void))
{
	for (unsigned i = 0; i < BENCH_HOOKS_MOST; i++)
		if (hooks[i] == NULL || hooks[i] == hook) {
			hooks[i] = hook;
			return;
		}
	bench_die("too many hooks");
}

/* Only what a handler may call; the signal then does what it does. */
static void
remove_and_end(int signal)
{
	for (unsigned i = 0; i < BENCH_HOOKS_MOST; i++)
		if (hooks[i] != NULL)
			hooks[i]();
	for (const struct bench_file *file = files; file != NULL;
	    file = file->next)
		remove_it(file);
	raise(signal);
}

static void
remove_at_end(void)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	action.sa_handler = remove_and_end;
	action.sa_flags = (int)SA_RESETHAND;
	for (unsigned i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		sigaction(ends[i], &action, NULL);
	atexit(bench_files_fini);
}

/* ---- making one ---------------------------------------------------------- */

static const char *
folder_of(const struct bench *bench, enum bench_store store)
{
	if (bench->options.path != NULL)
		return bench->options.path;
	return store == BENCH_NULL_STORE ? "/dev/shm" : "/var/tmp";
}

/* A disk that is memory would answer another question. */
static bool
store_possible(struct bench *bench, enum bench_store store,
    const char *folder, uint64_t bytes)
{
	struct statfs fs;

	if (statfs(folder, &fs) != 0) {
		bench_skip(bench, "%s: %s", folder, strerror(errno));
		return false;
	}
	if (store == BENCH_DISK && fs.f_type == TMPFS_MAGIC) {
		bench_skip(bench, "%s is memory, no disk: --path", folder);
		return false;
	}
	if ((uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize < bytes) {
		bench_skip(bench, "%s has no room for %llu MiB", folder,
		    (unsigned long long)(bytes >> 20));
		return false;
	}
	return true;
}

/* The stamp of each page, then words that differ from page to page: a store
 * that compresses or shares equal pages gains nothing. */
static void
fill_pages(uint64_t *words, uint64_t first, uint64_t count)
{
	uint64_t per_page = bench_page_bytes() / sizeof(*words);
	struct bench_rng rng = bench_rng(first);

	for (uint64_t i = 0; i < count; i++) {
		words[i * per_page] = first + i;
		for (uint64_t j = 1; j < per_page; j++)
			words[i * per_page + j] = bench_random(&rng);
	}
}

static int
write_pages(int fd, uint64_t pages)
{
	uint64_t page_bytes = bench_page_bytes();
	uint64_t *words = malloc(AT_ONCE * page_bytes);
	uint64_t count;
	int code = 0;

	if (words == NULL)
		return -ENOMEM;
	for (uint64_t i = 0; i < pages && code == 0; i += count) {
		ssize_t wrote;

		count = pages - i < AT_ONCE ? pages - i : AT_ONCE;
		fill_pages(words, i, count);
		wrote = pwrite(fd, words, count * page_bytes,
		    (off_t)(i * page_bytes));
		if (wrote < 0)
			code = -errno;
		else if ((uint64_t)wrote != count * page_bytes)
			code = -ENOSPC;
	}
	free(words);
	return code;
}

/* The first, the last and some between are what they should be. */
static bool
pages_good(const struct bench_file *file)
{
	struct bench_rng rng = bench_rng(file->pages);

	for (unsigned i = 0; i < 64; i++) {
		uint64_t page = i == 0 ? 0 : i == 1 ? file->pages - 1 :
		    bench_below(&rng, file->pages);
		uint64_t word = ~page;

		if (pread(file->fd, &word, sizeof(word),
		    (off_t)(page * bench_page_bytes())) != sizeof(word) ||
		    !bench_page_good(&word, page))
			return false;
	}
	return true;
}

/* From now on it is removed at the end. */
static void
keep(struct bench_file *file)
{
	if (files == NULL)
		remove_at_end();
	file->next = files;
	files = file;
}

static struct bench_file *
file_new(enum bench_store store, const char *folder, uint64_t bytes)
{
	struct bench_file *file = calloc(1, sizeof(*file));

	if (file == NULL)
		bench_die("no memory");
	snprintf(file->path, sizeof(file->path), "%s/resident-bench.XXXXXX",
	    folder);
	file->store = store;
	file->pages = bytes / bench_page_bytes();
	file->bytes = file->pages * bench_page_bytes();
	file->fd = mkostemp(file->path, O_CLOEXEC);
	if (file->fd < 0) {
		free(file);
		return NULL;
	}
	keep(file);
	return file;
}

static struct bench_file *
make(struct bench *bench, enum bench_store store, uint64_t bytes)
{
	const char *folder = folder_of(bench, store);
	struct bench_file *file;
	int code;

	if (!store_possible(bench, store, folder, bytes))
		return NULL;
	file = file_new(store, folder, bytes);
	if (file == NULL) {
		bench_skip(bench, "a file in %s: %s", folder, strerror(errno));
		return NULL;
	}
	code = write_pages(file->fd, file->pages);
	if (code == 0 && fdatasync(file->fd) != 0)
		code = -errno;
	if (code < 0)
		bench_die("writing %s: %s", file->path, strerror(-code));
	if (!pages_good(file))
		bench_die("%s has not the bytes written to it", file->path);
	return file;
}

struct bench_file *
bench_file(struct bench *bench, enum bench_store store, uint64_t bytes)
{
	uint64_t pages = bytes / bench_page_bytes();

	for (struct bench_file *file = files; file != NULL; file = file->next)
		if (file->store == store && file->pages == pages)
			return file;
	return make(bench, store, bytes);
}

const char *
bench_folder(struct bench *bench, enum bench_store store, uint64_t bytes)
{
	const char *folder = folder_of(bench, store);
	struct bench_file *file;

	if (!store_possible(bench, store, folder, bytes))
		return NULL;
	file = calloc(1, sizeof(*file));
	if (file == NULL)
		bench_die("no memory");
	snprintf(file->path, sizeof(file->path), "%s/resident-bench.XXXXXX",
	    folder);
	file->store = store;
	if (mkdtemp(file->path) == NULL) {
		bench_skip(bench, "a folder in %s: %s", folder,
		    strerror(errno));
		free(file);
		return NULL;
	}
	file->fd = open(file->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (file->fd < 0)
		bench_die("%s: %s", file->path, strerror(errno));
	keep(file);
	return file->path;
}

void
bench_file_drop(const struct bench_file *file)
{
	if (fdatasync(file->fd) != 0)
		bench_die("%s: %s", file->path, strerror(errno));
	posix_fadvise(file->fd, 0, 0, POSIX_FADV_DONTNEED);
}
