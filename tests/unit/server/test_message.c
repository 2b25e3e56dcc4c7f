/* SPDX-License-Identifier: BSD-2-Clause */
/* Every request in its proper form, then one thing wrong at a time. */
#include "check.h"

#include <resident/resident.h>

#include "server/message.h"

#define PAGE 4096u

/* A proper request of each operation, and its number of descriptors. */
static struct vm_request
proper(uint32_t op)
{
	struct vm_request r = { .op = op };

	switch (op) {
	case VM_REQ_HELLO:
		r.token = VM_PROTOCOL_VERSION;
		r.length = PAGE;
		break;
	case VM_REQ_FORKING:
	case VM_REQ_ADOPT:
	case VM_REQ_PASSED:
	case VM_REQ_FREEZE:
		r.token = 1;
		break;
	case VM_REQ_MAP:
		r.address = 16 * PAGE;
		r.length = 4 * PAGE;
		r.offset = PAGE;
		r.prot = 1;
		r.flags = 1;
		break;
	case VM_REQ_ENTER:
		r.file = 3;
		r.address = 16 * PAGE;
		r.length = PAGE;
		r.offset = PAGE;
		break;
	case VM_REQ_MAPPED:
	case VM_REQ_TRACK:
	case VM_REQ_UNMAP:
	case VM_REQ_ANON:
		r.address = 16 * PAGE;
		r.length = PAGE;
		break;
	case VM_REQ_OPEN:
	case VM_REQ_BYE:
		break;
	case VM_REQ_STORE:
	case VM_REQ_SOURCE:
	case VM_REQ_CLONE:
		r.file = 3;
		break;
	case VM_REQ_DISCARD:
		r.file = 3;
		r.length = PAGE;
		break;
	case VM_REQ_TRUNCATE:
		r.length = 5;
		break;
	case VM_REQ_FALLOCATE:
		r.length = 5;
		r.offset = 7;
		r.prot = 1;
		break;
	default:
		r.file = 3;
		r.offset = 7;
		r.length = 5;
		break;
	}
	return r;
}

static unsigned
descriptors(uint32_t op)
{
	return op == VM_REQ_HELLO || op == VM_REQ_MAP || op == VM_REQ_OPEN ||
	    op == VM_REQ_TRUNCATE || op == VM_REQ_FALLOCATE;
}

static bool
is_proper(const struct vm_request *r)
{
	return vm_message_check(r, sizeof(*r), descriptors(r->op)) == NULL;
}

TEST(every_request_in_its_proper_form_is_taken)
{
	for (uint32_t op = 1; op < VM_REQ_COUNT; op++) {
		struct vm_request r = proper(op);

		CHECK_INT(is_proper(&r) ? 0 : (int)op, 0);
	}
}

TEST(a_request_of_another_size_is_refused)
{
	struct vm_request r = proper(VM_REQ_BYE);

	for (size_t size = 0; size <= sizeof(r) + 1; size++)
		CHECK((vm_message_check(&r, size, 0) == NULL) ==
		    (size == sizeof(r)));
}

TEST(unknown_operations_are_refused)
{
	const uint32_t wrong[] = { 0, VM_REQ_COUNT, VM_REQ_COUNT + 1, 255,
		UINT32_MAX };

	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct vm_request r = { .op = wrong[i] };

		CHECK(vm_message_check(&r, sizeof(r), 0) != NULL);
	}
}

TEST(missing_and_superfluous_descriptors_are_refused)
{
	for (uint32_t op = 1; op < VM_REQ_COUNT; op++) {
		struct vm_request r = proper(op);
		unsigned right = descriptors(op);

		for (unsigned fds = 0; fds < 5; fds++) {
			/* A client without a userfaultfd greets too; a child
			 * whose fork went unseen brings one. */
			bool good = fds == right ||
			    (op == VM_REQ_HELLO && fds == 0) ||
			    (op == VM_REQ_ADOPT && fds == 1);

			CHECK((vm_message_check(&r, sizeof(r), fds) ==
			    NULL) == good);
		}
	}
}

