/* SPDX-License-Identifier: BSD-2-Clause */
/* The list against a plain array: every change at both ends and inside. */
#include "base/list.h"

#include "base/rng.h"
#include "check.h"

struct item {
	int value;
	struct vm_node link;
};

static struct item *
item_of(struct vm_node *node)
{
	return VM_ENTRY(node, struct item, link);
}

TEST(an_empty_list_has_no_first_and_no_last)
{
	struct vm_list list;

	vm_list_init(&list);
	CHECK(vm_list_empty(&list));
	CHECK(item_of(vm_list_first(&list)) == NULL);
	CHECK(item_of(vm_list_last(&list)) == NULL);
}

TEST(a_node_knows_whether_it_is_on_a_list)
{
	struct item item = { 0 };
	struct vm_list list;

	vm_list_init(&list);
	CHECK(!vm_node_linked(&item.link));
	vm_list_add_tail(&list, &item.link);
	CHECK(vm_node_linked(&item.link) && !vm_list_empty(&list));
	vm_node_remove(&item.link);
	CHECK(!vm_node_linked(&item.link) && vm_list_empty(&list));
}

enum { ITEMS = 40, STEPS = 20000 };

static void
check_same(const struct vm_list *list, struct item *const *model, int count)
{
	struct vm_node *node = vm_list_first(list);

	for (int i = 0; i < count; i++) {
		CHECK(item_of(node) == model[i]);
		node = vm_list_next(list, node);
	}
	CHECK(node == NULL);
	CHECK(item_of(vm_list_last(list)) ==
	    (count == 0 ? NULL : model[count - 1]));
}

static void
model_insert(struct item **model, int *count, int at, struct item *item)
{
	memmove(&model[at + 1], &model[at],
	    (size_t)(*count - at) * sizeof(model[0]));
	model[at] = item;
	++*count;
}

static void
step(struct vm_rng *rng, struct vm_list *list, struct item *item,
    struct item **model, int *count)
{
	int at = *count == 0 ? 0 : (int)vm_rng_below(rng, (uint64_t)*count);

	if (vm_node_linked(&item->link)) {
		for (at = 0; model[at] != item; at++)
			continue;
		vm_node_remove(&item->link);
		memmove(&model[at], &model[at + 1],
		    (size_t)(--*count - at) * sizeof(model[0]));
	} else if (*count > 0 && vm_rng_below(rng, 3) == 0) {
		vm_node_insert_before(&item->link, &model[at]->link);
		model_insert(model, count, at, item);
	} else if (vm_rng_below(rng, 2) == 0) {
		vm_list_add_head(list, &item->link);
		model_insert(model, count, 0, item);
	} else {
		vm_list_add_tail(list, &item->link);
		model_insert(model, count, *count, item);
	}
}

TEST(random_changes_give_the_order_of_an_array)
{
	struct item items[ITEMS] = { { 0 } }, *model[ITEMS + 1];
	struct vm_rng rng = { .state = check_seed() };
	struct vm_list list;
	int count = 0;

	vm_list_init(&list);
	for (int i = 0; i < STEPS; i++) {
		step(&rng, &list, &items[vm_rng_below(&rng, ITEMS)], model,
		    &count);
		check_same(&list, model, count);
	}
}
