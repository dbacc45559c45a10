/* SPDX-License-Identifier: MIT */
/*
 * sleep, gather, shield, wait, wait_for and as_completed. libawait/aio/tasks.py calls these after it has
 * converted all arguments to futures.
 */
#include "aio.h"

/* ---- helpers ---- */

/* The handles of a list of futures of one loop; NULL with an exception. `*out_loop` is borrowed. */
static aw_future **handles_of(PyObject *list, Loop **out_loop) {
	Py_ssize_t count = PyList_GET_SIZE(list);
	aw_future **handles = PyMem_Calloc((size_t)(count ? count : 1), sizeof *handles);
	if (!handles) {
		PyErr_NoMemory();
		return NULL;
	}
	for (Py_ssize_t i = 0; i < count; i++) {
		PyObject *one = PyList_GET_ITEM(list, i);
		if (!Future_Check(one) || !((Future *)one)->c) {
			PyErr_Format(PyExc_TypeError, "a future of libawait.aio was expected, got %R", one);
			PyMem_Free(handles);
			return NULL;
		}
		handles[i] = ((Future *)one)->c;
		*out_loop = ((Future *)one)->loop;
	}
	return handles;
}

static PyObject *future_from(Loop *loop, aw_status status, aw_future *c, PyObject *source) {
	if (status < 0) return raise_status(status);
	PyObject *wrapper = future_wrap(loop, c);
	if (wrapper && !((Future *)wrapper)->source) ((Future *)wrapper)->source = Py_NewRef(source);
	return wrapper;
}

/* ---- sleep ---- */

static int sleep_begin(Operation *self, aw_coro **out) {
	Loop *loop = loop_running_or_raise();
	aw_status status = loop ? aw_sleep_coro(loop->c, self->number, NULL, NULL, out) : -1;
	if (status < 0 && loop) raise_status(status);
	return status < 0 ? -1 : 0;
}

static PyObject *sleep_end(Operation *self, PyObject *value) {
	Py_DECREF(value);
	return Py_NewRef(self->argument);
}

static const operation_kind sleep_some = {"sleep", NULL, sleep_begin, sleep_end, NULL, NULL};
static const operation_kind sleep_none = {"sleep", NULL, NULL, sleep_end, NULL, NULL};

static PyObject *combine_sleep(PyObject *module, PyObject *const *args, Py_ssize_t count, PyObject *names) {
	(void)module;
	Py_ssize_t named = names ? PyTuple_GET_SIZE(names) : 0;
	bool well = count >= 1 && count + named <= 2 &&
	            (!named || PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, 0), "result") == 0);
	int64_t delay;
	if (!well) {
		PyErr_SetString(PyExc_TypeError, "sleep(delay, result=None)");
		return NULL;
	}
	if (args[0] == Py_None) {
		PyErr_SetString(PyExc_TypeError, "delay must be a number");
		return NULL;
	}
	if (duration_of(args[0], &delay) < 0) return NULL;
	return operation_new(delay > 0 ? &sleep_some : &sleep_none, NULL, count + named == 2 ? args[1] : Py_None,
	                     delay);
}

/* ---- gather, shield ---- */

static PyObject *combine_gather(PyObject *module, PyObject *args) {
	(void)module;
	PyObject *children;
	int flags;
	Loop *loop;
	if (!PyArg_ParseTuple(args, "O!O!p", &Loop_Type, &loop, &PyList_Type, &children, &flags)) return NULL;
	Loop *last = loop;
	aw_future **handles = handles_of(children, &last), *c;
	if (!handles) return NULL;
	aw_status status = aw_gather(loop->c, handles, (size_t)PyList_GET_SIZE(children),
	                             flags ? AW_GATHER_RETURN_ERRORS : 0, &c);
	PyMem_Free(handles);
	if (status == AW_EFOREIGNLOOP) {
		PyErr_SetString(PyExc_ValueError,
		                "The future belongs to a different loop than the one specified as the loop argument");
		return NULL;
	}
	return future_from(loop, status, c, children);
}

