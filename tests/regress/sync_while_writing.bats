#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
load ../system/common.bash

@test "a sync and a write of one process do not wait for each other" {
	local turn
	for turn in 1 2 3; do
		run under 4m timeout 30 "$PROGRAMS/sync_while_writing" file
		echo "$status $output"
		[ "$status" -eq 0 ]
	done
	[ "$(figure maps_managed)" -eq 1 ]
}
