/* SPDX-License-Identifier: BSD-2-Clause */
/* The cipher of swap files: that it is what it says, and where its key is. */
#include "pager/cipher.h"

#include <errno.h>

#include "base/error.h"
#include "check.h"
#include "rig.h"

static struct vm_cipher *cipher;

/* False: libsodium is not here. */
static bool
setup(void)
{
	int error;

	rig_reset();
	error = vm_cipher_create(&rig_os, &cipher);
	CHECK(error == 0 || error == -ENOTSUP);
	return error == 0;
}

static void
teardown(void)
{
	vm_cipher_destroy(cipher);
	rig_check_clean();
}

/* ChaCha20 with a key of 32 'k' and the nonce 1: the first bytes, computed by
 * Python's arithmetic from D. J. Bernstein's description. */
TEST(it_is_chacha20)
{
	static const unsigned char wanted[] = {
	    0x39, 0x18, 0x92, 0x7e, 0x0a, 0x47, 0x16, 0x01,
	    0xff, 0xa6, 0xc6, 0xe3, 0xbe, 0x8f, 0x65, 0x32,
	};
	unsigned char zeros[64] = { 0 }, out[64];

	if (!setup())
		CHECK_SKIP("no libsodium");
	vm_cipher_apply(cipher, out, zeros, sizeof(out), 1);
	CHECK(memcmp(out, wanted, sizeof(wanted)) == 0);
	teardown();
}

TEST(what_was_enciphered_comes_back_by_its_number_alone)
{
	unsigned char plain[PAGE], out[PAGE], back[PAGE];

	if (!setup())
		CHECK_SKIP("no libsodium");
	memset(plain, 'p', PAGE);
	vm_cipher_apply(cipher, out, plain, PAGE, 5);
	CHECK(memcmp(out, plain, PAGE) != 0);
	vm_cipher_apply(cipher, back, out, PAGE, 5);
	CHECK(memcmp(back, plain, PAGE) == 0);
	vm_cipher_apply(cipher, back, out, PAGE, 6);
	CHECK(memcmp(back, plain, PAGE) != 0);
	/* In place, too. */
	vm_cipher_apply(cipher, out, out, PAGE, 5);
	CHECK(memcmp(out, plain, PAGE) == 0);
	teardown();
}

TEST(the_key_is_in_locked_memory_and_zeroed)
{
	if (!setup())
		CHECK_SKIP("no libsodium");
	CHECK(rig.pinned != NULL);
	CHECK_INT(*(const char *)rig.pinned, 'k');
	/* The rig looks at every byte when it is unlocked. */
	teardown();
	CHECK(rig.pinned == NULL);
}

TEST(without_a_key_there_is_no_cipher)
{
	if (!setup())
		CHECK_SKIP("no libsodium");
	teardown();
	rig.pin_errno = EPERM;
	CHECK_INT(vm_cipher_create(&rig_os, &cipher), -EPERM);
	CHECK(strstr(vm_error_text(), "locking the key") != NULL);
	rig.pin_errno = 0;
	rig.random_errno = EIO;
	CHECK_INT(vm_cipher_create(&rig_os, &cipher), -EIO);
	CHECK(strstr(vm_error_text(), "drawing a key") != NULL);
	rig.random_errno = 0;
	for (unsigned n = 1; n <= 2; n++) {
		rig.allocs = 0;
		rig.fail_alloc = n;
		CHECK_INT(vm_cipher_create(&rig_os, &cipher), -ENOMEM);
	}
	rig_check_clean();
}

TEST(destroying_nothing_does_nothing)
{
	vm_cipher_destroy(NULL);
}
