/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * work.h - operations of tasks on things, by subject.
 *
 *	work.c		grab, write, sync, wire, resize, write past it
 *	steps.c		the life of a page, step by step; pins, order
 *	parts.c		pages that are valid in part; several pages at once
 *	ration.c	frames, memory, caches, regions and the limit; loans
 *
 * An operation is called with a thing that is in use, and changes the thing's
 * bytes as it changes the object's: while it holds the page exclusively and
 * before others can see it, or, where the page comes to be seen within a call,
 * at a moment when it is both.
 */
#ifndef WORK_H
#define WORK_H

#include <stdbool.h>
#include <stdint.h>

#include "world.h"

/* -- helpers: work.c -- */

/* A page of it, mostly; pages near each other, often. */
uint64_t some_page(const struct thing *thing);
/* The page, held; false: there is none, for a reason that may be. */
bool grab(struct thing *thing, uint64_t pindex, unsigned how,
    struct vm_page **page);
/* Some bytes of a page that is held exclusively and is wholly valid. */
void change_bytes(struct thing *thing, struct vm_page *page,
    uint64_t pindex);
/* What a call that needs its thing to be as long as it is may say. */
bool may_be_cut(const struct thing *thing, uint64_t pindex, unsigned cuts);

/* -- operations -- */

/* steps.c */
void alloc_at(struct thing *thing);
void replace(struct thing *thing);
void move_page(struct thing *thing);
void rename_page(struct thing *thing);
void free_page(struct thing *thing);
void placeholder(struct thing *thing);
void hold_frame(struct thing *thing);
void wire_page(struct thing *thing);
void order_page(struct thing *thing);
void give_up(struct thing *thing);

/* parts.c */
void write_part(struct thing *thing);
void invalidate(struct thing *thing);
void grab_several(struct thing *thing);
void grab_two(struct thing *thing);
void grab_async(struct thing *thing);

/* ration.c */
void set_limit(struct thing *thing);
void use_frames(struct thing *thing);
void use_memory(struct thing *thing);
void use_cache(struct thing *thing);
void use_region(struct thing *thing);
void reclaim(struct thing *thing);
void lend(struct thing *thing);

#endif
