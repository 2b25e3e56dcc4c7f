#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# The model calls every public function, or left_out.txt says why not.

bats_require_minimum_version 1.5.0

exported() {
	sed -n '/global:/,/local:/p' "$SOURCE_DIR/src/resident.map" |
	    grep -oE 'vm_[a-z0-9_]+' | sort -u
}

# Comments are not calls.
called() {
	cat "$SOURCE_DIR"/tests/model/*.c |
	    gcc -fpreprocessed -dD -E -P - 2>/dev/null |
	    grep -oE '\bvm_[a-z0-9_]+\(' | tr -d '(' | sort -u
}

left_out() {
	sed -e '/^#/d' -e '/^$/d' "$SOURCE_DIR/tests/model/left_out.txt" |
	    awk '{ print $1 }' | sort
}

@test "the model calls every public function that is not left out" {
	missing=$(comm -23 <(exported) <(called) | comm -23 - <(left_out))
	echo "neither called nor left out: $missing"
	[ -z "$missing" ]
}

@test "what the model leaves out is public, and not called" {
	wrong=$(comm -12 <(called) <(left_out); comm -13 <(exported) \
	    <(left_out))
	echo "called, or not public: $wrong"
	[ -z "$wrong" ]
}

@test "what the model leaves out has a reason" {
	without=$(awk '!/^#/ && NF == 1' "$SOURCE_DIR/tests/model/left_out.txt")
	echo "no reason: $without"
	[ -z "$without" ]
}
