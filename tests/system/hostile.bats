#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Messages that break the rules end their own session, and nothing else.
load common.bash

@test "each offence ends its session, and others are served" {
	head -c 4M /dev/zero >file
	run under 16m "$PROGRAMS/hostile" file
	echo "$output"
	[ "$status" -eq 0 ]
	count=$(sed -n 's/ offences$//p' <<<"$output")
	[ "$(figure errors)" -eq "$count" ]
	[ "$(stat -c %s file)" -eq $((4 << 20)) ]
}

@test "noise on the socket does not disturb a program that reads" {
	"$PROGRAMS/mapper" fill data 16
	head -c 4M /dev/zero >file
	SEED=${RESIDENT_SEED:-$((RANDOM * RANDOM))}
	echo "seed $SEED"
	# shellcheck disable=SC2016
	run under 2m sh -c '
		"$0/hostile" file 1000 '"$SEED"' & noise=$!
		for i in 1 2 3 4 5; do
			"$0/mapper" threads data || exit 1
		done
		wait $noise' "$PROGRAMS"
	echo "$output" | grep -v "session has ended"
	[ "$status" -eq 0 ]
	[ "$(figure peak_bytes)" -le "$(figure limit_bytes)" ]
}
