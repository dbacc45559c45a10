/* SPDX-License-Identifier: MIT */
/* Handles: scheduled callbacks. */
#include "aio.h"

#include <structmember.h>

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

Handle *handle_new(Loop *loop, PyObject *callback, PyObject *args, PyObject *context) {
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
	return self->loop->exit ? AW_ESYSTEMEXIT : 0;
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

aw_status handle_run(aw_loop *c, void *ud) {
	(void)c;
	Handle *self = ud;
	tasks_release_ended(self->loop);
	self->scheduled = false;
	return handle_call(self);
}

static PyObject *Handle_run(PyObject *base, PyObject *unused) {
	(void)unused;
	Handle *self = (Handle *)base;
	if (handle_call(self) == AW_ESYSTEMEXIT) {
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
