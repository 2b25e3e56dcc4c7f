/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pager/cipher.h - what is in a swap file can be read by this system alone.
 *
 * ChaCha20 of libsodium, which is loaded when the first cipher is made and not
 * before.  The key is drawn from the kernel's random numbers, is in a page that
 * is locked in memory, is never copied, and is zeroed with the cipher; what is
 * in the file is nobody's any more when the process has ended, however it did.
 *
 * A page is enciphered under a number that is used once in the life of the key:
 * the caller counts.  Deciphering is the same function with the same number.
 * Nothing here waits, allocates or takes a lock, so it may be done in a fault.
 *
 * Not promised: that somebody who can write the file is noticed, but for the
 * checksum of each page, which he would have to hit; nor that nobody sees which
 * pages are written when.
 */
#ifndef PAGER_CIPHER_H
#define PAGER_CIPHER_H

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

struct vm_cipher;
struct vm_os;

/* 0; -ENOTSUP: there is no libsodium; -ENOMEM, -EPERM: the key cannot be
 * locked; what the random numbers gave. */
VM_MUST_CHECK int vm_cipher_create(const struct vm_os *os,
    struct vm_cipher **out);
/* NULL: nothing happens. */
void vm_cipher_destroy(struct vm_cipher *cipher);

/* to may be from. */
void vm_cipher_apply(const struct vm_cipher *cipher, void *to,
    const void *from, size_t bytes, uint64_t number);

#endif
