/* SPDX-License-Identifier: MIT */
/* What `await future` iterates over. */
#include "aio.h"

typedef struct FutureIter {
	PyObject_HEAD Future *future; /* NULL once it has ended */
} FutureIter;

#define ITERS_KEPT 64
static FutureIter *kept_iters[ITERS_KEPT];
static int kept_iter_count;

PyObject *Future_iter(PyObject *base) {
	Future *self = (Future *)base;
	if (future_check(self) < 0) return NULL;
	FutureIter *iter;
	if (kept_iter_count) {
		iter = kept_iters[--kept_iter_count];
		_Py_NewReference((PyObject *)iter);
	} else {
		iter = PyObject_GC_New(FutureIter, &FutureIter_Type);
	}
	if (!iter) return NULL;
	iter->future = (Future *)Py_NewRef(base);
	PyObject_GC_Track(iter);
	return (PyObject *)iter;
}

static int FutureIter_traverse(PyObject *base, visitproc visit, void *arg) {
	Py_VISIT(((FutureIter *)base)->future);
	return 0;
}

static int FutureIter_clear(PyObject *base) {
	Py_CLEAR(((FutureIter *)base)->future);
	return 0;
}

static void FutureIter_dealloc(PyObject *base) {
	PyObject_GC_UnTrack(base);
	FutureIter_clear(base);
	if (kept_iter_count < ITERS_KEPT)
		kept_iters[kept_iter_count++] = (FutureIter *)base;
	else
		PyObject_GC_Del(base);
}

static PySendResult FutureIter_send(PyObject *base, PyObject *sent, PyObject **out) {
	(void)sent;
	FutureIter *self = (FutureIter *)base;
	Future *future = self->future;
	*out = NULL;
	if (!future) {
		*out = Py_NewRef(Py_None);
		return PYGEN_RETURN;
	}
	if (future_check(future) < 0) return PYGEN_ERROR;
	if (aw_future_done(future->c)) {
		*out = future_result(future);
		self->future = NULL;
		Py_DECREF(future);
		return *out ? PYGEN_RETURN : PYGEN_ERROR;
	}
	if (future->blocking) {
		PyErr_SetString(PyExc_RuntimeError, "await wasn't used with future");
		return PYGEN_ERROR;
	}
	future->blocking = true;
	*out = Py_NewRef((PyObject *)future);
	return PYGEN_NEXT;
}

static PyObject *send_to_object(PyObject *self, PyObject *value) {
	PyObject *out;
	PySendResult result = FutureIter_send(self, value, &out);
	return sent_object(result, out);
}

static PyObject *FutureIter_next(PyObject *self) {
	return send_to_object(self, Py_None);
}

static PyObject *FutureIter_throw(PyObject *base, PyObject *const *args, Py_ssize_t count) {
	FutureIter_clear(base);
	return support_throw(args, count);
}

static PyObject *FutureIter_close(PyObject *base, PyObject *unused) {
	(void)unused;
	FutureIter_clear(base);
	Py_RETURN_NONE;
}

static PyMethodDef FutureIter_methods[] = {
	{"send", send_to_object, METH_O, NULL},
	{"throw", (PyCFunction)(void (*)(void))FutureIter_throw, METH_FASTCALL, NULL},
	{"close", FutureIter_close, METH_NOARGS, NULL},
	{0},
};

static PyAsyncMethods FutureIter_async = {.am_send = FutureIter_send};

PyTypeObject FutureIter_Type = {
	PyVarObject_HEAD_INIT(NULL, 0).tp_name = "libawait.aio._aio.FutureIter",
	.tp_basicsize = sizeof(FutureIter),
	.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
	.tp_dealloc = FutureIter_dealloc,
	.tp_traverse = FutureIter_traverse,
	.tp_clear = FutureIter_clear,
	.tp_as_async = &FutureIter_async,
	.tp_iter = PyObject_SelfIter,
	.tp_iternext = FutureIter_next,
	.tp_methods = FutureIter_methods,
};
