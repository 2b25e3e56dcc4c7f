#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# `resident sim`: policies over small traces whose hits one can count.
load common.bash

# refused TEXT OPTION...: status 125 and one line that has TEXT.
refused() {
	local text=$1
	shift
	run "$RESIDENT" sim "$@"
	echo "$* -> $status: $output"
	[ "$status" -eq 125 ]
	[ "${#lines[@]}" -eq 1 ]
	[[ ${lines[0]} == "resident: "*"$text"* ]]
}

# A loop of 4 pages, 100 times.
loop() {
	for _ in $(seq 100); do printf '%s\n' 1 2 3 4; done
}

@test "the optimum of a loop is known, and lru has none of it" {
	loop >loop.txt
	"$RESIDENT" sim --trace loop.txt --policy lru --size 3,4 --tsv out.tsv
	cat out.tsv
	diff out.tsv - <<-'END'
	trace	policy	fraction	pages	requests	hits	hit_ratio
	loop	lru	0.75	3	400	0	0.000000
	loop	lru	1	4	400	396	0.990000
	loop	opt	0.75	3	400	264	0.660000
	loop	opt	1	4	400	396	0.990000
	END
}

@test "every policy runs, and none beats the optimum" {
	seq 3000 | awk '{ print ($1 * $1) % 97, $1 % 5 ? "r" : "w", $1 % 2 }' \
	    >mixed.txt
	"$RESIDENT" sim --trace mixed.txt --policy all --size 10%,50% \
	    --tsv out.tsv
	[ "$(grep -c '^mixed' out.tsv)" -ge 18 ]
	awk -F'\t' '$2 == "opt" { best[$4] = $6 }
	    $2 != "opt" && NR > 1 { hits[$2 " " $4] = $6; of[$2 " " $4] = $4 }
	    END { for (i in hits) if (hits[i] > best[of[i]]) exit 1 }' out.tsv
}

@test "the same page of two objects is two pages" {
	printf '7\n7 r 1\n7 w 2\n7 r 1\n' >objects.txt
	"$RESIDENT" sim --trace objects.txt --size 100% --tsv out.tsv
	grep -q "	opt	1	3	4	1	0.250000" out.tsv
}

@test "a compressed trace is the same, and so is one with other line ends" {
	command -v zstd >/dev/null || skip "no zstd"
	loop >a.txt
	"$RESIDENT" sim --trace a.txt --policy all --tsv plain.tsv
	zstd -q a.txt
	"$RESIDENT" sim --trace a.txt.zst --policy all --tsv zst.tsv
	mkdir lines
	sed 's/$/\r/; 1i # a comment\n' a.txt | head -c -2 >lines/a.txt
	"$RESIDENT" sim --trace lines/a.txt --policy all --tsv lines.tsv
	cmp plain.tsv zst.tsv
	cmp plain.tsv lines.tsv
	head -c 20 a.txt.zst >cut.zst
	refused "cut.zst: cannot decompress" --trace cut.zst
}

@test "malformed traces are refused with file, line and text" {
	printf '1\n2 w\nx\n' >t
	refused "t:3: 'x'" --trace t
	printf '1\n-2\n' >t
	refused "t:2: '-2'" --trace t
	printf '1 q\n' >t
	refused "t:1: 'q'" --trace t
	printf '1 r 2 3\n' >t
	refused "t:1: '3'" --trace t
	printf '1\n\n18446744073709551616\n' >t
	refused "t:3: " --trace t
	printf '1.5\n' >t
	refused "t:1: '1.5'" --trace t
	printf '1\0002\n' >t
	refused "t:1: " --trace t
	head -c 300 /dev/zero | tr '\0' 7 >t
	refused "t:1: the line is longer" --trace t
	head -c 3000 /dev/urandom >t
	refused "t" --trace t
	printf '# nothing\n\n' >t
	refused "no page is touched" --trace t
	refused "cannot open" --trace nowhere
	refused "cannot read" --trace .
}

@test "wrong arguments are refused with a sentence" {
	loop >t
	refused "--trace FILE is needed"
	refused "--trace" --trace
	refused "no policy 'best'" --trace t --policy best
	refused "no policy ''" --trace t --policy lru,
	refused "'0%'" --trace t --size 0%
	refused "'101%'" --trace t --size 101%
	refused "'0'" --trace t --size 5%,0
	refused "'5k'" --trace t --size 5k
	refused "'1.5'" --trace t --size 1.5
	refused "'268435457'" --trace t --size 268435457
	refused "neither with .png" --trace t --plot plot.jpg
	refused "empty" --trace t --tsv ''
	refused "'extra'" --trace t extra
	refused "--nothing" --trace t --nothing
	run "$RESIDENT" sim --trace t --tsv nowhere/out.tsv
	[ "$status" -eq 125 ]
	[[ $output == *"nowhere/out.tsv: cannot write"* ]]
	[ ! -e plot.jpg ]
	run "$RESIDENT" sim --help
	[ "$status" -eq 0 ]
	[[ $output == "Usage: resident sim"* ]]
}

@test "a name given twice counts once, and default is the first of all" {
	loop >t
	"$RESIDENT" sim --trace t --policy lru,lru --tsv out.tsv
	[ "$(grep -c '	lru	' out.tsv)" -eq 3 ]
	"$RESIDENT" sim --trace t --tsv default.tsv
	"$RESIDENT" sim --trace t --policy all --tsv all.tsv
	[ "$(sed -n 2p default.tsv)" = "$(sed -n 2p all.tsv)" ]
}

@test "a plot is made where gnuplot is, and missed where it is not" {
	loop >t
	mkdir empty
	PATH=$PWD/empty run "$RESIDENT" sim --trace t --plot plot.png
	echo "$output"
	[ "$status" -eq 125 ]
	[[ $output == *"gnuplot is not installed"* ]]
	command -v gnuplot >/dev/null || skip "no gnuplot"
	"$RESIDENT" sim --trace t --trace t --policy all --plot plot.svg
	grep -q '</svg>' plot.svg
}

@test "the bar is for terminals" {
	loop >t
	run bash -c '"$RESIDENT" sim --trace t 2>&1 >/dev/null'
	[ -z "$output" ]
}
