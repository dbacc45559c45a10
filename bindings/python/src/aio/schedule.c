/* SPDX-License-Identifier: MIT */
/* Scheduling: call_soon, call_later and so on. */
#include "aio.h"

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

/* callback, *args, context=None: the handle of such a call; NULL with an exception. */
static Handle *soon(Loop *self, const char *name, PyObject *const *args, Py_ssize_t count, PyObject *names,
                    bool any_thread) {
	PyObject *context;
	if (check_count(name, count, 1) < 0 || context_argument(name, args, count, names, &context) < 0 ||
	    loop_check_callback(self, args[0], name) < 0 || (!any_thread && check_thread(self) < 0))
		return NULL;
	return handle_new((PyObject *)self, HANDLE_SOON, args[0], args + 1, count - 1, context);
}

static PyObject *Loop_call_soon(PyObject *base, PyObject *const *args, Py_ssize_t count, PyObject *names) {
	Loop *self = (Loop *)base;
	Handle *handle = soon(self, "call_soon", args, count, names, false);
	if (!handle) return NULL;
	Py_INCREF(handle);
	return handle_scheduled(handle, aw_loop_call_soon(self->c, handle_call, handle, object_drop, NULL));
}

static PyObject *Loop_call_soon_threadsafe(PyObject *base, PyObject *const *args, Py_ssize_t count,
                                           PyObject *names) {
	Loop *self = (Loop *)base;
	Handle *handle = soon(self, "call_soon_threadsafe", args, count, names, true);
	if (!handle) return NULL;
	Py_INCREF(handle);
	return handle_scheduled(handle, aw_loop_call_soon_threadsafe(self->c, handle_call, handle, object_drop));
}

static PyObject *schedule(Loop *self, PyObject *const *args, Py_ssize_t count, PyObject *names, bool at) {
	const char *name = at ? "call_at" : "call_later";
	int64_t time;
	PyObject *context;
	if (count > 0 && args[0] == Py_None) {
		PyErr_SetString(PyExc_TypeError, at ? "when cannot be None" : "delay must not be None");
		return NULL;
	}
	if (check_count(name, count, 2) < 0 || context_argument(name, args, count, names, &context) < 0 ||
	    loop_check_callback(self, args[1], name) < 0 || check_thread(self) < 0 ||
	    duration_of(args[0], &time) < 0)
		return NULL;
	Handle *handle = handle_new((PyObject *)self, HANDLE_TIMER, args[1], args + 2, count - 2, context);
	if (!handle) return NULL;
	if (!at) {
		int64_t now = aw_loop_time(self->c);
		time = time > AW_FOREVER - now ? AW_FOREVER : now + time;
	}
	handle->held = true;
	handle->when = (double)time / 1e9;
	Py_INCREF(handle);
	return handle_scheduled(handle,
	                        aw_loop_call_at(self->c, time, handle_call, handle, object_drop, &handle->timer));
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
