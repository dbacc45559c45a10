/* SPDX-License-Identifier: MIT */
/**
 * @file stackless.h
 * Stackless coroutines in C: a step function written from top to bottom, whose state remembers where it
 * stands.
 *
 * The state is a struct with an ::aw_frame in it; locals that must live across an await are its members. What
 * was sent is asked of the resume after each AW_AWAIT, as in any step: aw_resume_status() first. The macros
 * are sugar over coro.h, nothing else.
 *
 *     static aw_status greet(aw_resume *resume, void *ud) {
 *         struct greet *self = ud;
 *         AW_BEGIN(&self->frame);
 *         AW_AWAIT(&self->frame, resume, self->future);
 *         if (aw_resume_status(resume) < 0) return aw_resume_raise(resume, aw_resume_error(resume));
 *         puts(aw_resume_value(resume));
 *         AW_END(&self->frame);
 *         return aw_resume_return(resume, NULL, NULL);
 *     }
 *
 * One await a source line; no await inside a switch of the function's own.
 */
#ifndef AWAIT_STACKLESS_H
#define AWAIT_STACKLESS_H

#include <await/coro.h>

/** Where a stackless coroutine stands. Starts as zero. */
typedef struct aw_frame {
	int32_t line;
} aw_frame;

/** Begins the body. */
#define AW_BEGIN(frame)      \
	switch ((frame)->line) { \
	case 0:

/** Ends the body. */
#define AW_END(frame) \
	default: break;   \
		}             \
		(frame)->line = -1

/** Suspends with an answer of coro.h, and goes on behind it. */
#define AW_SUSPEND(frame, answer) \
	do {                          \
		(frame)->line = __LINE__; \
		return (answer);          \
	case __LINE__:;               \
	} while (0)

/** Awaits a future. */
#define AW_AWAIT(frame, resume, future) AW_SUSPEND(frame, aw_resume_await(resume, future))
/** Awaits another coroutine, in this task. */
#define AW_AWAIT_CORO(frame, resume, coro) AW_SUSPEND(frame, aw_resume_delegate(resume, coro))
/** Lets the others run for one iteration. */
#define AW_YIELD(frame, resume) AW_SUSPEND(frame, aw_resume_yield(resume))

#endif
