/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * preload/init.c - the library enters a program and leaves it.
 *
 * RESIDENT_SOCKET names the server's socket; without it nothing happens.
 * RESIDENT_CONF is read for one key, `quiet`; RESIDENT_ANON is a number of
 * bytes.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "fork.h"
#include "shim.h"

#define CONF_ENV "RESIDENT_CONF"

/* Whether `quiet` stands in "key:value,key:value,..." and is not 0. */
static bool
says_quiet(const char *conf)
{
	static const char key[] = "quiet";

	while (conf != NULL && *conf != '\0') {
		size_t size = strcspn(conf, ",");

		if (size >= sizeof(key) - 1 &&
		    strncmp(conf, key, sizeof(key) - 1) == 0) {
			const char *rest = conf + sizeof(key) - 1;

			if (*rest == '\0' || *rest == ',')
				return true;
			if (*rest == ':')
				return rest[1] != '0' && rest[1] != 'f' &&
				    rest[1] != 'n';
		}
		conf += size;
		conf += *conf == ',';
	}
	return false;
}

/* 0 when there is none. */
static uint64_t
anon_min(const char *text)
{
	return text == NULL ? 0 : strtoull(text, NULL, 10);
}

__attribute__((constructor)) static void
enter_program(void)
{
	const char *path = getenv(VM_SOCKET_ENV);

	if (path == NULL || *path == '\0')
		return;
	vm_shim.anon_min = anon_min(getenv(VM_ANON_ENV));
	vm_shim_start(path, says_quiet(getenv(CONF_ENV)));
	if (vm_shim_active())
		(void)pthread_atfork(vm_fork_prepare, vm_fork_parent,
		    vm_fork_child);
}

__attribute__((destructor)) static void
leave_program(void)
{
	vm_shim_finish();
}
