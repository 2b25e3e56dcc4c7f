# SPDX-License-Identifier: BSD-2-Clause
# What the bats files of this folder share.  RESIDENT, PROGRAMS, SOURCE_DIR and
# BUILD_DIR come from the environment (tests/meson.build).
: "${RESIDENT:=$BUILD_DIR/resident}"
: "${PROGRAMS:=$BUILD_DIR/tests}"

# A folder on a disk: files in memory are not managed.
setup() {
	WORK=$(mktemp -d /var/tmp/resident-test.XXXXXX)
	cd "$WORK" || return 1
	unset RESIDENT_CONF RESIDENT_SOCKET
}

teardown() {
	cd /
	rm -rf "$WORK"
}

# figure KEY: the value in figures.json.
figure() {
	sed -n "s/^ *\"$1\": \([0-9]*\),\{0,1\}$/\1/p" figures.json
}

# under SIZE PROGRAM...: runs it quietly, with the figures in figures.json.
under() {
	local size=$1
	shift
	timeout 100 "$RESIDENT" run --quiet --mem "$size" \
	    --json figures.json -- "$@"
}

# Like run, for commands that may well exit with 127.
capture() {
	status=0
	output=$("$@" 2>&1) || status=$?
}

# The limit held, and nothing went wrong.
check_figures() {
	[ "$(figure peak_bytes)" -le "$(figure limit_bytes)" ]
	[ "$(figure errors)" -eq 0 ]
}

# await COMMAND...: until it succeeds, as long as a command may take.
await() {
	local tries=10000
	until "$@"; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || return 1
		sleep 0.01
	done
}

need_root() {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
}
