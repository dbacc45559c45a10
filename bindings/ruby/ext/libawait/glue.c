/* SPDX-License-Identifier: MIT */
/*
 * Runs Ruby code from C callbacks. Everything here holds the VM lock, except the functions that glue_wait()
 * and blocking_wait() call without it. An exception is caught as soon as a block raises it, since no longjmp
 * may cross the library's frames.
 */
#include "glue.h"

#include <errno.h>
#include <ruby/thread.h>
#include <stdlib.h>
#include <time.h>

#define PINS_CALLOC calloc
#include <pins.h>

static struct {
	VALUE kept; /* what a block raised, until a wrapper can raise it */
	int killed; /* the tag of a Thread#kill in a block, which raises no exception object */
	VALUE module, error, cancelled, value_class;
} host;

static struct release {
	struct release *next;
	void (*fn)(void *object);
	void *object;
} * releases;

/* --- pins --- */

static void roots_mark(void *unused) {
	(void)unused;
	rb_gc_mark(host.kept);
	for (int i = 0; i < PIN_CHUNKS && pins.chunks[i]; i++)
		for (size_t at = 0; at < pins_in_chunk(i); at++)
			if (pins.chunks[i][at].kind != PIN_FREE) rb_gc_mark(pins.chunks[i][at].value);
}

/* No write barrier, so it is marked again at the end of an incremental collection. */
static const rb_data_type_t roots_type = {.wrap_struct_name = "Libawait roots",
                                          .function = {.dmark = roots_mark}};

pin *pin_new(enum pin_kind kind, VALUE value) {
	pin *self = pin_take();
	if (!self) rb_memerror();
	*self = (pin){.value = value, .kind = kind};
	return self;
}

void pin_free(void *ud) {
	pin *self = pin_at(ud);
	if (!self) return;
	pin_put(self);
}

/* --- exceptions --- */

/* Keeps an exception from a block until the next wrapper returns to Ruby and raises it. */
static void keep(VALUE exception) {
	if (NIL_P(host.kept)) host.kept = exception;
}

static void raise_kept(void) {
	VALUE exception = host.kept;
	host.kept = Qnil;
	int killed = host.killed;
	host.killed = 0;
	if (killed) rb_jump_tag(killed);
	if (!NIL_P(exception)) rb_exc_raise(exception);
}

/* What rb_protect() caught, as an exception; nil if the thread has to end. */
VALUE glue_caught(int tag) {
	VALUE exception = rb_errinfo();
	/* not cleared: rb_jump_tag() continues with it before any other Ruby code runs */
	if (FIXNUM_P(exception)) {
		host.killed = tag;
		return Qnil;
	}
	rb_set_errinfo(Qnil);
	if (SPECIAL_CONST_P(exception) || BUILTIN_TYPE(exception) == T_IMEMO)
		return rb_exc_new_cstr(rb_eRuntimeError, "a block called by libawait was left by break or throw");
	return exception;
}

/* A cancellation is not a StandardError, so that a bare rescue ignores it, but it ends only the task. */
static bool leaves_loop(VALUE exception) {
	return !RTEST(rb_obj_is_kind_of(exception, rb_eStandardError)) &&
	       !RTEST(rb_obj_is_kind_of(exception, host.cancelled));
}

static VALUE exception_status(VALUE exception) {
	if (RTEST(rb_obj_is_kind_of(exception, host.error)) ||
	    RTEST(rb_obj_is_kind_of(exception, host.cancelled)))
		return rb_funcall(exception, rb_intern("code"), 0);
	if (rb_obj_is_kind_of(exception, rb_eSystemCallError))
		return INT2NUM(-NUM2INT(rb_funcall(exception, rb_intern("errno"), 0)));
	return INT2NUM(AW_EHOST);
}

static VALUE exception_text(VALUE exception) {
	VALUE text = rb_funcall(exception, rb_intern("message"), 0);
	return rb_str_to_str(text);
}

aw_error *glue_error(aw_loop *loop, VALUE exception) {
	int failed = 0;
	VALUE status = rb_protect(exception_status, exception, &failed);
	aw_status code = failed ? AW_EHOST : NUM2INT(status);
	VALUE text = rb_protect(exception_text, exception, &failed);
	if (failed) rb_set_errinfo(Qnil);
	pin *payload = pin_new(PIN_VALUE, exception);
	aw_error *error = NULL;
	/* An empty message would be taken as a missing one. */
	const char *message = !failed && RSTRING_LEN(text) ? rb_string_value_cstr(&text) : NULL;
	aw_status made = aw_error_new(loop, code < 0 ? code : AW_EHOST, message, payload, pin_free, &error);
	if (made < 0) pin_free(payload);
	return error;
}

