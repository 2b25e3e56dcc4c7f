#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# `resident stat`: figures of a program while it runs.
load common.bash

# A program that has read a file and waits until it may end.
begin() {
	head -c 8M /dev/zero >data
	mkfifo go
	cat >holder.py <<-'END'
	import mmap
	with open("data", "r+b") as file:
	    view = mmap.mmap(file.fileno(), 0)
	    sum(view[at] for at in range(0, len(view), 4096))
	    open("ready", "w").close()
	    open("go").read()
	END
	"$RESIDENT" run --quiet --mem 4m -- python3 holder.py 3>&- &
	server=$!
	await [ -e ready ]
}

end() {
	[ -p go ] || return 0
	timeout 100 sh -c 'echo >go'
	wait "$server"
}

teardown() {
	[ ! -e ready ] || kill "$server" 2>/dev/null || true
	cd /
	rm -rf "$WORK"
}

@test "the figures of one program, for people" {
	begin
	run "$RESIDENT" stat "$server"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ ${lines[0]} == "resident run, process $server, policy "* ]]
	[[ $output == *"memory   limit 4.0 MiB, resident "* ]]
	[[ $output == *"clients  1, maps 1 managed"* ]]
	[[ $output == *"file     $WORK/data: 8.0 MiB, resident "* ]]
	end
}

@test "the figures of one program, for programs" {
	begin
	"$RESIDENT" stat --json "$server" >answer
	python3 - "$server" "$WORK/data" <<-'END'
	import json
	import sys
	figures = json.load(open("answer"))
	assert figures["pid"] == int(sys.argv[1])
	assert figures["clients"] == 1 and len(figures["client"]) == 1
	assert figures["client"][0]["ranges"] == 1
	assert figures["file"][0]["name"] == sys.argv[2]
	assert figures["file"][0]["length_bytes"] == 8 << 20
	ours = figures["stat"]["resident"]
	assert ours["limit_pages"] * figures["page_bytes"] == 4 << 20
	assert ours["resident_pages"] <= ours["peak_pages"] <= 1024
	assert ours["pages_in"] >= 2048
	assert figures["stat"]["vm.stats.vm"]["v_page_count"] == 1024
	assert figures["stat"]["uvmexp"]["npages"] == 1024
	END
	end
}

@test "all that are running, and none that is not" {
	begin
	run "$RESIDENT" stat --all
	[ "$status" -eq 0 ]
	[[ $output == *"process $server, "* ]]
	"$RESIDENT" stat --all --json >answer
	python3 -c 'import json, sys
assert int(sys.argv[1]) in [s["pid"] for s in json.load(open("answer"))]' \
	    "$server"
	end
	run "$RESIDENT" stat "$server"
	[ "$status" -eq 125 ]
	[[ $output == *"no 'resident run' of yours"* ]]
}

@test "wrong arguments are refused with a sentence" {
	local words
	for words in --nothing 0 -1 12x "--all 12" 99999999999999; do
		# shellcheck disable=SC2086
		run "$RESIDENT" stat $words
		echo "$words: $output"
		[ "$status" -eq 125 ]
		[[ $output == "resident: "* ]]
	done
	run "$RESIDENT" stat --help
	[ "$status" -eq 0 ]
	[[ $output == "Usage: resident stat"* ]]
}

# 300 who connect and say much, read nothing, or leave at once.
@test "who asks and misbehaves hinders neither the program nor others" {
	begin
	timeout 100 python3 - "$server" <<-'END'
	import socket
	import sys
	name = "\0resident-stat-" + sys.argv[1]
	kept = []
	for turn in range(300):
	    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
	    s.connect(name)
	    s.settimeout(100)
	    if turn % 3 == 0:
	        s.close()
	        continue
	    if turn % 3 == 1:
	        try:
	            s.send(b"x" * 65536)
	        except OSError:
	            pass
	    kept.append(s)
	assert b"limit_pages" in kept[-1].recv(1 << 20)
	END
	run "$RESIDENT" stat "$server"
	[ "$status" -eq 0 ]
	end
}

@test "another user is told nothing" {
	need_root
	setpriv --reuid 65534 test -x "$RESIDENT" ||
	    skip "others cannot reach the program"
	begin
	run setpriv --reuid 65534 --clear-groups "$RESIDENT" stat "$server"
	echo "$output"
	[ "$status" -eq 125 ]
	run setpriv --reuid 65534 --clear-groups "$RESIDENT" stat --all
	[[ $output != *"process $server"* ]]
	# Past the wall of the command: straight to the socket.
	PATH=/usr/bin:/bin run setpriv --reuid 65534 --clear-groups python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.settimeout(100)
s.connect("\0resident-stat-" + sys.argv[1])
try:
    said = s.recv(1 << 20)
except ConnectionResetError:
    said = b""
print(said)
sys.exit(len(said) != 0)' "$server"
	echo "$output"
	[ "$status" -eq 0 ]
	end
}

@test "a name that somebody else took is not believed" {
	python3 - <<-'END' &
	import os
	import socket
	s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
	s.bind("\0resident-stat-1")
	s.listen(8)
	open("taken", "w").close()
	while not os.path.exists("enough"):
	    s.settimeout(0.2)
	    try:
	        s.accept()[0].send(b"lies")
	    except OSError:
	        pass
	END
	await [ -e taken ]
	run "$RESIDENT" stat 1
	echo "$output"
	touch enough
	wait
	[ "$status" -eq 125 ]
	[[ $output != *lies* ]]
}
