/* SPDX-License-Identifier: BSD-2-Clause */
/* The lines of /proc/self/maps; the rest is tested with real programs. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "check.h"
#include "../../../preload/maps.h"

static bool
parse(const char *line, struct vm_maps_line *out)
{
	return vm_maps_parse(line, line + strlen(line), out);
}

TEST(a_line_of_a_shared_writable_file_is_understood)
{
	struct vm_maps_line line;

	CHECK(parse("7f136eba6000-7f136ecad000 rw-s 00012000 fe:0a 1234 "
	    "                  /a file (deleted)", &line));
	CHECK(line.start == UINT64_C(0x7f136eba6000));
	CHECK(line.end == UINT64_C(0x7f136ecad000));
	CHECK(line.offset == 0x12000);
	CHECK(line.device == makedev(0xfe, 0x0a));
	CHECK(line.inode == 1234);
	CHECK(line.write && line.shared && !line.execute);
}

TEST(anonymous_memory_has_no_file)
{
	struct vm_maps_line line;

	CHECK(parse("7ffd0000-7ffe0000 rwxp 00000000 00:00 0 ", &line));
	CHECK(line.inode == 0);
	CHECK(line.execute && !line.shared);
}

TEST(a_cut_or_strange_line_is_refused)
{
	static const char *const bad[] = {
		"", "7f", "7f-", "7f00-7f10", "7f00-7f10 rw-",
		"7f00-7f10 rw-s", "7f00-7f10 rw-s 0", "7f00-7f10 rw-s 0 fe:",
		"7f00-7f10 rw-s 0 fe:00 12", "zz-7f10 rw-s 0 fe:00 12 ",
	};
	struct vm_maps_line line;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(!parse(bad[i], &line));
}

TEST(the_kernels_own_line_of_a_map_of_ours_is_found)
{
	char text[512];
	struct vm_maps_line line;
	struct stat st;
	FILE *maps, *file = tmpfile();
	void *at;
	bool found = false;

	CHECK(file != NULL && ftruncate(fileno(file), 8192) == 0);
	CHECK(fstat(fileno(file), &st) == 0);
	at = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fileno(file), 4096);
	CHECK(at != MAP_FAILED);
	maps = fopen("/proc/self/maps", "r");
	CHECK(maps != NULL);
	while (!found && fgets(text, sizeof(text), maps) != NULL)
		found = parse(text, &line) &&
		    line.start == (uint64_t)(uintptr_t)at;
	CHECK(found);
	CHECK(line.offset == 4096 && line.inode == st.st_ino);
	CHECK(line.shared && !line.write);
	fclose(maps);
	munmap(at, 4096);
	fclose(file);
}
