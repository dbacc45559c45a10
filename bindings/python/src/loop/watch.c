/* SPDX-License-Identifier: MIT */
/* Watching descriptors, signals and child processes. */
#include "loop.h"

static PyObject *watchers(loop_core *self, enum handle_kind kind) {
	return kind == HANDLE_READER ? self->readers : self->writers;
}

/* Removes the watching handle from the table and marks it as cancelled: 1, or 0 if there was none. */
static int forget(PyObject *table, PyObject *number) {
	PyObject *known = PyDict_GetItemWithError(table, number);
	if (!known) return PyErr_Occurred() ? -1 : 0;
	Py_INCREF(known);
	handle_mark_cancelled((Handle *)known);
	int status = PyDict_DelItem(table, number);
	Py_DECREF(known);
	return status < 0 ? -1 : 1;
}

static PyObject *watch(loop_core *self, enum handle_kind kind, PyObject *const *args, Py_ssize_t count) {
	const char *name = kind == HANDLE_READER ? "add_reader" : "add_writer";
	if (check_count(name, count, 2) < 0 || core_check_open(self) < 0) return NULL;
	int fd = PyObject_AsFileDescriptor(args[0]);
	PyObject *number = fd < 0 ? NULL : PyLong_FromLong(fd);
	Handle *made = number ? handle_new((PyObject *)self, kind, args[1], args + 2, count - 2, NULL) : NULL;
	if (!made) goto fail;
	handle_hold(made);
	aw_status status = kind == HANDLE_READER
	                       ? aw_loop_add_reader(self->loop, fd, handle_call, made, handle_release)
	                       : aw_loop_add_writer(self->loop, fd, handle_call, made, handle_release);
	if (!handle_scheduled(made, status)) {
		made = NULL;
		goto fail;
	}
	PyObject *table = watchers(self, kind);
	if (forget(table, number) >= 0 && PyDict_SetItem(table, number, (PyObject *)made) == 0) {
		Py_DECREF(number);
		return (PyObject *)made;
	}
	(void)(kind == HANDLE_READER ? aw_loop_remove_reader(self->loop, fd)
	                             : aw_loop_remove_writer(self->loop, fd));
fail:
	Py_XDECREF(number);
	Py_XDECREF(made);
	return NULL;
}

static PyObject *unwatch(loop_core *self, enum handle_kind kind, PyObject *file) {
	if (self->closed || !self->loop) Py_RETURN_FALSE;
	int fd = PyObject_AsFileDescriptor(file);
	PyObject *number = fd < 0 ? NULL : PyLong_FromLong(fd);
	if (!number) return NULL;
	int known = PyDict_Contains(watchers(self, kind), number);
	if (known > 0) {
		aw_status status = kind == HANDLE_READER ? aw_loop_remove_reader(self->loop, fd)
		                                         : aw_loop_remove_writer(self->loop, fd);
		if (status < 0) raise_status(status);
		known = status < 0 ? -1 : forget(watchers(self, kind), number);
	}
	Py_DECREF(number);
	return known < 0 ? NULL : PyBool_FromLong(known);
}

PyDoc_STRVAR(
	add_reader_doc,
	"_add_reader($self, fd, callback, /, *args)\n--\n\nadd_reader() for any descriptor; returns the Handle.");
static PyObject *core_add_reader(loop_core *self, PyObject *const *args, Py_ssize_t count) {
	return watch(self, HANDLE_READER, args, count);
}

PyDoc_STRVAR(
	add_writer_doc,
	"_add_writer($self, fd, callback, /, *args)\n--\n\nadd_writer() for any descriptor; returns the Handle.");
static PyObject *core_add_writer(loop_core *self, PyObject *const *args, Py_ssize_t count) {
	return watch(self, HANDLE_WRITER, args, count);
}

PyDoc_STRVAR(remove_reader_doc,
             "_remove_reader($self, fd, /)\n--\n\nStop watching; return whether it was watched.");
static PyObject *core_remove_reader(loop_core *self, PyObject *file) {
	return unwatch(self, HANDLE_READER, file);
}

PyDoc_STRVAR(remove_writer_doc,
             "_remove_writer($self, fd, /)\n--\n\nStop watching; return whether it was watched.");
static PyObject *core_remove_writer(loop_core *self, PyObject *file) {
	return unwatch(self, HANDLE_WRITER, file);
}

PyDoc_STRVAR(watched_doc, "_watched($self, /)\n--\n\nReturn two dicts from descriptor to Handle: "
                          "those watched for reading, and for writing.");
static PyObject *core_watched(loop_core *self, PyObject *none) {
	(void)none;
	return Py_BuildValue("NN", PyDict_Copy(self->readers), PyDict_Copy(self->writers));
}

/* --- signals --- */

