#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# `resident trace` and `resident mrc`: touches of a program, and what memory
# makes of them.
load common.bash

# refused COMMAND TEXT OPTION...: status 125 and one line that has TEXT.
refused() {
	local command=$1 text=$2
	shift 2
	run "$RESIDENT" "$command" "$@"
	echo "$* -> $status: $output"
	[ "$status" -eq 125 ]
	[ "${#lines[@]}" -eq 1 ]
	[[ ${lines[0]} == "resident: "*"$text"* ]]
}

# A loop of 4 pages, 100 times.
loop() {
	for _ in $(seq 100); do printf '%s\n' 1 2 3 4; done
}

# Pages whose distances are known: 1 2 3 .. N, then back.
zigzag() {
	for _ in $(seq 20); do seq "$1"; seq "$1" -1 1; done
}

@test "lru needs all of a loop, whatever the ratio" {
	loop >t
	"$RESIDENT" mrc --trace t --policy lru --hit 1%,99% >out
	cat out
	grep -q '^t: 400 requests of 4 pages' out
	[ "$(grep -c '^  lru        4 pages' out)" -eq 2 ]
	"$RESIDENT" mrc --trace t --policy lru --hit 99.1% >out
	grep -q '^  lru        no memory: 99.00 % at most' out
}

@test "the curve of lru is that of the simulation, size by size" {
	zigzag 64 >t
	"$RESIDENT" mrc --trace t --policy lru --points 49 --tsv curve.tsv >out
	sizes=$(cut -f4 curve.tsv | sed 1d | sort -nu | paste -sd,)
	"$RESIDENT" sim --trace t --policy lru --size "$sizes" --tsv sim.tsv
	cut -f4,6 curve.tsv | sed 1d | sort -nu >curve
	grep '	lru	' sim.tsv | cut -f4,6 | sort -nu >sim
	diff curve sim
}

@test "a sample's curve is near that of the whole" {
	# Zipf's law over 20,000 pages, the same on every machine.
	awk 'BEGIN { x = 1; for (i = 0; i < 200000; i++) {
	    x = (x * 48271) % 2147483647
	    print int(20000 ^ (x / 2147483647)) } }' >t
	"$RESIDENT" mrc --trace t --sample 1000000 --tsv whole.tsv >out
	! grep -q sample out
	"$RESIDENT" mrc --trace t --sample 4000 --tsv part.tsv >out
	grep -q 'a sample of' out
	# The last point is all pages in both, and has all possible hits.
	[ "$(tail -n 1 whole.tsv | cut -f4)" = \
	    "$(tail -n 1 part.tsv | cut -f4)" ]
	paste <(tail -n 1 whole.tsv) <(tail -n 1 part.tsv) |
	    awk -F'\t' '{ d = $7 - $14; if (d < 0) d = -d
	    print d; exit !(d < .05) }'
}

@test "tables and plots are those of the simulator" {
	loop >t
	"$RESIDENT" mrc --trace t --policy all --points 2 --tsv out.tsv >out
	[ "$(head -n 1 out.tsv)" = "$(printf '%s\t' trace policy fraction \
	    pages requests hits)hit_ratio" ]
	command -v gnuplot >/dev/null || skip "no gnuplot"
	"$RESIDENT" mrc --trace t --plot plot.svg >out
	grep -q '</svg>' plot.svg
}

@test "a program's touches are recorded, page, kind and object" {
	"$PROGRAMS/mapper" fill data 8
	"$RESIDENT" trace --quiet --output t -- "$PROGRAMS/mapper" read data
	head -n 3 t
	# Each page at least once, and nothing but reads of one file.
	[ "$(cut -d' ' -f1 t | sort -nu | wc -l)" -eq 2048 ]
	[ "$(cut -d' ' -f2,3 t | sort -u | wc -l)" -eq 1 ]
	[ "$(cut -d' ' -f2 t | sort -u)" = r ]
	"$RESIDENT" trace --quiet -o w -- \
	    "$PROGRAMS/mapper" write data 1
	grep -q ' w ' w
	"$RESIDENT" sim --trace t --policy lru >out
	grep -q '^t: ' out
}

@test "a program's memory is answered when it ends" {
	"$PROGRAMS/mapper" fill data 8
	"$RESIDENT" mrc --hit 1% -- "$PROGRAMS/mapper" read data >out 2>err
	cat out err
	grep -q ' requests of 2048 pages (8.0 MiB)' out
	grep -q '^for 1 % hits' out
}

@test "the program's status is passed on, and its signal" {
	capture "$RESIDENT" trace --quiet -o t -- sh -c 'exit 7'
	[ "$status" -eq 7 ]
	[[ $output == *"touched no page"* ]]
	capture "$RESIDENT" trace --quiet -o t -- sh -c 'kill -9 $$'
	[ "$status" -eq 137 ]
	capture "$RESIDENT" mrc -- sh -c 'exit 7'
	[ "$status" -eq 125 ]
	[[ $output == *"no page is touched"* ]]
}

@test "wrong arguments are refused with a sentence" {
	loop >t
	refused mrc "either --trace FILE or a PROGRAM"
	refused mrc "either --trace FILE or a PROGRAM" --trace t -- true
	refused mrc "one at a time" --trace t --trace t
	refused mrc "'0%'" --trace t --hit 0%
	refused mrc "'90'" --trace t --hit 90
	refused mrc "'101%'" --trace t --hit 50%,101%
	refused mrc "'nan%'" --trace t --hit nan%
	refused mrc "'1'" --trace t --points 1
	refused mrc "'63'" --trace t --sample 63
	refused mrc "'-5'" --trace t --sample -5
	refused mrc "no policy 'best'" --trace t --policy best
	refused mrc "--nothing" --trace t --nothing
	refused mrc "neither with .png" --trace t --plot x.gif
	refused trace "a PROGRAM behind --" --output t true
	refused trace "--output FILE is needed" -- true
	refused trace "--output FILE is needed" --output= -- true
	refused trace "needs a value" --output -- true
	refused trace "cannot write" --output no/where -- true
	run "$RESIDENT" mrc --help
	[ "$status" -eq 0 ]
	[[ $output == "Usage: resident mrc"* ]]
	run "$RESIDENT" trace --help
	[ "$status" -eq 0 ]
	[[ $output == "Usage: resident trace"* ]]
}
