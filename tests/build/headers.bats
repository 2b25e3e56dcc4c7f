#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Each header compiles alone, and twice.

bats_require_minimum_version 1.5.0

WARN="-Wall -Wextra -Wpedantic -Wshadow -Werror -fsyntax-only"

# compile_each FOLDER COMPILER... - every header below FOLDER of the tree.
compile_each() {
	local folder=$1 failed=0 header
	shift

	cd "$SOURCE_DIR/$folder"
	while IFS= read -r header; do
		printf '#include "%s"\n#include "%s"\nextern int unused_;\n' \
		    "$header" "$header" | "$@" - || failed=1
	done < <(find . -name '*.h' -printf '%P\n' | sort)
	return "$failed"
}

@test "each public header compiles alone as C17" {
	[ -d "$SOURCE_DIR/include/resident" ] || skip "no public header"
	compile_each include ${CC:-cc} -std=c17 -Wconversion \
	    -Wstrict-prototypes $WARN -I"$SOURCE_DIR/include" -x c
}

# Without -Wshadow: as with stat(2), a struct and a function share a name.
@test "each public header compiles alone as C++17" {
	[ -d "$SOURCE_DIR/include/resident" ] || skip "no public header"
	command -v g++ >/dev/null || skip "no g++ here"
	compile_each include g++ -std=c++17 ${WARN/-Wshadow } \
	    -I"$SOURCE_DIR/include" -x c++
}

@test "each internal header compiles alone" {
	compile_each src ${CC:-cc} -std=c17 -D_GNU_SOURCE -Wconversion \
	    -Wstrict-prototypes $WARN \
	    -I"$SOURCE_DIR/src" -I"$SOURCE_DIR/include" -x c
}
