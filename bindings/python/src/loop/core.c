/* SPDX-License-Identifier: MIT */
/*
 * The core of an event loop: an aw_loop replaces the deque, the heap and the selector of
 * asyncio.BaseEventLoop. The Python subclass, libawait.loop.EventLoop, takes the rest of the interface from
 * asyncio.
 */
#include "loop.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <string.h>
#include <structmember.h>

names py;
static loop_core *cores; /* all loops of the process, for fork */

/* --- errors --- */

void raise_status(aw_status status) {
	switch (status) {
	case AW_ENOMEM: PyErr_NoMemory(); return;
	case AW_ELOOPCLOSED: PyErr_SetString(PyExc_RuntimeError, "Event loop is closed"); return;
	case AW_EFORKED:
		PyErr_SetString(PyExc_RuntimeError, "the event loop belongs to the parent process");
		return;
	case AW_EWRONGTHREAD:
		PyErr_SetString(PyExc_RuntimeError,
		                "Non-thread-safe operation invoked on an event loop other than the current one");
		return;
	case AW_ELOOPRUNNING:
		PyErr_SetString(PyExc_RuntimeError, "Cannot run the event loop while another loop is running");
		return;
	case AW_EBADHANDLE: PyErr_SetString(PyExc_RuntimeError, "the event loop was not initialised"); return;
	default: break;
	}
	if (status > AW_ECANCELLED) {
		errno = -status;
		PyErr_SetFromErrno(PyExc_OSError);
	} else {
		PyErr_Format(PyExc_RuntimeError, "%s (%s)", aw_strerror(status), aw_err_name(status));
	}
}

int core_check_open(loop_core *self) {
	if (!self->closed && self->loop) return 0;
	raise_status(self->loop ? AW_ELOOPCLOSED : AW_EBADHANDLE);
	return -1;
}

/* --- life --- */

static PyObject *core_new(PyTypeObject *type, PyObject *args, PyObject *keywords) {
	(void)args;
	(void)keywords;
	loop_core *self = (loop_core *)type->tp_alloc(type, 0);
	if (!self) return NULL;
	self->bell = -1;
	self->closed = true; /* until it is opened */
	self->readers = PyDict_New();
	self->writers = PyDict_New();
	self->signals = PyDict_New();
	self->thread_id = Py_NewRef(Py_None);
	self->current_handle = Py_NewRef(Py_None);
	self->task_factory = Py_NewRef(Py_None);
	self->next = cores;
	self->link = &cores;
	if (cores) cores->link = &self->next;
	cores = self;
	if (self->readers && self->writers && self->signals) return (PyObject *)self;
	Py_DECREF(self);
	return NULL;
}

PyDoc_STRVAR(open_doc, "_open($self, backend, /)\n--\n\nCreate the underlying loop, on the given backend or "
                       "the one that AWAIT_BACKEND names.");
static PyObject *core_open(loop_core *self, PyObject *arg) {
	const char *backend = NULL;
	if (arg != Py_None && !(backend = PyUnicode_AsUTF8(arg))) return NULL;
	if (self->loop) {
		PyErr_SetString(PyExc_RuntimeError, "the event loop is already open");
		return NULL;
	}
	aw_status status = aw_loop_new(backend, &self->loop);
	if (status < 0) {
		char why[512];
		self->loop = NULL;
		if (status != AW_ENOMEM && aw_backend_explain(backend, why, sizeof why) < 0)
			PyErr_Format(PyExc_RuntimeError, "no event loop on the backend %s: %s",
			             backend ? backend : "asked for", why);
		else
			raise_status(status);
		return NULL;
	}
	self->closed = false;
	self->is_virtual = strcmp(aw_loop_backend(self->loop), "virtual") == 0;
	Py_RETURN_NONE;
}

/* Callbacks are dropped without being called. */
static aw_status core_shut(loop_core *self) {
	if (!self->loop) return 0;
	aw_status status = aw_loop_close(self->loop);
	if (status < 0) return status;
	self->closed = true;
	PyDict_Clear(self->readers);
	PyDict_Clear(self->writers);
	PyDict_Clear(self->signals);
	return 0;
}

static int core_traverse(loop_core *self, visitproc visit, void *arg) {
	for (const Handle *at = self->held; at; at = at->next) Py_VISIT(at);
	Py_VISIT(self->readers);
	Py_VISIT(self->writers);
	Py_VISIT(self->signals);
	Py_VISIT(self->thread_id);
	Py_VISIT(self->current_handle);
	Py_VISIT(self->task_factory);
	Py_VISIT(self->exit);
	return 0;
}

static int core_clear(loop_core *self) {
	(void)core_shut(self);
	Py_CLEAR(self->thread_id);
	Py_CLEAR(self->current_handle);
	Py_CLEAR(self->task_factory);
	Py_CLEAR(self->exit);
	return 0;
}

