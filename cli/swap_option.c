/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/swap_option.c - see swap_option.h. */
#include "swap_option.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static int
read_priority(const char *text, int *priority)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (text[0] == '\0' || *end != '\0' || errno != 0 ||
	    value < INT_MIN || value > INT_MAX)
		return -1;
	*priority = (int)value;
	return 0;
}

/* The parts are cut apart; why not, or NULL. */
static const char *
read_parts(char *directory, struct vm_swap_file *file)
{
	char *size = strchr(directory, ':'), *priority = NULL;

	if (size != NULL)
		*size++ = '\0';
	if (size != NULL)
		priority = strchr(size, ':');
	if (priority != NULL)
		*priority++ = '\0';
	if (directory[0] == '\0')
		return "no directory";
	file->directory = directory;
	if (size != NULL && size[0] != '\0' &&
	    vm_size_parse(size, &file->max_bytes) != 0)
		return vm_last_error();
	if (priority != NULL && read_priority(priority, &file->priority) != 0)
		return "the priority is no number";
	return NULL;
}

int
vm_swap_option_read(const char *text, struct vm_swap_file *file, char **copy,
    const char **why)
{
	*file = (struct vm_swap_file){ .directory = NULL };
	*copy = strdup(text);
	*why = *copy == NULL ? "no memory" : read_parts(*copy, file);
	if (*why == NULL)
		return 0;
	free(*copy);
	*copy = NULL;
	return -1;
}
