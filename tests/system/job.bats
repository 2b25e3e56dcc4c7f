#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Signals and job control: the supervisor is as good as not there.
load common.bash

# The supervisor with a shell that reports what it gets in $WORK/got.  A job
# behind & has SIGINT and SIGQUIT ignored, which no shell can undo.
# start [COMMAND...]: put in front.
start() {
	"$@" env --default-signal "$RESIDENT" run --quiet --mem 16m -- bash -c '
		for name in HUP INT QUIT USR1 USR2 ALRM TERM WINCH; do
			trap "echo $name >>got" $name
		done
		trap "echo CONT >>got" CONT
		echo $$ >pid
		while [ ! -e stop ]; do sleep 0.01; done
		exit 3' 3>&- &
	SUPERVISOR=$!
	await test -s pid
	PROGRAM=$(cat pid)
}

# What a failed test left running.
teardown() {
	kill -KILL ${SUPERVISOR:-} ${PROGRAM:-} 2>/dev/null
	cd /
	rm -rf "$WORK"
}

# ends STATUS: the supervisor does, so.
ends() {
	local status=0
	wait "$SUPERVISOR" || status=$?
	echo "status $status"
	[ "$status" -eq "$1" ]
}

state_is() {
	[[ $(sed 's/.*) //' "/proc/$1/stat") == $2* ]]
}

@test "signals that reach the supervisor reach the program" {
	local name
	start
	for name in HUP INT QUIT USR1 USR2 ALRM TERM WINCH; do
		kill -$name "$SUPERVISOR"
		await grep -qx $name got
	done
	touch stop
	ends 3
}

# With a terminal it stops too: see the last test.
@test "without a terminal SIGSTOP is no job control: the pager stays awake" {
	start setsid --wait
	kill -STOP "$PROGRAM"
	await state_is "$PROGRAM" T
	kill -CONT "$PROGRAM"
	await grep -qx CONT got
	touch stop
	ends 3
}

@test "SIGTERM in the middle of writing loses nothing that was written" {
	"$PROGRAMS/mapper" fill file 16
	"$RESIDENT" run --quiet --mem 4m -- "$PROGRAMS/mapper" wait file \
	    >ready 3>&- &
	SUPERVISOR=$!
	await grep -q ready ready
	kill -TERM $SUPERVISOR
	ends 143
	"$PROGRAMS/mapper" read file 3
}

@test "SIGKILL of the program loses nothing that was written" {
	"$PROGRAMS/mapper" fill file 16
	"$RESIDENT" run --quiet --mem 4m -- "$PROGRAMS/mapper" wait file \
	    >ready 3>&- &
	SUPERVISOR=$!
	await grep -q ready ready
	kill -KILL "$(cut -d' ' -f2 ready)"
	ends 137
	"$PROGRAMS/mapper" read file 3
}

gone() {
	[ ! -e "/proc/$1" ] || state_is "$1" Z
}

@test "when the supervisor is killed the program ends with a message" {
	"$PROGRAMS/mapper" fill file 16
	"$RESIDENT" run --quiet --mem 4m -- "$PROGRAMS/mapper" wait file \
	    >ready 2>said 3>&- &
	SUPERVISOR=$!
	await grep -q ready ready
	PROGRAM=$(cut -d' ' -f2 ready)
	kill -KILL $SUPERVISOR
	await gone "$PROGRAM"
	grep -q "pager server is gone" said
}

@test "a daemon keeps its pager after the program has ended" {
	"$PROGRAMS/mapper" fill file 16
	run under 4m "$PROGRAMS/mapper" daemon file "$WORK/result"
	[ "$status" -eq 0 ]
	[ "$(cat result)" = right ]
	check_figures
}

@test "the terminal stays the program's: Ctrl-C, Ctrl-Z, fg" {
	command -v python3 >/dev/null || skip "no python3"
	run timeout 100 python3 "$SOURCE_DIR/tests/system/terminal.py" \
	    "$RESIDENT"
	echo "$output"
	[ "$status" -eq 0 ]
}
