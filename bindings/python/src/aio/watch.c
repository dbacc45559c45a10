/* SPDX-License-Identifier: MIT */
/* Watching descriptors and signals. Python code creates the handles. */
#include "aio.h"

static PyObject *add_descriptor(Loop *self, PyObject *args,
                                aw_status (*add)(aw_loop *, int, aw_callback_fn, void *, aw_destroy_fn)) {
	int fd;
	PyObject *callback, *rest;
	if (!PyArg_ParseTuple(args, "iOO!", &fd, &callback, &PyTuple_Type, &rest)) return NULL;
	if (loop_check_callback(self, callback, "add_reader") < 0) return NULL;
	Handle *handle = handle_new((PyObject *)self, HANDLE_READER, callback, &PyTuple_GET_ITEM(rest, 0),
	                            PyTuple_GET_SIZE(rest), NULL);
	if (!handle) return NULL;
	Py_INCREF(handle);
	return handle_scheduled(handle, add(self->c, fd, handle_call, handle, object_drop));
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

int int_of(PyObject *number) {
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

PyMethodDef loop_watch_methods[] = {
	{"_add_reader", Loop_add_reader, METH_VARARGS, NULL},
	{"_add_writer", Loop_add_writer, METH_VARARGS, NULL},
	{"_add_signal", Loop_add_signal, METH_VARARGS, NULL},
	{"_remove_reader", Loop_remove_reader, METH_O, NULL},
	{"_remove_writer", Loop_remove_writer, METH_O, NULL},
	{"_remove_signal", Loop_remove_signal, METH_O, NULL},
	{0},
};
