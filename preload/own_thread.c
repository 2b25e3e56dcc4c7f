/* SPDX-License-Identifier: BSD-2-Clause */
/* preload/own_thread.c - own_thread.h has the contract. */
#include "own_thread.h"

#include <sched.h>
#include <stddef.h>
#include <string.h>

#include "memory.h"

/* 32 KiB: own_thread.h. */
#define STACK_BYTES 32768u

/* 4 KiB at the stack's end for what thread-local storage is addressed by:
 * the block itself and, on x86-64, the stack protector's word 40 bytes in. */
#define TLS_BYTES 4096u

/* The block points to itself, as x86-64 wants it. */
static void *
tls_block(char *memory)
{
	void **block = (void **)(void *)(memory + STACK_BYTES +
	    TLS_BYTES / 2);

	*block = block;
	return block;
}

char *
vm_own_thread(int (*body)(void *arg), const void *arg, unsigned size)
{
	char *memory = vm_own_new(STACK_BYTES + TLS_BYTES);

	if (memory == NULL)
		return NULL;
	memcpy(memory, arg, size);
	if (clone(body, memory + STACK_BYTES, CLONE_VM | CLONE_FS |
	    CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |
	    CLONE_SETTLS, memory, NULL, tls_block(memory)) >= 0)
		return memory;
	vm_own_free(memory, STACK_BYTES + TLS_BYTES);
	return NULL;
}

void
vm_own_thread_forget(char *memory)
{
	if (memory != NULL)
		vm_own_free(memory, STACK_BYTES + TLS_BYTES);
}
