/* SPDX-License-Identifier: MIT */
/*
 * The awaitable returned by lock.acquire() and similar methods: a call into the library that may wait.
 *
 * It does nothing until it is awaited. If it need not wait, it completes at once. Otherwise it yields itself
 * to the task, which awaits the library's coroutine and then sends its result.
 */
#include "aio.h"

#define OPERATIONS_KEPT 64
static Operation *kept[OPERATIONS_KEPT];
static int kept_count;

PyObject *operation_new(const operation_kind *kind, PyObject *subject, PyObject *argument, int64_t number) {
	Operation *self;
	if (kept_count) {
		self = kept[--kept_count];
		_Py_NewReference((PyObject *)self);
	} else {
		self = PyObject_GC_New(Operation, &Operation_Type);
	}
	if (!self) return NULL;
	self->kind = kind;
	self->subject = Py_XNewRef(subject);
	self->argument = Py_XNewRef(argument);
	self->number = number;
	self->coro = NULL;
	self->state = OP_NEW;
	PyObject_GC_Track(self);
	return (PyObject *)self;
}

static int Operation_traverse(PyObject *base, visitproc visit, void *arg) {
	Operation *self = (Operation *)base;
	Py_VISIT(self->subject);
	Py_VISIT(self->argument);
	return 0;
}

static int Operation_clear(PyObject *base) {
	Operation *self = (Operation *)base;
	aw_coro *coro = self->coro;
	self->coro = NULL;
	self->state = OP_ENDED;
	Py_CLEAR(self->subject);
	Py_CLEAR(self->argument);
	aw_coro_unref(coro);
	return 0;
}

static void Operation_dealloc(PyObject *base) {
	PyObject_GC_UnTrack(base);
	Operation_clear(base);
	if (kept_count < OPERATIONS_KEPT)
		kept[kept_count++] = (Operation *)base;
	else
		PyObject_GC_Del(base);
}

static PySendResult operation_begin(Operation *self, PyObject **out) {
	if (self->kind->attempt) {
		int done = self->kind->attempt(self, out);
		if (done) {
			self->state = OP_ENDED;
			return done < 0 ? PYGEN_ERROR : PYGEN_RETURN;
		}
	}
	if (!self->kind->begin) {
		self->state = OP_UNDER_WAY;
		*out = Py_NewRef(Py_None);
		return PYGEN_NEXT;
	}
	if (self->kind->begin(self, &self->coro) < 0) {
		self->state = OP_ENDED;
		return PYGEN_ERROR;
	}
	self->state = OP_UNDER_WAY;
	*out = Py_NewRef((PyObject *)self);
	return PYGEN_NEXT;
}

static PySendResult operation_end(Operation *self, PyObject *sent, PyObject **out) {
	if (self->coro) {
		PyErr_SetString(PyExc_RuntimeError, "this can only be awaited in a task of libawait.aio");
		return PYGEN_ERROR;
	}
	self->state = OP_ENDED;
	*out = self->kind->end ? self->kind->end(self, Py_NewRef(sent)) : Py_NewRef(sent);
	return *out ? PYGEN_RETURN : PYGEN_ERROR;
}

static PySendResult Operation_send(PyObject *base, PyObject *sent, PyObject **out) {
	Operation *self = (Operation *)base;
	*out = NULL;
	switch (self->state) {
	case OP_NEW: return operation_begin(self, out);
	case OP_UNDER_WAY: return operation_end(self, sent, out);
	default:
		PyErr_SetString(PyExc_RuntimeError, "cannot reuse already awaited coroutine");
		return PYGEN_ERROR;
	}
}

static PyObject *send_to_object(PyObject *self, PyObject *value) {
	PyObject *out;
	PySendResult result = Operation_send(self, value, &out);
	return sent_object(result, out);
}

static PyObject *Operation_next(PyObject *self) {
	return send_to_object(self, Py_None);
}

static PyObject *Operation_throw(PyObject *base, PyObject *const *args, Py_ssize_t count) {
	Operation *self = (Operation *)base;
	bool under_way = self->state == OP_UNDER_WAY;
	self->state = OP_ENDED;
	support_throw(args, count);
	if (under_way && self->kind->fail) self->kind->fail(self);
	return NULL;
}

static PyObject *Operation_close(PyObject *base, PyObject *unused) {
	(void)unused;
	Operation_clear(base);
	Py_RETURN_NONE;
}

static PyObject *Operation_await(PyObject *self) {
	return Py_NewRef(self);
}

static PyObject *get_name(PyObject *base, void *unused) {
	(void)unused;
	return PyUnicode_FromString(((Operation *)base)->kind->name);
}

static PyObject *get_none(PyObject *base, void *unused) {
	(void)base, (void)unused;
	Py_RETURN_NONE;
}

static PyObject *get_running(PyObject *base, void *unused) {
	(void)unused;
	return PyBool_FromLong(((Operation *)base)->state == OP_UNDER_WAY);
}

static PyObject *Operation_repr(PyObject *base) {
	return PyUnicode_FromFormat("<coroutine %s at %p>", ((Operation *)base)->kind->name, base);
}

static PyMethodDef Operation_methods[] = {
	{"send", send_to_object, METH_O, NULL},
	{"throw", (PyCFunction)(void (*)(void))Operation_throw, METH_FASTCALL, NULL},
	{"close", Operation_close, METH_NOARGS, NULL},
	{0},
};

static PyGetSetDef Operation_getset[] = {
	{"__name__", get_name, NULL, NULL, NULL},
	{"__qualname__", get_name, NULL, NULL, NULL},
	{"cr_code", get_none, NULL, NULL, NULL},
	{"cr_frame", get_none, NULL, NULL, NULL},
	{"cr_await", get_none, NULL, NULL, NULL},
	{"cr_running", get_running, NULL, NULL, NULL},
	{0},
};

static PyAsyncMethods Operation_async = {.am_await = Operation_await, .am_send = Operation_send};

PyTypeObject Operation_Type = {
	PyVarObject_HEAD_INIT(NULL, 0).tp_name = "libawait.aio._aio.Operation",
	.tp_doc = "A call into the library that is awaited: a coroutine.",
	.tp_basicsize = sizeof(Operation),
	.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
	.tp_dealloc = Operation_dealloc,
	.tp_traverse = Operation_traverse,
	.tp_clear = Operation_clear,
	.tp_as_async = &Operation_async,
	.tp_iter = PyObject_SelfIter,
	.tp_iternext = Operation_next,
	.tp_methods = Operation_methods,
	.tp_getset = Operation_getset,
	.tp_repr = Operation_repr,
};
