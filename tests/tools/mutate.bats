#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# tools/mutate and its list, without building anything.

bats_require_minimum_version 1.5.0

setup() { cd "$SOURCE_DIR"; }

@test "each mutation changes its file and is in docs locks" {
	run tools/mutate --check
	echo "$output"
	[ "$status" -eq 0 ]
	[ -z "$output" ]
}

# list TEXT - a tree with a file `f.c` ("one") and this list of mutations.
list() {
	top=$BATS_TEST_TMPDIR/top
	mkdir -p "$top/tools" "$top/docs"
	echo one >"$top/f.c"
	echo '| `known` | a rule |' >"$top/docs/locks.md"
	printf "$1" >"$top/tools/mutations.txt"
}

@test "an expression that changes nothing is said" {
	list 'known\tf.c\ts/two/three/\tunit_x\n'
	TOP=$top run tools/mutate --check
	[ "$status" -eq 1 ]
	[ "$output" = "known does not change f.c" ]
}

@test "a mutation that no rule names is said, and a name without one" {
	list 'other\tf.c\ts/one/three/\tunit_x\n'
	TOP=$top run tools/mutate --check
	[ "$status" -eq 1 ]
	[ "${lines[0]}" = "docs/locks.md has known, which is nowhere else" ]
	[ "${lines[1]}" = "other is not in docs/locks.md" ]
}

@test "a name that is there twice is said" {
	list 'known\tf.c\ts/one/2/\tunit_x\nknown\tf.c\ts/one/3/\tunit_x\n'
	TOP=$top run tools/mutate --check
	[ "$status" -eq 1 ]
	[ "$output" = "known is there more than once" ]
}
