/* SPDX-License-Identifier: MIT */
/*
 * Ruby's typemaps. Functions keep their names (Libawait.aw_loop_call_soon); lib/libawait/methods.rb defines
 * methods for them. An out-parameter is the result; without one the result is the status, and an error
 * status is raised.
 */
/*
 * Since 3.2 Ruby warns about a class whose objects C creates while it has Ruby's default allocator. SWIG 4.1
 * generates one such class.
 */
%insert("begin") %{
#include <ruby.h>

static inline VALUE glue_define_class(const char *name, VALUE super) {
	VALUE defined = rb_define_class(name, super);
	if (super == rb_cObject) rb_undef_alloc_func(defined);
	return defined;
}
#undef rb_define_class
#define rb_define_class glue_define_class
%}
%insert("header") %{
#include "fibers.h"
#include "glue.h"
#include "selector.h"

#include <errno.h>
%}
%init %{
glue_init(mLibawait);
fibers_init(mLibawait);
selector_init(mLibawait);
rb_define_module_function(mLibawait, "exception_of", native_exception_of, 1);
%}

/* --- handles --- */

%define CLASS(type, Name, free_it)
%rename(Name) type;
%nodefaultctor type;
%nodefaultdtor type;
struct type { free_it };
%typemap(out) type *, const type * { $result = wrap_##type((type *)$1); }
%enddef

%define NEW_OUT(type)
%typemap(argout) type **out { $result = SWIG_NewPointerObj(made$argnum, SWIGTYPE_p_##type, SWIG_POINTER_OWN); }
%enddef

%define BORROWED_OUT(type)
%typemap(argout) type **out { $result = wrap_##type(made$argnum); }
%enddef

%define HANDLE(type, Name)
CLASS(type, Name, %extend { ~type() { glue_release_later((void (*)(void *))(void (*)(void))type##_unref, $self); } })
%ignore type##_ref;
%ignore type##_unref;
%insert("header") {
VALUE wrap_##type(type *self) {
	return self ? SWIG_NewPointerObj(type##_ref(self), SWIGTYPE_p_##type, SWIG_POINTER_OWN) : Qnil;
}
}
%typemap(in, numinputs=0) type **out (type *made = 0) { $1 = &made; }
NEW_OUT(type)
%enddef

%define LENT(type, Name)
CLASS(type, Name, )
%insert("header") {
VALUE lend_##type(type *self) {
	return SWIG_NewPointerObj(self, SWIGTYPE_p_##type, 0);
}
}
%enddef

/* A task is a future. */
%insert("header") %{
aw_loop *glue_loop(VALUE object) {
	void *pointer = NULL;
	if (!SWIG_IsOK(SWIG_ConvertPtr(object, &pointer, SWIGTYPE_p_aw_loop, 0)) || !pointer)
		rb_raise(rb_eTypeError, "%" PRIsVALUE " is not a loop", rb_obj_class(object));
	return (aw_loop *)pointer;
}
aw_future *glue_future_or_null(VALUE object) {
	void *pointer = NULL;
	if (SWIG_IsOK(SWIG_ConvertPtr(object, &pointer, SWIGTYPE_p_aw_future, 0))) return (aw_future *)pointer;
	if (SWIG_IsOK(SWIG_ConvertPtr(object, &pointer, SWIGTYPE_p_aw_task, 0))) return aw_task_future((aw_task *)pointer);
	return NULL;
}
aw_future *glue_future(VALUE object) {
	aw_future *future = NIL_P(object) ? NULL : glue_future_or_null(object);
	if (!future && !NIL_P(object))
		rb_raise(rb_eTypeError, "%" PRIsVALUE " is neither a future nor a task", rb_obj_class(object));
	return future;
}
aw_coro *glue_coro_or_null(VALUE object) {
	void *pointer = NULL;
	return SWIG_IsOK(SWIG_ConvertPtr(object, &pointer, SWIGTYPE_p_aw_coro, 0)) ? (aw_coro *)pointer : NULL;
}
static aw_error *glue_failure(VALUE object) {
	void *pointer = NULL;
	if (!SWIG_IsOK(SWIG_ConvertPtr(object, &pointer, SWIGTYPE_p_aw_error, 0)))
		rb_raise(rb_eTypeError, "%" PRIsVALUE " is not a failure", rb_obj_class(object));
	return (aw_error *)pointer;
}
aw_coro *glue_coro(VALUE object) {
	aw_coro *coro = glue_coro_or_null(object);
	if (!coro) rb_raise(rb_eTypeError, "%" PRIsVALUE " is not a coroutine", rb_obj_class(object));
	return aw_coro_ref(coro);
}
static VALUE native_exception_of(VALUE module, VALUE failure) {
	return glue_exception_of(glue_failure(failure));
}
%}
%typemap(in) aw_future *, const aw_future * { $1 = glue_future($input); }

/* --- statuses, numbers, text --- */

%typemap(out) aw_status { glue_check($1); $result = INT2NUM($1); }
/* The status is the result here, not whether the call succeeded. */
%define STATUS_IS_DATUM(function)
%typemap(out) aw_status function { $result = INT2NUM($1); }
%enddef
STATUS_IS_DATUM(aw_resume_status)
STATUS_IS_DATUM(aw_resume_raise)
STATUS_IS_DATUM(aw_error_status)
STATUS_IS_DATUM(aw_backend_list_status)
STATUS_IS_DATUM(aw_backend_explain)
STATUS_IS_DATUM(aw_timeout_exit)
/* A cancelled future sets its error in addition to returning a negative status. */
STATUS_IS_DATUM(aw_future_error)
/* The error object has more details than its code. */
%typemap(out) aw_status aw_future_result, aw_status aw_future_take_result { glue_check_future(arg1, $1); $result = Qnil; }
%typemap(out) aw_status aw_concurrent_future_result, aw_status aw_concurrent_future_wait { glue_check_outcome(arg1, $1); $result = Qnil; }
%typemap(out) aw_status aw_results_get { glue_check_result(arg1, arg2, $1); $result = Qnil; }
%typemap(out) aw_status aw_loop_drain { if ($1 != -EAGAIN) glue_check($1); $result = INT2NUM($1); }

%typemap(in) aw_bool { $1 = RTEST($input); }
%typemap(out) aw_bool { $result = $1 ? Qtrue : Qfalse; }
%typemap(in) const char * { $1 = NIL_P($input) ? NULL : StringValueCStr($input); }
%typemap(freearg) const char * ""
%typemap(out) const char * { $result = $1 ? rb_utf8_str_new_cstr($1) : Qnil; }
%typemap(in, numinputs=0) int *out_fd (int number = -1) { $1 = &number; }
%typemap(in, numinputs=0) int32_t *out (int32_t number = 0) { $1 = &number; }
%typemap(argout) int *out_fd, int32_t *out { $result = INT2NUM(number$argnum); }
%typemap(in, numinputs=0) (char *text, size_t size) (char room[512]) { $1 = room; $2 = sizeof room; }
%typemap(argout) (char *text, size_t size) { $result = rb_assoc_new($result, rb_utf8_str_new_cstr($1)); }

/* --- callbacks: pinned in "check", once all other arguments have been validated --- */

%define BLOCK(fn_type, trampoline, kind, its_owner)
%typemap(in, numinputs=0) (fn_type fn, void *ud, aw_destroy_fn destroy) ""
%typemap(check) (fn_type fn, void *ud, aw_destroy_fn destroy) {
	$2 = glue_block(kind, its_owner);
	$1 = trampoline;
	$3 = pin_free;
}
%enddef
BLOCK(aw_callback_fn, glue_callback, PIN_CALL, NULL)
BLOCK(aw_done_fn, glue_done, PIN_DONE, NULL)
BLOCK(aw_step_fn, glue_step, PIN_CALL, NULL)
BLOCK(aw_next_coro_fn, glue_next, PIN_CALL, NULL)
BLOCK(aw_compare_fn, glue_compare, PIN_CALL, NULL)
/* Without a block: the default handler. */
%typemap(in, numinputs=0) (aw_exception_fn fn, void *ud, aw_destroy_fn destroy) ""
%typemap(check) (aw_exception_fn fn, void *ud, aw_destroy_fn destroy) {
	int given = rb_block_given_p();
	$2 = given ? glue_block(PIN_HANDLER, arg1) : NULL;
	$1 = given ? glue_exception : NULL;
	$3 = given ? pin_free : NULL;
}

/* --- values --- */

%typemap(in) (void *value, aw_destroy_fn destroy), (void *item, aw_destroy_fn destroy), (void *data, aw_destroy_fn destroy),
             (void *payload, aw_destroy_fn destroy) {
	$1 = NIL_P($input) ? NULL : pin_new(PIN_VALUE, $input);
	$2 = $1 ? pin_free : NULL;
}
%include "values.i"
%typemap(out) void * { $result = glue_value($1); }
%typemap(in, numinputs=0) void **out (void *value = 0) { $1 = &value; }
%typemap(argout) void **out { $result = glue_value(value$argnum); }
%typemap(in, numinputs=0) (void **out, aw_destroy_fn *out_destroy) (void *value = 0, aw_destroy_fn destroy = 0) {
	$1 = &value;
	$2 = &destroy;
}
%typemap(argout) (void **out, aw_destroy_fn *out_destroy) { $result = glue_value_taken(value$argnum, destroy$argnum); }
/* A symbol's number is never an address. */
%typemap(in) const void *key { $1 = (void *)rb_to_id($input); }

/* --- bytes and arrays: their holders are on the machine stack, where the collector finds them --- */

%typemap(in) (const void *input, size_t length) {
	if (!NIL_P($input)) StringValue($input);
	$1 = NIL_P($input) ? NULL : RSTRING_PTR($input);
	$2 = NIL_P($input) ? 0 : (size_t)RSTRING_LEN($input);
}
%typemap(in, numinputs=0) (const void **out_data, size_t *out_length) (void *data = 0, size_t length = 0) {
	$1 = &data;
	$2 = &length;
}
%typemap(argout) (const void **out_data, size_t *out_length) { $result = rb_str_new(data$argnum, (long)length$argnum); }
%typemap(in) (const char *const *argv, size_t count) (volatile VALUE holder = Qnil) {
	$2 = 0;
	$1 = NIL_P($input) ? NULL : (char **)glue_strings($input, (VALUE *)&holder, &$2);
}
%apply (const char *const *argv, size_t count) { (const char *const *env, size_t count) };
%define HANDLES_IN(signature, type, convert)
%typemap(in) signature (volatile VALUE holder = Qnil) {
	Check_Type($input, T_ARRAY);
	$2 = (size_t)RARRAY_LEN($input);
	holder = rb_str_new(NULL, (long)($2 * sizeof(type *)));
	$1 = (type **)(void *)RSTRING_PTR(holder);
	for (size_t i = 0; i < $2; i++) ((type **)$1)[i] = convert(rb_ary_entry($input, (long)i));
}
%enddef
HANDLES_IN((aw_future *const *futures, size_t count), aw_future, glue_future)
HANDLES_IN((aw_error *const *errors, size_t count), aw_error, glue_failure)

%typemap(in) (const aw_submission *submissions, size_t count) (volatile VALUE holder = Qnil) {
	holder = glue_submissions(arg1, $input, (const aw_submission **)&$1, &$2);
}
%exception aw_loop_submit { $action glue_submitted(arg2, arg3, result); }
%typemap(in) (aw_completion *out, size_t max) (volatile VALUE holder = Qnil) {
	long max = NUM2LONG($input);
	if (max <= 0 || max > 65536) rb_raise(rb_eRangeError, "1 to 65536 completions at a time");
	holder = rb_str_new(NULL, max * (long)sizeof(aw_completion));
	$1 = (aw_completion *)(void *)RSTRING_PTR(holder);
	$2 = (size_t)max;
}
/* nil: nothing happened; []: something did. */
%typemap(argout) (aw_completion *out, size_t max) { $result = result < 0 ? Qnil : glue_completions($1, result); }

/* --- hand-written calls --- */

%exception aw_loop_wait { result = glue_wait(arg1, arg2); }
%exception aw_concurrent_future_wait { result = glue_concurrent_future_wait(arg1, arg2, arg3); }
%exception aw_executor_shutdown_wait { result = glue_shutdown_wait(arg1, arg2); }
%exception aw_loop_drain { result = glue_drain(arg1, arg2, arg3, arg4); }
%exception aw_loop_dispatch { glue_release_now(); $action }
%exception aw_loop_close { glue_release_now(); $action if (result == 0) glue_closed(arg1); }
%exception aw_debug_live_handles { glue_release_now(); $action }

%exception aw_loop_cancel_token { result = glue_cancel_token(arg1, argv[1]); }
%typemap(in) uint64_t token { $1 = 0; /* any object: the call itself uses it */ }

%typemap(in) (aw_done_fn fn, void *ud) { $1 = glue_done; $2 = (void *)$input; }
%exception aw_future_remove_done_callback { result = glue_remove_done_callback(arg1, (VALUE)arg3); }

/* One array, instead of a call for each element. */
%typemap(in, numinputs=0) (aw_task **out, size_t max) (volatile VALUE holder = Qnil) ""
%typemap(check) (aw_task **out, size_t max) {
	aw_status most = aw_loop_all_tasks(arg1, NULL, 0);
	$2 = most > 0 ? (size_t)most : 0;
	holder$argnum = rb_str_new(NULL, (long)($2 * sizeof(aw_task *)));
	$1 = (aw_task **)(void *)RSTRING_PTR(holder$argnum);
}
%typemap(argout) (aw_task **out, size_t max) {
	$result = rb_ary_new();
	for (size_t i = 0; i < $2; i++) rb_ary_push($result, SWIG_NewPointerObj($1[i], SWIGTYPE_p_aw_task, SWIG_POINTER_OWN));
}
