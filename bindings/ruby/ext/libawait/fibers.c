/* SPDX-License-Identifier: MIT */
/*
 * The stack of fibers that have entered another fiber, and the steps of a task whose coroutine is a block in
 * a Fiber.
 */
#include "fibers.h"

#include <stdlib.h>
#include <string.h>

static ID id_here, id_blocking_p, id_new, id_reader, id_read;
static VALUE fiber_class, fiber_error;

/* --- the stack --- */

static void place_mark(const place *self) {
	rb_gc_mark(self->fiber);
}

static void here_mark(void *ptr) {
	const fibers *self = ptr;
	for (size_t i = 0; i < self->depth; i++) place_mark(&self->stack[i]);
	place_mark(&self->at);
	place_mark(&self->forward);
	rb_gc_mark(self->root);
	rb_gc_mark(self->entered);
}

static void here_free(void *ptr) {
	fibers *self = ptr;
	free(self->stack);
	free(self);
}

static const rb_data_type_t here_type = {.wrap_struct_name = "Libawait fibers",
                                         .function = {.dmark = here_mark, .dfree = here_free}};

fibers *fibers_here(void) {
	VALUE thread = rb_thread_current();
	VALUE wrapper = rb_ivar_get(thread, id_here);
	if (!NIL_P(wrapper)) return RTYPEDDATA_DATA(wrapper);
	fibers *self = calloc(1, sizeof *self);
	if (!self) rb_memerror();
	self->at.fiber = self->forward.fiber = self->root = self->entered = Qnil;
	rb_ivar_set(thread, id_here, rb_data_typed_object_wrap(rb_cObject, self, &here_type));
	return self;
}

static void push(fibers *self, place at) {
	if (self->depth == self->room) {
		size_t room = self->room ? self->room * 2 : 8;
		place *stack = realloc(self->stack, room * sizeof *stack);
		if (!stack) rb_memerror();
		self->stack = stack;
		self->room = room;
	}
	self->stack[self->depth++] = at;
}

static VALUE transfer(VALUE fiber) {
	return rb_fiber_transfer(fiber, 0, NULL);
}

void fibers_enter(fibers *self, VALUE fiber, steps *task, strand *on) {
	size_t mine = self->depth;
	place from = {rb_fiber_current(), self->at.task, self->at.strand};
	/* A blocking fiber is the thread's root fiber, which gets control when another fiber ends. */
	if (mine == 0) self->root = RTEST(rb_funcall(from.fiber, id_blocking_p, 0)) ? from.fiber : Qnil;
	push(self, from);
	self->at = (place){fiber, task, on};
	self->entered = fiber;
	int failed = 0;
	rb_protect(transfer, fiber, &failed);
	while (!failed && !NIL_P(self->forward.fiber)) {
		self->at = self->forward;
		self->forward.fiber = Qnil;
		rb_protect(transfer, self->at.fiber, &failed);
	}
	if (self->depth > mine) self->depth = mine;
	self->forward.fiber = Qnil;
	self->at = from;
	if (failed) rb_jump_tag(failed);
}

static VALUE leave(VALUE arg) {
	fibers *self = (fibers *)arg;
	place to = self->stack[--self->depth];
	self->at = to;
	return rb_fiber_transfer(to.fiber, 0, NULL);
}

/* What rb_protect() caught, if it is an exception and does not end the thread. */
static VALUE caught_exception(void) {
	VALUE exception = rb_errinfo();
	return RTEST(rb_obj_is_kind_of(exception, rb_eException)) ? exception : Qnil;
}

/* The raiser is itself resuming another fiber, so control can't be transferred back to it. */
static bool is_unreachable(VALUE exception) {
	if (!RTEST(rb_obj_is_kind_of(exception, fiber_error))) return false;
	VALUE text = rb_funcall(exception, rb_intern("message"), 0);
	return strstr(StringValueCStr(text), "resuming fiber") != NULL;
}

void fibers_leave(fibers *self, void (*interrupted)(void *arg, VALUE exception), void *arg) {
	place mine = {rb_fiber_current(), self->at.task, self->at.strand};
	VALUE last = Qnil;
	if (self->depth == 0) rb_raise(fiber_error, "a fiber that libawait did not start can't wait here");
	for (;;) {
		int failed = 0;
		rb_protect(leave, (VALUE)self, &failed);
		if (self->entered == mine.fiber) {
			self->entered = Qnil;
			if (failed) rb_jump_tag(failed);
			return;
		}
		/* Not resumed by libawait: return control to the fiber that did, and keep waiting. */
		VALUE exception = failed ? caught_exception() : Qnil;
		if (failed && NIL_P(exception)) rb_jump_tag(failed);
		rb_set_errinfo(Qnil);
		if (!NIL_P(last) && is_unreachable(exception)) {
			self->at = mine;
			rb_exc_raise(last);
		}
		push(self, self->at);
		self->at = mine;
		last = exception;
		if (failed) interrupted(arg, exception);
	}
}

