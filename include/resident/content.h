/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * resident/content.h - what is in a page, block by block.
 *
 * A block is 512 bytes of a page of up to 16 KiB, a 32nd of a larger one.  Each
 * is valid (its bytes are the object's), dirty (the pager has not got them),
 * both, or neither; bit i of a bitmap is block i.  vm_page_grab brings pages
 * that are valid as a whole, so only who allocates or invalidates pages himself
 * needs any of this.
 *
 * A part of a block that is neither valid nor dirty comes with zeros in the
 * rest of it: nobody sees what was in that memory before.  So first the bytes,
 * then the call, and a call after each piece.  What lies behind the end of the
 * object, in its last page, is zeros and valid.
 *
 * The page is held exclusively, or has no identity and is the caller's (for
 * vm_page_valid and others that only look: held in any way).  A range that does
 * not lie in the page, and a page that is not held like that, stop the program.
 * None of these waits for a page, for memory or for a disk.
 *
 * After FreeBSD's vm_page.c, but where Mach and NetBSD are named.
 */
#ifndef RESIDENT_CONTENT_H
#define RESIDENT_CONTENT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vm;
struct vm_page;

/* The blocks that bytes [offset, offset + length) touch; 0 for length 0.
 * FreeBSD's vm_page_bits. */
uint32_t vm_page_bits(struct vm *vm, uint32_t offset, uint32_t length);

uint32_t vm_page_valid(const struct vm_page *page);
uint32_t vm_page_dirty_bits(const struct vm_page *page);

/* The bytes are there.  0; -ENOTSUP: zeros were to be put around them, and the
 * page has no memory (as of all functions here that return int). */
int vm_page_set_valid(struct vm_page *page, uint32_t offset, uint32_t length);

/* As vm_page_set_valid, and the pager has them: clean.  STRICT: only blocks
 * that the range covers become clean.  PARTIAL, as in FreeBSD: those that it
 * touches too, and a neighbour's change in them is lost.  The whole page:
 * NOSYNC ends.  Anonymous memory stays dirty, see vm_page_clear_dirty. */
#define VM_CLEAN_STRICT		0x0u
#define VM_CLEAN_PARTIAL	0x1u
int vm_page_set_validclean(struct vm_page *page, uint32_t offset,
    uint32_t length, unsigned flags);

/* The bytes were changed, as vm_page_dirty says, of a page that may not be
 * valid.  -EACCES: the object is read-only. */
int vm_page_set_dirty(struct vm_page *page, uint32_t offset, uint32_t length);

/* The change is not to be written: of these blocks, of any.  A page that vm_map
 * shows stays dirty: others may have written to it.  So does one of anonymous
 * memory: swap gives up what it has of a page that changed. */
void vm_page_clear_dirty(struct vm_page *page, uint32_t offset,
    uint32_t length);
void vm_page_undirty(struct vm_page *page);

/* Neither valid nor dirty; the object's generation grows.  -ENOTSUP also for
 * objects with VM_OBJECT_STORE, or that vm_map shows: others may see them. */
int vm_page_set_invalid(struct vm_page *page, uint32_t offset,
    uint32_t length);

/* Zeros in every block that is neither valid nor dirty; with set_valid the
 * page is valid as a whole then. */
int vm_page_zero_invalid(struct vm_page *page, int set_valid);

/* 1 when all blocks of the range are valid; of length 0, when any of the page
 * is. */
int vm_page_is_valid(const struct vm_page *page, uint32_t offset,
    uint32_t length);

/* 1 when any block is dirty, by what holders have said or by writes of client
 * processes: these trap and are known when they happen. */
int vm_page_test_dirty(const struct vm_page *page);

/* Zeros.  The state stays as it is (Mach, FreeBSD), or with VM_ZERO_DIRTY the
 * page is valid and dirty as a whole (NetBSD's uvm_pagezero). */
#define VM_ZERO_DIRTY	0x1u
int vm_page_zero_fill(struct vm_page *page, unsigned flags);

/* The bytes of one page into another of the same system; from is held in any
 * way.  The state stays as it is (Mach), or with VM_COPY_VALID to is valid as
 * a whole (FreeBSD). */
#define VM_COPY_VALID	0x1u
int vm_page_copy(const struct vm_page *from, struct vm_page *to,
    unsigned flags);

/* Mach's precious: only this page has the bytes, so it goes to the pager
 * before it leaves, clean or not; then it is so no more. */
void vm_page_set_precious(struct vm_page *page, int on);
int vm_page_precious(const struct vm_page *page);

/* FreeBSD's PG_NOSYNC: vm_object_flush of the whole object passes over the
 * page.  A flush of its range, a sync, and lack of memory write it. */
void vm_page_set_nosync(struct vm_page *page, int on);
int vm_page_nosync(const struct vm_page *page);

/* Mach's error: the pager could not bring the bytes, and the next grab gets
 * -EIO.  The page leaves then, if it can, and is read again for the one after.
 * 1 while it is in error. */
void vm_page_set_error(struct vm_page *page, int on);
int vm_page_error(const struct vm_page *page);

#ifdef __cplusplus
}
#endif

#endif