/* Whatever member an operation has no use for. */
TEST(a_number_where_none_belongs_is_refused)
{
	struct vm_request r = proper(VM_REQ_BYE);

	r.file = 1;
	CHECK(!is_proper(&r));
	r = proper(VM_REQ_BYE);
	r.address = PAGE;
	CHECK(!is_proper(&r));
	r = proper(VM_REQ_BYE);
	r.length = PAGE;
	CHECK(!is_proper(&r));
	r = proper(VM_REQ_BYE);
	r.offset = PAGE;
	CHECK(!is_proper(&r));
	r = proper(VM_REQ_BYE);
	r.token = 1;
	CHECK(!is_proper(&r));
	r = proper(VM_REQ_BYE);
	r.prot = 1;
	CHECK(!is_proper(&r));
	r = proper(VM_REQ_BYE);
	r.flags = 1;
	CHECK(!is_proper(&r));
}

TEST(ranges_of_memory_are_whole_pages_inside_of_it)
{
	const uint32_t ops[] = { VM_REQ_MAP, VM_REQ_MAPPED, VM_REQ_ENTER,
		VM_REQ_TRACK, VM_REQ_UNMAP };
	const struct {
		uint64_t address;
		uint64_t length;
	} wrong[] = {
		{ 0, PAGE },
		{ 1, PAGE },
		{ PAGE, 0 },
		{ PAGE, 1 },
		{ PAGE, PAGE - 1 },
		{ UINT64_MAX - PAGE + 1, PAGE },
		{ UINT64_MAX - PAGE + 1, 2 * PAGE },
		{ PAGE, UINT64_MAX - PAGE + 1 },
		{ UINT64_C(1) << 56, PAGE },
		{ (UINT64_C(1) << 56) - PAGE, 2 * PAGE },
		{ UINT64_C(1) << 63, UINT64_C(1) << 63 },
	};

	for (unsigned o = 0; o < sizeof(ops) / sizeof(ops[0]); o++)
		for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]);
		    i++) {
			struct vm_request r = proper(ops[o]);

			r.address = wrong[i].address;
			r.length = wrong[i].length;
			CHECK(!is_proper(&r));
		}
}

TEST(offsets_and_lengths_stay_inside_of_files)
{
	const uint32_t ops[] = { VM_REQ_SYNC, VM_REQ_FLUSH, VM_REQ_WROTE,
		VM_REQ_WRITE_BEGIN, VM_REQ_WRITE_END, VM_REQ_FALLOCATE,
		VM_REQ_ADVISE, VM_REQ_WIRE, VM_REQ_UNWIRE };

	for (unsigned o = 0; o < sizeof(ops) / sizeof(ops[0]); o++) {
		struct vm_request r = proper(ops[o]);

		r.offset = (uint64_t)INT64_MAX - r.length;
		CHECK(is_proper(&r));
		r.offset++;
		CHECK(!is_proper(&r));
		r.offset = UINT64_MAX;
		CHECK(!is_proper(&r));
		r = proper(ops[o]);
		r.length = UINT64_MAX - 1;
		CHECK(!is_proper(&r));
	}
}

TEST(a_map_begins_at_a_page_of_its_file)
{
	struct vm_request r = proper(VM_REQ_MAP);

	r.offset = 1;
	CHECK(!is_proper(&r));
	r = proper(VM_REQ_ENTER);
	r.offset = PAGE + 512;
	CHECK(!is_proper(&r));
}

TEST(one_write_is_at_most_one_chunk)
{
	struct vm_request r = proper(VM_REQ_WRITE_BEGIN);

	r.length = VM_WRITE_CHUNK;
	CHECK(is_proper(&r));
	r.length++;
	CHECK(!is_proper(&r));
}

TEST(all_of_a_file_is_a_length_of_its_own)
{
	struct vm_request r = proper(VM_REQ_SYNC);

	r.length = VM_LENGTH_ALL;
	CHECK(is_proper(&r));
	r.offset = UINT64_MAX;
	CHECK(!is_proper(&r));
	r = proper(VM_REQ_WIRE);
	r.length = VM_LENGTH_ALL;
	CHECK(!is_proper(&r));
}
