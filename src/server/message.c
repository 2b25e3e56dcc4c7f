/* SPDX-License-Identifier: BSD-2-Clause */
/* server/message.c - one table, one row per operation. */
#include "server/message.h"

#include <stdbool.h>

#include <resident/resident.h>

/* Members a request may use. */
#define FILE_	0x01u
#define ADDRESS	0x02u	/* with length: a piece of the client's memory */
#define LENGTH	0x04u
#define OFFSET	0x08u
#define TOKEN	0x10u
#define PROT	0x20u
#define FLAGS	0x40u
/* How the numbers are read. */
#define PAGED	0x100u	/* offset is a page multiple */
#define EMPTY	0x200u	/* length may be 0, or VM_LENGTH_ALL */

/* 2^56: above any user address of a machine with five-level tables. */
#define ADDRESS_END (UINT64_C(1) << 56)
/* 2^63 - 1: the largest file offset. */
#define OFFSET_MAX ((uint64_t)INT64_MAX)

struct shape {
	uint8_t fds_min;
	uint8_t fds_max;
	uint16_t uses;
};

#define FILE_RANGE (FILE_ | OFFSET | LENGTH)

static const struct shape shapes[VM_REQ_COUNT] = {
	[VM_REQ_HELLO] = { 0, 1, TOKEN | LENGTH | FLAGS },
	[VM_REQ_FORKING] = { 0, 0, TOKEN },
	[VM_REQ_ADOPT] = { 0, 1, TOKEN },
	[VM_REQ_MAP] = { 1, 1,
	    ADDRESS | LENGTH | OFFSET | PROT | FLAGS | TOKEN | PAGED },
	[VM_REQ_MAPPED] = { 0, 0, ADDRESS | LENGTH },
	[VM_REQ_ENTER] = { 0, 0,
	    FILE_RANGE | ADDRESS | PROT | FLAGS | PAGED },
	[VM_REQ_TRACK] = { 0, 0, ADDRESS | LENGTH },
	[VM_REQ_UNMAP] = { 0, 0, ADDRESS | LENGTH | FLAGS },
	[VM_REQ_OPEN] = { 1, 1, 0 },
	[VM_REQ_SYNC] = { 0, 0, FILE_RANGE | EMPTY },
	[VM_REQ_FLUSH] = { 0, 0, FILE_RANGE | EMPTY },
	[VM_REQ_WRITE_BEGIN] = { 0, 0, FILE_RANGE },
	[VM_REQ_WRITE_END] = { 0, 0, FILE_RANGE | TOKEN },
	[VM_REQ_WROTE] = { 0, 0, FILE_RANGE | EMPTY },
	[VM_REQ_TRUNCATE] = { 1, 1, LENGTH | EMPTY },
	[VM_REQ_FALLOCATE] = { 1, 1, PROT | OFFSET | LENGTH },
	[VM_REQ_ADVISE] = { 0, 0, FILE_RANGE | PROT | EMPTY },
	[VM_REQ_WIRE] = { 0, 0, FILE_RANGE },
	[VM_REQ_UNWIRE] = { 0, 0, FILE_RANGE },
	[VM_REQ_PASSED] = { 0, 0, TOKEN },
	[VM_REQ_BYE] = { 0, 0, 0 },
	[VM_REQ_STORE] = { 0, 0, FILE_ },
	[VM_REQ_SOURCE] = { 0, 0, FILE_ },
	[VM_REQ_ANON] = { 0, 0, ADDRESS | LENGTH },
	[VM_REQ_DISCARD] = { 0, 0, FILE_RANGE | FLAGS | PAGED },
	[VM_REQ_FREEZE] = { 0, 0, TOKEN },
	[VM_REQ_CLONE] = { 0, 0, FILE_ },
};

static bool
unused_is_zero(const struct vm_request *r, unsigned uses)
{
	return ((uses & FILE_) || r->file == 0) &&
	    ((uses & ADDRESS) || r->address == 0) &&
	    ((uses & LENGTH) || r->length == 0) &&
	    ((uses & OFFSET) || r->offset == 0) &&
	    ((uses & TOKEN) || r->token == 0) &&
	    ((uses & PROT) || r->prot == 0) &&
	    ((uses & FLAGS) || r->flags == 0);
}

static bool
is_paged(uint64_t number)
{
	return number % vm_page_bytes() == 0;
}

static const char *
check_range(const struct vm_request *r, unsigned uses)
{
	if ((uses & LENGTH) && !(uses & EMPTY) && r->length == 0)
		return "a length of 0";
	if ((uses & EMPTY) && r->length == VM_LENGTH_ALL)
		return r->offset > OFFSET_MAX ? "an offset beyond any file"
					      : NULL;
	if (r->length > OFFSET_MAX || r->offset > OFFSET_MAX - r->length)
		return "an offset and length beyond any file";
	if ((uses & PAGED) && !is_paged(r->offset))
		return "an offset that is no page multiple";
	if (!(uses & ADDRESS))
		return NULL;
	if (!is_paged(r->address) || !is_paged(r->length))
		return "a range that is not of whole pages";
	if (r->address == 0 || r->length > ADDRESS_END ||
	    r->address > ADDRESS_END - r->length)
		return "a range outside of memory";
	return NULL;
}

const char *
vm_message_check(const struct vm_request *request, size_t size, unsigned fds)
{
	const struct shape *shape;

	if (size != sizeof(*request))
		return "a message of the wrong size";
	if (request->op == 0 || request->op >= VM_REQ_COUNT)
		return "an unknown request";
	shape = &shapes[request->op];
	if (fds < shape->fds_min || fds > shape->fds_max)
		return "the wrong number of descriptors";
	if (!unused_is_zero(request, shape->uses))
		return "a number where none belongs";
	if (request->op == VM_REQ_WRITE_BEGIN &&
	    request->length > VM_WRITE_CHUNK)
		return "a write that is too long";
	return check_range(request, shape->uses);
}
