#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# What `make install` puts where, and that it can be used from there.

bats_require_minimum_version 1.5.0

setup() {
	[ -e "$BUILD_DIR/libresident.so" ] || skip "no library"
	meson install -C "$BUILD_DIR" --no-rebuild --quiet \
	    --destdir "$BATS_TEST_TMPDIR"
	pc=$(find "$BATS_TEST_TMPDIR" -name resident.pc)
	export PKG_CONFIG_SYSROOT_DIR=$BATS_TEST_TMPDIR
	export PKG_CONFIG_PATH=${pc%/*}
}

@test "a program compiles and runs with the flags of pkg-config" {
	local flags
	flags=$(pkg-config --cflags --libs resident)
	printf '%s\n' '#include <resident/resident.h>' \
	    'int main(void) { return vm_last_error() == 0; }' \
	    >"$BATS_TEST_TMPDIR/a.c"
	${CC:-cc} -std=c17 "$BATS_TEST_TMPDIR/a.c" $flags \
	    -o "$BATS_TEST_TMPDIR/a"
	LD_LIBRARY_PATH=${pc%/pkgconfig/*} "$BATS_TEST_TMPDIR/a"
}

@test "a program compiles and runs with the static library" {
	local flags
	flags=$(pkg-config --static --cflags --libs resident)
	printf '%s\n' '#include <resident/resident.h>' \
	    'int main(void) { return vm_last_error() == 0; }' \
	    >"$BATS_TEST_TMPDIR/a.c"
	${CC:-cc} -std=c17 "$BATS_TEST_TMPDIR/a.c" \
	    ${flags/-lresident/-l:libresident.a} -o "$BATS_TEST_TMPDIR/a"
	"$BATS_TEST_TMPDIR/a"
}

@test "program, preload library, completion and pages are installed" {
	[ -e "$RESIDENT" ] || skip "no program"
	for name in bin/resident resident/libresident-preload.so \
	    bash-completion/completions/resident man1/resident.1; do
		find "$BATS_TEST_TMPDIR" -path "*/$name" | grep .
	done
}

@test "every page of the manual is installed" {
	[ -d "$SOURCE_DIR/docs/man" ] || skip "no page"
	for page in "$SOURCE_DIR"/docs/man/*.[137]; do
		find "$BATS_TEST_TMPDIR" -name "${page##*/}" | grep .
	done
}

@test "the installed program answers --version" {
	[ -e "$RESIDENT" ] || skip "no program"
	"$(find "$BATS_TEST_TMPDIR" -path '*/bin/resident')" --version
}
