#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Exit statuses, and the programs that are refused.
load common.bash

@test "the exit status is the program's" {
	local n
	for n in 0 1 2 77 124 125 126 127 128 255; do
		capture under 16m sh -c "exit $n"
		[ "$status" -eq "$n" ]
	done
}

@test "a death by signal is passed on" {
	local name
	for name in TERM KILL INT HUP QUIT USR1 ALRM ABRT SEGV PIPE; do
		# Whoever runs the tests may ignore some, as nohup does.
		run env --default-signal bash -c "\"\$RESIDENT\" run --quiet \
		    --mem 16m -- sh -c 'kill -$name \$\$'"
		echo "$name: $status"
		[ "$status" -eq $((128 + $(kill -l $name))) ]
	done
	[ -z "$(ls core* 2>/dev/null)" ]
}

@test "127: there is no such program" {
	local name
	for name in ./nothing nothing-of-that-name /nowhere/at/all; do
		capture under 16m "$name"
		[ "$status" -eq 127 ]
		[[ $output == *"'$name'"* ]]
	done
	printf '#!/nowhere/interpreter\n' >script
	chmod +x script
	capture under 16m ./script
	[ "$status" -eq 127 ]
	[[ $output == *"/nowhere/interpreter"* ]]
}

@test "126: found, but cannot be run" {
	touch plain
	run under 16m ./plain
	[ "$status" -eq 126 ]
	run under 16m /
	[ "$status" -eq 126 ]
	printf '\177ELF and nothing more' >broken
	chmod +x broken
	run under 16m ./broken
	[ "$status" -eq 126 ]
	printf '#!./loop\n' >loop
	chmod +x loop
	run under 16m ./loop
	[ "$status" -eq 126 ]
}

@test "126: a static program, with the reason" {
	printf 'int main(void) { return 0; }\n' >static.c
	${CC:-cc} -static -o static static.c 2>/dev/null ||
	    skip "no static C library"
	run under 16m ./static
	[ "$status" -eq 126 ]
	[[ $output == *"static"* ]]
	${CC:-cc} -static-pie -o pie static.c 2>/dev/null || return 0
	run under 16m ./pie
	[ "$status" -eq 126 ]
	[[ $output == *"static"* ]]
}

@test "126: a script whose interpreter is static" {
	printf 'int main(void) { return 0; }\n' >static.c
	${CC:-cc} -static -o static static.c 2>/dev/null ||
	    skip "no static C library"
	printf '#!%s/static\n' "$WORK" >script
	chmod +x script
	run under 16m ./script
	[ "$status" -eq 126 ]
	[[ $output == *"static"* ]]
}

@test "126: setuid and setgid programs, with the reason" {
	cp "$(type -P true)" program
	chmod u+s program
	run under 16m ./program
	[ "$status" -eq 126 ]
	[[ $output == *setuid* ]]
	chmod u-s,g+s program
	run under 16m ./program
	[ "$status" -eq 126 ]
	[[ $output == *setgid* ]]
	chmod g-s program
	run under 16m ./program
	[ "$status" -eq 0 ]
}

@test "126: a program with file capabilities, with the reason" {
	need_root
	command -v setcap >/dev/null || skip "no setcap"
	cp "$(type -P true)" program
	setcap cap_net_raw+ep program || skip "no file capabilities here"
	run under 16m ./program
	[ "$status" -eq 126 ]
	[[ $output == *capabilities* ]]
}

@test "126: a program for another machine" {
	# The machine's number in the header: 0xf3, RISC-V, or 0x3e, x86-64.
	cp "$(type -P true)" program
	case $(uname -m) in
	riscv*) printf '\x3e' ;;
	*) printf '\xf3' ;;
	esac | dd of=program bs=1 seek=18 conv=notrunc 2>/dev/null
	run under 16m ./program
	[ "$status" -eq 126 ]
	[[ $output == *machine* ]]
}

@test "scripts run, with and without the first line" {
	printf '#!/bin/sh\necho one "$@"\n' >one
	printf 'echo two "$@"\n' >two
	chmod +x one two
	run under 16m ./one a 'b c'
	[ "$output" = "one a b c" ]
	run under 16m ./two a 'b c'
	[ "$output" = "two a b c" ]
}

