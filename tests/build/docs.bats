#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# What the documents say is so, as far as a program can tell.

bats_require_minimum_version 1.5.0

setup() { cd "$SOURCE_DIR"; }

# example FILE - the program text below EXAMPLES of a manual page.
example() {
	sed -n '/^\.Sh EXAMPLES/,/^\.Ed/p' "$1" |
	    sed -n '/^\.Bd/,/^\.Ed/p' | sed -e '/^\.[BE]d/d' -e 's/\\e/\\/g'
}

@test "each manual page is set without a warning" {
	command -v groff >/dev/null || skip "no groff"
	for page in docs/man/*.[137]; do
		said=$(groff -ww -mandoc -Tutf8 -z "$page" 2>&1)
		echo "$page: $said"
		[ -z "$said" ]
	done
}

# Each is a program that needs no argument and ends with status 0: in an empty
# folder, against the library that was just built.
@test "the examples of the manual compile and run" {
	local dir=$BATS_TEST_TMPDIR said
	for page in docs/man/*.3; do
		echo "$page"
		example "$page" >"$dir/example.c"
		grep -q 'include <resident/resident.h>' "$dir/example.c"
		${CC:-cc} -std=c17 -D_GNU_SOURCE -Wall -Wextra -Werror \
		    -Iinclude -o "$dir/example" "$dir/example.c" \
		    -L"$BUILD_DIR" -lresident -pthread
		mkdir "$dir/empty"
		said=$(cd "$dir/empty" && LD_LIBRARY_PATH=$BUILD_DIR \
		    timeout 60 "$dir/example" </dev/null 2>&1) || {
			echo "$page: status $?: $said"
			return 1
		}
		rm -r "$dir/example" "$dir/empty"
	done
}

@test "man finds each function by its name" {
	for name in $(grep -oE '^	vm_\w+' src/resident.map); do
		echo "$name"
		grep -q "'$name'" docs/man/meson.build
	done
}

@test "each manual page names the functions that are linked to it" {
	local page= name
	while IFS= read -r name; do
		[[ $name == *: ]] && page=docs/man/${name%:}.3
		echo "${name%:} in $page"
		grep -qE "^\.Nm ${name%:}( ,)?$" "$page"
	done < <(sed -n '/^man_pages/,/^}/p' docs/man/meson.build |
	    grep -oE "'vm_\w+':?" | tr -d "'")
}

@test "each manual page that another one names is there" {
	for name in $(sed -n 's/^\.Xr \([a-z_]*\) 3.*/\1/p' docs/man/*); do
		echo "$name"
		[[ $name != vm_* ]] || grep -q "'$name'" docs/man/meson.build
	done
}

@test "README shows the small example as it is" {
	[ -f examples/small.c ] || skip "no example"
	sed -n '/^```c$/,/^```$/p' README.md | sed '/^```/d' |
	    diff -u examples/small.c -
}

@test "files that the documents name are there" {
	local missing=0
	for document in README.md docs/*.md; do
		folder=${document%/*}
		[ "$folder" != "$document" ] || folder=.
		for name in $(grep -oE '\]\([^)#]+' "$document" |
		    sed 's/](//' | grep -v ://); do
			[ -e "$folder/$name" ] || {
				echo "$document: $name"
				missing=1
			}
		done
		for name in $(grep -oE '`(bench|cli|demo|docs|examples|include|preload|src|tests|tools)/[a-zA-Z0-9_./-]*`' \
		    "$document" | tr -d '`'); do
			[ -e "$name" ] || {
				echo "$document: $name"
				missing=1
			}
		done
	done
	[ "$missing" -eq 0 ]
}

@test "docs/locks.md has every lock" {
	for name in $(grep -rhoP 'vm_lock_init\([^;]*?"\K[^"]+' src |
	    tr ' ' '.'); do
		echo "$name"
		grep -q "^| $name |" docs/locks.md
	done
}

@test "docs/locks.md has every rank" {
	for rank in $(grep -oE '\bVM_RANK_\w+' src/base/rank.h); do
		echo "$rank"
		grep -q "\b${rank#VM_RANK_}\b" docs/locks.md
	done
}

@test "docs/faults.md has every test of the catalogue, and no other" {
	diff <(grep -ohP '^TEST\(\K\w+' tests/unit/api/test_catalogue*.c |
	    sort) <(grep -oP '\| `\K[a-z_]+(?=` \|$)' docs/faults.md | sort)
}
