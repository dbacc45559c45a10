/* SPDX-License-Identifier: MIT */
/* The future: the wrapper and its handle. */
#include "aio.h"

#include <structmember.h>

/* ---- wrapper and handle ---- */

int future_prepare(Future *self, Loop *loop) {
	Py_XSETREF(self->loop, (Loop *)Py_NewRef((PyObject *)loop));
	if (loop->c && aw_loop_debug(loop->c)) {
		Py_XSETREF(self->source_traceback, extract_stack());
		if (!self->source_traceback) return -1;
	}
	return 0;
}

void future_bind(Future *self, aw_future *c) {
	self->c = c;
	aw_future_set_host_data(c, self, NULL);
}

PyObject *future_wrap(Loop *loop, aw_future *c) {
	Future *self = aw_future_host_data(c);
	if (self) {
		/* Its finalizer has released the handle already, so it keeps this reference instead. */
		if (Py_REFCNT(self) > 0 && self->kept == false && self->c == NULL) {
			self->c = c;
			self->kept = true;
			return Py_NewRef((PyObject *)self);
		}
		aw_future_unref(c);
		return Py_NewRef((PyObject *)self);
	}
	PyObject *made = Future_Type.tp_alloc(&Future_Type, 0);
	if (!made || future_prepare((Future *)made, loop) < 0) {
		Py_XDECREF(made);
		aw_future_unref(c);
		return NULL;
	}
	future_bind((Future *)made, c);
	return made;
}

int future_check(Future *self) {
	if (self->c) return 0;
	PyErr_SetString(PyExc_RuntimeError, "Future object is not initialized.");
	return -1;
}

bool future_done(Future *self) {
	return self->c && aw_future_done(self->c);
}

/* What only this wrapper can reach through the handle is the collector's to follow. */
int future_traverse(PyObject *base, visitproc visit, void *arg) {
	Future *self = (Future *)base;
	Py_VISIT(self->dict);
	Py_VISIT(self->loop);
	Py_VISIT(self->cached);
	Py_VISIT(self->source);
	Py_VISIT(self->cancel_msg);
	Py_VISIT(self->source_traceback);
	Py_VISIT(self->exception_traceback);
	if (!self->c || aw_future_is_shared(self->c)) return 0;
	Py_VISIT(self->held);
	for (Callback *at = self->callbacks; at; at = at->next) Py_VISIT(at);
	return 0;
}

static void future_leave(Future *self) {
	aw_future *c = self->c;
	while (self->callbacks) callback_unlink(self->callbacks);
	self->held = NULL;
	if (!c) return;
	self->c = NULL;
	aw_future_set_host_data(c, NULL, NULL);
	aw_future_unref(c);
}

int future_clear(PyObject *base) {
	Future *self = (Future *)base;
	future_leave(self);
	Py_CLEAR(self->dict);
	Py_CLEAR(self->cached);
	Py_CLEAR(self->source);
	Py_CLEAR(self->cancel_msg);
	Py_CLEAR(self->source_traceback);
	Py_CLEAR(self->exception_traceback);
	Py_CLEAR(self->loop);
	return 0;
}

/*
 * An error that nobody looked at is reported when the last reference to the handle goes. The report shows
 * this wrapper, so that happens while it still lives; whoever keeps it then keeps the handle as well.
 */
void future_finalize(PyObject *base) {
	Future *self = (Future *)base;
	aw_future *c = self->c;
	if (!c || !self->log_traceback || aw_future_is_shared(c) || !loop_releases_here(self->loop)) return;
	PyObject *raised = PyErr_Occurred() ? exception_take() : NULL;
	self->c = NULL;
	self->kept = false;
	self->log_traceback = false;
	aw_future_unref(c);
	if (!self->c) self->held = NULL;
	self->kept = false;
	if (raised) exception_give(raised);
}

static void Future_dealloc(PyObject *base) {
	Future *self = (Future *)base;
	if (self->log_traceback && PyObject_CallFinalizerFromDealloc(base) < 0) return;
	PyObject_GC_UnTrack(base);
	if (self->weakrefs) PyObject_ClearWeakRefs(base);
	future_clear(base);
	Py_TYPE(base)->tp_free(base);
}

static int Future_init(PyObject *base, PyObject *args, PyObject *keywords) {
	static char *names[] = {"loop", NULL};
	Future *self = (Future *)base;
	PyObject *given = Py_None;
	if (!PyArg_ParseTupleAndKeywords(args, keywords, "|$O", names, &given)) return -1;
	Loop *loop = loop_of_argument(given);
	if (!loop) return -1;
	if (self->c) future_clear(base);
	if (future_prepare(self, loop) < 0) return -1;
	aw_future *c;
	aw_status status = loop->c ? aw_future_new(loop->c, &c) : AW_ELOOPCLOSED;
	if (status < 0) {
		raise_status(status);
		return -1;
	}
	future_bind(self, c);
	return 0;
}

/* ---- cancellation and state ---- */

