/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server/wish.h - what a server that is running can be told to do otherwise, by
 * `resident policy`.
 *
 * A second abstract socket beside that of figures.h, for the same people.
 * Whoever connects says one wish, "policy NAME", in one message, and gets one:
 * "done", or the sentence that says why not; then the end.
 *
 * Nobody is waited for.  Who has connected and says nothing is kept until he
 * does, closes, or as many have come after him as are kept.
 */
#ifndef SERVER_WISH_H
#define SERVER_WISH_H

struct pollfd;
struct vm_server;

/* The name of process 123 is "resident-wish-123", after a zero. */
#define VM_WISH_PREFIX	"resident-wish-"

/* 128 bytes: a wish with a name that no policy is as long as. */
#define VM_WISH_BYTES	128u
/* 1 KiB: a sentence. */
#define VM_WISH_ANSWER_BYTES 1024u
#define VM_WISH_POLICY	"policy "
#define VM_WISH_DONE	"done"

/* 8 who have connected and said nothing yet: it takes them microseconds. */
#define VM_WISHERS	8u
/* What is polled for them, with the socket itself. */
#define VM_WISH_POLLS	(VM_WISHERS + 1)

/* All of it is of the thread that answers. */
struct vm_wishes {
	int listener;			/* -1: none */
	int wisher[VM_WISHERS];		/* who came first is first */
	unsigned count;
};

/* Where it cannot be nobody can wish, and nothing else is missing. */
void vm_wishes_open(struct vm_wishes *wishes);
void vm_wishes_close(struct vm_wishes *wishes);

/* Sets all VM_WISH_POLLS of them: what to wait for. */
void vm_wishes_watch(const struct vm_wishes *wishes, struct pollfd *polls);
/* After a poll() of these: hears and answers.  Does not wait. */
void vm_wishes_hear(struct vm_wishes *wishes, struct vm_server *server,
    const struct pollfd *polls);

#endif
