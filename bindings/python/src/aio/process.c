/* SPDX-License-Identifier: MIT */
/* A child process: how it is started, signalled and awaited. libawait/aio/processes.py has its transport. */
#include "aio.h"

#include <errno.h>

typedef struct Process {
	PyObject_HEAD PyObject *weakrefs;
	Loop *loop;
	aw_process *c;
} Process;

/* A sequence of bytes objects as an array of C strings, which borrow from `*out_owner`. */
static const char **texts_of(PyObject *sequence, PyObject **out_owner, Py_ssize_t *out_count) {
	PyObject *fast = PySequence_Fast(sequence, "a sequence of bytes objects was expected");
	if (!fast) return NULL;
	Py_ssize_t count = PySequence_Fast_GET_SIZE(fast);
	const char **texts = PyMem_Calloc((size_t)(count ? count : 1), sizeof *texts);
	if (!texts) PyErr_NoMemory();
	for (Py_ssize_t i = 0; texts && i < count; i++) {
		char *text;
		/* also fails on an embedded NUL */
		if (PyBytes_AsStringAndSize(PySequence_Fast_GET_ITEM(fast, i), &text, NULL) < 0) {
			PyMem_Free(texts);
			texts = NULL;
		} else {
			texts[i] = text;
		}
	}
	if (!texts) Py_CLEAR(fast);
	*out_owner = fast;
	*out_count = count;
	return texts;
}

static int set_environment(aw_process_options *options, PyObject *environment) {
	if (environment == Py_None) return 0;
	PyObject *owner;
	Py_ssize_t count;
	const char **texts = texts_of(environment, &owner, &count);
	if (!texts) return -1;
	int result = status_ok(aw_process_options_set_env(options, texts, (size_t)count));
	PyMem_Free(texts);
	Py_DECREF(owner);
	return result;
}

static int set_streams(aw_process_options *options, PyObject *streams) {
	for (int stream = 0; stream < 3; stream++) {
		int how, fd;
		if (!PyArg_ParseTuple(PyTuple_GET_ITEM(streams, stream), "ii", &how, &fd)) return -1;
		if (status_ok(aw_process_options_set_stdio(options, stream, how, fd)) < 0) return -1;
	}
	return 0;
}

static int start(Process *self, aw_process_options *options, PyObject *argv) {
	PyObject *owner;
	Py_ssize_t count;
	const char **texts = texts_of(argv, &owner, &count);
	if (!texts) return -1;
	aw_status status =
		count ? aw_subprocess_exec(self->loop->c, texts, (size_t)count, options, &self->c) : AW_EINVAL;
	if (status < 0 && status > -4096) {
		errno = -status;
		PyErr_SetFromErrnoWithFilename(PyExc_OSError, count ? texts[0] : "");
	} else if (status < 0) {
		raise_status(status);
	}
	PyMem_Free(texts);
	Py_DECREF(owner);
	return status < 0 ? -1 : 0;
}

/*
 * Process(loop, argv, streams, cwd, environment, flags): all strings are bytes; streams are three pairs (how,
 * fd).
 */
static int Process_init(PyObject *base, PyObject *args, PyObject *keywords) {
	(void)keywords;
	Process *self = (Process *)base;
	PyObject *argv, *streams, *environment;
	Loop *loop;
	char *cwd = NULL;
	unsigned flags;
	PyObject *directory;
	if (!PyArg_ParseTuple(args, "O!OO!OOI", &Loop_Type, &loop, &argv, &PyTuple_Type, &streams, &directory,
	                      &environment, &flags))
		return -1;
	if (directory != Py_None && PyBytes_AsStringAndSize(directory, &cwd, NULL) < 0) return -1;
	if (self->c || PyTuple_GET_SIZE(streams) != 3) {
		PyErr_SetString(PyExc_ValueError, "a Process can be started only once, with three streams");
		return -1;
	}
	Py_XSETREF(self->loop, (Loop *)Py_NewRef((PyObject *)loop));
	aw_process_options *options;
	if (status_ok(aw_process_options_new(&options)) < 0) return -1;
	int result = set_streams(options, streams);
	if (result == 0 && cwd) result = status_ok(aw_process_options_set_cwd(options, cwd));
	if (result == 0) result = set_environment(options, environment);
	if (result == 0) result = status_ok(aw_process_options_set_flags(options, flags));
	if (result == 0) result = start(self, options, argv);
	aw_process_options_unref(options);
	return result;
}

