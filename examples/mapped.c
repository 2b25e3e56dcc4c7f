/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A file of 4,096 pages as memory, of which 256 are resident at most; next to a
 * map of the kernel's whose file was cut, which is the program's own affair:
 * its handler of SIGBUS still hears of that one.
 */
#include <errno.h>
#include <inttypes.h>
#include <resident/resident.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGES 4096u

static sigjmp_buf cut;

static void
on_sigbus(int number)
{
	siglongjmp(cut, number);
}

static void
must(int error)
{
	if (error < 0) {
		fprintf(stderr, "mapped: %s\n", vm_last_error());
		exit(1);
	}
}

static FILE *
new_file(off_t bytes)
{
	FILE *file = tmpfile();

	if (file == NULL || ftruncate(fileno(file), bytes) != 0) {
		perror("mapped");
		exit(1);
	}
	return file;
}

/* A map of the kernel's, whose bytes are gone when it is read. */
static int
foreign(uint32_t page)
{
	FILE *file = new_file(page);
	volatile char *map = mmap(NULL, page, PROT_READ, MAP_SHARED,
	    fileno(file), 0);

	if (map == MAP_FAILED || ftruncate(fileno(file), 0) != 0)
		return 1;
	if (sigsetjmp(cut, 1) == 0) {
		(void)map[0];
		return 1;	/* it was to fail */
	}
	printf("the program heard of its own file\n");
	munmap((void *)(uintptr_t)map, page);
	fclose(file);
	return 0;
}

static int
use(struct vm *vm, char *base, uint32_t page)
{
	uint64_t *counter = (void *)base;
	int bad = 0;

	for (uint64_t i = 0; i < PAGES; i++)
		base[i * page + 100] = (char)i;
	bad |= foreign(page);
	for (uint64_t i = 0; i < PAGES; i++) {
		bad |= base[i * page + 100] != (char)i;
		++*counter;
	}
	must(vm_sync(vm, base, (size_t)PAGES * page, VM_SYNC_WAIT));
	printf("counted to %" PRIu64 "\n", *counter);
	return bad;
}

int
main(void)
{
	struct vm_options o = VM_OPTIONS_INIT;
	struct vm_map_options m = VM_MAP_OPTIONS_INIT;
	uint32_t page = vm_page_bytes();
	FILE *file = new_file((off_t)PAGES * page);
	struct vm *vm;
	void *base;
	int error, bad;

	signal(SIGBUS, on_sigbus);
	o.resident_max_bytes = UINT64_C(256) * page;
	must(vm_create(&o, &vm));
	must(vm_object_create_file(vm, fileno(file), 0, VM_LENGTH_ALL,
	    VM_OBJECT_WRITABLE, &m.object));
	m.prot = VM_PROT_READ | VM_PROT_WRITE;
	error = vm_map(vm, &m, &base);
	if (error == -EPERM || error == -ENOSYS) {
		printf("not here: %s\n", vm_last_error());
		return 77;
	}
	must(error);
	bad = use(vm, base, page);
	must(vm_unmap(vm, base, (size_t)PAGES * page));
	must(vm_object_destroy(m.object));
	must(vm_destroy(vm));
	fclose(file);
	return bad;
}
