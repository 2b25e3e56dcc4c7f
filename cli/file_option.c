/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/file_option.c - see file_option.h. */
#include "file_option.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Cuts GLOB off; the rest, or NULL. */
static char *
cut(char *glob)
{
	char *value = strrchr(glob, '=');

	if (value == NULL || value == glob)
		return NULL;
	*value = '\0';
	return value + 1;
}

/* One of the sizes; *at is what comes behind it, NULL: nothing. */
static int
read_pages(char **at, uint64_t *pages)
{
	char *text = *at, *colon;
	uint64_t bytes;

	*pages = 0;
	if (text == NULL)
		return 0;
	colon = strchr(text, ':');
	if (colon != NULL)
		*colon = '\0';
	*at = colon == NULL ? NULL : colon + 1;
	if (text[0] == '\0')
		return 0;
	if (vm_size_parse(text, &bytes) != 0)
		return -1;
	*pages = bytes / vm_page_bytes() + (bytes % vm_page_bytes() != 0);
	return 0;
}

/* Why not, or NULL. */
static const char *
read_limits(char *text, struct vm_file_rule *rule)
{
	struct vm_object_limits *limits = &rule->limits;

	*limits = (struct vm_object_limits)VM_OBJECT_LIMITS_INIT;
	rule->limited = true;
	if (text == NULL)
		return "a pattern and '=' are needed";
	if (read_pages(&text, &limits->min_pages) != 0 ||
	    read_pages(&text, &limits->low_pages) != 0 ||
	    read_pages(&text, &limits->high_pages) != 0)
		return vm_last_error();
	if (text != NULL)
		return "more than three sizes";
	if (limits->low_pages != 0 && limits->min_pages > limits->low_pages)
		return "the first size is above the second one";
	if (limits->high_pages != 0 &&
	    (limits->low_pages > limits->high_pages ||
	    limits->min_pages > limits->high_pages))
		return "the third size is below another one";
	return NULL;
}

static const char *
read_policy(const char *text, struct vm_file_rule *rule)
{
	if (text == NULL)
		return "a pattern and '=' are needed";
	for (const char *const *name = vm_policy_names(); *name != NULL;
	    name++)
		if (strcmp(*name, text) == 0) {
			rule->policy = *name;
			return NULL;
		}
	return "there is no such policy";
}

static int
finish(struct vm_file_rule *rule, const char *why)
{
	if (why == NULL)
		return 0;
	free(rule->glob);
	rule->glob = NULL;
	return -1;
}

int
vm_file_limit_read(const char *text, struct vm_file_rule *rule,
    const char **why)
{
	*rule = (struct vm_file_rule){ .glob = strdup(text) };
	*why = rule->glob == NULL ? "no memory" :
	    read_limits(cut(rule->glob), rule);
	return finish(rule, *why);
}

int
vm_file_policy_read(const char *text, struct vm_file_rule *rule,
    const char **why)
{
	*rule = (struct vm_file_rule){ .glob = strdup(text) };
	*why = rule->glob == NULL ? "no memory" :
	    read_policy(cut(rule->glob), rule);
	return finish(rule, *why);
}
