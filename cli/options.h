/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cli/options.h - what the user wants: command line and RESIDENT_CONF.
 *
 * RESIDENT_CONF="key:value,key,..." has the long options' names as keys.  It
 * is read first, so that the command line wins; globs of both add up.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include <resident/resident.h>

#include "server/server.h"

#define VM_CONF_ENV "RESIDENT_CONF"

/* 64 globs of each kind: more than anybody writes on a line. */
#define VM_GLOBS_MAX 64

struct vm_run_options {
	struct vm_server_options server;
	const char *include[VM_GLOBS_MAX + 1];
	const char *exclude[VM_GLOBS_MAX + 1];
	struct vm_swap_file swap_file[VM_SWAP_FILES];
	char *swap_text[VM_SWAP_FILES];	/* owns what these point to */
	struct vm_file_rule rule[VM_GLOBS_MAX];
	struct vm_cleaning cleaning;	/* what server.vm.cleaning is */
	const char *json;	/* NULL: none */
	char **program;		/* argv of the program, NULL-terminated */
	bool help;
	bool version;
	char *conf;		/* owns what the environment gave */
};

/*
 * Reads both.  argv[0] is the command's name ("run").  0, or -1 after one
 * sentence on stderr.  Pointers into argv are kept.
 */
int vm_options_read(struct vm_run_options *options, int argc, char **argv);
void vm_options_fini(struct vm_run_options *options);

#endif
