/* SPDX-License-Identifier: MIT */
/* The loop and its handles: what is called often is here, the rest of asyncio's interface in libawait/aio/events.py. */
#include "aio.h"

#include <structmember.h>
#include <unistd.h>

struct Handle {
	PyObject_HEAD PyObject *weakrefs;
	PyObject *callback, *args, *context; /* callback and args are NULL once it is cancelled */
	Loop *loop;
	PyObject *source_traceback;
	aw_handle *c; /* of a timer */
	double when;
	bool cancelled, timer;
	bool scheduled; /* a timer that waits */
};

/* ---- helpers ---- */

PyObject *call_in_context(PyObject *context, PyObject *callable, PyObject *args) {
	if (PyContext_Enter(context) < 0) return NULL;
	PyObject *result = PyObject_Call(callable, args, NULL);
	if (PyContext_Exit(context) < 0) Py_CLEAR(result);
	return result;
}

PyObject *extract_stack(void) {
	return support_call("extract_stack", NULL, NULL);
}

aw_status loop_exit(Loop *self, PyObject *exception) {
	Py_XSETREF(self->exit, exception);
	return AW_EEXIT;
}

static bool must_exit(PyObject *exception) {
	return PyErr_GivenExceptionMatches(exception, PyExc_SystemExit) ||
	       PyErr_GivenExceptionMatches(exception, PyExc_KeyboardInterrupt);
}

void loop_report(Loop *self, PyObject *message, PyObject *exception, const char *key, PyObject *what) {
	PyObject *context = PyDict_New();
	if (context && PyDict_SetItemString(context, "message", message) == 0 &&
	    (!exception || PyDict_SetItemString(context, "exception", exception) == 0) &&
	    (!what || PyDict_SetItemString(context, key, what) == 0)) {
		PyObject *result = PyObject_CallMethod((PyObject *)self, "call_exception_handler", "O", context);
		Py_XDECREF(result);
	}
	Py_XDECREF(context);
	if (PyErr_Occurred()) {
		PyObject *raised = exception_take();
		if (must_exit(raised))
			loop_exit(self, raised);
		else {
			exception_give(raised);
			PyErr_WriteUnraisable((PyObject *)self);
		}
	}
}

bool loop_releases_here(Loop *self) {
	if (!self->c || aw_loop_is_closed(self->c)) return false;
	if (self->thread) return self->thread == PyThread_get_thread_ident();
	/* Nobody runs it: any call makes the caller's thread the one that releases. */
	return aw_loop_set_debug(self->c, aw_loop_debug(self->c)) == 0;
}

Loop *loop_running(void) {
	aw_loop *c = aw_loop_current();
	return c ? aw_loop_host_data(c) : NULL;
}

Loop *loop_running_or_raise(void) {
	Loop *loop = loop_running();
	if (!loop) PyErr_SetString(PyExc_RuntimeError, "no running event loop");
	return loop;
}

Loop *loop_of_argument(PyObject *argument) {
	if (argument && argument != Py_None) {
		if (PyObject_TypeCheck(argument, &Loop_Type)) return (Loop *)argument;
		PyErr_Format(PyExc_TypeError, "an event loop of libawait.aio was expected, got %R", argument);
		return NULL;
	}
	Loop *loop = loop_running();
	if (loop) return loop;
	PyObject *got = support_call("get_event_loop", NULL, NULL);
	if (!got) return NULL;
	bool fits = PyObject_TypeCheck(got, &Loop_Type);
	Py_DECREF(got); /* whoever set it keeps it */
	if (!fits) PyErr_SetString(PyExc_TypeError, "the current event loop is not one of libawait.aio");
	return fits ? (Loop *)got : NULL;
}

/* ---- handles ---- */

static int Handle_traverse(PyObject *base, visitproc visit, void *arg) {
	Handle *self = (Handle *)base;
	Py_VISIT(self->callback);
	Py_VISIT(self->args);
	Py_VISIT(self->context);
	Py_VISIT(self->loop);
	return 0;
}

static int Handle_clear(PyObject *base) {
	Handle *self = (Handle *)base;
	Py_CLEAR(self->callback);
	Py_CLEAR(self->args);
	Py_CLEAR(self->context);
	Py_CLEAR(self->loop);
	Py_CLEAR(self->source_traceback);
	return 0;
}

#define HANDLES_KEPT 64
static Handle *kept_handles[HANDLES_KEPT];
static int kept_handle_count;

