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

/* As in asyncio, the exception handler gets a handle, since these callbacks are scheduled like all others. */
static aw_status report(Callback *self, Loop *loop, PyObject *future) {
	PyObject *exception = exception_take();
	PyObject *args = future ? PyTuple_Pack(1, future) : NULL;
	Handle *handle = args ? handle_for_report(loop, self->callable, future, self->context) : NULL;
	int status = -1;
	if (handle) {
		exception_give(exception);
		status = handle_report(handle, self->callable, args);
	} else {
		Py_DECREF(exception);
	}
	if (status < 0) loop_exit(loop, exception_take());
	Py_XDECREF(handle);
	Py_XDECREF(args);
	return status < 0 ? AW_ESYSTEMEXIT : 0;
}

aw_status callback_run(aw_future *c, void *ud) {
	Callback *self = ud;
	if (!self->callable) return 0; /* the collector has cleared it */
	Loop *loop = aw_loop_host_data(aw_future_loop(c));
	tasks_release_ended(loop);
	PyObject *future = future_wrap(loop, aw_future_ref(c));
	Py_INCREF(self);
	PyObject *result = future ? call_in_context(self->context, self->callable, future, NULL) : NULL;
	aw_status status = result ? 0 : report(self, loop, future);
	Py_DECREF(self);
	Py_XDECREF(result);
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

PyObject *Future_add_done_callback(PyObject *base, PyObject *args, PyObject *keywords) {
	static char *names[] = {"", "context", NULL};
	Future *self = (Future *)base;
	PyObject *callable, *context = NULL;
	if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|$O", names, &callable, &context) ||
	    future_check(self) < 0)
		return NULL;
	if (future_add_callback(self, callable, context) < 0) return NULL;
	Py_RETURN_NONE;
}

/* The callbacks that wait, each with a reference: comparing them may run anything. */
PyObject *future_callbacks(Future *self) {
	PyObject *list = PyList_New(0);
	if (!list || future_done(self)) return list;
	for (Callback *at = self->callbacks; at; at = at->next)
		if (PyList_Append(list, (PyObject *)at) < 0) {
			Py_DECREF(list);
			return NULL;
		}
	return list;
}

PyObject *Future_remove_done_callback(PyObject *base, PyObject *callable) {
	Future *self = (Future *)base;
	if (future_check(self) < 0) return NULL;
	PyObject *list = future_callbacks(self);
	long removed = 0;
	for (Py_ssize_t i = 0; list && i < PyList_GET_SIZE(list); i++) {
		Callback *at = (Callback *)PyList_GET_ITEM(list, i);
		int same = at->callable ? PyObject_RichCompareBool(at->callable, callable, Py_EQ) : 0;
		if (same < 0) Py_CLEAR(list);
		if (same <= 0 || at->of != self) continue;
		callback_unlink(at);
		aw_status status = self->c ? aw_future_remove_done_callback(self->c, callback_run, at) : 0;
		if (status > 0) removed += status;
	}
	if (!list) return NULL;
	Py_DECREF(list);
	return PyLong_FromLong(removed);
}
