#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# tools/tidy on one file at a time.

bats_require_minimum_version 1.5.0

SPDX='SPDX-License-Identifier: BSD-2-Clause'

setup() {
	top=$BATS_TEST_TMPDIR/tree
	mkdir -p "$top/src/page" "$top/src/os" "$top/preload" "$top/docs/man"
}

# tidy FILE - standard input, behind the SPDX line, becomes FILE.
tidy() {
	{ echo "/* $SPDX */" && cat; } >"$top/$1"
	run "$SOURCE_DIR/tools/tidy" "$top"
	rm "$top/$1"
}

accepted() { echo "$output" && [ "$status" -eq 0 ]; }
refused() { echo "$output" && [ "$status" -eq 1 ] && [[ $output == *$1* ]]; }

@test "a clean file is accepted in silence" {
	tidy src/page/a.c <<-'C'
	int
	vm_page_count(int a, int b, int c, int d, int e)
	{
		return a + b + c + d + e;
	}
	C
	accepted
	[ -z "$output" ]
}

@test "a file without its SPDX line is refused" {
	echo 'int a;' >"$top/src/page/a.c"
	run "$SOURCE_DIR/tools/tidy" "$top"
	refused "src/page/a.c:1: no line"
}

@test "81 columns, a tab being eight, are refused" {
	tidy src/page/a.c < <(printf '\t/* %067d */\n' 0)
	refused "a.c:2: 81 columns"
	tidy src/page/a.c < <(printf '\t/* %066d */\n' 0)
	accepted
}

@test "functions of 70 lines are accepted, of 71 refused" {
	body() { printf 'void\nf(void)\n{\n%s}\n' "$(yes ';' | head -n "$1")
"; }
	tidy src/page/a.c < <(body 70)
	accepted
	tidy src/page/a.c < <(body 71)
	refused "a.c:3: f: 71 lines"
}

@test "files of 800 lines are accepted, of 801 refused" {
	tidy src/page/a.c < <(yes ';' | head -n 799)
	accepted
	tidy src/page/a.c < <(yes ';' | head -n 800)
	refused "a.c:1: 801 lines"
}

@test "six parameters are refused, but for what is interposed" {
	tidy src/page/a.c < <(printf 'int\nf(%s)\n{\n}\n' \
	    'int a, int b, int c, int d, int e, int g')
	refused "a.c:3: f: 6 parameters"
	printf '/* %s */\n{ global: f; local: *; };\n' "$SPDX" \
	    >"$top/preload/preload.map"
	tidy preload/a.c < <(printf 'int\nf(%s)\n{\n}\n' \
	    'int a, int b, int c, int d, int e, int g')
	accepted
}

@test "a comment that names the rule lifts it" {
	tidy src/page/a.c < <(printf '/* Rule 3: %s */\nint\nf(%s)\n{\n}\n' \
	    'as the kernel has it' 'int a, int b, int c, int d, int e, int g')
	accepted
}

@test "a return type on the name's line is refused" {
	tidy src/page/a.c < <(printf 'static int f(void)\n{\n}\n')
	refused "a.c:2: f: the return type"
}

@test "banned calls are refused, members and comments are not" {
	tidy src/page/a.c < <(printf '\tx = strcpy(a, b);\n')
	refused "a.c:2: strcpy() is banned"
	tidy src/page/a.c < <(printf '\tfree(a);\n')
	refused "a.c:2: free() is banned"
	tidy src/page/a.c < <(printf '\tprintf("");\n')
	refused "a.c:2: printf() is banned"
	tidy src/page/a.c < <(printf '\tops->free(a); /* free(a) */\n')
	accepted
	tidy src/os/a.c < <(printf '\tfree(a);\n')
	accepted
}

@test "notes to self are refused" {
	tidy src/page/a.c < <(printf '/* TO%s: later */\n' DO)
	refused "a.c:2: a note to self"
}

@test "a typedef of a struct is refused" {
	tidy src/page/a.c < <(printf 'typedef struct a b;\n')
	refused "a.c:2: a typedef"
}

@test "white space at the end of a line is refused" {
	tidy src/page/a.c < <(printf 'int a; \n')
	refused "a.c:2: white space"
}

@test "a header needs a guard with its own name" {
	tidy src/page/a.h < <(printf 'int a;\n')
	refused "a.h:1: no include guard"
	tidy src/page/a.h < <(printf '#ifndef A_H\n#define A_H\n#endif\n')
	refused "a.h:1: the guard is A_H, not PAGE_A_H"
	tidy src/page/a.h < <(printf '#ifndef %s\n#define %s\n#endif\n' \
	    PAGE_A_H PAGE_A_H)
	accepted
}

@test "an exported function needs a page, once there are pages" {
	printf '/* %s */\n{ global: vm_a; vm_b; local: *; };\n' "$SPDX" \
	    >"$top/src/resident.map"
	run "$SOURCE_DIR/tools/tidy" "$top"
	accepted
	printf '.\\" %s\nvm_a\n' "$SPDX" >"$top/docs/man/vm_a.3"
	run "$SOURCE_DIR/tools/tidy" "$top"
	refused "vm_b has no page"
}
