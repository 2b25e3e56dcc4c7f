/* SPDX-License-Identifier: BSD-2-Clause */
/* server/wish.c - see wish.h. */
#include "server/wish.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/figures.h"
#include "server/server_private.h"

void
vm_wishes_open(struct vm_wishes *wishes)
{
	*wishes = (struct vm_wishes){
		.listener = vm_figures_listen(VM_WISH_PREFIX),
	};
}

void
vm_wishes_close(struct vm_wishes *wishes)
{
	while (wishes->count != 0)
		close(wishes->wisher[--wishes->count]);
	if (wishes->listener >= 0)
		close(wishes->listener);
	wishes->listener = -1;
}

/* poll() passes over what is below 0. */
void
vm_wishes_watch(const struct vm_wishes *wishes, struct pollfd *polls)
{
	polls[0] = (struct pollfd){ .fd = wishes->listener,
		.events = POLLIN };
	for (unsigned i = 0; i < VM_WISHERS; i++)
		polls[i + 1] = (struct pollfd){ .events = POLLIN,
			.fd = i < wishes->count ? wishes->wisher[i] : -1 };
}

static void
answer(struct vm_server *server, int fd, const char *wish)
{
	const size_t length = strlen(VM_WISH_POLICY);
	const char *text = VM_WISH_DONE;

	if (strncmp(wish, VM_WISH_POLICY, length) != 0)
		text = "there is no such wish";
	else if (vm_set_policy(server->vm, wish + length) != 0)
		text = vm_last_error();
	(void)!send(fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* What he has said; nothing, if he has closed. */
static void
hear(struct vm_server *server, int fd)
{
	char wish[VM_WISH_BYTES];
	ssize_t got = recv(fd, wish, sizeof(wish) - 1, MSG_DONTWAIT);

	if (got <= 0)
		return;
	wish[got] = '\0';
	answer(server, fd, wish);
}

static void
dismiss(struct vm_wishes *wishes, unsigned i)
{
	close(wishes->wisher[i]);
	wishes->count--;
	memmove(&wishes->wisher[i], &wishes->wisher[i + 1],
	    (wishes->count - i) * sizeof(wishes->wisher[0]));
}

static void
receive(struct vm_wishes *wishes)
{
	pid_t pid = 0;
	int fd = vm_socket_accept(wishes->listener, &pid);

	if (fd < 0)
		return;
	if (wishes->count == VM_WISHERS)
		dismiss(wishes, 0);
	wishes->wisher[wishes->count++] = fd;
}

void
vm_wishes_hear(struct vm_wishes *wishes, struct vm_server *server,
    const struct pollfd *polls)
{
	/* From the last to the first: who is before it keeps his place. */
	for (unsigned i = wishes->count; i-- != 0;)
		if (polls[i + 1].revents != 0) {
			hear(server, wishes->wisher[i]);
			dismiss(wishes, i);
		}
	if (polls[0].revents != 0)
		receive(wishes);
}