static void Handle_dealloc(PyObject *base) {
	Handle *self = (Handle *)base;
	PyObject_GC_UnTrack(base);
	if (self->weakrefs) PyObject_ClearWeakRefs(base);
	Handle_clear(base);
	aw_handle_unref(self->c);
	self->c = NULL;
	if (kept_handle_count < HANDLES_KEPT)
		kept_handles[kept_handle_count++] = self;
	else
		PyObject_GC_Del(base);
}

static Handle *handle_new(Loop *loop, PyObject *callback, PyObject *args, PyObject *context) {
	Handle *self;
	if (kept_handle_count) {
		self = kept_handles[--kept_handle_count];
		_Py_NewReference((PyObject *)self);
	} else {
		self = PyObject_GC_New(Handle, &Handle_Type);
	}
	if (!self) return NULL;
	self->weakrefs = NULL;
	self->callback = Py_NewRef(callback);
	self->args = Py_NewRef(args);
	self->context = context && context != Py_None ? Py_NewRef(context) : PyContext_CopyCurrent();
	self->loop = (Loop *)Py_NewRef((PyObject *)loop);
	self->source_traceback = NULL;
	self->c = NULL;
	self->when = 0;
	self->cancelled = self->timer = self->scheduled = false;
	PyObject_GC_Track(self);
	if (!self->context) {
		Py_DECREF(self);
		return NULL;
	}
	if (aw_loop_debug(loop->c)) {
		self->source_traceback = extract_stack();
		if (!self->source_traceback) PyErr_Clear();
	}
	return self;
}

PyObject *handle_for_report(Loop *loop, PyObject *callback, PyObject *args, PyObject *context) {
	Handle *self = handle_new(loop, callback, args, context);
	if (self) Py_CLEAR(self->source_traceback); /* nobody made it anywhere */
	if (!self) PyErr_Clear();
	return (PyObject *)self;
}

/* What asyncio calls Handle._run. */
static aw_status handle_call_now(Handle *self) {
	PyObject *result = call_in_context(self->context, self->callback, self->args);
	if (result) {
		Py_DECREF(result);
		return 0;
	}
	PyObject *exception = exception_take();
	if (must_exit(exception)) return loop_exit(self->loop, exception);
	PyObject *message = support_call("callback_message", self->callback, self->args);
	if (!message) PyErr_Clear();
	PyObject *plain = message ? message : PyUnicode_FromString("Exception in callback");
	if (plain) loop_report(self->loop, plain, exception, "handle", (PyObject *)self);
	Py_XDECREF(plain);
	Py_DECREF(exception);
	return self->loop->exit ? AW_EEXIT : 0;
}

static aw_status handle_call(Handle *self) {
	if (self->cancelled) return 0;
	if (!aw_loop_debug(self->loop->c)) return handle_call_now(self);
	int64_t began = aw_loop_time(self->loop->c);
	aw_status status = handle_call_now(self);
	PyObject *seconds = PyFloat_FromDouble((double)(aw_loop_time(self->loop->c) - began) / 1e9);
	PyObject *told = seconds ? support_call("slow_callback", (PyObject *)self, seconds) : NULL;
	Py_XDECREF(seconds);
	Py_XDECREF(told);
	if (!told) PyErr_Clear();
	return status;
}

static aw_status handle_run(aw_loop *c, void *ud) {
	(void)c;
	Handle *self = ud;
	tasks_release_ended(self->loop);
	self->scheduled = false;
	return handle_call(self);
}

static PyObject *Handle_run(PyObject *base, PyObject *unused) {
	(void)unused;
	Handle *self = (Handle *)base;
	if (handle_call(self) == AW_EEXIT) {
		PyObject *exception = self->loop->exit;
		self->loop->exit = NULL;
		exception_give(exception);
		return NULL;
	}
	Py_RETURN_NONE;
}

static PyObject *Handle_cancel(PyObject *base, PyObject *unused) {
	(void)unused;
	Handle *self = (Handle *)base;
	if (self->cancelled) Py_RETURN_NONE;
	self->cancelled = true;
	if (self->c && self->scheduled) aw_handle_cancel(self->c);
	/* A debugger may want to see what was cancelled; without one, let go early of what the callback holds. */
	if (!aw_loop_debug(self->loop->c)) {
		PyObject *callback = self->callback, *args = self->args;
		self->callback = NULL;
		self->args = NULL;
		Py_XDECREF(callback);
		Py_XDECREF(args);
	}
	Py_RETURN_NONE;
}

