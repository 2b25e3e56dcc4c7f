/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * base/list.h - doubly linked list with the links inside the members.
 *
 * The head is a node too, so that nothing is a special case; an empty head
 * points at itself.  A node that is on no list is all zero: node->next tells.
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"

struct vm_node {
	struct vm_node *next;
	struct vm_node *prev;
};

struct vm_list {
	struct vm_node head;
};

static inline void
vm_list_init(struct vm_list *list)
{
	list->head.next = list->head.prev = &list->head;
}

static inline bool
vm_list_empty(const struct vm_list *list)
{
	return list->head.next == &list->head;
}

static inline bool
vm_node_linked(const struct vm_node *node)
{
	return node->next != NULL;
}

/* Puts node in front of where, which may be a head: then it is the tail. */
static inline void
vm_node_insert_before(struct vm_node *node, struct vm_node *where)
{
	node->next = where;
	node->prev = where->prev;
	where->prev->next = node;
	where->prev = node;
}

static inline void
vm_list_add_tail(struct vm_list *list, struct vm_node *node)
{
	vm_node_insert_before(node, &list->head);
}

static inline void
vm_list_add_head(struct vm_list *list, struct vm_node *node)
{
	vm_node_insert_before(node, list->head.next);
}

static inline void
vm_node_remove(struct vm_node *node)
{
	node->next->prev = node->prev;
	node->prev->next = node->next;
	node->next = node->prev = NULL;
}

/* new, on no list, takes the place of node, which is on none afterwards. */
static inline void
vm_node_replace(struct vm_node *node, struct vm_node *new)
{
	vm_node_insert_before(new, node);
	vm_node_remove(node);
}

/* The first or last node, NULL when the list is empty. */
static inline struct vm_node *
vm_list_first(const struct vm_list *list)
{
	return vm_list_empty(list) ? NULL : list->head.next;
}

static inline struct vm_node *
vm_list_last(const struct vm_list *list)
{
	return vm_list_empty(list) ? NULL : list->head.prev;
}

/* The node behind this one, NULL at the end. */
static inline struct vm_node *
vm_list_next(const struct vm_list *list, const struct vm_node *node)
{
	return node->next == &list->head ? NULL : node->next;
}

/* The member that holds the node; of NULL it is NULL. */
#define VM_ENTRY(node, type, member) \
	((type *)vm_entry_at((node), offsetof(type, member)))

static inline void *
vm_entry_at(struct vm_node *node, size_t offset)
{
	return node == NULL ? NULL : (char *)node - offset;
}

#endif
