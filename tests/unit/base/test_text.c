/* SPDX-License-Identifier: BSD-2-Clause */
/* Text into a buffer: what fits, what does not, and the length of all. */
#include "base/text.h"

#include "check.h"

TEST(text_adds_up_and_its_length_is_counted)
{
	char buffer[32];
	struct vm_text text;

	vm_text_init(&text, buffer, sizeof(buffer));
	CHECK_STR(buffer, "");
	vm_text_add(&text, "%s-%d", "page", 7);
	vm_text_add(&text, "!");
	CHECK_STR(buffer, "page-7!");
	CHECK_INT(text.length, 7);
}

TEST(what_does_not_fit_is_counted_and_not_written)
{
	char buffer[5] = "xxxx";
	struct vm_text text;

	vm_text_init(&text, buffer, 4);
	vm_text_add(&text, "ab");
	vm_text_add(&text, "cdef");
	vm_text_add(&text, "gh");
	CHECK_STR(buffer, "abc");
	CHECK_INT(text.length, 8);
}

TEST(without_a_buffer_only_the_length_is_counted)
{
	struct vm_text text;

	vm_text_init(&text, NULL, 0);
	vm_text_add(&text, "%05d", 1);
	CHECK_INT(text.length, 5);
	CHECK_DIES(vm_text_init(&text, NULL, 1));
}

TEST(quotes_and_control_characters_are_escaped)
{
	char buffer[64];
	struct vm_text text;

	vm_text_init(&text, buffer, sizeof(buffer));
	vm_text_add_quoted(&text, "a\"b\\c\n\x7f d\xc3\xa9");
	CHECK_STR(buffer, "\"a\\\"b\\\\c\\u000a\\u007f d\xc3\xa9\"");
}
