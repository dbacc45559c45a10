/* SPDX-License-Identifier: MIT */
/* The coroutine object and the resume, as tasks drive them. */
#ifndef CORE_CORO_H
#define CORE_CORO_H

#include "future.h"

#include <await/coro.h>

enum coro_state { CORO_NEW, CORO_STARTED, CORO_ENDED };

struct aw_coro {
	object base;
	aw_loop *loop;
	aw_step_fn fn;
	void *ud;
	aw_destroy_fn destroy;
	aw_coro *parent; /* who awaits it, in the same task; owned by the chain */
	void *value;     /* once it has ended */
	aw_destroy_fn value_destroy;
	uint8_t state;
	bool taken;         /* a task drives it, or did */
	const void *origin; /* the code that made it */
};

enum resume_answer { RESUME_NONE, RESUME_RETURN, RESUME_RAISE, RESUME_AWAIT, RESUME_DELEGATE, RESUME_YIELD };

struct aw_resume {
	aw_task *task;
	/* sent */
	aw_status status;
	void *value;
	aw_destroy_fn value_destroy; /* tells its kind: the value is another's */
	aw_error *error;
	/* answered */
	uint8_t answer;
	union {
		struct {
			void *data;
			aw_destroy_fn destroy;
		} returned;
		aw_error *raised;   /* a reference */
		aw_future *awaited; /* a reference */
		aw_coro *delegated; /* a reference */
	};
};

extern const object_class coro_class;

/* Its function will not run any more: destroys the state. */
void coro_end(aw_coro *self);
/* A coroutine with one reference, not handed out. Takes over the callback, also when it fails. */
aw_status coro_make(aw_loop *loop, aw_step_fn fn, void *ud, aw_destroy_fn destroy, const void *origin,
                    aw_coro **out);
/*
 * A coroutine of the library's own, handed out: `fn` on a zeroed state of `size` bytes, given back by free().
 */
aw_status coro_internal_from(const void *origin, aw_loop *loop, aw_step_fn fn, size_t size,
                             void (*destroy)(void *state), void *out_state, aw_coro **out);
/* The same in an exported function, whose caller is the origin. */
#define coro_internal(...) coro_internal_from(CALLER, __VA_ARGS__)

#endif
