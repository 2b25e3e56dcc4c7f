/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory of this process and of others, made ready for a transfer. */
#include "window/buffer.h"

#include <pthread.h>
#include <resident/memory.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "limit/account.h"
#include "memory/pin.h"
#include "one_object.h"

/* The machine may forbid it to all, as some containers do. */
static char *memory;
static struct vm_account *account;

static void
set_up(void)
{
	const struct vm_account_request request = { .name = "one" };

	core_create(0);
	CHECK_INT(vm_account_new(&vm->limit, &request, &account), 0);
	memory = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(memory != MAP_FAILED);
	memset(memory, 1, 4 * PAGE);
}

static uint64_t
memory_used(void)
{
	struct vm_memory_stat now = VM_MEMORY_STAT_INIT;

	CHECK_INT(vm_memory_stat(vm, &now), 0);
	return now.used_bytes;
}

static void
tear_down(void)
{
	CHECK_INT(account->used[VM_CHARGE_WIRED], 0);
	CHECK_INT(account->used[VM_CHARGE_BYTES], 0);
	CHECK_INT(memory_used(), 0);
	CHECK_INT(vm_account_free(account), 0);
	CHECK_INT(vm_destroy(vm), 0);
	munmap(memory, 4 * PAGE);
	faulty_check_clean();
}

static struct vm_buffer
buffer_at(int pid, enum vm_direction direction, size_t offset, size_t bytes)
{
	struct vm_buffer buffer = VM_BUFFER_INIT;

	buffer.pid = pid;
	buffer.direction = direction;
	buffer.address = (uintptr_t)memory + offset;
	buffer.bytes = bytes;
	return buffer;
}

/* Our own memory, by way of the calls for other processes'. */
static struct vm_buffer
buffer_of_other(enum vm_direction direction, size_t offset, size_t bytes)
{
	return buffer_at(getpid(), direction, offset, bytes);
}

static void
map(struct vm_buffer *buffer)
{
	int error = vm_buffer_map(vm, account, buffer);

	if (error == -EPERM || error == -ENOSYS)
		CHECK_SKIP("memory of other processes is forbidden here");
	CHECK_INT(error, 0);
	CHECK(buffer->data != NULL);
}

static bool
pinned(size_t offset, size_t bytes)
{
	return vm_pinned(vm, (uintptr_t)memory + offset,
	    (uintptr_t)memory + offset + bytes);
}

/* R63, R64. */
TEST(memory_of_this_process_is_pinned_where_it_is)
{
	struct vm_buffer buffer;

	set_up();
	buffer = buffer_at(0, VM_BUFFER_READ, PAGE + 100, PAGE);
	map(&buffer);
	CHECK(buffer.data == memory + PAGE + 100);
	CHECK(pinned(PAGE, 2 * PAGE));
	CHECK(!pinned(0, PAGE) && !pinned(3 * PAGE, PAGE));
	CHECK_INT(account->used[VM_CHARGE_WIRED], 2);
	CHECK_INT(vm_buffer_map(vm, account, &buffer), -EBUSY);
	CHECK_INT(vm_buffer_unmap(vm, account, &buffer, PAGE), 0);
	CHECK(buffer.data == NULL);
	CHECK_INT(buffer.error, 0);
	CHECK(!pinned(PAGE, 2 * PAGE));
	tear_down();
}

TEST(two_buffers_in_one_page_are_pinned_until_both_are_over)
{
	struct vm_buffer one, other;

	set_up();
	one = buffer_at(0, VM_BUFFER_WRITE, 0, 100);
	other = buffer_at(0, VM_BUFFER_READ, 200, 100);
	map(&one);
	map(&other);
	CHECK_INT(vm_buffer_unmap(vm, account, &one, 100), 0);
	CHECK(pinned(0, PAGE));
	CHECK_INT(vm_buffer_unmap(vm, account, &other, 100), 0);
	CHECK(!pinned(0, PAGE));
	tear_down();
}

