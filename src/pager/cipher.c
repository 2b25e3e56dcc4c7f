/* SPDX-License-Identifier: BSD-2-Clause */
/* pager/cipher.c - cipher.h has the theory. */
#include "pager/cipher.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/assert.h"
#include "base/error.h"
#include "os/os.h"

/* crypto_stream_chacha20_KEYBYTES and _NONCEBYTES. */
#define KEY_BYTES	32u
#define NONCE_BYTES	8u

/* The key has a page of its own. */
#define KEY_MEMORY_BYTES 4096u

/* libsodium's, as its manual has them: its headers need not be there. */
typedef int sodium_init_function(void);
typedef int sodium_chacha20_function(unsigned char *to,
    const unsigned char *from, unsigned long long bytes,
    const unsigned char *nonce, const unsigned char *key);

struct vm_cipher {
	const struct vm_os *os;			/* (C) */
	unsigned char *key;			/* (C) */
};

/* Of the process, once: a library is loaded for good. */
static pthread_once_t loaded = PTHREAD_ONCE_INIT;
static sodium_chacha20_function *chacha20;	/* (loaded) */

static void
load(void)
{
	/* The first is what Debian has had since 2017. */
	static const char *const names[] = { "libsodium.so.23",
		"libsodium.so.26", "libsodium.so" };
	sodium_init_function *init = NULL;
	void *library = NULL, *symbol;

	for (unsigned i = 0; library == NULL && i < VM_COUNT(names); i++)
		library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
	if (library == NULL)
		return;
	/* Copied, for C has no conversion of an object's pointer to a
	 * function's. */
	symbol = dlsym(library, "sodium_init");
	memcpy(&init, &symbol, sizeof(init));
	symbol = dlsym(library, "crypto_stream_chacha20_xor");
	/* 1: somebody else has done it. */
	if (init != NULL && init() >= 0)
		memcpy(&chacha20, &symbol, sizeof(chacha20));
}

static int
make_key(const struct vm_os *os, unsigned char *key)
{
	int error = os->pin(key, KEY_MEMORY_BYTES);

	if (error != 0)
		return vm_error(-error, "swap: locking the key in memory: %s",
		    vm_errno_text(-error));
	error = os->random(key, KEY_BYTES);
	if (error != 0)
		return vm_error(-error, "swap: drawing a key: %s",
		    vm_errno_text(-error));
	return 0;
}

int
vm_cipher_create(const struct vm_os *os, struct vm_cipher **out)
{
	struct vm_cipher *cipher;
	void *key;
	int error;

	pthread_once(&loaded, load);
	if (chacha20 == NULL)
		return vm_error(ENOTSUP, "swap: to encipher it takes "
		    "libsodium, which is not here");
	cipher = os->alloc(sizeof(*cipher));
	if (cipher == NULL || os->map_anon(KEY_MEMORY_BYTES, &key) != 0) {
		os->free(cipher);
		return vm_error(ENOMEM, "swap: no memory for a key");
	}
	cipher->os = os;
	cipher->key = key;
	error = make_key(os, key);
	if (error != 0) {
		vm_cipher_destroy(cipher);
		return error;
	}
	*out = cipher;
	return 0;
}

void
vm_cipher_destroy(struct vm_cipher *cipher)
{
	const struct vm_os *os;

	if (cipher == NULL)
		return;
	os = cipher->os;
	explicit_bzero(cipher->key, KEY_BYTES);
	(void)os->unpin(cipher->key, KEY_MEMORY_BYTES);
	(void)os->unmap(cipher->key, KEY_MEMORY_BYTES);
	os->free(cipher);
}

void
vm_cipher_apply(const struct vm_cipher *cipher, void *to, const void *from,
    size_t bytes, uint64_t number)
{
	unsigned char nonce[NONCE_BYTES];

	_Static_assert(sizeof(number) == NONCE_BYTES, "a nonce is a number");
	memcpy(nonce, &number, sizeof(nonce));
	/* It fails only for more bytes than a file can have. */
	if (chacha20(to, from, bytes, nonce, cipher->key) != 0)
		vm_assert(false);
}