static void core_dealloc(loop_core *self) {
	PyObject *type, *value, *traceback;
	PyObject_GC_UnTrack(self);
	PyErr_Fetch(&type, &value, &traceback);
	*self->link = self->next;
	if (self->next) self->next->link = self->link;
	core_clear(self);
	Py_CLEAR(self->readers);
	Py_CLEAR(self->writers);
	Py_CLEAR(self->signals);
	aw_loop_unref(self->loop);
	PyErr_Restore(type, value, traceback);
	Py_TYPE(self)->tp_free((PyObject *)self);
}

PyDoc_STRVAR(shut_doc,
             "_shut($self, /)\n--\n\nClose the underlying loop. Drops its callbacks without calling them.");
static PyObject *core_shut_now(loop_core *self, PyObject *none) {
	(void)none;
	aw_status status = core_shut(self);
	if (status == 0) Py_RETURN_NONE;
	raise_status(status);
	return NULL;
}

PyObject *abandon_all(PyObject *module, PyObject *none) {
	(void)module;
	(void)none;
	for (loop_core *at = cores; at; at = at->next) {
		if (!at->loop || at->closed) continue;
		/* What it holds is abandoned as well, because libawait will never release it. */
		(void)aw_loop_abandon(at->loop);
		at->closed = true;
	}
	Py_RETURN_NONE;
}

/* --- frequently called by asyncio's C code --- */

PyDoc_STRVAR(get_debug_doc, "get_debug($self, /)\n--\n\nReturn whether the loop is in debug mode.");
static PyObject *core_get_debug(loop_core *self, PyObject *none) {
	(void)none;
	return PyBool_FromLong(self->debug);
}

PyDoc_STRVAR(is_closed_doc, "is_closed($self, /)\n--\n\nReturn True if the loop was closed.");
static PyObject *core_is_closed(loop_core *self, PyObject *none) {
	(void)none;
	return PyBool_FromLong(self->closed);
}

PyDoc_STRVAR(is_running_doc, "is_running($self, /)\n--\n\nReturn True if the loop is running.");
static PyObject *core_is_running(loop_core *self, PyObject *none) {
	(void)none;
	return PyBool_FromLong(self->thread_id && self->thread_id != Py_None);
}

PyDoc_STRVAR(create_future_doc, "create_future($self, /)\n--\n\nReturn an asyncio.Future of this loop.");
static PyObject *core_create_future(loop_core *self, PyObject *none) {
	(void)none;
	PyObject *args[] = {(PyObject *)self};
	return PyObject_Vectorcall(py.future, args, 0, py.loop_keywords);
}

/* An asyncio.Task, with the caller's keywords and the loop. */
static PyObject *task_new(loop_core *self, PyObject *const *args, PyObject *keywords) {
	Py_ssize_t given = keywords ? PyTuple_GET_SIZE(keywords) : 0;
	PyObject *all[8], *keys = given ? PyTuple_New(given + 1) : Py_NewRef(py.loop_keywords);
	PyObject *task = keys ? PyObject_GetAttr(py.tasks, py.task) : NULL;
	if (!task) {
		Py_XDECREF(keys);
		return NULL;
	}
	all[0] = args[0];
	for (Py_ssize_t i = 0; i < given; i++) {
		all[i + 1] = args[i + 1];
		PyTuple_SET_ITEM(keys, i, Py_NewRef(PyTuple_GET_ITEM(keywords, i)));
	}
	if (given) PyTuple_SET_ITEM(keys, given, Py_NewRef(py.loop));
	all[given + 1] = (PyObject *)self;
	PyObject *made = PyObject_Vectorcall(task, all, 1, keys);
	Py_DECREF(task);
	Py_DECREF(keys);
	return made;
}

PyDoc_STRVAR(
	create_task_doc,
	"create_task($self, coro, /, **kwargs)\n--\n\n"
	"Return a Task that runs the coroutine: an asyncio.Task, or what the task factory returns. Keywords as in "
	"asyncio: name, context, and those of newer versions.");
static PyObject *core_create_task(loop_core *self, PyObject *const *args, Py_ssize_t count,
                                  PyObject *keywords) {
	if (core_check_open(self) < 0) return NULL;
	/* The usual case; asyncio handles the others. */
	if (count == 1 && !self->debug && self->task_factory == Py_None &&
	    (!keywords || PyTuple_GET_SIZE(keywords) < 6))
		return task_new(self, args, keywords);
	PyObject *all[16];
	Py_ssize_t given = count + (keywords ? PyTuple_GET_SIZE(keywords) : 0);
	if (given > 15) {
		PyErr_SetString(PyExc_TypeError, "create_task() got too many arguments");
		return NULL;
	}
	all[0] = (PyObject *)self;
	memcpy(all + 1, args, (size_t)given * sizeof *all);
	PyObject *function = PyObject_GetAttr(py.support, py.create_task);
	if (!function) return NULL;
	PyObject *made = PyObject_Vectorcall(function, all, (size_t)count + 1, keywords);
	Py_DECREF(function);
	return made;
}

