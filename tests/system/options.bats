#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# The command line and RESIDENT_CONF: what is taken, and each malformed option.
load common.bash

# refused TEXT OPTION...: status 125, one line that quotes TEXT, and nothing
# is run.
refused() {
	local text=$1
	shift
	run "$RESIDENT" run "$@" -- touch ran
	echo "$* -> $status: $output"
	[ "$status" -eq 125 ]
	[[ $output == *"$text"* ]]
	[[ ${lines[0]} == resident:* ]]
	[ ! -e ran ]
}

@test "sizes that are no sizes are refused with their text" {
	local size
	for size in '' ' ' x -1 +1 1x 1kb 1KB 1kib 1Kb 1.5m '4 m' ' 4m' '4m ' \
	    4mm 0x100000 1e6 1_000 k m iB 1kiBx 1i '4m;' 18446744073709551616 \
	    99999999999999999999 17179869184g 16777216t -1k; do
		refused "$size" --mem "$size"
		refused "$size" --mem 16m --min-map "$size"
		refused "$size" --mem 16m --readahead "$size"
		refused "$size" --mem 16m --cluster "$size"
	done
}

@test "sizes with letters that a terminal would not show are refused" {
	refused "4m" --mem $'4m\n'
	[ "${#lines[@]}" -eq 2 ]
	refused "size" --mem $'4m\e[31m'
	[[ $output != *$'\e'* ]]
	refused "size" --mem ٤m
	refused "size" --mem "$(printf '9%.0s' {1..5000})"
}

@test "limits below 16 pages are refused with their text" {
	local size
	for size in 0 1 1k 63k 65535 0k 0t; do
		refused "'$size'" --mem "$size"
	done
}

@test "limits beyond any address space are refused" {
	refused "" --mem 16777215t
	refused "" --mem 18446744073709551615
}

@test "the same limit is written in every way" {
	local size
	for size in 1048576 1024k 1024K 1024KiB 1024kiB 1m 1M 1MiB; do
		run "$RESIDENT" run --quiet --json figures.json --mem "$size" \
		    -- true
		echo "$size: $output"
		[ "$status" -eq 0 ]
		[ "$(figure limit_bytes)" -eq 1048576 ]
	done
}

@test "a limit is needed" {
	refused "--mem SIZE is needed"
}

@test "a program is needed" {
	run "$RESIDENT" run --mem 16m
	[ "$status" -eq 125 ]
	[[ $output == *"PROGRAM is needed"* ]]
	run "$RESIDENT" run --mem 16m --
	[ "$status" -eq 125 ]
	run "$RESIDENT" run --mem 16m -- ''
	[ "$status" -eq 125 ]
}

@test "options that do not exist are refused by name" {
	refused "--colour" --colour --mem 16m
	refused "-x" -x --mem 16m
	refused "--mmem" --mmem=16m
}

@test "options without their value, or with one too many, are refused" {
	run "$RESIDENT" run --mem
	[ "$status" -eq 125 ]
	[[ $output == *"--mem needs a value"* ]]
	refused "--quiet" --quiet=yes --mem 16m
	refused "--strict" --strict=1 --mem 16m
}

@test "a policy that does not exist is refused, and those that do are named" {
	refused "'newest'" --mem 16m --policy newest
	[[ $output == *lru* ]]
	refused "''" --mem 16m --policy ''
	refused "'LRU'" --mem 16m --policy LRU
}

@test "every policy named by the help works" {
	local policies policy
	policies=$("$RESIDENT" --help |
	    sed -n 's/.*which pages go first: //p' | tr -d ,)
	[ -n "$policies" ]
	for policy in $policies; do
		"$RESIDENT" run --quiet --mem 1m --policy "$policy" -- true
	done
}

@test "a share of a processor is a number up to 100" {
	refused "no number from 0 to 100" --mem 16m --limbo 101
	refused "no number from 0 to 100" --mem 16m --limbo ''
	refused "no number from 0 to 100" --mem 16m --limbo 2%
	"$RESIDENT" run --quiet --mem 16m --limbo 0 -- true
	"$RESIDENT" run --quiet --mem 16m --limbo 100 -- true
}

@test "what is to be clean in time is a number of seconds up to an hour" {
	"$RESIDENT" run --quiet --mem 16m --clean 0 -- true
	"$RESIDENT" run --quiet --mem 16m --clean 30 --clean-rate 8m -- true
	refused "3601" --mem 16m --clean 3601
	refused "1.5" --mem 16m --clean 1.5
	refused "fast" --mem 16m --clean 30 --clean-rate fast
}

@test "empty patterns and file names are refused" {
	refused "empty pattern" --mem 16m --include ''
	refused "empty pattern" --mem 16m --exclude ''
	refused "empty file name" --mem 16m --json ''
}

@test "a JSON file that cannot be written is found out before the start" {
	refused "nowhere/figures" --mem 16m --json nowhere/figures
	mkdir folder
	refused "folder" --mem 16m --json folder
}

