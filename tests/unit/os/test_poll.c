/* SPDX-License-Identifier: BSD-2-Clause */
/* Events and waiting for many descriptors. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "check.h"
#include "os/os.h"

#define OS (&vm_os_linux)

/* More than one turn of the wait takes. */
enum { EVENTS = 50 };

TEST(a_set_event_is_found_until_it_is_cleared)
{
	int poll = OS->poll_create(), event = OS->eventfd();
	void *token = NULL;

	CHECK(poll >= 0 && event >= 0);
	CHECK_INT(fcntl(poll, F_GETFD), FD_CLOEXEC);
	CHECK_INT(OS->poll_add(poll, event, &event), 0);
	CHECK_INT(OS->poll_wait(poll, &token, 1, 0), 0);
	OS->event_set(event);
	OS->event_set(event);
	for (int i = 0; i < 2; i++) {
		CHECK_INT(OS->poll_wait(poll, &token, 1, -1), 1);
		CHECK(token == &event);
	}
	OS->event_clear(event);
	OS->event_clear(event);
	CHECK_INT(OS->poll_wait(poll, &token, 1, 0), 0);
	OS->close(event);
	OS->close(poll);
}

TEST(a_full_event_is_still_set)
{
	int event = OS->eventfd();
	uint64_t full = UINT64_MAX - 1;

	CHECK_INT(write(event, &full, sizeof(full)), sizeof(full));
	OS->event_set(event);
	CHECK_INT(read(event, &full, sizeof(full)), sizeof(full));
	OS->close(event);
}

TEST(no_more_is_found_than_asked_for_and_all_in_the_end)
{
	int poll = OS->poll_create(), event[EVENTS], found = 0;
	bool seen[EVENTS] = { false };
	void *tokens[EVENTS];

	for (int i = 0; i < EVENTS; i++) {
		event[i] = OS->eventfd();
		CHECK_INT(OS->poll_add(poll, event[i], &event[i]), 0);
		OS->event_set(event[i]);
	}
	CHECK_INT(OS->poll_wait(poll, tokens, 3, 0), 3);
	while (found < EVENTS) {
		int count = OS->poll_wait(poll, tokens, EVENTS, 0);

		CHECK(count > 0);
		for (int i = 0; i < count; i++) {
			long at = (int *)tokens[i] - event;

			CHECK(!seen[at]);
			seen[at] = true;
			OS->event_clear(event[at]);
			found++;
		}
	}
	CHECK_INT(OS->poll_wait(poll, tokens, EVENTS, 0), 0);
	for (int i = 0; i < EVENTS; i++)
		OS->close(event[i]);
	OS->close(poll);
}

TEST(a_removed_descriptor_is_not_found)
{
	int poll = OS->poll_create(), event = OS->eventfd();
	void *token;

	CHECK_INT(OS->poll_add(poll, event, &event), 0);
	CHECK_INT(OS->poll_add(poll, event, &event), -EEXIST);
	OS->event_set(event);
	OS->poll_remove(poll, event);
	CHECK_INT(OS->poll_wait(poll, &token, 1, 0), 0);
	OS->poll_remove(poll, event);
	OS->close(event);
	OS->close(poll);
}

TEST(waiting_with_bad_descriptors_is_an_error)
{
	int poll = OS->poll_create();
	void *token;

	CHECK_INT(OS->poll_add(poll, -1, NULL), -EBADF);
	CHECK_INT(OS->poll_add(-1, poll, NULL), -EBADF);
	CHECK_INT(OS->poll_wait(-1, &token, 1, 0), -EBADF);
	OS->close(poll);
}