void fibers_end(fibers *self) {
	if (self->depth == 0) return;
	place to = self->stack[--self->depth];
	if (to.fiber == self->root) {
		self->at = to;
	} else if (!NIL_P(self->root)) {
		self->forward = to;
	} else {
		/* It is unknown where control would go when it ends, so it stays suspended until it is collected. */
		self->at = to;
		rb_fiber_transfer(to.fiber, 0, NULL);
	}
}

/* --- the steps of a task --- */

enum answer { ANSWER_NONE, ANSWER_FUTURE, ANSWER_CORO, ANSWER_YIELD, ANSWER_RETURN, ANSWER_RAISE };

struct steps {
	VALUE self, block, fiber;
	VALUE value;  /* what the block returned or raised */
	VALUE raised; /* by another fiber, in this one while it waited */
	aw_loop *loop;
	fibers *here;      /* of the thread that runs the step */
	aw_resume *resume; /* during a step */
	aw_task *task;     /* while it waits */
	aw_future *future;
	aw_coro *coro;
	enum answer answer;
};

static void steps_mark(void *ptr) {
	const steps *self = ptr;
	rb_gc_mark(self->self);
	rb_gc_mark(self->block);
	rb_gc_mark(self->fiber);
	rb_gc_mark(self->value);
	rb_gc_mark(self->raised);
}

static const rb_data_type_t steps_type = {.wrap_struct_name = "Libawait task",
                                          .function = {.dmark = steps_mark, .dfree = RUBY_DEFAULT_FREE},
                                          .flags = RUBY_TYPED_FREE_IMMEDIATELY};

static VALUE block_run(VALUE arg) {
	return rb_proc_call_kw(((steps *)arg)->block, rb_ary_new(), 0);
}

/* The body of the fiber. */
static VALUE steps_body(RB_BLOCK_CALL_FUNC_ARGLIST(unused, object)) {
	(void)unused, (void)argc, (void)argv, (void)blockarg;
	steps *self = RTYPEDDATA_DATA(object);
	fibers *here = fibers_here();
	here->entered = Qnil;
	int failed = 0;
	VALUE value = rb_protect(block_run, (VALUE)self, &failed);
	if (failed) {
		value = glue_caught(failed);
		if (NIL_P(value)) rb_jump_tag(failed); /* the thread ends */
	}
	self->value = value;
	self->answer = failed ? ANSWER_RAISE : ANSWER_RETURN;
	fibers_end(here);
	return Qnil;
}

static VALUE steps_enter(VALUE arg) {
	steps *self = (steps *)arg;
	if (NIL_P(self->fiber)) self->fiber = rb_block_call(fiber_class, id_new, 0, NULL, steps_body, self->self);
	self->here = fibers_here();
	fibers_enter(self->here, self->fiber, self, NULL);
	return Qnil;
}

static aw_status steps_answer(steps *self) {
	switch (self->answer) {
	case ANSWER_FUTURE: return aw_resume_await(self->resume, self->future);
	case ANSWER_CORO: return aw_resume_delegate(self->resume, self->coro);
	case ANSWER_YIELD: return aw_resume_yield(self->resume);
	case ANSWER_RETURN: {
		pin *value = NIL_P(self->value) ? NULL : pin_new(PIN_VALUE, self->value);
		aw_status status = aw_resume_return(self->resume, value, value ? pin_free : NULL);
		if (status < 0) pin_free(value);
		return status;
	}
	case ANSWER_RAISE: return glue_raise(self->resume, self->value);
	default: return AW_EINVALIDSTATE;
	}
}

/* One step: the fiber runs until it ends or awaits something. */
static aw_status steps_step(aw_resume *resume, void *ud) {
	steps *self = RTYPEDDATA_DATA(((pin *)ud)->value);
	int failed = 0;
	self->resume = resume;
	self->task = aw_resume_task(resume);
	self->answer = ANSWER_NONE;
	rb_protect(steps_enter, (VALUE)self, &failed);
	aw_status status;
	if (failed) {
		VALUE exception = glue_caught(failed);
		status = NIL_P(exception) ? AW_ESYSTEMEXIT : glue_raise(resume, exception);
	} else {
		status = steps_answer(self);
	}
	self->resume = NULL;
	return status;
}

static void steps_interrupted(void *arg, VALUE exception) {
	steps *self = arg;
	self->raised = exception;
	(void)aw_task_cancel(self->task, NULL);
}

static aw_status steps_suspend(steps *self, enum answer answer) {
	if (!self->resume) rb_raise(fiber_error, "a task can't wait outside its own step");
	self->answer = answer;
	self->fiber = rb_fiber_current();
	fibers_leave(self->here, steps_interrupted, self);
	if (NIL_P(self->raised)) return aw_resume_status(self->resume);
	VALUE raised = self->raised;
	self->raised = Qnil;
	(void)aw_task_uncancel(self->task);
	rb_exc_raise(raised);
}

static void steps_check(steps *self, aw_status status) {
	if (status >= 0) return;
	aw_error *error = aw_resume_error(self->resume);
	if (error) rb_exc_raise(glue_exception_of(error));
	glue_check(status);
}

