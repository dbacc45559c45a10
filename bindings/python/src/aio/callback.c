/* SPDX-License-Identifier: MIT */
/* Done-callbacks of futures. */
#include "aio.h"

void callback_unlink(Callback *self) {
	Future *of = self->of;
	if (!of) return;
	if (self->next)
		self->next->previous = self->previous;
	else
		of->callbacks_last = self->previous;
	if (self->previous)
		self->previous->next = self->next;
	else
		of->callbacks = self->next;
	self->next = self->previous = NULL;
	self->of = NULL;
}

/* The `destroy` of the registration. */
static void callback_drop(void *ud) {
	callback_unlink(ud);
	Py_DECREF((PyObject *)ud);
}

static int Callback_traverse(PyObject *base, visitproc visit, void *arg) {
	Callback *self = (Callback *)base;
	Py_VISIT(self->callable);
	Py_VISIT(self->context);
	return 0;
}

static int Callback_clear(PyObject *base) {
	Callback *self = (Callback *)base;
	Py_CLEAR(self->callable);
	Py_CLEAR(self->context);
	return 0;
}

static void Callback_dealloc(PyObject *base) {
	PyObject_GC_UnTrack(base);
	callback_unlink((Callback *)base);
	Callback_clear(base);
	PyObject_GC_Del(base);
}

PyTypeObject Callback_Type = {
	PyVarObject_HEAD_INIT(NULL, 0).tp_name = "libawait.aio._aio.Callback",
	.tp_basicsize = sizeof(Callback),
	.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
	.tp_dealloc = Callback_dealloc,
	.tp_traverse = Callback_traverse,
	.tp_clear = Callback_clear,
};

aw_status callback_run(aw_future *c, void *ud) {
	Callback *self = ud;
	if (!self->callable) return 0; /* the collector has cleared it */
	Loop *loop = aw_loop_host_data(aw_future_loop(c));
	tasks_release_ended(loop);
	PyObject *future = future_wrap(loop, aw_future_ref(c));
	PyObject *args = future ? PyTuple_Pack(1, future) : NULL;
	Py_INCREF(self);
	PyObject *result = args ? call_in_context(self->context, self->callable, args) : NULL;
	aw_status status = 0;
	if (!result) {
		PyObject *exception = exception_take();
		if (PyErr_GivenExceptionMatches(exception, PyExc_SystemExit) ||
		    PyErr_GivenExceptionMatches(exception, PyExc_KeyboardInterrupt)) {
			status = loop_exit(loop, exception);
		} else {
			PyObject *message = support_call("callback_message", self->callable, args ? args : Py_None);
			/* Like asyncio, which schedules these callbacks like all others. */
			PyObject *handle =
				message && args ? handle_for_report(loop, self->callable, args, self->context) : NULL;
			if (message) loop_report(loop, message, exception, "handle", handle);
			Py_XDECREF(handle);
			Py_XDECREF(message);
			Py_DECREF(exception);
			PyErr_Clear();
			if (loop->exit) status = AW_ESYSTEMEXIT;
		}
	}
	Py_DECREF(self);
	Py_XDECREF(result);
	Py_XDECREF(args);
	Py_XDECREF(future);
	return status;
}

int future_add_callback(Future *self, PyObject *callable, PyObject *context) {
	Callback *node = PyObject_GC_New(Callback, &Callback_Type);
	if (!node) return -1;
	node->callable = Py_NewRef(callable);
	node->context = context && context != Py_None ? Py_NewRef(context) : PyContext_CopyCurrent();
	node->of = self;
	node->next = NULL;
	node->previous = self->callbacks_last;
	if (node->previous)
		node->previous->next = node;
	else
		self->callbacks = node;
	self->callbacks_last = node;
	PyObject_GC_Track(node);
	aw_status status =
		node->context ? aw_future_add_done_callback(self->c, callback_run, node, callback_drop) : AW_ENOMEM;
	if (status >= 0) return 0;
	if (!node->context)
		Py_DECREF(node); /* otherwise the library has dropped it */
	else
		raise_status(status);
	return -1;
}
