#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Programs that map files, under an eighth of what they map.
load common.bash

# does WHAT [ARGUMENT]: on a fresh file of 32 MiB under 4 MiB.
does() {
	"$PROGRAMS/mapper" fill file 32
	run under 4m "$PROGRAMS/mapper" "$1" file ${2:+"$2"}
	echo "$1: status $status $output"
	[ "$status" -eq 0 ]
	check_figures
	[ "$(figure maps_managed)" -gt 0 ]
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

@test "advice of all kinds loses nothing" {
	does advise
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

@test "private copies are the program's own, and reported" {
	does private
	[ "$(figure private_bytes)" -ge $((32 << 20)) ]
	"$PROGRAMS/mapper" read file
}

@test "2,000 maps at once" {
	does many 2000
	[ "$(figure maps_managed)" -eq 2000 ]
}

@test "10,000 pairs of map and unmap" {
	does pairs 10000
	[ "$(figure maps_managed)" -eq 10000 ]
}

@test "a program closes every descriptor that it does not know" {
	does closefrom
	does closeall
}

@test "the end of the file moves under the map" {
	does truncate
}

@test "written pages reach the file, however the program ends" {
	local how
	for how in return _exit munmap; do
		does end $how
		"$PROGRAMS/mapper" read file 3
	done
	for how in kill term; do
		"$PROGRAMS/mapper" fill file 32
		run under 4m "$PROGRAMS/mapper" end file $how
		[ "$status" -gt 128 ]
		"$PROGRAMS/mapper" read file 3
	done
}

@test "small maps are never managed, and never counted" {
	"$PROGRAMS/mapper" fill file 1
	truncate -s 1044480 file
	run under 4m "$PROGRAMS/mapper" read file
	[ "$status" -eq 0 ]
	[ "$(figure maps_managed)" -eq 0 ]
	[ "$(figure maps_passed)" -eq 0 ]
	run timeout 100 "$RESIDENT" run --quiet --mem 4m --min-map 4k \
	    --json figures.json -- "$PROGRAMS/mapper" read file
	[ "$(figure maps_managed)" -eq 1 ]
}

@test "patterns choose the files" {
	"$PROGRAMS/mapper" fill a.db 2
	run timeout 100 "$RESIDENT" run --mem 4m --include '*.mdb' \
	    --json figures.json -- "$PROGRAMS/mapper" read a.db
	[ "$status" -eq 0 ]
	[ "$(figure maps_managed)" -eq 0 ]
	[ "$(figure maps_passed)" -eq 1 ]
	timeout 100 "$RESIDENT" run --quiet --mem 4m --include '*.db' \
	    --json figures.json -- "$PROGRAMS/mapper" read a.db
	[ "$(figure maps_managed)" -eq 1 ]
	timeout 100 "$RESIDENT" run --quiet --mem 4m --include '*.db' \
	    --exclude "$WORK/*" --json figures.json -- \
	    "$PROGRAMS/mapper" read a.db
	[ "$(figure maps_managed)" -eq 0 ]
}

@test "what cannot be served is said once, and counted" {
	[ "$(stat -f -c %T /dev/shm)" = tmpfs ] || skip "no /dev/shm"
	shm=$(mktemp /dev/shm/resident-test.XXXXXX)
	"$PROGRAMS/mapper" fill "$shm" 2
	# shellcheck disable=SC2016
	run timeout 100 "$RESIDENT" run --mem 4m --json figures.json -- \
	    sh -c '"$1" read "$2" && "$1" read "$2"' sh \
	    "$PROGRAMS/mapper" "$shm"
	rm -f "$shm"
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(figure maps_passed)" -eq 2 ]
	[ "$(grep -c 'left to the kernel' <<<"$output")" -eq 1 ]
	[[ $output == *"$shm"* ]]
}

@test "with --strict what cannot be served fails" {
	[ "$(stat -f -c %T /dev/shm)" = tmpfs ] || skip "no /dev/shm"
	shm=$(mktemp /dev/shm/resident-test.XXXXXX)
	"$PROGRAMS/mapper" fill "$shm" 2
	run timeout 100 "$RESIDENT" run --strict --mem 4m -- \
	    "$PROGRAMS/mapper" read "$shm"
	rm -f "$shm"
	echo "$output"
	[ "$status" -eq 1 ]
	[[ $output == *"--strict"* ]]
}

@test "policies, read-ahead, clusters and buffered reads are all right" {
	local option
	"$PROGRAMS/mapper" fill file 32
	for option in --policy=lru --readahead=0 --cluster=0 --cluster=4k \
	    --readahead=8m --buffered --direct; do
		run timeout 100 "$RESIDENT" run --quiet --mem 4m $option \
		    --json figures.json -- "$PROGRAMS/mapper" read file
		echo "$option: $status $output"
		[ "$status" -eq 0 ]
		check_figures
	done
}

@test "a disk that is full behind the file is said, and fails" {
	need_root
	mkdir disk
	mount -t tmpfs -o size=8m none disk || skip "cannot mount"
	truncate -s 32m disk/file
	run timeout 100 "$RESIDENT" run --quiet --mem 4m \
	    --include "$WORK/disk/*" --json figures.json -- \
	    "$PROGRAMS/mapper" write disk/file 1
	umount disk
	echo "$status $output"
	[ "$status" -eq 125 ]
	[[ $output == *"disk/file"* ]]
	[[ $output == *"No space left"* ]]
	[ "$(figure errors)" -gt 0 ]
}

@test "a page that cannot be read is SIGBUS for who touches it, and said" {
	need_root
	truncate -s 64m image
	mkfs.ext4 -q -F image 2>/dev/null || skip "no mkfs.ext4"
	mkdir disk
	mount -o loop image disk || skip "cannot mount"
	"$PROGRAMS/mapper" fill disk/file 32
	umount disk	# nothing of it stays in the page cache
	mount -o loop image disk
	# What lies behind this is read errors from now on.
	truncate -s 40m image
	run under 4m "$PROGRAMS/mapper" broken disk/file
	umount disk
	echo "$status $output" | head -20
	[ "$status" -eq 0 ]
	broken=$(sed -n 's/ broken$//p' <<<"$output")
	[ "$broken" -gt 0 ] && [ "$broken" -lt 8192 ]
	[ "$(figure errors)" -ge "$broken" ]
	[[ $output == *"disk/file: bytes at "*"Input/output error"* ]]
	[ "$(grep -c 'bytes at' <<<"$output")" -le 10 ]
	[[ $output == *"only counted"* ]]
}
