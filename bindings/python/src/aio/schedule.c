/* SPDX-License-Identifier: MIT */
/* Scheduling: call_soon, call_later and so on. */
#include "aio.h"

/* Parses (callback, *args, context=None). The context is borrowed, or NULL. */
static PyObject *call_arguments(PyObject *const *args, Py_ssize_t count, PyObject *names, Py_ssize_t before,
                                PyObject **out_context) {
	*out_context = NULL;
	Py_ssize_t named = names ? PyTuple_GET_SIZE(names) : 0;
	for (Py_ssize_t i = 0; i < named; i++) {
		if (PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, i), "context") != 0) {
			PyErr_Format(PyExc_TypeError, "unexpected keyword argument %R", PyTuple_GET_ITEM(names, i));
			return NULL;
		}
		*out_context = args[count + i];
	}
	if (*out_context && *out_context != Py_None && !PyContext_CheckExact(*out_context)) {
		PyErr_Format(PyExc_TypeError, "a contextvars.Context was expected, got %R", *out_context);
		return NULL;
	}
	if (count < before + 1) {
		PyErr_Format(PyExc_TypeError, "%zd positional arguments are needed, %zd given", before + 1, count);
		return NULL;
	}
	PyObject *rest = PyTuple_New(count - before - 1);
	for (Py_ssize_t i = before + 1; rest && i < count; i++)
		PyTuple_SET_ITEM(rest, i - before - 1, Py_NewRef(args[i]));
	return rest;
}

int loop_check_callback(Loop *self, PyObject *callback, const char *method) {
	if (!self->c || aw_loop_is_closed(self->c)) {
		PyErr_SetString(PyExc_RuntimeError, "Event loop is closed");
		return -1;
	}
	if (!aw_loop_debug(self->c)) return 0;
	PyObject *name = PyUnicode_FromString(method);
	PyObject *result = name ? support_call("check_callback", callback, name) : NULL;
	Py_XDECREF(name);
	Py_XDECREF(result);
	return result ? 0 : -1;
}

PyObject *handle_scheduled(Handle *handle, aw_status status) {
	if (status >= 0) return (PyObject *)handle;
	Py_DECREF(handle);
	return raise_status(status);
}

/* asyncio checks the thread only in debug mode, and so does the library. */
static int check_thread(Loop *self) {
	if (!self->thread || !aw_loop_debug(self->c) || self->thread == PyThread_get_thread_ident()) return 0;
	raise_status(AW_EWRONGTHREAD);
	return -1;
}

static PyObject *Loop_call_soon(PyObject *base, PyObject *const *args, Py_ssize_t count, PyObject *names) {
	Loop *self = (Loop *)base;
	PyObject *context, *rest = call_arguments(args, count, names, 0, &context);
	Handle *handle = NULL;
	if (rest && loop_check_callback(self, args[0], "call_soon") == 0 && check_thread(self) == 0)
		handle = handle_new(self, args[0], rest, context);
	Py_XDECREF(rest);
	if (!handle) return NULL;
	Py_INCREF(handle);
	return handle_scheduled(handle, aw_loop_call_soon(self->c, handle_run, handle, object_drop, NULL));
}

static PyObject *Loop_call_soon_threadsafe(PyObject *base, PyObject *const *args, Py_ssize_t count,
                                           PyObject *names) {
	Loop *self = (Loop *)base;
	PyObject *context, *rest = call_arguments(args, count, names, 0, &context);
	Handle *handle = NULL;
	if (rest && loop_check_callback(self, args[0], "call_soon_threadsafe") == 0)
		handle = handle_new(self, args[0], rest, context);
	Py_XDECREF(rest);
	if (!handle) return NULL;
	Py_INCREF(handle);
	return handle_scheduled(handle, aw_loop_call_soon_threadsafe(self->c, handle_run, handle, object_drop));
}

static PyObject *schedule(Loop *self, PyObject *const *args, Py_ssize_t count, PyObject *names, bool at) {
	int64_t time;
	if (count > 0 && args[0] == Py_None) {
		PyErr_SetString(PyExc_TypeError, at ? "when cannot be None" : "delay must not be None");
		return NULL;
	}
	PyObject *context, *rest = call_arguments(args, count, names, 1, &context);
	Handle *handle = NULL;
	if (rest && loop_check_callback(self, args[1], at ? "call_at" : "call_later") == 0 &&
	    check_thread(self) == 0 && duration_of(args[0], &time) == 0)
		handle = handle_new(self, args[1], rest, context);
	Py_XDECREF(rest);
	if (!handle) return NULL;
	if (!at) {
		int64_t now = aw_loop_time(self->c);
		time = time > AW_FOREVER - now ? AW_FOREVER : now + time;
	}
	handle->timer = handle->scheduled = true;
	handle->when = (double)time / 1e9;
	Py_INCREF(handle);
	return handle_scheduled(handle,
	                        aw_loop_call_at(self->c, time, handle_run, handle, object_drop, &handle->c));
}

static PyObject *Loop_call_later(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *names) {
	return schedule((Loop *)self, args, count, names, false);
}

static PyObject *Loop_call_at(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *names) {
	return schedule((Loop *)self, args, count, names, true);
}

PyMethodDef loop_schedule_methods[] = {
	{"call_soon", FAST_KEYWORDS(Loop_call_soon),
     "call_soon(callback, *args, context=None): run it in the next iteration."},
	{"call_soon_threadsafe", FAST_KEYWORDS(Loop_call_soon_threadsafe), "call_soon() from any thread."},
	{"call_later", FAST_KEYWORDS(Loop_call_later),
     "call_later(delay, callback, *args, context=None): run it after `delay` seconds."},
	{"call_at", FAST_KEYWORDS(Loop_call_at),
     "call_at(when, callback, *args, context=None): run it at `when` of time()."},
	{0},
};