/* --- attributes --- */

static PyObject *get_flag(loop_core *self, void *offset) {
	return PyBool_FromLong(*((const bool *)self + (intptr_t)offset));
}

static int set_flag(loop_core *self, PyObject *value, void *offset) {
	int on = value ? PyObject_IsTrue(value) : 0;
	if (on < 0) return -1;
	*((bool *)self + (intptr_t)offset) = on;
	return 0;
}

static PyObject *held(const loop_core *self, bool timers) {
	PyObject *list = PyList_New(0);
	for (Handle *at = self->held; list && at; at = at->next) {
		if (at->cancelled || (at->kind != (timers ? HANDLE_TIMER : HANDLE_SOON))) continue;
		if (PyList_Append(list, (PyObject *)at) < 0) Py_CLEAR(list);
	}
	if (list && (timers ? PyList_Sort(list) : PyList_Reverse(list)) < 0) Py_CLEAR(list);
	return list;
}

static PyObject *get_ready(loop_core *self, void *none) {
	(void)none;
	return held(self, false);
}

static PyObject *get_scheduled(loop_core *self, void *none) {
	(void)none;
	return held(self, true);
}

/* asyncio's __init__ sets its own queue and heap, which are unused here. */
static int set_ignored(loop_core *self, PyObject *value, void *none) {
	(void)self;
	(void)value;
	(void)none;
	return 0;
}

static PyObject *get_backend(loop_core *self, void *none) {
	(void)none;
	if (!self->loop) Py_RETURN_NONE;
	return PyUnicode_FromString(aw_loop_backend(self->loop));
}

#define FLAG(name, field) \
	{ name, (getter)get_flag, (setter)set_flag, NULL, (void *)offsetof(loop_core, field) }
static PyGetSetDef core_attributes[] = {
	FLAG("_debug", debug),
	FLAG("_closed", closed),
	FLAG("_stopping", stopping),
	{"_ready", (getter)get_ready, (setter)set_ignored, "a new list of the ready handles, in order", NULL},
	{"_scheduled", (getter)get_scheduled, (setter)set_ignored,
     "a new list of the pending timers, in order of their times", NULL},
	{"backend", (getter)get_backend, NULL, "the name of the backend that drives the loop", NULL},
	{NULL},
};

static PyMemberDef core_members[] = {
	{"_thread_id", T_OBJECT, offsetof(loop_core, thread_id), 0, NULL},
	{"_current_handle", T_OBJECT, offsetof(loop_core, current_handle), 0, NULL},
	{"_task_factory", T_OBJECT, offsetof(loop_core, task_factory), 0, NULL},
	{NULL},
};

static PyMethodDef core_own_methods[] = {
	{"_open", (PyCFunction)core_open, METH_O, open_doc},
	{"_shut", (PyCFunction)core_shut_now, METH_NOARGS, shut_doc},
	{"get_debug", (PyCFunction)core_get_debug, METH_NOARGS, get_debug_doc},
	{"is_closed", (PyCFunction)core_is_closed, METH_NOARGS, is_closed_doc},
	{"is_running", (PyCFunction)core_is_running, METH_NOARGS, is_running_doc},
	{"create_future", (PyCFunction)core_create_future, METH_NOARGS, create_future_doc},
	{"create_task", (PyCFunction)(void (*)(void))core_create_task, METH_FASTCALL | METH_KEYWORDS,
     create_task_doc},
	{NULL},
};

enum { METHODS_MAX = 32 };

/* The methods of all files, combined once. */
static PyMethodDef core_methods[METHODS_MAX];

static void methods_join(void) {
	const PyMethodDef *parts[] = {core_own_methods, core_schedule_methods, core_watch_methods,
	                              core_run_methods};
	size_t count = 0;
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		for (const PyMethodDef *each = parts[i]; each->ml_name; each++) {
			assert(count + 1 < METHODS_MAX);
			core_methods[count++] = *each;
		}
}

PyTypeObject core_type = {
	PyVarObject_HEAD_INIT(NULL, 0).tp_name = "libawait._loop.Core",
	.tp_doc = PyDoc_STR("The C part of libawait.EventLoop: running, scheduling and watching."),
	.tp_basicsize = sizeof(loop_core),
	.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
	.tp_new = core_new,
	.tp_traverse = (traverseproc)core_traverse,
	.tp_clear = (inquiry)core_clear,
	.tp_dealloc = (destructor)core_dealloc,
	.tp_methods = core_methods,
	.tp_members = core_members,
	.tp_getset = core_attributes,
};

int core_ready(PyObject *module) {
	methods_join();
	return PyModule_AddType(module, &core_type);
}
