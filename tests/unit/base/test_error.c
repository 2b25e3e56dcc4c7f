/* SPDX-License-Identifier: BSD-2-Clause */
/* The sentence of a thread: kept, replaced, cut, and nobody else's. */
#include "base/error.h"

#include <errno.h>
#include <pthread.h>
#include <wchar.h>

#include "check.h"

TEST(a_thread_without_an_error_has_an_empty_sentence)
{
	CHECK_STR(vm_error_text(), "");
}

TEST(an_error_gives_its_negative_number_and_keeps_its_sentence)
{
	CHECK_INT(vm_error(ENOMEM, "map: %d bytes", 4095), -ENOMEM);
	CHECK_STR(vm_error_text(), "map: 4095 bytes");
	CHECK_INT(vm_error(EINVAL, "other"), -EINVAL);
	CHECK_STR(vm_error_text(), "other");
}

TEST(a_sentence_may_quote_the_one_before)
{
	vm_error(EIO, "inner");
	vm_error(EIO, "outer: %s", vm_error_text());
	CHECK_STR(vm_error_text(), "outer: inner");
}

TEST(a_long_sentence_is_cut_and_ended)
{
	vm_error(EIO, "%*d", 4000, 1);
	CHECK_INT(strlen(vm_error_text()), VM_ERROR_BYTES - 1);
}

/* In the C locale, which tests run in, there is no such character. */
TEST(a_sentence_that_cannot_be_written_is_empty)
{
	vm_error(EIO, "the one before");
	CHECK_INT(vm_error(EINVAL, "%lc", (wint_t)0x20ac), -EINVAL);
	CHECK_STR(vm_error_text(), "");
}

static void *
fail_in_a_thread(void *arg)
{
	(void)arg;
	CHECK_STR(vm_error_text(), "");
	vm_error(EIO, "the thread's");
	return NULL;
}

TEST(each_thread_has_its_own_sentence)
{
	pthread_t thread;

	vm_error(EIO, "mine");
	CHECK(pthread_create(&thread, NULL, fail_in_a_thread, NULL) == 0);
	CHECK(pthread_join(thread, NULL) == 0);
	CHECK_STR(vm_error_text(), "mine");
}

TEST(an_error_that_is_no_positive_number_dies)
{
	CHECK_DIES(vm_error(0, "none"));
	CHECK_DIES(vm_error(-EIO, "negative"));
}

TEST(every_number_has_a_text)
{
	CHECK_STR(vm_errno_text(ENOENT), "No such file or directory");
	CHECK_STR(vm_errno_text(0), "Success");
	CHECK_STR(vm_errno_text(-1), "unknown error");
	CHECK_STR(vm_errno_text(INT32_MAX), "unknown error");
}