static PyObject *future_or(Process *self, aw_status status, aw_future *c) {
	return status < 0 ? raise_status(status) : future_wrap(self->loop, c);
}

static PyObject *Process_wait(PyObject *base, PyObject *unused) {
	(void)unused;
	Process *self = (Process *)base;
	aw_future *c = NULL;
	aw_status status = aw_process_wait(self->c, &c);
	return future_or(self, status, c);
}

/* adopt(loop, pid): a child that Python has started. */
static PyObject *Process_adopt(PyObject *type, PyObject *args) {
	Loop *loop;
	int pid;
	if (!PyArg_ParseTuple(args, "O!i", &Loop_Type, &loop, &pid)) return NULL;
	Process *self = (Process *)((PyTypeObject *)type)->tp_alloc((PyTypeObject *)type, 0);
	if (!self) return NULL;
	self->loop = (Loop *)Py_NewRef((PyObject *)loop);
	if (status_ok(loop->c ? aw_process_adopt(loop->c, pid, -1, 0, &self->c) : AW_ELOOPCLOSED) < 0)
		Py_CLEAR(self);
	return (PyObject *)self;
}

/* take_pipe(number): its descriptor. */
static PyObject *Process_take_pipe(PyObject *base, PyObject *args) {
	int number, fd;
	if (!PyArg_ParseTuple(args, "i", &number)) return NULL;
	aw_status status = aw_process_take_pipe(((Process *)base)->c, number, &fd);
	return status < 0 ? raise_status(status) : PyLong_FromLong(fd);
}

static PyObject *Process_send_signal(PyObject *base, PyObject *args) {
	int number;
	if (!PyArg_ParseTuple(args, "i", &number)) return NULL;
	aw_status status = aw_process_send_signal(((Process *)base)->c, number);
	if (status < 0) return raise_status(status); /* ESRCH is ProcessLookupError */
	Py_RETURN_NONE;
}

static PyObject *get_pid(PyObject *base, void *unused) {
	(void)unused;
	return PyLong_FromLong(aw_process_pid(((Process *)base)->c));
}

static PyObject *get_returncode(PyObject *base, void *unused) {
	(void)unused;
	int32_t code;
	if (aw_process_returncode(((Process *)base)->c, &code) < 0) Py_RETURN_NONE;
	return PyLong_FromLong(code);
}

static int Process_traverse(PyObject *base, visitproc visit, void *arg) {
	Py_VISIT(((Process *)base)->loop);
	return 0;
}

static int Process_clear(PyObject *base) {
	Py_CLEAR(((Process *)base)->loop);
	return 0;
}

static void Process_dealloc(PyObject *base) {
	Process *self = (Process *)base;
	PyObject_GC_UnTrack(base);
	if (self->weakrefs) PyObject_ClearWeakRefs(base);
	aw_process_unref(self->c);
	Process_clear(base);
	Py_TYPE(base)->tp_free(base);
}

static PyMethodDef Process_methods[] = {
	{"adopt", Process_adopt, METH_VARARGS | METH_CLASS, "Await a child that was started elsewhere."},
	{"wait", Process_wait, METH_NOARGS, "A future for the return code."},
	{"take_pipe", Process_take_pipe, METH_VARARGS,
     "The descriptor of pipe 0, 1 or 2, which the caller then owns."},
	{"send_signal", Process_send_signal, METH_VARARGS, "Send a signal."},
	{0},
};

static PyGetSetDef Process_getset[] = {
	{"pid", get_pid, NULL, "The child's process id.", NULL},
	{"returncode", get_returncode, NULL, "The exit status, -N for signal N, or None while it runs.", NULL},
	{0},
};

PyTypeObject Process_Type = {
	PyVarObject_HEAD_INIT(NULL, 0).tp_name = "libawait.aio._aio.Process",
	.tp_basicsize = sizeof(Process),
	.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
	.tp_new = PyType_GenericNew,
	.tp_init = Process_init,
	.tp_dealloc = Process_dealloc,
	.tp_traverse = Process_traverse,
	.tp_clear = Process_clear,
	.tp_weaklistoffset = offsetof(Process, weakrefs),
	.tp_methods = Process_methods,
	.tp_getset = Process_getset,
};
