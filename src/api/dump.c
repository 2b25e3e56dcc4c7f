/* SPDX-License-Identifier: BSD-2-Clause */
/* api/dump.c - pages, objects and queues as text: resident/stat.h. */
#include <errno.h>
#include <resident/stat.h>

#include "base/error.h"
#include "base/text.h"
#include "object/home.h"
#include "object/object.h"

/* ---- keys and values ----------------------------------------------------- */

struct dump {
	struct vm_text text;
	bool json;
	bool begun;		/* a member was written */
};

/* False: an argument is wrong, the sentence is left. */
static bool
begin(struct dump *dump, const void *what, enum vm_format format,
    char *buffer, size_t bytes)
{
	if (what == NULL || (buffer == NULL && bytes != 0)) {
		vm_error(EINVAL, "print: nothing to print, or no buffer");
		return false;
	}
	if (format != VM_FORMAT_TEXT && format != VM_FORMAT_JSON) {
		vm_error(EINVAL, "print: no format %d for this", (int)format);
		return false;
	}
	*dump = (struct dump){ .json = format == VM_FORMAT_JSON };
	vm_text_init(&dump->text, buffer, bytes);
	if (dump->json)
		vm_text_add(&dump->text, "{");
	return true;
}

static int
end(struct dump *dump)
{
	if (dump->json)
		vm_text_add(&dump->text, "\n}\n");
	return (int)dump->text.length;
}

static void
key(struct dump *dump, const char *name)
{
	if (!dump->json) {
		vm_text_add(&dump->text, "%s: ", name);
		return;
	}
	vm_text_add(&dump->text, "%s\n  ", dump->begun ? "," : "");
	vm_text_add_quoted(&dump->text, name);
	vm_text_add(&dump->text, ": ");
	dump->begun = true;
}

static void
number(struct dump *dump, const char *name, uint64_t value)
{
	key(dump, name);
	vm_text_add(&dump->text, "%llu%s", (unsigned long long)value,
	    dump->json ? "" : "\n");
}

static void
word(struct dump *dump, const char *name, const char *value)
{
	key(dump, name);
	if (dump->json)
		vm_text_add_quoted(&dump->text, value);
	else
		vm_text_add(&dump->text, "%s\n", value);
}

static void
truth(struct dump *dump, const char *name, bool value)
{
	key(dump, name);
	if (dump->json)
		vm_text_add(&dump->text, value ? "true" : "false");
	else
		vm_text_add(&dump->text, value ? "yes\n" : "no\n");
}

/* ---- a page -------------------------------------------------------------- */

static uint16_t
flags_of(const struct vm_page *page)
{
	return atomic_load_explicit(&page->flags, memory_order_relaxed);
}

static const char *
busy_of(const struct vm_slot *slot)
{
	if (slot == NULL)
		return "owned";
	if (vm_slot_busy_excl(slot))
		return "exclusive";
	return vm_slot_idle(slot) ? "no" : "shared";
}

static void
print_identity(struct dump *dump, const struct vm_page *page)
{
	const struct vm_object *object = page->object;
	const bool tabled = object != object->vm->nowhere;
	const bool framed = (flags_of(page) & VM_PGA_FICTITIOUS) == 0;

	truth(dump, "tabled", tabled);
	if (tabled) {
		number(dump, "object", object->id);
		number(dump, "pindex", page->pindex);
	}
	number(dump, "number", page->number);
	if (framed)	/* what a physical address is elsewhere */
		number(dump, "frame_offset", (uint64_t)page->number *
		    object->vm->page_bytes);
	word(dump, "home", framed ? vm_home_name(object) : "none");
	word(dump, "queue", vm_queue_name(&object->vm->queue, page));
	number(dump, "activity", vm_queue_activity(&object->vm->queue, page));
}