aw_error *cancellation_of(Loop *loop, PyObject *message, PyObject **out_payload) {
	aw_error *error;
	PyObject *arguments = message && message != Py_None ? PyTuple_Pack(1, message) : NULL;
	*out_payload = arguments;
	if (!arguments && PyErr_Occurred()) return NULL;
	aw_status status =
		aw_error_new(loop->c, AW_ECANCELLED, NULL, arguments, arguments ? object_drop : NULL, &error);
	if (status == 0) return error;
	Py_XDECREF(arguments);
	raise_status(status);
	return NULL;
}

/* cancel(msg=None) */
static int message_argument(PyObject *const *args, Py_ssize_t count, PyObject *names, PyObject **out) {
	Py_ssize_t named = names ? PyTuple_GET_SIZE(names) : 0;
	*out = count + named == 1 ? args[0] : NULL;
	if (count + named > 1 ||
	    (named && PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, 0), "msg") != 0)) {
		PyErr_SetString(PyExc_TypeError, "cancel() takes one argument, msg");
		return -1;
	}
	return 0;
}

static PyObject *Future_cancel(PyObject *base, PyObject *const *args, Py_ssize_t count, PyObject *names) {
	Future *self = (Future *)base;
	PyObject *message;
	if (message_argument(args, count, names, &message) < 0 || future_check(self) < 0) return NULL;
	self->log_traceback = false;
	aw_status status;
	if (!message || message == Py_None) {
		status = aw_future_cancel(self->c, NULL);
	} else {
		PyObject *payload;
		aw_error *error = cancellation_of(self->loop, message, &payload);
		if (!error) return NULL;
		status = aw_future_cancel_error(self->c, error);
		aw_error_unref(error);
	}
	if (status < 0) return raise_status(status);
	if (status) Py_XSETREF(self->cancel_msg, Py_XNewRef(message == Py_None ? NULL : message));
	return PyBool_FromLong(status);
}

static PyObject *Future_done(PyObject *self, PyObject *unused) {
	(void)unused;
	return PyBool_FromLong(future_done((Future *)self));
}

static PyObject *Future_cancelled(PyObject *base, PyObject *unused) {
	(void)unused;
	Future *self = (Future *)base;
	return PyBool_FromLong(self->c && aw_future_cancelled(self->c));
}

static PyObject *Future_get_loop(PyObject *base, PyObject *unused) {
	(void)unused;
	Future *self = (Future *)base;
	if (future_check(self) < 0) return NULL;
	return Py_NewRef((PyObject *)self->loop);
}

static PyObject *Future_repr(PyObject *self) {
	return support_call("future_repr", self, NULL);
}

static PyMethodDef Future_methods[] = {
	{"result", Future_result, METH_NOARGS,
     "The result; raises what the future failed with, CancelledError, or InvalidStateError while it is pending."},
	{"exception", Future_exception, METH_NOARGS, "The exception, or None for a result."},
	{"set_result", Future_set_result, METH_O, "Finish it with a result."},
	{"set_exception", Future_set_exception, METH_O, "Finish it with an exception."},
	{"cancel", FAST_KEYWORDS(Future_cancel), "cancel(msg=None): ask for cancellation. False if it is done."},
	{"done", Future_done, METH_NOARGS, "Whether it has a result or an exception, or was cancelled."},
	{"cancelled", Future_cancelled, METH_NOARGS, "Whether it was cancelled."},
	{"get_loop", Future_get_loop, METH_NOARGS, "Its loop."},
	{"add_done_callback", WITH_KEYWORDS(Future_add_done_callback),
     "add_done_callback(fn, *, context=None): have fn(future) called, through the loop, when it is done."},
	{"remove_done_callback", Future_remove_done_callback, METH_O,
     "Remove every registration of a callback; returns how many."},
	{"_make_cancelled_error", Future_make_cancelled_error, METH_NOARGS, NULL},
	{"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, NULL},
	{0},
};

static PyMemberDef Future_members[] = {
	{"_source_traceback", T_OBJECT, offsetof(Future, source_traceback), READONLY, NULL},
	{0},
};

static PyAsyncMethods Future_async = {.am_await = Future_iter};

PyTypeObject Future_Type = {
	PyVarObject_HEAD_INIT(NULL, 0).tp_name = "libawait.aio.Future",
	.tp_doc = "The outcome of something that has not ended yet: asyncio.Future.",
	.tp_basicsize = sizeof(Future),
	.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE,
	.tp_new = PyType_GenericNew,
	.tp_init = Future_init,
	.tp_dealloc = Future_dealloc,
	.tp_finalize = future_finalize,
	.tp_traverse = future_traverse,
	.tp_clear = future_clear,
	.tp_as_async = &Future_async,
	.tp_iter = Future_iter,
	.tp_methods = Future_methods,
	.tp_getset = Future_getset,
	.tp_members = Future_members,
	.tp_repr = Future_repr,
	.tp_dictoffset = offsetof(Future, dict),
	.tp_weaklistoffset = offsetof(Future, weakrefs),
};
