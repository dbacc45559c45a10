/* SPDX-License-Identifier: MIT */
/*
 * Python's typemaps. Functions keep their names (_raw.aw_loop_call_soon). An out-parameter is the result;
 * without one the result is the status, and an error status is raised. One callable replaces the three
 * parameters of a callback.
 */
%insert("header") %{
#include "glue.h"

#include <errno.h>
%}
%init %{
if (glue_init(m) < 0) return NULL;
%}

/* --- handles --- */

%define CLASS(type, Name, free_it)
%rename(Name) type;
%nodefaultctor type;
%nodefaultdtor type;
struct type { free_it };
%typemap(out) type *, const type * { $result = wrap_##type((type *)$1); }
%enddef

/* Returned in place of the status. */
%define GIVE(made)
	PyObject *given = made;
	Py_XDECREF($result);
	$result = given;
	if (!$result) SWIG_fail;
%enddef

%define NEW_OUT(type)
%typemap(argout) type **out { GIVE(SWIG_NewPointerObj(made$argnum, SWIGTYPE_p_##type, SWIG_POINTER_OWN)) }
%enddef

%define BORROWED_OUT(type)
%typemap(argout) type **out { GIVE(wrap_##type(made$argnum)) }
%enddef

%define HANDLE(type, Name)
CLASS(type, Name, %extend { ~type() { glue_unref((void (*)(void *))(void (*)(void))type##_unref, $self); } })
%ignore type##_ref;
%ignore type##_unref;
%insert("header") {
PyObject *wrap_##type(type *self) {
	if (!self) Py_RETURN_NONE;
	return SWIG_InternalNewPointerObj(type##_ref(self), SWIGTYPE_p_##type, SWIG_POINTER_OWN);
}
}
%typemap(in, numinputs=0) type **out (type *made = 0) { $1 = &made; }
NEW_OUT(type)
%enddef

%define LENT(type, Name)
CLASS(type, Name, )
%insert("header") {
PyObject *lend_##type(type *self) {
	return SWIG_InternalNewPointerObj(self, SWIGTYPE_p_##type, 0);
}
}
%enddef

%insert("header") %{
void end_lent(PyObject *lent) {
	SwigPyObject *self = lent ? SWIG_Python_GetSwigThis(lent) : NULL;
	if (self) self->ptr = NULL;
}
static int wrong_type(PyObject *object, const char *wanted) {
	PyErr_Format(PyExc_TypeError, "%s is not a %s", Py_TYPE(object)->tp_name, wanted);
	return -1;
}
/* A task is a future. */
int glue_future(PyObject *object, aw_future **out) {
	void *pointer = NULL;
	*out = NULL;
	if (object == Py_None) return 0;
	if (SWIG_IsOK(SWIG_ConvertPtr(object, &pointer, SWIGTYPE_p_aw_future, 0)))
		*out = (aw_future *)pointer;
	else if (SWIG_IsOK(SWIG_ConvertPtr(object, &pointer, SWIGTYPE_p_aw_task, 0)))
		*out = aw_task_future((aw_task *)pointer);
	else
		return wrong_type(object, "future other than a task");
	return 0;
}
int glue_coro(PyObject *object, aw_coro **out) {
	void *pointer = NULL;
	if (object == Py_None || !SWIG_IsOK(SWIG_ConvertPtr(object, &pointer, SWIGTYPE_p_aw_coro, 0)))
		return wrong_type(object, "libawait coroutine");
	*out = (aw_coro *)pointer;
	return 0;
}
int glue_failure(PyObject *object, aw_error **out) {
	void *pointer = NULL;
	if (object == Py_None || !SWIG_IsOK(SWIG_ConvertPtr(object, &pointer, SWIGTYPE_p_aw_error, 0)))
		return wrong_type(object, "failure");
	*out = (aw_error *)pointer;
	return 0;
}
/* The list as an array, borrowed from its items; NULL with an exception. */
static void *handles_in(PyObject *list, size_t *count, int (*convert)(PyObject *object, void **out)) {
	PyObject *items = PySequence_Fast(list, "a sequence of handles was expected");
	if (!items) return NULL;
	*count = (size_t)PySequence_Fast_GET_SIZE(items);
	void **array = PyMem_Calloc(*count + 1, sizeof *array);
	if (!array) PyErr_NoMemory();
	for (size_t i = 0; array && i < *count; i++) {
		if (convert(PySequence_Fast_GET_ITEM(items, (Py_ssize_t)i), &array[i]) == 0) continue;
		PyMem_Free(array);
		array = NULL;
	}
	Py_DECREF(items);
	return array;
}
%}
%typemap(in) aw_future *, const aw_future * { if (glue_future($input, &$1) < 0) SWIG_fail; }

/* --- statuses, numbers, text --- */

%typemap(out) aw_status { if (glue_check($1) < 0) SWIG_fail; $result = PyLong_FromLong($1); }
/* The status is the result here, not whether the call succeeded. */
%define STATUS_IS_DATUM(function)
%typemap(out) aw_status function { $result = PyLong_FromLong($1); }
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
%define NONE_UNLESS(check)
	if (check < 0) SWIG_fail;
	$result = Py_None;
	Py_INCREF($result);
%enddef
%typemap(out) aw_status aw_future_result, aw_status aw_future_take_result { NONE_UNLESS(glue_check_future(arg1, $1)) }
%typemap(out) aw_status aw_concurrent_future_result, aw_status aw_concurrent_future_wait { NONE_UNLESS(glue_check_outcome(arg1, $1)) }
%typemap(out) aw_status aw_results_get { NONE_UNLESS(glue_check_result(arg1, arg2, $1)) }
%typemap(out) aw_status aw_loop_drain { NONE_UNLESS(glue_check($1 == -EAGAIN ? 0 : $1)) }

%typemap(in) aw_bool {
	int truth = PyObject_IsTrue($input);
	if (truth < 0) SWIG_fail;
	$1 = truth;
}
%typemap(out) aw_bool { $result = PyBool_FromLong($1); }
/* A str, bytes, or a path; the terminated bytes are kept alive until the call returns. */
%typemap(in) const char * (PyObject *holder = NULL) {
	$1 = NULL;
	if ($input != Py_None) {
		if (!PyUnicode_FSConverter($input, &holder)) SWIG_fail;
		$1 = PyBytes_AS_STRING(holder);
	}
}
%typemap(freearg) const char * { Py_XDECREF(holder$argnum); }
%typemap(out) const char * {
	$result = $1 ? PyUnicode_DecodeFSDefault($1) : Py_None;
	if (!$1) Py_INCREF($result);
}
%typemap(in, numinputs=0) int *out_fd (int number = -1) { $1 = &number; }
%typemap(in, numinputs=0) int32_t *out (int32_t number = 0) { $1 = &number; }
%typemap(argout) int *out_fd, int32_t *out { GIVE(PyLong_FromLong(number$argnum)) }
%typemap(in, numinputs=0) (char *text, size_t size) (char room[512]) { $1 = room; $2 = sizeof room; }
%typemap(argout) (char *text, size_t size) { GIVE(Py_BuildValue("(Os)", $result, $1)) }

/* --- callbacks: pinned in "check", once all other arguments have been validated --- */

%define CALLABLE(fn_type, trampoline, kind)
%typemap(in) (fn_type fn, void *ud, aw_destroy_fn destroy) {
	if (!PyCallable_Check($input)) {
		PyErr_Format(PyExc_TypeError, "%s is not callable", Py_TYPE($input)->tp_name);
		SWIG_fail;
	}
	$1 = trampoline;
	$2 = $input;
	$3 = pin_free;
}
%typemap(check) (fn_type fn, void *ud, aw_destroy_fn destroy) {
	$2 = pin_new(kind, (PyObject *)$2, NULL);
	if (!$2) SWIG_fail;
}
%enddef
CALLABLE(aw_callback_fn, glue_callback, PIN_CALL)
CALLABLE(aw_done_fn, glue_done, PIN_DONE)
CALLABLE(aw_step_fn, glue_step, PIN_CALL)
CALLABLE(aw_next_coro_fn, glue_next, PIN_CALL)
CALLABLE(aw_compare_fn, glue_compare, PIN_CALL)
/* None: the default handler. */
%typemap(in) (aw_exception_fn fn, void *ud, aw_destroy_fn destroy) {
	int given = $input != Py_None;
	if (given && !PyCallable_Check($input)) {
		PyErr_Format(PyExc_TypeError, "%s is not callable", Py_TYPE($input)->tp_name);
		SWIG_fail;
	}
	$1 = given ? glue_exception : NULL;
	$2 = given ? $input : NULL;
	$3 = given ? pin_free : NULL;
}
%typemap(check) (aw_exception_fn fn, void *ud, aw_destroy_fn destroy) {
	if ($2 && !($2 = pin_new(PIN_HANDLER, (PyObject *)$2, arg1))) SWIG_fail;
}

/* --- values --- */

%typemap(in) (void *value, aw_destroy_fn destroy), (void *item, aw_destroy_fn destroy), (void *data, aw_destroy_fn destroy),
             (void *payload, aw_destroy_fn destroy) {
	$1 = $input == Py_None ? NULL : $input;
	$2 = $1 ? pin_free : NULL;
}
%typemap(check) (void *value, aw_destroy_fn destroy), (void *item, aw_destroy_fn destroy), (void *data, aw_destroy_fn destroy),
                (void *payload, aw_destroy_fn destroy) {
	if ($1 && !($1 = pin_new(PIN_VALUE, (PyObject *)$1, NULL))) SWIG_fail;
}
%include "values.i"
%typemap(out) void * { $result = glue_value($1, VALUE_UNKNOWN); }
%typemap(out) void *aw_resume_value { $result = glue_value($1, aw_resume_value_kind(arg1)); }
%typemap(in, numinputs=0) void **out (void *value = 0, int32_t value_kind = VALUE_UNKNOWN) { $1 = &value; }
%typemap(argout) void **out { GIVE(glue_value(value$argnum, value_kind$argnum)) }
%typemap(in, numinputs=0) (void **out, aw_destroy_fn *out_destroy)
	(void *value = 0, aw_destroy_fn destroy = 0, int32_t value_kind = VALUE_UNKNOWN) {
	$1 = &value;
	$2 = &destroy;
}
%typemap(argout) (void **out, aw_destroy_fn *out_destroy) { GIVE(glue_value_taken(value$argnum, destroy$argnum, value_kind$argnum)) }
/* For these, the kind can be queried, before the value is taken. */
%exception aw_future_result { value_kind2 = aw_future_value_kind(arg1); $action }
%exception aw_future_take_result { value_kind2 = aw_future_value_kind(arg1); $action }
%typemap(in) const void *key { $1 = glue_key($input); if (!$1) SWIG_fail; }

/* --- bytes and arrays --- */

%typemap(in) (const void *input, size_t length) (Py_buffer view = {0}) {
	$1 = NULL;
	$2 = 0;
	if ($input != Py_None) {
		if (PyObject_GetBuffer($input, &view, PyBUF_SIMPLE) < 0) SWIG_fail;
		$1 = view.buf;
		$2 = (size_t)view.len;
	}
}
%typemap(freearg) (const void *input, size_t length) { PyBuffer_Release(&view$argnum); }
%typemap(in, numinputs=0) (const void **out_data, size_t *out_length) (void *data = 0, size_t length = 0) {
	$1 = &data;
	$2 = &length;
}
%typemap(argout) (const void **out_data, size_t *out_length) {
	GIVE(PyBytes_FromStringAndSize(data$argnum, (Py_ssize_t)length$argnum))
}
%typemap(in) (const char *const *argv, size_t count) (PyObject *holder = NULL) {
	$2 = 0;
	$1 = NULL;
	if ($input != Py_None && !($1 = (char **)glue_strings($input, &holder, &$2))) SWIG_fail;
}
%typemap(freearg) (const char *const *argv, size_t count) {
	PyMem_Free((void *)$1);
	Py_XDECREF(holder$argnum);
}
%apply (const char *const *argv, size_t count) { (const char *const *env, size_t count) };
%define HANDLES_IN(signature, type, convert)
%typemap(in) signature {
	$1 = (type **)handles_in($input, &$2, (int (*)(PyObject *, void **))(int (*)(void))convert);
	if (!$1) SWIG_fail;
}
%typemap(freearg) signature { PyMem_Free((void *)$1); }
%enddef
HANDLES_IN((aw_future *const *futures, size_t count), aw_future, glue_future)
HANDLES_IN((aw_error *const *errors, size_t count), aw_error, glue_failure)

%typemap(in) (const aw_submission *submissions, size_t count) {
	$1 = glue_submissions(arg1, $input, &$2);
	if (!$1) SWIG_fail;
}
%typemap(freearg) (const aw_submission *submissions, size_t count) { PyMem_Free((void *)$1); }
%exception aw_loop_submit { $action glue_submitted(arg2, arg3, result); }
%typemap(in) (aw_completion *out, size_t max) {
	long max = PyLong_AsLong($input);
	if (max <= 0 || max > 65536) {
		if (!PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, "1 to 65536 completions at a time");
		SWIG_fail;
	}
	$2 = (size_t)max;
	$1 = PyMem_Calloc($2, sizeof(aw_completion));
	if (!$1) {
		PyErr_NoMemory();
		SWIG_fail;
	}
}
/* None: nothing happened; []: something did. */
%typemap(argout) (aw_completion *out, size_t max) { if (result >= 0) { GIVE(glue_completions($1, result)) } }
%typemap(freearg) (aw_completion *out, size_t max) { PyMem_Free($1); }

/* --- hand-written calls --- */

%exception aw_loop_wait { result = glue_wait(arg1, arg2); }
%exception aw_loop_drain { result = glue_drain(arg1, arg2, arg3, arg4); }
%exception aw_concurrent_future_wait { result = glue_concurrent_future_wait(arg1, arg2, arg3); }
%exception aw_executor_shutdown_wait { result = glue_shutdown_wait(arg1, arg2); }
%exception aw_loop_close { $action if (result == 0) glue_closed(arg1); }

%typemap(in) uint64_t token { $1 = (uint64_t)(uintptr_t)$input; /* any object: the call itself uses it */ }
%exception aw_loop_cancel_token { result = glue_cancel_token(arg1, (PyObject *)(uintptr_t)arg2); }

%typemap(in) (aw_done_fn fn, void *ud) { $1 = glue_done; $2 = (void *)$input; }
%exception aw_future_remove_done_callback { result = glue_remove_done_callback(arg1, (PyObject *)arg3); }

/* One list, instead of a call for each element. */
%typemap(in, numinputs=0) (aw_task **out, size_t max) { $1 = NULL; $2 = 0; }
%typemap(check) (aw_task **out, size_t max) {
	aw_status most = aw_loop_all_tasks(arg1, NULL, 0);
	$2 = most > 0 ? (size_t)most : 0;
	$1 = PyMem_Calloc($2 + 1, sizeof(aw_task *));
	if (!$1) {
		PyErr_NoMemory();
		SWIG_fail;
	}
}
%typemap(argout) (aw_task **out, size_t max) {
	GIVE(PyList_New(0))
	for (size_t i = 0; i < $2; i++) {
		PyObject *task = SWIG_NewPointerObj($1[i], SWIGTYPE_p_aw_task, SWIG_POINTER_OWN);
		if (!task || PyList_Append($result, task) < 0) SWIG_fail;
		Py_DECREF(task);
	}
}
%typemap(freearg) (aw_task **out, size_t max) { PyMem_Free($1); }
