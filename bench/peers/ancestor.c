/* SPDX-License-Identifier: BSD-2-Clause */
/* bench/peers/ancestor.c - ancestor.h has the theory. */
#include "bench/peers/ancestor.h"

/* Cells that become inactive for each victim, at most: more than one, so that
 * a long active queue gets shorter; few, so that no miss waits for it. */
#define DEACTIVATE_MOST 4

int
ancestor_open(struct ancestor *a, const struct peer_config *config, bool spins)
{
	int error = peer_memory_open(&a->memory, config->fd,
	    config->page_bytes, config->memory_pages);

	if (error != 0)
		return error;
	peer_lock_init(&a->lock, spins);
	peer_event_init(&a->event);
	a->fresh = 0;
	a->spare = NULL;
	return 0;
}

void
ancestor_close(struct ancestor *a)
{
	peer_event_fini(&a->event);
	peer_lock_fini(&a->lock);
	peer_memory_close(&a->memory);
}

void
ancestor_queues_init(struct ancestor_queues *queues, bool spins)
{
	peer_lock_init(&queues->lock, spins);
	TAILQ_INIT(&queues->active);
	TAILQ_INIT(&queues->inactive);
	queues->active_count = 0;
	queues->inactive_count = 0;
}

void
ancestor_queues_fini(struct ancestor_queues *queues)
{
	peer_lock_fini(&queues->lock);
}

static void
append_active(struct ancestor_queues *queues, struct peer_cell *cell)
{
	cell->active = true;
	queues->active_count++;
	TAILQ_INSERT_TAIL(&queues->active, cell, queue);
}

static void
append_inactive(struct ancestor_queues *queues, struct peer_cell *cell)
{
	cell->active = false;
	queues->inactive_count++;
	TAILQ_INSERT_TAIL(&queues->inactive, cell, queue);
}

static void
take_off(struct ancestor_queues *queues, struct peer_cell *cell)
{
	if (cell->active) {
		queues->active_count--;
		TAILQ_REMOVE(&queues->active, cell, queue);
	} else {
		queues->inactive_count--;
		TAILQ_REMOVE(&queues->inactive, cell, queue);
	}
}

void
ancestor_activate(struct ancestor_queues *queues, struct peer_cell *cell)
{
	peer_lock(&queues->lock);
	append_active(queues, cell);
	peer_unlock(&queues->lock);
}

/* Towards two thirds that are inactive. */
static void
balance(struct ancestor_queues *queues)
{
	for (unsigned i = 0; i < DEACTIVATE_MOST; i++) {
		struct peer_cell *cell = TAILQ_FIRST(&queues->active);

		if (cell == NULL ||
		    queues->inactive_count > 2 * queues->active_count)
			return;
		take_off(queues, cell);
		cell->used = false;
		append_inactive(queues, cell);
	}
}

/* Bound: each cell is looked at twice at most, active once and inactive once,
 * unless somebody uses them as fast as we look. */
struct peer_cell *
ancestor_inactive(struct ancestor_queues *queues)
{
	struct peer_cell *found = NULL;
	uint64_t tries;

	peer_lock(&queues->lock);
	tries = 2 * (queues->active_count + queues->inactive_count);
	while (found == NULL && tries-- > 0) {
		struct peer_cell *cell;

		balance(queues);
		cell = TAILQ_FIRST(&queues->inactive);
		if (cell == NULL)
			break;
		take_off(queues, cell);
		if (atomic_load_explicit(&cell->users,
			memory_order_relaxed) != 0 || cell->used)
			append_active(queues, cell);
		else
			found = cell;
	}
	peer_unlock(&queues->lock);
	return found;
}
