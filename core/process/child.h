/* SPDX-License-Identifier: MIT */
/*
 * A child as the loop knows it: watched until it has ended, whoever still holds a handle. The handle
 * (process.c) refers to it, and so does every operation in flight, since buffers belong to operations until
 * these are complete.
 */
#ifndef CORE_AWAIT_CHILD_H
#define CORE_AWAIT_CHILD_H

#include "future.h"
#include "list.h"
#include "process_options.h"

typedef struct child child;
typedef struct awaiter awaiter;

/* Our end of one of its standard streams. */
typedef struct child_pipe {
	operation io;
	child *owner;
	int fd;         /* -1: there is none, it is at its end, closed, or taken */
	int closing_fd; /* closed, but still in the hands of `io`; else -1 */
	bool existed;   /* the stream was made as a pipe */
	bool busy;      /* `io` is in flight, or complete and not yet looked at: the buffer is not ours to move */
	bool cancelled; /* `io` has been asked to end */
	bool taken;     /* the caller has our end */
	unsigned char *data;
	size_t length;   /* of what was read, or of the input */
	size_t capacity; /* of the buffer, for reading */
	size_t written;  /* of the input */
} child_pipe;

struct child {
	object base;
	aw_loop *loop;
	closer closer;
	int32_t pid;     /* 0 until it is started */
	int process;     /* its descriptor, until it has been collected */
	int32_t code;    /* valid once it has ended */
	uint32_t flags;  /* of ::aw_process_flag */
	bool has_ended;  /* and has been collected */
	operation watch; /* for its end */
	alarm_clock retry;
	child_pipe pipes[STDIO_STREAMS];
	LIST(awaiter) awaiters; /* futures not done yet, in order of creation, each with a reference */
};

/* What a future of a child waits for, beside the exit. */
enum awaits { AWAITS_EXIT, AWAITS_OUTPUT, AWAITS_ALL };

/* A new child that is yet to be started. NULL without memory. */
child *child_new(aw_loop *loop, uint32_t flags);
/* Takes over what was made and watches it. If that fails, it is killed, unless adopted, and all is closed. */
aw_status child_begin(child *self, const process_made *made, bool adopted);
/* Closes the pipes, and kills it if it runs and is not detached. Its exit is still collected. */
void child_shut(child *self);
/* -ESRCH once it has ended, collected or not. */
aw_status child_signal(child *self, int signal);
/*
 * Copies what is to be fed to stdin, once; nothing if that is no pipe. AW_EINVALIDSTATE if there was input,
 * or stdin is closed.
 */
aw_status child_give_input(child *self, const void *input, size_t length);
/* The call that gave it failed. */
void child_take_input_back(child *self);
/*
 * A new reference to a future of its exit and, unless AWAITS_EXIT, of the ends of its pipes, which are driven
 * meanwhile.
 */
aw_status child_await(child *self, enum awaits what, const void *origin, aw_future **out);
/* True while a future of this sort is pending. */
bool child_is_awaited(const child *self, enum awaits what);
/* Hands out a pipe, or AW_EINVALIDSTATE. */
aw_status child_take_pipe(child *self, int stream, int *out_fd);

#endif
