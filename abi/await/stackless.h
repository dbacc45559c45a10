/* SPDX-License-Identifier: MIT */
/**
 * @file stackless.h
 * Stackless coroutines in C: a step function written as straight-line code, whose state remembers the
 * position.
 *
 * The state is a struct with an ::aw_frame in it. Locals that must survive an await are members of the
 * struct. After each AW_AWAIT, query the resume as in any step, starting with aw_resume_status(). The
 * macros only wrap coro.h.
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
 * Write at most one await on a source line, and no await inside a switch statement of the function.
 *
 * Since 0.1.0, unless an entry says otherwise.
 */
#ifndef AWAIT_STACKLESS_H
#define AWAIT_STACKLESS_H

#include <await/coro.h>

/** The position of a stackless coroutine. Initialise it to zero. */
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

/** Ends the step with `answer`, a call of coro.h, and continues after this statement in the next step. */
#define AW_SUSPEND(frame, answer) \
	do {                          \
		(frame)->line = __LINE__; \
		return (answer);          \
	case __LINE__:;               \
	} while (0)

/** Awaits a future. */
#define AW_AWAIT(frame, resume, future) AW_SUSPEND(frame, aw_resume_await(resume, future))
/** Awaits another coroutine, which runs in the same task. */
#define AW_AWAIT_CORO(frame, resume, coro) AW_SUSPEND(frame, aw_resume_delegate(resume, coro))
/** Suspends the task for one iteration, so that others run. */
#define AW_YIELD(frame, resume) AW_SUSPEND(frame, aw_resume_yield(resume))

#endif
