#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# tools/layers on small trees, with the real table.

bats_require_minimum_version 1.5.0

setup() {
	top=$BATS_TEST_TMPDIR/tree
	mkdir -p "$top/tools" "$top/src/base" "$top/src/page" \
	    "$top/src/frame" "$top/src/pmap" "$top/src/server" \
	    "$top/preload" "$top/cli" "$top/include/resident"
	cp "$SOURCE_DIR/tools/layers.txt" "$top/tools"
	touch "$top/src/base/lock.h" "$top/src/page/page.h" \
	    "$top/src/page/page_private.h" "$top/src/pmap/pmap.h" \
	    "$top/src/frame/frame.h" "$top/src/server/protocol.h" \
	    "$top/src/server/server.h" "$top/include/resident/resident.h"
}

# check FILE INCLUDED - one file that includes one header.
check() {
	printf '/* one */\n#include %s\n' "$2" >"$top/$1"
	run "$SOURCE_DIR/tools/layers" "$top"
}

allows() { check "$@" && [ "$status" -eq 0 ] && [ -z "$output" ]; }
refuses() { check "$@" && [ "$status" -eq 1 ] && [[ $output == "$1:2: "* ]]; }

@test "a room includes a lower level, not its own or a higher one" {
	allows src/frame/a.c '"base/lock.h"'
	allows src/frame/a.c '"page/page.h"'
	allows src/frame/a.c '"frame/frame.h"'
	refuses src/frame/a.c '"pmap/pmap.h"'
	rm "$top/src/frame/a.c"
	refuses src/page/a.c '"frame/frame.h"'
}

@test "a private header is for its own room" {
	allows src/page/a.c '"page/page_private.h"'
	refuses src/frame/a.c '"page/page_private.h"'
}

@test "only api and the programs see public headers" {
	allows cli/a.c '<resident/resident.h>'
	refuses src/page/a.c '<resident/resident.h>'
}

@test "the preload library sees the protocol and nothing else of src" {
	allows preload/a.c '"server/protocol.h"'
	refuses preload/a.c '"server/server.h"'
	refuses preload/a.c '"base/lock.h"'
}

@test "only os opens a door to the kernel" {
	refuses src/page/a.c '<sys/mman.h>'
	rm "$top/src/page/a.c"
	mkdir "$top/src/os"
	allows src/os/a.c '<sys/mman.h>'
	allows preload/a.c '<sys/mman.h>'
}

@test "a folder that is not in the table is refused" {
	mkdir "$top/src/other"
	touch "$top/src/other/a.c"
	run "$SOURCE_DIR/tools/layers" "$top"
	[ "$status" -eq 1 ]
	[[ $output == "src/other/a.c:1: "* ]]
}

@test "a header that does not exist is refused" {
	refuses src/page/a.c '"page/nothing.h"'
}
