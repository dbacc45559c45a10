/* SPDX-License-Identifier: MIT */
/*
 * A body in progress, without its own stack. It runs up to a statement that may wait, says what it waits for,
 * and receives the outcome. Its driver decides how to wait: by a call in a stackful task, or by a step's
 * answer.
 */
#ifndef PROPERTY_MACHINE_H
#define PROPERTY_MACHINE_H

#include "world.h"

#define MOST_FRAMES 16

enum wish_kind {
	WISH_SLEEP,
	WISH_YIELD,
	WISH_FUTURE,
	WISH_WAIT_FOR,
	WISH_WAIT,
	WISH_LOCK,
	WISH_EVENT,
	WISH_SEMAPHORE,
	WISH_CONDITION,
	WISH_PUT,
	WISH_GET,
	WISH_JOIN,
	WISH_BARRIER,
	WISH_BARRIER_RESET,
	WISH_BARRIER_ABORT,
	WISH_GROUP_END,
	WISH_CALL
};

/* What a body waits for. */
typedef struct wish {
	enum wish_kind kind;
	void *object;
	void *item;
	int64_t ns;
	aw_future *futures[MOST_ARGS]; /* references, until it is answered */
	aw_bool done[MOST_ARGS];       /* for the answer to WISH_WAIT */
	size_t count;
	int when, body;
	aw_status status; /* how the group's block ended */
} wish;

/* A block in progress. */
typedef struct frame {
	const node *owner, *next;
	bool cleaning; /* in the second block */
	void *object;
	aw_status pending; /* how the first one ended */
	aw_error *pending_error;
	bool pending_return;
	void *pending_value;
} frame;

typedef struct machine {
	int who;
	frame frames[MOST_FRAMES];
	int depth;
	const node *at; /* the statement that waits */
	bool leaving;   /* it is the end of its block that does */
	bool returning;
	aw_status status; /* what is being raised */
	aw_error *error;  /* a reference, or NULL */
	void *value;
	wish wish;
} machine;

machine *machine_new(int who, int body);
void machine_free(void *self);
/* True: `wish` says what is to be awaited. False: it has ended, with `status`, `error` and `value`. */
bool machine_advance(machine *self);
/* How the wish ended. `error` is borrowed. */
void machine_answer(machine *self, aw_status status, void *value, aw_error *error);

#endif
