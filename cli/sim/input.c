/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/sim/input.c - see input.h. */
#include "input.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if HAVE_ZSTD
#include <zstd.h>
#endif

#include "server/say.h"

/* 128 KiB: a block of zstd. */
#define BUFFER_BYTES ((size_t)128 << 10)

/* What a compressed file begins with (RFC 8878, 3.1.1). */
static const unsigned char magic[] = { 0x28, 0xb5, 0x2f, 0xfd };

struct vm_input {
	const char *path;
	FILE *file;
	uint64_t line;
	size_t at, end;			/* text not handed out */
	size_t raw_at, raw_end;		/* read, not decompressed */
	void *stream;			/* ZSTD_DStream, NULL: plain */
	bool inside;			/* a compressed frame has not ended */
	char text[BUFFER_BYTES];
	char raw[BUFFER_BYTES];
};

static int
read_raw(struct vm_input *in)
{
	errno = 0;
	in->raw_end = fread(in->raw, 1, BUFFER_BYTES, in->file);
	in->raw_at = 0;
	if (!ferror(in->file))
		return 0;
	vm_say("%s: cannot read: %s", in->path, strerror(errno));
	return -1;
}

#if HAVE_ZSTD
static int
start_stream(struct vm_input *in)
{
	in->stream = ZSTD_createDStream();
	if (in->stream != NULL)
		return 0;
	vm_say("%s: no memory to decompress it", in->path);
	return -1;
}

static void
end_stream(struct vm_input *in)
{
	ZSTD_freeDStream(in->stream);
}

/* Some text, or none at the end. */
static int
decompress(struct vm_input *in)
{
	ZSTD_outBuffer out = { in->text, BUFFER_BYTES, 0 };

	while (out.pos == 0) {
		ZSTD_inBuffer raw = { in->raw, in->raw_end, in->raw_at };
		size_t more;

		if (raw.pos == raw.size) {
			if (read_raw(in) != 0)
				return -1;
			if (in->raw_end == 0)
				break;
			continue;
		}
		more = ZSTD_decompressStream(in->stream, &out, &raw);
		if (ZSTD_isError(more)) {
			vm_say("%s: cannot decompress: %s", in->path,
			    ZSTD_getErrorName(more));
			return -1;
		}
		in->raw_at = raw.pos;
		in->inside = more != 0;
	}
	in->at = 0;
	in->end = out.pos;
	if (out.pos > 0 || !in->inside)
		return 0;
	vm_say("%s: cannot decompress: the end is missing", in->path);
	return -1;
}
#else
static int
start_stream(struct vm_input *in)
{
	vm_say("%s: compressed, and this resident was built without libzstd; "
	       "decompress it first", in->path);
	return -1;
}

static void
end_stream(struct vm_input *in)
{
	(void)in;
}

static int
decompress(struct vm_input *in)
{
	(void)in;
	return -1;
}
#endif

/* Some text, or none at the end. */
static int
refill(struct vm_input *in)
{
	if (in->stream != NULL)
		return decompress(in);
	if (in->raw_at == in->raw_end && read_raw(in) != 0)
		return -1;
	in->at = 0;
	in->end = in->raw_end - in->raw_at;
	memcpy(in->text, in->raw + in->raw_at, in->end);
	in->raw_at = in->raw_end;
	return 0;
}

static int
begin(struct vm_input *in)
{
	if (read_raw(in) != 0)
		return -1;
	if (in->raw_end < sizeof(magic) ||
	    memcmp(in->raw, magic, sizeof(magic)) != 0)
		return 0;
	return start_stream(in);
}

struct vm_input *
vm_input_open(const char *path)
{
	struct vm_input *in = calloc(1, sizeof(*in));

	if (in == NULL) {
		vm_say("%s: no memory to read it", path);
		return NULL;
	}
	in->path = path;
	in->file = fopen(path, "re");
	if (in->file == NULL) {
		vm_say("%s: cannot open: %s", path, strerror(errno));
		free(in);
		return NULL;
	}
	if (begin(in) == 0)
		return in;
	vm_input_close(in);
	return NULL;
}

void
vm_input_close(struct vm_input *in)
{
	if (in->stream != NULL)
		end_stream(in);
	(void)fclose(in->file);		/* only read */
	free(in);
}

uint64_t
vm_input_line(const struct vm_input *in)
{
	return in->line;
}

int
vm_input_next(struct vm_input *in, char line[VM_LINE_BYTES])
{
	size_t length = 0;

	for (;; length++) {
		char c;

		if (in->at == in->end && refill(in) != 0)
			return -1;
		if (in->at == in->end && length == 0)
			return 0;
		if (length == 0)
			in->line++;
		c = in->at == in->end ? '\n' : in->text[in->at++];
		if (c == '\n')
			break;
		/* No line of a trace has a 0, and it would hide the rest. */
		line[length] = c == '\0' ? '?' : c;
		if (length + 1 < VM_LINE_BYTES)
			continue;
		vm_say("%s:%llu: the line is longer than %d bytes", in->path,
		    (unsigned long long)in->line, VM_LINE_BYTES - 1);
		return -1;
	}
	line[length] = '\0';
	return 1;
}