static PyObject *Handle_cancelled(PyObject *self, PyObject *unused) {
	(void)unused;
	return PyBool_FromLong(((Handle *)self)->cancelled);
}

static PyObject *Handle_when(PyObject *self, PyObject *unused) {
	(void)unused;
	return PyFloat_FromDouble(((Handle *)self)->when);
}

static PyObject *Handle_get_context(PyObject *self, PyObject *unused) {
	(void)unused;
	return Py_NewRef(((Handle *)self)->context);
}

static PyObject *Handle_repr(PyObject *self) {
	return support_call("handle_repr", self, NULL);
}

static PyMethodDef Handle_methods[] = {
	{"cancel", Handle_cancel, METH_NOARGS, "Prevent the callback. No effect once it ran."},
	{"cancelled", Handle_cancelled, METH_NOARGS, "Whether cancel() was called."},
	{"when", Handle_when, METH_NOARGS, "The time a timer is due, in seconds of loop.time()."},
	{"get_context", Handle_get_context, METH_NOARGS, "The context the callback runs in."},
	{"_run", Handle_run, METH_NOARGS, NULL},
	{0},
};

static PyMemberDef Handle_members[] = {
	{"_callback", T_OBJECT, offsetof(Handle, callback), READONLY, NULL},
	{"_args", T_OBJECT, offsetof(Handle, args), READONLY, NULL},
	{"_context", T_OBJECT, offsetof(Handle, context), READONLY, NULL},
	{"_loop", T_OBJECT, offsetof(Handle, loop), READONLY, NULL},
	{"_cancelled", T_BOOL, offsetof(Handle, cancelled), READONLY, NULL},
	{"_scheduled", T_BOOL, offsetof(Handle, scheduled), READONLY, NULL},
	{"_timer", T_BOOL, offsetof(Handle, timer), READONLY, NULL},
	{"_source_traceback", T_OBJECT, offsetof(Handle, source_traceback), READONLY, NULL},
	{0},
};

PyTypeObject Handle_Type = {
	PyVarObject_HEAD_INIT(NULL, 0).tp_name = "libawait.aio.Handle",
	.tp_doc = "A scheduled callback: asyncio.Handle and asyncio.TimerHandle.",
	.tp_basicsize = sizeof(Handle),
	.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
	.tp_dealloc = Handle_dealloc,
	.tp_traverse = Handle_traverse,
	.tp_clear = Handle_clear,
	.tp_weaklistoffset = offsetof(Handle, weakrefs),
	.tp_methods = Handle_methods,
	.tp_members = Handle_members,
	.tp_repr = Handle_repr,
};

/* ---- scheduling ---- */

/* callback, *args, context=None: the callback, its arguments and the context (borrowed or NULL). */
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
	for (Py_ssize_t i = before + 1; rest && i < count; i++) PyTuple_SET_ITEM(rest, i - before - 1, Py_NewRef(args[i]));
	return rest;
}