@test "the program is found in PATH, past what cannot be run" {
	mkdir -p a/prog b
	printf '#!/bin/sh\necho found\n' >b/prog
	chmod +x b/prog
	PATH=$WORK/a:$WORK/b:$PATH run under 16m prog
	[ "$output" = found ]
}

@test "125: no permission for userfaultfd, and the message says what to do" {
	need_root
	[ "$(cat /proc/sys/vm/unprivileged_userfaultfd)" = 0 ] ||
	    skip "everybody may use userfaultfd here"
	setpriv --reuid 65534 test -x "$RESIDENT" ||
	    skip "others cannot reach the program"
	chmod 777 .
	run setpriv --reuid 65534 --clear-groups "$RESIDENT" run --mem 16m \
	    -- touch ran
	echo "$output"
	[ "$status" -eq 125 ]
	[[ $output == *vm.unprivileged_userfaultfd* ]]
	[[ $output == *dev/userfaultfd* ]]
	[ ! -e ran ]
}

@test "the environment is the program's but for two variables" {
	env | grep -v -e ^_= -e ^LD_PRELOAD= | sort >before
	under 16m env | grep -v -e ^_= -e ^LD_PRELOAD= -e ^RESIDENT_SOCKET= |
	    sort >after
	cmp before after
	LD_PRELOAD=/lib/other.so under 16m env 2>/dev/null >after
	grep -q '^LD_PRELOAD=.*/libresident-preload.so:/lib/other.so$' after
}

@test "descriptors, limits, signals and folder are as the program expects" {
	local probe='ulimit -n; ulimit -s; grep ^Sig[BI] /proc/self/status
	    pwd; ls /proc/$$/fd | wc -l'
	# timeout, which is before the other too, changes some signals.
	timeout 100 bash -c "$probe" >before
	under 16m bash -c "$probe" >after
	# Two more: the library's own, above all others.
	diff <(head -n -1 before) <(head -n -1 after)
	[ "$(tail -n 1 after)" -le $(($(tail -n 1 before) + 2)) ]
}

@test "input goes through, output ends when the program ends" {
	[ "$(echo hello | under 16m cat)" = hello ]
	[ "$(under 16m sh -c 'sleep 0.3 >/dev/null & echo done')" = done ]
}

@test "nothing is left in the folder of sockets" {
	mkdir sockets
	export XDG_RUNTIME_DIR=$WORK/sockets
	# shellcheck disable=SC2016
	run under 16m sh -c 'ls -ld "${RESIDENT_SOCKET%/*}" "$RESIDENT_SOCKET"'
	echo "$output"
	[[ ${lines[0]} == drwx------* ]]
	[[ ${lines[1]} == srw-------* ]]
	[[ $output == *"$WORK/sockets/"* ]]
	[ -z "$(ls sockets)" ]
}

@test "what a killed supervisor leaves is removed by the next one" {
	mkdir sockets
	export XDG_RUNTIME_DIR=$WORK/sockets
	for name in 1 2 3; do
		"$RESIDENT" run --quiet --mem 16m -- sh -c \
		    "touch ready.$name; sleep 60" 3>&- &
		servers[name]=$!
	done
	await test -e ready.1 -a -e ready.2 -a -e ready.3
	kill -KILL "${servers[@]:1:2}"
	wait "${servers[@]:1:2}" || true
	[ "$(ls sockets | wc -l)" -eq 3 ]
	# What is nobody's of these stays, and so does what is in use.
	mkdir sockets/resident-data sockets/resident-run.mydata
	touch sockets/resident-run.mydata/file
	under 16m true
	ls -l sockets
	[ "$(ls sockets | wc -l)" -eq 3 ]
	[ -e sockets/resident-run.mydata/file ]
	"$RESIDENT" stat "${servers[3]}"
	kill -TERM "${servers[3]}"
	wait "${servers[3]}" || true
	[ "$(ls sockets | wc -l)" -eq 2 ]
}