VALUE glue_exception_of(aw_error *error) {
	pin *payload = pin_at(aw_error_payload(error));
	if (payload) return payload->value;
	VALUE parts = rb_ary_new();
	for (size_t i = 0; i < aw_error_count(error); i++)
		rb_ary_push(parts, glue_exception_of(aw_error_get(error, i)));
	return rb_funcall(host.module, rb_intern("exception_for"), 3, INT2NUM(aw_error_status(error)),
	                  rb_utf8_str_new_cstr(aw_error_message(error)), parts);
}

static void raise_status(aw_status status) {
	rb_exc_raise(rb_funcall(host.module, rb_intern("exception_for"), 1, INT2NUM(status)));
}

void glue_check(aw_status status) {
	raise_kept();
	if (status < 0) raise_status(status);
}

void glue_check_future(aw_future *future, aw_status status) {
	raise_kept();
	if (status >= 0) return;
	aw_error *error = NULL;
	if (aw_future_done(future)) (void)aw_future_error(future, &error);
	if (error) rb_exc_raise(glue_exception_of(error));
	raise_status(status);
}

void glue_check_result(const aw_results *results, size_t index, aw_status status) {
	raise_kept();
	if (status >= 0) return;
	aw_error *error = aw_results_error(results, index);
	if (error) rb_exc_raise(glue_exception_of(error));
	raise_status(status);
}

/* --- blocks --- */

typedef struct call {
	VALUE block;
	int argc;
	VALUE argv[2];
} call;

static VALUE call_run(VALUE arg) {
	call *self = (call *)arg;
	int arity = rb_proc_arity(self->block);
	int argc = RTEST(rb_proc_lambda_p(self->block)) && arity >= 0 && arity < self->argc ? arity : self->argc;
	return rb_proc_call_kw(self->block, rb_ary_new_from_values(argc, self->argv), 0);
}

pin *glue_block(enum pin_kind kind, const void *owner) {
	rb_need_block();
	pin *self = pin_new(kind, rb_block_proc());
	self->owner = owner;
	return self;
}

/*
 * A block failed and nothing awaits it. Calls the exception handler if Ruby code has set one. Otherwise, and
 * for exceptions other than StandardError, the loop stops and dispatch raises the exception.
 */
static aw_status callback_failed(int tag, aw_loop *loop, aw_future *future) {
	VALUE exception = glue_caught(tag);
	if (NIL_P(exception)) return AW_ESYSTEMEXIT;
	if (leaves_loop(exception) || !pins_owned(PIN_HANDLER, loop)) {
		keep(exception);
		return AW_ESYSTEMEXIT;
	}
	aw_error *error = glue_error(loop, exception);
	aw_loop_call_exception_handler(loop, "Exception in callback", error, future);
	aw_error_unref(error);
	return 0;
}

static VALUE callback_run(VALUE arg) {
	void **pair = (void **)arg;
	pin *self = pair[1];
	call what = {.block = self->value, .argc = 1, .argv = {wrap_aw_loop(pair[0])}};
	return call_run((VALUE)&what);
}

aw_status glue_callback(aw_loop *loop, void *ud) {
	void *pair[] = {loop, ud};
	int failed = 0;
	rb_protect(callback_run, (VALUE)pair, &failed);
	return failed ? callback_failed(failed, loop, NULL) : 0;
}

static VALUE done_run(VALUE arg) {
	void **pair = (void **)arg;
	pin *self = pair[1];
	call what = {.block = self->value, .argc = 1, .argv = {wrap_aw_future(pair[0])}};
	return call_run((VALUE)&what);
}

aw_status glue_done(aw_future *future, void *ud) {
	void *pair[] = {future, ud};
	int failed = 0;
	rb_protect(done_run, (VALUE)pair, &failed);
	return failed ? callback_failed(failed, aw_future_loop(future), future) : 0;
}

static VALUE exception_run(VALUE arg) {
	const void **triple = (const void **)arg;
	const pin *self = triple[2];
	VALUE lent = lend_aw_report((aw_report *)(uintptr_t)triple[1]);
	call what = {
		.block = self->value, .argc = 2, .argv = {wrap_aw_loop((aw_loop *)(uintptr_t)triple[0]), lent}};
	int failed = 0;
	rb_protect(call_run, (VALUE)&what, &failed);
	DATA_PTR(lent) = NULL; /* a report is only valid during the call */
	if (failed) rb_jump_tag(failed);
	return Qnil;
}

