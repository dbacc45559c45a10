/* SPDX-License-Identifier: MIT */
/* The coroutine object. A task drives it through a resume (stackful.h). */
#ifndef CORE_CORO_H
#define CORE_CORO_H

#include "future.h"
#include "stackful.h"

#include <await/coro.h>

enum coro_state { CORO_NEW, CORO_STARTED, CORO_ENDED };

struct aw_coro {
	object base;
	aw_step_fn fn;
	union {
		void *ud;
		void *value; /* once ended */
	};
	union {
		aw_destroy_fn destroy;
		aw_destroy_fn value_destroy; /* once ended */
	};
	aw_coro *parent; /* awaits this one, in the same task; owned by the chain */
	uint8_t state;
	bool taken;         /* a task has started to drive it */
	const void *origin; /* the code that made it */
};

extern const object_class coro_class;

static inline aw_loop *coro_loop(const aw_coro *self) {
	return container_of(self->base.domain, aw_loop, domain);
}
/* Marks it as ended and destroys its state. From here on it has a value, which is NULL. */
void coro_end(aw_coro *self);
/* Returns a reference that is not handed out. Takes ownership of `ud`, even on failure. */
aw_status coro_make(aw_loop *loop, aw_step_fn fn, void *ud, aw_destroy_fn destroy, const void *origin,
                    aw_coro **out);
/*
 * Makes a coroutine for the library itself and hands it out. It is the start of a zeroed object of `size` bytes,
 * which `fn` and `destroy` get. `destroy` is only for what that holds.
 */
aw_status coro_whole(aw_loop *loop, aw_step_fn fn, size_t size, void (*destroy)(void *self),
                     const void *origin, aw_coro **out);
/* Awaits a pending future that is a part of the coroutine. */
static inline void resume_await_borrowed(aw_resume *resume, aw_future *future) {
	resume->answer = RESUME_AWAIT_BORROWED;
	resume->awaited = future;
}
/*
 * Makes a coroutine for the library itself and hands it out: `fn` runs on a zeroed state of `size` bytes,
 * which `destroy` must release with free().
 */
aw_status coro_internal_from(const void *origin, aw_loop *loop, aw_step_fn fn, size_t size,
                             void (*destroy)(void *state), void *out_state, aw_coro **out);
/* The same for an exported function: the origin is its caller. */
#define coro_internal(...) coro_internal_from(CALLER, __VA_ARGS__)

#endif
