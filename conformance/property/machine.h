/* SPDX-License-Identifier: MIT */
/*
 * A body in progress, as a state machine. It runs up to a statement that may wait, sets a wish (what to wait
 * for), and receives the outcome. The driver decides how to wait: by a call in a stackful task, or by the
 * answer of a step.
 */
#ifndef PROPERTY_MACHINE_H
#define PROPERTY_MACHINE_H

#include "world.h"

#define MAX_FRAMES 16

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
	aw_future *futures[MAX_ARGS]; /* references, until answered */
	aw_bool done[MAX_ARGS];       /* result of WISH_WAIT */
	size_t count;
	int when, body;
	aw_status status; /* status of the group's block */
} wish;

/* A block in progress. */
typedef struct frame {
	const node *owner, *next;
	bool cleaning; /* in the finally block */
	void *object;
	aw_status pending; /* status of the first block */
	aw_error *pending_error;
	bool pending_return;
	void *pending_value;
} frame;

typedef struct machine {
	int task_id;
	frame frames[MAX_FRAMES];
	int depth;
	const node *at; /* the statement that waits */
	bool leaving;   /* the end of its block is what waits */
	bool returning;
	aw_status status; /* being raised */
	aw_error *error;  /* a reference, or NULL */
	void *value;
	wish wish;
} machine;

machine *machine_new(int task_id, int body);
void machine_free(void *self);
/* True: must await `wish`. False: ended, with `status`, `error` and `value`. */
bool machine_advance(machine *self);
/* Passes in the outcome of the wish. `error` is borrowed. */
void machine_answer(machine *self, aw_status status, void *value, aw_error *error);

#endif
