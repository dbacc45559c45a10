/* SPDX-License-Identifier: MIT */
/*
 * The Ruby side of the generated wrappers: keeps blocks alive as callbacks and Ruby objects as values, turns
 * statuses into exceptions, and releases the VM lock while the loop waits.
 */
#ifndef RUBY_HOST_H
#define RUBY_HOST_H

#include <callbacks.h>
#include <ruby.h>

/* A Ruby object that C refers to. */
typedef struct pin {
	VALUE value;
	const void *owner; /* the loop of a handler or a submission */
	struct pin *next;  /* while it is free */
	uint32_t kind, operation;
} pin;

/* Creates the GC roots and the classes without a handle. */
void glue_init(VALUE module);

pin *pin_new(enum pin_kind kind, VALUE value);

/* The block of the running method as user data. */
pin *glue_block(enum pin_kind kind, const void *owner);

/* Converts a value that C holds to Ruby; a non-NULL `destroy` transfers it to Ruby. */
VALUE glue_value(void *value);
VALUE glue_value_taken(void *value, aw_destroy_fn destroy);

/* Raises what a block raised meanwhile, or the status's exception. Returns if there is neither. */
void glue_check(aw_status status);
void glue_check_future(aw_future *future, aw_status status);
void glue_check_result(const aw_results *results, size_t index, aw_status status);
VALUE glue_exception_of(aw_error *error);
/*
 * What rb_protect() caught, as an exception; nil if the thread has to end, which it does once the loop has
 * returned.
 */
VALUE glue_caught(int tag);
/* Ends a coroutine with an exception. An exception other than StandardError also stops the loop. */
aw_status glue_raise(aw_resume *resume, VALUE exception);
/* An error that carries a Ruby exception. New reference, or NULL without memory. */
aw_error *glue_error(aw_loop *loop, VALUE exception);

/* For free functions, which run inside the collector: defers the unref. */
void glue_release_later(void (*release)(void *), void *object);
void glue_release_now(void);

void glue_check_outcome(aw_concurrent_future *outcome, aw_status status);
VALUE glue_submissions(aw_loop *loop, VALUE list, const aw_submission **out, size_t *out_count);
VALUE glue_completions(const aw_completion *completions, aw_status count);
aw_status glue_cancel_token(aw_loop *loop, VALUE token);
aw_status glue_remove_done_callback(aw_future *future, VALUE block);

const char **glue_strings(VALUE list, VALUE *holder, size_t *count);

/*
 * Defined by the generated file. wrap_ takes a new reference, take_ takes over the caller's, lend_ takes
 * none.
 */
VALUE wrap_aw_loop(aw_loop *loop);
VALUE wrap_aw_future(aw_future *future);
VALUE wrap_aw_task(aw_task *task);
VALUE wrap_aw_error(aw_error *error);
VALUE wrap_aw_concurrent_future(aw_concurrent_future *outcome);
VALUE wrap_aw_coro(aw_coro *coro);
VALUE wrap_aw_results(aw_results *results);
VALUE lend_aw_resume(aw_resume *resume);
VALUE lend_aw_report(aw_report *report);
aw_loop *glue_loop(VALUE object);
aw_future *glue_future(VALUE object);
aw_future *glue_future_or_null(VALUE object);
/* New reference. */
aw_coro *glue_coro(VALUE object);
aw_coro *glue_coro_or_null(VALUE object);

#endif
