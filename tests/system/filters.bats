#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# --pager-filter: what programs that nobody changed see of a disk that fails,
# is slow, or works only now and then.
load common.bash

# filtered SIZE FILTER PROGRAM...: with the figures in figures.json.
filtered() {
	local size=$1 filter=$2
	shift 2
	timeout 100 "$RESIDENT" run --quiet --mem "$size" \
	    --pager-filter "$filter" --json figures.json -- "$@"
}

@test "a read that fails is SIGBUS for who touches the page, and no other" {
	"$PROGRAMS/mapper" fill file 8
	run filtered 4m error:op=read,range=100-109 \
	    "$PROGRAMS/mapper" broken file
	echo "$status $output" | head -20
	[ "$status" -eq 0 ]
	[[ $output == *"10 broken"* ]]
	[ "$(figure errors)" -ge 10 ]
	[[ $output == *"/file: bytes at 409600"*"Input/output error"* ]]
}

@test "a program that does not expect it is ended by SIGBUS" {
	"$PROGRAMS/mapper" fill file 8
	run timeout 100 "$RESIDENT" run --quiet --mem 4m --cluster 0 \
	    --readahead 0 --pager-filter error:op=read,nth=100 -- \
	    "$PROGRAMS/mapper" read file 0
	echo "$status $output"
	[ "$status" -eq 135 ]	# 128 + SIGBUS
}

@test "every page of a broken disk is said to be, and the program goes on" {
	"$PROGRAMS/mapper" fill file 8
	# The pages that the other thread of it reads are left whole.
	run filtered 4m error:op=read,range=64- "$PROGRAMS/mapper" broken file
	echo "$status $output" | head -20
	[ "$status" -eq 0 ]
	[[ $output == *"1984 broken"* ]]
	[ "$(figure errors)" -ge 1984 ]
	[[ $output == *"only counted"* ]]
}

@test "writes that fail keep the data, are reported, and succeed later" {
	"$PROGRAMS/mapper" fill file 8
	touch full
	run filtered 32m "error:op=write,errno=ENOSPC,trigger=$WORK/full" \
	    "$PROGRAMS/mapper" persist file "$WORK/full"
	echo "$status $output"
	[ "$status" -eq 0 ]
	[ ! -e full ]
	[[ $output == *"No space left"* || $output == *"Input/output"* ]]
	"$PROGRAMS/mapper" read file 5
}

@test "a write that fails to the end is an error of the whole run" {
	"$PROGRAMS/mapper" fill file 8
	run filtered 32m error:op=write,errno=ENOSPC \
	    "$PROGRAMS/mapper" write file 1
	echo "$status $output"
	[ "$status" -eq 125 ]
	[[ $output == *"No space left"* ]]
	[ "$(figure errors)" -gt 0 ]
	"$PROGRAMS/mapper" read file 0
}

@test "a sync that fails is what msync says" {
	"$PROGRAMS/mapper" fill file 8
	touch broken
	run filtered 32m "error:op=sync,errno=EIO,trigger=$WORK/broken" \
	    "$PROGRAMS/mapper" persist file "$WORK/broken"
	echo "$status $output"
	[ "$status" -eq 0 ]
	[[ $output == *"Input/output error"* ]]
	"$PROGRAMS/mapper" read file 5
}

@test "errors that pass are tried again until nobody sees them" {
	"$PROGRAMS/mapper" fill file 16
	filtered 4m 'error:rate=0.2,seed=3;retry:count=40' \
	    "$PROGRAMS/mapper" write file 1
	check_figures
	filtered 4m 'error:rate=0.2,seed=4,errno=EAGAIN;retry:count=40' \
	    "$PROGRAMS/mapper" read file 1
	check_figures
	"$PROGRAMS/mapper" read file 1
}

@test "a slow disk keeps nobody from what is there, and loses nothing" {
	"$PROGRAMS/mapper" fill file 16
	filtered 4m 'delay:ns=2000000,rate=0.3,seed=5' \
	    "$PROGRAMS/mapper" threads file
	check_figures
	filtered 4m 'delay:ns=1000000,rate=0.3;delay:op=write,ns=300000' \
	    "$PROGRAMS/mapper" write file 2
	check_figures
	"$PROGRAMS/mapper" read file 2
}

@test "what was read and written is in the log" {
	"$PROGRAMS/mapper" fill file 8
	filtered 4m "error:op=read,nth=5;retry:count=9;log:file=$WORK/log" \
	    "$PROGRAMS/mapper" write file 1
	head -3 log
	grep -qE '^[0-9]+ read [0-9]+ [0-9]+ ok$' log
	grep -qE '^[0-9]+ write [0-9]+ [0-9]+ ok$' log
	! grep -qvE '^[0-9]+ (read|write|sync) [0-9]+ [0-9]+ ok$' log
	[ "$(stat -c %a log)" = 600 ]
}

@test "filters that are none are refused with their text" {
	local filter
	for filter in '' broken error:opp=read error:op=reads error:rate=2 \
	    error:errno=EWHAT error:nth error:range=9-3 delay log \
	    log:file=/nowhere/log retry:count=65 retry:nth=3 stats:op=read \
	    'stats;' ';stats' 'a;b' \
	    'stats;stats;stats;stats;stats;stats;stats;stats;stats'; do
		run filtered 4m "$filter" touch ran
		echo "$filter -> $status: $output"
		[ "$status" -eq 125 ]
		[[ ${lines[0]} == "resident: filter"* ]]
		[ "${#lines[@]}" -eq 1 ]
		[ ! -e ran ]
	done
}

@test "the environment sets filters as well" {
	"$PROGRAMS/mapper" fill file 8
	RESIDENT_CONF=pager-filter:error run timeout 100 "$RESIDENT" run \
	    --quiet --mem 4m -- "$PROGRAMS/mapper" read file 0
	echo "$status $output"
	[ "$status" -eq 135 ]
}