static PyObject *combine_shield(PyObject *module, PyObject *inner) {
	(void)module;
	if (!Future_Check(inner) || future_check((Future *)inner) < 0)
		return PyErr_Occurred()
		           ? NULL
		           : PyErr_Format(PyExc_TypeError, "a future of libawait.aio was expected, got %R", inner);
	aw_future *c;
	aw_status status = aw_shield(((Future *)inner)->c, &c);
	if (status < 0) return raise_status(status);
	if (c == ((Future *)inner)->c) {
		aw_future_unref(c);
		return Py_NewRef(inner);
	}
	return future_from(((Future *)inner)->loop, 0, c, inner);
}

/* ---- wait ---- */

static int wait_begin(Operation *self, aw_coro **out) {
	Loop *loop = NULL;
	int64_t timeout;
	if (duration_of(self->argument, &timeout) < 0) return -1;
	aw_future **handles = handles_of(self->subject, &loop);
	if (!handles) return -1;
	aw_status status = aw_wait_coro(loop ? loop->c : NULL, handles, (size_t)PyList_GET_SIZE(self->subject),
	                                (int32_t)self->number, timeout, out);
	PyMem_Free(handles);
	if (status < 0) raise_status(status);
	return status < 0 ? -1 : 0;
}

static PyObject *wait_end(Operation *self, PyObject *value) {
	Py_DECREF(value);
	PyObject *done = PySet_New(NULL), *pending = PySet_New(NULL), *pair = NULL;
	int failed = !done || !pending;
	for (Py_ssize_t i = 0; !failed && i < PyList_GET_SIZE(self->subject); i++) {
		PyObject *one = PyList_GET_ITEM(self->subject, i);
		failed = PySet_Add(future_done((Future *)one) ? done : pending, one) < 0;
	}
	if (!failed) pair = PyTuple_Pack(2, done, pending);
	Py_XDECREF(done);
	Py_XDECREF(pending);
	return pair;
}

static PyObject *nothing(void *value) {
	(void)value;
	Py_RETURN_NONE;
}

static const operation_kind wait_kind = {"wait", NULL, wait_begin, wait_end, NULL, nothing};

static PyObject *combine_wait(PyObject *module, PyObject *args) {
	(void)module;
	PyObject *futures, *timeout;
	int way;
	if (!PyArg_ParseTuple(args, "O!Oi", &PyList_Type, &futures, &timeout, &way)) return NULL;
	return operation_new(&wait_kind, futures, timeout, way);
}

/* ---- wait_for ---- */

static int wait_for_begin(Operation *self, aw_coro **out) {
	int64_t timeout;
	if (duration_of(self->argument, &timeout) < 0 || future_check((Future *)self->subject) < 0) return -1;
	aw_status status = aw_wait_for_coro(((Future *)self->subject)->c, timeout, out);
	if (status < 0) raise_status(status);
	return status < 0 ? -1 : 0;
}

static PyObject *wait_for_end(Operation *self, PyObject *value) {
	Py_DECREF(value);
	return future_result((Future *)self->subject);
}

static void wait_for_fail(Operation *self) {
	((Future *)self->subject)->log_traceback = false;
}

static const operation_kind wait_for_kind = {"wait_for",   NULL,          wait_for_begin,
                                             wait_for_end, wait_for_fail, nothing};

static PyObject *combine_wait_for(PyObject *module, PyObject *args) {
	(void)module;
	PyObject *future, *timeout;
	if (!PyArg_ParseTuple(args, "O!O", &Future_Type, &future, &timeout)) return NULL;
	return operation_new(&wait_for_kind, future, timeout, 0);
}

/* ---- as_completed ---- */

typedef struct AsCompleted {
	PyObject_HEAD PyObject *futures;
	aw_as_completed *c;
} AsCompleted;

