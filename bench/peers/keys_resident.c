/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * peers/keys_resident.c - the same keys in pages of ours: as many as fit, the
 * sorted keys first, then their values in the same order.
 *
 *	index	the first key of each page in an array, searched by halves, then
 *		the page, searched by halves: what a B-tree does whose inner
 *		nodes are all in plain memory
 *	place	page and place are computed from the key: the page fetch alone
 *
 * The page is held while its record is copied.  There is no transaction, and
 * nothing here could insert.  Of the memory an eighth is left for descriptors,
 * the index, and what else a process needs.
 */
#include <errno.h>
#include <fcntl.h>
#include <resident/resident.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/peers/keys.h"

#define FILE_NAME "pages"

struct store {
	struct vm *vm;
	struct vm_object *object;
	uint64_t pages;
	uint64_t *first;	/* key of each page; NULL: place */
	int fd;
};

static uint64_t
records_per_page(void)
{
	return vm_page_bytes() / (sizeof(uint64_t) + KEY_VALUE_BYTES);
}

static size_t
value_offset(uint64_t i)
{
	return records_per_page() * sizeof(uint64_t) + i * KEY_VALUE_BYTES;
}

static void
fill_page(void *page, uint64_t key, uint64_t keys)
{
	uint64_t *page_keys = page;

	/* Where there is no record: a key above all others. */
	memset(page, 0xff, vm_page_bytes());
	for (uint64_t i = 0; i < records_per_page() && key < keys; i++) {
		page_keys[i] = key;
		key_value(key, (uint8_t *)page + value_offset(i));
		key++;
	}
}

static int
write_pages(int fd, uint64_t keys)
{
	uint32_t bytes = vm_page_bytes();
	void *page = malloc(bytes);
	int error = page == NULL ? -ENOMEM : 0;

	for (uint64_t key = 0; key < keys && error == 0;
	    key += records_per_page()) {
		fill_page(page, key, keys);
		if (write(fd, page, bytes) != (ssize_t)bytes)
			error = -EIO;
	}
	free(page);
	return error;
}

static int
make(const struct keys_config *config, const char **why)
{
	char path[KEYS_PATH_BYTES];
	int fd, error;

	keys_path(config, FILE_NAME, path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	*why = "the file cannot be written";
	if (fd < 0)
		return -errno;
	error = write_pages(fd, config->keys);
	if (error == 0 && fdatasync(fd) != 0)
		error = -errno;
	close(fd);
	return error;
}

static int
open_object(struct store *store, const struct keys_config *config)
{
	struct vm_options options = VM_OPTIONS_INIT;
	char path[KEYS_PATH_BYTES];
	int error;

	options.resident_max_bytes = config->memory_bytes -
	    config->memory_bytes / 8;
	keys_path(config, FILE_NAME, path);
	store->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (store->fd < 0)
		return -errno;
	error = vm_create(&options, &store->vm);
	if (error == 0)
		error = vm_object_create_file(store->vm, store->fd, 0,
		    VM_LENGTH_ALL, 0, &store->object);
	if (error == 0)
		error = vm_object_advise(store->object, VM_ADVICE_RANDOM);
	return error;
}

static void
close_store(void *self)
{
	struct store *store = self;

	if (store->object != NULL)
		vm_object_destroy(store->object);
	if (store->vm != NULL)
		vm_destroy(store->vm);
	if (store->fd >= 0)
		close(store->fd);
	free(store->first);
	free(store);
}

static int
open_place(const struct keys_config *config, void **self, const char **why)
{
	struct store *store = calloc(1, sizeof(*store));
	int error;

	*why = "no memory";
	if (store == NULL)
		return -ENOMEM;
	store->pages = (config->keys + records_per_page() - 1) /
	    records_per_page();
	error = open_object(store, config);
	if (error != 0) {
		*why = vm_last_error();
		close_store(store);
		return error;
	}
	*self = store;
	return 0;
}

static int
open_index(const struct keys_config *config, void **self, const char **why)
{
	struct store *store;
	int error = open_place(config, self, why);

	if (error != 0)
		return error;
	store = *self;
	store->first = calloc(store->pages, sizeof(*store->first));
	if (store->first == NULL) {
		*why = "no memory";
		close_store(store);
		return -ENOMEM;
	}
	/* A tree would have them from its inner nodes. */
	for (uint64_t i = 0; i < store->pages; i++)
		store->first[i] = i * records_per_page();
	return 0;
}

static void *
begin(void *self, unsigned thread)
{
	(void)thread;
	return self;
}

static void
end(void *reader)
{
	(void)reader;
}

/* The last of count keys that is not above key; the first one is not. */
static uint64_t
search(const uint64_t *keys, uint64_t count, uint64_t key)
{
	uint64_t low = 0;

	while (count > 1) {
		uint64_t half = count / 2;

		if (keys[low + half] <= key)
			low += half;
		count -= half;
	}
	return low;
}

static bool
copy_value(const void *page, uint64_t i, uint64_t key,
    uint8_t value[KEY_VALUE_BYTES])
{
	memcpy(value, (const uint8_t *)page + value_offset(i),
	    KEY_VALUE_BYTES);
	return ((const uint64_t *)page)[i] == key;
}

static bool
get_index(void *reader, uint64_t key, uint8_t value[KEY_VALUE_BYTES])
{
	const struct store *store = reader;
	uint64_t there = search(store->first, store->pages, key);
	struct vm_page *page;
	const void *data;
	bool found;

	if (vm_page_grab(store->object, there, VM_GRAB_READ, &page) != 0)
		return false;
	data = vm_page_data(page);
	found = copy_value(data, search(data, records_per_page(), key), key,
	    value);
	vm_page_release(page);
	return found;
}

static bool
get_place(void *reader, uint64_t key, uint8_t value[KEY_VALUE_BYTES])
{
	const struct store *store = reader;
	struct vm_page *page;
	bool found;

	if (vm_page_grab(store->object, key / records_per_page(),
	    VM_GRAB_READ, &page) != 0)
		return false;
	found = copy_value(vm_page_data(page), key % records_per_page(), key,
	    value);
	vm_page_release(page);
	return found;
}

const struct keys_ops keys_resident_index = {
	.name = "resident, index",
	.store = "resident",
	.make = make,
	.open = open_index,
	.begin = begin,
	.get = get_index,
	.end = end,
	.close = close_store,
};

const struct keys_ops keys_resident_place = {
	.name = "resident, place",
	.store = "resident",
	.make = make,
	.open = open_place,
	.begin = begin,
	.get = get_place,
	.end = end,
	.close = close_store,
};
