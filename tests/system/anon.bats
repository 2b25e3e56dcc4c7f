#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Private anonymous memory under --anon: twice the limit of it, as natively.
load common.bash

under_anon() {
	local size=$1
	shift
	timeout 100 "$RESIDENT" run --quiet --anon --mem "$size" \
	    --json figures.json -- "$@"
}

# does CASE: with 16 MiB of memory under 8 MiB, and the same comes out.
does() {
	capture under_anon 8m "$PROGRAMS/anon" "$1" 16
	echo "$1: status $status $output"
	[ "$status" -eq 0 ]
	[ "$output" == "$("$PROGRAMS/anon" "$1" 16)" ]
	check_figures
	[ "$(figure maps_managed)" -gt 0 ]
	[ "$(figure maps_passed)" -eq 0 ]
}

# peak COMMAND...: runs it, and prints the most KiB that it and its children
# had in memory together, as the kernel counts: proportional, so that a page
# that two of them share is one.
peak() {
	local most=0 now pid
	"$@" >/dev/null 3>&- &
	while kill -0 $! 2>/dev/null; do
		now=0
		for pid in $! $(pgrep -P $!); do
			now=$((now + $(awk '/^Pss:/ { n = $2 } END { print n + 0 }' \
			    "/proc/$pid/smaps_rollup" 2>/dev/null || echo 0)))
		done
		[ "$now" -le "$most" ] || most=$now
		sleep 0.01
	done
	wait $!
	echo "$most"
}

@test "memory is zeros, and keeps what is written" {
	does zeros
}

@test "parts are unmapped and mapped over" {
	does pieces
}

@test "protections hold, in a child too" {
	does protect
}

@test "what is advised away is zeros" {
	does advise
}

@test "memory grows, shrinks and moves" {
	does remap
}

@test "a child and its parent do not see each other's writes" {
	does forks
}

@test "a child sees the memory of one moment" {
	does moment
}

@test "blocks of malloc of every size and kind" {
	does heap
}

# at_4k COMMAND...: blocks of a page and more are managed, under 8 MiB.
at_4k() {
	timeout 100 "$RESIDENT" run --quiet --anon=4k --mem 8m \
	    --json figures.json -- "$@"
}

@test "small blocks are many in a map, for threads and children" {
	for case in heap blocks; do
		capture at_4k "$PROGRAMS/anon" "$case" 16
		echo "$case: status $status $output"
		[ "$status" -eq 0 ]
		[ "$output" == "$case" ]
		[ "$(figure evicted_dirty)" -gt 0 ]
		check_figures
	done
	# Not one each: there were thousands.
	[ "$(figure maps_managed)" -lt 500 ]
}

@test "a database in memory, in half of it" {
	command -v sqlite3 >/dev/null || skip "needs sqlite3"
	cat >work.sql <<-'END'
	create table t(a integer primary key, b text, c integer);
	with recursive n(i) as (select 1 union all select i + 1 from n
	    where i < 180000) insert into t select i,
	    printf('%08d-%064d', i, i * 7), (i * 2654435761) % 1000003 from n;
	create index tc on t(c);
	select count(*), sum(c), max(b) from t;
	select a, c from t where c between 500 and 5000 order by c, a limit 9;
	delete from t where a % 3 = 0;
	select count(*), sum(c) from t;
	END
	sqlite3 :memory: <work.sql >right
	capture at_4k sqlite3 :memory: <work.sql
	echo "status $status $output"
	[ "$status" -eq 0 ]
	[ "$output" == "$(cat right)" ]
	[ "$(figure swap_written_pages)" -gt 1000 ]
	[ "$(figure maps_passed)" -eq 0 ]
	check_figures
}

@test "memory is read and written by system calls" {
	does calls
}

@test "an exec leaves it behind" {
	does exec
}

@test "steps of all kinds in any order" {
	does steps
}

@test "numbers are sorted, with a child in between" {
	does sort
}

@test "without --anon it is the kernel's" {
	run under 8m "$PROGRAMS/anon" zeros 16
	[ "$status" -eq 0 ]
	[ "$(figure maps_managed)" -eq 0 ]
}

