#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Static probes: each point of the trace is one, where <sys/sdt.h> was there.

bats_require_minimum_version 1.5.0

setup() {
	cd "$SOURCE_DIR"
	printf '#include <sys/sdt.h>\n' |
	    ${CC:-cc} -E -xc - >/dev/null 2>&1 || skip "no sys/sdt.h"
	[ -e "$BUILD_DIR/libresident.so" ] || skip "no library"
	command -v readelf >/dev/null || skip "no readelf"
}

# probes FILE - the names of its probes.
probes() {
	readelf -n "$1" | sed -n '/Provider: resident/{n;s/^ *Name: //p}' |
	    sort -u
}

events() {
	sed -n '/define VM_EVENTS/,/^$/s/^	X(\([a-z]*\)).*/\1/p' \
	    src/stat/trace.h | sort -u
}

@test "the library has a probe for every event, and no others" {
	diff -u <(events) <(probes "$BUILD_DIR/libresident.so")
}

@test "the program has the probes of what it takes from the library" {
	[ -e "$BUILD_DIR/resident" ] || skip "no program"
	run comm -13 <(probes "$BUILD_DIR/libresident.so") \
	    <(probes "$BUILD_DIR/resident")
	[ -z "$output" ]
	for name in fault fill evict launder kick; do
		probes "$BUILD_DIR/resident" | grep -qx "$name"
	done
}

@test "every event has its place in the source" {
	for name in $(events); do
		echo "$name"
		grep -rqE "VM_TRACE\([^,]*, $name," src --include='*.c'
	done
}

@test "the scripts for bpftrace use probes that are there" {
	for script in tools/bpftrace/*.bt; do
		for name in $(sed -n 's/^usdt:\*:resident:\([a-z]*\).*/\1/p' \
		    "$script"); do
			echo "$script: $name"
			events | grep -qx "$name"
		done
	done
}