static void
print_use(struct dump *dump, const struct vm_page *page)
{
	const struct vm_slot *slot = atomic_load_explicit(&page->slot,
	    memory_order_relaxed);

	number(dump, "wires", atomic_load(&page->wires));
	number(dump, "holds", atomic_load(&page->holds) & ~VM_HOLDS_GONE);
	number(dump, "loans", atomic_load(&page->loans) & ~VM_LOANS_ORPHAN);
	word(dump, "busy", busy_of(slot));
	number(dump, "sharers", slot == NULL ? 0 : vm_slot_sharers(slot));
	truth(dump, "wanted", slot != NULL && vm_slot_wanted(slot));
	truth(dump, "referenced", slot != NULL && vm_slot_referenced(slot));
	/* The number stands in the slot from the fill's end on. */
	truth(dump, "absent", slot != NULL &&
	    vm_slot_number(slot) == VM_SLOT_ABSENT);
	number(dump, "valid_blocks", page->valid);
	number(dump, "dirty_blocks", atomic_load(&page->dirty));
	truth(dump, "dirty", atomic_load(&page->dirty) != 0);
}

static void
print_flags(struct dump *dump, const struct vm_page *page)
{
	static const struct {
		const char *name;
		uint16_t flag;
	} names[] = {
		{ "free", VM_PGA_FREE }, { "laundry", VM_PGA_LAUNDRY },
		{ "fictitious", VM_PGA_FICTITIOUS },
		{ "private", VM_PGA_PRIVATE },
		{ "unmanaged", VM_PGA_UNMANAGED },
		{ "precious", VM_PGA_PRECIOUS }, { "cached", VM_PGA_CACHED },
		{ "speculative", VM_PGA_SPECULATIVE },
		{ "zeroed", VM_PGA_ZERO }, { "nosync", VM_PGA_NOSYNC },
		{ "write_locked", VM_PGA_NO_WRITE },
		{ "access_locked", VM_PGA_NO_ACCESS },
		{ "reserved", VM_PGA_RESERVED },
	};
	const uint16_t flags = flags_of(page);
	const bool tabled = page->object != page->object->vm->nowhere;

	/* One bit, by whether there is an identity. */
	truth(dump, "error", tabled && (flags & VM_PGA_ERROR) != 0);
	truth(dump, "gone", !tabled && (flags & VM_PGA_GONE) != 0);
	for (unsigned i = 0; i < VM_COUNT(names); i++)
		truth(dump, names[i].name, (flags & names[i].flag) != 0);
}

VM_EXPORT int
vm_page_print(struct vm_page *page, enum vm_format format, char *buffer,
    size_t bytes)
{
	struct dump dump;

	if (!begin(&dump, page, format, buffer, bytes))
		return -EINVAL;
	print_identity(&dump, page);
	print_use(&dump, page);
	print_flags(&dump, page);
	return end(&dump);
}

/* ---- an object ----------------------------------------------------------- */

/* The end of the run of resident pages that begins there. */
static vm_pindex_t
run_end(struct vm_object *object, vm_pindex_t first)
{
	while (vm_index_peek(&object->index, first) != VM_SLOT_ABSENT)
		first++;
	return first;
}

static void
print_ranges(struct dump *dump, struct vm_object *object)
{
	struct vm_slot *slot;
	vm_pindex_t at = 0;
	bool begun = false;

	key(dump, "resident_ranges");
	if (dump->json)
		vm_text_add(&dump->text, "[");
	while (vm_index_next(&object->index, false, &at, UINT64_MAX, &slot)) {
		vm_pindex_t stop = run_end(object, at);

		if (stop == at) {	/* held, and not there yet */
			at++;
			continue;
		}
		vm_text_add(&dump->text, dump->json ? "%s[%llu, %llu]" :
		    "%s%llu-%llu", begun ? dump->json ? ", " : " " : "",
		    (unsigned long long)at, (unsigned long long)stop - 1);
		begun = true;
		at = stop;
	}
	vm_text_add(&dump->text, dump->json ? "]" : "\n");
}

