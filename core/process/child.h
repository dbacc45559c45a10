/* SPDX-License-Identifier: MIT */
/*
 * The loop's side of a child: watched until it exits, with or without a handle. The handle (process.c) has a
 * reference, and so has every operation in flight, which owns its buffer until it completes.
 */
#ifndef CORE_AWAIT_CHILD_H
#define CORE_AWAIT_CHILD_H

#include "future.h"
#include "io_memory.h"
#include "list.h"
#include "process_options.h"

typedef struct child child;
typedef struct awaiter awaiter;

/* The parent's end of a standard stream. */
typedef struct child_pipe {
	operation io;
	child *owner;
	int fd;         /* -1: not a pipe, at end of file, closed, or taken */
	int closing_fd; /* to be closed when `io` completes; -1: none */
	bool existed;   /* the stream was created as a pipe */
	bool busy;      /* `io` is in flight, or its completion is not processed: the buffer must not move */
	bool cancelled; /* a cancel of `io` was requested */
	bool taken;     /* handed out to the caller */
	io_array buffer;
	size_t length;  /* of the data read, or of the input */
	size_t written; /* bytes of the input written */
} child_pipe;

struct child {
	object base;
	aw_loop *loop;
	closer closer;
	int32_t pid;     /* 0 until started */
	int process;     /* the pidfd, until reaped */
	int32_t code;    /* exit code; valid if `has_ended` */
	uint32_t flags;  /* ::aw_process_flag */
	bool has_ended;  /* exited and reaped */
	operation watch; /* for the exit */
	alarm_clock retry;
	child_pipe pipes[STDIO_STREAMS];
	LIST(awaiter) awaiters; /* pending futures in order of creation, each with a reference */
};

/* What a future of a child waits for, in addition to the exit. */
enum awaits { AWAITS_EXIT, AWAITS_OUTPUT, AWAITS_ALL };

/* Creates a child, not started. NULL if out of memory. */
child *child_new(aw_loop *loop, uint32_t flags);
/* Takes ownership of `made` and watches the process. On failure closes all, and kills it unless adopted. */
aw_status child_begin(child *self, const process_made *made, bool adopted);
/* Closes the pipes, and kills the child unless it is detached. It is still reaped. */
void child_shut(child *self);
/* -ESRCH if it has exited, reaped or not. */
aw_status child_signal(child *self, int signal);
/*
 * Copies the input for stdin, once. A no-op if stdin is not a pipe. AW_EINVALIDSTATE if it has input already
 * or is closed.
 */
aw_status child_give_input(child *self, const void *input, size_t length);
/* Undoes child_give_input() after a later failure. */
void child_take_input_back(child *self);
/*
 * Makes a future for the exit and, unless AWAITS_EXIT, for end of file on the pipes, which are read and
 * written meanwhile. Returns a new reference.
 */
aw_status child_await(child *self, enum awaits what, const void *origin, aw_future **out);
/* True if a future of this kind is pending. */
bool child_is_awaited(const child *self, enum awaits what);
/* Hands a pipe out to the caller. AW_EINVALIDSTATE if it can't be. */
aw_status child_take_pipe(child *self, int stream, int *out_fd);
/* Undoes child_take_pipe() after a later failure. */
void child_put_pipe_back(child *self, int stream, int fd);

#endif
