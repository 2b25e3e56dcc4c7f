#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# tools/lineage on a small tree of its own, and on this one.

bats_require_minimum_version 1.5.0

setup() { cd "$SOURCE_DIR"; }

@test "what docs lineage says of this tree is there" {
	run tools/lineage
	echo "$output"
	[ "$status" -eq 0 ]
}

# A tree with a function f, a test t of it, and all rows, each shown by it.
tree() {
	top=$BATS_TEST_TMPDIR/top
	mkdir -p "$top/src" "$top/tests" "$top/docs"
	printf 'int\nf(void)\n{\n}\n' >"$top/src/f.c"
	printf 'TEST(t)\n{\n}\n' >"$top/tests/t.c"
	for row in M,55 F,80 R,83; do
		for number in $(seq -w 1 "${row#*,}"); do
			echo "| ${row%,*}$number | f | tests/t.c: t | |"
		done
	done >"$top/docs/lineage.md"
}

# row ID CELLS - that row's cells are these.
row() { sed -i "s#^| $1 |.*#| $1 | $2 |#" "$top/docs/lineage.md"; }

lineage() { TOP=$top run tools/lineage "$@"; }

@test "all rows proven is success" {
	tree
	lineage
	[ "$status" -eq 0 ]
	[ "$output" = "rows 218, proven 218, not meaningful 0" ]
}

@test "a function that is not defined is said" {
	tree
	row M07 'f, g | tests/t.c: t | '
	lineage
	[ "$status" -eq 1 ]
	[ "${lines[0]}" = "M07: g is not defined" ]
	[ "${lines[1]}" = "rows 218, proven 217, not meaningful 0" ]
}

@test "a test that is not there is said" {
	tree
	row F80 'f | tests/t.c: t; u | '
	row R01 'f | tests/u.c: t | '
	lineage
	[ "$status" -eq 1 ]
	[ "${lines[0]}" = "F80: tests/t.c has no test 'u'" ]
	[ "${lines[1]}" = "R01: tests/u.c is not there" ]
}

@test "a row without a test is not proven" {
	tree
	row F80 'f |  | '
	lineage
	[ "$status" -eq 1 ]
	[ "${lines[0]}" = "F80: names no test" ]
}

@test "rows that are missing, twice, unknown or out of order are said" {
	tree
	sed -i '/^| M02 /d; s/^| M04 /| M05 /' "$top/docs/lineage.md"
	echo '| R99 | f | tests/t.c: t | |' >>"$top/docs/lineage.md"
	lineage
	[ "$status" -eq 1 ]
	[ "${lines[0]}" = "M05: is there twice" ]
	[ "${lines[1]}" = "M02: is missing" ]
	[ "${lines[2]}" = "M04: is missing" ]
	[ "${lines[3]}" = "R99: is no row of an ancestor" ]
}

@test "what means nothing here needs a sentence" {
	tree
	row M01 'not meaningful | - | There is no such processor any more.'
	lineage
	[ "$status" -eq 0 ]
	[ "$output" = "rows 218, proven 217, not meaningful 1" ]
	row M02 'not meaningful | - | no'
	lineage
	[ "$status" -eq 1 ]
	[ "${lines[0]}" = "M02: does not say why it is not meaningful" ]
}

@test "no more than 15 rows may mean nothing" {
	tree
	for number in $(seq -w 1 16); do
		row "R$number" 'not meaningful | - | There is no such thing.'
	done
	lineage
	[ "$status" -eq 1 ]
	[ "${lines[0]}" = "rows: more than 15 are not meaningful" ]
}

# build STATE - a build folder whose last run says this of the test.
build() {
	folder=$BATS_TEST_TMPDIR/build
	mkdir -p "$folder/meson-info" "$folder/meson-logs"
	printf '[{"filename":["%s"],"target_sources":[{"sources":["%s"]}]}]' \
	    "$folder/unit_t" "$top/tests/t.c" \
	    >"$folder/meson-info/intro-targets.json"
	printf '{"name":"t","command":["%s"],"stdout":"%s"}\n' \
	    "$folder/unit_t" "$1" >"$folder/meson-logs/testlog.json"
}

@test "a test that passed proves its rows" {
	tree
	build 'ok 1 - t'
	lineage "$folder"
	[ "$status" -eq 0 ]
	[ "$output" = "rows 218, proven 218, not meaningful 0" ]
}

@test "a test that failed, was skipped or did not run proves nothing" {
	tree
	build 'not ok 1 - t'
	lineage "$folder"
	[ "$status" -eq 1 ]
	[ "${lines[0]}" = "M01: tests/t.c: 't' failed" ]
	[[ $output == *"rows 218, proven 0, not meaningful 0" ]]
	build 'ok 1 - t # SKIP why'
	lineage "$folder"
	[ "${lines[0]}" = "M01: tests/t.c: 't' was skipped" ]
	build 'ok 1 - another'
	lineage "$folder"
	[ "${lines[0]}" = "M01: tests/t.c: 't' did not run" ]
}