PyDoc_STRVAR(watch_signal_doc,
             "_watch_signal($self, signum, callback, /, *args)\n--\n\n"
             "Call the callback from the loop once for each delivery of the signal. Returns its Handle.");
static PyObject *core_watch_signal(loop_core *self, PyObject *const *args, Py_ssize_t count) {
	if (check_count("add_signal_handler", count, 2) < 0 || core_check_open(self) < 0) return NULL;
	long number = PyLong_AsLong(args[0]);
	if (number == -1 && PyErr_Occurred()) return NULL;
	Handle *made = handle_new((PyObject *)self, HANDLE_SIGNAL, args[1], args + 2, count - 2, NULL);
	if (!made) return NULL;
	handle_hold(made);
	aw_status status = aw_loop_add_signal_handler(self->loop, (int)number, handle_call, made, handle_release);
	if (!handle_scheduled(made, status)) return NULL;
	if (forget(self->signals, args[0]) >= 0 && PyDict_SetItem(self->signals, args[0], (PyObject *)made) == 0)
		return (PyObject *)made;
	(void)aw_loop_remove_signal_handler(self->loop, (int)number);
	Py_DECREF(made);
	return NULL;
}

PyDoc_STRVAR(unwatch_signal_doc,
             "_unwatch_signal($self, signum, /)\n--\n\nRemove the callback; return whether there was one.");
static PyObject *core_unwatch_signal(loop_core *self, PyObject *arg) {
	long number = PyLong_AsLong(arg);
	if (number == -1 && PyErr_Occurred()) return NULL;
	if (self->closed || !self->loop) Py_RETURN_FALSE;
	aw_status status = aw_loop_remove_signal_handler(self->loop, (int)number);
	if (status < 0) {
		raise_status(status);
		return NULL;
	}
	int known = forget(self->signals, arg);
	return known < 0 ? NULL : PyBool_FromLong(known);
}

/* --- children --- */

static aw_status child_ended(aw_future *future, void *ud) {
	Handle *self = ud;
	void *code = NULL;
	aw_status status = aw_future_result(future, &code);
	if (status < 0) return status;
	PyObject *arguments = Py_BuildValue("ii", aw_process_pid(self->process), (int)(intptr_t)code);
	if (!arguments) {
		PyErr_Clear();
		return AW_ENOMEM;
	}
	handle_set_arguments(self, arguments);
	return handle_call(handle_core(self)->loop, self);
}

static aw_status child_watch(Handle *self, int32_t pid) {
	aw_future *ended = NULL;
	handle_hold(self);
	/* Detached: closing the loop leaves the child alone, as asyncio does. */
	aw_status status = aw_process_adopt(handle_core(self)->loop, pid, -1, AW_PROCESS_DETACH, &self->process);
	if (status >= 0) status = aw_process_wait(self->process, &ended);
	if (status < 0) {
		handle_release(self);
		return status;
	}
	status = aw_future_add_done_callback(ended, child_ended, self, handle_release);
	aw_future_unref(ended);
	return status;
}

PyDoc_STRVAR(watch_child_doc,
             "_watch_child($self, pid, callback, /)\n--\n\n"
             "Reap this child through a pidfd when it ends, and call callback(pid, returncode). Never reaps "
             "other children. Raises ChildProcessError or ProcessLookupError if the child does not exist.");
static PyObject *core_watch_child(loop_core *self, PyObject *args) {
	int pid;
	PyObject *callback;
	if (!PyArg_ParseTuple(args, "iO:_watch_child", &pid, &callback) || core_check_open(self) < 0) return NULL;
	Handle *made = handle_new((PyObject *)self, HANDLE_CHILD, callback, NULL, 0, NULL);
	if (!made) return NULL;
	aw_status status = child_watch(made, pid);
	Py_DECREF(made);
	if (status >= 0) Py_RETURN_NONE;
	raise_status(status);
	return NULL;
}

PyMethodDef core_watch_methods[] = {
	{"_add_reader", (PyCFunction)(void (*)(void))core_add_reader, METH_FASTCALL, add_reader_doc},
	{"_add_writer", (PyCFunction)(void (*)(void))core_add_writer, METH_FASTCALL, add_writer_doc},
	{"_remove_reader", (PyCFunction)core_remove_reader, METH_O, remove_reader_doc},
	{"_remove_writer", (PyCFunction)core_remove_writer, METH_O, remove_writer_doc},
	{"_watched", (PyCFunction)core_watched, METH_NOARGS, watched_doc},
	{"_watch_signal", (PyCFunction)(void (*)(void))core_watch_signal, METH_FASTCALL, watch_signal_doc},
	{"_unwatch_signal", (PyCFunction)core_unwatch_signal, METH_O, unwatch_signal_doc},
	{"_watch_child", (PyCFunction)core_watch_child, METH_VARARGS, watch_child_doc},
	{NULL},
};
