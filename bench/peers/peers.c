/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench/peers/peer.h"

#include <string.h>

const struct peer_ops *const peer_table[] = {
	NULL
};

const struct peer_ops *
peer_find(const char *name)
{
	for (unsigned i = 0; peer_table[i] != NULL; i++)
		if (strcmp(peer_table[i]->name, name) == 0)
			return peer_table[i];
	return NULL;
}