aw_status glue_exception(aw_loop *loop, const aw_report *report, void *ud) {
	const void *triple[] = {loop, report, ud};
	int failed = 0;
	rb_protect(exception_run, (VALUE)triple, &failed);
	if (!failed) return 0;
	VALUE exception = glue_caught(failed);
	if (!NIL_P(exception)) keep(exception);
	return AW_EHOST;
}

static VALUE step_run(VALUE arg) {
	void **pair = (void **)arg;
	pin *self = pair[1];
	VALUE lent = lend_aw_resume(pair[0]);
	call what = {.block = self->value, .argc = 1, .argv = {lent}};
	int failed = 0;
	VALUE answer = rb_protect(call_run, (VALUE)&what, &failed);
	DATA_PTR(lent) = NULL; /* a resume is only valid during the step */
	if (failed) rb_jump_tag(failed);
	return answer;
}

aw_status glue_raise(aw_resume *resume, VALUE exception) {
	aw_error *error = glue_error(aw_future_loop(aw_task_future(aw_resume_task(resume))), exception);
	aw_status status = error ? aw_resume_raise(resume, error) : -ENOMEM;
	aw_error_unref(error);
	if (!leaves_loop(exception)) return status;
	keep(exception);
	return AW_ESYSTEMEXIT;
}

/* If the block raises, the coroutine fails, and whoever awaits it gets the same exception object. */
aw_status glue_step(aw_resume *resume, void *ud) {
	void *pair[] = {resume, ud};
	int failed = 0;
	VALUE answer = rb_protect(step_run, (VALUE)pair, &failed);
	if (!failed) return FIXNUM_P(answer) && FIX2LONG(answer) < 0 ? (aw_status)FIX2LONG(answer) : 0;
	VALUE exception = glue_caught(failed);
	return NIL_P(exception) ? AW_ESYSTEMEXIT : glue_raise(resume, exception);
}

static VALUE compare_run(VALUE arg) {
	void **triple = (void **)arg;
	pin *self = triple[2];
	call what = {.block = self->value, .argc = 2, .argv = {glue_value(triple[0]), glue_value(triple[1])}};
	return INT2NUM(NUM2INT(call_run((VALUE)&what)));
}

int32_t glue_compare(void *a, void *b, void *ud) {
	void *triple[] = {a, b, ud};
	int failed = 0;
	VALUE order = rb_protect(compare_run, (VALUE)triple, &failed);
	if (!failed) return NUM2INT(order);
	VALUE exception = glue_caught(failed);
	if (!NIL_P(exception)) keep(exception);
	return 0;
}

static VALUE next_run(VALUE arg) {
	void **pair = (void **)arg;
	pin *self = pair[0];
	call what = {.block = self->value};
	aw_coro **out = pair[1];
	*out = glue_coro(call_run((VALUE)&what));
	return Qnil;
}

/*
 * The block of an iterator returns the coroutine of the next item. This call can't return an error object, so
 * an exception is kept.
 */
aw_status glue_next(void *ud, aw_coro **out) {
	void *pair[] = {ud, out};
	int failed = 0;
	rb_protect(next_run, (VALUE)pair, &failed);
	if (!failed) return 0;
	VALUE exception = glue_caught(failed);
	if (!NIL_P(exception)) keep(exception);
	return NIL_P(exception) || leaves_loop(exception) ? AW_ESYSTEMEXIT : AW_EHOST;
}

static bool remove_done(pin *self, void *arg) {
	void **search = arg;
	if (self->value != *(VALUE *)search[1]) return true;
	aw_status removed = aw_future_remove_done_callback(search[0], glue_done, self);
	aw_status *total = search[2];
	if (removed < 0) *total = removed;
	if (removed > 0) *total += removed;
	return removed >= 0;
}

/* Each registration has a separate pin, so try all pins that hold the block. */
aw_status glue_remove_done_callback(aw_future *future, VALUE block) {
	aw_status total = 0;
	void *search[] = {future, &block, &total};
	pins_each(PIN_DONE, remove_done, search);
	return total;
}

/* --- values --- */

/* A value made by C code: only the caller knows its type. */
typedef struct c_value {
	void *data;
	aw_destroy_fn destroy;
} c_value;