static int check_callback(Loop *self, PyObject *callback, const char *method) {
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

static PyObject *scheduled(Handle *handle, aw_status status) {
	if (status >= 0) return (PyObject *)handle;
	Py_DECREF(handle);
	return raise_status(status);
}

/* asyncio looks at the thread in debug mode only; so does the library. */
static int check_thread(Loop *self) {
	if (!self->thread || !aw_loop_debug(self->c) || self->thread == PyThread_get_thread_ident()) return 0;
	raise_status(AW_EWRONGTHREAD);
	return -1;
}

static PyObject *Loop_call_soon(PyObject *base, PyObject *const *args, Py_ssize_t count, PyObject *names) {
	Loop *self = (Loop *)base;
	PyObject *context, *rest = call_arguments(args, count, names, 0, &context);
	Handle *handle = NULL;
	if (rest && check_callback(self, args[0], "call_soon") == 0 && check_thread(self) == 0)
		handle = handle_new(self, args[0], rest, context);
	Py_XDECREF(rest);
	if (!handle) return NULL;
	Py_INCREF(handle);
	return scheduled(handle, aw_loop_call_soon(self->c, handle_run, handle, object_drop, NULL));
}

static PyObject *Loop_call_soon_threadsafe(PyObject *base, PyObject *const *args, Py_ssize_t count, PyObject *names) {
	Loop *self = (Loop *)base;
	PyObject *context, *rest = call_arguments(args, count, names, 0, &context);
	Handle *handle = NULL;
	if (rest && check_callback(self, args[0], "call_soon_threadsafe") == 0) handle = handle_new(self, args[0], rest, context);
	Py_XDECREF(rest);
	if (!handle) return NULL;
	Py_INCREF(handle);
	return scheduled(handle, aw_loop_call_soon_threadsafe(self->c, handle_run, handle, object_drop));
}

static PyObject *schedule(Loop *self, PyObject *const *args, Py_ssize_t count, PyObject *names, bool at) {
	int64_t time;
	if (count > 0 && args[0] == Py_None) {
		PyErr_SetString(PyExc_TypeError, at ? "when cannot be None" : "delay must not be None");
		return NULL;
	}
	PyObject *context, *rest = call_arguments(args, count, names, 1, &context);
	Handle *handle = NULL;
	if (rest && check_callback(self, args[1], at ? "call_at" : "call_later") == 0 && check_thread(self) == 0 &&
	    duration_of(args[0], &time) == 0)
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
	return scheduled(handle, aw_loop_call_at(self->c, time, handle_run, handle, object_drop, &handle->c));
}

static PyObject *Loop_call_later(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *names) {
	return schedule((Loop *)self, args, count, names, false);
}

static PyObject *Loop_call_at(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *names) {
	return schedule((Loop *)self, args, count, names, true);
}

/* ---- descriptors: the handle is made in Python ---- */

static PyObject *add_descriptor(Loop *self, PyObject *args,
                                aw_status (*add)(aw_loop *, int, aw_callback_fn, void *, aw_destroy_fn)) {
	int fd;
	PyObject *callback, *rest;
	if (!PyArg_ParseTuple(args, "iOO!", &fd, &callback, &PyTuple_Type, &rest)) return NULL;
	if (check_callback(self, callback, "add_reader") < 0) return NULL;
	Handle *handle = handle_new(self, callback, rest, NULL);
	if (!handle) return NULL;
	Py_INCREF(handle);
	return scheduled(handle, add(self->c, fd, handle_run, handle, object_drop));
}

static PyObject *Loop_add_reader(PyObject *self, PyObject *args) {
	return add_descriptor((Loop *)self, args, aw_loop_add_reader);
}

static PyObject *Loop_add_writer(PyObject *self, PyObject *args) {
	return add_descriptor((Loop *)self, args, aw_loop_add_writer);
}

static PyObject *Loop_add_signal(PyObject *self, PyObject *args) {
	return add_descriptor((Loop *)self, args, aw_loop_add_signal_handler);
}

static int int_of(PyObject *number) {
#if PY_VERSION_HEX >= 0x030D0000
	return PyLong_AsInt(number);
#else
	return _PyLong_AsInt(number);
#endif
}

static PyObject *remove_descriptor(Loop *self, PyObject *number, aw_status (*remove)(aw_loop *, int)) {
	int fd = int_of(number);
	if (fd == -1 && PyErr_Occurred()) return NULL;
	if (!self->c || aw_loop_is_closed(self->c)) Py_RETURN_FALSE;
	aw_status status = remove(self->c, fd);
	return status < 0 ? raise_status(status) : PyBool_FromLong(status);
}

static PyObject *Loop_remove_reader(PyObject *self, PyObject *number) {
	return remove_descriptor((Loop *)self, number, aw_loop_remove_reader);
}

static PyObject *Loop_remove_writer(PyObject *self, PyObject *number) {
	return remove_descriptor((Loop *)self, number, aw_loop_remove_writer);
}

static PyObject *Loop_remove_signal(PyObject *self, PyObject *number) {
	return remove_descriptor((Loop *)self, number, aw_loop_remove_signal_handler);
}

/* ---- running ---- */

static aw_status wait_without_gil(Loop *self) {
	aw_status status;
	Py_BEGIN_ALLOW_THREADS status = aw_loop_wait(self->c, -1);
	Py_END_ALLOW_THREADS return status;
}

/* Python's signal handlers write to this descriptor: it is read empty, and the handlers run after the wait. */
static aw_status signal_arrived(aw_loop *c, void *ud) {
	(void)c;
	char bytes[256];
	while (read(((Loop *)ud)->signal_fd, bytes, sizeof bytes) > 0) continue;
	return 0;
}

/*
 * A signal between the look for signals and the wait must end the wait, so the descriptor is watched in waits that can block. Not for ever: with
 * nothing under way an iteration makes no system call, and tasks that only pass the turn around are to keep that.
 */
static void watch_signals(Loop *self, bool blocks) {
	if (self->signal_fd < 0) return;
	self->spins = blocks ? 0 : self->spins + 1;
	if (blocks && !self->signal_watched)
		self->signal_watched = aw_loop_add_reader(self->c, self->signal_fd, signal_arrived, self, NULL) == 0;
	if (!blocks && self->signal_watched && self->spins > 16) {
		aw_loop_remove_reader(self->c, self->signal_fd);
		self->signal_watched = false;
	}
}

static PyObject *Loop_watch_signals(PyObject *base, PyObject *number) {
	Loop *self = (Loop *)base;
	int fd = int_of(number);
	if (fd == -1 && PyErr_Occurred()) return NULL;
	if (self->signal_watched && self->c) aw_loop_remove_reader(self->c, self->signal_fd);
	self->signal_watched = false;
	self->signal_fd = fd;
	Py_RETURN_NONE;
}

/* One iteration: 0, or -1 with an exception. */
static int iterate(Loop *self) {
	bool blocks = !aw_loop_pending(self->c);
	watch_signals(self, blocks);
	/* Threads that wait for the lock get it by the interpreter's own rule, in the callbacks; a wait that can't block keeps it. */
	if (blocks) {
		aw_status status = wait_without_gil(self);
		if (status < 0) {
			raise_status(status);
			return -1;
		}
	}
	if (PyErr_CheckSignals() < 0) return -1;
	aw_status status = aw_loop_dispatch(self->c);
	tasks_release_ended(self);
	if (self->exit) {
		exception_give(self->exit);
		self->exit = NULL;
		return -1;
	}
	if (status >= 0) return 0;
	raise_status(status);
	return -1;
}

static PyObject *Loop_run_forever(PyObject *base, PyObject *unused) {
	(void)unused;
	Loop *self = (Loop *)base;
	if (!self->c || aw_loop_is_closed(self->c)) {
		PyErr_SetString(PyExc_RuntimeError, "Event loop is closed");
		return NULL;
	}
	if (self->thread) {
		PyErr_SetString(PyExc_RuntimeError, "This event loop is already running");
		return NULL;
	}
	if (loop_running()) {
		PyErr_SetString(PyExc_RuntimeError, "Cannot run the event loop while another loop is running");
		return NULL;
	}
	self->thread = PyThread_get_thread_ident();
	Py_INCREF(self);
	int result;
	do result = iterate(self);
	while (result == 0 && !aw_loop_take_stop(self->c));
	self->thread = 0;
	(void)aw_loop_take_stop(self->c);
	Py_DECREF(self);
	if (result < 0) return NULL;
	Py_RETURN_NONE;
}

static PyObject *Loop_run_once(PyObject *base, PyObject *unused) {
	(void)unused;
	Loop *self = (Loop *)base;
	if (self->c && iterate(self) == 0) Py_RETURN_NONE;
	return NULL;
}

static PyObject *Loop_pending(PyObject *base, PyObject *unused) {
	(void)unused;
	Loop *self = (Loop *)base;
	return PyBool_FromLong(self->c && aw_loop_pending(self->c));
}

static PyObject *Loop_stop(PyObject *base, PyObject *unused) {
	(void)unused;
	Loop *self = (Loop *)base;
	if (self->c) aw_loop_stop(self->c);
	Py_RETURN_NONE;
}

static PyObject *Loop_is_running(PyObject *self, PyObject *unused) {
	(void)unused;
	return PyBool_FromLong(((Loop *)self)->thread != 0);
}

static PyObject *Loop_is_closed(PyObject *base, PyObject *unused) {
	(void)unused;
	Loop *self = (Loop *)base;
	return PyBool_FromLong(!self->c || aw_loop_is_closed(self->c));
}

static PyObject *Loop_close(PyObject *base, PyObject *unused) {
	(void)unused;
	Loop *self = (Loop *)base;
	if (self->thread) {
		PyErr_SetString(PyExc_RuntimeError, "Cannot close a running event loop");
		return NULL;
	}
	if (!self->c) Py_RETURN_NONE;
	/* Destroys of what still waits run inside: an exception that is being handled stays out of them. */
	PyObject *raised = PyErr_Occurred() ? exception_take() : NULL;
	aw_status status = aw_loop_close(self->c);
	tasks_release_ended(self);
	if (raised) exception_give(raised);
	if (status < 0) return raise_status(status);
	Py_RETURN_NONE;
}

static PyObject *Loop_abandon(PyObject *base, PyObject *unused) {
	(void)unused;
	Loop *self = (Loop *)base;
	self->thread = 0;
	aw_status status = self->c ? aw_loop_abandon(self->c) : 0;
	if (status < 0) return raise_status(status);
	Py_RETURN_NONE;
}

static PyObject *Loop_time(PyObject *base, PyObject *unused) {
	(void)unused;
	Loop *self = (Loop *)base;
	return PyFloat_FromDouble(self->c ? (double)aw_loop_time(self->c) / 1e9 : 0);
}

static PyObject *Loop_get_debug(PyObject *base, PyObject *unused) {
	(void)unused;
	Loop *self = (Loop *)base;
	return PyBool_FromLong(self->c && aw_loop_debug(self->c));
}

static PyObject *Loop_set_debug(PyObject *base, PyObject *on) {
	Loop *self = (Loop *)base;
	int truth = PyObject_IsTrue(on);
	if (truth < 0) return NULL;
	if (self->c) aw_loop_set_debug(self->c, truth);
	Py_RETURN_NONE;
}

static PyObject *Loop_wakeup(PyObject *base, PyObject *unused) {
	(void)unused;
	Loop *self = (Loop *)base;
	if (self->c) aw_loop_wakeup(self->c);
	Py_RETURN_NONE;
}

/* ---- futures and tasks ---- */

static PyObject *Loop_create_future(PyObject *base, PyObject *unused) {
	(void)unused;
	Loop *self = (Loop *)base;
	PyObject *future = Future_Type.tp_alloc(&Future_Type, 0);
	if (!future) return NULL;
	aw_future *c;
	aw_status status = self->c ? aw_future_new(self->c, &c) : AW_ELOOPCLOSED;
	if (status < 0 || future_prepare((Future *)future, self) < 0) {
		Py_DECREF(future);
		return status < 0 ? raise_status(status) : NULL;
	}
	future_bind((Future *)future, c);
	return future;
}

static PyObject *Loop_create_task(PyObject *base, PyObject *args, PyObject *keywords) {
	static char *names[] = {"coro", "name", "context", NULL};
	Loop *self = (Loop *)base;
	PyObject *coro, *name = Py_None, *context = Py_None;
	if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|$OO", names, &coro, &name, &context)) return NULL;
	if (!self->task_factory) return task_spawn(&Task_Type, self, coro, name, context, NULL);
	PyObject *arguments[] = {base, coro, context};
	PyObject *names_given = context == Py_None ? NULL : Py_BuildValue("(s)", "context");
	PyObject *task = PyObject_Vectorcall(self->task_factory, arguments, 2, names_given);
	Py_XDECREF(names_given);
	if (task && name != Py_None) {
		PyObject *result = PyObject_CallMethod(task, "set_name", "O", name);
		Py_XDECREF(result);
		if (!result) PyErr_Clear();
	}
	return task;
}

static PyObject *Loop_set_task_factory(PyObject *base, PyObject *factory) {
	Loop *self = (Loop *)base;
	if (factory != Py_None && !PyCallable_Check(factory)) {
		PyErr_SetString(PyExc_TypeError, "task factory must be a callable or None");
		return NULL;
	}
	Py_XSETREF(self->task_factory, factory == Py_None ? NULL : Py_NewRef(factory));
	Py_RETURN_NONE;
}

static PyObject *Loop_get_task_factory(PyObject *base, PyObject *unused) {
	(void)unused;
	Loop *self = (Loop *)base;
	return Py_NewRef(self->task_factory ? self->task_factory : Py_None);
}

static PyObject *Loop_all_tasks(PyObject *base, PyObject *unused) {
	(void)unused;
	Loop *self = (Loop *)base;
	PyObject *set = PySet_New(NULL);
	if (!set || !self->c || aw_loop_is_closed(self->c)) return set;
	aw_status count = aw_loop_all_tasks(self->c, NULL, 0);
	aw_task **tasks = count > 0 ? PyMem_Calloc((size_t)count, sizeof *tasks) : NULL;
	if (count > 0 && !tasks) {
		Py_DECREF(set);
		return PyErr_NoMemory();
	}
	if (count > 0) count = aw_loop_all_tasks(self->c, tasks, (size_t)count);
	for (aw_status i = 0; i < count; i++) {
		PyObject *task = aw_future_host_data(aw_task_future(tasks[i]));
		if (set && task && PySet_Add(set, task) < 0) Py_CLEAR(set);
		aw_task_unref(tasks[i]);
	}
	PyMem_Free(tasks);
	return set;
}

static PyObject *Loop_print_tasks(PyObject *base, PyObject *args) {
	int fd = 2, json = 0;
	if (!PyArg_ParseTuple(args, "|ip", &fd, &json)) return NULL;
	aw_status status = aw_loop_print_tasks(((Loop *)base)->c, fd, json ? AW_PRINT_JSON : AW_PRINT_TEXT);
	if (status < 0) return raise_status(status);
	Py_RETURN_NONE;
}

/* ---- failures nobody else sees ---- */

static aw_status report_receive(aw_loop *c, const aw_report *report, void *ud) {
	(void)c;
	Loop *self = ud;
	/* A slow callback is told of by its handle, which the library does not know; and Python warns of its coroutines itself. */
	const char *text = aw_report_message(report);
	if (strncmp(text, "Executing callback", 18) == 0 || strcmp(text, "coroutine was never awaited") == 0) return 0;
	PyObject *raised = PyErr_Occurred() ? exception_take() : NULL; /* a report may come while another exception is on its way */
	aw_future *future = aw_report_future(report);
	aw_error *error = aw_report_error(report);
	PyObject *wrapper = future ? future_wrap(self, aw_future_ref(future)) : NULL;
	PyObject *message = PyUnicode_FromString(text);
	PyObject *exception = error ? exception_of(error, aw_error_status(error)) : NULL;
	if (message && wrapper) {
		PyObject *own = support_call("report_message", message, wrapper);
		if (own == Py_None) { /* not to be told */
			Py_CLEAR(own);
			Py_CLEAR(message);
		} else if (own) {
			Py_SETREF(message, own);
		}
	}
	if (message) loop_report(self, message, exception, "future", wrapper);
	Py_XDECREF(message);
	Py_XDECREF(exception);
	Py_XDECREF(wrapper);
	if (PyErr_Occurred()) PyErr_Clear();
	if (raised) exception_give(raised);
	return 0;
}

/* ---- life ---- */

static int Loop_init(PyObject *base, PyObject *args, PyObject *keywords) {
	static char *names[] = {"backend", NULL};
	Loop *self = (Loop *)base;
	const char *backend = NULL;
	if (!PyArg_ParseTupleAndKeywords(args, keywords, "|z", names, &backend)) return -1;
	if (self->c) {
		PyErr_SetString(PyExc_RuntimeError, "the loop is made already");
		return -1;
	}
	self->signal_fd = -1;
	aw_status status = aw_loop_new(backend, &self->c);
	if (status == AW_ENOBACKEND || status == AW_EBACKENDABI) {
		char why[256];
		(void)aw_backend_explain(backend, why, sizeof why);
		PyErr_Format(PyExc_RuntimeError, "no such backend: %s", why);
		return -1;
	}
	if (status == 0) status = aw_loop_set_host_data(self->c, self, NULL);
	if (status == 0) status = aw_loop_set_exception_handler(self->c, report_receive, self, NULL);
	if (status == 0) return 0;
	raise_status(status);
	return -1;
}

static int Loop_traverse(PyObject *base, visitproc visit, void *arg) {
	Loop *self = (Loop *)base;
	Py_VISIT(self->dict);
	Py_VISIT(self->task_factory);
	Py_VISIT(self->exit);
	return 0;
}

static int Loop_clear(PyObject *base) {
	Loop *self = (Loop *)base;
	Py_CLEAR(self->dict);
	Py_CLEAR(self->task_factory);
	Py_CLEAR(self->exit);
	return 0;
}

static void Loop_dealloc(PyObject *base) {
	Loop *self = (Loop *)base;
	if (PyObject_CallFinalizerFromDealloc(base) < 0) return;
	PyObject_GC_UnTrack(base);
	if (self->weakrefs) PyObject_ClearWeakRefs(base);
	if (self->c) {
		/* Futures keep their loop alive, so nothing of Python's is left in it but handles that nobody runs. */
		aw_loop *c = self->c;
		aw_loop_set_exception_handler(c, NULL, NULL, NULL);
		aw_loop_set_host_data(c, NULL, NULL);
		self->c = NULL;
		aw_loop_unref(c);
	}
	Loop_clear(base);
	Py_TYPE(base)->tp_free(base);
}

static PyObject *Loop_backend(PyObject *base, void *unused) {
	(void)unused;
	Loop *self = (Loop *)base;
	return PyUnicode_FromString(self->c ? aw_loop_backend(self->c) : "");
}

static PyObject *Loop_slow(PyObject *base, PyObject *seconds) {
	int64_t duration;
	if (duration_of(seconds, &duration) < 0) return NULL;
	aw_loop_set_slow_callback_duration(((Loop *)base)->c, duration);
	Py_RETURN_NONE;
}

static PyMethodDef Loop_methods[] = {
	{"call_soon", FAST_KEYWORDS(Loop_call_soon), "call_soon(callback, *args, context=None): run it in the next iteration."},
	{"call_soon_threadsafe", FAST_KEYWORDS(Loop_call_soon_threadsafe), "call_soon() from any thread."},
	{"call_later", FAST_KEYWORDS(Loop_call_later),
     "call_later(delay, callback, *args, context=None): run it after `delay` seconds."},
	{"call_at", FAST_KEYWORDS(Loop_call_at), "call_at(when, callback, *args, context=None): run it at `when` of time()."},
	{"run_forever", Loop_run_forever, METH_NOARGS, "Run until stop()."},
	{"_run_once", Loop_run_once, METH_NOARGS, NULL},
	{"_pending", Loop_pending, METH_NOARGS, NULL},
	{"stop", Loop_stop, METH_NOARGS, "Let the current iteration end, then leave the run."},
	{"is_running", Loop_is_running, METH_NOARGS, "Whether it runs."},
	{"is_closed", Loop_is_closed, METH_NOARGS, "Whether it is closed."},
	{"_close", Loop_close, METH_NOARGS, NULL},
	{"_abandon", Loop_abandon, METH_NOARGS, NULL},
	{"_wakeup", Loop_wakeup, METH_NOARGS, NULL},
	{"time", Loop_time, METH_NOARGS, "The loop's clock, in seconds."},
	{"get_debug", Loop_get_debug, METH_NOARGS, "Whether debug mode is on."},
	{"set_debug", Loop_set_debug, METH_O, "Switch debug mode."},
	{"create_future", Loop_create_future, METH_NOARGS, "A pending future."},
	{"create_task", WITH_KEYWORDS(Loop_create_task), "create_task(coro, *, name=None, context=None): schedule a coroutine."},
	{"set_task_factory", Loop_set_task_factory, METH_O, "Set what create_task() calls; None for the default."},
	{"get_task_factory", Loop_get_task_factory, METH_NOARGS, "What create_task() calls, or None."},
	{"print_tasks", Loop_print_tasks, METH_VARARGS, "print_tasks(fd=2, json=False): write the tree of tasks."},
	{"_all_tasks", Loop_all_tasks, METH_NOARGS, NULL},
	{"_add_reader", Loop_add_reader, METH_VARARGS, NULL},
	{"_add_writer", Loop_add_writer, METH_VARARGS, NULL},
	{"_add_signal", Loop_add_signal, METH_VARARGS, NULL},
	{"_remove_reader", Loop_remove_reader, METH_O, NULL},
	{"_remove_writer", Loop_remove_writer, METH_O, NULL},
	{"_remove_signal", Loop_remove_signal, METH_O, NULL},
	{"_watch_signals", Loop_watch_signals, METH_O, NULL},
	{"_set_slow", Loop_slow, METH_O, NULL},
	{0},
};

static PyGetSetDef Loop_getset[] = {
	{"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
	{"backend", Loop_backend, NULL, "The name of the backend that drives it.", NULL},
	{0},
};

PyTypeObject Loop_Type = {
	PyVarObject_HEAD_INIT(NULL, 0).tp_name = "libawait.aio._aio.Loop",
	.tp_basicsize = sizeof(Loop),
	.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE,
	.tp_new = PyType_GenericNew,
	.tp_init = Loop_init,
	.tp_dealloc = Loop_dealloc,
	.tp_traverse = Loop_traverse,
	.tp_clear = Loop_clear,
	.tp_methods = Loop_methods,
	.tp_getset = Loop_getset,
	.tp_dictoffset = offsetof(Loop, dict),
	.tp_weaklistoffset = offsetof(Loop, weakrefs),
};
