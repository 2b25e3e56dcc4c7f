/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "bench/report.h"

struct machine {
	struct utsname system;
	char processor[128];
	char huge[64];		/* which setting of transparent huge pages */
	long processors;
	long page_bytes;
	double memory_gib;
	double load;		/* of the last minute, before we began */
};

/* The rest of the first line of a file that begins with key. */
static void
line_of(const char *path, const char *key, char *value, size_t bytes)
{
	FILE *file = fopen(path, "re");
	char line[256];

	snprintf(value, bytes, "unknown");
	if (file == NULL)
		return;
	while (fgets(line, sizeof(line), file) != NULL) {
		if (strncmp(line, key, strlen(key)) != 0)
			continue;
		line[strcspn(line, "\n")] = '\0';
		snprintf(value, bytes, "%s", line + strlen(key) +
		    strspn(line + strlen(key), "\t :"));
		break;
	}
	fclose(file);
}

static void
machine_read(struct machine *machine)
{
	memset(machine, 0, sizeof(*machine));
	uname(&machine->system);
	line_of("/proc/cpuinfo", "model name", machine->processor,
	    sizeof(machine->processor));
	line_of("/sys/kernel/mm/transparent_hugepage/enabled", "",
	    machine->huge, sizeof(machine->huge));
	machine->processors = sysconf(_SC_NPROCESSORS_ONLN);
	machine->page_bytes = sysconf(_SC_PAGESIZE);
	machine->memory_gib = (double)sysconf(_SC_PHYS_PAGES) *
	    (double)machine->page_bytes / (1 << 30);
	getloadavg(&machine->load, 1);
}

void
bench_machine_print(FILE *out)
{
	struct machine machine;

	machine_read(&machine);
	fprintf(out, "%s, %ld processors, %.1f GiB, %s %s, pages of %ld bytes, "
	    "load %.2f\n", machine.processor, machine.processors,
	    machine.memory_gib, machine.system.sysname,
	    machine.system.release, machine.page_bytes, machine.load);
	fprintf(out, "commit %s, %s\n", bench_commit, bench_build);
}

void
bench_machine_json(FILE *out)
{
	struct machine machine;

	machine_read(&machine);
	fputs("\"processor\": ", out);
	bench_json_string(out, machine.processor);
	fputs(", \"architecture\": ", out);
	bench_json_string(out, machine.system.machine);
	fputs(", \"kernel\": ", out);
	bench_json_string(out, machine.system.release);
	fputs(", \"huge_pages\": ", out);
	bench_json_string(out, machine.huge);
	fprintf(out, ", \"processors\": %ld, \"page_bytes\": %ld, "
	    "\"memory_gib\": %.1f, \"load\": %.2f", machine.processors,
	    machine.page_bytes, machine.memory_gib, machine.load);
}