/* R64. */
TEST(what_is_to_be_written_is_copied_in)
{
	struct vm_buffer buffer;

	set_up();
	buffer = buffer_of_other(VM_BUFFER_WRITE, 10, 2 * PAGE);
	memory[10] = 7;
	memory[9 + 2 * PAGE] = 8;
	map(&buffer);
	CHECK(buffer.data != memory + 10);
	CHECK_INT(((char *)buffer.data)[0], 7);
	CHECK_INT(((char *)buffer.data)[1], 1);
	CHECK_INT(((char *)buffer.data)[2 * PAGE - 1], 8);
	CHECK_INT(account->used[VM_CHARGE_BYTES], 2 * PAGE);
	memset(buffer.data, 5, 2 * PAGE);
	CHECK_INT(vm_buffer_unmap(vm, account, &buffer, 2 * PAGE), 0);
	CHECK_INT(memory[10], 7);
	tear_down();
}

/* R65. */
TEST(what_was_read_is_copied_out_and_no_more)
{
	struct vm_buffer buffer;

	set_up();
	buffer = buffer_of_other(VM_BUFFER_READ, 10, 2 * PAGE);
	map(&buffer);
	memset(buffer.data, 5, 2 * PAGE);
	CHECK_INT(memory[10], 1);
	CHECK_INT(vm_buffer_unmap(vm, account, &buffer, 2 * PAGE + 1),
	    -EINVAL);
	CHECK(buffer.data != NULL);
	CHECK_INT(vm_buffer_unmap(vm, account, &buffer, PAGE), 0);
	CHECK_INT(memory[9], 1);
	CHECK_INT(memory[10], 5);
	CHECK_INT(memory[9 + PAGE], 5);
	CHECK_INT(memory[10 + PAGE], 1);
	CHECK_DIES((void)vm_buffer_unmap(vm, account, &buffer, 0));
	tear_down();
}

/* R64: nothing is charged, nothing kept. */
static void
check_unchanged(struct vm_buffer buffer, int error)
{
	struct vm_buffer before = buffer;
	int got = vm_buffer_map(vm, account, &buffer);

	if (got == -EPERM || got == -ENOSYS)
		CHECK_SKIP("memory of other processes is forbidden here");
	CHECK_INT(got, error);
	CHECK_INT(memcmp(&buffer, &before, sizeof(buffer)), 0);
	CHECK_INT(account->used[VM_CHARGE_WIRED], 0);
	CHECK_INT(account->used[VM_CHARGE_BYTES], 0);
	CHECK_INT(memory_used(), 0);
}

TEST(a_fault_while_copying_in_leaves_the_buffer_as_it_was)
{
	set_up();
	CHECK_INT(mprotect(memory + PAGE, PAGE, PROT_NONE), 0);
	check_unchanged(buffer_of_other(VM_BUFFER_WRITE, 10, 2 * PAGE),
	    -EFAULT);
	check_unchanged(buffer_of_other(VM_BUFFER_WRITE, PAGE, 10), -EFAULT);
	tear_down();
}

TEST(a_mapping_that_fails_leaves_the_buffer_as_it_was)
{
	struct vm_buffer buffer;

	set_up();
	buffer = buffer_at(0, VM_BUFFER_READ, 0, PAGE);
	for (unsigned at = 1; at <= 2; at++) {
		buffer.pid = at == 1 ? 0 : getpid();
		buffer.direction = VM_BUFFER_WRITE;
		for (unsigned call = 1;; call++) {
			struct vm_buffer before = buffer;
			int error;

			atomic_store(&faulty.calls, 0);
			atomic_store(&faulty.failed, NULL);
			atomic_store(&faulty.fail_at, call);
			error = vm_buffer_map(vm, account, &buffer);
			atomic_store(&faulty.fail_at, 0);
			if (error == 0)
				break;
			CHECK(atomic_load(&faulty.failed) != NULL);
			CHECK_INT(memcmp(&buffer, &before, sizeof(buffer)),
			    0);
			CHECK_INT(memory_used(), 0);
		}
		CHECK_INT(vm_buffer_unmap(vm, account, &buffer, 0), 0);
	}
	tear_down();
}