static int AsCompleted_init(PyObject *base, PyObject *args, PyObject *keywords) {
	AsCompleted *self = (AsCompleted *)base;
	PyObject *futures, *limit;
	Loop *loop, *last = NULL;
	int64_t timeout;
	if (keywords && PyDict_GET_SIZE(keywords)) {
		PyErr_SetString(PyExc_TypeError, "no keyword arguments are taken");
		return -1;
	}
	if (!PyArg_ParseTuple(args, "O!O!O", &Loop_Type, &loop, &PyList_Type, &futures, &limit) ||
	    duration_of(limit, &timeout) < 0)
		return -1;
	aw_future **handles = handles_of(futures, &last);
	if (!handles) return -1;
	aw_status status =
		aw_as_completed_new(loop->c, handles, (size_t)PyList_GET_SIZE(futures), timeout, &self->c);
	PyMem_Free(handles);
	Py_XSETREF(self->futures, Py_NewRef(futures));
	if (status < 0) raise_status(status);
	return status < 0 ? -1 : 0;
}

static int next_begin(Operation *self, aw_coro **out) {
	aw_status status = aw_as_completed_next_coro(((AsCompleted *)self->subject)->c, out);
	if (status < 0) raise_status(status);
	return status < 0 ? -1 : 0;
}

static PyObject *next_result(Operation *self, PyObject *future) {
	(void)self;
	PyObject *result = future_result((Future *)future);
	Py_DECREF(future);
	return result;
}

static const operation_kind next_result_kind = {"as_completed", NULL, next_begin, next_result, NULL, NULL};
static const operation_kind next_future_kind = {"as_completed", NULL, next_begin, NULL, NULL, NULL};

static PyObject *AsCompleted_next_result(PyObject *self, PyObject *unused) {
	(void)unused;
	return operation_new(&next_result_kind, self, NULL, 0);
}

static PyObject *AsCompleted_next_future(PyObject *self, PyObject *unused) {
	(void)unused;
	return operation_new(&next_future_kind, self, NULL, 0);
}

static int AsCompleted_traverse(PyObject *base, visitproc visit, void *arg) {
	Py_VISIT(((AsCompleted *)base)->futures);
	return 0;
}

static int AsCompleted_clear(PyObject *base) {
	Py_CLEAR(((AsCompleted *)base)->futures);
	return 0;
}

static void AsCompleted_dealloc(PyObject *base) {
	PyObject_GC_UnTrack(base);
	aw_as_completed_unref(((AsCompleted *)base)->c);
	AsCompleted_clear(base);
	Py_TYPE(base)->tp_free(base);
}

static PyMethodDef AsCompleted_methods[] = {
	{"next_result", AsCompleted_next_result, METH_NOARGS,
     "Await this: returns the result of the next future that is done."},
	{"next_future", AsCompleted_next_future, METH_NOARGS,
     "Await this: returns the next future that is done."},
	{0},
};

PyTypeObject AsCompleted_Type = {
	PyVarObject_HEAD_INIT(NULL, 0).tp_name = "libawait.aio._aio.AsCompleted",
	.tp_basicsize = sizeof(AsCompleted),
	.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
	.tp_new = PyType_GenericNew,
	.tp_init = AsCompleted_init,
	.tp_dealloc = AsCompleted_dealloc,
	.tp_traverse = AsCompleted_traverse,
	.tp_clear = AsCompleted_clear,
	.tp_methods = AsCompleted_methods,
};

PyMethodDef combine_functions[] = {
	{"sleep", FAST_KEYWORDS(combine_sleep),
     "sleep(delay, result=None): suspend the task for `delay` seconds; 0 yields once."},
	{"gather", combine_gather, METH_VARARGS, NULL},
	{"shield", combine_shield, METH_O, NULL},
	{"wait", combine_wait, METH_VARARGS, NULL},
	{"wait_for", combine_wait_for, METH_VARARGS, NULL},
	{0},
};