static void c_value_free(void *ptr) {
	c_value *self = ptr;
	if (self->destroy) glue_release_later(self->destroy, self->data);
	free(self);
}

static const rb_data_type_t c_value_type = {.wrap_struct_name = "Libawait::Value",
                                            .function = {.dfree = c_value_free}};

VALUE glue_value_taken(void *value, aw_destroy_fn destroy) {
	pin *ours = pin_at(value);
	if (ours) {
		VALUE object = ours->value;
		if (destroy) destroy(value);
		return object;
	}
	intptr_t number = (intptr_t)value;
	if (!value) return Qnil;
	if (number > -4096 && number < 4096) return LONG2NUM(number);
	c_value *self = calloc(1, sizeof *self);
	if (!self) rb_memerror();
	*self = (c_value){value, destroy};
	return rb_data_typed_object_wrap(host.value_class, self, &c_value_type);
}

VALUE glue_value(void *value) {
	return glue_value_taken(value, NULL);
}

static void *c_value_data(VALUE self) {
	return ((c_value *)rb_check_typeddata(self, &c_value_type))->data;
}

static VALUE c_value_to_i(VALUE self) {
	return LL2NUM((intptr_t)c_value_data(self));
}

static VALUE c_value_results(VALUE self) {
	return wrap_aw_results(c_value_data(self));
}

static VALUE c_value_future(VALUE self) {
	return wrap_aw_future(c_value_data(self));
}

/* --- handles that the collector frees --- */

void glue_release_later(void (*release)(void *), void *object) {
	struct release *self = malloc(sizeof *self);
	if (!self) return; /* without memory, the handle leaks */
	*self = (struct release){releases, release, object};
	releases = self;
}

void glue_release_now(void) {
	for (struct release *self; (self = releases);) {
		releases = self->next;
		self->fn(self->object);
		free(self);
	}
}

/* --- waiting --- */

typedef struct waiting {
	aw_loop *loop;
	int64_t timeout;
	aw_status status;
} waiting;

static void *wait_unlocked(void *arg) {
	waiting *self = arg;
	self->status = aw_loop_wait(self->loop, self->timeout);
	return NULL;
}

static void wait_interrupt(void *arg) {
	aw_loop_wakeup(arg);
}

aw_status glue_wait(aw_loop *loop, int64_t timeout) {
	waiting self = {loop, timeout, 0};
	glue_release_now();
	if (timeout == 0 || aw_loop_pending(loop))
		wait_unlocked(&self);
	else
		rb_thread_call_without_gvl(wait_unlocked, &self, wait_interrupt, loop);
	rb_thread_check_ints();
	return self.status;
}

/* A thread that waits for another thread's outcome, without the VM lock. */
typedef struct blocking {
	aw_concurrent_future *future;
	aw_executor *executor; /* or the threads of this executor */
	aw_interrupt *interrupt;
	int64_t timeout;
	aw_status status;
} blocking;