/* R65: by way of vm->os, so that it is the buffer's process that counts. */
TEST(an_error_while_copying_out_is_kept_in_the_buffer)
{
	struct vm_buffer buffer;

	set_up();
	buffer = buffer_of_other(VM_BUFFER_READ, PAGE, PAGE);
	map(&buffer);
	CHECK_INT(mprotect(memory + PAGE, PAGE, PROT_NONE), 0);
	CHECK_INT(vm_buffer_unmap(vm, account, &buffer, PAGE), -EFAULT);
	CHECK_INT(buffer.error, -EFAULT);
	CHECK(buffer.data == NULL);
	tear_down();
}

static void *
complete(void *arg)
{
	struct vm_buffer *buffer = arg;

	memset(buffer->data, 6, buffer->bytes);
	CHECK_INT(vm_buffer_unmap(vm, account, buffer, buffer->bytes), 0);
	return NULL;
}

static void
complete_elsewhere(struct vm_buffer *buffer)
{
	pthread_t thread;

	map(buffer);
	CHECK_INT(pthread_create(&thread, NULL, complete, buffer), 0);
	CHECK_INT(pthread_join(thread, NULL), 0);
	CHECK(buffer->data == NULL);
}

/* R65. */
TEST(another_thread_may_complete_it)
{
	struct vm_buffer own, other;

	set_up();
	own = buffer_at(0, VM_BUFFER_READ, 0, PAGE);
	other = buffer_of_other(VM_BUFFER_READ, 2 * PAGE, PAGE);
	complete_elsewhere(&own);
	complete_elsewhere(&other);
	CHECK_INT(memory[0], 6);
	CHECK_INT(memory[PAGE], 1);
	CHECK_INT(memory[2 * PAGE], 6);
	CHECK_INT(memory[3 * PAGE], 1);
	tear_down();
}

/* Sees what arrives in its own copy of the memory. */
static pid_t
start_child(int *go)
{
	int ends[2];
	pid_t child;

	CHECK_INT(pipe(ends), 0);
	child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		char byte;

		close(ends[1]);
		(void)!read(ends[0], &byte, 1);
		_exit(memory[0] == 6 && memory[PAGE] == 1 ? 0 : 1);
	}
	close(ends[0]);
	*go = ends[1];
	return child;
}

TEST(the_memory_of_another_process_is_read_and_written)
{
	struct vm_buffer in, out;
	int go, status;
	pid_t child;

	set_up();
	memory[PAGE - 1] = 3;
	child = start_child(&go);
	memory[PAGE - 1] = 4;	/* ours, not the child's */
	out = buffer_at(child, VM_BUFFER_WRITE, 0, PAGE);
	map(&out);
	CHECK_INT(((char *)out.data)[PAGE - 1], 3);
	CHECK_INT(vm_buffer_unmap(vm, account, &out, PAGE), 0);
	in = buffer_at(child, VM_BUFFER_READ, 0, PAGE);
	complete_elsewhere(&in);
	CHECK_INT(memory[0], 1);
	close(go);
	CHECK_INT(waitpid(child, &status, 0), child);
	CHECK_INT(status, 0);
	/* It is gone now. */
	check_unchanged(buffer_at(child, VM_BUFFER_WRITE, 0, PAGE), -ESRCH);
	tear_down();
}

TEST(an_account_that_has_its_maximum_refuses)
{
	const struct vm_account_request request = {
		.name = "small", .max = { 1, PAGE },
	};
	struct vm_account *small;
	struct vm_buffer buffer;

	set_up();
	CHECK_INT(vm_account_new(&vm->limit, &request, &small), 0);
	buffer = buffer_at(0, VM_BUFFER_READ, 0, 2 * PAGE);
	CHECK_INT(vm_buffer_map(vm, small, &buffer), -ENOMEM);
	CHECK(buffer.data == NULL && !pinned(0, PAGE));
	buffer = buffer_of_other(VM_BUFFER_READ, 0, 2 * PAGE);
	CHECK_INT(vm_buffer_map(vm, small, &buffer), -ENOMEM);
	CHECK(buffer.data == NULL);
	CHECK_INT(vm_account_free(small), 0);
	tear_down();
}
