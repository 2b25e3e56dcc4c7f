#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Where memory goes that no file has: --swap, --swap-compress, --swap-encrypt.
load common.bash

# sorts OPTION...: 16 MiB are sorted under 8 MiB, and the same comes out.
sorts() {
	capture timeout 100 "$RESIDENT" run --quiet --anon --mem 8m \
	    --json figures.json "$@" -- "$PROGRAMS/anon" sort 16
	echo "$*: status $status $output"
	[ "$status" -eq 0 ]
	[ "$output" == "$("$PROGRAMS/anon" sort 16)" ]
	check_figures
	[ "$(figure evicted_dirty)" -gt 0 ]
}

# A file of DIR that the supervisor has open.
has_swap() {
	ls -l "/proc/$1/fd" 2>/dev/null | grep -q "$2.*(deleted)"
}

@test "every kind of swap gives back what it took" {
	sorts --swap "$WORK"
	sorts --swap-compress 2m
	sorts --swap "$WORK:4m:3" --swap "/var/tmp::1" --swap /var/tmp
}

@test "what went to swap and came back is said" {
	sorts --swap "$WORK"
	[ "$(figure swap_written_pages)" -gt 1024 ]
	[ "$(figure swap_read_pages)" -gt 1024 ]
	[ "$(figure swap_packed_pages)" -eq 0 ]
	[ "$(figure swap_disk_peak_bytes)" -ge $((4 << 20)) ]
	sorts --swap-compress 2m
	[ "$(figure swap_sum_errors)" -eq 0 ]
	capture timeout 100 "$RESIDENT" run --anon --mem 8m \
	    --swap-compress 2m -- "$PROGRAMS/anon" zeros 16
	echo "$output"
	[[ $output == *"swap     "*" pages to files ("*" of one word"* ]]
	capture timeout 100 "$RESIDENT" run --mem 8m -- true
	[[ $output != *"swap  "* ]]
}

@test "a program that runs tells where its memory is" {
	"$RESIDENT" run --quiet --anon --mem 8m --swap "$WORK" -- \
	    sh -c "'$PROGRAMS/anon' sort 64; sleep 60" >/dev/null 2>&1 3>&- &
	await has_swap $! "$WORK"
	"$RESIDENT" stat $! | tee people
	grep -q "^swap     files [0-9.]* MiB of [0-9.]* on disk" people
	"$RESIDENT" stat --json $! | python3 -c 'import json, sys
swap = json.load(sys.stdin)["swap"]
assert swap["written"] > 0 and swap["disk_bytes"] > 0, swap
assert swap["tier_bytes"] == 0 and swap["sum_errors"] == 0, swap'
	kill -KILL $!
	wait $! || true
}

@test "all files together have a bound" {
	capture timeout 100 "$RESIDENT" run --quiet --anon --mem 8m \
	    --swap "$WORK" --swap /var/tmp --swap-max 1m -- \
	    "$PROGRAMS/anon" sort 16
	echo "status $status: $output"
	[ "$status" -ne 0 ]
	[[ $output == *"no memory could be freed"* || $output == *"no room"* ]]
	sorts --swap "$WORK" --swap /var/tmp --swap-max 24m
	[ "$(figure swap_disk_peak_bytes)" -gt 0 ]
	capture "$RESIDENT" run --mem 8m --swap-max 4095 -- touch ran
	[ "$status" -eq 125 ]
	[[ $output == *"--swap-max: '4095' is less than a page"* ]]
	[ ! -e ran ]
}

@test "enciphered swap gives back what it took" {
	ldconfig -p | grep -q libsodium || skip "needs libsodium"
	sorts --swap-encrypt
	sorts --swap-encrypt --swap-compress 2m --swap "$WORK"
}

@test "a swap file has no name and is gone with SIGKILL" {
	mkdir swap
	"$RESIDENT" run --quiet --anon --mem 8m --swap "$WORK/swap" -- \
	    sh -c "'$PROGRAMS/anon' sort 64; sleep 60" >/dev/null 2>&1 3>&- &
	await has_swap $! "$WORK/swap"
	[ -z "$(ls -A swap)" ]
	kill -KILL $!
	wait $! || true
	[ -z "$(ls -A swap)" ]
}

@test "a file that was synced has its bytes after SIGKILL, and no others" {
	"$RESIDENT" run --quiet --anon --mem 8m --swap "$WORK" -- python3 -c '
import mmap, os
memory = bytearray(os.urandom(1 << 16) * 256)	# 16 MiB, to swap
with open("file", "w+b") as f:
    f.truncate(4 << 20)
    m = mmap.mmap(f.fileno(), 4 << 20)
    m[:] = b"synced!!" * (1 << 19)
    m.flush()
    open("ready", "w").close()
    for i in range(0, len(memory), 4096):
        memory[i] ^= 1
    import time
    time.sleep(60)
' 3>&- &
	await test -e ready
	kill -KILL $!
	wait $! || true
	[ "$(head -c 4194304 file | tr -d 'synced!' | wc -c)" -eq 0 ]
	[ "$(stat -c %s file)" -eq 4194304 ]
}

@test "swap that is too small is said, and what comes out is right or nothing" {
	capture timeout 100 "$RESIDENT" run --quiet --anon --mem 8m \
	    --swap "$WORK:1m" -- "$PROGRAMS/anon" sort 16
	echo "status $status: $output"
	[ "$status" -ne 0 ]
	[[ $output == *"no memory could be freed"* || $output == *"no room"* ]]
	[[ $output != *"line "*:* ]]
}

# Of 4 MiB half is synced, half only written; then the swap is full.
@test "what a file was given is in it, though swap is too small to go on" {
	cat >both.py <<-'END'
	import mmap, os
	fd = os.open("file", os.O_RDWR | os.O_CREAT)
	os.ftruncate(fd, 4 << 20)
	m = mmap.mmap(fd, 4 << 20)
	half = 2 << 20
	m[:half] = b"s" * half
	m.flush(0, half)
	m[half:] = b"w" * half
	print("written", flush=True)
	own = bytearray(16 << 20)
	for i in range(0, len(own), 4096):
	    own[i] = i >> 12 & 255 | 1
	print("not here")
	END
	capture timeout 100 "$RESIDENT" run --quiet --anon --mem 8m \
	    --swap "$WORK:1m" -- python3 both.py
	echo "status $status: $output"
	[ "$status" -ne 0 ]
	[[ $output == *written* && $output != *"not here"* ]]
	[ "$(head -c 2097152 file | tr -d s | wc -c)" -eq 0 ]
	[ "$(tail -c 2097152 file | tr -d w | wc -c)" -eq 0 ]
	[ "$(stat -c %s file)" -eq 4194304 ]
}

@test "swap options that are none are refused with their text" {
	local text
	for text in '' :1g "$WORK:x" "$WORK:1g:" "$WORK:1g:x" "$WORK:1g:1:2"; do
		capture "$RESIDENT" run --mem 8m --swap "$text" -- touch ran
		echo "$text: $status $output"
		[ "$status" -eq 125 ]
		[[ $output == *"--swap: '$text'"* ]]
		[ ! -e ran ]
	done
	capture "$RESIDENT" run --mem 8m --swap-compress 1 -- touch ran
	[ "$status" -eq 125 ]
	[[ $output == *"compressed"* ]]
	[ ! -e ran ]
}
