/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cli/report.h - what happened, for people and for programs.
 */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include <limits.h>

struct vm_server_report;

/* A file that will get figures: opened before the program starts, so that it
 * is not after an hour that one hears that it cannot be written. */
struct vm_json {
	int fd;			/* -1: none wanted */
	const char *path;	/* as the user wrote it */
	char temporary[PATH_MAX];	/* renamed to path; "": fd is path */
};

/* path: NULL for none.  0, or -1 after a sentence. */
int vm_json_open(struct vm_json *json, const char *path);
/* Writes the figures, all or none where the file is a regular one.  0, or -1
 * after a sentence.  Closes. */
int vm_json_write(struct vm_json *json,
    const struct vm_server_report *report);
/* No figures: leaves nothing behind. */
void vm_json_drop(struct vm_json *json);

/* A short table on stderr. */
void vm_report_print(const struct vm_server_report *report);

#endif
