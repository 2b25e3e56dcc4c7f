/* SPDX-License-Identifier: BSD-2-Clause */
/* pageout/rehome.c - rehome.h has the theory. */
#include "pageout/rehome.h"

#include <errno.h>
#include <string.h>

#include "base/assert.h"
#include "base/error.h"
#include "object/content.h"
#include "object/foreign.h"
#include "object/home.h"
#include "os/os.h"
#include "pageout/evict.h"
#include "pageout/launder.h"
#include "pmap/view.h"

/* 1000 times, others run in between: as in object/home.c. */
#define TRIES_MAX 1000u

/* An object on its way, with every resident page held. */
struct move {
	struct vm_object *object;
	enum vm_home to;
	struct vm_barrier barrier;
	struct vm_page **page;	/* held, ascending */
	/* For page[i], or what that was before; NULL: none. */
	struct vm_page **token;
	struct vm_page *third;	/* for the page that tries a store, or NULL */
	const struct vm_rehome_turn *turn;	/* or NULL */
	size_t count;
};

/*
 * From window to store the tokens are no page's: their frames have the bytes
 * while those who can touch the addresses see neither.
 */
static bool
changes_token(const struct move *move)
{
	return vm_home_is_pool(move->object) != (move->to == VM_HOME_POOL);
}

/* ---- all pages are ours -------------------------------------------------- */

static void
let_go(struct move *move)
{
	for (size_t i = 0; i < move->count; i++)
		vm_object_unlock_page(move->object, move->page[i]);
	move->count = 0;
}

static void
give(struct move *move, struct vm_page **token)
{
	if (*token != NULL)
		vm_limit_give(&move->object->vm->limit, token, 1);
	*token = NULL;
}

/*
 * What counted twice does so until here: by now its bytes have left one of the
 * two places, and the caller has closed the window or the memory file that the
 * object does not have after all, or any more.
 */
static void
give_tokens(struct move *move)
{
	for (size_t i = 0; i < move->count; i++)
		give(move, &move->token[i]);
	give(move, &move->third);
}

static void
end(struct move *move)
{
	const struct vm_os *os = move->object->vm->os;

	give_tokens(move);
	let_go(move);
	vm_object_unbar(move->object, &move->barrier);
	os->free(move->page);
	os->free(move->token);
}

/* Who was filling when the barrier was entered is done now. */
static void
await_fills(struct vm_object *object)
{
	struct vm_slot *slot;

	for (vm_pindex_t at = 0; vm_index_next(&object->index, false, &at,
	    UINT64_MAX, &slot); at++) {
		struct vm_page *page = vm_object_lock_page(object, at);

		if (page != NULL)
			vm_object_unlock_page(object, page);
	}
}

/* Rule 16: a barrier's owner takes its pages in ascending order.  From now on
 * there are fewer of them, or as many. */
static int
hold_all(struct move *move)
{
	struct vm_object *object = move->object;
	size_t room = atomic_load(&object->resident);
	struct vm_slot *slot;

	move->page = object->vm->os->alloc((room + 1) * sizeof(move->page[0]));
	move->token = object->vm->os->alloc((room + 1) *
	    sizeof(move->token[0]));
	if (move->page == NULL || move->token == NULL)
		return vm_error(ENOMEM, "map: no memory to move %zu pages",
		    room);
	for (vm_pindex_t at = 0; vm_index_next(&object->index, false, &at,
	    UINT64_MAX, &slot); at++) {
		struct vm_page *page = vm_object_lock_page(object, at);

		if (page == NULL)
			continue;
		vm_assert(move->count < room);
		move->page[move->count++] = page;
	}
	return 0;
}

static int
begin(struct move *move)
{
	int error;

	move->barrier = (struct vm_barrier){ .end = UINT64_MAX };
	vm_object_bar(move->object, &move->barrier);
	await_fills(move->object);
	error = hold_all(move);
	if (error != 0)
		end(move);
	return error;
}

/* ---- what does not go over ----------------------------------------------- */

static const char *
stuck(const struct move *move, const struct vm_page *page)
{
	if (vm_page_has_flag(page, VM_PGA_FICTITIOUS))
		return "has no frame";
	if (atomic_load(&page->holds) != 0)
		return "is held";
	if (atomic_load(&page->loans) != 0)
		return "is lent";
	/* Its user may know the address, or there may be no token for it. */
	if (changes_token(move) && atomic_load(&page->wires) != 0)
		return "is wired";
	return NULL;
}

static int
check_pages(const struct move *move)
{
	for (size_t i = 0; i < move->count; i++) {
		const char *why = stuck(move, move->page[i]);

		if (why != NULL)
			return vm_error(EBUSY, "map: page %llu %s and cannot "
			    "move", (unsigned long long)
			    move->page[i]->pindex, why);
	}
	return 0;
}

