#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# tools/setup with a package manager made of shell scripts.

bats_require_minimum_version 1.5.0

setup() {
	bin=$BATS_TEST_TMPDIR/bin
	mkdir "$bin"
	for name in sh sed tr env; do
		ln -s "$(command -v "$name")" "$bin"
	done
	said=$BATS_TEST_TMPDIR/said
	fake id 'echo "${FAKE_ID:-0}"'
	fake apt-get 'echo "$*" >>'"$said"
	# Knows every package it is asked for, but for $FAKE_MISSING.
	fake dpkg-query 'shift 3; for p; do [ "$p" = "${FAKE_MISSING:-}" ] ||
	    echo "installed $p"; done'
}

fake() {
	printf '#!/bin/sh\n%s\n' "$2" >"$bin/$1"
	chmod +x "$bin/$1"
}

tool() { PATH=$bin run "$SOURCE_DIR/tools/setup" "$@"; }

@test "where nothing is missing it says and does nothing" {
	tool build test demo bench ci coverage
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	[ ! -e "$said" ]
}

@test "what is missing is named and installed, and nothing else" {
	FAKE_MISSING=fio tool test
	[ "$status" -eq 0 ]
	[ "$output" = "tools/setup: installing fio" ]
	grep -q 'install fio$' "$said"
}

@test "without root and sudo it says what to run" {
	FAKE_ID=1000 FAKE_MISSING=fio tool test
	[ "$status" -eq 1 ]
	[[ $output == *"apt-get install fio"* ]]
	[ ! -e "$said" ]
}

@test "with sudo it installs through sudo" {
	fake sudo 'echo "sudo" >>'"$said"'; exec "$@"'
	FAKE_ID=1000 FAKE_MISSING=fio tool test
	[ "$status" -eq 0 ]
	[ "$(head -n 1 "$said")" = sudo ]
}

@test "the lists are fetched when the first try fails" {
	fake apt-get 'echo "$*" >>'"$said"'; case "$*" in *update*)
	    : >'"$said.lists"';; *) [ -e '"$said.lists"' ];; esac'
	FAKE_MISSING=fio tool test
	[ "$status" -eq 0 ]
	[ "$(wc -l <"$said")" -eq 3 ]
}

@test "a peer that no package has is gone without" {
	fake apt-get 'echo "$*" >>'"$said"'; case "$*" in
	    *libwiredtiger-dev*) false;; esac'
	FAKE_MISSING=libwiredtiger-dev tool bench
	[ "$status" -eq 0 ]
	[[ $output == *"goes without libwiredtiger-dev"* ]]
}

@test "a peer is gone without where there is no network either" {
	fake apt-get false
	FAKE_MISSING=librocksdb-dev tool bench
	[ "$status" -eq 0 ]
	FAKE_MISSING=fio tool bench
	[ "$status" -ne 0 ]
}

@test "an unknown need is an error" {
	tool everything
	[ "$status" -eq 2 ]
}