aw_status steps_wait(steps *self, aw_future *future, aw_coro *coro) {
	self->future = future;
	self->coro = coro;
	aw_status status = steps_suspend(self, future ? ANSWER_FUTURE : coro ? ANSWER_CORO : ANSWER_YIELD);
	if (status != AW_ETIMEOUT) steps_check(self, status);
	return status;
}

void *steps_value(const steps *self) {
	return aw_resume_value(self->resume);
}

static VALUE coro_unref(VALUE coro) {
	aw_coro_unref((aw_coro *)coro);
	return Qnil;
}

static VALUE sleeps(VALUE arg) {
	void **pair = (void **)arg;
	steps *self = pair[0];
	steps_check(self, steps_wait(self, NULL, pair[1]));
	return Qnil;
}

/* Libawait.sleep in a task, without wrapping any handle; false elsewhere. */
static VALUE fibers_sleep(VALUE module, VALUE nanoseconds) {
	(void)module;
	steps *self = fibers_here()->at.task;
	if (!self) return Qfalse;
	aw_coro *coro = NULL;
	glue_check(aw_sleep_coro(self->loop, NUM2LL(nanoseconds), NULL, NULL, &coro));
	void *pair[] = {self, coro};
	rb_ensure(sleeps, (VALUE)pair, coro_unref, (VALUE)coro);
	return Qtrue;
}

VALUE steps_await(steps *self, VALUE awaitable) {
	aw_future *future = NIL_P(awaitable) ? NULL : glue_future_or_null(awaitable);
	aw_coro *coro = NIL_P(awaitable) || future ? NULL : glue_coro_or_null(awaitable);
	if (!NIL_P(awaitable) && !future && !coro)
		rb_raise(rb_eTypeError, "%" PRIsVALUE " can't be awaited", rb_obj_class(awaitable));
	steps_check(self, steps_wait(self, future, coro));
	if (NIL_P(awaitable)) return Qnil;
	VALUE value = glue_value(aw_resume_value(self->resume));
	if (!NIL_P(rb_ivar_get(awaitable, id_reader))) value = rb_funcall(awaitable, id_read, 1, value);
	RB_GC_GUARD(awaitable);
	return value;
}

/* The block of the running method as user data of steps_step(). */
static pin *steps_pin(aw_loop *loop) {
	rb_need_block();
	steps *self;
	VALUE object = TypedData_Make_Struct(rb_cObject, steps, &steps_type, self);
	*self = (steps){
		.self = object, .block = rb_block_proc(), .fiber = Qnil, .value = Qnil, .raised = Qnil, .loop = loop};
	return pin_new(PIN_CALL, object);
}

/* A new coroutine from the block of the running method. New reference. */
static aw_coro *steps_coro(aw_loop *loop) {
	aw_coro *coro = NULL;
	glue_check(aw_coro_new(loop, steps_step, steps_pin(loop), pin_free, &coro));
	return coro;
}

static VALUE fibers_coroutine(VALUE module, VALUE loop) {
	(void)module;
	aw_coro *coro = steps_coro(glue_loop(loop));
	VALUE wrapper = wrap_aw_coro(coro);
	aw_coro_unref(coro);
	return wrapper;
}

/* `loop` nil: the running loop. */
static VALUE fibers_spawn(VALUE module, VALUE loop, VALUE eager) {
	(void)module;
	aw_loop *at = NIL_P(loop) ? aw_loop_current() : glue_loop(loop);
	if (!at) glue_check(AW_ENOLOOP);
	aw_coro *coro = steps_coro(at);
	aw_task *task = NULL;
	aw_status status =
		RTEST(eager) ? aw_task_spawn_coro_eager(at, coro, &task) : aw_task_spawn_coro(at, coro, &task);
	aw_coro_unref(coro);
	glue_check(status);
	VALUE wrapper = wrap_aw_task(task);
	aw_task_unref(task);
	return wrapper;
}

/* From any thread: runs the block in a task of the loop. Returns a future that any thread may wait for. */
static VALUE fibers_submit(VALUE module, VALUE loop) {
	(void)module;
	aw_loop *at = glue_loop(loop);
	aw_concurrent_future *outcome = NULL;
	glue_check(aw_run_step_threadsafe(at, steps_step, steps_pin(at), pin_free, &outcome));
	VALUE wrapper = wrap_aw_concurrent_future(outcome);
	aw_concurrent_future_unref(outcome);
	return wrapper;
}

void fibers_init(VALUE module) {
	id_here = rb_intern("__libawait_fibers");
	id_blocking_p = rb_intern("blocking?");
	id_new = rb_intern("new");
	id_reader = rb_intern("@reader");
	id_read = rb_intern("read");
	fiber_class = rb_path2class("Fiber");
	fiber_error = rb_path2class("FiberError");
	rb_gc_register_mark_object(fiber_class);
	rb_gc_register_mark_object(fiber_error);
	rb_define_module_function(module, "fiber_coroutine", fibers_coroutine, 1);
	rb_define_module_function(module, "fiber_spawn", fibers_spawn, 2);
	rb_define_module_function(module, "fiber_sleep", fibers_sleep, 1);
	rb_define_module_function(module, "fiber_submit", fibers_submit, 1);
}
