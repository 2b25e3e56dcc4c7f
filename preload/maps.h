/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * preload/maps.h - what the kernel says is mapped: /proc/self/maps.
 */
#ifndef MAPS_H
#define MAPS_H

#include <stdbool.h>
#include <stdint.h>

/* What a line says. */
struct vm_maps_line {
	uint64_t start;
	uint64_t end;
	uint64_t offset;	/* bytes into the file */
	uint64_t device;	/* as st_dev */
	uint64_t inode;		/* 0: no file */
	bool read;
	bool write;
	bool execute;
	bool shared;
};

/* One line, without its newline; false when it is not one. */
bool vm_maps_parse(const char *line, const char *end,
    struct vm_maps_line *out);

/* Calls back for each line, by address, until that returns nonzero, and
 * returns that; 0 after the last; -errno when it cannot be read. */
int vm_maps_each(int (*each)(void *arg, const struct vm_maps_line *line),
    void *arg);

#endif
