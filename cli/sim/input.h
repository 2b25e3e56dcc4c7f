/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cli/sim/input.h - the lines of a file, which zstd(1) may have compressed.
 *
 * Whether it is compressed is seen by its first bytes, not by its name.
 */
#ifndef CLI_SIM_INPUT_H
#define CLI_SIM_INPUT_H

#include <stdint.h>

/* 256 bytes: a page, a letter and an object are 43. */
#define VM_LINE_BYTES 256

struct vm_input;

/* NULL after one sentence on stderr. */
struct vm_input *vm_input_open(const char *path);
void vm_input_close(struct vm_input *input);

/* 1: a line, without its end, of the number vm_input_line; 0: no more; -1 after
 * one sentence on stderr. */
int vm_input_next(struct vm_input *input, char line[VM_LINE_BYTES]);
uint64_t vm_input_line(const struct vm_input *input);

#endif
