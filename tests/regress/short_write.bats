#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
load ../system/common.bash

@test "a write that comes short leaves what the map wrote behind it" {
	"$PROGRAMS/short_write" file
	run under 8m "$PROGRAMS/short_write" file
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(figure maps_managed)" -eq 1 ]
	[ "$(head -c 1574098 file | tr -d w | wc -c)" -eq 0 ]
	[ "$(tail -c +1574099 file | tr -d m | wc -c)" -eq 0 ]
}
