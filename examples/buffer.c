/* SPDX-License-Identifier: BSD-2-Clause */
/* A file of 2,048 pages, with 1 MiB of memory; its header stays there. */
#include <inttypes.h>
#include <resident/resident.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGES 2048u

static void
must(int error)
{
	if (error < 0) {
		fprintf(stderr, "buffer: %s\n", vm_last_error());
		exit(1);
	}
}

/* Page i is new, and so nothing is read.  With an account it stays. */
static void
append(struct vm_object *file, uint64_t i, struct vm_account *account)
{
	uint32_t bytes = vm_page_bytes();
	struct vm_page *page;

	must(vm_page_grab(file, i, VM_GRAB_WRITE | VM_GRAB_NOREAD, &page));
	memset(vm_page_data(page), (int)(i % 251), bytes);
	must(vm_page_set_valid(page, 0, bytes));
	vm_page_dirty(page, 0, bytes);
	if (account != NULL)
		must(vm_page_wire(page, account));
	vm_page_release(page);
}

static void
print(struct vm *vm, struct vm_account *account)
{
	struct vm_stat stat = VM_STAT_INIT;
	struct vm_account_stat own;

	must(vm_stat(vm, &stat));
	vm_account_stat(account, &own);
	printf("%" PRIu64 " pages in, %" PRIu64 " out, at most %" PRIu64
	    " in memory; %s: %" PRIu64 " wired\n", stat.pages_in,
	    stat.pages_out, stat.peak_pages, own.name, own.wired_pages);
}

int
main(void)
{
	struct vm_account_options own = VM_ACCOUNT_INIT;
	struct vm_options options = VM_OPTIONS_INIT;
	uint64_t bytes = (uint64_t)PAGES * vm_page_bytes();
	struct vm_account *account;
	struct vm_object *file;
	struct vm_page *header;
	FILE *disk = tmpfile();
	struct vm *vm;

	if (disk == NULL || ftruncate(fileno(disk), (off_t)bytes) != 0)
		return 1;
	options.resident_max_bytes = 1 << 20;
	own.name = "headers";
	own.wired_max = 8;
	must(vm_create(&options, &vm));
	must(vm_account_create(vm, &own, &account));
	must(vm_object_create_file(vm, fileno(disk), 0, bytes,
	    VM_OBJECT_WRITABLE, &file));
	for (uint64_t i = 0; i < PAGES; i++)
		append(file, i, i == 0 ? account : NULL);
	must(vm_object_sync(file, 0, VM_LENGTH_ALL));
	print(vm, account);
	must(vm_page_grab(file, 0, VM_GRAB_READ, &header));
	must(vm_page_unwire(header, account, VM_TO_INACTIVE));
	vm_page_release(header);
	must(vm_object_destroy(file));
	must(vm_account_destroy(account));
	must(vm_destroy(vm));
	return 0;
}
