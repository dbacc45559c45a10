/* SPDX-License-Identifier: MIT */
/* Scheduling: call_soon, call_later and so on. */
#include "loop.h"

#include <math.h>

/* What asyncio checks in debug mode. */
static int check_debug(loop_core *self, PyObject *callback, const char *name, bool any_thread) {
	if (!self->debug) return 0;
	PyObject *done =
		any_thread ? Py_NewRef(Py_None) : PyObject_CallMethodNoArgs((PyObject *)self, py.check_thread);
	if (done) {
		Py_DECREF(done);
		done = PyObject_CallMethod((PyObject *)self, "_check_callback", "Os", callback, name);
	}
	Py_XDECREF(done);
	return done ? 0 : -1;
}

/* Ends a registration: libawait has given its reference back if it failed. */
PyObject *handle_scheduled(Handle *self, aw_status status) {
	if (status >= 0) return (PyObject *)self;
	raise_status(status);
	Py_DECREF(self);
	return NULL;
}

static aw_status queue(Handle *self, bool any_thread) {
	loop_core *core = handle_core(self);
	aw_status status = AW_EWRONGTHREAD;
	handle_hold(self);
	if (!any_thread) {
		/*
		 * Another thread drives the loop. This is a bug of the caller, but asyncio reports it only in debug
		 * mode, and otherwise it works there.
		 */
		Py_INCREF(self);
		status = aw_loop_call_soon(core->loop, handle_call, self, handle_release, NULL);
		if (status == AW_EWRONGTHREAD) handle_hold(self);
		Py_DECREF(self);
	}
	if (status == AW_EWRONGTHREAD)
		status = aw_loop_call_soon_threadsafe(core->loop, handle_call, self, handle_release);
	return status;
}

static PyObject *call_soon(loop_core *self, const char *name, PyObject *const *args, Py_ssize_t count,
                           PyObject *keywords, bool any_thread) {
	PyObject *context;
	if (check_count(name, count, 1) < 0 || context_argument(name, args, count, keywords, &context) < 0 ||
	    core_check_open(self) < 0 || check_debug(self, args[0], name, any_thread) < 0)
		return NULL;
	Handle *made = handle_new((PyObject *)self, HANDLE_SOON, args[0], args + 1, count - 1, context);
	return made ? handle_scheduled(made, queue(made, any_thread)) : NULL;
}

PyDoc_STRVAR(call_soon_doc, "call_soon($self, callback, /, *args, context=None)\n--\n\n"
                            "Call the callback in the next iteration, in call order. Returns its Handle.");
static PyObject *core_call_soon(loop_core *self, PyObject *const *args, Py_ssize_t count,
                                PyObject *keywords) {
	return call_soon(self, "call_soon", args, count, keywords, false);
}

PyDoc_STRVAR(call_soon_threadsafe_doc, "call_soon_threadsafe($self, callback, /, *args, context=None)\n--\n\n"
                                       "call_soon() from any thread; wakes the loop.");
static PyObject *core_call_soon_threadsafe(loop_core *self, PyObject *const *args, Py_ssize_t count,
                                           PyObject *keywords) {
	return call_soon(self, "call_soon_threadsafe", args, count, keywords, true);
}

static double now(const loop_core *self) {
	return (double)aw_loop_time(self->loop) / 1e9;
}

/* Rounded up, so that no timer fires early. */
static int64_t nanoseconds(double seconds) {
	double nanoseconds = ceil(seconds * 1e9);
	if (nanoseconds >= 9.2e18) return AW_FOREVER;
	return nanoseconds < 0 ? 0 : (int64_t)nanoseconds;
}

static aw_status timer_start(aw_loop *loop, void *ud) {
	Handle *self = ud;
	if (self->cancelled) return 0;
	handle_hold(self);
	return aw_loop_call_at(loop, nanoseconds(self->when), handle_call, self, handle_release, &self->timer);
}

static void release_reference(void *ud) {
	Py_DECREF((PyObject *)ud);
}

static PyObject *call_at(loop_core *self, const char *name, double when, PyObject *const *args,
                         Py_ssize_t count, PyObject *keywords) {
	PyObject *context;
	if (context_argument(name, args, count, keywords, &context) < 0 || core_check_open(self) < 0 ||
	    check_debug(self, args[1], name, false) < 0)
		return NULL;
	if (isnan(when)) {
		PyErr_Format(PyExc_ValueError, "%s() requires a time that is a number", name);
		return NULL;
	}
	Handle *made = handle_new((PyObject *)self, HANDLE_TIMER, args[1], args + 2, count - 2, context);
	if (!made) return NULL;
	made->when = when;
	aw_status status = timer_start(self->loop, made);
	if (status == AW_EWRONGTHREAD)
		status = aw_loop_call_soon_threadsafe(self->loop, timer_start, Py_NewRef((PyObject *)made),
		                                      release_reference);
	return handle_scheduled(made, status);
}

PyDoc_STRVAR(
	call_later_doc,
	"call_later($self, delay, callback, /, *args, context=None)\n--\n\n"
	"Call the callback after `delay` seconds, to the nanosecond and never earlier. Returns its TimerHandle.");
static PyObject *core_call_later(loop_core *self, PyObject *const *args, Py_ssize_t count,
                                 PyObject *keywords) {
	if (check_count("call_later", count, 2) < 0) return NULL;
	if (args[0] == Py_None) {
		PyErr_SetString(PyExc_TypeError, "delay must not be None");
		return NULL;
	}
	double delay = PyFloat_AsDouble(args[0]);
	if (delay == -1 && PyErr_Occurred()) return NULL;
	return call_at(self, "call_later", now(self) + delay, args, count, keywords);
}

PyDoc_STRVAR(call_at_doc,
             "call_at($self, when, callback, /, *args, context=None)\n--\n\n"
             "Call the callback at `when`, in time(); equal times in call order. Returns its TimerHandle.");
static PyObject *core_call_at(loop_core *self, PyObject *const *args, Py_ssize_t count, PyObject *keywords) {
	if (check_count("call_at", count, 2) < 0) return NULL;
	if (args[0] == Py_None) {
		PyErr_SetString(PyExc_TypeError, "when cannot be None");
		return NULL;
	}
	double when = PyFloat_AsDouble(args[0]);
	if (when == -1 && PyErr_Occurred()) return NULL;
	return call_at(self, "call_at", when, args, count, keywords);
}

PyDoc_STRVAR(time_doc, "time($self, /)\n--\n\nReturn the loop's time in seconds: "
                       "of the monotonic clock, or of the virtual backend.");
static PyObject *core_time(loop_core *self, PyObject *none) {
	(void)none;
	return PyFloat_FromDouble(now(self));
}

PyMethodDef core_schedule_methods[] = {
	{"call_soon", (PyCFunction)(void (*)(void))core_call_soon, METH_FASTCALL | METH_KEYWORDS, call_soon_doc},
	{"call_soon_threadsafe", (PyCFunction)(void (*)(void))core_call_soon_threadsafe,
     METH_FASTCALL | METH_KEYWORDS, call_soon_threadsafe_doc},
	{"call_later", (PyCFunction)(void (*)(void))core_call_later, METH_FASTCALL | METH_KEYWORDS,
     call_later_doc},
	{"call_at", (PyCFunction)(void (*)(void))core_call_at, METH_FASTCALL | METH_KEYWORDS, call_at_doc},
	{"time", (PyCFunction)core_time, METH_NOARGS, time_doc},
	{NULL},
};
