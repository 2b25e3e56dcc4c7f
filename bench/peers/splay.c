/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench/peers/splay.c - FreeBSD 5's tree of an object's pages.
 *
 * After sys/vm/vm_page.c of FreeBSD 5 (rows F24 to F28, F56 of the ancestors'
 * behaviours): each object has a splay tree by page number, top down (Sleator
 * and Tarjan, Self-adjusting binary search trees, 1985, section 4), under the
 * object's lock.  A lookup makes what it found the root; one that finds the
 * root has no work.  Pages leave by the active and inactive queues, under the
 * lock of the queues.
 *
 *	hit:  object, root or splay, busy        2 pairs of locks in all, with
 *	put:  object, not busy, used             the one of put
 *
 * In its favour, besides what ancestor.h says: 5.0 had Giant for the object's
 * lock, here it is the object's own.  Left out: the list of the object's pages
 * by number, which insertions kept.
 */
#include <errno.h>
#include <stdlib.h>

#include "bench/peers/ancestor.h"

struct splay {
	struct ancestor a;
	struct peer_cell *root;	/* (L) */
	struct ancestor_queues queues;
};

static struct splay *
splay_of(struct ancestor *a)
{
	return (struct splay *)a;
}

/*
 * The root of the same pages after a search for page: page itself if it is
 * there, else a neighbour.  Walking down, what is smaller is hung on the right
 * end of one tree, what is greater on the left end of another; two steps the
 * same way turn the link between them first, which is what halves long paths.
 */
static struct peer_cell *
splay(struct peer_cell *root, uint64_t page)
{
	struct peer_cell *smaller = NULL, *greater = NULL;
	struct peer_cell **smaller_end = &smaller, **greater_end = &greater;

	while (root->page != page) {
		struct peer_cell *child;

		if (page < root->page) {
			child = root->left;
			if (child == NULL)
				break;
			if (page < child->page) {
				root->left = child->right;
				child->right = root;
				root = child;
				if (root->left == NULL)
					break;
			}
			*greater_end = root;
			greater_end = &root->left;
			root = root->left;
		} else {
			child = root->right;
			if (child == NULL)
				break;
			if (page > child->page) {
				root->right = child->left;
				child->left = root;
				root = child;
				if (root->right == NULL)
					break;
			}
			*smaller_end = root;
			smaller_end = &root->right;
			root = root->right;
		}
	}
	*smaller_end = root->left;
	*greater_end = root->right;
	root->left = smaller;
	root->right = greater;
	return root;
}

static struct peer_cell *
find(struct ancestor *a, uint64_t page)
{
	struct splay *s = splay_of(a);

	if (s->root == NULL)
		return NULL;
	if (s->root->page != page)
		s->root = splay(s->root, page);
	return s->root->page == page ? s->root : NULL;
}

/* The page is not in the tree: a failed find came before. */
static bool
enter(struct ancestor *a, struct peer_cell *cell)
{
	struct splay *s = splay_of(a);

	cell->left = NULL;
	cell->right = NULL;
	if (s->root != NULL) {
		struct peer_cell *root = splay(s->root, cell->page);

		if (cell->page < root->page) {
			cell->left = root->left;
			cell->right = root;
			root->left = NULL;
		} else {
			cell->right = root->right;
			cell->left = root;
			root->right = NULL;
		}
	}
	s->root = cell;
	return true;
}

/* The greatest of those that are smaller has nobody on its right. */
static void
leave(struct ancestor *a, struct peer_cell *cell)
{
	struct splay *s = splay_of(a);

	s->root = splay(s->root, cell->page);
	if (cell->left == NULL) {
		s->root = cell->right;
		return;
	}
	s->root = splay(cell->left, cell->page);
	s->root->right = cell->right;
}

static void
enqueue(struct ancestor *a, struct peer_cell *cell)
{
	ancestor_activate(&splay_of(a)->queues, cell);
}

static struct peer_cell *
victim(struct ancestor *a)
{
	return ancestor_inactive(&splay_of(a)->queues);
}

static const struct ancestor_index index_ops = {
	.find = find,
	.enter = enter,
	.leave = leave,
	.enqueue = enqueue,
	.victim = victim,
};

static void *
splay_get(void *self, uint64_t page, void **handle)
{
	return ancestor_get(self, &index_ops, page, handle);
}

static void
splay_put(void *self, void *handle)
{
	ancestor_put(self, handle);
}

static int
splay_open(const struct peer_config *config, void **self, const char **why)
{
	struct splay *s = peer_array(1, sizeof(*s));
	int error;

	(void)why;
	if (s == NULL)
		return -ENOMEM;
	error = ancestor_open(&s->a, config, false);
	if (error != 0) {
		free(s);
		return error;
	}
	ancestor_queues_init(&s->queues, false);
	*self = s;
	return 0;
}

static void
splay_close(void *self)
{
	struct splay *s = self;

	ancestor_queues_fini(&s->queues);
	ancestor_close(&s->a);
	free(s);
}

const struct peer_ops peer_splay = {
	.name = "freebsd-splay",
	.flags = PEER_HITS | PEER_MISSES | PEER_THREADS | PEER_ANCESTOR,
	.open = splay_open,
	.get = splay_get,
	.put = splay_put,
	.close = splay_close,
};
