#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# `resident policy`, and policies and limits of some files.
load common.bash

# A program that goes through two files, small first, and waits until it may
# end.
begin() {
	head -c 1M /dev/zero >small.idx
	head -c 8M /dev/zero >large.log
	mkfifo go
	cat >holder.py <<-'END'
	import mmap
	views = []
	for name in "small.idx", "large.log":
	    with open(name, "r+b") as file:
	        views.append(mmap.mmap(file.fileno(), 0))
	    sum(views[-1][at] for at in range(0, len(views[-1]), 4096))
	open("ready", "w").close()
	open("go").read()
	END
	"$RESIDENT" run --quiet --mem 4m --limbo 0 "$@" -- python3 holder.py \
	    3>&- &
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

# How many pages of a file are resident.
resident_of() {
	"$RESIDENT" stat --json "$server" | python3 -c '
import json, sys
for file in json.load(sys.stdin)["file"]:
    if file["name"].endswith(sys.argv[1]):
        print(file["resident_pages"])
' "$1"
}

@test "the policy of a program changes while it runs" {
	begin --policy lru
	run "$RESIDENT" stat "$server"
	[[ ${lines[0]} == *", policy lru" ]]
	run "$RESIDENT" policy "$server" sieve
	echo "$output"
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	run "$RESIDENT" stat "$server"
	[[ ${lines[0]} == *", policy sieve" ]]
	end
}

@test "a policy that there is not changes nothing" {
	begin --policy lru
	run "$RESIDENT" policy "$server" best
	echo "$output"
	[ "$status" -eq 125 ]
	[[ $output == *"process $server: policy: there is none named \"best\""* ]]
	run "$RESIDENT" policy "$server" "$(printf 'x%.0s' {1..200})"
	[ "$status" -eq 125 ]
	run "$RESIDENT" stat "$server"
	[[ ${lines[0]} == *", policy lru" ]]
	end
}

@test "a policy is changed for a program that runs" {
	run "$RESIDENT" policy $$ lru
	[ "$status" -eq 125 ]
	[[ $output == *"process $$: no 'resident run' of yours"* ]]
	run "$RESIDENT" policy x lru
	[ "$status" -eq 125 ]
	[[ $output == *"'x' is no process"* ]]
	run "$RESIDENT" policy lru
	[ "$status" -eq 125 ]
	[[ $output == *"a PID and a NAME are needed"* ]]
	run "$RESIDENT" policy --help
	[ "$status" -eq 0 ]
	[[ $output == "Usage: resident policy PID NAME"* ]]
}

@test "a file keeps what it is to keep" {
	begin --policy fifo --file-limit '*.idx=1m'
	[ "$(resident_of small.idx)" -eq 256 ]
	end
}

@test "a file has no more than it may" {
	begin --file-limit '*.log=::1m'
	[ "$(resident_of small.idx)" -eq 256 ]
	# Its pages leave soon, and not all at once.
	await eval '[ "$(resident_of large.log)" -le 256 ]'
	end
}

@test "what cannot be kept is said, and the file is managed" {
	run "$RESIDENT" run --mem 4m --file-limit '*.idx=3m' -- python3 -c '
import mmap
file = open("small.idx", "w+b")
file.truncate(1 << 20)
mmap.mmap(file.fileno(), 0)[0]'
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *"small.idx: limits: "*"above half of the limit"* ]]
	[[ $output == *"maps 1 managed"* ]]
}

@test "files have policies of their own" {
	begin --policy lru --file-policy '*.log=sieve' --file-policy '*.no=fifo'
	run "$RESIDENT" stat "$server"
	echo "$output"
	[[ $output == *"policy   lru: "*"0 files"* ]]
	[[ $output == *"policy   sieve: "*"1 files"* ]]
	[[ $output != *"policy   fifo"* ]]
	"$RESIDENT" policy "$server" clock2
	run "$RESIDENT" stat "$server"
	[[ $output == *"policy   clock2: "*"policy   sieve: "* ]]
	"$RESIDENT" stat --json "$server" | python3 -c '
import json, sys
parts = json.load(sys.stdin)["partition"]
assert [part["policy"] for part in parts] == ["clock2", "sieve"]
assert parts[1]["objects"] == 1'
	end
}

refused() {
	run "$RESIDENT" run --mem 4m "$1" "$2" -- true
	echo "$output"
	[ "$status" -eq 125 ]
	[[ $output == *"$3"* ]]
}

@test "what is said of files has to make sense" {
	refused --file-limit '*.idx' "a pattern and '=' are needed"
	refused --file-limit '=1m' "a pattern and '=' are needed"
	refused --file-limit '*.idx=1m:2m:3m:4m' "more than three sizes"
	refused --file-limit '*.idx=1x' "1x"
	refused --file-limit '*.idx=2m:1m' \
	    "the first size is above the second one"
	refused --file-limit '*.idx=:2m:1m' \
	    "the third size is below another one"
	refused --file-policy '*.idx' "a pattern and '=' are needed"
	refused --file-policy '*.idx=best' "there is no such policy"
}

@test "the environment says it as well" {
	export RESIDENT_CONF='file-policy:*.log=sieve,file-limit:*.idx=1m:2m'
	begin --policy fifo
	run "$RESIDENT" stat "$server"
	[[ $output == *"policy   sieve: "* ]]
	[ "$(resident_of small.idx)" -eq 256 ]
	end
}
