/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * peers/json.h - numbers out of a JSON text, by path.
 *
 *	json_number(text, "jobs/0/read/iops", &value)
 *
 * A path is names of members and places in arrays, counted from 0, with '/'
 * between (fio has members like "99.000000").  Names with escapes are passed
 * over, not decoded.  A text that ends early or is no JSON on the way to the
 * value is an answer like any other: false.  What comes after the value is not
 * looked at.
 */
#ifndef BENCH_PEERS_JSON_H
#define BENCH_PEERS_JSON_H

#include <stdbool.h>

/* Containers within containers, on the way and in what is passed over. */
#define JSON_DEPTH_MAX 32

bool json_number(const char *text, const char *path, double *value);

#endif
