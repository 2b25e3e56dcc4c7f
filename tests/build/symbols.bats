#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# What the libraries export is what is written down, and nothing else.

bats_require_minimum_version 1.5.0

# names_of_map FILE - the names a version script exports.
names_of_map() {
	sed -e 's@/\*.*\*/@@' -e '/^\/\*/,/\*\//d' "$1" |
	    sed -n '/global:/,/local:/p' | sed -e 's/.*global://' \
	    -e 's/local:.*//' | grep -oE '[A-Za-z_][A-Za-z0-9_]*' | sort -u
}

# names_of_library FILE - the symbols a shared library defines for others.
names_of_library() {
	nm -D --defined-only "$1" | awk '$2 != "A" { print $3 }' |
	    sed 's/@.*//' | sort -u
}

# names_of_headers - the functions include/resident declares, inline ones not.
names_of_headers() {
	cat "$SOURCE_DIR"/include/resident/*.h |
	    gcc -fpreprocessed -dD -E -P - 2>/dev/null |
	    grep -v '^#' | tr '\n' ' ' | sed 's/[;{}]/\n/g' |
	    grep -v 'static inline' | grep -oE '\bvm_[a-z0-9_]+ ?\([^*]' |
	    sed 's/ *(.*//' | sort -u
}

same() {
	diff --label "$1" --label "$3" -u <($2) <($4)
}

library() { names_of_library "$BUILD_DIR/libresident.so"; }
library_map() { names_of_map "$SOURCE_DIR/src/resident.map"; }
preload() { names_of_library "$BUILD_DIR/libresident-preload.so"; }
preload_map() { names_of_map "$SOURCE_DIR/preload/preload.map"; }

@test "libresident.so exports what resident.map lists" {
	[ -e "$BUILD_DIR/libresident.so" ] || skip "no library"
	same "src/resident.map" library_map "libresident.so" library
}

@test "resident.map lists what include/resident declares" {
	[ -e "$SOURCE_DIR/include/resident/resident.h" ] || skip "no header"
	same "src/resident.map" library_map "include/resident" names_of_headers
}

@test "NEWS names what resident.map lists" {
	local name missing=
	for name in $(library_map); do
		grep -qw "$name" "$SOURCE_DIR/NEWS" || missing+=" $name"
	done
	echo "not in NEWS:$missing"
	[ -z "$missing" ]
}

@test "libresident-preload.so exports what preload.map lists" {
	[ -e "$BUILD_DIR/libresident-preload.so" ] || skip "no library"
	same "preload/preload.map" preload_map "libresident-preload.so" preload
}

@test "libresident.so has the soname libresident.so.0" {
	[ -e "$BUILD_DIR/libresident.so" ] || skip "no library"
	readelf -d "$BUILD_DIR/libresident.so" | grep -F '[libresident.so.0]'
}

@test "header, build and NEWS agree about the version" {
	[ -e "$SOURCE_DIR/include/resident/resident.h" ] || skip "no header"
	version=$(sed -n 's/^#define VM_VERSION "\(.*\)"/\1/p' \
	    "$SOURCE_DIR/include/resident/resident.h")
	[ -n "$version" ]
	meson introspect --projectinfo "$BUILD_DIR" |
	    grep -F "\"version\": \"$version\""
	grep -F "resident $version" "$SOURCE_DIR/NEWS"
}