static int64_t monotonic(void) {
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void *blocking_unlocked(void *arg) {
	blocking *self = arg;
	self->status =
		self->future
			? aw_concurrent_future_wait_interruptible(self->future, self->timeout, self->interrupt)
			: aw_executor_shutdown_wait_interruptible(self->executor, self->timeout, self->interrupt);
	return NULL;
}

/* Called by the interrupting thread. The request persists if the waiting thread has not blocked yet. */
static void blocking_interrupt(void *interrupt) {
	(void)aw_interrupt_raise(interrupt);
}

/*
 * Raises whatever interrupted the wait. If the interrupt raised nothing in this thread, waits for the rest of
 * the time.
 */
static VALUE blocking_run(VALUE arg) {
	blocking *self = (blocking *)arg;
	int64_t timeout = self->timeout, start = timeout > 0 ? monotonic() : 0;
	for (;;) {
		rb_thread_call_without_gvl(blocking_unlocked, self, blocking_interrupt, self->interrupt);
		rb_thread_check_ints();
		if (self->status != -EINTR) return Qnil;
		(void)aw_interrupt_clear(self->interrupt);
		if (timeout <= 0) continue;
		int64_t passed = monotonic() - start;
		self->timeout = passed < timeout ? timeout - passed : 0;
	}
}

static VALUE blocking_end(VALUE arg) {
	aw_interrupt_unref(((blocking *)arg)->interrupt);
	return Qnil;
}

static aw_status blocking_wait(blocking *self) {
	glue_check(aw_interrupt_new(-1, &self->interrupt));
	rb_ensure(blocking_run, (VALUE)self, blocking_end, (VALUE)self);
	return self->status;
}

/*
 * Returns the outcome. Errors of the wait itself are raised here, so that they can't be mistaken for the
 * outcome.
 */
aw_status glue_concurrent_future_wait(aw_concurrent_future *future, int64_t timeout, void **out) {
	if (!aw_concurrent_future_done(future)) {
		blocking self = {.future = future, .timeout = timeout};
		glue_check(future ? blocking_wait(&self) : AW_EBADHANDLE);
	}
	return aw_concurrent_future_result(future, out);
}

aw_status glue_shutdown_wait(aw_executor *executor, int64_t timeout) {
	blocking self = {.executor = executor, .timeout = timeout};
	return blocking_wait(&self);
}

void glue_check_outcome(aw_concurrent_future *future, aw_status status) {
	raise_kept();
	if (status >= 0) return;
	aw_error *error = aw_concurrent_future_done(future) ? aw_concurrent_future_error(future) : NULL;
	if (error) rb_exc_raise(glue_exception_of(error));
	raise_status(status);
}

aw_status glue_drain(aw_loop *loop, aw_completion *out, size_t max, int64_t timeout) {
	aw_status status = timeout ? glue_wait(loop, timeout) : 0;
	return status < 0 ? status : aw_loop_drain(loop, out, max, 0);
}

/* --- the completion queue: a token is the pin of [token, buffer] --- */

static VALUE field(VALUE hash, const char *name) {
	return rb_hash_aref(hash, ID2SYM(rb_intern(name)));
}

static uint32_t field_u32(VALUE hash, const char *name) {
	VALUE value = field(hash, name);
	return NIL_P(value) ? 0 : NUM2UINT(value);
}

static bool kind_fills(uint32_t kind) {
	return kind == AW_OP_READ || kind == AW_OP_RECV;
}

static void submission_buffer(aw_submission *self, VALUE *buffer) {
	if (NIL_P(*buffer)) return;
	if (self->kind == AW_OP_FUTURE) {
		self->buffer = glue_future(*buffer);
		return;
	}
	StringValue(*buffer);
	if (kind_fills(self->kind)) {
		rb_str_modify(*buffer);
		rb_str_locktmp(*buffer); /* locked until the completion is drained */
	} else {
		*buffer = rb_str_new_frozen(*buffer);
	}
	self->buffer = RSTRING_PTR(*buffer);
	self->length = (uint64_t)RSTRING_LEN(*buffer);
}

static void submission_fill(aw_submission *self, aw_loop *loop, VALUE hash) {
	Check_Type(hash, T_HASH);
	VALUE offset = field(hash, "offset"), fd = field(hash, "fd"), buffer = field(hash, "buffer");
	self->size = sizeof *self;
	self->kind = field_u32(hash, "kind");
	self->flags = field_u32(hash, "flags");
	self->fd = NIL_P(fd) ? -1 : NUM2INT(fd);
	self->offset = NIL_P(offset) ? -1 : NUM2LL(offset);
	submission_buffer(self, &buffer);
	pin *token = pin_new(PIN_SUBMISSION, rb_assoc_new(field(hash, "token"), buffer));
	token->owner = loop;
	token->operation = self->kind;
	self->token = (uintptr_t)token;
}

static void submission_end(pin *self) {
	if (!self) return; /* not one of our pins */
	if (kind_fills(self->operation) && !NIL_P(rb_ary_entry(self->value, 1)))
		rb_str_unlocktmp(rb_ary_entry(self->value, 1));
	pin_free(self);
}

typedef struct filling {
	aw_submission *at;
	aw_loop *loop;
	VALUE list;
	size_t count;
} filling;

static VALUE submissions_fill(VALUE arg) {
	filling *self = (filling *)arg;
	for (; self->count < (size_t)RARRAY_LEN(self->list); self->count++)
		submission_fill(&self->at[self->count], self->loop, rb_ary_entry(self->list, (long)self->count));
	return Qnil;
}

VALUE glue_submissions(aw_loop *loop, VALUE list, const aw_submission **out, size_t *out_count) {
	Check_Type(list, T_ARRAY);
	size_t bytes = (size_t)RARRAY_LEN(list) * sizeof(aw_submission);
	VALUE holder = rb_str_new(NULL, (long)bytes);
	filling self = {(aw_submission *)(void *)RSTRING_PTR(holder), loop, list, 0};
	int failed = 0;
	MEMZERO(self.at, char, bytes);
	rb_protect(submissions_fill, (VALUE)&self, &failed);
	if (failed) {
		glue_submitted(self.at, self.count, 0);
		rb_jump_tag(failed);
	}
	*out = self.at;
	*out_count = self.count;
	return holder;
}

/* Release the pins of operations that were not accepted. */
void glue_submitted(const aw_submission *submissions, size_t count, aw_status taken) {
	for (size_t i = taken < 0 ? 0 : (size_t)taken; i < count; i++)
		submission_end(pin_at((void *)(uintptr_t)submissions[i].token));
}

VALUE glue_completions(const aw_completion *completions, aw_status count) {
	VALUE list = rb_ary_new_capa(count);
	for (aw_status i = 0; i < count; i++) {
		const aw_completion *at = &completions[i];
		pin *self = pin_at((void *)(uintptr_t)at->token);
		if (!self) continue;
		bool of_future = self->operation == AW_OP_FUTURE;
		VALUE value = of_future ? glue_value((void *)(intptr_t)at->value) : LL2NUM(at->value);
		rb_ary_push(list, rb_ary_new_from_args(3, rb_ary_entry(self->value, 0), INT2NUM(at->status), value));
		submission_end(self);
	}
	return list;
}

static bool cancel_token(pin *self, void *arg) {
	void **search = arg;
	aw_status *total = search[2];
	if (self->owner != search[0] || !RTEST(rb_equal(rb_ary_entry(self->value, 0), *(VALUE *)search[1])))
		return true;
	aw_status status = aw_loop_cancel_token(search[0], (uintptr_t)self);
	if (status < 0)
		*total = status;
	else
		*total += status;
	return status >= 0;
}

aw_status glue_cancel_token(aw_loop *loop, VALUE token) {
	aw_status total = 0;
	void *search[] = {loop, &token, &total};
	pins_each(PIN_SUBMISSION, cancel_token, search);
	return total;
}

static bool forget(pin *self, void *loop) {
	if (self->owner == loop) submission_end(self);
	return true;
}

/* Completions that can't be drained any more. */
void glue_closed(aw_loop *loop) {
	pins_each(PIN_SUBMISSION, forget, loop);
}

/* --- arguments --- */

const char **glue_strings(VALUE list, VALUE *holder, size_t *count) {
	Check_Type(list, T_ARRAY);
	*count = (size_t)RARRAY_LEN(list);
	VALUE kept = rb_ary_dup(list);
	VALUE room = rb_str_new(NULL, (long)(*count * sizeof(char *)));
	const char **at = (const char **)(void *)RSTRING_PTR(room);
	for (size_t i = 0; i < *count; i++) {
		VALUE text = rb_ary_entry(kept, (long)i);
		at[i] = StringValueCStr(text);
		rb_ary_store(kept, (long)i, text);
	}
	*holder = rb_assoc_new(kept, room);
	return at;
}

static VALUE collect(VALUE module) {
	rb_gc_start();
	glue_release_now();
	raise_kept();
	return module;
}

/* Two wrappers of the same handle have the same address. */
static VALUE address(VALUE module, VALUE wrapper) {
	(void)module;
	Check_Type(wrapper, T_DATA);
	return ULL2NUM((uintptr_t)DATA_PTR(wrapper));
}

/* A failure that carries the given exception. */
static VALUE failure_of(VALUE module, VALUE loop, VALUE exception) {
	(void)module;
	aw_error *error = glue_error(glue_loop(loop), exception);
	if (!error) rb_memerror();
	VALUE wrapper = wrap_aw_error(error);
	aw_error_unref(error);
	return wrapper;
}

void glue_init(VALUE module) {
	host.module = module;
	host.kept = Qnil;
	rb_gc_register_mark_object(rb_data_typed_object_wrap(rb_cObject, &host, &roots_type));
	host.error = rb_define_class_under(module, "Error", rb_eStandardError);
	host.cancelled = rb_define_class_under(module, "Cancelled", rb_eException);
	host.value_class = rb_define_class_under(module, "Value", rb_cObject);
	rb_undef_alloc_func(host.value_class);
	rb_define_method(host.value_class, "to_i", c_value_to_i, 0);
	rb_define_method(host.value_class, "results", c_value_results, 0);
	rb_define_method(host.value_class, "future", c_value_future, 0);
	rb_define_module_function(module, "failure_of", failure_of, 2);
	rb_define_module_function(module, "collect", collect, 0);
	rb_define_module_function(module, "address", address, 1);
}