static bool
is_whole(const struct vm_page *page)
{
	return page->valid == page->object->vm->all_blocks;
}

/* There is a reason for it to stay resident. */
static bool
is_kept(const struct vm_page *page)
{
	return vm_content_owed(page) != 0 || atomic_load(&page->wires) != 0;
}

static void
evict_clean(struct move *move)
{
	struct vm_page *batch[VM_EVICT_MAX];
	size_t kept = 0;
	unsigned n = 0;

	for (size_t i = 0; i < move->count; i++) {
		struct vm_page *page = move->page[i];

		if (is_kept(page)) {
			move->page[kept++] = page;
			continue;
		}
		batch[n++] = page;
		if (n == VM_EVICT_MAX) {
			vm_evict(move->object->vm, batch, n, VM_LEAVE_FREED);
			n = 0;
		}
	}
	vm_evict(move->object->vm, batch, n, VM_LEAVE_FREED);
	move->count = kept;
}

static bool
is_wired(const struct vm_page *page)
{
	return atomic_load(&page->wires) != 0;
}

static void
take_tokens(struct move *move, bool wired)
{
	struct vm *vm = move->object->vm;
	enum vm_home home = changes_token(move) ? move->to : VM_HOME_POOL;

	for (size_t i = 0; i < move->count; i++)
		if (is_whole(move->page[i]) &&
		    is_wired(move->page[i]) == wired &&
		    vm_limit_take(&vm->limit, home, VM_CLASS_NORMAL,
		    wired ? 0 : VM_TAKE_OPTIONAL, &move->token[i], 1) == 0)
			break;
}

/* True, too, where none is needed. */
static bool
take_third(struct move *move)
{
	return changes_token(move) ||
	    vm_limit_take(&move->object->vm->limit, VM_HOME_STORE,
	    VM_CLASS_NORMAL, 0, &move->third, 1) != 0;
}

/* For the others as many as can be had without pressing anybody; the wired
 * ones, which cannot be written and leave instead, need theirs. */
static int
take_all_tokens(struct move *move)
{
	take_tokens(move, true);
	for (size_t i = 0; i < move->count; i++)
		if (is_wired(move->page[i]) && move->token[i] == NULL)
			return vm_error(EBUSY, "map: page %llu is wired, and "
			    "there is no memory for it to move",
			    (unsigned long long)move->page[i]->pindex);
	if (take_third(move))
		take_tokens(move, false);
	return 0;
}

static bool
goes_over(const struct move *move, size_t i)
{
	return is_whole(move->page[i]) && move->token[i] != NULL;
}

/* Pages from i on that are written as one run: those that cannot go over. */
static unsigned
run_of_written(const struct move *move, size_t i)
{
	unsigned n = 0;

	while (n < move->object->vm->laundry_pages && i + n < move->count &&
	    !goes_over(move, i + n) && (n == 0 || move->page[i + n]->pindex ==
	    move->page[i + n - 1]->pindex + 1))
		n++;
	return n;
}

/* What cannot go over is written, and leaves. */
static int
write_rest(struct move *move)
{
	struct vm_laundry *laundry;
	bool all[VM_LAUNDRY_PAGES];
	size_t kept = 0;
	unsigned n;
	int error = vm_laundry_new(move->object->vm, &laundry);

	if (error != 0)
		return error;
	memset(all, true, sizeof(all));
	for (size_t i = 0; i < move->count; i += n) {
		n = run_of_written(move, i);
		if (n != 0) {
			vm_laundry_add(laundry, &move->page[i], n, all);
			continue;
		}
		move->token[kept] = move->token[i];
		move->page[kept++] = move->page[i];
		n = 1;
	}
	for (size_t i = kept; i < move->count; i++)
		move->token[i] = NULL;
	move->count = kept;
	error = vm_laundry_finish(laundry);
	vm_laundry_free(laundry);
	if (error == 0 && atomic_load(&move->object->resident) != move->count)
		return vm_error(EBUSY, "map: a page stays where it is");
	return error;
}

/* ---- what does ----------------------------------------------------------- */

static void *
frame_of(const struct move *move, size_t i)
{
	return vm_frame_data(&move->object->vm->frames, move->token[i]);
}

static int
into_store(struct vm_object *object, vm_pindex_t pindex, const void *bytes)
{
	vm_store_mark(&object->store, pindex, 1, true);
	return vm_store_fill(&object->store, pindex, 1, bytes);
}

