#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# tools/summary on logs as Meson writes them.

bats_require_minimum_version 1.5.0

setup() {
	logs=$BATS_TEST_TMPDIR/b/meson-logs
	mkdir -p "$logs"
}

# log RESULT STATUS STDOUT - one test's line of the log.
log() {
	printf '{"name": "p:unit / t", "result": "%s", "returncode": %d, ' \
	    "$1" "$2" >>"$logs/testlog.json"
	printf '"stdout": "%s"}\n' "$3" >>"$logs/testlog.json"
}

# says STATUS LAST-LINE
says() {
	run "$SOURCE_DIR/tools/summary" "$BATS_TEST_TMPDIR/b"
	echo "$output"
	[ "$status" -eq "$1" ] && [ "${lines[-1]}" = "$2" ]
}

@test "each case counts, a skipped one as neither" {
	log OK 0 'ok 1 - a\nok 2 - b # SKIP why\nok 3 - c\n1..3\n'
	log OK 0 'plain text'
	says 0 "3 passed, 0 failed"
	[ "${lines[0]}" = "skipped: unit/t: b # SKIP why" ]
}

@test "a failed case counts once and is named with what is said of it" {
	log ERROR 1 'ok 1 - a\nnot ok 2 - b\n# because\n1..2\n'
	says 1 "1 passed, 1 failed"
	[ "${lines[0]}" = "failed: unit/t: b" ]
	[ "${lines[1]}" = "    because" ]
}

@test "a program that died after its cases is a failure more" {
	log ERROR -6 'ok 1 - a\nnot ok 2 - b\n'
	log TIMEOUT -15 'ok 1 - a\n'
	says 1 "2 passed, 3 failed"
}

@test "no log is a failure" {
	says 1 "0 passed, 1 failed"
}
