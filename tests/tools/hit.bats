#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# What src/fault/hit.h and resident/read.h say that a hit touches.

bats_require_minimum_version 1.5.0

@test "a hit touches no more lines, and stores to no more, than it says" {
	run "$SOURCE_DIR/tools/hit-lines" "$BUILD_DIR"
	echo "$output"
	[ "$status" -ne 77 ] || skip "$output"
	[ "$status" -eq 0 ]
}
