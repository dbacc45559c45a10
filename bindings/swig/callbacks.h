/* SPDX-License-Identifier: MIT */
/* What the generated wrappers call in the same way in every language. */
#ifndef SWIG_CALLBACKS_H
#define SWIG_CALLBACKS_H

#include <await/await.h>
#include <stdbool.h>
#include <stdint.h>

enum pin_kind { PIN_FREE, PIN_CALL, PIN_DONE, PIN_HANDLER, PIN_VALUE, PIN_SUBMISSION };

/* The destroy of every callback and value that comes from the language. Also told of one that is free. */
void pin_free(void *ud);

aw_status glue_callback(aw_loop *loop, void *ud);
aw_status glue_done(aw_future *future, void *ud);
aw_status glue_exception(aw_loop *loop, const aw_report *report, void *ud);
aw_status glue_step(aw_resume *resume, void *ud);
aw_status glue_next(void *ud, aw_coro **out);
int32_t glue_compare(void *a, void *b, void *ud);

/* The language's lock is released while these wait. */
aw_status glue_wait(aw_loop *loop, int64_t timeout);
aw_status glue_drain(aw_loop *loop, aw_completion *out, size_t max, int64_t timeout);
aw_status glue_concurrent_future_wait(aw_concurrent_future *future, int64_t timeout, void **out);
aw_status glue_shutdown_wait(aw_executor *executor, int64_t timeout);

void glue_submitted(const aw_submission *submissions, size_t count, aw_status taken);
void glue_closed(aw_loop *loop);

#endif