/* Its bytes in the place where they will be, or on their way there. */
static int
copy_over(const struct move *move, size_t i)
{
	struct vm_object *object = move->object;
	struct vm_page *page = move->page[i];
	const void *bytes = vm_page_memory(page);

	if (!changes_token(move) || move->to == VM_HOME_POOL) {
		memcpy(frame_of(move, i), bytes, object->vm->page_bytes);
		return 0;
	}
	switch (move->to) {
	case VM_HOME_POOL:
		break;
	case VM_HOME_WINDOW:
		return vm_view_fill(object->view, page->pindex, 1, bytes,
		    page->dirty == 0);
	case VM_HOME_STORE:
		return into_store(object, page->pindex, bytes);
	}
	return -EINVAL;
}

/* Who writes to a window traps from now on, and waits for us: or the copy
 * would lose what comes behind it. */
static int
copy_all(const struct move *move)
{
	int error = 0;

	for (size_t i = 0; i < move->count; i++)
		vm_home_protect(move->object, move->page[i]->pindex, 1);
	for (size_t i = 0; i < move->count && error == 0; i++)
		error = copy_over(move, i);
	return error;
}

/* The page's descriptor is the token from now on, and the other one a token:
 * its bytes are there still. */
static void
change_token(struct move *move, size_t i)
{
	struct vm *vm = move->object->vm;
	struct vm_page *old = move->page[i], *new = move->token[i];

	new->object = vm->nowhere;
	atomic_store_explicit(&new->slot, NULL, memory_order_relaxed);
	vm_foreign_move(old, new);
	vm_page_reset(old, VM_PGA_WARM);
	move->page[i] = new;
	move->token[i] = old;
}

static void
arrive(struct move *move)
{
	bool change = changes_token(move);

	atomic_store_explicit(&move->object->home, move->to,
	    memory_order_relaxed);
	for (size_t i = 0; change && i < move->count; i++)
		change_token(move, i);
}

/* The page furthest behind, in the store for a moment. */
static int
try_page(const struct move *move)
{
	struct vm_object *object = move->object;
	struct vm_page *page = move->page[move->count - 1];
	int error = vm_store_fill(&object->store, page->pindex, 1,
	    vm_page_memory(page));

	return error == 0 ? vm_store_resize(&object->store, 0) : error;
}

/* What the store will be asked for it can do: a page is put there, and taken
 * out again.  The window and the token have its bytes, too: that is a third
 * place. */
static int
try_store(const struct move *move)
{
	struct vm_object *object = move->object;

	if (move->count == 0)
		return vm_store_resize(&object->store, 0);
	if (move->third == NULL)
		return vm_error(EBUSY, "map: a page is wired, and there is no "
		    "memory to try whether a memory file can be filled");
	return try_page(move);
}

/* From the barrier to where every page that is left has its bytes in both
 * places. */
static int
prepare(struct move *move)
{
	int error = check_pages(move);

	if (error != 0)
		return error;
	evict_clean(move);
	error = take_all_tokens(move);
	if (error == 0)
		error = write_rest(move);
	if (error == 0 && !changes_token(move))
		error = try_store(move);
	return error == 0 ? copy_all(move) : error;
}

/* ---- windows ------------------------------------------------------------- */

static int
no_memory(void)
{
	return vm_error(ENOMEM, "map: no memory");
}

static int
new_views(struct vm *vm, struct vm_views **out)
{
	struct vm_views *views = vm->os->alloc(sizeof(*views));
	int error;

	if (views == NULL)
		return no_memory();
	views->page_bytes = vm->page_bytes;
	views->counters = vm->counters;
	error = vm_views_init(views, vm->pmap);
	if (error != 0)
		vm->os->free(views);
	*out = views;
	return error;
}

int
vm_rehome_views(struct vm *vm, struct vm_views **out)
{
	struct vm_views *mine;
	int error;

	*out = atomic_load_explicit(&vm->views, memory_order_acquire);
	if (*out != NULL)
		return 0;
	error = new_views(vm, &mine);
	if (error != 0)
		return error;
	vm_lock(&vm->lock);
	*out = atomic_load_explicit(&vm->views, memory_order_relaxed);
	if (*out == NULL)
		atomic_store_explicit(&vm->views, mine, memory_order_release);
	vm_unlock(&vm->lock);
	if (*out != NULL) {
		vm_views_fini(mine);
		vm->os->free(mine);
	} else
		*out = mine;
	return 0;
}

void
vm_rehome_fini(struct vm *vm)
{
	struct vm_views *views = atomic_load_explicit(&vm->views,
	    memory_order_relaxed);

	if (views == NULL)
		return;
	vm_views_fini(views);
	vm->os->free(views);
	atomic_store_explicit(&vm->views, NULL, memory_order_relaxed);
}

/* No page of it is left. */
static void
end_view(struct vm_object *object)
{
	vm_view_fini(object->view);
	object->vm->os->free(object->view);
	object->view = NULL;
}