@test "what is smaller than --anon says is the kernel's" {
	run timeout 100 "$RESIDENT" run --quiet --anon=20m --mem 8m \
	    --json figures.json -- "$PROGRAMS/anon" zeros 16
	[ "$status" -eq 0 ]
	[ "$(figure maps_managed)" -eq 0 ]
	RESIDENT_CONF=anon:64k run timeout 100 "$RESIDENT" run --quiet \
	    --mem 8m --json figures.json -- "$PROGRAMS/anon" zeros 1
	[ "$status" -eq 0 ]
	[ "$(figure maps_managed)" -gt 0 ]
}

@test "a program with half of its memory computes the same, in half" {
	# The array alone; the native run is over before it could be looked at.
	local native=$((96 * 1024)) limited
	limited=$(peak "$RESIDENT" run --quiet --anon --mem 48m -- \
	    "$PROGRAMS/anon" hash 96)
	echo "native $native KiB, limited $limited KiB"
	[ "$("$PROGRAMS/anon" hash 96)" == \
	    "$(under_anon 48m "$PROGRAMS/anon" hash 96)" ]
	check_figures
	# The server's own buffers are some MiB.
	[ "$limited" -le $((native / 2 + 16384)) ]
}

@test "a killed program's memory is let go" {
	cat >busy.py <<-'END'
	memory = bytearray(24 << 20)
	while True:
	    for i in range(0, len(memory), 4096):
	        memory[i] ^= 1
	    open("ready", "w").close()
	END
	timeout 100 "$RESIDENT" run --quiet --anon --mem 8m \
	    --json figures.json -- sh -c "python3 busy.py & \
	    until [ -e ready ]; do sleep 0.01; done; \
	    kill -KILL \$!; wait; '$PROGRAMS/anon' zeros 16"
	check_figures
	[ "$(figure evicted_dirty)" -gt 0 ]
}

@test "a child touches memory of an allocator of its own before it has it" {
	capture under_anon 4m "$PROGRAMS/arena"
	echo "status $status $output"
	[ "$status" -eq 0 ]
	[ "$output" == arena ]
	[ "$(figure maps_managed)" -gt 0 ]
	check_figures
}

@test "a user who is not root has memory too, and forks" {
	command -v setpriv >/dev/null || skip "no setpriv"
	need_root
	RESIDENT_CONF=anon capture setpriv --bounding-set -sys_ptrace \
	    --inh-caps -sys_ptrace timeout 100 "$RESIDENT" run --quiet \
	    --mem 8m --json figures.json -- "$PROGRAMS/anon" forks 16
	echo "status $status $output"
	[ "$status" -eq 0 ]
	[ "$(figure maps_managed)" -gt 0 ]
	check_figures
}

@test "sort with a large buffer" {
	seq 400000 | shuf --random-source=<(yes) >numbers
	sort -S 32m --parallel=2 numbers >right
	capture under_anon 16m sort -S 32m --parallel=2 numbers -o sorted
	echo "status $status $output"
	[ "$status" -eq 0 ]
	cmp right sorted
	[ "$(figure maps_managed)" -gt 0 ]
	check_figures
}

@test "python with lists of lists and a child" {
	command -v python3 >/dev/null || skip "needs python3"
	cat >work.py <<-'END'
	import hashlib, os, random
	random.seed(7)
	rows = [[random.random() for _ in range(500)] for _ in range(2000)]
	block = bytearray(os.path.getsize(__file__)) + bytearray(40 << 20)
	for i in range(0, len(block), 4099):
	    block[i] = i & 255
	pid = os.fork()
	if pid == 0:
	    block[0] = 77
	    os._exit(0 if sum(map(len, rows)) == 1000000 else 1)
	assert os.waitpid(pid, 0)[1] == 0
	rows = [sorted(row) for row in rows]
	print(hashlib.sha256(block).hexdigest())
	print(sum(row[250] for row in rows))
	END
	capture under_anon 32m python3 work.py
	echo "status $status $output"
	[ "$status" -eq 0 ]
	[ "$output" == "$(python3 work.py)" ]
	[ "$(figure maps_managed)" -gt 0 ]
	check_figures
}
