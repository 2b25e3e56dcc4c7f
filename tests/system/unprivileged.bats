#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Programs of users who may not follow forks by userfaultfd: all of them but
# root, and so the launcher without CAP_SYS_PTRACE.
load common.bash

setup_file() {
	"$PROGRAMS/forker" forkless /dev/null && return
	[ "$(id -u)" -eq 0 ] || skip "no userfaultfd for this user"
	command -v setpriv >/dev/null || skip "no setpriv"
	dropped "$PROGRAMS/forker" forkless /dev/null ||
		skip "no userfaultfd without CAP_SYS_PTRACE"
}

dropped() {
	if [ "$(id -u)" -ne 0 ]; then
		"$@"
		return
	fi
	setpriv --bounding-set -sys_ptrace --inh-caps -sys_ptrace "$@"
}

under() {
	local size=$1
	shift
	dropped timeout 100 "$RESIDENT" run --quiet --mem "$size" \
	    --json figures.json -- "$@"
}

# does WHAT [ARGUMENT]: on a fresh file of 32 MiB under 4 MiB.
does() {
	"$PROGRAMS/mapper" fill file 32
	run under 4m "$PROGRAMS/mapper" "$1" file ${2:+"$2"}
	echo "$1: status $status $output"
	[ "$status" -eq 0 ]
	check_figures
	[ "$(figure maps_managed)" -gt 0 ]
}

# forks WHAT: on a fresh file of 16 MiB under 2 MiB.
forks() {
	rm -f file
	"$PROGRAMS/forker" fill file
	run under 2m "$PROGRAMS/forker" "$1" file
	echo "$1: status $status $output"
	[ "$status" -eq 0 ]
	check_figures
	[ "$(figure maps_managed)" -gt 0 ]
}

@test "without the capability the kernel refuses fork events" {
	dropped "$PROGRAMS/forker" forkless /dev/null
}

@test "a program reads a file" {
	does read
	[ "$(figure pages_in)" -ge 8192 ]
}

@test "a forked child touches missing pages" {
	does fork
}

@test "children of children, many at once" {
	does forks 16
}

@test "a child that execs sees what its parent wrote" {
	does exec
}

@test "thousands of faults from 16 threads at once" {
	does threads
}

@test "a program with threads forks" {
	does threadfork
}

@test "system calls read from and write to missing pages" {
	does syscalls out
	"$PROGRAMS/mapper" fill whole 32
	[ "$(tail -c 16M whole | sha256sum)" = \
	    "$(head -c 16M file | sha256sum)" ]
}

@test "two mappings in one process are one file" {
	does twice
}

@test "two mappings in two processes are one file" {
	does pair
}

@test "two writers lose nothing to eviction" {
	does count
	[ "$(figure evicted_dirty)" -gt 50000 ]
}

@test "a program closes every descriptor that it does not know" {
	does closefrom
	does closeall
}

@test "a daemon's parents end at once" {
	"$PROGRAMS/mapper" fill file 32
	run under 4m "$PROGRAMS/mapper" daemon file result
	echo "$status $output"
	[ "$status" -eq 0 ]
	await test -s result
	[ "$(cat result)" = right ]
}

@test "2,000 maps at once" {
	does many 2000
}

@test "written pages reach the file, however the program ends" {
	local how
	for how in return _exit munmap; do
		does end $how
		"$PROGRAMS/mapper" read file 3
	done
	"$PROGRAMS/mapper" fill file 32
	run under 4m "$PROGRAMS/mapper" end file kill
	[ "$status" -gt 128 ]
	"$PROGRAMS/mapper" read file 3
}

@test "a private map becomes writable, and the kernel's" {
	forks private
	[ "$(figure maps_managed)" -eq 2 ]
	[ "$(figure maps_passed)" -eq 1 ]
}

@test "private writable maps stay with the kernel, which is said" {
	"$PROGRAMS/mapper" fill file 32
	run dropped timeout 100 "$RESIDENT" run --mem 4m \
	    --json figures.json -- "$PROGRAMS/mapper" private file
	echo "$status $output"
	[ "$status" -eq 0 ]
	[ "$(figure maps_managed)" -eq 0 ]
	[ "$(figure maps_passed)" -eq 1 ]
	[ "$(grep -c 'left to the kernel: private' <<<"$output")" -eq 1 ]
	"$PROGRAMS/mapper" read file
}

@test "a child that nobody was told of gets SIGSEGV, never zeros" {
	forks clone
}

@test "children have every piece, with its protection" {
	forks layout
}

@test "write(2) of parents and children is seen by both" {
	forks writes
}

@test "what a child writes is kept, though its parent only read it" {
	forks kept
}

@test "a child outlives its parents and the file's name" {
	forks orphan
}

@test "children are killed while they come to be" {
	forks killed
}

@test "an ordinary user runs a program" {
	need_root
	setpriv --reuid 65534 --regid 65534 --clear-groups \
	    test -x "$RESIDENT" -a -x "$PROGRAMS/mapper" ||
		skip "other users cannot reach $RESIDENT"
	chown 65534 . && "$PROGRAMS/mapper" fill file 32 && chown 65534 file
	mknod -m 666 device c "$((0x$(stat -c %t /dev/userfaultfd)))" \
	    "$((0x$(stat -c %T /dev/userfaultfd)))" || skip "no mknod"
	# shellcheck disable=SC2016
	run unshare -m sh -c 'mount --bind device /dev/userfaultfd || exit 99
		exec setpriv --reuid 65534 --regid 65534 --clear-groups \
		    timeout 100 "$@"' sh "$RESIDENT" run --quiet --mem 4m \
	    --json figures.json -- "$PROGRAMS/mapper" threadfork file
	[ "$status" -ne 99 ] || skip "no mount"
	echo "$status $output"
	[ "$status" -eq 0 ]
	check_figures
	[ "$(figure maps_managed)" -eq 1 ]
}