@test "the JSON file is whole, with every key and nothing beside it" {
	local key
	echo old >figures.json
	"$RESIDENT" run --quiet --mem 16m --json figures.json -- true
	for key in limit_bytes peak_bytes resident_bytes private_bytes \
	    faults pages_in pages_out readahead_pages readahead_used \
	    readahead_unused evicted_clean evicted_dirty \
	    read_bytes written_bytes swap_written_pages swap_read_pages \
	    swap_filled_pages swap_packed_pages swap_packed_bytes \
	    swap_unpacked_pages swap_left_tier_pages \
	    swap_disk_peak_bytes swap_sum_errors \
	    wait_ns limbo_rounds limbo_ns \
	    limbo_touched limbo_again clients maps_managed \
	    maps_passed errors; do
		echo "$key"
		[ -n "$(figure $key)" ]
	done
	[ "$(grep -c : figures.json)" -eq 32 ]
	[ "$(figure limit_bytes)" -eq 16777216 ]
	[ "$(figure clients)" -eq 1 ]
	[ "$(ls)" = figures.json ]
}

@test "no JSON file is left where nothing ran" {
	capture "$RESIDENT" run --mem 16m --json figures.json -- ./nothing
	[ "$status" -eq 127 ]
	[ -z "$(ls)" ]
}

@test "figures may go to a pipe" {
	"$RESIDENT" run --quiet --mem 16m --json /dev/stdout -- true |
	    grep -q '"limit_bytes": 16777216'
}

@test "RESIDENT_CONF sets what the options set" {
	export RESIDENT_CONF=mem:16m,quiet,policy:lru,json:figures.json,direct
	run "$RESIDENT" run -- true
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	[ "$(figure limit_bytes)" -eq 16777216 ]
}

@test "the command line wins over RESIDENT_CONF" {
	export RESIDENT_CONF=mem:16m,json:other.json
	"$RESIDENT" run --quiet --mem 32m --json figures.json -- true
	[ "$(figure limit_bytes)" -eq 33554432 ]
	[ ! -e other.json ]
}

@test "a malformed RESIDENT_CONF is refused with its text" {
	local conf
	for conf in mem mem: mem:x mem:16m, ,mem:16m mem:16m,,quiet \
	    'mem:16m, quiet' mem=16m MEM:16m quiet:1 mem:16m,quiet: \
	    colour:red help version policy:none :16m : , mem:-1 \
	    "$(printf 'x%.0s' {1..5000})" $'mem:16m\n' $'\e[31m'; do
		export RESIDENT_CONF=$conf
		run "$RESIDENT" run --mem 16m -- touch ran
		echo "$conf -> $status: $output"
		[ "$status" -eq 125 ]
		[[ $output == *RESIDENT_CONF* ]]
		[[ $output != *$'\e'* ]]
		[ ! -e ran ]
	done
}

@test "an empty RESIDENT_CONF is none" {
	RESIDENT_CONF='' "$RESIDENT" run --quiet --mem 16m -- true
}

@test "options behind the program are the program's" {
	run "$RESIDENT" run --quiet --mem 16m echo --mem --help
	[ "$status" -eq 0 ]
	[ "$output" = "--mem --help" ]
	run "$RESIDENT" run --quiet --mem 16m -- echo -- -x
	[ "$output" = "-- -x" ]
}

@test "version and help are printed on standard output" {
	run "$RESIDENT" --version
	[ "$status" -eq 0 ]
	[[ $output =~ ^resident\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
	run "$RESIDENT" --help
	[ "$status" -eq 0 ]
	[[ $output == Usage:* ]]
	run "$RESIDENT" run --help
	[ "$status" -eq 0 ]
	[[ $output == Usage:* ]]
	[ -z "$("$RESIDENT" --help 2>&1 >/dev/null)" ]
}

@test "help that cannot be written fails" {
	run bash -c '"$RESIDENT" --help >/dev/full'
	[ "$status" -eq 125 ]
}

@test "commands that do not exist are refused by name" {
	run "$RESIDENT"
	[ "$status" -eq 125 ]
	run "$RESIDENT" walk --mem 16m -- true
	[ "$status" -eq 125 ]
	[[ $output == *"'walk'"* ]]
}

@test "help and manual page know every option, completion too" {
	local option
	for option in $("$RESIDENT" --help | grep -o -- '--[a-z-]*' |
	    sort -u | grep -vx -- --); do
		echo "$option"
		grep -q -- "${option//-/\\\\-}" \
		    "$SOURCE_DIR/docs/man/resident.1"
		grep -q -- "$option" "$SOURCE_DIR/cli/completion/resident"
	done
}

@test "the table is short, on standard error, and absent with --quiet" {
	run bash -c '"$RESIDENT" run --mem 16m -- true 2>&1 >/dev/null'
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -le 8 ]
	[[ $output == *"limit 16.0 MiB"* ]]
	[[ $output == *peak* && $output == *faults* && $output == *in* ]]
	[[ $output == *waiting* ]]
	run "$RESIDENT" run --quiet --mem 16m -- true
	[ -z "$output" ]
}
