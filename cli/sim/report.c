/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/sim/report.c - see report.h. */
#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/say.h"

static double
ratio(const struct vm_sim_row *row)
{
	return (double)row->hits / (double)row->requests;
}

static unsigned
rows_per_trace(const struct vm_sim_rows *rows)
{
	return rows->policies * rows->sizes;
}

/* ---- for people --------------------------------------------------------- */

static void
print_trace(const struct vm_sim_rows *rows, const struct vm_sim_row *first)
{
	printf("%s: %" PRIu64 " requests\n%-12s", first->trace,
	    first->requests, "  pages");
	for (unsigned s = 0; s < rows->sizes; s++)
		printf(" %10" PRIu32, first[s].pages);
	printf("\n");
	for (unsigned p = 0; p < rows->policies; p++) {
		const struct vm_sim_row *row = first + p * rows->sizes;

		printf("  %-10s", row->policy);
		for (unsigned s = 0; s < rows->sizes; s++)
			printf(" %10.4f", ratio(&row[s]));
		printf("\n");
	}
}

static void
print_means(const struct vm_sim_rows *rows)
{
	unsigned per_trace = rows_per_trace(rows);

	printf("mean hit ratio over %u rows\n", rows->count / rows->policies);
	for (unsigned p = 0; p < rows->policies; p++) {
		double sum = 0;

		for (unsigned i = 0; i < rows->count; i++)
			if (i % per_trace / rows->sizes == p)
				sum += ratio(&rows->row[i]);
		printf("  %-10s %10.4f\n", rows->row[p * rows->sizes].policy,
		    sum * rows->policies / rows->count);
	}
}

void
vm_sim_print(const struct vm_sim_rows *rows)
{
	unsigned per_trace = rows_per_trace(rows);

	for (unsigned i = 0; i < rows->count; i += per_trace)
		print_trace(rows, &rows->row[i]);
	if (rows->count > rows->policies)
		print_means(rows);
}

/* ---- for programs ------------------------------------------------------- */

static void
print_tsv(const struct vm_sim_rows *rows, FILE *out)
{
	fprintf(out, "trace\tpolicy\tfraction\tpages\trequests\thits\t"
	    "hit_ratio\n");
	for (unsigned i = 0; i < rows->count; i++) {
		const struct vm_sim_row *row = &rows->row[i];

		fprintf(out, "%s\t%s\t%g\t%" PRIu32 "\t%" PRIu64 "\t%" PRIu64
		    "\t%.6f\n", row->trace, row->policy, row->fraction,
		    row->pages, row->requests, row->hits, ratio(row));
	}
}

static int
cannot_write(const char *path, int error)
{
	vm_say("%s: cannot write: %s", path, strerror(error));
	return -1;
}

int
vm_sim_write_tsv(const struct vm_sim_rows *rows, const char *path)
{
	FILE *out = fopen(path, "we");
	bool failed;

	if (out == NULL)
		return cannot_write(path, errno);
	print_tsv(rows, out);
	errno = 0;
	failed = ferror(out) != 0;
	failed |= fclose(out) != 0;
	return failed ? cannot_write(path, errno == 0 ? EIO : errno) : 0;
}

/* ---- the plot ----------------------------------------------------------- */

/* A text between double quotes of gnuplot. */
static void
print_quoted(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text != '\0'; text++)
		if (*text == '"' || *text == '\\')
			fprintf(out, "\\%c", *text);
		else
			fputc((unsigned char)*text < ' ' ? '?' : *text, out);
	fputc('"', out);
}

/* 4 plots side by side, 320 x 260 points each. */
#define PLOTS_WIDE	4u
#define PLOT_WIDTH	320u
#define PLOT_HEIGHT	260u

static void
print_curves(const struct vm_sim_rows *rows, const struct vm_sim_row *first,
    FILE *out)
{
	fprintf(out, "set title ");
	print_quoted(out, first->trace);
	fprintf(out, " noenhanced\nplot ");
	for (unsigned p = 0; p < rows->policies; p++)
		fprintf(out, "%s'-' with linespoints %s title '%s'",
		    p == 0 ? "" : ", ", p + 1 == rows->policies ?
		    "lc rgb 'black' dt 2" : "", first[p * rows->sizes].policy);
	fprintf(out, "\n");
	for (unsigned p = 0; p < rows->policies; p++) {
		for (unsigned s = 0; s < rows->sizes; s++) {
			const struct vm_sim_row *row =
			    &first[p * rows->sizes + s];

			fprintf(out, "%g %.6f\n", 100 * row->fraction,
			    ratio(row));
		}
		fprintf(out, "e\n");
	}
}

static void
print_script(const struct vm_sim_rows *rows, const char *path, FILE *out)
{
	unsigned per_trace = rows_per_trace(rows);
	unsigned plots = rows->count / per_trace;
	unsigned wide = plots < PLOTS_WIDE ? plots : PLOTS_WIDE;
	unsigned high = (plots + wide - 1) / wide;
	unsigned scale = plots == 1 ? 2 : 1;
	bool svg = strcmp(path + strlen(path) - 4, ".svg") == 0;

	fprintf(out, "set terminal %s size %u,%u font ',9'\nset output ",
	    svg ? "svg" : "pngcairo", wide * PLOT_WIDTH * scale,
	    high * PLOT_HEIGHT * scale);
	print_quoted(out, path);
	fprintf(out, "\nset multiplot layout %u,%u\n"
	    "set xlabel 'memory, %% of the pages'\nset ylabel 'hit ratio'\n"
	    "set yrange [0:*]\nset key outside right top font ',7' samplen 1\n"
	    "set grid\n", high, wide);
	for (unsigned i = 0; i < rows->count; i += per_trace)
		print_curves(rows, &rows->row[i], out);
	fprintf(out, "unset multiplot\n");
}

/* gnuplot with the read end as its input; never returns. */
static void
become_gnuplot(const int ends[2])
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (dup2(ends[0], STDIN_FILENO) < 0 ||
	    (null >= 0 && dup2(null, STDERR_FILENO) < 0))
		_exit(1);
	close(ends[0]);
	close(ends[1]);
	execlp("gnuplot", "gnuplot", (char *)NULL);
	_exit(127);
}

static int
finish_gnuplot(const char *path, pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return cannot_write(path, errno);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		vm_say("--plot: gnuplot is not installed");
	else
		vm_say("%s: gnuplot could not make the plot", path);
	return -1;
}

int
vm_sim_plot(const struct vm_sim_rows *rows, const char *path)
{
	int ends[2];
	pid_t pid;
	FILE *out;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return cannot_write(path, errno);
	pid = fork();
	if (pid == 0)
		become_gnuplot(ends);
	close(ends[0]);
	out = pid < 0 ? NULL : fdopen(ends[1], "w");
	if (out == NULL) {
		vm_say("--plot: cannot start gnuplot: %s", strerror(errno));
		close(ends[1]);
		return pid < 0 ? -1 : (finish_gnuplot(path, pid), -1);
	}
	print_script(rows, path, out);
	(void)fclose(out);	/* its status says whether it got all */
	return finish_gnuplot(path, pid);
}