static int
new_view(struct vm_object *object, void *hint, uint64_t pages)
{
	uint64_t own = vm_object_pages(object);
	struct vm_views *views;
	int error = vm_rehome_views(object->vm, &views);

	if (error != 0)
		return error;
	object->view = object->vm->os->alloc(sizeof(*object->view));
	if (object->view == NULL)
		return no_memory();
	error = vm_view_init(object->view, views, hint, own > pages ? own :
	    pages);
	if (error != 0) {
		object->vm->os->free(object->view);
		object->view = NULL;
	}
	return error;
}

static int
open_window(struct move *move, void *hint, uint64_t pages)
{
	int error = new_view(move->object, hint, pages);

	if (error != 0)
		return error;
	error = prepare(move);
	if (error != 0)
		end_view(move->object);
	else
		arrive(move);
	return error;
}

static int
extend_window(struct vm_object *object, uint64_t pages)
{
	int error;

	vm_lock(&object->lock);
	error = vm_view_extend(object->view, pages);
	vm_unlock(&object->lock);
	return error;
}

static int
refuse_device(void)
{
	return vm_error(ENOTSUP, "map: a device's memory is where it is");
}

int
vm_rehome_window(struct vm_object *object, void *hint, uint64_t pages)
{
	struct move move = { .object = object, .to = VM_HOME_WINDOW };
	int error;

	if (object->memory != NULL)
		return refuse_device();
	if (atomic_load(&object->home) == VM_HOME_WINDOW)
		return extend_window(object, pages);
	if (atomic_load(&object->home) == VM_HOME_STORE)
		return vm_error(ENOTSUP, "map: a store is not to be seen in "
		    "a window");
	error = begin(&move);
	if (error != 0)
		return error;
	error = open_window(&move, hint, pages);
	end(&move);
	return error;
}

int
vm_rehome_pool(struct vm_object *object)
{
	struct move move = { .object = object, .to = VM_HOME_POOL };
	int error;

	if (atomic_load(&object->home) == VM_HOME_STORE)
		return vm_error(ENOTSUP, "unmap: a store stays a store");
	if (atomic_load(&object->home) == VM_HOME_POOL)
		return 0;
	error = begin(&move);
	if (error != 0)
		return error;
	error = prepare(&move);
	if (error == 0) {
		arrive(&move);
		end_view(object);
	}
	end(&move);
	return error;
}

/* ---- stores -------------------------------------------------------------- */

/* It could, and the machine got as much memory as it is asked for. */
static void
insist(const struct move *move, int error, unsigned *tries)
{
	if (error == 0)
		return;
	vm_assert(++*tries < TRIES_MAX);
	move->object->vm->os->yield();
}

static void
fill_store(const struct move *move)
{
	struct vm_object *object = move->object;
	uint64_t length = atomic_load(&object->length);
	unsigned tries = 0;
	int error;

	do {
		error = vm_store_resize(&object->store, length);
		insist(move, error, &tries);
	} while (error != 0);
	for (size_t i = 0; i < move->count; i += error == 0) {
		error = into_store(object, move->page[i]->pindex,
		    frame_of(move, i));
		insist(move, error, &tries);
	}
}

/*
 * What saw the window sees the file from now on.  Between the moment when it is
 * there and the one when it is watched whoever touches it must meet nothing: so
 * the file is empty, and what lies behind a file's end traps like what is not
 * there.
 */
static int
turn_window(struct move *move)
{
	int error = vm_view_turn(move->object->view, &move->object->store);

	if (error != 0)
		return error;
	if (move->turn != NULL)
		move->turn->turned(move->turn->arg);
	fill_store(move);
	return 0;
}

static int
open_store(struct move *move)
{
	struct vm_object *object = move->object;
	struct vm *vm = object->vm;
	int error = vm_store_init(&object->store, vm->os, vm->page_bytes,
	    atomic_load(&object->length));

	if (error != 0)
		return error;
	object->store.counters = vm->counters;
	error = prepare(move);
	if (error == 0 && object->view != NULL)
		error = turn_window(move);
	if (error != 0) {
		vm_store_fini(&object->store);
		return error;
	}
	vm_store_count_dirty(&object->store,
	    (int64_t)atomic_load(&object->dirty));
	arrive(move);
	return 0;
}

int
vm_rehome_store(struct vm_object *object, const struct vm_rehome_turn *turn)
{
	struct move move = { .object = object, .to = VM_HOME_STORE,
		.turn = turn };
	int error;

	if (object->memory != NULL)
		return refuse_device();
	if (atomic_load(&object->home) == VM_HOME_STORE)
		return 0;
	error = begin(&move);
	if (error != 0)
		return error;
	error = open_store(&move);
	end(&move);
	return error;
}
