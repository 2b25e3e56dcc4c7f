/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * preload/limbo.h - dropping page-table entries when the server asks.
 *
 * A page's use shows in this process's page tables alone, and nobody else can
 * drop what is in there.  So a thread (own_thread.h) sleeps until the server
 * counts `asked` of the client page up, drops the entries of managed maps, says
 * which, and sleeps again; the server then looks what was touched since
 * (server/limbo.h).
 *
 * Dropped are only entries of what the program mapped shared: there the bytes
 * are the store's.  Of a private map MADV_DONTNEED would drop the program's own
 * copies.  It is done under the state gate, so that what is dropped is what the
 * table says.
 *
 * Without the thread nothing is missing but what the server would learn.
 */
#ifndef LIMBO_H
#define LIMBO_H

/* Makes the thread unless there is one.  Signals are blocked. */
void vm_limbo_start(void);

/* The client page is about to be another's: the thread goes. */
void vm_limbo_stop(void);

/* In a forked child, before it has a client page: there is no thread. */
void vm_limbo_forget(void);

#endif
