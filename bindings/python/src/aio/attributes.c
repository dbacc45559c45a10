/* SPDX-License-Identifier: MIT */
/* The private attributes of a future that asyncio's tests and tools use. */
#include "aio.h"

static PyObject *get_callbacks(PyObject *base, void *unused) {
	(void)unused;
	PyObject *nodes = future_callbacks((Future *)base);
	if (!nodes) return NULL;
	if (!PyList_GET_SIZE(nodes)) {
		Py_DECREF(nodes);
		Py_RETURN_NONE;
	}
	for (Py_ssize_t i = 0; i < PyList_GET_SIZE(nodes); i++) {
		Callback *at = (Callback *)PyList_GET_ITEM(nodes, i);
		PyObject *pair =
			PyTuple_Pack(2, at->callable ? at->callable : Py_None, at->context ? at->context : Py_None);
		if (!pair || PyList_SetItem(nodes, i, pair) < 0) {
			Py_DECREF(nodes);
			return NULL;
		}
	}
	return nodes;
}

static PyObject *get_state(PyObject *base, void *unused) {
	(void)unused;
	Future *self = (Future *)base;
	return PyUnicode_FromString(!future_done(self)             ? "PENDING"
	                            : aw_future_cancelled(self->c) ? "CANCELLED"
	                                                           : "FINISHED");
}

/* In asyncio's sense, neither retrieves the error. */
static PyObject *get_result(PyObject *base, void *unused) {
	(void)unused;
	Future *self = (Future *)base;
	if (!future_done(self) || aw_future_cancelled(self->c) || self->log_traceback) Py_RETURN_NONE;
	PyObject *result = future_result(self);
	if (result) return result;
	PyErr_Clear();
	Py_RETURN_NONE;
}

static PyObject *get_exception(PyObject *base, void *unused) {
	(void)unused;
	Future *self = (Future *)base;
	if (!future_done(self) || aw_future_cancelled(self->c)) Py_RETURN_NONE;
	if (self->log_traceback && self->held) return Py_NewRef(self->held);
	aw_error *error = NULL;
	aw_future_error(self->c, &error);
	return error ? future_failure_of(self, error, aw_error_status(error)) : Py_NewRef(Py_None);
}

static PyObject *get_loop(PyObject *base, void *unused) {
	(void)unused;
	Future *self = (Future *)base;
	return Py_NewRef(self->loop ? (PyObject *)self->loop : Py_None);
}

static PyObject *get_blocking(PyObject *base, void *unused) {
	(void)unused;
	return PyBool_FromLong(((Future *)base)->blocking);
}

static int set_blocking(PyObject *base, PyObject *value, void *unused) {
	(void)unused;
	int truth = value ? PyObject_IsTrue(value) : -1;
	if (!value) PyErr_SetString(PyExc_AttributeError, "cannot delete attribute");
	if (truth < 0) return -1;
	((Future *)base)->blocking = truth;
	return 0;
}

static PyObject *get_log_traceback(PyObject *base, void *unused) {
	(void)unused;
	return PyBool_FromLong(((Future *)base)->log_traceback);
}

static int set_log_traceback(PyObject *base, PyObject *value, void *unused) {
	(void)unused;
	Future *self = (Future *)base;
	int truth = value ? PyObject_IsTrue(value) : -1;
	if (!value) PyErr_SetString(PyExc_AttributeError, "cannot delete attribute");
	if (truth < 0) return -1;
	if (truth) {
		PyErr_SetString(PyExc_ValueError, "_log_traceback can only be set to False");
		return -1;
	}
	self->log_traceback = false;
	if (future_done(self)) aw_future_error(self->c, NULL);
	return 0;
}

static PyObject *get_cancel_message(PyObject *base, void *unused) {
	(void)unused;
	Future *self = (Future *)base;
	if (self->cancel_msg) return Py_NewRef(self->cancel_msg);
	aw_error *error = NULL;
	if (!self->c || !aw_future_cancelled(self->c) || aw_future_error(self->c, &error) != AW_ECANCELLED ||
	    !error)
		Py_RETURN_NONE;
	PyObject *payload = aw_error_payload(error);
	if (payload && PyTuple_Check(payload) && PyTuple_GET_SIZE(payload))
		return Py_NewRef(PyTuple_GET_ITEM(payload, 0));
	Py_RETURN_NONE;
}

static int set_cancel_message(PyObject *base, PyObject *value, void *unused) {
	(void)unused;
	if (!value) {
		PyErr_SetString(PyExc_AttributeError, "cannot delete attribute");
		return -1;
	}
	Py_XSETREF(((Future *)base)->cancel_msg, value == Py_None ? NULL : Py_NewRef(value));
	return 0;
}

PyGetSetDef Future_getset[] = {
	{"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
	{"_asyncio_future_blocking", get_blocking, set_blocking, NULL, NULL},
	{"_callbacks", get_callbacks, NULL, NULL, NULL},
	{"_cancel_message", get_cancel_message, set_cancel_message, NULL, NULL},
	{"_exception", get_exception, NULL, NULL, NULL},
	{"_log_traceback", get_log_traceback, set_log_traceback, NULL, NULL},
	{"_loop", get_loop, NULL, NULL, NULL},
	{"_result", get_result, NULL, NULL, NULL},
	{"_state", get_state, NULL, NULL, NULL},
	{0},
};