VM_EXPORT int
vm_object_print(struct vm_object *object, enum vm_format format,
    char *buffer, size_t bytes)
{
	struct dump dump;

	if (!begin(&dump, object, format, buffer, bytes))
		return -EINVAL;
	number(&dump, "object", object->id);
	word(&dump, "home", vm_home_name(object));
	truth(&dump, "anonymous", object->anonymous);
	truth(&dump, "device", object->memory != NULL);
	truth(&dump, "writable", atomic_load(&object->writable));
	number(&dump, "length_bytes", atomic_load(&object->length));
	number(&dump, "resident_pages", atomic_load(&object->resident));
	number(&dump, "dirty_pages", atomic_load(&object->dirty));
	number(&dump, "wired_pages", atomic_load(&object->wired));
	number(&dump, "coming_pages", atomic_load(&object->inflight));
	number(&dump, "generation", atomic_load(&object->generation));
	number(&dump, "write_errors", atomic_load(&object->write_errors));
	number(&dump, "barriers", atomic_load(&object->barrier_count));
	number(&dump, "mappings", object->home == VM_HOME_STORE ?
	    atomic_load(&object->store.count) : 0);
	print_ranges(&dump, object);
	return end(&dump);
}

/* ---- queues -------------------------------------------------------------- */

static uint32_t
length_of(const struct vm_list *list)
{
	struct vm_node *node;
	uint32_t length = 0;

	for (node = vm_list_first(list); node != NULL;
	    node = vm_list_next(list, node))
		length++;
	return length;
}

/* 48 bytes: "segment 15 free blocks of 1024". */
#define NAME_BYTES 48

static void
print_colours(struct dump *dump, unsigned index,
    const struct vm_buddy *buddy)
{
	for (uint32_t colour = 0; colour < buddy->colours; colour++) {
		char buffer[NAME_BYTES];
		struct vm_text name;
		uint32_t length = 0;

		for (unsigned kind = 0; kind < VM_KINDS; kind++)
			length += length_of(&buddy->tint[kind][colour]);
		vm_text_init(&name, buffer, sizeof(buffer));
		vm_text_add(&name, "segment %u free of colour %u", index,
		    colour);
		number(dump, buffer, length);
	}
}

static void
print_segment(struct dump *dump, struct vm_frames *frames, unsigned index)
{
	const struct vm_buddy *buddy = &frames->segments.array[index].buddy;
	static const char *const kinds[VM_KINDS] = { "hollow", "warm",
		"zeroed" };
	char buffer[NAME_BYTES];
	struct vm_text name;

	vm_lock(&frames->lock);
	for (unsigned kind = 0; kind < VM_KINDS; kind++) {
		vm_text_init(&name, buffer, sizeof(buffer));
		vm_text_add(&name, "segment %u free %s", index, kinds[kind]);
		number(dump, buffer, buddy->free[kind]);
	}
	vm_text_init(&name, buffer, sizeof(buffer));
	vm_text_add(&name, "segment %u free fresh", index);
	number(dump, buffer, vm_buddy_fresh(buddy));
	for (unsigned order = 0; order < VM_ORDERS; order++) {
		vm_text_init(&name, buffer, sizeof(buffer));
		vm_text_add(&name, "segment %u free blocks of %u", index,
		    1u << order);
		number(dump, buffer, buddy->blocks[order]);
	}
	if (buddy->colours > 1)
		print_colours(dump, index, buddy);
	vm_unlock(&frames->lock);
}

/* Where there are several policies a list has its policy's name before it. */
static void
print_list(struct dump *dump, const char *policy, const char *list,
    uint32_t count)
{
	struct vm_text name;
	char buffer[64];

	vm_text_init(&name, buffer, sizeof(buffer));
	vm_text_add(&name, "%s%s%s", policy == NULL ? "" : policy,
	    policy == NULL ? "" : " ", list);
	number(dump, buffer, count);
}

VM_EXPORT int
vm_queue_print(struct vm *vm, enum vm_format format, char *buffer,
    size_t bytes)
{
	struct dump dump;
	const char *name;
	uint32_t count;

	if (!begin(&dump, vm, format, buffer, bytes))
		return -EINVAL;
	word(&dump, "policy", vm_policy_name(vm));
	for (unsigned i = 0; vm_queue_list(&vm->queue, i, &name, &count); i++)
		print_list(&dump, vm_queue_list_policy(&vm->queue, i), name,
		    count);
	for (unsigned i = 0; i < vm->frames.segments.count; i++)
		print_segment(&dump, &vm->frames, i);
	return end(&dump);
}
